//! The squashed chain and its baseline, each on an empty database, followed by what has come since;
//! and what each of them made, beside the other.
//!
//! One of the two sides is the project itself, whose first boot is played already. If there is a
//! rollout, what it makes of the chain's database is compared, because it may drop on purpose what
//! the baseline doesn't have.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use tokio::sync::OnceCell;

use super::super::boot::boot;
use super::super::fresh::{self, Made, Purpose};
use super::super::{Stage, applied, compared, end_of, ledger_of, refused, state_of};
use super::contents::{filled_anew, filled_by_default, moved, unlike, unlike_tables};
use super::script;
use crate::Result;
use crate::catalog::{Identity, Without};
use crate::config::fits_table;
use crate::server::Scratch;
use crate::source::{Migration, Side, Squash};
use crate::trace::{Act, BothSides, FilledAnew, NextBoot, Squashed, State, Trace, Way};

/// After which a clock tells another time, if it counts seconds only.
const SECOND: Duration = Duration::from_secs(1);

/// A side of the squash, and what a first boot has made of it.
#[derive(Clone, Copy)]
pub(super) struct Booted<'a> {
    pub(super) stage: &'a Stage<'a>,
    pub(super) made: &'a Made,
    /// The ledger's qualified name, if the boot went by one.
    pub(super) ledger: Option<&'a str>,
}

/// A side, and what is there after its first boot, once somebody has asked for it.
#[derive(Clone, Copy)]
pub(super) struct At<'a> {
    pub(super) side: Booted<'a>,
    pub(super) end: &'a OnceCell<State>,
}

impl<'a> At<'a> {
    /// What is there after the first boot. It is read once, whoever else asks meanwhile.
    pub(super) async fn end(&self) -> Result<&'a State> {
        self.end.get_or_try_init(|| end_of(self.side.stage, self.side.made)).await
    }
}

/// What a first boot has made, what is in there, if that was read already, and the ledger's name.
pub(super) type Played = (Made, OnceCell<State>, Option<String>);

/// The other side than the project's own, as far as it was played, and what there is to tell of it.
pub(in crate::acts) type OtherSide = (Squashed, Option<Played>);

/// Plays the other side than the project's own, if it is to be compared.
pub(in crate::acts) async fn other_side(
    stage: &Stage<'_>,
    wanted: &BTreeSet<Act>,
) -> Result<Option<OtherSide>> {
    let squash = stage.project.squash.as_ref().filter(|_| wanted.contains(&Act::Baseline));
    let Some(squash) = squash else { return Ok(None) };
    stage.progress.begin(Act::Baseline.name());
    let begun = Instant::now();
    let other = &stage.on(&squash.other);
    let (trace, made) = if let Some(trace) = refused(other) {
        (trace, None)
    } else {
        let (trace, made) = Box::pin(fresh::play(other, purpose(squash))).await?;
        (trace, Some(made))
    };
    let Trace { boot, kept, .. } = trace;
    let (mut played, mut again) = (None, None);
    if let Some(made) = made.filter(|_| boot.succeeded()) {
        let is_baseline = squash.own == Side::Old;
        // What a chain has made is read later, in a copy, while rows are put into another copy.
        // What anybody can connect to is read now: nobody can copy it meanwhile.
        let end = match &made {
            Made::Template(_) if !stage.takes_turns && !is_baseline => OnceCell::new(),
            _ => {
                let end = end_of(other, &made).await?;
                if is_baseline {
                    again = next_boot(other, &made, &end).await?;
                }
                OnceCell::new_with(Some(end))
            }
        };
        played = Some((made, end, boot.ledger.clone()));
    }
    let squashed = Squashed {
        other: boot,
        rollout: None,
        compared: None,
        again,
        recorded: Vec::new(),
        duration: begun.elapsed(),
        kept,
    };
    Ok(Some((squashed, played)))
}

/// Compares the sides, if the other one was played to its end.
pub(super) async fn play(
    own: At<'_>,
    other: Option<At<'_>>,
    squash: &Squash,
    mut squashed: Squashed,
) -> Result<Squashed> {
    let begun = Instant::now();
    if let Some(other) = other {
        let (old, new) = if squash.own == Side::Old { (own, other) } else { (other, own) };
        let ways = Ways { squash, old, new, rollout: None, made: Instant::now() };
        compare(ways, &mut squashed).await?;
    }
    squashed.duration += begun.elapsed();
    Ok(squashed)
}

/// What a baseline leaves in its session is of interest, and it is one file; a long chain is better
/// taken from where it was played before.
fn purpose(squash: &Squash) -> Purpose {
    if squash.own == Side::Old { Purpose::Trace } else { Purpose::Database }
}

/// Compares the sides: after the rollout, if there is one and it comes to its end.
async fn compare(mut ways: Ways<'_>, squashed: &mut Squashed) -> Result<()> {
    let Ways { squash, old, new, .. } = ways;
    let copy = match &squash.rollout {
        Some(_) => roll_out(squash, old, new, squashed).await?,
        None => None,
    };
    let copy = match copy {
        Some(copy) => copy,
        None => old.side.made.copy(old.side.stage).await?,
    };
    let copy = old.side.stage.aside(copy).await?;
    let rolled_out;
    let (mut left, right) = (old.end().await?, new.end().await?);
    if squashed.rollout.as_ref().is_some_and(Way::succeeded) {
        rolled_out = state_of(&mut copy.admin().await?, Some(left)).await?;
        left = &rolled_out;
        ways.rollout = squash.rollout.as_ref();
    }
    let other = new.side.stage.aside(new.side.made.copy(new.side.stage).await?).await?;
    let compared = beside(ways, (left, &copy), (right, &other)).await?;
    squashed.compared = Some(compared);
    squashed.recorded = recorded(squash, old, new, &other).await?;
    old.side.stage.server.drop_database(copy).await?;
    new.side.stage.server.drop_database(other).await
}

/// Plays the rollout on what the squashed chain alone has made, and boots with the migrations that
/// are there now. The database is handed back if both succeed.
async fn roll_out(
    squash: &Squash,
    old: At<'_>,
    new: At<'_>,
    squashed: &mut Squashed,
) -> Result<Option<Scratch>> {
    let Some(rollout) = &squash.rollout else { return Ok(None) };
    let server = old.side.stage.server;
    let scratch = match squash.before(old.side.stage.project) {
        Some(project) => {
            let before = old.side.stage.on(&project);
            let (trace, made) = Box::pin(fresh::play(&before, Purpose::Database)).await?;
            // The same files have come to their end together with the later ones.
            if !trace.boot.succeeded() {
                return Ok(None);
            }
            made.copy(&before).await?
        }
        None => old.side.made.copy(old.side.stage).await?,
    };
    let way = cross(old.side.stage, new.side.stage, &scratch, rollout).await?;
    let succeeded = way.succeeded();
    squashed.rollout = Some(way);
    if succeeded {
        return Ok(Some(scratch));
    }
    server.drop_database(scratch).await?;
    Ok(None)
}

/// Plays the rollout on a database, and boots with the migrations that are there now.
async fn cross(
    old: &Stage<'_>,
    new: &Stage<'_>,
    scratch: &Scratch,
    rollout: &Migration,
) -> Result<Way> {
    let mut way = Way { failures: script(old, scratch, rollout).await?, boot: None };
    if way.failures.is_empty() {
        way.boot = Some(boot(new, scratch, Act::Baseline).await?);
    }
    Ok(way)
}

/// How the two databases were made that are compared.
#[derive(Clone, Copy)]
struct Ways<'a> {
    squash: &'a Squash,
    old: At<'a>,
    new: At<'a>,
    /// If it has led on from what the chain has made.
    rollout: Option<&'a Migration>,
    /// Since when both sides are there.
    made: Instant,
}

/// What is in two databases, one of which the chain has made, and the other one the baseline.
async fn beside(
    ways: Ways<'_>,
    (left, left_database): (&State, &Scratch),
    (right, right_database): (&State, &Scratch),
) -> Result<BothSides> {
    let Ways { old, new, .. } = ways;
    let (leftovers, idle_leftovers) = leftovers(old.side.stage, left, right);
    let ledgers = [old, new].map(|it| ledger_of(it.side.stage.project, it.side.ledger));
    let tables = ledgers.iter().flatten().flat_map(|ledger| ledger.tables.iter().cloned());
    let aside = tables.chain(leftovers.iter().cloned()).collect::<BTreeSet<_>>();
    let without = Without::default().and_names(leftovers);
    let without = ledgers.into_iter().fold(without, Without::and_ledger);
    let server = old.side.stage.server;
    let comparison = compared(server, &left.catalog, &right.catalog, &without).await?;
    let is_told = |table: &str| !aside.contains(table);
    let tables = unlike_tables(left, right, is_told);
    let (mut anew, mut rows) = (FilledAnew::default(), Vec::new());
    if !tables.is_empty() {
        anew = match once_more(ways).await? {
            Some(second) => {
                let anew = filled_anew(left_database, &second, &tables).await?;
                server.drop_database(second).await?;
                anew
            }
            None => filled_by_default([left_database, right_database], &tables).await?,
        };
        let sides = ((&left.rows, left_database), (&right.rows, right_database));
        rows = unlike(sides.0, sides.1, &tables, &anew).await?;
    }
    let is_counted = |table: &str| is_told(table) && !anew.tables.contains(table);
    let sequences = moved(&left.rows, &right.rows, is_counted);
    Ok(BothSides { comparison, rows, sequences, anew, idle_leftovers })
}

/// Plays what has made the chain's side once more, and not from a template, whose rows have the
/// values of the first time. Nothing if that doesn't come to its end, as where roles are there
/// already.
async fn once_more(ways: Ways<'_>) -> Result<Option<Scratch>> {
    let Ways { squash, old, new, rollout, made } = ways;
    tokio::time::sleep(SECOND.saturating_sub(made.elapsed())).await;
    let before = rollout.and_then(|_| squash.before(old.side.stage.project));
    let stage = old.side.stage.on(before.as_ref().unwrap_or(old.side.stage.project));
    let (boot, scratch) = Box::pin(fresh::anew(&stage)).await?;
    let mut succeeded = boot.succeeded();
    if let Some(rollout) = rollout.filter(|_| succeeded) {
        succeeded = cross(&stage, new.side.stage, &scratch, rollout).await?.succeeded();
    }
    let scratch = stage.aside(scratch).await?;
    if succeeded {
        return Ok(Some(scratch));
    }
    stage.server.drop_database(scratch).await?;
    Ok(None)
}

/// The tables that only the chain leaves, on purpose; and the patterns that fit none, by place.
pub(super) fn leftovers(
    stage: &Stage<'_>,
    left: &State,
    right: &State,
) -> (BTreeSet<String>, Vec<usize>) {
    let is_there = |state: &State, table: &str| {
        state.catalog.objects.keys().any(|it| it.kind() == "table" && it.name() == table)
    };
    let tables = left.catalog.objects.keys().filter(|it| it.kind() == "table");
    let alone = tables.map(Identity::name).filter(|name| !is_there(right, name));
    let alone = alone.collect::<Vec<_>>();
    let (mut found, mut idle) = (BTreeSet::new(), Vec::new());
    for (place, pattern) in stage.project.config.baseline.leftovers.iter().enumerate() {
        let fitting = alone.iter().filter(|name| fits_table(pattern.get_ref(), name));
        let fitting = fitting.map(|name| (*name).to_owned()).collect::<Vec<_>>();
        idle.extend(fitting.is_empty().then_some(place));
        found.extend(fitting);
    }
    (found, idle)
}

/// The squashed migrations that the ledger names, though the baseline has come into their place.
async fn recorded(
    squash: &Squash,
    old: At<'_>,
    new: At<'_>,
    database: &Scratch,
) -> Result<Vec<String>> {
    let chain = &new.side.stage.project.chain;
    let Some(table) = new.side.ledger else { return Ok(Vec::new()) };
    // A ledger that can't be read is told by the next boot.
    let entries = applied(new.side.stage.project, table, &mut database.admin().await?).await;
    let entries = entries.unwrap_or_default();
    let is_part = |c: char| c.is_alphanumeric() || matches!(c, '_' | '.' | '-');
    let words = entries.iter().flat_map(|entry| entry.split(|c| !is_part(c)));
    let words = words.collect::<BTreeSet<_>>();
    let is_new = |version: &str| chain.migrations.iter().any(|it| it.version == version);
    let squashed = old.side.stage.project.chain.migrations.iter().take(squash.squashed);
    let versions = squashed.map(|migration| &migration.version);
    let recorded = versions.filter(|it| words.contains(it.as_str()) && !is_new(it));
    Ok(recorded.cloned().collect())
}

/// Boots once more on what a boot with the baseline has made, if a ledger is kept that could tell
/// what has run.
pub(in crate::acts) async fn next_boot(
    stage: &Stage<'_>,
    made: &Made,
    before: &State,
) -> Result<Option<NextBoot>> {
    if stage.project.chain.ledger().is_none() {
        return Ok(None);
    }
    let begun = Instant::now();
    let scratch = made.copy(stage).await?;
    let boot = boot(stage, &scratch, Act::Baseline).await?;
    let mut after = None;
    if boot.succeeded() {
        after = Some(state_of(&mut scratch.admin().await?, Some(before)).await?);
    }
    stage.server.drop_database(scratch).await?;
    Ok(Some(NextBoot { boot, before: before.clone(), after, duration: begun.elapsed() }))
}
