//! `sqlx.toml`, as sqlx 0.9 and its program read it beside the `Cargo.toml`.
//!
//! `migrate!()` heeds it with the feature `sqlx-toml`, and the program by default; a `Migrator`
//! that is made at run time does not. What it says of queries, drivers and new migrations has
//! nothing to do with a boot.

use std::collections::BTreeSet;

use serde::Deserialize;
use serde::de::IgnoredAny;
use toml::{Table, Value};

use super::{Folder, Settings};
use crate::sql::position;
use crate::{Error, Result};

pub(super) const FILE: &str = "sqlx.toml";

/// What it says about migrations.
#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "kebab-case", deny_unknown_fields)]
pub(super) struct Configuration {
    create_schemas: BTreeSet<String>,
    table_name: Option<String>,
    /// The folder was found by it already.
    migrations_dir: Option<String>,
    /// Those that are left out of a file's digest.
    ignored_chars: BTreeSet<char>,
    /// It is for migrations that are yet to be written.
    defaults: IgnoredAny,
}

/// All that it may hold.
#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "kebab-case", deny_unknown_fields)]
struct Whole {
    common: IgnoredAny,
    drivers: IgnoredAny,
    macros: IgnoredAny,
    migrate: Configuration,
}

impl Configuration {
    /// That of the nearest such file, or that of none.
    pub(super) fn of(folder: &Folder) -> Result<Self> {
        folder.above(FILE).first().map_or_else(|| Ok(Self::default()), |text| Self::parse(text))
    }

    fn parse(text: &str) -> Result<Self> {
        let whole = toml::from_str::<Whole>(text).map_err(|error| {
            let place = position(text, error.span().unwrap_or_default().start);
            let (line, column, said) = (place.line, place.column, error.message());
            Error::new(format!("{FILE}:{line}:{column}: {said}"))
                .help("sqlx refuses it too: see the reference of sqlx.toml in its documentation")
        })?;
        Ok(whole.migrate)
    }

    /// The tool writes both names into its SQL as they are.
    pub(super) fn settings(self) -> Settings {
        let schemas = self.create_schemas.iter();
        let prepare = schemas.map(|name| format!("CREATE SCHEMA IF NOT EXISTS {name};")).collect();
        Settings { prepare, table: self.table_name, features: Vec::new() }
    }

    /// What of a file goes into its digest.
    pub(super) fn digested(&self, text: &str) -> String {
        text.chars().filter(|it| !self.ignored_chars.contains(it)).collect()
    }
}

/// The folder of the migrations, if it is named.
pub(super) fn folder(config: &Table) -> Result<Option<String>, String> {
    match config.get("migrate").and_then(|migrate| migrate.get("migrations-dir")) {
        None => Ok(None),
        Some(Value::String(path)) => Ok(Some(path.clone())),
        Some(_) => Err("`migrations-dir` under [migrate] is no text".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_reference_is_understood() {
        let text = "[common]\ndatabase-url-var = \"A\"\n[drivers.postgres]\n[macros]\n[migrate]\n\
                    table-name = 'foo.\"Steps\"'\ncreate-schemas = [\"foo\", \"bar\"]\n\
                    ignored-chars = [\"\\r\", \" \"]\n\
                    [migrate.defaults]\nmigration-type = \"simple\"";
        let configuration = Configuration::parse(text).expect("it is right");
        assert_eq!(configuration.digested("a b\r\n"), "ab\n");
        let settings = configuration.settings();
        assert_eq!(settings.table.as_deref(), Some("foo.\"Steps\""));
        let schemas = ["bar", "foo"].map(|name| format!("CREATE SCHEMA IF NOT EXISTS {name};"));
        assert_eq!(settings.prepare, schemas);
    }

    fn check_mistake(text: &str, expected: &str) {
        let said = Configuration::parse(text).expect_err("it is wrong").to_string();
        assert!(said.starts_with(expected), "{text}: {said}");
    }

    #[test]
    fn mistakes_are_refused_with_their_places() {
        check_mistake("[migrate]\ntable_name = \"a\"", "sqlx.toml:2:1: unknown field `table_name`");
        check_mistake("[migration]\n", "sqlx.toml:1:2: unknown field `migration`");
        check_mistake("[migrate]\nignored-chars = [\"ab\"]", "sqlx.toml:2:18: invalid value: ");
        check_mistake("[migrate]\ntable-name = 1", "sqlx.toml:2:14: invalid type: integer");
        check_mistake("[migrate", "sqlx.toml:1:9: ");
    }
}
