//! prisma: `20240131120000_name/migration.sql`, beside `migration_lock.toml`.
//!
//! As `prisma migrate deploy` of version 6 does it with Postgres, and version 7 by its source, with
//! a URL whose schema is `public` or left out:
//!
//! - *Files.* Each folder is a migration, whatever its name is, in the order in which JavaScript's
//!   `localeCompare` has the names; what else lies there is passed over without a word. A folder
//!   without `migration.sql` ends the boot. So does a `migration_lock.toml` with another provider.
//! - *Execution.* All files of a boot in one session, each as one message, without a transaction of
//!   the tool's.
//! - *Ledger.* `_prisma_migrations`, wherever the `search_path` leads at that moment: a row before
//!   the file, which is completed after it. A row that isn't blocks every later boot.
//! - *Pending* is what the ledger doesn't have, lower ones too. That an applied file was edited, or
//!   is gone, is nothing to it: only `migrate dev` asks for the checksum.
//! - *An empty database* is what it wants at first: without a ledger, any other table in `public`
//!   but those of `PostGIS` ends the boot.
//!
//! It was compared through its engine's build as WebAssembly, in one session to which whole scripts
//! were given: so does the native engine, by its source, which only the tool's own server has. The
//! text of an error in the column `logs`, and the advisory lock, are left out.

use super::squashing::{folders_of, last, number};
use super::{Body, Rewriting, Squashed};
use super::{Certainty, NUMBERED, ignored, is_sql, not_in, sha256};
use super::{Claim, Delivery, Files, Folder, Format, Ledger, Migration, Oddity, Pending, Sessions};
use crate::Result;
use crate::config::Level;
use crate::sql::literal;

pub(super) const FORMAT: Format = Format {
    name: "prisma",
    example: "20240131120000_create_users/migration.sql",
    claim,
    read,
    delivery: Delivery::Message,
    sessions: Sessions::PerBoot,
    without_transaction: None,
    lost_transaction: None,
    boot_transaction: None,
    forced: &[],
    float_digits: None,
    placing: NUMBERED,
    dump: None,
    signpost: None,
    settings: None,
    ledger: Some(Ledger {
        table: "_prisma_migrations",
        home: "SELECT 'public'",
        asks_again: false,
        is_one_row: false,
        ensure: |_| ENSURE.to_owned(),
        applied: |_| {
            "SELECT CASE WHEN rolled_back_at IS NOT NULL THEN 'undone ' \
                         WHEN finished_at IS NULL THEN 'failed ' ELSE 'applied ' END \
                    || migration_name \
               FROM \"_prisma_migrations\" ORDER BY started_at"
                .to_owned()
        },
        pending,
        before: Some(|_, migration| {
            format!(
                "INSERT INTO \"_prisma_migrations\" \
                 (\"id\",\"checksum\",\"started_at\",\"migration_name\") \
                 VALUES (gen_random_uuid()::text, {}, now(), {})",
                literal(&sha256(&migration.file.text)),
                literal(&migration.version)
            )
        }),
        after: |_, migration| {
            update(migration, "\"applied_steps_count\" = (\"applied_steps_count\" + 1)")
        },
        finally: Some(|_, migration| update(migration, "\"finished_at\" = clock_timestamp()")),
        rewriting: Rewriting::of(&["migration_name", "checksum"]),
    }),
    squash,
};

/// Makes the ledger in an empty schema, and refuses any other, with the tool's own code.
const ENSURE: &str = "DO $$ BEGIN
  IF EXISTS (SELECT FROM pg_catalog.pg_class tbl
               JOIN pg_catalog.pg_namespace namespace ON namespace.oid = tbl.relnamespace
              WHERE tbl.relkind = 'r' AND namespace.nspname = 'public'
                AND tbl.relname = '_prisma_migrations') THEN
    RETURN;
  END IF;
  IF EXISTS (SELECT FROM pg_catalog.pg_class tbl
               JOIN pg_catalog.pg_namespace namespace ON namespace.oid = tbl.relnamespace
              WHERE tbl.relkind = 'r' AND namespace.nspname = 'public'
                AND lower(tbl.relname) NOT IN ('spatial_ref_sys', 'geometry_columns',
                    'geography_columns', 'raster_columns', 'raster_overviews')) THEN
    RAISE EXCEPTION USING ERRCODE = 'P3005', MESSAGE = 'The database schema is not empty. Read '
      'more about how to baseline an existing production database: '
      'https://pris.ly/d/migrate-baseline';
  END IF;
  CREATE TABLE _prisma_migrations (
    id                      VARCHAR(36) PRIMARY KEY NOT NULL,
    checksum                VARCHAR(64) NOT NULL,
    finished_at             TIMESTAMPTZ,
    migration_name          VARCHAR(255) NOT NULL,
    logs                    TEXT,
    rolled_back_at          TIMESTAMPTZ,
    started_at              TIMESTAMPTZ NOT NULL DEFAULT now(),
    applied_steps_count     INTEGER NOT NULL DEFAULT 0
  );
END $$";

const LOCK: &str = "migration_lock.toml";
const SCRIPT: &str = "migration.sql";

/// Completes the row that was begun before the migration's file.
fn update(migration: &Migration, set: &str) -> String {
    format!(
        "UPDATE \"_prisma_migrations\" SET {set} \
         WHERE migration_name = {} AND finished_at IS NULL AND rolled_back_at IS NULL",
        literal(&migration.version)
    )
}

/// Its folders can be other tools' too, and its lock file nobody else's.
fn claim(folder: &Folder) -> Claim {
    let is_ours = |name: &&str| folder.holds(&format!("{name}/{SCRIPT}"));
    let files = folder.folders().filter(is_ours).count();
    if folder.holds(LOCK) {
        return Claim { files: files.max(1), certainty: Certainty::Markers };
    }
    Claim { files, certainty: Certainty::Names }
}

fn read(folder: &Folder) -> Result<Files> {
    let mut files = Files { migrations: Vec::new(), oddities: Vec::new() };
    if folder.holds(LOCK) {
        let lock = folder.text(LOCK)?;
        files.oddities.extend(wrong_provider(&folder.path_of(LOCK), &lock));
    }
    let stray = folder.names().filter(|name| is_sql(name));
    files
        .oddities
        .extend(stray.map(|name| ignored(folder, name, FORMAT.name, "NAME/migration.sql")));
    let mut names = folder.folders().collect::<Vec<_>>();
    names.sort_by_cached_key(|name| collated(name));
    for name in names {
        let inner = folder.folder(name)?;
        if !inner.holds(SCRIPT) {
            files.oddities.push(without_script(folder, name));
            continue;
        }
        // What leads back is for `prisma db execute`.
        let is_stray = |file: &&str| is_sql(file) && !matches!(*file, SCRIPT | "down.sql");
        let stray = inner.names().filter(is_stray);
        files.oddities.extend(stray.map(|file| ignored(&inner, file, FORMAT.name, SCRIPT)));
        files.migrations.push(Migration::whole(name, name, inner.read(SCRIPT)?));
    }
    Ok(files)
}

/// What JavaScript's `localeCompare` compares: first all characters without regard for their case,
/// then their case, small letters first. Punctuation comes before digits, and those before letters.
fn collated(name: &str) -> (Vec<usize>, Vec<bool>) {
    const PUNCTUATION: &str = " _-,;:!?.'\"()[]{}@*/\\&#%`^+<=>|~$";
    let place = |letter: char| {
        let letter = letter.to_ascii_lowercase();
        let among = PUNCTUATION.chars().position(|other| other == letter);
        among.unwrap_or(PUNCTUATION.len() + letter as usize)
    };
    (name.chars().map(place).collect(), name.chars().map(|it| it.is_ascii_uppercase()).collect())
}

/// The provider as the tool reads it from its lock file.
fn provider(lock: &str) -> &str {
    lock.lines().find(|line| line.starts_with("provider")).map_or("<PROVIDER NOT FOUND>", |line| {
        line.trim_start_matches("provider = ").trim_matches('"')
    })
}

fn pending(chain: &[Migration], applied: &[String]) -> Pending {
    let rows = applied.iter().filter_map(|row| row.split_once(' ')).collect::<Vec<_>>();
    if let Some((_, name)) = rows.iter().find(|(state, _)| *state == "failed") {
        return Err(format!(
            "P3009: migrate found failed migrations in the target database, new migrations will \
             not be applied: the `{name}` migration failed"
        ));
    }
    let names = rows.iter().filter(|(state, _)| *state == "applied");
    Ok(not_in(&names.map(|(_, name)| (*name).to_owned()).collect::<Vec<_>>(), chain))
}

fn wrong_provider(path: &str, lock: &str) -> Option<Oddity> {
    let provider = provider(lock);
    (provider != "postgresql").then(|| Oddity {
        path: path.to_owned(),
        message: format!(
            "P3019: The datasource provider `postgresql` specified in your schema does not match \
             the one specified in the migration_lock.toml, `{provider}`"
        ),
        help: "prisma wants the line `provider = \"postgresql\"`, to the letter; migrations that \
               were made for another database don't run on Postgres"
            .to_owned(),
        level: Level::Deny,
        fatal: true,
    })
}

fn without_script(folder: &Folder, name: &str) -> Oddity {
    Oddity {
        path: folder.path_of(name),
        message: format!("P3015: Could not find the migration file at {name}/{SCRIPT}"),
        help: "prisma takes every folder here for a migration, and ends its boot at this one: \
               remove the folder, or bring its migration.sql back"
            .to_owned(),
        level: Level::Deny,
        fatal: true,
    }
}

fn squash(folder: &Folder, chain: &[Migration], body: &Body) -> Result<Squashed> {
    let name = format!("{}_baseline", number(&last(chain)?.name));
    let path = folder.path_of(&format!("{name}/{SCRIPT}"));
    let text = format!("{}\n{}\n", body.head(), body.up());
    let squashed = Squashed::in_folders(path, text, folders_of(folder, chain)?);
    let shared = folder.holds(LOCK).then(|| folder.path_of(LOCK)).into_iter().collect();
    Ok(Squashed { shared, ..squashed })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(names: &[&str]) {
        let mut sorted = names.to_vec();
        sorted.reverse();
        sorted.sort_by_cached_key(|name| collated(name));
        assert_eq!(sorted, names);
    }

    #[test]
    fn folders_come_in_the_order_of_javascript() {
        check(&["0_init", "20240101000000_a", "20240102000000_a"]);
        check(&["1_a", "10_b", "2_c"]);
        check(&["a b", "a_b", "A_b", "a-b", "a1", "ab", "aB", "Ab"]);
        check(&["2024_B", "2024_ba", "2024_C", "2024a", "new"]);
    }

    #[test]
    fn the_lock_is_read_as_the_tool_reads_it() {
        assert_eq!(provider("# Please\r\nprovider = \"postgresql\"\r\n"), "postgresql");
        assert_eq!(provider("provider = \"mysql\""), "mysql");
        assert_eq!(provider("provider=\"postgresql\""), "provider=\"postgresql");
        assert_eq!(provider("  provider = \"postgresql\""), "<PROVIDER NOT FOUND>");
    }

    #[test]
    fn a_row_that_is_not_completed_blocks() {
        let chain = ["1", "2", "3"].map(super::super::bare);
        let rows = |rows: &[&str]| rows.iter().map(|row| (*row).to_owned()).collect::<Vec<_>>();
        assert_eq!(pending(&chain, &rows(&["applied 2", "applied 9"])), Ok(vec![0, 2]));
        assert_eq!(pending(&chain, &rows(&["undone 1", "applied 1", "undone 2"])), Ok(vec![1, 2]));
        let blocked = pending(&chain, &rows(&["failed 2"]));
        assert!(blocked.is_err_and(|said| said.contains("the `2` migration failed")));
    }
}
