//! Pull requests with their labels, comments and reviews, and the labels of the repository.

use std::collections::BTreeSet;

use jiff::Timestamp;
use serde::Deserialize;

use super::{super::refusal::Refusal, Repository, now};
use crate::sandbox::git::Oid;

/// A pull request.
#[derive(Debug, Clone)]
pub(in super::super) struct Pull {
    pub(in super::super) id: u64,
    pub(in super::super) number: u64,
    pub(in super::super) title: String,
    pub(in super::super) body: Option<String>,
    /// The branch whose commits are offered.
    pub(in super::super) head: String,
    /// Its newest commit, kept when the branch is gone.
    head_sha: Oid,
    /// The branch that is to take them.
    pub(in super::super) base: String,
    base_sha: Oid,
    pub(in super::super) draft: bool,
    /// Set when the branch lies in a fork: which, or `None` for one that is gone.
    pub(in super::super) fork: Option<Option<String>>,
    pub(in super::super) open: bool,
    pub(in super::super) merged: Option<(Oid, Timestamp)>,
    pub(in super::super) author: String,
    pub(in super::super) created: Timestamp,
    pub(in super::super) updated: Timestamp,
    pub(in super::super) closed: Option<Timestamp>,
    /// Names of labels, in lower case.
    pub(in super::super) labels: BTreeSet<String>,
    pub(in super::super) comments: Vec<Comment>,
    pub(in super::super) reviews: Vec<Review>,
}

/// A label of a repository.
#[derive(Debug, Clone)]
pub(in super::super) struct Label {
    pub(in super::super) id: u64,
    pub(in super::super) name: String,
    pub(in super::super) color: String,
    pub(in super::super) description: Option<String>,
}

/// A comment on a pull request.
#[derive(Debug, Clone)]
pub(in super::super) struct Comment {
    pub(in super::super) id: u64,
    pub(in super::super) author: String,
    pub(in super::super) body: String,
    pub(in super::super) created: Timestamp,
    pub(in super::super) updated: Timestamp,
}

/// A review of a pull request.
#[derive(Debug, Clone)]
pub(in super::super) struct Review {
    pub(in super::super) id: u64,
    pub(in super::super) author: String,
    pub(in super::super) body: String,
    pub(in super::super) verdict: Verdict,
    /// The commit that was looked at.
    pub(in super::super) commit: Oid,
    pub(in super::super) submitted: Timestamp,
}

/// What a reviewer says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in super::super) enum Verdict {
    Approved,
    ChangesRequested,
    Commented,
    Dismissed,
}

/// A pull request that somebody wants to open.
#[derive(Debug, Deserialize)]
pub(in super::super) struct WantedPull {
    title: Option<String>,
    head: String,
    base: String,
    body: Option<String>,
    #[serde(default)]
    draft: bool,
}

/// What somebody wants a pull request to be; what is left out stays as it is.
#[derive(Debug, Deserialize)]
pub(in super::super) struct PullWish {
    title: Option<String>,
    body: Option<String>,
    state: Option<String>,
    base: Option<String>,
}

impl Verdict {
    /// As the API spells it.
    pub(in super::super) fn name(self) -> &'static str {
        match self {
            Self::Approved => "APPROVED",
            Self::ChangesRequested => "CHANGES_REQUESTED",
            Self::Commented => "COMMENTED",
            Self::Dismissed => "DISMISSED",
        }
    }
}

impl Repository {
    pub(in super::super) fn pull(&self, number: u64) -> Result<&Pull, Refusal> {
        self.pulls.get(&number).ok_or_else(Refusal::not_found)
    }

    pub(in super::super) fn pull_mut(&mut self, number: u64) -> Result<&mut Pull, Refusal> {
        self.pulls.get_mut(&number).ok_or_else(Refusal::not_found)
    }

    /// The newest commit that a pull request offers, and the one it would go on top of.
    pub(in super::super) fn ends_of(&self, pull: &Pull) -> (Oid, Oid) {
        let live = |branch: &str| self.refs.get(&format!("refs/heads/{branch}")).copied();
        if !pull.open {
            return (pull.head_sha, pull.base_sha);
        }
        (live(&pull.head).unwrap_or(pull.head_sha), live(&pull.base).unwrap_or(pull.base_sha))
    }

    /// Opens a pull request between two branches of the repository.
    pub(in super::super) fn open_pull(&mut self, id: u64, author: &str, wanted: WantedPull) -> Result<&Pull, Refusal> {
        let field = |code, field| Refusal::field("PullRequest", code, field);
        let title = wanted.title.filter(|title| !title.is_empty()).ok_or_else(|| field("missing_field", "title"))?;
        let owned = format!("{}:", self.owner());
        let head = wanted.head.strip_prefix(&owned).unwrap_or(&wanted.head).to_owned();
        let tip = |name: &str| self.refs.get(&format!("refs/heads/{name}")).copied();
        let head_sha = tip(&head).ok_or_else(|| field("invalid", "head"))?;
        let base_sha = tip(&wanted.base).ok_or_else(|| field("invalid", "base"))?;
        if self.pulls.values().any(|one| one.open && one.head == head && one.base == wanted.base) {
            let message = format!("A pull request already exists for {owned}{head}.");
            return Err(Refusal::rule("PullRequest", &message));
        }
        if self.objects.since(base_sha, head_sha).is_empty() {
            let message = format!("No commits between {} and {head}", wanted.base);
            return Err(Refusal::rule("PullRequest", &message));
        }
        let number = self.pulls.keys().last().copied().unwrap_or(FIRST_PULL - 1) + 1;
        let pull = Pull {
            id,
            number,
            title,
            body: wanted.body,
            head,
            head_sha,
            base: wanted.base,
            base_sha,
            draft: wanted.draft,
            fork: None,
            open: true,
            merged: None,
            author: author.to_owned(),
            created: now(),
            updated: now(),
            closed: None,
            labels: BTreeSet::new(),
            comments: Vec::new(),
            reviews: Vec::new(),
        };
        Ok(self.pulls.entry(number).or_insert(pull))
    }

    /// Changes a pull request; a closed one opens again unless it was merged.
    pub(in super::super) fn edit_pull(&mut self, number: u64, wish: PullWish) -> Result<&Pull, Refusal> {
        let field = |code, field| Refusal::field("PullRequest", code, field);
        let (head_sha, base_sha) = self.ends_of(self.pull(number)?);
        if let Some(base) = &wish.base
            && !self.refs.contains_key(&format!("refs/heads/{base}"))
        {
            return Err(field("invalid", "base"));
        }
        let pull = self.pull_mut(number)?;
        let open = match wish.state.as_deref() {
            None => pull.open,
            Some("open") if pull.merged.is_some() => return Err(field("invalid", "state")),
            Some("open") => true,
            Some("closed") => false,
            Some(_) => return Err(field("invalid", "state")),
        };
        if pull.open && !open {
            (pull.head_sha, pull.base_sha, pull.closed) = (head_sha, base_sha, Some(now()));
        }
        if open {
            pull.closed = None;
        }
        pull.open = open;
        pull.title = wish.title.unwrap_or_else(|| pull.title.clone());
        pull.body = wish.body.or_else(|| pull.body.clone());
        pull.base = wish.base.unwrap_or_else(|| pull.base.clone());
        pull.updated = now();
        Ok(pull)
    }

    /// Merges a pull request by putting its base forward.
    pub(in super::super) fn merge(&mut self, number: u64) -> Result<(), Refusal> {
        let pull = self.pull(number)?;
        let (head, onto) = self.ends_of(pull);
        let base = format!("refs/heads/{}", pull.base);
        if !pull.open || self.objects.merge_base(head, onto) != Some(onto) {
            return Err(Refusal::refused("Pull Request is not mergeable"));
        }
        self.refs.insert(base, head);
        let pull = self.pull_mut(number)?;
        (pull.head_sha, pull.base_sha, pull.open) = (head, onto, false);
        (pull.merged, pull.closed, pull.updated) = (Some((head, now())), Some(now()), now());
        Ok(())
    }

    /// Closes a pull request.
    pub(in super::super) fn close(&mut self, number: u64) -> Result<(), Refusal> {
        let wish = PullWish { title: None, body: None, state: Some("closed".to_owned()), base: None };
        self.edit_pull(number, wish).map(|_| ())
    }

    /// Adds a label to those of the repository.
    pub(in super::super) fn add_label(&mut self, label: Label) -> Result<&Label, Refusal> {
        if label.name.is_empty() {
            return Err(Refusal::field("Label", "missing_field", "name"));
        }
        let key = label.name.to_lowercase();
        if self.labels.contains_key(&key) {
            return Err(Refusal::field("Label", "already_exists", "name"));
        }
        Ok(self.labels.entry(key).or_insert(label))
    }

    /// Puts labels of the repository on a pull request, over those it has.
    pub(in super::super) fn put_labels(&mut self, number: u64, names: &[String]) -> Result<(), Refusal> {
        let keys: Vec<String> = names.iter().map(|name| name.to_lowercase()).collect();
        if keys.iter().any(|key| !self.labels.contains_key(key)) {
            return Err(Refusal::field("Label", "invalid", "name"));
        }
        let pull = self.pull_mut(number)?;
        pull.labels.extend(keys);
        pull.updated = now();
        Ok(())
    }

    /// Records a review. Authors do not approve their own work.
    pub(in super::super) fn review(&mut self, number: u64, review: Review) -> Result<Review, Refusal> {
        let pull = self.pull_mut(number)?;
        match review.verdict {
            Verdict::Approved if pull.author == review.author => {
                Err(Refusal::refused("Can not approve your own pull request"))
            }
            Verdict::ChangesRequested if pull.author == review.author => {
                Err(Refusal::refused("Can not request changes on your own pull request"))
            }
            Verdict::Approved | Verdict::ChangesRequested | Verdict::Commented | Verdict::Dismissed => {
                pull.reviews.push(review.clone());
                Ok(review)
            }
        }
    }
}

impl Repository {
    /// Takes a verdict back. What was only a comment has none.
    pub(in super::super) fn dismiss(&mut self, number: u64, id: u64) -> Result<Review, Refusal> {
        let reviews = self.pull_mut(number)?.reviews.iter_mut();
        let review = reviews.into_iter().find(|review| review.id == id).ok_or_else(Refusal::not_found)?;
        match review.verdict {
            Verdict::Approved | Verdict::ChangesRequested => {
                review.verdict = Verdict::Dismissed;
                Ok(review.clone())
            }
            Verdict::Commented | Verdict::Dismissed => Err(Refusal::refused("Can not dismiss this review")),
        }
    }
}

/// The number of the first pull request that is opened here: the sample's commits name those before it.
const FIRST_PULL: u64 = 101;
