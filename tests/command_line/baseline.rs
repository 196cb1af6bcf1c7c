//! A squash whose baseline is compared with the chain: where the chain is, what is said of wrong
//! input, and dumps. The fixtures `squash` and `squash-…` have the findings themselves.

use std::fs;

use rstest::rstest;

use crate::support::{Project, Told, check, check_files, run, verify};

const USERS: &str = "-- migrate:up\nCREATE TABLE users (id int PRIMARY KEY, name text);\n\
                     INSERT INTO users VALUES (1, 'root');\n-- migrate:down\nDROP TABLE users;\n";

const EMAIL: &str = "-- migrate:up\nALTER TABLE users ADD email text;\n-- migrate:down\n\
                     ALTER TABLE users DROP email;\n";

const BASELINE: &str = "-- migrate:up\nCREATE TABLE public.users (\n    id int PRIMARY KEY,\n    \
                        name text,\n    email text\n);\nINSERT INTO users VALUES (1, 'root');\n\
                        -- migrate:down\nSELECT 1;\n";

const LATER: &str = "-- migrate:up\nALTER TABLE users ADD phone text;\n-- migrate:down\n\
                     ALTER TABLE users DROP phone;\n";

const PATH: &str = "migrations/20260101000000_baseline.sql";

const TOML: &str =
    "[baseline]\npath = \"migrations/20260101000000_baseline.sql\"\nchain = \"db/squashed\"\n";

/// A squash that holds.
fn squash() -> Project {
    Project::new(&[
        ("rehearsal.toml", TOML),
        ("db/squashed/20240101000000_users.sql", USERS),
        ("db/squashed/20240201000000_email.sql", EMAIL),
        (PATH, BASELINE),
        ("migrations/20260201000000_phone.sql", LATER),
    ])
}

fn verified(project: &Project) -> Told {
    run(&mut verify(project.path()))
}

#[test]
fn the_chain_may_be_a_folder() {
    let project = squash();
    check(&verified(&project), 0, &["baseline passed", "compared with db/squashed"]);
    project.write(PATH, BASELINE.replace(",\n    email text", ""));
    check(
        &verified(&project),
        1,
        &[
            "error[baseline]: column public.users.email (text) is missing in the baseline",
            "migrations/20260101000000_baseline.sql:2:1",
            "the chain has it from db/squashed/20240201000000_email.sql:2",
        ],
    );
}

#[test]
fn the_chain_may_be_in_the_history() {
    let project = Project::new(&[
        ("migrations/20240101000000_users.sql", USERS),
        ("migrations/20240201000000_email.sql", EMAIL),
    ]);
    project.commit_to_main();
    project.git(&["tag", "v1.4.0"]);
    for path in ["migrations/20240101000000_users.sql", "migrations/20240201000000_email.sql"] {
        fs::remove_file(project.path().join(path)).expect("it was there");
    }
    project.write(PATH, BASELINE);
    project.write("migrations/20260201000000_phone.sql", LATER);
    let chains = [
        ("{ git = \"v1.4.0\" }", ""),
        ("{ git = \"v1.4.0\", path = \"migrations\" }", ""),
        ("{ git = \"merge-base\" }", "[history]\nbase = \"main\"\n[checks]\nhistory = \"allow\"\n"),
    ];
    for (chain, rest) in chains {
        let toml = format!("[baseline]\npath = \"{PATH}\"\nchain = {chain}\n{rest}");
        project.write("rehearsal.toml", toml);
        let told = verified(&project);
        check(
            &told,
            0,
            &["baseline passed", "baseline_rows passed", "compared with migrations at"],
        );
    }
    project.write(PATH, BASELINE.replace(",\n    email text", ""));
    let told = verified(&project);
    check(&told, 1, &["column public.users.email (text) is missing in the baseline"]);
    project
        .write("rehearsal.toml", format!("[baseline]\npath = \"{PATH}\"\nchain = {}", chains[0].0));
    let place = "the chain has it from v1.4.0:migrations/20240201000000_email.sql:2";
    check(&verified(&project), 1, &[place]);
}

/// What was not squashed, and is in the old chain too, is played once.
#[test]
fn the_end_of_the_chain_may_stay() {
    let project = squash();
    project.write("db/squashed/20260201000000_phone.sql", LATER);
    check(&verified(&project), 0, &["baseline passed", "rerun passed"]);
}

#[test]
fn a_baseline_may_be_none_of_the_migrations_yet() {
    let project = Project::new(&[
        ("rehearsal.toml", "[baseline]\npath = \"db/20260101000000_baseline.sql\""),
        ("migrations/20240101000000_users.sql", USERS),
        ("migrations/20240201000000_email.sql", EMAIL),
        ("db/20260101000000_baseline.sql", BASELINE),
    ]);
    let texts = ["baseline passed", "compared with the migrations", "baseline_ledger passed"];
    check(&verified(&project), 0, &texts);
    let leaky = BASELINE.replace("CREATE", "SET search_path = public, pg_temp;\nCREATE");
    project.write("db/20260101000000_baseline.sql", leaky);
    let told = verified(&project);
    check(&told, 1, &["20260101000000_baseline.sql leaves `search_path` changed"]);
    project.write("db/20260101000000_baseline.sql", BASELINE.replace("CREATE", "CREATED"));
    let told = verified(&project);
    check(&told, 1, &["a first boot with the baseline fails", "42601: syntax error"]);
}

#[test]
fn what_belongs_to_the_whole_server_is_not_compared_and_that_is_said() {
    let project = squash();
    let said = "roles, their memberships and settings are not compared";
    let told = verified(&project);
    check(&told, 0, &["baseline passed"]);
    assert!(!told.stdout.contains(said), "{}", told.all());
    let role = "-- migrate:up\nDO $$ BEGIN\n  IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = \
                'app') THEN\n    CREATE ROLE app;\n    CREATE ROLE web IN ROLE app;\n  END IF;\n\
                END $$;\n-- migrate:down\nSELECT 1;\n";
    project.write("db/squashed/20240301000000_roles.sql", role);
    let place = "db/squashed/20240301000000_roles.sql:2 (DO $$ BEGIN IF NOT EXISTS";
    check(&verified(&project), 0, &["baseline passed", said, place]);
}

/// The rollout is a part of what is compared: it may drop what nobody needs.
#[test]
fn a_rollout_may_drop_what_the_baseline_lacks() {
    let project = squash();
    let dead = "-- migrate:up\nCREATE TABLE dead (id int);\nCREATE TABLE kept (id int);\n\
                -- migrate:down\nDROP TABLE dead, kept;\n";
    project.write("db/squashed/20240301000000_dead.sql", dead);
    check(&verified(&project), 1, &["table public.dead is missing in the baseline"]);
    project.write(
        "rollout.sql",
        "BEGIN;\nDROP TABLE dead;\nALTER TABLE kept RENAME TO kept_2026;\n\
         DELETE FROM schema_migrations;\n\
         INSERT INTO schema_migrations VALUES ('20260101000000');\nCOMMIT;\n",
    );
    let with_rollout = format!("{TOML}rollout = \"rollout.sql\"\n");
    project.write("rehearsal.toml", &with_rollout);
    let told = run(verify(project.path()).args(["--only", "baseline"]));
    check(&told, 1, &["table public.kept_2026 is missing in the baseline"]);
    project.write("rehearsal.toml", format!("{with_rollout}leftovers = [\"*_2026\", \"x_*\"]\n"));
    let told = run(verify(project.path()).args(["--only", "baseline"]));
    check(&told, 0, &["and rollout.sql", "public.kept_2026 (1 object)", "no table is left over"]);
    project.write("rollout.sql", "BEGIN;\nDROP TABLE nobody;\nCOMMIT;\n");
    let told = run(verify(project.path()).args(["--only", "baseline"]));
    check(&told, 1, &["table public.dead is missing", "but not rollout.sql, which fails"]);
}

#[test]
fn rows_and_sequences_are_compared() {
    let project = Project::new(&[
        ("rehearsal.toml", TOML),
        (
            "db/squashed/20240101000000_zones.sql",
            "-- migrate:up\nCREATE TABLE zones (id int GENERATED BY DEFAULT AS IDENTITY, name \
             text PRIMARY KEY, at timestamptz DEFAULT now());\n\
             INSERT INTO zones (name) VALUES ('a'), ('b');\n-- migrate:down\nDROP TABLE zones;\n",
        ),
        (
            PATH,
            "-- migrate:up\nCREATE TABLE zones (id int GENERATED BY DEFAULT AS IDENTITY, name \
             text PRIMARY KEY, at timestamptz DEFAULT now());\n\
             INSERT INTO zones (id, name) VALUES (1, 'a'), (2, 'c');\n\
             -- migrate:down\nDROP TABLE zones;\n",
        ),
    ]);
    let told = verified(&project);
    check(
        &told,
        1,
        &[
            "error[baseline_rows]: rows of public.zones are not the same in the baseline",
            "missing: id = '2', name = 'b'",
            "only in the baseline: id = '2', name = 'c'",
            "compared without what each play fills anew: at",
            "INSERT INTO public.zones (id, name, at) VALUES ('2', 'b', '",
            "error[baseline_rows]: sequence public.zones_id_seq begins anew in the baseline",
            "SELECT pg_catalog.setval('public.zones_id_seq', 2, true);",
        ],
    );
}

/// Tables whose rows are other ones each time they are inserted, but for `tiers`.
const ROLES: &str = "-- migrate:up\n\
    CREATE TABLE roles (id uuid PRIMARY KEY, name text NOT NULL, seen_at timestamptz,\n\
    \x20 created_at timestamptz NOT NULL DEFAULT now(), since date DEFAULT current_date);\n\
    CREATE TABLE grants (role_id uuid REFERENCES roles, what text, PRIMARY KEY (role_id, what));\n\
    CREATE TABLE tiers (id uuid PRIMARY KEY DEFAULT gen_random_uuid(), name text,\n\
    \x20 since date DEFAULT current_date);\n";

const FILLED: &str = "INSERT INTO roles (id, name, seen_at) VALUES\n\
    \x20 (gen_random_uuid(), 'admin', clock_timestamp()), (gen_random_uuid(), 'guest', NULL);\n\
    INSERT INTO grants SELECT id, 'read' FROM roles;\n\
    INSERT INTO tiers VALUES ('00000000-0000-0000-0000-000000000001', 'free', '2020-02-20');\n\
    -- migrate:down\n";

const DUMPED: &str = "INSERT INTO roles VALUES\n\
    \x20 ('10000000-0000-0000-0000-000000000001', 'admin', '2026-01-01', '2026-01-01',\n\
    \x20 '2026-01-01'),\n\
    \x20 ('10000000-0000-0000-0000-000000000002', 'guest', NULL, '2026-01-01', '2026-01-01');\n\
    INSERT INTO grants SELECT id, 'read' FROM roles;\n\
    INSERT INTO tiers VALUES ('00000000-0000-0000-0000-000000000001', 'free', '2020-02-20');\n\
    -- migrate:down\n";

fn roles() -> Project {
    Project::new(&[
        ("rehearsal.toml", TOML),
        ("db/squashed/20240101000000_roles.sql", &format!("{ROLES}{FILLED}")),
        (PATH, &format!("{ROLES}{DUMPED}")),
    ])
}

#[test]
fn what_each_play_fills_anew_is_put_aside() {
    let aside = "public.grants.role_id, public.roles.id, public.roles.seen_at, \
                 public.roles.created_at, public.roles.since are filled anew each time the chain \
                 is played";
    check(&verified(&roles()), 0, &["baseline_rows passed", aside]);
    let users = USERS.replace("name text", "name text, at timestamptz DEFAULT now()");
    let project = Project::new(&[
        ("rehearsal.toml", TOML),
        ("db/squashed/20240101000000_users.sql", &users),
        (PATH, &users.replace("(1, 'root')", "(1, 'root', '2026-01-01')")),
    ]);
    let aside = "public.users.at is filled anew each time the chain is played";
    check(&verified(&project), 0, &["baseline_rows passed", aside]);
}

#[test]
fn rows_are_found_beside_what_each_play_fills_anew() {
    let project = roles();
    let told = |from: &str, to: &str| {
        let baseline = format!("{ROLES}{DUMPED}");
        assert!(baseline.contains(from), "{from}");
        project.write(PATH, baseline.replace(from, to));
        verified(&project)
    };
    let guest = ",\n  ('10000000-0000-0000-0000-000000000002', 'guest', NULL, '2026-01-01', \
                 '2026-01-01')";
    check(
        &told(guest, ""),
        1,
        &[
            "error[baseline_rows]: the baseline lacks 1 row of public.roles",
            "missing: name = 'guest'",
            "compared without what each play fills anew: id, seen_at, created_at, since",
            "INSERT INTO public.roles (id, name, seen_at, created_at, since) VALUES ('",
            "error[baseline_rows]: the baseline lacks 1 row of public.grants",
        ],
    );
    check(
        &told("'guest'", "'visitor'"),
        1,
        &["rows of public.roles are not the same", "only in the baseline: name = 'visitor'"],
    );
    // What could be made up, and is not, is compared.
    check(
        &told("'2020-02-20'", "DEFAULT"),
        1,
        &["rows of public.tiers are not the same", "since '2020-02-20' in the chain"],
    );
    check(
        &told(
            "tiers VALUES ('00000000-0000-0000-0000-000000000001', ",
            "tiers (name, since) VALUES (",
        ),
        1,
        &[
            "rows of public.tiers are not the same",
            "missing: id = '00000000-0000-0000-0000-000000000001'",
        ],
    );
}

/// One row may hold what is written, and the next one what is made up.
#[test]
fn what_is_written_into_single_rows_is_compared() {
    let table = "-- migrate:up\nCREATE TABLE settings (key text PRIMARY KEY, value text);\n";
    let down = "-- migrate:down\n";
    let baseline = |installed: &str, currency: &str, token: &str| {
        format!(
            "{table}INSERT INTO settings VALUES ('installed_at', {installed}), ('currency', \
             {currency}), ('token', {token}), ('until', NULL);\n{down}"
        )
    };
    let chain = baseline("now()", "'EUR'", "gen_random_uuid()");
    let project = Project::new(&[
        ("rehearsal.toml", TOML),
        ("db/squashed/20240101000000_settings.sql", &chain),
        (PATH, &baseline("'2020-01-01'", "'EUR'", "'secret'")),
    ]);
    let aside = "public.settings.value is filled anew each time the chain is played";
    check(&verified(&project), 0, &["baseline_rows passed", aside]);
    project.write(PATH, baseline("'2020-01-01'", "'USD'", "'secret'"));
    let told = "key = 'currency': value 'EUR' in the chain, 'USD' in the baseline";
    check(&verified(&project), 1, &[told]);
    project.write(PATH, baseline("'2020-01-01'", "'EUR'", "NULL"));
    check(&verified(&project), 1, &["key = 'token': value '", "NULL in the baseline"]);
}

/// Of what has a key that is made up, the rest is compared, and so is what refers to it.
#[test]
fn what_refers_to_a_key_that_is_made_up_is_put_aside_alone() {
    let tables = "-- migrate:up\n\
        CREATE TABLE parents (id uuid PRIMARY KEY DEFAULT gen_random_uuid(), name text);\n\
        CREATE TABLE kids (id serial PRIMARY KEY, parent uuid REFERENCES parents, name text);\n\
        CREATE TABLE toys (id serial PRIMARY KEY, kid int REFERENCES kids, name text);\n\
        INSERT INTO parents (name) SELECT 'p' || i FROM generate_series(1, 50) i;\n\
        INSERT INTO kids (parent, name) SELECT id, 'of ' || name FROM parents ORDER BY id;\n";
    let toys = "INSERT INTO toys (kid, name) SELECT id, 'toy ' || name FROM kids ORDER BY name;\n\
                -- migrate:down\n";
    let chain = format!("{tables}{toys}");
    let project = Project::new(&[
        ("rehearsal.toml", TOML),
        ("db/squashed/20240101000000_toys.sql", &chain),
        (PATH, &chain),
    ]);
    check(&verified(&project), 0, &["baseline_rows passed", "public.toys.kid"]);
    let other = toys.replace("'toy ' || name", "'toy ' || replace(name, 'p7', 'p8')");
    project.write(PATH, format!("{tables}{other}"));
    check(&verified(&project), 1, &["rows of public.toys are not the same", "'toy of p7'"]);
}

/// Values that are dealt out in another order each time, and a number of rows that nobody knows.
#[test]
fn what_each_play_mixes_or_counts_anew() {
    let table = "-- migrate:up\nCREATE TABLE drawn (id serial PRIMARY KEY, name text);\n\
                 CREATE TABLE many (id serial PRIMARY KEY);\n";
    let draw = "INSERT INTO drawn (name) SELECT 'n' || i FROM generate_series(1, 200) i\n\
                ORDER BY random();\n\
                INSERT INTO many SELECT FROM generate_series(1, ";
    // No two databases beside each other have the same number, and none that of the baseline.
    let number = "(SELECT 1 + oid::int % 500 FROM pg_database WHERE datname = current_database())";
    let draw = format!("{draw}{number});\n");
    let down = "-- migrate:down\n";
    let straight = draw.replace("ORDER BY random()", "").replace(number, "1000");
    let project = Project::new(&[
        ("rehearsal.toml", TOML),
        ("db/squashed/20240101000000_drawn.sql", &format!("{table}{draw}{down}")),
        (PATH, &format!("{table}{straight}{down}")),
    ]);
    check(
        &verified(&project),
        0,
        &[
            "baseline_rows passed",
            "public.drawn.id is filled anew each time the chain is played; public.many has another \
             number of rows each time the chain is played",
        ],
    );
    let lost = straight.replace("'n' || i", "'n' || CASE i WHEN 5 THEN 0 ELSE i END");
    project.write(PATH, format!("{table}{lost}{down}"));
    let texts = ["rows of public.drawn are not the same", "missing: name = 'n5'"];
    check(&verified(&project), 1, &texts);
}

/// What the rollout fills is filled anew by another one.
#[test]
fn a_rollout_may_fill_rows_with_the_time() {
    let project = squash();
    project.write(
        "rollout.sql",
        "BEGIN;\nALTER TABLE users ADD moved_at timestamptz;\nUPDATE users SET moved_at = now();\n\
         DELETE FROM schema_migrations;\n\
         INSERT INTO schema_migrations VALUES ('20260101000000');\nCOMMIT;\n",
    );
    project.write("rehearsal.toml", format!("{TOML}rollout = \"rollout.sql\"\n"));
    let moved = BASELINE
        .replace("email text\n", "email text,\n    moved_at timestamptz\n")
        .replace("(1, 'root')", "(1, 'root', NULL, '2026-01-01')");
    project.write(PATH, moved);
    let told = run(verify(project.path()).args(["--only", "baseline_rows"]));
    let aside = "public.users.moved_at is filled anew each time the chain is played";
    check(&told, 0, &["baseline_rows passed", aside]);
}

#[test]
fn a_chain_that_can_be_played_only_once_is_judged_by_its_defaults() {
    let role = "rehearsal_test_once";
    let table = "CREATE TABLE t (id int, at timestamptz DEFAULT now());\n\
                 INSERT INTO t (id) VALUES (1);\n";
    let guarded = format!(
        "DO $$ BEGIN IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = '{role}') THEN CREATE \
         ROLE {role}; END IF; END $$;\n{table}"
    );
    let project = Project::new(&[
        ("rehearsal.toml", "[baseline]\npath = \"baseline.sql\"\n"),
        ("migrations/1_users.sql", &format!("CREATE ROLE {role};\n{table}")),
        ("baseline.sql", &guarded),
    ]);
    let told = run(verify(project.path()).args(["--only", "apply,baseline_rows"]));
    let aside = "the chain can't be played twice here; by default public.t.at is filled anew";
    check(&told, 0, &["baseline_rows passed", aside]);
}

#[test]
fn a_claimed_squash_may_have_rows_that_are_filled_anew() {
    let toml = "[history]\nbase = \"main\"\nsquash_marker = \"[squash-baseline]\"\n";
    let first = "migrations/20240101000000_roles.sql";
    let project = Project::new(&[
        ("rehearsal.toml", toml),
        (first, &format!("{ROLES}{FILLED}")),
        ("migrations/20240201000000_users.sql", USERS),
    ]);
    project.commit_to_main();
    for path in [first, "migrations/20240201000000_users.sql"] {
        fs::remove_file(project.path().join(path)).expect("it was there");
    }
    let users = USERS.lines().filter(|line| !line.starts_with("--")).take(2);
    let users = users.collect::<Vec<_>>().join("\n");
    let baseline = |rows: &str| format!("{ROLES}{users}\n{rows}");
    project.write(PATH, baseline(DUMPED));
    project.git(&["add", "--all", "."]);
    project.git(&["commit", "--quiet", "--message", "One for all [squash-baseline]"]);
    let judged = || run(verify(project.path()).args(["--only", "history"]));
    let aside = "public.roles.since are filled anew each time the chain is played";
    check(&judged(), 0, &["is proven: compared with", aside]);
    project.write(PATH, baseline(&DUMPED.replace("'guest'", "'visitor'")));
    check(&judged(), 1, &["it is not proven", "missing: name = 'guest'"]);
}

/// What a view holds is derived, and as old as its last REFRESH.
#[test]
fn a_stale_view_is_no_row_that_is_missing() {
    let view = "CREATE MATERIALIZED VIEW names AS SELECT name FROM users;\n";
    let project = squash();
    let stale = format!("{view}INSERT INTO users VALUES (2);\n-- migrate:down");
    let email = EMAIL.replace("-- migrate:down", &stale);
    project.write("db/squashed/20240201000000_email.sql", email);
    let all = BASELINE.replace("(1, 'root');\n", &format!("(1, 'root'), (2, NULL);\n{view}"));
    project.write(PATH, &all);
    check(&verified(&project), 0, &["baseline passed", "baseline_rows passed"]);
    project.write(PATH, all.replace("FROM users;", "FROM users WITH NO DATA;"));
    check(&verified(&project), 1, &["error[baseline]: not populated of materialized view"]);
}

/// Nothing fails here, but what is named without a schema ends in another one than before.
#[test]
fn what_a_baseline_leaves_in_its_session_is_told_with_who_suffers() {
    let users = "CREATE TABLE users (id int);\n";
    let leaky = format!("CREATE SCHEMA app;\n{users}SET search_path = app, public;\n");
    let project = Project::new(&[
        ("rehearsal.toml", &format!("{TOML}[migrations]\nformat = \"sqlx\"\n")),
        ("db/squashed/20240101000000_users.sql", users),
        (PATH, &leaky),
        ("migrations/20260201000000_phone.sql", "ALTER TABLE users ADD phone text;\n"),
    ]);
    check(
        &run(verify(project.path()).args(["--only", "leaks"])),
        1,
        &[
            "20260101000000_baseline.sql:3:1",
            "the first to suffer from it is migrations/20260201000000_phone.sql:1, which names \
             users without a schema",
        ],
    );
}

/// Both sides are played on one server, where roles outlive their databases.
#[test]
fn a_role_that_both_sides_make() {
    let role = |guard: &str| {
        let create = match guard {
            "" => "CREATE ROLE rehearsal_test_base;".to_owned(),
            _ => "DO $$ BEGIN IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = \
                  'rehearsal_test_base') THEN CREATE ROLE rehearsal_test_base; END IF; END $$;"
                .to_owned(),
        };
        format!("{create}\nCREATE TABLE t (id int);\n")
    };
    let project = Project::new(&[
        ("rehearsal.toml", "[baseline]\npath = \"baseline.sql\"\n"),
        ("migrations/1_users.sql", &role("")),
        ("baseline.sql", &role("")),
    ]);
    let only = || run(verify(project.path()).args(["--only", "apply,baseline"]));
    check(&only(), 0, &["baseline skipped", "makes a role that the other side has made"]);
    project.write("baseline.sql", role("guarded"));
    check(&only(), 0, &["baseline passed"]);
}

#[test]
fn where_the_chain_is_not() {
    let named = |chain: &str| format!("[baseline]\npath = \"{PATH}\"\nchain = {chain}\n");
    let fails = |toml: String, texts: &[&str]| {
        let project = squash();
        project.write("rehearsal.toml", toml);
        check(&verified(&project), 2, texts);
    };
    fails(named("\"db/old\""), &["rehearsal.toml:3:9: there is no folder db/old", "{ git = "]);
    fails(named("\"./migrations/\""), &["migrations holds the baseline itself", "of their own"]);
    fails(named("\"\""), &["rehearsal.toml:3:9: `chain` is empty"]);
    fails(named("{ git = \"\" }"), &["`git` is empty"]);
    fails(
        named("{ git = \"v1\" }"),
        &["rehearsal.toml:3:9: git can't tell", "not a git repository"],
    );
    fails(
        named("{ git = \"merge-base\" }"),
        &["the merge base is not known, because nothing says", "[history]\nbase = \"origin/main\""],
    );
    fails(
        named("{ gitt = \"v1\" }"),
        &["rehearsal.toml:3:11: unknown key `gitt`", "did you mean `git`"],
    );
    fails(named("{ path = \"a\" }"), &["rehearsal.toml:3:9", "missing field `git`"]);
    fails(
        named("7"),
        &["rehearsal.toml:3:9", "integer `7`, expected a folder, \"db/squashed\", or"],
    );
    let without = format!("[baseline]\npath = \"{PATH}\"\n");
    fails(without, &["rehearsal.toml:2:8: the baseline is one of the migrations", "chain = { git"]);
    let folder = Project::new(&[
        ("rehearsal.toml", TOML),
        (PATH, BASELINE),
        ("db/squashed/README", "nothing here\n"),
    ]);
    check(&verified(&folder), 2, &["db/squashed holds no migration that dbmate would run"]);
    // What comes after the baseline makes it no chain.
    folder.write("migrations/20260201000000_phone.sql", LATER);
    check(&verified(&folder), 2, &["db/squashed holds no migration that dbmate would run"]);
    let both = Project::new(&[
        ("rehearsal.toml", "[migrations]\npath = \"migrations\"\nformat = \"dbmate\"\n"),
        ("migrations/README", ""),
        ("db/squashed/README", ""),
    ]);
    let toml = fs::read_to_string(both.path().join("rehearsal.toml")).expect("it is there");
    both.write("rehearsal.toml", toml + TOML);
    check(&verified(&both), 2, &["migrations holds no migration that dbmate would run"]);
}

#[test]
fn where_the_history_has_no_chain() {
    let project = squash();
    let git =
        |name: &str| format!("[baseline]\npath = \"{PATH}\"\nchain = {{ git = \"{name}\" }}\n");
    project.commit_to_main();
    project.write("rehearsal.toml", git("v9"));
    check(&verified(&project), 2, &["rehearsal.toml:3:9: git knows no revision `v9`", "--tags"]);
    project.write("rehearsal.toml", git("HEAD"));
    let texts = ["migrations at HEAD has the baseline already", "before the squash"];
    check(&verified(&project), 2, &texts);
    let nowhere =
        format!("[baseline]\npath = \"{PATH}\"\nchain = {{ git = \"HEAD\", path = \"sql\" }}\n");
    project.write("rehearsal.toml", nowhere);
    check(&verified(&project), 2, &["there is nothing at sql in `HEAD`", "what is there: "]);
}

#[rstest]
#[case::missing("path = \"base.sql\"", "rehearsal.toml:2:8: there is no base.sql")]
#[case::empty("path = \"\"", "rehearsal.toml:2:8: `path` is empty")]
#[case::unknown("pth = \"base.sql\"", "unknown key `pth`")]
#[case::no_path("chain = \"a\"", "[baseline] says what leads to a baseline, and names none")]
#[case::leftovers("leftovers = [\"a\"]", "[baseline] says what leads to a baseline")]
#[case::rollback(
    "path = \"migrations/20240101000000_users.sql\"\nrollback = \"b.sql\"",
    "`rollback` leads back from a rollout, and there is none"
)]
#[case::chain_of_none(
    "path = \"rehearsal.toml\"\nchain = \"db\"",
    "rehearsal.toml is none of the migrations that dbmate runs"
)]
fn what_names_no_baseline(#[case] toml: &str, #[case] said: &str) {
    let toml = format!("[baseline]\n{toml}\n");
    check_files(
        &[("rehearsal.toml", &toml), ("migrations/20240101000000_users.sql", USERS)],
        &[said, "help: "],
    );
}

#[rstest]
#[case::restrict("\\restrict abc\n", "\\restrict is a command of psql, and dbmate sends", "17.6")]
#[case::connect("\\connect app\n", "20260101000000_baseline.sql:2: \\connect is a", "--create")]
fn a_baseline_with_commands_of_psql(#[case] line: &str, #[case] said: &str, #[case] help: &str) {
    let project = squash();
    project.write(PATH, BASELINE.replace("CREATE", &format!("{line}CREATE")));
    check(&verified(&project), 2, &[said, help]);
}

#[test]
fn a_plain_baseline_may_have_some_commands_of_psql() {
    let users = "CREATE TABLE users (id int PRIMARY KEY, name text);\n";
    let project = Project::new(&[
        ("rehearsal.toml", "[baseline]\npath = \"baseline.sql\"\n[checks]\nreplay = \"allow\"\n"),
        ("migrations/1_users.sql", users),
        ("baseline.sql", &format!("\\restrict abc\n{users}\\unrestrict abc\n")),
    ]);
    check(&verified(&project), 0, &["baseline passed", "plain files have no known ledger"]);
    project.write("baseline.sql", format!("\\connect app\n{users}"));
    check(&verified(&project), 2, &["baseline.sql:1: psql's \\connect is not SQL"]);
}

#[test]
fn a_baseline_that_does_nothing() {
    let project = squash();
    project.write(PATH, "");
    let empty = format!("rehearsal.toml:2:8: the baseline {PATH} is empty");
    check(&verified(&project), 2, &[&empty, "write into it what the chain makes"]);
    project.write(PATH, "-- migrate:up\n-- to be written\n-- migrate:down\n");
    check(&verified(&project), 2, &["20260101000000_baseline.sql has no statement to play"]);
}

#[test]
fn a_command_has_no_baseline() {
    let toml = format!("[migrations]\nrun = \"true\"\n{TOML}");
    let texts = ["rehearsal.toml:4:8: a command runs the migrations", "help: remove [baseline]"];
    check_files(&[("rehearsal.toml", &toml)], &texts);
}

fn pg_dump_of(schema: &str) -> String {
    format!(
        "--\n-- PostgreSQL database dump\n--\n\n\\restrict abc\n\nSET client_encoding = 'UTF8';\n\
         SELECT pg_catalog.set_config('search_path', '', false);\n\n{schema}\n\
         CREATE TABLE public.schema_migrations (version character varying NOT NULL);\n\n\
         ALTER TABLE public.users OWNER TO app;\n\n\\unrestrict abc\n"
    )
}

#[test]
fn a_dump_is_what_the_chain_makes() {
    let users = "-- migrate:up\nCREATE TABLE users (id int NOT NULL, name text);\n\
                 -- migrate:down\nDROP TABLE users;\n";
    let dump = pg_dump_of("CREATE TABLE public.users (id integer NOT NULL, name text);");
    let project = Project::new(&[
        ("rehearsal.toml", "[dump]\npath = \"db/schema.sql\"\n"),
        ("migrations/20240101000000_users.sql", users),
        ("db/schema.sql", &dump.replace("OWNER TO app", "OWNER TO CURRENT_USER")),
    ]);
    check(&verified(&project), 0, &["dump passed", "without the ledger of dbmate"]);
    // Production's owner has another name.
    let theirs = "\nALTER TABLE public.schema_migrations OWNER TO app;";
    project.write(
        "db/schema.sql",
        dump.replace("\n\\unrestrict", &(theirs.to_owned() + "\n\\unrestrict")),
    );
    check(&verified(&project), 0, &["dump passed", "names the role app and does not make it"]);
    project.write("db/schema.sql", dump.replace(", name text", ""));
    check(
        &verified(&project),
        1,
        &[
            "error[dump]: ",
            "column public.users.name (text)",
            "db/schema.sql",
            "migrations/20240101000000_users.sql:2",
        ],
    );
    fs::remove_file(project.path().join("db/schema.sql")).expect("it was there");
    check(
        &verified(&project),
        2,
        &["rehearsal.toml:2:8: there is no file db/schema.sql", "remove [dump]"],
    );
    project.write("db/schema.sql", "CREATE TABLE nonsense (id nothing);\n");
    let texts = ["error[dump]: db/schema.sql can't be played", "type \"nothing\" does not exist"];
    check(&verified(&project), 1, &texts);
}

/// A dump of a schema is silent about the database that it is of.
#[test]
fn a_dump_says_nothing_of_the_database_itself() {
    let users = "-- migrate:up\nCREATE TABLE users (id int NOT NULL, name text);\nDO $$ BEGIN\n    \
                 EXECUTE format('COMMENT ON DATABASE %I IS %L', current_database(), 'ours');\n\
                 END $$;\n-- migrate:down\nDROP TABLE users;\n";
    let dump = pg_dump_of("CREATE TABLE public.users (id integer NOT NULL, name text);");
    let project = Project::new(&[
        ("rehearsal.toml", "[dump]\npath = \"db/schema.sql\"\n"),
        ("migrations/20240101000000_users.sql", users),
        ("db/schema.sql", &dump.replace("OWNER TO app", "OWNER TO CURRENT_USER")),
    ]);
    check(&verified(&project), 0, &["dump passed", "databases"]);
}

/// What `dbmate dump` writes below the schema.
const ROWS: &str = "\n\n--\n-- Dbmate schema migrations\n--\n\n\
                    INSERT INTO public.schema_migrations (version) VALUES\n";

#[test]
fn a_dump_has_the_rows_that_the_chain_leaves() {
    let up = |sql: &str| format!("-- migrate:up\n{sql}\n-- migrate:down\n");
    let dump = pg_dump_of("CREATE TABLE public.users (id integer NOT NULL, name text);");
    let dump = dump.replace("OWNER TO app", "OWNER TO CURRENT_USER") + ROWS;
    let project = Project::new(&[
        ("rehearsal.toml", "[dump]\npath = \"db/schema.sql\"\n"),
        ("migrations/20240101000000_users.sql", &up("CREATE TABLE users (id int NOT NULL);")),
        ("migrations/20240102000000_name.sql", &up("ALTER TABLE users ADD name text;")),
        ("db/schema.sql", &format!("{dump}    ('20240101000000'),\n    ('20240102000000');\n")),
    ]);
    let compared = "the rows of public.schema_migrations were compared";
    check(&verified(&project), 0, &["dump passed", "without the ledger of dbmate", compared]);
    project.write("db/schema.sql", format!("{dump}    ('20240101000000');\n"));
    check(
        &verified(&project),
        1,
        &[
            "error[dump]: db/schema.sql records all but 1 migration of the chain",
            "db/schema.sql:22:1",
            "without a row in public.schema_migrations, dbmate runs it once more where the dump",
            "migrations/20240102000000_name.sql",
            "migrate an empty database, and dump it anew: dbmate dump",
            compared,
        ],
    );
    let rows = "    ('20240101000000'),\n    ('20240102000000'),\n    ('20240103000000');\n";
    project.write("db/schema.sql", format!("{dump}{rows}"));
    let surplus = [
        "error[dump]: db/schema.sql records 20240103000000, and no migration of the chain is",
        "db/schema.sql:25:7",
        "takes a migration of that version for applied when it comes, and doesn't run it",
    ];
    check(&verified(&project), 1, &surplus);
    project.write(
        "rehearsal.toml",
        "[dump]\npath = \"db/schema.sql\"\n[postgres]\ndatabase = \"shop\"\n",
    );
    check(&verified(&project), 1, &surplus);
    // It would have both.
    project.write("db/schema.sql", format!("{dump}    ('20240103000000');\n"));
    check(
        &verified(&project),
        1,
        &["records none of the 2 migrations", "records 20240103000000, and"],
    );
}

#[test]
fn a_dump_with_all_rows_is_taken_as_its_tool_takes_it() {
    let up = "-- +goose Up\nCREATE TABLE users (id int);\n";
    let ledger = "CREATE TABLE public.goose_db_version (id integer, version_id bigint,\n  \
                  is_applied boolean, tstamp timestamp DEFAULT now());\n";
    let rows = "COPY public.goose_db_version (id, version_id, is_applied) FROM stdin;\n\
                1\t0\tt\n2\t1\tt\n\\.\n";
    let users = "CREATE TABLE public.users (id integer);\n";
    let project = Project::new(&[
        ("rehearsal.toml", "[dump]\npath = \"schema.sql\"\n"),
        ("migrations/00001_users.sql", up),
        ("schema.sql", &format!("{users}{ledger}{rows}")),
    ]);
    check(&verified(&project), 0, &["dump passed"]);
    project.write("schema.sql", format!("{users}{ledger}{}", rows.replace("1\tt\n\\", "2\tt\n\\")));
    check(
        &verified(&project),
        1,
        &["error[dump]: goose refuses to boot where schema.sql was loaded", "schema.sql:4:1"],
    );
}

#[test]
fn a_dump_of_a_ledger_of_one_row_is_told_by_its_version() {
    let users = "CREATE TABLE public.users (id integer, name text);\n";
    let ledger = "CREATE TABLE public.schema_migrations (version bigint NOT NULL PRIMARY KEY, \
                  dirty boolean NOT NULL);\n\
                  INSERT INTO public.schema_migrations VALUES (1, false);\n";
    let project = Project::new(&[
        ("rehearsal.toml", "[dump]\npath = \"schema.sql\"\n"),
        ("migrations/000001_users.up.sql", "CREATE TABLE users (id int);\n"),
        ("migrations/000002_name.up.sql", "ALTER TABLE users ADD name text;\n"),
        ("schema.sql", &format!("{users}{ledger}")),
    ]);
    check(
        &verified(&project),
        1,
        &[
            "schema.sql records all but 1 migration of the chain",
            "public.schema_migrations is at version 1, so golang-migrate runs it once more",
            "write the dump anew from a database that the chain has made",
            "pg_dump --data-only --table=public.schema_migrations >> schema.sql",
        ],
    );
}

#[test]
fn a_comment_that_differs_is_found_where_the_chain_has_it() {
    let up = "-- migrate:up\nCREATE TABLE users (id int NOT NULL, name text);\n\
              COMMENT ON COLUMN users.name IS 'as told';\n\
              ALTER TABLE users ALTER name SET NOT NULL;\n-- migrate:down\n";
    let dump = pg_dump_of("CREATE TABLE public.users (id integer NOT NULL, name text NOT NULL);");
    let project = Project::new(&[
        ("rehearsal.toml", "[dump]\npath = \"db/schema.sql\"\n"),
        ("migrations/20240101000000_users.sql", up),
        ("db/schema.sql", &dump.replace("OWNER TO app", "OWNER TO CURRENT_USER")),
    ]);
    let comment = "the chain says of it in migrations/20240101000000_users.sql:3 (COMMENT ON";
    check(&verified(&project), 1, &["error[dump]: ", comment]);
}
