//! What a catalog is: objects by identity, each with its attributes. Pure data, whatever read it.

use super::{diff::diff, kinds};
use std::{
    cmp::Ordering,
    collections::{BTreeMap, BTreeSet},
    fmt,
    sync::Arc,
};

/// A schema in canonical form: ordered, without numbers that Postgres gave, and spelled the same
/// on every version. Two are the same if and only if they are equal.
///
/// Displayed, it is plain text, one paragraph for each object.
///
/// ```
/// # fn main() -> rehearsal::Result<()> {
/// # let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
/// # runtime.block_on(async {
/// use rehearsal::Catalog;
///
/// let catalog = Catalog::read("fixtures/demo").await?;
/// assert!(catalog.to_string().contains("column public.members.email\n"));
/// # Ok(())
/// # })
/// # }
/// ```
#[derive(Clone, Debug, Default)]
pub struct Catalog {
    pub(crate) objects: BTreeMap<Identity, Object>,
    /// The major version of the Postgres that it was read from.
    pub(crate) major: u32,
    /// What the reader was not allowed to see, an attribute of a kind of objects: "options of user
    /// mappings".
    pub(crate) unseen: BTreeSet<String>,
    /// By what it is known again, among the copies of a database, if somebody is going to ask.
    pub(super) digest: Option<Digest>,
}

/// What a server answers to a query for as long as a schema stays as it is.
#[derive(Clone, Debug)]
pub(super) struct Digest {
    pub(super) query: Arc<str>,
    pub(super) answer: String,
}

/// Of two schemas it doesn't matter who read them, and where.
impl PartialEq for Catalog {
    fn eq(&self, other: &Self) -> bool {
        self.objects == other.objects
    }
}

impl Eq for Catalog {}

/// What an object is called: its kind in words, and its name with every part quoted where it must
/// be and qualified as far as it goes (`public.users.email` for a column).
///
/// Ordered for print: what belongs to a table follows it, kind by kind.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Identity {
    kind: &'static str,
    name: String,
    rank: usize,
    /// How much of the name names the object that this one belongs to; for one that belongs to
    /// none, all of it.
    root_length: usize,
}

/// The attributes of an object, name and value, in a fixed order and in words.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Object {
    /// Shared by all copies, until one of them is changed.
    pub(crate) attributes: Arc<Vec<(String, String)>>,
}

impl Catalog {
    /// What is to be changed in this schema so that it is like the other: a sentence for each
    /// difference, none where they are the same.
    ///
    /// ```
    /// # fn main() -> rehearsal::Result<()> {
    /// # let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    /// # runtime.block_on(async {
    /// use rehearsal::{Catalog, Rehearsal};
    ///
    /// let database = Rehearsal::of("fixtures/demo").database().await?;
    /// let before = Catalog::read(&database).await?;
    /// database.execute("ALTER TABLE members ALTER email DROP NOT NULL").await?;
    /// let after = Catalog::read(&database).await?;
    /// assert_eq!(before.differences(&after).len(), 1);
    /// # Ok(())
    /// # })
    /// # }
    /// ```
    #[must_use]
    pub fn differences(&self, other: &Self) -> Vec<String> {
        diff(self, other).iter().map(ToString::to_string).collect()
    }

    /// What whoever read the schema was not allowed to see, in words: "options of user mappings".
    /// It is in no difference.
    pub fn unseen(&self) -> impl Iterator<Item = &str> {
        self.unseen.iter().map(String::as_str)
    }

    /// Whether an attribute of such objects is among what the reader was not allowed to see.
    pub(super) fn hides(&self, identity: &Identity, attribute: &str) -> bool {
        self.unseen.contains(&format!("{attribute} of {}s", identity.kind))
    }

    /// The columns of a table, view or composite type, in their order.
    pub(crate) fn columns<'a>(&'a self, relation: &str) -> Vec<(&'a Identity, &'a Object)> {
        let of_relation = self.called(relation);
        let mut columns: Vec<_> =
            of_relation.filter(|(identity, _)| identity.kind == "column").collect();
        columns.sort_by_key(|(_, column)| column.position());
        columns
    }

    /// Whether a table, view or composite type has a column of this name.
    pub(crate) fn has_column(&self, relation: &str, name: &str) -> bool {
        let mut objects = self.called(relation);
        objects.any(|(identity, _)| identity.kind == "column" && identity.short_name() == name)
    }

    /// The objects of a name, and those that belong to them: tables with their columns and indexes.
    pub(super) fn called(&self, name: &str) -> impl Iterator<Item = (&Identity, &Object)> {
        let root_length = name.len();
        // The first of them, whatever its kind.
        let first = Identity { kind: "", name: name.to_owned(), rank: 0, root_length };
        self.objects.range(first..).take_while(move |(it, _)| it.root() == name)
    }

    /// What an object belongs to, such as the table of a column; itself, if it belongs to nothing.
    pub(crate) fn root_of<'a>(&'a self, identity: &'a Identity) -> Option<&'a Identity> {
        if !identity.is_child() {
            return Some(identity);
        }
        let before = self.objects.range(..identity).rev().map(|(it, _)| it);
        let mut roots = before.take_while(|it| it.root() == identity.root());
        // Others may have the same name; kinds of which something can be a part rank before the
        // kinds of parts, and tables last among them.
        roots.find(|it| !it.is_child() && it.rank < identity.rank)
    }
}

/// Canonical text: an object per paragraph, an attribute per line, columns in their order.
impl fmt::Display for Catalog {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut objects: Vec<_> = self.objects.iter().collect();
        objects.sort_by(|(left, left_object), (right, right_object)| {
            let positions = || left_object.position().cmp(&right_object.position());
            left.group().cmp(&right.group()).then_with(positions)
        });
        for (number, (identity, object)) in objects.into_iter().enumerate() {
            if number > 0 {
                f.write_str("\n")?;
            }
            writeln!(f, "{identity}")?;
            for (attribute, value) in object.attributes.iter() {
                // Lines that follow the first of a value are set off, so that no definition can
                // pass for an attribute.
                writeln!(f, "    {attribute}: {}", value.replace('\n', "\n        "))?;
            }
        }
        Ok(())
    }
}

impl Identity {
    /// `None` for a kind that no query returns.
    pub(crate) fn new(kind: &str, name: impl Into<String>) -> Option<Self> {
        let (rank, kind) = kinds::kind(kind)?;
        let name = name.into();
        let parent = if kind.is_child { parent_of(&name).map(str::len) } else { None };
        let root_length = parent.unwrap_or(name.len());
        Some(Self { kind: kind.name, name, rank, root_length })
    }

    pub(crate) fn kind(&self) -> &'static str {
        self.kind
    }

    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// The name of the object that this one belongs to, as a column does to its table; else its
    /// own.
    pub(crate) fn root(&self) -> &str {
        &self.name[..self.root_length]
    }

    /// The schema that it is in; `None` for what is in no schema.
    pub(crate) fn schema(&self) -> Option<&str> {
        // The first part, not all but the last: a function's arguments have dots too.
        unquoted_dots(&self.name).next().map(|dot| &self.name[..dot])
    }

    /// The last part of the name, as within the object that this one belongs to.
    pub(crate) fn short_name(&self) -> &str {
        if self.is_child() { &self.name[self.root_length + 1..] } else { &self.name }
    }

    /// Where its kind stands among the others, in print.
    pub(crate) fn rank(&self) -> usize {
        self.rank
    }

    pub(crate) fn is_child(&self) -> bool {
        self.root_length < self.name.len()
    }

    /// Whether others belong to it by their names, as columns do to a table. A collation may be
    /// called like a table, and is nobody's parent.
    pub(crate) fn is_parent(&self) -> bool {
        matches!(self.kind, "table" | "view" | "materialized view" | "composite type" | "domain")
    }

    /// What comes first in the order of print.
    fn group(&self) -> (&str, bool, usize) {
        (self.root(), self.is_child(), self.rank)
    }
}

impl fmt::Display for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.kind, self.name)
    }
}

impl Ord for Identity {
    fn cmp(&self, other: &Self) -> Ordering {
        self.group().cmp(&other.group()).then_with(|| self.name.cmp(&other.name))
    }
}

impl PartialOrd for Identity {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Object {
    pub(crate) fn get(&self, attribute: &str) -> Option<&str> {
        let found = self.attributes.iter().find(|(name, _)| name == attribute);
        found.map(|(_, value)| value.as_str())
    }

    /// The rank of a column among its siblings.
    pub(crate) fn position(&self) -> Option<usize> {
        self.get("position")?.parse().ok()
    }
}

/// The qualified name without its last part: `public.users` for `public.users."e.mail"`.
pub(crate) fn parent_of(name: &str) -> Option<&str> {
    unquoted_dots(name).last().map(|dot| &name[..dot])
}

/// Where the dots are that separate the parts of a name.
fn unquoted_dots(name: &str) -> impl Iterator<Item = usize> {
    let mut quoted = false;
    name.bytes().enumerate().filter_map(move |(index, byte)| {
        // A doubled quote inside a quoted part closes and opens it again.
        quoted ^= byte == b'"';
        (byte == b'.' && !quoted).then_some(index)
    })
}

/// A catalog from lines of `kind | name | attribute: value | …`, for tests.
#[cfg(test)]
pub(crate) fn catalog(text: &str) -> Catalog {
    let mut catalog = Catalog::default();
    for line in text.lines().map(str::trim).filter(|line| !line.is_empty()) {
        let mut parts = line.split(" | ");
        let kind = parts.next().unwrap();
        let identity = Identity::new(kind, parts.next().unwrap()).expect(kind);
        let attributes = parts
            .map(|part| part.split_once(": ").unwrap())
            .map(|(name, value)| (name.to_owned(), value.replace("\\n", "\n")))
            .collect();
        catalog.objects.insert(identity, Object { attributes: Arc::new(attributes) });
    }
    catalog
}

#[cfg(test)]
mod tests {
    use super::*;
    use pretty_assertions::assert_eq;

    fn check(input: &str, printed: &str) {
        assert_eq!(catalog(input).to_string(), printed);
    }

    #[test]
    fn what_belongs_to_a_table_follows_it() {
        check(
            "foreign key | public.users.a_fkey
             column | public.users.email | position: 2
             column | public.users.id | position: 1 | not null: yes
             function | public.users() | definition: begin\\nend
             table | public.users_archive | kind: ordinary
             table | public.users | kind: ordinary
             schema | public",
            "schema public

table public.users
    kind: ordinary

column public.users.id
    position: 1
    not null: yes

column public.users.email
    position: 2

foreign key public.users.a_fkey

function public.users()
    definition: begin
        end

table public.users_archive
    kind: ordinary
",
        );
    }

    #[test]
    fn names_with_dots_and_quotes_have_the_right_parent() {
        let check = |name, root, short_name| {
            let identity = Identity::new("column", name).unwrap();
            assert_eq!((identity.root(), identity.short_name()), (root, short_name));
        };
        check("public.users.email", "public.users", "email");
        check(r#"public.users."e.mail""#, "public.users", r#""e.mail""#);
        check(r#"public."a "".b".c"#, r#"public."a "".b""#, "c");
    }

    #[test]
    fn schemas_are_the_first_part_of_a_name() {
        let check = |kind, name, schema| {
            assert_eq!(Identity::new(kind, name).unwrap().schema(), schema);
        };
        check("schema", "public", None);
        check("column", "public.users.email", Some("public"));
        check("function", r#""a.b".f(public.mood)"#, Some(r#""a.b""#));
    }
}
