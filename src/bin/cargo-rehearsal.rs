//! `cargo rehearsal verify`: the command line, as cargo's subcommand.

use std::process::ExitCode;

fn main() -> ExitCode {
    rehearsal::cli::main()
}
