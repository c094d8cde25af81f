//! What is to be audited, as the API lists it: releases by their tags, or the newest ones.

use futures_util::{StreamExt as _, stream};

use crate::{
    adapters::{
        github::{GitHub, Release},
        github_release::{self, Listing},
    },
    cli::audit::AuditArgs,
    error::{Error, Result},
    release::{
        audit::roll::{self, Entry, PassedOver},
        contract::{Contracts, Scope},
    },
    subject::{
        repository::Repository,
        tag::{Class, Family, Selector, Tag},
    },
};

/// The newest releases audited when nothing is said.
const RECENT: u16 = 10;
/// Releases asked for at the same time.
const AT_ONCE: usize = 8;

/// What an audit is of.
pub(super) struct Roll {
    /// Releases to audit, newest first or in the order of the arguments.
    pub(super) listed: Vec<Listed>,
    /// Those that are not.
    pub(super) passed_over: Vec<PassedOver>,
}

/// A release to audit.
pub(super) struct Listed {
    pub(super) tag: Tag,
    /// The class it is held to.
    pub(super) class: Class,
    /// As the API lists it, or why it does not.
    pub(super) release: Result<Release>,
}

impl Listed {
    /// What of it is needed; `None` where it cannot be read.
    ///
    /// # Errors
    /// Usage: there is no contract for its family.
    pub(super) fn listing(&self, repository: &Repository, contracts: &Contracts) -> Result<Option<Listing>> {
        let Ok(release) = &self.release else { return Ok(None) };
        Listing::of(release.clone(), repository, &self.tag, contracts, Scope::Whole).map(Some)
    }
}

/// Finds out what is to be audited.
///
/// # Errors
/// Remote: the releases cannot be listed, or there are none. Usage: tags and family exclude each other.
pub(super) async fn call(args: &AuditArgs, github: &GitHub, repository: &Repository) -> Result<Roll> {
    if args.tags.is_empty() {
        return recent(args, github, repository).await;
    }
    let mut tags: Vec<Tag> = Vec::new();
    for tag in args.tags.iter().flat_map(Selector::tags) {
        if args.family.is_none_or(|family| family == tag.family()) && !tags.contains(&tag) {
            tags.push(tag);
        }
    }
    if tags.is_empty() {
        return Err(Error::usage("none of the tags is of the family that --family names"));
    }
    let asked = tags.into_iter().map(|tag| async move {
        let release = one(github, repository, &tag).await;
        Listed { class: args.class.unwrap_or_else(|| tag.class()), tag, release }
    });
    let listed = stream::iter(asked).buffered(AT_ONCE).collect().await;
    Ok(Roll { listed, passed_over: Vec::new() })
}

async fn one(github: &GitHub, repository: &Repository, tag: &Tag) -> Result<Release> {
    match github.release(repository, tag.as_str()).await? {
        Some(release) => Ok(release),
        None => {
            let near = github_release::nearest(github, repository, tag).await;
            Err(github_release::absent(repository, tag, &near))
        }
    }
}

/// The newest releases, with a request for a hundred of them.
async fn recent(args: &AuditArgs, github: &GitHub, repository: &Repository) -> Result<Roll> {
    let wanted = usize::from(args.recent.unwrap_or(RECENT));
    let mut passed_over = Vec::new();
    let releases = github
        .releases_that(repository, wanted, |release| match roll::sort(&release.tag_name, release.draft, args.family) {
            Entry::Audited(_) => true,
            Entry::NotAskedFor => false,
            Entry::PassedOver(why) => {
                passed_over.push(PassedOver { tag: release.tag_name.clone(), why });
                false
            }
        })
        .await?;
    if releases.len() < wanted && args.recent.is_some() {
        tracing::info!("{repository} has {} of the {wanted} releases asked for", releases.len());
    }
    let tagged = |release: Release| Some((release.tag_name.parse::<Tag>().ok()?, release));
    let listed: Vec<Listed> = releases
        .into_iter()
        .filter_map(tagged)
        .map(|(tag, release)| Listed { class: tag.class(), tag, release: Ok(release) })
        .collect();
    if listed.is_empty() {
        let family = args.family.map(|family: Family| format!(" of the {family} family")).unwrap_or_default();
        return Err(Error::remote(format!("{repository} has no published release{family}"))
            .help("check --repo; drafts are audited when their tags are given"));
    }
    Ok(Roll { listed, passed_over })
}
