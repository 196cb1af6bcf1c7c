//! The command line, as users run it: on the fixtures, on wrong input, and to a bad end.

mod advice;
mod bench;
mod command;
mod configuration;
#[cfg(feature = "engine")]
mod containers;
mod documentation;
mod fixtures;
mod layouts;
mod leftovers;
mod support;
mod wrong_input;
