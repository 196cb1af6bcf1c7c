//! sqitch, the program, with psql beside it.

use std::path::Path;

use futures_util::future::LocalBoxFuture;

use super::{Run, Scratch, Tool, compare_all};

const SQITCH: Tool = Tool {
    format: "sqitch",
    folder: "",
    run: Run::Library(deploy),
    ledger: "sqitch.",
    ledger_rows: "SELECT string_agg(line, E'\\n' ORDER BY line) FROM (\
        SELECT concat_ws(' ', 'change', change_id, script_hash, change, project, note, planned_at, \
                         planner_name, planner_email) AS line FROM sqitch.changes UNION ALL \
        SELECT concat_ws(' ', 'tag', tag_id, tag, project, change_id, note, planned_at, \
                         planner_name, planner_email) FROM sqitch.tags UNION ALL \
        SELECT concat_ws(' ', 'dependency', change_id, type, dependency, dependency_id) \
          FROM sqitch.dependencies UNION ALL \
        SELECT concat_ws(' ', event, change_id, change, project, note, requires, conflicts, tags, \
                         planned_at, planner_name, planner_email) \
          FROM sqitch.events WHERE event = 'deploy' UNION ALL \
        SELECT concat_ws(' ', 'project', project, uri) \
          FROM sqitch.projects JOIN sqitch.changes USING (project) UNION ALL \
        SELECT concat_ws(' ', 'release', version) FROM sqitch.releases) AS lines",
};

/// Deploys until a change fails, and leaves it at that: the way back from there is not played.
fn deploy<'a>(scratch: &'a Scratch, root: &'a Path) -> LocalBoxFuture<'a, bool> {
    Box::pin(async move {
        let program = std::env::var_os("REHEARSAL_SQITCH").unwrap_or_else(|| "sqitch".into());
        let mut command = tokio::process::Command::new(program);
        command.args(["deploy", "--mode", "change"]);
        command.stdin(std::process::Stdio::null()).current_dir(root);
        command.env("SQITCH_TARGET", format!("db:{}", scratch.url()));
        command.env("SQITCH_FULLNAME", "rehearsal").env("SQITCH_EMAIL", "rehearsal@localhost");
        for file in ["SQITCH_USER_CONFIG", "SQITCH_SYSTEM_CONFIG"] {
            command.env(file, "/dev/null");
        }
        let output = command.output().await.unwrap_or_else(|error| {
            panic!("sqitch can't be run: {error}; REHEARSAL_SQITCH names its program")
        });
        output.status.success()
    })
}

type Files = Vec<(&'static str, String)>;

const BY: &str = "2024-02-05T09:12:31Z Ada <ada@a.example>";

/// A project with a plan of these lines, to which time and planner are added, and with scripts.
fn project(plan: &str, scripts: &[(&'static str, &str)]) -> Files {
    let lines = plan.lines().map(|line| match line.split_once(" #") {
        Some((line, note)) => format!("{line} {BY} #{note}\n"),
        None => format!("{line} {BY}\n"),
    });
    let plan = format!("%project=odd\n\n{}", lines.collect::<String>());
    bare(&plan, scripts)
}

/// The same with a plan as it is.
fn bare(plan: &str, scripts: &[(&'static str, &str)]) -> Files {
    let configuration = "[core]\nengine = pg\n[core \"variables\"]\nt = Odd\nV = it's\n";
    let mut files =
        vec![("sqitch.conf", configuration.to_owned()), ("sqitch.plan", plan.to_owned())];
    files.extend(scripts.iter().map(|(path, text)| (*path, (*text).to_owned())));
    files
}

/// What may be odd about a script, and whether a deploy that begins with it succeeds.
const SCRIPTS: &[(bool, &str)] = &[
    (true, "BEGIN; CREATE TABLE a (id int); COMMIT;"),
    (true, "BEGIN; CREATE TABLE a (id int);"),
    (true, "CREATE TABLE a (id int); BEGIN; DROP TABLE a; ROLLBACK; CREATE TABLE c (id int)"),
    (false, "CREATE TABLE a (id int); SELECT 1/0; CREATE TABLE c (id int);"),
    (false, "BEGIN; CREATE TABLE a (id int); SELECT 1/0; COMMIT;"),
    (true, "CREATE TABLE a (id int); CREATE INDEX CONCURRENTLY ON a (id); VACUUM a;"),
    (true, "CREATE TABLE a (id int);\nCOPY a FROM stdin;\n1\n2\n\\.\n"),
    (true, "CREATE SCHEMA app; SET search_path = app; CREATE TABLE a (id int);"),
    (true, "SELECT set_config('search_path', '', false);"),
    (true, "CREATE TEMPORARY TABLE a (id int); CREATE TABLE c AS SELECT now()::date::text AS d;"),
    (
        true,
        "CREATE TABLE a AS SELECT name, setting FROM pg_settings WHERE name IN \
        ('TimeZone', 'DateStyle', 'extra_float_digits', 'client_encoding', 'search_path');",
    ),
    (
        true,
        "CREATE TABLE :\"t\" AS SELECT :'V' AS v, 1::int AS n, ':V' AS w, (ARRAY[1,2])[1:1] AS x;",
    ),
    (true, "CREATE TABLE :t AS SELECT :'registry' AS v; -- :v\n"),
    (false, "SELECT :unknown;"),
    (true, "\\echo 'here'\nCREATE TABLE a (id int);"),
    (true, "-- nothing\n"),
    (true, "\u{feff}CREATE TABLE a (id int);"),
    (false, "SET ROLE pg_monitor; CREATE TABLE public.a (id int);"),
    (true, "SET default_transaction_read_only = on;"),
    (true, "CREATE TABLE a (id int);\r\nINSERT INTO a VALUES (1);\r\n"),
];

const A: (&str, &str) = ("deploy/a.sql", "CREATE TABLE a (id int);");
const B: (&str, &str) = ("deploy/b.sql", "CREATE TABLE b (id int);");
const AGAIN: (&str, &str) = ("deploy/a@v1.sql", "SELECT 1;");
const LAST: (&str, &str) = ("deploy/last.sql", "CREATE TABLE last (id int);");

fn deployed() -> Vec<Files> {
    let again = ("deploy/a@v2.sql", "SELECT 2;");
    let pragmas = "%syntax-version=1.0.0\r\n# c\r\n% project = odd # d\r\n\
        %uri=HTTPS://U@Host.Example:443\r\n\r\n\r\na\t";
    let address = "%project=odd\n%uri=http://A.example:80\n\n# c\n\t a  ";
    vec![
        project("a # It's \\n \"a\\\\b\".\n@v1 # one\n@v2\nb [a !x:y] # é", &[A, B]),
        project("a\n@v1\nb [@v1 a@v1]\na [a@v1 b]\n@v2\n@v3\n", &[A, AGAIN, B]),
        project("a\n@v1\n@v2\na", &[A, again]),
        project("a\n@v1\nb\n@v2\na\nlast [a]", &[A, AGAIN, B, LAST]),
        project("a\n@v1\na\n@v2\na [a@v2]", &[A, AGAIN, again]),
        project("x/y/a-1\n+ b [odd:x/y/a-1]", &[("deploy/x/y/a-1.sql", "SELECT 1;"), B]),
        project("  b", &[B]),
        project("b [!a]\na", &[A, B]),
        bare(&format!("{pragmas}{BY}"), &[A]),
        bare(&format!("{address}{BY}   # d \nb [a]{BY}\n"), &[A, B]),
    ]
}

/// One script after the other, and elsewhere.
fn configured() -> Vec<(bool, Files)> {
    let says = |plan: &str, scripts: &[(&'static str, &str)], configuration: &str| {
        let mut files = project(plan, scripts);
        files[0].1 += configuration;
        files
    };
    let (holds, fails) = ("SELECT id FROM a;", "SELECT no FROM a;");
    let (back, old) = (("revert/a.sql", "SELECT 1;"), ("old/deploy/a@v1.sql", "SELECT 1;"));
    let below = [("db/deploy/a.sql", A.1), ("db/deploy/b.sql", B.1)];
    let other = [("x/a.ddl", A.1), ("x/b.ddl", B.1)];
    let verify = "[deploy]\nverify = on";
    let reworked = [A, AGAIN, ("verify/a@v1.sql", holds)];
    vec![
        (true, says("a\nb", &[A, B, ("verify/a.sql", holds)], "[deploy]\nverify")),
        (false, says("a\nb", &[A, B, ("verify/a.sql", fails), back], "[deploy]\nverify = true")),
        (true, says("a\nb", &[A, B, ("verify/a.sql", fails)], "[deploy]\nverify = false")),
        (false, says("a\n@v1\na", &reworked, verify)),
        (true, says("a\nb", &below, "[core]\ntop_dir = db\nplan_file = sqitch.plan")),
        (true, says("a\nb", &other, "[engine \"pg\"]\ndeploy_dir = x\nextension = ddl")),
        (true, says("a\n@v1\na", &[A, old], "[core]\nreworked_dir = old")),
    ]
}

fn refused() -> Vec<Files> {
    let mut cases = vec![
        project("a\na", &[A]),
        project("a\nb [c]\nc", &[A, B]),
        project("a\nb [!a]", &[A, B]),
        project("a\nb", &[A]),
        project("a\nb", &[A, ("deploy/b.sql", A.1)]),
        project("a\n@v1\na", &[A]),
        project("a\n@v1\na\n@v2\nb [a@v1]", &[A, AGAIN, B]),
    ];
    let plans = [
        "a [c]",
        "a [a]",
        "a [other:b]",
        "a [!b]",
        "a\n@v1\n@v1",
        "@v1\na",
        "a\n@v1 [a]",
        "a\n@v/1",
        "a [b b]",
        "a [b:]",
        "HEAD",
        "-a-",
        "a~1",
        "a[b]",
        "0123456789012345678901234567890123456789",
    ];
    cases.extend(plans.map(|plan| project(plan, &[A])));
    let plans = [
        "%project=odd\n\na\n",
        "%project=odd\n\na Ann <a@b>\n",
        "%project=odd\n\na 2024-02-05T09:12:31Z\n",
        "%project=odd\n\na 2024-02-30T09:12:31Z Ann <a@b>\n",
        "%project=odd\n\na Ann <a@b> 2024-02-05T09:12:31Z\n",
    ];
    cases.extend(plans.map(|plan| bare(plan, &[A])));
    let heads = ["%project=odd\n", "%project=o d\n\n", "%uri=x\n\n", "%project=odd\n\n#\n"];
    cases.extend(heads.map(|head| bare(&format!("{head}a {BY}\n"), &[A])));
    cases
}

#[tokio::test]
async fn sqitch() {
    let odd = SCRIPTS.iter().map(|(succeeds, script)| {
        (*succeeds, project("a\nlast", &[("deploy/a.sql", script), LAST]))
    });
    let mut cases = odd.collect::<Vec<_>>();
    cases.extend(deployed().into_iter().map(|files| (true, files)));
    cases.extend(configured());
    cases.extend(refused().into_iter().map(|files| (false, files)));
    compare_all(SQITCH, "sqitch-commit", &cases).await;
}
