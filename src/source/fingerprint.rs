//! What a command depends on, as the project declares it: the contents of files. Must not know what
//! is made of it.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use sha2::{Digest as _, Sha256};

use crate::config::glob;
use crate::{Error, Result};

/// Changes with every commit, and no command depends on it.
const NOT_A_SOURCE: &str = ".git";

/// A digest of the names and contents of all files that the patterns name.
pub(super) fn digest(root: &Path, patterns: &[String]) -> Result<String> {
    let mut files = BTreeSet::new();
    for pattern in patterns {
        let literal = pattern.split('*').next().unwrap_or_default();
        let folder = literal.rfind('/').map_or("", |end| &literal[..=end]);
        let before = files.len();
        collect(root, folder, pattern, &mut files)?;
        if files.len() == before && !files.iter().any(|file| glob(pattern, file)) {
            return Err(Error::new(format!(
                "`fingerprint` under [migrations] names {pattern}, and there is no such file"
            ))
            .help("paths begin at the project's root; `*` stands for any text, folders too"));
        }
    }
    let mut hash = Sha256::new();
    for file in &files {
        let path = root.join(file);
        let bytes = fs::read(&path).map_err(|error| cannot(&path, error))?;
        hash.update(format!("{file:?}{}:", bytes.len()));
        hash.update(bytes);
    }
    Ok(format!("{:x?}", hash.finalize()))
}

/// Finds the files that a pattern names, in a folder whose path is empty or ends with `/`.
fn collect(root: &Path, folder: &str, pattern: &str, files: &mut BTreeSet<String>) -> Result<()> {
    let location = root.join(folder);
    if !location.is_dir() {
        return Ok(());
    }
    for entry in fs::read_dir(&location).map_err(|error| cannot(&location, error))? {
        let entry = entry.map_err(|error| cannot(&location, error))?;
        let Ok(name) = entry.file_name().into_string() else { continue };
        let kind = entry.file_type().map_err(|error| cannot(&entry.path(), error))?;
        let path = format!("{folder}{name}");
        // A link to a folder may lead in a circle.
        if kind.is_dir() && name != NOT_A_SOURCE {
            collect(root, &format!("{path}/"), pattern, files)?;
        } else if glob(pattern, &path) && entry.path().is_file() {
            files.insert(path);
        }
    }
    Ok(())
}

fn cannot(path: &Path, error: std::io::Error) -> Error {
    Error::new(format!("failed to read {}", path.display()))
        .caused_by(error)
        .help("check `fingerprint` under [migrations] in rehearsal.toml")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_changes_with_what_is_named_and_with_nothing_else() {
        let folder = tempfile::tempdir().expect("a folder");
        let root = folder.path();
        let write = |name: &str, text: &str| {
            let path = root.join(name);
            fs::create_dir_all(path.parent().expect("it has one")).expect("writable");
            fs::write(path, text).expect("writable");
        };
        let of = |patterns: &[&str]| {
            let patterns = patterns.iter().map(|&it| it.to_owned()).collect::<Vec<_>>();
            digest(root, &patterns)
        };
        write("db/versions/1.py", "one");
        write("db/env.py", "env");
        write("alembic.ini", "ini");
        let before = of(&["db/**", "alembic.ini"]).expect("they are there");
        write("README.md", "nobody depends on it");
        write("db/.git/index", "nor on this");
        assert_eq!(of(&["db/**", "alembic.ini"]).expect("they are there"), before);
        assert_eq!(of(&["alembic.ini", "db/*", "db/env.py"]).expect("they are there"), before);
        write("db/versions/1.py", "two");
        assert_ne!(of(&["db/**", "alembic.ini"]).expect("they are there"), before);
        let error = of(&["db/**", "alembic.toml"]).expect_err("nothing is there").to_string();
        assert!(
            error.starts_with("`fingerprint` under [migrations] names alembic.toml"),
            "{error}"
        );
    }
}
