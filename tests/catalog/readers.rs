//! Who may read a schema: anybody, as far as Postgres lets them, and what they can't see is said.

use std::fs;
use std::str::FromStr as _;
use std::time::{Duration, Instant};

use rehearsal::{Catalog, Rehearsal};
use sqlx::postgres::PgConnectOptions;
use sqlx::{ConnectOptions as _, Executor as _};

/// Something of every kind that somebody without rights doesn't see all of, and of many others.
const SCHEMA: &str = "
    CREATE ROLE nobody LOGIN PASSWORD 'no';
    CREATE SCHEMA hidden;
    CREATE TABLE hidden.secrets (id int PRIMARY KEY, a text DEFAULT 'x' CHECK (a <> ''));
    CREATE VIEW hidden.seen AS SELECT a FROM hidden.secrets;
    CREATE FUNCTION hidden.work(a int DEFAULT 1) RETURNS int LANGUAGE sql AS 'SELECT 1';
    REVOKE ALL ON FUNCTION hidden.work FROM public;
    CREATE OPERATOR hidden.<+> (FUNCTION = int4pl, LEFTARG = int, RIGHTARG = int);
    CREATE TEXT SEARCH CONFIGURATION hidden.search (COPY = pg_catalog.simple);
    CREATE FOREIGN DATA WRAPPER wrapper;
    CREATE SERVER server FOREIGN DATA WRAPPER wrapper OPTIONS (host 'there');
    CREATE USER MAPPING FOR CURRENT_USER SERVER server OPTIONS (password 'secret');
    CREATE SUBSCRIPTION mirror CONNECTION 'host=there password=secret' PUBLICATION other
        WITH (connect = false, slot_name = NONE);
    SELECT lo_create(0);
    REVOKE EXECUTE ON FUNCTION pg_sleep(double precision) FROM public;
";

#[tokio::test]
async fn what_somebody_without_rights_cannot_see_is_said_and_makes_no_difference() {
    let project = tempfile::tempdir().unwrap();
    fs::create_dir(project.path().join("migrations")).unwrap();
    let settings = "[postgres]\nrole = \"superuser\"\n";
    fs::write(project.path().join("rehearsal.toml"), settings).unwrap();
    fs::write(project.path().join("migrations/0001_schema.sql"), SCHEMA).unwrap();
    let database = Rehearsal::of(project.path()).database().await.unwrap();
    let options = PgConnectOptions::from_str(&database.url()).unwrap();
    let nobody = options.clone().username("nobody").password("no").to_url_lossy().to_string();

    let all = Catalog::read(&database).await.unwrap();
    let seen = Catalog::read(&nobody).await.unwrap();

    assert_eq!(all.unseen().collect::<Vec<_>>(), Vec::<&str>::new());
    assert_eq!(
        seen.unseen().collect::<Vec<_>>(),
        ["connection of subscriptions", "options of user mappings"]
    );
    assert_eq!(all.differences(&seen), Vec::<String>::new());
    let (all, seen) = (all.to_string(), seen.to_string());
    assert!(all.contains("connection: host=there password=(digest "), "{all}");
    assert!(all.contains("options: password (digest "), "{all}");
    for text in [&all, &seen] {
        assert!(text.contains("subscription mirror\n") && text.contains("on server\n"), "{text}");
        assert!(!text.contains("secret\n") && !text.contains("=secret"), "{text}");
    }

    // What may be seen is compared, whoever reads it.
    let mut session = options.connect().await.unwrap();
    session.execute("ALTER SERVER server OPTIONS (SET host 'here')").await.unwrap();
    let changed = Catalog::read(&nobody).await.unwrap();
    let before = Catalog::read(&database).await.unwrap();
    assert_eq!(before.differences(&changed), Vec::<String>::new());
    session.execute("ALTER SERVER server OPTIONS (SET host 'far')").await.unwrap();
    assert_eq!(
        changed.differences(&Catalog::read(&database).await.unwrap()),
        ["foreign server server: options `host 'here'` became `host 'far'`"]
    );
}

/// Postgres spells a definition as it is now, whatever the reader's snapshot says.
#[tokio::test]
async fn what_is_dropped_meanwhile_is_not_there() {
    let project = tempfile::tempdir().unwrap();
    fs::create_dir(project.path().join("migrations")).unwrap();
    let schema = "CREATE TABLE t (a int); CREATE TABLE kept (a int);
                  CREATE VIEW v AS SELECT a FROM t;";
    fs::write(project.path().join("migrations/0001_schema.sql"), schema).unwrap();
    let database = Rehearsal::of(project.path()).database().await.unwrap();
    let options = PgConnectOptions::from_str(&database.url()).unwrap();
    let mut session = options.connect().await.unwrap();

    session.execute("BEGIN").await.unwrap();
    session.execute("DROP TABLE t CASCADE").await.unwrap();
    let dropped = async {
        let waiting = "SELECT count(*) FROM pg_locks WHERE NOT granted AND database =
                       (SELECT oid FROM pg_database WHERE datname = current_database())";
        let deadline = Instant::now() + Duration::from_secs(30);
        while sqlx::query_scalar::<_, i64>(waiting).fetch_one(&mut session).await.unwrap() == 0 {
            assert!(Instant::now() < deadline, "nobody waits for what is dropped");
        }
        session.execute("COMMIT").await.unwrap();
    };
    let (catalog, ()) = tokio::join!(Catalog::read(&database), dropped);

    let text = catalog.unwrap().to_string();
    assert!(text.contains("table public.kept") && !text.contains("public.t\n"), "{text}");
    assert!(!text.contains("view public.v"), "{text}");
}
