//! The differences of two schemas, for people: object by object, in groups of one kind, and all of
//! them, however many there are.

#[cfg(feature = "cli")]
mod json;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use anstyle::{AnsiColor, Style};
use similar::{ChangeTag, TextDiff};

use super::human::painter;
use crate::catalog::{Aside, Catalog, Comparison, Difference, Identity, Renamed, plural};

/// How many characters two values may have together to stand on one line.
const LINE_CHARACTERS: usize = 100;

/// How many lines around a change show where it is.
const CONTEXT_LINES: usize = 3;

/// What came of comparing two schemas, with what people call them.
#[derive(Debug)]
pub(crate) struct SchemaReport {
    pub(crate) left: Side,
    pub(crate) right: Side,
    pub(crate) comparison: Comparison,
    /// What had to be done so that they could be compared.
    pub(crate) notes: Vec<String>,
}

/// One of two schemas.
#[derive(Debug)]
pub(crate) struct Side {
    /// The file's name, or the URL without its password.
    pub(crate) name: String,
    /// The version of the Postgres that it was read from.
    pub(crate) postgres: String,
    pub(crate) catalog: Catalog,
}

/// A line whose end can be seen, because that may be all that differs.
fn with_its_end(line: &str) -> String {
    let text = line.trim_end();
    let end = line[text.len()..].strip_suffix('\n').unwrap_or(&line[text.len()..]);
    let visible = |c| match c {
        '\r' => '␍',
        '\t' => '→',
        _ => '·',
    };
    format!("{text}{}", end.chars().map(visible).collect::<String>())
}

/// What is told of one object.
#[derive(Default)]
struct Told<'a> {
    is_only_left: bool,
    is_only_right: bool,
    aside: String,
    called: Option<&'a Identity>,
    attributes: Vec<(&'a str, Option<&'a str>, Option<&'a str>)>,
}

/// In which way an object differs.
#[derive(Clone, Copy, PartialEq, Eq)]
enum How {
    OnlyLeft,
    OnlyRight,
    Renamed,
    Differs,
}

/// The objects that differ, each below what it belongs to.
type Objects<'a> = BTreeMap<&'a Identity, BTreeMap<&'a Identity, Told<'a>>>;

impl SchemaReport {
    pub(crate) fn is_same(&self) -> bool {
        self.comparison.is_same()
    }

    /// For people, with colours or without.
    pub(crate) fn to_text(&self, color: bool) -> String {
        let teller = Teller { report: self, color };
        if self.is_same() {
            return format!("{}\n{}", self.sameness(), teller.remarks());
        }
        let (left, right) = (&self.left.name, &self.right.name);
        let title = format!("{left} and {right} are not the same schema ({})", self.postgres());
        let objects = self.objects();
        let mut text = format!("{}\n\n", teller.bold(&title));
        let kinds = objects.keys().map(|root| (root.rank(), root.kind())).collect::<BTreeSet<_>>();
        for (_, kind) in kinds {
            let count = objects.keys().filter(|root| root.kind() == kind).count();
            text.push_str(&format!("{}\n\n", teller.bold(&counted(count, kind))));
            for (root, parts) in objects.iter().filter(|(root, _)| root.kind() == kind) {
                text.push_str(&teller.object(root, parts));
            }
            text.push('\n');
        }
        format!("{text}{}\n{}", teller.bold(&self.summary()), teller.remarks())
    }

    /// For programs. Its shape is in the README, and stable.
    #[cfg(feature = "cli")]
    pub(crate) fn to_json(&self) -> String {
        json::tell(self)
    }

    /// What differs, by the objects to which it belongs.
    fn objects(&self) -> Objects<'_> {
        let mut objects = Objects::new();
        for difference in &self.comparison.differences {
            let identity = difference.identity();
            let told = objects.entry(self.root_of(identity)).or_default();
            let told = told.entry(identity).or_default();
            match difference {
                Difference::OnlyLeft { object, .. } => {
                    (told.is_only_left, told.aside) = (true, Aside(object).to_string());
                }
                Difference::OnlyRight { object, .. } => {
                    (told.is_only_right, told.aside) = (true, Aside(object).to_string());
                }
                Difference::Changed { attribute, left, right, .. } => {
                    told.attributes.push((attribute, left.as_deref(), right.as_deref()));
                }
            }
        }
        for Renamed { left, right } in &self.comparison.renamed {
            let parts = objects.entry(self.root_of(left)).or_default();
            parts.entry(left).or_default().called = Some(right);
        }
        objects
    }

    fn root_of<'a>(&'a self, identity: &'a Identity) -> &'a Identity {
        let root = self.left.catalog.root_of(identity);
        root.or_else(|| self.right.catalog.root_of(identity)).unwrap_or(identity)
    }

    fn postgres(&self) -> String {
        let (left, right) = (&self.left.postgres, &self.right.postgres);
        if left == right {
            return format!("Postgres {left}");
        }
        format!("Postgres {left} and {right}")
    }

    /// One line that says what was compared.
    fn sameness(&self) -> String {
        let counts = self.comparison.counts.iter().map(|(kind, count)| (*kind, *count));
        // The database itself goes without saying.
        let mut counts = counts.filter(|(kind, _)| *kind != "database").collect::<Vec<_>>();
        // What there is most of, first: in a schema these are the tables, as a rule.
        counts.sort_by_key(|(kind, count)| (*kind != "table", usize::MAX - count));
        let counts = counts.iter().map(|(kind, count)| counted(*count, kind)).collect::<Vec<_>>();
        let what = if counts.is_empty() { "nothing".to_owned() } else { counts.join(", ") };
        format!("the same schema: {what} ({})", self.postgres())
    }

    /// `5 differences: 2 tables only in a.sql, 3 columns differ`.
    fn summary(&self) -> String {
        let objects = self.objects();
        let mut counts = Vec::<(How, &str, usize)>::new();
        let mut told = objects.values().flatten().collect::<Vec<_>>();
        told.sort_by_key(|(identity, _)| identity.rank());
        for (identity, told) in &told {
            let how = match told {
                Told { is_only_left: true, .. } => How::OnlyLeft,
                Told { is_only_right: true, .. } => How::OnlyRight,
                Told { called: Some(_), .. } => How::Renamed,
                Told { .. } => How::Differs,
            };
            let is_like_it = |it: &&mut (How, &str, usize)| (it.0, it.1) == (how, identity.kind());
            match counts.iter_mut().find(is_like_it) {
                Some((.., count)) => *count += 1,
                None => counts.push((how, identity.kind(), 1)),
            }
        }
        let parts = counts.iter().map(|(how, kind, count)| {
            let objects = counted(*count, kind);
            match (how, count) {
                (How::OnlyLeft, _) => format!("{objects} only in {}", self.left.name),
                (How::OnlyRight, _) => format!("{objects} only in {}", self.right.name),
                (How::Renamed, _) => format!("{objects} renamed"),
                (How::Differs, 1) => format!("{objects} differs"),
                (How::Differs, _) => format!("{objects} differ"),
            }
        });
        let parts = parts.collect::<Vec<_>>().join(", ");
        format!("{}: {parts}", counted(told.len(), "difference"))
    }
}

impl fmt::Display for SchemaReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.to_text(false))
    }
}

/// `1 index`, `3 indexes`.
fn counted(count: usize, word: &str) -> String {
    if count == 1 { format!("1 {word}") } else { format!("{count} {}", plural(word)) }
}

struct Teller<'a> {
    report: &'a SchemaReport,
    color: bool,
}

impl Teller<'_> {
    fn bold(&self, text: &str) -> String {
        painter(Style::new().bold(), self.color)(text)
    }

    fn left(&self, text: &str) -> String {
        painter(AnsiColor::Red.on_default(), self.color)(text)
    }

    fn right(&self, text: &str) -> String {
        painter(AnsiColor::Green.on_default(), self.color)(text)
    }

    /// An object, and below it what belongs to it.
    fn object(&self, root: &Identity, parts: &BTreeMap<&Identity, Told<'_>>) -> String {
        let own = parts.get(root);
        let mut text = match own {
            Some(told) => self.part(root, root.name(), told, "  "),
            None => format!("  {root}\n"),
        };
        for (part, told) in parts.iter().filter(|(part, _)| **part != root) {
            text.push_str(&self.part(part, part.short_name(), told, "      "));
        }
        text
    }

    /// An object that differs, with its attributes.
    fn part(&self, identity: &Identity, name: &str, told: &Told<'_>, indent: &str) -> String {
        let title = format!("{} {name}{}", identity.kind(), told.aside);
        let (left, right) = (&self.report.left.name, &self.report.right.name);
        if told.is_only_left {
            return format!("{indent}{}\n", self.left(&format!("{title}: only in {left}")));
        }
        if told.is_only_right {
            return format!("{indent}{}\n", self.right(&format!("{title}: only in {right}")));
        }
        let mut text = match told.called {
            Some(other) => format!("{indent}{title} is called {} in {right}\n", other.short_name()),
            None => format!("{indent}{title}\n"),
        };
        for (attribute, left, right) in &told.attributes {
            text.push_str(&self.attribute(attribute, *left, *right, &format!("{indent}    ")));
        }
        text
    }

    fn attribute(
        &self,
        attribute: &str,
        left: Option<&str>,
        right: Option<&str>,
        indent: &str,
    ) -> String {
        let names = (&self.report.left.name, &self.report.right.name);
        match (left, right) {
            (Some(value), None) => {
                only(attribute, value, &format!("only in {}", names.0), indent, |it| self.left(it))
            }
            (None, Some(value)) => {
                only(attribute, value, &format!("only in {}", names.1), indent, |it| self.right(it))
            }
            (Some(left), Some(right)) if is_long(left, right) => {
                let indent = &format!("{indent}    ");
                format!("{}{attribute}:\n{}", &indent[4..], self.lines(left, right, indent))
            }
            (Some(left), Some(right)) => format!(
                "{indent}{attribute}: {} in {}, {} in {}\n",
                shown(left),
                self.left(names.0),
                shown(right),
                self.right(names.1)
            ),
            (None, None) => String::new(),
        }
    }

    /// Two texts, line by line, as far as they differ.
    fn lines(&self, left: &str, right: &str, indent: &str) -> String {
        let (names, diff) =
            ((&self.report.left.name, &self.report.right.name), TextDiff::from_lines(left, right));
        let mut text = format!(
            "{indent}{}\n{indent}{}\n",
            self.left(&format!("--- {}", names.0)),
            self.right(&format!("+++ {}", names.1))
        );
        let mut end = 0;
        for group in diff.grouped_ops(CONTEXT_LINES) {
            let start = group.first().map_or(0, |first| first.old_range().start);
            if start > end {
                text.push_str(&format!(
                    "{indent}  … {} as in both\n",
                    counted(start - end, "line")
                ));
            }
            end = group.last().map_or(0, |last| last.old_range().end);
            for change in group.iter().flat_map(|op| diff.iter_changes(op)) {
                let line = match change.tag() {
                    ChangeTag::Delete => self.left(&format!("- {}", with_its_end(change.value()))),
                    ChangeTag::Insert => self.right(&format!("+ {}", with_its_end(change.value()))),
                    ChangeTag::Equal => format!("  {}", change.value().trim_end()),
                };
                text.push_str(&format!("{indent}{}\n", line.trim_end()));
            }
        }
        let rest = left.lines().count().saturating_sub(end);
        if rest > 0 {
            text.push_str(&format!("{indent}  … {} as in both\n", counted(rest, "line")));
        }
        text
    }

    /// What else is to be known of the comparison.
    fn remarks(&self) -> String {
        let SchemaReport { comparison, notes, .. } = self.report;
        let mut lines = notes.iter().map(|note| format!("note: {note}")).collect::<Vec<_>>();
        for unknown in &comparison.not_normalized {
            lines.push(format!(
                "note: {} may differ in spelling alone, which could not be found out: {}",
                unknown.identity, unknown.reason
            ));
        }
        if !comparison.unseen.is_empty() {
            let unseen = comparison.unseen.join(", ");
            lines.push(format!("not seen, for want of a right to: {unseen}"));
        }
        if !comparison.without.is_empty() {
            lines.push(format!("compared without: {}", comparison.without.join(", ")));
        }
        lines.iter().flat_map(|line| [line, "\n"]).collect()
    }
}

/// Whether two values are better read below each other.
fn is_long(left: &str, right: &str) -> bool {
    let is_multiline = left.contains('\n') || right.contains('\n');
    is_multiline || left.chars().count() + right.chars().count() > LINE_CHARACTERS
}

/// An attribute that one side has.
fn only(
    attribute: &str,
    value: &str,
    place: &str,
    indent: &str,
    paint: impl Fn(&str) -> String,
) -> String {
    let place = paint(place);
    if value.contains('\n') {
        let lines = value.lines().map(|line| format!("{indent}    {}\n", paint(line)));
        return format!("{indent}{attribute} {place}:\n{}", lines.collect::<String>());
    }
    match value {
        // Attributes that are either there or not have "yes" for a value.
        "yes" => format!("{indent}{attribute}: {place}\n"),
        value => format!("{indent}{attribute}: {} {place}\n", shown(value)),
    }
}

/// A value within a line, set off where its end could not be seen.
fn shown(value: &str) -> String {
    if value.is_empty() || value.contains(' ') { format!("`{value}`") } else { value.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalog::{NotNormalized, catalog};
    use pretty_assertions::assert_eq;

    fn report(left: &str, right: &str) -> SchemaReport {
        let side = |name: &str, text: &str| Side {
            name: name.to_owned(),
            postgres: "18.4".to_owned(),
            catalog: catalog(text),
        };
        let (left, right) = (side("a.sql", left), side("b.sql", right));
        let comparison = Comparison::of_texts(&left.catalog, &right.catalog);
        SchemaReport { left, right, comparison, notes: Vec::new() }
    }

    fn check(left: &str, right: &str, expected: &str) {
        let text = report(left, right).to_text(false);
        let (_, text) = text.split_once("(Postgres 18.4)\n").expect("a title");
        assert_eq!(text, expected);
    }

    #[test]
    fn what_belongs_to_a_table_is_told_below_it() {
        check(
            "collation | public.a
             table | public.a
             column | public.a.b | type: integer | default: 1 + 1
             statistics | public.a | kinds: mcv",
            "collation | public.a
             table | public.a
             column | public.a.b | type: integer
             column | public.a.c | type: integer
             statistics | public.a | kinds: ndistinct",
            "
1 table

  table public.a
      column b
          default: `1 + 1` only in a.sql
      column c (integer): only in b.sql

1 statistics

  statistics public.a
      kinds: mcv in a.sql, ndistinct in b.sql

3 differences: 1 column differs, 1 column only in b.sql, 1 statistics differs
",
        );
    }

    #[test]
    fn long_values_are_told_by_line() {
        let definition = |number: u8| {
            let columns = "CHECK (some_column_of_the_table IS NOT NULL AND another_column > ";
            format!("check constraint | public.a.c | definition: {columns}{number})")
        };
        check(
            &format!("table | public.a\n{}", definition(1)),
            &format!("table | public.a\n{}", definition(2)),
            "
1 table

  table public.a
      check constraint c
          definition:
              --- a.sql
              +++ b.sql
              - CHECK (some_column_of_the_table IS NOT NULL AND another_column > 1)
              + CHECK (some_column_of_the_table IS NOT NULL AND another_column > 2)

1 difference: 1 check constraint differs
",
        );
    }

    #[test]
    fn a_text_that_only_one_has_is_told_as_it_is() {
        check(
            "schema | a | comment: one\\ntwo",
            "schema | a",
            "
1 schema

  schema a
      comment only in a.sql:
          one
          two

1 difference: 1 schema differs
",
        );
    }

    #[test]
    fn the_end_of_a_line_can_be_all_that_differs() {
        for (line, shown) in [("a\n", "a"), ("a\r\n", "a␍"), ("a \t\n", "a·→"), ("a b", "a b")]
        {
            assert_eq!(with_its_end(line), shown, "{line:?}");
        }
    }

    #[test]
    fn what_is_not_known_is_told_too() {
        let mut same =
            report("table | public.a\nindex | public.a.i", "table | public.a\nindex | public.a.i");
        same.comparison.unseen.push("options of user mappings".to_owned());
        same.notes.push("it was late".to_owned());
        let identity = Identity::new("view", "public.v").expect("a kind");
        let reason = "42P01: relation \"public.t\" does not exist".to_owned();
        same.comparison.not_normalized.push(NotNormalized { identity, reason });
        assert_eq!(
            same.to_text(false),
            "the same schema: 1 table (Postgres 18.4)
note: it was late
note: view public.v may differ in spelling alone, which could not be found out: 42P01: relation \
             \"public.t\" does not exist
not seen, for want of a right to: options of user mappings
"
        );
    }

    #[test]
    fn colours_are_for_whoever_can_see_them() {
        let report = report("table | public.a", "table | public.b\ntable | public.c");
        assert!(!report.to_text(false).contains('\u{1b}'));
        let colored = report.to_text(true);
        assert!(colored.contains("\u{1b}[31m"), "{colored}");
        assert!(colored.contains("\u{1b}[32m"), "{colored}");
    }
}
