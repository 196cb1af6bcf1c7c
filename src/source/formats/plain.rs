//! Plain numbered files: `1_users.sql`, `002-orders.sql`, `V10_views.sql`.
//!
//! No tool, so what people do in its place: each file through `psql -v ON_ERROR_STOP=1 -f`, in
//! numeric order.
//!
//! - *Files.* Those whose name begins with a number, after an optional `V`. Equal numbers are
//!   ordered by name, and reported.
//! - *Execution.* A session for each file; its statements one after the other, each committed by
//!   itself unless the file says BEGIN. `COPY … FROM stdin` brings its data.
//! - *Ledger.* None: every boot runs every file.

use super::golang_migrate::is_ours as is_golang_migrates;
use super::squashing::{self, last};
use super::{Body, Squashed};
use super::{
    Certainty, Claim, Delivery, Files, Folder, Format, LostTransaction, Migration, NUMBERED,
    Oddity, Placing, Sessions, SourceFile, ignored, is_sql,
};
use crate::config::Level;
use crate::sql::{Content, Piece, position};
use crate::{Error, Result};

pub(super) const FORMAT: Format = Format {
    name: "plain",
    example: "0001_create_users.sql",
    claim: |folder| Claim {
        files: folder.names().filter(|name| fits(name)).count(),
        certainty: Certainty::Names,
    },
    read,
    delivery: Delivery::Statements,
    sessions: Sessions::PerFile,
    placing: Placing { twins: Some(TWINS), ..NUMBERED },
    dump: None,
    signpost: None,
    settings: None,
    forced: &[],
    float_digits: None,
    without_transaction: None,
    lost_transaction: None,
    boot_transaction: None,
    ledger: None,
    squash,
};

/// How seeds and the scripts of a bootstrap are played: as plain files, each in a transaction that
/// it must leave alone.
pub(super) const SCRIPTS: Format = Format {
    name: "psql",
    lost_transaction: Some(LostTransaction::AtCommit(
        "the file ends the transaction in which it is played",
    )),
    ..FORMAT
};

fn fits(name: &str) -> bool {
    number(name).is_some() && !is_golang_migrates(name)
}

/// The number at the beginning of a file's name, without leading zeros, and comparable: of two
/// numbers, the one with fewer digits is the smaller.
fn number(name: &str) -> Option<(usize, &str)> {
    if !is_sql(name) {
        return None;
    }
    let name = name.strip_prefix(['V', 'v']).unwrap_or(name);
    let end = name.find(|c: char| !c.is_ascii_digit())?;
    let digits = name[..end].trim_start_matches('0');
    (end > 0).then_some((digits.len(), digits))
}

/// What becomes of two files of one number.
const TWINS: &str = "only their names order the two";

fn read(folder: &Folder) -> Result<Files> {
    let mut oddities = Vec::new();
    let mut numbered = Vec::new();
    for name in folder.names().filter(|name| is_sql(name)) {
        match number(name) {
            Some(number) => numbered.push((number, name)),
            None => oddities.push(ignored(folder, name, "a boot", "NUMBER_NAME.sql")),
        }
    }
    numbered.sort_unstable();
    for pair in numbered.windows(2) {
        let [(number, first), (same, second)] = pair else { continue };
        if number == same {
            oddities.push(Oddity {
                path: folder.path_of(second),
                message: format!("its number is taken by {first}: {TWINS}"),
                help: "give one of the two a number of its own".to_owned(),
                level: Level::Deny,
                fatal: false,
            });
        }
    }
    let migrations = numbered
        .into_iter()
        .map(|((_, digits), name)| migration(folder, name, digits))
        .collect::<Result<Vec<_>>>()?;
    for migration in &migrations {
        refuse_ways_back(&migration.file)?;
    }
    Ok(Files { migrations, oddities })
}

/// The comments behind which tools expect the statements that lead back.
const WAYS_BACK: &[(&str, &str)] = &[
    ("down migration", "node-pg-migrate"),
    ("migrate:down", "dbmate"),
    ("+goose down", "goose"),
    ("+migrate down", "sql-migrate"),
    ("//@undo", "MyBatis Migrations"),
];

/// An error for a file of two directions, which would be played one after the other.
fn refuse_ways_back(file: &SourceFile) -> Result<()> {
    let last = file.script.statements().next_back().map_or(0, |last| last.span.start);
    let spaces = file.script.pieces.iter().filter(|piece| piece.content == Content::Space);
    for space in spaces.map(|piece| &piece.span).filter(|span| span.start < last) {
        let mut start = space.start;
        for line in file.text[space.clone()].split_inclusive('\n') {
            if let Some(tool) = leads_back(line) {
                return Err(Error::new(format!(
                    "{}:{}: `{}` opens the way back in a file of {tool}, and played as plain SQL, \
                     the file would go both ways",
                    file.path,
                    position(&file.text, start).line,
                    line.trim()
                ))
                .help(format!(
                    "if {tool} runs the files, say so in rehearsal.toml, under [migrations]: by \
                     `format`, or by its command as `run`; otherwise move what leads back out of \
                     the file"
                )));
            }
            start += line.len();
        }
    }
    Ok(())
}

/// The tool whose marker of a way back a line is.
fn leads_back(line: &str) -> Option<&'static str> {
    let comment = line.trim_start().strip_prefix("--")?.trim_start_matches(['-', ' ', '\t']);
    let words = comment.split_whitespace().collect::<Vec<_>>().join(" ").to_lowercase();
    let is_it = |marker: &str| {
        let rest = words.strip_prefix(marker);
        rest.is_some_and(|rest| !rest.starts_with(char::is_alphanumeric))
    };
    WAYS_BACK.iter().find(|(marker, _)| is_it(marker)).map(|(_, tool)| *tool)
}

/// Reads one file.
pub(super) fn migration(folder: &Folder, name: &str, version: &str) -> Result<Migration> {
    let stem = name.rsplit_once('.').map_or(name, |(stem, _)| stem);
    let file = folder.read(name)?;
    refuse_commands(&file)?;
    Ok(Migration::whole(version, stem, file))
}

/// The commands of psql that change nothing which a rehearsal could see.
const HARMLESS: &[&str] =
    &["restrict", "unrestrict", "echo", "qecho", "warn", "timing", "pset", "x", "a", "t", "H"];

/// An error for a file that is more than SQL: what psql's other commands do is not played.
pub(super) fn refuse_commands(file: &SourceFile) -> Result<()> {
    let text = &file.text;
    for Piece { span, content } in &file.script.pieces {
        let command = match content {
            Content::Meta => Some(span.start).filter(|_| !is_harmless(&text[span.clone()])),
            Content::Statement(statement) => statement.command(text),
            _ => None,
        };
        if let Some(start) = command {
            return Err(refused(file, start));
        }
    }
    Ok(())
}

/// Whether a line for psql changes nothing that a rehearsal could see.
fn is_harmless(line: &str) -> bool {
    let mut words = line.trim().trim_start_matches('\\').split_whitespace();
    let command = words.next().unwrap_or_default();
    let stops_on_errors = command == "set" && words.next() == Some("ON_ERROR_STOP");
    HARMLESS.contains(&command) || stops_on_errors
}

fn refused(file: &SourceFile, start: usize) -> Error {
    let words = file.text[start..].trim_start_matches('\\').split_whitespace();
    let command = words.into_iter().next().unwrap_or_default().trim_end_matches(';');
    let help = match command {
        "connect" | "c" => {
            "one database is played at a time: dump it by itself, with pg_dump and without \
             --create; or cut the file where it connects to another one"
        }
        _ => "write the file in plain SQL: \\restrict, \\echo and their like may stay",
    };
    let (path, line) = (&file.path, position(&file.text, start).line);
    let message = "is not SQL, and rehearsal does not play it";
    Error::new(format!("{path}:{line}: psql's \\{command} {message}")).help(help)
}

fn squash(folder: &Folder, chain: &[Migration], body: &Body) -> Result<Squashed> {
    let name = format!("{}_baseline.sql", squashing::number(last(chain)?.file.file_name()));
    let text = format!("{}\n{}\n", body.head(), body.up_with_transaction());
    Squashed::of(folder, chain, &name, text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ten_comes_after_two() {
        let mut names =
            ["V10__views.sql", "2_orders.sql", "0001_users.sql", "20240101000000_late.sql"];
        names.sort_by_key(|name| number(name));
        assert_eq!(
            names,
            ["0001_users.sql", "2_orders.sql", "V10__views.sql", "20240101000000_late.sql"]
        );
    }

    #[test]
    fn other_tools_ways_back_are_known() {
        assert_eq!(leads_back("-- Down Migration\n"), Some("node-pg-migrate"));
        assert_eq!(leads_back("---  down\tmigration"), Some("node-pg-migrate"));
        assert_eq!(leads_back("-- migrate:down transaction:false"), Some("dbmate"));
        assert_eq!(leads_back("-- +goose Down"), Some("goose"));
        assert_eq!(leads_back("--//@UNDO"), Some("MyBatis Migrations"));
        assert_eq!(leads_back("-- down migrations are not written here"), None);
        assert_eq!(leads_back("-- migrates down migration paths"), None);
        assert_eq!(leads_back("SELECT 1; -- Down Migration"), None);
    }

    #[test]
    fn other_tools_files_are_not_plain() {
        assert!(fits("0001_users.sql"));
        assert!(!fits("0001_users.up.sql"));
        assert!(!fits("users.sql"));
        assert!(!fits("0001_users.txt"));
        assert!(!fits("Values.sql"));
    }
}
