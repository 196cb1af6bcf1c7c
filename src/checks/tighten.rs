//! # What it proves
//!
//! After the bootstrap no column holds NULL that is to become NOT NULL, and `ALTER TABLE … SET NOT
//! NULL` succeeds on each of them: it is really tried.
//!
//! # Why it matters
//!
//! Columns such as `created_by` are filled by triggers and back-fills, and become NOT NULL when all
//! rows have them. A row that was forgotten makes that statement fail in production, the last one
//! of a long deploy.
//!
//! # Example
//!
//! ```toml
//! [bootstrap]
//! tighten = ["*.created_by"] # and a seed wrote rows when `app.actor_id` was not set
//! ```

use super::bootstrap::NO_END;
use super::doer::{self, note_on_walk};
use super::part;
use super::trigger::{Trigger, triggers_naming};
use super::{Check, Finding, Judge, Place, Usual, Verdict, bootstrapped, without_bootstrap};
use crate::catalog::parent_of;
use crate::source::Project;
use crate::trace::{Act, Author, Bootstrapped, Failure, State, Tightened, Traces};

pub(super) const CHECK: Check = Check {
    name: "tighten",
    level: |_| Usual::Deny,
    judge: Judge::Act { act: Act::Bootstrap, spared, judge },
};

fn spared(project: &Project) -> Option<String> {
    let is_empty = project.config.bootstrap.tighten.is_empty();
    let empty = is_empty.then(|| "[bootstrap] tightens nothing".to_owned());
    without_bootstrap(project).or(empty)
}

fn judge(project: &Project, traces: &Traces) -> Verdict {
    let trace = match bootstrapped(traces) {
        Ok(trace) => trace,
        Err(skipped) => return skipped,
    };
    let Some(end) = &trace.first.end else { return Verdict::Skipped(NO_END.to_owned()) };
    let patterns = &project.config.bootstrap.tighten;
    let idle = trace.idle_columns.iter().map(|place| &patterns[*place]).map(|pattern| {
        let message = format!("`{}` under tighten fits no column", pattern.get_ref());
        let finding = Finding::new(message)
            .note("after the bootstrap no table has such a column, so nothing is tightened by it")
            .help("write it as \"TABLE.COLUMN\", with * for any part of a name, or take it out");
        match Place::in_config(&project.config, pattern.span()) {
            Some(place) => finding.at(place),
            None => finding,
        }
    });
    let mut findings = idle.collect::<Vec<_>>();
    findings.extend(left(trace).iter().map(|left| nulls(project, &end.state, left)));
    for column in trace.columns.iter().filter(|column| column.nulls.count == 0) {
        findings.extend(column.refusal.as_ref().map(|failure| refused(column, failure)));
    }
    Verdict::Judged(findings)
}

/// Columns of one table that are NULL in the same rows, for the same reason.
struct Left<'a> {
    columns: Vec<&'a Tightened>,
    /// By whom they came and went.
    steps: Vec<(Option<Author>, i128)>,
}

fn left(trace: &Bootstrapped) -> Vec<Left<'_>> {
    let mut all: Vec<Left<'_>> = Vec::new();
    let columns = trace.columns.iter().filter(|column| column.nulls.count > 0);
    for (place, column) in columns.enumerate() {
        let steps = steps(trace, place);
        let is_same = |left: &&mut Left<'_>| {
            let other = left.columns[0];
            (&other.table, &other.nulls, &left.steps) == (&column.table, &column.nulls, &steps)
        };
        match all.iter_mut().find(is_same) {
            Some(left) => left.columns.push(column),
            None => all.push(Left { columns: vec![column], steps }),
        }
    }
    all
}

fn nulls(project: &Project, state: &State, left: &Left<'_>) -> Finding {
    let Left { columns, steps } = left;
    let Tightened { table, nulls, .. } = columns[0];
    let names = columns.iter().map(|it| it.column.as_str()).collect::<Vec<_>>();
    let count = match nulls.of {
        1 => "its only row".to_owned(),
        of if of == nulls.count => format!("all of its {of} rows"),
        of => format!("{} of its {of} rows", nulls.count),
    };
    let subject = match names.as_slice() {
        [name] => format!("{table}.{name} is"),
        names => format!("{table}: {} are", names.join(" and ")),
    };
    let mut finding = Finding::new(format!("{subject} NULL in {count} after the bootstrap"));
    let leaver = steps.iter().rev().find_map(|(author, change)| {
        author.filter(|author| *change > 0 && *author != Author::Chain)
    });
    if let Some(author) = leaver {
        finding = doer::place(project, finding, author, &[table], state);
    }
    if !nulls.keys.is_empty() {
        let more = nulls.count - u64::try_from(nulls.keys.len()).unwrap_or_default();
        let more = if more > 0 { format!("\n  and {more} more") } else { String::new() };
        let keys = nulls.keys.join("\n  ");
        finding = finding.note(format!("in these rows:\n  {keys}{more}"));
    }
    for (author, change) in steps {
        finding = finding.note(step(project, *author, *change));
    }
    if steps.iter().any(|(author, _)| matches!(author, Some(Author::Seed(_)))) {
        finding = note_on_walk(project, finding);
    }
    let scripts = project.scripts.post.len();
    if scripts > 0 && !steps.iter().any(|(it, _)| matches!(it, Some(Author::Post(_)))) {
        finding = finding.note("no post script fills any of them");
    }
    for failure in columns.iter().filter_map(|column| column.refusal.as_ref()) {
        finding = finding.note(format!("SET NOT NULL fails: {}", failure.words()));
    }
    let (notes, unset) = triggers(project, state, table, names[0]);
    let finding = notes.into_iter().fold(finding, Finding::note);
    let fill = names.iter().map(|name| format!("{name} = …")).collect::<Vec<_>>().join(", ");
    let fill = format!("UPDATE {table} SET {fill} WHERE {} IS NULL;", names[0]);
    finding.help(match unset.first() {
        Some(setting) => format!(
            "set under [bootstrap] session what the trigger reads, as in \"{setting}\" = \"…\"; \
             or fill them in a post script:\n{fill}"
        ),
        None if leaver.is_none() => {
            format!("let a migration fill them, or a post script:\n{fill}")
        }
        None => format!("let the seed give the value, or a post script:\n{fill}"),
    })
}

/// By whom NULLs came and went: the chain, or a script, and how many more there were after it.
fn steps(trace: &Bootstrapped, place: usize) -> Vec<(Option<Author>, i128)> {
    let counts = trace.path.iter().map(|stride| {
        (stride.author, i128::from(stride.nulls.get(place).copied().unwrap_or_default()))
    });
    let mut last = 0;
    let changes = counts.map(|(author, count)| {
        let change = count - last;
        last = count;
        (author, change)
    });
    changes.filter(|(_, change)| *change != 0).collect()
}

fn step(project: &Project, author: Option<Author>, change: i128) -> String {
    let who = part::name(project, author.unwrap_or(Author::Chain));
    match change {
        ..=-1 => format!("{who} fills {}", -change),
        _ => format!("{who} leaves {change}"),
    }
}

/// What is known of triggers that set a column, and the settings that they read and nobody sets.
fn triggers(
    project: &Project,
    state: &State,
    table: &str,
    column: &str,
) -> (Vec<String>, Vec<String>) {
    let found = triggers_naming(&state.catalog, column);
    let ours = found.iter().filter(|trigger| trigger.table == table).collect::<Vec<_>>();
    let short = parent_of(table).map_or(table, |schema| &table[schema.len() + 1..]);
    let writers = triggers_naming(&state.catalog, short);
    let writers = writers.iter().filter(|trigger| trigger.table != table);
    let session = &project.config.bootstrap.session;
    let is_set = |name: &String| session.keys().any(|key| key.get_ref().eq_ignore_ascii_case(name));
    let mut unset = Vec::new();
    let notes = ours.iter().map(|trigger| {
        let settings = trigger.settings();
        unset.extend(settings.iter().filter(|name| !is_set(name)).cloned());
        let read = match settings.as_slice() {
            [] => String::new(),
            names => format!(", by what the session says in {}", names.join(" and ")),
        };
        format!("the trigger {} ({}) may set it{read}", trigger.name, trigger.function)
    });
    let mut notes = notes.collect::<Vec<_>>();
    notes.extend(writers.map(|Trigger { name, table, function, .. }| {
        format!("the trigger {name} on {table} calls {function}, which names the table")
    }));
    (notes, unset)
}

/// A column without NULLs that Postgres doesn't tighten all the same.
fn refused(column: &Tightened, failure: &Failure) -> Finding {
    let Tightened { table, column, .. } = column;
    let message = format!("{table}.{column} has no NULL, and can't become NOT NULL all the same");
    let finding = Finding::new(message).note(format!(
        "ALTER TABLE {table} ALTER COLUMN {column} SET NOT NULL: {}",
        failure.words()
    ));
    let hints = [&failure.detail, &failure.hint].into_iter().flatten();
    hints.fold(finding, |finding, hint| finding.note(hint.clone())).help(
        "it is altered as the role that owns the database: who owns the table, and does a view, a \
         rule or an event trigger stand in the way?",
    )
}
