//! # What it proves
//!
//! Every file of the folder has its own place in the chain: no version is taken twice, no file is
//! passed over by the tool, and, where `base` under `[history]` says what is merged, a new
//! migration comes after every merged one.
//!
//! # Why it matters
//!
//! Two branches that are merged in one week both add number 43. Depending on the tool, the next
//! deploy then refuses to start, or silently runs one of the two. And a number 42 that is merged
//! after 43 has been deployed is run in new environments only: many tools look only for what comes
//! after the last migration that they applied.
//!
//! # Example
//!
//! ```text
//! 000043_actor_roles.up.sql
//! 000043_approvals.up.sql
//! ```

use std::collections::{BTreeMap, BTreeSet};

use super::{Check, Finding, Judge, Place, Usual};
use crate::config::{Boot, Level};
use crate::source::{Chain, Migration, Oddity, Project};

pub(super) const CHECK: Check =
    Check { name: "order", level: |_| Usual::Deny, judge: Judge::Files(judge) };

fn judge(project: &Project) -> Vec<Finding> {
    let mut findings = project.chain.oddities.iter().map(tell).collect::<Vec<_>>();
    match &project.chain.merged {
        None => {}
        Some(Ok(merged)) => findings.extend(late(&project.chain, merged)),
        Some(Err(unknown)) => findings.push(Finding {
            at_most: Level::Warn,
            help: Some(unknown.help.clone()),
            ..Finding::new(&unknown.message)
        }),
    }
    findings
}

fn tell(oddity: &Oddity) -> Finding {
    Finding {
        at_most: oddity.level,
        place: Some(Place { path: oddity.path.clone(), excerpt: None }),
        help: Some(oddity.help.clone()),
        ..Finding::new(&oddity.message)
    }
}

/// New migrations that sort before a merged one.
fn late(chain: &Chain, merged: &BTreeSet<String>) -> Vec<Finding> {
    let placing = &chain.format.placing;
    let placed = chain.migrations.iter().filter(|migration| (placing.has_place)(migration));
    let placed = placed.collect::<Vec<_>>();
    let are_merged = are_merged(&placed, placing.series, merged);
    let Some(last) = are_merged.iter().rposition(|is_merged| *is_merged) else { return Vec::new() };
    let last_name = &placed[last].name;
    let new = placed[..last].iter().zip(are_merged).filter(|(_, is_merged)| !is_merged);
    let mut late = new.map(|(migration, _)| *migration).collect::<Vec<_>>();
    late.dedup_by(|second, first| second.is_same_as(first));
    let findings = late.into_iter().map(|migration| {
        let name = &migration.name;
        Finding::new(format!("{name} is new, and sorts before {last_name}, which is merged"))
            .in_migration(migration, None)
            .note(match chain.boot {
                Boot::Ledger => format!(
                    "where {last_name} is applied, {} {}",
                    chain.format.name, placing.latecomers
                ),
                Boot::EveryFile => {
                    "where the later ones have run already, the order is another than here"
                        .to_owned()
                }
            })
            .help(format!("{} {last_name}", placing.help))
    });
    findings.collect()
}

/// Which of the migrations are merged: of those whose files are of one series, as many as it had
/// files, from the first on. The path of the last one may be that of an earlier one before.
fn are_merged(
    migrations: &[&Migration],
    series: fn(&str) -> &str,
    merged: &BTreeSet<String>,
) -> Vec<bool> {
    let mut left = BTreeMap::<_, usize>::new();
    for path in merged {
        *left.entry(series(path)).or_default() += 1;
    }
    let is_merged = migrations.iter().map(|migration| {
        let left = left.get_mut(series(&migration.file.path)).filter(|left| **left > 0);
        left.is_some_and(|left| {
            *left -= 1;
            true
        })
    });
    is_merged.collect()
}
