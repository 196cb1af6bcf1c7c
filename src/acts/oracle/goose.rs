//! goose, whose program could not be had: what its source says of its ledger, and nothing more.

use super::{Run, Tool, left, project, read, stage, version};
use crate::acts::boot::boot;
use crate::server::Server;
use crate::trace::{Act, Boot};

const GOOSE: Tool = Tool {
    format: "goose",
    folder: "migrations",
    run: Run::Library(|_, _| Box::pin(async { false })),
    ledger: "public.goose_db_version",
    ledger_rows: "SELECT string_agg(concat_ws(' ', id, version_id, is_applied), ', ' ORDER BY id) \
                  FROM public.goose_db_version WHERE tstamp IS NOT NULL",
};

/// Boots a folder of these files, and then again as it is later; what came of it, and the ledger.
async fn boots(chains: &[&[(&str, &str)]]) -> (Vec<Boot>, String) {
    let server = Server::start(version().as_deref(), false).await.expect("a server");
    let scratch = server.create(None).await.expect("a database");
    let mut boots = Vec::new();
    for files in chains {
        let files = files.iter().map(|(name, sql)| (*name, format!("-- +goose Up\n{sql}\n")));
        let root = project(&GOOSE, &files.collect::<Vec<_>>());
        let chain = read(&GOOSE, root.path());
        let stage = stage(&server, &chain);
        boots.push(boot(&stage, &scratch, Act::Fresh).await.expect("a boot"));
    }
    let (ledger, _) = left(&GOOSE, &scratch, true).await;
    (boots, ledger.ledger)
}

const A: (&str, &str) = ("1_a.sql", "CREATE TABLE a ();");
const B: (&str, &str) = ("2_b.sql", "CREATE TABLE b ();");
const C: (&str, &str) = ("00003_c.sql", "CREATE TABLE c ();");
const D: (&str, &str) = ("20240101000000_d.sql", "CREATE TABLE d ();");

#[tokio::test]
async fn pending_is_what_is_higher() {
    // A file that is gone is nothing to it.
    let (boots, ledger) = boots(&[&[A, C], &[A, C], &[C, D]]).await;
    let played = boots.iter().map(|boot| boot.steps.len()).collect::<Vec<_>>();
    assert_eq!(played, [2, 0, 1], "{boots:?}");
    assert!(boots.iter().all(Boot::succeeded), "{boots:?}");
    assert_eq!(ledger, "1 0 t, 2 1 t, 3 3 t, 4 20240101000000 t");
}

#[tokio::test]
async fn a_late_one_is_refused() {
    let (boots, ledger) = boots(&[&[A, C], &[A, B, C]]).await;
    let said = "error: found 1 missing migrations before current version 3: version 2: \
                migrations/2_b.sql";
    assert_eq!(boots[1].refusal.as_deref(), Some(said));
    assert_eq!(ledger, "1 0 t, 2 1 t, 3 3 t");
}

#[tokio::test]
async fn the_ledger_is_found_through_the_search_path() {
    let seen = ("1_a.sql", "CREATE SCHEMA app;\nSET search_path = app, public;");
    let (boots, ledger) = boots(&[&[seen, B], &[seen, B, C]]).await;
    assert!(boots.iter().all(Boot::succeeded), "{boots:?}");
    assert_eq!(ledger, "1 0 t, 2 1 t, 3 2 t, 4 3 t");
    // In a transaction with its row the file fails, and without one it stays.
    let hidden = "CREATE SCHEMA app;\nSET search_path = app;";
    let (boots, ledger) = boots_of_one(hidden).await;
    assert_eq!(boots.failures().next().map(|(_, it)| it.sqlstate.clone()), Some("42P01".into()));
    assert_eq!(ledger, "1 0 t");
}

async fn boots_of_one(sql: &str) -> (Boot, String) {
    let (mut boots, ledger) = boots(&[&[("1_a.sql", sql)]]).await;
    (boots.remove(0), ledger)
}

#[tokio::test]
async fn a_file_shares_its_transaction_with_its_row() {
    let (_, ledger) = boots_of_one("CREATE TABLE c ();\nSELECT 1/0;").await;
    assert_eq!(ledger, "1 0 t");
    // One that ends it goes on without, and its row is there all the same.
    let (boot, ledger) = boots_of_one("CREATE TABLE c ();\nCOMMIT;\nCREATE TABLE d ();").await;
    assert!(boot.succeeded(), "{boot:?}");
    assert_eq!(ledger, "1 0 t, 2 1 t");
    // Statement by statement without one: an index can be built concurrently.
    let bare = "-- +goose NO TRANSACTION\nCREATE TABLE c (id int);\n\
                CREATE INDEX CONCURRENTLY ON c (id);";
    let (boot, _) = boots_of_one(bare).await;
    assert!(boot.succeeded(), "{boot:?}");
}
