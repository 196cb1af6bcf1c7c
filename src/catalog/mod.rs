//! The catalog: a schema, read from `pg_catalog` into a canonical form that is ordered and the
//! same on every Postgres version, and the differences between two of them.
//!
//! An object is an [`Identity`], a kind and a qualified name, with attributes in words. The model
//! knows no kind of object by itself: a kind is one `.sql` file in `kinds/` and one entry in
//! `kinds.rs`, and every query returns a kind, a name and attributes. Kinds that most databases
//! have none of are asked for only where `scope.sql` says that there are some.
//!
//! What a catalog must not know: OIDs, attribute numbers, anything that depends on the order of
//! creation or on the session that reads; and rows, which are a module of their own.
//!
//! Normalizations, with their reasons, are in the queries, beside what they normalize:
//!
//! - what initdb gives the schema `public`, which versions differ in (`schema.sql`, `grants.sql`);
//! - NOT NULL constraints since Postgres 18, told by the column, without names that nobody chose,
//!   and the identity of a partition's column, told of what it is a partition of (`column.sql`);
//! - defaults of null (`column.sql`), and the persistence of a table's sequences (`sequence.sql`);
//! - copies that Postgres keeps of foreign keys and triggers for partitions (`constraint.sql`,
//!   `trigger.sql`);
//! - indexes of partitioned tables, which are as valid as they are complete (`index.sql`);
//! - privileges that equal the default ones, "all", and "the owner" (`grants.sql`);
//! - what Postgres and extensions grant on what they bring: what was granted and revoked since is
//!   told as an object "system grant on …" (`system_grants.sql`);
//! - members of operator classes and families, told where they were created, options and tags, all
//!   in order of name (`operator_class.sql`, `foreign_data.sql`, `event_trigger.sql`);
//! - operators that only another one names (`operator.sql`);
//! - the default of a domain, spelled as if there were no search path (`type.sql`);
//! - the version of a collation, and collations for other encodings (`collation.sql`);
//! - how a subscription streams, whose default changed in 18 (`subscription.sql`);
//! - large objects, counted by owner instead of named by OID (`large_object.sql`);
//! - passwords in options and connection strings, told by a digest (`foreign_data.sql`,
//!   `subscription_connection.sql`).
//!
//! Not read, since it isn't the schema's: members of extensions, and what a superuser puts into
//! `pg_catalog`; an extension's owner; what belongs to the whole server (roles and their settings,
//! tablespaces, grants on parameters); a database's owner, encoding, locale, tablespace and limits
//! (`database.sql`); how far a subscription came. Not read yet: comments on and security labels of
//! members of extensions, row types and multiranges; loose members of operator families that
//! Postgres or an extension brings. Expressions are told as this version of Postgres spells them;
//! `respell` compares them.
//!
//! A reader without rights reads all but what [`Catalog::unseen`] names.

mod comparison;
mod diff;
mod kinds;
mod model;
mod owners;
mod reader;
mod renames;
mod respell;
mod versions;
mod without;

pub use self::model::Catalog;
#[cfg(feature = "cli")]
pub(crate) use self::model::Object;
#[cfg(test)]
pub(crate) use self::model::catalog;
pub(crate) use self::reader::PINS;
pub(crate) use self::{
    comparison::{Comparison, NotNormalized, Renamed, compare},
    diff::{Aside, Beside, Difference, diff},
    model::{Identity, parent_of},
    without::{Belongings, Without, plural},
};
