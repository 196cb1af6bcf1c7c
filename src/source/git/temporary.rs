//! A folder of ours among the temporary files, for what git writes out, while it is read.
//!
//! Whoever uses one holds a lock on it, so a folder whose lock is free was left by a run that was
//! killed, and the next one sweeps it away.

use std::fs::{self, DirBuilder, File};
use std::io::{ErrorKind, Result};
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _};
use std::path::{Path, PathBuf};

/// What the names of these folders begin with.
const START: &str = "rehearsal-checkout-";

/// A folder that is gone when this is dropped.
#[derive(Debug)]
pub(crate) struct Temporary {
    path: PathBuf,
    _lock: File,
}

impl Temporary {
    pub(crate) fn new() -> Result<Self> {
        let temporary = std::env::temp_dir();
        sweep(&temporary);
        let mut number = 0_u64;
        loop {
            number += 1;
            let path = temporary.join(format!("{START}{}-{number}", std::process::id()));
            match DirBuilder::new().mode(0o700).create(&path) {
                Err(error) if error.kind() == ErrorKind::AlreadyExists => continue,
                other => other?,
            }
            // A sweep may have come between, and then the folder is gone, or another one.
            if let Some(lock) = lock(&path) {
                return Ok(Self { path, _lock: lock });
            }
        }
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }
}

impl Drop for Temporary {
    fn drop(&mut self) {
        // Nobody could be told of a failure here, and the next one sweeps again.
        let _ = fs::remove_dir_all(&self.path);
    }
}

/// The lock of a folder, if nobody holds it and the folder is still there.
fn lock(folder: &Path) -> Option<File> {
    let lock = File::open(folder).ok()?;
    lock.try_lock().ok()?;
    let [ours, now] = [lock.metadata(), fs::metadata(folder)].map(|it| it.map(|it| it.ino()).ok());
    (ours == now).then_some(lock)
}

fn sweep(temporary: &Path) {
    for entry in fs::read_dir(temporary).into_iter().flatten().flatten() {
        if entry.file_name().to_string_lossy().starts_with(START) && lock(&entry.path()).is_some() {
            let _ = fs::remove_dir_all(entry.path());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_used_stays_and_what_was_left_is_swept() {
        let folder = tempfile::tempdir().expect("a folder");
        let [used, left] = ["used", "left"].map(|it| folder.path().join(format!("{START}{it}")));
        for path in [&used, &left] {
            fs::create_dir(path).expect("writable");
            fs::write(path.join("file"), "text").expect("writable");
        }
        let _lock = lock(&used).expect("nobody holds it");
        sweep(folder.path());
        assert!(used.exists());
        assert!(!left.exists());
    }

    #[test]
    fn each_has_its_own_and_leaves_nothing() {
        let [one, other] = [Temporary::new(), Temporary::new()].map(|it| it.expect("writable"));
        assert_ne!(one.path(), other.path());
        let path = one.path().to_owned();
        fs::write(path.join("file"), "text").expect("writable");
        drop(one);
        assert!(!path.exists());
        assert!(other.path().exists());
    }
}
