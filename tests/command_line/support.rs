//! What the tests share: projects on the disk, and the command line as users run it.

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

use tempfile::TempDir;

/// What `cargo rehearsal verify` said and how it ended.
pub(crate) struct Told {
    pub(crate) status: i32,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Told {
    /// Everything that was said, for the message of a failed assertion.
    pub(crate) fn all(&self) -> String {
        format!("exit status {}\n{}\n{}", self.status, self.stdout, self.stderr)
    }
}

/// `cargo rehearsal verify PROJECT`, ready for more arguments.
pub(crate) fn verify(project: impl AsRef<Path>) -> Command {
    let mut command = rehearsal("verify");
    command.arg(project.as_ref());
    command
}

/// `cargo rehearsal` with one of its commands, ready for its arguments: on the Postgres of this
/// machine, unless the tests are run with another choice.
pub(crate) fn rehearsal(command: &str) -> Command {
    let mut program = Command::new(env!("CARGO_BIN_EXE_cargo-rehearsal"));
    program.args(["rehearsal", command]).stdin(Stdio::null());
    if std::env::var_os("REHEARSAL_SERVER").is_none() {
        program.env("REHEARSAL_SERVER", "native");
    }
    program
}

/// Runs a command to its end.
pub(crate) fn run(command: &mut Command) -> Told {
    let Output { status, stdout, stderr } = command.output().expect("the binary was built");
    Told {
        status: status.code().unwrap_or(-1),
        stdout: String::from_utf8(stdout).expect("reports are UTF-8"),
        stderr: String::from_utf8(stderr).expect("messages are UTF-8"),
    }
}

/// A project in a folder of its own, which is removed in the end.
pub(crate) struct Project(TempDir);

impl Project {
    pub(crate) fn new(files: &[(&str, &str)]) -> Self {
        let project = Self(tempfile::tempdir().expect("a temporary folder"));
        for (path, text) in files {
            project.write(path, text);
        }
        project
    }

    pub(crate) fn write(&self, path: &str, text: impl AsRef<[u8]>) {
        let path = self.path().join(path);
        fs::create_dir_all(path.parent().expect("a file has a folder")).expect("a folder");
        fs::write(path, text).expect("a file");
    }

    pub(crate) fn path(&self) -> &Path {
        self.0.path()
    }

    /// Makes a repository of it, in which all that is there by now is on the branch `main`, and
    /// what comes is on another one.
    pub(crate) fn commit_to_main(&self) {
        self.git(&["init", "--quiet", "--initial-branch=main"]);
        self.git(&["add", "."]);
        self.git(&["commit", "--quiet", "--message=one"]);
        self.git(&["checkout", "--quiet", "-b", "new"]);
    }

    pub(crate) fn git(&self, arguments: &[&str]) {
        let identity = ["-c", "user.name=Test", "-c", "user.email=test@example.org"];
        let mut command = Command::new("git");
        command.arg("-C").arg(self.path()).args(identity).args(arguments);
        let output = command.output().expect("git is there");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    }
}

/// A TMPDIR of one's own, so that what is left in it was left by the test. Servers started by root
/// run as another user, who must pass through it.
pub(crate) struct Temporary {
    folder: PathBuf,
    _owned: Option<TempDir>,
    /// Somebody else's, from before.
    segments: BTreeSet<PathBuf>,
}

impl Temporary {
    pub(crate) fn new() -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o711)).expect("permissions");
        let path = folder.path().to_owned();
        Self { _owned: Some(folder), ..Self::at(path) }
    }

    /// One that somebody else has made.
    fn at(folder: PathBuf) -> Self {
        Self { folder, _owned: None, segments: segments() }
    }

    pub(crate) fn path(&self) -> &Path {
        &self.folder
    }

    /// The folders of servers, running or not.
    pub(crate) fn servers(&self) -> Vec<PathBuf> {
        self.in_homes("servers")
    }

    /// What is in a folder of rehearsal's own.
    pub(crate) fn in_homes(&self, name: &str) -> Vec<PathBuf> {
        let homes = fs::read_dir(self.path()).expect("our own folder").flatten();
        homes
            .filter_map(|home| fs::read_dir(home.path().join(name)).ok())
            .flat_map(|entries| entries.flatten().map(|entry| entry.path()))
            .collect()
    }

    /// Asserts that no shared memory is left of what has run. Other tests run programs that have
    /// some too, but none has it for long.
    pub(crate) fn assert_no_segment_is_left(&self) {
        let ours = segments().difference(&self.segments).cloned().collect::<BTreeSet<_>>();
        wait_until(|| ours.is_disjoint(&segments()));
        assert_eq!(ours.intersection(&segments()).count(), 0, "{ours:?}");
    }

    /// Waits until no more than so many are left, and asserts it.
    pub(crate) fn assert_servers_are_left(&self, count: usize) {
        wait_until(|| self.servers().len() <= count);
        assert_eq!(self.servers().len(), count, "{:?}", self.servers());
    }
}

/// The shared memory of Postgres processes that have not given it back, where that is told.
fn segments() -> BTreeSet<PathBuf> {
    let entries = fs::read_dir("/dev/shm").into_iter().flatten().flatten();
    let segments = entries.filter(|it| it.file_name().to_string_lossy().starts_with("PostgreSQL."));
    segments.map(|segment| segment.path()).collect()
}

/// Runs a test, which asks for this, in a process and with a TMPDIR of its own. There it gets them,
/// and goes on; here it is over then.
pub(crate) fn alone(test: &str) -> Option<Temporary> {
    const ALONE: &str = "REHEARSAL_TEST_ALONE";
    if std::env::var_os(ALONE).is_some() {
        return Some(Temporary::at(std::env::temp_dir()));
    }
    let temporary = Temporary::new();
    let mut command = Command::new(std::env::current_exe().expect("a test"));
    command.args(["--exact", test]).env("TMPDIR", temporary.path()).env(ALONE, "yes");
    check(&run(&mut command), 0, &["1 passed"]);
    None
}

/// How long whoever was killed, or is no longer needed, may take to disappear.
pub(crate) const PATIENCE: Duration = Duration::from_secs(10);

/// Lets others work while something is awaited that nobody announces.
pub(crate) fn pause() {
    std::thread::park_timeout(Duration::from_millis(5));
}

/// Waits for something that happens by itself, for so long as it may take.
pub(crate) fn wait_until(is_so: impl Fn() -> bool) {
    let deadline = Instant::now() + PATIENCE;
    while Instant::now() < deadline && !is_so() {
        pause();
    }
}

/// Asserts how a rehearsal ended, and that these texts were said, however wide its columns are.
pub(crate) fn check(told: &Told, status: i32, texts: &[&str]) {
    check_said(told, &(told.stdout.clone() + &told.stderr), status, texts);
}

/// The same, where the texts must be in the report itself.
pub(crate) fn check_report(told: &Told, status: i32, texts: &[&str]) {
    check_said(told, &told.stdout, status, texts);
}

fn check_said(told: &Told, said: &str, status: i32, texts: &[&str]) {
    assert_eq!(told.status, status, "{}", told.all());
    let said = narrow(said);
    for text in texts {
        assert!(said.contains(&narrow(text)), "does not say `{text}`:\n{}", told.all());
    }
}

/// A text with one space for several: a table is as wide as the longest name in it.
fn narrow(text: &str) -> String {
    let mut narrow = String::new();
    for c in text.chars() {
        if c != ' ' || !narrow.ends_with(' ') {
            narrow.push(c);
        }
    }
    narrow
}

/// A project of these files, which can't be rehearsed.
pub(crate) fn check_files(files: &[(&str, &str)], texts: &[&str]) {
    check(&run(&mut verify(Project::new(files).path())), 2, texts);
}
