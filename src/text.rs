//! Words in messages: what is counted agrees with the count, times are dates, lists read as sentences, how near a
//! word is to another, and how much of somebody else's text is repeated. Not for how a report is laid out.

mod diff;
mod excerpt;

use std::borrow::Cow;

use jiff::Timestamp;

pub(crate) use self::diff::line_diff;
pub(crate) use self::excerpt::{EXCERPT, excerpt, excerpt_at, excerpt_within};

/// `count` with the form of the noun, and the verb if it is given, that goes with it: "1 file is", "2 files are".
pub(crate) fn counted(count: usize, one: &str, many: &str) -> String {
    format!("{count} {}", if count == 1 { one } else { many })
}

/// Seconds since 1970 in UTC, as RFC 3339 writes them.
pub(crate) fn time(seconds: u64) -> String {
    i64::try_from(seconds)
        .ok()
        .and_then(|seconds| Timestamp::from_second(seconds).ok())
        .map_or_else(|| format!("{seconds} s after 1970"), |time| time.to_string())
}

/// Items as a sentence lists them: "a", "a and b", "a, b and c".
pub(crate) fn listed(items: &[impl AsRef<str>]) -> String {
    let items: Vec<&str> = items.iter().map(AsRef::as_ref).collect();
    match items.split_last() {
        Some((last, [])) => (*last).to_owned(),
        Some((last, others)) => format!("{} and {last}", others.join(", ")),
        None => String::new(),
    }
}

/// A word as a POSIX shell reads it back.
pub(crate) fn shell_word(word: &str) -> Cow<'_, str> {
    if !word.is_empty() && word.chars().all(|c| c.is_ascii_alphanumeric() || "/._-+:@%".contains(c)) {
        return Cow::Borrowed(word);
    }
    Cow::Owned(format!("'{}'", word.replace('\'', r"'\''")))
}

/// How many characters must be inserted, removed or replaced to make one word of the other (Levenshtein). What is longer
/// than any name of ours is cut first: it is near to none.
pub(crate) fn distance(from: &str, to: &str) -> usize {
    const LONGEST: usize = 64;
    let to: Vec<char> = to.chars().collect();
    let mut row: Vec<usize> = (0..=to.len()).collect();
    for (index, a) in from.chars().take(LONGEST).enumerate() {
        let mut diagonal = index;
        let mut left = index + 1;
        let mut next = vec![left];
        for (b, above) in to.iter().zip(row.iter().skip(1)) {
            left = (diagonal + usize::from(a != *b)).min(above + 1).min(left + 1);
            next.push(left);
            diagonal = *above;
        }
        row = next;
    }
    row.last().copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_with_a_blank_or_a_quote_is_one_word_to_a_shell() {
        assert_eq!(shell_word("/tmp/merotee-sandbox-x/trusted_root.json"), "/tmp/merotee-sandbox-x/trusted_root.json");
        assert_eq!(shell_word("/a b/$c"), "'/a b/$c'");
        assert_eq!(shell_word("/it's"), r"'/it'\''s'");
        assert_eq!(shell_word(""), "''");
    }

    #[test]
    fn one_is_singular_and_every_other_number_plural() {
        let said = [0, 1, 2].map(|count| counted(count, "entry is", "entries are"));
        assert_eq!(said, ["0 entries are", "1 entry is", "2 entries are"]);
    }

    #[test]
    fn a_time_is_a_date_in_utc_and_one_beyond_the_calendar_says_so() {
        assert_eq!(time(1_764_400_204), "2025-11-29T07:10:04Z");
        assert_eq!(time(u64::MAX), "18446744073709551615 s after 1970");
    }

    #[test]
    fn items_are_listed_with_commas_and_a_last_and() {
        assert_eq!([listed(&["a"]), listed(&["a", "b"]), listed(&["a", "b", "c"])], ["a", "a and b", "a, b and c"]);
        assert_eq!(listed(&[""; 0]), "");
    }

    #[test]
    fn distances_count_single_changes() {
        let distances = [("", "abc"), ("abc", "abc"), ("abc", "abd"), ("abc", "xabc"), ("kitten", "sitting")];
        assert_eq!(distances.map(|(from, to)| distance(from, to)), [3, 0, 1, 1, 3]);
    }
}
