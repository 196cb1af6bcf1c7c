//! Rows that somebody could have written, in every table, as far as its constraints and triggers
//! let them in.
//!
//! Nothing is random: values are made from the catalog in the order in which they are thought of,
//! and tried, so that the same catalog and rows give the same rows again. What is refused is tried
//! with other values, and in the end recorded with what Postgres said.

mod candidates;
mod constants;
mod filling;
mod groups;
mod order;
mod pattern;
mod plan;

use std::collections::BTreeSet;
use std::time::Duration;

use sqlx::postgres::PgConnection;

use self::order::{Needs, in_order};
use self::plan::Table;
use super::super::attempts::Attempts;
use super::super::others::others;
use crate::Result;
use crate::rows::{Column, Columns, Filled::ByPostgres};
use crate::server::run;
use crate::trace::{Filled, Populated};

/// Puts rows into all ordinary and partitioned tables but the `spared` ones, in one transaction.
/// The connection should be a superuser's, whom no policy hinders. Whatever triggers do to the
/// session is undone.
pub(crate) async fn populate(
    connection: &mut PgConnection,
    spared: &BTreeSet<String>,
    limit: Duration,
) -> Result<Populated> {
    let mut tables = plan::read(connection).await?;
    tables.retain(|table| !spared.contains(&table.name));
    let mut populated = Populated::default();
    begin(connection, limit).await?;
    let attempts = &mut Attempts::new(connection);
    let needs = tables.iter().map(needs_of).collect();
    for together in in_order(needs) {
        let of_these = tables.iter().filter(|table| together.contains(&table.name.as_str()));
        let of_these: Vec<_> = of_these.collect();
        let filled = match of_these.as_slice() {
            [table] => vec![fill_one(attempts, table, &tables).await?],
            several => fill_together(attempts, several, &tables).await?,
        };
        let names = of_these.iter().map(|table| table.name.clone());
        populated.tables.extend(names.zip(filled));
    }
    advance(attempts.settle().await?).await?;
    attempts.run("COMMIT").await?;
    run(connection, "DISCARD ALL").await?;
    Ok(populated)
}

/// Gives a row of each table but the `spared` ones another value in each column that an app may
/// change, as far as constraints and triggers let it.
pub(super) async fn edit(
    connection: &mut PgConnection,
    spared: &BTreeSet<String>,
    limit: Duration,
) -> Result<()> {
    let columns = Columns::read(connection).await?;
    begin(connection, limit).await?;
    let attempts = &mut Attempts::new(connection);
    let is_editable = |column: &&Column| {
        !column.is_in_key && column.filled != ByPostgres && column.refers_to.is_empty()
    };
    let tables = columns.tables().into_iter().filter(|table| !spared.contains(*table));
    for column in tables.flat_map(|table| columns.of(table)).filter(is_editable) {
        let Column { table, name, .. } = column;
        for other in others(column) {
            let update = format!(
                "UPDATE ONLY {table} SET {name} = {other} WHERE ctid = (\
                   SELECT ctid FROM ONLY {table} WHERE {name} IS DISTINCT FROM ({other}) LIMIT 1)"
            );
            if attempts.writes_one(&update).await? {
                break;
            }
        }
    }
    attempts.run("COMMIT").await
}

async fn begin(connection: &mut PgConnection, limit: Duration) -> Result<()> {
    let limit = limit.as_millis();
    run(connection, &format!("BEGIN; SET LOCAL statement_timeout = {limit}")).await?;
    // What is checked at the commit would be found too late.
    run(connection, "SET CONSTRAINTS ALL IMMEDIATE").await
}

/// Counts on with the sequences that no table owns, as an app does.
async fn advance(connection: &mut PgConnection) -> Result<()> {
    // One that has come to its end stays there.
    run(
        connection,
        "DO $$
         DECLARE counter regclass;
         BEGIN
           FOR counter IN
             SELECT c.oid FROM pg_catalog.pg_class c
              WHERE c.relkind = 'S' AND c.relpersistence <> 't'
                AND NOT EXISTS (SELECT FROM pg_catalog.pg_depend d
                                 WHERE d.classid = 'pg_catalog.pg_class'::pg_catalog.regclass
                                   AND d.objid = c.oid AND d.deptype IN ('a', 'i', 'e'))
           LOOP
             BEGIN
               PERFORM pg_catalog.nextval(counter), pg_catalog.nextval(counter);
             EXCEPTION WHEN others THEN NULL;
             END;
           END LOOP;
         END $$",
    )
    .await
}

fn needs_of(table: &Table) -> Needs<'_> {
    let (must, may): (Vec<_>, Vec<_>) = table.references.iter().partition(|it| table.needs(it));
    Needs {
        table: &table.name,
        rows_of: must.into_iter().map(|it| it.table.as_str()).collect(),
        may_refer_to: may.into_iter().map(|it| it.table.as_str()).collect(),
    }
}

/// Fills a table. A row that must refer to one of its own table refers to itself.
async fn fill_one(attempts: &mut Attempts<'_>, table: &Table, tables: &[Table]) -> Result<Filled> {
    let own = table.references.iter().filter(|it| it.table == table.name && table.needs(it));
    let promised = own.map(|it| it.table.as_str()).collect();
    let groups = groups::of(attempts, table, tables, &promised).await?;
    filling::fill(attempts, table, &groups).await
}

/// Fills tables that need each other: their constraints are looked at when all have their rows, if
/// they can be deferred.
async fn fill_together(
    attempts: &mut Attempts<'_>,
    together: &[&Table],
    tables: &[Table],
) -> Result<Vec<Filled>> {
    let promised = together.iter().map(|table| table.name.as_str()).collect();
    attempts.run("SAVEPOINT circle").await?;
    attempts.run("SET CONSTRAINTS ALL DEFERRED").await?;
    let mut filled = Vec::new();
    for table in together {
        let groups = groups::of(attempts, table, tables, &promised).await?;
        filled.push(filling::fill(attempts, table, &groups).await?);
    }
    if let Err(error) = attempts.run("SET CONSTRAINTS ALL IMMEDIATE").await {
        attempts.run("ROLLBACK TO circle").await?;
        for (table, filled) in together.iter().zip(&mut filled) {
            let refusal = Some(filled.refusal.take().unwrap_or_else(|| error.to_string()));
            *filled = Filled { before: table.rows_before, put_in: 0, refusal };
        }
    }
    attempts.run("SET CONSTRAINTS ALL IMMEDIATE").await?;
    Ok(filled)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rows::{Detail, Rows};
    use crate::server::{Scratch, Server};
    use pretty_assertions::assert_eq;

    /// Tables of many kinds. What comes after a line `-- refused` can't be filled.
    const ZOO: &str = include_str!("populate/zoo.sql");

    async fn filled(server: &Server, sql: &str) -> (Populated, Scratch) {
        let scratch = server.create(None).await.expect("a database");
        let mut admin = scratch.admin().await.expect("a connection");
        run(&mut admin, sql).await.expect("the tables");
        let limit = Duration::from_mins(1);
        let populated = populate(&mut admin, &BTreeSet::new(), limit).await.expect("rows");
        (populated, scratch)
    }

    async fn server() -> Server {
        let version = std::env::var("REHEARSAL_POSTGRES").ok().filter(|it| !it.is_empty());
        Server::start(version.as_deref(), false).await.expect("a server")
    }

    #[tokio::test(flavor = "current_thread")]
    async fn every_table_of_the_zoo_is_filled_as_far_as_it_can_be() {
        let server = server().await;
        let (populated, scratch) = filled(&server, ZOO).await;
        let refused = ZOO.split_once("-- refused").expect("a line that says so").1;
        let mut wrong = Vec::new();
        for (table, filled) in &populated.tables {
            let name = table.trim_start_matches("public.").trim_start_matches("zoo.");
            let can_be = !refused.contains(&format!("CREATE TABLE {name} "));
            let is_filled = filled.put_in >= if can_be { 3 } else { 1 };
            if can_be != is_filled || (is_filled == filled.refusal.is_some() && can_be) {
                wrong.push((table, filled));
            }
        }
        assert!(wrong.is_empty(), "{wrong:#?}");
        let admin = &mut scratch.admin().await.expect("a connection");
        let rows = Rows::read(admin).await.expect("rows");
        let inserted: u64 = rows.tables.values().map(|it| it.count).sum();
        let told = |it: &Filled| it.before + it.put_in as u64;
        // A trigger has written some, too.
        assert!(inserted > populated.tables.values().map(told).sum::<u64>());
        // The same catalog gives the same rows.
        let (again, other) = filled(&server, ZOO).await;
        assert_eq!(again, populated);
        let admin = &mut other.admin().await.expect("a connection");
        let others = Rows::read(admin).await.expect("rows");
        let contents = |rows: &Rows| {
            let each = rows.tables.iter().map(|(name, it)| (name.clone(), it.count, it.contents));
            each.collect::<Vec<_>>()
        };
        assert_eq!(contents(&others), contents(&rows));
        for scratch in [scratch, other] {
            server.drop_database(scratch).await.expect("nobody is connected");
        }
    }

    #[tokio::test(flavor = "current_thread")]
    async fn rows_share_half_of_a_composite_key() {
        let server = server().await;
        let tables = "CREATE TABLE a (id serial PRIMARY KEY); \
                      CREATE TABLE b (code text PRIMARY KEY CHECK (code ~ '^[A-Z]{3}$')); \
                      CREATE TABLE a_b (a int REFERENCES a, b text REFERENCES b, note text NOT \
                      NULL, PRIMARY KEY (a, b))";
        let (_, scratch) = filled(&server, tables).await;
        let admin = &mut scratch.admin().await.expect("a connection");
        let table = "public.a_b".to_owned();
        let detail = Detail::read(admin, &BTreeSet::from([table])).await.expect("rows");
        let none = Detail::default();
        let keys = crate::server::value(
            admin,
            "SELECT string_agg(a || b, ' ' ORDER BY a, b) FROM a_b WHERE a < 3 AND b < 'CCC'",
        );
        assert_eq!(keys.await.expect("keys"), "1AAA 1BBB 2AAA 2BBB");
        assert_ne!(detail["public.a_b"], none);
        server.drop_database(scratch).await.expect("nobody is connected");
    }
}
