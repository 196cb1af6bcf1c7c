//! Ends a server whose owner was killed before it could do so itself.
//!
//! The owner's connection holds an advisory lock. A session inside the server waits for that lock;
//! when the owner's process ends, however it ends, the kernel closes the connection, the server
//! frees the lock, and the session stops the server and removes its folder. No other process, no
//! signal handler and no file on the owner's side takes part, so nothing can go wrong there.

use std::future::{Future as _, poll_fn};
use std::task::Poll;

use sqlx::postgres::{PgConnectOptions, PgConnection};
use tokio::task::JoinHandle;

use super::native::Process;
use super::{connect, run, value};
use crate::Result;
use crate::sql::literal;

/// The lock of the owners, in the server's own database `postgres`: the letters of "rehearse".
const LOCK: i64 = 0x7265_6865_6172_7365;

/// A server's lifeline. It is cut when this is dropped.
pub(crate) struct Lease {
    _owner: PgConnection,
    watchdog: JoinHandle<()>,
    watchdog_backend: i32,
}

impl Lease {
    pub(crate) async fn arm(admin: &PgConnectOptions, process: &Process) -> Result<Self> {
        let (mut owner, mut session) = tokio::try_join!(connect(admin), connect(admin))?;
        // Before the watchdog looks for it.
        run(&mut owner, &format!("SELECT pg_advisory_lock_shared({LOCK})")).await?;
        let pid = value(&mut session, "SELECT pg_backend_pid()").await?;
        let watch = watch(process);
        let mut watching = Box::pin(async move {
            // Ends only with the server itself, which then closes the connection.
            let _ = run(&mut session, &watch).await;
        });
        // It is on its way to the server when this returns: who is killed a moment later has a
        // watchdog.
        poll_fn(|context| {
            let _ = watching.as_mut().poll(context);
            Poll::Ready(())
        })
        .await;
        let watchdog = tokio::spawn(watching);
        Ok(Self { _owner: owner, watchdog, watchdog_backend: pid.parse().unwrap_or_default() })
    }

    /// Lets the server live on after its owner.
    pub(crate) async fn disarm(self, admin: &PgConnectOptions) -> Result<()> {
        let mut session = connect(admin).await?;
        run(&mut session, &format!("SELECT pg_terminate_backend({})", self.watchdog_backend)).await
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        self.watchdog.abort();
    }
}

/// What the watchdog's session runs. It polls, because a session that waits for the exclusive lock
/// would make further owners, who want it shared, wait behind it.
fn watch(process: &Process) -> String {
    // The postmaster's signal reaches this shell too, as a child of its backend: it is ignored.
    let program = format!(
        "trap '' QUIT INT TERM HUP; \
         ({}) </dev/null >/dev/null 2>&1 &",
        process.how_to_end()
    );
    format!(
        "SET client_connection_check_interval = 0;
         SET statement_timeout = 0;
         DO $$ BEGIN
           WHILE NOT pg_try_advisory_lock({LOCK}) LOOP PERFORM pg_sleep(0.1); END LOOP;
         END $$;
         COPY (SELECT) TO PROGRAM {}",
        literal(&program)
    )
}
