//! The ways in from Rust: what a rehearsal can be of, and what it hands out.

use std::cell::Cell;
use std::path::{Path, PathBuf};
use std::rc::Rc;

use rehearsal::{Catalog, Database, Rehearsal, Result, assert_same_schema};

fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures").join(name)
}

const TABLE: &str = "CREATE TABLE IF NOT EXISTS members (id int PRIMARY KEY)";

#[tokio::test]
async fn a_closure_is_driven_on_this_task_and_may_borrow() {
    // Neither is Send.
    let (boots, borrowed) = (Rc::new(Cell::new(0)), Cell::new(0));
    let migrate = async |database: Database| {
        boots.set(boots.get() + 1);
        borrowed.set(borrowed.get() + 1);
        database.execute(TABLE).await
    };
    let report = Rehearsal::of(migrate).play().await.unwrap();
    assert!(report.is_success(), "{report}");
    assert_eq!((boots.get(), borrowed.get()), (2, 2), "a first boot and a second one");
}

#[tokio::test]
async fn a_closure_that_fails_is_a_finding() {
    let migrate = async |_: Database| Err::<(), _>("there is no such thing as a free lunch");
    let report = Rehearsal::of(migrate).play().await.unwrap();
    assert!(!report.is_success());
    let text = report.to_string();
    assert!(text.contains("error[apply]: the first boot fails"), "{text}");
    assert!(text.contains("there is no such thing as a free lunch"), "{text}");
}

#[tokio::test]
async fn a_closure_that_writes_again_is_found_out() {
    let migrate = async |database: Database| -> Result<()> {
        database.execute(TABLE).await?;
        let next = "INSERT INTO members SELECT COALESCE(max(id), 0) + 1 FROM members";
        database.execute(next).await
    };
    let error = Rehearsal::of(migrate).verify().await.unwrap_err().to_string();
    assert!(error.contains("error[rerun]") && error.contains("public.members"), "{error}");
}

#[tokio::test]
async fn a_closure_that_hangs_is_stopped() {
    let migrate = async |_: Database| -> Result<()> { std::future::pending().await };
    let rehearsal = Rehearsal::of(migrate).timeout(std::time::Duration::from_secs(1));
    let text = rehearsal.play().await.unwrap().to_string();
    assert!(text.contains("does not end within 1 s"), "{text}");
}

#[tokio::test]
async fn a_database_is_there_when_the_chain_applies_and_only_then() {
    let database = Rehearsal::of(fixture("demo")).database().await.unwrap();
    database.execute("SELECT FROM members").await.unwrap();
    let error = Rehearsal::of(fixture("ledger-broken")).database().await.unwrap_err().to_string();
    assert!(error.starts_with("the rehearsal failed\n\nledger-broken on Postgres "), "{error}");
    assert!(error.contains("error[apply]") && error.ends_with("failed: apply\n"), "{error}");
}

#[test]
fn a_rehearsal_keeps_the_password_of_a_server_to_itself() {
    let rehearsal = Rehearsal::of("fixtures/demo").server("postgres://me:secret@db.example/app");
    let told = format!("{rehearsal:?}");
    assert!(told.contains("postgres://…") && !told.contains("secret"), "{told}");
}

/// Each test has a runtime of its own, and a process has many of them.
#[test]
fn a_database_outlives_the_runtime_of_another_and_goes_when_it_is_dropped() {
    let on_its_own = |work: &dyn Fn(&tokio::runtime::Runtime)| {
        work(&tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap());
    };
    let get = || Rehearsal::of(fixture("demo")).database();
    let first = std::cell::RefCell::new(None);
    on_its_own(&|runtime| *first.borrow_mut() = Some(runtime.block_on(get()).unwrap()));
    on_its_own(&|runtime| {
        runtime.block_on(async {
            let second = get().await.unwrap();
            let first = first.take().unwrap();
            first.execute("INSERT INTO members (name, email) VALUES ('a', 'a')").await.unwrap();
            second.execute("INSERT INTO members (name, email) VALUES ('a', 'a')").await.unwrap();
            let name = first.url().rsplit('/').next().unwrap().to_owned();
            drop(first);
            // Within the statement timeout, or not at all.
            let gone = format!(
                "SET statement_timeout = '10s';
                 DO $$ BEGIN
                   WHILE EXISTS (SELECT FROM pg_database WHERE datname = '{name}') LOOP
                     PERFORM pg_sleep(0.01);
                   END LOOP;
                 END $$"
            );
            second.execute(&gone).await.unwrap();
        });
    });
}

#[tokio::test]
async fn a_command_runs_again_when_what_it_depends_on_has_changed() {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| std::fs::write(folder.path().join(name), text).unwrap();
    let runs = async || {
        drop(Rehearsal::of(folder.path()).database().await.unwrap());
        std::fs::read_to_string(folder.path().join("runs")).unwrap().lines().count()
    };
    let run = format!("[migrations]\nrun = \"echo {} >> runs\"\n", folder.path().display());
    write("rehearsal.toml", &run);
    assert_eq!((runs().await, runs().await), (1, 2));
    write("model.py", "one");
    write("rehearsal.toml", &format!("{run}fingerprint = [\"*.py\"]\n"));
    assert_eq!((runs().await, runs().await), (3, 3));
    write("model.py", "two");
    assert_eq!((runs().await, runs().await), (4, 4));
    write("rehearsal.toml", &format!("{run}fingerprint = [\"*.rb\"]\n"));
    let error = Rehearsal::of(folder.path()).database().await.unwrap_err().to_string();
    assert!(error.contains("*.rb, and there is no such file"), "{error}");
}

#[tokio::test]
async fn schemas_are_compared_wherever_they_are() {
    let folder = tempfile::tempdir().unwrap();
    let dump = folder.path().join("schema.sql");
    std::fs::write(&dump, format!("{TABLE};\n")).unwrap();
    let migrate = async |database: Database| database.execute(TABLE).await;
    let database = Rehearsal::of(migrate).database().await.unwrap();
    assert_same_schema!(&database, &dump);
    assert_same_schema!(&database.url(), &Catalog::read(&database).await.unwrap());
    database.execute("ALTER TABLE members ADD name text").await.unwrap();
    let (before, after) = (Catalog::read(&dump).await, Catalog::read(&database).await);
    let differences = before.unwrap().differences(&after.unwrap());
    assert!(differences.len() == 1 && differences[0].contains("members.name"), "{differences:?}");
}

/// A ledger belongs to its tool, and to no schema.
#[tokio::test]
async fn a_database_is_compared_without_its_ledger() {
    let folder = tempfile::tempdir().unwrap();
    let migrations = folder.path().join("shop/migrations");
    std::fs::create_dir_all(&migrations).unwrap();
    std::fs::write(migrations.join("000001_a.up.sql"), TABLE).unwrap();
    let baseline = folder.path().join("baseline.sql");
    std::fs::write(&baseline, TABLE).unwrap();
    let database = Rehearsal::of(folder.path().join("shop")).database().await.unwrap();
    assert_same_schema!(&database, &baseline);
    assert_same_schema!(&baseline, &folder.path().join("shop"));
    database.execute("SELECT version FROM schema_migrations").await.unwrap();
}

/// As `pg_dump` writes it where an application has a role of its own.
#[tokio::test]
async fn a_dump_with_the_roles_of_production_is_the_same_schema() {
    let folder = tempfile::tempdir().unwrap();
    let dump = folder.path().join("schema.sql");
    let owned = format!("{TABLE};\nALTER TABLE public.members OWNER TO app;\n");
    std::fs::write(&dump, owned).unwrap();
    let migrate = async |database: Database| database.execute(TABLE).await;
    let database = Rehearsal::of(migrate).database().await.unwrap();
    assert_same_schema!(&database, &dump);
}

#[tokio::test]
#[should_panic(expected = "`one` and `&other` are not the same schema (Postgres ")]
async fn schemas_that_differ_panic_with_the_difference() {
    let one = "fixtures/demo";
    let other = fixture("plain");
    assert_same_schema!(one, &other);
}

#[tokio::test]
#[should_panic(expected = "`\"no/such/folder\"` can't be read: there is no no/such/folder")]
async fn a_schema_that_is_not_there_panics_with_the_reason() {
    assert_same_schema!("fixtures/demo", "no/such/folder");
}
