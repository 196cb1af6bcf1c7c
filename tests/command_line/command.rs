//! `run = "…"`: projects that are migrated by a command, and commands that go wrong in every way.

use std::env;

use rstest::rstest;

use crate::support::{Project, Told, check_report as check, run, verify};

/// What [`migrate`] sends, if it is the command of a project and not a test.
const SQL: &str = "REHEARSAL_TEST_SQL";

/// The command that the projects of these tests run: sends what a variable holds to the database
/// that `DATABASE_URL` names. No other client is sure to be on this machine. As a test it does
/// nothing.
#[test]
fn migrate() {
    let (Ok(url), Ok(sql)) = (env::var("DATABASE_URL"), env::var(SQL)) else { return };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    runtime.expect("a runtime").block_on(async {
        use sqlx::Connection as _;
        let mut connection = sqlx::PgConnection::connect(&url).await.expect("a database");
        let sent = sqlx::raw_sql(sqlx::AssertSqlSafe(sql)).execute(&mut connection).await;
        if let Err(error) = sent {
            println!("{error}");
            std::process::exit(1);
        }
    });
}

/// A line for `sh` that sends this SQL.
pub(crate) fn sending(sql: &str) -> String {
    let this = env::current_exe().expect("it runs");
    let sql = sql.replace('\'', r"'\''");
    format!("{SQL}='{sql}' '{}' --exact command::migrate --nocapture", this.display())
}

/// The configuration of a project that runs this.
fn toml(line: &str) -> String {
    format!("[migrations]\nrun = {}\n", toml::Value::from(line))
}

fn rehearse(line: &str) -> Told {
    let project = Project::new(&[("rehearsal.toml", &toml(line))]);
    run(verify(project.path()).args(["--timeout", "20"]))
}

#[test]
fn a_command_that_can_run_twice() {
    let sql = "CREATE TABLE IF NOT EXISTS users (id int PRIMARY KEY)";
    let no_files = "there are no files to read; `path` under [migrations] would name them";
    check(
        &rehearse(&sending(sql)),
        0,
        &[
            "apply          passed",
            "rerun          passed",
            &format!("replay         skipped          {no_files}"),
            "leaks          skipped          the command keeps its sessions to itself",
            &format!("order          skipped          {no_files}"),
            "2 checks hold",
        ],
    );
}

#[test]
fn a_second_boot_that_fails_or_writes() {
    let told = rehearse(&sending("CREATE TABLE users (id int)"));
    let fails = "error[rerun]: the second boot fails: `REHEARSAL_TEST_SQL=";
    check(&told, 1, &["apply          passed", fails, "relation \"users\" already exists"]);
    let told = rehearse(&sending(
        "CREATE TABLE IF NOT EXISTS boots (at int); INSERT INTO boots VALUES (1)",
    ));
    check(
        &told,
        1,
        &[
            "error[rerun]: the second boot changes the database",
            "table public.boots",
            "which table is the ledger is not known here",
            "a second boot must find nothing to do",
        ],
    );
}

#[test]
fn a_command_finds_its_database_and_no_other() {
    let line = "env | grep -e '^PG' -e '^DATABASE_URL' | sort; pwd; cat; exit 9";
    let project = Project::new(&[("rehearsal.toml", &toml(line))]);
    let mut command = verify(project.path());
    command.env("PGSERVICE", "production").env("PGHOSTADDR", "10.0.0.1").env("PG_CONFIG", "kept");
    let told = run(command.env("PGPASSFILE", "/etc/passwords").env("PGHOST", "production"));
    let root = project.path().canonicalize().expect("it is there");
    check(
        &told,
        1,
        &[
            "ends with exit status 9",
            "DATABASE_URL=postgresql://rehearsal_owner:",
            "@127.0.0.1:",
            "PGDATABASE=rehearsal_",
            "PGHOST=127.0.0.1",
            "PGSSLMODE=disable",
            "PGUSER=rehearsal_owner",
            "PG_CONFIG=kept",
            &root.display().to_string(),
            "--keep leaves the database",
        ],
    );
    for absent in ["PGSERVICE", "PGHOSTADDR", "PGPASSFILE", "production"] {
        assert!(!told.stdout.contains(absent), "{}", told.all());
    }
}

#[test]
fn the_role_and_the_database_are_those_of_the_configuration() {
    let sql = "DO $$ BEGIN ASSERT current_database() = 'my app'; END $$; \
               CREATE EXTENSION IF NOT EXISTS file_fdw";
    let base = toml(&sending(sql)) + "[postgres]\ndatabase = \"my app\"\n";
    let project = Project::new(&[("rehearsal.toml", &base)]);
    let owner = run(&mut verify(project.path()));
    check(
        &owner,
        1,
        &["permission denied to create extension", "role = \"superuser\"", "extensions = ["],
    );
    project.write("rehearsal.toml", base + "role = \"superuser\"\n");
    check(&run(&mut verify(project.path())), 0, &["as superuser", "rerun          passed"]);
}

#[test]
fn a_command_that_does_not_touch_the_database() {
    check(
        &rehearse("echo all migrations applied"),
        1,
        &[
            "error[apply]: the first boot leaves the database as it was",
            "it probably does not read DATABASE_URL",
            "all migrations applied",
            "help: let it take its database from DATABASE_URL",
        ],
    );
}

#[rstest]
#[case::missing("nonesuch up", &["exit status 127", "nonesuch", "did not find a program"])]
#[case::closed("./rehearsal.toml", &["ends with exit status 126", "chmod +x"])]
#[case::failing("echo to see; echo wrong >&2; exit 3", &["exit status 3", "to see", "wrong"])]
#[case::silent("false", &["ends with exit status 1", "it said nothing"])]
#[case::syntax("if", &["ends with exit status 2", "rehearsal.toml:2:7"])]
#[case::killed("kill -KILL $$", &["is ended by signal 9 (KILL)", "want of memory"])]
#[case::killed_below("sh -c 'kill -KILL $$'; exit $?", &["exit status 137", "want of memory"])]
#[case::escapes(r"printf '\033[31mred\033[0m\a\n'; exit 1", &["red\u{fffd}"])]
#[case::input("cat; read answer || exit 4", &["ends with exit status 4"])]
fn a_command_that_fails(#[case] line: &str, #[case] texts: &[&str]) {
    let told = rehearse(line);
    check(&told, 1, &["error[apply]: the first boot fails: ", "apply          failed"]);
    check(&told, 1, texts);
    assert!(!told.stdout.contains('\u{1b}'), "{}", told.all());
}

#[test]
fn a_command_that_never_ends() {
    let project = Project::new(&[("rehearsal.toml", &toml("echo waiting; sleep 98765"))]);
    let told = run(verify(project.path()).args(["--timeout", "1"]));
    check(&told, 1, &["does not end within 1 s", "waiting", "--timeout SECONDS"]);
    project.write("rehearsal.toml", toml(&format!("{} & wait", sending("SELECT pg_sleep(9)"))));
    let told = run(verify(project.path()).args(["--timeout", "2"]));
    check(&told, 1, &["does not end within 2 s"]);
}

#[test]
fn a_command_that_says_too_much() {
    let line = "head -c 100000000 /dev/zero | tr '\\0' 'x'; echo; echo the end; exit 1";
    let told = rehearse(line);
    check(&told, 1, &["xxx", "… 99 MB left out …", "the end"]);
    assert!(told.stdout.len() < 20_000, "{} bytes", told.stdout.len());
    let lines = "yes a line | head -n 5000000; exit 1";
    check(&rehearse(lines), 1, &["a line\n", "… 34 MB left out …"]);
}

#[test]
fn what_goes_on_after_the_command() {
    let goes_on = "warning[apply]: the first boot goes on after `";
    let sql = sending("CREATE TABLE IF NOT EXISTS a (id int)");
    check(&rehearse(&format!("{sql}; sleep 98765 &")), 0, &[goes_on, "let it wait for all"]);
    // What is silent and has no session is nobody's business any more.
    let silent = format!("{sql}; sleep 98765 >/dev/null 2>&1 &");
    let told = rehearse(&silent);
    check(&told, 0, &["apply          passed", "the rehearsal went well: 2 checks hold"]);
}

/// A daemon leaves the process group, where it can't be killed, and keeps a session.
#[cfg(target_os = "linux")]
#[test]
fn a_daemon_that_stays_connected() {
    let sql = sending("CREATE TABLE IF NOT EXISTS a (id int)");
    // It ends with its session.
    let daemon = sending("SELECT pg_sleep(98765)").replace("' '", "' setsid '");
    let told = rehearse(&format!("{sql}; {daemon} >/dev/null 2>&1 & sleep 1"));
    check(&told, 0, &["warning[apply]: the first boot goes on after", "rerun          passed"]);
}

/// Both kinds of a project's migrations: the command boots, the files are read and replayed.
#[test]
fn files_beside_a_command() {
    let bare = "CREATE TABLE bare (id int);\n";
    let line = sending("CREATE TABLE IF NOT EXISTS bare (id int)");
    let path = toml(&line) + "path = \"db\"\nformat = \"golang-migrate\"\n";
    let project = Project::new(&[
        ("db/000001_bare.up.sql", bare),
        ("db/000002_more.sql", bare),
        ("rehearsal.toml", &path),
    ]);
    let told = run(&mut verify(project.path()));
    let ignored = "warning[order]: golang-migrate ignores this file";
    check(
        &told,
        0,
        &["apply          passed", "rerun          passed", "replay         allowed", ignored],
    );
    project.write("rehearsal.toml", path + "[checks]\nreplay = \"deny\"\n");
    let told = run(&mut verify(project.path()));
    check(&told, 1, &["error[replay]: 000001_bare.up.sql can't be executed again", "42P07"]);
    project.write("db/000001_more.up.sql", bare);
    let told = run(&mut verify(project.path()));
    check(&told, 1, &["replay         skipped          the files can't be played, see `order`"]);
}

/// Keys that make no sense together, and paths that hold nothing.
#[rstest]
#[case::empty("run = \"\"", &["rehearsal.toml:2:7: `run` is empty"])]
#[case::boot("run = \"make\"\nboot = \"ledger\"", &["`boot` is about files", "remove `boot`"])]
#[case::format("run = \"a\"\nformat = \"b\"", &["`run` without `path` has none", "add `path`"])]
#[case::fingerprint("fingerprint = [\"a\"]", &["there is no `run`", "alembic upgrade head"])]
#[case::kind("run = 3", &["rehearsal.toml:2:7: invalid type", "write it in quotes"])]
#[case::path("run = \"make\"\npath = \"db\"", &["failed to read the folder"])]
#[case::nul("run = \"make\\u0000\"", &["failed to start sh"])]
fn a_configuration_that_makes_no_sense(#[case] keys: &str, #[case] texts: &[&str]) {
    let project = Project::new(&[("rehearsal.toml", &format!("[migrations]\n{keys}\n"))]);
    let told = run(&mut verify(project.path()));
    assert_eq!(told.status, 2, "{}", told.all());
    for text in texts {
        assert!(told.stderr.contains(text), "does not say `{text}`:\n{}", told.all());
    }
}
