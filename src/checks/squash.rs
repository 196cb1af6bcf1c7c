//! What the checks of a squash share: what was played of it, where the chain and its baseline say
//! something of an object, and how the differences of two schemas are told, object by object.

use std::collections::BTreeMap;

use super::cause::has_word;
use super::change::unquoted;
use super::{Finding, Verdict};
use crate::catalog::{Aside, Beside, Comparison, Difference, Identity, Renamed};
use crate::source::{Migration, Project, Squash};
use crate::sql::{Kind, Object, Statement, position};
use crate::trace::{BothSides, Squashed, Traces};

/// How much of a statement stands for it in a sentence.
const EXCERPT_CHARACTERS: usize = 60;

/// What was played of a project's squash, or why nothing was.
pub(super) fn played<'a>(
    project: &'a Project,
    traces: &'a Traces,
) -> Result<(&'a Squash, &'a Squashed), Verdict> {
    match (&project.squash, &traces.squashed) {
        (Some(squash), Some(squashed)) => Ok((squash, squashed)),
        _ => Err(Verdict::Skipped("the chain does not apply, see `apply`".to_owned())),
    }
}

/// The same, with what came of comparing the sides.
pub(super) fn compared<'a>(
    project: &'a Project,
    traces: &'a Traces,
) -> Result<(&'a Squash, &'a BothSides), Verdict> {
    let (squash, squashed) = played(project, traces)?;
    let compared = squashed.compared.as_ref().ok_or_else(|| {
        Verdict::Skipped("only one side comes to its end, see `baseline`".to_owned())
    })?;
    Ok((squash, compared))
}

/// Two schemas that should be the same, by what people call them.
pub(super) struct Sides<'a> {
    pub(super) comparison: &'a Comparison,
    pub(super) left: &'a str,
    pub(super) right: &'a str,
}

/// What differs of one object and of all that belongs to it.
pub(super) struct Differing<'a> {
    /// Its name.
    pub(super) root: &'a str,
    pub(super) differences: Vec<&'a Difference>,
    renamed: Vec<&'a Renamed>,
}

impl<'a> Sides<'a> {
    /// The differences, object by object.
    pub(super) fn objects(&self) -> Vec<Differing<'a>> {
        let mut objects: BTreeMap<&str, Differing<'_>> = BTreeMap::new();
        let new = |root| Differing { root, differences: Vec::new(), renamed: Vec::new() };
        for difference in &self.comparison.differences {
            let root = difference.identity().root();
            objects.entry(root).or_insert_with(|| new(root)).differences.push(difference);
        }
        for renamed in &self.comparison.renamed {
            let root = renamed.left.root();
            objects.entry(root).or_insert_with(|| new(root)).renamed.push(renamed);
        }
        objects.into_values().collect()
    }

    /// One finding on an object, with a note for each difference.
    pub(super) fn told(&self, object: &Differing<'_>) -> Finding {
        let right = self.right;
        let (message, is_told) = match (object.differences.as_slice(), object.renamed.as_slice()) {
            ([Difference::OnlyLeft { identity, object }], []) => {
                (format!("{identity}{} is missing in {right}", Aside(object)), true)
            }
            ([Difference::OnlyRight { identity, object }], []) => {
                (format!("{identity}{} is only in {right}", Aside(object)), true)
            }
            ([Difference::Changed { identity, attribute, right: other, .. }], []) => {
                let how = if other.is_none() { "missing" } else { "not the same" };
                (format!("{attribute} of {identity} is {how} in {right}"), false)
            }
            _ => (format!("{} is not the same in {right}", object.root), false),
        };
        let mut finding = Finding::new(message);
        for Renamed { left, right: other } in &object.renamed {
            finding = finding.note(format!("{left} is called {} in {right}", other.short_name()));
        }
        for difference in &object.differences {
            if !is_told {
                let told = Beside { difference, left: self.left, right };
                finding = finding.note(told.to_string());
            }
            let mut unknown = self.comparison.not_normalized.iter();
            if let Some(it) = unknown.find(|it| it.identity == *difference.identity()) {
                finding = finding.note(format!(
                    "it may be the spelling alone: Postgres can't make it again from this text \
                     ({})",
                    it.reason
                ));
            }
        }
        finding
    }
}

/// The last statement of a chain that says something of an object, as far as its text tells: one
/// that names both it and what it belongs to, or else one about that.
pub(super) fn source<'a>(
    migrations: &'a [Migration],
    identity: &Identity,
    attribute: Option<&str>,
) -> Option<(&'a Migration, &'a Statement)> {
    let root = identity.root().split('(').next().unwrap_or_default();
    let root = unquoted(root.rsplit_once('.').map_or(root, |(_, name)| name));
    let name = unquoted(identity.short_name());
    let is_child = identity.is_child();
    let all = || {
        migrations.iter().rev().flat_map(|migration| {
            let statements = migration.file.script.statements().rev();
            statements.map(move |statement| (migration, statement))
        })
    };
    let text = |migration: &'a Migration, it: &Statement| &migration.file.text[it.span.clone()];
    let is_about = |statement: &Statement| {
        let names = [&statement.table, &statement.name];
        names.into_iter().flatten().any(|named| named.name == root)
    };
    let makes = |statement: &Statement| match attribute {
        Some("comment") => statement.kind == Kind::Comment,
        _ => matches!(statement.kind, Kind::Create(_) | Kind::Alter { .. } | Kind::Do),
    };
    // It says of a constraint that is there already that it holds.
    let validates = |text: &str| attribute.is_none() && has_word(text, "VALIDATE");
    // Another object's may use it.
    let is_its_own = |statement: &Statement| is_about(statement) || statement.kind == Kind::Do;
    let names_both = |migration, statement: &Statement| {
        let text = text(migration, statement);
        has_word(text, &root) && (!is_child || has_word(text, &name)) && !validates(text)
    };
    let is_it = |migration, it: &Statement| makes(it) && names_both(migration, it);
    all()
        .find(|(migration, statement)| is_its_own(statement) && is_it(migration, statement))
        .or_else(|| all().find(|(migration, statement)| is_it(migration, statement)))
        .or_else(|| all().find(|(_, statement)| makes(statement) && is_about(statement)))
        .or_else(|| all().find(|(_, statement)| is_about(statement)))
}

/// The statement of a file that makes an object.
pub(super) fn maker<'a>(migration: &'a Migration, root: &str) -> Option<&'a Statement> {
    let root = root.split('(').next().unwrap_or_default();
    let root = unquoted(root.rsplit_once('.').map_or(root, |(_, name)| name));
    migration.file.script.statements().find(|statement| {
        let is_it = statement.name.as_ref().is_some_and(|named| named.name == root);
        is_it && matches!(statement.kind, Kind::Create(object) if object != Object::Index)
    })
}

/// A statement in a sentence: its place, and how it begins.
pub(super) fn place_of(migration: &Migration, statement: &Statement) -> String {
    let text = &migration.file.text;
    let line = position(text, statement.span.start).line;
    let words = text[statement.span.clone()].split_whitespace().collect::<Vec<_>>().join(" ");
    let words = match words.char_indices().nth(EXCERPT_CHARACTERS) {
        Some((end, _)) => format!("{} …", words[..end].trim_end()),
        None => words.trim_end_matches(';').to_owned(),
    };
    format!("{}:{line} ({words})", migration.file.path)
}

#[cfg(test)]
mod tests {
    use pretty_assertions::assert_eq;

    use super::super::cause::tests::migration;
    use super::*;
    use crate::catalog::catalog;

    /// Which statement of a chain has an object, by its first line.
    fn check_source(kind: &str, name: &str, attribute: Option<&str>, expected: Option<&str>) {
        let chain = [
            migration("CREATE TABLE t (a int);\nCREATE TABLE other (t int);"),
            migration("ALTER TABLE t ADD CONSTRAINT c CHECK (a > 0) NOT VALID;"),
            migration("COMMENT ON COLUMN t.a IS 'one';\nALTER TABLE t VALIDATE CONSTRAINT c;"),
            migration("INSERT INTO t VALUES (1);\nCREATE VIEW v AS SELECT a FROM t;"),
        ];
        let identity = Identity::new(kind, name).expect("a kind");
        let line = source(&chain, &identity, attribute).map(|(migration, statement)| {
            let text = &migration.file.text[statement.span.clone()];
            text.lines().next().unwrap_or_default().to_owned()
        });
        assert_eq!(line.as_deref(), expected, "{identity}");
    }

    #[test]
    fn the_last_statement_that_names_an_object_has_it() {
        let check = "ALTER TABLE t ADD CONSTRAINT c CHECK (a > 0) NOT VALID;";
        check_source("check constraint", "public.t.c", None, Some(check));
        check_source(
            "column",
            "public.t.a",
            Some("comment"),
            Some("COMMENT ON COLUMN t.a IS 'one';"),
        );
        check_source("view", "public.v", None, Some("CREATE VIEW v AS SELECT a FROM t;"));
        // Another object's statement uses it.
        check_source("column", "public.t.a", Some("not null"), Some(check));
        check_source("view", "public.w", None, None);
    }

    /// What is said of the only object that differs.
    fn check(left: &str, right: &str, expected: &str) {
        let comparison = Comparison::of_texts(&catalog(left), &catalog(right));
        let sides = Sides { comparison: &comparison, left: "the chain", right: "b.sql" };
        let objects = sides.objects();
        assert_eq!(objects.len(), 1);
        let finding = sides.told(&objects[0]);
        let said = std::iter::once(finding.message).chain(finding.notes).collect::<Vec<_>>();
        assert_eq!(said.join("\n"), expected);
    }

    #[test]
    fn what_differs_is_told_from_both_sides() {
        let table = "table | public.t";
        let column = "table | public.t\ncolumn | public.t.a | type: text";
        check(column, table, "column public.t.a (text) is missing in b.sql");
        check(table, column, "column public.t.a (text) is only in b.sql");
        check(
            "table | public.t\ncolumn | public.t.a | type: text",
            "table | public.t\ncolumn | public.t.a | type: integer",
            "type of column public.t.a is not the same in b.sql\n\
             column public.t.a: type text in the chain, integer in b.sql",
        );
        check(
            "table | public.t | comment: one",
            table,
            "comment of table public.t is missing in b.sql\n\
             table public.t: comment one only in the chain",
        );
        check(
            "table | public.t\ncolumn | public.t.a | type: text\ncolumn | public.t.b | type: text",
            table,
            "public.t is not the same in b.sql\n\
             column public.t.a (text): only in the chain\n\
             column public.t.b (text): only in the chain",
        );
    }
}
