//! Which rows, or which of their values, are in no table any more.
//!
//! A row is told by its full key, in the table where it was and in those where it may have gone: a
//! copy that lacks a part of the key is none.

use std::collections::BTreeMap;
use std::slice;

use crate::rows::{Detail, Values};

/// What a table held and no table holds any more.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Loss {
    /// The rows that are gone, by key, or whole where there is none.
    pub(super) rows: Vec<Values>,
    /// Of the rows that are still there, those that have lost values, by key and with these.
    pub(super) values: Vec<Values>,
    /// The columns whose values those are.
    pub(super) columns: Vec<String>,
}

impl Loss {
    pub(super) fn is_none(&self) -> bool {
        self.rows.is_empty() && self.values.is_empty()
    }
}

/// What of a table is neither there afterwards nor in one of some other tables.
pub(super) fn lost<'a>(
    before: &Detail,
    after: Option<&Detail>,
    others: impl Iterator<Item = &'a Detail> + Clone,
) -> Loss {
    let identity = if before.key.is_empty() { &before.columns } else { &before.key };
    let has = |detail: &Detail, columns: &[String]| {
        columns.iter().all(|column| detail.columns.contains(column))
    };
    let stays = |column: &&String| after.is_some_and(|after| after.columns.contains(column));
    let (there, columns): (Vec<String>, Vec<String>) =
        before.columns.iter().cloned().partition(|column| stays(&column));
    // Where there is no key, the columns that are left are all that a row is known by.
    let known_by = if before.key.is_empty() { &there } else { identity };
    let mut remaining = match after {
        Some(after) if !known_by.is_empty() && has(after, known_by) => counted(after, known_by),
        _ => BTreeMap::new(),
    };
    let columns: Vec<String> = columns
        .into_iter()
        .filter(|column| !after.is_some_and(|after| is_renamed(before, after, known_by, column)))
        .collect();
    let mut loss = Loss { columns: columns.clone(), ..Loss::default() };
    let with_values = identity.iter().filter(|it| !columns.contains(it)).chain(&columns);
    let with_values: Vec<String> = with_values.cloned().collect();
    let mut copies = Copies::of(others.clone(), &before.columns);
    let mut copies_of_values = Copies::of(others, &with_values);
    for row in &before.rows {
        let told = |columns: &[String]| -> Values {
            columns.iter().cloned().zip(cells(before, row, columns)).collect()
        };
        let is_there = take(&mut remaining, &cells(before, row, known_by));
        if !is_there && !copies.take(&cells(before, row, &before.columns)) {
            loss.rows.push(told(identity));
        }
        let lacks = cells(before, row, &columns).iter().any(Option::is_some);
        if is_there && lacks && !copies_of_values.take(&cells(before, row, &with_values)) {
            loss.values.push(told(&with_values));
        }
    }
    loss
}

/// Whether a new column has, row by row, what another one had that is gone.
fn is_renamed(before: &Detail, after: &Detail, known_by: &[String], column: &String) -> bool {
    let with = |column: &String| [known_by, slice::from_ref(column)].concat();
    let was = counted(before, &with(column));
    let mut new = after.columns.iter().filter(|it| !before.columns.contains(it));
    new.any(|other| counted(after, &with(other)) == was)
}

type Cells = Vec<Option<String>>;

/// The rows of some tables by some columns, each as often as it is there.
struct Copies(Vec<BTreeMap<Cells, usize>>);

impl Copies {
    fn of<'a>(tables: impl Iterator<Item = &'a Detail>, columns: &[String]) -> Self {
        let has_all = |it: &&Detail| columns.iter().all(|column| it.columns.contains(column));
        Self(tables.filter(has_all).map(|it| counted(it, columns)).collect())
    }

    fn take(&mut self, row: &Cells) -> bool {
        self.0.iter_mut().any(|rows| take(rows, row))
    }
}

fn counted(detail: &Detail, columns: &[String]) -> BTreeMap<Cells, usize> {
    let mut counted = BTreeMap::new();
    for row in &detail.rows {
        *counted.entry(cells(detail, row, columns)).or_default() += 1;
    }
    counted
}

fn take(rows: &mut BTreeMap<Cells, usize>, row: &Cells) -> bool {
    match rows.get_mut(row).filter(|count| **count > 0) {
        Some(count) => {
            *count -= 1;
            true
        }
        None => false,
    }
}

fn cells(detail: &Detail, row: &Cells, columns: &[String]) -> Cells {
    let place = |column: &String| detail.columns.iter().position(|it| it == column);
    columns.iter().map(|column| place(column).and_then(|place| row[place].clone())).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use pretty_assertions::assert_eq;

    /// A table from `columns; key; row; row`, all in words.
    fn detail(text: &str) -> Detail {
        let mut parts = text.split("; ");
        let words = |part: &str| part.split_whitespace().map(str::to_owned).collect::<Vec<_>>();
        let columns = words(parts.next().expect("columns"));
        let key = words(parts.next().expect("a key"));
        let value = |word: &String| (word != "-").then(|| word.clone());
        let rows = parts.map(|row| words(row).iter().map(value).collect()).collect();
        Detail { columns, key, rows }
    }

    /// The first values of what is lost: of rows, and of values.
    fn check(before: &str, after: Option<&str>, others: &[&str], rows: &[&str], values: &[&str]) {
        let after = after.map(detail);
        let others: Vec<_> = others.iter().map(|it| detail(it)).collect();
        let loss = lost(&detail(before), after.as_ref(), others.iter());
        let told = |lost: &[Values]| -> Vec<String> {
            let row = |row: &Values| {
                let cells = row.iter().map(|(_, value)| value.as_deref().unwrap_or("-"));
                cells.collect::<Vec<_>>().join(" ")
            };
            lost.iter().map(row).collect()
        };
        assert_eq!((told(&loss.rows), told(&loss.values)), (owned(rows), owned(values)));
    }

    fn owned(texts: &[&str]) -> Vec<String> {
        texts.iter().map(|text| (*text).to_owned()).collect()
    }

    #[test]
    fn a_row_is_there_or_in_another_table() {
        let before = "a b; a; 1 x; 2 y";
        check(before, Some("a b; a; 1 z; 2 y"), &[], &[], &[]);
        check(before, Some("a b; a; 1 x"), &[], &["2"], &[]);
        check(before, None, &[], &["1", "2"], &[]);
        check(before, None, &["a b c; ; 1 x 0; 2 y 0"], &[], &[]);
        check(before, None, &["a; ; 1; 2"], &["1", "2"], &[]);
        check(before, Some("a b; a; 1 x"), &["a b; ; 2 y"], &[], &[]);
    }

    #[test]
    fn values_are_kept_with_the_whole_key() {
        let (before, after) = ("a b c; a b; 1 1 x; 1 2 y; 2 1 -", "a b; a b; 1 1; 1 2; 2 1");
        check(before, Some(after), &[], &[], &["1 1 x", "1 2 y"]);
        check(before, Some(after), &["a c; ; 1 x; 1 y"], &[], &["1 1 x", "1 2 y"]);
        check(before, Some(after), &["a b c; ; 1 1 x; 1 2 y"], &[], &[]);
        check(before, Some(after), &["a b c; ; 1 1 x; 1 2 x"], &[], &["1 2 y"]);
    }

    #[test]
    fn a_column_may_be_called_otherwise() {
        let before = "a b; a; 1 x; 2 y";
        check(before, Some("a c; a; 1 x; 2 y"), &[], &[], &[]);
        check(before, Some("a c; a; 1 x; 2 z"), &[], &[], &["1 x", "2 y"]);
    }

    #[test]
    fn without_a_key_rows_are_counted() {
        check("a; ; 1; 1", Some("a; ; 1"), &[], &["1"], &[]);
        check("a; ; 1; 1", Some("a; ; 1"), &["a; ; 1"], &[], &[]);
        check("a b; ; 1 x", Some("a; ; 1"), &[], &[], &["1 x"]);
        check("a b; ; 1 x", Some("a; ; 1"), &["a b; ; 1 x"], &[], &[]);
    }
}
