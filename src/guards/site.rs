//! A statement in its script, and the edits that rules make to it.

use super::Known;
use crate::sql::{Change, Kind, Name, Object, Script, Statement};

/// What a rule looks at.
pub(super) struct Site<'a> {
    pub(super) text: &'a str,
    pub(super) script: &'a Script,
    pub(super) statement: &'a Statement,
    pub(super) known: &'a Known,
}

/// Something that a script makes or unmakes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Thing {
    part: Part,
    /// The table of a column, constraint, trigger, …
    on: Option<Name>,
    name: Name,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Part {
    Object,
    Column,
    Constraint,
}

impl Thing {
    fn object(statement: &Statement, object: Object) -> Option<Self> {
        let on = match object {
            Object::Policy | Object::Rule | Object::Trigger => Some(statement.table.clone()?),
            // Dropping one and making another of the same name is how arguments are changed; that
            // can't be done twice.
            Object::Aggregate | Object::Function | Object::Procedure | Object::Routine => {
                return None;
            }
            _ => None,
        };
        Some(Self { part: Part::Object, on, name: statement.name.clone()? })
    }

    fn table(name: &Name) -> Self {
        Self { part: Part::Object, on: None, name: name.clone() }
    }

    fn within(part: Part, statement: &Statement, name: &str) -> Option<Self> {
        let name = Name { schema: None, name: name.to_owned() };
        Some(Self { part, on: Some(statement.name.clone()?), name })
    }

    pub(super) fn column(statement: &Statement, name: &str) -> Option<Self> {
        Self::within(Part::Column, statement, name)
    }

    pub(super) fn constraint(statement: &Statement, name: &str) -> Option<Self> {
        Self::within(Part::Constraint, statement, name)
    }

    /// A name without a schema may be any schema's.
    fn is(&self, other: &Self) -> bool {
        let same = |a: &Name, b: &Name| {
            let anywhere = a.schema.is_none() || b.schema.is_none();
            a.name == b.name && (anywhere || a.schema == b.schema)
        };
        let on = match (&self.on, &other.on) {
            (Some(a), Some(b)) => same(a, b),
            (None, None) => true,
            _ => false,
        };
        on && self.part == other.part && same(&self.name, &other.name)
    }
}

impl Site<'_> {
    /// Whether the statement is about something that each run of the script makes anew.
    pub(super) fn passes(&self) -> bool {
        let statement = self.statement;
        let object = match statement.kind {
            Kind::Create(object) | Kind::Drop(object) | Kind::Alter { object, .. } => {
                Thing::object(statement, object)
            }
            _ => None,
        };
        let table = statement.table.as_ref().map(Thing::table);
        statement.temporary || [object, table].iter().flatten().any(|thing| self.is_passing(thing))
    }

    /// Whether a run of the script both makes and unmakes this, in whatever order: then the next
    /// run finds what the first one found.
    pub(super) fn is_passing(&self, thing: &Thing) -> bool {
        let mut made = false;
        let mut unmade = false;
        for statement in self.script.statements() {
            let (makes, unmakes) = effects(statement);
            made |= makes.iter().any(|other| other.is(thing));
            unmade |= unmakes.iter().any(|other| other.is(thing));
            unmade |= statement.temporary && makes.iter().any(|other| other.is(thing));
        }
        made && unmade
    }

    /// The statement with words put in at some places of the script, and with a semicolon.
    pub(super) fn with(&self, insertions: &[(usize, &str)]) -> String {
        let span = &self.statement.span;
        let mut sql = String::new();
        let mut end = span.start;
        for (offset, words) in insertions {
            sql += &self.text[end..*offset];
            sql += words;
            end = *offset;
        }
        sql += &self.text[end..span.end];
        if !sql.ends_with(';') {
            sql.push(';');
        }
        sql
    }
}

/// What a statement makes and what it unmakes.
fn effects(statement: &Statement) -> (Vec<Thing>, Vec<Thing>) {
    let mut makes = Vec::new();
    let mut unmakes = Vec::new();
    match &statement.kind {
        Kind::Create(object) => makes.extend(Thing::object(statement, *object)),
        Kind::Drop(object) => unmakes.extend(Thing::object(statement, *object)),
        Kind::Alter { object, actions } => {
            for action in actions {
                let (made, unmade) = action_effects(statement, *object, &action.change);
                makes.extend(made);
                unmakes.extend(unmade);
            }
        }
        _ => {}
    }
    (makes, unmakes)
}

fn action_effects(
    statement: &Statement,
    object: Object,
    change: &Change,
) -> (Option<Thing>, Option<Thing>) {
    let column = |name| Thing::column(statement, name);
    let constraint = |name| Thing::constraint(statement, name);
    match change {
        Change::AddColumn { name, .. } => (column(name), None),
        Change::AddConstraint { name: Some(name), .. } => (constraint(name), None),
        Change::DropColumn { name, .. } => (None, column(name)),
        Change::DropConstraint { name, .. } => (None, constraint(name)),
        Change::RenameColumn { from, to } => (column(to), column(from)),
        Change::RenameConstraint { from, to } => (constraint(to), constraint(from)),
        Change::Rename { to } => {
            let from = Thing::object(statement, object);
            let made = from.clone().map(|from| {
                let name = Name { name: to.clone(), ..from.name };
                Thing { name, ..from }
            });
            (made, from)
        }
        _ => (None, None),
    }
}
