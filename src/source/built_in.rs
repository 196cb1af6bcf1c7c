//! The migrations that a program has built in, by `sqlx::migrate!()`.
//!
//! They are read as the files that they were, so that whatever is true of files is true of them.

use std::collections::BTreeMap;
use std::path::Path;

use sqlx::migrate::{Migration as Resolved, Migrator};

use super::folder::Folder;
use super::formats::Files;
use super::{Read, USUAL_FOLDERS, formats};
use crate::config::Config;
use crate::{Error, Result};

/// In the place of a folder that nobody has found.
const NOWHERE: &str = "<built in>";

/// What a migrator runs, and where it keeps its ledger. Its files are looked for where the project
/// says, or where they usually are, so that findings can be placed.
pub(super) fn read(root: &Path, config: &Config, migrator: &Migrator) -> Result<Read> {
    let texts = texts(migrator);
    let said = config.migrations.path.as_deref();
    let places = said.into_iter().chain(USUAL_FOLDERS.iter().copied());
    let on_disk = places.filter(|path| root.join(path).is_dir()).find_map(|path| {
        let folder = Folder::open(root, path).ok()?;
        let texts = names_on_disk(&folder, &texts)?;
        Some(Folder::built_in(root, path, texts))
    });
    let folder = on_disk.unwrap_or_else(|| Folder::built_in(root, NOWHERE, texts));
    let mut read = Read::of(formats::SQLX, folder)?;
    if !does_as_usual(migrator) || !is_the_same(migrator, &read.files) {
        return Err(Error::new("this Migrator is set up in a way that rehearsal can't imitate")
            .help(
                "let it do its work itself:\n\
                 Rehearsal::of(async |database: Database| -> rehearsal::Result<()> {\n    \
                     Ok(MIGRATOR.run(&mut database.connect().await?).await?)\n\
                 })",
            ));
    }
    let schemas = migrator.create_schemas.iter();
    read.settings.prepare =
        schemas.map(|name| format!("CREATE SCHEMA IF NOT EXISTS {name};")).collect();
    let usual = migrator.table_name == Migrator::DEFAULT.table_name;
    read.settings.table = (!usual).then(|| migrator.table_name.clone().into_owned());
    Ok(read)
}

/// The texts by the names that their files must have had.
fn texts(migrator: &Migrator) -> BTreeMap<String, String> {
    let texts = migrator.iter().map(|migration| {
        let description = migration.description.replace(' ', "_");
        let suffix = migration.migration_type.suffix();
        let name = format!("{}_{description}{suffix}", migration.version);
        (name, migration.sql.as_str().to_owned())
    });
    texts.collect()
}

/// The same under the names of the files on the disk, if they are all there.
fn names_on_disk(
    folder: &Folder,
    texts: &BTreeMap<String, String>,
) -> Option<BTreeMap<String, String>> {
    let named = texts.iter().map(|(name, text)| {
        // Zeros in front of a number are lost when it is built in.
        let is_it = |file: &&str| file.trim_start_matches('0') == name.trim_start_matches('0');
        let file = folder.names().filter(is_it).find(|file| folder.glance(file) == *text)?;
        Some((file.to_owned(), text.clone()))
    });
    named.collect()
}

/// Whether nothing was said that changes what it does with its migrations.
fn does_as_usual(migrator: &Migrator) -> bool {
    !migrator.ignore_missing && !migrator.no_tx
}

/// Whether the files say of each migration what the migrator says of it.
fn is_the_same(migrator: &Migrator, files: &Files) -> bool {
    let ups = migrator.iter().filter(|migration| migration.migration_type.is_up_migration());
    let ups = ups.collect::<Vec<_>>();
    ups.len() == files.migrations.len()
        && ups.iter().zip(&files.migrations).all(|(theirs, ours)| {
            let digested = Resolved::new(
                theirs.version,
                theirs.description.clone(),
                theirs.migration_type,
                theirs.sql.clone(),
                theirs.no_tx,
            );
            let begins = ours.parts.iter().all(|part| part.begin.is_some());
            theirs.version.to_string() == ours.version
                && theirs.checksum == digested.checksum
                && theirs.no_tx != begins
        })
}
