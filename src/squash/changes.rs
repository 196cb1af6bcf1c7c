//! What is done to the files of a project, all of it or nothing, and a likeness of the project in
//! which it is tried before.

use std::fs;
use std::io;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use crate::{Error, Result};

/// Files that are written, and others that go. All paths are relative to the project.
#[derive(Debug, Default, Clone)]
pub(crate) struct Changes {
    pub(crate) written: Vec<(String, Vec<u8>)>,
    pub(crate) removed: Vec<String>,
}

/// How a step is taken back.
enum Undo {
    Remove(PathBuf),
    Restore(PathBuf, Vec<u8>),
    RemoveFolder(PathBuf),
}

impl Changes {
    /// The files that would be overwritten: they are there, and don't go anyway.
    pub(crate) fn overwritten(&self, root: &Path) -> Vec<&str> {
        let written = self.written.iter().map(|(path, _)| path.as_str());
        let is_lost = |path: &&str| {
            !self.removed.iter().any(|removed| removed == path) && root.join(path).exists()
        };
        written.filter(is_lost).collect()
    }

    /// Carries them out. Where one fails, what was done before is undone.
    pub(crate) fn apply(&self, root: &Path) -> Result<()> {
        let mut undo = Vec::new();
        let done = self.steps(root, &mut undo);
        done.map_err(|(path, error)| {
            for step in undo.into_iter().rev() {
                // Whatever this says, the first failure is the one to tell.
                let _ = step.take();
            }
            Error::new(format!("failed to write {}", path.display()))
                .caused_by(error)
                .help("nothing was changed: see to it that the project's folder can be written")
        })
    }

    fn steps(&self, root: &Path, undo: &mut Vec<Undo>) -> Result<(), (PathBuf, io::Error)> {
        for path in &self.removed {
            let path = root.join(path);
            let remove = |undo: &mut Vec<Undo>| {
                let bytes = fs::read(&path)?;
                fs::remove_file(&path)?;
                undo.push(Undo::Restore(path.clone(), bytes));
                Ok(())
            };
            remove(undo).map_err(|error| (path.clone(), error))?;
        }
        for (path, text) in &self.written {
            let path = root.join(path);
            write(&path, text, undo).map_err(|error| (path.clone(), error))?;
        }
        // Folders in which nothing is left are left by nobody else.
        for path in &self.removed {
            let folders = root.join(path);
            let folders = folders.ancestors().skip(1).take_while(|folder| *folder != root);
            for folder in folders {
                if fs::remove_dir(folder).is_err() {
                    break;
                }
            }
        }
        Ok(())
    }
}

/// Writes a file with the folders that lead to it. A link is replaced, not followed.
fn write(path: &Path, text: &[u8], undo: &mut Vec<Undo>) -> io::Result<()> {
    let missing = path.ancestors().skip(1).take_while(|folder| !folder.exists());
    for folder in missing.collect::<Vec<_>>().into_iter().rev() {
        fs::create_dir(folder)?;
        undo.push(Undo::RemoveFolder(folder.to_owned()));
    }
    let draft = path.with_extension("rehearsal-draft");
    let before = fs::read(path).ok();
    fs::write(&draft, text).and_then(|()| fs::rename(&draft, path)).inspect_err(|_| {
        let _ = fs::remove_file(&draft);
    })?;
    undo.push(match before {
        Some(bytes) => Undo::Restore(path.to_owned(), bytes),
        None => Undo::Remove(path.to_owned()),
    });
    Ok(())
}

impl Undo {
    fn take(self) -> io::Result<()> {
        match self {
            Self::Remove(path) => fs::remove_file(path),
            Self::Restore(path, bytes) => fs::write(path, bytes),
            Self::RemoveFolder(path) => fs::remove_dir(path),
        }
    }
}

/// Makes a likeness of a folder, of links to what is in it: only the folders are its own in which
/// something is to change: those on the way to these paths.
pub(crate) fn mirror(original: &Path, likeness: &Path, paths: &[String]) -> Result<()> {
    link(original, likeness, "", paths).map_err(|error| {
        Error::new(format!("failed to make a likeness of {}", original.display())).caused_by(error)
    })
}

fn link(original: &Path, likeness: &Path, within: &str, paths: &[String]) -> io::Result<()> {
    fs::create_dir_all(likeness)?;
    for entry in fs::read_dir(original)? {
        let entry = entry?;
        let name = entry.file_name();
        let path = format!("{within}{}", name.to_string_lossy());
        let below = format!("{path}/");
        let (from, to) = (entry.path(), likeness.join(&name));
        if from.is_dir() && paths.iter().any(|changed| changed.starts_with(&below)) {
            link(&from, &to, &below, paths)?;
        } else {
            symlink(fs::canonicalize(&from).unwrap_or(from), to)?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn project() -> tempfile::TempDir {
        let folder = tempfile::tempdir().expect("a folder");
        fs::create_dir_all(folder.path().join("db/migrations")).expect("a folder");
        for path in ["db/migrations/1_a.sql", "db/seed.sql", "rehearsal.toml"] {
            fs::write(folder.path().join(path), path).expect("a file");
        }
        folder
    }

    fn changes() -> Changes {
        let written = [("db/migrations/1_baseline.sql", "new"), ("db/squash/rollout.sql", "new")];
        Changes {
            written: written.map(|(path, text)| (path.to_owned(), text.into())).to_vec(),
            removed: vec!["db/migrations/1_a.sql".to_owned()],
        }
    }

    #[test]
    fn a_likeness_can_be_changed_without_its_original() {
        let (original, likeness) = (project(), tempfile::tempdir().expect("a folder"));
        let paths = ["db/migrations/x", "db/squash/x"].map(str::to_owned);
        mirror(original.path(), likeness.path(), &paths).expect("it is made");
        changes().apply(likeness.path()).expect("they are carried out");
        let is_there = |root: &Path, path: &str| root.join(path).exists();
        assert!(is_there(likeness.path(), "db/seed.sql"));
        assert!(is_there(likeness.path(), "db/squash/rollout.sql"));
        assert!(!is_there(likeness.path(), "db/migrations/1_a.sql"));
        assert!(is_there(original.path(), "db/migrations/1_a.sql"));
        assert!(!is_there(original.path(), "db/squash"));
    }

    #[test]
    fn what_fails_leaves_everything_as_it_was() {
        let project = project();
        let mut changes = changes();
        changes.written.push(("rehearsal.toml/within".to_owned(), "new".into()));
        assert!(changes.apply(project.path()).is_err());
        assert!(project.path().join("db/migrations/1_a.sql").exists());
        assert!(!project.path().join("db/migrations/1_baseline.sql").exists());
        assert!(!project.path().join("db/squash").exists());
    }

    #[test]
    fn what_is_there_is_told() {
        let project = project();
        let mut changes = changes();
        changes.written.push(("db/seed.sql".to_owned(), "new".into()));
        assert_eq!(changes.overwritten(project.path()), ["db/seed.sql"]);
    }
}
