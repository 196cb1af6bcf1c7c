//! Respelling: whether two definitions that differ in text differ in more than their spelling.
//!
//! Postgres does not spell an expression as it was written, and not the same way twice: where a
//! dump is loaded, `a IN ('x', 'y')` on a varchar comes out with other casts, and where a newer
//! version prints a view, with fewer table names. So each definition that differs is made again
//! from its text, of either side on the same scratch server, and read again. What the text names is
//! made before it, as far as the catalog tells (`skeleton.rs`). All of it is in a transaction that
//! is rolled back, in an empty database. Once is enough: what was made from a deparsed text is
//! deparsed the same way from then on.
//!
//! What can't be made again is not taken for the same: the difference stays, and the reason is
//! told.

mod names;
mod skeleton;

use self::skeleton::Step;
use super::{Catalog, Difference, Identity, NotNormalized, reader::PINS};
use crate::{Error, Result};
use sqlx::{AssertSqlSafe, Executor as _, postgres::PgConnection};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// What holds an expression, or a query. All others are spelled one way.
const SPELLED: &[(&str, &str)] = &[
    ("column", "default"),
    ("column", "generated"),
    ("check constraint", "definition"),
    ("exclusion constraint", "definition"),
    ("domain", "default"),
    ("function", "definition"),
    ("index", "definition"),
    ("materialized view", "definition"),
    ("policy", "using"),
    ("policy", "with check"),
    ("procedure", "definition"),
    ("publication", "tables"),
    ("rule", "definition"),
    ("statistics", "definition"),
    ("table", "partition key"),
    ("trigger", "definition"),
    ("view", "definition"),
];

/// What is in front of everything that is made. Bodies of functions are text, and what they name
/// need not be there.
const BEGIN: &str = "begin; set local check_function_bodies = off; \
                     set local client_min_messages = error;";

/// Whether some of the differences may be a matter of spelling.
pub(super) fn may_be_spelling(differences: &[Difference]) -> bool {
    !suspects(differences).is_empty()
}

/// The objects that may differ in spelling only, where there is no server to make them again.
pub(super) fn not_made(differences: &[Difference], reason: &str) -> Vec<NotNormalized> {
    let made = |identity| NotNormalized { identity, reason: reason.to_owned() };
    suspects(differences).into_keys().map(made).collect()
}

/// Takes away the differences that are a matter of spelling alone, and spells the others as both
/// sides would be spelled on the scratch server. The connection is a superuser's, to an empty
/// database, which it leaves as empty.
///
/// # Errors
///
/// When the server can't be talked to. What Postgres does not take is returned.
pub(super) async fn respell(
    differences: &mut Vec<Difference>,
    left: &Catalog,
    right: &Catalog,
    connection: &mut PgConnection,
) -> Result<Vec<NotNormalized>> {
    let suspects = suspects(differences);
    let of = |side: Side| {
        let here = suspects.iter().filter(|(_, sides)| sides.contains(&side));
        here.map(|(identity, _)| identity.clone()).collect::<BTreeSet<_>>()
    };
    let left = respelled(left, &of(Side::Left), connection).await?;
    let right = respelled(right, &of(Side::Right), connection).await?;
    differences.retain_mut(|difference| respell_one(difference, &left, &right));
    let failures = left.failures.into_iter().chain(right.failures);
    // An object that is made on neither side has one reason, that of the left.
    let failures: BTreeMap<Identity, String> = failures.rev().collect();
    let told = differences.iter().map(Difference::identity).collect::<BTreeSet<_>>();
    let failures = failures.into_iter().filter(|(identity, _)| told.contains(identity));
    Ok(failures.map(|(identity, reason)| NotNormalized { identity, reason }).collect())
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Side {
    Left,
    Right,
}

/// The objects whose text may be spelled otherwise, and where they are: those that changed, and of
/// the others those that may have but another name on the other side.
fn suspects(differences: &[Difference]) -> BTreeMap<Identity, Vec<Side>> {
    let mut suspects: BTreeMap<Identity, Vec<Side>> = BTreeMap::new();
    let is_spelled = |kind: &str| SPELLED.iter().any(|(spelled, _)| *spelled == kind);
    let alone = |wanted: Side| {
        let alone = differences.iter().filter_map(move |difference| match difference {
            Difference::OnlyLeft { identity, object } => Some((identity, object, Side::Left)),
            Difference::OnlyRight { identity, object } => Some((identity, object, Side::Right)),
            Difference::Changed { .. } => None,
        });
        let alone = alone.filter(move |(identity, object, side)| {
            let mut texts = SPELLED.iter().filter(|(kind, _)| *kind == identity.kind());
            *side == wanted
                && texts.any(|(_, attribute)| object.get(attribute).is_some())
                && has_expression(identity, object.get("definition"))
        });
        alone.map(|(identity, ..)| identity)
    };
    let family = |identity: &Identity| (identity.kind(), parent(identity).map(str::to_owned));
    let families = |side: Side| alone(side).map(family).collect::<BTreeSet<_>>();
    let (lefts, rights) = (families(Side::Left), families(Side::Right));
    for (side, others) in [(Side::Left, &rights), (Side::Right, &lefts)] {
        let namesakes = alone(side).filter(|identity| is_spelled(identity.kind()));
        for identity in namesakes.filter(|identity| others.contains(&family(identity))) {
            suspects.entry(identity.clone()).or_default().push(side);
        }
    }
    for difference in differences {
        if let Difference::Changed { identity, attribute, left, right } = difference
            && SPELLED.contains(&(identity.kind(), attribute))
            && [left, right].iter().any(|text| has_expression(identity, text.as_deref()))
        {
            suspects.insert(identity.clone(), vec![Side::Left, Side::Right]);
        }
    }
    suspects
}

/// Whether there is something to be spelled. Of a trigger only its condition is: without one it is
/// spelled one way, and on a view it could not be made again on the table that stands for that.
fn has_expression(identity: &Identity, definition: Option<&str>) -> bool {
    identity.kind() != "trigger" || definition.is_some_and(|text| text.contains(" WHEN ("))
}

/// What an object belongs to: its table, or else its schema.
fn parent(identity: &Identity) -> Option<&str> {
    if identity.is_child() { Some(identity.root()) } else { identity.schema() }
}

/// Definitions as the scratch server spells them, and why others could not be made.
struct Respelled {
    catalog: Catalog,
    failures: BTreeMap<Identity, String>,
}

impl Respelled {
    fn text(&self, identity: &Identity, attribute: &str) -> Option<&str> {
        if self.failures.contains_key(identity) {
            return None;
        }
        self.catalog.objects.get(identity)?.get(attribute)
    }
}

/// Spells a difference anew where both of its sides could be; false if nothing of it is left.
fn respell_one(difference: &mut Difference, lefts: &Respelled, rights: &Respelled) -> bool {
    let (identity, object, side) = match difference {
        Difference::Changed { identity, attribute, left, right } => {
            let spelled = (lefts.text(identity, attribute), rights.text(identity, attribute));
            if let (Some(left_text), Some(right_text)) = spelled
                && left.is_some()
                && right.is_some()
            {
                (*left, *right) = (Some(left_text.to_owned()), Some(right_text.to_owned()));
            }
            return left != right;
        }
        Difference::OnlyLeft { identity, object } => (identity, object, lefts),
        Difference::OnlyRight { identity, object } => (identity, object, rights),
    };
    for (attribute, value) in Arc::make_mut(&mut object.attributes) {
        if SPELLED.contains(&(identity.kind(), attribute))
            && let Some(text) = side.text(identity, attribute)
        {
            text.clone_into(value);
        }
    }
    true
}

/// Makes definitions again, and reads what they are called now.
async fn respelled(
    catalog: &Catalog,
    wanted: &BTreeSet<Identity>,
    connection: &mut PgConnection,
) -> Result<Respelled> {
    let mut respelled = Respelled { catalog: Catalog::default(), failures: BTreeMap::new() };
    if wanted.is_empty() {
        return Ok(respelled);
    }
    let steps = skeleton::steps(catalog, &wanted.iter().collect());
    send(connection, &format!("{BEGIN}{PINS}savepoint made")).await?;
    let made = make(steps, connection).await;
    let kinds = wanted.iter().map(Identity::kind).collect();
    let read = match made {
        Ok(_) => Catalog::read_kinds(connection, &kinds).await,
        Err(_) => Ok(Catalog::default()),
    };
    // Whatever failed, the transaction must not go on; and what failed first is the reason.
    let rolled_back = send(connection, "rollback").await;
    (respelled.failures, respelled.catalog) = (made?, read?);
    rolled_back?;
    Ok(respelled)
}

/// Carries out the steps, again and again as long as some succeed that failed before: what they
/// need may come later in their order. Returns why those failed that make what is wanted.
async fn make(
    mut steps: Vec<Step<'_>>,
    connection: &mut PgConnection,
) -> Result<BTreeMap<Identity, String>> {
    let mut failures = BTreeMap::new();
    while !steps.is_empty() {
        let count = steps.len();
        let mut failed = Vec::new();
        for step in steps {
            if let Err(refusal) = attempt(connection, &step.sql).await? {
                failed.push(Failed { step, refusal });
            }
        }
        if failed.len() < count {
            steps = failed.into_iter().map(|it| it.step).collect();
            continue;
        }
        // A view that can't be made gives way to a table; first those that don't wait for others.
        let waits = |it: &Failed<'_>| it.step.instead.is_none() || it.refusal.lacks_table;
        let gives_way: fn(&Failed<'_>) -> bool = if failed.iter().all(waits) {
            |it| it.step.instead.is_some()
        } else {
            |it| it.step.instead.is_some() && !it.refusal.lacks_table
        };
        let is_over = !failed.iter().any(gives_way);
        steps = Vec::new();
        for it in failed {
            if !is_over && !gives_way(&it) {
                steps.push(it.step);
                continue;
            }
            failures.extend(it.step.made.cloned().map(|made| (made, it.refusal.message)));
            steps.extend(it.step.instead.map(|sql| Step { made: None, sql, instead: None }));
        }
    }
    Ok(failures)
}

/// A step that Postgres refuses.
struct Failed<'a> {
    step: Step<'a>,
    refusal: Refusal,
}

struct Refusal {
    message: String,
    /// Whether it names a table or view that isn't there.
    lacks_table: bool,
}

/// One step, after which the next can be tried in any case.
async fn attempt(
    connection: &mut PgConnection,
    sql: &str,
) -> Result<std::result::Result<(), Refusal>> {
    let message = format!("{sql}; release savepoint made; savepoint made");
    match connection.execute(sqlx::raw_sql(AssertSqlSafe(message))).await {
        Ok(_) => Ok(Ok(())),
        Err(sqlx::Error::Database(refused)) => {
            send(connection, "rollback to savepoint made").await?;
            let lacks_table = refused.code().as_deref() == Some("42P01");
            Ok(Err(Refusal { message: refused.message().to_owned(), lacks_table }))
        }
        Err(error) => Err(failed(error)),
    }
}

async fn send(connection: &mut PgConnection, sql: &str) -> Result<()> {
    let sent = connection.execute(sqlx::raw_sql(AssertSqlSafe(sql.to_owned()))).await;
    sent.map(drop).map_err(failed)
}

fn failed(error: sqlx::Error) -> Error {
    Error::new("failed to make definitions again on a scratch server").caused_by(error)
}

#[cfg(test)]
mod tests {
    use super::super::{diff::diff, kinds, model::catalog};
    use super::*;

    #[test]
    fn a_trigger_without_a_condition_is_spelled_one_way() {
        let suspects = |left: &str, right: &str| {
            let trigger = |text: &str| {
                catalog(&format!("table | public.a\ntrigger | public.a.t | definition: {text}"))
            };
            may_be_spelling(&diff(&trigger(left), &trigger(right)))
        };
        let on_insert = "CREATE TRIGGER t INSTEAD OF INSERT ON public.a EXECUTE FUNCTION f()";
        assert!(!suspects(on_insert, &on_insert.replace("INSERT", "UPDATE")));
        let guarded = on_insert.replace(" EXECUTE", " WHEN (new.a) EXECUTE");
        assert!(suspects(on_insert, &guarded));
        assert!(suspects(&guarded, &guarded.replace("new.a", "old.a")));
    }

    #[test]
    fn what_is_spelled_is_an_attribute_of_a_kind() {
        for (kind, attribute) in SPELLED {
            let of_kind =
                |source: &&kinds::Source| source.kinds.iter().any(|listed| listed.name == *kind);
            let source = kinds::SOURCES.iter().find(of_kind).expect(kind);
            assert!(source.sql.contains(&format!(" as \"{attribute}\"")), "{kind}: {attribute}");
        }
    }
}
