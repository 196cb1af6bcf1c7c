//! What decides what a chain makes: everything that is executed, the pre scripts of the bootstrap
//! too, and on which day. Whatever was made by the same recipe need not be made again.

use std::time::{SystemTime, UNIX_EPOCH};

use sha2::{Digest as _, Sha256};

use super::Stage;
use crate::Result;
use crate::server::{TEMPLATE_PREFIX, Template};
use crate::source::{Runner, Seed};

const SECONDS_OF_A_DAY: u64 = 24 * 60 * 60;

/// The names of a chain's templates.
pub(super) struct Recipe {
    /// By the number of files that are in them. What a command plays counts as one.
    names: Vec<String>,
}

impl Recipe {
    /// The recipe of what is on the stage, where a template can be kept. What a closure does is
    /// known to nobody, nor what a command does, unless the project declares it; and on a server of
    /// one's own nobody would look for a template, unless the acts themselves do.
    pub(super) fn of(stage: &Stage<'_>) -> Option<Self> {
        let chain = &stage.project.chain;
        let command = match &chain.runner {
            Runner::Files => None,
            Runner::Command { line, fingerprint } => Some((line, fingerprint.as_ref()?)),
            Runner::Closure => return None,
        };
        if !(stage.server.is_shared() || stage.keeps_templates) {
            return None;
        }
        let postgres = &stage.project.config.postgres;
        // Chains create partitions named after today.
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let day = now.as_secs() / SECONDS_OF_A_DAY;
        let format = (chain.format.name, chain.boot, &chain.settings);
        let begin = (env!("CARGO_PKG_VERSION"), day, &postgres.extensions, postgres.role, format);
        let mut hash = Sha256::new_with_prefix(format!("{begin:?}"));
        let session = &stage.project.config.bootstrap.session;
        let settings = session.iter().map(|(name, value)| (name.get_ref(), value));
        let settings = settings.collect::<Vec<_>>();
        for script in &stage.project.scripts.pre {
            let told = (&script.file.path, script.file.text.len(), &settings);
            hash.update(format!("{told:?}"));
            hash.update(script.file.text.as_bytes());
        }
        let mut names = vec![name_of(&hash)];
        if let Some(command) = command {
            hash.update(format!("{command:?}"));
            names.push(name_of(&hash));
            return Some(Self { names });
        }
        for migration in &chain.migrations {
            let text = &migration.file.text;
            let path = &migration.file.path;
            let told = (&migration.version, &migration.name, path, &migration.entry, text.len());
            hash.update(format!("{told:?}{:?}", migration.parts));
            hash.update(text.as_bytes());
            names.push(name_of(&hash));
        }
        Some(Self { names })
    }

    /// The template of the chain, its seeds and the post scripts, if those are all files.
    pub(super) fn seeded(&self, stage: &Stage<'_>) -> Option<String> {
        let (scripts, config) = (&stage.project.scripts, &stage.project.config);
        let seeds = scripts.seeds.iter().map(Seed::file).collect::<Option<Vec<_>>>()?;
        let how = (&config.bootstrap.session, config.seeds.transaction);
        let whole = self.name(self.files());
        let mut hash = Sha256::new_with_prefix(format!("{whole}{how:?}"));
        for script in seeds.into_iter().chain(&scripts.post) {
            hash.update(format!("{:?}{}", script.file.path, script.file.text.len()));
            hash.update(script.file.text.as_bytes());
        }
        Some(name_of(&hash))
    }

    /// How many files the chain has.
    pub(super) fn files(&self) -> usize {
        self.names.len() - 1
    }

    /// The template of the chain's first files.
    pub(super) fn name(&self, files: usize) -> &str {
        &self.names[files]
    }

    /// Finds the template with the most files of the chain, and tells how many.
    pub(super) async fn find(&self, stage: &Stage<'_>) -> Result<Option<(Template, usize)>> {
        let mut names = self.names.clone();
        names.reverse();
        // Mostly everything is there.
        let (whole, parts) = names.split_at(1);
        let mut found = stage.server.template(whole).await?;
        // What one transaction holds is made as a whole.
        if found.is_none() && stage.project.chain.format.boot_transaction.is_none() {
            found = stage.server.template(parts).await?;
        }
        Ok(found.and_then(|template| {
            let files = self.names.iter().position(|name| *name == template.scratch.name)?;
            Some((template, files))
        }))
    }
}

/// The name of the template of what was hashed.
fn name_of(hash: &Sha256) -> String {
    let digest = hash.clone().finalize();
    let half = digest.first_chunk().copied().unwrap_or_default();
    format!("{TEMPLATE_PREFIX}{:032x}", u128::from_be_bytes(half))
}
