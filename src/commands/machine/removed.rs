//! What came of taking machines down, told in findings and actions.

use crate::report::{Action, Finding, Status};

/// What came of taking down.
#[derive(Debug, Default)]
pub(in crate::commands) struct Removed {
    pub(in crate::commands) findings: Vec<Finding>,
    pub(in crate::commands) actions: Vec<Action>,
}

impl Removed {
    /// Says at once what may be left: whatever becomes of the report, it costs money.
    pub(in crate::commands) fn tell(&self) {
        for finding in self.findings.iter().filter(|finding| finding.status != Status::Pass) {
            tracing::error!("{}: {}", finding.subject, finding.message);
        }
    }

    /// Adds what came of another cloud.
    pub(in crate::commands) fn extend(&mut self, other: Self) {
        self.findings.extend(other.findings);
        self.actions.extend(other.actions);
    }
}
