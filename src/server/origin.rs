//! Where servers come from, in the words of whoever asks for one.

use std::fmt;

use crate::{Error, Result};

/// The place from which a server is had.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Origin {
    /// A container where an engine answers, else the programs of this machine.
    Auto,
    Container,
    Native,
    /// Somebody else's server, by its URL.
    External(String),
}

impl Origin {
    /// Whether it belongs to somebody else.
    pub(crate) fn is_external(&self) -> bool {
        matches!(self, Self::External(_))
    }

    pub(crate) fn parse(text: &str) -> Result<Self> {
        match text {
            "auto" => Ok(Self::Auto),
            "container" => Ok(Self::Container),
            "native" => Ok(Self::Native),
            url if url.starts_with("postgres://") || url.starts_with("postgresql://") => {
                Ok(Self::External(url.to_owned()))
            }
            other => Err(Error::new(format!(
                "`{}` is no place to get a server from",
                without_password(other)
            ))
            .help(
                "--server, REHEARSAL_SERVER and `server` under [postgres] take auto, container, \
                 native, or the URL of a server as postgres://…",
            )),
        }
    }
}

/// What somebody calls an origin: a URL, perhaps, which has a password.
#[derive(Clone)]
pub(crate) struct Asked(pub(crate) String);

impl fmt::Debug for Asked {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&without_password(&self.0))
    }
}

/// Of what looks like a URL, the part that is no secret.
fn without_password(text: &str) -> String {
    match text.split_once("://") {
        Some((scheme, _)) => format!("{scheme}://…"),
        None => text.to_owned(),
    }
}
