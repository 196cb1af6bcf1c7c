//! What the checks of the seeds share: how far the seeds came, and what was not compared.

use super::Verdict;
use crate::trace::{Compared, Seeding, State, Traces};

/// What the seeds were played on, and the trace of that.
pub(super) fn sown(traces: &Traces) -> Result<(&State, &Seeding), Verdict> {
    match (&traces.fresh.end, &traces.seeding) {
        (Some(before), Some(seeding)) => Ok((before, seeding)),
        _ => Err(Verdict::Skipped("the chain does not apply, see `apply`".to_owned())),
    }
}

/// The trace of seeds that apply, and what they made.
pub(super) fn applied(traces: &Traces) -> Result<(&Seeding, &State), Verdict> {
    let (_, seeding) = sown(traces)?;
    match &seeding.first.end {
        Some(end) => Ok((seeding, end)),
        None => Err(Verdict::Skipped("the seeds do not apply, see `seed`".to_owned())),
    }
}

/// The trace of seeds that were run twice, and what each run left.
pub(super) fn reapplied(traces: &Traces) -> Result<(&Seeding, &State, &State), Verdict> {
    let (seeding, _) = applied(traces)?;
    match seeding.ends() {
        Some((first, second)) => Ok((seeding, first, second)),
        None => Err(Verdict::Skipped("the second run fails, see `reseed_counts`".to_owned())),
    }
}

/// Why an act that follows both runs was not played.
pub(super) fn unplayed(traces: &Traces) -> Verdict {
    let skipped = reapplied(traces).err();
    skipped.unwrap_or_else(|| Verdict::Skipped("it was not played".to_owned()))
}

/// What was not compared of two databases, if there was such.
pub(super) fn put_aside(compared: &Compared) -> Option<String> {
    let mut remarks = Vec::new();
    let partly = compared.aside.iter().filter(|(table, _)| !compared.incomparable.contains(*table));
    let names = partly
        .flat_map(|(table, columns)| columns.iter().map(move |column| format!("{table}.{column}")));
    let names = names.collect::<Vec<_>>();
    if !names.is_empty() {
        remarks.push(format!("put aside: {}", names.join(", ")));
    }
    let none = compared.incomparable.iter().map(String::as_str).collect::<Vec<_>>();
    if !none.is_empty() {
        remarks.push(format!("nothing comparable in {}", none.join(", ")));
    }
    (!remarks.is_empty()).then(|| remarks.join("; "))
}
