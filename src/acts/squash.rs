//! A squash: the chain and its baseline beside each other, and the ways between them.

mod baseline;
mod contents;
mod populate;
mod rollout;

use std::collections::BTreeSet;

use tokio::sync::OnceCell;

pub(super) use self::baseline::OtherSide;
pub(super) use self::baseline::other_side;
use self::baseline::{At, Booted};
use super::fresh::Made;
use super::{Stage, both, optional};
use crate::Result;
use crate::source::Side;
use crate::trace::{Act, State, Traces};

/// Plays those acts that are wanted. `made` and `end` are those of the side that the project is.
pub(super) async fn play(
    stage: &Stage<'_>,
    wanted: &BTreeSet<Act>,
    (made, end): (&Made, &State),
    other: Option<OtherSide>,
    traces: &mut Traces,
) -> Result<()> {
    let Some(squash) = &stage.project.squash else { return Ok(()) };
    let ledger = traces.fresh.boot.ledger.as_deref();
    let end = &OnceCell::new_with(Some(end.clone()));
    let own = At { side: Booted { stage, made, ledger }, end };
    let other_stage = stage.on(&squash.other);
    let (squashed, other) = other.map_or((None, None), |(begun, played)| (Some(begun), played));
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
