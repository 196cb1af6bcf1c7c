//! Reads a catalog in two messages of the simple protocol: the first asks what all queries must
//! know, which is the [`Scope`]; the second sends the queries that are needed. Before them, a
//! catalog that is known already is asked for by its digest, with the query that is kept with it:
//! if the answer is the same, nothing else is read.
//!
//! Both are one transaction of its own, which ends after an error too.

use super::{
    kinds::{SCOPE, SOURCES, Source},
    model::{Catalog, Digest, Identity, Object},
};
use crate::error::sqlstate;
use crate::{Error, Result};
use futures_util::{Stream, TryStreamExt as _};
use sqlx::{
    AssertSqlSafe, Column as _, Row as _, ValueRef as _,
    postgres::{PgConnection, PgRow},
};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// Put in front of every message that reads. A message of several statements is a transaction, with
/// whose end these settings end too: the session is left as it was.
///
/// What the text of names, expressions and values depends on. Temporary objects come last, where
/// they can't stand in front of those of `pg_catalog`; user objects are in no schema of the path,
/// so that their names are qualified. Compiling queries that run for a millisecond costs more
/// than it gains. Nobody has analyzed the tables of a new schema: the planner takes them for small,
/// and a nested loop over two that are not takes minutes.
pub(crate) const PINS: &str = "
set local search_path = pg_catalog, pg_temp;
set local timezone = 'UTC';
set local datestyle = 'ISO, YMD';
set local intervalstyle = 'iso_8601';
set local extra_float_digits = 1;
set local bytea_output = 'hex';
set local quote_all_identifiers = off;
set local jit = off;
set local enable_nestloop = off;
";

/// One snapshot for all queries, so that what another session does meanwhile shows wholly or not
/// at all. Nobody is written to, nor kept waiting for long: the locks are those of queries alone,
/// but who wants more than that waits behind one that is waited for. All of it ends with the
/// transaction, for a session may be a pooler's.
const BEGIN: &str = "
begin isolation level repeatable read, read only;
set local lock_timeout = '5s';
set local statement_timeout = '60s';
set local idle_in_transaction_session_timeout = '60s';
";

/// Asks for the query by which a catalog is known again.
const DIGEST: &str = include_str!("digest.sql");

/// The comments on what is in a catalog of Postgres's, to be joined. Fenced off, so that they are
/// read once and not for each row.
const COMMENTS: &str = "(
    select d.objoid, d.objsubid, d.description
    from pg_description d
    where d.classoid = '{class}'::regclass and d.objoid >= 16384
    offset 0
)";

/// Objects with their attributes, which are added once the objects are known.
#[derive(Default)]
struct Reading {
    catalog: Catalog,
    additions: Vec<(Identity, Vec<(String, String)>)>,
}

/// What the queries must know of the database, and what is the same for all of them.
#[derive(Default)]
struct Scope {
    /// The OIDs that a placeholder stands for, such as `{system schemas}`.
    oids: BTreeMap<String, String>,
    /// The files of rare kinds that the database has something for.
    rare: BTreeSet<String>,
    major: u32,
    /// The query by which the catalog is known again, if it was asked for.
    digest: Option<Arc<str>>,
}

impl Catalog {
    /// Reads the catalog of the database. The connection must not be inside a transaction: the
    /// pinned settings would last until its end.
    pub(crate) async fn read_from(connection: &mut PgConnection) -> Result<Self> {
        let read = whole(connection, SCOPE).await;
        settled(connection, read).await
    }

    /// The same of a database of ours, whose catalog is going to be read again, or is likely to be
    /// the `known` one, of the same server: then it costs a fraction.
    pub(crate) async fn read_again(
        connection: &mut PgConnection,
        known: Option<&Self>,
    ) -> Result<Self> {
        let read = match known.and_then(|known| Some((known, known.digest.as_ref()?))) {
            Some((known, digest)) => unless_known(connection, known, digest).await,
            None => whole(connection, &format!("{SCOPE}{DIGEST}")).await,
        };
        settled(connection, read).await
    }

    /// Reads objects of some kinds, within a transaction in which the pinned settings hold.
    pub(super) async fn read_kinds(
        connection: &mut PgConnection,
        kinds: &BTreeSet<&str>,
    ) -> Result<Self> {
        let scope = Scope::of(connection, SCOPE.to_owned()).await?;
        let is_wanted = |source: &&Source| source.kinds.iter().any(|it| kinds.contains(it.name));
        let sources = SOURCES.iter().filter(is_wanted);
        let queries: String = sources.map(|source| scope.fill(source.sql)).collect();
        Reading::of(connection, queries).await
    }
}

/// What was read, after which no transaction is open.
async fn settled(connection: &mut PgConnection, read: Result<Catalog>) -> Result<Catalog> {
    if read.is_err() {
        // Why it failed is what matters, and a connection that is lost has no transaction.
        let _ = end(connection, "rollback").await;
    }
    read
}

/// All that the reader may see, in a transaction of its own.
async fn whole(connection: &mut PgConnection, scope: &str) -> Result<Catalog> {
    let scope = Scope::of(connection, format!("{BEGIN}{PINS}{scope}")).await?;
    let mut digest = None;
    if let Some(query) = &scope.digest {
        digest = Some(Digest::ask(connection, query, "").await.map_err(failed)?);
    }
    rest(connection, scope, digest).await
}

/// The same, unless it is what is known already.
async fn unless_known(
    connection: &mut PgConnection,
    known: &Catalog,
    was: &Digest,
) -> Result<Catalog> {
    let is = match Digest::ask(connection, &was.query, &format!("{BEGIN}{PINS}")).await {
        // Who is no superuser any more can't ask, but can read.
        Err(error) if sqlstate(&error) == "42501" => {
            end(connection, "rollback").await.map_err(failed)?;
            return whole(connection, SCOPE).await;
        }
        is => is.map_err(failed)?,
    };
    if is.answer == was.answer {
        end(connection, "commit").await.map_err(failed)?;
        return Ok(known.clone());
    }
    let scope = Scope::of(connection, SCOPE.to_owned()).await?;
    rest(connection, scope, Some(is)).await
}

/// What the queries say, and the end of their transaction.
async fn rest(
    connection: &mut PgConnection,
    scope: Scope,
    digest: Option<Digest>,
) -> Result<Catalog> {
    let is_needed = |source: &&Source| !source.is_rare || scope.rare.contains(source.file);
    let sources = SOURCES.iter().filter(is_needed);
    let queries: String = sources.map(|source| scope.fill(source.sql)).collect();
    let catalog = Reading::of(connection, format!("{queries}commit;")).await?;
    Ok(Catalog { major: scope.major, digest, ..catalog })
}

async fn end(connection: &mut PgConnection, how: &'static str) -> sqlx::Result<()> {
    sqlx::raw_sql(how).execute(connection).await.map(drop)
}

impl Digest {
    async fn ask(
        connection: &mut PgConnection,
        query: &Arc<str>,
        before: &str,
    ) -> sqlx::Result<Self> {
        let message = AssertSqlSafe(format!("{before}{query}"));
        let row = sqlx::raw_sql(message).fetch_one(connection).await?;
        let answer = row.try_get_raw(0)?.as_str().map_err(sqlx::Error::Decode)?.to_owned();
        Ok(Self { query: query.clone(), answer })
    }
}

impl Scope {
    async fn of(connection: &mut PgConnection, message: String) -> Result<Self> {
        let mut scope = Self::default();
        let mut rows = ask(connection, message);
        while let Some(row) = rows.try_next().await.map_err(failed)? {
            let [what, value] = [text(&row, 0)?, text(&row, 1)?];
            match what {
                "major" => scope.major = value.parse().unwrap_or_default(),
                "digest" => scope.digest = Some(value.into()),
                "rare" => {
                    scope.rare.insert(value.to_owned());
                }
                placeholder => {
                    scope.oids.insert(placeholder.to_owned(), value.to_owned());
                }
            }
        }
        Ok(scope)
    }

    /// A query with what belongs into its placeholders.
    fn fill(&self, query: &str) -> String {
        let mut filled = String::with_capacity(2 * query.len());
        let mut rest = query;
        while let Some((before, after)) = rest.split_once('{') {
            filled.push_str(before);
            let (placeholder, behind) = after.split_once('}').unwrap_or((after, ""));
            filled.push_str(&self.filling(placeholder));
            rest = behind;
        }
        filled + rest
    }

    fn filling(&self, placeholder: &str) -> String {
        if let Some(oids) = self.oids.get(placeholder) {
            return format!("'{oids}'::oid[]");
        }
        match placeholder.split_once(' ') {
            Some(("comments", class)) => {
                COMMENTS.replace("{class}", class.trim_start_matches("on "))
            }
            // Members or dependents, of which there are none.
            Some(_) => "'{}'::oid[]".to_owned(),
            None => format!("{{{placeholder}}}"),
        }
    }
}

impl Reading {
    /// What the queries return, taken up while the server still executes them.
    async fn of(connection: &mut PgConnection, queries: String) -> Result<Catalog> {
        let mut reading = Self::default();
        let mut rows = ask(connection, queries);
        while let Some(row) = rows.try_next().await.map_err(failed)? {
            reading.take(&row)?;
        }
        for (identity, attributes) in reading.additions {
            // Of an object that no query names, such as an extension's, none is told.
            if let Some(object) = reading.catalog.objects.get_mut(&identity) {
                Arc::make_mut(&mut object.attributes).extend(attributes);
            }
        }
        Ok(reading.catalog)
    }

    fn take(&mut self, row: &PgRow) -> Result<()> {
        let (kind, name) = (text(row, 0)?, text(row, 1)?);
        if kind == "unseen" {
            self.catalog.unseen.insert(name.to_owned());
            return Ok(());
        }
        let attributes = attributes(row)?;
        if let Some(kind) = kind.strip_prefix("attributes of ") {
            let identity = Identity::new(kind, name);
            self.additions.extend(identity.map(|identity| (identity, attributes)));
            return Ok(());
        }
        let Some(identity) = Identity::new(kind, name) else {
            return Err(Error::new(format!("the catalog query of {kind} {name} isn't registered")));
        };
        match self.catalog.objects.insert(identity, Object { attributes: Arc::new(attributes) }) {
            None => Ok(()),
            Some(_) => Err(Error::new(format!("the catalog holds {kind} {name} twice"))),
        }
    }
}

fn failed(error: sqlx::Error) -> Error {
    Error::new("failed to read the catalog").caused_by(error)
}

fn ask(connection: &mut PgConnection, message: String) -> impl Stream<Item = sqlx::Result<PgRow>> {
    sqlx::raw_sql(AssertSqlSafe(message)).fetch(connection)
}

/// The columns behind the name, without those that are null.
fn attributes(row: &PgRow) -> Result<Vec<(String, String)>> {
    let mut attributes = Vec::new();
    for (index, column) in row.columns().iter().enumerate().skip(2) {
        let value = row.try_get_raw(index).map_err(failed)?;
        if !value.is_null() {
            let value = value.as_str().map_err(|error| failed(sqlx::Error::Decode(error)))?;
            attributes.push((column.name().to_owned(), value.to_owned()));
        }
    }
    Ok(attributes)
}

/// The text of a column that is never null. Decoding by type would cost a lookup for each.
fn text(row: &PgRow, index: usize) -> Result<&str> {
    let value = row.try_get_raw(index).and_then(|it| it.as_str().map_err(sqlx::Error::Decode));
    value.map_err(failed)
}

#[cfg(test)]
mod tests {
    use super::*;
    use pretty_assertions::assert_eq;

    #[test]
    fn placeholders_are_filled() {
        let oids = BTreeMap::from([("system schemas".to_owned(), "{1,2}".to_owned())]);
        let scope = Scope { oids, ..Scope::default() };
        let check = |query, expect: &str| assert_eq!(scope.fill(query), expect);
        check("n <> all ({system schemas})", "n <> all ('{1,2}'::oid[])");
        check("c <> all ({members of pg_class})", "c <> all ('{}'::oid[])");
        check("array_agg(a) = '{}'", "array_agg(a) = '{}'");
        assert!(scope.fill("join {comments on pg_class} x").contains("= 'pg_class'::regclass"));
    }

    #[test]
    fn every_placeholder_is_known() {
        let known = ["members of pg_", "dependents in pg_", "comments on pg_"];
        for source in SOURCES {
            for rest in source.sql.split('{').skip(1) {
                let (name, _) = rest.split_once('}').unwrap();
                let is_known = known.iter().any(|known| name.starts_with(known));
                let is_known = is_known || ["", "system schemas"].contains(&name);
                assert!(is_known, "{}: {name}", source.file);
            }
        }
    }
}
