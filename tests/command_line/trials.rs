//! What seeds are put through: another database, two seeders at once, and users who edit.

use rstest::rstest;

use crate::command::sending;
use crate::support::{Project, Told, check_files, check_report as check, run, verify};

/// A project with one migration and one seed.
fn project(migration: &str, seed: &str, toml: &str) -> Project {
    Project::new(&[
        ("migrations/000001_all.up.sql", migration),
        ("seeds/all.sql", seed),
        ("rehearsal.toml", toml),
    ])
}

fn rehearse(migration: &str, seed: &str, toml: &str) -> Told {
    let only = ["--only", "seed_randomness,seed_race,seed_edits", "--timeout", "30"];
    run(verify(project(migration, seed, toml).path()).args(only))
}

const ROLES: &str = "CREATE TABLE roles (id int PRIMARY KEY, name text NOT NULL);";

#[rstest]
#[case::uuid("id uuid DEFAULT gen_random_uuid(), name text", "put aside: public.t.id")]
#[case::expression(
    "at text DEFAULT upper(clock_timestamp()::text), name text",
    "aside: public.t.at"
)]
#[case::keyword("at timestamptz DEFAULT CURRENT_TIMESTAMP, name text", "aside: public.t.at")]
#[case::nothing("id uuid PRIMARY KEY DEFAULT gen_random_uuid()", "nothing comparable in public.t")]
fn a_default_may_be_another_value_each_time(#[case] columns: &str, #[case] remark: &str) {
    let is_named = columns.contains("name");
    let row = if is_named { "(name) VALUES ('a'), ('b')" } else { "DEFAULT VALUES" };
    let seed = &format!("INSERT INTO t {row};");
    let told = rehearse(&format!("CREATE TABLE t ({columns});"), seed, "");
    check(&told, 0, &["seed_randomness  passed", remark]);
}

#[test]
fn what_refers_to_such_a_column_and_a_function_of_ones_own_are_put_aside() {
    let migration = "
        CREATE FUNCTION made_up() RETURNS text LANGUAGE sql AS 'SELECT random()::text';
        CREATE TABLE a (id uuid PRIMARY KEY DEFAULT gen_random_uuid(), name text UNIQUE,
                        code text DEFAULT made_up(), long text GENERATED ALWAYS AS (code) STORED);
        CREATE TABLE b (a_id uuid REFERENCES a, n int DEFAULT 1 + 1);";
    let seed = "INSERT INTO a (name) VALUES ('x'); INSERT INTO b SELECT id FROM a;";
    let aside = "put aside: public.a.id, public.a.code, public.a.long, public.b.a_id";
    check(&rehearse(migration, seed, ""), 0, &["seed_randomness  passed", aside]);
}

#[test]
fn other_values_are_told_with_their_rows_and_may_be_meant() {
    let migration = "CREATE TABLE t (name text PRIMARY KEY, at timestamptz, code float8);";
    let seed = "SELECT 1;\nINSERT INTO t VALUES ('a', '2020-01-01', random()), ('b', now(), 1);";
    check(
        &rehearse(migration, seed, ""),
        0,
        &[
            "warning[seed_randomness]: the seeds fill public.t.at, public.t.code with other values",
            "seeds/all.sql:2:1",
            "random() is another value each time",
            "2 of 2 rows differ: name = 'a'; name = 'b'",
            "ignore_columns = [\"t.at\", \"t.code\"]",
        ],
    );
    let toml = "[seeds]\nignore_columns = [\"*.at\", \"t.code\"]\n";
    let told = rehearse(migration, seed, toml);
    check(&told, 0, &["seed_randomness  passed", "put aside: public.t.at, public.t.code"]);
}

#[test]
fn rows_that_are_dealt_out_anew_are_told_of_large_tables_too() {
    let migration = "CREATE TABLE t (id int GENERATED ALWAYS AS IDENTITY PRIMARY KEY, n int);";
    let seed = "DO $$ BEGIN INSERT INTO t (n) SELECT n FROM generate_series(1, 2000) n \
                ORDER BY random(); END $$;";
    let told = "the seeds put what public.t.n holds into other rows in each database";
    check(&rehearse(migration, seed, ""), 0, &[told, "random() is another value each time"]);
    let seed = "INSERT INTO t (n) SELECT 1 FROM generate_series(1, 1 + (random() * 1e6)::int);";
    check(&rehearse(migration, seed, ""), 0, &["the seeds make ", " rows of public.t in one"]);
}

#[test]
fn a_view_that_keeps_its_rows_is_as_comparable_as_its_table() {
    let migration = "
        CREATE TABLE t (id uuid DEFAULT gen_random_uuid(), name text PRIMARY KEY);
        CREATE MATERIALIZED VIEW v AS SELECT * FROM t;";
    let seed = "INSERT INTO t VALUES (DEFAULT, 'a') ON CONFLICT DO NOTHING;
                REFRESH MATERIALIZED VIEW v;";
    let told = rehearse(migration, seed, "");
    check(&told, 0, &["seed_randomness  passed", "put aside: public.t.id"]);
    assert!(!told.stdout.contains("nothing comparable"), "{}", told.all());
}

#[test]
fn seeders_that_wait_for_each_other() {
    let seed = "LOCK TABLE roles IN SHARE MODE;\n\
                INSERT INTO roles VALUES (1, 'a') ON CONFLICT DO NOTHING;";
    check(
        &rehearse(ROLES, seed, ""),
        0,
        &[
            "warning[seed_race]: one of two seeders at once fails in seeds/all.sql",
            "seeds/all.sql:2:1",
            "40P01: deadlock detected",
            "each of the two holds a lock for which the other one waits",
            "pg_advisory_xact_lock",
        ],
    );
}

#[rstest]
#[case::conflict("INSERT INTO roles VALUES (1, 'a') ON CONFLICT DO NOTHING;")]
#[case::session(
    "SELECT pg_advisory_lock(1); INSERT INTO roles VALUES (1, 'a') ON CONFLICT DO NOTHING;"
)]
#[case::lock("LOCK TABLE roles; DELETE FROM roles; INSERT INTO roles VALUES (1, 'a');")]
#[case::copy(
    "DELETE FROM roles WHERE false; CREATE TEMP TABLE new (LIKE roles) ON COMMIT DROP;\n\
              COPY new FROM stdin;\n1\ta\n2\tb\n\\.\n\
              INSERT INTO roles SELECT * FROM new ON CONFLICT DO NOTHING;"
)]
fn seeders_that_get_along(#[case] seed: &str) {
    check(&rehearse(ROLES, seed, ""), 0, &["seed_race        passed"]);
}

/// The lock is free again before what was done under it can be seen.
#[test]
fn a_lock_that_is_given_back_before_the_commit() {
    let insert = "INSERT INTO roles SELECT 1, 'a' WHERE NOT EXISTS (SELECT FROM roles);";
    let locked = |unlock: &str| format!("SELECT pg_advisory_lock(1);\n{insert}\n{unlock}");
    let told = rehearse(ROLES, &locked("SELECT pg_advisory_unlock(1);\nSELECT 1;"), "");
    let fails = "warning[seed_race]: one of two seeders at once fails in seeds/all.sql";
    check(&told, 0, &[fails, "seeds/all.sql:2:1", "23505: duplicate key"]);
    check(&rehearse(ROLES, &locked(""), ""), 0, &["seed_race        passed"]);
}

/// A long file is played by turns of several statements.
#[test]
fn a_statement_of_a_turn_that_fails() {
    let insert = "INSERT INTO roles SELECT 1, 'a' WHERE NOT EXISTS (SELECT FROM roles);\n";
    let seed = format!("{}{insert}{}", "SELECT 1;\n".repeat(300), "SELECT 2;\n".repeat(150));
    check(
        &rehearse(ROLES, &seed, ""),
        0,
        &[
            "warning[seed_race]: one of two seeders at once fails in seeds/all.sql",
            "seeds/all.sql:301:1",
            "23505: duplicate key",
        ],
    );
}

/// With a transaction for each file, the second seeder would find what the first file has made.
#[test]
fn seeders_with_one_transaction_for_all() {
    let first = "CREATE TABLE first (id int); CREATE TABLE second (id int);";
    let insert =
        |table: &str| format!("INSERT INTO {table} SELECT 1 WHERE NOT EXISTS (SELECT FROM first);");
    let project = project(first, "SELECT 1;", "[seeds]\ntransaction = \"all\"\n");
    project.write("seeds/1.sql", insert("second"));
    project.write("seeds/2.sql", insert("first"));
    let told = run(verify(project.path()).args(["--only", "seed_race"]));
    check(
        &told,
        0,
        &[
            "leave 2 rows in public.first, and one leaves 1",
            "leave 2 rows in public.second, and one leaves 1",
            "seeds/2.sql:1:1",
        ],
    );
}

#[test]
fn what_grows_with_each_run_is_no_matter_of_two_at_once() {
    let told = rehearse("CREATE TABLE t (id int);", "INSERT INTO t VALUES (1);", "");
    check(&told, 0, &["seed_race        passed", "public.t grows with each run"]);
}

/// A step that is done once, as long as nobody else does it meanwhile.
fn stepping(condition: &str) -> Told {
    let migration = "CREATE TABLE done (step int PRIMARY KEY);
        CREATE TABLE counters (name text PRIMARY KEY, n int, made_at timestamptz DEFAULT now());
        INSERT INTO counters VALUES ('a', 0), ('b', 0);";
    let seed = format!(
        "INSERT INTO counters VALUES ('a', 0) ON CONFLICT DO NOTHING;\n\
         UPDATE counters SET n = n + 1 WHERE name = 'a' AND {condition};\n\
         INSERT INTO done VALUES (1) ON CONFLICT DO NOTHING;\n"
    );
    rehearse(migration, &seed, "")
}

#[test]
fn an_update_that_two_seeders_make_twice() {
    check(
        &stepping("NOT EXISTS (SELECT FROM done)"),
        0,
        &[
            "warning[seed_race]: two seeders at once leave other values in public.counters.n than \
             one",
            "seeds/all.sql:2:1",
            "changed: name = 'a': n '1' became '2'",
            "put aside: public.counters.made_at",
        ],
    );
    check(&stepping("n = 0"), 0, &["seed_race        passed"]);
}

#[test]
fn values_that_the_second_seeder_burns_are_no_other_rows() {
    let migration = "
        CREATE TABLE a (id bigserial PRIMARY KEY, name text UNIQUE);
        CREATE TABLE b (a_id bigint PRIMARY KEY REFERENCES a);";
    let seed = "INSERT INTO a (name) VALUES ('x') ON CONFLICT DO NOTHING;
                INSERT INTO a (name) VALUES ('y') ON CONFLICT DO NOTHING;
                INSERT INTO b SELECT id FROM a ON CONFLICT DO NOTHING;";
    let told = rehearse(migration, seed, "");
    check(&told, 0, &["seed_race        passed", "put aside: public.a.id"]);
    assert!(told.stdout.contains("nothing comparable in public.b"), "{}", told.all());
}

#[test]
fn what_one_seeder_fills_anew_each_time_is_no_matter_of_two() {
    let migration = "CREATE TABLE t (name text PRIMARY KEY, at timestamptz, n int);";
    let random = "INSERT INTO t VALUES ('a', clock_timestamp(), 1) ON CONFLICT DO NOTHING;";
    let told = rehearse(migration, random, "");
    check(&told, 0, &["seed_race        passed", "put aside: public.t.at"]);
    let again = "INSERT INTO t VALUES ('a', NULL, 1) ON CONFLICT (name) DO UPDATE SET n = t.n + 1;";
    let told = rehearse(migration, again, "");
    check(&told, 0, &["seed_race        passed", "public.t changes with each run"]);
}

/// A command's settings come by a variable that clients of Postgres read.
#[test]
fn commands_race_and_have_the_settings_of_the_session() {
    let sql = "DO $$ BEGIN ASSERT current_setting('app.actor') = 'a b'; END $$; \
               INSERT INTO roles VALUES (1, 'a') ON CONFLICT DO NOTHING";
    let run_line = toml::Value::from(sending(sql));
    let toml = format!(
        "[seeds]\nrun = {run_line}\n[bootstrap]\nsession = {{ \"app.actor\" = \"a b\" }}\n"
    );
    let project =
        Project::new(&[("migrations/000001_all.up.sql", ROLES), ("rehearsal.toml", &toml)]);
    let told = run(verify(project.path()).args(["--only", "seed_race,seed_randomness"]));
    check(&told, 0, &["seed_randomness  passed", "seed_race        passed", "then it is chance"]);
}

const KEPT: &str = "[seeds]\nedits = \"kept\"\n";
const RESTORED: &str = "[seeds]\nedits = \"restored\"\n";

#[test]
fn values_of_every_kind_are_edited() {
    let migration = "
        CREATE TYPE mood AS ENUM ('good', 'bad');
        CREATE DOMAIN size AS text CHECK (VALUE IN ('small', 'large'));
        CREATE TABLE t (id int PRIMARY KEY, a mood, b size, c boolean, d numeric(2), e date,
                        f jsonb, g uuid, h text[], i bytea, j char(3), k interval, l time, m inet,
                        n xml);";
    let seed = "
        DELETE FROM t;
        INSERT INTO t VALUES (1, 'good', 'small', true, 99, '2020-01-01', '[]', NULL, '{a}', 'x',
                              'abc', '1 h', '10:00', '10.0.0.1', '<a/>');";
    let told = rehearse(migration, seed, KEPT);
    check(
        &told,
        1,
        &[
            "error[seed_edits]: the seeds undo what a user has edited in public.t",
            "seeds/all.sql:2:9",
            "id = '1': a was edited to 'bad', and became 'good'",
            "id = '1': b was edited to 'large', and became 'small'",
            "id = '1': c was edited to 'false', and became 'true'",
            "id = '1': d was edited to '98', and became '99'",
            "id = '1': e was edited to '2020-01-02', and became '2020-01-01'",
            "and 21 more",
        ],
    );
}

#[test]
fn what_can_not_be_edited_is_said() {
    let migration = "
        CREATE TABLE bare (name text);
        CREATE TABLE sealed (id int PRIMARY KEY, name text);
        CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS
            $$ BEGIN RAISE 'sealed'; END $$;
        CREATE TRIGGER refuse BEFORE UPDATE ON sealed EXECUTE FUNCTION refuse();
        CREATE TABLE pairs (a int, b int, PRIMARY KEY (a, b));
        CREATE TABLE hidden (id int PRIMARY KEY, name text);
        ALTER TABLE hidden ENABLE ROW LEVEL SECURITY;
        ALTER TABLE hidden FORCE ROW LEVEL SECURITY;
        CREATE POLICY insert_only ON hidden FOR INSERT WITH CHECK (true);
        CREATE TABLE withheld (id int PRIMARY KEY, name text);
        INSERT INTO withheld VALUES (0, 'from the chain');
        REVOKE SELECT ON withheld FROM CURRENT_USER;
        CREATE TABLE other (id int PRIMARY KEY, name text);
        INSERT INTO other VALUES (1, 'from the chain');";
    let seed = "
        INSERT INTO bare SELECT 'a' WHERE NOT EXISTS (SELECT FROM bare);
        INSERT INTO sealed VALUES (1, 'a') ON CONFLICT DO NOTHING;
        INSERT INTO pairs VALUES (1, 2) ON CONFLICT DO NOTHING;
        INSERT INTO hidden VALUES (1, 'a') ON CONFLICT DO NOTHING;
        INSERT INTO withheld VALUES (1, 'a') ON CONFLICT DO NOTHING;";
    let told = rehearse(migration, seed, RESTORED);
    check(
        &told,
        0,
        &[
            "seed_edits       passed",
            "public.bare not edited: it has no key by which a row could be told from another",
            "public.hidden not edited: its policies hide the rows",
            "public.withheld not edited: an app can't read it: permission denied for table",
            "public.pairs not edited: all its columns are keys, generated or ignored",
            "public.sealed not edited: its constraints and triggers let none of the values pass",
        ],
    );
    assert!(!told.stdout.contains("public.other"), "{}", told.all());
}

/// Only what the seeds have written themselves can be restored by them.
#[test]
fn edits_that_are_restored() {
    let migration = "CREATE TABLE t (id int PRIMARY KEY, name text, note text, n int DEFAULT 1);";
    let upsert = "INSERT INTO t (id, name) VALUES (1, 'a') \
                  ON CONFLICT (id) DO UPDATE SET name = EXCLUDED.name \
                  WHERE t.name IS DISTINCT FROM EXCLUDED.name;";
    check(&rehearse(migration, upsert, RESTORED), 0, &["seed_edits       passed"]);
    let told = rehearse(migration, upsert, KEPT);
    check(&told, 1, &["seed_edits       failed", "this overwrites it"]);
    let insert = "INSERT INTO t (id, name) VALUES (1, 'a') ON CONFLICT DO NOTHING;";
    check(&rehearse(migration, insert, KEPT), 0, &["seed_edits       passed"]);
    check(
        &rehearse(migration, insert, RESTORED),
        1,
        &[
            "error[seed_edits]: the seeds leave what a user has edited in public.t",
            "name 'a' was edited to 'a (edited)', and stays so",
            "ON CONFLICT (…) DO UPDATE SET name = EXCLUDED.name",
            "WHERE t.name IS DISTINCT FROM EXCLUDED.name",
        ],
    );
}

/// Whatever somebody may do: in the last row of several, to a reference, to clear a field; and
/// whatever becomes of it.
#[rstest]
#[case(
    KEPT,
    "ON CONFLICT (id) DO UPDATE SET team = EXCLUDED.team WHERE t.team <> EXCLUDED.team",
    "team was edited to '2', and became '1'"
)]
#[case(
    KEPT,
    "ON CONFLICT (id) DO UPDATE SET name = EXCLUDED.name WHERE t.id = 5",
    "id = '5': name was edited to 'e (edited)', and became 'e'"
)]
#[case(
    KEPT,
    "ON CONFLICT (id) DO UPDATE SET name = EXCLUDED.name WHERE t.name IS NULL",
    "name was edited to NULL, and became 'a'"
)]
#[case(
    RESTORED,
    "ON CONFLICT (id) DO UPDATE SET name = 'z', team = EXCLUDED.team \
                  WHERE (t.name, t.team) IS DISTINCT FROM (EXCLUDED.name, EXCLUDED.team)",
    "name was edited to 'a (edited)', and became 'z'"
)]
#[case(
    RESTORED,
    "ON CONFLICT DO NOTHING; DELETE FROM t WHERE name LIKE '%edited%'",
    "name was edited to 'a (edited)', and the row is gone"
)]
fn edits_of_every_row_and_kind(#[case] promise: &str, #[case] rest: &str, #[case] told: &str) {
    let migration = "CREATE TABLE teams (id int PRIMARY KEY); INSERT INTO teams VALUES (1), (2);
        CREATE TABLE t (id int PRIMARY KEY, name text, team int REFERENCES teams);";
    let rows = "(1, 'a', 1), (2, 'b', 1), (3, 'c', 1), (4, 'd', 1), (5, 'e', 1)";
    let seed = format!("INSERT INTO t VALUES {rows} {rest};");
    check(&rehearse(migration, &seed, promise), 1, &["error[seed_edits]", told]);
}

/// Keys and values are told as text, which depends on the settings of the session.
#[test]
fn edits_in_the_session_of_the_seeds() {
    let migration = "CREATE TABLE t (at timestamptz PRIMARY KEY, until timestamptz, name text);";
    let seed = "INSERT INTO t VALUES ('2024-01-01Z', '2024-01-02Z', 'a') ON CONFLICT DO NOTHING;";
    let toml = format!("{KEPT}[bootstrap]\nsession = {{ TimeZone = \"Europe/Berlin\" }}\n");
    check(&rehearse(migration, seed, &toml), 0, &["seed_edits       passed"]);
}

#[test]
fn a_log_of_what_the_seeds_write_is_not_theirs_to_restore() {
    let migration = "
        CREATE TABLE t (id int PRIMARY KEY, name text);
        CREATE TABLE log (id int GENERATED ALWAYS AS IDENTITY PRIMARY KEY, name text NOT NULL);
        CREATE FUNCTION note() RETURNS trigger LANGUAGE plpgsql AS
            $$ BEGIN INSERT INTO log (name) VALUES (NEW.name); RETURN NULL; END $$;
        CREATE TRIGGER note AFTER INSERT ON t FOR EACH ROW EXECUTE FUNCTION note();";
    let upsert = "INSERT INTO t VALUES (1, 'a') \
                  ON CONFLICT (id) DO UPDATE SET name = EXCLUDED.name;";
    let remark = "public.log not judged: no seed writes it, the trigger note does";
    check(&rehearse(migration, upsert, RESTORED), 0, &["seed_edits       passed", remark]);
    let insert = format!("{upsert} INSERT INTO log (name) SELECT 'b' WHERE false;");
    check(&rehearse(migration, &insert, RESTORED), 1, &["has edited in public.log"]);
}

#[test]
fn what_a_key_only_carries_along_is_edited() {
    let migration = "
        CREATE TABLE t (id int, name text NOT NULL, PRIMARY KEY (id) INCLUDE (name));
        CREATE TABLE u (id int NOT NULL, name text NOT NULL);
        CREATE UNIQUE INDEX u_id ON u (id) INCLUDE (name);";
    let seed = "DELETE FROM t; INSERT INTO t VALUES (1, 'a');
                DELETE FROM u; INSERT INTO u VALUES (1, 'a');";
    let undone = "id = '1': name was edited to 'a (edited)', and became 'a'";
    let told = rehearse(migration, seed, KEPT);
    check(&told, 1, &["edited in public.t", "edited in public.u", undone]);
}

#[test]
fn seeds_that_fail_after_an_edit() {
    let migration = "CREATE TABLE t (id int PRIMARY KEY, name text CHECK (name IN ('a', 'b')));";
    let seed = "INSERT INTO t VALUES (1, 'a') ON CONFLICT DO NOTHING;\n\
                DO $$ BEGIN ASSERT (SELECT name FROM t) = 'a', 'who was that'; END $$;";
    check(
        &rehearse(migration, seed, KEPT),
        1,
        &["a run of the seeds after edits fails in seeds/all.sql", "P0004: who was that"],
    );
}

#[test]
fn what_a_folder_of_seeds_would_pass_over() {
    let configured = |toml: &'static str, path: &'static str| {
        [
            ("migrations/000001_all.up.sql", ROLES),
            ("rehearsal.toml", toml),
            ("seeds/all.sql", "SELECT 1;"),
            (path, "SELECT 2;"),
        ]
    };
    let files = |path: &'static str| configured("[seeds]\npath = \"seeds\"\n", path);
    check_files(
        &files("seeds/dev/users.sql"),
        &[
            "seeds/dev holds .sql files, and a folder of seeds is played without those below it",
            "steps = [{ path = \"seeds\" }, { path = \"seeds/dev\" }]",
        ],
    );
    check_files(
        &files("seeds/users.ts"),
        &["seeds/users.ts is not SQL, and nothing would play it", "{ run = \"…\" }"],
    );
    let scripts = "[seeds]\nsteps = []\n[bootstrap]\npost = \"seeds\"\n";
    check_files(
        &configured(scripts, "seeds/later/2.sql"),
        &[
            "seeds/later holds .sql files, and a folder of scripts is played without those below",
            "help: [bootstrap] in rehearsal.toml names seeds",
        ],
    );
    // Whoever has never said that it holds seeds may have anything there.
    for path in ["seeds/dev/users.sql", "seeds/users.ts"] {
        let project = Project::new(&configured("", path));
        let told = run(verify(project.path()).args(["--only", "seed_race"]));
        check(&told, 0, &["seed_race  passed"]);
    }
    let project = Project::new(&files("seeds/README.md"));
    project.write("seeds/dev/users.sql", "SELECT 2;");
    project.write("seeds/users.ts", "");
    let steps =
        "[seeds]\nsteps = [{ path = \"seeds\" }, { run = \"true\" }, { path = \"seeds/dev\" }]\n";
    project.write("rehearsal.toml", steps);
    let told = run(verify(project.path()).args(["--only", "seed_race"]));
    check(&told, 0, &["seed_race  passed"]);
}
