//! What Rust code says of seeds and of the bootstrap, on top of `rehearsal.toml`.

use std::error::Error;
use std::rc::Rc;

use toml::Spanned;

use super::Rehearsal;
use super::subject::Closure;
use crate::config::Config;
use crate::server::Database;

impl<'a> Rehearsal<'a> {
    /// Seeds by a closure, after what `rehearsal.toml` names and after those that were given
    /// before. It is called once for each run of the seeds.
    ///
    /// What it does by [`Database::execute`] is one transaction, with the settings of
    /// [`session`](Self::session); connections of its own have transactions of their own.
    ///
    /// ```
    /// # fn main() -> rehearsal::Result<()> {
    /// # let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    /// # runtime.block_on(async {
    /// use rehearsal::{Database, Rehearsal};
    ///
    /// let ada = "INSERT INTO members (id, name, email) OVERRIDING SYSTEM VALUE
    ///            VALUES (1, 'Ada', 'ada@example.org') ON CONFLICT DO NOTHING";
    /// Rehearsal::of("fixtures/demo")
    ///     .seed_with(async |database: Database| database.execute(ada).await)
    ///     .expect_rows("members", 1)
    ///     .verify()
    ///     .await
    /// # })
    /// # }
    /// ```
    #[must_use]
    pub fn seed_with<F, E>(mut self, seeds: F) -> Self
    where
        F: AsyncFn(Database) -> Result<(), E> + 'a,
        E: Into<Box<dyn Error + Send + Sync>> + 'a,
    {
        self.seeders.push(Rc::new(Closure::new(seeds)));
        self
    }

    /// How many rows a table has when the seeds have run.
    ///
    /// ```
    /// let rehearsal = rehearsal::Rehearsal::of("fixtures/demo").expect_rows("members", 3);
    /// ```
    #[must_use]
    pub fn expect_rows(mut self, table: impl Into<String>, count: u64) -> Self {
        self.expected.push((table.into(), count));
        self
    }

    /// A setting of the transactions in which pre scripts, seeds and post scripts run.
    ///
    /// ```
    /// let rehearsal = rehearsal::Rehearsal::of("fixtures/demo").session("app.actor_id", "1");
    /// ```
    #[must_use]
    pub fn session(mut self, setting: impl Into<String>, value: impl Into<String>) -> Self {
        self.settings.push((setting.into(), value.into()));
        self
    }

    /// Columns that become NOT NULL after the bootstrap, as a pattern such as `*.created_by`.
    ///
    /// ```
    /// let rehearsal = rehearsal::Rehearsal::of("fixtures/demo").tighten("members.email");
    /// ```
    #[must_use]
    pub fn tighten(mut self, columns: impl Into<String>) -> Self {
        self.tightened.push(columns.into());
        self
    }

    /// The database that the bootstrap makes, for a test of one's own: booted, seeded, and with the
    /// post scripts run. As [`database`](Self::database) otherwise, and as fast, if all seeds are
    /// SQL files.
    ///
    /// # Errors
    ///
    /// When the chain or the seeds do not apply, with the report of that; or when they could not be
    /// played.
    ///
    /// ```
    /// # fn main() -> rehearsal::Result<()> {
    /// # let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    /// # runtime.block_on(async {
    /// use rehearsal::{Database, Rehearsal};
    ///
    /// let ada = "INSERT INTO members (name, email) VALUES ('Ada', 'ada@example.org')";
    /// let seeds = async |database: Database| database.execute(ada).await;
    /// let database = Rehearsal::of("fixtures/demo").seed_with(seeds).seeded_database().await?;
    /// // She is there already.
    /// assert!(database.execute(ada).await.is_err());
    /// # Ok(())
    /// # })
    /// # }
    /// ```
    pub async fn seeded_database(mut self) -> crate::Result<Database> {
        self.seeded = true;
        self.database().await
    }

    /// What the file says, and what was said on top of it.
    pub(super) fn completed(&self, mut config: Config) -> Config {
        // There is no place in the file to point to.
        let unplaced = |text: &String| Spanned::new(0..0, text.clone());
        let expected = self.expected.iter().map(|(table, count)| (unplaced(table), *count));
        config.seeds.expect.extend(expected);
        let settings = self.settings.iter();
        let settings = settings.map(|(setting, value)| (unplaced(setting), value.clone()));
        config.bootstrap.session.extend(settings);
        config.bootstrap.tighten.extend(self.tightened.iter().map(unplaced));
        if let Some(path) = &self.baseline {
            config.baseline.path = Some(unplaced(path));
        }
        config
    }
}
