//! golang-migrate: `000001_name.up.sql` and `000001_name.down.sql`.
//!
//! As its version 4 does it with the `postgres` driver (lib/pq) and its default options:
//!
//! - *Files.* `^([0-9]+)_(.*)\.(down|up)\.(.*)$`, in numeric order; any other file is passed over
//!   without a word. Two files of one version and direction, and the tool refuses to start.
//! - *Execution.* All files of a boot on one connection, each as one message of the simple query
//!   protocol, hence in one implicit transaction.
//! - *Ledger.* `schema_migrations(version, dirty)` in the schema that was current at connect. It
//!   holds one row, the last version: before a file the row says `dirty`, after it no longer. A
//!   file that leaves a transaction open ends the boot, and the row stays dirty.
//! - *Pending* is what has a higher number than the ledger's. A file that comes in below is never
//!   run.
//!
//! Read from its source; the program could not be had, so it is not compared. A transcript of what
//! it does, on the same driver, left the same as this on 34 projects.
//!
//! The tool's advisory lock is left out: nobody else migrates a scratch database.

use std::collections::{BTreeMap, BTreeSet};

use super::squashing::{last, number};
use super::{Body, Rewriting, Squashed};
use super::{Certainty, Home, LIB_PQ, NUMBERED, Placing, SourceFile, ignored, is_sql};
use super::{Claim, Delivery, Files, Folder, Format, Ledger, Migration, Oddity, Pending, Sessions};
use crate::Result;
use crate::config::Level;
use crate::sql::Script;

pub(super) const FORMAT: Format = Format {
    name: "golang-migrate",
    example: "000001_create_users.up.sql",
    claim,
    read,
    delivery: Delivery::Message,
    sessions: Sessions::PerBoot,
    placing: Placing {
        latecomers: "never runs it, without a word",
        twins: Some("golang-migrate refuses to start where both are there"),
        ..NUMBERED
    },
    dump: None,
    signpost: None,
    settings: None,
    forced: &["datestyle"],
    float_digits: Some(2),
    without_transaction: None,
    lost_transaction: Some(LIB_PQ),
    boot_transaction: None,
    ledger: Some(Ledger {
        table: "schema_migrations",
        home: "SELECT quote_ident(current_schema())",
        asks_again: false,
        is_one_row: true,
        ensure: |home| {
            format!(
                "CREATE TABLE IF NOT EXISTS {home}.schema_migrations \
                 (version bigint not null primary key, dirty boolean not null)"
            )
        },
        applied: |home| {
            format!(
                "SELECT version || CASE WHEN dirty THEN ' dirty' ELSE '' END \
                 FROM {home}.schema_migrations LIMIT 1"
            )
        },
        pending,
        before: Some(|home, migration| set_version(home, migration, true)),
        after: |home, migration| set_version(home, migration, false),
        finally: None,
        rewriting: Rewriting::of(&["version", "dirty"]),
    }),
    squash,
};

/// The parts of a file's name.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Name<'a> {
    version: u64,
    up: bool,
    /// The name up to the direction.
    stem: &'a str,
}

impl<'a> Name<'a> {
    fn parse(name: &'a str) -> Option<Self> {
        let (digits, _) = name.split_once('_')?;
        if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
            return None;
        }
        let version = digits.parse().ok()?;
        // The tool's pattern is greedy: the last `.up.` or `.down.` counts.
        let up = name.rfind(".up.");
        let down = name.rfind(".down.");
        let at = up.max(down).filter(|at| *at > digits.len())?;
        Some(Self { version, up: up > down, stem: &name[..at] })
    }
}

/// Whether a file of this name is one of the tool's.
pub(super) fn is_ours(name: &str) -> bool {
    Name::parse(name).is_some()
}

fn claim(folder: &Folder) -> Claim {
    let files = folder.names().filter(|name| is_ours(name)).count();
    let named = |text: String| text.contains("github.com/golang-migrate/migrate");
    let depends = folder.above("go.mod").into_iter().any(named);
    Claim { files, certainty: if depends { Certainty::Dependency } else { Certainty::Names } }
}

fn read(folder: &Folder) -> Result<Files> {
    let mut oddities = Vec::new();
    let mut taken = BTreeSet::new();
    let mut ups: BTreeMap<u64, &str> = BTreeMap::new();
    let mut downs: BTreeMap<u64, &str> = BTreeMap::new();
    let mut named = Vec::new();
    for name in folder.names() {
        match Name::parse(name) {
            Some(parsed) => named.push((parsed, name)),
            None if is_sql(name) => {
                oddities.push(ignored(folder, name, FORMAT.name, "NUMBER_NAME.up.sql"));
            }
            None => {}
        }
    }
    // What is taken twice is told of a file that migrates, if there is one.
    named.sort_by_key(|(name, _)| !name.up);
    for (Name { version, up, .. }, name) in named {
        let files = if up { &mut ups } else { &mut downs };
        match files.get(&version) {
            Some(other) if taken.insert(version) => {
                oddities.push(duplicate(folder, version, other, name));
            }
            // The same two migrations, in the other direction.
            Some(_) => {}
            None => drop(files.insert(version, name)),
        }
    }
    for (version, name) in &downs {
        if !ups.contains_key(version) {
            oddities.push(lone_down(folder, name));
        }
    }
    let mut versions = ups.keys().chain(downs.keys()).copied().collect::<Vec<_>>();
    versions.sort_unstable();
    versions.dedup();
    let migrations = versions
        .into_iter()
        .map(|version| migration(folder, version, ups.get(&version), downs.get(&version)))
        .collect::<Result<_>>()?;
    Ok(Files { migrations, oddities })
}

fn migration(
    folder: &Folder,
    version: u64,
    up: Option<&&str>,
    down: Option<&&str>,
) -> Result<Migration> {
    let name = up.or(down).copied().unwrap_or_default();
    let file = match up {
        Some(name) => folder.read(name)?,
        // The tool records a version that has only a down file, and runs nothing for it.
        None => {
            SourceFile { path: folder.path_of(name), text: "".into(), script: Script::parse("") }
        }
    };
    let stem = Name::parse(name).map_or(name, |name| name.stem);
    Ok(Migration::whole(version.to_string(), stem, file))
}

fn duplicate(folder: &Folder, version: u64, first: &str, second: &str) -> Oddity {
    let [first_stem, second_stem] =
        [first, second].map(|name| Name::parse(name).map_or(name, |name| name.stem));
    Oddity {
        path: folder.path_of(second),
        message: format!("version {version} is taken twice, by {first_stem} and {second_stem}"),
        help: "give one of the two a number of its own".to_owned(),
        level: Level::Deny,
        fatal: true,
    }
}

fn lone_down(folder: &Folder, name: &str) -> Oddity {
    Oddity {
        path: folder.path_of(name),
        message: "this version has no up file: golang-migrate records it as applied and runs \
                  nothing"
            .to_owned(),
        help: format!("add {}, or remove this file", name.replacen(".down.", ".up.", 1)),
        level: Level::Deny,
        fatal: false,
    }
}

fn set_version(home: &Home, migration: &Migration, dirty: bool) -> String {
    let version = &migration.version;
    format!(
        "BEGIN; TRUNCATE {home}.schema_migrations; \
         INSERT INTO {home}.schema_migrations (version, dirty) VALUES ({version}, {dirty}); COMMIT"
    )
}

fn pending(chain: &[Migration], applied: &[String]) -> Pending {
    let Some(last) = applied.first() else { return Ok((0..chain.len()).collect()) };
    if let Some(version) = last.strip_suffix(" dirty") {
        return Err(format!("Dirty database version {version}. Fix and force version."));
    }
    let Some(at) = chain.iter().position(|migration| migration.version == *last) else {
        return Err(format!("no migration found for version {last}"));
    };
    Ok((at + 1..chain.len()).collect())
}

fn squash(folder: &Folder, chain: &[Migration], body: &Body) -> Result<Squashed> {
    let name = format!("{}_baseline", number(last(chain)?.file.file_name()));
    let text = format!("{}\n{}\n", body.head(), body.up());
    let squashed = Squashed::of(folder, chain, &format!("{name}.up.sql"), text)?;
    let goes_back = squashed.retired.iter().any(|path| path.contains(".down."));
    let down = format!("{}\n{}\n", body.head(), body.down());
    let down_path = folder.path_of(&format!("{name}.down.sql"));
    Ok(if goes_back { squashed.and(down_path, down) } else { squashed })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(name: &str, expected: Option<(u64, bool, &str)>) {
        let parsed = Name::parse(name).map(|name| (name.version, name.up, name.stem));
        assert_eq!(parsed, expected, "{name}");
    }

    #[test]
    fn names_are_read_by_the_tools_own_pattern() {
        check("000001_users.up.sql", Some((1, true, "000001_users")));
        check("1_.down.sql", Some((1, false, "1_")));
        check("20240131120000_a.b.up.sql", Some((20_240_131_120_000, true, "20240131120000_a.b")));
        check("1_a.down.up.sql", Some((1, true, "1_a.down")));
        check("1_a.up.json", Some((1, true, "1_a")));
        check("000001_users.sql", None);
        check("users.up.sql", None);
        check("V1_users.up.sql", None);
        check("1users.up.sql", None);
        check("99999999999999999999_late.up.sql", None);
    }

    fn chain() -> Vec<Migration> {
        ["2", "10"].map(super::super::bare).into()
    }

    #[test]
    fn pending_is_what_comes_after_the_ledgers_version() {
        let pending = |applied: &[&str]| {
            let applied = applied.iter().map(|version| (*version).to_owned()).collect::<Vec<_>>();
            pending(&chain(), &applied)
        };
        assert_eq!(pending(&[]), Ok(vec![0, 1]));
        assert_eq!(pending(&["2"]), Ok(vec![1]));
        assert_eq!(pending(&["10"]), Ok(vec![]));
        assert_eq!(pending(&["3"]), Err("no migration found for version 3".to_owned()));
        let dirty = "Dirty database version 2. Fix and force version.";
        assert_eq!(pending(&["2 dirty"]), Err(dirty.to_owned()));
    }
}
