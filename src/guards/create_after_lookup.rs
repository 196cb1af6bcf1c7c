//! CREATE of what can neither be replaced nor passed over, and must not be dropped.
//!
//! # What it proves
//!
//! Types, domains, roles, publications, event triggers and foreign-data wrappers are created only
//! where they don't exist.
//!
//! # Why it matters
//!
//! A second run of the file stops here with `type … already exists` (42710). Dropping first is no
//! way out: what uses them would have to go, too.
//!
//! # Example
//!
//! `CREATE TYPE mood AS ENUM ('glad', 'sad');` becomes
//!
//! ```sql
//! DO $$
//! BEGIN
//!   IF to_regtype('mood') IS NULL THEN
//!     CREATE TYPE mood AS ENUM ('glad', 'sad');
//!   END IF;
//! END
//! $$;
//! ```

use crate::sql::{Kind, Object, literal};

use super::block::{conditional, exists};
use super::site::Site;
use super::{Advice, Guard};

pub(super) const GUARD: Guard = Guard { name: "create_after_lookup", advise };

fn advise(site: &Site<'_>) -> Option<Advice> {
    let statement = site.statement;
    let Kind::Create(object) = statement.kind else { return None };
    let name = statement.name.as_ref()?;
    let missing_from =
        |catalog, column| format!("NOT {}", exists(catalog, &[(column, literal(&name.name))]));
    let missing_type = || format!("to_regtype({}) IS NULL", literal(&name.to_string()));
    let (what, condition) = match object {
        Object::Type => ("types", missing_type()),
        Object::Domain => ("domains", missing_type()),
        Object::Role => ("roles", missing_from("pg_roles", "rolname")),
        Object::Publication => ("publications", missing_from("pg_publication", "pubname")),
        Object::EventTrigger => ("event triggers", missing_from("pg_event_trigger", "evtname")),
        Object::ForeignDataWrapper => {
            ("foreign-data wrappers", missing_from("pg_foreign_data_wrapper", "fdwname"))
        }
        _ => return None,
    };
    Some(Advice {
        span: statement.span.clone(),
        why: format!("{what} have no IF NOT EXISTS; guard the statement"),
        instead: conditional(condition, site.with(&[])),
    })
}

#[cfg(test)]
pub(super) mod tests {
    use super::super::tests::{Example, check};
    use super::*;

    pub(in crate::guards) const EXAMPLES: &[Example] = &[
        ("CREATE SCHEMA s;", "CREATE TYPE s.\"Mood\" AS ENUM ('glad');"),
        ("SELECT 1;", "CREATE TYPE pair AS (a int, b int);"),
        ("SELECT 1;", "CREATE TYPE span AS RANGE (subtype = date);"),
        ("SELECT 1;", "CREATE DOMAIN d AS text CHECK (VALUE <> '');"),
        ("SELECT 1;", "CREATE ROLE \"Guarded role\";"),
        ("SELECT 1;", "CREATE PUBLICATION p FOR ALL TABLES;"),
        (
            "CREATE FUNCTION f() RETURNS event_trigger LANGUAGE plpgsql AS 'BEGIN END';",
            "CREATE EVENT TRIGGER e ON ddl_command_end EXECUTE FUNCTION f();",
        ),
        ("SELECT 1;", "CREATE FOREIGN DATA WRAPPER w;"),
    ];

    fn check_condition(statement: &str, condition: &str) {
        let instead =
            format!("DO $$\nBEGIN\n  IF {condition} THEN\n    {statement}\n  END IF;\nEND\n$$;");
        check(&GUARD, statement, statement, &instead);
    }

    #[test]
    fn objects_that_are_looked_up() {
        check_condition("CREATE TYPE mood AS ENUM ('a');", "to_regtype('mood') IS NULL");
        check_condition("CREATE TYPE s.\"P\" AS (a int);", "to_regtype('s.\"P\"') IS NULL");
        check_condition("CREATE DOMAIN d AS text CHECK (VALUE <> '');", "to_regtype('d') IS NULL");
        for create in ["CREATE ROLE App NOLOGIN;", "CREATE USER app;", "CREATE GROUP app;"] {
            check_condition(create, "NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'app')");
        }
        check_condition(
            "CREATE PUBLICATION p FOR ALL TABLES;",
            "NOT EXISTS (SELECT FROM pg_publication WHERE pubname = 'p')",
        );
        check_condition(
            "CREATE EVENT TRIGGER e ON ddl_command_end EXECUTE FUNCTION f();",
            "NOT EXISTS (SELECT FROM pg_event_trigger WHERE evtname = 'e')",
        );
        check_condition(
            "CREATE FOREIGN DATA WRAPPER w;",
            "NOT EXISTS (SELECT FROM pg_foreign_data_wrapper WHERE fdwname = 'w')",
        );
    }
}
