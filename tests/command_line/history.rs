//! What is merged, in repositories that are made for it: whether it stayed as it was, and what the
//! new files do to a database that has it.

use std::fs;
use std::path::Path;
use std::process::Command;

use tempfile::TempDir;

use super::support::{Project, Told, check, run, verify};

const TOML: &str = "[history]\nbase = \"main\"\n";
const MARKED: &str = "[history]\nbase = \"main\"\nsquash_marker = \"[squash-baseline]\"\n";

/// Two migrations of golang-migrate, whose ledger knows nothing but a number.
const MEMBERS: (&str, &str) = (
    "migrations/000001_members.up.sql",
    "-- who they are\n\
     CREATE TABLE members (\n    id int PRIMARY KEY,\n    name text NOT NULL\n);\n",
);
const ORDERS: (&str, &str) =
    ("migrations/000002_orders.up.sql", "CREATE TABLE orders (id int PRIMARY KEY, total int);\n");
const SEEDS: (&str, &str) = (
    "seeds/1_members.sql",
    "INSERT INTO members (id, name) VALUES (1, 'Ada') ON CONFLICT DO NOTHING;\n",
);

/// A project of these files, all of them merged.
fn merged(files: &[(&str, &str)]) -> Project {
    let project = Project::new(files);
    project.commit_to_main();
    project
}

fn usual() -> Project {
    merged(&[("rehearsal.toml", TOML), MEMBERS, ORDERS, SEEDS])
}

fn judged(project: &Project, checks: &str) -> Told {
    run(verify(project.path()).args(["--only", checks]))
}

fn commit(project: &Project, message: &str) {
    project.git(&["add", "--all", "."]);
    project.git(&["commit", "--quiet", "--message", message]);
}

/// Commits a file to the branch `main`, which the current one has left, and comes back.
fn gain(project: &Project, path: &str, text: &str) {
    project.git(&["checkout", "--quiet", "main"]);
    project.write(path, text);
    commit(project, "gain");
    project.git(&["checkout", "--quiet", "new"]);
}

fn rename(project: &Project, from: &str, to: &str) {
    fs::rename(project.path().join(from), project.path().join(to)).expect("it is there");
}

fn remove(project: &Project, path: &str) {
    fs::remove_file(project.path().join(path)).expect("it is there");
}

/// Runs git where there is no project.
fn git(folder: &Path, arguments: &[&str]) {
    let output = Command::new("git").arg("-C").arg(folder).args(arguments).output();
    let output = output.expect("git is there");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

#[test]
fn what_is_merged_stays_as_it_is() {
    let project = usual();
    check(
        &judged(&project, "history,upgrade"),
        0,
        &["history  passed", "upgrade  skipped", "no new migration since "],
    );
    let edited = MEMBERS.1.replace("name text NOT NULL", "name text NOT NULL DEFAULT ''");
    project.write(MEMBERS.0, &edited);
    let expected = [
        "error[history]: 000001_members.up.sql is merged, and was edited",
        "migrations/000001_members.up.sql:4:5",
        "- 4      name text NOT NULL\n",
        "+ 4      name text NOT NULL DEFAULT ''\n",
        "where it is applied, golang-migrate does not run it again",
        "git restore --source=",
        " migrations/000001_members.up.sql\n",
        "and write what is to change into a new migration",
    ];
    // Whether it is staged or committed makes no difference.
    check(&judged(&project, "history"), 1, &expected);
    project.git(&["add", "."]);
    check(&judged(&project, "history"), 1, &expected);
    commit(&project, "edit");
    check(&judged(&project, "history"), 1, &expected);
    project.write(MEMBERS.0, MEMBERS.1);
    check(&judged(&project, "history"), 0, &["history  passed"]);
}

#[test]
fn comments_and_white_space_are_told_apart() {
    let project = usual();
    project
        .write(MEMBERS.0, MEMBERS.1.replace("who they are", "all of them").replace("    ", "\t"));
    let only = "000001_members.up.sql is merged, and was edited: nothing that is played of it";
    let told = judged(&project, "history");
    check(&told, 0, &[&format!("warning[history]: {only}"), "+ 1  -- all of them"]);
    assert!(!told.stdout.contains("digest"), "{}", told.all());
    // sqlx refuses what has another checksum than in its ledger.
    let (first, second) = ("migrations/1_a.sql", "migrations/2_b.sql");
    let toml = format!("{TOML}[migrations]\nformat = \"sqlx\"\n");
    let sqlx = merged(&[
        ("rehearsal.toml", &toml),
        (first, "CREATE TABLE a (id int);\n"),
        (second, "CREATE TABLE b (id int);\n"),
    ]);
    sqlx.write(first, "-- a comment\nCREATE TABLE a (id int);\n");
    check(
        &judged(&sqlx, "history,upgrade"),
        1,
        &[
            "warning[history]: 1_a.sql is merged, and was edited: nothing that is played of it",
            "sqlx's ledger holds a digest of the file",
            "error[upgrade]: sqlx refuses the upgrade",
        ],
    );
}

#[test]
fn line_endings_raise_no_alarm() {
    let project = usual();
    project.git(&["config", "core.autocrlf", "true"]);
    project.write(MEMBERS.0, MEMBERS.1.replace('\n', "\r\n"));
    check(&judged(&project, "history"), 0, &["history  passed"]);
    // One of the two is as git would write it here, the other as it was written before.
    project.write(
        MEMBERS.0,
        MEMBERS.1.replace('\n', "\r\n").replace("name text NOT NULL", "name text"),
    );
    let told = judged(&project, "history");
    check(&told, 1, &["- 4      name text NOT NULL\n", "+ 4      name text\n"]);
    assert!(!told.stdout.contains("- 3"), "{}", told.all());
}

#[test]
fn line_endings_count_where_a_digest_has_them() {
    let first = "migrations/1_a.sql";
    let sql = "CREATE TABLE a (id int);\nCREATE TABLE b (id int);\n";
    let toml = format!("{TOML}[migrations]\nformat = \"sqlx\"\n");
    let project = merged(&[("rehearsal.toml", &toml), (first, sql)]);
    project.write(first, sql.replace('\n', "\r\n"));
    check(
        &judged(&project, "history,upgrade"),
        1,
        &[
            "warning[history]: 1_a.sql is merged, and was edited: nothing that is played of it",
            "what was changed are its line endings",
            "sqlx's ledger holds a digest of the file",
            "error[upgrade]: sqlx refuses the upgrade",
        ],
    );
    // Where git takes the one for the other, every clone has what it had before.
    project.git(&["config", "core.autocrlf", "true"]);
    check(&judged(&project, "history"), 0, &["history  passed"]);
    project.write(first, sql);
    project.write("migrations/2_b.sql", "CREATE TABLE c (id int);\n");
    check(&judged(&project, "history,upgrade"), 0, &["history  passed", "upgrade  passed"]);
}

#[test]
fn line_endings_count_where_a_body_keeps_them() {
    let first = "migrations/000001_f.up.sql";
    let sql = "CREATE FUNCTION f() RETURNS text LANGUAGE sql AS $$\n  SELECT 'a'\n$$;\n";
    let project = merged(&[("rehearsal.toml", TOML), (first, sql)]);
    project.write(first, sql.replace('\n', "\r\n"));
    check(
        &judged(&project, "history"),
        1,
        &[
            "error[history]: 000001_f.up.sql is merged, and was edited",
            "what was changed are its line endings, also those within a literal or a body",
        ],
    );
    // Where git takes the one for the other, what is committed stays as it was.
    project.git(&["config", "core.autocrlf", "true"]);
    check(&judged(&project, "history"), 0, &["history  passed"]);
}

#[test]
fn a_flag_in_the_index_hides_no_edit() {
    let project = usual();
    for (flag, path) in [("--assume-unchanged", MEMBERS.0), ("--skip-worktree", ORDERS.0)] {
        project.git(&["update-index", flag, path]);
    }
    check(&judged(&project, "history"), 0, &["history  passed"]);
    project.write(MEMBERS.0, MEMBERS.1.replace("name text", "name varchar"));
    project.write(ORDERS.0, ORDERS.1.replace("total int", "total bigint"));
    check(
        &judged(&project, "history"),
        1,
        &[
            "000001_members.up.sql is merged, and was edited",
            "000002_orders.up.sql is merged, and was edited",
        ],
    );
}

#[test]
fn the_folder_of_the_migrations_may_move() {
    let project = usual();
    let (first, second) = ("db/sql/000001_members.up.sql", "db/sql/000002_orders.up.sql");
    fs::create_dir_all(project.path().join("db")).expect("a folder");
    rename(&project, "migrations", "db/sql");
    project.write("rehearsal.toml", format!("{TOML}[migrations]\npath = \"db/sql\"\n"));
    let passed = ["history  passed", "order    passed", "upgrade  skipped  no new migration since"];
    check(&judged(&project, "history,order,upgrade"), 0, &passed);
    commit(&project, "move");
    check(&judged(&project, "history,order,upgrade"), 0, &passed);
    project.write(first, MEMBERS.1.replace("name text NOT NULL", "name varchar"));
    project.write("db/sql/000000_late.up.sql", "CREATE TABLE late (id int);\n");
    check(
        &judged(&project, "history,order"),
        1,
        &[
            "000001_members.up.sql is merged, and was edited",
            "db/sql/000001_members.up.sql:4:5",
            ":./migrations/000001_members.up.sql > db/sql/000001_members.up.sql",
            "000000_late is new, and sorts before 000002_orders, which is merged",
        ],
    );
    // Half of what was there is enough to tell where it is now.
    remove(&project, "db/sql/000000_late.up.sql");
    project.write(first, MEMBERS.1);
    remove(&project, second);
    check(&judged(&project, "history"), 1, &["000002_orders.up.sql is merged, and was removed"]);
    project.write("db/sql/000003_email.up.sql", "ALTER TABLE members ADD email text NOT NULL;\n");
    project.write(second, ORDERS.1);
    check(&judged(&project, "upgrade"), 1, &["the upgrade fails in 000003_email.up.sql"]);
}

#[test]
fn what_the_base_has_gained_counts() {
    let project = usual();
    let gained = "migrations/000006_b.up.sql";
    let sql = "CREATE TABLE b (id int);\n";
    gain(&project, gained, sql);
    check(&judged(&project, "history,order"), 0, &["history  passed", "order    passed"]);
    let number = |path: &str, to: &str| rename(&project, path, &format!("migrations/{to}.up.sql"));
    project.write("migrations/000005_a.up.sql", "CREATE TABLE a (id int);\n");
    let late = [
        "error[order]: 000005_a is new, and sorts before 000006_b, which `main` has gained since ",
        "migrations/000005_a.up.sql",
        "where 000006_b is applied, golang-migrate never runs it, without a word",
        "git rebase main",
        "and give it a number after that of 000006_b",
        "history  passed",
    ];
    check(&judged(&project, "history,order"), 1, &late);
    commit(&project, "late");
    check(&judged(&project, "history,order"), 1, &late);
    number("migrations/000005_a.up.sql", "000006_a");
    let taken = "error[order]: 000006_a is new, and has the version of 000006_b, which `main` has";
    let told = judged(&project, "order");
    check(&told, 1, &[taken, "git rebase main", "and give it a number after that of 000006_b"]);
    assert_eq!(told.stdout.matches("[order]").count(), 1, "{}", told.all());
    number("migrations/000006_a.up.sql", "000006_b");
    let other = "000006_b.up.sql is new, and another one in what `main` has gained since ";
    check(&judged(&project, "order"), 1, &[other, "rename it, and then: git rebase main"]);
    // The base's own, taken over by hand, and a later one.
    project.write(gained, sql.replace('\n', "\r\n"));
    project.write("migrations/000007_a.up.sql", "CREATE TABLE a (id int);\n");
    check(&judged(&project, "history,order"), 0, &["history  passed", "order    passed"]);
    // It is still late, where the base's own is here as well.
    project.write("migrations/000003_c.up.sql", "CREATE TABLE c (id int);\n");
    check(&judged(&project, "order"), 1, &["000003_c is new, and sorts before 000006_b, which `m"]);
}

#[test]
fn a_number_that_is_taken_is_told_once() {
    let project = usual();
    let sql = "CREATE TABLE b (id int);\n";
    project.git(&["checkout", "--quiet", "main"]);
    project.write("migrations/000003_d.down.sql", "DROP TABLE b;\n");
    project.write("migrations/000003_d.up.sql", sql);
    commit(&project, "gain");
    project.git(&["checkout", "--quiet", "new"]);
    project.write("migrations/000003_c.up.sql", "CREATE TABLE c (id int);\n");
    project.write("migrations/000003_c.down.sql", "DROP TABLE c;\n");
    let told = judged(&project, "order");
    let taken = "000003_c is new, and has the version of 000003_d, which `main` has gained since";
    check(&told, 1, &[taken, "migrations/000003_c.up.sql", "golang-migrate refuses to start"]);
    assert_eq!(told.stdout.matches("[order]").count(), 1, "{}", told.all());
    // The branch on which this one stands was merged under another number.
    project.write("migrations/000003_c.up.sql", sql.replace('\n', "\r\n"));
    let same = "[order]: 000003_c is new, and is the same as 000003_d, which `main` has gained";
    let drop = ["git rebase main", "and drop 000003_c"];
    let told = judged(&project, "order");
    check(&told, 1, &["error", same, drop[0], drop[1]]);
    assert!(!told.stdout.contains("give it a number"), "{}", told.all());
    for kind in ["up", "down"] {
        let path = |number| format!("migrations/00000{number}_c.{kind}.sql");
        rename(&project, &path(3), &path(4));
    }
    let same = "warning[order]: 000004_c is new, and is the same as 000003_d, which `main` has";
    check(&judged(&project, "order"), 0, &[same, "and drop 000004_c"]);
}

#[test]
fn a_base_that_has_moved_its_folder_is_not_passed_over() {
    let project = usual();
    project.git(&["checkout", "--quiet", "main"]);
    project.git(&["mv", "migrations", "db_migrations"]);
    project.write("db_migrations/000003_d.up.sql", "CREATE TABLE d (id int);\n");
    commit(&project, "move");
    project.git(&["checkout", "--quiet", "new"]);
    project.write("migrations/000003_c.up.sql", "CREATE TABLE c (id int);\n");
    let moved = "warning[order]: `main` has no files in migrations any more, so what it has gained";
    check(&judged(&project, "order"), 0, &[moved, "git rebase main"]);
}

#[test]
fn what_the_base_has_gained_is_merged_after_a_merge() {
    let project = usual();
    gain(&project, "migrations/000006_b.up.sql", "CREATE TABLE b (id int);\n");
    project.write("migrations/000005_a.up.sql", "CREATE TABLE a (id int);\n");
    commit(&project, "late");
    project.git(&["merge", "--quiet", "--no-edit", "main"]);
    let told = judged(&project, "order");
    let late = "000005_a is new, and sorts before 000006_b, which is merged";
    check(&told, 1, &[late, "give it a number after that of 000006_b"]);
    assert_eq!(told.stdout.matches("[order]").count(), 1, "{}", told.all());
    rename(&project, "migrations/000005_a.up.sql", "migrations/000007_a.up.sql");
    check(&judged(&project, "history,order"), 0, &["history  passed", "order    passed"]);
}

#[test]
fn what_the_base_has_gained_stands_beside_what_is_done_here() {
    let project = merged(&[("rehearsal.toml", MARKED), MEMBERS, ORDERS]);
    gain(&project, "migrations/000006_b.up.sql", "CREATE TABLE b (id int);\n");
    // What is removed here is none of the merged chain, and a squash is never late.
    remove(&project, MEMBERS.0);
    remove(&project, ORDERS.0);
    let sql = format!("{}{}", MEMBERS.1, ORDERS.1);
    project.write("migrations/000002_baseline.up.sql", sql);
    commit(&project, "One file for all [squash-baseline]");
    check(&judged(&project, "history,order"), 0, &["history  passed", "order    passed"]);
    project.git(&["merge", "--quiet", "--no-edit", "main"]);
    check(&judged(&project, "history,order"), 0, &["history  passed", "order    passed"]);
    // Files that nobody could read are told, not passed over.
    let project = usual();
    gain(&project, "migrations/000006_b.up.sql", "");
    project.write("migrations/000007_a.up.sql", "CREATE TABLE a (id int);\n");
    let unread = "what `main` has gained can't be read beside what is here: ";
    check(&judged(&project, "order"), 0, &["warning[order]: ", unread, "000006_b.up.sql is empty"]);
}

#[test]
fn what_the_base_has_gained_is_taken_as_the_tool_takes_it() {
    let up = |sql: &str| format!("-- migrate:up\n{sql}\n-- migrate:down\n");
    let first = ("migrations/20240101_a.sql", &*up("CREATE TABLE a (id int);"));
    let project = merged(&[("rehearsal.toml", TOML), first]);
    gain(&project, "migrations/20240103_b.sql", &up("CREATE TABLE b (id int);"));
    project.write("migrations/20240102_c.sql", up("CREATE TABLE c (id int);"));
    let late = [
        "20240102_c is new, and sorts before 20240103_b, which `main` has gained since",
        "where 20240103_b is applied, dbmate runs it after those that it should precede",
    ];
    check(&judged(&project, "order"), 1, &late);
    rename(&project, "migrations/20240102_c.sql", "migrations/20240103_c.sql");
    let taken = [
        "20240103_c is new, and has the version of 20240103_b, which `main` has gained since",
        "where both are new, dbmate's ledger refuses the second; where one is applied, the other",
    ];
    let told = judged(&project, "order");
    check(&told, 1, &taken);
    assert!(!told.stdout.contains("is taken by"), "{}", told.all());
    // What is the second to the tool may be what the base has gained.
    rename(&project, "migrations/20240103_c.sql", "migrations/20240103_a.sql");
    let told = judged(&project, "order");
    check(&told, 1, &["20240103_a is new, and has the version of 20240103_b", taken[1]]);
    assert!(!told.stdout.contains("is taken by"), "{}", told.all());
    assert_eq!(told.stdout.matches("[order]").count(), 1, "{}", told.all());
    commit(&project, "twin");
    project.git(&["merge", "--quiet", "--no-edit", "main"]);
    let told = judged(&project, "order");
    check(&told, 1, &["error[order]: version 20240103 is taken by 20240103_a.sql", taken[1]]);
    assert_eq!(told.stdout.matches("[order]").count(), 1, "{}", told.all());
    project.git(&["reset", "--quiet", "--hard", "HEAD~1"]);
    remove(&project, "migrations/20240103_a.sql");
    // A file that Flyway runs whenever it has changed has no place among the others.
    let flyway = |name: &str| format!("migrations/{name}.sql");
    let toml = format!("{TOML}[migrations]\nformat = \"flyway\"\n");
    let first = (&*flyway("V1__a"), "CREATE TABLE a (id int);\n");
    let project = merged(&[("rehearsal.toml", &toml), first]);
    gain(&project, &flyway("V3__b"), "CREATE TABLE b (id int);\n");
    project.write(&flyway("R__c"), "CREATE OR REPLACE VIEW c AS SELECT id FROM a;\n");
    check(&judged(&project, "order"), 0, &["order    passed"]);
    project.write(&flyway("V2__d"), "CREATE TABLE d (id int);\n");
    let late = "where V3__b is applied, flyway refuses to migrate, unless outOfOrder is set";
    check(&judged(&project, "order"), 1, &["V2__d is new, and sorts before V3__b", late]);
}

#[test]
fn what_a_journal_lists_is_left_to_git_until_it_is_merged() {
    let journal = |entries: &[(u32, &str)]| {
        let entry = |(index, name): &(u32, &str)| {
            format!(
                "{{\"idx\":{index},\"version\":\"7\",\"when\":{},\"tag\":\"{name}\",\
                 \"breakpoints\":true}}",
                1_700_000_000_000_u64 + u64::from(*index)
            )
        };
        let entries = entries.iter().map(entry).collect::<Vec<_>>().join(",");
        format!("{{\"version\":\"7\",\"dialect\":\"postgresql\",\"entries\":[{entries}]}}")
    };
    let path = "drizzle/meta/_journal.json";
    let sql = ("drizzle/0000_a.sql", "CREATE TABLE a (id int);\n");
    let first = journal(&[(0, "0000_a")]);
    let project = merged(&[("rehearsal.toml", TOML), (path, &first), sql]);
    project.git(&["checkout", "--quiet", "main"]);
    project.write("drizzle/0001_b.sql", "CREATE TABLE b (id int);\n");
    project.write(path, journal(&[(0, "0000_a"), (1, "0001_b")]));
    commit(&project, "gain");
    project.git(&["checkout", "--quiet", "new"]);
    project.write("drizzle/0001_c.sql", "CREATE TABLE c (id int);\n");
    project.write(path, journal(&[(0, "0000_a"), (1, "0001_c")]));
    check(&judged(&project, "history,order"), 0, &["history  passed", "order    passed"]);
}

#[test]
fn a_submodule_is_another_repository() {
    let project = Project::new(&[("rehearsal.toml", TOML), MEMBERS]);
    let identity = ["-c", "user.name=Test", "-c", "user.email=test@example.org"];
    let folder = project.path().join("migrations");
    git(&folder, &["init", "--quiet", "--initial-branch=main"]);
    git(&folder, &["add", "."]);
    git(&folder, &[&identity[..], &["commit", "--quiet", "--message=one"]].concat());
    project.commit_to_main();
    let told = judged(&project, "history,upgrade,leaks");
    let another = "migrations is in another repository than the project, as a submodule is";
    check(&told, 0, &["history and upgrade  skipped", another, "in their own repository"]);
    project.write(
        "rehearsal.toml",
        "[baseline]\npath = \"migrations/000001_members.up.sql\"\n\
         chain = { git = \"main\" }\n",
    );
    let submodule = "migrations is a submodule in `main`, and this repository has none of its";
    check(&judged(&project, "history"), 2, &[submodule]);
}

#[test]
fn a_renamed_migration_is_found() {
    let project = usual();
    rename(&project, ORDERS.0, "migrations/000002_purchases.up.sql");
    check(
        &judged(&project, "history"),
        0,
        &[
            "warning[history]: migrations/000002_orders.up.sql is merged, and was renamed to \
         migrations/000002_purchases.up.sql",
            "the ledger has the same for either name",
        ],
    );
    rename(&project, "migrations/000002_purchases.up.sql", "migrations/000003_orders.up.sql");
    check(
        &judged(&project, "history"),
        1,
        &[
            "error[history]: migrations/000002_orders.up.sql is merged, and was renamed to \
         migrations/000003_orders.up.sql",
            "takes it for another migration",
            "and remove migrations/000003_orders.up.sql",
        ],
    );
    project.git(&["add", "--all", "."]);
    check(&judged(&project, "history"), 1, &["was renamed to"]);
    remove(&project, "migrations/000003_orders.up.sql");
    rename(&project, MEMBERS.0, "migrations/000003_people.up.sql");
    project.write(ORDERS.0, ORDERS.1);
    let similar = MEMBERS.1.replace("name text", "name varchar");
    project.write("migrations/000003_people.up.sql", similar);
    check(
        &judged(&project, "history"),
        1,
        &[
            "was renamed to migrations/000003_people.up.sql, and edited",
            "+ 4      name varchar NOT NULL",
        ],
    );
}

#[test]
fn a_removed_migration_is_missed() {
    let project = usual();
    remove(&project, ORDERS.0);
    check(
        &judged(&project, "history"),
        1,
        &[
            "error[history]: 000002_orders.up.sql is merged, and was removed",
            "databases that have it keep what it made",
            "git restore --source=",
            "squash_marker = \"[squash-baseline]\"",
        ],
    );
}

#[test]
fn a_project_may_be_a_part_of_its_repository() {
    let folder = tempfile::tempdir().expect("a folder");
    let write = |path: &str, text: &str| {
        let path = folder.path().join("apps/shop").join(path);
        fs::create_dir_all(path.parent().expect("it has one")).expect("a folder");
        fs::write(path, text).expect("a file");
    };
    for (path, text) in [("rehearsal.toml", TOML), MEMBERS, ORDERS, SEEDS] {
        write(path, text);
    }
    let identity = ["-c", "user.name=Test", "-c", "user.email=test@example.org"];
    git(folder.path(), &["init", "--quiet", "--initial-branch=main"]);
    git(folder.path(), &["add", "."]);
    git(folder.path(), &[&identity[..], &["commit", "--quiet", "--message=one"]].concat());
    let verify = || run(verify(folder.path().join("apps/shop")).args(["--only", "history"]));
    check(&verify(), 0, &["history  passed"]);
    write(ORDERS.0, "CREATE TABLE orders (id int PRIMARY KEY, total bigint);\n");
    check(&verify(), 1, &["000002_orders.up.sql is merged, and was edited"]);
}

#[test]
fn a_project_whose_folder_is_the_migrations() {
    let project = merged(&[
        ("rehearsal.toml", "[history]\nbase = \"main\"\n[migrations]\npath = \".\"\n"),
        ("000001_a.up.sql", "CREATE TABLE a (id int);\n"),
    ]);
    check(&judged(&project, "history"), 0, &["history  passed"]);
    project.write("000001_a.up.sql", "CREATE TABLE a (id bigint);\n");
    check(&judged(&project, "history"), 1, &["000001_a.up.sql is merged, and was edited"]);
}

#[test]
fn where_git_cannot_tell_what_is_merged() {
    let plain = Project::new(&[("rehearsal.toml", TOML), MEMBERS, ORDERS]);
    let skipped = |told: &Told, reason: &str| {
        check(told, 0, &[&format!("history and upgrade  skipped  {reason}")]);
    };
    skipped(&judged(&plain, "history,upgrade,order"), "git can't tell what is merged: not a git");
    let project = usual();
    project.write("rehearsal.toml", "[history]\nbase = \"origin/trunk\"\n");
    let told = judged(&project, "history,upgrade,leaks");
    skipped(&told, "git knows no revision `origin/trunk`");
    check(&told, 0, &["git fetch origin trunk:refs/remotes/origin/trunk"]);
    project.write("rehearsal.toml", "");
    skipped(
        &judged(&project, "history,upgrade,leaks"),
        "[history] in rehearsal.toml names no base",
    );
}

#[test]
fn a_shallow_clone_says_how_it_is_deepened() {
    let project = usual();
    project.write("README", "one");
    commit(&project, "two");
    project.git(&["branch", "--move", "feature"]);
    let clone = TempDir::new().expect("a folder");
    let url = format!("file://{}", project.path().display());
    git(clone.path(), &["clone", "--quiet", "--depth=1", "--branch=feature", &url, "."]);
    let verify = || run(verify(clone.path()).args(["--only", "history,leaks"]));
    fs::write(clone.path().join("rehearsal.toml"), "[history]\nbase = \"origin/main\"\n")
        .expect("a file");
    let deepen = "git fetch --unshallow origin main:refs/remotes/origin/main";
    check(&verify(), 0, &["history  skipped  git knows no revision `origin/main`", deepen]);
    git(
        clone.path(),
        &["fetch", "--quiet", "--depth=1", "origin", "main:refs/remotes/origin/main"],
    );
    let unrelated = "git finds no commit that HEAD and `origin/main` have in common";
    check(&verify(), 0, &[unrelated, "the clone is shallow: git fetch --unshallow"]);
    git(clone.path(), &["fetch", "--quiet", "--unshallow"]);
    check(&verify(), 0, &["history  passed"]);
}

#[test]
fn the_first_migrations_are_new() {
    let project = Project::new(&[("rehearsal.toml", TOML)]);
    project.commit_to_main();
    let (path, sql) = MEMBERS;
    project.write(path, sql);
    check(
        &judged(&project, "history,upgrade,order"),
        0,
        &["order    passed", "history and upgrade  skipped  no migration is merged"],
    );
}

#[test]
fn an_upgrade_that_fails_where_there_are_rows() {
    let project = usual();
    let email = "migrations/000003_email.up.sql";
    project.write(email, "SELECT 1;\nALTER TABLE members ADD COLUMN email text NOT NULL;\n");
    check(
        &judged(&project, "apply,history,upgrade"),
        1,
        &[
            "apply    passed",
            "history  passed",
            "error[upgrade]: the upgrade fails in 000003_email.up.sql",
            "migrations/000003_email.up.sql:2:1",
            "23502: column \"email\" of relation \"members\" contains null values",
            "with the rows of the seeds; a first boot of all files succeeds",
        ],
    );
    project.write(email, "ALTER TABLE members ADD COLUMN email text NOT NULL DEFAULT '';\n");
    check(&judged(&project, "upgrade"), 0, &["upgrade  passed"]);
    // Seeds that need the new column are none of those that production has run.
    project.write(
        SEEDS.0,
        "INSERT INTO members (id, name, email) VALUES (1, 'Ada', 'a@b') ON CONFLICT DO NOTHING;\n",
    );
    check(&judged(&project, "seed,upgrade"), 0, &["seed     passed", "upgrade  passed"]);
}

#[test]
fn an_upgrade_that_ends_elsewhere_than_a_first_boot() {
    let project = usual();
    project.write(ORDERS.0, "CREATE TABLE orders (id int PRIMARY KEY, total bigint);\n");
    project.write("migrations/000003_note.up.sql", "ALTER TABLE orders ADD note text;\n");
    check(
        &judged(&project, "upgrade"),
        1,
        &[
            "error[upgrade]: after the upgrade, public.orders is not as a first boot makes it",
            "migrations/000002_orders.up.sql:1:1",
            "column public.orders.total: type bigint became integer",
        ],
    );
}

#[test]
fn an_upgrade_without_rows_says_so() {
    let project = merged(&[("rehearsal.toml", TOML), MEMBERS]);
    let (path, sql) = ORDERS;
    project.write(path, sql);
    let without = "played without rows, because there are no seeds";
    check(&judged(&project, "upgrade"), 0, &["upgrade  passed", without]);
    project.write(
        "seeds/1_orders.sql",
        "INSERT INTO orders (id) VALUES (1) ON CONFLICT DO NOTHING;\n",
    );
    let without = "played without rows, because the seeds fail on the merged chain";
    check(&judged(&project, "upgrade"), 0, &["upgrade  passed", without]);
}

#[test]
fn an_upgrade_of_a_chain_that_can_be_played_only_once() {
    let role = format!("rehearsal_test_{}", std::process::id());
    let sql = format!("CREATE ROLE {role};\n");
    let project = merged(&[("rehearsal.toml", TOML), ("migrations/000001_role.up.sql", &sql)]);
    let (path, sql) = ORDERS;
    project.write(path, sql);
    let told = run(verify(project.path()).args(["--only", "apply,upgrade"]));
    check(
        &told,
        0,
        &[
            "upgrade  skipped  the chain of ",
            "migrations/000001_role.up.sql: 42710: role \"rehearsal_test_",
            "look into pg_roles before it",
        ],
    );
}

#[test]
fn a_squash_is_a_claim() {
    let project = merged(&[("rehearsal.toml", MARKED), MEMBERS, ORDERS]);
    remove(&project, MEMBERS.0);
    remove(&project, ORDERS.0);
    let baseline = "migrations/000003_baseline.up.sql";
    let sql = "CREATE TABLE members (id int PRIMARY KEY, name text NOT NULL);\n\
               CREATE TABLE orders (id int PRIMARY KEY, total int);\n";
    project.write(baseline, sql);
    // Nobody has claimed anything yet.
    check(
        &judged(&project, "history"),
        1,
        &["was removed", "say `[squash-baseline]` in the commit"],
    );
    commit(&project, "One file for all [squash-baseline]");
    check(
        &judged(&project, "history,upgrade"),
        0,
        &["history  passed", "upgrade  skipped  the chain is squashed; `rollout` judges"],
    );
    project.write(baseline, sql.replace("total int", "total bigint"));
    check(
        &judged(&project, "history"),
        1,
        &["claims a squash, and it is not proven", "the new chain does not make what the one of "],
    );
    remove(&project, baseline);
    project.write(MEMBERS.0, MEMBERS.1);
    check(&judged(&project, "history"), 1, &["no new file stands for them"]);
}

#[test]
fn a_squash_is_proven_against_what_is_merged() {
    let project = merged(&[("rehearsal.toml", MARKED), MEMBERS]);
    project.git(&["tag", "v1"]);
    let (path, sql) = ORDERS;
    project.write(path, sql);
    commit(&project, "orders");
    project.git(&["branch", "--force", "main"]);
    remove(&project, MEMBERS.0);
    remove(&project, ORDERS.0);
    let baseline = "migrations/000003_baseline.up.sql";
    project.write(baseline, "CREATE TABLE members (id int PRIMARY KEY, name text NOT NULL);\n");
    let of = |chain: &str| {
        let path = format!("path = \"{baseline}\"\nchain = {{ git = \"{chain}\" }}\n");
        project.write("rehearsal.toml", format!("{MARKED}[baseline]\n{path}"));
    };
    of("v1");
    commit(&project, "One file for all [squash-baseline]");
    // It is the same as what was there a while ago, and that is not what is merged.
    let told = judged(&project, "history,baseline");
    check(
        &told,
        1,
        &[
            "baseline  passed",
            "claims a squash, and it is not proven",
            "the chain that [baseline] stands for is not the one of ",
        ],
    );
    let advice = told.stdout.split_once("compare with what is merged: chain = { git = \"");
    let (_, merged) = advice.expect("advice");
    of(merged.split('"').next().expect("a revision"));
    check(
        &judged(&project, "history,baseline"),
        1,
        &["error[baseline]: ", "correct what `baseline` tells, or restore what was removed"],
    );
    project.write(
        baseline,
        "CREATE TABLE members (id int PRIMARY KEY, name text NOT NULL);\n\
         CREATE TABLE orders (id int PRIMARY KEY, total int);\n",
    );
    check(&judged(&project, "history"), 0, &["the squash of `", "is proven: compared with"]);
}

#[test]
fn the_repository_is_that_of_the_project() {
    let project = usual();
    let other = TempDir::new().expect("a folder");
    git(other.path(), &["init", "--quiet"]);
    // As in a hook of another repository.
    let mut verify = verify(project.path());
    verify.args(["--only", "history"]).env("GIT_DIR", other.path().join(".git"));
    verify.env("GIT_INDEX_FILE", other.path().join("index"));
    check(&run(&mut verify), 0, &["history  passed"]);
}

#[test]
fn a_migration_keeps_the_version_that_a_journal_gives_it() {
    let journal = |when: &str| {
        format!(
            "{{\"version\":\"7\",\"dialect\":\"postgresql\",\"entries\":[{{\"idx\":0,\
             \"version\":\"7\",\"when\":{when},\"tag\":\"0000_a\",\"breakpoints\":true}}]}}"
        )
    };
    let path = "drizzle/meta/_journal.json";
    let sql = ("drizzle/0000_a.sql", "CREATE TABLE a (id int);\n");
    let before = journal("1700000000000");
    let project = merged(&[("rehearsal.toml", TOML), (path, &before), sql]);
    check(&judged(&project, "history"), 0, &["history  passed"]);
    project.write(path, journal("1700000000001"));
    check(
        &judged(&project, "history"),
        1,
        &[
            "error[history]: 0000_a.sql is merged, and its version was changed",
            "it was 1700000000000, and is 1700000000001",
        ],
    );
}
