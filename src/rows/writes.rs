//! Writes: how many rows of each table were inserted, updated and deleted since the database was
//! created. It tells what two readings of rows can't: a row that came and went in between, and an
//! update that was rolled back.
//!
//! A scratch database cloned from a template starts at zero. What is reliable, tried on 14 to 18:
//!
//! - From Postgres 15 on, a session's numbers are visible to all once it has ended; they are
//!   flushed before the server takes it off the list of sessions. Hence the reader waits until it
//!   is the only one, and whoever wrote must have disconnected. A session that stays may call
//!   `pg_stat_force_next_flush()` as its last statement, but nothing tells from outside whether it
//!   did.
//! - Postgres 14 has the numbers from a collector process, half a second behind: no numbers.
//! - Of catalogs nothing is told, hence nothing of DDL; nor of TRUNCATE, which replaces the file.

use super::reader::{number, text};
use crate::{Error, Result};
use sqlx::{
    AssertSqlSafe,
    postgres::{PgConnection, PgRow},
};
use std::{
    collections::BTreeMap,
    time::{Duration, Instant},
};

/// The writes of a database by qualified table name, without the tables that were never written.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Writes {
    pub(crate) tables: BTreeMap<String, TableWrites>,
}

/// How many rows of a table were written, rolled back writes included.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct TableWrites {
    pub(crate) inserted: u64,
    pub(crate) updated: u64,
    pub(crate) deleted: u64,
}

const WRITES: &str = include_str!("writes.sql");

/// The sessions of this database, where its numbers can be relied upon (from Postgres 15 on). The
/// reader's own is one; so may be an autovacuum worker's, for a moment.
const SESSIONS: &str = "
select pg_catalog.pg_stat_get_db_numbackends(oid)::text from pg_catalog.pg_database
where datname = pg_catalog.current_database()
    and pg_catalog.current_setting('server_version_num')::int >= 150000;
";

/// A server takes milliseconds to notice that a client is gone.
const PATIENCE: Duration = Duration::from_secs(5);

impl Writes {
    /// Reads what sessions that have ended wrote; `None` where Postgres can't tell reliably (14).
    /// The connection must not be inside a transaction, which would keep reading the first answer.
    pub(crate) async fn read(connection: &mut PgConnection) -> Result<Option<Self>> {
        if !wait_to_be_alone(connection).await? {
            return Ok(None);
        }
        let mut writes = Self::default();
        // The path ends with the transaction that a message of several statements is.
        let message = format!("set local search_path = pg_catalog, pg_temp;{WRITES}");
        for row in &send(connection, message).await? {
            let table = text(row, 0)?.unwrap_or_default();
            let written = TableWrites {
                inserted: number(row, 1)?,
                updated: number(row, 2)?,
                deleted: number(row, 3)?,
            };
            writes.tables.insert(table.to_owned(), written);
        }
        Ok(Some(writes))
    }
}

/// Waits until the numbers of all other sessions are in; false where they never surely are.
async fn wait_to_be_alone(connection: &mut PgConnection) -> Result<bool> {
    let start = Instant::now();
    loop {
        let rows = send(connection, SESSIONS.to_owned()).await?;
        let Some(sessions) = rows.first() else { return Ok(false) };
        let others = number::<u64>(sessions, 0)?.saturating_sub(1);
        if others == 0 {
            return Ok(true);
        }
        if start.elapsed() > PATIENCE {
            return Err(Error::new(format!(
                "failed to read what was written: other sessions are still connected ({others})"
            ))
            .help("close every connection to the database before the writes are counted"));
        }
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
}

async fn send(connection: &mut PgConnection, message: String) -> Result<Vec<PgRow>> {
    sqlx::raw_sql(AssertSqlSafe(message)).fetch_all(connection).await.map_err(failed)
}

fn failed(error: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Error {
    Error::new("failed to read what was written").caused_by(error)
}
