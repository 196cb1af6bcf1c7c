//! A command on a scratch database: run by `sh` in the project's root, listened to, and ended with
//! everything that it has started.
//!
//! It has a process group of its own, and that is what is killed: at the limit, after its own end,
//! and whenever nobody waits for it any more. Should we be killed ourselves, a guardian in the
//! group does it. Who has left the group as well (a daemon) is noticed if it still holds the
//! command's output or a session, and loses the session.

mod output;

use std::io::{self, PipeWriter};
use std::os::unix::process::ExitStatusExt as _;
use std::path::Path;
use std::process::ExitStatus;
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process_group};
use tokio::net::unix::pipe::Receiver;
use tokio::process::{Child, Command};
use tokio::time::{Instant, timeout, timeout_at};

use self::output::Output;
use super::Stage;
use crate::server::{Scratch, options_of};
use crate::trace::{Ended, Opaque};
use crate::{Error, Result};

/// How often we look, while we wait for a command, whether there is still a server for it.
const GLANCE: Duration = Duration::from_secs(1);

/// How long what a command has started may go on after its end.
const GRACE: Duration = Duration::from_secs(1);

/// How much of a command stands for it in a message.
const NAME_CHARACTERS: usize = 60;

/// Runs the command in its argument, with nothing to read, beside a guardian that waits for the end
/// of a pipe which only we can write to, and then kills the whole group.
const GUARDED: &str = "exec 3<&0 </dev/null; \
                       (read -r end <&3; kill -KILL 0) >/dev/null 2>&1 & \
                       exec 3<&-; exec sh -c \"$1\"";

/// Runs a command on a scratch database, until it ends or is ended.
pub(super) async fn run(stage: &Stage<'_>, scratch: &Scratch, line: &str) -> Result<Opaque> {
    seed(stage, scratch, line, &[], true).await
}

/// The same for one whose sessions begin with these settings. If it isn't alone on its database,
/// nobody can tell whose sessions are there, and whoever plays both ends what is left of them.
pub(super) async fn seed(
    stage: &Stage<'_>,
    scratch: &Scratch,
    line: &str,
    settings: &[(String, String)],
    is_alone: bool,
) -> Result<Opaque> {
    let project = stage.project;
    let mut variables = scratch.variables(project.config.postgres.role);
    if !settings.is_empty() {
        // Not in the URL: some clients refuse an option there that they don't know.
        variables.push(("PGOPTIONS", options_of(settings)));
    }
    let started = start(&project.root, line, &variables);
    let (mut child, group, pipe) = started.map_err(|error| {
        Error::new(format!("failed to start sh for `{line}`"))
            .caused_by(error)
            .help("`run` in rehearsal.toml needs a program `sh` in PATH")
    })?;
    let mut ear = Ear { pipe, output: Output::default(), is_over: false };
    let ended = tokio::select! {
        ended = end(stage, &mut child) => ended?,
        () = async { ear.listen().await; std::future::pending().await } => Ended::Well,
    };
    let mut went_on = false;
    if !matches!(ended, Ended::TimedOut { .. }) {
        let silent = timeout(GRACE, ear.listen()).await.is_ok();
        went_on = !silent || (is_alone && !stage.server.is_left(scratch, GRACE).await?);
    }
    drop(group);
    // What was said until then; a daemon may hold the other end for ever.
    let _ = timeout(GRACE, ear.listen()).await;
    if is_alone {
        stage.server.free(scratch).await?;
    }
    if ended != Ended::Well {
        stage.server.assert_alive().await?;
    }
    Ok(Opaque { name: name(line), ended, said: ear.output.told(), went_on })
}

/// A command in few words: the configuration has the rest.
fn name(line: &str) -> String {
    let words = line.split_whitespace().collect::<Vec<_>>().join(" ");
    match words.char_indices().nth(NAME_CHARACTERS) {
        Some((end, _)) => format!("`{} …`", words[..end].trim_end()),
        None => format!("`{words}`"),
    }
}

/// Starts a command with both of its outputs in one pipe, in the order in which it writes.
fn start(
    root: &Path,
    line: &str,
    variables: &[(&str, String)],
) -> io::Result<(Child, Group, Receiver)> {
    let (reader, writer) = io::pipe()?;
    let mut command = Command::new("sh");
    let (end, lifeline) = io::pipe()?;
    command.args(["-c", GUARDED, "sh", line]).current_dir(root).process_group(0);
    command.stdin(end).stdout(writer.try_clone()?).stderr(writer);
    // The surroundings of another database must not reach into this one. What libpq reads has no
    // underscore in its name.
    for (name, _) in std::env::vars_os() {
        let is_libpqs = |name: &str| name.starts_with("PG") && !name.contains('_');
        if name.to_str().is_some_and(is_libpqs) {
            command.env_remove(name);
        }
    }
    command.envs(variables.iter().map(|(name, value)| (name, value)));
    let child = command.spawn()?;
    let id = child.id().map(u32::cast_signed);
    let group = Group { leader: id.and_then(Pid::from_raw), _lifeline: lifeline };
    Ok((child, group, Receiver::from_owned_fd(reader.into())?))
}

/// Waits for the end of a command, until the limit.
async fn end(stage: &Stage<'_>, child: &mut Child) -> Result<Ended> {
    let deadline = Instant::now() + stage.limit;
    while Instant::now() < deadline {
        let glance = deadline.min(Instant::now() + GLANCE);
        if let Ok(status) = timeout_at(glance, child.wait()).await {
            return status.map(judged).map_err(|error| {
                Error::new("failed to wait for the command's end").caused_by(error)
            });
        }
        if stage.server.has_ended() {
            stage.server.assert_alive().await?;
        }
    }
    Ok(Ended::TimedOut { limit: stage.limit })
}

fn judged(status: ExitStatus) -> Ended {
    match (status.code(), status.signal()) {
        (Some(0), _) => Ended::Well,
        (Some(code), _) => Ended::Status(code),
        (None, signal) => Ended::Signal(signal.unwrap_or_default()),
    }
}

/// A command and whatever it has started, which are killed when this is dropped.
struct Group {
    leader: Option<Pid>,
    /// Closed when we end, however we end.
    _lifeline: PipeWriter,
}

impl Drop for Group {
    fn drop(&mut self) {
        if let Some(leader) = self.leader {
            // Nobody may be left, and that is as well.
            let _ = kill_process_group(leader, Signal::KILL);
        }
    }
}

/// Hears what a command says.
struct Ear {
    pipe: Receiver,
    output: Output,
    /// Whether everybody who could say something has closed the pipe.
    is_over: bool,
}

impl Ear {
    /// Listens until nobody can say anything any more. May be left and taken up again.
    async fn listen(&mut self) {
        let mut buffer = vec![0; 64 * 1024];
        while !self.is_over {
            let read = match self.pipe.readable().await {
                Ok(()) => self.pipe.try_read(&mut buffer),
                Err(error) => Err(error),
            };
            match read {
                Ok(0) => self.is_over = true,
                Ok(length) => self.output.push(&buffer[..length]),
                Err(error) => self.is_over = error.kind() != io::ErrorKind::WouldBlock,
            }
        }
    }
}
