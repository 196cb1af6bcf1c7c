//! The NULLs of columns: how many there are, and the keys of a few rows that have one.

use super::detail::{listed, shapes};
use super::reader::{failed, number, send, text};
use crate::Result;
use sqlx::postgres::PgConnection;
use std::collections::{BTreeMap, BTreeSet};

/// How many rows are told by their keys.
const KEYS_MAX: usize = 3;

/// The rows of a table in which a column is NULL.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Nulls {
    pub(crate) count: u64,
    /// How many rows there are at all.
    pub(crate) of: u64,
    /// The keys of the first ones, as far as the table has a key.
    pub(crate) keys: Vec<String>,
}

impl Nulls {
    /// Reads them for columns, each given with its table, in their order. A partitioned table
    /// counts with its partitions. The connection must not be inside a transaction.
    pub(crate) async fn read(
        connection: &mut PgConnection,
        columns: &[(String, String)],
    ) -> Result<Vec<Self>> {
        let mut message = String::new();
        for (place, (table, column)) in columns.iter().enumerate() {
            message += &format!(
                "select {place}, count(*), count(*) - count(rehearsed.{column}) \
                 from {table} rehearsed;\n"
            );
        }
        let mut nulls = vec![Self::default(); columns.len()];
        if message.is_empty() {
            return Ok(nulls);
        }
        for row in &send(connection, message).await? {
            let one = &mut nulls[number::<usize>(row, 0)?];
            (one.of, one.count) = (number(row, 1)?, number(row, 2)?);
        }
        read_keys(connection, columns, &mut nulls).await?;
        Ok(nulls)
    }
}

async fn read_keys(
    connection: &mut PgConnection,
    columns: &[(String, String)],
    nulls: &mut [Nulls],
) -> Result<()> {
    let left = || columns.iter().enumerate().filter(|(place, _)| nulls[*place].count > 0);
    let tables = left().map(|(_, (table, _))| table.as_str()).collect::<BTreeSet<_>>();
    if tables.is_empty() {
        return Ok(());
    }
    let mut keys = BTreeMap::new();
    for row in &send(connection, shapes(tables)).await? {
        let key = serde_json::from_str(text(row, 2)?.unwrap_or("[]")).map_err(failed)?;
        keys.insert(text(row, 0)?.unwrap_or_default().to_owned(), key);
    }
    let mut message = String::new();
    for (place, (table, column)) in left() {
        let key: &Vec<String> = &keys[table];
        if key.is_empty() {
            continue;
        }
        let of = |part: &String| format!("rehearsed.{part}");
        let order = key.iter().map(of).collect::<Vec<_>>().join(", ");
        let values = key.iter().map(|part| of(part) + "::text").collect::<Vec<_>>().join(", ");
        message += &format!(
            "(select {place}, array_to_json(array[{values}])::text from {table} rehearsed \
             where rehearsed.{column} is null order by {order} limit {KEYS_MAX});\n"
        );
    }
    if message.is_empty() {
        return Ok(());
    }
    for row in &send(connection, message).await? {
        let place = number::<usize>(row, 0)?;
        let values: Vec<Option<String>> =
            serde_json::from_str(text(row, 1)?.unwrap_or("[]")).map_err(failed)?;
        let named = keys[&columns[place].0].iter().cloned().zip(values).collect::<Vec<_>>();
        nulls[place].keys.push(listed(&named));
    }
    Ok(())
}
