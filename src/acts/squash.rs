//! A squash: the chain and its baseline beside each other, and the ways between them.

mod baseline;
mod contents;
mod populate;
mod rollout;

use std::collections::BTreeSet;

use self::baseline::{At, Booted, other_side};
use super::fresh::Made;
use super::{Stage, optional};
use crate::Result;
use crate::source::{Side, reach};
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
    let ledger = traces.fresh.boot.ledger.as_deref();
    let own = At { side: Booted { stage, made, ledger }, end };
    let other_stage = stage.on(&squash.other);
    let mut other = None;
    let mut squashed = None;
    if wanted.contains(&Act::Baseline) {
        let (begun, played) = Box::pin(other_side(stage, &other_stage, squash)).await?;
        (squashed, other) = (Some(begun), played);
    }
    let other = other.as_ref().map(|(made, end, ledger)| At {
        side: Booted { stage: &other_stage, made, ledger: ledger.as_deref() },
        end,
    });
    // A second boot of the project itself is played already, if somebody judges that.
    let boots_again = squash.own == Side::Old || !wanted.contains(&Act::Rerun);
    let beside =
        squashed.map(|begun| Box::pin(baseline::play(own, other, squash, boots_again, begun)));
    let across = wanted.contains(&Act::Rollout);
    let across = across.then(|| Box::pin(rollout::play(own, other, squash)));
    let (beside, across) = both(stage, optional(beside), optional(across)).await?;
    traces.squashed = beside.map(Box::new);
    traces.rolled_out = across.map(Box::new);
    Ok(())
}

/// Plays both at once, if they can't get in each other's way: one name is one database, and roles
/// are there once.
async fn both<A, B>(
    stage: &Stage<'_>,
    one: impl Future<Output = Result<A>>,
    other: impl Future<Output = Result<B>>,
) -> Result<(A, B)> {
    if stage.project.config.postgres.database.is_some() || reach(stage.project).is_some() {
        return Ok((one.await?, other.await?));
    }
    tokio::try_join!(one, other)
}
