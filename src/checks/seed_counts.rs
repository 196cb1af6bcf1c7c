//! # What it proves
//!
//! After the seeds, the tables for which the project declares a number of rows have that many, as
//! `SELECT count(*) FROM table` counts them: with partitions and the tables that inherit from it. A
//! table that is declared nowhere is not judged.
//!
//! # Why it matters
//!
//! Apps rely on what seeds bring: the roles that there are, the one administrator, the eight posts
//! on the front page. A seed whose SELECT finds nothing to insert from succeeds all the same.
//!
//! # Example
//!
//! In `rehearsal.toml`, a name with the schema if that isn't `public`:
//!
//! ```toml
//! [seeds]
//! expect = { users = 3, "app.posts" = 8 }
//! ```

use toml::Spanned;

use super::change::unquoted;
use super::sowing::applied;
use super::{Check, Finding, Judge, Place, Usual, Verdict, without_seeds};
use crate::catalog::{Catalog, Identity};
use crate::config::nearest;
use crate::source::Project;
use crate::trace::{Act, State, Traces};

pub(super) const CHECK: Check = Check {
    name: "seed_counts",
    level: |_| Usual::Deny,
    judge: Judge::Act { act: Act::Seed, spared, judge },
};

fn spared(project: &Project) -> Option<String> {
    let nothing = || "[seeds] declares no counts: expect = { … }".to_owned();
    let is_declared = !project.config.seeds.expect.is_empty();
    without_seeds(project).or_else(|| (!is_declared).then(nothing))
}

fn judge(project: &Project, traces: &Traces) -> Verdict {
    let (_, end) = match applied(traces) {
        Ok(played) => played,
        Err(skipped) => return skipped,
    };
    let before = traces.fresh.end.as_ref();
    let expected = project.config.seeds.expect.iter();
    let findings = expected.filter_map(|(table, count)| {
        let finding = match find(&end.catalog, table.get_ref()) {
            Some(found) => differs(found, *count, before, end)?,
            None => unknown(&end.catalog, table),
        };
        Some(match Place::in_config(&project.config, table.span()) {
            Some(place) => finding.at(place),
            None => finding,
        })
    });
    Verdict::Judged(findings.collect())
}

/// The table that is meant, by its name with or without schema and quotes.
fn find<'a>(catalog: &'a Catalog, name: &str) -> Option<&'a Identity> {
    let is_meant = |identity: &&Identity| {
        let full = identity.name();
        let short = full.strip_prefix("public.").unwrap_or(full);
        [full, short].into_iter().any(|it| it == name || it.replace('"', "") == name)
    };
    relations(catalog).find(is_meant)
}

fn relations(catalog: &Catalog) -> impl Iterator<Item = &Identity> {
    let kinds = ["table", "materialized view"];
    catalog.objects.keys().filter(move |identity| kinds.contains(&identity.kind()))
}

fn differs(
    table: &Identity,
    expected: u64,
    before: Option<&State>,
    end: &State,
) -> Option<Finding> {
    let count = count(end, table.name());
    if count == expected {
        return None;
    }
    let name = table.name();
    let rows = |count| if count == 1 { "1 row".to_owned() } else { format!("{count} rows") };
    let message = format!("{name} has {} after the seeds, and not {expected}", rows(count));
    let finding = Finding::new(message).label(format!("there: {count}, declared: {expected}"));
    let by_the_chain = before.map_or(0, |before| self::count(before, name));
    let finding = match by_the_chain {
        0 => finding,
        some => finding.note(format!("the migrations alone leave {} in it", rows(some))),
    };
    Some(finding.help("mend the seed that fills it, or declare what it brings"))
}

/// The rows that `SELECT count(*) FROM table` finds: those of the table, of its partitions, and of
/// the tables that inherit from it, however many ways lead to one of them.
fn count(state: &State, table: &str) -> u64 {
    let mut family = vec![table];
    let mut next = 0;
    while let Some(parent) = family.get(next).copied() {
        let children = state.catalog.objects.iter().filter(|(identity, object)| {
            let parents = object.get("partition of").or(object.get("inherits"));
            identity.kind() == "table"
                && parents.is_some_and(|it| it.split(", ").any(|it| it == parent))
                && !family.contains(&identity.name())
        });
        let children = children.map(|(identity, _)| identity.name()).collect::<Vec<_>>();
        family.extend(children);
        next += 1;
    }
    let counts = family.iter().filter_map(|table| state.rows.tables.get(*table));
    counts.map(|rows| rows.count).sum()
}

/// A declared table that isn't there.
fn unknown(catalog: &Catalog, table: &Spanned<String>) -> Finding {
    let name = table.get_ref();
    let finding = Finding::new(format!("there is no table `{name}`"))
        .label("declared here")
        .note("a declared count holds only for a table that the migrations make");
    let short = |name: &str| unquoted(name.rsplit('.').next().unwrap_or(name));
    let elsewhere = relations(catalog).find(|it| short(it.name()) == short(name));
    let names = relations(catalog).map(|it| {
        let name = it.name();
        name.strip_prefix("public.").unwrap_or(name)
    });
    let names = names.collect::<Vec<_>>();
    let near = elsewhere.map(Identity::name).or_else(|| nearest(name, &names));
    let near = near.or_else(|| names.iter().copied().find(|it| it.contains(name.as_str())));
    finding.help(match near {
        Some(near) => format!("did you mean `{near}`?"),
        None => "declare a table that is there, with its schema if that isn't `public`".to_owned(),
    })
}
