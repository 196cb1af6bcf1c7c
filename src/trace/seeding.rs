//! What runs of the seeds recorded.

use std::collections::BTreeMap;
use std::time::Duration;

use super::{Ended, Failure, Opaque, State};
use crate::rows::{self, Detail, RowDifference, Rows, TableWrites, Uncounted, Writes};

/// The seeds, run twice on what migrations alone have made.
#[derive(Debug)]
pub(crate) struct Seeding {
    pub(crate) first: Sowing,
    /// If the first run succeeded.
    pub(crate) second: Option<Sowing>,
    /// How the second run came to what it left, if that is not what it found.
    pub(crate) path: Option<Path>,
    pub(crate) duration: Duration,
    /// Where a kept database is found.
    pub(crate) kept: Option<String>,
}

/// One run of the seeds.
#[derive(Debug)]
pub(crate) struct Sowing {
    pub(crate) steps: Vec<Sown>,
    /// What it left behind, if it succeeded.
    pub(crate) end: Option<State>,
    /// The tables that have columns which each run may fill anew, digested without them.
    pub(crate) kept: Rows,
    /// What was written since the database was made, where it can be counted.
    pub(crate) writes: Result<Writes, Uncounted>,
}

/// A second run of the seeds, played once more step by step.
#[derive(Debug)]
pub(crate) struct Path {
    /// What the first run left.
    pub(crate) begin: Look,
    /// What was there after each step, by the step's place among the seeds.
    pub(crate) steps: Vec<(usize, Look)>,
    /// The rows of small tables that the second run changed, before and after, by the table's name.
    pub(crate) details: BTreeMap<String, (Detail, Detail)>,
}

/// The data at one moment.
#[derive(Debug)]
pub(crate) struct Look {
    pub(crate) rows: Rows,
    pub(crate) writes: Result<Writes, Uncounted>,
}

/// One step of the seeds, or one script of a bootstrap, executed.
#[derive(Debug)]
pub(crate) struct Sown {
    /// Its place among the seeds, or among the scripts.
    pub(crate) place: usize,
    pub(crate) failures: Vec<Failure>,
    /// How it ended, if it keeps to itself what it does.
    pub(crate) opaque: Option<Opaque>,
}

impl Sown {
    pub(crate) fn succeeded(&self) -> bool {
        self.failures.is_empty()
            && self.opaque.as_ref().is_none_or(|opaque| opaque.ended == Ended::Well)
    }
}

impl Seeding {
    /// A first run that did not come to its end, and nothing more.
    pub(crate) fn failed(steps: Vec<Sown>, duration: Duration) -> Self {
        let writes = Err(Uncounted::Unasked);
        let first = Sowing { steps, end: None, kept: Rows::default(), writes };
        Self { first, second: None, path: None, duration, kept: None }
    }

    /// What the second run changed in tables and sequences. Columns that each run may fill anew
    /// count only in that their rows must not be deleted and inserted for it.
    pub(crate) fn changes(&self) -> Vec<RowDifference> {
        let writes = self.writes();
        let differences = self.differences().into_iter();
        let judged = differences.filter_map(|difference| match difference {
            RowDifference::Changed { table, count } if self.is_filled_anew(&table) => {
                let is_deleted = writes.get(&table).is_some_and(|writes| writes.deleted > 0);
                let is_renewed = is_deleted || self.is_truncated(&table);
                is_renewed.then_some(RowDifference::Rewritten { table, count })
            }
            difference => Some(difference),
        });
        judged.collect()
    }

    /// What the second run wrote to tables that are as they were.
    pub(crate) fn unseen(&self) -> BTreeMap<String, TableWrites> {
        let mut writes = self.writes();
        for difference in self.differences() {
            writes.remove(difference.name());
        }
        writes
    }

    /// How often the second run wrote rows, by table, where Postgres can tell.
    pub(crate) fn writes(&self) -> BTreeMap<String, TableWrites> {
        let second = self.second.as_ref().and_then(|second| second.writes.as_ref().ok());
        match (&self.first.writes, second) {
            (Ok(first), Some(second)) => second.since(first),
            _ => BTreeMap::new(),
        }
    }

    /// The states after both runs, if both came to their ends.
    pub(crate) fn ends(&self) -> Option<(&State, &State)> {
        Some((self.first.end.as_ref()?, self.second.as_ref()?.end.as_ref()?))
    }

    /// The tables of which the second run changed nothing but columns that it may fill anew, and
    /// nothing tells whether their rows were deleted and inserted for it.
    pub(crate) fn untold(&self) -> Vec<String> {
        let second = self.second.as_ref().and_then(|second| second.writes.as_ref().ok());
        if self.first.writes.is_ok() && second.is_some() {
            return Vec::new();
        }
        let filled = self.differences().into_iter().filter_map(|difference| match difference {
            RowDifference::Changed { table, .. }
                if self.is_filled_anew(&table) && !self.is_truncated(&table) =>
            {
                Some(table)
            }
            _ => None,
        });
        filled.collect()
    }

    /// Whether the rows of a table are in another file than before, as after TRUNCATE.
    pub(crate) fn is_truncated(&self, table: &str) -> bool {
        let file = |state: &State| state.rows.tables.get(table).map(|rows| rows.file);
        self.ends().is_some_and(|(first, second)| file(first) != file(second))
    }

    fn differences(&self) -> Vec<RowDifference> {
        let ends = self.ends();
        ends.map(|(first, second)| rows::diff(&first.rows, &second.rows)).unwrap_or_default()
    }

    /// Whether a table has changed in nothing but columns that each run may fill anew.
    fn is_filled_anew(&self, table: &str) -> bool {
        let second = self.second.as_ref().and_then(|second| second.kept.tables.get(table));
        let first = self.first.kept.tables.get(table);
        first.zip(second).is_some_and(|(first, second)| first.contents == second.contents)
    }
}

impl Path {
    /// The steps that touched a table or a sequence, in their order.
    pub(crate) fn touching(&self, subject: &str) -> Vec<usize> {
        let earlier = std::iter::once(&self.begin).chain(self.steps.iter().map(|(_, look)| look));
        let steps = earlier.zip(&self.steps).filter(|(was, (_, is))| {
            rows::diff(&was.rows, &is.rows).iter().any(|change| change.name() == subject)
                || match (&was.writes, &is.writes) {
                    (Ok(was), Ok(is)) => is.since(was).contains_key(subject),
                    _ => false,
                }
        });
        steps.map(|(_, (place, _))| *place).collect()
    }
}

#[cfg(test)]
mod tests {
    use pretty_assertions::assert_eq;

    use super::*;
    use crate::catalog::Catalog;
    use crate::rows::TableRows;

    /// The table `t`, by a digest of all of it, one without ignored columns, and its deleted rows.
    fn sowing((contents, kept, deleted): (i128, i128, u64)) -> Sowing {
        let table = |contents| TableRows { count: 2, contents, physical: contents, file: 1 };
        let rows = |contents| Rows {
            tables: [("t".to_owned(), table(contents))].into(),
            ..Rows::default()
        };
        let written = TableWrites { deleted, ..TableWrites::default() };
        Sowing {
            steps: Vec::new(),
            end: Some(State { catalog: Catalog::default(), rows: rows(contents) }),
            kept: rows(kept),
            writes: Ok(Writes { tables: [("t".to_owned(), written)].into() }),
        }
    }

    fn check(first: (i128, i128, u64), second: (i128, i128, u64), changes: &[&str]) {
        let (first, second) = (sowing(first), Some(sowing(second)));
        let (path, duration, kept) = (None, Duration::ZERO, None);
        let seeding = Seeding { first, second, path, duration, kept };
        let told = seeding.changes().iter().map(ToString::to_string).collect::<Vec<_>>();
        assert_eq!(told, changes);
    }

    #[test]
    fn columns_that_may_change_are_no_change_unless_their_rows_go() {
        check((1, 1, 0), (1, 1, 0), &[]);
        check((1, 1, 0), (2, 1, 0), &[]);
        check((1, 1, 5), (2, 1, 5), &[]);
        check((1, 1, 5), (2, 1, 7), &["table t: rows were written again with the same values"]);
        check((1, 1, 0), (2, 2, 0), &["table t: values changed, with 2 rows as before"]);
    }

    #[test]
    fn without_counted_writes_nothing_tells_how_a_column_was_filled() {
        let check = |second, writes: Result<Writes, Uncounted>, untold: &[&str]| {
            let (first, second) = (sowing((1, 1, 0)), Sowing { writes, ..sowing(second) });
            let (path, duration, kept) = (None, Duration::ZERO, None);
            let seeding = Seeding { first, second: Some(second), path, duration, kept };
            assert_eq!(seeding.untold(), untold);
        };
        let unknown = || Err(Uncounted::ByVersion);
        check((2, 1, 0), unknown(), &["t"]);
        check((2, 1, 0), Ok(Writes::default()), &[]);
        check((2, 2, 0), unknown(), &[]);
        check((1, 1, 0), unknown(), &[]);
    }

    #[test]
    fn writes_to_a_table_that_is_as_it_was_are_unseen() {
        let check = |first, second, unseen: &[u64]| {
            let (first, second) = (sowing(first), Some(sowing(second)));
            let (path, duration, kept) = (None, Duration::ZERO, None);
            let seeding = Seeding { first, second, path, duration, kept };
            let deleted = seeding.unseen().values().map(|it| it.deleted).collect::<Vec<_>>();
            assert_eq!(deleted, unseen);
        };
        check((1, 1, 1), (1, 1, 1), &[]);
        check((1, 1, 1), (1, 1, 4), &[3]);
        check((1, 1, 1), (2, 1, 4), &[]);
    }
}
