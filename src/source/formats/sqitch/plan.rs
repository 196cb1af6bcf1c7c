//! sqitch's plan: pragmas, changes, tags and dependencies; and the ids that follow from them.
//!
//! A change's id is a digest of what the plan says about it and of the id of the change before it,
//! so a change that is moved or reworded is another one, and so are all after it.

use std::collections::{BTreeMap, BTreeSet};

use sha1::{Digest as _, Sha1};

/// What the plan says, in its order.
#[derive(Debug)]
pub(super) struct Plan {
    pub(super) project: String,
    pub(super) uri: Option<String>,
    pub(super) changes: Vec<Change>,
}

#[derive(Debug)]
pub(super) struct Change {
    pub(super) entry: Entry,
    pub(super) requires: Vec<Dependency>,
    pub(super) conflicts: Vec<Dependency>,
    pub(super) tags: Vec<Entry>,
    /// The tags after which the change was reworked, the last one first; with any of them it keeps
    /// its script under another name.
    pub(super) rework_tags: Vec<String>,
}

/// What changes and tags have in common.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Entry {
    pub(super) id: String,
    pub(super) name: String,
    pub(super) line: usize,
    pub(super) note: String,
    /// As `2024-01-31T12:00:00Z`.
    pub(super) planned_at: String,
    pub(super) planner_name: String,
    pub(super) planner_email: String,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Dependency {
    /// As the registry shows it.
    pub(super) text: String,
    /// `change`, `change@tag`, `@tag` or an id.
    key: String,
    project: Option<String>,
    is_id: bool,
    /// The change that it means, if an empty database has that by then.
    pub(super) id: Option<String>,
}

/// Why sqitch can't read the plan, in its own words.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Fault {
    pub(super) said: String,
    pub(super) help: &'static str,
}

const SYNTAX: &str = "write each line as `sqitch add`, `sqitch rework` and `sqitch tag` do: \
    `NAME [REQUIRED !CONFLICTING] 2024-01-31T12:00:00Z PLANNER <EMAIL> # NOTE`, and tags as \
    `@NAME`";

const DEPENDENCY: &str = "name a change that the plan has above this one, or move the line";

const INVALID_NAME: &str = "Invalid name; names must not begin with punctuation, contain \"@\", \
    \":\", \"#\", \"\\\", or blanks, or end in punctuation or digits following punctuation";

impl Plan {
    /// Reads a plan's text; `file` is what to call it.
    pub(super) fn parse(text: &str, file: &str) -> Result<Self, Fault> {
        let mut lines =
            text.split_terminator('\n').map(|line| line.strip_suffix('\r').unwrap_or(line));
        let mut lines = (1..).zip(&mut lines);
        let at = |line: usize| {
            move |said: String| {
                let said = format!("Syntax error in {file} at line {line}: {said}");
                Fault { said, help: SYNTAX }
            }
        };
        let pragmas = pragmas(&mut lines, at)?;
        let Some(project) = pragmas.get("project").cloned() else {
            let said = format!("Missing %project pragma in {file}");
            return Err(Fault { said, help: "begin the plan with %project=NAME and a blank line" });
        };
        let uri = pragmas.get("uri").cloned();
        let mut reader = Reader { project, uri, ..Reader::default() };
        for (line, text) in lines {
            if is_blank(text).is_none() {
                reader.take(line, text).map_err(at(line))?;
            }
        }
        reader.end_section();
        if reader.faults.is_empty() {
            let Reader { project, uri, changes, .. } = reader;
            let mut plan = Self { project, uri, changes };
            plan.resolve();
            return Ok(plan);
        }
        let errors = if reader.faults.len() == 1 { "error" } else { "errors" };
        let said = format!("Dependency {errors} detected: {}", reader.faults.join("; "));
        Err(Fault { said, help: DEPENDENCY })
    }

    /// What of the plan an empty database can't satisfy, in the words of the deploy.
    pub(super) fn unsatisfied(&self, file: &str) -> Option<Fault> {
        let (mut conflicts, mut missing) = (Vec::new(), Vec::new());
        for change in &self.changes {
            for conflict in &change.conflicts {
                let own = conflict.project.as_ref().is_none_or(|project| *project == self.project);
                if own && !conflict.is_id && self.find(&conflict.key).is_none() {
                    let key = &conflict.key;
                    let said = format!("Unable to find change \"{key}\" in plan {file}");
                    return Some(Fault { said, help: "remove the conflict" });
                }
                conflicts.extend(conflict.id.as_ref().map(|_| conflict.text.as_str()));
            }
            let requires = change.requires.iter().filter(|required| required.id.is_none());
            missing.extend(requires.map(|required| required.text.as_str()));
        }
        let said = |words: &str, names: &[&str]| {
            let s = if names.len() == 1 { "" } else { "s" };
            let names = names.join(" ");
            (!names.is_empty()).then(|| format!("{words} change{s}: {names}"))
        };
        let said = [
            said("Conflicts with previously deployed", &conflicts),
            said("Missing required", &missing),
        ];
        let said = said.into_iter().flatten().collect::<Vec<_>>();
        let help = "an empty database has nothing of other projects: make the changes part of this \
                    plan, or take what needs them out of it";
        (!said.is_empty()).then(|| Fault { said: said.join("; "), help })
    }

    /// The place of the change that a key means; of several that have its name, the first.
    fn find(&self, key: &str) -> Option<usize> {
        let mut changes = self.changes.iter();
        let Some((name, tag)) = key.split_once('@') else {
            return changes.position(|change| change.entry.name == key || change.entry.id == key);
        };
        let tagged = changes.position(|change| change.tags.iter().any(|it| it.name == tag))?;
        if name.is_empty() {
            return Some(tagged);
        }
        self.changes[..=tagged].iter().rposition(|change| change.entry.name == name)
    }

    fn resolve(&mut self) {
        for index in 0..self.changes.len() {
            let found = |dependency: &Dependency| {
                let own = dependency.project.as_ref().is_none_or(|it| *it == self.project);
                let place = self.find(&dependency.key).filter(|place| own && *place < index)?;
                Some(self.changes[place].entry.id.clone())
            };
            let change = &self.changes[index];
            let requires = change.requires.iter().map(found).collect::<Vec<_>>();
            let conflicts = change.conflicts.iter().map(found).collect::<Vec<_>>();
            let change = &mut self.changes[index];
            let all = change.requires.iter_mut().chain(&mut change.conflicts);
            for (dependency, id) in all.zip(requires.into_iter().chain(conflicts)) {
                dependency.id = id;
            }
        }
    }
}

/// The pragmas, up to the blank line that ends them.
fn pragmas<'a, F: FnOnce(String) -> Fault>(
    lines: &mut impl Iterator<Item = (usize, &'a str)>,
    at: impl Fn(usize) -> F,
) -> Result<BTreeMap<String, String>, Fault> {
    let mut pragmas = BTreeMap::new();
    for (line, text) in lines {
        match is_blank(text) {
            Some("") => break,
            Some(_) => continue,
            None => {}
        }
        let (text, _) = without_note(text);
        let Some((name, value)) = pragma(text) else {
            return Err(at(line)(
                "Invalid pragma; a blank line must come between pragmas and changes".to_owned(),
            ));
        };
        let value = value.unwrap_or(if name == "project" { "" } else { "1" });
        if name == "project" && !is_name(value) {
            return Err(at(line)(format!(
                "invalid project name \"{value}\": project names must not begin with \
                 punctuation, contain \"@\", \":\", \"#\", \"\\\", or blanks, or end in \
                 punctuation or digits following punctuation"
            )));
        }
        pragmas.insert(name.to_owned(), value.to_owned());
    }
    Ok(pragmas)
}

fn pragma(text: &str) -> Option<(&str, Option<&str>)> {
    let text = text.trim_start_matches(BLANKS).strip_prefix('%')?.trim_start_matches(BLANKS);
    let (name, value) = match text.find(|c| BLANKS.contains(&c) || c == '=') {
        Some(end) => {
            let value = text[end..].trim_start_matches(BLANKS).strip_prefix('=')?;
            (&text[..end], Some(value.trim_start_matches(BLANKS)))
        }
        None => (text, None),
    };
    let fits = !name.is_empty() && !name.starts_with(is_punctuation);
    let fits = fits && !name.ends_with(is_punctuation) && value != Some("");
    fits.then_some((name, value))
}

/// What is known while the lines are read.
#[derive(Debug, Default)]
struct Reader {
    project: String,
    uri: Option<String>,
    changes: Vec<Change>,
    /// How many of the changes come before the last tag.
    tagged: usize,
    /// The lines of tags, with their `@`, and of the changes before the last of them.
    lines: BTreeMap<String, usize>,
    faults: Vec<String>,
}

impl Reader {
    fn take(&mut self, line: usize, text: &str) -> Result<(), String> {
        let (text, note) = without_note(text);
        let is_tag = text.trim_start_matches(BLANKS).starts_with('@');
        let parsed = Line::parse(text).filter(|it| it.time.is_some() || !holds_time(text));
        let Some(Line { name, dependencies, time, planner }) = parsed else {
            return Err(INVALID_NAME.to_owned());
        };
        let (time, (planner_name, planner_email)) = match (time, planner) {
            (Some(time), Some(planner)) => (time, planner),
            (None, None) => return Err("Missing timestamp and planner name and email".to_owned()),
            (None, Some(_)) => return Err("Missing timestamp".to_owned()),
            (Some(_), None) => return Err("Missing planner name and email".to_owned()),
        };
        if ["ROOT", "HEAD"].contains(&name) {
            return Err(format!("\"{}{name}\" is a reserved name", if is_tag { "@" } else { "" }));
        }
        if name.len() >= 40 && name.bytes().take(40).all(is_hex) {
            return Err(format!(
                "\"{name}\" is invalid because it could be confused with a SHA1 ID"
            ));
        }
        if !is_date(time) {
            return Err(format!("there is no such time as {time}"));
        }
        let entry = Entry {
            id: String::new(),
            name: name.to_owned(),
            line,
            note: unescaped(note),
            planned_at: time.to_owned(),
            planner_name: planner_name.to_owned(),
            planner_email: planner_email.to_owned(),
        };
        if is_tag {
            self.take_tag(entry, dependencies)
        } else {
            self.take_change(entry, dependencies)
        }
    }

    fn take_tag(&mut self, mut tag: Entry, dependencies: Option<&str>) -> Result<(), String> {
        let name = &tag.name;
        let key = format!("@{name}");
        if name.contains('/') {
            return Err(format!("Tag \"{name}\" contains illegal character /"));
        }
        if self.changes.is_empty() {
            return Err(format!("Tag \"{name}\" declared without a preceding change"));
        }
        if let Some(line) = self.lines.get(&key) {
            return Err(format!("Tag \"{name}\" duplicates earlier declaration on line {line}"));
        }
        if dependencies.is_some() {
            return Err("Tags may not specify dependencies".to_owned());
        }
        self.end_section();
        self.lines.insert(key, tag.line);
        let (project, uri) = (self.project.clone(), self.uri.clone());
        if let Some(change) = self.changes.last_mut() {
            let head = format!("tag @{}\nchange {}", tag.name, change.entry.id);
            tag.id = id("tag", &info(&project, uri.as_deref(), &head, &tag, ""));
            change.tags.push(tag);
        }
        Ok(())
    }

    fn take_change(&mut self, mut entry: Entry, dependencies: Option<&str>) -> Result<(), String> {
        let name = &entry.name;
        let mut section = self.changes[self.tagged..].iter();
        if let Some(first) = section.find(|change| change.entry.name == *name) {
            let line = first.entry.line;
            return Err(format!("Change \"{name}\" duplicates earlier declaration on line {line}"));
        }
        let (mut requires, mut conflicts) = (Vec::new(), Vec::new());
        let mut seen = BTreeSet::new();
        let words = dependencies.into_iter().flat_map(|all| all.split(BLANKS));
        for word in words.filter(|word| !word.is_empty()) {
            let positive = word.strip_prefix('!').unwrap_or(word);
            let Some(dependency) = Dependency::parse(positive, &self.project) else {
                return Err(format!("\"{word}\" is not a valid dependency specification"));
            };
            if !seen.insert(word) {
                return Err(format!("Duplicate dependency \"{word}\""));
            }
            if word == positive { &mut requires } else { &mut conflicts }.push(dependency);
        }
        let mut head = format!("change {name}");
        if let Some(parent) = self.changes.last() {
            head += &format!("\nparent {}", parent.entry.id);
        }
        let list = |title: &str, sign: char, all: &[Dependency]| {
            let lines = all.iter().map(|it| format!("\n  {sign} {}", it.text)).collect::<Vec<_>>();
            if lines.is_empty() { String::new() } else { format!("\n{title}{}", lines.concat()) }
        };
        let tail = list("requires", '+', &requires) + &list("conflicts", '-', &conflicts);
        entry.id = id("change", &info(&self.project, self.uri.as_deref(), &head, &entry, &tail));
        let changes = &mut self.changes;
        if let Some(first) = changes.iter().rposition(|change| change.entry.name == *name) {
            let later = changes[first..].iter().rev();
            let tags = later.flat_map(|change| change.tags.iter().map(|tag| tag.name.clone()));
            changes[first].rework_tags = tags.collect();
        }
        self.changes.push(Change {
            entry,
            requires,
            conflicts,
            tags: Vec::new(),
            rework_tags: Vec::new(),
        });
        Ok(())
    }

    /// Sees whether the changes since the last tag depend on what comes before them.
    fn end_section(&mut self) {
        let section = &self.changes[self.tagged..];
        for (index, change) in section.iter().enumerate() {
            let name = &change.entry.name;
            let required = change.requires.iter().filter(|it| !it.is_elsewhere(&self.project));
            for key in required.map(|it| &it.key) {
                let known = match key.split_once('@') {
                    Some((required, tag)) if !required.is_empty() => {
                        let line = |key: &str| self.lines.get(key).copied();
                        let tagged = line(&format!("@{tag}"));
                        tagged.is_some_and(|at| line(required).is_some_and(|line| line < at))
                    }
                    _ => {
                        self.lines.contains_key(key)
                            || section[..index].iter().any(|it| it.entry.name == *key)
                    }
                };
                if known {
                    continue;
                }
                let later = section.iter().position(|later| later.entry.name == *key);
                self.faults.push(match later {
                    Some(place) if place == index => {
                        format!("Change \"{name}\" cannot require itself")
                    }
                    Some(place) => {
                        let count = place - index;
                        let s = if count == 1 { "" } else { "s" };
                        format!(
                            "Change \"{name}\" planned {count} change{s} before required change \
                             \"{key}\""
                        )
                    }
                    None => format!("Unknown change \"{key}\" required by change \"{name}\""),
                });
            }
        }
        let section = section.iter().map(|it| (it.entry.name.clone(), it.entry.line));
        self.lines.extend(section);
        self.tagged = self.changes.len();
    }
}

impl Dependency {
    fn parse(word: &str, own_project: &str) -> Option<Self> {
        let (project, key) = match word.split_once(':') {
            Some((project, key)) if is_name(project) => (Some(project.to_owned()), key),
            Some(_) => return None,
            None => (None, word),
        };
        let is_id = key.len() == 40 && key.bytes().all(is_hex);
        let fits = match key.split_once('@') {
            Some((name, tag)) => (name.is_empty() || is_name(name)) && is_name(tag),
            None => is_id || is_name(key),
        };
        let text = match &project {
            Some(project) if project != own_project => word.to_owned(),
            _ => key.to_owned(),
        };
        fits.then(|| Self { text, key: key.to_owned(), project, is_id, id: None })
    }

    /// Whether the plan can't know what this means: another project's change.
    fn is_elsewhere(&self, own_project: &str) -> bool {
        match &self.project {
            Some(project) => project != own_project,
            None => self.is_id,
        }
    }
}

/// A line that names a change or a tag.
#[derive(Debug, PartialEq, Eq)]
struct Line<'a> {
    name: &'a str,
    dependencies: Option<&'a str>,
    time: Option<&'a str>,
    planner: Option<(&'a str, &'a str)>,
}

impl<'a> Line<'a> {
    /// Reads a line without its note. The name is as long as what follows it allows.
    fn parse(text: &'a str) -> Option<Self> {
        let text = text.trim_start_matches(BLANKS);
        let text = match text.strip_prefix(['+', '-']) {
            Some(rest) => rest.trim_start_matches(BLANKS),
            None => text.strip_prefix('@').unwrap_or(text),
        };
        let ends = text.char_indices().map(|(at, c)| at + c.len_utf8()).rev();
        ends.filter(|end| is_name(&text[..*end])).find_map(|end| {
            let rest = text[end..].trim_start_matches(BLANKS);
            let (dependencies, rest) = match rest.strip_prefix('[') {
                Some(list) => {
                    let (list, rest) = list.split_once(']').filter(|(list, _)| !list.is_empty())?;
                    (Some(list), rest.trim_start_matches(BLANKS))
                }
                None => (None, rest),
            };
            let (time, rest) = match rest.get(..TIME.len()).filter(|time| is_time(time)) {
                Some(time) => (Some(time), rest[TIME.len()..].trim_start_matches(BLANKS)),
                None => (None, rest),
            };
            let planner = if rest.is_empty() { None } else { Some(planner(rest)?) };
            Some(Self { name: &text[..end], dependencies, time, planner })
        })
    }
}

fn planner(text: &str) -> Option<(&str, &str)> {
    let (name, email) = text.split_once('<')?;
    let name = name.strip_suffix(BLANKS).filter(|name| !name.is_empty())?;
    let email = email.strip_suffix('>')?;
    (!email.is_empty() && !email.contains('>')).then_some((name, email))
}

/// What a time looks like: `0` is any digit.
const TIME: &str = "0000-00-00T00:00:00Z";

fn is_time(text: &str) -> bool {
    text.len() == TIME.len()
        && text.bytes().zip(TIME.bytes()).all(|(byte, shape)| match shape {
            b'0' => byte.is_ascii_digit(),
            _ => byte == shape,
        })
}

fn holds_time(text: &str) -> bool {
    (0..text.len()).any(|at| text.get(at..at + TIME.len()).is_some_and(is_time))
}

/// Whether there is such a day, and such a time on it.
fn is_date(time: &str) -> bool {
    let number = |range: std::ops::Range<usize>| time[range].parse::<u32>().unwrap_or(0);
    let (year, month, day) = (number(0..4), number(5..7), number(8..10));
    let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    let days = match month {
        2 if leap => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        1..=12 => 31,
        _ => 0,
    };
    (1..=days).contains(&day) && number(11..13) < 24 && number(14..16) < 60 && number(17..19) < 60
}

const BLANKS: [char; 2] = [' ', '\t'];

/// The note of a line that is otherwise blank; `None` for one that isn't.
fn is_blank(line: &str) -> Option<&str> {
    let text = line.trim_start_matches(BLANKS);
    if text.is_empty() {
        return Some("");
    }
    text.strip_prefix('#').filter(|note| !note.is_empty()).map(str::trim)
}

fn without_note(line: &str) -> (&str, &str) {
    let (text, note) = line.split_once('#').unwrap_or((line, ""));
    (text.trim_end_matches(BLANKS), note.trim())
}

fn unescaped(note: &str) -> String {
    let mut plain = String::new();
    let mut rest = note;
    while let Some(at) = rest.find('\\') {
        plain += &rest[..at];
        let (text, length) = match rest.as_bytes().get(at + 1) {
            Some(b'n') => ("\n", 2),
            Some(b'r') => ("\r", 2),
            Some(b'\\') => ("\\", 2),
            _ => ("\\", 1),
        };
        plain += text;
        rest = &rest[at + length..];
    }
    plain + rest
}

/// Punctuation to sqitch, which has no quarrel with `_`.
fn is_punctuation(c: char) -> bool {
    c.is_ascii_punctuation() && c != '_'
}

fn is_hex(byte: u8) -> bool {
    matches!(byte, b'0'..=b'9' | b'a'..=b'f')
}

fn is_name(text: &str) -> bool {
    let digits_after_sign = |(at, _)| {
        let rest: &str = &text[at + 1..];
        !rest.is_empty() && rest.bytes().all(|byte| byte.is_ascii_digit())
    };
    text.chars().all(|c| !BLANKS.contains(&c) && !['@', ':', '#', '\\'].contains(&c))
        && text.starts_with(|c: char| !is_punctuation(c))
        && text.ends_with(|c: char| c.is_alphanumeric() || c == '_')
        && !text.match_indices(['~', '/', '=', '%', '^']).any(digits_after_sign)
}

/// What sqitch says of a change or a tag, and makes its id from.
fn info(project: &str, uri: Option<&str>, head: &str, entry: &Entry, tail: &str) -> String {
    let Entry { planned_at, planner_name, planner_email, note, .. } = entry;
    let uri = uri.map_or(String::new(), |uri| format!("uri {}\n", canonical(uri)));
    let note = if note.is_empty() { String::new() } else { format!("\n\n{note}") };
    format!(
        "project {project}\n{uri}{head}\nplanner {planner_name} <{planner_email}>\n\
         date {planned_at}{tail}{note}"
    )
}

fn id(kind: &str, info: &str) -> String {
    digest(format!("{kind} {}\0{info}", info.len()).as_bytes())
}

/// The SHA-1 of something, in hexadecimal digits.
pub(super) fn digest(bytes: &[u8]) -> String {
    Sha1::digest(bytes).iter().fold(String::new(), |mut hex, byte| {
        hex.push_str(&format!("{byte:02x}"));
        hex
    })
}

/// A URI as ids know it: scheme and host in lower case, no port that goes without saying, a path.
fn canonical(uri: &str) -> String {
    let Some((scheme, rest)) = uri.split_once("://") else { return uri.to_owned() };
    let scheme = scheme.to_lowercase();
    let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    let (authority, path) = rest.split_at(end);
    let (user, host) = authority
        .rsplit_once('@')
        .map_or(("", authority), |(_, host)| (&authority[..authority.len() - host.len()], host));
    let host = host.to_lowercase();
    let usual = match scheme.as_str() {
        "http" => ":80",
        "https" => ":443",
        _ => ":",
    };
    let host = host.strip_suffix(usual).unwrap_or(&host);
    let host = host.strip_suffix(':').unwrap_or(host);
    let is_bare = path.is_empty() || path.starts_with('#');
    let slash = if is_bare && scheme.starts_with("http") { "/" } else { "" };
    format!("{scheme}://{user}{host}{slash}{path}")
}

#[cfg(test)]
mod tests {
    use super::*;

    const BY: &str = "2024-02-05T09:12:31Z Ada <ada@a.example>";

    fn plan(lines: &str) -> Result<Plan, Fault> {
        let lines = lines.lines().map(|line| format!("{line} {BY}")).collect::<Vec<_>>();
        let lines = lines.join("\n");
        Plan::parse(&format!("%project=odd\n\n{lines}"), "sqitch.plan")
    }

    fn check(line: &str, expected: Option<&Line<'_>>) {
        assert_eq!(Line::parse(line).as_ref(), expected, "{line}");
    }

    #[test]
    fn lines_are_read_as_sqitch_reads_them() {
        let time = Some("2024-02-05T09:12:31Z");
        let planner = Some(("Ada", "a@b"));
        let line = |name, dependencies| Line { name, dependencies, time, planner };
        let end = "2024-02-05T09:12:31Z Ada <a@b>";
        check(&format!("users {end}"), Some(&line("users", None)));
        check(&format!(" + it/deep\t[a !b]{end}"), Some(&line("it/deep", Some("a !b"))));
        check(&format!("@v1.0 {end}"), Some(&line("v1.0", None)));
        check(&format!("users [a] {end}"), Some(&line("users", Some("a"))));
        check(&format!("a [] {end}"), None);
        check("a 2024-02-05T09:12:31Z", Some(&Line { planner: None, ..line("a", None) }));
        check("a", Some(&Line { time: None, planner: None, ..line("a", None) }));
    }

    /// The ids that sqitch 1.3.1 gave these.
    #[test]
    fn ids_are_digests_of_what_the_plan_says() {
        let text = "%syntax-version=1.0.0\n%project=shop\n%uri=https://example.com/shop/\n\n\
            appschema 2026-11-21T00:46:27Z Ann <ann@example.com> # Add schema.\n\
            users [appschema !other:thing] 2026-11-21T00:46:27Z Ann <ann@example.com> \
            # Users: \"x\".\n\
            @v1 2026-11-21T00:46:28Z Ann <ann@example.com> # Tag v1.\n";
        let plan = Plan::parse(text, "sqitch.plan").expect("it can be read");
        let ids = plan.changes.iter().map(|change| change.entry.id.as_str()).collect::<Vec<_>>();
        assert_eq!(
            ids,
            [
                "b69916d9f08ee923a3efeb2c28e7bf4949a2e5de",
                "deaafc99889ee5ed6606c2ae4fccd5cadce1e465"
            ]
        );
        assert_eq!(plan.changes[1].tags[0].id, "b40ecc80b886c87e3478a5dbcc5560d084d31303");
        assert_eq!(plan.changes[1].requires[0].id.as_deref(), Some(ids[0]));
    }

    fn check_fault(lines: &str, expected: &str) {
        let fault = plan(lines).and_then(|plan| match plan.unsatisfied("sqitch.plan") {
            Some(fault) => Err(fault),
            None => Ok(plan),
        });
        let said = fault.map(|_| ()).expect_err(lines).said;
        assert!(said.ends_with(expected), "{lines}: {said}");
    }

    #[test]
    fn what_sqitch_refuses_is_refused_in_its_words() {
        let at = "Syntax error in sqitch.plan at line";
        let first = format!("{at} 4: Change \"a\" duplicates earlier declaration on line 3");
        check_fault("a\na", &first);
        check_fault("a\n@v\n@v", "Tag \"v\" duplicates earlier declaration on line 4");
        check_fault("@v\na", "Tag \"v\" declared without a preceding change");
        for name in ["a~1", "-a-", "a:b", "a[b]"] {
            check_fault(name, INVALID_NAME);
        }
        check_fault("a [b:]", "\"b:\" is not a valid dependency specification");
        check_fault("a [b b]", "Duplicate dependency \"b\"");
        check_fault("HEAD", "\"HEAD\" is a reserved name");
        check_fault("a [a]", "Change \"a\" cannot require itself");
        check_fault("a [b]\nb", "Change \"a\" planned 1 change before required change \"b\"");
        check_fault("a [b]", "error detected: Unknown change \"b\" required by change \"a\"");
        check_fault("a [x:b]", "Missing required change: x:b");
        check_fault("a [!b]", "Unable to find change \"b\" in plan sqitch.plan");
        check_fault("a\nb [!a]", "Conflicts with previously deployed change: a");
        let lines = Plan::parse("%project=odd\n\na Ann <a@b>\n", "sqitch.plan");
        assert_eq!(lines.map(|_| ()).unwrap_err().said, format!("{at} 3: Missing timestamp"));
    }

    #[test]
    fn a_change_is_reworked_after_each_tag_since_it() {
        let plan = plan("a\n@v1\nb\n@v2\n@v3\na").expect("it can be read");
        assert_eq!(plan.changes[0].rework_tags, ["v2", "v3", "v1"]);
    }

    #[test]
    fn addresses_have_one_form() {
        assert_eq!(canonical("HTTPS://U@Host.Example:443#x"), "https://U@host.example/#x");
        assert_eq!(canonical("http://a.example:8080/B"), "http://a.example:8080/B");
        assert_eq!(canonical("urn:a:B"), "urn:a:B");
    }
}
