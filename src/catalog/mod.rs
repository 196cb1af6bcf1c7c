//! The catalog: a schema, read from `pg_catalog` into a canonical form that is ordered and the
//! same on every Postgres version, and the differences between two of them.
//!
//! An object is an [`Identity`], a kind and a qualified name, with attributes in words. The model
//! knows no kind of object by itself: a kind is one `.sql` file in `kinds/` and one entry in
//! [`KINDS`], and every query returns `kind`, `name` and `attributes`.
//!
//! What a catalog must not know: OIDs, attribute numbers, anything that depends on the order of
//! creation or on the session that reads; and rows, which are a module of their own.
//!
//! Normalizations, with their reasons, are in the queries, beside what they normalize:
//!
//! - what initdb gives the schema `public`, which versions differ in (`schema.sql`, `grants.sql`);
//! - NOT NULL constraints since Postgres 18, told by the column alone (`column.sql`);
//! - copies that Postgres keeps of foreign keys and triggers for partitions (`constraint.sql`,
//!   `trigger.sql`);
//! - privileges that equal the default ones, "all", and "the owner" (`grants.sql`).
//!
//! Not read yet: operators with their classes and families, text search objects, conversions,
//! languages, transforms, access methods, foreign data wrappers, user mappings, subscriptions, base
//! types, security labels, large objects; and the names that NOT NULL constraints have since
//! Postgres 18. Expressions are told as this version of Postgres spells them.

mod diff;
mod kinds;
mod model;
mod reader;

pub use self::model::Catalog;
pub(crate) use self::reader::PINS;
pub(crate) use self::{
    diff::{Difference, diff},
    model::Identity,
};
