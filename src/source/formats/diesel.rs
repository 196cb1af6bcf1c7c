//! diesel: `2024-01-31-120000_name/up.sql`, with `down.sql` and `metadata.toml` beside it.
//!
//! As its version 2 does it with Postgres (libpq), by `diesel migration run` and by
//! `embed_migrations!()` alike:
//!
//! - *Files.* Each folder is a migration, and its version is what stands before the first `_`,
//!   without dashes. Versions are ordered as text. A folder without an `up.sql`, and nothing
//!   starts; files beside the folders are passed over without a word. All of them are in
//!   `migrations`, unless `diesel.toml` names another folder.
//! - *Execution.* All files of a boot on one connection, each as one message. It shares a
//!   transaction with its ledger row, unless there is a `metadata.toml` that says
//!   `run_in_transaction = false`, or nothing of it. One that can't be read counts as none, without
//!   a word. A file without a statement fails, and so does one that ends the transaction, after its
//!   row is written.
//! - *Ledger.* `__diesel_schema_migrations`, wherever the `search_path` leads at that moment.
//! - *Pending* is what the ledger doesn't have, lower versions too. It may have others.
//!
//! `COPY … TO stdout` is a failure here; the tool would throw the rows away.

use std::cmp::Ordering;
use std::collections::BTreeMap;

use toml::{Table, Value};

use super::cargo::dependencies;
use super::squashing::{folders_of, last};
use super::{Body, Rewriting, Squashed};
use super::{Certainty, LostTransaction, NUMBERED, Placing, Signpost, ignored, is_sql, not_in};
use super::{Claim, Delivery, Files, Folder, Format, Ledger, Migration, Oddity, Part, Sessions};
use crate::Result;
use crate::config::Level;
use crate::sql::literal;

pub(super) const FORMAT: Format = Format {
    name: "diesel",
    example: "2024-01-31-120000_create_users/up.sql",
    claim,
    read,
    delivery: Delivery::Message,
    sessions: Sessions::PerBoot,
    without_transaction: Some("`run_in_transaction = false` in its metadata.toml"),
    lost_transaction: Some(LostTransaction::AtCommit(
        "Cannot perform this operation outside of a transaction",
    )),
    boot_transaction: None,
    forced: &["timezone"],
    float_digits: None,
    placing: Placing { twins: Some(TWINS), ..NUMBERED },
    dump: None,
    signpost: Some(SIGNPOST),
    settings: None,
    ledger: Some(Ledger {
        table: "__diesel_schema_migrations",
        home: "SELECT quote_ident(current_schema())",
        asks_again: false,
        is_one_row: false,
        ensure: |_| {
            "CREATE TABLE IF NOT EXISTS __diesel_schema_migrations (\
             version VARCHAR(50) PRIMARY KEY NOT NULL, \
             run_on TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP)"
                .to_owned()
        },
        applied: |_| "SELECT version FROM __diesel_schema_migrations".to_owned(),
        pending: |chain, applied| Ok(not_in(applied, chain)),
        before: None,
        after: |_, migration| {
            let version = literal(&migration.version);
            format!("INSERT INTO \"__diesel_schema_migrations\" (\"version\") VALUES ({version})")
        },
        finally: None,
        rewriting: Rewriting::of(&["version"]),
    }),
    squash,
};

const SIGNPOST: Signpost = Signpost { file: "diesel.toml", folder: named_folder };

fn named_folder(config: &Table) -> Result<Option<String>, String> {
    let Some(directory) = config.get("migrations_directory") else { return Ok(None) };
    match directory.get("dir") {
        Some(Value::String(path)) => Ok(Some(path.clone())),
        Some(_) => Err("`dir` under [migrations_directory] is no text".to_owned()),
        None => Err("missing field `dir` under [migrations_directory]".to_owned()),
    }
}

const UP: &str = "up.sql";
const METADATA: &str = "metadata.toml";
const IN_TRANSACTION: &str = "run_in_transaction";

/// Folders with such a file can be another tool's, too.
fn claim(folder: &Folder) -> Claim {
    let files = folder.folders().filter(|name| folder.holds(&format!("{name}/{UP}"))).count();
    let depends = |name: &str| !dependencies(folder, name).is_empty();
    let certainty = if !folder.above(SIGNPOST.file).is_empty() {
        Certainty::Settings
    } else if ["diesel", "diesel_migrations"].iter().any(|name| depends(name)) {
        Certainty::Dependency
    } else {
        Certainty::Names
    };
    Claim { files, certainty }
}

fn version(name: &str) -> String {
    name.split('_').next().unwrap_or_default().replace('-', "")
}

fn read(folder: &Folder) -> Result<Files> {
    let stray = folder.names().filter(|name| is_sql(name));
    let stray = stray.map(|name| ignored(folder, name, FORMAT.name, "NUMBER_NAME/up.sql"));
    let mut oddities = stray.collect::<Vec<_>>();
    // Of one version, the tool keeps the last one that it finds.
    let mut migrations = BTreeMap::<String, Migration>::new();
    for name in folder.folders() {
        let here = folder.folder(name)?;
        if !here.holds(UP) {
            oddities.push(refused(&here, name));
            continue;
        }
        let others = here.names().filter(|it| is_sql(it) && ![UP, "down.sql"].contains(it));
        let others = others.map(|it| ignored(&here, it, FORMAT.name, "up.sql or down.sql"));
        oddities.extend(others);
        if here.text(UP)?.trim().is_empty() {
            oddities.push(empty(&here, "Attempted to run an empty migration."));
            continue;
        }
        let file = here.read(UP)?;
        if file.script.statements().next().is_none() {
            oddities.push(empty(&here, "Received an empty query"));
        }
        let metadata = if here.holds(METADATA) { Some(here.text(METADATA)?) } else { None };
        let (bare, oddity) = metadata.map_or((false, None), |text| runs_bare(&here, &text));
        oddities.extend(oddity);
        let parts = vec![Part::message(0..file.text.len(), (!bare).then_some("BEGIN"))];
        let (version, name) = (version(name), name.to_owned());
        let migration =
            Migration { version: version.clone(), name, file, parts, entry: String::new() };
        if let Some(first) = migrations.insert(version, migration) {
            oddities.push(duplicate(folder, &first, name_of(&here)));
        }
    }
    let migrations = migrations.into_values().collect::<Vec<_>>();
    oddities.extend(migrations.windows(2).filter_map(|pair| out_of_order(&pair[0], &pair[1])));
    Ok(Files { migrations, oddities })
}

fn name_of(folder: &Folder) -> &str {
    folder.name().rsplit('/').next().unwrap_or_default()
}

/// Whether a migration's metadata keep it from having a transaction, and what is odd about them.
fn runs_bare(folder: &Folder, metadata: &str) -> (bool, Option<Oddity>) {
    let tell = |message: String| {
        Some(Oddity {
            path: folder.path_of(METADATA),
            message,
            help: format!("write `{IN_TRANSACTION} = true` or `{IN_TRANSACTION} = false`"),
            level: Level::Deny,
            fatal: false,
        })
    };
    let passed_over = |fault: &str| {
        let message = format!(
            "diesel passes over this file without a word, and opens its transaction: {fault}"
        );
        (false, tell(message))
    };
    let table = match metadata.parse::<Table>() {
        Ok(table) => table,
        Err(error) => return passed_over(error.message()),
    };
    match table.get(IN_TRANSACTION) {
        Some(Value::Boolean(in_transaction)) => (!in_transaction, None),
        Some(_) => passed_over(&format!("`{IN_TRANSACTION}` is neither true nor false")),
        None => {
            let message = format!(
                "does not say `{IN_TRANSACTION}`, which diesel takes for false: this migration \
                 runs without a transaction"
            );
            (true, tell(message))
        }
    }
}

/// Two versions that are ordered as text, and not as the numbers that they are. Timestamps are,
/// even if some of them go on after the seconds.
fn out_of_order(earlier: &Migration, later: &Migration) -> Option<Oddity> {
    let number = |migration: &Migration| -> Option<(usize, String)> {
        let is_number = migration.version.bytes().all(|byte| byte.is_ascii_digit());
        let digits = migration.version.trim_start_matches('0');
        is_number.then(|| (digits.len(), digits.to_owned()))
    };
    let shorter = earlier.version.len().min(later.version.len());
    let is_swapped = number(earlier)?.cmp(&number(later)?) == Ordering::Greater;
    (is_swapped && shorter < "20240131120000".len()).then(|| Oddity {
        path: earlier.file.path.clone(),
        message: format!(
            "runs before {}: diesel orders versions as text, in which {} comes before {}",
            later.name, earlier.version, later.version
        ),
        help: "give all versions the same number of digits".to_owned(),
        level: Level::Deny,
        fatal: false,
    })
}

fn refused(folder: &Folder, name: &str) -> Oddity {
    let slip = folder.names().find(|it| it.eq_ignore_ascii_case(UP));
    let slip = slip.map(|it| format!(" (it holds {it})")).unwrap_or_default();
    Oddity {
        path: folder.name().to_owned(),
        message: format!(
            "diesel refuses to start: Invalid migration directory: the directory's name should be \
             <timestamp>_<name_of_migration>, and it should contain up.sql and optionally \
             down.sql{slip}"
        ),
        help: format!("write {name}/up.sql, or move the folder to another place"),
        level: Level::Deny,
        fatal: true,
    }
}

fn empty(folder: &Folder, said: &str) -> Oddity {
    Oddity {
        path: folder.path_of(UP),
        message: format!(
            "diesel fails here, as there is no statement: Failed to run {} with: {said}",
            name_of(folder)
        ),
        help: "write its SQL, or remove the folder; SELECT 1; is a statement that does nothing"
            .to_owned(),
        level: Level::Deny,
        fatal: true,
    }
}

/// What becomes of two migrations of one version.
const TWINS: &str = "diesel runs only one of the two, without a word";

fn duplicate(folder: &Folder, first: &Migration, second: &str) -> Oddity {
    Oddity {
        path: folder.path_of(&first.name),
        message: format!(
            "version {} is taken by {second}, too: {TWINS}; embed_migrations!() takes {second}, \
             and otherwise the file system decides it",
            first.version
        ),
        help: "give one of the two a version of its own".to_owned(),
        level: Level::Deny,
        fatal: false,
    }
}

fn squash(folder: &Folder, chain: &[Migration], body: &Body) -> Result<Squashed> {
    let last = last(chain)?;
    let name = format!("{}_baseline", last.name.split('_').next().unwrap_or_default());
    let path = folder.path_of(&format!("{name}/{UP}"));
    let text = format!("{}\n{}\n", body.head(), body.up());
    let retired = folders_of(folder, chain)?;
    let goes_back = retired.iter().any(|path| path.ends_with("/down.sql"));
    let squashed = Squashed::in_folders(path, text, retired);
    let down = format!("{}\n{}\n", body.head(), body.down());
    let down_path = folder.path_of(&format!("{name}/down.sql"));
    Ok(if goes_back { squashed.and(down_path, down) } else { squashed })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::formats::bare;

    #[test]
    fn versions_are_read_by_the_tools_own_rule() {
        assert_eq!(version("2024-01-31-120000_create_users"), "20240131120000");
        assert_eq!(version("2024-01-31-120000-0001_a"), "202401311200000001");
        assert_eq!(version("00000000000000_diesel_initial_setup"), "00000000000000");
        assert_eq!(version("setup"), "setup");
        assert_eq!(version("_a"), "");
    }

    fn check_order(earlier: &str, later: &str, expected: bool) {
        let oddity = out_of_order(&bare(earlier), &bare(later));
        assert_eq!(oddity.is_some(), expected, "{earlier} {later}");
    }

    #[test]
    fn numbers_are_told_that_are_not_in_their_order() {
        check_order("10", "9", true);
        check_order("20240101000000", "3", true);
        check_order("09", "10", false);
        check_order("1", "20240101000000", false);
        check_order("202401311200000000", "20240201000000", false);
        check_order("10", "a", false);
    }

    fn check_folder(config: &str, expected: Result<Option<&str>, &str>) {
        let config = config.parse::<Table>().expect("TOML");
        let expected = expected.map(|path| path.map(str::to_owned)).map_err(str::to_owned);
        assert_eq!(named_folder(&config), expected, "{config}");
    }

    #[test]
    fn the_folder_is_the_one_that_the_configuration_names() {
        check_folder("[print_schema]\nfile = \"src/schema.rs\"", Ok(None));
        check_folder("[migrations_directory]\ndir = \"db/steps\"", Ok(Some("db/steps")));
        let missing = "missing field `dir` under [migrations_directory]";
        check_folder("[migrations_directory]\ndirectory = \"a\"", Err(missing));
    }
}
