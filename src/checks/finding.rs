//! One thing to say: what is wrong and where, what Postgres said, what it means, and what to write
//! instead.

use std::ops::Range;
use std::sync::Arc;

use crate::config::{self, Config, Level};
use crate::source::{Migration, SourceFile};
use crate::sql::{Position, position};

/// What a check found. Data: how it is told is the reports' business.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Finding {
    /// Less strict than the check's own level, for what can't do harm.
    pub(crate) at_most: Level,
    pub(crate) message: String,
    pub(crate) place: Option<Place>,
    /// The migration's name.
    pub(crate) migration: Option<String>,
    pub(crate) sqlstate: Option<String>,
    /// Written beside the statement: what Postgres said to it, where there is a `sqlstate`.
    pub(crate) label: Option<String>,
    /// What it means here.
    pub(crate) notes: Vec<String>,
    /// What to do, ready to paste.
    pub(crate) help: Option<String>,
}

/// A place in the project's files.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Place {
    /// Relative to the project.
    pub(crate) path: String,
    /// The file's text with the bytes that are meant; absent where the file as a whole is meant.
    pub(crate) excerpt: Option<(Arc<str>, Range<usize>)>,
}

impl Finding {
    pub(crate) fn new(message: impl Into<String>) -> Self {
        Self {
            at_most: Level::Deny,
            message: message.into(),
            place: None,
            migration: None,
            sqlstate: None,
            label: None,
            notes: Vec::new(),
            help: None,
        }
    }

    pub(crate) fn at(mut self, place: Place) -> Self {
        self.place = Some(place);
        self
    }

    /// Places the finding in a migration's file: at a statement, or at the file as a whole.
    pub(crate) fn in_migration(
        mut self,
        migration: &Migration,
        span: Option<Range<usize>>,
    ) -> Self {
        self.migration = Some(migration.name.clone());
        self.at(Place::of(&migration.file, span))
    }

    pub(crate) fn label(mut self, label: impl Into<String>) -> Self {
        self.label = Some(label.into());
        self
    }

    pub(crate) fn note(mut self, note: impl Into<String>) -> Self {
        self.notes.push(note.into());
        self
    }

    pub(crate) fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }
}

impl Place {
    pub(crate) fn of(file: &SourceFile, span: Option<Range<usize>>) -> Self {
        let excerpt = span.map(|span| (Arc::clone(&file.text), span));
        Self { path: file.path.clone(), excerpt }
    }

    /// Bytes of `rehearsal.toml`; nothing where Rust code has said it.
    pub(crate) fn in_config(config: &Config, span: Range<usize>) -> Option<Self> {
        let excerpt = Some((Arc::clone(&config.text), span.clone()));
        (!span.is_empty()).then(|| Self { path: config::FILE.to_owned(), excerpt })
    }

    /// Line and column, if a part of the file is meant.
    pub(crate) fn position(&self) -> Option<Position> {
        self.excerpt.as_ref().map(|(text, span)| position(text, span.start))
    }
}
