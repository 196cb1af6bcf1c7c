//! A squashed history: the baseline, the chain that it stands for, and the scripts that lead from
//! the one to the other.

use std::fs::Metadata;
use std::ops::Range;
use std::path::Path;

use toml::Spanned;

use super::folder::Folder;
use super::git::{self, Unknown};
use super::{Chain, Delivery, Files, Format, Migration, Project, Read, Runner, formats};
use crate::config::{self, Config, Revision, Squashed, at};
use crate::sql::{Content, position};
use crate::{Error, Result};

/// What a baseline is proven by: both sides as whole projects, each with the files that come after
/// the baseline. One of them is the project itself.
#[derive(Debug)]
pub(crate) struct Squash {
    /// Which side the project itself is.
    pub(crate) own: Side,
    /// The other one.
    pub(crate) other: Box<Project>,
    /// The baseline's place in the chain of the new side.
    pub(crate) baseline: usize,
    /// How many files at the beginning of the old side were squashed; the others came later.
    pub(crate) squashed: usize,
    /// Where the old chain is, in words: a folder, or a revision.
    pub(crate) origin: String,
    pub(crate) rollout: Option<Migration>,
    pub(crate) rollback: Option<Migration>,
}

/// The sides of a squash.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Side {
    /// The chain as it was before it was squashed.
    Old,
    /// The baseline in its place.
    New,
}

/// Where the baseline takes the chain's place, before anything comes after it.
#[derive(Debug)]
pub(crate) struct Crossing {
    /// The chain that was squashed.
    pub(crate) old: Project,
    /// That chain without its last file, if it has several.
    pub(crate) behind: Option<Project>,
    /// The baseline.
    pub(crate) new: Project,
}

impl Squash {
    /// Reads what the configuration names, if it names a baseline.
    pub(super) fn read(project: &Project) -> Result<Option<Self>> {
        let config = &project.config;
        let Some(path) = &config.baseline.path else { return Ok(None) };
        if let Some((message, help)) = without_files(&project.chain.runner) {
            return Err(mistaken(config, path.span(), message).help(help));
        }
        let script = |key: &str, named: &Option<Spanned<String>>| {
            named.as_ref().map(|path| script(project, key, path)).transpose()
        };
        let rollout = script("rollout", &config.baseline.rollout)?;
        let rollback = script("rollback", &config.baseline.rollback)?;
        let named = trimmed(path.get_ref());
        let is_baseline = |migration: &Migration| is_at(&migration.file.path, named);
        let place = project.chain.migrations.iter().position(is_baseline);
        let (own, baseline, other, squashed, origin) = match (place, &config.baseline.chain) {
            (Some(place), Some(chain)) => {
                let Old { chain, squashed, origin } = old_chain(project, chain, place)?;
                (Side::New, place, chain, squashed, origin)
            }
            (Some(_), None) => {
                let message = "the baseline is one of the migrations, and what it stands for is \
                               nowhere";
                return Err(mistaken(config, path.span(), message).help(
                    "say where the chain is that was squashed: the revision before that, chain = \
                     { git = \"v1.4.0\" }, or a folder, chain = \"db/squashed\"",
                ));
            }
            (None, chain) => {
                assert_there(project, "path", path)?;
                if let Some(chain) = chain {
                    let tool = project.chain.format.name;
                    let message = format!(
                        "{named} is none of the migrations that {tool} runs: these are the chain \
                         then"
                    );
                    return Err(mistaken(config, chain.span(), &message)
                        .help("remove `chain`, or move the baseline to the migrations"));
                }
                let squashed = project.chain.migrations.len();
                (Side::Old, 0, by_itself(project, named)?, squashed, "the migrations".to_owned())
            }
        };
        let other = Box::new(project.with_chain(other));
        let squash = Self { own, other, baseline, squashed, origin, rollout, rollback };
        assert_sql(squash.baseline(project), squash.new_side(project).chain.format)?;
        Ok(Some(squash))
    }

    /// The project with the chain as it was before it was squashed, of which this is the squash.
    pub(crate) fn old_side<'a>(&'a self, project: &'a Project) -> &'a Project {
        if self.own == Side::Old { project } else { &self.other }
    }

    /// The project with the baseline in the chain's place.
    pub(crate) fn new_side<'a>(&'a self, project: &'a Project) -> &'a Project {
        if self.own == Side::New { project } else { &self.other }
    }

    pub(crate) fn baseline<'a>(&'a self, project: &'a Project) -> &'a Migration {
        &self.new_side(project).chain.migrations[self.baseline]
    }

    /// The project as it was when the chain that was squashed was all that there was: what the
    /// rollout finds. Nothing if nothing has come since.
    pub(crate) fn before(&self, project: &Project) -> Option<Project> {
        let old = self.old_side(project);
        let mut chain = old.chain.clone();
        chain.migrations.truncate(self.squashed);
        (chain.migrations.len() < old.chain.migrations.len()).then(|| old.with_chain(chain))
    }

    /// The squash without what has come since.
    pub(crate) fn crossing(&self, project: &Project) -> Crossing {
        let (old, new) = (self.old_side(project), self.new_side(project));
        let of = |side: &Project, files: usize| {
            let mut chain = side.chain.clone();
            chain.migrations.truncate(files);
            side.with_chain(chain)
        };
        let behind = self.squashed.saturating_sub(1);
        // What a tool runs whenever it has changed is on both sides.
        let squashed = &old.chain.migrations[..self.squashed];
        let mut baseline = new.chain.clone();
        let mut place = 0..;
        baseline.migrations.retain(|it| {
            place.next().is_some_and(|place| place <= self.baseline)
                || it.version == self.baseline(project).version
                || squashed.iter().any(|old| old.is_same_as(it))
        });
        Crossing {
            old: of(old, self.squashed),
            behind: (behind > 0).then(|| of(old, behind)),
            new: new.with_chain(baseline),
        }
    }
}

/// Why there can't be a baseline where something else than the files boots, and what to do.
fn without_files(runner: &Runner) -> Option<(&'static str, &'static str)> {
    match runner {
        Runner::Files => None,
        Runner::Command { .. } => Some((
            "a command runs the migrations, and it can't be told to run others, or a baseline",
            "remove [baseline]; or, if the files are SQL, remove `run` under [migrations], so that \
             they are played as their tool plays them",
        )),
        // Files beside it change nothing: what it has built in is what it runs.
        Runner::Closure => Some((
            "a closure runs the migrations, and it can't be told to run others, or a baseline",
            "rehearse the folder of the files, or what sqlx::migrate!() has built in; or compare \
             what the closure makes with the baseline by assert_same_schema!",
        )),
    }
}

/// The chain that was squashed, followed by what comes after the baseline and isn't in it.
struct Old {
    chain: Chain,
    /// How many of its files were squashed.
    squashed: usize,
    /// Where they were found.
    origin: String,
}

fn old_chain(project: &Project, chain: &Spanned<Squashed>, baseline: usize) -> Result<Old> {
    let (config, root, format) = (&project.config, &project.root, project.chain.format);
    let mistake = |message: &str| mistaken(config, chain.span(), message);
    let (mut read, origin) = match chain.get_ref() {
        Squashed::Folder(path) => {
            let path = trimmed(path);
            if !root.join(path).is_dir() {
                return Err(mistake(&format!("there is no folder {path}")).help(
                    "name it relative to the project; or, if the squash has removed the files, \
                     name the revision before that: chain = { git = \"v1.4.0\" }",
                ));
            }
            if path == project.chain.folder {
                return Err(mistake(&format!("{path} holds the baseline itself")).help(
                    "move the squashed files to a folder of their own, such as db/squashed",
                ));
            }
            (Read::of(format, Folder::open(root, path)?)?, path.to_owned())
        }
        Squashed::Revision(Revision { git: name, path }) => {
            let unknown = |Unknown { message, help }: Unknown| mistake(&message).help(help);
            let usual = project.chain.folder.as_str();
            let path = path.as_deref().map_or(usual, trimmed);
            let (revision, called) = revision(project, name).map_err(unknown)?;
            let checkout = git::checkout(root, &revision, &[path]).map_err(unknown)?;
            let mut read = Read::of(format, Folder::open(checkout.root(), path)?)?;
            for migration in &mut read.files.migrations {
                migration.file.path = format!("{called}:{}", migration.file.path);
            }
            (read, format!("{path} at {name}"))
        }
    };
    let Files { migrations, .. } = &mut read.files;
    let squash = &project.chain.migrations[baseline];
    // It may have the version of the last one for which it stands.
    if migrations.iter().any(|it| it.version == squash.version && it.name == squash.name) {
        let name = squash.file_name();
        return Err(mistake(&format!("{origin} has the baseline already, {name}"))
            .help("name what there was before the squash"));
    }
    let squashed = migrations.len();
    // A migration can have several files.
    let later = project.chain.migrations[baseline + 1..].iter();
    let later = later.skip_while(|it| it.version == squash.version);
    // Without a version, names tell which is which.
    let is_named = |it: &Migration, later: &Migration| {
        if later.version.is_empty() { it.is_same_as(later) } else { it.version == later.version }
    };
    let is_new = |later: &&Migration| !migrations.iter().any(|it| is_named(it, later));
    let later = later.filter(is_new).cloned().collect::<Vec<_>>();
    // A chain without any is told as such.
    if squashed > 0 {
        migrations.extend(later);
    }
    let settings = project.chain.settings.clone();
    Ok(Old { chain: other_chain(project, Read { settings, ..read })?, squashed, origin })
}

/// The revision that is named, and what git may call it too.
fn revision(project: &Project, name: &str) -> Result<(String, String), Unknown> {
    match (name, &project.config.history.base) {
        ("merge-base", Some(base)) => {
            let commit = git::merge_base(&project.root, base)?;
            let short = commit.chars().take(COMMIT_CHARACTERS).collect();
            Ok((commit, short))
        }
        ("merge-base", None) => Err(Unknown {
            message: "the merge base is not known, because nothing says into what is merged"
                .to_owned(),
            help: format!("in {}:\n[history]\nbase = \"origin/main\"", config::FILE),
        }),
        _ => Ok((name.to_owned(), name.to_owned())),
    }
}

/// How much of a commit's name tells it from others.
const COMMIT_CHARACTERS: usize = 10;

/// A chain of nothing but a baseline: read as its tool would, if its name is one for that.
fn by_itself(project: &Project, path: &str) -> Result<Chain> {
    let (parent, name) = path.rsplit_once('/').unwrap_or(("", path));
    let folder = Folder::open(&project.root, parent)?;
    let format = project.chain.format;
    let fits = (format.read)(&folder).ok().and_then(|files| {
        files.migrations.into_iter().find(|migration| is_at(&migration.file.path, path))
    });
    let (format, migration) = match fits {
        Some(migration) => (format, migration),
        None => (formats::PLAIN, formats::plain_file(&folder, name)?),
    };
    let settings = project.chain.settings.clone();
    let files = Files { migrations: vec![migration], oddities: Vec::new() };
    other_chain(project, Read { format, folder, files, settings })
}

/// An error for a baseline without a byte. As one of the migrations it would be taken for a slip.
pub(super) fn assert_filled(root: &Path, config: &Config) -> Result<()> {
    let Some(path) = &config.baseline.path else { return Ok(()) };
    let named = trimmed(path.get_ref());
    let is_empty = |it: Metadata| it.is_file() && it.len() == 0;
    if !root.join(named).metadata().is_ok_and(is_empty) {
        return Ok(());
    }
    Err(mistaken(config, path.span(), &format!("the baseline {named} is empty")).help(TO_WRITE))
}

/// What to do about a baseline that has nothing to play.
const TO_WRITE: &str = "write into it what the chain makes: `cargo rehearsal squash` does, and \
                        pg_dump --schema-only is a beginning";

/// An error for a baseline that does nothing, or that its tool would send to Postgres with lines
/// that only psql understands.
fn assert_sql(baseline: &Migration, format: &Format) -> Result<()> {
    let file = &baseline.file;
    let mut pieces = file.script.pieces.iter();
    let command = pieces.find_map(|piece| match &piece.content {
        Content::Meta => Some(piece.span.start),
        Content::Statement(statement) => statement.command(&file.text),
        _ => None,
    });
    if let Some(start) = command.filter(|_| format.delivery != Delivery::Statements) {
        let line = position(&file.text, start).line;
        let word = file.text[start..].split_whitespace().next().unwrap_or_default();
        let message = format!(
            "{}:{line}: {word} is a command of psql, and {} sends the file to Postgres as it is",
            file.path, format.name
        );
        return Err(Error::new(message).help(match word.trim_start_matches('\\') {
            "restrict" | "unrestrict" => {
                "remove the line: pg_dump writes it for psql alone (since 17.6, 16.10, 15.14 and \
                 14.19)"
            }
            "connect" | "c" => {
                "remove the line: the tool is connected already; pg_dump writes it with --create, \
                 which a baseline does without"
            }
            _ => "write it in plain SQL, or remove the line",
        }));
    }
    if file.script.statements().next().is_none() {
        return Err(Error::new(format!("{} has no statement to play", file.path)).help(TO_WRITE));
    }
    Ok(())
}

/// The chain of the other side.
fn other_chain(project: &Project, read: Read) -> Result<Chain> {
    Chain::of(&project.config, Runner::Files, read)
}

/// A script that psql would play.
fn script(project: &Project, key: &str, path: &Spanned<String>) -> Result<Migration> {
    assert_there(project, key, path)?;
    let path = trimmed(path.get_ref());
    let (parent, name) = path.rsplit_once('/').unwrap_or(("", path));
    formats::plain_file(&Folder::open(&project.root, parent)?, name)
}

fn assert_there(project: &Project, key: &str, path: &Spanned<String>) -> Result<()> {
    let named = trimmed(path.get_ref());
    if project.root.join(named).exists() {
        return Ok(());
    }
    Err(mistaken(&project.config, path.span(), &format!("there is no {named}"))
        .help(format!("name the file as `{key}` under [baseline], relative to the project")))
}

/// An error about what is said of the baseline, with its place if it is the file that says it.
fn mistaken(config: &Config, span: Range<usize>, message: &str) -> Error {
    if span.is_empty() { Error::new(message) } else { at(&config.text, span, message) }
}

fn trimmed(path: &str) -> &str {
    path.trim_start_matches("./").trim_end_matches('/')
}

/// Whether a file is at a path, or in the folder there.
fn is_at(file: &str, path: &str) -> bool {
    file.strip_prefix(path).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}
