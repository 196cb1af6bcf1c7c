//! The settings of a bootstrap's transactions: set with them, and gone with them.

use toml::Spanned;

use super::super::Stage;
use super::super::session::Player;
use crate::config;
use crate::sql::literal;
use crate::trace::{Cause, Failure};
use crate::{Error, Result};

/// Opens a transaction that has the settings. That Postgres doesn't take one of them is a mistake
/// in the configuration, and nothing that a script did.
pub(super) async fn begin(
    stage: &Stage<'_>,
    player: &mut Player<'_>,
) -> Result<Result<(), Failure>> {
    let settings = &stage.project.config.bootstrap.session;
    let begun = player.keep_book(&opening(stage)).await?;
    if !matches!(&begun, Err(failure) if failure.cause == Cause::Postgres) {
        return Ok(begun);
    }
    for (name, value) in settings {
        if let Err(failure) = player.keep_book(&call(name, value)).await? {
            return Err(refused(stage, name, &failure));
        }
    }
    Ok(begun)
}

/// What opens the transaction.
pub(super) fn opening(stage: &Stage<'_>) -> String {
    let settings = stage.project.config.bootstrap.session.iter();
    let calls = settings.map(|(name, value)| format!("; {}", call(name, value)));
    format!("BEGIN{}", calls.collect::<String>())
}

fn call(name: &Spanned<String>, value: &str) -> String {
    let (name, value) = (literal(name.get_ref()), literal(value));
    format!("SELECT pg_catalog.set_config({name}, {value}, true)")
}

/// Says which of the settings it is, and where it is written, if it is in the file.
fn refused(stage: &Stage<'_>, name: &Spanned<String>, failure: &Failure) -> Error {
    let Failure { sqlstate, message, .. } = failure;
    let said = format!(
        "Postgres does not take the setting `{}` under [bootstrap] session: {sqlstate}: {message}",
        name.get_ref()
    );
    let error = match name.span() {
        span if span.is_empty() => Error::new(said),
        span => config::at(&stage.project.config.text, span, &said),
    };
    error.help(match sqlstate.as_str() {
        "42704" => "a setting of your own has a class before a dot, such as \"app.actor_id\"",
        "25001" => {
            "it is decided before a transaction's first query, and these settings are made by one: \
             let a migration say it, as in ALTER ROLE CURRENT_USER SET \
             default_transaction_isolation = '…'"
        }
        "42501" => "only a superuser may set it, and the scripts run as the database's owner",
        _ => "SHOW in psql tells what a setting takes; one of your own is \"class.name\"",
    })
}
