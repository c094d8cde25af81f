//! What was checked and what came of it: the one model every renderer, annotation and exit code is made from.
//!
//! A [`Report`] holds one [`Section`] a subject (a release, a file). A section holds [`Finding`]s, each the result of
//! one named check on one thing. Nothing here decides how a check works or how a report looks: domain modules make
//! findings, the renderers beside this file print them, and [`Report::verdict`] is the only judgement over them all.

pub mod escape;
pub mod github;
pub mod sarif;

mod check;
mod finding;
mod format;
mod html;
mod human;
mod json;
mod markdown;
mod verdict;
mod wording;

pub use check::{Check, CheckInfo};
pub use finding::{Finding, Location, Status};
pub use format::{Format, Style, UnknownFormat, render};
pub use verdict::{Counts, Verdict};

/// Everything one command found out, in the order it was checked.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Report {
    /// The command that made the report, as typed: `verify-release-assets`.
    pub command: String,
    /// Every check the command can run, in table order: the rules a machine reader may meet.
    pub rules: Vec<CheckInfo>,
    /// One a subject, never empty in a finished report.
    pub sections: Vec<Section>,
    /// Circumstances that weaken every verdict below, such as a trust root that is not the embedded one.
    pub caveats: Vec<String>,
    /// Wall-clock time the work took. `None` where output must be reproducible.
    pub elapsed: Option<std::time::Duration>,
}

/// All findings about one subject.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Section {
    /// What was judged: a release tag, a file path, a digest.
    pub subject: String,
    /// Facts a reader needs to place the verdict, in display order: repository, layout, class.
    pub facts: Vec<(&'static str, String)>,
    /// Results, grouped by check in table order.
    pub findings: Vec<Finding>,
}

impl Report {
    /// The verdict over every section. A report without a single finding has checked nothing and is
    /// [`Verdict::Undecided`].
    pub fn verdict(&self) -> Verdict {
        Verdict::of(self.sections.iter().flat_map(|s| s.findings.iter()))
    }

    /// How many findings of each status there are over all sections.
    pub fn counts(&self) -> Counts {
        Counts::of(self.sections.iter().flat_map(|s| s.findings.iter()))
    }
}

impl Section {
    /// The verdict over this section alone.
    pub fn verdict(&self) -> Verdict {
        Verdict::of(self.findings.iter())
    }

    /// How many findings of each status this section holds.
    pub fn counts(&self) -> Counts {
        Counts::of(self.findings.iter())
    }
}
