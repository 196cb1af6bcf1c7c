//! What in a project's SQL reaches beyond its database: roles, tablespaces, the server's settings.
//!
//! A guess, since a function can do anything; whoever can look at the server afterwards does so.

use super::{Migration, Project, SourceFile};
use crate::sql::Statement;

/// What rows are written with: whatever their values say, it reaches nowhere else.
const WRITES: &[&str] = &["insert", "update", "delete", "copy"];

/// The first statement of a project that seems to change what belongs to all databases of a server.
pub(crate) fn reach(project: &Project) -> Option<(&SourceFile, &Statement)> {
    first(project, reaches)
}

/// The first one of these files alone.
pub(crate) fn reach_of<'a>(
    mut migrations: impl Iterator<Item = &'a Migration>,
) -> Option<(&'a Migration, &'a Statement)> {
    migrations.find_map(|it| Some((it, first_in(&it.file, reaches)?)))
}

/// The first one that seems to change anything outside of its own database.
pub(crate) fn reach_outside(project: &Project) -> Option<(&SourceFile, &Statement)> {
    first(project, |statement| reaches(statement) || names_a_database(statement))
}

/// Whether a project seems to look at other sessions, or at what they leave on the server, or to do
/// something to them.
pub(crate) fn meddles(project: &Project) -> bool {
    let is_theirs = |text: &str| {
        let text = text.to_ascii_lowercase();
        [
            "pg_terminate_backend",
            "pg_cancel_backend",
            "pg_stat_activity",
            "pg_locks",
            "prepare transaction",
            "pg_prepared_xacts",
            "replication_slot",
            "replication_origin",
        ]
        .iter()
        .any(|word| text.contains(word))
    };
    project.played_files().any(|file| is_theirs(&file.text))
}

/// All statements of the chain that seem to: those on what the server has, and those on the
/// database itself.
#[cfg(feature = "cli")]
pub(crate) fn statements_outside(project: &Project) -> [Vec<(&Statement, &str)>; 2] {
    let files = project.chain.migrations.iter().map(|migration| &migration.file);
    let statements = files.flat_map(|file| {
        file.script.statements().map(|statement| (statement, &file.text[statement.span.clone()]))
    });
    let statements = statements.filter(|(_, text)| !writes(text)).collect::<Vec<_>>();
    let on_server = statements.iter().filter(|(_, text)| reaches(text)).copied();
    let on_database = statements.iter().filter(|(_, text)| {
        let text = text.to_lowercase();
        !reaches(&text) && ["alter database", "on database"].iter().any(|it| text.contains(it))
    });
    [on_server.collect(), on_database.copied().collect()]
}

fn first(project: &Project, reaches: impl Fn(&str) -> bool) -> Option<(&SourceFile, &Statement)> {
    project.played_files().find_map(|file| Some((file, first_in(file, &reaches)?)))
}

fn first_in(file: &SourceFile, reaches: impl Fn(&str) -> bool) -> Option<&Statement> {
    file.script.statements().find(|statement| {
        let text = &file.text[statement.span.clone()];
        !writes(text) && reaches(text)
    })
}

fn writes(statement: &str) -> bool {
    let word = statement.split(|c: char| !c.is_ascii_alphabetic()).next().unwrap_or_default();
    WRITES.iter().any(|write| word.eq_ignore_ascii_case(write))
}

/// Whether a statement, or what is in its quotes, seems to.
fn reaches(statement: &str) -> bool {
    let text = statement.to_lowercase();
    let words = text.split(|c: char| !c.is_alphanumeric() && c != '_').filter(|it| !it.is_empty());
    let words = words.collect::<Vec<_>>();
    let pair = |[first, second]: [&str; 2]| match first {
        "create" | "alter" | "drop" => {
            matches!(second, "role" | "user" | "group" | "tablespace" | "subscription" | "system")
        }
        "on" => matches!(second, "role" | "tablespace" | "parameter"),
        _ => false,
    };
    let mapping = |place: usize| words.get(place + 2) == Some(&"mapping");
    let pairs = words.windows(2).enumerate();
    let mut pairs = pairs.map(|(place, it)| pair([it[0], it[1]]) && !mapping(place));
    // A membership is granted, a privilege is granted on something.
    let membership = matches!(words.first(), Some(&("grant" | "revoke"))) && !words.contains(&"on");
    membership || pairs.any(|found| found)
}

/// Whether a statement seems to make or change a database by its name, which a scratch database
/// doesn't have.
fn names_a_database(statement: &str) -> bool {
    let text = statement.to_lowercase();
    let words = text.split(|c: char| !c.is_alphanumeric() && c != '_').filter(|it| !it.is_empty());
    let words = words.collect::<Vec<_>>();
    let mut pairs = words.windows(2);
    !words.contains(&"current_database")
        && pairs
            .any(|it| matches!(it[0], "create" | "alter" | "drop" | "on") && it[1] == "database")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_belongs_to_the_server_is_told_from_what_belongs_to_a_database() {
        for statement in [
            "CREATE ROLE app",
            "create\n  user app",
            "GRANT app TO web",
            "REVOKE ADMIN OPTION FOR app FROM web",
            "ALTER SYSTEM SET work_mem = '1GB'",
            "DO $$ BEGIN EXECUTE 'CREATE ROLE app'; END $$",
            "COMMENT ON ROLE app IS 'x'",
        ] {
            assert!(reaches(statement), "{statement}");
        }
        for statement in [
            "CREATE TABLE role (id int)",
            "GRANT SELECT ON users TO app",
            "CREATE USER MAPPING FOR app SERVER s",
            "ALTER DATABASE app SET work_mem = '1GB'",
            "SET ROLE app",
        ] {
            assert!(!reaches(statement), "{statement}");
        }
    }

    #[test]
    fn a_database_that_is_named_may_be_somebody_elses() {
        for statement in ["ALTER DATABASE app SET work_mem = '1GB'", "COMMENT ON DATABASE a IS ''"]
        {
            assert!(names_a_database(statement), "{statement}");
        }
        let own =
            "DO $$ BEGIN EXECUTE format('ALTER DATABASE %I SET x = 1', current_database()); END $$";
        assert!(!names_a_database(own));
        assert!(!names_a_database("CREATE TABLE database (id int)"));
    }
}
