//! What `replay` advises to write instead of a statement is proven: written in the statement's
//! place, it can be executed at every boot, on a real Postgres.
//!
//! Two rehearsals. The first meets the statements as people write them; each must be found, with
//! advice. The second finds the advice in their place, and must have nothing to say. It also finds
//! the advice in databases that were migrated by the bare statement before, where it must add
//! nothing: so the names that it gives to nameless constraints and indexes are Postgres's own.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use pretty_assertions::assert_eq;
use serde_json::Value;

use super::support::{Project, Told, run, verify};

/// What has to be there, and statements that can't be executed twice after it, one per line. `@`
/// is a number of the case's own, so that all of them live in one database.
type Case = (&'static str, &'static str);

const TABLE: &str = "CREATE TABLE t@ (a int, b int, c text);";

const CONSTRAINTS: &[Case] = &[
    (TABLE, "ALTER TABLE t@ ADD CONSTRAINT k@ CHECK (a > 0);"),
    (TABLE, "ALTER TABLE t@ ADD CHECK (a > 0 AND t@.a < 9);"),
    (TABLE, "ALTER TABLE t@ ADD CHECK (a > b);"),
    (TABLE, "ALTER TABLE t@ ADD CHECK (length(c::varchar(3)) > CAST('1' AS int)) NOT VALID;"),
    (TABLE, "ALTER TABLE ONLY t@ ADD CONSTRAINT \"K @\" UNIQUE (a, b);"),
    (TABLE, "ALTER TABLE t@ ADD UNIQUE (a) INCLUDE (b);"),
    (TABLE, "ALTER TABLE t@ ADD CONSTRAINT k@ PRIMARY KEY (a);"),
    (TABLE, "ALTER TABLE public.t@ ADD PRIMARY KEY (a, b);"),
    (
        "CREATE TABLE u@ (a int PRIMARY KEY); CREATE TABLE t@ (a int);",
        "ALTER TABLE t@ ADD CONSTRAINT k@ FOREIGN KEY (a) REFERENCES u@;",
    ),
    (
        "CREATE TABLE u@ (a int, b int, UNIQUE (a, b)); CREATE TABLE t@ (\"A\" int, b int);",
        "ALTER TABLE t@ ADD FOREIGN KEY (\"A\", b) REFERENCES u@ (a, b) ON DELETE CASCADE;",
    ),
    (TABLE, "ALTER TABLE t@ ADD CONSTRAINT k@ EXCLUDE (a WITH =) WHERE (b > 0);"),
    (TABLE, "ALTER TABLE t@ ADD EXCLUDE (c WITH =, lower(c) WITH =, (c || 'x') WITH =);"),
    (
        "CREATE TABLE t@ (a int); CREATE UNIQUE INDEX i@ ON t@ (a);",
        "ALTER TABLE t@ ADD CONSTRAINT k@ UNIQUE USING INDEX i@;",
    ),
    (
        "CREATE TABLE t@ (a int); CREATE UNIQUE INDEX i@ ON t@ (a);",
        "ALTER TABLE t@ ADD PRIMARY KEY USING INDEX i@;",
    ),
    (
        "CREATE TABLE n@_aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa \
         (bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb int);",
        "ALTER TABLE n@_aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa \
         ADD UNIQUE (bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb);",
    ),
    ("CREATE TABLE t@ (a int CONSTRAINT k@ CHECK (a > 0));", "ALTER TABLE t@ DROP CONSTRAINT k@;"),
    (
        "CREATE TABLE t@ (a int CONSTRAINT k@ CHECK (a > 0));",
        "ALTER TABLE t@ RENAME CONSTRAINT k@ TO l@;",
    ),
    ("CREATE DOMAIN d@ AS int;", "ALTER DOMAIN d@ ADD CONSTRAINT k@ CHECK (VALUE > 0);"),
    ("CREATE DOMAIN d@ AS int;", "ALTER DOMAIN d@ ADD CHECK (VALUE > 0);"),
    (
        "CREATE DOMAIN d@ AS int CONSTRAINT k@ CHECK (VALUE > 0);",
        "ALTER DOMAIN d@ DROP CONSTRAINT k@;",
    ),
];

const TABLES: &[Case] = &[
    ("", "CREATE TABLE t@ (a int REFERENCES t@ (b), b int UNIQUE);"),
    ("", "CREATE TABLE t@ AS SELECT 1 AS a;"),
    (
        "CREATE TABLE t@ (a int) PARTITION BY LIST (a);",
        "CREATE TABLE p@ PARTITION OF t@ FOR VALUES IN (1);",
    ),
    (TABLE, "CREATE INDEX i@ ON t@ (a);"),
    (TABLE, "CREATE UNIQUE INDEX CONCURRENTLY i@ ON t@ (a);"),
    (TABLE, "CREATE INDEX ON t@ (a, b DESC) INCLUDE (c);"),
    (TABLE, "CREATE INDEX ON t@ ((a + b), lower(c), (upper(c)), c);"),
    ("CREATE TABLE \"T @\" (\"A\" int);", "CREATE INDEX ON \"T @\" (\"A\") WHERE \"A\" > 0;"),
    (TABLE, "CREATE STATISTICS x@ ON a, b FROM t@;"),
    (TABLE, "ALTER TABLE t@ ADD COLUMN d int DEFAULT 1;"),
    (TABLE, "ALTER TABLE t@ DROP a;"),
    (TABLE, "ALTER TABLE t@ ADD d int, DROP COLUMN a, ADD CHECK (d > 0), ADD UNIQUE (b);"),
    (TABLE, "ALTER TABLE t@ RENAME COLUMN a TO d;"),
    (TABLE, "ALTER TABLE t@ RENAME TO u@;"),
    ("CREATE SCHEMA s@; CREATE TABLE t@ ();", "ALTER TABLE t@ SET SCHEMA s@;"),
    ("CREATE TABLE t@ (a int); CREATE INDEX i@ ON t@ (a);", "ALTER INDEX i@ RENAME TO j@;"),
    ("CREATE TABLE t@ (); CREATE TABLE u@ ();", "DROP TABLE t@, u@;"),
    ("CREATE TABLE t@ (a int); CREATE INDEX i@ ON t@ (a);", "DROP INDEX i@;"),
    ("CREATE TABLE t@ (a int); CREATE INDEX i@ ON t@ (a);", "DROP INDEX CONCURRENTLY i@;"),
    ("CREATE TABLE t@ (a int UNIQUE);", "INSERT INTO t@ (a) VALUES (1), (2);"),
    (
        "CREATE TABLE t@ (a int PRIMARY KEY);",
        "WITH x AS (SELECT 1 AS a) INSERT INTO t@ SELECT a FROM x RETURNING a;",
    ),
];

/// Rows, which need a key to be known by, and no sequence that counts on.
const ROWS: &[Case] = &[
    (SERIAL, "INSERT INTO t@ (name) VALUES ('platform');"),
    (SERIAL, "INSERT INTO t@ (name) VALUES ('a'), ('b') ON CONFLICT (name) DO NOTHING;"),
    (SERIAL, "INSERT INTO public.t@ (at, name, j) VALUES ('2000-01-01', 'a', NULL) RETURNING id;"),
    (SERIAL, "INSERT INTO t@ (name, at) SELECT 'x', now() ON CONFLICT DO NOTHING;"),
    (SERIAL, "WITH x AS (SELECT 'y' AS name) INSERT INTO t@ AS z (name) SELECT name FROM x;"),
    (
        "CREATE TYPE y@ AS ENUM ('glad'); CREATE TABLE w@ (id int GENERATED ALWAYS AS IDENTITY, \
         k y@ UNIQUE, u uuid);",
        "INSERT INTO w@ (k, u) VALUES ('glad', '00000000-0000-4000-8000-000000000001');",
    ),
    (
        "CREATE TABLE \"T @\" (id int GENERATED BY DEFAULT AS IDENTITY PRIMARY KEY, a text[], \
         n numeric, b boolean, j json);",
        "INSERT INTO \"T @\" (a, n, b, j) VALUES ('{x}', 1, true, '{}'), (NULL, 2.5, NULL, NULL);",
    ),
    (TABLE, "INSERT INTO t@ VALUES (1, NULL, 'x');"),
    (TABLE, "INSERT INTO t@ (a, c) SELECT 1, 'x';"),
    ("CREATE TABLE t@ (a int PRIMARY KEY, d date);", "INSERT INTO t@ VALUES (1, now());"),
    (FILLED, "UPDATE t@ SET b = 2;"),
    (FILLED, "UPDATE t@ AS x SET c = 'x', b = x.a + 1, at = now() WHERE a = 1 OR a = 3;"),
    (FILLED, "UPDATE t@ SET b = y.b FROM (SELECT 5 AS b) AS y WHERE a = 1;"),
    (
        FILLED,
        "INSERT INTO t@ (a, c) VALUES (1, 'y') ON CONFLICT (a) DO UPDATE SET c = excluded.c, \
         b = 3;",
    ),
];

const SERIAL: &str = "CREATE TABLE t@ (id bigserial PRIMARY KEY, name text UNIQUE, \
                      at timestamptz, j jsonb);";

const FILLED: &str = "CREATE TABLE t@ (a int PRIMARY KEY, b int, c text, at timestamptz); \
                      INSERT INTO t@ (a) VALUES (1), (2);";

const OBJECTS: &[Case] = &[
    ("", "CREATE SEQUENCE q@ START 5;"),
    ("", "CREATE SCHEMA s@;"),
    ("", "CREATE TYPE y@ AS ENUM ('glad', 'sad');"),
    ("CREATE SCHEMA s@;", "CREATE TYPE s@.\"Pair\" AS (a int, b int);"),
    ("", "CREATE TYPE y@ AS RANGE (subtype = date);"),
    ("", "CREATE DOMAIN d@ AS text CHECK (VALUE <> '');"),
    ("", "CREATE VIEW v@ AS SELECT 1 AS a;"),
    ("", "CREATE MATERIALIZED VIEW v@ AS SELECT 1 AS a;"),
    ("", "CREATE FUNCTION f@(a int) RETURNS int BEGIN ATOMIC SELECT 1; SELECT a; END;"),
    ("", "CREATE FUNCTION f@() RETURNS int LANGUAGE sql AS $$ SELECT 1; $$;"),
    ("", "CREATE PROCEDURE f@() LANGUAGE sql AS $$ SELECT 1; $$;"),
    ("", "CREATE AGGREGATE g@ (int) (sfunc = int4pl, stype = int);"),
    ("", "CREATE COLLATION c@ (locale = 'C');"),
    ("", "CREATE ROLE advised_@;"),
    ("", "CREATE EXTENSION citext;"),
    (TABLE, "CREATE PUBLICATION p@ FOR TABLE t@;"),
    (TABLE, "CREATE POLICY \"own rows\" ON t@ USING (a = 1);"),
    (TABLE, "CREATE RULE r@ AS ON INSERT TO t@ DO ALSO (SELECT 1; SELECT 2);"),
    (TRIGGER, "CREATE TRIGGER g@ BEFORE UPDATE ON t@ FOR EACH ROW EXECUTE FUNCTION f@();"),
    (
        TRIGGER,
        "CREATE CONSTRAINT TRIGGER g@ AFTER INSERT ON t@ DEFERRABLE FOR EACH ROW \
         EXECUTE FUNCTION f@();",
    ),
    ("CREATE TYPE y@ AS ENUM ('sad');", "ALTER TYPE y@ ADD VALUE 'it''s fine' BEFORE 'sad';"),
    ("CREATE TYPE y@ AS ENUM ('sad');", "ALTER TYPE y@ RENAME VALUE 'sad' TO 'glad';"),
    ("CREATE TYPE y@ AS (a int);", "ALTER TYPE y@ RENAME ATTRIBUTE a TO b;"),
    ("CREATE TYPE y@ AS ENUM ();", "ALTER TYPE y@ RENAME TO z@;"),
    ("CREATE SCHEMA s@;", "ALTER SCHEMA s@ RENAME TO z@;"),
    (
        "CREATE FUNCTION f@(int, varchar) RETURNS int RETURN 1;",
        "ALTER FUNCTION f@(int, character varying) RENAME TO g@;",
    ),
    ("CREATE ROLE advised_@;", "ALTER ROLE advised_@ RENAME TO renamed_@;"),
    ("CREATE TABLE t@ (); CREATE POLICY p@ ON t@;", "ALTER POLICY p@ ON t@ RENAME TO q@;"),
    ("CREATE VIEW v@ AS SELECT 1;", "DROP VIEW v@;"),
    ("CREATE TYPE y@ AS ENUM ();", "DROP TYPE y@;"),
    ("CREATE FUNCTION f@(int) RETURNS int RETURN 1;", "DROP FUNCTION f@(int);"),
    ("CREATE TABLE t@ (); CREATE POLICY p@ ON t@;", "DROP POLICY p@ ON t@;"),
    ("CREATE ROLE advised_@;", "DROP ROLE advised_@;"),
    ("CREATE SCHEMA s@;", "DROP SCHEMA s@;"),
];

/// What Postgres calls the nameless, read from their expressions or from what it made of them.
const NAMELESS: &[Case] = &[
    (WIDE, "CREATE INDEX ON t@ ((c::varchar));"),
    (WIDE, "CREATE INDEX ON t@ ((a));"),
    (WIDE, "CREATE INDEX ON t@ (((j->>'age')::int), ((j->>'age')));"),
    (WIDE, "CREATE INDEX ON t@ (((d AT TIME ZONE 'UTC')::date) DESC);"),
    (WIDE, "CREATE INDEX ON t@ (trim(c), trim(leading 'x' FROM c), coalesce(a, b));"),
    (WIDE, "CREATE INDEX ON t@ (cast(a AS bigint), (lower(c) COLLATE \"C\"));"),
    (WIDE, "CREATE INDEX ON t@ (((j->>'x')::character varying(3)), ((j->>'x')::float));"),
    (WIDE, "CREATE INDEX ON t@ ((CASE WHEN a > 0 THEN b END));"),
    (WIDE, "ALTER TABLE t@ ADD CHECK (extract(year FROM d) > 1);"),
    (WIDE, "ALTER TABLE t@ ADD CHECK (d::timestamp with time zone > '2000-01-01');"),
    (WIDE, "ALTER TABLE t@ ADD CHECK (d AT TIME ZONE 'UTC' > date '2000-01-01');"),
    (WIDE, "ALTER TABLE t@ ADD CHECK ((c::character varying = 'x') IS UNKNOWN);"),
    (WIDE, "ALTER TABLE t@ ADD CHECK (d > timestamp '2000-01-01' + interval '1' year);"),
    (WIDE, "ALTER TABLE t@ ADD CHECK (trim(both 'x' FROM c) LIKE 'x' ESCAPE 'y');"),
    // The table has one of that name already.
    ("CREATE TABLE t@ (a int CHECK (a > 0));", "ALTER TABLE t@ ADD CHECK (a < 9);"),
    ("CREATE TABLE t@ (a int, b int, UNIQUE (a));", "ALTER TABLE t@ ADD UNIQUE (a) DEFERRABLE;"),
    (
        "CREATE TABLE t@ (c text, d text); CREATE INDEX ON t@ (lower(c));",
        "CREATE INDEX ON t@ (lower(d));",
    ),
    // Two that would have the same name.
    (TABLE, "ALTER TABLE t@ ADD CHECK (a > 0), ADD CHECK (a < 9), ADD UNIQUE (a);"),
];

const WIDE: &str = "CREATE TABLE t@ (a int, b int, c text, d timestamptz, j jsonb);";

/// Every one of them is told in one run, though Postgres stops at the first.
const SEVERAL: &[Case] = &[(
    TABLE,
    "ALTER TABLE t@ ADD CONSTRAINT k@ CHECK (a > 0);\nCREATE TABLE u@ (a int);\n\
     ALTER TABLE t@ DROP COLUMN c;\nALTER TABLE t@ RENAME COLUMN b TO d;",
)];

const TRIGGER: &str = "CREATE TABLE t@ (a int); CREATE FUNCTION f@() RETURNS trigger \
                       LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END';";

#[test]
fn what_is_advised_can_be_executed_at_every_boot() {
    let cases = [CONSTRAINTS, TABLES, ROWS, OBJECTS, NAMELESS, SEVERAL].concat();
    let project = Project::new(&[("rehearsal.toml", "[migrations]\nboot = \"every-file\"\n")]);
    let mut setup = String::new();
    for (number, (needs, bare)) in cases.iter().enumerate() {
        setup += &numbered(&once(needs, ""), number);
        project.write(&path(number), numbered(bare, number));
    }
    project.write(SETUP, &setup);
    let told = run(verify(project.path()).args(["--only", "replay", "--format", "json"]));
    assert_eq!(told.status, 1, "{}", told.all());
    let mut advice = advice(&told);
    let mut same = String::new();
    for (number, (needs, bare)) in cases.iter().enumerate() {
        let advised = advice.remove(&number).unwrap_or_default();
        let lines = bare.lines().count();
        assert_eq!(advised.len(), lines, "not all is found and advised: {bare}\n{advised:?}");
        let advised = advised.into_values().collect::<Vec<_>>().join("\n");
        project.write(&path(number), &advised);
        // Roles and extensions exist but once, so a twin would be in the way.
        if !bare.contains(" ROLE ") && !bare.contains(" EXTENSION ") {
            let twin = number + TWIN;
            // Neither fits into the block that is executed once.
            let bare = bare
                .replace("CONCURRENTLY ", "")
                .replace(" RETURNING id", "")
                .replace(" RETURNING a", "");
            setup += &numbered(&once(needs, &bare), twin);
            let advised = advised.replace(&numbered("@", number), &numbered("@", twin));
            project.write(&path(twin), advised);
            same += &same_as_made(twin, twin);
            same += &same_as_made(number, twin);
        }
    }
    assert_eq!(advice, BTreeMap::new(), "found elsewhere");
    project.write(SETUP, setup);
    project.write("migrations/999_same.up.sql", same);
    let told = run(verify(project.path()).args(["--only", "apply,replay", "--format", "json"]));
    assert_eq!(told.status, 0, "{}", told.all());
    let report: Value = serde_json::from_str(&told.stdout).expect("the report is JSON");
    for check in report["runs"][0]["checks"].as_array().expect("checks") {
        assert_eq!(check["outcome"], "passed", "{}", told.all());
        assert_eq!(check["findings"], Value::Array(Vec::new()), "{}", told.all());
    }
}

/// Projects that need to be mended in more places than one, or whose cause is in another file: what
/// the advice takes the place of, from the start of one text to the end of another.
const MENDED: &[(&str, &[(&str, &str)])] = &[
    ("ladder-burnt-sequence", &[("INSERT INTO teams", "DO NOTHING;")]),
    ("ladder-lost-key", &[("INSERT INTO actor_roles", "DO NOTHING;")]),
    (
        "ladder-lost-primary-key",
        &[("ALTER TABLE certificate_names DROP", "_pkey;"), ("DO $$ BEGIN", "END $$;")],
    ),
    ("ladder-required-column", &[("INSERT INTO issuers", "DO NOTHING;")]),
    ("ladder-revived-table", &[("CREATE TABLE", "\n);"), ("CREATE INDEX", "attempted_at DESC);")]),
    ("ladder-rewrite", &[("UPDATE issuers", "END;")]),
    ("ladder-second-key", &[("ALTER TABLE actor_roles\n  ADD FOREIGN", "CASCADE;")]),
];

#[test]
fn the_fixtures_are_mended_by_what_is_advised() {
    for (fixture, replaced) in MENDED {
        let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures").join(fixture);
        let project = Project::new(&[]);
        for entry in fs::read_dir(source.join("migrations")).expect("migrations") {
            let entry = entry.expect("a file");
            let name = format!("migrations/{}", entry.file_name().to_string_lossy());
            project.write(&name, fs::read_to_string(entry.path()).expect("a text"));
        }
        let config = source.join("rehearsal.toml");
        project.write("rehearsal.toml", fs::read_to_string(config).expect("a text"));
        let told = run(verify(project.path()).args(["--only", "replay", "--format", "json"]));
        let report: Value = serde_json::from_str(&told.stdout).expect("the report is JSON");
        let checks = report["runs"][0]["checks"].as_array().expect("checks");
        let mut findings =
            checks.iter().flat_map(|check| check["findings"].as_array().expect("findings"));
        let finding = findings.next().unwrap_or_else(|| panic!("{fixture}: {}", told.all()));
        let help = finding["help"].as_str().unwrap_or_else(|| panic!("{fixture}: {finding:#}"));
        let (_, instead) = help.split_once(":\n").unwrap_or_else(|| panic!("{fixture}: {help}"));
        let path = finding["file"].as_str().expect("a file");
        let mut text = fs::read_to_string(project.path().join(path)).expect("the file");
        // From the end, so that nothing is found in what is pasted.
        for (number, (from, to)) in replaced.iter().enumerate().rev() {
            let start = text.find(from).unwrap_or_else(|| panic!("{fixture}: {text}"));
            let end = text[start..].find(to).unwrap_or_else(|| panic!("{fixture}: {text}"));
            let words = if number == 0 { instead } else { "" };
            text.replace_range(start..start + end + to.len(), words);
        }
        project.write(path, text);
        let told = run(verify(project.path()).args(["--only", "apply,replay"]));
        assert_eq!(told.status, 0, "{fixture}: {}", told.all());
    }
}

/// The number of a case's twin, for which the bare statement was executed before.
const TWIN: usize = 500;

const SETUP: &str = "migrations/0_setup.up.sql";

/// How many constraints and indexes there are on the tables of a case.
const COUNTS: &str = "\
     (SELECT count(*) FROM pg_constraint WHERE conrelid::regclass::text ~ '^[^_]*@') \
     AS constraints, \
     (SELECT count(*) FROM pg_index WHERE indrelid::regclass::text ~ '^[^_]*@') AS indexes";

/// What a case needs is made once, whatever later files do to it.
fn once(needs: &str, bare: &str) -> String {
    format!(
        "DO $setup$ BEGIN\n  IF to_regclass('made@') IS NULL THEN\n    {needs}\n    {bare}\n    \
         CREATE TABLE made@ AS SELECT {COUNTS};\n  END IF;\nEND $setup$;\n"
    )
}

/// Fails if the advice made more or less than the bare statement had made of the twin.
fn same_as_made(number: usize, twin: usize) -> String {
    let made = numbered("(SELECT made FROM made@ AS made)", twin);
    let now = numbered(&format!("(SELECT now FROM (SELECT {COUNTS}) AS now)"), number);
    format!("DO $$ BEGIN\n  ASSERT {made}::text =\n    {now}::text, 'in {number}';\nEND $$;\n")
}

fn numbered(text: &str, number: usize) -> String {
    text.replace('@', &format!("{number:03}"))
}

fn path(number: usize) -> String {
    format!("migrations/{}_case_{number:03}.up.sql", number + 1)
}

/// What is advised in place of the statements of each case, by line.
fn advice(told: &Told) -> BTreeMap<usize, BTreeMap<u64, String>> {
    let report: Value = serde_json::from_str(&told.stdout).expect("the report is JSON");
    let checks = report["runs"][0]["checks"].as_array().expect("checks");
    let findings = checks.iter().flat_map(|check| check["findings"].as_array().expect("findings"));
    let mut advice: BTreeMap<usize, BTreeMap<u64, String>> = BTreeMap::new();
    for finding in findings {
        let file = finding["file"].as_str().unwrap_or_else(|| panic!("no file: {finding:#}"));
        let number = file.split_once("_case_").and_then(|(_, rest)| rest.get(..3));
        let number = number.unwrap_or_else(|| panic!("not a case: {finding:#}"));
        let line = finding["line"].as_u64().unwrap_or_else(|| panic!("no line: {finding:#}"));
        let help = finding["help"].as_str().unwrap_or_else(|| panic!("no help: {finding:#}"));
        let (_, instead) = help.split_once(":\n").unwrap_or_else(|| panic!("{finding:#}"));
        let number = number.parse().expect("a case's number");
        let twice = advice.entry(number).or_default().insert(line, instead.to_owned());
        assert_eq!(twice, None, "{finding:#}");
    }
    advice
}
