//! Reading releases: fetched from GitHub or a folder, with every signature verified and what they are compared with. The
//! one way in for whatever judges a release. Nothing is judged here but what a comparison rests on.

mod attestation;
mod counterparts;
mod files;
mod lineage;

use std::{path::Path, sync::Arc};

use futures_util::{StreamExt as _, stream};
use tokio::runtime::Handle;
use url::Url;

pub use self::{
    files::{Downloads, Files},
    lineage::{in_clone, on_github},
};
use super::{
    evidence::Verifier,
    file,
    http::{Http, HttpOptions, Service},
    keep::Staged,
    sigstore::{PublicKey, RekorLookup, TrustRoot},
};
use crate::{
    catalog::Catalog,
    error::{self, Error, Result},
    progress::Phase,
    release::{
        asset_name::AssetName,
        checks::authenticity::to_verify,
        contract::{Contracts, Scope},
        documents::Budget,
        signer_rule::SignerRule,
        snapshot::{Asset, Available, ReadCatalog, Snapshot},
    },
    subject::tag::{Class, Tag},
};

/// The catalog's path in the repository.
const CATALOG: &str = "compatibility-catalog.json";

/// Largest catalog read from a file; a thousand entries take 200 KiB.
const MAX_CATALOG_BYTES: u64 = 8 * 1024 * 1024;

/// Where releases are read from, and what their signatures are judged by.
pub struct ReleaseSource<'a> {
    /// Where their files lie.
    pub files: Files,
    /// The log asked about detached signatures; `None` offline: no client is built at all.
    pub log: Option<Arc<Log>>,
    /// What a release must hold.
    pub contracts: &'a Contracts,
    /// Authorities and logs that are trusted.
    pub root: &'a TrustRoot,
    /// A key that must have signed instead of a certificate's holder.
    pub key: Option<&'a PublicKey>,
    /// Who must have signed, in whose repository.
    pub rule: &'a SignerRule,
    /// Assets and signatures at the same time.
    pub jobs: usize,
    /// Room for the documents of all releases of a run in memory.
    pub budget: Budget,
}

/// A transparency log, and the client that asks it.
#[derive(Debug)]
pub struct Log {
    http: Http,
    url: Url,
}

/// What of a release is wanted.
#[derive(Debug, Clone, Copy)]
pub struct Wanted<'a> {
    /// The release.
    pub tag: &'a Tag,
    /// The class it is held to.
    pub class: Class,
    /// How much of it.
    pub scope: Scope,
    /// What it is read for.
    pub purpose: Purpose,
}

/// What a release is read for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    /// To be judged.
    Verdict,
    /// To compare another with it.
    Comparison,
}

/// A release that was read and is not judged yet.
#[derive(Debug)]
pub struct Read {
    /// What was read.
    pub snapshot: Snapshot,
    /// Where its downloads lie until they get their place; `None` for a local folder.
    pub staged: Option<Staged>,
}

impl Log {
    /// The log whose API is at `url`, without `/api/v1`.
    ///
    /// # Errors
    /// Usage: the address cannot be asked.
    pub fn new(url: Url, options: HttpOptions) -> Result<Arc<Self>> {
        Ok(Arc::new(Self { http: Http::new(Service::Rekor, url.clone(), None, options)?, url }))
    }
}

impl ReleaseSource<'_> {
    /// Assets and signatures of one release. Catalog and counterparts are filled in by the caller who needs them.
    ///
    /// # Errors
    /// When the release cannot be listed at all, or is not where its repository is. What else cannot be fetched or verified
    /// is part of the result.
    pub async fn read(&self, wanted: Wanted<'_>) -> Result<Read> {
        let Wanted { tag, class, scope, .. } = wanted;
        let (fetched, staged) = self.files.fetch(self, wanted).await?;
        let holder = self.rule.holder(&fetched.origin)?.clone();
        let signer = self.rule.demanded(tag, &fetched.selection.contract, &holder);
        let mut snapshot = fetched.into_snapshot(holder, tag.clone(), class, signer, scope != Scope::Whole);
        self.verify(&mut snapshot).await?;
        Ok(Read { snapshot, staged })
    }

    /// Verifies every signature, each asset's on a thread that may compute: a dozen elliptic curve operations each would
    /// hold up what waits for the network, and use one core only. A detached signature asks the log several times, so the
    /// assets wait for it together as well.
    async fn verify(&self, snapshot: &mut Snapshot) -> Result<()> {
        let names: Vec<AssetName> = to_verify(snapshot).into_iter().map(|asset| asset.name.clone()).collect();
        let phase = match self.files.shows_progress() {
            true => Phase::of(format!("verifying signatures of {}", snapshot.tag), 0, names.len(), "asset"),
            false => Phase::hidden(),
        };
        let assets: Arc<Vec<Asset>> = Arc::new(std::mem::take(&mut snapshot.assets));
        let work = names.into_iter().map(|name| {
            let (root, key, log) = (self.root.clone(), self.key.cloned(), self.log.clone());
            let (assets, runtime) = (Arc::clone(&assets), Handle::current());
            tokio::task::spawn_blocking(move || {
                let rekor = log.as_deref().map(|log| RekorLookup::new(&log.http, &log.url));
                let verifier = Verifier { root: &root, key: key.as_ref(), rekor };
                let all = |asset: &Asset| runtime.block_on(verifier.verify(asset, &assets));
                assets.iter().find(|asset| asset.name == name).map(all).unwrap_or_default()
            })
        });
        let signatures: Vec<_> = stream::iter(work).buffered(self.jobs).inspect(|_| phase.item()).collect().await;
        snapshot.assets = Arc::unwrap_or_clone(assets);
        for verified in signatures {
            let verified =
                verified.map_err(|e| Error::internal("the verification of a signature was given up").because(e))?;
            snapshot.signatures.extend(verified);
        }
        Ok(())
    }

    /// The compatibility catalog: the file that is given, or the one on the repository's default branch.
    pub async fn catalog(&self, given: Option<&Path>) -> Available<ReadCatalog> {
        if let Some(path) = given {
            return match file::read_source(path, MAX_CATALOG_BYTES) {
                Ok(bytes) => Available::Yes(Arc::new(Catalog::parse(&file::source_name(path), &bytes))),
                Err(e) => Available::Failed(error::chain(&e)),
            };
        }
        let repository = &self.rule.repository;
        match &self.files {
            Files::Folder { .. } => {
                Available::NotHere("verifying a local folder; give the catalog with --catalog".into())
            }
            Files::GitHub { github, .. } => match github.file(repository, CATALOG, None).await {
                Ok(Some(bytes)) => Available::Yes(Arc::new(Catalog::parse(CATALOG, &bytes))),
                Ok(None) => Available::Absent(format!("{repository} has no {CATALOG} on its default branch")),
                Err(e) => Available::Failed(error::chain(&e)),
            },
        }
    }
}
