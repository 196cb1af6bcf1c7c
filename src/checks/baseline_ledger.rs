//! # What it proves
//!
//! The baseline leaves the ledger to the migration tool: it neither makes nor fills it. After a
//! boot with the baseline the ledger has the tool's own row for it and none of the migrations that
//! were squashed, and the next boot finds nothing to do.
//!
//! # Why it matters
//!
//! `pg_dump` writes the ledger into the baseline like any other table. The tool makes its table
//! before it plays the first file, so that every new environment ends there; or, where the
//! statement is guarded, its rows get in the way of those that the tool writes itself.
//!
//! # Example
//!
//! ```sql
//! -- pg_dump --exclude-table=schema_migrations leaves it out.
//! CREATE TABLE public.schema_migrations (version character varying NOT NULL);
//! ```

use super::change::Change;
use super::failure::{told, tool_refuses};
use super::squash::{place_of, played};
use super::{Check, Finding, Judge, Usual, Verdict};
use crate::catalog::parent_of;
use crate::source::{Home, Ledger, Project, Side, Squash};
use crate::sql::{Kind, Object, Statement};
use crate::trace::{Act, NextBoot, Traces};

pub(super) const CHECK: Check = Check {
    name: "baseline_ledger",
    level: |_| Usual::Deny,
    judge: Judge::Act { act: Act::Baseline, spared: super::without_baseline, judge },
};

/// How many versions are told, …
const VERSIONS_TOLD: usize = 3;

/// … and how many statements beyond the first.
const STATEMENTS_TOLD: usize = 5;

fn judge(project: &Project, traces: &Traces) -> Verdict {
    let Some(squash) = &project.squash else {
        return Verdict::Skipped("there is no baseline".to_owned());
    };
    let new = squash.new_side(project);
    let Some(ledger) = new.chain.ledger() else {
        let name = new.chain.format.name;
        return Verdict::Skipped(format!("{name} files have no known ledger"));
    };
    let known = match squash.own {
        Side::New => traces.fresh.boot.ledger.as_deref(),
        Side::Old => traces.squashed.as_ref().and_then(|it| it.other.ledger.as_deref()),
    };
    let mut findings = Vec::from_iter(touched(project, squash, ledger, known));
    let squashed = match played(project, traces) {
        Ok((_, squashed)) => squashed,
        Err(skipped) if findings.is_empty() => return skipped,
        Err(_) => {
            let remark = "read, but not played: the chain does not apply, see `apply`";
            return Verdict::Partly(findings, remark.to_owned());
        }
    };
    if !squashed.recorded.is_empty() {
        let note = named(&squashed.recorded);
        findings = match findings.pop() {
            Some(finding) => vec![finding.note(note)],
            None => vec![recorded(project, squash, note)],
        };
    }
    match &squashed.again {
        Some(again) => {
            findings.extend(next_boot(new, again, known));
            Verdict::Judged(findings)
        }
        None if squashed.compared.is_none() => {
            let remark = "read, but not played to the end, see `baseline`";
            Verdict::Partly(findings, remark.to_owned())
        }
        None => Verdict::Partly(findings, "the next boot is judged by `rerun`".to_owned()),
    }
}

/// The statements of the baseline that are about what belongs to the tool.
fn touched(
    project: &Project,
    squash: &Squash,
    ledger: &Ledger,
    known: Option<&str>,
) -> Option<Finding> {
    let (new, baseline) = (squash.new_side(project), squash.baseline(project));
    let schema = known.and_then(parent_of).unwrap_or("public").to_owned();
    let home = Home { schema: schema.clone(), settings: new.chain.settings.clone() };
    let tables = ledger.made(&home, Object::Table);
    let is_its = |statement: &&Statement| {
        let names = [&statement.table, &statement.name];
        names.into_iter().flatten().any(|name| {
            let is_here = name.schema.as_deref().is_none_or(|it| it == schema);
            is_here && (name.name == ledger.table || tables.iter().any(|it| it.name == name.name))
        })
    };
    let statements = baseline.file.script.statements().filter(is_its).collect::<Vec<_>>();
    let first = statements.first()?;
    let does = |wanted: fn(&Kind) -> bool| statements.iter().any(|it| wanted(&it.kind));
    let makes = does(|kind| *kind == Kind::Create(Object::Table));
    let fills = does(|kind| matches!(kind, Kind::Insert | Kind::CopyFromStdin | Kind::Copy));
    let what = match (makes, fills) {
        (true, true) => "makes and fills",
        (true, false) => "makes",
        (false, true) => "fills",
        (false, false) => "changes",
    };
    let (tool, table) = (new.chain.format.name, ledger.table);
    let mut finding = Finding::new(format!("the baseline {what} {table}, the ledger of {tool}"))
        .in_migration(baseline, Some(first.span.clone()));
    for statement in statements.iter().skip(1).take(STATEMENTS_TOLD) {
        finding = finding.note(format!("and in {}", place_of(baseline, statement)));
    }
    let finding = finding.note(format!(
        "{tool} makes its table before it plays the first file, and writes the baseline's row \
         itself when that has succeeded"
    ));
    Some(finding.help(format!(
        "take these statements out of {}; pg_dump leaves the table out with \
         --exclude-table={table}",
        baseline.file_name()
    )))
}

fn named(versions: &[String]) -> String {
    let told = versions.iter().take(VERSIONS_TOLD).cloned().collect::<Vec<_>>().join(", ");
    let more = match versions.len().saturating_sub(VERSIONS_TOLD) {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    format!(
        "after a boot with the baseline the ledger names migrations that are gone: {told}{more}"
    )
}

fn recorded(project: &Project, squash: &Squash, note: String) -> Finding {
    let tool = squash.new_side(project).chain.format.name;
    Finding::new(format!("the baseline leaves {tool}'s ledger with migrations that were squashed"))
        .in_migration(squash.baseline(project), None)
        .note(note)
        .help("leave the ledger to the tool, and what production has there to the rollout")
}

/// What the boot after one with the baseline did, though there was nothing to do.
fn next_boot(new: &Project, again: &NextBoot, ledger: Option<&str>) -> Vec<Finding> {
    let what = "the next boot after one with the baseline";
    let mut findings = Vec::new();
    if let Some(refusal) = &again.boot.refusal {
        findings.push(tool_refuses(new, what, refusal));
    }
    for step in &again.boot.steps {
        let migration = &new.chain.migrations[step.migration];
        let finding = Finding::new(format!("{what} runs {} again", migration.file_name()));
        let finding = match step.failures.first() {
            Some(failure) => told(finding, new, migration, failure),
            None => finding.in_migration(migration, None),
        };
        findings.push(finding.note("the ledger does not say that it is applied"));
    }
    let changes = match &again.after {
        Some(after) => Change::between(&again.before, after, ledger),
        None => Vec::new(),
    };
    if !changes.is_empty() {
        let finding = Finding::new(format!("{what} changes the database"));
        let notes = changes.iter().map(ToString::to_string);
        findings.push(notes.fold(finding, Finding::note));
    }
    findings
}
