//! # What it proves
//!
//! Tables that are declared `untouched` were not written by seeds and post scripts: neither do they
//! have other rows than the chain has left, nor did rows come and go again. (Postgres 14 doesn't
//! count writes in time: of a table where rows came and went, it sees nothing.)
//!
//! # Why it matters
//!
//! An audit log whose first thousand entries were written by a deploy tells nobody what users did,
//! and a trigger that writes there at each boot is seen by nobody until the disk is full.
//!
//! # Example
//!
//! ```toml
//! [bootstrap]
//! session = { "app.actor_id" = "1" } # with an actor, a trigger logs each row that the seeds write
//! untouched = ["audit_log"]
//! ```

use super::bootstrap::NO_END;
use super::change::uncounted;
use super::doer::{self, note_on_walk};
use super::part;
use super::trigger::triggers_naming;
use super::{Check, Finding, Judge, Place, Usual, Verdict, bootstrapped, without_bootstrap};
use crate::catalog::{Catalog, Identity};
use crate::config::fits_table;
use crate::rows::{RowChange, TableRows, TableWrites, Uncounted};
use crate::source::Project;
use crate::trace::{Act, Author, Bootstrapped, Ending, State, Stride, Traces};

pub(super) const CHECK: Check = Check {
    name: "stray_writes",
    level: |_| Usual::Deny,
    judge: Judge::Act { act: Act::Bootstrap, spared, judge },
};

fn spared(project: &Project) -> Option<String> {
    let is_empty = project.config.bootstrap.untouched.is_empty();
    let empty = is_empty.then(|| "[bootstrap] declares no table as untouched".to_owned());
    without_bootstrap(project).or(empty)
}

fn judge(project: &Project, traces: &Traces) -> Verdict {
    let trace = match bootstrapped(traces) {
        Ok(trace) => trace,
        Err(skipped) => return skipped,
    };
    let (Some(chain), Some(end)) = (&traces.fresh.end, &trace.first.end) else {
        return Verdict::Skipped(NO_END.to_owned());
    };
    let patterns = &project.config.bootstrap.untouched;
    let idle = trace.idle_tables.iter().map(|place| &patterns[*place]).map(|pattern| {
        let message = format!("`{}` under untouched fits no table", pattern.get_ref());
        let finding = Finding::new(message)
            .note("after the bootstrap there is no such table, so nothing is watched by it")
            .help("write the table's name, with * for any part of it, or take it out");
        match Place::in_config(&project.config, pattern.span()) {
            Some(place) => finding.at(place),
            None => finding,
        }
    });
    let mut findings = idle.collect::<Vec<_>>();
    let mut remarks = Vec::new();
    for table in &trace.untouched {
        let before = chain.rows.tables.get(table).copied();
        let found = stray(project, trace, end, table, before);
        match (found.or_else(|| stray_again(project, trace, table)), before) {
            (Some(finding), _) => findings.push(finding),
            (None, Some(before)) if before.count > 0 => {
                remarks.push(format!("{table} has {}", of_chain(project, before)));
            }
            (None, _) => {}
        }
    }
    remarks.extend(match &end.writes {
        Err(Uncounted::ByVersion) => Some(UNCOUNTED.to_owned()),
        writes => uncounted([writes]),
    });
    Verdict::of(findings, remarks)
}

const UNCOUNTED: &str = "rows that came and went again are not seen: Postgres tells of them from \
                         15 on";

fn of_chain(project: &Project, before: TableRows) -> String {
    let who = if project.scripts.pre.is_empty() { "" } else { "the pre scripts or " };
    match before.count {
        1 => format!("1 row from {who}the chain"),
        count => format!("{count} rows from {who}the chain"),
    }
}

fn rows_of(state: &State, table: &str) -> TableRows {
    state.rows.tables.get(table).copied().unwrap_or_default()
}

/// What was written to a table, if anything was.
fn stray(
    project: &Project,
    trace: &Bootstrapped,
    end: &Ending,
    table: &str,
    // Nothing if it isn't the chain that makes the table.
    before: Option<TableRows>,
) -> Option<Finding> {
    let after = rows_of(&end.state, table);
    let written = end.writes.as_ref().ok().and_then(|writes| writes.tables.get(table));
    // A file that wasn't there before says nothing.
    let is_same = before.map_or(after.count == 0, |before| before == after);
    if is_same && written.is_none() {
        return None;
    }
    let before = before.unwrap_or_default();
    let amount = match (before.count, after.count) {
        (0, 0) => "rows come and go: it is empty before and after".to_owned(),
        (was, is) if was == is => format!("it has as many rows as the chain leaves there: {was}"),
        (was, is) => format!("the chain leaves {was} rows there, and the bootstrap {is}"),
    };
    let steps = writers(&trace.path, table);
    Some(told_of(project, "the bootstrap", &end.state, table, &amount, &steps))
}

/// What a second bootstrap has written to a table, which may be in the way of a trigger alone.
fn stray_again(project: &Project, trace: &Bootstrapped, table: &str) -> Option<Finding> {
    let again = trace.again.as_ref()?;
    let (before, end) = (&again.before, again.round.end.as_ref()?);
    let (was, is) = (rows_of(&before.state, table), rows_of(&end.state, table));
    let written = match (&before.writes, &end.writes) {
        (Ok(then), Ok(now)) => now.since(then).contains_key(table),
        _ => false,
    };
    if was == is && !written {
        return None;
    }
    let amount = match (was.count, is.count) {
        (was, is) if was == is => format!("it has as many rows as before: {was}"),
        (was, is) => format!("it had {was} rows before, and has {is}"),
    };
    let steps = writers(&again.path, table);
    Some(told_of(project, "a second bootstrap", &end.state, table, &amount, &steps))
}

fn told_of(
    project: &Project,
    who: &str,
    state: &State,
    table: &str,
    amount: &str,
    steps: &[(Author, String)],
) -> Finding {
    let parents = parents(&state.catalog, table);
    let names = std::iter::once(table).chain(parents.iter().copied()).collect::<Vec<_>>();
    let mut by_name = names.iter().map(|table| {
        let name = table.rsplit_once('.').map_or(*table, |(_, name)| name);
        let mut triggers = triggers_naming(&state.catalog, name);
        triggers.retain(|trigger| !names.contains(&trigger.table));
        triggers
    });
    // What writes a partition most likely names the table that it is one of.
    let triggers = by_name.find(|it| !it.is_empty()).unwrap_or_default();
    let patterns = &project.config.bootstrap.untouched;
    let declared =
        names.iter().find(|name| patterns.iter().any(|it| fits_table(it.get_ref(), name)));
    let of = match declared {
        Some(declared) if *declared != table => format!(", a partition of {declared}"),
        _ => String::new(),
    };
    let mut finding =
        Finding::new(format!("{who} writes {table}{of}, which is declared untouched"));
    if let Some((author, _)) = steps.first() {
        let tables = triggers.iter().map(|trigger| trigger.table);
        let subjects = names.iter().copied().chain(tables).collect::<Vec<_>>();
        finding = doer::place(project, finding, *author, &subjects, state);
    }
    finding = finding.note(amount);
    for (author, told) in steps {
        finding = finding.note(format!("{}: {told}", part::name(project, *author)));
    }
    if steps.iter().any(|(author, _)| matches!(author, Author::Seed(_))) {
        finding = note_on_walk(project, finding);
    }
    if steps.is_empty() {
        finding = finding.note("no script does it when they are run one by one");
    }
    for trigger in &triggers {
        finding = finding.note(format!(
            "the trigger {} on {} calls {}, which names it",
            trigger.name, trigger.table, trigger.function
        ));
    }
    finding.help(if triggers.is_empty() { WRITTEN } else { TRIGGERED })
}

/// The tables of which one is a partition, from the nearest on.
fn parents<'a>(catalog: &'a Catalog, table: &str) -> Vec<&'a str> {
    let parent = |table: &str| {
        let mut objects = catalog.objects.iter();
        let is_it = |identity: &Identity| identity.kind() == "table" && identity.name() == table;
        objects.find(|(identity, _)| is_it(identity))?.1.get("partition of")
    };
    std::iter::successors(parent(table), |table| parent(table)).collect()
}

const WRITTEN: &str = "take it out of the script; or, if the rows belong there, take the table out \
                       of `untouched`";

const TRIGGERED: &str = "let the trigger leave out what a bootstrap does, which it can tell by a \
                         setting of [bootstrap] session; or, if the rows belong there, take the \
                         table out of `untouched`";

/// Who wrote a table, and what.
fn writers(path: &[Stride], table: &str) -> Vec<(Author, String)> {
    let pairs = path.iter().zip(path.iter().skip(1));
    let steps = pairs.filter_map(|(earlier, later)| {
        Some((later.author?, written_between(earlier, later, table)?))
    });
    steps.collect()
}

fn written_between(earlier: &Stride, later: &Stride, table: &str) -> Option<String> {
    let (was, is) = (&earlier.ending, &later.ending);
    if let (Ok(then), Ok(now)) = (&was.writes, &is.writes)
        && let Some(writes) = now.since(then).get(table)
    {
        return Some(told(writes));
    }
    let (before, after) = (rows_of(&was.state, table), rows_of(&is.state, table));
    if before == after {
        return None;
    }
    let details = earlier.details.get(table).zip(later.details.get(table));
    Some(match details.map(|(was, is)| was.changes(is)) {
        Some(changes) if !changes.is_empty() => told(&counted(&changes)),
        _ if before.count != after.count => {
            format!("rows before: {}, after: {}", before.count, after.count)
        }
        _ if before.contents != after.contents => format!("values of {table} changed"),
        _ => "rows were written again with the same values".to_owned(),
    })
}

fn told(TableWrites { inserted, updated, deleted }: &TableWrites) -> String {
    format!("rows inserted: {inserted}, updated: {updated}, deleted: {deleted}")
}

/// What two looks tell where Postgres doesn't count (14).
fn counted(changes: &[RowChange]) -> TableWrites {
    let mut writes = TableWrites::default();
    for change in changes {
        match change {
            RowChange::New { .. } => writes.inserted += 1,
            RowChange::Changed { .. } => writes.updated += 1,
            RowChange::Gone { .. } => writes.deleted += 1,
        }
    }
    writes
}
