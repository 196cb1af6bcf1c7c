//! The command line: what `cargo xtask verify` and `cargo rehearsal verify` run.
//!
//! ```no_run
//! // xtask/src/main.rs of a repository of your own
//! fn main() -> std::process::ExitCode {
//!     rehearsal::cli::main()
//! }
//! ```
//!
//! Exit status: 0 if all checks that are denied hold, 1 if there are findings, 2 if the rehearsal
//! could not be held, 130 if it was interrupted. Of `diff`: 0 if the schemas are the same, 1 if
//! they differ, 2 if they could not be compared.

mod bench;
mod diff;
mod matrix;
mod squash;

use std::fs;
use std::io::{self, IsTerminal as _, Write as _};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use clap::{CommandFactory as _, FromArgMatches as _, Parser, Subcommand, ValueEnum};
use indicatif::{ProgressBar, ProgressStyle};
use tokio::signal::unix::{SignalKind, signal};

use self::bench::Bench;
use self::diff::Diff;
use self::matrix::Matrix;
use self::squash::Squash;
use crate::acts::Progress;
use crate::report::Report;
use crate::server::News;
use crate::trace::Act;
use crate::{Error, Rehearsal, Result};

const COULD_NOT_RUN: u8 = 2;
const INTERRUPTED: u8 = 130;

#[derive(Debug, Parser)]
#[command(name = "rehearsal", version, about = "A dress rehearsal for Postgres migrations")]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Plays the project's migrations on throwaway Postgres servers, and says what would go wrong
    Verify(Verify),
    /// Tells what differs between two schemas: of files of SQL, of projects, of databases
    Diff(Diff),
    /// Prints the project's Postgres versions as JSON, for a CI matrix
    Matrix(Matrix),
    /// Writes a baseline, a rollout, a rollback and a runbook for the migrations, and proves them
    Squash(Squash),
    /// Measures a rehearsal against psql executing the same SQL, and prints a table
    Bench(Bench),
}

#[derive(Debug, clap::Args)]
struct Verify {
    /// The project's folder: the one that holds rehearsal.toml or migrations/
    path: Option<PathBuf>,
    /// Postgres versions to play on, such as 15,17 [default: the project's, or the newest here]
    #[arg(long, value_name = "VERSIONS", value_delimiter = ',')]
    postgres: Vec<String>,
    /// Where the server comes from: auto, container, native, or the URL of one as postgres://…
    #[arg(long, value_name = "SERVER")]
    server: Option<String>,
    /// Judge these checks only
    #[arg(long, value_name = "CHECK", value_delimiter = ',')]
    only: Vec<String>,
    /// How the report is told
    #[arg(long, value_enum, default_value_t = Format::Human)]
    format: Format,
    /// Write the report to a file; people still get theirs on the screen
    #[arg(long, value_name = "FILE")]
    output: Option<PathBuf>,
    /// How long one file, or a command that migrates, may run
    #[arg(long, value_name = "SECONDS", default_value_t = 300,
          value_parser = clap::value_parser!(u64).range(1..))]
    timeout: u64,
    /// Use nothing that an earlier run has prepared
    #[arg(long)]
    cold: bool,
    /// Keep the database of an act that failed, and say where it is
    #[arg(long)]
    keep: bool,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Format {
    /// For people
    Human,
    /// For programs
    Json,
}

/// Runs the command line on this process's arguments; where they name no project, it is the one in
/// the current folder.
///
/// ```no_run
/// fn main() -> std::process::ExitCode {
///     rehearsal::cli::main()
/// }
/// ```
#[must_use]
pub fn main() -> ExitCode {
    main_for(".")
}

/// [`main`], with another project where the arguments name none.
///
/// ```no_run
/// fn main() -> std::process::ExitCode {
///     rehearsal::cli::main_for("services/billing")
/// }
/// ```
#[must_use]
pub fn main_for(project: impl AsRef<Path>) -> ExitCode {
    // As cargo's subcommand, our own name comes first.
    let own_name = |(place, argument): &(usize, _)| *place == 1 && argument == "rehearsal";
    let arguments = std::env::args_os().enumerate().filter(|argument| !own_name(argument));
    let arguments = arguments.map(|(_, argument)| argument);
    // Parsed under the name by which people call it.
    let command = Arguments::command().bin_name(if is_cargo_subcommand() {
        "cargo rehearsal"
    } else {
        "cargo xtask"
    });
    let arguments = command
        .try_get_matches_from(arguments)
        .and_then(|matches| Arguments::from_arg_matches(&matches));
    let arguments = arguments.unwrap_or_else(|error| error.exit());
    let runtime = match tokio::runtime::Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return failed(&Error::new("failed to start").caused_by(error)),
    };
    // When this returns, however it does, everything that was started has been ended.
    runtime.block_on(async {
        tokio::select! {
            // Listening comes first: an interruption that nobody hears leaves behind what runs.
            biased;
            () = interrupted() => {
                say("interrupted");
                ExitCode::from(INTERRUPTED)
            }
            result = arguments.command.run(project.as_ref()) => {
                result.unwrap_or_else(|error| failed(&error))
            }
        }
    })
}

fn is_cargo_subcommand() -> bool {
    let program = std::env::current_exe().unwrap_or_default();
    program.file_stem().is_some_and(|name| name == "cargo-rehearsal")
}

impl Command {
    async fn run(self, default: &Path) -> Result<ExitCode> {
        match self {
            Self::Verify(verify) => {
                let report = verify.run(default).await?;
                let has_run = report.has_judged() && report.unplayed.is_empty();
                Ok(match (report.is_success(), has_run) {
                    (true, _) => ExitCode::SUCCESS,
                    (false, true) => ExitCode::FAILURE,
                    (false, false) => ExitCode::from(COULD_NOT_RUN),
                })
            }
            Self::Diff(diff) => {
                let is_same = Box::pin(diff.run()).await?;
                Ok(if is_same { ExitCode::SUCCESS } else { ExitCode::FAILURE })
            }
            Self::Matrix(matrix) => matrix.run(default).map(|()| ExitCode::SUCCESS),
            Self::Squash(squash) => {
                let holds = Box::pin(squash.run()).await?;
                Ok(if holds { ExitCode::SUCCESS } else { ExitCode::FAILURE })
            }
            Self::Bench(bench) => Box::pin(bench.run()).await.map(|()| ExitCode::SUCCESS),
        }
    }
}

impl Verify {
    async fn run(self, default: &Path) -> Result<Report> {
        if let Some(output) = &self.output {
            // Known now, or only after all the work is done.
            assert_writable(output)?;
        }
        let mut rehearsal = Rehearsal::of(self.path.as_deref().unwrap_or(default))
            .only(self.only)
            .timeout(Duration::from_secs(self.timeout))
            .cold(self.cold)
            .keep(self.keep);
        if !self.postgres.is_empty() {
            rehearsal = rehearsal.postgres(self.postgres);
        }
        if let Some(server) = self.server {
            rehearsal = rehearsal.server(server);
        }
        let report = if io::stderr().is_terminal() {
            rehearsal.play_telling(&Spinner::new()).await?
        } else {
            rehearsal.play_telling(&Lines).await?
        };
        let color = wants_color();
        let told = |color| match self.format {
            Format::Human => report.to_text(color),
            Format::Json => report.to_json(),
        };
        match &self.output {
            None => {
                print(&told(color))?;
                if matches!(self.format, Format::Json) {
                    report.kept().iter().for_each(|line| say(line));
                }
            }
            Some(output) => {
                fs::write(output, told(false)).map_err(|error| unwritable(output, error))?;
                print(&report.to_text(color))?;
            }
        }
        Ok(report)
    }
}

/// Whether whoever reads what is printed can see colours, and wants them.
fn wants_color() -> bool {
    io::stdout().is_terminal() && std::env::var_os("NO_COLOR").is_none()
}

/// An error if a file can't be written. What is in it stays, in case there will be nothing new.
fn assert_writable(path: &Path) -> Result<()> {
    let existed = path.exists();
    let opened = fs::OpenOptions::new().append(true).create(true).open(path);
    opened.map_err(|error| unwritable(path, error))?;
    if !existed {
        fs::remove_file(path).map_err(|error| unwritable(path, error))?;
    }
    Ok(())
}

fn unwritable(path: &Path, error: io::Error) -> Error {
    Error::new(format!("failed to write {}", path.display()))
        .caused_by(error)
        .help("--output names a file in a folder that exists and can be written")
}

fn print(text: &str) -> Result<()> {
    match io::stdout().lock().write_all(text.as_bytes()) {
        // Whoever read it has read enough.
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        other => other.map_err(|error| Error::new("failed to print").caused_by(error)),
    }
}

/// Says something beside the report. Nobody has to listen.
fn say(text: &str) {
    let _ = writeln!(io::stderr().lock(), "{text}");
}

fn failed(error: &Error) -> ExitCode {
    say(&format!("error: {error}"));
    ExitCode::from(COULD_NOT_RUN)
}

/// Returns at Ctrl-C, or when somebody asks us to end.
async fn interrupted() {
    let (Ok(mut interrupt), Ok(mut terminate), Ok(mut hangup)) = (
        signal(SignalKind::interrupt()),
        signal(SignalKind::terminate()),
        signal(SignalKind::hangup()),
    ) else {
        return std::future::pending().await;
    };
    tokio::select! {
        _ = interrupt.recv() => {}
        _ = terminate.recv() => {}
        _ = hangup.recv() => {}
    }
}

/// Progress in a pipe or a log: a line for each thing that takes long.
struct Lines;

impl News for Lines {
    fn begin(&self, what: &str) {
        say(&format!("{what} …"));
    }

    fn go_on(&self, _: &str) {}

    fn note(&self, what: &str) {
        say(&format!("note: {what}"));
    }
}

impl Progress for Lines {
    fn played(&self, _: Act, _: usize, _: usize) {}
}

/// Progress on a terminal: one line that is gone in the end.
struct Spinner {
    bar: ProgressBar,
}

impl Spinner {
    fn new() -> Self {
        let bar = ProgressBar::new_spinner();
        if let Ok(style) = ProgressStyle::with_template("{spinner} {msg}") {
            bar.set_style(style);
        }
        bar.enable_steady_tick(Duration::from_millis(100));
        Self { bar }
    }
}

impl News for Spinner {
    fn begin(&self, what: &str) {
        self.bar.set_message(what.to_owned());
    }

    fn go_on(&self, what: &str) {
        self.bar.set_message(what.to_owned());
    }

    fn note(&self, what: &str) {
        self.bar.suspend(|| say(&format!("note: {what}")));
    }
}

impl Progress for Spinner {
    fn played(&self, act: Act, done: usize, of: usize) {
        self.bar.set_message(format!("{}: {done} of {of} files", act.name()));
    }
}

impl Drop for Spinner {
    fn drop(&mut self) {
        self.bar.finish_and_clear();
    }
}
