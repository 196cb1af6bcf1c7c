//! dbmate, the program.

use super::{FOLDER, ODD, Run, Tool, compare_all};

#[tokio::test]
async fn dbmate() {
    const DBMATE: Tool = Tool {
        format: "dbmate",
        folder: "migrations",
        run: Run::Program {
            variable: "REHEARSAL_DBMATE",
            name: "dbmate",
            arguments: &["--no-dump-schema", "--migrations-dir", FOLDER, "migrate"],
        },
        ledger: "public.schema_migrations",
        ledger_rows: "SELECT string_agg(version, ', ' ORDER BY version) \
                      FROM public.schema_migrations",
    };
    let up = |sql: &str| format!("-- migrate:up\n{sql}\n-- migrate:down\nit's not played\n");
    let bare = |sql: &str| up(sql).replacen("up\n", "up  transaction:false\r\n", 1);
    let odd = ODD.iter().map(|(succeeds, is_bare, sql)| {
        (*succeeds, vec![("1_a.sql", if *is_bare { bare(sql) } else { up(sql) })])
    });
    let (a, b) = (up("CREATE TABLE a (id int);"), up("CREATE TABLE public.b (id int);"));
    let mut cases = odd.collect::<Vec<_>>();
    cases.extend([
        // Where there is no current schema, the ledger is looked for in `public`.
        (true, vec![("1_a.sql", up("SELECT set_config('search_path', '', false);"))]),
        (false, vec![("1_a.sql", up("CREATE TABLE c (id int); COMMIT;"))]),
        (false, vec![("1_a.sql", up("BEGIN; CREATE TABLE c (id int); COMMIT;"))]),
        (false, vec![("1_a.sql", bare("BEGIN; CREATE TABLE c (id int);"))]),
        (false, vec![("1_a.sql", a.clone() + &bare("CREATE TABLE c (id int);"))]),
        (true, vec![("1_a.sql", up(""))]),
        (true, vec![("10_a.sql", a.clone()), ("9_b.sql", b.clone())]),
        (false, vec![("1_a.sql", a.clone()), ("1_b.sql", b.clone())]),
        // What it refuses to read.
        (false, vec![("1_a.sql", "SELECT 1;".to_owned())]),
        (false, vec![("1_a.sql", "-- migrate:up\nSELECT 1;\n -- migrate:down".to_owned())]),
        (false, vec![("1_a.sql", "/* c */\n".to_owned() + &a)]),
        (false, vec![("1_a.sql", "\u{feff}".to_owned() + &a)]),
        (false, vec![("1_a.sql", a.clone() + "\n--migrate:down")]),
        (false, vec![("1_a.sql", a.replacen("up", "up:x", 1))]),
        (true, vec![("1_a.sql", "-- c\n-- migrate:down\n\n".to_owned() + &a)]),
        (true, vec![("1_a.sql", a.replacen("-- ", "--\t", 1).replacen("up", "up\tno:way", 1))]),
    ]);
    for (_, files) in &mut cases {
        files.push(("2_b.sql", b.replace("public.b", "public.last")));
    }
    compare_all(DBMATE, "dbmate-transaction", &cases).await;
}
