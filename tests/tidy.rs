//! The repository's own rules, held by a test.
//!
//! Reads the repository as text and knows nothing of what the code does. Every rule is a pure
//! function from a file's text to problems; [`the_rules_find_what_they_look_for`] shows each one a
//! text that breaks it, so that no rule can pass because it looks at nothing.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

/// Folders in which a file does nothing unless its folder's list names it.
const REGISTRIES: &[&str] =
    &["src/acts", "src/checks", "src/guards", "src/report", "src/source/formats"];

#[test]
fn every_module_says_what_it_is_for() {
    hold(&files_below("", &["rs"]), opens_with_purpose);
}

#[test]
fn lines_and_functions_are_short() {
    hold(&files_below("", &["rs"]), lines_fit);
    hold(&files_below("", &["rs"]), functions_fit);
}

#[test]
fn nothing_is_unfinished_or_silenced() {
    hold(&rust_files(), nothing_unfinished);
}

#[test]
fn the_library_neither_panics_casually_nor_prints() {
    hold(&files_below("src", &["rs"]), no_unwrap);
    // The command line owns the terminal, and is alone in that: reports are text that it prints.
    let mut silent = files_below("src", &["rs"]);
    silent.retain(|path, _| !path.starts_with("src/cli"));
    hold(&silent, no_printing);
}

#[test]
fn tests_never_sleep() {
    let (mut tests, library): (Files, Files) =
        rust_files().into_iter().partition(|(path, _)| path.starts_with("tests/"));
    // In the library, only its unit tests: a poll elsewhere may have its reason.
    tests.extend(library.into_iter().map(|(path, text)| (path, only_tests(&text))));
    hold(&tests, no_sleeping);
}

#[test]
fn text_is_clean() {
    let mut files = files_below("", &["rs", "md", "toml", "yml", "sql", ""]);
    // Some fixtures are wrong on purpose, to the byte.
    files.retain(|path, _| !path.starts_with("fixtures"));
    hold(&files, no_trailing_space);
}

#[test]
fn architecture_stays_short() {
    let lines = read("ARCHITECTURE.md").map_or(0, |text| text.lines().count());
    assert!(lines <= 150, "ARCHITECTURE.md has {lines} lines: cut it to 150, or nobody reads it");
}

#[test]
fn modules_use_only_modules_above_them() {
    let modules = module_order(&read("src/lib.rs").expect("src/lib.rs is there"));
    assert!(!modules.is_empty(), "src/lib.rs: found no `mod` line");
    for module in &modules {
        let mut files = files_below(&format!("src/{module}"), &["rs"]);
        let file = format!("src/{module}.rs");
        files.extend(read(&file).map(|text| (file, text)));
        hold(&files, |text| uses_only_above(text, module, &modules));
    }
}

#[test]
fn every_file_of_a_registry_is_registered() {
    for folder in REGISTRIES.iter().filter(|folder| root().join(folder).is_dir()) {
        let list = [format!("{folder}/mod.rs"), format!("{folder}.rs")]
            .into_iter()
            .find_map(|path| Some((read(&path)?, path)));
        let Some((list, list_path)) = list else {
            panic!("{folder}: has no mod.rs; its list of files belongs there");
        };
        let mut files = files_below(folder, &["rs"]);
        // Deeper folders belong to one of the files: they are that file's own business.
        files.retain(|path, _| *path != list_path && !path[folder.len() + 1..].contains('/'));
        hold_each(&files, |path, text| {
            let name = Path::new(path).file_stem().expect("has a name").to_string_lossy();
            if is_registered(before_tests(&list), &name, before_tests(text)) {
                return vec![];
            }
            let message =
                format!("registered nowhere: add `mod {name};` and its entry to {list_path}");
            vec![problem(0, message)]
        });
    }
}

#[test]
fn every_check_and_guard_says_what_it_proves_and_why() {
    let mut rules = files_below("src/checks", &["rs"]);
    rules.extend(files_below("src/guards", &["rs"]));
    rules.retain(|path, text| {
        let is_rule =
            ["const CHECK: Check", "const GUARD: Guard"].iter().any(|it| text.contains(it));
        is_rule && !path.ends_with("mod.rs")
    });
    assert!(rules.len() >= 15, "found {} checks and guards", rules.len());
    hold(&rules, has_its_headings);
}

#[test]
fn every_fixture_has_its_report() {
    for name in fixture_names() {
        assert!(
            root().join("fixtures").join(&name).join("expected.txt").is_file(),
            "fixtures/{name}: has no expected.txt: commit the report that it must give, which \
             REHEARSAL_BLESS=1 cargo test writes"
        );
    }
}

/// A bad sibling is a copy of its good one. Copies drift apart, and then a finding may have another
/// cause than the fault that the folder's name promises.
#[test]
fn bad_fixtures_differ_from_their_good_one_by_the_fault_alone() {
    for name in fixture_names().iter().filter(|name| name.contains('-')) {
        let good = name.split('-').next().unwrap();
        let (ours, theirs) = (fixture_files(name), fixture_files(good));
        assert!(!theirs.is_empty(), "fixtures/{name}: has no good sibling fixtures/{good}");
        let mut differing: Vec<_> = ours
            .iter()
            .filter(|(path, text)| theirs.get(*path) != Some(text))
            .map(|(path, _)| path)
            .chain(theirs.keys().filter(|path| !ours.contains_key(*path)))
            .collect();
        differing.sort();
        // A pair of files added, or a pair renamed.
        assert!(
            (1..=4).contains(&differing.len()),
            "fixtures/{name}: differs from fixtures/{good} in {} files, where one fault needs 1 to \
             4: copy the others again from fixtures/{good}: {differing:?}",
            differing.len()
        );
    }
}

#[test]
fn the_rules_find_what_they_look_for() {
    let long_function = format!("fn long() {{\n{}}}\n", "    x();\n".repeat(80));
    let order = ["error".to_string(), "sql".to_string(), "acts".to_string()];
    let above = |text: &str| uses_only_above(text, "sql", &order);

    assert_eq!(has_its_headings("//! # Example\n//!\n//! none\n").len(), 3);
    assert_eq!(opens_with_purpose("use std;\n").len(), 1);
    assert_eq!(opens_with_purpose("//! For this.\n"), []);
    assert_eq!(lines_fit(&"x".repeat(101)).len(), 1);
    assert_eq!(lines_fit(&"ü".repeat(100)), []);
    assert_eq!(functions_fit(&long_function).len(), 1);
    assert_eq!(functions_fit("pub(crate) async fn short() {\n    x();\n}\n"), []);
    assert_eq!(functions_fit("trait T {\n    fn a();\n    fn b() {}\n}\n"), []);
    assert_eq!(nothing_unfinished("#[allow(dead_code)]\n// FIXME\n#[ignore]\n").len(), 3);
    assert_eq!(nothing_unfinished("#[expect(dead_code, reason = \"\")]\n"), []);
    assert_eq!(no_unwrap("let x = y.unwrap();\n").len(), 1);
    assert_eq!(no_unwrap("/// y.unwrap();\n#[cfg(test)]\nmod tests {\n    y.unwrap()\n}\n"), []);
    assert_eq!(no_unwrap("#[cfg(test)]\nmod fixtures;\ny.unwrap()\n").len(), 1);
    assert_eq!(no_printing("eprintln!(\"here\");\n").len(), 1);
    assert_eq!(no_sleeping("a();\nthread::sleep(s);\n")[0].line, 2);
    assert_eq!(no_sleeping("\"SELECT pg_sleep(9)\"\n"), []);
    assert_eq!(
        only_tests("a();\n#[cfg(test)]\nmod tests {\n}\n"),
        "\n#[cfg(test)]\nmod tests {\n}\n"
    );
    assert_eq!(no_trailing_space("a \nb").len(), 2);
    assert_eq!(module_order("mod a;\n#[cfg(x)]\npub mod b;\nmod c {}\n"), ["a", "b"]);
    assert_eq!(above("use crate::acts::Act;\n").len(), 1);
    assert_eq!(above("use crate::{\n    acts::{self, sql},\n    error,\n};\n").len(), 1);
    assert_eq!(above("use crate::{Error, error::{self, acts}};\ncrate::sql::x();\n"), []);
    assert_eq!(above("// crate::acts\n$crate::acts::x!();\n"), []);
    let registered = |list| is_registered(list, "apply", "const CHECK: Check = x;\n");
    assert!(registered("mod apply;\nALL = [apply::CHECK];\n"));
    assert!(!registered("ALL = [apply::CHECK];\n"));
    assert!(!registered("mod apply;\nALL = [reapply::CHECK];\n"));
    assert!(registered("mod apply;\napply::render()\n"));
    assert!(!registered("mod apply;\nreapply::render()\n"));
    assert!(is_registered("mod apply;\nmod site;\nALL = [apply::CHECK];\n", "site", "fn a() {}"));
}

/// A line that breaks a rule, and what to do about it.
#[derive(Debug, PartialEq)]
struct Problem {
    line: usize,
    message: String,
}

type Files = BTreeMap<String, String>;

fn opens_with_purpose(text: &str) -> Vec<Problem> {
    let message = "doesn't say what the file is for: open it with a `//!` comment";
    if text.starts_with("//!") { vec![] } else { vec![problem(0, message)] }
}

fn lines_fit(text: &str) -> Vec<Problem> {
    lines(text)
        .filter(|(_, line)| line.chars().count() > 100)
        .map(|(index, line)| {
            let columns = line.chars().count();
            problem(index, format!("has {columns} columns: break the line before column 101"))
        })
        .collect()
}

/// Relies on rustfmt: a function ends at the first `}` that is indented as its `fn` is.
fn functions_fit(text: &str) -> Vec<Problem> {
    let lines: Vec<&str> = text.lines().collect();
    let mut problems = vec![];
    for (index, line) in lines.iter().enumerate() {
        let indent = &line[..line.len() - line.trim_start().len()];
        let head = line.trim_start().split('(').next().unwrap_or_default();
        let is_function = head.starts_with("fn ") || head.contains(" fn ");
        if !is_function || head.starts_with("//") || line.ends_with([';', '}']) {
            continue;
        }
        let end = format!("{indent}}}");
        let length = lines[index..].iter().position(|line| *line == end).map_or(0, |at| at + 1);
        if length > 70 {
            let message = format!("function of {length} lines: split it, 70 fit on a screen");
            problems.push(problem(index, message));
        }
    }
    problems
}

fn nothing_unfinished(text: &str) -> Vec<Problem> {
    let expect = "silences a lint for ever: `#[expect(…, reason = \"…\")]`, or fix it";
    let finish = "is unfinished: finish it, or open an issue";
    containing(text, &["#[allow", "#![allow"], expect)
        .chain(ignored(text))
        .chain(containing(text, &["TODO", "FIXME", "todo!", "unimplemented!"], finish))
        .chain(containing(text, &["dbg!("], "is a debugging aid: remove it"))
        .collect()
}

fn no_unwrap(text: &str) -> Vec<Problem> {
    let message = "panics without a word: return an Error, or `expect` with the reason why not";
    containing(before_tests(text), &[".unwrap()"], message).collect()
}

fn no_printing(text: &str) -> Vec<Problem> {
    let message = "prints from within the library: return the text, the command line prints it";
    containing(before_tests(text), &["println!(", "print!("], message).collect()
}

/// Waiting for a while proves nothing and costs the while. SQL's `pg_sleep` is fine: a migration
/// that hangs is something to test.
fn no_sleeping(text: &str) -> Vec<Problem> {
    let message = "sleeps: wait for what is to happen, not for a time";
    lines(text)
        .filter(|(_, line)| line.replace("pg_sleep(", "").contains("sleep("))
        .map(|(index, _)| problem(index, message))
        .collect()
}

fn no_trailing_space(text: &str) -> Vec<Problem> {
    let mut problems: Vec<_> = lines(text)
        .filter(|(_, line)| line.ends_with(char::is_whitespace))
        .map(|(index, _)| problem(index, "ends in white space: remove it"))
        .collect();
    if !text.is_empty() && !text.ends_with('\n') {
        problems.push(problem(text.lines().count() - 1, "has no line end: add one"));
    }
    problems
}

/// The order in which src/lib.rs lists the modules is the direction in which data flows. What is
/// re-exported there, such as `crate::Error`, is free to use.
fn uses_only_above(text: &str, module: &str, order: &[String]) -> Vec<Problem> {
    let rank = |name: &str| order.iter().position(|module| module == name);
    let own = rank(module).expect("the module is in the order");
    // Comments are blanked, not cut, so that offsets still tell the line.
    let code = blank_comments(text);
    let mut problems = vec![];
    for (at, needle) in code.match_indices("crate::") {
        if code[..at].ends_with(|before: char| before == '$' || is_name(before)) {
            continue;
        }
        for name in first_names(&code[at + needle.len()..]) {
            if rank(name).is_some_and(|rank| rank > own) {
                let message = format!(
                    "`{module}` uses `{name}`, which stands below it in src/lib.rs: move what both \
                     need up into a module above, or hand it in as plain data"
                );
                problems.push(problem(code[..at].matches('\n').count(), message));
            }
        }
    }
    problems
}

/// What follows `crate::`: one name, or the first names of a group in braces.
fn first_names(path: &str) -> Vec<&str> {
    let name_of = |part: &str| part.len() - part.trim_start_matches(is_name).len();
    let Some(group) = path.strip_prefix('{') else {
        return vec![&path[..name_of(path)]];
    };
    let (mut names, mut depth, mut start) = (vec![], 0, 0);
    for (at, character) in group.char_indices() {
        if depth == 0 && matches!(character, ',' | '}') {
            let part = group[start..at].trim_start();
            names.push(&part[..name_of(part)]);
            start = at + 1;
        }
        match character {
            '{' => depth += 1,
            '}' if depth == 0 => break,
            '}' => depth -= 1,
            _ => {}
        }
    }
    names
}

fn module_order(lib: &str) -> Vec<String> {
    lib.lines()
        .filter_map(|line| {
            let name = line.trim_start_matches("pub ").strip_prefix("mod ")?.strip_suffix(';')?;
            Some(name.to_string())
        })
        .collect()
}

/// Declared, and in the list if it has what the list holds: where the list has entries such as
/// `apply::CHECK`, a file without a `CHECK` is a helper. A list without such entries must name it.
fn is_registered(list: &str, name: &str, text: &str) -> bool {
    let declaration = format!("mod {name};");
    let rest = list.replace(&declaration, "");
    let names = |word: &str| {
        rest.match_indices(word).any(|(at, _)| {
            !rest[..at].ends_with(is_name) && !rest[at + word.len()..].starts_with(is_name)
        })
    };
    let entries: Vec<&str> = rest
        .split("::")
        .skip(1)
        .map(|after| &after[..after.len() - after.trim_start_matches(is_name).len()])
        .filter(|entry| entry.len() > 1 && !entry.contains(char::is_lowercase))
        .collect();
    let is_in_list = if entries.is_empty() {
        names(name)
    } else {
        entries.iter().all(|entry| {
            let has_it = text.contains(&format!("const {entry}:"))
                || text.contains(&format!("static {entry}:"));
            !has_it || names(&format!("{name}::{entry}"))
        })
    };
    list.contains(&declaration) && is_in_list
}

/// The three headings of a check's or guard's documentation, each with something below it.
fn has_its_headings(text: &str) -> Vec<Problem> {
    let headings = ["//! # What it proves", "//! # Why it matters", "//! # Example"];
    let missing = headings.into_iter().filter(|heading| {
        let below = text.split_once(&format!("{heading}\n//!\n//! ")).map(|(_, below)| below);
        below.is_none_or(|below| below.lines().take(2).map(str::len).sum::<usize>() < 20)
    });
    missing.map(|heading| problem(0, format!("says nothing under `{heading}`"))).collect()
}

/// A macro may write the attribute; a test may not have it.
fn ignored(text: &str) -> impl Iterator<Item = Problem> + '_ {
    let message = "`#[ignore` is never run: make the test pass or delete it";
    lines(text)
        .filter(|(_, line)| line.trim_start().starts_with("#[ignore"))
        .map(move |(index, _)| problem(index, message))
}

fn containing<'a>(
    text: &'a str,
    needles: &'a [&str],
    message: &'a str,
) -> impl Iterator<Item = Problem> + 'a {
    lines(text).filter_map(move |(index, line)| {
        let found = needles.iter().find(|needle| line.contains(**needle))?;
        // An example in the documentation may unwrap, and print: that is the reader's code.
        let is_example = line.trim_start().starts_with("//") && found.ends_with(['(', ')']);
        (!is_example).then(|| problem(index, format!("`{found}` {message}")))
    })
}

fn lines(text: &str) -> impl Iterator<Item = (usize, &str)> {
    text.split('\n').enumerate()
}

/// A file's unit tests, on the lines on which they are. By convention, they come last in a file,
/// with the helpers that are theirs alone.
fn only_tests(text: &str) -> String {
    let start = before_tests(text).len();
    "\n".repeat(text[..start].matches('\n').count()) + &text[start..]
}

fn before_tests(text: &str) -> &str {
    let is_block = |at: usize| text[at..].lines().nth(1).is_some_and(|next| next.ends_with('{'));
    let start = text
        .match_indices("#[cfg(test)]\n")
        .map(|(at, _)| at)
        .find(|at| (*at == 0 || text[..*at].ends_with('\n')) && is_block(*at));
    &text[..start.unwrap_or(text.len())]
}

fn blank_comments(text: &str) -> String {
    text.split('\n')
        .map(|line| if line.trim_start().starts_with("//") { "" } else { line })
        .collect::<Vec<_>>()
        .join("\n")
}

fn is_name(character: char) -> bool {
    character.is_alphanumeric() || character == '_'
}

fn problem(index: usize, message: impl Into<String>) -> Problem {
    Problem { line: index + 1, message: message.into() }
}

fn hold(files: &Files, rule: impl Fn(&str) -> Vec<Problem>) {
    hold_each(files, |_, text| rule(text));
}

/// Judges all files and says all that is wrong at once.
fn hold_each(files: &Files, rule: impl Fn(&str, &str) -> Vec<Problem>) {
    assert!(!files.is_empty(), "tests/tidy.rs: a rule was given no file to look at");
    let problems: Vec<String> = files
        .iter()
        .flat_map(|(path, text)| rule(path, text).into_iter().map(move |problem| (path, problem)))
        .map(|(path, problem)| format!("{path}:{}: {}", problem.line, problem.message))
        .collect();
    assert!(problems.is_empty(), "\n{}\n", problems.join("\n"));
}

/// All Rust of the repository but this file, which spells out what it forbids.
fn rust_files() -> Files {
    let mut files = files_below("", &["rs"]);
    assert!(files.remove("tests/tidy.rs").is_some(), "tests/tidy.rs: didn't find itself");
    assert!(files.len() >= 4, "tests/tidy.rs: found only {} Rust files", files.len());
    files
}

/// The fixture projects. The catalog's fixtures are schemas and not projects.
fn fixture_names() -> Vec<String> {
    let mut names: Vec<String> = fs::read_dir(root().join("fixtures"))
        .expect("fixtures is readable")
        .map(|entry| entry.expect("fixtures is readable"))
        .filter(|entry| entry.path().is_dir())
        .map(|entry| entry.file_name().to_string_lossy().into_owned())
        .filter(|name| name != "catalog")
        .collect();
    names.sort();
    assert!(names.len() >= 18, "tests/tidy.rs: found only {} fixtures", names.len());
    names
}

/// The files of a fixture project by their path in it, without the report that it must give.
fn fixture_files(name: &str) -> BTreeMap<PathBuf, Vec<u8>> {
    let folder = root().join("fixtures").join(name);
    paths_below(&folder)
        .into_iter()
        .filter(|path| !path.ends_with("expected.txt"))
        .map(|path| {
            let bytes = fs::read(&path).expect("a fixture's file is readable");
            (path.strip_prefix(&folder).expect("is below it").to_path_buf(), bytes)
        })
        .collect()
}

/// The texts of all files below a folder that end in one of the extensions ("" is for none).
fn files_below(folder: &str, extensions: &[&str]) -> Files {
    paths_below(&root().join(folder))
        .into_iter()
        .filter(|path| {
            let extension = path.extension().unwrap_or_default();
            extensions.iter().any(|wanted| extension == *wanted)
        })
        .filter_map(|path| {
            let name = path.strip_prefix(root()).ok()?.to_string_lossy().replace('\\', "/");
            Some((name, fs::read_to_string(&path).ok()?))
        })
        .collect()
}

fn paths_below(folder: &Path) -> Vec<PathBuf> {
    let Ok(entries) = fs::read_dir(folder) else { return vec![] };
    entries
        .map(|entry| entry.expect("the repository is readable"))
        .filter(|entry| !matches!(entry.file_name().to_str(), Some(".git" | "target")))
        .flat_map(|entry| match entry.file_type() {
            Ok(kind) if kind.is_dir() => paths_below(&entry.path()),
            _ => vec![entry.path()],
        })
        .collect()
}

fn read(path: &str) -> Option<String> {
    fs::read_to_string(root().join(path)).ok()
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}
