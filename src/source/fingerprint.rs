//! What a command depends on, as the project declares it: the contents of files. Must not know what
//! is made of it.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use sha2::{Digest as _, Sha256};

use crate::config::glob;
use crate::{Error, Result};

/// Changes with every commit, and no command depends on it.
const NOT_A_SOURCE: &str = ".git";

/// A digest of the names and contents of all files that the patterns name.
pub(super) fn digest(root: &Path, patterns: &[String]) -> Result<String> {
    let mut files = BTreeMap::new();
    for pattern in patterns {
        match pattern.split_once('*') {
            None if root.join(pattern).is_file() => {
                files.insert(pattern.clone(), root.join(pattern));
            }
            None => {}
            Some((literal, _)) => {
                let folder = literal.rfind('/').map_or("", |end| &literal[..=end]);
                collect(&root.join(folder), folder, pattern, &mut Vec::new(), &mut files)?;
            }
        }
        if !files.keys().any(|file| glob(pattern, file)) {
            return Err(Error::new(format!(
                "`fingerprint` under [migrations] names {pattern}, and there is no such file"
            ))
            .help("paths begin at the project's root; `*` stands for any text, folders too"));
        }
    }
    let mut hash = Sha256::new();
    for (file, path) in &files {
        let bytes = fs::read(path).map_err(|error| cannot(path, error))?;
        hash.update(format!("{file:?}{}:", bytes.len()));
        hash.update(bytes);
    }
    Ok(format!("{:x?}", hash.finalize()))
}

/// Finds the files that a pattern names, in a folder and those below it. The folder's path within
/// the project is empty, or ends with `/`. A link is not followed to where the way to it came
/// through.
fn collect(
    location: &Path,
    folder: &str,
    pattern: &str,
    way: &mut Vec<PathBuf>,
    files: &mut BTreeMap<String, PathBuf>,
) -> Result<()> {
    // What we can't look into, or what vanishes meanwhile, the command doesn't read either.
    let (Ok(real), Ok(entries)) = (location.canonicalize(), fs::read_dir(location)) else {
        return Ok(());
    };
    if way.contains(&real) {
        return Ok(());
    }
    way.push(real);
    for entry in entries {
        let path = entry.map_err(|error| cannot(location, error))?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        let within = format!("{folder}{name}");
        if path.is_dir() {
            if name != NOT_A_SOURCE {
                collect(&path, &format!("{within}/"), pattern, way, files)?;
            }
        } else if glob(pattern, &within) && path.is_file() {
            files.insert(within, path);
        }
    }
    way.pop();
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
        // A link is what it leads to, and may lead in a circle.
        let before = of(&["linked/**"]).expect_err("not there yet");
        assert!(before.to_string().contains("linked/**"), "{before}");
        std::os::unix::fs::symlink(root.join("db"), root.join("linked")).expect("a link");
        std::os::unix::fs::symlink(root, root.join("db/circle")).expect("a link");
        let before = of(&["linked/**"]).expect("they are there");
        write("db/versions/1.py", "three");
        assert_ne!(of(&["linked/**"]).expect("they are there"), before);
        let error = of(&["db/**", "alembic.toml"]).expect_err("nothing is there").to_string();
        assert!(
            error.starts_with("`fingerprint` under [migrations] names alembic.toml"),
            "{error}"
        );
    }
}
