//! An UPDATE, or the one of an ON CONFLICT, that writes only the rows that differ.
//!
//! Postgres writes a row anew even where it gets the values that it has, and triggers, replicas and
//! `updated_at` see it.

use crate::sql::{Cursor, Kind, Statement, Token, TokenKind, quoted};

use super::expression::{is_simple, is_volatile};
use super::table::{Column, Table};

/// The statement with a condition that leaves out what is so already. Nothing where the text
/// doesn't tell how: then the caller has words.
pub(crate) fn only_differing(
    text: &str,
    statement: &Statement,
    table: Option<&Table>,
) -> Option<String> {
    let tokens = statement.tokens(text);
    let mut cursor = Cursor::new(text, &tokens);
    let name = assigned(&statement.kind, &mut cursor)?;
    let start = cursor.offset();
    let mut end = cursor.clone();
    end.seek_where(|next| ends(text, &tokens, next));
    let set: Vec<Token> = between(&tokens, start, &end);
    let joins = end.at("from");
    end.seek_where(|next| next.at("where") || next.at("returning"));
    let qualifier = if joins || statement.kind == Kind::Insert { Some(name) } else { None };
    let differs = differs(text, &set, qualifier.as_deref(), table)?;
    let mut returning = end.clone();
    returning.seek("returning");
    let head_end = last_end(&tokens, &returning);
    let mut sql = text[statement.span.start..head_end].to_owned();
    if end.eat("where") {
        if end.at("current of") {
            return None;
        }
        let condition = &text[end.offset()..head_end];
        if Cursor::new(text, &between(&tokens, end.offset(), &returning)).seek("or") {
            sql = format!("{}({condition})", &text[statement.span.start..end.offset()]);
        }
        sql += "\n   AND ";
    } else {
        sql += "\n WHERE ";
    }
    sql += &differs;
    if let Some(token) = returning.peek() {
        sql = format!("{sql}\n{}", &text[token.span.start..tokens.last()?.span.end]);
    }
    Some(sql + ";")
}

/// Whether a statement writes another value at each run, such as the time.
pub(crate) fn is_clocked(text: &str, statement: &Statement) -> bool {
    is_volatile(text, &statement.tokens(text))
}

/// Moves behind SET, and tells by what name the columns are the table's.
fn assigned(kind: &Kind, cursor: &mut Cursor<'_>) -> Option<String> {
    match kind {
        Kind::Update => {
            cursor.seek("update");
            cursor.eat("update");
            cursor.eat("only");
        }
        Kind::Insert => {
            cursor.seek("insert into");
            cursor.eat("insert into");
        }
        _ => return None,
    }
    let table = cursor.name()?;
    cursor.eat_kind(TokenKind::Star);
    let has_alias = cursor.eat("as") || (*kind == Kind::Update && !cursor.at("set"));
    let alias = if has_alias { Some(cursor.identifier()?) } else { None };
    let set = if *kind == Kind::Update { "set" } else { "do update set" };
    let found = cursor.seek(set) && cursor.eat(set);
    found.then_some(alias.unwrap_or(table.name))
}

/// Whether the assignments end here. IS DISTINCT FROM has a FROM of its own.
fn ends(text: &str, tokens: &[Token], cursor: &Cursor<'_>) -> bool {
    let before = tokens.iter().rev().find(|token| token.span.end <= cursor.offset());
    let distinct =
        before.is_some_and(|token| text[token.span.clone()].eq_ignore_ascii_case("distinct"));
    cursor.at("where") || cursor.at("returning") || (cursor.at("from") && !distinct)
}

fn between(tokens: &[Token], start: usize, end: &Cursor<'_>) -> Vec<Token> {
    let end = end.peek().map_or(usize::MAX, |token| token.span.start);
    let inside = |token: &&Token| (start..end).contains(&token.span.start);
    tokens.iter().filter(inside).cloned().collect()
}

/// Where the last token before the cursor's ends.
fn last_end(tokens: &[Token], cursor: &Cursor<'_>) -> usize {
    let end = cursor.peek().map_or(usize::MAX, |token| token.span.start);
    tokens.iter().rev().find(|token| token.span.end <= end).map_or(0, |token| token.span.end)
}

/// The condition. What is another value at each run says nothing about whether a row differs.
fn differs(
    text: &str,
    set: &[Token],
    qualifier: Option<&str>,
    table: Option<&Table>,
) -> Option<String> {
    let (mut clocked, mut counts) = (false, false);
    let mut pairs = Vec::new();
    for item in Cursor::new(text, set).list() {
        let mut cursor = Cursor::new(text, item);
        let name = cursor.identifier()?;
        let assigns = cursor.eat_kind(TokenKind::Eq) && !cursor.at("default");
        let column = table.and_then(|table| table.column(&name));
        if !assigns || !column.is_none_or(Column::is_comparable) {
            return None;
        }
        let value = cursor.rest();
        let sql = &text[value.first()?.span.start..value.last()?.span.end];
        if is_volatile(text, value) {
            clocked = true;
            continue;
        }
        counts |= reads(text, value, &quoted(&name));
        let prefix = qualifier.map(|name| format!("{}.", quoted(name))).unwrap_or_default();
        pairs.push((format!("{prefix}{}", quoted(&name)), sql, is_simple(text, value)));
    }
    // `SET number = number + 1, at = now()` is meant each time.
    if clocked && counts {
        return None;
    }
    match pairs.as_slice() {
        [] => None,
        [(column, value, true)] => Some(format!("{column} IS DISTINCT FROM {value}")),
        [(column, value, false)] => Some(format!("{column} IS DISTINCT FROM ({value})")),
        _ => {
            let columns: Vec<&str> = pairs.iter().map(|(column, ..)| column.as_str()).collect();
            let values: Vec<&str> = pairs.iter().map(|(_, value, _)| *value).collect();
            let (columns, values) = (columns.join(", "), values.join(", "));
            Some(format!("({columns}) IS DISTINCT FROM ({values})"))
        }
    }
}

/// Whether a value depends on what the column holds: `excluded.number` is what it would get.
fn reads(text: &str, value: &[Token], column: &str) -> bool {
    let word = |token: &Token| &text[token.span.clone()];
    value.iter().enumerate().any(|(place, token)| {
        let qualifier = place.checked_sub(2).map(|place| word(&value[place]));
        let is_excluded = qualifier.is_some_and(|it| it.eq_ignore_ascii_case("excluded"));
        word(token) == column && !is_excluded
    })
}

#[cfg(test)]
mod tests {
    use pretty_assertions::assert_eq;

    use super::*;
    use crate::sql::Script;

    fn check(statement: &str, differing: Option<&str>) {
        let script = Script::parse(statement);
        let parsed = script.statements().last().expect("a statement");
        assert_eq!(only_differing(statement, parsed, None).as_deref(), differing, "{statement}");
    }

    #[test]
    fn updates() {
        check("UPDATE t SET a = 1;", Some("UPDATE t SET a = 1\n WHERE a IS DISTINCT FROM 1;"));
        check(
            "UPDATE t SET a = b + 1 WHERE c = 2 RETURNING a",
            Some(
                "UPDATE t SET a = b + 1 WHERE c = 2\n   AND a IS DISTINCT FROM (b + 1)\n\
                 RETURNING a;",
            ),
        );
        check(
            "UPDATE t SET a = 1, at = now() WHERE c OR d;",
            Some("UPDATE t SET a = 1, at = now() WHERE (c OR d)\n   AND a IS DISTINCT FROM 1;"),
        );
        check(
            "UPDATE s.t AS x SET a = u.a, \"B\" = u.b FROM u WHERE u.id = x.id;",
            Some(
                "UPDATE s.t AS x SET a = u.a, \"B\" = u.b FROM u WHERE u.id = x.id\n   AND (x.a, \
                 x.\"B\") IS DISTINCT FROM (u.a, u.b);",
            ),
        );
        check(
            "UPDATE t SET a = b IS DISTINCT FROM c;",
            Some(
                "UPDATE t SET a = b IS DISTINCT FROM c\n WHERE a IS DISTINCT FROM \
                 (b IS DISTINCT FROM c);",
            ),
        );
    }

    #[test]
    fn conflicts() {
        check(
            "INSERT INTO s.t (id, a) VALUES (1, 2) ON CONFLICT (id) DO UPDATE SET a = excluded.a;",
            Some(
                "INSERT INTO s.t (id, a) VALUES (1, 2) ON CONFLICT (id) DO UPDATE SET a = \
                 excluded.a\n WHERE t.a IS DISTINCT FROM excluded.a;",
            ),
        );
        check(
            "INSERT INTO t AS x (id) SELECT 1 FROM u WHERE b ON CONFLICT (id) DO UPDATE \
             SET a = excluded.a, b = 2 WHERE x.c;",
            Some(
                "INSERT INTO t AS x (id) SELECT 1 FROM u WHERE b ON CONFLICT (id) DO UPDATE \
                 SET a = excluded.a, b = 2 WHERE x.c\n   AND \
                 (x.a, x.b) IS DISTINCT FROM (excluded.a, 2);",
            ),
        );
    }

    #[test]
    fn a_clock_beside_what_is_given_says_nothing() {
        check(
            "INSERT INTO t (id, a) VALUES (1, 2) ON CONFLICT (id) DO UPDATE SET a = excluded.a, at \
             = now();",
            Some(
                "INSERT INTO t (id, a) VALUES (1, 2) ON CONFLICT (id) DO UPDATE SET a = \
                 excluded.a, at = now()\n WHERE t.a IS DISTINCT FROM excluded.a;",
            ),
        );
    }

    #[test]
    fn what_cannot_be_told_is_left_alone() {
        check("UPDATE t SET at = now();", None);
        check("UPDATE t SET a = a + 1, at = now();", None);
        check("UPDATE t SET a = DEFAULT;", None);
        check("UPDATE t SET (a, b) = (SELECT 1, 2);", None);
        check("UPDATE t SET a[1] = 2;", None);
        check("UPDATE t SET a = 1 WHERE CURRENT OF c;", None);
        check("INSERT INTO t (a) VALUES (1) ON CONFLICT DO NOTHING;", None);
        check("DELETE FROM t;", None);
    }
}
