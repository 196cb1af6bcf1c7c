//! What an act that should have changed nothing did change, and which statement it was.

use std::collections::BTreeMap;
use std::fmt;

use super::cause::has_word;
use crate::catalog::{self, Difference, Identity};
use crate::guards::{self, Table};
use crate::rows::{
    self, Detail, ROWS_MAX, RowChange, RowDifference, TableWrites, Uncounted, Writes,
};
use crate::source::Migration;
use crate::sql::{self, Kind, Object, Statement};
use crate::trace::State;

/// How many rows of a table are told.
const ROWS_TOLD: usize = 5;

/// One thing that is not as it was.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Change {
    Schema(Difference),
    Rows(RowDifference),
    /// Rows that came and went again, or were written and rolled back.
    Writes {
        table: String,
        writes: TableWrites,
    },
}

impl Change {
    /// What differs between two states. That the tool writes to its own ledger is nobody's fault.
    pub(super) fn between(before: &State, after: &State, ledger: Option<&str>) -> Vec<Self> {
        let schema = catalog::diff(&before.catalog, &after.catalog).into_iter().map(Self::Schema);
        let rows = rows::diff(&before.rows, &after.rows).into_iter();
        // A table that came or went is told as such, and not once more for its rows.
        let rows = rows.filter(|difference| !is_told_by_the_schema(difference));
        let rows = rows
            .filter(|difference| !(difference.is_physical() && Some(difference.name()) == ledger));
        schema.chain(rows.map(Self::Rows)).collect()
    }

    /// What was written to tables that look as if nothing had been.
    pub(super) fn unseen(changes: &[Self], writes: &Writes, ledger: Option<&str>) -> Vec<Self> {
        let seen = |table: &str| changes.iter().any(|change| change.subject() == table);
        let unseen = writes
            .tables
            .iter()
            .filter(|(table, _)| !seen(table.as_str()) && Some(table.as_str()) != ledger);
        unseen
            .map(|(table, writes)| Self::Writes { table: table.clone(), writes: *writes })
            .collect()
    }

    /// What is said of it: a sentence, and below it the rows, where they are known.
    pub(super) fn note(&self, details: &BTreeMap<String, (Detail, Detail)>) -> String {
        let details = match self {
            Self::Rows(difference) if !difference.is_physical() => details.get(difference.name()),
            _ => None,
        };
        let changes = details.map(|(before, after)| before.changes(after)).unwrap_or_default();
        let told = with_rows(&self.to_string(), &changes);
        match self {
            Self::Rows(difference) if difference.rows() > ROWS_MAX => {
                format!("{told}; which rows is told of tables with {ROWS_MAX} at most")
            }
            _ => told,
        }
    }

    /// The table, or other object, that this is about.
    pub(super) fn subject(&self) -> &str {
        match self {
            Self::Schema(difference) => difference.identity().root(),
            Self::Rows(difference) => difference.name(),
            Self::Writes { table, .. } => table,
        }
    }

    /// The statement of a file that most likely did it: the last one that names the object, and
    /// does the kind of thing that happened.
    pub(super) fn statement<'a>(
        &self,
        migration: &'a Migration,
        state: &State,
    ) -> Option<&'a Statement> {
        // A sequence is moved by what is inserted into its table.
        let owner = state.rows.sequences.get(self.subject()).and_then(|s| s.owned_by.as_deref());
        let subject = owner.unwrap_or(self.subject());
        let name = unquoted(subject.rsplit_once('.').map_or(subject, |(_, name)| name));
        let text = &migration.file.text;
        let about = |statement: &Statement| {
            let names = [&statement.table, &statement.name];
            names.into_iter().flatten().any(|named| named.name == name)
        };
        let mentions = |statement: &Statement| has_word(&text[statement.span.clone()], &name);
        let last = |of: &dyn Fn(&Statement) -> bool| {
            migration.file.script.statements().rev().find(|statement| of(statement))
        };
        last(&|statement| about(statement) && self.is_made_by(statement))
            .or_else(|| last(&|statement| mentions(statement) && statement.kind == Kind::Do))
            .or_else(|| last(&about))
            .or_else(|| last(&mentions))
    }

    /// Whether a statement does the kind of thing that happened.
    fn is_made_by(&self, statement: &Statement) -> bool {
        let actions = match &statement.kind {
            Kind::Alter { actions, .. } => actions.as_slice(),
            _ => &[],
        };
        let acts = |takes: bool| actions.iter().any(|action| takes_away(&action.change) == takes);
        match self {
            Self::Rows(_) | Self::Writes { .. } => writes_rows(&statement.kind),
            Self::Schema(Difference::OnlyLeft { .. }) => {
                matches!(statement.kind, Kind::Drop(_)) || acts(true)
            }
            Self::Schema(Difference::OnlyRight { identity, .. }) => match identity.kind() {
                "table" => statement.kind == Kind::Create(Object::Table),
                "index" => statement.kind == Kind::Create(Object::Index),
                _ if identity.is_child() => acts(false),
                _ => matches!(statement.kind, Kind::Create(_)),
            },
            Self::Schema(Difference::Changed { .. }) => {
                matches!(statement.kind, Kind::Create(_) | Kind::Alter { .. } | Kind::Comment)
            }
        }
    }

    /// Whether another change is one of the same thing: an object, an attribute of one, or the rows
    /// of a table.
    pub(super) fn is_beside(&self, other: &Self) -> bool {
        let of = |change: &Self| match change {
            Self::Schema(Difference::Changed { attribute, .. }) => Some(attribute.clone()),
            _ => None,
        };
        match (self, other) {
            (Self::Schema(one), Self::Schema(two)) => {
                one.identity() == two.identity() && of(self) == of(other)
            }
            (Self::Rows(one), Self::Rows(two)) => one.name() == two.name(),
            _ => false,
        }
    }

    /// What was not there before.
    pub(super) fn new_object(&self) -> Option<&Identity> {
        match self {
            Self::Schema(Difference::OnlyRight { identity, .. }) => Some(identity),
            _ => None,
        }
    }

    /// What the constraint or index is called of which a new one is the copy under another name.
    pub(super) fn original(&self, before: &State) -> Option<String> {
        let Self::Schema(Difference::OnlyRight { identity, object }) = self else { return None };
        let same = |other: &Identity| {
            other.kind() == identity.kind()
                && identity.is_child()
                && other.root() == identity.root()
        };
        let definition = nameless(object.get("definition")?);
        let mut objects = before.catalog.objects.iter();
        let original = objects.find(|(other, object)| {
            same(other) && object.get("definition").map(nameless) == Some(definition)
        });
        original.map(|(identity, _)| unquoted(identity.short_name()))
    }

    /// The name of a table that was not there before.
    pub(super) fn revived_table(&self) -> Option<&str> {
        match self {
            Self::Schema(Difference::OnlyRight { identity, .. }) if identity.kind() == "table" => {
                identity.name().rsplit('.').next()
            }
            _ => None,
        }
    }

    /// Whether this is a sequence that counted on, as it does even in what is rolled back.
    pub(super) fn is_sequence_move(&self) -> bool {
        matches!(self, Self::Rows(RowDifference::SequenceMoved { .. }))
    }

    /// What isn't there any more, if it belonged to a table.
    pub(super) fn lost_part(&self) -> Option<&Identity> {
        match self {
            Self::Schema(Difference::OnlyLeft { identity, .. }) if identity.is_child() => {
                Some(identity)
            }
            _ => None,
        }
    }

    /// What to write instead of a statement that wrote rows, if it is one that needs no guard but
    /// another condition.
    pub(super) fn help(
        &self,
        text: &str,
        statement: &Statement,
        table: Option<&Table>,
    ) -> Option<String> {
        let known = table.cloned().unwrap_or_default();
        let missing = || guards::only_missing(text, statement, &known);
        match (self, &statement.kind) {
            (Self::Rows(RowDifference::SequenceMoved { .. }), Kind::Insert)
                if statement.guarded =>
            {
                let why = "ON CONFLICT takes a value from the sequence before it sees the conflict";
                Some(match missing() {
                    Some(instead) => format!("{why}; insert only what is missing:\n{instead}"),
                    None => format!(
                        "{why}: write the rows that are there with an UPDATE, if they are to \
                         change, and insert only those that WHERE NOT EXISTS finds missing"
                    ),
                })
            }
            (Self::Rows(RowDifference::Changed { .. }), Kind::Update | Kind::Insert)
                if guards::is_clocked(text, statement) =>
            {
                let instead = guards::only_differing(text, statement, table)?;
                Some(format!("write only the rows that differ in something else:\n{instead}"))
            }
            (Self::Rows(RowDifference::Rewritten { .. }), Kind::Update | Kind::Insert) => {
                let differing = guards::only_differing(text, statement, table);
                Some(match differing {
                    Some(instead) => format!("write only the rows that differ:\n{instead}"),
                    None => "write only the rows that differ: let a WHERE compare what the row \
                             has with what it gets, by IS DISTINCT FROM"
                        .to_owned(),
                })
            }
            _ => None,
        }
    }
}

impl fmt::Display for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Schema(difference) => difference.fmt(f),
            Self::Rows(difference) => difference.fmt(f),
            Self::Writes { table, writes: TableWrites { inserted, updated, deleted } } => {
                let numbers = [(inserted, "inserted"), (updated, "updated"), (deleted, "deleted")];
                let told = numbers.iter().filter(|(number, _)| **number > 0);
                let told = told.map(|(number, done)| format!("{number} {done}"));
                let told = told.collect::<Vec<_>>().join(", ");
                // What a table has lost and gained can't be otherwise, if it is as it was.
                let became = if *inserted > 0 && inserted == deleted {
                    "rows came and went"
                } else {
                    "rows were written, and that was rolled back"
                };
                write!(f, "table {table}: {became} ({told})")
            }
        }
    }
}

/// What is said where writes could not be counted for another reason than the version, of which the
/// check's own description tells.
pub(super) fn uncounted<'a>(
    writes: impl IntoIterator<Item = &'a Result<Writes, Uncounted>>,
) -> Option<String> {
    let is_disturbed =
        |writes: &Result<Writes, Uncounted>| matches!(writes, Err(Uncounted::InCompany));
    writes.into_iter().any(is_disturbed).then(|| {
        "rows that came and went again are not seen: somebody else has stayed connected, and has \
         no numbers yet"
            .to_owned()
    })
}

/// A sentence, and below it the rows that became others, as far as they fit.
pub(super) fn with_rows(sentence: &str, changes: &[RowChange]) -> String {
    let told = changes.iter().take(ROWS_TOLD).map(|change| format!("\n  {change}"));
    let more = changes.len().saturating_sub(ROWS_TOLD);
    let more = (more > 0).then(|| format!("\n  and {more} more"));
    told.chain(more).fold(sentence.to_owned(), |all, line| all + &line)
}

/// Whether a part of an ALTER leaves less than there was, or calls it something else.
pub(super) fn takes_away(change: &sql::Change) -> bool {
    matches!(
        change,
        sql::Change::DropColumn { .. }
            | sql::Change::DropConstraint { .. }
            | sql::Change::Rename { .. }
            | sql::Change::RenameColumn { .. }
            | sql::Change::RenameConstraint { .. }
            | sql::Change::SetSchema { .. }
    )
}

fn is_told_by_the_schema(difference: &RowDifference) -> bool {
    matches!(
        difference,
        RowDifference::TableGone { .. }
            | RowDifference::TableNew { .. }
            | RowDifference::SequenceGone { .. }
            | RowDifference::SequenceNew { .. }
    )
}

pub(super) fn writes_rows(kind: &Kind) -> bool {
    matches!(
        kind,
        Kind::Insert
            | Kind::Update
            | Kind::Delete
            | Kind::Merge
            | Kind::Truncate
            | Kind::CopyFromStdin
            | Kind::Copy
    )
}

/// A definition without the name that an index's has in it.
fn nameless(definition: &str) -> (bool, &str) {
    match definition.split_once(" ON ") {
        Some((head, rest)) if head.starts_with("CREATE ") => (head.contains(" UNIQUE "), rest),
        _ => (false, definition),
    }
}

pub(super) fn unquoted(name: &str) -> String {
    match name.strip_prefix('"').and_then(|name| name.strip_suffix('"')) {
        Some(inner) => inner.replace("\"\"", "\""),
        None => name.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use pretty_assertions::assert_eq;

    use super::super::cause::tests::{catalog, migration};
    use super::*;
    use crate::catalog;
    use crate::rows::{Position, Rows};

    /// Which statement of a file did something, by its first line.
    fn check(change: &Change, file: &str, expect: Option<&str>) {
        let position = Position { last_value: 1, is_called: true, owned_by: None };
        let owned = Position { owned_by: Some("public.\"T\"".to_owned()), ..position };
        let sequences = [("public.t_id_seq".to_owned(), owned)].into();
        let rows = Rows { sequences, ..Rows::default() };
        let state = State { catalog: catalog::Catalog::default(), rows };
        let migration = migration(file);
        let statement = change.statement(&migration, &state);
        let line = |found: &Statement| file[found.span.clone()].lines().next();
        assert_eq!(statement.and_then(line), expect, "{change}: {file}");
    }

    fn left(kind: &'static str, name: &str) -> Change {
        changed(&catalog(&[(kind, name, "")]), &catalog(&[]))
    }

    fn right(kind: &'static str, name: &str) -> Change {
        changed(&catalog(&[]), &catalog(&[(kind, name, "")]))
    }

    fn changed(before: &catalog::Catalog, after: &catalog::Catalog) -> Change {
        Change::Schema(catalog::diff(before, after).remove(0))
    }

    fn moved() -> Change {
        let before = Position { last_value: 1, is_called: true, owned_by: None };
        let (sequence, after) = ("public.t_id_seq".to_owned(), before.clone());
        Change::Rows(RowDifference::SequenceMoved { sequence, before, after })
    }

    #[test]
    fn writes_that_leave_nothing_are_told_by_what_was_done() {
        let check = |inserted, updated, deleted, sentence: &str| {
            let writes = TableWrites { inserted, updated, deleted };
            let change = Change::Writes { table: "t".to_owned(), writes };
            assert_eq!(change.to_string(), format!("table t: rows {sentence}"));
        };
        check(2, 0, 2, "came and went (2 inserted, 2 deleted)");
        check(1, 3, 1, "came and went (1 inserted, 3 updated, 1 deleted)");
        check(1, 0, 0, "were written, and that was rolled back (1 inserted)");
        check(0, 2, 0, "were written, and that was rolled back (2 updated)");
    }

    #[test]
    fn that_somebody_was_there_is_said_and_the_version_is_not() {
        let of = |last| uncounted([&Ok(Writes::default()), &last]);
        assert_eq!(of(Ok(Writes::default())), None);
        assert_eq!(of(Err(Uncounted::ByVersion)), None);
        assert_eq!(of(Err(Uncounted::Unasked)), None);
        assert!(of(Err(Uncounted::InCompany)).is_some_and(|said| said.contains("not seen")));
    }

    #[test]
    fn the_last_statement_that_does_such_a_thing_did_it() {
        let rewritten = RowDifference::Rewritten { table: "public.t".to_owned(), count: 1 };
        let rewritten = Change::Rows(rewritten);
        let update = "UPDATE t SET a = 1;";
        check(&rewritten, &format!("{update} ALTER TABLE t ADD b int;"), Some(update));
        check(&rewritten, &format!("{update} DO $$ DELETE FROM t $$;"), Some(update));
        check(&rewritten, "SELECT 1; DO 'DELETE FROM t';", Some("DO 'DELETE FROM t';"));
        check(&rewritten, "SELECT 1;", None);
        check(
            &moved(),
            "INSERT INTO \"T\" VALUES (1); SELECT 2;",
            Some("INSERT INTO \"T\" VALUES (1);"),
        );
        let key = "ALTER TABLE t DROP CONSTRAINT k;";
        check(
            &left("primary key", "public.t.k"),
            &format!("{key} ALTER TABLE t ADD a int;"),
            Some(key),
        );
        check(
            &right("table", "public.t"),
            "CREATE TABLE t (); ALTER TABLE t ADD a int;",
            Some("CREATE TABLE t ();"),
        );
        check(
            &right("index", "public.t.i"),
            "CREATE INDEX ON t (a); UPDATE t SET a = 1;",
            Some("CREATE INDEX ON t (a);"),
        );
    }
}
