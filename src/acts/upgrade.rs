//! What the new files do to production: the chain as it is merged, with its seeds, and then a boot
//! with all files that are there now, on data.

use std::time::Instant;

use super::boot::boot;
use super::fresh::{self, Made, Purpose};
use super::{Stage, compared, seeding};
use crate::Result;
use crate::catalog::{Catalog, Without};
use crate::source::History;
use crate::trace::{Act, Sown, State, Upgraded};

/// Plays the upgrade, where it is known what is merged. `end` is what a first boot of all files has
/// made.
pub(super) async fn play(stage: &Stage<'_>, end: &State) -> Result<Option<Upgraded>> {
    let Some(Ok(History { before: Some(before), .. })) = &stage.project.history else {
        return Ok(None);
    };
    let begun = Instant::now();
    let earlier = stage.on(&before.project);
    stage.progress.begin(Act::Upgrade.name());
    let (trace, made) = Box::pin(fresh::play(&earlier, Purpose::Database)).await?;
    if !trace.boot.succeeded() {
        return Ok(Some(Upgraded {
            merged: trace.boot,
            seeds: Vec::new(),
            boot: None,
            comparison: None,
            duration: begun.elapsed(),
            kept: None,
        }));
    }
    let mut scratch = made.copy(&earlier).await?;
    let seeds = seeding::sow(&earlier, &scratch, Act::Upgrade).await?;
    if !seeds.iter().all(Sown::succeeded) {
        // Without data, rather than with half of it.
        stage.server.drop_database(scratch).await?;
        scratch = made.copy(&earlier).await?;
    }
    let boot = boot(stage, &scratch, Act::Upgrade).await?;
    let mut comparison = None;
    if boot.succeeded() {
        let upgraded = Catalog::read_from(&mut scratch.admin().await?).await?;
        let all = Without::default();
        comparison = Some(compared(stage.server, &end.catalog, &upgraded, &all).await?);
    }
    let kept = stage.leave(scratch, &boot).await?;
    if let Made::Scratch(merged) = made {
        stage.server.drop_database(merged).await?;
    }
    Ok(Some(Upgraded {
        merged: trace.boot,
        seeds,
        boot: Some(boot),
        comparison,
        duration: begun.elapsed(),
        kept,
    }))
}
