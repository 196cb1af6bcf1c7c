//! `squash`: what it writes for each layout holds, and what it can't write is said.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use crate::leftovers::{assert_nothing_is_left, begun, send};
use crate::support::{Project, Temporary, Told, check, rehearsal, run, verify};

/// What the migrations of all layouts do, one after the other. The third has a body with lines that
/// end in semicolons.
const STEPS: [&str; 4] = [
    "CREATE EXTENSION IF NOT EXISTS pg_trgm;\n\
     CREATE TYPE mood AS ENUM ('calm', 'wild');\n\
     CREATE TABLE kinds (id serial PRIMARY KEY, name text NOT NULL UNIQUE, mood mood NOT NULL);\n\
     COMMENT ON TABLE kinds IS 'what animals there are; some bite';",
    "CREATE TABLE animals (\n\
     \x20 id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,\n\
     \x20 kind_id integer NOT NULL REFERENCES kinds (id),\n\
     \x20 name text NOT NULL CHECK (name <> ''),\n\
     \x20 touched timestamptz\n\
     );\n\
     CREATE INDEX animals_by_name ON animals USING gin (name gin_trgm_ops);\n\
     CREATE VIEW wild_animals AS\n\
     \x20 SELECT animals.id, animals.name FROM animals JOIN kinds ON kinds.id = kind_id\n\
     \x20  WHERE mood = 'wild';",
    "CREATE FUNCTION touch() RETURNS trigger LANGUAGE plpgsql AS $$\n\
     BEGIN\n\
     \x20 NEW.touched := now();\n\
     \x20 RETURN NEW;\n\
     END\n\
     $$;",
    "CREATE TRIGGER touch BEFORE UPDATE ON animals FOR EACH ROW EXECUTE FUNCTION touch();\n\
     INSERT INTO kinds (name, mood) VALUES ('otter', 'wild'), ('sloth', 'calm');",
];

/// The steps in the files of a layout.
fn steps(file: impl Fn(usize, &str) -> Vec<(String, String)>) -> Vec<(String, String)> {
    STEPS.iter().enumerate().flat_map(|(index, step)| file(index + 1, step)).collect()
}

fn project(files: &[(String, String)], others: &[(&str, &str)]) -> Project {
    let files = files.iter().map(|(path, text)| (path.as_str(), text.as_str()));
    Project::new(&files.chain(others.iter().copied()).collect::<Vec<_>>())
}

fn squash(project: &Project) -> Told {
    run(rehearsal("squash").arg(project.path()))
}

/// All files of a project, with their texts.
fn files(project: &Project) -> BTreeMap<String, String> {
    fn gather(root: &Path, folder: &Path, found: &mut BTreeMap<String, String>) {
        for entry in fs::read_dir(folder).expect("a folder").flatten() {
            let path = entry.path();
            if path.ends_with(".git") {
                continue;
            }
            if path.is_dir() {
                gather(root, &path, found);
            } else {
                let name = path.strip_prefix(root).expect("it is below").display().to_string();
                found.insert(name, fs::read_to_string(&path).expect("a text"));
            }
        }
    }
    let mut found = BTreeMap::new();
    gather(project.path(), project.path(), &mut found);
    found
}

/// Squashes a project, and verifies what it is then.
fn check_squash(project: &Project, baseline: &str, has_rollout: bool) -> BTreeMap<String, String> {
    let told = squash(project);
    check(&told, 0, &["squashed 4 migrations", baseline]);
    let files = files(project);
    assert!(files.contains_key(baseline), "{:?}", files.keys());
    let verified = run(&mut verify(project.path()));
    let scripts = ["rollout passed", "rollback passed"].iter().filter(|_| has_rollout);
    let checks = ["baseline passed", "baseline_rows passed", "baseline_ledger passed"];
    let checks = checks.iter().chain(scripts).copied().collect::<Vec<_>>();
    check(&verified, 0, &checks);
    files
}

#[test]
fn dbmate() {
    let files = steps(|number, step| {
        let text = format!("-- migrate:up\n{step}\n\n-- migrate:down\n");
        vec![(format!("db/migrations/2024010{number}000000_step.sql"), text)]
    });
    let project = project(&files, &[("rehearsal.toml", "[checks]\nleaks = \"deny\"\n")]);
    let files = check_squash(&project, "db/migrations/20240104000000_baseline.sql", true);
    assert!(files.contains_key("db/squash/chain/20240101000000_step.sql"));
    assert!(!files.contains_key("db/migrations/20240101000000_step.sql"));
    assert!(files.contains_key("db/squash/runbook.md"));
    let configuration = &files["rehearsal.toml"];
    assert!(configuration.starts_with("[checks]\nleaks = \"deny\"\n\n[baseline]\npath = "));
    let baseline = &files["db/migrations/20240104000000_baseline.sql"];
    for noise in ["\\restrict", "search_path", "OWNER TO", "schema_migrations", "SET statement"] {
        assert!(!baseline.contains(noise), "{noise} in:\n{baseline}");
    }
    assert!(baseline.contains("RAISE EXCEPTION"));
}

#[test]
fn diesel() {
    let files = steps(|number, step| {
        let folder = format!("migrations/2024-01-0{number}-000000_step");
        vec![
            (format!("{folder}/up.sql"), format!("{step}\n")),
            (format!("{folder}/down.sql"), "SELECT 1;\n".to_owned()),
        ]
    });
    let project = project(&files, &[("Cargo.toml", "[dependencies]\ndiesel = \"2\"\n")]);
    let files = check_squash(&project, "migrations/2024-01-04-000000_baseline/up.sql", true);
    assert!(files["migrations/2024-01-04-000000_baseline/down.sql"].contains("RAISE EXCEPTION"));
    assert!(!project.path().join("migrations/2024-01-01-000000_step").exists());
}

#[test]
fn drizzle() {
    let files = steps(|number, step| {
        let name = format!("drizzle/000{}_step.sql", number - 1);
        vec![(name, step.replace(";\n", ";\n--> statement-breakpoint\n"))]
    });
    let mut files = files;
    // Its own marks may not stand in the body of the function.
    files[2].1 = STEPS[2].to_owned();
    let entries = (0..4).map(|index| {
        format!(
            "{{\"idx\": {index}, \"version\": \"7\", \"when\": 170000000000{index}, \
             \"tag\": \"000{index}_step\", \"breakpoints\": true}}"
        )
    });
    let journal = format!(
        "{{\"version\": \"7\", \"dialect\": \"postgresql\", \"entries\": [{}]}}",
        entries.collect::<Vec<_>>().join(", ")
    );
    let snapshot = "{\"id\": \"b\", \"prevId\": \"a\"}\n";
    let others = [
        ("drizzle/meta/_journal.json", journal.as_str()),
        ("drizzle/meta/0002_snapshot.json", "{\"id\": \"a\", \"prevId\": \"x\"}\n"),
        ("drizzle/meta/0003_snapshot.json", snapshot),
    ];
    let project = project(&files, &others);
    let files = check_squash(&project, "drizzle/0000_baseline.sql", true);
    let snapshot = &files["drizzle/meta/0000_snapshot.json"];
    assert!(snapshot.contains("\"prevId\": \"00000000-0000-0000-0000-000000000000\""));
    assert!(!files.contains_key("drizzle/meta/0003_snapshot.json"));
    assert!(files.contains_key("squash/chain/meta/_journal.json"));
}

#[test]
fn flyway_keeps_what_is_repeatable() {
    let files =
        steps(|number, step| vec![(format!("db/migration/V{number}__step.sql"), step.to_owned())]);
    let others = [
        ("flyway.conf", "flyway.locations=filesystem:db/migration\n"),
        ("db/migration/R__calm.sql", "CREATE OR REPLACE VIEW calm AS SELECT 1 AS one;\n"),
    ];
    let project = project(&files, &others);
    let told = squash(&project);
    check(&told, 0, &["squashed 5 migrations of flyway into db/migration/V4__baseline.sql"]);
    assert!(project.path().join("db/migration/R__calm.sql").exists());
    check(&run(&mut verify(project.path())), 0, &["rollout passed", "rollback passed"]);
}

#[test]
fn golang_migrate_needs_no_rollout() {
    let files = steps(|number, step| {
        let name = format!("migrations/00000{number}_step");
        vec![
            (format!("{name}.up.sql"), step.to_owned()),
            (format!("{name}.down.sql"), "SELECT 1;\n".to_owned()),
        ]
    });
    let project = project(&files, &[]);
    let files = check_squash(&project, "migrations/000004_baseline.up.sql", false);
    let down = &files["migrations/000004_baseline.down.sql"];
    assert!(down.contains("RAISE EXCEPTION") && !down.contains("rollback.sql"), "{down}");
    assert!(!files.contains_key("squash/rollout.sql"));
    assert!(files["squash/runbook.md"].contains("no\n   rollout is needed"));
}

#[test]
fn goose() {
    let files = steps(|number, step| {
        let text = format!(
            "-- +goose Up\n-- +goose StatementBegin\n{step}\n-- +goose StatementEnd\n\n\
             -- +goose Down\n"
        );
        vec![(format!("migrations/0000{number}_step.sql"), text)]
    });
    check_squash(&project(&files, &[]), "migrations/00004_baseline.sql", true);
}

#[test]
fn prisma() {
    let files = steps(|number, step| {
        vec![(
            format!("prisma/migrations/2024010{number}000000_step/migration.sql"),
            step.to_owned(),
        )]
    });
    let lock = ("prisma/migrations/migration_lock.toml", "provider = \"postgresql\"\n");
    let project = project(&files, &[lock]);
    check_squash(&project, "prisma/migrations/20240104000000_baseline/migration.sql", true);
}

#[test]
fn refinery() {
    let files =
        steps(|number, step| vec![(format!("migrations/V{number}__step.sql"), step.to_owned())]);
    let project = project(&files, &[("Cargo.toml", "[dependencies]\nrefinery = \"0.8\"\n")]);
    check_squash(&project, "migrations/V4__baseline.sql", true);
}

#[test]
fn sqitch() {
    let files = steps(|number, step| {
        let revert = format!("BEGIN;\nSELECT {number};\nCOMMIT;\n");
        vec![
            (format!("deploy/step{number}.sql"), format!("BEGIN;\n{step}\nCOMMIT;\n")),
            (format!("revert/step{number}.sql"), revert),
            (format!("verify/step{number}.sql"), format!("SELECT {number};\n")),
        ]
    });
    let mut plan = "%syntax-version=1.0.0\n%project=zoo\n\n".to_owned();
    for number in 1..=4 {
        plan +=
            &format!("step{number} 2024-01-0{number}T00:00:00Z Ada <ada@example.org> # Step.\n");
    }
    plan += "@v1.0 2024-01-05T00:00:00Z Ada <ada@example.org> # Opened.\n";
    let conf = "[core]\n\tengine = pg\n[deploy]\n\tverify = true\n";
    let project = project(&files, &[("sqitch.plan", &plan), ("sqitch.conf", conf)]);
    let files = check_squash(&project, "deploy/baseline.sql", true);
    assert!(files["sqitch.plan"].contains("\nbaseline 2024-01-04T00:00:00Z Ada"));
    assert!(files["sqitch.plan"].contains("\n@v1.0 "));
    let runbook = &files["squash/runbook.md"];
    assert!(runbook.contains("the last of them `step4`"), "{runbook}");
    assert!(files["deploy/baseline.sql"].contains("-- and the last one deploy/step4.sql."));
    let rollout = &files["squash/rollout.sql"];
    assert!(!rollout.contains("'rehearsal"), "{rollout}");
    assert!(rollout.contains("'Ada', 'ada@example.org', '2024-01-04T00:00:00Z', 'Ada'"));
}

#[test]
fn sql_migrate() {
    let files = steps(|number, step| {
        let text = format!(
            "-- +migrate Up\n-- +migrate StatementBegin\n{step}\n-- +migrate StatementEnd\n\n\
             -- +migrate Down\n"
        );
        vec![(format!("migrations/2024010{number}-step.sql"), text)]
    });
    check_squash(&project(&files, &[]), "migrations/20240104-baseline.sql", true);
}

#[test]
fn sqlx() {
    let files = steps(|number, step| {
        let name = format!("migrations/2024010{number}000000_step");
        vec![
            (format!("{name}.up.sql"), step.to_owned()),
            (format!("{name}.down.sql"), "SELECT 1;\n".to_owned()),
        ]
    });
    let project = project(&files, &[("Cargo.toml", "[dependencies]\nsqlx = \"0.9\"\n")]);
    let files = check_squash(&project, "migrations/20240104000000_baseline.up.sql", true);
    let down = &files["migrations/20240104000000_baseline.down.sql"];
    assert!(down.contains("RAISE EXCEPTION") && down.contains("squash/rollback.sql"), "{down}");
}

#[test]
fn plain_files_need_somebody_who_remembers() {
    let files =
        steps(|number, step| vec![(format!("migrations/{number}_step.sql"), step.to_owned())]);
    let forgetful = project(&files, &[]);
    check(&squash(&forgetful), 2, &["every boot runs every file of migrations"]);
    let remembered = project(&files, &[("rehearsal.toml", "[migrations]\nboot = \"ledger\"\n")]);
    check(&squash(&remembered), 0, &["squashed 4 migrations of plain"]);
    assert!(remembered.path().join("migrations/4_baseline.sql").exists());
    check(&run(&mut verify(remembered.path())), 0, &["baseline passed"]);
}

/// Four files that dbmate plays, in a git repository.
fn committed() -> Project {
    let files = steps(|number, step| {
        let text = format!("-- migrate:up\n{step}\n\n-- migrate:down\n");
        vec![(format!("db/migrations/{number}_step.sql"), text)]
    });
    let history = "[history]\nbase = \"main\"\nsquash_marker = \"[squash-baseline]\"\n";
    let project = project(&files, &[("rehearsal.toml", history)]);
    project.commit_to_main();
    project
}

#[test]
fn a_chain_that_is_committed_stays_in_git() {
    let project = committed();
    check(&squash(&project), 0, &["db/migrations at commit", "[squash-baseline] in the message"]);
    let files = files(&project);
    assert!(files["rehearsal.toml"].contains("chain = { git = \""), "{}", files["rehearsal.toml"]);
    assert!(!files.keys().any(|path| path.starts_with("db/squash/chain")), "{:?}", files.keys());
    let told = run(verify(project.path()).args(["--only", "baseline,rollout,rollback"]));
    check(&told, 0, &["baseline passed", "rollout passed", "rollback passed"]);
}

/// The commits of a branch may be gone when it is merged.
#[test]
fn a_chain_that_is_merged_is_named_by_what_is_merged() {
    let project = committed();
    project.write("notes.txt", "of the branch\n");
    project.git(&["add", "notes.txt"]);
    project.git(&["commit", "--quiet", "--message", "Notes"]);
    check(&squash(&project), 0, &["db/migrations at commit"]);
    let text = &files(&project)["rehearsal.toml"];
    let (_, commit) = text.split_once("{ git = \"").expect("a commit");
    let (commit, _) = commit.split_once('"').expect("its end");
    let main = fs::read_to_string(project.path().join(".git/refs/heads/main")).expect("a branch");
    assert_eq!(commit, main.trim());
}

#[test]
fn a_file_that_was_changed_since_is_moved() {
    let project = committed();
    let path = "db/migrations/4_step.sql";
    let text = fs::read_to_string(project.path().join(path)).expect("a text");
    project.write(path, format!("-- new\n{text}"));
    check(&squash(&project), 0, &["db/squash/chain"]);
    assert!(files(&project)["rehearsal.toml"].contains("chain = \"db/squash/chain\""));
}

#[test]
fn a_dry_run_prints_and_writes_nothing() {
    let project = committed();
    let before = files(&project);
    let told = run(rehearsal("squash").arg(project.path()).arg("--dry-run"));
    check(
        &told,
        0,
        &[
            "nothing was written; it would be this",
            "=== db/migrations/4_baseline.sql",
            "CREATE TABLE public.animals",
            "=== db/squash/rollout.sql",
            "=== db/migrations/1_step.sql: removed",
        ],
    );
    assert_eq!(files(&project), before);
}

#[test]
fn nothing_is_overwritten_unless_somebody_says_so() {
    let project = committed();
    project.write("db/squash/rollout.sql", "-- mine\n");
    let before = files(&project);
    check(&squash(&project), 2, &["would overwrite db/squash/rollout.sql", "--force"]);
    assert_eq!(files(&project), before);
    check(&run(rehearsal("squash").arg(project.path()).arg("--force")), 0, &["squashed 4"]);
    assert!(!files(&project)["db/squash/rollout.sql"].contains("mine"));
}

#[test]
fn the_scripts_refuse_a_ledger_that_they_do_not_know() {
    let project = committed();
    check(&squash(&project), 0, &[]);
    let rollout = &files(&project)["db/squash/rollout.sql"];
    assert!(rollout.contains("this is not the ledger of the chain that was squashed"));
    assert_eq!(rollout.matches("COMMIT;").count(), 1);
    // Where more has run since, too.
    let later = "-- migrate:up\nCREATE TABLE later (id int);\n-- migrate:down\n";
    project.write("db/migrations/5_later.sql", later);
    let told = run(verify(project.path()).args(["--only", "rollout,rollback"]));
    check(&told, 0, &["rollout passed", "rollback passed"]);
}

#[test]
fn roles_are_carried_over() {
    let up = |text: &str| format!("-- migrate:up\n{text}\n\n-- migrate:down\n");
    let project = Project::new(&[
        ("db/migrations/1_role.sql", &up("CREATE ROLE zoo_keeper;")),
        ("db/migrations/2_table.sql", &up("CREATE TABLE cages (id int PRIMARY KEY);")),
        ("db/migrations/3_grant.sql", &up("GRANT SELECT ON cages TO zoo_keeper;")),
    ]);
    // The two sides can't be compared on one server, where the role can be made only once.
    check(&squash(&project), 1, &["this could not be proven", "makes a role"]);
    let told = run(rehearsal("squash").arg(project.path()).arg("--force"));
    check(&told, 0, &["squashed 3 migrations"]);
    let files = files(&project);
    assert!(files["db/migrations/3_baseline.sql"].contains("EXCEPTION WHEN duplicate_object"));
    assert!(files["db/squash/runbook.md"].contains("## Roles"));
}

#[test]
fn what_can_not_be_squashed_is_said() {
    let up = |text: &str| format!("-- migrate:up\n{text}\n\n-- migrate:down\n");
    let one = up("CREATE TABLE a (id int);");
    let two = up("CREATE TABLE b (id int);");
    let refused = |files: &[(&str, &str)], texts: &[&str]| {
        let project = Project::new(files);
        let before = super::squash::files(&project);
        check(&squash(&project), 2, texts);
        assert_eq!(super::squash::files(&project), before);
    };
    refused(&[("migrations/1_a.sql", &one)], &["migrations holds one migration"]);
    refused(&[("rehearsal.toml", "[migrations]\nrun = \"true\"\n")], &["a command or a closure"]);
    refused(
        &[("migrations/1_a.sql", &one), ("migrations/2_b.sql", &up("CREATE TABL c ();"))],
        &["syntax error at or near"],
    );
    refused(
        &[
            ("migrations/1_a.sql", &one),
            ("migrations/2_b.sql", &two),
            ("base.sql", "CREATE TABLE a (id int); CREATE TABLE b (id int);\n"),
            ("rehearsal.toml", "[baseline]\npath = \"base.sql\"\n"),
        ],
        &["the project has a baseline already, base.sql"],
    );
}

#[test]
fn a_baseline_need_not_be_executed_again() {
    let project = Project::new(&[
        ("migrations/000001_a.up.sql", "CREATE TABLE IF NOT EXISTS a (id int);"),
        ("migrations/000002_b.up.sql", "CREATE TABLE IF NOT EXISTS b (id int);"),
        ("rehearsal.toml", "[checks]\nreplay = \"deny\"\n"),
    ]);
    check(&squash(&project), 0, &["squashed 2 migrations", "exempted by rehearsal.toml"]);
    let toml = &files(&project)["rehearsal.toml"];
    assert!(toml.contains("migration = \"000002_baseline\""), "{toml}");
    check(&run(&mut verify(project.path())), 0, &["exempted by rehearsal.toml"]);
}

#[test]
fn what_scripts_make_before_is_not_made_again() {
    let up = |text: &str| format!("-- migrate:up\n{text}\n\n-- migrate:down\n");
    let pre = "CREATE SCHEMA IF NOT EXISTS app;\n\
               CREATE TABLE IF NOT EXISTS app.before (id int);\n";
    let project = Project::new(&[
        ("migrations/1_a.sql", &up("CREATE TABLE app.a (id int PRIMARY KEY);")),
        ("migrations/2_b.sql", &up("CREATE TABLE app.b (id int PRIMARY KEY);")),
        ("pre/1_schema.sql", pre),
        ("rehearsal.toml", "[bootstrap]\npre = \"pre\"\n"),
    ]);
    check(&squash(&project), 0, &["squashed 2 migrations"]);
    let baseline = &files(&project)["migrations/2_baseline.sql"];
    assert!(baseline.contains("CREATE TABLE app.b "), "{baseline}");
    assert!(!baseline.contains("SCHEMA app") && !baseline.contains("app.before"), "{baseline}");
}

/// The baseline has the values of one play, and no other play makes the same.
#[test]
fn rows_that_are_filled_anew_each_time() {
    let up = |text: &str| format!("-- migrate:up\n{text}\n\n-- migrate:down\n");
    let project = Project::new(&[
        (
            "migrations/1_roles.sql",
            &up("CREATE TABLE roles (id uuid PRIMARY KEY, name text NOT NULL UNIQUE, created_at \
                 timestamptz NOT NULL DEFAULT now());\n\
                 CREATE TABLE grants (role_id uuid REFERENCES roles, what text);\n\
                 CREATE MATERIALIZED VIEW names AS SELECT name FROM roles;"),
        ),
        (
            "migrations/2_rows.sql",
            &up("INSERT INTO roles (id, name) SELECT gen_random_uuid(), name FROM unnest(ARRAY[\
                 'admin', 'guest']) AS name;\n\
                 INSERT INTO grants SELECT id, 'read' FROM roles;"),
        ),
    ]);
    check(&squash(&project), 0, &["squashed 2 migrations"]);
    let baseline = "migrations/2_baseline.sql";
    let text = &files(&project)[baseline];
    assert!(text.contains("INSERT INTO public.roles (id, name, created_at) VALUES"), "{text}");
    let aside = "public.grants.role_id, public.roles.id, public.roles.created_at are filled anew \
                 each time the chain is played";
    let verified = || run(&mut verify(project.path()));
    check(&verified(), 0, &["baseline_rows passed", aside, "rollout passed", "rollback passed"]);
    project.write(baseline, text.replace("'guest'", "'visitor'"));
    check(&verified(), 1, &["error[baseline_rows]", "missing: name = 'guest'"]);
}

#[test]
fn an_interrupted_squash_writes_and_leaves_nothing() {
    let up = |text: &str| format!("-- migrate:up\n{text}\n\n-- migrate:down\n");
    let project = Project::new(&[
        ("migrations/1_a.sql", &up("CREATE TABLE a (id int);")),
        ("migrations/2_b.sql", &up("CREATE TABLE b (id int);")),
        ("seeds/1_a.sql", "SELECT pg_sleep(900);\n"),
    ]);
    let (before, temporary) = (files(&project), Temporary::new());
    let mut command = rehearsal("squash");
    command.arg(project.path()).env("TMPDIR", temporary.path());
    // All is written, into a likeness of the project, when that is seeded.
    let mut child = begun(&mut command, "seeding");
    send("INT", &child);
    assert_eq!(child.wait().expect("it ends").code(), Some(130));
    assert_eq!(files(&project), before);
    assert_nothing_is_left(&temporary);
    let names = fs::read_dir(temporary.path()).expect("our folder").flatten();
    let names = names.map(|entry| entry.file_name().to_string_lossy().into_owned());
    let left = names.filter(|name| name.starts_with("rehearsal-checkout")).collect::<Vec<_>>();
    assert_eq!(left, <Vec<String>>::new());
}

/// What holds no longer afterwards is told, and nothing is written.
#[test]
fn a_squash_that_does_not_hold_leaves_everything_as_it_was() {
    let up = |text: &str| format!("-- migrate:up\n{text}\n\n-- migrate:down\n");
    let project = Project::new(&[
        ("migrations/1_a.sql", &up("CREATE TABLE a (version text PRIMARY KEY);")),
        ("migrations/2_b.sql", &up("CREATE TABLE b (id int);")),
        // Which a squash leaves one of.
        (
            "seeds/1_a.sql",
            "INSERT INTO a SELECT version FROM schema_migrations ON CONFLICT DO NOTHING;",
        ),
        ("rehearsal.toml", "[seeds]\npath = \"seeds\"\nexpect = { a = 2 }\n"),
    ]);
    check(&run(&mut verify(project.path())), 0, &["seed_counts passed"]);
    let before = files(&project);
    let refused = "nothing was written: the squash above does not hold";
    let help = "help: --dry-run prints the files of which this tells";
    check(&squash(&project), 1, &["error[seed_counts]", refused, help]);
    let told = run(rehearsal("squash").arg(project.path()).arg("--dry-run"));
    let printed =
        ["=== migrations/2_baseline.sql", "CREATE TABLE public.a", "=== squash/rollout.sql"];
    check(
        &told,
        1,
        &[&["error[seed_counts]", refused, "this is what was rehearsed:"], &printed[..]].concat(),
    );
    assert!(!told.all().contains(help), "{}", told.all());
    assert_eq!(files(&project), before);
}
