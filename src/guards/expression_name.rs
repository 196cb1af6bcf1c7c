//! The name that Postgres gives to an index's column that is an expression.
//!
//! As `FigureIndexColname` in Postgres has it: a function gives its name, a cast the name of what
//! is cast or else of the type, and what is left is called `expr`.

use crate::sql::{Cursor, TokenKind};

/// What an expression is called.
enum Called {
    /// By a column or a function, which a cast doesn't change.
    Firmly(String),
    /// By a type, for want of anything better.
    Loosely(String),
    Not,
}

/// The name of one element of an index: a column, a call, or an expression in parentheses.
pub(super) fn element_name(mut element: Cursor<'_>) -> String {
    let called = match element.group() {
        Some(expression) => called(expression),
        None => operand(&mut element),
    };
    match called {
        Called::Firmly(name) | Called::Loosely(name) => name,
        Called::Not => "expr".to_owned(),
    }
}

fn called(mut expression: Cursor<'_>) -> Called {
    if expression.at("case") {
        return case(expression);
    }
    let mut called = operand(&mut expression);
    loop {
        if is_cast(&expression) {
            expression.bump();
            expression.bump();
            called = cast(called, &mut expression);
        } else if expression.eat("collate") {
            expression.path();
        } else if expression.eat("at time zone") {
            operand(&mut expression);
            called = Called::Firmly("timezone".to_owned());
        } else if expression.kind() == Some(TokenKind::OpenBracket) {
            expression.skip();
        } else {
            break;
        }
    }
    // An operator follows.
    if expression.peek().is_some() { Called::Not } else { called }
}

fn operand(expression: &mut Cursor<'_>) -> Called {
    if let Some(inner) = expression.group() {
        return called(inner);
    }
    if expression.at("not") {
        return Called::Not;
    }
    let keyword = expression.word().to_ascii_lowercase();
    let quoted = keyword.starts_with('"');
    let Some(name) = expression.path().and_then(|mut path| path.pop()) else {
        expression.skip();
        return Called::Not;
    };
    if keyword == "array" && expression.kind() == Some(TokenKind::OpenBracket) {
        expression.skip();
        return Called::Firmly(name);
    }
    let Some(mut arguments) = expression.group().filter(|_| !quoted) else {
        return Called::Firmly(name);
    };
    match keyword.as_str() {
        "cast" => {
            let whole = arguments.clone();
            arguments.seek("as");
            let length = whole.rest().len() - arguments.rest().len();
            let value = Cursor::new(whole.text(), &whole.rest()[..length]);
            arguments.bump();
            cast(called(value), &mut arguments)
        }
        "trim" if arguments.at("leading") => Called::Firmly("ltrim".to_owned()),
        "trim" if arguments.at("trailing") => Called::Firmly("rtrim".to_owned()),
        "trim" => Called::Firmly("btrim".to_owned()),
        _ => Called::Firmly(name),
    }
}

/// A CASE is called as its ELSE, if that has a name of its own.
fn case(mut expression: Cursor<'_>) -> Called {
    let mut last = Vec::new();
    let (mut depth, mut alternative) = (0_usize, false);
    while let Some(token) = expression.peek() {
        if expression.at("case") {
            depth += 1;
        } else if expression.at("end") {
            depth -= 1;
            if depth == 0 {
                expression.bump();
                break;
            }
        } else if expression.at("else") && depth == 1 {
            alternative = true;
            expression.bump();
            continue;
        }
        if alternative {
            last.push(token.clone());
        }
        expression.bump();
    }
    match called(Cursor::new(expression.text(), &last)) {
        _ if expression.peek().is_some() => Called::Not,
        Called::Firmly(name) => Called::Firmly(name),
        _ => Called::Loosely("case".to_owned()),
    }
}

fn is_cast(cursor: &Cursor<'_>) -> bool {
    let mut sign = cursor.clone();
    sign.eat_kind(TokenKind::Colon) && sign.eat_kind(TokenKind::Colon)
}

fn cast(called: Called, cursor: &mut Cursor<'_>) -> Called {
    let name = type_name(cursor);
    match (called, name) {
        (Called::Firmly(name), _) => Called::Firmly(name),
        (_, Some(name)) => Called::Loosely(name),
        (called, None) => called,
    }
}

/// Reads a type; SQL's own names for some stand for others underneath.
fn type_name(cursor: &mut Cursor<'_>) -> Option<String> {
    let name = cursor.path()?.pop()?;
    let varying = cursor.eat("varying");
    cursor.eat("precision");
    let length = cursor.group().map(|group| group.word().to_owned());
    let zone = cursor.eat("with time zone");
    cursor.eat("without time zone");
    while cursor.kind() == Some(TokenKind::OpenBracket) {
        cursor.skip();
    }
    let short = length.and_then(|length| length.parse().ok()).is_some_and(|bits: u32| bits < 25);
    let underneath = match name.as_str() {
        "int" | "integer" => "int4",
        "bigint" => "int8",
        "smallint" => "int2",
        "boolean" => "bool",
        "decimal" | "dec" => "numeric",
        "real" => "float4",
        "float" if short => "float4",
        "float" | "double" => "float8",
        "character" | "char" | "nchar" if varying => "varchar",
        "character" | "char" | "nchar" => "bpchar",
        "bit" if varying => "varbit",
        "timestamp" if zone => "timestamptz",
        "time" if zone => "timetz",
        name => name,
    };
    Some(underneath.to_owned())
}

#[cfg(test)]
mod tests {
    use pretty_assertions::assert_eq;

    use super::*;
    use crate::sql::tokens;

    /// Each of them is what Postgres 18 says.
    fn check(element: &str, name: &str) {
        let tokens = tokens(element, 0..element.len());
        assert_eq!(element_name(Cursor::new(element, &tokens)), name, "{element}");
    }

    #[test]
    fn columns_and_functions() {
        check("a DESC", "a");
        check("\"A\" COLLATE \"C\" text_ops", "A");
        check("(a)", "a");
        check("(x.a)", "a");
        check("((a))", "a");
        check("(arr[1])", "arr");
        check("lower(c) DESC", "lower");
        check("(pg_catalog.lower(c) COLLATE \"C\")", "lower");
        check("coalesce(a, b)", "coalesce");
        check("nullif(a, b)", "nullif");
        check("extract(year FROM d)", "extract");
        check("(ARRAY[a, b])", "array");
        check("trim(c)", "btrim");
        check("trim(leading 'x' FROM c)", "ltrim");
        check("(d AT TIME ZONE 'UTC')", "timezone");
        check("(CASE WHEN a > 0 THEN b END)", "case");
        check("(CASE WHEN a > 0 THEN CASE b WHEN 1 THEN 2 ELSE c END ELSE a END)", "a");
    }

    #[test]
    fn casts() {
        check("(c::varchar)", "c");
        check("cast(a AS bigint)", "a");
        check("((d AT TIME ZONE 'UTC')::date)", "timezone");
        check("(lower(c)::varchar)", "lower");
        check("((j->>'age')::int)", "int4");
        check("((j->>'x')::character varying(3))", "varchar");
        check("((j->>'x')::timestamp(3) with time zone)", "timestamptz");
        check("((j->>'x')::double precision)", "float8");
        check("(CAST(j->>'x' AS pg_catalog.uuid))", "uuid");
        check("((j->>'x')::numeric(3,2)::text)", "text");
    }

    #[test]
    fn what_has_no_name() {
        check("(a + b)", "expr");
        check("(a::bigint + b)", "expr");
        check("(-a)", "expr");
        check("(a IS NULL)", "expr");
        check("(NOT a)", "expr");
        check("(j->>'x')", "expr");
        check("((a > 0) AND (b > 0))", "expr");
        check("()", "expr");
        check("(CASE)", "case");
    }
}
