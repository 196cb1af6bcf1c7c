//! refinery: `V1__name.sql` and `U1__name.sql`, in the folder and in those below it.
//!
//! As its version 0.10 does it with the `postgres` driver and its default options, by
//! `embed_migrations!()` and by `refinery migrate -d -m` alike:
//!
//! - *Files.* `^[UV](\d+)__(\w+)\.sql$` in the order of their numbers, at any depth; any other file
//!   is passed over, with a line in the log. A number that is no `int4`, or no `int8` with the
//!   feature `int8-versions`, and nothing starts.
//! - *Execution.* All files of a boot on one connection, each as one message in a transaction of
//!   its own.
//! - *Ledger.* `refinery_schema_history`, wherever the `search_path` leads at that moment, with the
//!   SipHash-1-3 of each file's name, number and text. A row is written when its file is committed,
//!   in a second transaction. They share one with the driver `tokio-postgres`, if the project's
//!   dependency names only that.
//! - *Pending* is what the ledger doesn't have. A `V` file that comes in below the last row, a file
//!   that is gone, or one that is another than when it was applied, and the tool refuses to boot.
//!   Only a `U` file may come late.

use std::hash::{Hash as _, Hasher as _};

use siphasher::sip::SipHasher13;

use super::cargo::{dependencies, has_feature};
use super::squashing::last;
use super::{Body, Rewriting, Squashed};
use super::{Certainty, NUMBERED, Placing, Sessions, Settings, ignored, is_sql, not_in};
use super::{Claim, Delivery, Files, Folder, Format, Ledger, Migration, Oddity, Part, Pending};
use crate::config::Level;
use crate::sql::literal;
use crate::{Error, Result};

pub(super) const FORMAT: Format =
    Format {
        name: "refinery",
        example: "V1__create_users.sql in a project that depends on refinery",
        claim,
        read,
        delivery: Delivery::Message,
        sessions: Sessions::PerBoot,
        without_transaction: None,
        lost_transaction: None,
        boot_transaction: None,
        forced: &[],
        float_digits: None,
        placing: Placing {
            latecomers: "refuses to boot, and says that it is missing; unless its name begins \
                         with U: then it runs after those that it should precede",
            twins: Some(
                "where both are new, refinery commits the second one too, and then its ledger \
                 refuses the row; where one is applied, it never runs the other",
            ),
            ..NUMBERED
        },
        dump: None,
        signpost: None,
        settings: Some(|folder| Ok(settings(folder))),
        ledger: Some(Ledger {
            table: "refinery_schema_history",
            home: "SELECT quote_ident(current_schema())",
            asks_again: false,
            is_one_row: false,
            ensure: |home| {
                format!(
                    "CREATE TABLE IF NOT EXISTS refinery_schema_history (version {} PRIMARY KEY, \
                 name VARCHAR(255), applied_on VARCHAR(255), checksum VARCHAR(255))",
                    if home.has_feature(WIDE) { "int8" } else { "int4" }
                )
            },
            applied: |_| {
                "SELECT version || ' ' || checksum || ' ' || name FROM refinery_schema_history \
             ORDER BY version ASC"
                    .to_owned()
            },
            pending,
            before: None,
            after: |home, migration| {
                if home.has_feature(ASYNCHRONOUS) { row(migration) } else { String::new() }
            },
            finally: Some(|home, migration| {
                if home.has_feature(ASYNCHRONOUS) { String::new() } else { row(migration) }
            }),
            rewriting: Rewriting::of(&["version", "name", "checksum"]),
        }),
        squash,
    };

/// The parts of a file's name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Name<'a> {
    /// Whether it begins with `V`, and so may not come late.
    versioned: bool,
    version: i64,
    title: &'a str,
}

impl<'a> Name<'a> {
    /// `None` for a name that the tool passes over, an error for one at which it always stops.
    fn parse(name: &'a str) -> Option<Result<Self, ()>> {
        let versioned = name.starts_with('V');
        let (number, title) = name.strip_prefix(['V', 'U'])?.split_once("__")?;
        // The tool's pattern lets a fraction pass, and the tool then can't read it.
        let (whole, fraction) = number.split_once('.').unwrap_or((number, "0"));
        let digits = |text: &str| !text.is_empty() && text.bytes().all(|it| it.is_ascii_digit());
        let title = title.strip_suffix(".sql").or_else(|| title.strip_suffix(".rs"))?;
        if !digits(whole) || !digits(fraction) || title.is_empty() || !title.chars().all(is_word) {
            return None;
        }
        Some(number.parse().map_err(drop).map(|version| Self { versioned, version, title }))
    }

    /// That of a migration which was read.
    fn of(migration: &'a Migration) -> Self {
        let name = Self::parse(migration.file.file_name()).and_then(Result::ok);
        name.unwrap_or(Self { versioned: true, version: 0, title: "" })
    }
}

/// What a regular expression takes for `\w`, as far as anybody would have it in a file's name.
fn is_word(c: char) -> bool {
    c == '_' || c.is_alphanumeric() || ('\u{300}'..='\u{36f}').contains(&c)
}

/// As the tool calls a migration.
fn called(Name { versioned, version, title }: Name<'_>) -> String {
    format!("{}{version}__{title}", if versioned { 'V' } else { 'U' })
}

/// The tool hashes the number as it holds it, in four bytes or in eight.
fn checksum(name: Name<'_>, text: &str, wide: bool) -> String {
    let mut hasher = SipHasher13::new();
    name.title.hash(&mut hasher);
    match i32::try_from(name.version) {
        Ok(version) if !wide => version.hash(&mut hasher),
        _ => name.version.hash(&mut hasher),
    }
    text.hash(&mut hasher);
    hasher.finish().to_string()
}

fn row(migration: &Migration) -> String {
    let Name { version, title, .. } = Name::of(migration);
    format!(
        "INSERT INTO refinery_schema_history (version, name, applied_on, checksum) VALUES \
         ({version}, {}, \
         to_char(now() AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS.US\"Z\"'), '{}')",
        literal(title),
        migration.entry
    )
}

/// The crates on which a project that uses the tool depends.
const CRATES: [&str; 2] = ["refinery", "refinery-core"];

/// The feature that makes a number an `int8`.
const WIDE: &str = "int8-versions";

/// The feature of the driver that writes a row in the transaction of its file.
const ASYNCHRONOUS: &str = "tokio-postgres";

/// What the project's dependencies say.
fn settings(folder: &Folder) -> Settings {
    let named = CRATES.iter().flat_map(|name| dependencies(folder, name)).collect::<Vec<_>>();
    let has = |features: &[&str]| {
        named.iter().any(|it| features.iter().any(|feature| has_feature(it, feature)))
    };
    let asynchronous = [ASYNCHRONOUS, "tokio-postgres-tls", "tokio-postgres-rustls"];
    let is_asynchronous = has(&asynchronous) && !has(&["postgres", "postgres-tls"]);
    let features = [(WIDE, has(&[WIDE])), (ASYNCHRONOUS, is_asynchronous)];
    let features = features.iter().filter(|(_, is_on)| *is_on).map(|(feature, _)| *feature);
    Settings { features: features.collect(), ..Settings::default() }
}

/// Names like these are flyway's, too. A project that depends on refinery says whose they are.
fn claim(folder: &Folder) -> Claim {
    let certainty = if !folder.above("refinery.toml").is_empty() {
        Certainty::Settings
    } else if CRATES.iter().any(|it| !dependencies(folder, it).is_empty()) {
        Certainty::Dependency
    } else {
        Certainty::Names
    };
    // Without a word for refinery, what is in the folders below a project's root is not meant.
    let is_deep = certainty > Certainty::Names || folder.name() != ".";
    let fitting = |folder: &Folder| folder.names().filter_map(Name::parse).count();
    let below = folder.folders().filter(|_| is_deep).filter_map(|name| folder.folder(name).ok());
    let files = fitting(folder) + below.map(|folder| fitting(&folder)).sum::<usize>();
    Claim { files, certainty }
}

fn read(folder: &Folder) -> Result<Files> {
    let mut files = Files { migrations: Vec::new(), oddities: Vec::new() };
    let wide = settings(folder).features.contains(&WIDE);
    for (_, folder) in folder.below()? {
        gather(&folder, wide, &mut files)?;
    }
    files.migrations.sort_by(|a, b| {
        // Of one number, as the tool walks through the folders.
        let walk = a.file.path.split('/').cmp(b.file.path.split('/'));
        Name::of(a).version.cmp(&Name::of(b).version).then(walk)
    });
    for (index, second) in files.migrations.iter().enumerate() {
        let same = |first: &&Migration| first.version == second.version;
        let mut earlier = files.migrations[..index].iter().filter(same);
        let first = earlier.clone().find(|first| is_twin(first, second)).or(earlier.next());
        files.oddities.extend(first.map(|first| duplicate(first, second)));
    }
    Ok(files)
}

/// Adds the files of a folder.
fn gather(folder: &Folder, wide: bool, files: &mut Files) -> Result<()> {
    for name in folder.names() {
        match Name::parse(name) {
            Some(_) if !is_sql(name) => {
                let path = folder.path_of(name);
                return Err(Error::new(format!("{path} is Rust, and rehearsal plays SQL")).help(
                    "write this migration as a .sql file, or rehearse the chain without it",
                ));
            }
            Some(Ok(parsed)) if wide || i32::try_from(parsed.version).is_ok() => {
                let file = folder.read(name)?;
                let parts = vec![Part::message(0..file.text.len(), Some("BEGIN"))];
                let entry = checksum(parsed, &file.text, wide);
                let (version, name) = (parsed.version.to_string(), name.trim_end_matches(".sql"));
                let name = name.to_owned();
                files.migrations.push(Migration { version, name, file, parts, entry });
            }
            Some(_) => files.oddities.push(unreadable(folder, name)),
            None if is_sql(name) => {
                files.oddities.push(ignored(folder, name, FORMAT.name, "V1__NAME.sql"));
            }
            None => {}
        }
    }
    Ok(())
}

fn pending(chain: &[Migration], applied: &[String]) -> Pending {
    let row = |row: &str| {
        let (version, rest) = row.split_once(' ')?;
        let (checksum, name) = rest.split_once(' ')?;
        Some((version.to_owned(), checksum.to_owned(), name.to_owned()))
    };
    let rows = applied.iter().filter_map(|text| row(text)).collect::<Vec<_>>();
    for (version, digest, title) in &rows {
        let here = chain.iter().find(|migration| migration.version == *version);
        let Some(here) = here else {
            return Err(format!("migration V{version}__{title} is missing from the filesystem"));
        };
        let name = Name::of(here);
        if name.title != title || here.entry != *digest {
            return Err(format!(
                "applied migration V{version}__{title} is different than filesystem one {}",
                called(name)
            ));
        }
    }
    let last = rows.last().and_then(|(version, _, _)| version.parse().ok()).unwrap_or(-1_i64);
    let versions = rows.into_iter().map(|(version, _, _)| version).collect::<Vec<_>>();
    let pending = not_in(&versions, chain);
    let names = pending.iter().map(|index| Name::of(&chain[*index]));
    match names.filter(|name| name.versioned).find(|name| last >= name.version) {
        Some(late) => Err(format!("migration {} is missing from the filesystem", called(late))),
        None => Ok(pending),
    }
}

fn unreadable(folder: &Folder, name: &str) -> Oddity {
    Oddity {
        path: folder.path_of(name),
        message: "refinery refuses to start: migration version must be a valid integer".to_owned(),
        help: format!(
            "give it a whole number from 0 to {}; longer ones, such as timestamps, need refinery's \
             feature int8-versions in Cargo.toml",
            i32::MAX
        ),
        level: Level::Deny,
        fatal: true,
    }
}

/// Whether the tool can't tell two migrations apart.
fn is_twin(first: &Migration, second: &Migration) -> bool {
    Name::of(first).title == Name::of(second).title && first.entry == second.entry
}

fn duplicate(first: &Migration, second: &Migration) -> Oddity {
    let (version, first_path) = (&first.version, &first.file.path);
    let fatal = is_twin(first, second);
    let message = if fatal {
        let name = called(Name::of(second));
        format!(
            "refinery refuses to start: migration {name} is repeated, migration versions must be \
             unique (the other one is {first_path})"
        )
    } else {
        format!(
            "version {version} is taken by {first_path}: where both are new, refinery commits this \
             one too, and then its ledger refuses the row; where the other one is applied, it \
             never runs this one"
        )
    };
    Oddity {
        path: second.file.path.clone(),
        message,
        help: "give one of the two a number of its own".to_owned(),
        level: Level::Deny,
        fatal,
    }
}

fn squash(folder: &Folder, chain: &[Migration], body: &Body) -> Result<Squashed> {
    let name = format!("V{}__baseline.sql", last(chain)?.version);
    Squashed::of(folder, chain, &name, format!("{}\n{}\n", body.head(), body.up()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::SourceFile;
    use crate::sql::Script;

    fn check(name: &str, expected: Option<Result<(bool, i64, &str), ()>>) {
        let parsed = Name::parse(name)
            .map(|name| name.map(|name| (name.versioned, name.version, name.title)));
        assert_eq!(parsed, expected, "{name}");
    }

    #[test]
    fn names_are_read_by_the_tools_own_pattern() {
        check("V1__a.sql", Some(Ok((true, 1, "a"))));
        check("U007__a_b__c.sql", Some(Ok((false, 7, "a_b__c"))));
        check("V0___é1.rs", Some(Ok((true, 0, "_é1"))));
        check("V1.5__a.sql", Some(Err(())));
        check("V20240131120000__a.sql", Some(Ok((true, 20_240_131_120_000, "a"))));
        check("V9223372036854775808__a.sql", Some(Err(())));
        check("V1__a-b.sql", None);
        check("V1__.sql", None);
        check("V1_a.sql", None);
        check("V__a.sql", None);
        check("V+1__a.sql", None);
        check("V1.__a.sql", None);
        check("R__a.sql", None);
        check("v1__a.sql", None);
        check("V1__a.SQL", None);
        check("1__a.sql", None);
    }

    fn migration(name: &str) -> Migration {
        let text = "CREATE TABLE public.last (id int);\r\n";
        let (path, script) = (format!("migrations/{name}"), Script::parse(text));
        let file = SourceFile { path, text: text.into(), script };
        let parsed = Name::parse(name).expect("a name").expect("a version");
        let entry = checksum(parsed, text, false);
        Migration { entry, ..Migration::whole(parsed.version.to_string(), name, file) }
    }

    #[test]
    fn checksums_are_the_tools() {
        let last = Name { versioned: true, version: 2, title: "last" };
        let text = "CREATE TABLE public.last (id int);\r\n";
        assert_eq!(checksum(last, text, false), "3679154132745654239");
        assert_eq!(checksum(last, text, true), "6513412868205092847");
    }

    #[test]
    fn pending_is_what_the_ledger_does_not_have() {
        let chain = ["U1__a.sql", "V2__last.sql", "V3__c.sql"].map(migration);
        let row = |index: usize| {
            let Name { version, title, .. } = Name::of(&chain[index]);
            format!("{version} {} {title}", chain[index].entry)
        };
        let pending = |rows: &[String]| super::pending(&chain, rows);
        assert_eq!(pending(&[]), Ok(vec![0, 1, 2]));
        assert_eq!(pending(&[row(1)]), Ok(vec![0, 2]));
        assert_eq!(pending(&[row(0), row(1), row(2)]), Ok(vec![]));
        let refusal = |rows: &[String]| pending(rows).unwrap_err();
        assert_eq!(refusal(&[row(2)]), "migration V2__last is missing from the filesystem");
        let gone = "migration V4__gone is missing from the filesystem";
        assert_eq!(refusal(&["4 1 gone".to_owned()]), gone);
        let other = "applied migration V1__a is different than filesystem one U1__a";
        assert_eq!(refusal(&["1 1 a".to_owned()]), other);
    }
}
