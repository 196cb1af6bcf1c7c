//! The seeds on another database, and if that is not like the first, on one more.

use std::time::Instant;

use super::super::super::beside::{compare, differing};
use super::sibling::Siblings;
use crate::Result;
use crate::trace::{Act, Compared, State, Twin};

/// Seeds a database, and compares it with what the seeds have made before.
pub(in super::super) async fn twin(siblings: &mut Siblings<'_>, seeded: &State) -> Result<Twin> {
    let stage = siblings.stage;
    stage.progress.begin(Act::Twin.name());
    let begin = Instant::now();
    let seeds = &stage.project.config.seeds;
    let mut compared = Compared::default();
    let mut tables = None;
    if let Some([first]) = siblings.first().await? {
        tables = Some(differing(&seeded.rows, &first.rows)).filter(|tables| !tables.is_empty());
    }
    if let Some(tables) = tables
        && let Some([first, second]) = siblings.first().await?
    {
        let aside = first.columns.aside(|table, column| seeds.ignores(table, column));
        compared = compare(first, second, &tables, &aside).await?;
    }
    Ok(Twin { failed: Vec::new(), compared, duration: begin.elapsed() })
}
