//! Reads a catalog: all queries in one message of the simple protocol, hence one round trip.
//!
//! The message is a transaction of its own, which ends after an error too.

use super::{
    kinds::{SOURCES, Source},
    model::{Catalog, Identity, Object},
};
use crate::{Error, Result};
use sqlx::{
    AssertSqlSafe, Row as _,
    postgres::{PgConnection, PgRow},
};

/// Put in front of every message that reads. A message of several statements is a transaction, with
/// whose end these settings end too: the session is left as it was.
///
/// What the text of names, expressions and values depends on. Temporary objects come last, where
/// they can't stand in front of those of `pg_catalog`; user objects are in no schema of the path,
/// so that their names are qualified. Compiling queries that run for a millisecond costs more
/// than it gains.
pub(crate) const PINS: &str = "
set local search_path = pg_catalog, pg_temp;
set local timezone = 'UTC';
set local datestyle = 'ISO, YMD';
set local intervalstyle = 'iso_8601';
set local extra_float_digits = 1;
set local bytea_output = 'hex';
set local quote_all_identifiers = off;
set local jit = off;
";

/// One snapshot for all queries, so that what another session does meanwhile shows wholly or not
/// at all.
const OWN_TRANSACTION: &str = "set transaction isolation level repeatable read, read only;";

impl Catalog {
    /// Reads the catalog of the database. The connection must not be inside a transaction: the
    /// pinned settings would last until its end.
    pub(crate) async fn read_from(connection: &mut PgConnection) -> Result<Self> {
        let queries: String = SOURCES.iter().map(|source: &Source| source.sql).collect();
        let message = format!("{OWN_TRANSACTION}{PINS}{queries}");
        let failed = |error| Error::new("failed to read the catalog").caused_by(error);
        let rows = sqlx::raw_sql(AssertSqlSafe(message)).fetch_all(connection).await;
        let mut catalog = Self::default();
        for row in &rows.map_err(failed)? {
            let column = |index| text(row, index).map_err(failed);
            catalog.add(column(0)?, column(1)?, attributes(column(2)?))?;
        }
        Ok(catalog)
    }

    fn add(&mut self, kind: &str, name: &str, attributes: Vec<(String, String)>) -> Result<()> {
        if let Some(kind) = kind.strip_prefix("attributes of ") {
            // Of an object that no query names, such as an extension's, none is told.
            let object = Identity::new(kind, name).and_then(|id| self.objects.get_mut(&id));
            if let Some(object) = object {
                object.attributes.extend(attributes);
            }
            return Ok(());
        }
        let Some(identity) = Identity::new(kind, name) else {
            return Err(Error::new(format!("the catalog query of {kind} {name} isn't registered")));
        };
        match self.objects.insert(identity, Object { attributes }) {
            None => Ok(()),
            Some(_) => Err(Error::new(format!("the catalog holds {kind} {name} twice"))),
        }
    }
}

/// The text of a column, none of which is ever null. Decoding by type would cost a lookup per
/// value, and sqlx takes a quoted "NULL" within an array for a null.
fn text(row: &PgRow, index: usize) -> sqlx::Result<&str> {
    row.try_get_raw(index)?.as_str().map_err(sqlx::Error::Decode)
}

/// Names and values out of an array in Postgres' text form, without the absent ones.
fn attributes(array: &str) -> Vec<(String, String)> {
    let mut elements = elements(array).into_iter();
    let mut attributes = Vec::new();
    while let (Some(name), Some(value)) = (elements.next(), elements.next()) {
        if let (Some(name), Some(value)) = (name, value) {
            attributes.push((name, value));
        }
    }
    attributes
}

/// The elements of `{version,1.0,comment,"a \"b\"",schema,NULL}`; only an unquoted NULL is null.
fn elements(array: &str) -> Vec<Option<String>> {
    let inner = array.strip_prefix('{').and_then(|rest| rest.strip_suffix('}')).unwrap_or_default();
    let mut elements = Vec::new();
    let mut rest = inner.chars();
    while !rest.as_str().is_empty() {
        let quoted = rest.as_str().starts_with('"');
        let mut element = String::new();
        if quoted {
            rest.next();
        }
        while let Some(char) = rest.next() {
            match char {
                '\\' => element.extend(rest.next()),
                '"' if quoted => {
                    // The comma behind it.
                    rest.next();
                    break;
                }
                ',' if !quoted => break,
                char => element.push(char),
            }
        }
        elements.push((quoted || element != "NULL").then_some(element));
    }
    elements
}

#[cfg(test)]
mod tests {
    use super::*;
    use pretty_assertions::assert_eq;

    fn check(array: &str, expect: &[(&str, &str)]) {
        let expect: Vec<(String, String)> =
            expect.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        assert_eq!(attributes(array), expect);
    }

    #[test]
    fn attributes_are_read_from_arrays() {
        check("{}", &[]);
        check("{version,1.0,schema,public}", &[("version", "1.0"), ("schema", "public")]);
        check("{type,text,default,NULL}", &[("type", "text")]);
        check(r#"{default,"NULL"}"#, &[("default", "NULL")]);
        check(
            r#"{comment,"",default,"'a, \"b\" \\\\ {c}'"}"#,
            &[("comment", ""), ("default", r#"'a, "b" \\ {c}'"#)],
        );
    }
}
