//! # What it proves
//!
//! The chain applies to an empty database: every migration succeeds, in the tool's order, the way
//! the tool runs it, as the database's owner; and before it the pre scripts of the bootstrap, where
//! there are some.
//!
//! # Why it matters
//!
//! Every new environment, every developer's machine and every CI run begins with this. A chain
//! that only ever ran on a database that somebody mended by hand is found here.
//!
//! # Example
//!
//! ```sql
//! -- 000003_orders.up.sql: there is no table `customer`
//! CREATE TABLE orders (id bigint PRIMARY KEY, customer_id bigint REFERENCES customer);
//! ```

use super::failure::{told, tool_refuses};
use super::{Check, Finding, Judge, Usual, Verdict};
use super::{opaque, part};
use crate::source::{Migration, Project};
use crate::trace::{Act, Author, Traces};

pub(super) const CHECK: Check = Check {
    name: "apply",
    level: |_| Usual::Deny,
    judge: Judge::Act { act: Act::Fresh, spared: |_| None, judge },
};

fn judge(project: &Project, traces: &Traces) -> Verdict {
    let boot = &traces.fresh.boot;
    let mut findings = opaque::told(project, traces, Act::Fresh);
    for step in boot.pre.iter().filter(|step| !step.succeeded()) {
        let failed = part::failed(project, "the first boot", Author::Pre(step.place), step);
        let note = "nothing of the chain was played: the pre scripts come before it";
        findings.extend(failed.into_iter().map(|finding| finding.note(note)));
    }
    if let Some(refusal) = &boot.refusal {
        findings.push(tool_refuses(project, "the first boot", refusal));
    }
    for (index, failure) in boot.failures() {
        let migration = &project.chain.migrations[index];
        let message = format!("the first boot fails in {}", migration.file_name());
        let finding = told(Finding::new(message), project, migration, failure);
        // Of a file by itself there is nothing to say.
        let is_one_of_many = project.chain.migrations.len() > 1;
        let later = || left_out(&project.chain.migrations[index..]);
        let finding = if is_one_of_many { finding.note(later()) } else { finding };
        let undone = project.chain.format.boot_transaction.is_some() && index > 0;
        findings.push(if undone { finding.note(UNDONE) } else { finding });
    }
    Verdict::Judged(findings)
}

const UNDONE: &str = "one transaction holds the whole boot: unless a file ended it, the earlier \
                      ones are undone too";

/// What was not played after the first one.
fn left_out(migrations: &[Migration]) -> String {
    match migrations.windows(2).filter(|pair| !pair[1].is_same_as(&pair[0])).count() {
        0 => "this is the last migration".to_owned(),
        1 => "the boot stops here; 1 later migration was not played".to_owned(),
        count => format!("the boot stops here; {count} later migrations were not played"),
    }
}
