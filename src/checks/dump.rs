//! # What it proves
//!
//! The schema that is committed as a dump, such as `schema.sql` or `structure.sql`, is what the
//! chain makes. The ledger's table is left out, and what a dump of a schema doesn't say. Where the
//! dump has rows for the ledger, as dbmate writes them below the schema, they are those that the
//! chain leaves.
//!
//! # Why it matters
//!
//! Tests and new environments are set up from the dump, and reviewers read it. A migration whose
//! author forgot to dump, or a merge of two dumps by hand, makes it another schema than that of
//! production. And where such a merge has lost a row of the ledger, whoever loads the dump and then
//! migrates has that migration played once more.
//!
//! # Example
//!
//! ```sql
//! -- db/schema.sql, as it was dumped before the last migration, which adds users.phone
//! CREATE TABLE public.users (id bigint NOT NULL, name text);
//! ```

use std::ops::Range;
use std::sync::Arc;

use super::change::unquoted;
use super::squash::{Sides, place_of, source};
use super::{Check, Finding, Judge, Place, Usual, Verdict};
use crate::catalog::{Difference, parent_of};
use crate::source::Project;
use crate::sql::{Content, Kind, Script};
use crate::trace::{Act, Dumped, DumpedLedger, Traces};

pub(super) const CHECK: Check = Check {
    name: "dump",
    level: |_| Usual::Deny,
    judge: Judge::Act { act: Act::Dump, spared, judge },
};

fn spared(project: &Project) -> Option<String> {
    let is_named = project.config.dump.path.is_some();
    (!is_named).then(|| "[dump] in rehearsal.toml names no file".to_owned())
}

fn judge(project: &Project, traces: &Traces) -> Verdict {
    let (Some(path), Some(dumped)) = (&project.config.dump.path, &traces.dumped) else {
        return Verdict::Skipped("the chain does not apply, see `apply`".to_owned());
    };
    let path = path.get_ref();
    let Dumped { comparison, ledger, notes, is_guest, .. } = &**dumped;
    let comparison = match comparison {
        Ok(comparison) => comparison,
        Err(_) if *is_guest => {
            return Verdict::Skipped(format!(
                "{path} can't be played on a server where we are guests; --server native plays it"
            ));
        }
        Err(reason) => return Verdict::Judged(vec![unplayable(path, reason)]),
    };
    let sides = Sides { comparison, left: "the chain", right: path };
    let objects = sides.objects();
    let findings = objects.iter().map(|object| {
        let mut finding = sides.told(object).at(Place { path: path.clone(), excerpt: None });
        let difference = object.differences.first();
        let place = difference.and_then(|difference| {
            let attribute = match difference {
                Difference::Changed { attribute, .. } => Some(attribute.as_str()),
                _ => None,
            };
            source(&project.chain.migrations, difference.identity(), attribute)
        });
        if let Some((migration, statement)) = place {
            let place = place_of(migration, statement);
            finding = finding.note(format!("the chain says of it in {place}"));
        }
        finding.help(format!(
            "migrate an empty database, and dump it anew: pg_dump --schema-only > {path}, or what \
             your tool has for it"
        ))
    });
    let recorded = ledger.iter().flat_map(|ledger| recorded(project, path, ledger));
    let findings = findings.chain(recorded).collect();
    let without = match comparison.without.as_slice() {
        [] => None,
        without => Some(format!("compared without {}", without.join(", "))),
    };
    // What is left out is how the ledger is made.
    let rows = ledger.as_ref().filter(|_| without.is_some());
    let rows = rows.map(|ledger| format!("the rows of {} were compared", ledger.table));
    Verdict::of(findings, notes.iter().cloned().chain(without).chain(rows))
}

/// What is wrong with the rows that the dump has for the ledger.
fn recorded(project: &Project, path: &str, ledger: &DumpedLedger) -> Vec<Finding> {
    let DumpedLedger { table, pending, surplus, text, .. } = ledger;
    let tool = project.chain.format.name;
    let help = match project.chain.format.dump {
        Some(dump) => format!("migrate an empty database, and dump it anew: {dump}"),
        None => format!(
            "write the dump anew from a database that the chain has made:\n\
             pg_dump --schema-only > {path}\npg_dump --data-only --table={table} >> {path}"
        ),
    };
    let finding = |message: String, row: Option<&str>| {
        let excerpt = place_of_rows(text, table, row).map(|span| (Arc::clone(text), span));
        Finding::new(message).at(Place { path: path.to_owned(), excerpt }).help(&help)
    };
    let mut findings = Vec::new();
    match pending {
        Ok(pending) if pending.is_empty() => {}
        Ok(pending) => {
            findings.push(
                finding(incomplete(project, path, pending.len()), None)
                    .note(unrecorded(project, ledger, pending)),
            );
        }
        Err(refusal) => {
            let message = format!("{tool} refuses to boot where {path} was loaded");
            findings.push(finding(message, None).note(format!("{table} makes it say: {refusal}")));
        }
    }
    // A tool that refuses to boot names what it doesn't know.
    let surplus = surplus.iter().filter(|_| pending.is_ok());
    findings.extend(surplus.map(|row| {
        let message = format!("{path} records {row}, and no migration of the chain is called so");
        finding(message, Some(row)).note(format!(
            "where the dump was loaded, {tool} takes a migration of that version for applied when \
             it comes, and doesn't run it"
        ))
    }));
    findings
}

/// That a dump lacks so many migrations.
fn incomplete(project: &Project, path: &str, lacking: usize) -> String {
    let count = project.chain.migrations.len();
    match (lacking, count) {
        (1, 1) => format!("{path} does not record the chain's only migration"),
        _ if lacking == count => format!("{path} records none of the {count} migrations"),
        (1, _) => format!("{path} records all but 1 migration of the chain"),
        _ => format!("{path} records all but {lacking} migrations of the chain"),
    }
}

/// What comes of it that a dump does not record these migrations.
fn unrecorded(project: &Project, ledger: &DumpedLedger, pending: &[usize]) -> String {
    let (chain, table) = (&project.chain, &ledger.table);
    let why = match ledger.applied.as_slice() {
        [version] if chain.ledger().is_some_and(|ledger| ledger.is_one_row) => {
            format!("{table} is at version {version}, so")
        }
        _ => format!("without a row in {table},"),
    };
    let (tool, them) = (chain.format.name, if pending.len() == 1 { "it" } else { "them" });
    let paths = pending.iter().map(|place| &*chain.migrations[*place].file.path);
    let paths = paths.collect::<Vec<_>>().join("\n  ");
    format!("{why} {tool} runs {them} once more where the dump was loaded:\n  {paths}")
}

/// Where a dump has a row of a table, or else where it begins to fill it.
fn place_of_rows(text: &str, table: &str, row: Option<&str>) -> Option<Range<usize>> {
    let table = unquoted(table.strip_prefix(parent_of(table)?)?.trim_start_matches('.'));
    let script = Script::parse(text);
    let mut is_its = false;
    let filling = script.pieces.iter().filter(|piece| {
        is_its = match &piece.content {
            Content::Statement(statement) => {
                statement.table.as_ref().is_some_and(|name| name.name == table)
                    && matches!(statement.kind, Kind::Insert | Kind::CopyFromStdin)
            }
            // It stands below the statement that it belongs to.
            Content::CopyData => is_its,
            _ => return false,
        };
        is_its
    });
    let spans = filling.map(|piece| piece.span.clone()).collect::<Vec<_>>();
    let found = row.and_then(|row| spans.iter().find_map(|span| whole(text, span, row)));
    found.or_else(|| spans.first().cloned())
}

/// Where a part of a text has a word, and not only as a part of another one.
fn whole(text: &str, span: &Range<usize>, word: &str) -> Option<Range<usize>> {
    let goes_on = |it: char| it.is_alphanumeric() || it == '_';
    let found = text[span.clone()].match_indices(word).map(|(at, _)| span.start + at);
    let mut found = found.map(|start| start..start + word.len());
    found.find(|it| !text[..it.start].ends_with(goes_on) && !text[it.end..].starts_with(goes_on))
}

fn unplayable(path: &str, reason: &str) -> Finding {
    let place = Place { path: path.to_owned(), excerpt: None };
    Finding::new(format!("{path} can't be played on an empty database"))
        .at(place)
        .note(reason.trim_end())
        .help("dump the schema anew, in plain SQL")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, row: Option<&str>, before: Option<&str>) {
        let found = place_of_rows(text, "public.schema_migrations", row);
        assert_eq!(found.map(|span| &text[..span.start]), before, "{text}");
    }

    #[test]
    fn a_row_is_found_where_the_ledger_is_filled() {
        let first = "INSERT INTO users (id) VALUES (1);\n";
        let insert = "INSERT INTO public.schema_migrations (version1) VALUES (";
        let text = format!("{first}{insert}11), (1);\nSELECT 1;");
        check(&text, Some("1"), Some(&format!("{first}{insert}11), (")));
        check(&text, Some("2"), Some(first));
        check(&text, None, Some(first));
        let two = format!("{insert}11);\n{first}{insert}1);");
        check(&two, Some("1"), Some(&format!("{insert}11);\n{first}{insert}")));
        let copy = "COPY public.schema_migrations (version) FROM stdin;\n11\n";
        check(&format!("{first}{copy}1\n\\.\n"), Some("1"), Some(&format!("{first}{copy}")));
        check(first, Some("1"), None);
    }
}
