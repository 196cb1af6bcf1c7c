//! The command `squash`: writes what takes the place of a project's chain, if it holds.

use std::io::IsTerminal as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::{Lines, Spinner, print, wants_color};
use crate::Result;
use crate::acts::Progress;
use crate::report::{Outcome, Report, Run};
use crate::server::Version;
use crate::squash::{Draft, Order};

#[derive(Debug, clap::Args)]
pub(super) struct Squash {
    /// The project's folder: the one that holds rehearsal.toml or migrations/ [default: .]
    path: Option<PathBuf>,
    /// Rehearse it, print what would be written, even if it does not hold, and write nothing
    #[arg(long)]
    dry_run: bool,
    /// Overwrite files that are there, and write what could not be proven
    #[arg(long)]
    force: bool,
    /// Postgres versions to play on, such as 15,17 [default: the project's, or the newest here]
    #[arg(long, value_name = "VERSIONS", value_delimiter = ',')]
    postgres: Vec<String>,
    /// Where the server comes from: auto, container or native
    #[arg(long, value_name = "SERVER")]
    server: Option<String>,
    /// How long one file may run
    #[arg(long, value_name = "SECONDS", default_value_t = 300,
          value_parser = clap::value_parser!(u64).range(1..))]
    timeout: u64,
}

impl Squash {
    /// The answer is whether it holds.
    pub(super) async fn run(self) -> Result<bool> {
        let (draft, report) = if std::io::stderr().is_terminal() {
            self.rehearsed(&Spinner::new()).await?
        } else {
            self.rehearsed(&Lines).await?
        };
        print(&report.to_text(wants_color()))?;
        if let Some(refusal) = self.refusal(&draft, &report) {
            print(&format!("\nnothing was written{refusal}\n"))?;
            if self.dry_run {
                print(&format!("\nthis is what was rehearsed:\n{}", contents(&draft)))?;
            } else {
                print("help: --dry-run prints the files of which this tells\n")?;
            }
            return Ok(false);
        }
        if self.dry_run {
            print(&format!("\nnothing was written; it would be this:\n{}", contents(&draft)))?;
        } else {
            draft.keep()?;
            print(&told(&draft))?;
        }
        Ok(true)
    }

    /// Why nothing is written, if nothing is.
    fn refusal(&self, draft: &Draft, report: &Report) -> Option<String> {
        if !report.is_success() {
            let oldest = held_on_oldest(report).unwrap_or_default();
            return Some(format!(": the squash above does not hold{oldest}"));
        }
        let unproven = unproven(draft, report);
        (!unproven.is_empty() && !self.force).then(|| {
            format!(
                ", because this could not be proven:\n  {}\n\
                 help: --force writes it all the same",
                unproven.join("\n  ")
            )
        })
    }

    /// What would be written, and what came of it.
    async fn rehearsed(&self, progress: &dyn Progress) -> Result<(Draft, Report)> {
        let order = Order {
            root: self.path.as_deref().unwrap_or(Path::new(".")).to_owned(),
            versions: self.postgres.clone(),
            server: self.server.clone(),
            limit: Duration::from_secs(self.timeout),
            force: self.force,
        };
        let draft = Box::pin(order.draft(progress)).await?;
        let report = Box::pin(draft.rehearse(progress)).await?;
        Ok((draft, report))
    }
}

/// What to do where the baseline holds on the oldest version, by whose `pg_dump` it is made, but
/// not on a later one.
fn held_on_oldest(report: &Report) -> Option<String> {
    let has_failed = |run: &Run| {
        let mut failed = run.checks.iter().filter(|it| it.outcome == Outcome::Failed);
        failed.any(|check| check.name == "baseline")
    };
    let majors = |has: bool| {
        let runs = report.runs.iter().filter(move |run| has_failed(run) == has);
        runs.filter_map(|run| Version::parse(&run.postgres)).map(|version| version.major)
    };
    let (held, first, last) = (majors(false).min()?, majors(true).min()?, majors(true).max()?);
    (held < first).then(|| {
        format!(
            "\non Postgres {held} its baseline does: it is what the pg_dump of that one says, \
             which may lack what later versions keep, such as names of NOT NULL constraints (18)\n\
             help: squash on what production runs: --postgres {last}"
        )
    })
}

/// The checks of the squash that had to be passed over, and why.
fn unproven(draft: &Draft, report: &Report) -> Vec<String> {
    let names = ["baseline", "rollout", "rollback"];
    let names = &names[..if draft.rollout.is_some() { names.len() } else { 1 }];
    let mut found = Vec::new();
    for run in &report.runs {
        let checks = run.checks.iter().filter(|check| names.contains(&check.name));
        found.extend(checks.filter_map(|check| {
            let reason = check.why_skipped()?;
            Some(format!("{} on Postgres {}: {reason}", check.name, run.postgres))
        }));
    }
    found
}

/// All that would be written, file by file.
fn contents(draft: &Draft) -> String {
    let mut text = String::new();
    for path in draft.removed() {
        text += &format!("\n=== {path}: removed\n");
    }
    for (path, bytes) in draft.written() {
        text += &if is_moved(draft, path) {
            format!("\n=== {path}: as it was\n")
        } else {
            format!("\n=== {path}\n{}", String::from_utf8_lossy(bytes))
        };
    }
    text
}

/// Whether a file is one of the old chain's, which only gets another place.
fn is_moved(draft: &Draft, path: &str) -> bool {
    path.strip_prefix(&draft.chain).is_some_and(|rest| rest.starts_with('/'))
}

/// What was written, and what is to be done with it.
fn told(draft: &Draft) -> String {
    let Draft { count, tool, statements, baseline, runbook, chain, .. } = draft;
    let mut text = format!(
        "\nsquashed {count} migrations of {tool} into {baseline}, {statements} statements\n\n"
    );
    let new = draft.written().filter(|(path, _)| !is_moved(draft, path)).collect::<Vec<_>>();
    let width = new.iter().map(|(path, _)| path.chars().count()).max().unwrap_or_default();
    for (path, bytes) in new {
        text += &format!("  {path:width$}  {}\n", size(bytes.len()));
    }
    let removed = draft.removed().len();
    text += &format!("\n{removed} files went; the chain that they were is {chain}\n");
    text += &format!("\nnext: read {runbook}, look through {baseline}, and commit all of it");
    if let Some(marker) = &draft.marker {
        text += &format!(" with {marker} in the message");
    }
    text += "\n";
    if let Some(rollout) = &draft.rollout {
        text += &format!("each database that is there needs {rollout} before the next boot\n");
    }
    text
}

fn size(bytes: usize) -> String {
    if bytes < 1000 {
        format!("{bytes} B")
    } else {
        format!("{}.{} kB", bytes / 1000, bytes % 1000 / 100)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Level;
    use crate::report::Judgement;

    /// What is said of runs of `baseline` on these versions, some of which fail.
    fn check(runs: &[(&str, Outcome)], expected: Option<&str>) {
        let run = |(postgres, outcome): &(&str, Outcome)| Run {
            postgres: (*postgres).to_owned(),
            server: "native",
            superuser: false,
            checks: vec![Judgement {
                name: "baseline",
                level: Level::Deny,
                outcome: *outcome,
                reason: None,
                duration: Duration::ZERO,
                findings: Vec::new(),
            }],
            kept: None,
        };
        let report = Report::of("p", runs.iter().map(run).collect());
        let told = held_on_oldest(&report);
        assert_eq!(told.as_deref().and_then(|told| told.lines().last()), expected);
    }

    #[test]
    fn what_holds_on_the_oldest_alone_is_squashed_on_the_newest() {
        use Outcome::{Failed, Passed};
        let help = Some("help: squash on what production runs: --postgres 18");
        check(&[("16.14", Passed), ("18.4", Failed)], help);
        check(&[("18.4", Failed), ("17.1", Passed), ("16.14", Passed)], help);
        check(&[("16.14", Failed), ("18.4", Failed)], None);
        check(&[("16.14", Failed), ("18.4", Passed)], None);
        check(&[("16.14", Passed), ("18.4", Passed)], None);
        check(&[("18.4", Failed)], None);
    }
}
