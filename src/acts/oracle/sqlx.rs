//! sqlx: its library, which is always there, and its program.

use std::path::Path;
use std::str::FromStr as _;

use ::sqlx::ConnectOptions as _;
use ::sqlx::migrate::Migrator;
use ::sqlx::postgres::PgConnectOptions;

#[cfg(feature = "oracles-nightly")]
use super::FOLDER;
use super::{ODD, Run, Tool, compare_all, project, read, stage, version};
use crate::acts::{boot::boot, fresh};
use crate::server::{Scratch, Server};
use crate::trace::Act;

const SQLX: Tool = Tool {
    format: "sqlx",
    folder: "migrations",
    run: Run::Library(|scratch, root| Box::pin(migrate(scratch, root))),
    ledger: "public._sqlx_migrations",
    ledger_rows: "SELECT string_agg(concat_ws(' ', version, description, success, checksum), '; ' \
                  ORDER BY version) FROM public._sqlx_migrations",
};

async fn migrate(scratch: &Scratch, root: &Path) -> bool {
    let options = PgConnectOptions::from_str(&scratch.url()).expect("our own URL");
    let mut connection = options.connect().await.expect("our own server");
    match Migrator::new(root.join(SQLX.folder)).await {
        Ok(migrator) => migrator.run(&mut connection).await.is_ok(),
        Err(_) => false,
    }
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

/// A file that was applied and is then edited, or gone, ends the next boot.
#[tokio::test]
async fn refuses_what_was_changed() {
    let server = Server::start(version().as_deref(), false).await.expect("a server");
    let second = "2_b.sql";
    let table = |name: &str| format!("CREATE TABLE {name} (id int);");
    let root = project(&SQLX, &[("1_a.sql", table("a")), (second, table("b"))]);
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
        assert!(!SQLX.boot(&ours, root.path()).await);
    }
}

#[tokio::test]
#[cfg(feature = "oracles-nightly")]
async fn program() {
    let run = Run::Program {
        variable: "REHEARSAL_SQLX",
        name: "sqlx",
        arguments: &["migrate", "run", "--no-dotenv", "--source", FOLDER],
    };
    compare_all(Tool { run, ..SQLX }, "sqlx-licence", &cases()).await;
}
