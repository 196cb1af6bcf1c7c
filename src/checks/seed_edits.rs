//! # What it proves
//!
//! What the project promises to its users of rows that the seeds have filled: with `edits = "kept"`
//! under `[seeds]`, what somebody has edited is still there when the seeds run again; with
//! `edits = "restored"`, it is as the seeds have it. Rows of every table that the seeds fill are
//! edited as an app would do it, value by value.
//!
//! # Why it matters
//!
//! Seeds run at each boot. A text that an administrator has rewritten on Monday is gone with the
//! deploy on Tuesday, and nobody knows why.
//!
//! # Example
//!
//! ```sql
//! INSERT INTO policies (name, description) VALUES ('read', 'May look')
//! ON CONFLICT (name) DO UPDATE SET description = EXCLUDED.description;
//! ```

use std::collections::{BTreeMap, BTreeSet};

use super::doer::{Deed, deeds_on, suspected};
use super::part::seeds_failed;
use super::sowing::unplayed;
use super::trigger::triggers_naming;
use super::{Check, Finding, Judge, Usual, Verdict, cause, without_seeds};
use crate::catalog::parent_of;
use crate::config::Edits;
use crate::rows::{self, quoted_value};
use crate::source::{Project, Seed};
use crate::sql::Kind;
use crate::trace::{Act, Edit, Edited, Fate, Traces};

pub(super) const CHECK: Check = Check {
    name: "seed_edits",
    level: |_| Usual::Deny,
    judge: Judge::Act { act: Act::Edit, spared, judge },
};

/// How many edits of a table are told.
const EDITS_TOLD: usize = 5;

fn spared(project: &Project) -> Option<String> {
    let promise = project.config.seeds.edits.is_some();
    let nothing = || (!promise).then(|| "[seeds] promises nothing: edits = \"kept\"".to_owned());
    without_seeds(project).or_else(nothing)
}

fn judge(project: &Project, traces: &Traces) -> Verdict {
    let (Some(edited), Some(promise)) = (&traces.edit, &project.config.seeds.edits) else {
        return unplayed(traces);
    };
    let derived = match promise.get_ref() {
        Edits::Kept => BTreeMap::new(),
        Edits::Restored => derived(project, traces, edited),
    };
    let mut findings = seeds_failed(project, "a run of the seeds after edits", &edited.steps);
    if findings.is_empty() {
        let breaks = |edit: &&Edit| match promise.get_ref() {
            Edits::Kept => edit.after != Fate::There(edit.edited.clone()),
            Edits::Restored => !is_restored(edit) && is_seeded(project, edit),
        };
        let mut broken: BTreeMap<&str, Vec<&Edit>> = BTreeMap::new();
        let by_seeds = edited.edits.iter().filter(|edit| !derived.contains_key(&*edit.table));
        for edit in by_seeds.filter(breaks) {
            broken.entry(&edit.table).or_default().push(edit);
        }
        let tell = |(table, edits)| match promise.get_ref() {
            Edits::Kept => undone(project, table, edits),
            Edits::Restored => left(project, table, edits),
        };
        findings.extend(broken.into_iter().map(tell));
    }
    if edited.edits.is_empty() && edited.spared.is_empty() && findings.is_empty() {
        return Verdict::Skipped("the seeds write no row that could be edited".to_owned());
    }
    let spared = edited.spared.iter().map(|(table, why)| format!("{table} not edited: {why}"));
    let derived = derived.iter().map(|(table, trigger)| {
        format!("{table} not judged: no seed writes it, the trigger {trigger} does")
    });
    Verdict::of(findings, spared.chain(derived))
}

/// The tables that hold what triggers have made of the seeds' rows, such as a log of them, each
/// with such a trigger. Nobody can tell of a command or a closure what it writes.
fn derived<'a>(
    project: &Project,
    traces: &'a Traces,
    edited: &'a Edited,
) -> BTreeMap<&'a str, &'a str> {
    let is_file = |seed: &Seed| seed.file().is_some();
    let Some(end) = traces.fresh.end.as_ref().filter(|_| project.scripts.seeds.iter().all(is_file))
    else {
        return BTreeMap::new();
    };
    let tables: BTreeSet<_> = edited.edits.iter().map(|edit| edit.table.as_str()).collect();
    let unnamed = tables.into_iter().filter(|table| deeds_on(project, table).is_empty());
    let filled = unnamed.filter_map(|table| {
        let short = parent_of(table).map_or(table, |schema| &table[schema.len() + 1..]);
        let triggers = triggers_naming(&end.catalog, short);
        Some((table, triggers.iter().find(|trigger| trigger.table != table)?.name))
    });
    filled.collect()
}

/// Whether the value is that of the seeds again. A time may be that of another run, and a row may
/// have another key.
fn is_restored(edit: &Edit) -> bool {
    match &edit.after {
        Fate::There(now) if edit.is_time => *now != edit.edited,
        Fate::There(now) => *now == edit.seeded,
        Fate::Elsewhere => true,
        Fate::Gone => false,
    }
}

/// Whether the seeds have written a value, as far as can be told: not one that the column's default
/// may have given, if no file names the column.
fn is_seeded(project: &Project, edit: &Edit) -> bool {
    let name = super::change::unquoted(&edit.column);
    let names = |seed: &Seed| seed.file().is_some_and(|it| cause::has_word(&it.file.text, &name));
    let is_named = || project.scripts.seeds.iter().any(names);
    edit.seeded.is_some() && (!edit.has_default || is_named())
}

/// Edits that did not survive.
fn undone(project: &Project, table: &str, edits: Vec<&Edit>) -> Finding {
    let overwrites = |deed: &&Deed<'_>| {
        matches!(
            deed.statement.kind,
            Kind::Update | Kind::Delete | Kind::Truncate | Kind::Merge | Kind::Do
        ) || deed.says("do update")
    };
    let finding = Finding::new(format!("the seeds undo what a user has edited in {table}"));
    let finding = placed(project, table, finding, overwrites, "this overwrites it");
    listed(finding, edits).help(
        "insert what is missing and leave the rest: ON CONFLICT DO NOTHING. If users are not to \
         edit it, say so: edits = \"restored\"",
    )
}

/// Edits that are still there.
fn left(project: &Project, table: &str, edits: Vec<&Edit>) -> Finding {
    let mut columns: Vec<_> = edits.iter().map(|edit| edit.column.as_str()).collect();
    columns.sort_unstable();
    columns.dedup();
    let stays = |edit: &&Edit| edit.after == Fate::There(edit.edited.clone());
    let does = if edits.iter().all(stays) { "leave" } else { "do not restore" };
    let finding = Finding::new(format!("the seeds {does} what a user has edited in {table}"));
    let inserts = |deed: &&Deed<'_>| deed.statement.kind == Kind::Insert;
    let finding = placed(project, table, finding, inserts, "this does not touch what is there");
    let short = table.strip_prefix("public.").unwrap_or(table);
    let all = |of: &dyn Fn(&str) -> String| {
        columns.iter().map(|column| of(column)).collect::<Vec<_>>().join(", ")
    };
    let row = |prefix: &str| {
        let row = all(&|column| format!("{prefix}.{column}"));
        if columns.len() == 1 { row } else { format!("({row})") }
    };
    listed(finding, edits).help(format!(
        "write it anew where it differs:\n\
         ON CONFLICT (…) DO UPDATE SET {}\n\
         WHERE {} IS DISTINCT FROM {};\n\
         If users may edit it, say so: edits = \"kept\"",
        all(&|column| format!("{column} = EXCLUDED.{column}")),
        row(short),
        row("EXCLUDED"),
    ))
}

fn placed(
    project: &Project,
    table: &str,
    finding: Finding,
    does_it: impl Fn(&&Deed<'_>) -> bool,
    label: &str,
) -> Finding {
    match deeds_on(project, table).iter().find(does_it) {
        Some(deed) => deed.place(finding).label(label),
        None => suspected(project, finding),
    }
}

/// Adds the edits, as far as they fit.
fn listed(finding: Finding, edits: Vec<&Edit>) -> Finding {
    let more = edits.len().saturating_sub(EDITS_TOLD);
    let told = edits.into_iter().take(EDITS_TOLD).map(|edit| {
        let (key, column) = (rows::listed(&edit.key), &edit.column);
        let edited = quoted_value(edit.edited.as_deref());
        let before = quoted_value(edit.seeded.as_deref());
        match &edit.after {
            Fate::Gone | Fate::Elsewhere => {
                format!("{key}: {column} was edited to {edited}, and the row is gone")
            }
            Fate::There(now) if *now == edit.edited => {
                format!("{key}: {column} {before} was edited to {edited}, and stays so")
            }
            Fate::There(now) => {
                let now = quoted_value(now.as_deref());
                format!("{key}: {column} was edited to {edited}, and became {now}")
            }
        }
    });
    let more = (more > 0).then(|| format!("and {more} more"));
    told.chain(more).collect::<Vec<_>>().into_iter().fold(finding, Finding::note)
}
