//! What a project says about its squashed history, about what is merged, and about its dump.

use std::fmt;

use serde::de::value::MapAccessDeserializer;
use serde::de::{MapAccess, Visitor};
use serde::{Deserialize, Deserializer};
use toml::Spanned;

use super::at;
use crate::Error;

/// The file into which a chain was squashed, and what moves databases onto it.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Baseline {
    /// The file, or the folder that is its migration.
    pub(crate) path: Option<Spanned<String>>,
    /// What it stands for.
    pub(crate) chain: Option<Spanned<Squashed>>,
    /// Moves a database that the chain has made onto the baseline's ledger.
    pub(crate) rollout: Option<Spanned<String>>,
    /// And back.
    pub(crate) rollback: Option<Spanned<String>>,
    /// Patterns of tables that the rollout keeps, or makes, on purpose.
    pub(crate) leftovers: Vec<Spanned<String>>,
}

/// Where the squashed chain is.
#[derive(Debug, Clone)]
pub(crate) enum Squashed {
    Folder(String),
    Revision(Revision),
}

/// A folder as it was at a revision.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Revision {
    /// Whatever git takes for one, or `merge-base`.
    pub(crate) git: String,
    /// The folder of the migrations, if it was another one then.
    pub(crate) path: Option<String>,
}

/// By hand, because what serde says of a choice without tags is that nothing fits.
impl<'de> Deserialize<'de> for Squashed {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(SquashedVisitor)
    }
}

struct SquashedVisitor;

impl<'de> Visitor<'de> for SquashedVisitor {
    type Value = Squashed;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a folder, \"db/squashed\", or a revision, { git = \"v1.4.0\" }")
    }

    fn visit_str<E>(self, folder: &str) -> Result<Squashed, E> {
        Ok(Squashed::Folder(folder.to_owned()))
    }

    fn visit_map<M: MapAccess<'de>>(self, map: M) -> Result<Squashed, M::Error> {
        Revision::deserialize(MapAccessDeserializer::new(map)).map(Squashed::Revision)
    }
}

/// What is merged, and so may have run in production.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct History {
    /// The revision into which branches are merged.
    pub(crate) base: Option<String>,
    /// In a commit's message it claims that the commit squashes what it removes.
    pub(crate) squash_marker: Option<String>,
}

/// A schema that is committed beside the migrations.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Dump {
    pub(crate) path: Option<Spanned<String>>,
}

impl Baseline {
    /// An error for keys that mean nothing, or nothing together.
    pub(super) fn assert_consistent(&self, text: &str) -> Result<(), Error> {
        let Self { path, chain, rollout, rollback, leftovers } = self;
        for (key, value) in [("path", path), ("rollout", rollout), ("rollback", rollback)] {
            if let Some(empty) = value.as_ref().filter(|it| it.get_ref().trim().is_empty()) {
                return Err(at(text, empty.span(), &format!("`{key}` is empty"))
                    .help("name the file, relative to the project, or remove the key"));
            }
        }
        if let (Some(rollback), None) = (rollback, rollout) {
            let message = "`rollback` leads back from a rollout, and there is none";
            return Err(at(text, rollback.span(), message).help("name it: rollout = \"….sql\""));
        }
        let others = [rollout.as_ref().map(Spanned::span), chain.as_ref().map(Spanned::span)];
        let others = others.into_iter().flatten().chain(leftovers.iter().map(Spanned::span));
        if let (None, Some(other)) = (path, others.min_by_key(|span| span.start)) {
            let message = "[baseline] says what leads to a baseline, and names none";
            return Err(at(text, other, message)
                .help("name the file into which the chain was squashed: path = \"….sql\""));
        }
        match chain.as_ref().map(|chain| (chain.span(), chain.get_ref())) {
            Some((span, Squashed::Folder(folder))) if folder.trim().is_empty() => {
                Err(at(text, span, "`chain` is empty")
                    .help("name the folder of the squashed files, relative to the project"))
            }
            Some((span, Squashed::Revision(Revision { git, .. }))) if git.trim().is_empty() => {
                Err(at(text, span, "`git` is empty")
                    .help("name the revision before the squash, such as \"v1.4.0\""))
            }
            _ => Ok(()),
        }
    }
}

impl Dump {
    /// An error for a path that is none.
    pub(super) fn assert_consistent(&self, text: &str) -> Result<(), Error> {
        match self.path.as_ref().filter(|it| it.get_ref().trim().is_empty()) {
            Some(empty) => Err(at(text, empty.span(), "`path` is empty")
                .help("name the file, such as \"db/schema.sql\", or remove [dump]")),
            None => Ok(()),
        }
    }
}
