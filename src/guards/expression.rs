//! Expressions, as far as their words tell what they do.

use crate::sql::{Cursor, Token, TokenKind};

/// What has another value each time.
const VOLATILE: &[&str] = &[
    "clock_timestamp",
    "current_date",
    "current_time",
    "current_timestamp",
    "gen_random_bytes",
    "gen_random_uuid",
    "localtime",
    "localtimestamp",
    "nextval",
    "now",
    "random",
    "statement_timestamp",
    "timeofday",
    "transaction_timestamp",
    "uuid_generate_v1",
    "uuid_generate_v4",
    "uuidv4",
    "uuidv7",
];

/// Whether it has another value at each run.
pub(super) fn is_volatile(text: &str, tokens: &[Token]) -> bool {
    tokens.iter().any(|token| {
        let word = text[token.span.clone()].to_ascii_lowercase();
        token.kind == TokenKind::Ident && VOLATILE.contains(&word.as_str())
    })
}

/// Whether it can stand beside an operator without parentheses: a value, a column, a call.
pub(super) fn is_simple(text: &str, tokens: &[Token]) -> bool {
    let mut cursor = Cursor::new(text, tokens);
    if cursor.path().is_none() || cursor.at_group() {
        cursor.skip();
    }
    cursor.peek().is_none()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sql::tokens;

    fn check(expression: &str, simple: bool, volatile: bool) {
        let tokens = tokens(expression, 0..expression.len());
        let told = (is_simple(expression, &tokens), is_volatile(expression, &tokens));
        assert_eq!(told, (simple, volatile), "{expression}");
    }

    #[test]
    fn words_tell() {
        check("1", true, false);
        check("'now()'", true, false);
        check("excluded.a", true, false);
        check("lower(a)", true, false);
        check("(a + 1)", true, false);
        check("now()", true, true);
        check("a || 'x'", false, false);
        check("CASE a WHEN 1 THEN 2 END", false, false);
        check("coalesce(a, CURRENT_TIMESTAMP)", true, true);
    }
}
