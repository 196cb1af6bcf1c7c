//! A schema that is committed as a dump, played as `diff` plays one, and compared with what the
//! chain has made, its ledger too, if the dump has rows for it. Judges nothing.

use std::collections::BTreeSet;
use std::time::Instant;

use sqlx::PgConnection;

use super::{Played, Rehearsal, Subject};
use crate::acts::{self, FirstBoot, applied};
use crate::catalog::{Belongings, Catalog, Without};
use crate::server::{News, Server, Silence};
use crate::source::Project;
use crate::trace::{Act, Dumped, DumpedLedger};
use crate::{Error, Result};

/// What the first lines of a file say that `pg_dump` wrote.
const OF_PG_DUMP: &str = "-- PostgreSQL database dump";

impl Rehearsal<'_> {
    /// The project's dump beside what its chain has made, the tool's ledger aside.
    pub(super) async fn dumped(
        &self,
        server: &Server,
        project: &Project,
        (made, ledger): (&Catalog, Option<Belongings>),
        news: &dyn News,
    ) -> Result<Option<Dumped>> {
        let Some(path) = &project.config.dump.path else { return Ok(None) };
        let begun = Instant::now();
        news.begin(Act::Dump.name());
        let location = project.root.join(path.get_ref());
        let text = std::fs::read_to_string(&location).map_err(|error| {
            Error::new(format!("failed to read {}", location.display()))
                .caused_by(error)
                .help("name the dump as `path` under [dump], relative to the project")
        })?;
        let postgres = Some(Box::new(project.config.postgres.clone()));
        let mut file = Self { root: location, subject: Subject::File(postgres), ..self.clone() };
        file.versions = vec![server.version().major.to_string()];
        let played = match Box::pin(file.clone().played(news)).await {
            // What only a superuser can do is done on a server that nobody else has.
            Err(_) if !server.is_guest() => Box::pin(file.played_alone(news)).await,
            played => played,
        };
        let Played { database, notes, .. } = match played {
            Ok(played) => played,
            Err(error) => {
                return Ok(Some(Dumped {
                    comparison: Err(error.to_string()),
                    ledger: None,
                    notes: Vec::new(),
                    is_guest: server.is_guest(),
                    duration: begun.elapsed(),
                }));
            }
        };
        let mut reader = database.admin().await?;
        let mut dump = Catalog::read_from(&mut reader).await?;
        let recorded = match &ledger {
            Some(ledger) => self.recorded(server, project, ledger, &mut reader).await?,
            None => None,
        };
        // Whoever owns all of the one is taken for whoever owns all of the other.
        let (ours, theirs) = (made.owners(), dump.owners());
        if let ([ours], [theirs]) = (&*Vec::from_iter(ours), &*Vec::from_iter(theirs)) {
            dump.hand_over(theirs, ours);
        }
        let mut without = Without::default().and_ledger(ledger);
        if text.contains(OF_PG_DUMP) {
            without = without.and_beyond_a_dump(&dump, made);
        }
        let comparison = acts::compared(server, made, &dump, &without).await?;
        Ok(Some(Dumped {
            comparison: Ok(comparison),
            ledger: recorded.map(|ledger| DumpedLedger { text: text.into(), ..ledger }),
            notes,
            is_guest: server.is_guest(),
            duration: begun.elapsed(),
        }))
    }

    /// What a database that the dump has made says of the migrations that are applied, beside what
    /// the chain leaves there. Nothing if it says nothing, as a dump of the schema alone does.
    async fn recorded(
        &self,
        server: &Server,
        project: &Project,
        ledger: &Belongings,
        dump: &mut PgConnection,
    ) -> Result<Option<DumpedLedger>> {
        let table = ledger.table.clone();
        let theirs = applied(project, &table, dump).await.unwrap_or_default();
        let Some(ledger) = project.chain.ledger().filter(|_| !theirs.is_empty()) else {
            return Ok(None);
        };
        let stage = self.stage(server, project, &Silence);
        let FirstBoot { scratch, .. } = Box::pin(acts::first_boot(&stage)).await?;
        let mut surplus = Vec::new();
        // A chain that can be played only once is compared by what it would run.
        if let Some(scratch) = scratch {
            let ours = applied(project, &table, &mut scratch.admin().await?).await;
            server.drop_database(scratch).await?;
            let ours = ours.unwrap_or_default().into_iter().collect::<BTreeSet<_>>();
            surplus.extend(theirs.iter().filter(|entry| !ours.contains(*entry)).cloned());
        }
        let is_known = |entry: &String| {
            let is_it = |version: &str| entry.split(' ').any(|word| word == version);
            project.chain.migrations.iter().any(|migration| is_it(&migration.version))
        };
        surplus.retain(|entry| !is_known(entry));
        let pending = (ledger.pending)(&project.chain.migrations, &theirs);
        Ok(Some(DumpedLedger { table, applied: theirs, pending, surplus, text: "".into() }))
    }
}
