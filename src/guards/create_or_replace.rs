//! CREATE without OR REPLACE, where SQL has it.
//!
//! # What it proves
//!
//! Views, functions, procedures, aggregates, triggers, rules and their like are redefined where
//! they exist.
//!
//! # Why it matters
//!
//! A second run of the file stops here with `function … already exists` (42723).
//!
//! # Example
//!
//! `CREATE VIEW adults AS SELECT …;` becomes `CREATE OR REPLACE VIEW adults AS SELECT …;`

use crate::sql::{Kind, Object};

use super::create_after_drop::is_constraint;
use super::site::Site;
use super::{Advice, Guard};

pub(super) const GUARD: Guard = Guard { name: "create_or_replace", advise };

fn advise(site: &Site<'_>) -> Option<Advice> {
    let statement = site.statement;
    let Kind::Create(object) = statement.kind else { return None };
    if statement.guarded {
        return None;
    }
    let what = match object {
        Object::Aggregate => "AGGREGATE",
        Object::Function => "FUNCTION",
        Object::Language => "LANGUAGE",
        Object::Procedure => "PROCEDURE",
        Object::Rule => "RULE",
        Object::Transform => "TRANSFORM",
        Object::Trigger if !is_constraint(site) => "TRIGGER",
        Object::View => "VIEW",
        _ => return None,
    };
    Some(Advice {
        span: statement.span.clone(),
        why: format!("CREATE {what} fails where it exists; OR REPLACE redefines it"),
        instead: site.with(&[(statement.span.start + "CREATE".len(), " OR REPLACE")]),
    })
}

#[cfg(test)]
pub(super) mod tests {
    use super::super::tests::{Example, check, check_silent};
    use super::*;

    pub(in crate::guards) const EXAMPLES: &[Example] = &[
        ("SELECT 1;", "CREATE VIEW v AS SELECT 1 AS a;"),
        ("SELECT 1;", "CREATE RECURSIVE VIEW v (a) AS SELECT 1;"),
        ("SELECT 1;", "CREATE FUNCTION f(a int) RETURNS int BEGIN ATOMIC SELECT 1; SELECT a; END;"),
        ("SELECT 1;", "CREATE PROCEDURE p() LANGUAGE sql AS $$ SELECT 1; $$;"),
        ("SELECT 1;", "CREATE AGGREGATE g (int) (sfunc = int4pl, stype = int);"),
        (
            "CREATE TABLE t (a int); CREATE FUNCTION f() RETURNS trigger LANGUAGE plpgsql AS \
             'BEGIN RETURN NULL; END';",
            "CREATE TRIGGER g BEFORE UPDATE ON t FOR EACH ROW EXECUTE FUNCTION f();",
        ),
        (
            "CREATE TABLE t (a int);",
            "CREATE RULE r AS ON INSERT TO t DO ALSO (SELECT 1; SELECT 2);",
        ),
    ];

    #[test]
    fn objects() {
        for rest in [
            " VIEW s.v AS SELECT 1 AS a;",
            " RECURSIVE VIEW v (a) AS SELECT 1;",
            " FUNCTION f(a int) RETURNS int BEGIN ATOMIC SELECT 1; SELECT 2; END;",
            "\nPROCEDURE p() LANGUAGE sql AS $$ SELECT 1; $$;",
            " AGGREGATE g (int) (sfunc = int4pl, stype = int);",
            " TRIGGER g BEFORE UPDATE ON t FOR EACH ROW EXECUTE FUNCTION f();",
            " RULE r AS ON INSERT TO t DO ALSO (SELECT 1; SELECT 2);",
            " TRUSTED LANGUAGE l HANDLER h;",
        ] {
            let statement = format!("CREATE{rest}");
            let replaced = format!("CREATE OR REPLACE{rest}");
            check(&GUARD, &statement, &statement, &replaced);
            check_silent(&replaced);
        }
        check_silent("CREATE TEMP VIEW v AS SELECT 1;");
    }
}
