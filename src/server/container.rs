//! A throwaway Postgres in a container.
//!
//! The image is described as testcontainers describes it, and run through the client that it brings
//! along. It isn't left to testcontainers' own runner: that one removes a container when a value is
//! dropped, while this server is shared and belongs to no process; it pulls without a word; it
//! can't be told which engine to use; and engines that don't speak the newest protocol refuse it.
//!
//! What ends a container is within it. Until its watchdog is set, that is its first process, which
//! reads from a pipe that we hold: the kernel closes it when we end, in whatever way. Knows nothing
//! of databases or migrations.

mod engine;
mod image;
mod place;

use std::collections::{HashMap, VecDeque};
use std::net::{SocketAddr, ToSocketAddrs as _};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::process::Stdio;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use futures_util::{Stream, StreamExt as _};
use testcontainers_modules::postgres::Postgres;
use testcontainers_modules::testcontainers::bollard;
use testcontainers_modules::testcontainers::bollard::container::{
    AttachContainerResults, LogOutput,
};
use testcontainers_modules::testcontainers::bollard::models::{
    ContainerCreateBody, ContainerSummary, ContainerSummaryStateEnum, HostConfig, ImageConfig,
    PortBinding,
};
use testcontainers_modules::testcontainers::bollard::query_parameters::{
    AttachContainerOptionsBuilder, CreateContainerOptionsBuilder, InspectContainerOptions,
    StartContainerOptions,
};
use testcontainers_modules::testcontainers::{ContainerRequest, ImageExt as _};
use tokio::io::{AsyncWrite, AsyncWriteExt as _};
use tokio::task::JoinHandle;

use self::engine::Engine;
use self::image::Image;
use super::home::{self, Claim, Home, MEMORY_BYTES_MIN};
use super::machine::{Address, Runs};
use super::native::{LINUX_SETTINGS, SETTINGS};
use super::user::cannot;
use super::{Wanted, random_word};
use crate::{Error, Result};

/// The versions to look for where none is asked for, newest first: those that Postgres supports.
/// Images are found by name only, so there is no list to choose from.
const MAJORS: [&str; 5] = ["18", "17", "16", "15", "14"];

/// How long a server may take to be ready, on a machine that reads the image for the first time.
const PATIENCE: Duration = Duration::from_mins(2);

/// How long we look for a container that the engine may be about to make, and how often.
const REMOVAL_MAX: Duration = Duration::from_secs(2);
const GLANCE: Duration = Duration::from_millis(50);

/// How old a container must be that was made and never started, until nobody can be about to.
const UNSTARTED_SECONDS: i64 = 600;

/// The port within the container.
const PORT: &str = "5432/tcp";

/// Where the cluster is within the container: in no volume of the image's, so that none is made.
const FOLDER: &str = "/rehearsal";

/// The label with the folder of the first holder, and the one with the word of its folders: others
/// that use the same engine, from another machine or from a container, may have the same paths.
const FOLDER_LABEL: &str = "org.rehearsal.folder";
const WORD_LABEL: &str = "org.rehearsal.word";

/// What the first process runs: the image's own command, to whose end it waits. It ends itself, and
/// so everything in the container, when told to, or when its input ends without a word.
const FIRST_PROCESS: &str = r#"
exec 3<&0
trap 'exit 0' HUP INT QUIT TERM
"$@" </dev/null &
server=$!
{ read -r word <&3 || kill -TERM $$; } &
exec 3<&-
wait $server
"#;

/// What ends it from within, for the server's own user, in the folder of the cluster: the first
/// process is root's, and ends after the server.
const END: &str = "kill -QUIT $(head -n 1 postmaster.pid)";

/// In the folder, a note of the last holder, which a newcomer takes away.
const LEAVING: &str = "leaving";

/// When the container is surely gone whose last holder has left.
const AFTERWARDS_SECONDS: u32 = 3;

/// How many lines of a server's log are kept.
const LINES_MAX: usize = 5;

/// An image that is there, and the engine that has it.
pub(super) struct Found {
    engine: Engine,
    image: Image,
    /// The image's contents, whatever it will be called tomorrow.
    id: String,
    config: ImageConfig,
    /// The version that was asked for.
    pub(super) version: Option<String>,
}

/// A running container.
pub(super) struct Container {
    name: String,
    /// The program with which people talk to its engine.
    program: String,
    pub(super) host: String,
    pub(super) port: u16,
    pub(super) superuser_password: String,
    /// Ends the container if we end before its watchdog is set.
    guard: Option<Mutex<Guard>>,
    log: Log,
    reader: Option<JoinHandle<()>>,
    is_private: bool,
    claim: Claim,
}

type Guard = Pin<Box<dyn AsyncWrite + Send>>;
type Output = Pin<Box<dyn Stream<Item = Result<LogOutput, bollard::errors::Error>> + Send>>;

impl Found {
    /// The engine's image for the wanted version.
    pub(super) async fn find(wanted: &Wanted<'_>) -> Result<Self, Lack> {
        let engine = Engine::find().await.map_err(Lack::Engine)?;
        let versions = match wanted.version {
            Some(version) => &[version][..],
            None if Image::varies(wanted.image) => &MAJORS[..],
            None => &MAJORS[..1],
        };
        let newest = Image::of(wanted.image, versions[0]);
        let version = wanted.version.map(str::to_owned);
        if let Some(found) = Self::look(&engine, newest.clone(), version.clone()).await? {
            return Ok(found);
        }
        let error = match engine.pull(&newest, wanted.news).await {
            Ok(()) => {
                let pulled = Self::look(&engine, newest.clone(), version.clone()).await?;
                return pulled.ok_or_else(|| {
                    Lack::image(&engine, &newest, Error::new("it is not there after the pull"))
                });
            }
            Err(error) => error,
        };
        // Rather an older version that is there than none.
        for older in &versions[1..] {
            let image = Image::of(wanted.image, older);
            if let Some(found) = Self::look(&engine, image, None).await? {
                wanted.news.note(&format!("{error}; using {}", found.image));
                return Ok(found);
            }
        }
        Err(Lack::image(&engine, &newest, error))
    }

    async fn look(
        engine: &Engine,
        image: Image,
        version: Option<String>,
    ) -> Result<Option<Self>, Lack> {
        let found = engine.image(&image).await;
        let found = found.map_err(|error| Lack::image(engine, &image, error))?;
        Ok(found.map(|found| Self {
            engine: engine.clone(),
            image,
            id: found.id.unwrap_or_default(),
            config: found.config.unwrap_or_default(),
            version,
        }))
    }

    /// The same for all who would get the same server.
    pub(super) fn key(&self) -> String {
        format!("container {} {} {}", self.engine.address(), self.image, self.id)
    }

    /// What people call it.
    pub(super) fn name(&self) -> String {
        match &self.version {
            Some(version) => format!("Postgres {version} in {}", self.image),
            None => format!("{}", self.image),
        }
    }

    /// Starts a container of one's own. Its server accepts connections when this returns.
    pub(super) async fn start(&self) -> Result<Container> {
        let home = Home::open()?;
        let word = home.word()?;
        self.sweep(&home, &word).await;
        let claim = home.claim()?;
        let password = random_word(24)?;
        let host = self.engine.host().await;
        let mut birth = Birth::new(self, &claim.folder, word);
        birth.stage = Stage::Asked;
        let created = self.create(&birth, &host, &password).await;
        birth.stage = if created.is_ok() { Stage::Made } else { Stage::Nothing };
        created.map_err(|error| birth.refused("make", error))?;
        let docker = &self.engine.docker;
        let options = AttachContainerOptionsBuilder::new().stream(true).stdin(true);
        let options = options.stdout(true).stderr(true).build();
        let attached = docker.attach_container(&birth.name, Some(options)).await;
        let AttachContainerResults { mut output, input } =
            attached.map_err(|error| birth.refused("attach to", error))?;
        let started = docker.start_container(&birth.name, None::<StartContainerOptions>).await;
        started.map_err(|error| birth.refused("start", error))?;
        let log = Log::default();
        let ready = tokio::time::timeout(PATIENCE, log.read_until_ready(&mut output)).await;
        if !ready.unwrap_or_default() {
            return Err(birth.failed(&format!("did not start; its log ends:\n{}", log.end())));
        }
        let port = self.port(&birth).await?;
        let note = claim.folder.join(home::ADDRESS);
        std::fs::write(&note, format!("{host}:{port}"))
            .map_err(|error| cannot("write", &note, error))?;
        Ok(Container {
            program: self.engine.program().to_owned(),
            host,
            port,
            superuser_password: password,
            guard: Some(Mutex::new(input)),
            reader: Some(tokio::spawn(log.clone().read(output))),
            log,
            is_private: true,
            claim,
            name: birth.succeed(),
        })
    }

    async fn create(
        &self,
        birth: &Birth<'_>,
        host: &str,
        password: &str,
    ) -> Result<(), bollard::errors::Error> {
        let request = self.request(birth, host, password);
        let labels = request.labels().iter();
        let body = ContainerCreateBody {
            image: Some(request.descriptor()),
            env: Some(request.env_vars().map(|(name, value)| format!("{name}={value}")).collect()),
            entrypoint: Some(
                ["sh", "-c", FIRST_PROCESS, "sh"].iter().map(|&it| it.to_owned()).collect(),
            ),
            cmd: Some(request.cmd().map(std::borrow::Cow::into_owned).collect()),
            labels: Some(labels.map(|(name, value)| (name.clone(), value.clone())).collect()),
            // The one who holds the other end of the pipe is the only one ever.
            open_stdin: Some(true),
            stdin_once: Some(true),
            attach_stdin: Some(true),
            attach_stdout: Some(true),
            attach_stderr: Some(true),
            exposed_ports: Some(vec![PORT.to_owned()]),
            host_config: Some(self.host_config(host).await),
            ..ContainerCreateBody::default()
        };
        let options = CreateContainerOptionsBuilder::new().name(&birth.name).build();
        self.engine.docker.create_container(Some(options), body).await.map(drop)
    }

    /// The container, in testcontainers' terms.
    fn request(&self, birth: &Birth<'_>, host: &str, password: &str) -> ContainerRequest<Postgres> {
        let own = [&self.config.entrypoint, &self.config.cmd];
        let command = own.into_iter().flatten().flatten().cloned().chain(settings());
        let request = Postgres::default()
            .with_user("postgres")
            .with_db_name("postgres")
            .with_password(password)
            .with_name(&self.image.name)
            .with_tag(&self.image.tag)
            .with_container_name(&birth.name)
            .with_label(FOLDER_LABEL, birth.folder.display().to_string())
            .with_label(WORD_LABEL, birth.word.clone())
            .with_env_var("PGDATA", format!("{FOLDER}/data"))
            .with_env_var("POSTGRES_INITDB_ARGS", "--no-sync")
            .with_cmd(command);
        if is_loopback(host) {
            // Sent as it is, the password spares both sides 4,096 rounds of hashing for each
            // connection.
            request.with_env_var("POSTGRES_HOST_AUTH_METHOD", "password")
        } else {
            request
        }
    }

    async fn host_config(&self, host: &str) -> HostConfig {
        // What an image declares as volumes would outlive its containers, if something went wrong.
        let volumes = self.config.volumes.iter().flatten().cloned();
        let mut in_memory = volumes.map(|path| (path, String::new())).collect::<HashMap<_, _>>();
        if self.has_room().await {
            in_memory.insert(FOLDER.to_owned(), String::new());
        }
        let host_ip = self.engine.is_local().then(|| host.to_owned());
        let binding = PortBinding { host_ip, host_port: Some("0".to_owned()) };
        HostConfig {
            auto_remove: Some(true),
            tmpfs: Some(in_memory),
            port_bindings: Some(HashMap::from([(PORT.to_owned(), Some(vec![binding]))])),
            ..HostConfig::default()
        }
    }

    /// Whether the engine's machine has memory for a cluster. What is available there, only our own
    /// says; for another one, half of all is taken for granted.
    async fn has_room(&self) -> bool {
        let all = self.engine.memory_bytes().await;
        let available = if self.engine.is_local() { home::available_bytes() } else { None };
        all.is_some_and(|all| available.unwrap_or(all / 2).min(all / 2) >= MEMORY_BYTES_MIN)
    }

    /// The port of the engine's machine that leads to the server.
    async fn port(&self, birth: &Birth<'_>) -> Result<u16> {
        let docker = &self.engine.docker;
        let found = docker.inspect_container(&birth.name, None::<InspectContainerOptions>).await;
        let found = found.map_err(|error| birth.refused("look at", error))?;
        let ports = found.network_settings.and_then(|network| network.ports).unwrap_or_default();
        let bindings = ports.get(PORT).cloned().flatten().unwrap_or_default();
        let port = bindings.into_iter().find_map(|binding| binding.host_port?.parse().ok());
        port.ok_or_else(|| birth.failed("has no port"))
    }

    /// Removes what runs that were killed have left behind, and nothing else: containers that bear
    /// our label and a name as we give it, of folders that are ours and that nobody holds.
    async fn sweep(&self, home: &Home, word: &str) {
        for container in self.engine.labelled(FOLDER_LABEL).await {
            if let Some(name) = name_of(&container)
                && is_abandoned(&container, home, word)
            {
                self.engine.remove(name).await;
            }
        }
    }
}

/// A container that is about to be: it goes if this does.
struct Birth<'a> {
    found: &'a Found,
    folder: PathBuf,
    /// That of our folders.
    word: String,
    name: String,
    stage: Stage,
}

/// What there may be to remove.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Stage {
    Nothing,
    /// The engine makes it, whether somebody waits for the answer or not.
    Asked,
    Made,
}

impl<'a> Birth<'a> {
    fn new(found: &'a Found, folder: &Path, word: String) -> Self {
        // The folder's name carries the owner and the time.
        let name = folder.file_name().unwrap_or_default().to_string_lossy();
        let name = format!("rehearsal-{name}");
        Self { found, folder: folder.to_owned(), word, name, stage: Stage::Nothing }
    }

    fn succeed(mut self) -> String {
        self.stage = Stage::Nothing;
        std::mem::take(&mut self.name)
    }

    /// An error of the engine's.
    fn refused(&self, what: &str, error: bollard::errors::Error) -> Error {
        Error::new(format!("failed to {what} a container of {}", self.found.image))
            .caused_by(error)
            .help("see to it that the engine can run containers, or use --server native")
    }

    /// An error of the image's.
    fn failed(&self, what: &str) -> Error {
        Error::new(format!("the container of {} {what}", self.found.image)).help(
            "an image must start a Postgres server as the official ones do; name another one \
                 as `image` under [postgres] in rehearsal.toml, or use --server native",
        )
    }
}

impl Drop for Birth<'_> {
    /// Whoever was interrupted waits for this: the engine goes on with what it was asked for.
    fn drop(&mut self) {
        if self.stage == Stage::Nothing {
            return;
        }
        let (engine, name, stage) = (self.found.engine.clone(), self.name.clone(), self.stage);
        let remove = async move {
            let Some(engine) = engine.again().await else { return };
            let deadline = Instant::now() + REMOVAL_MAX;
            while !engine.remove(&name).await && stage == Stage::Asked && Instant::now() < deadline
            {
                tokio::time::sleep(GLANCE).await;
            }
        };
        // The runtime here may be about to end, and the engine's connection with it.
        let thread = std::thread::spawn(|| {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
            if let Ok(runtime) = runtime {
                runtime.block_on(remove);
            }
        });
        // Should this fail, the next start removes it.
        let _ = thread.join();
    }
}

impl Container {
    /// The same container for one more holder.
    pub(super) fn join(name: &str, program: &str, claim: Claim, address: &Address) -> Self {
        let _ = std::fs::remove_file(claim.folder.join(LEAVING));
        Self {
            name: name.to_owned(),
            program: program.to_owned(),
            host: address.host.clone(),
            port: address.port,
            superuser_password: address.superuser_password.clone(),
            guard: None,
            log: Log::default(),
            reader: None,
            is_private: false,
            claim,
        }
    }
}

impl Container {
    pub(super) fn runs(&self) -> Runs {
        Runs::Container { name: self.name.clone(), program: self.program.clone() }
    }

    pub(super) fn folder(&self) -> &Path {
        &self.claim.folder
    }

    /// What ends it from within.
    pub(super) fn how_to_end() -> &'static str {
        END
    }

    /// What ends it from without, for people.
    pub(super) fn how_to_remove(&self) -> String {
        format!("{} rm --force --volumes {}", self.program, self.name)
    }

    /// Leaves its end to the watchdog, whose session this process of the server is.
    pub(super) async fn is_watched(&mut self, backend: Option<i32>) -> Result<()> {
        if let Some(guard) = self.guard.take() {
            let mut guard = guard.into_inner().unwrap_or_else(PoisonError::into_inner);
            let told = async {
                guard.write_all(b"done\n").await?;
                guard.flush().await
            };
            told.await.map_err(|error| {
                Error::new(format!("the container {} doesn't listen", self.name)).caused_by(error)
            })?;
        }
        backend.map_or(Ok(()), |backend| self.claim.note_watchdog(backend))
    }

    /// Leaves it to whoever holds it too, and its end to the watchdog.
    pub(super) fn share(&mut self) {
        self.is_private = false;
    }

    /// Whether the server has ended: its port is closed then.
    pub(super) fn has_ended(&self) -> bool {
        !self.address().is_some_and(home::is_listening)
    }

    fn address(&self) -> Option<SocketAddr> {
        (self.host.as_str(), self.port).to_socket_addrs().ok()?.next()
    }

    /// The last lines of its log, for whoever has started it.
    pub(super) fn last_words(&self) -> String {
        self.log.end()
    }

    /// Leaves it running when this process ends.
    pub(super) fn keep(mut self) -> Result<()> {
        self.is_private = false;
        self.claim.keep()
    }
}

impl Drop for Container {
    /// The container is the watchdog's; the folder goes with one that nobody else knows of.
    fn drop(&mut self) {
        if let Some(reader) = &self.reader {
            reader.abort();
        }
        if !self.is_private && !self.has_ended() {
            self.claim.leave();
            if self.claim.is_last() && !home::is_kept(self.folder()) {
                remove_later(self.folder());
            }
        }
    }
}

/// Leaves a shell behind that removes a folder when the container is gone, unless somebody else
/// comes in time. It is a courtesy: the next start would remove it too.
fn remove_later(folder: &Path) {
    let Ok(word) = random_word(8) else { return };
    let note = folder.join(LEAVING);
    if std::fs::write(&note, &word).is_ok() {
        let script =
            format!(r#"sleep {AFTERWARDS_SECONDS}; test "$(cat "$1")" = "$2" && rm -rf "$3""#);
        let _ = std::process::Command::new("sh")
            .args(["-c", &script, "sh"])
            .args([note.as_os_str(), word.as_ref(), folder.as_os_str()])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            // Ctrl-C in the terminal is not for it.
            .process_group(0)
            .spawn();
    }
}

/// The last lines of a log.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<VecDeque<String>>>);

impl Log {
    /// Reads until the server is ready, or the log ends. While the image makes its cluster, another
    /// server runs, whose log goes to the other stream.
    async fn read_until_ready(&self, output: &mut Output) -> bool {
        while let Some(Ok(frame)) = output.next().await {
            let text = self.take(&frame);
            if matches!(frame, LogOutput::StdErr { .. })
                && text.contains("database system is ready to accept connections")
            {
                return true;
            }
        }
        false
    }

    async fn read(self, mut output: Output) {
        while let Some(Ok(frame)) = output.next().await {
            self.take(&frame);
        }
    }

    fn take(&self, frame: &LogOutput) -> String {
        let text = frame.to_string();
        let mut lines = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        lines.extend(text.lines().map(str::to_owned));
        let surplus = lines.len().saturating_sub(LINES_MAX);
        lines.drain(..surplus);
        text
    }

    fn end(&self) -> String {
        let mut lines = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        lines.make_contiguous().join("\n")
    }
}

/// Why there is no container to be had.
pub(super) enum Lack {
    Engine(Error),
    /// An engine answers, and has not what is needed.
    Image {
        note: String,
        error: Error,
    },
}

impl Lack {
    fn image(engine: &Engine, image: &Image, error: Error) -> Self {
        let help = format!(
            "get it with `{} pull {image}`, name another one as `image` under [postgres] in \
             rehearsal.toml, or use --server native",
            engine.program()
        );
        let note = format!("{error}: using Postgres from this machine");
        Self::Image { note, error: error.help(help) }
    }

    /// What people should know when something else is taken instead.
    pub(super) fn note(&self) -> Option<&str> {
        match self {
            Self::Engine(_) => None,
            Self::Image { note, .. } => Some(note),
        }
    }
}

impl From<Lack> for Error {
    fn from(lack: Lack) -> Self {
        match lack {
            Lack::Engine(error) => error.help(
                "start Docker or Podman, or say in DOCKER_HOST where it answers; or use --server \
                 native",
            ),
            Lack::Image { error, .. } => error,
        }
    }
}

/// The settings as arguments.
fn settings() -> impl Iterator<Item = String> {
    let lines = SETTINGS.lines().chain(LINUX_SETTINGS.lines());
    // The lines by which readiness is known are in English whatever the image's locale.
    let lines = lines.chain(["lc_messages = C"]);
    lines
        .filter(|line| !line.starts_with('#'))
        .filter_map(|line| line.split_once(" = "))
        .flat_map(|(name, value)| ["-c".to_owned(), format!("{name}={}", value.trim_matches('\''))])
}

fn is_loopback(host: &str) -> bool {
    host.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback())
}

/// A container's name, if it is of our making: `rehearsal-`, the process, the time of birth, and a
/// random word.
fn name_of(container: &ContainerSummary) -> Option<&str> {
    let name = container.names.as_ref()?.first()?.trim_start_matches('/');
    let parts = name.strip_prefix("rehearsal-")?.split('-').collect::<Vec<_>>();
    let [process, birth, word] = parts[..] else { return None };
    let is_number = |text: &str| !text.is_empty() && text.bytes().all(|it| it.is_ascii_digit());
    let is_word = word.len() == 8 && word.bytes().all(|it| it.is_ascii_hexdigit());
    (is_number(process) && is_number(birth) && is_word).then_some(name)
}

/// Whether nobody holds a container, and nothing within it will end it.
fn is_abandoned(container: &ContainerSummary, home: &Home, word: &str) -> bool {
    let label = |name| container.labels.as_ref().and_then(|labels| labels.get(name));
    let is_unstarted = container.state == Some(ContainerSummaryStateEnum::CREATED);
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let age = now.as_secs().cast_signed() - container.created.unwrap_or(i64::MAX);
    if is_unstarted && age > UNSTARTED_SECONDS {
        return true;
    }
    let Some(folder) = label(FOLDER_LABEL).map(PathBuf::from) else { return false };
    let is_ours = label(WORD_LABEL).is_some_and(|it| it == word) && home.has(&folder);
    let is_watched = !is_unstarted && folder.join(home::WATCHDOG).exists();
    is_ours && !is_watched && !home::is_kept(&folder) && !home::is_claimed(&folder)
}
