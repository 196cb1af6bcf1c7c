//! # What it proves
//!
//! A bootstrap succeeds: pre scripts, chain, seeds, post scripts, each committed. A second one,
//! with the columns tightened that are to be, succeeds as well and leaves everything as it was. One
//! that was cut off between two phases ends, after a second bootstrap, as one that wasn't.
//!
//! # Why it matters
//!
//! A deploy runs all of it each time, and now and then it dies on the way. A post script that can
//! run only once then needs somebody who mends the database by hand, while the app is down.
//!
//! # Example
//!
//! ```sql
//! -- post/01_welcome.sql: the second bootstrap posts it again
//! INSERT INTO posts (title) VALUES ('Welcome');
//! ```

use std::collections::BTreeSet;

use super::cause::table_of;
use super::change::{Change, uncounted, with_rows};
use super::doer::Deed;
use super::{Check, Finding, Judge, Usual, Verdict, bootstrapped, doer, part, without_bootstrap};
use crate::config::Level;
use crate::rows::RowDifference;
use crate::source::Project;
use crate::trace::{
    Act, Again, Author, Bootstrapped, Cut, Ending, Failure, Phase, Round, State, Stride, Trace,
    Traces,
};

pub(super) const CHECK: Check = Check {
    name: "bootstrap",
    level: |_| Usual::Deny,
    judge: Judge::Act { act: Act::Bootstrap, spared: without_bootstrap, judge },
};

/// What a check of the end of a bootstrap says where there is none.
pub(super) const NO_END: &str = "the bootstrap does not come to its end, see `bootstrap`";

const UNREPEATABLE: &str = "not cut off before the chain: what was made then for the whole server \
                            is there by now, and fails when it is made for another database";

const COUNTED: &str = "no two bootstraps make the same rows, so where one is cut off only their \
                       number was compared in";

fn judge(project: &Project, traces: &Traces) -> Verdict {
    let trace = match bootstrapped(traces) {
        Ok(trace) => trace,
        Err(skipped) => return skipped,
    };
    if let Some((author, Some(step))) = trace.first.stop() {
        let failed = part::failed(project, "the bootstrap", author, step);
        let note = "what comes before it is committed by then, and stays";
        return Verdict::Judged(failed.into_iter().map(|it| it.note(note)).collect());
    }
    let mut findings = Vec::new();
    let mut elsewhere = BTreeSet::new();
    for stop in stops(trace) {
        match stop.told_by(traces) {
            Some(check) => elsewhere.extend([check]),
            None => findings.extend(stopped(project, trace, &stop)),
        }
    }
    let changed = trace.again.as_ref().map(|again| changed(project, traces, again));
    let changed = changed.unwrap_or_default();
    let ours = changed.iter().flat_map(|it| it.subjects.iter().cloned());
    let told = [told_of_seeds(traces), told_of_boots(traces)].concat();
    let told = Told { elsewhere: told, here: ours.collect() };
    for Changed { finding, subjects } in changed {
        findings.push(note_cuts(finding, &subjects, &trace.cuts));
    }
    findings.extend(astray(&trace.cuts, &told));
    let counted = trace.cuts.iter().flat_map(|cut| &cut.counted).collect::<BTreeSet<_>>();
    let counted = counted.into_iter().map(String::as_str).collect::<Vec<_>>().join(", ");
    let counted = (!counted.is_empty()).then(|| format!("{COUNTED} {counted}"));
    let unrepeatable = (!trace.is_pre_repeatable).then(|| UNREPEATABLE.to_owned());
    let again =
        trace.again.iter().flat_map(|again| [Some(&again.before), again.round.end.as_ref()]);
    let uncounted = uncounted(again.flatten().map(|ending| &ending.writes));
    let elsewhere = elsewhere.into_iter().map(|check| {
        format!("a second bootstrap fails as a second run of that part alone does, see `{check}`")
    });
    let elsewhere = elsewhere.collect::<Vec<_>>();
    if findings.is_empty() && !elsewhere.is_empty() {
        return Verdict::Skipped(elsewhere.join("; "));
    }
    let remarks = unrepeatable.into_iter().chain(counted).chain(uncounted).chain(elsewhere);
    Verdict::of(findings, remarks)
}

/// Bootstraps that stopped at the same place for the same reason.
struct Stop<'a> {
    author: Author,
    /// What the first of them came to.
    round: &'a Round,
    /// Whether the second bootstrap is among them.
    is_second: bool,
    /// After which phases the others were cut off.
    cuts: Vec<Phase>,
}

impl Stop<'_> {
    /// The check that tells the same failure of the chain or of the seeds by themselves.
    fn told_by(&self, traces: &Traces) -> Option<&'static str> {
        let (Author::Chain | Author::Seed(_)) = self.author else { return None };
        let ours = failures(self.round);
        let is_ours = |others: Vec<(&str, &str)>| ours.iter().all(|it| others.contains(it));
        if let Author::Seed(place) = self.author {
            let second = traces.seeding.as_ref()?.second.as_ref()?;
            let step = second.steps.iter().find(|step| step.place == place && !step.succeeded())?;
            let check = super::reseed_counts::CHECK.name;
            let is_told = traces.judged.contains(check) && is_ours(words(&step.failures));
            return is_told.then_some(check);
        }
        // They are played only for their checks.
        let played = [
            (super::rerun::CHECK.name, &traces.rerun),
            (super::replay::CHECK.name, &traces.replay),
        ];
        let told = played.into_iter().find(|(_, trace)| {
            trace.as_ref().is_some_and(|Trace { boot, .. }| {
                !boot.succeeded()
                    && boot.refusal == self.round.boot.refusal
                    && is_ours(words(boot.failures().map(|(_, failure)| failure)))
            })
        });
        told.map(|(check, _)| check)
    }
}

/// What stops a second bootstrap, or one that was cut off: each failure once.
fn stops(trace: &Bootstrapped) -> Vec<Stop<'_>> {
    let again = trace.again.iter().map(|again| (None, &again.round));
    let cuts = trace.cuts.iter().map(|cut| (Some(cut.after), &cut.round));
    let mut stops: Vec<Stop<'_>> = Vec::new();
    for (cut, round) in again.chain(cuts) {
        let Some((author, _)) = round.stop() else { continue };
        let same =
            |stop: &&mut Stop<'_>| stop.author == author && failures(stop.round) == failures(round);
        match stops.iter_mut().find(same) {
            Some(stop) => stop.cuts.extend(cut),
            None => stops.push(Stop {
                author,
                round,
                is_second: cut.is_none(),
                cuts: cut.into_iter().collect(),
            }),
        }
    }
    stops
}

fn failures(round: &Round) -> Vec<(&str, &str)> {
    let steps = round.boot.pre.iter().chain(&round.seeds).chain(&round.post);
    let of_chain = round.boot.failures().map(|(_, failure)| failure);
    words(steps.flat_map(|step| &step.failures).chain(of_chain))
}

fn words<'a>(failures: impl IntoIterator<Item = &'a Failure>) -> Vec<(&'a str, &'a str)> {
    let failures = failures.into_iter();
    failures.map(|failure| (failure.sqlstate.as_str(), failure.message.as_str())).collect()
}

fn stopped(project: &Project, trace: &Bootstrapped, stop: &Stop<'_>) -> Vec<Finding> {
    let after = listed(&stop.cuts);
    let what = if stop.is_second {
        "a second bootstrap".to_owned()
    } else {
        format!("a bootstrap after one that was cut off after {after}")
    };
    let findings = match stop.round.stop() {
        Some((author, Some(failed))) => part::failed(project, &what, author, failed),
        _ => part::chain_failed(project, &what, &stop.round.boot),
    };
    let meaning = match (stop.is_second, stop.cuts.is_empty()) {
        (true, true) => None,
        (true, false) => Some(format!(
            "so does one after a bootstrap that was cut off after {after}: a deploy that dies \
             there can't be started again"
        )),
        (false, _) => Some(format!("a deploy that dies after {after} can't be started again")),
    };
    let tightened = stop.round.stop().and_then(|(_, step)| step);
    let tightened = tightened.and_then(|step| {
        step.failures.iter().find_map(|failure| is_tightened(trace, failure).then_some(TIGHTENED))
    });
    let told = findings.into_iter().map(|finding| {
        let finding = meaning.iter().cloned().fold(finding, Finding::note);
        let finding = match tightened.filter(|_| stop.is_second) {
            Some(help) => finding
                .note("the column is NOT NULL since `tighten` was played, as in production")
                .help(help),
            None => finding,
        };
        match finding.help {
            Some(_) => finding,
            None => finding.help(GUARD_IT),
        }
    });
    told.collect()
}

/// What to write where a row is refused that ON CONFLICT would have left out.
const TIGHTENED: &str = "give the column its value where the row is written; ON CONFLICT DO \
                         NOTHING does not help, because NOT NULL is checked before the conflict is \
                         seen: WHERE NOT EXISTS (…) leaves the row out before";

const GUARD_IT: &str = "guard what is there already: CREATE … IF NOT EXISTS, INSERT … ON CONFLICT \
                        DO NOTHING, or a DO block that looks first";

fn is_tightened(trace: &Bootstrapped, failure: &Failure) -> bool {
    let column = failure.column.as_deref();
    failure.sqlstate == "23502"
        && trace.columns.iter().any(|it| column == Some(&*super::change::unquoted(&it.column)))
}

/// What somebody changed in a second bootstrap.
struct Changed {
    finding: Finding,
    /// The tables and other objects that are told there, for more than how they are stored.
    subjects: BTreeSet<String>,
}

/// What a second bootstrap changes, by who did it, without what other checks tell.
fn changed(project: &Project, traces: &Traces, again: &Again) -> Vec<Changed> {
    let ledger = traces.fresh.boot.ledger.as_deref();
    let net = net(again, ledger);
    let pairs = again.path.iter().zip(again.path.iter().skip(1));
    let steps = pairs.filter_map(|(earlier, later)| {
        let author = later.author?;
        let told = match author {
            Author::Seed(_) => told_of_seeds(traces),
            Author::Chain => told_of_boots(traces),
            Author::Pre(_) | Author::Post(_) => Vec::new(),
        };
        let mut changes = changes(&earlier.ending, &later.ending, ledger);
        changes.retain(|change| {
            let is_theirs = matches!(author, Author::Seed(_) | Author::Chain);
            let is_unseen = matches!(change, Change::Writes { .. });
            !(is_among(change, &told) || is_theirs && is_unseen)
        });
        let _ = changes.first()?;
        Some(changed_by(project, author, &changes, &net, (earlier, later)))
    });
    steps.collect()
}

/// What is another one in the end, for more than how it is stored.
fn net(again: &Again, ledger: Option<&str>) -> BTreeSet<String> {
    let Some(end) = &again.round.end else { return BTreeSet::new() };
    let changes = changes(&again.before, end, ledger);
    let hard = changes.iter().filter(|change| is_hard(change));
    hard.map(|change| change.subject().to_owned()).collect()
}

fn changes(before: &Ending, after: &Ending, ledger: Option<&str>) -> Vec<Change> {
    let mut changes = Change::between(&before.state, &after.state, ledger);
    if let (Ok(then), Ok(now)) = (&before.writes, &after.writes) {
        let writes = crate::rows::Writes { tables: now.since(then) };
        changes.extend(Change::unseen(&changes, &writes, ledger));
    }
    let kept = after.changes_since(before);
    let catalog = &after.state.catalog;
    let is_refreshed = |name: &str| {
        let mut views = catalog.objects.keys().filter(|it| it.kind() == "materialized view");
        views.any(|view| view.name() == name)
    };
    changes.retain(|change| match change {
        Change::Rows(change @ RowDifference::Changed { .. }) => kept.contains(change),
        // A refresh replaces the file of a view, and is what post scripts are for.
        Change::Rows(change) => !(change.is_physical() && is_refreshed(change.name())),
        Change::Writes { table, .. } => !is_refreshed(table),
        Change::Schema(_) => true,
    });
    changes
}

fn changed_by(
    project: &Project,
    author: Author,
    changes: &[Change],
    net: &BTreeSet<String>,
    (earlier, later): (&Stride, &Stride),
) -> Changed {
    let state = &later.ending.state;
    let stays = |change: &&Change| is_hard(change) && net.contains(change.subject());
    let hard = changes.iter().filter(stays).collect::<Vec<_>>();
    let subjects = hard.iter().map(|change| change.subject().to_owned()).collect();
    let who = part::name(project, author);
    let main = hard.first().copied().or(changes.first());
    let message = if hard.is_empty() {
        format!("a second bootstrap writes in {who}, though no row is another for it in the end")
    } else {
        format!("a second bootstrap changes the database in {who}")
    };
    let mut finding = Finding::new(message);
    let deed = main.and_then(|change| doer::deed(project, author, change, state));
    finding = match deed {
        Some(deed) => deed.place(finding),
        None => part::at(project, finding, author),
    };
    let details = changes.iter().map(Change::subject).filter_map(|table| {
        let (was, is) = earlier.details.get(table).zip(later.details.get(table))?;
        Some((table.to_owned(), (was.clone(), is.clone())))
    });
    let details = details.collect();
    finding.notes.extend(changes.iter().map(|change| change.note(&details)));
    if matches!(author, Author::Seed(_)) {
        finding = doer::note_on_walk(project, finding);
    }
    if hard.is_empty() {
        finding.at_most = Level::Warn;
    }
    let help = main.and_then(|change| help(project, author, change, state));
    let finding = finding.help(help.unwrap_or_else(|| {
        "let it find nothing to do the second time: INSERT … ON CONFLICT DO NOTHING, or WHERE NOT \
         EXISTS; UPDATE … WHERE the value is another one"
            .to_owned()
    }));
    Changed { finding, subjects }
}

/// What to write instead of the statement that did it, if that is known.
fn help(project: &Project, author: Author, change: &Change, state: &State) -> Option<String> {
    let Deed { file, statement } = doer::deed(project, author, change, state)?;
    let table = table_of(&state.catalog, statement);
    change.help(&file.file.text, statement, table.as_ref())
}

/// Whether more has changed than how things are stored, and how far a sequence has counted.
fn is_hard(change: &Change) -> bool {
    match change {
        Change::Schema(_) => true,
        Change::Rows(difference) => !difference.is_physical() && !change.is_sequence_move(),
        Change::Writes { .. } => false,
    }
}

/// What `seed`, `reseed_counts` and `reseed_contents` tell of the seeds, if they are judged. What
/// only concerns how things are stored is told by what is told of their rows.
fn told_of_seeds(traces: &Traces) -> Vec<Change> {
    let Some(seeding) = &traces.seeding else { return Vec::new() };
    let schema = seeding.ends().map(|(first, second)| Change::between(first, second, None));
    let mut told = schema.unwrap_or_default();
    told.retain(|change| matches!(change, Change::Schema(_)));
    told.extend(seeding.changes().into_iter().map(Change::Rows));
    let unseen = seeding.unseen().into_iter();
    told.extend(unseen.map(|(table, writes)| Change::Writes { table, writes }));
    told.retain(|change| {
        let judge = match change {
            Change::Schema(_) => super::SEEDED,
            Change::Rows(RowDifference::Counted { .. }) => super::reseed_counts::CHECK.name,
            Change::Rows(_) | Change::Writes { .. } => super::reseed_contents::CHECK.name,
        };
        !is_hard(change) || traces.judged.contains(judge)
    });
    told
}

/// What `rerun` and `replay` tell of the chain, which is played only for them.
fn told_of_boots(traces: &Traces) -> Vec<Change> {
    let Some(before) = &traces.fresh.end else { return Vec::new() };
    let played = [&traces.rerun, &traces.replay].into_iter().flatten();
    let ends = played.filter_map(|trace| trace.end.as_ref());
    ends.flat_map(|end| Change::between(before, end, None)).collect()
}

/// Whether a change is told: as the same change, with as many rows more or fewer. One of how things
/// are stored is told by whatever is told of them.
fn is_among(change: &Change, told: &[Change]) -> bool {
    let grows = |change: &Change| match change {
        Change::Rows(RowDifference::Counted { before, after, .. }) => {
            Some(i128::from(*after) - i128::from(*before))
        }
        _ => None,
    };
    told.iter().any(|other| {
        let is_alike = match grows(change) {
            Some(more) => grows(other) == Some(more),
            None => !is_hard(change) || change == other,
        };
        is_alike && change.subject() == other.subject()
    })
}

/// Says which bootstraps that were cut off end with the same change.
fn note_cuts(finding: Finding, subjects: &BTreeSet<String>, cuts: &[Cut]) -> Finding {
    let has = |cut: &&Cut| subjects_of(cut).any(|subject| subjects.contains(subject));
    let cuts = cuts.iter().filter(has).map(|cut| cut.after).collect::<Vec<_>>();
    if cuts.is_empty() {
        return finding;
    }
    finding.note(format!(
        "a deploy that dies after {} and is started again leaves another database too than one \
         that doesn't die",
        listed(&cuts)
    ))
}

fn subjects_of(cut: &Cut) -> impl Iterator<Item = &str> {
    let schema = cut.schema.iter().map(|difference| difference.identity().root());
    let nulls = cut.nulls.iter().map(|(table, ..)| table.as_str());
    schema.chain(cut.rows.iter().map(RowDifference::name)).chain(nulls)
}

/// What needn't be told of bootstraps that were cut off.
struct Told {
    /// By other checks.
    elsewhere: Vec<Change>,
    /// The tables and other objects of which the second bootstrap tells.
    here: BTreeSet<String>,
}

impl Told {
    fn has(&self, change: &Change) -> bool {
        self.here.contains(change.subject()) || is_among(change, &self.elsewhere)
    }
}

/// Bootstraps that were cut off, and did not end as the whole one, in what is told nowhere else.
fn astray(cuts: &[Cut], told: &Told) -> Vec<Finding> {
    let mut groups: Vec<(Vec<String>, Vec<Phase>)> = Vec::new();
    for cut in cuts {
        let notes = differences(cut, told);
        if notes.is_empty() {
            continue;
        }
        match groups.iter_mut().find(|(same, _)| *same == notes) {
            Some((_, cuts)) => cuts.push(cut.after),
            None => groups.push((notes, vec![cut.after])),
        }
    }
    let findings = groups.into_iter().map(|(notes, cuts)| {
        let after = listed(&cuts);
        let message = format!(
            "a bootstrap that was cut off after {after}, and started again, does not end as a \
             whole one"
        );
        notes.into_iter().fold(Finding::new(message), Finding::note).help(format!(
            "a deploy that dies after {after} leaves this behind for good: let each script look \
             at what is there, and at nothing that tells only how far the last bootstrap came"
        ))
    });
    findings.collect()
}

fn differences(cut: &Cut, told: &Told) -> Vec<String> {
    let schema = cut.schema.iter().filter(|it| !told.has(&Change::Schema((*it).clone())));
    let schema =
        schema.map(|difference| format!("from the whole one's schema to this: {difference}"));
    let rows = cut.rows.iter().filter(|it| !told.has(&Change::Rows((*it).clone())));
    let rows = rows.map(|difference| {
        let sentence = match difference {
            RowDifference::Counted { table, before, after } => {
                format!("table {table} has {after} rows, where the whole one leaves {before}")
            }
            other => format!("table {} has other values than the whole one leaves", other.name()),
        };
        let details = cut.details.get(difference.name());
        let rows = details.map(|(whole, this)| whole.changes(this)).unwrap_or_default();
        with_rows(&sentence, &rows)
    });
    let nulls = cut.nulls.iter().map(|(table, column, count)| {
        let rows = if *count == 1 { "1 row".to_owned() } else { format!("{count} rows") };
        format!("{table}.{column} is NULL in {rows}, where the whole one leaves none")
    });
    schema.chain(rows).chain(nulls).collect()
}

fn listed(phases: &[Phase]) -> String {
    let names = phases.iter().map(|it| part::phase(*it)).collect::<Vec<_>>();
    match names.as_slice() {
        [others @ .., last] if !others.is_empty() => format!("{} or {last}", others.join(", ")),
        _ => names.concat(),
    }
}
