//! Schemas from wherever they come: a database, a file of SQL, a project.

mod comparing;

use std::fs::File;
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use sqlx::postgres::PgConnection;

pub(crate) use self::comparing::compare;
use crate::catalog::{Belongings, Catalog, Without};
use crate::rehearsal::Played;
use crate::server::{self, Database, News, Silence};
use crate::sql::quoted;
use crate::{Error, Rehearsal, Result};

/// How long whoever drops what is being read is given to be done with it, each time that they are
/// noticed.
const PAUSES: [Duration; 5] = [
    Duration::from_millis(50),
    Duration::from_millis(100),
    Duration::from_millis(200),
    Duration::from_millis(400),
    Duration::from_millis(800),
];

/// Where the first lines of a file are.
const HEAD_BYTES: u64 = 4096;

/// Where a schema is found: in a [`Database`], behind a `postgres://` URL (where it is only read),
/// in a file of SQL such as a dump, in a project's folder of migrations, or in a [`Catalog`] that
/// was read already.
///
/// ```
/// use rehearsal::Schema;
///
/// let dump = Schema::from("schema.sql");
/// let production = Schema::from("postgres://reader@db.example.com/app");
/// ```
#[derive(Debug)]
pub struct Schema<'a>(Origin<'a>);

#[derive(Debug)]
enum Origin<'a> {
    Read(&'a Catalog),
    Database(&'a Database),
    Url(String),
    Path(PathBuf),
}

impl<'a> From<&'a Catalog> for Schema<'a> {
    fn from(catalog: &'a Catalog) -> Self {
        Self(Origin::Read(catalog))
    }
}

impl<'a> From<&'a Database> for Schema<'a> {
    fn from(database: &'a Database) -> Self {
        Self(Origin::Database(database))
    }
}

impl From<&str> for Schema<'_> {
    fn from(place: &str) -> Self {
        // Of another scheme too, such as SQLAlchemy's: it is no path, and has a password.
        let is_url = place.contains("://");
        Self(if is_url { Origin::Url(place.to_owned()) } else { Origin::Path(place.into()) })
    }
}

impl From<&String> for Schema<'_> {
    fn from(place: &String) -> Self {
        Self::from(place.as_str())
    }
}

impl From<&Path> for Schema<'_> {
    fn from(path: &Path) -> Self {
        Self(Origin::Path(path.to_owned()))
    }
}

impl From<&PathBuf> for Schema<'_> {
    fn from(path: &PathBuf) -> Self {
        Self(Origin::Path(path.clone()))
    }
}

impl Catalog {
    /// Reads a schema. What is a file or a folder is played on a throwaway server first.
    ///
    /// # Errors
    ///
    /// When there is no such place, or what is there can't be played.
    ///
    /// ```
    /// # fn main() -> rehearsal::Result<()> {
    /// # let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    /// # runtime.block_on(async {
    /// use rehearsal::{Catalog, Rehearsal};
    ///
    /// let database = Rehearsal::of("fixtures/demo").database().await?;
    /// assert_eq!(Catalog::read(&database).await?, Catalog::read(&database.url()).await?);
    /// # Ok(())
    /// # })
    /// # }
    /// ```
    pub async fn read<'a>(schema: impl Into<Schema<'a>>) -> Result<Self> {
        schema.into().find(&Staging::default()).await.map(|found| found.catalog)
    }
}

/// How what is a file or a folder is played.
#[derive(Clone, Copy)]
pub(crate) struct Staging<'a> {
    /// The Postgres version, if somebody asks for one.
    pub(crate) version: Option<&'a str>,
    /// Where the server comes from, if somebody says so.
    pub(crate) server: Option<&'a str>,
    /// As superuser, on a server that nobody else has.
    pub(crate) alone: bool,
    pub(crate) news: &'a dyn News,
}

impl Staging<'_> {
    /// Asks for the version and the server.
    fn ask<'r>(&self, mut rehearsal: Rehearsal<'r>) -> Rehearsal<'r> {
        if let Some(version) = self.version {
            rehearsal = rehearsal.postgres([version]);
        }
        if let Some(server) = self.server {
            rehearsal = rehearsal.server(server);
        }
        rehearsal
    }
}

impl Default for Staging<'_> {
    fn default() -> Self {
        Self { version: None, server: None, alone: false, news: &Silence }
    }
}

/// A schema, and what is to be known of how it was found.
pub(crate) struct Found {
    catalog: Catalog,
    /// The version of the Postgres that it is on.
    postgres: String,
    /// The role that made it, where that is one of ours.
    player: Option<String>,
    /// What a tool keeps there for itself.
    ledger: Option<Belongings>,
    /// Whether it is a file that `pg_dump` wrote.
    is_dump: bool,
    notes: Vec<String>,
}

impl Found {
    fn of(catalog: Catalog, postgres: impl Into<String>) -> Self {
        let postgres = postgres.into();
        Self { catalog, postgres, player: None, ledger: None, is_dump: false, notes: Vec::new() }
    }

    /// What was made in a database of ours.
    fn made(database: &Database, catalog: Catalog, postgres: String, notes: Vec<String>) -> Self {
        let player = Some(quoted(database.player_name()));
        let ledger = database.ledger().cloned();
        Self { catalog, postgres, player, ledger, is_dump: false, notes }
    }

    /// The role that made it, if that owns everything in it.
    fn sole_player(&self) -> Option<String> {
        let owners = self.catalog.owners();
        self.player.clone().filter(|role| owners.len() == 1 && owners.contains(role))
    }
}

impl Schema<'_> {
    pub(crate) async fn find(self, staging: &Staging<'_>) -> Result<Found> {
        self.assert_there()?;
        match self.0 {
            Origin::Read(catalog) => Ok(Found::of(catalog.clone(), catalog.major.to_string())),
            Origin::Database(database) => {
                let catalog = read_in_use(&mut database.admin().await?).await?;
                let postgres = catalog.major.to_string();
                Ok(Found::made(database, catalog, postgres, Vec::new()))
            }
            Origin::Url(url) => {
                staging.news.begin(&format!("reading {}", without_password(&url)));
                let (mut connection, version) = Box::pin(server::visit(&url)).await?;
                Ok(Found::of(read_in_use(&mut connection).await?, version.text))
            }
            Origin::Path(path) => played(&path, staging).await,
        }
    }

    /// An error if there is nothing that could be played or read, as far as a look can tell.
    pub(crate) fn assert_there(&self) -> Result<()> {
        match &self.0 {
            Origin::Path(path) if !path.exists() => {
                Err(Error::new(format!("there is no {}", path.display()))
                    .help("name a file of SQL, a project's folder, or a database by postgres://…"))
            }
            Origin::Path(path) if path.is_file() => assert_text(path),
            Origin::Path(path) if !path.is_dir() => {
                Err(Error::new(format!("{} is no file and no folder", path.display())).help(
                    "what comes through a pipe is gone when it was read: write it to a file first",
                ))
            }
            _ => Ok(()),
        }
    }

    /// What people call it.
    #[cfg(feature = "cli")]
    pub(crate) fn name(&self) -> String {
        match &self.0 {
            Origin::Url(url) => without_password(url),
            Origin::Path(path) => path.display().to_string(),
            Origin::Read(_) | Origin::Database(_) => "the database".to_owned(),
        }
    }
}

/// Plays what is a file or a folder, and reads what comes of it.
async fn played(path: &Path, staging: &Staging<'_>) -> Result<Found> {
    let rehearsal = if path.is_file() { Rehearsal::of_file(path) } else { Rehearsal::of(path) };
    let rehearsal = staging.ask(rehearsal);
    staging.news.begin(&format!("playing {}", path.display()));
    let playing = async {
        if staging.alone {
            rehearsal.played_alone(staging.news).await
        } else {
            rehearsal.played(staging.news).await
        }
    };
    let Played { database, postgres, notes } = Box::pin(playing).await?;
    let catalog = Catalog::read_from(&mut database.admin().await?).await?;
    let is_dump = path.is_file() && is_of_pg_dump(path)?;
    Ok(Found { is_dump, ..Found::made(&database, catalog, postgres, notes) })
}

/// Whether `pg_dump` wrote a file, which says so in its first lines.
fn is_of_pg_dump(path: &Path) -> Result<bool> {
    let cannot = |error| Error::new(format!("failed to read {}", path.display())).caused_by(error);
    let mut head = Vec::new();
    let read = File::open(path).and_then(|file| file.take(HEAD_BYTES).read_to_end(&mut head));
    read.map_err(cannot)?;
    Ok(String::from_utf8_lossy(&head).contains("-- PostgreSQL database dump"))
}

/// An error for a dump that only `pg_restore` can read, or one that is compressed.
fn assert_text(path: &Path) -> Result<()> {
    let mut head = Vec::new();
    let read = File::open(path).and_then(|file| file.take(5).read_to_end(&mut head));
    read.map_err(|error| {
        Error::new(format!("failed to read {}", path.display())).caused_by(error)
    })?;
    let path = path.display();
    if head.starts_with(b"\x1f\x8b") {
        return Err(Error::new(format!("{path} is compressed by gzip, and no SQL"))
            .help(format!("make SQL of it: gunzip --keep {path}")));
    }
    if head != b"PGDMP" {
        return Ok(());
    }
    Err(Error::new(format!("{path} is a dump in pg_dump's own format, and no SQL"))
        .help(format!("make SQL of it: pg_restore --file={path}.sql {path}")))
}

/// Reads a schema that others may be changing. What Postgres tells of definitions it takes from
/// the present, and not from the transaction's snapshot: of what is dropped meanwhile, it finds
/// nothing.
async fn read_in_use(connection: &mut PgConnection) -> Result<Catalog> {
    let mut pauses = PAUSES.iter();
    loop {
        let error = match Catalog::read_from(connection).await {
            Err(error) => error,
            read => return read,
        };
        let said = error.to_string();
        match pauses.next().filter(|_| is_passing(&said)) {
            Some(pause) => tokio::time::sleep(*pause).await,
            None if is_passing(&said) || said.contains("lock timeout") => {
                return Err(error.help(
                    "somebody is changing what is to be read: run it again when they are done",
                ));
            }
            None => return Err(error),
        }
    }
}

/// Whether an error says that something was dropped while it was being read.
fn is_passing(said: &str) -> bool {
    said.contains("cache lookup failed for ") || said.contains("could not open relation with OID")
}

/// A URL as it may be shown.
fn without_password(url: &str) -> String {
    let Some((scheme, rest)) = url.split_once("://") else { return String::new() };
    let cut = |text: &str, at: &[char]| text.split(at).next().unwrap_or_default().to_owned();
    // A password may hold whatever should have been encoded.
    match rest.rsplit_once('@') {
        Some((user, place)) => {
            let user = cut(user, &[':', '/', '?', '#']);
            format!("{scheme}://{user}@{}", cut(place, &['?', '#']))
        }
        None => format!("{scheme}://{}", cut(rest, &['?', '#'])),
    }
}

/// Asserts that two schemas are the same, and says what differs where they are not.
///
/// Each side is whatever [`Catalog::read`] takes. It must be called in an `async` function.
///
/// ```
/// # fn main() {
/// # let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
/// # runtime.block_on(async {
/// use rehearsal::{Rehearsal, assert_same_schema};
///
/// let database = Rehearsal::of("fixtures/demo").database().await.unwrap();
/// assert_same_schema!(&database, "fixtures/demo");
/// # })
/// # }
/// ```
///
/// # Panics
///
/// If they differ, or if one of them can't be read.
#[macro_export]
macro_rules! assert_same_schema {
    ($left:expr, $right:expr $(,)?) => {
        let names = [stringify!($left), stringify!($right)];
        if let Err(difference) = $crate::__assert_same_schema($left, $right, names).await {
            panic!("{difference}");
        }
    };
}

/// What [`assert_same_schema`] says, if there is something to say.
#[doc(hidden)]
pub async fn __assert_same_schema<'a, 'b>(
    left: impl Into<Schema<'a>>,
    right: impl Into<Schema<'b>>,
    names: [&'static str; 2],
) -> Result<(), String> {
    let [left_name, right_name] = names.map(|name| format!("`{name}`"));
    let staging = Staging::default();
    let read = |name: &str, error: Error| format!("{name} can't be read: {error}");
    let left = left.into().find(&staging).await.map_err(|error| read(&left_name, error))?;
    let right = right.into().find(&staging).await.map_err(|error| read(&right_name, error))?;
    let compared =
        compare((left_name, left), (right_name, right), Without::default(), &staging).await;
    let report = compared.map_err(|error| error.to_string())?;
    if report.is_same() { Ok(()) } else { Err(report.to_string()) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use pretty_assertions::assert_eq;

    #[test]
    fn passwords_are_not_shown() {
        let check = |url, shown: &str| assert_eq!(without_password(url), shown);
        check("postgres://me:p%40ss@db:5432/app?sslmode=require", "postgres://me@db:5432/app");
        check("postgres://me:p@ss@db/app", "postgres://me@db/app");
        check("postgres://me@db/app?password=secret", "postgres://me@db/app");
        check("postgresql:///app", "postgresql:///app");
        check("postgres://me:s3cret#1@db/app", "postgres://me@db/app");
        check("postgres://me:s3?cret@db/app", "postgres://me@db/app");
        check("postgres://db/app?password=p@ss", "postgres://db@ss");
        check("postgresql+asyncpg://me:secret@db/app", "postgresql+asyncpg://me@db/app");
    }

    #[test]
    fn what_was_dropped_meanwhile_is_told_from_other_errors() {
        let check = |said, expected| assert_eq!(is_passing(said), expected, "{said}");
        check("failed to read the catalog: XX000: cache lookup failed for function 16401", true);
        check("failed to read the catalog: could not open relation with OID 16403", true);
        check("failed to read the catalog: permission denied for table a", false);
    }
}
