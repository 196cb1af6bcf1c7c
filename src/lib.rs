//! A dress rehearsal for Postgres migrations, seeds and squashed baselines.

mod error;
mod sql;
mod guards;
mod config;
mod source;
mod catalog;
mod rows;
mod server;

pub use error::{Error, Result};
