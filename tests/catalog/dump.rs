//! `pg_dump`: where it is, and its text without what says nothing of the schema. Knows nothing of
//! our catalog.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

/// What stands for the database's name, which is another one on each side.
const DATABASE: &str = "the_database";

/// The oldest `pg_dump` on this machine that is not older than the server.
pub(crate) fn program(major: u32) -> PathBuf {
    let found = folders().into_iter().filter_map(|folder| {
        let program = folder.join("pg_dump");
        let output = Command::new(&program).arg("--version").output().ok()?;
        let said = String::from_utf8(output.stdout).ok()?;
        let digits = |text: &str| text.split(|c: char| !c.is_ascii_digit()).next()?.parse().ok();
        let version: u32 = digits(said.split_whitespace().nth(2)?)?;
        (version >= major).then_some((version, program))
    });
    let chosen = found.min_by_key(|(version, _)| *version).map(|(_, program)| program);
    chosen.unwrap_or_else(|| {
        panic!(
            "no pg_dump of Postgres {major} or later was found beside the servers of \
             REHEARSAL_PG_BIN, in the usual folders or on the PATH: this test needs it; on Debian \
             it is in the package postgresql-client-{major}"
        )
    })
}

/// Where to look: beside the servers that the tests use, and where packages put it.
fn folders() -> Vec<PathBuf> {
    let roots = std::env::var_os("REHEARSAL_PG_BIN").unwrap_or_default();
    let roots: Vec<PathBuf> =
        std::env::split_paths(&roots).filter(|root| !root.as_os_str().is_empty()).collect();
    let mut folders: Vec<PathBuf> =
        roots.iter().flat_map(|root| [root.join("bin"), root.clone()]).collect();
    let beside = roots.iter().filter_map(|root| root.parent()).map(Path::to_owned);
    let usual = ["/usr/lib/postgresql", "/opt/homebrew/opt", "/usr/local/opt"].map(PathBuf::from);
    for parent in beside.chain(usual) {
        let entries = std::fs::read_dir(parent).into_iter().flatten().flatten();
        folders.extend(entries.map(|entry| entry.path().join("bin")));
    }
    folders.extend(std::env::split_paths(&std::env::var_os("PATH").unwrap_or_default()));
    folders
}

/// A dump under way.
pub(crate) struct Dumping {
    child: Child,
    database: String,
}

/// Begins to dump the schema of a database, with what CREATE DATABASE would leave behind.
pub(crate) fn begin(program: &Path, url: &str, database: &str) -> Dumping {
    let child = Command::new(program)
        .args(["--schema-only", "--create", "--dbname", url])
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("pg_dump was found");
    Dumping { child, database: database.to_owned() }
}

impl Dumping {
    pub(crate) fn end(self) -> Result<Dump, String> {
        let output = self.child.wait_with_output().expect("pg_dump ends");
        if !output.status.success() {
            return Err(String::from_utf8_lossy(&output.stderr).into_owned());
        }
        let text = String::from_utf8(output.stdout).expect("a dump is UTF-8");
        Ok(Dump { text: text.replace(&self.database, DATABASE) })
    }
}

/// What `pg_dump` has written.
pub(crate) struct Dump {
    text: String,
}

impl Dump {
    /// The texts to execute, one after the other, to have the same in another database.
    pub(crate) fn statements(&self, database: &str) -> Vec<String> {
        let text = self.text.replace(DATABASE, database);
        let is_sent =
            |line: &&str| !line.starts_with('\\') && !line.starts_with("CREATE DATABASE ");
        let whole = |piece: &str| piece.split('\n').filter(is_sent).collect::<Vec<_>>().join("\n");
        text.split("\n--\n-- Name: ")
            .enumerate()
            .map(|(number, piece)| {
                // The rest of the comment that the cut has left.
                whole(if number == 0 {
                    piece
                } else {
                    piece.split_once('\n').map_or("", |it| it.1)
                })
            })
            .collect()
    }

    /// What the dump says, in an order of its own.
    pub(crate) fn entries(&self) -> BTreeSet<String> {
        let mut entries = BTreeSet::new();
        let mut access_method = String::new();
        for piece in self.text.split("\n--\n-- Name: ").skip(1) {
            let (mut lines, mut next_method) = (Vec::new(), None);
            let piece = piece.split("\n--\n-- PostgreSQL database dump complete").next();
            for line in piece.unwrap_or_default().lines() {
                if let Some(method) = line.strip_prefix("SET default_table_access_method = ") {
                    // Said once, for all tables that follow.
                    next_method = Some(method.to_owned());
                } else if !is_noise(line) {
                    lines.push(line.to_owned());
                }
            }
            let title = lines.first().cloned().unwrap_or_default();
            if title.contains("Type: TABLE;") || title.contains("Type: MATERIALIZED VIEW;") {
                lines.push(format!("USING {access_method}"));
            }
            if title.contains("ACL;") {
                // Grants stand in the order in which they were given.
                lines[1..].sort();
            }
            entries.insert(lines.join("\n"));
            access_method = next_method.unwrap_or(access_method);
        }
        entries
    }
}

/// What says nothing of the schema: parameters of the session, tokens, and space.
fn is_noise(line: &str) -> bool {
    line.is_empty()
        || line == "--"
        || line.starts_with('\\')
        || line.starts_with("SET ")
        || line.starts_with("SELECT pg_catalog.set_config(")
}
