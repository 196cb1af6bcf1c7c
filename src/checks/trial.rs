//! What is said of a rollout or a rollback where it should not go through, or should change
//! nothing.
//!
//! What it does there depends on whether it looks at the ledger before it writes. Where one that
//! doesn't comes to what was there already, nobody minds.

use std::collections::BTreeSet;

use super::Finding;
use super::change::{Change, unquoted};
use super::crossing::{self, ROWS_WRITTEN_MAX, changes, with_rows};
use crate::catalog::Identity;
use crate::config::Level;
use crate::source::{Migration, Project};
use crate::sql::literal;
use crate::trace::{Ground, RolledOut, Trial};

/// A script that is tried, and what its ledger should be where it is meant to be played.
#[derive(Clone, Copy)]
pub(super) struct Tried<'a> {
    /// What it is called.
    pub(super) what: &'static str,
    pub(super) project: &'a Project,
    pub(super) script: &'a Migration,
    pub(super) trace: &'a RolledOut,
}

impl Tried<'_> {
    pub(super) fn told(&self, trial: &Trial) -> Vec<Finding> {
        let Self { what, project, script, .. } = *self;
        let Some([before, after]) = &trial.states else { return Vec::new() };
        let changes = changes(before, after);
        let place = match trial.ground {
            Ground::Again => "run a second time",
            Ground::NewDatabase => "on a new database, which the baseline has made",
            Ground::Behind => "on a database that lacks the last of the squashed migrations",
            Ground::NotRolledOut => "on a database where the rollout has not run",
            Ground::Ahead => "where migrations have run since the rollout",
        };
        if changes.is_empty() {
            return Vec::new();
        }
        if !trial.failures.is_empty() {
            let message = format!("{place}, the {what} fails half-way");
            return crossing::failed(&message, script, &trial.failures, &changes);
        }
        let tool = project.chain.format.name;
        let pending = trial.pending.join(", ");
        let (does, note, at_most) = match trial.ground {
            // Who keeps the rows of what has run since has thought of it, and may keep all of it.
            Ground::Ahead if pending.is_empty() => {
                return Vec::from_iter(self.undoes(place, trial, &changes));
            }
            Ground::Ahead => {
                let note = format!(
                    "the ledger then lacks {pending}: {tool} takes for pending what the database \
                     has already"
                );
                ("goes through", Some(note), Level::Deny)
            }
            Ground::Behind if pending.is_empty() => {
                let last = self.last_squashed().map_or("it", Migration::file_name);
                let note = format!(
                    "{tool} then takes the database for one that has all of them, and never runs \
                     {last}"
                );
                ("goes through", Some(note), Level::Warn)
            }
            Ground::Behind => {
                ("goes through", Some(format!("{tool} then runs {pending}")), Level::Warn)
            }
            Ground::Again | Ground::NewDatabase | Ground::NotRolledOut => {
                let note = format!("{tool} then runs {pending} once more");
                ("changes what is there", (!pending.is_empty()).then_some(note), Level::Deny)
            }
        };
        let finding = Finding::new(format!("{place}, the {what} {does}"));
        let finding = finding.in_migration(script, None);
        let finding = with_rows(finding, &changes, ToString::to_string);
        let finding = note.into_iter().fold(finding, Finding::note);
        vec![Finding { at_most, ..finding.help(self.guard()) }]
    }

    /// A rollback that takes back what the files since the rollout have done, and keeps their rows
    /// in the ledger.
    fn undoes(&self, place: &str, trial: &Trial, changes: &[Change]) -> Option<Finding> {
        let Self { what, project, script, trace } = *self;
        let ([found, left], since) = (trial.states.as_ref()?, trial.since.as_ref()?);
        // Without a ledger, the next boot does all of it again.
        let _ = trace.arrival.ledger.first()?;
        let [done, remains] =
            [found, left].map(|state| crossing::changes(&since.rolled_out, state));
        let copied =
            changes.iter().filter_map(|it| it.original(found)).collect::<BTreeSet<String>>();
        let is_undone = |change: &&Change| {
            let is_in = |all: &[Change]| all.iter().any(|it| it.is_beside(change));
            let is_copied = |it: &Identity| copied.contains(&unquoted(it.short_name()));
            is_in(&done)
                && !is_in(&remains)
                && !trace.bookkeeping.contains(change.subject())
                && !change.lost_part().is_some_and(is_copied)
        };
        let undone = changes.iter().filter(is_undone).collect::<Vec<_>>();
        let _ = undone.first()?;
        let message = format!("{place}, the {what} undoes what they have done");
        let finding = Finding::new(message).in_migration(script, None);
        let tool = project.chain.format.name;
        let note = format!(
            "the ledger still has {}: {tool} takes for done what is not there any more",
            since.files.join(", ")
        );
        Some(with_rows(finding, &undone, ToString::to_string).note(note).help(self.guard()))
    }

    /// The last of the files that were squashed.
    fn last_squashed(&self) -> Option<&Migration> {
        let squash = self.project.squash.as_ref()?;
        squash.old_side(self.project).chain.migrations[..squash.squashed].last()
    }

    /// What to write before anything else.
    fn guard(&self) -> String {
        let what = self.what;
        let (found, expected) = self.ledger().unwrap_or_else(|| {
            let found = "SELECT … FROM …".to_owned();
            (found, "…".to_owned())
        });
        let whose = if what == "rollback" {
            "the one that the rollout leaves"
        } else {
            "that of the whole chain"
        };
        format!(
            "let it look at the ledger first, and refuse any other than {whose}:\nDO \
             $$\nBEGIN\n    IF ({found})\n        IS DISTINCT FROM {expected} THEN\n        RAISE \
             EXCEPTION 'this is not the database that the {what} is for';\n    END IF;\nEND $$;"
        )
    }

    /// What is in the ledger where the script is meant to be played: the query, and what it gives.
    /// Nothing where more than a column has to be looked at.
    fn ledger(&self) -> Option<(String, String)> {
        let mut tables = self.trace.arrival.ledger.iter().filter(|it| it.expected.key.len() == 1);
        let (table, None) = (tables.next()?, tables.next()) else { return None };
        let column = table.expected.key.first()?;
        let known = if self.what == "rollback" {
            &table.expected
        } else {
            self.trace.before.details.get(&table.name)?
        };
        let place = known.columns.iter().position(|it| it == column)?;
        let mut values =
            known.rows.iter().filter_map(|row| row[place].as_deref()).collect::<Vec<_>>();
        values.sort_unstable();
        let values = values.into_iter().map(literal).collect::<Vec<_>>();
        let values = match values.as_slice() {
            [first, .., last] if values.len() > ROWS_WRITTEN_MAX => format!("{first}, …, {last}"),
            all => all.join(", "),
        };
        let found = format!(
            "SELECT array_agg({column}::text ORDER BY {column}::text COLLATE \"C\") FROM {}",
            table.name
        );
        Some((found, format!("ARRAY[{values}]")))
    }
}
