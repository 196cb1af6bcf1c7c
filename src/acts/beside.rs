//! Databases that were filled in the same way, beside each other: which of their tables differ, and
//! in which columns, can be asked only of databases that are there.

use std::collections::{BTreeMap, BTreeSet};

use crate::Result;
use crate::rows::{ColumnDigest, Columns, Detail, ROWS_MAX, Rows};
use crate::server::Scratch;
use crate::trace::{Compared, Unlike};

/// Columns, as table and column.
pub(super) type Aside = BTreeSet<(String, String)>;

/// A database, and what was read of it.
pub(super) struct Reading {
    pub(super) scratch: Scratch,
    pub(super) rows: Rows,
    pub(super) columns: Columns,
}

impl Reading {
    pub(super) async fn of(scratch: Scratch) -> Result<Self> {
        let mut reader = scratch.admin().await?;
        let rows = Rows::read(&mut reader).await?;
        let columns = Columns::read(&mut reader).await?;
        Ok(Self { scratch, rows, columns })
    }

    /// Reads certain tables, but for the columns that are put aside.
    async fn look(&self, tables: &BTreeSet<String>, aside: &Aside) -> Result<Look> {
        let mut reader = self.scratch.admin().await?;
        let digests = self.columns.digests(&mut reader, tables, aside).await?;
        let is_small =
            |table: &&String| self.rows.tables.get(*table).is_some_and(|it| it.count <= ROWS_MAX);
        let small = tables.iter().filter(is_small).cloned().collect();
        Ok(Look { digests, details: Detail::read(&mut reader, &small).await? })
    }
}

/// What was read of some tables.
struct Look {
    digests: BTreeMap<String, BTreeMap<String, ColumnDigest>>,
    details: BTreeMap<String, Detail>,
}

/// The tables of a second reading whose rows are not the same as in the first, wherever and by
/// whomever they were written.
pub(super) fn differing(left: &Rows, right: &Rows) -> BTreeSet<String> {
    let is_other = |table: &&String| {
        let digest = |rows: &Rows| rows.tables.get(*table).map(|it| (it.count, it.contents));
        digest(left) != digest(right)
    };
    right.tables.keys().filter(is_other).cloned().collect()
}

/// How certain tables differ, but for the columns that are put aside.
pub(super) async fn compare(
    first: &Reading,
    second: &Reading,
    tables: &BTreeSet<String>,
    aside: &Aside,
) -> Result<Compared> {
    let (left, right) = (first.look(tables, aside).await?, second.look(tables, aside).await?);
    let mut compared = Compared::default();
    for table in tables {
        let columns: Vec<_> = first.columns.of(table).map(|column| column.name.clone()).collect();
        let is_aside = |name: &str| aside.contains(&(table.clone(), name.to_owned()));
        let left_out: Vec<_> = columns.iter().filter(|name| is_aside(name)).cloned().collect();
        // Of a materialized view no columns are known; its tables tell the same.
        if !columns.is_empty() && left_out.len() == columns.len() {
            compared.incomparable.insert(table.clone());
        }
        if !left_out.is_empty() {
            compared.aside.insert(table.clone(), left_out);
        }
        let refers_to = first.columns.of(table).flat_map(|column| {
            let to = column.refers_to.iter();
            to.map(|(table, to)| (column.name.clone(), table.clone(), to.clone()))
        });
        let count = |of: &Reading| of.rows.tables.get(table).map_or(0, |rows| rows.count);
        let mut unlike = Unlike {
            table: table.clone(),
            counts: (count(first), count(second)),
            refers_to: refers_to.collect(),
            ..Unlike::default()
        };
        if let (Some(left), Some(right)) = (left.digests.get(table), right.digests.get(table)) {
            let differs = |name: &&String| left[*name].values != right[*name].values;
            let compared = || columns.iter().filter(|name| left.contains_key(*name));
            unlike.columns = compared().filter(differs).cloned().collect();
            if unlike.columns.is_empty() {
                let moved = |name: &&String| left[*name].placed != right[*name].placed;
                unlike.placed = compared().filter(moved).cloned().collect();
            }
        }
        if let (Some(left), Some(right)) = (left.details.get(table), right.details.get(table)) {
            unlike.changes = left.without(is_aside).changes(&right.without(is_aside));
        }
        let (one, other) = unlike.counts;
        if one != other || !unlike.columns.is_empty() || !unlike.placed.is_empty() {
            compared.unlike.push(unlike);
        }
    }
    Ok(compared)
}
