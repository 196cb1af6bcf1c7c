//! Renames: an object that is only on the left, and one that is only on the right, and nothing
//! differs but what they are called.
//!
//! Where two could be meant, none is: then they are told as gone and new.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::comparison::Renamed;
use super::diff::Difference;
use super::model::{Catalog, Identity, Object, parent_of};

/// The kinds that can be renamed and whose catalog entry says all there is to say of them: not so
/// schemas, which are more than their entry, and what is named after that which it is about.
const KINDS: &[&str] = &[
    "aggregate",
    "check constraint",
    "collation",
    "column",
    "composite type",
    "domain",
    "enum",
    "event trigger",
    "exclusion constraint",
    "foreign key",
    "foreign server",
    "function",
    "index",
    "materialized view",
    "policy",
    "primary key",
    "procedure",
    "publication",
    "range type",
    "rule",
    "sequence",
    "statistics",
    "table",
    "trigger",
    "unique constraint",
    "view",
];

/// What stands for the object's own name. No text of Postgres's holds it.
const OWN_NAME: &str = "\0";

/// What two objects must have in common: their kind, where they are, and all else.
type Likeness = (&'static str, String, Vec<(String, Attributes)>);

type Attributes = Vec<(String, String)>;

/// Takes the renames out of the differences.
pub(super) fn take(
    differences: &mut Vec<Difference>,
    left: &Catalog,
    right: &Catalog,
) -> Vec<Renamed> {
    let mut alike: BTreeMap<Likeness, [Vec<Identity>; 2]> = BTreeMap::new();
    for difference in differences.iter() {
        let (side, catalog, identity, object) = match difference {
            Difference::OnlyLeft { identity, object } => (0, left, identity, object),
            Difference::OnlyRight { identity, object } => (1, right, identity, object),
            Difference::Changed { .. } => continue,
        };
        if KINDS.contains(&identity.kind()) {
            let likeness = likeness(catalog, identity, object);
            alike.entry(likeness).or_default()[side].push(identity.clone());
        }
    }
    let mut renamed = Vec::new();
    for pair in alike.into_values() {
        if let [[left], [right]] = pair.each_ref().map(Vec::as_slice) {
            renamed.push(Renamed { left: left.clone(), right: right.clone() });
        }
    }
    renamed.sort_by(|one, other| one.left.cmp(&other.left));
    let names = renamed.iter().map(|it| (&it.left, &it.right));
    let (lefts, rights): (BTreeSet<_>, BTreeSet<_>) = names.unzip();
    differences.retain(|difference| match difference {
        Difference::OnlyLeft { identity, .. } => !lefts.contains(identity),
        Difference::OnlyRight { identity, .. } => !rights.contains(identity),
        Difference::Changed { .. } => true,
    });
    renamed
}

fn likeness(catalog: &Catalog, identity: &Identity, object: &Object) -> Likeness {
    if identity.is_child() {
        let mut parts = vec![(String::new(), without_short_name(identity, object))];
        let is_its = |column: &str| column == identity.name();
        parts.extend(sequences(catalog, is_its).map(|it| ("sequence".to_owned(), it)));
        return (identity.kind(), identity.root().to_owned(), parts);
    }
    // What tells two functions of one name apart is not the name.
    let name = identity.name();
    let (own, arguments) = name.split_at(name.find('(').unwrap_or(name.len()));
    let mut parts = vec![(arguments.to_owned(), without(object, own))];
    let all = catalog.objects.range(identity..).take_while(|(it, _)| it.root() == name);
    for (child, object) in all.filter(|(it, _)| it.is_child()) {
        let called = format!("{} {}", child.kind(), child.short_name());
        parts.push((called, without(object, own)));
    }
    let is_its = |column: &str| parent_of(column) == Some(name);
    let own = |it: Attributes| without(&Object { attributes: Arc::new(it) }, own);
    parts.extend(sequences(catalog, is_its).map(|it| ("sequence".to_owned(), own(it))));
    (identity.kind(), identity.schema().unwrap_or_default().to_owned(), parts)
}

/// What is said of the sequences whose column is meant, but for the column's name.
fn sequences(
    catalog: &Catalog,
    is_meant: impl Fn(&str) -> bool,
) -> impl Iterator<Item = Attributes> {
    let sequences = catalog.objects.iter().filter(|(identity, _)| identity.kind() == "sequence");
    let owned = sequences.filter(move |(_, it)| it.get("owned by").is_some_and(&is_meant));
    owned.map(|(_, object)| {
        let attributes = object.attributes.iter().filter(|(name, _)| name != "owned by");
        attributes.cloned().collect()
    })
}

/// The object of a qualified name, which is unmistakable wherever it stands.
fn without(object: &Object, name: &str) -> Attributes {
    let replaced = |value: &str| {
        places(value, name).rev().fold(value.to_owned(), |mut value, at| {
            value.replace_range(at..at + name.len(), OWN_NAME);
            value
        })
    };
    let attributes = object.attributes.iter().filter(|(it, value)| !is_usual_name(it, value));
    attributes.map(|(it, value)| (it.clone(), replaced(value))).collect()
}

/// Postgres 18 gives a NOT NULL a name of the table's and the column's, which a rename of one of
/// them leaves as it is.
fn is_usual_name(attribute: &str, value: &str) -> bool {
    attribute == "not null name" && value.trim_end_matches('"').ends_with("_not_null")
}

/// An object of a table has a short name, which could be anything's: it is its own only where a
/// statement that makes it names it first.
fn without_short_name(identity: &Identity, object: &Object) -> Attributes {
    let mut attributes = (*object.attributes).clone();
    attributes.retain(|(it, value)| !is_usual_name(it, value));
    let definition = attributes.iter_mut().find(|(name, _)| name == "definition");
    if let Some((_, definition)) = definition.filter(|(_, it)| it.starts_with("CREATE ")) {
        let name = identity.short_name();
        let first = places(definition, name).next();
        if let Some(at) = first {
            definition.replace_range(at..at + name.len(), OWN_NAME);
        }
    }
    attributes
}

/// Where a name stands in a text, and not a longer one that holds it.
fn places<'a>(text: &'a str, name: &'a str) -> impl DoubleEndedIterator<Item = usize> {
    let is_part = |c: char| c.is_alphanumeric() || matches!(c, '_' | '$' | '"');
    let found = text.match_indices(name).map(|(at, _)| at);
    let stands_alone = move |at: &usize| {
        !text[..*at].ends_with(is_part) && !text[at + name.len()..].starts_with(is_part)
    };
    found.collect::<Vec<_>>().into_iter().filter(stands_alone)
}

#[cfg(test)]
mod tests {
    use super::super::diff::diff;
    use super::super::model::catalog;
    use super::*;
    use pretty_assertions::assert_eq;

    fn check(left: &str, right: &str, expected: &[&str]) {
        let (left, right) = (catalog(left), catalog(right));
        let mut differences = diff(&left, &right);
        let renamed = take(&mut differences, &left, &right);
        let renamed = renamed.iter().map(|it| format!("{} is called {}", it.left, it.right.name()));
        let said: Vec<_> = renamed.chain(differences.iter().map(ToString::to_string)).collect();
        assert_eq!(said, expected);
    }

    #[test]
    fn what_can_be_renamed_is_a_kind() {
        for kind in KINDS {
            assert!(Identity::new(kind, "a").is_some(), "{kind}");
        }
    }

    #[test]
    fn an_index_by_another_name_is_the_same_index() {
        check(
            "table | public.a
             index | public.a.a_idx | definition: CREATE INDEX a_idx ON public.a USING btree (id)",
            "table | public.a
             index | public.a.b_idx | definition: CREATE INDEX b_idx ON public.a USING btree (id)",
            &["index public.a.a_idx is called public.a.b_idx"],
        );
    }

    #[test]
    fn two_that_are_alike_are_no_renames() {
        check(
            "table | public.a
             check constraint | public.a.one | definition: CHECK (id > 0)",
            "table | public.a
             check constraint | public.a.two | definition: CHECK (id > 0)
             check constraint | public.a.three | definition: CHECK (id > 0)",
            &[
                "check constraint public.a.one (CHECK (id > 0)) is gone",
                "check constraint public.a.three (CHECK (id > 0)) is new",
                "check constraint public.a.two (CHECK (id > 0)) is new",
            ],
        );
    }

    #[test]
    fn a_table_is_renamed_with_all_that_belongs_to_it() {
        let table = |name: &str, type_name: &str| {
            format!(
                "table | public.{name}
                 column | public.{name}.id | position: 1 | type: {type_name}
                 index | public.{name}.i | definition: CREATE INDEX i ON public.{name} USING btree"
            )
        };
        check(
            &table("a", "integer"),
            &table("b", "integer"),
            &["table public.a is called public.b"],
        );
        check(
            &table("a", "integer"),
            &table("b", "bigint"),
            &["table public.a is gone", "table public.b is new"],
        );
    }

    #[test]
    fn a_column_is_not_taken_for_another_because_it_is_called_like_its_type() {
        check(
            "table | public.a
             column | public.a.date | position: 1 | type: date",
            "table | public.a
             column | public.a.time | position: 1 | type: time",
            &["column public.a.date (date) is gone", "column public.a.time (time) is new"],
        );
    }

    #[test]
    fn functions_of_other_arguments_and_schemas_are_others() {
        let body = "definition: CREATE FUNCTION public";
        check(
            &format!("function | public.f(integer) | {body}.f(a integer) RETURN 1"),
            &format!("function | public.g(integer) | {body}.g(a integer) RETURN 1"),
            &["function public.f(integer) is called public.g(integer)"],
        );
        check(
            "function | public.f(integer) | returns: text",
            "function | public.g(bigint) | returns: text",
            &["function public.f(integer) is gone", "function public.g(bigint) is new"],
        );
        check(
            "schema | a\nschema | b\nview | a.v | definition: SELECT 1",
            "schema | a\nschema | b\nview | b.v | definition: SELECT 1",
            &["view a.v (SELECT 1) is gone", "view b.v (SELECT 1) is new"],
        );
        check("extension | a", "extension | b", &["extension a is gone", "extension b is new"]);
    }
}
