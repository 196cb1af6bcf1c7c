//! What a bootstrap recorded.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use super::{Boot, Failure, Sown, State};
use crate::catalog::Difference;
use crate::rows::{self, Detail, Nulls, RowDifference, Rows, Uncounted, Writes};

/// A bootstrap and what came after it.
#[derive(Debug, Default)]
pub(crate) struct Bootstrapped {
    /// Seeds and post scripts, on what the first boot has made.
    pub(crate) first: Round,
    /// The columns that become NOT NULL.
    pub(crate) columns: Vec<Tightened>,
    /// The places of those patterns under `tighten` that fit no column.
    pub(crate) idle_columns: Vec<usize>,
    /// The tables that must stay as the chain has made them.
    pub(crate) untouched: BTreeSet<String>,
    /// The places of those patterns under `untouched` that fit no table.
    pub(crate) idle_tables: Vec<usize>,
    /// How the first one came about, step by step from the end of the chain; recorded where columns
    /// are left NULL or tables are touched that should not be.
    pub(crate) path: Vec<Stride>,
    /// All of it once more, if the first one came to its end.
    pub(crate) again: Option<Again>,
    /// Those that were cut off between two phases, and started again.
    pub(crate) cuts: Vec<Cut>,
    /// Whether one could be cut off before the chain, which is then played on another database.
    pub(crate) is_pre_repeatable: bool,
    pub(crate) duration: Duration,
    /// Where a kept database is found.
    pub(crate) kept: Option<String>,
}

/// A bootstrap, until something fails. It begins where it is said to begin.
#[derive(Debug, Default)]
pub(crate) struct Round {
    /// With the pre scripts.
    pub(crate) boot: Boot,
    pub(crate) seeds: Vec<Sown>,
    pub(crate) post: Vec<Sown>,
    /// What it left behind, if it came to its end.
    pub(crate) end: Option<Ending>,
}

/// What a bootstrap left behind.
#[derive(Debug)]
pub(crate) struct Ending {
    pub(crate) state: State,
    /// The tables that have columns which each run may fill anew, digested without them.
    pub(crate) kept: Rows,
    /// What was written since the database was made, where it can be counted.
    pub(crate) writes: Result<Writes, Uncounted>,
}

/// A column that becomes NOT NULL.
#[derive(Debug)]
pub(crate) struct Tightened {
    pub(crate) table: String,
    pub(crate) column: String,
    pub(crate) nulls: Nulls,
    /// What Postgres said to SET NOT NULL.
    pub(crate) refusal: Option<Failure>,
}

/// A second complete bootstrap, after the columns were tightened.
#[derive(Debug)]
pub(crate) struct Again {
    pub(crate) before: Ending,
    pub(crate) round: Round,
    /// How it came to what it left, if that is not what it found.
    pub(crate) path: Vec<Stride>,
}

/// A bootstrap that was cut off after a phase, and a complete one after it.
#[derive(Debug)]
pub(crate) struct Cut {
    pub(crate) after: Phase,
    pub(crate) round: Round,
    /// How its end differs from that of one that wasn't cut off, as far as two of those don't
    /// differ from each other.
    pub(crate) schema: Vec<Difference>,
    pub(crate) rows: Vec<RowDifference>,
    /// The rows of small tables that differ: after the whole one, and after this one.
    pub(crate) details: BTreeMap<String, (Detail, Detail)>,
    /// The tables of which only the number of rows could be compared.
    pub(crate) counted: BTreeSet<String>,
    /// The NULLs of columns to tighten, where the values can't be compared and the whole one has
    /// left none: table, column, and how many.
    pub(crate) nulls: Vec<(String, String, u64)>,
}

/// The phases of a bootstrap, in their order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Phase {
    Pre,
    Chain,
    Seeds,
    Post,
}

/// Who has a part in a bootstrap, and may be the one who did something.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Author {
    /// A script, by its place among those of its phase.
    Pre(usize),
    Chain,
    Seed(usize),
    Post(usize),
}

/// What was there after somebody's part.
#[derive(Debug)]
pub(crate) struct Stride {
    /// Nobody, where this is what was found.
    pub(crate) author: Option<Author>,
    pub(crate) ending: Ending,
    /// The number of NULLs of each column that is left with some, in the order of the columns.
    pub(crate) nulls: Vec<u64>,
    /// The rows of the small tables that are changed on the way.
    pub(crate) details: BTreeMap<String, Detail>,
}

impl Round {
    pub(crate) fn succeeded(&self) -> bool {
        self.boot.succeeded() && self.seeds.iter().chain(&self.post).all(Sown::succeeded)
    }

    /// Where it stopped, if a script or a seed did not succeed, or the chain.
    pub(crate) fn stop(&self) -> Option<(Author, Option<&Sown>)> {
        let failed = |steps: &'_ [Sown]| steps.iter().position(|step| !step.succeeded());
        let at = |steps: &[Sown], index: usize| steps[index].place;
        if let Some(index) = failed(&self.boot.pre) {
            return Some((Author::Pre(at(&self.boot.pre, index)), self.boot.pre.get(index)));
        }
        if !self.boot.succeeded() {
            return Some((Author::Chain, None));
        }
        if let Some(index) = failed(&self.seeds) {
            return Some((Author::Seed(at(&self.seeds, index)), self.seeds.get(index)));
        }
        let index = failed(&self.post)?;
        Some((Author::Post(at(&self.post, index)), self.post.get(index)))
    }
}

impl Cut {
    /// One that ends as the whole one.
    pub(crate) fn of(after: Phase, round: Round) -> Self {
        Self {
            after,
            round,
            schema: Vec::new(),
            rows: Vec::new(),
            details: BTreeMap::new(),
            counted: BTreeSet::new(),
            nulls: Vec::new(),
        }
    }
}

impl Ending {
    /// What became of tables and sequences since an earlier moment of the same database, without
    /// those tables where it is only in columns that each run may fill anew.
    pub(crate) fn changes_since(&self, earlier: &Self) -> Vec<RowDifference> {
        let mut changes = rows::diff(&earlier.state.rows, &self.state.rows);
        changes.retain(|change| {
            let RowDifference::Changed { table, .. } = change else { return true };
            let kept = earlier.kept.tables.get(table).zip(self.kept.tables.get(table));
            kept.is_none_or(|(was, is)| was.contents != is.contents)
        });
        changes
    }

    /// Whether it is in every respect as at an earlier moment of the same database.
    pub(crate) fn is_as(&self, earlier: &Self) -> bool {
        let writes = self.writes.as_ref().ok().zip(earlier.writes.as_ref().ok());
        self.state.catalog == earlier.state.catalog
            && rows::diff(&earlier.state.rows, &self.state.rows).is_empty()
            && writes.is_none_or(|(now, then)| now.since(then).is_empty())
    }
}
