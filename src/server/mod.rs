//! A Postgres to play on: found, started, asked for scratch databases, and gone afterwards.
//!
//! The rest of the crate sees a [`Server`] and its [`Scratch`] databases; where the server comes
//! from, and who else holds it, stays behind this seam. Must not know what is played.

mod origin;
mod binaries;
mod user;
mod talk;
mod scratch;
mod home;
mod native;
mod news;
#[cfg(feature = "containers")]
mod container;
mod machine;
mod lasting;
mod lease;
mod cluster;
mod shared;
mod template;
mod external;
mod database;
#[cfg(feature = "cli")]
mod dump;

use std::fmt::{self, Write as _};
use std::fs::File;
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use sqlx::ConnectOptions as _;
use sqlx::postgres::{PgConnectOptions, PgConnection, PgSslMode};

pub(crate) use self::binaries::Version;
pub use self::database::Database;
pub(crate) use self::database::Request;
use self::external::Guest;
pub(crate) use self::external::{assert_one_version, visit};
use self::home::Home;
pub(crate) use self::home::{Turn, available_bytes, disk_full_help};
use self::lasting::{aside, lasting};
pub(crate) use self::lasting::{held, hold};
use self::lease::{Lease, Order};
use self::machine::{Machine, Plan};
pub(crate) use self::news::{News, Silence};
pub(crate) use self::origin::{Asked, Origin};
use self::scratch::url_of;
pub(crate) use self::scratch::{Scratch, options_of};
pub(crate) use self::talk::{connect, run, value};
use self::talk::{failed, rows};
pub(crate) use self::template::{PREFIX as TEMPLATE_PREFIX, Template};
use crate::config::Postgres;
use crate::sql::{literal, quoted};
use crate::{Error, Result};

/// The role that owns scratch databases.
const OWNER: &str = "rehearsal_owner";

/// How long sessions that were closed may take to end.
const PATIENCE: Duration = Duration::from_secs(2);

/// The same, where those that don't end by themselves are ended.
const GOING: Duration = Duration::from_millis(50);

/// How long a shared server waits for somebody else when its last holder is gone.
const LINGER: Duration = Duration::from_secs(1);

/// The server that somebody wants.
#[derive(Clone, Copy)]
pub(crate) struct Wanted<'a> {
    pub(crate) origin: &'a Origin,
    /// The newest there is, if none is named.
    pub(crate) version: Option<&'a str>,
    /// The image of a container, with `{version}` in place of the version.
    pub(crate) image: Option<&'a str>,
    pub(crate) sharing: Sharing,
    /// Told what takes long.
    pub(crate) news: &'a dyn News,
    /// What else the project asks of it.
    pub(crate) settings: &'a Postgres,
}

/// Who else may use a server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Sharing {
    /// Everybody who wants the same.
    Shared,
    /// Nobody.
    Private,
    /// Nobody, and nothing is taken from earlier runs.
    Cold,
}

/// Whose a server is.
enum Place {
    Own(Machine),
    Theirs(Box<Guest>),
}

/// A running throwaway server.
pub(crate) struct Server {
    // Declared before the machine, so that our sessions are closed first.
    lease: Lease,
    /// The superuser's sessions that nobody uses at the moment. A new one takes milliseconds.
    idle: Mutex<Vec<PgConnection>>,
    place: Place,
    admin: PgConnectOptions,
    owner: PgConnectOptions,
    version: Version,
    sharing: Sharing,
    /// What the cluster held beside databases when it was made.
    pristine: String,
    /// The holder's part of the names of its databases.
    prefix: String,
    made: AtomicU32,
}

impl Server {
    /// Finds or starts the server that is wanted, and makes sure that it is of the wanted version.
    pub(crate) async fn open(wanted: &Wanted<'_>) -> Result<Self> {
        if std::env::var_os("PGOPTIONS").is_some() {
            return Err(Error::new(
                "PGOPTIONS is set and would change every session of the rehearsal",
            )
            .help("run it without: env -u PGOPTIONS …"));
        }
        if let Origin::External(url) = wanted.origin {
            return Box::pin(external::open(url, wanted)).await;
        }
        let home = Home::open()?;
        home.sweep();
        if wanted.sharing == Sharing::Shared {
            return shared::open(&home, wanted).await;
        }
        Self::begin(&Plan::find(wanted).await?, wanted.sharing).await
    }

    /// A server of one's own, from the programs of this machine.
    #[cfg(any(test, feature = "cli"))]
    pub(crate) async fn start(version: Option<&str>, cold: bool) -> Result<Self> {
        let sharing = if cold { Sharing::Cold } else { Sharing::Private };
        let (origin, settings, news) = (&Origin::Native, &Postgres::default(), &Silence);
        Self::open(&Wanted { origin, version, image: None, sharing, news, settings }).await
    }

    /// Starts a server, as its first holder.
    async fn begin(plan: &Plan, sharing: Sharing) -> Result<Self> {
        let mut machine = plan.start(sharing).await?;
        let login = login(&machine);
        let admin = superuser(&login, &machine);
        let number = random_number()?;
        let linger = if sharing == Sharing::Shared { LINGER } else { Duration::ZERO };
        let order = Order { linger, script: machine.how_to_end() };
        let (mut connection, lease) =
            tokio::try_join!(lasting(&admin), Lease::arm(&admin, number, &order))?;
        let backend = lease.watchdog().filter(|_| sharing == Sharing::Shared);
        machine.is_watched(backend).await?;
        let password = random_word(24)?;
        run(&mut connection, &role(&password)).await?;
        let said = value(&mut connection, "SHOW server_version").await?;
        let version = Version::parse(&said)
            .ok_or_else(|| Error::new(format!("the server calls its version `{said}`")))?;
        if !plan.answers(&version) {
            let got = version.text;
            return Err(Error::new(format!("asked for {}, got Postgres {got}", plan.name())));
        }
        if sharing != Sharing::Shared {
            run(&mut connection, template::TABLE).await?;
        } else if !template::prepare(&mut connection, version.major).await? {
            // Somebody's test has made a role, perhaps. The next one begins with nothing.
            machine.forget();
            drop((lease, machine));
            return Box::pin(Self::begin(plan, sharing)).await;
        }
        let pristine = value(&mut connection, &cluster::digest(version.major)).await?;
        let owner = login.username(OWNER).password(&password);
        let idle = Mutex::new(vec![connection]);
        let (prefix, made) = (prefix(number), AtomicU32::new(0));
        let place = Place::Own(machine);
        Ok(Self { lease, idle, place, admin, owner, version, sharing, pristine, prefix, made })
    }

    /// Holds a server that somebody else has started; `None` if it is about to end.
    async fn join(machine: Machine, entry: &shared::Entry) -> Result<Option<Self>> {
        let login = login(&machine);
        let admin = superuser(&login, &machine);
        let number = random_number()?;
        // The second session is for whatever it is opened for.
        let (lease, connection) = tokio::try_join!(Lease::join(&admin, number), lasting(&admin))?;
        let Some(lease) = lease else { return Ok(None) };
        // Nobody waits for it.
        aside(template::tidy(admin.clone()))?;
        let version = Version::parse(&entry.version)
            .ok_or_else(|| Error::new("the note of a shared server has no version"))?;
        Ok(Some(Self {
            lease,
            idle: Mutex::new(vec![connection]),
            place: Place::Own(machine),
            admin,
            owner: login.username(OWNER).password(&entry.owner_password),
            version,
            sharing: Sharing::Shared,
            pristine: entry.pristine.clone(),
            prefix: prefix(number),
            made: AtomicU32::new(0),
        }))
    }

    fn owner_password(&self) -> Result<String> {
        let url = self.owner.to_url_lossy();
        let password = url.password().map(str::to_owned);
        password.ok_or_else(|| Error::new("the owner of scratch databases has no password"))
    }

    #[cfg(feature = "cli")]
    fn superuser_password(&self) -> Result<String> {
        let url = self.admin.to_url_lossy();
        let password = url.password().map(str::to_owned);
        password.ok_or_else(|| Error::new("the superuser of the server has no password"))
    }

    /// The last that the server has said, in a sentence.
    #[cfg(feature = "cli")]
    fn log_end(&self) -> String {
        let words = match &self.place {
            Place::Own(machine) => machine.last_words(),
            Place::Theirs(_) => String::new(),
        };
        format!("the server's log ends:\n{words}")
    }

    /// What reports call the place where the server comes from.
    pub(crate) fn origin(&self) -> &'static str {
        match &self.place {
            Place::Own(machine) => machine.origin(),
            Place::Theirs(_) => "external",
        }
    }

    /// Whether others may use the server too.
    pub(crate) fn is_shared(&self) -> bool {
        self.sharing == Sharing::Shared
    }

    /// Whether the server is somebody else's.
    pub(crate) fn is_guest(&self) -> bool {
        matches!(self.place, Place::Theirs(_))
    }

    /// Whether the cluster holds beside databases what it held in the beginning.
    pub(crate) async fn is_pristine(&self) -> Result<bool> {
        let now = self.rows(&cluster::digest(self.version.major)).await?.concat();
        Ok(now.first().is_some_and(|now| now.as_ref() == Some(&self.pristine)))
    }

    /// Waits until nobody else on this machine is at the same work, which has this name.
    pub(crate) async fn turn(&self, name: &str) -> Result<Turn> {
        Home::open()?.turn(name).await
    }

    /// Keeps others from joining the server. Those who hold it already may stay.
    pub(crate) fn retire(&self) {
        if let Some(folder) = self.folder() {
            shared::retire(folder);
        }
    }

    pub(crate) fn version(&self) -> &Version {
        &self.version
    }

    /// A folder that is gone with the server, however the server or this process ends, if it is a
    /// server of ours.
    pub(crate) fn folder(&self) -> Option<&Path> {
        match &self.place {
            Place::Own(machine) => Some(machine.folder()),
            Place::Theirs(_) => None,
        }
    }

    /// Where its own database is found, for whoever may do everything.
    #[cfg(feature = "cli")]
    pub(crate) fn url(&self) -> String {
        url_of(&self.admin, true)
    }

    /// An empty database, owned by the role that migrates.
    pub(crate) async fn create(&self, name: Option<&str>) -> Result<Scratch> {
        self.create_from(name, None).await
    }

    /// A copy of a database to which nobody is connected, with everything that belongs to it:
    /// `CREATE DATABASE … TEMPLATE` alone leaves out settings, grants and the comment.
    pub(crate) async fn clone_of(&self, original: &Scratch, name: Option<&str>) -> Result<Scratch> {
        self.create_from(name, Some(original)).await
    }

    /// A database name that nobody has.
    pub(crate) fn free_name(&self) -> String {
        format!("{}_{}", self.prefix, self.made.fetch_add(1, Ordering::Relaxed) + 1)
    }

    async fn create_from(&self, name: Option<&str>, original: Option<&Scratch>) -> Result<Scratch> {
        let name = name.map_or_else(|| self.free_name(), str::to_owned);
        let template = original.map(|original| original.name.as_str());
        let create = if self.is_guest() {
            external::create_from(&name, template, self.owner.get_username())
        } else {
            template::create_from(&name, template.unwrap_or("template1"), self.version.major)
        };
        match original {
            None => self.run(&[create]).await?,
            Some(Scratch { name: from, .. }) => {
                let settings = if self.is_guest() {
                    let ask = external::copy_of_settings(from, &name);
                    value(&mut connect(&self.admin).await?, &ask).await?
                } else {
                    copy_of_settings(from, &name)
                };
                self.run(&[wait_until_free(from, PATIENCE), create, settings]).await?;
            }
        }
        Ok(self.scratch(&name))
    }

    fn scratch(&self, name: &str) -> Scratch {
        Scratch {
            admin: self.admin.clone().database(name),
            owner: self.owner.clone().database(name),
            name: name.to_owned(),
        }
    }

    /// Gives a database another name, so that its own can be used again.
    pub(crate) async fn rename(&self, scratch: Scratch, name: &str) -> Result<Scratch> {
        let rename = format!("ALTER DATABASE {} RENAME TO {}", quoted(&scratch.name), quoted(name));
        self.run(&[rename]).await?;
        Ok(self.scratch(name))
    }

    pub(crate) async fn drop_database(&self, scratch: Scratch) -> Result<()> {
        let drop = format!("DROP DATABASE {}", quoted(&scratch.name));
        let wait = wait_until_free(&scratch.name, GOING);
        match self.run(&[wait, format!("{drop} WITH (FORCE)")]).await {
            // Who is no superuser can't force autovacuum, which makes way by itself.
            Err(_) if self.is_guest() => self.run(&[drop]).await,
            other => other,
        }
    }

    /// Cancels the statement of a session of which only the process id is known.
    pub(crate) async fn cancel(&self, backend: i32) -> Result<()> {
        self.run(&[format!("SELECT pg_cancel_backend({backend})")]).await
    }

    /// Ends a session of which only the process id is known.
    pub(crate) async fn terminate(&self, backend: i32) -> Result<()> {
        self.run(&[format!("SELECT pg_terminate_backend({backend})")]).await
    }

    /// Whether everybody who is connected to a database leaves it within a time.
    pub(crate) async fn is_left(&self, scratch: &Scratch, within: Duration) -> Result<bool> {
        let mut connection = connect(&self.admin).await?;
        run(&mut connection, &wait_until_free(&scratch.name, within)).await?;
        let left = value(&mut connection, &sessions_of(&scratch.name, "count(*)")).await?;
        Ok(left == "0")
    }

    /// Ends all sessions of a database.
    pub(crate) async fn free(&self, scratch: &Scratch) -> Result<()> {
        let terminate = sessions_of(&scratch.name, "pg_catalog.pg_terminate_backend(pid)");
        self.run(&[terminate, wait_until_free(&scratch.name, PATIENCE)]).await
    }

    /// Makes a role that nobody can log in as.
    pub(crate) async fn make_role(&self, name: &str) -> Result<()> {
        self.run(&[format!("CREATE ROLE {}", quoted(name))]).await
    }

    /// Runs SQL of our own as superuser in the server's own database, message after message.
    async fn run(&self, messages: &[String]) -> Result<()> {
        let mut connection = self.session().await?;
        for message in messages {
            run(&mut connection, message).await?;
        }
        self.put_back(connection);
        Ok(())
    }

    /// Reads rows of text there.
    async fn rows(&self, sql: &str) -> Result<Vec<Vec<Option<String>>>> {
        let mut connection = self.session().await?;
        let rows = rows(&mut connection, sql).await?;
        self.put_back(connection);
        Ok(rows)
    }

    /// A superuser's session in the server's own database.
    async fn session(&self) -> Result<PgConnection> {
        let free = self.idle.lock().unwrap_or_else(PoisonError::into_inner).pop();
        // A chain that runs as superuser may have ended other people's sessions, ours among them.
        if let Some(mut connection) = free
            && (self.is_shared() || run(&mut connection, "SELECT").await.is_ok())
        {
            return Ok(connection);
        }
        lasting(&self.admin).await
    }

    /// Whether the sessions that it had are still there.
    async fn still_answers(&self) -> bool {
        let free = self.idle.lock().unwrap_or_else(PoisonError::into_inner).pop();
        let Some(mut connection) = free else {
            // Others use all of them.
            return !self.has_ended();
        };
        let answers = run(&mut connection, "SELECT").await.is_ok();
        if answers {
            self.put_back(connection);
        }
        answers
    }

    /// Keeps a session for the next one. One that failed, or was left waiting for its answer, is
    /// not used again.
    fn put_back(&self, connection: PgConnection) {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner).push(connection);
    }

    /// Whether the server has ended, whoever ended it.
    pub(crate) fn has_ended(&self) -> bool {
        match &self.place {
            Place::Own(machine) => machine.has_ended(),
            // Nobody tells us but a connection.
            Place::Theirs(_) => false,
        }
    }

    /// An error if the server is no longer there, with what it said last.
    pub(crate) async fn assert_alive(&self) -> Result<()> {
        if !self.has_ended() {
            let Err(error) = connect(&self.admin).await else { return Ok(()) };
            // Sessions learn of the postmaster's end a moment before its process is gone.
            for _ in 0..100 {
                if self.has_ended() {
                    break;
                }
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
            return Err(self.died().caused_by(error));
        }
        Err(self.died())
    }

    fn died(&self) -> Error {
        let words = match &self.place {
            Place::Own(machine) => machine.last_words(),
            Place::Theirs(guest) => {
                return Error::new(format!("{} is no longer there", guest.place()))
                    .help("run it again when the server is back");
            }
        };
        let died = Error::new(format!("the Postgres server died; its log ends:\n{words}"));
        if words.contains("No space left on device") {
            died.help(disk_full_help())
        } else {
            died.help("run it again; if it dies again, its log says what it died of")
        }
    }

    /// Leaves the server running with these databases, and says how to end it; how to drop them,
    /// where it is somebody else's.
    pub(crate) async fn keep(self, databases: &[&str]) -> Result<String> {
        match self.place {
            Place::Own(machine) => {
                let how = machine.how_to_remove();
                self.lease.disarm(&self.admin).await?;
                machine.keep()?;
                Ok(how)
            }
            Place::Theirs(guest) => guest.keep(databases).await,
        }
    }
}

impl fmt::Debug for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Server").field("version", &self.version.text).finish_non_exhaustive()
    }
}

/// A file in which the processes of one run leave each other a note.
pub(crate) fn note(run: &str) -> Result<PathBuf> {
    home::note(run)
}

/// The folder of a version's programs, where those of its clients may be too; an error if this
/// machine doesn't have the version.
#[cfg(feature = "cli")]
pub(crate) fn programs(version: Option<&str>) -> Result<PathBuf> {
    binaries::find(version).map(|installation| installation.bin)
}

/// Something of each client's session of a database.
fn sessions_of(database: &str, what: &str) -> String {
    let database = literal(database);
    format!(
        "SELECT {what} FROM pg_catalog.pg_stat_activity
          WHERE datname = {database} AND backend_type = 'client backend'"
    )
}

/// Waits for sessions that were closed a moment ago, for so long at most. `CREATE DATABASE …
/// TEMPLATE` and `DROP DATABASE` wait for them too, but look only every 100 ms.
fn wait_until_free(database: &str, patience: Duration) -> String {
    format!(
        "DO $$ BEGIN
           WHILE pg_catalog.clock_timestamp() < pg_catalog.now() + interval '{} ms' LOOP
             EXIT WHEN NOT EXISTS (SELECT FROM pg_catalog.pg_stat_activity
                                    WHERE datname = {});
             PERFORM pg_catalog.pg_sleep(0.001);
             PERFORM pg_catalog.pg_stat_clear_snapshot();
           END LOOP;
         END $$",
        patience.as_millis(),
        literal(database)
    )
}

/// Copies what `CREATE DATABASE … TEMPLATE` leaves out. Writing to the catalogs themselves is
/// exact, where `ALTER DATABASE` would have to quote each kind of setting in its own way; the
/// server is ours and throwaway.
fn copy_of_settings(from: &str, to: &str) -> String {
    let oid = |name: &str| {
        format!("(SELECT oid FROM pg_catalog.pg_database WHERE datname = {})", literal(name))
    };
    let (from, to) = (oid(from), oid(to));
    format!(
        "INSERT INTO pg_catalog.pg_db_role_setting
           SELECT {to}, setrole, setconfig FROM pg_catalog.pg_db_role_setting
            WHERE setdatabase = {from};
         UPDATE pg_catalog.pg_database SET datacl = original.datacl
           FROM (SELECT datacl FROM pg_catalog.pg_database WHERE oid = {from}) AS original
          WHERE oid = {to};
         INSERT INTO pg_catalog.pg_shdescription
           SELECT {to}, classoid, description FROM pg_catalog.pg_shdescription
            WHERE objoid = {from} AND classoid = 'pg_catalog.pg_database'::regclass"
    )
}

/// What all logins to a server have in common.
fn login(machine: &Machine) -> PgConnectOptions {
    let address = machine.address();
    PgConnectOptions::new_without_pgpass()
        .host(&address.host)
        .port(address.port)
        .database("postgres")
        .ssl_mode(PgSslMode::Disable)
        .application_name("rehearsal")
        .disable_statement_logging()
}

fn superuser(login: &PgConnectOptions, machine: &Machine) -> PgConnectOptions {
    login.clone().username("postgres").password(&machine.address().superuser_password)
}

/// Makes the role that owns scratch databases; a cluster of an earlier run has it.
fn role(password: &str) -> String {
    format!(
        "DO $$ BEGIN
           IF NOT EXISTS (SELECT FROM pg_catalog.pg_roles WHERE rolname = '{OWNER}') THEN
             CREATE ROLE {OWNER} LOGIN CREATEROLE;
           END IF;
         END $$;
         ALTER ROLE {OWNER} PASSWORD '{password}'"
    )
}

/// How the names of a holder's databases begin: by the holder's number and the time of birth, in
/// seconds.
fn prefix(number: i32) -> String {
    let born = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
    format!("rehearsal_{number:08x}_{born}")
}

fn random_number() -> Result<i32> {
    let word = random_word(8)?;
    let number = u32::from_str_radix(&word, 16).unwrap_or_default();
    Ok(number.cast_signed())
}

/// A random word of lower-case hexadecimal digits, from the system's generator.
fn random_word(length: usize) -> Result<String> {
    let mut bytes = vec![0; length.div_ceil(2)];
    File::open("/dev/urandom")
        .and_then(|mut source| source.read_exact(&mut bytes))
        .map_err(|error| Error::new("failed to read /dev/urandom").caused_by(error))?;
    let mut word = bytes.iter().fold(String::new(), |mut word, byte| {
        let _ = write!(word, "{byte:02x}");
        word
    });
    word.truncate(length);
    Ok(word)
}
