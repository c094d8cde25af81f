//! Where `verify-release-assets` reads releases from, by its arguments, and in which order.

use std::path::Path;

use futures_util::future::join_all;

use crate::{
    adapters::{
        github::{Allowance, GitHub},
        keep::Keep,
        release_source::{Downloads, Files, Log, Purpose, Read, ReleaseSource, Wanted},
        sigstore::GitHubRoot,
    },
    cli::VerifyReleaseArgs,
    context::Context,
    error::{Class, Result},
    release::{contract::Scope, snapshot::Available},
    subject::tag::{Selector, Tag},
};

/// What bounds the downloads of a run, as errors name it.
pub(super) const MAX_DOWNLOAD: &str = "--max-download (MEROTEE_MAX_DOWNLOAD)";

/// Where the files lie that the arguments name.
pub(super) fn files(args: &VerifyReleaseArgs, context: &Context) -> Result<Files> {
    if let Some(dir) = &args.dir {
        let nested = matches!(args.tag, Some(Selector::Both(_)));
        let (notes, counterpart) = (args.notes.clone(), args.counterpart_dir.clone());
        return Ok(Files::Folder { dir: dir.clone(), nested, notes, counterpart });
    }
    // Before anything is asked: without it nothing can be fetched.
    let downloads = match &args.keep {
        Some(dir) => Downloads::Kept(Keep::new(dir.clone())),
        None => Downloads::temporary()?,
    };
    let endpoints = &context.endpoints;
    let github = GitHub::new(endpoints.api_url.clone(), endpoints.token.clone(), context.http.clone())?
        .within(Allowance::new(args.max_download, MAX_DOWNLOAD));
    Ok(Files::on_github(github, downloads, context.output.progress))
}

/// The log that the arguments name; `None` offline.
pub(super) fn log(args: &VerifyReleaseArgs, context: &Context) -> Result<Option<std::sync::Arc<Log>>> {
    let offline = args.dir.is_some() && args.offline;
    (!offline).then(|| Log::new(context.endpoints.rekor_url.clone(), context.http.clone())).transpose()
}

/// Each release, in the order of `tags`, read in the same way whether it is the only one or one of two.
///
/// # Errors
/// When a release cannot be fetched at all, and was the only one asked for. Of two, the other is still judged.
pub(super) async fn releases(
    source: &ReleaseSource<'_>,
    args: &VerifyReleaseArgs,
    tags: &[Tag],
    github_root: &GitHubRoot,
) -> Result<Vec<(Tag, Result<Read>)>> {
    let scope = if args.quick { Scope::Quick } else { Scope::Whole };
    // Of two, one waits for the network while the other computes.
    let reads = tags.iter().map(|tag| {
        let class = args.class.unwrap_or_else(|| tag.class());
        source.read(Wanted { tag, class, scope, purpose: Purpose::Verdict })
    });
    let mut releases = Vec::new();
    let mut unread = Vec::new();
    for (tag, read) in tags.iter().zip(join_all(reads).await) {
        match read {
            Ok(read) => releases.push(read),
            Err(error) if tags.len() == 1 || error.class() == Class::Usage => return Err(error),
            Err(error) => unread.push((tag.clone(), Err(error))),
        }
    }
    // Only now: where the release cannot be had, there is no point in waiting for the catalog as well.
    let catalog = match args.quick {
        true => Available::NotHere("a quick run does not read the catalog".into()),
        false => source.catalog(args.catalog.as_deref().map(Path::new)).await,
    };
    for Read { snapshot, .. } in &mut releases {
        snapshot.catalog = catalog.clone();
        snapshot.counterparts = source.counterparts(snapshot).await;
        snapshot.lineage = source.lineage(snapshot, args.repo_dir.as_deref()).await;
        snapshot.attestation = source.attestation(snapshot, github_root, args.require_immutable).await;
    }
    let read = releases.into_iter().map(|read| (read.snapshot.tag.clone(), Ok(read)));
    Ok(read.chain(unread).collect())
}
