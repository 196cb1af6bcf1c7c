//! What runs a server: a process of this machine, or a container. Knows nothing of databases.

use std::path::Path;

use rustix::process::Pid;
use serde::{Deserialize, Serialize};

use super::binaries::{self, Installation, Version};
#[cfg(feature = "containers")]
use super::container::{Container, Found};
use super::home::Claim;
use super::native::Process;
use super::{Origin, Sharing, Wanted};
use crate::{Error, Result};

/// What was found to run a server with.
pub(super) enum Plan {
    Native(Installation),
    #[cfg(feature = "containers")]
    Container(Box<Found>),
}

/// A server that runs, as far as it is a process and files.
pub(super) enum Machine {
    Native(Process),
    #[cfg(feature = "containers")]
    Container(Container),
}

/// Where a client finds it.
pub(super) struct Address {
    pub(super) host: String,
    pub(super) port: u16,
    pub(super) superuser_password: String,
}

/// What somebody else must know of a machine to hold it too.
#[derive(Debug, Serialize, Deserialize)]
pub(super) enum Runs {
    Native {
        pid: i32,
    },
    #[cfg(feature = "containers")]
    Container {
        name: String,
        program: String,
    },
}

impl Plan {
    /// Finds what the wanted server can be run with.
    #[cfg_attr(
        not(feature = "containers"),
        expect(clippy::unused_async, reason = "only an engine makes us wait")
    )]
    pub(super) async fn find(wanted: &Wanted<'_>) -> Result<Self> {
        match wanted.origin {
            #[cfg(feature = "containers")]
            Origin::Auto => Self::find_any(wanted).await,
            #[cfg(not(feature = "containers"))]
            Origin::Auto => binaries::find(wanted.version).map(Self::Native),
            Origin::Native => binaries::find(wanted.version).map(Self::Native),
            #[cfg(feature = "containers")]
            Origin::Container => {
                let found = Box::pin(Found::find(wanted)).await?;
                Ok(Self::Container(Box::new(found)))
            }
            #[cfg(not(feature = "containers"))]
            Origin::Container => Err(Error::new("this build of rehearsal can't use containers")
                .help("enable its feature `containers`, or use --server native")),
            Origin::External(_) => unreachable!("an external server is there"),
        }
    }

    /// A container where an engine answers and has the image, else the programs of this machine.
    #[cfg(feature = "containers")]
    async fn find_any(wanted: &Wanted<'_>) -> Result<Self> {
        // On the heap: what it waits for is large, and everybody carries it along who calls this.
        let lack = match Box::pin(Found::find(wanted)).await {
            Ok(found) => return Ok(Self::Container(Box::new(found))),
            Err(lack) => lack,
        };
        if let Some(note) = lack.note() {
            wanted.news.note(note);
        }
        binaries::find(wanted.version).map(Self::Native).map_err(|error| {
            Error::new(format!("{error}; or start Docker or Podman, for a server in a container"))
        })
    }

    /// The same for all who would get the same server.
    pub(super) fn key(&self) -> String {
        match self {
            Self::Native(Installation { bin, version }) => {
                format!("native {} {}", version.text, bin.display())
            }
            #[cfg(feature = "containers")]
            Self::Container(found) => found.key(),
        }
    }

    /// What people call it.
    pub(super) fn name(&self) -> String {
        match self {
            Self::Native(installation) => format!("Postgres {}", installation.version.text),
            #[cfg(feature = "containers")]
            Self::Container(found) => found.name(),
        }
    }

    /// Whether a server of this version is what was promised.
    pub(super) fn answers(&self, version: &Version) -> bool {
        match self {
            Self::Native(installation) => installation.version.major == version.major,
            #[cfg(feature = "containers")]
            Self::Container(found) => found.version.as_ref().is_none_or(|it| version.answers(it)),
        }
    }

    pub(super) async fn start(&self, sharing: Sharing) -> Result<Machine> {
        match self {
            Self::Native(installation) => match sharing {
                Sharing::Shared => Process::start_shared(installation).await,
                Sharing::Private => Process::start(installation, false).await,
                Sharing::Cold => Process::start(installation, true).await,
            }
            .map(Machine::Native),
            // Nothing that an earlier one has left is ever used.
            #[cfg(feature = "containers")]
            Self::Container(found) => Box::pin(found.start()).await.map(Machine::Container),
        }
    }
}

impl Machine {
    /// The same machine for one more holder.
    pub(super) fn join(runs: &Runs, claim: Claim, address: &Address) -> Option<Self> {
        match runs {
            Runs::Native { pid } => {
                let pid = Pid::from_raw(*pid)?;
                let password = address.superuser_password.clone();
                Some(Self::Native(Process::join(claim, pid, address.port, password)))
            }
            #[cfg(feature = "containers")]
            Runs::Container { name, program } => {
                Some(Self::Container(Container::join(name, program, claim, address)))
            }
        }
    }

    pub(super) fn runs(&self) -> Runs {
        match self {
            Self::Native(process) => Runs::Native { pid: process.pid() },
            #[cfg(feature = "containers")]
            Self::Container(container) => container.runs(),
        }
    }

    pub(super) fn address(&self) -> Address {
        match self {
            Self::Native(process) => Address {
                host: "127.0.0.1".to_owned(),
                port: process.port,
                superuser_password: process.superuser_password.clone(),
            },
            #[cfg(feature = "containers")]
            Self::Container(container) => Address {
                host: container.host.clone(),
                port: container.port,
                superuser_password: container.superuser_password.clone(),
            },
        }
    }

    /// What reports call the place where it comes from.
    pub(super) fn origin(&self) -> &'static str {
        match self {
            Self::Native(_) => "native",
            #[cfg(feature = "containers")]
            Self::Container(_) => "container",
        }
    }

    /// Our folder for it on this machine.
    pub(super) fn folder(&self) -> &Path {
        match self {
            Self::Native(process) => process.folder(),
            #[cfg(feature = "containers")]
            Self::Container(container) => container.folder(),
        }
    }

    /// What ends it and removes all of it, for a shell on its own side.
    pub(super) fn how_to_end(&self) -> String {
        match self {
            Self::Native(process) => process.how_to_end(),
            #[cfg(feature = "containers")]
            Self::Container(_) => Container::how_to_end().to_owned(),
        }
    }

    /// The same for people, on our side.
    pub(super) fn how_to_remove(&self) -> String {
        match self {
            Self::Native(process) => process.how_to_end(),
            #[cfg(feature = "containers")]
            Self::Container(container) => container.how_to_remove(),
        }
    }

    /// Leaves its end to the watchdog, whose session this process of the server is.
    #[cfg_attr(
        not(feature = "containers"),
        expect(clippy::unused_async, reason = "only an engine makes us wait")
    )]
    pub(super) async fn is_watched(&mut self, backend: Option<i32>) -> Result<()> {
        match self {
            Self::Native(process) => process.is_watched(backend),
            #[cfg(feature = "containers")]
            Self::Container(container) => container.is_watched(backend).await,
        }
    }

    /// Leaves its end to the last one who holds it.
    pub(super) fn share(&mut self) {
        match self {
            Self::Native(process) => process.share(),
            #[cfg(feature = "containers")]
            Self::Container(container) => container.share(),
        }
    }

    /// Forgets what it began with, and what others would begin with next.
    pub(super) fn forget(&self) {
        match self {
            Self::Native(process) => process.forget(),
            // Nothing that an earlier one has left is ever used.
            #[cfg(feature = "containers")]
            Self::Container(_) => {}
        }
    }

    /// Whether it has ended, whoever ended it.
    pub(super) fn has_ended(&self) -> bool {
        match self {
            Self::Native(process) => process.has_ended(),
            #[cfg(feature = "containers")]
            Self::Container(container) => container.has_ended(),
        }
    }

    /// What it said last.
    pub(super) fn last_words(&self) -> String {
        match self {
            Self::Native(process) => process.last_words(),
            #[cfg(feature = "containers")]
            Self::Container(container) => container.last_words(),
        }
    }

    /// Leaves it running when this process ends.
    pub(super) fn keep(self) -> Result<()> {
        match self {
            Self::Native(process) => process.keep(),
            #[cfg(feature = "containers")]
            Self::Container(container) => container.keep(),
        }
    }
}
