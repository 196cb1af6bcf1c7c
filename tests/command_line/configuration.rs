//! What `rehearsal.toml`, the environment and the options change, and what the report says then.

use serde_json::Value;

use crate::support::{Project, Told, check_report as check, run, verify};

/// A file that can't run twice, and one that can.
const BARE: (&str, &str) = ("migrations/000001_bare.up.sql", "CREATE TABLE bare (id int);\n");
const CALM: (&str, &str) = ("migrations/000002_calm.up.sql", "SELECT 1;\n");

/// The rehearsal of these two files under a configuration.
fn rehearse(toml: &str) -> Told {
    run(&mut verify(Project::new(&[BARE, CALM, ("rehearsal.toml", toml)]).path()))
}

/// What a project of one file, with this SQL, comes to.
fn check_sql(toml: &str, sql: &str, status: i32, texts: &[&str]) {
    let files = [("migrations/000001_only.up.sql", sql), ("rehearsal.toml", toml)];
    check(&run(&mut verify(Project::new(&files).path())), status, texts);
}

#[test]
fn a_check_is_denied_warned_or_allowed() {
    let denied = rehearse("[checks]\nreplay = \"deny\"");
    check(&denied, 1, &["error[replay]: 000001_bare.up.sql can't be executed again"]);
    let warned = rehearse("[checks]\nreplay = \"warn\"");
    check(&warned, 0, &["warning[replay]: 000001_bare.up.sql", "replay         warned"]);
    let allowed = rehearse("[checks]\nreplay = \"allow\"");
    check(&allowed, 0, &["replay         allowed", "not played: rehearsal.toml allows it"]);
    assert!(!allowed.stderr.contains("replay"), "it was played:\n{}", allowed.all());
}

const EXEMPTION: &str = "[[allow]]\ncheck = \"replay\"\nmigration = \"000001_*\"\nreason = \"old\"";

#[test]
fn an_exemption_holds_as_long_as_it_is_needed() {
    let needed = rehearse(&format!("[checks]\nreplay = \"deny\"\n{EXEMPTION}"));
    check(&needed, 0, &["replay         passed", "1 exempted by rehearsal.toml"]);
    let expired = Project::new(&[
        ("migrations/000001_calm.up.sql", "SELECT 1;\n"),
        ("rehearsal.toml", &format!("[checks]\nreplay = \"deny\"\n{EXEMPTION}")),
    ]);
    let told = run(&mut verify(expired.path()));
    let gone = "error[replay]: the exemption from `replay` of 000001_* is no longer needed";
    check(&told, 1, &[gone, "rehearsal.toml", "its reason was: old"]);
    // Whether it is needed is known only of what was played.
    let other = run(verify(expired.path()).args(["--only", "apply"]));
    check(&other, 0, &["apply  passed"]);
    let unplayed = rehearse(EXEMPTION);
    check(&unplayed, 0, &["replay         allowed"]);
}

#[test]
fn only_what_was_asked_for_is_judged() {
    let project = Project::new(&[BARE, CALM]);
    let told = run(verify(project.path()).args(["--only", "order,leaks"]));
    check(&told, 0, &["leaks  passed", "order  passed", "2 checks hold"]);
    assert!(!told.stdout.contains("apply"), "{}", told.all());
    // A chain that does not apply is told all the same: the rest could not be judged.
    project.write("migrations/000003_broken.up.sql", "SELECT broken;\n");
    let told = run(verify(project.path()).args(["--only", "rerun"]));
    check(&told, 1, &["error[apply]", "rerun  skipped", "the chain does not apply"]);
}

#[test]
fn an_extension_that_only_a_superuser_may_create() {
    let sql = "CREATE EXTENSION IF NOT EXISTS file_fdw;\n";
    check_sql("", sql, 1, &["42501: permission denied to create extension", "extensions = ["]);
    check_sql("[postgres]\nextensions = [\"file_fdw\"]", sql, 0, &["the rehearsal went well"]);
    check_sql("[postgres]\nrole = \"superuser\"", sql, 0, &["(native, as superuser)"]);
    let files = [BARE, ("rehearsal.toml", "[postgres]\nextensions = [\"nothing_like_it\"]")];
    let told = run(&mut verify(Project::new(&files).path()));
    assert_eq!(told.status, 2, "{}", told.all());
    assert!(told.stderr.contains("the extension `nothing_like_it` can't be installed"));
}

#[test]
fn what_is_left_behind_is_told_in_words_that_mend_it() {
    let leaks = |sql: &str, texts: &[&str]| check_sql("", sql, 1, texts);
    leaks(
        "SET lock_timeout = '10s';",
        &[
            "leaves `lock_timeout` changed",
            "was `0`, stays `10s`",
            "SET LOCAL lock_timeout = '10s';",
        ],
    );
    leaks("CREATE TEMP VIEW v AS SELECT 1;", &["temporary view v", "DROP VIEW v;"]);
    leaks("SELECT pg_advisory_lock(4);", &["the advisory lock (4) held", "pg_advisory_xact_lock"]);
    leaks("LISTEN news;", &["still listens to news", "UNLISTEN news;"]);
    leaks("PREPARE p AS SELECT 1;", &["prepared statement p", "DEALLOCATE p;"]);
    leaks("BEGIN;\nSELECT 1;", &["leaves a transaction open", "COMMIT;"]);
    leaks(
        "DO $$ BEGIN PERFORM set_config('app.actor', '1', false); END $$;",
        &["leaves `app.actor` changed", "was '', stays `1`"],
    );
    // The sequence of a temporary table goes with it.
    let told = "leaves the temporary table t behind";
    leaks("CREATE TEMP TABLE t (id serial);", &[told, "leaks          failed", "1 finding\n"]);
    let plain = Project::new(&[("migrations/1_a.sql", "SET lock_timeout = '10s';\n")]);
    let told = run(&mut verify(plain.path()));
    // Outside a transaction, SET LOCAL would do nothing.
    check(&told, 0, &["warning[leaks]", "at the end of the file: RESET lock_timeout;"]);
}

#[test]
fn the_time_zone_of_the_database_is_the_migrations_own() {
    let zone = "ALTER DATABASE app SET timezone = 'Europe/Zurich';\n";
    let assertion = "DO $$ BEGIN ASSERT '2024-07-01 12:00'::timestamptz \
                     = '2024-07-01 12:00+02'; END $$;\n";
    let project = Project::new(&[
        ("migrations/1_zone.sql", zone),
        ("migrations/2_assertion.sql", assertion),
        ("rehearsal.toml", "[postgres]\ndatabase = \"app\""),
    ]);
    check(
        &run(&mut verify(project.path())),
        0,
        &["apply          passed", "replay         passed"],
    );
}

#[test]
fn every_failing_statement_of_a_file_is_told() {
    let sql = "SET search_path = public;\nCREATE TABLE a (id int);\nSELECT 1;\n\
               CREATE TABLE b (id int);\nRESET search_path;\n";
    let another = "has another statement that fails the second time";
    let toml = "[migrations]\nboot = \"every-file\"";
    check_sql(toml, sql, 1, &[":2:1", ":4:1", another, "2 findings"]);
    let plain = Project::new(&[("migrations/1_only.sql", sql)]);
    check(&run(&mut verify(plain.path())), 1, &[":2:1", ":4:1", another, "2 findings"]);
}

#[test]
fn many_failures_of_one_file_are_told_in_short() {
    let tables = (0..500).map(|n| format!("CREATE TABLE t{n} (id int);\n"));
    let sql = tables.collect::<Vec<_>>().concat();
    let toml = "[migrations]\nboot = \"every-file\"";
    let more = "has 490 more statements that fail the second time";
    check_sql(toml, &sql, 1, &[":1:1", ":10:1", more, "lines 11 to 500", "11 findings"]);
}

#[test]
fn a_failing_file_does_not_hide_what_others_write() {
    let project = Project::new(&[
        ("migrations/1_queue.sql", "CREATE TABLE IF NOT EXISTS queue (id int);\n"),
        ("migrations/2_blink.sql", "INSERT INTO queue VALUES (1);\nDELETE FROM queue;\n"),
        ("migrations/3_bare.sql", "CREATE TABLE bare (id int);\n"),
    ]);
    let told = run(&mut verify(project.path()));
    check(&told, 1, &["a second boot fails in 3_bare.sql"]);
    if !told.stdout.contains("on Postgres 14.") {
        check(&told, 1, &["a second boot changes the database in 2_blink.sql", "came and went"]);
    }
}

#[test]
fn a_chain_that_names_its_database() {
    let sql = "ALTER DATABASE app SET statement_timeout = '1min';\n";
    check_sql("", sql, 1, &["3D000: database \"app\" does not exist"]);
    for boot in ["ledger", "every-file"] {
        let toml = format!(
            "[postgres]\ndatabase = \"app\"\n[migrations]\nboot = \"{boot}\"\n\
             [checks]\nreplay = \"deny\""
        );
        check_sql(&toml, sql, 0, &["replay         passed"]);
    }
}

#[test]
fn a_new_migration_comes_after_the_merged_ones() {
    let toml = "[history]\nbase = \"main\"";
    let project = Project::new(&[CALM, ("rehearsal.toml", toml)]);
    let no_repository = run(&mut verify(project.path()));
    check(&no_repository, 0, &["warning[order]: git can't tell what is merged: not a git repo"]);
    project.git(&["init", "--quiet", "--initial-branch=trunk"]);
    project.git(&["add", "."]);
    project.git(&["commit", "--quiet", "--message=one"]);
    let no_base = run(&mut verify(project.path()));
    check(&no_base, 0, &["warning[order]: git knows no revision `main`"]);
    project.git(&["branch", "main"]);
    let (path, sql) = BARE;
    project.write(path, sql);
    let late = "error[order]: 000001_bare is new, and sorts before 000002_calm, which is merged";
    let told = run(&mut verify(project.path()));
    check(&told, 1, &[late, "golang-migrate never runs it", "number after that of 000002_calm"]);
    project.write("migrations/000003_bare.up.sql", sql);
    std::fs::remove_file(project.path().join(path)).expect("it is there");
    check(&run(&mut verify(project.path())), 0, &["order          passed"]);
}

#[test]
fn a_new_migration_may_be_a_folder_or_in_one() {
    let files = [
        ("rehearsal.toml", "[history]\nbase = \"main\"\n[migrations]\npath = \"./migrations\""),
        ("migrations/1_a/up.sql", "CREATE TABLE a (id int);"),
        ("migrations/3_c/up.sql", "CREATE TABLE c (id int);"),
    ];
    let project = Project::new(&files);
    project.commit_to_main();
    check(&run(&mut verify(project.path())), 0, &["order          passed"]);
    project.write("migrations/4_d/up.sql", "CREATE TABLE d (id int);");
    check(&run(&mut verify(project.path())), 0, &["order          passed"]);
    project.write("migrations/2_b/up.sql", "CREATE TABLE b (id int);");
    let late = "error[order]: 2_b is new, and sorts before 3_c, which is merged";
    check(&run(&mut verify(project.path())), 1, &[late, "where 3_c is applied, diesel runs it"]);
}

#[test]
fn rows_that_come_and_go_are_seen() {
    let files = [
        ("migrations/1_queue.sql", "CREATE TABLE IF NOT EXISTS queue (id int);\n"),
        ("migrations/2_blink.sql", "INSERT INTO queue VALUES (1);\nDELETE FROM queue;\n"),
    ];
    let told = run(verify(Project::new(&files).path()).args(["--format", "json"]));
    let report: Value = serde_json::from_str(&told.stdout).expect("JSON");
    let version = report["runs"][0]["postgres"].as_str().expect("a version").to_owned();
    let finding = &report["runs"][0]["checks"][2]["findings"][0];
    if version.starts_with("14.") {
        // Its statistics come too late to be relied upon; src/rows/writes.rs says more.
        assert_eq!(told.status, 0, "{}", told.all());
    } else {
        let note = "table public.queue: rows came and went (1 inserted, 1 deleted)";
        assert_eq!(finding["notes"][0], note, "{}", told.all());
        assert_eq!(finding["file"], "migrations/2_blink.sql", "{}", told.all());
    }
}

#[test]
fn a_report_for_programs() {
    let project = Project::new(&[BARE, CALM, ("rehearsal.toml", "[checks]\nreplay = \"deny\"")]);
    let output = project.path().join("report.json");
    let mut command = verify(project.path());
    let told = run(command.args(["--format", "json", "--output"]).arg(&output));
    // People get theirs as well.
    check(&told, 1, &["error[replay]"]);
    let text = std::fs::read_to_string(output).expect("the report was written");
    let mut report: Value = serde_json::from_str(&text).expect("JSON");
    let run = &mut report["runs"][0];
    // Its number is that of a release, and not of a major.
    assert!(run["postgres"].as_str().is_some_and(|version| version.len() > 2), "{text}");
    let checks = run["checks"].as_array_mut().expect("checks");
    for check in checks.iter_mut() {
        assert!(check["duration_ms"].take().is_u64(), "{text}");
    }
    let names = checks.iter().map(|check| &check["name"]).collect::<Vec<_>>();
    assert_eq!(names[..5], ["apply", "rerun", "replay", "leaks", "order"]);
    assert_eq!(names[5..7], ["history", "upgrade"]);
    assert_eq!(names[7..].len(), 17, "those of seeds, bootstrap, squash, versions: {text}");
    let replay = checks[2].to_string();
    assert_eq!(
        serde_json::from_str::<Value>(&replay).expect("JSON"),
        serde_json::json!({
            "name": "replay", "level": "deny", "outcome": "failed", "duration_ms": null,
            "findings": [{
                "level": "deny",
                "message": "000001_bare.up.sql can't be executed again",
                "file": "migrations/000001_bare.up.sql", "line": 1, "column": 1,
                "migration": "000001_bare", "sqlstate": "42P07",
                "said": "42P07: relation \"bare\" already exists",
                "notes": ["the ledger keeps files from running twice; a lost ledger would not"],
                "help": "CREATE TABLE fails where it exists; IF NOT EXISTS passes over it:\n\
                         CREATE TABLE IF NOT EXISTS bare (id int);"
            }]
        }),
        "{text}"
    );
    assert_eq!(report["version"], 1);
    assert_eq!(report["project"], project.path().file_name().unwrap().to_string_lossy().as_ref());
    assert_eq!(report["runs"][0]["server"], "native");
}
