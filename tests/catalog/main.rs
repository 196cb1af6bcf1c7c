//! What the catalog must tell of a schema, and what it must keep quiet about, held on a server.

mod dump;
mod mutations;
mod oracle;
mod readers;
mod spelling;
#[cfg(feature = "majors")]
mod versions;
