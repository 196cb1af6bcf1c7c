//! sql-migrate: any `*.sql`, usually `20240131120000-name.sql`, with `-- +migrate Up` in each file.
//!
//! As its version 1 does it with Postgres (lib/pq), its default options and a `dbconfig.yml` that
//! names neither a table nor a schema; compared with the one of Debian 12, which is 1.0.0.
//!
//! - *Files.* Those with a number at the beginning, by that number, then the others, each by name.
//! - *Markers.* A line that begins with `-- +migrate Up` opens what is played, `-- +migrate Down`
//!   ends it, and both can come again. What stands before the first one is passed over. One that
//!   isn't written to the letter is a comment.
//! - *Statements.* A message ends with a line whose last word before a `--` ends in `;`, also in
//!   the middle of a function's body, unless `-- +migrate StatementBegin` and `-- +migrate
//!   StatementEnd` stand around it. Lines that begin with `-- `, whatever they stand in, and
//!   carriage returns at the ends of lines are not sent.
//! - *Execution.* All files of a boot on one connection, each message by itself, the file's
//!   together with its ledger row in a transaction, unless a line says `-- +migrate Up
//!   notransaction`. A file that ends that transaction by itself ends the boot.
//! - *Ledger.* `gorp_migrations(id, applied_at)`, found through the search path each time. A
//!   migration's id is its file's name.
//! - *Pending* is what the ledger doesn't have, lower ones too. If it has others, the tool refuses
//!   to boot.

use std::ops::Range;

use super::lines::{ends_statement, goes_on, lines, too_long};
use super::squashing::{self, in_blocks, last};
use super::{Body, Rewriting, Squashed};
use super::{
    Claim, Delivery, Files, Folder, Format, LIB_PQ, Ledger, Migration, NUMBERED, Oddity, Part,
    Pending,
};
use super::{Sessions, SourceFile, is_sql, not_in};
use crate::Result;
use crate::config::Level;
use crate::sql::{Script, literal, position};

pub(super) const FORMAT: Format = Format {
    name: "sql-migrate",
    example: "20240131120000-create_users.sql with -- +migrate Up",
    claim,
    read,
    delivery: Delivery::Lines { block: BLOCK, comments: false },
    sessions: Sessions::PerBoot,
    without_transaction: Some("-- +migrate Up notransaction"),
    lost_transaction: Some(LIB_PQ),
    boot_transaction: None,
    forced: &["datestyle"],
    float_digits: Some(2),
    placing: NUMBERED,
    dump: None,
    signpost: None,
    settings: None,
    ledger: Some(Ledger {
        table: "gorp_migrations",
        home: "SELECT quote_ident(current_schema())",
        asks_again: false,
        is_one_row: false,
        ensure: |_| {
            "create table if not exists gorp_migrations \
             (id text not null primary key, applied_at timestamp with time zone)"
                .to_owned()
        },
        applied: |_| "select id from gorp_migrations".to_owned(),
        pending,
        before: None,
        after: |_, migration| {
            let id = literal(&migration.version);
            format!("insert into gorp_migrations (id, applied_at) values ({id}, clock_timestamp())")
        },
        finally: None,
        rewriting: Rewriting::of(&["id"]),
    }),
    squash,
};

/// What begins a line that says something to the tool.
const MARKER: &str = "-- +migrate ";

/// What a message stands between that doesn't end with a line of its own.
const BLOCK: [&str; 2] = ["-- +migrate StatementBegin", "-- +migrate StatementEnd"];

/// What the tool's scanner holds of a line.
const LINE_BYTES: usize = 1 << 20;

/// What the tool's scanner holds of a word.
const WORD_BYTES: usize = 1 << 16;

/// The markers tell the files from those of other tools, whose names can be the same.
fn claim(folder: &Folder) -> Claim {
    let names = folder.names().filter(|name| name.strip_suffix(".sql").is_some());
    let names = names.collect::<Vec<_>>();
    // A comment may speak of the tool.
    let is_known = |line: &str| line.starts_with(MARKER) && !is_slip(line);
    let is_marked = |name: &&str| {
        let text = folder.glance(name);
        text.contains(MARKER) && lines(&text).any(|(_, line)| is_known(line))
    };
    Claim::if_marked(names.len(), names.iter().any(is_marked))
}

fn read(folder: &Folder) -> Result<Files> {
    let mut files = Files { migrations: Vec::new(), oddities: Vec::new() };
    let mut names = Vec::new();
    for name in folder.names() {
        if name.strip_suffix(".sql").is_none() {
            let ignored = || super::ignored(folder, name, FORMAT.name, "NAME.sql");
            files.oddities.extend(is_sql(name).then(ignored));
            continue;
        }
        match number(name) {
            Ok(number) => names.push((number.is_none(), number, name)),
            Err(digits) => files.oddities.push(unordered(folder, name, digits)),
        }
    }
    names.sort_unstable();
    for (_, _, name) in names {
        let mut file = folder.read(name)?;
        if file.text.contains('\r') {
            file.text = file.text.replace("\r\n", "\n").into();
        }
        let up = match Up::read(&file.text) {
            Ok(up) => up,
            Err(fault) => {
                files.oddities.push(refused(&file, &fault));
                continue;
            }
        };
        file.script = Script::parse_parts(&file.text, up.messages.iter().cloned());
        files.oddities.extend(near_misses(&file));
        files.oddities.extend(up.oddities(&file));
        let span = up.messages.first().map_or(up.first, |message| message.start)
            ..up.messages.last().map_or(up.first, |message| message.end);
        let begin = (!up.bare).then_some("BEGIN READ WRITE");
        let parts = vec![Part { span, messages: up.messages, begin }];
        let stem = name.strip_suffix(".sql").unwrap_or(name).to_owned();
        files.migrations.push(Migration {
            version: name.to_owned(),
            name: stem,
            file,
            parts,
            entry: String::new(),
        });
    }
    Ok(files)
}

/// The number at the beginning of a name, if there is one; or its digits, if they are too many.
fn number(name: &str) -> Result<Option<i64>, &str> {
    let digits = &name[..name.find(|c: char| !c.is_ascii_digit()).unwrap_or(name.len())];
    if digits.is_empty() { Ok(None) } else { digits.parse().map(Some).map_err(|_| digits) }
}

/// What a file says is to be done on the way up.
#[derive(Debug, Default)]
struct Up {
    messages: Vec<Range<usize>>,
    /// Those of the messages that a marker ended.
    blocks: Vec<usize>,
    /// Where the first marker stands.
    first: usize,
    /// Whether there is anything to be done at all.
    is_there: bool,
    /// Whether the transaction is forbidden.
    bare: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Direction {
    Up,
    Down,
}

/// The tool's reader, which goes through a file line by line.
#[derive(Default)]
struct Reader<'a> {
    text: &'a str,
    direction: Option<Direction>,
    in_block: bool,
    up: Up,
    /// The lines of a message that has begun.
    message: Option<Range<usize>>,
}

impl Up {
    fn read(text: &str) -> Result<Self, String> {
        if let Some(fault) = too_long(text, LINE_BYTES) {
            return Err(fault);
        }
        let mut reader = Reader { text, ..Reader::default() };
        for (start, line) in lines(text) {
            reader.take(start, line)?;
        }
        if reader.in_block {
            return Err("saw '-- +migrate StatementBegin' with no matching '-- +migrate \
                        StatementEnd'"
                .to_owned());
        }
        if reader.direction.is_none() {
            return Err("no Up/Down annotations found, so no statements were executed.".to_owned());
        }
        reader.is_between_messages()?;
        Ok(reader.up)
    }
}

impl Reader<'_> {
    fn take(&mut self, start: usize, line: &str) -> Result<(), String> {
        if let Some(marker) = line.strip_prefix(MARKER) {
            return self.obey(start, marker);
        }
        if self.direction.is_none() || line.starts_with("-- ") {
            return Ok(());
        }
        if self.message.is_some() || !line.trim().is_empty() {
            let first = self.message.take().map_or(start, |message| message.start);
            self.message = Some(first..start + line.len());
        }
        if !self.in_block && ends_statement(line, WORD_BYTES) {
            self.end_message();
        }
        Ok(())
    }

    fn obey(&mut self, start: usize, marker: &str) -> Result<(), String> {
        let mut words = marker.split_whitespace();
        let command = words.next().ok_or("incomplete migration command")?;
        let direction = match command {
            "Up" => Direction::Up,
            "Down" => Direction::Down,
            "StatementBegin" => {
                self.in_block |= self.direction.is_some();
                return Ok(());
            }
            "StatementEnd" if self.in_block => {
                self.in_block = false;
                if self.message.is_some() && self.direction == Some(Direction::Up) {
                    self.up.blocks.push(self.up.messages.len());
                }
                self.end_message();
                return Ok(());
            }
            _ => return Ok(()),
        };
        self.is_between_messages()?;
        self.message = None;
        if self.direction.replace(direction).is_none() {
            self.up.first = start;
        }
        if direction == Direction::Up {
            self.up.is_there = true;
            self.up.bare |= words.any(|option| option == "notransaction");
        }
        Ok(())
    }

    fn end_message(&mut self) {
        let message = self.message.take();
        if self.direction == Some(Direction::Up) {
            self.up.messages.extend(message);
        }
    }

    /// Nothing but white space has come since the last message.
    fn is_between_messages(&self) -> Result<(), String> {
        let Some(message) = &self.message else { return Ok(()) };
        let line = position(self.text, message.start).line;
        Err(format!(
            "The last statement must be ended by a semicolon or '-- +migrate StatementEnd' marker. \
             (it begins in line {line})"
        ))
    }
}

fn pending(chain: &[Migration], applied: &[String]) -> Pending {
    let is_unknown = |id: &&String| !chain.iter().any(|migration| migration.version == **id);
    match applied.iter().filter(is_unknown).min() {
        Some(id) => Err(format!(
            "Unable to create migration plan because of {id}: unknown migration in database"
        )),
        None => Ok(not_in(applied, chain)),
    }
}

impl Up {
    /// What the tool does with the file in a way that its author hardly meant.
    fn oddities(&self, file: &SourceFile) -> Vec<Oddity> {
        let text = &*file.text;
        let mut found = Vec::new();
        let mut tell = |message: String, help: &str| {
            let (path, help, level) = (file.path.clone(), help.to_owned(), Level::Deny);
            found.push(Oddity { path, message, help, level, fatal: false });
        };
        if let Some(first) = Script::parse(&text[..self.first]).statements().next() {
            let line = position(text, first.span.start).line;
            tell(
                format!("line {line}: sql-migrate passes over what stands before the first marker"),
                "put the line `-- +migrate Up` before it, or remove it",
            );
        }
        if !self.is_there {
            tell(
                "has no way up: sql-migrate records it as applied and runs nothing".to_owned(),
                "put the line `-- +migrate Up` before what it is to do, or remove the file",
            );
        }
        let mut ended_by_line = (0..self.messages.len()).filter(|at| !self.blocks.contains(at));
        if let Some(cut) = ended_by_line.find(|at| goes_on(&text[self.messages[*at].clone()])) {
            let line = position(text, self.messages[cut].end).line;
            tell(
                format!(
                    "line {line} ends in `;`: sql-migrate ends the statement there, in its middle"
                ),
                "put the statement between the lines `-- +migrate StatementBegin` and \
                 `-- +migrate StatementEnd`",
            );
        }
        if let Some((at, line)) = self.messages.iter().find_map(|all| data_taken_for(text, all)) {
            tell(
                format!(
                    "line {}, `{}`: sql-migrate leaves it out, also in the middle of a string",
                    position(text, at).line,
                    line.trim()
                ),
                "write the string so that no line of it begins with `-- `",
            );
        }
        found
    }
}

/// A line within a message that the tool takes for a comment, and Postgres would take for data.
fn data_taken_for<'a>(text: &'a str, message: &Range<usize>) -> Option<(usize, &'a str)> {
    let sent = &text[message.clone()];
    let mut comments = lines(sent).filter(|(_, line)| line.starts_with("-- ")).peekable();
    comments.peek()?;
    let script = Script::parse(sent);
    let strings = script.statements().flat_map(|statement| statement.strings(sent));
    let strings = strings.collect::<Vec<_>>();
    let (at, line) = comments.find(|(at, _)| strings.iter().any(|it| it.contains(at)))?;
    Some((message.start + at, line))
}

/// Comments that were hardly meant as such: markers with a slip, and options that say nothing.
fn near_misses(file: &SourceFile) -> impl Iterator<Item = Oddity> {
    lines(&file.text).filter_map(|(start, line)| {
        let effect = if is_slip(line) {
            "takes it for a comment"
        } else if is_idle(line) {
            "opens its transaction all the same"
        } else {
            return None;
        };
        let number = position(&file.text, start).line;
        Some(Oddity {
            path: file.path.clone(),
            message: format!("line {number}, `{}`: sql-migrate {effect}", line.trim()),
            help: "sql-migrate knows, at the beginning of a line and to the letter: -- +migrate \
                   Up, Down, StatementBegin, StatementEnd, and after Up and Down notransaction"
                .to_owned(),
            level: Level::Deny,
            fatal: false,
        })
    })
}

fn is_slip(line: &str) -> bool {
    let command = line.strip_prefix(MARKER).and_then(|words| words.split_whitespace().next());
    if matches!(command, Some("Up" | "Down" | "StatementBegin" | "StatementEnd")) {
        return false;
    }
    let line = line.trim_start_matches('\u{feff}').trim_start();
    let Some(comment) = line.strip_prefix("--") else { return false };
    let meant = comment.trim_start().starts_with("+migrate");
    let words = comment.trim_start_matches(['+', ' ', '\t', '-', '@', ':']).to_lowercase();
    let Some(words) = words.strip_prefix("migrate") else { return false };
    let words = words.replace([' ', '\t', ':', '-', '_'], "");
    let known = ["up", "down", "statementbegin", "statementend", "upnotransaction"];
    meant || known.contains(&words.as_str())
}

/// Whether a marker speaks of the transaction, in words that the tool doesn't know.
fn is_idle(line: &str) -> bool {
    let Some(marker) = line.strip_prefix(MARKER) else { return false };
    let mut words = marker.split_whitespace();
    let directed = words.next().is_some_and(|command| matches!(command, "Up" | "Down"));
    directed
        && marker.to_lowercase().contains("transaction")
        && !words.any(|option| option == "notransaction")
}

fn refused(file: &SourceFile, fault: &str) -> Oddity {
    Oddity {
        path: file.path.clone(),
        message: format!("sql-migrate refuses to start: ERROR: {fault}"),
        help: "each file needs the line `-- +migrate Up`, from where on each statement ends with \
               a line that ends in `;`, or stands between `-- +migrate StatementBegin` and \
               `-- +migrate StatementEnd`; the way back comes after `-- +migrate Down`"
            .to_owned(),
        level: Level::Deny,
        fatal: true,
    }
}

fn unordered(folder: &Folder, name: &str, digits: &str) -> Oddity {
    Oddity {
        path: folder.path_of(name),
        message: format!(
            "sql-migrate refuses to start: Could not parse \"{digits}\" into int64: value out of \
             range"
        ),
        help: "give it a smaller number".to_owned(),
        level: Level::Deny,
        fatal: true,
    }
}

fn squash(folder: &Folder, chain: &[Migration], body: &Body) -> Result<Squashed> {
    let name = format!("{}-baseline.sql", squashing::number(&last(chain)?.name));
    let up = in_blocks(&body.within_transaction(false), BLOCK);
    let (head, down) = (body.head(), in_blocks(&[body.down()], BLOCK));
    let text = format!("{head}\n-- +migrate Up\n\n{up}\n\n-- +migrate Down\n\n{down}\n");
    Squashed::of(folder, chain, &name, text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_come_first() {
        assert_eq!(number("20240131120000-users.sql"), Ok(Some(20_240_131_120_000)));
        assert_eq!(number("01users.sql"), Ok(Some(1)));
        assert_eq!(number("users.sql"), Ok(None));
        assert_eq!(number("99999999999999999999_late.sql"), Err("99999999999999999999"));
    }

    /// The messages of a text, and `bare` before them if there is to be no transaction.
    fn check(text: &str, expected: &[&str]) {
        let up = Up::read(text).expect("what the tool takes");
        let bare = up.bare.then_some("bare");
        let messages = up.messages.iter().map(|message| &text[message.clone()]);
        assert_eq!(bare.into_iter().chain(messages).collect::<Vec<_>>(), expected, "{text}");
    }

    #[test]
    fn messages_end_with_lines() {
        check("-- +migrate Up\na;\nb\n;\n\n-- c\n-- +migrate Down\nd;", &["a;", "b\n;"]);
        check("x;\n-- +migrate Up\n\na; b; -- c\n--d\ne;", &["a; b; -- c", "--d\ne;"]);
        check("-- +migrate Up\na -- b;\n;--\nc;", &["a -- b;\n;--\nc;"]);
        check("-- +migrate Up x notransaction\na;", &["bare", "a;"]);
        check("-- +migrate Up\na;\n-- +migrate Down notransaction\nb;", &["a;"]);
        check("-- +migrate Down\nb;\n-- +migrate Up\na;\n-- +migrate Up\nc;\n ", &["a;", "c;"]);
        check("-- +migrate Up\na;\n-- +migrate down\nb;", &["a;", "b;"]);
        let word = "a".repeat(WORD_BYTES);
        check(&format!("-- +migrate Up\n{word};\nb;"), &[&format!("{word};\nb;")]);
    }

    #[test]
    fn blocks_are_one_message() {
        let block = "-- +migrate StatementBegin\n\n-- c\na;\n b;\n-- +migrate StatementEnd\nc;";
        check(&format!("-- +migrate Up\n{block}"), &["a;\n b;", "c;"]);
        check(&format!("-- +migrate Up\na;\n-- +migrate Down\n{block}"), &["a;"]);
        check("-- +migrate Up\na;\n-- +migrate StatementEnd\nb;", &["a;", "b;"]);
        check("-- +migrate StatementBegin\n-- +migrate Up\na;\nb;", &["a;", "b;"]);
    }

    fn check_refused(text: &str, expected: &str) {
        let fault = Up::read(text).expect_err(text);
        assert!(fault.contains(expected), "{text}: {fault}");
    }

    #[test]
    fn what_the_tool_refuses_is_refused_in_its_words() {
        check_refused("a;", "no Up/Down annotations found");
        check_refused("\u{feff}-- +migrate Up\na;", "no Up/Down annotations found");
        check_refused("-- +migrate up\na;", "no Up/Down annotations found");
        let open = "The last statement must be ended by a semicolon";
        check_refused("-- +migrate Up\na\n-- +migrate Down\n", open);
        check_refused("-- +migrate Up\na;\n\n/* c */\n", "(it begins in line 4)");
        check_refused("-- +migrate Up\na;\n--c", open);
        check_refused("-- +migrate Up\n-- +migrate StatementBegin\na;", "with no matching");
        check_refused("-- +migrate  \n", "incomplete migration command");
        let long = format!("-- +migrate Up\nSELECT '{}';", "a".repeat(LINE_BYTES));
        check_refused(&long, "bufio.Scanner: token too long (line 2)");
    }

    /// What is odd about a file.
    fn check_odd(text: &str, expected: &[&str]) {
        let up = Up::read(text).expect("what the tool takes");
        let script = Script::parse_parts(text, up.messages.iter().cloned());
        let file = SourceFile { path: "f".to_owned(), text: text.into(), script };
        let odd = near_misses(&file).chain(up.oddities(&file)).map(|odd| odd.message);
        let odd = odd.collect::<Vec<_>>();
        assert_eq!(odd.len(), expected.len(), "{text}: {odd:?}");
        for (odd, expected) in odd.iter().zip(expected) {
            assert!(odd.contains(expected), "{text}: {odd}");
        }
    }

    #[test]
    fn what_was_hardly_meant_is_noticed() {
        let body = "DO $$ BEGIN\n-- c\nPERFORM 1;\nEND $$;";
        check_odd(&format!("-- +migrate Up\n{body}"), &["line 4 ends in `;`"]);
        let (begin, end) = ("-- +migrate StatementBegin", "-- +migrate StatementEnd");
        check_odd(&format!("-- +migrate Up\n{begin}\n{body}\n{end}\nSELECT 1;"), &[]);
        check_odd("-- +migrate Up\nSELECT '\n-- a\n';", &["line 3, `-- a`: sql-migrate leaves"]);
        check_odd("-- +migrate Up\nSELECT 1\n-- a 'b'\n;", &[]);
        check_odd("SELECT 1;\n-- +migrate Up\n", &["line 1: sql-migrate passes over"]);
        check_odd("-- +migrate Down\nSELECT 1;", &["has no way up"]);
        let comment = "takes it for a comment";
        for slip in ["-- +migrate down", "--+migrate Down;", " -- +migrate Down", "-- migrate Up"] {
            let text = format!("-- +migrate Up\nSELECT 1;\n{slip}\nSELECT 2;");
            check_odd(&text, &[&format!("line 3, `{}`: sql-migrate {comment}", slip.trim())]);
        }
        check_odd("-- +migrate Up\n-- migrate users up to the roof\n", &[]);
        check_odd("-- +migrate Up no-transaction\n", &["opens its transaction all the same"]);
    }

    #[test]
    fn pending_is_what_the_ledger_does_not_have() {
        let chain = ["1", "2", "10"].map(super::super::bare);
        let pending = |applied: &[&str]| {
            let applied = applied.iter().map(|id| (*id).to_owned()).collect::<Vec<_>>();
            pending(&chain, &applied)
        };
        assert_eq!(pending(&["2"]), Ok(vec![0, 2]));
        let said = "Unable to create migration plan because of 3: unknown migration in database";
        assert_eq!(pending(&["2", "3"]), Err(said.to_owned()));
    }
}
