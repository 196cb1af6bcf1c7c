//! A database as the bootstrap leaves it, for whoever wants to test with it: booted, seeded, and
//! with the post scripts run.
//!
//! What files alone have made is kept as a template; a command and a closure are run each time.

use super::fresh::{self, Made, Purpose};
use super::seeding::{run, sow};
use super::{FirstBoot, Recipe, Stage, refused};
use crate::Result;
use crate::trace::{Act, Seeding, Sown};

/// Plays the first boot, the seeds and the post scripts.
pub(crate) async fn seeded(stage: &Stage<'_>) -> Result<FirstBoot> {
    if let Some(trace) = refused(stage) {
        return Ok(FirstBoot::without(trace));
    }
    let (trace, made) = Box::pin(fresh::play(stage, Purpose::Database)).await?;
    if !trace.boot.succeeded() {
        return Ok(FirstBoot::without(trace));
    }
    let is_confined = matches!(made, Made::Template(_));
    let name = Recipe::of(stage).filter(|_| is_confined).and_then(|recipe| recipe.seeded(stage));
    let mut found = None;
    let mut _turn = None;
    if let Some(name) = &name {
        found = stage.server.template(std::slice::from_ref(name)).await?;
        if found.is_none() {
            // Whoever else wants the same waits, and then has a template.
            _turn = Some(stage.server.turn(name).await?);
            found = stage.server.template(std::slice::from_ref(name)).await?;
        }
    }
    if let Some(template) = found {
        let scratch = Some(stage.server.take(&template).await?);
        return Ok(FirstBoot { scratch, is_confined, ..FirstBoot::without(trace) });
    }
    let mut scratch = made.take(stage).await?;
    let steps = sow(stage, &scratch, Act::Seed).await?;
    if !steps.iter().all(Sown::succeeded) {
        let seeding = Seeding::failed(steps, trace.duration);
        return Ok(FirstBoot { seeding: Some(seeding), ..FirstBoot::without(trace) });
    }
    let posted = run(stage, &scratch, &stage.project.scripts.post).await?;
    if !posted.iter().all(Sown::succeeded) {
        return Ok(FirstBoot { posted, ..FirstBoot::without(trace) });
    }
    let mut is_confined = false;
    if let Some(name) = name {
        is_confined = stage.server.is_pristine().await?;
        if is_confined {
            let ledger = trace.boot.ledger.clone();
            let template = stage.server.make_template(scratch, &name, ledger, true).await?;
            scratch = stage.server.take(&template).await?;
        }
    }
    Ok(FirstBoot { scratch: Some(scratch), is_confined, ..FirstBoot::without(trace) })
}
