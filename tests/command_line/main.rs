//! The command line, as users run it: on the fixtures, on wrong input, and to a bad end.

mod advice;
mod bench;
mod command;
mod configuration;
#[cfg(feature = "engine")]
mod containers;
mod documentation;
mod external;
mod fixtures;
mod layouts;
mod leftovers;
mod matrix;
mod support;
mod templates;
mod versions;
mod wrong_input;
