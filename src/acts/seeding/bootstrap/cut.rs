//! Bootstraps that were cut off between two phases, and started again.
//!
//! Where one ends otherwise than the whole one, another whole one tells what of it is no fault of
//! the cut: times, random values, and whatever else no two of them have in common.

use std::collections::BTreeSet;

use super::super::super::Stage;
use super::super::super::fresh::{Made, prepared};
use super::{complete, ending, go_on, onstage};
use crate::Result;
use crate::catalog;
use crate::rows::{
    ColumnChange, Columns, Detail, Nulls, RowChange, RowDifference, Rows, diff,
    small_tables_that_differ,
};
use crate::server::Scratch;
use crate::source;
use crate::trace::{Author, Boot, Bootstrapped, Cut, Ending, Phase, State, Tightened};

/// What the cuts are played with.
pub(super) struct Scene<'a> {
    pub(super) stage: &'a Stage<'a>,
    pub(super) made: &'a Made,
    /// What a bootstrap has made that wasn't cut off.
    pub(super) finished: &'a Scratch,
    /// What it does not have in common with another one that begins where the chain has ended.
    noise: Option<Noise>,
    /// One that failed, if it is kept.
    kept: Option<Scratch>,
}

impl<'a> Scene<'a> {
    pub(super) fn new(stage: &'a Stage<'a>, made: &'a Made, finished: &'a Scratch) -> Self {
        Self { stage, made, finished, noise: None, kept: None }
    }

    /// Plays a cut after each phase that does something. `seeded` is what the seeds have left,
    /// where post scripts follow.
    pub(super) async fn play(
        mut self,
        seeded: Option<Scratch>,
        trace: &mut Bootstrapped,
    ) -> Result<()> {
        let scripts = &self.stage.project.scripts;
        self.stage.progress.begin("bootstrap, cut off between phases");
        let mut cuts = Vec::new();
        if !scripts.pre.is_empty() {
            let cut = self.cut_after_pre(trace).await?;
            trace.is_pre_repeatable = cut.is_some();
            cuts.extend(cut);
        }
        if !(scripts.pre.is_empty() && scripts.seeds.is_empty() && scripts.post.is_empty()) {
            let scratch = self.made.copy(self.stage).await?;
            cuts.push(self.cut(Phase::Chain, scratch, trace).await?);
        }
        if let Some(seeded) = seeded {
            let scratch = onstage(self.stage, &seeded).await?;
            self.stage.server.drop_database(seeded).await?;
            cuts.push(self.cut(Phase::Seeds, scratch, trace).await?);
        } else if !scripts.seeds.is_empty() && scripts.post.is_empty() && !trace.columns.is_empty()
        {
            // What is tightened next is not yet.
            let scratch = onstage(self.stage, self.finished).await?;
            cuts.push(self.cut(Phase::Seeds, scratch, trace).await?);
        }
        // Without columns to tighten, nothing comes after the post scripts: then this is the second
        // bootstrap, and that was played.
        if !scripts.post.is_empty() && !trace.columns.is_empty() {
            let scratch = onstage(self.stage, self.finished).await?;
            cuts.push(self.cut(Phase::Post, scratch, trace).await?);
        }
        trace.cuts = cuts;
        trace.kept = trace.kept.take().or(self.kept.map(|kept| kept.url()));
        Ok(())
    }

    /// The only one for which the chain is played on another database. Where that fails because of
    /// what belongs to the whole server, and is there from the first time, it tells nothing.
    async fn cut_after_pre(&mut self, trace: &Bootstrapped) -> Result<Option<Cut>> {
        let (done, scratch) = prepared(self.stage).await?;
        if !done.succeeded() {
            self.stage.server.drop_database(scratch).await?;
            return Ok(None);
        }
        let cut = self.cut(Phase::Pre, scratch, trace).await?;
        let chain = &self.stage.project.chain;
        let may_reach = chain.runner.is_opaque() || source::reach(self.stage.project).is_some();
        let stops_there = matches!(cut.round.stop(), Some((Author::Chain, _)));
        if may_reach && stops_there {
            if let Some(kept) = self.kept.take() {
                self.stage.server.drop_database(kept).await?;
            }
            return Ok(None);
        }
        Ok(Some(cut))
    }

    async fn cut(&mut self, after: Phase, scratch: Scratch, trace: &Bootstrapped) -> Result<Cut> {
        let round = complete(self.stage, &scratch).await?;
        let mut cut = Cut::of(after, round);
        if let (true, Some(whole)) = (cut.round.succeeded(), &trace.first.end) {
            let end = ending(self.stage, &scratch, Some(&whole.state)).await?;
            if !is_same(whole, &end) {
                self.compare(whole, &end, &scratch, &trace.columns, &mut cut).await?;
            }
            cut.round.end = Some(end);
        }
        // One is enough to look at: the first that fails.
        let has_one = trace.kept.is_some() || self.kept.is_some();
        if self.stage.keep && !has_one && !cut.round.succeeded() {
            self.kept = Some(self.stage.aside(scratch).await?);
        } else {
            self.stage.server.drop_database(scratch).await?;
        }
        Ok(cut)
    }

    /// Records how an end differs from that of the whole bootstrap.
    async fn compare(
        &mut self,
        whole: &Ending,
        end: &Ending,
        scratch: &Scratch,
        columns: &[Tightened],
        cut: &mut Cut,
    ) -> Result<()> {
        let begins_with_pre = cut.after == Phase::Pre;
        let known = self.noise.take().filter(|_| !begins_with_pre);
        let noise = match known {
            Some(noise) => noise,
            None => self.noise(whole, begins_with_pre, scratch).await?,
        };
        if !noise.schema {
            cut.schema = catalog::diff(&whole.state.catalog, &end.state.catalog);
        }
        let seeds = &self.stage.project.config.seeds;
        let (mut left, mut right) = (self.finished.admin().await?, scratch.admin().await?);
        // Who inserts after values were burnt gets others.
        let moved = moved_columns(&whole.state, &end.state);
        let burnt = Columns::read(&mut left)
            .await?
            .closure(|column| moved.contains(&(column.table.clone(), column.name.clone())));
        let ignored = |table: &str, column: &str| {
            seeds.ignores(table, column)
                || noise.covers(table, column)
                || burnt.contains(&(table.to_owned(), column.to_owned()))
        };
        let before = Rows::read_ignoring(&mut left, ignored).await?;
        let after = Rows::read_ignoring(&mut right, ignored).await?;
        cut.rows = diff(&before, &after);
        // Storage means nothing between two databases, nor do positions where things ran twice.
        cut.rows.retain(|difference| {
            matches!(difference, RowDifference::Counted { .. } | RowDifference::Changed { .. })
                && !noise.counts.contains(difference.name())
        });
        let tables = small_tables_that_differ(&before, &after);
        let (before, after) =
            (Detail::read(&mut left, &tables).await, Detail::read(&mut right, &tables).await);
        // What can't be read row by row is told by its count.
        let (before, mut after) = (before.unwrap_or_default(), after.unwrap_or_default());
        let details = before.into_iter().filter_map(|(table, was)| {
            let is = after.remove(&table)?;
            let without = |it: &Detail| it.without(|column| ignored(&table, column));
            let both = (without(&was), without(&is));
            Some((table, both))
        });
        cut.details = details.collect();
        cut.counted.clone_from(&noise.contents);
        let filled = columns.iter().filter(|it| it.nulls.count == 0);
        let is_there = |it: &&Tightened| end.state.catalog.has_column(&it.table, &it.column);
        let hidden = filled.filter(|it| ignored(&it.table, &it.column)).filter(is_there);
        let hidden = hidden.map(|it| (it.table.clone(), it.column.clone())).collect::<Vec<_>>();
        let nulls = Nulls::read(&mut right, &hidden).await?;
        let nulls = hidden.into_iter().zip(nulls).filter(|(_, nulls)| nulls.count > 0);
        cut.nulls = nulls.map(|((table, column), nulls)| (table, column, nulls.count)).collect();
        self.noise = Some(noise).filter(|_| !begins_with_pre);
        Ok(())
    }

    /// What two whole bootstraps don't have in common. The second one begins where the cut was, so
    /// that both have played the same things anew; `scratch` only keeps its name meanwhile.
    async fn noise(
        &self,
        whole: &Ending,
        begins_with_pre: bool,
        scratch: &Scratch,
    ) -> Result<Noise> {
        let stage = self.stage;
        let away = match stage.project.config.database() {
            Some(name) => {
                let away = stage.server.rename(scratch.clone(), &stage.server.free_name()).await?;
                Some((away, name))
            }
            None => None,
        };
        let (done, control, after) = if begins_with_pre {
            let (done, control) = prepared(stage).await?;
            (done, control, Phase::Pre)
        } else {
            (Boot::default(), self.made.copy(stage).await?, Phase::Chain)
        };
        let mut noise = Noise::default();
        if go_on(stage, &control, after, done).await?.succeeded() {
            let end = ending(stage, &control, Some(&whole.state)).await?;
            noise = self.between(whole, &end, &control).await?;
        }
        stage.server.drop_database(control).await?;
        if let Some((away, name)) = away {
            stage.server.rename(away, name).await?;
        }
        Ok(noise)
    }

    async fn between(&self, whole: &Ending, other: &Ending, control: &Scratch) -> Result<Noise> {
        let mut noise = Noise { schema: !is_same_schema(whole, other), ..Noise::default() };
        let (before, after) = (&whole.state.rows, &other.state.rows);
        let tables = small_tables_that_differ(before, after);
        let (mut left, mut right) = (self.finished.admin().await?, control.admin().await?);
        let was = Detail::read(&mut left, &tables).await.unwrap_or_default();
        let is = Detail::read(&mut right, &tables).await.unwrap_or_default();
        for difference in diff(before, after) {
            let table = difference.name().to_owned();
            match difference {
                RowDifference::Counted { .. } => {
                    noise.counts.insert(table);
                }
                RowDifference::Changed { .. } => {
                    let both = was.get(&table).zip(is.get(&table));
                    match both.and_then(|(was, is)| columns(&was.changes(is))) {
                        Some(columns) => {
                            let columns = columns.into_iter().map(|it| (table.clone(), it));
                            noise.columns.extend(columns);
                        }
                        None => {
                            noise.contents.insert(table);
                        }
                    }
                }
                _ => {}
            }
        }
        Ok(noise)
    }
}

/// The columns, as table and column, that take their values from sequences which stand elsewhere.
fn moved_columns(whole: &State, end: &State) -> BTreeSet<(String, String)> {
    let moves = diff(&whole.rows, &end.rows).into_iter().filter_map(|it| match it {
        RowDifference::SequenceMoved { sequence, before, .. } => Some((sequence, before.owned_by)),
        _ => None,
    });
    let moves = moves.collect::<Vec<_>>();
    let tables = whole.rows.tables.keys();
    let columns = tables.flat_map(|table| {
        whole
            .catalog
            .columns(table)
            .into_iter()
            .map(move |(column, object)| (table, column, object))
    });
    let fed = columns.filter(|(table, _, object)| {
        let default = object.get("default").filter(|it| it.contains("nextval("));
        moves.iter().any(|(sequence, owner)| {
            let name = sequence.rsplit_once('.').map_or(&**sequence, |(_, name)| name);
            object.get("identity").is_some() && owner.as_ref() == Some(*table)
                || default.is_some_and(|default| default.contains(name))
        })
    });
    fed.map(|(table, column, _)| (table.clone(), column.short_name().to_owned())).collect()
}

/// What differs between two whole bootstraps.
#[derive(Default)]
struct Noise {
    schema: bool,
    /// The tables that don't even have as many rows.
    counts: BTreeSet<String>,
    /// The tables of which only the number of rows can be compared.
    contents: BTreeSet<String>,
    /// The columns of others.
    columns: BTreeSet<(String, String)>,
}

impl Noise {
    fn covers(&self, table: &str, column: &str) -> bool {
        self.contents.contains(table)
            || self.columns.contains(&(table.to_owned(), column.to_owned()))
    }
}

/// The columns in which rows differ, if there are the same rows.
fn columns(changes: &[RowChange]) -> Option<BTreeSet<String>> {
    let mut names = BTreeSet::new();
    for change in changes {
        let RowChange::Changed { columns, .. } = change else { return None };
        names.extend(columns.iter().map(|ColumnChange { column, .. }| column.clone()));
    }
    Some(names)
}

/// Whether two databases hold the same, as far as that can be said of two.
fn is_same(whole: &Ending, other: &Ending) -> bool {
    let rows = diff(&whole.state.rows, &other.state.rows);
    is_same_schema(whole, other)
        && !rows
            .iter()
            .any(|it| matches!(it, RowDifference::Counted { .. } | RowDifference::Changed { .. }))
}

fn is_same_schema(whole: &Ending, other: &Ending) -> bool {
    whole.state.catalog == other.state.catalog
}
