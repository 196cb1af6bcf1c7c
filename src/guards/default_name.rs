//! The names that Postgres gives to constraints and indexes that have none.
//!
//! A guard asks by name, so a statement without one has to get one. It has to be Postgres's own:
//! databases in which the statement was executed before have the object under that name.

use std::ops::Range;

use crate::sql::{
    Action, Change, Constraint, Cursor, Kind, LENGTH_MAX, Name, Object, Statement, is_keyword,
    tokens, truncated,
};

use super::expression_name::element_name;
use super::site::Site;

/// The name of a constraint that an ALTER adds, from its definition, which starts with ADD.
pub(super) fn constraint_name(
    site: &Site<'_>,
    constraint: Constraint,
    definition: Range<usize>,
) -> Option<String> {
    let at = definition.start;
    let pattern = constraint_pattern(site, site.statement, constraint, definition)?;
    Some(pattern.chosen(&taken(site, site.statement.name.as_ref()?, at), &site.known.names))
}

/// The name of the index that a CREATE INDEX makes.
pub(super) fn index_name(site: &Site<'_>) -> Option<String> {
    let pattern = index_pattern(site, site.statement)?;
    let taken = taken(site, site.statement.table.as_ref()?, site.statement.span.start);
    Some(pattern.chosen(&taken, &site.known.names))
}

/// What a name is made of, up to the number that tells it from others.
enum Pattern {
    /// `ADD UNIQUE USING INDEX` takes the index's name.
    Fixed(String),
    Made {
        owner: String,
        columns: Option<String>,
        label: &'static str,
    },
}

impl Pattern {
    fn numbered(&self, number: usize) -> String {
        match self {
            Self::Fixed(name) => name.clone(),
            Self::Made { owner, columns, label } => {
                let number = if number == 0 { String::new() } else { number.to_string() };
                object_name(owner, columns.as_deref(), &format!("{label}{number}"))
            }
        }
    }

    fn first_free(&self, taken: &[String]) -> String {
        let names = (0..=taken.len()).map(|number| self.numbered(number));
        names.into_iter().find(|name| !taken.contains(name)).unwrap_or_else(|| self.numbered(0))
    }

    /// What the object is known to be called, or else what Postgres would call it after what
    /// stands above it in the same script.
    fn chosen(&self, taken: &[String], known: &[String]) -> String {
        let guess = self.first_free(taken);
        if known.contains(&guess) {
            return guess;
        }
        let number_max = 99;
        let mut names = (0..=number_max).map(|number| self.numbered(number));
        names.find(|name| known.contains(name)).unwrap_or(guess)
    }
}

/// The names that a script gives, before some place of it, to a table's constraints and indexes.
fn taken(site: &Site<'_>, table: &Name, at: usize) -> Vec<String> {
    let mut taken = Vec::new();
    let earlier = site.script.statements().take_while(|statement| statement.span.start <= at);
    for statement in earlier {
        let is_on = |name: &Option<Name>| name.as_ref() == Some(table);
        match &statement.kind {
            Kind::Create(Object::Index) if is_on(&statement.table) && statement.span.start < at => {
                let made = || Some(index_pattern(site, statement)?.first_free(&taken));
                let name = statement.name.as_ref().map(|name| name.name.clone()).or_else(made);
                taken.extend(name);
            }
            Kind::Alter { actions, .. } if is_on(&statement.name) => {
                for action in actions.iter().filter(|action| action.span.start < at) {
                    taken.extend(added_name(site, statement, action, &taken));
                }
            }
            _ => {}
        }
    }
    taken
}

fn added_name(
    site: &Site<'_>,
    statement: &Statement,
    action: &Action,
    taken: &[String],
) -> Option<String> {
    let Change::AddConstraint { name, constraint } = &action.change else { return None };
    let made = || {
        let pattern = constraint_pattern(site, statement, *constraint, action.span.clone())?;
        Some(pattern.first_free(taken))
    };
    name.clone().or_else(made)
}

fn constraint_pattern(
    site: &Site<'_>,
    statement: &Statement,
    constraint: Constraint,
    definition: Range<usize>,
) -> Option<Pattern> {
    let owner = statement.name.as_ref()?.name.clone();
    let of_domain = matches!(statement.kind, Kind::Alter { object: Object::Domain, .. });
    let tokens = tokens(site.text, definition);
    let mut cursor = Cursor::new(site.text, &tokens);
    let mut index = cursor.clone();
    if index.seek("using index") {
        index.eat("using index");
        return index.identifier().map(Pattern::Fixed);
    }
    cursor.seek_where(Cursor::at_group);
    let group = cursor.group()?;
    let (columns, label) = match constraint {
        // VALUE is a column's name in tables only.
        Constraint::Check if of_domain => (None, "check"),
        Constraint::Check => (checked_column(group), "check"),
        Constraint::PrimaryKey => (None, "pkey"),
        Constraint::ForeignKey => (Some(column_names(&group)), "fkey"),
        Constraint::Unique => (Some(indexed_columns(&group, cursor)), "key"),
        Constraint::Exclude => (Some(indexed_columns(&group, cursor)), "excl"),
        Constraint::NotNull => return None,
    };
    Some(Pattern::Made { owner, columns, label })
}

fn index_pattern(site: &Site<'_>, statement: &Statement) -> Option<Pattern> {
    let owner = statement.table.as_ref()?.name.clone();
    let tokens = statement.tokens(site.text);
    let mut cursor = Cursor::new(site.text, &tokens);
    cursor.seek_where(Cursor::at_group);
    let group = cursor.group()?;
    let columns = Some(indexed_columns(&group, cursor));
    Some(Pattern::Made { owner, columns, label: "idx" })
}

fn column_names(group: &Cursor<'_>) -> String {
    let columns = group.clone().list();
    let columns = columns.iter().filter_map(|item| Cursor::new(group.text(), item).identifier());
    columns.collect::<Vec<_>>().join("_")
}

/// The columns of an index, INCLUDE and all.
fn indexed_columns(group: &Cursor<'_>, mut after: Cursor<'_>) -> String {
    let mut items = group.clone().list();
    if after.seek("include") {
        after.bump();
        items.extend(after.group().map_or_else(Vec::new, Cursor::list));
    }
    let mut names: Vec<String> = Vec::new();
    for item in items {
        let name = element_name(Cursor::new(group.text(), item));
        let numbered = (1..).map(|number| format!("{name}{number}"));
        names.extend(std::iter::once(name.clone()).chain(numbered).find(|n| !names.contains(n)));
    }
    names.join("_")
}

/// The one column that a CHECK is about, if it's about one.
fn checked_column(mut expression: Cursor<'_>) -> Option<String> {
    let mut columns: Vec<String> = Vec::new();
    let mut before = ["", ""];
    while expression.peek().is_some() {
        let word = expression.word();
        let mut after = expression.clone();
        let named = !is_keyword(&word.to_ascii_lowercase());
        match after.path().filter(|_| named).and_then(|mut path| path.pop()) {
            Some(name) => {
                expression = after;
                if is_column(before, word, &expression) && !columns.contains(&name) {
                    columns.push(name);
                }
            }
            None => expression.bump(),
        }
        before = [before[1], word];
    }
    columns.pop().filter(|_| columns.is_empty())
}

/// Whether a name in an expression is a column's, by the words around it. What is called, cast to
/// or collated by is none; nor is a type before its constant (`date '2000-01-01'`), nor what stands
/// after a constant (`interval '1' year`), nor a word of SQL that elsewhere is a name.
fn is_column(before: [&str; 2], word: &str, after: &Cursor<'_>) -> bool {
    let is = |word: &str, words: &[&str]| words.iter().any(|w| word.eq_ignore_ascii_case(w));
    let [before_that, before] = before;
    let called = after.at_group() || after.word().starts_with('\'');
    let cast = before == ":" || is(before, &["as", "collate"]) || before.ends_with('\'');
    let syntax = is(word, &["zone"]) && is(before, &["time"])
        || is(word, &["at"]) && after.at("time zone")
        || is(word, &["without"]) && after.at("time zone")
        || is(word, &["varying"]) && is(before, &["character", "char", "nchar", "bit"])
        || is(word, &["unknown", "document", "normalized"]) && is(before, &["is", "not"])
        || is(before_that, &["extract"]) && after.at("from");
    !(called || cast || syntax)
}

/// `table_columns_label`, the longer of the first two parts cut until all fits, as
/// `makeObjectName` in Postgres does it.
fn object_name(table: &str, columns: Option<&str>, label: &str) -> String {
    let mut table_length = table.len();
    let mut columns_length = columns.map_or(0, str::len);
    let separators = 1 + usize::from(columns.is_some());
    while table_length + columns_length + separators + label.len() > LENGTH_MAX {
        if table_length > columns_length {
            table_length -= 1;
        } else {
            columns_length -= 1;
        }
    }
    let table = truncated(table, table_length);
    match columns {
        Some(columns) => format!("{table}_{}_{label}", truncated(columns, columns_length)),
        None => format!("{table}_{label}"),
    }
}
