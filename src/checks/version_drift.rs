//! # What it proves
//!
//! The chain makes the same schema on every Postgres version on which it is rehearsed. What only a
//! newer version can say, such as the name of a NOT NULL, makes no difference.
//!
//! # Why it matters
//!
//! Developers have another version than production, and production has another one after its next
//! upgrade. What branches on the version, or relies on a default that has changed, makes two
//! schemas out of one chain, and a bug that only one of them has.
//!
//! # Example
//!
//! ```sql
//! DO $$ BEGIN
//!     IF current_setting('server_version_num')::int >= 160000 THEN
//!         CREATE INDEX orders_open ON orders (customer) WHERE paid IS NULL;
//!     END IF;
//! END $$;
//! ```

use std::collections::BTreeMap;

use super::change::unquoted;
use super::{Check, Finding, Judge, Usual, Verdict};
use crate::catalog::{Renamed, parent_of};
use crate::source::{Migration, Project};
use crate::sql::{Kind, Statement};
use crate::trace::Drift;

pub(super) const CHECK: Check =
    Check { name: "version_drift", level: |_| Usual::Warn, judge: Judge::Versions(judge) };

fn judge(project: &Project, drift: &Drift) -> Verdict {
    let mut objects: BTreeMap<&str, Vec<String>> = BTreeMap::new();
    let comparison = &drift.comparison;
    for Renamed { left, right } in &comparison.renamed {
        let note = format!("{left} is called {} here", right.name());
        objects.entry(left.root()).or_default().push(note);
    }
    for difference in &comparison.differences {
        let notes = objects.entry(difference.identity().root()).or_default();
        notes.push(difference.to_string());
        let mut unknown = comparison.not_normalized.iter();
        if let Some(it) = unknown.find(|it| it.identity == *difference.identity()) {
            let newest = &drift.newest;
            notes.push(format!(
                "it may be the spelling alone: Postgres {newest} can't make it from this text \
                 ({})",
                it.reason
            ));
        }
    }
    let findings = objects.into_iter().map(|(name, notes)| {
        // Without the version on which it is found: there may be several.
        let message = format!("{name} is not the same as on Postgres {}", drift.newest);
        let mut finding = Finding::new(message);
        if let Some((migration, statement)) = maker(project, name) {
            finding = finding.in_migration(migration, Some(statement.span.clone()));
        }
        notes.into_iter().fold(finding, Finding::note).help(
            "write the statement so that every version does the same: name what it leaves to a \
             default, and branch on no version; or rehearse only those that production has",
        )
    });
    let findings = findings.collect();
    match drift.comparison.without.as_slice() {
        [] => Verdict::Judged(findings),
        without => Verdict::Partly(findings, format!("compared without {}", without.join(", "))),
    }
}

/// The last block that names an object, which may branch, or else the last statement about it.
fn maker<'a>(project: &'a Project, name: &str) -> Option<(&'a Migration, &'a Statement)> {
    let name = name.split('(').next().unwrap_or(name);
    let name = unquoted(parent_of(name).map_or(name, |parent| &name[parent.len() + 1..]));
    let all = || {
        project.chain.migrations.iter().rev().flat_map(|migration| {
            let statements = migration.file.script.statements().rev();
            statements.map(move |statement| (migration, statement))
        })
    };
    let is_about = |statement: &Statement| {
        let names = [&statement.table, &statement.name];
        names.into_iter().flatten().any(|named| named.name == name)
    };
    let is_block = |migration: &Migration, statement: &Statement| {
        let text = &migration.file.text[statement.span.clone()];
        statement.kind == Kind::Do && super::cause::has_word(text, &name)
    };
    all()
        .find(|(migration, statement)| is_block(migration, statement))
        .or_else(|| all().find(|(_, statement)| is_about(statement)))
}
