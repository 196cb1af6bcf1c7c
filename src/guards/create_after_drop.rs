//! CREATE of what can neither be replaced nor passed over, but costs nothing to drop.
//!
//! # What it proves
//!
//! Policies and constraint triggers are dropped, if they exist, before they are created.
//!
//! # Why it matters
//!
//! A second run of the file stops here with `policy … already exists` (42710).
//!
//! # Example
//!
//! `CREATE POLICY own ON notes USING (owner = current_user);` becomes
//!
//! ```sql
//! DROP POLICY IF EXISTS own ON notes;
//! CREATE POLICY own ON notes USING (owner = current_user);
//! ```

use crate::sql::{Cursor, Kind, Object};

use super::site::Site;
use super::{Advice, Guard};

pub(super) const GUARD: Guard = Guard { name: "create_after_drop", advise };

fn advise(site: &Site<'_>) -> Option<Advice> {
    let statement = site.statement;
    let (keyword, what) = match statement.kind {
        Kind::Create(Object::Policy) => ("POLICY", "policies have neither IF NOT EXISTS nor"),
        Kind::Create(Object::Trigger) if is_constraint(site) => {
            ("TRIGGER", "constraint triggers have neither IF NOT EXISTS nor")
        }
        _ => return None,
    };
    let name = statement.name.as_ref()?;
    let table = statement.table.as_ref()?;
    Some(Advice {
        span: statement.span.clone(),
        why: format!("{what} OR REPLACE; drop it first"),
        instead: format!("DROP {keyword} IF EXISTS {name} ON {table};\n{}", site.with(&[])),
    })
}

/// Whether a CREATE TRIGGER is a CREATE CONSTRAINT TRIGGER, which no OR REPLACE redefines.
pub(super) fn is_constraint(site: &Site<'_>) -> bool {
    let tokens = site.statement.tokens(site.text);
    let mut cursor = Cursor::new(site.text, &tokens);
    cursor.eat("create");
    cursor.eat("or replace");
    cursor.at("constraint trigger")
}

#[cfg(test)]
pub(super) mod tests {
    use super::super::tests::{Example, check, check_silent};
    use super::*;

    pub(in crate::guards) const EXAMPLES: &[Example] = &[
        ("CREATE TABLE t (a int);", "CREATE POLICY \"own rows\" ON t USING (a = 1);"),
        (
            "CREATE TABLE t (a int); CREATE FUNCTION f() RETURNS trigger LANGUAGE plpgsql AS \
             'BEGIN RETURN NULL; END';",
            "CREATE CONSTRAINT TRIGGER g AFTER INSERT ON t DEFERRABLE FOR EACH ROW EXECUTE \
             FUNCTION f();",
        ),
    ];

    #[test]
    fn policies_and_constraint_triggers() {
        let policy = "CREATE POLICY \"own rows\" ON s.t USING (a = 1);";
        check(
            &GUARD,
            policy,
            policy,
            &format!("DROP POLICY IF EXISTS \"own rows\" ON s.t;\n{policy}"),
        );
        let trigger = "CREATE CONSTRAINT TRIGGER g AFTER INSERT ON t DEFERRABLE FOR EACH ROW \
                       EXECUTE FUNCTION f();";
        check(&GUARD, trigger, trigger, &format!("DROP TRIGGER IF EXISTS g ON t;\n{trigger}"));
        check_silent(&format!("DROP POLICY IF EXISTS \"own rows\" ON s.t; {policy}"));
    }
}
