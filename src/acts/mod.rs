//! The scenarios: each is played on scratch databases and recorded in a trace.
//!
//! Acts judge nothing. Whatever a project's SQL does, however wrong, is recorded; only what the
//! harness itself can't do is an error. Rows that are made up, or changed as an app would, are
//! `attempts`: Postgres decides which of them there are.

mod attempts;
mod beside;
mod boot;
mod closure;
mod command;
mod fresh;
mod look;
mod migration;
// Each real tool is an oracle: what it leaves behind, the acts must leave behind.
#[cfg(test)]
mod oracle;
mod others;
mod recipe;
mod replay;
mod rerun;
mod seeded;
mod seeding;
mod session;
mod squash;
mod upgrade;

use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;
use std::time::{Duration, Instant};

use futures_util::future::{Either, select};
use sqlx::{AssertSqlSafe, PgConnection, Row as _};

pub(crate) use self::closure::{Migrate, Outcome};
use self::fresh::{Made, Purpose};
use self::migration::{Book, Played};
use self::recipe::Recipe;
pub(crate) use self::seeded::seeded;
use self::session::Player;
use self::squash::OtherSide;
#[cfg(feature = "cli")]
pub(crate) use self::squash::populate;
use crate::Result;
use crate::catalog::{self, Belongings, Catalog, Comparison, Without, parent_of};
use crate::rows::{self, Detail, Rows, Uncounted};
use crate::server::{News, Scratch, Server, Silence};
use crate::source::{Home, Project, Side};
use crate::sql::{Name, Object};
use crate::trace::{Act, Boot, NextBoot, Seeding, Sown, State, Trace, Traces};

/// Told what is going on, for those who wait.
pub(crate) trait Progress: News {
    /// A file of an act is done.
    fn played(&self, act: Act, done: usize, of: usize);
}

impl Progress for Silence {
    fn played(&self, _: Act, _: usize, _: usize) {}
}

/// What all acts of a run share.
pub(crate) struct Stage<'a> {
    pub(crate) server: &'a Server,
    pub(crate) project: &'a Project,
    /// How long one text may run, or one command.
    pub(crate) limit: Duration,
    /// Whether a failed act's database is kept for a look.
    pub(crate) keep: bool,
    pub(crate) progress: &'a dyn Progress,
    /// What boots the project, where that is a closure.
    pub(crate) closure: Option<&'a dyn Migrate>,
    /// The closures that seed, in their order.
    pub(crate) seeders: &'a [Rc<dyn Migrate + 'a>],
    /// Whether the acts boot the same files again and again, on a server of ours, which may then
    /// keep what they have made.
    pub(crate) keeps_templates: bool,
    /// Whether acts could get in each other's way if they were played at once.
    pub(crate) takes_turns: bool,
    /// Settings of made-up classes that the chain's text names.
    pub(crate) custom_settings: Vec<String>,
}

/// Plays the wanted acts. The first boot is always among them: the others go on from its end.
pub(crate) async fn play(stage: &Stage<'_>, wanted: &BTreeSet<Act>) -> Result<Traces> {
    if let Some(fresh) = refused(stage) {
        return Ok(Traces::of_fresh(fresh));
    }
    let (Begun { trace: fresh, made, end: seen, again }, other) = begin(stage, wanted).await?;
    let read_end = async || match seen {
        Some(end) => Ok(end),
        None => end_of(stage, &made).await,
    };
    let mut traces = Traces::of_fresh(fresh);
    if !traces.fresh.boot.succeeded() {
        return Ok(traces);
    }
    let rerun = wanted.contains(&Act::Rerun);
    let replay = wanted.contains(&Act::Replay);
    let end;
    if stage.project.config.postgres.database.is_some() {
        // One name, one database: the acts take turns.
        end = read_end().await?;
        if rerun {
            let played = rerun::play(stage, made.copy(stage).await?).await?;
            traces.rerun = Some(rerun::leave(stage, &made, &end, played).await?);
        }
        if replay {
            traces.replay = Some(replay::play(stage, made.copy(stage).await?).await?);
        }
    } else {
        // Nobody can be connected to a database that is being copied, so the copies come first.
        let copy = async |wanted: bool| match wanted.then(|| made.copy(stage)) {
            Some(copy) => copy.await.map(Some),
            None => Ok(None),
        };
        let (for_rerun, for_replay) = tokio::try_join!(copy(rerun), copy(replay))?;
        let second;
        (end, second, traces.replay) = tokio::try_join!(
            read_end(),
            optional(for_rerun.map(|copy| Box::pin(rerun::play(stage, copy)))),
            optional(for_replay.map(|copy| Box::pin(replay::play(stage, copy)))),
        )?;
        if let Some(played) = second {
            traces.rerun = Some(rerun::leave(stage, &made, &end, played).await?);
        }
    }
    if let Some(trace) = &mut traces.replay {
        replay::trace_changes(stage, &made, &end, trace).await?;
    }
    Box::pin(seeding::play(stage, wanted, &made, &end, &mut traces)).await?;
    let own = squash::OwnSide { made: &made, end: &end, again };
    Box::pin(squash::play(stage, wanted, own, other, &mut traces)).await?;
    if wanted.contains(&Act::Upgrade) {
        traces.upgraded = Box::pin(upgrade::play(stage, &end)).await?.map(Box::new);
    }
    traces.fresh.end = Some(end);
    Ok(traces)
}

/// What a first boot came to, and what was read and played after it already.
struct Begun {
    trace: Trace,
    made: Made,
    end: Option<State>,
    again: Option<NextBoot>,
}

/// Plays the first boot, and that of the other side of a squash. A boot that fails says more than
/// whatever the other side comes to, which nobody waits for then.
async fn begin(stage: &Stage<'_>, wanted: &BTreeSet<Act>) -> Result<(Begun, Option<OtherSide>)> {
    let own = Box::pin(own_side(stage, wanted));
    let other = Box::pin(squash::other_side(stage, wanted));
    if stage.takes_turns {
        let begun = own.await?;
        let other = if begun.trace.boot.succeeded() { other.await? } else { None };
        return Ok((begun, other));
    }
    let (begun, other) = match select(own, other).await {
        Either::Left((begun, other)) => {
            let begun = begun?;
            if !begun.trace.boot.succeeded() {
                return Ok((begun, None));
            }
            (begun, other.await)
        }
        Either::Right((other, own)) => (own.await?, other),
    };
    let other = if begun.trace.boot.succeeded() { other? } else { None };
    Ok((begun, other))
}

/// The first boot. While the other side of a squash is played, there is time to read what it made,
/// and to boot once more where that is a baseline's.
async fn own_side(stage: &Stage<'_>, wanted: &BTreeSet<Act>) -> Result<Begun> {
    let (trace, made) = fresh::play(stage, Purpose::Trace).await?;
    let squash = stage.project.squash.as_ref().filter(|_| wanted.contains(&Act::Baseline));
    let (mut end, mut again) = (None, None);
    if let Some(squash) = squash.filter(|_| trace.boot.succeeded()) {
        let there = end_of(stage, &made).await?;
        // A second boot of the project itself is played anyway, if somebody judges that.
        if squash.own == Side::New && !wanted.contains(&Act::Rerun) {
            again = squash::next_boot(stage, &made, &there).await?;
        }
        end = Some(there);
    }
    Ok(Begun { trace, made, end, again })
}

/// Reads what the first boot made. Nobody can connect to a template.
async fn end_of(stage: &Stage<'_>, made: &Made) -> Result<State> {
    if let Made::Scratch(scratch) = made {
        return begin_of(stage, &mut scratch.admin().await?).await;
    }
    let copy = made.copy(stage).await?;
    let end = begin_of(stage, &mut copy.admin().await?).await?;
    stage.server.drop_database(copy).await?;
    Ok(end)
}

/// What a first boot came to that was played for its database.
pub(crate) struct FirstBoot {
    pub(crate) trace: Trace,
    /// If it succeeded.
    pub(crate) scratch: Option<Scratch>,
    /// Whether it is known to have changed nothing of what belongs to the whole server.
    pub(crate) is_confined: bool,
    /// The seeds, where it is they that failed.
    pub(crate) seeding: Option<Seeding>,
    /// The post scripts, where it is they that failed.
    pub(crate) posted: Vec<Sown>,
}

impl FirstBoot {
    /// One that has left no database.
    fn without(trace: Trace) -> Self {
        Self { trace, scratch: None, is_confined: true, seeding: None, posted: Vec::new() }
    }
}

/// Plays the first boot alone.
pub(crate) async fn first_boot(stage: &Stage<'_>) -> Result<FirstBoot> {
    if let Some(trace) = refused(stage) {
        return Ok(FirstBoot::without(trace));
    }
    let (trace, made) = Box::pin(fresh::play(stage, Purpose::Database)).await?;
    let is_confined = matches!(made, Made::Template(_));
    let mut scratch = None;
    if trace.boot.succeeded() {
        scratch = Some(made.take(stage).await?);
    }
    Ok(FirstBoot { scratch, is_confined, ..FirstBoot::without(trace) })
}

/// The first boot of a tool that would not even begin.
fn refused(stage: &Stage<'_>) -> Option<Trace> {
    let chain = &stage.project.chain;
    let refusal = chain.refusal().filter(|_| !chain.runner.is_opaque())?;
    let boot = Boot { refusal: Some(refusal.message.clone()), ..Boot::default() };
    Some(Recorder::begin(stage, Act::Fresh).end(boot, None))
}

/// What the tool of a project makes for itself, where its ledger is of this qualified name.
pub(crate) fn ledger_of(project: &Project, table: Option<&str>) -> Option<Belongings> {
    let (chain, table) = (&project.chain, table?.to_owned());
    let schema = parent_of(&table)?.to_owned();
    let home = Home { schema: schema.clone(), settings: chain.settings.clone() };
    let ledger = chain.ledger()?;
    let qualified = |name: &Name| match name.schema {
        Some(_) => name.to_string(),
        None => format!("{schema}.{name}"),
    };
    let made = ledger.made(&home, Object::Table);
    let tables = made.iter().map(qualified).chain([table.clone()]).collect();
    let schemas = ledger.made(&home, Object::Schema);
    let schema = schemas.first().map(ToString::to_string);
    Some(Belongings { tool: chain.format.name, table, tables, schema })
}

/// What a tool's ledger of this qualified name says of the files that have run, if it can be read.
pub(crate) async fn applied(
    project: &Project,
    table: &str,
    reader: &mut PgConnection,
) -> Option<Vec<String>> {
    let schema = parent_of(table)?.to_owned();
    // Some tools leave it to the session where their table is.
    let path = format!("SET search_path = {schema}");
    sqlx::raw_sql(AssertSqlSafe(path)).execute(&mut *reader).await.ok()?;
    let home = Home { schema, settings: project.chain.settings.clone() };
    let query = (project.chain.ledger()?.applied)(&home);
    let rows = sqlx::raw_sql(AssertSqlSafe(query)).fetch_all(&mut *reader).await.ok()?;
    let entries = rows.iter().map(|row| row.try_get::<Option<String>, _>(0));
    Some(entries.collect::<Result<Vec<_>, _>>().ok()?.into_iter().flatten().collect())
}

/// Plays both, at once unless they must take turns.
async fn both<A, B>(
    stage: &Stage<'_>,
    one: impl Future<Output = Result<A>>,
    other: impl Future<Output = Result<B>>,
) -> Result<(A, B)> {
    if stage.takes_turns {
        return Ok((one.await?, other.await?));
    }
    tokio::try_join!(one, other)
}

/// Plays an act, if there is one to play.
async fn optional<T>(act: Option<impl Future<Output = Result<T>>>) -> Result<Option<T>> {
    match act {
        Some(act) => act.await.map(Some),
        None => Ok(None),
    }
}

impl<'a> Stage<'a> {
    /// The stage with another project on it, of which nothing is told beside the act itself.
    fn on(&self, project: &'a Project) -> Self {
        let custom_settings = self.custom_settings.clone();
        Stage { project, progress: &Silence, custom_settings, ..*self }
    }
}

impl Stage<'_> {
    /// Ends an act's use of its database: records where a failed one is kept, drops the others.
    async fn leave(&self, scratch: Scratch, boot: &Boot) -> Result<Option<String>> {
        if self.keep && !boot.succeeded() {
            return Ok(Some(self.aside(scratch).await?.url()));
        }
        self.server.drop_database(scratch).await?;
        Ok(None)
    }

    /// Gives a database the name that the project expects, which nobody has.
    async fn onstage(&self, scratch: Scratch) -> Result<Scratch> {
        match self.project.config.database() {
            Some(name) => self.server.rename(scratch, name).await,
            None => Ok(scratch),
        }
    }

    /// Frees the name that the project expects, for the next act.
    async fn aside(&self, scratch: Scratch) -> Result<Scratch> {
        match self.project.config.database() {
            Some(_) => self.server.rename(scratch, &self.server.free_name()).await,
            None => Ok(scratch),
        }
    }
}

/// Compares two schemas. What is spelled otherwise is made again in a database that is gone
/// afterwards.
pub(crate) async fn compared(
    server: &Server,
    left: &Catalog,
    right: &Catalog,
    without: &Without,
) -> Result<Comparison> {
    let mut empty = None;
    let open = async || empty.insert(server.create(None).await?).admin().await;
    let comparison = catalog::compare(left, right, without, open).await?;
    if let Some(empty) = empty {
        server.drop_database(empty).await?;
    }
    Ok(comparison)
}

/// Reads a database's schema and data. The schema may well be that of the state `before`.
async fn state_of(reader: &mut PgConnection, before: Option<&State>) -> Result<State> {
    let catalog = match before {
        Some(before) => Catalog::read_again(reader, Some(&before.catalog)).await?,
        None => Catalog::read_from(reader).await?,
    };
    let rows = Rows::read(reader).await?;
    Ok(State { catalog, rows })
}

/// The same, at once where nobody takes turns: the schema is read in a session of its own.
async fn state_at_once(
    stage: &Stage<'_>,
    scratch: &Scratch,
    reader: &mut PgConnection,
    before: Option<&State>,
) -> Result<State> {
    let known = before.map(|it| &it.catalog);
    let catalog = async { Catalog::read_again(&mut scratch.admin().await?, known).await };
    let (catalog, rows) = both(stage, catalog, Rows::read(reader)).await?;
    Ok(State { catalog, rows })
}

/// What is there where most acts begin: what they come to is compared with it, one after the other.
async fn begin_of(stage: &Stage<'_>, reader: &mut PgConnection) -> Result<State> {
    let Project { scripts, squash, .. } = stage.project;
    let has_more = !scripts.seeds.is_empty() || !scripts.post.is_empty() || squash.is_some();
    if !has_more && !stage.keeps_templates {
        return state_of(reader, None).await;
    }
    let catalog = Catalog::read_again(reader, None).await?;
    Ok(State { catalog, rows: Rows::read(reader).await? })
}

/// Rows before and after, by the table's name.
type Details = BTreeMap<String, (Detail, Detail)>;

/// The rows of small tables that an act has changed in its database, which is handed back. What
/// can't be read row by row is told by its count.
async fn details(
    stage: &Stage<'_>,
    fresh: &Made,
    before: &Rows,
    after: &Rows,
    scratch: Scratch,
) -> Result<(Details, Scratch)> {
    let tables = rows::small_tables_that_differ(before, after);
    if tables.is_empty() {
        return Ok((Details::new(), scratch));
    }
    let scratch = stage.aside(scratch).await?;
    let after = Detail::read(&mut scratch.admin().await?, &tables).await;
    let copy = fresh.copy(stage).await?;
    let before = Detail::read(&mut copy.admin().await?, &tables).await;
    stage.server.drop_database(copy).await?;
    let (Ok(before), Ok(mut after)) = (before, after) else {
        return Ok((Details::new(), scratch));
    };
    let both = before.into_iter().filter_map(|(table, was)| {
        let is = after.remove(&table)?;
        Some((table, (was, is)))
    });
    Ok((both.collect(), scratch))
}

/// A trace under way.
struct Recorder(Instant);

impl Recorder {
    fn begin(stage: &Stage<'_>, act: Act) -> Self {
        stage.progress.begin(act.name());
        Self(Instant::now())
    }

    fn end(self, boot: Boot, end: Option<State>) -> Trace {
        let duration = self.0.elapsed();
        Trace {
            boot,
            begin: None,
            end,
            writes: Err(Uncounted::Unasked),
            details: BTreeMap::new(),
            path: Vec::new(),
            duration,
            kept: None,
        }
    }
}

#[cfg(test)]
mod tests {
    use pretty_assertions::assert_eq;

    use super::*;
    use crate::server::run;

    #[tokio::test(flavor = "current_thread")]
    async fn a_schema_that_is_known_is_read_again_where_it_is_another_one() {
        let version = std::env::var("REHEARSAL_POSTGRES").ok().filter(|it| !it.is_empty());
        let server = Server::start(version.as_deref(), false).await.expect("a server");
        let scratch = server.create(None).await.expect("a database");
        let mut reader = scratch.admin().await.expect("a connection");
        run(&mut reader, "CREATE TABLE a (b int)").await.expect("a table");
        let known = Catalog::read_again(&mut reader, None).await.expect("a schema");
        // Who is no superuser is not told by what it is known.
        for role in ["NONE", "pg_read_all_data"] {
            run(&mut reader, &format!("SET ROLE {role}")).await.expect("a role");
            let same = Catalog::read_again(&mut reader, Some(&known)).await.expect("a schema");
            assert_eq!(same, known);
            run(&mut reader, "RESET ROLE; ALTER TABLE a ADD c int").await.expect("a column");
            run(&mut reader, &format!("SET ROLE {role}")).await.expect("a role");
            let other = Catalog::read_again(&mut reader, Some(&known)).await.expect("a schema");
            assert_eq!(known.differences(&other).len(), 1, "as {role}");
            run(&mut reader, "RESET ROLE; ALTER TABLE a DROP c").await.expect("no column");
        }
        drop(reader);
        server.drop_database(scratch).await.expect("nobody is connected");
    }
}
