//! One migration as its tool carries it out: part after part, each with the transaction that the
//! tool opens for it, and with the ledger's own statements around it.

use super::session::{Player, Thoroughness};
use crate::Result;
use crate::source::{Home, Ledger, Migration, Part};
use crate::trace::{Failure, Leak};

/// The ledger that a boot keeps, and where it is.
pub(super) struct Book<'a> {
    pub(super) ledger: &'a Ledger,
    pub(super) home: Home,
    /// Whether one transaction holds the whole boot.
    pub(super) one_transaction: bool,
}

/// What came of a migration.
#[derive(Default)]
pub(super) struct Played {
    pub(super) failures: Vec<Failure>,
    /// Looked for only where a ledger is kept: whoever keeps none can look afterwards.
    pub(super) leaks: Vec<Leak>,
}

impl Played {
    pub(super) fn succeeded(&self) -> bool {
        self.failures.is_empty()
    }

    /// Takes over what is left behind, or why that can't be known any more.
    pub(super) async fn look(&mut self, player: &mut Player<'_>) -> Result<()> {
        match player.leaks().await? {
            Ok(leaks) => self.leaks.extend(leaks),
            Err(failure) if self.succeeded() => self.failures.push(failure),
            Err(_) => {}
        }
        Ok(())
    }
}

/// Plays a migration's parts until one fails.
pub(super) async fn play(
    player: &mut Player<'_>,
    migration: &Migration,
    how: Thoroughness,
    book: Option<&Book<'_>>,
) -> Result<Played> {
    let mut end = Played::default();
    if let Some(book) = book {
        end.failures.extend(open_entry(player, migration, book).await?);
    }
    for part in &migration.parts {
        if end.succeeded() {
            play_part(player, migration, part, how, book, &mut end).await?;
        }
    }
    if end.succeeded() {
        end.failures.extend(player.restore().await?);
    }
    Ok(end)
}

/// Opens what the tool's own session does about a migration, before that is played.
pub(super) async fn open_entry(
    clerk: &mut Player<'_>,
    migration: &Migration,
    Book { ledger, home, .. }: &Book<'_>,
) -> Result<Vec<Failure>> {
    let Some(before) = ledger.before else { return Ok(Vec::new()) };
    Ok(clerk.keep_book(&before(home, migration)).await?.err().into_iter().collect())
}

/// Writes what the tool's own session does about a migration, after that was played in another one.
pub(super) async fn close_entry(
    clerk: &mut Player<'_>,
    migration: &Migration,
    book: &Book<'_>,
) -> Result<Vec<Failure>> {
    let mut failures = Vec::from_iter(record(clerk, migration, book).await?.err());
    if failures.is_empty() {
        failures.extend(finish(clerk, migration, book).await?);
    }
    Ok(failures)
}

/// Sends what the tool sends when a migration's row is written.
async fn finish(
    player: &mut Player<'_>,
    migration: &Migration,
    Book { ledger, home, .. }: &Book<'_>,
) -> Result<Option<Failure>> {
    let Some(finally) = ledger.finally else { return Ok(None) };
    Ok(player.keep_book(&finally(home, migration)).await?.err())
}

async fn play_part(
    player: &mut Player<'_>,
    migration: &Migration,
    part: &Part,
    how: Thoroughness,
    book: Option<&Book<'_>>,
    end: &mut Played,
) -> Result<()> {
    let begin = part.begin.filter(|_| book.is_none_or(|book| !book.one_transaction));
    if let Some(begin) = begin {
        end.failures.extend(player.keep_book(begin).await?.err());
    }
    if end.succeeded() {
        end.failures.extend(player.play(&migration.file, part, how).await?);
    }
    // What a file leaves in the tool's transaction is seen when that has ended. Without one it is
    // looked for at once: the ledger's own COMMIT would end a transaction that the file left open.
    let looks = book.is_some();
    if looks && begin.is_none() {
        end.look(player).await?;
    }
    if let Some(book) = book
        && end.succeeded()
    {
        end.failures.extend(record(player, migration, book).await?.err());
    }
    if begin.is_some() {
        if end.succeeded() {
            end.failures.extend(player.commit(&migration.file, part).await?);
        }
        if looks {
            end.look(player).await?;
        }
    }
    if let Some(book) = book
        && end.succeeded()
    {
        end.failures.extend(finish(player, migration, book).await?);
    }
    Ok(())
}

/// Writes the ledger's row, where the tool would look for its table now.
async fn record(
    player: &mut Player<'_>,
    migration: &Migration,
    Book { ledger, home, .. }: &Book<'_>,
) -> Result<Result<(), Failure>> {
    let mut home = home.clone();
    if ledger.asks_again {
        match player.read_book(ledger.home).await? {
            Ok(names) => home.schema = names.into_iter().next().unwrap_or(home.schema),
            Err(failure) => return Ok(Err(failure)),
        }
    }
    player.keep_book(&(ledger.after)(&home, migration)).await
}
