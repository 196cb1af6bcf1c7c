//! The first boot: the chain on an empty database, or what it made when it was played before.
//!
//! What a chain has made is kept as a template, and so is what it had made before its last file:
//! that is the one which is being written. A file that was played by the same recipe is not played
//! again.

use std::time::{Duration, Instant};

use super::boot::{Course, boot as whole, boot_in_part};
use super::{Recipe, Recorder, Stage, seeding, state_of};
use crate::server::{Scratch, Template};
use crate::sql::quoted;
use crate::trace::{Act, Boot, Step, Trace};
use crate::{Error, Result};

/// What must have taken so long is worth a template of its own, which takes half of it.
const WORTHWHILE: Duration = Duration::from_millis(100);

/// What Postgres says where something is missing that only the session had which played the files
/// before: a cursor, a prepared statement, the last value of a sequence, a setting of a made-up
/// class.
const MISSES_ITS_SESSION: &[&str] = &["34000", "26000", "55000", "42704"];

/// What the first boot made.
pub(super) enum Made {
    Scratch(Scratch),
    /// By a chain that has changed nothing of what belongs to the whole server.
    Template(Template),
}

/// What a first boot is played for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Purpose {
    /// Its trace: whoever judges it wants to know what each file left in its session.
    Trace,
    /// What it makes, which somebody is going to ask for again.
    Database,
}

/// Plays the first boot, and hands on the database that it made. What is in there is read when the
/// other acts have their copies.
pub(super) async fn play(stage: &Stage<'_>, purpose: Purpose) -> Result<(Trace, Made)> {
    let recorder = Recorder::begin(stage, Act::Fresh);
    match Recipe::of(stage) {
        Some(recipe) if stage.project.chain.runner.is_opaque() => match purpose {
            Purpose::Trace => alone(stage, recorder).await,
            Purpose::Database => by_fingerprint(stage, &recipe, recorder).await,
        },
        Some(recipe) => by_recipe(stage, &recipe, purpose, recorder).await,
        None => alone(stage, recorder).await,
    }
}

/// The first boot of a chain that somebody may have played before.
async fn by_recipe(
    stage: &Stage<'_>,
    recipe: &Recipe,
    purpose: Purpose,
    recorder: Recorder,
) -> Result<(Trace, Made)> {
    let files = recipe.files();
    let is_of_use = |it: &Template| it.is_clean || purpose == Purpose::Database;
    let is_whole =
        |found: &Option<(Template, usize)>| matches!(found, Some((_, count)) if *count == files);
    let mut found = recipe.find(stage).await?;
    let mut turn = None;
    if !is_whole(&found) && stage.server.is_shared() {
        // Whoever else plays the same chain waits, and then has a template.
        turn = Some(stage.server.turn(recipe.name(files)).await?);
        found = recipe.find(stage).await?;
    }
    let is_made = is_whole(&found);
    let (boot, scratch) = match found.filter(|(it, _)| is_of_use(it)) {
        Some((template, count)) if count == files => {
            stage.progress.note(&inherited(count, files));
            let boot = taken_over(&template, count);
            return Ok((recorder.end(boot, None), Made::Template(template)));
        }
        Some((template, count)) => {
            stage.progress.note(&inherited(count, files));
            let scratch = stage.server.copy_of(&template).await?;
            go_on(stage, recipe, purpose, scratch, taken_over(&template, count)).await?
        }
        None => {
            let (begin, scratch) = prepared(stage).await?;
            go_on(stage, recipe, purpose, scratch, begin).await?
        }
    };
    let mut trace = recorder.end(boot, None);
    if !is_made
        && trace.boot.succeeded()
        && (purpose == Purpose::Database || trace.duration >= WORTHWHILE)
        && is_complete(&trace.boot, files)
        && stage.server.is_pristine().await?
    {
        let (ledger, is_clean) = (trace.boot.ledger.clone(), trace.boot.is_clean());
        let made = stage.server.make_template(scratch, recipe.name(files), ledger, is_clean);
        let made = made.await?;
        drop(turn);
        return Ok((trace, Made::Template(made)));
    }
    trace.kept = kept(stage, &trace, &scratch);
    Ok((trace, Made::Scratch(scratch)))
}

/// The first boot of a command that may have run before, when all was as it is now.
async fn by_fingerprint(
    stage: &Stage<'_>,
    recipe: &Recipe,
    recorder: Recorder,
) -> Result<(Trace, Made)> {
    let name = recipe.name(recipe.files());
    let mut found = recipe.find(stage).await?;
    let mut _turn = None;
    if found.is_none() {
        _turn = Some(stage.server.turn(name).await?);
        found = recipe.find(stage).await?;
    }
    if let Some((template, _)) = found {
        return Ok((recorder.end(Boot::default(), None), Made::Template(template)));
    }
    let (trace, made) = alone(stage, recorder).await?;
    if let Made::Scratch(scratch) = &made
        && trace.boot.succeeded()
        && stage.server.is_pristine().await?
    {
        let made = stage.server.make_template(scratch.clone(), name, None, true).await?;
        return Ok((trace, Made::Template(made)));
    }
    Ok((trace, made))
}

/// The first boot of what nobody has played before, and nobody will look for.
async fn alone(stage: &Stage<'_>, recorder: Recorder) -> Result<(Trace, Made)> {
    let (prepared, scratch) = prepared(stage).await?;
    let mut begin = None;
    if prepared.succeeded() && stage.project.chain.runner.is_opaque() {
        begin = Some(state_of(&mut scratch.admin().await?, None).await?);
    }
    let boot = after(stage, &scratch, prepared).await?;
    let mut trace = Trace { begin, ..recorder.end(boot, None) };
    let scratch = stage.aside(scratch).await?;
    trace.kept = kept(stage, &trace, &scratch);
    Ok((trace, Made::Scratch(scratch)))
}

/// Plays what is left of the chain, and on the way keeps what was there before the last file. Where
/// a second session made a difference, all of it is played once more, as one boot.
async fn go_on(
    stage: &Stage<'_>,
    recipe: &Recipe,
    purpose: Purpose,
    scratch: Scratch,
    mut before: Boot,
) -> Result<(Boot, Scratch)> {
    if !before.succeeded() {
        return Ok((before, scratch));
    }
    let last = recipe.files().saturating_sub(1);
    loop {
        let from = before.steps.len();
        // On a server of one's own nobody goes on from there whose boot is judged.
        let in_parts = stage.project.chain.format.boot_transaction.is_none()
            && (stage.server.is_shared() || purpose == Purpose::Database);
        let pause = (in_parts && from < last).then(|| (last, Instant::now() + WORTHWHILE));
        let course = Course { from, pause };
        let boot = boot_in_part(stage, &scratch, Act::Fresh, course).await?;
        let is_next = |(place, step): (usize, &Step)| step.migration == from + place;
        let misses = |it: &str| MISSES_ITS_SESSION.contains(&it);
        let end = if boot.is_paused { last } else { recipe.files() };
        // A ledger may take a file for applied only because another has its version, and is there.
        let passes_over = boot.succeeded() && from + boot.steps.len() < end;
        if from > 0
            && (boot.refusal.is_some()
                || passes_over
                || !boot.steps.iter().enumerate().all(is_next)
                || boot.failures().any(|(_, failure)| misses(&failure.sqlstate)))
        {
            stage.server.drop_database(scratch).await?;
            return anew(stage).await;
        }
        before.steps.extend(boot.steps);
        (before.refusal, before.ledger) = (boot.refusal, boot.ledger);
        if !boot.is_paused {
            return Ok((before, scratch));
        }
        if stage.server.is_pristine().await? {
            let ledger = before.ledger.clone();
            stage.server.snapshot(&scratch, recipe.name(last), ledger).await?;
        }
    }
}

/// A database on which nothing but the pre scripts was played, and what came of them.
pub(super) async fn prepared(stage: &Stage<'_>) -> Result<(Boot, Scratch)> {
    let scratch = empty(stage).await?;
    let pre = Box::pin(seeding::run(stage, &scratch, &stage.project.scripts.pre)).await?;
    Ok((Boot { pre, ..Boot::default() }, scratch))
}

/// A first boot on an empty database, whatever was played before.
pub(super) async fn anew(stage: &Stage<'_>) -> Result<(Boot, Scratch)> {
    let (prepared, scratch) = prepared(stage).await?;
    Ok((after(stage, &scratch, prepared).await?, scratch))
}

/// The first boot, once the pre scripts have prepared a database for it.
async fn after(stage: &Stage<'_>, scratch: &Scratch, prepared: Boot) -> Result<Boot> {
    if !prepared.succeeded() {
        return Ok(prepared);
    }
    let boot = whole(stage, scratch, Act::Fresh).await?;
    Ok(Boot { pre: prepared.pre, ..boot })
}

/// An empty database, with the extensions that the project expects.
async fn empty(stage: &Stage<'_>) -> Result<Scratch> {
    let scratch = stage.server.create(stage.project.config.database()).await?;
    if !stage.project.config.postgres.extensions.is_empty() {
        install(stage, &scratch).await?;
    }
    Ok(scratch)
}

/// The boot of files that a template has, none of which left anything in its session.
fn taken_over(template: &Template, files: usize) -> Boot {
    let step = |migration| Step { migration, failures: Vec::new(), leaks: Vec::new() };
    Boot {
        steps: (0..files).map(step).collect(),
        ledger: template.ledger.clone(),
        ..Boot::default()
    }
}

fn inherited(count: usize, files: usize) -> String {
    format!("{count} of {files} files as they were played before; --cold plays them again")
}

/// Whether every file was played, in the chain's order.
fn is_complete(boot: &Boot, files: usize) -> bool {
    boot.steps.len() == files
        && boot.steps.iter().enumerate().all(|(place, step)| step.migration == place)
}

fn kept(stage: &Stage<'_>, trace: &Trace, scratch: &Scratch) -> Option<String> {
    (stage.keep && !trace.boot.succeeded()).then(|| scratch.url())
}

impl Made {
    /// A copy for one act, under the name that the project expects.
    pub(super) async fn copy(&self, stage: &Stage<'_>) -> Result<Scratch> {
        match self {
            Self::Scratch(scratch) => {
                stage.server.clone_of(scratch, stage.project.config.database()).await
            }
            Self::Template(template) => stage.server.copy_of(template).await,
        }
    }

    /// What somebody may connect to and change.
    pub(super) async fn take(self, stage: &Stage<'_>) -> Result<Scratch> {
        match self {
            Self::Scratch(scratch) => Ok(scratch),
            Self::Template(template) => stage.server.take(&template).await,
        }
    }
}

/// Installs the extensions that only a superuser may create.
async fn install(stage: &Stage<'_>, scratch: &Scratch) -> Result<()> {
    let mut admin = scratch.admin().await?;
    for extension in &stage.project.config.postgres.extensions {
        let create = format!("CREATE EXTENSION {} CASCADE", quoted(extension));
        crate::server::run(&mut admin, &create).await.map_err(|error| {
            let help = if error.to_string().contains("permission denied") {
                "`extensions` under [postgres] in rehearsal.toml names it, and only a superuser \
                 may create it: name one in the server's URL, or take it out of the list"
            } else {
                "`extensions` under [postgres] in rehearsal.toml names it: install its package \
                 for this Postgres, or take it out of the list"
            };
            let failed = Error::new(format!("the extension `{extension}` can't be installed"));
            failed.caused_by(error).help(help)
        })?;
    }
    Ok(())
}
