//! What it takes to have a change proposed, given what is there.

use std::collections::BTreeMap;

use super::{
    Base, Change, Commit, Remark,
    text::{Described, described},
};
use crate::{
    digest::Sha256,
    report::{Action, ActionState},
};

/// What there is of a proposal already.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct State {
    /// Its branch.
    pub branch: Option<At>,
    /// Pull requests from the branch into the base.
    pub pulls: Vec<Pull>,
    /// An open pull request from the branch into another base.
    pub elsewhere: Option<Elsewhere>,
}

/// A branch as it is found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct At {
    /// Its newest commit.
    pub head: String,
    /// Whether the base's newest commit is in it.
    pub has_base: bool,
    /// Its commits that are not in the base, oldest first.
    pub commits: Vec<Commit>,
    /// How many there are of them: more than are listed when GitHub does not list them all.
    pub count: u64,
    /// What it holds at the paths of the change.
    pub files: BTreeMap<String, Vec<u8>>,
    /// Paths at which it differs from where it left the base, where that is known.
    pub touched: Option<Vec<String>>,
}

/// A pull request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pull {
    /// Its number.
    pub number: u64,
    /// Its page.
    pub url: String,
    /// What it says.
    pub body: String,
    /// How far it came.
    pub state: PullState,
    /// Names of its labels.
    pub labels: Vec<String>,
    /// What its newest commit says it proposes.
    pub mark: Option<Sha256>,
}

/// An open pull request into another base than the one that is meant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Elsewhere {
    /// Its number.
    pub number: u64,
    /// Its page.
    pub url: String,
    /// Its base.
    pub base: String,
}

/// How far a pull request came.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PullState {
    /// It waits.
    Open,
    /// It was turned down.
    Closed,
    /// It was taken.
    Merged,
}

/// What is to be done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Plan {
    /// The base is as it should be. A pull request that is still open for it has become pointless.
    Nothing {
        /// The pull request: number and page.
        obsolete: Option<(u64, String)>,
    },
    /// It is for people to decide.
    Refused(Refusal),
    /// These steps, in this order; none when all is as it should be.
    Steps {
        /// The steps.
        steps: Vec<Step>,
        /// The pull request that there is: number and page.
        pull: Option<(u64, String)>,
        /// What a person should know of the pull request.
        remarks: Vec<Remark>,
    },
}

/// One write.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    /// Make the branch, with a commit on the base.
    Create,
    /// Let a commit with these parents follow on the branch, the first of which is its newest.
    Advance {
        /// The parents.
        parents: Vec<String>,
    },
    /// Open a pull request.
    Open,
    /// Give a pull request this text.
    Describe {
        /// Its number.
        number: u64,
        /// The text.
        body: String,
    },
    /// Label a pull request; `None`: the one that was just opened.
    Label {
        /// Its number.
        number: Option<u64>,
    },
}

/// Why a change is not proposed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Refusal {
    /// The branch has commits that are not ours, and would have to change.
    OthersCommits {
        /// Whose, and which: the first few.
        commits: Vec<(String, String)>,
        /// How many more.
        more: u64,
        /// The open pull request of the branch: number and page.
        pull: Option<(u64, String)>,
    },
    /// The branch is there with nothing of ours, and no pull request says that it ever was ours.
    NotOurs,
    /// The branch is proposed to another base already.
    Elsewhere(Elsewhere),
    /// The same was proposed before, and turned down.
    Declined {
        /// The pull request's number.
        number: u64,
        /// Its page.
        url: String,
    },
}

/// Commits of others that are named one by one.
const NAMED: usize = 3;

/// The plan. It depends on its arguments alone, so what `--dry-run` shows is what a run does.
pub fn plan(change: &Change, base: &Base, state: &State) -> Plan {
    let mut pulls: Vec<&Pull> = state.pulls.iter().collect();
    pulls.sort_by_key(|pull| pull.number);
    let open = pulls.iter().find(|pull| pull.state == PullState::Open).copied();
    let open_at = open.map(|pull| (pull.number, pull.url.clone()));
    if change.files.is_empty() {
        return Plan::Nothing { obsolete: open_at };
    }
    if let Some(elsewhere) = state.elsewhere.as_ref().filter(|_| open.is_none()) {
        return Plan::Refused(Refusal::Elsewhere(elsewhere.clone()));
    }
    let newest = pulls.last().filter(|pull| open.is_none() && pull.state == PullState::Closed);
    if let Some(declined) = newest.filter(|pull| pull.mark == Some(change.mark)) {
        return Plan::Refused(Refusal::Declined { number: declined.number, url: declined.url.clone() });
    }
    let others = state.branch.as_ref().and_then(others);
    let mut steps = match state.branch.as_ref() {
        None => vec![Step::Create],
        Some(at) => {
            let step = push(change, base, at, others.is_some());
            // A pull request around others' commits is for them to open. One that is open is left alone, and says so.
            if let Some((commits, more)) = others.clone().filter(|_| open.is_none() || step.is_some()) {
                return Plan::Refused(Refusal::OthersCommits { commits, more, pull: open_at });
            }
            if at.commits.is_empty() && pulls.is_empty() {
                return Plan::Refused(Refusal::NotOurs);
            }
            Vec::from_iter(step)
        }
    };
    let Some(open) = open else {
        steps.extend([Step::Open, Step::Label { number: None }]);
        return Plan::Steps { steps, pull: None, remarks: Vec::new() };
    };
    let number = open.number;
    let mut remarks = Vec::from_iter(others.map(|(commits, more)| Remark::OthersCommits { commits, more }));
    match described(&open.body, &change.body) {
        Described::Same => {}
        Described::New(body) => steps.push(Step::Describe { number, body }),
        Described::Theirs => remarks.push(Remark::TextIsTheirs),
    }
    if !open.labels.iter().any(|label| label.eq_ignore_ascii_case(&change.label.name)) {
        steps.push(Step::Label { number: Some(number) });
    }
    Plan::Steps { steps, pull: open_at, remarks }
}

/// The commits of a branch that are not ours: the first few, by whom and which, and how many more.
fn others(at: &At) -> Option<(Vec<(String, String)>, u64)> {
    let others: Vec<&Commit> = at.commits.iter().filter(|commit| !commit.is_ours()).collect();
    let unlisted = at.count.saturating_sub(at.commits.len() as u64);
    let more = unlisted + others.len().saturating_sub(NAMED) as u64;
    let named: Vec<_> = others.iter().take(NAMED).map(|commit| (commit.whose(), commit.short())).collect();
    (more > 0 || !named.is_empty()).then_some((named, more))
}

/// What the branch needs to hold the change.
fn push(change: &Change, base: &Base, at: &At, has_others: bool) -> Option<Step> {
    let holds =
        |file: &super::File| at.files.get(&file.path).map(Vec::as_slice) == file.content.as_deref().map(str::as_bytes);
    let strays = |paths: &Vec<String>| paths.iter().any(|path| !change.files.iter().any(|file| file.path == *path));
    // What others put there beside our files is theirs; what we did in a former version of the change is not in this one.
    let stray = !has_others && at.touched.as_ref().is_some_and(strays);
    if !at.commits.is_empty() && change.files.iter().all(holds) && !stray {
        return None;
    }
    let parents = if at.commits.is_empty() {
        // All of it is in the base: it moves on with it.
        vec![base.commit.clone()]
    } else if at.has_base {
        vec![at.head.clone()]
    } else {
        vec![at.head.clone(), base.commit.clone()]
    };
    Some(Step::Advance { parents })
}

impl Plan {
    /// What would be done, for a report.
    pub fn actions(&self, change: &Change) -> Vec<Action> {
        match self {
            Self::Steps { steps, .. } => steps.iter().map(|step| step.action(change, ActionState::Planned)).collect(),
            Self::Nothing { .. } | Self::Refused(_) => Vec::new(),
        }
    }
}

impl Step {
    /// The step as an action that came so far.
    pub fn action(&self, change: &Change, state: ActionState) -> Action {
        let branch = || change.branch.to_string();
        let of = |number: &Option<u64>| number.map_or_else(String::new, |number| format!(" of #{number}"));
        let (what, target) = match self {
            Self::Create => ("create branch", branch()),
            Self::Advance { .. } => ("commit to branch", branch()),
            Self::Open if change.draft => ("open draft pull request", change.title.clone()),
            Self::Open => ("open pull request", change.title.clone()),
            Self::Describe { number, .. } => ("update text", format!("pull request #{number}")),
            Self::Label { number } => ("add label", format!("{}{}", change.label.name, of(number))),
        };
        Action { what: what.to_owned(), target, state, content: None }
    }
}

#[cfg(test)]
mod tests;
