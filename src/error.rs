//! The one error of this crate: the harness could not do its work.
//!
//! A migration that misbehaves is never an error, it is a finding. An error says what could not be
//! done and what to do about it.

use std::fmt;

/// Why a rehearsal could not be held: no Postgres, an unreadable file, a mistake in
/// `rehearsal.toml`.
///
/// It is displayed as one sentence, followed by the advice on a line of its own; and so it is for
/// debugging, because that is what a test shows of the error that it returns.
///
/// ```
/// # fn main() {
/// # let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
/// # runtime.block_on(async {
/// let error = rehearsal::Rehearsal::of("no/such/folder").play().await.unwrap_err();
/// assert!(error.to_string().starts_with("failed to open no/such/folder: "));
/// assert!(error.to_string().contains("\nhelp: name the project's folder"));
/// # })
/// # }
/// ```
pub struct Error {
    message: String,
    help: Option<String>,
    source: Option<Box<dyn std::error::Error + Send + Sync>>,
}

/// A result whose error is an [`Error`], which is what a test may return.
///
/// ```
/// # fn main() -> rehearsal::Result<()> {
/// # let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
/// # runtime.block_on(async {
/// async fn migrations_hold() -> rehearsal::Result<()> {
///     rehearsal::Rehearsal::of("fixtures/demo").verify().await
/// }
/// # migrations_hold().await
/// # })
/// # }
/// ```
pub type Result<T, E = Error> = std::result::Result<T, E>;

impl Error {
    pub(crate) fn new(message: impl Into<String>) -> Self {
        Self { message: message.into(), help: None, source: None }
    }

    /// What to do about it: an instruction that can be followed as it stands.
    pub(crate) fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }

    /// Another thing to do about it, below what the help says already.
    pub(crate) fn or_else_help(mut self, help: &str) -> Self {
        self.help = Some(self.help.map_or(help.to_owned(), |first| format!("{first}\n{help}")));
        self
    }

    pub(crate) fn caused_by(
        mut self,
        source: impl Into<Box<dyn std::error::Error + Send + Sync>>,
    ) -> Self {
        self.source = Some(source.into());
        self
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)?;
        if let Some(source) = &self.source {
            write!(f, ": {source}")?;
        }
        if let Some(help) = &self.help {
            write!(f, "\nhelp: {help}")?;
        }
        Ok(())
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// What it was caused by is in its text, and so is not told once more as its source.
impl std::error::Error for Error {}

/// What Postgres said, if an error goes back to that: sqlx tells of it the line of the server's own
/// source instead of the SQLSTATE.
pub(crate) fn words_of_postgres(error: &(dyn std::error::Error + 'static)) -> Option<String> {
    let mut cause = Some(error);
    while let Some(error) = cause {
        if let Some(said) =
            error.downcast_ref::<sqlx::Error>().and_then(|it| it.as_database_error())
        {
            return Some(format!("{}: {}", said.code().unwrap_or_default(), said.message()));
        }
        cause = error.source();
    }
    None
}

/// The SQLSTATE of what Postgres refused; empty if it is another failure.
pub(crate) fn sqlstate(error: &sqlx::Error) -> String {
    let said = error.as_database_error();
    said.and_then(sqlx::error::DatabaseError::code).unwrap_or_default().into_owned()
}

/// What sqlx says, so that `?` takes it in a closure that migrates.
#[cfg(feature = "sqlx-0_9")]
impl From<sqlx::Error> for Error {
    fn from(error: sqlx::Error) -> Self {
        match words_of_postgres(&error) {
            Some(said) => Self::new(said),
            None => Self::new("sqlx failed").caused_by(error),
        }
    }
}

/// What sqlx's migrations say, so that `?` takes it in a closure that migrates.
#[cfg(feature = "sqlx-0_9")]
impl From<sqlx::migrate::MigrateError> for Error {
    fn from(error: sqlx::migrate::MigrateError) -> Self {
        use sqlx::migrate::MigrateError::ExecuteMigration;
        match (&error, words_of_postgres(&error)) {
            (ExecuteMigration(_, version), Some(said)) => {
                Self::new(format!("migration {version} fails: {said}"))
            }
            (_, Some(said)) => Self::new(said),
            (_, None) => Self::new("sqlx's migrations failed").caused_by(error),
        }
    }
}
