//! drizzle: drizzle-kit with node-postgres, and drizzle-orm in an application with postgres.js.

use super::{
    DEFERRED, FOLDER, ODD, Run, Tool, compare, compare_all, left, project, read, stage, version,
};
use crate::acts::{boot::boot, first_boot};
use crate::server::Server;
use crate::trace::Act;

const DRIZZLE: Tool = Tool {
    format: "drizzle",
    folder: "drizzle",
    run: Run::Program {
        variable: "REHEARSAL_DRIZZLE_KIT",
        name: "drizzle-kit-migrate",
        arguments: &[FOLDER],
    },
    ledger: "drizzle.__drizzle_migrations",
    ledger_rows: "SELECT string_agg(concat_ws(' ', id, hash, created_at), '; ' ORDER BY id) \
                  FROM drizzle.__drizzle_migrations",
};

/// The journal that names these files with these times.
fn journal(entries: &[(&str, i64)]) -> (&'static str, String) {
    let entries = entries.iter().enumerate().map(|(index, (tag, when))| {
        format!(
            "{{\"idx\": {index}, \"version\": \"7\", \"when\": {when}, \"tag\": \"{tag}\", \
             \"breakpoints\": true}}"
        )
    });
    let entries = entries.collect::<Vec<_>>().join(", ");
    let text =
        format!("{{\"version\": \"7\", \"dialect\": \"postgresql\", \"entries\": [{entries}]}}");
    ("meta/_journal.json", text)
}

/// A project whose first migration is this one.
fn first(sql: &str) -> Vec<(&'static str, String)> {
    vec![
        journal(&[("0000_a", 1_700_000_000_000), ("0001_b", 1_700_000_001_000)]),
        ("0000_a.sql", sql.to_owned()),
        ("0001_b.sql", "CREATE TABLE public.last (id int);\n".to_owned()),
    ]
}

fn cases() -> Vec<(bool, Vec<(&'static str, String)>)> {
    const MARK: &str = "\n--> statement-breakpoint\n";
    let odd = ODD.iter().filter(|(_, is_bare, _)| !is_bare);
    let odd = odd.map(|(succeeds, _, sql)| {
        // Its ledger has a schema of its own, which no setting hides.
        let succeeds = *succeeds || sql.contains("search_path = app");
        (succeeds, first(sql))
    });
    let mut cases = odd.collect::<Vec<_>>();
    let table = |name: &str| format!("CREATE TABLE {name} (id int);");
    let marked = |texts: &[&str]| first(&texts.join(MARK));
    cases.extend([
        (true, marked(&[&table("a"), "", &table("c"), "\r\n"])),
        (false, marked(&[&table("a"), "SELECT 1/0;", &table("c")])),
        (false, marked(&[&table("a"), "SELECT (;", &table("c")])),
        // What ends the transaction is kept, whatever comes then.
        (true, marked(&[&table("a"), "COMMIT;", "CREATE INDEX CONCURRENTLY ON a (id);"])),
        (false, marked(&[&table("a"), "COMMIT;", &table("c"), "SELECT 1/0;"])),
        (false, marked(&[&table("a"), "COMMIT;", "BEGIN;", &table("c"), "SELECT 1/0;"])),
        (true, marked(&[&table("a"), "ROLLBACK;", &table("c")])),
        (false, first(&(DEFERRED.to_owned() + "SET CONSTRAINTS ALL IMMEDIATE;"))),
        (true, first("SELECT set_config('search_path', '', false);")),
        (true, first("SET LOCAL timezone = 'UTC';")),
        (false, first("\u{feff}SELECT 1;")),
        (true, first("-- only a comment")),
        (false, first("DO $$ BEGIN\n--> statement-breakpoint\nEND $$;")),
        (false, first("-- cut --> statement-breakpoint here")),
        (true, first("CREATE TABLE a (id int);--> statement-breakpoint CREATE TABLE c (id int);")),
    ]);
    cases.extend(journals());
    cases
}

/// What may be odd about a journal.
fn journals() -> Vec<(bool, Vec<(&'static str, String)>)> {
    let (early, late) = (1_700_000_000_000, 1_700_000_001_000);
    let a = ("0000_a.sql", "CREATE TABLE a (id int);".to_owned());
    let b = ("0001_b.sql", "CREATE TABLE b (id int);".to_owned());
    let both = |entries: &[(&str, i64)]| vec![journal(entries), a.clone(), b.clone()];
    let text = |text: &str| ("meta/_journal.json", text.to_owned());
    vec![
        // On a fresh database all of them run, whatever their times are.
        (true, both(&[("0000_a", late), ("0001_b", early)])),
        (true, both(&[("0001_b", early), ("0000_a", early)])),
        (true, both(&[("0000_a", -5), ("0001_b", 0)])),
        (true, both(&[("0001_b", early)])),
        (false, both(&[("0000_a", early), ("0000_a", late)])),
        (false, both(&[("0000_a", early), ("0001_gone", late)])),
        (
            true,
            vec![
                text("{\"entries\": [{\"tag\": \"0000_a\", \"when\": 1, \"idx\": 7}]}"),
                a.clone(),
                ("meta/0000_snapshot.json", "{}".to_owned()),
                ("schema.ts", "export {}".to_owned()),
            ],
        ),
    ]
}

#[tokio::test]
async fn kit() {
    compare_all(DRIZZLE, "drizzle-concurrently", &cases()).await;
}

#[tokio::test]
async fn library() {
    let run = Run::Program {
        variable: "REHEARSAL_DRIZZLE_ORM",
        name: "drizzle-orm-migrate",
        arguments: &[FOLDER],
    };
    compare_all(Tool { run, ..DRIZZLE }, "drizzle-concurrently", &cases()).await;
}

/// Before Postgres 17, a value of an enum can't be used in the transaction that adds it, even if
/// that made the type.
#[tokio::test]
async fn enums() {
    let server = Server::start(version().as_deref(), false).await.expect("a server");
    let mut files = first("CREATE TYPE e AS ENUM ('a'); CREATE TABLE a (e e);");
    files[2].1 = "ALTER TYPE e ADD VALUE 'b';\n--> statement-breakpoint\n\
                  ALTER TABLE a ALTER e SET DEFAULT 'b';"
        .to_owned();
    compare(&server, DRIZZLE, project(&DRIZZLE, &files).path()).await;
}

/// A migration whose time is not later than the last applied one's is never run, and neither is a
/// file that was edited.
#[tokio::test]
async fn passes_over_what_is_not_later() {
    let server = Server::start(version().as_deref(), false).await.expect("a server");
    let (early, late) = (1_700_000_000_000, 1_700_000_001_000);
    let a = ("0000_a.sql", "CREATE TABLE a (id int);".to_owned());
    let root = project(&DRIZZLE, &[journal(&[("0000_a", late)]), a]);
    let original = read(&DRIZZLE, root.path());
    let ours = first_boot(&stage(&server, &original)).await.expect("a first boot");
    let ours = ours.scratch.expect("it succeeds");
    let (before, _) = left(&DRIZZLE, &ours, true).await;

    let folder = root.path().join(DRIZZLE.folder);
    let (path, text) = journal(&[("0000_a", late), ("0001_b", early), ("0002_c", late)]);
    std::fs::write(folder.join(path), text).expect("our own file");
    for (name, text) in [("0000_a", "-- edited"), ("0001_b", "SELECT 1/0"), ("0002_c", "SELECT (")]
    {
        std::fs::write(folder.join(format!("{name}.sql")), text).expect("our own file");
    }
    let changed = read(&DRIZZLE, root.path());
    assert_eq!(changed.chain.oddities.len(), 2, "{:?}", changed.chain.oddities);
    let boot = boot(&stage(&server, &changed), &ours, Act::Rerun).await.expect("a boot");
    assert!(boot.succeeded() && boot.steps.is_empty(), "{boot:?}");
    assert!(DRIZZLE.boot(&ours, root.path()).await);
    assert_eq!(left(&DRIZZLE, &ours, true).await.0, before);
}
