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

/// A goose project whose second file is this one.
fn play_goose(name: &str, text: &str) -> Told {
    let first = "-- +goose Up\nCREATE TABLE a (id int);\n";
    let second = format!("migrations/{name}");
    run(&mut verify(Project::new(&[("migrations/00001_a.sql", first), (&second, text)]).path()))
}

#[rstest]
#[case::none("SELECT 1;\n", "unexpected state 0 on line \"SELECT 1;\"")]
#[case::down_first("-- +goose Down\n-- +goose Up\n", "must start with '-- +goose Up'")]
#[case::mark("\u{feff}-- +goose Up\nSELECT 1;\n", "unexpected state 0")]
#[case::semicolon("-- +goose Up\nSELECT 1\n", "unfinished SQL query: \"SELECT 1\"")]
#[case::open("-- +goose Up\n-- +goose StatementBegin\nSELECT 1;\n", "missing '-- +goose Stat")]
#[case::unknown("-- +goose Up, please\nSELECT 1;\n", "\"up, please\" not supported")]
#[case::indented("  -- +goose Up\nSELECT 1;\n", "contains leading whitespace")]
fn a_goose_file_that_the_tool_refuses(#[case] text: &str, #[case] said: &str) {
    let told = play_goose("00002_b.sql", text);
    check(&told, 1, &["error[order]: goose refuses the file: ", "00002_b.sql", said]);
    check(&told, 1, &["help: each file needs the line `-- +goose Up`", "apply   failed"]);
}

#[test]
fn goose_files_that_the_tool_refuses_by_their_names() {
    let up = "-- +goose Up\nSELECT 1;\n";
    let told = play_goose("seed.sql", up);
    check(&told, 1, &["\"migrations/seed.sql\": no filename separator '_' found"]);
    let told = play_goose("00000_b.sql", up);
    check(&told, 1, &["migration version must be greater than zero", "a number before the first"]);
    let told = play_goose("1_b.sql", up);
    check(&told, 1, &["goose refuses to start: duplicate version 1 detected: 00001_a.sql and 1_b"]);
}

#[test]
fn goose_files_that_are_no_sql() {
    let told = play_goose("00002_b.go", "package migrations\n");
    check(&told, 2, &["migrations/00002_b.go is a migration in Go", "help: write it in SQL"]);
    let told = play_goose("00002_b_test.go", "package migrations\n");
    check(&told, 0, &["rerun   passed"]);
    let envsub = "-- +goose ENVSUB ON\n-- +goose Up\nCREATE SCHEMA ${REGION};\n";
    let told = play_goose("00002_b.sql", envsub);
    check(&told, 2, &["00002_b.sql:3: `-- +goose ENVSUB ON` puts variables", "help: render"]);
}

#[test]
fn goose_files_that_are_taken_oddly() {
    let slip = "-- +goose Up\nSELECT 1;\n\n-- goose Down\nDROP TABLE a;\n";
    let told = play_goose("00002_b.sql", slip);
    check(&told, 1, &["error[order]: line 4, `-- goose Down`: goose takes it for a comment"]);
    // Two lines in one message, and a function's body in several.
    let told = play_goose("00002_b.sql", "-- +goose Up\nSELECT 1; /* c */\nSELECT 1/0;\n");
    check(&told, 1, &["00002_b.sql:3:1", "22012: division by zero"]);
    let told = play_goose("00002_b.sql", "-- +goose Up\nDO $$ BEGIN\n  NULL;\nEND $$;\n");
    check(&told, 1, &["error[order]: line 3 ends in `;`", "-- +goose StatementBegin"]);
    // Without a transaction, SET LOCAL would do nothing.
    let set = "-- +goose NO TRANSACTION\n-- +goose Up\nSET lock_timeout = '1s';\nSELECT 1;\n";
    let told = play_goose("00002_b.sql", set);
    check(&told, 1, &["error[leaks]", "help: at the end of the file: RESET lock_timeout;"]);
    // What stands before a failure in the same transaction isn't kept, and is without one.
    let bare = "-- +goose Up\nCREATE TABLE b (id int);\nSELECT 1/0;\n-- +goose NO TRANSACTION\n";
    check(&play_goose("00002_b.sql", bare), 1, &["00002_b.sql:3:1", "22012"]);
}

/// A sql-migrate project whose second file is this one.
fn play_sql_migrate(name: &str, text: &str) -> Told {
    let first = "-- +migrate Up\nCREATE TABLE a (id int);\n";
    let second = format!("migrations/{name}");
    run(&mut verify(Project::new(&[("migrations/1-a.sql", first), (&second, text)]).path()))
}

#[rstest]
#[case::none("SELECT 1;\n", "no Up/Down annotations found")]
#[case::mark("\u{feff}-- +migrate Up\nSELECT 1;\n", "no Up/Down annotations found")]
#[case::lower("-- +migrate up\nSELECT 1;\n", "no Up/Down annotations found")]
#[case::semicolon("-- +migrate Up\nSELECT 1\n", "The last statement must be ended by a semicolon")]
#[case::open("-- +migrate Up\n-- +migrate StatementBegin\nSELECT 1;\n", "with no matching")]
#[case::empty("-- +migrate \n", "incomplete migration command")]
fn a_sql_migrate_file_that_the_tool_refuses(#[case] text: &str, #[case] said: &str) {
    let told = play_sql_migrate("2-b.sql", text);
    check(&told, 1, &["error[order]: sql-migrate refuses to start: ERROR: ", "2-b.sql", said]);
    check(&told, 1, &["help: each file needs the line `-- +migrate Up`", "apply   failed"]);
}

#[test]
fn sql_migrate_files_that_are_taken_oddly() {
    let play = |text: &str| play_sql_migrate("2-b.sql", &format!("-- +migrate Up\n{text}"));
    let told = play("SELECT 1;\n\n-- +migrate down\nDROP TABLE a;\n");
    check(&told, 1, &["error[order]: line 4, `-- +migrate down`: sql-migrate takes it for a"]);
    let told = play("DO $$ BEGIN\n  NULL;\nEND $$;\n");
    check(&told, 1, &["error[order]: line 3 ends in `;`", "-- +migrate StatementBegin"]);
    // A place is that of the file, also after lines that are not sent.
    let told = play("SELECT 1,\n-- a\n-- b\n  FROM;\n");
    check(&told, 1, &["2-b.sql:5:3", "42601: syntax error at or near \"FROM\""]);
    let told = play("SELECT 1;\nCOMMIT;\n");
    check(&told, 1, &["2-b.sql:3:1", "unexpected transaction status idle", "leave BEGIN and"]);
    let told = play_sql_migrate("99999999999999999999-b.sql", "-- +migrate Up\nSELECT 1;\n");
    check(&told, 1, &["Could not parse \"99999999999999999999\" into int64"]);
}

#[test]
fn a_sql_migrate_file_that_leaves_a_transaction_open() {
    let told = play_sql_migrate("0-b.sql", "-- +migrate Up notransaction\nBEGIN;\nSELECT 1;\n");
    check(&told, 1, &["error[apply]", "1-a.sql", "unexpected transaction status idle in trans"]);
    check(&told, 1, &["error[leaks]: 0-b.sql leaves", "1-a.sql, which fails later in this boot"]);
}

#[test]
fn a_block_is_advised_in_the_words_of_the_tool() {
    let alter = "ALTER TABLE a ADD CONSTRAINT positive CHECK (id > 0);\n";
    for (tool, up) in [("goose", "-- +goose Up\n"), ("sql-migrate", "-- +migrate Up\n")] {
        let text = format!("{up}CREATE TABLE IF NOT EXISTS a (id int);\n{alter}");
        let project = Project::new(&[("migrations/1_a.sql", &text)]);
        project.write("rehearsal.toml", "[checks]\nreplay = \"deny\"");
        let told = run(&mut verify(project.path()));
        check(&told, 1, &["error[replay]", "DO $$", &format!("{tool} needs it between the lines")]);
    }
}

#[test]
fn files_of_two_go_tools() {
    check_files(
        &[
            ("migrations/1_a.sql", "-- +goose Up\nSELECT 1;\n"),
            ("migrations/2_b.sql", "-- migrate:up\nSELECT 1;\n-- migrate:down\n"),
        ],
        &["fits two layouts: 2 of dbmate and 2 of goose", "say which tool runs it"],
    );
}

/// A project that depends on refinery, with these files.
fn play_refinery(files: &[(&str, &str)]) -> Told {
    let project = Project::new(files);
    project.write("Cargo.toml", "[dependencies]\nrefinery = \"0.10\"\n");
    run(&mut verify(project.path()))
}

#[test]
fn names_that_refinery_refuses_or_takes_oddly() {
    let first = ("migrations/V1__a.sql", "CREATE TABLE IF NOT EXISTS a (id int);");
    let second = "CREATE TABLE b (id int);";
    let told = play_refinery(&[first, ("migrations/v2__b.sql", second)]);
    check(&told, 0, &["warning[order]: refinery ignores this file: its name is not V1__NAME.sql"]);
    let told = play_refinery(&[first, ("migrations/V20240131120000__b.sql", second)]);
    let refused = "error[order]: refinery refuses to start: migration version must be a valid";
    check(&told, 1, &[refused, "V20240131120000__b.sql", "int8-versions", "apply   failed"]);
    let told = play_refinery(&[first, ("migrations/below/V1__a.sql", first.1)]);
    check(&told, 1, &["migration V1__a is repeated, migration versions must be unique"]);
    let told = play_refinery(&[first, ("migrations/V01__b.sql", second)]);
    let ledger = "refinery's own, on its ledger";
    check(&told, 1, &["error[order]: version 1 is taken by migrations/V01__b.sql", ledger]);
    let told = play_refinery(&[first, ("migrations/V2__b.rs", "pub fn migration() {}")]);
    check(&told, 2, &["migrations/V2__b.rs is Rust, and rehearsal plays SQL"]);
    let told = play_refinery(&[first, ("migrations/V2__b.sql", "VACUUM;")]);
    check(&told, 1, &["25001: VACUUM", "refinery opens a transaction for each migration, and"]);
    // Without a word of refinery they are plain files.
    let plain = Project::new(&[first]);
    check(&run(&mut verify(plain.path())), 0, &["rerun   skipped"]);
}

#[test]
fn folders_that_diesel_refuses_or_takes_oddly() {
    let first = ("migrations/1_a/up.sql", "CREATE TABLE a (id int);");
    let second = ("migrations/2_b/up.sql", "CREATE TABLE b (id int);");
    let play = |more: &[(&str, &str)]| {
        run(&mut verify(Project::new(&[&[first, second], more].concat()).path()))
    };
    check(&play(&[]), 0, &["apply   passed", "rerun   passed"]);
    let told = play(&[("migrations/3_c/Up.sql", "SELECT 1;")]);
    let refused = "error[order]: diesel refuses to start: Invalid migration directory";
    check(&told, 1, &[refused, "it holds Up.sql", "--> migrations/3_c", "write 3_c/up.sql"]);
    let told = play(&[("migrations/3_c/up.sql", "-- later\n")]);
    check(
        &told,
        1,
        &["Failed to run 3_c with: Received an empty query", "SELECT 1; is a statement"],
    );
    let told = play(&[("migrations/3_c/up.sql", "")]);
    check(&told, 1, &["Failed to run 3_c with: Attempted to run an empty migration."]);
    let told = play(&[("migrations/2-_c/up.sql", "CREATE TABLE c (id int);")]);
    check(&told, 1, &["error[order]: version 2 is taken by 2_b, too: diesel runs only one"]);
    let told = play(&[("migrations/10_c/up.sql", "CREATE TABLE c (id int);")]);
    check(&told, 1, &["error[order]: runs before 2_b: diesel orders versions as text"]);
    let told = play(&[("migrations/2_b/seed.sql", "SELECT 1;"), ("migrations/3.SQL", "SELECT 1;")]);
    check(&told, 2, &["error: migrations fits two layouts: 2 of diesel and 1 of plain"]);
    let named = ("rehearsal.toml", "[migrations]\nformat = \"diesel\"");
    let told = play(&[named, ("migrations/2_b/seed.sql", "SELECT 1;"), ("migrations/3.SQL", "")]);
    check(&told, 0, &["ignores this file: its name is not up.sql or down.sql", "2_b/seed.sql"]);
    check(&told, 0, &["ignores this file: its name is not NUMBER_NAME/up.sql", "3.SQL"]);
}

#[test]
fn metadata_that_diesel_takes_oddly() {
    let play = |sql: &str, metadata: &str| {
        let files = [("migrations/1_a/up.sql", sql), ("migrations/1_a/metadata.toml", metadata)];
        run(&mut verify(Project::new(&files).path()))
    };
    check(&play("VACUUM;", "run_in_transaction = false"), 0, &["the rehearsal went well"]);
    let told = play("VACUUM;", "");
    check(
        &told,
        1,
        &["error[order]: does not say `run_in_transaction`, which diesel takes for false"],
    );
    let told = play("VACUUM;", "run_in_transaction = \"false\"");
    check(
        &told,
        1,
        &["1_a/up.sql", "25001: ", "with `run_in_transaction = false` in its metadata"],
    );
    check(&told, 1, &["error[order]: diesel passes over this file", "is neither true nor false"]);
    let told = play("SELECT 1;", "run_in_transaction: false");
    check(&told, 1, &["error[order]: diesel passes over this file without a word"]);
    let told = play("CREATE TABLE a (id int);\nCOMMIT;\n", "run_in_transaction = true");
    check(&told, 1, &["1_a/up.sql:2:1", "Cannot perform this operation outside of a transaction"]);
}

#[test]
fn a_folder_that_the_tools_configuration_names() {
    let migration = ("steps/1_a/up.sql", "CREATE TABLE a (id int);");
    let play = |config: &str| {
        let project = Project::new(&[migration, ("diesel.toml", config)]);
        run(&mut verify(project.path()))
    };
    let directory = "[migrations_directory]\n";
    check(&play(&format!("{directory}dir = \"./steps\"")), 0, &["rerun   passed"]);
    let told = play(&format!("{directory}dir = \"stairs\""));
    check(
        &told,
        2,
        &["diesel.toml names a folder that is not there: stairs", "or correct diesel.toml"],
    );
    check(&play(&format!("{directory}path = \"steps\"")), 2, &["diesel.toml: missing field `dir`"]);
    check(&play("[migrations_directory"), 2, &["error: diesel.toml: "]);
    check(&play(""), 2, &["no migrations found in"]);
    // Two tools may be told of two folders.
    let project =
        Project::new(&[migration, ("diesel.toml", "[migrations_directory]\ndir = \"a\"")]);
    project.write("sqlx.toml", "[migrate]\nmigrations-dir = \"b\"");
    let told = run(&mut verify(project.path()));
    check(&told, 2, &["the migrations are in a by diesel.toml, and in b by sqlx.toml"]);
    project.write("rehearsal.toml", "[migrations]\npath = \"steps\"\nformat = \"diesel\"");
    check(&run(&mut verify(project.path())), 0, &["rerun   passed"]);
}

#[test]
fn what_the_configuration_of_sqlx_says() {
    let migration = ("migrations/1_a.sql", "CREATE TABLE app.a (id int);");
    let play =
        |config: &str| run(&mut verify(Project::new(&[migration, ("sqlx.toml", config)]).path()));
    let told = play("[migrate]\ncreate-schemas = [\"app\"]\ntable-name = \"app.steps\"");
    check(&told, 0, &["apply   passed", "rerun   passed"]);
    check(&play(""), 1, &["error[apply]", "3F000: schema \"app\" does not exist"]);
    let told = play("[migrate]\ntable-name = \"app.steps\"");
    check(&told, 1, &["error[apply]: sqlx refuses", "3F000: schema \"app\" does not exist"]);
    let told = play("[migrate]\ntable_name = \"app.steps\"");
    check(&told, 2, &["sqlx.toml:2:1: unknown field `table_name`", "sqlx refuses it too"]);
    check(&play("[migrate]\nignored-chars = [\"ab\"]"), 2, &["sqlx.toml:2:18: invalid value"]);
    check(&play("[migrate]\nmigrations-dir = 1"), 2, &["sqlx.toml: `migrations-dir` under"]);
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

/// A drizzle project with this journal and two files.
fn play_drizzle(journal: &str) -> Told {
    run(&mut verify(
        Project::new(&[
            ("drizzle/meta/_journal.json", journal),
            ("drizzle/0000_a.sql", "CREATE TABLE a (id int);--> statement-breakpoint\nSELECT 1;\n"),
            ("drizzle/0001_b.sql", "CREATE TABLE b (id int);\n"),
        ])
        .path(),
    ))
}

#[test]
fn a_drizzle_journal_that_is_none() {
    let told = play_drizzle("{\"entries\": [\n<<<<<<< HEAD\n");
    check(&told, 2, &["drizzle/meta/_journal.json is no journal of drizzle", "at line 2 column 1"]);
    check(&told, 2, &["help: two branches have added an entry each"]);
    let told = play_drizzle("{\"entries\": [{\"tag\": \"0000_a\"}]}");
    check(&told, 2, &["missing field `when`", "help: drizzle-kit generate writes it"]);
    let files = [("drizzle/0000_a.sql", "SELECT 1;--> statement-breakpoint\nSELECT 2;")];
    check_files(
        &files,
        &["Can't find meta/_journal.json file in drizzle", "commit the whole folder"],
    );
}

#[rstest]
#[case::gone(
    "0002_c",
    2,
    "error[order]: drizzle refuses to start: No file drizzle/0002_c.sql found"
)]
#[case::equal("0001_b", 1, "error[order]: its `when`, 1, is not later than that of 0000_a, 1")]
#[case::twice("0000_a", 2, "error[order]: meta/_journal.json names this file twice")]
fn a_drizzle_journal_that_names_oddly(#[case] tag: &str, #[case] when: i64, #[case] text: &str) {
    let told = play_drizzle(&format!(
        "{{\"entries\": [{{\"tag\": \"0000_a\", \"when\": 1}}, \
         {{\"tag\": \"{tag}\", \"when\": {when}}}]}}"
    ));
    check(&told, 1, &[text]);
}

#[test]
fn drizzle_files_that_nobody_runs() {
    let told = play_drizzle("{\"entries\": [{\"tag\": \"0000_a\", \"when\": 1}]}");
    check(&told, 1, &["error[order]: drizzle ignores this file", "drizzle/0001_b.sql"]);
    let told = play_drizzle("{\"dialect\": \"mysql\", \"entries\": []}");
    check(&told, 2, &["drizzle holds no migration that drizzle would run"]);
    let told = play_drizzle(
        "{\"dialect\": \"mysql\", \"entries\": [{\"tag\": \"0000_a\", \"when\": 1}, \
         {\"tag\": \"0001_b\", \"when\": 2}]}",
    );
    check(&told, 1, &["error[order]: the journal is one for mysql"]);
}

#[test]
fn folders_of_the_next_drizzle() {
    let files = [
        ("drizzle/20260101000000_a/migration.sql", "CREATE TABLE a (id int);"),
        ("drizzle/20260101000000_a/snapshot.json", "{}"),
    ];
    check_files(&files, &["drizzle is in the layout of drizzle 1.0", "doesn't play yet"]);
    let project = Project::new(&[
        ("drizzle/meta/_journal.json", "{\"entries\": [{\"tag\": \"0000_a\", \"when\": 1}]}"),
        ("drizzle/0000_a.sql", "CREATE TABLE a (id int);"),
        ("package.json", "{\"dependencies\": {\"drizzle-orm\": \"^1.0.0\"}}"),
    ]);
    check(&run(&mut verify(project.path())), 2, &["drizzle-orm 1.0", "run \"drizzle-kit up\""]);
}

#[test]
fn a_drizzle_file_that_is_cut_in_a_wrong_place() {
    let body = "DO $$\nBEGIN\n--> statement-breakpoint\nNULL;\nEND $$;\n";
    let project = Project::new(&[
        ("drizzle/meta/_journal.json", "{\"entries\": [{\"tag\": \"0000_a\", \"when\": 1}]}"),
        ("drizzle/0000_a.sql", body),
    ]);
    let told = run(&mut verify(project.path()));
    check(&told, 1, &["error[order]: line 3: `--> statement-breakpoint` stands within a string"]);
    check(&told, 1, &["error[apply]", "42601: unterminated dollar-quoted string"]);
}

#[test]
fn a_drizzle_file_that_ends_the_boots_transaction() {
    let told = run(&mut verify(
        Project::new(&[
            ("drizzle/meta/_journal.json", "{\"entries\": [{\"tag\": \"0000_a\", \"when\": 1}]}"),
            ("drizzle/0000_a.sql", "CREATE TABLE a (id int);\nCOMMIT;\nCREATE TABLE b (id int);\n"),
        ])
        .path(),
    ));
    check(
        &told,
        0,
        &["warning[order]: line 2: COMMIT ends the transaction", "leave BEGIN, COMMIT"],
    );
}

/// One transaction holds the boot, and what is local in it stays until the last file.
#[test]
fn a_drizzle_file_whose_settings_stay() {
    let told = run(&mut verify(
        Project::new(&[
            ("drizzle/meta/_journal.json", "{\"entries\": [{\"tag\": \"0000_a\", \"when\": 1}]}"),
            ("drizzle/0000_a.sql", "CREATE TABLE a (id int);\nSET LOCAL search_path = '';\n"),
        ])
        .path(),
    ));
    check(&told, 1, &["error[leaks]", "0000_a.sql:2:1", "RESET search_path;"]);
}

const LOCK: (&str, &str) = ("prisma/migrations/migration_lock.toml", "provider = \"postgresql\"\n");

/// A prisma project of these files and one migration.
fn play_prisma(files: &[(&str, &str)]) -> Told {
    let first = ("prisma/migrations/20240101000000_a/migration.sql", "CREATE TABLE a (id int);");
    run(&mut verify(Project::new(&[&[first], files].concat()).path()))
}

#[test]
fn prisma_folders_that_are_no_migrations() {
    let told = play_prisma(&[LOCK, ("prisma/migrations/20240102000000_b/README.md", "empty")]);
    check(
        &told,
        1,
        &["error[order]: P3015: Could not find the migration file at 20240102000000_b"],
    );
    check(&told, 1, &["--> prisma/migrations/20240102000000_b", "takes every folder here"]);
    let told = play_prisma(&[LOCK, ("prisma/migrations/20240102000000_b.sql", "SELECT 1;")]);
    check(&told, 0, &["warning[order]: prisma ignores this file: its name is not NAME/migration"]);
    let told = play_prisma(&[LOCK, ("prisma/migrations/20240101000000_a/more.sql", "SELECT 1;")]);
    check(&told, 0, &["warning[order]: prisma ignores this file", "20240101000000_a/more.sql"]);
    let down = ("prisma/migrations/20240101000000_a/down.sql", "DROP TABLE a;");
    check(&play_prisma(&[LOCK, down]), 0, &["the rehearsal went well"]);
    check_files(&[LOCK], &["prisma/migrations holds no migration that prisma would run"]);
}

#[rstest]
#[case::other("provider = \"mysql\"", "migration_lock.toml, `mysql`")]
#[case::slip("provider=\"postgresql\"", "migration_lock.toml, `provider=\"postgresql`")]
#[case::none("# nothing", "migration_lock.toml, `<PROVIDER NOT FOUND>`")]
fn a_prisma_lock_that_the_tool_refuses(#[case] lock: &str, #[case] text: &str) {
    let told = play_prisma(&[("prisma/migrations/migration_lock.toml", lock)]);
    check(&told, 1, &["error[order]: P3019: The datasource provider `postgresql`", text]);
    check(&told, 1, &["help: prisma wants the line `provider = \"postgresql\"`", "apply   failed"]);
}

#[test]
fn a_prisma_file_that_loses_the_ledger() {
    let dump = "SELECT pg_catalog.set_config('search_path', '', false);";
    let told = play_prisma(&[LOCK, ("prisma/migrations/20240102000000_b/migration.sql", dump)]);
    check(&told, 1, &["the first boot fails in 20240102000000_b/migration.sql"]);
    check(&told, 1, &["42P01: relation \"_prisma_migrations\" does not exist"]);
    check(&told, 1, &["prisma's own, on its ledger", "error[leaks]"]);
}

#[test]
fn an_empty_prisma_migration() {
    let empty = ("prisma/migrations/20240102000000_b/migration.sql", "\n");
    let told = play_prisma(&[LOCK, empty]);
    check(&told, 2, &["20240102000000_b/migration.sql is empty", "say in a comment why"]);
}
