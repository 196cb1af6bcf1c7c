//! # What it proves
//!
//! The rollout moves a database that the squashed chain has made onto the baseline: the schema is
//! the baseline's, leftovers that are declared aside, the ledger is that of a new database, and the
//! next boot finds nothing to do. No row is lost, nor a value of one: what leaves a table is in
//! another one, by its full key. It is one transaction. Run a second time, or on a database that
//! the baseline and what came after it have made, it changes nothing; and it refuses one whose
//! ledger lacks a migration.
//!
//! It is played on generated rows: a few in each table, as far as its constraints and triggers let
//! them in, some of which share a part of their keys. A table that could not be filled is told.
//!
//! # Why it matters
//!
//! The rollout is run once, by hand, on production, and everywhere else nobody needs it. What it
//! forgets shows when the next deploy runs the baseline over a full database, and what it drops is
//! gone.
//!
//! # Example
//!
//! The ledger still has the rows of the chain, and lacks that of the baseline:
//!
//! ```sql
//! BEGIN;
//! ALTER TABLE members RENAME TO members_d20260519;
//! COMMIT;
//! ```

use super::arrival::led_to;
use super::crossing::{self, Passage, changes, with_rows};
use super::trial::Tried;
use super::{Check, Finding, Judge, Usual, Verdict};
use crate::source::{Migration, Project};
use crate::trace::{Act, RolledOut, Traces};

pub(super) const CHECK: Check = Check {
    name: "rollout",
    level: |_| Usual::Deny,
    judge: Judge::Act { act: Act::Rollout, spared, judge },
};

fn spared(project: &Project) -> Option<String> {
    super::without_baseline(project).or_else(|| {
        project.squash.as_ref()?.rollout.is_none().then(|| "[baseline] names no rollout".to_owned())
    })
}

fn judge(project: &Project, traces: &Traces) -> Verdict {
    let script = project.squash.as_ref().and_then(|squash| squash.rollout.as_ref());
    let (Some(script), Some(trace)) = (script, &traces.rolled_out) else {
        return Verdict::Skipped("the chain does not apply, see `apply`".to_owned());
    };
    let mut findings = crossing::faults("rollout", script);
    if let Some(reason) = &trace.unplayed {
        if findings.is_empty() {
            return Verdict::Skipped(reason.clone());
        }
        return Verdict::Partly(findings, reason.clone());
    }
    let late = late(project);
    if !late.is_empty() {
        findings.extend(late);
        return Verdict::Judged(findings);
    }
    let RolledOut { before, arrival, bookkeeping, .. } = &**trace;
    if arrival.failures.is_empty() {
        findings.extend(led_to(project, script, Passage { before, arrival, bookkeeping }));
        findings.extend(next_boot(project, script, trace));
        let tried = Tried { what: "rollout", project, script, trace };
        findings.extend(trace.trials.iter().flat_map(|trial| tried.told(trial)));
    } else {
        let message = "the rollout fails on what the squashed chain has made";
        let left = changes(&before.state, &arrival.after.state);
        findings.extend(crossing::failed(message, script, &arrival.failures, &left));
    }
    match crossing::remark(trace) {
        Some(remark) => Verdict::Partly(findings, remark),
        None => Verdict::Judged(findings),
    }
}

/// Files that a new database gets before the baseline, and an old one never.
fn late(project: &Project) -> Vec<Finding> {
    let Some(squash) = &project.squash else { return Vec::new() };
    let squashed = &squash.old_side(project).chain.migrations[..squash.squashed];
    let before = &squash.new_side(project).chain.migrations[..squash.baseline];
    let baseline = squash.baseline(project);
    let is_late = |it: &&Migration| {
        it.version != baseline.version && !squashed.iter().any(|old| old.version == it.version)
    };
    let finding = |migration: &Migration| {
        let (name, baseline) = (migration.file_name(), baseline.file_name());
        Finding::new(format!("{name} sorts before the baseline, and was not squashed into it"))
            .in_migration(migration, None)
            .note("databases that the rollout moves would have to run it out of order, or never")
            .help(format!("give it a version of its own after {baseline}"))
    };
    before.iter().filter(is_late).map(finding).collect()
}

/// Whether the next boot finds nothing to do.
fn next_boot(project: &Project, script: &Migration, trace: &RolledOut) -> Option<Finding> {
    let (boot, state) = trace.next_boot.as_ref()?;
    let what = match &project.config.baseline.path {
        Some(path) => path.get_ref().as_str(),
        None => "the baseline",
    };
    let help = "let the rollout write to the ledger what the tool writes when it has run the \
                baseline";
    if let Some(refusal) = &boot.refusal {
        let finding = Finding::new("after the rollout, the next boot refuses to run");
        return Some(finding.in_migration(script, None).note(refusal.clone()).help(help));
    }
    if !boot.steps.is_empty() {
        let message = format!("after the rollout, the next boot runs {what}");
        let finding = Finding::new(message).in_migration(script, None);
        let failures = boot.failures().map(|(_, failure)| failure.words());
        let finding = failures.fold(finding, |finding, words| {
            finding.note(format!("it fails, because all of it is there: {words}"))
        });
        return Some(finding.help(help));
    }
    let changes = changes(&trace.arrival.after.state, state);
    let _ = changes.first()?;
    let finding = Finding::new("after the rollout, the next boot changes the database");
    let finding = finding.in_migration(script, None);
    Some(with_rows(finding, &changes, ToString::to_string).help(help))
}
