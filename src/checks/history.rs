//! # What it proves
//!
//! Migrations that are merged stay as they are: none was edited, renamed or removed since the
//! current branch left `base` under `[history]`, committed or not. Whatever git's own filters take
//! for the same makes no difference, and line endings make none but for a tool whose ledger holds a
//! digest of them. A folder that moved as a whole is followed. A commit whose message has the
//! `squash_marker` may remove what it squashes, if it is proven that the new chain makes the same
//! schema as the merged one.
//!
//! # Why it matters
//!
//! What is merged has run somewhere. Where a file is in the ledger, no tool runs it again, so that
//! an edit reaches new environments only, and from then on production has another schema than they
//! have. Tools with checksums refuse to boot instead, at the next deploy.
//!
//! # Example
//!
//! ```sql
//! -- 000002_orders.up.sql, merged a week ago; today somebody adds NOT NULL
//! CREATE TABLE orders (id bigint PRIMARY KEY, customer bigint NOT NULL);
//! ```

use std::ops::Range;

use similar::{ChangeTag, TextDiff};

use super::{Check, Finding, Judge, Place, Usual, Verdict, baseline, baseline_rows};
use crate::config::{self, Boot, Level};
use crate::source::{Before, Chain, Fate, History, Migration, Project, Side, Text};
use crate::trace::{Act, Traces};

/// How many changed lines are told.
const LINES_TOLD: usize = 10;

pub(super) const CHECK: Check = Check {
    name: "history",
    level: |_| Usual::Deny,
    // Of the baseline's, because a squash that is claimed is to be proven.
    judge: Judge::Act { act: Act::Baseline, spared, judge },
};

fn spared(project: &Project) -> Option<String> {
    known(project).err()
}

/// What is merged; or why it isn't known, or nothing.
pub(super) fn known(project: &Project) -> Result<(&History, &Before), String> {
    if let Some(reason) = super::without_base(project).or_else(|| super::without_files(project)) {
        return Err(reason);
    }
    match &project.history {
        Some(Ok(history)) => match &history.before {
            Some(before) => Ok((history, before)),
            None => Err(format!(
                "no migration is merged: {} has none in {}",
                history.commit, project.chain.folder
            )),
        },
        Some(Err(unknown)) => Err(format!("{}; {}", unknown.message, unknown.help)),
        None => Err("what is merged is not known".to_owned()),
    }
}

fn judge(project: &Project, traces: &Traces) -> Verdict {
    let history = match known(project) {
        Ok((history, _)) => history,
        Err(reason) => return Verdict::Skipped(reason),
    };
    let has_place = project.chain.format.placing.has_place;
    let fates = history.fates().filter(|(old, _)| has_place(old));
    let mut findings =
        fates.filter_map(|(old, fate)| told(project, history, old, fate)).collect::<Vec<_>>();
    let Some(claim) = history.claimed() else { return Verdict::Judged(findings) };
    let (against, remark) = proof(project, history, claim, traces);
    let is_proven = against.is_none();
    findings.extend(against);
    match remark.filter(|_| is_proven) {
        Some(remark) => {
            Verdict::Partly(findings, format!("the squash of `{claim}` is proven: {remark}"))
        }
        None => Verdict::Judged(findings),
    }
}

/// What became of a migration, if that is anything to tell.
fn told(project: &Project, history: &History, old: &Migration, fate: Fate) -> Option<Finding> {
    let now = &project.chain.migrations;
    let path = &old.file.path;
    let restore = match &history.moved_from {
        None => format!("git restore --source={} {path}", history.commit),
        Some(folder) => {
            let name = path.strip_prefix(&project.chain.folder).unwrap_or(path);
            let name = name.trim_start_matches('/');
            format!("git show {}:./{folder}/{name} > {path}", history.commit)
        }
    };
    match fate {
        Fate::Stays { place, text }
            if text != Text::Edited && now[place].version != old.version =>
        {
            Some(called_otherwise(&project.chain, old, &now[place]))
        }
        Fate::Stays { text: Text::Same, .. } => None,
        Fate::Stays { place, text } => Some(edited(&project.chain, old, &now[place], text)),
        Fate::Moved { place, text } => Some(renamed(&project.chain, old, &now[place], text)),
        // What a proof has to allow is told with it.
        Fate::Gone if history.claimed().is_some() => None,
        Fate::Gone => Some(removed(project, old)),
    }
    .map(|finding| {
        let help = match (&finding.help, fate) {
            (Some(more), _) => format!("{restore}\n{more}"),
            (None, Fate::Moved { place, .. }) => {
                format!("{restore}\nand remove {}", now[place].file.path)
            }
            (None, _) => restore,
        };
        finding.help(help)
    })
}

/// A plan or a journal beside the file gives it its version.
fn called_otherwise(chain: &Chain, old: &Migration, new: &Migration) -> Finding {
    let (tool, versions) = (chain.format.name, [old, new].map(|it| it.version.as_str()));
    let message = format!("{} is merged, and its version was changed", old.file_name());
    Finding::new(message).in_migration(new, None).note(format!(
        "it was {}, and is {}: where it is applied, {tool} takes it for another migration",
        versions[0], versions[1]
    ))
}

fn edited(chain: &Chain, old: &Migration, new: &Migration, text: Text) -> Finding {
    let (tool, name) = (chain.format.name, old.file_name());
    let difference = Lines::between(&old.file.text, &new.file.text);
    let finding = match text {
        Text::Edited => Finding::new(format!("{name} is merged, and was edited")),
        Text::Same | Text::Spacing => {
            let what = "nothing that is played of it, only comments or white space";
            let finding = Finding::new(format!("{name} is merged, and was edited: {what}"));
            Finding { at_most: Level::Warn, ..finding }
        }
    };
    let finding = finding.in_migration(new, difference.place(&new.file.text));
    let finding = finding.note(match text {
        _ if !difference.changed.is_empty() => difference.to_string(),
        Text::Edited => "what was changed are its line endings, also those within a literal or a \
                         body, which keeps them"
            .to_owned(),
        Text::Same | Text::Spacing => "what was changed are its line endings".to_owned(),
    });
    let has_digest = chain.recorded(old) != chain.recorded(new);
    if chain.boot == Boot::EveryFile {
        let note = "every file is run at each boot, so the edit is too; but what IF NOT EXISTS \
                    finds there stays as it was";
        return Finding { at_most: Level::Warn, ..finding.note(note) };
    }
    let finding = if has_digest {
        finding.note(format!(
            "{tool}'s ledger holds a digest of the file, which no longer fits where it is applied"
        ))
    } else {
        finding
    };
    match text {
        Text::Edited => finding
            .note(format!("where it is applied, {tool} does not run it again"))
            .help("and write what is to change into a new migration"),
        Text::Same | Text::Spacing => finding,
    }
}

fn renamed(chain: &Chain, old: &Migration, new: &Migration, text: Text) -> Finding {
    let (tool, names) = (chain.format.name, [old, new].map(|it| it.file.path.as_str()));
    let is_edited = if text == Text::Edited { ", and edited" } else { "" };
    let message = format!("{} is merged, and was renamed to {}{is_edited}", names[0], names[1]);
    let finding = Finding::new(message);
    if text != Text::Edited {
        let finding = finding.in_migration(new, None);
        if chain.recorded(old) == chain.recorded(new) {
            let note = "the ledger has the same for either name, so nothing is run again";
            return Finding { at_most: Level::Warn, ..finding.note(note) };
        }
        return finding.note(format!(
            "where it is applied, {tool} doesn't know it under the new name, and takes it for \
             another migration"
        ));
    }
    let difference = Lines::between(&old.file.text, &new.file.text);
    let finding = finding.in_migration(new, difference.place(&new.file.text));
    finding.note(difference.to_string())
}

fn removed(project: &Project, old: &Migration) -> Finding {
    let finding = Finding::new(format!("{} is merged, and was removed", old.file_name()))
        .in_migration(old, None)
        .at(Place { path: old.file.path.clone(), excerpt: None })
        .note("databases that have it keep what it made, and new ones don't get it");
    finding.help(match &project.config.history.squash_marker {
        Some(marker) => {
            format!("or, if a new file stands for it, say `{marker}` in the commit's message")
        }
        None => format!(
            "or, if a new file stands for it, say so in the commit's message, by a word that {} \
             names:\n[history]\nsquash_marker = \"[squash-baseline]\"",
            config::FILE
        ),
    })
}

/// What speaks against a new chain that is claimed to make what the merged one made, and how far
/// they were compared.
fn proof(
    project: &Project,
    history: &History,
    claim: &str,
    traces: &Traces,
) -> (Option<Finding>, Option<String>) {
    let unproven = Finding::new(format!("`{claim}` claims a squash, and it is not proven"));
    let Some(squash) = &project.squash else {
        let unproven = unproven
            .note("it removes migrations that are merged, and no new file stands for them")
            .help("add the baseline to the migrations, or restore what was removed");
        return (Some(unproven), None);
    };
    let unproven = unproven.in_migration(squash.baseline(project), None);
    if squash.own == Side::Old {
        let note = "the file that [baseline] names is none of the migrations";
        return (Some(unproven.note(note).help("move it to them")), None);
    }
    let old = &squash.old_side(project).chain.migrations;
    let merged = history.fates().map(|(migration, _)| migration).collect::<Vec<_>>();
    let is_same = |(one, other): (&Migration, &&Migration)| {
        one.version == other.version && one.file.text == other.file.text
    };
    if old.len() < merged.len() || !old.iter().zip(&merged).all(is_same) {
        let note =
            format!("the chain that [baseline] stands for is not the one of {}", history.commit);
        // Once the squash is merged, the merge base has the baseline already.
        let help =
            format!("compare with what is merged: chain = {{ git = \"{}\" }}", history.commit);
        return (Some(unproven.note(note).help(help)), None);
    }
    let (findings, remark) = match baseline::judge(project, traces) {
        Verdict::Judged(findings) => (findings, None),
        Verdict::Partly(findings, remark) => (findings, Some(remark)),
        Verdict::Skipped(reason) => return (Some(unproven.note(reason)), None),
    };
    // Where [baseline] says so, another check tells of the rows.
    let has_its_own = project.config.baseline.path.is_some();
    let (rows, aside) = match baseline_rows::judge(project, traces) {
        Verdict::Judged(findings) if !has_its_own => (findings, None),
        Verdict::Partly(findings, aside) if !has_its_own => (findings, Some(aside)),
        _ => (Vec::new(), None),
    };
    let against = findings.into_iter().chain(rows);
    let against = against.filter(|it| it.at_most == Level::Deny).collect::<Vec<_>>();
    if against.is_empty() {
        let remarks = remark.into_iter().chain(aside).collect::<Vec<_>>();
        return (None, (!remarks.is_empty()).then(|| remarks.join("; ")));
    }
    (Some(unlike(project, history, traces, unproven, against)), remark)
}

/// Tells what the check of the baseline has found, unless that is told already.
fn unlike(
    project: &Project,
    history: &History,
    traces: &Traces,
    unproven: Finding,
    against: Vec<Finding>,
) -> Finding {
    let what = format!("the new chain does not make what the one of {} made", history.commit);
    let unproven = unproven.note(what);
    if traces.judged.contains(baseline::CHECK.name) && project.config.baseline.path.is_some() {
        return unproven.help("correct what `baseline` tells, or restore what was removed");
    }
    let told = against.into_iter().fold(unproven, |unproven, finding| {
        let lines = std::iter::once(finding.message).chain(finding.notes);
        unproven.note(lines.collect::<Vec<_>>().join("\n  "))
    });
    told.help("correct the baseline, or restore what was removed")
}

/// The lines in which two texts differ.
struct Lines {
    /// Removed or added, with the number and what it says.
    changed: Vec<(ChangeTag, usize, String)>,
    /// The first place in the new text, by the number of the lines before it.
    first: usize,
}

impl Lines {
    fn between(old: &str, new: &str) -> Self {
        let (old, new) = (old.replace("\r\n", "\n"), new.replace("\r\n", "\n"));
        let difference = TextDiff::from_lines(&old, &new);
        let (mut changed, mut first, mut passed) = (Vec::new(), None, 0);
        for change in difference.iter_all_changes() {
            let number = match change.tag() {
                ChangeTag::Equal => None,
                ChangeTag::Delete => change.old_index(),
                ChangeTag::Insert => change.new_index(),
            };
            if let Some(number) = number {
                first.get_or_insert(passed);
                changed.push((change.tag(), number + 1, change.value().trim_end().to_owned()));
            }
            passed += usize::from(change.new_index().is_some());
        }
        Self { changed, first: first.unwrap_or_default() }
    }

    /// The bytes of the new text where it begins to differ.
    fn place(&self, new: &str) -> Option<Range<usize>> {
        let mut start = 0;
        let lines = new.split_inclusive('\n').map(|line| {
            let whole = start..start + line.len();
            start = whole.end;
            whole
        });
        let lines = lines.collect::<Vec<_>>();
        let line = lines.get(self.first).or(lines.last()).filter(|_| !self.changed.is_empty())?;
        let text = &new[line.clone()];
        let begin = line.start + text.len() - text.trim_start().len();
        (!text.trim().is_empty()).then(|| begin..line.start + text.trim_end().len())
    }
}

impl std::fmt::Display for Lines {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("what was changed, by the lines:")?;
        let width = self.changed.iter().map(|(_, number, _)| number.to_string().len()).max();
        let width = width.unwrap_or_default();
        for (tag, number, line) in self.changed.iter().take(LINES_TOLD) {
            let sign = if *tag == ChangeTag::Delete { '-' } else { '+' };
            write!(f, "\n  {sign} {number:>width$}  {line}")?;
        }
        let more = self.changed.len().saturating_sub(LINES_TOLD);
        if more > 0 { write!(f, "\n  and {more} more") } else { Ok(()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(old: &str, new: &str, place: Option<&str>, told: &str) {
        let lines = Lines::between(old, new);
        assert_eq!(lines.place(new).map(|span| &new[span]), place);
        assert_eq!(lines.to_string(), format!("what was changed, by the lines:{told}"));
    }

    #[test]
    fn lines_are_told_as_they_were_and_as_they_are() {
        check("a\nb\nc\n", "a\r\n  d\r\nc\r\n", Some("d"), "\n  - 2  b\n  + 2    d");
        check("a\nb\n", "a\n", Some("a"), "\n  - 2  b");
        check("a\n", "b\na\n", Some("b"), "\n  + 1  b");
        check("a\nb\n", "\nb\n", None, "\n  - 1  a\n  + 1  ");
        check("a\n", "a\r\n", None, "");
    }
}
