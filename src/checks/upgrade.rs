//! # What it proves
//!
//! What a merge of this branch does to production: where the chain is booted as it is merged, and
//! seeded with the seeds of then, the new files apply to those rows, and make the same schema as a
//! first boot of all files.
//!
//! Rows are not compared: what a new migration writes from the rows that it finds is meant to be
//! another thing on data than on an empty database, and what it writes by itself is the same on
//! both. Rows of merged migrations differ only where one was edited, or where a new one comes in
//! before it, and `history` and `order` tell that.
//!
//! # Why it matters
//!
//! In every test the chain begins with an empty database, and production has rows. A column that is
//! NOT NULL without a default, a unique index, a narrower type: each applies to an empty table, and
//! fails at the deploy.
//!
//! # Example
//!
//! ```sql
//! -- fails where there is a single member, and on no empty database
//! ALTER TABLE members ADD COLUMN email text NOT NULL;
//! ```

use std::collections::BTreeMap;

use super::change::Change;
use super::history::known;
use super::{Check, Finding, Judge, Usual, Verdict, part};
use crate::catalog::{Comparison, Renamed};
use crate::source::{Before, Fate, History, Migration, Project, Side, Text};
use crate::sql::Statement;
use crate::trace::{Act, Boot, Sown, State, Traces, Upgraded};

pub(super) const CHECK: Check = Check {
    name: "upgrade",
    level: |_| Usual::Deny,
    judge: Judge::Act { act: Act::Upgrade, spared, judge },
};

fn spared(project: &Project) -> Option<String> {
    if let Some(reason) = super::without_base(project) {
        return Some(reason);
    }
    if project.chain.runner.is_opaque() {
        return Some(
            "a command or a closure runs the migrations, and what it did at the merge base is not \
             known"
                .to_owned(),
        );
    }
    let history = match known(project) {
        Ok((history, _)) => history,
        Err(reason) => return Some(reason),
    };
    let stays = |(_, fate)| matches!(fate, Fate::Stays { .. });
    let is_squash = project.squash.as_ref().is_some_and(|squash| squash.own == Side::New);
    if history.claimed().is_some() || (is_squash && !history.fates().all(stays)) {
        return Some(
            "the chain is squashed; `rollout` judges what becomes of databases that have it"
                .to_owned(),
        );
    }
    let is_same = |(_, fate)| matches!(fate, Fate::Stays { text: Text::Same, .. });
    let is_new = !history.added(project.chain.migrations.len()).is_empty();
    (!is_new && history.fates().all(is_same))
        .then(|| format!("no new migration since {}", history.commit))
}

fn judge(project: &Project, traces: &Traces) -> Verdict {
    let (Some(end), Some(upgraded), Ok((history, before))) =
        (&traces.fresh.end, &traces.upgraded, known(project))
    else {
        return Verdict::Skipped("the chain does not apply, see `apply`".to_owned());
    };
    let Some(boot) = &upgraded.boot else {
        return Verdict::Skipped(format!(
            "the chain of {} does not apply here: {}",
            history.commit,
            why(&before.project, &upgraded.merged)
        ));
    };
    let since = format!("the chain of {}", history.commit);
    let mut findings = Vec::new();
    for finding in part::chain_failed(project, "the upgrade", boot) {
        let on = if has_rows(upgraded) { " with the rows of the seeds" } else { "" };
        findings.push(
            finding
                .note(format!("it was played on {since}{on}; a first boot of all files succeeds")),
        );
    }
    if let Some(comparison) = &upgraded.comparison {
        findings.extend(differences(project, history, end, comparison));
    }
    match remark(before, upgraded) {
        Some(remark) => Verdict::Partly(findings, remark),
        None => Verdict::Judged(findings),
    }
}

fn has_rows(upgraded: &Upgraded) -> bool {
    !upgraded.seeds.is_empty() && upgraded.seeds.iter().all(Sown::succeeded)
}

/// Why a chain that is merged does not apply.
fn why(before: &Project, boot: &Boot) -> String {
    let failed = boot.failures().next().map(|(index, failure)| {
        let path = &before.chain.migrations[index].file.path;
        let is_there = failure.sqlstate == "42710" && failure.message.starts_with("role ");
        // A first boot of all files has made it on the same server.
        let advice = if is_there { "; look into pg_roles before it" } else { "" };
        format!("{path}: {}{advice}", failure.words())
    });
    let refused = || boot.refusal.clone();
    failed.or_else(refused).unwrap_or_else(|| "the pre scripts fail".to_owned())
}

/// How far it could be judged, where that isn't as far as it should be.
fn remark(before: &Before, upgraded: &Upgraded) -> Option<String> {
    if upgraded.seeds.is_empty() {
        return Some("played without rows, because there are no seeds".to_owned());
    }
    if !has_rows(upgraded) {
        return Some("played without rows, because the seeds fail on the merged chain".to_owned());
    }
    (!before.has_own_seeds).then(|| "played with the seeds as they are now".to_owned())
}

/// What is another schema after the upgrade than after a first boot, by objects.
fn differences(
    project: &Project,
    history: &History,
    end: &State,
    comparison: &Comparison,
) -> Vec<Finding> {
    let mut objects: BTreeMap<&str, (Vec<String>, Option<Change>)> = BTreeMap::new();
    for Renamed { left, right } in &comparison.renamed {
        let (notes, _) = objects.entry(left.root()).or_default();
        notes.push(format!("{left} is called {}", right.name()));
    }
    for difference in &comparison.differences {
        let (notes, change) = objects.entry(difference.identity().root()).or_default();
        notes.push(difference.to_string());
        let mut unknown = comparison.not_normalized.iter();
        if let Some(it) = unknown.find(|it| it.identity == *difference.identity()) {
            notes.push(format!("it may be the spelling alone, which is not known: {}", it.reason));
        }
        change.get_or_insert_with(|| Change::Schema(difference.clone()));
    }
    let findings = objects.into_iter().map(|(name, (notes, change))| {
        let message = format!("after the upgrade, {name} is not as a first boot makes it");
        let mut finding = Finding::new(message);
        let found = change.and_then(|change| maker(project, history, end, &change));
        if let Some((migration, statement)) = found {
            finding = finding.in_migration(migration, Some(statement.span.clone()));
        }
        let compared = format!("beside a first boot:\n  {}", notes.join("\n  "));
        finding.note(compared).help(
            "production would have another schema than new environments: leave merged files as \
             they are, and write what is to change into a new migration",
        )
    });
    findings.collect()
}

/// The statement that most likely makes the difference: one of a merged file that was edited, or
/// else the last one about the object.
fn maker<'a>(
    project: &'a Project,
    history: &History,
    end: &State,
    change: &Change,
) -> Option<(&'a Migration, &'a Statement)> {
    let migrations = &project.chain.migrations;
    let edited = history.fates().filter_map(|(_, fate)| match fate {
        Fate::Stays { place, text: Text::Edited } | Fate::Moved { place, .. } => Some(place),
        _ => None,
    });
    let places = edited.chain((0..migrations.len()).rev()).collect::<Vec<_>>();
    places.into_iter().find_map(|place| {
        let migration = &migrations[place];
        Some((migration, change.statement(migration, end)?))
    })
}
