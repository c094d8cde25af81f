//! All repositories of the sandbox's GitHub, the accounts, and the numbers given so far.

use std::collections::BTreeMap;

use super::{accounts::Accounts, content::Content, refusal::Refusal, repository::Repository};
use crate::sandbox::history::History;

/// Ids of what is made later start here.
const FIRST_ID: u64 = 1_000_000;

/// Everything.
#[derive(Debug, Default)]
pub(super) struct State {
    repositories: Vec<Repository>,
    pub(super) accounts: Accounts,
    /// Names that repositories had before, and those they have now.
    moved: BTreeMap<String, String>,
    made: u64,
}

impl State {
    /// Adds a repository with this history, and what `fill` puts there.
    pub(super) fn add(&mut self, full_name: &str, history: History, fill: impl FnOnce(&mut Repository)) {
        let mut repository = Repository::new(self.repositories.len() as u64 + 1, full_name, history);
        fill(&mut repository);
        self.repositories.push(repository);
    }

    /// Answers for a name that a repository had before.
    pub(super) fn moved(&mut self, before: &str, now: &str) {
        self.moved.insert(before.to_ascii_lowercase(), now.to_owned());
    }

    /// The name that a repository has now, if it had this one before.
    pub(super) fn moved_to(&self, full_name: &str) -> Option<&str> {
        self.moved.get(&full_name.to_ascii_lowercase()).map(String::as_str)
    }

    /// A repository by its name, in any case.
    pub(super) fn repository(&self, full_name: &str) -> Result<&Repository, Refusal> {
        let found = self.repositories.iter().find(|one| one.full_name.eq_ignore_ascii_case(full_name));
        found.ok_or_else(Refusal::not_found)
    }

    /// A repository to change, where nothing is made.
    pub(super) fn repository_mut(&mut self, full_name: &str) -> Result<&mut Repository, Refusal> {
        let found = self.repositories.iter_mut().find(|one| one.full_name.eq_ignore_ascii_case(full_name));
        found.ok_or_else(Refusal::not_found)
    }

    /// What attests a release of any repository.
    pub(super) fn attestation(&self, release: u64, place: usize) -> Option<&serde_json::Value> {
        let releases = self.repositories.iter().flat_map(|repository| &repository.releases);
        releases.filter(|one| one.id == release).find_map(|one| one.attestations.as_ref()?.get(place))
    }

    /// A repository to change, and a number that nothing has had.
    pub(super) fn change(&mut self, full_name: &str) -> Result<(&mut Repository, u64), Refusal> {
        let id = FIRST_ID + self.made;
        self.made += 1;
        let found = self.repositories.iter_mut().find(|one| one.full_name.eq_ignore_ascii_case(full_name));
        found.map(|one| (one, id)).ok_or_else(Refusal::not_found)
    }

    /// The bytes of an asset of any repository.
    pub(super) fn blob(&self, id: u64) -> Option<Content> {
        self.repositories.iter().find_map(|repository| Some(repository.asset(id, true).ok()?.content.clone()))
    }
}
