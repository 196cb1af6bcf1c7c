//! The rollout and the rollback: SQL that moves the ledger of a database from the chain to the
//! baseline, and back.
//!
//! The rows of the baseline are written by the tool's own statements. Both scripts are one
//! transaction, and refuse a ledger that isn't exactly the one they know: otherwise they would
//! throw away what is known of what was applied. Knows text only.

use crate::sql::{Kind, LENGTH_MAX, Script, literal, quoted, truncated};

/// A ledger before and after.
#[derive(Debug)]
pub(crate) struct Rewrite {
    /// What is called so in messages.
    pub(crate) tool: &'static str,
    /// As it is written in SQL.
    pub(crate) schema: String,
    /// The ledger, without its schema.
    pub(crate) table: String,
    /// All tables that hold rows of migrations, in the order in which they can be filled.
    pub(crate) tables: Vec<String>,
    /// The columns that say what is applied.
    pub(crate) keys: &'static [&'static str],
    /// What these say of a database that the chain has made, and of one of the baseline.
    pub(crate) old: Vec<Row>,
    pub(crate) new: Vec<Row>,
    /// The statements with which the tool fills an empty ledger, up to the baseline.
    pub(crate) filling: Vec<String>,
    /// The columns that are numbered by a sequence of their own: table and column.
    pub(crate) numbered: Vec<(String, String)>,
    /// The day, as it is in the names of the tables that are left over.
    pub(crate) day: String,
    /// How people run the scripts.
    pub(crate) rollout_path: String,
    pub(crate) rollback_path: String,
    pub(crate) baseline_path: String,
}

pub(crate) type Row = Vec<Option<String>>;

/// What of the tool's own texts belongs into a transaction of ours.
pub(crate) fn statements_of(text: &str) -> Vec<String> {
    let script = Script::parse(text);
    let kept = script.statements().filter(|statement| {
        let is_lock = text[statement.span.clone()].to_ascii_uppercase().starts_with("LOCK ");
        !is_lock && !matches!(statement.kind, Kind::Transaction(_))
    });
    let texts = kept.map(|statement| text[statement.span.clone()].trim_end_matches(';').trim());
    texts.map(|text| format!("{text};")).collect()
}

impl Rewrite {
    /// Whether a database of the chain has the ledger of the baseline already.
    pub(crate) fn is_idle(&self) -> bool {
        self.old == self.new
    }

    /// What the tables are called that hold the old rows.
    pub(crate) fn leftovers(&self) -> Vec<String> {
        let suffix = format!("_d{}", self.day);
        let name =
            |table: &String| format!("{}{suffix}", truncated(table, LENGTH_MAX - suffix.len()));
        self.tables.iter().map(name).collect()
    }

    pub(crate) fn rollout(&self) -> String {
        let guard = self.guard(
            &self.old,
            "this is not the ledger of the chain that was squashed",
            "the database has to be migrated to the end of the chain first, and the rollout runs \
             once",
            "",
        );
        let snapshots = self.tables.iter().zip(self.leftovers()).map(|(table, leftover)| {
            let (table, leftover) = (self.qualified(table), self.qualified(&leftover));
            format!("CREATE TABLE {leftover} AS TABLE {table};\n")
        });
        let head = self.head(
            &format!("Moves a database of the chain onto {}.", self.baseline_path),
            &self.rollout_path,
        );
        let (begin, empty) = (self.begin(), self.empty());
        let filling = self.filling.join("\n");
        let snapshots = snapshots.collect::<String>();
        format!("{head}\n{begin}\n{guard}\n{snapshots}\n{empty}\n{filling}\n\nCOMMIT;\n")
    }

    pub(crate) fn rollback(&self) -> String {
        let leftovers = self.leftovers();
        let missing = leftovers
            .iter()
            .map(|leftover| format!("to_regclass({}) IS NULL", literal(&self.qualified(leftover))));
        let there = format!(
            "  IF {} THEN\n    RAISE EXCEPTION USING MESSAGE = 'there is nothing to go back to: \
             the rollout has not run here, or what it had left over is gone';\n  END IF;\n",
            missing.collect::<Vec<_>>().join(" OR ")
        );
        let guard = self.guard(
            &self.new,
            "this is not the ledger that the rollout has left",
            "if migrations have been applied since, there is no way back by this script",
            &there,
        );
        let pairs = self
            .tables
            .iter()
            .zip(&leftovers)
            .map(|(table, leftover)| (self.qualified(table), self.qualified(leftover)));
        let restored = pairs
            .map(|(table, leftover)| format!("INSERT INTO {table} SELECT * FROM {leftover};\n"));
        let numbered = self.numbered.iter().map(|(table, column)| {
            let (table, column) = (self.qualified(table), quoted(column));
            format!(
                "SELECT pg_catalog.setval(pg_catalog.pg_get_serial_sequence({}, {}), \
                 max({column})) FROM {table};\n",
                literal(&table),
                literal(column.trim_matches('"'))
            )
        });
        let dropped = leftovers.iter().map(|leftover| self.qualified(leftover));
        let dropped = format!("DROP TABLE {};\n", dropped.collect::<Vec<_>>().join(", "));
        let filled = restored.chain(numbered).collect::<String>();
        let head = self.head(
            "Undoes the rollout: the ledger is that of the chain again.",
            &self.rollback_path,
        );
        let (begin, empty) = (self.begin(), self.empty());
        format!("{head}\n{begin}\n{guard}\n{empty}\n{filled}\n{dropped}\nCOMMIT;\n")
    }

    fn head(&self, what: &str, path: &str) -> String {
        format!(
            "-- {what}\n--\n--   psql \"$DATABASE_URL\" --set=ON_ERROR_STOP=1 \
             --file={path}\n--\n\
             -- It touches nothing but what {} remembers of its migrations, and refuses a\n\
             -- database that remembers anything else. All of it is one transaction.\n",
            self.tool
        )
    }

    fn begin(&self) -> String {
        let schema = &self.schema;
        let tables = self.tables.iter().map(|table| self.qualified(table)).collect::<Vec<_>>();
        // How bytes are shown is a matter of the session.
        let is_shown = self.old.iter().flatten().flatten().any(|value| value.starts_with("\\x"));
        let shown = if is_shown { "SET LOCAL bytea_output = hex;\n" } else { "" };
        format!(
            "BEGIN;\n\nSET LOCAL search_path = {schema};\n\
             SET LOCAL lock_timeout = '10s';\n{shown}\n\
             LOCK TABLE {} IN ACCESS EXCLUSIVE MODE;\n",
            tables.join(", ")
        )
    }

    /// Raises an exception unless the ledger's keys are exactly these.
    fn guard(&self, rows: &[Row], message: &str, hint: &str, before: &str) -> String {
        let names = self.keys.join(", ");
        let shown = self.keys.iter().map(|key| format!("{key}::text")).collect::<Vec<_>>();
        let value = |value: &Option<String>| {
            value.as_ref().map_or("NULL".to_owned(), |value| literal(value))
        };
        let rows = rows.iter().map(|row| {
            let values = row.iter().map(value).collect::<Vec<_>>();
            format!("      ({})", values.join(", "))
        });
        let rows = rows.collect::<Vec<_>>().join(",\n");
        let differing = |left: &str, right: &str| {
            format!(
                "(SELECT string_agg(differing::text, ', ') FROM (\n      \
                 SELECT * FROM {left} EXCEPT ALL SELECT * FROM {right}) AS differing)"
            )
        };
        let (unknown, missing) = (differing("found", "expected"), differing("expected", "found"));
        let (message, hint) = (literal(message), literal(hint));
        let (table, shown) = (self.qualified(&self.table), shown.join(", "));
        format!(
            "DO $$\nDECLARE\n  unknown text;\n  missing text;\nBEGIN\n{before}  \
             WITH expected ({names}) AS (\n    VALUES\n{rows}\n  ), found AS (\n    \
             SELECT {shown} FROM {table}\n  )\n  SELECT\n    {unknown},\n    {missing}\n  \
             INTO unknown, missing;\n  IF unknown IS NOT NULL OR missing IS NOT NULL THEN\n    \
             RAISE EXCEPTION USING\n      MESSAGE = {message},\n      \
             DETAIL = concat_ws('; ', 'not expected: ' || unknown, 'missing: ' || missing),\n      \
             HINT = {hint};\n  END IF;\nEND\n$$;\n"
        )
    }

    fn empty(&self) -> String {
        let tables = self.tables.iter().map(|table| self.qualified(table)).collect::<Vec<_>>();
        format!("TRUNCATE {};\n", tables.join(", "))
    }

    fn qualified(&self, table: &str) -> String {
        format!("{}.{}", self.schema, quoted(table))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rewrite() -> Rewrite {
        let row = |version: &str| vec![Some(version.to_owned())];
        Rewrite {
            tool: "dbmate",
            schema: "public".to_owned(),
            table: "schema_migrations".to_owned(),
            tables: vec!["schema_migrations".to_owned()],
            keys: &["version"],
            old: vec![row("1"), row("2")],
            new: vec![row("2")],
            filling: vec![
                "insert into public.schema_migrations (version) values ('2');".to_owned(),
            ],
            numbered: Vec::new(),
            day: "20260519".to_owned(),
            rollout_path: "db/squash/rollout.sql".to_owned(),
            rollback_path: "db/squash/rollback.sql".to_owned(),
            baseline_path: "db/migrations/2_baseline.sql".to_owned(),
        }
    }

    /// The kinds of a script's statements, which must be one transaction.
    fn kinds(text: &str) -> Vec<String> {
        let script = Script::parse(text);
        let words = script.statements().map(|statement| {
            let text = &text[statement.span.clone()];
            text.split_whitespace().take(2).collect::<Vec<_>>().join(" ").to_ascii_uppercase()
        });
        words.collect()
    }

    #[test]
    fn a_rollout_looks_keeps_empties_and_fills() {
        assert_eq!(
            kinds(&rewrite().rollout()),
            [
                "BEGIN;",
                "SET LOCAL",
                "SET LOCAL",
                "LOCK TABLE",
                "DO $$",
                "CREATE TABLE",
                "TRUNCATE PUBLIC.SCHEMA_MIGRATIONS;",
                "INSERT INTO",
                "COMMIT;",
            ]
        );
        assert!(rewrite().rollout().contains("      ('1'),\n      ('2')\n"));
    }

    #[test]
    fn a_rollback_brings_the_old_rows_and_drops_what_is_left_over() {
        assert_eq!(
            kinds(&rewrite().rollback()),
            [
                "BEGIN;",
                "SET LOCAL",
                "SET LOCAL",
                "LOCK TABLE",
                "DO $$",
                "TRUNCATE PUBLIC.SCHEMA_MIGRATIONS;",
                "INSERT INTO",
                "DROP TABLE",
                "COMMIT;",
            ]
        );
    }

    #[test]
    fn names_that_are_left_over_fit() {
        let long = Rewrite { tables: vec!["x".repeat(63)], ..rewrite() };
        let leftovers = long.leftovers();
        assert_eq!(leftovers[0].len(), LENGTH_MAX);
        assert!(leftovers[0].ends_with("x_d20260519"));
        assert_eq!(rewrite().leftovers(), ["schema_migrations_d20260519"]);
    }

    #[test]
    fn what_a_tool_does_about_transactions_is_not_ours() {
        let text = "BEGIN; LOCK TABLE a IN SHARE MODE; INSERT INTO a VALUES (';'); COMMIT";
        assert_eq!(statements_of(text), ["INSERT INTO a VALUES (';');"]);
    }
}
