//! What to write instead of a statement that can't be executed twice.
//!
//! One file per rule, and every rule is pure: it sees the text of one file, no database, and what
//! its caller knows of one. So it knows what a statement says, not what it meets; whether a rule
//! matters is for its caller, who either saw the statement fail or only read it.
//!
//! What the same file both makes and unmakes (`DROP VIEW v; CREATE VIEW v …`, a temporary table, a
//! new table that is renamed into the old one's place) is fine as it is, and no rule mentions it.

mod add_column;
mod add_constraint;
mod add_enum_value;
mod alter_table;
mod block;
mod create_after_drop;
mod create_after_lookup;
mod create_if_not_exists;
mod create_or_replace;
mod default_name;
mod differing;
mod drop_column;
mod drop_constraint;
mod drop_object;
mod expression;
mod expression_name;
mod insert;
mod insertion;
mod rename;
mod site;
mod table;

use std::ops::Range;

use crate::sql::{Script, Statement};
pub(crate) use block::only_if;
pub(crate) use differing::{is_clocked, only_differing};
pub(crate) use insertion::only_missing;
use site::Site;
pub(crate) use table::{Column, Key, Table};

/// A rule about statements.
pub(crate) struct Guard {
    /// Reads as English after "allow".
    #[cfg_attr(not(test), expect(dead_code, reason = "only tests tell the rules apart so far"))]
    pub(crate) name: &'static str,
    advise: fn(&Site<'_>) -> Option<Advice>,
}

/// What a rule says about a statement.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Advice {
    /// The offending part of the script, in bytes.
    pub(crate) span: Range<usize>,
    /// One sentence without capital and full stop.
    pub(crate) why: String,
    /// What to put in the statement's place: complete, executable, and then no rule says anything.
    pub(crate) instead: String,
}

/// What somebody who looked into the finished database knows.
#[derive(Debug, Clone, Default)]
pub(crate) struct Known {
    /// What the statement made without naming it.
    pub(crate) names: Vec<String>,
    /// The table that the statement is about.
    pub(crate) table: Option<Table>,
}

/// Every rule, in the order in which their advice is given.
pub(crate) const ALL: &[Guard] = &[
    add_column::GUARD,
    add_constraint::GUARD,
    add_enum_value::GUARD,
    create_after_drop::GUARD,
    create_after_lookup::GUARD,
    create_if_not_exists::GUARD,
    create_or_replace::GUARD,
    drop_column::GUARD,
    drop_constraint::GUARD,
    drop_object::GUARD,
    insert::GUARD,
    rename::GUARD,
];

/// What the rules say about one statement of a script, `text` being the script's.
///
/// Advice of several rules about one statement has the same `instead`, which follows all of them.
/// A rule that lacks something `known` goes by the text alone.
pub(crate) fn advise(
    text: &str,
    script: &Script,
    statement: &Statement,
    known: &Known,
) -> Vec<(&'static Guard, Advice)> {
    let site = Site { text, script, statement, known };
    if site.passes() {
        return Vec::new();
    }
    ALL.iter().filter_map(|guard| Some((guard, (guard.advise)(&site)?))).collect()
}

#[cfg(test)]
mod tests {
    use pretty_assertions::assert_eq;
    use proptest::prelude::*;

    use super::*;
    use crate::sql::oracle;

    /// Statements that a rule objects to, each after SQL that makes what it's about. What is
    /// advised can be executed twice after it; the statement itself fails or adds one more.
    pub(super) type Example = (&'static str, &'static str);

    const EXAMPLES: &[(&str, &[Example])] = &[
        ("add_column", super::add_column::tests::EXAMPLES),
        ("add_constraint", super::add_constraint::tests::EXAMPLES),
        ("add_enum_value", super::add_enum_value::tests::EXAMPLES),
        ("create_after_drop", super::create_after_drop::tests::EXAMPLES),
        ("create_after_lookup", super::create_after_lookup::tests::EXAMPLES),
        ("create_if_not_exists", super::create_if_not_exists::tests::EXAMPLES),
        ("create_or_replace", super::create_or_replace::tests::EXAMPLES),
        ("drop_column", super::drop_column::tests::EXAMPLES),
        ("drop_constraint", super::drop_constraint::tests::EXAMPLES),
        ("drop_object", super::drop_object::tests::EXAMPLES),
        ("insert", super::insert::tests::EXAMPLES),
        ("rename", super::rename::tests::EXAMPLES),
    ];

    /// Asserts what a guard says about the last statement of a script: the offending part and the
    /// text to write instead, both empty if it has nothing to say. What it says must silence it.
    pub(super) fn check(guard: &Guard, text: &str, offending: &str, instead: &str) {
        let (span, advised) = match advice(text).into_iter().find(|(g, _)| g.name == guard.name) {
            Some((_, advice)) => (&text[advice.span], advice.instead),
            None => ("", String::new()),
        };
        assert_eq!((span, advised.as_str()), (offending, instead), "{text}");
        assert_eq!(all_advice(&advised), Vec::<String>::new(), "{text}");
    }

    /// Asserts that no guard has anything to say about any statement of a script.
    pub(super) fn check_silent(text: &str) {
        assert_eq!(all_advice(text), Vec::<String>::new(), "{text}");
    }

    /// A condition with all but a single comparison on lines of their own, as blocks have it.
    pub(super) fn hung(condition: &str) -> String {
        if !condition.contains(" AND ") {
            return condition.to_owned();
        }
        let select = "  IF ".len() + condition.find("SELECT").expect("a query");
        let hang = |word: &str, width: usize| format!("\n{}{word} ", " ".repeat(select + width));
        condition.replace(" WHERE ", &hang("WHERE", 1)).replace(" AND ", &hang("AND", 3))
    }

    pub(super) fn advice(text: &str) -> Vec<(&'static Guard, Advice)> {
        let script = Script::parse(text);
        let statement = script.statements().last().expect("a statement");
        advise(text, &script, statement, &Known::default())
    }

    fn all_advice(text: &str) -> Vec<String> {
        let script = Script::parse(text);
        let all = script
            .statements()
            .flat_map(|statement| advise(text, &script, statement, &Known::default()));
        all.map(|(guard, advice)| format!("{}: {}", guard.name, advice.instead)).collect()
    }

    #[test]
    fn every_rule_is_registered_under_the_name_of_its_file() {
        let names: Vec<&str> = ALL.iter().map(|guard| guard.name).collect();
        assert!(names.is_sorted());
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/src/guards");
        for entry in std::fs::read_dir(folder).expect("the rules' folder") {
            let path = entry.expect("a file").path();
            let stem = path.file_stem().expect("a name").to_string_lossy().into_owned();
            let code = std::fs::read_to_string(&path).expect("a source file");
            let is_rule = code.contains("\npub(super) const GUARD: Guard");
            assert_eq!(is_rule, names.contains(&stem.as_str()), "{stem}");
            if is_rule {
                for heading in ["# What it proves", "# Why it matters", "# Example"] {
                    assert!(code.contains(&format!("//! {heading}\n")), "{stem}: {heading}");
                }
            }
        }
    }

    #[test]
    fn every_rule_objects_to_its_examples() {
        for (name, examples) in EXAMPLES {
            assert!(!examples.is_empty());
            for (_, statement) in *examples {
                let said = advice(statement);
                assert!(said.iter().any(|(guard, _)| guard.name == *name), "{name}: {statement}");
            }
        }
        let covered: Vec<&str> = EXAMPLES.iter().map(|(name, _)| *name).collect();
        assert_eq!(covered, ALL.iter().map(|guard| guard.name).collect::<Vec<_>>());
    }

    #[test]
    fn examples_and_advice_are_read_as_a_parser_of_the_whole_language_reads_them() {
        let mut count = 0;
        for (setup, statement) in EXAMPLES.iter().flat_map(|(_, examples)| *examples) {
            let advice = advice(statement).into_iter().map(|(_, advice)| advice.instead);
            for text in [(*setup).to_owned(), (*statement).to_owned()].into_iter().chain(advice) {
                let (statements, disagreements) = oracle::compare(&text);
                assert!(disagreements.is_empty(), "{}", disagreements.join("\n"));
                count += statements;
            }
        }
        assert!(count >= 250, "only {count} statements were compared");
    }

    #[test]
    fn what_a_file_makes_and_unmakes_is_fine() {
        check_silent("DROP VIEW v; CREATE VIEW v AS SELECT 1;");
        check_silent("DROP VIEW IF EXISTS v; CREATE VIEW public.v AS SELECT 1;");
        check_silent("CREATE TABLE a (b int); INSERT INTO a VALUES (1); DROP TABLE a;");
        check_silent("CREATE TEMP TABLE a (b int); INSERT INTO a VALUES (1);");
        check_silent(
            "DROP TRIGGER g ON t; CREATE TRIGGER g AFTER INSERT ON t EXECUTE FUNCTION f();",
        );
        check_silent(
            "ALTER TABLE t DROP CONSTRAINT c; ALTER TABLE t ADD CONSTRAINT c CHECK (a > 0);",
        );
        check_silent("ALTER TABLE t DROP CONSTRAINT c, ADD CONSTRAINT c CHECK (a > 0);");
        check_silent("ALTER TABLE t ADD COLUMN c int; ALTER TABLE t DROP COLUMN c;");
        check_silent(
            "CREATE TABLE a_new (b int); INSERT INTO a_new SELECT * FROM a; DROP TABLE a; \
             ALTER TABLE a_new RENAME TO a;",
        );
    }

    #[test]
    fn what_can_be_executed_twice_is_fine() {
        check_silent("SELECT 1; UPDATE t SET a = 1; DELETE FROM t; GRANT SELECT ON t TO u;");
        check_silent("COMMENT ON TABLE t IS 'x'; SET search_path = a; TRUNCATE t; BEGIN; COMMIT;");
        check_silent("ALTER TABLE t ALTER COLUMN a SET NOT NULL, ENABLE ROW LEVEL SECURITY;");
        check_silent("DO $$ BEGIN CREATE TABLE t (); END $$;");
        check_silent("CREATE ??? syntax error; ALTER TABLE; DROP; INSERT; ALTER TABLE t ADD;");
    }

    /// The words of statements that rules look into.
    fn word() -> impl Strategy<Value = &'static str> {
        prop::sample::select(vec![
            "CREATE",
            "ALTER",
            "DROP",
            "TABLE",
            "INDEX",
            "TYPE",
            "DOMAIN",
            "POLICY",
            "TRIGGER",
            "FUNCTION",
            "SCHEMA",
            "ROLE",
            "VIEW",
            "ADD",
            "COLUMN",
            "CONSTRAINT",
            "CHECK",
            "UNIQUE",
            "PRIMARY KEY",
            "FOREIGN KEY",
            "EXCLUDE",
            "USING INDEX",
            "RENAME",
            "TO",
            "VALUE",
            "ON",
            "INSERT INTO",
            "RETURNING",
            "INCLUDE",
            "IF EXISTS",
            "SET SCHEMA",
            "a",
            "\"ä\"",
            "'x'",
            "s.t",
            "(",
            ")",
            ",",
            ";",
            "$$",
            "::",
            ".",
            "ä",
            "CONCURRENTLY",
            "AUTHORIZATION",
        ])
    }

    proptest! {
        #[test]
        fn whatever_is_written_can_be_judged(words in prop::collection::vec(word(), 1..16)) {
            let text = words.join(" ");
            let script = Script::parse(&text);
            for statement in script.statements() {
                for (_, advice) in advise(&text, &script, statement, &Known::default()) {
                    prop_assert!(statement.span.start <= advice.span.start);
                    prop_assert!(advice.span.end <= statement.span.end);
                    prop_assert!(advice.instead.ends_with(';'));
                }
            }
        }
    }
}
