//! sqlx: its library, which is always there, and its program.

use std::collections::BTreeSet;
use std::path::Path;
use std::str::FromStr as _;

use ::sqlx::ConnectOptions as _;
use ::sqlx::migrate::{Migrator, ResolveConfig, ResolveWith};
use ::sqlx::postgres::PgConnectOptions;

use super::{ODD, Run, Tool, compare, compare_all, project, read, stage, version};
use crate::acts::{boot::boot, first_boot};
use crate::server::{Scratch, Server};
use crate::trace::Act;

/// Reads a table's rows.
macro_rules! ledger_rows {
    ($table:literal) => {
        concat!(
            "SELECT string_agg(concat_ws(' ', version, description, success, checksum), '; ' ",
            "ORDER BY version) FROM ",
            $table
        )
    };
}

const SQLX: Tool = Tool {
    format: "sqlx",
    folder: "migrations",
    run: Run::Library(|scratch, root| Box::pin(migrate(scratch, root))),
    ledger: "public._sqlx_migrations",
    ledger_rows: ledger_rows!("public._sqlx_migrations"),
};

/// Does what `migrate!()` makes of a project's `sqlx.toml`.
async fn migrate(scratch: &Scratch, root: &Path) -> bool {
    let options = PgConnectOptions::from_str(&scratch.url()).expect("our own URL");
    let mut connection = options.connect().await.expect("our own server");
    let configuration = std::fs::read_to_string(root.join("sqlx.toml")).unwrap_or_default();
    let configuration = configuration.parse::<toml::Table>().expect("our own file");
    let told = |key| configuration.get("migrate").and_then(|migrate| migrate.get(key));
    let text = |key| told(key).and_then(toml::Value::as_str).map(str::to_owned);
    let texts = |key| {
        let all = told(key).and_then(toml::Value::as_array).into_iter().flatten();
        all.map(|it| it.as_str().expect("a text").to_owned()).collect::<BTreeSet<_>>()
    };
    let folder = root.join(text("migrations-dir").unwrap_or_else(|| "migrations".to_owned()));
    let mut resolve = ResolveConfig::new();
    resolve.ignore_chars(texts("ignored-chars").iter().flat_map(|it| it.chars()));
    let Ok(mut migrator) = Migrator::new(ResolveWith(folder, resolve)).await else { return false };
    for schema in texts("create-schemas") {
        migrator.create_schema(schema);
    }
    if let Some(table) = text("table-name") {
        migrator.dangerous_set_table_name(table);
    }
    migrator.run(&mut connection).await.is_ok()
}

fn cases() -> Vec<(bool, Vec<(&'static str, String)>)> {
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
async fn library() {
    compare_all(SQLX, "sqlx-licence", &cases()).await;
}

/// Compares projects that say something in `sqlx.toml`.
async fn compare_configured(run: Run) {
    let server = Server::start(version().as_deref(), false).await.expect("a server");
    let usual = Tool { run, ..SQLX };
    let app = Tool { ledger: "app.steps", ledger_rows: ledger_rows!("app.steps"), ..usual };
    let ledger_rows = ledger_rows!("public.\"Steps\"");
    let quoted = Tool { ledger: "public.\"Steps\"", ledger_rows, ..usual };
    let elsewhere = Tool { folder: "db/steps", ..usual };
    let table = "CREATE TABLE public.a (id int);\r\n";
    let lost = "SELECT set_config('search_path', '', false);";
    let forget = "DO $$ BEGIN EXECUTE format('ALTER DATABASE %I SET search_path = nowhere', \
                  current_database()); END $$;";
    let in_app = "create-schemas = [\"app\"]\ntable-name = \"App.Steps\"";
    let cases = [
        (true, app, in_app, table),
        // It doesn't matter where the search_path leads.
        (true, app, in_app, lost),
        (true, app, in_app, forget),
        (false, app, in_app, "DROP TABLE app.steps;"),
        (true, quoted, "table-name = '\"Steps\"'", table),
        (false, quoted, "table-name = '\"Steps\"'", lost),
        (true, usual, "create-schemas = [\"b\", '\"A a\"', \"public\"]", "CREATE TABLE b.b ();"),
        // The schemas stay where the table can't be made.
        (false, usual, "create-schemas = [\"a\"]\ntable-name = \"nowhere.steps\"", table),
        (false, usual, "create-schemas = [\"no way\"]", table),
        (true, usual, "ignored-chars = [\"\\r\", \" \", \"é\"]", "-- é\r\nSELECT 1 ;"),
        (true, usual, "ignored-chars = []\n[migrate.defaults]\nmigration-type = \"simple\"", table),
        (true, elsewhere, "migrations-dir = \"./db/steps\"", table),
    ];
    for (succeeds, tool, migrate, sql) in cases {
        let root = project(&tool, &[("1_a.sql", sql.to_owned()), ("2_b.sql", "--".to_owned())]);
        let toml = format!("[common]\n[migrate]\n{migrate}\n");
        std::fs::write(root.path().join("sqlx.toml"), toml).expect("our own file");
        assert_eq!(compare(&server, tool, root.path()).await, succeeds, "{migrate}: {sql}");
    }
}

#[tokio::test]
async fn library_that_is_configured() {
    compare_configured(SQLX.run).await;
}

/// A file that was applied and is then edited, or gone, ends the next boot.
#[tokio::test]
async fn refuses_what_was_changed() {
    let server = Server::start(version().as_deref(), false).await.expect("a server");
    let second = "2_b.sql";
    let table = |name: &str| format!("CREATE TABLE {name} (id int);");
    let root = project(&SQLX, &[("1_a.sql", table("a")), (second, table("b"))]);
    let folder = root.path().join("migrations");
    let original = read(&SQLX, root.path());
    let ours = first_boot(&stage(&server, &original)).await.expect("a first boot");
    let ours = ours.scratch.expect("it succeeds");
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
        assert!(!SQLX.boot(&ours, root.path()).await);
    }
}

#[cfg(feature = "oracles-nightly")]
const PROGRAM: Run = Run::Program {
    variable: "REHEARSAL_SQLX",
    name: "sqlx",
    arguments: &["migrate", "run", "--no-dotenv"],
};

#[tokio::test]
#[cfg(feature = "oracles-nightly")]
async fn program() {
    compare_all(Tool { run: PROGRAM, ..SQLX }, "sqlx-licence", &cases()).await;
}

#[tokio::test]
#[cfg(feature = "oracles-nightly")]
async fn program_that_is_configured() {
    compare_configured(PROGRAM).await;
}
