//! Files of dbmate that it refuses, or takes oddly.

use rstest::rstest;

use crate::support::{Project, Told, check, run, verify};

/// A dbmate project whose second file is this one.
fn play_dbmate(second: &str) -> Told {
    let first = "-- migrate:up\nCREATE TABLE a (id int);\n\n-- migrate:down\nDROP TABLE a;\n";
    run(&mut verify(
        Project::new(&[
            ("db/migrations/20240101000000_a.sql", first),
            ("db/migrations/20240102000000_b.sql", second),
        ])
        .path(),
    ))
}

#[rstest]
#[case::no_marker("SELECT 1;\n", "to define an up block with '-- migrate:up'")]
#[case::no_down("-- migrate:up\nSELECT 1;\n", "to define a down block with '-- migrate:down'")]
#[case::slip("-- migrate:up\n-- migrate:dwon\n", "line 2, `-- migrate:dwon`: dbmate takes it")]
#[case::first("SELECT 1;\n-- migrate:up\n-- migrate:down\n", "statements preceding")]
#[case::mark("\u{feff}-- migrate:up\n-- migrate:down\n", "line 1, `\u{feff}-- migrate:up`")]
fn a_dbmate_file_that_the_tool_refuses(#[case] second: &str, #[case] text: &str) {
    let told = play_dbmate(second);
    let order = ["error[order]: dbmate ", "20240102000000_b.sql", text];
    check(&told, 1, &order);
    check(&told, 1, &["help: each file needs the line `-- migrate:up`", "apply          failed"]);
}

#[test]
fn a_dbmate_file_that_ends_its_transaction() {
    let told = play_dbmate("-- migrate:up\nSELECT 1;\nCOMMIT;\nSELECT 2;\n\n-- migrate:down\n");
    check(&told, 1, &["20240102000000_b.sql:3:1", "unexpected transaction status idle"]);
    check(&told, 1, &["leave BEGIN and COMMIT to the tool"]);
}

#[test]
fn a_dbmate_file_with_several_sections() {
    let section = "-- migrate:up\nSELECT 1;\n\n-- migrate:down\n";
    let told = play_dbmate(&(section.to_owned() + section));
    check(&told, 1, &["error[apply]", "23505: duplicate key", "dbmate's own, on its ledger"]);
    check(&told, 1, &["error[order]: has 2 up sections", "a migration of its own"]);
}

#[test]
fn a_dbmate_failure_after_a_section_that_is_not_played() {
    let told = play_dbmate(
        "-- é\n-- migrate:up\nSELECT 1;\n-- migrate:down\nit's not played\n\
         -- migrate:up transaction:false\nSELECT 2;\n  SELECT 1/0;\n-- migrate:down\n",
    );
    // The first section's row is there, so the second would fail at the latest with its own.
    check(&told, 1, &["20240102000000_b.sql:8:3", "22012: division by zero"]);
}

#[test]
fn files_of_another_tool_among_those_of_dbmate() {
    let told = run(&mut verify(
        Project::new(&[
            ("migrations/1_a.sql", "-- migrate:up\nSELECT 1;\n-- migrate:down\n"),
            ("migrations/2_b.up.sql", "CREATE TABLE b (id int);"),
            ("migrations/V3__c.sql", "CREATE TABLE c (id int);"),
        ])
        .path(),
    ));
    check(&told, 1, &["2_b.up.sql", "to define an up block"]);
    check(&told, 1, &["warning[order]: dbmate ignores this file", "V3__c.sql"]);
}
