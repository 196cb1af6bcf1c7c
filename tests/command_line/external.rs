//! On somebody else's server, rehearsal is a guest: it leaves the house as it was.

use std::fs;
use std::io::{BufRead as _, BufReader};
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, chown};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use rehearsal::{Database, Rehearsal};
use rstest::rstest;
use sqlx::{AssertSqlSafe, Connection as _, PgConnection, Row as _};

use crate::support::{Project, Told, check, check_report, run, verify};

/// How long something may take that nobody announces.
const PATIENCE: Duration = Duration::from_secs(20);

/// Databases with something in them.
const FURNISHED: [&str; 3] = ["app", "rehearsal_backup", "template1"];

/// A server that knows nothing of rehearsals: it holds databases, roles and settings.
struct Host {
    runtime: tokio::runtime::Runtime,
    /// One of its own, with which it ends. It has a name as guests would give it, and lives.
    database: Database,
}

impl Host {
    fn new() -> Self {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        let runtime = runtime.expect("a runtime");
        let project = Project::new(&[
            ("rehearsal.toml", "[postgres]\nrole = \"superuser\"\n"),
            ("migrations/000001_nothing.up.sql", "SELECT 1;\n"),
        ]);
        let start = Rehearsal::of(project.path()).server("native").database();
        let database = runtime.block_on(start).expect("a server");
        Self { runtime, database }
    }

    /// One with all that could be touched, and names that are nearly ours.
    fn furnished() -> Self {
        let host = Self::new();
        let folder = host.folder().join("elsewhere");
        fs::create_dir(&folder).expect("a folder");
        host.give(&folder, 0o700);
        let tablespace = format!("CREATE TABLESPACE elsewhere LOCATION '{}'", folder.display());
        for statement in [
            "CREATE ROLE app LOGIN PASSWORD 'a' CONNECTION LIMIT 7",
            "CREATE ROLE web IN ROLE app",
            "CREATE ROLE rehearsal_00000000_1700000000_owner_of_mine",
            "CREATE DATABASE app OWNER app",
            "CREATE DATABASE rehearsal_backup",
            "CREATE DATABASE rehearsal_00000000_1_1_old",
            "CREATE DATABASE my_rehearsal_00000000_1700000000_1",
            "ALTER ROLE app SET work_mem = '5MB'",
            "ALTER DATABASE app SET search_path = app, public",
            "ALTER ROLE web IN DATABASE app SET timezone = 'Asia/Tokyo'",
            "ALTER SYSTEM SET deadlock_timeout = '2s'",
            "COMMENT ON DATABASE app IS 'all that we have'",
            "GRANT CREATE ON DATABASE rehearsal_backup TO web",
            &tablespace,
        ] {
            host.execute(statement);
        }
        for database in FURNISHED {
            host.execute_in(database, "CREATE TABLE precious AS SELECT generate_series(1, 9) AS n");
        }
        host
    }

    /// The URL of a superuser.
    fn url(&self) -> String {
        self.url_in("postgres")
    }

    fn url_in(&self, database: &str) -> String {
        let url = self.database.url();
        let (server, _) = url.rsplit_once('/').expect("a URL has a path");
        format!("{server}/{database}")
    }

    /// The URL of another user.
    fn url_of(&self, user: &str, password: &str) -> String {
        let url = self.url();
        let (_, server) = url.split_once('@').expect("a URL has a user");
        format!("postgres://{user}:{password}@{server}")
    }

    fn execute(&self, statement: &str) {
        self.execute_in("postgres", statement);
    }

    fn execute_in(&self, database: &str, statement: &str) {
        self.texts(database, statement);
    }

    /// The first column of what a query gives.
    fn texts(&self, database: &str, query: &str) -> Vec<String> {
        let url = self.url_in(database);
        self.runtime.block_on(async {
            let mut connection = PgConnection::connect(&url).await.expect("it runs");
            let query = sqlx::raw_sql(AssertSqlSafe(query));
            let rows = query.fetch_all(&mut connection).await.expect("the SQL is right");
            connection.close().await.expect("it listens");
            rows.iter().map(|row| row.get_unchecked(0)).collect()
        })
    }

    fn major(&self) -> u32 {
        let number = self.texts("postgres", "SELECT current_setting('server_version_num')");
        number[0].parse::<u32>().expect("a number") / 10000
    }

    /// Where its files are.
    fn folder(&self) -> PathBuf {
        let data = self.texts("postgres", "SHOW data_directory").remove(0);
        Path::new(&data).parent().expect("it is in a folder").to_owned()
    }

    /// Gives it a file or a folder.
    fn give(&self, path: &Path, mode: u32) {
        let owner = fs::metadata(self.folder().join("data")).expect("it has data").uid();
        fs::set_permissions(path, fs::Permissions::from_mode(mode)).expect("permissions");
        chown(path, Some(owner), None).expect("the tests may give it files");
    }

    /// All that it holds, down to the transactions that wrote it.
    fn contents(&self) -> Vec<String> {
        let granted = match self.major() {
            14 => "",
            _ => "UNION ALL SELECT p::text FROM pg_parameter_acl p",
        };
        let everywhere = format!(
            "SELECT 'role ' || r.xmin || r::text AS it FROM pg_authid r
             UNION ALL SELECT 'member ' || m.xmin || m::text FROM pg_auth_members m
             UNION ALL SELECT 'database ' || d.xmin || d.oid || (to_jsonb(d) - 'datfrozenxid' -
               'datminmxid')::text FROM pg_database d
             UNION ALL SELECT 'setting ' || s.xmin || s::text FROM pg_db_role_setting s
             UNION ALL SELECT 'space ' || t.xmin || t::text FROM pg_tablespace t
             UNION ALL SELECT 'comment ' || c.xmin || c::text FROM pg_shdescription c
             UNION ALL SELECT 'dependency ' || d.xmin || d::text FROM pg_shdepend d
             UNION ALL SELECT 'now ' || name || setting FROM pg_settings
               WHERE name <> 'transaction_read_only'
             UNION ALL SELECT 'file ' || (to_jsonb(f) - 'seqno')::text FROM pg_file_settings f
             {granted}"
        );
        let mut contents = self.texts("postgres", &format!("{everywhere} ORDER BY 1"));
        let databases = "SELECT datname FROM pg_database WHERE datallowconn ORDER BY 1";
        for database in self.texts("postgres", databases) {
            let inside = format!(
                "SELECT '{database} ' || c.xmin || c.oid::regclass || c.relfilenode ||
                   coalesce(c.relacl::text, '') FROM pg_class c
                 UNION ALL SELECT 'schema ' || n.xmin || n::text FROM pg_namespace n
                 UNION ALL SELECT 'function ' || p.xmin || p.oid FROM pg_proc p
                 ORDER BY 1"
            );
            contents.extend(self.texts(&database, &inside));
            if FURNISHED.contains(&database.as_str()) {
                let rows = "SELECT current_database() || ctid || xmin || p FROM precious p";
                contents.extend(self.texts(&database, rows));
            }
        }
        assert!(contents.len() > 1000, "{}", contents.len());
        contents
    }

    /// The databases and roles of rehearsals.
    fn guests(&self) -> Vec<String> {
        let own = self.database.url();
        let (_, own) = own.rsplit_once('/').expect("a URL has a path");
        let names = format!(
            "SELECT name FROM (SELECT datname::text FROM pg_database
                               UNION SELECT rolname FROM pg_roles) AS names (name)
              WHERE name ~ '^rehearsal_[0-9a-f]{{8}}_[0-9]{{10}}_([0-9]+|owner)$'
                AND name <> '{own}'
              ORDER BY name"
        );
        self.texts("postgres", &names)
    }

    fn has(&self, condition: &str) -> bool {
        self.texts("postgres", &format!("SELECT ({condition})::text"))[0] == "true"
    }

    fn wait_for(&self, condition: &str) {
        let deadline = Instant::now() + PATIENCE;
        while !self.has(condition) {
            assert!(Instant::now() < deadline, "it never came to: {condition}");
            std::thread::park_timeout(Duration::from_millis(5));
        }
    }

    /// The rehearsal of a project, there.
    fn verify(&self, project: impl AsRef<Path>) -> Told {
        verify_at(&self.url(), project)
    }

    /// Starts a rehearsal that would take a quarter of an hour, and returns in the middle of it.
    fn start_endless(&self) -> Child {
        let project = Project::new(&[(
            "migrations/000001_endless.up.sql",
            "CREATE TABLE t (id int);\nSELECT pg_sleep(900);\n",
        )]);
        let mut command = verify(project.path());
        command.args(["--server", &self.url()]).stdout(Stdio::null()).stderr(Stdio::piped());
        let mut child = command.spawn().expect("the binary was built");
        let said = BufReader::new(child.stderr.take().expect("it is piped"));
        let begun = said.lines().map_while(Result::ok).any(|line| line.starts_with("first boot"));
        assert!(begun, "it never began");
        self.wait_for(
            "EXISTS (SELECT FROM pg_stat_activity WHERE wait_event = 'PgSleep' \
             AND datname LIKE 'rehearsal_%')",
        );
        child
    }
}

fn verify_at(url: &str, project: impl AsRef<Path>) -> Told {
    run(verify(project).args(["--server", url]))
}

fn interrupt(mut child: Child) {
    let id = child.id().to_string();
    assert!(Command::new("kill").args(["-s", "INT", &id]).status().is_ok_and(|it| it.success()));
    assert_eq!(child.wait().expect("it ends").code(), Some(130));
}

const NOTHING: [String; 0] = [];

#[test]
fn a_guest_leaves_the_house_as_it_was() {
    let host = Host::furnished();
    let before = host.contents();
    let told = host.verify("fixtures/ledger");
    check_report(&told, 0, &["(external)", "the rehearsal went well"]);
    assert_eq!(host.contents(), before, "after a rehearsal that went well");
    let told = run(verify("fixtures/ledger-broken").env("REHEARSAL_SERVER", host.url()));
    check_report(&told, 1, &["(external)", "error[apply]"]);
    assert_eq!(host.contents(), before, "after one that failed");
    interrupt(host.start_endless());
    assert_eq!(host.contents(), before, "after one that was interrupted");
    let mut child = host.start_endless();
    child.kill().expect("it runs");
    child.wait().expect("it ends");
    assert_eq!(host.guests().len(), 2, "a database and its owner are left");
    let told = host.verify("fixtures/ledger");
    check_report(&told, 0, &["the rehearsal went well"]);
    assert_eq!(host.contents(), before, "after one that was killed, and the next");
}

#[test]
fn a_database_for_a_test_is_gone_with_the_last_who_has_it() {
    let host = Host::new();
    let database = Rehearsal::of("fixtures/demo").server(host.url()).database();
    let database = host.runtime.block_on(database).expect("the chain applies");
    let count = "INSERT INTO members (name, email) VALUES ('Ada', 'ada@example.org')";
    host.runtime.block_on(database.execute(count)).expect("the database is there");
    assert_eq!(host.guests().len(), 2);
    // Within a runtime, as a test does it.
    host.runtime.block_on(async { drop(database) });
    assert_eq!(host.guests(), NOTHING);
}

#[test]
fn a_panic_leaves_nothing() {
    let host = Host::new();
    let migrate = async |database: Database| -> rehearsal::Result<()> {
        database.execute("CREATE TABLE t (id int)").await?;
        panic!("in the middle of a rehearsal");
    };
    let report = host.runtime.block_on(Rehearsal::of(migrate).server(host.url()).play());
    let report = report.expect("what panics is a finding").to_string();
    assert!(report.contains("the closure panics"), "{report}");
    assert_eq!(host.guests(), NOTHING);
}

#[test]
fn a_sweep_takes_nothing_from_a_run_that_lives() {
    let host = Host::new();
    host.execute("CREATE DATABASE other");
    let child = host.start_endless();
    let alive = host.guests();
    assert_eq!(alive.len(), 2);
    // Two at once, by way of another database than the first one's.
    let url = host.url_in("other");
    let start = || {
        let mut command = verify("fixtures/ledger");
        command.args(["--server", &url]).stdout(Stdio::piped()).stderr(Stdio::piped());
        command.spawn().expect("the binary was built")
    };
    for child in [start(), start()] {
        let output = child.wait_with_output().expect("it ends");
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(0), "{said}");
    }
    assert_eq!(host.guests(), alive);
    let playing = "EXISTS (SELECT FROM pg_stat_activity WHERE wait_event = 'PgSleep')";
    assert!(host.has(playing), "it goes on");
    interrupt(child);
    assert_eq!(host.guests(), NOTHING);
}

/// What a chain may do there, by what the user of the URL may.
#[rstest]
#[case::superuser("SUPERUSER", true)]
#[case::may_create_roles("CREATEDB CREATEROLE", true)]
#[case::may_create_databases("CREATEDB", false)]
fn a_chain_runs_as_a_role_that_could_do_no_more(#[case] rights: &str, #[case] has_role: bool) {
    let host = Host::new();
    host.execute(&format!("CREATE ROLE guest LOGIN PASSWORD 'p@ss/w%rd' {rights}"));
    if has_role {
        // What the user has set for other work must not end ours.
        host.execute("ALTER ROLE guest SET statement_timeout = 1");
    }
    let url = host.url_of("guest", "p%40ss%2Fw%25rd");
    let assertion = format!(
        "DO $$ DECLARE role pg_roles; BEGIN
           SELECT * FROM pg_roles WHERE rolname = session_user INTO role;
           ASSERT NOT role.rolsuper AND NOT role.rolcreaterole AND NOT role.rolbypassrls;
           ASSERT role.rolcreatedb <> {has_role};
           ASSERT (role.rolname LIKE 'rehearsal\\_%\\_owner') = {has_role};
           ASSERT pg_get_userbyid((SELECT datdba FROM pg_database
                                    WHERE datname = current_database())) = role.rolname;
         END $$;"
    );
    let settings = "DO $$ DECLARE name text := quote_ident(current_database()); BEGIN
          EXECUTE 'ALTER DATABASE ' || name || ' SET search_path = \"$user\", public';
          EXECUTE 'ALTER DATABASE ' || name || ' SET datestyle = ''SQL, DMY''';
          EXECUTE 'ALTER DATABASE ' || name || ' SET temp_tablespaces = ''''';
          EXECUTE 'REVOKE TEMPORARY ON DATABASE ' || name || ' FROM PUBLIC';
          EXECUTE 'COMMENT ON DATABASE ' || name || ' IS ''it''''s''';
        END $$;";
    let project = Project::new(&[
        ("migrations/000001_who.up.sql", &assertion),
        ("migrations/000002_settings.up.sql", settings),
        ("migrations/000003_rows.up.sql", "CREATE TABLE t AS SELECT generate_series(1, 9) AS n;"),
    ]);
    let told = verify_at(&url, project.path());
    check_report(&told, 0, &["(external)", "apply          passed", "rerun          passed"]);
    assert_eq!(host.guests(), NOTHING, "{}", told.all());
}

#[test]
fn a_user_who_may_not_create_databases_is_told_what_to_do() {
    let host = Host::new();
    host.execute("CREATE ROLE \"Guest\" LOGIN PASSWORD 'secret'");
    let told = verify_at(&host.url_of("Guest", "secret"), "fixtures/ledger");
    let help = "help: let a superuser run: ALTER ROLE \"Guest\" CREATEDB";
    check(&told, 2, &["error: the user `Guest` may not create databases", help]);
    host.execute("ALTER ROLE \"Guest\" CREATEDB");
    assert_eq!(verify_at(&host.url_of("Guest", "secret"), "fixtures/ledger").status, 0);
}

/// Before 16, a user has the rights of another role by an attribute of its own.
#[test]
fn a_user_who_does_not_inherit_is_told_what_to_do() {
    let host = Host::new();
    host.execute("CREATE ROLE guest LOGIN PASSWORD 'secret' CREATEDB CREATEROLE NOINHERIT");
    let told = verify_at(&host.url_of("guest", "secret"), "fixtures/ledger");
    if host.major() < 16 {
        check(&told, 2, &["help: let a superuser run: ALTER ROLE guest INHERIT"]);
    } else {
        check_report(&told, 0, &["(external)"]);
    }
    assert_eq!(host.guests(), NOTHING);
}

/// What can't be had of the server, or of its user.
#[test]
fn what_can_not_be_had_is_said_before_anything_is_played() {
    let host = Host::new();
    host.execute("CREATE ROLE guest LOGIN PASSWORD 'secret' CREATEDB");
    let check_settings = |settings: &str, texts: &[&str]| {
        let project = Project::new(&[
            ("rehearsal.toml", &format!("[postgres]\n{settings}\n")),
            ("migrations/000001_nothing.up.sql", "SELECT 1;\n"),
        ]);
        check(&verify_at(&host.url_of("guest", "secret"), project.path()), 2, texts);
    };
    check_settings(
        "role = \"superuser\"",
        &["the chain is to run as superuser, and the user `guest` is none", "help: name a super"],
    );
    check_settings(
        "database = \"app\"",
        &["wants a database named `app`", "only databases named rehearsal_… are made"],
    );
    check_settings(
        "extensions = [\"plpython3u\"]",
        &["the extension `plpython3u` can't be installed", "in rehearsal.toml names it"],
    );
    let other = if host.major() == 15 { "16" } else { "15" };
    let verify = || {
        let mut command = verify("fixtures/ledger");
        command.args(["--server", &host.url()]);
        command
    };
    let told = run(verify().args(["--postgres", other]));
    let asked = format!("asked for Postgres {other}, and the server is Postgres {}", host.major());
    check(&told, 2, &[&asked, "help: name another server"]);
    let told = run(verify().args(["--postgres", "15,16"]));
    check(&told, 2, &["one URL names one server, and several versions are asked for: 15, 16"]);
    assert_eq!(host.guests(), NOTHING);
}

#[test]
fn a_url_that_leads_nowhere_is_told_without_its_password() {
    let host = Host::new();
    let port = host.texts("postgres", "SHOW port").remove(0);
    let check_url = |url: &str, texts: &[&str]| {
        for format in ["human", "json"] {
            let told = run(verify("fixtures/ledger").args(["--server", url, "--format", format]));
            check(&told, 2, texts);
            assert!(!told.all().contains("secret"), "{}", told.all());
        }
    };
    check_url(
        &host.url_of("postgres", "secret"),
        &["28P01: password authentication failed", "help: see that the URL has the right password"],
    );
    check_url(
        "postgres://postgres:secret@127.0.0.1:1/postgres",
        &["failed to connect to the server at 127.0.0.1:1", "Connection refused", "help: see that"],
    );
    check_url(
        "postgres://postgres:secret@127.0.0.1:999999/postgres",
        &["the URL of the server can't be read", "help: write it as postgres://user:password@host"],
    );
    check_url(
        "postgress://postgres:secret@127.0.0.1/postgres",
        &["`postgress://…` is no place to get a server from"],
    );
    host.execute("CREATE ROLE guest LOGIN SUPERUSER PASSWORD 'secret'");
    check_url(
        &format!("postgres://guest:secret@127.0.0.1:{port}/nothing"),
        &["3D000: database \"nothing\" does not exist", "help: name a database in the URL that"],
    );
    // Without a database it is the one that every server has.
    let told = verify_at(&format!("postgres://guest:secret@127.0.0.1:{port}"), "fixtures/ledger");
    check_report(&told, 0, &["(external)"]);
    // A failing rehearsal, told in every way, and its database kept.
    host.execute("ALTER ROLE guest NOSUPERUSER CREATEDB");
    let url = host.url_of("guest", "secret");
    let told = run(verify("fixtures/ledger-broken").args(["--keep", "--server", &url]));
    check_report(&told, 1, &["kept the database of the first boot: psql 'postgresql://guest@"]);
    assert!(!told.all().contains("secret"), "{}", told.all());
}

#[test]
fn a_kept_database_stays_until_it_is_dropped_as_the_report_says() {
    let host = Host::new();
    let mut command = verify("fixtures/ledger-broken");
    let told = run(command.args(["--keep", "--server", &host.url()]));
    check_report(&told, 1, &["kept the database of the first boot: psql 'postgresql://rehearsal_"]);
    let kept = host.guests();
    assert_eq!(kept.len(), 2, "{kept:?}");
    // The next run leaves it alone.
    assert_eq!(host.verify("fixtures/ledger").status, 0);
    assert_eq!(host.guests(), kept);
    let how = told.stdout.lines().find_map(|line| line.strip_prefix("remove it with: "));
    let how = how.unwrap_or_else(|| panic!("no way to remove it: {}", told.all()));
    // As psql does it, which need not be here.
    for statement in how.split(" -c '").skip(1) {
        host.execute(statement.trim_end_matches('\''));
    }
    assert_eq!(host.guests(), NOTHING);
}

#[test]
fn what_belongs_to_the_whole_server_is_played_only_if_it_is_allowed() {
    let host = Host::new();
    host.execute("CREATE ROLE maker LOGIN PASSWORD 'secret' CREATEDB CREATEROLE");
    let project = Project::new(&[
        ("migrations/000001_users.up.sql", "CREATE TABLE users (id int);\n"),
        (
            "migrations/000002_roles.up.sql",
            "-- Who may look.\n\nCREATE ROLE visitor;\nGRANT SELECT ON users TO visitor;\n",
        ),
    ]);
    let reason = "  migrations/000002_roles.up.sql:3 changes what belongs to the whole server \
                  (CREATE ROLE visitor); [postgres] cluster = \"allow\" plays it all the same\n";
    for url in [host.url(), host.url_of("maker", "secret")] {
        let told = verify_at(&url, project.path());
        check_report(
            &told,
            0,
            &[
                "apply and rerun  skipped",
                "leaks          skipped",
                reason,
                "order          passed",
            ],
        );
        let told = run(verify(project.path()).args(["--only", "apply", "--server", &url]));
        check_report(&told, 2, &["nothing was judged"]);
    }
    assert!(!host.has("EXISTS (SELECT FROM pg_roles WHERE rolname = 'visitor')"));
    project.write("rehearsal.toml", "[postgres]\ncluster = \"allow\"\n");
    for url in [host.url(), host.url_of("maker", "secret")] {
        let told = verify_at(&url, project.path());
        check_report(&told, 0, &["apply          passed", "rerun          passed"]);
        // The role stays: that is what was allowed.
        host.execute("DROP ROLE visitor");
        assert_eq!(host.guests(), NOTHING);
    }
}

#[test]
fn what_the_text_does_not_tell_the_role_may_not_do() {
    let host = Host::new();
    host.execute("CREATE DATABASE app");
    let project = Project::new(&[(
        "migrations/000001_hidden.up.sql",
        "DO $$ BEGIN EXECUTE 'CRE' || 'ATE ROLE visitor'; END $$;\n",
    )]);
    let told = host.verify(project.path());
    let texts = ["42501: permission denied to create role", "cluster = \"allow\""];
    check_report(&told, 1, &texts);
    // A closure has no text.
    let migrate = async |database: Database| {
        database.execute("ALTER DATABASE app SET work_mem = '5MB'").await
    };
    let played = host.runtime.block_on(Rehearsal::of(migrate).server(host.url()).play());
    let report = played.expect("it can be played").to_string();
    assert!(report.contains("42501: must be owner of database app"), "{report}");
    assert_eq!(host.guests(), NOTHING);
    // By its name, a database is somebody else's.
    let project = Project::new(&[(
        "migrations/000001_settings.up.sql",
        "ALTER DATABASE app SET work_mem = '5MB';\n",
    )]);
    check_report(
        &host.verify(project.path()),
        0,
        &["apply and rerun  skipped", "(ALTER DATABASE app SET"],
    );
}

#[test]
fn rows_that_are_hidden_from_their_owner_need_a_superuser() {
    let host = Host::new();
    host.execute("CREATE ROLE guest LOGIN PASSWORD 'secret' CREATEDB");
    let project = Project::new(&[(
        "migrations/000001_hidden.up.sql",
        "CREATE TABLE hidden AS SELECT 1 AS n;\n
         ALTER TABLE hidden ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;\n",
    )]);
    let told = verify_at(&host.url_of("guest", "secret"), project.path());
    check(&told, 2, &["failed to read rows", "\"hidden\"", "help: what the chain denies even to"]);
    check_report(
        &host.verify(project.path()),
        0,
        &["apply          passed", "rerun          passed"],
    );
    assert_eq!(host.guests(), NOTHING);
}

/// Makes a certificate for `localhost` that is its own authority.
fn certify(host: &Host) -> PathBuf {
    let data = host.folder().join("data");
    let (key, certificate) = (data.join("server.key"), data.join("server.crt"));
    let made = Command::new("openssl")
        .args(["req", "-x509", "-nodes", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"])
        .args(["-days", "2", "-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost"])
        .args(["-addext", "basicConstraints=critical,CA:FALSE", "-keyout"])
        .arg(&key)
        .arg("-out")
        .arg(&certificate)
        .output()
        .expect("openssl is there");
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    host.give(&key, 0o600);
    host.give(&certificate, 0o644);
    certificate
}

#[test]
fn over_tls() {
    let host = Host::new();
    host.execute("CREATE ROLE guest LOGIN PASSWORD 'secret' CREATEDB CREATEROLE");
    let port = host.texts("postgres", "SHOW port").remove(0);
    let url = |name: &str, options: &str| {
        format!("postgres://guest:secret@{name}:{port}/postgres?{options}")
    };
    let told = verify_at(&url("127.0.0.1", "sslmode=require"), "fixtures/ledger");
    check(&told, 2, &["server does not support TLS", "help: sslmode=require asks for TLS"]);
    let certificate = certify(&host).display().to_string();
    let rules = "local all all trust\nhost all postgres 127.0.0.1/32 scram-sha-256\n\
                 hostssl all all 127.0.0.1/32 scram-sha-256\n";
    fs::write(host.folder().join("data/pg_hba.conf"), rules).expect("it is there");
    host.execute("ALTER SYSTEM SET ssl = on");
    host.execute("SELECT pg_reload_conf()");
    host.wait_for("current_setting('ssl') = 'on'");

    let told = verify_at(&url("127.0.0.1", "sslmode=require"), "fixtures/ledger");
    check_report(&told, 0, &["(external)"]);
    let told = verify_at(&url("127.0.0.1", "sslmode=disable"), "fixtures/ledger");
    check(&told, 2, &["no encryption", "help: the server wants TLS: add ?sslmode=require"]);
    let verified = format!("sslmode=verify-full&sslrootcert={certificate}");
    let told = verify_at(&url("localhost", &verified), "fixtures/ledger");
    check_report(&told, 0, &["(external)"]);
    for (name, options) in [("127.0.0.1", &*verified), ("localhost", "sslmode=verify-full")] {
        let told = verify_at(&url(name, options), "fixtures/ledger");
        check(&told, 2, &["certificate", "help: the certificate must be signed by"]);
        assert!(!told.all().contains("secret"), "{}", told.all());
    }
    // Clients that are given the database have it over TLS too.
    let project = Project::new(&[(
        "rehearsal.toml",
        "[migrations]\nrun = \"env | grep -e ^PGSSL -e ^DATABASE_; false\"\n",
    )]);
    let told = verify_at(&url("localhost", &verified), project.path());
    let url_said = format!("?sslmode=verify-full&sslrootcert={}", certificate.replace('/', "%2F"));
    let variables = ["PGSSLMODE=verify-full", &format!("PGSSLROOTCERT={certificate}"), &url_said];
    check_report(&told, 1, &variables);
    assert_eq!(host.guests(), NOTHING);
}
