//! A dress rehearsal for Postgres migrations, seeds and squashed baselines.

mod error;
mod sql;
mod guards;
mod config;
mod source;
mod catalog;
mod rows;
mod server;
mod trace;
mod acts;
mod checks;
mod report;
mod rehearsal;

pub use error::{Error, Result};
