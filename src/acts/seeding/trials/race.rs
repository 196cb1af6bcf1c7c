//! Two seeders at once.
//!
//! What is done by SQL files comes out the same each time: statement by statement the two take
//! turns, so that neither sees what the other has not committed yet. A seeder that waits for a lock
//! of the other one lets that go on until it is free, as most are after a commit. Commands and
//! closures start together, and who comes first is theirs.

use std::time::{Duration, Instant};

use futures_util::future::{Either, join, select};
use sqlx::postgres::PgConnection;

use super::super::super::Stage;
use super::super::super::beside::{Reading, compare, differing};
use super::super::super::fresh::Made;
use super::super::{Company, Session, of, script, seed_by};
use super::sibling::Siblings;
use crate::Result;
use crate::config::Transaction;
use crate::rows::{Column, Rows};
use crate::server::{Scratch, value};
use crate::source::{Migration, Seed, SourceFile};
use crate::sql::{Content, Script};
use crate::trace::{Act, Compared, Failure, Point, Raced, Sown, State, Unlike};

/// How often we look whether a seeder waits for the other one.
const GLANCE: Duration = Duration::from_millis(5);

/// How many turns a file is played in at most. Two seeders are asked for each of them.
const TURNS_MAX: usize = 200;

pub(in super::super) async fn race(
    stage: &Stage<'_>,
    made: &Made,
    seeded: &State,
    siblings: &mut Siblings<'_>,
) -> Result<Raced> {
    stage.progress.begin(Act::Race.name());
    let begin = Instant::now();
    let scratch = made.copy(stage).await?;
    let seeders = both(stage, &scratch).await?;
    let scratch = stage.aside(scratch).await?;
    let (mut rows, mut compared) = (None, None);
    if seeders.iter().flatten().all(Sown::succeeded) {
        let raced = Reading::of(scratch.clone()).await?;
        compared = beside_one_seeder(&raced, &seeded.rows, siblings).await?;
        rows = Some(raced.rows);
    }
    stage.server.drop_database(scratch).await?;
    Ok(Raced { seeders, rows, compared, duration: begin.elapsed() })
}

/// Compares what two seeders have left with what one leaves, in tables that have as many rows.
async fn beside_one_seeder(
    raced: &Reading,
    seeded: &Rows,
    siblings: &mut Siblings<'_>,
) -> Result<Option<Compared>> {
    let count = |rows: &Rows, table: &String| rows.tables.get(table).map(|it| it.count);
    let mut tables = differing(seeded, &raced.rows);
    tables.retain(|table| count(seeded, table) == count(&raced.rows, table));
    if tables.is_empty() {
        return Ok(Some(Compared::default()));
    }
    let seeds = &siblings.stage.project.config.seeds;
    let mut aside = raced.columns.aside(|table, column| seeds.ignores(table, column));
    let Some([one]) = siblings.first().await? else { return Ok(None) };
    let compared = compare(one, raced, &tables, &aside).await?;
    if compared.unlike.is_empty() {
        return Ok(Some(compared));
    }
    // Whoever comes second takes values from sequences, and may not use them.
    let is_burnt = |it: &Column| {
        let mut unlike = compared.unlike.iter().filter(|unlike| unlike.table == it.table);
        let differs = |it: &Column, unlike: &Unlike| {
            !unlike.placed.is_empty() || unlike.columns.contains(&it.name)
        };
        it.is_counted && unlike.any(|unlike| differs(it, unlike))
    };
    aside.extend(raced.columns.closure(is_burnt));
    // What one seeder fills anew each time is no matter of two.
    let Some([one, another]) = siblings.first().await? else { return Ok(None) };
    for unlike in compare(one, another, &tables, &aside).await?.unlike {
        let Unlike { table, counts: (left, right), columns, placed, .. } = unlike;
        let all = one.columns.of(&table).map(|it| it.name.clone()).filter(|_| left != right);
        let columns = columns.into_iter().chain(placed).chain(all);
        aside.extend(columns.map(|column| (table.clone(), column)));
    }
    let mut compared = compare(one, raced, &tables, &aside).await?;
    compared.unlike.retain(|unlike| unlike.counts.0 == unlike.counts.1);
    Ok(Some(compared))
}

/// Runs all seeds by two seeders. One that fails leaves the rest to the other.
async fn both(stage: &Stage<'_>, scratch: &Scratch) -> Result<[Vec<Sown>; 2]> {
    let seeds = &stage.project.scripts.seeds;
    let files: Option<Vec<_>> =
        seeds.iter().enumerate().map(|(place, seed)| Some((place, seed.file()?))).collect();
    if stage.project.config.seeds.transaction == Transaction::All
        && let Some(files) = files
    {
        return heat(stage, scratch, &files).await;
    }
    let mut seeders = [Vec::new(), Vec::new()];
    for (place, seed) in seeds.iter().enumerate() {
        let going = seeders.each_ref().map(|steps: &Vec<Sown>| steps.iter().all(Sown::succeeded));
        match (going, seed) {
            ([true, true], Seed::File(file)) => {
                let steps = heat(stage, scratch, &[(place, file)]).await?;
                for (seeder, steps) in seeders.iter_mut().zip(steps) {
                    seeder.extend(steps);
                }
            }
            ([true, true], _) => {
                let one = || seed_by(stage, scratch, seed, Company::Beside);
                let (first, second) = join(one(), one()).await;
                stage.server.free(scratch).await?;
                for (seeder, opaque) in seeders.iter_mut().zip([first?, second?]) {
                    seeder.push(Sown { place, failures: Vec::new(), opaque });
                }
            }
            ([false, false], _) => break,
            (going, seed) => {
                let sown = if let Seed::File(file) = seed {
                    of(place, script(stage, scratch, file).await?)
                } else {
                    let opaque = seed_by(stage, scratch, seed, Company::Alone).await?;
                    Sown { place, failures: Vec::new(), opaque }
                };
                seeders[usize::from(!going[0])].push(sown);
            }
        }
    }
    Ok(seeders)
}

/// Some statements of a seed's file, as a file of their own: one, or as many as it takes.
struct Turn {
    /// The file's place among the seeds, and that of the first statement in the file.
    place: usize,
    statement: usize,
    file: Migration,
}

/// Cuts files into what the seeders do by turns.
fn turns(files: &[(usize, &Migration)]) -> Vec<Turn> {
    let mut turns: Vec<Turn> = Vec::new();
    for (place, file) in files {
        let begin = turns.len();
        let at_once = file.file.script.statements().count().div_ceil(TURNS_MAX);
        let mut statement = 0;
        for piece in &file.file.script.pieces {
            let is_statement = matches!(piece.content, Content::Statement(_));
            if is_statement && statement % at_once == 0 {
                let script = Script { pieces: vec![piece.clone()] };
                let (path, text) = (file.file.path.clone(), file.file.text.clone());
                let some = SourceFile { path, text, script };
                let mut some = Migration::whole(&*file.version, &file.name, some);
                // Within a transaction, what writes rows goes in few messages.
                some.parts.clone_from(&file.parts);
                turns.push(Turn { place: *place, statement, file: some });
            } else if let Some(turn) = turns[begin..].last_mut() {
                // What is no statement belongs to the one before it.
                turn.file.file.script.pieces.push(piece.clone());
            }
            statement += usize::from(is_statement);
        }
    }
    turns
}

/// One of the two, in a transaction of its own.
struct Seeder<'a> {
    /// Until it has committed or failed. It may hold locks that only its end releases.
    session: Option<Session<'a>>,
    backend: i32,
    /// How many turns it has taken.
    taken: usize,
    /// Where it failed, and how.
    failed: Option<(usize, Vec<Failure>)>,
}

impl<'a> Seeder<'a> {
    async fn open(stage: &'a Stage<'a>, scratch: &Scratch) -> Result<Self> {
        let session = Session::open(stage, scratch).await?;
        let backend = session.player.backend();
        Ok(Self { session: Some(session), backend, taken: 0, failed: None })
    }

    fn has_ended(&self) -> bool {
        self.session.is_none()
    }

    /// Takes the next of the turns; after the last one, commits.
    async fn next(&mut self, turns: &[Turn]) -> Result<()> {
        let Some(session) = &mut self.session else { return Ok(()) };
        let turn = turns.get(self.taken);
        self.taken += 1;
        let failures = if let Some(turn) = turn {
            let mut failures = session.play(&turn.file).await?;
            for failure in &mut failures {
                if let Point::Statement(within) = failure.at {
                    failure.at = Point::Statement(turn.statement + within);
                }
            }
            failures
        } else {
            session.commit_all().await?
        };
        if turn.is_none() || !failures.is_empty() {
            self.session = None;
        }
        if !failures.is_empty() {
            let place = turn.or(turns.last()).map_or(0, |turn| turn.place);
            self.failed = Some((place, failures));
        }
        Ok(())
    }

    fn steps(self, files: &[(usize, &Migration)]) -> Vec<Sown> {
        let failed = self.failed.as_ref().map(|(place, _)| *place);
        let is_reached = |place: &usize| failed.is_none_or(|failed| *place <= failed);
        let reached = files.iter().map(|(place, _)| *place).filter(is_reached);
        let mut steps: Vec<_> = reached.map(|place| of(place, Vec::new())).collect();
        if let (Some(last), Some((_, failures))) = (steps.last_mut(), self.failed) {
            last.failures = failures;
        }
        steps
    }
}

/// Files in one transaction, by two seeders of which neither commits before the other has done all
/// that it can do until then.
async fn heat(
    stage: &Stage<'_>,
    scratch: &Scratch,
    files: &[(usize, &Migration)],
) -> Result<[Vec<Sown>; 2]> {
    let turns = turns(files);
    let mut first = Seeder::open(stage, scratch).await?;
    let mut second = Seeder::open(stage, scratch).await?;
    let mut watch = scratch.admin().await?;
    while !(first.has_ended() && second.has_ended()) {
        let is_firsts = second.has_ended() || first.taken <= second.taken;
        let (one, other) = if is_firsts && !first.has_ended() {
            (&mut first, &mut second)
        } else {
            (&mut second, &mut first)
        };
        turn(one, other, &turns, &mut watch).await?;
    }
    Ok([first.steps(files), second.steps(files)])
}

/// A turn of the one. As long as it must wait for the other, that takes its own.
async fn turn(
    one: &mut Seeder<'_>,
    other: &mut Seeder<'_>,
    turns: &[Turn],
    watch: &mut PgConnection,
) -> Result<()> {
    let blocks =
        format!("SELECT {} = ANY (pg_catalog.pg_blocking_pids({}))", other.backend, one.backend);
    let mut next = Box::pin(one.next(turns));
    loop {
        tokio::select! {
            biased;
            done = &mut next => return done,
            waits = until(watch, &blocks) => waits?,
        }
        while !other.has_ended() && value(watch, &blocks).await? == "t" {
            // It may wait in its turn, which Postgres ends by failing one of them.
            match select(&mut next, Box::pin(other.next(turns))).await {
                Either::Left((done, others)) => return others.await.and(done),
                Either::Right((others, _)) => others?,
            }
        }
    }
}

/// Waits until a query says yes. Most statements are over before it is asked.
async fn until(watch: &mut PgConnection, query: &str) -> Result<()> {
    loop {
        tokio::time::sleep(GLANCE).await;
        if value(watch, query).await? == "t" {
            return Ok(());
        }
    }
}
