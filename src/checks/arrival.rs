//! What is wrong with where a rollout has led, the first time or once more after the rollback:
//! beside the baseline, and in what no table holds any more.

use std::collections::{BTreeMap, BTreeSet};

use super::Finding;
use super::crossing::{self, Passage, short, with_rows};
use super::lost::{Loss, lost};
use super::squash::Sides;
use crate::config::Level;
use crate::rows::{Detail, RowChange, TableRows, Values, listed};
use crate::source::{Migration, Project};
use crate::trace::Arrival;

/// What is said where values are other ones.
const LEAVE_ROWS: &str =
    "leave what changes rows to a migration: a new database has no part in a rollout";

/// What is wrong with where a rollout has led.
pub(super) fn led_to(project: &Project, script: &Migration, passage: Passage<'_>) -> Vec<Finding> {
    let mut findings = arrival(project, script, passage);
    findings.extend(losses(project, script, passage));
    findings.extend(large_losses(project, script, passage));
    findings
}

/// Whether it is where the baseline is.
fn arrival(project: &Project, script: &Migration, passage: Passage<'_>) -> Vec<Finding> {
    let Arrival { schema: comparison, ledger, .. } = passage.arrival;
    let sides = Sides { comparison, left: "the baseline", right: "what the rollout leaves" };
    let mut findings = crossing::schema(
        &sides,
        script,
        "let the rollout do the same to it as the baseline, or the baseline what the chain did. A \
         table that stays on purpose is declared, under [baseline] in rehearsal.toml: leftovers = \
         [\"…\"]",
    );
    let ledger = crossing::ledger(ledger, script, "rollout", "that of a new database");
    let format = project.chain.format.name;
    let told = ledger.into_iter().map(|finding| {
        finding.note(format!("by its ledger {format} decides what the next boot runs"))
    });
    findings.extend(told);
    findings.extend(crossing::rewound(passage, script, "rollout"));
    findings
}

/// What is in no table any more.
fn losses(project: &Project, script: &Migration, passage: Passage<'_>) -> Vec<Finding> {
    let leftovers = &project.config.baseline.leftovers;
    let [before, after] = [passage.before, &passage.arrival.after].map(|it| &it.details);
    let mut findings = Vec::new();
    for (table, was) in before {
        // A row without columns is told from no other one.
        if passage.bookkeeping.contains(table) || was.columns.is_empty() {
            continue;
        }
        findings.extend(dropped(script, table, was, [before, after]));
        let is = after.get(table);
        // Where a row may have gone: to a leftover, or to a table that was not there before.
        let others = after.iter().filter(|(name, _)| {
            let fits = |pattern: &toml::Spanned<String>| {
                crate::config::fits_table(pattern.get_ref(), name)
            };
            *name != table && (leftovers.iter().any(fits) || !before.contains_key(*name))
        });
        let loss = lost(was, is, others.clone().map(|(_, detail)| detail));
        if loss.is_none() {
            findings.extend(rewritten(script, table, was, is));
            continue;
        }
        let halves = others.filter_map(|(name, copy)| half_a_key(&loss, was, copy, name));
        let halves = halves.collect::<Vec<_>>();
        let told = lost_rows(script, table, was, &loss).into_iter();
        let told = told.chain(lost_values(script, table, was, &loss));
        findings.extend(told.map(|it| halves.iter().cloned().fold(it, Finding::note)));
    }
    findings
}

/// What is lost of tables that are too large to be looked at row by row, by their numbers of rows.
fn large_losses(project: &Project, script: &Migration, passage: Passage<'_>) -> Vec<Finding> {
    let leftovers = &project.config.baseline.leftovers;
    let moments = [passage.before, &passage.arrival.after];
    let [before, after] = moments.map(|it| &it.state.rows.tables);
    let is_other = |name: &str| {
        !before.contains_key(name)
            || leftovers.iter().any(|it| crate::config::fits_table(it.get_ref(), name))
    };
    let finding = |(table, was): (&String, &TableRows)| {
        let now = after.get(table);
        let gone = was.count.saturating_sub(now.map_or(0, |now| now.count));
        let is_kept = |(name, other): (&String, &TableRows)| {
            is_other(name) && name != table && other.count >= gone
        };
        if gone > 0 {
            let message = format!("the rollout loses {gone} of {} rows of {table}", was.count);
            let finding = crossing::about(Finding::new(message), script, table);
            return (!after.iter().any(is_kept)).then(|| finding.help(kept_under(table)));
        }
        let now = now.filter(|now| now.contents != was.contents)?;
        let message = format!("the rollout changes rows of {table}");
        let finding = crossing::about(Finding::new(message), script, table);
        let finding = finding.note(format!("it has {} rows, which are not looked at", now.count));
        Some(Finding { at_most: Level::Warn, ..finding.help(LEAVE_ROWS) })
    };
    crossing::unread(passage.before).filter_map(finding).collect()
}

/// A table that could not be filled, and is gone.
fn dropped(
    script: &Migration,
    table: &str,
    was: &Detail,
    [before, after]: [&BTreeMap<String, Detail>; 2],
) -> Option<Finding> {
    let is_gone = was.rows.is_empty() && !after.contains_key(table);
    let mut new = after.iter();
    let is_renamed = new.any(|(name, it)| !before.contains_key(name) && it.columns == was.columns);
    (is_gone && !is_renamed).then(|| {
        let message = format!("the rollout drops {table}");
        let finding = crossing::about(Finding::new(message), script, table);
        let finding = finding
            .note("no row could be put into it, so what becomes of its rows is not known")
            .help(kept_under(table));
        Finding { at_most: Level::Warn, ..finding }
    })
}

/// What is said of a copy that has all that is lost, but not the whole key.
fn half_a_key(loss: &Loss, before: &Detail, copy: &Detail, name: &str) -> Option<String> {
    let has = |column: &&String| copy.columns.contains(*column);
    let (there, lacking): (Vec<&String>, Vec<&String>) = before.key.iter().partition(has);
    let is_copy =
        !there.is_empty() && !lacking.is_empty() && loss.columns.iter().all(|it| has(&it));
    let list =
        |names: &[&String]| names.iter().map(|name| name.as_str()).collect::<Vec<_>>().join(", ");
    is_copy.then(|| {
        format!(
            "{name} has {} of the key, and not {}: of rows that share the one, it can't tell which \
             is which",
            list(&there),
            list(&lacking)
        )
    })
}

fn lost_rows(script: &Migration, table: &str, before: &Detail, loss: &Loss) -> Option<Finding> {
    let _ = loss.rows.first()?;
    let (gone, all) = (loss.rows.len(), before.rows.len());
    let rows = if all == 1 { "row" } else { "rows" };
    let message = format!("the rollout loses {gone} of {all} {rows} of {table}");
    let finding = crossing::about(Finding::new(message), script, table);
    let finding = with_rows(finding, &loss.rows, |row: &Values| format!("gone: {}", listed(row)));
    Some(finding.help(kept_under(table)))
}

fn kept_under(table: &str) -> String {
    let name = short(table);
    format!(
        "keep the table under another name, and declare it under [baseline] in rehearsal.toml:\n\
         ALTER TABLE {table} RENAME TO {name}_old;\nleftovers = [\"{name}_old\"]"
    )
}

fn lost_values(script: &Migration, table: &str, before: &Detail, loss: &Loss) -> Option<Finding> {
    let _ = loss.values.first()?;
    let columns = loss.columns.join(", ");
    let (gone, all) = (loss.values.len(), before.rows.len());
    let rows = if all == 1 { "row" } else { "rows" };
    let message = format!("the rollout loses {columns} of {gone} of {all} {rows} of {table}");
    let finding = crossing::about(Finding::new(message), script, table);
    let finding = with_rows(finding, &loss.values, |row: &Values| format!("gone: {}", listed(row)));
    let key = if before.key.is_empty() { "…".to_owned() } else { before.key.join(", ") };
    Some(finding.help(format!(
        "keep them with the whole key before they go, and declare the table under [baseline] in \
         rehearsal.toml:\nCREATE TABLE {}_old AS SELECT {key}, {columns} FROM {table};\n\
         leftovers = [\"{}_old\"]",
        short(table),
        short(table)
    )))
}

/// Rows that are there with other values. A value that is NULL now, or the same as another one, is
/// lost.
fn rewritten(
    script: &Migration,
    table: &str,
    before: &Detail,
    after: Option<&Detail>,
) -> Option<Finding> {
    let after = after?;
    let mut changes = before.changes(after);
    changes.retain(|change| matches!(change, RowChange::Changed { .. }));
    let _ = changes.first()?;
    let finding = Finding::new(format!("the rollout changes rows of {table}"));
    let finding = with_rows(crossing::about(finding, script, table), &changes, ToString::to_string);
    let finding = finding.help(LEAVE_ROWS);
    let lost = before.columns.iter().any(|column| {
        let (was, is) = (values(before, column), values(after, column));
        is.as_ref().is_some_and(|is| was.is_some_and(|was| is.len() < was.len()))
    });
    Some(if lost { finding } else { Finding { at_most: Level::Warn, ..finding } })
}

/// The different values of a column, if a table has it.
fn values<'a>(detail: &'a Detail, column: &String) -> Option<BTreeSet<&'a str>> {
    let place = detail.columns.iter().position(|it| it == column)?;
    Some(detail.rows.iter().filter_map(|row| row[place].as_deref()).collect())
}
