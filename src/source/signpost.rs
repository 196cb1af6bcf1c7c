//! What a tool's own configuration, at a project's root, says about where the migrations are.

use std::fs;
use std::io::ErrorKind;
use std::path::Path;

use super::folder::Folder;
use super::formats::{self, Signpost};
use crate::config::Config;
use crate::{Error, Result};

/// The folder that such a file names, if one does.
pub(super) fn follow(root: &Path, config: &Config) -> Result<Option<Folder>> {
    let format = config.migrations.format.as_ref();
    let ours =
        formats::ALL.iter().filter(|it| format.is_none_or(|wanted| wanted.get_ref() == it.name));
    let signposts = ours.filter_map(|format| format.signpost.as_ref());
    let told =
        signposts.map(|signpost| Ok(read(root, signpost)?.map(|path| (signpost.file, path))));
    let mut told = told.collect::<Result<Vec<_>>>()?.into_iter().flatten().collect::<Vec<_>>();
    told.dedup_by(|(_, path), (_, same)| path == same);
    match told.as_slice() {
        [] => Ok(None),
        [(file, path)] if !root.join(path).is_dir() => {
            Err(Error::new(format!("{file} names a folder that is not there: {path}"))
                .help(format!("make it, or correct {file}; its paths begin at the project's root")))
        }
        [(_, path)] => Folder::open(root, path).map(Some),
        [(file, path), (other, another), ..] => Err(Error::new(format!(
            "the migrations are in {path} by {file}, and in {another} by {other}"
        ))
        .help(format!("say which are meant, in rehearsal.toml:\n[migrations]\npath = \"{path}\""))),
    }
}

/// The path as findings show it: relative to the project, where it is within.
fn relative(root: &Path, path: &str) -> String {
    let root = root.canonicalize().unwrap_or_else(|_| root.to_owned());
    let within = Path::new(path).strip_prefix(&root).ok().and_then(Path::to_str);
    within.unwrap_or(path).trim_start_matches("./").to_owned()
}

fn read(root: &Path, Signpost { file, folder, .. }: &Signpost) -> Result<Option<String>> {
    let text = match fs::read_to_string(root.join(file)) {
        Ok(text) => text,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(Error::new(format!("failed to read {file}")).caused_by(error)),
    };
    let wrong = |said: &str| Error::new(format!("{file}: {said}"));
    let table = text.parse::<toml::Table>().map_err(|error| wrong(error.message()))?;
    let path = folder(&table).map_err(|said| wrong(&said))?;
    Ok(path.map(|path| relative(root, &path)))
}
