//! A bootstrap played once more with a look after each step, where there is something to explain.

use std::collections::BTreeSet;

use super::super::super::Stage;
use super::super::super::boot::boot;
use super::super::super::fresh::Made;
use super::super::{Sower, run};
use super::ending;
use crate::Result;
use crate::config::Transaction;
use crate::rows::{Detail, Nulls, ROWS_MAX, small_tables_that_differ};
use crate::server::Scratch;
use crate::trace::{Act, Again, Author, Bootstrapped, Sown, Stride};

/// Seeds and post scripts, on what the first boot has made.
pub(super) async fn first(
    stage: &Stage<'_>,
    made: &Made,
    trace: &Bootstrapped,
) -> Result<Vec<Stride>> {
    stage.progress.begin("bootstrap, step by step");
    let scratch = made.copy(stage).await?;
    let left = trace.columns.iter().filter(|it| it.nulls.count > 0);
    let columns = left.map(|it| (it.table.clone(), it.column.clone())).collect();
    let counts = trace.first.end.as_ref().map(|end| &end.state.rows.tables);
    let is_small = |table: &&String| {
        let rows = counts.and_then(|counts| counts.get(*table));
        rows.is_some_and(|rows| rows.count <= ROWS_MAX)
    };
    let tables = trace.untouched.iter().filter(is_small).cloned().collect();
    let mut walk = Walk { stage, scratch: &scratch, columns, tables, path: Vec::new() };
    walk.look(None).await?;
    walk.seeds_and_post().await?;
    let path = walk.path;
    stage.server.drop_database(scratch).await?;
    Ok(path)
}

/// A second bootstrap, which has changed something when it was played before.
pub(super) async fn second(
    stage: &Stage<'_>,
    scratch: &Scratch,
    again: &Again,
) -> Result<Vec<Stride>> {
    stage.progress.begin("second bootstrap, step by step");
    let after = again.round.end.as_ref().map_or(&again.before, |end| end);
    let tables = small_tables_that_differ(&again.before.state.rows, &after.state.rows);
    let mut walk = Walk { stage, scratch, columns: Vec::new(), tables, path: Vec::new() };
    walk.look(None).await?;
    for place in 0..stage.project.scripts.pre.len() {
        if !walk.script(Author::Pre(place)).await? {
            return Ok(walk.path);
        }
    }
    if boot(stage, scratch, Act::Bootstrap).await?.succeeded() {
        walk.look(Some(Author::Chain)).await?;
        walk.seeds_and_post().await?;
    }
    Ok(walk.path)
}

struct Walk<'a> {
    stage: &'a Stage<'a>,
    scratch: &'a Scratch,
    /// Those whose NULLs are counted.
    columns: Vec<(String, String)>,
    /// Those whose rows are told.
    tables: BTreeSet<String>,
    path: Vec<Stride>,
}

impl Walk<'_> {
    /// Seeds and post scripts, as far as they succeed.
    async fn seeds_and_post(&mut self) -> Result<()> {
        // Between the files of one transaction nobody else can look.
        let mut sower = Sower::start(self.stage, self.scratch, Transaction::Each).await?;
        for place in 0..self.stage.project.scripts.seeds.len() {
            if !sower.step(place).await?.succeeded() {
                return Ok(());
            }
            self.look(Some(Author::Seed(place))).await?;
        }
        for place in 0..self.stage.project.scripts.post.len() {
            if !self.script(Author::Post(place)).await? {
                return Ok(());
            }
        }
        Ok(())
    }

    /// Runs one script, and looks, if it succeeds.
    async fn script(&mut self, author: Author) -> Result<bool> {
        let scripts = &self.stage.project.scripts;
        let script = match author {
            Author::Pre(place) => scripts.pre.get(place..=place),
            Author::Post(place) => scripts.post.get(place..=place),
            Author::Chain | Author::Seed(_) => None,
        };
        let steps = run(self.stage, self.scratch, script.unwrap_or_default()).await?;
        let succeeded = steps.iter().all(Sown::succeeded);
        if succeeded {
            self.look(Some(author)).await?;
        }
        Ok(succeeded)
    }

    async fn look(&mut self, author: Option<Author>) -> Result<()> {
        let before = self.path.last().map(|stride| &stride.ending.state);
        let ending = ending(self.stage, self.scratch, before).await?;
        let mut reader = self.scratch.admin().await?;
        // A column that the next script makes has no NULLs yet.
        let has =
            |(table, column): &(String, String)| ending.state.catalog.has_column(table, column);
        let there = self.columns.iter().filter(|it| has(it)).cloned().collect::<Vec<_>>();
        let mut counted = Nulls::read(&mut reader, &there).await?.into_iter();
        let count = |it| if has(it) { counted.next().map_or(0, |it| it.count) } else { 0 };
        let nulls = self.columns.iter().map(count).collect();
        // What can't be read row by row is told by its count, and what isn't there by nothing.
        let there = |table: &&String| ending.state.rows.tables.contains_key(*table);
        let tables = self.tables.iter().filter(there).cloned().collect();
        let details = Detail::read(&mut reader, &tables).await.unwrap_or_default();
        self.path.push(Stride { author, ending, nulls, details });
        Ok(())
    }
}
