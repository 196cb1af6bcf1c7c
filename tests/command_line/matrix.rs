//! `matrix` prints what a GitHub Actions matrix takes, and needs no Postgres for it.

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

use rstest::rstest;
use serde_json::json;

use crate::support::{Project, Told, check, run};

/// `cargo rehearsal matrix PROJECT`, where there is no Postgres, and with no word of the caller's.
fn matrix(project: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_cargo-rehearsal"));
    command.args(["rehearsal", "matrix"]).arg(project).stdin(Stdio::null());
    command.env_remove("REHEARSAL_POSTGRES").env("REHEARSAL_PG_BIN", "/no/such/folder");
    command
}

fn assert_versions(told: &Told, expected: &[&str]) {
    let line = format!("{}\n", json!({ "postgres": expected }));
    assert_eq!((told.status, &told.stdout), (0, &line), "{}", told.all());
}

#[test]
fn the_project_names_its_versions() {
    let toml = "[postgres]\nversions = [\"15\", \"17.10\"]\n";
    let project = Project::new(&[("rehearsal.toml", toml)]);
    assert_versions(&run(&mut matrix(project.path())), &["15", "17.10"]);
    // As for `verify`, the environment outranks the file.
    let told = run(matrix(project.path()).env("REHEARSAL_POSTGRES", "16, 18"));
    assert_versions(&told, &["16", "18"]);
}

/// Where nobody says anything, it is every major on which this crate is tested.
#[test]
fn a_project_that_names_none_gets_every_supported_major() {
    let script = fs::read_to_string(".ci/run").expect(".ci/run is there");
    let value = |name: &str| {
        let line = script.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix('='));
        line.expect("it is set").trim_matches(['(', ')'])
    };
    let tested = value("older").split(' ').chain([value("newest")]).collect::<Vec<_>>();
    assert_versions(&run(&mut matrix(Project::new(&[]).path())), &tested);
}

#[rstest]
#[case::word("[postgres]\nversions = [\"latest\"]", "`latest` is no Postgres version")]
#[case::more("[postgres]\nversions = [\"15;16\"]", "`15;16` is no Postgres version")]
#[case::key("[postgres]\nversion = [\"15\"]", "rehearsal.toml:2:1: unknown key `version`")]
fn a_mistake_in_the_configuration(#[case] toml: &str, #[case] message: &str) {
    let told = run(&mut matrix(Project::new(&[("rehearsal.toml", toml)]).path()));
    check(&told, 2, &[message, "\nhelp: "]);
    assert_eq!(told.stdout, "", "a matrix would take it:\n{}", told.all());
}

#[test]
fn a_path_that_is_no_project() {
    let project = Project::new(&[]);
    let told = run(&mut matrix(&project.path().join("missing")));
    check(&told, 2, &["failed to open", "help: name the project's folder"]);
}
