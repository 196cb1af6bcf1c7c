//! The checks: each a pure function from traces to findings, one file each.
//!
//! A check never sees a connection, and it can't fail. What it could not judge it reports as
//! skipped, with the reason.

mod apply;
mod cause;
mod change;
mod failure;
mod finding;
mod leaks;
mod opaque;
mod order;
mod replay;
mod rerun;

pub(crate) use self::finding::{Finding, Place};
use crate::source::Project;
use crate::trace::{Act, State, Trace, Traces};

/// Every check, in the order in which they are reported.
pub(crate) const ALL: &[&Check] =
    &[&apply::CHECK, &rerun::CHECK, &replay::CHECK, &leaks::CHECK, &order::CHECK];

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
}

/// What a check of an act came to.
pub(crate) enum Verdict {
    Judged(Vec<Finding>),
    /// As far as it could be judged, and how far that was.
    Partly(Vec<Finding>, String),
    /// It could not be judged, and why.
    Skipped(String),
}

impl Check {
    /// The act that must be played for it.
    pub(crate) fn act(&self, project: &Project) -> Option<Act> {
        match self.judge {
            Judge::Act { act, spared, .. } if spared(project).is_none() => Some(act),
            Judge::Act { .. } | Judge::Files(_) => None,
        }
    }

    /// Judges a project by what was played, or by its files alone, for a reason.
    pub(crate) fn judge(&self, project: &Project, traces: Result<&Traces, &str>) -> Verdict {
        match &self.judge {
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

/// The check without which nothing else can be judged: it can't be allowed, and its failure is told
/// even if nobody asked.
pub(crate) const FIRST: &str = apply::CHECK.name;

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

/// The trace of an act that follows a successful first boot, and the state in which it began.
fn after_fresh(traces: &Traces, act: Act) -> Result<(&State, &Trace), Verdict> {
    match (&traces.fresh.end, traces.of(act)) {
        (Some(before), Some(trace)) => Ok((before, trace)),
        _ => Err(Verdict::Skipped("the chain does not apply, see `apply`".to_owned())),
    }
}
