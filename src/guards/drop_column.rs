//! DROP COLUMN without IF EXISTS.
//!
//! # What it proves
//!
//! Every column is dropped only where it exists.
//!
//! # Why it matters
//!
//! A second run of the file stops here with `column … does not exist` (42703).
//!
//! # Example
//!
//! `ALTER TABLE users DROP COLUMN age;` becomes
//! `ALTER TABLE users DROP COLUMN IF EXISTS age;`

use crate::sql::Change;

use super::alter_table::{offending, repeatable};
use super::site::Site;
use super::{Advice, Guard};

pub(super) const GUARD: Guard = Guard { name: "drop_column", advise };

fn advise(site: &Site<'_>) -> Option<Advice> {
    let action =
        offending(site, |change| matches!(change, Change::DropColumn { guarded: false, .. }))?;
    Some(Advice {
        span: action.span.clone(),
        why: "DROP COLUMN fails where the column is gone; IF EXISTS passes over it".to_owned(),
        instead: repeatable(site)?,
    })
}

#[cfg(test)]
pub(super) mod tests {
    use super::super::tests::{Example, check, check_silent};
    use super::*;

    pub(in crate::guards) const EXAMPLES: &[Example] = &[(
        "CREATE TABLE t (a int, b int, c int CONSTRAINT k CHECK (c > 0));",
        "ALTER TABLE t DROP a CASCADE, DROP COLUMN b, DROP CONSTRAINT k;",
    )];

    #[test]
    fn columns() {
        check(
            &GUARD,
            "ALTER TABLE t DROP \"A\" CASCADE;",
            "DROP \"A\" CASCADE",
            "ALTER TABLE t DROP IF EXISTS \"A\" CASCADE;",
        );
        check(
            &GUARD,
            "ALTER TABLE t DROP COLUMN IF EXISTS a, DROP COLUMN b, DROP CONSTRAINT c;",
            "DROP COLUMN b",
            "ALTER TABLE t DROP COLUMN IF EXISTS a, DROP COLUMN IF EXISTS b, \
             DROP CONSTRAINT IF EXISTS c;",
        );
        check_silent("ALTER TABLE t DROP COLUMN IF EXISTS a;");
    }
}
