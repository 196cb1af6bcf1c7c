//! The macro behind `rehearsal::suite!()`, which has the list of checks and hands it on to here.
//!
//! Only an attribute can say in cargo's own output why a test is ignored, and it must be there when
//! the test is compiled: hence a macro that reads `rehearsal.toml`. It decides by that file alone;
//! the library, which knows the project, compares when it runs, and says so where the two disagree.

use std::fs;
use std::path::{Path, PathBuf};

use proc_macro::{Delimiter, Group, Literal, TokenStream, TokenTree};
use toml::{Table, Value};

/// Stands for the path of the library in what is generated.
const LIBRARY: &str = "__rehearsal";

/// `tests!((library) "project" check[condition]…)`: a test for each check, ignored where
/// `rehearsal.toml` leaves nothing to judge.
#[proc_macro]
pub fn tests(input: TokenStream) -> TokenStream {
    let mut input = input.into_iter();
    let (Some(TokenTree::Group(library)), Some(TokenTree::Literal(project))) =
        (input.next(), input.next())
    else {
        return mistake("suite!() takes nothing, or the project's folder as a string");
    };
    let Some(project) = text_of(&project) else {
        return mistake("suite!() takes the project's folder as a string");
    };
    let root = std::env::var_os("CARGO_MANIFEST_DIR").map(PathBuf::from).unwrap_or_default();
    let root = root.join(project);
    let file = root.join("rehearsal.toml");
    let text = fs::read_to_string(&file);
    // A mistake in it is told by the library, to every test.
    let config = text.as_deref().ok().and_then(|text| text.parse().ok()).unwrap_or_default();
    let checks = checks(input, &config);
    let mut code = String::new();
    let is_configured = text.is_ok();
    if is_configured {
        // Compiles the tests again when the file changes.
        code.push_str(&format!("const _: &str = include_str!({});", literal(&file)));
    }
    let ignored = checks.iter().filter(|check| check.reason.is_some());
    let ignored = ignored.map(|check| check.name.as_str()).collect::<Vec<_>>();
    for Check { name, reason } in &checks {
        let ignore = reason.as_ref().map_or(String::new(), |why| format!("#[ignore = {why:?}]"));
        code.push_str(&format!(
            "#[test] {ignore} fn {name}() -> ::core::result::Result<(), {LIBRARY}::Error> {{
                 {LIBRARY}::__hold({}, {is_configured}, {name:?}, &{ignored:?})
             }}",
            literal(&root)
        ));
    }
    match code.parse() {
        Ok(code) => spliced(code, &library.stream()),
        Err(error) => mistake(&error.to_string()),
    }
}

/// A check, and why its test is ignored, if it is.
struct Check {
    name: String,
    reason: Option<String>,
}

/// The checks of `check[condition]…`.
fn checks(input: impl Iterator<Item = TokenTree>, config: &Table) -> Vec<Check> {
    let mut checks: Vec<Check> = Vec::new();
    for token in input {
        match token {
            TokenTree::Ident(name) => {
                let name = name.to_string();
                let reason = allowed(config, &name);
                checks.push(Check { name, reason });
            }
            TokenTree::Group(condition) => {
                if let Some(check) = checks.last_mut() {
                    let mut conditions = condition.stream().into_iter();
                    let unmet = conditions.find_map(|it| unmet(config, &it.to_string()));
                    let decided = level(config, &check.name).is_some();
                    check.reason = check.reason.take().or(unmet.filter(|_| !decided));
                }
            }
            _ => {}
        }
    }
    checks
}

/// What `[checks]` says of a check.
fn level<'a>(config: &'a Table, check: &str) -> Option<&'a str> {
    config.get("checks")?.get(check)?.as_str()
}

fn allowed(config: &Table, check: &str) -> Option<String> {
    let is_allowed = level(config, check) == Some("allow");
    is_allowed.then(|| "rehearsal.toml allows it".to_owned())
}

/// Why a condition isn't met, if it isn't.
fn unmet(config: &Table, condition: &str) -> Option<String> {
    let migrations = |key| config.get("migrations").and_then(|it| it.get(key));
    let said = |key| migrations(key).and_then(Value::as_str);
    let has = |section: &str, keys: &[&str]| {
        let section = config.get(section);
        keys.iter().any(|key| section.is_some_and(|it| it.get(*key).is_some()))
    };
    let every_file = match said("boot") {
        Some(boot) => boot == "every-file",
        None => said("format") == Some("plain"),
    };
    let reason = match condition {
        "every_file" if !every_file => {
            "the ledger keeps files from running twice; [checks] replay = \"deny\" plays it"
        }
        "ledger" if every_file => "every file runs at each boot; `replay` judges the second",
        "sessions" if said("run").is_some() => "the command keeps its sessions to itself",
        "files" if said("run").is_some() && said("path").is_none() => {
            "there are no files to read; `path` under [migrations] would name them, if they are SQL"
        }
        "seeds" if !has("seeds", &["path", "run", "steps"]) => {
            "there are no seeds; `path` or `run` under [seeds] would name them"
        }
        "expect" if !has("seeds", &["expect"]) => "[seeds] declares no counts: expect = { … }",
        "edits" if !has("seeds", &["edits"]) => "[seeds] promises nothing: edits = \"kept\"",
        "bootstrap" if !has("bootstrap", &["pre", "post", "tighten", "untouched"]) => {
            "[bootstrap] in rehearsal.toml names no scripts, columns or tables"
        }
        "tighten" if !has("bootstrap", &["tighten"]) => "[bootstrap] tightens nothing",
        "untouched" if !has("bootstrap", &["untouched"]) => {
            "[bootstrap] declares no table as untouched"
        }
        "base" if !has("history", &["base"]) => "[history] in rehearsal.toml names no base",
        "baseline" if !has("baseline", &["path"]) => "[baseline] in rehearsal.toml names no file",
        "rollout" if !has("baseline", &["rollout"]) => "[baseline] names no rollout",
        "rollback" if !has("baseline", &["rollback"]) => "[baseline] names no rollback",
        "dump" if !has("dump", &["path"]) => "[dump] in rehearsal.toml names no file",
        _ => return None,
    };
    Some(reason.to_owned())
}

/// What a string literal says.
fn text_of(literal: &Literal) -> Option<String> {
    // As a value of TOML it reads the same, as far as paths go.
    let table: Table = format!("text = {literal}").parse().ok()?;
    table.get("text")?.as_str().map(str::to_owned)
}

fn literal(path: &Path) -> String {
    format!("{:?}", path.to_string_lossy())
}

/// The code with the library's path in its places.
fn spliced(code: TokenStream, library: &TokenStream) -> TokenStream {
    let tokens = code.into_iter().map(|token| match token {
        TokenTree::Ident(word) if word.to_string() == LIBRARY => library.clone(),
        TokenTree::Group(group) => {
            let inner = spliced(group.stream(), library);
            TokenTree::Group(Group::new(group.delimiter(), inner)).into()
        }
        other => other.into(),
    });
    tokens.collect()
}

fn mistake(message: &str) -> TokenStream {
    let message = TokenTree::Literal(Literal::string(message));
    let arguments = Group::new(Delimiter::Parenthesis, message.into());
    let mut code: TokenStream = "::core::compile_error!".parse().unwrap_or_default();
    code.extend([
        TokenTree::Group(arguments),
        TokenTree::Punct(proc_macro::Punct::new(';', proc_macro::Spacing::Alone)),
    ]);
    code
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, condition: &str, expected: Option<&str>) {
        let config = text.parse().expect("TOML");
        let reason = unmet(&config, condition);
        assert_eq!(reason.as_deref().map(|reason| &reason[..12]), expected, "{text}");
    }

    #[test]
    fn a_condition_is_met_or_says_why_not() {
        check("", "every_file", Some("the ledger k"));
        check("[migrations]\nboot = \"every-file\"", "every_file", None);
        check("[migrations]\nformat = \"plain\"", "every_file", None);
        check("[migrations]\nformat = \"plain\"", "ledger", Some("every file r"));
        check("[migrations]\nformat = \"plain\"\nboot = \"ledger\"", "ledger", None);
        check("[migrations]\nrun = \"make\"", "files", Some("there are no"));
        check("[migrations]\nrun = \"make\"\npath = \"db\"", "files", None);
        check("[migrations]\nrun = \"make\"", "sessions", Some("the command "));
        check("", "files", None);
        check("", "seeds", Some("there are no"));
        check("[seeds]\nrun = \"make\"", "seeds", None);
        check("[seeds]\nrun = \"make\"", "expect", Some("[seeds] decl"));
        check("[bootstrap]\npre = \"pre\"", "bootstrap", None);
        check("[bootstrap]\npre = \"pre\"", "tighten", Some("[bootstrap] "));
    }

    #[test]
    fn what_the_file_allows_is_ignored() {
        let config = "[checks]\nleaks = \"allow\"\norder = \"warn\"".parse().expect("TOML");
        assert_eq!(allowed(&config, "leaks").as_deref(), Some("rehearsal.toml allows it"));
        assert_eq!(allowed(&config, "order"), None);
        assert_eq!(allowed(&config, "apply"), None);
    }
}
