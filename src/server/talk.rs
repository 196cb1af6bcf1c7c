//! How we talk to a server: sessions, and SQL of our own, which has no reason to fail.

use sqlx::postgres::{PgConnectOptions, PgConnection, PgRow};
use sqlx::{AssertSqlSafe, ConnectOptions as _, Executor as _, Row as _};

use super::disk_full_help;
use crate::error::sqlstate;
use crate::{Error, Result};

pub(crate) async fn connect(options: &PgConnectOptions) -> Result<PgConnection> {
    // With all that TLS may ask for, it would make every future large that awaits it.
    Box::pin(options.connect())
        .await
        .map_err(|error| Error::new("failed to connect to the server").caused_by(error))
}

/// Runs SQL of our own, which has no reason to fail.
pub(crate) async fn run(connection: &mut PgConnection, sql: &str) -> Result<()> {
    connection
        .execute(sqlx::raw_sql(AssertSqlSafe(sql)))
        .await
        .map(drop)
        .map_err(|error| failed(sql, error))
}

/// The single value that SQL of our own gives, as text.
pub(crate) async fn value(connection: &mut PgConnection, sql: &str) -> Result<String> {
    let row = sqlx::raw_sql(AssertSqlSafe(sql))
        .fetch_one(connection)
        .await
        .map_err(|error| failed(sql, error))?;
    // A simple message answers in text, whatever the type.
    row.try_get_unchecked(0).map_err(|error| failed(sql, error))
}

/// The rows that SQL of our own gives, as text.
pub(super) async fn rows(
    connection: &mut PgConnection,
    sql: &str,
) -> Result<Vec<Vec<Option<String>>>> {
    let rows = sqlx::raw_sql(AssertSqlSafe(sql)).fetch_all(connection).await;
    let rows = rows.map_err(|error| failed(sql, error))?;
    let texts = |row: &PgRow| {
        (0..row.len()).map(|column| row.try_get_unchecked(column)).collect::<Result<_, _>>()
    };
    rows.iter().map(texts).collect::<Result<_, _>>().map_err(|error| failed(sql, error))
}

pub(super) fn failed(sql: &str, error: sqlx::Error) -> Error {
    let full = sqlstate(&error) == "53100";
    let first_line = sql.trim().lines().next().unwrap_or_default();
    let failed = Error::new(format!("failed to run `{first_line}`")).caused_by(error);
    if full { failed.help(disk_full_help()) } else { failed }
}
