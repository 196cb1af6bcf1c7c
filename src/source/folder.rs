//! A folder of SQL files, and how one of them is read: what can't be text is refused here.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::{fs, io};

use super::SourceFile;
use crate::sql::{Position, Script, position, template_marker};
use crate::{Error, Result};

/// The files of one folder, by name, and the names of its subfolders. Hidden ones are none of it.
#[derive(Debug, Clone)]
pub(crate) struct Folder {
    /// The project's.
    root: PathBuf,
    location: PathBuf,
    /// Relative to the project; empty for the project's root itself.
    path: String,
    names: Vec<String>,
    folders: Vec<String>,
    /// The files' texts, where a program has them built in.
    texts: BTreeMap<String, String>,
    /// The files that were read already: every format takes a look at them.
    seen: RefCell<BTreeMap<String, Rc<[u8]>>>,
}

impl Folder {
    pub(super) fn open(root: &Path, path: &str) -> Result<Self> {
        let location = root.join(path);
        let path = match path.trim_end_matches('/') {
            "." => String::new(),
            path => path.to_owned(),
        };
        let failed = |error| {
            Error::new(format!("failed to read the folder {}", location.display()))
                .caused_by(error)
                .help("check `path` under [migrations] in rehearsal.toml, and that it can be read")
        };
        let (mut names, mut folders) = (Vec::new(), Vec::new());
        for entry in fs::read_dir(&location).map_err(failed)? {
            let entry = entry.map_err(failed)?;
            let name = entry.file_name().into_string().map_err(|name| {
                Error::new(format!("the name of {} is not UTF-8", location.join(name).display()))
                    .help("rename it")
            })?;
            if name.starts_with('.') {
                continue;
            }
            let kind = entry.file_type().map_err(failed)?;
            let is_folder = if kind.is_symlink() { entry.path().is_dir() } else { kind.is_dir() };
            if is_folder { folders.push(name) } else { names.push(name) }
        }
        names.sort();
        folders.sort();
        let (root, texts, seen) = (root.to_owned(), BTreeMap::new(), RefCell::default());
        Ok(Self { root, location, path, names, folders, texts, seen })
    }

    /// A folder of files that are not on the disk, or need not be.
    #[cfg(feature = "sqlx-0_9")]
    pub(super) fn built_in(root: &Path, path: &str, texts: BTreeMap<String, String>) -> Self {
        let names = texts.keys().cloned().collect();
        let (root, location, path) = (root.to_owned(), root.join(path), path.to_owned());
        let (folders, seen) = (Vec::new(), RefCell::default());
        Self { root, location, path, names, folders, texts, seen }
    }

    pub(super) fn location(&self) -> &Path {
        &self.location
    }

    /// What to call it.
    pub(crate) fn name(&self) -> &str {
        if self.path.is_empty() { "." } else { &self.path }
    }

    pub(crate) fn names(&self) -> impl Iterator<Item = &str> {
        self.names.iter().map(String::as_str)
    }

    /// The names of its subfolders.
    pub(crate) fn folders(&self) -> impl Iterator<Item = &str> {
        self.folders.iter().map(String::as_str)
    }

    /// One of its subfolders.
    pub(crate) fn folder(&self, name: &str) -> Result<Self> {
        Self::open(&self.root, &self.path_of(name))
    }

    /// The folder of the project at a path, which is relative to the project.
    pub(crate) fn at(&self, path: &str) -> Result<Self> {
        Self::open(&self.root, path)
    }

    /// Itself and all folders below it, each with its path within it: empty, or with a `/` at its
    /// end. A link is not followed to where the way to it came through.
    pub(crate) fn below(&self) -> Result<Vec<(String, Self)>> {
        let mut found = Vec::new();
        self.descend("", &mut Vec::new(), &mut found)?;
        Ok(found)
    }

    fn descend(
        &self,
        within: &str,
        way: &mut Vec<PathBuf>,
        found: &mut Vec<(String, Self)>,
    ) -> Result<()> {
        let real = self.location.canonicalize().unwrap_or_else(|_| self.location.clone());
        if way.iter().any(|folder| folder.starts_with(&real)) {
            return Ok(());
        }
        way.push(real);
        found.push((within.to_owned(), self.clone()));
        for name in self.folders() {
            self.folder(name)?.descend(&format!("{within}{name}/"), way, found)?;
        }
        way.pop();
        Ok(())
    }

    /// Whether there is a file at a path within it.
    pub(crate) fn holds(&self, path: &str) -> bool {
        self.location.join(path).is_file()
    }

    /// Whether there is a folder at a path within it.
    pub(crate) fn holds_folder(&self, path: &str) -> bool {
        self.location.join(path).is_dir()
    }

    /// The nearest folder that holds a file of this name: this one or one above it, up to the
    /// project's.
    pub(crate) fn holder(&self, name: &str) -> Result<Option<Self>> {
        let mut path = self.path.as_str();
        loop {
            if self.root.join(path).join(name).is_file() {
                return Self::open(&self.root, path).map(Some);
            }
            if path.is_empty() {
                return Ok(None);
            }
            path = path.rsplit_once('/').map_or("", |(above, _)| above);
        }
    }

    pub(super) fn holds_sql(&self) -> bool {
        self.names().any(is_sql)
    }

    /// The path of a file, relative to the project.
    pub(crate) fn path_of(&self, name: &str) -> String {
        if self.path.is_empty() { name.to_owned() } else { format!("{}/{name}", self.path) }
    }

    /// The text of a file as far as it is one, for a look into it.
    pub(crate) fn glance(&self, name: &str) -> String {
        let bytes = self.bytes(name);
        bytes.map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).unwrap_or_default()
    }

    /// The texts of the files of this name in the folder and those above it, up to the project's.
    pub(crate) fn above(&self, name: &str) -> Vec<String> {
        if !self.texts.is_empty() {
            // What is built in was read already, and so was all that is said of it.
            return Vec::new();
        }
        let folders = self.location.ancestors().take_while(|folder| folder.starts_with(&self.root));
        folders.filter_map(|folder| fs::read_to_string(folder.join(name)).ok()).collect()
    }

    /// The text of a file that says something about the migrations, such as a plan.
    pub(crate) fn text(&self, name: &str) -> Result<String> {
        let path = self.path_of(name);
        let bytes = self
            .bytes(name)
            .map_err(|error| Error::new(format!("failed to read {path}")).caused_by(error))?;
        text_of(&path, bytes.to_vec())
    }

    fn bytes(&self, name: &str) -> io::Result<Rc<[u8]>> {
        if let Some(bytes) = self.seen.borrow().get(name) {
            return Ok(Rc::clone(bytes));
        }
        let bytes: Rc<[u8]> = match self.texts.get(name) {
            Some(text) => text.as_bytes().into(),
            None => fs::read(self.location.join(name))?.into(),
        };
        self.seen.borrow_mut().insert(name.to_owned(), Rc::clone(&bytes));
        Ok(bytes)
    }

    /// A file of SQL.
    pub(crate) fn read(&self, name: &str) -> Result<SourceFile> {
        let (path, text) = (self.path_of(name), self.text(name)?);
        if text.trim_start_matches('\u{feff}').trim().is_empty() {
            return Err(Error::new(format!("{path} is empty"))
                .help("write its SQL, remove it, or say in a comment why it does nothing"));
        }
        let script = Script::parse(&text);
        if let Some(marker) = template_marker(&text, &script) {
            let Position { line, column } = position(&text, marker.start);
            return Err(Error::new(format!(
                "{path}:{line}:{column}: `{}` makes this a template, and rehearsal plays SQL",
                &text[marker]
            ))
            .help("render the template into a folder of its own, and name that one as `path`"));
        }
        Ok(SourceFile { path, text: text.into(), script })
    }
}

pub(super) fn is_sql(name: &str) -> bool {
    Path::new(name).extension().is_some_and(|extension| extension.eq_ignore_ascii_case("sql"))
}

fn text_of(path: &str, bytes: Vec<u8>) -> Result<String> {
    let nul = bytes.iter().position(|byte| *byte == 0);
    match String::from_utf8(bytes) {
        Ok(text) => match nul {
            None => Ok(text),
            Some(at) => {
                let line = position(&text, at).line;
                Err(Error::new(format!("{path}:{line}: a NUL byte, which Postgres can't read"))
                    .help("if the file is UTF-16, save it as UTF-8; otherwise remove the byte"))
            }
        },
        Err(error) => {
            let valid = error.utf8_error().valid_up_to();
            let bytes = error.as_bytes();
            let line = bytes[..valid].split(|byte| *byte == b'\n').count();
            Err(Error::new(format!("{path}:{line}: not UTF-8 (byte 0x{:02X})", bytes[valid]))
                .help(format!("convert it: iconv -f latin1 -t utf-8 {path} > {path}.utf8")))
        }
    }
}
