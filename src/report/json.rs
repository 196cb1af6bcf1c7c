//! The report for programs, in the shape that the README shows.
//!
//! `outcome` is passed, failed, warned, skipped or allowed; the latter two come with a `reason`.
//! `unplayed` names the versions on which the rehearsal could not be held, where there are others.
//! A finding has the keys that apply to it. Paths are relative to the project. Within `version` 1
//! keys may be added, and none is removed or changes its meaning.

use serde::Serialize;

use super::{Judgement, Report};
use crate::checks::{Finding, Place};
use crate::config::Level;

#[derive(Serialize)]
struct Document<'a> {
    version: u32,
    project: &'a str,
    runs: Vec<Run<'a>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    unplayed: Vec<Unplayed<'a>>,
}

#[derive(Serialize)]
struct Unplayed<'a> {
    postgres: &'a str,
    error: &'a str,
}

#[derive(Serialize)]
struct Run<'a> {
    postgres: &'a str,
    server: &'a str,
    role: &'static str,
    checks: Vec<Check<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    kept: Option<Kept<'a>>,
}

#[derive(Serialize)]
struct Kept<'a> {
    databases: Vec<Database<'a>>,
    end_with: &'a str,
}

#[derive(Serialize)]
struct Database<'a> {
    act: &'a str,
    url: &'a str,
}

#[derive(Serialize)]
struct Check<'a> {
    name: &'a str,
    level: Level,
    outcome: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<&'a str>,
    duration_ms: u64,
    findings: Vec<Told<'a>>,
}

#[derive(Serialize)]
struct Told<'a> {
    level: Level,
    message: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    file: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    line: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    column: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    migration: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    sqlstate: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    said: Option<&'a str>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    notes: Vec<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    help: Option<&'a str>,
}

pub(super) fn tell(report: &Report) -> String {
    let runs = report.runs.iter().map(|run| Run {
        postgres: &run.postgres,
        server: run.server,
        role: if run.superuser { "superuser" } else { "owner" },
        checks: run.checks.iter().map(check).collect(),
        kept: run.kept.as_ref().map(|kept| Kept {
            databases: kept.databases.iter().map(|(act, url)| Database { act, url }).collect(),
            end_with: &kept.end_with,
        }),
    });
    let unplayed = report.unplayed.iter();
    let unplayed = unplayed.map(|it| Unplayed { postgres: &it.postgres, error: &it.error });
    let document = Document {
        version: 1,
        project: &report.project,
        runs: runs.collect(),
        unplayed: unplayed.collect(),
    };
    let mut text = serde_json::to_string_pretty(&document).unwrap_or_default();
    text.push('\n');
    text
}

fn check(judgement: &Judgement) -> Check<'_> {
    Check {
        name: judgement.name,
        level: judgement.level,
        outcome: judgement.outcome.name(),
        reason: judgement.reason.as_deref(),
        duration_ms: u64::try_from(judgement.duration.as_millis()).unwrap_or(u64::MAX),
        findings: judgement.findings.iter().map(|finding| told(judgement, finding)).collect(),
    }
}

fn told<'a>(judgement: &Judgement, finding: &'a Finding) -> Told<'a> {
    let position = finding.place.as_ref().and_then(Place::position);
    // A label that isn't Postgres's word is a note.
    let ours = finding.label.iter().filter(|_| finding.sqlstate.is_none()).map(String::as_str);
    Told {
        level: judgement.level_of(finding),
        message: &finding.message,
        file: finding.place.as_ref().map(|place| place.path.as_str()),
        line: position.map(|position| position.line),
        column: position.map(|position| position.column),
        migration: finding.migration.as_deref(),
        sqlstate: finding.sqlstate.as_deref(),
        said: finding.label.as_deref().filter(|_| finding.sqlstate.is_some()),
        notes: ours.chain(finding.notes.iter().map(String::as_str)).collect(),
        help: finding.help.as_deref(),
    }
}
