//! refinery: its program, and its asynchronous driver, which the program doesn't have.

use std::path::Path;

use super::{FOLDER, ODD, Run, Tool, compare, compare_all, project, read, stage, version};
use crate::acts::{boot::boot, first_boot};
use crate::server::Server;
use crate::trace::Act;

const REFINERY: Tool = Tool {
    format: "refinery",
    folder: "migrations",
    run: Run::Program {
        variable: "REHEARSAL_REFINERY",
        name: "refinery",
        // The library aborts on divergent and missing migrations by default, its program doesn't.
        arguments: &["migrate", "-d", "-m", "-e", "DATABASE_URL", "-p", FOLDER],
    },
    ledger: "public.refinery_schema_history",
    ledger_rows: "SELECT string_agg(concat_ws(' ', version, name, checksum), '; ' \
                  ORDER BY version) FROM public.refinery_schema_history",
};

/// Small projects with something odd in them, and whether a boot succeeds; with the driver that
/// keeps a file's row in its transaction, or with the other one.
fn cases(shared: bool) -> Vec<(bool, Vec<(&'static str, String)>)> {
    let one = |name: &'static str, sql: &str| vec![(name, sql.to_owned())];
    // There is no way to run without its transaction.
    let odd = ODD.iter().filter(|(_, is_bare, _)| !is_bare);
    let mut cases =
        odd.map(|(succeeds, _, sql)| (*succeeds, one("V1__a.sql", sql))).collect::<Vec<_>>();
    let table = |name: &str| format!("CREATE TABLE public.{name} (id int);\r\n");
    let (a, b) = (table("a"), table("b"));
    cases.extend([
        // What a file has committed stays where its row can't be written.
        (false, one("V1__a.sql", "SELECT set_config('search_path', '', false);")),
        (true, one("V1__a.sql", "CREATE TABLE a (id int); COMMIT; CREATE TABLE c (id int);")),
        (false, one("V1__a.sql", "CREATE TABLE a (id int); COMMIT; CREATE TABLE a (id int);")),
        (true, one("V1__a.sql", "BEGIN; CREATE TABLE a (id int); COMMIT;")),
        (true, one("V1__a.sql", "CREATE TABLE a (id int); ROLLBACK;")),
        (!shared, one("V1__a.sql", "SET LOCAL search_path = pg_catalog;")),
        (true, one("V1__a.sql", "-- only a comment")),
        (false, one("V1__a.sql", "\u{feff}SELECT 1;")),
        (false, one("V1__a.sql", "VACUUM;")),
        (false, one("V1__a.sql", "CREATE TABLE a (id int); COPY a FROM stdin;")),
        (false, one("V1__a.sql", "COPY (SELECT 1) TO stdout;")),
        (true, one("U1__a.sql", &a)),
        (true, one("V0__a.sql", &a)),
        (true, one("V007__A_é_1.sql", &a)),
        (true, vec![("V10__a.sql", a.clone()), ("V9__b.sql", b.clone())]),
        (true, vec![("one/two/V1__a.sql", a.clone()), ("V3__b.sql", b.clone())]),
        // Names that it passes over.
        (true, vec![("v1__a.sql", a.clone()), ("V1_a.sql", a.clone()), ("1__a.sql", a.clone())]),
        (true, vec![("V1__a-b.sql", a.clone()), ("V1__.sql", a.clone()), ("Va__a.sql", a.clone())]),
        (
            true,
            vec![("V1__a.SQL", a.clone()), ("V1__a.sql.bak", a.clone()), ("R__a.sql", a.clone())],
        ),
        // Numbers that it can't read, or that are taken.
        (false, one("V1.5__a.sql", &a)),
        (false, one("V20240131120000__a.sql", &a)),
        (false, vec![("V1__a.sql", a.clone()), ("V1__b.sql", b.clone())]),
        (false, vec![("V1__a.sql", a.clone()), ("U01__b.sql", b.clone())]),
        (false, vec![("V1__a.sql", a.clone()), ("below/V1__a.sql", a.clone())]),
        (false, vec![("V1__a.sql", a.clone()), ("below/V1__a.sql", b.clone())]),
        (false, vec![("V1__a.sql", a.clone()), ("V1__b.sql", b.clone()), ("z/U1__a.sql", a)]),
    ]);
    for (_, files) in &mut cases {
        files.push(("V2__last.sql", table("last")));
    }
    cases
}

#[tokio::test]
async fn program() {
    compare_all(REFINERY, "refinery-search-path", &cases(false)).await;
}

/// The asynchronous driver, as an application calls it that depends on nothing else.
#[tokio::test]
async fn library_with_tokio_postgres() {
    let (variable, name) = ("REHEARSAL_REFINERY_TOKIO", "refinery-tokio");
    let run = Run::Program { variable, name, arguments: &[FOLDER] };
    let tool = Tool { run, ..REFINERY };
    let server = Server::start(version().as_deref(), false).await.expect("a server");
    for (succeeds, files) in cases(true) {
        let root = project(&tool, &files);
        depend(root.path(), "tokio-postgres");
        assert_eq!(compare(&server, tool, root.path()).await, succeeds, "{files:?}");
    }
}

/// Writes the manifest of a project that depends on refinery with this feature.
fn depend(root: &Path, feature: &str) {
    let manifest = format!(
        "[dependencies]\nrefinery = {{ version = \"0.10\", features = [\"{feature}\"] }}\n"
    );
    std::fs::write(root.join("Cargo.toml"), manifest).expect("our own file");
}

/// A project can have it built with numbers of eight bytes, which are hashed as such.
#[tokio::test]
async fn program_with_int8_versions() {
    let Run::Program { arguments, .. } = REFINERY.run else { panic!("it is a program") };
    let (variable, name) = ("REHEARSAL_REFINERY_INT8", "refinery-int8");
    let tool = Tool { run: Run::Program { variable, name, arguments }, ..REFINERY };
    let server = Server::start(version().as_deref(), false).await.expect("a server");
    let cases = [
        (true, "V20240131120000__a.sql"),
        (true, "V9223372036854775807__a.sql"),
        (true, "V1__a.sql"),
        (false, "V9223372036854775808__a.sql"),
        (false, "V20240131120000.5__a.sql"),
    ];
    for (succeeds, name) in cases {
        let last = ("V2__last.sql", "CREATE TABLE last (id int);".to_owned());
        let root = project(&tool, &[(name, "CREATE TABLE a (id int);".to_owned()), last]);
        let root = root.path();
        depend(root, "int8-versions");
        assert_eq!(compare(&server, tool, root).await, succeeds, "{name}");
    }
}

/// A file that was applied and is then edited, or gone, ends the next boot, and so does one that
/// comes in below; unless its name begins with `U`.
#[tokio::test]
async fn refuses_what_was_changed() {
    let server = Server::start(version().as_deref(), false).await.expect("a server");
    let table = |name: &str| format!("CREATE TABLE {name} (id int);");
    let third = ("V3__c.sql", table("c"));
    let cases = [
        ("V3__c.sql", table("d"), "applied migration V3__c is different than filesystem one V3__c"),
        ("U3__d.sql", table("c"), "applied migration V3__c is different than filesystem one U3__d"),
        ("V4__c.sql", table("c"), "migration V3__c is missing from the filesystem"),
        ("V2__b.sql", table("b"), "migration V2__b is missing from the filesystem"),
        ("U2__b.sql", table("b"), ""),
    ];
    for (name, text, refusal) in cases {
        let root = project(&REFINERY, &[("V1__a.sql", table("a")), third.clone()]);
        let original = read(&REFINERY, root.path());
        let ours = first_boot(&stage(&server, &original)).await.expect("a first boot");
        let ours = ours.scratch.expect("it succeeds");
        let folder = root.path().join("migrations");
        if name.contains(['3', '4']) {
            std::fs::remove_file(folder.join(third.0)).expect("our own file");
        }
        std::fs::write(folder.join(name), text).expect("our own file");
        let changed = read(&REFINERY, root.path());
        let theirs = REFINERY.boot(&ours, root.path()).await;
        let boot = boot(&stage(&server, &changed), &ours, Act::Rerun).await.expect("a boot");
        assert_eq!(boot.refusal.as_deref().unwrap_or_default(), refusal);
        assert_eq!(theirs, refusal.is_empty(), "{name}");
        assert!(boot.steps.is_empty(), "what the tool has run: {boot:?}");
        server.drop_database(ours).await.expect("nobody is connected");
    }
}
