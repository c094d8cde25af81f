//! Exceptions: which forbidden name may stand where, why, and until when.
//!
//! In a file: `# merotee: allow NAME until YYYY-MM-DD: reason`, on the line itself or in the comments right above it. In
//! `merotee.toml`: [`crate::guard::config::Waiver`]. Neither holds without a reason and a last day.

use jiff::civil::Date;

use crate::guard::config::{Expiry, Waiver};

/// What marks a waiver in a comment.
const MARK: &str = "merotee: allow";

/// A waiver in a comment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Remark {
    /// Line it stands on, from 1.
    pub(super) line: u32,
    /// The line it is about: its own, or the next that is more than a comment.
    pub(super) about: u32,
    /// The byte of the text where the mark begins.
    pub(super) at: usize,
    /// What it says, or what is wrong with it.
    pub(super) said: Result<Waiver, String>,
    pub(super) used: bool,
}

/// Every waiver in the comments of a text.
pub(super) fn remarks(text: &str) -> Vec<Remark> {
    let mut remarks: Vec<Remark> = Vec::new();
    if !text.contains(MARK) {
        return remarks;
    }
    let mut at = 0;
    // Waivers above a line that has not come yet.
    let mut above = 0;
    for (line, number) in text.split_inclusive('\n').zip(1..) {
        let alone = line.trim_start().starts_with('#');
        if !alone && !line.trim().is_empty() {
            remarks.iter_mut().rev().take(above).for_each(|remark| remark.about = number);
            above = 0;
        }
        let comment = line.find('#').and_then(|hash| Some((hash, line.get(hash + 1..)?)));
        if let Some((hash, comment)) = comment
            && let Some(mark) = comment.find(MARK)
        {
            let said = said(comment.get(mark + MARK.len()..).unwrap_or_default());
            remarks.push(Remark { line: number, about: number, at: at + hash + 1 + mark, said, used: false });
            above += usize::from(alone);
        }
        at += line.len();
    }
    remarks
}

/// `NAME until YYYY-MM-DD: reason`.
fn said(text: &str) -> Result<Waiver, String> {
    let form = || "expected `merotee: allow NAME until YYYY-MM-DD: reason`".to_owned();
    let (name, rest) = text.split_once(" until ").ok_or_else(form)?;
    let (day, reason) = rest.split_once(':').ok_or_else(form)?;
    // A comment is about the file that it stands in.
    Waiver::new("this-file", name.trim(), reason.trim(), day.trim())
}

/// What a waiver makes of a finding.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Verdict {
    /// It may stand.
    Waived { until: Date, reason: String, soon: bool },
    /// It might have stood until a day that is over.
    Expired(Date),
}

pub(super) fn verdict(waiver: &Waiver, today: Date) -> Verdict {
    let holds = |soon| Verdict::Waived { until: waiver.expires, reason: waiver.reason.clone(), soon };
    match waiver.expiry(today) {
        Expiry::Holds => holds(false),
        Expiry::EndsSoon => holds(true),
        Expiry::Expired => Verdict::Expired(waiver.expires),
    }
}

/// The name by which a waiver means what was found: `ALLOWED_` for `ALLOWED_*`, which is known only when the script runs,
/// and `vars` for `toJSON(vars)` and `vars.*`.
pub(super) fn name_of(found: &str) -> &str {
    let inner = found.strip_prefix("toJSON(").and_then(|rest| rest.strip_suffix(')')).unwrap_or(found);
    inner.trim_end_matches(['*', '.'])
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use super::*;

    #[test]
    fn a_comment_is_about_its_own_line_or_the_next_that_says_something() {
        let text = "a: 1 # merotee: allow A_B until 2027-01-01: because\n\
                    # merotee: allow C until 2027-01-01: because\n# more\n\n# merotee: allow D until 2027-01-01: x\nc: 1\n";
        let found: Vec<_> = remarks(text).into_iter().map(|r| (r.line, r.about, r.said.unwrap().name)).collect();
        assert_eq!(found, [(1, 1, "A_B".to_owned()), (2, 6, "C".to_owned()), (5, 6, "D".to_owned())]);
    }

    #[test]
    fn what_has_no_name_of_its_own_is_waived_by_one() {
        assert_eq!(["ALLOWED_*", "toJSON(vars)", "vars.*", "X"].map(name_of), ["ALLOWED_", "vars", "vars", "X"]);
    }

    #[test]
    fn a_waiver_without_name_day_or_reason_is_wrong() {
        for text in [
            "# merotee: allow",
            "# merotee: allow X",
            "# merotee: allow X until 2027-01-01",
            "# merotee: allow X until 2027-01-01:  ",
            "# merotee: allow X until soon: because",
            "# merotee: allow X Y until 2027-01-01: because",
        ] {
            assert!(remarks(text).first().unwrap().said.is_err(), "{text}");
        }
        assert!(remarks("nothing").is_empty());
    }
}
