//! sqlx: `20240131120000_name.sql`, or the pair `….up.sql` and `….down.sql`.
//!
//! As its version 0.9 does it with Postgres and its default options, by `sqlx::migrate!()` and by
//! `sqlx migrate run` alike:
//!
//! - *Files.* What stands before the first `_` must be a number, or nothing starts at all. Names
//!   without a `_` and names that don't end in `.sql` are passed over without a word. Numeric
//!   order; of one version, the simple file comes before the pair.
//! - *Execution.* All files of a boot on one connection, each as one message. It shares a
//!   transaction with its ledger row, unless the file's very first bytes are `-- no-transaction`.
//! - *Ledger.* `_sqlx_migrations`, wherever the `search_path` leads at that moment, with the
//!   SHA-384 of each file. How long a file took is written after its transaction. `sqlx.toml` can
//!   name another table, schemas that are made before it, and characters that no digest counts.
//! - *Pending* is what the ledger doesn't have, lower versions too. A file that is gone or has
//!   another digest than when it was applied, and the tool refuses to boot.
//!
//! The library's advisory lock is left out: nobody else migrates a scratch database.

use std::collections::BTreeSet;

use ::sqlx::migrate::{Migration as Resolved, MigrationType};
use ::sqlx::{AssertSqlSafe, SqlSafeStr as _};

use super::cargo::{dependencies, has_feature};
use super::sqlx_toml::{self, Configuration};
use super::squashing::{last, number};
use super::{Body, Rewriting, Squashed};
use super::{
    Certainty, NUMBERED, Placing, Sessions, Signpost, SourceFile, hexadecimal, ignored, is_sql,
    not_in,
};
use super::{Claim, Delivery, Files, Folder, Format, Ledger, Migration, Oddity, Part, Pending};
use crate::Result;
use crate::config::Level;
use crate::sql::{literal, position};

pub(super) const FORMAT: Format = Format {
    name: "sqlx",
    example: "20240131120000_create_users.sql",
    claim,
    read,
    delivery: Delivery::Message,
    sessions: Sessions::PerBoot,
    without_transaction: Some(BARE),
    lost_transaction: None,
    boot_transaction: None,
    forced: &["timezone", "datestyle"],
    float_digits: Some(2),
    placing: Placing { twins: Some(TWINS), ..NUMBERED },
    dump: None,
    signpost: Some(Signpost { file: sqlx_toml::FILE, folder: sqlx_toml::folder }),
    settings: Some(|folder| Ok(Configuration::of(folder)?.settings())),
    ledger: Some(Ledger {
        table: TABLE,
        home: "SELECT quote_ident(current_schema())",
        asks_again: false,
        is_one_row: false,
        ensure: |home| {
            format!(
                "CREATE TABLE IF NOT EXISTS {} (version BIGINT PRIMARY KEY, \
                 description TEXT NOT NULL, installed_on TIMESTAMPTZ NOT NULL DEFAULT now(), \
                 success BOOLEAN NOT NULL, checksum BYTEA NOT NULL, \
                 execution_time BIGINT NOT NULL)",
                home.table(TABLE)
            )
        },
        applied: |home| {
            format!(
                "SELECT version || ' ' || CASE WHEN success THEN encode(checksum, 'hex') \
                 ELSE 'dirty' END FROM {} ORDER BY version",
                home.table(TABLE)
            )
        },
        pending,
        before: None,
        after: |home, migration| {
            format!(
                "INSERT INTO {} (version, description, success, checksum, execution_time) \
                 VALUES ({}, {}, TRUE, decode('{}', 'hex'), -1)",
                home.table(TABLE),
                migration.version,
                literal(&description(migration.file.file_name())),
                migration.entry
            )
        },
        finally: Some(|home, migration| {
            let (table, version) = (home.table(TABLE), &migration.version);
            format!("UPDATE {table} SET execution_time = 0 WHERE version = {version}")
        }),
        rewriting: Rewriting::of(&["version", "checksum", "success"]),
    }),
    squash,
};

const TABLE: &str = "_sqlx_migrations";

/// What a file begins with that is to run without a transaction.
const BARE: &str = "-- no-transaction";

/// The parts of a file's name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Name<'a> {
    version: i64,
    direction: MigrationType,
    whole: &'a str,
}

impl<'a> Name<'a> {
    /// `None` for a name that the tool passes over, an error for one at which it stops.
    fn parse(whole: &'a str) -> Option<Result<Self, ()>> {
        let (number, rest) = whole.split_once('_')?;
        rest.strip_suffix(".sql")?;
        let direction = MigrationType::from_filename(rest);
        let version = number.parse().map_err(drop);
        Some(version.map(|version| Self { version, direction, whole }))
    }

    fn stem(self) -> &'a str {
        self.whole.strip_suffix(self.direction.suffix()).unwrap_or(self.whole)
    }
}

fn description(name: &str) -> String {
    let rest = name.split_once('_').map_or(name, |(_, rest)| rest);
    rest.trim_end_matches(MigrationType::from_filename(rest).suffix()).replace('_', " ")
}

fn checksum(text: &str) -> String {
    let sql = AssertSqlSafe(text).into_sql_str();
    let resolved = Resolved::new(0, "".into(), MigrationType::Simple, sql, false);
    hexadecimal(&resolved.checksum)
}

/// Names like these can be anybody's. A project that depends on sqlx says whose they are; and
/// timestamps, which sqlx gives, are reason enough to ask.
fn claim(folder: &Folder) -> Claim {
    let names = folder.names().filter_map(Name::parse).filter_map(Result::ok).collect::<Vec<_>>();
    let is_timestamp = |name: &Name<'_>| name.whole.find('_') == Some("20240131120000".len());
    let certainty = if !folder.above(sqlx_toml::FILE).is_empty() {
        Certainty::Settings
    } else if dependencies(folder, FORMAT.name).iter().any(migrates) {
        Certainty::Dependency
    } else if names.iter().all(is_timestamp) {
        Certainty::Names
    } else {
        return Claim::NONE;
    };
    Claim { files: names.len(), certainty }
}

/// Whether a dependency on sqlx has its migrations, which its default features include.
fn migrates(sqlx: &toml::Value) -> bool {
    let bare = sqlx.get("default-features").and_then(toml::Value::as_bool) == Some(false);
    has_feature(sqlx, "migrate") || !bare
}

fn read(folder: &Folder) -> Result<Files> {
    let mut oddities = Vec::new();
    let mut names = Vec::new();
    for name in folder.names() {
        match Name::parse(name) {
            Some(Ok(name)) => names.push(name),
            Some(Err(())) => oddities.push(unreadable(folder, name)),
            None if is_sql(name) => {
                oddities.push(ignored(folder, name, FORMAT.name, "NUMBER_NAME.sql"));
            }
            None => {}
        }
    }
    names.sort_unstable();
    let (downs, ups): (Vec<_>, Vec<_>) =
        names.into_iter().partition(|name| name.direction.is_down_migration());
    oddities.extend(ways_back(folder, &ups, &downs));
    let configuration = Configuration::of(folder)?;
    let mut migrations: Vec<Migration> = Vec::new();
    for name in ups {
        let version = name.version.to_string();
        if let Some(last) = migrations.last()
            && last.version == version
        {
            oddities.push(duplicate(folder, &version, last.file.file_name(), name.whole));
        }
        let file = folder.read(name.whole)?;
        oddities.extend(late_directive(&file));
        let entry = checksum(&configuration.digested(&file.text));
        let begin = (!file.text.starts_with(BARE)).then_some("BEGIN");
        let parts = vec![Part::message(0..file.text.len(), begin)];
        migrations.push(Migration { version, name: name.stem().to_owned(), file, parts, entry });
    }
    Ok(Files { migrations, oddities })
}

fn pending(chain: &[Migration], applied: &[String]) -> Pending {
    let rows = applied.iter().filter_map(|row| row.split_once(' ')).collect::<Vec<_>>();
    if let Some((version, _)) = rows.iter().find(|(_, state)| *state == "dirty") {
        return Err(format!(
            "migration {version} is partially applied; fix and remove row from \
             `_sqlx_migrations` table"
        ));
    }
    let file_of = |version: &str| chain.iter().find(|migration| migration.version == version);
    if let Some((version, _)) = rows.iter().find(|(version, _)| file_of(version).is_none()) {
        return Err(format!(
            "migration {version} was previously applied but is missing in the resolved migrations"
        ));
    }
    let is_other = |(version, digest): &&(&str, &str)| {
        file_of(version).is_some_and(|migration| migration.entry != *digest)
    };
    if let Some((version, _)) = rows.iter().find(is_other) {
        return Err(format!("migration {version} was previously applied but has been modified"));
    }
    let versions = rows.iter().map(|(version, _)| (*version).to_owned()).collect::<Vec<_>>();
    Ok(not_in(&versions, chain))
}

/// A directive that comes too late: the tool compares the file's first bytes with it.
fn late_directive(file: &SourceFile) -> Option<Oddity> {
    let text = &*file.text;
    let head = file.script.statements().next().map_or(text.len(), |first| first.span.start);
    let mut start = 0;
    let found = text[..head].split_inclusive('\n').find_map(|line| {
        let at = start;
        start += line.len();
        let comment = line.trim_start_matches('\u{feff}').trim_start().strip_prefix("--")?;
        let words = comment.trim_start().to_ascii_lowercase().replace(['_', ' '], "-");
        words.starts_with("no-transaction").then_some(at)
    });
    let at = found.filter(|_| !text.starts_with(BARE))?;
    let line = position(text, at).line;
    let what = match text.chars().next() {
        Some('\u{feff}') => "a byte order mark comes before it".to_owned(),
        _ if at > 0 => format!("here it is line {line}"),
        _ => format!("this is `{}`", text.lines().next().unwrap_or_default().trim_end()),
    };
    Some(Oddity {
        path: file.path.clone(),
        message: format!(
            "sqlx opens its transaction all the same: `{BARE}` counts only as the very first bytes \
             of the file, and {what}"
        ),
        help: format!("begin the file with `{BARE}`, before any other comment, or remove the line"),
        level: Level::Deny,
        fatal: false,
    })
}

/// Down files without an up file, and what `sqlx migrate revert` would take for the last one.
fn ways_back(folder: &Folder, ups: &[Name<'_>], downs: &[Name<'_>]) -> Vec<Oddity> {
    let versions = |names: &[Name<'_>]| names.iter().map(|it| it.version).collect::<BTreeSet<_>>();
    let (there, back) = (versions(ups), versions(downs));
    let lone = downs.iter().filter(|down| !there.contains(&down.version)).map(|down| Oddity {
        path: folder.path_of(down.whole),
        message: "this version has no up file: sqlx never runs anything for it".to_owned(),
        help: format!("add {}.up.sql, or remove this file", down.stem()),
        level: Level::Warn,
        fatal: false,
    });
    let first = back.first().copied().unwrap_or(i64::MAX);
    let stuck = ups.iter().filter(|up| up.version > first && !back.contains(&up.version));
    let stuck = stuck.map(|up| Oddity {
        path: folder.path_of(up.whole),
        message: "has no down file, while an earlier migration has one: `sqlx migrate revert` \
                  passes over this one and reverts the earlier one"
            .to_owned(),
        help: format!("add {}.down.sql", up.stem()),
        level: Level::Warn,
        fatal: false,
    });
    lone.chain(stuck).collect()
}

fn unreadable(folder: &Folder, name: &str) -> Oddity {
    Oddity {
        path: folder.path_of(name),
        message: format!(
            "sqlx refuses to start: error parsing migration filename \"{name}\"; expected integer \
             version prefix (e.g. `01_foo.sql`)"
        ),
        help: "give it a number before the first `_`, or move it out of the folder".to_owned(),
        level: Level::Deny,
        fatal: true,
    }
}

/// What becomes of two migrations of one version.
const TWINS: &str = "where both are new, sqlx's ledger refuses the second; where one is applied, \
                     sqlx finds it modified and refuses to boot";

fn duplicate(folder: &Folder, version: &str, first: &str, second: &str) -> Oddity {
    Oddity {
        path: folder.path_of(second),
        message: format!("version {version} is taken by {first}: {TWINS}"),
        help: "give one of the two a number of its own".to_owned(),
        level: Level::Deny,
        fatal: false,
    }
}

fn squash(folder: &Folder, chain: &[Migration], body: &Body) -> Result<Squashed> {
    let name = format!("{}_baseline", number(last(chain)?.file.file_name()));
    let goes_back =
        chain.iter().any(|it| it.file.file_name().ends_with(MigrationType::ReversibleUp.suffix()));
    let direction = if goes_back { MigrationType::ReversibleUp } else { MigrationType::Simple };
    let text = format!("{}\n{}\n", body.head(), body.up());
    let squashed = Squashed::of(folder, chain, &format!("{name}{}", direction.suffix()), text)?;
    let down = format!("{}\n{}\n", body.head(), body.down());
    let down_path = folder.path_of(&format!("{name}{}", MigrationType::ReversibleDown.suffix()));
    Ok(if goes_back { squashed.and(down_path, down) } else { squashed })
}

#[cfg(test)]
mod tests {
    use super::super::cargo::named;
    use super::*;
    use crate::sql::Script;

    fn check(name: &str, expected: Option<Result<(i64, MigrationType, &str), ()>>) {
        let parsed = Name::parse(name)
            .map(|name| name.map(|name| (name.version, name.direction, name.stem())));
        assert_eq!(parsed, expected, "{name}");
    }

    #[test]
    fn names_are_read_by_the_tools_own_rule() {
        use MigrationType::{ReversibleDown, ReversibleUp, Simple};
        check(
            "20240131120000_a_b.sql",
            Some(Ok((20_240_131_120_000, Simple, "20240131120000_a_b"))),
        );
        check("0001_a.up.sql", Some(Ok((1, ReversibleUp, "0001_a"))));
        check("1_a.down.sql", Some(Ok((1, ReversibleDown, "1_a"))));
        check("1_.sql", Some(Ok((1, Simple, "1_"))));
        check("V1_a.sql", Some(Err(())));
        check("read_me.sql", Some(Err(())));
        check("99999999999999999999_a.sql", Some(Err(())));
        check("1-a.sql", None);
        check("1_a.SQL", None);
        check("1_a.sql.bak", None);
    }

    #[test]
    fn descriptions_are_what_the_tool_writes() {
        assert_eq!(description("1_add_users.up.sql"), "add users");
        assert_eq!(description("1_add.users.sql"), "add.users");
        assert_eq!(description("1__a_.sql"), " a ");
    }

    fn check_directive(text: &str, expected: Option<&str>) {
        let script = Script::parse(text);
        let file = SourceFile { path: String::new(), text: text.into(), script };
        let message = late_directive(&file).map(|oddity| oddity.message);
        match (&message, expected) {
            (Some(message), Some(end)) => assert!(message.ends_with(end), "{text}: {message}"),
            _ => assert_eq!(message.as_deref(), expected, "{text}"),
        }
    }

    #[test]
    fn a_directive_counts_only_at_the_very_beginning() {
        check_directive("-- no-transaction\nSELECT 1;", None);
        check_directive("-- no-transactions are harmed\nSELECT 1;", None);
        check_directive("SELECT 1;\n-- no-transaction", None);
        check_directive("-- no more transactions\nSELECT 1;", None);
        check_directive("-- (c) us\n-- no-transaction\nSELECT 1;", Some("here it is line 2"));
        check_directive("\u{feff}-- no-transaction\n", Some("a byte order mark comes before it"));
        check_directive("--no-transaction\r\n", Some("this is `--no-transaction`"));
        check_directive("\n-- no-transaction\n", Some("here it is line 2"));
    }

    fn check_manifest(manifest: &str, expected: bool) {
        let dependencies = named(manifest, FORMAT.name);
        assert_eq!(dependencies.iter().any(migrates), expected, "{manifest}");
    }

    #[test]
    fn a_manifest_says_whether_sqlx_migrates() {
        check_manifest("[dependencies]\nsqlx = \"0.8\"", true);
        check_manifest("[dependencies]\nsqlx.workspace = true", true);
        let bare = "[dependencies.sqlx]\ndefault-features = false\nfeatures = [\"postgres\"";
        check_manifest(&format!("{bare}]"), false);
        check_manifest(&format!("{bare}, \"migrate\"]"), true);
        check_manifest("[dependencies]\ndiesel = \"2\"", false);
    }

    #[test]
    fn pending_is_what_the_ledger_does_not_have() {
        let digest = checksum("");
        let chain = ["1", "2", "10"].map(super::super::bare);
        let chain = chain.map(|migration| Migration { entry: digest.clone(), ..migration });
        let pending = |rows: &[String]| super::pending(&chain, rows);
        assert!(digest.starts_with("38b060a751ac96384cd9327eb1b1e36a21fdb71114be0743"));
        assert_eq!(pending(&[]), Ok(vec![0, 1, 2]));
        assert_eq!(pending(&[format!("2 {digest}")]), Ok(vec![0, 2]));
        let refusal = |rows: &[String]| pending(rows).unwrap_err();
        assert!(refusal(&["2 00".to_owned()]).ends_with("has been modified"));
        assert!(refusal(&[format!("3 {digest}")]).contains("is missing"));
        assert!(refusal(&["1 dirty".to_owned()]).contains("partially applied"));
    }
}
