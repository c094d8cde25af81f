//! A release that lies on GitHub: the listing first, then every needed asset, concurrently. Of a release that is only
//! judged and not kept, documents are all that is written; see [`Thrift`].

mod thrift;

use std::{
    path::Path,
    sync::atomic::{AtomicU64, Ordering},
    time::Duration,
};

use futures_util::{StreamExt as _, stream};

use self::thrift::Listed;
pub use self::thrift::{Recalled, Thrift};
use super::{
    fetched::Fetched,
    folder::{self, path_in},
    github::{Downloaded, GitHub, Release},
};
use crate::{
    digest::Sha256,
    error::{self, Error, Result},
    progress::Phase,
    release::{
        contract::{Contracts, Scope},
        documents::Budget,
        selection::{Names, Selection},
        snapshot::{Aside, Asset, Available, Content, Moved, Origin, SetAside},
    },
    subject::{near, repository::Repository, tag::Tag},
    text::listed,
};

/// How long advice may take.
const PATIENCE: Duration = Duration::from_secs(10);

/// A release's listing, and what is needed of it. Nothing is downloaded yet.
#[derive(Debug)]
pub struct Listing {
    release: Release,
    names: Names,
    selection: Selection,
    repository: Repository,
    moved: Option<Moved>,
    /// For errors.
    subject: String,
}

/// Where downloads go, and how.
#[derive(Clone, Copy)]
pub struct Request<'a> {
    /// Existing folder that assets are written into.
    pub into: &'a Path,
    /// Assets at the same time.
    pub jobs: usize,
    /// Room for documents in memory.
    pub budget: &'a Budget,
    /// Told how far it is.
    pub phase: &'a Phase,
    /// Set where nothing is kept.
    pub thrift: Option<&'a Thrift>,
}

/// Lists a release and selects what `scope` needs of it; `None` when the repository has none of that tag.
///
/// # Errors
/// When it cannot be listed.
pub async fn list(
    github: &GitHub,
    repository: &Repository,
    tag: &Tag,
    contracts: &Contracts,
    scope: Scope,
) -> Result<Option<Listing>> {
    let Some(release) = github.release(repository, tag.as_str()).await? else { return Ok(None) };
    Listing::of(release, repository, tag, contracts, scope).map(Some)
}

/// The error for a release that does not exist; its advice names the `near` ones, which [`nearest`] finds.
pub fn absent(repository: &Repository, tag: &Tag, near: &[Tag]) -> Error {
    let near: Vec<&str> = near.iter().map(Tag::as_str).collect();
    let has = if near.is_empty() { String::new() } else { format!(": the repository has {}", listed(&near)) };
    Error::remote(format!("{repository} has no release {tag}")).help(format!(
        "check the tag{has}; a draft is visible only with a token that may write to the repository (GH_TOKEN)"
    ))
}

/// The releases nearest to one that does not exist, found with a single request; none when the list cannot be had soon,
/// for this is only advice.
pub async fn nearest(github: &GitHub, repository: &Repository, tag: &Tag) -> Vec<Tag> {
    let newest = tokio::time::timeout(PATIENCE, github.newest_tags(repository)).await;
    let newest = newest.unwrap_or_else(|_| Err(Error::remote(format!("no list of releases within {PATIENCE:?}"))));
    match newest {
        Ok(tags) => near::among(tag, tags.iter().map(String::as_str)),
        Err(error) => {
            tracing::debug!("no near release is named: {}", error::chain(&error));
            Vec::new()
        }
    }
}

impl Listing {
    /// Selects what `scope` needs of a release that is listed.
    ///
    /// # Errors
    /// Usage: there is no contract for its family.
    pub fn of(
        release: Release,
        repository: &Repository,
        tag: &Tag,
        contracts: &Contracts,
        scope: Scope,
    ) -> Result<Self> {
        let names = Names::sort(release.assets.iter().map(|a| a.name.as_str()));
        let selection = Selection::choose(contracts, tag.family(), scope, &names)
            .ok_or_else(|| Error::usage(format!("the contract file holds nothing for the {} family", tag.family())))?;
        let moved = release.repository().filter(|to| to != repository).map(|to| Moved { from: repository.clone(), to });
        let (repository, subject) = (repository.clone(), format!("release {tag} of {repository}"));
        Ok(Self { release, names, selection, repository, moved, subject })
    }

    /// The names of everything that is listed.
    pub fn names(&self) -> &Names {
        &self.names
    }

    /// How many assets are needed, and how many bytes the API says they are together.
    pub fn needed(&self) -> (usize, u64) {
        let needed = self.names.usable.iter().filter(|(_, name)| self.selection.fetches(name));
        let listed = needed.filter_map(|(index, _)| self.release.assets.get(*index));
        listed
            .filter(|asset| asset.unfinished().is_none())
            .fold((0, 0), |(assets, bytes), asset| (assets + 1, asset.size.saturating_add(bytes)))
    }

    /// How many assets are still to be downloaded, and how many bytes they are, by what `thrift` knows.
    pub fn outstanding(&self, github: &GitHub, thrift: &Thrift) -> (usize, u64) {
        let new = self.usable().filter(|listed| listed.fetches && !thrift.likely_knows(github, *listed));
        let finished = new.filter(|listed| listed.asset.unfinished().is_none());
        finished.fold((0, 0), |(assets, bytes), listed| (assets + 1, listed.asset.size.saturating_add(bytes)))
    }

    /// Bytes of documents, which are held in memory until the release is judged.
    pub fn documents(&self) -> u64 {
        let held = self.usable().filter(|listed| listed.fetches && listed.asset.size <= listed.reads);
        held.fold(0, |sum, listed| listed.asset.size.saturating_add(sum))
    }

    /// The assets whose names can be used.
    fn usable(&self) -> impl Iterator<Item = Listed<'_>> {
        self.names.usable.iter().filter_map(|(index, name)| {
            Some(Listed {
                asset: self.release.assets.get(*index)?,
                name,
                repository: &self.repository,
                release: self.release.id,
                fetches: self.selection.fetches(name),
                reads: self.selection.reads(name),
            })
        })
    }

    /// Downloads what is needed.
    ///
    /// # Errors
    /// When it is more than a run may download. An asset that cannot be downloaded is part of the result.
    pub async fn download(self, github: &GitHub, request: Request<'_>) -> Result<Fetched> {
        let mut set_aside = Vec::new();
        let mut wanted = Vec::new();
        for listed in self.usable() {
            match listed.asset.unfinished().filter(|_| listed.fetches) {
                Some(state) => {
                    let what = Aside::Unfinished(state.to_owned());
                    set_aside.push(SetAside { name: listed.name.to_string(), what });
                }
                None => wanted.push((listed, recalled(github, listed, request).await)),
            }
        }
        let new = wanted.iter().filter(|(listed, known)| listed.fetches && known.is_none());
        let bytes = new.fold(0_u64, |sum, (listed, _)| sum.saturating_add(listed.asset.size));
        github.allowance().expect(bytes, &self.subject)?;
        let work = wanted.into_iter().map(|(listed, known)| async move {
            let content = match known {
                _ if !listed.fetches => Content::NotFetched,
                Some(content) => content,
                None => fetched(github, listed, request).await,
            };
            let Listed { asset, name, .. } = listed;
            Asset { name: name.clone(), stated_size: Some(asset.size), stated_digest: asset.digest.clone(), content }
        });
        let assets = stream::iter(work).buffered(request.jobs).collect().await;
        let Self { release, names, selection, moved, .. } = self;
        let Names { refused, duplicates, .. } = names;
        Ok(Fetched {
            selection,
            origin: Origin::GitHub {
                draft: release.draft,
                prerelease: release.prerelease,
                release: release.id,
                immutable: release.immutable,
                moved,
            },
            assets,
            refused,
            duplicates,
            set_aside,
            notes: Available::Yes(release.body.unwrap_or_default()),
        })
    }
}

/// What an earlier run downloaded of an asset.
async fn recalled(github: &GitHub, listed: Listed<'_>, request: Request<'_>) -> Option<Content> {
    let thrift = request.thrift.filter(|_| listed.fetches)?;
    let known = thrift.recall(github, listed, request).await;
    if known.is_some() {
        request.phase.item();
    }
    known
}

async fn fetched(github: &GitHub, listed: Listed<'_>, request: Request<'_>) -> Content {
    let Some(thrift) = request.thrift else { return written(github, listed, request).await };
    // Nobody closes it.
    let _place = thrift.places.acquire().await;
    let content = match listed.reads {
        0 => hashed(github, listed, request).await,
        _ => written(github, listed, request).await,
    };
    thrift.remember(github, listed, &content).await;
    content
}

/// Downloads an asset and keeps nothing of it but its digest.
async fn hashed(github: &GitHub, listed: Listed<'_>, request: Request<'_>) -> Content {
    let downloaded = github.hash(listed.asset, progress(request.phase)).await;
    request.phase.item();
    match downloaded {
        Err(error) => Content::Failed(error::chain(&error)),
        Ok(Downloaded { sha256, size }) => Content::Read { digest: sha256, size, path: None, document: None },
    }
}

async fn written(github: &GitHub, listed: Listed<'_>, request: Request<'_>) -> Content {
    let Request { into, budget, phase, .. } = request;
    let Listed { asset, name, reads, .. } = listed;
    let path = path_in(into, name);
    let downloaded = github.download(asset, &path, progress(phase)).await;
    phase.item();
    match downloaded {
        Err(error) => Content::Failed(error::chain(&error)),
        Ok(downloaded) if reads > 0 => {
            as_downloaded(folder::content(name, path, reads, budget).await, downloaded.sha256)
        }
        Ok(Downloaded { sha256, size }) => Content::Read { digest: sha256, size, path: Some(path), document: None },
    }
}

/// What was read again from disk: what is judged is what was downloaded.
fn as_downloaded(content: Content, sha256: Sha256) -> Content {
    match content {
        Content::Read { digest, .. } if digest != sha256 => {
            Content::Failed("the downloaded file changed on disk".into())
        }
        content @ (Content::Read { .. } | Content::Failed(_) | Content::NotFetched) => content,
    }
}

/// So far, of one asset: less than before, when a server cannot resume.
fn progress(phase: &Phase) -> impl Fn(u64) + Sync {
    let before = AtomicU64::new(0);
    move |so_far: u64| phase.bytes(before.swap(so_far, Ordering::Relaxed), so_far)
}
