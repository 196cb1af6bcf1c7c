//! # What it proves
//!
//! No file leaves anything behind in its session: settings, a role, temporary objects, advisory
//! locks, prepared statements, an open transaction.
//!
//! # Why it matters
//!
//! Many tools run all files on one connection. A dump's `set_config('search_path', '', false)`
//! then breaks every later file that doesn't qualify its names, and only on a first boot: a
//! database that is migrated day by day gets each file on a connection of its own.
//!
//! # Example
//!
//! ```sql
//! SET search_path = app;        -- holds for all later files of this boot
//! SET LOCAL search_path = app;  -- ends with this file's transaction
//! ```

use std::ops::Range;

use super::{Check, Finding, Judge, Usual, Verdict};
use crate::source::{Delivery, Migration, Part, Project, Runner, Sessions, Side};
use crate::sql::{Control, Kind, Object, Statement, literal, position, quoted};
use crate::trace::{Act, Belonging, Leak, Point, Traces, Transaction};

pub(super) const CHECK: Check = Check {
    name: "leaks",
    level: |project| match project.chain.format.sessions {
        Sessions::PerBoot | Sessions::Beside { .. } => Usual::Deny,
        Sessions::PerFile => Usual::Warn,
    },
    judge: Judge::Act { act: Act::Fresh, spared, judge },
};

fn spared(project: &Project) -> Option<String> {
    let runner = match project.chain.runner {
        Runner::Files => return None,
        Runner::Command { .. } => "command",
        Runner::Closure => "closure",
    };
    Some(format!("the {runner} keeps its sessions to itself"))
}

fn judge(project: &Project, traces: &Traces) -> Verdict {
    let boot = &traces.fresh.boot;
    if boot.steps.is_empty() {
        return Verdict::Skipped("no file was played, see `apply`".to_owned());
    }
    let shared = project.chain.format.sessions != Sessions::PerFile;
    let victim = boot.failures().next().filter(|_| shared);
    let mut findings = Vec::new();
    for step in &boot.steps {
        let migration = &project.chain.migrations[step.migration];
        for leak in &step.leaks {
            let finding = tell(project, migration, leak).note(who_sees_it(project));
            findings.push(match victim {
                Some((index, _)) if index > step.migration => {
                    let name = project.chain.migrations[index].file_name();
                    finding.note(format!("{name}, which fails later in this boot, ran with it"))
                }
                Some((index, failure))
                    if index == step.migration && failure.at == Point::Ledger =>
                {
                    finding.note("the tool's own ledger entry, which fails after it, ran with it")
                }
                // Nobody has suffered yet, or not from this.
                _ => match sufferer(project, migration, leak).filter(|_| shared) {
                    Some(note) => finding.note(note),
                    None => finding,
                },
            });
        }
    }
    findings.extend(of_baseline(project, traces));
    let (played, all) = (boot.steps.len(), project.chain.migrations.len());
    if played < all {
        return Verdict::Partly(findings, format!("only {played} of {all} files were played"));
    }
    Verdict::Judged(findings)
}

/// What a baseline that is none of the migrations yet leaves in its session.
fn of_baseline(project: &Project, traces: &Traces) -> Vec<Finding> {
    let (Some(squash), Some(squashed)) = (&project.squash, &traces.squashed) else {
        return Vec::new();
    };
    let new = squash.new_side(project);
    if squash.own == Side::New || new.chain.format.sessions == Sessions::PerFile {
        return Vec::new();
    }
    let steps = squashed.other.steps.iter();
    let leaks = steps.flat_map(|step| step.leaks.iter().map(|leak| (step.migration, leak)));
    let told = leaks
        .map(|(place, leak)| tell(new, &new.chain.migrations[place], leak).note(who_sees_it(new)));
    told.collect()
}

/// The first later file that names something without its schema, which a changed `search_path`
/// would have it look for elsewhere.
fn sufferer(project: &Project, migration: &Migration, leak: &Leak) -> Option<String> {
    let Leak::Setting { name, before, after } = leak else { return None };
    let first = |path: &str| {
        let mut schemas = path.split(',').map(str::trim).filter(|it| *it != "\"$user\"");
        schemas.next().map(str::to_owned)
    };
    if name != "search_path" || first(before) == first(after) {
        return None;
    }
    let migrations = &project.chain.migrations;
    let place = migrations.iter().position(|it| it.file.path == migration.file.path)?;
    let mut found = migrations[place + 1..].iter().flat_map(|later| {
        let statements = later.file.script.statements();
        statements.filter_map(move |statement| {
            let name = statement.name.as_ref().filter(|_| goes_by_path(&statement.kind));
            let named = [statement.table.as_ref(), name];
            let bare = named.into_iter().flatten().find(|it| it.schema.is_none())?;
            let at = position(&later.file.text, statement.span.start);
            Some(format!("{}:{}, which names {bare} without a schema", later.file.path, at.line))
        })
    });
    found.next().map(|place| format!("the first to suffer from it is {place}"))
}

/// Whether the name of what a statement makes, drops or alters is one of those that the path finds.
fn goes_by_path(kind: &Kind) -> bool {
    let (Kind::Create(object) | Kind::Drop(object) | Kind::Alter { object, .. }) = kind else {
        return true;
    };
    match object {
        // It comes into the schema of its table.
        Object::Index => !matches!(kind, Kind::Create(_)),
        Object::AccessMethod
        | Object::Cast
        | Object::Database
        | Object::EventTrigger
        | Object::Extension
        | Object::ForeignDataWrapper
        | Object::Language
        | Object::Policy
        | Object::Publication
        | Object::Role
        | Object::Rule
        | Object::Schema
        | Object::Server
        | Object::Subscription
        | Object::System
        | Object::Tablespace
        | Object::Transform
        | Object::Trigger
        | Object::UserMapping => false,
        _ => true,
    }
}

fn who_sees_it(project: &Project) -> &'static str {
    match project.chain.format.sessions {
        Sessions::PerBoot | Sessions::Beside { .. } => {
            "all files of a boot share one connection, so every later one sees it"
        }
        Sessions::PerFile => {
            "each file has a connection of its own here; a pooled one would keep it"
        }
    }
}

fn tell(project: &Project, migration: &Migration, leak: &Leak) -> Finding {
    let name = migration.file_name();
    let statement = culprit(migration, leak);
    let finding = match leak {
        Leak::Setting { name: setting, before, after } => {
            // Outside a transaction, SET LOCAL does nothing at all; and in one that holds the boot,
            // it lasts as long as that.
            let local = match project.chain.format.delivery {
                Delivery::Message | Delivery::Lines { .. } => {
                    project.chain.format.boot_transaction.is_none()
                        && statement.is_none_or(|it| shares_transaction(migration, it))
                }
                Delivery::Statements => {
                    statement.is_some_and(|it| is_in_transaction(migration, it))
                }
            };
            Finding::new(format!("{name} leaves `{setting}` changed"))
                .label(format!("was {}, stays {}", shown(before), shown(after)))
                .help(instead(setting, after, local))
        }
        Leak::Belonging(Belonging::Temporary { kind, name: thing }) => {
            let kind_in_words = kind.to_lowercase();
            Finding::new(format!("{name} leaves the temporary {kind_in_words} {thing} behind"))
                .help(format!("drop it at the end of the file: DROP {kind} {};", quoted(thing)))
        }
        Leak::Belonging(Belonging::AdvisoryLock { numbers }) => {
            Finding::new(format!("{name} leaves the advisory lock ({numbers}) held"))
                .help("use pg_advisory_xact_lock, which ends with the transaction")
        }
        Leak::Belonging(Belonging::PreparedStatement { name: thing }) => {
            Finding::new(format!("{name} leaves the prepared statement {thing} behind"))
                .help(format!("at the end of the file: DEALLOCATE {};", quoted(thing)))
        }
        Leak::Belonging(Belonging::Channel { name: thing }) => {
            Finding::new(format!("{name} still listens to {thing}"))
                .help(format!("at the end of the file: UNLISTEN {};", quoted(thing)))
        }
        Leak::Transaction(Transaction::Aborted) => {
            Finding::new(format!("{name} leaves an aborted transaction behind"))
                .help("end it in the same file: ROLLBACK;")
        }
        Leak::Transaction(_) => Finding::new(format!("{name} leaves a transaction open"))
            .help("end it in the same file: COMMIT;"),
    };
    finding.in_migration(migration, statement.map(|statement| statement.span.clone()))
}

/// The last statement that could have done it. A function or a DO block can hide it: then the one
/// that names what leaked.
fn culprit<'a>(migration: &'a Migration, leak: &Leak) -> Option<&'a Statement> {
    let last = |did: &dyn Fn(&Statement) -> bool| {
        migration.file.script.statements().rev().find(|statement| did(statement))
    };
    let mentions = |statement: &Statement, word: &str| {
        migration.file.text[statement.span.clone()].to_lowercase().contains(word)
    };
    match leak {
        Leak::Setting { name, .. } => last(&|statement| match &statement.kind {
            Kind::Set { setting, local: false } => setting == name,
            _ => false,
        })
        .or_else(|| last(&|statement| mentions(statement, &name.to_lowercase()))),
        Leak::Belonging(Belonging::Temporary { name, .. }) => last(&|statement| {
            statement.temporary && statement.name.as_ref().is_some_and(|it| it.name == *name)
        }),
        Leak::Belonging(Belonging::AdvisoryLock { numbers }) => {
            let locks = |statement: &Statement| mentions(statement, "advisory_lock");
            let first = numbers.split(',').next().unwrap_or_default();
            last(&|statement| locks(statement) && mentions(statement, &format!("({first}")))
                .or_else(|| last(&locks))
        }
        Leak::Belonging(Belonging::PreparedStatement { name }) => {
            last(&|statement| mentions(statement, "prepare") && mentions(statement, name))
        }
        Leak::Belonging(Belonging::Channel { name }) => {
            last(&|statement| mentions(statement, "listen") && mentions(statement, name))
        }
        Leak::Transaction(_) => {
            last(&|statement| matches!(statement.kind, Kind::Transaction(Control::Begin)))
        }
    }
}

fn part_of<'a>(migration: &'a Migration, statement: &Statement) -> Option<&'a Part> {
    migration.parts.iter().find(|part| part.span.contains(&statement.span.start))
}

/// Whether the statement's transaction can hold others: the tool's, or that of its message.
fn shares_transaction(migration: &Migration, statement: &Statement) -> bool {
    let holds = |range: &&Range<usize>| range.contains(&statement.span.start);
    part_of(migration, statement).is_none_or(|part| {
        let message = part.messages.iter().find(holds);
        let others = migration.file.script.statements().filter(|it| *it != statement);
        let mut others = others.map(|it| it.span.start);
        part.begin.is_some()
            || part.messages.len() == 1
            || message.is_some_and(|message| others.any(|at| message.contains(&at)))
    })
}

/// Whether the statement stands between a BEGIN, the tool's or one of its file, and what ends it.
fn is_in_transaction(migration: &Migration, statement: &Statement) -> bool {
    let script = &migration.file.script;
    let before = script.statements().take_while(|earlier| earlier.span.end <= statement.span.start);
    let controls = before.filter_map(|earlier| match earlier.kind {
        Kind::Transaction(control @ (Control::Begin | Control::Commit | Control::Rollback)) => {
            Some(control)
        }
        _ => None,
    });
    let begun = || part_of(migration, statement).is_some_and(|part| part.begin.is_some());
    controls.last().map_or_else(begun, |control| control == Control::Begin)
}

fn shown(value: &str) -> String {
    if value.is_empty() { "''".to_owned() } else { format!("`{value}`") }
}

/// What to write instead, for a file in which SET LOCAL lasts or doesn't.
fn instead(setting: &str, value: &str, local: bool) -> String {
    match setting {
        _ if !local => format!("at the end of the file: RESET {setting};"),
        "role" | "session_authorization" => {
            format!("SET LOCAL {setting} …; or, at the end of the file: RESET {setting};")
        }
        _ if value.is_empty() => format!(
            "SELECT pg_catalog.set_config('{setting}', '', true);  -- true: in this transaction"
        ),
        "search_path" => format!("SET LOCAL search_path = {value};"),
        _ => format!("SET LOCAL {setting} = {};", literal(value)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::SourceFile;
    use crate::sql::Script;

    fn check_after(begin: Option<&'static str>, text: &str, number: usize, expected: bool) {
        let (path, script) = ("1_a.sql".to_owned(), Script::parse(text));
        let file = SourceFile { path, text: text.into(), script };
        let parts = vec![Part::message(0..text.len(), begin)];
        let migration = Migration { parts, ..Migration::whole("1", "1_a", file) };
        let statement = migration.file.script.statements().nth(number).expect("a statement");
        assert_eq!(is_in_transaction(&migration, statement), expected, "{text}");
    }

    fn check(text: &str, number: usize, expected: bool) {
        check_after(None, text, number, expected);
    }

    #[test]
    fn what_lives_in_no_schema_is_not_looked_for_in_one() {
        let check = |text: &str, goes: bool| {
            let script = crate::sql::Script::parse(text);
            let statement = script.statements().next().expect("a statement");
            assert_eq!(goes_by_path(&statement.kind), goes, "{text}");
        };
        check("CREATE TABLE a (b int)", true);
        check("DROP FUNCTION f()", true);
        check("DROP INDEX a_b", true);
        check("INSERT INTO a VALUES (1)", true);
        check("CREATE INDEX a_b ON public.a (b)", false);
        check("CREATE EXTENSION hstore WITH SCHEMA public", false);
        check("CREATE SCHEMA other", false);
        check("CREATE TRIGGER t BEFORE INSERT ON public.a EXECUTE FUNCTION public.f()", false);
    }

    #[test]
    fn a_statement_is_in_a_transaction_between_begin_and_commit() {
        check("SET a = 1;", 0, false);
        check("BEGIN; SET a = 1; COMMIT;", 1, true);
        check("BEGIN; SAVEPOINT s; ROLLBACK TO s; SET a = 1;", 3, true);
        check("BEGIN; COMMIT; SET a = 1;", 2, false);
    }

    #[test]
    fn the_tools_own_transaction_counts_until_the_file_ends_it() {
        check_after(Some("BEGIN"), "SET a = 1;", 0, true);
        check_after(Some("BEGIN"), "SELECT 1; SET a = 1;", 1, true);
        check_after(Some("BEGIN"), "COMMIT; SET a = 1;", 1, false);
    }
}
