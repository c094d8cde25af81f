//! A pull request as it was read, once, at one commit: what it says of itself, what it changes, and what people said of it.
//!
//! Every text in it is its author's or a reviewer's, and is untrusted. Nothing here judges it.

use std::collections::BTreeMap;

use jiff::Timestamp;

/// A pull request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PullRequest {
    /// Its number.
    pub number: u64,
    /// Its page.
    pub url: String,
    /// Who opened it; `None` when the account is gone.
    pub author: Option<String>,
    /// The number of that account, which stays when its name changes.
    pub author_id: Option<u64>,
    /// Its text.
    pub body: Option<String>,
    /// Whether it can still be merged.
    pub state: PullState,
    /// Whether its author says that it is not finished.
    pub draft: bool,
    /// The branch it goes to.
    pub base: End,
    /// The branch that it brings.
    pub head: End,
    /// Where that branch lies.
    pub source: Source,
    /// The labels it has now.
    pub labels: Vec<String>,
    /// The files that it changes.
    pub files: Files,
    /// Its commits; `None` where there are more than GitHub lists.
    pub commits: Option<Vec<Commit>>,
    /// What reviewers said, in no order.
    pub reviews: Vec<Review>,
    /// What became different while it was read: one sentence.
    pub moved: Option<String>,
}

/// Whether a pull request can still be merged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PullState {
    /// It can.
    Open,
    /// It was turned down.
    Closed,
    /// It was merged.
    Merged,
}

/// One end of a pull request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct End {
    /// The branch.
    pub branch: String,
    /// Its newest commit, by its id.
    pub commit: String,
}

/// Where the branch of a pull request lies.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Source {
    /// In the repository itself.
    Own,
    /// In this fork.
    Fork(String),
    /// In a fork that was deleted. The repository keeps its commits.
    Gone,
}

/// The files of a pull request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Files {
    /// All of them.
    All(Vec<Changed>),
    /// More than GitHub lists: this many.
    TooMany(u64),
}

/// A file that a pull request changes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Changed {
    /// Its path.
    pub path: String,
    /// The path it had before, where it was renamed.
    pub previous: Option<String>,
}

/// A commit of a pull request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Commit {
    /// Its id.
    pub id: String,
    /// Accounts of its author, its committer and those that its message names as authors.
    pub accounts: Vec<String>,
    /// Their numbers, as far as they are known: those stay when a name changes.
    pub account_ids: Vec<u64>,
    /// Its author's name where no account goes with it: anyone may have written that.
    pub unknown: Option<String>,
}

/// What a reviewer said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Review {
    /// Numbers grow with time.
    pub id: u64,
    /// The account; `None` when it is gone.
    pub author: Option<String>,
    /// The number of that account, which stays when its name changes.
    pub author_id: Option<u64>,
    /// What was said.
    pub verdict: ReviewVerdict,
    /// The commit that was looked at; `None` when it is gone.
    pub commit: Option<String>,
    /// When it was said.
    pub at: Option<Timestamp>,
}

/// What a review comes to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ReviewVerdict {
    /// It may be merged.
    Approved,
    /// It must not be merged as it is.
    ChangesRequested,
    /// A verdict that was taken back for its author.
    Dismissed,
    /// No verdict.
    Commented,
    /// Not said yet.
    Pending,
}

/// The folder of policies in three commits, and what else the last of them changes: paths from the top of the repository.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct States {
    /// Where the branch left the base.
    pub left: BTreeMap<String, Entry>,
    /// The newest commit of the base.
    pub base: BTreeMap<String, Entry>,
    /// The newest commit of the pull request.
    pub head: BTreeMap<String, Entry>,
    /// Paths outside of the folder that the commits themselves show as changed, each with its git mode at the head; `None`
    /// for a file that is gone. A path that ends in `/` is a folder whose files are not known.
    pub outside: BTreeMap<String, Option<String>>,
}

/// The git mode of a file like any other.
pub const PLAIN: &str = "100644";

/// A file of a commit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// Its git mode: `100644`.
    pub mode: String,
    /// The id of its content.
    pub id: String,
    /// What it holds, as far as that is wanted.
    pub content: Content,
}

/// What a file holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Content {
    /// These bytes.
    Bytes(Vec<u8>),
    /// More bytes than are read: this many.
    TooLarge(u64),
    /// Nothing that is looked at.
    Unread,
}

impl Entry {
    /// Whether it is a file like any other: no link, no submodule, nothing to execute.
    pub fn is_plain(&self) -> bool {
        self.mode == PLAIN
    }

    /// Its bytes, when they were read.
    pub fn bytes(&self) -> Option<&[u8]> {
        match &self.content {
            Content::Bytes(bytes) => Some(bytes),
            Content::TooLarge(_) | Content::Unread => None,
        }
    }

    /// Whether it is the same file with the same content.
    pub fn same(&self, other: &Self) -> bool {
        (&self.mode, &self.id) == (&other.mode, &other.id)
    }
}

/// The first digits of a commit's id, as people write it.
pub fn short(commit: &str) -> String {
    commit.chars().take(12).collect()
}

impl States {
    /// Paths that the pull request changes, each with its entry at the head; `None` for a file that it removes.
    pub fn changed(&self) -> BTreeMap<&str, Option<&Entry>> {
        let paths = self.left.keys().chain(self.head.keys());
        let of = |path: &'_ String| (self.left.get(path), self.head.get(path));
        let differs = |path: &&String| match of(path) {
            (Some(left), Some(head)) => !left.same(head),
            (None, None) => false,
            (None, Some(_)) | (Some(_), None) => true,
        };
        paths.filter(differs).map(|path| (path.as_str(), self.head.get(path))).collect()
    }

    /// A file as it is after a merge: the pull request's, where it changes it, and the base's else.
    pub fn merged(&self, path: &str) -> Option<&Entry> {
        match self.changed().get(path) {
            Some(at_head) => *at_head,
            None => self.base.get(path),
        }
    }

    /// Whether the base changed a file since the branch left it.
    pub fn overtaken(&self, path: &str) -> bool {
        match (self.left.get(path), self.base.get(path)) {
            (Some(left), Some(base)) => !left.same(base),
            (None, None) => false,
            (None, Some(_)) | (Some(_), None) => true,
        }
    }
}
