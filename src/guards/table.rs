//! What somebody who looked knows of the table that a statement is about: its columns and the keys
//! by which a row can be known. Plain data, from wherever it was read.

use crate::sql::{Cursor, TokenKind, quoted, tokens};

/// A table as it is in the end.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Table {
    /// In their order.
    pub(crate) columns: Vec<Column>,
    /// The primary key first.
    pub(crate) keys: Vec<Key>,
}

#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Column {
    pub(crate) name: String,
    /// As Postgres spells it, with its schema.
    pub(crate) of_type: String,
    pub(crate) required: bool,
    pub(crate) default: Option<String>,
    pub(crate) identity: bool,
}

/// A unique key, or whatever else keeps two rows from being the same.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Key {
    /// Absent where it is for some rows only, or of expressions.
    pub(crate) columns: Option<Vec<String>>,
    /// `(a, b) WHERE c`.
    pub(crate) told: String,
}

impl Table {
    pub(super) fn column(&self, name: &str) -> Option<&Column> {
        self.columns.iter().find(|column| column.name == name)
    }
}

impl Column {
    /// Whether a row that doesn't give it takes a value from a sequence.
    pub(super) fn draws(&self) -> bool {
        self.identity || self.default.as_ref().is_some_and(|default| default.contains("nextval("))
    }

    /// Whether all rows that don't give it have the same value in it.
    pub(super) fn is_constant(&self) -> bool {
        !self.identity && self.default.as_ref().is_some_and(|default| !default.contains('('))
    }

    pub(super) fn is_text(&self) -> bool {
        ["text", "character varying"].iter().any(|name| self.of_type.starts_with(name))
            && !self.of_type.ends_with("[]")
    }

    pub(super) fn is_number(&self) -> bool {
        ["smallint", "integer", "bigint", "numeric", "real", "double precision"]
            .iter()
            .any(|name| self.of_type.starts_with(name))
            && !self.of_type.ends_with("[]")
    }

    /// Whether two values of it can be compared with `=`.
    pub(super) fn is_comparable(&self) -> bool {
        let element = self.of_type.trim_end_matches("[]");
        !["json", "xml", "point", "box", "line", "lseg", "path", "polygon", "circle"]
            .contains(&element)
    }
}

impl Key {
    /// Reads what Postgres says of a constraint or an index; nothing if it can't be what an
    /// ON CONFLICT looks for.
    pub(crate) fn read(definition: &str) -> Option<Self> {
        let tokens = tokens(definition, 0..definition.len());
        let mut cursor = Cursor::new(definition, &tokens);
        let is_index = cursor.eat("create unique index");
        if !(is_index || cursor.at("unique") || cursor.at("primary key") || cursor.at("exclude")) {
            return None;
        }
        let excludes = cursor.at("exclude");
        if is_index {
            cursor.seek("using");
        }
        cursor.seek_where(Cursor::at_group);
        let start = cursor.offset();
        let columns: Option<Vec<String>> =
            cursor.group()?.list().into_iter().map(|item| column(definition, item)).collect();
        let end = definition[..cursor.offset()].trim_end().len();
        if cursor.clone().seek("deferrable") {
            return None;
        }
        let mut told = definition[start..end].to_owned();
        let partial = cursor.seek("where");
        if partial {
            told = format!("{told} {}", &definition[cursor.offset()..]);
        }
        Some(Self { columns: columns.filter(|_| !partial && !excludes), told })
    }
}

/// The column that an item of a key is, if it isn't an expression.
fn column(text: &str, item: &[crate::sql::Token]) -> Option<String> {
    let mut cursor = Cursor::new(text, item);
    let name = cursor.identifier()?;
    let is_expression = cursor.at_group() || cursor.kind() == Some(TokenKind::Dot);
    (!is_expression).then_some(name)
}

/// Columns as SQL lists them.
pub(super) fn listed(columns: &[String]) -> String {
    columns.iter().map(|column| quoted(column)).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use pretty_assertions::assert_eq;

    use super::*;

    fn check(definition: &str, columns: Option<&[&str]>, told: &str) {
        let columns = columns.map(|names| names.iter().map(|name| (*name).to_owned()).collect());
        let key = Key { columns, told: told.to_owned() };
        assert_eq!(Key::read(definition), Some(key), "{definition}");
    }

    #[test]
    fn keys() {
        check("PRIMARY KEY (a, \"B\")", Some(&["a", "B"]), "(a, \"B\")");
        check("UNIQUE NULLS NOT DISTINCT (a) INCLUDE (b)", Some(&["a"]), "(a)");
        check("CREATE UNIQUE INDEX i ON public.t USING btree (a DESC)", Some(&["a"]), "(a DESC)");
        check(
            "CREATE UNIQUE INDEX i ON public.t USING btree (a) WHERE (b = 'x'::text)",
            None,
            "(a) WHERE (b = 'x'::text)",
        );
        check("CREATE UNIQUE INDEX i ON t USING btree (lower(a))", None, "(lower(a))");
        check("EXCLUDE USING gist (a WITH =)", None, "(a WITH =)");
        for other in ["UNIQUE (a) DEFERRABLE", "CREATE INDEX i ON t USING btree (a)", "CHECK (a)"] {
            assert_eq!(Key::read(other), None, "{other}");
        }
    }
}
