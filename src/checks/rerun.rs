//! # What it proves
//!
//! A second boot through the ledger succeeds and is inert: no file runs again, and schema, rows,
//! sequences, ledger and table files are as they were.
//!
//! # Why it matters
//!
//! Every deploy and every restart is a second boot. A migration that moves the ledger, or changes
//! where the tool looks for it, makes the tool start over on a full database.
//!
//! # Example
//!
//! ```sql
//! -- The next boot connects with this search_path, and finds no ledger in schema `app`.
//! ALTER ROLE CURRENT_USER SET search_path = app;
//! ```

use super::change::{Change, uncounted};
use super::failure::{told, tool_refuses};
use super::opaque;
use super::{Check, Finding, Judge, Usual, Verdict, after_fresh};
use crate::config::Boot;
use crate::source::{Migration, Project};
use crate::sql::{Kind, Object, Statement};
use crate::trace::{self, Act, Trace, Traces};

pub(super) const CHECK: Check = Check {
    name: "rerun",
    level: |_| Usual::Deny,
    judge: Judge::Act { act: Act::Rerun, spared, judge },
};

fn spared(project: &Project) -> Option<String> {
    match (project.chain.ledger(), project.chain.boot) {
        // What it goes by is its own affair; a second boot must change nothing.
        _ if project.chain.runner.is_opaque() => None,
        (Some(_), _) => None,
        (None, Boot::EveryFile) => {
            Some("every file runs at each boot; `replay` judges the second".to_owned())
        }
        (None, Boot::Ledger) => {
            Some(format!("{} files have no known ledger", project.chain.format.name))
        }
    }
}

fn judge(project: &Project, traces: &Traces) -> Verdict {
    let (before, trace) = match after_fresh(traces, Act::Rerun) {
        Ok(played) => played,
        Err(skipped) => return skipped,
    };
    let boot = &trace.boot;
    let mut findings = opaque::told(project, traces, Act::Rerun);
    if let Some(refusal) = &boot.refusal {
        findings.push(tool_refuses(project, "the second boot", refusal));
    }
    if !boot.steps.is_empty() {
        findings.push(ran_again(project, traces, boot));
    }
    for (index, failure) in boot.failures() {
        let migration = &project.chain.migrations[index];
        let message = format!("the second boot fails in {}", migration.file_name());
        let finding = told(Finding::new(message), project, migration, failure);
        findings.push(finding.note("it fails because it ran again, see above"));
    }
    if let Some(after) = &trace.end {
        let ledger = traces.fresh.boot.ledger.as_deref();
        let mut changes = Change::between(before, after, ledger);
        if let Ok(writes) = &trace.writes {
            changes.extend(Change::unseen(&changes, writes, ledger));
        }
        findings.extend(changed(project, trace, &changes));
    }
    Verdict::of(findings, uncounted([&trace.writes]))
}

/// The second boot did something, though it had nothing to do.
fn changed(project: &Project, trace: &Trace, changes: &[Change]) -> Option<Finding> {
    let boot = &trace.boot;
    let _ = changes.first()?;
    let message = "the second boot changes the database";
    let finding = match (&boot.opaque, boot.steps.as_slice()) {
        (Some(_), _) => opaque::placed(project, message),
        (None, []) => Finding::new(format!("{message}, though nothing is pending")),
        (None, _) => Finding::new(message),
    };
    let notes = changes.iter().map(|change| change.note(&trace.details));
    let finding = notes.fold(finding, Finding::note);
    if boot.opaque.is_none() {
        return Some(finding);
    }
    let finding = finding.note("which table is the ledger is not known here, so it counts too");
    Some(finding.help(
        "a second boot must find nothing to do: guard what runs each time. If it is only the \
         tool's own bookkeeping:\n[[allow]]\ncheck = \"rerun\"\nreason = \"…\"",
    ))
}

/// Files ran again, so the ledger did not do its work.
fn ran_again(project: &Project, traces: &Traces, second: &trace::Boot) -> Finding {
    let tool = project.chain.format.name;
    let finding = match second.steps.as_slice() {
        [step] => {
            let name = project.chain.migrations[step.migration].file_name();
            Finding::new(format!("the second boot runs {name} again"))
        }
        steps => Finding::new(format!("the second boot runs {} files again", steps.len())),
    };
    let (Some(first), Some(second)) = (&traces.fresh.boot.ledger, &second.ledger) else {
        return finding;
    };
    if first == second {
        return finding.note(format!(
            "the ledger {first} no longer says that they are applied: a migration must leave \
             {tool}'s table alone"
        ));
    }
    let finding = finding
        .note(format!(
            "the first boot kept its ledger in {first}, the second looked for it in {second}: \
             {tool} uses the schema that is current when it connects"
        ))
        .help(
            "leave the ledger's schema first in the search_path of the role and the database, or \
             set the search_path in the app's own connection",
        );
    match moves_the_ledger(project) {
        Some((migration, statement)) => {
            finding.in_migration(migration, Some(statement.span.clone()))
        }
        None => finding,
    }
}

/// The last statement that gives the role or the database another `search_path`.
fn moves_the_ledger(project: &Project) -> Option<(&Migration, &Statement)> {
    let statements = project.chain.migrations.iter().rev().flat_map(|migration| {
        migration.file.script.statements().rev().map(move |statement| (migration, statement))
    });
    let mut candidates = statements.filter(|(migration, statement)| {
        let text = migration.file.text[statement.span.clone()].to_lowercase();
        let alters = matches!(
            statement.kind,
            Kind::Do | Kind::Alter { object: Object::Role | Object::Database, .. }
        );
        alters && text.contains("search_path")
    });
    candidates.next()
}
