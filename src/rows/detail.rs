//! The rows of small tables themselves, and which of them differ: by key, column by column.
//!
//! Read only where digests differ, and only of tables that fit on a page or two of a report's
//! reader; what is larger is told by its count.

use super::reader::{failed, send, text};
use crate::Result;
use sqlx::postgres::PgConnection;
use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
};

/// Tables with more rows are not read.
pub(crate) const ROWS_MAX: u64 = 1000;

/// How much of a value is told.
const VALUE_CHARACTERS_MAX: usize = 60;

/// What a table holds, as text.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Detail {
    pub(crate) columns: Vec<String>,
    /// The columns of the primary key, or else of a unique key that can't be null; empty if there
    /// is neither.
    pub(crate) key: Vec<String>,
    pub(crate) rows: Vec<Vec<Option<String>>>,
}

/// What became of one row. It displays as a plain sentence, without a final dot.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum RowChange {
    Gone { row: Values },
    New { row: Values },
    Changed { key: Values, columns: Vec<ColumnChange> },
}

/// Names of columns, and what they hold.
pub(crate) type Values = Vec<(String, Option<String>)>;

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ColumnChange {
    pub(crate) column: String,
    pub(crate) before: Option<String>,
    pub(crate) after: Option<String>,
}

impl Detail {
    /// Reads tables by their qualified names, in one message. The connection must not be inside a
    /// transaction.
    pub(crate) async fn read(
        connection: &mut PgConnection,
        tables: &BTreeSet<String>,
    ) -> Result<BTreeMap<String, Self>> {
        if tables.is_empty() {
            return Ok(BTreeMap::new());
        }
        let shapes = shapes(tables.iter().map(String::as_str));
        let mut details = BTreeMap::new();
        let mut message = String::new();
        for row in &send(connection, shapes).await? {
            let names = |index| -> Result<Vec<String>> {
                serde_json::from_str(text(row, index)?.unwrap_or("[]")).map_err(failed)
            };
            let table = text(row, 0)?.unwrap_or_default();
            let detail = Self { columns: names(1)?, key: names(2)?, rows: Vec::new() };
            message += &contents(table, &detail.columns);
            details.insert(table.to_owned(), detail);
        }
        if message.is_empty() {
            return Ok(details);
        }
        for row in &send(connection, message).await? {
            let values = serde_json::from_str(text(row, 1)?.unwrap_or("[]")).map_err(failed)?;
            if let Some(detail) = details.get_mut(text(row, 0)?.unwrap_or_default()) {
                detail.rows.push(values);
            }
        }
        Ok(details)
    }

    /// The same rows without some of their columns. A key needs all of its columns.
    #[must_use]
    pub(crate) fn without(&self, is_left_out: impl Fn(&str) -> bool) -> Self {
        let kept = self.columns.iter().map(|column| !is_left_out(column)).collect::<Vec<_>>();
        let of = |row: &Vec<Option<String>>| {
            let cells = row.iter().zip(&kept).filter(|(_, kept)| **kept);
            cells.map(|(cell, _)| cell.clone()).collect()
        };
        let columns = self.columns.iter().zip(&kept).filter(|(_, kept)| **kept);
        let has_key = !self.key.iter().any(|column| is_left_out(column));
        Self {
            columns: columns.map(|(column, _)| column.clone()).collect(),
            key: if has_key { self.key.clone() } else { Vec::new() },
            rows: self.rows.iter().map(of).collect(),
        }
    }

    /// What became of the rows, in the order of keys: those that are gone, changed, new. Without a
    /// key, a row that changed is one that is gone and one that is new.
    pub(crate) fn changes(&self, after: &Self) -> Vec<RowChange> {
        // Nothing could be said of a row.
        if !self.columns.iter().any(|column| after.columns.contains(column)) {
            return Vec::new();
        }
        let has_key = !self.key.is_empty() && self.key == after.key;
        // Where columns came or went, the schema tells it.
        let columns: Vec<&String> =
            self.columns.iter().filter(|column| after.columns.contains(column)).collect();
        let key = if has_key { self.key.iter().collect() } else { columns.clone() };
        let (before, after) = (self.keyed(&key, &columns), after.keyed(&key, &columns));
        let mut changes = Vec::new();
        for (key_values, rows) in &before {
            let others = after.get(key_values).map_or(&[][..], Vec::as_slice);
            if let ([row], [other], true) = (rows.as_slice(), others, has_key) {
                changes.extend(changed(&key, key_values, &columns, row, other));
            } else {
                let gone = rows.iter().skip(others.len());
                changes.extend(gone.map(|row| RowChange::Gone { row: named(&columns, row) }));
            }
        }
        for (key_values, rows) in &after {
            let known = before.get(key_values).map_or(0, Vec::len);
            let new = rows.iter().skip(known);
            changes.extend(new.map(|row| RowChange::New { row: named(&columns, row) }));
        }
        changes
    }

    /// The rows by the values of some columns.
    fn keyed(&self, key: &[&String], columns: &[&String]) -> BTreeMap<Cells, Vec<Cells>> {
        let places = |names: &[&String]| -> Vec<usize> {
            let place = |name: &&String| self.columns.iter().position(|column| column == *name);
            names.iter().filter_map(place).collect()
        };
        let (key, columns) = (places(key), places(columns));
        let mut keyed: BTreeMap<Cells, Vec<Cells>> = BTreeMap::new();
        for row in &self.rows {
            let of = |places: &[usize]| places.iter().map(|place| row[*place].clone()).collect();
            keyed.entry(of(&key)).or_default().push(of(&columns));
        }
        keyed
    }
}

/// The text of some values of a row.
type Cells = Vec<Option<String>>;

fn named(columns: &[&String], row: &[Option<String>]) -> Values {
    columns.iter().zip(row).map(|(column, value)| ((*column).clone(), value.clone())).collect()
}

fn changed(
    key: &[&String],
    key_values: &[Option<String>],
    columns: &[&String],
    before: &[Option<String>],
    after: &[Option<String>],
) -> Option<RowChange> {
    let pairs = columns.iter().zip(before.iter().zip(after));
    let differing = pairs.filter(|(_, (before, after))| before != after);
    let columns: Vec<ColumnChange> = differing
        .map(|(column, (before, after))| ColumnChange {
            column: (*column).clone(),
            before: before.clone(),
            after: after.clone(),
        })
        .collect();
    (!columns.is_empty()).then(|| RowChange::Changed { key: named(key, key_values), columns })
}

/// The statement that reads what columns tables have, and which of them are their keys.
pub(super) fn shapes<'a>(tables: impl IntoIterator<Item = &'a str>) -> String {
    let names = tables.into_iter().map(crate::sql::literal).collect::<Vec<_>>().join(", ");
    format!(
        "select named.name, \
            (select json_agg(quote_ident(a.attname) order by a.attnum)::text \
             from pg_attribute a \
             where a.attrelid = named.id and a.attnum > 0 and not a.attisdropped), \
            (select json_agg(quote_ident(a.attname) order by k.place)::text \
             from unnest((\
                select (i.indkey::int2[])[0:i.indnkeyatts - 1] from pg_index i \
                where i.indrelid = named.id and i.indisunique and i.indisvalid \
                    and i.indpred is null and i.indexprs is null and not exists (\
                        select from pg_attribute a \
                        where a.attrelid = i.indrelid \
                            and a.attnum = any ((i.indkey::int2[])[0:i.indnkeyatts - 1]) \
                            and not a.attnotnull) \
                order by not i.indisprimary, i.indnatts, i.indexrelid::regclass::text limit 1\
             )) with ordinality k(attnum, place) \
             join pg_attribute a on a.attrelid = named.id and a.attnum = k.attnum) \
         from (select name, name::regclass as id from unnest(array[{names}]::text[]) name) named;\n"
    )
}

/// The statement that reads a table's rows.
fn contents(table: &str, columns: &[String]) -> String {
    let columns: Vec<String> =
        columns.iter().map(|column| format!("rehearsed.{column}::text")).collect();
    format!(
        "select {}, array_to_json(array[{}]::text[])::text from only {table} rehearsed \
         limit {ROWS_MAX};\n",
        crate::sql::literal(table),
        columns.join(", ")
    )
}

impl fmt::Display for RowChange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Gone { row } => write!(f, "gone: {}", listed(row)),
            Self::New { row } => write!(f, "new: {}", listed(row)),
            Self::Changed { key, columns } => {
                let columns: Vec<String> = columns
                    .iter()
                    .map(|ColumnChange { column, before, after }| {
                        format!(
                            "{column} {} became {}",
                            quoted_value(before.as_deref()),
                            quoted_value(after.as_deref())
                        )
                    })
                    .collect();
                write!(f, "changed: {}: {}", listed(key), columns.join(", "))
            }
        }
    }
}

/// Values in a sentence.
pub(crate) fn listed(values: &[(String, Option<String>)]) -> String {
    let told = values
        .iter()
        .map(|(column, value)| format!("{column} = {}", quoted_value(value.as_deref())));
    told.collect::<Vec<_>>().join(", ")
}

/// A value in a sentence: as a literal, cut if it is long.
pub(crate) fn quoted_value(value: Option<&str>) -> String {
    let Some(value) = value else { return "NULL".to_owned() };
    let cut = value.char_indices().nth(VALUE_CHARACTERS_MAX).map(|(end, _)| &value[..end]);
    // A line break would end the note, and a terminal would obey the rest.
    let visible = |c: char| if c.is_control() { '·' } else { c };
    let literal =
        crate::sql::literal(&cut.unwrap_or(value).chars().map(visible).collect::<String>());
    if cut.is_some() { format!("{literal} …") } else { literal }
}

#[cfg(test)]
mod tests {
    use super::*;
    use pretty_assertions::assert_eq;

    /// A table from `columns; key; row; row`, all in words.
    fn detail(text: &str) -> Detail {
        let mut parts = text.split("; ");
        let words = |part: &str| part.split_whitespace().map(str::to_owned).collect::<Vec<_>>();
        let columns = words(parts.next().unwrap());
        let key = words(parts.next().unwrap());
        let value = |word: &String| (word != "NULL").then(|| word.clone());
        let rows = parts.map(|row| words(row).iter().map(value).collect()).collect();
        Detail { columns, key, rows }
    }

    fn check(before: &str, after: &str, sentences: &[&str]) {
        let changes = detail(before).changes(&detail(after));
        let said: Vec<String> = changes.iter().map(ToString::to_string).collect();
        assert_eq!(said, sentences);
    }

    #[test]
    fn rows_are_told_by_their_key() {
        check("id name; id; 1 a; 2 b", "id name; id; 2 b; 1 a", &[]);
        check(
            "id name at; id; 1 a x; 2 b y; 3 c z",
            "id name at; id; 2 b y; 3 NULL w; 4 d v",
            &[
                "gone: id = '1', name = 'a', at = 'x'",
                "changed: id = '3': name 'c' became NULL, at 'z' became 'w'",
                "new: id = '4', name = 'd', at = 'v'",
            ],
        );
    }

    #[test]
    fn rows_without_a_key_come_and_go() {
        check("a b; ; 1 x; 1 x", "a b; ; 1 x; 1 x; 1 x", &["new: a = '1', b = 'x'"]);
        check("a b; ; 1 x", "a b; ; 1 y", &["gone: a = '1', b = 'x'", "new: a = '1', b = 'y'"]);
    }

    #[test]
    fn columns_can_be_left_out() {
        let without = |left_out: &str| {
            let [before, after] = ["id a b; id; 1 x y", "id a b; id; 1 z w"].map(detail);
            let changes = before
                .without(|column| column == left_out)
                .changes(&after.without(|column| column == left_out));
            changes.iter().map(ToString::to_string).collect::<Vec<_>>()
        };
        assert_eq!(without("a"), ["changed: id = '1': b 'y' became 'w'"]);
        assert_eq!(without("id"), ["gone: a = 'x', b = 'y'", "new: a = 'z', b = 'w'"]);
    }

    #[test]
    fn of_columns_only_those_count_that_both_have() {
        check("id a; id; 1 x", "id b; id; 1 y", &[]);
    }

    #[test]
    fn long_values_are_cut() {
        let long = format!("{}{}", "é".repeat(60), "more");
        assert_eq!(quoted_value(Some(&long)), format!("'{}' …", "é".repeat(60)));
        assert_eq!(quoted_value(Some("a\nb\u{1b}[31m")), "'a·b·[31m'");
        assert_eq!(quoted_value(Some("it's")), "'it''s'");
    }
}
