//! The speed table is printed. What it says is for people: no test holds a time.

use std::process::{Command, Stdio};

use crate::support::{Temporary, run};

fn bench(temporary: &Temporary, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_cargo-rehearsal"));
    command.args(["rehearsal", "bench"]).args(arguments).stdin(Stdio::null());
    command.env("TMPDIR", temporary.path());
    command
}

#[test]
fn it_prints_a_table_and_leaves_nothing() {
    let temporary = Temporary::new();
    let told = run(&mut bench(&temporary, &["--rounds", "1", "--migrations", "5", "--rows", "9"]));
    assert_eq!(told.status, 0, "{}", told.all());
    let begins = |start: &str| told.stdout.lines().filter(|line| line.starts_with(start)).count();
    for row in [
        "| What | Rehearsal | psql | Ratio |",
        "| every-file: 5 migrations, 4 tables, executed twice | ",
        "| ledger: 50 migrations, 41 tables, executed once | ",
        "| every-file: 50 against 5 migrations | × ",
        "| ledger: 50 migrations, the last one changed since the last run | ",
        "| server start, initdb included | ",
        "| a database with 5 migrations for a test, against sqlx | ",
        "| the same, with a copy ready | ",
        "| the schema of 4 tables read, against pg_dump | ",
        "| the schema of 123 tables read, against pg_dump | ",
        "| two schemas of 4 tables compared in memory | ",
        "| two schemas of 123 tables read and compared, against migra | ",
        "| a schema read: 123 against 4 tables | × ",
        "| seeds of 9 rows by an INSERT for each, run twice and compared | ",
        "| seeds of 9 rows by COPY, run twice and compared | ",
        "| 40 tests in processes of their own, against psql copying a template | ",
    ] {
        assert_eq!(begins(row), 1, "{row}\n{}", told.all());
    }
    temporary.assert_servers_are_left(0);
}
