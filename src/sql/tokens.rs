//! A statement as the tokens that mean something, and a cursor that reads them.
//!
//! Heads of statements are regular enough to be read word by word; what follows a head is only ever
//! searched, never understood. Nothing here can fail: what doesn't match is left alone.

use std::ops::Range;

use squawk_lexer::{LiteralKind, TokenKind};

use super::name::{Name, folded};

/// A token that is neither white space nor a comment; its span is in bytes of the whole script.
#[derive(Debug, Clone)]
pub(crate) struct Token {
    pub(crate) kind: TokenKind,
    pub(crate) span: Range<usize>,
}

/// Whether Postgres's parser never sees this token.
pub(crate) fn is_trivia(kind: TokenKind) -> bool {
    matches!(kind, TokenKind::Whitespace | TokenKind::LineComment | TokenKind::BlockComment { .. })
}

/// The tokens of a part of a script, without white space and comments.
pub(crate) fn tokens(text: &str, span: Range<usize>) -> Vec<Token> {
    let mut start = span.start;
    squawk_lexer::tokenize(&text[span])
        .map(|token| {
            let end = start + token.len as usize;
            Token { kind: token.kind, span: std::mem::replace(&mut start, end)..end }
        })
        .filter(|token| !is_trivia(token.kind))
        .collect()
}

/// Reads tokens from left to right. Keywords are given in lower case, several separated by a blank.
#[derive(Debug, Clone)]
pub(crate) struct Cursor<'a> {
    text: &'a str,
    tokens: &'a [Token],
    next: usize,
}

impl<'a> Cursor<'a> {
    pub(crate) fn new(text: &'a str, tokens: &'a [Token]) -> Self {
        Self { text, tokens, next: 0 }
    }

    /// The script in which the tokens have their spans.
    pub(crate) fn text(&self) -> &'a str {
        self.text
    }

    pub(crate) fn peek(&self) -> Option<&'a Token> {
        self.tokens.get(self.next)
    }

    pub(crate) fn kind(&self) -> Option<TokenKind> {
        self.peek().map(|token| token.kind)
    }

    /// What the next token reads as in the script; nothing at the end.
    pub(crate) fn word(&self) -> &'a str {
        self.peek().map_or("", |token| &self.text[token.span.clone()])
    }

    pub(crate) fn bump(&mut self) {
        self.next = (self.next + 1).min(self.tokens.len());
    }

    /// Where the next token starts, or where the last one ends.
    pub(crate) fn offset(&self) -> usize {
        self.peek().map_or_else(|| self.tokens.last().map_or(0, |t| t.span.end), |t| t.span.start)
    }

    /// Whether these keywords come next.
    pub(crate) fn at(&self, keywords: &str) -> bool {
        let mut next = self.clone();
        keywords.split(' ').all(|keyword| {
            let matches =
                next.kind() == Some(TokenKind::Ident) && next.word().eq_ignore_ascii_case(keyword);
            next.bump();
            matches
        })
    }

    /// Steps over these keywords if they come next.
    pub(crate) fn eat(&mut self, keywords: &str) -> bool {
        let matches = self.at(keywords);
        if matches {
            self.next += keywords.split(' ').count();
        }
        matches
    }

    /// Steps over whichever of these comes next.
    pub(crate) fn eat_any(&mut self, choices: &[&str]) -> bool {
        choices.iter().any(|keywords| self.eat(keywords))
    }

    pub(crate) fn eat_kind(&mut self, kind: TokenKind) -> bool {
        let matches = self.kind() == Some(kind);
        if matches {
            self.bump();
        }
        matches
    }

    /// Steps over one token, or over everything between two parentheses or brackets.
    pub(crate) fn skip(&mut self) {
        let mut depth = 0_usize;
        while let Some(token) = self.peek() {
            self.bump();
            match token.kind {
                TokenKind::OpenParen | TokenKind::OpenBracket => depth += 1,
                TokenKind::CloseParen | TokenKind::CloseBracket => depth = depth.saturating_sub(1),
                _ => {}
            }
            if depth == 0 {
                return;
            }
        }
    }

    /// Moves to where `found` first holds outside parentheses; to the end if it never does.
    pub(crate) fn seek_where(&mut self, found: impl Fn(&Self) -> bool) -> bool {
        while self.peek().is_some() {
            if found(self) {
                return true;
            }
            self.skip();
        }
        false
    }

    /// Moves to the first place outside parentheses where these keywords come next.
    pub(crate) fn seek(&mut self, keywords: &str) -> bool {
        self.seek_where(|cursor| cursor.at(keywords))
    }

    /// Reads one identifier, folded as Postgres folds it.
    pub(crate) fn identifier(&mut self) -> Option<String> {
        let token = self.peek()?;
        let identifier = folded(token.kind, &self.text[token.span.clone()])?;
        self.bump();
        Some(identifier)
    }

    /// Reads a name with or without a schema. A database before the schema must be the current one,
    /// so it's dropped.
    pub(crate) fn name(&mut self) -> Option<Name> {
        let mut path = self.path()?;
        let name = path.pop()?;
        Some(Name { schema: path.pop(), name })
    }

    /// Reads identifiers with dots between them.
    pub(crate) fn path(&mut self) -> Option<Vec<String>> {
        let mut path = vec![self.identifier()?];
        while self.eat_kind(TokenKind::Dot) {
            path.push(self.identifier()?);
        }
        Some(path)
    }

    /// Reads a plain or dollar-quoted string; an escape in it is left as it's written.
    pub(crate) fn string(&mut self) -> Option<String> {
        let word = self.word();
        let string = match self.kind()? {
            TokenKind::Literal { kind: LiteralKind::DollarQuotedString { terminated: true } } => {
                let tag = 2 + word[1..].find('$')?;
                word[tag..word.len() - tag].to_owned()
            }
            TokenKind::Literal {
                kind:
                    LiteralKind::Str { terminated: true }
                    | LiteralKind::EscStr { terminated: true }
                    | LiteralKind::NationalStr { terminated: true },
            } => word[word.find('\'')? + 1..word.len() - 1].replace("''", "'"),
            _ => return None,
        };
        self.bump();
        Some(string)
    }

    /// What is left, cut at the commas outside parentheses.
    pub(crate) fn list(mut self) -> Vec<&'a [Token]> {
        let mut items = Vec::new();
        let mut start = self.next;
        while let Some(token) = self.peek() {
            if token.kind == TokenKind::Comma {
                items.push(&self.tokens[start..self.next]);
                start = self.next + 1;
            }
            self.skip();
        }
        items.push(&self.tokens[start..]);
        items.retain(|item| !item.is_empty());
        items
    }

    /// What is left, whatever it is.
    pub(crate) fn rest(&self) -> &'a [Token] {
        &self.tokens[self.next..]
    }

    pub(crate) fn at_group(&self) -> bool {
        self.kind() == Some(TokenKind::OpenParen)
    }

    /// Reads what is between two parentheses, if they come next.
    pub(crate) fn group(&mut self) -> Option<Self> {
        let start = self.next + 1;
        if !self.at_group() {
            return None;
        }
        self.skip();
        let end = (self.next - 1).max(start).min(self.tokens.len());
        Some(Self { text: self.text, tokens: self.tokens.get(start..end)?, next: 0 })
    }
}
