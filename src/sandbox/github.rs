//! GitHub as far as releases and pull requests go: the REST API, and the blob storage that downloads redirect to. It
//! remembers what it is told (`state`), fails where it is asked to (`faults`), and notes what it was asked (`recorder`).
//!
//! The two listen on ports of their own, as GitHub's do on hosts of their own, so that a client which carries its token
//! along a redirect is caught here and not in production. Shapes follow GitHub's REST reference, version 2022-11-28.
//! `repository` has the rules and speaks no HTTP; the modules named after resources have the HTTP and no rules.

mod accounts;
mod ask;
mod assets;
mod commits;
mod contents;
mod faults;
mod graphql;
mod issues;
mod objects;
mod people;
mod pulls;
mod recorder;
mod refs;
mod refusal;
mod releases;
mod repository;
mod routes;
mod state;
#[cfg(test)]
mod tests;
mod watch;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError, atomic::AtomicU64};

use serde_json::Value;

pub(super) use self::routes::{api, storage};
pub use self::{
    accounts::{Account, Membership, Permission},
    faults::{Fault, Faults, Trouble},
    recorder::{Recorded, Recorder},
};
use super::{
    documents::REPOSITORY,
    history::{self, History},
    release::ServedRelease,
};

/// A GitHub on loopback.
#[derive(Debug)]
pub struct Hub {
    state: Mutex<state::State>,
    /// Base URL of the storage.
    storage: String,
    faults: Faults,
    recorder: Recorder,
    /// Requests so far, for the rate limit's headers.
    asked: AtomicU64,
}

type Shared = Arc<Hub>;

/// What the repository was called before. GitHub answers for such a name until somebody else takes it.
const FORMER_REPOSITORY: &str = "calimero-network/mero-tee-before";

impl Hub {
    /// With the sample repository: its history, its releases, newest first, and the catalog on its branch.
    pub(super) fn new(releases: Vec<ServedRelease>, catalog: &Value, storage: String) -> Self {
        let mut history = history::sample();
        for release in &releases {
            history.release(release.tag.as_str(), &release.commit);
        }
        history.add_file(repository::BRANCH, "compatibility-catalog.json", &format!("{catalog:#}\n"));
        let mut state = state::State::default();
        state.add(REPOSITORY, history, |repository| repository.publish_samples(releases));
        state.moved(FORMER_REPOSITORY, REPOSITORY);
        let (state, asked) = (Mutex::new(state), AtomicU64::new(0));
        Self { state, storage, faults: Faults::default(), recorder: Recorder::default(), asked }
    }

    /// Adds a repository of one commit and without releases; whether releases are immutable once they are published is its
    /// own setting.
    pub fn add_repository(&self, full_name: &str, immutable_releases: bool) {
        let fill = |repository: &mut repository::Repository| repository.immutable_releases = immutable_releases;
        self.lock().add(full_name, History::started(full_name), fill);
    }

    /// Says whose token this is. Any other one is that of a workflow, which may push.
    pub fn give_token(&self, token: &str, account: Account) {
        self.lock().accounts.give(token, account);
    }

    /// Puts somebody in a team of an organisation.
    pub fn join_team(&self, organisation: &str, team: &str, login: &str, membership: Membership) {
        self.lock().accounts.join([organisation, team, login], membership);
    }

    /// What goes wrong.
    pub fn faults(&self) -> &Faults {
        &self.faults
    }

    /// What was asked.
    pub fn recorder(&self) -> &Recorder {
        &self.recorder
    }

    fn lock(&self) -> MutexGuard<'_, state::State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
