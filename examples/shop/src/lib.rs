//! A shop that sells a few things.

use sqlx::migrate::Migrator;
use sqlx::{Connection as _, PgConnection};

/// What the application runs at each start.
pub static MIGRATIONS: Migrator = sqlx::migrate!();

/// What the shop sells, as code, name and price in cents.
const PRODUCTS: &[(&str, &str, i32)] =
    &[("ink", "Blue ink", 690), ("pen", "Fountain pen", 4900), ("pad", "Writing pad", 350)];

/// Fills in the products. It runs at each start too, and changes nothing the second time.
pub async fn seed(connection: &mut PgConnection) -> sqlx::Result<()> {
    let mut transaction = connection.begin().await?;
    // Several instances may start at once: the second one waits, and finds everything there.
    sqlx::query("SELECT pg_advisory_xact_lock(hashtext('seeds of the shop'))")
        .execute(&mut *transaction)
        .await?;
    for (code, name, price_cents) in PRODUCTS {
        // ON CONFLICT alone would burn a number of the identity column each time.
        sqlx::query(
            "INSERT INTO products (code, name, price_cents) SELECT $1, $2, $3
              WHERE NOT EXISTS (SELECT FROM products WHERE code = $1)",
        )
        .bind(code)
        .bind(name)
        .bind(price_cents)
        .execute(&mut *transaction)
        .await?;
    }
    transaction.commit().await
}

/// Places an order, and says what it costs in cents.
pub async fn order(
    connection: &mut PgConnection,
    customer: &str,
    lines: &[(&str, i32)],
) -> sqlx::Result<i64> {
    let order: i64 = sqlx::query_scalar("INSERT INTO orders (customer) VALUES ($1) RETURNING id")
        .bind(customer)
        .fetch_one(&mut *connection)
        .await?;
    for (code, quantity) in lines {
        sqlx::query(
            "INSERT INTO order_lines (order_id, product_id, quantity)
             SELECT $1, id, $3 FROM products WHERE code = $2",
        )
        .bind(order)
        .bind(code)
        .bind(quantity)
        .execute(&mut *connection)
        .await?;
    }
    sqlx::query_scalar("SELECT total_cents FROM order_totals WHERE order_id = $1")
        .bind(order)
        .fetch_one(&mut *connection)
        .await
}
