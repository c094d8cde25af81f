//! A change to a repository as a value: files, proposed on a branch of their own in a pull request with a label. What it
//! takes, given what is there, is a pure [`plan()`]; nothing here asks or sends anything.
//!
//! The rules, which hold for every proposal:
//! 1. One branch for one proposal, named by what is proposed and not by the run, so that a second run lands in the same
//!    pull request and changes nothing. A branch that holds the proposed files is left alone: no approval is dismissed.
//! 2. The branch only ever moves forward, so that a push made in the meantime wins. Where our commits there are out of
//!    date, or the base moved on, a further commit follows them, which merges the base.
//! 3. A branch with anyone else's commits is left to them.
//! 4. A proposal that was closed is not made again, and none is ever closed or merged here: that is for people.

mod branch;
mod commit;
mod outcome;
mod plan;
mod remark;
mod text;

pub use self::{
    branch::{Branch, InvalidBranch},
    commit::{Commit, Person, message},
    outcome::{Ending, How, Outcome, PULL_REQUEST, Tried},
    plan::{At, Elsewhere, Plan, Pull, PullState, Refusal, State, Step, plan},
    remark::Remark,
    text::{Described, MAX_BODY, described, within_markers},
};
use crate::digest::Sha256;

/// What a pull request is to bring.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// The branch it is proposed on.
    pub branch: Branch,
    /// Stands for what is proposed, whatever it is applied to: the same for two runs that ask for the same.
    pub mark: Sha256,
    /// Title of the pull request, and the first line of the commit.
    pub title: String,
    /// What the pull request says, in Markdown. People may write around it.
    pub body: String,
    /// The label it gets.
    pub label: Label,
    /// Whether it is opened as a draft.
    pub draft: bool,
    /// The files as they are to be. Empty: the base is as it should be.
    pub files: Vec<File>,
}

/// A file of a repository, as text, or that it is to be there no longer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct File {
    /// Its path in the repository.
    pub path: String,
    /// What it holds; `None` where it is to go. That is for files of the base only: GitHub refuses to delete any other.
    pub content: Option<String>,
}

/// A label of a repository.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Label {
    /// Its name. GitHub takes names that differ in case for the same.
    pub name: String,
    /// What it is for, where it has to be made.
    pub description: &'static str,
}

/// Where a change starts from: a branch, and its newest commit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Base {
    /// The branch.
    pub branch: Branch,
    /// The commit.
    pub commit: String,
    /// The tree of the commit.
    pub tree: String,
}
