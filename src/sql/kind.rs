//! What a statement is and what it names, read from its head.

use std::ops::Range;

use squawk_lexer::TokenKind;

use super::Statement;
use super::alter::{Action, alter};
use super::autocommit::needs_autocommit;
use super::name::Name;
use super::tokens::{Cursor, Token};

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Kind {
    Transaction(Control),
    /// SET and `SELECT set_config('…', …)`, by the setting's own name: SET ROLE sets `role`.
    Set {
        setting: String,
        local: bool,
    },
    /// RESET, of everything if it names no setting, and DISCARD ALL.
    Reset {
        setting: Option<String>,
    },
    CopyFromStdin,
    /// COPY from or to anything else.
    Copy,
    Insert,
    Update,
    Delete,
    Merge,
    Truncate,
    Create(Object),
    Drop(Object),
    Alter {
        object: Object,
        actions: Vec<Action>,
    },
    Do,
    Call,
    /// SELECT, VALUES and TABLE; a WITH whose main statement is one of them, too.
    Select,
    Grant,
    Revoke,
    Comment,
    Other,
}

/// What a statement does to the transaction.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Control {
    Begin,
    Commit,
    Rollback,
    Savepoint,
    Release,
    RollbackTo,
    /// PREPARE TRANSACTION.
    Prepare,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Object {
    AccessMethod,
    Aggregate,
    Cast,
    Collation,
    Conversion,
    Database,
    Domain,
    EventTrigger,
    Extension,
    ForeignDataWrapper,
    ForeignTable,
    Function,
    Index,
    Language,
    MaterializedView,
    Operator,
    Policy,
    Procedure,
    Publication,
    Role,
    Routine,
    Rule,
    Schema,
    Sequence,
    Server,
    Statistics,
    Subscription,
    System,
    Table,
    Tablespace,
    TextSearch,
    Transform,
    Trigger,
    Type,
    UserMapping,
    View,
    Other,
}

/// The keywords of each kind of object; where one is the start of another, the longer one first.
const OBJECTS: &[(&str, Object)] = &[
    ("access method", Object::AccessMethod),
    ("aggregate", Object::Aggregate),
    ("cast", Object::Cast),
    ("collation", Object::Collation),
    ("conversion", Object::Conversion),
    ("database", Object::Database),
    ("domain", Object::Domain),
    ("event trigger", Object::EventTrigger),
    ("extension", Object::Extension),
    ("foreign data wrapper", Object::ForeignDataWrapper),
    ("foreign table", Object::ForeignTable),
    ("function", Object::Function),
    ("index", Object::Index),
    ("language", Object::Language),
    ("materialized view", Object::MaterializedView),
    ("operator class", Object::Other),
    ("operator family", Object::Other),
    ("operator", Object::Operator),
    ("policy", Object::Policy),
    ("procedure", Object::Procedure),
    ("publication", Object::Publication),
    ("role", Object::Role),
    ("routine", Object::Routine),
    ("rule", Object::Rule),
    ("schema", Object::Schema),
    ("sequence", Object::Sequence),
    ("server", Object::Server),
    ("statistics", Object::Statistics),
    ("subscription", Object::Subscription),
    ("system", Object::System),
    ("table", Object::Table),
    ("tablespace", Object::Tablespace),
    ("text search configuration", Object::TextSearch),
    ("text search dictionary", Object::TextSearch),
    ("text search parser", Object::TextSearch),
    ("text search template", Object::TextSearch),
    ("transform", Object::Transform),
    ("trigger", Object::Trigger),
    ("type", Object::Type),
    ("user mapping", Object::UserMapping),
    ("user", Object::Role),
    ("group", Object::Role),
    ("view", Object::View),
];

/// What may follow a WITH clause.
const VERBS: &[&str] =
    &["select", "values", "table", "insert into", "update", "delete from", "merge into"];

/// Understands the tokens of one statement.
pub(super) fn statement(text: &str, tokens: &[Token], span: Range<usize>) -> Statement {
    let tokens = match tokens {
        [tokens @ .., last] if last.kind == TokenKind::Semi => tokens,
        tokens => tokens,
    };
    let mut statement = Statement {
        kind: Kind::Other,
        name: None,
        table: None,
        guarded: false,
        temporary: false,
        name_at: span.start,
        autocommit: needs_autocommit(Cursor::new(text, tokens)),
        span,
    };
    let mut cursor = Cursor::new(text, tokens);
    if cursor.eat("with") {
        skip_common_tables(&mut cursor);
    }
    statement.kind = classify(&mut cursor, &mut statement);
    statement
}

/// Steps over the common table expressions of a WITH. Their names may be verbs, so they are read,
/// not searched.
fn skip_common_tables(cursor: &mut Cursor<'_>) {
    cursor.eat("recursive");
    while cursor.identifier().is_some() {
        cursor.group();
        cursor.eat("as");
        cursor.eat_any(&["not materialized", "materialized"]);
        cursor.group();
        if cursor.at("search") || cursor.at("cycle") {
            cursor.seek_where(|next| VERBS.iter().any(|verb| next.at(verb)));
        }
        if !cursor.eat_kind(TokenKind::Comma) {
            return;
        }
    }
}

fn classify(cursor: &mut Cursor<'_>, statement: &mut Statement) -> Kind {
    while cursor.eat_kind(TokenKind::OpenParen) {}
    let verb = cursor.word().to_ascii_lowercase();
    let head = cursor.clone();
    cursor.bump();
    match verb.as_str() {
        "begin" | "start" | "commit" | "end" | "rollback" | "abort" | "savepoint" | "release"
        | "prepare" => control(&head).map_or(Kind::Other, Kind::Transaction),
        "set" => set(cursor),
        "reset" => Kind::Reset { setting: (!cursor.at("all")).then(|| setting(cursor)) },
        "discard" if cursor.at("all") => Kind::Reset { setting: None },
        "select" => set_config(cursor).unwrap_or(Kind::Select),
        "values" | "table" => Kind::Select,
        "copy" => copy(cursor, statement),
        "insert" | "update" | "delete" | "merge" | "truncate" => write(&verb, cursor, statement),
        "create" => create(cursor, statement),
        "drop" => drop_object(cursor, statement),
        "alter" => alter(cursor, statement),
        "do" => Kind::Do,
        "call" => Kind::Call,
        "grant" => Kind::Grant,
        "revoke" => Kind::Revoke,
        "comment" => comment(cursor, statement),
        _ => Kind::Other,
    }
}

fn control(cursor: &Cursor<'_>) -> Option<Control> {
    let at = |keywords| cursor.at(keywords);
    let mut rest = cursor.clone();
    // COMMIT PREPARED and ROLLBACK PREPARED end another session's transaction, not this one's.
    let control = if at("commit prepared") || at("rollback prepared") {
        return None;
    } else if at("begin") || at("start transaction") {
        Control::Begin
    } else if at("commit") || at("end") {
        Control::Commit
    } else if at("savepoint") {
        Control::Savepoint
    } else if at("release") {
        Control::Release
    } else if at("prepare transaction") {
        Control::Prepare
    } else if at("rollback") && rest.seek("to") {
        Control::RollbackTo
    } else if at("rollback") || at("abort") {
        Control::Rollback
    } else {
        return None;
    };
    Some(control)
}

fn set(cursor: &mut Cursor<'_>) -> Kind {
    // LOCAL, SESSION, TRANSACTION and CONSTRAINTS may be the names of settings, too.
    let local = !assigns(cursor) && cursor.eat("local");
    let scope = !assigns(cursor)
        && !cursor.at("session authorization")
        && !cursor.at("session characteristics");
    if !local && scope {
        cursor.eat("session");
    }
    if !assigns(cursor) && (cursor.at("constraints") || cursor.at("transaction")) {
        return Kind::Other;
    }
    if !cursor.eat("session characteristics as transaction") {
        return Kind::Set { setting: setting(cursor), local };
    }
    let setting = match () {
        () if cursor.at("isolation") => "default_transaction_isolation",
        () if cursor.at("read") => "default_transaction_read_only",
        () => "default_transaction_deferrable",
    };
    Kind::Set { setting: setting.to_owned(), local }
}

/// Whether a setting's name comes next, and then a sign: `x.y = …` or `x TO …`.
fn assigns(cursor: &Cursor<'_>) -> bool {
    let mut after = cursor.clone();
    after.path().is_some() && (after.at("to") || after.kind() == Some(TokenKind::Eq))
}

/// Reads a setting's name; what SQL gives a syntax of its own is a setting underneath.
fn setting(cursor: &mut Cursor<'_>) -> String {
    let special = [
        ("time zone", "timezone"),
        ("session authorization", "session_authorization"),
        ("xml option", "xmloption"),
        ("transaction isolation level", "transaction_isolation"),
        ("names", "client_encoding"),
        ("schema", "search_path"),
    ];
    // `SET schema = x` would set a setting of that name, and `SET SCHEMA 'x'` has no sign.
    let spelled = special.iter().find(|(keywords, _)| !assigns(cursor) && cursor.at(keywords));
    match spelled {
        Some((_, setting)) => (*setting).to_owned(),
        None => cursor.path().unwrap_or_default().join(".").to_ascii_lowercase(),
    }
}

/// `SELECT set_config('search_path', '', false)`, as `pg_dump` writes it.
fn set_config(cursor: &Cursor<'_>) -> Option<Kind> {
    let mut call = cursor.clone();
    let function = call.name()?;
    let ours = function.name == "set_config"
        && function.schema.is_none_or(|schema| schema == "pg_catalog");
    let arguments = call.group().filter(|_| ours)?.list();
    let argument = |place: usize, name: &str| {
        let values = arguments.iter().map(|tokens| Cursor::new(cursor.text(), tokens));
        let named = values.clone().find_map(|mut value| {
            let is_it = value.identifier().is_some_and(|given| given == name);
            let sign = [[TokenKind::Eq, TokenKind::Gt], [TokenKind::Colon, TokenKind::Eq]]
                .iter()
                .any(|sign| sign.iter().all(|kind| value.eat_kind(*kind)));
            (is_it && sign).then_some(value)
        });
        named.or_else(|| values.clone().nth(place))
    };
    let setting = argument(0, "setting_name")?.string()?.to_ascii_lowercase();
    let local = argument(2, "is_local")?;
    let local = local.at("true") || local.clone().string().is_some_and(|word| is_true(&word));
    Some(Kind::Set { setting, local })
}

/// Whether Postgres reads a word as true.
fn is_true(word: &str) -> bool {
    let word = word.trim().to_ascii_lowercase();
    let starts = ["true", "yes"].iter().any(|whole| whole.starts_with(&word));
    starts && !word.is_empty() || word == "on" || word == "1"
}

fn copy(cursor: &mut Cursor<'_>, statement: &mut Statement) -> Kind {
    cursor.eat("binary");
    statement.table = cursor.name();
    if cursor.seek("from") && cursor.at("from stdin") { Kind::CopyFromStdin } else { Kind::Copy }
}

fn write(verb: &str, cursor: &mut Cursor<'_>, statement: &mut Statement) -> Kind {
    cursor.eat_any(&["into", "from", "table"]);
    let mut after_only = cursor.clone();
    after_only.eat("only");
    statement.name_at = after_only.offset();
    statement.table = relation(cursor);
    match verb {
        "insert" => {
            statement.guarded = cursor.seek_where(on_conflict);
            Kind::Insert
        }
        "update" => Kind::Update,
        "delete" => Kind::Delete,
        "merge" => Kind::Merge,
        _ => Kind::Truncate,
    }
}

/// Whether this is the clause, and not a join on a column of that name.
fn on_conflict(cursor: &Cursor<'_>) -> bool {
    let mut after = cursor.clone();
    after.eat("on conflict") && (after.at_group() || after.at("do") || after.at("on constraint"))
}

/// Reads the name of a table: `t`, `ONLY t` or `ONLY (t)`.
pub(super) fn relation(cursor: &mut Cursor<'_>) -> Option<Name> {
    let only = cursor.eat("only");
    match cursor.clone().group().filter(|_| only) {
        Some(mut inner) => {
            cursor.skip();
            inner.name()
        }
        None => cursor.name(),
    }
}

/// Reads the kind of an object, if it's one that we know.
pub(super) fn object(cursor: &mut Cursor<'_>) -> Option<Object> {
    let found = OBJECTS.iter().find(|(keywords, _)| cursor.eat(keywords));
    found.map(|(_, object)| *object)
}

/// Reads the name of an object. What stands in its place may say that there is none:
/// `CREATE INDEX ON t`, `DROP USER MAPPING FOR u`, `ALTER ROLE ALL`.
pub(super) fn object_name(object: Option<Object>, cursor: &mut Cursor<'_>) -> Option<Name> {
    let nameless = ["on", "for", "all"].iter().any(|keyword| cursor.at(keyword));
    match object {
        None | Some(Object::System) => None,
        Some(_) if nameless => None,
        // A schema made for a role has the role's name.
        Some(Object::Schema) if cursor.at("authorization") => {
            let mut role = cursor.clone();
            role.bump();
            role.name()
        }
        Some(_) => relation(cursor),
    }
}

fn create(cursor: &mut Cursor<'_>, statement: &mut Statement) -> Kind {
    statement.guarded = cursor.eat("or replace");
    cursor.eat_any(&["global", "local"]);
    statement.temporary = cursor.eat_any(&["temporary", "temp"]);
    while cursor.eat_any(&[
        "unlogged",
        "recursive",
        "constraint",
        "unique",
        "default",
        "trusted",
        "procedural",
    ]) {}
    let found = object(cursor);
    let object = found.unwrap_or(Object::Other);
    cursor.eat("concurrently");
    statement.guarded |= cursor.eat("if not exists");
    statement.name_at = cursor.offset();
    statement.name = object_name(found, cursor);
    let schema = statement.name.as_ref().and_then(|name| name.schema.as_deref());
    statement.temporary |= schema == Some("pg_temp");
    statement.table = table(object, cursor);
    Kind::Create(object)
}

/// The table on which an object lives.
pub(super) fn table(object: Object, cursor: &mut Cursor<'_>) -> Option<Name> {
    let keyword = match object {
        // CREATE RULE … AS ON INSERT TO table, but DROP RULE … ON table.
        Object::Rule if cursor.at("as") => "to",
        Object::Index | Object::Trigger | Object::Policy | Object::Rule => "on",
        Object::Statistics => "from",
        _ => return None,
    };
    if !cursor.seek(keyword) {
        return None;
    }
    cursor.bump();
    relation(cursor)
}

fn drop_object(cursor: &mut Cursor<'_>, statement: &mut Statement) -> Kind {
    cursor.eat("procedural");
    let found = object(cursor);
    let object = found.unwrap_or(Object::Other);
    cursor.eat("concurrently");
    statement.guarded = cursor.eat("if exists");
    statement.name_at = cursor.offset();
    statement.name = object_name(found, cursor);
    statement.table = if object == Object::Index { None } else { table(object, cursor) };
    Kind::Drop(object)
}

fn comment(cursor: &mut Cursor<'_>, statement: &mut Statement) -> Kind {
    cursor.eat("on");
    let part = cursor.eat_any(&["column", "constraint"]);
    let object = if part { Some(Object::Other) } else { object(cursor) };
    statement.name_at = cursor.offset();
    statement.name = object_name(object, cursor);
    Kind::Comment
}

#[cfg(test)]
mod tests {
    use pretty_assertions::assert_eq;

    use super::*;
    use crate::sql::Script;

    /// What is understood of one statement: kind, name, table and flags, each if it's there.
    fn check(text: &str, expect: &str) {
        let script = Script::parse(text);
        let statement = script.statements().next().expect("a statement");
        let mut seen = format!("{:?}", statement.kind);
        if let Kind::Alter { object, actions } = &statement.kind {
            seen = format!("Alter({object:?})");
            for action in actions {
                let change = format!("{:?}", action.change);
                // Where a name stands is asserted by what the guards put there.
                let change = change.split(", name_at").next().unwrap_or_default();
                let closing =
                    if change.contains('{') && !change.ends_with('}') { " }" } else { "" };
                seen += &format!(" [{}: {change}{closing}]", &text[action.span.clone()]);
            }
        }
        let named = |label, name: &Option<Name>| {
            name.as_ref().map_or_else(String::new, |name| format!(" {label} {name}"))
        };
        seen += &named("named", &statement.name);
        seen += &named("on", &statement.table);
        let flags = [
            (statement.guarded, " guarded"),
            (statement.temporary, " temporary"),
            (statement.needs_autocommit(), " autocommit"),
        ];
        flags.iter().filter(|(set, _)| *set).for_each(|(_, flag)| seen += flag);
        assert_eq!(seen, expect, "{text}");
    }

    #[test]
    fn transactions() {
        check("BEGIN", "Transaction(Begin)");
        check("begin isolation level serializable;", "Transaction(Begin)");
        check("START TRANSACTION READ ONLY;", "Transaction(Begin)");
        check("COMMIT AND CHAIN;", "Transaction(Commit)");
        check("END WORK;", "Transaction(Commit)");
        check("ABORT;", "Transaction(Rollback)");
        check("ROLLBACK;", "Transaction(Rollback)");
        check("ROLLBACK WORK TO SAVEPOINT a;", "Transaction(RollbackTo)");
        check("SAVEPOINT a;", "Transaction(Savepoint)");
        check("RELEASE a;", "Transaction(Release)");
        check("PREPARE TRANSACTION 'a';", "Transaction(Prepare)");
        check("PREPARE q AS SELECT 1;", "Other");
        check("COMMIT PREPARED 'a';", "Other autocommit");
        check("SET TRANSACTION READ ONLY;", "Other");
    }

    #[test]
    fn settings() {
        let set = |setting: &str, local| format!("Set {{ setting: {setting:?}, local: {local} }}");
        let check_set = |text, setting, local| check(text, &set(setting, local));
        check_set("SET search_path = a, b;", "search_path", false);
        check_set("SET SESSION \"App\".User_Id TO '1';", "app.user_id", false);
        check_set("SET LOCAL lock_timeout = '1s';", "lock_timeout", true);
        check_set("SET ROLE owner;", "role", false);
        check_set("SET LOCAL ROLE owner;", "role", true);
        check_set("SET SESSION AUTHORIZATION x;", "session_authorization", false);
        check_set("SET LOCAL SESSION AUTHORIZATION x;", "session_authorization", true);
        check_set("SET TIME ZONE 'UTC';", "timezone", false);
        check_set("SET NAMES 'utf8';", "client_encoding", false);
        check_set("SET SCHEMA 'x';", "search_path", false);
        check_set("SET XML OPTION DOCUMENT;", "xmloption", false);
        check_set("SELECT pg_catalog.set_config('search_path', '', false);", "search_path", false);
        check_set("SELECT set_config('a.b', coalesce(x, y), TRUE) AS z;", "a.b", true);
        let session = "SET SESSION CHARACTERISTICS AS TRANSACTION";
        check_set(&format!("{session} READ ONLY;"), "default_transaction_read_only", false);
        check("SELECT set_config(name, value, false) FROM t;", "Select");
        check("SELECT other.set_config('a', 'b', false);", "Select");
        check("RESET ALL;", "Reset { setting: None }");
        check("DISCARD ALL;", "Reset { setting: None } autocommit");
        check("DISCARD PLANS;", "Other");
        check("RESET Search_Path;", "Reset { setting: Some(\"search_path\") }");
        check("RESET SESSION AUTHORIZATION;", "Reset { setting: Some(\"session_authorization\") }");
        check("SET CONSTRAINTS ALL DEFERRED;", "Other");
    }

    #[test]
    fn data() {
        check("INSERT INTO a.t (b) VALUES (1);", "Insert on a.t");
        check(
            "INSERT INTO t VALUES (1) ON CONFLICT (a) DO UPDATE SET b = 2;",
            "Insert on t guarded",
        );
        check("INSERT INTO t SELECT ' ON CONFLICT ' FROM u;", "Insert on t");
        check("WITH a AS (SELECT 1) INSERT INTO t SELECT * FROM a;", "Insert on t");
        check("WITH update AS (DELETE FROM u RETURNING *) SELECT 1;", "Select");
        check(
            "WITH RECURSIVE insert(a) AS (SELECT 1), b AS (TABLE x) UPDATE t SET a = 1;",
            "Update on t",
        );
        check("WITH a AS NOT MATERIALIZED (SELECT 1) (SELECT 1);", "Select");
        check(
            "WITH RECURSIVE a AS (SELECT 1) SEARCH DEPTH FIRST BY b, c SET d DELETE FROM t;",
            "Delete on t",
        );
        check("((SELECT 1)) UNION SELECT 2;", "Select");
        check("VALUES (1);", "Select");
        check("UPDATE ONLY a.\"T\" SET b = 1;", "Update on a.\"T\"");
        check("DELETE FROM ONLY t;", "Delete on t");
        check("MERGE INTO t USING u ON true WHEN MATCHED THEN DELETE;", "Merge on t");
        check("TRUNCATE TABLE ONLY a, b CASCADE;", "Truncate on a");
        check("COPY a.t (b) FROM STDIN WITH (FORMAT csv);", "CopyFromStdin on a.t");
        check("COPY t TO '/tmp/x';", "Copy on t");
        check("COPY (SELECT * FROM stdin) TO STDOUT;", "Copy");
        check("DO $$ BEGIN END $$;", "Do");
        check("CALL p(1);", "Call");
        check("GRANT SELECT ON t TO u;", "Grant");
        check("REVOKE ALL ON t FROM u;", "Revoke");
        check("COMMENT ON TABLE a.t IS 'x';", "Comment named a.t");
        check("COMMENT ON COLUMN t.c IS 'x';", "Comment named t.c");
        check("EXPLAIN INSERT INTO t VALUES (1);", "Other");
        check("§ what is this;", "Other");
    }

    #[test]
    fn creates() {
        check("CREATE TABLE t (a int);", "Create(Table) named t");
        check("create table if not exists a.\"T\" ();", "Create(Table) named a.\"T\" guarded");
        check("CREATE TABLE IF /* x */ NOT -- y\n EXISTS t ();", "Create(Table) named t guarded");
        check("CREATE UNLOGGED TABLE t ();", "Create(Table) named t");
        check("CREATE LOCAL TEMP TABLE t AS SELECT 1;", "Create(Table) named t temporary");
        check("CREATE FOREIGN TABLE t () SERVER s;", "Create(ForeignTable) named t");
        check("CREATE INDEX ON t (a);", "Create(Index) on t");
        check(
            "CREATE INDEX IF NOT EXISTS i ON ONLY a.t (a);",
            "Create(Index) named i on a.t guarded",
        );
        check(
            "CREATE UNIQUE INDEX CONCURRENTLY i ON t (a);",
            "Create(Index) named i on t autocommit",
        );
        check(
            "CREATE OR REPLACE TEMP RECURSIVE VIEW v (a) AS SELECT 1;",
            "Create(View) named v guarded temporary",
        );
    }

    #[test]
    fn creates_of_other_objects() {
        check("CREATE MATERIALIZED VIEW v AS SELECT 1;", "Create(MaterializedView) named v");
        check("CREATE SEQUENCE s;", "Create(Sequence) named s");
        check("CREATE TYPE a.mood AS ENUM ('x');", "Create(Type) named a.mood");
        check("CREATE DOMAIN d AS text CHECK (VALUE <> '');", "Create(Domain) named d");
        check("CREATE FUNCTION f(a int) RETURNS int RETURN 1;", "Create(Function) named f");
        check(
            "CREATE OR REPLACE PROCEDURE p() AS $$ $$ LANGUAGE sql;",
            "Create(Procedure) named p guarded",
        );
        check("CREATE AGGREGATE a (int) (sfunc = f, stype = int);", "Create(Aggregate) named a");
        check(
            "CREATE CONSTRAINT TRIGGER g AFTER INSERT OR UPDATE OF a, b ON s.t EXECUTE \
             FUNCTION f();",
            "Create(Trigger) named g on s.t",
        );
        check(
            "CREATE POLICY \"own rows\" ON t USING (a = 1);",
            "Create(Policy) named \"own rows\" on t",
        );
        check("CREATE RULE r AS ON DELETE TO t DO NOTHING;", "Create(Rule) named r on t");
        check("CREATE SCHEMA AUTHORIZATION joe;", "Create(Schema) named joe");
        check("CREATE SCHEMA s AUTHORIZATION joe;", "Create(Schema) named s");
        check(
            "CREATE EXTENSION IF NOT EXISTS \"uuid-ossp\";",
            "Create(Extension) named \"uuid-ossp\" guarded",
        );
        check("CREATE USER u;", "Create(Role) named u");
        check("CREATE USER MAPPING FOR u SERVER s;", "Create(UserMapping)");
        check("CREATE STATISTICS (ndistinct) ON a, b FROM t;", "Create(Statistics) on t");
        check(
            "CREATE EVENT TRIGGER e ON ddl_command_end EXECUTE FUNCTION f();",
            "Create(EventTrigger) named e",
        );
        check(
            "CREATE OPERATOR CLASS o FOR TYPE int USING btree AS STORAGE int;",
            "Create(Other) named o",
        );
        check("CREATE CAST (a AS b) WITHOUT FUNCTION;", "Create(Cast)");
        check("CREATE DATABASE d;", "Create(Database) named d autocommit");
        check(
            "CREATE SUBSCRIPTION s CONNECTION 'x' PUBLICATION p;",
            "Create(Subscription) named s autocommit",
        );
        check(
            "CREATE SUBSCRIPTION s CONNECTION 'x' PUBLICATION p WITH (a = b, connect = false);",
            "Create(Subscription) named s",
        );
    }

    #[test]
    fn drops() {
        check("DROP TABLE a.t, u CASCADE;", "Drop(Table) named a.t");
        check("DROP TABLE IF EXISTS t;", "Drop(Table) named t guarded");
        check("DROP INDEX CONCURRENTLY IF EXISTS i;", "Drop(Index) named i guarded autocommit");
        check("DROP FUNCTION f(int);", "Drop(Function) named f");
        check("DROP TRIGGER g ON t;", "Drop(Trigger) named g on t");
        check("DROP RULE r ON t;", "Drop(Rule) named r on t");
        check("DROP MATERIALIZED VIEW v;", "Drop(MaterializedView) named v");
        check("DROP DATABASE d;", "Drop(Database) named d autocommit");
        check("DROP OWNED BY u;", "Drop(Other)");
    }

    #[test]
    fn alters() {
        let add_column = "AddColumn { name: \"a\", guarded: false }";
        check(
            "ALTER TABLE t ADD a int",
            &format!("Alter(Table) [ADD a int: {add_column}] named t on t"),
        );
        check(
            "ALTER TABLE IF EXISTS s.t * ADD COLUMN A numeric(1,2) DEFAULT \
             f(ARRAY[1,2]), DROP b;",
            &format!(
                "Alter(Table) [ADD COLUMN A numeric(1,2) DEFAULT f(ARRAY[1,2]): {add_column}] \
                 [DROP b: DropColumn {{ name: \"b\", guarded: false }}] named s.t on s.t guarded"
            ),
        );
        let actions = [
            ("ADD COLUMN IF NOT EXISTS a int", "AddColumn { name: \"a\", guarded: true }"),
            ("ADD exclude int", "AddColumn { name: \"exclude\", guarded: false }"),
            ("DROP COLUMN IF EXISTS a", "DropColumn { name: \"a\", guarded: true }"),
            ("DROP CONSTRAINT \"C\"", "DropConstraint { name: \"C\", guarded: false }"),
            (
                "ADD CONSTRAINT c CHECK (a > 0)",
                "AddConstraint { name: Some(\"c\"), constraint: Check }",
            ),
            ("ADD CHECK (a > 0)", "AddConstraint { name: None, constraint: Check }"),
            ("ADD UNIQUE (a, b)", "AddConstraint { name: None, constraint: Unique }"),
            ("ADD PRIMARY KEY (a)", "AddConstraint { name: None, constraint: PrimaryKey }"),
            (
                "ADD FOREIGN KEY (a) REFERENCES b",
                "AddConstraint { name: None, constraint: ForeignKey }",
            ),
            (
                "ADD EXCLUDE USING gist (a WITH &&)",
                "AddConstraint { name: None, constraint: Exclude }",
            ),
            (
                "ADD CONSTRAINT c NOT NULL a",
                "AddConstraint { name: Some(\"c\"), constraint: NotNull }",
            ),
            ("RENAME TO u", "Rename { to: \"u\" }"),
            ("RENAME a TO b", "RenameColumn { from: \"a\", to: \"b\" }"),
            ("RENAME COLUMN a TO \"B\"", "RenameColumn { from: \"a\", to: \"B\" }"),
            ("RENAME CONSTRAINT a TO b", "RenameConstraint { from: \"a\", to: \"b\" }"),
            ("SET SCHEMA s", "SetSchema { schema: \"s\" }"),
            ("ALTER a DROP NOT NULL", "Other"),
        ];
        for (action, change) in actions {
            check(
                &format!("ALTER TABLE t {action};"),
                &format!("Alter(Table) [{action}: {change}] named t on t"),
            );
        }
    }

    #[test]
    fn alters_of_what_is_no_table() {
        check(
            "ALTER TYPE y ADD VALUE 'x' BEFORE 'z';",
            "Alter(Type) [ADD VALUE 'x' BEFORE 'z': AddValue { guarded: false }] named y",
        );
        check(
            "ALTER TYPE y RENAME VALUE 'it''s' TO 'b';",
            "Alter(Type) [RENAME VALUE 'it''s' TO 'b': RenameValue { from: \"it's\", to: \
             \"b\" }] named y",
        );
        check(
            "ALTER FUNCTION f(int, int) RENAME TO g;",
            "Alter(Function) [RENAME TO g: Rename { to: \"g\" }] named f",
        );
        check(
            "ALTER POLICY p ON t RENAME TO q;",
            "Alter(Policy) [RENAME TO q: Rename { to: \"q\" }] named p on t",
        );
        check(
            "ALTER DOMAIN d ADD CONSTRAINT c CHECK (VALUE > 0);",
            "Alter(Domain) [ADD CONSTRAINT c CHECK (VALUE > 0): AddConstraint { name: \
             Some(\"c\"), constraint: Check }] named d",
        );
        check(
            "ALTER DATABASE d SET search_path = x;",
            "Alter(Database) [SET search_path = x: Other] named d",
        );
    }

    #[test]
    fn statements_outside_transaction_blocks() {
        let autocommit = |text: &str| {
            Script::parse(text).statements().next().is_some_and(Statement::needs_autocommit)
        };
        for text in [
            "VACUUM (FULL) t",
            "ALTER SYSTEM SET a = b",
            "CREATE TABLESPACE x LOCATION 'y'",
            "REINDEX TABLE CONCURRENTLY t",
            "REINDEX (VERBOSE, CONCURRENTLY) INDEX i",
            "REINDEX DATABASE d",
            "reindex (verbose) schema s",
            "CLUSTER",
            "CLUSTER VERBOSE",
            "ALTER TABLE t DETACH PARTITION p CONCURRENTLY",
            "ROLLBACK PREPARED 'x'",
            "ALTER DATABASE d SET TABLESPACE x",
            "ALTER SUBSCRIPTION s REFRESH PUBLICATION",
        ] {
            assert!(autocommit(text), "{text}");
        }
        for text in [
            "REINDEX TABLE t",
            "CLUSTER t",
            "ALTER TABLE t DETACH PARTITION p",
            "ANALYZE",
            "ALTER TYPE y ADD VALUE 'x'",
            "REFRESH MATERIALIZED VIEW CONCURRENTLY v",
            "CREATE INDEX concurrently_made ON t (a)",
            "COMMIT",
            "DISCARD TEMP",
        ] {
            assert!(!autocommit(text), "{text}");
        }
    }
}
