//! The bootstrap: seeds and post scripts on what the first boot has made, columns tightened; then
//! all of it once more, and on databases whose bootstrap was cut off between two phases.
//!
//! Each phase commits. What is compared later is copied when nobody is connected to it.

mod cut;
mod tighten;
mod walk;

use std::collections::BTreeSet;
use std::time::Instant;

use self::cut::Scene;
use super::super::boot::boot;
use super::super::fresh::Made;
use super::super::{Stage, state_of};
use super::{rows_kept, run, sow};
use crate::Result;
use crate::catalog::Catalog;
use crate::config::fits_table;
use crate::rows::Writes;
use crate::server::Scratch;
use crate::trace::{Act, Again, Boot, Bootstrapped, Ending, Phase, Round, State};

pub(super) async fn play(stage: &Stage<'_>, made: &Made, end: &State) -> Result<Box<Bootstrapped>> {
    stage.progress.begin(Act::Bootstrap.name());
    let begin = Instant::now();
    let scripts = &stage.project.scripts;
    let scratch = made.copy(stage).await?;
    let mut trace = Box::<Bootstrapped>::default();
    trace.is_pre_repeatable = true;
    trace.first.seeds = sow(stage, &scratch, Act::Bootstrap).await?;
    let mut seeded = None;
    if trace.first.succeeded() && !scripts.seeds.is_empty() && !scripts.post.is_empty() {
        seeded = Some(stage.server.clone_of(&scratch, None).await?);
    }
    if trace.first.succeeded() {
        trace.first.post = run(stage, &scratch, &scripts.post).await?;
    }
    let finished = stage.aside(scratch).await?;
    if trace.first.succeeded() {
        trace.first.end = Some(ending(stage, &finished, Some(end)).await?);
        find_tables(stage, &mut trace);
        tighten_and_repeat(stage, made, end, &finished, &mut trace).await?;
        Scene::new(stage, made, &finished).play(seeded, &mut trace).await?;
    } else if let Some(seeded) = seeded {
        stage.server.drop_database(seeded).await?;
    }
    if stage.keep && !trace.first.succeeded() {
        trace.kept = Some(finished.url());
    } else {
        stage.server.drop_database(finished).await?;
    }
    trace.duration = begin.elapsed();
    Ok(trace)
}

/// Tightens the columns of a copy, and plays a second bootstrap there.
async fn tighten_and_repeat(
    stage: &Stage<'_>,
    made: &Made,
    chain: &State,
    finished: &Scratch,
    trace: &mut Bootstrapped,
) -> Result<()> {
    let Some(first) = &trace.first.end else { return Ok(()) };
    let patterns = &stage.project.config.bootstrap.tighten;
    let (columns, idle) = tighten::columns(&first.state.catalog, patterns);
    let scratch = onstage(stage, finished).await?;
    (trace.columns, trace.idle_columns) = (tighten::play(stage, &scratch, columns).await?, idle);
    let before = ending(stage, &scratch, Some(&first.state)).await?;
    let mut round = complete(stage, &scratch).await?;
    if round.succeeded() {
        round.end = Some(ending(stage, &scratch, Some(&before.state)).await?);
    }
    if stage.keep && !round.succeeded() {
        trace.kept = Some(stage.aside(scratch).await?.url());
    } else {
        stage.server.drop_database(scratch).await?;
    }
    let mut again = Again { before, round, path: Vec::new() };
    if again.round.end.as_ref().is_some_and(|end| !end.is_as(&again.before)) {
        let scratch = onstage(stage, finished).await?;
        tighten::again(stage, &scratch, &trace.columns).await?;
        again.path = walk::second(stage, &scratch, &again).await?;
        stage.server.drop_database(scratch).await?;
    }
    trace.again = Some(again);
    let is_touched = |table: &String| {
        let (was, is) = (chain.rows.tables.get(table), first.state.rows.tables.get(table));
        let written = |writes: &Writes| writes.tables.contains_key(table);
        was != is || first.writes.as_ref().is_ok_and(written)
    };
    if trace.columns.iter().any(|it| it.nulls.count > 0) || trace.untouched.iter().any(is_touched) {
        trace.path = walk::first(stage, made, trace).await?;
    }
    Ok(())
}

/// Finds the tables that must stay as the chain has made them. A partitioned one is its partitions.
fn find_tables(stage: &Stage<'_>, trace: &mut Bootstrapped) {
    let Some(end) = &trace.first.end else { return };
    for (place, pattern) in stage.project.config.bootstrap.untouched.iter().enumerate() {
        let tables = fitting(&end.state.catalog, pattern.get_ref());
        if tables.is_empty() {
            trace.idle_tables.push(place);
        }
        trace.untouched.extend(tables);
    }
}

fn fitting(catalog: &Catalog, pattern: &str) -> BTreeSet<String> {
    let tables = || catalog.objects.iter().filter(|(identity, _)| identity.kind() == "table");
    let mut found = tables()
        .map(|(identity, _)| identity.name().to_owned())
        .filter(|name| fits_table(pattern, name))
        .collect::<BTreeSet<_>>();
    loop {
        let is_part = |parent: &str| found.iter().any(|table| table == parent);
        let parts = tables().filter(|(_, table)| table.get("partition of").is_some_and(is_part));
        let parts = parts.map(|(identity, _)| identity.name().to_owned()).collect::<Vec<_>>();
        let count = found.len();
        found.extend(parts);
        if found.len() == count {
            return found;
        }
    }
}

/// A copy that has the name which the project expects.
async fn onstage(stage: &Stage<'_>, original: &Scratch) -> Result<Scratch> {
    stage.server.clone_of(original, stage.project.config.database()).await
}

/// A complete bootstrap on a database, until something fails.
async fn complete(stage: &Stage<'_>, scratch: &Scratch) -> Result<Round> {
    let pre = run(stage, scratch, &stage.project.scripts.pre).await?;
    go_on(stage, scratch, Phase::Pre, Boot { pre, ..Boot::default() }).await
}

/// The phases after one that is done.
async fn go_on(stage: &Stage<'_>, scratch: &Scratch, after: Phase, done: Boot) -> Result<Round> {
    let mut round = Round { boot: done, ..Round::default() };
    if round.succeeded() && after < Phase::Chain {
        let pre = std::mem::take(&mut round.boot.pre);
        round.boot = Boot { pre, ..boot(stage, scratch, Act::Bootstrap).await? };
    }
    if round.succeeded() {
        round.seeds = sow(stage, scratch, Act::Bootstrap).await?;
    }
    if round.succeeded() {
        round.post = run(stage, scratch, &stage.project.scripts.post).await?;
    }
    Ok(round)
}

/// Reads what is there, by a session of its own: a command's end is the end of all others.
async fn ending(stage: &Stage<'_>, scratch: &Scratch, before: Option<&State>) -> Result<Ending> {
    let mut reader = scratch.admin().await?;
    let seen = state_of(&mut reader, before).await?;
    let kept = rows_kept(stage, &mut reader).await?;
    Ok(Ending { state: seen, kept, writes: Writes::read(&mut reader).await? })
}
