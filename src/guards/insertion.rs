//! An INSERT, taken apart, and put together again so that it inserts only what is missing.
//!
//! ON CONFLICT needs a key that was there at each run, and takes a value from a sequence even
//! where it then does nothing. A row that is looked for first needs and takes neither.

use crate::sql::{Cursor, Kind, Name, Statement, Token, quoted};

use super::expression::is_volatile;
use super::table::{Column, Table, listed};

/// The parts of an INSERT.
pub(super) struct Insertion<'a> {
    text: &'a str,
    /// Up to the table, or its alias, without the columns.
    head: &'a str,
    into: Name,
    columns: Option<Vec<String>>,
    body: Option<&'a str>,
    /// The values, row by row, where the body is a list of them.
    rows: Option<Vec<Vec<Vec<Token>>>>,
    conflict: Conflict,
    returning: Option<&'a str>,
}

#[derive(Debug, PartialEq, Eq)]
enum Conflict {
    /// Any key, or no such clause at all.
    Any,
    Columns(Vec<String>),
    /// Something else than to leave the row alone, or a part of the rows.
    Other,
}

/// By what a second run would know that a row is there.
pub(super) enum Known {
    Key(String),
    /// By a key of expressions or of some rows, or what is inserted can't be told.
    Perhaps,
    Nothing,
}

/// The INSERT that looks first. Nothing where the text doesn't tell how: then the caller has words.
pub(crate) fn only_missing(text: &str, statement: &Statement, table: &Table) -> Option<String> {
    Insertion::read(text, statement)?.only_missing(table)
}

impl<'a> Insertion<'a> {
    pub(super) fn read(text: &'a str, statement: &Statement) -> Option<Self> {
        if statement.kind != Kind::Insert {
            return None;
        }
        let tokens = statement.tokens(text);
        let mut cursor = Cursor::new(text, &tokens);
        cursor.seek("insert into");
        cursor.eat("insert into");
        let into = cursor.name()?;
        if cursor.eat("as") {
            cursor.identifier()?;
        }
        let up_to = |offset: usize| text[..offset].trim_end().len();
        let head = &text[statement.span.start..end_before(&tokens, cursor.offset())];
        let columns = match cursor.clone().group().filter(|inner| !begins_query(inner)) {
            Some(inner) => {
                cursor.skip();
                Some(
                    inner
                        .list()
                        .into_iter()
                        .map(|item| only_name(text, item))
                        .collect::<Option<_>>()?,
                )
            }
            None => None,
        };
        if cursor.at("overriding") {
            return None;
        }
        let is_default = cursor.at("default values");
        let start = cursor.offset();
        let mut rest = cursor.clone();
        rest.seek_where(|next| is_conflict(next) || next.at("returning"));
        let end = if rest.peek().is_some() {
            end_before(&tokens, rest.offset())
        } else {
            tokens.last()?.span.end
        };
        let of_body: Vec<Token> = tokens
            .iter()
            .filter(|token| (start..end).contains(&token.span.start))
            .cloned()
            .collect();
        let conflict = conflict(text, &rest);
        let returning = rest
            .seek("returning")
            .then(|| &text[rest.offset()..up_to(tokens.last().map_or(0, |token| token.span.end))]);
        Some(Self {
            text,
            head,
            into,
            columns,
            body: (!is_default).then(|| &text[start..end]),
            rows: if is_default { Some(Vec::new()) } else { rows(text, &of_body) },
            conflict,
            returning,
        })
    }

    /// The columns that are given.
    fn columns(&self, table: &Table) -> Option<Vec<String>> {
        if let Some(columns) = &self.columns {
            return Some(columns.clone());
        }
        let width = self.rows.as_ref()?.first().map_or(0, Vec::len);
        let names = table.columns.iter().map(|column| column.name.clone());
        Some(names.take(width).collect())
    }

    /// Whether a row takes a value from a sequence.
    pub(super) fn draws(&self, table: &Table) -> bool {
        let Some(given) = self.columns(table) else { return false };
        table.columns.iter().any(|column| column.draws() && !given.contains(&column.name))
    }

    pub(super) fn known(&self, table: &Table) -> Known {
        let Some(given) = self.columns(table) else {
            return if table.keys.is_empty() { Known::Nothing } else { Known::Perhaps };
        };
        let tells = |name: &String| match given.iter().position(|column| column == name) {
            Some(place) => self.is_constant(place),
            None => table.column(name).is_some_and(Column::is_constant),
        };
        let key = table
            .keys
            .iter()
            .find(|key| key.columns.as_ref().is_some_and(|columns| columns.iter().all(tells)));
        match key {
            Some(key) => Known::Key(key.told.clone()),
            None if table.keys.iter().any(|key| key.columns.is_none()) => Known::Perhaps,
            None => Known::Nothing,
        }
    }

    /// Whether each run gives the same values in this place.
    fn is_constant(&self, place: usize) -> bool {
        self.values(place).all(|value| !is_volatile(self.text, value))
    }

    fn values(&self, place: usize) -> impl Iterator<Item = &[Token]> {
        self.rows.iter().flatten().filter_map(move |row| row.get(place).map(Vec::as_slice))
    }

    fn only_missing(&self, table: &Table) -> Option<String> {
        let columns = self.columns(table)?;
        let even = |rows: &Vec<Vec<_>>| rows.iter().all(|row| row.len() == columns.len());
        let says_default =
            self.rows.iter().flatten().flatten().any(|value| self.is(value, "default"));
        if columns.is_empty() || says_default || !self.rows.as_ref().is_none_or(even) {
            return None;
        }
        let alias = if self.into.name == "v" { "given" } else { "v" };
        let value = |name: &String| {
            let cast = self.cast(&columns, name, table).map(|of_type| format!("::{of_type}"));
            format!("{alias}.{}{}", quoted(name), cast.unwrap_or_default())
        };
        let compared = self.identifying(&columns, table)?.into_iter().map(|name| {
            let operator =
                if self.may_be_null(&columns, &name, table) { "IS NOT DISTINCT FROM" } else { "=" };
            format!("{}.{} {operator} {}", quoted(&self.into.name), quoted(&name), value(&name))
        });
        let compared: Vec<String> = compared.collect();
        let separator = "\n                      AND ";
        let mut sql = format!(
            "{} ({list})\nSELECT {values}\n  FROM ({body}) AS {alias} ({list})\n WHERE NOT EXISTS \
             (SELECT FROM {into}{before}WHERE {compared})",
            self.head,
            list = listed(&columns),
            values = columns.iter().map(value).collect::<Vec<_>>().join(", "),
            body = self.body?,
            into = self.into,
            before = if compared.len() > 1 { "\n                    " } else { " " },
            compared = compared.join(separator),
        );
        if let Some(returning) = self.returning {
            sql = format!("{sql}\n{returning}");
        }
        Some(sql + ";")
    }

    /// The columns by which a row is known: those that ON CONFLICT names, those of a key, or all
    /// that are the same at each run.
    fn identifying(&self, columns: &[String], table: &Table) -> Option<Vec<String>> {
        let constant = |name: &String| {
            columns
                .iter()
                .position(|column| column == name)
                .is_some_and(|place| self.is_constant(place))
        };
        match &self.conflict {
            Conflict::Other => None,
            Conflict::Columns(target) => target.iter().all(constant).then(|| target.clone()),
            Conflict::Any => {
                let mut keys = table.keys.iter().filter_map(|key| key.columns.as_ref());
                let key = keys.find(|key| key.iter().all(constant)).cloned();
                let comparable = |name: &&String| {
                    constant(name) && table.column(name).is_some_and(Column::is_comparable)
                };
                let identifying =
                    key.unwrap_or_else(|| columns.iter().filter(comparable).cloned().collect());
                (!identifying.is_empty()).then_some(identifying)
            }
        }
    }

    /// The type that a column's values lose when they don't stand in the INSERT itself.
    fn cast<'t>(&self, columns: &[String], name: &str, table: &'t Table) -> Option<&'t str> {
        let column = table.column(name)?;
        let place = columns.iter().position(|other| other == name)?;
        let untyped = |token: &Token| {
            let word = &self.text[token.span.clone()];
            word.ends_with('\'') || word.eq_ignore_ascii_case("null")
        };
        let is_number =
            |token: &Token| self.text[token.span.clone()].starts_with(|c: char| c.is_ascii_digit());
        let single = |test: &dyn Fn(&Token) -> bool| {
            self.values(place).any(|value| matches!(value, [token] if test(token)))
        };
        let needed = match &self.rows {
            Some(_) if column.is_text() => single(&is_number),
            Some(_) => single(&untyped) || (!column.is_number() && single(&is_number)),
            None => {
                !column.is_text()
                    && self.body.is_some_and(|body| {
                        body.contains('\'') || body.to_lowercase().contains("null")
                    })
            }
        };
        needed.then_some(column.of_type.as_str())
    }

    fn may_be_null(&self, columns: &[String], name: &str, table: &Table) -> bool {
        let place = columns.iter().position(|column| column == name).unwrap_or(usize::MAX);
        match &self.rows {
            Some(_) => self.values(place).any(|value| self.is(value, "null")),
            None => table.column(name).is_some_and(|column| !column.required),
        }
    }

    fn is(&self, value: &[Token], word: &str) -> bool {
        matches!(value, [token] if self.text[token.span.clone()].eq_ignore_ascii_case(word))
    }
}

/// Where the last token before an offset ends.
fn end_before(tokens: &[Token], offset: usize) -> usize {
    tokens.iter().rev().find(|token| token.span.end <= offset).map_or(0, |token| token.span.end)
}

fn begins_query(cursor: &Cursor<'_>) -> bool {
    cursor.at_group() || ["select", "values", "with", "table"].iter().any(|verb| cursor.at(verb))
}

fn is_conflict(cursor: &Cursor<'_>) -> bool {
    let mut after = cursor.clone();
    after.eat("on conflict") && (after.at_group() || after.at("do") || after.at("on constraint"))
}

fn only_name(text: &str, item: &[Token]) -> Option<String> {
    let mut cursor = Cursor::new(text, item);
    let name = cursor.identifier()?;
    cursor.peek().is_none().then_some(name)
}

fn conflict(text: &str, cursor: &Cursor<'_>) -> Conflict {
    let mut cursor = cursor.clone();
    if !cursor.eat("on conflict") {
        return Conflict::Any;
    }
    let target = cursor.group().map(|group| {
        group.list().into_iter().map(|item| only_name(text, item)).collect::<Option<Vec<_>>>()
    });
    match target {
        _ if !cursor.at("do nothing") => Conflict::Other,
        None => Conflict::Any,
        Some(None) => Conflict::Other,
        Some(Some(columns)) => Conflict::Columns(columns),
    }
}

/// The values of VALUES, row by row.
fn rows(text: &str, body: &[Token]) -> Option<Vec<Vec<Vec<Token>>>> {
    let mut cursor = Cursor::new(text, body);
    if !cursor.eat("values") {
        return None;
    }
    let row = |item: &[Token]| {
        let mut cursor = Cursor::new(text, item);
        let group = cursor.group().filter(|_| cursor.peek().is_none())?;
        Some(group.list().into_iter().map(<[Token]>::to_vec).collect())
    };
    cursor.list().into_iter().map(row).collect()
}

#[cfg(test)]
mod tests {
    use pretty_assertions::assert_eq;

    use super::super::table::Key;
    use super::*;
    use crate::sql::Script;

    fn table(columns: &[(&str, &str)], keys: &[&str]) -> Table {
        let columns = columns.iter().map(|(name, of_type)| Column {
            name: (*name).to_owned(),
            of_type: (*of_type).to_owned(),
            identity: *name == "id",
            ..Column::default()
        });
        let keys = keys.iter().filter_map(|definition| Key::read(definition));
        Table { columns: columns.collect(), keys: keys.collect() }
    }

    fn check(table: &Table, insert: &str, missing: Option<&str>) {
        let script = Script::parse(insert);
        let statement = script.statements().last().expect("a statement");
        assert_eq!(only_missing(insert, statement, table).as_deref(), missing, "{insert}");
    }

    fn teams() -> Table {
        let columns = [("id", "bigint"), ("name", "text"), ("kind", "public.kind"), ("at", "date")];
        table(&columns, &["PRIMARY KEY (id)", "UNIQUE (name)"])
    }

    #[test]
    fn rows_are_looked_for_by_their_key() {
        let instead = "INSERT INTO teams (name)\nSELECT v.name\n  FROM (VALUES ('platform')) AS v \
                       (name)\n WHERE NOT EXISTS (SELECT FROM teams WHERE teams.name = v.name);";
        for clause in ["", " ON CONFLICT DO NOTHING", " ON CONFLICT (name) DO NOTHING"] {
            let insert = format!("INSERT INTO teams (name) VALUES ('platform'){clause};");
            check(&teams(), &insert, Some(instead));
        }
        check(
            &teams(),
            "WITH x AS (SELECT 'a' AS b) INSERT INTO s.teams AS t (name, at) SELECT b, now() \
             FROM x RETURNING id",
            Some(
                "WITH x AS (SELECT 'a' AS b) INSERT INTO s.teams AS t (name, at)\nSELECT v.name, \
                 v.at\n  FROM (SELECT b, now() FROM x) AS v (name, at)\n WHERE NOT EXISTS (SELECT \
                 FROM s.teams WHERE teams.name IS NOT DISTINCT FROM v.name)\nRETURNING id;",
            ),
        );
    }

    #[test]
    fn what_the_insert_would_have_typed_is_cast() {
        check(
            &teams(),
            "INSERT INTO teams (kind, at, name) VALUES ('a', NULL, 'b'), ('c', now(), 'd');",
            Some(
                "INSERT INTO teams (kind, at, name)\nSELECT v.kind::public.kind, v.at::date, v.name\
                 \n  FROM (VALUES ('a', NULL, 'b'), ('c', now(), 'd')) AS v (kind, at, name)\n \
                 WHERE NOT EXISTS (SELECT FROM teams WHERE teams.name = v.name);",
            ),
        );
    }

    #[test]
    fn without_a_key_all_that_stays_the_same_is_compared() {
        check(
            &table(&[("a", "integer"), ("b", "text"), ("c", "json"), ("d", "date")], &[]),
            "INSERT INTO v VALUES (1, NULL, '{}', now());",
            Some(
                "INSERT INTO v (a, b, c, d)\nSELECT given.a, given.b, given.c::json, given.d\n  \
                 FROM (VALUES (1, NULL, '{}', now())) AS given (a, b, c, d)\n WHERE NOT EXISTS \
                 (SELECT FROM v\n                    WHERE v.a = given.a\n                      \
                 AND v.b IS NOT DISTINCT FROM given.b);",
            ),
        );
    }

    #[test]
    fn what_cannot_be_told_is_left_alone() {
        check(&teams(), "INSERT INTO teams DEFAULT VALUES;", None);
        check(&teams(), "INSERT INTO teams (name) VALUES (DEFAULT);", None);
        check(&teams(), "INSERT INTO teams SELECT 1;", None);
        check(&teams(), "INSERT INTO teams (id) OVERRIDING SYSTEM VALUE VALUES (1);", None);
        check(&teams(), "INSERT INTO teams (id) VALUES (nextval('q'));", None);
        check(
            &teams(),
            "INSERT INTO teams (name) VALUES ('a') ON CONFLICT (lower(name)) DO NOTHING;",
            None,
        );
        check(
            &teams(),
            "INSERT INTO teams (name) VALUES ('a') ON CONFLICT (name) DO UPDATE SET at = now();",
            None,
        );
    }
}
