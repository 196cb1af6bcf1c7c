//! One run of the migration runner: of the project's own, or of the files, one after the other,
//! through the ledger where there is one.

use std::time::Instant;

use super::session::Thoroughness;
use super::{Book, Played, Player, Stage, closure, command, migration};
use crate::Result;
use crate::server::Scratch;
use crate::source::{Home, Ledger, Migration, Runner, Sessions};
use crate::sql::literal;
use crate::trace::{Act, Boot, Failure, Point, Step};

/// Which part of a boot is played.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Course {
    /// How many files the database has already.
    pub(super) from: usize,
    /// Before which file the boot is interrupted, if it comes there after that moment, and with a
    /// session in which no file has left anything.
    pub(super) pause: Option<(usize, Instant)>,
}

impl Course {
    /// Whether the boot is to be interrupted before a file. The first one opens it.
    fn pauses(self, boot: &Boot, next: usize) -> bool {
        let here = |(file, moment)| next == file && Instant::now() >= moment;
        self.pause.is_some_and(here) && !boot.steps.is_empty() && boot.is_clean()
    }
}

/// Boots the project on a database, as its tool does. A failure ends the boot.
pub(super) async fn boot<'a>(stage: &'a Stage<'a>, scratch: &Scratch, act: Act) -> Result<Boot> {
    boot_in_part(stage, scratch, act, Course::default()).await
}

/// The same, as far as it is wanted.
pub(super) async fn boot_in_part<'a>(
    stage: &'a Stage<'a>,
    scratch: &Scratch,
    act: Act,
    course: Course,
) -> Result<Boot> {
    let opaque = match (&stage.project.chain.runner, stage.closure) {
        (_, Some(closure)) => closure::run(stage, scratch, closure).await?,
        (Runner::Command { line, .. }, None) => command::run(stage, scratch, line).await?,
        (Runner::Files | Runner::Closure, None) => return files(stage, scratch, act, course).await,
    };
    Ok(Boot { opaque: Some(opaque), ..Boot::default() })
}

async fn files<'a>(
    stage: &'a Stage<'a>,
    scratch: &Scratch,
    act: Act,
    course: Course,
) -> Result<Boot> {
    let mut player = Player::connect(stage, scratch).await?;
    match stage.project.chain.ledger() {
        Some(ledger) => through_ledger(stage, scratch, &mut player, ledger, act, course).await,
        None => every_file(stage, scratch, player, act, course).await,
    }
}

async fn through_ledger<'a>(
    stage: &'a Stage<'a>,
    scratch: &Scratch,
    player: &mut Player<'a>,
    ledger: &Ledger,
    act: Act,
    course: Course,
) -> Result<Boot> {
    let migrations = &stage.project.chain.migrations;
    let mut boot = Boot::default();
    let Open { home, table, pending } = match open(player, ledger, stage).await? {
        Ok(open) => open,
        Err(refusal) => return Ok(Boot { refusal: Some(refusal), ..boot }),
    };
    boot.ledger = Some(table);
    let one_transaction =
        stage.project.chain.format.boot_transaction.filter(|_| !pending.is_empty());
    if let Some(begin) = one_transaction {
        if let Err(failure) = player.keep_book(begin).await? {
            return Ok(Boot { refusal: Some(failure.words()), ..boot });
        }
        player.settle().await?;
    }
    let how = Thoroughness::UntilFailure;
    let ledger_kept = Book { ledger, home, one_transaction: one_transaction.is_some() };
    let mut files = None;
    let count = pending.len();
    for (done, index) in pending.into_iter().enumerate() {
        if course.pauses(&boot, index) {
            return Ok(Boot { is_paused: true, ..boot });
        }
        let migration = &migrations[index];
        let Played { failures, leaks } = match stage.project.chain.format.sessions {
            Sessions::PerBoot => {
                migration::play(player, migration, how, Some(&ledger_kept)).await?
            }
            Sessions::PerFile | Sessions::Beside { .. } => {
                apart(stage, scratch, player, &mut files, migration, &ledger_kept).await?
            }
        };
        let failed = !failures.is_empty();
        boot.steps.push(Step { migration: index, failures, leaks });
        stage.progress.played(act, done + 1, count);
        if failed {
            return Ok(boot);
        }
    }
    if one_transaction.is_some()
        && let Err(failure) = player.keep_book("COMMIT").await?
        && let Some(last) = boot.steps.last_mut()
    {
        last.failures.push(Failure { at: Point::Commit, ..failure });
    }
    Ok(boot)
}

/// Plays a migration in another session than that of the ledger. What a file leaves open is gone
/// with its session before the row is written, unless the session stays for all `files`.
async fn apart<'a>(
    stage: &'a Stage<'a>,
    scratch: &Scratch,
    clerk: &mut Player<'_>,
    files: &mut Option<Player<'a>>,
    migration: &Migration,
    book: &Book<'_>,
) -> Result<Played> {
    let failures = migration::open_entry(clerk, migration, book).await?;
    let mut end = Played { failures, ..Played::default() };
    if end.succeeded() {
        let mut player = match files.take() {
            Some(player) => player,
            None => Player::connect(stage, scratch).await?,
        };
        end = migration::play(&mut player, migration, Thoroughness::UntilFailure, None).await?;
        end.look(&mut player).await?;
        if stage.project.chain.format.sessions != Sessions::PerFile {
            *files = Some(player);
        }
    }
    if end.succeeded() {
        end.failures.extend(migration::close_entry(clerk, migration, book).await?);
    }
    Ok(end)
}

/// A ledger that was found or made.
struct Open {
    home: Home,
    /// Its table, with the schema.
    table: String,
    /// What it doesn't have, by the places in the chain.
    pending: Vec<usize>,
}

/// Finds or makes the ledger, and reads what is pending; or says why the tool refuses.
async fn open(
    player: &mut Player<'_>,
    ledger: &Ledger,
    stage: &Stage<'_>,
) -> Result<Result<Open, String>> {
    let settings = stage.project.chain.settings.clone();
    if let Err(failure) = prepare(player, stage).await? {
        return Ok(Err(failure.words()));
    }
    let schema = player.read_book(ledger.home).await?;
    let schema = match schema.map(|names| names.into_iter().next()) {
        Ok(Some(schema)) => schema,
        // A table that has a name of its own may have the schema in it.
        Ok(None) if settings.table.is_some() => String::new(),
        Ok(None) => return Ok(Err("no schema of the search_path exists".to_owned())),
        Err(failure) => return Ok(Err(failure.words())),
    };
    let home = Home { schema, settings };
    if let Err(failure) = player.keep_book(&(ledger.ensure)(&home)).await? {
        return Ok(Err(failure.words()));
    }
    let applied = match player.read_book(&(ledger.applied)(&home)).await? {
        Ok(applied) => applied,
        Err(failure) => return Ok(Err(failure.words())),
    };
    let table = match &home.settings.table {
        None => format!("{home}.{}", ledger.table),
        Some(name) => match player.read_book(&place_of(name)).await? {
            Ok(places) => places.concat(),
            Err(failure) => return Ok(Err(failure.words())),
        },
    };
    let pending = (ledger.pending)(&stage.project.chain.migrations, &applied);
    Ok(pending.map(|pending| Open { home, table, pending }))
}

/// Sends what the project has sent first of all.
async fn prepare(player: &mut Player<'_>, stage: &Stage<'_>) -> Result<Result<(), Failure>> {
    for statement in &stage.project.chain.settings.prepare {
        if let Err(failure) = player.keep_book(statement).await? {
            return Ok(Err(failure));
        }
    }
    Ok(Ok(()))
}

/// Reads the schema and the name of a table, quoted.
fn place_of(table: &str) -> String {
    format!(
        "SELECT quote_ident(nspname) || '.' || quote_ident(relname) FROM pg_catalog.pg_class \
           JOIN pg_catalog.pg_namespace ON pg_namespace.oid = relnamespace \
          WHERE pg_class.oid = {}::regclass",
        literal(table)
    )
}

async fn every_file<'a>(
    stage: &'a Stage<'a>,
    scratch: &Scratch,
    mut player: Player<'a>,
    act: Act,
    course: Course,
) -> Result<Boot> {
    let chain = &stage.project.chain;
    let mut boot = Boot::default();
    if let Err(failure) = prepare(&mut player, stage).await? {
        return Ok(Boot { refusal: Some(failure.words()), ..boot });
    }
    for (index, migration) in chain.migrations.iter().enumerate().skip(course.from) {
        if course.pauses(&boot, index) {
            return Ok(Boot { is_paused: true, ..boot });
        }
        if !boot.steps.is_empty() && chain.format.sessions == Sessions::PerFile {
            player = Player::connect(stage, scratch).await?;
        }
        let how = Thoroughness::UntilFailure;
        let mut outcome = migration::play(&mut player, migration, how, None).await?;
        outcome.look(&mut player).await?;
        let failed = !outcome.succeeded();
        let Played { failures, leaks } = outcome;
        boot.steps.push(Step { migration: index, failures, leaks });
        stage.progress.played(act, index + 1, chain.migrations.len());
        if failed {
            break;
        }
    }
    Ok(boot)
}
