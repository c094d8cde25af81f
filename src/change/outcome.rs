//! What came of proposing a change, as findings.

use super::{Change, Elsewhere, Plan, Refusal, Remark, Step};
use crate::report::{Action, ActionState, CheckInfo, Finding};

/// A change is proposed.
pub const PULL_REQUEST: CheckInfo = CheckInfo {
    id: "pull-request",
    title: "the change is proposed in one pull request, over which no one else's commits or decisions are passed",
};

/// What came of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outcome {
    /// How it ended.
    pub ending: Ending,
    /// What was tried.
    pub tried: Vec<Tried>,
}

/// A step that was carried out, or not.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tried {
    /// The step.
    pub step: Step,
    /// Whether it was.
    pub succeeded: bool,
}

/// How proposing ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ending {
    /// There is a pull request, and this is its number and page.
    Proposed {
        /// Its number.
        number: u64,
        /// Its page.
        url: String,
        /// What was done to have it.
        how: How,
        /// What a person should know of.
        remarks: Vec<Remark>,
    },
    /// The branch is there, and the token may not open pull requests.
    Pushed {
        /// The page on which a person opens it.
        page: String,
        /// GitHub's words.
        said: String,
    },
    /// Nothing was to be done, or people are to decide, or this is only what would be done.
    Planned(Plan),
}

/// What was done to have a pull request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum How {
    /// It was opened.
    Opened,
    /// It was brought up to date.
    Updated,
    /// Nothing: it was there.
    Unchanged,
}

impl How {
    /// As a workflow reads it.
    pub fn word(self) -> &'static str {
        match self {
            Self::Opened => "created",
            Self::Updated => "updated",
            Self::Unchanged => "none",
        }
    }
}

impl Outcome {
    /// What was done, or would be.
    pub fn actions(&self, change: &Change) -> Vec<Action> {
        let state = |tried: &Tried| if tried.succeeded { ActionState::Done } else { ActionState::Failed };
        let tried = self.tried.iter().map(|tried| tried.step.action(change, state(tried)));
        let planned = match &self.ending {
            Ending::Planned(plan) => plan.actions(change),
            Ending::Proposed { .. } | Ending::Pushed { .. } => Vec::new(),
        };
        tried.chain(planned).collect()
    }

    /// The findings of [`PULL_REQUEST`].
    pub fn findings(&self, change: &Change) -> Vec<Finding> {
        let branch = change.branch.as_str();
        match &self.ending {
            Ending::Proposed { number, url, how, remarks } => {
                let message = match how {
                    How::Opened => format!("pull request #{number} is open: {url}"),
                    How::Updated => format!("pull request #{number} is brought up to date: {url}"),
                    How::Unchanged => format!("pull request #{number} proposes this already: {url}"),
                };
                let remarks = remarks.iter().map(|remark| remark.finding(*number, change));
                [PULL_REQUEST.pass(branch, message)].into_iter().chain(remarks).collect()
            }
            Ending::Pushed { page, said } => {
                let message = format!("the branch is pushed, but the token may not open pull requests: {said}");
                let help = format!("open it at {page}, or give the token `pull-requests: write`");
                vec![PULL_REQUEST.warn(branch, message).help(help)]
            }
            Ending::Planned(Plan::Nothing { obsolete: None }) => Vec::new(),
            Ending::Planned(Plan::Nothing { obsolete: Some((number, url)) }) => {
                let message = format!("pull request #{number} is obsolete, the base says all of it already: {url}");
                vec![PULL_REQUEST.warn(branch, message).help("close it; nothing here closes pull requests")]
            }
            Ending::Planned(Plan::Refused(refusal)) => vec![refusal.finding(branch)],
            Ending::Planned(Plan::Steps { steps, pull, remarks }) => {
                let message = match pull {
                    None => "would open a pull request".to_owned(),
                    Some((number, url)) if steps.is_empty() => {
                        format!("pull request #{number} proposes this already: {url}")
                    }
                    Some((number, url)) => format!("would bring pull request #{number} up to date: {url}"),
                };
                let told = pull.iter().flat_map(|(number, _)| remarks.iter().map(|one| one.finding(*number, change)));
                [PULL_REQUEST.pass(branch, message)].into_iter().chain(told).collect()
            }
        }
    }
}

impl Remark {
    fn finding(&self, number: u64, change: &Change) -> Finding {
        let subject = change.branch.as_str();
        match self {
            Self::OthersCommits { commits, more } => {
                let others = named(commits, *more);
                let message = format!("pull request #{number} brings commits that are not ours as well: {others}");
                PULL_REQUEST.warn(subject, message).help("review them before it is merged: they are not in its text")
            }
            Self::TextIsTheirs => {
                let message = format!("the text of pull request #{number} was rewritten and is left as it is");
                PULL_REQUEST.warn(subject, message).help("check that it still says what the change does")
            }
            Self::TextIsOld(said) => {
                let message = format!("the text of pull request #{number} is out of date: {said}");
                PULL_REQUEST.warn(subject, message).help("give the token `pull-requests: write`")
            }
            Self::Unlabelled(said) => {
                let message = format!("pull request #{number} has no label `{}`: {said}", change.label.name);
                PULL_REQUEST.warn(subject, message).help("add it by hand, or give the token `issues: write`")
            }
        }
    }
}

impl Refusal {
    fn finding(&self, branch: &str) -> Finding {
        match self {
            Self::OthersCommits { commits, more, pull } => {
                let others = named(commits, *more);
                let message = format!("the branch has commits that are not ours and is left as it is: {others}");
                let way = match pull {
                    Some((number, url)) => format!("merge or close pull request #{number} ({url})"),
                    None => "delete the branch if it is not needed".to_owned(),
                };
                PULL_REQUEST.fail(branch, message).help(format!("{way}, or name another branch with --branch"))
            }
            Self::NotOurs => PULL_REQUEST
                .fail(branch, "the branch is there and is not ours")
                .help("name another branch with --branch"),
            Self::Elsewhere(Elsewhere { number, url, base }) => {
                let message = format!("pull request #{number} proposes the branch to `{base}`: {url}");
                let help = format!("move it back, give `--base {base}`, or name another branch with --branch");
                PULL_REQUEST.fail(branch, message).help(help)
            }
            Self::Declined { number, url } => {
                let message = format!("pull request #{number} proposed the same and was closed without a merge: {url}");
                PULL_REQUEST
                    .fail(branch, message)
                    .help("reopen it if it is wanted after all, or name another branch with --branch")
            }
        }
    }
}

/// Commits of others in a sentence.
fn named(commits: &[(String, String)], more: u64) -> String {
    let named: Vec<String> = commits.iter().map(|(who, commit)| format!("{commit} by {who}")).collect();
    match (named.len(), more) {
        (_, 0) => named.join(", "),
        (0, more) => format!("{more} that GitHub does not list"),
        (_, more) => format!("{} and {more} more", named.join(", ")),
    }
}
