//! The layouts of migration tools: which files, in which order, executed how, recorded where.
//!
//! One file per tool. A format is plain data and pure functions: it says what the tool does, the
//! acts do it.

mod dbmate;
mod flyway;
mod golang_migrate;
mod plain;
mod sqitch;
mod sqlx;

use super::folder::{Folder, is_sql};
use super::{Migration, Oddity, Part, SourceFile};
use crate::Result;
use crate::config::Level;

/// Every layout that is known.
pub(crate) const ALL: &[&Format] = &[
    &dbmate::FORMAT,
    &flyway::FORMAT,
    &golang_migrate::FORMAT,
    &sqitch::FORMAT,
    &sqlx::FORMAT,
    &plain::FORMAT,
];

/// What a tool does with a folder.
#[derive(Debug)]
pub(crate) struct Format {
    pub(crate) name: &'static str,
    /// A file name in this layout.
    pub(crate) example: &'static str,
    /// What a folder says about whose it is.
    pub(crate) claim: fn(&Folder) -> Claim,
    /// The chain, in the tool's order, and what is odd about the files.
    pub(crate) read: fn(&Folder) -> Result<Files>,
    pub(crate) delivery: Delivery,
    pub(crate) sessions: Sessions,
    /// What a migration needs in order to run without the transaction that the tool opens for it,
    /// if it opens one.
    pub(crate) without_transaction: Option<&'static str>,
    /// What the tool says at its COMMIT if a file has ended its transaction, if it says anything.
    pub(crate) lost_transaction: Option<&'static str>,
    /// How the tool opens the one transaction that holds all that a boot runs, if it does: the
    /// parts then open none of their own.
    pub(crate) boot_transaction: Option<&'static str>,
    /// The settings of `timezone` and `datestyle` that the tool's driver makes at connect, over
    /// those of the database and the role.
    pub(crate) forced: &'static [&'static str],
    /// The `extra_float_digits` that the tool's driver sets, if it does.
    pub(crate) float_digits: Option<i8>,
    pub(crate) ledger: Option<Ledger>,
    /// What the tool does with a migration that comes in below the last one that it applied.
    pub(crate) latecomers: &'static str,
}

/// What a folder says about whose it is.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Claim {
    /// How many of its files are in the tool's layout.
    pub(crate) files: usize,
    /// More than their names says so, which other tools' names can't outweigh.
    pub(crate) certain: bool,
}

/// What a folder holds for a tool.
#[derive(Debug)]
pub(crate) struct Files {
    pub(crate) migrations: Vec<Migration>,
    pub(crate) oddities: Vec<Oddity>,
}

/// How a file's statements reach the server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Delivery {
    /// The whole text as one message, which the server runs as one transaction unless the text
    /// says otherwise.
    Message,
    /// One statement after the other, each committed by itself, as `psql -f` does. Knows
    /// `COPY … FROM stdin` data and skips meta-commands.
    Statements,
}

/// How long a session lives.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Sessions {
    /// One for all files, so that what a file sets reaches those after it.
    PerBoot,
    /// A new one for each file. If there is a ledger, the tool keeps it in a session of its own.
    PerFile,
    /// One for all files, and another one for the ledger. `restore` prepares it for each file, and
    /// undoes what the last one has set.
    Beside { restore: &'static str },
}

/// The table in which the tool records what it applied, as the SQL that the tool itself sends.
///
/// Tools keep their table in the schema that is current; `home` is that schema's name, quoted.
#[derive(Debug)]
pub(crate) struct Ledger {
    pub(crate) table: &'static str,
    /// Reads `home`.
    pub(crate) home: &'static str,
    /// Whether the tool reads it again before each row that it writes, and not only at the start.
    pub(crate) asks_again: bool,
    /// Makes the table if there is none.
    pub(crate) ensure: fn(home: &str) -> String,
    /// Reads what is applied, as rows of one text column.
    pub(crate) applied: fn(home: &str) -> String,
    /// Which migrations a boot runs, by their place in the chain; or why the tool refuses to.
    pub(crate) pending: fn(chain: &[Migration], applied: &[String]) -> Pending,
    /// Sent before a migration's file.
    pub(crate) before: Option<fn(home: &str, migration: &Migration) -> String>,
    /// Sent after each part of it that succeeded, in the part's transaction if it has one.
    pub(crate) after: fn(home: &str, migration: &Migration) -> String,
    /// Sent after that, outside of a transaction.
    pub(crate) finally: Option<fn(home: &str, migration: &Migration) -> String>,
}

/// The places in the chain of what a boot runs; or why the tool refuses to boot, in its own words.
pub(crate) type Pending = Result<Vec<usize>, String>;

/// A finding about a file that the tool passes over in silence.
fn ignored(folder: &Folder, name: &str, tool: &str, shape: &str) -> Oddity {
    Oddity {
        path: folder.path_of(name),
        message: format!("{tool} ignores this file: its name is not {shape}"),
        help: "rename it so that it runs, or move it out of the folder".to_owned(),
        level: Level::Warn,
        fatal: false,
    }
}

/// The places of the migrations that the ledger doesn't name, lower ones too.
fn not_in(applied: &[String], chain: &[Migration]) -> Vec<usize> {
    let is_pending = |index: &usize| !applied.contains(&chain[*index].version);
    (0..chain.len()).filter(is_pending).collect()
}

/// A migration of which only the version matters.
#[cfg(test)]
fn bare(version: &str) -> Migration {
    let script = crate::sql::Script::parse("");
    let file = SourceFile { path: String::new(), text: "".into(), script };
    Migration::whole(version, version, file)
}
