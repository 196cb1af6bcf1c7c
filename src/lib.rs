//! A dress rehearsal for Postgres migrations, seeds and squashed baselines.
//!
//! Production is the show: what goes wrong there goes wrong in front of an audience. This crate
//! plays the show on a throwaway Postgres first, in the ways in which it is played in real life,
//! and says precisely what would have gone wrong: the file, the line, what Postgres said, and what
//! to write instead.
//!
//! # From a test
//!
//! [`Rehearsal::of`] takes a project's folder: the one that holds `migrations/`, or a
//! `rehearsal.toml` that says where they are. [`Rehearsal::play`] holds the rehearsal and returns a
//! [`Report`], whose text is for people:
//!
//! ```
//! # fn main() -> rehearsal::Result<()> {
//! # let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
//! # runtime.block_on(async {
//! use rehearsal::Rehearsal;
//!
//! let report = Rehearsal::of("fixtures/ladder-bare-constraint").play().await?;
//! assert!(!report.is_success());
//! assert!(report.to_string().contains(r#"constraint "actor_roles_scope_type_enum""#));
//! # Ok(())
//! # })
//! # }
//! ```
//!
//! An [`Error`] means that the rehearsal could not be held (no Postgres, an unreadable file, a
//! mistake in `rehearsal.toml`) and says what to do about it. What is wrong with the migrations is
//! never an error: it is in the report.
//!
//! # From the command line
//!
//! With the feature `cli`, `cargo rehearsal verify` does the same, and one line makes it
//! `cargo xtask verify` in a repository of your own: [`cli::main`].
//!
//! # How it is built
//!
//! The modules below stand in the direction in which data flows: each uses only those above it.
#![cfg_attr(not(feature = "cli"), doc = "\n[`cli::main`]: <https://docs.rs/rehearsal>")]

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
#[cfg(feature = "cli")]
pub mod cli;

pub use error::{Error, Result};
pub use rehearsal::Rehearsal;
pub use report::Report;

/// The README's examples, which are run as tests of the documentation.
#[cfg(all(doctest, feature = "cli"))]
#[doc = include_str!("../README.md")]
struct Readme;
