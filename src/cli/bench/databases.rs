//! How soon a test has its database, against what others do for one: sqlx, whose `#[sqlx::test]`
//! makes a database and runs all migrations in it, and psql, which copies a template.

use std::path::Path;
use std::process::Stdio;
use std::time::{Duration, Instant};

use sqlx::migrate::{MigrateDatabase as _, Migrator};
use sqlx::{Connection as _, PgConnection, Postgres};

use super::{Psql, cores, median, ratio, seconds};
use crate::config;
use crate::server::{Origin, Server, Sharing, Silence, Wanted};
use crate::{Database, Error, Rehearsal, Result};

/// How many tests run, each in a process of its own.
const TESTS: usize = 40;

/// How long it may take until a copy is ready again.
const REST: Duration = Duration::from_millis(300);

/// What was measured.
#[derive(Default)]
pub(super) struct Databases {
    /// By sqlx, as for `#[sqlx::test]`.
    sqlx: Vec<Duration>,
    copied: Vec<Duration>,
    ready: Vec<Duration>,
    tests: Vec<Duration>,
    psql: Vec<Duration>,
}

impl Databases {
    /// Measures everything once.
    pub(super) async fn measure(
        &mut self,
        version: &str,
        project: &Path,
        psql: &Psql,
    ) -> Result<()> {
        // Held as long as this takes, as one of the tests would.
        let origin = Origin::Native;
        let wanted = Wanted {
            origin: &origin,
            version: Some(version),
            image: None,
            sharing: Sharing::Shared,
            news: &Silence,
            settings: &config::Postgres::default(),
        };
        let server = Server::open(&wanted).await?;
        let scratch = server.create(None).await?;
        let failed = |error| Error::new("sqlx failed to make a database").caused_by(error);
        let begin = Instant::now();
        let own = format!("{}/{}", server.url().trim_end_matches("/postgres"), server.free_name());
        migrated(&own, project).await.map_err(failed)?;
        self.sqlx.push(begin.elapsed());
        Postgres::drop_database(&own).await.map_err(failed)?;

        // The template is there when the first one has its database.
        drop(hand(version, project).await?);
        let begin = Instant::now();
        drop(hand(version, project).await?);
        self.copied.push(begin.elapsed());
        tokio::time::sleep(REST).await;
        let begin = Instant::now();
        drop(hand(version, project).await?);
        self.ready.push(begin.elapsed());
        tokio::time::sleep(REST).await;

        let begin = Instant::now();
        run_tests(version, project).await?;
        self.tests.push(begin.elapsed());
        let begin = Instant::now();
        psql.copy(&server, &scratch, TESTS).await?;
        self.psql.push(begin.elapsed());
        Ok(())
    }

    pub(super) fn rows(&self, migrations: u32) -> String {
        let [sqlx, copied, ready] = [&self.sqlx, &self.copied, &self.ready].map(|it| median(it));
        let [tests, psql] = [&self.tests, &self.psql].map(|it| median(it));
        format!(
            "| a database with {migrations} migrations for a test, against sqlx | {} | {} | {:.3} \
             | × 0.1 | |\n\
             | the same, with a copy ready | {} | {} | {:.3} | 0.005 s | |\n\
             | {TESTS} tests in processes of their own, against psql copying a template | {} | {} \
             | {:.2} | × 1.5 | |\n",
            seconds(copied),
            seconds(sqlx),
            ratio(copied, sqlx),
            seconds(ready),
            seconds(sqlx),
            ratio(ready, sqlx),
            seconds(tests),
            seconds(psql),
            ratio(tests, psql),
        )
    }
}

/// Makes a database and runs all migrations in it, as `#[sqlx::test]` does.
async fn migrated(url: &str, project: &Path) -> std::result::Result<(), sqlx::Error> {
    Postgres::create_database(url).await?;
    let migrations = Migrator::new(project.join("migrations")).await?;
    migrations.run(&mut PgConnection::connect(url).await?).await?;
    Ok(())
}

/// Hands a migrated database to a test.
pub(super) async fn hand(version: &str, project: &Path) -> Result<Database> {
    Rehearsal::of(project).server("native").postgres([version]).database().await
}

/// Runs processes that each ask for a database, so many at a time as there are cores.
async fn run_tests(version: &str, project: &Path) -> Result<()> {
    let cannot = |error| Error::new("failed to start a process to measure").caused_by(error);
    let program = std::env::current_exe().map_err(cannot)?;
    let at_once = cores();
    let mut left = TESTS;
    let mut running = tokio::task::JoinSet::new();
    while left > 0 || !running.is_empty() {
        if left > 0 && running.len() < at_once {
            left -= 1;
            let mut command = tokio::process::Command::new(&program);
            command.args(["bench", "--postgres", version, "--hand"]).arg(project);
            command.stdin(Stdio::null()).stdout(Stdio::null()).kill_on_drop(true);
            running.spawn(async move { command.status().await });
        } else if let Some(Ok(ended)) = running.join_next().await
            && !ended.map_err(cannot)?.success()
        {
            return Err(Error::new("a process that is measured failed"));
        }
    }
    Ok(())
}
