//! The rows of the squashed chain beside those of its baseline.
//!
//! What a chain fills with the time, or with ids that it makes up, is another value each time it is
//! played. Which columns these are, no text tells for certain: a trigger may fill them. So, where
//! the sides differ, the chain is played twice, and what its two plays don't have in common nobody
//! can want of the baseline. Of a small table the rows of both plays are recorded, because what one
//! row has there may be made up, and what another one has may be written.

use std::collections::BTreeSet;

use super::super::beside::{Aside, Reading, compare, differing};
use crate::Result;
use crate::catalog::Identity;
use crate::rows::{self, Column, Columns, Detail, Position, ROWS_MAX, Rows, TableRows};
use crate::server::{Scratch, value};
use crate::trace::{FilledAnew, State, UnlikePosition, UnlikeRows};

/// The tables that both sides have with other rows. What a materialized view holds is derived from
/// tables, and only as fresh as its last REFRESH.
pub(super) fn unlike_tables(
    left: &State,
    right: &State,
    is_told: impl Fn(&str) -> bool,
) -> BTreeSet<String> {
    let mut tables = differing(&left.rows, &right.rows);
    tables.retain(|table| {
        left.rows.tables.contains_key(table)
            && is_told(table)
            && ![left, right].iter().any(|state| is_view(state, table))
    });
    tables
}

/// Whether it is a materialized view that has this name.
pub(super) fn is_view(state: &State, name: &str) -> bool {
    let view = Identity::new("materialized view", name);
    view.is_some_and(|view| state.catalog.objects.contains_key(&view))
}

/// What of certain tables two plays of the chain fill with other values.
pub(super) async fn filled_anew(
    first: &Scratch,
    second: &Scratch,
    tables: &BTreeSet<String>,
) -> Result<FilledAnew> {
    let (first, second) = (Reading::of(first.clone()).await?, Reading::of(second.clone()).await?);
    let both = tables.iter().filter(|table| second.rows.tables.contains_key(*table));
    let both = both.cloned().collect::<BTreeSet<_>>();
    let today = of_today(&first, &both).await?;
    let mut aside = first.columns.closure(|it| is_aside(&today, &it.table, &it.name));
    loop {
        let known = aside.len();
        for unlike in compare(&first, &second, &both, &aside).await?.unlike {
            let of_table = |column: String| (unlike.table.clone(), column);
            if unlike.columns.is_empty() {
                // The same values are in other rows, which means that keys are dealt out anew.
                let key = first.columns.key_of(&unlike.table).into_iter().map(str::to_owned);
                aside.extend(key.map(of_table));
            } else {
                aside.extend(unlike.columns.iter().cloned().map(of_table));
            }
        }
        if aside.len() == known {
            break;
        }
        aside = first.columns.closure(|it| is_aside(&aside, &it.table, &it.name));
    }
    let ignored = |table: &str, column: &str| is_aside(&aside, table, column);
    let read = async |reading: &Reading| {
        let mut connection = reading.scratch.admin().await?;
        Rows::read_where_ignoring(&mut connection, ignored).await
    };
    let (kept_first, kept_second) = (read(&first).await?, read(&second).await?);
    let mut anew = FilledAnew::default();
    for table in tables {
        let of = |kept: &Rows, reading: &Reading| {
            let rows = kept.tables.get(table).or(reading.rows.tables.get(table));
            rows.map(digest)
        };
        let (one, other) = (of(&kept_first, &first), of(&kept_second, &second));
        if one.map(|(count, _)| count) != other.map(|(count, _)| count) {
            anew.tables.insert(table.clone());
            continue;
        }
        // Where values are still paired in other ways, nothing but their number is left.
        let is_left_out = |it: &&Column| one != other || ignored(table, &it.name);
        let columns = first.columns.of(table).filter(is_left_out).map(|it| it.name.clone());
        let columns = columns.collect::<Vec<_>>();
        if !columns.is_empty() {
            anew.columns.insert(table.clone(), columns);
        }
    }
    let is_small = |of: &Reading, table: &String| of.rows.tables[table].count <= ROWS_MAX;
    let small = anew.columns.keys().filter(|it| is_small(&first, it) && is_small(&second, it));
    let small = small.cloned().collect();
    anew.again = Detail::read(&mut second.scratch.admin().await?, &small).await?;
    let columns = &anew.columns;
    let is_aside = |table: &str, key: &String| columns[table].contains(key);
    anew.again.retain(|table, detail| {
        !detail.key.is_empty() && !detail.key.iter().any(|key| is_aside(table, key))
    });
    Ok(anew)
}

/// The columns with a value that names the day. Two plays on that day fill them alike, and one on
/// the next day does not.
async fn of_today(reading: &Reading, tables: &BTreeSet<String>) -> Result<Aside> {
    let mut connection = reading.scratch.admin().await?;
    let mut found = Aside::new();
    let columns = tables.iter().flat_map(|table| reading.columns.of(table));
    for Column { table, name, .. } in columns {
        let ask = format!(
            "SELECT EXISTS (SELECT FROM ONLY {table} rehearsed \
             WHERE position(current_date::text in rehearsed.{name}::text) > 0 \
                OR position((now() AT TIME ZONE 'UTC')::date::text in rehearsed.{name}::text) > 0\
             )::text"
        );
        if value(&mut connection, &ask).await? == "true" {
            found.insert((table.clone(), name.clone()));
        }
    }
    Ok(found)
}

/// The same, as far as the defaults of columns tell it, where the chain can't be played twice.
pub(super) async fn filled_by_default(
    sides: [&Scratch; 2],
    tables: &BTreeSet<String>,
) -> Result<FilledAnew> {
    let mut anew = FilledAnew { is_guessed: true, ..FilledAnew::default() };
    let mut aside = Aside::new();
    for side in sides {
        aside.extend(Columns::read(&mut side.admin().await?).await?.aside(|_, _| false));
    }
    for (table, column) in aside.into_iter().filter(|(table, _)| tables.contains(table)) {
        anew.columns.entry(table).or_default().push(column);
    }
    Ok(anew)
}

/// How certain tables differ, but for what is filled anew each time.
pub(super) async fn unlike(
    (left, left_database): (&Rows, &Scratch),
    (right, right_database): (&Rows, &Scratch),
    tables: &BTreeSet<String>,
    anew: &FilledAnew,
) -> Result<Vec<UnlikeRows>> {
    let (mut here, mut there) = (left_database.admin().await?, right_database.admin().await?);
    let ignored = |table: &str, column: &str| anew.has(table, column);
    let kept_left = Rows::read_where_ignoring(&mut here, ignored).await?;
    let kept_right = Rows::read_where_ignoring(&mut there, ignored).await?;
    let kept = |kept: &Rows, table: &str| kept.tables.get(table).map(digest);
    let is_unlike = |table: &&String| {
        // With nothing put aside, the sides are known to differ.
        !anew.tables.contains(*table)
            && (!anew.columns.contains_key(*table)
                || anew.again.contains_key(*table)
                || kept(&kept_left, table) != kept(&kept_right, table))
    };
    let tables = tables.iter().filter(is_unlike).collect::<Vec<_>>();
    let mut small = rows::small_tables_that_differ(left, right);
    small.retain(|table| tables.contains(&table));
    let mut befores = Detail::read(&mut here, &small).await?;
    let mut afters = Detail::read(&mut there, &small).await?;
    let unlike = tables.into_iter().map(|table| UnlikeRows {
        table: table.clone(),
        counts: (left.tables[table].count, right.tables[table].count),
        details: befores.remove(table).zip(afters.remove(table)),
    });
    Ok(unlike.collect())
}

/// The sequences that both have at other positions.
pub(super) fn moved(
    left: &Rows,
    right: &Rows,
    is_told: impl Fn(&str) -> bool,
) -> Vec<UnlikePosition> {
    let place = |it: &Position| (it.last_value, it.is_called);
    let pairs = left.sequences.iter().filter_map(|(name, was)| {
        let is = right.sequences.get(name)?;
        let owner = is.owned_by.as_deref();
        let count = owner.and_then(|table| right.tables.get(table)).map_or(0, |it| it.count);
        let differs = place(was) != place(is) && owner.is_none_or(&is_told);
        differs.then(|| UnlikePosition {
            sequence: name.clone(),
            positions: (was.clone(), is.clone()),
            count,
        })
    });
    pairs.collect()
}

fn is_aside(aside: &Aside, table: &str, column: &str) -> bool {
    aside.contains(&(table.to_owned(), column.to_owned()))
}

fn digest(rows: &TableRows) -> (u64, i128) {
    (rows.count, rows.contents)
}
