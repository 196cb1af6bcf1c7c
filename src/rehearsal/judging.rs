//! From traces to a run's verdicts: levels, exemptions, outcomes. Connects to nothing.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use super::Rehearsal;
use crate::checks::{self, Check, Finding, Place, Usual, Verdict};
use crate::config::{self, Config, Exemption, Level, Role};
use crate::report::{Judgement, Outcome, Report, Run};
use crate::server::Server;
use crate::source::Project;
use crate::trace::{Drift, Traces};

/// What was played, or why nothing was.
pub(super) type Played<'a> = Result<&'a Traces, &'a str>;

impl Rehearsal<'_> {
    pub(super) fn judge_all(
        &self,
        server: &Server,
        project: &Project,
        traces: Played<'_>,
        used: &mut BTreeSet<usize>,
    ) -> (Run, Vec<(&'static str, String)>) {
        let mut checks = Vec::new();
        for check in checks::ALL {
            let failed = traces.is_ok_and(|traces| !traces.fresh.boot.succeeded());
            let unasked = check.name == checks::FIRST && failed;
            if self.wants(check) || unasked {
                let duration = match (check.act(project), traces) {
                    (Some(act), Ok(traces)) => traces.duration_of(act),
                    _ => Duration::ZERO,
                };
                let verdict = || check.judge(project, traces);
                checks.push(Judgement { duration, ..self.judge(check, project, verdict, used) });
            }
        }
        let databases = traces.map_or_else(|_| Vec::new(), Traces::kept);
        let run = Run {
            postgres: server.version().text.clone(),
            server: server.origin(),
            superuser: project.config.postgres.role == Role::Superuser,
            checks,
            kept: None,
        };
        (run, databases)
    }

    /// Judges what the versions make by each other, in place of what was said of each by itself.
    pub(super) fn judge_drifts(
        &self,
        project: &Project,
        drifts: &[Result<Drift, String>],
        report: &mut Report,
        used: &mut BTreeSet<usize>,
    ) {
        for (run, drift) in report.runs.iter_mut().zip(drifts) {
            for judgement in &mut run.checks {
                let check = checks::ALL.iter().find(|check| check.name == judgement.name);
                let drift = drift.as_ref().map_err(String::as_str);
                let judged = check.and_then(|check| {
                    let verdict = check.judge_drift(project, drift)?;
                    Some(self.judge(check, project, || verdict, used))
                });
                if let Some(judged) = judged {
                    *judgement = judged;
                }
            }
        }
    }

    /// How strictly a check is taken. Who asks for one by name gets it played.
    pub(super) fn level(&self, project: &Project, check: &Check) -> Level {
        let default = match (check.level)(project) {
            Usual::Warn => Level::Warn,
            Usual::Allow(_) if self.only.is_empty() => Level::Allow,
            Usual::Allow(_) | Usual::Deny => Level::Deny,
        };
        project.config.level(check.name).unwrap_or(default)
    }

    /// Judges one check, and takes the exemptions into account; those that were needed are marked.
    fn judge(
        &self,
        check: &Check,
        project: &Project,
        verdict: impl FnOnce() -> Verdict,
        used: &mut BTreeSet<usize>,
    ) -> Judgement {
        let mut judgement = Judgement {
            name: check.name,
            level: self.level(project, check),
            outcome: Outcome::Allowed,
            reason: None,
            duration: Duration::ZERO,
            findings: Vec::new(),
        };
        if judgement.level == Level::Allow {
            judgement.reason = Some(why_allowed(project, check));
            return judgement;
        }
        let (findings, remark) = match verdict() {
            Verdict::Judged(findings) => (findings, None),
            Verdict::Partly(findings, remark) => (findings, Some(remark)),
            Verdict::Skipped(reason) => {
                judgement.outcome = Outcome::Skipped;
                judgement.reason = Some(reason);
                return judgement;
            }
        };
        let told = findings.len();
        judgement.findings = exempt(findings, check.name, &project.config.allow, used);
        let exempted = told - judgement.findings.len();
        let exempted = (exempted > 0).then(|| format!("{exempted} exempted by {}", config::FILE));
        let reasons = remark.into_iter().chain(exempted).collect::<Vec<_>>();
        judgement.reason = Some(reasons.join(", ")).filter(|reason| !reason.is_empty());
        judgement.outcome = outcome(&judgement);
        judgement
    }
}

fn why_allowed(project: &Project, check: &Check) -> String {
    match ((check.level)(project), project.config.level(check.name)) {
        (Usual::Allow(why), None) => {
            format!("not played: {why}; [checks] {} = \"deny\" plays it", check.name)
        }
        _ => format!("not played: {} allows it", config::FILE),
    }
}

/// The findings that no exemption covers.
fn exempt(
    mut findings: Vec<Finding>,
    check: &str,
    exemptions: &[Exemption],
    used: &mut BTreeSet<usize>,
) -> Vec<Finding> {
    findings.retain(|finding| {
        let covers = |exemption: &Exemption| exemption.covers(check, finding.migration.as_deref());
        let covering = exemptions.iter().enumerate().filter(|(_, exemption)| covers(exemption));
        let covering = covering.map(|(index, _)| index).collect::<Vec<_>>();
        used.extend(&covering);
        covering.is_empty()
    });
    findings
}

fn outcome(judgement: &Judgement) -> Outcome {
    let strictest = judgement.findings.iter().map(|finding| judgement.level_of(finding)).max();
    match strictest {
        None => Outcome::Passed,
        Some(Level::Deny) => Outcome::Failed,
        Some(Level::Warn | Level::Allow) => Outcome::Warned,
    }
}

/// An exemption that no finding needed any more has expired, and says so. Whether it was needed is
/// known only of checks that were judged on every version of the project, and of a chain that was
/// played to its end.
pub(super) fn expire(config: &Config, used: &BTreeSet<usize>, report: &mut Report) {
    let failed = |check: &Judgement| check.name == checks::FIRST && !check.findings.is_empty();
    if report.runs.iter().any(|run| run.checks.iter().any(failed)) {
        return;
    }
    for (index, exemption) in config.allow.iter().enumerate() {
        let name = exemption.check.get_ref();
        let judged = |run: &Run| {
            run.checks.iter().any(|check| {
                check.name == name && !matches!(check.outcome, Outcome::Skipped | Outcome::Allowed)
            })
        };
        // On the versions that were left out this time, it may be needed.
        let is_whole = report.runs.len() >= config.postgres.versions.len();
        let known = is_whole && report.unplayed.is_empty() && report.runs.iter().all(judged);
        if used.contains(&index) || !known {
            continue;
        }
        let of = exemption.migration.as_ref().map_or(String::new(), |glob| format!(" of {glob}"));
        let finding = Finding::new(format!("the exemption from `{name}`{of} is no longer needed"))
            .at(Place {
                path: config::FILE.to_owned(),
                excerpt: Some((Arc::clone(&config.text), exemption.check.span())),
            })
            .note(format!("its reason was: {}", exemption.reason))
            .help("remove this [[allow]] section");
        let checks = report.runs.iter_mut().flat_map(|run| &mut run.checks);
        for check in checks.filter(|check| check.name == name) {
            check.findings.push(finding.clone());
            check.outcome = outcome(check);
        }
    }
}
