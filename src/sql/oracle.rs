//! What this module reads from a statement, held against a parser of the whole language.
//!
//! Our cursor reads the head of a statement and no more. squawk's parser builds a tree of all of
//! it, and shares only the lexer with us. What a statement is, what it names and what an ALTER does
//! is told by both in the same words, and the words must be the same.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use squawk_syntax::SyntaxKind::{self, *};
use squawk_syntax::ast::AstNode as _;
use squawk_syntax::{SourceFile, SyntaxElement, SyntaxNode};

use super::{Change, Content, Kind, Name, Script, Statement};

/// The ways of spelling a statement that people and tools have come up with.
const CORPUS: &str = include_str!("oracle.sql");

/// Statements that Postgres takes and squawk 2.68 can't parse, with what we are to read in them.
const UNPARSED: &[(&str, &str)] = &[
    // Words that begin a syntax of their own are the names of settings, too.
    ("SET transaction.x = 1;", "Set { setting: \"transaction.x\", local: false }"),
    ("SET constraints.x = 1;", "Set { setting: \"constraints.x\", local: false }"),
    ("SET schema = x;", "Set { setting: \"schema\", local: false }"),
    ("SET time.zone = 1;", "Set { setting: \"time.zone\", local: false }"),
    ("SET LOCAL session.x = 1;", "Set { setting: \"session.x\", local: true }"),
    ("SET role = owner;", "Set { setting: \"role\", local: false }"),
    // A scope before what has no need of one.
    ("SET LOCAL TRANSACTION READ ONLY;", "Other"),
    ("SET SESSION TRANSACTION READ ONLY;", "Other"),
    (
        "SET LOCAL SESSION CHARACTERISTICS AS TRANSACTION READ WRITE;",
        "Set { setting: \"default_transaction_read_only\", local: true }",
    ),
    // Not in its grammar, or only in part.
    ("SET NAMES 'utf8';", "Set { setting: \"client_encoding\", local: false }"),
    ("SET NAMES DEFAULT;", "Set { setting: \"client_encoding\", local: false }"),
    ("ALTER USER u WITH PASSWORD 'x';", "Alter(Role) named u"),
    // Names that are keywords elsewhere.
    ("WITH insert AS (SELECT 1) SELECT * FROM insert;", "Select"),
    (
        "WITH values AS (SELECT 1), update (a) AS MATERIALIZED (VALUES (1)) SELECT * FROM update;",
        "Select",
    ),
    (
        "ALTER TABLE t ADD exclude int;",
        "Alter(Table) named t on t [add column exclude false: ADD exclude int]",
    ),
];

/// How many statements were compared, and each that the two read differently.
pub(crate) fn compare(text: &str) -> (usize, Vec<String>) {
    let script = Script::parse(text);
    let statements = script.statements().collect::<Vec<_>>();
    let disagreements =
        statements.iter().filter_map(|statement| disagreement(text, statement)).collect();
    (statements.len(), disagreements)
}

fn disagreement(text: &str, statement: &Statement) -> Option<String> {
    let sql = &text[statement.span.clone()];
    let ours = ours(text, statement);
    let unparsed = UNPARSED.iter().find(|(unparsed, _)| *unparsed == sql);
    let theirs = match (theirs(sql), unparsed) {
        (Ok(_), Some(_)) => "squawk parses it by now: take it off the list".to_owned(),
        (Ok(theirs), None) => theirs,
        (Err(_), Some((_, expected))) => (*expected).to_owned(),
        (Err(error), None) => format!("can't be parsed: {error}"),
    };
    (ours != theirs).then(|| format!("{sql}\n  ours:   {ours}\n  theirs: {theirs}\n"))
}

fn ours(text: &str, statement: &Statement) -> String {
    let start = statement.span.start;
    let mut changes = Vec::new();
    let kind = match &statement.kind {
        Kind::Alter { object, actions } => {
            for action in actions {
                let at = &text[action.span.clone()];
                changes.extend(our_change(&action.change).map(|change| format!("{change}: {at}")));
            }
            format!("Alter({object:?})")
        }
        kind => format!("{kind:?}"),
    };
    let parts = |name: &Name| parts_of(name.schema.iter().chain([&name.name]).cloned().collect());
    let seen = Seen {
        kind,
        name: statement.name.as_ref().map(parts),
        table: statement.table.as_ref().map(parts),
        guarded: statement.guarded,
        temporary: statement.temporary,
        changes,
    };
    assert!(statement.name_at >= start, "{}", &text[statement.span.clone()]);
    seen.told()
}

fn our_change(change: &Change) -> Option<String> {
    Some(match change {
        Change::AddColumn { name, guarded, .. } => format!("add column {name} {guarded}"),
        Change::AddConstraint { name, constraint } => format!("add {constraint:?} {name:?}"),
        Change::AddValue { guarded, .. } => format!("add value {guarded}"),
        Change::DropColumn { name, guarded, .. } => format!("drop column {name} {guarded}"),
        Change::DropConstraint { name, guarded, .. } => {
            format!("drop constraint {name} {guarded}")
        }
        Change::Rename { to } => format!("rename to {to}"),
        Change::RenameColumn { from, to } => format!("rename column {from} to {to}"),
        Change::RenameConstraint { from, to } => format!("rename constraint {from} to {to}"),
        Change::RenameAttribute { from, to } => format!("rename attribute {from} to {to}"),
        Change::RenameValue { from, to } => format!("rename value {from} to {to}"),
        Change::SetSchema { schema } => format!("set schema {schema}"),
        Change::Other => return None,
    })
}

/// What both sides tell of a statement.
struct Seen {
    kind: String,
    name: Option<String>,
    table: Option<String>,
    guarded: bool,
    temporary: bool,
    changes: Vec<String>,
}

impl Seen {
    fn told(&self) -> String {
        let mut told = self.kind.clone();
        told.extend(self.name.iter().map(|name| format!(" named {name}")));
        told.extend(self.table.iter().map(|table| format!(" on {table}")));
        told += if self.guarded { " guarded" } else { "" };
        told += if self.temporary { " temporary" } else { "" };
        told.extend(self.changes.iter().map(|change| format!(" [{change}]")));
        told
    }
}

fn theirs(sql: &str) -> Result<String, String> {
    let parse = SourceFile::parse(sql);
    if let Some(error) = parse.errors().first() {
        return Err(error.to_string());
    }
    let statements = parse.tree().stmts().collect::<Vec<_>>();
    let [statement] = statements.as_slice() else {
        return Err(format!("{} statements", statements.len()));
    };
    let node = statement.syntax();
    let guards = match node.kind() {
        INSERT => ON_CONFLICT_CLAUSE,
        kind if starts_with(kind, "CREATE_") => IF_NOT_EXISTS,
        _ => IF_EXISTS,
    };
    let temporary = child(node, TEMP).is_some()
        || name_of(node).is_some_and(|name| name.starts_with("pg_temp/"));
    let seen = Seen {
        kind: kind_of(node),
        name: name_of(node),
        table: table_of(node),
        guarded: child(node, guards).is_some() || child(node, OR_REPLACE).is_some(),
        temporary,
        changes: changes_of(node),
    };
    Ok(seen.told())
}

fn kind_of(node: &SyntaxNode) -> String {
    let name = format!("{:?}", node.kind());
    if let Some((verb @ ("CREATE" | "DROP" | "ALTER"), object)) = name.split_once('_') {
        return format!("{}({})", camel(verb), object_of(object));
    }
    let known = match node.kind() {
        BEGIN => "Transaction(Begin)",
        COMMIT_TRANSACTION => "Transaction(Commit)",
        ROLLBACK_TRANSACTION => "Transaction(Rollback)",
        ROLLBACK_TO_SAVEPOINT => "Transaction(RollbackTo)",
        SAVEPOINT_CREATE => "Transaction(Savepoint)",
        RELEASE_SAVEPOINT => "Transaction(Release)",
        PREPARE_TRANSACTION => "Transaction(Prepare)",
        SET | SET_ROLE | SET_SESSION_AUTH | SET_TRANSACTION => return set(node),
        RESET | RESET_ROLE | RESET_SESSION_AUTH => return reset(node),
        DISCARD if child(node, DISCARD_ALL).is_some() => "Reset { setting: None }",
        SELECT | COMPOUND_SELECT | PAREN_SELECT => {
            return set_config(node).unwrap_or_else(|| "Select".to_owned());
        }
        SELECT_INTO | VALUES | TABLE => "Select",
        COPY if node.descendants().any(|node| node.kind() == COPY_STDIN) => "CopyFromStdin",
        COMMENT_ON => "Comment",
        COPY | INSERT | UPDATE | DELETE | MERGE | TRUNCATE | DO | CALL | GRANT | REVOKE => {
            return camel(&name);
        }
        _ => "Other",
    };
    known.to_owned()
}

/// Our name of an object in a node's: `MATERIALIZED_VIEW`.
fn object_of(object: &str) -> String {
    match object {
        "TABLE_AS" => "Table".to_owned(),
        "USER" | "GROUP" => "Role".to_owned(),
        "OPERATOR_CLASS" | "OPERATOR_FAMILY" | "OWNED" | "DEFAULT_PRIVILEGES" | "LARGE_OBJECT"
        | "PROPERTY_GRAPH" => "Other".to_owned(),
        object if object.starts_with("TEXT_SEARCH") => "TextSearch".to_owned(),
        object => camel(object),
    }
}

fn camel(name: &str) -> String {
    name.split('_').map(|word| word[..1].to_owned() + &word[1..].to_lowercase()).collect()
}

fn set(node: &SyntaxNode) -> String {
    let local = child(node, LOCAL_SCOPE).is_some();
    let told = |setting: &str| format!("Set {{ setting: {setting:?}, local: {local} }}");
    match node.kind() {
        SET_ROLE => return told("role"),
        SET_SESSION_AUTH => return told("session_authorization"),
        SET_TRANSACTION => {
            let session = child(node, SESSION_CHARACTERISTICS);
            let modes = session.and_then(|session| child(&session, TRANSACTION_MODE_LIST));
            let mode = modes.and_then(|modes| modes.first_child());
            return match mode.map(|mode| mode.kind()) {
                None => "Other".to_owned(),
                Some(READ_ONLY | READ_WRITE) => told("default_transaction_read_only"),
                Some(DEFERRABLE | NOT_DEFERRABLE) => told("default_transaction_deferrable"),
                Some(_) => told("default_transaction_isolation"),
            };
        }
        _ => {}
    }
    match node.children().last() {
        Some(target) if target.kind() == SET_TIME_ZONE => told("timezone"),
        Some(target) if target.kind() == SET_XML_OPTION => told("xmloption"),
        Some(target) if target.kind() == SET_SCHEMA_VALUE => told("search_path"),
        Some(target) => told(&setting(&target)),
        None => "nothing is set".to_owned(),
    }
}

fn reset(node: &SyntaxNode) -> String {
    let setting = match (node.kind(), node.first_child()) {
        (RESET_ROLE, _) => "role".to_owned(),
        (RESET_SESSION_AUTH, _) => "session_authorization".to_owned(),
        (_, Some(target)) if target.kind() == ALL => return "Reset { setting: None }".to_owned(),
        (_, Some(target)) if target.kind() == RESET_TIME_ZONE => "timezone".to_owned(),
        (_, Some(target)) if target.kind() == RESET_TRANSACTION_ISOLATION => {
            "transaction_isolation".to_owned()
        }
        (_, Some(target)) => setting(&target),
        (_, None) => return "nothing is reset".to_owned(),
    };
    format!("Reset {{ setting: Some({setting:?}) }}")
}

fn setting(target: &SyntaxNode) -> String {
    identifiers(&first_path(target)).unwrap_or_default().join(".").to_ascii_lowercase()
}

/// A call of `set_config` in the first column of a query.
fn set_config(query: &SyntaxNode) -> Option<String> {
    let clause = query.descendants().find(|node| {
        node.kind() == SELECT_CLAUSE && !node.ancestors().any(|above| above.kind() == WITH_CLAUSE)
    })?;
    let call = child(&clause.children().find(|node| node.kind() == TARGET_LIST)?, TARGET)
        .and_then(|target| child(&target, CALL_EXPR))?;
    let function = identifiers(&call.first_child()?)?;
    if !["set_config", "pg_catalog.set_config"].contains(&function.join(".").as_str()) {
        return None;
    }
    let mut arguments = [const { None }; 3];
    for (number, argument) in child(&call, ARG_LIST)?.children().enumerate() {
        let value = argument.first_child()?;
        let named = child(&value, PARAM_NAME_REF).map(|name| name.text().to_string());
        let parameters = ["setting_name", "new_value", "is_local"];
        let place = named.and_then(|named| parameters.iter().position(|name| named == *name));
        let value = value.descendants().find(|node| node.kind() == LITERAL);
        *arguments.get_mut(place.unwrap_or(number))? = value.map(|literal| string(&literal));
    }
    let [Some(setting), _, local] = arguments else { return None };
    let local = local.unwrap_or_default().to_lowercase();
    let local = ["true", "t", "on", "1", "yes"].contains(&local.as_str());
    Some(format!("Set {{ setting: {:?}, local: {local} }}", setting.to_lowercase()))
}

/// The node that names what a statement is about. Some statements name nothing.
fn name_of(node: &SyntaxNode) -> Option<String> {
    let verb = ["CREATE_", "DROP_", "ALTER_"].iter().any(|verb| starts_with(node.kind(), verb));
    if !verb && node.kind() != COMMENT_ON {
        return None;
    }
    let modifiers = [OR_REPLACE, TEMP, UNLOGGED, IF_NOT_EXISTS, IF_EXISTS];
    let mut named = node.children().find(|node| !modifiers.contains(&node.kind()))?;
    let object = if node.kind() == COMMENT_ON { named.kind() } else { node.kind() };
    let nameless = ["_CAST", "_TRANSFORM", "_USER_MAPPING", "_OWNED", "_DEFAULT_PRIVILEGES"];
    let nameless = nameless.iter().any(|object_name| format!("{object:?}").ends_with(object_name))
        || matches!(object, ALTER_LARGE_OBJECT | OBJECT_LARGE_OBJECT | ALTER_SYSTEM)
        || matches!(named.kind(), ALL_IN_TABLESPACE | STAT_TYPES | STATISTICS_ON_CLAUSE)
        || (object == CREATE_INDEX && named.kind() == TABLE_RELATION_NAME)
        || node.children_with_tokens().any(|token| token.kind() == ALL_KW);
    if nameless {
        return None;
    }
    if node.kind() == COMMENT_ON {
        named = named.first_child()?;
    }
    identifiers(&first_path(&named)).map(parts_of)
}

fn table_of(node: &SyntaxNode) -> Option<String> {
    let owners: &[SyntaxKind] = match node.kind() {
        ALTER_TABLE | ALTER_FOREIGN_TABLE => return name_of(node),
        INSERT | UPDATE | DELETE | MERGE => {
            &[RELATION_NAME, RELATION_NAME_REF, TABLE_RELATION_NAME]
        }
        TRUNCATE => &[TABLE_LIST],
        COPY => &[COPY_TABLE],
        CREATE_INDEX => &[TABLE_RELATION_NAME],
        CREATE_STATISTICS => &[FROM_TABLE],
        CREATE_RULE => &[RULE_ON],
        kind if ["_TRIGGER", "_POLICY", "_RULE"].iter().any(|end| ends_with(kind, end)) => {
            &[ON_TABLE, ON_RELATION]
        }
        _ => return None,
    };
    let owner = node.children().find(|child| owners.contains(&child.kind()))?;
    let events = |node: &SyntaxNode| node.kind() == RULE_EVENT;
    let named = owner.children().find(|child| !events(child)).unwrap_or(owner);
    identifiers(&first_path(&named)).map(parts_of)
}

fn changes_of(node: &SyntaxNode) -> Vec<String> {
    if !starts_with(node.kind(), "ALTER_") {
        return Vec::new();
    }
    let changes = node.children().filter_map(|action| {
        let change = change_of(&action)?;
        Some(format!("{change}: {}", action.text().to_string().trim()))
    });
    changes.collect()
}

fn change_of(action: &SyntaxNode) -> Option<String> {
    let children = action.children().collect::<Vec<_>>();
    let guarded = children.iter().any(|node| matches!(node.kind(), IF_NOT_EXISTS | IF_EXISTS));
    let named = |at: usize| {
        let mut names = children.iter().filter(|n| !matches!(n.kind(), IF_NOT_EXISTS | IF_EXISTS));
        Some(identifiers(&first_path(names.nth(at)?))?.concat())
    };
    let renamed = |what: &str| Some(format!("rename {what} {} to {}", named(0)?, named(1)?));
    match action.kind() {
        ADD_COLUMN => Some(format!("add column {} {guarded}", named(0)?)),
        ADD_CONSTRAINT => {
            let constraint = children.first()?;
            let clause = child(constraint, CONSTRAINT_NAME_CLAUSE);
            let name =
                clause.and_then(|clause| Some(identifiers(&clause.first_child()?)?.concat()));
            let kind = camel(format!("{:?}", constraint.kind()).strip_suffix("_CONSTRAINT")?);
            Some(format!("add {kind} {name:?}"))
        }
        ADD_VALUE => Some(format!("add value {guarded}")),
        DROP_COLUMN => Some(format!("drop column {} {guarded}", named(0)?)),
        DROP_CONSTRAINT => Some(format!("drop constraint {} {guarded}", named(0)?)),
        RENAME_COLUMN => renamed("column"),
        RENAME_CONSTRAINT => renamed("constraint"),
        RENAME_ATTRIBUTE => renamed("attribute"),
        RENAME_VALUE => {
            let [from, to] = children.as_slice() else { return None };
            Some(format!("rename value {} to {}", string(from), string(to)))
        }
        SET_SCHEMA => Some(format!("set schema {}", named(0)?)),
        kind if ends_with(kind, "_RENAME_TO") => Some(format!("rename to {}", named(0)?)),
        _ => None,
    }
}

/// Below a node, the first that is a name with all its parts.
fn first_path(node: &SyntaxNode) -> SyntaxNode {
    let mut path = node.clone();
    while !matches!(path.kind(), PATH | PATH_REF | OP) {
        let Some(first) = path.first_child() else { break };
        path = first;
    }
    path
}

/// The parts of a name, folded; nothing if it isn't made of identifiers.
fn identifiers(path: &SyntaxNode) -> Option<Vec<String>> {
    let tokens = path.descendants_with_tokens().filter_map(SyntaxElement::into_token);
    let words = tokens.map(|token| token.text().to_owned()).filter(|word| {
        !word.trim().is_empty() && !word.starts_with("--") && !word.starts_with("/*")
    });
    let mut identifiers = Vec::new();
    for (at, word) in words.enumerate() {
        match word.strip_prefix('"') {
            _ if at % 2 == 1 && word != "." => return None,
            _ if at % 2 == 1 => {}
            Some(quoted) => identifiers.push(quoted.strip_suffix('"')?.replace("\"\"", "\"")),
            None if word.starts_with(|c: char| c.is_alphabetic() || c == '_') => {
                identifiers.push(word.to_lowercase());
            }
            None => return None,
        }
    }
    (!identifiers.is_empty()).then_some(identifiers)
}

/// A name with its schema. A database before them is the current one.
fn parts_of(mut parts: Vec<String>) -> String {
    parts.drain(..parts.len().saturating_sub(2));
    parts.join("/")
}

/// What a plain or dollar-quoted string holds, or what another constant reads as.
fn string(literal: &SyntaxNode) -> String {
    let text = literal.text().to_string();
    match text.strip_prefix('\'').and_then(|text| text.strip_suffix('\'')) {
        Some(inner) => inner.replace("''", "'"),
        None => text.trim_matches('$').to_owned(),
    }
}

fn child(node: &SyntaxNode, kind: SyntaxKind) -> Option<SyntaxNode> {
    node.children().find(|child| child.kind() == kind)
}

fn starts_with(kind: SyntaxKind, start: &str) -> bool {
    format!("{kind:?}").starts_with(start)
}

fn ends_with(kind: SyntaxKind, end: &str) -> bool {
    format!("{kind:?}").ends_with(end)
}

/// The texts of all files of SQL below a folder, each once.
fn scripts_below(folder: &Path, scripts: &mut BTreeSet<String>) {
    for entry in fs::read_dir(folder).expect("the repository is readable") {
        let path: PathBuf = entry.expect("the repository is readable").path();
        if path.is_dir() {
            scripts_below(&path, scripts);
        } else if path.extension().is_some_and(|extension| extension == "sql") {
            scripts.insert(fs::read_to_string(path).expect("scripts are UTF-8"));
        }
    }
}

fn fixtures() -> BTreeSet<String> {
    let mut scripts = BTreeSet::new();
    scripts_below(Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/fixtures")), &mut scripts);
    scripts
}

#[test]
fn statements_of_the_fixtures_are_read_alike() {
    let (counts, disagreements): (Vec<_>, Vec<_>) =
        fixtures().iter().map(|script| compare(script)).unzip();
    let count: usize = counts.iter().sum();
    assert!(count >= 200, "only {count} statements were compared");
    assert!(disagreements.concat().is_empty(), "{}", disagreements.concat().join("\n"));
}

#[test]
fn spellings_of_all_kinds_are_read_alike() {
    let (mut count, mut disagreements) = (0, Vec::new());
    // The first paragraph is about the others.
    for paragraph in CORPUS.split("\n\n").skip(1) {
        let (statements, found) = compare(paragraph.trim_end());
        assert_eq!(statements, 1, "{paragraph}");
        count += statements;
        disagreements.extend(found);
    }
    assert!(count >= 390, "only {count} statements were compared");
    assert!(disagreements.is_empty(), "{}", disagreements.join("\n"));
    for (unparsed, _) in UNPARSED {
        assert!(CORPUS.contains(&format!("\n\n{unparsed}\n")), "{unparsed}");
    }
}

#[test]
fn texts_are_cut_alike() {
    let mut count = 0;
    for text in fixtures() {
        let script = Script::parse(&text);
        let foreign = |content: &Content| matches!(content, Content::Meta | Content::CopyData);
        if script.pieces.iter().any(|piece| foreign(&piece.content)) {
            continue;
        }
        let ours = script.statements().map(|statement| &text[statement.span.clone()]);
        let theirs = SourceFile::parse(&text).tree().stmts().map(|statement| {
            let range = statement.syntax().text_range();
            text[usize::from(range.start())..usize::from(range.end())].to_owned()
        });
        let theirs = theirs.collect::<Vec<_>>();
        assert_eq!(ours.collect::<Vec<_>>(), theirs);
        count += theirs.len();
    }
    assert!(count >= 200, "only {count} statements were cut");
}
