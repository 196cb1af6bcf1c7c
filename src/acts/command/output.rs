//! What a command says: its beginning and its end, within a bound, made harmless for a terminal.

use std::collections::VecDeque;
use std::fmt::Write as _;

/// How much is kept of the beginning, and of the end, where the reason of a failure usually is.
const HEAD_BYTES: usize = 2 * 1024;
const TAIL_BYTES: usize = 8 * 1024;

/// How much is shown of one line.
const LINE_CHARACTERS: usize = 500;

/// As much of an output as is kept.
#[derive(Debug, Default)]
pub(super) struct Output {
    head: Vec<u8>,
    tail: VecDeque<u8>,
    /// How many bytes between the two were let go.
    left_out: usize,
}

impl Output {
    pub(super) fn push(&mut self, bytes: &[u8]) {
        let (head, rest) = bytes.split_at(bytes.len().min(HEAD_BYTES - self.head.len()));
        self.head.extend(head);
        let (skipped, rest) = rest.split_at(rest.len().saturating_sub(TAIL_BYTES));
        self.tail.extend(rest);
        let excess = self.tail.len().saturating_sub(TAIL_BYTES);
        self.tail.drain(..excess);
        self.left_out += skipped.len() + excess;
    }

    /// What was said, in whole and printable lines; and how much was left out of it.
    pub(super) fn told(&self) -> String {
        let tail = self.tail.iter().copied().collect::<Vec<_>>();
        if self.left_out == 0 {
            return harmless(&[self.head.as_slice(), &tail].concat());
        }
        let is_end = |byte: &u8| *byte == b'\n';
        let head = self.head.iter().rposition(is_end).map_or(self.head.len(), |at| at + 1);
        let cut = tail.iter().position(is_end).map_or(0, |at| at + 1);
        let left_out = self.left_out + self.head.len() - head + cut;
        let (head, tail) = (harmless(&self.head[..head]), harmless(&tail[cut..]));
        format!("{head}\n… {} left out …\n{tail}", amount(left_out))
    }
}

fn amount(bytes: usize) -> String {
    match bytes {
        0..10_000 => format!("{bytes} bytes"),
        10_000..10_000_000 => format!("{} kB", bytes / 1_000),
        _ => format!("{} MB", bytes / 1_000_000),
    }
}

/// Lines as a terminal would show them in the end, without what could do something to it.
fn harmless(bytes: &[u8]) -> String {
    let text = without_escapes(&String::from_utf8_lossy(bytes));
    let mut told = String::new();
    for line in text.trim_end().split('\n') {
        // A bar that shows progress writes over itself.
        let line = line.trim_end_matches('\r').rsplit('\r').next().unwrap_or_default();
        let shown = line.chars().take(LINE_CHARACTERS);
        let shown = shown.map(|c| if is_harmful(c) { '\u{fffd}' } else { c }).collect::<String>();
        let end = if line.chars().count() > LINE_CHARACTERS { " …" } else { "" };
        let _ = writeln!(told, "{}{end}", shown.replace('\t', "    ").trim_end());
    }
    told.trim_end().to_owned()
}

/// Control characters, and those that turn the direction of text.
fn is_harmful(c: char) -> bool {
    let turns = matches!(c, '\u{61c}' | '\u{200e}'..='\u{200f}' | '\u{202a}'..='\u{202e}'
        | '\u{2066}'..='\u{2069}');
    turns || (c.is_control() && c != '\t')
}

/// A text without the sequences by which colours are set, the cursor moved or the window named.
fn without_escapes(text: &str) -> String {
    let mut plain = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('\u{1b}') {
        plain.push_str(before);
        let length = match after.chars().next() {
            Some('[') => {
                let end = after[1..].find(|c: char| !matches!(c, ' '..='?'));
                end.map_or(after.len(), |at| 1 + at + width(&after[1 + at..]))
            }
            Some(']' | 'P' | 'X' | '^' | '_') => {
                let end = after.find(['\u{7}', '\u{1b}', '\n']);
                end.map_or(after.len(), |at| at + usize::from(after[at..].starts_with('\u{7}')))
            }
            _ => width(after),
        };
        rest = &after[length..];
    }
    plain + rest
}

/// The length of the first character in bytes, unless it ends the line.
fn width(text: &str) -> usize {
    text.chars().next().filter(|c| *c != '\n').map_or(0, char::len_utf8)
}

#[cfg(test)]
mod tests {
    use proptest::collection;
    use proptest::prelude::*;

    use super::*;

    fn told(pieces: &[&[u8]]) -> String {
        let mut output = Output::default();
        for piece in pieces {
            output.push(piece);
        }
        output.told()
    }

    #[test]
    fn little_is_told_as_it_is() {
        assert_eq!(told(&[]), "");
        assert_eq!(told(&[b"one\n", b"two\n\n"]), "one\ntwo");
        assert_eq!(told(&[b"caf\xe9\n"]), "caf\u{fffd}");
    }

    #[test]
    fn much_loses_its_middle() {
        let lines = (0..100_000).map(|number| format!("line {number}\n"));
        let told = told(&[lines.collect::<Vec<_>>().concat().as_bytes()]);
        assert!(told.starts_with("line 0\nline 1\n"), "{told}");
        assert!(told.ends_with("line 99998\nline 99999"), "{told}");
        assert!(told.contains("\n… 1078 kB left out …\nline "), "{told}");
        assert!(told.len() <= HEAD_BYTES + TAIL_BYTES + 100);
    }

    #[test]
    fn a_line_without_an_end_is_cut() {
        let told = told(&["x".repeat(100_000).as_bytes()]);
        assert_eq!(told.lines().count(), 3, "{told}");
        assert!(told.lines().all(|line| line.chars().count() <= LINE_CHARACTERS + 2), "{told}");
    }

    #[test]
    fn a_terminal_comes_to_no_harm() {
        assert_eq!(told(&[b"\x1b[1;31mred\x1b[0m \x1b]0;title\x07end"]), "red end");
        assert_eq!(told(&[b"\x1b]8;;http://a\x1b\\link\x1b]8;;\x1b\\ \x1b(Bx\x1bcy"]), "link Bxy");
        assert_eq!(told(&[b" 10%\r 100%\r\ndone\r\n"]), " 100%\ndone");
        assert_eq!(told(&[b"a\x08b\x00c\td"]), "a\u{fffd}b\u{fffd}c    d");
        assert_eq!(told(&["a\u{202e}b\u{9b}1mc".as_bytes()]), "a\u{fffd}b\u{fffd}1mc");
        assert_eq!(told(&[b"end\x1b[", b"\nmore \x1b\n"]), "end\nmore");
    }

    proptest! {
        #[test]
        fn whatever_is_said_stays_within_the_bound(
            pieces in collection::vec(collection::vec(any::<u8>(), 0..5000), 0..9)
        ) {
            let mut output = Output::default();
            for piece in &pieces {
                output.push(piece);
            }
            let length = pieces.concat().len();
            prop_assert_eq!(output.head.len() + output.left_out + output.tail.len(), length);
            prop_assert!(output.head.len() <= HEAD_BYTES && output.tail.len() <= TAIL_BYTES);
            prop_assert!(output.told().chars().all(|c| c == '\n' || !is_harmful(c)));
        }
    }
}
