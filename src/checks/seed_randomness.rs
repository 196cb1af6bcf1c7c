//! # What it proves
//!
//! Two databases that are seeded afresh hold the same rows. Columns with a default that is another
//! value each time (`DEFAULT now()`, `DEFAULT gen_random_uuid()`) are put aside, with those that
//! refer to them; and so are the columns that `ignore_columns` under `[seeds]` names.
//!
//! # Why it matters
//!
//! Ids that seeds make up are other ones in each environment: a fixture, a link or a policy that
//! names one works on the machine where it was written. Without ORDER BY, the ids of an
//! `INSERT … SELECT` are dealt out in whatever order the rows came.
//!
//! # Example
//!
//! ```sql
//! INSERT INTO roles (id, name) VALUES (gen_random_uuid(), 'admin')
//! ON CONFLICT (name) DO NOTHING;
//! ```

use std::collections::BTreeMap;

use super::doer::{Deed, deeds_on, suspected};
use super::part::seeds_failed;
use super::sowing::{put_aside, unplayed};
use super::{Check, Finding, Judge, Usual, Verdict, without_seeds};
use crate::rows::RowChange;
use crate::source::Project;
use crate::sql::Kind;
use crate::trace::{Act, Compared, Traces, Unlike};

pub(super) const CHECK: Check = Check {
    name: "seed_randomness",
    level: |_| Usual::Warn,
    judge: Judge::Act { act: Act::Twin, spared: without_seeds, judge },
};

/// How many rows are told by their keys.
const KEYS_TOLD: usize = 3;

/// What tells the time.
const CLOCKS: &[&str] = &[
    "clock_timestamp",
    "current_date",
    "current_time",
    "current_timestamp",
    "localtime",
    "localtimestamp",
    "now",
    "statement_timestamp",
    "timeofday",
    "transaction_timestamp",
];

/// What is made up.
const DICE: &[&str] = &[
    "gen_random_bytes",
    "gen_random_uuid",
    "gen_salt",
    "pg_current_xact_id",
    "random",
    "random_normal",
    "txid_current",
    "uuid_generate_v1",
    "uuid_generate_v1mc",
    "uuid_generate_v4",
    "uuidv4",
    "uuidv7",
];

const UNORDERED_HELP: &str = "add ORDER BY to the SELECT, and the rows are numbered in the same \
                              order everywhere";

fn judge(project: &Project, traces: &Traces) -> Verdict {
    let Some(twin) = &traces.twin else { return unplayed(traces) };
    let mut findings = seeds_failed(project, "seeding another database", &twin.failed);
    let mut followers: BTreeMap<&str, Vec<String>> = BTreeMap::new();
    for unlike in &twin.compared.unlike {
        if let Some((followed, note)) = follows(&twin.compared, unlike) {
            followers.entry(followed).or_default().push(note);
        }
    }
    let first = |unlike: &&Unlike| follows(&twin.compared, unlike).is_none();
    for unlike in twin.compared.unlike.iter().filter(first) {
        let notes = followers.remove(unlike.table.as_str()).unwrap_or_default();
        findings.push(notes.into_iter().fold(told(project, unlike), Finding::note));
    }
    Verdict::of(findings, put_aside(&twin.compared))
}

/// The table on which it depends that another one differs: the last one of those that refer to each
/// other; and what is said of it there.
fn follows<'a>(compared: &'a Compared, unlike: &Unlike) -> Option<(&'a str, String)> {
    let target = |unlike: &Unlike| -> Option<&'a Unlike> {
        let (one, other) = unlike.counts;
        let mut targets = unlike.columns.iter().map(|column| {
            let (_, table, to) = unlike.refers_to.iter().find(|(own, ..)| own == column)?;
            let found = compared.unlike.iter().find(|it| it.table == *table)?;
            (found.table != unlike.table && found.columns.contains(to)).then_some(found)
        });
        let first = targets.next()??;
        (one == other && targets.all(|it| it.is_some())).then_some(first)
    };
    let mut last = target(unlike)?;
    // Tables may refer to each other in a circle.
    for _ in &compared.unlike {
        let Some(next) = target(last) else {
            let columns = of_table(unlike, &unlike.columns);
            return Some((&last.table, format!("and with it {columns}")));
        };
        last = next;
    }
    None
}

fn told(project: &Project, unlike: &Unlike) -> Finding {
    let Unlike { table, counts: (one, other), columns, placed, .. } = unlike;
    let message = if one != other {
        format!("the seeds make {one} rows of {table} in one database, and {other} in another")
    } else if columns.is_empty() {
        let placed = of_table(unlike, placed);
        format!("the seeds put what {placed} holds into other rows in each database")
    } else {
        format!("the seeds fill {} with other values in each database", of_table(unlike, columns))
    };
    let finding = Finding::new(message);
    let finding = match rows(unlike) {
        Some(rows) => finding.note(rows),
        None => finding,
    };
    let columns = if columns.is_empty() { placed } else { columns };
    let short = table.strip_prefix("public.").unwrap_or(table);
    let names = columns.iter().map(|column| format!("\"{short}.{column}\""));
    let names = names.collect::<Vec<_>>().join(", ");
    let meant = match names.as_str() {
        "" => String::new(),
        names => format!("\nif it is meant to differ: [seeds] ignore_columns = [{names}]"),
    };
    let deeds = deeds_on(project, table);
    let found = deeds.iter().find_map(|deed| Some((*deed, cause(*deed)?)));
    if let Some((deed, (label, help))) = found {
        return deed.place(finding).label(label).help(format!("{help}{meant}"));
    }
    let finding = match deeds.first() {
        Some(deed) => deed.place(finding).label("this fills it"),
        None => suspected(project, finding),
    };
    finding.help(format!(
        "let it depend on nothing but the seeds: fixed ids and times, or such as are made of a \
         natural key{meant}"
    ))
}

/// Columns in words.
fn of_table(unlike: &Unlike, columns: &[String]) -> String {
    let names = columns.iter().map(|column| format!("{}.{column}", unlike.table));
    names.collect::<Vec<_>>().join(", ")
}

/// Which rows differ, where a key tells.
fn rows(unlike: &Unlike) -> Option<String> {
    let keys: Vec<_> = unlike
        .changes
        .iter()
        .map(|change| match change {
            RowChange::Changed { key, .. } => Some(crate::rows::listed(key)),
            RowChange::Gone { .. } | RowChange::New { .. } => None,
        })
        .collect::<Option<_>>()?;
    let count = keys.len();
    let more = if count > KEYS_TOLD { "; …" } else { "" };
    let told = keys.into_iter().take(KEYS_TOLD).collect::<Vec<_>>().join("; ");
    (count > 0).then(|| format!("{count} of {} rows differ: {told}{more}", unlike.counts.0))
}

/// Why a statement doesn't write the same everywhere, and what to write instead.
fn cause(deed: Deed<'_>) -> Option<(String, String)> {
    let word = |list: &[&str]| deed.words().find(|word| list.contains(&word.as_str()));
    let label = |word: &str| {
        let is_keyword = word.starts_with("current_") || word.starts_with("local");
        format!("{word}{} is another value each time", if is_keyword { "" } else { "()" })
    };
    if let Some(dice) = word(DICE) {
        let help = "write a fixed id, or make it of a natural key, as uuid_generate_v5(…) and \
                    md5(name)::uuid do; or leave it to the column's default";
        return Some((label(&dice), help.to_owned()));
    }
    if let Some(clock) = word(CLOCKS) {
        let help = "write a fixed time, or leave it to the column's default";
        return Some((label(&clock), help.to_owned()));
    }
    let is_unordered = deed.statement.kind == Kind::Insert
        && deed.words().any(|word| word == "select")
        && deed.words().any(|word| word == "from")
        && !deed.says("order by");
    is_unordered.then(|| {
        ("without ORDER BY, the rows come in any order".to_owned(), UNORDERED_HELP.to_owned())
    })
}
