//! `pg_dump` as the oracle of the catalog: of two databases that random DDL has made, it and we
//! must say alike whether they are the same.
//!
//! A case is a few statements of `statements.sql`, played in one database, and a twist for the
//! other: one statement more, fewer or changed; another order of those that don't depend on each
//! other; or the dump of the first, loaded. What fails is shrunk to as few statements as show it.

mod world;

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use proptest::prelude::*;
use proptest::test_runner::{Config, RngAlgorithm, TestError, TestRng, TestRunner};
use rehearsal::{Catalog, Database, Rehearsal};
use sqlx::{AssertSqlSafe, Connection as _, PgConnection};
use tokio::runtime::Runtime;

use crate::dump::{self, Dumping};

use self::world::{Statement, Template, World, templates};

/// How many cases the suite plays; the nightly workflow plays more, from another seed each night.
const CASES: u64 = 30;
const SEED: u64 = 1;

/// Of so many, every statement should be one.
const MANY: u64 = 1000;

/// After so many cases on which we disagree, the rest is not worth the wait.
const DISAGREEMENTS: usize = 5;

/// How many simpler cases are tried to explain one on which we disagree.
const ATTEMPTS: u32 = 100;

/// A difference that we tell and `pg_dump` doesn't: how our sentence begins, what else is in it,
/// and the reason.
type Excuse = (&'static str, &'static str, &'static str);

/// What `pg_dump` never writes.
const BEYOND_PG_DUMP: &[Excuse] = &[
    (
        "materialized view ",
        "not populated",
        "whether it has rows belongs to a dump's data, which is not asked for",
    ),
    ("extension plpgsql", "comment", "of what initdb has made, it writes privileges only"),
    ("system grant on language sql", "", "of a language that is built in, it writes nothing"),
];

/// What is another when a dump is loaded, and can't be seen in the dump of that.
const LOST_BY_LOADING: &[Excuse] = &[
    (
        "table ",
        ": column order ",
        "columns that are inherited stand before a child's own then, and it writes only its own",
    ),
    (
        "column ",
        ": generated ",
        "a child's own column stays what it is when its parent gets a generated one of that name, \
         but is made as a generated one",
    ),
];

const ROLES: &[&str] = &["reader", "\"Writer\""];

/// What decides a statement: which template, and what fills it. It can't be made simpler.
type Choice = u64;

#[derive(Clone, Debug)]
struct Case {
    choices: Vec<Choice>,
    twist: Twist,
}

/// How the second database comes to be.
#[derive(Clone, Debug)]
enum Twist {
    More(Choice),
    Fewer(Choice),
    Changed(Choice),
    Reordered(Choice),
    /// The dump of the first, loaded.
    Loaded,
    /// None: the first is compared with itself after each of its statements.
    Watched,
}

fn cases() -> impl Strategy<Value = Case> {
    let choice = || any::<Choice>().no_shrink();
    let twist = prop_oneof![
        3 => choice().prop_map(Twist::More),
        1 => choice().prop_map(Twist::Fewer),
        2 => choice().prop_map(Twist::Changed),
        2 => choice().prop_map(Twist::Reordered),
        2 => Just(Twist::Loaded),
        2 => Just(Twist::Watched),
    ];
    let choices = prop::collection::vec(choice(), 0..10);
    (choices, twist).prop_map(|(choices, twist)| Case { choices, twist })
}

#[test]
fn pg_dump_and_we_say_alike_whether_databases_are_the_same() {
    let number = |name: &str, default: u64| match std::env::var(name) {
        Ok(text) => text.parse().unwrap_or_else(|_| panic!("{name} is no number: {text}")),
        Err(_) => default,
    };
    let (count, seed) = (number("REHEARSAL_CASES", CASES), number("REHEARSAL_SEED", SEED));
    println!("{count} cases from the seed {seed}");
    let playground = Playground::new();
    let mut disagreements = Vec::new();
    for seed in seed..seed + count {
        let config = Config {
            cases: 1,
            failure_persistence: None,
            max_shrink_iters: ATTEMPTS,
            ..Config::default()
        };
        let bytes: Vec<u8> = (0..4).flat_map(|_| seed.to_le_bytes()).collect();
        let random = TestRng::from_seed(RngAlgorithm::ChaCha, &bytes);
        let played = TestRunner::new_with_rng(config, random)
            .run(&cases(), |case| playground.play(&case).map_err(TestCaseError::fail));
        match played {
            Ok(()) => {}
            Err(TestError::Fail(reason, _)) => {
                disagreements.push(format!("REHEARSAL_SEED={seed} REHEARSAL_CASES=1\n{reason}"));
            }
            Err(error) => panic!("{error}"),
        }
        if disagreements.len() == DISAGREEMENTS {
            break;
        }
    }
    assert!(disagreements.is_empty(), "\n{}\n", disagreements.join("\n\n"));
    playground.assert_worth(count);
}

/// A server, with a database to copy.
struct Playground {
    runtime: Runtime,
    database: Database,
    pg_dump: PathBuf,
    templates: Vec<Template>,
    base: World,
    tally: RefCell<Tally>,
}

/// What the cases were worth.
#[derive(Debug, Default)]
struct Tally {
    databases: usize,
    same: usize,
    different: usize,
    accepted: BTreeMap<usize, usize>,
    refused: BTreeMap<usize, usize>,
}

/// A database, as `pg_dump` writes it and as we read it.
struct Snapshot {
    entries: BTreeSet<String>,
    catalog: Catalog,
}

/// Two databases, told apart.
struct Verdict {
    /// What `pg_dump` says of one only.
    texts: Vec<String>,
    ours: Vec<String>,
}

impl Verdict {
    fn is_agreed(&self) -> bool {
        self.texts.is_empty() == self.ours.is_empty()
    }
}

impl Playground {
    fn new() -> Self {
        let runtime =
            tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        let folder = tempfile::tempdir().expect("a temporary folder");
        let write = |name: &str, text: &str| {
            std::fs::write(folder.path().join(name), text).expect("a file");
        };
        write("rehearsal.toml", "[postgres]\nrole = \"superuser\"\n");
        let roles = ROLES.iter().fold(String::new(), |sql, it| format!("{sql}CREATE ROLE {it};\n"));
        std::fs::create_dir(folder.path().join("migrations")).expect("a folder");
        // Roles are the whole server's: for this chain one is started that nobody else uses.
        write("migrations/1_roles.sql", &roles);
        let database = runtime.block_on(Rehearsal::of(folder.path()).database()).expect("a server");
        let major = runtime.block_on(major(&database));
        let mut playground = Self {
            runtime,
            database,
            pg_dump: dump::program(major),
            templates: templates(include_str!("oracle/statements.sql"), major),
            base: World::new(ROLES),
            tally: RefCell::default(),
        };
        let base = templates(include_str!("oracle/base.sql"), major);
        playground.base = playground.runtime.block_on(playground.make_base(&base));
        playground
    }

    /// Makes the database that cases begin with.
    async fn make_base(&self, templates: &[Template]) -> World {
        self.administer("CREATE DATABASE base").await;
        let mut connection = self.connect("base").await;
        let mut world = self.base.clone();
        for (seed, template) in (0..).zip(templates) {
            let statement = world.fill(template, seed).unwrap_or_else(|| panic!("{template:?}"));
            let executed = execute(&mut connection, "base", &statement.sql).await;
            executed.unwrap_or_else(|error| panic!("{error}\n{}", statement.sql));
            world.apply(&statement);
        }
        connection.close().await.expect("it was open");
        world
    }

    fn play(&self, case: &Case) -> Result<(), String> {
        self.runtime.block_on(async {
            let number = self.tally.borrow().databases;
            self.tally.borrow_mut().databases += 2;
            let [left, right] = [number, number + 1].map(|number| format!("oracle_{number}"));
            self.administer(&format!("CREATE DATABASE {left} TEMPLATE base")).await;
            let outcome = match &case.twist {
                Twist::Watched => self.watch(&case.choices, &left).await,
                twist => {
                    let is_loaded = matches!(twist, Twist::Loaded);
                    let template = if is_loaded { "template0" } else { "base" };
                    self.administer(&format!("CREATE DATABASE {right} TEMPLATE {template}")).await;
                    let outcome = self.compare(case, &left, &right).await;
                    self.drop_database(&right).await;
                    outcome
                }
            };
            self.drop_database(&left).await;
            outcome
        })
    }

    async fn compare(&self, case: &Case, left: &str, right: &str) -> Result<(), String> {
        let mut connection = self.connect(left).await;
        let (mut statements, mut worlds) = (Vec::new(), vec![self.base.clone()]);
        for choice in &case.choices {
            let world = worlds.last().expect("never empty");
            if let Some((statement, world)) = self.step(&mut connection, left, world, *choice).await
            {
                statements.push(statement);
                worlds.push(world);
            }
        }
        connection.close().await.expect("it was open");
        let is_loaded = matches!(case.twist, Twist::Loaded);
        let other = self.twisted(&case.twist, &statements, &worlds);
        let sent = if is_loaded {
            self.dump(left).end()?.statements(right)
        } else {
            other.iter().map(|statement| statement.sql.clone()).collect()
        };
        let mut connection = self.connect(right).await;
        for sql in &sent {
            // What is refused is so in both databases, or is a difference.
            let _ = execute(&mut connection, right, sql).await;
        }
        connection.close().await.expect("it was open");
        let [left, right] = self.snapshots([left, right]).await?;
        let mut verdict = self.verdict(&left, &right);
        if is_loaded {
            verdict.ours.retain(|difference| !is_excused(difference, LOST_BY_LOADING));
        }
        // What a dump loses, and what Postgres spells otherwise once it is loaded, we may see.
        if verdict.is_agreed() || is_loaded && !verdict.texts.is_empty() {
            return Ok(());
        }
        Err(told(&statements, (!is_loaded).then_some(&other), &verdict))
    }

    /// Compares a database with what it was after each of its statements.
    async fn watch(&self, choices: &[Choice], database: &str) -> Result<(), String> {
        let mut connection = self.connect(database).await;
        let mut snapshots = Vec::from(self.snapshots([database]).await?);
        let (mut statements, mut world) = (Vec::new(), self.base.clone());
        for choice in choices {
            let step = self.step(&mut connection, database, &world, *choice).await;
            let Some((statement, next)) = step else { continue };
            world = next;
            statements.push(statement);
            let [now] = self.snapshots([database]).await?;
            for (count, earlier) in snapshots.iter().enumerate() {
                let verdict = self.verdict(earlier, &now);
                if !verdict.is_agreed() {
                    return Err(told(&statements[..count], Some(&statements), &verdict));
                }
            }
            snapshots.push(now);
        }
        connection.close().await.expect("it was open");
        Ok(())
    }

    /// Plays the statement that a choice comes to. Returns it with what is there then, if it was
    /// accepted.
    async fn step(
        &self,
        connection: &mut PgConnection,
        database: &str,
        world: &World,
        choice: Choice,
    ) -> Option<(Statement, World)> {
        let (template, statement) = self.statement(world, choice);
        let executed = execute(connection, database, &statement.sql).await;
        let mut tally = self.tally.borrow_mut();
        if executed.is_err() {
            *tally.refused.entry(template).or_default() += 1;
            return None;
        }
        *tally.accepted.entry(template).or_default() += 1;
        let mut world = world.clone();
        world.apply(&statement);
        Some((statement, world))
    }

    /// The statement that a choice comes to where this is there, and the number of its template.
    fn statement(&self, world: &World, choice: Choice) -> (usize, Statement) {
        let count = self.templates.len();
        let first = usize::try_from(choice % count as u64).expect("a small number");
        let filled = (first..first + count)
            .map(|number| number % count)
            .find_map(|number| Some((number, world.fill(&self.templates[number], choice)?)));
        filled.expect("some templates need nothing that is there")
    }

    fn twisted(&self, twist: &Twist, statements: &[Statement], worlds: &[World]) -> Vec<Statement> {
        let mut twisted = statements.to_vec();
        let place = |choice: Choice, count: usize| {
            usize::try_from((choice >> 32) % count.max(1) as u64).expect("a small number")
        };
        match *twist {
            Twist::More(choice) => {
                let place = place(choice, worlds.len());
                twisted.insert(place, self.statement(&worlds[place], choice).1);
            }
            Twist::Changed(choice) if !twisted.is_empty() => {
                let place = place(choice, twisted.len());
                twisted[place] = self.statement(&worlds[place], choice).1;
            }
            Twist::Fewer(choice) if !twisted.is_empty() => {
                twisted.remove(place(choice, twisted.len()));
            }
            Twist::Reordered(choice) => reorder(&mut twisted, choice),
            _ => {}
        }
        twisted
    }

    async fn snapshots<const N: usize>(&self, names: [&str; N]) -> Result<[Snapshot; N], String> {
        let dumps = names.map(|name| self.dump(name));
        let mut snapshots = Vec::new();
        for (name, dump) in names.iter().zip(dumps) {
            let catalog = Catalog::read(&self.url(name)).await;
            let catalog = catalog.map_err(|error| error.to_string())?;
            snapshots.push((dump, catalog));
        }
        let ended = snapshots
            .into_iter()
            .map(|(dump, catalog)| Ok(Snapshot { entries: dump.end()?.entries(), catalog }));
        let snapshots: Vec<Snapshot> = ended.collect::<Result<_, String>>()?;
        Ok(snapshots.try_into().ok().expect("as many as names"))
    }

    fn verdict(&self, left: &Snapshot, right: &Snapshot) -> Verdict {
        let mut texts = only_in(&left.entries, &right.entries, '<');
        texts.extend(only_in(&right.entries, &left.entries, '>'));
        let mut ours = left.catalog.differences(&right.catalog);
        ours.retain(|difference| !is_excused(difference, BEYOND_PG_DUMP));
        let mut tally = self.tally.borrow_mut();
        let count = if texts.is_empty() { &mut tally.same } else { &mut tally.different };
        *count += 1;
        Verdict { texts, ours }
    }

    /// A test that hardly plays anything, or always comes to the same end, proves nothing.
    fn assert_worth(&self, cases: u64) {
        let tally = self.tally.borrow();
        let accepted: usize = tally.accepted.values().sum();
        let refused: usize = tally.refused.values().sum();
        println!(
            "{accepted} statements of {} in {} templates accepted, {refused} refused; {} pairs the \
             same, {} different",
            tally.accepted.len(),
            self.templates.len(),
            tally.same,
            tally.different
        );
        for number in (0..self.templates.len()).filter(|it| !tally.accepted.contains_key(it)) {
            if cases >= MANY {
                println!("never accepted: {}", self.templates[number].text);
            }
        }
        if cases >= CASES {
            assert!(accepted > refused * 7 / 3, "{refused} refused, only {accepted} accepted");
            assert!(tally.same > 0 && tally.different > 0, "{tally:?}");
        }
    }

    fn dump(&self, database: &str) -> Dumping {
        dump::begin(&self.pg_dump, &self.url(database), database)
    }

    fn url(&self, database: &str) -> String {
        let url = self.database.url();
        let (server, _) = url.rsplit_once('/').expect("a URL ends in the database's name");
        format!("{server}/{database}")
    }

    async fn connect(&self, database: &str) -> PgConnection {
        PgConnection::connect(&self.url(database)).await.expect("the server answers")
    }

    async fn administer(&self, sql: &str) {
        self.database.execute(sql).await.unwrap_or_else(|error| panic!("{error}: {sql}"));
    }

    async fn drop_database(&self, name: &str) {
        // A database that has subscriptions can't be dropped.
        let mut connection = self.connect(name).await;
        let query = "SELECT format('DROP SUBSCRIPTION %I', subname) FROM pg_subscription
            WHERE subdbid = (SELECT oid FROM pg_database WHERE datname = current_database())";
        let drops = sqlx::query_scalar::<_, String>(query).fetch_all(&mut connection).await;
        for sql in drops.expect("a superuser reads it") {
            execute(&mut connection, name, &sql).await.expect("it uses no slot");
        }
        connection.close().await.expect("it was open");
        self.administer(&format!("DROP DATABASE {name}")).await;
    }
}

fn is_excused(difference: &str, excuses: &[Excuse]) -> bool {
    excuses
        .iter()
        .any(|(begin, part, _)| difference.starts_with(begin) && difference.contains(part))
}

async fn major(database: &Database) -> u32 {
    let session = PgConnection::connect(&database.url()).await.expect("the server answers");
    session.server_version_num().expect("every server has a version") / 10_000
}

async fn execute(connection: &mut PgConnection, database: &str, sql: &str) -> sqlx::Result<()> {
    let sql = sql.replace("<database>", database);
    sqlx::raw_sql(AssertSqlSafe(sql)).execute(connection).await.map(drop)
}

/// Moves statements past others that they don't depend on.
fn reorder(statements: &mut [Statement], choice: Choice) {
    for pass in 0..statements.len() {
        for place in 1..statements.len() {
            let is_asked = choice.rotate_left(u32::try_from(7 * pass + place).expect("small")) & 1;
            let [before, after] = &statements[place - 1..=place] else { continue };
            if is_asked == 1 && before.is_independent_of(after) {
                statements.swap(place - 1, place);
            }
        }
    }
}

/// The entries that another dump lacks: their titles, and those lines that it has in none of its
/// own.
fn only_in(dump: &BTreeSet<String>, other: &BTreeSet<String>, sign: char) -> Vec<String> {
    let lines: BTreeSet<&str> = other.difference(dump).flat_map(|entry| entry.lines()).collect();
    let told = |entry: &String| {
        let (title, body) = entry.split_once('\n').unwrap_or((entry, ""));
        let fresh = body.lines().filter(|line| !lines.contains(line));
        fresh.fold(format!("{sign} {title}"), |told, line| format!("{told}\n  {line}"))
    };
    dump.difference(other).map(told).collect()
}

/// What a person needs who looks for the reason.
fn told(statements: &[Statement], other: Option<&Vec<Statement>>, verdict: &Verdict) -> String {
    let list = |title: &str, lines: Vec<&str>| {
        let lines = if lines.is_empty() { vec!["nothing"] } else { lines };
        format!("{title}\n    {}\n", lines.join("\n").replace('\n', "\n    "))
    };
    let sql = |statements: &[Statement]| -> String {
        statements.iter().map(|statement| statement.sql.clone() + "\n").collect()
    };
    let other = match other {
        Some(other) => list("in the other:", vec![&sql(other)]),
        None => "in the other: the dump of the one\n".to_owned(),
    };
    let texts = verdict.texts.iter().map(String::as_str).collect();
    let ours = verdict.ours.iter().map(String::as_str).collect();
    list("in the one:", vec![&sql(statements)])
        + &other
        + &list("pg_dump says:", texts)
        + &list("we say:", ours)
}
