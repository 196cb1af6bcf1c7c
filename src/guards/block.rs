//! `DO` blocks: how SQL says "only if".

use crate::sql::{Name, literal, tokens};

/// A statement of a block, with the condition under which it's executed.
pub(super) struct Step {
    pub(super) condition: Option<String>,
    pub(super) sql: String,
}

/// One `DO` statement that takes the steps in order, all or none.
pub(super) fn block(steps: &[Step]) -> String {
    let mut body = String::from("BEGIN\n");
    for Step { condition, sql } in steps {
        body += &match condition {
            Some(condition) => {
                // A condition of several lines hangs from its SELECT.
                let hang = "  IF ".len() + condition.find('(').map_or(0, |offset| offset + 1);
                let condition = indented(condition, hang);
                format!("  IF {condition} THEN\n    {}\n  END IF;\n", indented(sql, 4))
            }
            None => format!("  {}\n", indented(sql, 2)),
        };
    }
    body += "END\n";
    let tag = dollar_tag(&body);
    format!("DO {tag}\n{body}{tag};")
}

pub(super) fn conditional(condition: String, sql: String) -> String {
    block(&[Step { condition: Some(condition), sql }])
}

/// Statements that are executed only under a condition.
pub(crate) fn only_if(condition: &str, statements: &[&str]) -> String {
    conditional(condition.to_owned(), statements.join("\n"))
}

/// Whether the catalogs know something: `EXISTS (SELECT FROM pg_enum WHERE …)`.
pub(super) fn exists(catalog: &str, conditions: &[(&str, String)]) -> String {
    let conditions: Vec<String> =
        conditions.iter().map(|(column, value)| format!("{column} = {value}")).collect();
    let before = if conditions.len() > 1 { "\n " } else { " " };
    format!("EXISTS (SELECT FROM {catalog}{before}WHERE {})", conditions.join("\n   AND "))
}

/// A name as a constant of one of the `reg…` types, which resolve it as the statement would.
pub(super) fn constant(name: &Name, reg_type: &str) -> String {
    format!("{}::{reg_type}", literal(&name.to_string()))
}

/// SQL whose lines after the first are moved to the right, but not those inside a string.
fn indented(sql: &str, width: usize) -> String {
    let fixed = tokens(sql, 0..sql.len());
    let mut indented = String::new();
    let mut start = 0;
    for (offset, _) in sql.match_indices('\n') {
        indented += &sql[start..=offset];
        start = offset + 1;
        let inside = fixed.iter().any(|token| token.span.contains(&offset));
        if !inside && !sql[start..].starts_with(['\n', '\r']) {
            indented += &" ".repeat(width);
        }
    }
    indented + &sql[start..]
}

/// A dollar quote that the body doesn't end early.
fn dollar_tag(body: &str) -> String {
    let tags = ["$$".to_owned(), "$guard$".to_owned()].into_iter();
    let mut tags = tags.chain((2..).map(|number| format!("$guard{number}$")));
    tags.find(|tag| !body.contains(tag.as_str())).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use pretty_assertions::assert_eq;

    use super::*;

    fn check(sql: &str, tag: &str) {
        let expect = format!("DO {tag}\nBEGIN\n  IF a THEN\n    {sql}\n  END IF;\nEND\n{tag};");
        assert_eq!(conditional("a".to_owned(), sql.to_owned()), expect);
    }

    #[test]
    fn a_body_never_ends_its_own_quote() {
        check("SELECT 1;", "$$");
        check("SELECT $$a$$;", "$guard$");
        check("SELECT $guard$ $$ $guard$;", "$guard2$");
    }

    #[test]
    fn lines_are_moved_unless_they_belong_to_a_string() {
        let check = |sql: &str, expect: &str| assert_eq!(indented(sql, 2), expect);
        check("a\n  b\n\nc", "a\n    b\n\n  c");
        check("a -- it's\nb /* '\n */", "a -- it's\n  b /* '\n   */");
        check("a 'x\ny'\nb $$\n;$$,\n\"c\nd\"", "a 'x\ny'\n  b $$\n;$$,\n  \"c\nd\"");
    }
}
