//! The same DDL gives the same catalog on every major. Only with the feature `majors`, because each
//! of these must be there.

use std::fs;
use std::path::Path;

use rehearsal::Rehearsal;

const MAJORS: [&str; 6] = ["14", "15", "16", "17", "18", "19"];

/// The bases of all mutations: objects of every kind that all majors know.
#[tokio::test]
async fn what_mutations_begin_with_is_the_same_on_every_major() {
    let mut told = Vec::new();
    let tables = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/catalog");
    for table in fs::read_dir(tables).expect("the folder is there") {
        let table = table.expect("a file").path();
        let text = fs::read_to_string(&table).expect("the file is readable");
        let base = text.split("\n--- ").next().unwrap_or_default();
        let project = tempfile::tempdir().expect("a temporary folder");
        let write = |path: &str, text: &str| fs::write(project.path().join(path), text);
        fs::create_dir(project.path().join("migrations")).expect("a folder");
        write("rehearsal.toml", "[postgres]\nrole = \"superuser\"\n").expect("a file");
        write("migrations/0001_base.sql", base).expect("a file");
        let rehearsal = Rehearsal::of(project.path()).only(["version_drift"]).postgres(MAJORS);
        let report = rehearsal.play().await.expect("it is played").to_string();
        if !report.ends_with("the rehearsal went well: 1 check holds\n") {
            told.push(format!("{}\n{report}", table.display()));
        }
    }
    assert!(told.is_empty(), "{}", told.join("\n"));
}
