//! Reads rows in two round trips: what there is, then one message with a statement for each table
//! that isn't empty and for each sequence that doesn't tell its position otherwise.

use super::{Position, Rows, TableRows};
use crate::error::sqlstate;
use crate::{Error, Result, catalog};
use sqlx::{
    AssertSqlSafe, Row as _, ValueRef as _,
    postgres::{PgConnection, PgRow},
};
use std::str::FromStr;

const TABLES: &str = include_str!("tables.sql");

/// One snapshot for a message. Row security is off so that it raises an error where it would hide
/// rows; the rest are settings that only the text of values depends on.
const PINS: &str = "
set transaction isolation level repeatable read, read only;
set local row_security = off;
set local lc_monetary = 'C';
set local xmlbinary = 'base64';
";

/// Only on somebody else's server do we read as anybody else than a superuser.
const DENIED: &str = "what the chain denies even to the owner, as FORCE ROW LEVEL SECURITY does, \
                      only a superuser can read: name one in the server's URL, or play it with \
                      --server native";

/// A table or sequence, as `tables.sql` lists it.
struct Listed<'a> {
    name: &'a str,
    is_table: bool,
    is_empty: bool,
    file: u32,
    last_value: Option<i64>,
    owned_by: Option<&'a str>,
    columns: Vec<String>,
}

impl Rows {
    /// Reads all rows. The connection must not be inside a transaction: the pinned settings would
    /// last until its end.
    pub(crate) async fn read(connection: &mut PgConnection) -> Result<Self> {
        Self::read_ignoring(connection, |_, _| false).await
    }

    /// Reads all rows, leaving out of the digest of contents the columns, given as table and
    /// column, that `ignored` says yes to.
    pub(crate) async fn read_ignoring(
        connection: &mut PgConnection,
        ignored: impl Fn(&str, &str) -> bool,
    ) -> Result<Self> {
        Self::read_listed(connection, ignored, |_| true).await
    }

    /// Reads, as `read_ignoring` does, only those tables that have columns which are ignored.
    pub(crate) async fn read_where_ignoring(
        connection: &mut PgConnection,
        ignored: impl Fn(&str, &str) -> bool,
    ) -> Result<Self> {
        let has_ignored = |one: &Listed<'_>| {
            one.is_table && one.columns.iter().any(|column| ignored(one.name, column))
        };
        Self::read_listed(connection, &ignored, has_ignored).await
    }

    async fn read_listed(
        connection: &mut PgConnection,
        ignored: impl Fn(&str, &str) -> bool,
        is_wanted: impl Fn(&Listed<'_>) -> bool,
    ) -> Result<Self> {
        let listed_rows = send(connection, TABLES.to_owned()).await?;
        let mut listed = listed_rows.iter().map(listed).collect::<Result<Vec<_>>>()?;
        listed.retain(is_wanted);
        let mut rows = Self::default();
        let mut message = String::new();
        for (number, one) in listed.iter().enumerate() {
            if one.is_table {
                let table = TableRows { file: one.file, ..TableRows::default() };
                rows.tables.insert(one.name.to_owned(), table);
                if !one.is_empty {
                    message += &digest(number, one, &ignored);
                }
            } else if let Some(last_value) = one.last_value {
                rows.sequences.insert(one.name.to_owned(), one.at(last_value, true));
            } else {
                let name = one.name;
                message +=
                    &format!("select {number}, last_value, is_called, null from only {name};\n");
            }
        }
        if message.is_empty() {
            return Ok(rows);
        }
        for row in &send(connection, message).await? {
            let one = &listed[number::<usize>(row, 0)?];
            if one.is_table {
                let table = rows.tables.entry(one.name.to_owned()).or_default();
                table.count = number(row, 1)?;
                table.contents = number(row, 2)?;
                table.physical = number(row, 3)?;
            } else {
                let position = one.at(number(row, 1)?, text(row, 2)? == Some("t"));
                rows.sequences.insert(one.name.to_owned(), position);
            }
        }
        Ok(rows)
    }
}

impl Listed<'_> {
    fn at(&self, last_value: i64, is_called: bool) -> Position {
        Position { last_value, is_called, owned_by: self.owned_by.map(str::to_owned) }
    }
}

fn listed(row: &PgRow) -> Result<Listed<'_>> {
    let columns = text(row, 6)?.unwrap_or("[]");
    Ok(Listed {
        name: text(row, 1)?.unwrap_or_default(),
        is_table: text(row, 0)? == Some("table"),
        is_empty: text(row, 2)? == Some("false"),
        // A view of the catalog during a rewrite has none.
        file: if text(row, 3)?.is_some() { number(row, 3)? } else { 0 },
        last_value: if text(row, 4)?.is_some() { Some(number(row, 4)?) } else { None },
        owned_by: text(row, 5)?,
        columns: serde_json::from_str(columns).map_err(failed)?,
    })
}

/// The statement that counts and digests a table.
///
/// Sums don't depend on the order of rows, and unlike an exclusive or they don't cancel out equal
/// ones. `only`: rows of inheriting tables are theirs. Transaction numbers seed the hash of places,
/// which saves a second one.
fn digest(number: usize, table: &Listed<'_>, ignored: &impl Fn(&str, &str) -> bool) -> String {
    let name = table.name;
    let kept: Vec<&String> = table.columns.iter().filter(|column| !ignored(name, column)).collect();
    let row = if kept.len() == table.columns.len() {
        // Not a bare name, which a column of that name would take.
        "(rehearsed.*)".to_owned()
    } else {
        let kept: Vec<String> = kept.iter().map(|column| format!("rehearsed.{column}")).collect();
        format!("row({})", kept.join(", "))
    };
    format!(
        "select {number}, count(*), \
            coalesce(sum(hashtextextended({row}::text collate \"C\", 0)), 0), \
            coalesce(sum(hashtidextended(rehearsed.ctid, rehearsed.xmin::text::bigint)), 0) \
        from only {name} rehearsed;\n"
    )
}

pub(super) async fn send(connection: &mut PgConnection, statements: String) -> Result<Vec<PgRow>> {
    let message = AssertSqlSafe(format!("{PINS}{}{statements}", catalog::PINS));
    sqlx::raw_sql(message).fetch_all(connection).await.map_err(|error| {
        let is_denied = sqlstate(&error) == "42501";
        let failed = failed(error);
        if is_denied { failed.help(DENIED) } else { failed }
    })
}

/// The text of a value, which the simple protocol sends as such whatever its type.
pub(super) fn text(row: &PgRow, index: usize) -> Result<Option<&str>> {
    let value = row.try_get_raw(index).map_err(failed)?;
    if value.is_null() { Ok(None) } else { value.as_str().map(Some).map_err(failed) }
}

pub(super) fn number<N>(row: &PgRow, index: usize) -> Result<N>
where
    N: FromStr<Err: std::error::Error + Send + Sync + 'static>,
{
    text(row, index)?.unwrap_or_default().parse().map_err(|error: N::Err| failed(error))
}

pub(super) fn failed(error: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Error {
    Error::new("failed to read rows").caused_by(error)
}

#[cfg(test)]
mod tests {
    use super::*;
    use pretty_assertions::assert_eq;

    fn check(ignored: &[&str], expect: &str) {
        let table = Listed {
            name: "public.\"T\"",
            is_table: true,
            is_empty: false,
            file: 1,
            last_value: None,
            owned_by: None,
            columns: vec!["id".to_owned(), "\"At\"".to_owned()],
        };
        let statement = digest(7, &table, &|_, column| ignored.contains(&column));
        let hashed = statement.split_once("hashtextextended(").unwrap().1;
        assert_eq!(hashed.split_once("::text").unwrap().0, expect);
    }

    #[test]
    fn ignored_columns_are_left_out_of_the_digest() {
        check(&[], "(rehearsed.*)");
        check(&["\"At\""], "row(rehearsed.id)");
        check(&["id", "\"At\""], "row()");
    }
}
