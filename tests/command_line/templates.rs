//! What was played before is not played again, and what somebody else changed is noticed.

use std::thread;

use rstest::rstest;

use crate::support::{Project, Temporary, Told, check, run, verify};

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

/// Ten processes at once, and one server.
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
        for told in runs {
            check(&told.join().expect("it ends"), 0, &[]);
        }
        servers
    });
    assert_eq!(servers, 1);
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
