//! Texts that match a pattern, as far as that is cheap: classes, repetitions, groups, alternatives.
//! What looks ahead is left out, and the server says whether the text matches all the same.

use std::iter::Peekable;
use std::str::Chars;

use super::constants::Pattern;

/// How often anything is repeated at most.
const REPEATED_MAX: usize = 200;

/// A text that matches, another one for each variant where there is a choice.
pub(super) fn matching(pattern: &Pattern, variant: usize) -> String {
    match pattern {
        Pattern::Like(pattern) => like(pattern, variant),
        Pattern::Regex(pattern) => {
            Regex { rest: pattern.chars().peekable(), variant }.alternatives()
        }
    }
}

fn like(pattern: &str, variant: usize) -> String {
    let mut text = String::new();
    let mut characters = pattern.chars();
    while let Some(character) = characters.next() {
        match character {
            '%' => text.extend(std::iter::repeat_n(letter(variant), variant)),
            '_' => text.push(letter(variant)),
            '\\' => text.extend(characters.next()),
            _ => text.push(character),
        }
    }
    text
}

fn letter(variant: usize) -> char {
    b"abcdefghijklmnopqrstuvwxyz"[variant % 26].into()
}

fn digit(variant: usize) -> char {
    b"1234567890"[variant % 10].into()
}

/// A regular expression, from where it is read on.
struct Regex<'a> {
    rest: Peekable<Chars<'a>>,
    variant: usize,
}

impl Regex<'_> {
    /// Up to the end, or to the parenthesis that closes a group.
    fn alternatives(&mut self) -> String {
        let mut alternatives = vec![self.sequence()];
        while self.rest.next_if_eq(&'|').is_some() {
            alternatives.push(self.sequence());
        }
        let chosen = self.variant % alternatives.len();
        alternatives.swap_remove(chosen)
    }

    fn sequence(&mut self) -> String {
        let mut text = String::new();
        while let Some(character) = self.rest.next_if(|next| !matches!(next, '|' | ')')) {
            let atom = match character {
                '^' | '$' => continue,
                '(' => self.group(),
                '[' => self.class().to_string(),
                '.' => letter(self.variant).to_string(),
                '\\' => self.escape(),
                _ => character.to_string(),
            };
            text += &atom.repeat(self.count());
        }
        text
    }

    fn group(&mut self) -> String {
        let mut is_constraint = false;
        if self.rest.next_if_eq(&'?').is_some() {
            let kind = self.rest.next();
            is_constraint = kind != Some(':');
            self.rest.next_if(|next| kind == Some('<') && matches!(next, '=' | '!'));
        }
        let text = self.alternatives();
        self.rest.next_if_eq(&')');
        if is_constraint { String::new() } else { text }
    }

    fn escape(&mut self) -> String {
        match self.rest.next() {
            Some('d') => digit(self.variant).to_string(),
            Some('w' | 'D' | 'S') => letter(self.variant).to_string(),
            Some('s' | 'W') => " ".to_owned(),
            // Where a word or the text begins or ends.
            Some('m' | 'M' | 'y' | 'Y' | 'A' | 'Z' | 'b' | 'B') | None => String::new(),
            Some('t') => "\t".to_owned(),
            Some('n') => "\n".to_owned(),
            Some(other) => other.to_string(),
        }
    }

    /// One character of a class.
    fn class(&mut self) -> char {
        let is_negated = self.rest.next_if_eq(&'^').is_some();
        let mut members = Vec::new();
        while let Some(character) = self.rest.next() {
            match character {
                ']' if !members.is_empty() => break,
                '[' if matches!(self.rest.peek(), Some(':')) => members.extend(self.named_class()),
                '\\' => members.extend(self.class_escape()),
                '-' if self.is_range(&members) => {
                    let from = members.pop().unwrap_or(character);
                    let to = self.rest.next().unwrap_or(from);
                    members.extend((from..=to).take(REPEATED_MAX));
                }
                _ => members.push(character),
            }
        }
        if is_negated {
            let all = ('a'..='z').chain('0'..='9').chain(['A', '_', '-', ' ', '.']);
            members = all.filter(|character| !members.contains(character)).collect();
        }
        if members.is_empty() { 'a' } else { members[self.variant % members.len()] }
    }

    fn is_range(&mut self, members: &[char]) -> bool {
        !members.is_empty() && self.rest.peek().is_some_and(|next| *next != ']')
    }

    fn class_escape(&mut self) -> Vec<char> {
        match self.rest.next() {
            Some('d') => ('0'..='9').collect(),
            Some('w') => ('a'..='z').chain('0'..='9').collect(),
            Some('s') => vec![' '],
            other => other.into_iter().collect(),
        }
    }

    /// What stands for letters, digits and so on, as `[:alpha:]`.
    fn named_class(&mut self) -> Vec<char> {
        let name: String = self.rest.by_ref().skip(1).take_while(|next| *next != ':').collect();
        self.rest.next_if_eq(&']');
        match name.as_str() {
            "digit" => ('0'..='9').collect(),
            "upper" => ('A'..='Z').collect(),
            "space" | "blank" => vec![' '],
            "punct" => vec!['.', '-'],
            "xdigit" => ('0'..='9').chain('a'..='f').collect(),
            _ => ('a'..='z').collect(),
        }
    }

    /// How often what came before is repeated: once if it may be, and twice in every other variant.
    fn count(&mut self) -> usize {
        let (least, most) = match self.rest.peek() {
            Some('*') => (0, REPEATED_MAX),
            Some('+') => (1, REPEATED_MAX),
            Some('?') => (0, 1),
            Some('{') => {
                let inside: String =
                    self.rest.by_ref().skip(1).take_while(|next| *next != '}').collect();
                self.rest.next_if_eq(&'?');
                return counted(&inside).map_or(1, |(least, most)| self.within(least, most));
            }
            _ => return 1,
        };
        self.rest.next();
        self.rest.next_if_eq(&'?');
        self.within(least, most)
    }

    fn within(&self, least: usize, most: usize) -> usize {
        (1 + self.variant % 2).clamp(least, most.max(least))
    }
}

/// What stands between braces.
fn counted(inside: &str) -> Option<(usize, usize)> {
    let (least, most) = inside.split_once(',').unwrap_or((inside, inside));
    let least: usize = least.trim().parse().ok()?;
    let most = most.trim().parse().unwrap_or(REPEATED_MAX);
    Some((least.min(REPEATED_MAX), most.min(REPEATED_MAX)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use pretty_assertions::assert_eq;

    fn check(pattern: &str, expect: [&str; 3]) {
        let pattern = Pattern::Regex(pattern.to_owned());
        let texts = [0, 1, 2].map(|variant| matching(&pattern, variant));
        assert_eq!(texts, expect, "{pattern:?}");
    }

    #[test]
    fn a_text_is_made_that_matches() {
        check("^[A-Z]{3}$", ["AAA", "BBB", "CCC"]);
        check("^[a-z0-9-]+$", ["a", "bb", "c"]);
        check(r"^\d{4}-\d{2}$", ["1111-11", "2222-22", "3333-33"]);
        check("^(open|closed)$", ["open", "closed", "open"]);
        check(r"^[^@\s]+@[^@]+\.[a-z]{2,}$", ["a@a.aa", "bb@bb.bb", "c@c.cc"]);
        check("^(?:x|y)?z*", ["xz", "yzz", "xz"]);
        check("^(?=.*[0-9])[[:alpha:]]{2,3}", ["aa", "bb", "cc"]);
        check("[]]a", ["]a", "]a", "]a"]);
        check("a{2", ["aa", "aa", "aa"]);
        check("(((", ["", "", ""]);
        check(r"^#[0-9a-f]{6}$", ["#000000", "#111111", "#222222"]);
    }

    #[test]
    fn a_pattern_of_like_is_filled_in() {
        let texts = [0, 1, 2].map(|variant| like(r"a\_b_%", variant));
        assert_eq!(texts, ["a_ba", "a_bbb", "a_bccc"]);
    }
}
