//! A project, read from its folder: plain data, nothing played yet.
//!
//! Reads files and knows the layouts of migration tools (`formats/`, one file each). Must not know
//! servers, and judges nothing but whether the files can be read.

mod folder;
mod git;
pub(crate) mod formats;

use std::collections::BTreeSet;
use std::fs;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use self::folder::Folder;
pub(crate) use self::formats::{Delivery, Files, Format, Ledger, Sessions};
pub(crate) use self::git::Unknown;
use crate::config::{self, Boot, Config, Level, mistake};
use crate::sql::Script;
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
    "sqitch",
    "db/migration",
    "src/main/resources/db/migration",
];

/// Everything that a rehearsal needs to know about a project.
#[derive(Debug)]
pub(crate) struct Project {
    /// The name of its folder.
    pub(crate) name: String,
    pub(crate) config: Config,
    pub(crate) chain: Chain,
}

/// The ordered list of a project's migrations.
#[derive(Debug)]
pub(crate) struct Chain {
    pub(crate) format: &'static Format,
    pub(crate) boot: Boot,
    /// In the tool's order.
    pub(crate) migrations: Vec<Migration>,
    pub(crate) oddities: Vec<Oddity>,
    /// Which of the files are merged, if the project says into what; or why git can't tell.
    pub(crate) merged: Option<Result<BTreeSet<String>, Unknown>>,
}

/// One step of the chain.
#[derive(Debug)]
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
#[derive(Debug)]
pub(crate) struct SourceFile {
    /// Relative to the project.
    pub(crate) path: String,
    pub(crate) text: Arc<str>,
    pub(crate) script: Script,
}

/// Something about the files that the tool takes in a way that their author hardly meant.
#[derive(Debug)]
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
}

impl Part {
    /// A part that is sent in one go.
    pub(crate) fn message(span: Range<usize>, begin: Option<&'static str>) -> Self {
        Self { messages: vec![span.clone()], span, begin }
    }
}

impl SourceFile {
    /// The name without its folder.
    pub(crate) fn file_name(&self) -> &str {
        self.path.rsplit_once('/').map_or(&self.path, |(_, name)| name)
    }
}

impl Project {
    pub(crate) fn read(root: &Path, config: Config) -> Result<Self> {
        let name = root
            .canonicalize()
            .ok()
            .and_then(|root| Some(root.file_name()?.to_string_lossy().into_owned()))
            .unwrap_or_else(|| root.display().to_string());
        let chain = Chain::read(root, &config)?;
        Ok(Self { name, config, chain })
    }
}

impl Chain {
    fn read(root: &Path, config: &Config) -> Result<Self> {
        let folder = find_folder(root, config)?;
        let format = choose_format(root, &folder, config)?;
        let Files { migrations, oddities } = (format.read)(&folder)?;
        if migrations.is_empty() && !oddities.iter().any(|oddity| oddity.fatal) {
            return Err(Error::new(format!(
                "{} holds no migration that {} would run",
                folder.name(),
                format.name
            ))
            .help(format!("its files are named like {}", format.example)));
        }
        let boot = config.migrations.boot.unwrap_or(match format.ledger {
            Some(_) => Boot::Ledger,
            None => Boot::EveryFile,
        });
        let base = config.history.base.as_deref();
        let merged = base.map(|base| git::merged(root, folder.name(), base));
        Ok(Self { format, boot, migrations, oddities, merged })
    }

    /// Why the tool would not even begin.
    pub(crate) fn refusal(&self) -> Option<&Oddity> {
        self.oddities.iter().find(|oddity| oddity.fatal)
    }

    /// The ledger that a boot goes by, if it goes by one.
    pub(crate) fn ledger(&self) -> Option<&'static Ledger> {
        match self.boot {
            Boot::Ledger => self.format.ledger.as_ref(),
            Boot::EveryFile => None,
        }
    }
}

/// The project's root, if it is a folder at all. A folder of migrations whose project says more
/// about them in its own `rehearsal.toml` is not rehearsed without that.
pub(crate) fn root(path: &Path, checks: &[&str]) -> Result<PathBuf> {
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
    Ok(path.to_owned())
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
    let found = USUAL_FOLDERS
        .iter()
        .filter(|path| root.join(path).is_dir())
        .map(|path| Folder::open(root, path))
        .collect::<Result<Vec<_>>>()?;
    let mut filled = found.into_iter().filter(holds_migrations).collect::<Vec<_>>();
    if filled.len() > 1 {
        let names = filled.iter().map(Folder::name).collect::<Vec<_>>().join(" and ");
        return Err(Error::new(format!("{names} both hold migrations")).help(format!(
            "say which holds the migrations, in rehearsal.toml:\n[migrations]\npath = \"{}\"",
            filled[0].name()
        )));
    }
    if let Some(folder) = filled.pop() {
        return Ok(folder);
    }
    // The path may name the migrations' own folder.
    let folder = Folder::open(root, "")?;
    if holds_migrations(&folder) {
        return Ok(folder);
    }
    Err(Error::new(format!("no migrations found in {}", root.display())).help(format!(
        "looked for them in {}; if yours are elsewhere, say so in rehearsal.toml:\n\
         [migrations]\npath = \"path/to/migrations\"",
        USUAL_FOLDERS.join(", ")
    )))
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
    if fitting.iter().any(|(_, claim)| claim.certain) {
        fitting.retain(|(_, claim)| claim.certain);
    }
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
            Err(Error::new(format!("{} fits {count} layouts: {layouts}", folder.name())).help(
                format!(
                    "say which tool runs it, in rehearsal.toml, and the files that the tool \
                     ignores will be reported:\n[migrations]\nformat = \"{}\"",
                    several[0].0.name
                ),
            ))
        }
    }
}
