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

use std::collections::BTreeSet;

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
    let is_merged = |migration: &Migration| merged.contains(&migration.file.path);
    let Some(last) = chain.migrations.iter().rposition(is_merged) else { return Vec::new() };
    let last_name = &chain.migrations[last].name;
    let late = chain.migrations[..last].iter().filter(|migration| !is_merged(migration));
    let findings = late.map(|migration| {
        let name = &migration.name;
        Finding::new(format!("{name} is new, and sorts before {last_name}, which is merged"))
            .in_migration(migration, None)
            .note(match chain.boot {
                Boot::Ledger => format!(
                    "where {last_name} is applied, {} {}",
                    chain.format.name, chain.format.latecomers
                ),
                Boot::EveryFile => {
                    "where the later ones have run already, the order is another than here"
                        .to_owned()
                }
            })
            .help(format!("give it a number after that of {last_name}"))
    });
    findings.collect()
}
