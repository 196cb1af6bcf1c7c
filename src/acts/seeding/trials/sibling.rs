//! Databases that were seeded: those of one run, which can be compared with each other as long as
//! they are there.

use super::super::super::Stage;
use super::super::super::beside::Reading;
use super::super::super::fresh::Made;
use super::super::sow;
use crate::Result;
use crate::trace::{Act, Sown};

/// Copies of what migrations alone have made, each seeded once, when it is first asked for.
pub(in super::super) struct Siblings<'a> {
    pub(super) stage: &'a Stage<'a>,
    made: &'a Made,
    seeded: Vec<Reading>,
    /// The run that failed, if one did.
    failed: Vec<Sown>,
}

impl<'a> Siblings<'a> {
    pub(in super::super) fn new(stage: &'a Stage<'a>, made: &'a Made) -> Self {
        Self { stage, made, seeded: Vec::new(), failed: Vec::new() }
    }

    /// As many of them as are wanted; nothing if one can't be seeded.
    pub(super) async fn first<const COUNT: usize>(&mut self) -> Result<Option<&[Reading; COUNT]>> {
        while self.seeded.len() < COUNT && self.failed.is_empty() {
            let scratch = self.made.copy(self.stage).await?;
            let steps = sow(self.stage, &scratch, Act::Twin).await?;
            if steps.iter().all(Sown::succeeded) {
                let scratch = self.stage.aside(scratch).await?;
                self.seeded.push(Reading::of(scratch).await?);
            } else {
                self.failed = steps;
                self.stage.server.drop_database(scratch).await?;
            }
        }
        Ok(self.seeded.first_chunk())
    }

    /// Drops them, and hands out the run that failed.
    pub(in super::super) async fn end(self) -> Result<Vec<Sown>> {
        for Reading { scratch, .. } in self.seeded {
            self.stage.server.drop_database(scratch).await?;
        }
        Ok(self.failed)
    }
}
