//! A squash: the chain and its baseline beside each other, and the ways between them.

mod baseline;
mod contents;
mod populate;
mod rollout;

use std::collections::BTreeSet;

use tokio::sync::OnceCell;

pub(super) use self::baseline::OtherSide;
use self::baseline::{At, Booted};
pub(super) use self::baseline::{next_boot, other_side};
#[cfg(feature = "cli")]
pub(crate) use self::populate::populate;
use super::fresh::Made;
use super::session::Player;
use super::{Stage, both, optional};
use crate::Result;
use crate::server::Scratch;
use crate::source::{Migration, SCRIPTS};
use crate::trace::{Act, Failure, NextBoot, State, Traces};

/// The side that the project is, as far as it was played.
pub(super) struct OwnSide<'a> {
    pub(super) made: &'a Made,
    pub(super) end: &'a State,
    /// The boot after that, if this is the baseline's side, and nothing else boots it again.
    pub(super) again: Option<NextBoot>,
}

/// Plays those acts that are wanted.
pub(super) async fn play(
    stage: &Stage<'_>,
    wanted: &BTreeSet<Act>,
    OwnSide { made, end, again }: OwnSide<'_>,
    other: Option<OtherSide>,
    traces: &mut Traces,
) -> Result<()> {
    let Some(squash) = &stage.project.squash else { return Ok(()) };
    let ledger = traces.fresh.boot.ledger.as_deref();
    let end = &OnceCell::new_with(Some(end.clone()));
    let own = At { side: Booted { stage, made, ledger }, end };
    let other_stage = stage.on(&squash.other);
    let (mut squashed, other) = other.map_or((None, None), |(begun, played)| (Some(begun), played));
    if let (Some(squashed), Some(again), Some(_)) = (&mut squashed, again, &other) {
        squashed.duration += again.duration;
        squashed.again = Some(again);
    }
    let other = other.as_ref().map(|(made, end, ledger)| At {
        side: Booted { stage: &other_stage, made, ledger: ledger.as_deref() },
        end,
    });
    let beside = squashed.map(|begun| Box::pin(baseline::play(own, other, squash, begun)));
    let across = wanted.contains(&Act::Rollout);
    let across = across.then(|| Box::pin(rollout::play(own, other, squash)));
    let (beside, across) = both(stage, optional(beside), optional(across)).await?;
    traces.squashed = beside.map(Box::new);
    traces.rolled_out = across.map(Box::new);
    Ok(())
}

/// Plays a script as psql would.
async fn script(stage: &Stage<'_>, scratch: &Scratch, script: &Migration) -> Result<Vec<Failure>> {
    Player::connect_by(stage, scratch, SCRIPTS).await?.play_script(script).await
}
