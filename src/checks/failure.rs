//! How a failed statement is told, whichever act it failed in: the place, Postgres's words, and
//! what is known about the cause.

use super::Finding;
use crate::source::{Delivery, Format, Migration, Project, SCRIPTS};
use crate::sql::Statement;
use crate::trace::{Cause, Failure, Point};

/// Adds to a finding what a failure is about.
pub(super) fn told(
    finding: Finding,
    project: &Project,
    migration: &Migration,
    failure: &Failure,
) -> Finding {
    let format = project.chain.format;
    let note = match failure.at {
        Point::Commit if format.boot_transaction.is_some() => Some(
            "one transaction holds the whole boot, so the cause may be in an earlier file"
                .to_owned(),
        ),
        Point::Ledger => Some(format!("the statement is {}'s own, on its ledger", format.name)),
        Point::Statement(_) | Point::Session | Point::Commit => None,
    };
    let finding = in_words_of_postgres(finding, migration, failure, note);
    match known_cause(format, migration, failure) {
        Some(help) => finding.help(help),
        None => finding,
    }
}

/// Adds to a finding what a failure is about that a script met: a file of the seeds, or one that is
/// run before the chain or after the seeds.
pub(super) fn told_of_script(
    finding: Finding,
    migration: &Migration,
    failure: &Failure,
) -> Finding {
    let finding = in_words_of_postgres(finding, migration, failure, None);
    let help = cause_in_script(failure)
        .map(str::to_owned)
        .or_else(|| known_cause(SCRIPTS, migration, failure));
    let finding = match failure.cause {
        Cause::LostTransaction => finding.note(
            "what came before it stays even if the rest fails, and what comes after it has no \
             transaction, nor the settings of [bootstrap] session",
        ),
        _ => finding,
    };
    match help {
        Some(help) => finding.help(help),
        None => finding,
    }
}

/// What to do where it is another thing in a script than in a migration.
fn cause_in_script(failure: &Failure) -> Option<&'static str> {
    Some(match (failure.cause, failure.sqlstate.as_str()) {
        (Cause::TimedOut, _) => {
            "the limit is for one file; --timeout SECONDS sets another. It may wait for a lock, or \
             loop for ever"
        }
        (Cause::LostTransaction, _) => {
            "leave BEGIN, COMMIT and ROLLBACK out of the file: it is played in a transaction of \
             its own, as by `psql -1 -f`"
        }
        (_, "25001") if failure.message.contains("before any query") => {
            "the settings of [bootstrap] session are a query, made before the file: let SET \
             TRANSACTION be its first statement, and make such settings in the file, by SET LOCAL \
             after that; or let a migration say ALTER ROLE CURRENT_USER SET \
             default_transaction_isolation = '…'"
        }
        (_, "2D000") => {
            "the file is played in a transaction of its own, which nothing in it may end: leave \
             COMMIT and ROLLBACK out of blocks and procedures"
        }
        (_, "25001") => {
            "the file is played in a transaction, as by `psql -1 -f`: leave the statement to the \
             migrations, or to whoever runs the server"
        }
        _ => return None,
    })
}

/// Places a finding where something failed, and tells what Postgres said.
fn in_words_of_postgres(
    finding: Finding,
    migration: &Migration,
    failure: &Failure,
    about_the_tool: Option<String>,
) -> Finding {
    let statement = statement_of(migration, failure);
    let span = match (statement, failure.offset) {
        // A syntax error is where Postgres points, and not where the statement begins.
        (Some(statement), Some(start)) if failure.sqlstate == "42601" => {
            let end = statement.span.end.max(start);
            let rest = &migration.file.text[start..end];
            let length = rest.find(|c: char| c.is_whitespace() || c == ';').unwrap_or(rest.len());
            // Or the one character, which may be such a space itself.
            let first = rest.chars().next().map_or(0, char::len_utf8);
            Some(start..start + length.max(first))
        }
        (Some(statement), _) => Some(statement.span.clone()),
        (None, _) if failure.at == Point::Commit => {
            migration.file.script.statements().last().map(|last| last.span.clone())
        }
        (None, _) => None,
    };
    let mut finding = finding.in_migration(migration, span).label(failure.words());
    if !failure.sqlstate.is_empty() {
        finding.sqlstate = Some(failure.sqlstate.clone());
    }
    if failure.at == Point::Commit {
        finding = finding.note("this came at the commit, where deferred constraints are checked");
    }
    finding.notes.extend(about_the_tool);
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
    finding
}

/// A finding about a tool that would not begin, or whose ledger could not be used.
pub(super) fn tool_refuses(project: &Project, what: &str, refusal: &str) -> Finding {
    let tool = project.chain.format.name;
    // What is odd about the files says so already.
    let is_told = refusal.starts_with(&format!("{tool} refuses "));
    let message =
        if is_told { refusal.to_owned() } else { format!("{tool} refuses {what}: {refusal}") };
    Finding::new(message)
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

/// What to do where the cause is known from what Postgres said.
fn known_cause(format: &Format, migration: &Migration, failure: &Failure) -> Option<String> {
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
        (Cause::OpenTransaction, _) => {
            "a file left a transaction open that it began: end it in the same file"
        }
        (_, "42P01" | "3F000")
            if failure.at == Point::Ledger && migration.file.text.contains("search_path") =>
        {
            "the tool looks for its table along the search_path, which this file changes: leave \
             that as it is, and name the schema in the statements instead, as in app.orders"
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
        (_, "42501") if message.contains("create role") => {
            "on an external server the chain runs as a role that may not create others; [postgres] \
             cluster = \"allow\" in rehearsal.toml gives it that right, if the URL's user has it"
        }
        (_, "42501") if !message.contains("row-level security") => {
            "the chain runs as the database's owner, who is no superuser, as on a managed service; \
             [postgres] role = \"superuser\" in rehearsal.toml plays it as superuser"
        }
        (_, "0A000" | "58P01") if message.contains("extension") => {
            "this server doesn't have the extension: install its package for this Postgres version"
        }
        (_, "25001" | "55P04") => return Some(wrong_transaction(format, migration, failure)),
        (_, "42704" | "22023") if message.starts_with("role ") => {
            "roles live in the cluster, and a fresh cluster has none of yours: create it in the \
             chain, guarded by a look into pg_roles; a dump does without them if it is made by \
             pg_dump --no-owner --no-privileges"
        }
        _ => return None,
    };
    Some(help.to_owned())
}

/// What to do where a statement can't share the transaction in which the tool plays it.
fn wrong_transaction(format: &Format, migration: &Migration, failure: &Failure) -> String {
    let tool = format.name;
    match (failure.sqlstate.as_str(), format.boot_transaction) {
        ("55P04", Some(_)) => format!(
            "{tool} holds all that a boot runs in one transaction, in which a value that it adds \
             to an enum can't be used: each migration in a deploy of its own went well, and a new \
             environment fails before Postgres 17. Name the value where the type is created, and \
             guard the later one: ADD VALUE IF NOT EXISTS"
        ),
        ("55P04", None) => "a value that is added to an enum can't be used before the end of the \
                            transaction: use it in a migration after this one"
            .to_owned(),
        (_, Some(_)) => format!(
            "{tool} holds all that a boot runs in one transaction, and there is no way out of it: \
             execute the statement outside of the migrations, or write one that a transaction \
             allows, such as CREATE INDEX without CONCURRENTLY"
        ),
        (_, None) => way_out_of_the_transaction(format, migration),
    }
}

/// How a statement comes to run in no transaction, or what to do if there is no way.
fn way_out_of_the_transaction(format: &Format, migration: &Migration) -> String {
    let tool = format.name;
    let need = match format.without_transaction {
        Some(line) if line.starts_with("--") => format!("which begins with the line `{line}`"),
        Some(words) => format!("with {words}"),
        None if migration.parts.iter().any(|part| part.begin.is_some()) => {
            return format!(
                "{tool} opens a transaction for each migration, and there is no way out of it: \
                 execute the statement outside of the migrations, or write one that a transaction \
                 allows, such as CREATE INDEX without CONCURRENTLY"
            );
        }
        None if format.delivery == Delivery::Statements => {
            return "give the statement a file of its own, which doesn't say BEGIN".to_owned();
        }
        None => {
            return format!(
                "{tool} sends the file as one message, which Postgres runs as one transaction: \
                 give the statement a migration of its own"
            );
        }
    };
    let mut advice = format!(
        "give the statement a migration of its own, {need}: {tool} then opens no transaction"
    );
    if format.delivery != Delivery::Statements {
        advice.push_str(". Several statements in one message would still be one");
    }
    advice
}
