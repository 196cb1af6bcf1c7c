//! How the boot of a runner is told that keeps to itself what it does: what it said, how it ended,
//! and what to do about it.

use super::{Finding, Place};
use crate::config::{self, Level, Role};
use crate::source::{Project, Runner};
use crate::trace::{Act, Ended, Opaque, Traces};

/// The exit statuses by which a shell says more than that something failed.
const NOT_EXECUTABLE: i32 = 126;
const NOT_FOUND: i32 = 127;
const SIGNALS: std::ops::RangeInclusive<i32> = 129..=159;

/// What is wrong with the boot of an act, if it is such a boot.
pub(super) fn told(project: &Project, traces: &Traces, act: Act) -> Vec<Finding> {
    let Some(trace) = traces.of(act) else { return Vec::new() };
    let Some(opaque) = &trace.boot.opaque else { return Vec::new() };
    let what = format!("the {}", act.name());
    let is_closure = project.chain.runner == Runner::Closure;
    let mut findings = Vec::new();
    if opaque.ended != Ended::Well {
        let finding = |message| placed(project, message);
        findings.push(failed(project, &what, opaque, is_closure, finding));
    } else if let (Some(before), Some(after)) = (&trace.begin, &trace.end)
        && before.is_same_as(after)
    {
        findings.push(untouched(project, &what, opaque));
    }
    let first = traces.fresh.boot.opaque.as_ref();
    let is_known = act != Act::Fresh && first.is_some_and(|first| first.went_on);
    if opaque.went_on && !is_known {
        findings.push(went_on(&what, opaque, |message| placed(project, message)));
    }
    findings
}

/// Something that a runner had started did not end with it.
pub(super) fn went_on(
    what: &str,
    opaque: &Opaque,
    finding: impl FnOnce(String) -> Finding,
) -> Finding {
    let finding = finding(format!("{what} goes on after {} has ended", opaque.name))
        .note(
            "something that it had started still held its output or a session a second later, and \
             was cut off: what it would have done is not judged",
        )
        .help("let it wait for all that it starts, or leave services to another script");
    Finding { at_most: Level::Warn, ..finding }
}

/// A finding at the line of the configuration that names the command.
pub(super) fn placed(project: &Project, message: impl Into<String>) -> Finding {
    let finding = Finding::new(message);
    match &project.config.migrations.run {
        Some(run) if project.chain.runner != Runner::Closure => finding.at(Place {
            path: config::FILE.to_owned(),
            excerpt: Some((project.config.text.clone(), run.span())),
        }),
        _ => finding,
    }
}

/// A runner did not end well; `finding` makes a finding of a message, at its place.
pub(super) fn failed(
    project: &Project,
    what: &str,
    opaque: &Opaque,
    is_closure: bool,
    finding: impl FnOnce(String) -> Finding,
) -> Finding {
    let finding = finding(format!("{what} fails: {} {}", opaque.name, ending(opaque.ended)));
    finding.note(said(opaque)).help(advice(project, opaque, is_closure))
}

fn untouched(project: &Project, what: &str, opaque: &Opaque) -> Finding {
    let finding = placed(
        project,
        format!("{what} leaves the database as it was, though {} succeeds", opaque.name),
    );
    if project.chain.runner == Runner::Closure {
        return finding.note("it may have migrated another database").help(CONNECT_TO_IT);
    }
    finding
        .note("it probably does not read DATABASE_URL, and may have migrated another database")
        .note(said(opaque))
        .help(READ_THE_URL)
}

/// What to do about a closure that went to another database.
pub(super) const CONNECT_TO_IT: &str =
    "let it connect to the `url()` of the Database that it is given";

/// What to do about a command that went to another database.
pub(super) const READ_THE_URL: &str = "let it take its database from DATABASE_URL, or from \
                                       PGHOST, PGPORT, PGUSER, PGPASSWORD and PGDATABASE, and \
                                       from nothing else";

fn ending(ended: Ended) -> String {
    match ended {
        Ended::Well => "ends well".to_owned(),
        Ended::InError => "returns an error".to_owned(),
        Ended::Panicked => "panics".to_owned(),
        Ended::Status(status) => format!("ends with exit status {status}"),
        Ended::Signal(signal) => format!("is ended by signal {}", named(signal)),
        Ended::TimedOut { limit } => format!("does not end within {} s", limit.as_secs_f64()),
    }
}

fn named(signal: i32) -> String {
    let name = match signal {
        1 => "HUP",
        2 => "INT",
        3 => "QUIT",
        6 => "ABRT",
        9 => "KILL",
        11 => "SEGV",
        13 => "PIPE",
        15 => "TERM",
        _ => return signal.to_string(),
    };
    format!("{signal} ({name})")
}

pub(super) fn said(opaque: &Opaque) -> String {
    if opaque.said.is_empty() {
        return "it said nothing".to_owned();
    }
    format!("it said:\n{}", opaque.said)
}

/// What to do about a command that did not end well.
fn advice(project: &Project, opaque: &Opaque, is_closure: bool) -> String {
    let denied = ["permission denied for", "permission denied to", "must be superuser", "42501"];
    let killed = |signal: i32| match signal {
        9 => "somebody killed it; on Linux that may be the kernel, for want of memory".to_owned(),
        _ => format!("it crashed, or somebody sent it the signal {}", named(signal)),
    };
    match opaque.ended {
        Ended::Status(NOT_FOUND) => {
            "sh did not find a program: install it, or name it by its path from the project's \
             folder, such as `.venv/bin/alembic` or `node_modules/.bin/node-pg-migrate`"
                .to_owned()
        }
        Ended::Status(NOT_EXECUTABLE) => {
            "sh found a program that it could not run: make it executable with chmod +x, or name \
             what interprets it, such as `sh migrate.sh`"
                .to_owned()
        }
        Ended::Signal(signal) => killed(signal),
        Ended::Status(status) if SIGNALS.contains(&status) => killed(status - 128),
        Ended::TimedOut { .. } if is_closure => {
            "timeout(…) sets another limit. It may wait for a lock, or for another service"
                .to_owned()
        }
        Ended::TimedOut { .. } => {
            "--timeout SECONDS sets another limit. It does not wait for an answer: its input is \
             empty. It may wait for a lock, for another service, or watch files for ever"
                .to_owned()
        }
        Ended::Status(_)
            if project.config.postgres.role == Role::Owner
                && denied.iter().any(|words| opaque.said.contains(words)) =>
        {
            "it runs as the database's owner, who is no superuser, as on a managed service; \
             [postgres] role = \"superuser\" in rehearsal.toml runs it as superuser, and \
             extensions = [\"…\"] there installs beforehand what only a superuser may create"
                .to_owned()
        }
        Ended::InError | Ended::Panicked => {
            "keep(true) leaves the database for a look, and the report says where it is".to_owned()
        }
        Ended::Status(_) | Ended::Well => {
            "it runs in the project's folder with DATABASE_URL set; --keep leaves the database for \
             a look, and says where it is"
                .to_owned()
        }
    }
}
