//! The roots that a world's signatures are judged by: that of its Sigstore, and that of its GitHub.

use std::path::PathBuf;

use super::World;

/// The Sigstore instance's.
pub(super) const TRUSTED_ROOT: &str = "trusted_root.json";
/// GitHub's.
pub(super) const GITHUB_ROOT: &str = "github_root.json";

impl World {
    /// The instance's `trusted_root.json`.
    pub fn trusted_root(&self) -> PathBuf {
        self.folder.path().join(TRUSTED_ROOT)
    }

    /// The root that GitHub's attestations are judged by here.
    pub fn github_root(&self) -> PathBuf {
        self.folder.path().join(GITHUB_ROOT)
    }
}
