//! `[seeds]`: whatever is wrong with them is told with what to do about it, with exit status 2
//! where they can't be read, and as a finding where they can't be run twice.

use rstest::rstest;

use crate::command::sending;
use crate::leftovers::assert_nothing_is_left;
use crate::support::{Project, Temporary, Told, check_files, check_report, run, verify};

/// What the migrations alone make.
const TAGS: (&str, &str) = (
    "migrations/000001_tags.up.sql",
    "CREATE TABLE tags (id int PRIMARY KEY, name text NOT NULL, at timestamptz DEFAULT now());\n",
);

/// Where the seeds are, if nobody says it.
const SEED: &str = "seeds/1_tags.sql";

/// Rehearses a project with one seed file.
fn seeded(seed: &str) -> Told {
    configured("", seed)
}

fn configured(toml: &str, seed: &str) -> Told {
    let project = Project::new(&[TAGS, ("rehearsal.toml", toml), (SEED, seed)]);
    run(&mut verify(project.path()))
}

/// Who asks for one check alone has what the other one would have told.
#[test]
fn rows_that_come_and_change_are_told_by_whoever_is_asked() {
    let seed = "INSERT INTO tags (id, name) SELECT count(*) + 1, 'a' FROM tags;
                UPDATE tags SET name = name || '!' WHERE id = 1;\n";
    let text = "warning[reseed_contents]: a second run of the seeds adds rows to public.tags";
    let told = configured("[checks]\nreseed_counts = \"allow\"\n", seed);
    check_report(&told, 0, &[text, "changed: id = '1': name 'a!' became 'a!!'"]);
    assert!(!seeded(seed).stdout.contains(text), "reseed_counts tells it");
}

#[test]
fn rows_that_are_too_many_to_be_told_are_said_to_be() {
    let seed = "INSERT INTO tags (id, name) SELECT n, 'a' FROM generate_series(1, 1500) n
                    ON CONFLICT DO NOTHING;
                UPDATE tags SET name = name || '!' WHERE id = 77;\n";
    let texts = [
        "table public.tags: values changed, with 1500 rows as before",
        "which rows is told of tables with 1000 at most",
    ];
    check_report(&seeded(seed), 0, &texts);
}

#[test]
fn seeds_that_are_not_there() {
    let with = |toml: &str| {
        let files = [TAGS, ("rehearsal.toml", toml), ("seeds/README", "none yet\n")];
        run(&mut verify(Project::new(&files).path()))
    };
    let empty = with("[seeds]\npath = \"seeds\"");
    assert_eq!(empty.status, 2, "{}", empty.all());
    assert!(empty.stderr.contains("seeds holds no .sql file"), "{}", empty.all());
    assert!(empty.stderr.contains("help: put one there, or take the folder out of [seeds]"));
    let missing = with("[seeds]\npath = \"db/seeds\"");
    assert_eq!(missing.status, 2, "{}", missing.all());
    assert!(missing.stderr.contains("failed to open"), "{}", missing.all());
    assert!(missing.stderr.contains("help: check [seeds] in rehearsal.toml"), "{}", missing.all());
    let none =
        "seed and 6 more  skipped          there are no seeds; `path` or `run` under [seeds]";
    check_report(&with(""), 0, &[none]);
    // Not even those that would be found.
    let told = configured("[seeds]\nsteps = []\n", "SELECT 1 / 0;\n");
    check_report(&told, 0, &[none]);
}

#[rstest]
#[case::key("path = \"seeds\"\npth = 1", &["rehearsal.toml:3:1: unknown key `pth`", "`path`"])]
#[case::both(
    "path = \"seeds\"\nrun = \"true\"",
    &["rehearsal.toml:3:7: `path` and `run` don't say which of the two comes first", "steps = ["]
)]
#[case::beside(
    "path = \"seeds\"\nsteps = [{ run = \"true\" }]",
    &["`steps` has all seeds, and this stands beside it", "make it one of the steps"]
)]
#[case::empty("run = \" \"", &["rehearsal.toml:2:7: `run` is empty", "pnpm db:seed"])]
#[case::nowhere("path = \"\"", &["rehearsal.toml:2:8: `path` is empty", "\"db/seeds\""])]
#[case::shared(
    "run = \"true\"\ntransaction = \"all\"",
    &["a command has transactions of its own", "remove transaction = \"all\""]
)]
#[case::count("expect = { tags = -1 }", &["rehearsal.toml:2:", "invalid value"])]
fn a_mistake_in_the_configuration(#[case] seeds: &str, #[case] texts: &[&str]) {
    let toml = format!("[seeds]\n{seeds}\n");
    check_files(&[TAGS, (SEED, "SELECT 1;"), ("rehearsal.toml", &toml)], texts);
}

#[test]
fn a_file_that_is_not_sql() {
    let project = Project::new(&[TAGS]);
    project.write(SEED, b"INSERT INTO tags VALUES (1, '\xff\xfe');\n");
    let told = run(&mut verify(project.path()));
    assert_eq!(told.status, 2, "{}", told.all());
    assert!(told.stderr.contains("seeds/1_tags.sql"), "{}", told.all());
    assert!(told.stderr.contains("not UTF-8"), "{}", told.all());
    check_files(
        &[TAGS, (SEED, "SELECT 1;\n\\copy tags from 'tags.csv'\n")],
        &["seeds/1_tags.sql:2", "\\copy", "help: write the file in plain SQL", "steps = []"],
    );
    check_files(
        &[TAGS, (SEED, "SELECT 1;"), ("supabase/seed.sql", "SELECT 1;")],
        &["seeds and supabase/seed.sql both hold seeds", "path = \"seeds\"", "steps = []"],
    );
}

#[test]
fn a_file_that_does_nothing() {
    check_report(&seeded("-- later\n"), 0, &["seed             passed"]);
    check_files(
        &[TAGS, (SEED, "")],
        &["seeds/1_tags.sql is empty", "help: write its SQL, remove it, or say in a comment why"],
    );
}

#[test]
fn a_statement_that_fails_is_found_among_many() {
    let mut seed = (1..=40).map(|id| format!("INSERT INTO tags VALUES ({id}, 'x');\n"));
    let seed = seed.by_ref().collect::<String>() + "INSERT INTO tags VALUES (7, 'y');\nSELECT 1;\n";
    let project = Project::new(&[TAGS, (SEED, &seed), ("seeds/2_more.sql", "SELECT 1;\n")]);
    check_report(
        &run(&mut verify(project.path())),
        1,
        &[
            "error[seed]: seeding fails in seeds/1_tags.sql",
            "seeds/1_tags.sql:41:1",
            "23505: duplicate key value violates unique constraint",
            "seeding stops here; 1 later seed was not run",
            "skipped  the seeds do not apply, see `seed`",
        ],
    );
    check_report(
        &seeded("INSERT INTO tags VALUES (1, 'a');\nINSERT INTO tags (id, nam) VALUES (2, 'b');\n"),
        1,
        &["seeds/1_tags.sql:2:1", "42703", "the migrations alone don't make it"],
    );
}

#[test]
fn rows_that_copy_brings() {
    let rows = "COPY fresh (id, name) FROM stdin;\n1\tnews\n2\tmore\n\\.\n";
    let seed = format!(
        "CREATE TEMPORARY TABLE fresh (LIKE tags) ON COMMIT DROP;\n{rows}INSERT INTO tags SELECT * \
         FROM fresh WHERE NOT EXISTS (SELECT FROM tags WHERE tags.id = fresh.id);\n"
    );
    let told = configured("[seeds]\nexpect = { tags = 2 }\n", &seed);
    check_report(&told, 0, &["reseed_contents  passed", "seed_counts      passed"]);
    let told = seeded("COPY tags (id, name) FROM stdin;\n1\tnews\nx\tmore\n\\.\n");
    check_report(&told, 1, &["seeds/1_tags.sql:1:1", "invalid input syntax", "COPY tags, line 2"]);
}

#[test]
fn a_seed_that_ends_its_transaction() {
    let told =
        seeded("BEGIN;\nINSERT INTO tags VALUES (1, 'a') ON CONFLICT DO NOTHING;\nCOMMIT;\n");
    let texts = [
        "seeds/1_tags.sql:3:1",
        "the file ends the transaction in which it is played",
        "help: leave BEGIN, COMMIT and ROLLBACK out of the file",
    ];
    check_report(&told, 1, &texts);
    assert!(!told.stdout.contains("ledger's row"), "{}", told.all());
    // Also where one transaction holds all seeds, and where another one is begun.
    let again = "INSERT INTO tags VALUES (1, 'a') ON CONFLICT DO NOTHING;\n\nCOMMIT; BEGIN;\n";
    check_report(&configured("[seeds]\ntransaction = \"all\"\n", again), 1, &texts);
    let block = "SELECT 1;\nDO $$ BEGIN COMMIT; END $$;\n";
    let help = "help: the file is played in a transaction of its own, which nothing in it may end";
    check_report(&seeded(block), 1, &["seeds/1_tags.sql:2:1", "2D000", help]);
    check_report(&seeded("VACUUM tags;\n"), 1, &["25001", "in a transaction, as by `psql -1 -f`"]);
}

#[test]
fn a_seed_that_sets_its_isolation() {
    let seed = "SET TRANSACTION ISOLATION LEVEL SERIALIZABLE;\nSELECT 1;\n";
    check_report(&seeded(seed), 0, &["seed             passed"]);
    let told = configured("[bootstrap]\nsession = { \"app.actor_id\" = \"1\" }\n", seed);
    let help = "help: the settings of [bootstrap] session are a query, made before the file";
    check_report(&told, 1, &["seeds/1_tags.sql:1:1", "25001", help]);
    let own = format!("{seed}SET LOCAL \"app.actor_id\" = '1';\n");
    check_report(&seeded(&own), 0, &["seed             passed"]);
}

#[test]
fn a_seed_that_changes_the_schema() {
    let seed = "INSERT INTO tags VALUES (1, 'a') ON CONFLICT DO NOTHING;\n\
                CREATE TABLE IF NOT EXISTS moods (name text PRIMARY KEY);\n\
                ALTER TABLE tags ADD COLUMN IF NOT EXISTS mood text;\n";
    check_report(
        &seeded(seed),
        1,
        &[
            "error[seed]: the seeds make the table public.moods",
            "seeds/1_tags.sql:2:1",
            "error[seed]: the seeds make the column public.tags.mood",
            "seeds/1_tags.sql:3:1",
            "help: move it into a migration",
        ],
    );
}

#[test]
fn a_seed_that_never_ends() {
    let temporary = Temporary::new();
    let seed = "INSERT INTO tags VALUES (1, 'a');\nUPDATE tags SET name = 'b' WHERE id = (SELECT \
                count(*) FROM generate_series(1, 1000000000000));\n";
    let project = Project::new(&[TAGS, (SEED, seed)]);
    let mut command = verify(project.path());
    command.args(["--timeout", "1"]).env("TMPDIR", temporary.path());
    let texts =
        ["seeds/1_tags.sql:2:1", "did not end within 1 s", "--timeout SECONDS sets another"];
    check_report(&run(&mut command), 1, &texts);
    let project = Project::new(&[TAGS, ("rehearsal.toml", "[seeds]\nrun = \"cat /dev/zero\"\n")]);
    let mut command = verify(project.path());
    command.args(["--timeout", "1"]).env("TMPDIR", temporary.path());
    check_report(
        &run(&mut command),
        1,
        &["does not end within 1 s", "--timeout SECONDS sets another"],
    );
    assert_nothing_is_left(&temporary);
}

fn commanded(line: &str) -> Told {
    let toml = format!("[seeds]\nrun = {}\n", toml::Value::from(line));
    run(&mut verify(Project::new(&[TAGS, ("rehearsal.toml", &toml)]).path()))
}

#[test]
fn a_command_that_fails_or_goes_elsewhere() {
    let half = sending("INSERT INTO tags VALUES (1, 'a')") + " && " + &sending("SELECT nothing");
    check_report(
        &commanded(&half),
        1,
        &[
            "error[seed]: seeding fails: `REHEARSAL_TEST_SQL=",
            "rehearsal.toml:2:7",
            "ends with exit status 1",
            "column \"nothing\" does not exist",
            "this is the last seed",
        ],
    );
    check_report(
        &commanded(&sending("INSERT INTO tags VALUES (1, 'a')")),
        1,
        &["error[reseed_counts]: a second run of the seeds fails", "duplicate key value"],
    );
    check_report(
        &commanded("echo seeded"),
        0,
        &[
            "warning[seed]: `echo seeded` succeeds, and leaves the database as it was",
            "DATABASE_URL",
        ],
    );
    let good = sending("INSERT INTO tags VALUES (1, 'a') ON CONFLICT DO NOTHING");
    check_report(&commanded(&good), 0, &["reseed_contents  passed"]);
}

#[test]
fn steps_come_in_their_order() {
    let command = sending("UPDATE tags SET name = name WHERE name = 'a'");
    let toml = format!(
        "[seeds]\nsteps = [{{ path = \"b\" }}, {{ run = {} }}, {{ path = \"a.sql\" }}]\n",
        toml::Value::from(command)
    );
    let project = Project::new(&[
        TAGS,
        ("rehearsal.toml", &toml),
        ("b/10.sql", "UPDATE tags SET name = 'b' WHERE id = 2 AND name = 'a';\n"),
        ("b/9.sql", "INSERT INTO tags VALUES (1, 'a'), (2, 'a') ON CONFLICT DO NOTHING;\n"),
        ("a.sql", "SELECT 1 / count(*) FROM tags WHERE name = 'b';\n"),
    ]);
    let told = run(&mut verify(project.path()));
    check_report(
        &told,
        0,
        &[
            "warning[reseed_contents]: a second run of the seeds writes rows of public.tags again",
            "rehearsal.toml:2:34",
            "seed             passed",
        ],
    );
}

#[test]
fn a_second_run_that_fails() {
    check_report(
        &seeded("INSERT INTO tags (id, name) VALUES (1, 'a');\n"),
        1,
        &[
            "error[reseed_counts]: a second run of the seeds fails in seeds/1_tags.sql",
            "seeds run at each deploy, on what the last one left",
            "ON CONFLICT DO NOTHING passes over it",
            "reseed_contents  skipped          the second run fails, see `reseed_counts`",
        ],
    );
}

/// From Postgres 15 on, what is written is counted.
fn counts_writes(told: &Told) -> bool {
    !told.stdout.contains(" on Postgres 14")
}

#[test]
fn rows_that_are_written_again_are_counted() {
    let reinsert = "DELETE FROM tags;\nINSERT INTO tags (id, name, at) SELECT i, 'x', NULL FROM \
                    generate_series(1, 500) i;\n";
    let told = seeded(reinsert);
    let again = "a second run of the seeds writes rows of public.tags again, with the same values";
    check_report(&told, 0, &[again, "seeds/1_tags.sql:1:1", "help: leave the rows where they are"]);
    let truncate = "TRUNCATE tags;\nINSERT INTO tags (id, name, at) SELECT i, 'x', \
                    clock_timestamp() FROM generate_series(1, 500) i;\n";
    let truncated = seeded(truncate);
    check_report(&truncated, 0, &["seeds/1_tags.sql:1:1", "help: leave the rows where they are"]);
    if counts_writes(&told) {
        check_report(&told, 0, &["the second run wrote 500 by INSERT, 0 by UPDATE, 500 by DELETE"]);
        // Columns that may change are no reason to delete their rows.
        let clocked = "[seeds]\nignore_columns = [\"*.at\"]\n";
        check_report(&configured(clocked, &reinsert.replace("NULL", "now()")), 0, &[again]);
        let fleeting = "INSERT INTO tags VALUES (1, 'a'); DELETE FROM tags WHERE id = 1;\n";
        let seen = "a second run of the seeds writes to public.tags, and leaves no trace of it";
        check_report(&seeded(fleeting), 0, &[seen, "1 inserted, 1 deleted"]);
    }
}

#[test]
fn a_view_that_is_refreshed() {
    let view = "CREATE MATERIALIZED VIEW names AS SELECT name FROM tags;\n";
    let seed = "INSERT INTO tags VALUES (1, 'a', NULL) ON CONFLICT DO NOTHING;\n\
                REFRESH MATERIALIZED VIEW names;\n";
    let files = [TAGS, ("migrations/000002_names.up.sql", view), (SEED, seed)];
    let told = run(&mut verify(Project::new(&files).path()));
    check_report(&told, 0, &["reseed_contents  passed"]);
}

#[test]
fn columns_that_may_change() {
    let seed = "INSERT INTO tags (id, name) VALUES (1, 'a') ON CONFLICT (id) DO UPDATE SET at = \
                clock_timestamp();\n";
    check_report(&seeded(seed), 0, &["warning[reseed_contents]", "ignore_columns = [\"*.at\"]"]);
    for pattern in ["*.at", "tags.*", "public.tags.at"] {
        let told = configured(&format!("[seeds]\nignore_columns = [\"{pattern}\"]\n"), seed);
        check_report(&told, 0, &["reseed_contents  passed"]);
    }
    let told = configured("[seeds]\nignore_columns = [\"*.at\", \"tags.nme\"]\n", seed);
    check_report(
        &told,
        0,
        &[
            "warning[reseed_contents]: `tags.nme` under ignore_columns fits no column",
            "rehearsal.toml:2:27",
            "help: did you mean `tags.name`?",
        ],
    );
}

#[test]
fn counts_that_are_declared() {
    let seed = "CREATE TEMPORARY TABLE other ();\nINSERT INTO tags VALUES (1, 'a') ON CONFLICT DO \
                NOTHING;\n";
    for table in ["tags", "\"public.tags\""] {
        let told = configured(&format!("[seeds]\nexpect = {{ {table} = 1 }}\n"), seed);
        check_report(&told, 0, &["seed_counts      passed"]);
    }
    let told = configured("[seeds]\nexpect = { tag = 1, tags = 2 }\n", seed);
    check_report(
        &told,
        1,
        &[
            "error[seed_counts]: there is no table `tag`",
            "rehearsal.toml:2:12",
            "help: did you mean `tags`?",
            "error[seed_counts]: public.tags has 1 row after the seeds, and not 2",
        ],
    );
    let told = configured("[seeds]\nexpect = { \"*\" = 1 }\n", seed);
    check_report(&told, 1, &["error[seed_counts]: there is no table `*`"]);
    let spared = "seed_counts      skipped          [seeds] declares no counts: expect = { … }";
    check_report(&seeded(seed), 0, &[spared]);
}

#[test]
fn rows_of_who_inherits_are_counted_as_a_query_would() {
    let migration = "
        CREATE TABLE a (id int); CREATE TABLE b () INHERITS (a); CREATE TABLE c () INHERITS (a);
        CREATE TABLE d () INHERITS (b, c); INSERT INTO d VALUES (1); INSERT INTO b VALUES (2);";
    let toml = "[seeds]\nexpect = { a = 2, b = 2, c = 1, d = 1 }\n";
    let files = [("migrations/000001_all.up.sql", migration), (SEED, "SELECT 1;\n")];
    let project = Project::new(&[files[0], files[1], ("rehearsal.toml", toml)]);
    check_report(&run(&mut verify(project.path())), 0, &["seed_counts      passed"]);
}

#[test]
fn settings_that_postgres_refuses() {
    let toml = "[bootstrap]\nsession = { work_mem = \"a lot\" }\n";
    let project = [TAGS, (SEED, "SELECT 1;\n"), ("rehearsal.toml", toml)];
    let texts = ["rehearsal.toml:2:13: Postgres does not take the setting `work_mem`", "22023"];
    check_files(&project, &texts);
}
