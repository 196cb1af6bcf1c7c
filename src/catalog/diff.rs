//! The differences between two catalogs, keyed by identity, and the words for them.

use super::model::{Catalog, Identity, Object, parent_of};
use std::{
    cmp::Ordering,
    collections::{BTreeMap, BTreeSet},
    fmt, iter,
};

/// One difference. Left is before, or what was expected; right is after, or what was found.
///
/// It displays as one plain sentence from the point of view of a change from left to right,
/// without a final dot.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Difference {
    /// The object is gone, and with it everything that belongs to it, which isn't listed again.
    OnlyLeft { identity: Identity, object: Object },
    /// The object is new, and so is everything that belongs to it.
    OnlyRight { identity: Identity, object: Object },
    /// An attribute has another value, or is absent on one side.
    Changed { identity: Identity, attribute: String, left: Option<String>, right: Option<String> },
}

/// What differs, in the order of identities.
pub(crate) fn diff(left: &Catalog, right: &Catalog) -> Vec<Difference> {
    let mut differences: BTreeMap<&Identity, Vec<Difference>> = BTreeMap::new();
    let (mut lost, mut found) = (BTreeMap::new(), BTreeMap::new());
    let mut moved = BTreeSet::new();
    for (identity, pair) in pairs(left, right) {
        match pair {
            (Some(before), Some(after)) if before == after => {}
            (Some(before), Some(after)) => {
                if before.position() != after.position() {
                    moved.insert(identity.root());
                }
                let is_seen = |attribute: &str| {
                    !left.hides(identity, attribute) && !right.hides(identity, attribute)
                };
                let changes = changes(identity, before, after, is_seen);
                differences.entry(identity).or_default().extend(changes);
            }
            (Some(object), None) => drop(lost.insert(identity, object)),
            (None, Some(object)) => drop(found.insert(identity, object)),
            (None, None) => {}
        }
    }
    for (identity, object) in worth_telling(&lost) {
        let object = object.clone();
        let difference = Difference::OnlyLeft { identity: identity.clone(), object };
        differences.entry(identity).or_default().push(difference);
    }
    for (identity, object) in worth_telling(&found) {
        let object = object.clone();
        let difference = Difference::OnlyRight { identity: identity.clone(), object };
        differences.entry(identity).or_default().push(difference);
    }
    for relation in moved {
        if let Some((identity, difference)) = reordered(relation, left, right) {
            differences.entry(identity).or_default().push(difference);
        }
    }
    differences.into_values().flatten().collect()
}

/// All objects in order, each with what it is on either side. Both are in order already: to go
/// through them side by side is quicker than to look each one up.
fn pairs<'a>(
    left: &'a Catalog,
    right: &'a Catalog,
) -> impl Iterator<Item = (&'a Identity, (Option<&'a Object>, Option<&'a Object>))> {
    let (mut lefts, mut rights) = (left.objects.iter().peekable(), right.objects.iter().peekable());
    iter::from_fn(move || {
        let order = match (lefts.peek(), rights.peek()) {
            (Some((left, _)), Some((right, _))) => left.cmp(right),
            (Some(_), None) => Ordering::Less,
            (None, _) => Ordering::Greater,
        };
        let before = lefts.next_if(|_| order.is_le());
        let after = rights.next_if(|_| order.is_ge());
        let (identity, _) = before.or(after)?;
        Some((identity, (before.map(|(_, object)| object), after.map(|(_, object)| object))))
    })
}

/// The objects that one side lacks, without those whose loss goes without saying because what they
/// belong to is lacking too: their table, the column that owns them, or their schema.
fn worth_telling<'a>(
    missing: &BTreeMap<&'a Identity, &'a Object>,
) -> impl Iterator<Item = (&'a Identity, &'a Object)> {
    let lost = |kind: fn(&Identity) -> bool| -> BTreeSet<&str> {
        missing.keys().filter(|identity| kind(identity)).map(|identity| identity.name()).collect()
    };
    let schemas = lost(|identity| identity.kind() == "schema");
    let columns = lost(|identity| identity.kind() == "column");
    let parents = lost(Identity::is_parent);
    let goes_without_saying = move |identity: &Identity, object: &Object| {
        identity.is_child() && parents.contains(identity.root())
            || identity.schema().is_some_and(|schema| schemas.contains(schema))
            || object.get("owned by").is_some_and(|column| {
                columns.contains(column)
                    || parent_of(column).is_some_and(|table| parents.contains(table))
            })
    };
    let told = missing.iter().filter(move |(it, object)| !goes_without_saying(it, object));
    told.map(|(identity, object)| (*identity, *object))
}

fn changes(
    identity: &Identity,
    before: &Object,
    after: &Object,
    is_seen: impl Fn(&str) -> bool,
) -> Vec<Difference> {
    let attributes = before
        .attributes
        .iter()
        .chain(after.attributes.iter().filter(|(attribute, _)| before.get(attribute).is_none()));
    attributes
        .map(|(attribute, _)| (attribute, before.get(attribute), after.get(attribute)))
        // Positions are told once, of the table.
        .filter(|(attribute, left, right)| left != right && *attribute != "position")
        .filter(|(attribute, ..)| is_seen(attribute))
        .map(|(attribute, left, right)| Difference::Changed {
            identity: identity.clone(),
            attribute: attribute.clone(),
            left: left.map(str::to_owned),
            right: right.map(str::to_owned),
        })
        .collect()
}

/// Whether the columns that both sides have are in another order, told as one change of their
/// table; a column that came or went moves the later ones, but reorders nothing.
fn reordered<'a>(
    relation: &str,
    left: &'a Catalog,
    right: &Catalog,
) -> Option<(&'a Identity, Difference)> {
    let common = |from: &Catalog, other: &Catalog| -> Vec<String> {
        from.columns(relation)
            .into_iter()
            .filter(|(identity, _)| other.objects.contains_key(identity))
            .map(|(identity, _)| identity.short_name().to_owned())
            .collect()
    };
    let (before, after) = (common(left, right), common(right, left));
    if before == after {
        return None;
    }
    // Both hold the same names, hence the first and the last place where they differ exist.
    let differs = |index: &usize| before[*index] != after[*index];
    let first = (0..before.len()).find(differs)?;
    let last = (0..before.len()).rfind(differs)?;
    let spell = |columns: &[String]| Some(columns[first..=last].join(", "));
    let (identity, _) = left.called(relation).find(|(identity, _)| !identity.is_child())?;
    let difference = Difference::Changed {
        identity: identity.clone(),
        attribute: "column order".to_owned(),
        left: spell(&before),
        right: spell(&after),
    };
    Some((identity, difference))
}

impl Difference {
    pub(crate) fn identity(&self) -> &Identity {
        match self {
            Self::OnlyLeft { identity, .. }
            | Self::OnlyRight { identity, .. }
            | Self::Changed { identity, .. } => identity,
        }
    }
}

/// A difference of two schemas neither of which is before the other, with what people call them.
pub(crate) struct Beside<'a> {
    pub(crate) difference: &'a Difference,
    pub(crate) left: &'a str,
    pub(crate) right: &'a str,
}

/// All words that are said of a difference are here.
impl fmt::Display for Beside<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (left_name, right_name) = (self.left, self.right);
        match self.difference {
            Difference::OnlyLeft { identity, object } => {
                write!(f, "{identity}{}: only in {left_name}", Aside(object))
            }
            Difference::OnlyRight { identity, object } => {
                write!(f, "{identity}{}: only in {right_name}", Aside(object))
            }
            Difference::Changed { identity, attribute, left, right } => {
                write!(f, "{identity}: {attribute}")?;
                match (left.as_deref(), right.as_deref()) {
                    // Attributes that are either there or not have "yes" for a value.
                    (Some("yes"), None) => write!(f, " only in {left_name}"),
                    (None, Some("yes")) => write!(f, " only in {right_name}"),
                    (Some(left), None) => write!(f, " {} only in {left_name}", Quoted(left)),
                    (None, Some(right)) => write!(f, " {} only in {right_name}", Quoted(right)),
                    (Some(left), Some(right)) if left.contains('\n') || right.contains('\n') => {
                        let (line, left, right) = first_differing_line(left, right);
                        let said = |line: Option<&str>| match line {
                            Some(line) => Quoted(line.trim()).to_string(),
                            None => "nothing more".to_owned(),
                        };
                        write!(
                            f,
                            " differs from line {line} on: {} in {left_name}, {} in {right_name}",
                            said(left),
                            said(right)
                        )
                    }
                    (Some(left), Some(right)) => write!(
                        f,
                        " {} in {left_name}, {} in {right_name}",
                        Quoted(left),
                        Quoted(right)
                    ),
                    (None, None) => Ok(()),
                }
            }
        }
    }
}

/// The same, as a change from left to right.
impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::OnlyLeft { identity, object } => {
                write!(f, "{identity}{} is gone", Aside(object))
            }
            Self::OnlyRight { identity, object } => {
                write!(f, "{identity}{} is new", Aside(object))
            }
            Self::Changed { identity, attribute, left, right } => {
                write!(f, "{identity}: ")?;
                changed(f, attribute, left.as_deref(), right.as_deref())
            }
        }
    }
}

fn changed(
    f: &mut fmt::Formatter<'_>,
    attribute: &str,
    left: Option<&str>,
    right: Option<&str>,
) -> fmt::Result {
    match (left, right) {
        // Attributes that are either there or not have "yes" for a value.
        (Some("yes"), None) => write!(f, "{attribute} is gone"),
        (None, Some("yes")) => write!(f, "{attribute} is new"),
        (Some(left), None) => write!(f, "{attribute} {} is gone", Quoted(left)),
        (None, Some(right)) => write!(f, "{attribute} {} is new", Quoted(right)),
        (Some(left), Some(right)) if left.contains('\n') || right.contains('\n') => {
            let (line, left, right) = first_differing_line(left, right);
            write!(f, "{attribute} differs from line {line} on: ")?;
            match (left, right) {
                (Some(left), Some(right)) => {
                    write!(f, "{} became {}", Quoted(left.trim()), Quoted(right.trim()))
                }
                (Some(left), None) => write!(f, "{} is gone", Quoted(left.trim())),
                (None, right) => write!(f, "{} is new", Quoted(right.unwrap_or_default().trim())),
            }
        }
        (Some(left), Some(right)) => {
            write!(f, "{attribute} {} became {}", Quoted(left), Quoted(right))
        }
        (None, None) => write!(f, "{attribute} is the same"),
    }
}

/// The first line in which two texts differ, counted from 1.
fn first_differing_line<'a>(
    left: &'a str,
    right: &'a str,
) -> (usize, Option<&'a str>, Option<&'a str>) {
    let (mut left, mut right) = (left.lines(), right.lines());
    let mut number = 1;
    loop {
        match (left.next(), right.next()) {
            (Some(left), Some(right)) if left == right => number += 1,
            (left, right) => return (number, left, right),
        }
    }
}

/// The definition of an object, in parentheses, where it is short enough for a sentence.
pub(crate) struct Aside<'a>(pub(crate) &'a Object);

impl fmt::Display for Aside<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let said = self.0.get("definition").or_else(|| self.0.get("type"));
        match said {
            Some(definition) if !definition.contains('\n') => write!(f, " ({definition})"),
            _ => Ok(()),
        }
    }
}

/// A value within a sentence. Words stand as they are; what has blanks or is empty is set off, so
/// that the reader sees where it ends; of several lines, the first.
struct Quoted<'a>(&'a str);

impl fmt::Display for Quoted<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0.split_once('\n') {
            Some((first, _)) => write!(f, "`{} …`", first.trim_end()),
            None if self.0.is_empty() || self.0.contains(' ') => write!(f, "`{}`", self.0),
            None => f.write_str(self.0),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{super::model::catalog, *};
    use pretty_assertions::assert_eq;

    fn check(left: &str, right: &str, sentences: &[&str]) {
        let said: Vec<String> =
            diff(&catalog(left), &catalog(right)).iter().map(ToString::to_string).collect();
        assert_eq!(said, sentences);
    }

    #[test]
    fn the_same_catalog_has_no_differences() {
        let text = "table | public.a\ncolumn | public.a.b | position: 1";
        check(text, text, &[]);
    }

    #[test]
    fn a_lost_table_takes_what_belongs_to_it_along() {
        check(
            "table | public.a
             column | public.a.id | position: 1
             primary key | public.a.a_pkey
             sequence | public.a_id_seq | owned by: public.a.id
             table | public.b",
            "table | public.b",
            &["table public.a is gone"],
        );
    }

    #[test]
    fn a_lost_namesake_of_a_table_takes_nothing_along() {
        check(
            "collation | public.a
             table | public.a
             column | public.a.id",
            "table | public.a",
            &["collation public.a is gone", "column public.a.id is gone"],
        );
    }

    #[test]
    fn a_lost_schema_takes_what_is_in_it_along() {
        check(
            "extension | hstore
             schema | tenant
             table | tenant.a
             column | tenant.a.id
             table | hstore.b",
            "schema | public",
            &[
                "extension hstore is gone",
                "table hstore.b is gone",
                "schema public is new",
                "schema tenant is gone",
            ],
        );
    }

    #[test]
    fn a_lost_column_takes_its_sequence_along() {
        check(
            "table | public.a
             column | public.a.id | type: integer | position: 1
             sequence | public.a_id_seq | owned by: public.a.id",
            "table | public.a",
            &["column public.a.id (integer) is gone"],
        );
    }

    #[test]
    fn constraints_are_called_what_they_are() {
        check(
            "table | public.a
             primary key | public.a.a_pkey | definition: PRIMARY KEY (id)",
            "table | public.a
             foreign key | public.a.a_b_fkey1 | definition: FOREIGN KEY (b) REFERENCES public.b(i)",
            &[
                "primary key public.a.a_pkey (PRIMARY KEY (id)) is gone",
                "foreign key public.a.a_b_fkey1 (FOREIGN KEY (b) REFERENCES public.b(i)) is new",
            ],
        );
    }

    #[test]
    fn attributes_change_come_and_go() {
        check(
            "column | public.a.b | type: character varying(20) | not null: yes | comment: old",
            "column | public.a.b | type: text | default: 'x'::text",
            &[
                "column public.a.b: type `character varying(20)` became text",
                "column public.a.b: not null is gone",
                "column public.a.b: comment old is gone",
                "column public.a.b: default 'x'::text is new",
            ],
        );
    }

    #[test]
    fn long_definitions_are_told_by_their_first_differing_line() {
        check(
            "function | public.f() | definition: begin\\n  return 1;\\nend",
            "function | public.f() | definition: begin\\n  return 2;\\nend",
            &["function public.f(): definition differs from line 2 on: \
                `return 1;` became `return 2;`"],
        );
        check(
            "function | public.f() | definition: begin\\nend",
            "function | public.f() | definition: begin\\nend\\n;",
            &["function public.f(): definition differs from line 3 on: ; is new"],
        );
    }

    #[test]
    fn the_order_of_columns_is_told_once_of_the_table() {
        check(
            "table | public.t
             column | public.t.a | position: 1
             column | public.t.b | position: 2
             column | public.t.c | position: 3
             column | public.t.d | position: 4",
            "table | public.t
             column | public.t.a | position: 1
             column | public.t.c | position: 2
             column | public.t.b | position: 3
             column | public.t.d | position: 4",
            &["table public.t: column order `b, c` became `c, b`"],
        );
    }

    #[test]
    fn a_lost_column_does_not_reorder_the_others() {
        check(
            "table | public.t
             column | public.t.a | position: 1
             column | public.t.b | position: 2",
            "table | public.t
             column | public.t.b | position: 1",
            &["column public.t.a is gone"],
        );
    }
}
