//! What a comparison leaves out: by name, by kind or by attribute, because somebody asks for it;
//! and a tool's ledger, which belongs to the tool and not to the schema.
//!
//! What is left out of both catalogs can't differ, nor hide what belongs to it. Nothing is left out
//! in silence: whatever took effect, or had none, is put into words.
#![cfg_attr(
    not(feature = "cli"),
    expect(dead_code, reason = "only the command line asks for something to be left out, so far")
)]

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::sync::Arc;

use super::kinds::SOURCES;
use super::model::{Catalog, Identity, Object, parent_of};
use crate::config::{glob, nearest};
use crate::{Error, Result};

/// The order of columns is an attribute of their table, made of what each of them has.
const COLUMN_ORDER: &str = "column order";

/// What is to be left out.
#[derive(Debug, Clone, Default)]
pub(crate) struct Without(Vec<Entry>);

#[derive(Debug, Clone, PartialEq, Eq)]
enum Entry {
    /// A pattern of qualified names.
    Names(String),
    Kind(&'static str),
    Attribute {
        name: &'static str,
        /// As somebody has called it.
        word: String,
    },
    Ledger(Belongings),
}

/// What a tool makes for its own bookkeeping.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Belongings {
    pub(crate) tool: &'static str,
    /// Where it writes down what it applied, by its qualified name.
    pub(crate) table: String,
    /// All of its tables, that one among them.
    pub(crate) tables: BTreeSet<String>,
    /// A schema that it makes for them.
    pub(crate) schema: Option<String>,
}

/// Two catalogs without what is left out of both, and the words for that.
pub(super) struct Narrowed<'a> {
    pub(super) left: Cow<'a, Catalog>,
    pub(super) right: Cow<'a, Catalog>,
    pub(super) told: Vec<String>,
}

impl Without {
    /// Reads what somebody asks for: globs on qualified names (`public.*_old`), kinds of objects
    /// (`indexes`) and attributes (`comments`), these in the singular or the plural. What is both a
    /// kind and an attribute is the kind.
    pub(crate) fn parse<'a>(words: impl IntoIterator<Item = &'a str>) -> Result<Self> {
        let words = words.into_iter().map(str::trim).filter(|word| !word.is_empty());
        words.map(Entry::parse).collect::<Result<_>>().map(Self)
    }

    /// And without a ledger, if there is one and it isn't left out already.
    #[must_use]
    pub(crate) fn and_ledger(mut self, ledger: Option<Belongings>) -> Self {
        let entry = ledger.map(Entry::Ledger);
        self.0.extend(entry.filter(|entry| !self.0.contains(entry)));
        self
    }

    /// And without what has these qualified names, and all that belongs to it.
    #[must_use]
    pub(crate) fn and_names(mut self, names: impl IntoIterator<Item = String>) -> Self {
        self.0.extend(names.into_iter().map(Entry::Names));
        self
    }

    /// And without what a dump of a schema doesn't say, where the other side has some of it.
    #[must_use]
    pub(crate) fn and_beyond_a_dump(self, dump: &Catalog, other: &Catalog) -> Self {
        let has =
            |catalog: &Catalog, kind: &str| catalog.objects.keys().any(|it| it.kind() == kind);
        let is_lacking = |kind: &&str| !has(dump, kind) && has(other, kind);
        let mut beyond =
            ["setting", "large objects"].into_iter().filter(is_lacking).collect::<Vec<_>>();
        let says_of_itself = |catalog: &Catalog| {
            let mut objects = catalog.objects.iter();
            objects.any(|(it, object)| it.kind() == "database" && !object.attributes.is_empty())
        };
        if !says_of_itself(dump) && says_of_itself(other) {
            beyond.push("database");
        }
        if dump.objects.values().any(|it| it.get("not populated").is_some()) {
            beyond.push("not populated");
        }
        self.and_all(beyond)
    }

    /// And without kinds and attributes, by their own names.
    #[must_use]
    fn and_all(mut self, names: Vec<&'static str>) -> Self {
        let entries = names.into_iter().filter_map(|name| Entry::parse(name).ok());
        for entry in entries {
            if !self.0.contains(&entry) {
                self.0.push(entry);
            }
        }
        self
    }

    pub(super) fn narrow<'a>(&self, left: &'a Catalog, right: &'a Catalog) -> Narrowed<'a> {
        let (mut left, mut right) = (Cow::Borrowed(left), Cow::Borrowed(right));
        let mut told = Vec::new();
        for entry in &self.0 {
            let mut touched = BTreeSet::new();
            for side in [&mut left, &mut right] {
                touched.extend(entry.leave_out(side));
            }
            told.extend(entry.told(touched.len()));
        }
        Narrowed { left, right, told }
    }
}

impl Entry {
    fn parse(word: &str) -> Result<Self> {
        if word.contains(['.', '*']) {
            return Ok(Self::Names(word.to_owned()));
        }
        let plain = word.to_lowercase().replace(['-', '_'], " ");
        let is_it = |known: &&'static str| {
            let plural = plural(known);
            plain == *known || plain == plural || plural.strip_suffix('s') == Some(&plain)
        };
        if let Some(kind) = kinds().into_iter().find(is_it) {
            return Ok(Self::Kind(kind));
        }
        if ["column type", "column types"].contains(&&*plain) {
            return Ok(Self::Attribute { name: "type", word: plain });
        }
        if let Some(name) = attributes().into_iter().find(is_it) {
            // Somebody who says "types" hardly means those of columns.
            let kinds = kinds().into_iter().filter(|kind| kind.ends_with(&format!(" {name}")));
            let kinds = kinds.map(plural).collect::<BTreeSet<_>>();
            if !kinds.is_empty() {
                let message = format!("`{word}` may be {} or those of columns", join(&kinds));
                let help =
                    "say which of them are to be left out; those of columns are `column types`";
                return Err(Error::new(message).help(help));
            }
            return Ok(Self::Attribute { name, word: plain });
        }
        Err(unknown(word, &plain))
    }

    /// Takes it out of a catalog. The answer is what it was said of, by name: not what went with
    /// that because it belongs to it.
    fn leave_out(&self, catalog: &mut Cow<'_, Catalog>) -> BTreeSet<String> {
        if let Self::Attribute { name, .. } = self {
            let is_meant = |attribute: &str| match *name {
                COLUMN_ORDER => attribute == "position",
                // Those of an index behind a constraint, of a NOT NULL, and of what is counted.
                "comment" => attribute.ends_with("comment") || attribute == "comments",
                name => attribute == name,
            };
            let has_it = |object: &Object| object.attributes.iter().any(|(it, _)| is_meant(it));
            let with_it = catalog.objects.iter().filter(|(_, object)| has_it(object));
            let mut touched: BTreeSet<_> =
                with_it.map(|(identity, _)| identity.to_string()).collect();
            if !touched.is_empty() {
                let objects = catalog.to_mut().objects.values_mut();
                for object in objects.filter(|object| has_it(object)) {
                    let attributes = Arc::make_mut(&mut object.attributes);
                    attributes.retain(|(it, _)| !is_meant(it));
                }
            }
            if *name == "grants" {
                touched.extend(Self::Kind("system grant").leave_out(catalog));
            }
            return touched;
        }
        let named = self.named(catalog);
        let gone = with_belongings(catalog, &named);
        if gone.is_empty() {
            return BTreeSet::new();
        }
        catalog.to_mut().objects.retain(|identity, _| !gone.contains(identity));
        let roots = names(&named, Identity::is_parent);
        let by_itself = named.iter().filter(|it| !it.is_child() || !roots.contains(it.root()));
        by_itself.map(ToString::to_string).collect()
    }

    /// The objects of which it is said.
    fn named(&self, catalog: &Catalog) -> BTreeSet<Identity> {
        let objects = catalog.objects.keys();
        match self {
            Self::Names(pattern) => objects.filter(|it| fits(pattern, it)).cloned().collect(),
            Self::Kind(kind) => objects.filter(|it| it.kind() == *kind).cloned().collect(),
            Self::Attribute { .. } => BTreeSet::new(),
            Self::Ledger(Belongings { tables, schema, .. }) => {
                let is_its_table = |it: &&Identity| !it.is_child() && tables.contains(it.name());
                let mut named: BTreeSet<_> = objects.filter(is_its_table).cloned().collect();
                let schema = schema.as_ref().and_then(|name| Identity::new("schema", name));
                if let Some(schema) = schema.filter(|it| catalog.objects.contains_key(it)) {
                    let gone = with_belongings(catalog, &named);
                    let is_in_it = |it: &&Identity| it.schema() == Some(schema.name());
                    // A schema with something else in it is not the ledger's alone.
                    if catalog.objects.keys().filter(is_in_it).all(|it| gone.contains(it)) {
                        named.insert(schema);
                    }
                }
                named
            }
        }
    }

    /// What is said of it, if it was said of so many objects.
    fn told(&self, objects: usize) -> Option<String> {
        let counted = || match objects {
            0 => "nothing there is called so".to_owned(),
            1 => "1 object".to_owned(),
            objects => format!("{objects} objects"),
        };
        match self {
            Self::Names(pattern) => Some(format!("{pattern} ({})", counted())),
            Self::Kind(kind) if objects == 0 => Some(format!("{} (there are none)", plural(kind))),
            Self::Kind("schema") => Some(format!("schemas with all that is in them ({objects})")),
            Self::Kind(kind) => Some(format!("{} ({objects})", plural(kind))),
            Self::Attribute { word, .. } if objects == 0 => {
                Some(format!("{word} (nothing there has any)"))
            }
            Self::Attribute { word, .. } => Some(word.clone()),
            // Nobody asked for it, so nobody misses it.
            Self::Ledger(_) if objects == 0 => None,
            Self::Ledger(Belongings { tool, table, .. }) => {
                Some(format!("the ledger of {tool} ({table})"))
            }
        }
    }
}

/// Whether a pattern means an object. `public.*` is a schema and all that is in it; a function may
/// be named without its arguments.
fn fits(pattern: &str, identity: &Identity) -> bool {
    let name = identity.name();
    // `public.*_old` means tables, and not their columns.
    if identity.is_child() && pattern.matches('.').count() < 2 {
        return false;
    }
    let without_arguments = name.split('(').next().unwrap_or(name);
    glob(pattern, name)
        || glob(pattern, without_arguments)
        || identity.kind() == "schema" && pattern.strip_suffix(".*") == Some(name)
}

/// The named objects with all that belongs to them: what is in a schema, the columns of a table,
/// the sequence of a column.
fn with_belongings(catalog: &Catalog, named: &BTreeSet<Identity>) -> BTreeSet<Identity> {
    if named.is_empty() {
        return BTreeSet::new();
    }
    let schemas = names(named, |it| it.kind() == "schema");
    let parents = names(named, Identity::is_parent);
    let columns = names(named, |it| it.kind() == "column");
    let goes = |identity: &Identity, object: &Object| {
        named.contains(identity)
            || identity.is_child() && parents.contains(identity.root())
            || identity.schema().is_some_and(|schema| schemas.contains(schema))
            || object.get("owned by").is_some_and(|column| {
                columns.contains(column)
                    || parent_of(column).is_some_and(|table| parents.contains(table))
            })
    };
    let gone = catalog.objects.iter().filter(|(identity, object)| goes(identity, object));
    gone.map(|(identity, _)| identity.clone()).collect()
}

fn names(of: &BTreeSet<Identity>, which: fn(&Identity) -> bool) -> BTreeSet<&str> {
    of.iter().filter(|it| which(it)).map(Identity::name).collect()
}

/// A word for several. Kinds are English nouns, some of which always are plural.
pub(crate) fn plural(word: &str) -> String {
    if word.ends_with('s') && !word.ends_with("ss") {
        return word.to_owned();
    }
    if word.ends_with(['s', 'x']) {
        return format!("{word}es");
    }
    match word.strip_suffix('y') {
        Some(stem) if !stem.ends_with(['a', 'e', 'o', 'u']) => format!("{stem}ies"),
        _ => format!("{word}s"),
    }
}

fn kinds() -> BTreeSet<&'static str> {
    SOURCES.iter().flat_map(|source| source.kinds).map(|kind| kind.name).collect()
}

/// The attributes, as the queries name them: in double quotes, as nothing else is.
fn attributes() -> BTreeSet<&'static str> {
    let names = SOURCES.iter().flat_map(|source| source.sql.split(" as \"").skip(1));
    let names = names.filter_map(|rest| rest.split('"').next());
    names.filter(|name| *name != "position").chain([COLUMN_ORDER]).collect()
}

fn unknown(word: &str, plain: &str) -> Error {
    let kinds = kinds().into_iter().map(plural).collect::<BTreeSet<_>>();
    let (kind, attribute) = (join(&kinds), attributes());
    let attributes = attribute.iter().filter(|name| !kinds.contains(&plural(name)));
    let attributes = attributes.map(ToString::to_string).collect::<BTreeSet<_>>();
    let plurals = attributes.iter().map(|name| plural(name)).collect::<BTreeSet<_>>();
    let known = kinds.iter().chain(&attributes).chain(&plurals).map(String::as_str);
    let known = known.collect::<Vec<_>>();
    let guess = nearest(plain, &known).map(|near| format!("did you mean `{near}`? "));
    Error::new(format!("`{word}` is nothing that a comparison could leave out")).help(format!(
        "{}names are left out by a pattern with a dot or a star, such as public.*_old\n\
         kinds: {kind}\nattributes: {}",
        guess.unwrap_or_default(),
        join(&attributes)
    ))
}

fn join(words: &BTreeSet<String>) -> String {
    words.iter().map(String::as_str).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::super::model::catalog;
    use super::*;
    use pretty_assertions::assert_eq;

    const SHOP: &str = "
        schema | public
        schema | old | comment: a
        table | public.a | comment: b
        column | public.a.id | position: 1
        column | public.a.name | position: 2 | comment: c
        index | public.a.a_idx
        sequence | public.a_id_seq | owned by: public.a.id
        table | public.a_d20260519
        column | public.a_d20260519.id | position: 1
        table | old.t
        column | old.t.id | position: 1
        function | public.f(integer, text)
        policy | public.a.p";

    /// What is left, in lines of kind and name, and what was said.
    fn narrowed(text: &str, without: &Without) -> (Vec<String>, Vec<String>) {
        let (catalog, empty) = (catalog(text), Catalog::default());
        let Narrowed { left, told, .. } = without.narrow(&catalog, &empty);
        (left.objects.keys().map(ToString::to_string).collect(), told)
    }

    fn check(word: &str, gone: &[&str], said: &str) {
        let without = Without::parse([word]).unwrap();
        let (left, told) = narrowed(SHOP, &without);
        let (all, _) = narrowed(SHOP, &Without::default());
        let missing: Vec<_> = all.into_iter().filter(|it| !left.contains(it)).collect();
        assert_eq!(missing, gone, "{word}");
        assert_eq!(told, [said], "{word}");
    }

    #[test]
    fn a_name_takes_what_belongs_to_it_along() {
        check(
            "public.a_d*",
            &["table public.a_d20260519", "column public.a_d20260519.id"],
            "public.a_d* (1 object)",
        );
        check(
            "public.a",
            &[
                "table public.a",
                "column public.a.id",
                "column public.a.name",
                "index public.a.a_idx",
                "policy public.a.p",
                "sequence public.a_id_seq",
            ],
            "public.a (1 object)",
        );
        check("old.*", &["schema old", "table old.t", "column old.t.id"], "old.* (2 objects)");
        check("public.f", &["function public.f(integer, text)"], "public.f (1 object)");
        check("public.*_idx", &[], "public.*_idx (nothing there is called so)");
        check("public.a.*_idx", &["index public.a.a_idx"], "public.a.*_idx (1 object)");
        check("public.nobody", &[], "public.nobody (nothing there is called so)");
    }

    #[test]
    fn kinds_are_named_in_singular_and_plural() {
        check("index", &["index public.a.a_idx"], "indexes (1)");
        check("Indexes", &["index public.a.a_idx"], "indexes (1)");
        check("policies", &["policy public.a.p"], "policies (1)");
        check("foreign_keys", &[], "foreign keys (there are none)");
        check("statistics", &[], "statistics (there are none)");
    }

    #[test]
    fn an_attribute_is_left_out_of_every_object() {
        let check = |word: &str, attribute: &str, said: &str| {
            let without = Without::parse([word]).unwrap();
            let (catalog, empty) = (catalog(SHOP), Catalog::default());
            let Narrowed { left, told, .. } = without.narrow(&catalog, &empty);
            assert!(left.objects.values().all(|object| object.get(attribute).is_none()), "{word}");
            assert_eq!((left.objects.len(), told), (catalog.objects.len(), vec![said.to_owned()]));
        };
        check("comments", "comment", "comments");
        check("comment", "comment", "comment");
        check("column order", "position", "column order");
        check("column-order", "position", "column order");
        check("owners", "owner", "owners (nothing there has any)");
        check("grants", "grants", "grants (nothing there has any)");
        check("security labels", "security labels", "security labels (nothing there has any)");
    }

    #[test]
    fn what_nobody_knows_is_an_error_that_lists_what_is_known() {
        let check = |word: &str, texts: &[&str]| {
            let error = Without::parse([word]).unwrap_err().to_string();
            for text in texts {
                assert!(error.contains(text), "{text}: {error}");
            }
        };
        check("coments", &["`coments` is nothing", "did you mean `comments`?", "public.*_old"]);
        check(
            "xyzzy",
            &["kinds: ", " aggregates,", " tables", "policies", "attributes: ", "owner,"],
        );
    }

    #[test]
    fn a_ledger_goes_with_its_schema_if_that_is_its_own() {
        let check = |text: &str, left: &[&str], said: &[&str]| {
            let ledger = Belongings {
                tool: "drizzle",
                table: "drizzle.m".to_owned(),
                tables: BTreeSet::from(["drizzle.m".to_owned()]),
                schema: Some("drizzle".to_owned()),
            };
            let without = Without::default().and_ledger(Some(ledger.clone())).and_ledger(None);
            let (objects, told) = narrowed(text, &without.and_ledger(Some(ledger)));
            assert_eq!(
                (objects, told),
                (
                    left.iter().map(ToString::to_string).collect(),
                    said.iter().map(ToString::to_string).collect()
                )
            );
        };
        let ledger = "schema | drizzle
            table | drizzle.m
            primary key | drizzle.m.m_pkey
            sequence | drizzle.m_id_seq | owned by: drizzle.m.id";
        check(ledger, &[], &["the ledger of drizzle (drizzle.m)"]);
        check(
            &format!("{ledger}\ntable | drizzle.other"),
            &["schema drizzle", "table drizzle.other"],
            &["the ledger of drizzle (drizzle.m)"],
        );
        check("table | public.m", &["table public.m"], &[]);
    }
}
