//! ALTER TYPE … ADD VALUE without IF NOT EXISTS.
//!
//! # What it proves
//!
//! Every value is added only to an enum that doesn't have it.
//!
//! # Why it matters
//!
//! A second run of the file stops here with `enum label … already exists` (42710).
//!
//! # Example
//!
//! `ALTER TYPE mood ADD VALUE 'glad';` becomes `ALTER TYPE mood ADD VALUE IF NOT EXISTS 'glad';`

use crate::sql::Change;

use super::alter_table::offending;
use super::site::Site;
use super::{Advice, Guard};

pub(super) const GUARD: Guard = Guard { name: "add_enum_value", advise };

fn advise(site: &Site<'_>) -> Option<Advice> {
    let action =
        offending(site, |change| matches!(change, Change::AddValue { guarded: false, .. }))?;
    let Change::AddValue { name_at, .. } = action.change else { return None };
    Some(Advice {
        span: action.span.clone(),
        why: "ADD VALUE fails where the enum has the value; IF NOT EXISTS passes over it"
            .to_owned(),
        instead: site.with(&[(name_at, "IF NOT EXISTS ")]),
    })
}

#[cfg(test)]
pub(super) mod tests {
    use super::super::tests::{Example, check, check_silent};
    use super::*;

    pub(in crate::guards) const EXAMPLES: &[Example] =
        &[("CREATE TYPE mood AS ENUM ('sad');", "ALTER TYPE mood ADD VALUE 'glad' BEFORE 'sad';")];

    #[test]
    fn enum_values() {
        check(
            &GUARD,
            "ALTER TYPE s.mood ADD VALUE 'glad' BEFORE 'sad';",
            "ADD VALUE 'glad' BEFORE 'sad'",
            "ALTER TYPE s.mood ADD VALUE IF NOT EXISTS 'glad' BEFORE 'sad';",
        );
        check_silent("ALTER TYPE mood ADD VALUE IF NOT EXISTS 'glad';");
        check_silent("ALTER TYPE pair ADD ATTRIBUTE a int;");
    }
}
