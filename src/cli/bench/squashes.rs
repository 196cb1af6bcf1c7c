//! How long it takes to prove a squash, against psql executing the same SQL: the chain, the
//! rollout and the rollback on it, and the baseline on an empty database. As the files are; with
//! what golang-migrate sends before and after each of them to keep its ledger; and with that, the
//! rows which the acts put into every table, and the rollout once more after the way back.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use super::{Case, FACTOR, Psql, assert_success, median, ratio, seconds};
use crate::acts::populate;
use crate::server::Server;
use crate::{Error, Rehearsal, Result};

/// The checks that prove it.
const CHECKS: [&str; 5] = ["baseline", "baseline_rows", "baseline_ledger", "rollout", "rollback"];

/// The ledger of golang-migrate.
const LEDGER: &str = "public.schema_migrations";

/// A chain that was squashed into one file, and what was measured of it.
pub(super) struct Squashing {
    project: PathBuf,
    /// What the squashed chain was.
    files: Vec<PathBuf>,
    tables: usize,
    rehearsal: Vec<Duration>,
    psql: Vec<Duration>,
    psql_with_ledger: Vec<Duration>,
    psql_with_rows: Vec<Duration>,
    /// The rows that the acts make up, once they are written down.
    made_up: Option<PathBuf>,
}

impl Squashing {
    /// Writes the project into the folder of the server, with which it goes, however that ends.
    pub(super) fn write(home: &Path, chain: &Case) -> Result<Self> {
        let project = home.join("bench-squash");
        let write = |path: &str, text: &str| {
            let path = project.join(path);
            let made = path.parent().map_or(Ok(()), fs::create_dir_all);
            made.and_then(|()| fs::write(&path, text)).map_err(|error| {
                Error::new(format!("failed to write {}", path.display())).caused_by(error)
            })
        };
        let (mut baseline, mut files) = (String::new(), Vec::new());
        for file in &chain.files {
            let text = fs::read_to_string(file).map_err(|error| {
                Error::new(format!("failed to read {}", file.display())).caused_by(error)
            })?;
            let name = file.file_name().unwrap_or_default().to_string_lossy();
            write(&format!("squashed/{name}"), &text)?;
            files.push(project.join("squashed").join(&*name));
            baseline += &text;
        }
        let (last, next) = (chain.files.len(), chain.files.len() + 1);
        write(&format!("migrations/{next:06}_baseline.up.sql"), &baseline)?;
        let step = |from: usize, to: usize| {
            format!(
                "BEGIN;\nDO $$ BEGIN\n  IF (SELECT version FROM schema_migrations) <> {from} \
                 THEN\n    RAISE EXCEPTION 'the ledger is not at {from}';\n  END IF;\nEND $$;\n\
                 UPDATE schema_migrations SET version = {to};\nCOMMIT;\n"
            )
        };
        write("squash/rollout.sql", &step(last, next))?;
        write("squash/rollback.sql", &step(next, last))?;
        write(
            crate::config::FILE,
            &format!(
                "[baseline]\npath = \"migrations/{next:06}_baseline.up.sql\"\nchain = \
                 \"squashed\"\nrollout = \"squash/rollout.sql\"\nrollback = \
                 \"squash/rollback.sql\"\n"
            ),
        )?;
        let [rehearsal, psql, psql_with_ledger, psql_with_rows] = [const { Vec::new() }; 4];
        Ok(Self {
            project,
            files,
            tables: chain.tables,
            rehearsal,
            psql,
            psql_with_ledger,
            psql_with_rows,
            made_up: None,
        })
    }

    /// Measures everything once.
    pub(super) async fn measure(&mut self, server: &Server, psql: &Psql) -> Result<()> {
        let table = "CREATE TABLE schema_migrations (version bigint PRIMARY KEY, dirty boolean);\n";
        let made = self.note("made", table)?;
        let set = |version: usize, dirty: bool| {
            let text = format!(
                "BEGIN; TRUNCATE schema_migrations;\n\
                 INSERT INTO schema_migrations VALUES ({version}, {dirty}); COMMIT;\n"
            );
            self.note(&format!("{version}_{dirty}"), &text)
        };
        let last = self.files.len();
        let row = format!("{table}INSERT INTO schema_migrations VALUES ({last}, false);\n");
        let plain = [&self.files[..], &[self.note("row", &row)?]].concat();
        let mut kept = vec![made.clone()];
        for (version, file) in (1..).zip(&self.files) {
            kept.extend([set(version, true)?, file.clone(), set(version, false)?]);
        }
        let baseline = self.files.len() + 1;
        let file = self.project.join(format!("migrations/{baseline:06}_baseline.up.sql"));
        let kept_baseline = [made, set(baseline, true)?, file.clone(), set(baseline, false)?];
        let [forth, back] =
            ["rollout", "rollback"].map(|it| self.project.join(format!("squash/{it}.sql")));
        let rows = self.made_up(server, psql, &plain).await?;
        let played = |chain: &[PathBuf], then: &[&PathBuf]| {
            chain.iter().chain(then.iter().copied()).cloned().collect::<Vec<_>>()
        };
        let once = played(&plain, &[&forth, &back]);
        self.psql.push(execute(server, psql, &once, &[file]).await?);
        let with_ledger = played(&kept, &[&forth, &back]);
        let with_ledger = execute(server, psql, &with_ledger, &kept_baseline).await?;
        self.psql_with_ledger.push(with_ledger);
        let with_rows = played(&kept, &[&rows, &forth, &back, &forth]);
        let with_rows = execute(server, psql, &with_rows, &kept_baseline).await?;
        self.psql_with_rows.push(with_rows);
        let own = Server::start(Some(&server.version().text), false).await?;
        let begin = Instant::now();
        assert_success(&Rehearsal::of(&self.project).only(CHECKS).play_on(&own).await?)?;
        self.rehearsal.push(begin.elapsed());
        Ok(())
    }

    /// Writes a file for psql.
    fn note(&self, name: &str, text: &str) -> Result<PathBuf> {
        let path = self.project.join(format!("psql_{name}.sql"));
        fs::write(&path, text).map_err(|error| {
            Error::new(format!("failed to write {}", path.display())).caused_by(error)
        })?;
        Ok(path)
    }

    /// The rows that the acts put into what a chain makes, as INSERTs in one transaction.
    async fn made_up(
        &mut self,
        server: &Server,
        psql: &Psql,
        chain: &[PathBuf],
    ) -> Result<PathBuf> {
        if let Some(made_up) = &self.made_up {
            return Ok(made_up.clone());
        }
        let scratch = server.create(None).await?;
        psql.execute(&scratch, chain, 1).await?;
        let exclude = format!("--exclude-table={LEDGER}");
        let arguments = ["--data-only", "--inserts", &exclude].map(str::to_owned);
        let before = server.dump(&scratch, &arguments).await?;
        let before = before.lines().collect::<BTreeSet<_>>();
        let spared = BTreeSet::from([LEDGER.to_owned()]);
        populate(&mut scratch.admin().await?, &spared, Duration::from_mins(1)).await?;
        let after = server.dump(&scratch, &arguments).await?;
        server.drop_database(scratch).await?;
        // Neither the chain's own rows, nor the settings of a dump, nor those of sequences, which
        // the acts don't set.
        let is_made_up = |line: &&str| line.starts_with("INSERT ") && !before.contains(line);
        let rows = after.lines().filter(is_made_up).collect::<Vec<_>>().join("\n");
        let made_up = self.note("rows", &format!("BEGIN;\n{rows}\nCOMMIT;\n"))?;
        self.made_up = Some(made_up.clone());
        Ok(made_up)
    }

    pub(super) fn rows(&self) -> String {
        let row = |what: &str, psql: &[Duration], goal: &str| {
            let (rehearsal, psql) = (median(&self.rehearsal), median(psql));
            format!(
                "| squash of {} migrations, {} tables: {what} | {} | {} | {:.2} | {goal} | |\n",
                self.files.len(),
                self.tables,
                seconds(rehearsal),
                seconds(psql),
                ratio(rehearsal, psql),
            )
        };
        // The goal is about psql executing the same SQL, which is all of it.
        let goal = format!("× {FACTOR}");
        row("baseline, rollout and rollback proven", &self.psql, "")
            + &row("the same, psql keeping golang-migrate's ledger", &self.psql_with_ledger, "")
            + &row(
                "the same, psql also putting in those rows and rolling out once more",
                &self.psql_with_rows,
                &goal,
            )
    }
}

/// How long psql takes for the chain and what comes after it, and for the baseline.
async fn execute(
    server: &Server,
    psql: &Psql,
    chain: &[PathBuf],
    baseline: &[PathBuf],
) -> Result<Duration> {
    let scratches = [server.create(None).await?, server.create(None).await?];
    let begin = Instant::now();
    psql.execute(&scratches[0], chain, 1).await?;
    psql.execute(&scratches[1], baseline, 1).await?;
    let took = begin.elapsed();
    for scratch in scratches {
        server.drop_database(scratch).await?;
    }
    Ok(took)
}
