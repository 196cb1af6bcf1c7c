//! The kinds of objects: one query each, in the order in which they are printed.
//!
//! A new kind is a file in `kinds/` and an entry here. Its query runs unchanged on every Postgres
//! version, returns `kind text, name text, attributes text[]` (name and value by turns, a null
//! value for an attribute that is absent), and relies on the pinned settings of the reader.

/// One query, and the kinds that its rows may be of.
pub(crate) struct Source {
    #[cfg_attr(not(test), expect(dead_code, reason = "a test compares it with the folder"))]
    pub(crate) file: &'static str,
    pub(crate) sql: &'static str,
    pub(crate) kinds: &'static [Kind],
}

/// A kind of object, as it is called in a sentence.
pub(crate) struct Kind {
    pub(crate) name: &'static str,
    /// Whether it belongs to the object in whose name its own begins: `public.users.email`.
    pub(crate) is_child: bool,
}

const fn object(name: &'static str) -> Kind {
    Kind { name, is_child: false }
}

const fn child(name: &'static str) -> Kind {
    Kind { name, is_child: true }
}

macro_rules! source {
    ($file:literal: $($kind:expr),*) => {
        Source { file: $file, sql: include_str!(concat!("kinds/", $file)), kinds: &[$($kind),*] }
    };
}

pub(crate) const SOURCES: &[Source] = &[
    source!("extension.sql": object("extension")),
    source!("setting.sql": object("setting")),
    source!("schema.sql": object("schema")),
    source!("collation.sql": object("collation")),
    source!("type.sql":
        object("enum"), object("composite type"), object("domain"), object("range type")),
    source!("cast.sql": object("cast")),
    source!("foreign_server.sql": object("foreign server")),
    source!("sequence.sql": object("sequence")),
    source!("table.sql": object("table")),
    source!("view.sql": object("view")),
    source!("materialized_view.sql": object("materialized view")),
    source!("column.sql": child("column")),
    source!("constraint.sql":
        child("primary key"), child("unique constraint"), child("exclusion constraint"),
        child("check constraint"), child("foreign key")),
    source!("index.sql": child("index")),
    source!("trigger.sql": child("trigger")),
    source!("rule.sql": child("rule")),
    source!("policy.sql": child("policy")),
    source!("statistics.sql": object("statistics")),
    source!("function.sql": object("function"), object("procedure")),
    source!("aggregate.sql": object("aggregate")),
    source!("event_trigger.sql": object("event trigger")),
    source!("publication.sql": object("publication")),
    source!("default_privileges.sql": object("default privileges")),
    // Attributes of objects that the queries above name.
    source!("grants.sql": ),
];

/// The kind called so, and its rank in print.
pub(crate) fn kind(name: &str) -> Option<(usize, &'static Kind)> {
    SOURCES.iter().flat_map(|source| source.kinds).enumerate().find(|(_, kind)| kind.name == name)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::{collections::BTreeSet, fs, path::Path};

    #[test]
    fn every_query_is_registered() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/catalog/kinds");
        let files: BTreeSet<String> = fs::read_dir(folder)
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        let registered = SOURCES.iter().map(|source| source.file.to_owned()).collect();
        assert_eq!(files, registered);
    }

    /// They are sent as one message: each ends its statement.
    #[test]
    fn every_query_ends_with_a_semicolon() {
        for source in SOURCES {
            assert!(source.sql.trim_end().ends_with(';'), "{}", source.file);
        }
    }

    #[test]
    fn every_kind_is_returned_by_its_query_and_listed_once() {
        let mut names = BTreeSet::new();
        for source in SOURCES {
            for kind in source.kinds {
                assert!(source.sql.contains(&format!("'{}'", kind.name)), "{}", kind.name);
                assert!(names.insert(kind.name), "{} is listed twice", kind.name);
            }
        }
    }
}
