//! How long a schema takes to be read and compared, against `pg_dump` writing the same one, and
//! migra comparing the same two.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use super::{Psql, median, program, ratio, seconds, succeed};
use crate::catalog::{self, Catalog};
use crate::config::Role;
use crate::server::{Scratch, Server};
use crate::{Error, Result};

/// What reading a schema may cost, beside dumping it.
const READING_GOAL: &str = "× 0.2";

/// Two databases of one schema, and what was measured of them.
pub(super) struct Catalogs {
    tables: usize,
    pair: [Scratch; 2],
    reading: Vec<Duration>,
    dumping: Vec<Duration>,
    comparing: Vec<Duration>,
    /// Both are read and compared, as migra does.
    whole: Vec<Duration>,
    migra: Vec<Duration>,
}

impl Catalogs {
    /// Makes the databases.
    pub(super) async fn make(
        server: &Server,
        psql: &Psql,
        files: &[PathBuf],
        tables: usize,
    ) -> Result<Self> {
        let left = server.create(None).await?;
        psql.execute(&left, files, 1).await?;
        let right = server.clone_of(&left, None).await?;
        let [reading, dumping, comparing, whole, migra] = [const { Vec::new() }; 5];
        let pair = [left, right];
        Ok(Self { tables, pair, reading, dumping, comparing, whole, migra })
    }

    /// Measures everything once.
    pub(super) async fn measure(&mut self, server: &Server) -> Result<()> {
        let [left, right] = &self.pair;
        let begin = Instant::now();
        let first = Catalog::read_from(&mut left.admin().await?).await?;
        self.reading.push(begin.elapsed());
        let second = Catalog::read_from(&mut right.admin().await?).await?;
        let compare = Instant::now();
        let differences = catalog::diff(&first, &second);
        self.comparing.push(compare.elapsed());
        self.whole.push(begin.elapsed());
        if !differences.is_empty() {
            return Err(Error::new("a database and its copy have different schemas"));
        }

        let mut pg_dump = tokio::process::Command::new(program(server, "pg_dump")?);
        pg_dump.args([
            "--schema-only",
            "--file=/dev/null",
            "--dbname",
            &left.url_of(Role::Superuser),
        ]);
        let begin = Instant::now();
        succeed("pg_dump", pg_dump).await?;
        self.dumping.push(begin.elapsed());

        let mut migra = tokio::process::Command::new("migra");
        migra.args([left, right].map(|scratch| scratch.url_of(Role::Superuser)));
        let begin = Instant::now();
        match succeed("migra", migra).await {
            Ok(()) => self.migra.push(begin.elapsed()),
            // It is a peer that most machines don't have.
            Err(_) if is_missing("migra") => {}
            Err(error) => return Err(error),
        }
        Ok(())
    }

    pub(super) fn rows(&self) -> String {
        let [reading, dumping] = [&self.reading, &self.dumping].map(|it| median(it));
        let [comparing, whole] = [&self.comparing, &self.whole].map(|it| median(it));
        let tables = self.tables;
        let migra = match self.migra.as_slice() {
            [] => "not installed |".to_owned(),
            times => format!("{} | {:.3}", seconds(median(times)), ratio(whole, median(times))),
        };
        format!(
            "| the schema of {tables} tables read, against pg_dump | {} | {} | {:.3} | {} | |\n\
             | two schemas of {tables} tables compared in memory | {} | | | 0.050 s | |\n\
             | two schemas of {tables} tables read and compared, against migra \
             | {} | {migra} | | |\n",
            seconds(reading),
            seconds(dumping),
            ratio(reading, dumping),
            READING_GOAL,
            seconds(comparing),
            seconds(whole),
        )
    }

    /// How both grow with the number of tables.
    pub(super) fn growth(&self, longer: &Self) -> String {
        let tables = |count: usize| f64::from(u32::try_from(count).unwrap_or(u32::MAX));
        format!(
            "| a schema read: {} against {} tables | × {:.1} | × {:.1} | | × {:.1} | |\n",
            longer.tables,
            self.tables,
            ratio(median(&longer.reading), median(&self.reading)),
            ratio(median(&longer.dumping), median(&self.dumping)),
            tables(longer.tables) / tables(self.tables),
        )
    }
}

fn is_missing(program: &str) -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    !std::env::split_paths(&path).any(|folder: PathBuf| Path::new(&folder).join(program).exists())
}
