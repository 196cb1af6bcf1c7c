//! # What it proves
//!
//! Rows that the migrations of the chain insert are in the baseline too, and sequences whose table
//! has rows go on where the chain leaves them. Where rows differ, the chain is played once more:
//! columns that it fills with other values each time, such as the time or ids that it makes up, are
//! put aside, with those in which a value names the day; and the rows are compared by what is left
//! of them. Of a small table with a key, that is also what its migrations write into single rows of
//! such a column, and whether there is a value at all. What a materialized view holds is not
//! compared, because it is derived.
//!
//! # Why it matters
//!
//! A baseline made by `pg_dump --schema-only` has no rows. Countries, roles and tariffs that came
//! with migrations are then missing in every new environment, and the first insert into a table
//! whose rows were copied by hand fails on a key that is taken.
//!
//! # Example
//!
//! ```sql
//! INSERT INTO zones (id, name) VALUES (1, 'centre'), (2, 'suburbs');
//! -- Without this, the next zone is given the id 1:
//! SELECT setval('zones_id_seq', 2, true);
//! ```

use std::cmp::Ordering;
use std::collections::BTreeMap;

use super::change::unquoted;
use super::squash::{compared, maker, place_of};
use super::{Check, Finding, Judge, Usual, Verdict};
use crate::config::Level;
use crate::rows::{ColumnChange, Detail, Position, RowChange, Values, listed, quoted_value};
use crate::source::{Migration, Project, Squash};
use crate::sql::{Kind, Statement, literal};
use crate::trace::{Act, FilledAnew, Traces, UnlikePosition, UnlikeRows};

pub(super) const CHECK: Check = Check {
    name: "baseline_rows",
    level: |_| Usual::Deny,
    judge: Judge::Act { act: Act::Baseline, spared: super::without_baseline, judge },
};

/// How many rows of a table are told.
const ROWS_TOLD: usize = 5;

pub(super) fn judge(project: &Project, traces: &Traces) -> Verdict {
    let (squash, compared) = match compared(project, traces) {
        Ok(played) => played,
        Err(skipped) => return skipped,
    };
    let anew = &compared.anew;
    let rows = compared.rows.iter().filter_map(|unlike| of_table(project, squash, unlike, anew));
    let sequences =
        compared.sequences.iter().filter_map(|unlike| of_sequence(project, squash, unlike));
    Verdict::of(rows.chain(sequences).collect(), put_aside(anew))
}

/// What was not compared, and why.
fn put_aside(anew: &FilledAnew) -> Vec<String> {
    let each_time = "each time the chain is played";
    let columns = anew
        .columns
        .iter()
        .flat_map(|(table, columns)| columns.iter().map(move |column| format!("{table}.{column}")));
    let columns = columns.collect::<Vec<_>>();
    let mut remarks = Vec::new();
    if !columns.is_empty() {
        let names = columns.join(", ");
        let are = if columns.len() == 1 { "is" } else { "are" };
        remarks.push(if anew.is_guessed {
            format!("the chain can't be played twice here; by default {names} {are} filled anew")
        } else {
            format!("{names} {are} filled anew {each_time}")
        });
    }
    let tables = anew.tables.iter();
    remarks.extend(tables.map(|table| format!("{table} has another number of rows {each_time}")));
    remarks
}

fn of_table(
    project: &Project,
    squash: &Squash,
    unlike: &UnlikeRows,
    anew: &FilledAnew,
) -> Option<Finding> {
    let UnlikeRows { table, counts: (chain, baseline), details } = unlike;
    let old = &squash.old_side(project).chain.migrations[..squash.squashed];
    let is_aside = |column: &str| anew.has(table, column);
    let again = anew.again.get(table);
    let changes = match (details, again) {
        (Some((before, after)), Some(again)) => {
            let is_written = |value: &str| {
                let value = literal(value);
                old.iter().any(|migration| migration.file.text.contains(&value))
            };
            settled(before, again, after, &anew.columns[table], is_written).changes(after)
        }
        (Some((before, after)), None) => before.without(is_aside).changes(&after.without(is_aside)),
        (None, _) => Vec::new(),
    };
    if again.is_some() && changes.is_empty() && chain == baseline {
        return None;
    }
    let message = match baseline.cmp(chain) {
        Ordering::Less => format!("the baseline lacks {} of {table}", counted(chain - baseline)),
        Ordering::Equal => format!("rows of {table} are not the same in the baseline"),
        Ordering::Greater => {
            let more = counted(baseline - chain);
            format!("the baseline has {more} of {table} that the chain has not")
        }
    };
    let (migration, file) = (squash.baseline(project), squash.baseline(project).file_name());
    let statement = writer(migration, table).or_else(|| maker(migration, table));
    let finding = Finding::new(message);
    let mut finding = finding.in_migration(migration, statement.map(|it| it.span.clone()));
    for change in changes.iter().take(ROWS_TOLD) {
        finding = finding.note(told(change));
    }
    if changes.len() > ROWS_TOLD {
        finding = finding.note(format!("and {} more", counted((changes.len() - ROWS_TOLD) as u64)));
    }
    if changes.is_empty() {
        finding = finding.note(format!("{chain} with the chain, {baseline} with the baseline"));
    }
    if let Some(aside) = anew.columns.get(table) {
        let aside = aside.join(", ");
        finding = finding.note(format!("compared without what each play fills anew: {aside}"));
    }
    for (migration, statement) in writers(old, table, &changes) {
        let place = place_of(migration, statement);
        finding = finding.note(format!("the chain writes there in {place}"));
    }
    let missing = changes.iter().take(ROWS_TOLD).filter_map(|change| match change {
        RowChange::Gone { row } => insert(table, &whole(row, &details.as_ref()?.0)),
        RowChange::New { .. } | RowChange::Changed { .. } => None,
    });
    let missing = missing.collect::<Vec<_>>();
    Some(finding.help(if missing.is_empty() {
        format!("write the rows into {file} as the chain leaves them")
    } else {
        format!("write what is missing into {file}:\n{}", missing.join("\n"))
    }))
}

/// The chain's rows with the baseline's values wherever no other ones can be asked for: in columns
/// that are put aside, where both have a value, but for one that two plays of the chain have in
/// common and its migrations write. Values of a few kinds may come out alike by chance.
fn settled(
    chain: &Detail,
    again: &Detail,
    baseline: &Detail,
    aside: &[String],
    is_written: impl Fn(&str) -> bool,
) -> Detail {
    let place = |of: &Detail, name: &String| of.columns.iter().position(|column| column == name);
    let key = |of: &Detail, row: &[Option<String>]| -> Vec<Option<String>> {
        let places = of.key.iter().filter_map(|name| place(of, name));
        places.map(|place| row[place].clone()).collect()
    };
    let by_key = |of: &Detail| -> BTreeMap<_, Vec<Option<String>>> {
        of.rows.iter().map(|row| (key(of, row), row.clone())).collect()
    };
    let (again_by_key, baseline_by_key) = (by_key(again), by_key(baseline));
    let mut settled = chain.clone();
    for row in &mut settled.rows {
        let key = key(chain, row);
        let (Some(second), Some(theirs)) = (again_by_key.get(&key), baseline_by_key.get(&key))
        else {
            continue;
        };
        for name in aside {
            let places = (place(chain, name), place(again, name), place(baseline, name));
            let (Some(here), Some(then), Some(there)) = places else { continue };
            let is_wanted = match (&row[here], &second[then]) {
                (None, None) => true,
                (Some(one), Some(other)) => {
                    theirs[there].is_none() || (one == other && is_written(one))
                }
                _ => false,
            };
            if !is_wanted {
                row[here].clone_from(&theirs[there]);
            }
        }
    }
    settled
}

fn counted(count: u64) -> String {
    if count == 1 { "1 row".to_owned() } else { format!("{count} rows") }
}

fn told(change: &RowChange) -> String {
    match change {
        RowChange::Gone { row } => format!("missing: {}", listed(row)),
        RowChange::New { row } => format!("only in the baseline: {}", listed(row)),
        RowChange::Changed { key, columns } => {
            let columns = columns.iter().map(|ColumnChange { column, before, after }| {
                let [before, after] = [before, after].map(|it| quoted_value(it.as_deref()));
                format!("{column} {before} in the chain, {after} in the baseline")
            });
            format!("{}: {}", listed(key), columns.collect::<Vec<_>>().join("; "))
        }
    }
}

/// A row of the chain with all of its columns: of those that were not compared, a baseline has the
/// values of one play.
fn whole(row: &Values, chain: &Detail) -> Values {
    let named = |cells: &Vec<Option<String>>| -> Values {
        chain.columns.iter().cloned().zip(cells.iter().cloned()).collect()
    };
    let mut rows = chain.rows.iter().map(named);
    let found = rows.find(|whole| row.iter().all(|value| whole.contains(value)));
    found.unwrap_or_else(|| row.clone())
}

/// The statement that makes a row.
fn insert(table: &str, row: &Values) -> Option<String> {
    let columns = row.iter().map(|(column, _)| column.as_str()).collect::<Vec<_>>().join(", ");
    let is_plain = |value: &str| !value.contains(char::is_control);
    let value = |value: &Option<String>| match value {
        None => Some("NULL".to_owned()),
        Some(text) => is_plain(text).then(|| literal(text)),
    };
    let values = row.iter().map(|(_, it)| value(it)).collect::<Option<Vec<_>>>()?.join(", ");
    Some(format!("INSERT INTO {table} ({columns}) VALUES ({values});"))
}

/// The statements of the chain that write rows to a table: those that name what is missing, as far
/// as their text tells, or else all.
fn writers<'a>(
    chain: &'a [Migration],
    table: &str,
    changes: &[RowChange],
) -> Vec<(&'a Migration, &'a Statement)> {
    let missing = changes.iter().take(ROWS_TOLD).filter_map(|change| match change {
        RowChange::Gone { row } => row.first()?.1.as_deref().map(literal),
        RowChange::New { .. } | RowChange::Changed { .. } => None,
    });
    let missing = missing.collect::<Vec<_>>();
    let all = chain.iter().flat_map(|migration| {
        writing(migration, table).map(move |statement| (migration, statement))
    });
    let all = all.collect::<Vec<_>>();
    let names_it = |(migration, statement): &&(&Migration, &Statement)| {
        let text = &migration.file.text[statement.span.clone()];
        missing.iter().any(|value| text.contains(value))
    };
    let naming = all.iter().filter(names_it).copied().collect::<Vec<_>>();
    if naming.is_empty() { all } else { naming }
}

/// The last statement of a file that writes rows to a table.
fn writer<'a>(migration: &'a Migration, table: &str) -> Option<&'a Statement> {
    writing(migration, table).next_back()
}

fn writing<'a>(
    migration: &'a Migration,
    table: &str,
) -> impl DoubleEndedIterator<Item = &'a Statement> + use<'a> {
    let name = unquoted(table.rsplit_once('.').map_or(table, |(_, name)| name));
    migration.file.script.statements().filter(move |statement| {
        let writes = matches!(
            statement.kind,
            Kind::Insert | Kind::Update | Kind::Delete | Kind::Merge | Kind::CopyFromStdin
        );
        let names = [&statement.table, &statement.name];
        writes && names.into_iter().flatten().any(|named| named.name == name)
    })
}

/// A sequence that would give out again what rows have already. One that has gone further harms
/// nobody, nor one whose table is empty.
fn of_sequence(project: &Project, squash: &Squash, unlike: &UnlikePosition) -> Option<Finding> {
    let UnlikePosition { sequence, positions: (chain, baseline), count } = unlike;
    let next = |it: &Position| it.last_value + i64::from(it.is_called);
    let is_behind = if chain.last_value < 0 {
        next(chain) < next(baseline)
    } else {
        next(chain) > next(baseline)
    };
    // One of an empty table is at its beginning in either case, unless it was given another one.
    let is_set = !chain.is_called;
    if !is_behind || (*count == 0 && baseline.owned_by.is_some() && !is_set) {
        return None;
    }
    let migration = squash.baseline(project);
    let setval = format!(
        "SELECT pg_catalog.setval({}, {}, {});",
        literal(sequence),
        chain.last_value,
        chain.is_called
    );
    let message = format!("sequence {sequence} begins anew in the baseline");
    let owner = baseline.owned_by.as_deref().unwrap_or(sequence);
    let statement = writer(migration, owner).or_else(|| maker(migration, owner));
    let finding = Finding::new(message)
        .in_migration(migration, statement.map(|it| it.span.clone()))
        .note(format!("{chain} with the chain, {baseline} with the baseline"))
        .help(format!("set it behind the rows in {}:\n{setval}", migration.file_name()));
    Some(match &baseline.owned_by {
        Some(_) if *count == 0 => Finding { at_most: Level::Warn, ..finding },
        Some(table) => finding.note(format!(
            "{table} has {} there, and the next one may be given a number that is taken",
            counted(*count)
        )),
        // Whether anything has its numbers, nobody can tell.
        None => Finding { at_most: Level::Warn, ..finding },
    })
}
