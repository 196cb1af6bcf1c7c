//! Rollouts and rollbacks that do what they should, and those that don't: on generated rows.

use std::fs;

use crate::support::{Project, Told, check, check_files, check_report, run, verify};

const MEMBERS: &str = "CREATE TABLE members (id int PRIMARY KEY, name text NOT NULL);\n";
const BADGES: &str = "CREATE TABLE badges (\n    member int REFERENCES members,\n    code text \
                      CHECK (code IN ('first', 'best')), note text,\n    PRIMARY KEY (member, \
                      code)\n);\n";

const GUARD: &str = "DO $$\nBEGIN\n    IF (SELECT string_agg(version, ',' ORDER BY version) FROM \
                     schema_migrations)\n        IS DISTINCT FROM '1,2' THEN\n        RAISE \
                     EXCEPTION 'not the ledger of the chain';\n    END IF;\nEND $$;\n";
const FORTH: &str = "DELETE FROM schema_migrations;\nINSERT INTO schema_migrations VALUES ('3');\n";
const BACK: &str =
    "DELETE FROM schema_migrations;\nINSERT INTO schema_migrations VALUES ('1'), ('2');\n";

/// A chain of members and badges, and a baseline, with a rollout and a rollback.
fn squash(baseline: &str, rollout: &str, rollback: &str, leftovers: &str) -> Project {
    let up = |sql: &str| format!("-- migrate:up\n{sql}-- migrate:down\n");
    let toml = format!(
        "[migrations]\npath = \"db/migrations\"\nformat = \"dbmate\"\n[baseline]\npath = \
         \"db/migrations/3_baseline.sql\"\nchain = \"db/squashed\"\nrollout = \"rollout.sql\"\n\
         rollback = \"rollback.sql\"\nleftovers = [{leftovers}]\n"
    );
    Project::new(&[
        ("rehearsal.toml", &toml),
        ("db/squashed/1_members.sql", &up(MEMBERS)),
        ("db/squashed/2_badges.sql", &up(BADGES)),
        ("db/migrations/3_baseline.sql", &up(baseline)),
        ("rollout.sql", rollout),
        ("rollback.sql", rollback),
    ])
}

fn told(project: &Project) -> Told {
    run(verify(project.path()).args(["--only", "rollout,rollback"]))
}

/// What is said of a rollout that leads to the same tables.
fn told_of(rollout: &str) -> Told {
    let back = format!("BEGIN;\n{BACK}COMMIT;\n");
    told(&squash(&format!("{MEMBERS}{BADGES}"), rollout, &back, ""))
}

fn in_one(sql: &str) -> String {
    format!("BEGIN;\n{sql}COMMIT;\n")
}

#[test]
fn a_rollout_that_rewrites_the_ledger_holds() {
    let told = told_of(&in_one(&format!("\\set ON_ERROR_STOP on\n{GUARD}{FORTH}")));
    check(&told, 0, &["rollout passed", "rollback passed"]);
}

/// Where a database has one name, the scripts may name it, wherever they are played.
#[test]
fn a_rollout_may_name_the_database() {
    let names = "ALTER DATABASE app SET timezone = 'UTC';\n";
    let forth = in_one(&format!("{GUARD}{names}{FORTH}"));
    let back = in_one(BACK);
    let baseline = format!("{MEMBERS}{BADGES}{names}");
    let project = squash(&baseline, &forth, &back, "");
    let toml = fs::read_to_string(project.path().join("rehearsal.toml")).expect("it is there");
    project.write("rehearsal.toml", format!("{toml}[postgres]\ndatabase = \"app\"\n"));
    let told = run(verify(project.path()).args(["--only", "baseline,rollout"]));
    check(&told, 0, &["baseline passed", "rollout passed"]);
    project.write("rollout.sql", in_one(&format!("{names}{FORTH}")));
    let told = run(verify(project.path()).args(["--only", "baseline,rollout"]));
    let texts = ["on a database that lacks the last of the squashed migrations, the rollout goes"];
    check(&told, 0, &texts);
}

/// Roles are there once for both sides, which take turns then.
#[test]
fn a_chain_and_its_baseline_may_make_the_same_roles() {
    let role = "DO $$ BEGIN\n    CREATE ROLE reporter;\nEXCEPTION WHEN duplicate_object THEN \
                NULL;\nEND $$;\nGRANT SELECT ON members TO reporter;\n";
    let forth = in_one(&format!("{GUARD}{FORTH}"));
    let baseline = format!("{MEMBERS}{BADGES}{role}");
    let project = squash(&baseline, &forth, &in_one(BACK), "");
    project.write(
        "db/squashed/2_badges.sql",
        format!("-- migrate:up\n{BADGES}{role}-- migrate:down\n"),
    );
    let told = run(verify(project.path()).args(["--only", "baseline,rollout,rollback"]));
    check(&told, 0, &["baseline passed", "rollout passed", "rollback passed"]);
}

/// Both sides are booted at once, and the one that fails first is not the one that is told.
#[test]
fn a_chain_that_fails_is_told_whatever_the_other_side_comes_to() {
    let forth = in_one(&format!("{GUARD}{FORTH}"));
    let project = squash(&format!("{MEMBERS}{BADGES}"), &forth, &in_one(BACK), "");
    project.write("db/migrations/4_later.sql", "-- migrate:up\nSELECT nothing;\n-- migrate:down\n");
    let texts =
        ["error[apply]", "db/migrations/4_later.sql:2", "column \"nothing\" does not exist"];
    check_report(&run(&mut verify(project.path())), 1, &texts);
}

#[test]
fn a_rollout_that_forgets_the_ledger_is_told_what_to_write() {
    let told = told_of(&in_one("SELECT 1;\n"));
    let texts = [
        "the rollout leaves a ledger that is not that of a new database",
        "public.schema_migrations lacks version = '3'",
        "INSERT INTO public.schema_migrations (version) VALUES",
        "after the rollout, the next boot runs db/migrations/3_baseline.sql",
        "42P07",
    ];
    check_report(&told, 1, &texts);
}

#[test]
fn rows_are_lost_with_their_table_unless_a_leftover_has_them() {
    let back = |sql: &str| in_one(&format!("{sql}\n{BACK}"));
    let drops = in_one(&format!("{GUARD}DROP TABLE badges;\n{FORTH}"));
    let restores = back(&format!("{BADGES}INSERT INTO badges SELECT * FROM badges_old;"));
    let project = squash(MEMBERS, &drops, &restores, "");
    let texts = [
        "the rollout loses 8 of 8 rows of public.badges",
        "rollout.sql:9",
        "gone: member = '1', code = 'first'",
        "ALTER TABLE public.badges RENAME TO badges_old;",
        "the rollback fails on what the rollout has made",
    ];
    check_report(&told(&project), 1, &texts);

    let keeps = in_one(&format!("{GUARD}ALTER TABLE badges RENAME TO badges_old;\n{FORTH}"));
    let renames = back("ALTER TABLE badges_old RENAME TO badges;");
    let kept = squash(MEMBERS, &keeps, &renames, "\"badges_old\"");
    check(&told(&kept), 0, &["rollout passed", "rollback passed"]);
    let undeclared = squash(MEMBERS, &keeps, &renames, "");
    let texts = ["table public.badges_old is only in what the rollout leaves"];
    check_report(&told(&undeclared), 1, &texts);
}

#[test]
fn a_snapshot_by_half_a_key_is_caught() {
    let baseline = format!("{MEMBERS}{}", BADGES.replace("note text,", ""));
    let forth = |key: &str| {
        in_one(&format!(
            "{GUARD}CREATE TABLE notes_old AS SELECT {key}, note FROM badges;\nALTER TABLE badges \
             DROP COLUMN note;\n{FORTH}"
        ))
    };
    let back = |by: &str| {
        in_one(&format!(
            "ALTER TABLE badges ADD COLUMN note text;\nUPDATE badges SET note = kept.note FROM \
             notes_old kept\n WHERE {by};\nDROP TABLE notes_old;\n{BACK}"
        ))
    };
    let whole = "kept.member = badges.member AND kept.code = badges.code";
    let half = "kept.member = badges.member";
    let leftovers = "\"notes_old\"";
    let good = squash(&baseline, &forth("member, code"), &back(whole), leftovers);
    check(&told(&good), 0, &["rollout passed", "rollback passed"]);

    let restores = squash(&baseline, &forth("member, code"), &back(half), leftovers);
    let texts = [
        "after the rollback, the rows of public.badges are not what they were",
        "rollback.sql:3",
        "changed: member = '1', code = ",
        "WHERE kept.member = badges.member AND kept.code = badges.code",
    ];
    check_report(&told(&restores), 1, &texts);

    let keeps = squash(&baseline, &forth("member"), &back(half), leftovers);
    let texts = [
        "the rollout loses note of 7 of 8 rows of public.badges",
        "public.notes_old has member of the key, and not code",
    ];
    check_report(&told(&keeps), 1, &texts);
}

/// Rows with nothing in them, equal ones, and values that a smaller type cuts off, are among those
/// that are made up.
#[test]
fn what_a_rollout_does_to_unusual_rows_is_seen() {
    let events = "CREATE TABLE events (seen timestamptz, note text, cost numeric(12, 2));\n";
    let played = |forth: &str| {
        let tables = format!("{MEMBERS}{BADGES}{events}");
        let project = squash(&tables, &in_one(&format!("{GUARD}{forth}\n{FORTH}")), "", "");
        let up = format!("-- migrate:up\n{BADGES}{events}-- migrate:down\n");
        project.write("db/squashed/2_badges.sql", up);
        let toml = std::fs::read_to_string(project.path().join("rehearsal.toml")).expect("TOML");
        project.write("rehearsal.toml", toml.replace("rollback = \"rollback.sql\"\n", ""));
        run(verify(project.path()).args(["--only", "rollout"]))
    };
    check(&played(""), 0, &["rollout passed"]);
    let loses = |forth: &str| check_report(&played(forth), 1, &["error[rollout]", "events"]);
    loses("DELETE FROM events WHERE note IS NULL;");
    loses("ALTER TABLE events ADD UNIQUE (note);");
    loses("UPDATE events SET note = lower(trim(note)), seen = NULL;");
    loses("DELETE FROM events e USING events o WHERE e.ctid < o.ctid AND e.note = o.note;");
}

#[test]
fn a_table_that_is_too_large_to_be_looked_at_is_counted() {
    let many = "INSERT INTO members SELECT n, 'member ' || n FROM generate_series(1, 2000) AS n;\n";
    let drops = in_one(&format!("{GUARD}DELETE FROM members WHERE id > 1500;\n{FORTH}"));
    let project = squash(&format!("{MEMBERS}{BADGES}"), &drops, &in_one(BACK), "");
    let down = format!("-- migrate:up\n{MEMBERS}{many}-- migrate:down\n");
    project.write("db/squashed/1_members.sql", down);
    let texts = [
        "the rollout loses 501 of 2003 rows of public.members",
        "after the rollback, the rows of public.members are not what they were",
    ];
    check_report(&told(&project), 1, &texts);
}

#[test]
fn a_migration_from_before_the_baseline_that_was_not_squashed() {
    let project = squash(&format!("{MEMBERS}{BADGES}"), &in_one(FORTH), &in_one(BACK), "");
    let late = "-- migrate:up\nCREATE TABLE late (id int);\n-- migrate:down\n";
    project.write("db/migrations/15_late.sql", late);
    check(&told(&project), 1, &["15_late.sql sorts before the baseline"]);
}

#[test]
fn a_rollout_is_one_transaction() {
    let cut = told_of(&format!("{GUARD}BEGIN;\nDELETE FROM schema_migrations;\nCOMMIT;\n{FORTH}"));
    let texts = [
        "the rollout is cut into 3 transactions",
        "rollout.sql:11",
        "put all of it between one BEGIN; and one COMMIT;",
    ];
    check_report(&cut, 1, &texts);
    let open = told_of(&format!("BEGIN;\n{GUARD}{FORTH}"));
    check_report(&open, 1, &["the rollout never commits what it begins"]);
}

#[test]
fn a_name_that_postgres_cuts_is_told() {
    let long = format!("members_{}_d20260519", "x".repeat(46));
    assert_eq!(long.len(), 64);
    let told = told_of(&in_one(&format!(
        "{GUARD}{FORTH}ALTER TABLE members RENAME TO {long};\nALTER TABLE {long} RENAME TO \
         members;\n"
    )));
    let texts = ["a name of 64 bytes is cut to 63", "9 is lost, with whatever it was to say"];
    check_report(&told, 1, &texts);
}

#[test]
fn a_rollout_looks_at_the_ledger_first() {
    let texts = [
        "on a database that lacks the last of the squashed migrations, the rollout goes through",
        "RAISE EXCEPTION",
    ];
    check_report(&told_of(&in_one(FORTH)), 0, &texts);
    let inserts = format!("{GUARD}{FORTH}INSERT INTO members VALUES (99, 'the rollout');\n");
    let before = "INSERT INTO members SELECT coalesce(max(id), 0) + 1, 'x' FROM members;";
    let halfway = format!("{before}\n{}", in_one(&inserts));
    let texts = [
        "run a second time, the rollout fails half-way",
        "on a new database, which the baseline has made, the rollout fails half-way",
        "not the ledger of the chain",
    ];
    check_report(&told_of(&halfway), 1, &texts);
}

/// The first part of a rollback that refuses whatever the rollout hasn't left.
const BACK_GUARD: &str = "DO $$\nBEGIN\n    IF (SELECT string_agg(version, ',' ORDER BY version) \
                          FROM schema_migrations)\n        IS DISTINCT FROM '3' THEN\n        \
                          RAISE EXCEPTION 'not the ledger of the baseline';\n    END IF;\nEND \
                          $$;\n";

/// What keeps the values of a column.
const NOTES: &str = "CREATE TABLE notes_old AS SELECT member, code, note FROM badges;";

/// A column that goes, its values kept under another name; and the way back, which may drop them.
fn without_notes(keeps: &str, drops: &str) -> Project {
    let baseline = format!("{MEMBERS}{}", BADGES.replace("note text,", ""));
    let forth = in_one(&format!("{GUARD}{keeps}\nALTER TABLE badges DROP COLUMN note;\n{FORTH}"));
    let back = in_one(&format!(
        "{BACK_GUARD}ALTER TABLE badges ADD COLUMN note text;\nUPDATE badges SET note = kept.note \
         FROM notes_old kept\n WHERE kept.member = badges.member AND kept.code = \
         badges.code;\n{drops}{BACK}"
    ));
    squash(&baseline, &forth, &back, "\"notes_old\"")
}

#[test]
fn a_rollout_can_be_played_again_after_the_rollback() {
    let drops = without_notes(NOTES, "DROP TABLE notes_old;\n");
    check(&told(&drops), 0, &["rollout passed", "rollback passed"]);
    let leaves = without_notes(NOTES, "");
    let texts = [
        "error[rollback]: after the rollback, the rollout can't be played again",
        "rollout.sql:9",
        "42P07: relation \"notes_old\" already exists",
        "rollback.sql leaves public.notes_old over",
        "DROP TABLE public.notes_old;",
        "rollout passed",
    ];
    check_report(&told(&leaves), 1, &texts);
}

/// What is in the way the second time, and is passed over, is not what the rows are by then.
#[test]
fn what_a_rollback_leaves_over_is_no_copy_of_what_comes_later() {
    let keeps = NOTES.replace("TABLE", "TABLE IF NOT EXISTS");
    let told = told(&without_notes(&keeps, ""));
    let texts = [
        "error[rollback]: played again after the rollback: the rollout loses note of",
        "rollback.sql leaves public.notes_old over",
        "rollout passed",
    ];
    check_report(&told, 1, &texts);
}

/// Nor what somebody has changed since in a row of which it has the old value.
#[test]
fn what_a_rollback_leaves_over_is_no_copy_of_what_was_changed() {
    let keeps = "CREATE TABLE IF NOT EXISTS notes_old (\n    member int, code text, note text, \
                 PRIMARY KEY (member, code)\n);\nINSERT INTO notes_old SELECT member, code, note \
                 FROM badges ON CONFLICT DO NOTHING;";
    let told = told(&without_notes(keeps, ""));
    let texts = [
        "error[rollback]: played again after the rollback: the rollout loses note of",
        "rollback.sql leaves public.notes_old over",
        "rollout passed",
    ];
    check_report(&told, 1, &texts);
}

#[test]
fn a_rollback_changes_nothing_where_it_has_nothing_to_undo() {
    let baseline = format!("{MEMBERS}{BADGES}");
    let forth = in_one(&format!("{GUARD}{FORTH}"));
    let marks = "INSERT INTO members SELECT 1000000, 'the way back' WHERE NOT EXISTS (SELECT FROM \
                 schema_migrations WHERE version = '3');\n";
    let unguarded = squash(&baseline, &forth, &in_one(&format!("{marks}{BACK}")), "");
    let texts = [
        "run a second time, the rollback changes what is there",
        "on a database where the rollout has not run, the rollback changes what is there",
        "IF (SELECT array_agg(version::text ORDER BY version::text COLLATE \"C\") FROM \
         public.schema_migrations)",
        "IS DISTINCT FROM ARRAY['3'] THEN",
        "RAISE EXCEPTION 'this is not the database that the rollback is for';",
    ];
    check_report(&told(&unguarded), 1, &texts);
    let halfway = in_one(marks) + &in_one(&format!("{BACK_GUARD}{BACK}"));
    let texts = [
        "the rollback is cut into 2 transactions",
        "run a second time, the rollback fails half-way",
        "not the ledger of the baseline",
        "it has left: ",
    ];
    check_report(&told(&squash(&baseline, &forth, &halfway, "")), 1, &texts);
    let guarded = in_one(&format!("{BACK_GUARD}{marks}{BACK}"));
    check(&told(&squash(&baseline, &forth, &guarded, "")), 0, &["rollback passed"]);
}

/// A squash, after which a migration has come.
fn followed(rollout: &str, rollback: &str) -> Told {
    followed_by("CREATE TABLE medals (id int PRIMARY KEY);", rollout, rollback, "")
}

fn followed_by(later: &str, rollout: &str, rollback: &str, leftovers: &str) -> Told {
    let project = squash(&format!("{MEMBERS}{BADGES}"), rollout, rollback, leftovers);
    let later = format!("-- migrate:up\n{later}\n-- migrate:down\n");
    project.write("db/migrations/4_medals.sql", &later);
    told(&project)
}

#[test]
fn a_rollback_does_not_forget_what_has_run_since() {
    let forth = in_one(&format!("{GUARD}{FORTH}"));
    let texts = [
        "error[rollback]: where migrations have run since the rollout, the rollback goes through",
        "the ledger then lacks 4_medals.sql: dbmate takes for pending what the database has",
        "refuse any other than the one that the rollout leaves",
        "rollout passed",
    ];
    check_report(&followed(&forth, &in_one(BACK)), 1, &texts);
    let guarded = in_one(&format!("{BACK_GUARD}{BACK}"));
    check(&followed(&forth, &guarded), 0, &["rollout passed", "rollback passed"]);
    let keeps = BACK.replace("schema_migrations;", "schema_migrations WHERE version = '3';");
    check(&followed(&forth, &in_one(&keeps)), 0, &["rollout passed", "rollback passed"]);
}

/// The ledger is looked at before anything is begun, or in a part that is taken back alone: nothing
/// is changed by that, whatever times the later migration has written.
#[test]
fn a_rollback_that_refuses_outside_of_its_transaction_changes_nothing() {
    let forth = in_one(&format!("{GUARD}{FORTH}"));
    let later = "CREATE TABLE medals (id int, at timestamptz DEFAULT clock_timestamp());\n\
                 INSERT INTO medals VALUES (1);";
    let all_in_one = BACK_GUARD.replace("END $$", &format!("{BACK}END $$"));
    let savepoint = in_one(&format!("SAVEPOINT before;\n{BACK_GUARD}{BACK}"));
    for back in [format!("{BACK_GUARD}{}", in_one(BACK)), all_in_one, savepoint] {
        let told = followed_by(later, &forth, &back, "");
        check(&told, 0, &["rollout passed", "rollback passed"]);
    }
    let told = followed_by(later, &forth, &in_one(BACK), "");
    check_report(&told, 1, &["the ledger then lacks 4_medals.sql"]);
    assert!(!told.stdout.contains("public.medals"), "{}", told.all());
}

/// What a later migration has done stays done, if the ledger says that it has run.
#[test]
fn a_rollback_that_keeps_the_rows_of_what_has_run_keeps_what_that_has_done() {
    let forth = in_one(&format!(
        "{GUARD}CREATE TABLE members_old (LIKE members);\nINSERT INTO members_old SELECT * FROM \
         members;\n{FORTH}"
    ));
    let keeps = BACK.replace("schema_migrations;", "schema_migrations WHERE version = '3';");
    let guard = "DO $$\nBEGIN\n    IF NOT EXISTS (SELECT FROM schema_migrations WHERE version = \
                 '3') THEN\n        RAISE EXCEPTION 'not rolled out';\n    END IF;\nEND $$;\n";
    let renames = in_one(&format!(
        "{guard}ALTER TABLE badges DROP CONSTRAINT badges_member_fkey;\nDROP TABLE members;\n\
         ALTER TABLE members_old RENAME TO members;\nALTER TABLE members ADD PRIMARY KEY \
         (id);\nALTER TABLE badges ADD FOREIGN KEY (member) REFERENCES members;\n{keeps}"
    ));
    let later = "ALTER TABLE members ADD email text;\nALTER TABLE members ALTER name SET DEFAULT \
                 'x';\nINSERT INTO badges (member, code) SELECT id, 'first' FROM members;";
    let texts = [
        "error[rollback]: where migrations have run since the rollout, the rollback undoes what",
        "column public.members.email (text) is gone",
        "column public.members.name: default 'x'::text is gone",
        "the ledger still has 4_medals.sql: dbmate takes for done what is not there any more",
        "refuse any other than the one that the rollout leaves",
        "rollout passed",
    ];
    let old = "\"members_old\"";
    check_report(&followed_by(later, &forth, &renames, old), 1, &texts);
    let drops = in_one(&format!("{guard}DROP TABLE members_old;\n{keeps}"));
    let told = followed_by(later, &forth, &drops, old);
    check(&told, 0, &["rollout passed", "rollback passed"]);
    let wrote = "CREATE TABLE medals ();\nINSERT INTO members VALUES (0, 'the later one');";
    let deletes = in_one(&format!(
        "{guard}DELETE FROM members m WHERE NOT EXISTS (SELECT FROM members_old o WHERE o.id = \
         m.id);\nDROP TABLE members_old;\n{keeps}"
    ));
    let texts = ["the rollback undoes what they have done", "public.members"];
    check_report(&followed_by(wrote, &forth, &deletes, old), 1, &texts);
}

#[test]
fn a_rollout_does_not_forget_what_a_new_database_has_run() {
    let texts = [
        "error[rollout]: on a new database, which the baseline has made, the rollout changes",
        "dbmate then runs 4_medals.sql once more",
        "dbmate then takes the database for one that has all of them, and never runs 2_badges.sql",
        "IS DISTINCT FROM ARRAY['1', '2'] THEN",
    ];
    check_report(&followed(&in_one(FORTH), &in_one(BACK)), 1, &texts);
}

#[test]
fn a_rollout_that_fails_is_told_with_what_it_has_left() {
    let told = told_of("DROP TABLE badges;\nDELETE FROM schema_migration;\n");
    let texts = [
        "the rollout fails on what the squashed chain has made",
        "42P01",
        "rollout.sql:2",
        "it has left: table public.badges is gone",
        "rollback skipped the rollout fails, see `rollout`",
    ];
    check_report(&told, 1, &texts);
}

#[test]
fn a_table_that_cannot_be_filled_is_told() {
    let refuses = "CREATE FUNCTION no() RETURNS trigger LANGUAGE plpgsql AS $$BEGIN RAISE \
                   EXCEPTION 'nobody writes here'; END$$;\nCREATE TRIGGER no BEFORE INSERT ON \
                   badges FOR EACH ROW EXECUTE FUNCTION no();\n";
    let forth = in_one(&format!("{GUARD}{FORTH}"));
    let project = squash(&format!("{MEMBERS}{BADGES}{refuses}"), &forth, &in_one(BACK), "");
    project.write(
        "db/squashed/2_badges.sql",
        format!("-- migrate:up\n{BADGES}{refuses}-- migrate:down\n"),
    );
    let texts = ["partly checked", "public.badges not filled: P0001: nobody writes here"];
    check_report(&told(&project), 0, &texts);
}

#[test]
fn scripts_that_cannot_be_played_are_errors() {
    check_report(&told_of("-- nothing yet\n"), 1, &["the rollout has no statement"]);
    let project = squash(MEMBERS, "\\i other.sql\n", "SELECT 1;\n", "");
    let texts = ["rollout.sql:1: psql's \\i is not SQL, and rehearsal does not play it"];
    check(&told(&project), 2, &texts);
    let branches = "SELECT 1;\nSELECT true AS new \\gset\n\\if :new\nSELECT 2;\n\\endif\n";
    let project = squash(MEMBERS, branches, "SELECT 1;\n", "");
    let texts = ["rollout.sql:2: psql's \\gset is not SQL, and rehearsal does not play it"];
    check(&told(&project), 2, &texts);
    check_files(
        &[
            (
                "rehearsal.toml",
                "[baseline]\npath = \"db/migrations/1_a.sql\"\nchain = \"old\"\n\
                                rollout = \"no.sql\"\n",
            ),
            ("db/migrations/1_a.sql", MEMBERS),
            ("old/1_a.sql", MEMBERS),
        ],
        &["no.sql"],
    );
}
