//! The command line, as users run it: on the fixtures, on wrong input, and to a bad end.

mod advice;
mod baseline;
mod bench;
mod bootstrap;
mod command;
mod configuration;
#[cfg(feature = "engine")]
mod containers;
mod diff;
mod documentation;
mod external;
mod fixtures;
mod history;
mod layouts;
mod leftovers;
mod matrix;
mod rollout;
mod seeds;
mod squash;
mod support;
mod templates;
mod trials;
mod versions;
mod wrong_input;
