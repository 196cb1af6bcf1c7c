//! # What it proves
//!
//! Two seeders at once leave the same rows as one, and neither fails: no deadlock, no key that the
//! other one has just taken. Files are played so that neither seeder commits before the other has
//! done all that it can do until then. Columns that a sequence counts are put aside, and those that
//! one seeder fills with other values each time.
//!
//! # Why it matters
//!
//! Two instances of an app boot at once in every deploy, and seeds run at each boot. What looks
//! first whether a row is there, and then inserts it, finds nothing in both of them. With a unique
//! key one of the two does not start; without one, the row is there twice, for ever.
//!
//! # Example
//!
//! ```sql
//! INSERT INTO providers (name)
//! SELECT 'email' WHERE NOT EXISTS (SELECT FROM providers WHERE name = 'email');
//! ```

use super::change::with_rows;
use super::doer::{Deed, deeds_on, suspected};
use super::part::seeds_failed;
use super::sowing::{put_aside, unplayed};
use super::{Check, Finding, Judge, Usual, Verdict, cause, without_seeds};
use crate::rows::Rows;
use crate::source::Project;
use crate::sql::Kind;
use crate::trace::{Act, Seeding, State, Traces, Unlike};

pub(super) const CHECK: Check = Check {
    name: "seed_race",
    level: |_| Usual::Warn,
    judge: Judge::Act { act: Act::Race, spared: without_seeds, judge },
};

/// How seeders come one after the other.
const IN_TURN: &str = "let the seeders take turns, by one lock at the beginning of each seed:\n\
                       SELECT pg_advisory_xact_lock(hashtext('seeds'));";

const UNCOMPARED: &str = "only numbers of rows were compared: seeding another database fails, see \
                          `seed_randomness`";

fn judge(project: &Project, traces: &Traces) -> Verdict {
    let (Some(raced), Some(seeding)) = (&traces.race, &traces.seeding) else {
        return unplayed(traces);
    };
    let mut findings = Vec::new();
    for steps in &raced.seeders {
        for finding in seeds_failed(project, "one of two seeders at once", steps) {
            findings.push(advised(finding));
        }
    }
    // Both may say the same.
    findings.dedup();
    let mut remarks = Vec::new();
    if let Some(rows) = &raced.rows {
        for unlike in raced.compared.iter().flat_map(|compared| &compared.unlike) {
            if changes_anyway(seeding, &unlike.table) {
                let table = &unlike.table;
                remarks.push(format!("{table} changes with each run, see `reseed_contents`"));
            } else {
                findings.push(mixed_up(project, unlike));
            }
        }
        remarks.extend(match &raced.compared {
            Some(compared) => put_aside(compared),
            None => Some(UNCOMPARED.to_owned()),
        });
        for (table, one, two) in multiplied(seeding, rows) {
            if grows_anyway(seeding, table) {
                remarks.push(format!("{table} grows with each run, see `reseed_counts`"));
            } else {
                findings.push(told(project, traces, table, one, two));
            }
        }
    }
    if project.scripts.seeds.iter().any(|seed| seed.file().is_none()) {
        remarks.push("commands and closures start together, and then it is chance".to_owned());
    }
    Verdict::of(findings, remarks)
}

/// The tables that have another number of rows than one seeder makes: table, by one, by two.
fn multiplied<'a>(seeding: &'a Seeding, rows: &'a Rows) -> Vec<(&'a str, u64, u64)> {
    let Some(seeded) = &seeding.first.end else { return Vec::new() };
    let both = rows.tables.iter().filter_map(|(table, rows)| {
        let one = seeded.rows.tables.get(table)?.count;
        (one != rows.count).then_some((table.as_str(), one, rows.count))
    });
    both.collect()
}

/// Whether a second run that comes after the first changes the number of rows as well.
fn grows_anyway(seeding: &Seeding, table: &str) -> bool {
    let count = |end: Option<&State>| Some(end?.rows.tables.get(table)?.count);
    let second = seeding.second.as_ref().and_then(|second| second.end.as_ref());
    count(seeding.first.end.as_ref()) != count(second)
}

/// Whether a second run that comes after the first leaves other rows as well.
fn changes_anyway(seeding: &Seeding, table: &str) -> bool {
    seeding.changes().iter().any(|change| change.name() == table && !change.is_physical())
}

/// A failure, with what helps against it.
fn advised(finding: Finding) -> Finding {
    match finding.sqlstate.as_deref() {
        Some("23505") => {
            let help = "insert what is missing, and let the key tell what that is: INSERT … ON \
                        CONFLICT DO NOTHING";
            finding
                .note(
                    "it looked before the other seeder had committed, and wrote after that: the \
                     key was taken by then",
                )
                .help(format!("{help}; or {IN_TURN}"))
        }
        Some("40P01") => {
            finding.note("each of the two holds a lock for which the other one waits").help(IN_TURN)
        }
        _ if finding.help.is_none() => finding.help(IN_TURN),
        _ => finding,
    }
}

fn told(project: &Project, traces: &Traces, table: &str, one: u64, two: u64) -> Finding {
    let finding = Finding::new(format!(
        "two seeders at once leave {two} rows in {table}, and one leaves {one}"
    ));
    let Some(deed) = deeds_on(project, table).first().copied() else {
        return suspected(project, finding).help(IN_TURN);
    };
    let finding =
        deed.place(finding).label("neither seeder sees what the other has not committed yet");
    let catalog = traces.fresh.end.as_ref().map(|end| &end.catalog);
    let known = catalog.and_then(|catalog| cause::table_of(catalog, deed.statement));
    let keys: Vec<_> = known.iter().flat_map(|it| &it.keys).map(|key| &*key.told).collect();
    let keys = if keys.is_empty() { "none".to_owned() } else { keys.join("; ") };
    let short = table.strip_prefix("public.").unwrap_or(table);
    finding.note(format!("the unique keys of {table}: {keys}")).help(format!(
        "give the table a key over what makes two rows the same, and let that decide:\n\
         ALTER TABLE {short} ADD UNIQUE (…);\n\
         INSERT INTO {short} … ON CONFLICT DO NOTHING;\n\
         or {IN_TURN}"
    ))
}

/// A table that has as many rows as one seeder makes, but other ones.
fn mixed_up(project: &Project, unlike: &Unlike) -> Finding {
    let Unlike { table, columns, placed, changes, .. } = unlike;
    let names = |columns: &[String]| {
        columns.iter().map(|column| format!("{table}.{column}")).collect::<Vec<_>>().join(", ")
    };
    let message = if columns.is_empty() {
        format!("two seeders at once put what {} holds into other rows than one", names(placed))
    } else {
        format!("two seeders at once leave other values in {} than one", names(columns))
    };
    let finding = Finding::new(message);
    let finding = match changes.as_slice() {
        [] => finding,
        changes => finding.note(with_rows("from what one leaves to what two leave:", changes)),
    };
    let writes_again =
        |deed: &&Deed<'_>| !matches!(deed.statement.kind, Kind::Insert) || deed.says("do update");
    let deeds = deeds_on(project, table);
    let finding = match deeds.iter().rev().find(writes_again).or(deeds.last()) {
        Some(deed) => deed.place(finding).label("each of the two seeders does it"),
        None => suspected(project, finding),
    };
    let short = table.strip_prefix("public.").unwrap_or(table);
    let columns = if columns.is_empty() { placed } else { columns };
    let patterns = columns.iter().map(|column| format!("\"{short}.{column}\""));
    finding.help(format!(
        "let the row itself tell whether it is to be written, because that is looked at again when \
         the other seeder has committed: UPDATE … WHERE … IS DISTINCT FROM …; or {IN_TURN}\n\
         if it is meant to differ: [seeds] ignore_columns = [{}]",
        patterns.collect::<Vec<_>>().join(", ")
    ))
}
