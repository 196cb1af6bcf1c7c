//! Where servers come from, in the words of whoever asks for one.

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
    pub(crate) fn parse(text: &str) -> Result<Self> {
        match text {
            "auto" => Ok(Self::Auto),
            "container" => Ok(Self::Container),
            "native" => Ok(Self::Native),
            url if url.starts_with("postgres://") || url.starts_with("postgresql://") => {
                Ok(Self::External(url.to_owned()))
            }
            other => Err(Error::new(format!("`{other}` is no place to get a server from")).help(
                "--server, REHEARSAL_SERVER and `server` under [postgres] take auto, container, \
                 native, or the URL of a server as postgres://…",
            )),
        }
    }
}
