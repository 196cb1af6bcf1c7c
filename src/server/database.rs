//! A scratch database in the hands of a user.

use std::fmt;
use std::sync::Arc;

use sqlx::{AssertSqlSafe, Executor as _};

use super::lasting::aside;
use super::{Scratch, Server, connect};
use crate::config::Role;
use crate::error::words_of_postgres;
use crate::{Error, Result};

/// A throwaway database: one that a project's migrations have made, for a test of one's own; or
/// one that a closure is to migrate.
///
/// The database of [`Rehearsal::database`] is gone when the last clone of this is dropped, its
/// server at the latest when the process ends.
///
/// ```
/// # fn main() -> rehearsal::Result<()> {
/// # let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
/// # runtime.block_on(async {
/// use rehearsal::Rehearsal;
///
/// let database = Rehearsal::of("fixtures/demo").database().await?;
/// assert!(database.url().starts_with("postgresql://"));
/// database.execute("INSERT INTO members (name, email) VALUES ('Ada', 'ada@x.org')").await?;
/// # Ok(())
/// # })
/// # }
/// ```
///
/// [`Rehearsal::database`]: crate::Rehearsal::database
#[derive(Clone)]
pub struct Database {
    scratch: Scratch,
    role: Role,
    /// Ends when the last one who needs it does.
    _stay: Option<Arc<Stay>>,
}

/// A database's time on a server.
struct Stay {
    server: Arc<Server>,
    scratch: Scratch,
}

impl Drop for Stay {
    fn drop(&mut self) {
        // From a server of its own it goes with that.
        if self.server.is_shared() {
            let (server, scratch) = (Arc::clone(&self.server), self.scratch.clone());
            // Where it fails, it is left to those who tidy up.
            let _ = aside(async move { server.drop_database(scratch).await });
        }
    }
}

/// Without its passwords.
impl fmt::Debug for Database {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Database").field("name", &self.scratch.name).finish_non_exhaustive()
    }
}

impl Database {
    /// A database whose server somebody else holds.
    pub(crate) fn lent(scratch: Scratch, role: Role) -> Self {
        Self { scratch, role, _stay: None }
    }

    /// A database with the server to which it belongs.
    pub(crate) fn owned(scratch: Scratch, role: Role, server: Arc<Server>) -> Self {
        let stay = Stay { server, scratch: scratch.clone() };
        Self { scratch, role, _stay: Some(Arc::new(stay)) }
    }

    /// Where it is found, as `postgresql://user:password@host:port/name`. The user is the
    /// database's owner, or the superuser if `rehearsal.toml` says so.
    ///
    /// ```
    /// # fn main() -> rehearsal::Result<()> {
    /// # let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    /// # runtime.block_on(async {
    /// let database = rehearsal::Rehearsal::of("fixtures/demo").database().await?;
    /// assert!(database.url().starts_with("postgresql://rehearsal_owner:"));
    /// # Ok(())
    /// # })
    /// # }
    /// ```
    #[must_use]
    pub fn url(&self) -> String {
        self.scratch.url_of(self.role)
    }

    /// Executes SQL in a session of its own, as many statements as the text has.
    ///
    /// # Errors
    ///
    /// What Postgres says of it.
    ///
    /// ```
    /// # fn main() -> rehearsal::Result<()> {
    /// # let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    /// # runtime.block_on(async {
    /// let database = rehearsal::Rehearsal::of("fixtures/demo").database().await?;
    /// let error = database.execute("SELECT 1/0").await.unwrap_err();
    /// assert_eq!(error.to_string(), "Postgres refuses it: 22012: division by zero");
    /// # Ok(())
    /// # })
    /// # }
    /// ```
    pub async fn execute(&self, sql: &str) -> Result<()> {
        let mut connection = connect(self.scratch.login(self.role)).await?;
        let executed = connection.execute(sqlx::raw_sql(AssertSqlSafe(sql))).await;
        executed.map(drop).map_err(|error| match words_of_postgres(&error) {
            Some(said) => Error::new(format!("Postgres refuses it: {said}")),
            None => Error::new("failed to execute the SQL").caused_by(error),
        })
    }

    /// Opens a connection, as [`url`](Self::url) does.
    ///
    /// # Errors
    ///
    /// When the server is gone, or has no connection left.
    ///
    /// ```
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    /// # runtime.block_on(async {
    /// let database = rehearsal::Rehearsal::of("fixtures/demo").database().await?;
    /// let mut connection = database.connect().await?;
    /// let count: i64 =
    ///     sqlx::query_scalar("SELECT count(*) FROM members").fetch_one(&mut connection).await?;
    /// assert_eq!(count, 0);
    /// # Ok(())
    /// # })
    /// # }
    /// ```
    #[cfg(feature = "sqlx-0_9")]
    pub async fn connect(&self) -> Result<sqlx::PgConnection> {
        connect(self.scratch.login(self.role)).await
    }

    pub(crate) async fn admin(&self) -> Result<sqlx::PgConnection> {
        self.scratch.admin().await
    }
}
