//! The command `matrix`: the Postgres versions of a project, in the form that GitHub Actions takes
//! for `strategy.matrix`. Needs no Postgres.

use std::path::{Path, PathBuf};

use serde::Serialize;

use super::print;
use crate::rehearsal::named_versions;
use crate::{Error, Result};

/// What a matrix has where the project names no versions. `verify` then takes the newest on the
/// machine; a matrix has a machine for each, and what differs between versions is what it is for.
/// These are the majors on which this crate's own tests are run, which are those that have releases
/// and are not past their end, or not for long.
const SUPPORTED_MAJORS: [&str; 5] = ["14", "15", "16", "17", "18"];

#[derive(Debug, clap::Args)]
pub(super) struct Matrix {
    /// The project's folder: the one that holds rehearsal.toml or migrations/
    path: Option<PathBuf>,
}

/// One key for each variable of the matrix.
#[derive(Serialize)]
struct Variables {
    postgres: Vec<String>,
}

impl Matrix {
    pub(super) fn run(self, default: &Path) -> Result<()> {
        let mut versions = named_versions(self.path.as_deref().unwrap_or(default))?;
        if versions.is_empty() {
            versions.extend(SUPPORTED_MAJORS.map(str::to_owned));
        }
        let json = serde_json::to_string(&Variables { postgres: versions })
            .map_err(|error| Error::new("failed to write the versions as JSON").caused_by(error))?;
        print(&format!("{json}\n"))
    }
}
