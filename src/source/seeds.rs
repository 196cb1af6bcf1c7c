//! Seeds, and the scripts of a bootstrap: SQL files in an order, commands, and closures.

use std::fs;
use std::path::Path;

use toml::Spanned;

use super::folder::{Folder, is_sql};
use super::{Migration, Part, formats};
use crate::config::{self, Config, SeedStep};
use crate::{Error, Result};

/// Where seeds usually are.
const USUAL_PLACES: &[&str] =
    &["seeds", "db/seeds", "database/seeds", "sql/seeds", "supabase/seeds", "supabase/seed.sql"];

/// The endings of files that seed, or hold what is seeded, in another way than SQL.
const OTHER_WAYS: &[&str] = &[
    "csv", "cjs", "cts", "ex", "exs", "go", "java", "js", "json", "kt", "mjs", "mts", "php", "pl",
    "ps1", "py", "rb", "rs", "sh", "ts", "tsv", "xml", "yaml", "yml",
];

/// For whoever has never said that the files in a usual place are seeds.
const NO_SEEDS: &str = "or, if nothing is to be seeded, in rehearsal.toml:\n[seeds]\nsteps = []";

/// Opens the transaction of a file.
const BEGIN: &str = "BEGIN";

/// One step of the seeds, in their order.
#[derive(Debug, Clone)]
pub(crate) enum Seed {
    File(Migration),
    Command(String),
    /// The closure at this place among those of whoever holds the rehearsal.
    Closure(usize),
}

impl Seed {
    /// The file, if it is one.
    pub(crate) fn file(&self) -> Option<&Migration> {
        match self {
            Self::File(file) => Some(file),
            Self::Command(_) | Self::Closure(_) => None,
        }
    }

    /// What people call it.
    pub(crate) fn name(&self) -> String {
        match self {
            Self::File(file) => file.file.path.clone(),
            Self::Command(line) => format!("`{line}`"),
            Self::Closure(index) => format!("closure {}", index + 1),
        }
    }
}

/// What is played around the chain.
#[derive(Debug, Clone, Default)]
pub(crate) struct Scripts {
    pub(crate) pre: Vec<Migration>,
    pub(crate) seeds: Vec<Seed>,
    pub(crate) post: Vec<Migration>,
}

impl Scripts {
    /// Reads what the configuration names, or else the seeds where they usually are. `closures` are
    /// as many as whoever holds the rehearsal has given, and come last.
    pub(super) fn read(root: &Path, config: &Config, closures: usize) -> Result<Self> {
        let mut seeds = Vec::new();
        let steps = steps(root, config)?;
        // What stands beside the SQL is then theirs.
        let has_others = closures > 0 || steps.iter().any(|step| step.run.is_some());
        for SeedStep { path, run } in steps {
            if let Some(path) = path {
                let files = seed_files(root, path.get_ref(), config, has_others)?;
                seeds.extend(files.into_iter().map(Seed::File));
            }
            seeds.extend(run.map(|run| Seed::Command(run.into_inner())));
        }
        seeds.extend((0..closures).map(Seed::Closure));
        let scripts = |path: &Option<Spanned<String>>| match path {
            Some(path) => script_files(root, path.get_ref(), config),
            None => Ok(Vec::new()),
        };
        let (pre, post) = (scripts(&config.bootstrap.pre)?, scripts(&config.bootstrap.post)?);
        Ok(Self { pre, seeds, post })
    }
}

/// Where the files of a project's seeds, and those around them, are or may be.
pub(super) fn places(config: &Config) -> Vec<String> {
    let steps = config.seeds.all_steps().into_iter().filter_map(|step| step.path);
    let scripts = [&config.bootstrap.pre, &config.bootstrap.post].into_iter().flatten().cloned();
    let named = steps.chain(scripts).map(Spanned::into_inner);
    let usual = USUAL_PLACES.iter().filter(|_| !config.seeds.are_named());
    named.chain(usual.map(|path| (*path).to_owned())).collect()
}

/// The files of a step. Of a folder that nobody has named, what isn't SQL is nobody's mistake.
fn seed_files(
    root: &Path,
    path: &str,
    config: &Config,
    has_others: bool,
) -> Result<Vec<Migration>> {
    if !config.seeds.are_named() {
        return read(root, path, "seeds").map_err(|error| error.or_else_help(NO_SEEDS));
    }
    let files = read(root, path, "seeds")?;
    refuse_in_seeds(root, path, config, has_others)?;
    Ok(files)
}

/// The files of pre scripts or post scripts.
fn script_files(root: &Path, path: &str, config: &Config) -> Result<Vec<Migration>> {
    let files = read(root, path, "bootstrap")?;
    refuse_in_scripts(root, path, config)?;
    Ok(files)
}

fn steps(root: &Path, config: &Config) -> Result<Vec<SeedStep>> {
    if config.seeds.are_named() {
        return Ok(config.seeds.all_steps());
    }
    let found = USUAL_PLACES.iter().filter(|path| holds_sql(&root.join(path))).collect::<Vec<_>>();
    if let [first, second, ..] = found.as_slice() {
        return Err(Error::new(format!("{first} and {second} both hold seeds"))
            .help(format!(
                "say which, in rehearsal.toml:\n[seeds]\npath = \"{first}\"  # or \"{second}\""
            ))
            .or_else_help(NO_SEEDS));
    }
    let step = |path: &&&str| {
        let path = Some(Spanned::new(0..0, (***path).to_owned()));
        SeedStep { path, run: None }
    };
    Ok(found.iter().map(step).collect())
}

fn holds_sql(path: &Path) -> bool {
    let entries = fs::read_dir(path).into_iter().flatten().flatten();
    path.is_file()
        || entries.into_iter().any(|entry| entry.path().is_file() && is_named(&entry.path()))
}

fn is_named(path: &Path) -> bool {
    path.file_name().and_then(|name| name.to_str()).is_some_and(is_sql)
}

/// Reads a file, or those of a folder in the order of their numbers and names.
fn read(root: &Path, path: &str, section: &str) -> Result<Vec<Migration>> {
    let location = root.join(path);
    let metadata = fs::metadata(&location).map_err(|error| {
        Error::new(format!("failed to open {}", location.display()))
            .caused_by(error)
            .help(format!("check [{section}] in {}", config::FILE))
    })?;
    if metadata.is_file() {
        let (parent, name) = path.rsplit_once('/').unwrap_or(("", path));
        return Ok(vec![script(&Folder::open(root, parent)?, name)?]);
    }
    let folder = Folder::open(root, path)?;
    let mut names = folder.names().filter(|name| is_sql(name)).collect::<Vec<_>>();
    if names.is_empty() {
        return Err(Error::new(format!("{path} holds no .sql file")).help(format!(
            "put one there, or take the folder out of [{section}] in {}",
            config::FILE
        )));
    }
    names.sort_by_key(|name| place(name));
    names.into_iter().map(|name| script(&folder, name)).collect()
}

/// What lies in a folder, looks as if it belonged to what is played of it, and doesn't.
enum PassedOver {
    Folder(String),
    File(String),
}

/// The first thing in a folder that is passed over and that nothing else in the configuration
/// names.
fn passed_over(root: &Path, path: &str, config: &Config) -> Result<Option<PassedOver>> {
    if !root.join(path).is_dir() {
        return Ok(None);
    }
    let folder = Folder::open(root, path)?;
    let seeds = config.seeds.all_steps().into_iter().filter_map(|step| step.path);
    let scripts = [&config.bootstrap.pre, &config.bootstrap.post].into_iter().flatten().cloned();
    let named = seeds.chain(scripts).map(Spanned::into_inner);
    let named = named.chain(config.migrations.path.clone()).collect::<Vec<_>>();
    let is_named = |folder: &str| {
        let path = |it: &str| it.trim_start_matches("./").trim_end_matches('/').to_owned();
        named.iter().any(|it| path(it).starts_with(&path(folder)))
    };
    // The first is the folder itself.
    for (_, below) in folder.below()?.into_iter().skip(1) {
        if below.holds_sql() && !is_named(below.name()) {
            return Ok(Some(PassedOver::Folder(below.name().to_owned())));
        }
    }
    let is_other = |name: &&str| {
        let ending = Path::new(name).extension().and_then(|it| it.to_str()).unwrap_or_default();
        OTHER_WAYS.contains(&ending.to_ascii_lowercase().as_str())
    };
    Ok(folder.names().find(is_other).map(|name| PassedOver::File(folder.path_of(name))))
}

/// An error for what is passed over in a folder of seeds.
fn refuse_in_seeds(root: &Path, path: &str, config: &Config, has_others: bool) -> Result<()> {
    let steps = format!("in {}:\n[seeds]\nsteps = [{{ path = \"{path}\" }}", config::FILE);
    match passed_over(root, path, config)? {
        Some(PassedOver::Folder(below)) => Err(Error::new(format!(
            "{below} holds .sql files, and a folder of seeds is played without those below it"
        ))
        .help(format!(
            "if they are seeds too, say when they are played, {steps}, {{ path = \"{below}\" }}]\n\
             otherwise move {below} out of {path}"
        ))),
        Some(PassedOver::File(file)) if !has_others => {
            Err(Error::new(format!("{file} is not SQL, and nothing would play it")).help(format!(
                "if it seeds, name the command that runs it, {steps}, {{ run = \"…\" }}]\n\
                 otherwise move it elsewhere"
            )))
        }
        _ => Ok(()),
    }
}

/// An error for what is passed over in a folder of pre scripts or post scripts.
fn refuse_in_scripts(root: &Path, path: &str, config: &Config) -> Result<()> {
    let section = format!("[bootstrap] in {} names {path}", config::FILE);
    match passed_over(root, path, config)? {
        Some(PassedOver::Folder(below)) => Err(Error::new(format!(
            "{below} holds .sql files, and a folder of scripts is played without those below it"
        ))
        .help(format!("{section}: move what is to be played into it, and the rest out of it"))),
        Some(PassedOver::File(file)) => Err(Error::new(format!(
            "{file} is not SQL, and nothing would play it"
        ))
        .help(format!("{section}: write the script in SQL, or move it elsewhere if it is none"))),
        None => Ok(()),
    }
}

/// Numbers come first, and ten after two.
fn place(name: &str) -> (bool, usize, &str) {
    let digits = name.len() - name.trim_start_matches(|c: char| c.is_ascii_digit()).len();
    let number = name[..digits].trim_start_matches('0');
    (digits == 0, number.len(), &name[digits - number.len()..])
}

/// A file that runs in a transaction of its own.
fn script(folder: &Folder, name: &str) -> Result<Migration> {
    let mut script = formats::plain_file(folder, name)?;
    script.parts = vec![Part::message(0..script.file.text.len(), Some(BEGIN))];
    Ok(script)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_come_first_and_ten_after_two() {
        let mut names = ["roles.sql", "10_b.sql", "2_a.sql", "02_b.sql", "a.sql"];
        names.sort_by_key(|name| place(name));
        assert_eq!(names, ["2_a.sql", "02_b.sql", "10_b.sql", "a.sql", "roles.sql"]);
    }
}
