//! sqitch's configuration, which is written as git's is; and psql's variables, which it sets.

use std::collections::BTreeMap;
use std::ops::Range;

use squawk_lexer::{LiteralKind, TokenKind};

use crate::sql::{Content, Script, Token, literal, quoted, tokens};

/// What `sqitch.conf` says of the target that a deploy has by default.
#[derive(Debug, Default)]
pub(super) struct Settings {
    /// By their names in dots, such as `engine.pg.top_dir`; sections and keys in lower case.
    values: BTreeMap<String, String>,
    /// The keys as they were first written: psql's variables know upper and lower case.
    spelled: BTreeMap<String, String>,
}

impl Settings {
    /// Reads the text of a configuration; or says which of its lines can't be read.
    pub(super) fn parse(text: &str) -> Result<Self, usize> {
        let mut settings = Self::default();
        let mut section = String::new();
        let mut lines = (1..).zip(text.lines());
        while let Some((number, line)) = lines.next() {
            let line = line.trim_start_matches('\u{feff}').trim();
            if line.is_empty() || line.starts_with(['#', ';']) {
                continue;
            }
            let mut entry = line;
            if let Some(head) = line.strip_prefix('[') {
                let (head, rest) = head.split_once(']').ok_or(number)?;
                section = match head.split_once('"') {
                    Some((name, sub)) => {
                        let sub = sub.strip_suffix('"').ok_or(number)?;
                        format!("{}.{}", name.trim().to_lowercase(), sub.replace('\\', ""))
                    }
                    None => head.trim().to_lowercase(),
                };
                entry = rest.trim();
            }
            if entry.is_empty() || entry.starts_with(['#', ';']) {
                continue;
            }
            let (key, value) = entry.split_once('=').unwrap_or((entry, "true"));
            let key = key.trim();
            let mut value = value.trim().to_owned();
            while value.ends_with('\\') && !value.ends_with("\\\\") {
                value.pop();
                value += lines.next().map_or("", |(_, line)| line);
            }
            if section.is_empty() || key.contains(char::is_whitespace) {
                return Err(number);
            }
            let name = format!("{section}.{}", key.to_lowercase());
            settings.values.insert(name.clone(), unquoted(&value).ok_or(number)?);
            settings.spelled.entry(name).or_insert_with(|| key.to_owned());
        }
        Ok(settings)
    }

    fn get(&self, name: &str) -> Option<&str> {
        self.values.get(name).map(String::as_str).filter(|value| !value.is_empty())
    }

    /// The name of the default target; an address where it has none.
    fn target(&self) -> &str {
        let by_engine = || self.get(&format!("engine.{}.target", self.get("core.engine")?));
        self.get("core.target").or_else(by_engine).unwrap_or_default()
    }

    /// The name of the database's kind, if it is said anywhere. Postgres's is `pg`.
    pub(super) fn engine(&self) -> Option<&str> {
        let target = self.target();
        let address = self.get(&format!("target.{target}.uri")).unwrap_or(target);
        let scheme = address.strip_prefix("db:").unwrap_or(address).split(':').next();
        scheme.filter(|_| address.contains(':')).or_else(|| self.get("core.engine"))
    }

    pub(super) fn is_postgres(&self) -> bool {
        self.engine().is_none_or(|it| ["pg", "postgres", "postgresql"].contains(&it))
    }

    /// What is said of the target, of its engine or of everything.
    pub(super) fn of_target(&self, key: &str) -> Option<&str> {
        let target = self.get(&format!("target.{}.{key}", self.target()));
        let engine = || self.get(&format!("engine.pg.{key}"));
        target.or_else(engine).or_else(|| self.get(&format!("core.{key}")))
    }

    /// Whether a deploy runs the verify scripts.
    pub(super) fn verifies(&self) -> bool {
        let says = self.get("deploy.verify").unwrap_or_default().to_lowercase();
        ["true", "yes", "on", "1"].contains(&says.as_str())
    }

    /// The variables that scripts can use.
    pub(super) fn variables(&self) -> BTreeMap<&str, &str> {
        let target = format!("target.{}", self.target());
        let mut variables = BTreeMap::new();
        for section in ["core", "deploy", "engine.pg", &target] {
            let prefix = format!("{section}.variables.");
            let all = self.values.iter().filter(|(name, _)| name.starts_with(&prefix));
            let all = all.filter_map(|(name, value)| Some((&**self.spelled.get(name)?, &**value)));
            variables.extend(all);
        }
        variables.insert("registry", self.of_target("registry").unwrap_or("sqitch"));
        variables
    }
}

/// A value without its quotes and without the comment after it.
fn unquoted(value: &str) -> Option<String> {
    let (mut plain, mut kept) = (String::new(), 0);
    let mut is_quoted = false;
    let mut letters = value.chars();
    while let Some(letter) = letters.next() {
        match letter {
            '"' => is_quoted = !is_quoted,
            '\\' => plain.push(match letters.next()? {
                'n' => '\n',
                't' => '\t',
                'b' => '\u{8}',
                other => other,
            }),
            '#' | ';' if !is_quoted => break,
            _ => plain.push(letter),
        }
        if is_quoted || letter == '"' || !letter.is_whitespace() {
            kept = plain.len();
        }
    }
    plain.truncate(kept);
    (!is_quoted).then_some(plain)
}

/// Variables that psql has by itself, and that are about the connection.
const OF_PSQL: &[&str] =
    &["DBNAME", "ENCODING", "HOST", "PORT", "SERVER_VERSION_NAME", "SERVER_VERSION_NUM", "USER"];

/// A script as psql sends it: `:name`, `:'name'` and `:"name"` stand for a variable's value. What
/// is no variable stays as it is. An error is the place of one that only psql knows.
pub(super) fn expanded(
    text: &str,
    variables: &BTreeMap<&str, &str>,
) -> Result<String, Range<usize>> {
    let mut sent = String::new();
    let mut end = 0;
    for piece in Script::parse(text).pieces {
        let Content::Statement(_) = piece.content else { continue };
        let all = tokens(text, piece.span);
        let colons = all.windows(2).filter(|pair| {
            pair[0].kind == TokenKind::Colon && pair[0].span.end == pair[1].span.start
        });
        for (colon, named) in colons.map(|pair| (&pair[0], &pair[1])) {
            if text[..colon.span.start].ends_with(':') {
                continue;
            }
            let Some((name, quote)) = variable(text, named) else { continue };
            let place = colon.span.start..named.span.end;
            let Some(value) = variables.get(name) else {
                if OF_PSQL.contains(&name) {
                    return Err(place);
                }
                continue;
            };
            sent += &text[end..place.start];
            sent += &quote(value);
            end = place.end;
        }
    }
    Ok(sent + &text[end..])
}

/// What is sent for a value.
type Quote = fn(&str) -> String;

/// The variable that a token after a colon names, and how its value is quoted.
fn variable<'a>(text: &'a str, token: &Token) -> Option<(&'a str, Quote)> {
    let word = &text[token.span.clone()];
    let inner = || word.get(1..word.len().checked_sub(1)?);
    match token.kind {
        TokenKind::Literal { kind: LiteralKind::Str { .. } } => Some((inner()?, literal)),
        TokenKind::QuotedIdent { .. } => Some((inner()?, quoted)),
        _ => {
            let is_word = word.chars().all(|c| c.is_alphanumeric() || c == '_');
            is_word.then_some((word, str::to_owned as Quote))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, name: &str, expected: Option<&str>) {
        let settings = Settings::parse(text).expect("it can be read");
        assert_eq!(settings.get(name), expected, "{text}");
    }

    #[test]
    fn a_configuration_is_read_as_git_reads_its_own() {
        check("[core]\n\tengine = pg\n", "core.engine", Some("pg"));
        check("# c\n[Core] ; d\nTop_Dir = sql # e\n", "core.top_dir", Some("sql"));
        check("[engine \"pg\"]\nclient = \"a # b\" ; c", "engine.pg.client", Some("a # b"));
        check("[deploy]\nverify", "deploy.verify", Some("true"));
        check("[a]\nb = c \\\nd", "a.b", Some("c d"));
        check("[a]\nb = 1\n[a]\nb = 2", "a.b", Some("2"));
        check("[a] b = c", "a.b", Some("c"));
        check("[core]\n\t# plan_file = x", "core.plan_file", None);
    }

    #[test]
    fn what_is_no_configuration_is_said_to_be_none() {
        let fault = |text| Settings::parse(text).err();
        assert_eq!(fault("[core\nengine = pg"), Some(1));
        assert_eq!(fault("engine = pg"), Some(1));
        assert_eq!(fault("[core]\nengine = \"pg"), Some(2));
    }

    #[test]
    fn what_is_said_of_the_target_comes_first() {
        let text = "[core]\nengine = pg\ntop_dir = a\n[engine \"pg\"]\ntarget = dev\ntop_dir = b\n";
        let engine = Settings::parse(text).expect("it can be read");
        assert_eq!((engine.of_target("top_dir"), engine.engine()), (Some("b"), Some("pg")));
        let text = format!("{text}[target \"dev\"]\nuri = db:mysql://h/d\ntop_dir = c");
        let target = Settings::parse(&text).expect("it can be read");
        assert_eq!((target.of_target("top_dir"), target.engine()), (Some("c"), Some("mysql")));
    }

    #[test]
    fn variables_keep_their_spelling() {
        let text = "[core \"variables\"]\nSize = 1\n[deploy \"variables\"]\nSize = 2\nb = c";
        let settings = Settings::parse(text).expect("it can be read");
        let expected = BTreeMap::from([("Size", "2"), ("b", "c"), ("registry", "sqitch")]);
        assert_eq!(settings.variables(), expected);
    }

    #[test]
    fn variables_are_sent_as_their_values() {
        let variables = BTreeMap::from([("a", "x'y"), ("t", "Odd")]);
        let expanded = |text| expanded(text, &variables);
        assert_eq!(
            expanded("SELECT :'a', :\"t\", 1::a, ':a', :b FROM :t; -- :a"),
            Ok("SELECT 'x''y', \"Odd\", 1::a, ':a', :b FROM Odd; -- :a".to_owned())
        );
        assert_eq!(expanded("GRANT ALL ON DATABASE :\"DBNAME\" TO a;"), Err(22..31));
    }
}
