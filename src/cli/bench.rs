//! The command `bench`: how long a rehearsal takes, against psql executing the same SQL.
//!
//! A machine's figures say little about another's, hence ratios. Everything is measured in turn,
//! round after round, so that what else the machine does falls on all alike. Judges nothing: a test
//! that fails when the machine is busy helps nobody.

mod catalogs;
mod chain;
mod databases;
mod sowings;
mod squashes;

use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::{Duration, Instant};

use self::catalogs::Catalogs;
use self::chain::chain;
use self::databases::{Databases, hand};
use self::sowings::{Shape, Sowing};
use self::squashes::Squashing;
use super::{print, say};
use crate::report::Report;
use crate::server::{self, Scratch, Server};
use crate::{Error, Rehearsal, Result};

/// What a rehearsal may cost: so much more than psql takes …
const FACTOR: f64 = 1.3;

/// … and so much for each look between two files.
const LOOK: Duration = Duration::from_millis(15);

/// How many times as many migrations it takes for a large schema: of 2,000 tables beside one of 67.
const LARGE: u32 = 30;

#[derive(Debug, clap::Args)]
pub(super) struct Bench {
    /// The Postgres version to measure on, such as 17 [default: the newest here]
    #[arg(long, value_name = "VERSION")]
    postgres: Option<String>,
    /// How often each thing is measured; told are the medians
    #[arg(long, value_name = "COUNT", default_value_t = 5,
          value_parser = clap::value_parser!(u32).range(1..))]
    rounds: u32,
    /// The length of the shorter chain; the longer one has ten times as many
    #[arg(long, value_name = "COUNT", default_value_t = 82,
          value_parser = clap::value_parser!(u32).range(1..))]
    migrations: u32,
    /// How many rows the seeds have
    #[arg(long, value_name = "COUNT", default_value_t = 100_000,
          value_parser = clap::value_parser!(u32).range(1..))]
    rows: u32,
    /// Only asks for a database, as a test does; the processes that are measured do this
    #[arg(long, value_name = "PROJECT", hide = true)]
    hand: Option<PathBuf>,
}

/// One chain, booted in one way, and what was measured of it.
struct Case {
    project: PathBuf,
    boot: &'static str,
    files: Vec<PathBuf>,
    tables: usize,
    /// How often the acts execute the chain.
    executions: usize,
    rehearsal: Vec<Duration>,
    with_server: Vec<Duration>,
    psql: Vec<Duration>,
    /// With the templates of the run before, as somebody has it who writes the last migration.
    changed: Vec<Duration>,
}

impl Bench {
    pub(super) async fn run(self) -> Result<()> {
        if let (Some(project), Some(version)) = (&self.hand, &self.postgres) {
            return hand(version, project).await?.execute("SELECT").await;
        }
        let server = Server::start(self.postgres.as_deref(), false).await?;
        let psql = Psql::find(&server).await?;
        let version = &server.version().text;
        let folder = server.folder().ok_or_else(|| Error::new("the server has no folder"))?;
        let mut cases = Vec::new();
        for count in [self.migrations, self.migrations * 10] {
            // The second boot finds everything in its ledger; a replay executes it all again.
            for (boot, executions) in [("every-file", 2), ("ledger", 1)] {
                cases.push(Case::write(folder, count as usize, boot, executions)?);
            }
        }
        let mut catalogs = Vec::new();
        for count in [self.migrations, self.migrations * LARGE] {
            let case = Case::write(folder, count as usize, "ledger", 1)?;
            say(&format!("making two databases of {} tables …", case.tables));
            catalogs.push(Catalogs::make(&server, &psql, &case.files, case.tables).await?);
        }
        let sowings = Shape::ALL.map(|shape| Sowing::write(folder, shape, self.rows as usize));
        let mut sowings = sowings.into_iter().collect::<Result<Vec<_>>>()?;
        let mut squashing = Squashing::write(folder, &cases[1])?;
        let (mut kept, mut cold) = (Vec::new(), Vec::new());
        let mut databases = Databases::default();
        for round in 1..=self.rounds {
            say(&format!("round {round} of {} …", self.rounds));
            for case in &mut cases {
                case.measure(&server, &psql).await?;
                // Where files run at every boot, all of them are executed again.
                if case.boot == "ledger" {
                    case.measure_changed(version).await?;
                }
            }
            for (cold, times) in [(false, &mut kept), (true, &mut cold)] {
                let begin = Instant::now();
                let started = Server::start(Some(version), cold).await?;
                times.push(begin.elapsed());
                drop(started);
            }
            Box::pin(databases.measure(version, &cases[1].project, &psql)).await?;
            for catalogs in &mut catalogs {
                catalogs.measure(&server).await?;
            }
            for sowing in &mut sowings {
                Box::pin(sowing.measure(&server, &psql)).await?;
            }
            Box::pin(squashing.measure(&server, &psql)).await?;
        }
        let mut table = self.table(&server, &psql, &cases, [&kept, &cold]);
        table += &databases.rows(self.migrations);
        table.extend(catalogs.iter().map(Catalogs::rows));
        table.extend(catalogs.windows(2).map(|pair| pair[0].growth(&pair[1])));
        table.extend(sowings.iter().map(Sowing::row));
        table += &squashing.rows();
        print(&table)
    }

    fn table(
        &self,
        server: &Server,
        psql: &Psql,
        cases: &[Case],
        starts: [&[Duration]; 2],
    ) -> String {
        let mut table = format!(
            "Postgres {} ({}), {}, {} cores, {} build of rehearsal, medians of {} rounds\n\n\
             | What | Rehearsal | psql | Ratio | Goal | With the server's start and end |\n\
             |---|--:|--:|--:|--:|--:|\n",
            server.version().text,
            server.origin(),
            psql.version,
            cores(),
            if cfg!(debug_assertions) { "debug" } else { "release" },
            self.rounds,
        );
        for case in cases {
            table.push_str(&case.row());
        }
        for boots in 0..2 {
            let (short, long) = (&cases[boots], &cases[boots + 2]);
            table.push_str(&format!(
                "| {}: {} against {} migrations | × {:.1} | × {:.1} | | × 11 | × {:.1} |\n",
                short.boot,
                long.files.len(),
                short.files.len(),
                ratio(median(&long.rehearsal), median(&short.rehearsal)),
                ratio(median(&long.psql), median(&short.psql)),
                ratio(median(&long.with_server), median(&short.with_server)),
            ));
        }
        for case in cases.iter().filter(|case| !case.changed.is_empty()) {
            table.push_str(&format!(
                "| {}: {} migrations, the last one changed since the last run | | | | 1.000 s | {} \
                 |\n",
                case.boot,
                case.files.len(),
                seconds(median(&case.changed)),
            ));
        }
        for (what, goal, times) in [
            ("server start, initdb done by an earlier run", "0.300 s", starts[0]),
            ("server start, initdb included", "1.200 s", starts[1]),
        ] {
            table.push_str(&format!("| {what} | | | | {goal} | {} |\n", seconds(median(times))));
        }
        table
    }
}

impl Case {
    /// Writes the project into the folder of the server, with which it goes, however that ends.
    fn write(home: &Path, count: usize, boot: &'static str, executions: usize) -> Result<Self> {
        let project = home.join(format!("bench-{count}-{boot}"));
        let folder = project.join("migrations");
        let cannot = |path: &Path, error| {
            Error::new(format!("failed to write {}", path.display())).caused_by(error)
        };
        fs::create_dir_all(&folder).map_err(|error| cannot(&folder, error))?;
        let write =
            |path: &Path, text: &str| fs::write(path, text).map_err(|error| cannot(path, error));
        let config = format!("[migrations]\nboot = \"{boot}\"\n");
        write(&project.join(crate::config::FILE), &config)?;
        let (mut files, mut tables) = (Vec::new(), 0);
        for migration in chain(count) {
            let file = folder.join(format!("{}.up.sql", migration.name));
            write(&file, &migration.sql)?;
            files.push(file);
            tables += usize::from(migration.makes_table);
        }
        Ok(Self {
            project,
            boot,
            files,
            tables,
            executions,
            rehearsal: Vec::new(),
            with_server: Vec::new(),
            psql: Vec::new(),
            changed: Vec::new(),
        })
    }

    /// Measures a run in which only the last migration is another than in the run before.
    async fn measure_changed(&mut self, version: &str) -> Result<()> {
        let run = async || {
            let rehearsal = Rehearsal::of(&self.project).server("native").postgres([version]);
            assert_success(&rehearsal.play().await?)
        };
        if self.changed.is_empty() {
            run().await?;
        }
        if let Some(last) = self.files.last() {
            let line = format!("CREATE TABLE IF NOT EXISTS late_{} ();\n", self.changed.len());
            let opened = fs::File::options().append(true).open(last);
            opened.and_then(|mut file| file.write_all(line.as_bytes())).map_err(|error| {
                Error::new(format!("failed to write {}", last.display())).caused_by(error)
            })?;
        }
        let begin = Instant::now();
        run().await?;
        self.changed.push(begin.elapsed());
        Ok(())
    }

    /// Measures everything once.
    async fn measure(&mut self, server: &Server, psql: &Psql) -> Result<()> {
        let scratch = server.create(None).await?;
        let begin = Instant::now();
        psql.execute(&scratch, &self.files, self.executions).await?;
        self.psql.push(begin.elapsed());
        server.drop_database(scratch).await?;

        // On a server of its own, as always: one that has seen much has more to write.
        let begin = Instant::now();
        let own = Server::start(Some(&server.version().text), false).await?;
        let started = begin.elapsed();
        let report = Rehearsal::of(&self.project).play_on(&own).await?;
        self.rehearsal.push(begin.elapsed().saturating_sub(started));
        drop(own);
        self.with_server.push(begin.elapsed());
        assert_success(&report)
    }

    fn row(&self) -> String {
        let (rehearsal, psql) = (median(&self.rehearsal), median(&self.psql));
        let looks = u32::try_from(self.files.len()).unwrap_or(u32::MAX);
        format!(
            "| {}: {} migrations, {} tables, executed {} | {} | {} | {:.2} | {} | {} |\n",
            self.boot,
            self.files.len(),
            self.tables,
            if self.executions == 1 { "once" } else { "twice" },
            seconds(rehearsal),
            seconds(psql),
            ratio(rehearsal, psql),
            seconds(psql.mul_f64(FACTOR) + LOOK * looks),
            seconds(median(&self.with_server)),
        )
    }
}

/// A rehearsal that found something has played another piece than psql.
fn assert_success(report: &Report) -> Result<()> {
    if report.is_success() {
        return Ok(());
    }
    let report = report.to_text(false);
    Err(Error::new(format!("the chain that is measured doesn't hold:\n{report}")))
}

/// The program to compare with.
struct Psql {
    program: PathBuf,
    /// What it says of itself: `psql (PostgreSQL) 15.18`.
    version: String,
}

impl Psql {
    /// The one that belongs to the server, or the one on the PATH.
    async fn find(server: &Server) -> Result<Self> {
        Self::introduce(program(server, "psql")?).await
    }

    async fn introduce(program: PathBuf) -> Result<Self> {
        let output = tokio::process::Command::new(&program).arg("--version").output().await;
        let output = output.map_err(|error| {
            Error::new("failed to run psql, which the rehearsal is compared with")
                .caused_by(error)
                .help(
                    "install Postgres's client programs, for example `apt-get install \
                     postgresql-client` or `brew install libpq`, and put psql on the PATH",
                )
        })?;
        let said = String::from_utf8_lossy(&output.stdout);
        let version = said.split(" (Debian").next().unwrap_or_default().trim().to_owned();
        Ok(Self { program, version })
    }

    /// Executes the files in one process, one after the other, and all of that so many times.
    async fn execute(&self, scratch: &Scratch, files: &[PathBuf], times: usize) -> Result<()> {
        let mut command = self.command(&scratch.url());
        for file in (0..times).flat_map(|_| files) {
            command.arg("-f").arg(file);
        }
        succeed("psql", command).await
    }

    fn command(&self, url: &str) -> tokio::process::Command {
        let mut command = tokio::process::Command::new(&self.program);
        command.args(["-X", "-q", "-v", "ON_ERROR_STOP=1", "-d", url]);
        for (name, _) in std::env::vars_os() {
            if name.to_string_lossy().starts_with("PG") {
                command.env_remove(name);
            }
        }
        command
    }

    /// Copies a database so many times, in one process.
    async fn copy(&self, server: &Server, template: &Scratch, times: usize) -> Result<()> {
        let mut command = self.command(&server.url());
        for _ in 0..times {
            let copy = crate::sql::quoted(&server.free_name());
            let template = crate::sql::quoted(&template.name);
            command.arg("-c").arg(format!("CREATE DATABASE {copy} TEMPLATE {template}"));
        }
        succeed("psql", command).await
    }
}

/// A client program: the one that belongs to the server, or the one on the PATH.
fn program(server: &Server, name: &str) -> Result<PathBuf> {
    let own = server::programs(Some(&server.version().text))?.join(name);
    Ok(if own.is_file() { own } else { PathBuf::from(name) })
}

/// Runs a program, which has no reason to fail.
async fn succeed(name: &str, mut command: tokio::process::Command) -> Result<()> {
    let failed = || Error::new(format!("{name} failed to execute what is measured"));
    command.stdin(Stdio::null()).kill_on_drop(true);
    let output = command.output().await.map_err(|error| failed().caused_by(error))?;
    if output.status.success() {
        return Ok(());
    }
    Err(failed().caused_by(String::from_utf8_lossy(&output.stderr)))
}

fn cores() -> usize {
    std::thread::available_parallelism().map_or(1, std::num::NonZero::get)
}

/// The middle one, or the later of the two in the middle.
fn median(times: &[Duration]) -> Duration {
    let mut times = times.to_vec();
    times.sort_unstable();
    times.get(times.len() / 2).copied().unwrap_or_default()
}

fn ratio(this: Duration, that: Duration) -> f64 {
    this.as_secs_f64() / that.as_secs_f64()
}

fn seconds(time: Duration) -> String {
    format!("{:.3} s", time.as_secs_f64())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_missing_psql_is_told_with_what_to_install() {
        let error = Psql::introduce("/no/such/psql".into()).await.err().expect("there is none");
        let told = error.to_string();
        assert!(told.starts_with("failed to run psql"), "{told}");
        assert!(told.contains("help: install Postgres's client programs"), "{told}");
    }

    #[test]
    fn the_median_is_the_one_in_the_middle() {
        let check = |times: &[u64], expected| {
            let times = times.iter().copied().map(Duration::from_secs).collect::<Vec<_>>();
            assert_eq!(median(&times), Duration::from_secs(expected));
        };
        check(&[5, 1, 3], 3);
        check(&[4, 2], 4);
        check(&[7], 7);
    }
}
