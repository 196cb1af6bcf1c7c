//! The layouts of migration tools: which files, in which order, executed how, recorded where.
//!
//! One file per tool. A format is plain data and pure functions: it says what the tool does, the
//! acts do it.

mod cargo;
mod dbmate;
mod diesel;
mod drizzle;
mod flyway;
mod golang_migrate;
mod goose;
mod lines;
mod plain;
mod prisma;
mod refinery;
mod sqitch;
mod sql_migrate;
mod sqlx;
mod sqlx_toml;
mod squashing;

use std::fmt;

use sha2::{Digest as _, Sha256};

pub(crate) use self::squashing::{Body, Rewriting, Squash, Squashed};

use super::folder::{Folder, is_sql};
use super::{Migration, Oddity, Part, SourceFile};
use crate::Result;
use crate::config::Level;
use crate::sql::{Kind, Name, Object, Script};

/// Every layout that is known.
pub(crate) const ALL: &[&Format] = &[
    &dbmate::FORMAT,
    &diesel::FORMAT,
    &drizzle::FORMAT,
    &flyway::FORMAT,
    &golang_migrate::FORMAT,
    &goose::FORMAT,
    &prisma::FORMAT,
    &refinery::FORMAT,
    &sqitch::FORMAT,
    &sql_migrate::FORMAT,
    &sqlx::FORMAT,
    &plain::FORMAT,
];

/// The layout of the migrations that a program has built in.
#[cfg(feature = "sqlx-0_9")]
pub(super) const SQLX: &Format = &sqlx::FORMAT;

/// The layout of files that belong to no tool.
pub(super) const PLAIN: &Format = &plain::FORMAT;

/// How seeds and the scripts of a bootstrap are played.
pub(crate) const SCRIPTS: &Format = &plain::SCRIPTS;

/// Reads a file that belongs to no tool, whatever it is called.
pub(super) fn plain_file(folder: &Folder, name: &str) -> Result<Migration> {
    plain::migration(folder, name, "1")
}

/// How new migrations stand to merged ones in a layout.
#[derive(Debug)]
pub(crate) struct Placing {
    /// Whether a migration has a place among the others, and isn't run whenever it has changed.
    pub(crate) has_place: fn(&Migration) -> bool,
    /// What the paths of files have in common that are a migration's one after the other.
    pub(crate) series: fn(&str) -> &str,
    /// Whether the files alone say where each of them is, and no plan or journal lists them.
    pub(crate) is_by_file: bool,
    /// How a migration comes after another one, whose name follows.
    pub(crate) help: &'static str,
    /// What the tool does with a migration that comes in below the last one that it applied.
    pub(crate) latecomers: &'static str,
    /// What the tool does with two migrations of one version, which is told as odd; nothing where
    /// there can't be two.
    pub(crate) twins: Option<&'static str>,
}

/// Where a number in the file's name gives each migration its place, and the tool takes what the
/// ledger doesn't have.
const NUMBERED: Placing = Placing {
    has_place: |_| true,
    series: |path| path,
    is_by_file: true,
    help: "give it a number after that of",
    latecomers: "runs it after those that it should precede",
    twins: None,
};

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
    /// if it opens one: the comment with which it begins, or in words.
    pub(crate) without_transaction: Option<&'static str>,
    /// What the tool says if its transaction isn't as it should be, and if it looks.
    pub(crate) lost_transaction: Option<LostTransaction>,
    /// How the tool opens the one transaction that holds all that a boot runs, if it does: the
    /// parts then open none of their own.
    pub(crate) boot_transaction: Option<&'static str>,
    /// The settings of `timezone` and `datestyle` that the tool's driver makes at connect, over
    /// those of the database and the role.
    pub(crate) forced: &'static [&'static str],
    /// The `extra_float_digits` that the tool's driver sets, if it does.
    pub(crate) float_digits: Option<i8>,
    pub(crate) placing: Placing,
    /// The command with which the tool dumps the schema and the rows of its ledger, if it has one.
    pub(crate) dump: Option<&'static str>,
    /// Where the tool is told of the folder, if it is.
    pub(crate) signpost: Option<Signpost>,
    /// Reads what the project's own files say of the ledger, if they may say something.
    pub(crate) settings: Option<fn(&Folder) -> Result<Settings>>,
    pub(crate) ledger: Option<Ledger>,
    /// How a chain is squashed.
    #[cfg_attr(not(feature = "cli"), expect(dead_code, reason = "the command line squashes"))]
    pub(crate) squash: Squash,
}

/// What a folder says about whose it is.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Claim {
    /// How many of its files are in the tool's layout.
    pub(crate) files: usize,
    pub(crate) certainty: Certainty,
}

/// What says that files are a tool's, the surest last: it outweighs what is above it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Certainty {
    /// Only how they are called, which can be anybody's.
    Names,
    /// They are where the tool looks for them, and there is nothing else.
    Place,
    /// The project depends on the tool, perhaps for something else.
    Dependency,
    /// The project holds the tool's own settings.
    Settings,
    /// The tool's own lines are in them, or its own file is beside them.
    Markers,
}

impl Claim {
    const NONE: Self = Self { files: 0, certainty: Certainty::Names };

    /// A claim to files that nothing but the tool's markers tells from others'.
    fn if_marked(files: usize, marked: bool) -> Self {
        if marked { Self { files, certainty: Certainty::Markers } } else { Self::NONE }
    }
}

/// What a folder holds for a tool.
#[derive(Debug)]
pub(crate) struct Files {
    pub(crate) migrations: Vec<Migration>,
    pub(crate) oddities: Vec<Oddity>,
}

/// What a tool says where its transaction isn't as it should be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum LostTransaction {
    /// At its COMMIT, where there is nothing to end.
    AtCommit(&'static str),
    /// At its COMMIT and at its BEGIN, before the name of the state.
    InState(&'static str),
}

/// What lib/pq says.
const LIB_PQ: LostTransaction = LostTransaction::InState("pq: unexpected transaction status");

/// How a file's statements reach the server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Delivery {
    /// The whole text as one message, which the server runs as one transaction unless the text
    /// says otherwise.
    Message,
    /// Several messages, each of which ends with a line that ends in `;`, whatever that stands in,
    /// unless it stands between these two lines. Some tools leave out lines that begin with `-- `.
    Lines { block: [&'static str; 2], comments: bool },
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

/// A file of TOML in which a tool is told where the migrations are.
#[derive(Debug)]
pub(crate) struct Signpost {
    /// At the project's root.
    pub(crate) file: &'static str,
    /// The folder that it names, if it does; or what is wrong with it.
    pub(crate) folder: fn(&toml::Table) -> Result<Option<String>, String>,
}

/// What a project's own files say of a tool's ledger.
#[derive(Debug, Clone, Default)]
pub(crate) struct Settings {
    /// Sent first of all, one after the other.
    pub(crate) prepare: Vec<String>,
    /// What the table is called, as it is written in SQL, if not as usual.
    pub(crate) table: Option<String>,
    /// The features with which the tool is built, as far as the ledger depends on them.
    pub(crate) features: Vec<&'static str>,
}

/// Where a ledger is: the schema that is current, quoted, and what the project says beyond that.
#[derive(Debug, Clone)]
pub(crate) struct Home {
    pub(crate) schema: String,
    pub(crate) settings: Settings,
}

impl Home {
    /// What the table is called.
    fn table<'a>(&'a self, usual: &'a str) -> &'a str {
        self.settings.table.as_deref().unwrap_or(usual)
    }

    fn has_feature(&self, feature: &str) -> bool {
        self.settings.features.contains(&feature)
    }
}

impl fmt::Display for Home {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.schema)
    }
}

/// The table in which the tool records what it applied, as the SQL that the tool itself sends.
///
/// Tools keep their table in the schema that is current, unless the project says otherwise.
#[derive(Debug)]
pub(crate) struct Ledger {
    pub(crate) table: &'static str,
    /// Reads the name of the current schema, quoted.
    pub(crate) home: &'static str,
    /// Whether the tool reads it again before each row that it writes, and not only at the start.
    pub(crate) asks_again: bool,
    /// Whether it is one row, which says how far the chain has come.
    pub(crate) is_one_row: bool,
    /// Makes the table if there is none.
    pub(crate) ensure: fn(home: &Home) -> String,
    /// Reads what is applied, as rows of one text column.
    pub(crate) applied: fn(home: &Home) -> String,
    /// Which migrations a boot runs, by their place in the chain; or why the tool refuses to.
    pub(crate) pending: fn(chain: &[Migration], applied: &[String]) -> Pending,
    /// Sent before a migration's file.
    pub(crate) before: Option<fn(home: &Home, migration: &Migration) -> String>,
    /// Sent after each part of it that succeeded, in the part's transaction if it has one. It may
    /// be empty.
    pub(crate) after: fn(home: &Home, migration: &Migration) -> String,
    /// Sent after that, outside of a transaction. It may be empty.
    pub(crate) finally: Option<fn(home: &Home, migration: &Migration) -> String>,
    /// What is known of its rows when they are rewritten.
    #[cfg_attr(not(feature = "cli"), expect(dead_code, reason = "the command line squashes"))]
    pub(crate) rewriting: Rewriting,
}

impl Ledger {
    /// What of a kind the tool makes for itself, as far as the text says in which it makes it,
    /// which may be a block that looks first.
    pub(crate) fn made(&self, home: &Home, object: Object) -> Vec<Name> {
        let text = (self.ensure)(home);
        let lower = text.to_ascii_lowercase();
        let statements = lower.match_indices("create ").filter_map(|(at, _)| {
            let script = Script::parse(&text[at..]);
            let statement = script.statements().next()?;
            statement.name.clone().filter(|_| statement.kind == Kind::Create(object))
        });
        statements.collect()
    }
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

/// The digest of a text, in hexadecimal digits.
fn sha256(text: &str) -> String {
    hexadecimal(&Sha256::digest(text.as_bytes()))
}

/// Bytes in hexadecimal digits.
fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut hex, byte| {
        hex.push_str(&format!("{byte:02x}"));
        hex
    })
}

/// A migration of which only the version matters.
#[cfg(test)]
fn bare(version: &str) -> Migration {
    let script = crate::sql::Script::parse("");
    let file = SourceFile { path: String::new(), text: "".into(), script };
    Migration::whole(version, version, file)
}
