//! Whatever is wrong with what we are given, the answer says what it is and what to do about it:
//! with exit status 2, or as a finding where it is the project's own fault.

use std::os::unix::fs::symlink;

use rstest::rstest;

use crate::support::{Project, Told, check, check_files, run, verify};

const USERS: (&str, &str) = ("migrations/000001_users.up.sql", "CREATE TABLE users (id int);\n");

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
fn a_mistake_in_the_configuration(#[case] toml: &str, #[case] message: &str, #[case] help: &str) {
    check_files(&[USERS, ("rehearsal.toml", toml)], &[message, help]);
}

#[test]
fn a_server_that_is_none() {
    let project = Project::new(&[USERS, ("rehearsal.toml", "[postgres]\nserver = \"moon\"")]);
    // The variable would outrank the file.
    let told = run(verify(project.path()).env_remove("REHEARSAL_SERVER"));
    check(&told, 2, &["`moon` is no place to get a server from", "native"]);
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
        &["migrations/1_a.sql:2: psql's \\connect is not SQL", "one database is played at a time"],
    );
    check_files(
        &[("migrations/1_a.sql", "SELECT 1;\n\\gexec\n")],
        &["migrations/1_a.sql:2: psql's \\gexec is not SQL", "write the file in plain SQL"],
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
    // To list what the session has takes several times as long.
    let told = play(
        "DO $$ BEGIN FOR i IN 1..8000 LOOP EXECUTE format('PREPARE p%s AS SELECT', i);\n\
         END LOOP; END $$;\nSET statement_timeout = '1ms';\n",
    );
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
