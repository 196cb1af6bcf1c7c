//! Cuts a text where Postgres and psql cut it.
//!
//! A semicolon ends a statement unless it stands in parentheses (`CREATE RULE … DO (a; b)`) or in
//! the body of an SQL-standard function (`BEGIN ATOMIC … END`). Strings, quoted names and comments
//! are single tokens, so nothing in them counts.

use std::ops::Range;

use squawk_lexer::TokenKind;

use super::kind::{self, Kind};
use super::tokens::{Cursor, Token, is_trivia};
use super::{Content, Piece};

/// Cuts one part of a text.
pub(super) fn split(text: &str, part: Range<usize>) -> Vec<Piece> {
    let text = &text[..part.end];
    let mut pieces = Vec::new();
    let mut start = part.start;
    while start < text.len() {
        let piece = next_piece(text, start);
        start = piece.span.end;
        let copies = matches!(
            &piece.content,
            Content::Statement(statement) if statement.kind == Kind::CopyFromStdin
        );
        pieces.push(piece);
        if copies && let Some(data) = copy_data(text, start) {
            if start < data.start {
                pieces.push(Piece { span: start..data.start, content: Content::Space });
            }
            start = data.end;
            pieces.push(Piece { span: data, content: Content::CopyData });
        }
    }
    pieces
}

fn next_piece(text: &str, start: usize) -> Piece {
    let space_end = start + space_length(&text[start..]);
    if start < space_end {
        return Piece { span: start..space_end, content: Content::Space };
    }
    if text[start..].starts_with('\\') {
        return Piece { span: start..line_end(text, start), content: Content::Meta };
    }
    let tokens = statement_tokens(text, start);
    let span = start..tokens.last().map_or(text.len(), |token| token.span.end);
    let statement = kind::statement(text, &tokens, span.clone());
    Piece { span, content: Content::Statement(statement) }
}

/// How much of a text's start says nothing to Postgres. Its parser drops empty statements.
fn space_length(text: &str) -> usize {
    squawk_lexer::tokenize(text)
        .take_while(|token| is_trivia(token.kind) || token.kind == TokenKind::Semi)
        .map(|token| token.len as usize)
        .sum()
}

/// The tokens of the statement that starts here, its semicolon included.
fn statement_tokens(text: &str, start: usize) -> Vec<Token> {
    let mut tokens: Vec<Token> = Vec::new();
    let mut end = start;
    let mut parentheses = 0_usize;
    let mut blocks = 0_usize;
    for token in squawk_lexer::tokenize(&text[start..]) {
        let span = end..end + token.len as usize;
        end = span.end;
        if is_trivia(token.kind) {
            continue;
        }
        match token.kind {
            TokenKind::OpenParen => parentheses += 1,
            // One too many is a mistake that Postgres will point at.
            TokenKind::CloseParen => parentheses = parentheses.saturating_sub(1),
            TokenKind::Ident => blocks = blocks_after(text, &tokens, &text[span.clone()], blocks),
            _ => {}
        }
        tokens.push(Token { kind: token.kind, span });
        if token.kind == TokenKind::Semi && parentheses == 0 && blocks == 0 {
            break;
        }
    }
    tokens
}

/// How deep in `BEGIN ATOMIC … END` and the `CASE … END` inside it the statement is after a word.
fn blocks_after(text: &str, before: &[Token], word: &str, blocks: usize) -> usize {
    let previous = before.last();
    let previous_word = previous.map_or("", |token| &text[token.span.clone()]);
    if blocks == 0 {
        let opens = word.eq_ignore_ascii_case("atomic")
            && previous_word.eq_ignore_ascii_case("begin")
            && creates_routine(Cursor::new(text, before));
        return usize::from(opens);
    }
    // `t.end` and `AS "end"` without its quotes are columns.
    if previous_word == "." || previous_word.eq_ignore_ascii_case("as") {
        return blocks;
    }
    match word {
        word if word.eq_ignore_ascii_case("case") => blocks + 1,
        word if word.eq_ignore_ascii_case("end") => blocks - 1,
        _ => blocks,
    }
}

fn creates_routine(mut statement: Cursor<'_>) -> bool {
    statement.eat("create");
    statement.eat("or replace");
    statement.eat_any(&["function", "procedure"])
}

/// The data lines after a COPY statement. They start on the next line; if more SQL follows on the
/// same line, the data doesn't come with the script.
fn copy_data(text: &str, statement_end: usize) -> Option<Range<usize>> {
    let start = line_end(text, statement_end);
    let rest_of_line = &text[statement_end..start];
    if !text[..statement_end].ends_with(';') || space_length(rest_of_line) < rest_of_line.len() {
        return None;
    }
    let mut end = start;
    while end < text.len() {
        let line = &text[end..line_end(text, end)];
        end += line.len();
        if line.trim_end_matches(['\n', '\r']) == "\\." {
            break;
        }
    }
    (start < end).then_some(start..end)
}

/// Where the line of a place ends, its line end included.
fn line_end(text: &str, offset: usize) -> usize {
    text[offset..].find('\n').map_or(text.len(), |newline| offset + newline + 1)
}

#[cfg(test)]
mod tests {
    use pretty_assertions::assert_eq;
    use proptest::prelude::*;

    use super::*;
    use crate::sql::Script;

    /// What a text is cut into, space left out; `psql:` and `data:` mark what isn't a statement.
    fn check(text: &str, expect: &[&str]) {
        let pieces = Script::parse(text).pieces;
        let cut: Vec<String> = pieces
            .iter()
            .filter_map(|piece| {
                let content = &text[piece.span.clone()];
                match piece.content {
                    Content::Space | Content::Aside => None,
                    Content::Statement(_) => Some(content.to_owned()),
                    Content::Meta => Some(format!("psql:{content}")),
                    Content::CopyData => Some(format!("data:{content}")),
                }
            })
            .collect();
        assert_eq!(cut, expect, "{text}");
    }

    #[test]
    fn semicolons_end_statements() {
        check("", &[]);
        check("SELECT 1", &["SELECT 1"]);
        check("SELECT 1;", &["SELECT 1;"]);
        check("SELECT 1;SELECT 2", &["SELECT 1;", "SELECT 2"]);
        check("\u{feff}SELECT 1;", &["SELECT 1;"]);
        check("SELECT 1 -- one\n;\r\n SELECT 2 -- two", &["SELECT 1 -- one\n;", "SELECT 2"]);
        check("/* a; */ SELECT /* ; */ 1 /* b */;", &["SELECT /* ; */ 1 /* b */;"]);
    }

    #[test]
    fn parts_are_cut_by_themselves() {
        let text = "up; 'a;\nSELECT 1 down; it's\nup; SELECT 2";
        let script = Script::parse_parts(text, [0..7, 8..16, 28..text.len()].into_iter());
        let cut = script.statements().map(|statement| &text[statement.span.clone()]);
        assert_eq!(cut.collect::<Vec<_>>(), ["up;", "'a;", "SELECT 1", "up;", "SELECT 2"]);
        let spans = script.pieces.iter().map(|piece| piece.span.clone());
        let end = spans.fold(0, |end, span| {
            assert_eq!(span.start, end, "pieces tile the text");
            span.end
        });
        assert_eq!(end, text.len());
    }

    #[test]
    fn empty_statements_are_none() {
        check(";", &[]);
        check(";; ; -- ;\n/* ; */ ;", &[]);
        check("SELECT 1;; ;SELECT 2;;", &["SELECT 1;", "SELECT 2;"]);
        check("-- only a comment", &[]);
        check("SELECT 1; /* unterminated", &["SELECT 1;"]);
    }

    #[test]
    fn quotes_hide_semicolons() {
        check("SELECT ';'; SELECT 2", &["SELECT ';';", "SELECT 2"]);
        check("SELECT 'it''s;'; SELECT 2", &["SELECT 'it''s;';", "SELECT 2"]);
        check("SELECT E'\\';'; SELECT 2", &["SELECT E'\\';';", "SELECT 2"]);
        check("SELECT e'\\\\'; SELECT 2", &["SELECT e'\\\\';", "SELECT 2"]);
        check("SELECT '\\'; SELECT 2", &["SELECT '\\';", "SELECT 2"]);
        check("SELECT U&'\\003b;'; SELECT 2", &["SELECT U&'\\003b;';", "SELECT 2"]);
        check("SELECT U&\";\"; SELECT 2", &["SELECT U&\";\";", "SELECT 2"]);
        check("SELECT \"a;\"\"b\"; SELECT 2", &["SELECT \"a;\"\"b\";", "SELECT 2"]);
        check("SELECT B'1;', N';'; SELECT 2", &["SELECT B'1;', N';';", "SELECT 2"]);
        check("SELECT 'a'\n  ';b'; SELECT 2", &["SELECT 'a'\n  ';b';", "SELECT 2"]);
        check("SELECT 'a; SELECT 2", &["SELECT 'a; SELECT 2"]);
        check("/* a /* b; */ c; */ SELECT 1; --;", &["SELECT 1;"]);
        check("SELECT 1 --'\n; SELECT 2", &["SELECT 1 --'\n;", "SELECT 2"]);
        check("SELECT 1 /*'*/; SELECT 2", &["SELECT 1 /*'*/;", "SELECT 2"]);
    }

    #[test]
    fn dollar_quotes_hide_semicolons() {
        check("DO $$ BEGIN; END; $$; SELECT 2", &["DO $$ BEGIN; END; $$;", "SELECT 2"]);
        check("DO $a$ $$; $b$ ; $a$; SELECT 2", &["DO $a$ $$; $b$ ; $a$;", "SELECT 2"]);
        check("DO $a$ $a $A$; $a$; SELECT 2", &["DO $a$ $a $A$; $a$;", "SELECT 2"]);
        check("DO $ä$ ; $ä$; SELECT 2", &["DO $ä$ ; $ä$;", "SELECT 2"]);
        check("SELECT a$b$; SELECT $b$;$b$", &["SELECT a$b$;", "SELECT $b$;$b$"]);
        check("SELECT $1; SELECT $2", &["SELECT $1;", "SELECT $2"]);
        check("DO $$ '$$; SELECT ';'", &["DO $$ '$$;", "SELECT ';'"]);
        check("DO $$ unterminated;", &["DO $$ unterminated;"]);
    }

    #[test]
    fn parentheses_hide_semicolons() {
        let rule = "CREATE RULE r AS ON INSERT TO t DO ALSO (SELECT 1; SELECT 2;);";
        check(&format!("{rule} SELECT 3"), &[rule, "SELECT 3"]);
        check("SELECT 1); SELECT 2;", &["SELECT 1);", "SELECT 2;"]);
    }

    #[test]
    fn atomic_bodies_hide_semicolons() {
        let head = "CREATE OR REPLACE FUNCTION f(a int) RETURNS int BEGIN ATOMIC";
        for body in [
            "SELECT 1; SELECT 2;",
            "",
            "SELECT CASE a WHEN 1 THEN CASE WHEN a > 0 THEN 1 END END; SELECT 2;",
            "SELECT (CASE WHEN a > 0 THEN (SELECT 1) END);",
            "SELECT a.end, a.case, 1 AS end, 2 AS case FROM t a; RETURN 1;",
            "SELECT 'END;', \"end\", $$END;$$ /* END; */; -- END;\n",
        ] {
            let function = format!("{head} {body} END;");
            check(&format!("{function} SELECT 3;"), &[&function, "SELECT 3;"]);
        }
        let procedure = "create procedure p() begin atomic insert into t values (1); end";
        check(&format!("{procedure}; SELECT 3"), &[&format!("{procedure};"), "SELECT 3"]);
        check("BEGIN; SELECT 1; END;", &["BEGIN;", "SELECT 1;", "END;"]);
        check("SELECT 1 AS begin; SELECT 2", &["SELECT 1 AS begin;", "SELECT 2"]);
        check("SELECT begin atomic; SELECT 2", &["SELECT begin atomic;", "SELECT 2"]);
    }

    #[test]
    fn psql_lines_are_not_statements() {
        check("\\restrict abc\nSELECT 1;", &["psql:\\restrict abc\n", "SELECT 1;"]);
        check(
            "SELECT 1;\n  \\echo it's\nSELECT 2;",
            &["SELECT 1;", "psql:\\echo it's\n", "SELECT 2;"],
        );
        check("\\connect x", &["psql:\\connect x"]);
        check("SELECT '\n\\connect x\n';", &["SELECT '\n\\connect x\n';"]);
        check("SELECT 1\n\\x\n;", &["SELECT 1\n\\x\n;"]);
        check("-- \\connect\n/*\n\\x\n*/", &[]);
    }

    #[test]
    fn copy_data_is_not_sql() {
        let copy = "COPY public.t (a, b) FROM stdin;";
        check(
            &format!("{copy}\n1\tit's; \\N\n\\.\nSELECT 1;"),
            &[copy, "data:1\tit's; \\N\n\\.\n", "SELECT 1;"],
        );
        check(&format!("{copy} -- rows\r\n1\r\n\\.\r\n;"), &[copy, "data:1\r\n\\.\r\n"]);
        check(&format!("{copy}\n\\.\n\nSELECT 1;"), &[copy, "data:\\.\n", "SELECT 1;"]);
        check(&format!("{copy}\n1;\n2;\n"), &[copy, "data:1;\n2;\n"]);
        check(&format!("{copy}\n\\.x\n\\.y\n\\."), &[copy, "data:\\.x\n\\.y\n\\."]);
        check(copy, &[copy]);
        check(&format!("{copy}\n"), &[copy]);
        check("COPY t FROM stdin", &["COPY t FROM stdin"]);
        check(&format!("{copy} SELECT 1;\nSELECT 2;"), &[copy, "SELECT 1;", "SELECT 2;"]);
        for other in [
            "COPY t FROM '/tmp/stdin';",
            "COPY t TO stdout;",
            "COPY (SELECT a FROM stdin) TO stdout;",
            "SELECT a FROM stdin;",
            "COMMENT ON TABLE t IS 'COPY t FROM stdin;';",
        ] {
            check(&format!("{other}\nSELECT 1;"), &[other, "SELECT 1;"]);
        }
    }

    /// What SQL is made of, and what trips those who cut it.
    fn fragment() -> impl Strategy<Value = String> {
        let fragments = [
            ";",
            "'",
            "''",
            "\"",
            "$$",
            "$a$",
            "--",
            "/*",
            "*/",
            "\n",
            " ",
            "(",
            ")",
            "\\",
            "\\.",
            "E'\\'",
            "U&\"",
            "{{",
            "CREATE",
            "OR REPLACE",
            "FUNCTION",
            "f",
            "BEGIN ATOMIC",
            "END",
            "CASE",
            "COPY t FROM stdin;",
            "ALTER TABLE",
            "ADD",
            "DROP",
            "CONSTRAINT",
            "IF EXISTS",
            "INDEX",
            "ON",
            "INSERT INTO",
            "SELECT set_config",
            "WITH",
            "AS",
            "RENAME",
            "TO",
            "SET",
            "TYPE",
            "VALUE",
            ",",
            ".",
            "=",
            "\u{feff}",
            "ä€",
            "\r\n",
            "\0",
            "CONCURRENTLY",
        ];
        prop_oneof![
            9 => prop::sample::select(fragments.to_vec()).prop_map(|word| format!("{word} ")),
            9 => prop::sample::select(fragments.to_vec()).prop_map(str::to_owned),
            1 => any::<String>(),
        ]
    }

    fn assert_tiles(text: &str) -> Result<(), TestCaseError> {
        let pieces = Script::parse(text).pieces;
        let mut end = 0;
        for piece in &pieces {
            prop_assert_eq!(piece.span.start, end);
            prop_assert!(piece.span.start < piece.span.end);
            end = piece.span.end;
            if let Content::Statement(statement) = &piece.content {
                let content = &text[piece.span.clone()];
                prop_assert_eq!(&statement.span, &piece.span);
                prop_assert!(!content.starts_with(char::is_whitespace) || content.len() > 1);
                prop_assert!(piece.span.contains(&statement.name_at) || statement.name_at == end);
                // A statement by itself is the same statement.
                prop_assert_eq!(Script::parse(content).statements().count(), 1);
            }
        }
        prop_assert_eq!(end, text.len());
        super::super::template_marker(text, &Script::parse(text));
        Ok(())
    }

    proptest! {
        #[test]
        fn pieces_tile_any_text(text in any::<String>()) {
            assert_tiles(&text)?;
        }

        #[test]
        fn pieces_tile_what_looks_like_sql(parts in prop::collection::vec(fragment(), 0..40)) {
            assert_tiles(&parts.concat())?;
        }
    }
}
