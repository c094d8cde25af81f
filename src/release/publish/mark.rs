//! The line in a draft's notes by which `publish` knows its own drafts, and which run works on one. The notes of a
//! published release hold none.

/// What a marked line starts and ends with. Markdown shows no comments.
const START: &str = "<!-- merotee publish: a draft in the making by run ";
const END: &str = " -->";

/// Digits of a run's number.
const DIGITS: usize = 32;

/// One run of `publish`, by a random number.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RunId(String);

impl RunId {
    /// From random bytes.
    pub fn new(random: [u8; 16]) -> Self {
        Self(hex::encode(random))
    }

    /// Its hex digits.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Notes with the line of a run at their end.
pub fn marked(notes: &str, run: &RunId) -> String {
    format!("{notes}\n\n{START}{}{END}\n", run.0)
}

/// The run that a draft's notes name in their last line.
pub fn run_of(notes: &str) -> Option<RunId> {
    let line = notes.trim_end().lines().next_back()?.trim();
    let digits = line.strip_prefix(START)?.strip_suffix(END)?;
    let lower = |b: u8| b.is_ascii_digit() || (b'a'..=b'f').contains(&b);
    (digits.len() == DIGITS && digits.bytes().all(lower)).then(|| RunId(digits.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mark_is_read_back_and_nothing_else_is_taken_for_one() {
        let run = RunId::new([0xab; 16]);
        let notes = marked("# Changelog\n\nall of it", &run);
        assert_eq!(run_of(&notes), Some(run.clone()));
        assert_eq!(run_of(&notes.replace('\n', "\r\n")), Some(run));
        let later = format!("{notes}\nwritten by hand below");
        for other in ["", "# Changelog", &later, "<!-- merotee publish: a draft in the making by run ABC -->", START] {
            assert_eq!(run_of(other), None, "{other}");
        }
    }
}
