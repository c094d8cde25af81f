//! How much of a hostile or remote text a message may repeat: cut by characters, what does not print escaped. It judges
//! nothing.

use std::fmt::{self, Write as _};

/// Most characters of a text that are repeated.
pub(crate) const EXCERPT: usize = 80;

/// The beginning of `text`, control and invisible characters escaped, `…` where it was cut.
pub(crate) fn excerpt(text: &str) -> String {
    excerpt_within(format_args!("{text}"), EXCERPT)
}

/// Like [`excerpt`], of at most so many characters of what is printed; printing stops there instead of building the whole.
pub(crate) fn excerpt_within(text: fmt::Arguments<'_>, limit: usize) -> String {
    let mut sink = Bounded { text: String::new(), left: limit };
    if write!(sink, "{text}").is_err() {
        sink.text.push('…');
    }
    sink.text
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

struct Bounded {
    text: String,
    left: usize,
}

impl fmt::Write for Bounded {
    fn write_str(&mut self, piece: &str) -> fmt::Result {
        for letter in piece.chars() {
            self.left = self.left.checked_sub(1).ok_or(fmt::Error)?;
            match letter {
                // Harmless, and escaping them makes quoted JSON hard to read.
                '"' | '\'' | '\\' => self.text.push(letter),
                _ => self.text.extend(letter.escape_debug()),
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_cut_by_characters_and_what_does_not_print_is_escaped() {
        assert_eq!(excerpt("a\u{1b}[31m\n\u{202e}é\"\\'"), "a\\u{1b}[31m\\n\\u{202e}é\"\\'");
        assert_eq!(excerpt(&"é".repeat(EXCERPT)), "é".repeat(EXCERPT));
        assert_eq!(excerpt(&"é".repeat(EXCERPT + 1)), format!("{}…", "é".repeat(EXCERPT)));
        assert_eq!(excerpt_within(format_args!("{}{}", "ab", "cd"), 3), "abc…");
    }

    #[test]
    fn an_excerpt_starts_shortly_before_the_failure_and_survives_positions_outside_the_text() {
        let text = format!("[1,\n{}, \"here\"]", "0".repeat(1000));
        assert!(excerpt_at(text.as_bytes(), 2, 1003).contains("\"here\""));
        assert_eq!(excerpt_at(text.as_bytes(), 900, 900), "");
        assert_eq!(excerpt_at(b"", 0, 0), "");
    }
}
