//! # What it proves
//!
//! The seeds apply to a database that migrations alone have made: every file in its transaction,
//! every command and closure, in their order. They leave the transaction and the schema alone.
//!
//! # Why it matters
//!
//! Developers' databases have columns that an ORM's `push` made, or a hand. Every new environment
//! has migrations only, and there the seeds stop at the first of those columns, often after the
//! half of them. A schema that seeds have made is in no migration, and in no dump of the schema.
//!
//! # Example
//!
//! ```sql
//! -- no migration has made the column `slug`: it came by `prisma db push`
//! INSERT INTO posts (id, title, slug) VALUES (1, 'Hello', 'hello') ON CONFLICT DO NOTHING;
//! ```

use super::change::Change;
use super::part::{self, left_out, seed_failed};
use super::sowing::sown;
use super::trigger::note_on_settings;
use super::{Check, Finding, Judge, Usual, Verdict, opaque, without_seeds};
use crate::catalog::{Catalog, Difference, Identity};
use crate::config::Level;
use crate::source::{Migration, Project, Seed};
use crate::sql::{Kind, Statement};
use crate::trace::{Act, Author, Failure, Seeding, Sowing, Sown, State, Traces};

pub(super) const CHECK: Check = Check {
    name: "seed",
    level: |_| Usual::Deny,
    judge: Judge::Act { act: Act::Seed, spared: without_seeds, judge },
};

fn judge(project: &Project, traces: &Traces) -> Verdict {
    let (before, seeding) = match sown(traces) {
        Ok(played) => played,
        Err(skipped) => return skipped,
    };
    let mut findings = Vec::new();
    for step in &seeding.first.steps {
        for finding in seed_failed(project, "seeding", step) {
            let finding = note_on_the_chain(finding, step, &before.catalog);
            let finding = note_on_settings(project, finding, step, &before.catalog);
            let stops = !step.succeeded();
            findings.push(if stops { finding.note(left_out(project, step)) } else { finding });
        }
    }
    findings.extend(untouched(project, before, &seeding.first));
    findings.extend(schema_changes(project, before, seeding));
    Verdict::Judged(findings)
}

/// What Postgres says where something is missing: a table, a column, a schema, another object, a
/// function, and a key for ON CONFLICT.
const MISSING: &[&str] = &["42P01", "42703", "3F000", "42704", "42883", "42P10"];

/// Says of what is missing who should have made it.
fn note_on_the_chain(finding: Finding, step: &Sown, catalog: &Catalog) -> Finding {
    let is_missing = |failure: &&Failure| MISSING.contains(&failure.sqlstate.as_str());
    let Some(failure) = step.failures.iter().find(is_missing) else { return finding };
    if let Some(elsewhere) = elsewhere(catalog, failure) {
        return finding.note(format!("the migrations make {elsewhere}")).help(
            "name the schema in the seed's statements, or let a migration set the search_path of \
             the role or the database",
        );
    }
    let finding = finding.note(
        "the migrations alone don't make it: where it is there, an ORM's `push` or somebody's hand \
         has made it, and a new environment has neither",
    );
    match finding.help {
        Some(_) => finding,
        None => finding.help("write the migration that makes it, or take it out of the seed"),
    }
}

/// The table of another schema that has the name which was not found.
fn elsewhere(catalog: &Catalog, failure: &Failure) -> Option<String> {
    let missing = failure.message.strip_prefix("relation \"")?.split('"').next()?;
    let tables = catalog.objects.keys().filter(|identity| identity.kind() == "table");
    let mut names = tables.map(Identity::name);
    let end = format!(".{missing}");
    names.find(|name| !missing.contains('.') && name.ends_with(&end)).map(str::to_owned)
}

/// Seeds that keep to themselves what they do, and have done nothing: they may have gone elsewhere.
fn untouched(project: &Project, before: &State, first: &Sowing) -> Option<Finding> {
    let end = first.end.as_ref()?;
    let wrote = first.writes.as_ref().is_ok_and(|writes| !writes.tables.is_empty());
    let step = first.steps.iter().find(|step| step.opaque.is_some())?;
    if wrote || !before.is_same_as(end) {
        return None;
    }
    let (seed, ran) = (&project.scripts.seeds[step.place], step.opaque.as_ref()?);
    let message = format!("{} succeeds, and leaves the database as it was", ran.name);
    let finding = part::at(project, Finding::new(message), Author::Seed(step.place));
    let finding = match seed {
        Seed::Closure(_) => {
            finding.note("it may have seeded another database").help(opaque::CONNECT_TO_IT)
        }
        _ => finding
            .note("it probably does not read DATABASE_URL, and may have seeded another database")
            .note(opaque::said(ran))
            .help(opaque::READ_THE_URL),
    };
    Some(Finding { at_most: Level::Warn, ..finding })
}

/// What the seeds did to the schema, object by object.
fn schema_changes(project: &Project, before: &State, seeding: &Seeding) -> Vec<Finding> {
    let Some(first) = &seeding.first.end else { return Vec::new() };
    let mut changes = Change::between(before, first, None);
    if let Some((_, second)) = seeding.ends() {
        changes.extend(Change::between(first, second, None));
    }
    let mut objects: Vec<(String, Vec<Change>)> = Vec::new();
    for change in changes {
        let Change::Schema(difference) = &change else { continue };
        let root = difference.identity().root().to_owned();
        match objects.iter_mut().find(|(name, _)| *name == root) {
            Some((_, changes)) => changes.push(change),
            None => objects.push((root, vec![change])),
        }
    }
    objects.iter().map(|(root, changes)| schema_change(project, first, root, changes)).collect()
}

fn schema_change(project: &Project, state: &State, root: &str, changes: &[Change]) -> Finding {
    let message = match changes {
        [Change::Schema(Difference::OnlyRight { identity, .. })] => {
            format!("the seeds make the {} {}", identity.kind(), identity.name())
        }
        [Change::Schema(Difference::OnlyLeft { identity, .. })] => {
            format!("the seeds drop the {} {}", identity.kind(), identity.name())
        }
        // Such are counted by owner.
        [Change::Schema(difference), ..] if root.starts_with("of ") => {
            format!("the seeds change the {} {root}", difference.identity().kind())
        }
        _ => format!("the seeds change the schema of {root}"),
    };
    let found = changes.iter().find_map(|change| maker(project, state, change));
    let finding = match found {
        Some((file, statement)) => {
            Finding::new(message).in_migration(file, Some(statement.span.clone()))
        }
        None => Finding::new(message),
    };
    let notes = changes.iter().map(Change::to_string);
    notes.fold(finding, Finding::note).help(
        "move it into a migration: what seeds make is in no dump of the schema, and missing where \
         the seeds have not run",
    )
}

/// The statement of a seed file that changed the schema, if the text tells.
fn maker<'a>(
    project: &'a Project,
    state: &State,
    change: &Change,
) -> Option<(&'a Migration, &'a Statement)> {
    let files = project.scripts.seeds.iter().rev().filter_map(Seed::file);
    let found = files.filter_map(|file| Some((file, change.statement(file, state)?)));
    found.into_iter().find(|(_, statement)| {
        !matches!(
            statement.kind,
            Kind::Insert | Kind::Update | Kind::Delete | Kind::Merge | Kind::CopyFromStdin
        )
    })
}
