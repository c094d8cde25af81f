//! The judgement over a set of findings.

use super::{Finding, Status};

/// What a set of findings amounts to. The order of the variants is the order of precedence.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Verdict {
    /// Every required check passed; warnings and optional skips are allowed.
    Passed,
    /// A required check could not run, or nothing was checked: there is no verdict.
    Undecided,
    /// Something required is missing, and nothing failed outright.
    Incomplete,
    /// At least one check failed.
    Failed,
}

impl Verdict {
    /// The worst that any finding implies.
    pub fn of<'a>(findings: impl Iterator<Item = &'a Finding>) -> Self {
        findings
            .map(|f| match f.status {
                Status::Pass | Status::Warn | Status::Skipped => Self::Passed,
                Status::SkippedRequired => Self::Undecided,
                Status::Missing => Self::Incomplete,
                Status::Fail => Self::Failed,
            })
            .max()
            .unwrap_or(Self::Undecided)
    }

    /// The word the report ends with.
    pub fn word(self) -> &'static str {
        match self {
            Self::Passed => "PASSED",
            Self::Undecided => "NO VERDICT",
            Self::Incomplete => "INCOMPLETE",
            Self::Failed => "FAILED",
        }
    }
}

/// How many findings there are of each status. Required and optional skips count together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Counts {
    /// Passed.
    pub passed: usize,
    /// Failed.
    pub failed: usize,
    /// Missing.
    pub missing: usize,
    /// Skipped, required or not.
    pub skipped: usize,
    /// Warned about.
    pub warned: usize,
}

impl Counts {
    /// Counts `findings`.
    pub fn of<'a>(findings: impl Iterator<Item = &'a Finding>) -> Self {
        let mut counts = Self::default();
        for finding in findings {
            match finding.status {
                Status::Pass => counts.passed += 1,
                Status::Fail => counts.failed += 1,
                Status::Missing => counts.missing += 1,
                Status::Skipped | Status::SkippedRequired => counts.skipped += 1,
                Status::Warn => counts.warned += 1,
            }
        }
        counts
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn verdict(statuses: &[Status]) -> Verdict {
        let findings: Vec<_> = statuses.iter().map(|s| Finding::new("c", *s, "", "")).collect();
        Verdict::of(findings.iter())
    }

    #[test]
    fn no_finding_is_no_verdict() {
        assert_eq!(verdict(&[]), Verdict::Undecided);
    }

    #[test]
    fn a_failure_wins_over_missing_and_both_over_a_required_skip() {
        use Status::{Fail, Missing, Pass, SkippedRequired};
        assert_eq!(verdict(&[Pass, SkippedRequired]), Verdict::Undecided);
        assert_eq!(verdict(&[Pass, SkippedRequired, Missing]), Verdict::Incomplete);
        assert_eq!(verdict(&[Fail, SkippedRequired, Missing]), Verdict::Failed);
    }

    #[test]
    fn warnings_and_optional_skips_pass() {
        assert_eq!(verdict(&[Status::Warn, Status::Skipped, Status::Pass]), Verdict::Passed);
    }
}
