//! Names as Postgres understands them: folded, without quotes, cut to what a catalog can hold.

use std::fmt;

use squawk_lexer::TokenKind;

/// How many bytes of a name Postgres keeps (`NAMEDATALEN - 1`).
pub(crate) const LENGTH_MAX: usize = 63;

/// The name of an object, with its schema where the statement gives one.
///
/// Displayed as it can be pasted into SQL, with quotes only where they are needed.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct Name {
    pub(crate) schema: Option<String>,
    pub(crate) name: String,
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(schema) = &self.schema {
            write!(f, "{}.", quoted(schema))?;
        }
        f.write_str(&quoted(&self.name))
    }
}

/// An identifier as SQL: in double quotes only if it would be read as something else without them.
pub(crate) fn quoted(identifier: &str) -> String {
    let plain = identifier.starts_with(|c: char| c.is_ascii_lowercase() || c == '_')
        && identifier.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_')
        && !is_keyword(identifier);
    if plain { identifier.to_owned() } else { format!("\"{}\"", identifier.replace('"', "\"\"")) }
}

/// Whether a word without quotes means something else than a name in some places.
pub(crate) fn is_keyword(word: &str) -> bool {
    KEYWORDS.binary_search(&word).is_ok()
}

/// A string as an SQL literal.
pub(crate) fn literal(string: &str) -> String {
    let escape = if string.contains('\\') { "E" } else { "" };
    format!("{escape}'{}'", string.replace('\\', "\\\\").replace('\'', "''"))
}

/// An identifier token as Postgres stores it; nothing if the token isn't an identifier.
pub(crate) fn folded(kind: TokenKind, word: &str) -> Option<String> {
    let identifier = match kind {
        // Postgres folds only ASCII where the encoding has several bytes per character.
        TokenKind::Ident => word.to_ascii_lowercase(),
        TokenKind::QuotedIdent { terminated: true, uescape } => {
            let quote = word.find('"')?;
            let inner = word[quote + 1..word.len() - 1].replace("\"\"", "\"");
            if uescape { unescaped(&inner) } else { inner }
        }
        _ => return None,
    };
    Some(truncated(&identifier, LENGTH_MAX).to_owned())
}

/// The longest start of an identifier that fits, never half a character.
pub(crate) fn truncated(identifier: &str, length_max: usize) -> &str {
    &identifier[..identifier.floor_char_boundary(length_max)]
}

/// What the escapes of a `U&"…"` identifier stand for. A `UESCAPE` clause is nobody's habit.
fn unescaped(inner: &str) -> String {
    let mut identifier = String::new();
    let mut rest = inner;
    while let Some(backslash) = rest.find('\\') {
        identifier.push_str(&rest[..backslash]);
        rest = &rest[backslash + 1..];
        let (skipped, digits) = if rest.starts_with('+') { (1, 6) } else { (0, 4) };
        let character = rest
            .get(skipped..skipped + digits)
            .and_then(|code| u32::from_str_radix(code, 16).ok())
            .and_then(char::from_u32);
        if let Some(character) = character {
            identifier.push(character);
            rest = &rest[skipped + digits..];
        } else {
            identifier.push('\\');
            rest = rest.strip_prefix('\\').unwrap_or(rest);
        }
    }
    identifier + rest
}

/// Every keyword of Postgres 14 to 19 that isn't a name everywhere (`pg_get_keywords()` where
/// `catcode <> 'U'`): the ones that `quote_ident` puts into quotes. Sorted.
const KEYWORDS: &[&str] = &[
    "all",
    "analyse",
    "analyze",
    "and",
    "any",
    "array",
    "as",
    "asc",
    "asymmetric",
    "authorization",
    "between",
    "bigint",
    "binary",
    "bit",
    "boolean",
    "both",
    "case",
    "cast",
    "char",
    "character",
    "check",
    "coalesce",
    "collate",
    "collation",
    "column",
    "concurrently",
    "constraint",
    "create",
    "cross",
    "current_catalog",
    "current_date",
    "current_role",
    "current_schema",
    "current_time",
    "current_timestamp",
    "current_user",
    "dec",
    "decimal",
    "default",
    "deferrable",
    "desc",
    "distinct",
    "do",
    "else",
    "end",
    "except",
    "exists",
    "extract",
    "false",
    "fetch",
    "float",
    "for",
    "foreign",
    "freeze",
    "from",
    "full",
    "grant",
    "graph_table",
    "greatest",
    "group",
    "grouping",
    "having",
    "ilike",
    "in",
    "initially",
    "inner",
    "inout",
    "int",
    "integer",
    "intersect",
    "interval",
    "into",
    "is",
    "isnull",
    "join",
    "json",
    "json_array",
    "json_arrayagg",
    "json_exists",
    "json_object",
    "json_objectagg",
    "json_query",
    "json_scalar",
    "json_serialize",
    "json_table",
    "json_value",
    "lateral",
    "leading",
    "least",
    "left",
    "like",
    "limit",
    "localtime",
    "localtimestamp",
    "merge_action",
    "national",
    "natural",
    "nchar",
    "none",
    "normalize",
    "not",
    "notnull",
    "null",
    "nullif",
    "numeric",
    "offset",
    "on",
    "only",
    "or",
    "order",
    "out",
    "outer",
    "overlaps",
    "overlay",
    "placing",
    "position",
    "precision",
    "primary",
    "real",
    "references",
    "returning",
    "right",
    "row",
    "select",
    "session_user",
    "setof",
    "similar",
    "smallint",
    "some",
    "substring",
    "symmetric",
    "system_user",
    "table",
    "tablesample",
    "then",
    "time",
    "timestamp",
    "to",
    "trailing",
    "treat",
    "trim",
    "true",
    "union",
    "unique",
    "user",
    "using",
    "values",
    "varchar",
    "variadic",
    "verbose",
    "when",
    "where",
    "window",
    "with",
    "xmlattributes",
    "xmlconcat",
    "xmlelement",
    "xmlexists",
    "xmlforest",
    "xmlnamespaces",
    "xmlparse",
    "xmlpi",
    "xmlroot",
    "xmlserialize",
    "xmltable",
];

#[cfg(test)]
mod tests {
    use pretty_assertions::assert_eq;

    use super::*;
    use crate::sql::tokens::{Cursor, tokens};

    /// What a name in a script reads as, once understood and written again.
    fn check(name: &str, expect: &str) {
        let tokens = tokens(name, 0..name.len());
        let read = Cursor::new(name, &tokens).name().map(|name| name.to_string());
        assert_eq!(read.as_deref().unwrap_or("none"), expect, "{name}");
    }

    #[test]
    fn names_are_folded_and_quoted_only_where_needed() {
        check("Users", "users");
        check("\"users\"", "users");
        check("\"Users\"", "\"Users\"");
        check("Public . \"Order\"", "public.\"Order\"");
        check("\"order\"", "\"order\"");
        check("app.public.users", "public.users");
        check("\"a\"\"b\"", "\"a\"\"b\"");
        check("\"a.b\".\"c d\"", "\"a.b\".\"c d\"");
        check("a$1", "\"a$1\"");
        check("_a1", "_a1");
        check("\"1a\"", "\"1a\"");
        check("Ärger", "\"Ärger\"");
        check("U&\"d\\0061t\\+000061\"", "data");
        check("U&\"a\\\\b\"", "\"a\\b\"");
        check("U&\"\\zz\"", "\"\\zz\"");
        check("'text'", "none");
        check("\"unterminated", "none");
        check("a.", "none");
        check("", "none");
    }

    #[test]
    fn names_are_cut_at_63_bytes_between_characters() {
        check(&"a".repeat(70), &"a".repeat(63));
        check(&"ä".repeat(40), &format!("\"{}\"", "ä".repeat(31)));
    }

    #[test]
    fn literals_survive_quotes_and_backslashes() {
        assert_eq!(literal("it's"), "'it''s'");
        assert_eq!(literal("a\\b"), "E'a\\\\b'");
    }

    #[test]
    fn keywords_are_sorted_as_the_search_expects() {
        assert!(KEYWORDS.is_sorted());
    }
}
