//! `pg_dump`, run by the server itself: whatever runs the server, in a container or on this
//! machine, has the program beside it, of the same version.

use super::talk::{connect, run, value};
use super::{Scratch, Server};
use crate::sql::literal;
use crate::{Error, Result};

/// How a dump ends that came to its end.
const END: &str = "PostgreSQL database dump complete";

impl Server {
    /// What `pg_dump` writes of a database, with these arguments.
    pub(crate) async fn dump(&self, scratch: &Scratch, arguments: &[String]) -> Result<String> {
        if self.is_guest() {
            return Err(Error::new(
                "pg_dump has to run beside the server, and this one is only lent",
            )
            .help("squash on a server of ours: --server auto"));
        }
        let mut session = connect(&self.admin).await?;
        let folder = "SELECT setting FROM pg_catalog.pg_config WHERE name = 'BINDIR'";
        let program = format!("{}/pg_dump", value(&mut session, folder).await?);
        let port = value(&mut session, "SHOW port").await?;
        let login = [
            "--host=127.0.0.1".to_owned(),
            format!("--port={port}"),
            format!("--username={}", self.admin.get_username()),
            format!("--dbname={}", scratch.name),
            "--no-password".to_owned(),
        ];
        let words = [program.clone()].into_iter().chain(login).chain(arguments.iter().cloned());
        let words = words.map(|word| format!("'{}'", word.replace('\'', r"'\''")));
        // Lines of text would be read as COPY's own format.
        let line = format!(
            "PGPASSWORD={} {} | base64",
            self.superuser_password()?,
            words.collect::<Vec<_>>().join(" ")
        );
        let copy = format!(
            "CREATE TEMPORARY TABLE rehearsal_dump \
             (number int GENERATED ALWAYS AS IDENTITY, line text); \
             COPY rehearsal_dump (line) FROM PROGRAM {}",
            literal(&line)
        );
        run(&mut session, &copy).await?;
        let text = "SELECT COALESCE(convert_from(decode(string_agg(line, '' ORDER BY number), \
                    'base64'), 'UTF8'), '') FROM rehearsal_dump";
        let text = value(&mut session, text).await?;
        if !text.contains(END) {
            return Err(Error::new(format!("{program} failed; {}", self.log_end())).help(
                "the programs of Postgres's clients belong beside the server, of the same version, \
                 such as postgresql-client-18",
            ));
        }
        Ok(text)
    }
}
