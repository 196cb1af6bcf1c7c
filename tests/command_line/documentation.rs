//! The README says what is so: its examples are run, or compared with what is run.

use std::fs;

use serde_json::Value;

use crate::support::{Project, rehearsal, run, verify};

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

/// A project such as the one that README.md configures.
const USERS: &str = "CREATE TABLE IF NOT EXISTS users (id int PRIMARY KEY, created_by int);
     CREATE TABLE IF NOT EXISTS posts (id int PRIMARY KEY, updated_at timestamptz);
     CREATE TABLE IF NOT EXISTS audit_log (entry text);
     CREATE TABLE IF NOT EXISTS drafts (id int);
     TRUNCATE drafts;\n";

const USERS_SEEDED: &str = "INSERT INTO users SELECT id, current_setting('app.actor_id')::int
       FROM generate_series(1, 3) AS id ON CONFLICT DO NOTHING;
     INSERT INTO posts SELECT id, now() FROM generate_series(1, 8) AS id
       ON CONFLICT (id) DO NOTHING;\n";

#[test]
fn the_configuration_is_read() {
    let toml = blocks("toml").into_iter().next().expect("README.md shows rehearsal.toml");
    let whole = Project::new(&[("rehearsal.toml", &toml)]);
    let told = run(rehearsal("matrix").arg(whole.path()).env_remove("REHEARSAL_POSTGRES"));
    assert!(told.stdout.contains("15"), "{}", told.all());
    // What this machine may not have is left out, and what is squashed and merged, which other
    // tests are about.
    let mut is_here = true;
    let settled = toml.lines().filter(|line| {
        if line.starts_with('[') {
            let others = ["[baseline]", "[history]", "[dump]"];
            is_here = !others.iter().any(|section| line.starts_with(section));
        }
        let lacks = ["versions = ", "extensions = "];
        is_here && !lacks.iter().any(|key| line.starts_with(key))
    });
    let settled = settled.collect::<Vec<_>>().join("\n");
    let project = Project::new(&[
        ("db/migrations/000001_users.up.sql", USERS),
        ("db/seeds/1_users.sql", USERS_SEEDED),
        ("schema/pre/1.sql", "SELECT 1;\n"),
        ("schema/post/1.sql", "SELECT 1;\n"),
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
fn the_comparison_is_told_as_it_is_shown() {
    let text = readme();
    let shown = text.split("cargo xtask diff fix").nth(1).expect("README.md shows a comparison");
    let (left, right) = shown.split_once(' ').expect("it has two sides");
    let right = right.lines().next().expect("a line");
    let told = run(rehearsal("diff").args([&format!("fix{left}"), right]));
    let title = |text: &str| text.lines().next().unwrap_or_default().to_owned();
    let is_it = |block: &String| block.contains("are not the same schema");
    let block = blocks("text").into_iter().find(is_it).expect("README.md shows what it says");
    let settled = |text: &str| {
        let (names, _) = text.split_once(" (Postgres ").expect("it says on which");
        text.replacen(&title(text), names, 1)
    };
    assert_eq!(settled(&told.stdout), settled(&block), "{}", told.all());
}

#[test]
fn the_comparison_for_programs_has_the_keys_that_are_shown() {
    let shown = blocks("json").into_iter().nth(1).expect("README.md shows two reports");
    let shown: Value = serde_json::from_str(&shown).expect("README.md shows JSON");
    let sides = ["fixtures/ladder", "fixtures/ladder-revived-table", "--format", "json"];
    let told = run(rehearsal("diff").args(sides));
    let real: Value = serde_json::from_str(&told.stdout).expect("the report is JSON");
    for at in ["", "/left", "/right", "/differences/0"] {
        let keys = |value: &Value| {
            let object = value.pointer(at).and_then(Value::as_object).expect("an object");
            object.keys().cloned().collect::<Vec<_>>()
        };
        assert_eq!(keys(&shown), keys(&real), "{at}");
    }
}

#[test]
fn the_command_line_has_the_options_that_are_shown() {
    let text = readme();
    for (command, after) in [("verify", " [PATH]"), ("diff", "   A B")] {
        let beginning = format!("cargo xtask {command}{after}");
        let shown = text.split(&beginning).nth(1).expect("README.md shows the options");
        let shown = shown.split("cargo xtask").next().unwrap_or_default();
        let words = shown.split(['[', ' ', ']', '\n']).filter(|word| word.starts_with("--"));
        let told = run(rehearsal(command).arg("--help"));
        for option in words {
            let spelled = [format!("{option} "), format!("{option}\n")];
            let is_there = spelled.iter().any(|option| told.stdout.contains(option));
            assert!(is_there, "{option}: {}", told.all());
        }
    }
}
