//! The qualified names in a text that Postgres has deparsed. Pure text; knows no catalog.

/// What a text names: `public.users` of `public.users.id`, also within a literal, as in
/// `nextval('public.users_id_seq'::regclass)`; of an operator, `public.===`. Whatever has the form
/// of a qualified name is taken for one.
pub(super) fn names(text: &str) -> Vec<&str> {
    let mut names = Vec::new();
    let mut start = 0;
    while start < text.len() {
        let Some(first) = identifier(&text[start..]) else {
            start += text[start..].chars().next().map_or(1, char::len_utf8);
            continue;
        };
        let dot = start + first;
        let mut end = dot;
        if let Some(rest) = text[dot..].strip_prefix('.')
            && let Some(second) = identifier(rest).or_else(|| operator(rest))
        {
            end = dot + 1 + second;
            names.push(&text[start..end]);
        }
        start = end;
    }
    names
}

/// The length of the identifier with which a text begins.
fn identifier(text: &str) -> Option<usize> {
    if let Some(quoted) = text.strip_prefix('"') {
        let mut rest = quoted;
        loop {
            let end = rest.find('"')?;
            rest = &rest[end + 1..];
            // A doubled quote stands for one.
            match rest.strip_prefix('"') {
                Some(more) => rest = more,
                None => return Some(text.len() - rest.len()),
            }
        }
    }
    let first = text.chars().next()?;
    if !(first.is_alphabetic() || first == '_') {
        return None;
    }
    let ends = |c: char| !(c.is_alphanumeric() || c == '_' || c == '$');
    Some(text.find(ends).unwrap_or(text.len()))
}

/// The length of the operator with which a text begins.
fn operator(text: &str) -> Option<usize> {
    let length = text.find(|c: char| !"+-*/<>=~!@#%^&|`?".contains(c)).unwrap_or(text.len());
    (length > 0).then_some(length)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expect: &[&str]) {
        assert_eq!(names(text), expect);
    }

    #[test]
    fn qualified_names_are_found_wherever_they_are() {
        check("", &[]);
        check("a + 1.5", &[]);
        check("SELECT a.b FROM public.users a", &["a.b", "public.users"]);
        check("public.users.id", &["public.users"]);
        check(r#"nextval('public."My seq"'::regclass)"#, &[r#"public."My seq""#]);
        check(r#""a.b"."c""d" || x"#, &[r#""a.b"."c""d""#]);
        check("a OPERATOR(public.===) b", &["public.==="]);
        check("'é.à' COLLATE \"und-x\"", &["é.à"]);
        check("\"never closed", &[]);
    }
}
