//! The mutation table: for each thing that can make two schemas different, a change of it, and the
//! sentences in which the difference is told; and what makes none, and about which it is quiet.
//!
//! A file of `fixtures/catalog/` is the SQL of a schema, followed by changes of it:
//!
//! ```text
//! CREATE TABLE t (a int);
//!
//! --- a column's type
//! ALTER TABLE t ALTER a TYPE text;
//! --> column public.t.a: type integer became text
//!
//! --- quiet: a NOT NULL that is spelled out (from 18)
//! ALTER TABLE t …;
//! ```
//!
//! Each is played by a superuser on a copy of its own, and the sentences must be these and no
//! others. What belongs to the whole server, such as a role, isn't copied: it is made by the
//! schema. Each paragraph is sent by itself, and so is a transaction; all are sent in one session.
//! `(from 15)`, `(until 16)` and `(from 15 until 17)` behind the title say on which versions of
//! Postgres it is played. `REHEARSAL_BLESS=1` writes down what is told, to be read as a diff.

use std::collections::BTreeSet;
use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};
use std::str::FromStr as _;

use pretty_assertions::StrComparison;
use rehearsal::{Catalog, Database, Rehearsal};
use sqlx::postgres::PgConnectOptions;
use sqlx::{AssertSqlSafe, ConnectOptions as _, Connection as _, Executor as _, Row as _};

/// The files, each with a test that is called like it.
macro_rules! files {
    ($($file:ident),* $(,)?) => {
        const FILES: &[&str] = &[$(stringify!($file)),*];

        $(
            #[tokio::test]
            async fn $file() {
                check(stringify!($file)).await;
            }
        )*
    };
}

files!(
    columns,
    constraints,
    databases,
    foreign,
    functions,
    grants,
    indexes,
    languages,
    operators,
    partitions,
    policies,
    publications,
    sequences,
    tables,
    text_search,
    triggers,
    types,
    views,
);

#[test]
fn every_file_has_its_test() {
    let files = fs::read_dir(folder()).expect("the folder is there").map(|entry| {
        let name = entry.expect("the folder is readable").file_name();
        name.into_string().expect("names are UTF-8")
    });
    let tested = FILES.iter().map(|file| format!("{file}.sql"));
    assert_eq!(files.collect::<BTreeSet<_>>(), tested.collect());
}

/// Attributes and kinds that no mutation can change by itself, each with the reason.
const UNCHANGEABLE: &[(&str, &str, &str)] = &[
    ("column.sql", "position", "told of the table, as \"column order\""),
    ("database.sql", "database", "there is always one"),
];

/// Whatever a query reads has a mutation that shows it: what is read and never told would be a
/// mistake in the query that nobody sees.
#[test]
fn every_kind_and_every_attribute_is_told() {
    let sentences: Vec<String> = FILES.iter().flat_map(|file| Table::read(file).told()).collect();
    let mut missing = Vec::new();
    for Query { file, kinds, attributes } in queries() {
        let is_excused = |name: &str| UNCHANGEABLE.iter().any(|it| (it.0, it.1) == (&*file, name));
        for kind in &kinds {
            if sentences.iter().any(|it| comes_or_goes(it, kind)) == is_excused(kind) {
                missing.push(format!("{file}: {kind} … is new, or gone"));
            }
        }
        for attribute in attributes {
            let is_told = sentences.iter().any(|it| changes(it, &kinds, &attribute));
            if is_told == is_excused(&attribute) {
                missing.push(format!("{file}: … {attribute} …"));
            }
        }
    }
    assert!(missing.is_empty(), "never told, or needlessly excused:\n{}", missing.join("\n"));
}

/// Whether a sentence says that an object of a kind is new or gone.
fn comes_or_goes(sentence: &str, kind: &str) -> bool {
    let rest = sentence.strip_prefix(kind);
    rest.is_some_and(|rest| rest.starts_with(' ') && !rest.contains(": "))
        && (sentence.ends_with(" is new") || sentence.ends_with(" is gone"))
}

/// Whether a sentence tells an attribute of one of these kinds.
fn changes(sentence: &str, kinds: &[String], attribute: &str) -> bool {
    // A query without kinds tells attributes of objects that others name.
    let is_of_kind = kinds.is_empty() || kinds.iter().any(|kind| sentence.starts_with(kind));
    is_of_kind && sentence.contains(&format!(": {attribute} "))
}

/// A query of the catalog: what it names, and what it says of it.
struct Query {
    file: String,
    kinds: Vec<String>,
    attributes: Vec<String>,
}

fn queries() -> Vec<Query> {
    let list = fs::read_to_string(root().join("src/catalog/kinds.rs")).expect("the list is there");
    let lists = list.split("SOURCES: ").skip(1);
    let lists = lists.map(|list| list.split_once("\n];").expect("a list has an end").0);
    let queries = lists.flat_map(|list| list.split("source!(\"").skip(1)).map(|entry| {
        let (file, kinds) = entry.split_once("\":").expect("a file and its kinds");
        let kinds = kinds.split('"').skip(1).step_by(2).map(str::to_owned).collect();
        let query = fs::read_to_string(root().join("src/catalog/kinds").join(file));
        let query = query.expect("the query is there");
        let attributes = attributes(&query);
        Query { file: file.to_owned(), kinds, attributes }
    });
    queries.collect()
}

/// The columns of a query that are attributes: their names are in double quotes.
fn attributes(query: &str) -> Vec<String> {
    let names = query.split(" as \"").skip(1).filter_map(|rest| rest.split('"').next());
    names.map(str::to_owned).collect()
}

/// A file of the mutation table.
struct Table {
    path: PathBuf,
    base: String,
    mutations: Vec<Mutation>,
}

/// A change of the schema, and what is to be told of it.
struct Mutation {
    /// The line that begins it, without the dashes.
    title: String,
    sql: String,
    sentences: Vec<String>,
}

impl Table {
    fn read(name: &str) -> Self {
        let path = folder().join(name).with_extension("sql");
        let text = fs::read_to_string(&path).expect("the file is readable");
        let mut parts = text.split("\n--- ");
        let base = parts.next().unwrap_or_default().to_owned();
        Self { path, base, mutations: parts.map(Mutation::parse).collect() }
    }

    fn told(self) -> impl Iterator<Item = String> {
        self.mutations.into_iter().flat_map(|mutation| mutation.sentences)
    }

    fn write(&self) {
        let mutations: Vec<String> = self.mutations.iter().map(ToString::to_string).collect();
        fs::write(&self.path, format!("{}\n\n{}", self.base.trim_end(), mutations.join("\n")))
            .expect("the file is writable");
    }
}

impl Mutation {
    fn parse(text: &str) -> Self {
        let (title, rest) = text.split_once('\n').unwrap_or((text, ""));
        let (sentences, sql): (Vec<&str>, Vec<&str>) =
            rest.lines().partition(|line| line.starts_with("--> "));
        let sentences = sentences.into_iter().map(|line| line["--> ".len()..].to_owned());
        Self {
            title: title.to_owned(),
            sql: sql.join("\n").trim().to_owned(),
            sentences: sentences.collect(),
        }
    }

    fn is_quiet(&self) -> bool {
        self.title.starts_with("quiet: ")
    }

    /// Whether it promises to be quiet and isn't, or the reverse.
    fn is_odd(&self) -> bool {
        self.is_quiet() != self.sentences.is_empty()
    }

    /// Whether it is one for this major version.
    fn is_for(&self, major: u32) -> bool {
        let Some((_, versions)) = self.title.rsplit_once('(') else { return true };
        let words: Vec<&str> = versions.trim_end_matches(')').split(' ').collect();
        let limits = words.chunks(2).map(|pair| match pair {
            ["from", first] => Some(major >= first.parse().ok()?),
            ["until", last] => Some(major <= last.parse().ok()?),
            _ => None,
        });
        // Parentheses that say anything else are part of the title.
        limits.collect::<Option<Vec<_>>>().is_none_or(|limits| !limits.contains(&false))
    }

    /// Plays it on a copy of the schema, and returns what is told of it.
    async fn play(&self, server: &Server) -> Result<Vec<String>, String> {
        let copy = server.copy().await;
        let mut session = copy.connect().await.expect("a connection");
        let was = digest(&copy).await;
        for paragraph in self.sql.split("\n\n") {
            let played = session.execute(sqlx::raw_sql(AssertSqlSafe(paragraph))).await;
            played.map_err(|error| format!("{paragraph}\n{error}"))?;
        }
        let url = copy.to_url_lossy().to_string();
        let after = Catalog::read(&url).await.expect("the schema is readable");
        let told = server.catalog.differences(&after);
        // What has the digest that it had is not even read.
        if !told.is_empty() && digest(&copy).await == was {
            return Err(format!(
                "{}\nand the digest of the catalog stays as it was",
                told.join("\n")
            ));
        }
        Ok(told)
    }
}

/// By what a catalog that was read is known again.
async fn digest(database: &PgConnectOptions) -> String {
    let asking = fs::read_to_string(root().join("src/catalog/digest.sql")).expect("the query");
    let mut session = database.connect().await.expect("a connection");
    let query = session.fetch_one(sqlx::raw_sql(AssertSqlSafe(asking))).await;
    let query: String = query.and_then(|row| row.try_get(1)).expect("a superuser is told");
    let digest = session.fetch_one(sqlx::raw_sql(AssertSqlSafe(query))).await;
    let digest = digest.and_then(|row| row.try_get(0)).expect("a digest");
    session.close().await.expect("nobody is connected to what is dropped");
    digest
}

/// As it stands in its file.
impl fmt::Display for Mutation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "--- {}\n{}", self.title, self.sql)?;
        self.sentences.iter().try_for_each(|sentence| writeln!(f, "--> {sentence}"))
    }
}

/// Plays all mutations of a file, and says all that is not as expected at once.
async fn check(name: &str) {
    let mut table = Table::read(name);
    let server = Server::new(&table.base).await;
    let is_blessed = std::env::var_os("REHEARSAL_BLESS").is_some();
    let (mut expected, mut found) = (String::new(), String::new());
    let mut played = 0;
    for mutation in table.mutations.iter_mut().filter(|it| it.is_for(server.major)) {
        played += 1;
        let told = mutation.play(&server).await;
        if let Ok(sentences) = &told
            && is_blessed
            && sentences.is_empty() == mutation.is_quiet()
        {
            mutation.sentences.clone_from(sentences);
        }
        let told = match told {
            Ok(sentences) if sentences == mutation.sentences && !mutation.is_odd() => continue,
            Ok(sentences) if sentences.is_empty() => "nothing is told".to_owned(),
            Ok(sentences) => sentences.join("\n"),
            Err(refused) => refused,
        };
        expected += &format!("{}\n{}\n\n", mutation.title, mutation.sentences.join("\n"));
        found += &format!("{}\n{told}\n\n", mutation.title);
    }
    if is_blessed {
        table.write();
    }
    assert!(played > 0, "{name}: none of its mutations is one for Postgres {}", server.major);
    let differs = StrComparison::new(&expected, &found);
    assert!(expected == found, "{name}.sql on Postgres {}:\n{differs}", server.major);
}

/// A server for one file alone, on which a superuser has made the schema.
struct Server {
    base: Database,
    name: String,
    catalog: Catalog,
    major: u32,
}

impl Server {
    async fn new(base: &str) -> Self {
        let project = tempfile::tempdir().expect("a temporary folder");
        let write = |path: &str, text: &str| fs::write(project.path().join(path), text);
        fs::create_dir(project.path().join("migrations")).expect("a folder");
        write("rehearsal.toml", "[postgres]\nrole = \"superuser\"\n").expect("a file");
        write("migrations/0001_base.sql", base).expect("a file");
        let base = Rehearsal::of(project.path()).database().await;
        let base = base.unwrap_or_else(|error| panic!("there is no such schema: {error}"));
        let catalog = Catalog::read(&base).await.expect("the schema is readable");
        let mut session = options(&base).connect().await.expect("a connection");
        let query = "SELECT current_database()::text, current_setting('server_version_num')::int";
        let (name, number): (String, i32) =
            sqlx::query_as(query).fetch_one(&mut session).await.expect("an answer");
        session.close().await.expect("nobody is connected to what is copied");
        Self { base, name, catalog, major: number.unsigned_abs() / 10_000 }
    }

    /// A copy of the schema in place of the one before, with what `CREATE DATABASE` leaves out.
    async fn copy(&self) -> PgConnectOptions {
        let maintenance = options(&self.base).database("postgres");
        let mut session = maintenance.connect().await.expect("a connection");
        let oid = |name: &str| format!("(SELECT oid FROM pg_database WHERE datname = '{name}')");
        let (from, to) = (oid(&self.name), oid("copy"));
        for statement in [
            // A database with subscriptions can't be dropped, and without their slots they can.
            "SET allow_system_table_mods = on".to_owned(),
            format!("DELETE FROM pg_subscription WHERE subdbid = {to}"),
            "DROP DATABASE IF EXISTS copy WITH (FORCE)".to_owned(),
            format!("CREATE DATABASE copy TEMPLATE {}", self.name),
            format!(
                "INSERT INTO pg_db_role_setting SELECT {to}, setrole, setconfig
                   FROM pg_db_role_setting WHERE setdatabase = {from};
                 INSERT INTO pg_shdescription SELECT {to}, classoid, description
                   FROM pg_shdescription WHERE objoid = {from} AND classoid = 1262;
                 UPDATE pg_database
                    SET datacl = (SELECT datacl FROM pg_database WHERE oid = {from})
                  WHERE oid = {to};
                 INSERT INTO pg_subscription SELECT (jsonb_populate_record(s, jsonb_build_object(
                    'oid', s.oid::bigint + 1000000, 'subdbid', {to}))).*
                   FROM pg_subscription s WHERE subdbid = {from}"
            ),
        ] {
            session.execute(sqlx::raw_sql(AssertSqlSafe(statement))).await.expect("a copy");
        }
        options(&self.base).database("copy")
    }
}

fn options(database: &Database) -> PgConnectOptions {
    PgConnectOptions::from_str(&database.url()).expect("a URL")
}

fn folder() -> PathBuf {
    root().join("fixtures/catalog")
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}
