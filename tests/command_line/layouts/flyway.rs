//! Files of Flyway that it refuses, or takes oddly.

use crate::support::{Project, Told, check, run, verify};

const SHIPS: (&str, &str) = ("db/migration/V1__ships.sql", "CREATE TABLE ships (imo int);\n");

/// A project of Flyway with these files beside the first migration.
fn play_flyway(files: &[(&str, &str)]) -> Told {
    let project = Project::new(files);
    project.write(SHIPS.0, SHIPS.1);
    project.write("flyway.conf", "flyway.locations=filesystem:db/migration\n");
    run(&mut verify(project.path()))
}

#[test]
fn names_that_flyway_refuses_or_ignores() {
    let told = play_flyway(&[("db/migration/V2_berths.sql", "SELECT 1;")]);
    check(&told, 1, &["error[order]: Flyway ignores this file", "V1.2__name.sql"]);
    let told = play_flyway(&[("db/migration/berths.sql", "SELECT 1;")]);
    check(&told, 0, &["warning[order]: Flyway ignores this file"]);
    let told = play_flyway(&[("db/migration/later/V1.0__berths.sql", "SELECT 1;")]);
    check(&told, 1, &["Found more than one migration with version 1.0", "apply   failed"]);
    let twice = [("db/migration/R__a.sql", "SELECT 1;"), ("db/migration/x/R__a.sql", "SELECT 2;")];
    check(&play_flyway(&twice), 1, &["more than one repeatable migration with description a"]);
    let told = play_flyway(&[("db/migration/afterMigrate.sql", "SELECT 1;")]);
    check(&told, 0, &["warning[order]: this is a callback of Flyway's"]);
    let told = play_flyway(&[("db/migration/U1__ships.sql", "DROP TABLE nothing;")]);
    check(&told, 0, &["the rehearsal went well"]);
}

#[test]
fn files_that_flyway_does_not_send_as_they_are() {
    let told = play_flyway(&[("db/migration/V2__a.sql", "\nGRANT SELECT ON ships TO ${reader};")]);
    check(&told, 2, &["V2__a.sql:2: No value provided for placeholder: ${reader}"]);
    let told = play_flyway(&[
        ("db/migration/V2__a.sql", "CREATE TABLE ${name} (id int);\n"),
        ("db/migration/R__b.sql", "CREATE OR REPLACE VIEW b AS SELECT '${name}' AS n;\n"),
        ("flyway.toml", "[flyway.placeholders]\nname = \"piers\"\n"),
    ]);
    check(&told, 0, &["rerun   passed"]);
    let told = play_flyway(&[
        ("db/migration/V2__a.sql", "SELECT '${reader}';"),
        ("db/migration/V2__a.sql.conf", "placeholderReplacement=false"),
    ]);
    check(&told, 0, &["the rehearsal went well"]);
    let told = play_flyway(&[("db/migration/V2__a.sql", "SELECT 1;\n\\echo here\n")]);
    check(&told, 1, &["line 2, `\\echo here`: Flyway sends it to Postgres"]);
}

/// Flyway prepares its connection for each file.
#[test]
fn a_search_path_that_flyway_restores() {
    let first = "CREATE SCHEMA app;\nSET search_path = app;\nSET ROLE NONE;\n";
    let second = "CREATE TABLE berths (id int);\nSELECT 'public.berths'::regclass;\n";
    let told =
        play_flyway(&[("db/migration/V2__a.sql", first), ("db/migration/V3__b.sql", second)]);
    check(&told, 0, &["apply   passed", "leaks   passed"]);
    let told = play_flyway(&[("db/migration/V2__a.sql", "SET work_mem = '8MB';\n")]);
    check(&told, 1, &["error[leaks]", "work_mem"]);
}

#[test]
fn statements_that_flyway_runs_without_a_transaction() {
    let index = "CREATE INDEX CONCURRENTLY ships_imo ON ships (imo);\n";
    let told = play_flyway(&[("db/migration/V2__a.sql", index)]);
    check(&told, 1, &["waits until all transactions have ended", "transactional.lock=false"]);
    check(&told, 1, &["apply   passed", "rerun   passed"]);
    let told = play_flyway(&[("db/migration/V2__a.sql", "REINDEX TABLE CONCURRENTLY ships;\n")]);
    check(&told, 1, &["25001", "with a `.sql.conf` beside it", "flyway then opens no transaction"]);
    let both = format!("CREATE TABLE a (id int);\n{index}");
    let told = play_flyway(&[("db/migration/V2__a.sql", &both)]);
    check(&told, 1, &["Detected both transactional and non-transactional", "found at line 2"]);
    let told = play_flyway(&[
        ("db/migration/V2__a.sql", &both),
        ("db/migration/V2__a.sql.conf", "executeInTransaction=false\n"),
        ("flyway.toml", "[flyway.postgresql.transactional]\nlock = false\n"),
    ]);
    check(&told, 0, &["apply   passed", "rerun   passed", "order   passed"]);
    let told = play_flyway(&[
        ("db/migration/V2__a.sql", index),
        ("db/migration/V2__a.sql.conf", "executeInTransaction=false\n"),
    ]);
    check(&told, 0, &["warning[order]: line 1 waits until all", "versions before those of 2026"]);
}

#[test]
fn names_that_flyway_refinery_and_nobody_share() {
    let first = ("migrations/V1__a.sql", "CREATE TABLE IF NOT EXISTS a (id int);");
    // Nobody says whose it is: every boot runs it.
    check(&run(&mut verify(Project::new(&[first]).path())), 0, &["rerun   skipped"]);
    let told = run(&mut verify(Project::new(&[first, ("pom.xml", "flyway-core")]).path()));
    check(&told, 0, &["rerun   passed"]);
    let repeatable = ("migrations/R__b.sql", "SELECT 1;");
    check(&run(&mut verify(Project::new(&[first, repeatable]).path())), 0, &["rerun   passed"]);
    let dotted = ("migrations/V1.1__b.sql", "SELECT 1;");
    check(&run(&mut verify(Project::new(&[first, dotted]).path())), 0, &["rerun   passed"]);
}
