//! The engine that runs containers, and the images that it has.
//!
//! Knows nothing of Postgres. testcontainers' own client speaks the newest version of Docker's
//! protocol and no other, and looks for no socket of Podman and no context: so the version is
//! agreed on here, and engines are looked for in more places.

use std::collections::{BTreeMap, HashMap};
use std::path::Path;
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

use super::super::news::News;
use super::image::Image;
use super::place::{Place, places};
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
    place: Place,
}

impl Engine {
    /// The first one that answers.
    pub(super) async fn find() -> Result<Self> {
        let nobody = |why: &str| Error::new(format!("no container engine answers{why}"));
        let mut reasons = Vec::new();
        for place in places().map_err(|reason| nobody(&reason))? {
            match Self::connect(&place).await {
                Ok(engine) => return Ok(engine),
                Err(reason) => reasons.push(format!(" at {} ({reason})", place.address)),
            }
        }
        Err(nobody(&reasons.join(" and")))
    }

    /// The engine at a place, in a version of the protocol that it speaks.
    async fn connect(place: &Place) -> Result<Self, String> {
        let (address, version) = (&place.address, API_DEFAULT_VERSION);
        let docker = match (address.split_once("://"), &place.certificates) {
            (Some(("unix", _)), _) => Docker::connect_with_unix(address, REQUEST_SECONDS, version),
            (Some(("tcp" | "http" | "https", _)), Some(folder)) => {
                let [key, certificate, authority] =
                    ["key.pem", "cert.pem", "ca.pem"].map(|name| folder.join(name));
                let seconds = REQUEST_SECONDS;
                Docker::connect_with_ssl(address, &key, &certificate, &authority, seconds, version)
            }
            (Some(("tcp" | "http", _)), None) => {
                Docker::connect_with_http(address, REQUEST_SECONDS, version)
            }
            _ => return Err("only unix://, tcp:// and https:// are understood".to_owned()),
        };
        let docker = docker.map_err(|error| error.to_string())?;
        let answer = tokio::time::timeout(PATIENCE, docker.negotiate_version()).await;
        let answer = answer.map_err(|_| format!("silent for {} s", PATIENCE.as_secs()))?;
        let docker = answer.map_err(|error| error.to_string())?;
        Ok(Self { docker, place: place.clone() })
    }

    /// The same engine by a connection of its own, for another runtime.
    pub(super) async fn again(&self) -> Option<Self> {
        Self::connect(&self.place).await.ok()
    }

    pub(super) fn address(&self) -> &str {
        &self.place.address
    }

    /// The program with which people talk to it.
    pub(super) fn program(&self) -> &'static str {
        if self.address().contains("podman") { "podman" } else { "docker" }
    }

    /// Whether it runs on this machine.
    pub(super) fn is_local(&self) -> bool {
        self.address().starts_with("unix://")
    }

    /// Where its containers' ports are found: on the machine that runs it. Who is in a container
    /// itself, of another name, finds them at the gateway.
    pub(super) async fn host(&self) -> String {
        if !self.is_local() {
            let rest = self.address().split("://").nth(1).unwrap_or_default();
            let place = rest.split('/').next().unwrap_or_default();
            let host = place.rsplit_once(':').map_or(place, |(host, _)| host);
            return host.trim_matches(['[', ']']).to_owned();
        }
        let in_container = ["/.dockerenv", "/run/.containerenv"];
        let in_container = in_container.iter().any(|file| Path::new(file).exists());
        let uname = rustix::system::uname();
        let own_name = uname.nodename().to_string_lossy();
        if in_container && self.machine().await.as_deref() != Some(&*own_name) {
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
