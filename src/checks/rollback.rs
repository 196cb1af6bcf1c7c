//! # What it proves
//!
//! The rollback leads back from the rollout: the schema, the rows and the ledger are as they were
//! before, leftovers that are declared aside. The rows are generated, and some share a part of
//! their keys, so that what is restored by half a key is restored to the wrong row. After it, the
//! rollout can be played again, and comes to what it came to the first time: no table that is left
//! over stands in its way, nor is taken for a copy of rows that have been added since. Rows that
//! were there already are not changed in between: a table that is left over, and gets only the
//! rows that it lacks, is not caught with the values that others had the first time.
//!
//! Run a second time, or where the rollout has not run, it changes nothing. Where migrations from
//! after the baseline have run since, it leaves the ledger alone; or at least the rows of those,
//! and then it puts nothing back to what it was before them: no object whose table is there
//! afterwards, and not all rows of a table. A new database, which the baseline has made, has the
//! very ledger that the rollout leaves, and a rollback can't tell the two apart: there it may do
//! what it does.
//!
//! # Why it matters
//!
//! A rollback is for the day on which something else has gone wrong already. Nobody runs it before
//! that day, and what it restores wrongly looks right until somebody reads the rows. A deploy may
//! have come in between: a ledger that forgets what that has run lets it run again, weeks later,
//! and a guard of a few lines says so at once. That is why such a rollback fails, though the one
//! who adds a migration may not have written it: if the day has passed, it is to be removed.
//!
//! # Example
//!
//! The notes of all badges of a rider become those of one of them:
//!
//! ```sql
//! ALTER TABLE rider_badges ADD COLUMN note text;
//! UPDATE rider_badges b SET note = o.note
//!   FROM rider_badges_old o WHERE o.rider_id = b.rider_id;
//! ```

use super::arrival::led_to;
use super::crossing::{self, Passage, changes, short, with_rows};
use super::squash::Sides;
use super::trial::Tried;
use super::{Check, Finding, Judge, Usual, Verdict};
use crate::config::Level;
use crate::rows::Detail;
use crate::source::{Migration, Project};
use crate::trace::{Act, Arrival, Failure, RolledBack, RolledOut, Traces};

pub(super) const CHECK: Check = Check {
    name: "rollback",
    level: |_| Usual::Deny,
    judge: Judge::Act { act: Act::Rollout, spared, judge },
};

fn spared(project: &Project) -> Option<String> {
    super::without_baseline(project).or_else(|| {
        project
            .squash
            .as_ref()?
            .rollback
            .is_none()
            .then(|| "[baseline] names no rollback".to_owned())
    })
}

fn judge(project: &Project, traces: &Traces) -> Verdict {
    let script = project.squash.as_ref().and_then(|squash| squash.rollback.as_ref());
    let (Some(script), Some(trace)) = (script, &traces.rolled_out) else {
        return Verdict::Skipped("the chain does not apply, see `apply`".to_owned());
    };
    let mut findings = crossing::faults("rollback", script);
    let Some(back) = &trace.rollback else {
        let reason = trace.unplayed.clone();
        let reason = reason.unwrap_or_else(|| "the rollout fails, see `rollout`".to_owned());
        if findings.is_empty() {
            return Verdict::Skipped(reason);
        }
        return Verdict::Partly(findings, reason);
    };
    let Arrival { failures, after, .. } = &back.arrival;
    if failures.is_empty() {
        let returned = return_of(script, trace, &back.arrival);
        let holds = returned.iter().all(|finding| finding.at_most < Level::Deny);
        findings.extend(returned);
        findings.extend(retried(project, script, trace, back, holds));
        let tried = Tried { what: "rollback", project, script, trace };
        findings.extend(back.trials.iter().flat_map(|trial| tried.told(trial)));
    } else {
        let message = "the rollback fails on what the rollout has made";
        let left = changes(&trace.arrival.after.state, &after.state);
        findings.extend(crossing::failed(message, script, failures, &left));
    }
    match crossing::remark(trace) {
        Some(remark) => Verdict::Partly(findings, remark),
        None => Verdict::Judged(findings),
    }
}

/// Whether all is as it was.
fn return_of(script: &Migration, trace: &RolledOut, arrival: &Arrival) -> Vec<Finding> {
    let Arrival { schema: comparison, ledger, after, .. } = arrival;
    let left = "what the rollout found";
    let sides = Sides { comparison, left, right: "what the rollback leaves" };
    let help = "let the rollback undo what the rollout does to it";
    let mut findings = crossing::schema(&sides, script, help);
    let should = "that from before the rollout";
    findings.extend(crossing::ledger(ledger, script, "rollback", should));
    let (before, bookkeeping) = (&trace.before, &trace.bookkeeping);
    let passage = Passage { before, arrival, bookkeeping };
    findings.extend(crossing::rewound(passage, script, "rollback"));
    for (table, was) in crossing::unread(before) {
        let is = after.state.rows.tables.get(table);
        if is.is_none_or(|is| (is.count, is.contents) != (was.count, was.contents)) {
            let message = format!("after the rollback, the rows of {table} are not what they were");
            let now = is.map_or(0, |is| is.count);
            let finding = crossing::about(Finding::new(message), script, table)
                .note(format!("it had {} rows and has {now}, which are not looked at", was.count))
                .help("restore each row from what the rollout keeps, by its key");
            findings.push(finding);
        }
    }
    for (table, was) in &before.details {
        if !bookkeeping.contains(table) {
            findings.extend(rows(script, table, was, after.details.get(table)));
        }
    }
    findings
}

/// What Postgres says of a table, another object, a schema and a function that is there already.
const THERE_ALREADY: &[&str] = &["42P07", "42710", "42P06", "42723"];

/// The rollout after the rollback, where it comes to something else than the first time. What is
/// not as it was before is told already, and the rollout may fail by it: so only what is in its way
/// is told then.
fn retried(
    project: &Project,
    script: &Migration,
    trace: &RolledOut,
    back: &RolledBack,
    holds: bool,
) -> Vec<Finding> {
    let rollout = project.squash.as_ref().and_then(|squash| squash.rollout.as_ref());
    let (Some(rollout), Some(retry)) = (rollout, &back.retry) else { return Vec::new() };
    let left_over = left_over(trace, back);
    let name = script.file.file_name();
    let told = |finding: Finding| match left_over.as_slice() {
        [] => finding.note("the first rollout did not, so the rollback leaves something behind"),
        tables => {
            let finding = finding.note(format!("{name} leaves {} over", tables.join(", ")));
            finding.help(format!(
                "drop what is left over at the end of {name}, in the same transaction:\nDROP TABLE \
                 {};",
                tables.join(", ")
            ))
        }
    };
    let arrival = &retry.arrival;
    let is_in_the_way = |failure: &Failure| THERE_ALREADY.contains(&failure.sqlstate.as_str());
    if arrival.failures.iter().any(|failure| holds || is_in_the_way(failure)) {
        let message = "after the rollback, the rollout can't be played again";
        let left = changes(&retry.before.state, &arrival.after.state);
        let findings = crossing::failed(message, rollout, &arrival.failures, &left);
        return findings.into_iter().map(told).collect();
    }
    let faults = |before, arrival| {
        let passage = Passage { before, arrival, bookkeeping: &trace.bookkeeping };
        let mut findings = led_to(project, rollout, passage);
        findings.retain(|finding| finding.at_most == Level::Deny);
        findings
    };
    if !holds || !arrival.failures.is_empty() || !faults(&trace.before, &trace.arrival).is_empty() {
        return Vec::new();
    }
    let findings = faults(&retry.before, arrival).into_iter().map(|finding| {
        let message = format!("played again after the rollback: {}", finding.message);
        told(Finding { message, ..finding })
    });
    findings.collect()
}

/// The tables that the rollback leaves, and the rollout had not found.
fn left_over(trace: &RolledOut, back: &RolledBack) -> Vec<String> {
    let [was, is] = [&trace.before, &back.arrival.after].map(|it| &it.state.catalog.objects);
    let tables = is.keys().filter(|it| it.kind() == "table" && !was.contains_key(*it));
    tables.map(|table| table.name().to_owned()).collect()
}

/// The rows of a table that are not as they were.
fn rows(script: &Migration, table: &str, was: &Detail, is: Option<&Detail>) -> Option<Finding> {
    let nothing = Detail { rows: Vec::new(), ..was.clone() };
    let changes = was.changes(is.unwrap_or(&nothing));
    let _ = changes.first()?;
    let message = format!("after the rollback, the rows of {table} are not what they were");
    let finding = crossing::about(Finding::new(message), script, table);
    let finding = with_rows(finding, &changes, ToString::to_string);
    let key = was.key.as_slice();
    Some(if key.len() > 1 {
        let equal = key.iter().map(|column| format!("kept.{column} = {}.{column}", short(table)));
        finding.help(format!(
            "restore by the whole key, and keep all of it before the rollout takes anything \
             away:\nWHERE {}",
            equal.collect::<Vec<_>>().join(" AND ")
        ))
    } else {
        finding.help("restore each row from what the rollout keeps, by its key")
    })
}
