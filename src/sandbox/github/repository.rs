//! A repository of the sandbox's GitHub: what it holds, and the rules by which that changes. It speaks no HTTP.

mod issues;
mod notes;
mod refs;
mod releases;

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;

pub(super) use self::{
    issues::{Comment, Label, Pull, PullWish, Review, Verdict, WantedPull},
    releases::{Asset, AssetState, Release, Wish},
};
use crate::sandbox::{
    git::{Objects, Oid},
    history::History,
};

/// The branch every repository has.
pub(super) const BRANCH: &str = "master";

/// One repository.
#[derive(Debug, Clone)]
pub(super) struct Repository {
    pub(super) id: u64,
    pub(super) full_name: String,
    /// Whether its releases can't be changed once they are published.
    pub(super) immutable_releases: bool,
    /// Newest first.
    pub(super) releases: Vec<Release>,
    /// The release that was made the latest by name, instead of by its age.
    latest: Option<u64>,
    pub(super) objects: Objects,
    /// Full names of refs (`refs/tags/v1`), and the commits they point to.
    pub(super) refs: BTreeMap<String, Oid>,
    /// By number.
    pub(super) pulls: BTreeMap<u64, Pull>,
    /// By name, in lower case.
    pub(super) labels: BTreeMap<String, Label>,
    /// Tags that immutable releases had: they are never given again.
    spent: BTreeSet<String>,
}

impl Repository {
    pub(super) fn new(id: u64, full_name: &str, history: History) -> Self {
        let named = |kind: &str, refs: BTreeMap<String, Oid>| {
            refs.into_iter().map(|(name, id)| (format!("refs/{kind}/{name}"), id)).collect::<Vec<_>>()
        };
        let refs = named("heads", history.branches).into_iter().chain(named("tags", history.tags)).collect();
        Self {
            id,
            full_name: full_name.to_owned(),
            immutable_releases: false,
            releases: Vec::new(),
            latest: None,
            objects: history.objects,
            refs,
            pulls: BTreeMap::new(),
            labels: BTreeMap::new(),
            spent: BTreeSet::new(),
        }
    }

    /// The owner's name.
    pub(super) fn owner(&self) -> &str {
        self.full_name.split_once('/').map_or(&self.full_name, |(owner, _)| owner)
    }

    /// Its name without the owner's.
    pub(super) fn name(&self) -> &str {
        self.full_name.split_once('/').map_or(&self.full_name, |(_, name)| name)
    }
}

/// Now, to the second, as GitHub states times.
pub(super) fn now() -> Timestamp {
    let now = Timestamp::now();
    Timestamp::from_second(now.as_second()).unwrap_or(now)
}
