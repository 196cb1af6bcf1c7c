//! `[bootstrap]`: pre scripts, seeds, post scripts and what must hold then; whatever is wrong with
//! them is told with the script that did it.

use std::process::Command;

use rstest::rstest;

use crate::support::{Project, Told, check_report as check, run, verify};

/// What the migrations make, in a schema that a pre script makes before them.
const CHAIN: (&str, &str) = (
    "migrations/000001_posts.up.sql",
    "CREATE TABLE app.posts (id int PRIMARY KEY, title text, made_by int,
                             at timestamptz DEFAULT clock_timestamp());
     CREATE TABLE app.log (id int);\n",
);

const PRE: (&str, &str) = ("pre/1_schema.sql", "CREATE SCHEMA IF NOT EXISTS app;\n");

const SEED: (&str, &str) = (
    "seeds/1_posts.sql",
    "INSERT INTO app.posts (id, title) VALUES (1, 'Hello') ON CONFLICT DO NOTHING;\n",
);

/// Rehearses the project with other files in the place of its own, or beside them.
fn bootstrap(toml: &str, files: &[(&str, &str)]) -> Told {
    run(&mut verify(project(toml, files).path()))
}

fn project(toml: &str, files: &[(&str, &str)]) -> Project {
    let toml = format!("[bootstrap]\npre = \"pre\"\n{toml}");
    let project = Project::new(&[CHAIN, PRE, SEED, ("rehearsal.toml", &toml)]);
    for (path, text) in files {
        project.write(path, text);
    }
    project
}

/// The same with one post script.
fn with_post(post: &str) -> Told {
    bootstrap("post = \"post\"\n", &[("post/1_last.sql", post)])
}

#[test]
fn pre_scripts_come_before_the_chain() {
    let project = project("", &[]);
    let first = run(&mut verify(project.path()));
    check(&first, 0, &["apply            passed", "bootstrap        passed"]);
    // What it made then is not taken for what another one makes.
    project.write(PRE.0, "CREATE SCHEMA IF NOT EXISTS other;\n");
    check(&run(&mut verify(project.path())), 1, &["3F000: schema \"app\" does not exist"]);
}

#[test]
fn a_pre_script_that_fails_is_told_and_nothing_of_the_chain_is_played() {
    let told = bootstrap("", &[(PRE.0, "CREATE SCHEMA app;\nSELECT 1 / 0;\n")]);
    check(
        &told,
        1,
        &[
            "error[apply]: the first boot fails in pre/1_schema.sql",
            "--> pre/1_schema.sql:2:1",
            "22012: division by zero",
            "nothing of the chain was played: the pre scripts come before it",
            "seed_race and bootstrap  skipped          the chain does not apply, see `apply`",
        ],
    );
    assert!(!told.stdout.contains("000001_posts"), "{}", told.all());
}

#[test]
fn a_pre_script_may_make_a_role_if_it_looks_first() {
    let create = "CREATE ROLE rehearsal_test_reader;\n";
    let guarded = format!(
        "{}DO $$ BEGIN
           IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'rehearsal_test_reader') THEN
             {create}
           END IF;
         END $$;\n",
        PRE.1
    );
    let told = bootstrap("", &[(PRE.0, &guarded)]);
    check(&told, 0, &["bootstrap        passed"]);
    assert!(!told.stdout.contains("not cut off"), "{}", told.all());
    let told = bootstrap("", &[(PRE.0, &format!("{}{create}", PRE.1))]);
    check(
        &told,
        1,
        &[
            "error[bootstrap]: a second bootstrap fails in pre/1_schema.sql",
            "42710: role \"rehearsal_test_reader\" already exists",
            "cut off after the chain: a deploy that dies there can't be started again",
            "not cut off before the chain",
        ],
    );
}

#[test]
fn a_post_script_that_fails_is_told() {
    let toml = "post = \"post\"\ntighten = [\"app.posts.id\"]\nuntouched = [\"app.log\"]\n";
    let told = bootstrap(toml, &[("post/1_last.sql", "SELECT 1;\nSELECT nothing();\n")]);
    let no_end = "skipped          the bootstrap does not come to its end, see `bootstrap`";
    check(
        &told,
        1,
        &[
            "error[bootstrap]: the bootstrap fails in post/1_last.sql",
            "--> post/1_last.sql:2:1",
            "42883: function nothing() does not exist",
            &format!("tighten and stray_writes  {no_end}"),
        ],
    );
}

#[rstest]
#[case::unguarded(
    "INSERT INTO app.posts VALUES ((SELECT max(id) + 1 FROM app.posts), 'Welcome');\n",
    &[
        "error[bootstrap]: a second bootstrap changes the database in post/1_last.sql",
        "--> post/1_last.sql:1:1",
        "table app.posts: 2 rows became 3",
        "new: id = '3', title = 'Welcome'",
    ]
)]
#[case::schema(
    "DROP TABLE IF EXISTS app.new; ALTER TABLE app.log RENAME TO new; CREATE TABLE app.log ();\n",
    &["error[bootstrap]: a second bootstrap changes the database in post/1_last.sql", "app.new"]
)]
#[case::failing(
    "CREATE TABLE app.done ();\n",
    &[
        "error[bootstrap]: a second bootstrap fails in post/1_last.sql",
        "42P07: relation \"done\" already exists",
        "help: guard what is there already",
    ]
)]
fn a_second_bootstrap_that_is_not_inert(#[case] post: &str, #[case] texts: &[&str]) {
    check(&with_post(post), 1, texts);
}

#[test]
fn what_only_writes_again_is_a_warning() {
    let told = with_post("UPDATE app.posts SET title = title;\n");
    let texts = ["warning[bootstrap]: a second bootstrap writes in post/1_last.sql", "same values"];
    check(&told, 0, &texts);
}

#[test]
fn columns_that_each_run_may_fill_anew_are_left_out() {
    let post = ("post/1_last.sql", "UPDATE app.posts SET at = clock_timestamp();\n");
    let told = bootstrap("post = \"post\"\n", &[post]);
    check(&told, 1, &["a second bootstrap changes the database in post/1_last.sql"]);
    let toml = "post = \"post\"\n[seeds]\npath = \"seeds\"\nignore_columns = [\"*.at\"]\n";
    check(&bootstrap(toml, &[post]), 0, &["bootstrap        passed"]);
}

#[test]
fn a_deploy_that_dies_between_two_phases_and_can_not_be_started_again() {
    // Only after the columns were tightened does something come after the post scripts.
    let toml = "post = \"post\"\ntighten = [\"app.posts.id\"]\n";
    let told = bootstrap(toml, &[("post/1_last.sql", "CREATE TABLE app.done ();\n")]);
    let cut = "so does one after a bootstrap that was cut off after the post scripts: a deploy \
               that dies there can't be started again";
    check(&told, 1, &["error[bootstrap]: a second bootstrap fails in post/1_last.sql", cut]);
    // A whole bootstrap never meets the table empty.
    let empty = "CREATE SCHEMA IF NOT EXISTS app;
         DO $$ BEGIN
           IF to_regclass('app.posts') IS NOT NULL THEN
             IF NOT EXISTS (SELECT FROM app.posts) THEN RAISE 'there are no posts'; END IF;
           END IF;
         END $$;\n";
    let texts = [
        "error[bootstrap]: a bootstrap after one that was cut off after the chain fails in \
         pre/1_schema.sql",
        "P0001: there are no posts",
        "a deploy that dies after the chain can't be started again",
    ];
    check(&bootstrap("", &[(PRE.0, empty)]), 1, &texts);
}

#[test]
fn a_deploy_that_dies_between_two_phases_and_ends_elsewhere() {
    let rescue = "CREATE SCHEMA IF NOT EXISTS app;
         DO $$ BEGIN
           IF to_regclass('app.posts') IS NOT NULL THEN
             INSERT INTO app.posts SELECT 9, 'Rescued' WHERE NOT EXISTS (SELECT FROM app.posts);
           END IF;
         END $$;\n";
    let told = bootstrap("", &[(PRE.0, rescue)]);
    check(
        &told,
        1,
        &[
            "error[bootstrap]: a bootstrap that was cut off after the chain, and started again, \
             does not end as a whole one",
            "table app.posts has 2 rows, where the whole one leaves 1",
            "new: id = '9', title = 'Rescued'",
        ],
    );
    // What differs between any two databases is no fault of the cut.
    let random = "INSERT INTO app.posts VALUES (1, md5(random()::text)) ON CONFLICT DO NOTHING;\n";
    let told = bootstrap("[checks]\nseed_randomness = \"allow\"", &[(SEED.0, random)]);
    check(&told, 0, &["bootstrap        passed"]);
}

/// No seed names the table: a trigger on another one fills it.
#[test]
fn a_trigger_that_leaves_nulls_in_another_table() {
    let chain = format!(
        "{}CREATE TABLE app.history (id int GENERATED ALWAYS AS IDENTITY PRIMARY KEY, by int);
           CREATE FUNCTION note() RETURNS trigger LANGUAGE plpgsql AS
             $$ BEGIN INSERT INTO app.history (by) VALUES (NULL); RETURN NEW; END $$;
           CREATE TRIGGER note AFTER INSERT ON app.posts FOR EACH ROW EXECUTE FUNCTION note();\n",
        CHAIN.1
    );
    let told = bootstrap("tighten = [\"app.history.by\"]\n", &[(CHAIN.0, &chain)]);
    let text = "the trigger note on app.posts calls public.note(), which names the table";
    check(&told, 1, &["error[tighten]: app.history.by is NULL in its only row", text]);
}

/// Where no post script comes after the seeds, the columns are tightened next.
#[test]
fn a_deploy_that_dies_before_its_columns_are_tightened() {
    let pre = "CREATE SCHEMA IF NOT EXISTS app;
        DO $$ BEGIN
            IF EXISTS (SELECT FROM pg_attribute WHERE attrelid = to_regclass('app.posts')
                          AND attname = 'title' AND NOT attnotnull) THEN
                IF EXISTS (SELECT FROM app.posts) THEN RAISE 'seeded, and not tightened'; END IF;
            END IF;
        END $$;\n";
    let told = bootstrap("tighten = [\"app.posts.title\"]\n", &[(PRE.0, pre)]);
    let text = "a bootstrap after one that was cut off after the seeds fails in pre/1_schema.sql";
    check(&told, 1, &[text, "seeded, and not tightened"]);
}

/// Values that are made up can't be compared, but whether there are any can.
#[test]
fn a_deploy_that_dies_after_the_seeds_and_leaves_nulls() {
    let chain = "CREATE TABLE app.actors (id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
                                          name text UNIQUE);
                 CREATE TABLE app.teams (id int PRIMARY KEY, by uuid REFERENCES app.actors);
                 CREATE TABLE app.done (id int PRIMARY KEY);\n";
    let pre = "CREATE SCHEMA IF NOT EXISTS app;
        DO $$ BEGIN
            IF to_regclass('app.done') IS NOT NULL THEN
                INSERT INTO app.done SELECT 2 WHERE EXISTS (SELECT FROM app.done WHERE id = 1)
                ON CONFLICT DO NOTHING;
            END IF;
        END $$;\n";
    let seed = "INSERT INTO app.actors (name) VALUES ('system') ON CONFLICT DO NOTHING;
        INSERT INTO app.teams VALUES (1) ON CONFLICT DO NOTHING;
        INSERT INTO app.done VALUES (1) ON CONFLICT DO NOTHING;\n";
    let post = "UPDATE app.teams SET by = (SELECT id FROM app.actors)
         WHERE by IS NULL AND NOT EXISTS (SELECT FROM app.done WHERE id = 2);
        INSERT INTO app.done VALUES (2) ON CONFLICT DO NOTHING;\n";
    let files = [(CHAIN.0, chain), (PRE.0, pre), (SEED.0, seed), ("post/1.sql", post)];
    let told = bootstrap("post = \"post\"\ntighten = [\"app.teams.by\"]\n", &files);
    let text = "app.teams.by is NULL in 1 row, where the whole one leaves none";
    check(&told, 1, &["error[bootstrap]", "cut off after the seeds", text]);
}

#[test]
fn columns_that_are_left_null() {
    let two = "INSERT INTO app.posts (id, title, made_by) VALUES (2, 'Bye', 7), (3, 'Well', NULL)
               ON CONFLICT DO NOTHING;\n";
    let toml = "post = \"post\"\ntighten = [\"*.made_by\", \"posts.*\"]\n";
    let post = "UPDATE app.posts SET made_by = 7 WHERE id = 3;\n";
    let told = bootstrap(toml, &[("seeds/2_more.sql", two), ("post/1_last.sql", post)]);
    check(
        &told,
        1,
        &[
            "error[tighten]: app.posts.made_by is NULL in 1 of its 3 rows after the bootstrap",
            "id = '1'",
            "seeds/1_posts.sql leaves 1",
            "seeds/2_more.sql leaves 1",
            "post/1_last.sql fills 1",
            "SET NOT NULL fails: 23502: column \"made_by\" of relation \"posts\" contains null",
            "UPDATE app.posts SET made_by = … WHERE made_by IS NULL;",
            // The schema is not `public`, so it is to be said.
            "error[tighten]: `posts.*` under tighten fits no column",
            "--> rehearsal.toml:4:25",
        ],
    );
}

/// Between the seeds of one transaction nobody can look.
#[test]
fn seeds_that_share_a_transaction_are_told_apart_in_others() {
    let toml =
        "tighten = [\"app.posts.made_by\"]\n[seeds]\npath = \"seeds\"\ntransaction = \"all\"\n";
    let two = ("seeds/2_more.sql", "UPDATE app.posts SET title = title;\n");
    let note = "which seed it is was seen when each had one of its own";
    let told = bootstrap(toml, &[two]);
    check(&told, 1, &["seeds/1_posts.sql leaves 1", "again, with the same values", note]);
    assert_eq!(told.stdout.matches(note).count(), 2, "{}", told.all());
}

#[test]
fn a_column_without_nulls_that_can_not_be_tightened() {
    let curated = format!(
        "{}CREATE ROLE rehearsal_test_curator;
         GRANT rehearsal_test_curator TO CURRENT_USER;
         GRANT CREATE ON SCHEMA app TO rehearsal_test_curator;
         ALTER TABLE app.log OWNER TO rehearsal_test_curator;
         REVOKE rehearsal_test_curator FROM CURRENT_USER;\n",
        CHAIN.1
    );
    let told = bootstrap("tighten = [\"app.log.id\"]\n", &[(CHAIN.0, &curated)]);
    check(
        &told,
        1,
        &[
            "error[tighten]: app.log.id has no NULL, and can't become NOT NULL all the same",
            "42501: must be owner of table log",
            // The role is there when the chain is played on another database.
            "bootstrap        passed",
            "not cut off before the chain",
        ],
    );
}

#[test]
fn rows_of_partitions_and_of_who_inherits_count() {
    let family = format!(
        "{}CREATE TABLE app.parent (a int);
         CREATE TABLE app.child () INHERITS (app.parent);
         INSERT INTO app.child VALUES (NULL);
         CREATE TABLE app.events (a int) PARTITION BY LIST (a);
         CREATE TABLE app.events_others PARTITION OF app.events DEFAULT;\n",
        CHAIN.1
    );
    let event = "INSERT INTO app.events SELECT NULL WHERE NOT EXISTS (SELECT FROM app.events);\n";
    let toml = "tighten = [\"*.parent.a\", \"*events*.a\"]\nuntouched = [\"app.events\"]\n";
    let files = [(CHAIN.0, family.as_str()), ("seeds/2_events.sql", event)];
    let told = bootstrap(toml, &files);
    check(
        &told,
        1,
        &[
            "error[tighten]: app.parent.a is NULL in its only row after the bootstrap",
            "the chain leaves 1",
            "error[tighten]: app.events.a is NULL in its only row after the bootstrap",
            "error[stray_writes]: the bootstrap writes app.events_others, a partition of \
             app.events, which is declared untouched",
            "--> seeds/2_events.sql:1:1",
        ],
    );
    assert!(!told.stdout.contains("app.events_others.a"), "{}", told.all());
}

#[test]
fn writes_to_tables_that_are_declared_untouched() {
    let toml = "post = \"post\"\nuntouched = [\"app.log\", \"log\"]\n";
    let gone = "INSERT INTO app.log VALUES (1), (2);\nDELETE FROM app.log;\n";
    let told = bootstrap(toml, &[("post/1_last.sql", gone)]);
    check(
        &told,
        1,
        &[
            "error[stray_writes]: the bootstrap writes app.log, which is declared untouched",
            "--> post/1_last.sql:2:1",
            "rows come and go: it is empty before and after",
            "post/1_last.sql: rows inserted: 2, updated: 0, deleted: 2",
            "error[stray_writes]: `log` under untouched fits no table",
            "--> rehearsal.toml:4:25",
        ],
    );
    let chain = format!("{}INSERT INTO app.log VALUES (1);\n", CHAIN.1);
    let told = bootstrap("untouched = [\"app.log\"]\n", &[(CHAIN.0, &chain)]);
    check(&told, 0, &["stray_writes     passed", "app.log has 1 row from the pre"]);
    // A trigger writes there only when rows are updated, as they are the second time.
    let chain = format!(
        "{}CREATE FUNCTION log() RETURNS trigger LANGUAGE plpgsql AS
             $$ BEGIN INSERT INTO app.log VALUES (1); RETURN NEW; END $$;
           CREATE TRIGGER log AFTER UPDATE ON app.posts FOR EACH ROW EXECUTE FUNCTION log();\n",
        CHAIN.1
    );
    let upsert = "INSERT INTO app.posts (id, title) VALUES (1, 'Hello')
                  ON CONFLICT (id) DO UPDATE SET title = EXCLUDED.title;\n";
    let told = bootstrap("untouched = [\"app.log\"]\n", &[(CHAIN.0, &chain), (SEED.0, upsert)]);
    let again = "error[stray_writes]: a second bootstrap writes app.log, which is declared";
    check(&told, 1, &[again, "the trigger log on app.posts calls public.log()"]);
}

#[test]
fn settings_are_those_of_each_transaction_and_of_nothing_else() {
    let known = "DO $$ BEGIN
           IF current_setting('app.actor_id', true) IS DISTINCT FROM '7' THEN
             RAISE 'nobody is known';
           END IF;
         END $$;\n";
    let unknown = "DO $$ BEGIN
           IF current_setting('app.actor_id', true) <> '' THEN RAISE 'it leaks'; END IF;
         END $$;\n";
    let pre = format!("{}{known}", PRE.1);
    let files = [
        (PRE.0, pre.as_str()),
        ("pre/2_more.sql", known),
        ("migrations/000002_actor.up.sql", unknown),
        ("seeds/2_more.sql", known),
        ("seeds/3_more.sql", known),
        ("post/1_last.sql", known),
        ("post/2_more.sql", known),
    ];
    let set = "post = \"post\"\nsession = { \"app.actor_id\" = \"7\" }\n";
    for transaction in ["each", "all"] {
        let toml = format!(
            "{set}[seeds]\npath = \"seeds\"\ntransaction = \"{transaction}\"\n[checks]\nreplay = \
             \"allow\"\n"
        );
        check(&bootstrap(&toml, &files), 0, &["bootstrap        passed"]);
    }
    // The same files without it: so they do look.
    check(&bootstrap("post = \"post\"\n", &files), 1, &["P0001: nobody is known"]);
}

#[rstest]
#[case::name(
    "session = { \"actor-id\" = \"7\" }",
    &["rehearsal.toml:3:13: Postgres does not take the setting `actor-id` under [bootstrap]"]
)]
#[case::value(
    "session = { statement_timeout = \"soon\" }",
    &["rehearsal.toml:3:13:", "`statement_timeout`", "22023: invalid value for parameter"]
)]
#[case::right(
    "session = { log_statement = \"all\" }",
    &["rehearsal.toml:3:13:", "42501: permission denied to set", "only a superuser may set it"]
)]
#[case::isolation(
    "session = { transaction_isolation = \"serializable\" }",
    &["rehearsal.toml:3:13:", "25001", "help: it is decided before a transaction's first query"]
)]
#[case::nowhere(
    "post = \" \"",
    &["rehearsal.toml:3:8: `post` is empty", "such as \"db/post\""]
)]
#[case::no_folder(
    "post = \"after\"",
    &["failed to open", "help: check [bootstrap] in rehearsal.toml"]
)]
#[case::no_script("post = \"migrations/none\"", &["failed to open"])]
fn what_is_wrong_in_the_configuration(#[case] toml: &str, #[case] texts: &[&str]) {
    let told = bootstrap(toml, &[]);
    assert_eq!(told.status, 2, "{}", told.all());
    for text in texts {
        assert!(told.stderr.contains(text), "does not say `{text}`:\n{}", told.all());
    }
}

/// A bootstrap of tables whose rows have ids from sequences.
fn counting(toml: &str, post: &str) -> Project {
    let chain = "CREATE TABLE IF NOT EXISTS users (id bigserial PRIMARY KEY, email text UNIQUE);
         CREATE TABLE IF NOT EXISTS grants (user_id bigint PRIMARY KEY REFERENCES users);\n";
    let seed = "INSERT INTO users (email) VALUES ('a@x')
         ON CONFLICT (email) DO UPDATE SET email = EXCLUDED.email;\n";
    let toml = format!("[bootstrap]\npost = \"post\"\n{toml}");
    Project::new(&[
        ("migrations/1_users.sql", chain),
        ("seeds/1_users.sql", seed),
        ("post/1_last.sql", post),
        ("rehearsal.toml", &toml),
    ])
}

#[test]
fn what_the_seeds_write_again_hides_no_rows() {
    let project = counting("", "UPDATE users SET email = 'b@x' WHERE id = 1;\n");
    check(
        &run(&mut verify(project.path())),
        1,
        &[
            "error[bootstrap]: a second bootstrap changes the database in seeds/1_users.sql",
            "table public.users: 1 row became 2",
            "though no row is another for it in the end",
        ],
    );
}

#[test]
fn what_the_seeds_do_each_time_is_told_where_nobody_else_tells_it() {
    let project = counting("", "SELECT 1;\n");
    project.write("seeds/1_users.sql", "INSERT INTO users (email) VALUES (NULL);\n");
    let told = run(verify(project.path()).args(["--only", "bootstrap"]));
    check(&told, 1, &["a second bootstrap changes the database in seeds/1_users.sql"]);
    let told = run(verify(project.path()).args(["--only", "bootstrap,reseed_counts"]));
    check(&told, 1, &["error[reseed_counts]", "bootstrap      passed"]);
}

#[test]
fn a_failure_of_the_seeds_alone_is_told_once() {
    let project = counting("", "SELECT 1;\n");
    project.write("seeds/1_users.sql", "INSERT INTO users VALUES (1, 'a@x');\n");
    let told = run(&mut verify(project.path()));
    check(&told, 1, &["error[reseed_counts]", "bootstrap        skipped", "see `reseed_counts`"]);
    assert!(!told.stdout.contains("error[bootstrap]"), "{}", told.all());
    let told = run(verify(project.path()).args(["--only", "bootstrap"]));
    check(&told, 1, &["error[bootstrap]: a second bootstrap fails in seeds/1_users.sql"]);
}

#[test]
fn values_that_a_cut_burnt_are_no_other_end() {
    let post = "INSERT INTO users (email) VALUES ('z@x') ON CONFLICT DO NOTHING;
         INSERT INTO grants SELECT id FROM users WHERE email = 'z@x' ON CONFLICT DO NOTHING;\n";
    let project = counting("", post);
    check(&run(&mut verify(project.path())), 0, &["bootstrap        warned"]);
}

#[test]
fn rows_that_no_two_bootstraps_share_are_said_to_be_counted_only() {
    let post = "INSERT INTO keys DEFAULT VALUES ON CONFLICT (single) DO NOTHING;\n";
    let project = counting("", post);
    let keys = "CREATE TABLE IF NOT EXISTS keys
         (id uuid PRIMARY KEY DEFAULT gen_random_uuid(), single int UNIQUE DEFAULT 1);\n";
    project.write("migrations/2_keys.sql", keys);
    let remark = "only their number was compared in public.keys";
    check(&run(&mut verify(project.path())), 0, &["bootstrap        passed", remark]);
}

#[test]
fn a_table_that_a_post_script_makes_and_leaves_empty_is_not_written() {
    let post = "CREATE TABLE IF NOT EXISTS log (id int PRIMARY KEY);\n";
    let project = counting("untouched = [\"log\"]\n", post);
    check(&run(&mut verify(project.path())), 0, &["stray_writes     passed"]);
}

#[test]
fn a_second_bootstrap_that_fails_is_kept() {
    let project = counting("", "CREATE TABLE done ();\n");
    let told = run(verify(project.path()).arg("--keep"));
    check(&told, 1, &["a second bootstrap fails in", "kept the database of the bootstrap: psql"]);
    let end = told.stdout.lines().find_map(|line| line.strip_prefix("end its server with: "));
    let end = end.unwrap_or_else(|| panic!("no way to end it: {}", told.all()));
    assert!(Command::new("sh").args(["-c", end]).status().is_ok_and(|status| status.success()));
}

#[test]
fn nulls_that_the_chain_leaves_are_not_the_seeds() {
    let project = counting("tighten = [\"notes.text\"]\n", "SELECT 1;\n");
    let notes = "CREATE TABLE IF NOT EXISTS notes (id int PRIMARY KEY, text text);
         INSERT INTO notes VALUES (1) ON CONFLICT DO NOTHING;\n";
    project.write("migrations/2_notes.sql", notes);
    let help = "let a migration fill them, or a post script:";
    check(&run(&mut verify(project.path())), 1, &["the chain leaves 1", help]);
}
