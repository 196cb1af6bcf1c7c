//! refinery with its asynchronous driver, which its own program doesn't have: an oracle of
//! src/acts/oracle/refinery.rs.

use std::error::Error;

use refinery_core::{Runner, load_sql_migrations};
use tokio_postgres::NoTls;

/// Boots the folder that is named on the database of `DATABASE_URL`, as an application would.
#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let folder = std::env::args().nth(1).ok_or("name the folder of the migrations")?;
    if folder == "--version" {
        println!("refinery-tokio {}", env!("CARGO_PKG_VERSION"));
        return Ok(());
    }
    let migrations = load_sql_migrations(folder)?;
    let (mut client, connection) =
        tokio_postgres::connect(&std::env::var("DATABASE_URL")?, NoTls).await?;
    tokio::spawn(connection);
    Runner::new(&migrations).run_async(&mut client).await?;
    Ok(())
}
