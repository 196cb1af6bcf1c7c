//! What can be rehearsed: a project's folder, and what Rust code calls its migrations.

use std::error::Error;
use std::fmt;
use std::marker::PhantomData;
use std::path::Path;
use std::rc::Rc;
#[cfg(feature = "sqlx-0_9")]
use std::sync::Arc;

use futures_util::future::LocalBoxFuture;

#[cfg(feature = "sqlx-0_9")]
use super::Migrator;
use super::{Rehearsal, Subject};
use crate::acts::{Migrate, Outcome};
use crate::server::Database;

/// Something that [`Rehearsal::of`] takes: the path of a project's folder, or the
/// `sqlx::migrate::Migrator` that `sqlx::migrate!()` makes (with the feature `sqlx-0_9`), or a
/// closure that migrates a [`Database`](crate::Database).
///
/// `Kind` tells these apart, and is never written.
///
/// ```
/// use rehearsal::{Rehearsable, Rehearsal};
///
/// fn strictly<'a, Kind>(project: impl Rehearsable<'a, Kind>) -> Rehearsal<'a> {
///     Rehearsal::of(project).only(["apply", "rerun", "replay"])
/// }
/// let rehearsal = strictly("fixtures/demo");
/// ```
pub trait Rehearsable<'a, Kind> {
    /// Its rehearsal, with nothing said about how it is to be held.
    ///
    /// ```
    /// use rehearsal::Rehearsable;
    ///
    /// let rehearsal = "fixtures/demo".rehearsal().postgres(["15"]);
    /// ```
    fn rehearsal(self) -> Rehearsal<'a>;
}

/// Marks paths.
#[derive(Debug)]
pub struct Folder;

impl<'a, P: AsRef<Path>> Rehearsable<'a, Folder> for P {
    fn rehearsal(self) -> Rehearsal<'a> {
        Rehearsal::new(self.as_ref(), Subject::Folder)
    }
}

/// Marks migrations that a program has built in.
#[cfg(feature = "sqlx-0_9")]
#[derive(Debug)]
pub struct BuiltIn;

/// What `rehearsal.toml` in the current folder says is taken into account, which under `cargo test`
/// is the package's; but for the migrations themselves.
#[cfg(feature = "sqlx-0_9")]
impl<'a> Rehearsable<'a, BuiltIn> for sqlx::migrate::Migrator {
    fn rehearsal(self) -> Rehearsal<'a> {
        Rehearsal::new(Path::new("."), Subject::BuiltIn(Migrator::Owned(Arc::new(self))))
    }
}

/// The one that the application itself runs, which is usually a `static`.
#[cfg(feature = "sqlx-0_9")]
impl<'a> Rehearsable<'a, BuiltIn> for &'a sqlx::migrate::Migrator {
    fn rehearsal(self) -> Rehearsal<'a> {
        Rehearsal::new(Path::new("."), Subject::BuiltIn(Migrator::Borrowed(self)))
    }
}

/// Marks closures, by what they return in error.
#[derive(Debug)]
pub struct Migrates<E>(PhantomData<E>);

/// It is called at each boot, on a database of the rehearsal's, and driven on the task that holds
/// the rehearsal: it need not be `Send`, and it may borrow. What `rehearsal.toml` in the current
/// folder says is taken into account, which under `cargo test` is the package's.
///
/// ```
/// # fn main() -> rehearsal::Result<()> {
/// # let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
/// # runtime.block_on(async {
/// use rehearsal::{Database, Rehearsal};
///
/// let table = "CREATE TABLE IF NOT EXISTS members (id int PRIMARY KEY)";
/// Rehearsal::of(async |database: Database| database.execute(table).await).verify().await
/// # })
/// # }
/// ```
impl<'a, F, E> Rehearsable<'a, Migrates<E>> for F
where
    F: AsyncFn(Database) -> Result<(), E> + 'a,
    E: Into<Box<dyn Error + Send + Sync>> + 'a,
{
    fn rehearsal(self) -> Rehearsal<'a> {
        Rehearsal::new(Path::new("."), Subject::Closure(Rc::new(Closure::new(self))))
    }
}

/// A closure, as acts call it.
pub(super) struct Closure<F, E> {
    closure: F,
    error: PhantomData<E>,
}

impl<F, E> Closure<F, E> {
    pub(super) fn new(closure: F) -> Self {
        Self { closure, error: PhantomData }
    }
}

impl<F, E> Migrate for Closure<F, E>
where
    F: AsyncFn(Database) -> Result<(), E>,
    E: Into<Box<dyn Error + Send + Sync>>,
{
    fn migrate(&self, database: Database) -> LocalBoxFuture<'_, Outcome> {
        Box::pin(async { (self.closure)(database).await.map_err(Into::into) })
    }
}

impl<F, E> fmt::Debug for Closure<F, E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Closure")
    }
}
