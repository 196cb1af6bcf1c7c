//! Expressions that Postgres spells otherwise once a dump of them is loaded: they are the same, and
//! what really differs in one of them is told, and it alone.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use rehearsal::{__assert_same_schema as same_schema, Catalog, Rehearsal, assert_same_schema};

use sqlx::{Connection as _, PgConnection};

use crate::dump;

const SCHEMA: &str = include_str!("spelling.sql");

/// A schema that was made from text, and the dump of it.
async fn schema_and_dump(folder: &Path) -> (Catalog, PathBuf) {
    fs::create_dir(folder.join("migrations")).unwrap();
    fs::write(folder.join("migrations/1_all.sql"), SCHEMA).unwrap();
    let database = Rehearsal::of(folder).database().await.unwrap();
    let schema = Catalog::read(&database).await.unwrap();
    // The newest can dump every server that there is.
    let session = PgConnection::connect(&database.url()).await.unwrap();
    let major = session.server_version_num().unwrap() / 10_000;
    let told = Command::new(dump::program(major))
        .args(["--schema-only", "--dbname", &database.url()])
        .output()
        .unwrap();
    assert!(told.status.success(), "{}", String::from_utf8_lossy(&told.stderr));
    let text = String::from_utf8(told.stdout).unwrap();
    // A setting of servers that are newer than this one may be.
    let lines = text.lines().filter(|line| !line.starts_with("SET transaction_timeout"));
    let file = folder.join("dump.sql");
    fs::write(&file, lines.collect::<Vec<_>>().join("\n")).unwrap();
    (schema, file)
}

#[tokio::test]
async fn a_dump_that_was_loaded_is_the_same() {
    let folder = tempfile::tempdir().unwrap();
    let (schema, dump) = schema_and_dump(folder.path()).await;
    let loaded = Catalog::read(&dump).await.unwrap();
    let respelled = schema.differences(&loaded).len();
    assert!(
        respelled > 15,
        "Postgres spells only {respelled} of them otherwise: nothing is proven"
    );
    assert_same_schema!(&schema, &loaded);
}

/// What is written otherwise in the schema's text, and the only object that is said to differ.
const CHANGES: &[(&str, &str, &str)] = &[
    ("'new', 'old', 'gone'", "'new', 'old'", "check constraint users_state_check"),
    ("BETWEEN 0 AND 150", "BETWEEN 0 AND 151", "check constraint users_age_check"),
    ("04:05:06", "04:05:07", "column span"),
    ("age * 2.5", "age * 2.6", "column total"),
    ("NOT (age < 10", "NOT (age < 11", "index users_open"),
    ("(age::text || '-'", "(age::text || '+'", "index users_expr"),
    ("age BETWEEN 1 AND 20", "age BETWEEN 1 AND 21", "view app.young"),
    ("max(age) > 3", "max(age) > 4", "view app.younger"),
    ("age IN (1, 2, 3)", "age IN (1, 2)", "materialized view app.summary"),
    ("name = current_user", "name = session_user", "policy own"),
    ("code IN ('abc', 'xyz')", "code IN ('abc')", "policy writes"),
    ("NEW.state, now()", "OLD.state, now()", "rule to_log"),
    ("OLD.code IS DISTINCT", "OLD.name IS DISTINCT", "trigger touched"),
    ("IN ('new', kind)", "IN ('old', kind)", "function app.count_new(character varying)"),
    ("(state || 'x'), (CASE", "(state || 'y'), (CASE", "statistics app.stats"),
    ("IN ('x', 'y') THEN 'x'", "IN ('x', 'y') THEN 'z'", "table app.parts"),
    ("VALUE IN ('a', 'b')", "VALUE IN ('a', 'c')", "check constraint short_check"),
    ("WHERE (state IN ('a', 'b'))", "WHERE (state IN ('a'))", "exclusion constraint "),
    ("IN ('q', 'r')", "IN ('q')", "view \"My App\".\"Over View\""),
    ("IN ('q', 's')", "IN ('q')", "view \"My App\".\"Over Over View\""),
];

#[tokio::test]
async fn what_really_differs_is_told_and_it_alone() {
    let folder = tempfile::tempdir().unwrap();
    let (_, dump) = schema_and_dump(folder.path()).await;
    let loaded = Catalog::read(&dump).await.unwrap();
    let mut wrong = Vec::new();
    for (number, (here, there, told)) in CHANGES.iter().enumerate() {
        assert_eq!(SCHEMA.matches(here).count(), 1, "{here}");
        let file = folder.path().join(format!("changed_{number}.sql"));
        fs::write(&file, SCHEMA.replace(here, there)).unwrap();
        let differences = same_schema(&loaded, &file, ["loaded", "changed"]).await.expect_err(here);
        if !(differences.contains("\n1 difference: ") && differences.contains(told)) {
            wrong.push(format!("{here} became {there}:\n{differences}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n\n"));
}
