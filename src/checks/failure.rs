//! How a failed statement is told, whichever act it failed in: the place, Postgres's words, and
//! what is known about the cause.

use super::Finding;
use crate::source::{Delivery, Format, Migration, Project};
use crate::sql::Statement;
use crate::trace::{Cause, Failure, Point};

/// Adds to a finding what a failure is about.
pub(super) fn told(
    finding: Finding,
    project: &Project,
    migration: &Migration,
    failure: &Failure,
) -> Finding {
    let statement = statement_of(migration, failure);
    let span = match (statement, failure.offset) {
        // A syntax error is where Postgres points, and not where the statement begins.
        (Some(statement), Some(start)) if failure.sqlstate == "42601" => {
            let end = statement.span.end.max(start);
            let word = migration.file.text[start..end]
                .find(|c: char| c.is_whitespace() || c == ';')
                .map_or(end, |length| start + length.max(1));
            Some(start..word)
        }
        (Some(statement), _) => Some(statement.span.clone()),
        (None, _) if failure.at == Point::Commit => {
            migration.file.script.statements().last().map(|last| last.span.clone())
        }
        (None, _) => None,
    };
    let mut finding = finding.in_migration(migration, span).label(words(failure));
    if !failure.sqlstate.is_empty() {
        finding.sqlstate = Some(failure.sqlstate.clone());
    }
    match failure.at {
        Point::Statement(_) | Point::Session => {}
        Point::Commit => {
            finding =
                finding.note("this came at the commit, where deferred constraints are checked");
        }
        Point::Ledger => {
            finding = finding.note(format!(
                "the statement is {}'s own, on its ledger",
                project.chain.format.name
            ));
        }
    }
    let said = [("detail", &failure.detail), ("hint", &failure.hint), ("in", &failure.context)];
    for (what, text) in said {
        if let Some(text) = text {
            finding = finding.note(format!("{what}: {text}"));
        }
    }
    if failure.detail.as_ref().is_some_and(|detail| detail.contains("database rehearsal_")) {
        finding = finding.note(
            "the database in the detail is one of rehearsal's own: roles belong to all databases \
             of a server, so this may not happen in production",
        );
    }
    match known_cause(project, migration, failure) {
        Some(help) => finding.help(help),
        None => finding,
    }
}

/// A finding about a tool that would not begin, or whose ledger could not be used.
pub(super) fn tool_refuses(project: &Project, what: &str, refusal: &str) -> Finding {
    let tool = project.chain.format.name;
    Finding::new(format!("{tool} refuses {what}: {refusal}"))
}

/// The statement that failed.
pub(super) fn statement_of<'a>(
    migration: &'a Migration,
    failure: &Failure,
) -> Option<&'a Statement> {
    match failure.at {
        Point::Statement(index) => migration.file.script.statements().nth(index),
        Point::Commit | Point::Ledger | Point::Session => None,
    }
}

fn words(failure: &Failure) -> String {
    match failure.sqlstate.as_str() {
        "" => failure.message.clone(),
        sqlstate => format!("{sqlstate}: {}", failure.message),
    }
}

/// What to do where the cause is known from what Postgres said.
fn known_cause(project: &Project, migration: &Migration, failure: &Failure) -> Option<String> {
    let format = project.chain.format;
    let message = failure.message.as_str();
    let help = match (failure.cause, failure.sqlstate.as_str()) {
        (Cause::TimedOut, _) => "the limit is for one file; --timeout SECONDS sets another",
        (Cause::NoCopyData, _) => "write the rows as INSERT statements",
        (Cause::Disconnected, _) => return None,
        (Cause::LostTransaction, _) => {
            return Some(format!(
                "the statement ends {}'s own transaction, which would have held the ledger's row \
                 too: leave BEGIN and COMMIT to the tool",
                format.name
            ));
        }
        _ if failure.at == Point::Ledger => return None,
        (_, "57014") if failure.at == Point::Session => {
            "the file leaves a timeout that is too short even for the tool's own bookkeeping: SET \
             LOCAL ends with the file's transaction"
        }
        _ if failure.at == Point::Commit => {
            "find the rows that break the constraint; SET CONSTRAINTS ALL IMMEDIATE checks them \
             where the statements are"
        }
        (_, "42601") if migration.file.text.starts_with('\u{feff}') => {
            "the file begins with a byte order mark, which Postgres takes for a word: save it as \
             UTF-8 without one"
        }
        (_, "42501") if message.contains("member of role") || message.contains("set role") => {
            "the owner of the database is no superuser, and acts only for roles whose member it \
             is: GRANT the role TO CURRENT_USER first"
        }
        (_, "42501") if message.contains("extension") => {
            "extensions that only a superuser may create can be installed beforehand, as on a \
             managed service: [postgres] extensions = [\"…\"] in rehearsal.toml"
        }
        (_, "42501") if !message.contains("row-level security") => {
            "the chain runs as the database's owner, who is no superuser, as on a managed service; \
             [postgres] role = \"superuser\" in rehearsal.toml plays it as superuser"
        }
        (_, "0A000" | "58P01") if message.contains("extension") => {
            "this server doesn't have the extension: install its package for this Postgres version"
        }
        (_, "25001") => return Some(outside_transaction(format)),
        (_, "42704" | "22023") if message.starts_with("role ") => {
            "roles live in the cluster, and a fresh cluster has none of yours: create it in the \
             chain, guarded by a look into pg_roles"
        }
        _ => return None,
    };
    Some(help.to_owned())
}

/// How to write a statement that can't run in a transaction.
fn outside_transaction(format: &Format) -> String {
    let name = format.name;
    match (format.delivery, format.without_transaction) {
        (Delivery::Message, Some(line)) => format!(
            "give the statement a migration of its own, which begins with the line `{line}`: \
             {name} then opens no transaction. Several statements in one message would still be \
             one"
        ),
        (Delivery::Message, None) => format!(
            "{name} sends the file as one message, which Postgres runs as one transaction: give \
             the statement a migration of its own"
        ),
        (Delivery::Statements, Some(needs)) => format!(
            "give the statement a migration of its own, with {needs}: {name} then opens no \
             transaction"
        ),
        (Delivery::Statements, None) => {
            "give the statement a file of its own, which doesn't say BEGIN".to_owned()
        }
    }
}
