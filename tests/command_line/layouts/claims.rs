//! Whose files they are, where several tools could call them their own.

use rstest::rstest;

use crate::support::{Project, check, check_files, run, verify};

const TABLE: &str = "CREATE TABLE a (id int);\n";
const VIEW: &str = "CREATE OR REPLACE VIEW b AS SELECT 1 AS one;\n";
const DBMATE: &str = "-- migrate:up\nCREATE TABLE a (id int);\n\n-- migrate:down\nDROP TABLE a;\n";

/// A name can be like those of Flyway and yet be another tool's, whose files would be left out.
#[rstest]
#[case::repeatable(
    &["migrations/0001_a.sql", "migrations/0002_b.sql", "migrations/R__views.sql"],
    "fits two layouts: 2 of plain and 1 of flyway"
)]
#[case::below(
    &["migrations/1_a.up.sql", "migrations/2_b.up.sql", "migrations/old/V1_1__x.sql"],
    "fits two layouts: 2 of golang-migrate and 1 of flyway"
)]
#[case::late(
    &["migrations/V1__a.sql", "migrations/U2__b.sql"],
    "fits several layouts: 2 of refinery and 1 of flyway and 1 of plain"
)]
#[case::versioned(
    &["migrations/V1__a.sql", "migrations/V2__b.sql"],
    "fits several layouts: 2 of flyway and 2 of refinery and 2 of plain"
)]
#[case::in_its_place(
    &["db/migration/0001_a.sql", "db/migration/R__views.sql"],
    "fits two layouts: 1 of flyway and 1 of plain"
)]
fn names_of_flyway_and_others(#[case] paths: &[&str], #[case] text: &str) {
    let files = paths.iter().map(|path| (*path, TABLE)).collect::<Vec<_>>();
    check_files(&files, &[text, "say which tool runs it"]);
}

#[test]
fn a_callback_of_flyway_among_plain_files() {
    let guarded = TABLE.replace("TABLE", "TABLE IF NOT EXISTS");
    let files = [("migrations/0001_a.sql", &*guarded), ("migrations/afterDeploy.sql", VIEW)];
    let told = run(&mut verify(Project::new(&files).path()));
    check(&told, 0, &["a boot ignores this file", "afterDeploy.sql", "the rehearsal went well"]);
}

#[test]
fn files_where_flyway_looks_for_them() {
    let files = [("db/migration/V1__a.sql", TABLE), ("db/migration/V2__b.sql", VIEW)];
    let project = Project::new(&files);
    check(&run(&mut verify(project.path())), 0, &["rerun          passed"]);
    check(&run(&mut verify(project.path().join("db/migration"))), 0, &["rerun          passed"]);
    // What the project says by itself counts for more.
    project.write("Cargo.toml", "[target.'cfg(unix)'.dependencies]\nrefinery = \"0.9\"\n");
    project.write("db/migration/U3__c.sql", "CREATE TABLE last (id int);\nSELECT 1/0;\n");
    check(&run(&mut verify(project.path())), 1, &["error[apply]", "U3__c.sql:2:1"]);
    project.write("Cargo.toml", "# refinery is not used\n");
    check(&run(&mut verify(project.path())), 0, &["rerun          passed"]);
}

/// What is in the files counts for more than the tool's settings, and those for more than what the
/// project depends on, perhaps for something else.
#[test]
fn what_is_surer_outweighs_the_rest() {
    let project = Project::new(&[("migrations/20240101000000_a.sql", DBMATE)]);
    project.write("Cargo.toml", "[dependencies]\nsqlx = \"0.9\"\n");
    check(&run(&mut verify(project.path())), 0, &["the rehearsal went well"]);
    project.write("sqlx.toml", "");
    check(&run(&mut verify(project.path())), 0, &["the rehearsal went well"]);
    let project = Project::new(&[("migrations/V1__a.sql", TABLE)]);
    project.write("Cargo.toml", "[dependencies]\nrefinery = \"0.9\"\n");
    project.write("pom.xml", "<artifactId>flyway-core</artifactId>");
    let two = ["fits two layouts: 1 of flyway and 1 of refinery", "\"flyway\"  # or \"refinery\""];
    check(&run(&mut verify(project.path())), 2, &two);
    project.write("flyway.conf", "flyway.locations=filesystem:migrations\n");
    check(&run(&mut verify(project.path())), 0, &["the rehearsal went well"]);
}

#[test]
fn a_comment_that_speaks_of_a_tool() {
    for tool in ["+goose", "+migrate"] {
        let text = format!("-- {tool} is what we left\n{VIEW}");
        let project = Project::new(&[("migrations/1_a.sql", &text)]);
        check(
            &run(&mut verify(project.path())),
            0,
            &["replay         passed", "rerun          skipped"],
        );
    }
}

#[test]
fn plain_files_that_lead_back() {
    let text = "-- Up Migration\nCREATE TABLE a (id int);\n\n-- Down Migration\nDROP TABLE a;\n";
    let back = "migrations/1_a.sql:4: `-- Down Migration` opens the way back in a file of \
                node-pg-migrate";
    check_files(&[("migrations/1_a.sql", text)], &[back, "or by its command as `run`"]);
    // In a text, and before nothing, the words say nothing.
    let harmless = "CREATE OR REPLACE VIEW c AS SELECT '\n-- Down Migration\n' AS x;\n\
                    -- Down Migration\n-- there is none\n";
    let project = Project::new(&[("migrations/1_a.sql", harmless)]);
    check(&run(&mut verify(project.path())), 0, &["the rehearsal went well"]);
}

#[test]
fn a_plan_of_sqitch_beside_other_folders() {
    let plan = "%project=shop\n\nusers 2024-02-05T09:12:31Z Ada <ada@shop.example>\n";
    let top = |folder: &str| {
        Project::new(&[
            (&*format!("{folder}sqitch.plan"), plan),
            (&*format!("{folder}deploy/users.sql"), TABLE),
            (&*format!("{folder}revert/users.sql"), "DROP TABLE a;\n"),
        ])
    };
    let project = top("");
    project.write("db/migrations/1_old.sql", VIEW);
    let both = ["db/migrations and . both hold migrations", "\"db/migrations\"  # or \".\""];
    check(&run(&mut verify(project.path())), 2, &both);
    project.write("rehearsal.toml", "[migrations]\npath = \".\"\n");
    check(&run(&mut verify(project.path())), 0, &["the rehearsal went well"]);
    // Its configuration at the root and its plan in a folder are one project.
    let project = top("sqitch/");
    project.write("sqitch.conf", "[core]\ntop_dir = sqitch\n");
    check(&run(&mut verify(project.path())), 0, &["the rehearsal went well"]);
}

#[test]
fn folders_of_migrations() {
    let project = Project::new(&[("supabase/migrations/1_a.sql", VIEW)]);
    check(&run(&mut verify(project.path())), 0, &["the rehearsal went well"]);
    project.write("migrations/1_a.sql", VIEW);
    project.write("drizzle/1_a.sql", VIEW);
    let all = "migrations and supabase/migrations and drizzle all hold migrations";
    let choice = "path = \"migrations\"  # or \"supabase/migrations\" or \"drizzle\"";
    check(&run(&mut verify(project.path())), 2, &[all, choice]);
    let told = run(&mut verify(Project::new(&[]).path()));
    check(&told, 2, &["no migrations found in", "supabase/migrations"]);
    assert!(told.stderr.lines().all(|line| line.len() <= 100), "{}", told.all());
}
