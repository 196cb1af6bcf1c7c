//! prisma, the program, with its engine's build as WebAssembly.

use super::{FOLDER, ODD, Run, Tool, compare_all, left, project, read, stage, version};
use crate::acts::{boot::boot, first_boot};
use crate::server::Server;
use crate::trace::Act;

const PRISMA: Tool = Tool {
    format: "prisma",
    folder: "prisma/migrations",
    run: Run::Program {
        variable: "REHEARSAL_PRISMA",
        name: "prisma-migrate-deploy",
        arguments: &[FOLDER],
    },
    ledger: "public._prisma_migrations",
    ledger_rows: "SELECT string_agg(concat_ws(' ', migration_name, checksum, applied_steps_count, \
                  finished_at IS NULL, rolled_back_at IS NULL, length(id)), '; ' ORDER BY \
                  started_at) FROM public._prisma_migrations",
};

/// A migration of its own, between the others.
const FIRST: &str = "20240101000000_a/migration.sql";

fn cases() -> Vec<(bool, Vec<(&'static str, String)>)> {
    let table = |name: &str| format!("CREATE TABLE public.{name} (id int);\r\n");
    let one = |sql: &str| vec![(FIRST, sql.to_owned())];
    // It opens no transaction, so what other tools need to be asked for is what it does.
    let odd = ODD.iter().filter(|(_, is_bare, _)| *is_bare);
    let odd = odd.map(|(succeeds, _, sql)| (*succeeds, one(sql)));
    let mut cases = odd.collect::<Vec<_>>();
    cases.extend([
        (true, one("CREATE TABLE a (at timestamptz); SET LOCAL timezone = 'UTC';")),
        (true, one("CREATE TABLE a AS SELECT (0.1::float4 + 1)::text, now()::date::text AS d;")),
        (
            true,
            one("CREATE TABLE a AS SELECT name, setting FROM pg_settings WHERE name IN \
                 ('TimeZone', 'DateStyle', 'extra_float_digits', 'client_encoding');"),
        ),
        (true, one("COMMIT; CREATE TABLE a (id int);")),
        (false, one("BEGIN; CREATE TABLE a (id int); SELECT 1/0;")),
        (true, one("BEGIN; CREATE TABLE a (id int); COMMIT;")),
        (true, one("SET search_path = public, pg_catalog; CREATE TABLE a (id int);")),
        (false, one("CREATE SCHEMA app; SET search_path = app; CREATE TABLE a (id int);")),
        (false, one("SELECT set_config('search_path', '', false);")),
        (true, one("CREATE SCHEMA app; CREATE TABLE app.a (id int);")),
        (true, one("-- only a comment")),
        (false, one("\u{feff}SELECT 1;")),
        (true, one("CREATE TYPE e AS ENUM ('a');ALTER TYPE e ADD VALUE 'b';")),
        (false, one("CREATE TABLE a (id int); COPY a FROM stdin;")),
        (false, vec![(FIRST, table("a")), ("20240101000001_b/down.sql", table("b"))]),
        (true, vec![(FIRST, table("a")), ("20240101000000_a/down.sql", table("b"))]),
        (true, vec![(FIRST, table("a")), ("20240101000000_a/more.sql", table("b"))]),
        (true, vec![(FIRST, table("a")), ("1_b.sql", table("b")), ("README.md", String::new())]),
        // The order is JavaScript's, and each migration sees the one before.
        (
            true,
            vec![
                ("2_c/migration.sql", "DROP TABLE a;".to_owned()),
                ("10_b/migration.sql", table("a")),
            ],
        ),
        (
            true,
            vec![
                ("a_b/migration.sql", table("a")),
                ("a1/migration.sql", "DROP TABLE a".to_owned()),
            ],
        ),
        (true, vec![("ab/migration.sql", table("a")), ("A-c/migration.sql", table("c"))]),
        (
            true,
            vec![("a/migration.sql", table("a")), ("A/migration.sql", "DROP TABLE a".to_owned())],
        ),
        (true, vec![("it's \\ \"odd\"/migration.sql", table("a"))]),
    ]);
    for (_, files) in &mut cases {
        files.push(("20240102000000_last/migration.sql", table("last")));
        files.push(("migration_lock.toml", "# \nprovider = \"postgresql\"\n".to_owned()));
    }
    for (succeeds, lock) in [
        (true, "provider = \"postgresql\""),
        (true, "provider = postgresql\r\n"),
        (false, "provider = \"mysql\"\n"),
        (false, "provider=\"postgresql\"\n"),
        (false, "  provider = \"postgresql\"\n"),
        (false, ""),
    ] {
        cases.push((succeeds, vec![(FIRST, table("a")), ("migration_lock.toml", lock.to_owned())]));
    }
    cases.push((true, one(&table("a"))));
    cases
}

#[tokio::test]
async fn program() {
    compare_all(PRISMA, "prisma-concurrently", &cases()).await;
}

/// What was applied may be edited or gone; what failed blocks every later boot.
#[tokio::test]
async fn blocks_after_a_failure_alone() {
    let server = Server::start(version().as_deref(), false).await.expect("a server");
    let second = "20240102000000_b/migration.sql";
    let a = (FIRST, "CREATE TABLE a (id int);".to_owned());
    let root = project(&PRISMA, &[a, (second, "CREATE TABLE b (id int);".to_owned())]);
    let folder = root.path().join(PRISMA.folder);
    let original = read(&PRISMA, root.path());
    let ours = first_boot(&stage(&server, &original)).await.expect("a first boot");
    let ours = ours.scratch.expect("it succeeds");
    let (before, _) = left(&PRISMA, &ours, true).await;
    std::fs::write(folder.join(FIRST), "SELECT 1/0;").expect("our own file");
    std::fs::remove_dir_all(folder.join("20240102000000_b")).expect("our own folder");
    let changed = read(&PRISMA, root.path());
    let again = boot(&stage(&server, &changed), &ours, Act::Rerun).await.expect("a boot");
    assert!(again.succeeded() && again.steps.is_empty(), "{again:?}");
    assert!(PRISMA.boot(&ours, root.path()).await);
    assert_eq!(left(&PRISMA, &ours, true).await.0, before);

    std::fs::create_dir(folder.join("0_c")).expect("our own folder");
    std::fs::write(folder.join("0_c/migration.sql"), "SELECT 1/0;").expect("our own file");
    let failing = read(&PRISMA, root.path());
    assert!(!PRISMA.boot(&ours, root.path()).await);
    let blocked = boot(&stage(&server, &failing), &ours, Act::Rerun).await.expect("a boot");
    assert!(blocked.refusal.is_some_and(|said| said.contains("the `0_c` migration failed")));
    assert!(!PRISMA.boot(&ours, root.path()).await);
}

/// Without a ledger, the tool wants an empty schema.
#[tokio::test]
async fn refuses_a_schema_that_is_not_empty() {
    let server = Server::start(version().as_deref(), false).await.expect("a server");
    let root = project(&PRISMA, &[(FIRST, "CREATE TABLE a (id int);".to_owned())]);
    let original = read(&PRISMA, root.path());
    let cases = [
        ("CREATE TABLE b (id int)", true),
        ("CREATE VIEW b AS SELECT 1 AS id", false),
        ("CREATE TABLE \"Spatial_Ref_Sys\" (id int)", false),
        ("CREATE SCHEMA app CREATE TABLE b (id int)", false),
    ];
    for (sql, refused) in cases {
        let (ours, theirs) = tokio::join!(server.create(None), server.create(None));
        let (ours, theirs) = (ours.expect("a database"), theirs.expect("a database"));
        for scratch in [&ours, &theirs] {
            let mut admin = scratch.admin().await.expect("a connection");
            crate::server::run(&mut admin, sql).await.expect("an object");
        }
        let boot = boot(&stage(&server, &original), &ours, Act::Fresh).await.expect("a boot");
        assert_eq!(boot.refusal.is_some_and(|said| said.starts_with("P3005: ")), refused, "{sql}");
        assert_eq!(PRISMA.boot(&theirs, root.path()).await, !refused, "{sql}");
    }
}
