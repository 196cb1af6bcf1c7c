//! Whatever is wrong with what we are given, the answer says what it is and what to do about it:
//! with exit status 2, or as a finding where it is the project's own fault.

use std::os::unix::fs::symlink;

use rstest::rstest;

use crate::support::{Project, Told, run, verify};

const USERS: (&str, &str) = ("migrations/000001_users.up.sql", "CREATE TABLE users (id int);\n");

/// Asserts how a rehearsal ended, and that these texts were said.
fn check(told: &Told, status: i32, texts: &[&str]) {
    assert_eq!(told.status, status, "{}", told.all());
    let said = told.stdout.clone() + &told.stderr;
    for text in texts {
        assert!(said.contains(text), "does not say `{text}`:\n{}", told.all());
    }
}

/// A project of these files, which can't be rehearsed.
fn check_files(files: &[(&str, &str)], texts: &[&str]) {
    check(&run(&mut verify(Project::new(files).path())), 2, texts);
}

#[test]
fn a_path_that_is_no_project() {
    let project = Project::new(&[("a_file", "")]);
    let missing = run(&mut verify(project.path().join("missing")));
    check(&missing, 2, &["failed to open", "No such file", "help: name the project's folder"]);
    let file = run(&mut verify(project.path().join("a_file")));
    check(&file, 2, &["a_file is a file", "help: name the project's folder"]);
    let empty = run(&mut verify(project.path()));
    check(&empty, 2, &["no migrations found in", "db/migrations", "path = \"path/to/migrations\""]);
}

#[test]
fn a_folder_of_migrations_that_is_none() {
    check_files(
        &[("rehearsal.toml", "[migrations]\npath = \"db\""), ("db", "")],
        &["failed to read the folder", "Not a directory", "check `path` under [migrations]"],
    );
    check_files(
        &[("rehearsal.toml", "[migrations]\npath = \"db\"")],
        &["failed to read the folder", "No such file", "check `path` under [migrations]"],
    );
    check_files(
        &[
            ("rehearsal.toml", "[migrations]\npath = \"db\"\nformat = \"golang-migrate\""),
            ("db/README", ""),
        ],
        &["db holds no migration that golang-migrate would run", "000001_create_users.up.sql"],
    );
    check_files(
        &[("migrations/users.sql", "SELECT 1;")],
        &["files of no known layout", "0001_create_users.sql (plain)"],
    );
    check_files(
        &[USERS, ("db/migrations/000001_a.up.sql", "SELECT 1;")],
        &["migrations and db/migrations both hold migrations", "path = \"migrations\""],
    );
}

#[test]
fn a_folder_whose_project_says_more_about_it() {
    let toml = "[migrations]\nboot = \"every-file\"";
    let project = Project::new(&[USERS, ("rehearsal.toml", toml)]);
    let told = run(&mut verify(project.path().join("migrations")));
    check(&told, 2, &["belongs to a project, whose rehearsal.toml", "help: name the project: "]);
    // Another folder below a project is its own.
    project.write("other/000001_a.up.sql", "SELECT 1;");
    check(&run(&mut verify(project.path().join("other"))), 0, &["the rehearsal went well"]);
}

#[test]
fn a_folder_that_fits_two_layouts() {
    let files = [USERS, ("migrations/0002_orders.sql", "CREATE TABLE orders (id int);")];
    check_files(
        &files,
        &["fits two layouts: 1 of golang-migrate and 1 of plain", "format = \"golang-migrate\""],
    );
    // Once the tool is named, what it ignores is reported, and harms nobody.
    let project = Project::new(&files);
    project.write("rehearsal.toml", "[migrations]\nformat = \"golang-migrate\"");
    let told = run(&mut verify(project.path()));
    check(&told, 0, &["warning[order]: golang-migrate ignores this file", "0002_orders.sql"]);
}

#[rstest]
#[case::key("[migrations]\npth = \"db\"", "rehearsal.toml:2:1: unknown key `pth`", "`path`")]
#[case::check("[checks]\nreply = \"deny\"", "there is no check `reply`", "`replay`")]
#[case::format(
    "[migrations]\nformat = \"golang\"",
    "there is no format `golang`",
    "golang-migrate"
)]
#[case::boot("[migrations]\nboot = \"leger\"", "unknown value `leger`", "`ledger`")]
#[case::syntax("[migrations\n", "rehearsal.toml:1:12: ", "")]
#[case::kind("[postgres]\nversions = 15", "rehearsal.toml:2:12: invalid type", "")]
#[case::server(
    "[postgres]\nserver = \"moon\"",
    "`moon` is no place to get a server from",
    "native"
)]
fn a_mistake_in_the_configuration(#[case] toml: &str, #[case] message: &str, #[case] help: &str) {
    check_files(&[USERS, ("rehearsal.toml", toml)], &[message, help]);
}

#[test]
fn a_configuration_that_is_not_text() {
    let project = Project::new(&[USERS]);
    project.write("rehearsal.toml", b"\xff\xfe");
    check(&run(&mut verify(project.path())), 2, &["rehearsal.toml is not UTF-8"]);
}

#[rstest]
#[case::check(&["--only", "aply"], &["there is no check `aply`", "did you mean `apply`?"])]
#[case::version(&["--postgres", "9"], &["Postgres 9 was not found on this machine", "install"])]
#[case::word(&["--postgres", "latest"], &["`latest` is no Postgres version", "such as 15"])]
#[case::server(&["--server", "container"], &["starts native servers only"])]
#[case::url(&["--server", "postgres://localhost/app"], &["plays on servers of its own only"])]
#[case::format(&["--format", "sarif"], &["invalid value 'sarif'", "human, json"])]
#[case::option(&["--jobs", "3"], &["unexpected argument '--jobs'"])]
#[case::timeout(&["--timeout", "0"], &["invalid value '0'"])]
#[case::output(&["--output", "/no/such/report"], &["failed to write /no/such/report"])]
fn an_argument_that_means_nothing(#[case] arguments: &[&str], #[case] texts: &[&str]) {
    check(&run(verify(Project::new(&[USERS]).path()).args(arguments)), 2, texts);
}

#[test]
fn a_variable_that_means_nothing() {
    let project = Project::new(&[USERS]);
    let with = |name, value| run(verify(project.path()).env(name, value));
    check(&with("REHEARSAL_PG_BIN", "/no/such/folder"), 2, &["there is no bin/postgres"]);
    check(&with("REHEARSAL_POSTGRES", "9"), 2, &["Postgres 9 was not found on this machine"]);
    check(&with("REHEARSAL_SERVER", "moon"), 2, &["`moon` is no place to get a server from"]);
    check(&with("PGOPTIONS", "-c search_path=x"), 2, &["PGOPTIONS is set"]);
    check(&with("TMPDIR", "/no/such/folder"), 2, &["/no/such/folder"]);
}

#[test]
fn a_file_that_is_no_sql_text() {
    let second = "migrations/000002_orders.up.sql";
    check_files(&[USERS, (second, "")], &["000002_orders.up.sql is empty", "say in a comment why"]);
    check_files(&[USERS, (second, " \r\n")], &["000002_orders.up.sql is empty"]);
    check_files(
        &[USERS, (second, "SELECT 1;\nDROP TABLE {{ .Table }};")],
        &["000002_orders.up.sql:2:12: `{{ .Table }}` makes this a template", "render the template"],
    );
    let project = Project::new(&[USERS]);
    project.write(second, b"SELECT 1;\n-- caf\xe9");
    let latin = run(&mut verify(project.path()));
    check(&latin, 2, &["000002_orders.up.sql:2: not UTF-8 (byte 0xE9)", "iconv -f latin1"]);
    project.write(second, b"S\0E\0L\0");
    check(&run(&mut verify(project.path())), 2, &["a NUL byte", "save it as UTF-8"]);
    std::fs::remove_file(project.path().join(second)).expect("it is there");
    symlink("nowhere", project.path().join(second)).expect("a link");
    check(
        &run(&mut verify(project.path())),
        2,
        &["failed to read migrations/000002_orders.up.sql"],
    );
}

#[test]
fn a_byte_order_mark_and_foreign_line_ends() {
    let marked = [("migrations/000001_users.up.sql", "\u{feff}CREATE TABLE users (id int);")];
    let told = run(&mut verify(Project::new(&marked).path()));
    check(&told, 1, &["error[apply]", "42601", "begins with a byte order mark"]);
    let lines =
        [("migrations/000001_a.up.sql", "CREATE TABLE a (\r\n  id int\r\n);\r\nSELECT 1;\r\n")];
    check(&run(&mut verify(Project::new(&lines).path())), 0, &["the rehearsal went well"]);
}

#[test]
fn psql_commands_in_plain_files() {
    check_files(
        &[("migrations/1_a.sql", "SELECT 1;\n\\connect other\n")],
        &["migrations/1_a.sql:2: psql's \\connect is not SQL", "write the file in plain SQL"],
    );
    let harmless = [("migrations/1_a.sql", "\\restrict abc\nSELECT 1;\n\\unrestrict abc\n")];
    check(&run(&mut verify(Project::new(&harmless).path())), 0, &["the rehearsal went well"]);
}

/// Runs a project whose only migration is a plain file.
fn play_plain(sql: &str) -> Told {
    run(&mut verify(Project::new(&[("migrations/1_only.sql", sql)]).path()))
}

#[test]
fn copy_data_reaches_the_table() {
    let table = "CREATE TABLE IF NOT EXISTS t (id int);\nTRUNCATE t;\nCOPY t FROM stdin;\n";
    let count = "DO $$ BEGIN ASSERT (SELECT sum(id) FROM t) = 3, 'rows are missing'; END $$;\n";
    let told = play_plain(&format!("{table}1\n2\n\\.\n{count}"));
    assert!(!told.stdout.contains("error[apply]"), "{}", told.all());
    let told = play_plain(&format!("{table}1\n\\.\n{count}"));
    check(&told, 1, &["error[apply]", "P0004: rows are missing"]);
    let told = play_plain(&format!("{table}1\nx\n\\.\n"));
    check(&told, 1, &["error[apply]", "1_only.sql:3:1", "22P02: ", "COPY t, line 2, column id"]);
}

#[test]
fn copy_to_the_client() {
    let sql = "CREATE TABLE IF NOT EXISTS t (id int);\nCOPY t TO STDOUT;\n";
    check(&play_plain(sql), 0, &["the rehearsal went well"]);
    check(&play(sql), 1, &["error[apply]", "000001_only.up.sql:2:1", "COPY needs a client"]);
}

#[test]
fn a_session_that_is_of_no_use_afterwards() {
    let told = play("SET statement_timeout = '1ms';\n");
    check(&told, 1, &["error[apply]", "57014", "the session is of no use after this file"]);
    let told = play("CREATE TEMP TABLE \"é\" (id int);\nSET client_encoding = 'LATIN1';\n");
    check(&told, 1, &["error[leaks]", "leaves `client_encoding` changed", "SET LOCAL"]);
}

/// Runs a project whose only migration is this text, with one second for it.
fn play(sql: &str) -> Told {
    let project = Project::new(&[("migrations/000001_only.up.sql", sql)]);
    run(verify(project.path()).args(["--timeout", "1"]))
}

#[test]
fn sql_that_does_not_parse() {
    let told = play("CREATE TABLE a (id int);\nCREATE TABLE b (id int,);\nSELECT 1;\n");
    check(
        &told,
        1,
        &["error[apply]", "000001_only.up.sql:2:24", "42601: syntax error at or near \")\""],
    );
}

#[test]
fn a_migration_that_ends_its_connection() {
    let told = play("SELECT 1;\nSELECT pg_terminate_backend(pg_backend_pid());\nSELECT 2;\n");
    check(&told, 1, &["error[apply]", "000001_only.up.sql:2:1", "57P01: terminating connection"]);
}

#[test]
fn a_migration_that_never_ends() {
    let told = play("SELECT 1;\nSELECT pg_sleep(1000);\n");
    check(
        &told,
        1,
        &["error[apply]", "000001_only.up.sql:2:1", "did not end within 1 s", "--timeout SECONDS"],
    );
}

#[test]
fn a_migration_whose_data_nobody_sends() {
    let told = play("CREATE TABLE a (id int);\nCOPY a FROM stdin;\n1\n\\.\n");
    check(&told, 1, &["error[apply]", "000001_only.up.sql:2:1", "write the rows as INSERT"]);
}

#[test]
fn a_migration_that_only_a_superuser_may_run() {
    let sql = "CREATE TABLE a (id int);\nALTER SYSTEM SET work_mem = '8MB';\n";
    let alone = "ALTER SYSTEM SET work_mem = '8MB';\n";
    check(&play(alone), 1, &["42501: ", "role = \"superuser\""]);
    check(&play(sql), 1, &["25001: ", "give the statement a migration of its own"]);
}

#[test]
fn an_error_of_the_grammar_is_placed_by_its_position() {
    let told = play("SELECT 1;\nSELECT 2;\nCREATE TABLE a (x float(0));\n");
    check(&told, 1, &["000001_only.up.sql:3:1", "22023: precision for type float"]);
}

#[test]
fn a_deferred_trigger_that_fails_at_the_commit() {
    let told = play(
        "CREATE TABLE a (id int);\n\
         CREATE FUNCTION no() RETURNS trigger LANGUAGE plpgsql AS $$\n\
         BEGIN RAISE EXCEPTION 'not allowed'; END $$;\n\
         CREATE CONSTRAINT TRIGGER no AFTER INSERT ON a DEFERRABLE INITIALLY DEFERRED\n\
         FOR EACH ROW EXECUTE FUNCTION no();\n\
         INSERT INTO a VALUES (1);\n\
         COMMENT ON TABLE a IS 'a';\n",
    );
    check(&told, 1, &["error[apply]", "P0001: not allowed", "this came at the commit"]);
}

#[test]
fn a_constraint_that_breaks_at_the_commit() {
    let told = play(
        "CREATE TABLE a (id int PRIMARY KEY);\n\
         CREATE TABLE b (id int REFERENCES a DEFERRABLE INITIALLY DEFERRED);\n\
         INSERT INTO b VALUES (1);\n",
    );
    check(&told, 1, &["error[apply]", "23503: ", "this came at the commit"]);
}

/// A dbmate project whose second file is this one.
fn play_dbmate(second: &str) -> Told {
    let first = "-- migrate:up\nCREATE TABLE a (id int);\n\n-- migrate:down\nDROP TABLE a;\n";
    run(&mut verify(
        Project::new(&[
            ("db/migrations/20240101000000_a.sql", first),
            ("db/migrations/20240102000000_b.sql", second),
        ])
        .path(),
    ))
}

#[rstest]
#[case::no_marker("SELECT 1;\n", "to define an up block with '-- migrate:up'")]
#[case::no_down("-- migrate:up\nSELECT 1;\n", "to define a down block with '-- migrate:down'")]
#[case::slip("-- migrate:up\n-- migrate:dwon\n", "line 2, `-- migrate:dwon`: dbmate takes it")]
#[case::first("SELECT 1;\n-- migrate:up\n-- migrate:down\n", "statements preceding")]
#[case::mark("\u{feff}-- migrate:up\n-- migrate:down\n", "line 1, `\u{feff}-- migrate:up`")]
fn a_dbmate_file_that_the_tool_refuses(#[case] second: &str, #[case] text: &str) {
    let told = play_dbmate(second);
    let order = ["error[order]: dbmate ", "20240102000000_b.sql", text];
    check(&told, 1, &order);
    check(&told, 1, &["help: each file needs the line `-- migrate:up`", "apply   failed"]);
}

#[test]
fn a_dbmate_file_that_ends_its_transaction() {
    let told = play_dbmate("-- migrate:up\nSELECT 1;\nCOMMIT;\nSELECT 2;\n\n-- migrate:down\n");
    check(&told, 1, &["20240102000000_b.sql:3:1", "unexpected transaction status idle"]);
    check(&told, 1, &["leave BEGIN and COMMIT to the tool"]);
}

#[test]
fn a_dbmate_file_with_several_sections() {
    let section = "-- migrate:up\nSELECT 1;\n\n-- migrate:down\n";
    let told = play_dbmate(&(section.to_owned() + section));
    check(&told, 1, &["error[apply]", "23505: duplicate key", "dbmate's own, on its ledger"]);
    check(&told, 1, &["error[order]: has 2 up sections", "a migration of its own"]);
}

#[test]
fn a_dbmate_failure_after_a_section_that_is_not_played() {
    let told = play_dbmate(
        "-- é\n-- migrate:up\nSELECT 1;\n-- migrate:down\nit's not played\n\
         -- migrate:up transaction:false\nSELECT 2;\n  SELECT 1/0;\n-- migrate:down\n",
    );
    // The first section's row is there, so the second would fail at the latest with its own.
    check(&told, 1, &["20240102000000_b.sql:8:3", "22012: division by zero"]);
}

#[test]
fn files_of_another_tool_among_those_of_dbmate() {
    let told = run(&mut verify(
        Project::new(&[
            ("migrations/1_a.sql", "-- migrate:up\nSELECT 1;\n-- migrate:down\n"),
            ("migrations/2_b.up.sql", "CREATE TABLE b (id int);"),
            ("migrations/V3__c.sql", "CREATE TABLE c (id int);"),
        ])
        .path(),
    ));
    check(&told, 1, &["2_b.up.sql", "to define an up block"]);
    check(&told, 1, &["warning[order]: dbmate ignores this file", "V3__c.sql"]);
}

#[test]
fn names_that_sqlx_and_others_share() {
    let timestamp = ("migrations/20240101000000_a.sql", "CREATE TABLE a (id int);");
    check_files(
        &[timestamp],
        &["fits two layouts: 1 of sqlx and 1 of plain", "say which tool runs it"],
    );
    check_files(
        &[("migrations/20240101000000_a.up.sql", "CREATE TABLE a (id int);")],
        &["fits two layouts: 1 of golang-migrate and 1 of sqlx", "say which tool runs it"],
    );
    // The project says it by itself.
    let project = Project::new(&[timestamp]);
    project.write("Cargo.toml", "[dependencies]\nsqlx = \"0.9\"\n");
    check(&run(&mut verify(project.path())), 0, &["rerun   passed"]);
    project.write("go.mod", "require github.com/golang-migrate/migrate/v4 v4.18.1\n");
    check(&run(&mut verify(project.path())), 0, &["rerun   passed"]);
    // Small numbers alone are nobody's.
    let plain = Project::new(&[("migrations/1_a.sql", "CREATE TABLE IF NOT EXISTS a (id int);")]);
    check(&run(&mut verify(plain.path())), 0, &["rerun   skipped"]);
}

/// A project of sqlx with these files.
fn play_sqlx(files: &[(&str, &str)]) -> Told {
    let project = Project::new(files);
    project.write("rehearsal.toml", "[migrations]\nformat = \"sqlx\"");
    run(&mut verify(project.path()))
}

#[test]
fn names_that_sqlx_refuses_or_takes_oddly() {
    let first = ("migrations/1_a.sql", "CREATE TABLE a (id int);");
    let told = play_sqlx(&[first, ("migrations/V2_b.sql", "SELECT 1;")]);
    check(&told, 1, &["error[order]: sqlx refuses to start", "\"V2_b.sql\"", "apply   failed"]);
    let told = play_sqlx(&[first, ("migrations/2-b.sql", "SELECT 1;")]);
    check(&told, 0, &["warning[order]: sqlx ignores this file: its name is not NUMBER_NAME.sql"]);
    let told = play_sqlx(&[first, ("migrations/01_b.sql", "SELECT 1;")]);
    check(&told, 1, &["error[order]: version 1 is taken by 01_b.sql", "sqlx's own, on its ledger"]);
    let told = play_sqlx(&[first, ("migrations/2_b.down.sql", "SELECT 1;")]);
    check(&told, 0, &["warning[order]: this version has no up file", "2_b.up.sql"]);
    let told = play_sqlx(&[
        ("migrations/1_a.up.sql", "CREATE TABLE a (id int);"),
        ("migrations/1_a.down.sql", "DROP TABLE a;"),
        ("migrations/2_b.sql", "CREATE TABLE b (id int);"),
    ]);
    check(
        &told,
        0,
        &["warning[order]: has no down file", "reverts the earlier one", "2_b.down.sql"],
    );
}

#[test]
fn a_sqlx_file_that_loses_the_ledger() {
    let told = play_sqlx(&[(
        "migrations/1_a.sql",
        "CREATE TABLE a (id int);\nSELECT set_config('search_path', '', false);\n",
    )]);
    check(&told, 1, &["error[apply]", "42P01: relation \"_sqlx_migrations\" does not exist"]);
    check(&told, 1, &["sqlx's own, on its ledger"]);
}

const PLAN: &str = "%project=shop\n\nusers 2024-02-05T09:12:31Z Ada <ada@shop.example>\n";

/// A project of sqitch with this plan, and a script for the change `users`.
fn play_sqitch(plan: &str, files: &[(&str, &str)]) -> Told {
    let project = Project::new(files);
    project.write("sqitch.plan", plan);
    project.write("deploy/users.sql", "CREATE TABLE users (id int);\n");
    project.write("revert/users.sql", "DROP TABLE users;\n");
    run(&mut verify(project.path()))
}

#[test]
fn a_plan_that_sqitch_refuses() {
    let refused = "error[order]: sqitch refuses to deploy: ";
    let told = play_sqitch("%project=shop\n\nusers today Ada\n", &[]);
    check(&told, 1, &[refused, "Syntax error in sqitch.plan at line 3: Invalid name", "NAME ["]);
    let told = play_sqitch(&PLAN.replace("users", "users [roles]"), &[]);
    check(&told, 1, &[refused, "Unknown change \"roles\" required by change \"users\""]);
    check(&told, 1, &["name a change that the plan has above this one", "apply   failed"]);
    let later = PLAN.replace("users", "users [roles]") + &PLAN[15..].replace("users", "roles");
    let told = play_sqitch(&later, &[]);
    check(&told, 1, &["Change \"users\" planned 1 change before required change \"roles\""]);
    let told = play_sqitch("users 2024-02-05T09:12:31Z Ada <ada@shop.example>\n", &[]);
    check(&told, 1, &["a blank line must come between pragmas and changes"]);
    check(
        &play_sqitch("\n", &[]),
        1,
        &["Missing %project pragma", "begin the plan with %project="],
    );
}

#[test]
fn scripts_that_sqitch_misses_or_ignores() {
    check(&play_sqitch(PLAN, &[]), 0, &["the rehearsal went well"]);
    let plan = PLAN.to_owned() + &PLAN[15..].replace("users", "roles");
    let told = play_sqitch(&plan, &[]);
    check(&told, 1, &["the plan names the change roles", "--> deploy/roles.sql"]);
    let told = play_sqitch(PLAN, &[("deploy/old/roles.sql", "SELECT 1;")]);
    check(&told, 0, &["warning[order]: sqitch never runs this script", "--> deploy/old/roles.sql"]);
    let same = ("deploy/roles.sql", "CREATE TABLE users (id int);\n");
    let told = play_sqitch(&plan, &[same, ("revert/roles.sql", "SELECT 1;")]);
    check(&told, 1, &["is the same as deploy/users.sql, byte for byte", "error[apply]"]);
    let asks = [("sqitch.conf", "[deploy]\nverify = yes\n")];
    let told = play_sqitch(PLAN, &asks);
    check(&told, 0, &["warning[order]: the change users has no verify script"]);
}

#[test]
fn a_configuration_of_sqitch_that_does_not_fit() {
    let told = play_sqitch(PLAN, &[("sqitch.conf", "[core]\nengine = mysql\n")]);
    check(&told, 2, &["sqitch.conf deploys to mysql, not to Postgres"]);
    let told = play_sqitch(PLAN, &[("sqitch.conf", "[core\n")]);
    check(&told, 2, &["sqitch.conf:1: sqitch can't read this line"]);
    let told = play_sqitch(PLAN, &[("sqitch.conf", "[core]\ntop_dir = ../sql\n")]);
    check(&told, 2, &["top_dir = ../sql, which is outside of the project's folder"]);
    let told = play_sqitch(PLAN, &[("sqitch.conf", "[core]\ntop_dir = sql\n")]);
    check(&told, 2, &["sql/sqitch.plan does not exist"]);
    let told = play_sqitch(PLAN, &[("verify/users.sql", "SELECT 1;")]);
    check(&told, 0, &["the rehearsal went well"]);
}

const SHIPS: (&str, &str) = ("db/migration/V1__ships.sql", "CREATE TABLE ships (imo int);\n");

/// A project of Flyway with these files beside the first migration.
fn play_flyway(files: &[(&str, &str)]) -> Told {
    let project = Project::new(files);
    project.write(SHIPS.0, SHIPS.1);
    project.write("flyway.conf", "flyway.locations=filesystem:db/migration\n");
    run(&mut verify(project.path()))
}

#[test]
fn names_that_flyway_refuses_or_ignores() {
    let told = play_flyway(&[("db/migration/V2_berths.sql", "SELECT 1;")]);
    check(&told, 1, &["error[order]: Flyway ignores this file", "V1.2__name.sql"]);
    let told = play_flyway(&[("db/migration/berths.sql", "SELECT 1;")]);
    check(&told, 0, &["warning[order]: Flyway ignores this file"]);
    let told = play_flyway(&[("db/migration/later/V1.0__berths.sql", "SELECT 1;")]);
    check(&told, 1, &["Found more than one migration with version 1.0", "apply   failed"]);
    let twice = [("db/migration/R__a.sql", "SELECT 1;"), ("db/migration/x/R__a.sql", "SELECT 2;")];
    check(&play_flyway(&twice), 1, &["more than one repeatable migration with description a"]);
    let told = play_flyway(&[("db/migration/afterMigrate.sql", "SELECT 1;")]);
    check(&told, 0, &["warning[order]: this is a callback of Flyway's"]);
    let told = play_flyway(&[("db/migration/U1__ships.sql", "DROP TABLE nothing;")]);
    check(&told, 0, &["the rehearsal went well"]);
}

#[test]
fn files_that_flyway_does_not_send_as_they_are() {
    let told = play_flyway(&[("db/migration/V2__a.sql", "\nGRANT SELECT ON ships TO ${reader};")]);
    check(&told, 2, &["V2__a.sql:2: No value provided for placeholder: ${reader}"]);
    let told = play_flyway(&[
        ("db/migration/V2__a.sql", "CREATE TABLE ${name} (id int);\n"),
        ("db/migration/R__b.sql", "CREATE OR REPLACE VIEW b AS SELECT '${name}' AS n;\n"),
        ("flyway.toml", "[flyway.placeholders]\nname = \"piers\"\n"),
    ]);
    check(&told, 0, &["rerun   passed"]);
    let told = play_flyway(&[
        ("db/migration/V2__a.sql", "SELECT '${reader}';"),
        ("db/migration/V2__a.sql.conf", "placeholderReplacement=false"),
    ]);
    check(&told, 0, &["the rehearsal went well"]);
    let told = play_flyway(&[("db/migration/V2__a.sql", "SELECT 1;\n\\echo here\n")]);
    check(&told, 1, &["line 2, `\\echo here`: Flyway sends it to Postgres"]);
}

/// Flyway prepares its connection for each file.
#[test]
fn a_search_path_that_flyway_restores() {
    let first = "CREATE SCHEMA app;\nSET search_path = app;\nSET ROLE NONE;\n";
    let second = "CREATE TABLE berths (id int);\nSELECT 'public.berths'::regclass;\n";
    let told =
        play_flyway(&[("db/migration/V2__a.sql", first), ("db/migration/V3__b.sql", second)]);
    check(&told, 0, &["apply   passed", "leaks   passed"]);
    let told = play_flyway(&[("db/migration/V2__a.sql", "SET work_mem = '8MB';\n")]);
    check(&told, 1, &["error[leaks]", "work_mem"]);
}

#[test]
fn statements_that_flyway_runs_without_a_transaction() {
    let index = "CREATE INDEX CONCURRENTLY ships_imo ON ships (imo);\n";
    let told = play_flyway(&[("db/migration/V2__a.sql", index)]);
    check(&told, 1, &["waits until all transactions have ended", "transactional.lock=false"]);
    check(&told, 1, &["apply   passed", "rerun   passed"]);
    let told = play_flyway(&[("db/migration/V2__a.sql", "REINDEX TABLE CONCURRENTLY ships;\n")]);
    check(&told, 1, &["25001", "with a `.sql.conf` beside it", "flyway then opens no transaction"]);
    let both = format!("CREATE TABLE a (id int);\n{index}");
    let told = play_flyway(&[("db/migration/V2__a.sql", &both)]);
    check(&told, 1, &["Detected both transactional and non-transactional", "found at line 2"]);
    let told = play_flyway(&[
        ("db/migration/V2__a.sql", &both),
        ("db/migration/V2__a.sql.conf", "executeInTransaction=false\n"),
        ("flyway.toml", "[flyway.postgresql.transactional]\nlock = false\n"),
    ]);
    check(&told, 0, &["apply   passed", "rerun   passed", "order   passed"]);
    let told = play_flyway(&[
        ("db/migration/V2__a.sql", index),
        ("db/migration/V2__a.sql.conf", "executeInTransaction=false\n"),
    ]);
    check(&told, 0, &["warning[order]: line 1 waits until all", "versions before those of 2026"]);
}

#[test]
fn names_that_flyway_refinery_and_nobody_share() {
    let first = ("migrations/V1__a.sql", "CREATE TABLE IF NOT EXISTS a (id int);");
    // Nobody says whose it is: every boot runs it.
    check(&run(&mut verify(Project::new(&[first]).path())), 0, &["rerun   skipped"]);
    let told = run(&mut verify(Project::new(&[first, ("pom.xml", "flyway-core")]).path()));
    check(&told, 0, &["rerun   passed"]);
    let repeatable = ("migrations/R__b.sql", "SELECT 1;");
    check(&run(&mut verify(Project::new(&[first, repeatable]).path())), 0, &["rerun   passed"]);
    let dotted = ("migrations/V1.1__b.sql", "SELECT 1;");
    check(&run(&mut verify(Project::new(&[first, dotted]).path())), 0, &["rerun   passed"]);
}
