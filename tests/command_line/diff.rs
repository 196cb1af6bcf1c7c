//! `diff` compares schemas wherever they are: in files of SQL, in projects, behind URLs.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use pretty_assertions::assert_eq;
use rehearsal::{Database, Rehearsal};
use rstest::rstest;
use serde_json::{Value, json};
use sqlx::{AssertSqlSafe, Connection as _, PgConnection, Row as _};

use crate::support::{Project, Told, check, check_report, rehearsal, run};

const SHOP: &str = "
    CREATE TABLE orders (id int PRIMARY KEY, note varchar(20), total int);
    CREATE INDEX orders_total ON orders (total);
    CREATE FUNCTION answer() RETURNS int LANGUAGE sql AS $$
      -- What else could it be?
      SELECT 42
    $$;
";

/// `cargo rehearsal diff A B`, in the project's folder.
fn diff(project: &Project, left: &str, right: &str) -> Command {
    let mut command = rehearsal("diff");
    command.args([left, right]).current_dir(project.path());
    command
}

/// Asserts how a comparison ended, and all that it told.
fn check_told(told: &Told, status: i32, expected: &str) {
    let text = told.stdout.lines().map(|line| line.to_owned() + "\n").collect::<String>();
    let versions = text.split("(Postgres ").skip(1).filter_map(|rest| rest.split(')').next());
    let text = versions.fold(text.clone(), |text, version| text.replace(version, "…"));
    assert_eq!((told.status, text.as_str()), (status, expected), "{}", told.stderr);
}

/// A server, and a database on it, that know nothing of comparisons.
struct Host {
    runtime: tokio::runtime::Runtime,
    database: Database,
}

impl Host {
    /// With what SQL makes as superuser.
    fn new(sql: &str) -> Self {
        let project = Project::new(&[
            ("rehearsal.toml", "[postgres]\nrole = \"superuser\"\n"),
            ("migrations/1_all.sql", &format!("SELECT 1;{sql}")),
        ]);
        Self::of(project.path())
    }

    /// With what a project makes.
    fn of(project: &Path) -> Self {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        let runtime = runtime.expect("a runtime");
        let rehearsal = Rehearsal::of(project);
        let rehearsal = match std::env::var_os("REHEARSAL_SERVER") {
            None => rehearsal.server("native"),
            Some(_) => rehearsal,
        };
        let database = runtime.block_on(rehearsal.database()).expect("it applies");
        Self { runtime, database }
    }

    /// The first column of what a query gives.
    fn texts(&self, query: &str) -> Vec<String> {
        self.runtime.block_on(async {
            let connection = PgConnection::connect(&self.database.url()).await;
            let mut connection = connection.expect("it runs");
            let rows = sqlx::raw_sql(AssertSqlSafe(query)).fetch_all(&mut connection).await;
            let rows = rows.expect("the SQL is right");
            connection.close().await.expect("it listens");
            rows.iter().map(|row| row.get_unchecked(0)).collect()
        })
    }

    /// What `pg_dump` writes of the database.
    fn dump(&self, arguments: &[&str]) -> String {
        let output = Command::new(pg_dump()).args(arguments).arg(self.database.url()).output();
        let output = output.expect("pg_dump was found");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).expect("a dump is UTF-8")
    }
}

/// The newest `pg_dump` that is on the PATH, beside the tests' servers or where packages put it:
/// it dumps what older servers hold, too.
fn pg_dump() -> &'static Path {
    static FOUND: OnceLock<PathBuf> = OnceLock::new();
    FOUND.get_or_init(|| {
        let paths = |name| std::env::var_os(name).unwrap_or_default();
        let mut folders = std::env::split_paths(&paths("PATH")).collect::<Vec<_>>();
        let roots = std::env::split_paths(&paths("REHEARSAL_PG_BIN")).collect::<Vec<_>>();
        let beside = roots.iter().filter_map(|root| root.parent().map(Path::to_owned));
        for parent in beside.chain(["/usr/lib/postgresql".into()]) {
            let entries = fs::read_dir(parent).into_iter().flatten().flatten();
            folders.extend(entries.map(|entry| entry.path().join("bin")));
        }
        let versions = folders.iter().filter_map(|folder| {
            let program = folder.join("pg_dump");
            let said = Command::new(&program).arg("--version").output().ok()?.stdout;
            let said = String::from_utf8_lossy(&said).into_owned();
            let major = said.split(|c: char| !c.is_ascii_digit()).find(|it| !it.is_empty())?;
            Some((major.parse::<u32>().ok()?, program))
        });
        versions.max().expect("pg_dump is there: on Debian, postgresql-client brings it").1
    })
}

#[test]
fn the_same_schema_is_one_line() {
    let backwards = "CREATE FUNCTION answer() RETURNS int LANGUAGE sql AS $$
      -- What else could it be?
      SELECT 42
    $$;
    CREATE TABLE public.orders (id int NOT NULL, gone int, note varchar(20), total int);
    ALTER TABLE orders DROP gone, ADD PRIMARY KEY (id);
    CREATE INDEX CONCURRENTLY orders_total ON orders (total);\n";
    let project = Project::new(&[("a.sql", SHOP), ("b.sql", backwards)]);
    check_told(
        &run(&mut diff(&project, "a.sql", "b.sql")),
        0,
        "the same schema: 1 table, 1 extension, 1 function, 1 schema (Postgres …)\n",
    );
}

/// One of each: only here, only there, another value, another name, a long definition.
const OTHER: &str = "
    CREATE TABLE orders (id int PRIMARY KEY, total int, note text NOT NULL);
    CREATE INDEX total_of_orders ON orders (total);
    COMMENT ON TABLE orders IS 'all of them';
    CREATE TABLE customers (id int);
    CREATE FUNCTION answer() RETURNS int LANGUAGE sql AS $$
      -- What else could it be?
      SELECT 43
    $$;
";

#[test]
fn differences_are_told_by_object() {
    let project = Project::new(&[("a.sql", SHOP), ("b.sql", OTHER)]);
    check_told(
        &run(&mut diff(&project, "a.sql", "b.sql")),
        1,
        "a.sql and b.sql are not the same schema (Postgres …)

2 tables

  table public.customers: only in b.sql
  table public.orders
      comment: `all of them` only in b.sql
      column order: `note, total` in a.sql, `total, note` in b.sql
      column note
          type: `character varying(20)` in a.sql, text in b.sql
          not null: only in b.sql
      index orders_total is called total_of_orders in b.sql

1 function

  function public.answer()
      definition:
          --- a.sql
          +++ b.sql
            … 2 lines as in both
             LANGUAGE sql
            AS $function$
                  -- What else could it be?
          -       SELECT 42
          +       SELECT 43
                $function$

5 differences: 1 table only in b.sql, 1 table differs, 1 column differs, 1 index renamed, \
         1 function differs
",
    );
}

#[test]
fn what_is_left_out_is_told() {
    let project = Project::new(&[("a.sql", SHOP), ("b.sql", OTHER)]);
    let but = |patterns: &str| run(diff(&project, "a.sql", "b.sql").args(["--without", patterns]));
    check_told(
        &but("comments,public.cust*,columns,index,public.answer,public.nobody"),
        0,
        "the same schema: 1 table, 1 extension, 1 schema (Postgres …)
compared without: comments, public.cust* (1 object), columns (3), indexes (2), public.answer \
         (1 object), public.nobody (nothing there is called so)
",
    );
    check(
        &but("column order,column types"),
        1,
        &["not null: only in b.sql", "without: column order, column types"],
    );
    let ambiguous = but("types");
    check(&ambiguous, 2, &["`types` may be base types, ", "say which of them", "column types"]);
    let unknown = but("coments");
    check(
        &unknown,
        2,
        &["`coments` is nothing", "did you mean `comments`?", "kinds: ", "policies"],
    );
    assert!(!unknown.stderr.contains("playing"), "known before the work:\n{}", unknown.all());
}

/// Comments are said of more than objects, and grants of what Postgres brings, too.
#[test]
fn what_is_left_out_is_left_out_wherever_it_is_said() {
    let said = "COMMENT ON INDEX orders_pkey IS 'x'; COMMENT ON TABLE orders IS 'x';
        ALTER TABLE orders ALTER note SET NOT NULL;
        REVOKE EXECUTE ON FUNCTION pg_sleep(float8) FROM PUBLIC;";
    let plain = "ALTER TABLE orders ALTER note SET NOT NULL;";
    let (a, b) = (format!("{SHOP}{plain}"), format!("{SHOP}{said}"));
    let project = Project::new(&[("a.sql", &a), ("b.sql", &b)]);
    let told = run(diff(&project, "a.sql", "b.sql").args(["--without", "comments,grants"]));
    check(&told, 0, &["the same schema", "compared without: comments, grants"]);
    let told = run(diff(&project, "a.sql", "b.sql").args(["--without", "comments"]));
    check(&told, 1, &["1 difference: 1 system grant only in b.sql"]);
}

/// Since Postgres 18 its NOT NULL keeps a name of the old one.
#[test]
fn a_column_that_was_renamed_is_told_as_that() {
    let tighter = "ALTER TABLE orders ALTER total SET NOT NULL;";
    let a = format!("{SHOP}{tighter}");
    let b = format!("{a}ALTER TABLE orders RENAME COLUMN total TO sum;");
    let project = Project::new(&[("a.sql", &a), ("b.sql", &b)]);
    let told = run(&mut diff(&project, "a.sql", "b.sql"));
    check(&told, 1, &["column total is called sum in b.sql"]);
}

/// What only a superuser makes may stand in what Postgres respells when a dump is loaded.
#[test]
fn an_index_by_an_operator_class_is_spelled_alike() {
    let made = |of: &str| {
        format!(
            "CREATE OPERATOR CLASS by_length FOR TYPE int USING btree AS
                 OPERATOR 1 <, OPERATOR 2 <=, OPERATOR 3 =, OPERATOR 4 >=, OPERATOR 5 >,
                 FUNCTION 1 btint4cmp(int, int);
             CREATE TABLE pages (id int, kind varchar(10));
             CREATE INDEX pages_by ON pages (id by_length) WHERE {of};"
        )
    };
    let dumped = "(kind)::text = ANY (ARRAY[('page'::character varying)::text, \
                  ('post'::character varying)::text])";
    let project = Project::new(&[
        ("a.sql", &made("kind IN ('page', 'post')")),
        ("b.sql", &made(dumped)),
        ("c.sql", &made("kind IN ('page')")),
    ]);
    check(&run(&mut diff(&project, "a.sql", "b.sql")), 0, &["the same schema"]);
    check(&run(&mut diff(&project, "a.sql", "c.sql")), 1, &["1 difference: 1 index differs"]);
}

#[test]
fn programs_get_each_difference_by_itself() {
    let project = Project::new(&[("a.sql", SHOP), ("b.sql", OTHER)]);
    let told = run(diff(&project, "a.sql", "b.sql").args(["--format", "json"]));
    assert_eq!(told.status, 1, "{}", told.all());
    let report: Value = serde_json::from_str(&told.stdout).expect("JSON");
    assert_eq!((&report["version"], &report["same"]), (&json!(1), &json!(false)));
    assert_eq!(report["left"]["name"], "a.sql");
    let definition = "/differences/0";
    let mut differences = report["differences"].clone();
    let answer = report.pointer(definition).expect("the function is the first");
    assert_eq!((&answer["kind"], &answer["attribute"]), (&json!("function"), &json!("definition")));
    differences.as_array_mut().expect("a list").remove(0);
    let one = |kind: &str, name: &str, attribute: Value, left: Value, right: Value| {
        let value = json!({ "kind": kind, "name": name, "attribute": attribute });
        let mut value = value.as_object().expect("an object").clone();
        value.extend([("left".to_owned(), left), ("right".to_owned(), right)]);
        Value::Object(value)
    };
    let (orders, null) = ("public.orders", Value::Null);
    assert_eq!(
        differences,
        json!([
            one("table", "public.customers", null.clone(), null.clone(), json!("present")),
            one("table", orders, json!("comment"), null.clone(), json!("all of them")),
            one("table", orders, json!("column order"), json!("note, total"), json!("total, note")),
            one(
                "column",
                "public.orders.note",
                json!("type"),
                json!("character varying(20)"),
                json!("text")
            ),
            one("column", "public.orders.note", json!("not null"), null, json!("yes")),
            one(
                "index",
                "public.orders.orders_total",
                json!("name"),
                json!("public.orders.orders_total"),
                json!("public.orders.total_of_orders")
            ),
        ])
    );
    let same = run(diff(&project, "a.sql", "a.sql").args(["--format", "json"]));
    let report: Value = serde_json::from_str(&same.stdout).expect("JSON");
    assert_eq!(
        (same.status, &report["same"], &report["differences"]),
        (0, &json!(true), &json!([]))
    );
}

/// Hundreds of differences are all told, and counted.
#[test]
fn nothing_is_cut_off() {
    let tables = |prefix: &str| {
        let table = |number| format!("CREATE TABLE {prefix}_{number} (id int, a{number} int);\n");
        (0..120).map(table).collect::<String>()
    };
    let project = Project::new(&[("a.sql", &tables("a")), ("b.sql", &tables("b"))]);
    let told = run(&mut diff(&project, "a.sql", "b.sql"));
    let renames = told.stdout.lines().filter(|line| line.contains(" is called public.b_")).count();
    assert_eq!(renames, 120, "{}", told.all());
    check(&told, 1, &["120 tables\n", "120 differences: 120 tables renamed\n"]);
    project.write("c.sql", "SELECT 1;");
    let told = run(&mut diff(&project, "a.sql", "c.sql"));
    let gone = told.stdout.lines().filter(|line| line.ends_with(": only in a.sql")).count();
    assert_eq!(gone, 120, "{}", told.all());
    check(&told, 1, &["120 differences: 120 tables only in a.sql\n"]);
}

/// The fixtures that have no ledger: every boot runs every file.
const WITHOUT_LEDGER: &[&str] = &["ladder", "plain"];

/// What keeps the tools' ledgers out of a dump.
const NO_LEDGERS: &[&str] = &[
    "--exclude-schema=drizzle",
    "--exclude-schema=sqitch",
    "--exclude-table=*_migrations*",
    "--exclude-table=*schema_history",
    "--exclude-table=goose_db_version*",
];

/// Those of good fixtures that need no other program. A dump of production holds the ledger, one
/// that was made into a baseline does not.
#[rstest]
fn a_dump_of_what_a_project_makes_is_the_same_schema(
    #[files("fixtures/*")]
    #[exclude("fixtures/(.*-.*|alembic|catalog|drizzlekit|nodepgmigrate)$")]
    #[dirs]
    project: PathBuf,
) {
    let name = project.file_name().expect("a name").to_string_lossy();
    let path = project.to_str().expect("a path in UTF-8");
    let has_ledger = !WITHOUT_LEDGER.contains(&&*name);
    let (host, folder) = (Host::of(&project), Project::new(&[]));
    for arguments in [&[][..], NO_LEDGERS] {
        let arguments = [&["--schema-only"], arguments].concat();
        folder.write("schema.sql", host.dump(&arguments));
        let told = run(&mut diff(&folder, path, "schema.sql"));
        check_report(&told, 0, &["the same schema: "]);
        let is_left_out =
            |line: &str| line.starts_with("compared without: ") && line.contains("the ledger of ");
        let left_out = told.stdout.lines().any(is_left_out);
        assert_eq!(left_out, has_ledger, "{}", told.all());
    }
}

#[test]
fn a_database_is_only_read() {
    let host = Host::new(SHOP);
    let before = host.texts("SELECT pg_current_xact_id()::text");
    let project = Project::new(&[("a.sql", SHOP), ("b.sql", OTHER)]);
    let url = host.database.url();
    let told = run(&mut diff(&project, &url, "a.sql"));
    check(&told, 0, &["the same schema: 1 table"]);
    let told = run(&mut diff(&project, "b.sql", &url));
    let shown = url.split_once('@').expect("a URL has a user").1;
    check(&told, 1, &[&format!("postgresql://postgres@{shown} are not the same schema")]);
    let password = url.split([':', '@']).nth(2).expect("a password");
    assert!(!told.all().contains(password), "{}", told.all());
    let after = host.texts("SELECT pg_current_xact_id()::text");
    // Whoever writes, or asks for this number, takes one.
    let number = |texts: &[String]| texts[0].parse::<u64>().expect("a number");
    assert_eq!(number(&after), number(&before) + 1);
}

/// As production has it: all is owned by the application's role, another role may read, the tool's
/// ledger is there, and rows are.
#[test]
fn a_dump_of_production_is_compared_with_the_migrations() {
    let shop = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/dbmate");
    let project = Project::new(&[]);
    let dump = Host::of(&shop).dump(&["--no-owner"]);
    let owned = "
        DO $$ DECLARE made record; BEGIN
          FOR made IN SELECT relname FROM pg_class WHERE relkind IN ('r', 'v')
              AND relnamespace = 'public'::regnamespace LOOP
            EXECUTE format('ALTER TABLE public.%I OWNER TO app', made.relname);
          END LOOP;
          FOR made IN SELECT oid::regprocedure AS it FROM pg_proc
              WHERE pronamespace = 'public'::regnamespace LOOP
            EXECUTE format('ALTER FUNCTION %s OWNER TO app', made.it);
          END LOOP;
          FOR made IN SELECT oid::regtype AS it FROM pg_type
              WHERE typnamespace = 'public'::regnamespace AND typtype IN ('e', 'd') LOOP
            EXECUTE format('ALTER TYPE %s OWNER TO app', made.it);
          END LOOP;
        END $$;
        GRANT SELECT ON public.stations TO reader;
    ";
    assert!(dump.contains("COPY public.schema_migrations (version) FROM stdin;"), "{dump}");
    project.write("production.sql", format!("{dump}\n{owned}"));
    let path = shop.to_str().expect("a path in UTF-8");
    let told = run(&mut diff(&project, path, "production.sql"));
    check(
        &told,
        1,
        &[
            "table public.stations\n      grants: `reader: select; the owner: all` only in",
            "1 difference: 1 table differs\n",
            "note: production.sql names the role app and does not make it",
            "note: production.sql names the role reader and does not make it",
            "note: app, who owns all of production.sql, is taken for postgres, who played ",
            "compared without: the ledger of dbmate (public.schema_migrations)\n",
        ],
    );
    let but = run(diff(&project, "production.sql", path).args(["--without", "grants"]));
    check(&but, 0, &["the same schema", "compared without: grants, the ledger of dbmate (public."]);
}

/// What other servers, and other programs, make of dumps.
#[test]
fn what_a_dump_says_beside_the_schema_is_no_obstacle() {
    let project = Project::new(&[("a.sql", SHOP)]);
    let noise = "
\\restrict 0aB9
SET statement_timeout = 0;
SET no_such_timeout_yet = 0;
SELECT pg_catalog.set_config('search_path', '', false);
CREATE SCHEMA public;
COMMENT ON SCHEMA public IS 'standard public schema';
SET search_path = public;
";
    let data = "
COPY public.orders (id, note, total) FROM stdin;
1\t'; SELECT 1/0;\t2
\\.
\\unrestrict 0aB9
";
    project.write("b.sql", format!("{noise}{SHOP}{data}"));
    check(
        &run(&mut diff(&project, "a.sql", "b.sql")),
        0,
        &[
            "the same schema: 1 table",
            "note: b.sql: the setting no_such_timeout_yet is unknown to this Postgres",
            "note: b.sql: CREATE SCHEMA public was left out, because every database has it",
        ],
    );
}

/// A role that is missing is noticed when others have been made.
#[test]
fn roles_that_are_missing_do_not_get_in_the_way_of_those_that_are_not() {
    let sql = "CREATE ROLE postgres;
        CREATE ROLE ours;
        CREATE TABLE t (a int);
        GRANT SELECT ON t TO ours;
        GRANT SELECT ON t TO theirs;
        ALTER TABLE t OWNER TO \"Somebody Else\";";
    let project = Project::new(&[("a.sql", sql)]);
    let notes = ["a.sql names the role theirs and", "a.sql names the role \"Somebody Else\" and"];
    check(&run(&mut diff(&project, "a.sql", "a.sql")), 0, &notes);
}

/// Each side has a server of its own: one makes a role, and the other one too.
#[test]
fn a_file_may_do_what_a_superuser_may() {
    let roles = "CREATE ROLE app NOLOGIN;
        CREATE EXTENSION file_fdw_that_is_not_there;";
    let project =
        Project::new(&[("a.sql", "CREATE ROLE app;\nALTER SYSTEM SET work_mem = '5MB';")]);
    project.write("b.sql", roles);
    check(&run(&mut diff(&project, "a.sql", "a.sql")), 0, &["the same schema"]);
    check(
        &run(&mut diff(&project, "a.sql", "b.sql")),
        2,
        &[
            "error: b.sql could not be played",
            "--> b.sql:2:9",
            "CREATE EXTENSION file_fdw_that_is_not_there",
            "= help: this server doesn't have the extension: install its package",
        ],
    );
}

#[test]
fn a_statement_that_fails_is_told_with_its_place() {
    let project = Project::new(&[("a.sql", SHOP), ("b.sql", "-- b\n\nCREATE TABLE t (a itn);\n")]);
    check(
        &run(&mut diff(&project, "b.sql", "a.sql")),
        2,
        &["--> b.sql:3:1", "3 | CREATE TABLE t (a itn);", r#"42704: type "itn" does not exist"#],
    );
}

#[test]
fn what_is_no_schema() {
    let project = Project::new(&[("a.sql", SHOP), ("empty.sql", " \n"), ("folder/note.txt", "")]);
    project.write("latin.sql", b"SELECT 1;\n-- caf\xe9\n");
    project.write("custom.dump", b"PGDMP\x01\x0e\0\0");
    project.write("small.sql.gz", b"\x1f\x8b\x08\0\0");
    project.write("open.sql", "CREATE TABLE t (a int);\nBEGIN;\nCREATE TABLE u (a int);\n");
    project.write("all.sql", "CREATE ROLE app;\n\\connect app\nSELECT 1;\n");
    let check_side = |side: &str, texts: &[&str]| {
        check(&run(&mut diff(&project, side, "a.sql")), 2, texts);
        check(&run(&mut diff(&project, "a.sql", side)), 2, texts);
    };
    check_side(
        "missing.sql",
        &["there is no missing.sql", "help: name a file of SQL, a project's"],
    );
    check_side("/dev/null", &["/dev/null is no file and no folder", "help: what comes through"]);
    check_side("empty.sql", &["empty.sql is empty"]);
    check_side("folder", &["no migrations found in folder", "help: looked for them in"]);
    check_side("latin.sql", &["latin.sql:2: not UTF-8 (byte 0xE9)", "iconv -f latin1"]);
    check_side(
        "custom.dump",
        &["pg_dump's own format", "pg_restore --file=custom.dump.sql custom"],
    );
    check_side("small.sql.gz", &["is compressed by gzip", "gunzip --keep small.sql.gz"]);
    check_side("open.sql", &["open.sql:2: this transaction is never committed", "COMMIT;"]);
    check_side(
        "all.sql",
        &["all.sql:2: psql's \\connect is not SQL", "with pg_dump and without --cre"],
    );
}

#[test]
fn a_database_that_cannot_be_reached() {
    let host = Host::new("CREATE ROLE reader LOGIN PASSWORD 'a';");
    let project = Project::new(&[("a.sql", SHOP)]);
    let url = host.database.url();
    let (_, place) = url.split_once('@').expect("a user");
    let check_url = |url: &str, texts: &[&str]| {
        let told = run(&mut diff(&project, url, "a.sql"));
        check(&told, 2, texts);
        assert!(!told.all().contains("s3cret"), "{}", told.all());
    };
    check_url(
        &format!("postgres://reader:s3cret@{place}"),
        &["28P01: password authentication failed", "help: see that the URL has the right password"],
    );
    let elsewhere = place.split('/').next().expect("a host");
    check_url(
        &format!("postgres://reader:a@{elsewhere}/nowhere?application_name=s3cret"),
        &[r#"3D000: database "nowhere" does not exist"#, "help: name a database in the URL"],
    );
    check_url(&format!("postgres://reader:a@{elsewhere}"), &["names no database", "help: add it"]);
    check_url(
        "postgresql://me:s3cret@localhost:1/a",
        &["failed to connect to the server at local"],
    );
    check_url(
        "postgres://me:s3cret@:x/a",
        &["the URL of the server can't be read", "help: write it"],
    );
    // Who may log in may read.
    let told = run(&mut diff(&project, &format!("postgres://reader:a@{place}"), "a.sql"));
    check(&told, 1, &["1 table only in a.sql", "1 function only in a.sql"]);
}

/// Whoever alters a table waits for its readers, and everybody else behind them.
#[test]
fn a_database_that_is_being_changed_is_not_waited_for() {
    let host = Host::new("CREATE TABLE t (a int CHECK (a > 0)); CREATE VIEW v AS SELECT a FROM t;");
    let project = Project::new(&[("a.sql", SHOP)]);
    let url = host.database.url();
    let mut other = host.runtime.block_on(async {
        let mut other = PgConnection::connect(&url).await.expect("it runs");
        let lock = "BEGIN; LOCK TABLE t, v IN ACCESS EXCLUSIVE MODE";
        sqlx::raw_sql(lock).execute(&mut other).await.expect("nobody else has it");
        other
    });
    let told = run(&mut diff(&project, &url, "a.sql"));
    let help = "help: somebody is changing what is to be read: run it again when they are done";
    check(&told, 2, &["lock timeout", help]);
    let rollback = sqlx::raw_sql("ROLLBACK").execute(&mut other);
    host.runtime.block_on(rollback).expect("it listens");
    check(&run(&mut diff(&project, &url, "a.sql")), 1, &["1 view only in postgresql://"]);
}

#[rstest]
#[case::version(&["--postgres", "9"], &["Postgres 9 was not found on this machine"])]
#[case::versions(&["--postgres", "15,16"], &["`15,16` is no Postgres version"])]
#[case::server(&["--server", "moon"], &["`moon` is no place to get a server from"])]
#[case::format(&["--format", "junit"], &["invalid value 'junit'", "human, json"])]
#[case::more(&["c.sql"], &["unexpected argument 'c.sql'"])]
fn an_argument_that_means_nothing(#[case] arguments: &[&str], #[case] texts: &[&str]) {
    let project = Project::new(&[("a.sql", SHOP)]);
    check(&run(diff(&project, "a.sql", "a.sql").args(arguments)), 2, texts);
}
