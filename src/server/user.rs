//! As whom servers run, and the files that they own.
//!
//! Postgres refuses to run as root, so root's servers run as an unprivileged user, who must be
//! given its files and must be able to get at the programs. Everybody else's run as themselves.

use std::fs::{self, Permissions};
use std::io::{self, ErrorKind};
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, chown};
use std::path::{Path, PathBuf};
use std::process::{Output, Stdio};

use tokio::process::Command;

use super::home::disk_full_help;
use crate::{Error, Result};

/// An unprivileged user, or ourselves.
#[derive(Debug, Clone, Copy)]
pub(super) enum User {
    Ourselves,
    Other { uid: u32, gid: u32 },
}

impl User {
    /// The one as whom servers run.
    pub(super) fn of_servers() -> Result<Self> {
        if !is_root() {
            return Ok(Self::Ourselves);
        }
        let accounts = fs::read_to_string("/etc/passwd").unwrap_or_default();
        let account = |name: &str| {
            let line = accounts.lines().find(|line| line.split(':').next() == Some(name))?;
            let mut ids = line.split(':').skip(2).map(str::parse::<i64>);
            // macOS writes nobody as -2.
            #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "ids wrap")]
            Some(Self::Other { uid: ids.next()?.ok()? as u32, gid: ids.next()?.ok()? as u32 })
        };
        account("postgres").or_else(|| account("nobody")).ok_or_else(|| {
            Error::new("Postgres refuses to run as root, and there is no user postgres or nobody")
                .help("run as another user than root, or add a user named postgres")
        })
    }

    /// A program of Postgres, to be run as this user.
    pub(super) fn command(self, program: PathBuf) -> Command {
        let mut command = Command::new(program);
        if let Self::Other { uid, gid } = self {
            command.uid(uid).gid(gid);
        }
        // The surroundings of the user's own Postgres must not reach into ours.
        for (name, _) in std::env::vars_os() {
            if name.to_string_lossy().starts_with("PG") {
                command.env_remove(name);
            }
        }
        command.env("LC_MESSAGES", "C").env_remove("LC_ALL").stdin(Stdio::null());
        command
    }

    /// Runs a program to its end; it ends with us.
    pub(super) async fn run(self, mut command: Command) -> io::Result<Output> {
        command.kill_on_drop(true).output().await
    }

    /// An error if this user can't get at a folder.
    pub(super) fn assert_passable(self, folder: &Path, help: &str) -> Result<()> {
        let Self::Other { uid, .. } = self else { return Ok(()) };
        for ancestor in folder.ancestors().filter(|ancestor| ancestor.is_absolute()) {
            let metadata =
                fs::metadata(ancestor).map_err(|error| cannot("read", ancestor, error))?;
            if metadata.mode() & 0o001 == 0 && metadata.uid() != uid {
                return Err(Error::new(format!(
                    "{} is closed to other users, and Postgres refuses to run as root",
                    ancestor.display()
                ))
                .help(help));
            }
        }
        Ok(())
    }

    /// Gives this user a file or folder of ours.
    pub(super) fn own(self, path: &Path) -> Result<()> {
        let Self::Other { uid, gid } = self else { return Ok(()) };
        chown(path, Some(uid), Some(gid)).map_err(|error| cannot("hand over", path, error))
    }

    /// Makes a folder for this user, if there is none. Only its owner can list it; the servers of
    /// root, which run as another user, can pass through.
    pub(super) fn make_folder(self, path: &Path) -> Result<()> {
        match fs::create_dir(path) {
            Ok(()) => {
                let mode = if is_root() { 0o711 } else { 0o700 };
                fs::set_permissions(path, Permissions::from_mode(mode))
                    .map_err(|error| cannot("protect", path, error))?;
                self.own(path)
            }
            Err(error) if error.kind() == ErrorKind::AlreadyExists => Ok(()),
            Err(error) => Err(cannot("create", path, error)),
        }
    }

    /// Copies a folder of this user's with all that is in it. It does so as this user, who may have
    /// put a link there to what is not theirs.
    pub(super) async fn copy_as(self, from: &Path, to: &Path) -> Result<()> {
        let mut command = self.command(PathBuf::from("cp"));
        command.arg("-R").arg(from).arg(to);
        let copied = self.run(command).await.map_err(|error| cannot("copy", from, error))?;
        if copied.status.success() {
            return Ok(());
        }
        let said = String::from_utf8_lossy(&copied.stderr).into_owned();
        Err(cannot("copy", from, io::Error::other(said)))
    }

    /// Copies a folder with all that is in it, for this user alone.
    pub(super) fn copy_tree(self, from: &Path, to: &Path) -> Result<()> {
        fs::create_dir(to).map_err(|error| cannot("create", to, error))?;
        fs::set_permissions(to, Permissions::from_mode(0o700))
            .map_err(|error| cannot("protect", to, error))?;
        self.own(to)?;
        for entry in fs::read_dir(from).map_err(|error| cannot("read", from, error))? {
            let entry = entry.map_err(|error| cannot("read", from, error))?;
            let target = to.join(entry.file_name());
            let kind = entry.file_type().map_err(|error| cannot("read", &entry.path(), error))?;
            if kind.is_dir() {
                self.copy_tree(&entry.path(), &target)?;
            } else {
                fs::copy(entry.path(), &target).map_err(|error| cannot("write", &target, error))?;
                self.own(&target)?;
            }
        }
        Ok(())
    }
}

fn is_root() -> bool {
    rustix::process::geteuid().is_root()
}

/// What the file system refused, and to what.
pub(super) fn cannot(what: &str, path: &Path, error: io::Error) -> Error {
    let full = error.kind() == ErrorKind::StorageFull;
    let failed = Error::new(format!("failed to {what} {}", path.display())).caused_by(error);
    if full { failed.help(disk_full_help()) } else { failed }
}
