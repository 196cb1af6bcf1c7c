//! One server for everybody who wants the same: whoever comes first starts it, and the others join.
//!
//! What they must know is in a file in the server's folder, for our own user's eyes only.

use std::fs::{self, File};
use std::hash::{DefaultHasher, Hash, Hasher as _};
use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;

use serde::{Deserialize, Serialize};

use super::binaries::ROOTS_VARIABLE;
use super::home::{Claim, Home};
use super::machine::{Address, Machine, Plan, Runs};
use super::user::cannot;
use super::{Place, Server, Sharing, Wanted};
use crate::{Error, Result};

/// In a shared server's folder, what others must know of it.
pub(super) const ENTRY: &str = "server.json";

/// What it is called while it is written.
const DRAFT: &str = "server.draft";

/// What others must know of a shared server.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Entry {
    /// What the first one wanted. Whoever wants the same needs no search for it.
    question: String,
    /// What was found.
    answer: String,
    runs: Runs,
    host: String,
    port: u16,
    superuser_password: String,
    pub(super) owner_password: String,
    pub(super) version: String,
    /// What the cluster holds beside databases.
    pub(super) pristine: String,
}

/// Joins the server that is wanted, or starts it.
pub(super) async fn open(home: &Home, wanted: &Wanted<'_>) -> Result<Server> {
    let question = question(wanted);
    if let Some(server) = join(home, |entry| entry.question == question).await {
        return Ok(server);
    }
    let plan = Plan::find(wanted).await?;
    let answer = hash(&(env!("CARGO_PKG_VERSION"), plan.key()));
    let _turn = home.turn(&answer).await?;
    if let Some(server) = join(home, |entry| entry.answer == answer).await {
        return Ok(server);
    }
    let mut server = Server::begin(&plan, Sharing::Shared).await?;
    let owner_password = server.owner_password()?;
    let Place::Own(machine) = &mut server.place else { return Ok(server) };
    let Address { host, port, superuser_password } = machine.address();
    let entry = Entry {
        question,
        answer,
        runs: machine.runs(),
        host,
        port,
        superuser_password,
        owner_password,
        version: server.version.text.clone(),
        pristine: server.pristine.clone(),
    };
    write(machine.folder(), &entry)?;
    machine.share();
    Ok(server)
}

/// Keeps others from joining a server. Those who hold it already may stay.
pub(super) fn retire(folder: &Path) {
    // Should this fail, then the server is gone, or will be left by whoever joins.
    let _ = fs::remove_file(folder.join(ENTRY));
}

/// Whether others may join a server.
pub(super) fn is_open(folder: &Path) -> bool {
    folder.join(ENTRY).is_file()
}

/// Joins the first server that fits, and is not about to end.
async fn join(home: &Home, fits: impl Fn(&Entry) -> bool) -> Option<Server> {
    for folder in home.servers() {
        let entry = fs::read(folder.join(ENTRY)).ok();
        let entry = entry.and_then(|bytes| serde_json::from_slice::<Entry>(&bytes).ok());
        let Some(entry) = entry.filter(&fits) else { continue };
        let Some(claim) = Claim::join(&folder) else { continue };
        let address = Address {
            host: entry.host.clone(),
            port: entry.port,
            superuser_password: entry.superuser_password.clone(),
        };
        let Some(machine) = Machine::join(&entry.runs, claim, &address) else { continue };
        if let Ok(Some(server)) = Server::join(machine, &entry).await {
            return Some(server);
        }
    }
    None
}

/// What decides which server is found.
pub(super) fn question(wanted: &Wanted<'_>) -> String {
    let surroundings =
        ["PATH", ROOTS_VARIABLE, "DOCKER_HOST", "DOCKER_CONTEXT", "TMPDIR"].map(std::env::var_os);
    let version = env!("CARGO_PKG_VERSION");
    hash(&(version, surroundings, wanted.version, wanted.image, format!("{:?}", wanted.origin)))
}

fn hash(what: &impl Hash) -> String {
    let mut hasher = DefaultHasher::new();
    what.hash(&mut hasher);
    format!("{:016x}", hasher.finish())
}

/// Writes an entry, at once or not at all.
fn write(folder: &Path, entry: &Entry) -> Result<()> {
    let bytes = serde_json::to_vec(entry)
        .map_err(|error| Error::new("failed to note the server").caused_by(error))?;
    let draft = folder.join(DRAFT);
    File::options()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(&draft)
        .and_then(|mut file| file.write_all(&bytes))
        .and_then(|()| fs::rename(&draft, folder.join(ENTRY)))
        .map_err(|error| cannot("write", &draft, error))
}
