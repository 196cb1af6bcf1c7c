//! Our folders among the temporary files, and who may remove what in them.
//!
//! `clusters/` keeps what `initdb` made, once per installation, and `warm/` the cluster of the last
//! shared server, with its templates. `servers/` holds one folder for each server, in memory where
//! there is room. Whoever uses a folder there holds a lock on it, shared with others who do, for as
//! long as it lives; so a folder whose lock is free belongs to nobody, and unless its server is
//! about to end by itself, the next start sweeps it away. `notes/` is what the processes of one run
//! leave each other, and `turns/` where they wait for each other.

use std::fs::{self, File};
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::net::{SocketAddr, TcpStream, ToSocketAddrs as _};
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::process::Output;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use rustix::process::{Pid, Signal, kill_process, test_kill_process};

use super::binaries::Installation;
use super::native::{SETTINGS, is_running, stop};
use super::user::{User, cannot};
use super::{random_word, template};
use crate::{Error, Result};

/// The locales to try, in this order: what the Debian images have first, so that text sorts and
/// folds as in production; `C` exists everywhere.
const LOCALES: &[&str] = &["en_US.UTF-8", "C.UTF-8", "C"];

/// A folder in memory, where Linux has one. Making, copying and dropping databases is work for the
/// file system, and that of a disk takes twice to four times as long, durability off or not.
const MEMORY: &str = "/dev/shm";

/// The room that a server gets there, or it goes to the disk: several times what one usually needs.
pub(super) const MEMORY_BYTES_MIN: u64 = 4 << 30;

/// How old a draft must be until nobody can be about to finish it.
const DRAFT_AGE: Duration = Duration::from_mins(1);

/// In our folder, what the processes of a run leave each other.
const NOTES: &str = "notes";

/// In our folder, where processes wait for each other.
const TURNS: &str = "turns";

/// How long a server that is there may take to answer.
const ANSWER_MAX: Duration = Duration::from_millis(500);

/// How often we look whether it is our turn.
const GLANCE: Duration = Duration::from_millis(5);

/// In a shared server's folder, the process of the session that ends it.
pub(super) const WATCHDOG: &str = "watchdog";

/// In the folder of a server that runs in a container, its host and port.
pub(super) const ADDRESS: &str = "address";

/// In the folder of a server that is kept for a look.
const KEPT: &str = "kept";

/// In a cluster's folder, who works there.
const PID_FILE: &str = "postmaster.pid";

/// How long what `initdb` runs may take to notice that it is alone.
const INITDB_END_MAX: Duration = Duration::from_secs(5);

/// In a cluster's folder, its superuser's password.
const PASSWORD: &str = "rehearsal.password";

/// Our folders, open.
pub(super) struct Home {
    clusters: PathBuf,
    /// What shared servers have kept; their user owns it.
    warm: PathBuf,
    turns: PathBuf,
    /// Where servers may be; new ones go to the first. The last is beside the clusters.
    servers: Vec<PathBuf>,
    pub(super) user: User,
}

/// A cluster that `initdb` made, with its superuser's password.
pub(super) struct Cluster {
    pub(super) data: PathBuf,
    pub(super) password: String,
}

/// A folder that we use until this is dropped, and that then is gone, unless it is left to others.
pub(super) struct Claim {
    pub(super) folder: PathBuf,
    #[cfg_attr(not(feature = "containers"), expect(dead_code, reason = "it is held"))]
    lock: File,
    is_left: bool,
}

/// A turn that is ours until this is dropped.
pub(crate) struct Turn {
    path: PathBuf,
    _lock: File,
}

impl Drop for Turn {
    fn drop(&mut self) {
        // While we hold the lock: who waits for it sees that the file is no longer the one.
        let _ = fs::remove_file(&self.path);
    }
}

impl Home {
    pub(super) fn open() -> Result<Self> {
        let user = User::of_servers()?;
        let folder = open_folder(&std::env::temp_dir(), user)?;
        let [clusters, warm] = ["clusters", "warm"].map(|name| folder.join(name));
        let turns = folder.join(TURNS);
        User::Ourselves.make_folder(&clusters)?;
        User::Ourselves.make_folder(&turns)?;
        user.make_folder(&warm)?;
        let mut servers = vec![folder.join("servers")];
        if let Some(folder) = memory().and_then(|memory| open_folder(memory, user).ok()) {
            servers.insert(usize::from(!has_room(&folder)), folder.join("servers"));
        }
        for folder in &servers {
            // The server's user owns this one, so that a server can remove its own folder.
            user.make_folder(folder)?;
        }
        Ok(Self { clusters, warm, turns, servers, user })
    }

    /// Waits until nobody else of this name is at it.
    pub(super) async fn turn(&self, name: &str) -> Result<Turn> {
        let path = self.turns.join(name);
        let cannot = |error| cannot("lock", &path, error);
        loop {
            let lock = File::create(&path).map_err(cannot)?;
            if lock.try_lock().is_ok() && is_current(&lock, &path) {
                return Ok(Turn { path, _lock: lock });
            }
            tokio::time::sleep(GLANCE).await;
        }
    }

    /// The folders of all servers.
    pub(super) fn servers(&self) -> impl Iterator<Item = PathBuf> {
        let entries = self.servers.iter().filter_map(|servers| fs::read_dir(servers).ok());
        entries.flatten().flatten().map(|entry| entry.path())
    }

    /// Removes what runs that were killed have left behind, and nothing else: a folder whose lock
    /// is held belongs to a live run, and one that was kept is its owner's to remove.
    pub(super) fn sweep(&self) {
        for folder in self.servers() {
            // A container ends by itself, and its folder goes when it is gone.
            if is_claimed(&folder) || address(&folder).is_some_and(is_listening) {
                continue;
            }
            match postmaster(&folder) {
                Tenant::Postmaster(_) if is_kept(&folder) => continue,
                Tenant::Postmaster(_) if is_watched(&folder) => continue,
                Tenant::Postmaster(pid) => stop(pid),
                Tenant::Nobody => {}
                Tenant::Unknown => continue,
            }
            remove(&folder);
        }
        if let Some(folder) = self.clusters.parent() {
            sweep_notes(&folder.join(NOTES));
        }
        for turn in entries_of(&self.turns) {
            let Ok(lock) = File::open(&turn) else { continue };
            // Whoever waits for it sees that the file is no longer the one.
            if lock.try_lock().is_ok() && is_current(&lock, &turn) {
                let _ = fs::remove_file(turn);
            }
        }
        for draft in entries_of(&self.warm) {
            // Named after the server whose cluster it was to be.
            let pid = draft.extension().and_then(|it| it.to_str()?.parse::<u32>().ok());
            if pid.is_some() && age(&draft).is_none_or(|age| age > DRAFT_AGE) {
                let _ = fs::remove_dir_all(draft);
            }
        }
    }

    /// Where the shared server of an installation keeps its cluster, if its settings are ours.
    pub(super) fn warm(&self, installation: &Installation) -> PathBuf {
        let mut hasher = DefaultHasher::new();
        (env!("CARGO_PKG_VERSION"), SETTINGS, template::TABLE).hash(&mut hasher);
        // Without a dot, after which comes the name of a draft.
        let key = key(installation).replace('.', "-");
        self.warm.join(format!("{key}-{:016x}", hasher.finish()))
    }

    /// Whether a folder is, or was, one of a server's here.
    #[cfg(feature = "containers")]
    pub(super) fn has(&self, folder: &Path) -> bool {
        folder.parent().is_some_and(|parent| self.servers.iter().any(|servers| servers == parent))
    }

    /// A word that tells these folders from those of the same path elsewhere.
    #[cfg(feature = "containers")]
    pub(super) fn word(&self) -> Result<String> {
        let path = self.clusters.with_file_name("word");
        if let Ok(word) = fs::read_to_string(&path) {
            return Ok(word);
        }
        let draft = path.with_extension(random_word(8)?);
        fs::write(&draft, random_word(16)?).map_err(|error| cannot("write", &draft, error))?;
        // Unless somebody was faster; whoever it was, it is there as a whole.
        let _ = fs::hard_link(&draft, &path);
        let _ = fs::remove_file(&draft);
        fs::read_to_string(&path).map_err(|error| cannot("read", &path, error))
    }

    /// A folder of one's own, for a server.
    pub(super) fn claim(&self) -> Result<Claim> {
        Claim::make(&self.servers[0], self.user)
    }

    /// What `initdb` made for this installation: kept from an earlier run, or made now.
    pub(super) async fn cluster(&self, installation: &Installation) -> Result<Cluster> {
        let data = self.clusters.join(key(installation));
        if let Ok(password) = password_of(&data) {
            return Ok(Cluster { data, password });
        }
        // Made aside and then renamed, so that nobody copies a half-made one: on the same disk, and
        // in a folder that the next start sweeps away if we are killed.
        let aside = Claim::make(&self.servers[self.servers.len() - 1], self.user)?;
        let draft = self.initdb(installation, &aside.folder).await?;
        if fs::rename(&draft.data, &data).is_ok() {
            return Ok(Cluster { data, ..draft });
        }
        // Another run was faster; its cluster is as good as ours.
        let password = password_of(&data).map_err(|error| cannot("read", &data, error))?;
        Ok(Cluster { data, password })
    }

    /// Forgets what `initdb` made for this installation.
    pub(super) fn forget(&self, installation: &Installation) -> Result<()> {
        let data = self.clusters.join(key(installation));
        // At once for everybody, whatever the removal takes.
        let aside = Claim::make(&self.servers[self.servers.len() - 1], self.user)?;
        match fs::rename(&data, aside.folder.join("damaged")) {
            Err(error) if data.exists() => Err(cannot("move away", &data, error)),
            _ => Ok(()),
        }
    }

    /// Makes a cluster in a folder.
    pub(super) async fn initdb(
        &self,
        installation: &Installation,
        folder: &Path,
    ) -> Result<Cluster> {
        let help = "servers that root starts run as another user: keep Postgres's programs where \
                    others can get at them";
        self.user.assert_passable(&installation.bin, help)?;
        let cluster = Cluster { data: folder.join("data"), password: random_word(24)? };
        let pwfile = folder.join("password");
        fs::write(&pwfile, &cluster.password).map_err(|error| cannot("write", &pwfile, error))?;
        self.user.own(&pwfile)?;
        let mut last_words = String::new();
        for locale in LOCALES {
            let mut command = self.user.command(installation.bin.join("initdb"));
            command
                .args(["--username=postgres", "--encoding=UTF8", "--auth=scram-sha-256"])
                .args(["--no-sync", "--no-instructions"])
                .arg(format!("--locale={locale}"))
                .arg(format!("--pwfile={}", pwfile.display()))
                .arg("-D")
                .arg(&cluster.data)
                .current_dir(folder);
            let run = self.user.run(command).await;
            let Output { status, stdout, stderr } =
                run.map_err(|error| Error::new("failed to run initdb").caused_by(error))?;
            if status.success() {
                let kept = cluster.data.join(PASSWORD);
                fs::rename(&pwfile, &kept).map_err(|error| cannot("write", &kept, error))?;
                return Ok(cluster);
            }
            let said = [stdout, stderr].concat();
            String::from_utf8_lossy(&said).trim().clone_into(&mut last_words);
            if !last_words.contains("locale") {
                break;
            }
        }
        let failed = format!("initdb of Postgres {} failed", installation.version.text);
        let error = Error::new(format!("{failed}:\n{last_words}"));
        let full = last_words.contains("No space left on device");
        Err(if full { error.help(disk_full_help()) } else { error })
    }
}

impl Claim {
    /// Joins those who use a folder, if it is still there.
    pub(super) fn join(folder: &Path) -> Option<Self> {
        let lock = File::open(folder.join("lock")).ok()?;
        lock.try_lock_shared().ok()?;
        // Whoever removes a folder removes the lock too.
        let now = fs::metadata(folder.join("lock")).ok()?;
        let is_current = now.ino() == lock.metadata().ok()?.ino();
        is_current.then(|| Self { folder: folder.to_owned(), lock, is_left: true })
    }

    fn make(servers: &Path, user: User) -> Result<Self> {
        let born = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
        let name = format!("{}-{born}-{}", std::process::id(), random_word(8)?);
        let folder = servers.join(name);
        // Held until the new folder has its lock: it is not to be taken for one that was left.
        let making = File::open(servers).map_err(|error| cannot("open", servers, error))?;
        making.lock_shared().map_err(|error| cannot("lock", servers, error))?;
        user.make_folder(&folder)?;
        let path = folder.join("lock");
        // Locked before it has its name: a sweep finds no lock, or one that is held.
        let draft = folder.join("lock.draft");
        let lock = File::create(&draft).map_err(|error| cannot("write", &draft, error))?;
        lock.lock_shared().map_err(|error| cannot("lock", &draft, error))?;
        fs::rename(&draft, &path).map_err(|error| cannot("write", &path, error))?;
        Ok(Self { folder, lock, is_left: false })
    }

    /// Leaves the folder to those who use it too, or to whom removes it when nobody does.
    pub(super) fn leave(&mut self) {
        self.is_left = true;
    }

    /// Whether nobody else uses the folder at this moment.
    #[cfg(feature = "containers")]
    pub(super) fn is_last(&self) -> bool {
        self.lock.try_lock().is_ok()
    }

    /// Notes by which process of the server it ends.
    pub(super) fn note_watchdog(&self, backend: i32) -> Result<()> {
        let note = self.folder.join(WATCHDOG);
        fs::write(&note, backend.to_string()).map_err(|error| cannot("write", &note, error))
    }

    /// Leaves the folder to somebody who asked to keep it.
    pub(super) fn keep(&mut self) -> Result<()> {
        let note = self.folder.join(KEPT);
        fs::write(&note, "").map_err(|error| cannot("write", &note, error))?;
        self.leave();
        Ok(())
    }
}

/// Whether an open file is the one at a path, and was not removed meanwhile.
fn is_current(file: &File, path: &Path) -> bool {
    let [ours, now] = [file.metadata(), fs::metadata(path)].map(|it| it.map(|it| it.ino()).ok());
    ours.is_some() && ours == now
}

/// Whether somebody keeps a server for a look.
pub(super) fn is_kept(folder: &Path) -> bool {
    folder.join(KEPT).exists()
}

impl Drop for Claim {
    fn drop(&mut self) {
        if !self.is_left {
            // Nobody could be told of a failure here, and the next start sweeps again.
            remove(&self.folder);
        }
    }
}

/// Removes a folder, its lock last: should we be killed over it, the next start knows that nobody
/// lives there.
fn remove(folder: &Path) {
    end_initdb(folder);
    release_shared_memory(folder);
    for path in entries_of(folder) {
        if !path.ends_with("lock") && fs::remove_dir_all(&path).is_err() {
            let _ = fs::remove_file(&path);
        }
    }
    let _ = fs::remove_dir_all(folder);
}

/// Ends `initdb`, if it is at work in a folder, and waits for its own Postgres. That one ends by
/// itself when nobody tells it any more what to do, and then gives back its shared memory; not if
/// its files vanish under it.
fn end_initdb(folder: &Path) {
    let deadline = Instant::now() + INITDB_END_MAX;
    while let Some(pid) = backend_of_initdb(folder)
        && Instant::now() < deadline
    {
        let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
        let parent = stat.rsplit_once(") ").and_then(|(_, rest)| rest.split(' ').nth(1));
        let parent = parent.and_then(|parent| parent.parse().ok()).and_then(Pid::from_raw);
        let is_initdb = |it: &Pid| {
            fs::read_to_string(format!("/proc/{it}/comm")).is_ok_and(|name| name == "initdb\n")
        };
        if let Some(initdb) = parent.filter(is_initdb) {
            let _ = kill_process(initdb, Signal::KILL);
        }
        std::thread::sleep(Duration::from_millis(2));
    }
}

/// The Postgres that `initdb` runs in a folder, where the system tells who works where.
fn backend_of_initdb(folder: &Path) -> Option<u32> {
    let file = fs::read_to_string(folder.join("data").join(PID_FILE)).ok()?;
    let pid = file.lines().next()?.trim().strip_prefix('-')?.parse().ok()?;
    let place = fs::read_link(format!("/proc/{pid}/cwd")).ok()?;
    place.starts_with(folder).then_some(pid)
}

/// A postmaster that was killed leaves its pid file, and the segment of shared memory that the file
/// names by key and number in its seventh line. Every other one has removed both.
fn release_shared_memory(folder: &Path) {
    let file = fs::read_to_string(folder.join("data").join(PID_FILE)).unwrap_or_default();
    let segment = file.lines().nth(6).and_then(|line| line.split_whitespace().nth(1));
    if let Some(segment) = segment {
        // Should this fail, 56 bytes stay until the machine is started again.
        let _ = std::process::Command::new("ipcrm").args(["-m", segment]).output();
    }
}

/// What is in a folder.
fn entries_of(folder: &Path) -> impl Iterator<Item = PathBuf> {
    fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.path())
}

/// How long ago something was written.
fn age(path: &Path) -> Option<Duration> {
    fs::metadata(path).and_then(|metadata| metadata.modified()).ok()?.elapsed().ok()
}

pub(super) fn password_of(data: &Path) -> std::io::Result<String> {
    fs::read_to_string(data.join(PASSWORD))
}

/// Where the server of a folder is found, if it runs in a container.
fn address(folder: &Path) -> Option<SocketAddr> {
    let note = fs::read_to_string(folder.join(ADDRESS)).ok()?;
    note.to_socket_addrs().ok()?.next()
}

/// Whether a server is there.
pub(super) fn is_listening(address: SocketAddr) -> bool {
    TcpStream::connect_timeout(&address, ANSWER_MAX).is_ok()
}

/// Whether the session is there that ends a shared server.
fn is_watched(folder: &Path) -> bool {
    let backend = fs::read_to_string(folder.join(WATCHDOG)).unwrap_or_default();
    backend.parse().ok().and_then(Pid::from_raw).is_some_and(is_running)
}

/// Whether somebody holds a folder's lock, or may be about to make it.
pub(super) fn is_claimed(folder: &Path) -> bool {
    if let Ok(lock) = File::open(folder.join("lock")) {
        return lock.try_lock().is_err();
    }
    let servers = folder.parent().and_then(|servers| File::open(servers).ok());
    servers.is_some_and(|making| making.try_lock().is_err())
}

/// What a cluster is called among the clusters: version and folder, as one name.
fn key(installation: &Installation) -> String {
    let key = format!("{}-{}", installation.version.text, installation.bin.display());
    key.chars().map(|c| if c.is_ascii_alphanumeric() || c == '.' { c } else { '-' }).collect()
}

/// Who runs in a server's folder.
#[derive(Debug, PartialEq, Eq)]
enum Tenant {
    Postmaster(Pid),
    Nobody,
    /// Somebody may; this system doesn't say.
    Unknown,
}

/// Finds the postmaster that runs in a server's folder. The number in its file may have gone to
/// another process since, so that process must say of itself that it works in the folder.
fn postmaster(folder: &Path) -> Tenant {
    let file = fs::read_to_string(folder.join("data").join(PID_FILE)).unwrap_or_default();
    let number = file.lines().next().and_then(|line| line.trim().parse::<i32>().ok());
    // While `initdb` is at work, the number is negative.
    let Some(pid) = number.filter(|number| *number > 0).and_then(Pid::from_raw) else {
        return Tenant::Nobody;
    };
    if test_kill_process(pid).is_err() {
        return Tenant::Nobody;
    }
    let number = pid.as_raw_nonzero().to_string();
    let arguments = fs::read(format!("/proc/{number}/cmdline")).or_else(|_| {
        let ps = std::process::Command::new("ps").args(["-o", "args=", "-p", &number]).output();
        ps.map(|output| output.stdout)
    });
    match arguments {
        Ok(arguments) => {
            let works_here =
                String::from_utf8_lossy(&arguments).contains(&*folder.to_string_lossy());
            if works_here { Tenant::Postmaster(pid) } else { Tenant::Nobody }
        }
        Err(_) => Tenant::Unknown,
    }
}

/// A file in which the processes of one run, children of the same parent, leave each other a note.
/// It is there no longer than the parent, or than the next start.
pub(super) fn note(run: &str) -> Result<PathBuf> {
    let notes = open_folder(&std::env::temp_dir(), User::of_servers()?)?.join(NOTES);
    User::Ourselves.make_folder(&notes)?;
    sweep_notes(&notes);
    let parent = rustix::process::getppid().map_or(0, |pid| pid.as_raw_nonzero().get());
    Ok(notes.join(format!("{parent}-{run}")))
}

/// Removes the notes of runs that have ended.
fn sweep_notes(folder: &Path) {
    for note in entries_of(folder) {
        let name = note.file_name().and_then(|name| name.to_str());
        let parent = name.and_then(|name| name.split('-').next()?.parse().ok());
        let parent = parent.filter(|pid| *pid > 0).and_then(Pid::from_raw);
        if parent.is_some_and(|pid| test_kill_process(pid).is_err()) {
            let _ = fs::remove_file(note);
        }
    }
}

/// Opens our own folder in one for everybody's temporary files.
fn open_folder(temporary: &Path, user: User) -> Result<PathBuf> {
    let uid = rustix::process::geteuid().as_raw();
    let folder = temporary.join(format!("rehearsal-{uid}"));
    User::Ourselves.make_folder(&folder)?;
    // Not what a link of somebody else's points to.
    let owner = fs::symlink_metadata(&folder).map_err(|error| cannot("read", &folder, error))?;
    if owner.uid() != uid || !owner.is_dir() {
        return Err(Error::new(format!(
            "{} belongs to another user of this machine",
            folder.display()
        ))
        .help("set TMPDIR to a folder of your own"));
    }
    let help = "set TMPDIR to a folder that other users can pass through, such as /tmp";
    user.assert_passable(&folder, help)?;
    Ok(folder)
}

/// The system's folder in memory, unless somebody has named another one for temporary files.
fn memory() -> Option<&'static Path> {
    let memory = Some(Path::new(MEMORY)).filter(|memory| memory.is_dir());
    memory.filter(|_| std::env::var_os("TMPDIR").is_none())
}

/// Whether a folder in memory has room for a server. A container's usually has not, and what is
/// free there is only a promise where programs need the memory.
fn has_room(folder: &Path) -> bool {
    let promised =
        rustix::fs::statvfs(folder).is_ok_and(|it| it.f_bavail * it.f_frsize >= MEMORY_BYTES_MIN);
    promised && available_bytes().is_some_and(|available| available >= MEMORY_BYTES_MIN)
}

/// The memory that programs of this machine could still have, where the system says.
pub(crate) fn available_bytes() -> Option<u64> {
    let memory = fs::read_to_string("/proc/meminfo").ok()?;
    let available = memory.lines().find_map(|line| line.strip_prefix("MemAvailable:"))?;
    let kilobytes = available.trim().strip_suffix(" kB")?.parse::<u64>().ok()?;
    Some(kilobytes * 1024)
}

/// What to do when the temporary files' disk is full.
pub(crate) fn disk_full_help() -> String {
    let memory = memory().map_or(String::new(), |memory| format!(" and {}", memory.display()));
    format!(
        "free some space under {}{memory}, or set TMPDIR to a folder on another disk",
        std::env::temp_dir().display()
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(number: &str) {
        let servers = std::env::temp_dir().join(format!("rehearsal-test-{}", std::process::id()));
        let folder = servers.join("data");
        fs::create_dir_all(&folder).expect("a folder");
        fs::write(folder.join("postmaster.pid"), number).expect("a file");
        let found = postmaster(&servers);
        fs::remove_dir_all(&servers).expect("it is there");
        assert_eq!(found, Tenant::Nobody, "{number}");
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn linux_tells_what_memory_is_available() {
        assert!(available_bytes().is_some_and(|bytes| bytes > 0));
    }

    #[test]
    fn a_process_of_somebody_else_is_no_postmaster_of_ours() {
        check(&format!("{}\n", std::process::id()));
        check("-42\n");
        check("0\n");
        check("word\n");
    }
}
