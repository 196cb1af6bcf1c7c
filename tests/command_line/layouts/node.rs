//! Files of drizzle and prisma that they refuse, or take oddly.

use rstest::rstest;

use crate::support::{Project, Told, check, check_files, run, verify};

/// A drizzle project with this journal and two files.
fn play_drizzle(journal: &str) -> Told {
    run(&mut verify(
        Project::new(&[
            ("drizzle/meta/_journal.json", journal),
            ("drizzle/0000_a.sql", "CREATE TABLE a (id int);--> statement-breakpoint\nSELECT 1;\n"),
            ("drizzle/0001_b.sql", "CREATE TABLE b (id int);\n"),
        ])
        .path(),
    ))
}

#[test]
fn a_drizzle_migration_before_a_merged_one() {
    let merged = "{\"tag\": \"0001_b\", \"when\": 5}";
    let project = Project::new(&[
        ("drizzle/meta/_journal.json", &format!("{{\"entries\": [{merged}]}}")),
        ("drizzle/0001_b.sql", "CREATE TABLE b (id int);\n"),
        ("rehearsal.toml", "[history]\nbase = \"main\"\n"),
    ]);
    project.commit_to_main();
    let new = "{\"tag\": \"0000_a\", \"when\": 3}";
    project.write("drizzle/meta/_journal.json", format!("{{\"entries\": [{new}, {merged}]}}"));
    project.write("drizzle/0000_a.sql", "CREATE TABLE a (id int);\n");
    let told = run(&mut verify(project.path()));
    check(&told, 1, &["0000_a is new, and sorts before 0001_b, which is merged"]);
    check(&told, 1, &["`drizzle-kit drop`, and generate it again after 0001_b"]);
}

#[test]
fn a_drizzle_journal_that_is_none() {
    let told = play_drizzle("{\"entries\": [\n<<<<<<< HEAD\n");
    check(&told, 2, &["drizzle/meta/_journal.json is no journal of drizzle", "at line 2 column 1"]);
    check(&told, 2, &["help: two branches have added an entry each"]);
    let told = play_drizzle("{\"entries\": [{\"tag\": \"0000_a\"}]}");
    check(&told, 2, &["missing field `when`", "help: drizzle-kit generate writes it"]);
    let files = [("drizzle/0000_a.sql", "SELECT 1;--> statement-breakpoint\nSELECT 2;")];
    check_files(
        &files,
        &["Can't find meta/_journal.json file in drizzle", "commit the whole folder"],
    );
}

#[rstest]
#[case::gone(
    "0002_c",
    2,
    "error[order]: drizzle refuses to start: No file drizzle/0002_c.sql found"
)]
#[case::equal("0001_b", 1, "error[order]: its `when`, 1, is not later than that of 0000_a, 1")]
#[case::twice("0000_a", 2, "error[order]: meta/_journal.json names this file twice")]
fn a_drizzle_journal_that_names_oddly(#[case] tag: &str, #[case] when: i64, #[case] text: &str) {
    let told = play_drizzle(&format!(
        "{{\"entries\": [{{\"tag\": \"0000_a\", \"when\": 1}}, \
         {{\"tag\": \"{tag}\", \"when\": {when}}}]}}"
    ));
    check(&told, 1, &[text]);
}

#[test]
fn drizzle_files_that_nobody_runs() {
    let told = play_drizzle("{\"entries\": [{\"tag\": \"0000_a\", \"when\": 1}]}");
    check(&told, 1, &["error[order]: drizzle ignores this file", "drizzle/0001_b.sql"]);
    let told = play_drizzle("{\"dialect\": \"mysql\", \"entries\": []}");
    check(&told, 2, &["drizzle holds no migration that drizzle would run"]);
    let told = play_drizzle(
        "{\"dialect\": \"mysql\", \"entries\": [{\"tag\": \"0000_a\", \"when\": 1}, \
         {\"tag\": \"0001_b\", \"when\": 2}]}",
    );
    check(&told, 1, &["error[order]: the journal is one for mysql"]);
}

#[test]
fn folders_of_the_next_drizzle() {
    let files = [
        ("drizzle/20260101000000_a/migration.sql", "CREATE TABLE a (id int);"),
        ("drizzle/20260101000000_a/snapshot.json", "{}"),
    ];
    check_files(&files, &["drizzle is in the layout of drizzle 1.0", "doesn't play yet"]);
    let project = Project::new(&[
        ("drizzle/meta/_journal.json", "{\"entries\": [{\"tag\": \"0000_a\", \"when\": 1}]}"),
        ("drizzle/0000_a.sql", "CREATE TABLE a (id int);"),
        ("package.json", "{\"dependencies\": {\"drizzle-orm\": \"^1.0.0\"}}"),
    ]);
    check(&run(&mut verify(project.path())), 2, &["drizzle-orm 1.0", "run \"drizzle-kit up\""]);
}

#[test]
fn a_drizzle_file_that_is_cut_in_a_wrong_place() {
    let body = "DO $$\nBEGIN\n--> statement-breakpoint\nNULL;\nEND $$;\n";
    let project = Project::new(&[
        ("drizzle/meta/_journal.json", "{\"entries\": [{\"tag\": \"0000_a\", \"when\": 1}]}"),
        ("drizzle/0000_a.sql", body),
    ]);
    let told = run(&mut verify(project.path()));
    check(&told, 1, &["error[order]: line 3: `--> statement-breakpoint` stands within a string"]);
    check(&told, 1, &["error[apply]", "42601: unterminated dollar-quoted string"]);
}

#[test]
fn a_drizzle_file_that_ends_the_boots_transaction() {
    let told = run(&mut verify(
        Project::new(&[
            ("drizzle/meta/_journal.json", "{\"entries\": [{\"tag\": \"0000_a\", \"when\": 1}]}"),
            ("drizzle/0000_a.sql", "CREATE TABLE a (id int);\nCOMMIT;\nCREATE TABLE b (id int);\n"),
        ])
        .path(),
    ));
    check(
        &told,
        0,
        &["warning[order]: line 2: COMMIT ends the transaction", "leave BEGIN, COMMIT"],
    );
}

/// One transaction holds the boot, and what is local in it stays until the last file.
#[test]
fn a_drizzle_file_whose_settings_stay() {
    let told = run(&mut verify(
        Project::new(&[
            ("drizzle/meta/_journal.json", "{\"entries\": [{\"tag\": \"0000_a\", \"when\": 1}]}"),
            ("drizzle/0000_a.sql", "CREATE TABLE a (id int);\nSET LOCAL search_path = '';\n"),
        ])
        .path(),
    ));
    check(&told, 1, &["error[leaks]", "0000_a.sql:2:1", "RESET search_path;"]);
}

const LOCK: (&str, &str) = ("prisma/migrations/migration_lock.toml", "provider = \"postgresql\"\n");

/// A prisma project of these files and one migration.
fn play_prisma(files: &[(&str, &str)]) -> Told {
    let first = ("prisma/migrations/20240101000000_a/migration.sql", "CREATE TABLE a (id int);");
    run(&mut verify(Project::new(&[&[first], files].concat()).path()))
}

#[test]
fn prisma_folders_that_are_no_migrations() {
    let told = play_prisma(&[LOCK, ("prisma/migrations/20240102000000_b/README.md", "empty")]);
    check(
        &told,
        1,
        &["error[order]: P3015: Could not find the migration file at 20240102000000_b"],
    );
    check(&told, 1, &["--> prisma/migrations/20240102000000_b", "takes every folder here"]);
    let told = play_prisma(&[LOCK, ("prisma/migrations/20240102000000_b.sql", "SELECT 1;")]);
    check(&told, 0, &["warning[order]: prisma ignores this file: its name is not NAME/migration"]);
    let told = play_prisma(&[LOCK, ("prisma/migrations/20240101000000_a/more.sql", "SELECT 1;")]);
    check(&told, 0, &["warning[order]: prisma ignores this file", "20240101000000_a/more.sql"]);
    let down = ("prisma/migrations/20240101000000_a/down.sql", "DROP TABLE a;");
    check(&play_prisma(&[LOCK, down]), 0, &["the rehearsal went well"]);
    check_files(&[LOCK], &["prisma/migrations holds no migration that prisma would run"]);
}

#[rstest]
#[case::other("provider = \"mysql\"", "migration_lock.toml, `mysql`")]
#[case::slip("provider=\"postgresql\"", "migration_lock.toml, `provider=\"postgresql`")]
#[case::none("# nothing", "migration_lock.toml, `<PROVIDER NOT FOUND>`")]
fn a_prisma_lock_that_the_tool_refuses(#[case] lock: &str, #[case] text: &str) {
    let told = play_prisma(&[("prisma/migrations/migration_lock.toml", lock)]);
    check(&told, 1, &["error[order]: P3019: The datasource provider `postgresql`", text]);
    check(
        &told,
        1,
        &["help: prisma wants the line `provider = \"postgresql\"`", "apply          failed"],
    );
}

#[test]
fn a_prisma_file_that_loses_the_ledger() {
    let dump = "SELECT pg_catalog.set_config('search_path', '', false);";
    let told = play_prisma(&[LOCK, ("prisma/migrations/20240102000000_b/migration.sql", dump)]);
    check(&told, 1, &["the first boot fails in 20240102000000_b/migration.sql"]);
    check(&told, 1, &["42P01: relation \"_prisma_migrations\" does not exist"]);
    check(&told, 1, &["prisma's own, on its ledger", "error[leaks]"]);
}

#[test]
fn an_empty_prisma_migration() {
    let empty = ("prisma/migrations/20240102000000_b/migration.sql", "\n");
    let told = play_prisma(&[LOCK, empty]);
    check(&told, 2, &["20240102000000_b/migration.sql is empty", "say in a comment why"]);
}
