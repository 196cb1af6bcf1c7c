//! What differs between Postgres versions by itself, whatever the schema. Between two versions of
//! which one can't say it, or says it for its own reasons, it makes no difference, and the
//! comparison says that it was left out.
//!
//! All other differences between versions are in the queries, which return the same columns
//! everywhere, and in how expressions are spelled, which `respell` settles.

use super::{Catalog, Difference};

/// An attribute that two versions need not agree about.
struct Own {
    kind: &'static str,
    attribute: &'static str,
    /// The first major version that can say it; none if each has its own.
    since: Option<u32>,
    /// What to say of it.
    reason: &'static str,
}

const OWN: &[Own] = &[
    Own {
        kind: "column",
        attribute: "not null name",
        since: Some(18),
        reason: "the names of NOT NULL constraints, which Postgres keeps from 18 on",
    },
    Own {
        kind: "column",
        attribute: "not null inherited",
        since: Some(18),
        reason: "whether a child has a NOT NULL of its own, which Postgres keeps from 18 on",
    },
    Own {
        kind: "column",
        attribute: "not null comment",
        since: Some(18),
        reason: "comments on NOT NULL constraints, which columns have from 18 on",
    },
    Own {
        kind: "domain",
        attribute: "not null name",
        since: Some(17),
        reason: "the names of NOT NULL constraints of domains, which Postgres keeps from 17 on",
    },
    Own {
        kind: "domain",
        attribute: "not null comment",
        since: Some(17),
        reason: "comments on NOT NULL constraints of domains, which there are from 17 on",
    },
    Own {
        kind: "extension",
        attribute: "version",
        since: None,
        reason: "the versions of extensions, which come with each Postgres",
    },
];

/// Takes away what two versions need not agree about, and returns what that was.
pub(super) fn forget_own(
    differences: &mut Vec<Difference>,
    left: &Catalog,
    right: &Catalog,
) -> Vec<String> {
    let (older, newer) = (left.major.min(right.major), left.major.max(right.major));
    let is_between = |since: u32| older < since && since <= newer;
    let may_differ = |own: &&Own| own.since.map_or(older < newer, is_between);
    let mut forgotten = Vec::new();
    for own in OWN.iter().filter(may_differ) {
        let count = differences.len();
        differences.retain(|difference| !is_of(difference, own));
        if differences.len() < count {
            forgotten.push(own.reason.to_owned());
        }
    }
    forgotten
}

fn is_of(difference: &Difference, own: &Own) -> bool {
    matches!(difference, Difference::Changed { identity, attribute, .. }
        if identity.kind() == own.kind && attribute == own.attribute)
}

#[cfg(test)]
mod tests {
    use super::{super::model::catalog, *};
    use crate::catalog::diff;

    fn check(left: &str, right: &str, majors: [u32; 2], told: usize) {
        let (mut left, mut right) = (catalog(left), catalog(right));
        [left.major, right.major] = majors;
        let mut differences = diff(&left, &right);
        let forgotten = forget_own(&mut differences, &left, &right);
        assert_eq!((differences.len(), forgotten.len()), (told, 1 - told), "{majors:?}");
    }

    #[test]
    fn what_a_version_cannot_say_makes_no_difference() {
        let column = "column | public.t.a | not null: yes";
        let named = "column | public.t.a | not null: yes | not null name: t_a_set";
        check(column, named, [17, 18], 0);
        check(named, column, [18, 14], 0);
        check(named, column, [18, 19], 1);
        check(named, column, [18, 18], 1);
    }

    #[test]
    fn what_each_version_brings_makes_no_difference() {
        let old = "extension | hstore | version: 1.7";
        let new = "extension | hstore | version: 1.8";
        check(old, new, [14, 15], 0);
        check(old, new, [15, 15], 1);
    }
}
