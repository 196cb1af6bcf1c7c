//! Files of goose and sql-migrate that they refuse, or take oddly.

use rstest::rstest;

use crate::support::{Project, Told, check, check_files, run, verify};

/// A goose project whose second file is this one.
fn play_goose(name: &str, text: &str) -> Told {
    let first = "-- +goose Up\nCREATE TABLE a (id int);\n";
    let second = format!("migrations/{name}");
    run(&mut verify(Project::new(&[("migrations/00001_a.sql", first), (&second, text)]).path()))
}

#[rstest]
#[case::none("SELECT 1;\n", "unexpected state 0 on line \"SELECT 1;\"")]
#[case::down_first("-- +goose Down\n-- +goose Up\n", "must start with '-- +goose Up'")]
#[case::mark("\u{feff}-- +goose Up\nSELECT 1;\n", "unexpected state 0")]
#[case::semicolon("-- +goose Up\nSELECT 1\n", "unfinished SQL query: \"SELECT 1\"")]
#[case::open("-- +goose Up\n-- +goose StatementBegin\nSELECT 1;\n", "missing '-- +goose Stat")]
#[case::unknown("-- +goose Up, please\nSELECT 1;\n", "\"up, please\" not supported")]
#[case::indented("  -- +goose Up\nSELECT 1;\n", "contains leading whitespace")]
fn a_goose_file_that_the_tool_refuses(#[case] text: &str, #[case] said: &str) {
    let told = play_goose("00002_b.sql", text);
    check(&told, 1, &["error[order]: goose refuses the file: ", "00002_b.sql", said]);
    check(&told, 1, &["help: each file needs the line `-- +goose Up`", "apply          failed"]);
}

#[test]
fn goose_files_that_the_tool_refuses_by_their_names() {
    let up = "-- +goose Up\nSELECT 1;\n";
    let told = play_goose("seed.sql", up);
    check(&told, 1, &["\"migrations/seed.sql\": no filename separator '_' found"]);
    let told = play_goose("00000_b.sql", up);
    check(&told, 1, &["migration version must be greater than zero", "a number before the first"]);
    let told = play_goose("1_b.sql", up);
    check(&told, 1, &["goose refuses to start: duplicate version 1 detected: 00001_a.sql and 1_b"]);
}

#[test]
fn goose_files_that_are_no_sql() {
    let told = play_goose("00002_b.go", "package migrations\n");
    check(&told, 2, &["migrations/00002_b.go is a migration in Go", "help: write it in SQL"]);
    let told = play_goose("00002_b_test.go", "package migrations\n");
    check(&told, 0, &["rerun          passed"]);
    let envsub = "-- +goose ENVSUB ON\n-- +goose Up\nCREATE SCHEMA ${REGION};\n";
    let told = play_goose("00002_b.sql", envsub);
    check(&told, 2, &["00002_b.sql:3: `-- +goose ENVSUB ON` puts variables", "help: render"]);
}

#[test]
fn goose_files_that_are_taken_oddly() {
    let slip = "-- +goose Up\nSELECT 1;\n\n-- goose Down\nDROP TABLE a;\n";
    let told = play_goose("00002_b.sql", slip);
    check(&told, 1, &["error[order]: line 4, `-- goose Down`: goose takes it for a comment"]);
    // Two lines in one message, and a function's body in several.
    let told = play_goose("00002_b.sql", "-- +goose Up\nSELECT 1; /* c */\nSELECT 1/0;\n");
    check(&told, 1, &["00002_b.sql:3:1", "22012: division by zero"]);
    let told = play_goose("00002_b.sql", "-- +goose Up\nDO $$ BEGIN\n  NULL;\nEND $$;\n");
    check(&told, 1, &["error[order]: line 3 ends in `;`", "-- +goose StatementBegin"]);
    // Without a transaction, SET LOCAL would do nothing.
    let set = "-- +goose NO TRANSACTION\n-- +goose Up\nSET lock_timeout = '1s';\nSELECT 1;\n";
    let told = play_goose("00002_b.sql", set);
    check(&told, 1, &["error[leaks]", "help: at the end of the file: RESET lock_timeout;"]);
    // What stands before a failure in the same transaction isn't kept, and is without one.
    let bare = "-- +goose Up\nCREATE TABLE b (id int);\nSELECT 1/0;\n-- +goose NO TRANSACTION\n";
    check(&play_goose("00002_b.sql", bare), 1, &["00002_b.sql:3:1", "22012"]);
}

/// A sql-migrate project whose second file is this one.
fn play_sql_migrate(name: &str, text: &str) -> Told {
    let first = "-- +migrate Up\nCREATE TABLE a (id int);\n";
    let second = format!("migrations/{name}");
    run(&mut verify(Project::new(&[("migrations/1-a.sql", first), (&second, text)]).path()))
}

#[rstest]
#[case::none("SELECT 1;\n", "no Up/Down annotations found")]
#[case::mark("\u{feff}-- +migrate Up\nSELECT 1;\n", "no Up/Down annotations found")]
#[case::lower("-- +migrate up\nSELECT 1;\n", "no Up/Down annotations found")]
#[case::semicolon("-- +migrate Up\nSELECT 1\n", "The last statement must be ended by a semicolon")]
#[case::open("-- +migrate Up\n-- +migrate StatementBegin\nSELECT 1;\n", "with no matching")]
#[case::empty("-- +migrate \n", "incomplete migration command")]
fn a_sql_migrate_file_that_the_tool_refuses(#[case] text: &str, #[case] said: &str) {
    let told = play_sql_migrate("2-b.sql", text);
    check(&told, 1, &["error[order]: sql-migrate refuses to start: ERROR: ", "2-b.sql", said]);
    check(&told, 1, &["help: each file needs the line `-- +migrate Up`", "apply          failed"]);
}

#[test]
fn sql_migrate_files_that_are_taken_oddly() {
    let play = |text: &str| play_sql_migrate("2-b.sql", &format!("-- +migrate Up\n{text}"));
    let told = play("SELECT 1;\n\n-- +migrate down\nDROP TABLE a;\n");
    check(&told, 1, &["error[order]: line 4, `-- +migrate down`: sql-migrate takes it for a"]);
    let told = play("DO $$ BEGIN\n  NULL;\nEND $$;\n");
    check(&told, 1, &["error[order]: line 3 ends in `;`", "-- +migrate StatementBegin"]);
    // A place is that of the file, also after lines that are not sent.
    let told = play("SELECT 1,\n-- a\n-- b\n  FROM;\n");
    check(&told, 1, &["2-b.sql:5:3", "42601: syntax error at or near \"FROM\""]);
    let told = play("SELECT 1;\nCOMMIT;\n");
    check(&told, 1, &["2-b.sql:3:1", "unexpected transaction status idle", "leave BEGIN and"]);
    let told = play_sql_migrate("99999999999999999999-b.sql", "-- +migrate Up\nSELECT 1;\n");
    check(&told, 1, &["Could not parse \"99999999999999999999\" into int64"]);
}

#[test]
fn a_sql_migrate_file_that_leaves_a_transaction_open() {
    let told = play_sql_migrate("0-b.sql", "-- +migrate Up notransaction\nBEGIN;\nSELECT 1;\n");
    check(&told, 1, &["error[apply]", "1-a.sql", "unexpected transaction status idle in trans"]);
    check(&told, 1, &["error[leaks]: 0-b.sql leaves", "1-a.sql, which fails later in this boot"]);
}

#[test]
fn a_block_is_advised_in_the_words_of_the_tool() {
    let alter = "ALTER TABLE a ADD CONSTRAINT positive CHECK (id > 0);\n";
    for (tool, up) in [("goose", "-- +goose Up\n"), ("sql-migrate", "-- +migrate Up\n")] {
        let text = format!("{up}CREATE TABLE IF NOT EXISTS a (id int);\n{alter}");
        let project = Project::new(&[("migrations/1_a.sql", &text)]);
        project.write("rehearsal.toml", "[checks]\nreplay = \"deny\"");
        let told = run(&mut verify(project.path()));
        check(&told, 1, &["error[replay]", "DO $$", &format!("{tool} needs it between the lines")]);
    }
}

#[test]
fn files_of_two_go_tools() {
    check_files(
        &[
            ("migrations/1_a.sql", "-- +goose Up\nSELECT 1;\n"),
            ("migrations/2_b.sql", "-- migrate:up\nSELECT 1;\n-- migrate:down\n"),
        ],
        &["fits two layouts: 2 of dbmate and 2 of goose", "say which tool runs it"],
    );
}
