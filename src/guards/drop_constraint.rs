//! DROP CONSTRAINT without IF EXISTS.
//!
//! # What it proves
//!
//! Every constraint is dropped only where it exists.
//!
//! # Why it matters
//!
//! A second run of the file stops here with `constraint … does not exist` (42704).
//!
//! # Example
//!
//! `ALTER TABLE users DROP CONSTRAINT age;` becomes
//! `ALTER TABLE users DROP CONSTRAINT IF EXISTS age;`

use crate::sql::Change;

use super::alter_table::{offending, repeatable};
use super::site::Site;
use super::{Advice, Guard};

pub(super) const GUARD: Guard = Guard { name: "drop_constraint", advise };

fn advise(site: &Site<'_>) -> Option<Advice> {
    let action =
        offending(site, |change| matches!(change, Change::DropConstraint { guarded: false, .. }))?;
    Some(Advice {
        span: action.span.clone(),
        why: "DROP CONSTRAINT fails where the constraint is gone; IF EXISTS passes over it"
            .to_owned(),
        instead: repeatable(site)?,
    })
}

#[cfg(test)]
pub(super) mod tests {
    use super::super::tests::{Example, check, check_silent};
    use super::*;

    pub(in crate::guards) const EXAMPLES: &[Example] = &[
        (
            "CREATE TABLE t (a int CONSTRAINT c CHECK (a > 0));",
            "ALTER TABLE ONLY t DROP CONSTRAINT c RESTRICT;",
        ),
        (
            "CREATE DOMAIN d AS int CONSTRAINT c CHECK (VALUE > 0);",
            "ALTER DOMAIN d DROP CONSTRAINT c;",
        ),
    ];

    #[test]
    fn constraints() {
        check(
            &GUARD,
            "ALTER TABLE ONLY t DROP CONSTRAINT c RESTRICT",
            "DROP CONSTRAINT c RESTRICT",
            "ALTER TABLE ONLY t DROP CONSTRAINT IF EXISTS c RESTRICT;",
        );
        check(
            &GUARD,
            "ALTER DOMAIN d DROP CONSTRAINT c;",
            "DROP CONSTRAINT c",
            "ALTER DOMAIN d DROP CONSTRAINT IF EXISTS c;",
        );
        check_silent("ALTER TABLE t DROP CONSTRAINT IF EXISTS c;");
    }
}
