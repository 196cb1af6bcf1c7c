//! The real tools as oracles: what they make of a folder and what we make of it are the same, in
//! the catalog, in the rows and in the ledger; and each finds nothing to do where the other was.

#[cfg(feature = "oracles")]
mod dbmate;
#[cfg(feature = "oracles-nightly")]
mod diesel;
#[cfg(feature = "oracles")]
mod drizzle;
mod goose;
#[cfg(feature = "oracles-nightly")]
mod prisma;
#[cfg(feature = "oracles-nightly")]
mod refinery;
#[cfg(feature = "oracles")]
mod sql_migrate;
#[cfg(feature = "oracles")]
mod sqitch;
mod sqlx;

use std::path::{Path, PathBuf};
use std::time::Duration;

use futures_util::future::LocalBoxFuture;
use pretty_assertions::assert_eq;

use super::{Stage, boot::boot, state_of};
use crate::catalog;
use crate::config::Config;
use crate::server::{Scratch, Server, Silence};
use crate::source::Project;
use crate::sql::quoted;
use crate::trace::{Act, State};

/// A migration tool, ready to run.
#[derive(Clone, Copy)]
struct Tool {
    format: &'static str,
    /// The folder of the migrations, within a project.
    folder: &'static str,
    run: Run,
    /// Its ledger's table, or how the names of its tables begin.
    ledger: &'static str,
    /// Its rows, without times and durations.
    ledger_rows: &'static str,
}

#[derive(Clone, Copy)]
enum Run {
    /// A library, which the application that it migrates would call.
    Library(for<'a> fn(&'a Scratch, &'a Path) -> LocalBoxFuture<'a, bool>),
    /// A program, by the variable that names it or by PATH. It works in the project's root, and
    /// finds its database in `DATABASE_URL`.
    #[cfg(feature = "oracles")]
    Program { variable: &'static str, name: &'static str, arguments: &'static [&'static str] },
}

/// Stands for the folder with the migrations among a program's arguments.
#[cfg(feature = "oracles")]
const FOLDER: &str = "FOLDER";

impl Tool {
    /// Boots on a database.
    async fn boot(&self, scratch: &Scratch, root: &Path) -> bool {
        match self.run {
            Run::Library(boot) => boot(scratch, root).await,
            #[cfg(feature = "oracles")]
            Run::Program { variable, name, arguments } => {
                let program = std::env::var_os(variable).unwrap_or_else(|| name.into());
                let mut command = tokio::process::Command::new(program);
                let folder = root.join(self.folder);
                for argument in arguments {
                    let folder = (*argument == FOLDER).then_some(folder.as_os_str());
                    command.arg(folder.unwrap_or(argument.as_ref()));
                }
                command.stdin(std::process::Stdio::null()).current_dir(root);
                command.env("DATABASE_URL", scratch.url() + "?sslmode=disable");
                let output = command.output().await;
                // A tool that isn't there must not count as compared.
                let output = output.unwrap_or_else(|error| {
                    panic!("{name} can't be run: {error}; {variable} names its program")
                });
                output.status.success()
            }
        }
    }
}

/// What a boot left behind, as far as two boots can be alike.
#[derive(Debug, PartialEq, Eq)]
struct Left {
    succeeded: bool,
    /// Each table's count and digest of contents, the ledger's aside.
    rows: Vec<(String, u64, i128)>,
    sequences: Vec<(String, i64, bool)>,
    ledger: String,
}

async fn left(tool: &Tool, scratch: &Scratch, succeeded: bool) -> (Left, State) {
    let mut admin = scratch.admin().await.expect("a connection");
    let state = state_of(&mut admin, None).await.expect("a state");
    let tables = state.rows.tables.iter().filter(|(name, _)| !name.starts_with(tool.ledger));
    let rows = tables.map(|(name, rows)| (name.clone(), rows.count, rows.contents)).collect();
    let sequences = state.rows.sequences.iter();
    let sequences = sequences.map(|(name, at)| (name.clone(), at.last_value, at.is_called));
    let sequences = sequences.collect();
    let rows_of_ledger = format!("SELECT COALESCE(({}), 'no rows')", tool.ledger_rows);
    let ledger = crate::server::value(&mut admin, &rows_of_ledger).await;
    let ledger = ledger.unwrap_or_else(|error| error.to_string());
    (Left { succeeded, rows, sequences, ledger }, state)
}

/// The version that a CI matrix asks for.
fn version() -> Option<String> {
    std::env::var("REHEARSAL_POSTGRES").ok().filter(|version| !version.is_empty())
}

fn read(tool: &Tool, root: &Path) -> Project {
    let mut config = Config::read(root, &[]).expect("no configuration");
    config.migrations.format = Some(toml::Spanned::new(0..0, tool.format.to_owned()));
    Project::read(root, config, 0).expect("a project")
}

fn stage<'a>(server: &'a Server, project: &'a Project) -> Stage<'a> {
    let limit = Duration::from_mins(1);
    let (keep, progress, custom_settings) = (false, &Silence, Vec::new());
    Stage {
        server,
        project,
        limit,
        keep,
        progress,
        closure: None,
        seeders: &[],
        keeps_templates: false,
        takes_turns: false,
        custom_settings,
    }
}

/// Boots a project by the tool and by us, compares, and says whether the boots succeeded.
async fn compare(server: &Server, tool: Tool, root: &Path) -> bool {
    let project = read(&tool, root);
    let stage = stage(server, &project);
    if project.chain.refusal().is_some() {
        let theirs = server.create(None).await.expect("a database");
        assert!(!tool.boot(&theirs, root).await, "what we say it refuses, it runs: {project:?}");
        server.drop_database(theirs).await.expect("nobody is connected");
        return false;
    }
    let (ours, theirs) = tokio::join!(server.create(None), server.create(None));
    let (ours, theirs) = (ours.expect("a database"), theirs.expect("a database"));
    // What a chain may have given the database is the tool's session's, unless its driver differs.
    for scratch in [&ours, &theirs] {
        let given = ["datestyle = 'SQL, DMY'", "timezone = 'Asia/Tokyo'", "extra_float_digits = 0"];
        let mut admin = scratch.admin().await.expect("a connection");
        for setting in given {
            let give = format!("ALTER DATABASE {} SET {setting}", quoted(&scratch.name));
            crate::server::run(&mut admin, &give).await.expect("a setting");
        }
    }
    let boot_of_ours = boot(&stage, &ours, Act::Fresh).await.expect("a first boot");
    let succeeded = tool.boot(&theirs, root).await;
    let (we_left, our_state) = left(&tool, &ours, boot_of_ours.succeeded()).await;
    let (they_left, their_state) = left(&tool, &theirs, succeeded).await;
    assert_eq!(we_left, they_left, "{}", root.display());
    let difference = catalog::diff(&our_state.catalog, &their_state.catalog);
    assert!(difference.is_empty(), "{}: {difference:#?}", root.display());

    if succeeded {
        assert!(tool.boot(&ours, root).await, "its second boot on our database");
        assert_untouched(&tool, &ours, &our_state).await;
        let second = boot(&stage, &theirs, Act::Rerun).await.expect("a second boot");
        assert!(second.succeeded() && second.steps.is_empty(), "ours on its database: {second:?}");
        assert_untouched(&tool, &theirs, &their_state).await;
    }
    for scratch in [ours, theirs] {
        server.drop_database(scratch).await.expect("nobody is connected");
    }
    succeeded
}

/// Not one row was moved.
async fn assert_untouched(tool: &Tool, scratch: &Scratch, before: &State) {
    let (_, after) = left(tool, scratch, true).await;
    assert!(after.is_same_as(before), "{:?}", crate::rows::diff(&before.rows, &after.rows));
}

fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures").join(name)
}

/// A project of these migrations, by their paths in the tool's folder.
fn project(tool: &Tool, files: &[(&str, String)]) -> tempfile::TempDir {
    let root = tempfile::tempdir().expect("a folder");
    for (name, text) in files {
        let path = root.path().join(tool.folder).join(name);
        std::fs::create_dir_all(path.parent().expect("it has one")).expect("a folder");
        std::fs::write(path, text).expect("a file");
    }
    root
}

/// Compares the tool's good fixture, its bad one, and small projects with something odd in them;
/// `true` for those that the tool runs to the end.
async fn compare_all(tool: Tool, bad: &str, odd: &[(bool, Vec<(&str, String)>)]) {
    let server = Server::start(version().as_deref(), false).await.expect("a server");
    let good = bad.split('-').next().expect("a name");
    assert!(compare(&server, tool, &fixture(good)).await, "the good fixture");
    assert!(!compare(&server, tool, &fixture(bad)).await, "the bad fixture");
    for (succeeds, files) in odd {
        let root = project(&tool, files);
        assert_eq!(compare(&server, tool, root.path()).await, *succeeds, "{files:?}");
    }
}

/// Two tables, the second of which looks at the first only when the transaction ends.
const DEFERRED: &str = "CREATE TABLE a (id int PRIMARY KEY); \
    CREATE TABLE c (id int REFERENCES a DEFERRABLE INITIALLY DEFERRED); INSERT INTO c VALUES (1);";

/// What may be odd about one migration: whether a boot that begins with it succeeds, whether it
/// asks for no transaction, and its statements. Where tools differ, they have cases of their own.
const ODD: &[(bool, bool, &str)] = &[
    (true, false, "CREATE TABLE a (at timestamptz, f text); SET LOCAL extra_float_digits = 0;"),
    (true, false, "CREATE TABLE a AS SELECT (0.1::float4 + 1)::text, now()::date::text AS d;"),
    (
        true,
        false,
        "CREATE TABLE a AS SELECT name, setting FROM pg_settings WHERE name IN \
        ('TimeZone', 'DateStyle', 'extra_float_digits', 'client_encoding', 'search_path');",
    ),
    (true, false, "BEGIN; CREATE TABLE a (id int);"),
    (true, false, "COMMIT; BEGIN; CREATE TABLE a (id int);"),
    (true, false, "SET search_path = public, pg_catalog; CREATE TABLE a (id int);"),
    (false, false, "CREATE SCHEMA app; SET search_path = app; CREATE TABLE a (id int);"),
    (false, false, "CREATE TABLE a (id int); SELECT 1/0;"),
    (false, false, "CREATE TABLE a (id int); CREATE INDEX CONCURRENTLY ON a (id);"),
    (false, false, DEFERRED),
    (false, true, DEFERRED),
    (true, true, "CREATE TABLE a (id int); CREATE TABLE c (id int);"),
    (true, true, "VACUUM;"),
    (false, true, "CREATE TABLE a (id int); SELECT 1/0;"),
    (false, true, "CREATE TABLE a (id int); CREATE INDEX CONCURRENTLY ON a (id);"),
    (false, true, "CREATE TABLE a (id int); COMMIT; CREATE TABLE c (id int); SELECT 1/0;"),
];
