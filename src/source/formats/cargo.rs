//! What a project's Cargo manifests say of the crates that migrate.

use toml::Value;

use super::Folder;

/// What the manifests of a folder and those above it say of a dependency, as often as they name it.
pub(super) fn dependencies(folder: &Folder, name: &str) -> Vec<Value> {
    folder.above("Cargo.toml").iter().flat_map(|manifest| named(manifest, name)).collect()
}

/// What a manifest says of a dependency, wherever it names it.
pub(super) fn named(manifest: &str, name: &str) -> Vec<Value> {
    let Ok(manifest) = manifest.parse::<toml::Table>() else { return Vec::new() };
    let workspace = manifest.get("workspace").and_then(Value::as_table);
    let targets = manifest.get("target").and_then(Value::as_table);
    let targets = targets.into_iter().flat_map(toml::Table::values).filter_map(Value::as_table);
    let tables = [Some(&manifest), workspace].into_iter().flatten().chain(targets);
    let kinds = ["dependencies", "dev-dependencies", "build-dependencies"];
    let lists = tables.flat_map(|table| kinds.map(|kind| table.get(kind))).flatten();
    lists.filter_map(|list| list.get(name)).cloned().collect()
}

/// Whether a dependency's features are named with this one among them.
pub(super) fn has_feature(dependency: &Value, feature: &str) -> bool {
    let features = dependency.get("features").and_then(Value::as_array);
    features.is_some_and(|all| all.iter().any(|it| it.as_str() == Some(feature)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(manifest: &str, expected: usize) {
        assert_eq!(named(manifest, "refinery").len(), expected, "{manifest}");
    }

    #[test]
    fn a_dependency_is_found_wherever_it_is_named() {
        check("[dependencies]\nrefinery = \"0.10\"", 1);
        check("[dependencies]\nrefinery.workspace = true", 1);
        check("[build-dependencies.refinery]\nversion = \"0.10\"", 1);
        check("[workspace.dependencies]\nrefinery = { version = \"0.10\" }", 1);
        check("[target.'cfg(unix)'.dependencies]\nrefinery = \"0.10\"", 1);
        check("[dependencies]\nsqlx = \"0.9\"", 0);
        check("[dependencies\n", 0);
    }
}
