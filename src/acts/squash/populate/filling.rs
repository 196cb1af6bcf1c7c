//! One table is filled: with its rows in one message, if Postgres takes them all, else with fewer,
//! and in the end row by row; and where one is refused, what Postgres says tells which values are
//! tried next.

use std::collections::BTreeSet;
use std::slice;

use sqlx::postgres::PgDatabaseError;

use super::super::super::attempts::Attempts;
use super::groups::{Group, Value};
use super::plan::{Cell, Key, Table, failed};
use crate::Result;
use crate::sql::literal;
use crate::trace::Filled;

/// How many rows a table is given, and how many at most with those that share half of a key.
const ROWS: usize = 4;
const ROWS_MAX: usize = 12;

/// How often other values are tried for a row that is refused.
const TRIES: usize = 48;

/// How many columns of a key are combined.
const KEY_COLUMNS_MAX: usize = 4;

/// How many rows of a table are looked at for what they have in a key.
const LOOKED_AT: usize = 50;

/// Puts rows into a table, some of which share half of its keys.
pub(super) async fn fill(
    attempts: &mut Attempts<'_>,
    table: &Table,
    groups: &[Group],
) -> Result<Filled> {
    let mut filled = Filled { before: table.rows_before, ..Filled::default() };
    let usual: Vec<_> = (0..ROWS).map(|number| choices(table, groups, number)).collect();
    let unusual = [nothing(table, groups), again(table, groups)];
    let all = [&usual[..], &unusual].concat();
    if are_accepted(attempts, table, groups, &all).await? {
        filled.put_in = all.len();
    } else {
        few_by_few(attempts, table, groups, usual, unusual, &mut filled).await?;
    }
    for key in table.keys.iter().filter(|key| key.is_plain && key.columns.len() > 1) {
        for row in crossed(attempts, table, key).await? {
            if filled.put_in < ROWS_MAX {
                let groups = groups.iter().map(|group| bound(group, key, &row));
                let groups = groups.collect::<Vec<_>>();
                let chosen = choices(table, &groups, filled.put_in);
                let inserted = insert(attempts, table, &groups, chosen).await?;
                filled.put_in += usize::from(inserted.is_ok());
            }
        }
    }
    Ok(filled)
}

/// Puts rows in that are not accepted all at once: the usual ones, and then the others, unless a
/// usual one is refused.
async fn few_by_few(
    attempts: &mut Attempts<'_>,
    table: &Table,
    groups: &[Group],
    usual: Vec<Vec<usize>>,
    unusual: [Vec<usize>; 2],
    filled: &mut Filled,
) -> Result<()> {
    if are_accepted(attempts, table, groups, &usual).await? {
        filled.put_in = usual.len();
    } else {
        for chosen in usual {
            match insert(attempts, table, groups, chosen).await? {
                Ok(()) => filled.put_in += 1,
                Err(said) => {
                    filled.refusal = Some(said);
                    return Ok(());
                }
            }
        }
    }
    for chosen in unusual {
        let inserted = insert(attempts, table, groups, chosen).await?;
        filled.put_in += usize::from(inserted.is_ok());
    }
    Ok(())
}

/// What the columns of a row have: each another of its values than the column before, because what
/// is the same in two columns can be taken from either.
fn choices(table: &Table, groups: &[Group], number: usize) -> Vec<usize> {
    let mut shift = 0;
    let choices = groups.iter().map(|group| {
        if counts(group) {
            return 0;
        }
        if is_bound(table, group) {
            return number;
        }
        // A default may be another value each time.
        let of_ours = group.choices.iter().filter(|choice| !choice.contains(&Value::Default));
        shift += 1;
        (number + shift - 1) % of_ours.count().max(1)
    });
    choices.collect()
}

/// A row that has nothing where it need not have anything.
fn nothing(table: &Table, groups: &[Group]) -> Vec<usize> {
    let is_nothing = |choice: &Vec<Value>| choice.iter().all(|it| *it == Value::Of(None));
    let usual = choices(table, groups, ROWS);
    let places = groups.iter().map(|group| group.choices.iter().position(is_nothing));
    places.zip(usual).map(|(place, usual)| place.unwrap_or(usual)).collect()
}

/// The first row once more, but for its keys.
fn again(table: &Table, groups: &[Group]) -> Vec<usize> {
    let (first, other) = (choices(table, groups, 0), choices(table, groups, ROWS + 1));
    let is_of_key = groups.iter().map(|group| is_of_key(table, group));
    let both = first.into_iter().zip(other).zip(is_of_key);
    both.map(|((first, other), is_of_key)| if is_of_key { other } else { first }).collect()
}

/// Whether a sequence gives the values.
fn counts(group: &Group) -> bool {
    group.choices.first().is_some_and(|first| *first == [Value::Default])
}

fn is_of_key(table: &Table, group: &Group) -> bool {
    table.keys.iter().any(|key| key.columns.iter().any(|name| group.columns.contains(name)))
}

/// Whether the values are those of a key, here or elsewhere.
fn is_bound(table: &Table, group: &Group) -> bool {
    let mut references = table.references.iter();
    is_of_key(table, group)
        || references.any(|it| it.columns.iter().any(|name| group.columns.contains(name)))
}

/// Puts rows in, if Postgres refuses none of them: mostly it doesn't, and one message is sent
/// instead of many.
async fn are_accepted(
    attempts: &mut Attempts<'_>,
    table: &Table,
    groups: &[Group],
    rows: &[Vec<usize>],
) -> Result<bool> {
    let statements = rows.iter().map(|chosen| statement(table, groups, chosen));
    let statements = statements.collect::<Vec<_>>().join("; ");
    let done = attempts.write(&statements).await?;
    let are_accepted = done.is_ok_and(|done| done.rows_affected() == rows.len() as u64);
    if !are_accepted {
        attempts.take_back();
    }
    Ok(are_accepted)
}

/// Puts one row in, with other values as long as Postgres refuses it, or returns what it says.
async fn insert(
    attempts: &mut Attempts<'_>,
    table: &Table,
    groups: &[Group],
    mut chosen: Vec<usize>,
) -> Result<Result<(), String>> {
    let mut said = String::new();
    for attempt in 0..TRIES {
        let error = match attempts.write(&statement(table, groups, &chosen)).await? {
            Ok(done) if done.rows_affected() > 0 => return Ok(Ok(())),
            Ok(_) => {
                attempts.take_back();
                None
            }
            Err(error) => Some(error),
        };
        let suspects = match &error {
            None => {
                "a trigger or a rule takes the row away".clone_into(&mut said);
                Vec::new()
            }
            Some(error) => {
                let refusal = error.as_database_error();
                let refusal = refusal.and_then(|it| it.try_downcast_ref::<PgDatabaseError>());
                let Some(refusal) = refusal else { return Err(failed(error.to_string())) };
                said = format!("{}: {}", refusal.code(), refusal.message());
                suspects(table, refusal)
            }
        };
        let is_suspect = |group: &&Group| {
            suspects.is_empty() || group.columns.iter().any(|name| suspects.contains(name))
        };
        let places = groups.iter().enumerate().filter(|(_, group)| is_suspect(group));
        let places: Vec<_> = places.filter(|(_, it)| has_others(it)).map(|(at, _)| at).collect();
        // Nothing else can be tried, or it took too long.
        let [_, ..] = places.as_slice() else { break };
        if said.starts_with("57014") {
            break;
        }
        chosen[places[attempt % places.len()]] += 1;
    }
    Ok(Err(said))
}

/// Whether another try may have another value: a sequence goes on by itself.
fn has_others(group: &Group) -> bool {
    group.choices.len() > 1 || group.choices == [[Value::Default]]
}

/// The columns of what refuses a row, as far as Postgres names it.
fn suspects(table: &Table, refusal: &PgDatabaseError) -> Vec<String> {
    let column = refusal.column().filter(|_| refusal.table().is_some());
    if let Some(column) = column {
        let is_it = |name: &&String| name.trim_matches('"') == column;
        return table.columns.iter().map(|it| &it.name).filter(is_it).cloned().collect();
    }
    let Some(name) = refusal.constraint() else { return Vec::new() };
    let conditions = table.conditions.iter().map(|it| (&it.name, &it.columns));
    let references = table.references.iter().map(|it| (&it.name, &it.columns));
    let keys = table.keys.iter().map(|it| (&it.name, &it.columns));
    let named = conditions.chain(references).chain(keys).filter(|(its, _)| *its == name);
    named.flat_map(|(_, columns)| columns.iter().cloned()).collect()
}

fn statement(table: &Table, groups: &[Group], chosen: &[usize]) -> String {
    let mut names = Vec::new();
    let mut values = Vec::new();
    for (group, chosen) in groups.iter().zip(chosen) {
        // NULL and defaults come last: they are for when nothing else will do.
        let choice = &group.choices[chosen % group.choices.len()];
        for (name, value) in group.columns.iter().zip(choice) {
            names.push(name.as_str());
            values.push(match (value, table.column(name)) {
                (Value::Of(Some(text)), Some(column)) => {
                    format!("{}::{}", literal(text), column.of_type)
                }
                (Value::Of(_), _) => "NULL".to_owned(),
                (Value::Default, _) => "DEFAULT".to_owned(),
            });
        }
    }
    if names.is_empty() {
        return format!("INSERT INTO {} DEFAULT VALUES", table.name);
    }
    format!("INSERT INTO {} ({}) VALUES ({})", table.name, names.join(", "), values.join(", "))
}

/// The values of a key, two for each of its columns, in all combinations that are not there.
async fn crossed(attempts: &mut Attempts<'_>, table: &Table, key: &Key) -> Result<Vec<Vec<Cell>>> {
    let is_ours = key.columns.iter().all(|name| table.column(name).is_some());
    if !is_ours || key.columns.len() > KEY_COLUMNS_MAX {
        return Ok(Vec::new());
    }
    let texts = key.columns.iter().map(|name| format!("{name}::text")).collect::<Vec<_>>();
    let query = format!("SELECT {} FROM {} LIMIT {LOOKED_AT}", texts.join(", "), table.name);
    let there = attempts.ask(&query).await?.unwrap_or_default();
    Ok(combined(&there, key.columns.len()))
}

/// All combinations of two values for each of some columns, without those that are there.
fn combined(there: &[Vec<Cell>], columns: usize) -> Vec<Vec<Cell>> {
    let two = |place: usize| {
        let values: BTreeSet<&Cell> =
            there.iter().map(|row| &row[place]).filter(|cell| cell.is_some()).collect();
        // Of the rows that are there first, because what goes with them is known to be accepted.
        let mut ordered: Vec<&Cell> = Vec::new();
        for row in there {
            if values.contains(&row[place]) && !ordered.contains(&&row[place]) {
                ordered.push(&row[place]);
            }
        }
        ordered.truncate(2);
        ordered
    };
    let mut combinations: Vec<Vec<Cell>> = vec![Vec::new()];
    for place in 0..columns {
        let values = two(place);
        let longer = combinations.iter().flat_map(|start| {
            let with = |value: &&Cell| [start, slice::from_ref(*value)].concat();
            values.iter().map(with).collect::<Vec<_>>()
        });
        combinations = longer.collect();
    }
    combinations.retain(|row| !there.contains(row));
    combinations
}

/// A group whose columns have the values that they have in a row of a key, if they are of it.
fn bound(group: &Group, key: &Key, row: &[Cell]) -> Group {
    let place = |name: &String| key.columns.iter().position(|column| column == name);
    let fixed: Vec<Option<&Cell>> =
        group.columns.iter().map(|name| place(name).map(|place| &row[place])).collect();
    let agrees = |choice: &&Vec<Value>| {
        let pairs = choice.iter().zip(&fixed);
        pairs.into_iter().all(|(value, fixed)| {
            fixed.is_none_or(|fixed| matches!(value, Value::Of(cell) if cell == fixed))
        })
    };
    let mut choices: Vec<_> = group.choices.iter().filter(agrees).cloned().collect();
    if choices.is_empty() {
        let changed = group.choices[0].iter().zip(&fixed).map(|(value, fixed)| match fixed {
            Some(fixed) => Value::Of((*fixed).clone()),
            None => value.clone(),
        });
        choices.push(changed.collect());
    }
    Group { columns: group.columns.clone(), choices }
}

#[cfg(test)]
mod tests {
    use super::*;
    use pretty_assertions::assert_eq;

    fn cells(row: &str) -> Vec<Cell> {
        row.split(' ').map(|value| (value != "-").then(|| value.to_owned())).collect()
    }

    #[test]
    fn rows_share_half_of_a_key() {
        let check = |there: &[&str], expect: &[&str]| {
            let there: Vec<_> = there.iter().map(|row| cells(row)).collect();
            let expect: Vec<_> = expect.iter().map(|row| cells(row)).collect();
            assert_eq!(combined(&there, 2), expect);
        };
        check(&["1 a", "2 b", "3 c"], &["1 b", "2 a"]);
        check(&["1 a", "1 b"], &[]);
        check(&["- a", "1 b"], &["1 a"]);
        check(&[], &[]);
    }

    #[test]
    fn a_group_is_bound_to_a_key() {
        let key = Key { name: String::new(), columns: vec!["a".to_owned()], is_plain: true };
        let choices = |rows: &[&str]| -> Vec<Vec<Value>> {
            rows.iter().map(|row| cells(row).into_iter().map(Value::Of).collect()).collect()
        };
        let columns = vec!["a".to_owned(), "b".to_owned()];
        let group = Group { columns, choices: choices(&["1 x", "2 y", "1 z"]) };
        assert_eq!(bound(&group, &key, &cells("1")).choices, choices(&["1 x", "1 z"]));
        assert_eq!(bound(&group, &key, &cells("3")).choices, choices(&["3 x"]));
    }
}
