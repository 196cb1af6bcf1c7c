//! `cargo xtask verify` rehearses this repository's migrations.

fn main() -> std::process::ExitCode {
    rehearsal::cli::main()
}
