//! The comparison of two schemas: what differs, and how far that is known.

use super::without::{Narrowed, Without};
use super::{Catalog, Difference, Identity, diff, renames, respell, versions};
use crate::Result;
use sqlx::postgres::PgConnection;
use std::collections::BTreeMap;

/// What came of comparing two schemas.
#[derive(Debug, Default)]
pub(crate) struct Comparison {
    /// In the order of identities.
    pub(crate) differences: Vec<Difference>,
    /// Objects that have another name on the right, where all else is equal; not told otherwise.
    pub(crate) renamed: Vec<Renamed>,
    /// How many objects of each kind there are on the left, without what was left out.
    pub(crate) counts: BTreeMap<&'static str, usize>,
    /// What was left out because somebody asked for it: "comments", "public.*_d20260519".
    pub(crate) without: Vec<String>,
    /// What a side's reader was not allowed to see: "options of user mappings".
    pub(crate) unseen: Vec<String>,
    /// Objects whose definitions differ in text, and which could not be made again to learn whether
    /// it is the spelling alone. Each is among the differences too.
    pub(crate) not_normalized: Vec<NotNormalized>,
}

/// An object by both of its names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Renamed {
    pub(crate) left: Identity,
    pub(crate) right: Identity,
}

/// An object that could not be made again from its definition.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct NotNormalized {
    pub(crate) identity: Identity,
    /// What Postgres said.
    pub(crate) reason: String,
}

impl Comparison {
    /// Whether they are the same, as far as they were compared.
    pub(crate) fn is_same(&self) -> bool {
        self.differences.is_empty() && self.renamed.is_empty()
    }

    /// One of texts as they are, for tests.
    #[cfg(test)]
    pub(crate) fn of_texts(left: &Catalog, right: &Catalog) -> Self {
        let mut differences = diff(left, right);
        let renamed = renames::take(&mut differences, left, right);
        Self { differences, renamed, counts: counts(left), ..Self::default() }
    }
}

fn counts(catalog: &Catalog) -> BTreeMap<&'static str, usize> {
    let mut counts = BTreeMap::new();
    for identity in catalog.objects.keys().filter(|identity| !identity.is_child()) {
        *counts.entry(identity.kind()).or_default() += 1;
    }
    counts
}

/// Compares two schemas by what their catalogs say. Where it may be a matter of spelling alone,
/// `scratch` is asked for a superuser's connection to an empty database, which is left as empty.
///
/// # Errors
///
/// When that connection is lost.
pub(crate) async fn compare(
    left: &Catalog,
    right: &Catalog,
    without: &Without,
    scratch: impl AsyncFnOnce() -> Result<PgConnection>,
) -> Result<Comparison> {
    let unseen = left.unseen.union(&right.unseen).cloned().collect();
    // Before all else: a table that is left out takes along what belongs to it, and one that is
    // told as gone would stand for its columns.
    let Narrowed { left, right, told: mut without } = without.narrow(left, right);
    let mut differences = diff(&left, &right);
    without.extend(versions::forget_own(&mut differences, &left, &right));
    let mut not_normalized = Vec::new();
    if respell::may_be_spelling(&differences) {
        not_normalized = match scratch().await {
            Ok(mut connection) => {
                respell::respell(&mut differences, &left, &right, &mut connection).await?
            }
            // What is known is told all the same.
            Err(error) => respell::not_made(&differences, &error.to_string()),
        };
    }
    let renamed = renames::take(&mut differences, &left, &right);
    let counts = counts(&left);
    Ok(Comparison { differences, renamed, counts, without, unseen, not_normalized })
}
