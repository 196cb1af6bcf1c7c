//! What a project says about itself in `rehearsal.toml`.
//!
//! Knows the keys and their meaning, and nothing of how they are carried out. What a call, an
//! option or the environment says on top of it is `rehearsal`'s business.

mod seeds;
mod squash;

use std::collections::BTreeMap;
use std::fs;
use std::io::ErrorKind;
use std::ops::Range;
use std::path::Path;
use std::sync::Arc;

use serde::Deserialize;
use toml::Spanned;

pub(crate) use self::seeds::{
    Bootstrap, Edits, SeedStep, Seeds, Transaction, fits_column, fits_table,
};
pub(crate) use self::squash::{Baseline, Dump, History, Revision, Squashed};
use crate::sql::{Position, position};
use crate::{Error, Result};

/// The name of the file at a project's root.
pub(crate) const FILE: &str = "rehearsal.toml";

/// Everything that can be configured. Every key is optional.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Config {
    pub(crate) postgres: Postgres,
    pub(crate) migrations: Migrations,
    pub(crate) seeds: Seeds,
    pub(crate) bootstrap: Bootstrap,
    pub(crate) baseline: Baseline,
    pub(crate) history: History,
    pub(crate) dump: Dump,
    /// How strictly each check is taken.
    pub(crate) checks: BTreeMap<Spanned<String>, Level>,
    /// Exemptions.
    pub(crate) allow: Vec<Exemption>,
    /// The file itself, to point into.
    #[serde(skip)]
    pub(crate) text: Arc<str>,
}

/// Where to play.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Postgres {
    pub(crate) versions: Vec<String>,
    /// The image of containers, with `{version}` in place of the version.
    pub(crate) image: Option<String>,
    pub(crate) server: Option<String>,
    pub(crate) role: Role,
    pub(crate) cluster: Cluster,
    pub(crate) extensions: Vec<String>,
    pub(crate) database: Option<Spanned<String>>,
}

/// As whom the chain runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Role {
    /// The database's owner, with CREATEROLE but no superuser, as on a managed service.
    #[default]
    Owner,
    Superuser,
}

/// What becomes of a chain that changes what belongs to a whole server, where the server is
/// somebody else's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Cluster {
    /// It isn't played.
    #[default]
    Skip,
    Allow,
}

/// What to play.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Migrations {
    pub(crate) path: Option<String>,
    pub(crate) format: Option<Spanned<String>>,
    pub(crate) boot: Option<Spanned<Boot>>,
    /// A command that migrates `DATABASE_URL`. It boots instead of the files, and those under
    /// `path`, if there is one, are for the checks that read files.
    pub(crate) run: Option<Spanned<String>>,
    /// Patterns of the files on which the command depends. Tests of one's own then get copies of
    /// what it has made.
    pub(crate) fingerprint: Option<Spanned<Vec<String>>>,
}

/// What the app, or the deploy, does with the chain when it boots.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Boot {
    /// It runs the migrations that its ledger doesn't have.
    Ledger,
    /// It runs every file, each time.
    EveryFile,
}

/// How strictly a check is taken, as with lints.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Deserialize, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Level {
    /// The check isn't played.
    Allow,
    /// A finding is told and changes nothing.
    Warn,
    /// A finding fails the rehearsal.
    Deny,
}

/// Findings that are known and accepted, until they are no more.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Exemption {
    pub(crate) check: Spanned<String>,
    /// A glob over migration names; every migration where absent.
    pub(crate) migration: Option<String>,
    pub(crate) reason: String,
}

impl Exemption {
    pub(crate) fn covers(&self, check: &str, migration: Option<&str>) -> bool {
        self.check.get_ref() == check
            && self
                .migration
                .as_ref()
                .is_none_or(|pattern| migration.is_some_and(|migration| glob(pattern, migration)))
    }
}

impl Config {
    /// Reads `rehearsal.toml` from a project's root; a project without one has the defaults.
    /// `checks` are the names that the file may use.
    pub(crate) fn read(root: &Path, checks: &[&str]) -> Result<Self> {
        let path = root.join(FILE);
        let bytes = match fs::read(&path) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Self::default()),
            Err(error) => {
                return Err(
                    Error::new(format!("failed to read {}", path.display())).caused_by(error)
                );
            }
        };
        let text = String::from_utf8(bytes)
            .map_err(|_| Error::new(format!("{FILE} is not UTF-8")).help("save it as UTF-8"))?;
        Self::parse(&text, checks)
    }

    fn parse(text: &str, checks: &[&str]) -> Result<Self> {
        let mut config: Self = toml::from_str(text).map_err(|error| malformed(text, &error))?;
        config.text = text.into();
        let named = config.checks.keys().chain(config.allow.iter().map(|allow| &allow.check));
        for name in named {
            if !checks.contains(&name.get_ref().as_str()) {
                let message = format!("there is no check `{}`", name.get_ref());
                return Err(mistake(text, name.span(), &message, name.get_ref(), checks));
            }
        }
        // The first check is the one on which all others stand.
        let allowed = config.checks.iter().filter(|(_, level)| **level == Level::Allow);
        let allowed = allowed.map(|(name, _)| name);
        for name in allowed.chain(config.allow.iter().map(|exemption| &exemption.check)) {
            if Some(&name.get_ref().as_str()) == checks.first() {
                return Err(at(
                    text,
                    name.span(),
                    &format!("`{}` can't be allowed", name.get_ref()),
                )
                .help("nothing else can be judged where the chain doesn't apply"));
            }
        }
        if let Some(name) = &config.postgres.database {
            let taken = ["postgres", "template0", "template1"].contains(&name.get_ref().as_str());
            if taken || name.get_ref().starts_with("rehearsal_") {
                let message = format!("`{}` is the server's own", name.get_ref());
                return Err(at(text, name.span(), &message).help(
                    "let the chain name its database by current_database(), and leave this out",
                ));
            }
        }
        config.migrations.assert_consistent(text)?;
        config.seeds.assert_consistent(text)?;
        config.bootstrap.assert_consistent(text)?;
        config.baseline.assert_consistent(text)?;
        config.dump.assert_consistent(text)?;
        Ok(config)
    }

    /// The name that the chain gives its database, if it says one.
    pub(crate) fn database(&self) -> Option<&str> {
        self.postgres.database.as_ref().map(|name| name.get_ref().as_str())
    }

    /// How strictly the project takes a check, if it says so.
    pub(crate) fn level(&self, check: &str) -> Option<Level> {
        self.checks.iter().find(|(name, _)| name.get_ref() == check).map(|(_, level)| *level)
    }
}

impl Migrations {
    /// An error for keys that mean nothing together.
    fn assert_consistent(&self, text: &str) -> Result<()> {
        let Some(run) = &self.run else {
            let Some(fingerprint) = &self.fingerprint else { return Ok(()) };
            let message = "`fingerprint` says what a command depends on, and there is no `run`";
            return Err(at(text, fingerprint.span(), message)
                .help("add the command, such as run = \"alembic upgrade head\", or remove it"));
        };
        if run.get_ref().trim().is_empty() {
            return Err(at(text, run.span(), "`run` is empty").help(
                "write the command that migrates DATABASE_URL, such as \"alembic upgrade head\"",
            ));
        }
        if let Some(boot) = &self.boot {
            let message = "`boot` is about files, and `run` boots by a command";
            return Err(at(text, boot.span(), message).help(
                "remove `boot`: `rerun` runs the command twice, and with replay = \"deny\" under \
                 [checks] the files under `path` are executed again too",
            ));
        }
        match &self.format {
            Some(format) if self.path.is_none() => {
                let message = "`format` is the layout of files, and `run` without `path` has none";
                Err(at(text, format.span(), message).help(
                    "add `path`, the folder of the files that the command plays, or remove it",
                ))
            }
            _ => Ok(()),
        }
    }
}

/// A mistake in `rehearsal.toml`, with its place and the nearest word that would have been right.
pub(crate) fn mistake(
    text: &str,
    span: Range<usize>,
    message: &str,
    word: &str,
    known: &[&str],
) -> Error {
    at(text, span, message).help(match nearest(word, known) {
        Some(near) => format!("did you mean `{near}`?"),
        None => format!("known: {}", known.join(", ")),
    })
}

/// An error in `rehearsal.toml`, with its place.
pub(crate) fn at(text: &str, span: Range<usize>, message: &str) -> Error {
    let Position { line, column } = position(text, span.start);
    Error::new(format!("{FILE}:{line}:{column}: {message}"))
}

/// What serde says of a mistake, with a suggestion where a name is unknown.
fn malformed(text: &str, error: &toml::de::Error) -> Error {
    let message = error.message();
    let span = error.span().unwrap_or(0..0);
    // "unknown field `pth`, expected one of `path`, `format`"
    let quoted = message.split('`').skip(1).step_by(2).collect::<Vec<_>>();
    if let Some((word, known)) = quoted.split_first()
        && message.starts_with("unknown")
    {
        let what = if message.contains("variant") { "value" } else { "key" };
        let said = format!("unknown {what} `{word}`");
        return match section_of(word) {
            Some(section) if what == "key" && nearest(word, known).is_none() => {
                at(text, span, &said).help(format!("`{word}` belongs under [{section}]"))
            }
            _ => mistake(text, span, &said, word, known),
        };
    }
    let error = at(text, span, message);
    if message.ends_with("expected a string") {
        return error.help("write it in quotes, such as \"15\"");
    }
    error
}

/// The section that has a key of this name.
fn section_of(key: &str) -> Option<&'static str> {
    match key {
        "versions" | "image" | "server" | "role" | "cluster" | "extensions" | "database" => {
            Some("postgres")
        }
        "path" | "format" | "boot" | "run" | "fingerprint" => Some("migrations"),
        "steps" | "transaction" | "expect" | "ignore_columns" | "edits" => Some("seeds"),
        "session" | "pre" | "post" | "tighten" | "untouched" => Some("bootstrap"),
        "chain" | "rollout" | "rollback" | "leftovers" => Some("baseline"),
        "base" | "squash_marker" => Some("history"),
        _ => None,
    }
}

/// The word that was probably meant: at most a third of its letters are wrong.
pub(crate) fn nearest<'a>(word: &str, known: &[&'a str]) -> Option<&'a str> {
    known
        .iter()
        .map(|candidate| (distance(word, candidate), *candidate))
        .filter(|(distance, candidate)| *distance <= candidate.len().max(word.len()).div_ceil(3))
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, candidate)| candidate)
}

/// The number of letters to insert, remove or replace to get from one word to the other.
fn distance(left: &str, right: &str) -> usize {
    let right: Vec<char> = right.chars().collect();
    let mut row: Vec<usize> = (0..=right.len()).collect();
    for (i, l) in left.chars().enumerate() {
        let mut diagonal = std::mem::replace(&mut row[0], i + 1);
        for (j, r) in right.iter().enumerate() {
            let replaced = diagonal + usize::from(l != *r);
            diagonal = row[j + 1];
            row[j + 1] = replaced.min(diagonal + 1).min(row[j] + 1);
        }
    }
    row[right.len()]
}

/// Whether a pattern, in which `*` stands for any text, fits a name as a whole.
pub(crate) fn glob(pattern: &str, name: &str) -> bool {
    match pattern.split_once('*') {
        None => pattern == name,
        Some((prefix, rest)) => name.strip_prefix(prefix).is_some_and(|name| {
            name.char_indices()
                .map(|(at, _)| at)
                .chain([name.len()])
                .any(|at| glob(rest, &name[at..]))
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const CHECKS: &[&str] = &["apply", "replay", "leaks"];

    fn check(text: &str, expected: &str) {
        let said = match Config::parse(text, CHECKS) {
            Ok(_) => "fine".to_owned(),
            Err(error) => error.to_string(),
        };
        assert_eq!(said, expected, "{text}");
    }

    #[test]
    fn every_key_is_optional() {
        check("", "fine");
        check("[migrations]\nboot = \"every-file\"", "fine");
        check("[[allow]]\ncheck = \"replay\"\nreason = \"old\"", "fine");
    }

    #[test]
    fn a_mistake_is_placed_and_the_near_word_suggested() {
        check(
            "[migrations]\npth = \"db\"",
            "rehearsal.toml:2:1: unknown key `pth`\nhelp: did you mean `path`?",
        );
        check(
            "[migrations]\nboot = \"leger\"",
            "rehearsal.toml:2:8: unknown value `leger`\nhelp: did you mean `ledger`?",
        );
        check(
            "[checks]\nreply = \"deny\"",
            "rehearsal.toml:2:1: there is no check `reply`\nhelp: did you mean `replay`?",
        );
        check(
            "[checks]\nreplay = \"forbid\"",
            "rehearsal.toml:2:10: unknown value `forbid`\nhelp: known: allow, warn, deny",
        );
        check(
            "[[allow]]\ncheck = \"zebra\"\nreason = \"old\"",
            "rehearsal.toml:2:9: there is no check `zebra`\nhelp: known: apply, replay, leaks",
        );
        check("[[allow]]\ncheck = \"replay\"", "rehearsal.toml:1:1: missing field `reason`");
        check(
            "boot = \"ledger\"",
            "rehearsal.toml:1:1: unknown key `boot`\nhelp: `boot` belongs under [migrations]",
        );
        check(
            "[postgres]\nversions = [15]",
            "rehearsal.toml:2:13: invalid type: integer `15`, expected a string\n\
             help: write it in quotes, such as \"15\"",
        );
        check(
            "[checks]\napply = \"allow\"",
            "rehearsal.toml:2:1: `apply` can't be allowed\n\
             help: nothing else can be judged where the chain doesn't apply",
        );
        check(
            "[postgres]\ndatabase = \"postgres\"",
            "rehearsal.toml:2:12: `postgres` is the server's own\n\
             help: let the chain name its database by current_database(), and leave this out",
        );
        check(
            "[zebra]",
            "rehearsal.toml:1:2: unknown key `zebra`\n\
             help: known: postgres, migrations, seeds, bootstrap, baseline, history, \
             dump, checks, allow",
        );
    }

    #[test]
    fn what_means_nothing_beside_a_command() {
        check("[migrations]\nrun = \"make migrate\"\nfingerprint = [\"db/**\"]", "fine");
        check("[migrations]\nrun = \"make\"\npath = \"db\"\nformat = \"plain\"", "fine");
        check(
            "[migrations]\nrun = \" \"",
            "rehearsal.toml:2:7: `run` is empty\n\
             help: write the command that migrates DATABASE_URL, such as \"alembic upgrade head\"",
        );
        check(
            "[migrations]\nrun = \"make\"\nboot = \"ledger\"",
            "rehearsal.toml:3:8: `boot` is about files, and `run` boots by a command\n\
             help: remove `boot`: `rerun` runs the command twice, and with replay = \"deny\" under \
             [checks] the files under `path` are executed again too",
        );
        check(
            "[migrations]\nrun = \"make\"\nformat = \"plain\"",
            "rehearsal.toml:3:10: `format` is the layout of files, and `run` without `path` has \
             none\nhelp: add `path`, the folder of the files that the command plays, or remove it",
        );
        check(
            "[migrations]\nfingerprint = [\"db/**\"]",
            "rehearsal.toml:2:15: `fingerprint` says what a command depends on, and there is no \
             `run`\nhelp: add the command, such as run = \"alembic upgrade head\", or remove it",
        );
        check("[postgres]\ncluster = \"allow\"", "fine");
        check(
            "[postgres]\ncluster = \"alow\"",
            "rehearsal.toml:2:11: unknown value `alow`\nhelp: did you mean `allow`?",
        );
        check(
            "run = \"make\"",
            "rehearsal.toml:1:1: unknown key `run`\nhelp: `run` belongs under [migrations]",
        );
    }

    #[test]
    fn a_glob_covers_the_whole_name() {
        assert!(glob("0001_*", "0001_users"));
        assert!(glob("*_users*", "0001_users"));
        assert!(!glob("0001", "0001_users"));
        assert!(!glob("*_user", "0001_users"));
    }
}
