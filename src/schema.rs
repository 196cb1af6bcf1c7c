//! Schemas from wherever they come, read and compared: a database, a file of SQL, a project.

use std::path::{Path, PathBuf};
use std::str::FromStr as _;

use sqlx::postgres::PgConnectOptions;

use crate::catalog::Catalog;
use crate::server::{self, Database};
use crate::{Error, Rehearsal, Result};

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
        let is_url = place.starts_with("postgres://") || place.starts_with("postgresql://");
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
        match schema.into().0 {
            Origin::Read(catalog) => Ok(catalog.clone()),
            Origin::Database(database) => Self::read_from(&mut database.admin().await?).await,
            Origin::Url(url) => {
                let options = PgConnectOptions::from_str(&url).map_err(|error| {
                    Error::new("this is no URL of a Postgres database").caused_by(error)
                })?;
                Self::read_from(&mut server::connect(&options).await?).await
            }
            Origin::Path(path) => {
                if !path.exists() {
                    return Err(Error::new(format!("there is no {}", path.display())).help(
                        "name a file of SQL, a project's folder, or a database by postgres://…",
                    ));
                }
                let rehearsal =
                    if path.is_file() { Rehearsal::of_file(&path) } else { Rehearsal::of(path) };
                let database = rehearsal.database().await?;
                Self::read_from(&mut database.admin().await?).await
            }
        }
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
        if let Err(difference) = $crate::__assert_same_schema($left, $right).await {
            panic!(
                "`{}` and `{}` are not the same schema\n{difference}",
                stringify!($left),
                stringify!($right)
            );
        }
    };
}

/// What [`assert_same_schema`] says, if there is something to say.
#[doc(hidden)]
pub async fn __assert_same_schema<'a, 'b>(
    left: impl Into<Schema<'a>>,
    right: impl Into<Schema<'b>>,
) -> Result<(), String> {
    let read = |side: &'static str, error: Error| format!("{side} can't be read: {error}");
    let left = Catalog::read(left).await.map_err(|error| read("the first", error))?;
    let right = Catalog::read(right).await.map_err(|error| read("the second", error))?;
    let differences = left.differences(&right);
    if differences.is_empty() {
        return Ok(());
    }
    let lines = differences.iter().map(|difference| format!("  {difference}"));
    Err(format!("from the first to the second:\n{}", lines.collect::<Vec<_>>().join("\n")))
}
