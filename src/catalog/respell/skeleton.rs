//! What must be there for definitions to be made again: the tables, types and functions that they
//! name, with what these need in turn. Of a table its columns are enough, and its keys, to which
//! `GROUP BY` and `ON CONFLICT` may refer; a view that isn't to be made itself is a table too.
//!
//! Pure: from a catalog to statements. Whether Postgres takes them is seen elsewhere.

use super::names::names;
use crate::catalog::{Catalog, Identity, model::Object};
use crate::sql::literal;
use std::collections::{BTreeMap, BTreeSet};

/// Kinds that a definition may name and that have columns.
const RELATIONS: [&str; 3] = ["table", "view", "materialized view"];

/// A statement, and the object whose definition it holds, where that is one to be made again.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Step<'a> {
    pub(super) made: Option<&'a Identity>,
    pub(super) sql: String,
    /// What others can do with if this fails: a table with the columns of a view.
    pub(super) instead: Option<String>,
}

/// The statements that make definitions again, and before them what they need.
pub(super) fn steps<'a>(catalog: &'a Catalog, wanted: &BTreeSet<&'a Identity>) -> Vec<Step<'a>> {
    let world = World::of(catalog);
    let needed = world.needed(wanted);
    let mut schemas: BTreeSet<&str> = needed.iter().filter_map(|it| it.schema()).collect();
    schemas.extend(wanted.iter().filter_map(|it| it.schema()));
    let needs = |sql: String| Step { made: None, sql, instead: None };
    let mut steps: Vec<Step<'_>> = schemas
        .iter()
        .map(|schema| needs(format!("create schema if not exists {schema}")))
        .collect();
    for phase in Phase::ALL {
        for identity in needed.iter().chain(wanted).copied().collect::<BTreeSet<_>>() {
            let Some(object) = catalog.objects.get(identity) else { continue };
            let is_wanted = wanted.contains(identity);
            let made = is_wanted.then_some(identity);
            if Phase::of(identity, is_wanted) == phase {
                let sql = statement(&world, identity, object, wanted);
                let instead = (phase == Phase::Views).then(|| world.table(identity.name()));
                steps.extend(sql.map(|sql| Step { made, sql, instead }));
            }
            if phase == Phase::Columns && RELATIONS.contains(&identity.kind()) && !is_wanted {
                steps.extend(world.keys(identity).map(needs));
            }
        }
    }
    steps
}

/// What comes before what. Where that isn't enough, statements are tried again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    Extensions,
    Types,
    Relations,
    Routines,
    Columns,
    Views,
    Rest,
}

impl Phase {
    const ALL: [Self; 7] = [
        Self::Extensions,
        Self::Types,
        Self::Relations,
        Self::Routines,
        Self::Columns,
        Self::Views,
        Self::Rest,
    ];

    fn of(identity: &Identity, is_wanted: bool) -> Self {
        match identity.kind() {
            "extension" => Self::Extensions,
            "collation"
            | "enum"
            | "composite type"
            | "range type"
            | "domain"
            | "base type"
            | "text search configuration"
            | "text search dictionary" => Self::Types,
            "view" | "materialized view" if is_wanted => Self::Views,
            "table" | "view" | "materialized view" | "sequence" => Self::Relations,
            "function" | "procedure" | "aggregate" | "operator" | "operator class" | "cast" => {
                Self::Routines
            }
            "column" => Self::Columns,
            _ => Self::Rest,
        }
    }
}

/// A catalog by the names that definitions use.
struct World<'a> {
    catalog: &'a Catalog,
    by_name: BTreeMap<&'a str, Vec<&'a Identity>>,
    /// By the schema in which their members are.
    extensions: BTreeMap<&'a str, Vec<&'a Identity>>,
    children: BTreeMap<&'a str, Vec<(&'a Identity, &'a Object)>>,
}

impl<'a> World<'a> {
    fn of(catalog: &'a Catalog) -> Self {
        let mut world = Self {
            catalog,
            by_name: BTreeMap::new(),
            extensions: BTreeMap::new(),
            children: BTreeMap::new(),
        };
        for (identity, object) in &catalog.objects {
            if identity.is_child() {
                world.children.entry(identity.root()).or_default().push((identity, object));
                continue;
            }
            if let ("extension", Some(schema)) = (identity.kind(), object.get("schema")) {
                world.extensions.entry(schema).or_default().push(identity);
                continue;
            }
            // Without the arguments: overloads are made together.
            let name = identity.name().split('(').next().unwrap_or_default();
            let name = match identity.kind() {
                "operator class" => name.split(" using ").next().unwrap_or_default(),
                _ => name,
            };
            world.by_name.entry(name).or_default().push(identity);
        }
        for children in world.children.values_mut() {
            children.sort_by_key(|(_, child)| child.position());
        }
        world
    }

    /// What the wanted objects name, and what that names in turn.
    fn needed(&self, wanted: &BTreeSet<&'a Identity>) -> BTreeSet<&'a Identity> {
        let mut needed = BTreeSet::new();
        let mut open: Vec<&'a Identity> = wanted.iter().copied().collect();
        for identity in wanted {
            open.extend(self.named(identity.root()).filter(|root| needed.insert(*root)));
        }
        loop {
            while let Some(identity) = open.pop() {
                let is_wanted = wanted.contains(identity);
                for text in self.texts(identity, is_wanted) {
                    for name in names(text) {
                        open.extend(self.named(name).filter(|named| needed.insert(*named)));
                    }
                }
            }
            // No text names a cast: it may be meant wherever both of its types are.
            let casts = self.catalog.objects.keys().filter(|it| it.kind() == "cast");
            let between = |cast: &&Identity| {
                let mut types = names(cast.name()).into_iter();
                types.all(|name| self.named(name).any(|it| needed.contains(it)))
            };
            let casts = casts.filter(between).collect::<Vec<_>>();
            open.extend(casts.into_iter().filter(|cast| needed.insert(*cast)));
            if open.is_empty() {
                return needed;
            }
        }
    }

    /// What has a name; where nothing has, the extensions that may have brought it.
    fn named(&self, name: &str) -> impl Iterator<Item = &'a Identity> {
        let found = self.by_name.get(name.split('(').next().unwrap_or_default());
        let schema = name.split('.').next().unwrap_or_default();
        // What is in pg_catalog came with Postgres, but for languages, which no schema has.
        let brought = || self.extensions.get(schema).filter(|_| schema != "pg_catalog");
        let found = found.or_else(brought);
        found.into_iter().flatten().copied()
    }

    /// The texts in which an object names what it needs.
    fn texts(&self, identity: &'a Identity, is_wanted: bool) -> Vec<&'a str> {
        let Some(object) = self.catalog.objects.get(identity) else { return Vec::new() };
        let mut texts: Vec<&str> = Vec::new();
        for (attribute, value) in object.attributes.iter() {
            match (attribute.as_str(), identity.kind()) {
                // Who owns it, and who may what, is nothing to an expression.
                ("owner" | "grants" | "comment" | "owned by" | "partition of" | "inherits", _) => {}
                ("definition", "view" | "materialized view") if !is_wanted => {}
                ("definition", "function" | "procedure") => texts.push(header(value)),
                _ => texts.push(value),
            }
        }
        let is_made_by_its_definition = is_wanted && identity.kind() != "table";
        if !identity.is_child() && !is_made_by_its_definition {
            let columns = self.columns(identity.name());
            texts.extend(columns.flat_map(|(_, column)| {
                ["type", "collation"].into_iter().filter_map(|attribute| column.get(attribute))
            }));
        }
        texts
    }

    fn columns(&self, relation: &str) -> impl Iterator<Item = (&'a Identity, &'a Object)> {
        let children = self.children.get(relation).into_iter().flatten().copied();
        children.filter(|(identity, _)| identity.kind() == "column")
    }

    /// The columns of a relation as they are written in its definition.
    fn column_list(&self, relation: &str) -> String {
        let columns: Vec<String> = self
            .columns(relation)
            .map(|(identity, column)| declared(identity.short_name(), column))
            .collect();
        columns.join(", ")
    }

    /// What makes a table with the columns of a relation.
    fn table(&self, relation: &str) -> String {
        format!("create table {relation} ({})", self.column_list(relation))
    }

    /// What makes a relation's primary and unique keys.
    fn keys(&self, relation: &Identity) -> impl Iterator<Item = String> {
        let table = relation.name();
        let children = self.children.get(table).into_iter().flatten();
        let is_key = |kind: &str| matches!(kind, "primary key" | "unique constraint");
        children.filter(move |(child, _)| is_key(child.kind())).filter_map(
            move |(child, object)| {
                Some(constraint(table, child.short_name(), object.get("definition")?))
            },
        )
    }
}

/// A function's definition without a body in quotes, which nobody reads when it is made.
fn header(definition: &str) -> &str {
    definition.find("\nAS $").map_or(definition, |end| &definition[..end])
}

fn declared(name: &str, column: &Object) -> String {
    let kind = column.get("type").unwrap_or("text");
    let collation = column.get("collation").map(|collation| format!(" collate {collation}"));
    format!("{name} {kind}{}", collation.unwrap_or_default())
}

fn constraint(table: &str, name: &str, definition: &str) -> String {
    format!("alter table {table} add constraint {name} {definition}")
}

/// What makes an object: as it is defined, if it is wanted, and else as much of it as others need.
fn statement(
    world: &World<'_>,
    identity: &Identity,
    object: &Object,
    wanted: &BTreeSet<&Identity>,
) -> Option<String> {
    let is_wanted = wanted.contains(identity);
    let name = identity.name();
    let (table, short_name) = (identity.root(), identity.short_name());
    let definition = object.get("definition").map(|it| it.trim_end_matches(';'));
    Some(match identity.kind() {
        "extension" => {
            let schema = object.get("schema")?;
            format!(
                "create schema if not exists {schema}; \
                 create extension if not exists {name} schema {schema} cascade"
            )
        }
        "enum" => format!("create type {name} as enum ({})", object.get("labels").unwrap_or("")),
        "composite type" => format!("create type {name} as ({})", world.column_list(name)),
        "domain" => domain(name, object),
        "range type" => range(name, object)?,
        "collation" => collation(name, object)?,
        "sequence" => format!("create sequence {name}"),
        "table" | "view" | "materialized view" if !is_wanted || identity.kind() == "table" => {
            let key = object.get("partition key").filter(|_| is_wanted);
            let partitioned = key.map(|key| format!(" partition by {key}")).unwrap_or_default();
            world.table(name) + &partitioned
        }
        "view" => format!("create view {name} as {}", definition?),
        "materialized view" => {
            format!("create materialized view {name} as {} with no data", definition?)
        }
        // Whatever it is, a text stands for it, and what is said of it needs no more than a name.
        "base type" => format!("create domain {name} as text"),
        "text search configuration" => {
            format!("create text search configuration {name} (parser = pg_catalog.\"default\")")
        }
        "text search dictionary" => {
            format!("create text search dictionary {name} (template = pg_catalog.simple)")
        }
        "cast" => cast(name, object)?,
        "operator class" => operator_class(name, object)?,
        "aggregate" => aggregate(name, object)?,
        "operator" => operator(name, object)?,
        "column" => column(table, short_name, object),
        "check constraint" | "exclusion constraint" if world.is_domain(table) => {
            format!("alter domain {table} add constraint {short_name} {}", definition?)
        }
        "check constraint" | "exclusion constraint" => constraint(table, short_name, definition?),
        "policy" => policy(table, short_name, object),
        "publication" => format!("create publication {name} for table {}", object.get("tables")?),
        // Those whose definition is a statement: functions, indexes, rules, triggers, statistics.
        _ => definition?.to_owned(),
    })
}

impl World<'_> {
    fn is_domain(&self, name: &str) -> bool {
        let named = self.by_name.get(name).into_iter().flatten();
        named.into_iter().any(|identity| identity.kind() == "domain")
    }
}

fn domain(name: &str, object: &Object) -> String {
    let base = object.get("base type").unwrap_or("text");
    let mut sql = format!("create domain {name} as {base}");
    for (attribute, words) in [("collation", "collate"), ("default", "default")] {
        if let Some(value) = object.get(attribute) {
            sql += &format!(" {words} {value}");
        }
    }
    sql
}

fn range(name: &str, object: &Object) -> Option<String> {
    let mut options = vec![format!("subtype = {}", object.get("subtype")?)];
    for (attribute, option) in [
        ("subtype operator class", "subtype_opclass"),
        ("subtype collation", "collation"),
        ("difference function", "subtype_diff"),
        ("multirange type", "multirange_type_name"),
    ] {
        options.extend(object.get(attribute).map(|value| format!("{option} = {value}")));
    }
    Some(format!("create type {name} as range ({})", options.join(", ")))
}

fn collation(name: &str, object: &Object) -> Option<String> {
    let mut options = vec![format!("provider = {}", object.get("provider")?)];
    for (attribute, option) in
        [("locale", "locale"), ("collate", "lc_collate"), ("ctype", "lc_ctype"), ("rules", "rules")]
    {
        let value = object.get(attribute).map(literal);
        options.extend(value.map(|value| format!("{option} = {value}")));
    }
    if object.get("not deterministic").is_some() {
        options.push("deterministic = false".to_owned());
    }
    Some(format!("create collation {name} ({})", options.join(", ")))
}

fn aggregate(name: &str, object: &Object) -> Option<String> {
    let function = |attribute| object.get(attribute).and_then(|it| it.split('(').next());
    let mut options = vec![
        format!("sfunc = {}", function("state function")?),
        format!("stype = {}", object.get("state type")?),
    ];
    options.extend(function("final function").map(|it| format!("finalfunc = {it}")));
    options.extend(object.get("initial state").map(|it| format!("initcond = {}", literal(it))));
    let arguments = object.get("arguments").filter(|it| !it.is_empty()).unwrap_or("*");
    let name = name.split('(').next()?;
    Some(format!("create aggregate {name} ({arguments}) ({})", options.join(", ")))
}

fn operator(name: &str, object: &Object) -> Option<String> {
    let function = object.get("function").and_then(|it| it.split('(').next())?;
    let (operator, arguments) = name.split_once('(')?;
    let (left, right) = arguments.trim_end_matches(')').split_once(',')?;
    let mut options = vec![format!("function = {function}")];
    for (side, argument) in [("leftarg", left.trim()), ("rightarg", right.trim())] {
        if !matches!(argument, "none" | "NONE" | "-") {
            options.push(format!("{side} = {argument}"));
        }
    }
    Some(format!("create operator {operator} ({})", options.join(", ")))
}

fn cast(types: &str, object: &Object) -> Option<String> {
    let how = match object.get("method")? {
        "input and output functions" => "with inout".to_owned(),
        "none, binary coercible" => "without function".to_owned(),
        function => format!("with function {function}"),
    };
    let when = match object.get("context")? {
        "explicit" => String::new(),
        context => format!(" as {context}"),
    };
    Some(format!("create cast {types} {how}{when}"))
}

/// Not as the default one of its type, which may be another one's place.
fn operator_class(name: &str, object: &Object) -> Option<String> {
    let (name, method) = name.split_once(" using ")?;
    let lines = |attribute| object.get(attribute).unwrap_or_default().lines();
    let operators = lines("operators").map(|line| format!("operator {line}"));
    let functions = lines("functions").map(|line| {
        format!("function {}", line.replacen(" for (", " (", 1).replacen("): ", ") ", 1))
    });
    let storage = object.get("storage").map(|storage| format!("storage {storage}"));
    let members = operators.chain(functions).chain(storage).collect::<Vec<_>>().join(", ");
    let of_type = object.get("type")?;
    Some(format!("create operator class {name} for type {of_type} using {method} as {members}"))
}

fn column(table: &str, name: &str, object: &Object) -> String {
    match object.get("generated").and_then(|generated| generated.rsplit_once(' ')) {
        Some((expression, kind)) => format!(
            "alter table {table} drop column {name}; \
             alter table {table} add column {} generated always as ({expression}) {kind}",
            declared(name, object)
        ),
        None => format!(
            "alter table {table} alter column {name} set default {}",
            object.get("default").unwrap_or("null")
        ),
    }
}

fn policy(table: &str, name: &str, object: &Object) -> String {
    let mut sql = format!("create policy {name} on {table} for ");
    sql += object.get("command").unwrap_or("all");
    for (attribute, words) in [("using", "using"), ("with check", "with check")] {
        if let Some(expression) = object.get(attribute) {
            sql += &format!(" {words} ({expression})");
        }
    }
    sql
}
