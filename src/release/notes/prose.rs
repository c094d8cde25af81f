//! What people wrote, as text that a reader of the notes cannot be fooled by: on one line, bounded, without markup, links,
//! pictures, mentions or hidden characters of its own.

use super::check::is_placeholder;
use crate::report::escape;

/// Characters of a title that are shown.
pub(super) const TITLE: usize = 140;

/// `text` cut after `limit` characters. What Markdown or GitHub would give a meaning is set as code.
pub(super) fn prose(text: &str, limit: usize) -> String {
    let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
    let cut = escape::cut(&text, limit);
    let shown = escape::markdown(&cut);
    // Nobody's words may pass for a gap, or for nothing at all.
    if shown.is_empty() {
        "(no title)".to_owned()
    } else if is_placeholder(&shown) || is_placeholder(&format!("{shown}:")) {
        escape::markdown_code(&cut)
    } else {
        shown
    }
}

/// Lines up to a number of characters, and how many more there are.
pub(super) fn bounded(lines: impl IntoIterator<Item = String>, mut room: usize) -> (String, usize) {
    let (mut text, mut left_out) = (String::new(), 0);
    for line in lines {
        let length = line.chars().count() + 1;
        if left_out == 0 && length <= room {
            room -= length;
            text.push_str(&line);
            text.push('\n');
        } else {
            left_out += 1;
        }
    }
    (text, left_out)
}
