//! What the versions of one rehearsal have made, beside each other. Judges nothing.

use super::Rehearsal;
use crate::catalog::{self, Catalog, Without};
use crate::trace::Drift;

/// What the chain made on one version.
pub(super) struct Made {
    /// The version as it was asked for.
    pub(super) asked: Option<String>,
    /// The server's version.
    pub(super) postgres: String,
    /// Nothing where the chain does not apply.
    pub(super) schema: Option<Catalog>,
}

impl Rehearsal<'_> {
    /// Each version's schema beside that of the newest; or why there is nothing to compare.
    pub(super) async fn drifts(&self, made: &[Made]) -> Vec<Result<Drift, String>> {
        let applied = made.iter().filter(|made| made.schema.is_some()).count();
        let majors = made.iter().filter_map(|made| Some((made.schema.as_ref()?.major, made)));
        let newest = majors.max_by_key(|(major, _)| *major).map(|(_, made)| made);
        let mut drifts = Vec::new();
        // Where definitions that differ are made again: nowhere, as long as none does.
        let mut scratch = None;
        for Made { postgres, schema, .. } in made {
            if applied == 1 && schema.is_some() {
                drifts.push(Err("the chain applies on this version only, see `apply`".to_owned()));
                continue;
            }
            let (Some(schema), Some(Made { asked, postgres: newest, schema: Some(yardstick) })) =
                (schema, newest)
            else {
                let reason =
                    format!("the chain does not apply on Postgres {postgres}, see `apply`");
                drifts.push(Err(reason));
                continue;
            };
            let open = async || {
                let empty = match scratch.take() {
                    Some(empty) => empty,
                    None => self.empty_database(asked.as_deref()).await?,
                };
                scratch.insert(empty).admin().await
            };
            let comparison = catalog::compare(yardstick, schema, &Without::default(), open).await;
            let drift = comparison.map(|comparison| Drift { newest: newest.clone(), comparison });
            drifts.push(drift.map_err(|error| error.to_string()));
        }
        drifts
    }
}
