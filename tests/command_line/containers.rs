//! Servers in containers: they do what those of the machine do, and are gone as surely. An engine
//! must be there, with the images of the majors below.

use std::collections::BTreeSet;
use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use pretty_assertions::assert_eq;
use rstest::rstest;

use crate::fixtures::settled;
use crate::leftovers::{
    end_at_many_moments, endless, fail, panic_in_the_middle, send, slow, user_tests,
};
use crate::support::{PATIENCE, Project, Temporary, Told, alone, check, check_report, run, verify};

/// How long a container may take to get where a test wants it.
const START_MAX: Duration = Duration::from_mins(2);

const LABEL: &str = "org.rehearsal.folder";

fn docker(arguments: &[&str]) -> String {
    let output = Command::new("docker").args(arguments).output().expect("docker is there");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).expect("names are UTF-8")
}

fn in_container(project: impl AsRef<Path>, temporary: &Temporary) -> Command {
    let mut command = verify(project);
    command.env("REHEARSAL_SERVER", "container").env("TMPDIR", temporary.path());
    command
}

/// The names of the containers whose first holder lived in a TMPDIR, with their state.
fn containers(temporary: &Temporary) -> Vec<String> {
    let format = format!("{{{{.Label \"{LABEL}\"}}}} {{{{.Names}}}} {{{{.State}}}}");
    let filter = format!("label={LABEL}");
    let listed = docker(&["ps", "--all", "--filter", &filter, "--format", &format]);
    let folder = temporary.path().display().to_string();
    listed.lines().filter(|line| line.starts_with(&folder)).map(str::to_owned).collect()
}

fn volumes() -> BTreeSet<String> {
    docker(&["volume", "ls", "--quiet"]).lines().map(str::to_owned).collect()
}

/// Waits for a condition, and says whether it came.
fn comes(within: Duration, mut condition: impl FnMut() -> bool) -> bool {
    let deadline = Instant::now() + within;
    while !condition() {
        if Instant::now() > deadline {
            return false;
        }
        std::thread::park_timeout(Duration::from_millis(5));
    }
    true
}

/// Asserts that the engine has nothing of ours within the time in which it must have gone, and
/// that what is left in our folder goes with the next run.
fn assert_nothing_is_left(temporary: &Temporary, volumes_before: &BTreeSet<String>) {
    let gone = comes(PATIENCE, || containers(temporary).is_empty());
    assert!(gone, "{:?}", containers(temporary));
    // Other tests run servers too, but none of them makes a volume.
    let gone = comes(PATIENCE, || volumes().is_subset(volumes_before));
    assert!(gone, "{:?}", volumes().difference(volumes_before));
    let told = run(verify("fixtures/ledger").env("TMPDIR", temporary.path()));
    check_report(&told, 0, &["(native)"]);
    let gone = comes(PATIENCE, || temporary.servers().is_empty());
    assert!(gone, "{:?}", temporary.servers());
}

fn spawn(command: &mut Command) -> Child {
    command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("the binary was built")
}

#[rstest]
#[case("14")]
#[case("16")]
#[case("18")]
fn the_demonstration_on(#[case] major: &str) {
    let (temporary, before) = (Temporary::new(), volumes());
    let told = run(in_container("fixtures/demo", &temporary).args(["--postgres", major]));
    check_report(&told, 0, &[&format!("demo on Postgres {major}."), "(container)"]);
    assert_nothing_is_left(&temporary, &before);
}

#[test]
fn where_nothing_is_chosen() {
    let (temporary, before) = (Temporary::new(), volumes());
    let mut command = in_container("fixtures/ledger", &temporary);
    let told = run(command.env_remove("REHEARSAL_SERVER"));
    check_report(&told, 0, &["(container)"]);
    assert_nothing_is_left(&temporary, &before);
}

#[rstest]
#[case("fixtures/ledger-broken")]
#[case("fixtures/ladder-search-path")]
fn a_report_is_the_same_as_that_of_the_machine(#[case] fixture: &str) {
    let (temporary, before) = (Temporary::new(), volumes());
    let told = run(&mut in_container(fixture, &temporary));
    check_report(&told, 1, &["(container)"]);
    let native = run(verify(fixture).env("TMPDIR", temporary.path()));
    check_report(&native, 1, &["(native)"]);
    assert_eq!(settled(&told.stdout), settled(&native.stdout));
    assert_nothing_is_left(&temporary, &before);
}

/// Without anybody's help, its folder included.
#[test]
fn after_a_normal_end_and_after_a_failure() {
    let (temporary, before) = (Temporary::new(), volumes());
    for fixture in ["fixtures/ledger", "fixtures/ledger-broken"] {
        let told = run(&mut in_container(fixture, &temporary));
        check_report(&told, i32::from(fixture.contains('-')), &["(container)"]);
    }
    let gone = || containers(&temporary).is_empty() && temporary.servers().is_empty();
    assert!(comes(PATIENCE, gone), "{:?} {:?}", containers(&temporary), temporary.servers());
    assert!(comes(PATIENCE, || volumes().is_subset(&before)));
}

/// How far a run has come.
#[derive(Clone, Copy)]
enum Moment {
    Begun,
    Claimed,
    Made,
    Running,
    /// Its port is known, but perhaps no watchdog.
    Ready,
    /// Others can find it.
    Shared,
}

fn has_come(moment: Moment, temporary: &Temporary) -> bool {
    let has = |file: &str| temporary.servers().iter().any(|folder| folder.join(file).exists());
    match moment {
        Moment::Begun => true,
        Moment::Claimed => has("lock"),
        Moment::Made => !containers(temporary).is_empty(),
        Moment::Running => containers(temporary).iter().any(|line| line.ends_with("running")),
        Moment::Ready => has("address"),
        Moment::Shared => has("server.json"),
    }
}

#[rstest]
fn after_an_end_before_its_time(
    #[values("INT", "KILL")] signal: &str,
    #[values(
        Moment::Begun,
        Moment::Claimed,
        Moment::Made,
        Moment::Running,
        Moment::Ready,
        Moment::Shared
    )]
    moment: Moment,
) {
    let (project, temporary, before) = (endless(), Temporary::new(), volumes());
    let mut child = spawn(&mut in_container(project.path(), &temporary));
    assert!(comes(START_MAX, || has_come(moment, &temporary)));
    send(signal, &child);
    assert!(!child.wait().expect("it ends").success());
    let runs = |line: &String| !line.ends_with("created");
    assert!(comes(PATIENCE, || !containers(&temporary).iter().any(runs)));
    if signal == "KILL" {
        // One that was made and not yet started waits for the next container.
        let told = run(&mut in_container("fixtures/ledger", &temporary));
        check_report(&told, 0, &["(container)"]);
    }
    assert_nothing_is_left(&temporary, &before);
}

/// About how long a rehearsal takes whose server is not there.
const SPAN: Duration = Duration::from_secs(2);

/// Whatever runs ends by itself. A container that was made and not yet started waits for one more,
/// which sweeps.
fn assert_nothing_is_left_after_the_next(temporary: &Temporary, before: &BTreeSet<String>) {
    let runs = |line: &String| !line.ends_with("created");
    assert!(comes(PATIENCE, || !containers(temporary).iter().any(runs)));
    let told = run(&mut in_container("fixtures/ledger", temporary));
    check_report(&told, 0, &["(container)"]);
    assert_nothing_is_left(temporary, before);
}

#[rstest]
#[case::interrupted("INT")]
#[case::killed("KILL")]
fn after_an_end_at_fifty_moments(#[case] signal: &str) {
    let (project, before) = (slow(), volumes());
    let start = |temporary: &Temporary, end: u32| {
        let mut command = in_container(project.path(), temporary);
        // Every other one has a server to itself, or most would find one.
        spawn(command.args(end.is_multiple_of(2).then_some("--cold")))
    };
    let look = |temporary: &Temporary| assert_nothing_is_left_after_the_next(temporary, &before);
    end_at_many_moments(signal, SPAN, start, look);
}

#[test]
fn tests_that_are_killed_at_fifty_moments() {
    let before = volumes();
    let start = |temporary: &Temporary, _| {
        spawn(user_tests(temporary).env("REHEARSAL_SERVER", "container"))
    };
    let look = |temporary: &Temporary| assert_nothing_is_left_after_the_next(temporary, &before);
    end_at_many_moments("KILL", SPAN, start, look);
}

#[test]
fn after_tests_that_fail() {
    let (temporary, before) = (Temporary::new(), volumes());
    fail(user_tests(&temporary).env("REHEARSAL_SERVER", "container"));
    assert_nothing_is_left(&temporary, &before);
}

#[test]
fn after_a_panic() {
    let Some(temporary) = alone("containers::after_a_panic") else { return };
    let before = volumes();
    let name = format!("name=rehearsal-{}-", std::process::id());
    let containers = || docker(&["ps", "--all", "--quiet", "--filter", &name]);
    // While the engine is about to make the container, and when it runs.
    for file in ["lock", "address"] {
        panic_in_the_middle("container", file, &temporary);
        assert!(comes(PATIENCE, || containers().is_empty()), "{}", containers());
        assert!(comes(PATIENCE, || temporary.servers().is_empty()), "{:?}", temporary.servers());
    }
    assert!(comes(PATIENCE, || volumes().is_subset(&before)));
}

#[test]
fn several_runs_at_once_share_one() {
    let (project, temporary, before) = (endless(), Temporary::new(), volumes());
    let mut first = spawn(&mut in_container(project.path(), &temporary));
    let mut second = spawn(&mut in_container(project.path(), &temporary));
    assert!(comes(START_MAX, || has_come(Moment::Shared, &temporary)));
    let told = run(&mut in_container("fixtures/ledger", &temporary));
    check_report(&told, 0, &["(container)"]);
    assert_eq!(containers(&temporary).len(), 1, "{:?}", containers(&temporary));
    // It is nobody's in particular.
    first.kill().expect("it runs");
    first.wait().expect("it ends");
    let told = run(&mut in_container("fixtures/ledger", &temporary));
    check_report(&told, 0, &["(container)"]);
    assert_eq!(containers(&temporary).len(), 1, "{:?}", containers(&temporary));
    second.kill().expect("it runs");
    second.wait().expect("it ends");
    assert_nothing_is_left(&temporary, &before);
}

#[test]
fn roles_of_chains_that_run_at_once() {
    let (temporary, before) = (Temporary::new(), volumes());
    let project = Project::new(&[(
        "migrations/000001_role.up.sql",
        "CREATE ROLE rehearsal_app;\nCREATE TABLE a ();\nGRANT SELECT ON a TO rehearsal_app;\n",
    )]);
    let tell = || {
        let mut command = in_container(project.path(), &temporary);
        command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("it was built")
    };
    for child in [tell(), tell(), tell()] {
        let output = child.wait_with_output().expect("it ends");
        let said = String::from_utf8_lossy(&output.stdout).into_owned();
        assert_eq!(output.status.code(), Some(0), "{said}");
        assert!(said.contains("(container)"), "{said}");
    }
    assert_nothing_is_left(&temporary, &before);
}

#[test]
fn a_kept_database_stays_until_it_is_ended_as_the_report_says() {
    let (temporary, before) = (Temporary::new(), volumes());
    let told = run(in_container("fixtures/ledger-broken", &temporary).arg("--keep"));
    check_report(&told, 1, &["kept the database of the first boot: psql 'postgresql://"]);
    // Nobody is about to remove what tells the next one to leave it alone.
    assert!(temporary.servers().iter().all(|folder| !folder.join("leaving").exists()));
    let next = run(&mut in_container("fixtures/ledger", &temporary));
    check_report(&next, 0, &["(container)"]);
    assert!(comes(PATIENCE, || containers(&temporary).len() == 1));
    end_what_was_kept(&told);
    assert_nothing_is_left(&temporary, &before);
}

/// Does what a report says.
fn end_what_was_kept(told: &Told) {
    let end = told.stdout.lines().find_map(|line| line.strip_prefix("end its server with: "));
    let end = end.unwrap_or_else(|| panic!("no way to end it: {}", told.all()));
    assert!(Command::new("sh").args(["-c", end]).output().is_ok_and(|it| it.status.success()));
}

#[test]
fn only_what_is_ours_is_swept() {
    let (temporary, before) = (Temporary::new(), volumes());
    let told = run(verify("fixtures/ledger").env("TMPDIR", temporary.path()));
    check_report(&told, 0, &["(native)"]);
    let home = std::fs::read_dir(temporary.path()).expect("our folder").flatten().next();
    let home = home.expect("a home").path();
    let servers = home.join("servers");
    // The word is written when the first container is about to be.
    check_report(&run(&mut in_container("fixtures/ledger", &temporary)), 0, &["(container)"]);
    let own = std::fs::read_to_string(home.join("word")).expect("a word");
    // Who joins it needs not start one, and doesn't sweep.
    assert!(comes(PATIENCE, || containers(&temporary).is_empty()));
    let suffix = format!("{:08x}", std::process::id());
    let make = |name: &str, word: &str| {
        let folder = format!("{LABEL}={}", servers.join("1-1-left").display());
        let word = format!("org.rehearsal.word={word}");
        let labels = ["--label", &folder, "--label", &word];
        // In place of the image's volume: the other tests look whether one is left.
        let memory = ["--tmpfs", "/var/lib/postgresql"];
        docker(&[&["create", "--name", name], &labels[..], &memory, &["postgres:18"]].concat());
    };
    let ours = format!("rehearsal-1-1-{suffix}");
    let others = [format!("rehearsal-2-1-{suffix}"), format!("a-rehearsal-1-1-{suffix}")];
    make(&ours, &own);
    make(&others[0], "another");
    make(&others[1], &own);
    let told = run(&mut in_container("fixtures/ledger", &temporary));
    let left = containers(&temporary).join("\n");
    for name in &others {
        docker(&["rm", "--force", "--volumes", name]);
    }
    check_report(&told, 0, &["(container)"]);
    assert!(others.iter().all(|name| left.contains(&format!(" {name} "))), "{left}");
    assert!(!left.contains(&format!(" {ours} ")), "{left}");
    assert_nothing_is_left(&temporary, &before);
}

/// What this machine calls itself, which is another name than localhost.
fn host_name() -> String {
    let output = Command::new("uname").arg("-n").output().expect("uname is there");
    String::from_utf8(output.stdout).expect("a name").trim().to_owned()
}

/// Makes the engine answer at a port of a host, too, for as long as the tests run.
fn forwarded(host: &str) -> u16 {
    let address = docker(&["context", "inspect", "--format", "{{.Endpoints.docker.Host}}"]);
    let socket = address.trim().strip_prefix("unix://").expect("a local engine").to_owned();
    let listener = TcpListener::bind((host, 0)).expect("a host has ports");
    let port = listener.local_addr().expect("it has an address").port();
    std::thread::spawn(move || {
        for client in listener.incoming().flatten() {
            // Whoever has the engine has the machine: nobody else's.
            let ends = (client.peer_addr(), client.local_addr());
            if !matches!(ends, (Ok(peer), Ok(own)) if peer.ip() == own.ip()) {
                continue;
            }
            let engine = UnixStream::connect(&socket).expect("it answers");
            let [from, into] = [&client, &client].map(|it| it.try_clone().expect("a copy"));
            let [answer, ask] = [&engine, &engine].map(|it| it.try_clone().expect("a copy"));
            // Each direction ends by itself.
            std::thread::spawn(move || {
                pass(from, &ask);
                ask.shutdown(Shutdown::Write)
            });
            std::thread::spawn(move || {
                pass(answer, &into);
                into.shutdown(Shutdown::Write)
            });
        }
    });
    port
}

fn pass(mut from: impl Read, mut into: impl Write) {
    // It may break off: clients are killed.
    let _ = std::io::copy(&mut from, &mut into);
}

#[test]
fn on_another_machine() {
    let (temporary, before, host) = (Temporary::new(), volumes(), host_name());
    let engine = format!("tcp://{host}:{}", forwarded(&host));
    let tell = |project: &Path| {
        let mut command = in_container(project, &temporary);
        command.env("DOCKER_HOST", &engine);
        command
    };
    let told = run(&mut tell(Path::new("fixtures/ladder-search-path")));
    let native = run(verify("fixtures/ladder-search-path").env("TMPDIR", temporary.path()));
    assert_eq!(settled(&told.stdout), settled(&native.stdout));
    let project = endless();
    let mut child = spawn(&mut tell(project.path()));
    assert!(comes(START_MAX, || has_come(Moment::Running, &temporary)));
    child.kill().expect("it runs");
    child.wait().expect("it ends");
    assert!(comes(PATIENCE, || containers(&temporary).is_empty()));
    // The server is found where the engine is.
    let told = run(tell(Path::new("fixtures/ledger-broken")).arg("--keep"));
    check_report(&told, 1, &["psql 'postgresql://", &format!("@{host}:")]);
    end_what_was_kept(&told);
    assert_nothing_is_left(&temporary, &before);
}

/// As `docker context create` and `docker context use` store it.
#[test]
fn an_engine_that_a_context_names() {
    let (temporary, before, host) = (Temporary::new(), volumes(), host_name());
    let engine = format!("tcp://{host}:{}", forwarded(&host));
    let context = |name: &str, host: &str| {
        format!(r#"{{"Name": "{name}", "Endpoints": {{"docker": {{"Host": "{host}"}}}}}}"#)
    };
    let docker = Project::new(&[
        ("config.json", r#"{"currentContext": "near"}"#),
        ("contexts/meta/0/meta.json", &context("far", "unix:///no/such/socket")),
        ("contexts/meta/1/meta.json", &context("near", &engine)),
    ]);
    let tell = |name: &str| {
        let mut command = in_container("fixtures/ledger-broken", &temporary);
        command.env("DOCKER_CONFIG", docker.path()).env("DOCKER_CONTEXT", name).arg("--keep");
        run(command.env_remove("DOCKER_HOST"))
    };
    // An empty variable is none.
    let told = tell("");
    check_report(&told, 1, &[&format!("@{host}:")]);
    end_what_was_kept(&told);
    check(&tell("far"), 2, &["no container engine answers at unix:///no/such/socket"]);
    check(&tell("none"), 2, &["no container engine answers: there is no context `none`"]);
    assert_nothing_is_left(&temporary, &before);
}

#[test]
fn an_engine_that_is_not_there() {
    let temporary = Temporary::new();
    let tell = |server: &str| -> Told {
        let mut command = verify("fixtures/ledger");
        command.env("TMPDIR", temporary.path()).env("DOCKER_HOST", "unix:///no/such/socket");
        run(command.args(["--server", server]))
    };
    let texts = ["no container engine answers at unix:///no/such/socket", "help: start Docker"];
    check(&tell("container"), 2, &texts);
    let told = tell("auto");
    check_report(&told, 0, &["(native)"]);
    // Somebody who has none needs no news of it.
    assert!(!told.stderr.contains("engine"), "{}", told.all());
}

#[test]
fn an_image_that_is_not_there() {
    let temporary = Temporary::new();
    let project = Project::new(&[
        ("migrations/000001_a.up.sql", "CREATE TABLE a (id int);\n"),
        ("rehearsal.toml", "[postgres]\nimage = \"localhost:9/rehearsal/none:pg{version}\""),
    ]);
    let tell = |server: &str| {
        run(verify(project.path()).env("TMPDIR", temporary.path()).args(["--server", server]))
    };
    let image = "localhost:9/rehearsal/none:pg18";
    let pull = format!("docker pull {image}");
    let failed = format!("failed to pull {image}");
    check(&tell("container"), 2, &[&failed, &pull, "--server native"]);
    let told = tell("auto");
    check(&told, 0, &["(native)", &format!("note: {failed}")]);
    assert_eq!(told.stderr.matches(&format!("note: {failed}")).count(), 1, "{}", told.all());
}

#[test]
fn an_image_of_another_version_or_of_no_server() {
    let temporary = Temporary::new();
    let tell = |toml: &str| {
        let files = [("migrations/000001_a.up.sql", "CREATE TABLE a (id int);\n")];
        let project = Project::new(&files);
        project.write("rehearsal.toml", toml);
        run(&mut in_container(project.path(), &temporary))
    };
    let told = tell("[postgres]\nimage = \"postgres:16\"\nversions = [\"18\"]");
    check(&told, 2, &["asked for Postgres 18 in postgres:16, got Postgres 16."]);
    let told = tell("[postgres]\nimage = \"postgres:16\"");
    check_report(&told, 0, &["on Postgres 16.", "(container)"]);
}
