//! The report for people: each finding as rustc would tell it, then a line for each check.
//!
//! Several versions are told together. A finding that they share is told once, with their names.

mod table;

use std::ptr;

use annotate_snippets::{AnnotationKind, Group, Level as Mark, Origin, Renderer, Snippet};
use anstyle::{AnsiColor, Style};

use super::{Judgement, Outcome, Report, Run};
use crate::checks::{self, Finding};
use crate::config::Level;

/// What is beside the text of an excerpt, and more.
const MARGIN: usize = 40;

/// A finding, and the runs that have it.
struct Told<'a> {
    judgement: &'a Judgement,
    finding: &'a Finding,
    runs: Vec<&'a Run>,
}

pub(super) fn tell(report: &Report, color: bool) -> String {
    let bold = painter(Style::new().bold(), color);
    let mut text = format!("{}\n\n", bold(&title(report)));
    for told in told_once(report, None) {
        text.push_str(&format!("{}\n\n", tell_finding(&told, report, color)));
    }
    for unplayed in &report.unplayed {
        let error = painter(AnsiColor::Red.on_default().bold(), color)("error");
        let what = format!("the rehearsal could not be held on Postgres {}", unplayed.postgres);
        text.push_str(&format!("{error}: {what}\n{}\n\n", unplayed.error));
    }
    if report.is_of_several() {
        text.push_str(&table::tell(report, color));
    } else {
        report.runs.iter().for_each(|run| text.push_str(&summary(run, color)));
    }
    text.push_str(&format!("\n{}\n", bold(&verdict(report))));
    let kept = report.kept();
    if !kept.is_empty() {
        text.push_str(&format!("\n{}\n", kept.join("\n")));
    }
    text
}

/// The findings of one check.
pub(super) fn tell_check(report: &Report, check: &str) -> String {
    let findings = told_once(report, Some(check));
    let told = findings.iter().map(|told| format!("{}\n\n", tell_finding(told, report, false)));
    let told = told.collect::<String>();
    if told.is_empty() { told } else { format!("{}\n\n{told}", title(report)) }
}

fn title(report: &Report) -> String {
    let runs = report.runs.iter().map(|run| {
        let role = if run.superuser { ", as superuser" } else { "" };
        (format!("({}{role})", run.server), run.postgres.as_str())
    });
    let runs = grouped(runs).into_iter();
    let runs = runs.map(|(server, versions)| format!("{} {server}", listed(&versions)));
    format!("{} on Postgres {}", report.project, runs.collect::<Vec<_>>().join(", "))
}

/// The findings of one check, or of all: those of several versions, if they are the same, once.
fn told_once<'a>(report: &'a Report, check: Option<&str>) -> Vec<Told<'a>> {
    let names = checks::names();
    let judged = report.runs.iter().flat_map(|run| run.checks.iter().map(move |it| (run, it)));
    let mut judged =
        judged.filter(|(_, it)| check.is_none_or(|name| name == it.name)).collect::<Vec<_>>();
    judged.sort_by_key(|(_, judgement)| names.iter().position(|name| *name == judgement.name));
    let mut all = Vec::<Told<'_>>::new();
    for (run, judgement) in judged {
        for finding in &judgement.findings {
            let known = all.iter_mut().find(|told| {
                // One version may well have two findings that look the same.
                let is_of_another = told.runs.iter().all(|known| !ptr::eq(*known, run));
                is_of_another && told.judgement.name == judgement.name && told.finding == finding
            });
            match known {
                Some(told) => told.runs.push(run),
                None => all.push(Told { judgement, finding, runs: vec![run] }),
            }
        }
    }
    all
}

/// What belongs to the same thing, together, in the order in which they come.
fn grouped<K: PartialEq, V>(pairs: impl IntoIterator<Item = (K, V)>) -> Vec<(K, Vec<V>)> {
    let mut groups = Vec::<(K, Vec<V>)>::new();
    for (key, value) in pairs {
        match groups.iter_mut().find(|(known, _)| *known == key) {
            Some((_, values)) => values.push(value),
            None => groups.push((key, vec![value])),
        }
    }
    groups
}

/// `14.23`, `14.23 and 16.14`, `14.23, 16.14 and 18.4`.
fn listed(words: &[&str]) -> String {
    match words {
        [] => String::new(),
        [word] => (*word).to_owned(),
        [others @ .., last] => format!("{} and {last}", others.join(", ")),
    }
}

fn tell_finding(told: &Told<'_>, report: &Report, color: bool) -> String {
    let Told { judgement, finding, runs } = told;
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
    if report.is_of_several() {
        let versions = runs.iter().map(|run| run.postgres.as_str()).collect::<Vec<_>>();
        group = group.element(Mark::NOTE.message(format!("on Postgres {}", listed(&versions))));
    }
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

/// A line for each check; one for several in a row that were skipped for the same reason.
fn summary(run: &Run, color: bool) -> String {
    let rows = folded(run.checks.iter().map(|it| (it.name, it.why_skipped())));
    let width = rows.iter().map(|(label, _)| label.len()).max().unwrap_or(0);
    let line = |(label, check): (String, &str)| {
        let judgement = run.checks.iter().find(|it| it.name == check)?;
        Some(summary_line(judgement, &format!("{label:<width$}"), color) + "\n")
    };
    rows.into_iter().filter_map(line).collect()
}

/// What is written before the outcomes: the names of checks, of which those in a row that have
/// nothing but the same to say share a line. Each comes with the first check that it is about.
fn folded<'a>(
    checks: impl IntoIterator<Item = (&'a str, Option<&'a str>)>,
) -> Vec<(String, &'a str)> {
    let mut rows = Vec::<(Vec<&str>, Option<&str>)>::new();
    for (name, reason) in checks {
        match rows.last_mut() {
            Some((names, same)) if reason.is_some() && *same == reason => names.push(name),
            _ => rows.push((vec![name], reason)),
        }
    }
    let label = |(names, _): (Vec<&'a str>, _)| match names.as_slice() {
        [first, second] => Some((format!("{first} and {second}"), *first)),
        [first, others @ ..] if !others.is_empty() => {
            Some((format!("{first} and {} more", others.len()), *first))
        }
        names => names.first().map(|name| ((*name).to_owned(), *name)),
    };
    rows.into_iter().filter_map(label).collect()
}

fn summary_line(judgement: &Judgement, label: &str, color: bool) -> String {
    let style = outcome_style(judgement.outcome);
    let outcome = painter(style, color)(&format!("{:<7}", judgement.outcome.name()));
    let rest = match (judgement.outcome, &judgement.reason) {
        (Outcome::Skipped | Outcome::Allowed, Some(reason)) => format!("        {reason}"),
        (_, reason) => {
            let seconds = format!("{:>5.2} s", judgement.duration.as_secs_f64());
            let count = counted(judgement.findings.len());
            let remarks = [Some(seconds), count, reason.clone()].into_iter().flatten();
            remarks.collect::<Vec<_>>().join("  ")
        }
    };
    format!("  {label}  {outcome}  {rest}").trim_end().to_owned()
}

fn outcome_style(outcome: Outcome) -> Style {
    match outcome {
        Outcome::Passed => AnsiColor::Green.on_default(),
        Outcome::Failed => AnsiColor::Red.on_default().bold(),
        Outcome::Warned => AnsiColor::Yellow.on_default(),
        Outcome::Skipped | Outcome::Allowed => Style::new().dimmed(),
    }
}

/// How many findings there are, if there are any.
fn counted(findings: usize) -> Option<String> {
    match findings {
        0 => None,
        1 => Some("1 finding".to_owned()),
        findings => Some(format!("{findings} findings")),
    }
}

/// One sentence, for those who read no other.
fn verdict(report: &Report) -> String {
    let (failed, warned) = (worst(report, Outcome::Failed), worst(report, Outcome::Warned));
    let passed = match worst(report, Outcome::Passed).len() {
        1 => "1 check holds".to_owned(),
        passed => format!("{passed} checks hold"),
    };
    let sentence = match (failed.as_slice(), warned.as_slice(), passed.as_str()) {
        ([], [], "0 checks hold") => "nothing was judged".to_owned(),
        ([], [], passed) => format!("the rehearsal went well: {passed}"),
        ([], warned, passed) => {
            format!(
                "the rehearsal went well, with warnings: {passed}, {} warned",
                warned.join(", ")
            )
        }
        (failed, ..) => format!("the rehearsal failed: {}", failed.join(", ")),
    };
    let unplayed = report.unplayed.iter().map(|it| it.postgres.as_str()).collect::<Vec<_>>();
    match unplayed.as_slice() {
        [] => sentence,
        unplayed => format!("not held on Postgres {}; elsewhere {sentence}", listed(unplayed)),
    }
}

/// The checks of which this is the worst that they came to, and where, if it is not everywhere.
fn worst(report: &Report, wanted: Outcome) -> Vec<String> {
    let on = |name: &str, outcome: Outcome| {
        let came_to = |it: &Judgement| it.name == name && it.outcome == outcome;
        let runs = report.runs.iter().filter(|run| run.checks.iter().any(came_to));
        runs.map(|run| run.postgres.as_str()).collect::<Vec<_>>()
    };
    let gravest = |name: &&str| {
        let mut outcomes = [Outcome::Failed, Outcome::Warned, Outcome::Passed].into_iter();
        outcomes.find(|outcome| !on(name, *outcome).is_empty()) == Some(wanted)
    };
    let named = checks::names().into_iter().filter(gravest).map(|name| {
        let versions = on(name, wanted);
        let everywhere = versions.len() == report.runs.len();
        if everywhere { name.to_owned() } else { format!("{name} on {}", listed(&versions)) }
    });
    named.collect()
}

pub(super) fn painter(style: Style, color: bool) -> impl Fn(&str) -> String {
    move |text| {
        if color { format!("{style}{text}{style:#}") } else { text.to_owned() }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::report::Unplayed;

    fn judgement(name: &'static str, outcome: Outcome, findings: &[&str]) -> Judgement {
        Judgement {
            name,
            level: Level::Deny,
            outcome,
            reason: None,
            duration: Duration::ZERO,
            findings: findings.iter().map(|message| Finding::new(*message)).collect(),
        }
    }

    fn run(postgres: &str, checks: Vec<Judgement>) -> Run {
        let postgres = postgres.to_owned();
        Run { postgres, server: "native", superuser: false, checks, kept: None }
    }

    #[test]
    fn what_differs_between_versions_is_told_with_them() {
        let skipped = Judgement {
            reason: Some("it has none".to_owned()),
            ..judgement("leaks", Outcome::Skipped, &[])
        };
        let mut report = Report::of(
            "shop",
            vec![
                run("14.23", vec![judgement("apply", Outcome::Failed, &["a", "a"]), skipped]),
                run("16.14", vec![judgement("apply", Outcome::Passed, &[])]),
                run(
                    "18.4",
                    vec![
                        judgement("apply", Outcome::Failed, &["b", "a"]),
                        judgement("leaks", Outcome::Passed, &[]),
                    ],
                ),
            ],
        );
        report.unplayed =
            vec![Unplayed { postgres: "19".to_owned(), error: "there is none".to_owned() }];
        let expected = "\
shop on Postgres 14.23, 16.14 and 18.4 (native)

error[apply]: a
 |
 = note: on Postgres 14.23 and 18.4

error[apply]: a
 |
 = note: on Postgres 14.23

error[apply]: b
 |
 = note: on Postgres 18.4

error: the rehearsal could not be held on Postgres 19
there is none

  Postgres  14.23    16.14    18.4     19
  apply     failed   passed   failed   –        3 findings
  leaks     skipped  –        passed   –        on 14.23: it has none

not held on Postgres 19; elsewhere the rehearsal failed: apply on 14.23 and 18.4
";
        assert_eq!(tell(&report, false), expected);
    }

    #[test]
    fn servers_from_different_places_are_told_apart() {
        let mut runs = ["15.1", "16.1", "17.1"].map(|version| run(version, Vec::new()));
        runs[1].server = "container";
        let report = Report::of("shop", runs.into());
        assert_eq!(title(&report), "shop on Postgres 15.1 and 17.1 (native), 16.1 (container)");
    }
}
