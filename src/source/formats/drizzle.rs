//! drizzle: `0000_name.sql`, in the order of `meta/_journal.json`.
//!
//! As version 0.45 of drizzle-orm does it with Postgres, by `drizzle-kit migrate` (0.31) and by the
//! `migrate` that an application calls alike, with node-postgres or postgres.js and the default
//! schema and table of the ledger:
//!
//! - *Files.* Those that the journal names, in its order; any other file is passed over without a
//!   word. Without a journal, or without a file that it names, nothing starts at all.
//! - *Execution.* All pending migrations in one transaction, on one connection. Each file is cut
//!   at every `--> statement-breakpoint`, wherever that stands, and each piece is one message.
//!   There is no way out of the transaction.
//! - *Ledger.* `drizzle.__drizzle_migrations(hash, created_at)`, with the SHA-256 of each file,
//!   which nothing looks at, and the `when` of its journal entry.
//! - *Pending* is what has a later `when` than the last row, as read before the first file. Where
//!   `when` doesn't rise, a migration is taken for applied that isn't.
//!
//! Version 1.0 has a folder for each migration instead of the journal, and is not played.

use std::ops::Range;

use serde::Deserialize;

use super::squashing::{last, number};
use super::{Body, Rewriting, Squashed};
use super::{Claim, Delivery, Files, Folder, Format, Ledger, Migration, Oddity, Part, Placing};
use super::{Sessions, SourceFile, is_sql, sha256};
use crate::config::Level;
use crate::sql::{Control, Kind, Script, Statement, literal, position, tokens};
use crate::{Error, Result};

pub(super) const FORMAT: Format = Format {
    name: "drizzle",
    example: "0000_create_users.sql, named in meta/_journal.json",
    claim,
    read,
    delivery: Delivery::Message,
    sessions: Sessions::PerBoot,
    without_transaction: None,
    lost_transaction: None,
    boot_transaction: Some("begin"),
    forced: &[],
    float_digits: None,
    placing: PLACING,
    dump: None,
    signpost: None,
    settings: None,
    ledger: Some(Ledger {
        table: "__drizzle_migrations",
        home: "SELECT 'drizzle'",
        asks_again: false,
        is_one_row: false,
        ensure: |_| {
            "CREATE SCHEMA IF NOT EXISTS \"drizzle\"; \
             CREATE TABLE IF NOT EXISTS \"drizzle\".\"__drizzle_migrations\" \
             (id SERIAL PRIMARY KEY, hash text NOT NULL, created_at bigint)"
                .to_owned()
        },
        applied: |_| {
            "select created_at::text from \"drizzle\".\"__drizzle_migrations\" \
             order by \"__drizzle_migrations\".created_at desc limit 1"
                .to_owned()
        },
        pending: |chain, applied| Ok(pending(chain, applied)),
        before: None,
        after: |_, migration| {
            format!(
                "insert into \"drizzle\".\"__drizzle_migrations\" (\"hash\", \"created_at\") \
                 values({}, {})",
                literal(&sha256(&migration.file.text)),
                migration.version
            )
        },
        finally: None,
        rewriting: Rewriting::of(&["hash", "created_at"]),
    }),
    squash,
};

const PLACING: Placing = Placing {
    has_place: |_| true,
    series: |path| path,
    is_by_file: false,
    help: "take it out with `drizzle-kit drop`, and generate it again after",
    latecomers: "takes it for applied and never runs it, unless its `when` is later",
    twins: None,
};

const FOLDER: &str = "meta";
const JOURNAL: &str = "_journal.json";
const SNAPSHOT: &str = "_snapshot.json";
const BREAKPOINT: &str = "--> statement-breakpoint";

#[derive(Debug, Deserialize)]
struct Journal {
    dialect: Option<String>,
    entries: Vec<Entry>,
}

#[derive(Debug, Deserialize)]
struct Entry {
    /// The file's name without its ending.
    tag: String,
    /// In milliseconds since 1970.
    when: i64,
}

/// The journal tells whose the files are. Without it, the marks between their statements do.
fn claim(folder: &Folder) -> Claim {
    let names = folder.names().filter(|name| is_sql(name)).collect::<Vec<_>>();
    let is_marked = |name: &&str| folder.glance(name).contains(BREAKPOINT);
    let marked = has_journal(folder) || is_of_next_version(folder) || names.iter().any(is_marked);
    Claim::if_marked(names.len().max(1), marked)
}

fn has_journal(folder: &Folder) -> bool {
    folder.holds(&format!("{FOLDER}/{JOURNAL}"))
}

/// Whether it holds what `drizzle-kit generate` writes from version 1.0 on.
fn is_of_next_version(folder: &Folder) -> bool {
    !has_journal(folder)
        && folder.folders().any(|name| {
            ["migration.sql", "snapshot.json"]
                .iter()
                .all(|file| folder.holds(&format!("{name}/{file}")))
        })
}

fn read(folder: &Folder) -> Result<Files> {
    let journal = read_journal(folder)?;
    let path = format!("{}/{JOURNAL}", folder.path_of(FOLDER));
    let mut oddities = Vec::new();
    if let Some(dialect) = journal.dialect.as_deref()
        && !matches!(dialect, "postgresql" | "pg")
    {
        oddities.push(foreign(&path, dialect));
    }
    let mut migrations: Vec<Migration> = Vec::new();
    let mut latest: Option<&Entry> = None;
    for entry in &journal.entries {
        let name = format!("{}.sql", entry.tag);
        if !folder.names().any(|it| it == name) {
            oddities.push(missing(folder, &path, &name));
            continue;
        }
        if migrations.iter().any(|migration| migration.name == entry.tag) {
            oddities.push(twice(folder, &name));
        } else if let Some(latest) = latest.filter(|latest| entry.when <= latest.when) {
            oddities.push(not_later(folder, &name, entry, latest));
        }
        if latest.is_none_or(|latest| latest.when < entry.when) {
            latest = Some(entry);
        }
        let mut file = folder.read(&name)?;
        oddities.extend(misplaced(&file));
        let messages = messages(&file.text);
        file.script = Script::parse_parts(&file.text, messages.iter().cloned());
        oddities.extend(ends_boot_transaction(&file));
        let parts = vec![Part { span: 0..file.text.len(), messages, begin: Some("begin") }];
        let version = entry.when.to_string();
        migrations.push(Migration {
            version,
            name: entry.tag.clone(),
            file,
            parts,
            entry: String::new(),
        });
    }
    let is_named =
        |name: &&str| journal.entries.iter().any(|it| **name == format!("{}.sql", it.tag));
    let unnamed = folder.names().filter(|name| is_sql(name) && !is_named(name));
    oddities.extend(unnamed.map(|name| unknown(folder, name)));
    Ok(Files { migrations, oddities })
}

fn read_journal(folder: &Folder) -> Result<Journal> {
    if is_of_next_version(folder) {
        return Err(Error::new(format!(
            "{} is in the layout of drizzle 1.0, a folder for each migration, which rehearsal \
             doesn't play yet",
            folder.name()
        ))
        .help("what can be rehearsed is the layout of drizzle-kit 0.31: meta/_journal.json"));
    }
    if !has_journal(folder) {
        return Err(Error::new(format!(
            "drizzle refuses to start: Can't find meta/_journal.json file in {}",
            folder.name()
        ))
        .help(
            "the journal says which files run, and in which order: commit the whole folder that \
             drizzle-kit generate writes, `meta` too",
        ));
    }
    if folder.above("package.json").iter().any(|manifest| depends_on_next_version(manifest)) {
        return Err(Error::new(
            "drizzle-orm 1.0, which package.json asks for, refuses to start: We detected that you \
             have old drizzle-kit migration folders. You must upgrade drizzle-kit and run \
             \"drizzle-kit up\"",
        )
        .help(
            "rehearsal plays the layout of drizzle 0.45: rehearse it before you upgrade, with \
             `\"drizzle-orm\": \"^0.45\"`",
        ));
    }
    let meta = folder.folder(FOLDER)?;
    let text = meta.text(JOURNAL)?;
    serde_json::from_str(&text).map_err(|error| {
        let path = meta.path_of(JOURNAL);
        let help = if text.contains("<<<<<<<") {
            "two branches have added an entry each: keep both, in the order in which they are to \
             run, the later one with a greater `idx` and `when`"
        } else {
            "drizzle-kit generate writes it: {\"entries\": [{\"idx\": 0, \"when\": 1706702400000, \
             \"tag\": \"0000_create_users\"}]}, among others"
        };
        Error::new(format!("{path} is no journal of drizzle")).caused_by(error).help(help)
    })
}

/// Whether a package wants drizzle-orm from version 1.0 on.
fn depends_on_next_version(manifest: &str) -> bool {
    let Ok(manifest) = serde_json::from_str::<serde_json::Value>(manifest) else { return false };
    let lists = ["dependencies", "devDependencies"].map(|list| &manifest[list]["drizzle-orm"]);
    lists
        .iter()
        .filter_map(|version| version.as_str())
        .any(|version| version.trim_start_matches(['^', '~', '=', '>', ' ']).starts_with("1."))
}

/// What the tool sends of a text: what stands between its marks.
fn messages(text: &str) -> Vec<Range<usize>> {
    let mut start = 0;
    let mut messages = Vec::new();
    for (at, mark) in text.match_indices(BREAKPOINT) {
        messages.push(start..at);
        start = at + mark.len();
    }
    messages.push(start..text.len());
    messages
}

fn pending(chain: &[Migration], applied: &[String]) -> Vec<usize> {
    let when = |version: &str| version.parse::<i64>().ok();
    let last = applied.first().and_then(|last| when(last));
    let is_later = |index: &usize| last.is_none() || when(&chain[*index].version) > last;
    (0..chain.len()).filter(is_later).collect()
}

/// Marks within a string or a function's body, where the tool cuts as well.
fn misplaced(file: &SourceFile) -> Option<Oddity> {
    let text = &*file.text;
    let tokens = tokens(text, 0..text.len());
    let is_inside = |at: &usize| {
        let next = tokens.partition_point(|token| token.span.end <= *at);
        tokens.get(next).is_some_and(|token| token.span.start < *at)
    };
    let at = text.match_indices(BREAKPOINT).map(|(at, _)| at).find(is_inside)?;
    let line = position(text, at).line;
    Some(Oddity {
        path: file.path.clone(),
        message: format!(
            "line {line}: `{BREAKPOINT}` stands within a string or a function's body, and drizzle \
             cuts the file there all the same"
        ),
        help: "put it between two statements".to_owned(),
        level: Level::Deny,
        fatal: false,
    })
}

/// A statement that ends the transaction which the tool takes for its own until the last file.
fn ends_boot_transaction(file: &SourceFile) -> Option<Oddity> {
    let ends_it = |statement: &&Statement| {
        matches!(statement.kind, Kind::Transaction(Control::Commit | Control::Rollback))
    };
    let start = file.script.statements().find(ends_it)?.span.start;
    let word = file.text[start..].split([' ', ';', '\r', '\n']).next().unwrap_or_default();
    Some(Oddity {
        path: file.path.clone(),
        message: format!(
            "line {}: {word} ends the transaction that holds all of drizzle's boot: each later \
             statement, of the files after it too, is committed by itself, and stays where a later \
             one fails",
            position(&file.text, start).line
        ),
        help: "leave BEGIN, COMMIT and ROLLBACK to drizzle".to_owned(),
        level: Level::Warn,
        fatal: false,
    })
}

fn missing(folder: &Folder, journal: &str, name: &str) -> Oddity {
    Oddity {
        path: journal.to_owned(),
        message: format!(
            "drizzle refuses to start: No file {} found in {} folder",
            folder.path_of(name),
            folder.name()
        ),
        help: "bring the file back, or remove its entry from the journal with drizzle-kit drop"
            .to_owned(),
        level: Level::Deny,
        fatal: true,
    }
}

/// A file that the journal doesn't name. What is numbered like a migration was meant as one.
fn unknown(folder: &Folder, name: &str) -> Oddity {
    let is_numbered = name.starts_with(|c: char| c.is_ascii_digit());
    Oddity {
        path: folder.path_of(name),
        message: "drizzle ignores this file: meta/_journal.json doesn't name it".to_owned(),
        help: "if it is to run, make it with drizzle-kit generate --custom, which adds its entry; \
               otherwise move it out of the folder"
            .to_owned(),
        level: if is_numbered { Level::Deny } else { Level::Warn },
        fatal: false,
    }
}

fn not_later(folder: &Folder, name: &str, entry: &Entry, latest: &Entry) -> Oddity {
    Oddity {
        path: folder.path_of(name),
        message: format!(
            "its `when`, {}, is not later than that of {}, {}: where that one is applied, drizzle \
             takes this one for applied too and never runs it",
            entry.when, latest.tag, latest.when
        ),
        help: format!(
            "in meta/_journal.json, give the entry of {} a later one, such as {}",
            entry.tag,
            latest.when + 1
        ),
        level: Level::Deny,
        fatal: false,
    }
}

fn twice(folder: &Folder, name: &str) -> Oddity {
    Oddity {
        path: folder.path_of(name),
        message: "meta/_journal.json names this file twice, and drizzle runs it twice".to_owned(),
        help: "remove one of the two entries".to_owned(),
        level: Level::Deny,
        fatal: false,
    }
}

fn foreign(journal: &str, dialect: &str) -> Oddity {
    Oddity {
        path: journal.to_owned(),
        message: format!("the journal is one for {dialect}, and rehearsal plays on Postgres"),
        help: "name the folder of the migrations for Postgres, in rehearsal.toml:\n\
               [migrations]\npath = \"path/to/migrations\""
            .to_owned(),
        level: Level::Deny,
        fatal: false,
    }
}

fn squash(folder: &Folder, chain: &[Migration], body: &Body) -> Result<Squashed> {
    let (first, last) = (&chain[0], last(chain)?);
    // Names can begin with a time instead.
    let number = if first.name.starts_with("0000") { "0000" } else { number(&last.name) };
    let tag = format!("{number}_baseline");
    let meta = folder.folder(FOLDER)?;
    let journal = meta.text(JOURNAL)?;
    let statements = body.within_transaction(true).join(&format!("\n{BREAKPOINT}\n"));
    let text = format!("{}\n{statements}\n", body.head());
    let squashed = Squashed::of(folder, chain, &format!("{tag}.sql"), text)?;
    let written = renewed_journal(&journal, last, &tag);
    let mut squashed = squashed.and(meta.path_of(JOURNAL), written?);
    squashed.retired.push(meta.path_of(JOURNAL));
    let snapshots = meta.names().filter(|name| name.ends_with(SNAPSHOT)).collect::<Vec<_>>();
    squashed.retired.extend(snapshots.iter().map(|name| meta.path_of(name)));
    // The next one is compared with it.
    if let Some(latest) = snapshots.last() {
        let text = without_parent(&meta.text(latest)?);
        squashed = squashed.and(meta.path_of(&format!("{number}{SNAPSHOT}")), text);
    }
    Ok(squashed)
}

/// A journal of one entry, with what else the old one says.
fn renewed_journal(journal: &str, last: &Migration, tag: &str) -> Result<String> {
    let failed = |error| Error::new("the journal can't be rewritten").caused_by(error);
    let old = serde_json::from_str::<serde_json::Value>(journal).map_err(failed)?;
    let said = |value: &serde_json::Value, usual: &str| {
        if value.is_null() { format!("\"{usual}\"") } else { value.to_string() }
    };
    let entries = old["entries"].as_array().and_then(|entries| entries.last());
    let entry_version = said(entries.map_or(&old["version"], |entry| &entry["version"]), "7");
    let (version, dialect) = (said(&old["version"], "7"), said(&old["dialect"], "postgresql"));
    let when = &last.version;
    Ok(format!(
        "{{\n  \"version\": {version},\n  \"dialect\": {dialect},\n  \"entries\": [\n    {{\n      \
         \"idx\": 0,\n      \"version\": {entry_version},\n      \"when\": {when},\n      \
         \"tag\": \"{tag}\",\n      \"breakpoints\": true\n    }}\n  ]\n}}\n"
    ))
}

/// A snapshot to which no other one leads.
fn without_parent(snapshot: &str) -> String {
    const NOBODY: &str = "00000000-0000-0000-0000-000000000000";
    let value = snapshot.split_once("\"prevId\"").and_then(|(_, rest)| rest.split('"').nth(1));
    value.map_or_else(|| snapshot.to_owned(), |id| snapshot.replacen(id, NOBODY, 1))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The messages of a text.
    fn check(text: &str, expected: &[&str]) {
        let sent = messages(text).into_iter().map(|message| &text[message]);
        assert_eq!(sent.collect::<Vec<_>>(), expected, "{text}");
    }

    #[test]
    fn a_file_is_cut_at_every_mark() {
        check("a;", &["a;"]);
        check("a;--> statement-breakpoint\nb;\n", &["a;", "\nb;\n"]);
        check("a;\n--> statement-breakpoint\n", &["a;\n", "\n"]);
        check("a;\n--> statement-breakpoints b;", &["a;\n", "s b;"]);
        check("a;\n-->statement-breakpoint\nb;", &["a;\n-->statement-breakpoint\nb;"]);
        check("a '--> statement-breakpoint'", &["a '", "'"]);
    }

    fn check_misplaced(text: &str, expected: Option<usize>) {
        let file =
            SourceFile { path: String::new(), text: text.into(), script: Script::parse(text) };
        let message = misplaced(&file).map(|oddity| oddity.message);
        let line = expected.map(|line| format!("line {line}: "));
        assert_eq!(message.is_some(), expected.is_some(), "{text}: {message:?}");
        assert!(message.unwrap_or_default().starts_with(&line.unwrap_or_default()), "{text}");
    }

    #[test]
    fn marks_within_a_token_are_noticed() {
        check_misplaced("a;--> statement-breakpoint\nb;", None);
        check_misplaced("a\n--> statement-breakpoint\nb", None);
        check_misplaced("-- see --> statement-breakpoint\n", None);
        check_misplaced("SELECT\n'\n--> statement-breakpoint';", Some(3));
        check_misplaced("DO $$\nBEGIN\n--> statement-breakpoint\nEND $$;", Some(3));
    }

    #[test]
    fn pending_is_what_is_later_than_the_last_row() {
        let chain = ["30", "20", "100"].map(super::super::bare);
        assert_eq!(pending(&chain, &[]), [0, 1, 2]);
        assert_eq!(pending(&chain, &["30".to_owned()]), [2]);
        assert_eq!(pending(&chain, &["100".to_owned()]), [] as [usize; 0]);
    }

    #[test]
    fn a_manifest_says_which_version_it_wants() {
        let wants = |version: &str| {
            depends_on_next_version(&format!(
                "{{\"dependencies\":{{\"drizzle-orm\":\"{version}\"}}}}"
            ))
        };
        assert!(wants("^1.0.0-rc.5"));
        assert!(!wants("^0.45.1"));
        assert!(!wants("10.0"));
        assert!(!depends_on_next_version("{}"));
        assert!(!depends_on_next_version("no"));
    }
}
