//! sqitch: `sqitch.plan`, and for each of its changes a script in `deploy/`, `revert/`, `verify/`.
//!
//! As its version 1.3 does it with Postgres and its default options, by `sqitch deploy`:
//!
//! - *Files.* `sqitch.conf` says where the rest is; without it, all is where the plan is. The plan
//!   names the changes in their order, which is checked against what they require; names may have
//!   folders. A change that was reworked after a tag keeps its first script as `name@tag.sql`. A
//!   plan that can't be read, and nothing starts; a change without a script, and the deploy ends
//!   there. Scripts that no change names are passed over without a word.
//! - *Execution.* Each script by `psql --file` in a session of its own, which ends at the first
//!   error. It says BEGIN and COMMIT itself. psql knows the variables of the configuration. If
//!   `verify` is set under `[deploy]`, a change's verify script runs right after the other one.
//! - *Ledger.* The schema `sqitch`, whatever `registry` calls it: changes, tags, dependencies and
//!   events, written after the scripts by sqitch's own session. Ids are digests of the plan, and no
//!   two scripts of a project may have the same digest.
//! - *Pending* is what the plan has after the last change that was deployed. A plan without that
//!   change is refused.
//!
//! While a script runs, sqitch's own session holds a lock on the registry's changes, for which a
//! `VACUUM` of everything waits without end. When a change fails, sqitch goes on to run revert
//! scripts, back to where it began: that is not played.

mod plan;
mod settings;

use std::collections::{BTreeMap, BTreeSet};

use self::plan::{Change, Dependency, Entry, Fault, Plan, digest};
use self::settings::{Settings, expanded};
use super::plain::refuse_commands;
use super::squashing::last;
use super::{Body, Rewriting, Squashed};
use super::{Claim, Delivery, Files, Folder, Format, Ledger, Migration, Oddity, Part, Pending};
use super::{Placing, Sessions, SourceFile};
use crate::config::Level;
use crate::sql::{Control, Kind, Object, Script, literal, position};
use crate::{Error, Result};

pub(super) const FORMAT: Format = Format {
    name: "sqitch",
    example: "sqitch.plan with deploy/users.sql",
    claim,
    read,
    delivery: Delivery::Statements,
    sessions: Sessions::PerFile,
    without_transaction: None,
    lost_transaction: None,
    boot_transaction: None,
    forced: &[],
    float_digits: None,
    placing: PLACING,
    dump: None,
    signpost: None,
    settings: None,
    ledger: Some(Ledger {
        table: "changes",
        home: "SELECT 'sqitch'",
        asks_again: false,
        is_one_row: false,
        ensure: |home| include_str!("sqitch/registry.sql").replace("{home}", &home.schema),
        applied: |home| {
            format!(
                "SELECT change_id || ' ' || change FROM {home}.changes ORDER BY committed_at DESC"
            )
        },
        pending,
        before: Some(|home, _| format!("BEGIN; LOCK TABLE {home}.changes IN EXCLUSIVE MODE")),
        after: |home, migration| match migration.entry.as_str() {
            "" => String::new(),
            rows => format!("SET LOCAL search_path = {home}; {rows}"),
        },
        finally: Some(|_, _| "COMMIT".to_owned()),
        rewriting: Rewriting {
            before: &["projects"],
            after: &["tags", "dependencies", "events"],
            ..Rewriting::of(&["change_id", "change"])
        },
    }),
    squash,
};

const PLACING: Placing = Placing {
    has_place: |_| true,
    // A change that is reworked leaves its script's name to the new one, and gets that of a tag.
    series: |path| {
        let start = path.rfind('/').map_or(0, |at| at + 1);
        let end = path[start..].find('@').or_else(|| path[start..].rfind('.'));
        end.map_or(path, |end| &path[..start + end])
    },
    is_by_file: false,
    help: "move its line in the plan below that of",
    latecomers: "no longer knows what it deployed, since later changes' ids follow from it, and \
                 refuses to deploy",
    twins: None,
};

const CONFIGURATION: &str = "sqitch.conf";

const PLAN: &str = "sqitch.plan";

/// A plan or a configuration is nobody else's.
fn claim(folder: &Folder) -> Claim {
    let ours = folder.names().filter(|name| [CONFIGURATION, PLAN].contains(name)).count();
    Claim::if_marked(ours, ours > 0)
}

/// Where what is.
struct Layout {
    /// The folder in which sqitch works, and from which all paths are.
    folder: Folder,
    settings: Settings,
    /// With a `/` at its end, unless it is the folder itself.
    top: String,
    plan: String,
    ending: String,
}

impl Layout {
    fn read(folder: &Folder) -> Result<Self> {
        let home = folder.holder(CONFIGURATION)?;
        let has_one = home.is_some();
        let folder = home.unwrap_or_else(|| folder.clone());
        let text = if has_one { folder.text(CONFIGURATION)? } else { String::new() };
        let settings = Settings::parse(&text).map_err(|line| {
            let path = folder.path_of(CONFIGURATION);
            Error::new(format!("{path}:{line}: sqitch can't read this line of its configuration"))
                .help("write `name = value` below a line such as [core]")
        })?;
        let path = |key: &str| settings.of_target(key).map(|path| relative(path, key)).transpose();
        let top = path("top_dir")?.map_or(String::new(), |top| with_slash(&top));
        let plan = path("plan_file")?.unwrap_or_else(|| format!("{top}{PLAN}"));
        let ending = format!(".{}", settings.of_target("extension").unwrap_or("sql"));
        Ok(Self { folder, settings, top, plan, ending })
    }

    /// The folder of one kind of scripts, with a `/` at its end.
    fn scripts(&self, kind: &str, reworked: bool) -> Result<String> {
        let said = |key: &str| {
            let path = self.settings.of_target(key).map(|path| relative(path, key)).transpose();
            path.map(|path| path.map(|path| with_slash(&path)))
        };
        if !reworked {
            let own = said(&format!("{kind}_dir"))?;
            return Ok(own.unwrap_or_else(|| format!("{}{kind}/", self.top)));
        }
        if let Some(own) = said(&format!("reworked_{kind}_dir"))? {
            return Ok(own);
        }
        match said("reworked_dir")? {
            Some(top) => Ok(format!("{top}{kind}/")),
            None => Ok(format!("{}{kind}/", self.top)),
        }
    }
}

fn with_slash(path: &str) -> String {
    if path.is_empty() { String::new() } else { format!("{path}/") }
}

/// A path of the configuration, without what goes without saying.
fn relative(path: &str, key: &str) -> Result<String> {
    let parts = path.split('/').filter(|part| !part.is_empty() && *part != ".");
    let parts = parts.collect::<Vec<_>>();
    if path.starts_with('/') || parts.contains(&"..") {
        return Err(Error::new(format!(
            "{CONFIGURATION} says {key} = {path}, which is outside of the project's folder"
        ))
        .help("name a folder below that of sqitch.conf"));
    }
    Ok(parts.join("/"))
}

fn read(folder: &Folder) -> Result<Files> {
    let layout = Layout::read(folder)?;
    let Layout { folder, settings, plan: path, .. } = &layout;
    let mut files = Files { migrations: Vec::new(), oddities: Vec::new() };
    if !settings.is_postgres() {
        let engine = settings.engine().unwrap_or_default();
        return Err(Error::new(format!("{CONFIGURATION} deploys to {engine}, not to Postgres"))
            .help("rehearsal plays what is deployed to Postgres: engine = pg under [core]"));
    }
    if !folder.holds(path) {
        return Err(Error::new(format!("{} does not exist", folder.path_of(path))).help(format!(
            "write the plan with `sqitch add`, or say plan_file in {CONFIGURATION}"
        )));
    }
    let text = folder.text(path)?;
    let plan = Plan::parse(&text, path).and_then(|plan| match plan.unsatisfied(path) {
        Some(fault) => Err(fault),
        None => Ok(plan),
    });
    match plan {
        Ok(plan) => take(&layout, &plan, &mut files)?,
        Err(fault) => files.oddities.push(refused(folder.path_of(path), &fault)),
    }
    Ok(files)
}

/// The scripts of all changes, and what is odd about them.
fn take(layout: &Layout, plan: &Plan, files: &mut Files) -> Result<()> {
    let Layout { folder, settings, .. } = layout;
    let mut named = BTreeSet::new();
    let mut digests = BTreeMap::new();
    for change in &plan.changes {
        let deploy = script(layout, change, "deploy")?;
        let verify = script(layout, change, "verify")?;
        let revert = script(layout, change, "revert")?;
        named.extend([deploy.clone(), verify.clone(), revert.clone()]);
        let name = &change.entry.name;
        if !folder.holds(&deploy) {
            files.oddities.push(missing(folder, name, &deploy));
            continue;
        }
        if !folder.holds(&revert) {
            files.oddities.push(no_way_back(folder, name, &revert));
        }
        let text = folder.text(&deploy)?;
        let hash = digest(text.as_bytes());
        if let Some(first) = digests.insert(hash.clone(), deploy.clone()) {
            files.oddities.push(same(folder, &first, &deploy));
        }
        let rows = rows(plan, change, &hash);
        let mut paths = vec![deploy];
        if settings.verifies() {
            if folder.holds(&verify) {
                paths.push(verify);
            } else {
                files.oddities.push(unverified(folder, name, &verify));
            }
        }
        let last = paths.len() - 1;
        for (index, path) in paths.iter().enumerate() {
            let file = sent(layout, path)?;
            files.oddities.extend(open_transaction(&file).filter(|_| index == 0));
            let stem = path.rsplit_once('.').map_or(path.as_str(), |(stem, _)| stem);
            let entry = if index == last { rows.clone() } else { String::new() };
            files.migrations.push(Migration {
                version: change.entry.id.clone(),
                name: stem.strip_prefix(&layout.top).unwrap_or(stem).to_owned(),
                parts: vec![Part::message(0..file.text.len(), None)],
                file,
                entry,
            });
        }
    }
    for kind in ["deploy", "revert", "verify"] {
        for dir in BTreeSet::from([layout.scripts(kind, false)?, layout.scripts(kind, true)?]) {
            let all = scripts_below(layout, dir.trim_end_matches('/'))?;
            let stray = all.iter().filter(|path| !named.contains(*path));
            files.oddities.extend(stray.map(|path| unnamed(folder, path, &layout.plan)));
        }
    }
    Ok(())
}

/// The path of a change's script. A reworked change has it under the name of a tag; of several, the
/// first for which there is a deploy script.
fn script(layout: &Layout, change: &Change, kind: &str) -> Result<String> {
    let (name, ending) = (&change.entry.name, &layout.ending);
    let dir = layout.scripts(kind, !change.rework_tags.is_empty())?;
    let Some(first) = change.rework_tags.first() else {
        return Ok(format!("{dir}{name}{ending}"));
    };
    let deploys = layout.scripts("deploy", true)?;
    let is_there = |tag: &&String| layout.folder.holds(&format!("{deploys}{name}@{tag}{ending}"));
    let tag = change.rework_tags.iter().find(is_there).unwrap_or(first);
    Ok(format!("{dir}{name}@{tag}{ending}"))
}

/// All scripts in a folder and those below it.
fn scripts_below(layout: &Layout, path: &str) -> Result<Vec<String>> {
    if !layout.folder.holds_folder(path) {
        return Ok(Vec::new());
    }
    let mut found = Vec::new();
    for (within, folder) in layout.folder.folder(path)?.below()? {
        let names = folder.names().filter(|name| name.ends_with(&layout.ending));
        found.extend(names.map(|name| format!("{path}/{within}{name}")));
    }
    Ok(found)
}

/// A script as psql sends it.
fn sent(layout: &Layout, path: &str) -> Result<SourceFile> {
    let mut file = layout.folder.read(path)?;
    refuse_commands(&file)?;
    match expanded(&file.text, &layout.settings.variables()) {
        Ok(text) if *text == *file.text => {}
        Ok(text) => {
            file.script = Script::parse(&text);
            file.text = text.into();
        }
        Err(place) => {
            let line = position(&file.text, place.start).line;
            return Err(Error::new(format!(
                "{}:{line}: {} is psql's own variable, which rehearsal does not know",
                file.path, &file.text[place]
            ))
            .help("ask the server instead: current_database(), current_user, current_setting(…)"));
        }
    }
    Ok(file)
}

/// What the registry is told of a change, by names that its schema resolves.
fn rows(plan: &Plan, change: &Change, hash: &str) -> String {
    let (project, id) = (literal(&plan.project), literal(&change.entry.id));
    let uri = plan.uri.as_deref().map_or("NULL".to_owned(), literal);
    let name = literal(&change.entry.name);
    let creator = planner(&change.entry);
    let mut sql = format!(
        "INSERT INTO projects (project, uri, creator_name, creator_email) \
         VALUES ({project}, {uri}, {creator}) ON CONFLICT DO NOTHING; \
         INSERT INTO changes (change_id, script_hash, change, project, note, committer_name, \
         committer_email, planned_at, planner_name, planner_email) \
         VALUES ({id}, '{hash}', {name}, {project}, {}); ",
        who_and_when(&change.entry)
    );
    let kinds = [("require", &change.requires), ("conflict", &change.conflicts)];
    let all = kinds.into_iter().flat_map(|(kind, all)| all.iter().map(move |it| (kind, it)));
    for (kind, Dependency { text, id: needed, .. }) in all {
        let needed = needed.as_deref().map_or("NULL".to_owned(), literal);
        sql += &format!(
            "INSERT INTO dependencies VALUES ({id}, '{kind}', {}, {needed}); ",
            literal(text)
        );
    }
    for tag in &change.tags {
        sql += &format!(
            "INSERT INTO tags (tag_id, tag, project, change_id, note, committer_name, \
             committer_email, planned_at, planner_name, planner_email) \
             VALUES ('{}', {}, {project}, {id}, {}); ",
            tag.id,
            literal(&format!("@{}", tag.name)),
            who_and_when(tag)
        );
    }
    let list = |texts: Vec<String>| {
        let texts = texts.iter().map(|text| literal(text)).collect::<Vec<_>>().join(", ");
        format!("ARRAY[{texts}]::text[]")
    };
    let texts = |all: &[Dependency]| list(all.iter().map(|it| it.text.clone()).collect());
    let tags = list(change.tags.iter().map(|tag| format!("@{}", tag.name)).collect());
    sql + &format!(
        "INSERT INTO events (event, change_id, change, project, tags, requires, conflicts, note, \
         committer_name, committer_email, planned_at, planner_name, planner_email) \
         VALUES ('deploy', {id}, {name}, {project}, {tags}, {}, {}, {});",
        texts(&change.requires),
        texts(&change.conflicts),
        who_and_when(&change.entry)
    )
}

/// The note, the committer, the time and the planner. sqitch asks the user's configuration who
/// deploys; whoever has planned a change is the only one that the project knows.
fn who_and_when(entry: &Entry) -> String {
    let (note, planner) = (literal(&entry.note), planner(entry));
    format!("{note}, {planner}, '{}', {planner}", entry.planned_at)
}

/// Name and e-mail.
fn planner(entry: &Entry) -> String {
    [&entry.planner_name, &entry.planner_email].map(|text| literal(text)).join(", ")
}

fn pending(chain: &[Migration], applied: &[String]) -> Pending {
    let Some((last, name)) = applied.first().and_then(|row| row.split_once(' ')) else {
        return Ok((0..chain.len()).collect());
    };
    let Some(at) = chain.iter().rposition(|migration| migration.version == last) else {
        return Err(format!("Cannot find change {last} ({name}) in {PLAN}"));
    };
    let ids = applied.iter().filter_map(|row| row.split_once(' ')).collect::<Vec<_>>();
    let later = chain[at + 1..].iter();
    let again = later.filter_map(|it| ids.iter().find(|(id, _)| *id == it.version));
    if let Some((id, name)) = again.into_iter().next() {
        return Err(format!("Change \"{name} ({id})\" has already been deployed"));
    }
    Ok((at + 1..chain.len()).collect())
}

/// A transaction that a script begins and doesn't end: it is gone with psql's session.
fn open_transaction(file: &SourceFile) -> Option<Oddity> {
    let mut controls =
        file.script.statements().rev().filter_map(|statement| match statement.kind {
            Kind::Transaction(Control::Savepoint | Control::Release | Control::RollbackTo) => None,
            Kind::Transaction(control) => Some((control, statement.span.start)),
            _ => None,
        });
    let (_, start) = controls.next().filter(|(control, _)| *control == Control::Begin)?;
    let line = position(&file.text, start).line;
    Some(Oddity {
        path: file.path.clone(),
        message: format!(
            "the transaction of line {line} is never committed: psql ends, it is rolled back, and \
             sqitch goes on as if the change had been made"
        ),
        help: "end the script with COMMIT;".to_owned(),
        level: Level::Deny,
        fatal: false,
    })
}

fn refused(path: String, Fault { said, help }: &Fault) -> Oddity {
    Oddity {
        path,
        message: format!("sqitch refuses to deploy: {said}"),
        help: (*help).to_owned(),
        level: Level::Deny,
        fatal: true,
    }
}

fn missing(folder: &Folder, change: &str, path: &str) -> Oddity {
    Oddity {
        path: folder.path_of(path),
        message: format!(
            "the plan names the change {change}, and this script of it does not exist: there the \
             deploy ends"
        ),
        help: format!("write the script, or take the change {change} out of the plan"),
        level: Level::Deny,
        fatal: true,
    }
}

fn no_way_back(folder: &Folder, change: &str, path: &str) -> Oddity {
    Oddity {
        path: folder.path_of(path),
        message: format!(
            "the change {change} has no revert script: when a later change fails, sqitch can't \
             lead back to where the deploy began"
        ),
        help: "write the script; one that can't lead back raises an exception".to_owned(),
        level: Level::Warn,
        fatal: false,
    }
}

fn unverified(folder: &Folder, change: &str, path: &str) -> Oddity {
    Oddity {
        path: folder.path_of(path),
        message: format!(
            "the change {change} has no verify script, and deploys verify: sqitch says so and goes \
             on"
        ),
        help: "write the script".to_owned(),
        level: Level::Warn,
        fatal: false,
    }
}

fn same(folder: &Folder, first: &str, second: &str) -> Oddity {
    Oddity {
        path: folder.path_of(second),
        message: format!(
            "is the same as {first}, byte for byte: sqitch's registry refuses the second of them, \
             and the deploy ends there"
        ),
        help: "a change that does the same on purpose says so in a comment".to_owned(),
        level: Level::Deny,
        fatal: false,
    }
}

fn unnamed(folder: &Folder, path: &str, plan: &str) -> Oddity {
    Oddity {
        path: folder.path_of(path),
        message: format!(
            "sqitch never runs this script: {plan} names no change to which it belongs"
        ),
        help: "add the change to the plan, or remove the script".to_owned(),
        level: Level::Warn,
        fatal: false,
    }
}

fn squash(folder: &Folder, chain: &[Migration], body: &Body) -> Result<Squashed> {
    const NAME: &str = "baseline";
    last(chain)?;
    let layout = Layout::read(folder)?;
    let Layout { folder, settings, plan: plan_path, ending, .. } = &layout;
    let text = folder.text(plan_path)?;
    let plan = Plan::parse(&text, plan_path).map_err(|fault| Error::new(fault.said))?;
    let mut retired = vec![plan_path.clone()];
    for change in &plan.changes {
        for kind in ["deploy", "verify", "revert"] {
            let path = script(&layout, change, kind)?;
            retired.extend(folder.holds(&path).then_some(path));
        }
    }
    let path =
        |kind: &str| Ok::<_, Error>(format!("{}{NAME}{ending}", layout.scripts(kind, false)?));
    let (head, up) = (body.head(), body.up_with_transaction());
    let deploy = path("deploy")?;
    let mut written = vec![
        (deploy.clone(), format!("{head}\n{up}\n")),
        (path("revert")?, format!("{head}\n{}\n", body.down())),
        (plan_path.clone(), renewed_plan(&text, &plan, NAME)),
    ];
    if settings.verifies()
        || retired.iter().any(|it| it.starts_with(&format!("{}verify/", layout.top)))
    {
        written.push((path("verify")?, format!("{head}\n{}\n", verification(body))));
    }
    let here = |path: String| folder.path_of(&path);
    let shared = folder.holds(CONFIGURATION).then(|| CONFIGURATION.to_owned());
    Ok(Squashed {
        path: here(deploy),
        written: written.into_iter().map(|(path, text)| (here(path), text)).collect(),
        retired: retired.into_iter().map(here).collect(),
        shared: shared.into_iter().map(here).collect(),
        base: Some(folder.name().to_owned()),
        last: plan.changes.last().map(|change| change.entry.name.clone()),
    })
}

/// The plan with one change, planned when the last one was, and with all tags after it: later
/// changes may name them.
fn renewed_plan(text: &str, plan: &Plan, name: &str) -> String {
    let lines = |first: char| text.lines().filter(move |line| line.starts_with(first));
    let mut renewed = lines('%').fold(String::new(), |text, line| text + line + "\n");
    if let Some(Change { entry, .. }) = plan.changes.last() {
        let Entry { planned_at, planner_name, planner_email, .. } = entry;
        let count = plan.changes.len();
        renewed += &format!(
            "\n{name} {planned_at} {planner_name} <{planner_email}> \
             # What {count} changes came to.\n"
        );
    }
    renewed.extend(lines('@').map(|line| format!("{line}\n")));
    renewed
}

/// A script that fails where a table is missing.
fn verification(body: &Body) -> String {
    let tables = body.statements.iter().filter_map(|statement| {
        let script = Script::parse(statement);
        let first = script.statements().next()?;
        let is_table = first.kind == Kind::Create(Object::Table);
        first.name.clone().filter(|_| is_table).map(|name| format!("SELECT FROM {name} LIMIT 0;\n"))
    });
    format!("BEGIN;\n\n{}\nROLLBACK;", tables.collect::<String>())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pending_is_what_comes_after_the_last_change() {
        let chain = ["a", "b", "b", "c"].map(super::super::bare);
        let pending = |applied: &[&str]| {
            let applied = applied.iter().map(|row| (*row).to_owned()).collect::<Vec<_>>();
            pending(&chain, &applied)
        };
        assert_eq!(pending(&[]), Ok(vec![0, 1, 2, 3]));
        assert_eq!(pending(&["b second", "a first"]), Ok(vec![3]));
        assert_eq!(pending(&["c last"]), Ok(vec![]));
        let unknown = "Cannot find change d (other) in sqitch.plan";
        assert_eq!(pending(&["d other", "a first"]), Err(unknown.to_owned()));
        let again = "Change \"last (c)\" has already been deployed";
        assert_eq!(pending(&["b second", "c last"]), Err(again.to_owned()));
    }

    fn check(path: &str, expected: Option<&str>) {
        assert_eq!(relative(path, "top_dir").ok().as_deref(), expected, "{path}");
    }

    #[test]
    fn paths_stay_below_the_configuration() {
        check(".", Some(""));
        check("./db//sqitch/", Some("db/sqitch"));
        check("../db", None);
        check("/db", None);
    }

    fn check_open(text: &str, expected: bool) {
        let script = Script::parse(text);
        let file = SourceFile { path: String::new(), text: text.into(), script };
        assert_eq!(open_transaction(&file).is_some(), expected, "{text}");
    }

    #[test]
    fn a_transaction_that_is_never_committed_is_noticed() {
        check_open("BEGIN; CREATE TABLE a (id int); COMMIT;", false);
        check_open("BEGIN; CREATE TABLE a (id int);", true);
        check_open("BEGIN; COMMIT; START TRANSACTION; SELECT 1;", true);
        check_open("CREATE TABLE a (id int);", false);
    }
}
