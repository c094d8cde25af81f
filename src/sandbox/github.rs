//! GitHub as far as releases and pull requests go: the REST API, and the blob storage that downloads redirect to. It
//! remembers what it is told (`state`), fails where it is asked to (`faults`), and notes what it was asked (`recorder`).
//!
//! The two listen on ports of their own, as GitHub's do on hosts of their own, so that a client which carries its token
//! along a redirect is caught here and not in production. Shapes follow GitHub's REST reference, version 2022-11-28.
//! `repository` has the rules and speaks no HTTP; the modules named after resources have the HTTP and no rules.

mod accounts;
mod ask;
mod assets;
mod attestations;
mod commits;
mod content;
mod contents;
mod faults;
mod graphql;
mod issues;
mod limits;
mod moments;
mod objects;
mod people;
mod pulls;
mod recorder;
mod refs;
mod refusal;
mod releases;
mod repository;
mod routes;
mod shapes;
mod state;
#[cfg(test)]
mod tests;
mod watch;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError, atomic::AtomicU64};

use serde_json::Value;

use self::repository::Asset;
pub(super) use self::routes::{api, storage};
pub use self::{
    accounts::{Account, Membership, Permission},
    content::Generated,
    faults::{Fault, Faults, Trouble},
    limits::Limits,
    moments::{Gap, Moment, Moments, SeenAsset, SeenRelease},
    recorder::{Recorded, Recorder},
};
use super::{
    documents::REPOSITORY,
    history::{self, History},
    policies,
    release::ServedRelease,
    sigstore::Attester,
};

/// A GitHub on loopback.
#[derive(Debug)]
pub struct Hub {
    state: Mutex<state::State>,
    /// Base URL of the storage.
    storage: String,
    faults: Faults,
    recorder: Recorder,
    moments: Moments,
    meter: limits::Meter,
    /// Requests so far, for the rate limit's headers.
    asked: AtomicU64,
    onlookers: people::Onlookers,
    /// Who attests releases.
    attester: Mutex<Attester>,
}

type Shared = Arc<Hub>;

/// What the repository was called before. GitHub answers for such a name until somebody else takes it.
const FORMER_REPOSITORY: &str = "calimero-network/mero-tee-before";

impl Hub {
    /// With the sample repository: its history, its releases, newest first, and catalog and policies on its branch.
    pub(super) fn new(releases: Vec<ServedRelease>, catalog: &Value, storage: String, attester: Attester) -> Self {
        let mut history = history::sample();
        for release in &releases {
            history.release(release.tag.as_str(), &release.commit);
        }
        let listed = format!("{catalog:#}\n");
        let kept: Vec<_> =
            [("compatibility-catalog.json", listed.as_str())].into_iter().chain(policies::kept()).collect();
        history.add_files(repository::BRANCH, "chore: update compatibility-catalog.json", &kept);
        let mut state = state::State::default();
        state.add(REPOSITORY, history, |repository| repository.publish_samples(releases));
        state.moved(FORMER_REPOSITORY, REPOSITORY);
        let (state, asked) = (Mutex::new(state), AtomicU64::new(0));
        let (faults, recorder, moments, meter, onlookers) = Default::default();
        let attester = Mutex::new(attester);
        Self { state, storage, faults, recorder, moments, meter, asked, onlookers, attester }
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

    /// Says that the branch of a pull request lies in a fork: which, or `None` for one that was deleted since.
    pub fn from_fork(&self, repository: &str, number: u64, fork: Option<&str>) -> bool {
        let mut state = self.lock();
        let Ok((repository, _)) = state.change(repository) else { return false };
        let fork = Some(fork.map(str::to_owned));
        repository.pull_mut(number).map(|pull| pull.fork = fork).is_ok()
    }

    /// Records an approval that GitHub itself would not take: by the author of the pull request.
    pub fn approve_own(&self, repository: &str, number: u64) -> bool {
        let mut state = self.lock();
        let Ok((repository, id)) = state.change(repository) else { return false };
        let Ok(pull) = repository.pull(number).cloned() else { return false };
        let (commit, _) = repository.ends_of(&pull);
        let (author, body, verdict) = (pull.author, String::new(), repository::Verdict::Approved);
        let review = repository::Review { id, author, body, verdict, commit, submitted: repository::now() };
        repository.pull_mut(number).map(|pull| pull.reviews.push(review)).is_ok()
    }

    /// Has people look at every pull request of any repository when it gets a label: they are told which.
    pub fn on_label(&self, look: impl Fn(&Self, &str, u64, &[String]) + Send + Sync + 'static) {
        self.onlookers.add(look);
    }

    /// Records what somebody says of a pull request as it is now: an approval, or a wish for changes.
    pub fn review_as(&self, repository: &str, number: u64, author: &str, approves: bool) -> bool {
        let mut state = self.lock();
        let Ok((repository, id)) = state.change(repository) else { return false };
        let Ok(pull) = repository.pull(number).cloned() else { return false };
        let (commit, _) = repository.ends_of(&pull);
        let verdict = if approves { repository::Verdict::Approved } else { repository::Verdict::ChangesRequested };
        let (author, body, submitted) = (author.to_owned(), "As measured.".to_owned(), repository::now());
        repository.review(number, repository::Review { id, author, body, verdict, commit, submitted }).is_ok()
    }

    /// Merges a pull request, where its branch lies on top of its base.
    pub fn merge(&self, repository: &str, number: u64) -> bool {
        let mut state = self.lock();
        let Ok((repository, _)) = state.change(repository) else { return false };
        repository.merge(number).is_ok()
    }

    /// Closes a pull request without a merge.
    pub fn close(&self, repository: &str, number: u64) -> bool {
        let mut state = self.lock();
        let Ok((repository, _)) = state.change(repository) else { return false };
        repository.close(number).is_ok()
    }

    /// Adds an asset of made-up bytes to a published release, however large: they are never in memory at once. `digest` is
    /// what the API states. Says whether there is such a release with room for the name.
    pub fn put_generated(&self, repository: &str, tag: &str, name: &str, bytes: Generated, digest: String) -> bool {
        let mut state = self.lock();
        let Ok((repository, id)) = state.change(repository) else { return false };
        let Some(release) = repository.by_tag(tag).ok().map(|release| release.id) else { return false };
        let media_type = "application/octet-stream".to_owned();
        let asset = Asset::starter(id, name.to_owned(), String::new(), media_type, "github-actions[bot]".to_owned());
        let received = content::Received { size: bytes.size, digest, content: content::Content::Generated(bytes) };
        repository.begin(release, asset).and_then(|asset| repository.complete(asset.id, received)).is_ok()
    }

    /// Sets the rate limits, with nothing used of them. At first there are none.
    pub fn set_limits(&self, limits: Limits) {
        self.meter.set(limits);
    }

    /// What the releases were after each change.
    pub fn moments(&self) -> &Moments {
        &self.moments
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
