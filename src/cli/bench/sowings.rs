//! How long seeds of 100,000 rows take to be run twice and compared, against psql running their
//! files twice.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use super::{Psql, assert_success, median, ratio, seconds, succeed};
use crate::server::Server;
use crate::{Error, Rehearsal, Result};

/// What it may cost, beside psql.
const GOAL: &str = "× 1.5";

/// How many rows one INSERT has, where it has many.
const ROWS_PER_INSERT: usize = 1000;

const COLUMNS: &str = "(id, code, title, shelf, price, since)";

const TABLE: &str = "CREATE TABLE articles (id integer PRIMARY KEY, code text, title text, \
                     shelf integer, price numeric(8, 2), since date);\n";

/// The checks for which the seeds are run twice.
const CHECKS: [&str; 4] = ["seed", "reseed_counts", "reseed_contents", "seed_counts"];

/// Seeds that are written in one way, and what was measured of them.
pub(super) struct Sowing {
    shape: Shape,
    rows: usize,
    project: PathBuf,
    rehearsal: Vec<Duration>,
    /// The same without seeds: what the chain costs.
    without: Vec<Duration>,
    psql: Vec<Duration>,
}

/// How the rows are written.
#[derive(Debug, Clone, Copy)]
pub(super) enum Shape {
    SingleRows,
    ManyRows,
    Copy,
}

impl Shape {
    pub(super) const ALL: [Self; 3] = [Self::SingleRows, Self::ManyRows, Self::Copy];

    fn name(self) -> &'static str {
        match self {
            Self::SingleRows => "an INSERT for each",
            Self::ManyRows => "INSERTs of 1,000",
            Self::Copy => "COPY",
        }
    }

    /// Seeds of so many rows, which leave alone what is there.
    fn seeds(self, rows: usize) -> String {
        match self {
            Self::SingleRows => inserts(rows, 1),
            Self::ManyRows => inserts(rows, ROWS_PER_INSERT),
            Self::Copy => {
                let lines = (1..=rows).map(|id| cells(id).join("\t") + "\n").collect::<String>();
                format!(
                    "CREATE TEMPORARY TABLE fresh (LIKE articles) ON COMMIT DROP;\n\
                     COPY fresh {COLUMNS} FROM stdin;\n{lines}\\.\n\
                     INSERT INTO articles SELECT * FROM fresh ON CONFLICT (id) DO NOTHING;\n"
                )
            }
        }
    }
}

fn inserts(rows: usize, width: usize) -> String {
    let insert = |first: usize| {
        let ids = first..=rows.min(first + width - 1);
        let values = ids.map(|id| {
            let [id, code, title, shelf, price, since] = cells(id);
            format!("({id}, '{code}', '{title}', {shelf}, {price}, '{since}')")
        });
        let values = values.collect::<Vec<_>>().join(",\n");
        format!("INSERT INTO articles {COLUMNS} VALUES {values} ON CONFLICT (id) DO NOTHING;\n")
    };
    (1..=rows).step_by(width).map(insert).collect()
}

fn cells(id: usize) -> [String; 6] {
    [
        id.to_string(),
        format!("article-{id:06}"),
        format!("Article number {id} of the catalogue, in some words"),
        (id % 97).to_string(),
        format!("{}.{:02}", id % 89, id % 100),
        format!("2024-01-{:02}", id % 28 + 1),
    ]
}

impl Sowing {
    /// Writes the project into the folder of the server, with which it goes, however that ends.
    pub(super) fn write(home: &Path, shape: Shape, rows: usize) -> Result<Self> {
        let project = home.join(format!("bench-{shape:?}"));
        let write = |path: &str, text: &str| {
            let path = project.join(path);
            let made = path.parent().map_or(Ok(()), fs::create_dir_all);
            made.and_then(|()| fs::write(&path, text)).map_err(|error| {
                Error::new(format!("failed to write {}", path.display())).caused_by(error)
            })
        };
        write("migrations/000001_articles.up.sql", TABLE)?;
        write("data/articles.sql", &shape.seeds(rows))?;
        write(crate::config::FILE, "[seeds]\npath = \"data\"\n")?;
        let [rehearsal, without, psql] = [const { Vec::new() }; 3];
        Ok(Self { shape, rows, project, rehearsal, without, psql })
    }

    /// Measures everything once.
    pub(super) async fn measure(&mut self, server: &Server, psql: &Psql) -> Result<()> {
        let scratch = server.create(None).await?;
        let migrations = [self.project.join("migrations/000001_articles.up.sql")];
        psql.execute(&scratch, &migrations, 1).await?;
        let begin = Instant::now();
        for _ in 0..2 {
            let mut command = psql.command(&scratch.url());
            command.args(["-1", "-f"]).arg(self.project.join("data/articles.sql"));
            succeed("psql", command).await?;
        }
        self.psql.push(begin.elapsed());
        server.drop_database(scratch).await?;

        let own = Server::start(Some(&server.version().text), false).await?;
        let begin = Instant::now();
        assert_success(&Rehearsal::of(&self.project).only(CHECKS).play_on(&own).await?)?;
        self.rehearsal.push(begin.elapsed());
        drop(own);
        let own = Server::start(Some(&server.version().text), false).await?;
        let begin = Instant::now();
        assert_success(&Rehearsal::of(&self.project).only(["apply"]).play_on(&own).await?)?;
        self.without.push(begin.elapsed());
        Ok(())
    }

    pub(super) fn row(&self) -> String {
        let [rehearsal, without, psql] =
            [&self.rehearsal, &self.without, &self.psql].map(|times| median(times));
        let seeding = rehearsal.saturating_sub(without);
        format!(
            "| seeds of {} rows by {}, run twice and compared | {} | {} | {:.2} | {GOAL} | |\n",
            self.rows,
            self.shape.name(),
            seconds(seeding),
            seconds(psql),
            ratio(seeding, psql),
        )
    }
}
