//! What came of putting generated rows into tables.

use std::collections::BTreeMap;

/// Tables by qualified name, and the rows that they were given.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Populated {
    pub(crate) tables: BTreeMap<String, Filled>,
}

/// The rows of one table.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Filled {
    pub(crate) before: u64,
    pub(crate) put_in: usize,
    /// What Postgres said to the first row that it didn't take, whatever was tried.
    pub(crate) refusal: Option<String>,
}

impl Populated {
    /// The tables that have no row at all, with what Postgres said.
    pub(crate) fn empty(&self) -> impl Iterator<Item = (&str, &str)> {
        let is_empty = |(_, it): &(&String, &Filled)| it.before == 0 && it.put_in == 0;
        self.tables.iter().filter(is_empty).map(|(table, it)| {
            (table.as_str(), it.refusal.as_deref().unwrap_or("nothing was refused"))
        })
    }
}
