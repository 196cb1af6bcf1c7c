//! Byte offsets, as Rust counts, against lines and characters, as people and Postgres count.

/// A place in a file as an editor shows it: both from 1, the column in characters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct Position {
    pub(crate) line: usize,
    pub(crate) column: usize,
}

/// Where a byte of a text is. An offset past the end is the end, one inside a character its start.
pub(crate) fn position(text: &str, offset: usize) -> Position {
    let before = &text[..text.floor_char_boundary(offset)];
    let line_start = before.rfind('\n').map_or(0, |newline| newline + 1);
    Position {
        line: before.bytes().filter(|&byte| byte == b'\n').count() + 1,
        column: before[line_start..].chars().count() + 1,
    }
}

/// The byte offset of the n-th character, from 1, as error positions of Postgres count. The one
/// after the last character is the end of the text: "at end of input".
pub(crate) fn character_offset(text: &str, character: usize) -> Option<usize> {
    let mut offsets = text.char_indices().map(|(offset, _)| offset).chain([text.len()]);
    offsets.nth(character.checked_sub(1)?)
}

#[cfg(test)]
mod tests {
    use pretty_assertions::assert_eq;
    use proptest::prelude::*;

    use super::*;

    /// A text with a `|` where the offset is.
    fn check(marked: &str, line: usize, column: usize) {
        let offset = marked.find('|').expect("a mark");
        let text = marked.replacen('|', "", 1);
        assert_eq!(position(&text, offset), Position { line, column }, "{marked:?}");
        let character = text[..offset].chars().count() + 1;
        assert_eq!(character_offset(&text, character), Some(offset), "{marked:?}");
    }

    #[test]
    fn lines_and_columns_count_from_one() {
        check("|", 1, 1);
        check("|a", 1, 1);
        check("a|", 1, 2);
        check("a\n|", 2, 1);
        check("a|\n", 1, 2);
        check("ä€𐐷|x", 1, 4);
        check("ä\r\n𐐷|x\n", 2, 2);
    }

    #[test]
    fn offsets_outside_a_text_are_harmless() {
        assert_eq!(position("ab", 9), Position { line: 1, column: 3 });
        assert_eq!(position("ä", 1), Position { line: 1, column: 1 });
        assert_eq!(character_offset("ab", 0), None);
        assert_eq!(character_offset("ab", 4), None);
    }

    proptest! {
        #[test]
        fn every_character_is_found_again(text in any::<String>(), n in 1_usize..40) {
            if let Some(offset) = character_offset(&text, n) {
                prop_assert_eq!(text[..offset].chars().count() + 1, n);
                position(&text, offset);
            }
        }
    }
}
