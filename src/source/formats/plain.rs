//! Plain numbered files: `1_users.sql`, `002-orders.sql`, `V10__views.sql`.
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
use super::{
    Claim, Delivery, Files, Folder, Format, Migration, Oddity, Sessions, SourceFile, ignored,
    is_sql,
};
use crate::config::Level;
use crate::sql::{Content, position};
use crate::{Error, Result};

pub(super) const FORMAT: Format = Format {
    name: "plain",
    example: "0001_create_users.sql",
    claim: |folder| Claim {
        files: folder.names().filter(|name| fits(name)).count(),
        certain: false,
    },
    read,
    delivery: Delivery::Statements,
    sessions: Sessions::PerFile,
    latecomers: "runs it after those that it should precede",
    forced: &[],
    float_digits: None,
    without_transaction: None,
    lost_transaction: None,
    boot_transaction: None,
    ledger: None,
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
                message: format!("its number is taken by {first}: only their names order the two"),
                help: "give one of the two a number of its own".to_owned(),
                level: Level::Deny,
                fatal: false,
            });
        }
    }
    let migrations = numbered
        .into_iter()
        .map(|((_, digits), name)| migration(folder, name, digits))
        .collect::<Result<_>>()?;
    Ok(Files { migrations, oddities })
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
    for piece in file.script.pieces.iter().filter(|piece| piece.content == Content::Meta) {
        let line = &file.text[piece.span.clone()];
        let mut words = line.trim().trim_start_matches('\\').split_whitespace();
        let command = words.next().unwrap_or_default();
        let stops_on_errors = command == "set" && words.next() == Some("ON_ERROR_STOP");
        if !HARMLESS.contains(&command) && !stops_on_errors {
            let place = position(&file.text, piece.span.start);
            return Err(Error::new(format!(
                "{}:{}: psql's \\{command} is not SQL, and rehearsal does not play it",
                file.path, place.line
            ))
            .help("write the file in plain SQL: \\restrict, \\echo and their like may stay"));
        }
    }
    Ok(())
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
    fn other_tools_files_are_not_plain() {
        assert!(fits("0001_users.sql"));
        assert!(!fits("0001_users.up.sql"));
        assert!(!fits("users.sql"));
        assert!(!fits("0001_users.txt"));
        assert!(!fits("Values.sql"));
    }
}
