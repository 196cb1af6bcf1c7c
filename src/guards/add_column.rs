//! ADD COLUMN without IF NOT EXISTS.
//!
//! # What it proves
//!
//! Every column is added only where it's missing.
//!
//! # Why it matters
//!
//! A second run of the file stops here with `column … already exists` (42701), and what follows in
//! it is never executed.
//!
//! # Example
//!
//! `ALTER TABLE users ADD COLUMN email text;` becomes
//! `ALTER TABLE users ADD COLUMN IF NOT EXISTS email text;`

use crate::sql::Change;

use super::alter_table::{offending, repeatable};
use super::site::Site;
use super::{Advice, Guard};

pub(super) const GUARD: Guard = Guard { name: "add_column", advise };

fn advise(site: &Site<'_>) -> Option<Advice> {
    let action =
        offending(site, |change| matches!(change, Change::AddColumn { guarded: false, .. }))?;
    Some(Advice {
        span: action.span.clone(),
        why: "ADD COLUMN fails where the column exists; IF NOT EXISTS passes over it".to_owned(),
        instead: repeatable(site)?,
    })
}

#[cfg(test)]
pub(super) mod tests {
    use super::super::tests::{Example, check, check_silent};
    use super::*;

    pub(in crate::guards) const EXAMPLES: &[Example] = &[
        ("CREATE TABLE users ();", "ALTER TABLE users ADD COLUMN email text UNIQUE;"),
        (
            "CREATE TABLE \"T\" (c int);",
            "ALTER TABLE \"T\" ADD a serial, ADD CONSTRAINT k CHECK (a > 0), DROP c;",
        ),
    ];

    #[test]
    fn columns() {
        check(
            &GUARD,
            "ALTER TABLE users ADD COLUMN email text;",
            "ADD COLUMN email text",
            "ALTER TABLE users ADD COLUMN IF NOT EXISTS email text;",
        );
        check(
            &GUARD,
            "alter table only public.\"T\" add a int, add column if not exists b int, drop c",
            "add a int",
            "alter table only public.\"T\" add IF NOT EXISTS a int, \
             add column if not exists b int, drop IF EXISTS c;",
        );
        check(
            &GUARD,
            "ALTER TABLE t\n  ADD a int, -- first\n  ADD CONSTRAINT c CHECK (a > 0),\n  \
             ALTER b SET NOT NULL;",
            "ADD a int",
            "DO $$\nBEGIN\n  ALTER TABLE t\n    ADD IF NOT EXISTS a int, ALTER b SET NOT NULL;\n  \
             IF NOT EXISTS (SELECT FROM pg_constraint\n                  WHERE conname = 'c'\n\
             \x20                   AND conrelid = 't'::regclass) THEN\n    ALTER TABLE t\n      \
             ADD CONSTRAINT c CHECK (a > 0);\n  END IF;\nEND\n$$;",
        );
        check_silent("ALTER TABLE users ADD COLUMN IF NOT EXISTS email text;");
    }
}
