//! Finds text that a template engine has to fill in before it's SQL.

use std::ops::Range;

use squawk_lexer::TokenKind;

use super::tokens::{Token, tokens};
use super::{Content, Script};

/// The first `{{ … }}` or `{% … %}` of a Go, Jinja or similar template, if there is one.
///
/// Braces mean nothing in SQL, so outside strings, quoted names, comments and data they can only
/// be somebody else's. Inside them they are array literals, JSON or prose, and stay unnoticed.
pub(crate) fn template_marker(text: &str, script: &Script) -> Option<Range<usize>> {
    if !["{{", "{%"].iter().any(|opening| text.contains(opening)) {
        return None;
    }
    script.pieces.iter().find_map(|piece| match &piece.content {
        Content::Statement(statement) => marker(text, &tokens(text, statement.span.clone())),
        _ => None,
    })
}

fn marker(text: &str, tokens: &[Token]) -> Option<Range<usize>> {
    let start = tokens.windows(2).find_map(|pair| {
        let adjacent = pair[0].span.end == pair[1].span.start;
        let opens = pair[0].kind == TokenKind::OpenCurly
            && matches!(pair[1].kind, TokenKind::OpenCurly | TokenKind::Percent);
        (adjacent && opens).then_some(pair[0].span.start)
    })?;
    let line_end = text[start..].find('\n').map_or(text.len(), |newline| start + newline);
    let closing = if text[start..].starts_with("{{") { "}}" } else { "%}" };
    let end = text[start..line_end].find(closing).map_or(line_end, |at| start + at + closing.len());
    Some(start..end)
}

#[cfg(test)]
mod tests {
    use pretty_assertions::assert_eq;

    use super::*;

    fn check(text: &str, expect: &str) {
        let marker = template_marker(text, &Script::parse(text));
        assert_eq!(marker.map_or("", |span| &text[span]), expect, "{text}");
    }

    #[test]
    fn templates_are_found() {
        check("CREATE SCHEMA {{ .Schema }};", "{{ .Schema }}");
        check("{{ if .Dev }}\nSELECT 1;\n{{ end }}", "{{ if .Dev }}");
        check("{% if dev %}SELECT 1;{% endif %}", "{% if dev %}");
        check("SELECT '{{1}}'; ALTER ROLE {{.Role", "{{.Role");
        check("GRANT SELECT ON t TO {{- range .Roles }}\nx", "{{- range .Roles }}");
    }

    #[test]
    fn sql_is_not_taken_for_a_template() {
        check("SELECT '{{1,2},{3,4}}'::int[];", "");
        check("INSERT INTO t VALUES ('{\"a\": {\"b\": {}}}', E'{{\\'}}');", "");
        check("DO $$ BEGIN RAISE NOTICE '{{ x }}'; END $$;", "");
        check("DO $_$ {{ x }} $_$;", "");
        check("-- {{ x }}\n/* {{ y }} */ SELECT 1; -- {{ z }}", "");
        check("SELECT \"{{a}}\";", "");
        check("COPY t FROM stdin;\n{{1,2},{3,4}}\n\\.\nSELECT 1;", "");
        check("\\echo {{x}}\nSELECT 1;", "");
        check("SELECT { fn now() } { {", "");
        check("", "");
    }
}
