//! Triggers, and the settings that functions read: who does something in the place of a script, and
//! what it needs for that.

use super::Finding;
use super::cause::has_word;
use super::change::unquoted;
use crate::catalog::{Catalog, parent_of};
use crate::source::{Project, Seed};
use crate::sql::{Kind, position};
use crate::trace::Sown;

/// A trigger, and the function that it calls.
pub(super) struct Trigger<'a> {
    pub(super) name: &'a str,
    pub(super) table: &'a str,
    /// With the types of its arguments, which it has none of.
    pub(super) function: &'a str,
    definition: &'a str,
}

impl Trigger<'_> {
    /// The settings of made-up classes that its function reads.
    pub(super) fn settings(&self) -> Vec<String> {
        settings_in(self.definition)
    }
}

/// The triggers whose function has a name in its text, such as that of a table or a column.
pub(super) fn triggers_naming<'a>(catalog: &'a Catalog, word: &str) -> Vec<Trigger<'a>> {
    let word = unquoted(word);
    let triggers = catalog.objects.iter().filter(|(identity, trigger)| {
        identity.kind() == "trigger" && trigger.get("disabled").is_none()
    });
    let called = triggers.filter_map(|(identity, trigger)| {
        let (_, call) = trigger.get("definition")?.split_once("EXECUTE FUNCTION ")?;
        let called = call.split_once('(')?.0;
        let mut functions = catalog.objects.iter();
        let (function, object) = functions.find(|(other, _)| {
            other.kind() == "function" && other.name().split('(').next() == Some(called)
        })?;
        let definition = object.get("definition")?;
        has_word(definition, &word).then(|| Trigger {
            name: identity.short_name(),
            table: parent_of(identity.name()).unwrap_or_default(),
            function: function.name(),
            definition,
        })
    });
    called.collect()
}

/// Says of a function that raised an error which settings it reads and nobody makes, and which seed
/// made one for its own transaction alone.
pub(super) fn note_on_settings(
    project: &Project,
    finding: Finding,
    step: &Sown,
    catalog: &Catalog,
) -> Finding {
    let raised = step.failures.iter().find(|failure| failure.sqlstate == RAISED);
    let Some(context) = raised.and_then(|failure| failure.context.as_ref()) else {
        return finding;
    };
    let mut functions = catalog.objects.iter().filter(|(identity, _)| {
        let called = identity.name().split('(').next().unwrap_or_default();
        let short = called.strip_prefix("public.").unwrap_or(called);
        identity.kind() == "function"
            && [called, short].iter().any(|name| context.contains(&format!("function {name}(")))
    });
    let Some((function, object)) = functions.next() else { return finding };
    let session = &project.config.bootstrap.session;
    let mut names = settings_in(object.get("definition").unwrap_or_default());
    names.retain(|name| !session.keys().any(|key| key.get_ref().eq_ignore_ascii_case(name)));
    let Some(first) = names.first() else { return finding };
    let mut finding = finding.note(format!(
        "{} reads {}, which [bootstrap] session does not set",
        function.name(),
        names.join(" and ")
    ));
    for file in project.scripts.seeds[..step.place].iter().filter_map(Seed::file) {
        let sets = file.file.script.statements().find_map(|it| match &it.kind {
            Kind::Set { setting, local: true }
                if names.iter().any(|name| name.eq_ignore_ascii_case(setting)) =>
            {
                Some((it, setting))
            }
            _ => None,
        });
        if let Some((statement, name)) = sets {
            let line = position(&file.file.text, statement.span.start).line;
            let path = &file.file.path;
            finding =
                finding.note(format!("{path}:{line} sets {name}, for its own transaction alone"));
        }
    }
    finding.help(format!(
        "let each transaction have it:\n[bootstrap]\nsession = {{ \"{first}\" = \"…\" }}"
    ))
}

/// RAISE without a code of its own.
const RAISED: &str = "P0001";

/// The settings of made-up classes that a function reads.
fn settings_in(definition: &str) -> Vec<String> {
    let calls = definition.split("current_setting(").skip(1);
    let arguments = calls.filter_map(|call| call.trim_start().strip_prefix('\''));
    let names = arguments.filter_map(|rest| Some(rest.split_once('\'')?.0.to_owned()));
    let mut names = names.filter(|name| name.contains('.')).collect::<Vec<_>>();
    names.sort();
    names.dedup();
    names
}
