//! INSERT without ON CONFLICT.
//!
//! # What it proves
//!
//! Rows are inserted only where they aren't there.
//!
//! # Why it matters
//!
//! A second run of the file inserts the same rows again, or stops here with `duplicate key value
//! violates unique constraint` (23505).
//!
//! # Example
//!
//! `INSERT INTO roles (name) VALUES ('admin');` becomes
//! `INSERT INTO roles (name) VALUES ('admin') ON CONFLICT DO NOTHING;`, which needs a unique key on
//! `name`. Without one, or where a row takes a value from a sequence, it becomes
//!
//! ```sql
//! INSERT INTO roles (name)
//! SELECT v.name
//!   FROM (VALUES ('admin')) AS v (name)
//!  WHERE NOT EXISTS (SELECT FROM roles WHERE roles.name = v.name);
//! ```

use crate::sql::{Cursor, Kind, Name};

use super::insertion::{self, Insertion, only_missing};
use super::site::Site;
use super::table::Table;
use super::{Advice, Guard};

pub(super) const GUARD: Guard = Guard { name: "insert", advise };

fn advise(site: &Site<'_>) -> Option<Advice> {
    let statement = site.statement;
    if statement.kind != Kind::Insert || statement.guarded {
        return None;
    }
    let table = statement.table.as_ref()?;
    let tokens = statement.tokens(site.text);
    if looks_first(Cursor::new(site.text, &tokens)) {
        return None;
    }
    let span = statement.span.clone();
    let way = site.known.table.as_ref().map_or(Way::Unknown, |known| way(site, known));
    let why = why(table, &way);
    if let (Way::Look(_), Some(known)) = (&way, &site.known.table) {
        let instead = only_missing(site.text, statement, known)?;
        return Some(Advice { span, why, instead });
    }
    let mut rest = Cursor::new(site.text, &tokens);
    let instead = if rest.seek("returning") {
        site.with(&[(rest.offset(), "ON CONFLICT DO NOTHING ")])
    } else {
        site.with(&[(tokens.last()?.span.end, " ON CONFLICT DO NOTHING")])
    };
    Some(Advice { span, why, instead })
}

/// How a row is kept from being inserted twice.
enum Way {
    /// By ON CONFLICT, if there is a key.
    Unknown,
    /// By ON CONFLICT, which finds this key.
    Conflict(String),
    /// By a look before.
    Look(Reason),
}

/// Why ON CONFLICT doesn't do.
enum Reason {
    Keyless,
    Sequence,
}

fn way(site: &Site<'_>, known: &Table) -> Way {
    let Some(insertion) = Insertion::read(site.text, site.statement) else { return Way::Unknown };
    match insertion.known(known) {
        insertion::Known::Nothing => Way::Look(Reason::Keyless),
        _ if insertion.draws(known) => Way::Look(Reason::Sequence),
        insertion::Known::Perhaps => Way::Unknown,
        insertion::Known::Key(key) => Way::Conflict(key),
    }
}

fn why(table: &Name, way: &Way) -> String {
    match way {
        Way::Unknown => format!(
            "INSERT adds the rows to {table} again, or fails; ON CONFLICT DO NOTHING passes over \
             them if a unique key covers what identifies a row"
        ),
        Way::Conflict(key) => format!(
            "INSERT fails where the row is in {table}; ON CONFLICT DO NOTHING passes over it, \
             which the unique key {key} tells"
        ),
        Way::Look(Reason::Keyless) => format!(
            "{table} has no unique key by which a row could be known: add one, or insert only \
             what is missing"
        ),
        Way::Look(Reason::Sequence) => format!(
            "INSERT adds the rows to {table} again, or fails, and ON CONFLICT would take a value \
             from the sequence at each run; insert only what is missing"
        ),
    }
}

/// Whether the rows come from a query that leaves out what is there already.
fn looks_first(mut cursor: Cursor<'_>) -> bool {
    let mut joined = false;
    while cursor.peek().is_some() {
        joined |= cursor.at("left join") || cursor.at("left outer join");
        let left_out = ["not exists", "not in", "except"].iter().any(|words| cursor.at(words));
        if left_out || (joined && cursor.at("is null")) {
            return true;
        }
        cursor.bump();
    }
    false
}

#[cfg(test)]
pub(super) mod tests {
    use pretty_assertions::assert_eq;

    use super::super::tests::{Example, check, check_silent};
    use super::*;
    use crate::guards::{self, Column, Key, Known};
    use crate::sql::Script;

    pub(in crate::guards) const EXAMPLES: &[Example] = &[
        ("CREATE TABLE t (a int UNIQUE, b int);", "INSERT INTO t (a) VALUES (1), (2);"),
        ("CREATE TABLE t (a int UNIQUE DEFAULT 1);", "INSERT INTO t DEFAULT VALUES;"),
        (
            "CREATE TABLE t (a int UNIQUE);",
            "WITH x AS (SELECT 1 AS a) INSERT INTO t SELECT x.a FROM x JOIN x y ON true \
             RETURNING a;",
        ),
        (
            "CREATE TABLE t (a int UNIQUE);",
            "INSERT INTO t TABLE t UNION SELECT 1 FROM t RIGHT JOIN pg_class ON true -- all\n;",
        ),
    ];

    #[test]
    fn rows() {
        for (marked, words) in [
            ("INSERT INTO t (a) VALUES (1), (2)|;", " ON CONFLICT DO NOTHING"),
            ("INSERT INTO s.t DEFAULT VALUES|;", " ON CONFLICT DO NOTHING"),
            (
                "INSERT INTO t SELECT a FROM u -- x\n WHERE a > 1| -- y\n;",
                " ON CONFLICT DO NOTHING",
            ),
            ("WITH x AS (SELECT 1) INSERT INTO t SELECT * FROM x|;", " ON CONFLICT DO NOTHING"),
            ("INSERT INTO t VALUES (1) |RETURNING a;", "ON CONFLICT DO NOTHING "),
        ] {
            let statement = marked.replace('|', "");
            check(&GUARD, &statement, &statement, &marked.replace('|', words));
            check_silent(&marked.replace('|', words));
        }
    }

    /// What is advised for `t (id, a, b)`, where `id` comes from a sequence, with these keys.
    fn check_known(keys: &[&str], insert: &str, why: &str, instead: &str) {
        let column = |name: &str| Column {
            name: name.to_owned(),
            of_type: "integer".to_owned(),
            identity: name == "id",
            ..Column::default()
        };
        let columns = ["id", "a", "b"].map(column).to_vec();
        let keys = keys.iter().filter_map(|key| Key::read(key)).collect();
        let known = Known { table: Some(Table { columns, keys }), ..Known::default() };
        let script = Script::parse(insert);
        let statement = script.statements().last().expect("a statement");
        let advice = guards::advise(insert, &script, statement, &known);
        let [(_, advice)] = advice.as_slice() else { panic!("not one advice: {insert}") };
        assert!(advice.why.contains(why), "{}", advice.why);
        assert_eq!(advice.instead, instead);
        check_silent(&advice.instead);
    }

    #[test]
    fn what_is_known_of_the_table_decides() {
        let missing = |column| {
            format!(
                "INSERT INTO t ({column})\nSELECT v.{column}\n  FROM (VALUES (1)) AS v ({column})\n\
                 \x20WHERE NOT EXISTS (SELECT FROM t WHERE t.{column} = v.{column});"
            )
        };
        let keys = ["PRIMARY KEY (id)", "UNIQUE (a)"];
        let given = "INSERT INTO t (id, b) VALUES (1, 2) ON CONFLICT DO NOTHING;";
        check_known(&keys, "INSERT INTO t (id, b) VALUES (1, 2);", "the unique key (id) ", given);
        check_known(&keys, "INSERT INTO t (a) VALUES (1);", "from the sequence", &missing("a"));
        check_known(&keys, "INSERT INTO t (b) VALUES (1);", "no unique key", &missing("b"));
        check_known(&[], "INSERT INTO t (b) VALUES (1);", "no unique key", &missing("b"));
        let perhaps = "INSERT INTO t SELECT 1, 2 ON CONFLICT DO NOTHING;";
        check_known(&keys, "INSERT INTO t SELECT 1, 2;", "if a unique key covers", perhaps);
    }

    #[test]
    fn queries_that_look_first() {
        let insert = "INSERT INTO t SELECT a FROM u";
        check_silent(&format!("{insert} WHERE NOT EXISTS (SELECT FROM t WHERE t.a = u.a);"));
        check_silent(&format!("{insert} WHERE a NOT IN (SELECT a FROM t);"));
        check_silent(&format!("{insert} EXCEPT SELECT a FROM t;"));
        check_silent(&format!("{insert} LEFT JOIN t USING (a) WHERE t.b IS NULL;"));
        check_silent("INSERT INTO t VALUES (1) ON CONFLICT (a) DO UPDATE SET a = 2;");
    }
}
