//! What the checks came to on several versions: checks down, versions across.

use anstyle::Style;

use super::{counted, folded, grouped, listed, outcome_style, painter, told_once};
use crate::checks;
use crate::report::{Judgement, Report, Run};

/// What stands above the names of the checks.
const CORNER: &str = "Postgres";

/// What stands in the place of an outcome where there is none.
const NOTHING: &str = "–";

/// A version, and what it came to if it could be played.
struct Column<'a> {
    version: &'a str,
    run: Option<&'a Run>,
}

pub(super) fn tell(report: &Report, color: bool) -> String {
    let played = report.runs.iter().map(|run| Column { version: &run.postgres, run: Some(run) });
    let unplayed = report.unplayed.iter().map(|it| Column { version: &it.postgres, run: None });
    let columns = played.chain(unplayed).collect::<Vec<_>>();
    let mut names = checks::names();
    names.retain(|name| columns.iter().any(|column| column.judgement(name).is_some()));
    let rows = folded(names.iter().map(|name| (*name, skipped_by_all(&columns, name))));
    let width = rows.iter().fold(CORNER.len(), |width, (label, _)| width.max(label.len()));
    let versions = columns.iter().map(|column| column.fit(column.version)).collect::<Vec<_>>();
    let mut lines = vec![format!("  {CORNER:<width$}  {}", versions.join("  "))];
    for (label, name) in rows {
        let cells = columns.iter().map(|column| column.outcome(name, color)).collect::<Vec<_>>();
        let findings = counted(told_once(report, Some(name)).len());
        let remarks = findings.into_iter().chain(reasons(&columns, name)).collect::<Vec<_>>();
        let (cells, remarks) = (cells.join("  "), remarks.join("  "));
        lines.push(format!("  {label:<width$}  {cells}  {remarks}"));
    }
    lines.iter().map(|line| line.trim_end().to_owned() + "\n").collect()
}

impl Column<'_> {
    fn judgement(&self, check: &str) -> Option<&Judgement> {
        self.run?.checks.iter().find(|judgement| judgement.name == check)
    }

    fn outcome(&self, check: &str, color: bool) -> String {
        let (style, word) = match self.judgement(check) {
            Some(judgement) => (outcome_style(judgement.outcome), judgement.outcome.name()),
            None => (Style::new().dimmed(), NOTHING),
        };
        painter(style, color)(&self.fit(word))
    }

    /// The text in the column's width.
    fn fit(&self, text: &str) -> String {
        format!("{text:<0$}", self.version.len().max("skipped".len()))
    }
}

/// Why every version has skipped a check, if all of them have, and for the same reason.
fn skipped_by_all<'a>(columns: &[Column<'a>], check: &str) -> Option<&'a str> {
    let mut played = columns.iter().filter_map(|column| column.run);
    let why = |run: &'a Run| run.checks.iter().find(|it| it.name == check)?.why_skipped();
    let reason = why(played.next()?)?;
    played.all(|run| why(run) == Some(reason)).then_some(reason)
}

/// Why a check was skipped or allowed: each reason once, with its versions if it isn't everybody's.
fn reasons(columns: &[Column<'_>], check: &str) -> Vec<String> {
    let judgements = columns
        .iter()
        .filter_map(|column| Some((column.judgement(check)?.reason.as_deref(), column.version)));
    let reasons = grouped(judgements);
    let is_shared = reasons.len() == 1;
    let reasons = reasons.into_iter().filter_map(|(reason, on)| {
        let reason = reason?.to_owned();
        Some(if is_shared { reason } else { format!("on {}: {reason}", listed(&on)) })
    });
    reasons.collect()
}
