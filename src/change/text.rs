//! What a pull request says. Ours stands between two markers, which GitHub does not show, so that what people write before
//! and after it stays theirs.

/// Most characters of ours in a pull request. GitHub takes 65,536, with what people write.
pub const MAX_BODY: usize = 40_000;

const BEGIN: &str = "<!-- merotee:begin -->";
const END: &str = "<!-- merotee:end -->";

/// What becomes of a pull request's text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Described {
    /// It says what it should.
    Same,
    /// It is to be this.
    New(String),
    /// Somebody took the markers out: it is theirs.
    Theirs,
}

/// Our text with its markers, for a pull request that is to be opened.
pub fn within_markers(ours: &str) -> String {
    // What is quoted in it must not end it early.
    let mut ours = ours.trim().replace("\r\n", "\n").replace("merotee:end", "merotee-end");
    if let Some((end, _)) = ours.char_indices().nth(MAX_BODY) {
        ours.truncate(end);
        ours.push_str("\n\n…");
    }
    format!("{BEGIN}\n{ours}\n{END}")
}

/// The text of a pull request that says `there`, brought up to date.
pub fn described(there: &str, ours: &str) -> Described {
    // GitHub's editor ends lines in CR LF.
    let there = there.replace("\r\n", "\n");
    let ours = within_markers(ours);
    if there.trim().is_empty() {
        return Described::New(ours);
    }
    let Some((before, rest)) = there.split_once(BEGIN) else { return Described::Theirs };
    let Some((_, after)) = rest.split_once(END) else { return Described::Theirs };
    let new = format!("{before}{ours}{after}");
    if new == there { Described::Same } else { Described::New(new) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_people_write_around_our_text_stays_and_what_they_make_theirs_is_left_alone() {
        let opened = within_markers("One.\n");
        assert_eq!(described(&opened, "One."), Described::Same);
        assert_eq!(described(&opened.replace('\n', "\r\n"), "One."), Described::Same);
        let around = format!("See #7.\n\n{opened}\n\nAda: fine by me");
        assert_eq!(described(&around, "One."), Described::Same);
        assert_eq!(described(&around, "Two."), Described::New(around.replace("One.", "Two.")));
        for theirs in ["Rewritten.", &opened.replace(BEGIN, ""), &opened.replace(END, ""), END] {
            assert_eq!(described(theirs, "Two."), Described::Theirs, "{theirs}");
        }
        for empty in ["", " \r\n"] {
            assert_eq!(described(empty, "One."), Described::New(opened.clone()));
        }
    }

    #[test]
    fn a_text_that_quotes_the_marker_or_never_ends_does_not_break_it() {
        let opened = within_markers(&format!("a {END} b"));
        assert_eq!(opened.matches(END).count(), 1);
        assert_eq!(described(&opened, &format!("a {END} b")), Described::Same);
        let long = within_markers(&"é".repeat(MAX_BODY + 1));
        assert!(long.chars().count() < MAX_BODY + 100 && long.ends_with(&format!("…\n{END}")));
    }
}
