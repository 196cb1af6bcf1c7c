//! # What it proves
//!
//! A second run of the seeds leaves the rows and the positions of sequences as they were, and
//! writes no row again with the values that it has. Columns under `ignore_columns` may
//! change, as long as their rows stay. (On Postgres 14, which doesn't count writes in time, a row
//! that came and went is not seen, nor one that was deleted and inserted to fill such a column.)
//!
//! # Why it matters
//!
//! A seed that deletes and inserts its rows at each boot looks the same afterwards: it has locked
//! the table, fired its triggers, undone what users had edited, and left as many dead rows as live
//! ones. A sequence that each run burns is an integer key that ends some day.
//!
//! # Example
//!
//! ```sql
//! -- takes a value from the sequence of `id` at each run, before it sees the conflict
//! INSERT INTO tags (name) VALUES ('news') ON CONFLICT (name) DO NOTHING;
//! -- every row is another one at each run
//! UPDATE posts SET updated_at = now() WHERE id <= 8;
//! ```

use std::collections::{BTreeMap, BTreeSet};

use toml::Spanned;

use super::cause::table_of;
use super::change::{Change, uncounted};
use super::doer::{Deed, Doers};
use super::sowing::reapplied;
use super::{Check, Finding, Judge, Place, Usual, Verdict, without_seeds};
use crate::catalog::Catalog;
use crate::config::{fits_column, nearest};
use crate::rows::{Detail, RowChange, RowDifference, TableWrites};
use crate::source::Project;
use crate::trace::{Act, Seeding, State, Traces};

pub(super) const CHECK: Check = Check {
    name: "reseed_contents",
    level: |_| Usual::Warn,
    judge: Judge::Act { act: Act::Seed, spared: without_seeds, judge },
};

fn judge(project: &Project, traces: &Traces) -> Verdict {
    let (seeding, end, _) = match reapplied(traces) {
        Ok(played) => played,
        Err(skipped) => return skipped,
    };
    let mut findings = idle_patterns(project, &end.catalog);
    let second = Second {
        project,
        seeding,
        end,
        ledger: traces.fresh.boot.ledger.as_deref(),
        writes: seeding.writes(),
        details: details(project, seeding),
        counts_are_judged: traces.judged.contains("reseed_counts"),
    };
    findings.extend(second.changes().iter().map(|(change, moved)| second.told(change, moved)));
    let untold = second.untold().join(", ");
    let untold = (!untold.is_empty()).then(|| {
        format!(
            "writes could not be counted: whether rows of {untold} were deleted and inserted is \
             not known"
        )
    });
    let runs = std::iter::once(&seeding.first).chain(&seeding.second);
    let uncounted = uncounted(runs.map(|run| &run.writes)).filter(|_| untold.is_none());
    Verdict::of(findings, untold.into_iter().chain(uncounted))
}

/// The second run of the seeds, as it is judged.
struct Second<'a> {
    project: &'a Project,
    seeding: &'a Seeding,
    /// What the first run left.
    end: &'a State,
    ledger: Option<&'a str>,
    writes: BTreeMap<String, TableWrites>,
    details: BTreeMap<String, (Detail, Detail)>,
    /// Whether another check tells of tables that have more rows or fewer.
    counts_are_judged: bool,
}

impl Second<'_> {
    /// What is to be told, each with the moves of the sequences that go with it.
    fn changes(&self) -> Vec<(Change, Vec<Change>)> {
        let all = self.seeding.changes();
        // Those are for `reseed_counts` to tell, if it is asked.
        let is_counted = |it: &&RowDifference| matches!(it, RowDifference::Counted { .. });
        let counted = all.iter().filter(is_counted).map(|it| it.name().to_owned());
        let counted = counted.collect::<BTreeSet<_>>();
        let mut changes = Vec::new();
        let mut moves = Vec::new();
        for difference in all {
            match difference {
                RowDifference::SequenceMoved { .. } => moves.push(difference),
                RowDifference::Rewritten { .. } | RowDifference::Refiled { .. }
                    if !self.is_table(difference.name()) => {}
                RowDifference::Counted { .. } if self.counts_are_judged => {}
                RowDifference::Counted { .. }
                | RowDifference::Changed { .. }
                | RowDifference::Rewritten { .. }
                | RowDifference::Refiled { .. }
                    if self.is_judged(difference.name()) =>
                {
                    changes.push((Change::Rows(difference), Vec::new()));
                }
                _ => {}
            }
        }
        let unseen = self.seeding.unseen().into_iter();
        let unseen = unseen.filter(|(table, _)| self.is_table(table) && self.is_judged(table));
        changes
            .extend(unseen.map(|(table, writes)| (Change::Writes { table, writes }, Vec::new())));
        for moved in moves {
            let sequence = self.end.rows.sequences.get(moved.name());
            let table = sequence.and_then(|it| it.owned_by.clone()).unwrap_or_default();
            if counted.contains(&table) {
                continue;
            }
            match changes.iter_mut().find(|(change, _)| change.subject() == table) {
                Some((_, moves)) => moves.push(Change::Rows(moved)),
                None => changes.push((Change::Rows(moved), Vec::new())),
            }
        }
        changes
    }

    /// The tables that are judged, and of which nothing tells how they were written.
    fn untold(&self) -> Vec<String> {
        let untold = self.seeding.untold().into_iter();
        untold.filter(|table| self.is_judged(table)).collect()
    }

    /// Whether rows can be left where they are: REFRESH always writes those of a materialized view.
    fn is_table(&self, name: &str) -> bool {
        let mut views =
            self.end.catalog.objects.keys().filter(|it| it.kind() == "materialized view");
        !views.any(|view| view.name() == name)
    }

    /// Whether a table is none that belongs to the tool, and has a column that must not change.
    fn is_judged(&self, table: &str) -> bool {
        let columns = self.end.catalog.columns(table);
        let seeds = &self.project.config.seeds;
        let is_ignored = columns.iter().all(|(it, _)| seeds.ignores(table, it.short_name()));
        Some(table) != self.ledger && (columns.is_empty() || !is_ignored)
    }

    fn told(&self, change: &Change, moved: &[Change]) -> Finding {
        let subject = change.subject();
        let writes = self.writes.get(subject);
        let takes_away = takes_away(change, writes) || self.seeding.is_truncated(subject);
        let doers = Doers::of(self.project, self.seeding, change, takes_away);
        let finding = doers.place(self.project, Finding::new(message(change)));
        let finding = finding.note(change.note(&self.details));
        let finding = match (change, writes) {
            (Change::Rows(_), Some(writes)) => finding.note(written(*writes)),
            _ => finding,
        };
        let finding = moved.iter().map(Change::to_string).fold(finding, Finding::note);
        let help = doers.deed.and_then(|Deed { file, statement }| {
            let table = table_of(&self.end.catalog, statement);
            change.help(&file.file.text, statement, table.as_ref())
        });
        let help = help.unwrap_or_else(|| advice(change, takes_away).to_owned());
        finding.help(match self.pattern(change) {
            Some(pattern) => format!(
                "{help}\nor, if each run may fill them anew:\n[seeds]\nignore_columns = [{pattern}]"
            ),
            None => help,
        })
    }

    /// The columns that have changed, as patterns, where it is those of rows that stayed.
    fn pattern(&self, change: &Change) -> Option<String> {
        let (before, after) = self.details.get(change.subject())?;
        let mut columns = BTreeSet::new();
        for row in before.changes(after) {
            let RowChange::Changed { columns: changed, .. } = row else { return None };
            columns.extend(changed.into_iter().map(|it| it.column));
        }
        let patterns = columns.iter().map(|column| format!("\"*.{}\"", column.replace('"', "")));
        let patterns = patterns.collect::<Vec<_>>().join(", ");
        (!patterns.is_empty()).then_some(patterns)
    }
}

/// Whether rows were taken away, before or after they were inserted.
fn takes_away(change: &Change, writes: Option<&TableWrites>) -> bool {
    match (change, writes) {
        (Change::Rows(RowDifference::Refiled { .. }), _)
        | (Change::Rows(RowDifference::Rewritten { .. }), None) => true,
        // TRUNCATE doesn't count what it deletes.
        (Change::Rows(RowDifference::Rewritten { .. }), Some(writes)) => {
            writes.deleted > 0 || writes.inserted > 0
        }
        (_, writes) => writes.is_some_and(|writes| writes.deleted > 0),
    }
}

fn message(change: &Change) -> String {
    let what = "a second run of the seeds";
    let subject = change.subject();
    match change {
        Change::Rows(RowDifference::Changed { .. }) => format!("{what} changes rows of {subject}"),
        Change::Rows(RowDifference::Counted { before, after, .. }) if before < after => {
            format!("{what} adds rows to {subject}")
        }
        Change::Rows(RowDifference::Counted { .. }) => {
            format!("{what} takes rows away from {subject}")
        }
        Change::Rows(RowDifference::Refiled { .. }) => {
            format!("{what} replaces the file of {subject}")
        }
        Change::Rows(RowDifference::SequenceMoved { .. }) => {
            format!("{what} takes values from {subject}")
        }
        Change::Rows(_) => format!("{what} writes rows of {subject} again, with the same values"),
        Change::Writes { .. } | Change::Schema(_) => {
            format!("{what} writes to {subject}, and leaves no trace of it")
        }
    }
}

fn written(TableWrites { inserted, updated, deleted }: TableWrites) -> String {
    format!("the second run wrote {inserted} by INSERT, {updated} by UPDATE, {deleted} by DELETE")
}

/// What to do where the statement itself doesn't tell.
fn advice(change: &Change, takes_away: bool) -> &'static str {
    match change {
        Change::Rows(RowDifference::SequenceMoved { .. }) => {
            "insert only what is missing, by INSERT … SELECT … WHERE NOT EXISTS, or give the rows \
             explicit ids"
        }
        _ if takes_away => {
            "leave the rows where they are: insert what is missing, update what differs by IS \
             DISTINCT FROM, and delete only what is not among the seeds"
        }
        _ => "write only the rows that differ from what the seeds bring",
    }
}

/// The rows of small tables that the second run changed, without the columns that may change.
fn details(project: &Project, seeding: &Seeding) -> BTreeMap<String, (Detail, Detail)> {
    let Some(path) = &seeding.path else { return BTreeMap::new() };
    let kept = path.details.iter().map(|(table, (before, after))| {
        let ignored = |column: &str| project.config.seeds.ignores(table, column);
        (table.clone(), (before.without(ignored), after.without(ignored)))
    });
    kept.collect()
}

/// The patterns of columns that fit no column.
fn idle_patterns(project: &Project, catalog: &Catalog) -> Vec<Finding> {
    let columns = catalog.objects.keys().filter(|identity| identity.kind() == "column");
    let columns = columns.collect::<Vec<_>>();
    let is_idle = |pattern: &&Spanned<String>| {
        let pattern = pattern.get_ref();
        !columns.iter().any(|column| fits_column(pattern, column.root(), column.short_name()))
    };
    let told = |pattern: &Spanned<String>| {
        let text = pattern.get_ref();
        let finding = Finding::new(format!("`{text}` under ignore_columns fits no column"))
            .label("fits nothing")
            .note("a pattern is TABLE.COLUMN, with the schema in front if that isn't `public`");
        let place = Place::in_config(&project.config, pattern.span());
        let finding = Finding { place, ..finding };
        let (table, column) = text.rsplit_once('.').unwrap_or(("*", text));
        let names = columns.iter().map(|column| column.short_name()).collect::<Vec<_>>();
        finding.help(match nearest(column, &names) {
            Some(near) => format!("did you mean `{table}.{near}`?"),
            None => "take it out, or name a column that is there: \"*.updated_at\"".to_owned(),
        })
    };
    project.config.seeds.ignore_columns.iter().filter(is_idle).map(told).collect()
}
