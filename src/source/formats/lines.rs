//! Files that are read line by line, as goose and sql-migrate read them: both have it from the same
//! place, the `bufio.Scanner` of Go and a rule for where a statement ends.

use crate::sql::{Script, position};

/// The lines of a text with their places, without their ends.
pub(super) fn lines(text: &str) -> impl Iterator<Item = (usize, &str)> {
    text.split_inclusive('\n').scan(0, |end, line| {
        let start = *end;
        *end += line.len();
        let line = line.strip_suffix('\n').unwrap_or(line);
        Some((start, line.strip_suffix('\r').unwrap_or(line)))
    })
}

/// Whether a line's last word before a comment ends in a semicolon, wherever that stands. The
/// tools' scanner gives up at a word that doesn't fit into its buffer.
pub(super) fn ends_statement(line: &str, buffer_bytes: usize) -> bool {
    let is_read = |word: &&str| !word.starts_with("--") && word.len() < buffer_bytes;
    let words = line.split_whitespace().take_while(is_read);
    words.last().is_some_and(|word| word.ends_with(';'))
}

/// The first line that doesn't fit into the buffer of the tools' scanner.
pub(super) fn too_long(text: &str, buffer_bytes: usize) -> Option<String> {
    let (start, _) = lines(text).find(|(_, line)| line.len() >= buffer_bytes)?;
    Some(format!("bufio.Scanner: token too long (line {})", position(text, start).line))
}

/// Whether a message ends in the middle of a statement: what comes after it would belong to it.
pub(super) fn goes_on(message: &str) -> bool {
    let next = format!("{message}\nSELECT 1;");
    let last = Script::parse(&next).statements().next_back().map(|last| last.span.start);
    last.is_none_or(|start| start < message.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_have_no_ends() {
        let found = lines("a\r\n\n b\r\r\nc").collect::<Vec<_>>();
        assert_eq!(found, [(0, "a"), (3, ""), (4, " b\r"), (9, "c")]);
    }

    #[test]
    fn the_last_word_before_a_comment_ends_a_statement() {
        for line in ["a;", "a ; ", "a;\u{a0}-- b", "a b;\t--", "'a;"] {
            assert!(ends_statement(line, 8), "{line}");
        }
        for line in ["", "a", "a; b", "a;--b", "a -- b;", "a; /* b */", "a 12345678;"] {
            assert!(!ends_statement(line, 8), "{line}");
        }
        assert!(ends_statement("a; 12345678", 8));
    }

    #[test]
    fn a_message_can_end_in_the_middle_of_a_statement() {
        for whole in ["SELECT 1;", "SELECT 1; -- a", "DO $$ a; $$;", "SELECT ';';", "-- a"] {
            assert!(!goes_on(whole), "{whole}");
        }
        for cut in ["DO $$ a;", "SELECT 'a;", "/* a;", "CREATE FUNCTION f() BEGIN ATOMIC SELECT 1;"]
        {
            assert!(goes_on(cut), "{cut}");
        }
    }
}
