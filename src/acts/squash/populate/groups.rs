//! Columns that something ties to each other, and the values that they may have together.
//!
//! The server joins the candidates of such columns and says which of the rows satisfy the
//! conditions, and are in the tables to which they refer.

use std::collections::BTreeSet;

use super::super::super::attempts::Attempts;
use super::plan::{Cell, Column, Reference, Table};
use crate::Result;
use crate::sql::literal;

/// How many rows of candidates are looked through for a group.
const COMBINATIONS_MAX: usize = 20_000;

/// How many values a group is left with.
const CHOICES_MAX: usize = 64;

/// How many columns can be joined at all.
const COLUMNS_MAX: usize = 14;

/// What a column is given.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Value {
    /// What fills it where nobody does.
    Default,
    Of(Cell),
}

/// Columns and the values that they may have together, at least one.
#[derive(Debug, Clone)]
pub(super) struct Group {
    pub(super) columns: Vec<String>,
    pub(super) choices: Vec<Vec<Value>>,
}

/// The groups of a table. To those tables that are `promised` rows may refer that are yet to come,
/// with the first of the values that their columns may have.
pub(super) async fn of(
    attempts: &mut Attempts<'_>,
    table: &Table,
    others: &[Table],
    promised: &BTreeSet<&str>,
) -> Result<Vec<Group>> {
    let mut groups = Vec::new();
    for columns in tied(table) {
        let columns: Vec<_> =
            table.columns.iter().filter(|column| columns.contains(column.name.as_str())).collect();
        groups.push(group(attempts, table, &columns, others, promised).await?);
    }
    Ok(groups)
}

/// The columns of a table, those together that a condition or a reference names together.
fn tied(table: &Table) -> Vec<BTreeSet<&str>> {
    let conditions = table.conditions.iter().map(|it| &it.columns);
    let ties = conditions.chain(table.references.iter().map(|it| &it.columns));
    let mut groups: Vec<BTreeSet<&str>> =
        table.columns.iter().map(|column| BTreeSet::from([column.name.as_str()])).collect();
    for tie in ties {
        let is_tied = |group: &BTreeSet<&str>| tie.iter().any(|it| group.contains(it.as_str()));
        let (joined, mut rest): (Vec<_>, Vec<_>) = groups.into_iter().partition(is_tied);
        if !joined.is_empty() {
            rest.push(joined.into_iter().flatten().collect());
        }
        groups = rest;
    }
    groups
}

async fn group(
    attempts: &mut Attempts<'_>,
    table: &Table,
    columns: &[&Column],
    others: &[Table],
    promised: &BTreeSet<&str>,
) -> Result<Group> {
    let names: BTreeSet<&str> = columns.iter().map(|column| column.name.as_str()).collect();
    let is_ours = |of: &[String]| of.iter().any(|name| names.contains(name.as_str()));
    let references = table.references.iter().filter(|it| is_ours(&it.columns));
    let is_promised = |reference: &&Reference| promised.contains(reference.table.as_str());
    let (to_come, there): (Vec<&Reference>, Vec<_>) = references.partition(is_promised);
    let mut candidates = Vec::new();
    for column in columns {
        let referring = there.iter().find_map(|reference| their(reference, column));
        if let Some((reference, theirs)) = referring {
            let mut values = referred(attempts, reference, theirs, column).await?;
            // Another column of the reference can be NULL, and then this one may have any value.
            if !column.is_nullable && !table.needs(reference) {
                values.extend(column.candidates.iter().cloned());
            }
            candidates.push(values);
            continue;
        }
        let promise = to_come.iter().find_map(|reference| {
            let (_, name) = their(reference, column)?;
            others.iter().find(|it| it.name == reference.table)?.column(name)
        });
        candidates.push(promise.unwrap_or(column).candidates.clone());
    }
    let conditions: Vec<String> =
        table.conditions.iter().filter(|it| is_ours(&it.columns)).map(condition).collect();
    // What a column alone takes from the table to which it refers is there.
    let is_there = matches!((columns, &conditions[..], &there[..]), ([_], [], [_]));
    let joined = !is_there && (columns.len() > 1 || !(conditions.is_empty() && there.is_empty()));
    let of_rows = there.iter().map(|reference| existence(reference)).collect::<Vec<_>>();
    let mut choices = Vec::new();
    if joined && columns.len() <= COLUMNS_MAX {
        choices = choose(attempts, columns, &candidates, &conditions, &of_rows).await?;
    }
    if choices.is_empty() {
        // Postgres says of these why they won't do.
        choices = beside_each_other(&candidates);
    }
    let mut choices: Vec<Vec<Value>> =
        choices.into_iter().map(|row| row.into_iter().map(Value::Of).collect()).collect();
    if let [column] = columns {
        // What refers to this table has been told its values, where it was promised any.
        let is_told = promised.contains(table.name.as_str());
        if column.counts && !is_told {
            choices.insert(0, vec![Value::Default]);
        } else if column.default.is_some() {
            choices.push(vec![Value::Default]);
        }
    }
    if choices.is_empty() {
        choices.push(vec![Value::Default; columns.len()]);
    }
    let columns = columns.iter().map(|column| column.name.clone()).collect();
    Ok(Group { columns, choices })
}

/// The column to which a column refers.
fn their<'a>(reference: &'a Reference, column: &Column) -> Option<(&'a Reference, &'a str)> {
    let place = reference.columns.iter().position(|name| *name == column.name)?;
    Some((reference, reference.their_columns.get(place)?))
}

fn condition(condition: &super::plan::Condition) -> String {
    format!("({}) IS NOT FALSE", condition.expression)
}

/// The condition that there is a row to which these columns refer.
fn existence(Reference { columns, table, their_columns, .. }: &Reference) -> String {
    let nulls = columns.iter().map(|name| format!("rehearsed.{name} IS NULL"));
    let ours = columns.iter().map(|name| format!("rehearsed.{name}")).collect::<Vec<_>>();
    let theirs = their_columns.iter().map(|name| format!("their.{name}")).collect::<Vec<_>>();
    format!(
        "({} OR ({}) IN (SELECT {} FROM {table} their))",
        nulls.collect::<Vec<_>>().join(" OR "),
        ours.join(", "),
        theirs.join(", ")
    )
}

/// The values to which a column can refer: short ones first, and in no order of a collation, so
/// that every server chooses the same.
async fn referred(
    attempts: &mut Attempts<'_>,
    reference: &Reference,
    theirs: &str,
    column: &Column,
) -> Result<Vec<Cell>> {
    let table = &reference.table;
    let query = format!(
        "SELECT value FROM (SELECT DISTINCT {theirs}::text FROM {table}) list(value) \
          WHERE value IS NOT NULL ORDER BY length(value), value COLLATE \"C\" LIMIT 16"
    );
    let mut values: Vec<Cell> =
        attempts.ask(&query).await?.unwrap_or_default().into_iter().flatten().collect();
    if column.is_nullable {
        values.push(None);
    }
    Ok(values)
}

/// The rows of candidates that satisfy all conditions, those first that have values, and of these
/// those whose values are beside each other. Conditions that are not `of_rows`, those of other
/// tables, many a table has.
async fn choose(
    attempts: &mut Attempts<'_>,
    columns: &[&Column],
    candidates: &[Vec<Cell>],
    conditions: &[String],
    of_rows: &[String],
) -> Result<Vec<Vec<Cell>>> {
    let lists: Vec<Vec<Cell>> =
        candidates.iter().map(|list| shortened(list, each_max(columns.len()))).collect();
    let sources = columns.iter().zip(&lists).enumerate().map(|(place, (column, list))| {
        let cells = list.iter().map(|cell| cell.as_deref().map_or("NULL".to_owned(), literal));
        let cells = cells.collect::<Vec<_>>().join(", ");
        let Column { name, of_type, .. } = column;
        format!(
            "(SELECT value::{of_type} AS {name}, place AS rehearsed_{place} \
                FROM unnest(ARRAY[{cells}]::text[]) WITH ORDINALITY AS list(value, place)) c{place}"
        )
    });
    let sources = sources.collect::<Vec<_>>().join(" CROSS JOIN ");
    let places: Vec<_> = (0..columns.len()).map(|place| format!("rehearsed_{place}")).collect();
    let texts: Vec<_> = columns.iter().map(|column| format!("{}::text", column.name)).collect();
    let (places, texts) = (places.join(", "), texts.join(", "));
    let query = |conditions: &str| {
        format!(
            "SELECT {texts} FROM (SELECT * FROM {sources}) rehearsed WHERE {conditions} \
              ORDER BY num_nulls({texts}), greatest({places}) - least({places}), least({places}), \
                       {places} LIMIT {CHOICES_MAX}"
        )
    };
    let all = [conditions, of_rows].concat();
    let whole = query(&if all.is_empty() { "true".to_owned() } else { all.join(" AND ") });
    let rows = if of_rows.is_empty() {
        attempts.ask_once(whole).await?
    } else {
        attempts.ask(&whole).await?
    };
    if let Some(rows) = rows {
        return Ok(rows);
    }
    // One that can't be asked for here, such as of the whole row, shall not hide the others.
    let mut askable = Vec::new();
    for condition in &all {
        if attempts.ask(&query(condition)).await?.is_some() {
            askable.push(condition.as_str());
        }
    }
    askable.push("true");
    Ok(attempts.ask(&query(&askable.join(" AND "))).await?.unwrap_or_default())
}

/// How many candidates each of some columns can have.
fn each_max(columns: usize) -> usize {
    let of_all = |each: &usize| {
        (0..columns).try_fold(1_usize, |all, _| all.checked_mul(*each)).unwrap_or(usize::MAX)
    };
    (2..=CHOICES_MAX).rev().find(|each| of_all(each) <= COMBINATIONS_MAX).unwrap_or(2)
}

/// The first candidates, and NULL, if that is one.
fn shortened(list: &[Cell], most: usize) -> Vec<Cell> {
    let mut shortened: Vec<_> = list.iter().take(most).cloned().collect();
    if list.len() > most && list.last() == Some(&None) {
        shortened.pop();
        shortened.push(None);
    }
    shortened
}

/// The first candidates of all columns, the second, and so on.
fn beside_each_other(candidates: &[Vec<Cell>]) -> Vec<Vec<Cell>> {
    if candidates.iter().any(Vec::is_empty) {
        return Vec::new();
    }
    let most = candidates.iter().map(Vec::len).max().unwrap_or_default();
    let row = |place: usize| candidates.iter().map(move |list| list[place % list.len()].clone());
    (0..most.min(CHOICES_MAX)).map(|place| row(place).collect()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use pretty_assertions::assert_eq;

    fn cells(values: &[&str]) -> Vec<Cell> {
        values.iter().map(|value| (*value != "-").then(|| (*value).to_owned())).collect()
    }

    #[test]
    fn candidates_are_shortened_but_for_null() {
        assert_eq!(shortened(&cells(&["a", "b", "c", "-"]), 2), cells(&["a", "-"]));
        assert_eq!(shortened(&cells(&["a", "b", "c"]), 2), cells(&["a", "b"]));
        assert_eq!(shortened(&cells(&["a", "-"]), 2), cells(&["a", "-"]));
    }

    #[test]
    fn the_more_columns_the_fewer_candidates() {
        assert_eq!([1, 2, 3, 4, 14].map(each_max), [64, 64, 27, 11, 2]);
    }

    #[test]
    fn without_an_answer_candidates_stand_beside_each_other() {
        let rows = beside_each_other(&[cells(&["a", "b", "c"]), cells(&["1", "2"])]);
        assert_eq!(rows, [cells(&["a", "1"]), cells(&["b", "2"]), cells(&["c", "1"])]);
        assert!(beside_each_other(&[cells(&["a"]), cells(&[])]).is_empty());
    }
}
