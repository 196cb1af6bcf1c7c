//! A look at the tool's session: its settings, and what belongs to it and ends with it.
//!
//! Changes nothing there, and must not know which file was played.

use sqlx::postgres::PgConnection;
use sqlx::{AssertSqlSafe, Row as _};

use crate::error::sqlstate;
use crate::sql::literal;
use crate::trace::{Belonging, Session, Setting, Transaction};

/// Reads what a session has that a new one has not; `before` is what the last look saw.
pub(super) async fn look(
    connection: &mut PgConnection,
    custom_settings: &[String],
    before: &Session,
) -> Result<Session, sqlx::Error> {
    let query = query(custom_settings);
    let rows = sqlx::raw_sql(AssertSqlSafe(query)).fetch_all(connection).await;
    let rows = match rows {
        Ok(rows) => rows,
        Err(error) if sqlstate(&error) == "25P02" => {
            // An aborted transaction answers nothing; whatever it set is void with it.
            return Ok(Session { transaction: Transaction::Aborted, ..before.clone() });
        }
        Err(error) => return Err(error),
    };
    let mut session = Session::default();
    for row in rows {
        // A file may have set an encoding that isn't ours.
        let text = |column: usize| {
            let value = row.try_get_raw(column)?;
            let bytes = value.as_bytes().map_err(sqlx::Error::Decode)?;
            Ok::<_, sqlx::Error>(String::from_utf8_lossy(bytes).into_owned())
        };
        let (what, name, value) = (text(0)?, text(1)?, text(2)?);
        let (shown, default) = (text(3)?, text(4)?);
        session.belongings.extend(match what.as_str() {
            "setting" => {
                session.settings.insert(name, Setting { value, shown, default });
                None
            }
            "transaction" => {
                session.transaction = Transaction::Open;
                None
            }
            "lock" => Some(Belonging::AdvisoryLock { numbers: name }),
            "channel" => Some(Belonging::Channel { name }),
            "statement" => Some(Belonging::PreparedStatement { name }),
            kind => Some(Belonging::Temporary { kind: kind.to_owned(), name }),
        });
    }
    Ok(session)
}

/// Reads what a session has that a new one has not: what it is, name, and of settings the value,
/// also as it is shown, and the default. A setting of a made-up class (`app.actor_id`) is in no
/// list; those that the chain's text names are asked for.
///
/// It is sent for each file, and each part by itself: to plan them as one costs more than to run
/// them. For the same reason functions are asked, and not the views of them; and the tables only
/// where there is something temporary.
fn query(custom_settings: &[String]) -> String {
    let custom = custom_settings.iter().fold(String::new(), |mut sql, name| {
        let name = literal(name);
        let value = format!("COALESCE(pg_catalog.current_setting({name}, true), '')");
        sql.push_str(&format!("; SELECT 'setting', {name}, {value}, {value}, ''"));
        sql
    });
    format!(
        "SELECT 'setting', name, setting, pg_catalog.current_setting(name), \
                COALESCE(reset_val, '') FROM pg_catalog.pg_show_all_settings() \
          WHERE source = 'session' AND setting IS NOT NULL; \
         SELECT 'setting', 'role', role, role, 'none' \
           FROM pg_catalog.current_setting('role') AS role; \
         SELECT 'setting', 'session_authorization', name, name, '' \
           FROM CAST(session_user AS text) AS name; \
         SELECT 'channel', name, '', '', '' FROM pg_catalog.pg_listening_channels() AS name; \
         SELECT 'transaction', '', '', '', '' \
          WHERE pg_catalog.transaction_timestamp() <> pg_catalog.statement_timestamp(); \
         SELECT 'lock', CASE objsubid \
             WHEN 1 THEN ((classid::bigint << 32) | objid::bigint)::text \
             ELSE classid || ', ' || objid END, '', '', '' \
           FROM pg_catalog.pg_lock_status() \
          WHERE locktype = 'advisory' AND pid = pg_catalog.pg_backend_pid(); \
         SELECT 'statement', name, '', '', '' FROM pg_catalog.pg_prepared_statement(); \
         SELECT CASE relkind WHEN 'v' THEN 'VIEW' WHEN 'S' THEN 'SEQUENCE' \
             ELSE 'TABLE' END, relname, '', '', '' FROM pg_catalog.pg_class AS class \
          WHERE pg_catalog.pg_my_temp_schema() <> 0 \
            AND relnamespace = pg_catalog.pg_my_temp_schema() AND relkind IN ('r', 'p', 'v', 'S') \
            AND NOT EXISTS (SELECT FROM pg_catalog.pg_depend WHERE objid = class.oid \
                               AND relkind = 'S' AND deptype IN ('a', 'i'))\
         {custom}"
    )
}
