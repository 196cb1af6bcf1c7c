//! What a process keeps from one test to the next: a thread on which sessions outlive the test that
//! opened them, and the shared servers that it has joined.
//!
//! Each test has a runtime of its own, with whose end its sessions would be of no more use.

use std::collections::BTreeMap;
use std::future::pending;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::thread;

use sqlx::postgres::{PgConnectOptions, PgConnection};
use tokio::runtime::{Builder, Handle};
use tokio::task::JoinHandle;

use super::{Server, Sharing, Wanted, connect, shared};
use crate::{Error, Result};

/// The shared servers of this process, by the question to which they were the answer.
static HELD: Mutex<BTreeMap<String, Arc<Server>>> = Mutex::new(BTreeMap::new());

/// The shared server that answers a wish, if this process has asked for the same before.
pub(crate) async fn held(wanted: &Wanted<'_>) -> Option<Arc<Server>> {
    if wanted.sharing != Sharing::Shared {
        return None;
    }
    let question = shared::question(wanted);
    let server = Arc::clone(servers().get(&question)?);
    // Sessions end before their server does: when one of them crashes, all of them, and with them
    // the watchdog and what says that our databases are in use.
    if server.folder().is_some_and(shared::is_open) && server.still_answers().await {
        return Some(server);
    }
    server.retire();
    servers().remove(&question);
    None
}

/// Keeps a server for those in this process who want the same, until the process ends.
pub(crate) fn hold(wanted: &Wanted<'_>, server: &Arc<Server>) {
    if server.is_shared() && !server.is_guest() {
        servers().entry(shared::question(wanted)).or_insert_with(|| Arc::clone(server));
    }
}

fn servers() -> MutexGuard<'static, BTreeMap<String, Arc<Server>>> {
    HELD.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Opens a session that lives until it is closed, whoever opened it.
pub(super) async fn lasting(options: &PgConnectOptions) -> Result<PgConnection> {
    let options = options.clone();
    let opened = aside(async move { connect(&options).await })?.await;
    opened.map_err(|error| Error::new("failed to connect to the server").caused_by(error))?
}

/// Does something on the thread, whoever waits for it.
pub(super) fn aside<T: Send + 'static>(
    work: impl Future<Output = T> + Send + 'static,
) -> Result<JoinHandle<T>> {
    Ok(thread()?.spawn(work))
}

/// The thread, which is started when it is first needed.
fn thread() -> Result<&'static Handle> {
    static THREAD: OnceLock<std::io::Result<Handle>> = OnceLock::new();
    let started = THREAD.get_or_init(|| {
        let runtime = Builder::new_current_thread().enable_all().build()?;
        let handle = runtime.handle().clone();
        let name = "rehearsal".to_owned();
        thread::Builder::new().name(name).spawn(move || runtime.block_on(pending::<()>()))?;
        Ok(handle)
    });
    started.as_ref().map_err(|error| Error::new("failed to start a thread").caused_by(error))
}
