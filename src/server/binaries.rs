//! Finds the Postgres installations of this machine.
//!
//! Knows folders and `postgres --version`, and nothing of running a server.

use std::collections::BTreeSet;
use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::{Error, Result};

/// The variable that names further folders, in the manner of `PATH`.
pub(crate) const ROOTS_VARIABLE: &str = "REHEARSAL_PG_BIN";

/// Where packagers put servers; `*` stands for one folder of any name.
const USUAL_FOLDERS: &[&str] = &[
    "/usr/lib/postgresql/*/bin",                          // Debian, Ubuntu
    "/usr/pgsql-*/bin",                                   // Fedora, RHEL: the PGDG packages
    "/usr/libexec/postgresql*",                           // Alpine
    "/usr/lib/postgresql*/bin",                           // SUSE
    "/opt/homebrew/opt/postgresql@*/bin",                 // Homebrew on Apple silicon
    "/usr/local/opt/postgresql@*/bin",                    // Homebrew on Intel
    "/home/linuxbrew/.linuxbrew/opt/postgresql@*/bin",    // Homebrew on Linux
    "/Applications/Postgres.app/Contents/Versions/*/bin", // Postgres.app
    "/Library/PostgreSQL/*/bin",                          // EnterpriseDB on macOS
    "/opt/PostgreSQL/*/bin",                              // EnterpriseDB on Linux
    "/usr/local/pgsql/bin",                               // from source
];

/// A server's programs, with the version that they say they are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Installation {
    pub(crate) bin: PathBuf,
    pub(crate) version: Version,
}

/// A Postgres version such as `16.14`, or `19rc1`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Version {
    pub(crate) major: u32,
    pub(crate) text: String,
}

impl Version {
    /// Reads what `postgres --version` and `SHOW server_version` begin with.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let text =
            text.split_whitespace().find(|word| word.starts_with(|c: char| c.is_ascii_digit()))?;
        let digits = text.split(|c: char| !c.is_ascii_digit()).next()?;
        Some(Self { major: digits.parse().ok()?, text: text.to_owned() })
    }

    /// Whether this is what was asked for: `16` means any 16, `16.14` just that one.
    pub(crate) fn answers(&self, wanted: &str) -> bool {
        self.text == wanted || wanted.parse() == Ok(self.major)
    }

    /// Whether it is no beta and no release candidate.
    fn is_release(&self) -> bool {
        self.text.chars().all(|c| c.is_ascii_digit() || c == '.')
    }

    /// The minor release as a number, so that 16.9 comes before 16.14.
    fn minor(&self) -> u32 {
        self.text.split('.').nth(1).and_then(|minor| minor.parse().ok()).unwrap_or(0)
    }
}

/// The installation to use for a version, or the newest release where none is asked for.
pub(crate) fn find(wanted: Option<&str>) -> Result<Installation> {
    choose(wanted, &installations()?)
}

fn choose(wanted: Option<&str>, found: &[Installation]) -> Result<Installation> {
    let best = found
        .iter()
        .filter(|installation| wanted.is_none_or(|wanted| installation.version.answers(wanted)))
        .max_by_key(|Installation { version, .. }| {
            (version.is_release(), version.major, version.minor())
        });
    match best {
        Some(installation) => Ok(installation.clone()),
        None => Err(nothing_found(wanted, found)),
    }
}

fn nothing_found(wanted: Option<&str>, found: &[Installation]) -> Error {
    let major = wanted.unwrap_or("17");
    let install = format!(
        "install the server, for example `apt-get install postgresql-{major}` or `brew install \
         postgresql@{major}`, or set {ROOTS_VARIABLE} to the folder that holds its bin/postgres"
    );
    if found.is_empty() {
        return Error::new(
            "no Postgres server was found on this machine (looked through PATH and the usual \
             installation folders)",
        )
        .help(install);
    }
    let versions: BTreeSet<_> = found.iter().map(|found| found.version.text.as_str()).collect();
    let versions = versions.into_iter().collect::<Vec<_>>().join(", ");
    Error::new(format!("Postgres {major} was not found on this machine, only {versions}"))
        .help(format!("{install}; or ask for a version that is there with --postgres"))
}

fn installations() -> Result<Vec<Installation>> {
    let mut found = Vec::new();
    for bin in named_folders()? {
        found.push(installation(&bin).ok_or_else(|| {
            Error::new(format!(
                "{ROOTS_VARIABLE} names {}, but its programs postgres and initdb can't be run",
                bin.display()
            ))
            .help("let it name folders that hold bin/postgres, separated as in PATH")
        })?);
    }
    let on_path = env::var_os("PATH").unwrap_or_default();
    let folders = env::split_paths(&on_path)
        .chain(USUAL_FOLDERS.iter().flat_map(|pattern| expand(pattern)))
        // A link on the PATH to a wrapper is as good as the folder that it points into.
        .filter_map(|folder| fs::canonicalize(folder.join("postgres")).ok())
        .filter_map(|program| program.parent().map(Path::to_owned))
        .collect::<BTreeSet<_>>();
    found.extend(folders.iter().filter_map(|bin| installation(bin)));
    Ok(found)
}

/// The folders that the user named: each is an installation's root, or its `bin`.
fn named_folders() -> Result<Vec<PathBuf>> {
    let Some(roots) = env::var_os(ROOTS_VARIABLE) else { return Ok(Vec::new()) };
    env::split_paths(&roots)
        .filter(|root| !root.as_os_str().is_empty())
        .map(|root| {
            [root.join("bin"), root.clone()]
                .into_iter()
                .find(|bin| bin.join("postgres").is_file())
                .ok_or_else(|| {
                    Error::new(format!(
                        "{ROOTS_VARIABLE} names {}, where there is no bin/postgres",
                        root.display()
                    ))
                    .help("let it name folders that hold bin/postgres, separated as in PATH")
                })
        })
        .collect()
}

fn installation(bin: &Path) -> Option<Installation> {
    if !bin.join("initdb").is_file() {
        return None;
    }
    let output = Command::new(bin.join("postgres")).arg("--version").output().ok()?;
    let version = Version::parse(&String::from_utf8_lossy(&output.stdout))?;
    Some(Installation { bin: bin.to_owned(), version })
}

/// The existing folders that a pattern stands for.
fn expand(pattern: &str) -> Vec<PathBuf> {
    let mut folders = vec![PathBuf::from("/")];
    for part in pattern.split('/').filter(|part| !part.is_empty()) {
        folders = match part.split_once('*') {
            None => folders.into_iter().map(|folder| folder.join(part)).collect(),
            Some((prefix, suffix)) => folders
                .iter()
                .filter_map(|folder| fs::read_dir(folder).ok())
                .flat_map(|entries| entries.filter_map(std::result::Result::ok))
                .filter(|entry| {
                    let name = entry.file_name();
                    let name = name.to_string_lossy();
                    name.starts_with(prefix) && name.ends_with(suffix)
                })
                .map(|entry| entry.path())
                .collect(),
        };
    }
    folders
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(said: &str, major: u32, text: &str) {
        assert_eq!(Version::parse(said), Some(Version { major, text: text.to_owned() }), "{said}");
    }

    #[test]
    fn versions_are_read_as_the_programs_print_them() {
        check("postgres (PostgreSQL) 15.18 (Debian 15.18-0+deb12u1)", 15, "15.18");
        check("postgres (PostgreSQL) 19rc1", 19, "19rc1");
        check("16.14", 16, "16.14");
        assert_eq!(Version::parse("postgres (PostgreSQL)"), None);
    }

    #[test]
    fn a_major_version_answers_for_any_of_its_releases() {
        let version = Version { major: 16, text: "16.14".to_owned() };
        assert!(version.answers("16"));
        assert!(version.answers("16.14"));
        assert!(!version.answers("16.1"));
        assert!(!version.answers("1"));
    }

    #[test]
    fn the_newest_answers_and_its_lack_is_explained() {
        let installed = |texts: &[&str]| {
            let versions = texts.iter().filter_map(|text| Version::parse(text));
            versions
                .map(|version| Installation { bin: PathBuf::new(), version })
                .collect::<Vec<_>>()
        };
        let check = |wanted: Option<&str>, texts: &[&str], expected: &str| {
            let said = match choose(wanted, &installed(texts)) {
                Ok(installation) => installation.version.text,
                Err(error) => error.to_string(),
            };
            assert!(said.starts_with(expected), "{said}");
        };
        check(None, &["15.18", "16.9", "16.14"], "16.14");
        check(None, &["18.4", "19rc1", "19beta2"], "18.4");
        check(Some("19"), &["18.4", "19rc1"], "19rc1");
        check(Some("15"), &["15.18", "16.9"], "15.18");
        check(
            Some("9"),
            &["15.18"],
            "Postgres 9 was not found on this machine, only 15.18\nhelp: ",
        );
        check(None, &[], "no Postgres server was found on this machine");
    }

    #[test]
    fn a_pattern_expands_to_folders_that_exist() {
        assert!(expand("/no/such/*/folder").is_empty());
        assert!(expand("/*").iter().any(|folder| folder.is_dir()));
    }
}
