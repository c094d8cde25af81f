//! A release that lies on GitHub: listing, then every needed asset, concurrently.

use std::path::Path;

use futures_util::{StreamExt as _, stream};

use super::{
    fetched::Fetched,
    folder::{self, path_in},
    github::{GitHub, ReleaseAsset},
};
use crate::{
    error::{self, Error, Result},
    release::{
        asset_name::AssetName,
        contract::{Contracts, Scope},
        repository::Repository,
        selection::{Names, Selection},
        snapshot::{Asset, Available, Content, Origin},
        tag::Tag,
    },
};

/// What to fetch, and how.
pub struct Request<'a> {
    /// Repository of the release.
    pub repository: &'a Repository,
    /// Its tag.
    pub tag: &'a Tag,
    /// What releases must hold.
    pub contracts: &'a Contracts,
    /// How much of it.
    pub scope: Scope,
    /// Existing folder that assets are written into.
    pub into: &'a Path,
    /// Assets at the same time.
    pub jobs: usize,
    /// Told of the number of bytes that just arrived.
    pub progress: &'a (dyn Fn(u64) + Sync),
}

/// Fetches a release.
///
/// # Errors
/// When it does not exist or cannot be listed. An asset that cannot be downloaded is part of the result.
pub async fn fetch(github: &GitHub, request: Request<'_>) -> Result<Fetched> {
    let Request { repository, tag, contracts, scope, into, jobs, progress } = request;
    let release = github.release(repository, tag.as_str()).await?.ok_or_else(|| {
        Error::remote(format!("{repository} has no release {tag}"))
            .help("check the tag; a draft is visible only with a token that may write to the repository (GH_TOKEN)")
    })?;
    let names = Names::sort(release.assets.iter().map(|a| a.name.as_str()));
    let selection = Selection::choose(contracts, tag.family(), scope, &names)
        .ok_or_else(|| Error::usage(format!("the contract file holds nothing for the {} family", tag.family())))?;
    let wanted = names.usable.iter().filter_map(|(index, name)| Some((name.clone(), release.assets.get(*index)?)));
    let work = wanted.map(|(name, listed)| {
        let (fetches, reads) = (selection.fetches(&name), selection.reads(&name));
        async move {
            let content = if fetches {
                download(github, &name, listed, into, reads, progress).await
            } else {
                Content::NotFetched
            };
            Asset { name, stated_size: Some(listed.size), stated_digest: listed.digest.clone(), content }
        }
    });
    let assets = stream::iter(work).buffered(jobs).collect().await;
    let Names { refused, duplicates, .. } = names;
    Ok(Fetched {
        selection,
        origin: Origin::GitHub { draft: release.draft, prerelease: release.prerelease },
        assets,
        refused,
        duplicates,
        notes: Available::Yes(release.body.unwrap_or_default()),
    })
}

async fn download(
    github: &GitHub,
    name: &AssetName,
    listed: &ReleaseAsset,
    into: &Path,
    reads: u64,
    progress: &(dyn Fn(u64) + Sync),
) -> Content {
    // GitHub lists an asset whose upload broke off; it has no usable content.
    if listed.state != "uploaded" {
        return Content::Failed(format!("GitHub says its upload is not finished (state {})", listed.state));
    }
    let path = path_in(into, name);
    match github.download(listed, &path, progress).await {
        Err(error) => Content::Failed(error::chain(&error)),
        Ok(downloaded) if reads > 0 => match folder::content(path, reads).await {
            // Hashed again from what is on disk: what is judged is what was downloaded.
            Content::Read { digest, .. } if digest != downloaded.sha256 => {
                Content::Failed("the downloaded file changed on disk".into())
            }
            content @ (Content::Read { .. } | Content::Failed(_) | Content::NotFetched) => content,
        },
        Ok(downloaded) => Content::Read { digest: downloaded.sha256, size: downloaded.size, path, bytes: None },
    }
}
