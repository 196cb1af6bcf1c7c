//! Flyway's placeholders: `${name}` anywhere in a file, comments and strings too.

use std::collections::BTreeMap;
use std::ops::Range;

/// The values that `flyway.conf` and `flyway.toml` give, by the names of the placeholders.
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
    fn one_without_a_value_is_found() {
        check("", "SELECT ${a};", Err(7..11));
        check("", "${a\n}", Err(0..3));
        check("flyway.placeholders.a=b", "${a} ${A}", Err(5..9));
    }
}
