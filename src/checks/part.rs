//! Who has a part in a bootstrap, seeds among them: what to call them, where they are found, and
//! how their failure is told.

use super::failure::{told, told_of_script, tool_refuses};
use super::{Finding, Place, opaque};
use crate::config::{SeedStep, Transaction};
use crate::source::{Migration, Project, Seed};
use crate::trace::{Author, Boot, Ended, Failure, Phase, Point, Sown};

/// What to call somebody's part: the path of the file, where there is one.
pub(super) fn name(project: &Project, author: Author) -> String {
    match author {
        Author::Chain => "the chain".to_owned(),
        Author::Seed(place) => project.scripts.seeds[place].name(),
        Author::Pre(_) | Author::Post(_) => {
            file(project, author).map_or_else(String::new, |file| file.file.path.clone())
        }
    }
}

/// The file, if it is one.
pub(super) fn file(project: &Project, author: Author) -> Option<&Migration> {
    let scripts = &project.scripts;
    match author {
        Author::Pre(place) => scripts.pre.get(place),
        Author::Chain => None,
        Author::Seed(place) => scripts.seeds.get(place).and_then(Seed::file),
        Author::Post(place) => scripts.post.get(place),
    }
}

/// What to call all scripts of a phase.
pub(super) fn phase(phase: Phase) -> &'static str {
    match phase {
        Phase::Pre => "the pre scripts",
        Phase::Chain => "the chain",
        Phase::Seeds => "the seeds",
        Phase::Post => "the post scripts",
    }
}

/// Places a finding at somebody's part as a whole: at its file, or at the line of the configuration
/// that has the command.
pub(super) fn at(project: &Project, finding: Finding, author: Author) -> Finding {
    if let Some(script) = file(project, author) {
        return finding.in_migration(script, None);
    }
    let Author::Seed(place) = author else { return finding };
    let Seed::Command(line) = &project.scripts.seeds[place] else { return finding };
    let steps = project.config.seeds.all_steps();
    let mut runs = steps.iter().filter_map(|SeedStep { run, .. }| run.as_ref());
    let run = runs.find(|run| run.get_ref() == line);
    match run.and_then(|run| Place::in_config(&project.config, run.span())) {
        Some(place) => finding.at(place),
        None => finding,
    }
}

/// The failure of a script or a seed. `what` says in which bootstrap.
pub(super) fn failed(project: &Project, what: &str, author: Author, step: &Sown) -> Vec<Finding> {
    match (author, file(project, author)) {
        (Author::Pre(_) | Author::Post(_), Some(script)) => {
            let finding = || Finding::new(format!("{what} fails in {}", script.file.path));
            let failures = step.failures.iter();
            failures.map(|failure| told_of_script(finding(), script, failure)).collect()
        }
        _ => seed_failed(project, what, step),
    }
}

/// How a seed that failed is told. `what` says which run it was.
pub(super) fn seed_failed(project: &Project, what: &str, step: &Sown) -> Vec<Finding> {
    let seed = &project.scripts.seeds[step.place];
    if let Some(opaque) = &step.opaque {
        let is_closure = matches!(seed, Seed::Closure(_));
        let author = Author::Seed(step.place);
        let finding = |message| at(project, Finding::new(message), author);
        let failed = opaque.ended != Ended::Well;
        let failure = failed.then(|| opaque::failed(project, what, opaque, is_closure, finding));
        let went_on = opaque.went_on.then(|| opaque::went_on(what, opaque, finding));
        return failure.into_iter().chain(went_on).collect();
    }
    let Some(file) = seed.file() else { return Vec::new() };
    let failures = step.failures.iter();
    failures.map(|failure| file_failed(project, what, file, failure)).collect()
}

fn file_failed(project: &Project, what: &str, file: &Migration, failure: &Failure) -> Finding {
    if failure.at != Point::Ledger {
        let message = format!("{what} fails in {}", file.file.path);
        let finding = told_of_script(Finding::new(message), file, failure);
        let holds_all = project.config.seeds.transaction == Transaction::All;
        if failure.at == Point::Commit && holds_all {
            return finding
                .note("one transaction holds all seeds, so the cause may be in an earlier one");
        }
        return finding;
    }
    let message = "the settings of [bootstrap] session can't be made";
    let finding = Finding::new(message)
        .label(failure.words())
        .note("they are made by SET LOCAL in the transaction of each seed file");
    Finding { sqlstate: Some(failure.sqlstate.clone()), ..finding }
}

/// How the steps that failed in a run are told.
pub(super) fn seeds_failed(project: &Project, what: &str, steps: &[Sown]) -> Vec<Finding> {
    let failures = steps.iter().filter(|step| !step.succeeded());
    failures.flat_map(|step| seed_failed(project, what, step)).collect()
}

/// How many seeds come after a step, none of which was run.
pub(super) fn left_out(project: &Project, step: &Sown) -> String {
    match project.scripts.seeds.len() - step.place - 1 {
        0 => "this is the last seed".to_owned(),
        1 => "seeding stops here; 1 later seed was not run".to_owned(),
        count => format!("seeding stops here; {count} later seeds were not run"),
    }
}

/// The failure of the chain.
pub(super) fn chain_failed(project: &Project, what: &str, boot: &Boot) -> Vec<Finding> {
    let refused = boot.refusal.as_ref().map(|refusal| tool_refuses(project, what, refusal));
    let failed = boot.failures().map(|(index, failure)| {
        let migration = &project.chain.migrations[index];
        let message = format!("{what} fails in {}", migration.file_name());
        told(Finding::new(message), project, migration, failure)
    });
    let ran = boot.opaque.as_ref().filter(|_| !boot.succeeded());
    let opaque = ran.map(|opaque| {
        let message = format!("{what} fails: {}", opaque.name);
        opaque::placed(project, message).note(opaque::said(opaque))
    });
    refused.into_iter().chain(failed).chain(opaque).collect()
}
