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

/// Why nobody knows how often rows were written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Uncounted {
    /// Nobody has asked.
    Unasked,
    /// This version can't tell it in time.
    ByVersion,
    /// Somebody else has stayed connected, as on a server that is watched: what they have written
    /// is not in yet, and what we have written can't be told from it.
    InCompany,
}

const WRITES: &str = include_str!("writes.sql");

/// The other clients of this database, where its numbers can be relied upon (from Postgres 15 on).
/// Whoever isn't a superuser is not told what the sessions of others are.
const CLIENTS: &str = "
select (
    select pg_catalog.count(*)
    from pg_catalog.pg_stat_activity
    where datname = pg_catalog.current_database()
        and pid <> pg_catalog.pg_backend_pid()
        and coalesce(backend_type, 'client backend') = 'client backend'
)::text
where pg_catalog.current_setting('server_version_num')::int >= 150000;
";

/// A server takes milliseconds to notice that a client is gone.
const PATIENCE: Duration = Duration::from_secs(5);

impl Writes {
    /// Reads what sessions that have ended wrote, where Postgres can tell it reliably.
    /// The connection must not be inside a transaction, which would keep reading the first answer.
    pub(crate) async fn read(connection: &mut PgConnection) -> Result<Result<Self, Uncounted>> {
        if let Some(uncounted) = wait_to_be_alone(connection).await? {
            return Ok(Err(uncounted));
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
        Ok(Ok(writes))
    }

    /// What was written since an earlier reading, without the tables that were not.
    pub(crate) fn since(&self, earlier: &Self) -> BTreeMap<String, TableWrites> {
        let tables = self.tables.iter().map(|(table, now)| {
            let then = earlier.tables.get(table).copied().unwrap_or_default();
            let writes = TableWrites {
                inserted: now.inserted.saturating_sub(then.inserted),
                updated: now.updated.saturating_sub(then.updated),
                deleted: now.deleted.saturating_sub(then.deleted),
            };
            (table.clone(), writes)
        });
        tables.filter(|(_, writes)| *writes != TableWrites::default()).collect()
    }
}

/// Waits until the numbers of all other sessions are in; says why, where they never surely are.
async fn wait_to_be_alone(connection: &mut PgConnection) -> Result<Option<Uncounted>> {
    let start = Instant::now();
    loop {
        let rows = send(connection, CLIENTS.to_owned()).await?;
        let Some(clients) = rows.first() else { return Ok(Some(Uncounted::ByVersion)) };
        if number::<u64>(clients, 0)? == 0 {
            return Ok(None);
        }
        if start.elapsed() > PATIENCE {
            return Ok(Some(Uncounted::InCompany));
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
