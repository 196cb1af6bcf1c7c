//! A throwaway Postgres from the programs of this machine.
//!
//! A server is a copy of what `initdb` made, with settings of its own, on a port of its own. Knows
//! nothing of databases or migrations; where its files are is `home`'s business.

use std::fs::{self, File};
use std::net::TcpListener;
use std::path::PathBuf;
use std::process::Stdio;
use std::time::{Duration, Instant};

use rustix::process::{
    Pid, Signal, WaitId, WaitIdOptions, WaitOptions, kill_process, test_kill_process, waitid,
    waitpid,
};
use tokio::process::Child;

use super::binaries::Installation;
use super::home::{Claim, Cluster, Home, disk_full_help};
use super::user::{User, cannot};
use crate::{Error, Result};

/// How long a server may take to accept its first connection, or to end.
const PATIENCE: Duration = Duration::from_secs(30);

/// The settings of a server that nobody will miss. Durability is off; what a migration could see
/// of a production server stays as it is there.
const SETTINGS: &str = "
listen_addresses = '127.0.0.1'
unix_socket_directories = ''
max_connections = 100
shared_buffers = 128MB
max_wal_size = 2GB
fsync = off
synchronous_commit = off
full_page_writes = off
wal_level = minimal
max_wal_senders = 0
autovacuum = off
# Within the server's folder, so that none is left behind, not even by a server that was killed.
dynamic_shared_memory_type = mmap
logging_collector = off
log_destination = stderr
timezone = 'Etc/UTC'
log_timezone = 'Etc/UTC'
# Nothing that a rehearsal forgot may fill the disk.
temp_file_limit = 4GB
";

/// A running server process and everything that it has on the disk.
pub(crate) struct Process {
    child: Option<Child>,
    pub(crate) port: u16,
    pub(crate) superuser_password: String,
    /// Removed after the server has ended, as fields are dropped after their owner.
    claim: Claim,
}

impl Process {
    /// Starts a server on a port of its own. It accepts connections when this returns.
    pub(crate) async fn start(installation: &Installation, cold: bool) -> Result<Self> {
        let home = Home::open()?;
        home.sweep();
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
        superuser_password: String,
    ) -> Result<Self> {
        let mut process = Self { child: None, port: 0, superuser_password, claim };
        process.configure()?;
        process.launch(installation, user, free_port).await?;
        Ok(process)
    }

    /// Everything that it has on the disk.
    #[cfg(feature = "cli")]
    pub(crate) fn folder(&self) -> &std::path::Path {
        &self.claim.folder
    }

    /// What ends the server and removes all of it, for a shell. The postmaster removes its pid file
    /// last; its process id may stay longer where nobody reaps orphans.
    pub(crate) fn how_to_end(&self) -> String {
        let pid = self.child.as_ref().and_then(Child::id).unwrap_or_default();
        let folder = self.claim.folder.display().to_string().replace('\'', r"'\''");
        format!(
            "kill -QUIT {pid}; while test -e '{folder}/data/postmaster.pid'; do sleep 0.05; done; \
             rm -rf '{folder}'"
        )
    }

    /// Whether the postmaster has ended. Its remaining processes may keep a connection waiting.
    pub(crate) fn has_ended(&self) -> bool {
        let pid = self.child.as_ref().and_then(Child::id).map(u32::cast_signed);
        let Some(pid) = pid.and_then(Pid::from_raw) else { return true };
        // Looks, and leaves it to whoever waits for the child to reap it.
        let look = WaitIdOptions::EXITED | WaitIdOptions::NOHANG | WaitIdOptions::NOWAIT;
        !matches!(waitid(WaitId::Pid(pid), look), Ok(None))
    }

    /// The last lines of the server's log.
    pub(crate) fn last_words(&self) -> String {
        let log = fs::read(self.log()).unwrap_or_default();
        let log = String::from_utf8_lossy(&log);
        let lines = log.lines().collect::<Vec<_>>();
        lines[lines.len().saturating_sub(5)..].join("\n")
    }

    /// Leaves the server running when this process ends, for a look at what a failed act left.
    pub(crate) fn keep(mut self) -> Result<()> {
        self.claim.keep()?;
        self.child = None;
        Ok(())
    }

    fn data(&self) -> PathBuf {
        self.claim.folder.join("data")
    }

    fn log(&self) -> PathBuf {
        self.claim.folder.join("server.log")
    }

    /// Gives the copied cluster this server's settings.
    fn configure(&mut self) -> Result<()> {
        let data = self.data();
        // A password that is sent as it is spares both sides 4,096 rounds of hashing for each
        // connection. It is random, and it travels on the loopback interface only.
        let access = data.join("pg_hba.conf");
        fs::write(&access, "host all all 127.0.0.1/32 password\n")
            .map_err(|error| cannot("write", &access, error))?;
        let path = data.join("postgresql.conf");
        let mut settings =
            fs::read_to_string(&path).map_err(|error| cannot("read", &path, error))?;
        settings.push_str(SETTINGS);
        if cfg!(target_os = "linux") {
            // A statement whose client has gone ends within a second. Other systems can't tell.
            settings.push_str("client_connection_check_interval = 1s\n");
        }
        fs::write(&path, settings).map_err(|error| cannot("write", &path, error))
    }

    async fn launch(
        &mut self,
        installation: &Installation,
        user: User,
        mut port: impl FnMut() -> Result<u16>,
    ) -> Result<()> {
        // The port is free when we look and may be taken when the server does: then another is
        // chosen. More than a few such accidents are no accident.
        for _ in 0..5 {
            self.port = port()?;
            let log =
                File::create(self.log()).map_err(|error| cannot("write", &self.log(), error))?;
            let mut command = user.command(installation.bin.join("postgres"));
            command
                .arg("-D")
                .arg(self.data())
                .arg("-p")
                .arg(self.port.to_string())
                .current_dir(&self.claim.folder)
                .stdout(Stdio::null())
                .stderr(log)
                // Ctrl-C in the terminal is for us, and we stop the server in our own time.
                .process_group(0);
            self.child = Some(command.spawn().map_err(|error| {
                Error::new(format!(
                    "failed to start {}",
                    installation.bin.join("postgres").display()
                ))
                .caused_by(error)
            })?);
            if self.accepts_connections().await? {
                return Ok(());
            }
        }
        Err(self.did_not_start("could not bind any of five ports"))
    }

    /// Waits for the server; false means that its port was taken meanwhile.
    async fn accepts_connections(&mut self) -> Result<bool> {
        let deadline = Instant::now() + PATIENCE;
        while Instant::now() < deadline {
            let has_ended = self.has_ended();
            // The postmaster listens before it is ready; the line in its log says when it is. If it
            // ended after that, then not by a fault of its cluster, for which another would do.
            let log = fs::read_to_string(self.log()).unwrap_or_default();
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
        let error =
            Error::new(format!("the Postgres server {what}; its log ends:\n{}", self.last_words()));
        error.help(if self.last_words().contains("No space left on device") {
            disk_full_help()
        } else {
            "a throwaway server needs 128 MB of shared memory and a free port on 127.0.0.1"
                .to_owned()
        })
    }
}

impl Drop for Process {
    /// Ends the server in whatever way the rehearsal itself came to an end: normally, by `?`, by a
    /// panic or by Ctrl-C.
    fn drop(&mut self) {
        let pid = self.child.as_ref().and_then(Child::id).map(u32::cast_signed);
        if let Some(pid) = pid.and_then(Pid::from_raw) {
            stop(pid);
        }
    }
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
            Err(_) => test_kill_process(pid).is_err(),
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
        let mut process = Process { child: None, port: 0, superuser_password: password, claim };
        process.configure().expect("settings");
        let mut ports = [taken].into_iter();
        let port = || ports.next().map_or_else(free_port, Ok);
        process.launch(&installation, home.user, port).await.expect("it starts");
        assert!(!process.has_ended());
        assert_ne!(process.port, taken);
    }
}
