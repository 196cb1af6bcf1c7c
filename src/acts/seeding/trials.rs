//! The trials of the seeds: elsewhere, two runs at once, and after edits.

mod edit;
mod race;
mod sibling;
mod twin;

pub(super) use self::edit::edit;
pub(super) use self::race::race;
pub(super) use self::sibling::Siblings;
pub(super) use self::twin::twin;
