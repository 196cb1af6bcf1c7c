//! Every fixture project is rehearsed as a user would, and its report compared with the one that is
//! committed beside it. `REHEARSAL_BLESS=1` writes the reports anew; read the result as a diff.

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};

use pretty_assertions::assert_eq;
use rstest::rstest;

use crate::support::{run, verify};

/// The fixtures that are migrated by a command, and the program that this needs.
const COMMANDS: &[(&str, &str)] = &[
    ("alembic", "alembic"),
    ("alembic-reseed", "alembic"),
    ("drizzlekit", "drizzle-kit"),
    ("nodepgmigrate", "node-pg-migrate"),
    ("nodepgmigrate-early", "node-pg-migrate"),
];

#[rstest]
fn the_report_is_as_expected(
    #[files("fixtures/*")]
    #[exclude("fixtures/(alembic|catalog|drizzlekit|nodepgmigrate)")]
    #[dirs]
    project: PathBuf,
) {
    check(&project);
}

#[cfg(feature = "oracles")]
#[test]
fn the_report_on_a_command_is_as_expected() {
    for (name, program) in COMMANDS {
        // One that isn't there must not count as a project that fails as it should.
        let version = std::process::Command::new(program).arg("--version").output();
        let is_there = version.is_ok_and(|it| it.status.success());
        assert!(is_there, "{program} can't be run: .ci/install-tools brings it");
        check(&Path::new("fixtures").join(name));
    }
}

#[test]
fn every_fixture_with_a_command_is_listed() {
    let runs = |project: &Path| {
        let toml = fs::read_to_string(project.join("rehearsal.toml")).unwrap_or_default();
        toml.lines().any(|line| line.starts_with("run = "))
    };
    let projects = fs::read_dir("fixtures").expect("fixtures are there").flatten();
    let projects = projects.map(|entry| entry.path()).filter(|path| runs(path));
    let names = projects.map(|path| path.file_name().expect("a name").to_owned());
    let listed = COMMANDS.iter().map(|(name, _)| OsString::from(name)).collect::<BTreeSet<_>>();
    assert_eq!(names.collect::<BTreeSet<_>>(), listed);
}

fn check(project: &Path) {
    let expected = project.join("expected.txt");
    let told = run(&mut verify(project));
    let report = format!("{}\nexit status {}\n", settled(&told.stdout), told.status);
    if std::env::var_os("REHEARSAL_BLESS").is_some() {
        fs::write(&expected, &report).expect("the report is written");
    }
    let committed = fs::read_to_string(&expected).unwrap_or_default();
    assert_eq!(report, committed, "{}", told.stderr);
    // 2 would say that it could not be rehearsed, which proves nothing about the fault.
    assert_eq!(told.status, i32::from(is_bad(project)), "{}", told.all());
}

/// `fixtures/ladder` is good, its siblings `fixtures/ladder-…` have a fault.
fn is_bad(project: &Path) -> bool {
    project.file_name().is_some_and(|name| name.to_string_lossy().contains('-'))
}

/// The report without what differs from run to run, and from version to version.
pub(crate) fn settled(report: &str) -> String {
    report.lines().filter(|line| !is_frame(line)).map(|line| settled_line(line) + "\n").collect()
}

/// A place in the code of a program that a command runs, or in that of Postgres; and the writes,
/// which Postgres 14 doesn't tell.
fn is_frame(line: &str) -> bool {
    let line = line.trim_start();
    line.starts_with("= note: the second run wrote ")
        || (line.starts_with("at ") && line.contains(':'))
        || line.starts_with("line: '")
}

fn settled_line(line: &str) -> String {
    if let Some((project, _)) = line.split_once(" on Postgres ") {
        return format!("{project} on Postgres … (native)");
    }
    // What is said on Postgres 14 of writes, which it doesn't tell.
    let unseen =
        ["; rows that came and went", "  rows that came and went", "  writes could not be counted"];
    let told = unseen.iter().find_map(|words| Some(line.split_once(words)?.0));
    let words = told.unwrap_or(line).split(' ').collect::<Vec<_>>();
    let seconds = |word: &&str| word.parse::<f64>().is_ok() && word.contains('.');
    let settled = words.iter().enumerate().map(|(place, word)| {
        let bare = word.trim_start_matches('\'');
        let is_duration = seconds(word) && words.get(place + 1) == Some(&"s");
        let is_time = word.len() > 8 && word.as_bytes()[2] == b':' && word.as_bytes()[5] == b':';
        let is_date = bare.len() == 10 && bare.as_bytes()[4] == b'-' && bare.as_bytes()[7] == b'-';
        if is_duration {
            // One of ten seconds has moved to the left, by as much as it is wider.
            return " ".repeat(word.len().saturating_sub("0.00".len())) + "…";
        }
        if is_time || is_date { "…".to_owned() } else { (*word).to_owned() }
    });
    settled.collect::<Vec<_>>().join(" ")
}
