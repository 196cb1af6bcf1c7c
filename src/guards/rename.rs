//! RENAME and SET SCHEMA, for which SQL has no IF EXISTS that looks at the old name.
//!
//! # What it proves
//!
//! Things are renamed and moved only where they still have their old name.
//!
//! # Why it matters
//!
//! A second run of the file stops here with `column … does not exist` (42703).
//!
//! # Example
//!
//! `ALTER TABLE users RENAME COLUMN mail TO email;` becomes
//!
//! ```sql
//! DO $$
//! BEGIN
//!   IF EXISTS (SELECT FROM pg_attribute
//!              WHERE attrelid = 'users'::regclass AND attname = 'mail') THEN
//!     ALTER TABLE users RENAME COLUMN mail TO email;
//!   END IF;
//! END
//! $$;
//! ```

use crate::sql::{Change, Cursor, Kind, Name, Object, literal};

use super::alter_table::of;
use super::block::{conditional, constant, exists};
use super::site::{Site, Thing};
use super::{Advice, Guard};

pub(super) const GUARD: Guard = Guard { name: "rename", advise };

fn advise(site: &Site<'_>) -> Option<Advice> {
    let statement = site.statement;
    let Kind::Alter { object, actions } = &statement.kind else { return None };
    let [action] = actions.as_slice() else { return None };
    let owner = statement.name.as_ref()?;
    let condition = match &action.change {
        // IF EXISTS does look at an object's own name.
        Change::Rename { .. } | Change::SetSchema { .. } if statement.guarded => return None,
        Change::Rename { .. } | Change::SetSchema { .. } => object_exists(site, *object, owner)?,
        Change::RenameColumn { from, .. } => {
            if site.is_passing(&Thing::column(statement, from)?) {
                return None;
            }
            column_exists(site, owner, from)
        }
        Change::RenameAttribute { from, .. } => column_exists(site, owner, from),
        Change::RenameConstraint { from, .. } => {
            if site.is_passing(&Thing::constraint(statement, from)?) {
                return None;
            }
            let conditions = [("conname", literal(from)), of(*object, statement, owner)];
            exists("pg_constraint", &conditions)
        }
        Change::RenameValue { from, .. } => exists(
            "pg_enum",
            &[("enumtypid", constant(owner, "regtype")), ("enumlabel", literal(from))],
        ),
        _ => return None,
    };
    let moves = matches!(action.change, Change::SetSchema { .. });
    let verb = if moves { "SET SCHEMA" } else { "RENAME" };
    Some(Advice {
        span: action.span.clone(),
        why: format!("{verb} fails where it was done before; look for the old name first"),
        instead: conditional(condition, site.with(&[])),
    })
}

fn column_exists(site: &Site<'_>, owner: &Name, column: &str) -> String {
    let owner = if site.statement.guarded {
        format!("to_regclass({})", literal(&owner.to_string()))
    } else {
        constant(owner, "regclass")
    };
    exists("pg_attribute", &[("attrelid", owner), ("attname", literal(column))])
}

fn object_exists(site: &Site<'_>, object: Object, name: &Name) -> Option<String> {
    let resolves = |function| format!("{function}({}) IS NOT NULL", literal(&name.to_string()));
    let known = |catalog, column| exists(catalog, &[(column, literal(&name.name))]);
    let known_on = |catalog, column, on| {
        let table = constant(site.statement.table.as_ref()?, "regclass");
        Some(exists(catalog, &[(column, literal(&name.name)), (on, table)]))
    };
    Some(match object {
        Object::ForeignTable
        | Object::Index
        | Object::MaterializedView
        | Object::Sequence
        | Object::Table
        | Object::View => resolves("to_regclass"),
        Object::Domain | Object::Type => resolves("to_regtype"),
        Object::Schema => resolves("to_regnamespace"),
        Object::Function | Object::Procedure | Object::Routine => {
            let signature = signature(site, name)?;
            format!("to_regprocedure({}) IS NOT NULL", literal(&signature))
        }
        Object::Publication => known("pg_publication", "pubname"),
        Object::Role => known("pg_roles", "rolname"),
        Object::Server => known("pg_foreign_server", "srvname"),
        Object::Policy => known_on("pg_policy", "polname", "polrelid")?,
        Object::Rule => known_on("pg_rewrite", "rulename", "ev_class")?,
        Object::Trigger => known_on("pg_trigger", "tgname", "tgrelid")?,
        _ => return None,
    })
}

/// A function's name with its arguments as the statement gives them.
fn signature(site: &Site<'_>, name: &Name) -> Option<String> {
    let tokens = site.statement.tokens(site.text);
    let mut cursor = Cursor::new(site.text, &tokens);
    cursor.seek_where(Cursor::at_group);
    let start = cursor.offset();
    let group = cursor.group()?;
    let end = group.rest().last().map_or(start + 1, |token| token.span.end);
    Some(format!("{name}{})", &site.text[start..end]))
}

#[cfg(test)]
pub(super) mod tests {
    use super::super::tests::{Example, check, check_silent, hung};
    use super::*;

    pub(in crate::guards) const EXAMPLES: &[Example] = &[
        ("CREATE TABLE t (a int);", "ALTER TABLE t RENAME a TO \"B\";"),
        (
            "CREATE TABLE t (a int CONSTRAINT c CHECK (a > 0));",
            "ALTER TABLE t RENAME CONSTRAINT c TO d;",
        ),
        ("CREATE TYPE y AS (a int);", "ALTER TYPE y RENAME ATTRIBUTE a TO b;"),
        ("CREATE TYPE y AS ENUM ('it''s');", "ALTER TYPE y RENAME VALUE 'it''s' TO 'b';"),
        ("CREATE TABLE \"T\" ();", "ALTER TABLE \"T\" RENAME TO u;"),
        ("CREATE VIEW v AS SELECT 1 AS a;", "ALTER VIEW v RENAME a TO b;"),
        ("CREATE TABLE t (a int); CREATE INDEX i ON t (a);", "ALTER INDEX i RENAME TO j;"),
        ("CREATE SCHEMA s; CREATE TABLE t ();", "ALTER TABLE t SET SCHEMA s;"),
        ("CREATE TYPE y AS ENUM ();", "ALTER TYPE y RENAME TO z;"),
        (
            "CREATE DOMAIN d AS int CONSTRAINT c CHECK (VALUE > 0);",
            "ALTER DOMAIN d RENAME CONSTRAINT c TO e;",
        ),
        ("CREATE SCHEMA s;", "ALTER SCHEMA s RENAME TO z;"),
        (
            "CREATE FUNCTION f(int, varchar) RETURNS int RETURN 1;",
            "ALTER FUNCTION f(int, character varying) RENAME TO g;",
        ),
        ("CREATE ROLE guarded_a;", "ALTER ROLE guarded_a RENAME TO guarded_b;"),
        ("CREATE TABLE t (); CREATE POLICY p ON t;", "ALTER POLICY p ON t RENAME TO q;"),
        (
            "CREATE TABLE t (a int); CREATE RULE r AS ON INSERT TO t DO NOTHING;",
            "ALTER RULE r ON t RENAME TO q;",
        ),
        (
            "CREATE TABLE t (a int); CREATE FUNCTION f() RETURNS trigger LANGUAGE plpgsql AS \
             'BEGIN RETURN NULL; END'; CREATE TRIGGER g BEFORE UPDATE ON t EXECUTE FUNCTION \
             f();",
            "ALTER TRIGGER g ON t RENAME TO h;",
        ),
    ];

    /// An ALTER, its offending part after a `|`.
    fn check_condition(marked: &str, condition: &str) {
        let (head, action) = marked.split_once('|').expect("a mark");
        let condition = hung(condition);
        let instead = format!(
            "DO $$\nBEGIN\n  IF {condition} THEN\n    {head}{action};\n  END IF;\nEND\n$$;"
        );
        check(&GUARD, &format!("{head}{action};"), action, &instead);
    }

    #[test]
    fn parts() {
        let column = "EXISTS (SELECT FROM pg_attribute WHERE attrelid = 's.t'::regclass \
                      AND attname = 'A')";
        check_condition("ALTER TABLE s.t |RENAME COLUMN \"A\" TO b", column);
        check_condition("ALTER VIEW s.t |RENAME \"A\" TO b", column);
        check_condition("ALTER TYPE s.t |RENAME ATTRIBUTE \"A\" TO b", column);
        check_condition(
            "ALTER TABLE IF EXISTS t |RENAME a TO b",
            "EXISTS (SELECT FROM pg_attribute WHERE attrelid = to_regclass('t') \
             AND attname = 'a')",
        );
        check_condition(
            "ALTER TABLE t |RENAME CONSTRAINT a TO b",
            "EXISTS (SELECT FROM pg_constraint WHERE conname = 'a' AND conrelid = 't'::regclass)",
        );
        check_condition(
            "ALTER TYPE y |RENAME VALUE 'it''s' TO 'b'",
            "EXISTS (SELECT FROM pg_enum WHERE enumtypid = 'y'::regtype AND enumlabel = 'it''s')",
        );
    }

    #[test]
    fn objects() {
        for object in ["TABLE", "VIEW", "INDEX", "SEQUENCE", "MATERIALIZED VIEW"] {
            let alter = format!("ALTER {object} s.\"T\" |RENAME TO u");
            check_condition(&alter, "to_regclass('s.\"T\"') IS NOT NULL");
        }
        check_condition("ALTER TABLE a.t |SET SCHEMA b", "to_regclass('a.t') IS NOT NULL");
        check_condition("ALTER TYPE y |RENAME TO z", "to_regtype('y') IS NOT NULL");
        check_condition("ALTER SCHEMA s |RENAME TO z", "to_regnamespace('s') IS NOT NULL");
        check_condition(
            "ALTER FUNCTION f(int, character varying) |RENAME TO g",
            "to_regprocedure('f(int, character varying)') IS NOT NULL",
        );
        check_condition("ALTER PROCEDURE p() |RENAME TO q", "to_regprocedure('p()') IS NOT NULL");
        check_condition(
            "ALTER ROLE a |RENAME TO b",
            "EXISTS (SELECT FROM pg_roles WHERE rolname = 'a')",
        );
        check_condition(
            "ALTER POLICY p ON t |RENAME TO q",
            "EXISTS (SELECT FROM pg_policy WHERE polname = 'p' AND polrelid = 't'::regclass)",
        );
        check_condition(
            "ALTER TRIGGER g ON t |RENAME TO h",
            "EXISTS (SELECT FROM pg_trigger WHERE tgname = 'g' AND tgrelid = 't'::regclass)",
        );
        check_condition(
            "ALTER RULE r ON t |RENAME TO q",
            "EXISTS (SELECT FROM pg_rewrite WHERE rulename = 'r' AND ev_class = 't'::regclass)",
        );
        check_silent("ALTER TABLE IF EXISTS a RENAME TO b;");
        check_silent("ALTER EXTENSION e SET SCHEMA s;");
    }
}
