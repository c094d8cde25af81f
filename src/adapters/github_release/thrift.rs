//! Assets of releases that are judged and not kept: documents are written and held, everything else is hashed as it comes,
//! and what an earlier run downloaded is not asked for.
//!
//! An asset is taken from the cache only where the API states its digest, and the bytes of that digest are known: a document
//! is then hashed once more, of anything else there is nothing but the digest. Whether the digest is the right one is for
//! the checks to say, as with every download.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use tokio::sync::Semaphore;

use super::{Request, as_downloaded};
use crate::{
    adapters::{
        folder::{self, path_in},
        github::{GitHub, ReleaseAsset},
        verified_cache::{Hashed, VerifiedCache},
    },
    digest::Sha256,
    release::{asset_name::AssetName, snapshot::Content},
    subject::repository::Repository,
};

/// How little is downloaded when nothing is wanted but a verdict.
#[derive(Debug)]
pub struct Thrift {
    /// What earlier runs downloaded.
    pub cache: Option<Arc<VerifiedCache>>,
    /// Assets that may be downloaded at the same time, of all releases.
    pub places: Semaphore,
    /// Assets that this run took an earlier run's word for.
    pub recalled: Arc<Recalled>,
}

/// Assets whose bytes this run did not read: an earlier run hashed them. A document is hashed again and is none of them.
#[derive(Debug, Default)]
pub struct Recalled {
    /// Numbers of assets, by the number of their release.
    assets: Mutex<BTreeMap<u64, BTreeSet<u64>>>,
}

impl Recalled {
    /// How many there are of one release.
    pub fn of(&self, release: u64) -> usize {
        self.assets().get(&release).map_or(0, BTreeSet::len)
    }

    /// How many there are.
    pub fn all(&self) -> usize {
        self.assets().values().map(BTreeSet::len).sum()
    }

    fn note(&self, listed: Listed<'_>) {
        self.assets().entry(listed.release).or_default().insert(listed.asset.id);
    }

    fn assets(&self) -> MutexGuard<'_, BTreeMap<u64, BTreeSet<u64>>> {
        self.assets.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// An asset, and what it belongs to.
#[derive(Clone, Copy)]
pub(super) struct Listed<'a> {
    pub(super) asset: &'a ReleaseAsset,
    pub(super) name: &'a AssetName,
    pub(super) repository: &'a Repository,
    /// The number of the release.
    pub(super) release: u64,
    /// Whether its content is needed.
    pub(super) fetches: bool,
    /// How much of it checks may want in memory; 0 where its digest is enough.
    pub(super) reads: u64,
}

impl Listed<'_> {
    /// The digest that the API states.
    fn stated(&self) -> Option<Sha256> {
        self.asset.digest.as_deref().and_then(|digest| Sha256::from_prefixed(digest).ok())
    }

    /// The asset as the cache knows it once its bytes were hashed.
    fn hashed(&self, github: &GitHub, sha256: Sha256) -> Hashed {
        Hashed {
            api: github.api_url().to_string(),
            repository: self.repository.to_string(),
            release: self.release,
            asset: self.asset.id,
            name: self.asset.name.clone(),
            size: self.asset.size,
            updated_at: self.asset.updated_at.clone(),
            sha256: sha256.to_string(),
        }
    }
}

impl Thrift {
    /// Whether an asset will likely not have to be downloaded: a look that reads nothing.
    pub(super) fn likely_knows(&self, github: &GitHub, listed: Listed<'_>) -> bool {
        let (Some(cache), Some(sha256)) = (&self.cache, listed.stated()) else { return false };
        match listed.reads {
            0 => cache.seems_to_have(&listed.hashed(github, sha256)),
            _ => cache.seems_to_have_document(sha256, listed.asset.size),
        }
    }

    /// The content of an asset that an earlier run downloaded.
    pub(super) async fn recall(&self, github: &GitHub, listed: Listed<'_>, request: Request<'_>) -> Option<Content> {
        let (cache, sha256, size) = (Arc::clone(self.cache.as_ref()?), listed.stated()?, listed.asset.size);
        if listed.reads == 0 {
            let hashed = listed.hashed(github, sha256);
            if !elsewhere(move || cache.has(&hashed)).await {
                return None;
            }
            self.recalled.note(listed);
            return Some(Content::Read { digest: sha256, size, path: None, document: None });
        }
        let path = path_in(request.into, listed.name);
        let copy = path.clone();
        if size > listed.reads || !elsewhere(move || cache.copy_document(sha256, size, &copy)).await {
            return None;
        }
        let content = folder::content(listed.name, path, listed.reads, request.budget).await;
        Some(as_downloaded(content, sha256))
    }

    /// Remembers what was downloaded, where it is what the API states: anything else is to be found wrong again.
    pub(super) async fn remember(&self, github: &GitHub, listed: Listed<'_>, content: &Content) {
        let Content::Read { digest, size, document, .. } = content else { return };
        let Some(cache) = self.cache.clone() else { return };
        if listed.stated() != Some(*digest) || listed.asset.size != *size {
            return;
        }
        let sha256 = *digest;
        if let Some(document) = document.clone() {
            elsewhere(move || {
                cache.keep_document(sha256, document.bytes());
                true
            })
            .await;
        } else if listed.reads == 0 {
            let hashed = listed.hashed(github, sha256);
            elsewhere(move || {
                cache.keep_hashed(&hashed);
                true
            })
            .await;
        }
    }
}

/// Touches the disk on a thread that may wait for it.
async fn elsewhere(work: impl FnOnce() -> bool + Send + 'static) -> bool {
    tokio::task::spawn_blocking(work).await.unwrap_or(false)
}
