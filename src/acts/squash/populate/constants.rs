//! The constants that a condition names: what satisfies it is likely to be one of them, or near.
//!
//! Text only, as Postgres spells a condition. Nothing here has to be right: the server says which
//! of the values it takes.

use crate::sql::{TokenKind, tokens};

/// What the conditions of a column or of a type name.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Constants {
    pub(super) texts: Vec<String>,
    pub(super) numbers: Vec<String>,
    /// What a text is to match.
    pub(super) patterns: Vec<Pattern>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Pattern {
    Like(String),
    Regex(String),
}

impl Constants {
    pub(super) fn of<'a>(conditions: impl IntoIterator<Item = &'a str>) -> Self {
        let mut constants = Self::default();
        for condition in conditions {
            constants.read(condition);
        }
        constants
    }

    /// Those of both.
    pub(super) fn and(&self, other: &Self) -> Self {
        let mut both = self.clone();
        both.texts.extend(other.texts.iter().cloned());
        both.numbers.extend(other.numbers.iter().cloned());
        both.patterns.extend(other.patterns.iter().cloned());
        both
    }

    fn read(&mut self, condition: &str) {
        for token in tokens(condition, 0..condition.len()) {
            let word = &condition[token.span.clone()];
            if !matches!(token.kind, TokenKind::Literal { .. }) {
                continue;
            }
            if word.starts_with(|first: char| first.is_ascii_digit() || first == '.') {
                self.numbers.push(word.to_owned());
            } else if let Some(text) = unquoted(word) {
                self.read_text(text, condition[..token.span.start].trim_end());
            }
        }
    }

    fn read_text(&mut self, text: String, before: &str) {
        // A list of patterns stands after `~~ ANY (ARRAY[`.
        let list = before.rfind(" ANY (ARRAY[").filter(|at| !before[*at..].contains(')'));
        let operator = list.map_or(before, |at| &before[..at]);
        let is_like = ["~~", "~~*"].iter().any(|end| operator.ends_with(end));
        let is_regex = ["~", "~*"].iter().any(|end| operator.ends_with(end));
        if is_like {
            self.patterns.push(Pattern::Like(text));
        } else if is_regex {
            self.patterns.push(Pattern::Regex(text));
        } else if text.trim_start_matches('-').parse::<f64>().is_ok() {
            // Numbers that are cast are spelled as texts.
            self.numbers.push(text.clone());
            self.texts.push(text);
        } else {
            self.texts.push(text);
        }
    }
}

/// What a quoted string says.
fn unquoted(word: &str) -> Option<String> {
    let (is_escaped, quoted) = match word.strip_prefix(['E', 'e']) {
        Some(rest) => (true, rest),
        None => (false, word),
    };
    let text = quoted.strip_prefix('\'')?.strip_suffix('\'')?.replace("''", "'");
    Some(if is_escaped { text.replace("\\\\", "\\") } else { text })
}

#[cfg(test)]
mod tests {
    use super::*;
    use pretty_assertions::assert_eq;

    fn check(condition: &str, texts: &[&str], numbers: &[&str], patterns: &[Pattern]) {
        let constants = Constants::of([condition]);
        assert_eq!(constants.texts, texts, "{condition}");
        assert_eq!(constants.numbers, numbers, "{condition}");
        assert_eq!(constants.patterns, patterns, "{condition}");
    }

    #[test]
    fn a_condition_names_what_it_takes() {
        check("(status = ANY (ARRAY['open'::text, 'it''s'::text]))", &["open", "it's"], &[], &[]);
        check("((price > (0)::numeric) AND (price < 9.99))", &[], &["0", "9.99"], &[]);
        check("(price > '-5'::integer)", &["-5"], &["-5"], &[]);
        let regex = |text: &str| Pattern::Regex(text.to_owned());
        let like = |text: &str| Pattern::Like(text.to_owned());
        check("CHECK ((VALUE ~ '^[a-z]$'::text))", &[], &[], &[regex("^[a-z]$")]);
        check("(code ~~ 'A%'::text)", &[], &[], &[like("A%")]);
        check("(code ~* E'^\\\\d+$'::text)", &[], &[], &[regex("^\\d+$")]);
        check("(a ~~ ANY (ARRAY['x%'::text, 'y_'::text]))", &[], &[], &[like("x%"), like("y_")]);
        check("(char_length(name) <= 20)", &[], &["20"], &[]);
    }
}
