//! Making remote text fit to be shown: cut by characters, control characters escaped. It judges nothing.

/// How much of a remote text an error shows, in characters.
pub(crate) const EXCERPT: usize = 80;

/// The first [`EXCERPT`] characters of `text` with control and invisible characters escaped; `…` marks a cut.
pub(crate) fn excerpt(text: &str) -> String {
    excerpt_within(text, EXCERPT)
}

/// Like [`excerpt`], of so many characters.
pub(crate) fn excerpt_within(text: &str, limit: usize) -> String {
    let mut shown = String::new();
    for letter in text.chars().take(limit) {
        match letter {
            // Harmless, and escaping them makes quoted JSON hard to read.
            '"' | '\'' => shown.push(letter),
            _ => shown.extend(letter.escape_debug()),
        }
    }
    if text.chars().nth(limit).is_some() {
        shown.push('…');
    }
    shown
}

/// Like [`excerpt`], of bytes around position `at` (1-based line and column, as parsers report them).
pub(crate) fn excerpt_at(bytes: &[u8], line: usize, column: usize) -> String {
    const BEFORE: usize = 24;
    let line_start: usize = bytes.split_inclusive(|b| *b == b'\n').take(line.saturating_sub(1)).map(<[u8]>::len).sum();
    let start = (line_start + column).saturating_sub(BEFORE).max(line_start);
    // Four bytes a character at most: more than the excerpt needs, and never the whole of a large body.
    let end = start.saturating_add(4 * EXCERPT + 4).min(bytes.len());
    let window = bytes.get(start..end).unwrap_or_default();
    excerpt(&String::from_utf8_lossy(window))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn remote_text_is_cut_by_characters_and_escaped() {
        assert_eq!(excerpt("a\u{1b}[31m\n\u{202e}é"), "a\\u{1b}[31m\\n\\u{202e}é");
        assert_eq!(excerpt(&"é".repeat(200)).chars().count(), EXCERPT + 1);
        assert_eq!(excerpt(&"é".repeat(EXCERPT)).chars().count(), EXCERPT);
    }

    #[test]
    fn an_excerpt_starts_shortly_before_the_failure_and_survives_positions_outside_the_text() {
        let text = format!("[1,\n{}, \"here\"]", "0".repeat(1000));
        assert!(excerpt_at(text.as_bytes(), 2, 1003).contains("\"here\""));
        assert_eq!(excerpt_at(text.as_bytes(), 900, 900), "");
        assert_eq!(excerpt_at(b"", 0, 0), "");
    }
}
