//! What it takes to have a change proposed, given what is there.

use std::collections::BTreeMap;

use super::{
    Base, Change, Commit,
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
        /// Whether somebody made the text of the pull request their own.
        text_is_theirs: bool,
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
    let newest = pulls.last().filter(|pull| open.is_none() && pull.state == PullState::Closed);
    if let Some(declined) = newest.filter(|pull| pull.mark == Some(change.mark)) {
        return Plan::Refused(Refusal::Declined { number: declined.number, url: declined.url.clone() });
    }
    let mut steps = match push(change, base, state.branch.as_ref()) {
        Ok(step) => Vec::from_iter(step),
        Err(others) => {
            let named = others.iter().take(NAMED).map(|commit| (commit.whose(), commit.short())).collect();
            let count = state.branch.as_ref().map_or(0, |at| at.count.saturating_sub(at.commits.len() as u64));
            let more = count + others.len().saturating_sub(NAMED) as u64;
            return Plan::Refused(Refusal::OthersCommits { commits: named, more, pull: open_at });
        }
    };
    let Some(open) = open else {
        steps.extend([Step::Open, Step::Label { number: None }]);
        return Plan::Steps { steps, pull: None, text_is_theirs: false };
    };
    let number = open.number;
    let text = described(&open.body, &change.body);
    let text_is_theirs = text == Described::Theirs;
    if let Described::New(body) = text {
        steps.push(Step::Describe { number, body });
    }
    if !open.labels.iter().any(|label| label.eq_ignore_ascii_case(&change.label.name)) {
        steps.push(Step::Label { number: Some(number) });
    }
    Plan::Steps { steps, pull: open_at, text_is_theirs }
}

/// What the branch needs, or the commits because of which it is not to be touched.
fn push<'s>(change: &Change, base: &Base, branch: Option<&'s At>) -> Result<Option<Step>, Vec<&'s Commit>> {
    let Some(at) = branch else { return Ok(Some(Step::Create)) };
    let is_ours = at.count == at.commits.len() as u64 && at.commits.iter().all(Commit::is_ours);
    let holds = |file: &super::File| at.files.get(&file.path).is_some_and(|held| held == file.content.as_bytes());
    let strays = |paths: &Vec<String>| paths.iter().any(|path| !change.files.iter().any(|file| file.path == *path));
    // What others put there beside our files is theirs; what we did in a former version of the change is not in this one.
    let stray = is_ours && at.touched.as_ref().is_some_and(strays);
    if !at.commits.is_empty() && change.files.iter().all(holds) && !stray {
        return Ok(None);
    }
    if !is_ours {
        return Err(at.commits.iter().filter(|commit| !commit.is_ours()).collect());
    }
    let parents = if at.commits.is_empty() {
        // All of it is in the base: it moves on with it.
        vec![base.commit.clone()]
    } else if at.has_base {
        vec![at.head.clone()]
    } else {
        vec![at.head.clone(), base.commit.clone()]
    };
    Ok(Some(Step::Advance { parents }))
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
        Action { what: what.to_owned(), target, state }
    }
}

#[cfg(test)]
mod tests;
