//! The scenarios: each is played on scratch databases and recorded in a trace.
//!
//! Acts judge nothing. Whatever a project's SQL does, however wrong, is recorded; only what the
//! harness itself can't do is an error.

mod boot;
mod closure;
mod command;
mod fresh;
mod look;
mod migration;
// Each real tool is an oracle: what it leaves behind, the acts must leave behind.
#[cfg(test)]
mod oracle;
mod recipe;
mod replay;
mod rerun;
mod session;

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use sqlx::postgres::PgConnection;

pub(crate) use self::closure::{Migrate, Outcome};
use self::fresh::{Made, Purpose};
use self::migration::{Book, Played};
use self::recipe::Recipe;
use self::session::Player;
use crate::Result;
use crate::catalog::Catalog;
use crate::rows::Rows;
use crate::server::{News, Scratch, Server, Silence};
use crate::source::Project;
use crate::trace::{Act, Boot, State, Trace, Traces};

/// Told what is going on, for those who wait.
pub(crate) trait Progress: News {
    /// A file of an act is done.
    fn played(&self, act: Act, done: usize, of: usize);
}

impl Progress for Silence {
    fn played(&self, _: Act, _: usize, _: usize) {}
}

/// What all acts of a run share.
pub(crate) struct Stage<'a> {
    pub(crate) server: &'a Server,
    pub(crate) project: &'a Project,
    /// How long one text may run, or one command.
    pub(crate) limit: Duration,
    /// Whether a failed act's database is kept for a look.
    pub(crate) keep: bool,
    pub(crate) progress: &'a dyn Progress,
    /// What boots the project, where that is a closure.
    pub(crate) closure: Option<&'a dyn Migrate>,
    /// Settings of made-up classes that the chain's text names.
    pub(crate) custom_settings: Vec<String>,
}

/// Plays the wanted acts. The first boot is always among them: the others go on from its end.
pub(crate) async fn play(stage: &Stage<'_>, wanted: &BTreeSet<Act>) -> Result<Traces> {
    if let Some(fresh) = refused(stage) {
        return Ok(Traces { fresh, rerun: None, replay: None });
    }
    let (fresh, made) = Box::pin(fresh::play(stage, Purpose::Trace)).await?;
    let mut traces = Traces { fresh, rerun: None, replay: None };
    if !traces.fresh.boot.succeeded() {
        return Ok(traces);
    }
    let rerun = wanted.contains(&Act::Rerun);
    let replay = wanted.contains(&Act::Replay);
    let end;
    if stage.project.config.postgres.database.is_some() {
        // One name, one database: the acts take turns.
        end = end_of(stage, &made).await?;
        if rerun {
            traces.rerun = Some(rerun::play(stage, made.copy(stage).await?).await?);
        }
        if replay {
            traces.replay = Some(replay::play(stage, made.copy(stage).await?).await?);
        }
    } else {
        // Nobody can be connected to a database that is being copied, so the copies come first.
        let copy = async |wanted: bool| match wanted.then(|| made.copy(stage)) {
            Some(copy) => copy.await.map(Some),
            None => Ok(None),
        };
        let (for_rerun, for_replay) = tokio::try_join!(copy(rerun), copy(replay))?;
        (end, traces.rerun, traces.replay) = tokio::try_join!(
            end_of(stage, &made),
            optional(for_rerun.map(|copy| Box::pin(rerun::play(stage, copy)))),
            optional(for_replay.map(|copy| Box::pin(replay::play(stage, copy)))),
        )?;
    }
    if let Some(trace) = &mut traces.replay {
        replay::trace_changes(stage, &made, &end, trace).await?;
    }
    traces.fresh.end = Some(end);
    Ok(traces)
}

/// Reads what the first boot made. Nobody can connect to a template.
async fn end_of(stage: &Stage<'_>, made: &Made) -> Result<State> {
    if let Made::Scratch(scratch) = made {
        return state_of(&mut scratch.admin().await?).await;
    }
    let copy = made.copy(stage).await?;
    let end = state_of(&mut copy.admin().await?).await?;
    stage.server.drop_database(copy).await?;
    Ok(end)
}

/// What a first boot came to that was played for its database.
pub(crate) struct FirstBoot {
    pub(crate) trace: Trace,
    /// If it succeeded.
    pub(crate) scratch: Option<Scratch>,
    /// Whether it is known to have changed nothing of what belongs to the whole server.
    pub(crate) is_confined: bool,
}

/// Plays the first boot alone.
pub(crate) async fn first_boot(stage: &Stage<'_>) -> Result<FirstBoot> {
    if let Some(trace) = refused(stage) {
        return Ok(FirstBoot { trace, scratch: None, is_confined: true });
    }
    let (trace, made) = Box::pin(fresh::play(stage, Purpose::Database)).await?;
    let is_confined = matches!(made, Made::Template(_));
    let mut scratch = None;
    if trace.boot.succeeded() {
        scratch = Some(made.take(stage).await?);
    }
    Ok(FirstBoot { trace, scratch, is_confined })
}

/// The first boot of a tool that would not even begin.
fn refused(stage: &Stage<'_>) -> Option<Trace> {
    let chain = &stage.project.chain;
    let refusal = chain.refusal().filter(|_| !chain.runner.is_opaque())?;
    let boot = Boot { refusal: Some(refusal.message.clone()), ..Boot::default() };
    Some(Recorder::begin(stage, Act::Fresh).end(boot, None))
}

/// Plays an act, if there is one to play.
async fn optional(act: Option<impl Future<Output = Result<Trace>>>) -> Result<Option<Trace>> {
    match act {
        Some(act) => act.await.map(Some),
        None => Ok(None),
    }
}

impl Stage<'_> {
    /// Ends an act's use of its database: records where a failed one is kept, drops the others.
    async fn leave(&self, scratch: Scratch, boot: &Boot) -> Result<Option<String>> {
        if self.keep && !boot.succeeded() {
            return Ok(Some(self.aside(scratch).await?.url()));
        }
        self.server.drop_database(scratch).await?;
        Ok(None)
    }

    /// Frees the name that the project expects, for the next act.
    async fn aside(&self, scratch: Scratch) -> Result<Scratch> {
        match self.project.config.database() {
            Some(_) => self.server.rename(scratch, &self.server.free_name()).await,
            None => Ok(scratch),
        }
    }
}

/// Reads a database's schema and data.
async fn state_of(reader: &mut PgConnection) -> Result<State> {
    let catalog = Catalog::read_from(reader).await?;
    let rows = Rows::read(reader).await?;
    Ok(State { catalog, rows })
}

/// A trace under way.
struct Recorder(Instant);

impl Recorder {
    fn begin(stage: &Stage<'_>, act: Act) -> Self {
        stage.progress.begin(act.name());
        Self(Instant::now())
    }

    fn end(self, boot: Boot, end: Option<State>) -> Trace {
        let duration = self.0.elapsed();
        Trace { boot, begin: None, end, writes: None, path: Vec::new(), duration, kept: None }
    }
}
