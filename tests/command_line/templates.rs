//! What was played before is not played again, and what somebody else changed is noticed.

use std::process::Command;
use std::thread;
use std::time::Instant;

use rstest::rstest;
use sqlx::{Connection as _, PgConnection};

use crate::leftovers::started;
use crate::support::{PATIENCE, Project, Temporary, Told, alone, check, run, verify};

/// A chain that takes long enough to be worth a template.
fn slow() -> Project {
    Project::new(&[
        ("migrations/000001_slow.up.sql", "CREATE TABLE a (id int); SELECT pg_sleep(0.2);\n"),
        ("migrations/000002_next.up.sql", "CREATE TABLE b (id int);\n"),
        ("migrations/000003_last.up.sql", "CREATE TABLE c (id int);\n"),
        ("rehearsal.toml", "[migrations]\nboot = \"ledger\"\n"),
    ])
}

/// How many of how many files were taken over, if the run says so.
fn taken_over(told: &Told) -> Option<&str> {
    told.stderr
        .lines()
        .find_map(|line| {
            line.strip_prefix("note: ")?.split_once(" files as they were played before")
        })
        .map(|(counts, _)| counts)
}

fn rehearse(project: &Project, temporary: &Temporary) -> Told {
    run(verify(project.path()).env("TMPDIR", temporary.path()))
}

/// A boot from the beginning reads the ledger before it plays the first of the two. One that goes
/// on from a template finds the version there, and takes the second for applied.
#[test]
fn a_version_that_is_taken_is_not_hidden_by_a_template() {
    let project = Project::new(&[
        ("migrations/V01__a.sql", "CREATE TABLE a (id int); SELECT pg_sleep(0.2);\n"),
        ("rehearsal.toml", "[migrations]\nformat = \"refinery\"\n"),
    ]);
    let temporary = Temporary::new();
    check(&rehearse(&project, &temporary), 0, &[]);
    project.write("migrations/V1__b.sql", "CREATE TABLE b (id int);\n");
    for _ in 0..2 {
        let told = rehearse(&project, &temporary);
        check(&told, 1, &["error[apply]", "refinery's own, on its ledger"]);
    }
}

#[test]
fn only_what_changed_is_played() {
    let (project, temporary) = (slow(), Temporary::new());
    let first = rehearse(&project, &temporary);
    check(&first, 0, &[]);
    assert_eq!(taken_over(&first), None);
    let again = rehearse(&project, &temporary);
    check(&again, 0, &[]);
    assert_eq!(taken_over(&again), Some("3 of 3"));

    project.write("migrations/000003_last.up.sql", "CREATE TABLE b (id int);\n");
    let changed = rehearse(&project, &temporary);
    check(&changed, 1, &["000003_last.up.sql:1:1", "42P07"]);
    assert_eq!(taken_over(&changed), Some("2 of 3"));

    project.write("migrations/000003_last.up.sql", "CREATE TABLE c (id int);\n");
    project.write("migrations/000004_new.up.sql", "CREATE TABLE d (id int);\n");
    let longer = rehearse(&project, &temporary);
    check(&longer, 0, &[]);
    assert_eq!(taken_over(&longer), Some("3 of 4"));

    let cold = run(verify(project.path()).arg("--cold").env("TMPDIR", temporary.path()));
    check(&cold, 0, &[]);
    assert_eq!(taken_over(&cold), None);

    project.write("migrations/000002_next.up.sql", "CREATE TABLE e (id int);\n");
    let early = rehearse(&project, &temporary);
    check(&early, 0, &[]);
    assert_eq!(taken_over(&early), None);
}

/// The server of the first run has ended by then; its cluster is what is left.
#[test]
fn a_later_server_begins_with_the_templates() {
    let (project, temporary) = (slow(), Temporary::new());
    check(&rehearse(&project, &temporary), 0, &[]);
    temporary.assert_servers_are_left(0);
    let again = rehearse(&project, &temporary);
    check(&again, 0, &[]);
    assert_eq!(taken_over(&again), Some("3 of 3"));
}

/// What a file left in its session is a finding each time, so it is played each time.
#[test]
fn a_leak_is_told_again() {
    let temporary = Temporary::new();
    let project = slow();
    project.write("migrations/000002_next.up.sql", "SET search_path = pg_catalog;\n");
    for _ in 0..2 {
        let told = rehearse(&project, &temporary);
        check(&told, 1, &["error[leaks]", "000002_next.up.sql"]);
        assert_eq!(taken_over(&told), None);
    }
}

/// The last file goes by what the session remembers of the first one.
#[test]
fn a_session_that_remembers_is_not_cut() {
    let temporary = Temporary::new();
    let project = slow();
    project.write(
        "migrations/000001_slow.up.sql",
        "CREATE SEQUENCE s; SELECT nextval('s'), pg_sleep(0.2);\n",
    );
    project.write("migrations/000003_last.up.sql", "SELECT currval('s');\n");
    check(&rehearse(&project, &temporary), 0, &[]);
    project.write("migrations/000003_last.up.sql", "SELECT currval('s'), 1;\n");
    check(&rehearse(&project, &temporary), 0, &[]);
}

/// Roles belong to the whole server: each run has one to itself, however they are made.
#[rstest]
#[case::plainly("CREATE ROLE app;")]
#[case::hidden("DO $$ BEGIN EXECUTE 'CRE' || 'ATE ROLE app'; END $$;")]
fn a_role_is_made_by_many_at_once(#[case] sql: &str) {
    let temporary = Temporary::new();
    let project = slow();
    project.write("migrations/000002_next.up.sql", sql);
    thread::scope(|scope| {
        let runs = [(); 3].map(|()| scope.spawn(|| rehearse(&project, &temporary)));
        for told in runs {
            check(&told.join().expect("it ends"), 0, &[]);
        }
    });
    check(&rehearse(&project, &temporary), 0, &[]);
    project
        .write("rehearsal.toml", "[checks]\nreplay = \"deny\"\n[migrations]\nboot = \"ledger\"\n");
    check(&rehearse(&project, &temporary), 1, &["error[replay]", "42710"]);
}

/// Six processes at once, and one server, on which one of them plays.
#[test]
fn a_server_is_shared() {
    let (project, temporary) = (slow(), Temporary::new());
    let servers = thread::scope(|scope| {
        let runs = [(); 6].map(|()| scope.spawn(|| rehearse(&project, &temporary)));
        let mut servers = 0;
        while !runs.iter().all(thread::ScopedJoinHandle::is_finished) {
            servers = servers.max(temporary.servers().len());
            thread::yield_now();
        }
        let told = runs.map(|told| told.join().expect("it ends"));
        for told in &told {
            check(told, 0, &[]);
        }
        assert_eq!(told.iter().filter(|told| taken_over(told).is_none()).count(), 1);
        servers
    });
    assert_eq!(servers, 1);
}

/// What somebody has left who was killed goes while others still use the server.
#[test]
fn databases_of_the_dead_go_when_the_next_one_comes() {
    let temporary = Temporary::new();
    let begin = |number: u32| {
        // Each plays for itself, and waits for nobody who would play the same.
        let sql = format!("SELECT pg_sleep(900 + {number});\n");
        let project = Project::new(&[("migrations/000001_endless.up.sql", &sql)]);
        (started(&project, &temporary, "first boot"), project)
    };
    let (mut living, _living) = begin(1);
    let (mut dying, _dying) = begin(2);
    dying.kill().expect("it runs");
    dying.wait().expect("it ends");
    let others = "SELECT count(*) FROM pg_database WHERE datname ~ '^rehearsal_[0-9a-f]{8}_'";
    let next = format!(
        "SET LOCAL statement_timeout = '8s';\n\
         DO $$ BEGIN WHILE ({others}) > 2 LOOP PERFORM pg_sleep(0.01); END LOOP; END $$;\n"
    );
    let next = Project::new(&[("migrations/000001_count.up.sql", &next)]);
    let told = run(verify(next.path()).args(["--only", "apply"]).env("TMPDIR", temporary.path()));
    living.kill().expect("it runs");
    living.wait().expect("it ends");
    check(&told, 0, &[]);
}

/// What a test has done to the server beside its database is not there for whoever comes when that
/// one has ended.
#[test]
fn a_role_that_a_test_has_made_is_forgotten_with_the_server() {
    const NAME: &str = "templates::a_role_that_a_test_has_made_is_forgotten_with_the_server";
    const MAKER: &str = "REHEARSAL_TEST_MAKES_A_ROLE";
    if std::env::var_os(MAKER).is_some() {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        return runtime.expect("a runtime").block_on(async {
            let rehearsal = rehearsal::Rehearsal::of("fixtures/ledger").server("native");
            let database = rehearsal.database().await.expect("a database");
            database.execute("CREATE ROLE left_behind").await.expect("it may");
        });
    }
    let temporary = Temporary::new();
    let mut maker = Command::new(std::env::current_exe().expect("a test"));
    maker.args(["--exact", NAME]).env("TMPDIR", temporary.path()).env(MAKER, "yes");
    check(&run(&mut maker), 0, &["1 passed"]);
    temporary.assert_servers_are_left(0);
    assert_eq!(temporary.in_homes("warm").len(), 1, "what the server had is kept");
    // Its text doesn't tell that it makes a role: it is played where everybody is.
    let hidden = "DO $$ BEGIN EXECUTE 'CRE' || 'ATE RO' || 'LE left_behind'; END $$;\n";
    let hidden = Project::new(&[("migrations/000001_role.up.sql", hidden)]);
    let only = ["--only", "apply"];
    check(&run(verify(hidden.path()).args(only).env("TMPDIR", temporary.path())), 0, &[]);
}

/// Copies are made ahead, and handed out under another name.
#[test]
fn a_copy_that_is_ready_is_taken() {
    let Some(_temporary) = alone("templates::a_copy_that_is_ready_is_taken") else { return };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    runtime.expect("a runtime").block_on(async {
        let rehearsal = || rehearsal::Rehearsal::of("fixtures/ledger").server("native");
        let first = rehearsal().database().await.expect("a database");
        let mut session = PgConnection::connect(&first.url()).await.expect("a session");
        let mut numbers = async |pattern: &str| {
            let query = "SELECT array_agg(oid::int8) FROM pg_database WHERE datname ~ $1";
            let found = sqlx::query_scalar::<_, Option<Vec<i64>>>(query).bind(pattern);
            found.fetch_one(&mut session).await.expect("rows").unwrap_or_default()
        };
        let deadline = Instant::now() + PATIENCE;
        let mut ready = Vec::new();
        // All that are made, so that none comes while one is taken.
        while ready.len() < 2 && Instant::now() < deadline {
            ready = numbers("^rehearsal_ready_").await;
        }
        let second = rehearsal().database().await.expect("a database");
        let name = second.url().rsplit('/').next().expect("a name").to_owned();
        assert!(ready.contains(&numbers(&format!("^{name}$")).await[0]), "{ready:?}");
    });
}

/// A chain that leaves something in its session has a template only for those who want no more than
/// its database.
#[test]
fn a_leak_is_no_obstacle_the_second_time() {
    let temporary = Temporary::new();
    let project = Project::new(&[
        ("migrations/000001_slow.up.sql", "CREATE TABLE a (id int); SELECT pg_sleep(0.15);\n"),
        ("migrations/000002_leak.up.sql", "SET work_mem = '1MB';\n"),
        ("rehearsal.toml", "[migrations]\nboot = \"ledger\"\n"),
    ]);
    let tell = || {
        let told = rehearse(&project, &temporary);
        (told.status, told.stdout.contains("work_mem"))
    };
    assert_eq!(tell(), tell());
    assert_eq!(tell().0, 1, "{}", rehearse(&project, &temporary).all());
}

/// Row-level security is that of a table's owner, who is no superuser.
#[test]
fn a_policy_that_is_forced_holds_for_the_owner() {
    let project = Project::new(&[(
        "migrations/000001_policy.up.sql",
        "CREATE TABLE a (id int);\n\
         ALTER TABLE a ENABLE ROW LEVEL SECURITY;\n\
         INSERT INTO a VALUES (1);\n\
         ALTER TABLE a FORCE ROW LEVEL SECURITY;\n\
         DO $$ BEGIN ASSERT (SELECT count(*) FROM a) = 0; END $$;\n\
         INSERT INTO a VALUES (2);\n",
    )]);
    let told = run(&mut verify(project.path()));
    check(&told, 1, &["000001_policy.up.sql:6:1", "violates row-level security policy"]);
}
