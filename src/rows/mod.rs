//! Rows: per table how many there are and a digest of what they hold, per sequence its position,
//! and the differences between two such readings.
//!
//! The digests are made by the server, so that no table is ever loaded. That of the contents does
//! not depend on the order of rows, but on the order of columns; the physical one changes when a
//! row is written again with the same values, and the file when a table is truncated, rewritten or
//! re-created. Only the first can be compared between databases; all of them between two readings
//! of one database, and between a template and its clone.
//!
//! The reader should be a superuser: a table that row security hides rows of from anybody else is
//! an error, never a smaller count.

mod columns;
mod detail;
mod diff;
mod nulls;
mod reader;
mod writes;

use std::collections::BTreeMap;

pub(crate) use self::{
    columns::{Column, ColumnDigest, Columns, Filled},
    detail::{ColumnChange, Detail, ROWS_MAX, RowChange, Values, listed, quoted_value},
    diff::{RowDifference, diff, small_tables_that_differ},
    nulls::Nulls,
    writes::{TableWrites, Uncounted, Writes},
};

/// All rows of a database, by the qualified name of what holds them, quoted as Postgres would.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Rows {
    pub(crate) tables: BTreeMap<String, TableRows>,
    pub(crate) sequences: BTreeMap<String, Position>,
}

/// The rows of an ordinary table, of a partition or of a materialized view.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct TableRows {
    pub(crate) count: u64,
    /// The sum of the hashes of all rows' text.
    pub(crate) contents: i128,
    /// The sum of the hashes of where each row is and of which transaction wrote it.
    pub(crate) physical: i128,
    /// The number of the file that holds them.
    pub(crate) file: u32,
}

/// How far a sequence has counted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Position {
    pub(crate) last_value: i64,
    /// Whether the last value was handed out; if not, it is the next one.
    pub(crate) is_called: bool,
    /// The table whose column owns the sequence.
    pub(crate) owned_by: Option<String>,
}
