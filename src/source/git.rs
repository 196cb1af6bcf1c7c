//! What git knows of the project: which files are merged, and so may have run in production.
//!
//! Asks the git command line, which knows every way in which a repository can be set up. Where git
//! can't tell, that is an answer too, with what to do about it.

use std::collections::BTreeSet;
use std::path::Path;
use std::process::Command;

use super::folder::Folder;

/// Why git could not tell what is merged.
#[derive(Debug, Clone)]
pub(crate) struct Unknown {
    pub(crate) message: String,
    pub(crate) help: String,
}

/// The paths of a folder's files, and of those in its subfolders, at the point where the current
/// branch left `base`.
pub(super) fn merged(
    root: &Path,
    folder: &Folder,
    base: &str,
) -> Result<BTreeSet<String>, Unknown> {
    git(root, &["rev-parse", "--git-dir"]).map_err(|said| Unknown {
        message: format!("git can't tell what is merged: {said}"),
        help: "rehearse a clone of the repository, or remove `base` under [history]".to_owned(),
    })?;
    let commit = format!("{base}^{{commit}}");
    git(root, &["rev-parse", "--verify", "--quiet", &commit]).map_err(|_| Unknown {
        message: format!("git knows no revision `{base}`, so what is merged is not known"),
        help: match base.split_once('/') {
            Some((remote, branch)) => format!("git fetch {remote} {branch}:refs/remotes/{base}"),
            None => "name a revision of this repository as `base` under [history]".to_owned(),
        },
    })?;
    let fork = git(root, &["merge-base", "HEAD", base]).map_err(|_| Unknown {
        message: format!("git finds no commit that HEAD and `{base}` have in common"),
        help: "if the clone is shallow: git fetch --unshallow".to_owned(),
    })?;
    let listing = ["ls-tree", "-r", "-z", "--name-only", fork.trim()];
    let listed = git(folder.location(), &listing).map_err(|said| Unknown {
        message: format!("git can't list {} at the merge base: {said}", folder.name()),
        help: "git fsck tells whether the repository is whole".to_owned(),
    })?;
    let names = listed.split('\0').filter(|name| !name.is_empty());
    Ok(names.map(|name| folder.path_of(name)).collect())
}

/// What git prints, or what it complains about.
fn git(root: &Path, arguments: &[&str]) -> Result<String, String> {
    let output = Command::new("git").arg("-C").arg(root).args(arguments).output();
    let output = output.map_err(|error| format!("git can't be run: {error}"))?;
    if output.status.success() {
        return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
    }
    let said = String::from_utf8_lossy(&output.stderr);
    Err(said.trim().trim_start_matches("fatal: ").to_owned())
}
