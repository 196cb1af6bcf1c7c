//! A closure on a scratch database, driven on the task of whoever holds the rehearsal.

use std::any::Any;
use std::error::Error;
use std::fmt;
use std::panic::AssertUnwindSafe;
use std::time::Duration;

use futures_util::FutureExt as _;
use futures_util::future::LocalBoxFuture;
use tokio::time::timeout;

use super::Stage;
use crate::Result;
use crate::error::words_of_postgres;
use crate::server::{Database, Scratch};
use crate::trace::{Ended, Opaque};

/// What a closure comes to.
pub(crate) type Outcome = Result<(), Box<dyn Error + Send + Sync>>;

/// How long a session may go on after the closure's end: a pool that is dropped closes in its own
/// time.
const GRACE: Duration = Duration::from_secs(1);

/// Something that migrates a database in a way of its own.
pub(crate) trait Migrate: fmt::Debug {
    fn migrate(&self, database: Database) -> LocalBoxFuture<'_, Outcome>;
}

/// Runs a closure on a scratch database, until it returns or its time is over.
pub(super) async fn run(
    stage: &Stage<'_>,
    scratch: &Scratch,
    closure: &dyn Migrate,
) -> Result<Opaque> {
    let database = Database::lent(scratch.clone(), stage.project.config.postgres.role);
    let (ended, said) = call(stage, closure, database).await;
    let went_on = leave(stage, scratch, ended).await?;
    Ok(Opaque { name: "the closure".to_owned(), ended, said, went_on })
}

/// Calls a closure, and says how it ended. One that panics is nobody's ruin but its own.
pub(super) async fn call(
    stage: &Stage<'_>,
    closure: &dyn Migrate,
    database: Database,
) -> (Ended, String) {
    let called = AssertUnwindSafe(closure.migrate(database)).catch_unwind();
    match timeout(stage.limit, called).await {
        Ok(Ok(Ok(()))) => (Ended::Well, String::new()),
        Ok(Ok(Err(error))) => (Ended::InError, told(&*error)),
        Ok(Err(panic)) => (Ended::Panicked, words_of(&*panic)),
        Err(_) => (Ended::TimedOut { limit: stage.limit }, String::new()),
    }
}

/// Ends what a closure has left in its database; true if that went on after its own end.
pub(super) async fn leave(stage: &Stage<'_>, scratch: &Scratch, ended: Ended) -> Result<bool> {
    if ended != Ended::Well {
        stage.server.assert_alive().await?;
    }
    let went_on = ended == Ended::Well && !stage.server.is_left(scratch, GRACE).await?;
    stage.server.free(scratch).await?;
    Ok(went_on)
}

/// What somebody said who panicked.
fn words_of(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
    text.or_else(|| panic.downcast_ref::<String>().cloned()).unwrap_or_default()
}

/// An error with its causes, as far as it doesn't tell them itself; of what Postgres says, its own
/// words.
fn told(error: &(dyn Error + 'static)) -> String {
    if let Some(said) = words_of_postgres(error) {
        return said;
    }
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        let cause_text = cause.to_string();
        if !text.contains(&cause_text) {
            text.push_str(&format!(": {cause_text}"));
        }
        source = cause.source();
    }
    text
}
