//! The differences between two readings of rows, and the words for them.

use super::{Position, ROWS_MAX, Rows, TableRows};
use std::{collections::BTreeSet, fmt};

/// What became of a table or of a sequence. It displays as one plain sentence, without a final
/// dot.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum RowDifference {
    TableGone {
        table: String,
        count: u64,
    },
    TableNew {
        table: String,
        count: u64,
    },
    /// There are more rows, or fewer.
    Counted {
        table: String,
        before: u64,
        after: u64,
    },
    /// There are as many rows, but with other values.
    Changed {
        table: String,
        count: u64,
    },
    /// The same rows were written again.
    Rewritten {
        table: String,
        count: u64,
    },
    /// The same rows, untouched, are in another file.
    Refiled {
        table: String,
    },
    SequenceGone {
        sequence: String,
    },
    SequenceNew {
        sequence: String,
    },
    SequenceMoved {
        sequence: String,
        before: Position,
        after: Position,
    },
}

/// What differs: tables first, then sequences, each by name; at most one difference for each.
pub(crate) fn diff(before: &Rows, after: &Rows) -> Vec<RowDifference> {
    let mut differences = Vec::new();
    let tables = before
        .tables
        .keys()
        .chain(after.tables.keys().filter(|table| !before.tables.contains_key(*table)));
    for table in tables {
        differences.extend(table_difference(
            table,
            before.tables.get(table),
            after.tables.get(table),
        ));
    }
    differences.sort_by(|left, right| left.name().cmp(right.name()));
    let tables_end = differences.len();
    let sequences = before
        .sequences
        .keys()
        .chain(after.sequences.keys().filter(|sequence| !before.sequences.contains_key(*sequence)));
    for sequence in sequences {
        differences.extend(sequence_difference(
            sequence,
            before.sequences.get(sequence),
            after.sequences.get(sequence),
        ));
    }
    differences[tables_end..].sort_by(|left, right| left.name().cmp(right.name()));
    differences
}

fn table_difference(
    table: &str,
    before: Option<&TableRows>,
    after: Option<&TableRows>,
) -> Option<RowDifference> {
    let table = table.to_owned();
    let (before, after) = match (before, after) {
        (Some(before), Some(after)) => (before, after),
        (Some(before), None) => {
            return Some(RowDifference::TableGone { table, count: before.count });
        }
        (None, after) => return Some(RowDifference::TableNew { table, count: after?.count }),
    };
    if before.count != after.count {
        Some(RowDifference::Counted { table, before: before.count, after: after.count })
    } else if before.contents != after.contents {
        Some(RowDifference::Changed { table, count: after.count })
    } else if before.physical != after.physical {
        Some(RowDifference::Rewritten { table, count: after.count })
    } else if before.file != after.file {
        Some(RowDifference::Refiled { table })
    } else {
        None
    }
}

fn sequence_difference(
    sequence: &str,
    before: Option<&Position>,
    after: Option<&Position>,
) -> Option<RowDifference> {
    let sequence = sequence.to_owned();
    match (before, after) {
        (Some(before), Some(after)) => {
            let moved =
                (before.last_value, before.is_called) != (after.last_value, after.is_called);
            moved.then(|| RowDifference::SequenceMoved {
                sequence,
                before: before.clone(),
                after: after.clone(),
            })
        }
        (Some(_), None) => Some(RowDifference::SequenceGone { sequence }),
        (None, _) => Some(RowDifference::SequenceNew { sequence }),
    }
}

/// The tables on both sides whose contents differ, and that have few enough rows for each to be
/// looked at.
pub(crate) fn small_tables_that_differ(before: &Rows, after: &Rows) -> BTreeSet<String> {
    let differing = before.tables.iter().filter(|(table, was)| {
        let is = after.tables.get(*table);
        is.is_some_and(|is| {
            let differs = (was.count, was.contents) != (is.count, is.contents);
            differs && was.count.max(is.count) <= ROWS_MAX
        })
    });
    differing.map(|(table, _)| table.clone()).collect()
}

impl RowDifference {
    /// How many rows the table has, of one that differs in them.
    pub(crate) fn rows(&self) -> u64 {
        match self {
            Self::Counted { before, after, .. } => *before.max(after),
            Self::Changed { count, .. } => *count,
            _ => 0,
        }
    }

    /// The table or sequence that it is about.
    pub(crate) fn name(&self) -> &str {
        match self {
            Self::TableGone { table, .. }
            | Self::TableNew { table, .. }
            | Self::Counted { table, .. }
            | Self::Changed { table, .. }
            | Self::Rewritten { table, .. }
            | Self::Refiled { table } => table,
            Self::SequenceGone { sequence }
            | Self::SequenceNew { sequence }
            | Self::SequenceMoved { sequence, .. } => sequence,
        }
    }

    /// Whether only the storage tells it. Between two databases that were made apart, such
    /// differences mean nothing.
    pub(crate) fn is_physical(&self) -> bool {
        matches!(self, Self::Rewritten { .. } | Self::Refiled { .. })
    }
}

/// All words that are said of a difference are here.
impl fmt::Display for RowDifference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TableGone { table, count } => {
                write!(f, "table {table} is gone, with {}", Counted(*count))
            }
            Self::TableNew { table, count } => {
                write!(f, "table {table} is new, with {}", Counted(*count))
            }
            Self::Counted { table, before, after } => {
                write!(f, "table {table}: {} became {after}", Counted(*before))
            }
            Self::Changed { table, count } => {
                write!(f, "table {table}: values changed, with {} as before", Counted(*count))
            }
            Self::Rewritten { table, .. } => {
                write!(f, "table {table}: rows were written again with the same values")
            }
            Self::Refiled { table } => write!(
                f,
                "table {table}: its file was replaced (it was truncated, rewritten or \
                    re-created), with the same rows"
            ),
            Self::SequenceGone { sequence } => write!(f, "sequence {sequence} is gone"),
            Self::SequenceNew { sequence } => write!(f, "sequence {sequence} is new"),
            Self::SequenceMoved { sequence, before, after } => {
                write!(f, "sequence {sequence}: {before} became {after}")
            }
        }
    }
}

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let which = if self.is_called { "last" } else { "next" };
        write!(f, "{which} value {}", self.last_value)
    }
}

/// A number of rows with its unit.
struct Counted(u64);

impl fmt::Display for Counted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.0, if self.0 == 1 { "row" } else { "rows" })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use pretty_assertions::assert_eq;

    /// Rows from lines of `table name count contents physical file` and of
    /// `sequence name last_value is_called owner`.
    fn rows(text: &str) -> Rows {
        let mut rows = Rows::default();
        for line in text.lines().map(str::trim).filter(|line| !line.is_empty()) {
            let words: Vec<&str> = line.split(' ').collect();
            let name = words[1].to_owned();
            if words[0] == "table" {
                let table = TableRows {
                    count: words[2].parse().unwrap(),
                    contents: words[3].parse().unwrap(),
                    physical: words[4].parse().unwrap(),
                    file: words[5].parse().unwrap(),
                };
                rows.tables.insert(name, table);
            } else {
                let position = Position {
                    last_value: words[2].parse().unwrap(),
                    is_called: words[3] == "called",
                    owned_by: words.get(4).map(|&owner| owner.to_owned()),
                };
                rows.sequences.insert(name, position);
            }
        }
        rows
    }

    fn check(before: &str, after: &str, sentences: &[&str]) {
        let said: Vec<String> =
            diff(&rows(before), &rows(after)).iter().map(ToString::to_string).collect();
        assert_eq!(said, sentences);
    }

    #[test]
    fn tables_tell_the_gravest_difference() {
        check("table public.a 3 1 1 1", "table public.a 3 1 1 1", &[]);
        check(
            "table public.a 1 1 1 1",
            "table public.a 3 2 2 2",
            &["table public.a: 1 row became 3"],
        );
        check(
            "table public.a 3 1 1 1",
            "table public.a 3 2 2 2",
            &["table public.a: values changed, with 3 rows as before"],
        );
        check(
            "table public.a 3 1 1 1",
            "table public.a 3 1 2 2",
            &["table public.a: rows were written again with the same values"],
        );
        check(
            "table public.a 0 0 0 1",
            "table public.a 0 0 0 2",
            &["table public.a: its file was replaced (it was truncated, rewritten or \
                re-created), with the same rows"],
        );
    }

    #[test]
    fn tables_and_sequences_come_and_go() {
        check(
            "table public.b 3 1 1 1\nsequence public.s 1 uncalled",
            "table public.a 1 1 1 1\nsequence public.r 1 called",
            &[
                "table public.a is new, with 1 row",
                "table public.b is gone, with 3 rows",
                "sequence public.r is new",
                "sequence public.s is gone",
            ],
        );
    }

    #[test]
    fn sequences_move() {
        check(
            "sequence public.s 1 uncalled",
            "sequence public.s 1 called",
            &["sequence public.s: next value 1 became last value 1"],
        );
    }
}
