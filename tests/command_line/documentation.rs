//! The README says what is so: its examples are run, or compared with what is run.

use std::fs;

use serde_json::Value;

use crate::support::{Project, run, verify};

fn readme() -> String {
    fs::read_to_string("README.md").expect("README.md is there")
}

/// The README's blocks of code in one language.
fn blocks(language: &str) -> Vec<String> {
    let text = readme();
    let fence = format!("```{language}\n");
    let after = text.split(&fence).skip(1);
    after.filter_map(|block| Some(block.split_once("```")?.0.to_owned())).collect()
}

#[test]
fn the_failure_worth_seeing_is_the_fixtures_own() {
    let report = fs::read_to_string("fixtures/ladder-bare-constraint/expected.txt");
    let report = report.expect("the fixture has a report");
    let shown = blocks("text").into_iter().find(|block| block.starts_with("error[replay]"));
    let shown = shown.expect("README.md shows a failure");
    assert!(report.contains(shown.trim_end()), "README.md shows another failure than:\n{report}");
}

#[test]
fn the_configuration_is_read() {
    let toml = blocks("toml").into_iter().next().expect("README.md shows rehearsal.toml");
    // What this machine may not have is left out.
    let settled = toml.lines().filter(|line| !line.starts_with("versions = "));
    let settled = settled.filter(|line| !line.starts_with("extensions = "));
    let settled = settled.filter(|line| !line.starts_with("base = "));
    let settled = settled.collect::<Vec<_>>().join("\n");
    let project = Project::new(&[
        ("db/migrations/000001_users.up.sql", "CREATE TABLE users (id int);\n"),
        ("rehearsal.toml", &settled),
    ]);
    let told = run(&mut verify(project.path()));
    assert_eq!(told.status, 0, "{}", told.all());
    assert!(told.stdout.contains("1 exempted by rehearsal.toml"), "{}", told.all());
}

#[test]
fn the_report_for_programs_has_the_keys_that_are_shown() {
    let shown = blocks("json").into_iter().next().expect("README.md shows the report");
    let shown: Value = serde_json::from_str(&shown).expect("README.md shows JSON");
    let told = run(verify("fixtures/ladder-bare-constraint").args(["--format", "json"]));
    let real: Value = serde_json::from_str(&told.stdout).expect("the report is JSON");
    let keys = |value: &Value| {
        let object = value.as_object().expect("an object");
        object.keys().cloned().collect::<Vec<_>>()
    };
    let pairs = [
        ("", ""),
        ("/runs/0", "/runs/0"),
        ("/runs/0/checks/0", "/runs/0/checks/2"),
        ("/runs/0/checks/0/findings/0", "/runs/0/checks/2/findings/0"),
        ("/runs/0/checks/1", "/runs/0/checks/1"),
    ];
    for (shown_at, real_at) in pairs {
        let shown = keys(shown.pointer(shown_at).expect("it is shown"));
        assert_eq!(shown, keys(real.pointer(real_at).expect("it is there")), "{shown_at}");
    }
}

#[test]
fn the_command_line_has_the_options_that_are_shown() {
    let text = readme();
    let shown =
        text.split("cargo xtask verify [PATH]").nth(1).expect("README.md shows the options");
    let shown = shown.split("```").next().unwrap_or_default();
    let words = shown.split(['[', ' ', ']', '\n']).filter(|word| word.starts_with("--"));
    let mut help = verify(".");
    let told = run(help.arg("--help"));
    for option in words {
        assert!(
            told.stdout.contains(&format!("{option} "))
                || told.stdout.contains(&format!("{option}\n")),
            "{option}: {}",
            told.all()
        );
    }
}
