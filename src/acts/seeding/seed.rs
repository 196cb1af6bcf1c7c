//! The seeds, twice, on what migrations alone have made; and if the second run left something else
//! than it found, once more step by step, to record how that came about.

use std::collections::BTreeMap;
use std::time::Instant;

use super::super::fresh::Made;
use super::super::{Stage, state_at_once};
use super::{Sower, rows_kept, sow};
use crate::Result;
use crate::config::Transaction;
use crate::rows::{Detail, Rows, Uncounted, Writes, small_tables_that_differ};
use crate::server::Scratch;
use crate::trace::{Act, Look, Path, Seeding, Sowing, Sown, State};

pub(super) async fn play(stage: &Stage<'_>, made: &Made, before: &State) -> Result<Seeding> {
    stage.progress.begin(Act::Seed.name());
    let begun = Instant::now();
    let scratch = made.copy(stage).await?;
    let first = sowing(stage, &scratch, before).await?;
    let mut second = None;
    if let Some(end) = &first.end {
        second = Some(sowing(stage, &scratch, end).await?);
    }
    let failed = second.as_ref().is_none_or(|second| second.end.is_none());
    let mut kept = None;
    if failed && stage.keep {
        kept = Some(stage.aside(scratch).await?.url());
    } else {
        stage.server.drop_database(scratch).await?;
    }
    let mut seeding = Seeding { first, second, path: None, duration: begun.elapsed(), kept };
    let is_inert = seeding.changes().is_empty() && seeding.unseen().is_empty();
    if !failed && !is_inert {
        seeding.path = path(stage, made, &seeding).await?;
        seeding.duration = begun.elapsed();
    }
    Ok(seeding)
}

async fn sowing(stage: &Stage<'_>, scratch: &Scratch, before: &State) -> Result<Sowing> {
    let steps = sow(stage, scratch, Act::Seed).await?;
    if !steps.iter().all(Sown::succeeded) {
        let writes = Err(Uncounted::Unasked);
        return Ok(Sowing { steps, end: None, kept: Rows::default(), writes });
    }
    let mut reader = scratch.admin().await?;
    let end = Some(state_at_once(stage, scratch, &mut reader, Some(before)).await?);
    let kept = rows_kept(stage, &mut reader).await?;
    let writes = Writes::read(&mut reader).await?;
    Ok(Sowing { steps, end, kept, writes })
}

/// Plays both runs once more, with a look after each step of the second one. Nothing where the
/// first one doesn't succeed again.
async fn path(stage: &Stage<'_>, made: &Made, seeding: &Seeding) -> Result<Option<Path>> {
    stage.progress.begin("seeding, step by step");
    let scratch = made.copy(stage).await?;
    let first = sow(stage, &scratch, Act::Seed).await?;
    let mut path = None;
    if first.iter().all(Sown::succeeded) {
        path = Some(second_run(stage, &scratch, seeding).await?);
    }
    stage.server.drop_database(scratch).await?;
    Ok(path)
}

async fn second_run(stage: &Stage<'_>, scratch: &Scratch, seeding: &Seeding) -> Result<Path> {
    let ends = seeding.ends();
    let tables = ends.map(|(first, second)| small_tables_that_differ(&first.rows, &second.rows));
    let tables = tables.unwrap_or_default();
    let before = Detail::read(&mut scratch.admin().await?, &tables).await;
    let begin = look(scratch).await?;
    // Between the files of one transaction nobody else can look.
    let mut sower = Sower::start(stage, scratch, Transaction::Each).await?;
    let mut steps = Vec::new();
    for place in 0..stage.project.scripts.seeds.len() {
        if !sower.step(place).await?.succeeded() {
            break;
        }
        steps.push((place, look(scratch).await?));
    }
    let after = Detail::read(&mut scratch.admin().await?, &tables).await;
    // What can't be read row by row is told by its count.
    let (before, mut after) = (before.unwrap_or_default(), after.unwrap_or_default());
    let details = before.into_iter().filter_map(|(table, was)| {
        let is = after.remove(&table)?;
        Some((table, (was, is)))
    });
    let details = details.collect::<BTreeMap<_, _>>();
    Ok(Path { begin, steps, details })
}

/// A look by a session of its own: a command's end is the end of all others.
async fn look(scratch: &Scratch) -> Result<Look> {
    let mut reader = scratch.admin().await?;
    let rows = Rows::read(&mut reader).await?;
    Ok(Look { rows, writes: Writes::read(&mut reader).await? })
}
