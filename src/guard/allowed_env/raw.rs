//! The scan of a text that cannot be parsed: every forbidden name counts, wherever it stands. Nothing says what is a
//! comment in such a file, and another reader may make a setting of it.

use super::{
    expression,
    hit::{Hit, How},
    name,
};

/// Every forbidden name in a text, escapes of double-quoted YAML resolved. Ranges are bytes of `text`.
pub(super) fn hits(text: &str) -> Vec<Hit> {
    let mut hits = in_text(text);
    if text.contains('\\') {
        let plain = Unescaped::of(text);
        hits.extend(in_text(&plain.text).into_iter().map(|mut hit| {
            (hit.start, hit.end) = plain.place(hit.start, hit.end);
            hit
        }));
    }
    hits.sort_by_key(|hit| (hit.start, hit.end));
    hits.dedup_by_key(|hit| hit.start);
    hits
}

fn in_text(text: &str) -> Vec<Hit> {
    let named = name::occurrences(text).filter(|found| {
        let after = text.get(found.end..).unwrap_or_default().trim_start_matches(['"', '\'', ' ']);
        let value = after.strip_prefix([':', '=']).and_then(|value| value.lines().next());
        value.is_none_or(|value| !found.kind.is_harmless(value))
    });
    let mut hits: Vec<Hit> =
        named.map(|found| Hit::new(found.name, found.kind, found.start, found.end, How::Raw)).collect();
    hits.extend(expression::hits(text));
    hits
}

/// A text without escapes, and where each byte comes from.
struct Unescaped {
    text: String,
    from: Vec<usize>,
    length: usize,
}

impl Unescaped {
    fn of(text: &str) -> Self {
        let mut out =
            Self { text: String::with_capacity(text.len()), from: Vec::with_capacity(text.len()), length: text.len() };
        let mut at = 0;
        while let Some(c) = text.get(at..).and_then(|rest| rest.chars().next()) {
            let rest = text.get(at + c.len_utf8()..).unwrap_or_default();
            let (shown, length) = if c == '\\' { escape(rest) } else { (Some(c), 0) };
            if let Some(shown) = shown {
                out.text.push(shown);
                out.from.extend(std::iter::repeat_n(at, shown.len_utf8()));
            }
            at += c.len_utf8() + length;
        }
        out
    }

    fn place(&self, start: usize, end: usize) -> (usize, usize) {
        let of = |at: usize| self.from.get(at).copied().unwrap_or(self.length);
        (of(start), of(end))
    }
}

/// The character that an escape stands for, and the bytes behind the backslash that it takes.
fn escape(rest: &str) -> (Option<char>, usize) {
    let digits = match rest.chars().next() {
        Some('x') => 2,
        Some('u') => 4,
        Some('U') => 8,
        // A backslash at the end of a line joins it with the next.
        Some('\n' | '\r') => return (None, rest.len() - rest.trim_start().len()),
        Some(_) | None => return (Some('\\'), 0),
    };
    let code = rest.get(1..=digits).and_then(|hex| u32::from_str_radix(hex, 16).ok()).and_then(char::from_u32);
    code.map_or((Some('\\'), 0), |c| (Some(c), digits + 1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_counts_wherever_it_stands_and_however_it_is_escaped() {
        for (text, place) in [
            ("# ALLOWED_MRTD", (2, 14)),
            ("{\"ALLOWED\\x5fMRTD\": [", (2, 17)),
            ("\"\\u0041LLOWED_MRTD", (1, 18)),
            ("\"ALLOWED_\\\n   MRTD\": [", (1, 18)),
            ("[${{ vars['ALLOWED_MRTD'] }}", (5, 25)),
            ("[USE_ENV_POLICY: true", (1, 15)),
        ] {
            let found: Vec<_> = hits(text).into_iter().map(|hit| (hit.start, hit.end)).collect();
            assert_eq!(found.first(), Some(&place), "{text}");
        }
        assert_eq!(hits("[GCP_ATTESTATION_ALLOWED_CIDRS, USE_ENV_POLICY: false\n"), []);
    }
}
