//! Whether GitHub attests a release that was read.

use super::{Files, ReleaseSource};
use crate::{
    adapters::{
        release_attestation::{Immutable, of_release},
        sigstore::GitHubRoot,
    },
    digest::Sha256,
    release::{
        attestation::Standing,
        snapshot::{Asset, Origin, Snapshot},
    },
};

impl ReleaseSource<'_> {
    /// The attestation of an immutable release, verified under `root`. Of one that can still be changed nothing is asked, and
    /// where it is `demanded` that it cannot, its absence counts.
    pub async fn attestation(&self, of: &Snapshot, root: &GitHubRoot, demanded: bool) -> Standing {
        let (Origin::GitHub { release, immutable, moved, .. }, Files::GitHub { github, .. }) =
            (&of.origin, &self.files)
        else {
            return Standing::Local;
        };
        if !immutable {
            return Standing::Mutable { demanded };
        }
        let asked_for = moved.as_ref().map(|moved| &moved.from);
        let stated = |asset: &Asset| Sha256::from_prefixed(asset.stated_digest.as_deref()?).ok();
        let assets: Vec<Sha256> =
            of.assets.iter().filter_map(|asset| asset.digest().or_else(|| stated(asset))).collect();
        let (repository, tag, release) = (&of.repository, of.tag.as_str(), *release);
        of_release(github, root, Immutable { repository, asked_for, tag, release, assets: &assets }).await
    }
}
