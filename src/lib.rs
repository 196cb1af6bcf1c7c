//! A dress rehearsal for Postgres migrations, seeds and squashed baselines.

mod error;
mod sql;
mod guards;

pub use error::{Error, Result};
