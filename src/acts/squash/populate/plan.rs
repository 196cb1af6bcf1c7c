//! What the catalog says of tables: which values their columns may have, and what a row must
//! satisfy.

use std::collections::{BTreeMap, BTreeSet};

use serde::Deserialize;
use sqlx::AssertSqlSafe;
use sqlx::Row as _;
use sqlx::postgres::{PgConnection, PgRow};

pub(super) use super::super::super::attempts::Cell;
use super::candidates::{Type, Types};
use super::constants::Constants;
use crate::sql::literal;
use crate::{Error, Result, catalog};

const TABLES: &str = include_str!("tables.sql");
const TYPES: &str = include_str!("types.sql");

/// How many of a table's rows are taken as samples.
const SAMPLES: usize = 3;

/// An ordinary table, or a partitioned one.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct Table {
    pub(super) name: String,
    /// Whether its own file is not empty, or others may hold rows of it: partitions, and what
    /// inherits from it.
    may_have_rows: bool,
    /// Those that an INSERT may name.
    pub(super) columns: Vec<Column>,
    pub(super) conditions: Vec<Condition>,
    pub(super) references: Vec<Reference>,
    pub(super) keys: Vec<Key>,
    /// How many rows were there before.
    #[serde(skip)]
    pub(super) rows_before: u64,
}

#[derive(Debug, Clone, Deserialize)]
pub(super) struct Column {
    pub(super) name: String,
    #[serde(rename = "type")]
    pub(super) of_type: String,
    type_id: i64,
    modifier: i32,
    pub(super) is_nullable: bool,
    pub(super) default: Option<String>,
    /// Whether a sequence fills it, by default.
    pub(super) counts: bool,
    /// Values that its type takes, NULL last.
    #[serde(skip)]
    pub(super) candidates: Vec<Cell>,
}

/// What must not be false.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct Condition {
    pub(super) name: String,
    pub(super) columns: Vec<String>,
    pub(super) expression: String,
}

#[derive(Debug, Clone, Deserialize)]
pub(super) struct Reference {
    pub(super) name: String,
    pub(super) columns: Vec<String>,
    pub(super) table: String,
    pub(super) their_columns: Vec<String>,
}

/// What keeps rows apart: a unique index, or that of an exclusion.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct Key {
    pub(super) name: String,
    pub(super) columns: Vec<String>,
    /// A unique index, of columns alone.
    pub(super) is_plain: bool,
}

impl Table {
    pub(super) fn column(&self, name: &str) -> Option<&Column> {
        self.columns.iter().find(|column| column.name == name)
    }

    /// Whether a row can't do without one of the table to which it refers.
    pub(super) fn needs(&self, reference: &Reference) -> bool {
        let mut columns = reference.columns.iter().map(|name| self.column(name));
        columns.all(|column| column.is_none_or(|column| !column.is_nullable))
    }
}

/// Reads the tables, and finds out which values their columns take.
pub(super) async fn read(connection: &mut PgConnection) -> Result<Vec<Table>> {
    let mut tables: Vec<Table> = documents(connection, TABLES).await?;
    let types: Vec<Type> = documents(connection, TYPES).await?;
    let types = Types::new(types);
    let mut read = samples(connection, &tables).await?.into_iter();
    for table in &mut tables {
        let of_table = if table.may_have_rows { read.next() } else { None };
        let (count, samples) = of_table.unwrap_or_default();
        table.rows_before = count;
        for (place, column) in table.columns.iter_mut().enumerate() {
            let about = table.conditions.iter().filter(|it| it.columns.contains(&column.name));
            // The condition of a hash has the number of its table, which is another one each time.
            let about = about.map(|it| it.expression.as_str());
            let about = about.filter(|it| !it.contains("satisfies_hash_partition"));
            let texts = about.chain(column.default.as_deref());
            let constants = Constants::of(texts);
            let usual = types.candidates(column.type_id, column.modifier, &constants);
            // What a key has already, it doesn't take again.
            let is_key = table.keys.iter().any(|key| key.columns == [column.name.as_str()]);
            let samples = samples.iter().filter(|_| !is_key);
            let there = samples.filter_map(|row| row.get(place).cloned().flatten());
            column.candidates = mixed(usual, there.collect()).into_iter().map(Some).collect();
            if column.is_nullable {
                column.candidates.push(None);
            }
        }
    }
    keep_what_is_accepted(connection, &mut tables).await?;
    Ok(tables)
}

/// Usual values, with those between them that are there already.
fn mixed(usual: Vec<String>, there: Vec<String>) -> Vec<String> {
    let mut there = there.into_iter();
    let mut mixed = Vec::new();
    for value in usual {
        mixed.push(value);
        mixed.extend(there.next());
    }
    mixed.extend(there);
    mixed
}

/// The count of each table's rows, and some of them, for those that may have any.
async fn samples(
    connection: &mut PgConnection,
    tables: &[Table],
) -> Result<Vec<(u64, Vec<Vec<Cell>>)>> {
    let of = |table: &Table| {
        let columns: Vec<_> =
            table.columns.iter().map(|column| format!("rehearsed.{}::text", column.name)).collect();
        let name = &table.name;
        format!(
            "select json_build_array((select count(*) from {name}), (\
                select coalesce(json_agg(array_to_json(array[{}]::text[])), '[]') \
                from (select * from {name} limit {SAMPLES}) rehearsed))::text;\n",
            columns.join(", ")
        )
    };
    let with_rows = tables.iter().filter(|table| table.may_have_rows);
    documents(connection, &with_rows.map(of).collect::<String>()).await
}

/// Takes out of the columns' candidates what the server doesn't take for values of their types, and
/// spells the others as it does.
///
/// A block of code asks for each by itself: there is no other way to learn of a text, on every
/// version, that it isn't one.
async fn keep_what_is_accepted(connection: &mut PgConnection, tables: &mut [Table]) -> Result<()> {
    let all = tables.iter().flat_map(|table| &table.columns);
    let questions: BTreeSet<(String, Cell)> = all.flat_map(questions_of).collect();
    let asked = serde_json::to_string(&questions).map_err(failed)?;
    let block = format!(
        "DECLARE question jsonb; said text; answers jsonb[] := '{{}}';
         BEGIN
           FOR question IN SELECT jsonb_array_elements({}::jsonb) LOOP
             BEGIN
               EXECUTE format('SELECT ($1::%s)::text', question ->> 0)
                  INTO said USING question ->> 1;
               answers := array_append(answers, jsonb_build_array(said));
             EXCEPTION WHEN OTHERS THEN
               answers := array_append(answers, '[]');
             END;
           END LOOP;
           PERFORM set_config('rehearsal.answers', to_jsonb(answers)::text, false);
         END",
        literal(&asked)
    );
    crate::server::run(connection, &format!("DO {}", literal(&block))).await?;
    let answers = crate::server::value(connection, "SHOW rehearsal.answers").await?;
    let answers: Vec<Vec<Cell>> = serde_json::from_str(&answers).map_err(failed)?;
    let answers: BTreeMap<_, _> = questions.into_iter().zip(answers).collect();
    for column in tables.iter_mut().flat_map(|table| &mut table.columns) {
        let mut known = BTreeSet::new();
        let accepted = questions_of(column).filter_map(|question| answers.get(&question)).flatten();
        column.candidates = accepted.filter(|it| known.insert((*it).clone())).cloned().collect();
    }
    Ok(())
}

/// A column's candidates, each with the type whose value it may be.
fn questions_of(column: &Column) -> impl Iterator<Item = (String, Cell)> {
    column.candidates.iter().map(|candidate| (column.of_type.clone(), candidate.clone()))
}

/// The JSON documents that some statements give, one in each row.
async fn documents<T: for<'a> Deserialize<'a>>(
    connection: &mut PgConnection,
    statements: &str,
) -> Result<Vec<T>> {
    // The pinned settings last until the end of the message.
    let message = format!("{}{statements}", catalog::PINS);
    let rows = sqlx::raw_sql(AssertSqlSafe(message)).fetch_all(connection).await.map_err(failed)?;
    let document = |row: &PgRow| {
        let value = row.try_get_raw(0).map_err(failed)?;
        let text = value.as_str().map_err(failed)?;
        serde_json::from_str(text).map_err(failed)
    };
    rows.iter().map(document).collect()
}

pub(super) fn failed(error: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Error {
    Error::new("failed to make up rows").caused_by(error)
}
