//! A dress rehearsal for Postgres migrations, seeds and squashed baselines.
//!
//! Production is the show: what goes wrong there goes wrong in front of an audience. This crate
//! plays the show on a throwaway Postgres first, in the ways in which it is played in real life,
//! and says precisely what would have gone wrong: the file, the line, what Postgres said, and what
//! to write instead.
//!
//! # From a test
//!
//! One line in `tests/rehearsal.rs` makes a test of each check, for the project in whose folder
//! `Cargo.toml` is:
//!
//! ```no_run
//! rehearsal::suite!();
//! ```
//!
//! [`Rehearsal::of`] says more: it takes a project's folder (the one that holds `migrations/`, or a
//! `rehearsal.toml` that says where they are), or a `sqlx::migrate::Migrator`, or a closure that
//! migrates. [`Rehearsal::verify`] is for tests; [`Rehearsal::play`] returns a [`Report`], whose
//! text is for people:
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
//! in the report; only [`Rehearsal::verify`] makes an error of it.
//!
//! # For tests of your own
//!
//! [`Rehearsal::database`] is a [`Database`] that the migrations have just made. [`Catalog`] is a
//! schema in a form that can be compared, and [`assert_same_schema!`] compares two.
//!
//! # Features
//!
//! - `containers`, which is on by default: servers from the images of Docker or Podman. Without it
//!   (`default-features = false`) they are started from the programs of the machine.
//! - `cli`: the command line, for an xtask of your own or as `cargo rehearsal`.
//! - `sqlx-0_9`: sqlx's own types, `Migrator` and `PgConnection`, in this interface. Whoever uses
//!   another version of sqlx, or none, does without, and has folders, commands and closures.
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
mod schema;
#[cfg(feature = "cli")]
mod squash;
mod suite;
#[cfg(feature = "cli")]
pub mod cli;

pub use catalog::Catalog;
pub use error::{Error, Result};
pub use rehearsal::{Rehearsable, Rehearsal};
#[doc(hidden)]
pub use rehearsal_macros::tests as __tests;
pub use report::Report;
#[doc(hidden)]
pub use schema::__assert_same_schema;
pub use schema::Schema;
pub use server::Database;
#[doc(hidden)]
pub use suite::__hold;

/// The README's examples, which are run as tests of the documentation.
#[cfg(all(doctest, feature = "cli"))]
#[doc = include_str!("../README.md")]
struct Readme;
