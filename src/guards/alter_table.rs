//! An ALTER of a table as a whole, made fit for a second run.
//!
//! Several rules may apply to one ALTER TABLE, each to another of its actions. What they advise is
//! the same text, so that following one doesn't leave the others unheeded.

use crate::sql::{Action, Change, Constraint, Kind, Name, Object, Statement, literal};

use super::block::{Step, block, constant, exists};
use super::default_name::constraint_name;
use super::site::{Site, Thing};

/// The action that a rule objects to: the first that matches and isn't undone in the same script.
pub(super) fn offending<'a>(
    site: &Site<'a>,
    matches: impl Fn(&Change) -> bool,
) -> Option<&'a Action> {
    let Kind::Alter { actions, .. } = &site.statement.kind else { return None };
    actions.iter().find(|action| matches(&action.change) && !is_passing(site, &action.change))
}

/// The statement with IF NOT EXISTS and IF EXISTS wherever they can be said, and conditions around
/// the constraints, for which they can't.
///
/// Constraints come last, as Postgres itself orders the work of one ALTER TABLE.
pub(super) fn repeatable(site: &Site<'_>) -> Option<String> {
    let statement = site.statement;
    let Kind::Alter { actions, object } = &statement.kind else { return None };
    let (constraints, others): (Vec<&Action>, Vec<&Action>) =
        actions.iter().partition(|action| needs_condition(site, &action.change));
    if constraints.is_empty() {
        let insertions: Vec<_> = others.iter().filter_map(|action| guard(site, action)).collect();
        return Some(site.with(&insertions));
    }
    let head = &site.text[statement.span.start..actions.first()?.span.start];
    let mut steps = Vec::new();
    if !others.is_empty() {
        let others: Vec<String> = others.iter().map(|action| guarded(site, action)).collect();
        steps.push(Step { condition: None, sql: format!("{head}{};", others.join(", ")) });
    }
    for action in constraints {
        let (name, sql) = named(site, action)?;
        let condition = condition(*object, statement, &action.change, &name)?;
        steps.push(Step { condition: Some(condition), sql: format!("{head}{sql};") });
    }
    Some(block(&steps))
}

fn is_passing(site: &Site<'_>, change: &Change) -> bool {
    let thing = match change {
        Change::AddColumn { name, .. } | Change::DropColumn { name, .. } => {
            Thing::column(site.statement, name)
        }
        Change::AddConstraint { name: Some(name), .. } | Change::DropConstraint { name, .. } => {
            Thing::constraint(site.statement, name)
        }
        _ => None,
    };
    thing.is_some_and(|thing| site.is_passing(&thing))
}

/// NOT NULL may be said again.
fn needs_condition(site: &Site<'_>, change: &Change) -> bool {
    let Change::AddConstraint { constraint, .. } = change else { return false };
    *constraint != Constraint::NotNull && !is_passing(site, change)
}

/// What an action lacks, and where.
fn guard(site: &Site<'_>, action: &Action) -> Option<(usize, &'static str)> {
    if is_passing(site, &action.change) {
        return None;
    }
    match action.change {
        Change::AddColumn { guarded: false, name_at, .. } => Some((name_at, "IF NOT EXISTS ")),
        Change::DropColumn { guarded: false, name_at, .. }
        | Change::DropConstraint { guarded: false, name_at, .. } => Some((name_at, "IF EXISTS ")),
        _ => None,
    }
}

fn guarded(site: &Site<'_>, action: &Action) -> String {
    let span = &action.span;
    match guard(site, action) {
        Some((offset, words)) => {
            format!("{}{words}{}", &site.text[span.start..offset], &site.text[offset..span.end])
        }
        None => site.text[span.clone()].to_owned(),
    }
}

/// An ADD CONSTRAINT with its name: its own, or the one that Postgres gives it.
fn named(site: &Site<'_>, action: &Action) -> Option<(String, String)> {
    let sql = &site.text[action.span.clone()];
    let Change::AddConstraint { name, constraint } = &action.change else { return None };
    if let Some(name) = name {
        return Some((name.clone(), sql.to_owned()));
    }
    let name = constraint_name(site, *constraint, action.span.clone())?;
    let add = "ADD".len();
    let quoted = crate::sql::quoted(&name);
    let sql = format!("{} CONSTRAINT {quoted}{}", &sql[..add], &sql[add..]);
    Some((name, sql))
}

fn condition(object: Object, statement: &Statement, change: &Change, name: &str) -> Option<String> {
    let Change::AddConstraint { constraint, .. } = change else { return None };
    let owner = statement.name.as_ref()?;
    // There is one primary key at most, whatever its name is.
    let which = match constraint {
        Constraint::PrimaryKey => ("contype", "'p'".to_owned()),
        _ => ("conname", literal(name)),
    };
    Some(format!("NOT {}", exists("pg_constraint", &[which, of(object, statement, owner)])))
}

/// What ties a constraint to its table or domain.
pub(super) fn of(object: Object, statement: &Statement, owner: &Name) -> (&'static str, String) {
    let (column, reg_type) = match object {
        Object::Domain => ("contypid", "regtype"),
        _ => ("conrelid", "regclass"),
    };
    // ALTER TABLE IF EXISTS is content without the table; the constant would not be.
    let value = if statement.guarded {
        format!("to_{reg_type}({})", literal(&owner.to_string()))
    } else {
        constant(owner, reg_type)
    };
    (column, value)
}
