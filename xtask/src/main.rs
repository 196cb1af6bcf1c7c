//! This repository's `cargo xtask verify`: the command line of the library, which shows the
//! demonstration project where no other is named.

use std::process::ExitCode;

fn main() -> ExitCode {
    rehearsal::cli::main_for(concat!(env!("CARGO_MANIFEST_DIR"), "/../fixtures/demo"))
}
