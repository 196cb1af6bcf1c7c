//! The application's own tests, each on a database that was just migrated and seeded.

use std::error::Error;

use rehearsal::{Database, Rehearsal, assert_same_schema};
use rstest::{fixture, rstest};

/// What the application does at each start, when it has migrated.
async fn seed(database: Database) -> Result<(), Box<dyn Error + Send + Sync>> {
    Ok(shop::seed(&mut database.connect().await?).await?)
}

#[fixture]
async fn database() -> Database {
    Rehearsal::of(".").seed_with(seed).seeded_database().await.unwrap()
}

#[rstest]
#[tokio::test]
async fn an_order_costs_what_its_lines_cost(#[future(awt)] database: Database) -> sqlx::Result<()> {
    let mut connection = database.connect().await.unwrap();
    let total = shop::order(&mut connection, "Ada", &[("pen", 1), ("ink", 2)]).await?;
    assert_eq!(total, 6280);
    Ok(())
}

/// Nor if two instances start at once, and on a database that the migrations alone have made.
#[tokio::test]
async fn seeds_change_nothing_the_second_time() -> rehearsal::Result<()> {
    Rehearsal::of(".").seed_with(seed).expect_rows("products", 3).verify().await
}

/// What is built into the program is what is in the folder, and it boots twice.
#[tokio::test]
async fn the_migrations_that_are_built_in_hold() -> rehearsal::Result<()> {
    Rehearsal::of(&shop::MIGRATIONS).verify().await
}

/// The library's own runner makes the same schema as the rehearsal's.
#[tokio::test]
async fn the_runner_makes_the_same_schema() {
    let migrate = async |database: Database| -> rehearsal::Result<()> {
        Ok(shop::MIGRATIONS.run(&mut database.connect().await?).await?)
    };
    let by_runner = Rehearsal::of(migrate).database().await.unwrap();
    assert_same_schema!(&by_runner, ".");
}

/// Its ledger is where the runner says.
#[tokio::test]
async fn a_ledger_of_another_name_is_kept() -> rehearsal::Result<()> {
    let mut migrator = sqlx::migrate!();
    migrator.create_schema("history");
    migrator.dangerous_set_table_name("history.applied");
    let database = Rehearsal::of(migrator).database().await?;
    database.execute("SELECT version FROM history.applied").await
}

/// What can't be imitated is refused, and the message says what to do.
#[tokio::test]
async fn a_runner_that_ignores_missing_files_is_asked_for_as_a_closure() {
    let mut migrator = sqlx::migrate!();
    migrator.set_ignore_missing(true);
    let error = Rehearsal::of(migrator).play().await.unwrap_err().to_string();
    assert!(error.contains("Rehearsal::of(async |database: Database|"), "{error}");
}
