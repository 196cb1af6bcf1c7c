//! The differences of two schemas, for programs, in the shape that the README shows.
//!
//! A difference is of one attribute of an object. Of an object that is only on one side `attribute`
//! is null, and that side has its definition or its type, or else "present". An object that has
//! another name, and nothing else that differs, has the attribute "name". Within `version` 1 keys
//! may be added beside `differences`, and none is removed or changes its meaning.

use serde::Serialize;

use super::SchemaReport;
use crate::catalog::{Difference, NotNormalized, Object, Renamed};

#[derive(Serialize)]
struct Document<'a> {
    version: u32,
    same: bool,
    left: Side<'a>,
    right: Side<'a>,
    differences: Vec<Told<'a>>,
    not_normalized: Vec<Unknown<'a>>,
    unseen: &'a [String],
    without: &'a [String],
    notes: &'a [String],
}

#[derive(Serialize)]
struct Side<'a> {
    name: &'a str,
    postgres: &'a str,
}

#[derive(Serialize)]
struct Told<'a> {
    kind: &'a str,
    name: &'a str,
    attribute: Option<&'a str>,
    left: Option<&'a str>,
    right: Option<&'a str>,
}

#[derive(Serialize)]
struct Unknown<'a> {
    kind: &'a str,
    name: &'a str,
    reason: &'a str,
}

pub(super) fn tell(report: &SchemaReport) -> String {
    let comparison = &report.comparison;
    let differences = comparison.differences.iter().map(difference);
    let document = Document {
        version: 1,
        same: report.is_same(),
        left: side(&report.left),
        right: side(&report.right),
        differences: differences.chain(comparison.renamed.iter().map(renamed)).collect(),
        not_normalized: comparison.not_normalized.iter().map(unknown).collect(),
        unseen: &comparison.unseen,
        without: &comparison.without,
        notes: &report.notes,
    };
    // Strings and lists of them can always be written.
    serde_json::to_string_pretty(&document).map(|json| json + "\n").unwrap_or_default()
}

fn side(side: &super::Side) -> Side<'_> {
    Side { name: &side.name, postgres: &side.postgres }
}

fn difference(difference: &Difference) -> Told<'_> {
    let identity = difference.identity();
    let (attribute, left, right) = match difference {
        Difference::OnlyLeft { object, .. } => (None, Some(presence(object)), None),
        Difference::OnlyRight { object, .. } => (None, None, Some(presence(object))),
        Difference::Changed { attribute, left, right, .. } => {
            (Some(attribute.as_str()), left.as_deref(), right.as_deref())
        }
    };
    Told { kind: identity.kind(), name: identity.name(), attribute, left, right }
}

fn presence(object: &Object) -> &str {
    object.get("definition").or_else(|| object.get("type")).unwrap_or("present")
}

fn renamed(Renamed { left, right }: &Renamed) -> Told<'_> {
    let (kind, name) = (left.kind(), left.name());
    let (left, right) = (Some(name), Some(right.name()));
    Told { kind, name, attribute: Some("name"), left, right }
}

fn unknown(unknown: &NotNormalized) -> Unknown<'_> {
    let identity = &unknown.identity;
    Unknown { kind: identity.kind(), name: identity.name(), reason: &unknown.reason }
}
