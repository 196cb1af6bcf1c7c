//! # What it proves
//!
//! Every file of the folder has its own place in the chain: no version is taken twice, no file is
//! passed over by the tool, and, where `base` under `[history]` says what is merged, a new
//! migration comes after every merged one. Merged is also what that branch has gained since the
//! current one left it, unless a plan or a journal lists the migrations: git then stops at it.
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
use crate::source::{Chain, Gained, History, Migration, Oddity, Project, Side, Unknown};

pub(super) const CHECK: Check =
    Check { name: "order", level: |_| Usual::Deny, judge: Judge::Files(judge) };

fn judge(project: &Project) -> Vec<Finding> {
    let mut findings = project.chain.oddities.iter().map(tell).collect::<Vec<_>>();
    let history = match &project.history {
        None => return findings,
        Some(Ok(history)) => history,
        Some(Err(unknown)) => {
            findings.push(untold(unknown));
            return findings;
        }
    };
    let late = late(project, &history.merged);
    let told = late.iter().map(|it| it.migration.file.path.as_str()).collect();
    let late = late.iter().filter(|it| !is_twin(project, it.migration, &history.merged));
    findings.extend(late.map(|it| it.told(&project.chain, "which is merged")));
    match &history.gained {
        Ok(None) => {}
        Ok(Some(gained)) => findings.extend(beside(project, history, gained, &told)),
        Err(unknown) => findings.push(untold(unknown)),
    }
    findings
}

fn untold(unknown: &Unknown) -> Finding {
    let help = Some(unknown.help.clone());
    Finding { at_most: Level::Warn, help, ..Finding::new(&unknown.message) }
}

fn tell(oddity: &Oddity) -> Finding {
    Finding {
        at_most: oddity.level,
        place: Some(Place { path: oddity.path.clone(), excerpt: None }),
        help: Some(oddity.help.clone()),
        ..Finding::new(&oddity.message)
    }
}

/// A new migration that sorts before one that production may have.
struct Late<'a> {
    migration: &'a Migration,
    /// The last of those.
    last: &'a Migration,
}

impl Late<'_> {
    /// How it is told. `which` says what is known of the other one.
    fn told(&self, chain: &Chain, which: &str) -> Finding {
        let (name, last, placing) = (&self.migration.name, &self.last.name, &chain.format.placing);
        Finding::new(format!("{name} is new, and sorts before {last}, {which}"))
            .in_migration(self.migration, None)
            .note(match chain.boot {
                Boot::Ledger => {
                    format!("where {last} is applied, {} {}", chain.format.name, placing.latecomers)
                }
                Boot::EveryFile => {
                    "where the later ones have run already, the order is another than here"
                        .to_owned()
                }
            })
            .help(format!("{} {last}", placing.help))
    }
}

/// New migrations that sort before a merged one.
fn late<'a>(project: &'a Project, merged: &BTreeSet<String>) -> Vec<Late<'a>> {
    let placing = &project.chain.format.placing;
    let placed = project.chain.migrations.iter().filter(|migration| (placing.has_place)(migration));
    let placed = placed.collect::<Vec<_>>();
    let are_merged = are_merged(&placed, placing.series, merged);
    let Some(at) = are_merged.iter().rposition(|is_merged| *is_merged) else { return Vec::new() };
    let new = placed[..at].iter().zip(are_merged).filter(|(_, is_merged)| !is_merged);
    let new = new.map(|(migration, _)| *migration).filter(|it| !is_baseline(project, it));
    let mut new = new.collect::<Vec<_>>();
    new.dedup_by(|second, first| second.is_same_as(first));
    new.into_iter().map(|migration| Late { migration, last: placed[at] }).collect()
}

/// Whether a merged migration has the version of a new one: what its tool does about that is told,
/// and nothing becomes of its place before it has a version of its own.
fn is_twin(project: &Project, migration: &Migration, merged: &BTreeSet<String>) -> bool {
    let chain = &project.chain;
    let is_it = |it: &Migration| it.version == migration.version && !it.is_same_as(migration);
    chain.format.placing.twins.is_some()
        && chain.migrations.iter().any(|it| is_it(it) && merged.contains(&it.file.path))
}

/// Whether a migration is there for what production has already, and is never run there.
fn is_baseline(project: &Project, migration: &Migration) -> bool {
    let squash = project.squash.as_ref().filter(|squash| squash.own == Side::New);
    squash.is_some_and(|squash| squash.baseline(project).file.path == migration.file.path)
}

/// What becomes of the new migrations beside those that the base has gained, but for what is told
/// already.
fn beside(
    project: &Project,
    history: &History,
    gained: &Gained,
    told: &BTreeSet<&str>,
) -> Vec<Finding> {
    let chain = &project.chain;
    let has_place = chain.format.placing.has_place;
    let which = format!("which `{}` has gained since {}", gained.base, history.commit);
    let is_gained = |migration: &Migration| gained.files.contains(&migration.file.path);
    let is_new = |migration: &&Migration| {
        let path = &migration.file.path;
        let is_known = is_gained(migration) || history.merged.contains(path);
        !is_known && !told.contains(path.as_str()) && !is_baseline(project, migration)
    };
    let placed = gained.together.iter().filter(|it| has_place(it)).collect::<Vec<_>>();
    let last = placed.iter().rposition(|it| is_gained(it));
    let after = |finding: Finding, last: &Migration| {
        let help = &chain.format.placing.help;
        finding.help(format!("git rebase {}\nand {help} {}", gained.base, last.name))
    };
    let (mut findings, mut twins) = (Vec::new(), Vec::new());
    for migration in chain.migrations.iter().filter(|it| has_place(it)).filter(is_new) {
        let taker = gained.migrations.iter().find(|it| it.version == migration.version);
        twins.extend(taker.into_iter().flat_map(|taker| [migration, taker]));
        let is_it = |it: &&Migration| it.file.path == migration.file.path;
        let last = last.map(|last| placed[last]).filter(|_| taker.is_some()).or_else(|| {
            let last = last.filter(|last| placed[..*last].iter().any(is_it))?;
            Some(placed[last])
        });
        if let Some(same) = same(chain, gained, migration) {
            let is_free = taker.is_none() && last.is_none();
            let at_most = if is_free { Level::Warn } else { Level::Deny };
            findings.push(Finding { at_most, ..twofold(migration, same, gained, &which) });
        } else if let Some(taker) = taker {
            let (name, its) = (&migration.name, &taker.name);
            let message = format!("{name} is new, and has the version of {its}, {which}");
            let notes = chain.format.placing.twins.map(str::to_owned).into_iter().collect();
            let finding = Finding { notes, ..Finding::new(message).in_migration(migration, None) };
            findings.push(after(finding, last.unwrap_or(taker)));
        } else if let Some(last) = last {
            findings.push(after(Late { migration, last }.told(chain, &which), last));
        }
    }
    let others = gained.oddities.iter();
    let others = others.filter(|oddity| !twins.iter().any(|it| is_about(oddity, it)));
    let which = format!("what `{}` has gained since {}", gained.base, history.commit);
    findings.extend(others.map(|oddity| tell(oddity).note(format!("so it is beside {which}"))));
    findings.extend(clashes(project, gained, &which));
    findings
}

/// Whether something odd is at the file of a migration, or at the folder that it has for itself.
fn is_about(oddity: &Oddity, migration: &Migration) -> bool {
    let rest = migration.file.path.strip_prefix(&oddity.path);
    rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

/// What the base has gained that says the same as a new migration, and isn't here as well: a branch
/// on which this one stands was merged under another number.
fn same<'a>(chain: &Chain, gained: &'a Gained, migration: &Migration) -> Option<&'a Migration> {
    let is_here = |it: &Migration| chain.migrations.iter().any(|own| own.file.path == it.file.path);
    let own = text(migration);
    let mut others = gained.migrations.iter();
    others.find(|it| !own.trim().is_empty() && text(it) == own && !is_here(it))
}

fn twofold(migration: &Migration, same: &Migration, gained: &Gained, which: &str) -> Finding {
    let (name, its) = (&migration.name, &same.name);
    Finding::new(format!("{name} is new, and is the same as {its}, {which}"))
        .in_migration(migration, None)
        .note("where both are there, the same is run twice")
        .help(format!("git rebase {}\nand drop {name}", gained.base))
}

/// What a migration says, however its lines end.
fn text(migration: &Migration) -> String {
    migration.file.text.replace("\r\n", "\n")
}

/// New migrations whose names the base has given to other ones. `which` says what it has gained.
fn clashes(project: &Project, gained: &Gained, which: &str) -> Vec<Finding> {
    let pairs = project.chain.migrations.iter().filter_map(|migration| {
        let is_there = |it: &&Migration| it.file.path == migration.file.path;
        Some((migration, gained.migrations.iter().find(is_there)?))
    });
    let others = pairs.filter(|(here, there)| text(here) != text(there));
    let findings = others.map(|(migration, _)| {
        let message = format!("{} is new, and another one in {which}", migration.file_name());
        Finding::new(message)
            .in_migration(migration, None)
            .note("git stops at it when the branches are merged")
            .help(format!("rename it, and then: git rebase {}", gained.base))
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
