//! Statements that may be refused, in a transaction that goes on all the same.
//!
//! Each has a savepoint, which is settled together with what comes next: a message of its own would
//! take as long as the statement does. They are numbered, because a message that can't even be read
//! makes none: then there is nothing to go back to, and no row of another attempt is lost.

use std::collections::BTreeMap;

use sqlx::postgres::{PgConnection, PgQueryResult, PgRow};
use sqlx::{AssertSqlSafe, Row as _};

use crate::error::sqlstate;
use crate::server::run;
use crate::{Error, Result};

/// A value as text, or NULL.
pub(super) type Cell = Option<String>;

/// A transaction in which statements are attempted.
pub(super) struct Attempts<'a> {
    connection: &'a mut PgConnection,
    last: Last,
    /// The number of the savepoint of the attempt before.
    number: usize,
    answers: BTreeMap<String, Option<Vec<Vec<Cell>>>>,
}

/// What became of the savepoint of the attempt before.
#[derive(Clone, Copy)]
enum Last {
    Settled,
    Kept,
    TakenBack,
}

impl<'a> Attempts<'a> {
    /// The connection should be in a transaction.
    pub(super) fn new(connection: &'a mut PgConnection) -> Self {
        Self { connection, last: Last::Settled, number: 0, answers: BTreeMap::new() }
    }

    /// Writes, and tells how much, or why that was refused.
    pub(super) async fn write(
        &mut self,
        statements: &str,
    ) -> Result<Result<PgQueryResult, sqlx::Error>> {
        let message = self.message(statements);
        let done = sqlx::raw_sql(AssertSqlSafe(message)).execute(&mut *self.connection).await;
        self.told(done)
    }

    /// Whether a statement writes one row. Else it is refused, or taken back by a trigger, and
    /// nothing of it stays.
    pub(super) async fn writes_one(&mut self, statement: &str) -> Result<bool> {
        let is_done = self.write(statement).await?.is_ok_and(|done| done.rows_affected() == 1);
        if !is_done {
            self.take_back();
        }
        Ok(is_done)
    }

    /// Rows of texts, or why they are refused.
    pub(super) async fn read(
        &mut self,
        query: &str,
    ) -> Result<Result<Vec<Vec<Cell>>, sqlx::Error>> {
        let message = self.message(query);
        let rows = sqlx::raw_sql(AssertSqlSafe(message)).fetch_all(&mut *self.connection).await;
        let rows = match self.told(rows)? {
            Ok(rows) => rows,
            Err(refusal) => return Ok(Err(refusal)),
        };
        let texts = |row: &PgRow| {
            (0..row.len()).map(|place| row.try_get_unchecked(place)).collect::<Result<_, _>>()
        };
        rows.iter().map(texts).collect::<Result<_, _>>().map(Ok).map_err(failed)
    }

    /// Rows of texts; nothing if the server can't say.
    pub(super) async fn ask(&mut self, query: &str) -> Result<Option<Vec<Vec<Cell>>>> {
        self.read(query).await.map(Result::ok)
    }

    /// The same, for a query that has the same answer each time, or one that is no worse for being
    /// old: what it leaves out is refused, and tried otherwise.
    pub(super) async fn ask_once(&mut self, query: String) -> Result<Option<Vec<Vec<Cell>>>> {
        if let Some(answer) = self.answers.get(&query) {
            return Ok(answer.clone());
        }
        let answer = self.ask(&query).await?;
        self.answers.insert(query, answer.clone());
        Ok(answer)
    }

    /// Takes back what was written last.
    pub(super) fn take_back(&mut self) {
        self.last = Last::TakenBack;
    }

    /// Runs SQL of our own, which is not attempted, but has no reason to fail.
    pub(super) async fn run(&mut self, statements: &str) -> Result<()> {
        self.settle().await?;
        run(self.connection, statements).await
    }

    /// The connection, once nothing is open in it but the transaction, for a savepoint of somebody
    /// else's, or the end.
    pub(super) async fn settle(&mut self) -> Result<&mut PgConnection> {
        let number = self.number;
        let settled = match self.last {
            Last::Settled => String::new(),
            Last::Kept => format!("RELEASE rehearsal_{number}"),
            Last::TakenBack => {
                format!("ROLLBACK TO rehearsal_{number}; RELEASE rehearsal_{number}")
            }
        };
        if !settled.is_empty() {
            run(self.connection, &settled).await?;
        }
        self.last = Last::Settled;
        Ok(self.connection)
    }

    fn message(&mut self, statements: &str) -> String {
        let (last, next) = (self.number, self.number + 1);
        self.number = next;
        match self.last {
            Last::Settled => format!("SAVEPOINT rehearsal_{next}; {statements}"),
            Last::Kept => {
                format!("RELEASE rehearsal_{last}; SAVEPOINT rehearsal_{next}; {statements}")
            }
            Last::TakenBack => format!(
                "ROLLBACK TO rehearsal_{last}; RELEASE rehearsal_{last}; \
                 SAVEPOINT rehearsal_{next}; {statements}"
            ),
        }
    }

    fn told<T>(&mut self, done: Result<T, sqlx::Error>) -> Result<Result<T, sqlx::Error>> {
        self.last = if done.is_ok() { Last::Kept } else { Last::TakenBack };
        match done {
            Err(error) if error.as_database_error().is_none() || misses_savepoint(&error) => {
                Err(failed(error))
            }
            done => Ok(done),
        }
    }
}

/// Whether the attempt before was refused as a whole, its savepoint with it.
fn misses_savepoint(error: &sqlx::Error) -> bool {
    sqlstate(error) == "3B001"
}

fn failed(error: sqlx::Error) -> Error {
    Error::new("failed to write rows as an app would").caused_by(error)
}

#[cfg(all(test, feature = "cli"))]
mod tests {
    use super::*;
    use crate::server::Server;

    /// What was written before it is there all the same, and nothing goes on as if it were not.
    #[tokio::test(flavor = "current_thread")]
    async fn a_message_that_can_not_be_read_takes_nothing_back() {
        let server = Server::start(None, false).await.expect("a server");
        let scratch = server.create(None).await.expect("a database");
        let mut admin = scratch.admin().await.expect("a connection");
        run(&mut admin, "CREATE TABLE t (a int); BEGIN").await.expect("a transaction");
        let attempts = &mut Attempts::new(&mut admin);
        let refused = "INSERT INTO t VALUES (1 / 0)";
        assert!(attempts.write(refused).await.expect("an answer").is_err());
        let accepted = "INSERT INTO t VALUES (1); INSERT INTO t VALUES (2)";
        let done = attempts.write(accepted).await.expect("an answer").expect("rows");
        assert_eq!(done.rows_affected(), 2);
        let count = attempts.ask("SELECT count(*)::text FROM t").await.expect("an answer");
        assert_eq!(count, Some(vec![vec![Some("2".to_owned())]]));
        assert!(attempts.write("INSERT INTO t VALUES (").await.expect("an answer").is_err());
        assert!(attempts.ask("SELECT 1::text").await.is_err());
    }
}
