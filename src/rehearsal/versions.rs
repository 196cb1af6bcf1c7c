//! Which Postgres versions a project is rehearsed on, and how many of them at a time. Must not know
//! what is played on them.

use std::collections::BTreeMap;
#[cfg(feature = "cli")]
use std::path::Path;
use std::thread;

use futures_util::{StreamExt as _, stream};

use super::{Held, Rehearsal};
use crate::acts::Progress;
#[cfg(feature = "cli")]
use crate::checks;
use crate::config::Config;
use crate::server::{self, News, Origin};
#[cfg(feature = "cli")]
use crate::source;
use crate::source::Project;
use crate::trace::Act;
use crate::{Error, Result};

/// What a server takes with the databases of its acts: about 60 MB of processes, and for a chain of
/// some length as many files again and more, which may be in memory too.
const SERVER_BYTES: u64 = 200 << 20;

impl Rehearsal<'_> {
    /// The versions to play on; `None` is the newest that can be had. The call outranks the
    /// environment, which a CI matrix sets, and that the file.
    pub(super) fn versions(&self, config: &Config) -> Result<Vec<Option<String>>> {
        let environment = std::env::var("REHEARSAL_POSTGRES").unwrap_or_default();
        let environment = environment.split(',').map(str::to_owned).collect::<Vec<_>>();
        let mut versions = Vec::new();
        for chosen in [&self.versions, &environment, &config.postgres.versions] {
            for version in chosen.iter().map(|version| version.trim()) {
                if version.is_empty() || versions.iter().flatten().any(|known| known == version) {
                    continue;
                }
                if !is_version(version) {
                    return Err(Error::new(format!("`{version}` is no Postgres version"))
                        .help("name a major version such as 15, or a release such as 15.18"));
                }
                versions.push(Some(version.to_owned()));
            }
            if !versions.is_empty() {
                return Ok(versions);
            }
        }
        Ok(vec![None])
    }

    /// The rehearsal on each of the versions, in their order. One that can't be held does not keep
    /// the others from it.
    pub(super) async fn run_each(
        &self,
        project: &Project,
        origin: &Origin,
        versions: &[Option<String>],
        progress: &dyn Progress,
    ) -> Vec<Result<Held>> {
        let is_alone = versions.len() == 1;
        let runs = versions.iter().enumerate().map(|(place, version)| async move {
            let begun = if origin.is_external() { "connecting to" } else { "starting" };
            let Some(version) = version else {
                progress.begin(&format!("{begun} Postgres"));
                return (place, self.run(project, origin, None, progress).await);
            };
            progress.begin(&format!("{begun} Postgres {version}"));
            let on_version = OnVersion { version, progress };
            let progress = if is_alone { progress } else { &on_version };
            (place, self.run(project, origin, Some(version), progress).await)
        });
        // Whichever is done first makes room for the next one.
        let runs = stream::iter(runs).buffer_unordered(at_a_time(project));
        runs.collect::<BTreeMap<_, _>>().await.into_values().collect()
    }
}

/// How many versions are played at a time: as many as there are cores and memory for.
fn at_a_time(project: &Project) -> usize {
    // A command works in the project's folder and a closure in its program, and neither may expect
    // to be there a second time at the same moment.
    let has_opaque_seed = project.scripts.seeds.iter().any(|seed| seed.file().is_none());
    if project.chain.runner.is_opaque() || has_opaque_seed {
        return 1;
    }
    let cores = thread::available_parallelism().map_or(1, usize::from);
    let servers = server::available_bytes().map(|memory| memory / SERVER_BYTES);
    cores.min(servers.and_then(|it| it.try_into().ok()).unwrap_or(cores)).max(1)
}

/// The versions that the environment or a project's `rehearsal.toml` names. None if they leave it
/// to the machine.
#[cfg(feature = "cli")]
pub(crate) fn named_versions(root: &Path) -> Result<Vec<String>> {
    let names = checks::names();
    source::assert_root(root, &names)?;
    let versions = Rehearsal::of(root).versions(&Config::read(root, &names)?)?;
    Ok(versions.into_iter().flatten().collect())
}

/// `16`, `16.14` or `19rc1`. Whether there is such a version is for the server's source to say.
fn is_version(text: &str) -> bool {
    text.starts_with(|first: char| first.is_ascii_digit())
        && text.chars().all(|c| c.is_ascii_alphanumeric() || c == '.')
}

/// Says of which version something is told, where several are played side by side.
pub(super) struct OnVersion<'a> {
    pub(super) version: &'a str,
    pub(super) progress: &'a dyn Progress,
}

impl News for OnVersion<'_> {
    fn begin(&self, what: &str) {
        self.progress.begin(&format!("Postgres {}: {what}", self.version));
    }

    /// On a terminal's one line, those of several versions would overwrite each other.
    fn go_on(&self, _: &str) {}

    fn note(&self, what: &str) {
        self.progress.note(&format!("Postgres {}: {what}", self.version));
    }
}

impl Progress for OnVersion<'_> {
    /// On a terminal's one line, the counts of several versions would overwrite each other.
    fn played(&self, _: Act, _: usize, _: usize) {}
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_told_from_other_words() {
        let check = |text, expected| assert_eq!(is_version(text), expected, "{text}");
        check("16", true);
        check("16.14", true);
        check("19rc1", true);
        check("latest", false);
        check("15;16", false);
        check("15 16", false);
    }
}
