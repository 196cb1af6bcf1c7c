//! A dress rehearsal for Postgres migrations, seeds and squashed baselines.

mod error;

pub use error::{Error, Result};
