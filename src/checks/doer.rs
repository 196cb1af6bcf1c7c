//! Who did it, and by which statement, as far as looks in between tell, and the text of the files.

use super::change::{Change, unquoted, writes_rows};
use super::{Finding, cause, part};
use crate::catalog::parent_of;
use crate::config::Transaction;
use crate::rows::TableWrites;
use crate::source::{Migration, Project, Seed};
use crate::sql::{self, Kind, Statement, Token};
use crate::trace::{Author, Seeding, State};

/// A statement in its file.
#[derive(Clone, Copy)]
pub(super) struct Deed<'a> {
    pub(super) file: &'a Migration,
    pub(super) statement: &'a Statement,
}

impl<'a> Deed<'a> {
    /// The words of the statement, in small letters; of a block, those of its code.
    pub(super) fn words(self) -> impl Iterator<Item = String> + use<'a> {
        let text = &*self.file.file.text;
        let word = |token: Token| text[token.span].to_ascii_lowercase();
        let code = cause::body(text, self.statement);
        let tokens = match code {
            Some(body) => sql::tokens(text, body),
            None => self.statement.tokens(text),
        };
        tokens.into_iter().map(word)
    }

    pub(super) fn says(self, wanted: &str) -> bool {
        let words: Vec<_> = self.words().filter(|word| !word.trim().is_empty()).collect();
        let wanted: Vec<_> = wanted.split(' ').collect();
        words.windows(wanted.len()).any(|window| window == wanted)
    }

    /// Places a finding at the statement.
    pub(super) fn place(self, finding: Finding) -> Finding {
        finding.in_migration(self.file, Some(self.statement.span.clone()))
    }
}

/// The statement by which somebody most likely changed something.
pub(super) fn deed<'a>(
    project: &'a Project,
    author: Author,
    change: &Change,
    state: &State,
) -> Option<Deed<'a>> {
    let file = part::file(project, author)?;
    Some(Deed { file, statement: change.statement(file, state)? })
}

/// Places a finding where somebody most likely wrote one of some tables, the first that is found.
pub(super) fn place(
    project: &Project,
    finding: Finding,
    author: Author,
    tables: &[&str],
    state: &State,
) -> Finding {
    let changes = tables
        .iter()
        .map(|table| Change::Writes { table: (*table).to_owned(), writes: TableWrites::default() });
    let mut deeds = changes.filter_map(|change| deed(project, author, &change, state));
    match deeds.next() {
        Some(deed) => deed.place(finding),
        None => part::at(project, finding, author),
    }
}

/// The statements of the seeds that write a table, in their order; or else the blocks that name it.
pub(super) fn deeds_on<'a>(project: &'a Project, table: &str) -> Vec<Deed<'a>> {
    let schema = parent_of(table).map(unquoted);
    let name = unquoted(parent_of(table).map_or(table, |schema| &table[schema.len() + 1..]));
    let files = project.scripts.seeds.iter().filter_map(Seed::file);
    let all: Vec<_> = files
        .flat_map(|file| {
            let statements = file.file.script.statements();
            statements.map(move |statement| Deed { file, statement })
        })
        .collect();
    let writes = |deed: &&Deed<'_>| {
        let named = deed.statement.table.as_ref().or(deed.statement.name.as_ref());
        writes_rows(&deed.statement.kind)
            && named
                .is_some_and(|it| it.name == name && (it.schema.is_none() || it.schema == schema))
    };
    let found: Vec<_> = all.iter().filter(writes).copied().collect();
    if !found.is_empty() {
        return found;
    }
    let names = |deed: &Deed<'_>| {
        let text = &deed.file.file.text[deed.statement.span.clone()];
        cause::has_word(text, &name)
    };
    all.into_iter().filter(names).collect()
}

/// Adds who may have done it, where no file of the seeds tells.
pub(super) fn suspected(project: &Project, finding: Finding) -> Finding {
    let others = project.scripts.seeds.iter().filter(|seed| seed.file().is_none());
    let names: Vec<_> = others.map(Seed::name).collect();
    match names.as_slice() {
        [] => finding,
        [one] => finding.note(format!("{one} fills it, or a trigger")),
        several => finding.note(format!("one of these fills it: {}", several.join(", "))),
    }
}

/// Which seeds did something, and the statement by which the last one most likely did it.
pub(super) struct Doers<'a> {
    places: Vec<usize>,
    /// Whether that was seen when they were run one by one.
    is_seen: bool,
    pub(super) deed: Option<Deed<'a>>,
}

impl<'a> Doers<'a> {
    /// Who changed rows or a sequence in the second run.
    pub(super) fn of(
        project: &'a Project,
        seeding: &Seeding,
        change: &Change,
        takes_away: bool,
    ) -> Self {
        let Some(state) = seeding.first.end.as_ref() else {
            return Self { places: Vec::new(), is_seen: false, deed: None };
        };
        let deed = |place: usize| {
            let author = Author::Seed(place);
            let file = part::file(project, author)?;
            let taking = takes_away.then(|| taking(change, file)).flatten();
            let taking = taking.map(|statement| Deed { file, statement });
            taking.or_else(|| deed(project, author, change, state))
        };
        let path = seeding.path.as_ref();
        let mut places = path.map(|path| path.touching(change.subject())).unwrap_or_default();
        let is_seen = !places.is_empty();
        if !is_seen {
            // Where no look tells, the text may.
            places = (0..project.scripts.seeds.len()).filter(|it| deed(*it).is_some()).collect();
        }
        let last = places.last().and_then(|place| deed(*place));
        Self { places, is_seen, deed: last }
    }

    /// A finding at the last of them, with the others named.
    pub(super) fn place(&self, project: &Project, finding: Finding) -> Finding {
        let Some((last, others)) = self.places.split_last() else {
            return finding.note("no seed by itself does it when they are run one by one");
        };
        let finding = match self.deed {
            Some(deed) => deed.place(finding),
            None => part::at(project, finding, Author::Seed(*last)),
        };
        let finding = if self.is_seen { note_on_walk(project, finding) } else { finding };
        let others = others.iter().map(|place| project.scripts.seeds[*place].name());
        match others.collect::<Vec<_>>().join(", ") {
            others if others.is_empty() => finding,
            others => finding.note(format!("another seed does it too: {others}")),
        }
    }
}

/// Says of seeds that share a transaction how they were told apart.
pub(super) fn note_on_walk(project: &Project, finding: Finding) -> Finding {
    let shares = project.config.seeds.transaction == Transaction::All;
    if !shares || project.scripts.seeds.len() < 2 {
        return finding;
    }
    finding.note(
        "one transaction holds all seeds, into which nobody can look: which seed it is was seen \
         when each had one of its own",
    )
}

/// The statement of a file that takes all rows away from the table which changed.
fn taking<'a>(change: &Change, file: &'a Migration) -> Option<&'a Statement> {
    let subject = change.subject();
    let name = unquoted(subject.rsplit_once('.').map_or(subject, |(_, it)| it));
    file.file.script.statements().find(|statement| {
        matches!(statement.kind, Kind::Delete | Kind::Truncate)
            && statement.table.as_ref().is_some_and(|table| table.name == name)
    })
}
