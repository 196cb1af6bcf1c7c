//! What a project says about its seeds and its bootstrap.

use std::collections::BTreeMap;

use serde::Deserialize;
use toml::Spanned;

use super::{at, glob};
use crate::Result;

/// What fills reference data, and what is promised of it.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Seeds {
    /// A folder of SQL files, or one file.
    pub(crate) path: Option<Spanned<String>>,
    /// A command that seeds `DATABASE_URL`.
    pub(crate) run: Option<Spanned<String>>,
    /// Several of these in their order, in place of one. None at all: nothing seeds, not even what
    /// lies where seeds usually are.
    pub(crate) steps: Option<Vec<Spanned<SeedStep>>>,
    pub(crate) transaction: Transaction,
    /// How many rows a table has when all seeds have run.
    pub(crate) expect: BTreeMap<Spanned<String>, u64>,
    /// Patterns of columns that each run may fill anew.
    pub(crate) ignore_columns: Vec<Spanned<String>>,
    pub(crate) edits: Option<Spanned<Edits>>,
}

/// One of several seeds: files, or a command.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct SeedStep {
    pub(crate) path: Option<Spanned<String>>,
    pub(crate) run: Option<Spanned<String>>,
}

/// Which transactions hold the seeds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Transaction {
    /// Each file, and each closure, has one of its own.
    #[default]
    Each,
    /// One holds them all.
    All,
}

/// What a second run of the seeds does to rows that a user has edited.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Edits {
    Kept,
    Restored,
}

/// How an environment comes to be: pre scripts, chain, seeds, post scripts, and what holds then.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Bootstrap {
    /// Settings of the transactions of pre scripts, seeds and post scripts.
    pub(crate) session: BTreeMap<Spanned<String>, String>,
    /// Scripts that are run before the chain: a folder of SQL files, or one file.
    pub(crate) pre: Option<Spanned<String>>,
    /// The same, after the seeds.
    pub(crate) post: Option<Spanned<String>>,
    /// Patterns of columns that become NOT NULL in the end.
    pub(crate) tighten: Vec<Spanned<String>>,
    /// Patterns of tables that stay as the chain has made them.
    pub(crate) untouched: Vec<Spanned<String>>,
}

impl Bootstrap {
    /// The settings of its session, as name and value.
    pub(crate) fn settings(&self) -> Vec<(String, String)> {
        let settings = self.session.iter();
        settings.map(|(name, value)| (name.get_ref().clone(), value.clone())).collect()
    }

    /// An error for scripts that are nowhere.
    pub(super) fn assert_consistent(&self, text: &str) -> Result<()> {
        for (key, path) in [("pre", &self.pre), ("post", &self.post)] {
            if let Some(path) = path.as_ref().filter(|path| path.get_ref().trim().is_empty()) {
                return Err(at(text, path.span(), &format!("`{key}` is empty")).help(format!(
                    "name a folder of SQL files or one file, such as \"db/{key}\", or take it out"
                )));
            }
        }
        Ok(())
    }
}

/// Whether a pattern such as `*.updated_at` or `users.*` fits a column. It need not say the
/// schema `public`.
pub(crate) fn fits_column(pattern: &str, table: &str, column: &str) -> bool {
    fits_table(pattern, &format!("{table}.{column}"))
}

/// Whether a pattern fits a qualified name. It need not say the schema `public`, nor the quotes.
pub(crate) fn fits_table(pattern: &str, name: &str) -> bool {
    let short = name.strip_prefix("public.").unwrap_or(name);
    [name, short].into_iter().any(|name| {
        glob(pattern, name) || (name.contains('"') && glob(pattern, &name.replace('"', "")))
    })
}

impl Seeds {
    /// Whether each run may fill a column anew; both names are quoted as Postgres quotes them.
    pub(crate) fn ignores(&self, table: &str, column: &str) -> bool {
        self.ignore_columns.iter().any(|pattern| fits_column(pattern.get_ref(), table, column))
    }

    /// Whether anything is said of where the seeds are.
    pub(crate) fn are_named(&self) -> bool {
        self.path.is_some() || self.run.is_some() || self.steps.is_some()
    }

    /// The steps, however they are written.
    pub(crate) fn all_steps(&self) -> Vec<SeedStep> {
        if self.path.is_none() && self.run.is_none() {
            let steps = self.steps.iter().flatten();
            return steps.map(|step| step.get_ref().clone()).collect();
        }
        vec![SeedStep { path: self.path.clone(), run: self.run.clone() }]
    }

    /// An error for keys that mean nothing together.
    pub(super) fn assert_consistent(&self, text: &str) -> Result<()> {
        const STEPS: &str = "say the order: steps = [{ path = \"db/seeds\" }, { run = \"…\" }]";
        if let (Some(_), Some(run)) = (&self.path, &self.run) {
            let message = "`path` and `run` don't say which of the two comes first";
            return Err(at(text, run.span(), message).help(STEPS));
        }
        let by_itself = self.path.as_ref().or(self.run.as_ref());
        if let (Some(one), Some(_)) = (by_itself, &self.steps) {
            let message = "`steps` has all seeds, and this stands beside it";
            return Err(at(text, one.span(), message).help("make it one of the steps"));
        }
        for step in self.steps.iter().flatten() {
            let SeedStep { path, run } = step.get_ref();
            if path.is_some() == run.is_some() {
                let message = "a step has either `path` or `run`";
                return Err(at(text, step.span(), message).help(STEPS));
            }
        }
        for path in self.all_steps().iter().filter_map(|step| step.path.as_ref()) {
            if path.get_ref().trim().is_empty() {
                return Err(at(text, path.span(), "`path` is empty")
                    .help("name a folder of SQL files or one file, such as \"db/seeds\""));
            }
        }
        for run in self.all_steps().iter().filter_map(|step| step.run.as_ref()) {
            if run.get_ref().trim().is_empty() {
                return Err(at(text, run.span(), "`run` is empty")
                    .help("write the command that seeds DATABASE_URL, such as \"pnpm db:seed\""));
            }
            if self.transaction == Transaction::All {
                let message = "a command has transactions of its own, and can't share one";
                return Err(at(text, run.span(), message).help(
                    "remove transaction = \"all\", or seed by SQL files and closures alone",
                ));
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pattern_need_not_say_public_nor_quotes() {
        let check = |pattern: &str, table: &str, column: &str, fits: bool| {
            assert_eq!(fits_column(pattern, table, column), fits, "{pattern}");
        };
        check("*.updated_at", "public.users", "updated_at", true);
        check("users.*", "public.users", "name", true);
        check("public.users.name", "public.users", "name", true);
        check("users.name", "app.users", "name", false);
        check("app.users.name", "app.users", "name", true);
        check("User.createdAt", "public.\"User\"", "\"createdAt\"", true);
        check("\"User\".*", "public.\"User\"", "id", true);
        check("users", "public.users", "name", false);
    }
}
