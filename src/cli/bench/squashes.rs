//! How long it takes to prove a squash, against psql executing the same SQL: the chain, the
//! rollout and the rollback on it, and the baseline on an empty database.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use super::{Case, FACTOR, Psql, assert_success, median, ratio, seconds};
use crate::server::Server;
use crate::{Error, Rehearsal, Result};

/// The checks that prove it.
const CHECKS: [&str; 5] = ["baseline", "baseline_rows", "baseline_ledger", "rollout", "rollback"];

/// A chain that was squashed into one file, and what was measured of it.
pub(super) struct Squashing {
    project: PathBuf,
    /// What the squashed chain was.
    files: Vec<PathBuf>,
    tables: usize,
    rehearsal: Vec<Duration>,
    psql: Vec<Duration>,
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
        let [rehearsal, psql] = [const { Vec::new() }; 2];
        Ok(Self { project, files, tables: chain.tables, rehearsal, psql })
    }

    /// Measures everything once.
    pub(super) async fn measure(&mut self, server: &Server, psql: &Psql) -> Result<()> {
        let scratches = [server.create(None).await?, server.create(None).await?];
        let ledger = self.project.join("ledger.sql");
        let made = format!(
            "CREATE TABLE schema_migrations (version bigint PRIMARY KEY, dirty boolean);\n\
             INSERT INTO schema_migrations VALUES ({}, false);\n",
            self.files.len()
        );
        fs::write(&ledger, made).map_err(|error| {
            Error::new(format!("failed to write {}", ledger.display())).caused_by(error)
        })?;
        let name = format!("migrations/{:06}_baseline.up.sql", self.files.len() + 1);
        let baseline = self.project.join(name);
        let scripts = ["squash/rollout.sql", "squash/rollback.sql"];
        let scripts = scripts.map(|path| self.project.join(path));
        let old = [&self.files[..], &[ledger], &scripts].concat();
        let begin = Instant::now();
        psql.execute(&scratches[0], &old, 1).await?;
        psql.execute(&scratches[1], &[baseline], 1).await?;
        self.psql.push(begin.elapsed());
        for scratch in scratches {
            server.drop_database(scratch).await?;
        }
        let own = Server::start(Some(&server.version().text), false).await?;
        let begin = Instant::now();
        assert_success(&Rehearsal::of(&self.project).only(CHECKS).play_on(&own).await?)?;
        self.rehearsal.push(begin.elapsed());
        Ok(())
    }

    pub(super) fn row(&self) -> String {
        let (rehearsal, psql) = (median(&self.rehearsal), median(&self.psql));
        format!(
            "| squash of {} migrations, {} tables: baseline, rollout and rollback proven | {} | \
             {} | {:.2} | × {FACTOR} | |\n",
            self.files.len(),
            self.tables,
            seconds(rehearsal),
            seconds(psql),
            ratio(rehearsal, psql),
        )
    }
}
