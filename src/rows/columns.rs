//! Columns, by what decides whether their values can be compared between databases and whether an
//! app may change them; and digests of columns, which tell in which of them two databases differ.

use super::reader::{failed, send, text};
use crate::Result;
use serde::de::DeserializeOwned;
use sqlx::postgres::{PgConnection, PgRow};
use std::collections::{BTreeMap, BTreeSet};

const COLUMNS: &str = include_str!("columns.sql");

/// A column of a table that holds rows.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Column {
    /// The table's qualified name, and its own, quoted as Postgres would.
    pub(crate) table: String,
    pub(crate) name: String,
    /// Of a domain, what lies below it.
    pub(crate) of_type: String,
    /// By the letter that Postgres has for it.
    pub(crate) category: String,
    /// How many characters fit, where that is limited.
    pub(crate) characters_max: Option<usize>,
    /// Whether rows are kept apart by it, be it among others.
    pub(crate) is_in_key: bool,
    pub(crate) filled: Filled,
    /// Whether its values are counted by a sequence, where nobody says them.
    pub(crate) is_counted: bool,
    /// The columns to which it refers, as table and column.
    pub(crate) refers_to: Vec<(String, String)>,
    /// The columns of its table from which it is generated.
    pub(crate) generated_from: Vec<String>,
    /// Values that it surely may have, as text.
    pub(crate) known_values: Vec<String>,
    /// Its place in the key by which the table's rows are told apart.
    pub(crate) key_place: Option<usize>,
}

/// What fills a column of which an INSERT says nothing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Filled {
    #[default]
    NotAtAll,
    ByDefault,
    /// By a default that is another value each time.
    ByVolatileDefault,
    /// It is generated, or an identity, and nothing else may fill it.
    ByPostgres,
}

/// The columns of a database, table by table and in their order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Columns(Vec<Column>);

/// What two databases are compared by, column by column.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct ColumnDigest {
    /// Of its values, in whatever rows they are.
    pub(crate) values: String,
    /// Of its values, each together with its row's key.
    pub(crate) placed: String,
}

impl Columns {
    /// Reads them. The connection must not be inside a transaction.
    pub(crate) async fn read(connection: &mut PgConnection) -> Result<Self> {
        let rows = send(connection, COLUMNS.to_owned()).await?;
        rows.iter().map(column).collect::<Result<_>>().map(Self)
    }

    /// The tables that have any.
    pub(crate) fn tables(&self) -> BTreeSet<&str> {
        self.0.iter().map(|column| column.table.as_str()).collect()
    }

    /// The columns of a table.
    pub(crate) fn of<'a, 'b>(
        &'a self,
        table: &'b str,
    ) -> impl Iterator<Item = &'a Column> + use<'a, 'b> {
        self.0.iter().filter(move |column| column.table == table)
    }

    /// The columns by which a table's rows are told apart, in their order.
    pub(crate) fn key_of(&self, table: &str) -> Vec<&str> {
        let mut key: Vec<_> = self.of(table).filter(|it| it.key_place.is_some()).collect();
        key.sort_by_key(|column| column.key_place);
        key.into_iter().map(|column| column.name.as_str()).collect()
    }

    /// The columns, as table and column, whose values can't be the same in two databases: those
    /// with a default that is another value each time, those that `ignored` says yes to, and those
    /// that take their values from such ones.
    pub(crate) fn aside(&self, ignored: impl Fn(&str, &str) -> bool) -> BTreeSet<(String, String)> {
        self.closure(|it| it.filled == Filled::ByVolatileDefault || ignored(&it.table, &it.name))
    }

    /// Some columns, as table and column, and those that take their values from them.
    pub(crate) fn closure(&self, is_one: impl Fn(&Column) -> bool) -> BTreeSet<(String, String)> {
        let place = |column: &Column| (column.table.clone(), column.name.clone());
        let ones = self.0.iter().filter(|column| is_one(column));
        let mut aside: BTreeSet<_> = ones.map(place).collect();
        loop {
            let follows = |column: &&Column| {
                let generated =
                    column.generated_from.iter().map(|from| (column.table.clone(), from.clone()));
                let mut sources = column.refers_to.iter().cloned().chain(generated);
                sources.any(|source| aside.contains(&source)) && !aside.contains(&place(column))
            };
            let more: Vec<_> = self.0.iter().filter(follows).map(place).collect();
            if more.is_empty() {
                return aside;
            }
            aside.extend(more);
        }
    }

    /// Digests the columns of some tables but for those that are put aside, by table and column.
    /// The connection must not be inside a transaction.
    pub(crate) async fn digests(
        &self,
        connection: &mut PgConnection,
        tables: &BTreeSet<String>,
        aside: &BTreeSet<(String, String)>,
    ) -> Result<BTreeMap<String, BTreeMap<String, ColumnDigest>>> {
        let is_kept =
            |it: &&str, table: &str| !aside.contains(&(table.to_owned(), (*it).to_owned()));
        let kept = |table: &String| {
            let names = self.of(table).map(|column| column.name.as_str());
            (table.clone(), names.filter(|name| is_kept(name, table)).collect::<Vec<_>>())
        };
        let kept: BTreeMap<_, _> = tables.iter().map(kept).collect();
        let mut message = String::new();
        for (table, columns) in kept.iter().filter(|(_, columns)| !columns.is_empty()) {
            let key = self.key_of(table);
            let is_whole = key.iter().all(|name| is_kept(name, table));
            message += &digest(table, columns, if is_whole { &key } else { &[] });
        }
        let mut digests = BTreeMap::new();
        if message.is_empty() {
            return Ok(digests);
        }
        for row in &send(connection, message).await? {
            let table = text(row, 0)?.unwrap_or_default().to_owned();
            let (values, placed): (Vec<String>, Vec<String>) = (json(row, 1)?, json(row, 2)?);
            let pairs = values.into_iter().zip(placed);
            let pairs = pairs.map(|(values, placed)| ColumnDigest { values, placed });
            let names = kept[&table].iter().map(|name| (*name).to_owned());
            digests.insert(table, names.zip(pairs).collect());
        }
        Ok(digests)
    }
}

/// The statement that digests columns, as sums of hashes, which don't depend on the order of rows.
fn digest(table: &str, columns: &[&str], key: &[&str]) -> String {
    let sum = |hashed: &str| {
        format!("coalesce(sum(hashtextextended({hashed}::text collate \"C\", 0)), 0)::text")
    };
    let values = columns.iter().map(|name| sum(&format!("rehearsed.{name}")));
    let placed = columns.iter().map(|name| {
        let row = key.iter().chain([name]).map(|name| format!("rehearsed.{name}"));
        sum(&format!("row({})", row.collect::<Vec<_>>().join(", ")))
    });
    let array = |sums: Vec<String>| format!("array_to_json(array[{}])::text", sums.join(", "));
    format!(
        "select {}, {}, {} from only {table} rehearsed;\n",
        crate::sql::literal(table),
        array(values.collect()),
        array(placed.collect())
    )
}

fn column(row: &PgRow) -> Result<Column> {
    let string = |index| text(row, index).map(|it| it.unwrap_or_default().to_owned());
    let number = |index| -> Result<Option<usize>> {
        text(row, index)?.map(str::parse).transpose().map_err(failed)
    };
    Ok(Column {
        table: string(0)?,
        name: string(1)?,
        of_type: string(2)?,
        category: string(3)?,
        characters_max: number(4)?,
        is_in_key: text(row, 5)? == Some("true"),
        filled: match text(row, 6)? {
            Some("default") => Filled::ByDefault,
            Some("volatile") => Filled::ByVolatileDefault,
            Some(_) => Filled::ByPostgres,
            None => Filled::NotAtAll,
        },
        refers_to: json(row, 7)?,
        generated_from: json(row, 8)?,
        known_values: json(row, 9)?,
        key_place: number(10)?,
        is_counted: text(row, 11)? == Some("true"),
    })
}

/// A list that the server has written as JSON, whose text form is unambiguous.
fn json<T: DeserializeOwned>(row: &PgRow, index: usize) -> Result<Vec<T>> {
    serde_json::from_str(text(row, index)?.unwrap_or("[]")).map_err(failed)
}

#[cfg(test)]
mod tests {
    use super::*;
    use pretty_assertions::assert_eq;

    fn column(name: &str) -> Column {
        let (table, name) = name.split_once('.').expect("table and column");
        Column { table: table.to_owned(), name: name.to_owned(), ..Column::default() }
    }

    #[test]
    fn what_takes_its_values_from_a_volatile_default_is_put_aside_with_it() {
        let refers = |name: &str, table: &str, to: &str| Column {
            refers_to: vec![(table.to_owned(), to.to_owned())],
            ..column(name)
        };
        let columns = Columns(vec![
            refers("c.b_id", "b", "a_id"),
            Column { filled: Filled::ByVolatileDefault, ..column("a.id") },
            column("a.name"),
            refers("b.a_id", "a", "id"),
            Column { generated_from: vec!["a_id".to_owned()], ..column("b.text") },
            column("b.at"),
        ]);
        let aside = columns.aside(|table, name| (table, name) == ("b", "at"));
        let names: Vec<_> = aside.iter().map(|(table, name)| format!("{table}.{name}")).collect();
        assert_eq!(names, ["a.id", "b.a_id", "b.at", "b.text", "c.b_id"]);
    }

    #[test]
    fn a_key_is_in_its_own_order() {
        let keyed = |name: &str, place| Column { key_place: Some(place), ..column(name) };
        let columns = Columns(vec![keyed("a.x", 2), column("a.y"), keyed("a.z", 1)]);
        assert_eq!(columns.key_of("a"), ["z", "x"]);
    }
}
