//! Which statements Postgres refuses inside a transaction block.

use squawk_lexer::TokenKind;

use super::tokens::Cursor;

/// Whether a statement runs only outside a transaction block. Where that depends on what the
/// catalogs hold (a partitioned table in REINDEX) or on what a procedure does, it counts as fit
/// for one.
pub(super) fn needs_autocommit(mut statement: Cursor<'_>) -> bool {
    let verb = statement.word().to_ascii_lowercase();
    statement.bump();
    match verb.as_str() {
        "vacuum" => true,
        "discard" => statement.at("all"),
        "commit" | "rollback" => statement.at("prepared"),
        "create" => create(statement),
        "drop" => {
            at_any(&statement, &["database", "tablespace", "subscription", "index concurrently"])
        }
        "alter" => alter(statement),
        "reindex" | "repack" => reindex(statement),
        "cluster" => clusters_everything(statement),
        _ => false,
    }
}

fn at_any(cursor: &Cursor<'_>, choices: &[&str]) -> bool {
    choices.iter().any(|keywords| cursor.at(keywords))
}

fn create(mut statement: Cursor<'_>) -> bool {
    statement.eat("unique");
    if !statement.at("subscription") {
        return at_any(&statement, &["database", "tablespace", "index concurrently"]);
    }
    // A subscription that makes no slot on the other server leaves nothing that can't be undone.
    statement.seek("with");
    statement.bump();
    let options = statement.group().map_or_else(Vec::new, Cursor::list);
    !options.iter().any(|option| {
        let mut option = Cursor::new(statement.text(), option);
        let slot = option.eat_any(&["create_slot", "connect"]);
        option.eat_kind(TokenKind::Eq);
        slot && matches!(option.word().trim_matches('\''), "false" | "off" | "0" | "no")
    })
}

fn alter(mut statement: Cursor<'_>) -> bool {
    if statement.at("table") {
        return statement.seek("detach partition") && statement.seek("concurrently");
    }
    statement.at("system")
        || (statement.at("database") && statement.clone().seek("set tablespace"))
        || (statement.at("subscription") && statement.seek("publication"))
}

fn reindex(mut statement: Cursor<'_>) -> bool {
    if let Some(mut options) = statement.group()
        && options.seek("concurrently")
    {
        return true;
    }
    at_any(&statement, &["schema", "database", "system"]) || statement.seek("concurrently")
}

/// CLUSTER without a table works through all of them, each in its own transaction.
fn clusters_everything(mut statement: Cursor<'_>) -> bool {
    statement.eat("verbose");
    statement.group();
    statement.peek().is_none()
}
