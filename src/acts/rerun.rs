//! The second boot: the runner again, on a copy of what the first boot made, with its ledger.

use super::boot::boot;
use super::{Recorder, Stage, state_of};
use crate::Result;
use crate::rows::Writes;
use crate::server::Scratch;
use crate::trace::{Act, Trace};

/// Plays the second boot on a copy of the database that the first one made.
pub(super) async fn play(stage: &Stage<'_>, scratch: Scratch) -> Result<Trace> {
    let recorder = Recorder::begin(stage, Act::Rerun);
    let boot = boot(stage, &scratch, Act::Rerun).await?;
    let (mut end, mut writes) = (None, None);
    if boot.succeeded() {
        let mut reader = scratch.admin().await?;
        end = Some(state_of(&mut reader).await?);
        writes = Writes::read(&mut reader).await?;
    }
    let mut trace = Trace { writes, ..recorder.end(boot, end) };
    trace.kept = stage.leave(scratch, &trace.boot).await?;
    Ok(trace)
}
