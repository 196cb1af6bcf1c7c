//! What an act recorded. Pure data: acts write it, checks read it, nobody connects to anything.

mod bootstrap;
mod populated;
mod seeding;
mod squash;
mod trials;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

pub(crate) use self::bootstrap::{
    Again, Author, Bootstrapped, Cut, Ending, Phase, Round, Stride, Tightened,
};
pub(crate) use self::populated::{Filled, Populated};
pub(crate) use self::seeding::{Look, Path, Seeding, Sowing, Sown};
pub(crate) use self::squash::{
    Arrival, BothSides, FilledAnew, Ground, LedgerTable, Moment, NextBoot, Retry, RolledBack,
    RolledOut, Since, Squashed, Trial, UnlikePosition, UnlikeRows, Upgraded, Way,
};
pub(crate) use self::trials::{Compared, Edit, Edited, Fate, Raced, Twin, Unlike};

use crate::catalog::{Catalog, Comparison};
use crate::rows::{self, Detail, Rows, Uncounted, Writes};

/// The scenarios.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Act {
    /// The first boot, on an empty database.
    Fresh,
    /// A second boot, on a copy of what the first one made.
    Rerun,
    /// Every file again, on a copy of what the first boot made.
    Replay,
    /// The seeds twice, on a copy of what the first boot made.
    Seed,
    /// The seeds once, on another copy of what the first boot made.
    Twin,
    /// The seeds twice at once.
    Race,
    /// The seeds again, after somebody has edited what they made.
    Edit,
    /// Seeds and post scripts, columns tightened, all of it once more, and cut off between phases.
    Bootstrap,
    /// The squashed chain and its baseline, beside each other.
    Baseline,
    /// The rollout, and the rollback, on what the squashed chain made, filled with rows.
    Rollout,
    /// The chain as it is merged, with its seeds, and then the new files.
    Upgrade,
    /// A dump of the schema that is committed beside the migrations.
    Dump,
}

impl Act {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Fresh => "first boot",
            Self::Rerun => "second boot",
            Self::Replay => "replay",
            Self::Seed => "seeding",
            Self::Twin => "seeding another database",
            Self::Race => "two seeders at once",
            Self::Edit => "seeding after edits",
            Self::Bootstrap => "bootstrap",
            Self::Baseline => "the squashed chain",
            Self::Rollout => "rollout",
            Self::Upgrade => "upgrade",
            Self::Dump => "dump",
        }
    }
}

/// The traces of one run on one server.
#[derive(Debug)]
pub(crate) struct Traces {
    pub(crate) fresh: Trace,
    pub(crate) rerun: Option<Trace>,
    pub(crate) replay: Option<Trace>,
    pub(crate) seeding: Option<Seeding>,
    pub(crate) twin: Option<Twin>,
    pub(crate) race: Option<Raced>,
    pub(crate) edit: Option<Edited>,
    /// Boxed, because it is much larger than all others.
    pub(crate) bootstrap: Option<Box<Bootstrapped>>,
    pub(crate) squashed: Option<Box<Squashed>>,
    pub(crate) rolled_out: Option<Box<RolledOut>>,
    pub(crate) upgraded: Option<Box<Upgraded>>,
    pub(crate) dumped: Option<Box<Dumped>>,
    /// The checks for which they were played, so that one may leave to another what that tells.
    pub(crate) judged: BTreeSet<&'static str>,
}

impl Traces {
    /// Those of a first boot after which nothing was played.
    pub(crate) fn of_fresh(fresh: Trace) -> Self {
        Self {
            fresh,
            rerun: None,
            replay: None,
            seeding: None,
            twin: None,
            race: None,
            edit: None,
            bootstrap: None,
            squashed: None,
            rolled_out: None,
            upgraded: None,
            dumped: None,
            judged: BTreeSet::new(),
        }
    }

    /// The trace of an act that boots.
    pub(crate) fn of(&self, act: Act) -> Option<&Trace> {
        match act {
            Act::Fresh => Some(&self.fresh),
            Act::Rerun => self.rerun.as_ref(),
            Act::Replay => self.replay.as_ref(),
            Act::Seed
            | Act::Twin
            | Act::Race
            | Act::Edit
            | Act::Bootstrap
            | Act::Baseline
            | Act::Rollout
            | Act::Upgrade
            | Act::Dump => None,
        }
    }

    /// How long an act took, if it was played.
    pub(crate) fn duration_of(&self, act: Act) -> Duration {
        let duration = match act {
            Act::Fresh | Act::Rerun | Act::Replay => self.of(act).map(|it| it.duration),
            Act::Seed => self.seeding.as_ref().map(|it| it.duration),
            Act::Twin => self.twin.as_ref().map(|it| it.duration),
            Act::Race => self.race.as_ref().map(|it| it.duration),
            Act::Edit => self.edit.as_ref().map(|it| it.duration),
            Act::Bootstrap => self.bootstrap.as_ref().map(|it| it.duration),
            Act::Baseline => self.squashed.as_ref().map(|it| it.duration),
            Act::Rollout => self.rolled_out.as_ref().map(|it| it.duration),
            Act::Upgrade => self.upgraded.as_ref().map(|it| it.duration),
            Act::Dump => self.dumped.as_ref().map(|it| it.duration),
        };
        duration.unwrap_or_default()
    }

    /// The databases that were kept for a look, by the act that failed there.
    pub(crate) fn kept(&self) -> Vec<(&'static str, String)> {
        let boots = [Act::Fresh, Act::Rerun, Act::Replay];
        let boots =
            boots.into_iter().map(|act| (act, self.of(act).and_then(|it| it.kept.as_ref())));
        let others = [
            (Act::Seed, self.seeding.as_ref().and_then(|it| it.kept.as_ref())),
            (Act::Bootstrap, self.bootstrap.as_ref().and_then(|it| it.kept.as_ref())),
            (Act::Baseline, self.squashed.as_ref().and_then(|it| it.kept.as_ref())),
            (Act::Upgrade, self.upgraded.as_ref().and_then(|it| it.kept.as_ref())),
        ];
        let kept = boots.chain(others);
        kept.filter_map(|(act, url)| Some((act.name(), url?.clone()))).collect()
    }
}

/// What a dump of the schema makes, beside what the chain makes.
#[derive(Debug)]
pub(crate) struct Dumped {
    /// Left is the chain; or why the dump could not be played.
    pub(crate) comparison: Result<Comparison, String>,
    /// The rows that it has for the tool's ledger, if it has any.
    pub(crate) ledger: Option<DumpedLedger>,
    /// What had to be done so that it could be played and compared.
    pub(crate) notes: Vec<String>,
    /// Whether it was played on somebody else's server, where not everything can be.
    pub(crate) is_guest: bool,
    pub(crate) duration: Duration,
}

/// What a dump says of the migrations that are applied.
#[derive(Debug)]
pub(crate) struct DumpedLedger {
    /// The table's qualified name.
    pub(crate) table: String,
    /// What it says, as the tool reads it.
    pub(crate) applied: Vec<String>,
    /// The places of the migrations that a boot runs where the dump was loaded; or why the tool
    /// refuses to.
    pub(crate) pending: Result<Vec<usize>, String>,
    /// Rows that the chain doesn't leave.
    pub(crate) surplus: Vec<String>,
    /// The dump's text.
    pub(crate) text: Arc<str>,
}

/// How the schema that the chain makes on one version differs from what it makes on the newest.
#[derive(Debug)]
pub(crate) struct Drift {
    /// The newest version that was played.
    pub(crate) newest: String,
    /// From that to this one. Nothing if they are the same.
    pub(crate) comparison: Comparison,
}

/// What one act recorded.
#[derive(Debug)]
pub(crate) struct Trace {
    pub(crate) boot: Boot,
    /// What was there before; recorded of a first boot that only the database tells about.
    pub(crate) begin: Option<State>,
    /// What the act left behind; absent if it could not come to its end.
    pub(crate) end: Option<State>,
    /// What was written meanwhile, where it can be counted. Rolled back writes count.
    pub(crate) writes: Result<Writes, Uncounted>,
    /// The rows of small tables that the act changed, before and after, by the table's name.
    pub(crate) details: BTreeMap<String, (Detail, Detail)>,
    /// How the state was reached, file by file; recorded by a replay that changed something.
    pub(crate) path: Vec<(usize, State)>,
    pub(crate) duration: Duration,
    /// Where a kept database is found.
    pub(crate) kept: Option<String>,
}

/// One run of the migration runner.
#[derive(Debug, Default)]
pub(crate) struct Boot {
    /// The pre scripts of the bootstrap, where the boot begins with them.
    pub(crate) pre: Vec<Sown>,
    /// The files that ran, in order.
    pub(crate) steps: Vec<Step>,
    /// Why the tool refused to go on, or what failed in its own bookkeeping.
    pub(crate) refusal: Option<String>,
    /// The ledger's qualified name, if the boot goes by one.
    pub(crate) ledger: Option<String>,
    /// How the runner ended, if it is one that keeps to itself what it does.
    pub(crate) opaque: Option<Opaque>,
    /// Whether it was interrupted, for somebody who goes on later.
    pub(crate) is_paused: bool,
}

impl Boot {
    /// Whether no file has left anything in its session.
    pub(crate) fn is_clean(&self) -> bool {
        self.steps.iter().all(|step| step.leaks.is_empty() && step.failures.is_empty())
    }

    pub(crate) fn succeeded(&self) -> bool {
        self.pre.iter().all(Sown::succeeded)
            && self.refusal.is_none()
            && self.failures().next().is_none()
            && self.opaque.as_ref().is_none_or(|opaque| opaque.ended == Ended::Well)
    }

    pub(crate) fn failures(&self) -> impl Iterator<Item = (usize, &Failure)> {
        self.steps
            .iter()
            .flat_map(|step| step.failures.iter().map(|failure| (step.migration, failure)))
    }
}

/// The end of a runner that keeps to itself what it does.
#[derive(Debug)]
pub(crate) struct Opaque {
    /// What people call it.
    pub(crate) name: String,
    pub(crate) ended: Ended,
    /// What it said on the way: printable, and the middle left out if it was much.
    pub(crate) said: String,
    /// Whether something that it had started went on after its end, and had to be ended.
    pub(crate) went_on: bool,
}

/// How a runner ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ended {
    Well,
    /// By itself, with an exit status other than 0.
    Status(i32),
    /// It returned an error.
    InError,
    /// It panicked.
    Panicked,
    /// By a signal that was none of ours.
    Signal(i32),
    /// By us, at the limit.
    TimedOut {
        limit: Duration,
    },
}

/// One file, executed.
#[derive(Debug)]
pub(crate) struct Step {
    /// Its place in the chain.
    pub(crate) migration: usize,
    /// Empty if it succeeded. A replay also looks which later statements would have failed.
    pub(crate) failures: Vec<Failure>,
    /// What it left behind in its session.
    pub(crate) leaks: Vec<Leak>,
}

/// What Postgres said, and to what.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Failure {
    pub(crate) at: Point,
    /// The byte of the file to which Postgres points.
    pub(crate) offset: Option<usize>,
    pub(crate) cause: Cause,
    /// Empty where it wasn't Postgres that ended the matter.
    pub(crate) sqlstate: String,
    pub(crate) message: String,
    pub(crate) detail: Option<String>,
    pub(crate) hint: Option<String>,
    /// Where in a function or DO block, in Postgres's words.
    pub(crate) context: Option<String>,
    /// The column that Postgres names.
    pub(crate) column: Option<String>,
}

impl Failure {
    /// What was said: by Postgres, with its code.
    pub(crate) fn words(&self) -> String {
        match self.sqlstate.as_str() {
            "" => self.message.clone(),
            sqlstate => format!("{sqlstate}: {}", self.message),
        }
    }

    /// A failure of which Postgres has said nothing.
    pub(crate) fn new(at: Point, cause: Cause, message: impl Into<String>) -> Self {
        Self {
            at,
            cause,
            offset: None,
            sqlstate: String::new(),
            message: message.into(),
            detail: None,
            hint: None,
            context: None,
            column: None,
        }
    }
}

/// Who, or what, ended the matter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Cause {
    /// Postgres answered with an error.
    Postgres,
    /// It was our limit.
    TimedOut,
    /// The connection broke.
    Disconnected,
    /// COPY wanted data, and this tool sends none.
    NoCopyData,
    /// The file ended the tool's transaction, and the tool refuses to go on.
    LostTransaction,
    /// A file left a transaction open, and the tool refuses to begin its own.
    OpenTransaction,
}

/// Where in a file something failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Point {
    /// In a statement, by its index in the file.
    Statement(usize),
    /// At the end: the commit, where deferred constraints are checked.
    Commit,
    /// In the tool's own bookkeeping around the file.
    Ledger,
    /// After the file, which left a session that answers no more.
    Session,
}

/// A database's schema and data at one moment.
#[derive(Debug, Clone, Default)]
pub(crate) struct State {
    pub(crate) catalog: Catalog,
    pub(crate) rows: Rows,
}

impl State {
    pub(crate) fn is_same_as(&self, other: &Self) -> bool {
        self.catalog == other.catalog && rows::diff(&self.rows, &other.rows).is_empty()
    }
}

/// What a session has that a new one has not.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Session {
    /// Those that were set in the session.
    pub(crate) settings: BTreeMap<String, Setting>,
    pub(crate) belongings: BTreeSet<Belonging>,
    pub(crate) transaction: Transaction,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Setting {
    /// In the unit of the server.
    pub(crate) value: String,
    /// As SHOW tells it.
    pub(crate) shown: String,
    /// What it would be if nobody had set it, in the unit of the server.
    pub(crate) default: String,
}

/// What belongs to a session and ends with it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Belonging {
    /// A temporary table, view or sequence; the kind as DROP wants it.
    Temporary {
        kind: String,
        name: String,
    },
    /// The numbers by which it was taken.
    AdvisoryLock {
        numbers: String,
    },
    PreparedStatement {
        name: String,
    },
    /// Of LISTEN.
    Channel {
        name: String,
    },
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum Transaction {
    #[default]
    None,
    Open,
    Aborted,
}

/// One thing that a file left behind in its session.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Leak {
    Setting { name: String, before: String, after: String },
    Belonging(Belonging),
    Transaction(Transaction),
}

impl Session {
    /// What is there now and wasn't before.
    pub(crate) fn leaks_since(&self, before: &Self) -> Vec<Leak> {
        let mut names = self.settings.keys().chain(before.settings.keys()).collect::<Vec<_>>();
        names.sort();
        names.dedup();
        let settings = names.into_iter().filter_map(|name| {
            let (then, now) = (before.settings.get(name), self.settings.get(name));
            let default = &now.or(then)?.default;
            let value = |setting: Option<&Setting>| setting.map_or(default, |it| &it.value).clone();
            let shown = |setting: Option<&Setting>| setting.map_or(default, |it| &it.shown).clone();
            (value(then) != value(now)).then(|| Leak::Setting {
                name: name.clone(),
                before: shown(then),
                after: shown(now),
            })
        });
        let belongings = self
            .belongings
            .difference(&before.belongings)
            .map(|belonging| Leak::Belonging(belonging.clone()));
        let transaction = Some(self.transaction)
            .filter(|now| *now != Transaction::None && *now != before.transaction)
            .map(Leak::Transaction);
        settings.chain(belongings).chain(transaction).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn session(settings: &[(&str, &str, &str)]) -> Session {
        let settings = settings.iter().map(|(name, value, default)| {
            let value = (*value).to_owned();
            let setting = Setting { shown: value.clone(), value, default: (*default).to_owned() };
            ((*name).to_owned(), setting)
        });
        Session { settings: settings.collect(), ..Session::default() }
    }

    fn check(
        before: &[(&str, &str, &str)],
        after: &[(&str, &str, &str)],
        expected: &[(&str, &str, &str)],
    ) {
        let expected = expected.iter().map(|(name, before, after)| Leak::Setting {
            name: (*name).to_owned(),
            before: (*before).to_owned(),
            after: (*after).to_owned(),
        });
        let leaks = session(after).leaks_since(&session(before));
        assert_eq!(leaks, expected.collect::<Vec<_>>());
    }

    #[test]
    fn a_setting_leaks_when_its_value_is_another_than_before() {
        check(&[], &[("search_path", "", "public")], &[("search_path", "public", "")]);
        check(&[("a", "1", "0")], &[("a", "2", "0")], &[("a", "1", "2")]);
        check(&[("a", "1", "0")], &[], &[("a", "1", "0")]);
        check(&[("a", "1", "0")], &[("a", "1", "0")], &[]);
        // pg_dump sets many things to what they are anyway.
        check(&[], &[("statement_timeout", "0", "0")], &[]);
    }

    #[test]
    fn a_transaction_that_stays_open_leaks_once() {
        let open = Session { transaction: Transaction::Open, ..Session::default() };
        let leak = [Leak::Transaction(Transaction::Open)];
        assert_eq!(open.leaks_since(&Session::default()), leak);
        assert_eq!(open.leaks_since(&open), []);
    }
}
