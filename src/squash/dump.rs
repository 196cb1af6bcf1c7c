//! What `pg_dump` says of a database, as the statements of a baseline.
//!
//! A dump is written for `psql` and a superuser, and a baseline for a migration tool and the owner
//! of the database. What tells the two apart is left out here, and nothing else: what the session
//! is told, who owns what anyway, and where sequences stand that were never used. All names in a
//! dump are qualified, so the baseline leaves the search path alone. Knows text only.

use crate::sql::{Kind, Object, Script, Statement, Token, TokenKind, literal};
use crate::{Error, Result};

/// What of a dump is the database's own business, and not the schema's.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Setting<'a> {
    /// Who has played the chain, and plays the baseline.
    pub(crate) player: &'a str,
    /// Whether the chain itself says something about extensions: otherwise it is their own words.
    pub(crate) has_extension_comments: bool,
}

/// The statements of a dump, each with its semicolon, as a migration would say them.
pub(crate) fn statements(dump: &str, setting: Setting<'_>) -> Result<Vec<String>> {
    let script = Script::parse(dump);
    let starts = sequence_starts(dump, &script);
    let mut statements = Vec::new();
    for statement in script.statements() {
        let text = &dump[statement.span.clone()];
        if matches!(statement.kind, Kind::Transaction(_)) {
            return Err(Error::new("the chain makes large objects, which a baseline can't hold")
                .help("keep them in a table, as bytea, and squash then"));
        }
        let is_left_out = is_of_session(statement, text)
            || is_given(statement, text, setting)
            || is_unused_sequence(text, &starts);
        if !is_left_out {
            statements.push(without_player(statement, dump, setting.player));
        }
    }
    Ok(statements)
}

/// Whether a statement only prepares the session of whoever loads the dump.
fn is_of_session(statement: &Statement, text: &str) -> bool {
    match &statement.kind {
        Kind::Set { setting, .. } => {
            // Objects elsewhere than usual need these two.
            let usual = ["= ''", "= heap"].iter().any(|usual| text.contains(usual));
            usual || !["default_tablespace", "default_table_access_method"].contains(&&**setting)
        }
        Kind::Select => text.contains("pg_catalog.set_config('search_path'"),
        _ => false,
    }
}

/// Whether a statement says what is so anyway where the player makes the objects.
fn is_given(statement: &Statement, text: &str, setting: Setting<'_>) -> bool {
    let words = text.trim_end_matches(';');
    let owner = words.rsplit_once(" OWNER TO ").map(|(_, owner)| unquoted(owner));
    match &statement.kind {
        Kind::Alter { .. } | Kind::Other => owner.is_some_and(|owner| owner == setting.player),
        Kind::Create(Object::Schema) => words == "CREATE SCHEMA public",
        Kind::Comment => {
            text.starts_with("COMMENT ON EXTENSION ") && !setting.has_extension_comments
        }
        _ => false,
    }
}

fn unquoted(identifier: &str) -> String {
    let inner = identifier.strip_prefix('"').and_then(|rest| rest.strip_suffix('"'));
    inner.map_or_else(|| identifier.to_owned(), |inner| inner.replace("\"\"", "\""))
}

/// The sequences that a dump makes, as it writes their names, and where they start.
fn sequence_starts<'a>(dump: &'a str, script: &Script) -> Vec<(&'a str, &'a str)> {
    let marks = ["CREATE SEQUENCE ", "CREATE UNLOGGED SEQUENCE ", "SEQUENCE NAME "];
    let texts = script.statements().map(|statement| &dump[statement.span.clone()]);
    let starts = texts.filter_map(|text| {
        let name = marks.iter().find_map(|mark| Some(text.split_once(mark)?.1))?;
        let (_, start) = name.split_once("START WITH ")?;
        Some((name.lines().next()?, start.split_whitespace().next()?))
    });
    starts.collect()
}

/// Whether a statement puts a sequence to where it is when it is made.
fn is_unused_sequence(text: &str, starts: &[(&str, &str)]) -> bool {
    let Some(call) = text.strip_prefix("SELECT pg_catalog.setval(") else { return false };
    let call = call.trim_end_matches([')', ';']);
    starts.iter().any(|(name, start)| call == format!("{}, {start}, false", literal(name)))
}

/// A statement in which whoever plays it stands for the role that has played the chain.
fn without_player(statement: &Statement, dump: &str, player: &str) -> String {
    let text = &dump[statement.span.clone()];
    let names_roles = matches!(statement.kind, Kind::Grant | Kind::Revoke | Kind::Other)
        || matches!(statement.kind, Kind::Alter { .. } | Kind::Create(Object::Policy))
        || text.starts_with("ALTER DEFAULT PRIVILEGES");
    if !names_roles || !text.contains(player) {
        return text.to_owned();
    }
    let tokens = statement.tokens(dump);
    let word = |token: &Token| &dump[token.span.clone()];
    let is_identifier =
        |token: &Token| matches!(token.kind, TokenKind::Ident | TokenKind::QuotedIdent { .. });
    let mut rewritten = String::new();
    let mut end = statement.span.start;
    for (at, token) in tokens.iter().enumerate() {
        let follows = at.checked_sub(1).map_or("", |before| word(&tokens[before]));
        let is_role = ["TO", "FROM", "ROLE", "BY", ","].contains(&follows);
        if !is_role || !is_identifier(token) || unquoted(word(token)) != player {
            continue;
        }
        // One's own default privileges need not be told whose they are.
        let is_for_role = follows == "ROLE" && at > 1 && word(&tokens[at - 2]) == "FOR";
        let (from, instead) = if is_for_role {
            (tokens[at - 2].span.start, "")
        } else {
            (token.span.start, "CURRENT_USER")
        };
        rewritten.push_str(&dump[end..from]);
        rewritten.push_str(instead);
        end = token.span.end;
        if is_for_role {
            end += usize::from(dump[end..].starts_with(' '));
        }
    }
    rewritten.push_str(&dump[end..statement.span.end]);
    rewritten
}

#[cfg(test)]
mod tests {
    use super::*;

    const SETTING: Setting<'_> =
        Setting { player: "rehearsal_owner", has_extension_comments: false };

    fn check(dump: &str, expected: &[&str]) {
        let statements = statements(dump, SETTING).expect("it is a dump");
        assert_eq!(statements, expected, "{dump}");
    }

    #[test]
    fn what_is_said_to_the_session_is_left_out() {
        check(
            "--\n-- PostgreSQL database dump\n--\n\n\\restrict abc\n\nSET statement_timeout = 0;\n\
             SELECT pg_catalog.set_config('search_path', '', false);\n\
             SET default_tablespace = '';\n\nSET default_table_access_method = heap;\n\n\
             -- Name: users; Type: TABLE\nCREATE TABLE public.users (\n    id integer\n);\n\n\
             \\unrestrict abc\n",
            &["CREATE TABLE public.users (\n    id integer\n);"],
        );
        check("SET default_tablespace = fast;", &["SET default_tablespace = fast;"]);
    }

    #[test]
    fn the_player_owns_what_it_makes_anyway() {
        check("ALTER TABLE public.users OWNER TO rehearsal_owner;", &[]);
        check("ALTER FUNCTION public.f(a integer) OWNER TO rehearsal_owner;", &[]);
        let other = "ALTER TABLE public.users OWNER TO app;";
        check(other, &[other]);
        check(
            "GRANT SELECT ON TABLE public.users TO rehearsal_owner;",
            &["GRANT SELECT ON TABLE public.users TO CURRENT_USER;"],
        );
        check(
            "ALTER DEFAULT PRIVILEGES FOR ROLE rehearsal_owner IN SCHEMA public GRANT SELECT ON \
             TABLES TO app;",
            &["ALTER DEFAULT PRIVILEGES IN SCHEMA public GRANT SELECT ON TABLES TO app;"],
        );
    }

    #[test]
    fn words_of_extensions_are_their_own() {
        check("COMMENT ON EXTENSION pgcrypto IS 'cryptographic functions';", &[]);
        check(
            "COMMENT ON TABLE public.a IS 'OWNER TO rehearsal_owner';",
            &["COMMENT ON TABLE public.a IS 'OWNER TO rehearsal_owner';"],
        );
    }

    #[test]
    fn a_sequence_that_was_used_keeps_its_place() {
        let create = "CREATE SEQUENCE public.s\n    START WITH 5\n    INCREMENT BY 1;";
        let check = |value: &str, kept: bool| {
            let call = format!("SELECT pg_catalog.setval('public.s', {value});");
            let expected = if kept { vec![create, &call] } else { vec![create] };
            check(&format!("{create}\n{call}"), &expected);
        };
        check("5, false", false);
        check("5, true", true);
        check("7, false", true);
    }

    #[test]
    fn large_objects_are_refused() {
        assert!(
            statements("BEGIN;\nSELECT pg_catalog.lo_open('1', 131072);\nCOMMIT;", SETTING)
                .is_err()
        );
    }
}
