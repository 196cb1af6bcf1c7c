//! What somebody could change a value to, who knows no more of it than its column says.

use crate::rows::Column;
use crate::sql::literal;

/// What is added to texts.
const MARK: &str = " (edited)";

/// What else a column could hold, as SQL: the first that fits is taken.
pub(super) fn others(column: &Column) -> Vec<String> {
    let Column { table, name, of_type, .. } = column;
    let parents = column.refers_to.iter().map(|(parent, key)| {
        format!(
            "(SELECT other.{key} FROM {parent} other \
               WHERE other.{key} IS DISTINCT FROM {table}.{name} LIMIT 1)"
        )
    });
    let parents = parents.collect::<Vec<_>>();
    if !parents.is_empty() {
        return parents;
    }
    let mut others: Vec<String> = match &*column.category {
        "S" => {
            let text = format!("COALESCE({name}::text, '')");
            match column.characters_max {
                Some(most) if most <= MARK.len() => vec![literal(&"e".repeat(most))],
                Some(most) => {
                    let rest = most - MARK.len();
                    vec![format!("left({text}, {rest}) || {}", literal(MARK))]
                }
                None => vec![format!("{text} || {}", literal(MARK))],
            }
        }
        "N" => vec![format!("COALESCE({name}, 0) + 1"), format!("COALESCE({name}, 0) - 1")],
        "B" => vec![format!("NOT COALESCE({name}, false)")],
        "D" if of_type.starts_with("time ") => vec![format!("{name} + interval '1 hour'")],
        "D" => vec![
            format!("COALESCE({name}, '2001-01-01') + interval '1 day'"),
            format!("COALESCE({name}, '2001-01-01') - interval '1 day'"),
        ],
        "T" => vec![format!("COALESCE({name}, '0') + interval '1 day'")],
        "I" => vec![format!("{name} + 1")],
        "A" => vec![format!("{name} || {name}"), "'{}'".to_owned()],
        _ => match of_type.as_str() {
            "jsonb" => {
                vec![format!("{name} || '{{\"edited\": true}}'"), "'{\"edited\": true}'".to_owned()]
            }
            "json" => vec!["'{\"edited\": true}'".to_owned()],
            "bytea" => vec![format!("COALESCE({name}, '') || '\\x00'")],
            "uuid" => vec!["'00000000-0000-4000-8000-00000000ed17'".to_owned()],
            _ => Vec::new(),
        },
    };
    others.extend(column.known_values.iter().map(|value| literal(value)));
    // What another row has can't be quite wrong.
    others.push(format!(
        "(SELECT other.{name} FROM ONLY {table} other \
           WHERE other.{name} IS DISTINCT FROM {table}.{name} LIMIT 1)"
    ));
    others
}

#[cfg(test)]
mod tests {
    use super::*;
    use pretty_assertions::assert_eq;

    fn check(category: &str, characters_max: Option<usize>, expect: &[&str]) {
        let column = Column {
            table: "t".to_owned(),
            name: "a".to_owned(),
            category: category.to_owned(),
            characters_max,
            known_values: vec!["it's".to_owned()],
            ..Column::default()
        };
        let mut others = others(&column);
        assert!(others.pop().is_some_and(|last| last.starts_with("(SELECT other.a")));
        assert_eq!(others, expect, "{category}");
    }

    #[test]
    fn another_value_is_one_of_the_type_and_fits() {
        check("S", None, &["COALESCE(a::text, '') || ' (edited)'", "'it''s'"]);
        check("S", Some(10), &["left(COALESCE(a::text, ''), 1) || ' (edited)'", "'it''s'"]);
        check("S", Some(2), &["'ee'", "'it''s'"]);
        check("B", None, &["NOT COALESCE(a, false)", "'it''s'"]);
        check("E", None, &["'it''s'"]);
    }
}
