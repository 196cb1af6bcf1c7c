//! Who owns what: where one role owns all of a schema, and its hand-over to another one.
//!
//! Whoever plays a chain owns what it makes. On a scratch server that is another role than where
//! the schema lives, and no difference between the two.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::model::{Catalog, Identity};

impl Catalog {
    /// The roles that own something of which an owner is told.
    pub(crate) fn owners(&self) -> BTreeSet<String> {
        let owners = self.objects.values().filter_map(|object| object.get("owner"));
        owners.map(str::to_owned).collect()
    }

    /// Gives another role all that one owns, and all that it was granted or has granted.
    pub(crate) fn hand_over(&mut self, from: &str, to: &str) {
        let renamed: Vec<_> = self
            .objects
            .keys()
            .filter_map(|it| {
                let new = Identity::new(it.kind(), name_of(it, from, to)?)?;
                // Both have some: neither takes the place of the other.
                (!self.objects.contains_key(&new)).then(|| (it.clone(), new))
            })
            .collect();
        for (old, new) in renamed {
            if let Some(object) = self.objects.remove(&old) {
                self.objects.insert(new, object);
            }
        }
        for object in self.objects.values_mut() {
            for (attribute, value) in Arc::make_mut(&mut object.attributes) {
                match attribute.as_str() {
                    "owner" if value == from => to.clone_into(value),
                    "grants" => *value = granted(value, from, to),
                    "roles" => {
                        let roles = value.split(", ").map(|it| if it == from { to } else { it });
                        let mut roles = roles.collect::<Vec<_>>();
                        roles.sort_unstable();
                        *value = roles.join(", ");
                    }
                    _ => {}
                }
            }
        }
    }
}

/// The name of what is called by a role, with another one in its place.
fn name_of(it: &Identity, from: &str, to: &str) -> Option<String> {
    match it.kind() {
        "default privileges" | "user mapping" => {
            let rest = it.name().strip_prefix("for ")?.strip_prefix(from)?;
            rest.starts_with(' ').then(|| format!("for {to}{rest}"))
        }
        "large objects" => (it.name().strip_prefix("of ")? == from).then(|| format!("of {to}")),
        "setting" => {
            let option = it.name().strip_suffix(from)?.strip_suffix(" for ")?;
            Some(format!("{option} for {to}"))
        }
        _ => None,
    }
}

/// The grants with one role in another one's place: `app with grant option by dba: select; …`.
fn granted(grants: &str, from: &str, to: &str) -> String {
    let grants = grants.split("; ").map(|grant| {
        let (who, what) = grant.split_once(": ").unwrap_or((grant, ""));
        let (grantee, grantor) = who.split_once(" by ").unwrap_or((who, ""));
        let (role, option) = match grantee.strip_suffix(" with grant option") {
            Some(role) => (role, " with grant option"),
            None => (grantee, ""),
        };
        let now = |role: &str| if role == from { to.to_owned() } else { role.to_owned() };
        let by = if grantor.is_empty() { String::new() } else { format!(" by {}", now(grantor)) };
        let what = if what.is_empty() { String::new() } else { format!(": {what}") };
        format!("{}{option}{by}{what}", now(role))
    });
    let mut grants = grants.collect::<Vec<_>>();
    grants.sort();
    grants.join("; ")
}

#[cfg(test)]
mod tests {
    use super::super::model::catalog;
    use pretty_assertions::assert_eq;

    fn check(before: &str, after: &str) {
        let mut catalog = catalog(before);
        catalog.hand_over("postgres", "app");
        assert_eq!(catalog, super::super::model::catalog(after));
    }

    #[test]
    fn owners_and_grants_are_handed_over() {
        check("table | public.a | owner: postgres", "table | public.a | owner: app");
        check("table | public.a | owner: me", "table | public.a | owner: me");
        check(
            "schema | public | grants: postgres with grant option: usage; \
                 b by postgres: create, usage; the owner: all; zoe: usage",
            "schema | public | grants: app with grant option: usage; \
                 b by app: create, usage; the owner: all; zoe: usage",
        );
        check("schema | public | grants: none", "schema | public | grants: none");
        check(
            "default privileges | for postgres in schema public on tables | grants: me: select",
            "default privileges | for app in schema public on tables | grants: me: select",
        );
        check("user mapping | for postgres on s", "user mapping | for app on s");
        check("user mapping | for postgres2 on s", "user mapping | for postgres2 on s");
        check("large objects | of postgres | count: 2", "large objects | of app | count: 2");
        check(
            "setting | work_mem for postgres | value: 1",
            "setting | work_mem for app | value: 1",
        );
        check(
            "policy | public.t.p | roles: postgres, zoe",
            "policy | public.t.p | roles: app, zoe",
        );
        check(
            "default privileges | for postgres2 on tables",
            "default privileges | for postgres2 on tables",
        );
    }
}
