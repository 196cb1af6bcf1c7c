//! A project, read from its folder: plain data, nothing played yet.
//!
//! Reads files and knows the layouts of migration tools (`formats/`, one file each). Must not know
//! servers, and judges nothing but whether the files can be read.

#[cfg(feature = "sqlx-0_9")]
mod built_in;
mod fingerprint;
mod folder;
mod git;
pub(crate) mod formats;
mod history;
mod reach;
mod seeds;
mod signpost;
mod squash;

use std::cmp::Reverse;
use std::fs;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use self::folder::Folder;
use self::formats::Certainty;
pub(crate) use self::formats::SCRIPTS;
pub(crate) use self::formats::{
    Delivery, Files, Format, Home, Ledger, LostTransaction, Sessions, Settings,
};
pub(crate) use self::git::Unknown;
#[cfg(feature = "cli")]
pub(crate) use self::git::{commit_with, fork_with, temporary::Temporary, top};
pub(crate) use self::history::{Before, Fate, Gained, History, Text};
#[cfg(feature = "cli")]
pub(crate) use self::reach::statements_outside;
pub(crate) use self::reach::{meddles, reach, reach_of, reach_outside};
pub(crate) use self::seeds::{Scripts, Seed};
pub(crate) use self::squash::{Crossing, Side, Squash};
use crate::config::{self, Boot, Config, Level, mistake};
use crate::sql::{Control, Kind, Script, position};
use crate::{Error, Result};

/// Where migrations usually are.
const USUAL_FOLDERS: &[&str] = &[
    "migrations",
    "db/migrations",
    "database/migrations",
    "sql/migrations",
    "schema/migrations",
    "internal/migrations",
    "internal/db/migrations",
    "src/migrations",
    "src/db/migrations",
    "supabase/migrations",
    "drizzle",
    "drizzle/migrations",
    "prisma/migrations",
    "prisma/schema/migrations",
    "src/drizzle",
    "src/db/drizzle",
    "db/drizzle",
    "sqitch",
    "db/migration",
    "src/main/resources/db/migration",
];

/// Everything that a rehearsal needs to know about a project.
#[derive(Debug)]
pub(crate) struct Project {
    /// The name of its folder.
    pub(crate) name: String,
    pub(crate) root: PathBuf,
    pub(crate) config: Config,
    pub(crate) chain: Chain,
    /// What is played around it.
    pub(crate) scripts: Scripts,
    /// What is merged, if the project says into what; or why git can't tell.
    pub(crate) history: Option<Result<History, Unknown>>,
    /// The baseline and what it stands for, if the project has one, or a commit claims so.
    pub(crate) squash: Option<Squash>,
}

/// The ordered list of a project's migrations.
#[derive(Debug, Clone)]
pub(crate) struct Chain {
    pub(crate) runner: Runner,
    /// The layout of the files; where there are none, any is as good as another.
    pub(crate) format: &'static Format,
    /// What the project says of the format's ledger.
    pub(crate) settings: Settings,
    /// Where the files are, relative to the project.
    pub(crate) folder: String,
    pub(crate) boot: Boot,
    /// In the tool's order. None where an opaque runner keeps them to itself.
    pub(crate) migrations: Vec<Migration>,
    pub(crate) oddities: Vec<Oddity>,
}

/// What carries out a boot.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Runner {
    /// We do, by the rules of the files' tool.
    Files,
    Command {
        /// For `sh` in the project's root.
        line: String,
        /// A digest of what it depends on, if the project declares that.
        fingerprint: Option<String>,
    },
    /// A closure of whoever holds the rehearsal.
    Closure,
}

/// One step of the chain.
#[derive(Debug, Clone)]
pub(crate) struct Migration {
    /// What the tool's ledger calls it.
    pub(crate) version: String,
    /// What people call it: its file's name without the endings.
    pub(crate) name: String,
    pub(crate) file: SourceFile,
    /// What of the file the tool plays, in order. Its statements are those of the parts.
    pub(crate) parts: Vec<Part>,
    /// What a format wrote down for its ledger; empty where version, name and text say it all.
    pub(crate) entry: String,
}

/// What of a file the tool records together: all of it, or a section.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Part {
    /// In bytes of the whole file.
    pub(crate) span: Range<usize>,
    /// What the tool sends of it, one after the other, in bytes of the whole file.
    pub(crate) messages: Vec<Range<usize>>,
    /// How the tool opens the transaction that holds this part and its ledger row; `None` if it
    /// opens none.
    pub(crate) begin: Option<&'static str>,
}

/// A file of the project, with its SQL cut into statements.
#[derive(Debug, Clone)]
pub(crate) struct SourceFile {
    /// Relative to the project.
    pub(crate) path: String,
    pub(crate) text: Arc<str>,
    pub(crate) script: Script,
}

/// Something about the files that the tool takes in a way that their author hardly meant.
#[derive(Debug, Clone)]
pub(crate) struct Oddity {
    /// The file's path, relative to the project.
    pub(crate) path: String,
    pub(crate) message: String,
    pub(crate) help: String,
    /// How strictly it can be taken.
    pub(crate) level: Level,
    /// Whether the tool refuses to boot because of it, so that nothing can be played.
    pub(crate) fatal: bool,
}

impl Migration {
    /// A file that the tool plays as it is, without a transaction of the tool's own.
    pub(crate) fn whole(version: impl Into<String>, name: &str, file: SourceFile) -> Self {
        let parts = vec![Part::message(0..file.text.len(), None)];
        Self { version: version.into(), name: name.to_owned(), file, parts, entry: String::new() }
    }

    /// What to call its file: with the folder, where that is what the migration is named after.
    pub(crate) fn file_name(&self) -> &str {
        let path = self.file.path.as_str();
        let folder = path.rsplit_once('/').map_or("", |(folder, _)| folder);
        let stem = path.rsplit_once('.').map_or(path, |(stem, _)| stem);
        let rests = [folder, stem].map(|named| named.strip_suffix(self.name.as_str()));
        let mut rests = rests.into_iter().flatten();
        let start = rests.find(|rest| rest.is_empty() || rest.ends_with('/')).map(str::len);
        start.map_or(self.file.file_name(), |start| &path[start..])
    }

    /// Whether it is the same migration as another one, of which it is only another script: one of
    /// the same name, in a folder of its own.
    pub(crate) fn is_same_as(&self, other: &Self) -> bool {
        self.version == other.version && self.file.file_name() == other.file.file_name()
    }
}

impl Part {
    /// A part that is sent in one go.
    pub(crate) fn message(span: Range<usize>, begin: Option<&'static str>) -> Self {
        Self { messages: vec![span.clone()], span, begin }
    }
}

impl SourceFile {
    /// The file without one of its statements. All others stay where they are.
    #[must_use]
    pub(crate) fn without(&self, statement: &Range<usize>) -> Self {
        let blank = |c: char| if c == '\n' { "\n".to_owned() } else { " ".repeat(c.len_utf8()) };
        let blanks = self.text[statement.clone()].chars().map(blank).collect::<String>();
        let mut text = self.text.to_string();
        text.replace_range(statement.clone(), &blanks);
        let script = Script::parse(&text);
        Self { path: self.path.clone(), text: text.into(), script }
    }

    /// The name without its folder.
    pub(crate) fn file_name(&self) -> &str {
        self.path.rsplit_once('/').map_or(&self.path, |(_, name)| name)
    }
}

impl Project {
    /// A project as its own files describe it.
    pub(crate) fn read(root: &Path, config: Config, closures: usize) -> Result<Self> {
        squash::assert_filled(root, &config)?;
        let runner = match &config.migrations.run {
            Some(line) => {
                let declared = config.migrations.fingerprint.as_ref();
                let digest = declared.map(|it| fingerprint::digest(root, it.get_ref()));
                Runner::Command { line: line.get_ref().clone(), fingerprint: digest.transpose()? }
            }
            None => Runner::Files,
        };
        let chain = Chain::read(root, &config, runner)?;
        let scripts = Scripts::read(root, &config, closures)?;
        Self::with_squash(root, config, chain, scripts)
    }

    /// A project whose migrations a closure runs.
    pub(crate) fn of_closure(root: &Path, config: Config, closures: usize) -> Result<Self> {
        let chain = Chain::read(root, &config, Runner::Closure)?;
        let scripts = Scripts::read(root, &config, closures)?;
        Self::with_squash(root, config, chain, scripts)
    }

    /// A project whose migrations a program has built in.
    #[cfg(feature = "sqlx-0_9")]
    pub(crate) fn built_in(
        root: &Path,
        config: Config,
        migrator: &sqlx::migrate::Migrator,
        closures: usize,
    ) -> Result<Self> {
        let chain = Chain::of(&config, Runner::Files, built_in::read(root, &config, migrator)?)?;
        let scripts = Scripts::read(root, &config, closures)?;
        Self::with_squash(root, config, chain, scripts)
    }

    /// A file of SQL by itself, such as a dump; of the configuration, only where it is played.
    pub(crate) fn file(path: &Path, postgres: config::Postgres) -> Result<Self> {
        let parent = path.parent().filter(|parent| !parent.as_os_str().is_empty());
        let root = parent.unwrap_or(Path::new("."));
        let folder = Folder::open(root, "")?;
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        let migrations = vec![formats::plain_file(&folder, &name)?];
        assert_committed(&migrations[0].file)?;
        let config = Config { postgres, ..Config::default() };
        let files = Files { migrations, oddities: Vec::new() };
        let (format, settings) = (formats::PLAIN, Settings::default());
        let chain = Chain::of(&config, Runner::Files, Read { format, folder, files, settings })?;
        let project = Self::new(root, config, chain, Scripts::default());
        Ok(Self { name: name.into_owned(), ..project })
    }

    /// All files that are played, in their order.
    pub(crate) fn played_files(&self) -> impl Iterator<Item = &SourceFile> {
        let Scripts { pre, seeds, post } = &self.scripts;
        let seeds = seeds.iter().filter_map(Seed::file);
        let squash = self.squash.iter().flat_map(|squash| {
            let scripts = squash.rollout.iter().chain(&squash.rollback);
            squash.other.chain.migrations.iter().chain(scripts)
        });
        let own = pre.iter().chain(&self.chain.migrations).chain(seeds).chain(post);
        own.chain(squash).map(|it| &it.file)
    }

    fn with_squash(root: &Path, config: Config, chain: Chain, scripts: Scripts) -> Result<Self> {
        if let Some(path) = &config.dump.path
            && !root.join(path.get_ref()).is_file()
        {
            let message = format!("there is no file {}", path.get_ref());
            return Err(config::at(&config.text, path.span(), &message)
                .help("name the dump, relative to the project, or remove [dump]"));
        }
        let project = Self::new(root, config, chain, scripts);
        let history = History::read(&project);
        let claimed = || history.as_ref()?.as_ref().ok()?.squash(&project);
        let squash = Squash::read(&project)?.or_else(claimed);
        Ok(Self { history, squash, ..project })
    }

    /// The project with another chain in place of its own.
    fn with_chain(&self, chain: Chain) -> Self {
        Self {
            name: self.name.clone(),
            root: self.root.clone(),
            config: self.config.clone(),
            scripts: self.scripts.clone(),
            chain,
            history: None,
            squash: None,
        }
    }

    fn new(root: &Path, config: Config, chain: Chain, scripts: Scripts) -> Self {
        let name = root
            .canonicalize()
            .ok()
            .and_then(|root| Some(root.file_name()?.to_string_lossy().into_owned()))
            .unwrap_or_else(|| root.display().to_string());
        Self { name, root: root.to_owned(), config, chain, scripts, history: None, squash: None }
    }
}

/// An error for a file that begins a transaction and never ends it: with its session all of that is
/// taken back, and nobody would know.
fn assert_committed(file: &SourceFile) -> Result<()> {
    let mut open = None;
    for statement in file.script.statements() {
        match statement.kind {
            Kind::Transaction(Control::Begin) => open = Some(statement),
            Kind::Transaction(Control::Commit | Control::Rollback | Control::Prepare) => {
                let words = file.text[statement.span.clone()].to_lowercase();
                let goes_on = words.contains("chain") && !words.contains("no chain");
                open = goes_on.then_some(statement);
            }
            _ => {}
        }
    }
    let Some(begin) = open else { return Ok(()) };
    let line = position(&file.text, begin.span.start).line;
    Err(Error::new(format!("{}:{line}: this transaction is never committed", file.path))
        .help("end it with COMMIT; or what is in it would be lost"))
}

/// What was read of a project's migrations.
struct Read {
    format: &'static Format,
    folder: Folder,
    files: Files,
    settings: Settings,
}

impl Read {
    /// A folder, read by the rules of a format.
    fn of(format: &'static Format, folder: Folder) -> Result<Self> {
        let files = (format.read)(&folder)?;
        let settings = match format.settings {
            Some(read) => read(&folder)?,
            None => Settings::default(),
        };
        Ok(Self { format, folder, files, settings })
    }
}

impl Runner {
    /// Whether it keeps to itself what it does, so that only the database tells.
    pub(crate) fn is_opaque(&self) -> bool {
        !matches!(self, Self::Files)
    }
}

impl Chain {
    fn read(root: &Path, config: &Config, runner: Runner) -> Result<Self> {
        if runner.is_opaque() && config.migrations.path.is_none() {
            return Ok(Self::without_files(runner));
        }
        let folder = find_folder(root, config)?;
        let format = choose_format(root, &folder, config)?;
        let read = Read::of(format, folder)?;
        Self::of(config, runner, read)
    }

    fn of(config: &Config, runner: Runner, read: Read) -> Result<Self> {
        let Read { format, folder, files: Files { migrations, oddities }, settings } = read;
        if migrations.is_empty() && !oddities.iter().any(|oddity| oddity.fatal) {
            return Err(Error::new(format!(
                "{} holds no migration that {} would run",
                folder.name(),
                format.name
            ))
            .help(format!("its files are named like {}", format.example)));
        }
        let said = config.migrations.boot.as_ref().map(|boot| *boot.get_ref());
        let boot = said.unwrap_or(match format.ledger {
            None if !runner.is_opaque() => Boot::EveryFile,
            _ => Boot::Ledger,
        });
        let folder = folder.name().to_owned();
        Ok(Self { runner, format, settings, folder, boot, migrations, oddities })
    }

    /// The chain of a runner that keeps its migrations to itself.
    fn without_files(runner: Runner) -> Self {
        let (format, boot) = (formats::ALL[0], Boot::Ledger);
        let (migrations, oddities) = (Vec::new(), Vec::new());
        let (settings, folder) = (Settings::default(), String::new());
        Self { runner, format, settings, folder, boot, migrations, oddities }
    }

    /// Why the tool would not even begin with the files.
    pub(crate) fn refusal(&self) -> Option<&Oddity> {
        self.oddities.iter().find(|oddity| oddity.fatal)
    }

    /// The ledger that a boot goes by, as far as it is known.
    pub(crate) fn ledger(&self) -> Option<&'static Ledger> {
        match (&self.runner, self.boot) {
            (Runner::Files, Boot::Ledger) => self.format.ledger.as_ref(),
            _ => None,
        }
    }
}

/// What a squash does to the files of a project.
#[cfg(feature = "cli")]
pub(crate) fn squashed(project: &Project, body: &formats::Body) -> Result<formats::Squashed> {
    let chain = &project.chain;
    (chain.format.squash)(&Folder::open(&project.root, &chain.folder)?, &chain.migrations, body)
}

/// An error for what can't be a project's root: what is no folder, and a folder of migrations whose
/// project says more about them in its own `rehearsal.toml`.
pub(crate) fn assert_root(path: &Path, checks: &[&str]) -> Result<()> {
    let help = "name the project's folder, the one that holds rehearsal.toml or migrations/";
    match fs::metadata(path) {
        Ok(metadata) if metadata.is_dir() => {}
        Ok(_) => return Err(Error::new(format!("{} is a file", path.display())).help(help)),
        Err(error) => {
            let failed = Error::new(format!("failed to open {}", path.display()));
            return Err(failed.caused_by(error).help(help));
        }
    }
    let above = path.canonicalize().ok().filter(|_| !path.join(config::FILE).exists());
    let mut above = above.iter().flat_map(|path| path.ancestors().skip(1));
    let project = above.find(|folder| folder.join(config::FILE).exists());
    if let Some(project) = project.filter(|project| holds_chain(project, path, checks)) {
        return Err(Error::new(format!(
            "{} belongs to a project, whose {} says how it is played",
            path.display(),
            config::FILE
        ))
        .help(format!("name the project: {}", project.display())));
    }
    Ok(())
}

/// Whether a project's migrations are in this folder.
fn holds_chain(project: &Path, folder: &Path, checks: &[&str]) -> bool {
    let chain = Config::read(project, checks).and_then(|config| find_folder(project, &config));
    chain.is_ok_and(|chain| chain.location().canonicalize().ok() == folder.canonicalize().ok())
}

fn find_folder(root: &Path, config: &Config) -> Result<Folder> {
    if let Some(path) = &config.migrations.path {
        return Folder::open(root, path);
    }
    if let Some(folder) = signpost::follow(root, config)? {
        return Ok(folder);
    }
    let found = USUAL_FOLDERS
        .iter()
        .filter(|path| root.join(path).is_dir())
        .map(|path| Folder::open(root, path))
        .collect::<Result<Vec<_>>>()?;
    let mut filled = found.into_iter().filter(holds_migrations).collect::<Vec<_>>();
    // The path may name the migrations' own folder.
    let here = Folder::open(root, "")?;
    if filled.is_empty() && holds_migrations(&here) || holds_another(&here, &filled) {
        filled.push(here);
    }
    if filled.len() > 1 {
        let names = filled.iter().map(Folder::name).collect::<Vec<_>>();
        let all = if names.len() == 2 { "both" } else { "all" };
        let message = format!("{} {all} hold migrations", names.join(" and "));
        return Err(Error::new(message).help(format!(
            "say which holds the migrations, in rehearsal.toml:\n[migrations]\n{}",
            choice("path", &names)
        )));
    }
    filled.pop().ok_or_else(|| {
        let usual = USUAL_FOLDERS.chunks(4).map(|row| row.join(", ")).collect::<Vec<_>>();
        Error::new(format!("no migrations found in {}", root.display())).help(format!(
            "looked for them in\n  {};\nif yours are elsewhere, say so in rehearsal.toml:\n\
             [migrations]\npath = \"path/to/migrations\"\n\
             and if they are no SQL files, name the command that runs them on DATABASE_URL:\n\
             [migrations]\nrun = \"alembic upgrade head\"",
            usual.join(",\n  ")
        ))
    })
}

/// Whether a project's root is marked as the migrations of a tool that has none in these folders.
/// Its other SQL files can be anything.
fn holds_another(root: &Folder, folders: &[Folder]) -> bool {
    let marked = |folder: &Folder, format: &Format| {
        let claim = (format.claim)(folder);
        claim.files > 0 && claim.certainty == Certainty::Markers
    };
    let mut ours = formats::ALL.iter().filter(|format| marked(root, format));
    ours.any(|format| !folders.iter().any(|folder| marked(folder, format)))
}

/// A line of rehearsal.toml, with what else it could say.
fn choice(key: &str, values: &[&str]) -> String {
    let quoted = values.iter().map(|value| format!("\"{value}\"")).collect::<Vec<_>>();
    format!("{key} = {}  # or {}", quoted[0], quoted[1..].join(" or "))
}

/// Whether there is something in a folder that could be somebody's migrations.
fn holds_migrations(folder: &Folder) -> bool {
    folder.holds_sql() || formats::ALL.iter().any(|format| (format.claim)(folder).files > 0)
}

fn choose_format(root: &Path, folder: &Folder, config: &Config) -> Result<&'static Format> {
    if let Some(wanted) = &config.migrations.format {
        let known = formats::ALL.iter().map(|format| format.name).collect::<Vec<_>>();
        let named = formats::ALL.iter().find(|format| format.name == wanted.get_ref());
        return named.copied().ok_or_else(|| {
            let text = fs::read_to_string(root.join(crate::config::FILE)).unwrap_or_default();
            let message = format!("there is no format `{}`", wanted.get_ref());
            mistake(&text, wanted.span(), &message, wanted.get_ref(), &known)
        });
    }
    let claims = formats::ALL.iter().map(|format| (*format, (format.claim)(folder)));
    let mut fitting = claims.filter(|(_, claim)| claim.files > 0).collect::<Vec<_>>();
    let surest = fitting.iter().map(|(_, claim)| claim.certainty).max();
    fitting.retain(|(_, claim)| Some(claim.certainty) == surest);
    fitting.sort_by_key(|(_, claim)| Reverse(claim.files));
    match fitting.as_slice() {
        [(format, _)] => Ok(format),
        [] => {
            let shapes = formats::ALL
                .iter()
                .map(|format| format!("{} ({})", format.example, format.name))
                .collect::<Vec<_>>()
                .join(", ");
            Err(Error::new(format!("{} has files of no known layout", folder.name()))
                .help(format!("known layouts: {shapes}")))
        }
        several => {
            let layouts = several
                .iter()
                .map(|(format, claim)| format!("{} of {}", claim.files, format.name))
                .collect::<Vec<_>>()
                .join(" and ");
            let count = if several.len() == 2 { "two" } else { "several" };
            let names = several.iter().map(|(format, _)| format.name).collect::<Vec<_>>();
            Err(Error::new(format!("{} fits {count} layouts: {layouts}", folder.name())).help(
                format!(
                    "say which tool runs it, in rehearsal.toml, and the files that the tool \
                     ignores will be reported:\n[migrations]\n{}",
                    choice("format", &names)
                ),
            ))
        }
    }
}
