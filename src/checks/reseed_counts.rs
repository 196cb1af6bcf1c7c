//! # What it proves
//!
//! A second run of the seeds succeeds, and leaves every table with as many rows as it had.
//!
//! # Why it matters
//!
//! Seeds run after every migration, in every environment, for ever. One INSERT without a guard, in
//! a table whose key comes from a sequence, and each deploy brings the same rows once more.
//!
//! # Example
//!
//! ```sql
//! -- `id` is a serial, and nothing else is unique: three more rows at each run
//! INSERT INTO roles (name) VALUES ('admin'), ('editor'), ('reader');
//! ```

use super::cause::{table_of, way_out};
use super::change::Change;
use super::doer::{Deed, Doers};
use super::failure::statement_of;
use super::part::seed_failed;
use super::replay::{advice, in_words};
use super::sowing::applied;
use super::{Check, Finding, Judge, Usual, Verdict, without_seeds};
use crate::catalog::Catalog;
use crate::guards::{self, Known};
use crate::rows::RowDifference;
use crate::source::{Migration, Project};
use crate::sql::Statement;
use crate::trace::{Act, Look, Path, Seeding, Sown, Traces};

pub(super) const CHECK: Check = Check {
    name: "reseed_counts",
    level: |_| Usual::Deny,
    judge: Judge::Act { act: Act::Seed, spared: without_seeds, judge },
};

fn judge(project: &Project, traces: &Traces) -> Verdict {
    let (seeding, end) = match applied(traces) {
        Ok(played) => played,
        Err(skipped) => return skipped,
    };
    let mut findings = Vec::new();
    for step in seeding.second.iter().flat_map(|second| &second.steps) {
        let told = seed_failed(project, "a second run of the seeds", step);
        let told = told.into_iter().filter(|_| !step.succeeded());
        findings.extend(told.map(|finding| runs_once(project, &end.catalog, step, finding)));
    }
    let ledger = traces.fresh.boot.ledger.as_deref();
    for change in seeding.changes() {
        if let RowDifference::Counted { table, before, after } = &change
            && Some(table.as_str()) != ledger
        {
            let counts = (*before, *after);
            findings.push(counted(project, seeding, &end.catalog, table, counts));
        }
    }
    Verdict::Judged(findings)
}

/// A seed that succeeds the first time only.
fn runs_once(project: &Project, catalog: &Catalog, step: &Sown, finding: Finding) -> Finding {
    let finding = finding.note("seeds run at each deploy, on what the last one left");
    let file = project.scripts.seeds[step.place].file();
    let (Some(file), Some(failure)) = (file, step.failures.first()) else { return finding };
    let Some(statement) = statement_of(file, failure) else { return finding };
    let known = Known { table: table_of(catalog, statement), names: Vec::new() };
    let help = way_out(&file.file.text, statement, failure, known.table.as_ref(), &[])
        .or_else(|| advice(file, statement, &known))
        .or_else(|| in_words(statement, failure));
    match help {
        Some(help) => finding.help(help),
        None => finding,
    }
}

fn counted(
    project: &Project,
    seeding: &Seeding,
    catalog: &Catalog,
    table: &str,
    (before, after): (u64, u64),
) -> Finding {
    let rows = if after == 1 { "row" } else { "rows" };
    let were = if before == 1 { "was" } else { "were" };
    let message = format!(
        "a second run of the seeds leaves {after} {rows} in {table}, where {before} {were}"
    );
    let change = RowDifference::Counted { table: table.to_owned(), before, after };
    let change = Change::Rows(change);
    let doers = Doers::of(project, seeding, &change, after < before);
    let mut finding = doers.place(project, Finding::new(message));
    if let Some(path) = &seeding.path {
        finding.notes.extend(by_seed(project, path, table));
        finding = finding.note(change.note(&path.details));
    }
    let help = doers.deed.and_then(|Deed { file, statement }| instead(catalog, file, statement));
    finding.help(help.unwrap_or_else(|| {
        "insert only what is missing: INSERT … ON CONFLICT DO NOTHING, where a unique key tells \
         what is there, or INSERT … SELECT … WHERE NOT EXISTS"
            .to_owned()
    }))
}

/// What each seed made of the number of rows, where it was more than one.
fn by_seed(project: &Project, path: &Path, table: &str) -> Vec<String> {
    let count = |look: &Look| look.rows.tables.get(table).map_or(0, |it| it.count);
    let earlier = std::iter::once(&path.begin).chain(path.steps.iter().map(|(_, look)| look));
    let steps = earlier.zip(&path.steps).map(|(was, (place, is))| (place, count(was), count(is)));
    let steps = steps.filter(|(_, was, is)| was != is).collect::<Vec<_>>();
    let tell = |(place, was, is): &(&usize, u64, u64)| {
        format!("{}: {was} became {is}", project.scripts.seeds[**place].name())
    };
    if steps.len() > 1 { steps.iter().map(tell).collect() } else { Vec::new() }
}

/// What to write instead of a statement that adds its rows each time.
fn instead(catalog: &Catalog, file: &Migration, statement: &Statement) -> Option<String> {
    let known = Known { table: table_of(catalog, statement), names: Vec::new() };
    if let Some(advice) = advice(file, statement, &known) {
        return Some(advice);
    }
    let (name, table) = (statement.table.as_ref()?, known.table.as_ref()?);
    let missing = guards::only_missing(&file.file.text, statement, table)?;
    statement.guarded.then(|| {
        format!(
            "no unique key of {name} tells that a row is there, so ON CONFLICT never finds one: \
             let a migration add the key, or insert only what is missing:\n{missing}"
        )
    })
}
