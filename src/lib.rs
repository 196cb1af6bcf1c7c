//! A dress rehearsal for Postgres migrations, seeds and squashed baselines.

mod error;
mod sql;
mod guards;
mod config;
mod source;

pub use error::{Error, Result};
