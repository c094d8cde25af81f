//! The release as it is published: downloaded, and judged by whichever checksums file and signature of it fit together.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    sync::atomic::{AtomicU64, Ordering},
};

use futures_util::{StreamExt as _, stream};
use tempfile::TempDir;

use crate::{
    adapters::{file, folder::NOTES_FILE, github::GitHub},
    commands::publish::folder::{self, Depth, Request},
    context::Context,
    error::{Error, Result},
    progress::Phase,
    release::{
        asset_name::AssetName,
        checks::{self, completeness::ASSET_PRESENT},
        checksums::ChecksumsFile,
        publish::{
            checks::built_from,
            names,
            refresh::{Pair, pairs, vouches_for_the_rest},
            state::{Held, HeldAsset},
        },
    },
    report::Finding,
    subject::repository::Repository,
};

/// Largest checksums file or signature.
const MAX_BYTES: u64 = 1 << 20;

/// The three assets that change.
pub(super) struct Names {
    /// The measurements.
    pub(super) document: String,
    /// The checksums file.
    pub(super) checksums: String,
    /// Its signature.
    pub(super) signature: String,
}

impl Names {
    /// All of them.
    pub(super) fn all(&self) -> [&str; 3] {
        [&self.document, &self.checksums, &self.signature]
    }
}

/// A checksums file that vouches for the rest of the release.
pub(super) struct Basis {
    /// What it lists.
    pub(super) checksums: ChecksumsFile,
    /// Its bytes.
    pub(super) text: Vec<u8>,
    /// Its signature.
    pub(super) signature: Vec<u8>,
    /// The commit that it was signed at.
    pub(super) built_from: Option<String>,
}

/// The assets of a release on disk.
pub(super) struct Downloaded {
    place: TempDir,
    by_number: BTreeMap<u64, PathBuf>,
    /// Names and files of what stays as it is.
    others: Vec<(AssetName, PathBuf)>,
}

impl Downloaded {
    /// Downloads every asset that has content, so many at a time.
    ///
    /// # Errors
    /// Remote: an asset cannot be had, or bears a name that no file may have. Input: they are more than may be downloaded.
    pub(super) async fn fetch(
        github: &GitHub,
        repository: &Repository,
        held: &Held,
        changing: &[&str],
        jobs: usize,
    ) -> Result<Self> {
        let cannot = |e| Error::input("cannot make a temporary folder").because(e);
        let place = TempDir::with_prefix("merotee-").map_err(cannot)?;
        let whole: Vec<&HeldAsset> = held.assets.iter().filter(|asset| asset.broken().is_none()).collect();
        let (mut by_number, mut others) = (BTreeMap::new(), Vec::new());
        for asset in &whole {
            let path = place.path().join(asset.id.to_string());
            if stays(asset, changing) {
                // A folder holds the notes under that name, so an asset of it would escape the judgement.
                if asset.name.eq_ignore_ascii_case(NOTES_FILE) {
                    let message = format!("release {} holds an asset named {NOTES_FILE}", held.id);
                    return Err(Error::remote(message).help("delete it: the notes of a release are not an asset"));
                }
                let name = AssetName::new(&asset.name).map_err(|why| {
                    Error::remote(format!("release {} holds an asset that cannot be used", held.id)).because(why)
                })?;
                others.push((name, path.clone()));
            }
            by_number.insert(asset.id, path);
        }
        let bytes = whole.iter().map(|asset| asset.size).fold(0, u64::saturating_add);
        let what = format!("release {}", held.id);
        github.allowance().expect(bytes, &what)?;
        let phase = &Phase::of(format!("downloading {what}"), bytes, whole.len(), "asset");
        let work = whole.into_iter().map(|asset| {
            let path = by_number.get(&asset.id);
            async move {
                let so_far = AtomicU64::new(0);
                let progress = |now| phase.bytes(so_far.swap(now, Ordering::Relaxed), now);
                let path = path.ok_or_else(|| Error::internal("an asset has no place"))?;
                github.download_held(repository, asset, path, progress).await?;
                phase.item();
                Ok::<(), Error>(())
            }
        });
        let downloaded: Vec<Result<()>> = stream::iter(work).buffered(jobs).collect().await;
        downloaded.into_iter().collect::<Result<()>>()?;
        Ok(Self { place, by_number, others })
    }

    /// Where everything lies.
    pub(super) fn folder(&self) -> &Path {
        self.place.path()
    }

    /// A folder with what stays as it is, these files, and the notes.
    ///
    /// # Errors
    /// Input: it cannot be written.
    pub(super) fn compose(&self, name: &str, files: &[(&String, Vec<u8>)], notes: &str) -> Result<PathBuf> {
        let folder = self.place.path().join(name);
        let cannot = |e| Error::input(format!("cannot write {}", folder.display())).because(e);
        std::fs::create_dir(&folder).map_err(cannot)?;
        for (name, path) in &self.others {
            std::fs::hard_link(path, folder.join(name.as_str())).map_err(cannot)?;
        }
        for (name, bytes) in files {
            std::fs::write(folder.join(name), bytes).map_err(cannot)?;
        }
        std::fs::write(folder.join(NOTES_FILE), notes).map_err(cannot)?;
        Ok(folder)
    }

    /// The first pair by which everything but the document passes, or what was found by the pair under its own names.
    ///
    /// # Errors
    /// Input: a file cannot be read or written.
    pub(super) async fn basis(
        &self,
        held: &Held,
        names: &Names,
        request: Request<'_>,
        context: &Context,
        repository: &Repository,
    ) -> Result<std::result::Result<Basis, Vec<Finding>>> {
        let root = context.trust_root()?;
        let mut objections = None;
        for (number, pair) in pairs(held, &names.checksums, &names.signature).into_iter().enumerate() {
            let (text, signature) =
                (self.bytes(pair, |pair| pair.checksums)?, self.bytes(pair, |pair| pair.signature)?);
            let live = held.assets.iter().find(|asset| asset.name == names.document && asset.broken().is_none());
            let mut files = vec![(&names.checksums, text.clone()), (&names.signature, signature.clone())];
            if let Some(path) = live.and_then(|asset| self.by_number.get(&asset.id)) {
                files.push((&names.document, file::read_bounded(path, crate::release::snapshot::MAX_DOCUMENT_BYTES)?));
            }
            let dir = self.compose(&format!("before-{number}"), &files, &held.notes)?;
            let request = Request { dir: &dir, ..request };
            let snapshot = folder::read(request, context, repository, &root, Depth::Delivery).await?;
            let findings = checks::judge_delivery(&snapshot);
            let (checksums, bad) = ChecksumsFile::parse(&names.checksums, &text);
            if bad.is_empty() && vouches_for_the_rest(&findings, &names.document) {
                let built_from = built_from(&snapshot);
                return Ok(Ok(Basis { checksums, text, signature, built_from }));
            }
            objections.get_or_insert(findings);
        }
        let missing =
            || vec![ASSET_PRESENT.missing(&names.checksums, "the release holds no checksums file with a signature")];
        Ok(Err(objections.unwrap_or_else(missing)))
    }

    fn bytes(&self, pair: Pair, of: fn(Pair) -> u64) -> Result<Vec<u8>> {
        let path = self.by_number.get(&of(pair)).ok_or_else(|| Error::internal("an asset was not downloaded"))?;
        file::read_bounded(path, MAX_BYTES)
    }
}

/// Whether an asset is neither one of those that change nor stands in for one.
fn stays(asset: &HeldAsset, changing: &[&str]) -> bool {
    let own = names::stands_in_for(&asset.name).unwrap_or(&asset.name);
    !changing.contains(&own)
}
