//! The second boot: the runner again, on a copy of what the first boot made, with its ledger.

use super::boot::boot;
use super::fresh::Made;
use super::{Recorder, Stage, details, state_of};
use crate::Result;
use crate::rows::{Uncounted, Writes};
use crate::server::Scratch;
use crate::trace::{Act, State, Trace};

/// Plays the second boot on a copy of the database that the first one made, which is handed back.
pub(super) async fn play(stage: &Stage<'_>, scratch: Scratch) -> Result<(Trace, Scratch)> {
    let recorder = Recorder::begin(stage, Act::Rerun);
    let boot = boot(stage, &scratch, Act::Rerun).await?;
    let (mut end, mut writes) = (None, Err(Uncounted::Unasked));
    if boot.succeeded() {
        let mut reader = scratch.admin().await?;
        end = Some(state_of(&mut reader, None).await?);
        writes = Writes::read(&mut reader).await?;
    }
    Ok((Trace { writes, ..recorder.end(boot, end) }, scratch))
}

/// Records which rows the second boot has changed, and leaves its database.
pub(super) async fn leave(
    stage: &Stage<'_>,
    fresh: &Made,
    before: &State,
    (mut trace, scratch): (Trace, Scratch),
) -> Result<Trace> {
    let mut scratch = scratch;
    if let Some(after) = &trace.end {
        (trace.details, scratch) =
            details(stage, fresh, &before.rows, &after.rows, scratch).await?;
    }
    trace.kept = stage.leave(scratch, &trace.boot).await?;
    Ok(trace)
}
