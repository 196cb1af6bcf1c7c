//! Flyway: `V1.2__name.sql`, `R__name.sql` and `U1.2__name.sql`, in folders below each other.
//!
//! Read from the source of its versions 9 to 12, with Postgres (its JDBC driver) and the default
//! options of `flyway migrate`. Not compared: the program is not to be had from the registries that
//! the other tools come from. Its driver's settings were looked at with the driver itself.
//!
//! - *Files.* Versioned ones in numeric order, part by part, where `_` is `.` and zeros at the end
//!   count for nothing; then the repeatable ones by their description. Two of one version or of one
//!   description, and nothing starts. Undo files are not run. A name that is almost like these is
//!   passed over without a word.
//! - *Execution.* All files of a boot on one connection, statement by statement, in a transaction
//!   that Flyway opens for each file. One that holds only statements which can't run in a
//!   transaction runs without; where it holds both kinds, the boot ends. `V1__name.sql.conf` with
//!   `executeInTransaction` says it in its place. Before each file Flyway restores the role, and
//!   puts the schema that was current at connect first in the `search_path`.
//! - *Ledger.* `flyway_schema_history` in the schema that was current at connect, with a CRC-32 of
//!   each file's lines, kept on another connection whose transaction stays open while a file runs.
//! - *Pending* are the versions above the last one that was applied, and each repeatable file that
//!   is new or was changed. A file below the last one, one that was changed and one that is gone,
//!   and Flyway refuses to migrate.
//!
//! Placeholders get the values of `flyway.toml`, `flyway.conf` and Spring's own files; of Flyway's
//! own, those are known that follow from its defaults. The digest of a versioned file is that of
//! its text before.
//!
//! Not played, and told: callbacks, baseline files, placeholders without a value there, and
//! settings that say where the ledger is or how files are called. The row of a file that failed
//! without a transaction is not written, and Flyway's advisory lock is not taken.

mod placeholders;

use std::cmp::Ordering;
use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

use self::placeholders::Placeholders;
use super::squashing::last;
use super::{Body, Rewriting, Squashed};
use super::{Certainty, Placing, Sessions, SourceFile, is_sql};
use super::{Claim, Delivery, Files, Folder, Format, Ledger, Migration, Oddity, Part, Pending};
use crate::config::Level;
use crate::sql::{Content, Script, Statement, literal, position};
use crate::{Error, Result};

pub(super) const FORMAT: Format = Format {
    name: "flyway",
    example: "V1.2__create_users.sql",
    claim,
    read,
    delivery: Delivery::Statements,
    sessions: Sessions::Beside { restore: RESTORE },
    without_transaction: Some("a `.sql.conf` beside it that says executeInTransaction=false"),
    lost_transaction: None,
    boot_transaction: None,
    forced: &["timezone", "datestyle"],
    float_digits: Some(3),
    placing: PLACING,
    dump: None,
    signpost: None,
    settings: None,
    ledger: Some(Ledger {
        table: "flyway_schema_history",
        home: "SELECT quote_ident(current_schema())",
        asks_again: false,
        is_one_row: false,
        ensure: |home| {
            format!(
                "CREATE TABLE IF NOT EXISTS {home}.flyway_schema_history (installed_rank INT NOT \
                 NULL CONSTRAINT flyway_schema_history_pk PRIMARY KEY, version VARCHAR(50), \
                 description VARCHAR(200) NOT NULL, type VARCHAR(20) NOT NULL, script \
                 VARCHAR(1000) NOT NULL, checksum INTEGER, installed_by VARCHAR(100) NOT NULL, \
                 installed_on TIMESTAMP NOT NULL DEFAULT now(), execution_time INTEGER NOT NULL, \
                 success BOOLEAN NOT NULL); \
                 CREATE INDEX IF NOT EXISTS flyway_schema_history_s_idx \
                 ON {home}.flyway_schema_history (success)"
            )
        },
        applied: |home| {
            format!(
                "SELECT concat_ws(' ', COALESCE(version, 'R'), checksum, description) \
                 FROM {home}.flyway_schema_history ORDER BY installed_rank"
            )
        },
        pending,
        before: Some(|home, _| {
            format!("BEGIN; LOCK TABLE {home}.flyway_schema_history IN ACCESS SHARE MODE")
        }),
        after: |home, migration| {
            let Migration { version, file, entry, .. } = migration;
            let (checksum, script) = entry.split_once(' ').unwrap_or_default();
            let version = if version.is_empty() { "NULL".to_owned() } else { literal(version) };
            format!(
                "INSERT INTO {home}.flyway_schema_history (installed_rank, version, description, \
                 type, script, checksum, installed_by, execution_time, success) \
                 SELECT COALESCE(max(installed_rank), 0) + 1, {version}, {}, 'SQL', {}, \
                 {checksum}, current_user, 0, true FROM {home}.flyway_schema_history",
                literal(&description(file.file_name())),
                literal(script)
            )
        },
        finally: Some(|_, _| "COMMIT".to_owned()),
        rewriting: Rewriting::of(&["version", "script", "checksum", "success"]),
    }),
    squash,
};

/// Repeatable files run after all others.
const PLACING: Placing = Placing {
    has_place: |migration| !migration.version.is_empty(),
    series: |path| path,
    is_by_file: true,
    help: "give it a number after that of",
    latecomers: "refuses to migrate, unless outOfOrder is set",
    twins: Some("Flyway refuses to migrate where both are there"),
};

/// How Flyway prepares its session for each file.
const RESTORE: &str = "RESET ROLE; RESET search_path; \
    SELECT set_config('search_path', concat('\"', home, '\",', path), false) \
      FROM (SELECT current_schema() AS home, current_setting('search_path') AS path) AS now \
     WHERE path <> home AND NOT starts_with(path, home || ',')";

/// What a file is to Flyway, by its name.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Name {
    Versioned(Version),
    Repeatable,
    /// What other commands than `migrate` run.
    Elsewhere,
    Baseline,
    Callback,
    /// It begins like one of them, and is none.
    Near,
}

/// The numbers of a version, without leading zeros and without those at the end.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Version(Vec<String>);

impl Version {
    fn parse(text: &str) -> Option<Self> {
        let parts = text.split(['.', '_']);
        let mut numbers = Vec::new();
        for part in parts {
            if part.is_empty() || !part.bytes().all(|byte| byte.is_ascii_digit()) {
                return None;
            }
            numbers.push(part.trim_start_matches('0').to_owned());
        }
        while numbers.len() > 1 && numbers.last().is_some_and(String::is_empty) {
            numbers.pop();
        }
        Some(Self(numbers))
    }
}

impl Ord for Version {
    fn cmp(&self, other: &Self) -> Ordering {
        let size = |number: &String| number.len();
        let by_part = |(one, two): (&String, &String)| size(one).cmp(&size(two)).then(one.cmp(two));
        let differing = self.0.iter().zip(&other.0).map(by_part).find(|it| it.is_ne());
        differing.unwrap_or(self.0.len().cmp(&other.0.len()))
    }
}

impl PartialOrd for Version {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

/// At what `migrate` runs callbacks.
const EVENTS: &[&str] = &[
    "afterConnect",
    "afterEachMigrate",
    "afterEachMigrateStatement",
    "afterMigrate",
    "afterMigrateApplied",
    "afterValidate",
    "afterVersioned",
    "beforeConnect",
    "beforeCreateSchema",
    "beforeEachMigrate",
    "beforeEachMigrateStatement",
    "beforeMigrate",
    "beforeRepeatables",
    "beforeValidate",
    "createSchema",
];

impl Name {
    /// `None` for a file that has nothing of Flyway's about it.
    fn parse(name: &str) -> Option<Self> {
        let stem = name.strip_suffix(".sql")?;
        let event = stem.split_once("__").map_or(stem, |(event, _)| event);
        if EVENTS.contains(&event) {
            return Some(Self::Callback);
        }
        let other = event.strip_prefix("before").or_else(|| event.strip_prefix("after"));
        if other.is_some_and(|other| other.starts_with(|c: char| c.is_ascii_uppercase())) {
            return Some(Self::Elsewhere);
        }
        let (letter, rest) = stem.split_at_checked(1)?;
        let (version, _) = rest.split_once("__").unwrap_or((rest, ""));
        let parsed = Version::parse(version);
        match (letter, parsed) {
            ("V", Some(version)) => Some(Self::Versioned(version)),
            ("U", Some(_)) => Some(Self::Elsewhere),
            ("B", Some(_)) => Some(Self::Baseline),
            ("R", _) if rest.starts_with("__") => Some(Self::Repeatable),
            ("V", None) if rest.starts_with(|c: char| c.is_ascii_digit()) => Some(Self::Near),
            ("V" | "R", _) if rest.starts_with('_') => Some(Self::Near),
            _ => None,
        }
    }
}

/// What the ledger calls a file, besides its version.
fn description(name: &str) -> String {
    let stem = name.strip_suffix(".sql").unwrap_or(name);
    stem.split_once("__").map_or(String::new(), |(_, rest)| rest.replace('_', " "))
}

/// A version as the ledger shows it.
fn shown(name: &str) -> String {
    let stem = name.strip_suffix(".sql").unwrap_or(name);
    let version = stem.split_once("__").map_or(stem, |(version, _)| version);
    version.trim_start_matches('V').replace('_', ".")
}

/// The CRC-32 of a file's lines, without what ends them, as a signed number.
fn checksum(text: &str) -> i32 {
    let algorithm = crc::Crc::<u32>::new(&crc::CRC_32_ISO_HDLC);
    let mut digest = algorithm.digest();
    for part in text.trim_start_matches('\u{feff}').split(['\r', '\n']) {
        digest.update(part.as_bytes());
    }
    digest.finalize().cast_signed()
}

/// Names of files that say something about Flyway, if it is in them.
const BUILDS: &[&str] = &["pom.xml", "build.gradle", "build.gradle.kts"];

/// Files that are Flyway's alone.
const SETTINGS: &[&str] = &["flyway.toml", "flyway.conf"];

/// Files in which Spring is told about Flyway.
const SPRING: &[&str] = &["application.properties", "application.yml", "application.yaml"];

/// Where Flyway looks for files if nobody says where they are.
const PLACE: &str = "db/migration";

/// Refinery's files can have the same names, and plain ones too: what the project says about itself
/// comes first, and then whether the files are where Flyway looks for them.
fn claim(folder: &Folder) -> Claim {
    // A project's root holds more than migrations.
    let depth = if folder.name() == "." { 0 } else { DEPTH };
    let paths = collect(folder, depth);
    let scripts = paths.iter().map(|(_, name)| name).filter(|name| is_sql(name));
    let names = scripts.map(|name| Name::parse(name)).collect::<Vec<_>>();
    let is_run = |name: &&Option<Name>| matches!(name, Some(Name::Versioned(_) | Name::Repeatable));
    let says = |name: &&str| folder.above(name).iter().any(|text| text.contains("flyway"));
    let certainty = if SETTINGS.iter().any(|name| !folder.above(name).is_empty()) {
        Certainty::Settings
    } else if BUILDS.iter().any(says) {
        Certainty::Dependency
    } else if is_at(folder, PLACE) && names.iter().all(Option::is_some) {
        Certainty::Place
    } else {
        Certainty::Names
    };
    Claim { files: names.iter().filter(is_run).count(), certainty }
}

/// Whether a folder's path ends like this, beyond the project's root too.
fn is_at(folder: &Folder, path: &str) -> bool {
    folder.location().canonicalize().is_ok_and(|location| location.ends_with(path))
}

/// How deep folders are looked for.
const DEPTH: usize = 16;

/// All files of a folder and those below it: their paths within it, and their names. What can't be
/// opened has no files for us.
fn collect(folder: &Folder, depth: usize) -> Vec<(String, String)> {
    let own = || vec![(String::new(), folder.clone())];
    let below = if depth == 0 { own() } else { folder.below().unwrap_or_else(|_| own()) };
    let below = below.iter().filter(|(path, _)| path.split('/').count() <= depth + 1);
    let files = below.flat_map(|(path, folder)| {
        folder.names().map(move |name| (format!("{path}{name}"), name.to_owned()))
    });
    files.collect()
}

/// How deep a folder's files are looked for. A project's root that holds migrations itself has
/// other things in its folders, such as copies of them.
fn depth(folder: &Folder) -> usize {
    let is_run = |name| matches!(Name::parse(name), Some(Name::Versioned(_) | Name::Repeatable));
    if folder.name() == "." && folder.names().any(is_run) { 0 } else { DEPTH }
}

fn read(folder: &Folder) -> Result<Files> {
    let paths = collect(folder, depth(folder));
    let (mut versioned, mut repeatable) = (Vec::new(), Vec::new());
    let mut oddities = settings(folder);
    for (path, name) in &paths {
        match Name::parse(name) {
            Some(Name::Versioned(version)) => versioned.push((version, path, name)),
            Some(Name::Repeatable) => repeatable.push((description(name), path, name)),
            Some(Name::Baseline) => oddities.push(unplayed(folder, path, "baseline file")),
            Some(Name::Callback) => oddities.push(unplayed(folder, path, "callback")),
            Some(Name::Near) => oddities.push(near(folder, path, Level::Deny)),
            None if is_sql(name) => oddities.push(near(folder, path, Level::Warn)),
            Some(Name::Elsewhere) | None => {}
        }
    }
    versioned.sort();
    repeatable.sort();
    for pair in versioned.windows(2).filter(|pair| pair[0].0 == pair[1].0) {
        let version = format!("migration with version {}", shown(pair[1].2));
        oddities.push(twice(folder, &version, pair[0].1, pair[1].1));
    }
    for pair in repeatable.windows(2).filter(|pair| pair[0].0 == pair[1].0) {
        let description = format!("repeatable migration with description {}", pair[1].0);
        oddities.push(twice(folder, &description, pair[0].1, pair[1].1));
    }
    let versioned = versioned.iter().map(|(_, path, name)| (shown(name), *path, *name));
    let repeatable = repeatable.iter().map(|(_, path, name)| (String::new(), *path, *name));
    let mut placeholders = placeholders(folder);
    let fills = fills_placeholders(folder);
    let mut migrations = Vec::new();
    for (version, path, name) in versioned.chain(repeatable) {
        let mut file = folder.read(path)?;
        let raw = checksum(&file.text);
        let mut digest = raw;
        if fills && declared(folder, path, "placeholderReplacement") != Some(false) {
            placeholders.set("flyway:filename", name);
            fill(&placeholders, &mut file)?;
            // A repeatable file runs again when a value has changed.
            digest = if version.is_empty() { checksum(&file.text) } else { raw };
        }
        oddities.extend(commands(&file));
        let declared = declared(folder, path, "executeInTransaction");
        let begin = match declared {
            Some(true) => Some("BEGIN"),
            Some(false) => None,
            None => match alone(&file) {
                Ok(alone) => (!alone).then_some("BEGIN"),
                Err(place) => {
                    oddities.push(mixed(&file, &place));
                    None
                }
            },
        };
        if begin.is_none() && !has_session_lock(folder) {
            oddities.extend(hangs(&file, declared.is_some()));
        }
        let parts = vec![Part::message(0..file.text.len(), begin)];
        let stem = name.strip_suffix(".sql").unwrap_or(name).to_owned();
        let entry = format!("{digest} {path}");
        migrations.push(Migration { version, name: stem, file, parts, entry });
    }
    Ok(Files { migrations, oddities })
}

/// What the file beside a migration says about it, `true` or `false`, if it says that.
fn declared(folder: &Folder, path: &str, wanted: &str) -> Option<bool> {
    let text = folder.glance(&format!("{path}.conf"));
    let mut values = text.lines().filter_map(|line| {
        let (key, value) = line.split_once('=')?;
        (key.trim() == wanted).then(|| value.trim().eq_ignore_ascii_case("true"))
    });
    values.next_back()
}

/// Whether Flyway takes a statement for one that can't run in a transaction: by its first words.
fn is_bare(file: &SourceFile, statement: &Statement) -> bool {
    let words = statement.tokens(&file.text).into_iter().take(4);
    let words = words.map(|token| file.text[token.span].to_uppercase()).collect::<Vec<_>>();
    let words = words.iter().map(String::as_str).collect::<Vec<_>>();
    matches!(
        words.as_slice(),
        ["CREATE" | "DROP", "DATABASE" | "TABLESPACE" | "SUBSCRIPTION", ..]
            | ["ALTER", "SYSTEM", ..]
            | ["CREATE" | "DROP", "INDEX", "CONCURRENTLY", ..]
            | ["CREATE" | "DROP", "UNIQUE", "INDEX", "CONCURRENTLY"]
            | ["REINDEX", "SCHEMA" | "DATABASE" | "SYSTEM", ..]
            | ["REINDEX", "VERBOSE", "SCHEMA" | "DATABASE" | "SYSTEM", ..]
            | ["VACUUM", ..]
            | ["DISCARD", "ALL", ..]
    )
}

/// Whether all statements of a file are such; an error is the first that is of another kind than
/// the one at the beginning.
fn alone(file: &SourceFile) -> Result<bool, Range<usize>> {
    let mut statements = file.script.statements();
    let Some(first) = statements.next().map(|first| is_bare(file, first)) else { return Ok(false) };
    match statements.find(|statement| is_bare(file, statement) != first) {
        Some(other) => Err(other.span.clone()),
        None => Ok(first),
    }
}

/// Whether the project tells Flyway to hold its lock without a transaction.
fn has_session_lock(folder: &Folder) -> bool {
    let mut names = SETTINGS.iter().chain(BUILDS).chain(SPRING);
    names.any(|name| {
        folder.above(name).iter().any(|text| {
            let text = text.replace([' ', '"', '\''], "");
            let lock = ["lock=false", "lock:false", "lock>false"];
            text.contains("transactional") && lock.iter().any(|it| text.contains(it))
        })
    })
}

/// Settings under which Flyway does something else than what is played.
fn settings(folder: &Folder) -> Vec<Oddity> {
    const UNPLAYED: &[&str] = &[
        "baselineOnMigrate",
        "defaultSchema",
        "executeInTransaction",
        "group",
        "initSql",
        "mixed",
        "outOfOrder",
        "placeholderPrefix",
        "placeholderSuffix",
        "repeatableSqlMigrationPrefix",
        "schemas",
        "sqlMigrationPrefix",
        "sqlMigrationSeparator",
        "sqlMigrationSuffixes",
        "table",
        "target",
    ];
    let texts =
        SETTINGS.iter().flat_map(|name| folder.above(name).into_iter().map(move |it| (*name, it)));
    let mut oddities = Vec::new();
    for (name, text) in texts {
        for line in text.lines() {
            let key = line.split('=').next().unwrap_or_default().trim();
            let key = key.strip_prefix("flyway.").unwrap_or(key);
            if line.contains('=') && UNPLAYED.contains(&key) {
                oddities.push(Oddity {
                    path: name.to_owned(),
                    message: format!("sets `{key}`, which rehearsal does not play"),
                    help: "what is rehearsed is Flyway with its defaults".to_owned(),
                    level: Level::Warn,
                    fatal: false,
                });
            }
        }
    }
    oddities
}

/// Whether the project leaves it at that Flyway fills in placeholders.
fn fills_placeholders(folder: &Folder) -> bool {
    let off = |text: &String| {
        let text = text.replace([' ', '-'], "").to_lowercase();
        ["=false", ":false"].iter().any(|no| text.contains(&format!("placeholderreplacement{no}")))
    };
    !SETTINGS.iter().chain(SPRING).any(|name| folder.above(name).iter().any(off))
}

/// The values that the project gives, and those of Flyway's own that its defaults give.
fn placeholders(folder: &Folder) -> Placeholders {
    let mut placeholders = Placeholders::default();
    let texts = |names: &[&'static str]| {
        let all =
            names.iter().flat_map(|name| folder.above(name).into_iter().map(|it| (*name, it)));
        all.collect::<Vec<_>>()
    };
    for (name, text) in texts(SPRING) {
        placeholders.add_spring(&text, name != "application.properties");
    }
    for (_, text) in texts(SETTINGS) {
        placeholders.add(&text);
    }
    placeholders.set("flyway:defaultSchema", "public");
    placeholders.set("flyway:table", "flyway_schema_history");
    placeholders
}

/// Fills in a file's placeholders, or says which one has no value.
fn fill(placeholders: &Placeholders, file: &mut SourceFile) -> Result<()> {
    match placeholders.fill(&file.text) {
        Ok(text) if *text == *file.text => Ok(()),
        Ok(text) => {
            file.script = Script::parse(&text);
            file.text = text.into();
            Ok(())
        }
        Err(place) => {
            let line = position(&file.text, place.start).line;
            let (path, placeholder) = (&file.path, &file.text[place]);
            if placeholder.starts_with("${flyway:") {
                return Err(Error::new(format!(
                    "{path}:{line}: {placeholder} is Flyway's own placeholder, whose value \
                     rehearsal does not know"
                ))
                .help("ask the server instead: now(), current_user, current_database()"));
            }
            Err(Error::new(format!(
                "{path}:{line}: No value provided for placeholder: {placeholder}"
            ))
            .help(
                "give it one in flyway.toml, flyway.conf or Spring's application.properties or \
                 .yml; or, where it is no placeholder, say placeholderReplacement = false there or \
                 in a `.conf` file beside this one",
            ))
        }
    }
}

/// The digest that the ledger would have of a migration now.
fn digest_of(migration: &Migration) -> &str {
    migration.entry.split_once(' ').unwrap_or_default().0
}

fn pending(chain: &[Migration], applied: &[String]) -> Pending {
    let refused =
        |said: String| Err(format!("Validate failed: Migrations have failed validation. {said}"));
    let (repeatable, versioned): (Vec<_>, Vec<_>) = applied
        .iter()
        .map(|row| {
            let mut words = row.splitn(3, ' ');
            let mut word = || words.next().unwrap_or_default();
            (word(), word(), word())
        })
        .partition(|(version, ..)| *version == "R");
    let here = chain.iter().map(|it| (Version::parse(&it.version), it));
    let here = here.filter_map(|(number, it)| Some((number?, it))).collect::<BTreeMap<_, _>>();
    let last_here = here.last_key_value().map(|(number, _)| number);
    let mut there = BTreeSet::new();
    for (version, was, _) in &versioned {
        let Some(number) = Version::parse(version) else { continue };
        match here.get(&number) {
            None if Some(&number) < last_here => {
                return refused(format!(
                    "Detected applied migration not resolved locally: {version}."
                ));
            }
            None => {}
            Some(migration) => {
                let now = digest_of(migration);
                if now != *was {
                    return refused(format!(
                        "Migration checksum mismatch for migration version {version}: applied to \
                         database {was}, resolved locally {now}."
                    ));
                }
            }
        }
        there.insert(number);
    }
    let rows = repeatable.iter().map(|(_, was, description)| (*description, *was));
    let rows = rows.collect::<BTreeMap<_, _>>();
    let mut pending = Vec::new();
    for (index, migration) in chain.iter().enumerate() {
        let Some(number) = Version::parse(&migration.version) else {
            let name = description(migration.file.file_name());
            if rows.get(name.as_str()).is_none_or(|was| *was != digest_of(migration)) {
                pending.push(index);
            }
            continue;
        };
        if there.contains(&number) {
            continue;
        }
        if there.last().is_some_and(|last| number < *last) {
            let version = &migration.version;
            return refused(format!(
                "Detected resolved migration not applied to database: {version}."
            ));
        }
        pending.push(index);
    }
    Ok(pending)
}

/// psql's commands, which Flyway sends to the server.
fn commands(file: &SourceFile) -> Option<Oddity> {
    let mut pieces = file.script.pieces.iter();
    let piece = pieces.find(|piece| piece.content == Content::Meta)?;
    let line = position(&file.text, piece.span.start).line;
    let command = file.text[piece.span.clone()].trim();
    Some(Oddity {
        path: file.path.clone(),
        message: format!(
            "line {line}, `{command}`: Flyway sends it to Postgres, which knows no commands of psql"
        ),
        help: "remove the line".to_owned(),
        level: Level::Deny,
        fatal: true,
    })
}

fn mixed(file: &SourceFile, place: &Range<usize>) -> Oddity {
    let line = position(&file.text, place.start).line;
    Oddity {
        path: file.path.clone(),
        message: format!(
            "Flyway refuses this file: Detected both transactional and non-transactional \
             statements within the same migration (even though mixed is false). Offending \
             statement found at line {line}"
        ),
        help: "give the statement that can't run in a transaction a migration of its own"
            .to_owned(),
        level: Level::Deny,
        fatal: true,
    }
}

/// An index that is built concurrently waits for all transactions, Flyway's own among them. The
/// newest versions spare a file that declares that it runs without a transaction.
fn hangs(file: &SourceFile, declared: bool) -> Option<Oddity> {
    let mut statements = file.script.statements();
    let waits = statements.find(|statement| {
        let tokens = statement.tokens(&file.text);
        let mut words = tokens.iter().map(|token| &file.text[token.span.clone()]);
        words.any(|word| word.eq_ignore_ascii_case("concurrently"))
    })?;
    let line = position(&file.text, waits.span.start).line;
    let (since, level) =
        if declared { (" before those of 2026", Level::Warn) } else { ("", Level::Deny) };
    Some(Oddity {
        path: file.path.clone(),
        message: format!(
            "line {line} waits until all transactions have ended, and so for the one in which \
             Flyway's versions{since} hold their lock: it never ends (rehearsal goes on)"
        ),
        help: "let Flyway hold its lock otherwise: flyway.postgresql.transactional.lock=false"
            .to_owned(),
        level,
        fatal: false,
    })
}

fn unplayed(folder: &Folder, path: &str, what: &str) -> Oddity {
    Oddity {
        path: folder.path_of(path),
        message: format!("this is a {what} of Flyway's, which rehearsal does not play"),
        help: "what it does is missing here: have what the migrations need from it in one of them"
            .to_owned(),
        level: Level::Warn,
        fatal: false,
    }
}

fn near(folder: &Folder, path: &str, level: Level) -> Oddity {
    Oddity {
        path: folder.path_of(path),
        message:
            "Flyway ignores this file: its name is neither VERSION with a V before it and two \
                  `_` after it, as V1.2__name.sql, nor R__name.sql"
                .to_owned(),
        help: "rename it so that it runs, or move it out of the folder".to_owned(),
        level,
        fatal: false,
    }
}

fn twice(folder: &Folder, what: &str, first: &str, second: &str) -> Oddity {
    Oddity {
        path: folder.path_of(second),
        message: format!(
            "Flyway refuses to migrate: Found more than one {what}: {first}, {second}"
        ),
        help: "give one of the two a name of its own".to_owned(),
        level: Level::Deny,
        fatal: true,
    }
}

fn squash(folder: &Folder, chain: &[Migration], body: &Body) -> Result<Squashed> {
    let versioned = chain.iter().filter(|it| !it.version.is_empty()).cloned().collect::<Vec<_>>();
    let (version, _) = last(&versioned)?.name.split_once("__").unwrap_or_default();
    let text = format!("{}\n{}\n", body.head(), body.up());
    let mut squashed = Squashed::of(folder, &versioned, &format!("{version}__baseline.sql"), text)?;
    for (path, name) in collect(folder, depth(folder)) {
        let is_undo = name.starts_with('U') && Name::parse(&name) == Some(Name::Elsewhere);
        let path = folder.path_of(&path);
        if is_undo {
            squashed.retired.push(path);
        } else if matches!(Name::parse(&name), Some(Name::Repeatable | Name::Callback)) {
            squashed.shared.push(path);
        }
    }
    Ok(squashed)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn version(text: &str) -> Version {
        Version::parse(text).expect("it is a version")
    }

    fn check(name: &str, expected: Option<&Name>) {
        assert_eq!(Name::parse(name).as_ref(), expected, "{name}");
    }

    #[test]
    fn names_are_read_as_flyway_reads_them() {
        check("V1__a.sql", Some(&Name::Versioned(version("1"))));
        check("V1_2__a_b.sql", Some(&Name::Versioned(version("1.2"))));
        check("V2024.01.sql", Some(&Name::Versioned(version("2024.1"))));
        check("R__view.sql", Some(&Name::Repeatable));
        check("U1.2__a.sql", Some(&Name::Elsewhere));
        check("B1__a.sql", Some(&Name::Baseline));
        check("beforeMigrate__a.sql", Some(&Name::Callback));
        check("afterClean.sql", Some(&Name::Elsewhere));
        check("after_work.sql", None);
        check("V1_a.sql", Some(&Name::Near));
        check("R_view.sql", Some(&Name::Near));
        check("V__a.sql", Some(&Name::Near));
        check("v1__a.sql", None);
        check("Views.sql", None);
        check("V1__a.SQL", None);
    }

    #[test]
    fn versions_are_ordered_by_their_numbers() {
        assert!(version("1.10") > version("1.9"));
        assert!(version("2") > version("1.9.9"));
        assert!(version("1") < version("1.0.1"));
        assert_eq!(version("1.0_0"), version("01"));
        assert_eq!(Version::parse("1.a"), None);
    }

    #[test]
    fn the_ledger_knows_files_by_these() {
        assert_eq!(
            (shown("V1_2__a_b.sql"), description("V1_2__a_b.sql")),
            ("1.2".into(), "a b".into())
        );
        assert_eq!((shown("V3.sql"), description("V3.sql")), ("3".into(), String::new()));
        // The check value of the algorithm, and what line ends change about it.
        assert_eq!(checksum("123456789"), 0xcbf4_3926_u32.cast_signed());
        assert_eq!(checksum("\u{feff}12345\r\n6789\n"), checksum("123456789"));
    }

    fn file(text: &str) -> SourceFile {
        SourceFile { path: String::new(), text: text.into(), script: Script::parse(text) }
    }

    #[test]
    fn kinds_of_statements_do_not_mix() {
        assert_eq!(alone(&file("CREATE TABLE a (id int); CREATE INDEX ON a (id);")), Ok(false));
        assert_eq!(alone(&file("create index concurrently b on a (id); VACUUM a;")), Ok(true));
        assert_eq!(alone(&file("VACUUM a; SELECT 1;")), Err(10..19));
        assert_eq!(alone(&file("-- nothing")), Ok(false));
    }

    #[test]
    fn pending_is_what_comes_after_the_last_version_and_what_was_changed() {
        let migration = |version: &str, path: &str| {
            let mut migration = super::super::bare(version);
            migration.file.path = path.to_owned();
            migration.entry = format!("0 {path}");
            migration
        };
        let chain = [
            migration("1", "V1__a.sql"),
            migration("1.1", "V1.1__b.sql"),
            migration("2", "V2__c.sql"),
            migration("", "R__view.sql"),
        ];
        let pending = |rows: &[&str]| {
            pending(&chain, &rows.iter().map(|row| (*row).to_owned()).collect::<Vec<_>>())
        };
        assert_eq!(pending(&[]), Ok(vec![0, 1, 2, 3]));
        assert_eq!(pending(&["1 0 a", "1.1.0 0 b"]), Ok(vec![2, 3]));
        assert_eq!(pending(&["1 0 a", "1.1 0 b", "2 0 c", "R 0 view", "9 7 later"]), Ok(vec![]));
        assert_eq!(pending(&["1 0 a", "1.1 0 b", "2 0 c", "R 5 view"]), Ok(vec![3]));
        let refusal = |rows: &[&str]| pending(rows).unwrap_err();
        assert!(refusal(&["1 7 a"]).contains("checksum mismatch for migration version 1: "));
        assert!(refusal(&["1 0 a", "2 0 c"]).contains("not applied to database: 1.1."));
        assert!(refusal(&["1 0 a", "1.0.1 0 x"]).contains("not resolved locally: 1.0.1."));
    }
}
