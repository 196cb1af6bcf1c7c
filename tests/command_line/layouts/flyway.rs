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
    check(&told, 1, &["Found more than one migration with version 1.0", "apply          failed"]);
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
    check(&told, 0, &["rerun          passed"]);
    let told = play_flyway(&[
        ("db/migration/V2__a.sql", "SELECT '${reader}';"),
        ("db/migration/V2__a.sql.conf", "placeholderReplacement=false"),
    ]);
    check(&told, 0, &["the rehearsal went well"]);
    let told = play_flyway(&[("db/migration/V2__a.sql", "SELECT 1;\n\\echo here\n")]);
    check(&told, 1, &["line 2, `\\echo here`: Flyway sends it to Postgres"]);
}

#[test]
fn placeholders_of_flyway_and_of_spring() {
    let own = "CREATE TABLE ${flyway:defaultSchema}.a (id int);\nSELECT '${flyway:filename}';\n";
    check(&play_flyway(&[("db/migration/V2__a.sql", own)]), 0, &["the rehearsal went well"]);
    let told = play_flyway(&[("db/migration/V2__a.sql", "SELECT '${flyway:timestamp}';\n")]);
    check(&told, 2, &["V2__a.sql:1: ${flyway:timestamp} is Flyway's own", "now(), current_user"]);
    let spring = ("application.properties", "spring.flyway.placeholders.reader=public\n");
    let told =
        play_flyway(&[("db/migration/V2__a.sql", "GRANT SELECT ON ships TO ${reader};\n"), spring]);
    check(&told, 0, &["the rehearsal went well"]);
}

/// Flyway prepares its connection for each file.
#[test]
fn a_search_path_that_flyway_restores() {
    let first = "CREATE SCHEMA app;\nSET search_path = app;\nSET ROLE NONE;\n";
    let second = "CREATE TABLE berths (id int);\nSELECT 'public.berths'::regclass;\n";
    let told =
        play_flyway(&[("db/migration/V2__a.sql", first), ("db/migration/V3__b.sql", second)]);
    check(&told, 0, &["apply          passed", "leaks          passed"]);
    let told = play_flyway(&[("db/migration/V2__a.sql", "SET work_mem = '8MB';\n")]);
    check(&told, 1, &["error[leaks]", "work_mem", "SET LOCAL work_mem = '8MB';"]);
    let told = play_flyway(&[("db/migration/V2__a.sql", "COMMIT;\nSET work_mem = '8MB';\n")]);
    check(&told, 1, &["at the end of the file: RESET work_mem;"]);
}

#[test]
fn every_statement_that_fails_in_the_transaction_of_flyway() {
    let tables = "CREATE TABLE a (id int);\nCREATE TABLE b (id int);\nCREATE TABLE c (id int);\n";
    let deny = ("rehearsal.toml", "[checks]\nreplay = \"deny\"\n");
    let told = play_flyway(&[("db/migration/V2__a.sql", tables), deny]);
    check(&told, 1, &["V2__a.sql:1:1", "V2__a.sql:2:1", "V2__a.sql:3:1", "4 findings"]);
}

#[test]
fn copies_of_migrations_below_those_of_a_projects_root() {
    let project = Project::new(&[
        ("V1__a.sql", "CREATE TABLE a (id int);\n"),
        ("build/resources/V1__a.sql", "CREATE TABLE a (id int);\n"),
        ("flyway.conf", "flyway.locations=filesystem:.\n"),
    ]);
    check(&run(&mut verify(project.path())), 0, &["the rehearsal went well"]);
}

/// Each link would multiply the ways that lead to a file.
#[test]
fn links_that_lead_back_into_a_folder() {
    for (name, settings) in [
        ("flyway", ("flyway.conf", "")),
        ("refinery", ("Cargo.toml", "[dependencies]\nrefinery = \"0.9\"\n")),
    ] {
        let toml = format!("[migrations]\npath = \"migrations\"\nformat = \"{name}\"\n");
        let first = ("migrations/V1__a.sql", "CREATE TABLE a (id int);\n");
        let project = Project::new(&[settings, first, ("rehearsal.toml", &toml)]);
        for (link, to) in [("x", "."), ("y", "."), ("z", "../migrations"), ("up", "..")] {
            let link = project.path().join("migrations").join(link);
            std::os::unix::fs::symlink(to, link).expect("a link");
        }
        check(&run(&mut verify(project.path())), 0, &["the rehearsal went well"]);
    }
}

/// A repeatable file runs after all others, and again whenever it has changed.
#[test]
fn new_versions_beside_repeatable_files() {
    let project = Project::new(&[
        SHIPS,
        ("db/migration/V3__b.sql", "SELECT 1;\n"),
        ("db/migration/R__b.sql", "SELECT 1;\n"),
        ("flyway.conf", ""),
        ("rehearsal.toml", "[history]\nbase = \"main\"\n"),
    ]);
    project.commit_to_main();
    project.write("db/migration/V4__d.sql", "SELECT 1;\n");
    project.write("db/migration/R__a.sql", "SELECT 1;\n");
    check(&run(&mut verify(project.path())), 0, &["order          passed"]);
    project.write("db/migration/V2__c.sql", "SELECT 1;\n");
    let late = "V2__c is new, and sorts before V3__b, which is merged";
    check(&run(&mut verify(project.path())), 1, &[late, "a number after that of V3__b"]);
}

#[test]
fn statements_that_flyway_runs_without_a_transaction() {
    let index = "CREATE INDEX CONCURRENTLY ships_imo ON ships (imo);\n";
    let told = play_flyway(&[("db/migration/V2__a.sql", index)]);
    check(&told, 1, &["waits until all transactions have ended", "transactional.lock=false"]);
    check(&told, 1, &["apply          passed", "rerun          passed"]);
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
    check(&told, 0, &["apply          passed", "rerun          passed", "order          passed"]);
    let told = play_flyway(&[
        ("db/migration/V2__a.sql", index),
        ("db/migration/V2__a.sql.conf", "executeInTransaction=false\n"),
    ]);
    check(&told, 0, &["warning[order]: line 1 waits until all", "versions before those of 2026"]);
}

#[test]
fn names_that_flyway_refinery_and_nobody_share() {
    let first = ("migrations/V1__a.sql", "CREATE TABLE IF NOT EXISTS a (id int);");
    // Nobody says whose it is.
    let several = "fits several layouts: 1 of flyway and 1 of refinery and 1 of plain";
    check(&run(&mut verify(Project::new(&[first]).path())), 2, &[several]);
    let told = run(&mut verify(Project::new(&[first, ("pom.xml", "flyway-core")]).path()));
    check(&told, 0, &["rerun          passed"]);
    let gradle = ("build.gradle.kts", "id(\"org.flywaydb.flyway\")");
    check(&run(&mut verify(Project::new(&[first, gradle]).path())), 0, &["rerun          passed"]);
    // Nobody else's are called like this.
    let repeatable = ("migrations/R__b.sql", "SELECT 1;");
    check(&run(&mut verify(Project::new(&[repeatable]).path())), 0, &["rerun          passed"]);
}
