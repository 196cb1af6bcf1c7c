//! A scratch database in the hands of a user.

use std::fmt;
use std::sync::Arc;

use sqlx::{AssertSqlSafe, Executor as _};
use tokio::sync::{mpsc, oneshot};

use super::lasting::aside;
use super::scratch::with_settings;
use super::{Scratch, Server, connect};
use crate::catalog::Belongings;
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
    /// What a tool keeps in it for itself, if it is known.
    ledger: Option<Arc<Belongings>>,
    /// The settings that its sessions begin with.
    settings: Vec<(String, String)>,
    /// Who executes what it is given, where that is done in a session of theirs.
    session: Option<mpsc::UnboundedSender<Request>>,
    /// Ends when the last one who needs it does.
    #[cfg_attr(not(feature = "cli"), expect(dead_code, reason = "it is there to be dropped"))]
    stay: Option<Arc<Stay>>,
}

/// SQL for whoever has the session of a lent database, and where the answer is awaited.
pub(crate) struct Request {
    pub(crate) sql: String,
    pub(crate) answer: oneshot::Sender<Result<()>>,
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
        Self { scratch, role, ledger: None, settings: Vec::new(), session: None, stay: None }
    }

    /// A database whose server somebody else holds, and a session too: what is executed here is
    /// asked of them, for as long as they listen. Other sessions begin with these settings.
    pub(crate) fn lent_in_session(
        scratch: Scratch,
        role: Role,
        settings: Vec<(String, String)>,
    ) -> (Self, mpsc::UnboundedReceiver<Request>) {
        let (session, requests) = mpsc::unbounded_channel();
        (Self { settings, session: Some(session), ..Self::lent(scratch, role) }, requests)
    }

    /// A database with the server to which it belongs.
    pub(crate) fn owned(
        scratch: Scratch,
        role: Role,
        ledger: Option<Belongings>,
        server: Arc<Server>,
    ) -> Self {
        let stay = Stay { server, scratch: scratch.clone() };
        let ledger = ledger.map(Arc::new);
        Self { ledger, stay: Some(Arc::new(stay)), ..Self::lent(scratch, role) }
    }

    pub(crate) fn ledger(&self) -> Option<&Belongings> {
        self.ledger.as_deref()
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
        with_settings(&self.scratch.url_of(self.role), &self.settings)
    }

    /// Executes SQL in a session of its own, as many statements as the text has. In a closure that
    /// seeds, all that is executed so is one transaction.
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
        if let Some(session) = &self.session {
            let closed = || {
                Error::new("the database is closed: the closure has ended that it was given to")
                    .help("let the closure await all that uses its Database")
            };
            let (answer, answered) = oneshot::channel();
            let request = Request { sql: sql.to_owned(), answer };
            session.send(request).map_err(|_| closed())?;
            return answered.await.map_err(|_| closed())?;
        }
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
        let login = self.scratch.login(self.role).clone();
        let settings = self.settings.iter().map(|(name, value)| (name, value));
        connect(&login.options(settings)).await
    }

    /// What `pg_dump` writes of it.
    #[cfg(feature = "cli")]
    pub(crate) async fn dump(&self, arguments: &[String]) -> Result<String> {
        match &self.stay {
            Some(stay) => stay.server.dump(&self.scratch, arguments).await,
            None => Err(Error::new("a database that is only lent can't be dumped")),
        }
    }

    /// The name of the role that owns what is made in it.
    pub(crate) fn player_name(&self) -> &str {
        self.scratch.player_name(self.role)
    }

    pub(crate) async fn admin(&self) -> Result<sqlx::PgConnection> {
        self.scratch.admin().await
    }
}
