//! Where the files of a release come from: GitHub or a local folder.

use std::{
    path::{Path, PathBuf},
    sync::Arc,
};

use indicatif::{ProgressBar, ProgressStyle};
use tempfile::TempDir;
use url::Url;

use crate::{
    adapters::{
        fetched::Fetched,
        file,
        folder::{self, NOTES_FILE},
        github::{Allowance, GitHub},
        github_release,
        http::{Http, Service},
        keep::{Keep, Staged},
        sigstore::RekorLookup,
    },
    cli::VerifyReleaseArgs,
    context::Context,
    error::{Error, Result},
    release::{
        contract::{Contracts, Scope},
        selection::Names,
        snapshot::Available,
    },
    subject::{
        repository::Repository,
        tag::{Selector, Tag},
    },
};

/// What bounds the downloads of a run, as errors name it.
const MAX_DOWNLOAD: &str = "--max-download (MEROTEE_MAX_DOWNLOAD)";

/// Where releases are read from.
pub(in crate::commands) enum Source {
    /// GitHub.
    GitHub {
        /// The API.
        github: Box<GitHub>,
        /// The log asked about detached signatures.
        rekor: Rekor,
        /// Where downloads go.
        downloads: Downloads,
        /// Whether progress may be shown.
        progress: bool,
    },
    /// A local folder.
    Folder {
        /// The folder, or the parent of one folder a tag.
        dir: PathBuf,
        /// Whether it must be the parent: several releases are asked for, and one folder is not all of them.
        nested: bool,
        /// The log asked about detached signatures; `None` offline: no client is built at all.
        rekor: Option<Rekor>,
    },
}

/// Where downloads go.
pub(in crate::commands) enum Downloads {
    /// Into a folder that is removed when the command ends.
    Temporary(TempDir),
    /// To stay, under a name that says what they are worth.
    Kept(Keep),
}

/// The log, and the client that asks it. Shared with the counterpart's source.
pub(super) type Rekor = Arc<(Http, Url)>;

/// What a release is read for.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Purpose {
    /// To be judged.
    Verdict,
    /// To compare another with it.
    Comparison,
}

/// What of a release is wanted.
#[derive(Clone, Copy)]
pub(super) struct Wanted<'a> {
    pub(super) repository: &'a Repository,
    pub(super) tag: &'a Tag,
    pub(super) contracts: &'a Contracts,
    pub(super) scope: Scope,
    pub(super) purpose: Purpose,
    pub(super) args: &'a VerifyReleaseArgs,
}

impl Source {
    /// Prepares the source the arguments name.
    pub(in crate::commands) fn new(args: &VerifyReleaseArgs, context: &Context) -> Result<Self> {
        let rekor = || -> Result<Rekor> {
            let url = context.endpoints.rekor_url.clone();
            Ok(Arc::new((Http::new(Service::Rekor, url.clone(), None, context.http.clone())?, url)))
        };
        if let Some(dir) = &args.dir {
            let rekor = if args.offline { None } else { Some(rekor()?) };
            let nested = matches!(args.tag, Some(Selector::Both(_)));
            return Ok(Self::Folder { dir: dir.clone(), nested, rekor });
        }
        // Before anything is asked: without it nothing can be fetched.
        let downloads = match &args.keep {
            Some(dir) => Downloads::Kept(Keep::new(dir.clone())),
            None => Downloads::Temporary(
                TempDir::with_prefix("merotee-")
                    .map_err(|e| Error::input("cannot make a temporary folder").because(e))?,
            ),
        };
        let endpoints = &context.endpoints;
        let github = GitHub::new(endpoints.api_url.clone(), endpoints.token.clone(), context.http.clone())?
            .within(Allowance::new(args.max_download, MAX_DOWNLOAD));
        Ok(Self::GitHub { github: Box::new(github), rekor: rekor()?, downloads, progress: context.output.progress })
    }

    pub(super) fn rekor(&self) -> Option<RekorLookup<'_>> {
        match self {
            Self::GitHub { rekor, .. } | Self::Folder { rekor: Some(rekor), .. } => {
                Some(RekorLookup::new(&rekor.0, &rekor.1))
            }
            Self::Folder { rekor: None, .. } => None,
        }
    }

    /// Reads as much of a release as is wanted. What was downloaded stays as long as the second value does.
    pub(super) async fn fetch(&self, wanted: Wanted<'_>) -> Result<(Fetched, Option<Staged>)> {
        let Wanted { repository, tag, contracts, scope, purpose, args } = wanted;
        let jobs = usize::from(args.jobs);
        match self {
            Self::Folder { dir, nested, .. } => {
                let folder = folder_of(dir, tag, *nested)?;
                let notes = args.notes.as_deref();
                Ok((folder::fetch(&folder, notes, contracts, tag.family(), scope, jobs).await?, None))
            }
            Self::GitHub { github, downloads, progress, .. } => {
                let listing = github_release::list(github, repository, tag, contracts, scope).await?;
                let staged = match (downloads, purpose) {
                    (Downloads::Temporary(root), _) => Staged::temporary(root.path())?,
                    (Downloads::Kept(keep), Purpose::Verdict) => keep.stage(tag, listing.names())?,
                    (Downloads::Kept(keep), Purpose::Comparison) => keep.stage_beside(tag)?,
                };
                let notes_have_room = notes_have_room(listing.names());
                let bar = progress_bar(tag, *progress);
                let request = github_release::Request { into: staged.path(), jobs, progress: &|bytes| bar.inc(bytes) };
                let fetched = listing.download(github, request).await;
                bar.finish_and_clear();
                let fetched = fetched?;
                if staged.is_kept()
                    && let Available::Yes(notes) = &fetched.notes
                {
                    if notes_have_room {
                        file::write_atomic(&staged.path().join(NOTES_FILE), notes.as_bytes())?;
                    } else {
                        tracing::warn!("{tag} has an asset called {NOTES_FILE}: the release notes are not kept");
                    }
                }
                Ok((fetched, Some(staged)))
            }
        }
    }
}

/// Whether the notes can be kept under their name: an asset may have it, and on many file systems in any case.
fn notes_have_room(names: &Names) -> bool {
    !names.usable.iter().any(|(_, name)| name.as_str().eq_ignore_ascii_case(NOTES_FILE))
}

/// The folder a release lies in: `dir` itself for a tag, `dir/<tag>` for a bare version or where `dir` holds nothing but
/// such folders (as `--keep` leaves it). Never a guess: what is verified must be what was meant.
fn folder_of(dir: &Path, tag: &Tag, nested: bool) -> Result<PathBuf> {
    let own = dir.join(tag.as_str());
    if nested {
        return Ok(own);
    }
    if !own.is_dir() {
        return Ok(dir.to_owned());
    }
    let holds_files = std::fs::read_dir(dir)
        .map_err(|e| Error::input(format!("cannot list {}", dir.display())).because(e))?
        .flatten()
        .any(|entry| !entry.path().is_dir());
    if holds_files {
        return Err(Error::usage(format!(
            "{} holds files and a folder {tag}: which one is the release?",
            dir.display()
        ))
        .help("name the folder that holds the release's files"));
    }
    Ok(own)
}

fn progress_bar(tag: &Tag, visible: bool) -> ProgressBar {
    if !visible {
        return ProgressBar::hidden();
    }
    let bar = ProgressBar::new_spinner();
    if let Ok(style) = ProgressStyle::with_template("{spinner} {msg} {bytes} ({bytes_per_sec})") {
        bar.set_style(style);
    }
    bar.set_message(format!("downloading {tag}"));
    bar.enable_steady_tick(std::time::Duration::from_millis(100));
    bar
}
