//! # What it proves
//!
//! The baseline makes the same schema as the chain that was squashed into it, both followed by the
//! migrations that have come since. If there is a rollout, what it makes of the chain's schema is
//! compared, so that it may drop on purpose what the baseline doesn't have; and what it keeps on
//! purpose is named as `leftovers`. The ledger belongs to the tool and is left out.
//!
//! # Why it matters
//!
//! After a squash, production is what the chain has made, and every new environment is what the
//! baseline makes. Whatever the two don't have in common is a bug that only one of them has.
//!
//! # Example
//!
//! ```sql
//! -- The chain has added CHECK (amount_cents > 0) to it in another file.
//! CREATE TABLE payments (id uuid PRIMARY KEY, amount_cents bigint NOT NULL);
//! ```

use super::failure::{told, tool_refuses};
use super::squash::{Differing, Sides, maker, place_of, played, source};
use super::{Check, Finding, Judge, Place, Usual, Verdict};
use crate::catalog::Difference;
use crate::config::Level;
use crate::source::{Project, Side, Squash, reach_of};
use crate::sql::{Kind, Object};
use crate::trace::{Act, Boot, BothSides, Point, Squashed, Traces, Way};

pub(super) const CHECK: Check = Check {
    name: "baseline",
    level: |_| Usual::Deny,
    judge: Judge::Act { act: Act::Baseline, spared: super::without_baseline, judge },
};

pub(super) fn judge(project: &Project, traces: &Traces) -> Verdict {
    let (squash, squashed) = match played(project, traces) {
        Ok(played) => played,
        Err(skipped) => return skipped,
    };
    let Some(compared) = &squashed.compared else {
        return fails(project, squash, &squashed.other);
    };
    let sides =
        Sides { comparison: &compared.comparison, left: "the chain", right: "the baseline" };
    let objects = sides.objects();
    let findings = objects.iter().map(|object| {
        let finding = placed(project, squash, sides.told(object), object);
        finding.help(help(project, squash, object))
    });
    let idle = idle_leftovers(project, squashed, compared);
    let findings = findings.chain(idle).collect();
    let remarks = [remark(squash, squashed, compared)].into_iter();
    Verdict::of(findings, remarks.chain(uncompared(project, squash)))
}

/// The side that the project itself is not does not even apply.
fn fails(project: &Project, squash: &Squash, boot: &Boot) -> Verdict {
    let other = &squash.other;
    let what = match squash.own {
        Side::Old => "a first boot with the baseline",
        Side::New => "a first boot of the squashed chain",
    };
    let mut findings = Vec::new();
    if let Some(refusal) = &boot.refusal {
        findings.push(tool_refuses(other, what, refusal));
    }
    for step in boot.pre.iter().filter(|step| !step.succeeded()) {
        let script = &project.scripts.pre[step.place].file.path;
        findings.push(Finding::new(format!("{what} fails in the pre script {script}")));
    }
    for (index, failure) in boot.failures() {
        let migration = &other.chain.migrations[index];
        let statement = match failure.at {
            Point::Statement(statement) => migration.file.script.statements().nth(statement),
            _ => None,
        };
        let makes_a_role = statement.is_some_and(|it| it.kind == Kind::Create(Object::Role));
        if failure.sqlstate == "42710" && makes_a_role {
            return Verdict::Skipped(format!(
                "{} makes a role that the other side has made on the same server; look into \
                 pg_roles before it",
                migration.file_name()
            ));
        }
        let message = format!("{what} fails in {}", migration.file_name());
        findings.push(told(Finding::new(message), other, migration, failure));
    }
    Verdict::Judged(findings)
}

/// Places a finding in the baseline, and says where the chain makes what is missing there.
fn placed(project: &Project, squash: &Squash, finding: Finding, object: &Differing<'_>) -> Finding {
    let baseline = squash.baseline(project);
    let there = maker(baseline, object.root).map(|statement| statement.span.clone());
    let mut finding = finding.in_migration(baseline, there);
    let chain = &squash.old_side(project).chain.migrations[..squash.squashed];
    let places = object.differences.iter().filter_map(|difference| {
        let (identity, attribute) = match difference {
            Difference::OnlyLeft { identity, .. } => (identity, None),
            Difference::Changed { identity, attribute, .. } => (identity, Some(attribute.as_str())),
            Difference::OnlyRight { .. } => return None,
        };
        let (migration, statement) = source(chain, identity, attribute)?;
        Some(format!("the chain has it from {}", place_of(migration, statement)))
    });
    let mut told = Vec::new();
    for place in places {
        if !told.contains(&place) {
            finding = finding.note(place.clone());
            told.push(place);
        }
    }
    finding
}

fn help(project: &Project, squash: &Squash, object: &Differing<'_>) -> String {
    let baseline = squash.baseline(project).file_name();
    let rollout = match &squash.rollout {
        Some(rollout) => format!("in {}", rollout.file.path),
        None => "in a rollout, which `rollout` under [baseline] names".to_owned(),
    };
    let is = |fits: fn(&Difference) -> bool| object.differences.iter().all(|it| fits(it));
    if is(|it| matches!(it, Difference::OnlyLeft { .. })) && !object.differences.is_empty() {
        return format!("write it into {baseline}; or, if it is to go, drop it {rollout}");
    }
    if is(|it| matches!(it, Difference::OnlyRight { .. })) && !object.differences.is_empty() {
        return format!(
            "take it out of {baseline}; or, if it is to come, make it {rollout}, or in a migration \
             after the baseline"
        );
    }
    format!("write it into {baseline} as the chain has it; or change it {rollout}")
}

/// Leftovers that are none: a slip in their name, or a rollout that keeps nothing.
fn idle_leftovers(
    project: &Project,
    squashed: &Squashed,
    compared: &BothSides,
) -> impl Iterator<Item = Finding> {
    // A rollout that fails has left nothing over.
    let is_known = squashed.rollout.as_ref().is_none_or(Way::succeeded);
    let idle = compared.idle_leftovers.iter().filter(move |_| is_known);
    idle.map(|place| {
        let pattern = &project.config.baseline.leftovers[*place];
        let message = format!("no table is left over that fits `{}`", pattern.get_ref());
        let finding = Finding::new(message)
            .note("a leftover is a table that the chain with its rollout has, and not the baseline")
            .help("remove the pattern from `leftovers` under [baseline], or correct it");
        let finding = Finding { at_most: Level::Warn, ..finding };
        match Place::in_config(&project.config, pattern.span()) {
            Some(place) => finding.at(place),
            None => finding,
        }
    })
}

/// What was compared with what.
fn remark(squash: &Squash, squashed: &Squashed, compared: &BothSides) -> String {
    let chain = format!("with {}", squash.origin);
    let rollout = match (&squash.rollout, &squashed.rollout) {
        (Some(rollout), Some(way)) if way.succeeded() => {
            format!(" and {}", rollout.file.file_name())
        }
        (Some(rollout), _) => {
            format!(", but not {}, which fails, see `rollout`", rollout.file.file_name())
        }
        (None, _) => String::new(),
    };
    match compared.comparison.without.as_slice() {
        [] => format!("compared {chain}{rollout}"),
        without => format!("compared {chain}{rollout}, without {}", without.join(", ")),
    }
}

/// What neither schema has: both sides are played on one server, whose roles, with what they are
/// members of and their settings, are there for both, whichever has made them.
fn uncompared(project: &Project, squash: &Squash) -> Option<String> {
    let sides = [squash.old_side(project), squash.new_side(project)];
    let migrations = sides.into_iter().flat_map(|side| &side.chain.migrations);
    let (migration, statement) = reach_of(migrations.chain(&squash.rollout))?;
    let place = place_of(migration, statement);
    Some(format!(
        "roles, their memberships and settings are not compared, because they belong to the whole \
         server: {place} reaches there"
    ))
}
