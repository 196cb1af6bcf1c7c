//! Two schemas that were found, compared: what has to be settled first, because of where they come
//! from, and what is asked of a scratch server.

use std::mem;

use super::{Found, Staging};
use crate::catalog::{self, Without};
use crate::report::{SchemaReport, Side};
use crate::server::Database;
use crate::{Error, Rehearsal, Result};

/// Compares two schemas, for whoever wants to be told.
///
/// # Errors
///
/// When there is no server on which definitions could be made again that differ in text.
pub(crate) async fn compare(
    (left_name, mut left): (String, Found),
    (right_name, mut right): (String, Found),
    mut without: Without,
    staging: &Staging<'_>,
) -> Result<SchemaReport> {
    let mut notes = mem::take(&mut left.notes);
    notes.append(&mut right.notes);
    notes.extend(settle_owners((&left_name, &mut left), (&right_name, &mut right)));
    for (file, other) in [(&left, &right), (&right, &left)] {
        if file.is_dump {
            without = without.and_beyond_a_dump(&file.catalog, &other.catalog);
        }
    }
    let without = without.and_ledger(left.ledger).and_ledger(right.ledger);
    let mut database = None;
    let scratch = async || {
        let nothing = async |_: Database| Ok::<_, Error>(());
        let empty = staging.ask(Rehearsal::of(nothing)).empty_database(None).await?;
        database.insert(empty).admin().await
    };
    let comparison = catalog::compare(&left.catalog, &right.catalog, &without, scratch).await?;
    let left = Side { name: left_name, postgres: left.postgres, catalog: left.catalog };
    let right = Side { name: right_name, postgres: right.postgres, catalog: right.catalog };
    Ok(SchemaReport { left, right, comparison, notes })
}

/// Takes the role that made one side for the one that owns the other, where each owns everything:
/// the role of a throwaway server is nobody's choice. If we made both, it goes without saying.
fn settle_owners(
    (left_name, left): (&str, &mut Found),
    (right_name, right): (&str, &mut Found),
) -> Option<String> {
    let settled = left.catalog.owners() == right.catalog.owners();
    let (ours, theirs) = match (left.sole_player(), right.sole_player()) {
        _ if settled => return None,
        (Some(from), Some(to)) => {
            left.catalog.hand_over(&from, &to);
            return None;
        }
        (Some(_), None) => ((left_name, left), (right_name, right)),
        (None, Some(_)) => ((right_name, right), (left_name, left)),
        (None, None) => return None,
    };
    let ((here, ours), (there, theirs)) = (ours, theirs);
    let role = ours.sole_player()?;
    let owners = theirs.catalog.owners();
    match owners.iter().collect::<Vec<_>>().as_slice() {
        [] => None,
        [owner] => {
            ours.catalog.hand_over(&role, owner);
            Some(format!(
                "{owner}, who owns all of {there}, is taken for {role}, who played {here} and owns \
                 all of that"
            ))
        }
        several => Some(format!(
            "all of {here} is owned by {role}, who played it, and {there} by {}: --without owners \
             leaves them out",
            several.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalog::catalog;
    use pretty_assertions::assert_eq;

    /// Each side in lines of objects, with the role that played it.
    fn check(left: (&str, Option<&str>), right: (&str, Option<&str>), note: Option<&str>) {
        let found = |(text, player): (&str, Option<&str>)| {
            let player = player.map(str::to_owned);
            Found { player, ..Found::of(catalog(text), "18") }
        };
        let (mut left, mut right) = (found(left), found(right));
        let said = settle_owners(("a.sql", &mut left), ("b.sql", &mut right));
        assert_eq!(said.as_deref(), note);
        let is_settled = left.catalog == right.catalog;
        assert_eq!(is_settled, note.is_none_or(|note| note.contains("is taken for")), "{said:?}");
    }

    #[test]
    fn whoever_played_is_taken_for_the_owner() {
        let (mine, apps) = ("table | public.a | owner: me", "table | public.a | owner: app");
        let taken = |there, here| {
            format!(
                "app, who owns all of {there}, is taken for me, who played {here} and owns all of \
                 that"
            )
        };
        check((mine, Some("me")), (apps, None), Some(&taken("b.sql", "a.sql")));
        check((apps, Some("you")), (mine, Some("me")), Some(&taken("a.sql", "b.sql")));
        check((mine, Some("me")), (apps, Some("app")), None);
        check((mine, Some("me")), (mine, None), None);
    }

    #[test]
    fn several_owners_are_a_difference() {
        let one = "table | public.a | owner: me\ntable | public.b | owner: me";
        let two = "table | public.a | owner: app\ntable | public.b | owner: dba";
        check(
            (one, Some("me")),
            (two, None),
            Some(
                "all of a.sql is owned by me, who played it, and b.sql by app, dba: --without \
                 owners leaves them out",
            ),
        );
    }
}
