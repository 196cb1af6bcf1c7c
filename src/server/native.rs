//! A throwaway Postgres from the programs of this machine.
//!
//! A server is a copy of what `initdb` made, with settings of its own, on a port of its own. Knows
//! nothing of databases or migrations; where its files are is `home`'s business.

use std::fs::{self, File};
use std::io::{self, PipeWriter, Write as _};
use std::net::{Ipv4Addr, TcpListener};
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::{Duration, Instant};

use rustix::process::{
    Pid, Signal, WaitId, WaitIdOptions, WaitOptions, kill_process, test_kill_process, waitid,
    waitpid,
};
use tokio::process::Child;

use super::binaries::Installation;
use super::home::{Claim, Cluster, Home, disk_full_help, is_listening, password_of};
use super::shared::ENTRY;
use super::user::{User, cannot};
use crate::{Error, Result};

/// How long a server may take to accept its first connection, or to end.
const PATIENCE: Duration = Duration::from_secs(30);

/// The settings of a server that nobody will miss, wherever it runs. Durability is off; what a
/// migration could see of a production server stays as it is there.
pub(super) const SETTINGS: &str = "
shared_buffers = 128MB
max_wal_size = 2GB
fsync = off
synchronous_commit = off
full_page_writes = off
wal_level = minimal
wal_init_zero = off
wal_recycle = off
max_wal_senders = 0
autovacuum = off
# Within the server's folder, so that none is left behind, not even by a server that was killed;
# and beyond the little shared memory that a container gets.
dynamic_shared_memory_type = mmap
logging_collector = off
log_destination = stderr
timezone = 'Etc/UTC'
log_timezone = 'Etc/UTC'
# Nothing that a rehearsal forgot may fill the disk.
temp_file_limit = 4GB
";

/// What only Linux can do: to tell that a client has gone, whose statement then ends within a
/// second; and to give semaphores to the many sessions of tests that run at once, each with a pool
/// of its own.
pub(super) const LINUX_SETTINGS: &str = "
client_connection_check_interval = 1s
max_connections = 500
";

/// How a process of this machine is reached.
const ADDRESS_SETTINGS: &str = "
listen_addresses = '127.0.0.1'
unix_socket_directories = ''
";

/// The most that is kept of a cluster for later runs. Copying more takes longer than it spares.
const KEPT_KILOBYTES_MAX: u32 = 512 << 10;

/// In a server's folder: its cluster holds templates, and the next server may begin with them,
/// unless the server was retired.
pub(super) const WORTH_KEEPING: &str = "worth-keeping";

/// A running server process and everything that it has on the disk.
pub(crate) struct Process {
    pid: Pid,
    pub(super) port: u16,
    pub(super) superuser_password: String,
    /// Ends the server if we are killed before the watchdog is set.
    guard: Option<Guard>,
    /// Whether the server ends when this is dropped.
    is_private: bool,
    /// Where its cluster goes in the end, if it is worth keeping.
    warm: Option<PathBuf>,
    /// Removed after the server has ended, as fields are dropped after their owner.
    claim: Claim,
}

impl Process {
    /// Starts a server of one's own. It accepts connections when this returns. One that is `cold`
    /// uses nothing that an earlier run has left.
    pub(super) async fn start(installation: &Installation, cold: bool) -> Result<Self> {
        let home = Home::open()?;
        if cold {
            let claim = home.claim()?;
            let cluster = home.initdb(installation, &claim.folder).await?;
            return Self::run(installation, home.user, claim, cluster.password).await;
        }
        let first = Self::from_copy(installation, &home).await;
        if first.is_ok() {
            return first;
        }
        // Whoever tidies up old temporary files takes a file here and there out of a cluster that
        // is used only now and then. If that wasn't it, a new one fails in the same way.
        home.forget(installation)?;
        Self::from_copy(installation, &home).await
    }

    /// Starts a server for everybody, with the templates of the last one.
    pub(super) async fn start_shared(installation: &Installation) -> Result<Self> {
        let home = Home::open()?;
        let warm = home.warm(installation);
        let mut process = match Self::from_warm(installation, &home, &warm).await {
            Some(process) => process,
            None => Self::start(installation, false).await?,
        };
        process.warm = Some(warm);
        Ok(process)
    }

    /// Leaves the server to whoever holds it too, and its end to the watchdog.
    pub(super) fn share(&mut self) {
        self.is_private = false;
    }

    /// The same server for one more holder.
    pub(super) fn join(claim: Claim, pid: Pid, port: u16, superuser_password: String) -> Self {
        Self { pid, port, superuser_password, guard: None, is_private: false, warm: None, claim }
    }

    /// One that begins with what the last one has kept; if that can't be used, it is forgotten.
    async fn from_warm(installation: &Installation, home: &Home, warm: &Path) -> Option<Self> {
        loop {
            let identity = identity_of(warm)?;
            let password = password_of(warm).ok();
            let claim = home.claim().ok()?;
            let copied = home.user.copy_as(warm, &claim.folder.join("data")).await;
            if identity_of(warm) != Some(identity) {
                // A server that ended has put its own in this place, and we may have half of each.
                continue;
            }
            let started = match (copied, password) {
                (Ok(()), Some(password)) => {
                    Self::run(installation, home.user, claim, password).await.ok()
                }
                _ => None,
            };
            if started.is_none() {
                let _ = fs::remove_dir_all(warm);
            }
            return started;
        }
    }

    async fn from_copy(installation: &Installation, home: &Home) -> Result<Self> {
        let Cluster { data, password } = home.cluster(installation).await?;
        let claim = home.claim()?;
        home.user.copy_tree(&data, &claim.folder.join("data"))?;
        Self::run(installation, home.user, claim, password).await
    }

    /// Runs a server on the cluster in `data`.
    async fn run(
        installation: &Installation,
        user: User,
        claim: Claim,
        password: String,
    ) -> Result<Self> {
        configure(&claim.folder.join("data"))?;
        Starting { installation, user, claim }.launch(password, free_port).await
    }

    /// Everything that it has on the disk.
    pub(super) fn folder(&self) -> &Path {
        &self.claim.folder
    }

    pub(super) fn pid(&self) -> i32 {
        self.pid.as_raw_nonzero().get()
    }

    /// Leaves the server's end to the watchdog, whose session this process of the server is.
    pub(super) fn is_watched(&mut self, backend: Option<i32>) -> Result<()> {
        if let Some(guard) = self.guard.take() {
            guard.stand_down();
        }
        backend.map_or(Ok(()), |backend| self.claim.note_watchdog(backend))
    }

    /// What ends the server and removes all of it, for a shell.
    pub(super) fn how_to_end(&self) -> String {
        match &self.warm {
            None => how_to_end(self.pid, self.folder()),
            Some(warm) => how_to_keep(self.pid, self.folder(), warm),
        }
    }

    /// Forgets the cluster with which it began.
    pub(super) fn forget(&self) {
        // Should it stay, then the next server finds out again.
        let _ = self.warm.as_ref().map(fs::remove_dir_all);
    }

    /// Whether the postmaster has ended. Its remaining processes may keep a connection waiting.
    pub(super) fn has_ended(&self) -> bool {
        // Looks, and leaves it to whoever waits for the child to reap it.
        let look = WaitIdOptions::EXITED | WaitIdOptions::NOHANG | WaitIdOptions::NOWAIT;
        match waitid(WaitId::Pid(self.pid), look) {
            Ok(status) => status.is_some(),
            // Somebody else's child.
            Err(_) => !is_running(self.pid),
        }
    }

    /// The last lines of the server's log.
    pub(super) fn last_words(&self) -> String {
        last_words(self.folder())
    }

    /// Leaves the server running when this process ends, for a look at what a failed act left.
    pub(super) fn keep(mut self) -> Result<()> {
        self.is_private = false;
        self.claim.keep()
    }
}

impl Drop for Process {
    /// Ends a server of one's own in whatever way the rehearsal itself came to an end: normally, by
    /// `?`, by a panic or by Ctrl-C.
    fn drop(&mut self) {
        // A postmaster that was killed closes its port before its process is gone.
        if self.is_private || !is_listening((Ipv4Addr::LOCALHOST, self.port).into()) {
            stop(self.pid);
        } else if !self.has_ended() {
            // The others, or the watchdog, need the folder.
            self.claim.leave();
        }
    }
}

/// A server that is about to run.
struct Starting<'a> {
    installation: &'a Installation,
    user: User,
    claim: Claim,
}

impl Starting<'_> {
    async fn launch(
        self,
        superuser_password: String,
        mut port: impl FnMut() -> Result<u16>,
    ) -> Result<Process> {
        // The port is free when we look and may be taken when the server does: then another is
        // chosen. More than a few such accidents are no accident.
        for _ in 0..5 {
            let port = port()?;
            let (mut child, pid) = self.spawn(port)?;
            let guard = Guard::set(self.user, &how_to_end(pid, &self.claim.folder))?;
            match self.accepts_connections(&mut child).await {
                Ok(true) => {
                    return Ok(Process {
                        pid,
                        port,
                        superuser_password,
                        guard: Some(guard),
                        is_private: true,
                        warm: None,
                        claim: self.claim,
                    });
                }
                Ok(false) => guard.stand_down(),
                Err(error) => {
                    guard.stand_down();
                    stop(pid);
                    return Err(error);
                }
            }
        }
        Err(self.did_not_start("could not bind any of five ports"))
    }

    fn spawn(&self, port: u16) -> Result<(Child, Pid)> {
        let log = self.claim.folder.join(LOG);
        let log = File::create(&log).map_err(|error| cannot("write", &log, error))?;
        let program = self.installation.bin.join("postgres");
        let mut command = self.user.command(program.clone());
        command
            .arg("-D")
            .arg(self.claim.folder.join("data"))
            .arg("-p")
            .arg(port.to_string())
            .current_dir(&self.claim.folder)
            .stdout(Stdio::null())
            .stderr(log)
            // Ctrl-C in the terminal is for us, and the server ends in its own time.
            .process_group(0);
        let failed = || Error::new(format!("failed to start {}", program.display()));
        let child = command.spawn().map_err(|error| failed().caused_by(error))?;
        let pid = child.id().and_then(|id| Pid::from_raw(id.cast_signed()));
        Ok((child, pid.ok_or_else(failed)?))
    }

    /// Waits for the server; false means that its port was taken meanwhile.
    async fn accepts_connections(&self, child: &mut Child) -> Result<bool> {
        let deadline = Instant::now() + PATIENCE;
        while Instant::now() < deadline {
            let has_ended = !matches!(child.try_wait(), Ok(None));
            // The postmaster listens before it is ready; the line in its log says when it is. If it
            // ended after that, then not by a fault of its cluster, for which another would do.
            let log = fs::read_to_string(self.claim.folder.join(LOG)).unwrap_or_default();
            if log.contains("database system is ready to accept connections") {
                return Ok(true);
            }
            if has_ended {
                if log.contains("could not bind") {
                    return Ok(false);
                }
                return Err(self.did_not_start("ended at once"));
            }
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
        Err(self.did_not_start("did not become ready within 30 s"))
    }

    fn did_not_start(&self, what: &str) -> Error {
        let words = last_words(&self.claim.folder);
        let error = Error::new(format!("the Postgres server {what}; its log ends:\n{words}"));
        error.help(if words.contains("No space left on device") {
            disk_full_help()
        } else {
            "a throwaway server needs 128 MB of shared memory and a free port on 127.0.0.1"
                .to_owned()
        })
    }
}

/// A shell that waits for our end, and then ends the server: between its start and the moment when
/// it is watched from within.
struct Guard {
    pipe: PipeWriter,
}

impl Guard {
    fn set(user: User, how_to_end: &str) -> Result<Self> {
        let failed = |error| Error::new("failed to start sh beside the server").caused_by(error);
        let (end, pipe) = io::pipe().map_err(failed)?;
        let mut shell = user.command(PathBuf::from("sh"));
        shell.arg("-c").arg(format!("read -r word || {{ {how_to_end}; }}"));
        shell.stdin(end).stdout(Stdio::null()).stderr(Stdio::null()).process_group(0);
        shell.spawn().map_err(failed)?;
        Ok(Self { pipe })
    }

    fn stand_down(mut self) {
        // Should the shell be gone, then it has nothing to do any more.
        let _ = self.pipe.write_all(b"done\n");
    }
}

/// What ends a server and removes all of it, for a shell. The postmaster removes its pid file last;
/// its process id may stay longer where nobody reaps orphans.
fn how_to_end(pid: Pid, folder: &Path) -> String {
    let (pid, folder) = (pid.as_raw_nonzero(), quoted(folder));
    format!(
        "kill -QUIT {pid}; while test -e {folder}/data/postmaster.pid; do sleep 0.05; done; \
         rm -rf {folder}"
    )
}

/// The same, with an orderly shutdown, after which the next server may begin with the cluster.
fn how_to_keep(pid: Pid, folder: &Path, warm: &Path) -> String {
    let end = how_to_end(pid, folder);
    // Should the shell not come to their end, they are told by the number in their names.
    let [draft, old] = ["", "0"].map(|mark| quoted(&warm.with_extension(format!("{mark}{pid}"))));
    let (pid, folder, warm) = (pid.as_raw_nonzero(), quoted(folder), quoted(warm));
    format!(
        "if test -e {folder}/{WORTH_KEEPING} && test -e {folder}/{ENTRY} && \
             test $(du -sk {folder}/data | cut -f1) -lt {KEPT_KILOBYTES_MAX}; then \
           kill -INT {pid}; n=0; \
           while test -e {folder}/data/postmaster.pid && test $n -lt 200; do \
             sleep 0.05; n=$((n+1)); \
           done; \
           if ! test -e {folder}/data/postmaster.pid; then \
             mv {folder}/data {draft} && (test ! -e {warm} || mv {warm} {old}) && \
               mv {draft} {warm}; \
             rm -rf {old}; \
           fi; \
         fi; \
         {end}"
    )
}

/// What tells a folder from another of the same name.
fn identity_of(folder: &Path) -> Option<(u64, u64)> {
    fs::metadata(folder).ok().map(|it| (it.dev(), it.ino()))
}

/// A path for a shell.
fn quoted(path: &Path) -> String {
    format!("'{}'", path.display().to_string().replace('\'', r"'\''"))
}

/// The server's log, in its folder.
const LOG: &str = "server.log";

fn last_words(folder: &Path) -> String {
    let log = fs::read(folder.join(LOG)).unwrap_or_default();
    let log = String::from_utf8_lossy(&log);
    let lines = log.lines().collect::<Vec<_>>();
    lines[lines.len().saturating_sub(5)..].join("\n")
}

/// Gives a cluster a throwaway server's settings, if it hasn't them from an earlier one.
fn configure(data: &Path) -> Result<()> {
    // A password that is sent as it is spares both sides 4,096 rounds of hashing for each
    // connection. It is random, and it travels on the loopback interface only.
    let access = data.join("pg_hba.conf");
    fs::write(&access, "host all all 127.0.0.1/32 password\n")
        .map_err(|error| cannot("write", &access, error))?;
    let path = data.join("postgresql.conf");
    let mut settings = fs::read_to_string(&path).map_err(|error| cannot("read", &path, error))?;
    if settings.contains(SETTINGS) {
        return Ok(());
    }
    settings.push_str(SETTINGS);
    settings.push_str(ADDRESS_SETTINGS);
    if cfg!(target_os = "linux") {
        settings.push_str(LINUX_SETTINGS);
    }
    fs::write(&path, settings).map_err(|error| cannot("write", &path, error))
}

/// Whether a process runs that is none of our children. One that has ended stays in the table until
/// its parent asks for it, which may be never.
pub(super) fn is_running(pid: Pid) -> bool {
    let stat = fs::read_to_string(format!("/proc/{}/stat", pid.as_raw_nonzero()));
    let state = stat.ok().and_then(|stat| stat.rsplit_once(") ")?.1.chars().next());
    test_kill_process(pid).is_ok() && state.is_none_or(|state| state != 'Z')
}

/// Stops a postmaster without a shutdown checkpoint, and waits for its end.
pub(super) fn stop(pid: Pid) {
    // SIGQUIT is the immediate shutdown. The postmaster still frees its shared memory, which
    // SIGKILL would leave behind.
    let _ = kill_process(pid, Signal::QUIT);
    let deadline = Instant::now() + PATIENCE;
    while Instant::now() < deadline {
        let gone = match waitpid(Some(pid), WaitOptions::NOHANG) {
            Ok(None) => false,
            Ok(Some(_)) => true,
            // Not our child, or reaped already.
            Err(_) => !is_running(pid),
        };
        if gone {
            return;
        }
        std::thread::sleep(Duration::from_millis(2));
    }
}

fn free_port() -> Result<u16> {
    TcpListener::bind(("127.0.0.1", 0))
        .and_then(|listener| listener.local_addr())
        .map(|address| address.port())
        .map_err(|error| Error::new("no free port on 127.0.0.1").caused_by(error))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::server::binaries;

    #[tokio::test]
    async fn a_port_that_is_taken_is_passed_over() {
        let installation = binaries::find(None).expect("Postgres is installed");
        let listener = TcpListener::bind(("127.0.0.1", 0)).expect("a port");
        let taken = listener.local_addr().expect("an address").port();
        let home = Home::open().expect("a home");
        let Cluster { data, password } = home.cluster(&installation).await.expect("a cluster");
        let claim = home.claim().expect("a folder");
        home.user.copy_tree(&data, &claim.folder.join("data")).expect("a copy");
        configure(&claim.folder.join("data")).expect("settings");
        let mut ports = [taken].into_iter();
        let port = || ports.next().map_or_else(free_port, Ok);
        let starting = Starting { installation: &installation, user: home.user, claim };
        let process = starting.launch(password, port).await.expect("it starts");
        assert!(!process.has_ended());
        assert_ne!(process.port, taken);
    }
}
