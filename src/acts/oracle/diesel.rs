//! diesel, the program.

use super::{ODD, Run, Tool, compare_all};

const DIESEL: Tool = Tool {
    format: "diesel",
    folder: "migrations",
    // Where the migrations are, it finds out by itself.
    run: Run::Program {
        variable: "REHEARSAL_DIESEL",
        name: "diesel",
        arguments: &["migration", "run"],
    },
    ledger: "public.__diesel_schema_migrations",
    ledger_rows: "SELECT string_agg(version, ', ' ORDER BY version) \
                  FROM public.__diesel_schema_migrations",
};

#[tokio::test]
async fn program() {
    let up = |sql: &str| ("1_a/up.sql", sql.to_owned());
    let metadata = |text: &str| ("1_a/metadata.toml", text.to_owned());
    let bare = || metadata("run_in_transaction = false\n");
    let odd = ODD.iter().map(|(succeeds, is_bare, sql)| {
        let metadata = is_bare.then(bare);
        (*succeeds, [Some(up(sql)), metadata].into_iter().flatten().collect::<Vec<_>>())
    });
    let table = |name: &str| format!("CREATE TABLE public.{name} (id int);\r\n");
    let a = || up(&table("a"));
    let mut cases = odd.collect::<Vec<_>>();
    cases.extend([
        (false, vec![up("SELECT set_config('search_path', '', false);")]),
        (false, vec![up("SET LOCAL search_path = pg_catalog;")]),
        // What ends its transaction is recorded, and fails then.
        (false, vec![up("CREATE TABLE a (id int); COMMIT; CREATE TABLE c (id int);")]),
        (false, vec![up("CREATE TABLE a (id int); ROLLBACK;")]),
        (true, vec![up("BEGIN; CREATE TABLE a (id int);"), bare()]),
        (false, vec![up("\u{feff}SELECT 1;")]),
        (false, vec![up("CREATE TABLE a (id int); COPY a FROM stdin;")]),
        // Files without a statement.
        (false, vec![up("-- only a comment")]),
        (false, vec![up(" ;; ")]),
        (false, vec![up("")]),
        (false, vec![up("\r\n")]),
        // Metadata.
        (true, vec![up("VACUUM;"), metadata("# nothing")]),
        (true, vec![up("VACUUM;"), metadata("run_in_transation = true")]),
        (true, vec![up("VACUUM;"), metadata("other = 1\nrun_in_transaction = false\n[more]")]),
        (false, vec![up("VACUUM;"), metadata("run_in_transaction = \"false\"")]),
        (false, vec![up("VACUUM;"), metadata("run_in_transaction: false")]),
        (false, vec![up("VACUUM;"), ("1_a/Metadata.toml", "run_in_transaction = false".into())]),
        // Names.
        (true, vec![("10_a/up.sql", table("a")), ("9_b/up.sql", table("b"))]),
        (true, vec![("setup/up.sql", table("a")), ("_b/up.sql", table("b"))]),
        (true, vec![("it's-1_a/up.sql", table("a"))]),
        (false, vec![("012345678901234567890123456789012345678901234567890/up.sql", table("a"))]),
        (
            true,
            vec![
                a(),
                ("1_a/seed.sql", table("b")),
                ("3_b.sql", table("b")),
                ("README.md", String::new()),
            ],
        ),
        (true, vec![a(), (".hidden/down.sql", table("b"))]),
        (false, vec![a(), ("3_b/down.sql", table("b"))]),
        (false, vec![a(), ("3_b/UP.sql", table("b"))]),
        (false, vec![a(), ("3_b/below/up.sql", table("b"))]),
    ]);
    for (_, files) in &mut cases {
        files.push(("2_last/up.sql", table("last")));
    }
    compare_all(DIESEL, "diesel-metadata", &cases).await;
}
