//! The report: what the checks came to, and how it is told.
//!
//! This folder owns all layout, one file per form. It knows findings and nothing of how they were
//! found.

mod human;
mod json;
mod schema;

use std::collections::BTreeSet;
use std::fmt;
use std::io::{self, Write as _};
use std::time::Duration;

use serde::{Deserialize, Serialize};

pub(crate) use self::schema::{SchemaReport, Side};
use crate::checks::Finding;
use crate::config::Level;

/// What a rehearsal came to, on every Postgres version on which it was held.
///
/// Displayed, it is the report for people, without colours.
///
/// ```
/// # fn main() -> rehearsal::Result<()> {
/// # let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
/// # runtime.block_on(async {
/// let report = rehearsal::Rehearsal::of("fixtures/demo").play().await?;
/// assert!(report.to_string().ends_with("the rehearsal went well: 5 checks hold\n"));
/// # Ok(())
/// # })
/// # }
/// ```
#[derive(Debug, Clone)]
pub struct Report {
    pub(crate) project: String,
    pub(crate) runs: Vec<Run>,
    /// Where there are several versions: those on which it could not be held.
    pub(crate) unplayed: Vec<Unplayed>,
}

/// The rehearsal on one server.
#[derive(Debug, Clone)]
pub(crate) struct Run {
    /// The server's version.
    pub(crate) postgres: String,
    /// Where the server came from.
    pub(crate) server: &'static str,
    /// Whether the chain ran as superuser, which production hardly does.
    pub(crate) superuser: bool,
    pub(crate) checks: Vec<Judgement>,
    /// Databases that were kept for a look, and how to end their server.
    pub(crate) kept: Option<Kept>,
}

/// A version on which the rehearsal could not be held, and why.
#[derive(Debug, Clone)]
pub(crate) struct Unplayed {
    /// The version, as it was asked for.
    pub(crate) postgres: String,
    pub(crate) error: String,
}

#[derive(Debug, Clone)]
pub(crate) struct Kept {
    pub(crate) databases: Vec<(&'static str, String)>,
    /// What ends their server, or drops them where that is somebody else's.
    pub(crate) end_with: String,
    pub(crate) is_external: bool,
}

/// What one check came to.
#[derive(Debug, Clone)]
pub(crate) struct Judgement {
    pub(crate) name: &'static str,
    pub(crate) level: Level,
    pub(crate) outcome: Outcome,
    /// Why it was skipped or allowed.
    pub(crate) reason: Option<String>,
    /// How long the act that it judges took.
    pub(crate) duration: Duration,
    pub(crate) findings: Vec<Finding>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Outcome {
    Passed,
    Failed,
    Warned,
    Skipped,
    Allowed,
}

impl Outcome {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Passed => "passed",
            Self::Failed => "failed",
            Self::Warned => "warned",
            Self::Skipped => "skipped",
            Self::Allowed => "allowed",
        }
    }
}

impl Outcome {
    /// How much it matters beside others.
    pub(crate) fn gravity(self) -> u8 {
        match self {
            Self::Allowed => 0,
            Self::Passed => 1,
            Self::Warned => 2,
            Self::Skipped => 3,
            Self::Failed => 4,
        }
    }
}

impl Judgement {
    /// How strictly one of its findings is taken.
    pub(crate) fn level_of(&self, finding: &Finding) -> Level {
        self.level.min(finding.at_most)
    }

    /// Why it was skipped, if it was.
    pub(crate) fn why_skipped(&self) -> Option<&str> {
        self.reason.as_deref().filter(|_| self.outcome == Outcome::Skipped)
    }
}

impl Report {
    pub(crate) fn of(project: &str, runs: Vec<Run>) -> Self {
        Self { project: project.to_owned(), runs, unplayed: Vec::new() }
    }

    /// Whether every check that is denied holds, on every version. Where nothing was judged at all,
    /// nothing holds, and neither where one of the versions could not be played.
    ///
    /// ```
    /// # fn main() -> rehearsal::Result<()> {
    /// # let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    /// # runtime.block_on(async {
    /// use rehearsal::Rehearsal;
    ///
    /// assert!(Rehearsal::of("fixtures/demo").play().await?.is_success());
    /// // It has no ledger, so there is nothing to judge.
    /// assert!(!Rehearsal::of("fixtures/plain").only(["rerun"]).play().await?.is_success());
    /// # Ok(())
    /// # })
    /// # }
    /// ```
    #[must_use]
    pub fn is_success(&self) -> bool {
        !self.has(&[Outcome::Failed]) && self.has_judged() && self.unplayed.is_empty()
    }

    /// Whether there is a verdict at all.
    pub(crate) fn has_judged(&self) -> bool {
        self.has(&[Outcome::Failed, Outcome::Passed, Outcome::Warned])
    }

    fn has(&self, outcomes: &[Outcome]) -> bool {
        let mut checks = self.runs.iter().flat_map(|run| &run.checks);
        checks.any(|check| outcomes.contains(&check.outcome))
    }

    /// The report for programs. Its shape is in the README, and stable.
    ///
    /// ```
    /// # fn main() -> rehearsal::Result<()> {
    /// # let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    /// # runtime.block_on(async {
    /// let report = rehearsal::Rehearsal::of("fixtures/demo").play().await?;
    /// assert!(report.to_json().contains(r#""outcome": "passed""#));
    /// # Ok(())
    /// # })
    /// # }
    /// ```
    #[must_use]
    pub fn to_json(&self) -> String {
        json::tell(self)
    }

    /// The findings of one check on all versions, for people.
    pub(crate) fn findings_of(&self, check: &str) -> String {
        human::tell_check(self, check)
    }

    /// What is told as a warning only, of all checks, for people.
    pub(crate) fn warnings(&self) -> String {
        let checks = self.runs.iter().flat_map(|run| &run.checks);
        let warned = checks.filter(|check| check.outcome == Outcome::Warned);
        let names = warned.map(|check| check.name).collect::<BTreeSet<_>>();
        names.into_iter().map(|name| self.findings_of(name)).collect()
    }

    /// Where kept databases are, in lines for people.
    pub(crate) fn kept(&self) -> Vec<String> {
        let kept = self.runs.iter().filter_map(|run| Some((run, run.kept.as_ref()?)));
        let lines = kept.flat_map(|(run, kept)| {
            let of = format!("Postgres {}: ", run.postgres);
            let of = if self.is_of_several() { of } else { String::new() };
            kept.lines().into_iter().map(move |line| format!("{of}{line}"))
        });
        lines.collect()
    }

    /// Whether several versions were asked for.
    fn is_of_several(&self) -> bool {
        self.runs.len() + self.unplayed.len() > 1
    }

    /// The report for people, with colours or without.
    pub(crate) fn to_text(&self, color: bool) -> String {
        human::tell(self, color)
    }
}

/// Tells what fails nothing, to whoever looks: `cargo test` shows what tests print only where they
/// fail, and standard error itself always.
pub(crate) fn tell_warnings(words: &str) {
    if !words.is_empty() {
        let _ = writeln!(io::stderr().lock(), "{words}");
    }
}

impl Kept {
    fn lines(&self) -> Vec<String> {
        let databases = self.databases.iter();
        let found =
            databases.map(|(act, url)| format!("kept the database of the {act}: psql '{url}'"));
        let what = if self.is_external { "remove it" } else { "end its server" };
        found.chain([format!("{what} with: {}", self.end_with)]).collect()
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.to_text(false))
    }
}
