//! Squashes the chain of a project: plays it, and writes what people write by hand, the baseline,
//! the rollout, the rollback and a runbook. All of it is written into a likeness of the project
//! first, and rehearsed there; the project itself is left alone until somebody says so.
//!
//! `dump`, `ledger` and `runbook` are text from text, and `changes` is files. Must not know how
//! checks judge, nor how anything is told to people.

mod changes;
mod dump;
mod ledger;
mod runbook;

use std::path::{Path, PathBuf};
use std::time::Duration;
use std::{fs, io};

use self::changes::{Changes, mirror};
use self::dump::Setting;
use self::ledger::{Rewrite, Row, statements_of};
use self::runbook::{Runbook, Scripts};
use crate::acts::Progress;
use crate::config::{self, Boot, Level};
use crate::rehearsal::named_versions;
use crate::report::Report;
use crate::server::{Database, News, Version, value};
use crate::source::formats::{Body, Squashed};
use crate::source::{self, Home, Ledger, Project, Temporary, commit_with, fork_with};
use crate::sql::{Kind, Object, Statement, quoted};
use crate::{Error, Rehearsal, Result};

/// What somebody wants squashed, and where it is played.
#[derive(Debug, Clone)]
pub(crate) struct Order {
    pub(crate) root: PathBuf,
    /// None for those of the project.
    pub(crate) versions: Vec<String>,
    pub(crate) server: Option<String>,
    pub(crate) limit: Duration,
    /// Whether files that are there may be overwritten.
    pub(crate) force: bool,
}

/// A squash that is written into a likeness of the project.
pub(crate) struct Draft {
    order: Order,
    /// How many migrations were squashed, and in whose layout.
    pub(crate) count: usize,
    pub(crate) tool: &'static str,
    /// How many statements the baseline has.
    pub(crate) statements: usize,
    pub(crate) baseline: String,
    pub(crate) runbook: String,
    pub(crate) rollout: Option<String>,
    /// Where the old chain is, in words.
    pub(crate) chain: String,
    pub(crate) marker: Option<String>,
    changes: Changes,
    likeness: Likeness,
}

/// A project of links to another one.
struct Likeness {
    _folder: Temporary,
    root: PathBuf,
}

/// Where what is written goes, beside the migrations.
struct Places {
    rollout: String,
    rollback: String,
    runbook: String,
    chain: String,
}

/// The squashed chain: played, and what of it goes where.
struct Old {
    project: Project,
    database: Database,
    /// As 2026-05-19.
    day: String,
    places: Places,
    body: Body,
    squashed: Squashed,
    reaches_server: bool,
    /// The commit that has all its files as they are.
    commit: Option<String>,
}

impl Order {
    /// Plays the chain, and writes the squash into a likeness of the project.
    pub(crate) async fn draft(self, news: &dyn News) -> Result<Draft> {
        let old = self.old(news).await?;
        let Old { project, squashed, places, .. } = &old;
        let mut changes = Changes { removed: squashed.retired.clone(), ..Changes::default() };
        let written = squashed.written.iter();
        changes.written.extend(written.map(|(path, text)| (path.clone(), text.clone().into())));
        if old.commit.is_none() {
            self.keep_chain(&old, &mut changes)?;
        }
        let later = [&places.rollout, &places.rollback, &places.runbook];
        let later = later.map(|path| (path.clone(), Vec::new()));
        let planned = [&changes.written[..], &later[..]].concat();
        let overwritten = Changes { written: planned, ..changes.clone() };
        let overwritten = overwritten.overwritten(&self.root);
        if !overwritten.is_empty() && !self.force {
            let message = format!("would overwrite {}", overwritten.join(", "));
            return Err(Error::new(message).help("--force overwrites what is there"));
        }
        let likeness = Likeness::of(&self.root, &changes, places)?;
        changes.apply(&likeness.root)?;
        let rewrite = self.rewrite(&old, &likeness, news).await?;
        let rewrite = rewrite.filter(|rewrite| !rewrite.is_idle());
        // Nothing leads back to a ledger that has stayed.
        if rewrite.is_none() {
            let body = Body { refusal: refusal(project, None), ..old.body.clone() };
            let texts = source::squashed(project, &body)?.written.into_iter();
            let texts = texts.map(|(path, text)| (path, text.into())).collect::<Vec<_>>();
            changes.written.retain(|(path, _)| !texts.iter().any(|(it, _)| it == path));
            let corrected = Changes { written: texts, removed: Vec::new() };
            corrected.apply(&likeness.root)?;
            changes.written.extend(corrected.written);
        }
        let marker = project.config.history.squash_marker.clone();
        let exempted = self.exempted(&old, &likeness)?;
        let written = rest(&self, &old, rewrite.as_ref(), exempted.as_deref())?;
        let rest = Changes { written, removed: Vec::new() };
        rest.apply(&likeness.root)?;
        changes.written.extend(rest.written);
        Ok(Draft {
            count: count(project),
            tool: project.chain.format.name,
            statements: old.body.statements.len(),
            baseline: squashed.path.clone(),
            runbook: places.runbook.clone(),
            rollout: rewrite.map(|_| places.rollout.clone()),
            chain: told_chain(&old),
            marker,
            order: self,
            changes,
            likeness,
        })
    }

    fn rehearsal(&self, root: &Path) -> Rehearsal<'static> {
        let mut rehearsal = Rehearsal::of(root).timeout(self.limit);
        if !self.versions.is_empty() {
            rehearsal = rehearsal.postgres(self.versions.clone());
        }
        if let Some(server) = &self.server {
            rehearsal = rehearsal.server(server.clone());
        }
        rehearsal
    }

    /// On the oldest version: what that one's `pg_dump` says, all later ones read.
    fn rehearsal_on_oldest(&self, root: &Path) -> Result<Rehearsal<'static>> {
        let versions = if self.versions.is_empty() {
            named_versions(&self.root)?
        } else {
            self.versions.clone()
        };
        let oldest = versions.into_iter().min_by_key(|it| Version::parse(it).map(|it| it.major));
        let rehearsal = self.rehearsal(root);
        Ok(match oldest {
            Some(oldest) => rehearsal.postgres([oldest]),
            None => rehearsal,
        })
    }

    /// Plays the chain, and dumps what it makes.
    async fn old(&self, news: &dyn News) -> Result<Old> {
        let rehearsal = self.rehearsal_on_oldest(&self.root)?;
        let project = rehearsal.project()?;
        assert_squashable(&project)?;
        news.begin("the chain");
        let database = Box::pin(rehearsal.played(news)).await?.database;
        let mut admin = database.admin().await?;
        let day = "SELECT to_char(now() AT TIME ZONE 'UTC', 'YYYY-MM-DD')";
        let day = value(&mut admin, day).await?;
        let has_extension_comments = project.chain.migrations.iter().any(|migration| {
            migration.file.text.to_ascii_lowercase().contains("comment on extension")
        });
        let places = Places::of(&project);
        let given = Box::pin(self.given(&project, &places, database.player_name(), news)).await?;
        let mut dumped = dumped(&database, database.player_name(), has_extension_comments).await?;
        for given in &given {
            if let Some(place) = dumped.iter().position(|statement| statement == given) {
                dumped.remove(place);
            }
        }
        let [on_server, on_database] = source::statements_outside(&project);
        let reaches_server = !on_server.is_empty();
        let outside = |all: Vec<(&Statement, &str)>| {
            all.into_iter().map(|(statement, text)| guarded(statement, text)).collect::<Vec<_>>()
        };
        let statements = [outside(on_server), dumped, outside(on_database)].concat();
        let body = body(&project, statements, &day, &places);
        let squashed = source::squashed(&project, &body)?;
        let files = [&squashed.retired[..], &squashed.shared[..]].concat();
        let base = project.config.history.base.as_deref();
        let fork =
            base.and_then(|base| fork_with(&project.root, base, &files, &project.chain.folder));
        let commit = commit_with(&project.root, &files).map(|commit| fork.unwrap_or(commit));
        Ok(Old { project, database, day, places, body, squashed, reaches_server, commit })
    }

    /// What is there before the chain begins: in a new database, or because scripts of the project
    /// make it. Those run with a baseline that does nothing.
    async fn given(
        &self,
        project: &Project,
        places: &Places,
        player: &str,
        news: &dyn News,
    ) -> Result<Vec<String>> {
        if project.scripts.pre.is_empty() {
            let empty = self.rehearsal_on_oldest(&self.root)?.empty_database(None).await?;
            return dumped(&empty, player, true).await;
        }
        let body = body(project, vec!["SELECT 1;".to_owned()], "", places);
        let Squashed { written, retired, .. } = source::squashed(project, &body)?;
        let written = written.into_iter().map(|(path, text)| (path, text.into())).collect();
        let changes = Changes { written, removed: retired };
        let likeness = Likeness::of(&self.root, &changes, places)?;
        changes.apply(&likeness.root)?;
        let prepared = Box::pin(self.rehearsal_on_oldest(&likeness.root)?.played(news)).await?;
        dumped(&prepared.database, player, true).await
    }

    /// Moves the old chain beside the migrations.
    fn keep_chain(&self, old: &Old, changes: &mut Changes) -> Result<()> {
        let Old { project, squashed, places, .. } = old;
        let base = squashed.base.as_deref().unwrap_or(&project.chain.folder);
        let place = self.root.join(&places.chain);
        if place.exists() && !self.force {
            return Err(Error::new(format!("{} holds another chain", places.chain))
                .help("--force puts this one in its place"));
        }
        let failed = |path: &str, error: io::Error| {
            Error::new(format!("failed to read {path}")).caused_by(error)
        };
        let there = files_below(&place).map_err(|error| failed(&places.chain, error))?;
        changes.removed.extend(there.into_iter().map(|path| format!("{}/{path}", places.chain)));
        for path in squashed.retired.iter().chain(&squashed.shared) {
            let within =
                path.strip_prefix(base).map_or(path.as_str(), |it| it.trim_start_matches('/'));
            let bytes = fs::read(self.root.join(path)).map_err(|error| failed(path, error))?;
            changes.written.push((format!("{}/{within}", places.chain), bytes));
        }
        Ok(())
    }

    /// The baseline as a migration, where each is promised to be one that can be executed again.
    fn exempted(&self, old: &Old, likeness: &Likeness) -> Result<Option<String>> {
        if old.project.config.level("replay") != Some(Level::Deny) {
            return Ok(None);
        }
        let project = self.rehearsal(&likeness.root).project()?;
        let mut migrations = project.chain.migrations.into_iter();
        let baseline = migrations.find(|migration| migration.file.path == old.squashed.path);
        Ok(baseline.map(|baseline| baseline.name))
    }

    /// What becomes of the ledger, if the tool keeps one.
    async fn rewrite(
        &self,
        old: &Old,
        likeness: &Likeness,
        news: &dyn News,
    ) -> Result<Option<Rewrite>> {
        let rehearsal = self.rehearsal_on_oldest(&likeness.root)?;
        let project = rehearsal.project()?;
        let played = Box::pin(rehearsal.played(news)).await.map_err(|error| {
            let message = "the baseline that was made of the chain does not apply";
            let help = "the chain makes something that no dump brings back, nothing was written";
            Error::new(message).caused_by(error).help(help)
        })?;
        let ledger = (project.chain.ledger(), old.database.ledger());
        let (Some(ledger), Some(belongings)) = ledger else { return Ok(None) };
        let (schema, table) = split(&belongings.table);
        let settings = project.chain.settings.clone();
        let home = Home { schema: schema.clone(), settings };
        let (rewriting, own) = (&ledger.rewriting, [table.as_str()]);
        let ours = rewriting.before.iter().chain(&own).chain(rewriting.after);
        let tables = ours.map(|&table| table.to_owned()).collect::<Vec<_>>();
        let mut numbered = Vec::new();
        for table in &tables {
            let found = numbered_columns(&old.database, &schema, table).await?;
            numbered.extend(found.into_iter().map(|column| (table.clone(), column)));
        }
        Ok(Some(Rewrite {
            tool: project.chain.format.name,
            old: keys(&old.database, &belongings.table, ledger).await?,
            new: keys(&played.database, &belongings.table, ledger).await?,
            filling: filling(&project, ledger, &home),
            keys: ledger.rewriting.keys,
            day: old.day.replace('-', ""),
            rollout_path: old.places.rollout.clone(),
            rollback_path: old.places.rollback.clone(),
            baseline_path: old.squashed.path.clone(),
            schema,
            table,
            tables,
            numbered,
        }))
    }
}

impl Draft {
    /// Rehearses the likeness, with all checks but the one that asks for a commit.
    pub(crate) async fn rehearse(&self, progress: &dyn Progress) -> Result<Report> {
        let rehearsal = self.order.rehearsal(&self.likeness.root).without("history");
        rehearsal.play_telling(progress).await
    }

    /// The files with their texts, as far as they are new.
    pub(crate) fn written(&self) -> impl Iterator<Item = (&str, &[u8])> {
        self.changes.written.iter().map(|(path, text)| (path.as_str(), text.as_slice()))
    }

    pub(crate) fn removed(&self) -> &[String] {
        &self.changes.removed
    }

    /// Writes it into the project itself.
    pub(crate) fn keep(&self) -> Result<()> {
        self.changes.apply(&self.order.root)
    }
}

impl Likeness {
    fn of(root: &Path, changes: &Changes, places: &Places) -> Result<Self> {
        let failed = |error: io::Error| {
            Error::new("failed to make a folder for a likeness of the project").caused_by(error)
        };
        let folder = Temporary::new().map_err(failed)?;
        let root = root.canonicalize().map_err(failed)?;
        // What git knows of the project belongs to it.
        let top = source::top(&root).and_then(|top| top.canonicalize().ok());
        let top = top.filter(|top| root.starts_with(top)).unwrap_or_else(|| root.clone());
        let within = root.strip_prefix(&top).unwrap_or(Path::new("")).to_path_buf();
        let name = top.file_name().unwrap_or_else(|| "project".as_ref());
        let likeness = folder.path().join(name);
        let written = changes.written.iter().map(|(path, _)| path.as_str());
        let removed = changes.removed.iter().map(String::as_str);
        let own = [config::FILE, &places.rollout, &places.chain];
        let paths = written.chain(removed).chain(own);
        let paths = paths.map(|path| within.join(path).to_string_lossy().into_owned());
        mirror(&top, &likeness, &paths.collect::<Vec<_>>())?;
        Ok(Self { _folder: folder, root: likeness.join(within) })
    }
}

impl Places {
    fn of(project: &Project) -> Self {
        let folder = project.chain.folder.as_str();
        let above = folder.rsplit_once('/').map_or(String::new(), |(above, _)| format!("{above}/"));
        let place = |name: &str| format!("{above}squash/{name}");
        Self {
            rollout: place("rollout.sql"),
            rollback: place("rollback.sql"),
            runbook: place("runbook.md"),
            chain: place("chain"),
        }
    }
}

/// An error for a project that can't be squashed, whatever its chain does.
fn assert_squashable(project: &Project) -> Result<()> {
    let chain = &project.chain;
    if chain.runner.is_opaque() {
        return Err(Error::new(
            "a command or a closure migrates this project, and keeps to itself how",
        )
        .help("squash with the tool that it runs"));
    }
    if let Some(path) = &project.config.baseline.path {
        return Err(Error::new(format!("the project has a baseline already, {}", path.get_ref()))
            .help(
                "when every database is on it, and no recovery leads behind it, remove [baseline] \
                 from rehearsal.toml; then squash what has come since",
            ));
    }
    if count(project) < 2 {
        return Err(Error::new(format!(
            "{} holds one migration, which is as few as a squash leaves",
            chain.folder
        ))
        .help("squash when there are more"));
    }
    if chain.boot == Boot::EveryFile {
        return Err(Error::new(format!(
            "every boot runs every file of {}, and a baseline can't be run a second time",
            chain.folder
        ))
        .help(
            "let a tool with a ledger run the migrations; if one does, say so in rehearsal.toml:\n\
             [migrations]\nboot = \"ledger\"",
        ));
    }
    Ok(())
}

/// What a database holds but for the ledger, as the statements of a baseline.
async fn dumped(
    database: &Database,
    player: &str,
    has_extension_comments: bool,
) -> Result<Vec<String>> {
    let mut arguments = ["--column-inserts", "--rows-per-insert=100", "--encoding=UTF8"]
        .map(str::to_owned)
        .to_vec();
    if let Some(ledger) = database.ledger() {
        arguments.extend(ledger.tables.iter().map(|it| format!("--exclude-table={it}")));
        arguments.extend(ledger.schema.iter().map(|it| format!("--exclude-schema={it}")));
    }
    let setting = Setting { player, has_extension_comments };
    dump::statements(&database.dump(&arguments).await?, setting)
}

/// How many migrations a chain has, some of which may have several files.
fn count(project: &Project) -> usize {
    let migrations = &project.chain.migrations;
    let goes_on = |pair: &&[source::Migration]| goes_on(&pair[0], &pair[1]);
    migrations.len() - migrations.windows(2).filter(goes_on).count()
}

/// The last migration of a chain: the first one of its files, the others of which verify it.
fn last(project: &Project) -> Option<&source::Migration> {
    project.chain.migrations.chunk_by(goes_on).next_back()?.first()
}

/// Whether a file belongs to the same migration as the one before it.
fn goes_on(one: &source::Migration, next: &source::Migration) -> bool {
    !one.version.is_empty() && one.version == next.version
}

/// What the baseline says, layout aside.
fn body(project: &Project, statements: Vec<String>, day: &str, places: &Places) -> Body {
    let (migrations, count) = (&project.chain.migrations, count(project));
    let name = |migration: Option<&source::Migration>| {
        migration.map_or(String::new(), |it| it.file_name().to_owned())
    };
    let words = vec![
        format!("The baseline: what {count} migrations came to on {day}."),
        format!("The first of them was {},", name(migrations.first())),
        format!("and the last one {}.", name(last(project))),
        "Written by `cargo rehearsal squash`, and proven by the check `baseline`.".to_owned(),
    ];
    Body { statements, words, refusal: refusal(project, Some(&places.rollback)) }
}

/// What whoever tries to go back behind the baseline is told. `rollback` is the script that leads
/// back to the ledger of the chain, if the baseline has another one.
fn refusal(project: &Project, rollback: Option<&str>) -> String {
    let lost = format!("it would drop all that {} migrations have made", count(project));
    let way = rollback.map_or(String::new(), |it| format!(". Back to their ledger leads {it}"));
    format!("the baseline has no way back: {lost}{way}")
}

/// A statement that makes a role, so that one which is there is left alone; others as they are.
fn guarded(statement: &Statement, text: &str) -> String {
    if statement.kind != Kind::Create(Object::Role) {
        return text.to_owned();
    }
    format!(
        "DO $squash$\nBEGIN\n  {text}\n\
         EXCEPTION WHEN duplicate_object THEN\n  NULL;\nEND\n$squash$;"
    )
}

/// The schema of a qualified name as it is written, and the table as it is called.
fn split(qualified: &str) -> (String, String) {
    let (schema, table) = crate::catalog::parent_of(qualified)
        .map_or(("public", qualified), |schema| (schema, &qualified[schema.len() + 1..]));
    (schema.to_owned(), table.trim_matches('"').replace("\"\"", "\""))
}

/// The columns of a table whose values come from a sequence of their own.
async fn numbered_columns(database: &Database, schema: &str, table: &str) -> Result<Vec<String>> {
    let table = format!("{schema}.{}", quoted(table));
    let ask = format!(
        "SELECT COALESCE(json_agg(attname), '[]') FROM pg_catalog.pg_attribute \
         WHERE attrelid = {0}::regclass AND attnum > 0 AND NOT attisdropped \
           AND pg_catalog.pg_get_serial_sequence({0}, attname) IS NOT NULL",
        crate::sql::literal(&table)
    );
    read(database, &ask).await
}

/// What the columns of a ledger say that tell what is applied.
async fn keys(database: &Database, table: &str, ledger: &Ledger) -> Result<Vec<Row>> {
    let names = ledger.rewriting.keys.join(", ");
    let texts = ledger.rewriting.keys.iter().map(|key| format!("{key}::text"));
    let texts = texts.collect::<Vec<_>>().join(", ");
    let ask = format!(
        "SELECT COALESCE(json_agg(json_build_array({texts}) ORDER BY {names}), '[]') FROM {table}"
    );
    read(database, &ask).await
}

async fn read<T: serde::de::DeserializeOwned>(database: &Database, ask: &str) -> Result<T> {
    let text = value(&mut database.admin().await?, ask).await?;
    serde_json::from_str(&text)
        .map_err(|error| Error::new("a ledger could not be read").caused_by(error))
}

/// What the tool would send for its ledger while it boots with the baseline.
fn filling(project: &Project, ledger: &Ledger, home: &Home) -> Vec<String> {
    let rows = project.chain.migrations.iter().flat_map(|migration| {
        let before = ledger.before.map(|before| before(home, migration));
        let finally = ledger.finally.map(|finally| finally(home, migration));
        let after = Some((ledger.after)(home, migration));
        [before, after, finally].into_iter().flatten().collect::<Vec<_>>()
    });
    let all = [ledger.rewriting.opening.to_owned()].into_iter().chain(rows);
    all.flat_map(|text| statements_of(&text)).collect()
}

/// The files that need to know the ledger: the scripts, the runbook and the configuration.
fn rest(
    order: &Order,
    old: &Old,
    rewrite: Option<&Rewrite>,
    exempted: Option<&str>,
) -> Result<Vec<(String, Vec<u8>)>> {
    let Old { project, places, squashed, .. } = old;
    let chain = &project.chain;
    let leftovers = rewrite.map(Rewrite::leftovers).unwrap_or_default();
    let schema = rewrite.map_or("", |rewrite| &rewrite.schema);
    let qualified =
        leftovers.iter().map(|table| format!("{schema}.{}", quoted(table))).collect::<Vec<_>>();
    let ledger =
        rewrite.map_or(String::new(), |rewrite| format!("{schema}.{}", quoted(&rewrite.table)));
    let scripts = rewrite.map(|_| Scripts {
        rollout: &places.rollout,
        rollback: &places.rollback,
        ledger: &ledger,
        leftovers: &qualified,
    });
    let kept = told_chain(old);
    let runbook = Runbook {
        tool: chain.format.name,
        day: &old.day,
        count: count(project),
        last: squashed.last.as_deref().unwrap_or(last(project).map_or("", |it| &it.name)),
        baseline: &squashed.path,
        chain: &kept,
        scripts,
        marker: project.config.history.squash_marker.as_deref(),
        reaches_server: old.reaches_server,
    };
    let mut written = Vec::new();
    if let Some(rewrite) = rewrite {
        written.push((places.rollout.clone(), rewrite.rollout().into()));
        written.push((places.rollback.clone(), rewrite.rollback().into()));
    }
    written.push((places.runbook.clone(), runbook.text().into()));
    let text = match fs::read_to_string(order.root.join(config::FILE)) {
        Ok(text) => text,
        Err(error) if error.kind() == io::ErrorKind::NotFound => String::new(),
        Err(error) => {
            return Err(Error::new(format!("failed to read {}", config::FILE)).caused_by(error));
        }
    };
    // Without a schema, it is the usual one.
    let patterns = if schema == "public" { &leftovers } else { &qualified };
    let section = configuration(old, rewrite.is_some(), patterns, text.is_empty());
    let exemption = exempted.map_or(String::new(), exemption);
    let text = text + &section + &exemption;
    written.push((config::FILE.to_owned(), text.into()));
    Ok(written)
}

/// What `rehearsal.toml` says of it, to be put at its end.
fn configuration(old: &Old, has_scripts: bool, leftovers: &[String], is_first: bool) -> String {
    let text = |text: &str| toml::Value::from(text).to_string();
    let places = &old.places;
    let chain = match &old.commit {
        Some(commit) => {
            let (commit, path) = (text(commit), text(&old.project.chain.folder));
            format!("{{ git = {commit}, path = {path} }}")
        }
        None => text(&places.chain),
    };
    let gap = if is_first { "" } else { "\n" };
    let mut section =
        format!("{gap}[baseline]\npath = {}\nchain = {chain}\n", text(&old.squashed.path));
    if has_scripts {
        let leftovers = leftovers.iter().map(|it| text(it)).collect::<Vec<_>>().join(", ");
        section += &format!(
            "rollout = {}\nrollback = {}\nleftovers = [{leftovers}]\n",
            text(&places.rollout),
            text(&places.rollback)
        );
    }
    section
}

/// What `rehearsal.toml` says of a baseline that can't be executed again, as no dump can.
fn exemption(migration: &str) -> String {
    let migration = toml::Value::from(migration);
    format!(
        "\n[[allow]]\ncheck = \"replay\"\nmigration = {migration}\nreason = \"a baseline is \
         executed once, on an empty database\"\n"
    )
}

fn told_chain(old: &Old) -> String {
    match &old.commit {
        Some(commit) => format!("{} at commit {}", old.project.chain.folder, &commit[..12]),
        None => old.places.chain.clone(),
    }
}

/// The paths of all files below a folder, if it is there, within it.
fn files_below(folder: &Path) -> io::Result<Vec<String>> {
    let mut found = Vec::new();
    let entries = match fs::read_dir(folder) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(found),
        other => other?,
    };
    for entry in entries {
        let entry = entry?;
        let name = entry.file_name().to_string_lossy().into_owned();
        if entry.file_type()?.is_dir() {
            let below = files_below(&entry.path())?;
            found.extend(below.into_iter().map(|path| format!("{name}/{path}")));
        } else {
            found.push(name);
        }
    }
    Ok(found)
}
