//! The names of images, as people write them.

use std::fmt;

/// An image's name: `postgres:17`, `localhost:5000/team/postgres`, `postgres@sha256:…`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Image {
    /// Everything before the last colon that doesn't belong to a registry's port.
    pub(super) name: String,
    /// Everything after it.
    pub(super) tag: String,
}

/// The image unless the project names one: Debian's, with the collations of production.
const DEFAULT: &str = "postgres:{version}";

/// In a template, what a version is put in place of.
const VERSION: &str = "{version}";

/// Docker Hub, under the name by which credentials for it are stored.
const HUB: &str = "https://index.docker.io/v1/";

impl Image {
    /// The image for a version, by a project's template.
    pub(super) fn of(template: Option<&str>, version: &str) -> Self {
        Self::parse(&template.unwrap_or(DEFAULT).replace(VERSION, version))
    }

    /// Whether there is another image for another version.
    pub(super) fn varies(template: Option<&str>) -> bool {
        template.unwrap_or(DEFAULT).contains(VERSION)
    }

    fn parse(text: &str) -> Self {
        let (name, tag) = match text.rsplit_once(':') {
            Some((name, tag)) if !tag.contains('/') => (name, tag),
            // The colon is that of a port.
            _ => (text, "latest"),
        };
        Self { name: name.to_owned(), tag: tag.to_owned() }
    }

    pub(super) fn reference(&self) -> String {
        self.to_string()
    }

    /// The registry that has it.
    pub(super) fn registry(&self) -> &str {
        match self.name.split_once('/') {
            Some((first, _)) if first.contains(['.', ':']) || first == "localhost" => first,
            _ => HUB,
        }
    }
}

impl fmt::Display for Image {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.name, self.tag)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, name: &str, tag: &str, registry: &str) {
        let image = Image::parse(text);
        assert_eq!((image.name.as_str(), image.tag.as_str()), (name, tag), "{text}");
        assert_eq!(image.registry(), registry, "{text}");
    }

    #[test]
    fn a_name_is_split_at_the_tag_and_not_at_a_port() {
        check("postgres", "postgres", "latest", HUB);
        check("postgres:17-alpine", "postgres", "17-alpine", HUB);
        check("pgvector/pgvector:pg16", "pgvector/pgvector", "pg16", HUB);
        check("ghcr.io/team/postgres:16", "ghcr.io/team/postgres", "16", "ghcr.io");
        check("localhost:5000/postgres", "localhost:5000/postgres", "latest", "localhost:5000");
        check("localhost:5000/postgres:16", "localhost:5000/postgres", "16", "localhost:5000");
        check("postgres@sha256:0ab1", "postgres@sha256", "0ab1", HUB);
        check("r.io:1/postgres:16@sha256:0ab1", "r.io:1/postgres:16@sha256", "0ab1", "r.io:1");
    }

    #[test]
    fn a_version_takes_its_place() {
        assert_eq!(Image::of(None, "16.14").to_string(), "postgres:16.14");
        assert_eq!(Image::of(Some("a/b:pg{version}"), "16").to_string(), "a/b:pg16");
        assert_eq!(Image::of(Some("a/b:pg16"), "17").to_string(), "a/b:pg16");
        assert!(Image::varies(None) && !Image::varies(Some("a/b:pg16")));
    }
}
