//! # What it proves
//!
//! Every file of the chain can be executed again, in order, on the finished database: without an
//! error, and without changing anything.
//!
//! # Why it matters
//!
//! A server without a ledger runs every file at each boot; one bare `ADD CONSTRAINT` and the second
//! boot crash-loops. A file that fails is at least noticed. One that silently drops a key, revives
//! a dropped table, adds a second foreign key or rewrites every row is not.
//!
//! # Example
//!
//! ```sql
//! -- fails the second time
//! ALTER TABLE orders ADD CONSTRAINT total_positive CHECK (total > 0);
//! -- succeeds each time, and leaves one more constraint behind
//! ALTER TABLE orders ADD FOREIGN KEY (customer_id) REFERENCES customers;
//! ```

use super::cause::{
    causes, has_word, kept, keys_now, places, table_of, takers, until_succeeded, way_out,
};
use super::change::{Change, uncounted, unquoted};
use super::failure::{statement_of, told};
use super::{Check, Finding, Judge, Usual, Verdict, after_fresh, without_files};
use crate::config::Boot;
use crate::guards::{self, Known};
use crate::source::{Delivery, Migration, Project};
use crate::sql::{Kind, Statement, position};
use crate::trace::{Act, Failure, State, Trace, Traces};

/// How many failing statements of one file are told one by one.
const TOLD_MAX: usize = 10;

pub(super) const CHECK: Check = Check {
    name: "replay",
    level: |project| match project.chain.boot {
        Boot::EveryFile => Usual::Deny,
        // Skipped, which says why.
        Boot::Ledger if without_files(project).is_some() => Usual::Deny,
        Boot::Ledger => Usual::Allow("the ledger keeps files from running twice"),
    },
    judge: Judge::Act { act: Act::Replay, spared, judge },
};

fn spared(project: &Project) -> Option<String> {
    // A tool of ours would have refused the first boot.
    let refusal = || project.chain.refusal().map(|_| "the files can't be played, see `order`");
    without_files(project).or_else(|| refusal().map(str::to_owned))
}

fn judge(project: &Project, traces: &Traces) -> Verdict {
    let (before, trace) = match after_fresh(traces, Act::Replay) {
        Ok(played) => played,
        Err(skipped) => return skipped,
    };
    let mut findings = Vec::new();
    for step in &trace.boot.steps {
        let (told, rest) = step.failures.split_at(step.failures.len().min(TOLD_MAX));
        for (number, failure) in told.iter().enumerate() {
            let turn = match (number, findings.is_empty()) {
                (0, true) => Turn::First,
                (0, false) => Turn::Later,
                _ => Turn::SameFile,
            };
            findings.push(fails(project, before, step.migration, failure, turn));
        }
        findings.extend(and_more(&project.chain.migrations[step.migration], rest));
    }
    findings.extend(changes(project, before, trace));
    for finding in &mut findings {
        keep_whole(project, finding);
    }
    Verdict::of(findings, uncounted([&trace.writes]))
}

/// Says how a block of several lines is written for a tool that cuts it at its semicolons.
fn keep_whole(project: &Project, finding: &mut Finding) {
    let format = project.chain.format;
    let Delivery::Lines { block: [begin, end], .. } = format.delivery else { return };
    if let Some(help) = finding.help.as_mut().filter(|help| help.contains("DO $$")) {
        let name = format.name;
        help.push_str(&format!("\n{name} needs it between the lines `{begin}` and `{end}`"));
    }
}

/// The many further statements of a file that fail, which nobody would read one by one.
fn and_more(migration: &Migration, failures: &[Failure]) -> Option<Finding> {
    let (first, last) = (failures.first()?, failures.last()?);
    let line = |failure: &Failure| {
        let start = statement_of(migration, failure).map_or(0, |statement| statement.span.start);
        position(&migration.file.text, start).line
    };
    let name = migration.file_name();
    let message =
        format!("{name} has {} more statements that fail the second time", failures.len());
    let lines = format!("they stand on lines {} to {}", line(first), line(last));
    Some(Finding::new(message).in_migration(migration, None).note(lines))
}

/// Which of the failures of a replay is told.
#[derive(Clone, Copy)]
enum Turn {
    First,
    Later,
    /// Another one in the file of the one before.
    SameFile,
}

/// A statement that can't be executed again.
fn fails(
    project: &Project,
    before: &State,
    index: usize,
    failure: &Failure,
    turn: Turn,
) -> Finding {
    let (migration, later) = (&project.chain.migrations[index], later(project, index));
    let name = migration.file_name();
    let boot = project.chain.boot;
    let message = match (boot, turn) {
        (Boot::EveryFile, Turn::First | Turn::Later) => format!("a second boot fails in {name}"),
        (Boot::Ledger, Turn::First | Turn::Later) => format!("{name} can't be executed again"),
        (_, Turn::SameFile) => format!("{name} has another statement that fails the second time"),
    };
    let mut finding = told(Finding::new(message), project, migration, failure);
    finding.notes.extend(consequence(boot, turn).map(str::to_owned));
    let Some(statement) = statement_of(migration, failure) else { return finding };
    let known = Known { table: table_of(&before.catalog, statement), names: Vec::new() };
    let causes = causes(later, statement, failure);
    let help = way_out(&migration.file.text, statement, failure, known.table.as_ref(), &causes);
    finding.notes.extend(causes);
    finding.notes.extend(keys_now(statement, failure, known.table.as_ref()));
    // It was executed before, so what is known of first times (a role that the cluster never had)
    // helps only where there is nothing to write instead.
    finding.help = help
        .or_else(|| advice(migration, statement, &known))
        .or_else(|| in_words(statement, failure))
        .or(finding.help);
    finding
}

fn later(project: &Project, index: usize) -> &[Migration] {
    &project.chain.migrations[index + 1..]
}

fn consequence(boot: Boot, turn: Turn) -> Option<&'static str> {
    match (boot, turn) {
        (Boot::EveryFile, Turn::First) => Some(
            "this project runs every file at each boot (boot = \"every-file\"), so the second \
             boot stops here",
        ),
        (Boot::EveryFile, Turn::Later) => Some("once what is above is mended, the boot stops here"),
        (Boot::Ledger, Turn::First) => {
            Some("the ledger keeps files from running twice; a lost ledger would not")
        }
        (Boot::Ledger, Turn::Later) | (_, Turn::SameFile) => None,
    }
}

/// What to write instead of a statement that can't be executed twice. Where several rules have
/// something to say, their text is one.
pub(super) fn advice(
    migration: &Migration,
    statement: &Statement,
    known: &Known,
) -> Option<String> {
    let file = &migration.file;
    let advice = guards::advise(&file.text, &file.script, statement, known);
    let (_, first) = advice.first()?;
    let reasons = advice.iter().map(|(_, advice)| advice.why.as_str()).collect::<Vec<_>>();
    Some(format!("{}:\n{}", reasons.join("\n"), first.instead))
}

/// What can be said where no rule can write the statement anew.
pub(super) fn in_words(statement: &Statement, failure: &Failure) -> Option<String> {
    let is_there = statement.kind == Kind::Insert && failure.sqlstate == "23505";
    is_there.then(|| {
        "insert only the rows that are missing: INSERT … SELECT … WHERE NOT EXISTS, or where a \
         unique key tells them, ON CONFLICT DO NOTHING"
            .to_owned()
    })
}

/// Changes that one statement made, as far as that can be told.
struct Made<'a> {
    file: Option<usize>,
    statement: Option<&'a Statement>,
    changes: Vec<&'a Change>,
}

/// The changes that a replay left, by the statement that made them.
fn changes(project: &Project, before: &State, trace: &Trace) -> Vec<Finding> {
    let Some(after) = &trace.end else { return Vec::new() };
    let way = on_the_way(before, trace);
    let mut changes = Change::between(before, after, None);
    if let Ok(writes) = &trace.writes {
        let mut unseen = Change::unseen(&changes, writes, None);
        // A file that failed was rolled back, and what it had written counts all the same.
        unseen.retain(|change| !is_named_by_a_failure(project, trace, change.subject()));
        changes.extend(unseen);
    }
    // A sequence counts on even in a file that fails, which is told as such.
    changes.retain(|change| {
        let files = touching(&way, change);
        let told = !files.is_empty() && files.iter().all(|file| has_failed(trace, *file));
        !(change.is_sequence_move() && told)
    });
    let made = by_statement(&project.chain.migrations, &way, trace, after, &changes);
    let tell = |it: &Made<'_>| {
        let siblings = made.iter().filter(|other| other.file == it.file);
        let originals = siblings.flat_map(|other| &other.changes);
        let names = originals.filter_map(|change| change.original(before)).collect();
        changed(project, before, trace, it, names)
    };
    made.iter().map(tell).collect()
}

fn by_statement<'a>(
    migrations: &'a [Migration],
    way: &[(usize, Vec<Change>)],
    trace: &Trace,
    after: &State,
    changes: &'a [Change],
) -> Vec<Made<'a>> {
    let mut made: Vec<Made<'a>> = Vec::new();
    for change in changes {
        // Where the states don't tell, the text may.
        let mentions = |it: &Migration| change.statement(it, after).is_some();
        let file =
            responsible(way, trace, change).or_else(|| migrations.iter().rposition(mentions));
        let statement = file.and_then(|file| change.statement(&migrations[file], after));
        let span = |statement: Option<&Statement>| statement.map(|it| it.span.clone());
        let same = |it: &&mut Made<'_>| it.file == file && span(it.statement) == span(statement);
        match made.iter_mut().find(same) {
            Some(it) => it.changes.push(change),
            None => made.push(Made { file, statement, changes: vec![change] }),
        }
    }
    made.sort_by_key(|it| it.file);
    made
}

/// What one statement changed.
fn changed(
    project: &Project,
    before: &State,
    trace: &Trace,
    made: &Made<'_>,
    names: Vec<String>,
) -> Finding {
    let boot = project.chain.boot;
    let migration = made.file.map(|file| &project.chain.migrations[file]);
    let message = match (boot, migration.map(Migration::file_name)) {
        (_, None) => "a replay changes the database".to_owned(),
        (Boot::EveryFile, Some(name)) => format!("a second boot changes the database in {name}"),
        (Boot::Ledger, Some(name)) => {
            format!("{name} changes the database when it is executed again")
        }
    };
    let mut finding = Finding::new(message);
    finding.notes.extend(made.changes.iter().map(|change| change.note(&trace.details)));
    let note = match boot {
        Boot::EveryFile => {
            "this project runs every file at each boot (boot = \"every-file\"), so this happens at \
             each boot, without an error"
        }
        Boot::Ledger => "executed again, the file succeeds and changes this",
    };
    let mut finding = finding.note(note);
    let (Some(index), Some(migration)) = (made.file, migration) else { return finding };
    let statement = made.statement;
    let later = later(project, index);
    let revived = made.changes.iter().find_map(|change| change.revived_table());
    if let Some(table) = revived {
        finding.notes.extend(takers(later, table, "take it away"));
    }
    let lost = made.changes.iter().find_map(|change| change.lost_part());
    if let Some(lost) = lost {
        let name = unquoted(lost.short_name());
        let may = |sql: &str, it: &Statement| it.kind == Kind::Do && has_word(sql, &name);
        let what = "a later file adds it only under a condition";
        finding.notes.extend(places(later, may, what));
    }
    finding.help = statement.and_then(|statement| {
        let known = Known { names, table: table_of(&before.catalog, statement) };
        let text = &migration.file.text;
        let table = known.table.as_ref();
        let mut helps = made.changes.iter();
        helps
            .find_map(|change| change.help(text, statement, table))
            .or_else(|| until_succeeded(migration, later, &before.catalog, revived?, statement))
            .or_else(|| kept(migration, lost?, statement))
            .or_else(|| advice(migration, statement, &known))
    });
    finding.in_migration(migration, statement.map(|statement| statement.span.clone()))
}

/// The file that made what is new, or the last one that touched what a change is about.
fn responsible(way: &[(usize, Vec<Change>)], trace: &Trace, change: &Change) -> Option<usize> {
    if let Some(new) = change.new_object() {
        let made = trace.path.iter().find(|(_, state)| state.catalog.objects.contains_key(new));
        return made.map(|(index, _)| *index);
    }
    let files = touching(way, change);
    // What a file that failed did to a sequence is told with its failure.
    let succeeded = |file: &&usize| !(change.is_sequence_move() && has_failed(trace, **file));
    files.iter().rev().find(succeeded).or(files.last()).copied()
}

/// What each file changed on the way, by its place in the chain.
fn on_the_way(before: &State, trace: &Trace) -> Vec<(usize, Vec<Change>)> {
    let earlier = std::iter::once(before).chain(trace.path.iter().map(|(_, state)| state));
    let steps = earlier.zip(&trace.path);
    steps.map(|(was, (file, is))| (*file, Change::between(was, is, None))).collect()
}

/// The files that touched what a change is about.
fn touching(way: &[(usize, Vec<Change>)], change: &Change) -> Vec<usize> {
    let touches = |touch: &Change| touch.subject() == change.subject();
    let files = way.iter().filter(|(_, changes)| changes.iter().any(touches));
    files.map(|(file, _)| *file).collect()
}

fn has_failed(trace: &Trace, file: usize) -> bool {
    trace.boot.failures().any(|(index, _)| index == file)
}

/// Whether a file that failed has to do with a table, as far as its text tells.
fn is_named_by_a_failure(project: &Project, trace: &Trace, table: &str) -> bool {
    let name = unquoted(table.rsplit('.').next().unwrap_or(table));
    let mut failed = trace.boot.failures();
    failed.any(|(file, _)| has_word(&project.chain.migrations[file].file.text, &name))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use pretty_assertions::assert_eq;

    use super::super::cause::tests::failure;
    use super::*;
    use crate::catalog::Catalog;
    use crate::rows::{Position, Rows, Uncounted};
    use crate::trace::{Boot as Played, Step};

    fn sequence(last_value: i64) -> State {
        let position = Position { last_value, is_called: true, owned_by: None };
        let rows = Rows { sequences: [("s.q".to_owned(), position)].into(), ..Rows::default() };
        State { catalog: Catalog::default(), rows }
    }

    /// Which file moved a sequence, by its values after each file; some files failed.
    fn check_responsible(values: &[i64], failed: &[usize], expect: Option<usize>) {
        let step = |migration: &usize| {
            let failures = vec![failure("23505")];
            Step { migration: *migration, failures, leaks: Vec::new() }
        };
        let boot = Played { steps: failed.iter().map(step).collect(), ..Played::default() };
        let path = values.iter().map(|value| sequence(*value)).enumerate().collect();
        let duration = Duration::ZERO;
        let (begin, end) = (None, None);
        let details = std::collections::BTreeMap::new();
        let writes = Err(Uncounted::Unasked);
        let trace = Trace { boot, begin, path, end, writes, details, duration, kept: None };
        let change = &Change::between(&sequence(1), &sequence(9), None)[0];
        let way = on_the_way(&sequence(1), &trace);
        assert_eq!(responsible(&way, &trace, change), expect, "{values:?}");
    }

    #[test]
    fn the_last_file_that_touches_something_is_responsible() {
        check_responsible(&[1, 2, 2], &[], Some(1));
        check_responsible(&[2, 2, 3], &[], Some(2));
        check_responsible(&[2, 2, 3], &[2], Some(0));
        check_responsible(&[1, 1, 3], &[2], Some(2));
        check_responsible(&[1, 1], &[], None);
    }
}
