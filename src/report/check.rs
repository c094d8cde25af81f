//! The table form of a check: a named pure function from a snapshot to findings.

use super::{Finding, Status};

/// Name and meaning of a check, for listings, SARIF rules and the documentation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CheckInfo {
    /// Stable kebab-case id.
    pub id: &'static str,
    /// One line: what the check demands.
    pub title: &'static str,
}

impl CheckInfo {
    /// A finding of this check that passed.
    pub fn pass(&self, subject: impl Into<String>, message: impl Into<String>) -> Finding {
        Finding::new(self.id, Status::Pass, subject, message)
    }

    /// A finding of this check that a person should look at.
    pub fn warn(&self, subject: impl Into<String>, message: impl Into<String>) -> Finding {
        Finding::new(self.id, Status::Warn, subject, message)
    }

    /// A finding of this check that failed.
    pub fn fail(&self, subject: impl Into<String>, message: impl Into<String>) -> Finding {
        Finding::new(self.id, Status::Fail, subject, message)
    }

    /// A finding of this check about something that is not there.
    pub fn missing(&self, subject: impl Into<String>, message: impl Into<String>) -> Finding {
        Finding::new(self.id, Status::Missing, subject, message)
    }

    /// A finding of this check that could not be made and must be.
    pub fn undecided(&self, subject: impl Into<String>, message: impl Into<String>) -> Finding {
        Finding::new(self.id, Status::SkippedRequired, subject, message)
    }

    /// A finding of this check that could not be made, and need not be here.
    pub fn skip(&self, subject: impl Into<String>, message: impl Into<String>) -> Finding {
        Finding::new(self.id, Status::Skipped, subject, message)
    }
}

/// A check over a snapshot `S`.
pub struct Check<S> {
    /// Name and meaning.
    pub info: CheckInfo,
    /// Whether the check has anything to say about this snapshot at all (its family, layout or scope).
    pub applies: fn(&S) -> bool,
    /// The check. It must report on everything it looked at, passes included.
    pub run: fn(&S) -> Vec<Finding>,
}

impl<S> Check<S> {
    /// Runs the check where it applies. A check that applies and reports nothing looked at nothing: that is a required
    /// skip, never a pass.
    pub fn findings(&self, snapshot: &S) -> Vec<Finding> {
        if !(self.applies)(snapshot) {
            return Vec::new();
        }
        let findings = (self.run)(snapshot);
        if findings.is_empty() {
            return vec![Finding::new(self.info.id, Status::SkippedRequired, "", "the check found nothing to look at")];
        }
        findings
    }
}
