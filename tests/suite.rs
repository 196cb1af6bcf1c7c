//! The suite of tests that `suite!` makes, and what its tests say when something is wrong.

use std::process::{Command, Output};

mod demo {
    //! The demonstration project, as a repository of its own would test it.

    rehearsal::suite!("fixtures/demo");
}

mod ledger {
    //! A project whose boots go by a ledger: `replay` shows as ignored.

    rehearsal::suite!("fixtures/ledger");
}

fn root(fixture: &str) -> String {
    format!("{}/fixtures/{fixture}", env!("CARGO_MANIFEST_DIR"))
}

#[test]
fn a_check_that_does_not_hold_shows_its_findings() {
    // A test shows the error that it returns for debugging.
    let error = rehearsal::__hold(&root("ladder-lost-key"), true, "replay", &[]).unwrap_err();
    let error = format!("{error:?}");
    assert!(error.starts_with("`replay` does not hold\n\nladder-lost-key on Postgres"), "{error}");
    assert_eq!(error.matches("error[replay]").count(), 1, "{error}");
}

#[test]
fn a_test_that_was_ignored_in_error_is_no_silent_pass() {
    let error =
        rehearsal::__hold(&root("plain"), false, "apply", &["replay"]).unwrap_err().to_string();
    assert!(error.contains("`replay` is played for this project"), "{error}");
    assert!(error.ends_with("\n[migrations]\nboot = \"every-file\""), "{error}");
}

#[test]
fn what_could_not_be_judged_does_not_pass() {
    let error = rehearsal::__hold(&root("plain"), false, "rerun", &[]).unwrap_err().to_string();
    assert!(error.starts_with("`rerun` was not judged: every file runs at each boot"), "{error}");
    assert!(error.ends_with("\n[migrations]\nboot = \"every-file\""), "{error}");
}

#[test]
fn a_configuration_that_came_later_is_noticed() {
    let error = rehearsal::__hold(&root("demo"), false, "apply", &[]).unwrap_err().to_string();
    assert!(error.starts_with("rehearsal.toml is newer than these tests\nhelp: "), "{error}");
}

#[test]
fn an_ignored_check_can_be_asked_for() {
    let said = rehearsal::__hold(&root("ledger"), true, "replay", &["replay"]);
    assert!(said.is_err(), "its files can't run twice: {said:?}");
}

/// One of this file's tests, in a process of its own, as nextest runs it.
fn process(test: &str, run: &str, without_postgres: bool) -> Output {
    let mut command = Command::new(std::env::current_exe().expect("this test has a program"));
    command.args([test, "--exact", "--nocapture"]).env("NEXTEST_RUN_ID", run);
    if without_postgres {
        command.env("REHEARSAL_POSTGRES", "99");
    }
    command.output().expect("it runs")
}

#[test]
fn processes_of_one_run_share_what_it_came_to() {
    let run = format!("test-{}", std::process::id());
    assert!(process("demo::apply", &run, false).status.success());
    // Nothing is played any more, or the version that nobody has would be missed.
    assert!(process("demo::rerun", &run, true).status.success());
    let other = process("demo::rerun", &format!("{run}-other"), true);
    let said = String::from_utf8_lossy(&other.stdout).into_owned()
        + &String::from_utf8_lossy(&other.stderr);
    let is_missed = ["Postgres 99", "postgres:99"].iter().any(|name| said.contains(name));
    assert!(!other.status.success() && is_missed, "{said}");
}
