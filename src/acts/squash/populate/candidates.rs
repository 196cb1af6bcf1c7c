//! Values that a type may have, as texts: what its conditions name, what is near to that, and what
//! is usual. The server says which of them it takes.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::constants::{Constants, Pattern};
use super::pattern::matching;

/// How many values are made of one pattern, and of the types below one.
const VARIANTS: usize = 6;

/// How deep types are looked into that are made of others.
const DEPTH_MAX: usize = 4;

/// Texts that are longer are not made, whatever a condition says.
const LENGTH_MAX: usize = 300;

/// A type of a column, or one below it.
#[derive(Debug, Clone, Default, Deserialize)]
pub(super) struct Type {
    id: i64,
    name: String,
    /// As `pg_type.typtype` has it, or A for arrays.
    sort: String,
    /// As `pg_type.typcategory` has it.
    category: String,
    labels: Vec<String>,
    /// What it is made of, with modifiers.
    below: Vec<(i64, i32)>,
    conditions: Vec<String>,
}

/// All types, by their numbers.
#[derive(Debug, Clone, Default)]
pub(super) struct Types(BTreeMap<i64, Type>);

impl Types {
    pub(super) fn new(types: impl IntoIterator<Item = Type>) -> Self {
        Self(types.into_iter().map(|it| (it.id, it)).collect())
    }

    /// Values for a column of a type.
    pub(super) fn candidates(&self, id: i64, modifier: i32, constants: &Constants) -> Vec<String> {
        let mut values = self.values(id, modifier, constants, DEPTH_MAX);
        let mut known = std::collections::BTreeSet::new();
        values.retain(|value| known.insert(value.clone()));
        values
    }

    fn values(&self, id: i64, modifier: i32, named: &Constants, depth: usize) -> Vec<String> {
        let Some(it) = self.0.get(&id).filter(|_| depth > 0) else { return Vec::new() };
        let below = |(id, modifier): (i64, i32), constants: &Constants| {
            self.values(id, modifier, constants, depth - 1)
        };
        match it.sort.as_str() {
            "e" => it.labels.clone(),
            "d" => {
                let own = Constants::of(it.conditions.iter().map(String::as_str));
                let base = it.below.first().copied().unwrap_or_default();
                below(base, &named.and(&own))
            }
            "A" => {
                let element = it.below.first().copied().unwrap_or_default();
                arrays(&below(element, named), named)
            }
            "c" => {
                let none = Constants::default();
                let fields = it.below.iter().map(|field| below(*field, &none)).collect::<Vec<_>>();
                (0..VARIANTS).map(|variant| composite(&fields, variant)).collect()
            }
            "r" | "m" => {
                let bound = it.below.first().copied().unwrap_or_default();
                ranges(&below(bound, named), it.sort == "m", &named.texts)
            }
            _ => scalars(it, modifier, named),
        }
    }
}

/// Values of a type that is made of no others.
fn scalars(it: &Type, modifier: i32, named: &Constants) -> Vec<String> {
    let mut values = match it.category.as_str() {
        "S" => return texts(modifier, named),
        "N" => return numbers(named),
        "B" => owned(&["true", "false"]),
        "D" if it.name.starts_with("time") && !it.name.starts_with("timestamp") => {
            (8..16).map(|hour| format!("{hour:02}:00:00")).collect()
        }
        "D" => return dates(named),
        "T" => owned(&["1 day", "2 days", "3 days", "1 hour", "2 hours", "1 mon", "1 year"]),
        "I" => (1..=VARIANTS).map(|number| format!("10.0.{number}.0/24")).collect(),
        "V" => bits(modifier),
        _ => by_name(it, modifier, named),
    };
    values.extend(named.texts.iter().cloned());
    values
}

fn by_name(it: &Type, modifier: i32, named: &Constants) -> Vec<String> {
    let each = |value: &dyn Fn(usize) -> String| (1..=VARIANTS).map(value).collect::<Vec<_>>();
    match it.name.as_str() {
        "uuid" => each(&|number| format!("00000000-0000-4000-8000-{number:012}")),
        "json" | "jsonb" => documents(named),
        "bytea" => {
            let usual = each(&|number| format!("\\x{number:02x}"));
            let long = lengths(named).into_iter().flat_map(|length| {
                (1..=4).map(move |number| format!("\\x{}", format!("{number:02x}").repeat(length)))
            });
            usual.into_iter().chain(long).collect()
        }
        "macaddr" => each(&|number| format!("08:00:2b:01:02:{number:02x}")),
        "macaddr8" => each(&|number| format!("08:00:2b:01:02:03:04:{number:02x}")),
        "xml" => each(&|number| format!("<a>{number}</a>")),
        "pg_lsn" => each(&|number| format!("0/{number}")),
        _ => {
            let mut values = vectors(modifier);
            values.extend(each(&|number| number.to_string()));
            values.extend(owned(OF_ANY_TYPE));
            values
        }
    }
}

/// Texts that mean something to some type: geometric ones, those for searching, and those that
/// extensions bring.
const OF_ANY_TYPE: &[&str] = &[
    "alpha",
    "beta",
    "gamma",
    "delta",
    "(1,2)",
    "(3,4)",
    "(1,1),(2,2)",
    "(3,3),(4,4)",
    "{1,2,3}",
    "<(1,2),3>",
    "((0,0),(0,1),(1,1))",
    "a=>1",
    "b=>2",
    "top.one",
    "POINT(0 0)",
    "POINT(1 1)",
    "LINESTRING(0 0,1 1)",
    "POLYGON((0 0,0 1,1 1,0 0))",
    "MULTIPOINT(0 0,1 1)",
    "MULTILINESTRING((0 0,1 1))",
    "MULTIPOLYGON(((0 0,0 1,1 1,0 0)))",
    "{}",
    "1:1:1",
];

/// Lists of as many numbers as the modifier says, for types that are vectors.
fn vectors(modifier: i32) -> Vec<String> {
    let dimensions = usize::try_from(modifier).unwrap_or(3).clamp(1, 4096);
    let of = |number: usize| {
        let list = (0..dimensions).map(|place| if place == 0 { number } else { 1 }.to_string());
        list.collect::<Vec<_>>().join(",")
    };
    let mut vectors: Vec<_> = (1..=4).map(|number| format!("[{}]", of(number))).collect();
    vectors.push(format!("{{1:1}}/{dimensions}"));
    vectors
}

/// What texts look like that somebody checks: names, addresses, codes, numbers.
/// The third is what is lost where somebody trims, cuts off or folds.
const USUAL_TEXTS: &[&str] = &[
    "alpha",
    "beta",
    " Gamma, and more of it in Many Words ",
    "delta",
    "epsilon",
    "zeta",
    "a@example.com",
    "b@example.com",
    "https://example.com/a",
    "ALPHA",
    "123",
    "456",
    "+41440000001",
    "#a1b2c3",
    "DE",
    "EUR",
    "de",
    "a-b",
    "A1",
    "2024-01-01",
    "00000000-0000-4000-8000-000000000001",
    "1.0.0",
    "a",
    "",
];

fn texts(modifier: i32, named: &Constants) -> Vec<String> {
    let mut values = named.texts.clone();
    for pattern in &named.patterns {
        values.extend((0..VARIANTS).map(|variant| matching(pattern, variant)));
        if let Pattern::Like(it) = pattern {
            values.push(it.replace('%', ""));
        }
    }
    // What short columns hold of longer texts is often the same.
    if (5..9).contains(&modifier) {
        values.extend((b'A'..=b'H').map(|letter| char::from(letter).to_string()));
    }
    values.extend(owned(USUAL_TEXTS));
    for length in lengths(named) {
        values.extend(["a", "b", "1", "A"].map(|letter| letter.repeat(length)));
    }
    values
}

/// How long something may have to be, if a number that is named tells that, or near it.
fn lengths(named: &Constants) -> Vec<usize> {
    let numbers = named.numbers.iter().filter_map(|number| number.parse::<usize>().ok());
    let near = |length: usize| [length, length + 1, length.saturating_sub(1)];
    numbers.filter(|length| *length < LENGTH_MAX).flat_map(near).collect()
}

fn numbers(named: &Constants) -> Vec<String> {
    // Fractions and what a smaller type has no room for come early, where the type takes them.
    let first = ["1", "2", "2.5", "70000", "3000000000"];
    let then = ["3", "4", "5", "6", "10", "20", "50", "100", "1000"];
    let mut values = [owned(&first), owned(&then)].concat();
    for number in &named.numbers {
        match number.parse::<i64>() {
            Ok(whole) => {
                let near = [Some(whole), whole.checked_add(1), whole.checked_sub(1)];
                values.extend(near.into_iter().flatten().map(|it| it.to_string()));
            }
            Err(_) => values.push(number.clone()),
        }
    }
    values.extend(owned(&["0", "0.5", "-1"]));
    values.extend(named.texts.iter().cloned());
    values
}

/// In the order of time, because ranges and checks are made of such.
fn dates(named: &Constants) -> Vec<String> {
    let mut values = Vec::new();
    for text in &named.texts {
        values.push(text.clone());
        values.extend(next_day(text));
    }
    let time = |day: u32| if day == 3 { " 04:05:06.789012" } else { "" };
    values.extend((1..=8).map(|day| format!("2024-01-{day:02}{}", time(day))));
    values.extend(owned(&["2099-01-01", "2099-01-02", "1990-01-01"]));
    values
}

/// The day after that of a text that begins with a date, unless that is in another month.
fn next_day(text: &str) -> Option<String> {
    let (month, rest) = text.split_at_checked(8)?;
    let (day, rest) = rest.split_at_checked(2)?;
    let day: u32 = day.parse().ok().filter(|day| *day < 28)?;
    Some(format!("{month}{:02}{rest}", day + 1))
}

fn bits(modifier: i32) -> Vec<String> {
    let length = usize::try_from(modifier).unwrap_or(4).clamp(1, LENGTH_MAX);
    (1..=VARIANTS).map(|number| format!("{number:0length$b}")).collect()
}

/// Documents, also such as have the keys that conditions name.
fn documents(named: &Constants) -> Vec<String> {
    let mut values = owned(&["{}", "{\"a\": 1}", "{\"a\": 2}", "[]", "[1, 2]"]);
    let quoted: Vec<_> = named.texts.iter().map(|text| json_of(text)).collect();
    for value in ["\"a\"", "1", "[]", "{}", "true"] {
        let all = quoted.iter().map(|key| format!("{key}: {value}")).collect::<Vec<_>>();
        if !all.is_empty() {
            values.push(format!("{{{}}}", all.join(", ")));
        }
        if all.len() > 1 {
            values.extend(all.iter().map(|one| format!("{{{one}}}")));
        }
    }
    values.extend(owned(&["\"a\"", "1", "true", "null"]));
    values
}

fn json_of(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

fn arrays(elements: &[String], named: &Constants) -> Vec<String> {
    let quoted: Vec<_> = elements.iter().take(VARIANTS).map(|it| in_quotes(it)).collect();
    let mut values: Vec<_> = quoted.iter().map(|it| format!("{{{it}}}")).collect();
    values.extend(quoted.windows(2).map(|pair| format!("{{{}}}", pair.join(","))));
    values.extend(quoted.windows(3).take(1).map(|three| format!("{{{}}}", three.join(","))));
    values.push("{}".to_owned());
    values.extend(named.texts.iter().map(|it| format!("{{{}}}", in_quotes(it))));
    // Not every element is one of the type, so each is by itself.
    for length in lengths(named) {
        let long = quoted.iter().take(4).map(|it| vec![it.as_str(); length].join(","));
        values.extend(long.map(|it| format!("{{{it}}}")));
    }
    values
}

fn composite(fields: &[Vec<String>], variant: usize) -> String {
    let field = |values: &Vec<String>| match values.len() {
        0 => String::new(),
        count => in_quotes(&values[variant % count]),
    };
    format!("({})", fields.iter().map(field).collect::<Vec<_>>().join(","))
}

fn ranges(bounds: &[String], is_multiple: bool, named: &[String]) -> Vec<String> {
    let mut values = Vec::new();
    for pair in bounds.windows(2).take(2 * VARIANTS) {
        values.push(format!("[{},{})", in_quotes(&pair[0]), in_quotes(&pair[1])));
    }
    values.push("empty".to_owned());
    if is_multiple {
        for value in &mut values {
            *value = if value == "empty" { "{}".to_owned() } else { format!("{{{value}}}") };
        }
    }
    values.extend(named.iter().cloned());
    values
}

/// Quoted as elements of arrays, fields of rows and bounds of ranges are.
fn in_quotes(text: &str) -> String {
    format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""))
}

fn owned(texts: &[&str]) -> Vec<String> {
    texts.iter().map(|text| (*text).to_owned()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use pretty_assertions::assert_eq;

    fn of(id: i64, name: &str, sort: &str, category: &str, below: &[(i64, i32)]) -> Type {
        Type {
            id,
            name: name.to_owned(),
            sort: sort.to_owned(),
            category: category.to_owned(),
            below: below.to_vec(),
            ..Type::default()
        }
    }

    /// The first values of a type, of those that are below it here.
    fn check(it: Type, modifier: i32, conditions: &[&str], expect: &[&str]) {
        let whole = of(23, "int4", "b", "N", &[]);
        let text = of(25, "text", "b", "S", &[]);
        let types = Types::new([whole, text, Type { id: 1, ..it }]);
        let constants = Constants::of(conditions.iter().copied());
        let mut values = types.candidates(1, modifier, &constants);
        values.truncate(expect.len());
        assert_eq!(values, expect);
    }

    #[test]
    fn conditions_come_first_in_texts() {
        let text = || of(1, "text", "b", "S", &[]);
        check(text(), -1, &[], &["alpha", "beta"]);
        check(text(), -1, &["(a = ANY (ARRAY['x'::text, 'y'::text]))"], &["x", "y", "alpha"]);
        check(text(), -1, &["(a ~ '^[A-Z]{2}$'::text)"], &["AA", "BB", "CC"]);
        check(text(), 6, &[], &["A", "B"]);
    }

    #[test]
    fn each_type_has_values_of_its_own() {
        check(of(1, "bool", "b", "B", &[]), -1, &[], &["true", "false"]);
        check(of(1, "time", "b", "D", &[]), -1, &[], &["08:00:00", "09:00:00"]);
        check(of(1, "bit", "b", "V", &[]), 3, &[], &["001", "010", "011"]);
        check(of(1, "int4range", "r", "R", &[(23, -1)]), -1, &[], &["[\"1\",\"2\")"]);
        check(of(1, "int4multirange", "m", "R", &[(23, -1)]), -1, &[], &["{[\"1\",\"2\")}"]);
        check(of(1, "_text", "A", "A", &[(25, -1)]), -1, &[], &["{\"alpha\"}", "{\"beta\"}"]);
        check(of(1, "pair", "c", "C", &[(23, -1), (25, -1)]), -1, &[], &["(\"1\",\"alpha\")"]);
        check(of(1, "vector", "b", "U", &[]), 2, &[], &["[1,1]", "[2,1]"]);
        let labels = owned(&["low", "high"]);
        check(Type { labels, ..of(1, "level", "e", "E", &[]) }, -1, &[], &["low", "high"]);
        let conditions = owned(&["CHECK ((VALUE ~ '^x'::text))"]);
        check(Type { conditions, ..of(1, "x", "d", "S", &[(25, -1)]) }, -1, &[], &["x"]);
    }

    #[test]
    fn a_bound_is_followed_by_the_day_after_it() {
        let bound = ["(at >= '2025-03-01 00:00:00+00'::timestamp with time zone)"];
        let expect = ["2025-03-01 00:00:00+00", "2025-03-02 00:00:00+00", "2024-01-01"];
        check(of(1, "timestamptz", "b", "D", &[]), -1, &bound, &expect);
    }

    #[test]
    fn what_a_condition_asks_a_document_for_is_in_it() {
        let json = of(1, "jsonb", "b", "U", &[]);
        let types = Types::new([json]);
        let constants = Constants::of(["(a ? 'name'::text)", "(a ? 'age'::text)"]);
        let values = types.candidates(1, -1, &constants);
        assert!(values.contains(&"{\"name\": \"a\", \"age\": \"a\"}".to_owned()), "{values:?}");
    }
}
