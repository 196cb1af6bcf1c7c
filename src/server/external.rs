//! A server that belongs to somebody else, found by its URL: there we are guests.
//!
//! All that we make there is scratch databases and one role that owns them, and both bear the run's
//! number and its time of birth in their names. A lock tells that the run lives; whatever bears the
//! name of a run without one is swept by the next. Must not know what is played.

use std::str::FromStr as _;
use std::time::Duration;

use sqlx::postgres::{PgConnectOptions, PgConnection, PgSslMode};
use sqlx::{ConnectOptions as _, Row as _};
use tokio::time::timeout;

use super::lease::{Lease, OWNERS};
use super::{
    Origin, Place, Server, Sharing, Version, Wanted, failed, random_number, random_word, rows, run,
    url_of, value,
};
use crate::config::{Cluster, Postgres, Role};
use crate::error::{sqlstate, words_of_postgres};
use crate::sql::{literal, quoted};
use crate::{Error, Result};

/// How long a server may take to answer.
const PATIENCE: Duration = Duration::from_secs(15);

/// How long we may take to tidy up in the end. What is left then is for the next run.
const FAREWELL: Duration = Duration::from_secs(10);

/// The database of our own sessions, where the URL names none: every server has it, as a rule.
const MAINTENANCE: &str = "postgres";

/// The comment on a database that somebody asked to keep.
const KEPT: &str = "kept by rehearsal";

/// What runs call themselves and what they make: the run's number, its birth in seconds.
const NAMES: &str = "^(rehearsal_([0-9a-f]{8})_[0-9]{10})(_[0-9]+|_owner)?$";

/// What we have made on the server of somebody else. It is gone when this is dropped.
pub(super) struct Guest {
    /// The user of the URL, for our own work.
    login: PgConnectOptions,
    /// How the names of all that we make begin.
    prefix: String,
    is_kept: bool,
}

/// What the server says of itself, and of the user of the URL.
struct Host {
    version: Version,
    user: String,
    is_superuser: bool,
    creates_databases: bool,
    creates_roles: bool,
    /// The server's clock, in seconds.
    now: String,
}

/// An error for more versions than one server has.
pub(crate) fn assert_one_version(origin: &Origin, versions: &[Option<String>]) -> Result<()> {
    if !origin.is_external() || versions.len() < 2 {
        return Ok(());
    }
    let asked = versions.iter().flatten().map(String::as_str).collect::<Vec<_>>().join(", ");
    Err(Error::new(format!(
        "one URL names one server, and several versions are asked for: {asked}"
    ))
    .help(
        "name one of them with --postgres, or none; or let --server native or --server \
             container give a server for each",
    ))
}

/// Becomes a guest of the server behind a URL.
pub(super) async fn open(url: &str, wanted: &Wanted<'_>) -> Result<Server> {
    let login = login(url)?;
    // What the user has set for other work must not end ours.
    let ours = login.clone().options([("statement_timeout", "0"), ("idle_session_timeout", "0")]);
    let mut holder = arrive(&ours).await?;
    let host = Host::ask(&mut holder).await?;
    host.assert_fit(wanted)?;
    let number = random_number()?;
    let prefix = format!("rehearsal_{number:08x}_{}", host.now);
    let lease = Lease::hold(holder, number).await?;
    // Known by their name from now on, so that the end of the run can end them.
    let admin = ours.clone().application_name(&prefix);
    let guest = Guest { login: ours, prefix: prefix.clone(), is_kept: false };
    let mut connection = arrive(&admin).await?;
    sweep(&mut connection).await?;
    let owner = if host.makes_a_role() {
        host.make_owner(&mut connection, &login, &guest.owner(), wanted.settings).await?
    } else {
        login
    };
    Ok(Server {
        lease,
        idle: vec![connection].into(),
        place: Place::Theirs(guest.into()),
        admin,
        owner,
        version: host.version,
        sharing: Sharing::Private,
        pristine: String::new(),
        prefix,
        made: 0.into(),
    })
}

/// A session in a database that is only read, and soon left, with the server's version. Nothing is
/// set in it, which behind a pooler others would find set.
pub(crate) async fn visit(url: &str) -> Result<(PgConnection, Version)> {
    let login = login(url)?;
    if login_of(url)?.get_database().is_none() {
        return Err(Error::new(format!("the URL of {} names no database", place(&login)))
            .help("add it at the end: postgres://user@host:5432/database"));
    }
    let mut connection = arrive(&login).await?;
    let said = value(&mut connection, "SHOW server_version").await?;
    let version = Version::parse(&said)
        .ok_or_else(|| Error::new(format!("the server calls its version `{said}`")))?;
    assert_not_too_old(&version)?;
    Ok((connection, version))
}

/// Reads a URL. What it leaves out is taken from where libpq takes it.
fn login(url: &str) -> Result<PgConnectOptions> {
    let login = login_of(url)?;
    let names_none = login.get_database().is_none();
    let login = if names_none { login.database(MAINTENANCE) } else { login };
    Ok(login.application_name("rehearsal").disable_statement_logging())
}

fn login_of(url: &str) -> Result<PgConnectOptions> {
    PgConnectOptions::from_str(url).map_err(|error| {
        Error::new("the URL of the server can't be read")
            .caused_by(error)
            .help("write it as postgres://user:password@host:5432/postgres?sslmode=require")
    })
}

/// Connects to a server of which nothing is known yet.
async fn arrive(login: &PgConnectOptions) -> Result<PgConnection> {
    let answer = timeout(PATIENCE, login.connect()).await;
    match answer {
        Ok(Ok(connection)) => Ok(connection),
        Ok(Err(error)) => {
            let said = words_of_postgres(&error).unwrap_or_else(|| error.to_string());
            let failed = Error::new(format!("failed to connect to {}: {said}", place(login)));
            Err(failed.help(what_to_do(login, &error)))
        }
        Err(_) => Err(Error::new(format!(
            "{} does not answer within {} s",
            place(login),
            PATIENCE.as_secs()
        ))
        .help("see that host and port in the URL are right, and that no firewall is between")),
    }
}

/// Where a server is, without a password.
fn place(login: &PgConnectOptions) -> String {
    match login.get_socket() {
        Some(socket) => format!("the server at {}", socket.display()),
        None => format!("the server at {}:{}", login.get_host(), login.get_port()),
    }
}

/// What to do about a connection that was refused.
fn what_to_do(login: &PgConnectOptions, error: &sqlx::Error) -> String {
    let user = login.get_username();
    let said = error.as_database_error();
    let code = sqlstate(error);
    let unencrypted = said.is_some_and(|said| {
        said.message().contains("no encryption") || said.message().contains("SSL off")
    });
    let about_tls = match error {
        sqlx::Error::Tls(_) => true,
        // What rustls says of a handshake.
        sqlx::Error::Io(error) => error.kind() == std::io::ErrorKind::InvalidData,
        _ => false,
    };
    match (&*code, login.get_ssl_mode()) {
        ("28000", _) if unencrypted => {
            "the server wants TLS: add ?sslmode=require to the URL".to_owned()
        }
        ("28P01" | "28000", _) => format!(
            "see that the URL has the right password of `{user}`, and that the server's \
             pg_hba.conf lets that user in from here"
        ),
        ("3D000", _) => "name a database in the URL that is there, such as …/postgres: it is only \
                         connected to, and nothing is written into it"
            .to_owned(),
        (_, PgSslMode::VerifyFull | PgSslMode::VerifyCa) if about_tls => {
            "the certificate must be signed by an authority of this machine, or by the one in \
             sslrootcert=FILE, and with sslmode=verify-full be for the URL's host; \
             sslmode=require encrypts and doesn't look at it"
                .to_owned()
        }
        _ if about_tls => "sslmode=require asks for TLS, and this server offers none that fits: \
                           have it set up there, or leave sslmode out if the network is safe"
            .to_owned(),
        _ => "see that the URL names the right host and port, and that the server runs".to_owned(),
    }
}

impl Host {
    async fn ask(connection: &mut PgConnection) -> Result<Self> {
        let ask = "SELECT current_setting('server_version'), current_user, \
                     rolsuper, rolcreatedb, rolcreaterole, rolinherit, \
                     pg_is_in_recovery(), extract(epoch FROM now())::bigint \
                     FROM pg_catalog.pg_roles WHERE rolname = current_user";
        let row = sqlx::raw_sql(ask).fetch_one(connection).await;
        let row = row.map_err(|error| failed(ask, error))?;
        let text = |index: usize| {
            row.try_get_unchecked::<String, _>(index).map_err(|error| failed(ask, error))
        };
        if text(6)? == "t" {
            return Err(Error::new("the server is a standby, which can only be read")
                .help("name its primary in the URL"));
        }
        let said = text(0)?;
        let version = Version::parse(&said)
            .ok_or_else(|| Error::new(format!("the server calls its version `{said}`")))?;
        let host = Self {
            version,
            user: text(1)?,
            is_superuser: text(2)? == "t",
            creates_databases: text(3)? == "t",
            creates_roles: text(4)? == "t",
            now: text(7)?,
        };
        let user = &host.user;
        // From 16 on, each membership says so by itself.
        let inherits = text(5)? == "t" || host.version.major >= 16;
        if host.makes_a_role() && !host.is_superuser && !inherits {
            return Err(Error::new(format!(
                "the user `{user}` has not the rights of the roles whose member it is, and so \
                 can't use a role that it makes for the run"
            ))
            .help(format!("let a superuser run: ALTER ROLE {} INHERIT", quoted(user))));
        }
        Ok(host)
    }

    /// An error if what is wanted can't be had here.
    fn assert_fit(&self, wanted: &Wanted<'_>) -> Result<()> {
        let Version { major, text } = &self.version;
        if let Some(asked) = wanted.version.filter(|asked| !self.version.answers(asked)) {
            return Err(Error::new(format!(
                "asked for Postgres {asked}, and the server is Postgres {text}"
            ))
            .help(format!(
                "name another server, or ask for --postgres {major}; REHEARSAL_POSTGRES and \
                 `versions` in rehearsal.toml ask too"
            )));
        }
        assert_not_too_old(&self.version)?;
        if let Some(name) = &wanted.settings.database {
            let name = name.get_ref();
            return Err(Error::new(format!(
                "the project wants a database named `{name}`, and on somebody else's server only \
                 databases named rehearsal_… are made"
            ))
            .help(
                "let the chain name its database by current_database(), and take `database` out \
                 of rehearsal.toml; or play it with --server native",
            ));
        }
        let user = &self.user;
        if !self.is_superuser && !self.creates_databases {
            return Err(Error::new(format!("the user `{user}` may not create databases"))
                .help(format!("let a superuser run: ALTER ROLE {} CREATEDB", quoted(user))));
        }
        if !self.is_superuser && wanted.settings.role == Role::Superuser {
            return Err(Error::new(format!(
                "the chain is to run as superuser, and the user `{user}` is none"
            ))
            .help(
                "name a superuser in the URL, or take role = \"superuser\" out of rehearsal.toml",
            ));
        }
        Ok(())
    }

    /// Whether the chain can run as a role that is made for it. Else it runs as the user, who then
    /// may create databases and no more.
    fn makes_a_role(&self) -> bool {
        self.is_superuser || self.creates_roles
    }

    /// Makes the role that owns the scratch databases, and the user a member of it. The answer is
    /// how it logs in.
    async fn make_owner(
        &self,
        connection: &mut PgConnection,
        login: &PgConnectOptions,
        name: &str,
        settings: &Postgres,
    ) -> Result<PgConnectOptions> {
        let role = quoted(name);
        let password = random_word(24)?;
        let more = match settings.cluster {
            Cluster::Allow => "CREATEROLE",
            Cluster::Skip => "NOCREATEROLE",
        };
        let grant = match (self.is_superuser, self.version.major) {
            (true, _) => String::new(),
            (false, ..16) => format!("GRANT {role} TO CURRENT_USER;"),
            (false, _) => format!("GRANT {role} TO CURRENT_USER WITH INHERIT TRUE, SET TRUE;"),
        };
        // The first line is what an error would tell. Orphans end within a second, where the
        // server's system can tell that a client has gone.
        let make = format!(
            "CREATE ROLE {role} LOGIN {more}
               PASSWORD '{password}';
             {grant}
             DO $$ BEGIN
               ALTER ROLE {role} SET client_connection_check_interval = '1s';
             EXCEPTION WHEN OTHERS THEN NULL;
             END $$"
        );
        run(connection, &make).await?;
        let owner = login.clone().username(name).password(&password);
        match owner.connect().await {
            Err(error) if is_turned_away(&error) => {
                Err(Error::new("the server lets no role in that was made for the run")
                    .caused_by(error)
                    .help(format!(
                        "let its pg_hba.conf allow roles named rehearsal_… to log in by a \
                         password, or name a user in the URL who may create databases but no \
                         roles, as whom the chain then runs: `{}` may create both",
                        self.user
                    )))
            }
            // It need not be allowed into this database.
            _ => Ok(owner),
        }
    }
}

fn assert_not_too_old(Version { major, text }: &Version) -> Result<()> {
    if *major < 14 {
        return Err(Error::new(format!("the server is Postgres {text}, which is too old"))
            .help("name a server of version 14 or newer"));
    }
    Ok(())
}

/// Whether a login failed, and not what came after it.
fn is_turned_away(error: &sqlx::Error) -> bool {
    sqlstate(error).starts_with("28")
}

impl Guest {
    /// What the role is called that owns our databases.
    fn owner(&self) -> String {
        format!("{}_owner", self.prefix)
    }

    /// Where the server is, for people.
    pub(super) fn place(&self) -> String {
        place(&self.login)
    }

    /// Leaves the databases of these names where they are.
    pub(super) async fn keep(mut self, names: &[&str]) -> Result<String> {
        let mut connection = arrive(&self.login).await?;
        for name in names {
            let comment = format!("COMMENT ON DATABASE {} IS {}", quoted(name), literal(KEPT));
            run(&mut connection, &comment).await?;
        }
        // From now on no sweep takes them.
        self.is_kept = true;
        drop_databases(&mut connection, &self.prefix, names).await?;
        let mut how = format!("psql '{}'", url_of(&self.login, false));
        for name in names {
            how.push_str(&format!(" -c 'DROP DATABASE {} WITH (FORCE)'", quoted(name)));
        }
        let role = literal(&self.owner());
        let ask = format!("SELECT count(*) FROM pg_catalog.pg_roles WHERE rolname = {role}");
        if value(&mut connection, &ask).await? == "1" {
            how.push_str(&format!(" -c 'DROP ROLE {}'", quoted(&self.owner())));
        }
        Ok(how)
    }
}

/// Whoever drops this may be within a runtime, which can't wait, or without one: so the work is
/// done by a thread with a runtime of its own, and waited for, but not for ever. A server that
/// doesn't answer is tidied up by the next run.
impl Drop for Guest {
    fn drop(&mut self) {
        if self.is_kept {
            return;
        }
        let (login, prefix) = (self.login.clone(), self.prefix.clone());
        let tidying = std::thread::Builder::new().spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
            if let Ok(runtime) = runtime {
                let tidy = async { clear(&mut arrive(&login).await?, &prefix).await };
                // Whoever measures the time needs the runtime around it.
                let _ = runtime.block_on(async { timeout(FAREWELL, tidy).await });
                // It would wait for a name server that doesn't answer.
                runtime.shutdown_background();
            }
        });
        if let Ok(tidying) = tidying {
            let _ = tidying.join();
        }
    }
}

/// Removes what runs have left that live no more. Advisory locks belong to a database, but all of
/// them are listed everywhere, so it doesn't matter to which one a run's URL leads.
async fn sweep(connection: &mut PgConnection) -> Result<()> {
    let dead = format!(
        "SELECT DISTINCT part[1]
           FROM (SELECT datname::text FROM pg_catalog.pg_database
                 UNION SELECT rolname FROM pg_catalog.pg_roles
                 UNION SELECT application_name FROM pg_catalog.pg_stat_activity) AS names (name)
          CROSS JOIN LATERAL regexp_match(name, '{NAMES}') AS part
          WHERE part IS NOT NULL
            AND NOT EXISTS (SELECT FROM pg_catalog.pg_locks
                             WHERE locktype = 'advisory' AND granted
                               AND classid::bigint = {OWNERS} AND objsubid = 2
                               AND objid::bigint = ('x' || part[2])::bit(32)::bigint)
            AND NOT EXISTS (SELECT FROM pg_catalog.pg_database
                             WHERE starts_with(datname, part[1] || '_')
                               AND shobj_description(oid, 'pg_database') = {})",
        literal(KEPT)
    );
    for prefix in texts(connection, &dead).await? {
        clear(connection, &prefix).await?;
    }
    Ok(())
}

/// Removes what a run has made, as far as the user of the URL may.
async fn clear(connection: &mut PgConnection, prefix: &str) -> Result<()> {
    // What is under way, such as CREATE DATABASE, would go on for somebody who has left.
    let ours = format!(
        "FROM pg_catalog.pg_stat_activity \
          WHERE application_name = {} AND pid <> pg_backend_pid() \
            AND pg_has_role(usesysid, 'USAGE')",
        literal(prefix)
    );
    run(connection, &format!("SELECT pg_terminate_backend(pid) {ours}")).await?;
    let gone = format!(
        "DO $$ BEGIN
           WHILE EXISTS (SELECT {ours}) AND clock_timestamp() < now() + interval '5 s' LOOP
             PERFORM pg_sleep(0.01);
             PERFORM pg_stat_clear_snapshot();
           END LOOP;
         END $$"
    );
    run(connection, &gone).await?;
    drop_databases(connection, prefix, &[]).await?;
    let owner = format!("{prefix}_owner");
    let role = literal(&owner);
    let left = format!(
        "SELECT rolname::text FROM pg_catalog.pg_roles
          WHERE rolname = {role} AND pg_has_role(oid, 'USAGE')
            AND NOT EXISTS (SELECT FROM pg_catalog.pg_database WHERE datdba = pg_roles.oid)"
    );
    for owner in texts(connection, &left).await? {
        // Memberships that it has granted would keep it. Somebody else may be at it too, or have
        // more rights on it than we: the next one tries again.
        let owner = quoted(&owner);
        let _ = run(connection, &format!("DROP OWNED BY {owner}")).await;
        let _ = run(connection, &format!("DROP ROLE IF EXISTS {owner}")).await;
    }
    Ok(())
}

/// Drops the databases of a run, but for those of these names. Of several that tidy up at once,
/// each goes on where another was faster.
async fn drop_databases(connection: &mut PgConnection, prefix: &str, kept: &[&str]) -> Result<()> {
    let list = format!(
        "SELECT datname::text FROM pg_catalog.pg_database
          WHERE datname ~ '^{prefix}_[0-9]+$' AND pg_has_role(datdba, 'USAGE')"
    );
    let names = texts(connection, &list).await?;
    for name in names.iter().filter(|name| !kept.contains(&name.as_str())) {
        let drop = format!("DROP DATABASE IF EXISTS {}", quoted(name));
        // Who is no superuser can't end a session of the server's own, such as autovacuum's; it
        // makes way by itself where nobody forces it.
        if run(connection, &format!("{drop} WITH (FORCE)")).await.is_err() {
            let _ = run(connection, &drop).await;
        }
    }
    Ok(())
}

/// The first column of what SQL of our own gives.
async fn texts(connection: &mut PgConnection, sql: &str) -> Result<Vec<String>> {
    Ok(rows(connection, sql).await?.into_iter().flatten().flatten().collect())
}

/// Makes a database, an empty one or a copy. Not of `template1`, in which somebody may be, or have
/// something; and in the way that comes without a checkpoint, which is the default from 15 on.
pub(super) fn create_from(name: &str, template: Option<&str>, owner: &str) -> String {
    let (name, owner) = (quoted(name), quoted(owner));
    let template = quoted(template.unwrap_or("template0"));
    format!("CREATE DATABASE {name} OWNER {owner} TEMPLATE {template}")
}

/// Gives the statements that make the settings, the grants and the comment of one database those of
/// another, as their owner may: the catalogs themselves are not ours to write.
pub(super) fn copy_of_settings(from: &str, to: &str) -> String {
    let (from, to) = (literal(from), literal(to));
    // A list is stored as it is written, but for an empty one.
    let setting = "split_part(entry, '=', 1)";
    let stored = "substr(entry, strpos(entry, '=') + 1)";
    let lists = "'search_path', 'temp_tablespaces', 'local_preload_libraries', \
                 'session_preload_libraries'";
    format!(
        "SELECT coalesce(string_agg(statement, '; ' ORDER BY place), '')
           FROM (SELECT oid, datacl, datdba FROM pg_catalog.pg_database
                  WHERE datname = {from}) AS it
          CROSS JOIN LATERAL (
           SELECT 1, format('ALTER %s SET %I TO %s',
                    CASE setrole WHEN 0 THEN format('DATABASE %I', {to})
                      ELSE format('ROLE %I IN DATABASE %I', pg_get_userbyid(setrole), {to}) END,
                    {setting},
                    CASE WHEN lower({setting}) NOT IN ({lists}) THEN quote_literal({stored})
                      WHEN {stored} IN ('', '\"\"') THEN quote_literal('')
                      ELSE {stored} END)
             FROM pg_catalog.pg_db_role_setting CROSS JOIN unnest(setconfig) AS entry
            WHERE setdatabase = it.oid
           UNION ALL
           SELECT 1, format('COMMENT ON DATABASE %I IS %L', {to},
                            shobj_description(it.oid, 'pg_database'))
            WHERE shobj_description(it.oid, 'pg_database') IS NOT NULL
           UNION ALL
           SELECT 1, format('REVOKE ALL ON DATABASE %I FROM PUBLIC, %I', {to},
                            pg_get_userbyid(it.datdba))
            WHERE it.datacl IS NOT NULL
           UNION ALL
           SELECT 2, format('GRANT %s ON DATABASE %I TO %s%s', privilege_type, {to},
                    CASE grantee WHEN 0 THEN 'PUBLIC'
                      ELSE quote_ident(pg_get_userbyid(grantee)) END,
                    CASE WHEN is_grantable THEN ' WITH GRANT OPTION' ELSE '' END)
             FROM aclexplode(it.datacl)
          ) AS statements (place, statement)"
    )
}
