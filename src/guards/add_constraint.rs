//! ADD CONSTRAINT, for which SQL has no IF NOT EXISTS.
//!
//! # What it proves
//!
//! Every constraint has a name and is added only to a table that doesn't have it.
//!
//! # Why it matters
//!
//! With a name, a second run stops here with `constraint … already exists` (42710). Without one it
//! is worse: Postgres makes up a new name and adds the same constraint again, at each run.
//!
//! # Example
//!
//! `ALTER TABLE users ADD CONSTRAINT adult CHECK (age >= 18);` becomes
//!
//! ```sql
//! DO $$
//! BEGIN
//!   IF NOT EXISTS (SELECT FROM pg_constraint
//!                   WHERE conname = 'adult'
//!                     AND conrelid = 'users'::regclass) THEN
//!     ALTER TABLE users ADD CONSTRAINT adult CHECK (age >= 18);
//!   END IF;
//! END
//! $$;
//! ```

use crate::sql::{Change, Constraint};

use super::alter_table::{offending, repeatable};
use super::default_name::constraint_name;
use super::site::Site;
use super::{Advice, Guard};

pub(super) const GUARD: Guard = Guard { name: "add_constraint", advise };

fn advise(site: &Site<'_>) -> Option<Advice> {
    let action = offending(site, |change| match change {
        Change::AddConstraint { constraint, .. } => *constraint != Constraint::NotNull,
        _ => false,
    })?;
    let Change::AddConstraint { name, constraint } = &action.change else { return None };
    let kind = match constraint {
        Constraint::Check => "CHECK",
        Constraint::Unique => "UNIQUE",
        Constraint::PrimaryKey => "PRIMARY KEY",
        Constraint::ForeignKey => "FOREIGN KEY",
        Constraint::Exclude => "EXCLUDE",
        Constraint::NotNull => return None,
    };
    let why = if name.is_some() || *constraint == Constraint::PrimaryKey {
        format!("{kind} constraints have no IF NOT EXISTS; guard the statement")
    } else {
        let name = constraint_name(site, *constraint, action.span.clone())?;
        format!(
            "{kind} constraints have no IF NOT EXISTS, and without a name Postgres adds another \
             one ({name}, {name}1, …) at each run; name it and guard the statement"
        )
    };
    Some(Advice { span: action.span.clone(), why, instead: repeatable(site)? })
}

#[cfg(test)]
pub(super) mod tests {
    use pretty_assertions::assert_eq;

    use super::super::tests::{Example, advice, check, check_silent, hung};
    use super::*;

    pub(in crate::guards) const EXAMPLES: &[Example] = &[
        (
            "CREATE TABLE t (a int, b int);",
            "ALTER TABLE t ADD CONSTRAINT \"it's\" CHECK (a <> length($$x$$));",
        ),
        ("CREATE TABLE t (a int, b int);", "ALTER TABLE t ADD CHECK (a > 0 AND t.a < 9);"),
        ("CREATE TABLE t (a int, b int);", "ALTER TABLE t ADD CHECK (a > b);"),
        (
            "CREATE TABLE t (a text, b int);",
            "ALTER TABLE t ADD CHECK (length(a::varchar(3)) > CAST('1' AS int));",
        ),
        ("CREATE TABLE t (a int, b int);", "ALTER TABLE t ADD UNIQUE (a) INCLUDE (b);"),
        ("CREATE TABLE t (a int, b int);", "ALTER TABLE t ADD PRIMARY KEY (a, b);"),
        (
            "CREATE TABLE u (c int PRIMARY KEY); CREATE TABLE t (a int);",
            "ALTER TABLE t ADD FOREIGN KEY (a) REFERENCES u;",
        ),
        (
            "CREATE TABLE t (a text, b text);",
            "ALTER TABLE t ADD EXCLUDE (a WITH =, lower(b) WITH =, (a || b) WITH =, (b || a) \
             WITH =);",
        ),
        (
            "CREATE TABLE t (a int); CREATE UNIQUE INDEX i ON t (a);",
            "ALTER TABLE t ADD UNIQUE USING INDEX i;",
        ),
        (
            "CREATE TABLE aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa \
             (bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb int);",
            "ALTER TABLE aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa ADD UNIQUE \
             (bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb);",
        ),
        ("CREATE DOMAIN d AS int;", "ALTER DOMAIN d ADD CHECK (VALUE > 0);"),
    ];

    fn missing(condition: &str) -> String {
        hung(&format!("NOT EXISTS (SELECT FROM pg_constraint WHERE {condition})"))
    }

    /// The guarded form of an ALTER TABLE with one constraint.
    fn guarded(condition: &str, statement: &str) -> String {
        let condition = missing(condition);
        format!("DO $$\nBEGIN\n  IF {condition} THEN\n    {statement}\n  END IF;\nEND\n$$;")
    }

    fn check_named(constraint: &str) {
        let statement = format!("ALTER TABLE public.t ADD CONSTRAINT \"C\" {constraint};");
        let condition = "conname = 'C' AND conrelid = 'public.t'::regclass";
        let offending = format!("ADD CONSTRAINT \"C\" {constraint}");
        check(&GUARD, &statement, &offending, &guarded(condition, &statement));
    }

    #[test]
    fn named_constraints() {
        check_named("CHECK (a > 0) NOT VALID");
        check_named("UNIQUE (a, b) DEFERRABLE");
        check_named("FOREIGN KEY (a) REFERENCES u (id) ON DELETE SET NULL");
        check_named("EXCLUDE USING gist (a WITH &&) WHERE (b)");
        check(
            &GUARD,
            "ALTER TABLE \"It's\" ADD CONSTRAINT \"it's\" CHECK (a <> $$x$$)",
            "ADD CONSTRAINT \"it's\" CHECK (a <> $$x$$)",
            &format!(
                "DO $guard$\nBEGIN\n  IF {} THEN\n    ALTER TABLE \"It's\" ADD CONSTRAINT \"it's\" \
                 CHECK (a <> $$x$$);\n  END IF;\nEND\n$guard$;",
                missing("conname = 'it''s' AND conrelid = '\"It''s\"'::regclass"),
            ),
        );
        check(
            &GUARD,
            "ALTER TABLE IF EXISTS t ADD CONSTRAINT c CHECK (a > 0);",
            "ADD CONSTRAINT c CHECK (a > 0)",
            &guarded(
                "conname = 'c' AND conrelid = to_regclass('t')",
                "ALTER TABLE IF EXISTS t ADD CONSTRAINT c CHECK (a > 0);",
            ),
        );
        check(
            &GUARD,
            "ALTER DOMAIN d ADD CONSTRAINT c CHECK (VALUE > 0);",
            "ADD CONSTRAINT c CHECK (VALUE > 0)",
            &guarded(
                "conname = 'c' AND contypid = 'd'::regtype",
                "ALTER DOMAIN d ADD CONSTRAINT c CHECK (VALUE > 0);",
            ),
        );
        check_silent("ALTER TABLE t ADD CONSTRAINT c NOT NULL a;");
    }

    #[test]
    fn primary_keys_are_found_by_any_name() {
        for constraint in ["PRIMARY KEY (a)", "CONSTRAINT c PRIMARY KEY USING INDEX i"] {
            let statement = format!("ALTER TABLE t ADD {constraint};");
            let advised = advice(&statement).remove(0).1.instead;
            let condition = missing("contype = 'p' AND conrelid = 't'::regclass");
            assert!(advised.contains(&condition), "{advised}");
        }
    }

    /// The name that a nameless constraint gets, which is Postgres's own.
    fn check_name(constraint: &str, name: &str) {
        let statement = format!("ALTER TABLE t ADD {constraint};");
        let named = format!("ALTER TABLE t ADD CONSTRAINT {name} {constraint};");
        let condition = format!("conname = '{name}' AND conrelid = 't'::regclass");
        let offending = format!("ADD {constraint}");
        check(&GUARD, &statement, &offending, &guarded(&condition, &named));
    }

    #[test]
    fn nameless_constraints_get_the_name_that_postgres_gives() {
        check_name("FOREIGN KEY (a, b) REFERENCES u", "t_a_b_fkey");
        check_name("UNIQUE NULLS NOT DISTINCT (a) INCLUDE (b)", "t_a_b_key");
        check_name("UNIQUE USING INDEX i", "i");
        check_name("EXCLUDE USING gist (a WITH =, lower(b) WITH =)", "t_a_lower_excl");
        check_name("EXCLUDE USING gist ((a || b) WITH =, (b || a) WITH =)", "t_expr_expr1_excl");
        check_name("CHECK (a > 0 AND t.a < 9)", "t_a_check");
        check_name("CHECK (a > b)", "t_check");
        check_name("CHECK (length(a::varchar(3)) > CAST('1' AS int))", "t_a_check");
        check_name("CHECK (a IS NOT NULL OR a > date '2000-01-01')", "t_a_check");
        check_name("CHECK (true)", "t_check");
    }

    #[test]
    fn long_names_are_cut_as_postgres_cuts_them() {
        let table = "a".repeat(50);
        let column = "b".repeat(40);
        let statement = format!("ALTER TABLE {table} ADD UNIQUE ({column});");
        let name = format!("{}_{}_key", "a".repeat(29), "b".repeat(29));
        let advised = advice(&statement).remove(0).1.instead;
        assert!(advised.contains(&format!("CONSTRAINT {name} UNIQUE")), "{advised}");
    }

    #[test]
    fn each_constraint_is_guarded_by_itself() {
        check(
            &GUARD,
            "ALTER TABLE t ADD CONSTRAINT a CHECK (x > 0), ADD COLUMN y int, \
             ADD CONSTRAINT b UNIQUE (y);",
            "ADD CONSTRAINT a CHECK (x > 0)",
            &format!(
                "DO $$\nBEGIN\n  ALTER TABLE t ADD COLUMN IF NOT EXISTS y int;\n  IF {} THEN\n    \
                 ALTER TABLE t ADD CONSTRAINT a CHECK (x > 0);\n  END IF;\n  IF {} THEN\n    \
                 ALTER TABLE t ADD CONSTRAINT b UNIQUE (y);\n  END IF;\nEND\n$$;",
                missing("conname = 'a' AND conrelid = 't'::regclass"),
                missing("conname = 'b' AND conrelid = 't'::regclass"),
            ),
        );
    }

    #[test]
    fn the_reason_names_what_goes_wrong() {
        let why = |text| advice(text).remove(0).1.why;
        assert_eq!(
            why("ALTER TABLE t ADD CONSTRAINT c CHECK (a > 0);"),
            "CHECK constraints have no IF NOT EXISTS; guard the statement"
        );
        assert_eq!(
            why("ALTER TABLE t ADD FOREIGN KEY (a) REFERENCES u;"),
            "FOREIGN KEY constraints have no IF NOT EXISTS, and without a name Postgres adds \
             another one (t_a_fkey, t_a_fkey1, …) at each run; name it and guard the statement"
        );
    }
}
