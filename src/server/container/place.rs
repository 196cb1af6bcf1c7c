//! Where an engine may answer: what the environment names, what Docker's contexts choose, and the
//! usual sockets. Talks to nobody.

use std::collections::HashMap;
use std::ffi::OsString;
use std::path::{Path, PathBuf};

use serde::Deserialize;

/// An address, and what is needed to get in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Place {
    pub(super) address: String,
    /// The folder with the certificates, if it is to be TLS.
    pub(super) certificates: Option<PathBuf>,
}

/// The places in the order in which they are tried, or why there is none. Whoever names one in the
/// environment wants no other.
pub(super) fn places() -> Result<Vec<Place>, String> {
    let variable = |name| std::env::var_os(name).filter(|value| !value.is_empty());
    let text = |value: OsString| value.to_string_lossy().into_owned();
    let home = std::env::home_dir().unwrap_or_default();
    let docker = variable("DOCKER_CONFIG").map_or_else(|| home.join(".docker"), PathBuf::from);
    if let Some(address) = variable("DOCKER_HOST").map(text) {
        let wants_tls = address.starts_with("https://") || variable("DOCKER_TLS_VERIFY").is_some();
        let folder = || variable("DOCKER_CERT_PATH").map_or(docker, PathBuf::from);
        return Ok(vec![Place { address, certificates: wants_tls.then(folder) }]);
    }
    if let Some(name) = variable("DOCKER_CONTEXT").map(text).filter(|name| name != DEFAULT) {
        let place = context(&docker, &name);
        return Ok(vec![place.ok_or_else(|| format!(": there is no context `{name}`"))?]);
    }
    let current = chosen(&docker).and_then(|name| context(&docker, &name));
    let own = rustix::process::geteuid().as_raw();
    let runtime = variable("XDG_RUNTIME_DIR")
        .map_or_else(|| PathBuf::from(format!("/run/user/{own}")), PathBuf::from);
    let sockets = sockets(&runtime, &home).into_iter().filter(|socket| socket.exists());
    Ok(current.into_iter().chain(sockets.map(|socket| Place::socket(&socket))).collect())
}

impl Place {
    fn socket(path: &Path) -> Self {
        Self { address: format!("unix://{}", path.display()), certificates: None }
    }
}

/// Where engines usually answer.
fn sockets(runtime: &Path, home: &Path) -> [PathBuf; 10] {
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
}

/// The context that stands for the usual socket, and is stored nowhere.
const DEFAULT: &str = "default";

/// What `docker context use` has chosen.
fn chosen(docker: &Path) -> Option<String> {
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Config {
        current_context: String,
    }
    let text = std::fs::read(docker.join("config.json")).ok()?;
    serde_json::from_slice::<Config>(&text).ok().map(|config| config.current_context)
}

/// What `docker context create` has stored under a name. The folders are called after a digest of
/// the name, which they also hold.
fn context(docker: &Path, name: &str) -> Option<Place> {
    #[derive(Deserialize)]
    #[serde(rename_all = "PascalCase")]
    struct Context {
        name: String,
        endpoints: HashMap<String, Endpoint>,
    }
    #[derive(Deserialize)]
    #[serde(rename_all = "PascalCase")]
    struct Endpoint {
        host: String,
    }
    let contexts = docker.join("contexts");
    let folders = std::fs::read_dir(contexts.join("meta")).ok()?.flatten();
    folders.map(|folder| folder.path()).find_map(|folder| {
        let text = std::fs::read(folder.join("meta.json")).ok()?;
        let mut context = serde_json::from_slice::<Context>(&text).ok()?;
        let endpoint = context.endpoints.remove("docker").filter(|_| context.name == name)?;
        let certificates = contexts.join("tls").join(folder.file_name()?).join("docker");
        let certificates = certificates.is_dir().then_some(certificates);
        Some(Place { address: endpoint.host, certificates })
    })
}
