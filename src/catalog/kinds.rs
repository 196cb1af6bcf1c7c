//! The kinds of objects: one query each, in the order in which they are printed.
//!
//! A new kind is a file in `kinds/` and an entry here. Its query runs unchanged on every Postgres
//! version, and relies on the pinned settings of the reader. Its first columns are `kind` and
//! `name`; each further one is an attribute, called so in double quotes (`as "not null"`), and null
//! where that is absent.
//!
//! What all queries must know of the database, `scope.sql` has asked before them, and they name it
//! in braces: `{system schemas}` are OIDs of schemas, `{members of pg_class}` those of what
//! extensions have brought there, `{dependents in pg_class}` of what depends on one. What is joined
//! as `{comments on pg_class}` are the comments on what is there, read once for all rows.
//!
//! Rows of two more kinds are no objects: `attributes of` a kind adds to an object that another
//! query names, and `unseen` says what the reader isn't allowed to see, as "options of user
//! mappings": an attribute and a kind, which is then compared with nothing.

/// One query, and the kinds that its rows may be of.
pub(crate) struct Source {
    pub(crate) file: &'static str,
    pub(crate) sql: &'static str,
    pub(crate) kinds: &'static [Kind],
    /// Whether it is sent only where [`SCOPE`] says that it would return anything.
    pub(crate) is_rare: bool,
}

impl Source {
    const fn rare(self) -> Self {
        Self { is_rare: true, ..self }
    }
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
        Source {
            file: $file,
            sql: include_str!(concat!("kinds/", $file)),
            kinds: &[$($kind),*],
            is_rare: false,
        }
    };
}

pub(crate) const SOURCES: &[Source] = &[
    source!("database.sql": object("database")),
    source!("extension.sql": object("extension")),
    source!("setting.sql": object("setting")).rare(),
    source!("schema.sql": object("schema")),
    source!("collation.sql": object("collation")).rare(),
    source!("type.sql":
        object("enum"), object("composite type"), object("domain"), object("range type"),
        object("base type"), object("shell type")),
    source!("cast.sql": object("cast")).rare(),
    source!("sequence.sql": object("sequence")),
    source!("table.sql": object("table")),
    source!("view.sql": object("view")),
    source!("materialized_view.sql": object("materialized view")).rare(),
    source!("column.sql": child("column")),
    source!("constraint.sql":
        child("primary key"), child("unique constraint"), child("exclusion constraint"),
        child("check constraint"), child("foreign key")),
    source!("index.sql": child("index")),
    source!("trigger.sql": child("trigger")),
    source!("rule.sql": child("rule")).rare(),
    source!("policy.sql": child("policy")).rare(),
    source!("statistics.sql": object("statistics")).rare(),
    source!("function.sql": object("function"), object("procedure")),
    source!("aggregate.sql": object("aggregate")).rare(),
    source!("event_trigger.sql": object("event trigger")).rare(),
    source!("publication.sql": object("publication")).rare(),
    source!("default_privileges.sql": object("default privileges")).rare(),
    // Attributes of objects that the queries above name.
    source!("grants.sql": ),
    source!("system_grants.sql": object("system grant")),
    source!("operator.sql": object("operator")).rare(),
    source!("operator_class.sql": object("operator class"), object("operator family")).rare(),
    source!("conversion.sql": object("conversion")).rare(),
    source!("text_search.sql":
        object("text search parser"), object("text search template"),
        object("text search dictionary"), object("text search configuration"))
    .rare(),
    source!("language.sql": object("language")).rare(),
    source!("transform.sql": object("transform")).rare(),
    source!("access_method.sql": object("access method")).rare(),
    source!("foreign_data.sql":
        object("foreign-data wrapper"), object("foreign server"), object("user mapping"))
    .rare(),
    source!("subscription.sql": object("subscription")).rare(),
    source!("subscription_connection.sql": ).rare(),
    source!("large_object.sql": object("large objects")).rare(),
    source!("security_label.sql": ).rare(),
];

/// What all of them must know, and which of the rare ones are needed.
pub(crate) const SCOPE: &str = include_str!("scope.sql");

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

    #[test]
    fn every_rare_query_is_asked_for() {
        for source in SOURCES.iter().filter(|source| source.is_rare) {
            assert!(SCOPE.contains(&format!("'{}'", source.file)), "{}", source.file);
        }
    }
}
