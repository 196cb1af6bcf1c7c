//! The tool's session: opened as the tool opens it, given texts until a deadline, and looked at
//! between files for what they left behind.

mod delivery;

use std::time::Duration;

use futures_util::TryStreamExt as _;
use sqlx::postgres::{PgConnection, PgDatabaseError, PgErrorPosition};
use sqlx::{AssertSqlSafe, Either, Row as _};
use tokio::time::{Instant, timeout, timeout_at};

use super::Stage;
use super::look::look;
use crate::server::{Scratch, disk_full_help};
use crate::source::{Format, LostTransaction, Sessions};
use crate::sql::{character_offset, literal};
use crate::trace::{Cause, Failure, Leak, Point, Session, Transaction};
use crate::{Error, Result};

/// How often we look, while we wait for an answer, whether there is still a server to give it.
const GLANCE: Duration = Duration::from_secs(1);

/// How long a cancelled statement may take to end.
const PATIENCE: Duration = Duration::from_secs(5);

/// A connection to a scratch database, as the migration tool would have it.
pub(super) struct Player<'a> {
    stage: &'a Stage<'a>,
    /// By whose rules it plays.
    format: &'static Format,
    connection: PgConnection,
    /// The server's process for this connection.
    backend: i32,
    /// When the text that is being played must have ended.
    deadline: Instant,
    /// False once the server or the network ended the connection.
    alive: bool,
    state: Session,
}

/// How much is asked of a file that fails.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Thoroughness {
    /// What the tool does.
    UntilFailure,
    /// Which statements fail at all.
    EveryStatement,
}

/// How far a text got, and what stopped it.
struct Stopped {
    completed: usize,
    by: Stop,
}

enum Stop {
    Error(sqlx::Error),
    Deadline,
}

impl<'a> Player<'a> {
    /// The connection of the chain's tool, as it is before the first file.
    pub(super) async fn connect(stage: &'a Stage<'a>, scratch: &Scratch) -> Result<Self> {
        let mut player = Self::connect_by(stage, scratch, stage.project.chain.format).await?;
        player.settle().await?;
        Ok(player)
    }

    /// A connection as the tool of this format would have it. It is not looked at: of other tools
    /// than the chain's, nobody asks what they leave behind.
    pub(super) async fn connect_by(
        stage: &'a Stage<'a>,
        scratch: &Scratch,
        format: &'static Format,
    ) -> Result<Self> {
        let role = stage.project.config.postgres.role;
        let mut connection = scratch.player(role, format.float_digits).await?;
        let opening = opening(format.forced);
        let backend = crate::server::value(&mut connection, &opening).await?;
        let backend = backend.parse().unwrap_or_default();
        let deadline = Instant::now() + stage.limit;
        let mut player = Self {
            stage,
            format,
            connection,
            backend,
            deadline,
            alive: true,
            state: Session::default(),
        };
        player.restore().await?;
        Ok(player)
    }

    pub(super) fn is_alive(&self) -> bool {
        self.alive
    }

    /// The server's process for it.
    pub(super) fn backend(&self) -> i32 {
        self.backend
    }

    /// Sends what somebody else says in this session, whose business it is what a failure does to
    /// the transaction.
    pub(super) async fn pass_on(&mut self, sql: &str) -> Result<Result<(), Failure>> {
        self.deadline = Instant::now() + self.stage.limit;
        match self.send(sql).await {
            Ok(()) => Ok(Ok(())),
            Err(stopped) => self.failure(stopped.by, sql).await.map(Err),
        }
    }

    /// The transaction in which the session is.
    pub(super) async fn transaction(&mut self) -> Transaction {
        self.look().await.map_or(Transaction::None, |now| now.transaction)
    }

    /// Prepares the session for the next file, if the tool does so.
    pub(super) async fn restore(&mut self) -> Result<Vec<Failure>> {
        match self.format.sessions {
            Sessions::Beside { restore } => {
                Ok(self.keep_book(restore).await?.err().into_iter().collect())
            }
            Sessions::PerBoot | Sessions::PerFile => Ok(Vec::new()),
        }
    }

    /// Sends the tool's own bookkeeping, if there is any.
    pub(super) async fn keep_book(&mut self, sql: &str) -> Result<Result<(), Failure>> {
        if sql.is_empty() {
            return Ok(Ok(()));
        }
        if let Some(failure) = self.refuses_begin(sql) {
            // The tool gives up the connection, and what is open on it.
            self.rest_in_peace().await;
            self.state.transaction = Transaction::None;
            return Ok(Err(failure));
        }
        self.deadline = Instant::now() + self.stage.limit;
        let Err(stopped) = self.send(sql).await else { return Ok(Ok(())) };
        let mut failure = self.failure(stopped.by, sql).await?;
        failure.at = Point::Ledger;
        self.rest_in_peace().await;
        Ok(Err(failure))
    }

    /// What the tool says instead of a BEGIN, if a file left a transaction open.
    fn refuses_begin(&self, sql: &str) -> Option<Failure> {
        let Some(LostTransaction::InState(refusal)) = self.format.lost_transaction else {
            return None;
        };
        if !sql.to_lowercase().starts_with("begin") {
            return None;
        }
        let state = match self.state.transaction {
            Transaction::None => return None,
            Transaction::Open => "idle in transaction",
            Transaction::Aborted => "in a failed transaction",
        };
        let message = format!("{refusal} {state}");
        Some(Failure::new(Point::Session, Cause::OpenTransaction, message))
    }

    /// Reads the tool's own bookkeeping: rows of one text column, without those that are NULL.
    pub(super) async fn read_book(&mut self, sql: &str) -> Result<Result<Vec<String>, Failure>> {
        let query = sqlx::raw_sql(AssertSqlSafe(sql)).fetch_all(&mut self.connection);
        let deadline = Instant::now() + self.stage.limit;
        let rows = within(self.stage, self.backend, deadline, query).await;
        let values = rows.and_then(|rows| {
            rows.iter()
                .map(|row| row.try_get::<Option<String>, _>(0))
                .collect::<Result<Vec<_>, _>>()
                .map_err(Stop::Error)
        });
        match values {
            Ok(values) => Ok(Ok(values.into_iter().flatten().collect())),
            Err(stop) => {
                let mut failure = self.failure(stop, sql).await?;
                failure.at = Point::Ledger;
                Ok(Err(failure))
            }
        }
    }

    /// Takes the session as it is now for the one that the next file finds.
    pub(super) async fn settle(&mut self) -> Result<()> {
        let now = self.look().await;
        self.state =
            now.map_err(|error| Error::new("failed to look at the session").caused_by(error))?;
        Ok(())
    }

    /// What the files since the last look left behind in the session.
    /// A session that answers no more has failed with the file.
    pub(super) async fn leaks(&mut self) -> Result<Result<Vec<Leak>, Failure>> {
        if !self.alive {
            return Ok(Ok(Vec::new()));
        }
        match self.look().await {
            Ok(now) => {
                let leaks = now.leaks_since(&self.state);
                self.state = now;
                Ok(Ok(leaks))
            }
            Err(error) => {
                let failure = self.failure(Stop::Error(error), "").await?;
                self.alive = false;
                let said = &failure.message;
                let message = format!("the session is of no use after this file: {said}");
                Ok(Err(Failure { at: Point::Session, message, ..failure }))
            }
        }
    }

    /// Sends a text as one message, until the deadline.
    async fn send(&mut self, text: &str) -> Result<(), Stopped> {
        let mut completed = 0;
        let connection = &mut self.connection;
        let all = async {
            let mut replies = sqlx::raw_sql(AssertSqlSafe(text)).fetch_many(connection);
            while let Some(reply) = replies.try_next().await? {
                // Each statement ends with its own CommandComplete; rows are of no interest.
                if let Either::Left(_) = reply {
                    completed += 1;
                }
            }
            Ok(())
        };
        match within(self.stage, self.backend, self.deadline, all).await {
            Ok(()) => Ok(()),
            Err(by) => Err(Stopped { completed, by }),
        }
    }

    async fn copy_out(&mut self, statement: &str) -> Result<(), Stopped> {
        let connection = &mut self.connection;
        let all = async {
            let mut rows = connection.copy_out_raw(statement).await?;
            while rows.try_next().await?.is_some() {}
            Ok(())
        };
        let sent = within(self.stage, self.backend, self.deadline, all).await;
        sent.map_err(|by| Stopped { completed: 0, by })
    }

    async fn copy_in(&mut self, statement: &str, data: &str) -> Result<(), Stopped> {
        let connection = &mut self.connection;
        let all = async {
            let mut sink = connection.copy_in_raw(statement).await?;
            sink.send(data.as_bytes()).await?;
            sink.finish().await.map(drop)
        };
        let sent = within(self.stage, self.backend, self.deadline, all).await;
        sent.map_err(|by| Stopped { completed: 0, by })
    }

    /// Turns what stopped a text into the project's failure, unless it is the harness's own.
    async fn failure(&mut self, by: Stop, text: &str) -> Result<Failure> {
        // Whoever calls knows the point better.
        let at = Point::Commit;
        let error = match by {
            Stop::Error(error) => error,
            Stop::Deadline => {
                self.alive = false;
                self.stage.server.assert_alive().await?;
                let message = format!("did not end within {} s", self.stage.limit.as_secs());
                return Ok(Failure::new(at, Cause::TimedOut, message));
            }
        };
        let said = error.as_database_error();
        let Some(said) = said.and_then(|error| error.try_downcast_ref::<PgDatabaseError>()) else {
            self.alive = false;
            self.stage.server.assert_alive().await?;
            let message = format!("the connection ended: {error}");
            return Ok(Failure::new(at, Cause::Disconnected, message));
        };
        if said.code() == "53100" {
            return Err(
                Error::new(format!("the disk is full: {}", said.message())).help(disk_full_help())
            );
        }
        if said.code().starts_with("57P") {
            // The session was ended by an administrator's command, or the server is going down.
            self.alive = false;
            self.stage.server.assert_alive().await?;
        }
        let offset = match said.position() {
            Some(PgErrorPosition::Original(position)) => character_offset(text, position),
            _ => None,
        };
        Ok(Failure {
            offset,
            sqlstate: said.code().to_owned(),
            detail: said.detail().map(str::to_owned),
            hint: said.hint().map(str::to_owned),
            context: said.r#where().map(str::to_owned),
            column: said.column().map(str::to_owned),
            ..Failure::new(at, Cause::Postgres, said.message())
        })
    }

    /// Ends the transaction that a failed file may have left.
    async fn rest_in_peace(&mut self) {
        if self.alive {
            // Without a transaction this is a warning.
            self.alive = crate::server::run(&mut self.connection, "ROLLBACK").await.is_ok();
        }
    }

    async fn look(&mut self) -> Result<Session, sqlx::Error> {
        look(&mut self.connection, &self.stage.custom_settings, &self.state).await
    }
}

/// Undoes what our driver says at connect and the tool's does not: ours sets the time zone and the
/// style of dates, over those that the chain may have given the database or the role. These come
/// in the order of precedence, so that the last one holds: a subquery that is sorted is read in its
/// order.
fn opening(forced: &[&str]) -> String {
    let ours = ["timezone", "datestyle"].into_iter().filter(|setting| !forced.contains(setting));
    let ours = ours.map(literal).collect::<Vec<_>>().join(", ");
    format!(
        "SELECT pg_catalog.pg_backend_pid(), pg_catalog.count(pg_catalog.set_config(
                  split_part(entry, '=', 1), substr(entry, strpos(entry, '=') + 1), false))
           FROM (SELECT entry FROM pg_catalog.pg_db_role_setting
                  CROSS JOIN LATERAL pg_catalog.unnest(setconfig) AS entry
                  WHERE setdatabase IN (0, (SELECT oid FROM pg_catalog.pg_database
                                             WHERE datname = pg_catalog.current_database()))
                    AND setrole IN
                        (0, pg_catalog.quote_ident(session_user::text)::pg_catalog.regrole::oid)
                    AND lower(split_part(entry, '=', 1)) = ANY (ARRAY[{ours}]::text[])
                  ORDER BY setrole <> 0, setdatabase <> 0 OFFSET 0) AS given"
    )
}

/// Waits for the server's answer until the deadline. Then the statement is cancelled, so
/// that the server says how far it got; a session that doesn't listen is ended.
async fn within<T>(
    stage: &Stage<'_>,
    backend: i32,
    deadline: Instant,
    all: impl Future<Output = Result<T, sqlx::Error>>,
) -> Result<T, Stop> {
    tokio::pin!(all);
    while Instant::now() < deadline {
        let glance = deadline.min(Instant::now() + GLANCE);
        if let Ok(done) = timeout_at(glance, &mut all).await {
            return done.map_err(Stop::Error);
        }
        if stage.server.has_ended() {
            return Err(Stop::Deadline);
        }
    }
    // Should the server be gone, then that is what the next question to it will tell.
    let _ = stage.server.cancel(backend).await;
    if timeout(PATIENCE, &mut all).await.is_err() {
        let _ = stage.server.terminate(backend).await;
    }
    Err(Stop::Deadline)
}
