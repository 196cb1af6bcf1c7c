//! The checks: each a pure function from traces to findings, one file each.
//!
//! A check never sees a connection, and it can't fail. What it could not judge it reports as
//! skipped, with the reason.

mod apply;
mod arrival;
mod baseline;
mod baseline_ledger;
mod baseline_rows;
mod bootstrap;
mod cause;
mod change;
mod crossing;
mod doer;
mod dump;
mod failure;
mod finding;
mod history;
mod leaks;
mod lost;
mod opaque;
mod order;
mod part;
mod replay;
mod rerun;
mod reseed_contents;
mod reseed_counts;
mod rollback;
mod rollout;
mod seed;
mod seed_counts;
mod seed_edits;
mod seed_race;
mod seed_randomness;
mod sowing;
mod squash;
mod stray_writes;
mod tighten;
mod trial;
mod trigger;
mod upgrade;
mod version_drift;

pub(crate) use self::finding::{Finding, Place};
use crate::config;
use crate::source::Project;
use crate::trace::{Act, Bootstrapped, Drift, State, Trace, Traces};

/// Every check, in the order in which they are reported.
pub(crate) const ALL: &[&Check] = &[
    &apply::CHECK,
    &rerun::CHECK,
    &replay::CHECK,
    &leaks::CHECK,
    &order::CHECK,
    &history::CHECK,
    &upgrade::CHECK,
    &seed::CHECK,
    &reseed_counts::CHECK,
    &reseed_contents::CHECK,
    &seed_counts::CHECK,
    &seed_randomness::CHECK,
    &seed_edits::CHECK,
    &seed_race::CHECK,
    &bootstrap::CHECK,
    &tighten::CHECK,
    &stray_writes::CHECK,
    &baseline::CHECK,
    &baseline_rows::CHECK,
    &baseline_ledger::CHECK,
    &rollout::CHECK,
    &rollback::CHECK,
    &dump::CHECK,
    &version_drift::CHECK,
];

/// A property, and how it is judged.
pub(crate) struct Check {
    pub(crate) name: &'static str,
    /// How strictly it is taken where the project doesn't say.
    pub(crate) level: fn(&Project) -> Usual,
    pub(crate) judge: Judge,
}

/// How strictly a check is taken where the project doesn't say.
pub(crate) enum Usual {
    Deny,
    Warn,
    /// It isn't played, for a reason.
    Allow(&'static str),
}

/// What a check looks at.
pub(crate) enum Judge {
    /// The project's files alone, where there are any to read.
    Files(fn(&Project) -> Vec<Finding>),
    /// The trace of an act.
    Act {
        act: Act,
        /// Why there is nothing to judge in this project, so that the act need not be played.
        spared: fn(&Project) -> Option<String>,
        judge: fn(&Project, &Traces) -> Verdict,
    },
    /// What the chain makes on one version, beside what it makes on the newest.
    Versions(fn(&Project, &Drift) -> Verdict),
}

/// What a check of an act came to.
pub(crate) enum Verdict {
    Judged(Vec<Finding>),
    /// As far as it could be judged, and how far that was.
    Partly(Vec<Finding>, String),
    /// It could not be judged, and why.
    Skipped(String),
}

impl Verdict {
    /// What is judged as far as the remarks say, or wholly if there are none.
    fn of(findings: Vec<Finding>, remarks: impl IntoIterator<Item = String>) -> Self {
        match remarks.into_iter().collect::<Vec<_>>().join("; ") {
            none if none.is_empty() => Self::Judged(findings),
            remarks => Self::Partly(findings, remarks),
        }
    }
}

impl Check {
    /// The act that must be played for it.
    pub(crate) fn act(&self, project: &Project) -> Option<Act> {
        match self.judge {
            Judge::Act { act, spared, .. } if spared(project).is_none() => Some(act),
            Judge::Act { .. } | Judge::Files(_) | Judge::Versions(_) => None,
        }
    }

    /// Whether it looks at several versions at once.
    pub(crate) fn compares_versions(&self) -> bool {
        matches!(self.judge, Judge::Versions(_))
    }

    /// Judges what the chain makes on a version by what it makes on the newest; `None` for a check
    /// that looks at one version only.
    pub(crate) fn judge_drift(
        &self,
        project: &Project,
        drift: Result<&Drift, &str>,
    ) -> Option<Verdict> {
        let Judge::Versions(judge) = self.judge else { return None };
        Some(match drift {
            Ok(drift) => judge(project, drift),
            Err(reason) => Verdict::Skipped(reason.to_owned()),
        })
    }

    /// Judges a project by what was played on one version, or by its files alone, for a reason.
    pub(crate) fn judge(&self, project: &Project, traces: Result<&Traces, &str>) -> Verdict {
        match &self.judge {
            Judge::Versions(_) => Verdict::Skipped(ONE_VERSION.to_owned()),
            Judge::Files(judge) => match without_files(project) {
                Some(reason) => Verdict::Skipped(reason),
                None => Verdict::Judged(judge(project)),
            },
            Judge::Act { spared, judge, .. } => match (spared(project), traces) {
                (Some(reason), _) => Verdict::Skipped(reason),
                (None, Ok(traces)) => judge(project, traces),
                (None, Err(reason)) => Verdict::Skipped(reason.to_owned()),
            },
        }
    }
}

/// Why a check that compares versions has nothing to compare.
const ONE_VERSION: &str = "only one version is played; --postgres 15,17 compares two";

/// The check without which nothing else can be judged: it can't be allowed, and its failure is told
/// even if nobody asked.
pub(crate) const FIRST: &str = apply::CHECK.name;

/// The check without which there is no seeded database.
pub(crate) const SEEDED: &str = seed::CHECK.name;

/// The names that `rehearsal.toml` and `--only` may use.
pub(crate) fn names() -> Vec<&'static str> {
    ALL.iter().map(|check| check.name).collect()
}

/// Why there is nothing to read, if there isn't: a runner that is opaque, and no files beside it.
fn without_files(project: &Project) -> Option<String> {
    let chain = &project.chain;
    (chain.runner.is_opaque() && chain.migrations.is_empty()).then(|| {
        "there are no files to read; `path` under [migrations] would name them, if they are SQL"
            .to_owned()
    })
}

/// Why there are no seeds to judge, if there aren't.
fn without_seeds(project: &Project) -> Option<String> {
    project
        .scripts
        .seeds
        .is_empty()
        .then(|| "there are no seeds; `path` or `run` under [seeds] would name them".to_owned())
}

/// What is said where there is no bootstrap: a session by itself makes none.
const NO_BOOTSTRAP: &str = "[bootstrap] in rehearsal.toml names no scripts, columns or tables";

/// Why there is no bootstrap to judge, if there isn't.
fn without_bootstrap(project: &Project) -> Option<String> {
    let config::Bootstrap { session: _, pre, post, tighten, untouched } = &project.config.bootstrap;
    let is_said = pre.is_some() || post.is_some() || !tighten.is_empty() || !untouched.is_empty();
    (!is_said).then(|| NO_BOOTSTRAP.to_owned())
}

/// Why there is no baseline to judge, if there isn't.
fn without_baseline(project: &Project) -> Option<String> {
    let is_named = project.config.baseline.path.is_some();
    (!is_named).then(|| "[baseline] in rehearsal.toml names no file".to_owned())
}

/// Why it isn't known what is merged, if nobody has said into what.
fn without_base(project: &Project) -> Option<String> {
    let is_named = project.config.history.base.is_some();
    (!is_named).then(|| "[history] in rehearsal.toml names no base".to_owned())
}

/// The trace of a bootstrap, if one was played.
fn bootstrapped(traces: &Traces) -> Result<&Bootstrapped, Verdict> {
    traces.bootstrap.as_deref().ok_or_else(|| {
        Verdict::Skipped(if traces.fresh.boot.succeeded() {
            "the seeds do not apply, see `seed`".to_owned()
        } else {
            "the chain does not apply, see `apply`".to_owned()
        })
    })
}

/// The trace of an act that follows a successful first boot, and the state in which it began.
fn after_fresh(traces: &Traces, act: Act) -> Result<(&State, &Trace), Verdict> {
    match (&traces.fresh.end, traces.of(act)) {
        (Some(before), Some(trace)) => Ok((before, trace)),
        _ => Err(Verdict::Skipped("the chain does not apply, see `apply`".to_owned())),
    }
}
