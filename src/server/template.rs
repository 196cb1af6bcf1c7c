//! Databases to begin with: what a chain has made is kept, and copied for whoever wants it.
//!
//! A template is known by its name, which says by what it was made; that name is its maker's
//! business. Nobody can connect to one. Of those that tests ask for, a few copies are made ahead.

use std::fs;

use sqlx::postgres::{PgConnectOptions, PgConnection};

use super::lasting::aside;
use super::native::WORTH_KEEPING;
use super::{
    OWNER, PATIENCE, Scratch, Server, cluster, connect, copy_of_settings, lease, random_word, rows,
    run, value, wait_until_free,
};
use crate::Result;
use crate::sql::{literal, quoted};

/// How the names of templates begin.
pub(crate) const PREFIX: &str = "rehearsal_template_";

/// How the names of copies begin that were made ahead; their template's and a word of their own
/// come next.
const READY: &str = "rehearsal_ready_";

/// How much of a template's name, beyond its beginning, stands in those of its copies.
const KEY: usize = 24;

/// How many copies of a template are kept ready.
const READY_MAX: usize = 2;

/// The class of the locks of those who make copies ahead: "copy".
const READY_LOCK: i32 = 0x636f_7079;

/// How many templates are kept, beside those of the last minute, …
const TEMPLATES_MAX: usize = 12;

/// … and how much of them: the next server begins with a copy of all.
const TEMPLATES_KILOBYTES_MAX: u32 = 192 << 10;

/// Whether a template was used in the last minute.
const IS_RECENT: &str = "(used > now() - interval '1 minute')";

/// What is noted of each template, in the server's own database.
pub(super) const TABLE: &str = "CREATE SCHEMA IF NOT EXISTS rehearsal;
     CREATE TABLE IF NOT EXISTS rehearsal.template (
       name text PRIMARY KEY,
       ledger text,
       is_clean boolean NOT NULL,
       is_decorated boolean NOT NULL,
       kilobytes bigint NOT NULL,
       used timestamptz NOT NULL DEFAULT now()
     );
     CREATE TABLE IF NOT EXISTS rehearsal.cluster (digest text NOT NULL)";

/// What a chain, or the beginning of one, has made.
#[derive(Debug, Clone)]
pub(crate) struct Template {
    pub(crate) scratch: Scratch,
    /// The ledger's qualified name, if there is one.
    pub(crate) ledger: Option<String>,
    /// Whether no file left anything in its session.
    pub(crate) is_clean: bool,
    /// Whether it has settings, grants or a comment, which `CREATE DATABASE … TEMPLATE` leaves out.
    is_decorated: bool,
    /// A copy that was made ahead, if somebody has not taken it since.
    ready: Option<String>,
}

/// Makes room for templates, and drops what those who are gone have left. Tells whether the cluster
/// is as it was made, beside its databases: an earlier server may have had it.
pub(super) async fn prepare(connection: &mut PgConnection, major: u32) -> Result<bool> {
    run(connection, TABLE).await?;
    let digest = literal(&value(connection, &cluster::lasting_digest(major)).await?);
    let first = format!(
        "INSERT INTO rehearsal.cluster
           SELECT {digest} WHERE NOT EXISTS (SELECT FROM rehearsal.cluster)"
    );
    run(connection, &first).await?;
    let same = format!("SELECT bool_and(digest = {digest}) FROM rehearsal.cluster");
    if value(connection, &same).await? != "t" {
        return Ok(false);
    }
    drop_abandoned(connection).await?;
    Ok(true)
}

impl Server {
    /// The first of these templates that is there.
    pub(crate) async fn template(&self, names: &[String]) -> Result<Option<Template>> {
        let list = names.iter().map(|name| literal(name)).collect::<Vec<_>>().join(", ");
        let query = format!(
            "UPDATE rehearsal.template SET used = now() FROM (
               SELECT name FROM unnest(ARRAY[{list}]::text[]) WITH ORDINALITY AS it (name, place)
                 JOIN rehearsal.template USING (name)
                 JOIN pg_catalog.pg_database ON datname = name
                ORDER BY place LIMIT 1) AS found
              WHERE template.name = found.name
             RETURNING template.name, ledger, is_clean::text, is_decorated::text, (
               SELECT datname FROM pg_catalog.pg_database
                WHERE starts_with(datname, '{READY}' || substr(template.name, {}, {KEY}) || '_')
                ORDER BY random() LIMIT 1)",
            PREFIX.len() + 1
        );
        let found = self.rows(&query).await?.into_iter().next();
        Ok(found.and_then(|row| {
            let [name, ledger, is_clean, is_decorated, ready] = row.try_into().ok()?;
            Some(Template {
                scratch: self.scratch(&name?),
                ledger,
                is_clean: is_clean.as_deref() == Some("true"),
                is_decorated: is_decorated.as_deref() == Some("true"),
                ready,
            })
        }))
    }

    /// Makes a template of a database that nobody needs any more. If another chain has the same
    /// beginning, and was faster, then it is that one's.
    pub(crate) async fn make_template(
        &self,
        scratch: Scratch,
        name: &str,
        ledger: Option<String>,
        is_clean: bool,
    ) -> Result<Template> {
        let own = literal(&scratch.name);
        let table = ledger.as_deref().map_or("NULL".to_owned(), literal);
        // Noted before it has the name: a database of that name without a note would be dropped.
        let note = format!(
            "INSERT INTO rehearsal.template (name, ledger, is_clean, kilobytes, is_decorated)
             SELECT {}, {table}, {is_clean}, pg_catalog.pg_database_size(oid) / 1024,
                    datacl IS NOT NULL
                 OR EXISTS (SELECT FROM pg_catalog.pg_db_role_setting
                             WHERE setdatabase = pg_database.oid)
                 OR EXISTS (SELECT FROM pg_catalog.pg_shdescription
                             WHERE objoid = pg_database.oid
                               AND classoid = 'pg_catalog.pg_database'::regclass)
               FROM pg_catalog.pg_database WHERE datname = {own}
             ON CONFLICT (name) DO UPDATE SET ledger = EXCLUDED.ledger, used = now(),
               is_clean = EXCLUDED.is_clean, is_decorated = EXCLUDED.is_decorated,
               kilobytes = EXCLUDED.kilobytes
             RETURNING is_decorated::text",
            literal(name)
        );
        let close =
            format!("ALTER DATABASE {} WITH ALLOW_CONNECTIONS false", quoted(&scratch.name));
        self.run(&[wait_until_free(&scratch.name, PATIENCE), close]).await?;
        let noted = self.rows(&note).await?.concat();
        let scratch = match self.rename(scratch.clone(), name).await {
            Ok(template) => template,
            Err(error) => {
                let known =
                    format!("SELECT FROM pg_catalog.pg_database WHERE datname = {}", literal(name));
                if self.rows(&known).await?.is_empty() {
                    return Err(error);
                }
                self.drop_database(scratch).await?;
                self.scratch(name)
            }
        };
        if self.is_shared() {
            // Without it the next server begins with nothing, and that is all.
            let _ = self.folder().map(|folder| fs::write(folder.join(WORTH_KEEPING), ""));
        }
        let is_decorated = noted.first().is_some_and(|it| it.as_deref() == Some("true"));
        Ok(Template { scratch, ledger, is_clean, is_decorated, ready: None })
    }

    /// Makes a template of a database as it is now, in which its maker will go on.
    pub(crate) async fn snapshot(
        &self,
        scratch: &Scratch,
        name: &str,
        ledger: Option<String>,
    ) -> Result<()> {
        let copy = self.clone_of(scratch, None).await?;
        self.make_template(copy, name, ledger, true).await.map(drop)
    }

    /// A copy of a template, as fast as it can be had: one that was made ahead, or a new one.
    pub(crate) async fn take(&self, template: &Template) -> Result<Scratch> {
        let mut taken = None;
        if let Some(ready) = &template.ready {
            // Somebody else may be faster, or it is about to be made.
            taken = self.rename(self.scratch(ready), &self.free_name()).await.ok();
        }
        let scratch = match taken {
            Some(scratch) => {
                if template.is_decorated {
                    let copy = copy_of_settings(&template.scratch.name, &scratch.name);
                    self.run(&[copy]).await?;
                }
                scratch
            }
            None => self.copy_of(template).await?,
        };
        aside(make_ready(self.admin.clone(), template.clone(), self.version.major))?;
        Ok(scratch)
    }

    /// A new copy of a template.
    pub(crate) async fn copy_of(&self, template: &Template) -> Result<Scratch> {
        let name = self.free_name();
        let from = &template.scratch.name;
        // Whoever makes room is told that somebody needs it.
        let used =
            format!("UPDATE rehearsal.template SET used = now() WHERE name = {}", literal(from));
        let mut messages = vec![used, create_from(&name, from, self.version.major)];
        if template.is_decorated {
            messages.push(copy_of_settings(from, &name));
        }
        self.run(&messages).await?;
        Ok(self.scratch(&name))
    }
}

/// Makes copies of a template for those who come next.
async fn make_ready(admin: PgConnectOptions, template: Template, major: u32) -> Result<()> {
    let mut connection = upkeep(&admin).await?;
    let prefix = ready_prefix(&template);
    // One at a time for each template, and whoever comes meanwhile needs not wait for it.
    let turn = format!("SELECT pg_try_advisory_lock({READY_LOCK}, hashtext({}))", literal(&prefix));
    if value(&mut connection, &turn).await? != "t" {
        return Ok(());
    }
    let ready = format!(
        "SELECT FROM pg_catalog.pg_database WHERE starts_with(datname, {})",
        literal(&prefix)
    );
    while rows(&mut connection, &ready).await?.len() < READY_MAX {
        let name = format!("{prefix}{}", random_word(8)?);
        run(&mut connection, &create_from(&name, &template.scratch.name, major)).await?;
    }
    Ok(())
}

/// Drops what those who are gone have left on a server that others hold.
pub(super) async fn tidy(admin: PgConnectOptions) -> Result<()> {
    drop_abandoned(&mut upkeep(&admin).await?).await
}

/// Drops what nobody uses, one after the other. Of a template the note goes first, unless somebody
/// has found it meanwhile: then it is theirs.
async fn drop_abandoned(connection: &mut PgConnection) -> Result<()> {
    for name in rows(connection, &abandoned()).await?.into_iter().flatten().flatten() {
        let claim = format!(
            "WITH claimed AS (
               DELETE FROM rehearsal.template
                WHERE name = {name} AND NOT {IS_RECENT} RETURNING name)
             SELECT (EXISTS (SELECT FROM claimed)
                  OR NOT EXISTS (SELECT FROM rehearsal.template WHERE name = {name}))::text",
            name = literal(&name)
        );
        if value(connection, &claim).await? == "true" {
            run(connection, &drop_database(&name)).await?;
        }
    }
    Ok(())
}

/// A session for what is of use to others, whether or not we are still there: what it has been
/// sent is done.
async fn upkeep(admin: &PgConnectOptions) -> Result<PgConnection> {
    let mut connection = connect(admin).await?;
    run(&mut connection, "SET client_connection_check_interval = 0").await?;
    Ok(connection)
}

/// How the names of a template's copies begin.
fn ready_prefix(template: &Template) -> String {
    let key = template.scratch.name.strip_prefix(PREFIX).unwrap_or(&template.scratch.name);
    format!("{READY}{}_", &key[..key.len().min(KEY)])
}

/// Reads the names of databases that nobody uses: their holder has gone, or their template has, or
/// there are too many templates. Nothing but what we have named can be among them.
fn abandoned() -> String {
    format!(
        "WITH template AS (
           SELECT name, {IS_RECENT}
               OR row_number() OVER latest <= {TEMPLATES_MAX}
              AND sum(kilobytes) OVER latest <= {TEMPLATES_KILOBYTES_MAX} AS is_kept
             FROM rehearsal.template JOIN pg_catalog.pg_database ON datname = name
           WINDOW latest AS (ORDER BY used DESC, name)
         )
         SELECT datname FROM pg_catalog.pg_database
          WHERE datname ~ '^rehearsal_[0-9a-f]{{8}}_[0-9]{{10}}_[0-9]+$'
            AND NOT EXISTS (
              SELECT FROM pg_catalog.pg_locks
               WHERE locktype = 'advisory' AND objsubid = 2 AND classid = {class}
                 AND objid = ('x' || split_part(datname, '_', 2))::bit(32)::bigint
                                & 4294967295)
             OR datname ~ '^{PREFIX}[0-9a-f]{{32}}$'
            AND NOT EXISTS (SELECT FROM template WHERE name = datname AND is_kept)
             OR datname ~ '^{READY}[0-9a-f]{{{KEY}}}_[0-9a-f]{{8}}$'
            AND NOT EXISTS (
              SELECT FROM template
               WHERE is_kept
                 AND starts_with(name, '{PREFIX}' || split_part(datname, '_', 3)))",
        class = lease::OWNERS
    )
}

pub(super) fn create_from(name: &str, template: &str, major: u32) -> String {
    let (name, template) = (quoted(name), quoted(template));
    let mut create = format!("CREATE DATABASE {name} OWNER {OWNER} TEMPLATE {template}");
    if major >= 15 {
        // The faster strategy on every version; before 15 it was the only one.
        create.push_str(" STRATEGY file_copy");
    }
    create
}

fn drop_database(name: &str) -> String {
    // Somebody may have been faster.
    format!("DROP DATABASE IF EXISTS {} WITH (FORCE)", quoted(name))
}

#[cfg(all(test, feature = "cli"))]
mod tests {
    use super::*;

    /// One plays all of its files, and another one these and more.
    #[tokio::test]
    async fn two_chains_may_come_to_the_same_template() {
        let server = Server::start(None, false).await.expect("it starts");
        for _ in 0..2 {
            let scratch = server.create(None).await.expect("a database");
            let name = format!("{PREFIX}twice");
            let made = server.make_template(scratch.clone(), &name, None, true).await;
            assert_eq!(made.expect("a template").scratch.name, name);
            let left = format!("SELECT FROM pg_database WHERE datname = '{}'", scratch.name);
            assert!(server.rows(&left).await.expect("an answer").is_empty());
        }
    }
}
