//! What the trials of the seeds recorded: elsewhere, at once, after edits.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use super::Sown;
use crate::rows::{RowChange, Rows, Values};

/// The seeds on other copies of what migrations alone have made.
#[derive(Debug, Default)]
pub(crate) struct Twin {
    /// A run that failed where the first one did not.
    pub(crate) failed: Vec<Sown>,
    pub(crate) compared: Compared,
    pub(crate) duration: Duration,
}

/// How two databases that were seeded differ.
#[derive(Debug, Default)]
pub(crate) struct Compared {
    /// The tables that are not the same.
    pub(crate) unlike: Vec<Unlike>,
    /// The columns that were put aside, of tables whose rows differ in any way.
    pub(crate) aside: BTreeMap<String, Vec<String>>,
    /// Those of these tables of which no column was left to compare.
    pub(crate) incomparable: BTreeSet<String>,
}

/// A table that the seeds fill in two ways.
#[derive(Debug, Default)]
pub(crate) struct Unlike {
    pub(crate) table: String,
    /// How many rows it has in the one and in the other.
    pub(crate) counts: (u64, u64),
    /// The columns with other values.
    pub(crate) columns: Vec<String>,
    /// The columns with the same values, but in other rows.
    pub(crate) placed: Vec<String>,
    /// To what the columns refer, as own column, table and column.
    pub(crate) refers_to: Vec<(String, String, String)>,
    /// The rows that differ, where the table is small.
    pub(crate) changes: Vec<RowChange>,
}

/// Two runs of the seeds at once.
#[derive(Debug, Default)]
pub(crate) struct Raced {
    /// What each of the two did, until it failed.
    pub(crate) seeders: [Vec<Sown>; 2],
    /// What they left behind, if both succeeded.
    pub(crate) rows: Option<Rows>,
    /// How what one seeder leaves differs from that, in tables that have as many rows. Nothing
    /// where no other database could be seeded.
    pub(crate) compared: Option<Compared>,
    pub(crate) duration: Duration,
}

/// A run of the seeds after somebody has edited what they had made.
#[derive(Debug, Default)]
pub(crate) struct Edited {
    pub(crate) edits: Vec<Edit>,
    /// The tables in which nothing could be edited, and why.
    pub(crate) spared: BTreeMap<String, String>,
    /// The seeds' run after that.
    pub(crate) steps: Vec<Sown>,
    pub(crate) duration: Duration,
}

/// One value of one row, changed as an app would.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Edit {
    pub(crate) table: String,
    pub(crate) key: Values,
    pub(crate) column: String,
    /// Whether the column has a default, so that a seed need not say anything of it.
    pub(crate) has_default: bool,
    /// Whether it holds times, which a seed may write anew.
    pub(crate) is_time: bool,
    /// What the seeds had written.
    pub(crate) seeded: Option<String>,
    /// What the app wrote.
    pub(crate) edited: Option<String>,
    /// What is there when the seeds have run again.
    pub(crate) after: Fate,
}

/// What became of an edited value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Fate {
    There(Option<String>),
    /// The row is gone, and another one has what the seeds gave it.
    Elsewhere,
    /// The row is gone.
    Gone,
}
