//! What in a chain's text reaches beyond its database: roles, tablespaces, the server's settings.
//!
//! A guess, since a function can do anything; whoever can look at the server afterwards does so.

use super::Migration;

/// A statement that changes what its database doesn't own alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Reach {
    /// The migration's place in the chain.
    pub(crate) migration: usize,
    /// The statement's place in the migration's file.
    pub(crate) statement: usize,
}

/// The first statement of a chain that seems to change what belongs to all databases of a server.
pub(crate) fn reach(migrations: &[Migration]) -> Option<Reach> {
    first(migrations, reaches)
}

/// The first one that seems to change anything outside of its own database.
pub(crate) fn reach_outside(migrations: &[Migration]) -> Option<Reach> {
    first(migrations, |statement| reaches(statement) || names_a_database(statement))
}

fn first(migrations: &[Migration], reaches: impl Fn(&str) -> bool) -> Option<Reach> {
    migrations.iter().enumerate().find_map(|(migration, it)| {
        let spans = it.file.script.statements().map(|statement| statement.span.clone());
        let statement = spans.map(|span| &it.file.text[span]).position(&reaches)?;
        Some(Reach { migration, statement })
    })
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
