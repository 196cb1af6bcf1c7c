//! Seeds that are Rust closures: in which order and transaction they run, what they see, and what
//! becomes of those that go wrong.

use std::cell::{Cell, RefCell};
use std::path::{Path, PathBuf};
use std::time::Duration;

use rehearsal::{Database, Rehearsal, Report, Result};
use sqlx::Connection as _;

const MEMBER: &str = "INSERT INTO members (name, email)
                      SELECT 'Ada', 'ada@x.org' WHERE NOT EXISTS (SELECT FROM members)";

fn demo() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/demo")
}

/// What is said of the checks that need seeds which apply.
const UNPLAYED: &str =
    "seed_randomness and seed_race  skipped          the seeds do not apply, see `seed`";

/// What a rehearsal of the demonstration project says that is seeded by a closure.
async fn seeded<E>(seeds: impl AsyncFn(Database) -> std::result::Result<(), E>) -> Report
where
    E: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    let rehearsal = Rehearsal::of(demo()).seed_with(seeds).timeout(Duration::from_secs(20));
    rehearsal.only(["seed", "seed_race", "seed_randomness"]).play().await.unwrap()
}

/// Asserts that a report says these texts.
fn check(report: &Report, texts: &[&str]) {
    let said = report.to_string();
    for text in texts {
        assert!(said.contains(text), "does not say `{text}`:\n{said}");
    }
}

#[tokio::test]
async fn closures_run_in_their_order_and_may_borrow() {
    let order = RefCell::new(Vec::new());
    let report = Rehearsal::of(demo())
        .seed_with(async |database: Database| {
            order.borrow_mut().push("first");
            database.execute(MEMBER).await
        })
        .seed_with(async |database: Database| -> Result<()> {
            order.borrow_mut().push("second");
            database.execute("UPDATE members SET name = 'Eve' WHERE name <> 'Eve'").await
        })
        .expect_rows("members", 1)
        .only(["seed", "seed_counts"])
        .play()
        .await
        .unwrap();
    assert!(report.is_success(), "{report}");
    let order = order.into_inner();
    assert!(order.len() >= 4, "two runs at least: {order:?}");
    assert!(order.chunks(2).all(|run| run == ["first", "second"]), "{order:?}");
}

#[tokio::test]
async fn what_a_closure_executes_is_one_transaction_that_an_error_rolls_back() {
    let was_there = Cell::new(false);
    let seeds = async |database: Database| {
        database.execute(MEMBER).await?;
        // Its own, as long as it lasts.
        let own = "DO $$ BEGIN ASSERT (SELECT count(*) FROM members) = 1; END $$";
        database.execute(own).await?;
        let mut other = sqlx::PgConnection::connect(&database.url()).await?;
        let count = sqlx::query_scalar("SELECT count(*) FROM members").fetch_one(&mut other);
        was_there.set(count.await.map(|count: i64| count > 0)?);
        Err::<(), Box<dyn std::error::Error + Send + Sync>>("not like this".into())
    };
    check(&seeded(seeds).await, &[UNPLAYED]);
    assert!(!was_there.get(), "nobody else sees what is not committed");
}

#[tokio::test]
async fn a_closure_that_panics_is_caught_and_the_rest_goes_on() {
    let seeds = async |_: Database| -> Result<()> { panic!("no such luck") };
    let told = ["error[seed]: seeding fails: closure 1 panics", "no such luck", UNPLAYED];
    check(&seeded(seeds).await, &told);
    let migrate = async |_: Database| -> Result<()> { panic!("no such luck") };
    let report = Rehearsal::of(migrate).play().await.unwrap();
    check(&report, &["error[apply]: the first boot fails: the closure panics", "no such luck"]);
}

/// One that panics only on another database, where the report of that is ours.
#[tokio::test]
async fn a_closure_that_panics_the_next_time_is_told() {
    let runs = Cell::new(0);
    let seeds = async |database: Database| -> Result<()> {
        runs.set(runs.get() + 1);
        assert!(runs.get() < 3, "run {}", runs.get());
        database.execute(MEMBER).await
    };
    let told = "warning[seed_randomness]: seeding another database fails: closure 1 panics";
    check(&seeded(seeds).await, &[told, "run 3"]);
}

#[tokio::test]
async fn a_statement_that_fails_is_not_passed_over() {
    let runs = Cell::new(0);
    let seeds = async |database: Database| -> Result<()> {
        runs.set(runs.get() + 1);
        if runs.get() > 2 {
            let error = database.execute("SELECT 1/0").await.unwrap_err();
            assert_eq!(error.to_string(), "Postgres refuses it: 22012: division by zero");
        }
        Ok(())
    };
    let told = "goes on after a statement of its transaction has failed: 22012: division by zero";
    check(&seeded(seeds).await, &["closure 1 returns an error", told]);
}

#[tokio::test]
async fn a_closure_that_commits_is_told() {
    for commit in ["COMMIT", "COMMIT; BEGIN"] {
        let runs = Cell::new(0);
        let seeds = async |database: Database| -> Result<()> {
            runs.set(runs.get() + 1);
            if runs.get() > 2 { database.execute(commit).await } else { Ok(()) }
        };
        check(&seeded(seeds).await, &["it ends the transaction in which it is played"]);
    }
}

#[tokio::test]
async fn a_statement_that_hangs_falls_under_the_limit() {
    let runs = Cell::new(0);
    let seeds = async |database: Database| -> Result<()> {
        runs.set(runs.get() + 1);
        if runs.get() > 2 { database.execute("SELECT pg_sleep(98765)").await } else { Ok(()) }
    };
    let rehearsal = Rehearsal::of(demo()).seed_with(seeds).timeout(Duration::from_secs(1));
    let report = rehearsal.only(["seed_randomness"]).play().await.unwrap();
    check(&report, &["closure 1 does not end within 1 s"]);
}

#[tokio::test]
async fn a_database_is_closed_when_its_closure_has_ended() {
    let kept = RefCell::new(None);
    let seeds = async |database: Database| -> Result<()> {
        database.execute("SELECT").await?;
        *kept.borrow_mut() = Some(database);
        Ok(())
    };
    let report = seeded(seeds).await;
    assert!(report.is_success(), "{report}");
    let error = kept.take().unwrap().execute("SELECT").await.unwrap_err().to_string();
    assert!(error.starts_with("the database is closed"), "{error}");
}

#[tokio::test]
async fn settings_of_the_session_reach_all_that_a_closure_does() {
    let shown = RefCell::new(Vec::new());
    let seeds = async |database: Database| {
        let own = "DO $$ BEGIN ASSERT current_setting('app.actor') = 'a b\\c'; END $$";
        database.execute(own).await?;
        let mut other = sqlx::PgConnection::connect(&database.url()).await?;
        let query = sqlx::query_scalar("SELECT current_setting('app.actor')");
        let value = query.fetch_one(&mut other).await?;
        shown.borrow_mut().push(value);
        #[cfg(feature = "sqlx-0_9")]
        {
            let mut other = database.connect().await?;
            let query = sqlx::query_scalar("SELECT current_setting('app.actor')");
            let value = query.fetch_one(&mut other).await?;
            shown.borrow_mut().push(value);
        }
        Ok::<_, Box<dyn std::error::Error + Send + Sync>>(())
    };
    let rehearsal = Rehearsal::of(demo()).session("app.actor", "a b\\c").seed_with(seeds);
    let report = rehearsal.only(["seed_race"]).play().await.unwrap();
    check(&report, &["seed_race  passed"]);
    let shown: Vec<String> = shown.into_inner();
    assert!(!shown.is_empty() && shown.iter().all(|it| it == "a b\\c"), "{shown:?}");
}

/// Whoever comes second waits for the lock of the first.
#[tokio::test]
async fn two_closures_at_once_take_turns_by_a_lock() {
    let seeds = async |database: Database| -> Result<()> {
        database.execute("SELECT pg_advisory_xact_lock(1)").await?;
        database.execute(MEMBER).await
    };
    let report = seeded(seeds).await;
    assert!(report.is_success(), "{report}");
    check(&report, &["commands and closures start together, and then it is chance"]);
}

#[tokio::test]
async fn ids_that_a_closure_makes_up_are_told() {
    let runs = Cell::new(0);
    let seeds = async |database: Database| -> Result<()> {
        runs.set(runs.get() + 1);
        let name = format!("Ada {}", runs.get());
        database.execute(&MEMBER.replace("Ada", &name)).await
    };
    let report = seeded(seeds).await;
    check(
        &report,
        &[
            "warning[seed_randomness]: the seeds fill public.members.name with other values",
            "closure 1 fills it, or a trigger",
            "ignore_columns = [\"members.name\"]",
        ],
    );
}

#[tokio::test]
async fn what_a_closure_leaves_connected_is_told_where_one_transaction_holds_all() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::create_dir(folder.path().join("migrations")).unwrap();
    let write = |path: &str, text: &str| std::fs::write(folder.path().join(path), text).unwrap();
    write("migrations/000001_members.up.sql", "CREATE TABLE members (name text, email text);");
    write("rehearsal.toml", "[seeds]\ntransaction = \"all\"\n");
    let kept = RefCell::new(Vec::new());
    let seeds = async |database: Database| {
        database.execute(MEMBER).await?;
        let connection = sqlx::PgConnection::connect(&database.url()).await?;
        kept.borrow_mut().push(connection);
        Ok::<_, Box<dyn std::error::Error + Send + Sync>>(())
    };
    let rehearsal = Rehearsal::of(folder.path()).seed_with(seeds);
    let report = rehearsal.only(["seed", "reseed_contents"]).play().await.unwrap();
    check(&report, &["warning[seed]: seeding goes on after closure 1"]);
    assert!(report.is_success(), "{report}");
}
