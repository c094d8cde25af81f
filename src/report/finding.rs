//! One result of one check on one thing.

use super::Location;

/// How a finding bears on the verdict.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Status {
    /// The check ran and what it looked at is as required.
    Pass,
    /// The check ran; nothing forbidden, but a person should look. Never changes the verdict.
    Warn,
    /// The check ran and what it looked at must not be trusted.
    Fail,
    /// Something required is not there.
    Missing,
    /// The check could not run and the verdict needs it: there is no verdict without it.
    SkippedRequired,
    /// The check could not run here and the verdict does not depend on it (for example GitHub's own digests when
    /// verifying a local directory).
    Skipped,
}

/// The result of one check on one thing. All texts may hold untrusted input: renderers escape them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// Stable kebab-case id of the check, as in the documentation.
    pub check: &'static str,
    /// How it bears on the verdict.
    pub status: Status,
    /// The thing looked at: an asset name, a profile, a file. May be empty when the whole subject is meant.
    pub subject: String,
    /// What was found, one sentence without a final stop. May be empty when `expected` and `actual` say it all.
    pub message: String,
    /// What the check demands, when it compares.
    pub expected: Option<String>,
    /// What it got instead.
    pub actual: Option<String>,
    /// What the reader should do next.
    pub help: Option<String>,
    /// Where to look, when there is a file.
    pub location: Option<Location>,
    /// Where inside the document, when it is JSON: an RFC 6901 pointer, or `a.b[2]`. Where the document is a local file,
    /// its line is found by it.
    pub within: Option<String>,
}

impl Finding {
    /// A finding of `status` made by `check` about `subject`.
    pub fn new(check: &'static str, status: Status, subject: impl Into<String>, message: impl Into<String>) -> Self {
        Self {
            check,
            status,
            subject: subject.into(),
            message: message.into(),
            expected: None,
            actual: None,
            help: None,
            location: None,
            within: None,
        }
    }

    /// States what was demanded and what was there.
    #[must_use]
    pub fn compared(mut self, expected: impl Into<String>, actual: impl Into<String>) -> Self {
        self.expected = Some(expected.into());
        self.actual = Some(actual.into());
        self
    }

    /// States what the reader should do next.
    #[must_use]
    pub fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }

    /// Says which part of a JSON document is meant.
    #[must_use]
    pub fn within(mut self, place: impl Into<String>) -> Self {
        self.within = Some(place.into());
        self
    }

    /// Points at a line of the file that the finding is about; 0 is none.
    #[must_use]
    pub fn on_line(self, line: u32) -> Self {
        let file = self.subject.clone();
        self.at(Location { file, line: (line > 0).then_some(line), ..Location::default() })
    }

    /// Points into a file.
    #[must_use]
    pub fn at(mut self, location: Location) -> Self {
        self.location = Some(location);
        self
    }
}
