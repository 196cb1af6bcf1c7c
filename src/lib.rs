//! A dress rehearsal for Postgres migrations, seeds and squashed baselines.

mod error;
mod sql;

pub use error::{Error, Result};
