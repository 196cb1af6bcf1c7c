//! What the checks of a rollout and of a rollback have in common: what is wrong with such a script
//! by its text alone, and how differences of schemas and of ledgers are told at its statements.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

use super::cause::has_word;
use super::change::{Change, unquoted};
use super::squash::{Differing, Sides};
use super::{Finding, failure};
use crate::catalog::{Difference, Identity, parent_of};
use crate::config::Level;
use crate::rows::{Position, RowChange, TableRows, listed};
use crate::source::Migration;
use crate::sql::{Control, Kind, LENGTH_MAX, Statement, TokenKind, literal, tokens, truncated};
use crate::trace::{Arrival, Failure, LedgerTable, Moment, RolledOut, State};

/// How many rows of a table are told.
const ROWS_TOLD: usize = 5;

/// How many rows of a ledger are written out for whoever repairs the script.
pub(super) const ROWS_WRITTEN_MAX: usize = 20;

/// A script on what it was made for: what it found, and where it has led.
#[derive(Clone, Copy)]
pub(super) struct Passage<'a> {
    pub(super) before: &'a Moment,
    pub(super) arrival: &'a Arrival,
    /// What the tools of both sides keep for themselves.
    pub(super) bookkeeping: &'a BTreeSet<String>,
}

/// What is wrong with a script by its text: no statement, several transactions, names that are too
/// long. `what` it is called comes first in each message.
pub(super) fn faults(what: &str, script: &Migration) -> Vec<Finding> {
    if script.file.script.statements().next().is_none() {
        let finding = Finding::new(format!("the {what} has no statement"));
        let help = "write what it is to do, or remove it from [baseline] in rehearsal.toml";
        return vec![finding.in_migration(script, None).help(help)];
    }
    let mut findings = Vec::from_iter(cut(what, script));
    findings.extend(long_names(script));
    findings
}

/// A script that is more than one transaction, or one that never commits.
fn cut(what: &str, script: &Migration) -> Option<Finding> {
    let text = &script.file.text;
    let mut units: Vec<&Statement> = Vec::new();
    let (mut open, mut writes) = (None, false);
    for statement in script.file.script.statements() {
        match statement.kind {
            Kind::Transaction(Control::Begin) => open = open.or(Some(statement)),
            Kind::Transaction(Control::Commit | Control::Prepare) => {
                units.extend(open.take().filter(|_| writes));
                writes = false;
                let words = text[statement.span.clone()].to_lowercase();
                if words.contains("chain") && !words.contains("no chain") {
                    open = Some(statement);
                }
            }
            Kind::Transaction(Control::Rollback) => (open, writes) = (None, false),
            _ if !has_effect(text, statement) => {}
            _ if open.is_some() => writes = true,
            // Code that commits in its midst is one before that and one after it.
            Kind::Do if has_word(&text[statement.span.clone()].to_uppercase(), "COMMIT") => {
                units.extend([statement, statement]);
            }
            _ => units.push(statement),
        }
    }
    let help = "put all of it between one BEGIN; and one COMMIT;, so that it is done or not done";
    if let Some(begin) = open.filter(|_| writes) {
        let finding = Finding::new(format!("the {what} never commits what it begins"));
        return Some(
            finding
                .in_migration(script, Some(begin.span.clone()))
                .label("this transaction ends with the session, and takes all of it back")
                .help("end it with COMMIT;"),
        );
    }
    let [_, second, ..] = units.as_slice() else { return None };
    let message = format!("the {what} is cut into {} transactions", units.len());
    Some(
        Finding::new(message)
            .in_migration(script, Some(second.span.clone()))
            .label("what came before this is committed, and stays if this fails")
            .help(help),
    )
}

/// Statements that nobody misses if they are taken back, or if they aren't.
const WITHOUT_EFFECT: &[&str] = &[
    "vacuum",
    "analyze",
    "analyse",
    "lock",
    "show",
    "checkpoint",
    "explain",
    "listen",
    "notify",
    "declare",
    "fetch",
    "close",
    "discard",
    "prepare",
    "deallocate",
];

/// What a block of code says that does more than look.
const EFFECTS: &[&str] = &[
    "insert", "update", "delete", "merge", "truncate", "create", "alter", "drop", "comment",
    "grant", "revoke", "execute", "perform", "call",
];

/// Whether a statement leaves something behind that another one must not be without.
fn has_effect(text: &str, statement: &Statement) -> bool {
    let words = &text[statement.span.clone()];
    match statement.kind {
        Kind::Set { .. }
        | Kind::Reset { .. }
        | Kind::Select
        | Kind::Copy
        | Kind::Transaction(_) => false,
        Kind::Do => EFFECTS.iter().any(|word| has_word(&words.to_lowercase(), word)),
        Kind::Other => {
            let word = words.split(|c: char| !c.is_alphanumeric()).next().unwrap_or_default();
            !WITHOUT_EFFECT.contains(&word.to_lowercase().as_str())
        }
        _ => true,
    }
}

/// Names that Postgres cuts, each where it first stands.
fn long_names(script: &Migration) -> Vec<Finding> {
    let text = &script.file.text;
    let mut names = BTreeMap::new();
    for statement in script.file.script.statements() {
        for (name, span) in names_in(text, statement.span.clone()) {
            if name.len() > LENGTH_MAX {
                names.entry(name).or_insert(span);
            }
        }
    }
    let finding = |(name, span): (String, Range<usize>)| {
        let kept = truncated(&name, LENGTH_MAX);
        Finding::new(format!("a name of {} bytes is cut to {LENGTH_MAX}", name.len()))
            .in_migration(script, Some(span))
            .label(format!("Postgres reads {kept}"))
            .note(format!("{} is lost, with whatever it was to say", &name[kept.len()..]))
            .help(format!("use at most {LENGTH_MAX} bytes, suffixes such as a date among them"))
    };
    names.into_iter().map(finding).collect()
}

/// The identifiers of a part of a script, in blocks of code, too.
fn names_in(text: &str, span: Range<usize>) -> Vec<(String, Range<usize>)> {
    let mut names = Vec::new();
    for token in tokens(text, span) {
        let word = &text[token.span.clone()];
        match token.kind {
            TokenKind::Ident => names.push((word.to_owned(), token.span)),
            TokenKind::QuotedIdent { .. } => names.push((unquoted(word), token.span)),
            TokenKind::Literal { .. } if word.starts_with('$') => {
                let tag = word[1..].find('$').map_or(0, |end| end + 2);
                let (start, end) = (token.span.start + tag, token.span.end.saturating_sub(tag));
                if tag > 0 && start < end {
                    names.extend(names_in(text, start..end));
                }
            }
            _ => {}
        }
    }
    names
}

/// Places a finding at the last statement of a script that is about an object.
pub(super) fn about(finding: Finding, script: &Migration, object: &str) -> Finding {
    let name = object.split('(').next().unwrap_or(object);
    let name = unquoted(parent_of(name).map_or(name, |parent| &name[parent.len() + 1..]));
    let statements = || script.file.script.statements().rev();
    let is_about = |statement: &&Statement| {
        let names = [&statement.table, &statement.name];
        names.into_iter().flatten().any(|named| named.name == name)
    };
    let text = &script.file.text;
    let mentions = |statement: &&Statement| {
        has_effect(text, statement) && has_word(&text[statement.span.clone()], &name)
    };
    let statement = statements().find(is_about).or_else(|| statements().find(mentions));
    finding.in_migration(script, statement.map(|statement| statement.span.clone()))
}

/// What differs in the schemas, object by object.
pub(super) fn schema(sides: &Sides<'_>, script: &Migration, help: &str) -> Vec<Finding> {
    let finding = |object: &Differing<'_>| {
        let finding = about(sides.told(object), script, object.root).help(help);
        // What was dropped and added again is at the end, and hardly anybody minds.
        let differences = &object.differences;
        if !differences.is_empty() && differences.iter().all(|it| is_column_order(it)) {
            return Finding { at_most: Level::Warn, ..finding };
        }
        finding
    };
    sides.objects().iter().map(finding).collect()
}

fn is_column_order(difference: &Difference) -> bool {
    let Difference::Changed { attribute, .. } = difference else { return false };
    attribute == "column order"
}

/// What differs in a ledger. `should` says whose it should be.
pub(super) fn ledger(
    tables: &[LedgerTable],
    script: &Migration,
    what: &str,
    should: &str,
) -> Vec<Finding> {
    let finding = |LedgerTable { name, expected, found }: &LedgerTable| {
        let Some(found) = found else {
            let finding = Finding::new(format!("after the {what}, the ledger {name} is gone"));
            return Some(about(finding, script, name));
        };
        let changes = expected.changes(found);
        let _ = changes.first()?;
        let finding = Finding::new(format!("the {what} leaves a ledger that is not {should}"));
        let told = changes.iter().take(ROWS_TOLD).map(|change| match change {
            RowChange::Gone { row } => format!("{name} lacks {}", listed(row)),
            RowChange::New { row } => format!("{name} still has {}", listed(row)),
            RowChange::Changed { .. } => format!("{name}: {change}"),
        });
        let more = changes.len().saturating_sub(ROWS_TOLD);
        let more = (more > 0).then(|| format!("and {more} more rows"));
        let finding = told.chain(more).fold(about(finding, script, name), Finding::note);
        let rows: Vec<_> = expected.rows.iter().map(|row| written(row)).collect();
        if rows.is_empty() || rows.len() > ROWS_WRITTEN_MAX {
            return Some(finding.help(format!("write to {name} what the tool would")));
        }
        Some(finding.help(format!(
            "write what the tool would:\nDELETE FROM {name};\nINSERT INTO {name} ({}) VALUES\n    \
             {};",
            expected.columns.join(", "),
            rows.join(",\n    ")
        )))
    };
    tables.iter().filter_map(finding).collect()
}

fn written(row: &[Option<String>]) -> String {
    let cells = row.iter().map(|cell| cell.as_deref().map_or("NULL".to_owned(), literal));
    format!("({})", cells.collect::<Vec<_>>().join(", "))
}

/// Sequences that count from further back than they did, so that they give out again what
/// they have given out already. What numbers the rows of a ledger is its tool's.
pub(super) fn rewound(passage: Passage<'_>, script: &Migration, what: &str) -> Vec<Finding> {
    let [before, after] = [passage.before, &passage.arrival.after].map(|it| &it.state.rows);
    let is_back = |was: &Position, is: &Position| {
        (is.last_value, is.is_called) < (was.last_value, was.is_called)
    };
    let both = before.sequences.iter().filter_map(|(name, was)| {
        let is = after.sequences.get(name)?;
        let is_tools = was.owned_by.as_ref().is_some_and(|it| passage.bookkeeping.contains(it));
        (is_back(was, is) && !is_tools).then_some((name, was, is))
    });
    let finding = |(name, was, is): (&String, &Position, &Position)| {
        let told = |it: &Position| {
            let before = if it.is_called { "" } else { "before " };
            format!("{before}{}", it.last_value)
        };
        let message = format!("the {what} sets {name} back from {} to {}", told(was), told(is));
        about(Finding::new(message), script, name)
            .note("it gives out numbers that rows have already")
            .help("give the sequence its place again with setval, or leave it where it is")
    };
    both.map(finding).collect()
}

/// What changed between two states but for where rows lie, and sequences, which count on even in
/// what is rolled back.
pub(super) fn changes(before: &State, after: &State) -> Vec<Change> {
    let mut changes = Change::between(before, after, None);
    let is_physical =
        |change: &Change| matches!(change, Change::Rows(difference) if difference.is_physical());
    changes.retain(|change| !change.is_sequence_move() && !is_physical(change));
    changes
}

/// A script that fails, with what it has left behind.
pub(super) fn failed(
    message: &str,
    script: &Migration,
    failures: &[Failure],
    changes: &[Change],
) -> Vec<Finding> {
    let finding = |failure: &Failure| {
        let finding = failure::told_of_script(Finding::new(message), script, failure);
        let left = changes.iter().take(ROWS_TOLD).map(|change| format!("it has left: {change}"));
        left.fold(finding, Finding::note)
    };
    failures.iter().map(finding).collect()
}

/// A table's own name, as far as another one can be made of it.
pub(super) fn short(table: &str) -> &str {
    table.rsplit('.').next().unwrap_or(table).trim_matches('"')
}

/// Rows in notes, as far as they fit.
pub(super) fn with_rows<T>(finding: Finding, rows: &[T], told: impl Fn(&T) -> String) -> Finding {
    let more = rows.len().saturating_sub(ROWS_TOLD);
    let more = (more > 0).then(|| format!("and {more} more"));
    rows.iter().take(ROWS_TOLD).map(told).chain(more).fold(finding, Finding::note)
}

/// The tables that are too large to be looked at row by row, as they were before.
pub(super) fn unread(before: &Moment) -> impl Iterator<Item = (&String, &TableRows)> {
    let State { catalog, rows } = &before.state;
    let is_view = |name: &str| {
        let view = Identity::new("materialized view", name);
        view.is_some_and(|view| catalog.objects.contains_key(&view))
    };
    let tables = rows.tables.iter();
    tables.filter(move |(name, _)| !before.details.contains_key(*name) && !is_view(name))
}

/// How far the rows of a rollout's database could be made up and looked at; nothing if wholly.
pub(super) fn remark(trace: &RolledOut) -> Option<String> {
    let mut remarks: Vec<String> = trace
        .populated
        .empty()
        .map(|(table, said)| format!("{table} not filled: {said}"))
        .collect();
    let unread = unread(&trace.before);
    let unread =
        unread.map(|(table, _)| format!("{table} not compared row by row: it is too large"));
    remarks.extend(unread);
    remarks.extend(trace.arrival.schema.unseen.iter().map(|unseen| format!("not seen: {unseen}")));
    (!remarks.is_empty()).then(|| format!("partly checked: {}", remarks.join("; ")))
}

#[cfg(test)]
mod tests {
    use super::super::cause::tests::migration;
    use super::*;
    use pretty_assertions::assert_eq;

    fn check(text: &str, expect: &[&str]) {
        let findings = faults("rollout", &migration(text));
        let messages: Vec<_> = findings.iter().map(|finding| finding.message.as_str()).collect();
        assert_eq!(messages, expect, "{text}");
    }

    #[test]
    fn one_transaction_is_as_it_should_be() {
        check("BEGIN; DELETE FROM a; INSERT INTO a VALUES (1); COMMIT;", &[]);
        check("SET lock_timeout = 1; BEGIN; SELECT 1; DELETE FROM a; COMMIT; ANALYZE a;", &[]);
        check("DELETE FROM a;", &[]);
        check("DO $$ BEGIN RAISE EXCEPTION 'no'; END $$; DELETE FROM a;", &[]);
        check("BEGIN; SAVEPOINT s; DELETE FROM a; RELEASE s; COMMIT;", &[]);
    }

    #[test]
    fn a_cut_is_a_fault() {
        let two = "the rollout is cut into 2 transactions";
        check("BEGIN; DELETE FROM a; COMMIT; BEGIN; DELETE FROM b; COMMIT;", &[two]);
        check("DELETE FROM a; INSERT INTO a VALUES (1);", &[two]);
        check("BEGIN; DELETE FROM a; COMMIT AND CHAIN; DELETE FROM b; COMMIT;", &[two]);
        check("DO $$ BEGIN DELETE FROM a; COMMIT; DELETE FROM b; END $$;", &[two]);
        check("BEGIN; DELETE FROM a;", &["the rollout never commits what it begins"]);
        check("BEGIN; DELETE FROM a; ROLLBACK; DELETE FROM b;", &[]);
        check("-- later", &["the rollout has no statement"]);
    }

    #[test]
    fn a_name_that_is_cut_is_a_fault() {
        let (fits, long) = ("a".repeat(63), "a".repeat(64));
        check(&format!("ALTER TABLE a RENAME TO {fits};"), &[]);
        let cut = "a name of 64 bytes is cut to 63";
        check(&format!("ALTER TABLE a RENAME TO {long};"), &[cut]);
        check(&format!("ALTER TABLE a RENAME TO \"{long}\";"), &[cut]);
        check(&format!("DO $x$ BEGIN ALTER TABLE a RENAME TO {long}; END $x$;"), &[cut]);
    }
}
