//! What was checked and what came of it: the one model every renderer, annotation and exit code is made from.
//!
//! A [`Report`] holds one [`Section`] a subject (a release, a file). A section holds [`Finding`]s, each the result of
//! one named check on one thing. Nothing here decides how a check works or how a report looks: domain modules make
//! findings, the renderers beside this file print them, and [`Report::verdict`] is the only judgement over them all.

pub mod escape;
pub mod github;
pub(crate) mod html;
pub mod markdown;
pub mod sarif;

mod action;
mod check;
mod excerpt;
mod exhibit;
mod fact;
mod finding;
mod format;
mod grid;
mod human;
mod json;
mod location;
mod verdict;
mod wording;

pub use action::{Action, ActionState};
pub use check::{Check, CheckInfo};
pub use exhibit::{
    AssetRow, Exhibit, RegisterMatrix, RegisterRow, SampleRow, SharedValue, SignatureRow, Table, TrialRow,
};
pub use fact::Fact;
pub use finding::{Finding, Status};
pub use format::{Format, Style, UnknownFormat, render};
pub use location::{End, Location, Snippet};
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
    /// Names of facts that are columns where several sections are listed; the checks that found something are one as well.
    /// Without any the columns are counts.
    pub overview: &'static [&'static str],
    /// Circumstances that weaken every verdict below, such as a trust root that is not the embedded one.
    pub caveats: Vec<String>,
    /// When the report was made. `None` where output must be reproducible.
    pub made_at: Option<jiff::Timestamp>,
    /// Wall-clock time the work took. `None` where output must be reproducible.
    pub elapsed: Option<std::time::Duration>,
}

/// All findings about one subject.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Section {
    /// What was judged: a release tag, a file path, a digest.
    pub subject: String,
    /// What is known about it: image, signer, repository, class. Shown with the best known kinds first.
    pub facts: Vec<Fact>,
    /// Circumstances that weaken the verdict over this subject alone.
    pub caveats: Vec<String>,
    /// Results, grouped by check in table order.
    pub findings: Vec<Finding>,
    /// Checks whose passes say what was done to the subject: a reader is shown each of them, and never only how many.
    pub told: &'static [&'static str],
    /// What was done, or would be done, in the order of doing it.
    pub actions: Vec<Action>,
    /// What the findings speak of, as tables.
    pub exhibits: Vec<Exhibit>,
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

    /// Whether it is of a rehearsal: it says what would be done, and nothing was.
    pub fn is_planned(&self) -> bool {
        is_planned(self.sections.iter().flat_map(|section| &section.actions))
    }
}

/// Whether all of these would be done, and there are any.
fn is_planned<'a>(actions: impl Iterator<Item = &'a Action>) -> bool {
    let mut states = actions.map(|action| action.state).peekable();
    states.peek().is_some() && states.all(|state| state == ActionState::Planned)
}

impl Section {
    /// A section that says nothing yet.
    pub fn new(subject: impl Into<String>) -> Self {
        Self { subject: subject.into(), ..Self::default() }
    }

    /// The facts in the order they are shown.
    pub(crate) fn ordered_facts(&self) -> Vec<&Fact> {
        let mut facts: Vec<&Fact> = self.facts.iter().collect();
        facts.sort_by_key(|fact| fact.rank());
        facts
    }

    /// The verdict over this section alone.
    pub fn verdict(&self) -> Verdict {
        Verdict::of(self.findings.iter())
    }

    /// How many findings of each status this section holds.
    pub fn counts(&self) -> Counts {
        Counts::of(self.findings.iter())
    }

    /// Whether it says what would be done, and nothing was.
    pub fn is_planned(&self) -> bool {
        is_planned(self.actions.iter())
    }
}
