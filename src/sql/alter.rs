//! What an ALTER changes, action by action.

use std::ops::Range;

use squawk_lexer::TokenKind;

use super::Statement;
use super::kind::{Kind, Object, object, object_name, table};
use super::tokens::Cursor;

/// One of the comma-separated parts of an ALTER.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Action {
    pub(crate) span: Range<usize>,
    pub(crate) change: Change,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Change {
    /// `name_at` is where IF NOT EXISTS or IF EXISTS comes, here and below.
    AddColumn {
        name: String,
        guarded: bool,
        name_at: usize,
    },
    AddConstraint {
        name: Option<String>,
        constraint: Constraint,
    },
    AddValue {
        guarded: bool,
        name_at: usize,
    },
    DropColumn {
        name: String,
        guarded: bool,
        name_at: usize,
    },
    DropConstraint {
        name: String,
        guarded: bool,
        name_at: usize,
    },
    /// RENAME TO: the object itself.
    Rename {
        to: String,
    },
    RenameColumn {
        from: String,
        to: String,
    },
    RenameConstraint {
        from: String,
        to: String,
    },
    /// An attribute of a composite type.
    RenameAttribute {
        from: String,
        to: String,
    },
    /// A value of an enum.
    RenameValue {
        from: String,
        to: String,
    },
    SetSchema {
        schema: String,
    },
    Other,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Constraint {
    Check,
    Unique,
    PrimaryKey,
    ForeignKey,
    Exclude,
    NotNull,
}

/// Reads what follows ALTER.
pub(super) fn alter(cursor: &mut Cursor<'_>, statement: &mut Statement) -> Kind {
    cursor.eat("procedural");
    let found = object(cursor);
    let object = found.unwrap_or(Object::Other);
    statement.guarded = cursor.eat("if exists");
    statement.name_at = cursor.offset();
    statement.name = object_name(found, cursor);
    statement.table = match object {
        Object::Table | Object::ForeignTable => statement.name.clone(),
        Object::Trigger | Object::Policy | Object::Rule if cursor.at("on") => table(object, cursor),
        _ => None,
    };
    cursor.eat_kind(TokenKind::Star);
    skip_signature(object, cursor);
    let text = cursor.text();
    let actions = cursor.clone().list().into_iter().map(|tokens| Action {
        span: tokens[0].span.start..tokens[tokens.len() - 1].span.end,
        change: change(object, Cursor::new(text, tokens)).unwrap_or(Change::Other),
    });
    Kind::Alter { object, actions: actions.collect() }
}

/// Steps over what some objects have besides a name.
fn skip_signature(object: Object, cursor: &mut Cursor<'_>) {
    match object {
        Object::Function | Object::Procedure | Object::Routine | Object::Aggregate => {
            cursor.group();
        }
        Object::Operator => {
            cursor.seek_where(Cursor::at_group);
            cursor.group();
        }
        // The access method of an operator class or family.
        Object::Other if cursor.eat("using") => cursor.bump(),
        _ => {}
    }
}

fn change(object: Object, mut cursor: Cursor<'_>) -> Option<Change> {
    let table = matches!(object, Object::Table | Object::ForeignTable);
    if cursor.eat("set schema") {
        return Some(Change::SetSchema { schema: cursor.identifier()? });
    }
    if cursor.eat("rename") {
        return rename(object, cursor);
    }
    if cursor.eat("add") {
        if let Some(change) = add_constraint(&mut cursor) {
            return Some(change);
        }
        let value = object == Object::Type && cursor.eat("value");
        if !value && !table {
            return None;
        }
        if !value {
            cursor.eat("column");
        }
        let guarded = cursor.eat("if not exists");
        let name_at = cursor.offset();
        return Some(if value {
            Change::AddValue { guarded, name_at }
        } else {
            Change::AddColumn { name: cursor.identifier()?, guarded, name_at }
        });
    }
    if !cursor.eat("drop") {
        return None;
    }
    let constraint = cursor.eat("constraint");
    if !constraint && !table {
        return None;
    }
    if !constraint {
        cursor.eat("column");
    }
    let guarded = cursor.eat("if exists");
    let name_at = cursor.offset();
    let name = cursor.identifier()?;
    Some(if constraint {
        Change::DropConstraint { name, guarded, name_at }
    } else {
        Change::DropColumn { name, guarded, name_at }
    })
}

fn add_constraint(cursor: &mut Cursor<'_>) -> Option<Change> {
    let named = cursor.eat("constraint");
    let name = if named { Some(cursor.identifier()?) } else { None };
    let mut after = cursor.clone();
    after.bump();
    // Unlike the other keywords, EXCLUDE may be the name of a column.
    let excludes = after.at("using") || after.kind() == Some(TokenKind::OpenParen);
    let constraint = match () {
        () if cursor.at("check") => Constraint::Check,
        () if cursor.at("unique") => Constraint::Unique,
        () if cursor.at("primary key") => Constraint::PrimaryKey,
        () if cursor.at("foreign key") => Constraint::ForeignKey,
        () if cursor.at("exclude") && excludes => Constraint::Exclude,
        () if cursor.at("not null") => Constraint::NotNull,
        () => return None,
    };
    Some(Change::AddConstraint { name, constraint })
}

fn rename(object: Object, mut cursor: Cursor<'_>) -> Option<Change> {
    if cursor.eat("to") {
        return Some(Change::Rename { to: cursor.identifier()? });
    }
    if object == Object::Type && cursor.eat("value") {
        let from = cursor.string()?;
        return cursor.eat("to").then_some(Change::RenameValue { from, to: cursor.string()? });
    }
    let constraint = cursor.eat("constraint");
    let attribute = !constraint && object == Object::Type && cursor.eat("attribute");
    if !constraint && !attribute {
        cursor.eat("column");
    }
    let from = cursor.identifier()?;
    if !cursor.eat("to") {
        return None;
    }
    let to = cursor.identifier()?;
    Some(match () {
        () if constraint => Change::RenameConstraint { from, to },
        () if attribute => Change::RenameAttribute { from, to },
        () => Change::RenameColumn { from, to },
    })
}
