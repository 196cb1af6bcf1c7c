//! A squash: the chain and its baseline beside each other, and the ways between them.

mod baseline;
mod contents;
mod populate;
mod rollout;

use std::collections::BTreeSet;

use self::baseline::At;
use super::Stage;
use super::fresh::Made;
use crate::Result;
use crate::source::Side;
use crate::trace::{Act, State, Traces};

/// Plays those acts that are wanted. `made` and `end` are those of the side that the project is.
pub(super) async fn play(
    stage: &Stage<'_>,
    wanted: &BTreeSet<Act>,
    made: &Made,
    end: &State,
    traces: &mut Traces,
) -> Result<()> {
    let Some(squash) = &stage.project.squash else { return Ok(()) };
    if wanted.contains(&Act::Baseline) {
        // A second boot of the project itself is played already, if somebody judges that.
        let boots_again = squash.own == Side::Old || !wanted.contains(&Act::Rerun);
        let ledger = traces.fresh.boot.ledger.as_deref();
        let own = At { stage, made, end, ledger };
        let squashed = Box::pin(baseline::play(own, squash, boots_again)).await?;
        traces.squashed = Some(Box::new(squashed));
    }
    if wanted.contains(&Act::Rollout) {
        traces.rolled_out = Some(Box::new(Box::pin(rollout::play(stage, squash)).await?));
    }
    Ok(())
}
