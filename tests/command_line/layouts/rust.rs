//! Files of refinery, diesel and sqlx that they refuse, or take oddly; and what configures them.

use crate::support::{Project, Told, check, check_files, run, verify};

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
    check(&told, 1, &[refused, "V20240131120000__b.sql", "int8-versions", "apply          failed"]);
    let told = play_refinery(&[first, ("migrations/below/V1__a.sql", first.1)]);
    check(&told, 1, &["migration V1__a is repeated, migration versions must be unique"]);
    let told = play_refinery(&[first, ("migrations/V01__b.sql", second)]);
    let ledger = "refinery's own, on its ledger";
    check(&told, 1, &["error[order]: version 1 is taken by migrations/V01__b.sql", ledger]);
    let told = play_refinery(&[first, ("migrations/V2__b.rs", "pub fn migration() {}")]);
    check(&told, 2, &["migrations/V2__b.rs is Rust, and rehearsal plays SQL"]);
    let told = play_refinery(&[first, ("migrations/V2__b.sql", "VACUUM;")]);
    check(&told, 1, &["25001: VACUUM", "refinery opens a transaction for each migration, and"]);
    // Without a word of refinery they could be others'.
    let several = "fits several layouts: 1 of flyway and 1 of refinery and 1 of plain";
    check(&run(&mut verify(Project::new(&[first]).path())), 2, &[several]);
}

#[test]
fn folders_that_diesel_refuses_or_takes_oddly() {
    let first = ("migrations/1_a/up.sql", "CREATE TABLE a (id int);");
    let second = ("migrations/2_b/up.sql", "CREATE TABLE b (id int);");
    let play = |more: &[(&str, &str)]| {
        run(&mut verify(Project::new(&[&[first, second], more].concat()).path()))
    };
    check(&play(&[]), 0, &["apply          passed", "rerun          passed"]);
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
    check(&play(&format!("{directory}dir = \"./steps\"")), 0, &["rerun          passed"]);
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
    check(&run(&mut verify(project.path())), 0, &["rerun          passed"]);
}

#[test]
fn what_the_configuration_of_sqlx_says() {
    let migration = ("migrations/1_a.sql", "CREATE TABLE app.a (id int);");
    let play =
        |config: &str| run(&mut verify(Project::new(&[migration, ("sqlx.toml", config)]).path()));
    let told = play("[migrate]\ncreate-schemas = [\"app\"]\ntable-name = \"app.steps\"");
    check(&told, 0, &["apply          passed", "rerun          passed"]);
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
    check(&run(&mut verify(project.path())), 0, &["rerun          passed"]);
    project.write("go.mod", "require github.com/golang-migrate/migrate/v4 v4.18.1\n");
    check(&run(&mut verify(project.path())), 0, &["rerun          passed"]);
    // Small numbers alone are nobody's.
    let plain = Project::new(&[("migrations/1_a.sql", "CREATE TABLE IF NOT EXISTS a (id int);")]);
    check(&run(&mut verify(plain.path())), 0, &["rerun          skipped"]);
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
    check(
        &told,
        1,
        &["error[order]: sqlx refuses to start", "\"V2_b.sql\"", "apply          failed"],
    );
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
