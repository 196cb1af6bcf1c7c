//! What git knows of the project: which files are merged, and so may have run in production, and
//! what the project was at a revision.
//!
//! Asks the git command line, which knows every way in which a repository can be set up. Where git
//! can't tell, that is an answer too, with what to do about it. The user's index and working tree
//! are only read.

pub(super) mod temporary;

use std::collections::{BTreeMap, BTreeSet};
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use self::temporary::Temporary;

/// What a hook has in its environment, which may be one of another repository.
const OF_A_HOOK: &[&str] = &["GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_PREFIX"];

/// An index of ours has all files that we want, and is nobody else's business.
const PLAIN_INDEX: &[&str] = &[
    "-c",
    "core.splitIndex=false",
    "-c",
    "core.fsmonitor=false",
    "-c",
    "core.sparseCheckout=false",
];

/// Why git could not tell what is merged, or what there was.
#[derive(Debug, Clone)]
pub(crate) struct Unknown {
    pub(crate) message: String,
    pub(crate) help: String,
}

/// Files of a project at a revision, in a folder that is gone when this is dropped.
#[derive(Debug)]
pub(crate) struct Checkout {
    _folder: Temporary,
    root: PathBuf,
}

impl Checkout {
    /// What was the project's root.
    pub(super) fn root(&self) -> &Path {
        &self.root
    }
}

/// Where a folder of a project is in the whole repository: its path from the top, which ends with a
/// `/` unless it is the top itself.
pub(super) fn place(root: &Path, folder: &Path) -> Result<String, Unknown> {
    let of = |folder: &Path| git(folder, &["rev-parse", "--show-toplevel", "--show-prefix"]);
    let [project, own] = [root, folder].map(|it| of(it).map_err(|said| cannot_list(&said)));
    let (project, own) = (project?, own?);
    let [(top, _), (own_top, place)] =
        [&project, &own].map(|it| it.split_once('\n').unwrap_or_default());
    if top == own_top {
        return Ok(place.trim_end_matches('\n').to_owned());
    }
    let path = folder.strip_prefix(root).unwrap_or(folder).display();
    Err(Unknown {
        message: format!(
            "{path} is in another repository than the project, as a submodule is, and what is \
             merged there is not known"
        ),
        help: "rehearse the migrations in their own repository, or remove `base` under [history]"
            .to_owned(),
    })
}

/// The names of the files that were at a place of the repository at a commit, with those in its
/// subfolders.
pub(super) fn names(root: &Path, commit: &str, place: &str) -> Result<BTreeSet<String>, Unknown> {
    let entries = entries(root, commit, place)?;
    Ok(entries.iter().map(|entry| entry.name.clone()).collect())
}

/// The names of those files of a folder that are not what was at a place at a commit, under the
/// same name: committed since, staged, or neither. What has other line endings is the same, if
/// git's own filters say so. Nobody's index is asked: where a file is flagged there as one that
/// need not be looked at, an edit of it would be hidden.
pub(super) fn changed(
    root: &Path,
    folder: &Path,
    commit: &str,
    was_at: &str,
) -> Result<BTreeSet<String>, Unknown> {
    let is_at = place(root, folder)?;
    let entries = entries(root, commit, was_at)?;
    let listed = entries.iter().map(|Entry { kind, name, .. }| format!("{kind}\t{is_at}{name}\0"));
    let failed = |said: String| cannot_list(&said);
    let index = Index::of(root, &listed.collect::<String>()).map_err(failed)?;
    // What only looks changed, because this index has never seen the file, is compared.
    let diff = ["-c", "diff.autoRefreshIndex=true", "diff", "-z", "--relative", "--name-only"];
    let plain = ["--no-renames", "--no-ext-diff", "--ignore-submodules", "--", "."];
    let found = index.git(folder, &[&diff[..], &plain].concat()).map_err(failed)?;
    Ok(found.split('\0').filter(|name| !name.is_empty()).map(str::to_owned).collect())
}

/// The names of the files that are in a folder, but for those that git is to ignore.
pub(super) fn present(folder: &Path) -> Result<BTreeSet<String>, Unknown> {
    let listed = ["ls-files", "-z", "--cached", "--others", "--exclude-standard", "--", "."];
    let listed = git(folder, &listed).map_err(|said| cannot_list(&said))?;
    let names = listed.split('\0').filter(|name| folder.join(name).is_file());
    Ok(names.map(str::to_owned).collect())
}

/// The place from which the files of a folder have come since a commit, if they were at one that
/// has none of them any more, and at least half of what was there has come.
pub(super) fn origin(root: &Path, folder: &Path, commit: &str) -> Result<Option<String>, Unknown> {
    let failed = |said: String| cannot_list(&said);
    let present = present(folder)?;
    let names = present.iter().map(String::as_str).collect::<Vec<_>>();
    if names.is_empty() {
        return Ok(None);
    }
    // As git would write them down, and without doing it.
    let digests = [&["hash-object", "--"], names.as_slice()].concat();
    let digests = git(folder, &digests).map_err(failed)?;
    let there = entries(root, commit, "")?;
    let top = git(root, &["rev-parse", "--show-toplevel"]).map_err(failed)?;
    let top = Path::new(top.trim_end_matches('\n'));
    let mut counts = BTreeMap::<&str, usize>::new();
    for (name, digest) in names.iter().zip(digests.lines()) {
        for Entry { kind, name: path } in &there {
            let place = path.strip_suffix(name).filter(|it| it.is_empty() || it.ends_with('/'));
            if let Some(place) = place.filter(|_| kind.ends_with(digest))
                && !top.join(path).exists()
            {
                *counts.entry(place).or_default() += 1;
            }
        }
    }
    let most = counts.into_iter().max_by_key(|(_, count)| *count);
    let is_half = |(place, count): &(&str, usize)| {
        count * 2 >= there.iter().filter(|entry| entry.name.starts_with(place)).count()
    };
    Ok(most.filter(is_half).map(|(place, _)| place.to_owned()))
}

/// A file as git has written it down.
struct Entry {
    /// Its mode, what it is, and the digest of its contents.
    kind: String,
    /// Its path, from the place on.
    name: String,
}

/// The files that were at a place of the repository at a commit.
fn entries(root: &Path, commit: &str, place: &str) -> Result<Vec<Entry>, Unknown> {
    let mut arguments = vec!["ls-tree", "-r", "-z", "--full-tree", commit];
    if !place.is_empty() {
        arguments.extend(["--", place]);
    }
    let listed = git(root, &arguments).map_err(|said| cannot_list(&said))?;
    let entries = listed.split('\0').filter_map(|entry| {
        let (kind, path) = entry.split_once('\t')?;
        let name = path.strip_prefix(place).filter(|_| kind.contains(" blob "))?;
        Some(Entry { kind: kind.to_owned(), name: name.to_owned() })
    });
    Ok(entries.collect())
}

/// An index of ours, which is gone when this is dropped: it says of no file that it need not be
/// looked at.
struct Index {
    folder: Temporary,
    top: PathBuf,
}

impl Index {
    /// One with these files, given as `git ls-tree` lists them, with paths from the top.
    fn of(root: &Path, entries: &str) -> Result<Self, String> {
        let top = git(root, &["rev-parse", "--show-toplevel"])?;
        let top = PathBuf::from(top.trim_end_matches('\n'));
        let index = Self { folder: Temporary::new().map_err(|error| error.to_string())?, top };
        said(&mut index.command(&index.top, &["update-index", "-z", "--index-info"]), entries)?;
        Ok(index)
    }

    /// What git prints if it goes by this index, or what it complains about.
    fn git(&self, folder: &Path, arguments: &[&str]) -> Result<String, String> {
        said(&mut self.command(folder, arguments), "")
    }

    fn command(&self, folder: &Path, arguments: &[&str]) -> Command {
        let mut command = command(folder, &[PLAIN_INDEX, arguments].concat());
        command.env("GIT_INDEX_FILE", self.folder.path().join("index"));
        command
    }
}

fn cannot_list(said: &str) -> Unknown {
    Unknown {
        message: format!("git can't list what there was: {said}"),
        help: "git fsck tells whether the repository is whole".to_owned(),
    }
}

/// The latest commit since another one whose message holds a text.
pub(super) fn claim(root: &Path, since: &str, marker: &str) -> Result<Option<String>, Unknown> {
    let (grep, range) = (format!("--grep={marker}"), format!("{since}..HEAD"));
    let log = ["log", "-1", "--fixed-strings", "--format=%h", &grep, &range];
    let found = git(root, &log).map_err(|said| cannot_list(&said))?;
    Ok(Some(found.trim()).filter(|name| !name.is_empty()).map(str::to_owned))
}

/// What people call a commit.
pub(super) fn short(root: &Path, commit: &str) -> String {
    let short = git(root, &["rev-parse", "--short", commit]);
    short.map_or_else(|_| commit.to_owned(), |short| short.trim().to_owned())
}

/// Whether there is anything at a path of the project at a commit.
pub(super) fn holds(root: &Path, commit: &str, path: &str) -> bool {
    let found = list(root, &["-r", commit, "--", path]);
    found.is_ok_and(|found| !found.is_empty())
}

/// The current commit, if it holds all of these files just as they are.
#[cfg(feature = "cli")]
pub(crate) fn commit_with(root: &Path, paths: &[String]) -> Option<String> {
    let head = git(root, &["rev-parse", "--verify", "--quiet", "HEAD"]).ok()?;
    let paths = paths.iter().map(String::as_str).collect::<Vec<_>>();
    let entries = list(root, &[&["-r", "HEAD", "--"], paths.as_slice()].concat()).ok()?;
    let index = Index::of(root, &entries).ok()?;
    let files = |first: &[&str]| index.git(root, &[first, &["--"], paths.as_slice()].concat()).ok();
    let changed = files(&["status", "--porcelain", "--ignored"])?;
    files(&["ls-files", "--error-unmatch"])?;
    changed.trim().is_empty().then(|| head.trim().to_owned())
}

/// The commit at which the current branch left `base`, if all of these files and this folder are
/// there as they are in the current one: it stays when the branch is rebased, or merged as one.
#[cfg(feature = "cli")]
pub(crate) fn fork_with(root: &Path, base: &str, paths: &[String], folder: &str) -> Option<String> {
    let fork = merge_base(root, base).ok()?;
    let paths = paths.iter().map(String::as_str).chain([folder]);
    let diff = ["diff", "--quiet", &fork, "HEAD", "--"].into_iter().chain(paths);
    git(root, &diff.collect::<Vec<_>>()).ok()?;
    Some(fork)
}

/// The highest folder of the repository in which a project is, if it is in one.
#[cfg(feature = "cli")]
pub(crate) fn top(root: &Path) -> Option<PathBuf> {
    let top = git(root, &["rev-parse", "--show-toplevel"]).ok()?;
    Some(PathBuf::from(top.trim_end_matches('\n')))
}

/// The commit at which the current branch left `base`.
pub(super) fn merge_base(root: &Path, base: &str) -> Result<String, Unknown> {
    git(root, &["rev-parse", "--git-dir"]).map_err(|said| Unknown {
        message: format!("git can't tell what is merged: {said}"),
        help: "rehearse a clone of the repository, or remove `base` under [history]".to_owned(),
    })?;
    let unshallow = if is_shallow(root) { "--unshallow " } else { "" };
    let merged = commit(root, base).ok_or_else(|| Unknown {
        message: format!("git knows no revision `{base}`, so what is merged is not known"),
        help: match base.split_once('/') {
            Some((remote, branch)) => {
                format!("git fetch {unshallow}{remote} {branch}:refs/remotes/{base}")
            }
            None => "name a revision of this repository as `base` under [history]".to_owned(),
        },
    })?;
    let fork = git(root, &["merge-base", "HEAD", &merged]).map_err(|_| Unknown {
        message: format!("git finds no commit that HEAD and `{base}` have in common"),
        help: if unshallow.is_empty() {
            "name the revision into which this branch is merged as `base` under [history]"
                .to_owned()
        } else {
            "the clone is shallow: git fetch --unshallow".to_owned()
        },
    })?;
    Ok(fork.trim().to_owned())
}

/// Writes out what is at some paths of the project at a revision, each of them a file or a whole
/// folder, and the plain files in the folders above them, up to the project's, because layouts read
/// settings there. Git's own filters apply: the files are what a checkout would make of them here.
pub(super) fn checkout(root: &Path, revision: &str, paths: &[&str]) -> Result<Checkout, Unknown> {
    let within = git(root, &["rev-parse", "--show-prefix"]).map_err(|said| Unknown {
        message: format!("git can't tell what there was at `{revision}`: {said}"),
        help: "rehearse a clone of the repository".to_owned(),
    })?;
    let commit = commit(root, revision).ok_or_else(|| Unknown {
        message: format!("git knows no revision `{revision}`"),
        help: if is_shallow(root) {
            "the clone is shallow, and may lack it: git fetch --unshallow --tags".to_owned()
        } else {
            "if it is a tag: git fetch --tags".to_owned()
        },
    })?;
    let mut entries = String::new();
    let mut above = vec!["./".to_owned()];
    for path in paths {
        let path = path.trim_start_matches("./").trim_end_matches('/');
        let path = if matches!(path, "" | ".") { "./" } else { path };
        let found = list(root, &["-r", &commit, "--", path])?;
        if !found.contains(" blob ") {
            return Err(missing(root, revision, &commit, path));
        }
        entries.push_str(&found);
        above.extend(path.match_indices('/').map(|(end, _)| path[..=end].to_owned()));
    }
    let above = above.iter().filter(|path| !path.starts_with("..")).map(String::as_str);
    entries.push_str(&list(root, &[&commit, "--"].into_iter().chain(above).collect::<Vec<_>>())?);
    // Neither folders nor other repositories.
    let files = entries.split_inclusive('\0').filter(|entry| entry.contains(" blob "));
    let failed = |said: String| Unknown {
        message: format!("git can't write out what there was at `{revision}`: {said}"),
        help: "git fsck tells whether the repository is whole".to_owned(),
    };
    let index = Index::of(root, &files.collect::<String>()).map_err(failed)?;
    let prefix = format!("--prefix={}/", index.folder.path().join(FILES).display());
    index.git(&index.top, &["checkout-index", "--all", &prefix]).map_err(failed)?;
    let root = index.folder.path().join(FILES).join(within.trim_end_matches('\n'));
    Ok(Checkout { _folder: index.folder, root })
}

/// In the folder of a checkout, what was written out.
const FILES: &str = "files";

/// Nothing is at a path: what is where it was looked for.
fn missing(root: &Path, revision: &str, commit: &str, path: &str) -> Unknown {
    if let Some(submodule) = submodule(root, commit, path) {
        return Unknown {
            message: format!(
                "{submodule} is a submodule in `{revision}`, and this repository has none of its \
                 files"
            ),
            help: "name a folder that has the files that were there".to_owned(),
        };
    }
    let mut above = path;
    let help = loop {
        above = above.trim_end_matches('/').rsplit_once('/').map_or("./", |(above, _)| above);
        let folder = format!("{}/", above.trim_end_matches('/'));
        let there = git(root, &["ls-tree", "-z", "--name-only", commit, "--", &folder]);
        let there = there.unwrap_or_default();
        let names = there.split('\0').filter(|name| !name.is_empty()).collect::<Vec<_>>();
        if !names.is_empty() {
            break format!("what is there: {}", names.join(", "));
        }
        if above == "./" {
            break "the project itself is not there".to_owned();
        }
    };
    Unknown { message: format!("there is nothing at {path} in `{revision}`"), help }
}

/// The submodule that a path leads into at a commit.
fn submodule<'a>(root: &Path, commit: &str, path: &'a str) -> Option<&'a str> {
    let ends = path.match_indices('/').map(|(end, _)| end).chain([path.len()]);
    let mut folders = ends.map(|end| &path[..end]).filter(|it| !it.ends_with(['.', '/']));
    let is_it = |folder: &&str| {
        let found = list(root, &[commit, "--", folder]);
        found.is_ok_and(|found| found.contains(" commit "))
    };
    folders.find(is_it)
}

/// What `git ls-tree` lists, with paths from the top of the working tree.
fn list(root: &Path, arguments: &[&str]) -> Result<String, Unknown> {
    git(root, &[&["ls-tree", "-z", "--full-name"], arguments].concat())
        .map_err(|said| cannot_list(&said))
}

/// The name of the commit that is meant, if there is one.
pub(super) fn commit(root: &Path, revision: &str) -> Option<String> {
    let commit = format!("{revision}^{{commit}}");
    let name = git(root, &["rev-parse", "--verify", "--quiet", "--end-of-options", &commit]);
    Some(name.ok()?.trim().to_owned())
}

/// Whether the history was cut off when it was cloned.
fn is_shallow(root: &Path) -> bool {
    let said = git(root, &["rev-parse", "--is-shallow-repository"]);
    said.is_ok_and(|said| said.trim() == "true")
}

/// What git prints, or what it complains about.
fn git(root: &Path, arguments: &[&str]) -> Result<String, String> {
    said(&mut command(root, arguments), "")
}

fn command(root: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new("git");
    command.arg("-C").arg(root).args(arguments);
    // What git says is told in English, and it isn't to write down what it has found out.
    command.env("LC_ALL", "C").env("GIT_OPTIONAL_LOCKS", "0");
    for name in OF_A_HOOK {
        command.env_remove(name);
    }
    command
}

fn said(command: &mut Command, input: &str) -> Result<String, String> {
    let pipes = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = pipes.spawn().map_err(|error| format!("git can't be run: {error}"))?;
    if let Some(mut stdin) = child.stdin.take() {
        // Whoever doesn't read it says why.
        let _ = stdin.write_all(input.as_bytes());
    }
    let output = child.wait_with_output().map_err(|error| format!("git can't be run: {error}"))?;
    if output.status.success() {
        return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
    }
    let said = String::from_utf8_lossy(&output.stderr);
    Err(said.trim().trim_start_matches("fatal: ").to_owned())
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    /// A repository, whose project is in a folder of it.
    struct Repository(tempfile::TempDir);

    impl Repository {
        fn new(files: &[(&str, &str)]) -> Self {
            let repository = Self(tempfile::tempdir().expect("a folder"));
            repository.git(&["init", "--quiet", "--initial-branch=main"]);
            repository.commit(files);
            repository
        }

        fn project(&self) -> PathBuf {
            self.0.path().join("apps/api")
        }

        fn commit(&self, files: &[(&str, &str)]) {
            for (path, text) in files {
                let path = self.0.path().join(path);
                fs::create_dir_all(path.parent().expect("it has one")).expect("writable");
                fs::write(path, text).expect("writable");
            }
            self.git(&["add", "."]);
            self.git(&["commit", "--quiet", "--message=one"]);
        }

        fn git(&self, arguments: &[&str]) {
            let identity = ["-c", "user.name=Test", "-c", "user.email=test@example.org"];
            git(self.0.path(), &[&identity, arguments].concat()).expect("git does it");
        }
    }

    #[test]
    fn a_checkout_has_what_is_wanted_and_touches_nothing() {
        let repository = Repository::new(&[
            ("apps/api/db/migrations/1_a.sql", "one\n"),
            ("apps/api/db/migrations/2_b/up.sql", "two\n"),
            ("apps/api/db/schema.sql", "schema\n"),
            ("apps/api/sqlx.toml", "toml\n"),
            ("apps/api/src/main.rs", "code\n"),
            ("shared/3_c.sql", "three\n"),
        ]);
        repository.git(&["tag", "v1"]);
        repository.commit(&[("apps/api/db/migrations/1_a.sql", "changed\n"), ("new", "")]);
        let (root, index) = (repository.project(), repository.0.path().join(".git/index"));
        fs::write(root.join("db/migrations/1_a.sql"), "edited\n").expect("writable");
        let before = fs::read(&index).expect("it is there");
        let there = checkout(&root, "v1", &["./db/migrations/", "../../shared"]).expect("it is");
        let text = |path: &str| fs::read_to_string(there.root().join(path)).ok();
        assert_eq!(text("db/migrations/1_a.sql").as_deref(), Some("one\n"));
        assert_eq!(text("db/migrations/2_b/up.sql").as_deref(), Some("two\n"));
        assert_eq!(text("../../shared/3_c.sql").as_deref(), Some("three\n"));
        assert_eq!(text("db/schema.sql").as_deref(), Some("schema\n"));
        assert_eq!(text("sqlx.toml").as_deref(), Some("toml\n"));
        assert_eq!(text("src/main.rs"), None);
        assert_eq!(fs::read(&index).expect("it is there"), before);
        let now = fs::read_to_string(root.join("db/migrations/1_a.sql")).expect("it is there");
        assert_eq!(now, "edited\n");
        let folder = there.root().to_owned();
        drop(there);
        assert!(!folder.exists());
    }

    #[test]
    fn a_checkout_has_the_line_endings_of_this_one() {
        let repository = Repository::new(&[("apps/api/migrations/1_a.sql", "one\ntwo\n")]);
        repository.git(&["config", "core.autocrlf", "true"]);
        let there = checkout(&repository.project(), "HEAD", &["migrations"]).expect("it is there");
        let text = fs::read_to_string(there.root().join("migrations/1_a.sql"));
        assert_eq!(text.expect("it is there"), "one\r\ntwo\r\n");
    }

    #[cfg(feature = "cli")]
    #[test]
    fn a_commit_is_named_only_if_it_holds_the_files_as_they_are() {
        let repository = Repository::new(&[("apps/api/m/1_a.sql", "one\n"), ("other", "")]);
        let (root, paths) = (repository.project(), ["m/1_a.sql".to_owned()]);
        let head = git(&root, &["rev-parse", "HEAD"]).expect("there is one");
        fs::write(repository.0.path().join("other"), "edited").expect("writable");
        assert_eq!(commit_with(&root, &paths).as_deref(), Some(head.trim()));
        for flag in ["--assume-unchanged", "--no-assume-unchanged"] {
            repository.git(&["update-index", flag, "apps/api/m/1_a.sql"]);
            fs::write(root.join("m/1_a.sql"), "edited\n").expect("writable");
            assert_eq!(commit_with(&root, &paths), None, "{flag}");
        }
        fs::write(root.join("m/2_b.sql"), "two\n").expect("writable");
        assert_eq!(commit_with(&root, &["m/2_b.sql".to_owned()]), None);
    }

    fn check(root: &Path, revision: &str, path: &str, message: &str, help: &str) {
        let unknown = checkout(root, revision, &[path]).expect_err(message);
        assert!(unknown.message.contains(message), "{unknown:?}");
        assert!(unknown.help.contains(help), "{unknown:?}");
    }

    #[test]
    fn what_is_not_there_is_told() {
        let repository = Repository::new(&[("apps/api/db/old/1_a.sql", "one\n")]);
        let root = repository.project();
        check(&root, "v9", "db/old", "git knows no revision `v9`", "git fetch --tags");
        let nothing = "there is nothing at db/migrations in `main`";
        check(&root, "main", "db/migrations", nothing, "what is there: db/old");
        check(&root, "main", "sql/a/b", "nothing at sql/a/b", "what is there: db");
        check(&root, "--all", "db/old", "no revision `--all`", "");
        repository.commit(&[("apps/api/db/old/2_b.sql", "two\n")]);
        let one = "0123456789012345678901234567890123456789";
        let link = format!("160000,{one},apps/api/db/sub");
        repository.git(&["update-index", "--add", "--cacheinfo", &link]);
        repository.git(&["commit", "--quiet", "--message=three"]);
        let submodule = "db/sub is a submodule in `main`, and this repository has none of its";
        check(&root, "main", "db/sub", submodule, "that has the files that were there");
        check(&root, "main", "db/sub/m", submodule, "");
        repository.git(&["reset", "--quiet", "--hard", "HEAD~1"]);
        let clone = tempfile::tempdir().expect("a folder");
        let url = format!("file://{}", repository.0.path().display());
        let here = clone.path();
        git(here, &["clone", "--quiet", "--depth=1", &url, "."]).expect("git clones");
        let shallow = here.join("apps/api");
        check(&shallow, "HEAD~1", "db/old", "no revision `HEAD~1`", "git fetch --unshallow");
        let nowhere = tempfile::tempdir().expect("a folder");
        check(nowhere.path(), "main", "db", "not a git repository", "clone");
    }
}
