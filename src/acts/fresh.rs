//! The first boot: the chain on an empty database.

use super::boot::boot;
use super::{Recorder, Stage, state_of};
use crate::server::Scratch;
use crate::sql::quoted;
use crate::trace::{Act, Trace};
use crate::{Error, Result};

/// Plays the first boot, and hands on the database that it made. What is in there is read when the
/// other acts have their copies.
pub(super) async fn play(stage: &Stage<'_>) -> Result<(Trace, Scratch)> {
    let recorder = Recorder::begin(stage, Act::Fresh);
    let settings = &stage.project.config.postgres;
    let scratch = stage.server.create(stage.project.config.database()).await?;
    if !settings.extensions.is_empty() {
        install(stage, &scratch).await?;
    }
    let mut begin = None;
    if stage.project.chain.runner.is_opaque() {
        begin = Some(state_of(&mut scratch.admin().await?).await?);
    }
    let boot = boot(stage, &scratch, Act::Fresh).await?;
    let mut trace = Trace { begin, ..recorder.end(boot, None) };
    let scratch = stage.aside(scratch).await?;
    if stage.keep && !trace.boot.succeeded() {
        trace.kept = Some(scratch.url());
    }
    Ok((trace, scratch))
}

/// Installs the extensions that only a superuser may create.
async fn install(stage: &Stage<'_>, scratch: &Scratch) -> Result<()> {
    let mut admin = scratch.admin().await?;
    for extension in &stage.project.config.postgres.extensions {
        let create = format!("CREATE EXTENSION {} CASCADE", quoted(extension));
        crate::server::run(&mut admin, &create).await.map_err(|error| {
            let help = if error.to_string().contains("permission denied") {
                "`extensions` under [postgres] in rehearsal.toml names it, and only a superuser \
                 may create it: name one in the server's URL, or take it out of the list"
            } else {
                "`extensions` under [postgres] in rehearsal.toml names it: install its package \
                 for this Postgres, or take it out of the list"
            };
            let failed = Error::new(format!("the extension `{extension}` can't be installed"));
            failed.caused_by(error).help(help)
        })?;
    }
    Ok(())
}
