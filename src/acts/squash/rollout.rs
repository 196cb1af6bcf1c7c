//! The rollout on what the squashed chain has made, filled with rows, the rollback after it, and
//! the rollout after that; and each of the two where it has nothing to do.
//!
//! The scripts are played as psql plays them: statement by statement in one session, which ends at
//! the first failure.

use std::collections::{BTreeMap, BTreeSet};
use std::iter;
use std::time::Instant;

use sqlx::PgConnection;

use super::super::boot::boot;
use super::super::fresh::{self, Made, Purpose};
use super::super::{
    Stage, applied, compared, end_of, ledger_of, optional, refused, state_at_once, state_of,
};
use super::baseline::{At, Booted, leftovers};
use super::contents::is_view;
use super::populate::{edit, populate};
use super::{both, script};
use crate::Result;
use crate::catalog::{Comparison, Without};
use crate::rows::{Detail, ROWS_MAX, TableRows};
use crate::server::{Scratch, value};
use crate::source::{Crossing, Migration, Project, Side, Squash};
use crate::sql::{Control, Kind, literal};
use crate::trace::{
    Act, Arrival, Boot, Failure, Ground, LedgerTable, Moment, Point, Populated, Retry, RolledBack,
    RolledOut, Since, State, Step, Trial,
};

/// Columns of ledgers that no two boots fill alike, whatever their types: how long something took,
/// who did it, and numbers that mean nothing.
const OF_ONE_BOOT: &[&str] = &["id", "execution_time", "duration", "installed_by", "applied_on"];

/// A ledger's tables, each with the columns that were left aside.
type LedgerRows = BTreeMap<String, (Detail, BTreeSet<String>)>;

/// A script, and where it should lead.
struct Route<'a> {
    stage: &'a Stage<'a>,
    script: &'a Migration,
    state: &'a State,
    ledger: LedgerRows,
}

/// What a first boot has made, and the ledger's qualified name.
type Fresh = (Made, Option<String>);

/// What of the sides is played already.
struct Sides<'a> {
    squash: &'a Squash,
    crossing: &'a Crossing,
    /// Without what has come since the squash.
    old: Option<At<'a>>,
    new: Option<At<'a>>,
    /// The new one with all its files, if some have come since.
    gone_on: Option<At<'a>>,
    new_goes_on: bool,
}

/// Plays the rollout, where the project has one. A side that was played to its end need not be
/// played again.
pub(super) async fn play(own: At<'_>, other: Option<At<'_>>, squash: &Squash) -> Result<RolledOut> {
    let begun = Instant::now();
    let stage = own.side.stage;
    stage.progress.begin(Act::Rollout.name());
    let mut trace = RolledOut::default();
    if let Some(rollout) = &squash.rollout {
        let crossing = squash.crossing(stage.project);
        let (old, new) =
            if squash.own == Side::Old { (Some(own), other) } else { (other, Some(own)) };
        let goes_on = |all: &Project, some: &Project| {
            some.chain.migrations.len() < all.chain.migrations.len()
        };
        let old_goes_on = goes_on(squash.old_side(stage.project), &crossing.old);
        let new_goes_on = goes_on(squash.new_side(stage.project), &crossing.new);
        let sides = Sides {
            squash,
            crossing: &crossing,
            old: old.filter(|_| !old_goes_on),
            new: new.filter(|_| !new_goes_on),
            gone_on: new.filter(|_| new_goes_on),
            new_goes_on,
        };
        Box::pin(all_ways(stage, &sides, rollout, &mut trace)).await?;
    }
    Ok(RolledOut { duration: begun.elapsed(), ..trace })
}

async fn all_ways(
    stage: &Stage<'_>,
    sides: &Sides<'_>,
    rollout: &Migration,
    trace: &mut RolledOut,
) -> Result<()> {
    let crossing = sides.crossing;
    let (old_stage, new_stage) = (stage.on(&crossing.old), stage.on(&crossing.new));
    let (mut fresh_old, mut fresh_new) = (None, None);
    let old = booted(sides.old, &old_stage, &mut fresh_old).await?;
    let mut new = None;
    if old.is_some() {
        new = booted(sides.new, &new_stage, &mut fresh_new).await?;
    }
    match (old, new) {
        (Some(old), Some(new)) => {
            Box::pin(across(stage, sides, [old, new], rollout, trace)).await?;
        }
        (old, _) => {
            let what = if old.is_none() { "squashed chain" } else { "baseline" };
            trace.unplayed = Some(format!("the {what} does not apply, see `baseline`"));
        }
    }
    for (made, _) in [fresh_old, fresh_new].into_iter().flatten() {
        leave(stage, made).await?;
    }
    Ok(())
}

/// What a side has made, or else what a first boot of it makes now; nothing if that fails.
async fn booted<'a>(
    played: Option<At<'a>>,
    stage: &'a Stage<'a>,
    fresh: &'a mut Option<Fresh>,
) -> Result<Option<Booted<'a>>> {
    if let Some(played) = played {
        return Ok(Some(Booted { stage, ..played.side }));
    }
    *fresh = made(stage).await?;
    let booted = |(made, ledger): &'a Fresh| Booted { stage, made, ledger: ledger.as_deref() };
    Ok(fresh.as_ref().map(booted))
}

/// From one side to the other, and back.
async fn across(
    stage: &Stage<'_>,
    sides: &Sides<'_>,
    [old, new]: [Booted<'_>; 2],
    rollout: &Migration,
    trace: &mut RolledOut,
) -> Result<()> {
    let squash = sides.squash;
    let (old_ledger, new_ledger) = (ledger_tables(old), ledger_tables(new));
    trace.bookkeeping = old_ledger.union(&new_ledger).cloned().collect();
    let beginning = async {
        let scratch = old.made.copy(old.stage).await?;
        let spared = &trace.bookkeeping;
        Ok((Box::pin(inhabited(stage, sides, &scratch, spared, &old_ledger)).await?, scratch))
    };
    let end = async {
        let copy = new.stage.aside(new.made.copy(new.stage).await?).await?;
        Ok((goal(sides, &copy, &new_ledger).await?, copy))
    };
    let (((ledger, new_end), copy), ((populated, before, old_ledger), scratch)) =
        both(stage, end, beginning).await?;
    (trace.populated, trace.before) = (populated, before);
    let forth = Route { stage, script: rollout, state: &new_end, ledger };
    let (mut back, mut untouched) = (None, None);
    if let (Some(script), Some(ledger)) = (&squash.rollback, old_ledger) {
        back = Some(Route { stage, script, state: &trace.before.state, ledger });
        untouched = Some(stage.server.clone_of(&scratch, None).await?);
    }
    trace.arrival = forth.go(&scratch, &trace.before).await?;
    let scratch = old.stage.aside(scratch).await?;
    if !trace.arrival.failures.is_empty() {
        for scratch in [Some(copy), Some(scratch), untouched].into_iter().flatten() {
            stage.server.drop_database(scratch).await?;
        }
        return Ok(());
    }
    let arrived = &trace.arrival.after.state;
    let there_and_back = match (&back, untouched) {
        (Some(back), Some(untouched)) => {
            let rolled_out = stage.server.clone_of(&scratch, None).await?;
            let spared = &trace.bookkeeping;
            Some(Box::pin(there_and_back(
                &forth,
                back,
                [rolled_out, untouched],
                &trace.arrival.after,
                spared,
            )))
        }
        _ => None,
    };
    let onwards = Box::pin(onwards(&forth, new, scratch, arrived));
    let elsewhere = Box::pin(elsewhere(sides, &forth, new, copy));
    let ((next_boot, again), (mut way_back, trials)) =
        both(stage, onwards, both(stage, optional(there_and_back), elsewhere)).await?;
    let returned = way_back.as_mut().filter(|it| it.arrival.failures.is_empty());
    if let (Some(back), Some(returned), true) = (&back, returned, sides.new_goes_on) {
        returned.trials.extend(ahead(sides, &forth, back, old).await?);
    }
    trace.next_boot = next_boot;
    trace.trials = iter::once(again).chain(trials).collect();
    trace.rollback = way_back;
    Ok(())
}

/// What the rollout should lead to: the rows of the ledger, and all that is there.
async fn goal(
    sides: &Sides<'_>,
    copy: &Scratch,
    ledger: &BTreeSet<String>,
) -> Result<(LedgerRows, State)> {
    let ledger = ledger_rows(copy, ledger).await?;
    let end = match sides.new {
        Some(at) => at.end().await?.clone(),
        None => state_of(&mut copy.admin().await?, None).await?,
    };
    Ok((ledger, end))
}

/// Fills with rows what the squashed chain has made, but for the `spared` tables. If there is a way
/// back, it should lead to the `ledger` that is here.
async fn inhabited(
    stage: &Stage<'_>,
    sides: &Sides<'_>,
    scratch: &Scratch,
    spared: &BTreeSet<String>,
    ledger: &BTreeSet<String>,
) -> Result<(Populated, Moment, Option<LedgerRows>)> {
    let mut app = scratch.admin().await?;
    let populated = populate(&mut app, spared, stage.limit).await?;
    // Rows leave the schema as it was.
    let before = optional(sides.old.as_ref().map(At::end)).await?;
    let before = before.map(|end| Moment { state: end.clone(), ..Moment::default() });
    let ledger = sides.squash.rollback.as_ref().map(|_| ledger_rows(scratch, ledger));
    let moment = moment(stage, scratch, &mut app, before.as_ref());
    let (moment, ledger) = both(stage, moment, optional(ledger)).await?;
    Ok((populated, moment, ledger))
}

/// The next boot after the rollout, with its end, and the rollout once more.
async fn onwards(
    forth: &Route<'_>,
    new: Booted<'_>,
    scratch: Scratch,
    arrived: &State,
) -> Result<(Option<(Boot, State)>, Trial)> {
    let mut next_boot = None;
    if new.stage.project.chain.ledger().is_some() {
        let boot = boot(new.stage, &scratch, Act::Rollout).await?;
        next_boot = Some((boot, state_of(&mut scratch.admin().await?, Some(arrived)).await?));
    }
    let booted = next_boot.as_ref().map(|(_, state)| state);
    let left = async || Ok(booted.unwrap_or(arrived).clone());
    let again = forth.tried(Ground::Again, &scratch, left, None).await?;
    forth.stage.server.drop_database(scratch).await?;
    Ok((next_boot, again))
}

impl Route<'_> {
    /// Plays the script where it is meant to be played.
    async fn go(&self, scratch: &Scratch, before: &Moment) -> Result<Arrival> {
        let failures = script(self.stage, scratch, self.script).await?;
        let mut reader = scratch.admin().await?;
        let after = moment(self.stage, scratch, &mut reader, Some(before)).await?;
        if !failures.is_empty() {
            return Ok(Arrival { failures, after, ..Arrival::default() });
        }
        let schema = unlike(self.stage, self.state, &after.state).await?;
        let ledger = found_in(&after, &self.ledger);
        Ok(Arrival { failures, after, schema, ledger })
    }

    /// Plays the script where it should change nothing. `before` is asked for what it has found if
    /// it may have changed something, and `next` is who boots there the next time, with that one's
    /// ledger.
    async fn tried(
        &self,
        ground: Ground,
        scratch: &Scratch,
        before: impl AsyncFnOnce() -> Result<State>,
        next: Option<(&Stage<'_>, &str)>,
    ) -> Result<Trial> {
        let failures = script(self.stage, scratch, self.script).await?;
        if is_taken_back(self.script, &failures) {
            let pending = Vec::new();
            return Ok(Trial { ground, failures, states: None, pending, since: None });
        }
        let before = before().await?;
        let after = state_of(&mut scratch.admin().await?, Some(&before)).await?;
        let mut pending = Vec::new();
        if let Some((stage, ledger)) = next {
            pending = pending_in(stage, ledger, scratch).await?;
        }
        let states = Some([before, after]);
        Ok(Trial { ground, failures, states, pending, since: None })
    }
}

/// Whether all of a script was taken back when it failed: it was in the one transaction with which
/// it begins, but for the settings of its session.
fn is_taken_back(script: &Migration, failures: &[Failure]) -> bool {
    let Some(Point::Statement(failed)) = failures.first().map(|failure| &failure.at) else {
        return false;
    };
    let statements = script.file.script.statements().take(*failed).map(|it| &it.kind);
    let mut statements = statements.filter(|it| !matches!(it, Kind::Set { .. }));
    statements.next() == Some(&Kind::Transaction(Control::Begin))
        && statements.all(|it| !matches!(it, Kind::Transaction(_)))
}

/// The way back from what the rollout has left, and forth again; and the rollback where it has been
/// already, and where the rollout hasn't.
async fn there_and_back(
    forth: &Route<'_>,
    back: &Route<'_>,
    [scratch, untouched]: [Scratch; 2],
    arrived: &Moment,
    spared: &BTreeSet<String>,
) -> Result<RolledBack> {
    let server = forth.stage.server;
    let arrival = back.go(&scratch, arrived).await?;
    let (mut retry, mut trials) = (None, Vec::new());
    if arrival.failures.is_empty() {
        let copy = server.clone_of(&scratch, None).await?;
        let left = async || Ok(arrival.after.state.clone());
        let again = async {
            let trial = Box::pin(back.tried(Ground::Again, &copy, left, None)).await?;
            server.drop_database(copy).await?;
            Ok(trial)
        };
        let left = async || Ok(back.state.clone());
        let too_early = Box::pin(back.tried(Ground::NotRolledOut, &untouched, left, None));
        let retried = Box::pin(retried(forth, back.state, &arrival.after, &scratch, spared));
        let (again, (too_early, found)) =
            both(forth.stage, again, both(forth.stage, too_early, retried)).await?;
        trials.extend([again, too_early]);
        retry = Some(found);
    }
    both(forth.stage, server.drop_database(untouched), server.drop_database(scratch)).await?;
    Ok(RolledBack { arrival, retry, trials })
}

/// The rollout after the rollback. Where a table is left over, rows come and change first, as they
/// do in production: if that one is taken for what they are, they are lost.
async fn retried(
    forth: &Route<'_>,
    was: &State,
    is: &Moment,
    scratch: &Scratch,
    spared: &BTreeSet<String>,
) -> Result<Retry> {
    let tables = is.state.rows.tables.keys();
    let left_over = tables.filter(|it| !was.rows.tables.contains_key(*it));
    let left_over = left_over.cloned().collect::<BTreeSet<_>>();
    let mut before = is.clone();
    if !left_over.is_empty() {
        let spared = spared | &left_over;
        let mut app = scratch.admin().await?;
        edit(&mut app, &spared, forth.stage.limit).await?;
        populate(&mut app, &spared, forth.stage.limit).await?;
        before = moment(forth.stage, scratch, &mut app, Some(&before)).await?;
    }
    let arrival = forth.go(scratch, &before).await?;
    Ok(Retry { before, arrival })
}

/// What a first boot makes, if it comes to its end.
async fn made(stage: &Stage<'_>) -> Result<Option<Fresh>> {
    if refused(stage).is_some() {
        return Ok(None);
    }
    let (trace, made) = Box::pin(fresh::play(stage, Purpose::Database)).await?;
    if trace.boot.succeeded() {
        return Ok(Some((made, trace.boot.ledger)));
    }
    leave(stage, made).await?;
    Ok(None)
}

/// What is there, with the rows of small tables. Those that nobody has changed since the moment
/// `before` are not read again.
async fn moment(
    stage: &Stage<'_>,
    scratch: &Scratch,
    reader: &mut PgConnection,
    before: Option<&Moment>,
) -> Result<Moment> {
    let now = state_at_once(stage, scratch, reader, before.map(|it| &it.state)).await?;
    // Of other columns the same texts may be told.
    let before = before.filter(|before| before.state.catalog == now.catalog);
    let known = |name: &String, is: &TableRows| {
        let was = before?.state.rows.tables.get(name)?;
        let is_same = (was.count, was.contents) == (is.count, is.contents);
        before?.details.get(name).filter(|_| is_same).cloned()
    };
    let (mut details, mut unknown) = (BTreeMap::new(), BTreeSet::new());
    for (name, rows) in &now.rows.tables {
        if let Some(detail) = known(name, rows) {
            details.insert(name.clone(), detail);
        } else if rows.count <= ROWS_MAX && !is_view(&now, name) {
            unknown.insert(name.clone());
        }
    }
    details.extend(Detail::read(reader, &unknown).await?);
    Ok(Moment { state: now, details })
}

/// The tables that a side's tool keeps for itself.
fn ledger_tables(side: Booted<'_>) -> BTreeSet<String> {
    ledger_of(side.stage.project, side.ledger).map(|it| it.tables).unwrap_or_default()
}

/// A ledger as it is, without what another boot would write otherwise.
async fn ledger_rows(scratch: &Scratch, tables: &BTreeSet<String>) -> Result<LedgerRows> {
    let mut reader = scratch.admin().await?;
    let aside = aside(&mut reader, tables).await?;
    let details = Detail::read(&mut reader, tables).await?;
    let with_aside = details.into_iter().map(|(table, detail)| {
        let aside = aside.get(&table).cloned().unwrap_or_default();
        let kept = detail.without(|column| aside.contains(column));
        (table, (kept, aside))
    });
    Ok(with_aside.collect())
}

/// By table, the columns that are other ones at each boot: those of times, those that a sequence or
/// a volatile default fills, and some by name.
async fn aside(
    reader: &mut PgConnection,
    tables: &BTreeSet<String>,
) -> Result<BTreeMap<String, BTreeSet<String>>> {
    let list = |names: &mut dyn Iterator<Item = &str>| names.map(literal).collect::<Vec<_>>();
    let tables = list(&mut tables.iter().map(String::as_str)).join(", ");
    let names = list(&mut OF_ONE_BOOT.iter().copied()).join(", ");
    let query = format!(
        "SELECT coalesce(json_object_agg(named, columns), '{{}}')::text FROM (
           SELECT format('%I.%I', n.nspname, c.relname) AS named,
                  json_agg(quote_ident(a.attname)) AS columns
             FROM pg_catalog.pg_attribute a
             JOIN pg_catalog.pg_class c ON c.oid = a.attrelid
             JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
             JOIN pg_catalog.pg_type t ON t.oid = a.atttypid
             LEFT JOIN pg_catalog.pg_attrdef d ON d.adrelid = c.oid AND d.adnum = a.attnum
            WHERE format('%I.%I', n.nspname, c.relname) = ANY (ARRAY[{tables}]::text[])
              AND a.attnum > 0 AND NOT a.attisdropped
              AND (t.typcategory IN ('D', 'T') OR a.attidentity <> ''
                   OR pg_catalog.pg_get_expr(d.adbin, d.adrelid) ~ '\\('
                   OR a.attname = ANY (ARRAY[{names}]))
            GROUP BY 1
         ) one"
    );
    let text = value(reader, &query).await?;
    serde_json::from_str(&text)
        .map_err(|error| crate::Error::new("failed to read the ledger").caused_by(error))
}

/// The ledger's tables as they should be, and as they are.
fn found_in(moment: &Moment, expected: &LedgerRows) -> Vec<LedgerTable> {
    let tables = expected.iter().map(|(name, (expected, aside))| {
        let found = moment.details.get(name);
        let found = found.map(|it| it.without(|column| aside.contains(column)));
        LedgerTable { name: name.clone(), expected: expected.clone(), found }
    });
    tables.collect()
}

/// What a script has left beside what it should have left, and leftovers that are declared.
async fn unlike(stage: &Stage<'_>, should: &State, is: &State) -> Result<Comparison> {
    let (leftovers, _) = leftovers(stage, is, should);
    let without = Without::default().and_names(leftovers);
    compared(stage.server, &should.catalog, &is.catalog, &without).await
}

/// Plays the rollout on databases for which it isn't meant: one that all files of today have made,
/// and one that is not yet where the rollout begins. `copy` is one of what the new side has made.
async fn elsewhere(
    sides: &Sides<'_>,
    forth: &Route<'_>,
    new: Booted<'_>,
    copy: Scratch,
) -> Result<Vec<Trial>> {
    let stage = forth.stage;
    let whole = stage.on(sides.squash.new_side(stage.project));
    let (mut fresh, mut all) = (None, None);
    if sides.new_goes_on {
        all = booted(sides.gone_on, &whole, &mut fresh).await?;
    }
    let (at, end, scratch) = match all {
        Some(all) => {
            stage.server.drop_database(copy).await?;
            let end = optional(sides.gone_on.as_ref().map(At::end)).await?;
            (all, end, all.made.copy(all.stage).await?)
        }
        None => (new, Some(forth.state), stage.onstage(copy).await?),
    };
    let found = async || match end {
        Some(end) => Ok(end.clone()),
        None => end_of(at.stage, at.made).await,
    };
    let mut trials = vec![forth.tried(Ground::NewDatabase, &scratch, found, next(at)).await?];
    stage.server.drop_database(scratch).await?;
    if let Some((made, _)) = fresh {
        leave(stage, made).await?;
    }
    let behind = sides.crossing.behind.as_ref().filter(|it| it.chain.ledger().is_some());
    if let Some(behind) = behind.map(|it| stage.on(it))
        && let Some((made, _)) = made(&behind).await?
    {
        let scratch = made.copy(&behind).await?;
        let found = async || end_of(&behind, &made).await;
        trials.push(forth.tried(Ground::Behind, &scratch, found, next(new)).await?);
        stage.server.drop_database(scratch).await?;
        leave(stage, made).await?;
    }
    Ok(trials)
}

/// Who boots the next time, and by which ledger.
fn next(side: Booted<'_>) -> Option<(&Stage<'_>, &str)> {
    side.ledger.map(|ledger| (side.stage, ledger))
}

/// Plays the rollback where the files after the baseline have run since the rollout, if there are
/// some that do.
async fn ahead(
    sides: &Sides<'_>,
    forth: &Route<'_>,
    back: &Route<'_>,
    old: Booted<'_>,
) -> Result<Option<Trial>> {
    let stage = forth.stage;
    let since = stage.on(sides.squash.new_side(stage.project));
    let Some((scratch, gone)) = gone_on(forth, &since, old).await? else { return Ok(None) };
    let whole = stage.on(sides.squash.old_side(stage.project));
    let next = old.ledger.map(|ledger| (&whole, ledger));
    // Another database, moved in the same way, would not have the same times in its rows.
    let found = state_of(&mut scratch.admin().await?, None).await?;
    let trial = back.tried(Ground::Ahead, &scratch, async || Ok(found.clone()), next).await?;
    stage.server.drop_database(scratch).await?;
    Ok(Some(Trial { since: Some(gone), ..trial }))
}

/// A database that was moved by the rollout, and on which files have run since then.
async fn gone_on(
    forth: &Route<'_>,
    since: &Stage<'_>,
    old: Booted<'_>,
) -> Result<Option<(Scratch, Since)>> {
    let scratch = old.made.copy(old.stage).await?;
    if script(forth.stage, &scratch, forth.script).await?.is_empty() {
        let rolled_out = state_of(&mut scratch.admin().await?, None).await?;
        let boot = boot(since, &scratch, Act::Rollout).await?;
        if boot.succeeded() && !boot.steps.is_empty() {
            let name = |step: &Step| since.project.chain.migrations[step.migration].file_name();
            let files = boot.steps.iter().map(|step| name(step).to_owned()).collect();
            return Ok(Some((scratch, Since { rolled_out, files })));
        }
    }
    since.server.drop_database(scratch).await?;
    Ok(None)
}

/// The files that a side's tool would run at its next boot. One that refuses to boot runs none.
async fn pending_in(stage: &Stage<'_>, table: &str, scratch: &Scratch) -> Result<Vec<String>> {
    let chain = &stage.project.chain;
    let Some(ledger) = chain.ledger() else { return Ok(Vec::new()) };
    let applied = applied(stage.project, table, &mut scratch.admin().await?).await;
    let applied = applied.unwrap_or_default();
    let pending = (ledger.pending)(&chain.migrations, &applied).unwrap_or_default();
    Ok(pending.into_iter().map(|index| chain.migrations[index].file_name().to_owned()).collect())
}

/// Drops what nobody needs any more.
async fn leave(stage: &Stage<'_>, made: Made) -> Result<()> {
    match made {
        Made::Scratch(scratch) => stage.server.drop_database(scratch).await,
        Made::Template(_) => Ok(()),
    }
}
