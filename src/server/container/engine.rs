//! The engine that runs containers: where it answers, and which images it has.
//!
//! Knows nothing of Postgres. testcontainers' own client speaks the newest version of Docker's
//! protocol and no other, and looks for no socket of Podman: so the version is agreed on here, and
//! sockets are looked for in more places.

use std::collections::{BTreeMap, HashMap};
use std::path::{Path, PathBuf};
use std::time::Duration;

use futures_util::StreamExt as _;
use testcontainers_modules::testcontainers::bollard::auth::DockerCredentials;
use testcontainers_modules::testcontainers::bollard::models::{
    ContainerSummary, CreateImageInfo, ImageInspect,
};
use testcontainers_modules::testcontainers::bollard::query_parameters::{
    CreateImageOptionsBuilder, InspectNetworkOptions, ListContainersOptionsBuilder,
    RemoveContainerOptionsBuilder,
};
use testcontainers_modules::testcontainers::bollard::{self, API_DEFAULT_VERSION, Docker};
use testcontainers_modules::testcontainers::core::client::docker_client_instance;

use super::super::news::News;
use super::image::Image;
use crate::{Error, Result};

/// How long an engine may take to say that it is there. Where none is, nobody waits: its socket is
/// missing, or refuses.
const PATIENCE: Duration = Duration::from_secs(3);

/// How long one request may take, in seconds.
const REQUEST_SECONDS: u64 = 120;

/// How long a registry may be silent.
const SILENCE_MAX: Duration = Duration::from_secs(15);

/// An engine that answers.
#[derive(Clone)]
pub(super) struct Engine {
    pub(super) docker: Docker,
    /// Where it answers.
    address: String,
}

impl Engine {
    /// The one that `DOCKER_HOST` names, or the first that answers at a usual place.
    pub(super) async fn find() -> Result<Self> {
        let named = std::env::var("DOCKER_HOST").ok().filter(|host| !host.is_empty());
        let places = match named {
            Some(host) => vec![host],
            None => sockets().map(|socket| format!("unix://{}", socket.display())).collect(),
        };
        let mut reasons = Vec::new();
        for address in places {
            match Self::connect(&address).await {
                Ok(engine) => return Ok(engine),
                Err(reason) => reasons.push(format!(" at {address} ({reason})")),
            }
        }
        Err(Error::new(format!("no container engine answers{}", reasons.join(" and"))))
    }

    /// The engine at an address, in a version of the protocol that it speaks.
    async fn connect(address: &str) -> Result<Self, String> {
        let docker = match address.strip_prefix("unix://") {
            Some(_) => Docker::connect_with_unix(address, REQUEST_SECONDS, API_DEFAULT_VERSION)
                .map_err(|error| error.to_string())?,
            None if wants_tls(address) && std::env::var_os("DOCKER_CERT_PATH").is_none() => {
                return Err("DOCKER_CERT_PATH is not set".to_owned());
            }
            // It reads the other variables that belong to DOCKER_HOST, for TLS.
            None => docker_client_instance().await.map_err(|error| error.to_string())?,
        };
        let answer = tokio::time::timeout(PATIENCE, docker.negotiate_version()).await;
        let answer = answer.map_err(|_| format!("silent for {} s", PATIENCE.as_secs()))?;
        let docker = answer.map_err(|error| error.to_string())?;
        Ok(Self { docker, address: address.to_owned() })
    }

    /// The same engine by a connection of its own, for another runtime.
    pub(super) async fn again(&self) -> Option<Self> {
        Self::connect(&self.address).await.ok()
    }

    pub(super) fn address(&self) -> &str {
        &self.address
    }

    /// The program with which people talk to it.
    pub(super) fn program(&self) -> &'static str {
        if self.address.contains("podman") { "podman" } else { "docker" }
    }

    /// Whether it runs on this machine.
    pub(super) fn is_local(&self) -> bool {
        self.address.starts_with("unix://")
    }

    /// Where its containers' ports are found: on the machine that runs it. Who is in a container
    /// itself, of another name, finds them at the gateway.
    pub(super) async fn host(&self) -> String {
        if !self.is_local() {
            let rest = self.address.split("://").nth(1).unwrap_or_default();
            let place = rest.split('/').next().unwrap_or_default();
            let host = place.rsplit_once(':').map_or(place, |(host, _)| host);
            return host.trim_matches(['[', ']']).to_owned();
        }
        let in_container = ["/.dockerenv", "/run/.containerenv"];
        let in_container = in_container.iter().any(|file| Path::new(file).exists());
        if in_container && self.machine().await != Some(super::machine()) {
            for network in ["bridge", "podman"] {
                let found = self.docker.inspect_network(network, None::<InspectNetworkOptions>);
                let Ok(found) = found.await else { continue };
                let ranges = found.ipam.and_then(|ipam| ipam.config).unwrap_or_default();
                if let Some(gateway) = ranges.into_iter().find_map(|range| range.gateway) {
                    return gateway;
                }
            }
        }
        "127.0.0.1".to_owned()
    }

    /// The name of its machine, as that calls itself.
    async fn machine(&self) -> Option<String> {
        self.docker.info().await.ok()?.name
    }

    /// The memory of its machine.
    pub(super) async fn memory_bytes(&self) -> Option<u64> {
        let info = self.docker.info().await.ok()?;
        u64::try_from(info.mem_total?).ok()
    }

    /// An image that it has.
    pub(super) async fn image(&self, image: &Image) -> Result<Option<ImageInspect>> {
        match self.docker.inspect_image(&image.reference()).await {
            Ok(found) => Ok(Some(found)),
            Err(bollard::errors::Error::DockerResponseServerError { status_code: 404, .. }) => {
                Ok(None)
            }
            Err(error) => {
                Err(Error::new(format!("failed to look for the image {image}")).caused_by(error))
            }
        }
    }

    /// Gets an image from its registry.
    pub(super) async fn pull(&self, image: &Image, news: &dyn News) -> Result<()> {
        news.begin(&format!("pulling {image}"));
        let options = CreateImageOptionsBuilder::new().from_image(&image.reference()).build();
        let mut steps = self.docker.create_image(Some(options), None, credentials(image).await);
        let mut layers = Layers::default();
        let failed = || Error::new(format!("failed to pull {image}"));
        loop {
            let step = tokio::time::timeout(SILENCE_MAX, steps.next()).await.map_err(|_| {
                failed().caused_by(format!("silent for {} s", SILENCE_MAX.as_secs()))
            })?;
            let Some(step) = step else { return Ok(()) };
            let step = step.map_err(|error| failed().caused_by(error))?;
            if let Some(percent) = layers.take(step) {
                news.go_on(&format!("pulling {image}: {percent} %"));
            }
        }
    }

    /// The containers that bear a label, running or not.
    pub(super) async fn labelled(&self, label: &str) -> Vec<ContainerSummary> {
        let filters = HashMap::from([("label", vec![label])]);
        let options = ListContainersOptionsBuilder::new().all(true).filters(&filters).build();
        self.docker.list_containers(Some(options)).await.unwrap_or_default()
    }

    /// Ends a container, and removes it with its anonymous volumes; false if it isn't there.
    pub(super) async fn remove(&self, name: &str) -> bool {
        let options = RemoveContainerOptionsBuilder::new().force(true).v(true).build();
        self.docker.remove_container(name, Some(options)).await.is_ok()
    }
}

fn wants_tls(address: &str) -> bool {
    address.starts_with("https://")
        || std::env::var("DOCKER_TLS_VERIFY").is_ok_and(|verify| verify == "1")
}

/// The sockets that are there, in the order in which they are tried.
fn sockets() -> impl Iterator<Item = PathBuf> {
    let own = rustix::process::geteuid().as_raw();
    let runtime = std::env::var_os("XDG_RUNTIME_DIR")
        .map_or_else(|| PathBuf::from(format!("/run/user/{own}")), PathBuf::from);
    let home = std::env::home_dir().unwrap_or_default();
    [
        PathBuf::from("/var/run/docker.sock"),
        runtime.join("docker.sock"), // rootless Docker
        runtime.join(".docker/run/docker.sock"),
        home.join(".docker/run/docker.sock"), // Docker Desktop on macOS
        home.join(".docker/desktop/docker.sock"), // Docker Desktop on Linux
        home.join(".orbstack/run/docker.sock"),
        home.join(".colima/default/docker.sock"),
        home.join(".rd/docker.sock"),       // Rancher Desktop
        runtime.join("podman/podman.sock"), // rootless Podman
        PathBuf::from("/run/podman/podman.sock"),
    ]
    .into_iter()
    .filter(|socket| socket.exists())
}

/// What the user has stored for an image's registry.
async fn credentials(image: &Image) -> Option<DockerCredentials> {
    use docker_credential::DockerCredential;

    let registry = image.registry().to_owned();
    let server = registry.clone();
    // It may ask a program.
    let found = tokio::task::spawn_blocking(move || docker_credential::get_credential(&server));
    let serveraddress = Some(registry);
    Some(match found.await.ok()?.ok()? {
        DockerCredential::IdentityToken(token) => DockerCredentials {
            identitytoken: Some(token),
            serveraddress,
            ..DockerCredentials::default()
        },
        DockerCredential::UsernamePassword(username, password) => DockerCredentials {
            username: Some(username),
            password: Some(password),
            serveraddress,
            ..DockerCredentials::default()
        },
    })
}

/// How far the layers of an image are.
#[derive(Default)]
struct Layers {
    /// Of each one, the bytes that are there and those that there will be.
    bytes: BTreeMap<String, (i64, i64)>,
    percent: i64,
}

impl Layers {
    /// The percentage, if it has changed.
    fn take(&mut self, step: CreateImageInfo) -> Option<i64> {
        let (layer, detail) = (step.id?, step.progress_detail?);
        // Unpacking begins again at nothing.
        if step.status? == "Downloading" {
            self.bytes.insert(layer, (detail.current?, detail.total?));
        }
        let (done, all) =
            self.bytes.values().fold((0, 0), |(done, all), it| (done + it.0, all + it.1));
        let percent = (done * 100).checked_div(all)?;
        // The later layers are known only after the first ones.
        let is_news = percent > self.percent;
        self.percent = self.percent.max(percent);
        is_news.then_some(percent)
    }
}
