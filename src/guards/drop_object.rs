//! DROP without IF EXISTS.
//!
//! # What it proves
//!
//! Every object is dropped only where it exists.
//!
//! # Why it matters
//!
//! A second run of the file stops here with `table … does not exist` (42P01).
//!
//! # Example
//!
//! `DROP TABLE drafts;` becomes `DROP TABLE IF EXISTS drafts;`

use crate::sql::{Cursor, Kind};

use super::site::Site;
use super::{Advice, Guard};

pub(super) const GUARD: Guard = Guard { name: "drop_object", advise };

fn advise(site: &Site<'_>) -> Option<Advice> {
    let statement = site.statement;
    let complete = statement.name_at < statement.span.end && !drops_owned(site);
    let drops = matches!(statement.kind, Kind::Drop(_)) && !statement.guarded;
    (drops && complete).then(|| Advice {
        span: statement.span.clone(),
        why: "DROP fails where the object is gone; IF EXISTS passes over it".to_owned(),
        instead: site.with(&[(statement.name_at, "IF EXISTS ")]),
    })
}

/// DROP OWNED names no object, so it never misses one.
fn drops_owned(site: &Site<'_>) -> bool {
    let tokens = site.statement.tokens(site.text);
    tokens.len() < 3 || Cursor::new(site.text, &tokens).at("drop owned")
}

#[cfg(test)]
pub(super) mod tests {
    use super::super::tests::{Example, check, check_silent};
    use super::*;

    pub(in crate::guards) const EXAMPLES: &[Example] = &[
        ("CREATE TABLE t (); CREATE TABLE u ();", "DROP TABLE t, u CASCADE;"),
        ("CREATE TABLE t (a int); CREATE INDEX i ON t (a);", "DROP INDEX CONCURRENTLY i;"),
        ("CREATE FUNCTION f(a int) RETURNS int RETURN 1;", "DROP FUNCTION f(int);"),
        ("CREATE TABLE t (a int); CREATE POLICY p ON t;", "DROP POLICY p ON t;"),
        (
            "CREATE TABLE t (a int); CREATE RULE r AS ON INSERT TO t DO NOTHING;",
            "DROP RULE r ON t;",
        ),
        (
            "CREATE TYPE mood AS ENUM ('a'); CREATE CAST (mood AS int) WITH INOUT;",
            "DROP CAST (mood AS int);",
        ),
        (
            "CREATE FUNCTION f(a int, b text) RETURNS int RETURN 1; CREATE OPERATOR <+> \
             (leftarg = int, rightarg = text, function = f);",
            "DROP OPERATOR <+> (int, text);",
        ),
        (
            "CREATE TEXT SEARCH CONFIGURATION c (copy = simple);",
            "DROP TEXT SEARCH CONFIGURATION c;",
        ),
        (
            "CREATE FOREIGN DATA WRAPPER w; CREATE SERVER s FOREIGN DATA WRAPPER w; CREATE \
             USER MAPPING FOR postgres SERVER s;",
            "DROP USER MAPPING FOR postgres SERVER s;",
        ),
    ];

    #[test]
    fn objects() {
        for marked in [
            "DROP TABLE |s.t, u CASCADE;",
            "DROP INDEX CONCURRENTLY |i;",
            "DROP FUNCTION |f(int, text);",
            "DROP MATERIALIZED VIEW |v;",
            "DROP TRIGGER |g ON t;",
            "DROP POLICY |p ON t;",
            "DROP RULE |r ON t;",
            "DROP CAST |(text AS int);",
            "DROP OPERATOR |+ (int, text);",
            "DROP TEXT SEARCH CONFIGURATION |c;",
            "DROP USER MAPPING |FOR u SERVER s;",
            "DROP ROLE |r;",
            "DROP TYPE |\"T\";",
        ] {
            let statement = marked.replace('|', "");
            check(&GUARD, &statement, &statement, &marked.replace('|', "IF EXISTS "));
            check_silent(&marked.replace('|', "IF EXISTS "));
        }
        check_silent("DROP OWNED BY u;");
        check_silent("DROP TABLE");
    }
}
