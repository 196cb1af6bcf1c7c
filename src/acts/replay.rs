//! The replay: every file again, in order, without regard for the ledger.
//!
//! A file that fails is rolled back and recorded, and the replay goes on, so that all failing
//! statements of all files are known after one run. Where the end differs from the beginning, the
//! replay is played once more, file by file, to record how it came about.

use std::time::Instant;

use super::fresh::Made;
use super::session::Thoroughness;
use super::{Player, Recorder, Stage, details, migration, state_of};
use crate::Result;
use crate::rows::Writes;
use crate::server::Scratch;
use crate::source::{Migration, Sessions};
use crate::trace::{Act, Boot, Cause, State, Step, Trace};

/// Plays the replay on a copy of the database that the first boot made.
pub(super) async fn play(stage: &Stage<'_>, scratch: Scratch) -> Result<Trace> {
    let recorder = Recorder::begin(stage, Act::Replay);
    let mut runner = Runner::start(stage, &scratch).await?;
    let mut boot = Boot::default();
    let migrations = &stage.project.chain.migrations;
    for (index, migration) in migrations.iter().enumerate() {
        boot.steps.push(runner.step(index, migration).await?);
        stage.progress.played(Act::Replay, index + 1, migrations.len());
    }
    drop(runner);
    let mut reader = scratch.admin().await?;
    let end = state_of(&mut reader, None).await?;
    let writes = Writes::read(&mut reader).await?;
    drop(reader);
    let kept = stage.leave(scratch, &boot).await?;
    Ok(Trace { writes, kept, ..recorder.end(boot, Some(end)) })
}

/// Where a replay did not end as it began, plays it once more to record how that came about.
pub(super) async fn trace_changes(
    stage: &Stage<'_>,
    fresh: &Made,
    before: &State,
    trace: &mut Trace,
) -> Result<()> {
    if trace.end.as_ref().is_some_and(|end| end.is_same_as(before)) {
        return Ok(());
    }
    let begin = Instant::now();
    let mut scratch = fresh.copy(stage).await?;
    trace.path = path(stage, &scratch, before, &trace.boot).await?;
    if let Some((_, after)) = trace.path.last() {
        (trace.details, scratch) =
            details(stage, fresh, &before.rows, &after.rows, scratch).await?;
    }
    stage.server.drop_database(scratch).await?;
    trace.duration += begin.elapsed();
    Ok(())
}

/// The state after each file.
async fn path(
    stage: &Stage<'_>,
    scratch: &Scratch,
    begin: &State,
    played: &Boot,
) -> Result<Vec<(usize, State)>> {
    stage.progress.begin("replay, file by file");
    let mut runner = Runner::start(stage, scratch).await?;
    let mut reader = scratch.admin().await?;
    let mut path: Vec<(usize, State)> = Vec::new();
    for (index, migration) in stage.project.chain.migrations.iter().enumerate() {
        // What took too long once would do so again.
        let timed_out = |step: &Step| step.failures.iter().any(|it| it.cause == Cause::TimedOut);
        if played.steps.get(index).is_some_and(timed_out) {
            continue;
        }
        runner.step(index, migration).await?;
        let before = path.last().map_or(begin, |(_, state)| state);
        let after = state_of(&mut reader, Some(before)).await?;
        path.push((index, after));
    }
    Ok(path)
}

/// Gives files to sessions as the tool does, and a new session after one that was killed.
struct Runner<'a> {
    stage: &'a Stage<'a>,
    scratch: &'a Scratch,
    player: Player<'a>,
}

impl<'a> Runner<'a> {
    async fn start(stage: &'a Stage<'a>, scratch: &'a Scratch) -> Result<Self> {
        Ok(Self { stage, scratch, player: Player::connect(stage, scratch).await? })
    }

    async fn step(&mut self, index: usize, migration: &Migration) -> Result<Step> {
        let one_each = self.stage.project.chain.format.sessions == Sessions::PerFile;
        if (index > 0 && one_each) || !self.player.is_alive() {
            self.player = Player::connect(self.stage, self.scratch).await?;
        }
        let how = Thoroughness::EveryStatement;
        let failures = migration::play(&mut self.player, migration, how, None).await?.failures;
        Ok(Step { migration: index, failures, leaks: Vec::new() })
    }
}
