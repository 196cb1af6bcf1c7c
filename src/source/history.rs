//! What is merged: the project as it was where the current branch left the one into which it is
//! merged, what became of its migrations since, and which ones that other branch has gained.
//!
//! Line endings are git's business: whether a file is another one is what git's filters say, which
//! is what every clone will have. That one checkout holds other bytes than a fresh one would, and
//! that a tool which takes a digest of them would refuse them, can't be told from here: how the
//! checkout came about from which production is built, nobody knows.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::ops::Range;
use std::path::Path;

use similar::TextDiff;

use super::folder::Folder;
use super::git::{self, Checkout, Unknown};
use super::seeds::places;
use super::{Chain, Home, Migration, Oddity, Project, Read, Runner, Scripts, Seed, Side, Squash};
use crate::config::{self, Boot, Config};
use crate::sql::Content;
use crate::{Error, Result};

/// How much of two files must be the same, line by line, if one is to be the other under another
/// name. Git takes the same.
const SIMILARITY_MIN: f32 = 0.5;

/// What is merged.
#[derive(Debug)]
pub(crate) struct History {
    /// The merge base, as people call it.
    pub(crate) commit: String,
    /// The paths of all files that the folder of the migrations had there, as they would be where
    /// the folder is now.
    pub(crate) merged: BTreeSet<String>,
    /// That folder, if it was another one, relative to the project.
    pub(crate) moved_from: Option<String>,
    /// What the other branch has gained since; or why that can't be told.
    pub(crate) gained: Result<Option<Gained>, Unknown>,
    /// The project as it was there, if it had migrations.
    pub(crate) before: Option<Box<Before>>,
    /// The commit whose message claims that it squashes what it removes.
    pub(crate) claim: Option<String>,
}

/// The project as it was at the merge base.
#[derive(Debug)]
pub(crate) struct Before {
    pub(crate) project: Project,
    /// Whether its seeds are those of then. Whatever else seeds is there only as it is now.
    pub(crate) has_own_seeds: bool,
    /// What became of its migrations, by their places.
    pub(crate) fates: Vec<Fate>,
}

/// What the branch into which the current one is merged has gained since the merge base.
#[derive(Debug)]
pub(crate) struct Gained {
    /// That branch.
    pub(crate) base: String,
    /// The paths of its new files.
    pub(crate) files: BTreeSet<String>,
    /// Its new migrations.
    pub(crate) migrations: Vec<Migration>,
    /// The chain as it will be after the merge, in the tool's order, as far as the tool takes it.
    pub(crate) together: Vec<Migration>,
    /// What will be odd about it, and is odd about neither side alone.
    pub(crate) oddities: Vec<Oddity>,
}

/// Where the files of the migrations were.
struct Origin {
    /// In the whole repository.
    place: String,
    /// The folder, relative to the project.
    folder: String,
    /// The names of the files there at the merge base.
    names: BTreeSet<String>,
}

/// What became of a migration.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fate {
    /// It has its path.
    Stays {
        place: usize,
        text: Text,
    },
    /// It has another path.
    Moved {
        place: usize,
        text: Text,
    },
    Gone,
}

/// How a migration's text is to what it was.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Text {
    Same,
    /// Other comments, other white space, or other text that isn't played.
    Spacing,
    Edited,
}

impl History {
    /// Reads what is merged, if the project says into what, and has files.
    pub(super) fn read(project: &Project) -> Option<Result<Self, Unknown>> {
        let base = project.config.history.base.as_deref()?;
        let is_readable = !project.chain.runner.is_opaque() || !project.chain.migrations.is_empty();
        is_readable.then(|| Self::since(project, base))
    }

    fn since(project: &Project, base: &str) -> Result<Self, Unknown> {
        let Project { root, chain, config, .. } = project;
        let location = root.join(&chain.folder);
        if !location.is_dir() {
            return Err(Unknown {
                message: "the migrations are built in, and their files were not found".to_owned(),
                help: "say where they are: `path` under [migrations] in rehearsal.toml".to_owned(),
            });
        }
        let fork = git::merge_base(root, base)?;
        let origin = Origin::find(project, &location, &fork)?;
        let here = |name: &String| within(&chain.folder, name);
        let merged = origin.names.iter().map(here).collect::<BTreeSet<_>>();
        let changed = git::changed(root, &location, &fork, &origin.place)?;
        let changed = changed.iter().map(here).collect();
        let marker = config.history.squash_marker.as_deref().filter(|it| !it.is_empty());
        let claim = marker.map(|marker| git::claim(root, &fork, marker)).transpose()?.flatten();
        let commit = git::short(root, &fork);
        let before =
            if merged.is_empty() { None } else { read_before(project, &fork, &origin.folder)? };
        let before = before.map(|(mut before, has_own_seeds)| {
            take_over(&mut before.chain.migrations, &chain.migrations, &changed);
            let fates = fates(&before.chain, &chain.migrations, &changed, claim.is_some());
            Box::new(Before { project: before, has_own_seeds, fates })
        });
        let gained = Gained::read(project, base, &fork, &origin);
        let moved_from = Some(origin.folder).filter(|folder| *folder != chain.folder);
        Ok(Self { commit, merged, moved_from, gained, before, claim })
    }

    /// The migrations that are merged, with what became of them.
    pub(crate) fn fates(&self) -> impl Iterator<Item = (&Migration, Fate)> {
        self.before.iter().flat_map(|before| {
            before.project.chain.migrations.iter().zip(before.fates.iter().copied())
        })
    }

    /// The commit that claims to squash, if anything was removed.
    pub(crate) fn claimed(&self) -> Option<&str> {
        let is_gone = |(_, fate)| fate == Fate::Gone;
        self.claim.as_deref().filter(|_| self.fates().any(is_gone))
    }

    /// The places of the migrations that are new, in a chain of so many.
    pub(crate) fn added(&self, count: usize) -> Vec<usize> {
        let old = self.fates().filter_map(|(_, fate)| match fate {
            Fate::Stays { place, .. } | Fate::Moved { place, .. } => Some(place),
            Fate::Gone => None,
        });
        let old = old.collect::<BTreeSet<_>>();
        (0..count).filter(|place| !old.contains(place)).collect()
    }

    /// What is to be compared if a commit claims that new files stand for those that it removes:
    /// the chain that is merged, and the one that is there now.
    pub(super) fn squash(&self, project: &Project) -> Option<Squash> {
        let (claim, before) = (self.claimed()?, self.before.as_ref()?);
        let (baseline, later) = match self.added(project.chain.migrations.len()).as_slice() {
            [] => return None,
            [baseline, later @ ..] => (*baseline, later.to_vec()),
        };
        let mut old = before.project.chain.clone();
        let squashed = old.migrations.len();
        for migration in &mut old.migrations {
            migration.file.path = format!("{}:{}", self.commit, migration.file.path);
        }
        let later = later.into_iter().map(|place| project.chain.migrations[place].clone());
        old.migrations.extend(later);
        Some(Squash {
            own: Side::New,
            other: Box::new(before.project.with_chain(old)),
            baseline,
            squashed,
            origin: format!("what `{claim}` squashes"),
            rollout: None,
            rollback: None,
        })
    }
}

impl Origin {
    /// Where the folder is, or else where its files have come from.
    fn find(project: &Project, location: &Path, fork: &str) -> Result<Self, Unknown> {
        let Project { root, chain, .. } = project;
        let place = git::place(root, location)?;
        let names = git::names(root, fork, &place)?;
        if names.is_empty()
            && let Some(place) = git::origin(root, location, fork)?
            && let Some(folder) = place.strip_prefix(&git::place(root, root)?)
        {
            let folder = if folder.is_empty() { "." } else { folder.trim_end_matches('/') };
            let (folder, names) = (folder.to_owned(), git::names(root, fork, &place)?);
            return Ok(Self { place, folder, names });
        }
        Ok(Self { place, folder: chain.folder.clone(), names })
    }
}

impl Gained {
    fn read(
        project: &Project,
        base: &str,
        fork: &str,
        origin: &Origin,
    ) -> Result<Option<Self>, Unknown> {
        let Project { root, chain, .. } = project;
        let tip = git::commit(root, base).filter(|tip| tip != fork);
        // Where a plan or a journal lists the files, git has no answer but a conflict in it.
        let Some(tip) = tip.filter(|_| chain.format.placing.is_by_file) else { return Ok(None) };
        let there = git::names(root, &tip, &origin.place)?;
        if there.is_empty() && !origin.names.is_empty() {
            let folder = &origin.folder;
            return Err(Unknown {
                message: format!(
                    "`{base}` has no files in {folder} any more, so what it has gained is not \
                     compared with what is here"
                ),
                help: format!("take in where they are now: git rebase {base}"),
            });
        }
        let new = there.difference(&origin.names).collect::<BTreeSet<_>>();
        if new.is_empty() {
            return Ok(None);
        }
        let checkout = git::checkout(root, &tip, &[&origin.folder])?;
        let unreadable = |error: Error| Unknown {
            message: format!("what `{base}` has gained can't be read beside what is here: {error}"),
            help: format!("take it in, and correct it: git merge {base}"),
        };
        let own = read_at(&checkout, chain, &origin.folder).map_err(unreadable)?;
        let present = git::present(&root.join(&chain.folder))?;
        merge(project, &checkout, origin, &present).map_err(unreadable)?;
        let both = read_at(&checkout, chain, &origin.folder).map_err(unreadable)?;
        let known = own.files.oddities.iter().chain(&chain.oddities);
        let known = known.map(|it| (&it.path, &it.message)).collect::<BTreeSet<_>>();
        let mut oddities = both.files.oddities;
        oddities.retain(|it| !known.contains(&(&it.path, &it.message)));
        let files = new.iter().map(|name| within(&chain.folder, name)).collect::<BTreeSet<_>>();
        let mut migrations = own.files.migrations;
        migrations.retain(|it| files.contains(&it.file.path));
        let (base, together) = (base.to_owned(), both.files.migrations);
        Ok(Some(Self { base, files, migrations, together, oddities }))
    }
}

/// Does to a checkout of the other branch what has been done here since the merge base: removes
/// what was removed, and adds what was added. What both have added stays as it is there.
fn merge(
    project: &Project,
    checkout: &Checkout,
    origin: &Origin,
    present: &BTreeSet<String>,
) -> Result<()> {
    let Project { root, chain, .. } = project;
    let (here, there) = (root.join(&chain.folder), checkout.root().join(&origin.folder));
    let failed = |error: std::io::Error| {
        Error::new("failed to write to a temporary folder")
            .caused_by(error)
            .help("make room there, or set TMPDIR to another folder")
    };
    for name in origin.names.iter().filter(|name| !here.join(name).exists()) {
        if there.join(name).exists() {
            fs::remove_file(there.join(name)).map_err(failed)?;
        }
    }
    for name in present.difference(&origin.names).filter(|name| !there.join(name).exists()) {
        let (from, to) = (here.join(name), there.join(name));
        fs::create_dir_all(to.parent().unwrap_or(&there)).map_err(failed)?;
        fs::copy(from, to).map_err(failed)?;
    }
    Ok(())
}

/// Reads the migrations of a checkout, which were in a folder that may have moved since. They get
/// the paths that they would have now.
fn read_at(checkout: &Checkout, chain: &Chain, folder: &str) -> Result<Read> {
    let mut read = Read::of(chain.format, Folder::open(checkout.root(), folder)?)?;
    let files = &mut read.files;
    let migrations = files.migrations.iter_mut().map(|it| &mut it.file.path);
    for path in migrations.chain(files.oddities.iter_mut().map(|it| &mut it.path)) {
        let name = if folder == "." { Some(&**path) } else { path.strip_prefix(folder) };
        if let Some(name) = name {
            *path = within(&chain.folder, name.trim_start_matches('/'));
        }
    }
    Ok(read)
}

/// The path of a file in a folder.
fn within(folder: &str, name: &str) -> String {
    if folder == "." { name.to_owned() } else { format!("{folder}/{name}") }
}

/// The project at a commit, and whether its seeds are those of then; nothing where it had no
/// migrations yet.
fn read_before(
    project: &Project,
    commit: &str,
    folder: &str,
) -> Result<Option<(Project, bool)>, Unknown> {
    let Project { root, chain, config, scripts, .. } = project;
    let places = places(config).into_iter().filter(|path| git::holds(root, commit, path));
    let mut paths = places.collect::<Vec<_>>();
    paths.push(folder.to_owned());
    let paths = paths.iter().map(String::as_str).collect::<Vec<_>>();
    let checkout = git::checkout(root, commit, &paths)?;
    let config = Config {
        history: config::History::default(),
        baseline: config::Baseline::default(),
        dump: config::Dump::default(),
        ..config.clone()
    };
    let unreadable = |error: Error| Unknown {
        message: format!("the migrations at the merge base can't be read: {error}"),
        help: "name a later revision as `base` under [history], if there is one".to_owned(),
    };
    let read = read_at(&checkout, chain, folder).map_err(unreadable)?;
    if read.files.migrations.is_empty() {
        return Ok(None);
    }
    let before = Chain::of(&config, Runner::Files, read).map_err(unreadable)?;
    let before = project.with_chain(Chain { folder: chain.folder.clone(), ..before });
    // What a command or a closure did then, nobody can play now.
    let are_files = scripts.seeds.iter().all(|seed| matches!(seed, Seed::File(_)));
    let then = are_files.then(|| Scripts::read(checkout.root(), &config, 0).ok()).flatten();
    let then = then.filter(|then| !then.seeds.is_empty() || scripts.seeds.is_empty());
    let has_own_seeds = then.is_some();
    let scripts = then.unwrap_or_else(|| scripts.clone());
    Ok(Some((Project { config, scripts, ..before }, has_own_seeds)))
}

/// Takes over what git calls unchanged as it is here: a checkout may give other line endings to it,
/// and where the one is played on the other, a tool with digests would refuse what nobody changed.
fn take_over(before: &mut [Migration], now: &[Migration], changed: &BTreeSet<String>) {
    for old in before.iter_mut().filter(|old| !changed.contains(&old.file.path)) {
        let is_it = |new: &&Migration| {
            new.file.path == old.file.path
                && new.version == old.version
                && new.file.text != old.file.text
                && with_line_feeds(&new.file.text) == with_line_feeds(&old.file.text)
        };
        if let Some(new) = now.iter().find(is_it) {
            *old = new.clone();
        }
    }
}

/// What became of migrations: of those whose files are of one series, the first has become the
/// first one, and so on. If they are squashed, what is only similar is none of them, nor is the
/// first new one, whatever is in it: it stands for all that are gone.
fn fates(
    before: &Chain,
    now: &[Migration],
    changed: &BTreeSet<String>,
    is_squashed: bool,
) -> Vec<Fate> {
    let series = before.format.placing.series;
    let mut left = BTreeMap::<_, Vec<usize>>::new();
    for (place, migration) in now.iter().enumerate().rev() {
        left.entry(series(&migration.file.path)).or_default().push(place);
    }
    let staying = before.migrations.iter().map(|old| {
        let place = left.get_mut(series(&old.file.path))?.pop()?;
        let is_there = now[place].file.path == old.file.path;
        let text = if is_there && !changed.contains(&old.file.path) {
            Text::Same
        } else if is_there && ends_lines_otherwise_within(old, &now[place]) {
            // Git says that it was changed, whose filters know of line endings that don't count.
            Text::Edited
        } else {
            compared(before, old, &now[place])
        };
        Some(Fate::Stays { place, text })
    });
    let staying = staying.collect::<Vec<_>>();
    let mut new = left.into_values().flatten().collect::<BTreeSet<_>>();
    if is_squashed {
        new.pop_first();
    }
    let fates = before.migrations.iter().zip(staying).map(|(old, staying)| {
        if let Some(fate) = staying {
            return fate;
        }
        let found = successor(before, old, now, &new, is_squashed);
        let Some(place) = found else { return Fate::Gone };
        new.remove(&place);
        Fate::Moved { place, text: compared(before, old, &now[place]) }
    });
    fates.collect()
}

/// Which of the new migrations an old one has become: one with the same text, or else one that the
/// ledger calls the same, or that is similar.
fn successor(
    chain: &Chain,
    old: &Migration,
    now: &[Migration],
    new: &BTreeSet<usize>,
    is_squashed: bool,
) -> Option<usize> {
    let find = |is_it: &dyn Fn(&Migration) -> bool| new.iter().copied().find(|it| is_it(&now[*it]));
    let same = find(&|it| compared(chain, old, it) != Text::Edited);
    if same.is_some() || is_squashed {
        return same;
    }
    find(&|it| it.version == old.version && !it.version.is_empty()).or_else(|| {
        let similar = new.iter().map(|place| (similarity(old, &now[*place]), *place));
        let most = similar.max_by(|(one, _), (other, _)| one.total_cmp(other));
        most.filter(|(similarity, _)| *similarity >= SIMILARITY_MIN).map(|(_, place)| place)
    })
}

impl Chain {
    /// What the tool writes into its ledger about a migration.
    pub(crate) fn recorded(&self, migration: &Migration) -> Vec<String> {
        let Some(ledger) = self.format.ledger.as_ref().filter(|_| self.boot == Boot::Ledger) else {
            return Vec::new();
        };
        let home = Home { schema: "public".to_owned(), settings: self.settings.clone() };
        let always = [Some((ledger.after)(&home, migration))];
        let others = [ledger.before, ledger.finally].map(|it| it.map(|sql| sql(&home, migration)));
        always.into_iter().chain(others).flatten().collect()
    }
}

fn similarity(one: &Migration, other: &Migration) -> f32 {
    TextDiff::from_lines(&*one.file.text, &*other.file.text).ratio()
}

/// Other line endings make no other text, unless the ledger holds a digest in which they count.
fn compared(chain: &Chain, old: &Migration, new: &Migration) -> Text {
    let is_same = with_line_feeds(&old.file.text) == with_line_feeds(&new.file.text);
    let counts = || old.version == new.version && chain.recorded(old) != chain.recorded(new);
    if is_same && (old.file.text == new.file.text || !counts()) {
        Text::Same
    } else if played(old) == played(new) {
        Text::Spacing
    } else {
        Text::Edited
    }
}

/// What is played: by part, how its transaction begins, and the words of its messages.
type Played = Vec<(Option<&'static str>, Vec<Vec<String>>)>;

/// Whether two texts that differ by their line endings alone do so in literals or bodies, which
/// have them.
fn ends_lines_otherwise_within(old: &Migration, new: &Migration) -> bool {
    with_line_feeds(&old.file.text) == with_line_feeds(&new.file.text)
        && spelled(old, str::to_owned) != spelled(new, str::to_owned)
}

fn with_line_feeds(text: &str) -> String {
    text.replace("\r\n", "\n")
}

/// What is played of a migration, whatever its line endings are.
fn played(migration: &Migration) -> Played {
    spelled(migration, with_line_feeds)
}

/// The words of a migration's statements, in which messages of which transactions, and what is
/// beside them as it is.
fn spelled(migration: &Migration, word: fn(&str) -> String) -> Played {
    let file = &migration.file;
    let words_of = |message: &Range<usize>| {
        let pieces = file.script.pieces.iter().filter(|it| message.contains(&it.span.start));
        let mut words = Vec::new();
        for piece in pieces {
            match &piece.content {
                Content::Statement(statement) => {
                    let tokens = statement.tokens(&file.text).into_iter();
                    words.extend(tokens.map(|token| word(&file.text[token.span])));
                    words.push(";".to_owned());
                }
                Content::Meta | Content::CopyData => {
                    words.push(with_line_feeds(&file.text[piece.span.clone()]));
                }
                Content::Space | Content::Aside => {}
            }
        }
        words
    };
    let parts = migration.parts.iter();
    parts.map(|part| (part.begin, part.messages.iter().map(words_of).collect())).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::{SourceFile, formats};
    use crate::sql::Script;

    fn migrations(files: &[(&str, &str)]) -> Vec<Migration> {
        let migration = |(name, text): &(&str, &str)| {
            let (path, script) = (format!("m/{name}.sql"), Script::parse(text));
            let file = SourceFile { path, script, text: (*text).into() };
            Migration::whole(name.split('_').next().unwrap_or_default(), name, file)
        };
        files.iter().map(migration).collect()
    }

    fn chain(migrations: Vec<Migration>) -> Chain {
        let (format, settings) = (formats::PLAIN, crate::source::Settings::default());
        let files = crate::source::Files { migrations, oddities: Vec::new() };
        let folder = Folder::open(Path::new("."), "src").expect("it is there");
        let read = Read { format, folder, files, settings };
        Chain::of(&Config::default(), Runner::Files, read).expect("it has files")
    }

    fn check(old: &[(&str, &str)], new: &[(&str, &str)], is_squashed: bool, expected: &[Fate]) {
        let before = chain(migrations(old));
        let changed = before.migrations.iter().map(|it| it.file.path.clone()).collect();
        let found = fates(&before, &migrations(new), &changed, is_squashed);
        assert_eq!(found, expected, "{old:?} {new:?}");
    }

    fn check_text(old: &str, new: &str, expected: Text) {
        let [old, new] = [old, new].map(|text| migrations(&[("1_a", text)]));
        assert_eq!(compared(&chain(old.clone()), &old[0], &new[0]), expected);
    }

    #[test]
    fn comments_and_white_space_are_told_from_what_is_played() {
        check_text("SELECT 1;\n", "SELECT 1;\r\n", Text::Same);
        check_text("SELECT 1;", "-- why\nSELECT\n  1 ;", Text::Spacing);
        check_text("SELECT 1;", "SELECT 2;", Text::Edited);
        check_text("SELECT 'a b';", "SELECT 'a  b';", Text::Edited);
        check_text("DO $$BEGIN END$$;", "DO $$BEGIN /* why */ END$$;", Text::Edited);
        check_text("SELECT 1; SELECT 2;", "SELECT 1 SELECT 2;", Text::Edited);
        check_text(
            "COPY t FROM stdin;\na\tb\n\\.\n",
            "COPY t FROM stdin;\na b\n\\.\n",
            Text::Edited,
        );
    }

    #[test]
    fn a_migration_is_found_under_another_name() {
        let stays = |place, text| Fate::Stays { place, text };
        let moved = |place, text| Fate::Moved { place, text };
        let (a, b) = (("1_a", "CREATE TABLE a ();"), ("2_b", "CREATE TABLE b ();"));
        let both = [stays(0, Text::Same), stays(1, Text::Same)];
        check(&[a, b], &[a, b, ("3_c", "SELECT 1;")], false, &both);
        check(&[a, b], &[b], false, &[Fate::Gone, stays(0, Text::Same)]);
        let literal = |end: &str| format!("SELECT{end}'a{end}b';");
        let (feed, both) = (literal("\n"), literal("\r\n"));
        check(&[("1_a", &feed)], &[("1_a", &both)], false, &[stays(0, Text::Edited)]);
        check(&[a], &[("3_a", a.1)], false, &[moved(0, Text::Same)]);
        check(&[a], &[("1_b", "SELECT 1;")], false, &[moved(0, Text::Edited)]);
        check(&[a], &[("1_b", "SELECT 1;")], true, &[Fate::Gone]);
        // A squash may look like one of those that it stands for, and later ones keep their text.
        check(&[a, b], &[("2_c", a.1)], true, &[Fate::Gone, Fate::Gone]);
        check(
            &[a, b],
            &[("1_c", "SELECT 1;"), ("3_b", b.1)],
            true,
            &[Fate::Gone, moved(1, Text::Same)],
        );
        let (long, longer) = ("SELECT 1;\nSELECT 2;\nSELECT 3;", "SELECT 1;\nSELECT 2;\nSELECT 4;");
        check(&[("1_a", long)], &[("2_b", longer)], false, &[moved(0, Text::Edited)]);
        check(&[("1_a", long)], &[("2_b", longer)], true, &[Fate::Gone]);
        check(&[("1_a", long)], &[("2_b", "SELECT 5;")], false, &[Fate::Gone]);
        check(
            &[a, b],
            &[("1_b", b.1), ("2_a", a.1)],
            false,
            &[moved(1, Text::Same), moved(0, Text::Same)],
        );
    }
}
