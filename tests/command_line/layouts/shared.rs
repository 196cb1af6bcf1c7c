//! What the tools share, and each has in its own way: transactions left open, ledgers in the order
//! of numbers, words that are said once.

use crate::support::{Project, check, run, verify};

/// diesel looks at the state of a transaction when it ends one, and not when it begins one.
#[test]
fn a_transaction_that_is_left_open_is_no_matter_for_diesel() {
    let project = Project::new(&[
        ("Cargo.toml", "[dependencies]\ndiesel = \"2\"\n"),
        ("migrations/1_a/up.sql", "BEGIN;\nCREATE TABLE a (id int);\n"),
        ("migrations/1_a/metadata.toml", "run_in_transaction = false\n"),
        ("migrations/2_b/up.sql", "CREATE TABLE b (id int);\n"),
    ]);
    let told = run(&mut verify(project.path()));
    check(&told, 1, &["apply          passed", "error[leaks]", "leaves a transaction open"]);
}

/// Numbers, and not their digits, say which one is the last.
#[test]
fn a_later_drizzle_file_may_have_more_digits() {
    let entry = |index: u8, when: i64, tag: &str| {
        format!("{{\"idx\":{index},\"version\":\"7\",\"when\":{when},\"tag\":\"{tag}\"}}")
    };
    let entries = [entry(0, 999, "0000_a"), entry(1, 1000, "0001_b")].join(",");
    let journal =
        format!("{{\"version\":\"7\",\"dialect\":\"postgresql\",\"entries\":[{entries}]}}");
    let project = Project::new(&[
        ("drizzle/meta/_journal.json", &journal),
        ("drizzle/0000_a.sql", "CREATE TABLE a (id int);\n"),
        ("drizzle/0001_b.sql", "CREATE TABLE b (id int);\n"),
    ]);
    check(&run(&mut verify(project.path())), 0, &["rerun          passed"]);
}

#[test]
fn schemas_are_made_for_every_boot_of_sqlx() {
    let project = Project::new(&[
        ("sqlx.toml", "[migrate]\ncreate-schemas = [\"app\"]\n"),
        ("rehearsal.toml", "[migrations]\nboot = \"every-file\"\n"),
        ("migrations/1_a.sql", "CREATE TABLE IF NOT EXISTS app.a (id int);\n"),
    ]);
    check(
        &run(&mut verify(project.path())),
        0,
        &["apply          passed", "replay         passed"],
    );
}

/// Text that is pasted from a web page has spaces that Postgres takes for words.
#[test]
fn a_space_that_is_none() {
    let text = "CREATE TABLE a (id int);\n\u{a0}CREATE TABLE b (id int);\n";
    let project = Project::new(&[("migrations/1_a.sql", text)]);
    check(&run(&mut verify(project.path())), 1, &["1_a.sql:2:1", "42601: syntax error"]);
}

#[test]
fn a_refusal_is_said_once() {
    let project = Project::new(&[
        ("migrations/00001_a.sql", "-- +goose Up\nSELECT 1;\n"),
        ("migrations/1_b.sql", "-- +goose Up\nSELECT 1;\n"),
    ]);
    let told = run(&mut verify(project.path()));
    check(&told, 1, &["error[apply]: goose refuses to start: duplicate version 1"]);
}
