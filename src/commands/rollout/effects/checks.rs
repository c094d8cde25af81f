//! What the gates demand beyond the checks of releases, quotes and pull requests.

use crate::report::CheckInfo;

/// The release can be deployed.
pub(super) const RELEASE: CheckInfo = CheckInfo {
    id: "rollout-release",
    title: "the release is fit for production, names the image of the profile, and admits a machine of it",
};
/// Staging is what was published.
pub(super) const MEASURED: CheckInfo =
    CheckInfo { id: "rollout-measured", title: "what the KMS measures is what its release published" };
/// The pull request is about what was measured.
pub(super) const PROMOTED: CheckInfo = CheckInfo {
    id: "rollout-promoted",
    title: "the pull request brings what staging measured, and its policy lists it",
};
/// A node gets its key.
pub(super) const KEY: CheckInfo = CheckInfo { id: "rollout-key", title: "a node gets its storage key from the KMS" };
/// It stays the same key.
pub(super) const SAME_KEYS: CheckInfo = CheckInfo {
    id: "rollout-same-keys",
    title: "the KMS is the same application as before, so that storage keys stay",
};
/// Production runs what it should.
pub(super) const RUNS: CheckInfo =
    CheckInfo { id: "rollout-runs", title: "production runs a KMS by digest, and the one that it should" };

/// All of them.
pub(in crate::commands::rollout) const RULES: [CheckInfo; 6] = [RELEASE, MEASURED, PROMOTED, KEY, SAME_KEYS, RUNS];
