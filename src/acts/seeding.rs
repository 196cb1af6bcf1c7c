//! The acts of seeds and of the bootstrap: what they share, and the order in which they are played.

mod bootstrap;
mod closures;
mod seed;
mod settings;
mod trials;

use std::collections::BTreeSet;

use sqlx::postgres::PgConnection;

use super::fresh::Made;
use super::session::Player;
use super::{Stage, closure, command};
use crate::Result;
use crate::config::Transaction;
use crate::rows::Rows;
use crate::server::Scratch;
use crate::source::{Migration, SCRIPTS, Seed};
use crate::sql::{Control, Kind, Statement};
use crate::trace::{Act, Cause, Failure, Opaque, Point, Sown, State, Traces};

/// Plays those acts that are wanted, each on copies of what the first boot made. Nobody is
/// connected to that any more, so they may make as many copies as they need.
pub(super) async fn play(
    stage: &Stage<'_>,
    wanted: &BTreeSet<Act>,
    made: &Made,
    end: &State,
    traces: &mut Traces,
) -> Result<()> {
    let compares = [Act::Seed, Act::Twin, Act::Race, Act::Edit, Act::Bootstrap];
    if !compares.iter().any(|act| wanted.contains(act)) {
        return Ok(());
    }
    // All others are judged by what it made.
    let seeding = seed::play(stage, made, end).await?;
    let seeding = traces.seeding.insert(seeding);
    let Some(seeded) = &seeding.first.end else { return Ok(()) };
    let mut siblings = trials::Siblings::new(stage, made);
    if wanted.contains(&Act::Twin) {
        traces.twin = Some(trials::twin(&mut siblings, seeded).await?);
    }
    // Seeds that can't even run one after the other have nothing to prove here.
    let can_run_again = seeding.second.as_ref().is_some_and(|second| second.end.is_some());
    if wanted.contains(&Act::Race) && can_run_again {
        traces.race = Some(trials::race(stage, made, seeded, &mut siblings).await?);
    }
    let failed = siblings.end().await?;
    if let Some(twin) = &mut traces.twin {
        twin.failed = failed;
    }
    if wanted.contains(&Act::Edit) && can_run_again {
        traces.edit = Some(trials::edit(stage, made).await?);
    }
    if wanted.contains(&Act::Bootstrap) {
        traces.bootstrap = Some(Box::pin(bootstrap::play(stage, made, end)).await?);
    }
    Ok(())
}

/// Runs all seeds on a database, in their order, until one fails.
pub(super) async fn sow(stage: &Stage<'_>, scratch: &Scratch, act: Act) -> Result<Vec<Sown>> {
    let count = stage.project.scripts.seeds.len();
    let transaction = stage.project.config.seeds.transaction;
    let mut sower = Sower::start(stage, scratch, transaction).await?;
    let mut steps = Vec::new();
    for place in 0..count {
        let sown = sower.step(place).await?;
        let succeeded = sown.succeeded();
        steps.push(sown);
        stage.progress.played(act, place + 1, count);
        if !succeeded {
            return Ok(steps);
        }
    }
    sower.finish(&mut steps).await?;
    Ok(steps)
}

/// Gives seeds to a database, one after the other.
struct Sower<'a> {
    stage: &'a Stage<'a>,
    scratch: &'a Scratch,
    /// Where one transaction holds them all.
    shared: Option<Session<'a>>,
}

impl<'a> Sower<'a> {
    async fn start(
        stage: &'a Stage<'a>,
        scratch: &'a Scratch,
        transaction: Transaction,
    ) -> Result<Self> {
        let mut shared = None;
        if transaction == Transaction::All {
            shared = Some(Session::open(stage, scratch).await?);
        }
        Ok(Self { stage, scratch, shared })
    }

    async fn step(&mut self, place: usize) -> Result<Sown> {
        let Self { stage, scratch, shared } = self;
        Ok(match (&stage.project.scripts.seeds[place], shared) {
            (Seed::File(file), Some(session)) => of(place, session.play(file).await?),
            (Seed::File(file), None) => of(place, script(stage, scratch, file).await?),
            (Seed::Closure(index), Some(session)) => {
                let opaque = Some(closures::within(stage, scratch, *index, session).await?);
                Sown { place, failures: Vec::new(), opaque }
            }
            (seed, _) => {
                let opaque = seed_by(stage, scratch, seed, Company::Alone).await?;
                Sown { place, failures: Vec::new(), opaque }
            }
        })
    }

    /// Commits what is open, and ends what closures have left there.
    async fn finish(self, steps: &mut [Sown]) -> Result<()> {
        let Some(mut session) = self.shared else { return Ok(()) };
        let failures = session.commit_all().await?;
        drop(session);
        // Which of the closures it was, nothing tells.
        if let Some(opaque) = steps.iter_mut().rev().find_map(|step| step.opaque.as_mut()) {
            opaque.went_on = closure::leave(self.stage, self.scratch, opaque.ended).await?;
        }
        if let Some(last) = steps.last_mut() {
            last.failures.extend(failures);
        }
        Ok(())
    }
}

/// Whether a seeder is the only one on its database. If so, nobody else's session is cut off when
/// what it has left there is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Company {
    Alone,
    Beside,
}

/// Runs a seed that keeps to itself what it does; a file isn't one.
async fn seed_by(
    stage: &Stage<'_>,
    scratch: &Scratch,
    seed: &Seed,
    company: Company,
) -> Result<Option<Opaque>> {
    match seed {
        Seed::File(_) => Ok(None),
        Seed::Command(line) => {
            let settings = stage.project.config.bootstrap.settings();
            command::seed(stage, scratch, line, &settings, company == Company::Alone)
                .await
                .map(Some)
        }
        Seed::Closure(index) => closures::run(stage, scratch, *index, company).await.map(Some),
    }
}

/// Runs scripts on a database, each in a transaction of its own, until one fails.
pub(super) async fn run(
    stage: &Stage<'_>,
    scratch: &Scratch,
    scripts: &[Migration],
) -> Result<Vec<Sown>> {
    let mut steps = Vec::new();
    for (place, file) in scripts.iter().enumerate() {
        let sown = of(place, script(stage, scratch, file).await?);
        let succeeded = sown.succeeded();
        steps.push(sown);
        if !succeeded {
            break;
        }
    }
    Ok(steps)
}

/// Reads the tables that have columns which each run may fill anew, without those.
async fn rows_kept(stage: &Stage<'_>, reader: &mut PgConnection) -> Result<Rows> {
    let seeds = &stage.project.config.seeds;
    if seeds.ignore_columns.is_empty() {
        return Ok(Rows::default());
    }
    Rows::read_where_ignoring(reader, |table, column| seeds.ignores(table, column)).await
}

fn of(place: usize, failures: Vec<Failure>) -> Sown {
    Sown { place, failures, opaque: None }
}

/// Runs a file in a session and a transaction of its own.
async fn script(stage: &Stage<'_>, scratch: &Scratch, file: &Migration) -> Result<Vec<Failure>> {
    let mut session = Session::open(stage, scratch).await?;
    let mut failures = session.play(file).await?;
    if failures.is_empty() {
        failures.extend(session.commit(file).await?);
    }
    Ok(failures)
}

/// A session with an open transaction, which has the settings of the bootstrap.
struct Session<'a> {
    player: Player<'a>,
    opened: std::result::Result<(), Failure>,
}

impl<'a> Session<'a> {
    async fn open(stage: &'a Stage<'a>, scratch: &Scratch) -> Result<Self> {
        let mut player = Player::connect_by(stage, scratch, SCRIPTS).await?;
        let opened = settings::begin(stage, &mut player).await?;
        Ok(Self { player, opened })
    }

    async fn play(&mut self, file: &Migration) -> Result<Vec<Failure>> {
        if let Err(failure) = &self.opened {
            return Ok(vec![failure.clone()]);
        }
        let mut failures = self.player.play_script(file).await?;
        if failures.is_empty() {
            failures.extend(lost_transaction(file));
        }
        Ok(failures)
    }

    async fn commit(&mut self, file: &Migration) -> Result<Vec<Failure>> {
        match file.parts.first() {
            Some(part) => self.player.commit(&file.file, part).await,
            None => self.commit_all().await,
        }
    }

    /// Commits what several files have done.
    async fn commit_all(&mut self) -> Result<Vec<Failure>> {
        let failure = self.player.keep_book("COMMIT").await?.err();
        Ok(failure.map(|failure| Failure { at: Point::Commit, ..failure }).into_iter().collect())
    }
}

/// What is wrong with a file that has ended the transaction in which it was played, whether or not
/// it has begun another one.
fn lost_transaction(file: &Migration) -> Option<Failure> {
    let index = file.file.script.statements().position(ends_transaction)?;
    let message = "the file ends the transaction in which it is played";
    Some(Failure::new(Point::Statement(index), Cause::LostTransaction, message))
}

fn ends_transaction(statement: &Statement) -> bool {
    let ends = [Control::Commit, Control::Rollback, Control::Prepare];
    matches!(statement.kind, Kind::Transaction(control) if ends.contains(&control))
}
