//! The seeds again, after somebody has edited what they had made, as an app would: as the
//! database's owner, one value at a time, past all triggers and constraints.

use std::time::{Duration, Instant};

use sqlx::postgres::{PgConnection, PgRow};
use sqlx::{AssertSqlSafe, Row as _};

use super::super::super::Stage;
use super::super::super::fresh::Made;
use super::super::super::others::others;
use super::super::{settings, sow};
use crate::rows::{Column, Columns, Filled, Values};
use crate::server::{Scratch, run, value};
use crate::sql::literal;
use crate::trace::{Act, Edit, Edited, Fate, Sown};
use crate::{Error, Result};

/// How many rows of a table are edited.
const ROWS_EDITED: usize = 3;

/// The text of some values of a row.
type Cells = Vec<Option<String>>;

pub(in super::super) async fn edit(stage: &Stage<'_>, made: &Made) -> Result<Edited> {
    stage.progress.begin(Act::Edit.name());
    let start = Instant::now();
    let scratch = made.copy(stage).await?;
    // What the seeds write is younger than this. No session of ours is there while they run: it
    // would be taken for one that a command has left behind.
    let now = "SELECT pg_catalog.pg_current_xact_id()::xid";
    let before = value(&mut scratch.admin().await?, now).await?;
    let mut edited = Edited::default();
    let steps = sow(stage, &scratch, Act::Edit).await?;
    if steps.iter().all(Sown::succeeded) {
        edit_all(stage, &scratch, &before, &mut edited).await?;
        edited.steps = sow(stage, &scratch, Act::Edit).await?;
        let mut reader = scratch.admin().await?;
        // The text of a value depends on them.
        run(&mut reader, &settings::opening(stage)).await?;
        for edit in &mut edited.edits {
            edit.after = fate(&mut reader, edit).await?;
        }
    } else {
        edited.steps = steps;
    }
    stage.server.drop_database(scratch).await?;
    Ok(Edited { duration: start.elapsed(), ..edited })
}

/// Edits rows of each table that the seeds have filled, in one transaction.
async fn edit_all(
    stage: &Stage<'_>,
    scratch: &Scratch,
    before: &str,
    edited: &mut Edited,
) -> Result<()> {
    let mut reader = scratch.admin().await?;
    let columns = Columns::read(&mut reader).await?;
    let mut app = scratch.player(stage.project.config.postgres.role, None).await?;
    let limit = Duration::as_millis(&stage.limit);
    let begin = settings::opening(stage);
    run(&mut app, &format!("{begin}; SET LOCAL statement_timeout = {limit}")).await?;
    // What is checked at the commit would be found too late.
    run(&mut app, "SET CONSTRAINTS ALL IMMEDIATE").await?;
    let mut edits = Vec::new();
    for table in columns.tables() {
        let seeded = seeded(table, before);
        let count = format!("SELECT count(*) FROM (SELECT {seeded} LIMIT 1) one");
        if value(&mut reader, &count).await? == "0" {
            continue;
        }
        match edit_table(stage, &mut app, &columns, table, &seeded).await? {
            Ok(done) => edits.extend(done),
            Err(reason) => edited.spared.extend([(table.to_owned(), reason)]),
        }
    }
    // Other edits may have had a hand in it, by triggers.
    for edit in &mut edits {
        if let Fate::There(now) = fate(&mut app, edit).await? {
            edit.edited = now;
        }
    }
    edits.retain(|edit| edit.edited != edit.seeded);
    run(&mut app, "COMMIT").await?;
    edited.edits = edits;
    Ok(())
}

/// Where the rows are that the seeds have written to a table. Numbers of transactions go round, so
/// that they are compared by age, not by size.
fn seeded(table: &str, before: &str) -> String {
    let age = format!("pg_catalog.age({}::xid)", literal(before));
    format!("FROM ONLY {table} WHERE pg_catalog.age(xmin) < {age}")
}

/// Edits some rows of a table that the seeds have filled, or says why none.
async fn edit_table(
    stage: &Stage<'_>,
    app: &mut PgConnection,
    columns: &Columns,
    table: &str,
    seeded: &str,
) -> Result<Result<Vec<Edit>, String>> {
    let key = columns.key_of(table);
    if key.is_empty() {
        return Ok(Err("it has no key by which a row could be told from another".to_owned()));
    }
    let config = &stage.project.config.seeds;
    let is_editable = |column: &&Column| {
        !column.is_in_key
            && column.filled != Filled::ByPostgres
            && column.refers_to.is_empty()
            && !config.ignores(table, &column.name)
    };
    let editable: Vec<_> = columns.of(table).filter(is_editable).collect();
    if editable.is_empty() {
        return Ok(Err("all its columns are keys, references, generated or ignored".to_owned()));
    }
    let listed = |names: &[&str]| {
        let texts: Vec<_> = names.iter().map(|name| format!("{name}::text")).collect();
        texts.join(", ")
    };
    let names: Vec<_> = key.iter().copied().chain(editable.iter().map(|it| &*it.name)).collect();
    let order = key.join(", ");
    let rows = format!("SELECT {} {seeded} ORDER BY {order} LIMIT {ROWS_EDITED}", listed(&names));
    let rows = match read_as_app(app, table, &rows).await? {
        Ok(rows) if rows.is_empty() => return Ok(Err("its policies hide the rows".to_owned())),
        Ok(rows) => rows,
        Err(reason) => return Ok(Err(reason)),
    };
    let mut edits = Vec::new();
    for row in rows {
        let (key_values, values) = row.split_at(key.len());
        let key: Values =
            key.iter().map(|it| (*it).to_owned()).zip(key_values.iter().cloned()).collect();
        for (column, seeded) in editable.iter().zip(values) {
            if try_to_edit(app, column, &key).await? {
                edits.push(Edit {
                    table: table.to_owned(),
                    key: key.clone(),
                    column: column.name.clone(),
                    has_default: column.filled != Filled::NotAtAll,
                    seeded: seeded.clone(),
                    edited: seeded.clone(),
                    after: Fate::Gone,
                });
            }
        }
    }
    if edits.is_empty() {
        let reason = "its constraints and triggers let none of the values pass that were tried";
        return Ok(Err(reason.to_owned()));
    }
    Ok(Ok(edits))
}

/// Reads rows of a table, or says why an app may not.
async fn read_as_app(
    app: &mut PgConnection,
    table: &str,
    query: &str,
) -> Result<Result<Vec<Cells>, String>> {
    run(app, "SAVEPOINT rehearsal").await?;
    let reason = match read(app, query).await {
        Ok(rows) => {
            run(app, "RELEASE rehearsal").await?;
            return Ok(Ok(rows));
        }
        Err(error) => match error.as_database_error() {
            Some(refusal) => format!("an app can't read it: {}", refusal.message()),
            None => return Err(failed(table, error)),
        },
    };
    run(app, "ROLLBACK TO rehearsal").await?;
    Ok(Err(reason))
}

/// Gives a row another value, if there is one that the database accepts and keeps.
async fn try_to_edit(app: &mut PgConnection, column: &Column, key: &Values) -> Result<bool> {
    let Column { table, name, .. } = column;
    for other in others(column) {
        run(app, "SAVEPOINT rehearsal").await?;
        let update = format!(
            "UPDATE ONLY {table} SET {name} = {other} \
              WHERE {} AND {name} IS DISTINCT FROM ({other}) RETURNING 1::text",
            found_by(key)
        );
        match read(app, &update).await {
            Ok(rows) if rows.len() == 1 => {
                run(app, "RELEASE rehearsal").await?;
                return Ok(true);
            }
            Err(error) if error.as_database_error().is_none() => return Err(failed(table, error)),
            // Refused, or taken back by a trigger.
            Ok(_) | Err(_) => {}
        }
        run(app, "ROLLBACK TO rehearsal").await?;
    }
    Ok(false)
}

/// What became of a value that was edited.
async fn fate(connection: &mut PgConnection, edit: &Edit) -> Result<Fate> {
    let Edit { table, key, column, .. } = edit;
    let query = format!("SELECT {column}::text FROM ONLY {table} WHERE {}", found_by(key));
    let rows = read(connection, &query).await.map_err(|error| failed(table, error))?;
    let first = rows.into_iter().next().and_then(|cells| cells.into_iter().next());
    Ok(first.map_or(Fate::Gone, Fate::There))
}

/// The condition for a row.
fn found_by(key: &Values) -> String {
    let equal = key.iter().map(|(column, value)| {
        format!("{column}::text = {}", literal(value.as_deref().unwrap_or_default()))
    });
    equal.collect::<Vec<_>>().join(" AND ")
}

/// Rows of texts.
async fn read(connection: &mut PgConnection, query: &str) -> Result<Vec<Cells>, sqlx::Error> {
    let rows = sqlx::raw_sql(AssertSqlSafe(query)).fetch_all(connection).await?;
    let texts = |row: &PgRow| (0..row.len()).map(|column| row.try_get(column)).collect();
    rows.iter().map(texts).collect()
}

fn failed(table: &str, error: sqlx::Error) -> Error {
    Error::new(format!("failed to edit rows of {table}")).caused_by(error)
}
