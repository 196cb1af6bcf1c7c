//! SQL text as statements: where each stands, what kind it is, what it names.
//!
//! A [`Script`] cuts a text into pieces that tile it. Statements are cut as Postgres cuts them, so
//! the n-th statement is the n-th that Postgres completes, and a failure can be given its place.
//! Kinds and names are read from the head of each statement's own tokens: that takes syntax of
//! Postgres versions not yet written, costs one pass over the text and can't fail. What isn't
//! recognized is [`Kind::Other`].
//!
//! This module knows text only: no files, no migration tools, no connection, and it judges nothing.

mod alter;
mod autocommit;
mod kind;
mod name;
#[cfg(test)]
pub(crate) mod oracle;
mod position;
mod split;
mod template;
mod tokens;

use std::ops::Range;

pub(crate) use alter::{Action, Change, Constraint};
pub(crate) use kind::{Control, Kind, Object};
pub(crate) use name::{LENGTH_MAX, Name, is_keyword, literal, quoted, truncated};
pub(crate) use position::{Position, character_offset, position};
pub(crate) use squawk_lexer::TokenKind;
pub(crate) use template::template_marker;
pub(crate) use tokens::{Cursor, Token, tokens};

/// A text of SQL statements, as a migration or a dump holds them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Script {
    /// In order, without gaps: together they are the text.
    pub(crate) pieces: Vec<Piece>,
}

/// A part of a script; its span is in bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Piece {
    pub(crate) span: Range<usize>,
    pub(crate) content: Content,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Content {
    /// White space, comments and semicolons that end nothing.
    Space,
    /// Has the same span as its piece.
    Statement(Statement),
    /// A line for psql, such as `\connect app`, with its line end.
    Meta,
    /// The lines after a `COPY … FROM stdin;` up to and with the `\.` that ends them.
    CopyData,
    /// What is not played with the rest, such as a section that leads back.
    Aside,
}

/// One statement, from its first token to its semicolon.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Statement {
    pub(crate) span: Range<usize>,
    pub(crate) kind: Kind,
    /// The object created, dropped, altered or commented on; of several, the first.
    pub(crate) name: Option<Name>,
    /// The table that is written or altered, or on which the named object lives.
    pub(crate) table: Option<Name>,
    /// It says IF NOT EXISTS, IF EXISTS, OR REPLACE or ON CONFLICT.
    pub(crate) guarded: bool,
    /// It makes an object that ends with the session.
    pub(crate) temporary: bool,
    /// Where the name stands or would stand; IF NOT EXISTS and IF EXISTS come right before it.
    pub(crate) name_at: usize,
    autocommit: bool,
}

impl Script {
    pub(crate) fn parse(text: &str) -> Self {
        Self { pieces: split::split(text, 0..text.len()) }
    }

    /// Cuts the parts of a text that are played, each by itself. They are in order, and places are
    /// those of the whole text.
    pub(crate) fn parse_parts(text: &str, parts: impl Iterator<Item = Range<usize>>) -> Self {
        let mut pieces = Vec::new();
        let mut end = 0;
        for part in parts {
            if end < part.start {
                pieces.push(Piece { span: end..part.start, content: Content::Aside });
            }
            end = part.end;
            pieces.extend(split::split(text, part));
        }
        if end < text.len() {
            pieces.push(Piece { span: end..text.len(), content: Content::Aside });
        }
        Self { pieces }
    }

    pub(crate) fn statements(&self) -> impl DoubleEndedIterator<Item = &Statement> {
        self.pieces.iter().filter_map(|piece| match &piece.content {
            Content::Statement(statement) => Some(statement),
            _ => None,
        })
    }
}

impl Statement {
    /// Whether Postgres refuses it inside a transaction block, as far as its text tells.
    pub(crate) fn needs_autocommit(&self) -> bool {
        self.autocommit
    }

    /// Where a command for psql stands in it, which psql would run, and Postgres never see.
    pub(crate) fn command(&self, text: &str) -> Option<usize> {
        if !text[self.span.clone()].contains('\\') {
            return None;
        }
        let mut starts = self.tokens(text).into_iter().map(|token| token.span.start);
        starts.find(|start| text[*start..].starts_with('\\'))
    }

    /// Where its strings stand that are quoted by `'`.
    pub(crate) fn strings(&self, text: &str) -> impl Iterator<Item = Range<usize>> {
        let tokens = self.tokens(text).into_iter();
        let quoted = tokens.filter(|token| matches!(token.kind, TokenKind::Literal { .. }));
        quoted.map(|token| token.span).filter(|span| text[span.clone()].ends_with('\''))
    }

    /// Its tokens in the text of its script, without white space, comments and semicolon.
    pub(crate) fn tokens(&self, text: &str) -> Vec<Token> {
        let mut tokens = tokens::tokens(text, self.span.clone());
        tokens.pop_if(|token| token.kind == squawk_lexer::TokenKind::Semi);
        tokens
    }
}
