//! CREATE without IF NOT EXISTS, where SQL has it.
//!
//! # What it proves
//!
//! Tables, indexes, sequences, schemas, extensions and their like are created only where they
//! don't exist.
//!
//! # Why it matters
//!
//! A second run of the file stops here with `relation … already exists` (42P07). An index without
//! a name is made again at each run, under another name.
//!
//! # Example
//!
//! `CREATE INDEX ON users (email);` becomes
//! `CREATE INDEX IF NOT EXISTS users_email_idx ON users (email);`

use crate::sql::{Cursor, Kind, Object, quoted};

use super::default_name::index_name;
use super::site::Site;
use super::{Advice, Guard};

pub(super) const GUARD: Guard = Guard { name: "create_if_not_exists", advise };

fn advise(site: &Site<'_>) -> Option<Advice> {
    let statement = site.statement;
    let Kind::Create(object) = statement.kind else { return None };
    if statement.guarded {
        return None;
    }
    let what = match object {
        Object::Collation => "COLLATION",
        Object::Extension => "EXTENSION",
        Object::ForeignTable => "FOREIGN TABLE",
        Object::Index => return index(site),
        Object::MaterializedView => "MATERIALIZED VIEW",
        Object::Schema if has_elements(site) => return None,
        Object::Schema => "SCHEMA",
        Object::Sequence => "SEQUENCE",
        Object::Server => "SERVER",
        Object::Statistics if statement.name.is_some() => "STATISTICS",
        Object::Table => "TABLE",
        Object::UserMapping => "USER MAPPING",
        _ => return None,
    };
    Some(Advice {
        span: statement.span.clone(),
        why: format!("CREATE {what} fails where it exists; IF NOT EXISTS passes over it"),
        instead: site.with(&[(statement.name_at, "IF NOT EXISTS ")]),
    })
}

fn index(site: &Site<'_>) -> Option<Advice> {
    let statement = site.statement;
    let (why, words) = if statement.name.is_some() {
        let mut why = "CREATE INDEX fails where it exists; IF NOT EXISTS passes over it".to_owned();
        if statement.needs_autocommit() {
            why += ", even over an invalid one that a failed build left: drop that first";
        }
        (why, "IF NOT EXISTS ".to_owned())
    } else {
        let name = index_name(site)?;
        let why = format!(
            "without a name Postgres makes another index ({name}, {name}1, …) at each run; \
             name it and say IF NOT EXISTS"
        );
        (why, format!("IF NOT EXISTS {} ", quoted(&name)))
    };
    let instead = site.with(&[(statement.name_at, &words)]);
    Some(Advice { span: statement.span.clone(), why, instead })
}

/// Whether a CREATE SCHEMA makes objects in it as well; then it can't say IF NOT EXISTS.
fn has_elements(site: &Site<'_>) -> bool {
    let tokens = site.statement.tokens(site.text);
    let mut cursor = Cursor::new(site.text, &tokens);
    cursor.bump();
    cursor.seek("create") || cursor.seek("grant")
}

#[cfg(test)]
pub(super) mod tests {
    use pretty_assertions::assert_eq;

    use super::super::tests::{Example, advice, check, check_silent};
    use super::*;

    pub(in crate::guards) const EXAMPLES: &[Example] = &[
        ("SELECT 1;", "CREATE TABLE t (a int REFERENCES t (b), b int UNIQUE);"),
        ("SELECT 1;", "CREATE UNLOGGED TABLE t AS SELECT 1 AS a;"),
        ("CREATE TABLE t (a int) PARTITION BY LIST (a);", "CREATE TABLE p PARTITION OF t DEFAULT;"),
        ("SELECT 1;", "CREATE SEQUENCE s START 5;"),
        ("SELECT 1;", "CREATE SCHEMA s AUTHORIZATION postgres;"),
        ("SELECT 1;", "CREATE SCHEMA AUTHORIZATION postgres;"),
        ("SELECT 1;", "CREATE MATERIALIZED VIEW v AS SELECT 1 AS a WITH NO DATA;"),
        ("CREATE TABLE t (a int, b int);", "CREATE STATISTICS x (ndistinct) ON a, b FROM t;"),
        ("SELECT 1;", "CREATE COLLATION c (locale = 'C');"),
        ("CREATE FOREIGN DATA WRAPPER w;", "CREATE SERVER s FOREIGN DATA WRAPPER w;"),
        (
            "CREATE FOREIGN DATA WRAPPER w; CREATE SERVER s FOREIGN DATA WRAPPER w;",
            "CREATE USER MAPPING FOR postgres SERVER s;",
        ),
        (
            "CREATE FOREIGN DATA WRAPPER w; CREATE SERVER s FOREIGN DATA WRAPPER w;",
            "CREATE FOREIGN TABLE t (a int) SERVER s;",
        ),
        ("SELECT 1;", "CREATE EXTENSION tablefunc;"),
        ("CREATE TABLE t (a int);", "CREATE UNIQUE INDEX CONCURRENTLY i ON t (a);"),
        (
            "CREATE TABLE t (a text, b text);",
            "CREATE INDEX ON t ((a || b), (upper(a)), lower(b), b DESC) INCLUDE (a);",
        ),
        (
            "CREATE TABLE \"T\" (\"A\" int);",
            "CREATE INDEX CONCURRENTLY ON \"T\" USING btree (\"A\") WHERE \"A\" > (0);",
        ),
    ];

    /// A statement with a `|` where the words belong.
    fn check_words(marked: &str, words: &str) {
        let statement = marked.replace('|', "");
        check(&GUARD, &statement, &statement, &marked.replace('|', words));
        check_silent(&marked.replace('|', words));
    }

    #[test]
    fn objects() {
        for marked in [
            "CREATE TABLE |s.t (a int);",
            "CREATE UNLOGGED TABLE |t AS SELECT 1 AS a;",
            "CREATE TABLE |p PARTITION OF t DEFAULT;",
            "CREATE FOREIGN TABLE |t (a int) SERVER s;",
            "CREATE SEQUENCE |s START 5;",
            "CREATE SCHEMA |s AUTHORIZATION u;",
            "CREATE SCHEMA |AUTHORIZATION u;",
            "CREATE EXTENSION |\"uuid-ossp\" WITH SCHEMA s;",
            "CREATE MATERIALIZED VIEW |v AS SELECT 1 AS a WITH NO DATA;",
            "CREATE STATISTICS |x (ndistinct) ON a, b FROM t;",
            "CREATE COLLATION |c (locale = 'C');",
            "CREATE SERVER |s FOREIGN DATA WRAPPER w;",
            "CREATE USER MAPPING |FOR u SERVER s;",
            "CREATE INDEX |i ON t (a);",
            "CREATE UNIQUE INDEX CONCURRENTLY |i ON t USING btree (a);",
        ] {
            check_words(marked, "IF NOT EXISTS ");
        }
        check_silent("CREATE SCHEMA s CREATE TABLE t (a int);");
        check_silent("CREATE TEMP TABLE t (a int);");
    }

    #[test]
    fn nameless_indexes_get_the_name_that_postgres_gives() {
        check_words("CREATE INDEX |ON s.t (a, b DESC);", "IF NOT EXISTS t_a_b_idx ");
        check_words(
            "CREATE UNIQUE INDEX CONCURRENTLY |ON ONLY t (lower(a)) INCLUDE (b);",
            "IF NOT EXISTS t_lower_b_idx ",
        );
        check_words("CREATE INDEX |ON t ((a + b), (upper(a)));", "IF NOT EXISTS t_expr_upper_idx ");
        check_words("CREATE INDEX |ON \"T\" (\"A\");", "IF NOT EXISTS \"T_A_idx\" ");
    }

    #[test]
    fn a_failed_concurrent_build_is_mentioned() {
        let why = advice("CREATE INDEX CONCURRENTLY i ON t (a);").remove(0).1.why;
        assert_eq!(
            why,
            "CREATE INDEX fails where it exists; IF NOT EXISTS passes over it, even over an \
             invalid one that a failed build left: drop that first"
        );
    }
}
