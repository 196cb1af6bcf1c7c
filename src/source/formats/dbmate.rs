//! dbmate: `20240131120000_name.sql`, with `-- migrate:up` and `-- migrate:down` in each file.
//!
//! As its version 2 does it with Postgres (lib/pq) and its default options:
//!
//! - *Files.* `^(\d+).*\.sql$`, ordered by the whole name; any other file is passed over without a
//!   word.
//! - *Sections.* A line that begins with `-- migrate:up` or `-- migrate:down` opens a section, and
//!   options follow on it. Each up section needs one down section after it; before the first one
//!   there may be comments only. Otherwise the boot ends at that file. Comments that look almost
//!   like these lines are comments.
//! - *Execution.* All files of a boot on one connection, each up section as one message. It shares
//!   a transaction with its ledger row, unless its line says `transaction:false`. A section that
//!   ends that transaction by itself ends the boot.
//! - *Ledger.* `schema_migrations(version)`, in the schema that is current at the time of asking,
//!   and that is before each row. A file with several up sections gets a row for each, and since
//!   they are equal the second one fails.
//! - *Pending* is what the ledger doesn't have, lower versions too. It may have others.

use std::ops::Range;

use super::squashing::last;
use super::{Body, Rewriting, Squashed};
use super::{
    Claim, Delivery, Files, Folder, Format, LIB_PQ, Ledger, Migration, NUMBERED, Oddity, Part,
    Sessions,
};
use super::{Placing, ignored, is_sql, not_in};
use crate::Result;
use crate::config::Level;
use crate::sql::{Script, literal, position};

pub(super) const FORMAT: Format = Format {
    name: "dbmate",
    example: "20240131120000_create_users.sql with -- migrate:up",
    claim,
    read,
    delivery: Delivery::Message,
    sessions: Sessions::PerBoot,
    without_transaction: Some("-- migrate:up transaction:false"),
    lost_transaction: Some(LIB_PQ),
    boot_transaction: None,
    forced: &["datestyle"],
    float_digits: None,
    placing: Placing { twins: Some(TWINS), ..NUMBERED },
    dump: Some("dbmate dump"),
    signpost: None,
    settings: None,
    ledger: Some(Ledger {
        table: "schema_migrations",
        home: "SELECT quote_ident(COALESCE(current_schema(), 'public'))",
        asks_again: true,
        is_one_row: false,
        ensure: |home| {
            format!(
                "create table if not exists {home}.schema_migrations (version varchar primary key)"
            )
        },
        applied: |home| format!("select version from {home}.schema_migrations"),
        pending: |chain, applied| Ok(not_in(applied, chain)),
        before: None,
        after: |home, migration| {
            let version = literal(&migration.version);
            format!("insert into {home}.schema_migrations (version) values ({version})")
        },
        finally: None,
        rewriting: Rewriting::of(&["version"]),
    }),
    squash,
};

/// The digits at the beginning of a migration's name.
fn version(name: &str) -> Option<&str> {
    let end = name.find(|c: char| !c.is_ascii_digit())?;
    name[end..].strip_suffix(".sql").filter(|_| end > 0)?;
    Some(&name[..end])
}

/// The markers tell the files from those of other tools, whose names can be the same.
fn claim(folder: &Folder) -> Claim {
    let names = folder.names().filter(|name| version(name).is_some()).collect::<Vec<_>>();
    let is_marked = |name: &&str| {
        let text = folder.glance(name);
        text.contains("migrate:") && markers(&text).next().is_some()
    };
    Claim::if_marked(names.len(), names.iter().any(is_marked))
}

fn read(folder: &Folder) -> Result<Files> {
    let mut files = Files { migrations: Vec::new(), oddities: Vec::new() };
    for name in folder.names() {
        let Some(version) = version(name) else {
            if is_sql(name) {
                files.oddities.push(ignored(folder, name, FORMAT.name, "NUMBER_NAME.sql"));
            }
            continue;
        };
        if let Some(first) = files.migrations.iter().find(|first| first.version == version) {
            files.oddities.push(duplicate(folder, version, first.file.file_name(), name));
        }
        let mut file = folder.read(name)?;
        let path = &file.path;
        let sections = match sections(&file.text) {
            Ok(sections) => sections,
            Err(fault) => {
                files.oddities.push(refused(path, &file.text, &fault));
                continue;
            }
        };
        files.oddities.extend(near_misses(path, &file.text));
        if sections.len() > 1 {
            files.oddities.push(several(path, sections.len()));
        }
        file.script = Script::parse_parts(&file.text, sections.iter().map(|up| up.span.clone()));
        let stem = name.strip_suffix(".sql").unwrap_or(name);
        let (version, name) = (version.to_owned(), stem.to_owned());
        let (parts, entry) = (sections, String::new());
        files.migrations.push(Migration { version, name, file, parts, entry });
    }
    Ok(files)
}

/// A line that opens a section.
#[derive(Debug, PartialEq, Eq)]
struct Marker<'a> {
    start: usize,
    up: bool,
    options: &'a str,
}

/// The white space of the tool's patterns.
const SPACE: [char; 5] = [' ', '\t', '\n', '\r', '\u{c}'];

fn markers(text: &str) -> impl Iterator<Item = Marker<'_>> {
    lines(text).filter_map(|(start, line)| {
        let word = line.strip_prefix("--")?.trim_start_matches(SPACE).strip_prefix("migrate:")?;
        let (up, options) = match word.strip_prefix("up") {
            Some(options) => (true, options),
            None => (false, word.strip_prefix("down")?),
        };
        let is_marker = options.is_empty() || options.starts_with(SPACE);
        is_marker.then_some(Marker { start, up, options })
    })
}

/// The lines of a text with their places, without their ends.
fn lines(text: &str) -> impl Iterator<Item = (usize, &str)> {
    text.split_inclusive('\n').scan(0, |end, line| {
        let start = *end;
        *end += line.len();
        Some((start, line.trim_end_matches('\n')))
    })
}

/// The up sections, in order; or what the tool says instead.
fn sections(text: &str) -> Result<Vec<Part>, String> {
    let markers = markers(text).collect::<Vec<_>>();
    let Some(first) = markers.iter().find(|marker| marker.up) else {
        return Err("dbmate requires each migration to define an up block with \
                    '-- migrate:up'"
            .to_owned());
    };
    let is_silent = |line: &str| {
        let line = line.trim_start_matches(SPACE);
        line.is_empty() || line.starts_with("--")
    };
    if let Some((start, _)) = lines(&text[..first.start]).find(|(_, line)| !is_silent(line)) {
        return Err(format!(
            "dbmate does not support statements preceding the '-- migrate:up' block (line {})",
            position(text, start).line
        ));
    }
    let mut sections = Vec::new();
    let mut rest = markers.iter().skip_while(|marker| !marker.up).peekable();
    while let Some(up) = rest.next() {
        let line = position(text, up.start).line;
        let Some(down) = rest.next_if(|next| !next.up) else {
            return Err(format!(
                "dbmate requires each migration to define a down block with '-- migrate:down' \
                 (the up block of line {line} has none)"
            ));
        };
        if let Some(second) = rest.next_if(|next| !next.up) {
            return Err(format!(
                "dbmate requires every '-- migrate:down' to be preceded by a '-- migrate:up' \
                 (line {} has none)",
                position(text, second.start).line
            ));
        }
        let begin = (!runs_bare(up)).then_some("BEGIN READ WRITE");
        sections.push(Part::message(up.start..down.start, begin));
    }
    Ok(sections)
}

/// Whether a marker's options say that there is to be no transaction. The last one counts.
fn runs_bare(marker: &Marker<'_>) -> bool {
    let mut options = marker.options.split(SPACE).rev();
    options.find_map(|option| option.strip_prefix("transaction:")) == Some("false")
}

/// Comments that were hardly meant as such: markers with a slip, and options that say nothing.
fn near_misses<'a>(path: &'a str, text: &'a str) -> impl Iterator<Item = Oddity> {
    let known = markers(text).map(|marker| marker.start).collect::<Vec<_>>();
    let slips = lines(text).filter(move |(start, line)| !known.contains(start) && is_slip(line));
    let slips = slips.map(|(start, line)| (start..start + line.len(), "takes it for a comment"));
    let options = markers(text).filter(|marker| {
        let options = marker.options.to_ascii_lowercase();
        options.contains("transaction") && options.contains("false") && !runs_bare(marker)
    });
    let options = options.map(|marker| {
        let line = text[marker.start..].lines().next().unwrap_or_default();
        let span = marker.start..marker.start + line.len();
        (span, "opens its transaction all the same")
    });
    slips.chain(options).map(move |(span, effect)| near_miss(path, text, span, effect))
}

fn is_slip(line: &str) -> bool {
    let line = line.trim_start_matches(['\u{feff}', ' ', '\t']).to_ascii_lowercase();
    let Some(comment) = line.strip_prefix("--") else { return false };
    let mut words = comment.split([' ', '\t', '\r', ':', '-', '_']).filter(|word| !word.is_empty());
    let opens = words.next().is_some_and(|word| matches!(word, "migrate" | "migration"));
    let directed = comment.contains("up") || comment.contains("down");
    opens && comment.contains([':', '_']) && (directed || comment.contains("migrate:"))
}

fn near_miss(path: &str, text: &str, span: Range<usize>, effect: &str) -> Oddity {
    let line = position(text, span.start).line;
    Oddity {
        path: path.to_owned(),
        message: format!("line {line}, `{}`: dbmate {effect}", text[span].trim()),
        help: "dbmate knows, at the beginning of a line: -- migrate:up, -- migrate:down, and on \
               either of them transaction:false"
            .to_owned(),
        level: Level::Deny,
        fatal: false,
    }
}

fn refused(path: &str, text: &str, fault: &str) -> Oddity {
    let slips = near_misses(path, text).map(|slip| slip.message).collect::<Vec<_>>();
    let cause = match slips.as_slice() {
        [] => String::new(),
        slips => format!("; {}", slips.join("; ")),
    };
    Oddity {
        path: path.to_owned(),
        message: format!("{fault}{cause}"),
        help: "each file needs the line `-- migrate:up`, its statements, the line \
               `-- migrate:down`, and the statements that lead back, of which there may be none"
            .to_owned(),
        level: Level::Deny,
        fatal: true,
    }
}

fn several(path: &str, count: usize) -> Oddity {
    Oddity {
        path: path.to_owned(),
        message: format!(
            "has {count} up sections: dbmate records the version after each of them, and the \
             second time its ledger refuses it"
        ),
        help: "give each section a migration of its own".to_owned(),
        level: Level::Deny,
        fatal: false,
    }
}

/// What becomes of two migrations of one version.
const TWINS: &str = "where both are new, dbmate's ledger refuses the second; where one is applied, \
                     the other is never run";

fn duplicate(folder: &Folder, version: &str, first: &str, second: &str) -> Oddity {
    Oddity {
        path: folder.path_of(second),
        message: format!("version {version} is taken by {first}: {TWINS}"),
        help: "give one of the two a number of its own".to_owned(),
        level: Level::Deny,
        fatal: false,
    }
}

fn squash(folder: &Folder, chain: &[Migration], body: &Body) -> Result<Squashed> {
    let name = format!("{}_baseline.sql", last(chain)?.version);
    let (head, up, down) = (body.head(), body.up(), body.down());
    let text = format!("{head}\n-- migrate:up\n\n{up}\n\n-- migrate:down\n\n{down}\n");
    Squashed::of(folder, chain, &name, text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_read_by_the_tools_own_pattern() {
        assert_eq!(version("20240131120000_users.sql"), Some("20240131120000"));
        assert_eq!(version("1.sql"), Some("1"));
        assert_eq!(version("1users.up.sql"), Some("1"));
        assert_eq!(version("V1__users.sql"), None);
        assert_eq!(version("1_users.SQL"), None);
    }

    /// The sections of a text, those without a transaction in brackets; or the tool's complaint.
    fn check(text: &str, expected: Result<&[&str], &str>) {
        let sections = sections(text).map(|sections| {
            let shown = sections.iter().map(|part| match part.begin {
                Some(_) => text[part.span.clone()].to_owned(),
                None => format!("[{}]", &text[part.span.clone()]),
            });
            shown.collect::<Vec<_>>()
        });
        match (sections, expected) {
            (Ok(sections), Ok(expected)) => assert_eq!(sections, expected, "{text}"),
            (Err(fault), Err(expected)) => assert!(fault.contains(expected), "{text}: {fault}"),
            (sections, expected) => panic!("{text}: {sections:?} instead of {expected:?}"),
        }
    }

    #[test]
    fn sections_go_from_marker_to_marker() {
        check("-- migrate:up\na;\n-- migrate:down\nb;", Ok(&["-- migrate:up\na;\n"]));
        check("\n-- c\n--migrate:up\r\na;\r\n--migrate:down", Ok(&["--migrate:up\r\na;\r\n"]));
        let bare = "--  migrate:up x  transaction:false\na;\n";
        check(&format!("{bare}-- migrate:down"), Ok(&[&format!("[{bare}]")]));
        check(
            "-- migrate:down\n-- migrate:up transaction:FALSE\na;\n-- migrate:down",
            Ok(&["-- migrate:up transaction:FALSE\na;\n"]),
        );
        check(
            "-- migrate:up\na;\n-- migrate:down transaction:false\n-- migrate:up\n-- migrate:down",
            Ok(&["-- migrate:up\na;\n", "-- migrate:up\n"]),
        );
    }

    #[test]
    fn what_the_tool_refuses_is_refused_in_its_words() {
        check("a;", Err("an up block"));
        check("\u{feff}-- migrate:up\n-- migrate:down", Err("an up block"));
        check("-- migrate:up-section\n-- migrate:down", Err("an up block"));
        check("/* c */\n-- migrate:up\n-- migrate:down", Err("statements preceding"));
        check("-- migrate:up\na;\n -- migrate:down", Err("a down block"));
        check("-- migrate:up\na;\n-- migrate:downs", Err("a down block"));
        check(
            "-- migrate:up\n-- migrate:down\n--migrate:down",
            Err("preceded by a '-- migrate:up'"),
        );
    }

    fn check_misses(text: &str, expected: &[&str]) {
        let misses = near_misses("f", text).map(|miss| miss.message).collect::<Vec<_>>();
        assert_eq!(misses, expected, "{text}");
    }

    #[test]
    fn slips_are_noticed() {
        let comment = "dbmate takes it for a comment";
        check_misses("-- migrate:Down", &[&format!("line 1, `-- migrate:Down`: {comment}")]);
        check_misses("a;\n  --migrate:up", &[&format!("line 2, `--migrate:up`: {comment}")]);
        check_misses("-- migrate: up", &[&format!("line 1, `-- migrate: up`: {comment}")]);
        check_misses("-- migrate:dwon", &[&format!("line 1, `-- migrate:dwon`: {comment}")]);
        let bare = "opens its transaction all the same";
        check_misses(
            "-- migrate:up transaction: false",
            &[&format!("line 1, `-- migrate:up transaction: false`: dbmate {bare}")],
        );
        check_misses("-- migrate:up transaction:false\n-- migrates users: up\n-- migrate", &[]);
    }

    #[test]
    fn pending_is_what_the_ledger_does_not_have() {
        let chain = ["1", "2", "10"].map(super::super::bare);
        let applied = ["2", "99"].map(str::to_owned);
        assert_eq!(not_in(&applied, &chain), [0, 2]);
    }
}
