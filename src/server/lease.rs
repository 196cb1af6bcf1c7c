//! Ends a server whose last holder is gone, however it went.
//!
//! Each holder's connection holds an advisory lock, shared with the other holders. A session inside
//! the server waits until nobody holds it any more, and then stops the server and removes its
//! folder. When a process ends, in whatever way, the kernel closes its connections. No other
//! process, no signal handler and no file on the holder's side takes part, so nothing can go wrong
//! there.

use std::future::{Future as _, poll_fn};
use std::task::Poll;
use std::time::Duration;

use sqlx::postgres::{PgConnectOptions, PgConnection};
use tokio::task::JoinHandle;

use super::lasting::{aside, lasting};
use super::{connect, run, value};
use crate::Result;
use crate::sql::literal;

/// The lock of the holders, in the server's own database `postgres`: the letters of "rehearse".
const LOCK: i64 = 0x7265_6865_6172_7365;

/// The class of the locks by which the databases of each holder are known to be in use: "rehe".
pub(super) const OWNERS: i32 = 0x7265_6865;

/// How often the watchdog looks.
const GLANCE: Duration = Duration::from_millis(100);

/// How long the server may take to end, once that is ordered. If it still runs then, it has no
/// watchdog any more, and the next start finds it without one.
const END_MAX: Duration = Duration::from_mins(1);

/// How often a newcomer asks: the watchdog holds the lock for a moment when it looks.
const ATTEMPTS: u32 = 5;

/// A holder's part of a server's life. It is over when this is dropped.
pub(crate) struct Lease {
    _holder: PgConnection,
    watchdog: Option<Watchdog>,
}

/// The session inside the server, with which its life ends.
struct Watchdog {
    session: JoinHandle<()>,
    backend: i32,
}

/// What the watchdog does when the last holder is gone.
pub(super) struct Order {
    /// How long it waits for somebody else.
    pub(super) linger: Duration,
    /// What ends the server, for a shell on the server's side.
    pub(super) script: String,
}

impl Lease {
    /// Becomes the first holder, and sets the watchdog.
    pub(super) async fn arm(admin: &PgConnectOptions, owner: i32, order: &Order) -> Result<Self> {
        let (mut holder, mut session) = tokio::try_join!(lasting(admin), lasting(admin))?;
        // Before the watchdog looks for it.
        run(&mut holder, &hold(owner)).await?;
        let backend = value(&mut session, "SELECT pg_backend_pid()").await?;
        let watch = watch(order);
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
        let session = aside(watching)?;
        let watchdog = Watchdog { session, backend: backend.parse().unwrap_or_default() };
        Ok(Self { _holder: holder, watchdog: Some(watchdog) })
    }

    /// Becomes one more holder, unless the server is about to end.
    pub(super) async fn join(admin: &PgConnectOptions, owner: i32) -> Result<Option<Self>> {
        let mut holder = lasting(admin).await?;
        for attempt in 1..=ATTEMPTS {
            let ask = format!(
                "SELECT pg_try_advisory_lock_shared({LOCK}) AND pg_try_advisory_lock({OWNERS}, \
                 {owner})"
            );
            if value(&mut holder, &ask).await? == "t" {
                return Ok(Some(Self { _holder: holder, watchdog: None }));
            }
            tokio::time::sleep(GLANCE.mul_f64(0.1) * attempt).await;
        }
        Ok(None)
    }

    /// Holds a server that is somebody else's and lives without us: all that ends with the lease is
    /// that the owner's databases are in use.
    pub(super) async fn hold(mut holder: PgConnection, owner: i32) -> Result<Self> {
        run(&mut holder, &format!("SELECT pg_advisory_lock({OWNERS}, {owner})")).await?;
        Ok(Self { _holder: holder, watchdog: None })
    }

    /// The server's process for the watchdog, of whoever has set it.
    pub(super) fn watchdog(&self) -> Option<i32> {
        self.watchdog.as_ref().map(|watchdog| watchdog.backend)
    }

    /// Lets the server live on after its holder.
    pub(super) async fn disarm(self, admin: &PgConnectOptions) -> Result<()> {
        let Some(backend) = self.watchdog() else { return Ok(()) };
        let mut session = connect(admin).await?;
        run(&mut session, &format!("SELECT pg_terminate_backend({backend})")).await
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        if let Some(watchdog) = &self.watchdog {
            // It ends our side of the session. The server's side goes on: it doesn't listen.
            watchdog.session.abort();
        }
    }
}

fn hold(owner: i32) -> String {
    format!("SELECT pg_advisory_lock_shared({LOCK}), pg_advisory_lock({OWNERS}, {owner})")
}

/// What the watchdog's session runs. It polls, because a session that waits for the exclusive lock
/// would make further holders, who want it shared, wait behind it. In the end it keeps the lock for
/// as long as the server takes, so that nobody joins one that is about to end: its client has gone
/// by then, and the session, with its locks, would end with its last statement.
fn watch(Order { linger, script }: &Order) -> String {
    // No rows are copied: one that comes when this shell has ended would be an error, with which
    // the session and its locks would end.
    // The postmaster's signal reaches this shell too, as a child of its backend: it is ignored.
    let program = format!("trap '' QUIT INT TERM HUP; ({script}) </dev/null >/dev/null 2>&1 &");
    format!(
        "SET client_connection_check_interval = 0;
         SET statement_timeout = 0;
         DO $$ DECLARE idle interval := '0'; BEGIN
           LOOP
             IF pg_try_advisory_lock({LOCK}) THEN
               EXIT WHEN idle >= interval '{} ms';
               PERFORM pg_advisory_unlock({LOCK});
               idle := idle + interval '{} ms';
             ELSE
               idle := '0';
             END IF;
             PERFORM pg_sleep({});
           END LOOP;
         END $$;
         COPY (SELECT LIMIT 0) TO PROGRAM {};
         SELECT pg_sleep({})",
        linger.as_millis(),
        GLANCE.as_millis(),
        GLANCE.as_secs_f64(),
        literal(&program),
        END_MAX.as_secs()
    )
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::time::Instant;

    use super::*;
    use crate::server::binaries;
    use crate::server::machine::Machine;
    use crate::server::native::Process;
    use crate::server::{login, superuser};

    /// How long what a test waits for may take.
    const WAIT_MAX: Duration = Duration::from_secs(30);

    #[tokio::test]
    async fn nobody_joins_a_server_whose_end_takes_a_while() {
        let installation = binaries::find(None).expect("Postgres is installed");
        let process = Process::start(&installation, false).await.expect("it starts");
        let machine = Machine::Native(process);
        let admin = superuser(&login(&machine), &machine);
        let ordered = machine.folder().join("ordered");
        // Measuring a large cluster, before it is stopped and kept, takes a while: here, until the
        // file is removed, by whomever. Nothing waits for a folder that is gone.
        let script = format!(
            "touch {0}; while test -e {0}; do sleep 0.01; done; {1}",
            ordered.display(),
            machine.how_to_end()
        );
        let lease = Lease::arm(&admin, 1, &Order { linger: Duration::ZERO, script }).await;
        drop(lease.expect("a lease"));
        let deadline = Instant::now() + WAIT_MAX;
        let mut look = tokio::time::interval(GLANCE);
        while !ordered.exists() {
            assert!(Instant::now() < deadline, "the watchdog gives no order");
            look.tick().await;
        }
        let joined = Lease::join(&admin, 2).await.expect("the server still runs");
        fs::remove_file(&ordered).expect("it is still there");
        assert!(joined.is_none());
    }
}
