//! Why a file can't run again, and the way out: what later files took away, what came into a
//! table's place, and what the finished table looks like.
//!
//! Reads texts and the finished catalog, as the check `replay` gives them.

use super::change::{takes_away, unquoted};
use crate::catalog::{Catalog, Identity};
use crate::guards::{self, Column, Key, Table};
use crate::source::Migration;
use crate::sql::{self, Cursor, Kind, Name, Object, Statement, literal, position, quoted};
use crate::trace::Failure;

/// What later files did that an earlier one does not expect when it runs again.
pub(super) fn causes(later: &[Migration], statement: &Statement, failure: &Failure) -> Vec<String> {
    let Some(table) = &statement.table else { return Vec::new() };
    match failure.sqlstate.as_str() {
        // A key, a column or a table that the statement needs.
        "42P10" | "42P01" | "42703" | "42704" => {
            takers(later, &table.name, &format!("take it away from {table}"))
        }
        "23502" => {
            let Some(column) = failure.column.as_deref() else { return Vec::new() };
            let adds = |_: &str, later: &Statement| {
                later.name.as_ref().is_some_and(|name| name.name == table.name)
                    && adds_column(later, column)
            };
            let may = |sql: &str, later: &Statement| {
                later.kind == Kind::Do && has_word(sql, &table.name) && has_word(sql, column)
            };
            let places = places(later, adds, "a later file adds the column");
            if places.is_empty() {
                return self::places(later, may, "a later file may add the column");
            }
            places
        }
        _ => Vec::new(),
    }
}

/// What to do about a failure whose cause is a later file.
pub(super) fn way_out(
    text: &str,
    statement: &Statement,
    failure: &Failure,
    known: Option<&Table>,
    causes: &[String],
) -> Option<String> {
    if statement.kind != Kind::Insert {
        return None;
    }
    let (table, known) = (statement.table.as_ref()?, known?);
    let instead = guards::only_missing(text, statement, known);
    let instead = instead.map_or_else(String::new, |instead| format!(":\n{instead}"));
    match failure.sqlstate.as_str() {
        "42P10" => Some(format!(
            "ON CONFLICT needs a unique key of just its columns at each boot: keep it, or \
                 insert only what is missing, which needs none{instead}"
        )),
        "23502" if !causes.is_empty() => {
            let column = quoted(failure.column.as_deref()?);
            let why =
                if statement.guarded { "NOT NULL is judged before ON CONFLICT: " } else { "" };
            Some(format!(
                "{why}give {table}.{column} a default in the file that adds it (ALTER TABLE \
                 {table} ALTER COLUMN {column} SET DEFAULT …), or insert only the rows that are \
                 missing{instead}"
            ))
        }
        _ => None,
    }
}

/// Which keys an ON CONFLICT could go by that found none.
pub(super) fn keys_now(
    statement: &Statement,
    failure: &Failure,
    known: Option<&Table>,
) -> Option<String> {
    let (table, known) = (statement.table.as_ref()?, known?);
    let keys: Vec<&str> = known.keys.iter().map(|key| key.told.as_str()).collect();
    let keys = if keys.is_empty() { "none".to_owned() } else { keys.join("; ") };
    let missed = failure.sqlstate == "42P10";
    missed.then(|| format!("the unique keys that {table} has in the end: {keys}"))
}

fn adds_column(statement: &Statement, column: &str) -> bool {
    let Kind::Alter { actions, .. } = &statement.kind else { return false };
    actions.iter().any(|action| match &action.change {
        sql::Change::AddColumn { name, .. } => name == column,
        _ => false,
    })
}

/// The later statements that take something away from a table; or else the blocks that may, since
/// what they do can't be read.
pub(super) fn takers(later: &[Migration], table: &str, what: &str) -> Vec<String> {
    let takes = |_: &str, statement: &Statement| takes_away_from(statement, table);
    let may = |sql: &str, statement: &Statement| statement.kind == Kind::Do && has_word(sql, table);
    let verb = what.replacen("take ", "takes ", 1);
    let places = places(later, takes, &format!("a later file {verb}"));
    if places.is_empty() {
        return self::places(later, may, &format!("a later file may {what}"));
    }
    places
}

/// The statements of later files that did something, each as a note.
pub(super) fn places(
    later: &[Migration],
    did: impl Fn(&str, &Statement) -> bool,
    what: &str,
) -> Vec<String> {
    let mut places = Vec::new();
    for file in later.iter().map(|migration| &migration.file) {
        for statement in file.script.statements() {
            if did(&file.text[statement.span.clone()], statement) {
                let line = position(&file.text, statement.span.start).line;
                places.push(format!("{what}: {}:{line}", file.path));
            }
        }
    }
    places
}

/// Whether a name stands in a text as a word of its own.
pub(super) fn has_word(text: &str, name: &str) -> bool {
    let is_part = |c: char| c.is_alphanumeric() || c == '_';
    text.match_indices(name).any(|(start, _)| {
        !text[..start].ends_with(is_part) && !text[start + name.len()..].starts_with(is_part)
    })
}

fn takes_away_from(statement: &Statement, table: &str) -> bool {
    let named = [&statement.name, &statement.table];
    let same = named.into_iter().flatten().any(|name| name.name == table);
    match &statement.kind {
        Kind::Drop(Object::Table | Object::Index | Object::View | Object::Type) => same,
        Kind::Alter { actions, .. } => {
            same && actions.iter().any(|action| takes_away(&action.change))
        }
        _ => false,
    }
}

/// How a table is no longer made once another has come into its place.
pub(super) fn until_succeeded(
    migration: &Migration,
    later: &[Migration],
    catalog: &Catalog,
    revived: &str,
    statement: &Statement,
) -> Option<String> {
    let name = statement.name.as_ref().filter(|name| name.name == unquoted(revived))?;
    let text = &migration.file.text;
    let about = |it: &&Statement| [&it.name, &it.table].into_iter().flatten().any(|on| on == name);
    let all: Vec<&Statement> = migration.file.script.statements().filter(about).collect();
    let in_words = || {
        format!(
            "let the file make {name} only until what a later one leaves in its place is there: \
             IF to_regclass('…') IS NULL"
        )
    };
    let Some(successor) = successor(later, catalog, name) else { return Some(in_words()) };
    if all.iter().any(|it| it.needs_autocommit()) {
        return Some(in_words());
    }
    let condition = format!("to_regclass({}) IS NULL", literal(&successor.to_string()));
    let statements: Vec<String> =
        all.iter().map(|it| format!("{};", text[it.span.clone()].trim_end_matches(';'))).collect();
    let statements: Vec<&str> = statements.iter().map(String::as_str).collect();
    let place = match statements.len() {
        1 => String::new(),
        count => format!(", in place of the file's {count} statements about {name}"),
    };
    let instead = guards::only_if(&condition, &statements);
    Some(format!("make it only until {successor} is there{place}:\n{instead}"))
}

/// What later files call a table, if that can be read from them, and is so in the end.
fn successor(later: &[Migration], catalog: &Catalog, name: &Name) -> Option<Name> {
    let mut current = name.clone();
    for file in later.iter().map(|migration| &migration.file) {
        for statement in file.script.statements() {
            if let Some(to) = renamed(&file.text, statement, &current.name) {
                current.name = to;
            }
        }
    }
    (current != *name && table(catalog, &current).is_some()).then_some(current)
}

/// What a statement renames a table to; a block, too, if it says so in plain words.
fn renamed(text: &str, statement: &Statement, table: &str) -> Option<String> {
    if let Kind::Alter { actions, .. } = &statement.kind {
        let ours = statement.name.as_ref().is_some_and(|name| name.name == table);
        return actions.iter().filter(|_| ours).find_map(|action| match &action.change {
            sql::Change::Rename { to } => Some(to.clone()),
            _ => None,
        });
    }
    let body = body(text, statement)?;
    let tokens = sql::tokens(text, body);
    let mut cursor = Cursor::new(text, &tokens);
    while cursor.peek().is_some() {
        if cursor.eat("alter table") {
            cursor.eat("if exists");
            cursor.eat("only");
            let ours = cursor.clone().name().is_some_and(|name| name.name == table);
            if ours && cursor.name().is_some() && cursor.eat("rename to") {
                return cursor.identifier();
            }
        }
        cursor.bump();
    }
    None
}

/// Where the code of a DO stands.
pub(super) fn body(text: &str, statement: &Statement) -> Option<std::ops::Range<usize>> {
    if statement.kind != Kind::Do {
        return None;
    }
    let tokens = statement.tokens(text);
    let code = tokens.iter().find(|token| text[token.span.clone()].starts_with('$'))?;
    let tag = text[code.span.start + 1..].find('$')? + 2;
    Some(code.span.start + tag..code.span.end.checked_sub(tag)?)
}

/// How what is dropped is dropped only where it is added again.
pub(super) fn kept(
    migration: &Migration,
    lost: &Identity,
    statement: &Statement,
) -> Option<String> {
    let only_drops = match &statement.kind {
        Kind::Alter { actions, .. } => actions.iter().all(|action| takes_away(&action.change)),
        Kind::Drop(_) => true,
        _ => return None,
    };
    let text = &migration.file.text;
    let following = |it: &&Statement| it.span.start > statement.span.start;
    let added = migration
        .file
        .script
        .statements()
        .filter(following)
        .find_map(|block| Some((block, adding(text, block, lost)?)));
    let Some((block, offset)) = added.filter(|_| only_drops) else {
        return Some(format!(
            "what is dropped at each boot must be added at each boot: drop {} under the condition \
             under which it is added again, or do both in one step",
            lost.short_name()
        ));
    };
    let line = position(text, block.span.start).line;
    let drop = text[statement.span.clone()].trim_end_matches(';');
    let start = text[..offset].rfind('\n').map_or(0, |newline| newline + 1);
    let indent = if text[start..offset].trim().is_empty() { &text[start..offset] } else { "" };
    Some(format!(
        "drop it only where it is added again, in place of this and of the block in line {line}:\n\
         {}{drop};\n{indent}{}",
        &text[block.span.start..offset],
        &text[offset..block.span.end]
    ))
}

/// Where in a block the statement begins that adds something to a table.
fn adding(text: &str, block: &Statement, lost: &Identity) -> Option<usize> {
    let tokens = sql::tokens(text, body(text, block)?);
    let mut cursor = Cursor::new(text, &tokens);
    let name = unquoted(lost.short_name());
    let mut start = None;
    while cursor.peek().is_some() {
        if ["alter table", "create index", "create unique index"].iter().any(|it| cursor.at(it)) {
            start = Some(cursor.offset());
        }
        let mut named = cursor.clone();
        let adds = named.eat_any(&["add constraint", "index if not exists", "index"])
            && named.identifier().is_some_and(|it| it == name);
        if adds || (lost.kind() == "primary key" && cursor.at("add primary key")) {
            return start;
        }
        cursor.bump();
    }
    None
}

/// What the catalog says of the table that a statement writes or alters.
pub(super) fn table_of(catalog: &Catalog, statement: &Statement) -> Option<Table> {
    table(catalog, statement.table.as_ref()?)
}

/// Of several of the same name, the one in `public`.
fn table(catalog: &Catalog, name: &Name) -> Option<Table> {
    let any = format!(".{}", Name { schema: None, name: name.name.clone() });
    let given = match &name.schema {
        Some(_) => name.to_string(),
        None => format!("public{any}"),
    };
    let tables = || catalog.objects.keys().filter(|identity| identity.kind() == "table");
    let found = tables().find(|identity| identity.name() == given).or_else(|| {
        tables().find(|identity| name.schema.is_none() && identity.name().ends_with(&any))
    })?;
    let columns = catalog.columns(found.name()).into_iter().map(|(identity, column)| Column {
        name: unquoted(identity.short_name()),
        of_type: column.get("type").unwrap_or_default().to_owned(),
        required: column.get("not null").is_some(),
        default: column.get("default").map(str::to_owned),
        identity: column.get("identity").is_some(),
    });
    let ours = catalog
        .objects
        .iter()
        .filter(|(identity, _)| identity.is_child() && identity.root() == found.name());
    let mut keys: Vec<_> = ours
        .filter_map(|(identity, object)| {
            Some((identity.kind() != "primary key", Key::read(object.get("definition")?)?))
        })
        .collect();
    keys.sort_by_key(|(is_other, _)| *is_other);
    let keys = keys.into_iter().map(|(_, key)| key).collect();
    Some(Table { columns: columns.collect(), keys })
}

#[cfg(test)]
pub(super) mod tests {
    use std::sync::Arc;

    use pretty_assertions::assert_eq;

    use super::*;
    use crate::source::SourceFile;
    use crate::sql::Script;
    use crate::trace::{Cause, Point};

    pub(in crate::checks) fn migration(text: &str) -> Migration {
        let (text, script) = (Arc::from(text), Script::parse(text));
        let file = SourceFile { path: "later.sql".to_owned(), text, script };
        Migration::whole("2", "later", file)
    }

    /// Objects with their kind, their name and their attributes: `position: 1; type: text`.
    pub(in crate::checks) fn catalog(objects: &[(&str, &str, &str)]) -> Catalog {
        let mut catalog = Catalog::default();
        for (kind, name, attributes) in objects {
            let identity = Identity::new(kind, *name).expect("a kind of object");
            let attributes = attributes.split("; ").filter_map(|pair| pair.split_once(": "));
            let attributes = attributes.map(|(name, value)| (name.to_owned(), value.to_owned()));
            catalog.objects.entry(identity).or_default().attributes =
                Arc::new(attributes.collect());
        }
        catalog
    }

    pub(in crate::checks) fn failure(sqlstate: &str) -> Failure {
        Failure {
            sqlstate: sqlstate.to_owned(),
            column: Some("b".to_owned()),
            ..Failure::new(Point::Statement(0), Cause::Postgres, "")
        }
    }

    /// What a later file has to do with the failure of an INSERT INTO t.
    fn check_cause(sqlstate: &str, later: &str, cause: &str) {
        let insert = migration("INSERT INTO t (a) VALUES (1);");
        let statement = insert.file.script.statements().next().expect("a statement");
        let causes = causes(&[migration(later)], statement, &failure(sqlstate));
        let expect = if cause.is_empty() { vec![] } else { vec![format!("a later file {cause}")] };
        assert_eq!(causes, expect, "{later}");
    }

    #[test]
    fn later_files_are_causes() {
        let key = "ALTER TABLE t DROP CONSTRAINT k;";
        check_cause("42P10", key, "takes it away from t: later.sql:1");
        check_cause("42P10", "ALTER TABLE t ADD CONSTRAINT k UNIQUE (a);", "");
        check_cause("42P10", "DO 'ALTER TABLE t …';", "may take it away from t: later.sql:1");
        check_cause("42P10", &format!("DO 't';\n{key}"), "takes it away from t: later.sql:2");
        check_cause("42P01", "DO 'ALTER TABLE tt …';", "");
        check_cause("23502", "\nALTER TABLE t ADD b int;", "adds the column: later.sql:2");
        check_cause("23502", "DO 'ALTER TABLE t ADD b';", "may add the column: later.sql:1");
        check_cause("23502", "ALTER TABLE t ADD c int; ALTER TABLE u ADD b int;", "");
        check_cause("23505", key, "");
    }

    /// What becomes of a table `t` in later files, if the last name is in the catalog.
    fn check_successor(later: &str, expect: Option<&str>) {
        let catalog = catalog(&[("table", "public.u", "")]);
        let name = Name { schema: None, name: "t".to_owned() };
        let successor = successor(&[migration(later)], &catalog, &name);
        assert_eq!(successor.map(|name| name.to_string()).as_deref(), expect, "{later}");
    }

    #[test]
    fn renames_are_followed() {
        check_successor("ALTER TABLE t RENAME TO u;", Some("u"));
        check_successor("ALTER TABLE t RENAME TO x; ALTER TABLE x RENAME TO u;", Some("u"));
        check_successor("DO $$ BEGIN ALTER TABLE IF EXISTS t RENAME TO u; END $$;", Some("u"));
        check_successor("DO $x$ BEGIN ALTER TABLE ttt RENAME TO u; END $x$;", None);
        check_successor("ALTER TABLE t RENAME TO w;", None);
        check_successor("ALTER TABLE t RENAME a TO u;", None);
    }

    #[test]
    fn a_table_is_known_by_its_columns_and_keys() {
        let catalog = catalog(&[
            ("table", "public.\"T\"", ""),
            ("column", "public.\"T\".b", "position: 2; type: text"),
            ("column", "public.\"T\".a", "position: 1; identity: always"),
            ("unique constraint", "public.\"T\".k", "definition: UNIQUE (b)"),
            ("primary key", "public.\"T\".p", "definition: PRIMARY KEY (a)"),
        ]);
        let name =
            |schema: Option<&str>| Name { schema: schema.map(str::to_owned), name: "T".to_owned() };
        let known = table(&catalog, &name(None)).expect("the table");
        let columns: Vec<_> =
            known.columns.iter().map(|it| (it.name.as_str(), it.identity)).collect();
        let keys: Vec<_> = known.keys.iter().map(|key| key.told.as_str()).collect();
        assert_eq!((columns, keys), (vec![("a", true), ("b", false)], vec!["(a)", "(b)"]));
        assert_eq!(table(&catalog, &name(Some("other"))), None);
    }
}
