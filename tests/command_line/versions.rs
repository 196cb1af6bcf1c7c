//! Several Postgres versions in one rehearsal: told together, and none lost with another.
//!
//! Who runs these tests may have one version only, and so some of them ask for a second one that
//! nobody has. How a report of many looks is tested beside its code.

use std::io::{BufRead as _, BufReader};
use std::path::PathBuf;
use std::process::{Command, Stdio};

use serde_json::Value;

use crate::support::{Project, Temporary, Told, check, check_report, run, verify};

/// A major that nobody has.
const NONESUCH: &str = "99";

/// The version that is played where none is asked for.
fn usual() -> String {
    let told = run(verify("fixtures/demo").args(["--only", "order", "--format", "json"]));
    let report: Value = serde_json::from_str(&told.stdout).expect("JSON");
    report["runs"][0]["postgres"].as_str().expect("a version").to_owned()
}

/// Of a release such as 18.4, or 19rc1.
fn major(release: &str) -> String {
    release.chars().take_while(char::is_ascii_digit).collect()
}

fn rehearse(project: &str, versions: &[&str], arguments: &[&str]) -> Told {
    run(verify(project).args(["--postgres", &versions.join(",")]).args(arguments))
}

#[test]
fn two_versions_are_told_together() {
    let release = usual();
    // The same once as its major and once as itself: two runs, wherever this is tested.
    let major = major(&release);
    let told = rehearse("fixtures/ladder-bare-constraint", &[&major, &release], &[]);
    let width = release.len().max(7);
    let row = |name: &str, outcome: &str| format!("  {name:<13}  {outcome:<width$}  {outcome}");
    check_report(
        &told,
        1,
        &[
            &format!("ladder-bare-constraint on Postgres {release} and {release} (native)"),
            &format!("  = note: on Postgres {release} and {release}\n"),
            &row("Postgres", &release),
            &row("apply", "passed"),
            &format!("{}  2 findings\n", row("replay", "failed ")),
            "\nthe rehearsal failed: replay\n",
        ],
    );
    let findings = told.stdout.matches("error[replay]").count();
    assert_eq!(findings, 2, "each is told once:\n{}", told.all());
    for version in [&major, &release] {
        let progress = format!("\nPostgres {version}: first boot …\n");
        assert!(told.stderr.contains(&progress), "{progress}:\n{}", told.all());
    }
}

#[test]
fn for_programs_each_version_has_all_of_its_own() {
    let release = usual();
    let major = major(&release);
    let project = "fixtures/ladder-bare-constraint";
    let told = rehearse(project, &[&release, &major], &["--format", "json"]);
    let report: Value = serde_json::from_str(&told.stdout).expect("JSON");
    let runs = report["runs"].as_array().expect("runs");
    let findings =
        runs.iter().map(|run| run["checks"][2]["findings"].as_array().map_or(0, Vec::len));
    assert_eq!(findings.collect::<Vec<_>>(), [2, 2], "{}", told.all());
    assert!(report.get("unplayed").is_none(), "{}", told.all());
}

#[test]
fn a_version_that_is_not_there_does_not_hide_the_others() {
    let release = usual();
    let told = rehearse("fixtures/demo", &[NONESUCH, &release], &[]);
    let sentence = "\nnot held on Postgres 99; elsewhere the rehearsal went well: 5 checks hold\n";
    check_report(
        &told,
        2,
        &[
            &format!("demo on Postgres {release} (native)"),
            "error: the rehearsal could not be held on Postgres 99\nPostgres 99 was not found",
            "\nhelp: install the server",
            "  apply          passed   –\n",
            sentence,
        ],
    );
    let told = rehearse("fixtures/ladder-bare-constraint", &[&release, NONESUCH], &[]);
    let sentence = "\nnot held on Postgres 99; elsewhere the rehearsal failed: replay\n";
    // 2 is higher than the 1 of the findings.
    check_report(&told, 2, &["error[replay]", sentence]);
    let told = rehearse("fixtures/demo", &[&release, NONESUCH], &["--format", "json"]);
    let report: Value = serde_json::from_str(&told.stdout).expect("JSON");
    assert_eq!(report["runs"].as_array().map(Vec::len), Some(1), "{}", told.all());
    assert_eq!(report["unplayed"][0]["postgres"], NONESUCH, "{}", told.all());
    let none = rehearse("fixtures/demo", &["98", NONESUCH], &[]);
    check(&none, 2, &["error: Postgres 98 was not found on this machine"]);
    assert_eq!(none.stdout, "", "{}", none.all());
}

#[test]
fn an_exemption_expires_by_all_versions_alone() {
    let exemption =
        "[checks]\nreplay = \"deny\"\n[[allow]]\ncheck = \"replay\"\nreason = \"old\"\n";
    let files = [("migrations/000001_calm.up.sql", "SELECT 1;\n"), ("rehearsal.toml", exemption)];
    let project = Project::new(&files);
    let release = usual();
    let major = major(&release);
    let on = |versions: String| run(verify(project.path()).args(["--postgres", &versions]));
    let expired = "error[replay]: the exemption from `replay` is no longer needed";
    let told = on(format!("{major},{release}"));
    check_report(&told, 1, &[expired, "1 finding\n", "\nthe rehearsal failed: replay\n"]);
    assert_eq!(told.stdout.matches(expired).count(), 1, "{}", told.all());
    // It may be needed on the version that could not be played.
    let told = on(format!("{release},{NONESUCH}"));
    assert!(!told.stdout.contains(expired), "{}", told.all());
}

/// A command works in the project's folder, where two of it could meet.
#[test]
fn commands_are_run_one_after_the_other() {
    let project = Project::new(&[("rehearsal.toml", "[migrations]\nrun = \"exit 8\"\n")]);
    let release = usual();
    let major = major(&release);
    let versions = format!("{major},{release}");
    let told = run(verify(project.path()).args(["--postgres", &versions]));
    check_report(&told, 1, &["exit status 8", "apply          failed"]);
    // The second server starts only when the first one's rehearsal is over.
    let lines = told.stderr.lines().collect::<Vec<_>>();
    let place = |line: String| lines.iter().position(|it| *it == line);
    let boot = place(format!("Postgres {major}: first boot …"));
    let next = place(format!("starting Postgres {release} …"));
    assert!(boot.is_some() && boot < next, "{}", told.all());
}

#[test]
fn an_interruption_ends_all_of_them() {
    let project = Project::new(&[("migrations/000001_endless.up.sql", "SELECT pg_sleep(900);\n")]);
    let (temporary, release) = (Temporary::new(), usual());
    let major = major(&release);
    let mut command = verify(project.path());
    // These are the same, and would share a server.
    command.args(["--cold", "--postgres", &format!("{major},{release}")]);
    command.env("TMPDIR", temporary.path()).stdout(Stdio::null()).stderr(Stdio::piped());
    let mut child = command.spawn().expect("the binary was built");
    let mut said = BufReader::new(child.stderr.take().expect("it is piped")).lines();
    // Where there is one core only, they would take turns.
    let at_a_time = std::thread::available_parallelism().map_or(1, usize::from).min(2);
    let boots = said.by_ref().map_while(Result::ok).filter(|line| line.ends_with("first boot …"));
    assert_eq!(boots.take(at_a_time).count(), at_a_time);
    assert_eq!(temporary.servers().len(), at_a_time);
    let id = child.id().to_string();
    assert!(Command::new("kill").args(["-s", "INT", &id]).status().is_ok_and(|it| it.success()));
    assert_eq!(child.wait().expect("it ends").code(), Some(130));
    assert_eq!(temporary.servers(), <Vec<PathBuf>>::new());
}

/// The majors on which the schemas of one chain are compared, the newest last.
#[cfg(feature = "majors")]
const MAJORS: [&str; 6] = ["14", "15", "16", "17", "18", "19"];

/// Expressions, a NOT NULL with a name, defaults of partitions, an extension: what versions spell
/// or keep in their own ways, and what only one of them makes.
#[cfg(feature = "majors")]
#[test]
fn drift_is_what_the_chain_does_and_not_how_a_version_tells_it() {
    let spelling = include_str!("../catalog/spelling.sql");
    let own_ways = "CREATE TABLE public.parts (a int CONSTRAINT given NOT NULL, b text DEFAULT 'x')
         PARTITION BY LIST (a);
         CREATE TABLE public.parts_1 PARTITION OF public.parts FOR VALUES IN (1);\n";
    let same = format!("{spelling}{own_ways}");
    let project = Project::new(&[("migrations/1_all.sql", &same), ("rehearsal.toml", LEDGER)]);
    let told = rehearse(&project.path().display().to_string(), &MAJORS, &[]);
    let without = "compared without the names of NOT NULL constraints, which Postgres keeps from \
                   18 on, the versions of extensions, which come with each Postgres";
    let row = ["passed"; MAJORS.len()].join("   ");
    check_report(&told, 0, &[&format!("  version_drift  {row}"), without]);

    let differs = "DO $$ BEGIN
             IF current_setting('server_version_num')::int >= 160000 THEN
                 CREATE INDEX parts_b ON public.parts_1 (b);
             END IF;
         END $$;
         DO $$ BEGIN
             EXECUTE format('CREATE INDEX %I ON public.parts (b, a)',
                 CASE WHEN current_setting('server_version_num')::int >= 160000
                     THEN 'b_new' ELSE 'b_old' END);
         END $$;\n";
    project.write("migrations/2_more.sql", differs);
    let told = rehearse(&project.path().display().to_string(), &MAJORS, &[]);
    check_report(
        &told,
        0,
        &[
            "warning[version_drift]: public.parts_1 is not the same as on Postgres 19",
            "--> migrations/2_more.sql:1:1",
            "index public.parts_1.parts_b (CREATE INDEX parts_b ON public.parts_1 USING btree \
             (b)) is gone",
            "on Postgres 14.",
            "index public.parts.b_new is called public.parts.b_old here",
            "with warnings: 3 checks hold, version_drift on 14",
        ],
    );
    let findings = told.stdout.matches("warning[version_drift]").count();
    assert_eq!(findings, 2, "versions that share it share the finding:\n{}", told.all());
}

#[cfg(feature = "majors")]
const LEDGER: &str = "[migrations]\nboot = \"ledger\"\n";
