//! The order in which tables are filled: what a table refers to comes before it, where that can be.

use std::collections::BTreeSet;

/// A table as far as the order goes.
#[derive(Debug, Clone, Default)]
pub(super) struct Needs<'a> {
    pub(super) table: &'a str,
    /// The tables without a row of which it can't have one.
    pub(super) rows_of: BTreeSet<&'a str>,
    /// Those to which it may refer.
    pub(super) may_refer_to: BTreeSet<&'a str>,
}

/// The tables in their order. Where they need each other, they come together, as one entry.
pub(super) fn in_order(mut tables: Vec<Needs<'_>>) -> Vec<Vec<&str>> {
    let mut order = Vec::new();
    while !tables.is_empty() {
        let waiting: BTreeSet<&str> = tables.iter().map(|it| it.table).collect();
        let is_free = |needs: &BTreeSet<&str>, table: &str| {
            needs.iter().all(|other| *other == table || !waiting.contains(*other))
        };
        let necessary = |it: &Needs<'_>| is_free(&it.rows_of, it.table);
        let all = |it: &Needs<'_>| necessary(it) && is_free(&it.may_refer_to, it.table);
        let next = tables.iter().position(all).or_else(|| tables.iter().position(necessary));
        let together: BTreeSet<&str> = match next {
            Some(next) => BTreeSet::from([tables[next].table]),
            None => smallest_circle(&tables, &waiting),
        };
        tables.retain(|it| !together.contains(it.table));
        order.push(together.into_iter().collect());
    }
    order
}

/// The fewest tables that need nothing but each other.
fn smallest_circle<'a>(tables: &[Needs<'a>], waiting: &BTreeSet<&'a str>) -> BTreeSet<&'a str> {
    let circles = tables.iter().map(|start| {
        let mut reached = BTreeSet::from([start.table]);
        loop {
            let of_reached = tables.iter().filter(|it| reached.contains(it.table));
            let more: Vec<_> = of_reached
                .flat_map(|it| it.rows_of.intersection(waiting).copied())
                .filter(|table| !reached.contains(table))
                .collect();
            if more.is_empty() {
                return reached;
            }
            reached.extend(more);
        }
    });
    circles.min_by_key(BTreeSet::len).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use pretty_assertions::assert_eq;

    /// Each table as `name: needed, ?may`.
    fn check(tables: &[&'static str], expect: &str) {
        let needs = |line: &&'static str| {
            let (table, others) = line.split_once(':').expect("a colon");
            let others = others.split(',').map(str::trim).filter(|other| !other.is_empty());
            let (may, must): (Vec<_>, Vec<_>) = others.partition(|other| other.starts_with('?'));
            Needs {
                table,
                rows_of: must.into_iter().collect(),
                may_refer_to: may.into_iter().map(|other| &other[1..]).collect(),
            }
        };
        let order = in_order(tables.iter().map(needs).collect());
        let order = order.iter().map(|together| together.join("+")).collect::<Vec<_>>();
        assert_eq!(order.join(" "), expect);
    }

    #[test]
    fn what_is_referred_to_comes_first() {
        check(&["a: b", "b: c", "c:"], "c b a");
        check(&["a: ?b", "b:"], "b a");
        check(&["a: a, ?z"], "a");
    }

    #[test]
    fn a_circle_is_cut_where_it_may_be() {
        check(&["a: b", "b: ?a"], "b a");
        check(&["a: b", "b: a", "c: a", "d:"], "d a+b c");
    }
}
