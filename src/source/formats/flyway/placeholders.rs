//! Flyway's placeholders: `${name}` anywhere in a file, comments and strings too.

use std::collections::BTreeMap;
use std::ops::Range;

/// The values that a project's settings give, by the names of the placeholders.
#[derive(Debug, Default)]
pub(super) struct Placeholders(BTreeMap<String, String>);

impl Placeholders {
    /// Takes over what a file of Flyway's settings says.
    pub(super) fn add(&mut self, text: &str) {
        let lines = text.lines().filter_map(|line| {
            let (name, value) =
                line.trim().strip_prefix("flyway.placeholders.")?.split_once('=')?;
            Some((name.trim().to_owned(), value.trim().trim_matches(['"', '\'']).to_owned()))
        });
        self.0.extend(lines);
        let Ok(settings) = text.parse::<toml::Table>() else { return };
        let named = settings.get("flyway").and_then(|flyway| flyway.get("placeholders"));
        let named = named.and_then(toml::Value::as_table).into_iter().flatten();
        self.0.extend(named.map(|(name, value)| {
            let value = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
            (name.clone(), value)
        }));
    }

    /// Takes over what Spring's `application.properties` says, or its `application.yml`.
    pub(super) fn add_spring(&mut self, text: &str, yaml: bool) {
        let entries = if yaml { entries(text) } else { properties(text) };
        self.0.extend(entries.into_iter().filter_map(|(key, value)| {
            let name = key.strip_prefix("spring.flyway.placeholders.")?;
            // Spring has placeholders of its own, for what is known where it runs.
            (!value.contains("${")).then(|| (name.trim_matches(['[', ']']).to_owned(), value))
        }));
    }

    pub(super) fn set(&mut self, name: &str, value: &str) {
        self.0.insert(name.to_owned(), value.to_owned());
    }

    /// A text with the values in it; or the place of the first placeholder that has none.
    pub(super) fn fill(&self, text: &str) -> Result<String, Range<usize>> {
        let mut filled = String::new();
        let mut end = 0;
        while let Some(start) = text[end..].find("${").map(|at| end + at) {
            let name = &text[start + 2..];
            let length = name.find('}');
            let Some(value) = length.and_then(|length| self.0.get(&name[..length])) else {
                let line = name.lines().next().unwrap_or_default().len();
                let rest = length.map_or(line, |length| line.min(length + 1));
                return Err(start..start + 2 + rest);
            };
            filled += &text[end..start];
            filled += value;
            end = start + 3 + length.unwrap_or_default();
        }
        Ok(filled + &text[end..])
    }
}

fn properties(text: &str) -> Vec<(String, String)> {
    let lines = text.lines().filter_map(|line| line.trim().split_once('='));
    lines.map(|(key, value)| (key.trim().to_owned(), value.trim().to_owned())).collect()
}

/// The values of a YAML file that stand on the line of their key, by the keys that lead to them.
fn entries(text: &str) -> Vec<(String, String)> {
    let mut way = Vec::<(usize, String)>::new();
    let mut entries = Vec::new();
    for line in text.lines() {
        let indent = line.len() - line.trim_start().len();
        let Some((key, value)) = line.trim().split_once(':') else { continue };
        if key.starts_with('#') {
            continue;
        }
        way.truncate(way.iter().take_while(|(outer, _)| *outer < indent).count());
        way.push((indent, key.trim().trim_matches(['"', '\'']).to_owned()));
        let value = value.trim();
        let value = match value.strip_prefix(['"', '\'']) {
            Some(quoted) => quoted.split(['"', '\'']).next().unwrap_or_default(),
            None => value.split(" #").next().unwrap_or_default().trim(),
        };
        if !value.is_empty() {
            let keys = way.iter().map(|(_, key)| key.as_str()).collect::<Vec<_>>();
            entries.push((keys.join("."), value.to_owned()));
        }
    }
    entries
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(settings: &str, text: &str, expected: Result<&str, Range<usize>>) {
        let mut placeholders = Placeholders::default();
        placeholders.add(settings);
        assert_eq!(placeholders.fill(text), expected.map(str::to_owned), "{text}");
    }

    #[test]
    fn placeholders_are_filled_wherever_they_are() {
        let conf = "flyway.url=x\nflyway.placeholders.a = b c\nflyway.placeholders.d=";
        check(conf, "-- ${a}\nSELECT '${a}${d}' $$ { }", Ok("-- b c\nSELECT 'b c' $$ { }"));
        let toml = "[flyway.placeholders]\na = \"b\"\nn = 1\n";
        check(toml, "${a}${n}", Ok("b1"));
    }

    #[test]
    fn springs_files_give_values_too() {
        let filled = |text: &str, yaml: bool| {
            let mut placeholders = Placeholders::default();
            placeholders.add_spring(text, yaml);
            placeholders.fill("${a}${b}")
        };
        let properties = "spring.flyway.placeholders.a=x\nspring.flyway.placeholders.b = y z\n";
        assert_eq!(filled(properties, false), Ok("xy z".to_owned()));
        let yaml = "spring:\n  # a: no\n  flyway:\n    placeholders:\n      a: \"x\" # one\n\
                    \x20     b: y z # two\n  a: 2\nb: 3\n";
        assert_eq!(filled(yaml, true), Ok("xy z".to_owned()));
        let short = "spring.flyway.placeholders:\n  a: 1\n  b: '2'\n";
        assert_eq!(filled(short, true), Ok("12".to_owned()));
        let spring = "spring.flyway.placeholders.a=${HOME}\n";
        assert_eq!(filled(spring, false), Err(0..4));
    }

    #[test]
    fn one_without_a_value_is_found() {
        check("", "SELECT ${a};", Err(7..11));
        check("", "${a\n}", Err(0..3));
        check("flyway.placeholders.a=b", "${a} ${A}", Err(5..9));
    }
}
