//! The report for people: each finding as rustc would tell it, then a line for each check.

use annotate_snippets::{AnnotationKind, Group, Level as Mark, Origin, Renderer, Snippet};
use anstyle::{AnsiColor, Style};

use super::{Judgement, Outcome, Report, Run};
use crate::checks::Finding;
use crate::config::Level;

/// What is beside the text of an excerpt, and more.
const MARGIN: usize = 40;

pub(super) fn tell(report: &Report, color: bool) -> String {
    let mut text = String::new();
    for run in &report.runs {
        if !text.is_empty() {
            text.push('\n');
        }
        tell_run(&mut text, &report.project, run, color);
    }
    text
}

/// The findings of one check, on each version that has some.
pub(super) fn tell_check(report: &Report, check: &str) -> String {
    let mut text = String::new();
    for run in &report.runs {
        let judged = run.checks.iter().filter(|judgement| judgement.name == check);
        for judgement in judged.filter(|judgement| !judgement.findings.is_empty()) {
            text.push_str(&format!("{}\n\n", title(&report.project, run)));
            for finding in &judgement.findings {
                text.push_str(&format!("{}\n\n", tell_finding(judgement, finding, false)));
            }
        }
    }
    text
}

fn title(project: &str, run: &Run) -> String {
    let role = if run.superuser { ", as superuser" } else { "" };
    format!("{project} on Postgres {} ({}{role})", run.postgres, run.server)
}

fn tell_run(text: &mut String, project: &str, run: &Run, color: bool) {
    let bold = painter(Style::new().bold(), color);
    text.push_str(&format!("{}\n\n", bold(&title(project, run))));
    for judgement in &run.checks {
        for finding in &judgement.findings {
            text.push_str(&tell_finding(judgement, finding, color));
            text.push_str("\n\n");
        }
    }
    let width = run.checks.iter().map(|check| check.name.len()).max().unwrap_or(0);
    for judgement in &run.checks {
        text.push_str(&summary_line(judgement, width, color));
        text.push('\n');
    }
    text.push_str(&format!("\n{}\n", bold(&verdict(run))));
    if let Some(kept) = &run.kept {
        text.push_str(&format!("\n{}\n", kept.lines().join("\n")));
    }
}

fn tell_finding(judgement: &Judgement, finding: &Finding, color: bool) -> String {
    let mark = match judgement.level_of(finding) {
        Level::Deny => Mark::ERROR,
        Level::Warn | Level::Allow => Mark::WARNING,
    };
    let title = mark.primary_title(finding.message.as_str()).id(judgement.name);
    let mut group = Group::with_title(title);
    let mut label = finding.label.as_deref();
    if let Some(place) = &finding.place {
        group = match &place.excerpt {
            Some((source, span)) => group.element(
                Snippet::source(&**source)
                    .path(place.path.as_str())
                    .fold(true)
                    .annotation(AnnotationKind::Primary.span(span.clone()).label(label.take())),
            ),
            None => group.element(Origin::path(place.path.as_str())),
        };
    }
    // Where there is no statement to write it beside.
    let notes = label.into_iter().chain(finding.notes.iter().map(String::as_str));
    group = group.elements(notes.map(|note| Mark::NOTE.message(note)));
    if let Some(help) = &finding.help {
        group = group.element(Mark::HELP.message(help.as_str()));
    }
    let renderer = if color { Renderer::styled() } else { Renderer::plain() };
    // Wide enough that nothing is cut: a terminal wraps it, and a pipe doesn't care.
    renderer.term_width(width_of(finding)).render(&[group])
}

/// The width of a finding's longest line, with what is written beside it.
fn width_of(finding: &Finding) -> usize {
    let excerpt = finding.place.as_ref().and_then(|place| place.excerpt.as_ref());
    let longest = excerpt.map_or(0, |(text, span)| {
        let start = text[..span.start].rfind('\n').map_or(0, |at| at + 1);
        let lines = text[start..span.end.max(start)].lines();
        lines.map(|line| line.chars().count()).max().unwrap_or(0)
    });
    longest + finding.label.as_deref().unwrap_or_default().chars().count() + MARGIN
}

fn summary_line(judgement: &Judgement, width: usize, color: bool) -> String {
    let style = match judgement.outcome {
        Outcome::Passed => AnsiColor::Green.on_default(),
        Outcome::Failed => AnsiColor::Red.on_default().bold(),
        Outcome::Warned => AnsiColor::Yellow.on_default(),
        Outcome::Skipped | Outcome::Allowed => Style::new().dimmed(),
    };
    let outcome = painter(style, color)(&format!("{:<7}", judgement.outcome.name()));
    let rest = match (judgement.outcome, &judgement.reason) {
        (Outcome::Skipped | Outcome::Allowed, Some(reason)) => format!("        {reason}"),
        (_, reason) => {
            let seconds = format!("{:>5.2} s", judgement.duration.as_secs_f64());
            let count = match judgement.findings.len() {
                0 => String::new(),
                1 => "  1 finding".to_owned(),
                count => format!("  {count} findings"),
            };
            let reason = reason.as_ref().map_or(String::new(), |reason| format!("  {reason}"));
            format!("{seconds}{count}{reason}")
        }
    };
    format!("  {:<width$}  {outcome}  {rest}", judgement.name).trim_end().to_owned()
}

/// One sentence, for those who read no other.
fn verdict(run: &Run) -> String {
    let named = |outcome: Outcome| {
        let named = run.checks.iter().filter(|check| check.outcome == outcome);
        named.map(|check| check.name).collect::<Vec<_>>()
    };
    let (failed, warned) = (named(Outcome::Failed), named(Outcome::Warned));
    let passed = match named(Outcome::Passed).len() {
        1 => "1 check holds".to_owned(),
        passed => format!("{passed} checks hold"),
    };
    match (failed.as_slice(), warned.as_slice(), passed.as_str()) {
        ([], [], "0 checks hold") => "nothing was judged".to_owned(),
        ([], [], passed) => format!("the rehearsal went well: {passed}"),
        ([], warned, passed) => {
            format!(
                "the rehearsal went well, with warnings: {passed}, {} warned",
                warned.join(", ")
            )
        }
        (failed, ..) => format!("the rehearsal failed: {}", failed.join(", ")),
    }
}

fn painter(style: Style, color: bool) -> impl Fn(&str) -> String {
    move |text| {
        if color { format!("{style}{text}{style:#}") } else { text.to_owned() }
    }
}
