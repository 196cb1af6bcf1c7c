//! However a rehearsal ends, it leaves no server and no data behind.

use std::io::{BufRead as _, BufReader};
use std::panic::AssertUnwindSafe;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use rstest::rstest;

use crate::support::{Project, Temporary, alone, check, pause, run, verify, wait_until};

/// A project whose rehearsal would take a quarter of an hour.
pub(crate) fn endless() -> Project {
    Project::new(&[("migrations/000001_endless.up.sql", "SELECT pg_sleep(900);\n")])
}

/// Starts its rehearsal, and returns when it says that it is about to do something.
pub(crate) fn started(project: &Project, temporary: &Temporary, moment: &str) -> Child {
    begun(verify(project.path()).env("TMPDIR", temporary.path()), moment)
}

/// The same for any command.
pub(crate) fn begun(command: &mut Command, moment: &str) -> Child {
    let mut child =
        command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().expect("the binary was built");
    let said = BufReader::new(child.stderr.take().expect("it is piped"));
    let begun = said.lines().map_while(Result::ok).any(|line| line.starts_with(moment));
    assert!(begun, "`{moment}` was never said");
    child
}

/// Asserts that nothing is left, at the latest after the time in which it must have gone.
pub(crate) fn assert_nothing_is_left(temporary: &Temporary) {
    temporary.assert_servers_are_left(0);
    let folder = temporary.path().display().to_string();
    let left = || {
        let listed = Command::new("ps").args(["-eo", "args"]).output().expect("ps is there");
        let listed = String::from_utf8_lossy(&listed.stdout).into_owned();
        let left = listed.lines().filter(|line| line.contains(&folder)).map(str::to_owned);
        left.collect::<Vec<_>>()
    };
    wait_until(|| left().is_empty());
    assert_eq!(left(), <Vec<String>>::new());
    temporary.assert_no_segment_is_left();
}

#[rstest]
#[case::ctrl_c("INT")]
#[case::asked_to_end("TERM")]
#[case::terminal_closed("HUP")]
fn after_a_signal(#[case] signal: &str) {
    let (project, temporary) = (endless(), Temporary::new());
    let mut child = started(&project, &temporary, "first boot");
    send(signal, &child);
    assert_eq!(child.wait().expect("it ends").code(), Some(130));
    assert_nothing_is_left(&temporary);
}

/// A command and what it has started end with us.
#[rstest]
#[case::ctrl_c("INT", Some(130))]
#[case::asked_to_end("TERM", Some(130))]
#[case::killed("KILL", None)]
fn a_command_after_a_signal(#[case] signal: &str, #[case] status: Option<i32>) {
    // A duration that nobody else sleeps, not even another case, to be found by.
    let seconds = format!("8{}.{}", std::process::id(), u32::from(signal.as_bytes()[0]));
    let line = format!("(sleep {seconds}; true) & mkdir begun; sleep {seconds}; true");
    let project = Project::new(&[("rehearsal.toml", &format!("[migrations]\nrun = \"{line}\""))]);
    let temporary = Temporary::new();
    let mut child = started(&project, &temporary, "first boot");
    while !project.path().join("begun").exists() {
        pause();
    }
    send(signal, &child);
    assert_eq!(child.wait().expect("it ends").code(), status);
    let sleeping = || {
        let listed = Command::new("ps").args(["-eo", "args"]).output().expect("ps is there");
        let listed = String::from_utf8_lossy(&listed.stdout).into_owned();
        listed.lines().filter(|line| *line == format!("sleep {seconds}")).count()
    };
    wait_until(|| sleeping() == 0);
    assert_eq!(sleeping(), 0);
    assert_nothing_is_left(&temporary);
}

/// Whatever was under way when the end came is gone when the next rehearsal has begun.
#[rstest]
#[case::interrupted("INT")]
#[case::killed("KILL")]
fn in_the_middle_of_initdb(#[case] signal: &str) {
    let (project, temporary) = (endless(), Temporary::new());
    let mut child = started(&project, &temporary, "starting Postgres");
    send(signal, &child);
    assert!(!child.wait().expect("it ends").success());
    let told = run(verify("fixtures/ledger").env("TMPDIR", temporary.path()));
    assert_eq!(told.status, 0, "{}", told.all());
    assert_nothing_is_left(&temporary);
}

#[test]
fn a_damaged_cache_is_made_anew() {
    let temporary = Temporary::new();
    let verify = || run(verify("fixtures/ledger").env("TMPDIR", temporary.path()));
    let told = verify();
    assert_eq!(told.status, 0, "{}", told.all());
    // The server that was copied from it would do for the next one, and may yet keep its cluster.
    assert_nothing_is_left(&temporary);
    let home = std::fs::read_dir(temporary.path()).expect("our folder").flatten().next();
    let home = home.expect("a home").path();
    let folders = ["clusters", "warm"].map(|name| std::fs::read_dir(home.join(name)));
    let clusters = folders.into_iter().flatten().flatten().flatten().map(|cluster| cluster.path());
    let controls = clusters.map(|cluster| cluster.join("global/pg_control")).collect::<Vec<_>>();
    let control = controls.first().expect("a cluster");
    for control in &controls {
        std::fs::remove_file(control).expect("it is there");
    }
    let told = verify();
    assert_eq!(told.status, 0, "{}", told.all());
    assert!(control.exists(), "the cache was not made anew");
    assert_nothing_is_left(&temporary);
}

#[test]
fn after_being_killed() {
    let (project, temporary) = (endless(), Temporary::new());
    let mut child = started(&project, &temporary, "first boot");
    child.kill().expect("it runs");
    child.wait().expect("it ends");
    assert_nothing_is_left(&temporary);
}

pub(crate) fn send(signal: &str, child: &Child) {
    let id = child.id().to_string();
    assert!(Command::new("kill").args(["-s", signal, &id]).status().is_ok_and(|it| it.success()));
}

/// Ends what is started again and again, each time a little later, and looks what is left by all
/// of them. The span is about how long they would take by themselves.
pub(crate) fn end_at_many_moments(
    signal: &str,
    span: Duration,
    start: impl Fn(&Temporary, u32) -> Child + Sync,
    assert_nothing_is_left: impl Fn(&Temporary) + Sync,
) {
    const THREADS: u32 = 2;
    const ENDS: u32 = 25;
    std::thread::scope(|scope| {
        for thread in 0..THREADS {
            let (start, assert_nothing_is_left) = (&start, &assert_nothing_is_left);
            scope.spawn(move || {
                let temporary = Temporary::new();
                for end in 0..ENDS {
                    let moment = span * (end * THREADS + thread) / (ENDS * THREADS);
                    let mut child = start(&temporary, end);
                    let begin = Instant::now();
                    while begin.elapsed() < moment && matches!(child.try_wait(), Ok(None)) {
                        pause();
                    }
                    // Should it end between the question and the signal, it is still there to be
                    // waited for.
                    if matches!(child.try_wait(), Ok(None)) {
                        send(signal, &child);
                    }
                    child.wait().expect("it ends");
                }
                assert_nothing_is_left(&temporary);
            });
        }
    });
}

/// A project of which each boot takes a moment.
pub(crate) fn slow() -> Project {
    Project::new(&[
        ("migrations/000001_slow.up.sql", "CREATE TABLE a (id int); SELECT pg_sleep(0.15);\n"),
        ("migrations/000002_last.up.sql", "CREATE TABLE b (id int);\n"),
        ("rehearsal.toml", "[migrations]\nboot = \"ledger\"\n"),
    ])
}

/// About how long a rehearsal takes with a server that is there, and one that is not.
const SPAN: Duration = Duration::from_millis(700);

/// After a run that sweeps: what was killed before its server could watch it goes when the next
/// one starts.
pub(crate) fn assert_nothing_is_left_after_the_next(temporary: &Temporary) {
    let sweep = |options: &[&str]| {
        let mut next = verify("fixtures/ledger");
        let told = run(next.args(options).env("TMPDIR", temporary.path()));
        assert_eq!(told.status, 0, "{}", told.all());
        wait_until(|| temporary.servers().is_empty());
    };
    sweep(&[]);
    if !temporary.servers().is_empty() {
        // On a machine that is busy, what was ending while it started goes with the one after it.
        sweep(&["--cold"]);
    }
    assert_nothing_is_left(temporary);
    assert_eq!(temporary.in_homes("turns"), <Vec<PathBuf>>::new());
}

#[rstest]
#[case::interrupted("INT")]
#[case::killed("KILL")]
fn after_an_end_at_fifty_moments(#[case] signal: &str) {
    let project = slow();
    let start = |temporary: &Temporary, _| {
        let mut command = verify(project.path());
        command.env("TMPDIR", temporary.path()).stdout(Stdio::null()).stderr(Stdio::null());
        command.spawn().expect("the binary was built")
    };
    end_at_many_moments(signal, SPAN, start, assert_nothing_is_left_after_the_next);
}

/// In the environment of the next test, that it is to fail.
const FAILING: &str = "REHEARSAL_TEST_FAILS";

/// What other tests start and end: a user's tests, each with a database of its own.
#[tokio::test]
async fn tests_of_a_user() {
    let server = std::env::var("REHEARSAL_SERVER").unwrap_or_else(|_| "native".to_owned());
    // The last one has a server to itself.
    for cold in [false, false, true] {
        let rehearsal = rehearsal::Rehearsal::of("fixtures/ledger").server(&server).cold(cold);
        let database = rehearsal.database().await.expect("a database");
        database.execute("CREATE TABLE mine (id int)").await.expect("it is empty");
        assert!(!cold || std::env::var_os(FAILING).is_none(), "it fails as it was told");
    }
}

pub(crate) fn user_tests(temporary: &Temporary) -> Command {
    let mut command = Command::new(std::env::current_exe().expect("a test"));
    command.args(["--exact", "leftovers::tests_of_a_user"]).env("TMPDIR", temporary.path());
    command
}

/// Runs them so that the last one fails while it has its database.
pub(crate) fn fail(tests: &mut Command) {
    check(&run(tests.env(FAILING, "yes")), 101, &["it fails as it was told"]);
}

#[test]
fn tests_that_are_killed_at_fifty_moments() {
    let start = |temporary: &Temporary, _| {
        let mut command = user_tests(temporary);
        let command = command.stdout(Stdio::null()).stderr(Stdio::null());
        command.spawn().expect("the test was built")
    };
    end_at_many_moments("KILL", SPAN, start, assert_nothing_is_left_after_the_next);
}

#[test]
fn after_tests_that_fail() {
    let temporary = Temporary::new();
    fail(&mut user_tests(&temporary));
    assert_nothing_is_left(&temporary);
}

#[test]
fn after_the_server_died() {
    let (project, temporary) = (endless(), Temporary::new());
    let child = started(&project, &temporary, "first boot");
    let server = temporary.servers().pop().expect("it runs");
    let file = std::fs::read_to_string(server.join("data/postmaster.pid")).expect("a pid file");
    let pid = file.lines().next().expect("a process id");
    let segment = file.lines().nth(6).and_then(|line| line.split_whitespace().nth(1));
    let segment = segment.expect("a segment of shared memory").to_owned();
    assert!(Command::new("kill").args(["-KILL", pid]).status().is_ok_and(|it| it.success()));
    let status = child.wait_with_output().expect("it ends").status;
    assert_eq!(status.code(), Some(2));
    assert_nothing_is_left(&temporary);
    let segments = Command::new("ipcs").args(["-m", "-i", &segment]).output().expect("ipcs");
    let segments = String::from_utf8_lossy(&segments.stdout).into_owned();
    assert!(!segments.contains(&format!("shmid={segment}")), "{segments}");
}

#[test]
fn after_a_normal_end_and_after_a_failure() {
    let temporary = Temporary::new();
    for fixture in ["fixtures/ledger", "fixtures/ledger-broken"] {
        let told = run(verify(fixture).env("TMPDIR", temporary.path()));
        assert_eq!(told.status, i32::from(fixture.contains('-')), "{}", told.all());
    }
    assert_nothing_is_left(&temporary);
}

#[test]
fn after_a_panic() {
    if let Some(temporary) = alone("leftovers::after_a_panic") {
        panic_in_the_middle("native", "data/postmaster.pid", &temporary);
        assert_eq!(temporary.servers(), <Vec<PathBuf>>::new());
    }
}

/// Panics in a rehearsal whose server has just got a file in its folder.
pub(crate) fn panic_in_the_middle(server: &str, file: &str, temporary: &Temporary) {
    let project = endless();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.expect("a runtime");
    let rehearsal = AssertUnwindSafe(|| {
        runtime.block_on(async {
            let play = rehearsal::Rehearsal::of(project.path()).server(server).cold(true).play();
            let panic = async {
                while !temporary.servers().iter().any(|server| server.join(file).exists()) {
                    tokio::task::yield_now().await;
                }
                panic!("in the middle of a rehearsal");
            };
            tokio::join!(play, panic)
        })
    });
    assert!(std::panic::catch_unwind(rehearsal).is_err());
}

#[test]
fn what_a_killed_run_left_is_swept_by_the_next() {
    let temporary = Temporary::new();
    let told = run(verify("fixtures/ledger").env("TMPDIR", temporary.path()));
    assert_eq!(told.status, 0, "{}", told.all());
    // As a run leaves it that is killed before its server can watch it: a folder, its lock free.
    let home = std::fs::read_dir(temporary.path()).expect("our folder").flatten().next();
    let left = home.expect("a home").path().join("servers/1-1-left");
    std::fs::create_dir(&left).expect("a folder");
    std::fs::write(left.join("lock"), "").expect("a lock");
    let told = run(verify("fixtures/ledger").env("TMPDIR", temporary.path()));
    assert_eq!(told.status, 0, "{}", told.all());
    assert_nothing_is_left(&temporary);
}

#[test]
fn several_runs_at_once_do_not_disturb_each_other() {
    let temporary = Temporary::new();
    let start = || {
        let mut command = verify("fixtures/ledger");
        command.env("TMPDIR", temporary.path()).stdout(Stdio::null()).stderr(Stdio::piped());
        command.spawn().expect("the binary was built")
    };
    let children = [start(), start(), start(), start(), start()];
    for child in children {
        let output = child.wait_with_output().expect("it ends");
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(0), "{said}");
    }
    assert_nothing_is_left(&temporary);
}

#[test]
fn a_kept_database_stays_until_it_is_ended_as_the_report_says() {
    let temporary = Temporary::new();
    let told = run(verify("fixtures/ledger-broken").arg("--keep").env("TMPDIR", temporary.path()));
    assert_eq!(told.status, 1, "{}", told.all());
    assert_eq!(temporary.servers().len(), 1, "{}", told.all());
    assert!(told.stdout.contains("kept the database of the first boot: psql 'postgresql://"));
    // The next run leaves it alone.
    let next = run(verify("fixtures/ledger").env("TMPDIR", temporary.path()));
    assert_eq!(next.status, 0, "{}", next.all());
    temporary.assert_servers_are_left(1);
    let end = told.stdout.lines().find_map(|line| line.strip_prefix("end its server with: "));
    let end = end.unwrap_or_else(|| panic!("no way to end it: {}", told.all()));
    assert!(Command::new("sh").args(["-c", end]).status().is_ok_and(|status| status.success()));
    assert_nothing_is_left(&temporary);
}

/// A disk of 60 MB, in a mount namespace of one's own, on which the server's data lies.
#[cfg(target_os = "linux")]
#[test]
fn a_migration_that_fills_the_disk() {
    let project = Project::new(&[(
        "migrations/000001_fill.up.sql",
        "CREATE TABLE a AS SELECT repeat('x', 1000) AS x FROM generate_series(1, 1000000);\n",
    )]);
    let temporary = Temporary::new();
    let script = r#"mount -t tmpfs -o size=60m,mode=711 tmpfs "$TMPDIR" && "$@";
        status=$?; ls "$TMPDIR"/rehearsal-*/servers; exit $status"#;
    let mut command = Command::new("unshare");
    if !rustix::process::geteuid().is_root() {
        // To mount something is a right that one has only among users of one's own.
        command.args(["--user", "--map-current-user", "--keep-caps"]);
    }
    command.args(["--mount", "sh", "-c", script, "sh"]);
    command.arg(env!("CARGO_BIN_EXE_cargo-rehearsal")).args(["verify"]).arg(project.path());
    command.args(["--server", "native"]);
    let told = run(command.env("TMPDIR", temporary.path()));
    assert_eq!(told.status, 2, "{}", told.all());
    assert!(told.stderr.contains("No space left on device"), "{}", told.all());
    assert!(told.stderr.contains("help: free some space under"), "{}", told.all());
    // What `ls` lists is what is left.
    assert_eq!(told.stdout, "");
}
