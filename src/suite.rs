//! A rehearsal as a suite of tests, one for each check, which is held once for all of them.
//!
//! Knows how tests are run: as threads of one process, as cargo does it, or each in a process of
//! its own, as nextest does it. Must not know what is judged.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use serde::{Deserialize, Serialize};

use crate::report::{self, Outcome, Report};
use crate::{Error, Rehearsal, Result, checks, config, server};

/// Makes a test of each check, from `rehearsal.toml`: `apply`, `rerun`, `replay`, `leaks`,
/// `order`, and those of the history, the seeds, the bootstrap and the baseline.
///
/// ```rust,test_harness
/// // tests/rehearsal.rs
/// rehearsal::suite!("fixtures/demo");
/// ```
///
/// The project is the one in the package's folder, unless another is named relative to that. The
/// rehearsal is held once, and the tests share what it came to, also under nextest, where each of
/// them is a process. A check that is not played shows as ignored, with its reason:
///
/// ```text
/// test apply ... ok
/// test replay ... ignored, the ledger keeps files from running twice; …
/// ```
///
/// Which ones these are is read from `rehearsal.toml` when the tests are compiled. Should the
/// project turn out to be another one when it is played, the tests fail and say what to write.
/// Whoever asks for ignored tests (`--ignored`) gets them played, and strictly.
///
/// `version_drift`, which compares versions with each other, is for the command line: tests that
/// run as a matrix see one version each.
///
/// Warnings are told on standard error and fail nothing. Several projects in one file each need a
/// module of their own:
///
/// ```rust,test_harness
/// mod books {
///     rehearsal::suite!("fixtures/demo");
/// }
/// mod shop {
///     rehearsal::suite!("examples/shop");
/// }
/// ```
#[macro_export]
macro_rules! suite {
    () => {
        $crate::suite!(".");
    };
    ($project:tt) => {
        $crate::__tests! {
            ($crate) $project
            apply rerun[ledger] replay[files every_file] leaks[sessions] order[files]
            history[files base] upgrade[base]
            seed[seeds] reseed_counts[seeds] reseed_contents[seeds] seed_counts[seeds expect]
            seed_randomness[seeds] seed_edits[seeds edits] seed_race[seeds] bootstrap[bootstrap]
            tighten[bootstrap tighten] stray_writes[bootstrap untouched]
            baseline[baseline] baseline_rows[baseline] baseline_ledger[baseline]
            rollout[baseline rollout] rollback[baseline rollback] dump[dump]
        }
    };
}

/// What a check came to, as its test tells it.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Verdict {
    outcome: Outcome,
    reason: Option<String>,
    /// Its findings, for people.
    words: String,
}

/// What all checks came to; or why the rehearsal could not be held.
type Verdicts = Result<BTreeMap<String, Verdict>, String>;

/// What one test does. `is_configured` says whether there was a `rehearsal.toml` when the tests
/// were compiled, and `ignored` are those that were compiled to be ignored.
#[doc(hidden)]
pub fn __hold(root: &str, is_configured: bool, check: &str, ignored: &[&str]) -> Result<()> {
    let root = Path::new(root);
    if !is_configured && root.join(config::FILE).exists() {
        return Err(Error::new("rehearsal.toml is newer than these tests").help(
            "they are compiled by what it says: change the file that calls suite!() in any way, \
             such as touch tests/rehearsal.rs",
        ));
    }
    if ignored.contains(&check) {
        // Somebody asked for it all the same.
        return tell(check, &play(Rehearsal::of(root).only([check])));
    }
    let verdicts = shared(root);
    // Told once, by the test that is never ignored.
    if check == checks::FIRST
        && let Ok(verdicts) = &*verdicts
    {
        agree(verdicts, ignored)?;
    }
    tell(check, &verdicts)
}

/// Fails with what a check has found, or tells its warnings.
fn tell(check: &str, verdicts: &Verdicts) -> Result<()> {
    let verdicts = verdicts.as_ref().map_err(Error::new)?;
    let Some(Verdict { outcome, reason, words }) = verdicts.get(check) else {
        return Err(Error::new(format!("nothing was judged for `{check}`")));
    };
    let reason = reason.as_deref().unwrap_or_default();
    match outcome {
        Outcome::Passed | Outcome::Warned => {
            report::tell_warnings(words);
            Ok(())
        }
        Outcome::Failed => Err(Error::new(format!("`{check}` does not hold\n\n{words}"))),
        Outcome::Skipped | Outcome::Allowed => {
            let error = Error::new(format!("`{check}` was not judged: {reason}"));
            let broken = verdicts.values().any(|verdict| verdict.outcome == Outcome::Failed);
            Err(if broken { error } else { error.help(advice(check, "allow")) })
        }
    }
}

/// An error if a test is ignored whose check is played: nobody would see what it came to.
fn agree(verdicts: &BTreeMap<String, Verdict>, ignored: &[&str]) -> Result<()> {
    let is_played = |check: &&&str| {
        let verdict = verdicts.get(**check);
        verdict.is_some_and(|it| !matches!(it.outcome, Outcome::Skipped | Outcome::Allowed))
    };
    match ignored.iter().find(is_played) {
        None => Ok(()),
        Some(check) => {
            let played = "is played for this project, and its test was compiled to be ignored";
            Err(Error::new(format!("`{check}` {played}")).help(advice(check, "deny")))
        }
    }
}

/// What to write so that the tests are compiled by what the files tell.
fn advice(check: &str, level: &str) -> String {
    // Of these two, which one is played is a matter of the boot.
    let line = match check {
        "rerun" | "replay" => "[migrations]\nboot = \"every-file\"".to_owned(),
        check if check.contains("seed") && level == "deny" => {
            "[seeds]\npath = \"seeds\"  # where they are".to_owned()
        }
        check => format!("[checks]\n{check} = \"{level}\""),
    };
    format!(
        "the tests are compiled by rehearsal.toml alone; write there what the files tell:\n{line}"
    )
}

/// What the rehearsal of a project came to: held by the first test that asks, while the others
/// wait.
fn shared(root: &Path) -> Arc<Verdicts> {
    static HELD: Mutex<BTreeMap<PathBuf, Arc<Verdicts>>> = Mutex::new(BTreeMap::new());
    let mut held = HELD.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(verdicts) = held.get(root) {
        return Arc::clone(verdicts);
    }
    let run = std::env::var("NEXTEST_RUN_ID").ok();
    let run =
        run.filter(|run| run.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-'));
    let verdicts = match run {
        Some(run) => across_processes(root, &run).unwrap_or_else(|error| Err(error.to_string())),
        None => play(Rehearsal::of(root)),
    };
    let verdicts = Arc::new(verdicts);
    held.insert(root.to_owned(), Arc::clone(&verdicts));
    verdicts
}

/// The same between the processes of one run: whoever has the lock first holds the rehearsal and
/// writes down what it came to. The lock of one that is killed is free, and the next one takes
/// over.
fn across_processes(root: &Path, run: &str) -> Result<Verdicts> {
    let mut hasher = DefaultHasher::new();
    root.hash(&mut hasher);
    let path = server::note(&format!("{run}-{:016x}", hasher.finish()))?;
    let cannot = |error| Error::new(format!("failed to write {}", path.display())).caused_by(error);
    let lock = File::create(path.with_extension("lock")).map_err(cannot)?;
    lock.lock().map_err(cannot)?;
    let written = fs::read(&path).ok();
    if let Some(verdicts) = written.and_then(|bytes| serde_json::from_slice(&bytes).ok()) {
        return Ok(verdicts);
    }
    let verdicts = play(Rehearsal::of(root));
    if verdicts.is_err() {
        // The next one, or a retry, may have more luck.
        return Ok(verdicts);
    }
    let bytes = serde_json::to_vec(&verdicts)
        .map_err(|error| Error::new("failed to write down the verdicts").caused_by(error))?;
    // At once or not at all: who is killed over it has not told half.
    let draft = path.with_extension("draft");
    fs::write(&draft, bytes).and_then(|()| fs::rename(&draft, &path)).map_err(cannot)?;
    Ok(verdicts)
}

fn play(rehearsal: Rehearsal<'_>) -> Verdicts {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(|error| format!("failed to start: {error}"))?;
    let report = runtime.block_on(rehearsal.play()).map_err(|error| error.to_string())?;
    // Whatever holds on the other versions, the test would pass for all of them.
    if report.unplayed.is_empty() { Ok(verdicts(&report)) } else { Err(report.to_string()) }
}

/// What each check came to, on whichever version it was worst.
fn verdicts(report: &Report) -> BTreeMap<String, Verdict> {
    let mut verdicts = BTreeMap::new();
    for judgement in report.runs.iter().flat_map(|run| &run.checks) {
        let verdict = verdicts.entry(judgement.name.to_owned()).or_insert_with(|| Verdict {
            outcome: judgement.outcome,
            reason: judgement.reason.clone(),
            words: report.findings_of(judgement.name),
        });
        if judgement.outcome.gravity() > verdict.outcome.gravity() {
            verdict.outcome = judgement.outcome;
            verdict.reason.clone_from(&judgement.reason);
        }
    }
    verdicts
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_check_has_its_test() {
        let lines = include_str!("suite.rs").lines();
        let lines = lines.skip_while(|line| !line.contains("($crate) $project"));
        let list = lines.skip(1).take_while(|line| !line.contains('}')).collect::<String>();
        let without_conditions = list.split(']').map(|part| part.split('[').next().expect("one"));
        let names = without_conditions.flat_map(str::split_whitespace);
        // In a CI matrix, each job's tests see one version only, and there is nothing to compare.
        let mut checks = checks::names();
        checks.retain(|name| *name != "version_drift");
        assert_eq!(names.collect::<Vec<_>>(), checks);
    }

    fn verdict(outcome: Outcome) -> Verdict {
        Verdict { outcome, reason: Some("so it is".to_owned()), words: "words\n".to_owned() }
    }

    fn check(outcome: Outcome, expected: Option<&str>) {
        let verdicts = BTreeMap::from([("order".to_owned(), verdict(outcome))]);
        match (tell("order", &Ok(verdicts)), expected) {
            (Ok(()), None) => {}
            (Err(said), Some(expected)) => {
                assert!(said.to_string().starts_with(expected), "{said}");
            }
            (said, expected) => panic!("{said:?} instead of {expected:?}"),
        }
    }

    #[test]
    fn only_a_check_that_holds_passes() {
        check(Outcome::Passed, None);
        check(Outcome::Warned, None);
        check(Outcome::Failed, Some("`order` does not hold\n\nwords"));
        check(Outcome::Skipped, Some("`order` was not judged: so it is\nhelp: the tests are"));
        check(Outcome::Allowed, Some("`order` was not judged: so it is\nhelp: the tests are"));
    }

    #[test]
    fn an_ignored_test_must_have_nothing_to_say() {
        let of = |outcome| BTreeMap::from([("replay".to_owned(), verdict(outcome))]);
        assert!(agree(&of(Outcome::Allowed), &["replay"]).is_ok());
        assert!(agree(&of(Outcome::Failed), &[]).is_ok());
        let error = agree(&of(Outcome::Passed), &["replay"]).unwrap_err().to_string();
        assert!(error.starts_with("`replay` is played for this project"), "{error}");
    }
}
