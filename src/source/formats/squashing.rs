//! What becomes of a folder of migrations when they are squashed into one: which files are written
//! for the baseline, and which ones go. What all layouts have in common; what is a layout's own is
//! in its file.

use super::{Folder, Migration};
use crate::sql::{Kind, Object, Script, literal};
use crate::{Error, Result};

/// What a chain is squashed into, whatever the layout.
#[derive(Debug, Clone)]
pub(crate) struct Body {
    /// Each with its semicolon.
    pub(crate) statements: Vec<String>,
    /// What the file says about itself, line by line.
    pub(crate) words: Vec<String>,
    /// What whoever tries to go back is told.
    pub(crate) refusal: String,
}

/// What is to be done to the files; all paths are relative to the project.
#[derive(Debug, Default)]
#[cfg_attr(not(feature = "cli"), expect(dead_code, reason = "the command line squashes"))]
pub(crate) struct Squashed {
    /// The baseline, as it is called in `rehearsal.toml`.
    pub(crate) path: String,
    /// Files with their texts. One that is there already is the tool's own, such as a plan.
    pub(crate) written: Vec<(String, String)>,
    /// The files of the chain, which go.
    pub(crate) retired: Vec<String>,
    /// Files that stay, and without which the old chain can't be read.
    pub(crate) shared: Vec<String>,
    /// The folder from which the tool counts the paths of the chain, if not that of the migrations.
    pub(crate) base: Option<String>,
    /// What the tool calls the last migration, where its file has another name.
    pub(crate) last: Option<String>,
}

/// How a layout has a chain squashed, which has at least one migration.
pub(crate) type Squash = fn(&Folder, &[Migration], &Body) -> Result<Squashed>;

/// How a tool's ledger is rewritten when a chain is squashed.
#[derive(Debug)]
#[cfg_attr(not(feature = "cli"), expect(dead_code, reason = "the command line squashes"))]
pub(crate) struct Rewriting {
    /// The columns that say what is applied. The others say when, by whom and how long it took.
    pub(crate) keys: &'static [&'static str],
    /// Further tables of its schema with rows of migrations: those to which its rows refer, and
    /// those that refer to them.
    pub(crate) before: &'static [&'static str],
    pub(crate) after: &'static [&'static str],
    /// What the tool writes into a ledger that it has just made.
    pub(crate) opening: &'static str,
}

impl Rewriting {
    /// That of a ledger of one table.
    pub(super) const fn of(keys: &'static [&'static str]) -> Self {
        Self { keys, before: &[], after: &[], opening: "" }
    }
}

/// What comes first in a baseline, and what undoes it: the bodies of functions name tables that
/// come after them.
const UNCHECKED: &str = "SET LOCAL check_function_bodies = off;";
const CHECKED: &str = "SET LOCAL check_function_bodies = DEFAULT;";

impl Body {
    /// What a file says about itself, as comments.
    pub(super) fn head(&self) -> String {
        let lines = self.words.iter().map(|line| match line.as_str() {
            "" => "--\n".to_owned(),
            line => format!("-- {line}\n"),
        });
        lines.collect()
    }

    /// The statements of a file that is played in a transaction; `stays` says that the transaction
    /// doesn't end with it.
    pub(super) fn within_transaction(&self, stays: bool) -> Vec<String> {
        let makes_functions = |statement: &String| {
            let script = Script::parse(statement);
            let made = script.statements().next().map(|statement| statement.kind.clone());
            matches!(made, Some(Kind::Create(Object::Function | Object::Procedure)))
        };
        let mut statements = self.statements.clone();
        if statements.iter().any(makes_functions) {
            statements.insert(0, UNCHECKED.to_owned());
            statements.extend(stays.then(|| CHECKED.to_owned()));
        }
        statements
    }

    /// The way up as a text, for a tool that opens a transaction for each file.
    pub(super) fn up(&self) -> String {
        joined(&self.within_transaction(false))
    }

    /// The same for a tool that opens none and plays statement by statement.
    pub(super) fn up_with_transaction(&self) -> String {
        format!("BEGIN;\n\n{}\n\nCOMMIT;", self.up())
    }

    /// The way back, which there is none.
    pub(super) fn down(&self) -> String {
        let refusal = literal(&self.refusal.replace('%', "%%"));
        format!("DO $$\nBEGIN\n  RAISE EXCEPTION {refusal};\nEND\n$$;")
    }
}

/// Statements as they stand in a file.
pub(super) fn joined(statements: &[String]) -> String {
    statements.join("\n\n")
}

/// Statements for a tool that reads line by line: where one has lines of its own that end in a
/// semicolon, it stands in a block.
pub(super) fn in_blocks(statements: &[String], block: [&str; 2]) -> String {
    let [begin, end] = block;
    let blocks = statements.iter().map(|statement| {
        let mut lines = statement.lines().rev().skip(1);
        let is_cut = lines.any(|line| {
            line.split("--").next().unwrap_or_default().trim_end().ends_with(';')
                || line.trim_end().ends_with(';')
        });
        if is_cut { format!("{begin}\n{statement}\n{end}") } else { statement.clone() }
    });
    joined(&blocks.collect::<Vec<_>>())
}

/// The last migration of a chain, after which its baseline is named: a database that has it needs
/// nothing of the baseline.
pub(super) fn last(chain: &[Migration]) -> Result<&Migration> {
    chain.last().ok_or_else(|| Error::new("the chain has no migration that could be squashed"))
}

/// The number with which a file's name begins, as it is written, with what may stand before it.
pub(super) fn number(name: &str) -> &str {
    let start = name.find(|c: char| c.is_ascii_digit()).unwrap_or(name.len());
    let rest = &name[start..];
    let end = rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len());
    &name[..start + end]
}

impl Squashed {
    /// A chain of files of their own, whose baseline is another one beside the last of them.
    pub(super) fn of(
        folder: &Folder,
        chain: &[Migration],
        name: &str,
        text: String,
    ) -> Result<Self> {
        let path = folder.path_of(name);
        let retired = companions(folder, chain)?;
        Ok(Self::in_folders(path, text, retired))
    }

    /// A baseline at a path, in place of these files.
    pub(super) fn in_folders(path: String, text: String, retired: Vec<String>) -> Self {
        Self { written: vec![(path.clone(), text)], path, retired, ..Self::default() }
    }

    /// One more file beside the baseline.
    #[must_use]
    pub(super) fn and(mut self, path: String, text: String) -> Self {
        self.written.push((path, text));
        self
    }
}

/// The migrations' files and those that are called after them: what leads back, and settings.
pub(super) fn companions(folder: &Folder, chain: &[Migration]) -> Result<Vec<String>> {
    let mut found = Vec::new();
    for migration in chain {
        let (parent, own) =
            migration.file.path.rsplit_once('/').unwrap_or(("", &migration.file.path));
        let stem = migration.name.rsplit('/').next().unwrap_or_default();
        let here = folder.at(parent)?;
        let is_named_after = |name: &&str| {
            *name == own || name.strip_prefix(stem).is_some_and(|rest| rest.starts_with('.'))
        };
        found.extend(here.names().filter(is_named_after).map(|name| here.path_of(name)));
    }
    found.sort();
    found.dedup();
    Ok(found)
}

/// All files of the folders that are a migration each.
pub(super) fn folders_of(folder: &Folder, chain: &[Migration]) -> Result<Vec<String>> {
    let mut found = Vec::new();
    for migration in chain {
        let (parent, _) = migration.file.path.rsplit_once('/').unwrap_or_default();
        let here = folder.at(parent)?;
        found.extend(here.names().map(|name| here.path_of(name)));
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_is_as_it_was_written() {
        assert_eq!(number("000004_views.up.sql"), "000004");
        assert_eq!(number("V10__views.sql"), "V10");
        assert_eq!(number("views.sql"), "views.sql");
    }

    #[test]
    fn blocks_stand_where_a_line_would_end_the_statement() {
        let check = |statement: &str, expected: &str| {
            assert_eq!(in_blocks(&[statement.to_owned()], ["<", ">"]), expected);
        };
        check("SELECT\n  1;", "SELECT\n  1;");
        check("DO $$ BEGIN\n  a;\nEND $$;", "<\nDO $$ BEGIN\n  a;\nEND $$;\n>");
        check("DO $$ BEGIN\n  a; -- b\nEND $$;", "<\nDO $$ BEGIN\n  a; -- b\nEND $$;\n>");
    }

    #[test]
    fn only_functions_need_their_bodies_unchecked() {
        let body = |statement: &str| Body {
            statements: vec![statement.to_owned()],
            words: vec!["One.".to_owned(), String::new()],
            refusal: "it can't be 100% undone".to_owned(),
        };
        assert_eq!(body("CREATE TABLE a ();").up(), "CREATE TABLE a ();");
        let function = body("CREATE FUNCTION f() RETURNS void LANGUAGE sql AS '';");
        assert!(function.up().starts_with(UNCHECKED));
        assert_eq!(function.within_transaction(true).last().map(String::as_str), Some(CHECKED));
        assert_eq!(function.head(), "-- One.\n--\n");
        assert!(function.down().contains("RAISE EXCEPTION 'it can''t be 100%% undone'"));
    }
}
