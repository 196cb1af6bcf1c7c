//! The tool's session: opened as the tool opens it, given files as the tool gives them, and looked
//! at between files for what they left behind.

use std::ops::Range;
use std::time::Duration;

use futures_util::TryStreamExt as _;
use sqlx::postgres::{PgConnection, PgDatabaseError, PgErrorPosition};
use sqlx::{AssertSqlSafe, Either, Row as _};
use tokio::time::{Instant, timeout, timeout_at};

use super::Stage;
use super::look::look;
use crate::server::{Scratch, disk_full_help};
use crate::source::{Delivery, Part, SourceFile};
use crate::sql::{Content, Control, Kind, Statement, character_offset, literal};
use crate::trace::{Cause, Failure, Leak, Point, Session, Transaction};
use crate::{Error, Result};

/// How often we look, while we wait for an answer, whether there is still a server to give it.
const GLANCE: Duration = Duration::from_secs(1);

/// How long a cancelled statement may take to end.
const PATIENCE: Duration = Duration::from_secs(5);

/// A connection to a scratch database, as the migration tool would have it.
pub(super) struct Player<'a> {
    stage: &'a Stage<'a>,
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
    pub(super) async fn connect(stage: &'a Stage<'a>, scratch: &Scratch) -> Result<Self> {
        let project = stage.project;
        let float_digits = project.chain.format.float_digits;
        let mut connection = scratch.player(project.config.postgres.role, float_digits).await?;
        let opening = opening(project.chain.format.forced);
        let backend = crate::server::value(&mut connection, &opening).await?;
        let backend = backend.parse().unwrap_or_default();
        let deadline = Instant::now() + stage.limit;
        let mut player =
            Self { stage, connection, backend, deadline, alive: true, state: Session::default() };
        player.state = player
            .look()
            .await
            .map_err(|error| Error::new("failed to look at a new session").caused_by(error))?;
        Ok(player)
    }

    pub(super) fn is_alive(&self) -> bool {
        self.alive
    }

    /// Executes a part of a migration's file. On request it looks what else fails in it when
    /// something does: a message ends at its first error, and nobody wants to learn of the second
    /// one tomorrow.
    pub(super) async fn play(
        &mut self,
        file: &SourceFile,
        part: &Part,
        how: Thoroughness,
    ) -> Result<Vec<Failure>> {
        self.deadline = Instant::now() + self.stage.limit;
        match self.stage.project.chain.format.delivery {
            Delivery::Message => self.play_message(file, part, how).await,
            Delivery::Statements => self.play_statements(file, how).await,
        }
    }

    async fn play_message(
        &mut self,
        file: &SourceFile,
        part: &Part,
        how: Thoroughness,
    ) -> Result<Vec<Failure>> {
        let statements = Statements::of(file, part);
        if let Some(index) = statements.index_of(|it| streams(&file.text, it)) {
            // The driver would hang on it; the tool's own refuses.
            let message = "COPY needs a client that sends or takes its data, and this tool sends \
                           the file as plain SQL";
            return Ok(vec![Failure::new(Point::Statement(index), Cause::NoCopyData, message)]);
        }
        let text = &file.text[part.span.clone()];
        let Err(stopped) = self.send(text).await else { return Ok(Vec::new()) };
        let mut failure = self.failure(stopped.by, text).await?;
        failure.offset = failure.offset.map(|offset| offset + part.span.start);
        failure.at = statements.point_of(stopped.completed, &failure);
        self.rest_in_peace().await;
        // Without a transaction around it, the server commits before it answers the last statement,
        // so which of the two failed is seen only when that statement is executed by itself.
        let ambiguous =
            part.begin.is_none() && failure.at == statements.last() && failure.offset.is_none();
        let look = ambiguous || how == Thoroughness::EveryStatement;
        if statements.range.len() < 2 || failure.cause != Cause::Postgres || !look {
            return Ok(vec![failure]);
        }
        let Some(each) = self.try_each(file, &statements).await? else { return Ok(vec![failure]) };
        if ambiguous && each.is_empty() {
            failure.at = Point::Commit;
        }
        let first = failure.at;
        let mut failures = vec![failure];
        if how == Thoroughness::EveryStatement {
            failures.extend(each.into_iter().filter(|failure| failure.at != first));
        }
        Ok(failures)
    }

    async fn play_statements(
        &mut self,
        file: &SourceFile,
        how: Thoroughness,
    ) -> Result<Vec<Failure>> {
        let pieces = &file.script.pieces;
        let mut failures = Vec::new();
        let mut index = 0;
        for (place, piece) in pieces.iter().enumerate() {
            let Content::Statement(statement) = &piece.content else { continue };
            let text = &file.text[statement.span.clone()];
            let sent = if statement.kind == Kind::CopyFromStdin {
                let mut after = pieces[place + 1..].iter();
                let data = after.find(|next| next.content != Content::Space);
                let data = data.filter(|next| next.content == Content::CopyData);
                let data = data.map_or("", |data| &file.text[data.span.clone()]);
                self.copy_in(text, without_end_mark(data)).await
            } else if streams(&file.text, statement) {
                self.copy_out(text).await
            } else {
                self.send(text).await
            };
            if let Err(stopped) = sent {
                let failure = self.failure_of(stopped.by, file, index, statement).await?;
                // A transaction that was aborted refuses everything that follows in it.
                if failure.sqlstate != "25P02" {
                    failures.push(failure);
                }
                if how == Thoroughness::UntilFailure || !self.alive {
                    break;
                }
            }
            index += 1;
        }
        if !failures.is_empty() {
            self.rest_in_peace().await;
        }
        Ok(failures)
    }

    /// The failure of a statement that was sent by itself.
    async fn failure_of(
        &mut self,
        by: Stop,
        file: &SourceFile,
        index: usize,
        statement: &Statement,
    ) -> Result<Failure> {
        let failure = self.failure(by, &file.text[statement.span.clone()]).await?;
        let offset = failure.offset.map(|offset| offset + statement.span.start);
        Ok(Failure { at: Point::Statement(index), offset, ..failure })
    }

    /// Looks which statements of a part fail, each by itself, and leaves nothing of them. Can't say
    /// anything of a file that commits or can't run in a transaction.
    async fn try_each(
        &mut self,
        file: &SourceFile,
        statements: &Statements<'_>,
    ) -> Result<Option<Vec<Failure>>> {
        let unfit = |statement: &Statement| {
            statement.needs_autocommit()
                || matches!(statement.kind, Kind::Transaction(_) | Kind::CopyFromStdin)
        };
        if statements.index_of(unfit).is_some() || !self.alive {
            return Ok(None);
        }
        let mut failures = Vec::new();
        self.deadline = Instant::now() + self.stage.limit;
        crate::server::run(&mut self.connection, "BEGIN").await?;
        for index in statements.range.clone() {
            let statement = statements.all[index];
            let text = &file.text[statement.span.clone()];
            crate::server::run(&mut self.connection, "SAVEPOINT rehearsal").await?;
            let Err(stopped) = self.send(text).await else { continue };
            let failure = self.failure_of(stopped.by, file, index, statement).await?;
            // What a transaction block forbids is allowed in the file's own message.
            if !matches!(failure.sqlstate.as_str(), "2D000" | "25001") {
                failures.push(failure);
            }
            if !self.alive {
                return Ok(Some(failures));
            }
            crate::server::run(&mut self.connection, "ROLLBACK TO rehearsal").await?;
        }
        crate::server::run(&mut self.connection, "ROLLBACK").await?;
        Ok(Some(failures))
    }

    /// Ends the transaction that the tool opened for a part.
    pub(super) async fn commit(&mut self, file: &SourceFile, part: &Part) -> Result<Vec<Failure>> {
        let ends_it = |it: &Statement| match it.kind {
            Kind::Transaction(control) => control != Control::Begin,
            _ => false,
        };
        if let Some(refusal) = self.stage.project.chain.format.lost_transaction
            && let Some(index) = Statements::of(file, part).index_of(ends_it)
            && self.look().await.is_ok_and(|now| now.transaction == Transaction::None)
        {
            let at = Point::Statement(index);
            return Ok(vec![Failure::new(at, Cause::LostTransaction, refusal)]);
        }
        let failure = self.keep_book("COMMIT").await?.err();
        Ok(failure.map(|failure| Failure { at: Point::Commit, ..failure }).into_iter().collect())
    }

    /// Sends the tool's own bookkeeping.
    pub(super) async fn keep_book(&mut self, sql: &str) -> Result<Result<(), Failure>> {
        self.deadline = Instant::now() + self.stage.limit;
        let Err(stopped) = self.send(sql).await else { return Ok(Ok(())) };
        let mut failure = self.failure(stopped.by, sql).await?;
        failure.at = Point::Ledger;
        self.rest_in_peace().await;
        Ok(Err(failure))
    }

    /// Reads the tool's own bookkeeping: rows of one text column, without those that are NULL.
    pub(super) async fn read_book(&mut self, sql: &str) -> Result<Result<Vec<String>, Failure>> {
        let query = sqlx::raw_sql(AssertSqlSafe(sql)).fetch_all(&mut self.connection);
        let Ok(rows) = timeout(self.stage.limit, query).await else {
            let mut failure = self.failure(Stop::Deadline, sql).await?;
            failure.at = Point::Ledger;
            return Ok(Err(failure));
        };
        let values = rows.and_then(|rows| {
            rows.iter()
                .map(|row| row.try_get::<Option<String>, _>(0))
                .collect::<Result<Vec<_>, _>>()
        });
        match values {
            Ok(values) => Ok(Ok(values.into_iter().flatten().collect())),
            Err(error) => {
                let mut failure = self.failure(Stop::Error(error), sql).await?;
                failure.at = Point::Ledger;
                Ok(Err(failure))
            }
        }
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
/// style of dates, over those that the chain may have given the database or the role.
fn opening(forced: &[&str]) -> String {
    let ours = ["timezone", "datestyle"].into_iter().filter(|setting| !forced.contains(setting));
    let ours = ours.map(literal).collect::<Vec<_>>().join(", ");
    format!(
        "DO $$ DECLARE entry text; BEGIN
           FOR entry IN
             SELECT unnest(setconfig) FROM pg_catalog.pg_db_role_setting
              WHERE setdatabase IN (0, (SELECT oid FROM pg_catalog.pg_database
                                         WHERE datname = pg_catalog.current_database()))
                AND setrole IN (0, (SELECT oid FROM pg_catalog.pg_roles
                                     WHERE rolname = session_user))
              ORDER BY setrole <> 0, setdatabase <> 0
           LOOP
             IF lower(split_part(entry, '=', 1)) = ANY (ARRAY[{ours}]::text[]) THEN
               PERFORM pg_catalog.set_config(split_part(entry, '=', 1),
                                             substr(entry, strpos(entry, '=') + 1), false);
             END IF;
           END LOOP;
         END $$; SELECT pg_catalog.pg_backend_pid()"
    )
}

/// Whether a statement sends its data to the client, or takes it from there.
fn streams(text: &str, statement: &Statement) -> bool {
    let words = || text[statement.span.clone()].to_lowercase();
    match statement.kind {
        Kind::CopyFromStdin => true,
        Kind::Copy => words().split_whitespace().any(|word| word.starts_with("stdout")),
        _ => false,
    }
}

/// The rows of a block of COPY data: what ends it is psql's, and not the server's.
fn without_end_mark(data: &str) -> &str {
    let lines = data.trim_end_matches(['\r', '\n']);
    match lines.strip_suffix("\\.") {
        Some(rows) if rows.is_empty() || rows.ends_with('\n') => rows,
        _ => data,
    }
}

/// Waits for the server's answer until the deadline. Then the statement is cancelled, so
/// that the server says how far it got; a session that doesn't listen is ended.
async fn within(
    stage: &Stage<'_>,
    backend: i32,
    deadline: Instant,
    all: impl Future<Output = Result<(), sqlx::Error>>,
) -> Result<(), Stop> {
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

/// The statements of a part, by their places in the whole file.
struct Statements<'a> {
    all: Vec<&'a Statement>,
    range: Range<usize>,
}

impl<'a> Statements<'a> {
    fn of(file: &'a SourceFile, part: &Part) -> Self {
        let all = file.script.statements().collect::<Vec<_>>();
        let first = all.partition_point(|it| it.span.start < part.span.start);
        let end = all.partition_point(|it| it.span.start < part.span.end);
        Self { all, range: first..end }
    }

    fn index_of(&self, wanted: impl Fn(&Statement) -> bool) -> Option<usize> {
        self.range.clone().find(|index| wanted(self.all[*index]))
    }

    fn last(&self) -> Point {
        Point::Statement(self.range.end.saturating_sub(1))
    }

    /// Which statement of a message failed: the one into which Postgres points, or else as many as
    /// were completed came before it.
    fn point_of(&self, completed: usize, failure: &Failure) -> Point {
        let by_offset =
            failure.offset.and_then(|at| self.index_of(|statement| at < statement.span.end));
        let by_count = Some(self.range.start + completed).filter(|at| self.range.contains(at));
        by_offset.or(by_count).map_or_else(|| self.last(), Point::Statement)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(data: &str, rows: &str) {
        assert_eq!(without_end_mark(data), rows, "{data:?}");
    }

    #[test]
    fn the_mark_at_the_end_of_copy_data_is_not_data() {
        check("1\ta\n2\tb\n\\.\n", "1\ta\n2\tb\n");
        check("1\r\n\\.\r\n", "1\r\n");
        check("\\.\n", "");
        check("1\n2", "1\n2");
        check("a\\.\n", "a\\.\n");
    }
}
