//! What was recorded of a squash, and of what a new migration does to what is merged.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use super::{Boot, Failure, Populated, Sown, State};
use crate::catalog::Comparison;
use crate::rows::{Detail, Position};

/// The squashed chain and its baseline, each played on an empty database.
#[derive(Debug)]
pub(crate) struct Squashed {
    /// The first boot of the side that the project itself is not.
    pub(crate) other: Boot,
    /// How the rollout was played on what the squashed chain has made, if there is one.
    pub(crate) rollout: Option<Way>,
    /// If both sides come to their end.
    pub(crate) compared: Option<BothSides>,
    /// The boot after the one with the baseline, if nobody else plays it.
    pub(crate) again: Option<NextBoot>,
    /// Migrations that were squashed, by the versions that the ledger names after a boot with the
    /// baseline.
    pub(crate) recorded: Vec<String>,
    pub(crate) duration: Duration,
    /// Where a kept database is found.
    pub(crate) kept: Option<String>,
}

/// A rollout, and the boot with the baseline's migrations after it.
#[derive(Debug)]
pub(crate) struct Way {
    pub(crate) failures: Vec<Failure>,
    /// If the rollout succeeded.
    pub(crate) boot: Option<Boot>,
}

impl Way {
    pub(crate) fn succeeded(&self) -> bool {
        self.boot.as_ref().is_some_and(Boot::succeeded)
    }
}

/// What the squashed chain has made, if there is a rollout with that too, beside what the baseline
/// has made; the ledgers and what is left over aside.
#[derive(Debug)]
pub(crate) struct BothSides {
    /// Left is the chain.
    pub(crate) comparison: Comparison,
    /// Tables that both have, with other rows.
    pub(crate) rows: Vec<UnlikeRows>,
    /// Sequences that both have, at other positions.
    pub(crate) sequences: Vec<UnlikePosition>,
    /// What was not compared of tables that are not the same.
    pub(crate) anew: FilledAnew,
    /// The patterns of leftovers that fit nothing, by their places.
    pub(crate) idle_leftovers: Vec<usize>,
}

/// A table whose rows are not the same on both sides.
#[derive(Debug)]
pub(crate) struct UnlikeRows {
    pub(crate) table: String,
    /// How many there are, with the chain and with the baseline.
    pub(crate) counts: (u64, u64),
    /// The rows of a small table, with all of their columns.
    pub(crate) details: Option<(Detail, Detail)>,
}

/// What no two plays of the chain fill with the same values.
#[derive(Debug, Default)]
pub(crate) struct FilledAnew {
    /// Columns, by table.
    pub(crate) columns: BTreeMap<String, Vec<String>>,
    /// The rows of another play of the chain, of small tables whose keys are none of these columns.
    pub(crate) again: BTreeMap<String, Detail>,
    /// Tables of which not even the number of rows is the same.
    pub(crate) tables: BTreeSet<String>,
    /// Whether only the defaults of columns tell it, because the chain could not be played twice.
    pub(crate) is_guessed: bool,
}

impl FilledAnew {
    pub(crate) fn has(&self, table: &str, column: &str) -> bool {
        self.columns.get(table).is_some_and(|columns| columns.iter().any(|it| it == column))
    }
}

/// A sequence that doesn't go on where the chain's would.
#[derive(Debug)]
pub(crate) struct UnlikePosition {
    pub(crate) sequence: String,
    /// With the chain, and with the baseline.
    pub(crate) positions: (Position, Position),
    /// How many rows the table has to which it belongs, with the baseline.
    pub(crate) count: u64,
}

/// A boot that should have nothing to do.
#[derive(Debug)]
pub(crate) struct NextBoot {
    pub(crate) boot: Boot,
    /// What it found, and what it left; the latter if it succeeded.
    pub(crate) before: State,
    pub(crate) after: Option<State>,
    pub(crate) duration: Duration,
}

/// A rollout, and the way back, on what the squashed chain made, filled with rows.
#[derive(Debug, Default)]
pub(crate) struct RolledOut {
    /// Why nothing was played, if a side can't be made.
    pub(crate) unplayed: Option<String>,
    /// What the tools of both sides keep for themselves, where no rows are put.
    pub(crate) bookkeeping: BTreeSet<String>,
    pub(crate) populated: Populated,
    pub(crate) before: Moment,
    /// Where the rollout has led, beside what the baseline makes.
    pub(crate) arrival: Arrival,
    /// The next boot, with the baseline in place of the chain.
    pub(crate) next_boot: Option<(Boot, State)>,
    /// The rollout where it has nothing to do.
    pub(crate) trials: Vec<Trial>,
    /// If there is a rollback, and the rollout succeeded.
    pub(crate) rollback: Option<RolledBack>,
    pub(crate) duration: Duration,
}

/// Where a rollout or a rollback has led.
#[derive(Debug, Default)]
pub(crate) struct Arrival {
    /// What stopped it; then nothing is compared.
    pub(crate) failures: Vec<Failure>,
    /// What it left, even if it failed.
    pub(crate) after: Moment,
    /// From what there should be to what there is, the ledger among it.
    pub(crate) schema: Comparison,
    /// The ledger's tables, where the tool keeps one.
    pub(crate) ledger: Vec<LedgerTable>,
}

/// What a database holds at one moment.
#[derive(Debug, Clone, Default)]
pub(crate) struct Moment {
    pub(crate) state: State,
    /// The rows of all tables that are not too large.
    pub(crate) details: BTreeMap<String, Detail>,
}

/// A table of a ledger, without columns that no two boots fill alike.
#[derive(Debug)]
pub(crate) struct LedgerTable {
    pub(crate) name: String,
    /// What should be there.
    pub(crate) expected: Detail,
    /// What is there; nothing if the table isn't.
    pub(crate) found: Option<Detail>,
}

/// A rollout or a rollback where it should not go through, or should change nothing.
#[derive(Debug)]
pub(crate) struct Trial {
    pub(crate) ground: Ground,
    pub(crate) failures: Vec<Failure>,
    /// What it found, and what it left; nothing if it failed where it can't have left anything.
    pub(crate) states: Option<[State; 2]>,
    /// The files that the tool would run at the next boot, where that could be another one than
    /// before.
    pub(crate) pending: Vec<String>,
    /// If files have run between the rollout and this.
    pub(crate) since: Option<Since>,
}

/// What has come after a rollout.
#[derive(Debug)]
pub(crate) struct Since {
    /// What the rollout had left.
    pub(crate) rolled_out: State,
    /// The names of the files that have run on it.
    pub(crate) files: Vec<String>,
}

/// Where a rollout or a rollback has nothing to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ground {
    /// Where it has been already.
    Again,
    /// A rollout, on what a first boot from the baseline made, and the files after it.
    NewDatabase,
    /// A rollout, on what the squashed chain made but for its last file.
    Behind,
    /// A rollback, on what the squashed chain made.
    NotRolledOut,
    /// A rollback, where the files after the baseline have run since the rollout.
    Ahead,
}

/// The way back.
#[derive(Debug)]
pub(crate) struct RolledBack {
    /// Where it has led, beside what was there before the rollout.
    pub(crate) arrival: Arrival,
    /// The rollout once more after it, if it succeeded.
    pub(crate) retry: Option<Retry>,
    /// The rollback where it has nothing to do, if it has succeeded where it has.
    pub(crate) trials: Vec<Trial>,
}

/// A rollout after a rollback.
#[derive(Debug)]
pub(crate) struct Retry {
    /// What the rollback has left. If tables are among it that were not there before the first
    /// rollout, more rows have come since then.
    pub(crate) before: Moment,
    /// Beside what the baseline makes.
    pub(crate) arrival: Arrival,
}

/// The chain as it is merged, with its seeds, and then the new files.
#[derive(Debug)]
pub(crate) struct Upgraded {
    /// The first boot of the chain that is merged.
    pub(crate) merged: Boot,
    /// The seeds after it, up to one that failed.
    pub(crate) seeds: Vec<Sown>,
    /// The boot with the new files, if there was something to boot on.
    pub(crate) boot: Option<Boot>,
    /// From what a first boot makes of all files to what is there now, if that boot succeeded.
    pub(crate) comparison: Option<Comparison>,
    pub(crate) duration: Duration,
    /// Where a kept database is found.
    pub(crate) kept: Option<String>,
}
