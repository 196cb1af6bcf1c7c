//! The columns that become NOT NULL in the end: which they are, what is NULL there, and what
//! Postgres says to it.

use toml::Spanned;

use super::super::super::Stage;
use super::super::super::session::Player;
use crate::Result;
use crate::catalog::Catalog;
use crate::config::fits_column;
use crate::rows::Nulls;
use crate::server::Scratch;
use crate::source::SCRIPTS;
use crate::trace::Tightened;

/// The columns of tables that patterns fit, and the places of the patterns that fit none. What
/// a partition has from a table that is among them is tightened with that.
pub(super) fn columns(
    catalog: &Catalog,
    patterns: &[Spanned<String>],
) -> (Vec<(String, String)>, Vec<usize>) {
    let tables = catalog.objects.iter().filter(|(identity, table)| {
        identity.kind() == "table" && table.get("kind") != Some("foreign")
    });
    let mut found = Vec::new();
    let mut fits = vec![false; patterns.len()];
    for (table, object) in tables {
        for (column, _) in catalog.columns(table.name()) {
            let mut is_wanted = false;
            for (pattern, fits) in patterns.iter().zip(&mut fits) {
                if fits_column(pattern.get_ref(), table.name(), column.short_name()) {
                    (*fits, is_wanted) = (true, true);
                }
            }
            if is_wanted {
                let parent = object.get("partition of").map(str::to_owned);
                found.push((table.name().to_owned(), column.short_name().to_owned(), parent));
            }
        }
    }
    let is_among = |parent: &String, column: &String| {
        found.iter().any(|(table, other, _)| (table, other) == (parent, column))
    };
    let columns = found.iter().filter(|(_, column, parent)| {
        !parent.as_ref().is_some_and(|parent| is_among(parent, column))
    });
    let columns = columns.map(|(table, column, _)| (table.clone(), column.clone())).collect();
    let idle = fits.iter().enumerate().filter(|(_, fits)| !**fits).map(|(place, _)| place);
    (columns, idle.collect())
}

/// Counts the NULLs of columns, and makes each NOT NULL, if Postgres lets us.
pub(super) async fn play(
    stage: &Stage<'_>,
    scratch: &Scratch,
    columns: Vec<(String, String)>,
) -> Result<Vec<Tightened>> {
    let nulls = Nulls::read(&mut scratch.admin().await?, &columns).await?;
    let mut player = Player::connect_by(stage, scratch, SCRIPTS).await?;
    let mut tightened = Vec::new();
    for ((table, column), nulls) in columns.into_iter().zip(nulls) {
        let refusal = player.keep_book(&statement(&table, &column)).await?.err();
        tightened.push(Tightened { table, column, nulls, refusal });
    }
    Ok(tightened)
}

/// Makes those columns of another copy NOT NULL that could be.
pub(super) async fn again(
    stage: &Stage<'_>,
    scratch: &Scratch,
    columns: &[Tightened],
) -> Result<()> {
    let mut player = Player::connect_by(stage, scratch, SCRIPTS).await?;
    for it in columns.iter().filter(|it| it.refusal.is_none()) {
        // It has succeeded before, and what if not is seen in what is told of the copy.
        let _ = player.keep_book(&statement(&it.table, &it.column)).await?;
    }
    Ok(())
}

fn statement(table: &str, column: &str) -> String {
    format!("ALTER TABLE {table} ALTER COLUMN {column} SET NOT NULL")
}
