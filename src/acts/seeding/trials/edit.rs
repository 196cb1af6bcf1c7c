//! The seeds again, after somebody has edited what they had made, as an app would: as the
//! database's owner, one value at a time, past all triggers and constraints.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use sqlx::postgres::{PgConnection, PgRow};
use sqlx::{AssertSqlSafe, Row as _};

use super::super::super::Stage;
use super::super::super::attempts::Attempts;
use super::super::super::fresh::Made;
use super::super::super::others::others;
use super::super::{settings, sow};
use crate::rows::{Column, Columns, Filled, Values};
use crate::server::{Scratch, run, value};
use crate::sql::literal;
use crate::trace::{Act, Edit, Edited, Fate, Sown};
use crate::{Error, Result};

/// How many rows of a table are edited.
const ROWS_EDITED: usize = 100;

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
    let steps = sow(stage, &scratch, Act::Edit).await?;
    let mut edited = Edited { steps, ..Edited::default() };
    // Once other values, and then none: a field may be cleared, too.
    for is_cleared in [false, true] {
        if !edited.steps.iter().all(Sown::succeeded) {
            break;
        }
        let mut edits = edit_all(stage, &scratch, &before, is_cleared, &mut edited).await?;
        // What is there by now may be what somebody has edited.
        let place = |it: &Edit| (it.table.clone(), it.key.clone(), it.column.clone());
        let seeded = edited.edits.iter().map(|it| (place(it), it.seeded.clone()));
        let seeded = seeded.collect::<BTreeMap<_, _>>();
        for edit in &mut edits {
            if let Some(seeded) = seeded.get(&place(edit)) {
                edit.seeded.clone_from(seeded);
            }
        }
        edits.retain(|edit| edit.edited != edit.seeded);
        edited.steps = sow(stage, &scratch, Act::Edit).await?;
        let mut reader = scratch.admin().await?;
        // The text of a value depends on them.
        run(&mut reader, &settings::opening(stage)).await?;
        for edit in &mut edits {
            edit.after = fate(&mut reader, edit).await?;
        }
        edited.edits.extend(edits);
    }
    stage.server.drop_database(scratch).await?;
    Ok(Edited { duration: start.elapsed(), ..edited })
}

/// Edits rows of each table that the seeds have filled, in one transaction.
async fn edit_all(
    stage: &Stage<'_>,
    scratch: &Scratch,
    before: &str,
    is_cleared: bool,
    edited: &mut Edited,
) -> Result<Vec<Edit>> {
    let mut reader = scratch.admin().await?;
    let columns = Columns::read(&mut reader).await?;
    let mut app = scratch.player(stage.project.config.postgres.role, None).await?;
    let limit = Duration::as_millis(&stage.limit);
    let begin = settings::opening(stage);
    run(&mut app, &format!("{begin}; SET LOCAL statement_timeout = {limit}")).await?;
    // What is checked at the commit would be found too late.
    run(&mut app, "SET CONSTRAINTS ALL IMMEDIATE").await?;
    let attempts = &mut Attempts::new(&mut app);
    let mut edits = Vec::new();
    for table in columns.tables() {
        let seeded = seeded(table, before);
        let most = ROWS_EDITED + 1;
        let count = format!("SELECT count(*) FROM (SELECT {seeded} LIMIT {most}) seeded");
        let count = value(&mut reader, &count).await?;
        if count == "0" {
            continue;
        }
        match edit_table(stage, attempts, &columns, table, (&seeded, is_cleared)).await? {
            Ok(done) => {
                if count == most.to_string() {
                    let reason = format!("all rows but {ROWS_EDITED}");
                    edited.spared.insert(table.to_owned(), reason);
                }
                edits.extend(done);
            }
            Err(_) if is_cleared => {}
            Err(reason) => edited.spared.extend([(table.to_owned(), reason)]),
        }
    }
    // Other edits may have had a hand in it, by triggers.
    for edit in &mut edits {
        if let Fate::There(now) = fate(attempts.settle().await?, edit).await? {
            edit.edited = now;
        }
    }
    edits.retain(|edit| edit.edited != edit.seeded);
    attempts.run("COMMIT").await?;
    Ok(edits)
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
    app: &mut Attempts<'_>,
    columns: &Columns,
    table: &str,
    (seeded, is_cleared): (&str, bool),
) -> Result<Result<Vec<Edit>, String>> {
    let key = columns.key_of(table);
    if key.is_empty() {
        return Ok(Err("it has no key by which a row could be told from another".to_owned()));
    }
    let config = &stage.project.config.seeds;
    let is_editable = |column: &&Column| {
        !column.is_in_key
            && column.filled != Filled::ByPostgres
            && !config.ignores(table, &column.name)
    };
    let editable: Vec<_> = columns.of(table).filter(is_editable).collect();
    if editable.is_empty() {
        return Ok(Err("all its columns are keys, generated or ignored".to_owned()));
    }
    let listed = |names: &[&str]| {
        let texts: Vec<_> = names.iter().map(|name| format!("{name}::text")).collect();
        texts.join(", ")
    };
    let names: Vec<_> = key.iter().copied().chain(editable.iter().map(|it| &*it.name)).collect();
    let order = key.join(", ");
    let rows = format!("SELECT {} {seeded} ORDER BY {order} LIMIT {ROWS_EDITED}", listed(&names));
    let rows = match app.read(&rows).await? {
        Ok(rows) if rows.is_empty() => return Ok(Err("its policies hide the rows".to_owned())),
        Ok(rows) => rows,
        Err(refusal) => {
            let said = refusal.as_database_error().map_or("", |refusal| refusal.message());
            return Ok(Err(format!("an app can't read it: {said}")));
        }
    };
    let mut edits = Vec::new();
    for row in &rows {
        let (key_values, values) = row.split_at(key.len());
        let key: Values =
            key.iter().map(|it| (*it).to_owned()).zip(key_values.iter().cloned()).collect();
        for (column, seeded) in editable.iter().zip(values) {
            if try_to_edit(app, column, &key, is_cleared).await? {
                edits.push(Edit {
                    table: table.to_owned(),
                    key: key.clone(),
                    column: column.name.clone(),
                    has_default: column.filled != Filled::NotAtAll,
                    is_time: column.category == "D",
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

/// Gives a row another value, if there is one that the database accepts and keeps.
async fn try_to_edit(
    app: &mut Attempts<'_>,
    column: &Column,
    key: &Values,
    is_cleared: bool,
) -> Result<bool> {
    let Column { table, name, .. } = column;
    let others = if is_cleared { vec!["NULL".to_owned()] } else { others(column) };
    for other in others {
        let update = format!(
            "UPDATE ONLY {table} SET {name} = {other} \
              WHERE {} AND {name} IS DISTINCT FROM ({other})",
            found_by(key)
        );
        if app.writes_one(&update).await? {
            return Ok(true);
        }
    }
    Ok(false)
}

/// What became of a value that was edited.
async fn fate(connection: &mut PgConnection, edit: &Edit) -> Result<Fate> {
    let Edit { table, key, column, seeded, .. } = edit;
    let query = format!("SELECT {column}::text FROM ONLY {table} WHERE {}", found_by(key));
    let rows = read(connection, &query).await.map_err(|error| failed(table, error))?;
    if let Some(cell) = rows.into_iter().next().and_then(|cells| cells.into_iter().next()) {
        return Ok(Fate::There(cell));
    }
    // Under another key, perhaps, which a sequence has given.
    let seeded = seeded.as_deref().map_or("NULL".to_owned(), literal);
    let query = format!(
        "SELECT 1::text FROM ONLY {table} \
          WHERE {column}::text IS NOT DISTINCT FROM {seeded} LIMIT 1"
    );
    let rows = read(connection, &query).await.map_err(|error| failed(table, error))?;
    Ok(if rows.is_empty() { Fate::Gone } else { Fate::Elsewhere })
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
