//! Closures that seed: what they do through the `Database` that they are given is done in a session
//! of ours, whose transaction ends with them.

use super::super::closure::{call, leave};
use super::{Company, Session, Stage, ends_transaction};
use crate::Result;
use crate::error::Error;
use crate::server::{Database, Request, Scratch};
use crate::sql::Script;
use crate::trace::{Ended, Failure, Opaque, Transaction};

/// Runs a closure in a session and a transaction of its own.
pub(super) async fn run(
    stage: &Stage<'_>,
    scratch: &Scratch,
    index: usize,
    company: Company,
) -> Result<Opaque> {
    let mut session = Session::open(stage, scratch).await?;
    let mut opaque = within(stage, scratch, index, &mut session).await?;
    if opaque.ended == Ended::Well
        && let Some(failure) = session.commit_all().await?.first()
    {
        (opaque.ended, opaque.said) = (Ended::InError, failure.words());
    }
    drop(session);
    if company == Company::Alone {
        opaque.went_on = leave(stage, scratch, opaque.ended).await?;
    }
    Ok(opaque)
}

/// Runs a closure in the transaction of a session, which stays open.
pub(super) async fn within(
    stage: &Stage<'_>,
    scratch: &Scratch,
    index: usize,
    session: &mut Session<'_>,
) -> Result<Opaque> {
    let (ended, said) = match &session.opened {
        Ok(()) => attend(stage, scratch, index, session).await?,
        Err(failure) => (Ended::InError, failure.words()),
    };
    Ok(Opaque { name: format!("closure {}", index + 1), ended, said, went_on: false })
}

async fn attend(
    stage: &Stage<'_>,
    scratch: &Scratch,
    index: usize,
    session: &mut Session<'_>,
) -> Result<(Ended, String)> {
    let config = &stage.project.config;
    let settings = config.bootstrap.settings();
    let (database, mut requests) =
        Database::lent_in_session(scratch.clone(), config.postgres.role, settings);
    let mut failed = None;
    let mut ends_it = false;
    let (ended, said) = {
        let serve = async {
            while let Some(Request { sql, answer }) = requests.recv().await {
                ends_it |= Script::parse(&sql).statements().any(ends_transaction);
                let done = session.player.pass_on(&sql).await?;
                let done = done.map_err(|failure| {
                    let error = Error::new(refused(&failure));
                    failed.get_or_insert(failure);
                    error
                });
                // Whoever asked may not wait for the answer any more.
                let _ = answer.send(done);
            }
            // It has let go of its database, and may still be at work.
            std::future::pending::<Result<()>>().await
        };
        tokio::select! {
            ended = call(stage, &*stage.seeders[index], database) => ended,
            served = serve => return served.map(|()| (Ended::Well, String::new())),
        }
    };
    if ended != Ended::Well {
        return Ok((ended, said));
    }
    Ok(match session.player.transaction().await {
        Transaction::Open if !ends_it => (ended, said),
        Transaction::Aborted => {
            let why = failed.as_ref().map(Failure::words).unwrap_or_default();
            let said = format!("it goes on after a statement of its transaction has failed: {why}");
            (Ended::InError, said)
        }
        // It may have begun another one.
        Transaction::Open | Transaction::None => {
            (Ended::InError, "it ends the transaction in which it is played".to_owned())
        }
    })
}

/// A failure, as `Database::execute` tells it.
fn refused(failure: &Failure) -> String {
    match failure.sqlstate.as_str() {
        "" => failure.message.clone(),
        _ => format!("Postgres refuses it: {}", failure.words()),
    }
}
