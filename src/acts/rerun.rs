//! The second boot: the runner again, on a copy of what the first boot made, with its ledger.

use std::time::Instant;

use super::boot::boot;
use super::fresh::Made;
use super::{Recorder, Stage, details, state_of};
use crate::Result;
use crate::rows::Writes;
use crate::server::Scratch;
use crate::trace::{Act, State, Trace};

/// Plays the second boot on a copy of the database that the first one made, which is handed back.
pub(super) async fn play(stage: &Stage<'_>, scratch: Scratch) -> Result<(Trace, Scratch)> {
    let recorder = Recorder::begin(stage, Act::Rerun);
    let boot = boot(stage, &scratch, Act::Rerun).await?;
    Ok((recorder.end(boot, None), scratch))
}

/// Reads what the second boot has left, records which rows it has changed, and leaves its database.
pub(super) async fn leave(
    stage: &Stage<'_>,
    fresh: &Made,
    before: &State,
    (mut trace, mut scratch): (Trace, Scratch),
) -> Result<Trace> {
    let begun = Instant::now();
    if trace.boot.succeeded() {
        let mut reader = scratch.admin().await?;
        let after = state_of(&mut reader, Some(before)).await?;
        trace.writes = Writes::read(&mut reader).await?;
        drop(reader);
        (trace.details, scratch) =
            details(stage, fresh, &before.rows, &after.rows, scratch).await?;
        trace.end = Some(after);
    }
    trace.kept = stage.leave(scratch, &trace.boot).await?;
    trace.duration += begun.elapsed();
    Ok(trace)
}
