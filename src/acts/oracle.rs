//! The real tools as oracles: what they make of a folder and what we make of it are the same, in
//! the catalog, in the rows and in the ledger; and each finds nothing to do where the other was.

use std::path::{Path, PathBuf};
use std::str::FromStr as _;
use std::time::Duration;

use pretty_assertions::assert_eq;
use sqlx::ConnectOptions as _;
use sqlx::migrate::Migrator;
use sqlx::postgres::PgConnectOptions;

use super::{Silence, Stage, boot::boot, fresh, state_of};
use crate::catalog;
use crate::config::Config;
use crate::server::{Scratch, Server};
use crate::source::Project;
use crate::sql::quoted;
use crate::trace::{Act, State};

/// A migration tool, ready to run.
#[derive(Clone, Copy)]
struct Tool {
    format: &'static str,
    run: Run,
    ledger: &'static str,
    /// Its rows, without times and durations.
    ledger_rows: &'static str,
}

#[derive(Clone, Copy)]
enum Run {
    /// sqlx's library, which the application that it migrates would call.
    Library,
    /// A program, by the variable that names it or by PATH.
    #[cfg(feature = "oracles")]
    Program { variable: &'static str, name: &'static str, arguments: &'static [&'static str] },
}

/// Stands for the folder with the migrations among a program's arguments.
#[cfg(feature = "oracles")]
const FOLDER: &str = "FOLDER";

const SQLX: Tool = Tool {
    format: "sqlx",
    run: Run::Library,
    ledger: "public._sqlx_migrations",
    ledger_rows: "SELECT string_agg(concat_ws(' ', version, description, success, checksum), '; ' \
                  ORDER BY version) FROM public._sqlx_migrations",
};

impl Tool {
    /// Boots on a database.
    async fn boot(&self, scratch: &Scratch, folder: &Path) -> bool {
        match self.run {
            Run::Library => {
                let options = PgConnectOptions::from_str(&scratch.url()).expect("our own URL");
                let mut connection = options.connect().await.expect("our own server");
                match Migrator::new(folder).await {
                    Ok(migrator) => migrator.run(&mut connection).await.is_ok(),
                    Err(_) => false,
                }
            }
            #[cfg(feature = "oracles")]
            Run::Program { variable, name, arguments } => {
                let program = std::env::var_os(variable).unwrap_or_else(|| name.into());
                let mut command = tokio::process::Command::new(program);
                for argument in arguments {
                    let folder = (*argument == FOLDER).then_some(folder.as_os_str());
                    command.arg(folder.unwrap_or(argument.as_ref()));
                }
                command.stdin(std::process::Stdio::null());
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
    let state = state_of(&mut admin).await.expect("a state");
    let tables = state.rows.tables.iter().filter(|(name, _)| *name != tool.ledger);
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
    Project::read(root, config).expect("a project")
}

fn stage<'a>(server: &'a Server, project: &'a Project) -> Stage<'a> {
    let limit = Duration::from_mins(1);
    let (keep, progress, custom_settings) = (false, &Silence, Vec::new());
    Stage { server, project, limit, keep, progress, custom_settings }
}

/// Boots a project by the tool and by us, compares, and says whether the boots succeeded.
async fn compare(server: &Server, tool: Tool, root: &Path) -> bool {
    let project = read(&tool, root);
    let stage = stage(server, &project);
    let folder = root.join("migrations");
    if project.chain.refusal().is_some() {
        let theirs = server.create(None).await.expect("a database");
        assert!(!tool.boot(&theirs, &folder).await, "what we say it refuses, it runs: {project:?}");
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
    let succeeded = tool.boot(&theirs, &folder).await;
    let (we_left, our_state) = left(&tool, &ours, boot_of_ours.succeeded()).await;
    let (they_left, their_state) = left(&tool, &theirs, succeeded).await;
    assert_eq!(we_left, they_left, "{}", root.display());
    let difference = catalog::diff(&our_state.catalog, &their_state.catalog);
    assert!(difference.is_empty(), "{}: {difference:#?}", root.display());

    if succeeded {
        assert!(tool.boot(&ours, &folder).await, "its second boot on our database");
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

/// A project of these migrations.
fn project(files: &[(&str, String)]) -> tempfile::TempDir {
    let root = tempfile::tempdir().expect("a folder");
    std::fs::create_dir(root.path().join("migrations")).expect("a folder");
    for (name, text) in files {
        std::fs::write(root.path().join("migrations").join(name), text).expect("a file");
    }
    root
}

/// Compares the tool's good fixture, its bad one, and small projects with something odd in them;
/// `true` for those that the tool runs to the end.
async fn compare_all(tool: Tool, bad: &str, odd: &[(bool, Vec<(&str, String)>)]) {
    let server = Server::start(version().as_deref(), false).await.expect("a server");
    assert!(compare(&server, tool, &fixture(tool.format)).await, "the good fixture");
    assert!(!compare(&server, tool, &fixture(bad)).await, "the bad fixture");
    for (succeeds, files) in odd {
        let root = project(files);
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

#[tokio::test]
#[cfg(feature = "oracles")]
async fn dbmate() {
    const DBMATE: Tool = Tool {
        format: "dbmate",
        run: Run::Program {
            variable: "REHEARSAL_DBMATE",
            name: "dbmate",
            arguments: &["--no-dump-schema", "--migrations-dir", FOLDER, "migrate"],
        },
        ledger: "public.schema_migrations",
        ledger_rows: "SELECT string_agg(version, ', ' ORDER BY version) \
                      FROM public.schema_migrations",
    };
    let up = |sql: &str| format!("-- migrate:up\n{sql}\n-- migrate:down\nit's not played\n");
    let bare = |sql: &str| up(sql).replacen("up\n", "up  transaction:false\r\n", 1);
    let odd = ODD.iter().map(|(succeeds, is_bare, sql)| {
        (*succeeds, vec![("1_a.sql", if *is_bare { bare(sql) } else { up(sql) })])
    });
    let (a, b) = (up("CREATE TABLE a (id int);"), up("CREATE TABLE public.b (id int);"));
    let mut cases = odd.collect::<Vec<_>>();
    cases.extend([
        // Where there is no current schema, the ledger is looked for in `public`.
        (true, vec![("1_a.sql", up("SELECT set_config('search_path', '', false);"))]),
        (false, vec![("1_a.sql", up("CREATE TABLE c (id int); COMMIT;"))]),
        (false, vec![("1_a.sql", up("BEGIN; CREATE TABLE c (id int); COMMIT;"))]),
        (false, vec![("1_a.sql", a.clone() + &bare("CREATE TABLE c (id int);"))]),
        (true, vec![("1_a.sql", up(""))]),
        (true, vec![("10_a.sql", a.clone()), ("9_b.sql", b.clone())]),
        (false, vec![("1_a.sql", a.clone()), ("1_b.sql", b.clone())]),
        // What it refuses to read.
        (false, vec![("1_a.sql", "SELECT 1;".to_owned())]),
        (false, vec![("1_a.sql", "-- migrate:up\nSELECT 1;\n -- migrate:down".to_owned())]),
        (false, vec![("1_a.sql", "/* c */\n".to_owned() + &a)]),
        (false, vec![("1_a.sql", "\u{feff}".to_owned() + &a)]),
        (false, vec![("1_a.sql", a.clone() + "\n--migrate:down")]),
        (false, vec![("1_a.sql", a.replacen("up", "up:x", 1))]),
        (true, vec![("1_a.sql", "-- c\n-- migrate:down\n\n".to_owned() + &a)]),
        (true, vec![("1_a.sql", a.replacen("-- ", "--\t", 1).replacen("up", "up\tno:way", 1))]),
    ]);
    for (_, files) in &mut cases {
        files.push(("2_b.sql", b.replace("public.b", "public.last")));
    }
    compare_all(DBMATE, "dbmate-transaction", &cases).await;
}

fn sqlx_cases() -> Vec<(bool, Vec<(&'static str, String)>)> {
    let bare = |sql: &str| format!("-- no-transaction\n{sql}\n");
    let odd = ODD.iter().map(|(succeeds, is_bare, sql)| {
        (*succeeds, vec![("1_a.sql", if *is_bare { bare(sql) } else { (*sql).to_owned() })])
    });
    let table = |name: &str| format!("CREATE TABLE public.{name} (id int);\r\n");
    let mut cases = odd.collect::<Vec<_>>();
    cases.extend([
        (false, vec![("1_a.sql", "SELECT set_config('search_path', '', false);".to_owned())]),
        (true, vec![("1_a.sql", table("a") + "COMMIT; CREATE TABLE c (id int);")]),
        (false, vec![("1_a.sql", "\u{feff}".to_owned() + &table("a"))]),
        (true, vec![("1_it's_a_\\.sql", "-- only a comment".to_owned())]),
        (true, vec![("10_a.sql", table("a")), ("9_b.sql", table("b"))]),
        (false, vec![("1_a.sql", table("a")), ("1_b.sql", table("b"))]),
        (false, vec![("1_a.up.sql", table("a")), ("1_b.sql", table("b"))]),
        (true, vec![("1_a.up.sql", table("a")), ("1_a.down.sql", "SELECT 1/0".to_owned())]),
        (true, vec![("1_a.sql", table("a")), ("1_a.down.sql", "SELECT 1/0".to_owned())]),
        (false, vec![("V1_a.sql", table("a"))]),
        (true, vec![("V1-a.sql", table("a")), ("1_a.sql.bak", table("a")), ("a.sql", table("a"))]),
        (true, vec![("01_a.up.sql", table("a")), ("0_c.down.sql", "SELECT 1/0".to_owned())]),
    ]);
    for (_, files) in &mut cases {
        files.push(("2_b.sql", table("last")));
    }
    cases
}

#[tokio::test]
async fn sqlx_library() {
    compare_all(SQLX, "sqlx-licence", &sqlx_cases()).await;
}

/// A file that was applied and is then edited, or gone, ends the next boot.
#[tokio::test]
async fn sqlx_refuses_what_was_changed() {
    let server = Server::start(version().as_deref(), false).await.expect("a server");
    let second = "2_b.sql";
    let table = |name: &str| format!("CREATE TABLE {name} (id int);");
    let root = project(&[("1_a.sql", table("a")), (second, table("b"))]);
    let folder = root.path().join("migrations");
    let original = read(&SQLX, root.path());
    let (_, ours) = fresh::play(&stage(&server, &original)).await.expect("a first boot");
    let modified = "migration 2 was previously applied but has been modified";
    let missing = "migration 2 was previously applied but is missing";
    for (text, refusal) in [(Some(table("b") + "\n"), modified), (None, missing)] {
        match text {
            Some(text) => std::fs::write(folder.join(second), text).expect("our own file"),
            None => std::fs::remove_file(folder.join(second)).expect("our own file"),
        }
        let changed = read(&SQLX, root.path());
        let boot = boot(&stage(&server, &changed), &ours, Act::Rerun).await.expect("a boot");
        assert!(boot.refusal.as_ref().is_some_and(|said| said.starts_with(refusal)), "{boot:?}");
        assert!(!SQLX.boot(&ours, &folder).await);
    }
}

#[tokio::test]
#[cfg(feature = "oracles-nightly")]
async fn sqlx_cli() {
    let run = Run::Program {
        variable: "REHEARSAL_SQLX",
        name: "sqlx",
        arguments: &["migrate", "run", "--no-dotenv", "--source", FOLDER],
    };
    compare_all(Tool { run, ..SQLX }, "sqlx-licence", &sqlx_cases()).await;
}
