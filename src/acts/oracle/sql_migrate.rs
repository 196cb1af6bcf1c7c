//! sql-migrate, the program.

use super::{ODD, Run, Tool, compare_all, left, project, read, stage, version};
use crate::acts::boot::boot;
use crate::server::Server;
use crate::trace::Act;

/// Where it finds the database and the migrations.
const CONFIGURATION: &str = "development:\n  dialect: postgres\n  datasource: ${DATABASE_URL}\n  \
                             dir: migrations\n";

const SQL_MIGRATE: Tool = Tool {
    format: "sql-migrate",
    folder: "migrations",
    run: Run::Program {
        variable: "REHEARSAL_SQL_MIGRATE",
        name: "sql-migrate",
        arguments: &["up"],
    },
    ledger: "public.gorp_migrations",
    ledger_rows: "SELECT string_agg(id || CASE WHEN applied_at IS NULL THEN ' never' ELSE '' END, \
                  ', ' ORDER BY id COLLATE \"C\") FROM public.gorp_migrations",
};

fn up(sql: &str) -> String {
    format!("-- +migrate Up\n{sql}\n-- +migrate Down\nit's not played;\n")
}

fn bare(sql: &str) -> String {
    up(sql).replacen("Up\n", "Up  notransaction\r\n", 1)
}

type Case = (bool, Vec<(&'static str, String)>);

fn cases() -> Vec<Case> {
    let mut cases = ODD
        .iter()
        .map(|(succeeds, is_bare, sql)| {
            (*succeeds, vec![("1_a.sql", if *is_bare { bare(sql) } else { up(sql) })])
        })
        .collect::<Vec<_>>();
    let one = |succeeds, text: String| (succeeds, vec![("1_a.sql", text)]);
    let (a, b) = (up("CREATE TABLE a (id int);"), up("CREATE TABLE public.b (id int);"));
    let block = |sql: &str| {
        format!("-- +migrate StatementBegin\n{sql}\n-- +migrate StatementEnd\nCREATE TABLE c ();")
    };
    let body = "CREATE FUNCTION f() RETURNS text LANGUAGE plpgsql AS $$\r\nBEGIN\n-- gone\n\
                --stays\n  -- stays\n\n  RETURN 'x;\n-- gone, too\n';\nEND $$;\nSELECT 1;";
    cases.extend([
        // Messages, and what is left out of them.
        one(true, up(&block(body))),
        one(true, bare(&block(body))),
        one(false, up(body)),
        one(true, up(&block("CREATE TABLE d ()"))),
        one(true, up(&block(""))),
        one(true, up("CREATE TABLE c AS SELECT 'a\n-- b\n--c\r\n d' AS t;")),
        one(false, up("CREATE TABLE c ();\n-- gone\n\nSELECT 1,\n-- gone\n-- gone\n1/0;")),
        one(true, up("CREATE TABLE c (); CREATE TABLE d (); -- c\n\n--c\n;")),
        one(false, bare("CREATE TABLE c ();\nSELECT 1/0;")),
        one(false, bare("CREATE TABLE c (); SELECT 1/0;")),
        one(true, bare("CREATE TABLE c (id int);\nCREATE INDEX CONCURRENTLY ON c (id);")),
        one(true, bare("BEGIN;\nCREATE TABLE c ();\nCOMMIT;")),
        one(false, bare("BEGIN;\nCREATE TABLE c ();")),
        one(false, bare("BEGIN;\nCREATE TABLE c ();\nROLLBACK;\nSELECT 1/0;")),
        one(false, up("CREATE TABLE c ();\nCOMMIT;\nCREATE TABLE d ();")),
        one(false, up("ROLLBACK;\nCREATE TABLE d ();")),
        one(false, up("COPY pg_class TO stdout;")),
        // The ledger is found through the search path.
        one(false, up("SELECT set_config('search_path', '', false);")),
        one(true, up("CREATE SCHEMA app;\nSET search_path = app, public;")),
        // Sections.
        one(true, up("")),
        one(true, a.clone() + &up("CREATE TABLE c ();")),
        one(true, a.clone() + &bare("CREATE TABLE c ();\nVACUUM;")),
        one(true, "it's not played;\n".to_owned() + &a),
        one(true, "-- +migrate Down\nit's not played;\n".to_owned()),
        one(false, a.replacen("Down", "down", 1)),
        one(true, a.replacen("-- +migrate Up\n", "-- +migrate Up\n-- +migrate Sideways\n", 1)),
        one(false, up("VACUUM;").replacen("Up", "Up no-transaction", 1)),
        // Order.
        (true, vec![("10_a.sql", a.clone()), ("9_b.sql", b.clone())]),
        (true, vec![("b.sql", b.clone()), ("1_a.sql", a.clone()), ("2.sql.bak", b.clone())]),
        (true, vec![("01_it's.sql", a.clone()), ("1_b.sql", b.clone()), ("B.sql", up(""))]),
        // What it refuses to read.
        one(false, "SELECT 1;".to_owned()),
        one(false, "\u{feff}".to_owned() + "-- +migrate Up\nSELECT 1;"),
        one(false, a.replacen("Up", "up", 1).replacen("Down", "down", 1)),
        one(false, up("CREATE TABLE c ()")),
        one(false, up("CREATE TABLE c ();\n\n/* c */")),
        one(false, up("CREATE TABLE c ();\n--c")),
        one(false, up("-- +migrate StatementBegin\nCREATE TABLE c ();")),
        one(false, "-- +migrate \n".to_owned() + &a),
        one(false, up(&format!("SELECT '{}';", "a".repeat(1 << 20)))),
        one(false, up(&format!("SELECT '{}';", "a".repeat(1 << 16)))),
        one(true, up(&format!("SELECT '{}';", "a b".repeat(1 << 16)))),
        (false, vec![("1_a.sql", a), ("99999999999999999999_b.sql", b.clone())]),
    ]);
    for (_, files) in &mut cases {
        files.push(("2_b.sql", b.replace("public.b", "public.last")));
        files.push(("../dbconfig.yml", CONFIGURATION.to_owned()));
    }
    cases
}

#[tokio::test]
async fn program() {
    compare_all(SQL_MIGRATE, "sqlmigrate-slip", &cases()).await;
}

/// A file that comes in below is run after the others, and one that is gone ends the next boot.
#[tokio::test]
async fn goes_on_where_the_other_was() {
    let server = Server::start(version().as_deref(), false).await.expect("a server");
    let (ours, theirs) = tokio::join!(server.create(None), server.create(None));
    let (ours, theirs) = (ours.expect("a database"), theirs.expect("a database"));
    let table = |name: &str| up(&format!("CREATE TABLE {name} (id int);"));
    let chains =
        [(true, vec!["1", "3"]), (true, vec!["1", "2", "3", "4"]), (false, vec!["2", "4"])];
    for (succeeds, names) in chains {
        let files = names.iter().map(|name| (format!("{name}_a.sql"), table(&format!("t{name}"))));
        let files = files.collect::<Vec<_>>();
        let mut files =
            files.iter().map(|(name, up)| (name.as_str(), up.clone())).collect::<Vec<_>>();
        files.push(("../dbconfig.yml", CONFIGURATION.to_owned()));
        let root = project(&SQL_MIGRATE, &files);
        let chain = read(&SQL_MIGRATE, root.path());
        let boot = boot(&stage(&server, &chain), &ours, Act::Fresh).await.expect("a boot");
        let theirs_succeeds = SQL_MIGRATE.boot(&theirs, root.path()).await;
        assert_eq!([boot.succeeded(), theirs_succeeds], [succeeds; 2], "{boot:?}");
        let (we, _) = left(&SQL_MIGRATE, &ours, succeeds).await;
        let (they, _) = left(&SQL_MIGRATE, &theirs, succeeds).await;
        assert_eq!(we, they);
    }
}
