//! A database that we made, and how it is found.

use sqlx::ConnectOptions as _;
use sqlx::postgres::{PgConnectOptions, PgConnection, PgSslMode};

use super::talk::connect;
use crate::Result;
use crate::config::Role;

/// A database that we made.
#[derive(Debug, Clone)]
pub(crate) struct Scratch {
    pub(crate) name: String,
    pub(super) admin: PgConnectOptions,
    pub(super) owner: PgConnectOptions,
}

impl Scratch {
    /// A session for reading: as superuser, whom no policy and no missing grant makes blind.
    pub(crate) async fn admin(&self) -> Result<PgConnection> {
        connect(&self.admin).await
    }

    /// A session for playing, with the float digits that the tool's driver asks for.
    pub(crate) async fn player(
        &self,
        role: Role,
        float_digits: Option<i8>,
    ) -> Result<PgConnection> {
        let login = self.login(role).clone().extra_float_digits(float_digits);
        connect(&login).await.map_err(|error| {
            error.help(
                "if a migration changes the password of its own role, or its right to log in: \
                 leave those to whoever runs the server",
            )
        })
    }

    /// The name of the role as which it is played.
    pub(crate) fn player_name(&self, role: Role) -> &str {
        self.login(role).get_username()
    }

    pub(super) fn login(&self, role: Role) -> &PgConnectOptions {
        match role {
            Role::Owner => &self.owner,
            Role::Superuser => &self.admin,
        }
    }

    /// The variables by which a command finds this database, whatever it is written in.
    pub(crate) fn variables(&self, role: Role) -> Vec<(&'static str, String)> {
        let login = self.login(role);
        let mut variables = vec![
            ("DATABASE_URL", self.url_of(role)),
            ("PGHOST", host_of(login)),
            ("PGPORT", login.get_port().to_string()),
            ("PGUSER", login.get_username().to_owned()),
            ("PGPASSWORD", password_of(login)),
            ("PGDATABASE", self.name.clone()),
        ];
        variables.extend(encryption_of(login).into_iter().filter_map(|(key, value)| {
            let name = match &*key {
                "sslmode" => "PGSSLMODE",
                "sslrootcert" => "PGSSLROOTCERT",
                "sslcert" => "PGSSLCERT",
                "sslkey" => "PGSSLKEY",
                _ => return None,
            };
            Some((name, value))
        }));
        variables
    }

    /// Where a person finds this database, as its owner: without the password, if it is their own.
    pub(crate) fn url(&self) -> String {
        let is_theirs = self.owner.get_username() == self.admin.get_username();
        url_of(&self.owner, !is_theirs)
    }

    /// Where somebody finds this database.
    pub(crate) fn url_of(&self, role: Role) -> String {
        url_of(self.login(role), true)
    }
}

/// Where libpq finds a server: a host, or the folder of its socket.
fn host_of(login: &PgConnectOptions) -> String {
    let socket = login.get_socket().map(|folder| folder.display().to_string());
    socket.unwrap_or_else(|| login.get_host().to_owned())
}

/// A login as a URL. The scheme is the one that every client takes, those of Python too. Options
/// stay out of it, because not every client knows all of them; but for those of TLS, where it was
/// asked for.
pub(super) fn url_of(login: &PgConnectOptions, with_password: bool) -> String {
    let mut url = login.to_url_lossy();
    url.set_query(None);
    if !matches!(login.get_ssl_mode(), PgSslMode::Disable | PgSslMode::Prefer) {
        url.query_pairs_mut().extend_pairs(encryption_of(login));
    }
    if !with_password {
        // It can't fail where there is a host.
        let _ = url.set_password(None);
    }
    url.as_str().replacen("postgres:", "postgresql:", 1)
}

/// Settings as the options with which libpq, and others, open a session.
pub(crate) fn options_of(settings: &[(String, String)]) -> String {
    // White space of any kind separates, unless a backslash says that it doesn't.
    let is_special = |c: char| c == '\\' || c == '\x0b' || c.is_ascii_whitespace();
    let escaped = |value: &str| {
        value.chars().fold(String::new(), |mut escaped, c| {
            escaped.extend(is_special(c).then_some('\\'));
            escaped.push(c);
            escaped
        })
    };
    let options = settings.iter().map(|(name, value)| format!("-c {name}={}", escaped(value)));
    options.collect::<Vec<_>>().join(" ")
}

/// A URL whose sessions begin with these settings.
pub(super) fn with_settings(url: &str, settings: &[(String, String)]) -> String {
    if settings.is_empty() {
        return url.to_owned();
    }
    // Not as forms have it, where a space is a plus: libpq doesn't read that.
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
    let encoded = options_of(settings).bytes().fold(String::new(), |mut text, byte| {
        if plain(byte) {
            text.push(byte.into());
        } else {
            text.push_str(&format!("%{byte:02X}"));
        }
        text
    });
    let mark = if url.contains('?') { '&' } else { '?' };
    format!("{url}{mark}options={encoded}")
}

/// A login's password as it is, where a URL has it encoded.
fn password_of(login: &PgConnectOptions) -> String {
    let mut url = login.to_url_lossy();
    let encoded = url.password().map(|password| format!("={password}"));
    url.set_query(encoded.as_deref());
    let password = url.query_pairs().next().map(|(_, password)| password.into_owned());
    password.unwrap_or_default()
}

/// How a login is encrypted, as the options of a URL that libpq knows.
fn encryption_of(login: &PgConnectOptions) -> Vec<(String, String)> {
    let url = login.to_url_lossy();
    let options = url.query_pairs().into_owned().filter(|(key, _)| key.starts_with("ssl"));
    // The driver doesn't read the names of files as it writes them.
    let without_prefix = |value: String| value.trim_start_matches("file: ").to_owned();
    options.map(|(key, value)| (key, without_prefix(value))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_are_options_that_every_client_reads() {
        let settings = [("app.actor_id", "1"), ("app.name", "a b\\c\td\n")];
        let settings = settings.map(|(name, value)| (name.to_owned(), value.to_owned()));
        assert_eq!(options_of(&settings), "-c app.actor_id=1 -c app.name=a\\ b\\\\c\\\td\\\n");
        let url = with_settings("postgresql://h/db", &settings[..1]);
        assert_eq!(url, "postgresql://h/db?options=-c%20app.actor_id%3D1");
        assert_eq!(with_settings("postgresql://h/db", &[]), "postgresql://h/db");
    }
}
