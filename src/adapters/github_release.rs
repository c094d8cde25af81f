//! A release that lies on GitHub: the listing first, then every needed asset, concurrently.

use std::{
    path::Path,
    sync::atomic::{AtomicU64, Ordering},
    time::Duration,
};

use futures_util::{StreamExt as _, stream};

use super::{
    fetched::Fetched,
    folder::{self, path_in},
    github::{GitHub, Release, ReleaseAsset},
};
use crate::{
    error::{self, Error, Result},
    progress::Phase,
    release::{
        asset_name::AssetName,
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
    let names = Names::sort(release.assets.iter().map(|a| a.name.as_str()));
    let selection = Selection::choose(contracts, tag.family(), scope, &names)
        .ok_or_else(|| Error::usage(format!("the contract file holds nothing for the {} family", tag.family())))?;
    let moved = release.repository().filter(|to| to != repository).map(|to| Moved { from: repository.clone(), to });
    Ok(Some(Listing { release, names, selection, moved, subject: format!("release {tag} of {repository}") }))
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

    /// Downloads what is needed.
    ///
    /// # Errors
    /// When it is more than a run may download. An asset that cannot be downloaded is part of the result.
    pub async fn download(self, github: &GitHub, request: Request<'_>) -> Result<Fetched> {
        let Self { release, names, selection, moved, subject } = self;
        let listed = |index: &usize| release.assets.get(*index);
        let needed = names.usable.iter().filter(|(_, name)| selection.fetches(name));
        let bytes = needed.filter_map(|(index, _)| listed(index)).fold(0_u64, |sum, a| sum.saturating_add(a.size));
        github.allowance().expect(bytes, &subject)?;
        let mut set_aside = Vec::new();
        let mut wanted = Vec::new();
        for (index, name) in &names.usable {
            let Some(listed) = listed(index) else { continue };
            match listed.unfinished().filter(|_| selection.fetches(name)) {
                Some(state) => {
                    set_aside.push(SetAside { name: name.to_string(), what: Aside::Unfinished(state.to_owned()) });
                }
                None => wanted.push((name.clone(), listed)),
            }
        }
        let work = wanted.into_iter().map(|(name, listed)| {
            let (fetches, reads) = (selection.fetches(&name), selection.reads(&name));
            async move {
                let content =
                    if fetches { download(github, &name, listed, reads, request).await } else { Content::NotFetched };
                Asset { name, stated_size: Some(listed.size), stated_digest: listed.digest.clone(), content }
            }
        });
        let assets = stream::iter(work).buffered(request.jobs).collect().await;
        let Names { refused, duplicates, .. } = names;
        Ok(Fetched {
            selection,
            origin: Origin::GitHub { draft: release.draft, prerelease: release.prerelease, moved },
            assets,
            refused,
            duplicates,
            set_aside,
            notes: Available::Yes(release.body.unwrap_or_default()),
        })
    }
}

async fn download(
    github: &GitHub,
    name: &AssetName,
    listed: &ReleaseAsset,
    reads: u64,
    request: Request<'_>,
) -> Content {
    let Request { into, budget, phase, .. } = request;
    let path = path_in(into, name);
    let before = AtomicU64::new(0);
    // So far, of this asset: less than before, when a server cannot resume.
    let progress = |so_far: u64| phase.bytes(before.swap(so_far, Ordering::Relaxed), so_far);
    let downloaded = github.download(listed, &path, progress).await;
    phase.item();
    match downloaded {
        Err(error) => Content::Failed(error::chain(&error)),
        Ok(downloaded) if reads > 0 => match folder::content(name, path, reads, budget).await {
            // Hashed again from what is on disk: what is judged is what was downloaded.
            Content::Read { digest, .. } if digest != downloaded.sha256 => {
                Content::Failed("the downloaded file changed on disk".into())
            }
            content @ (Content::Read { .. } | Content::Failed(_) | Content::NotFetched) => content,
        },
        Ok(downloaded) => Content::Read { digest: downloaded.sha256, size: downloaded.size, path, document: None },
    }
}
