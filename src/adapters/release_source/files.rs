//! Where the files of a release come from: GitHub or a local folder.

use std::{
    collections::HashMap,
    path::{Path, PathBuf},
};

use tempfile::TempDir;

use super::{Purpose, ReleaseSource, Wanted};
use crate::{
    adapters::{
        fetched::Fetched,
        file,
        folder::{self, NOTES_FILE},
        github::{GitHub, Release},
        github_release::{self, Listing, Thrift},
        keep::{Keep, Staged},
    },
    error::{Error, Result},
    progress::Phase,
    release::{selection::Names, snapshot::Available},
    subject::tag::Tag,
};

/// Where the files of releases lie.
pub enum Files {
    /// On GitHub.
    GitHub {
        /// The API.
        github: Box<GitHub>,
        /// Releases that are listed already, by their tags: they are not asked for again.
        listed: HashMap<String, Release>,
        /// Where downloads go.
        downloads: Downloads,
        /// Whether progress may be shown.
        progress: bool,
    },
    /// In a local folder.
    Folder {
        /// The folder, or the parent of one folder a tag.
        dir: PathBuf,
        /// Whether it must be the parent: several releases are asked for, and one folder is not all of them.
        nested: bool,
        /// The release notes, when they do not lie in the folder.
        notes: Option<PathBuf>,
        /// The folder of the release that others are compared with, when it is not beside or in this one.
        counterpart: Option<PathBuf>,
    },
}

/// Where downloads go.
pub enum Downloads {
    /// Into a folder that is removed when the value is dropped.
    Temporary(TempDir),
    /// To stay, under a name that says what they are worth.
    Kept(Keep),
    /// Nowhere, but for documents, which go into a folder that is removed when the value is dropped.
    Hashed(TempDir, Thrift),
}

impl Downloads {
    /// Into a temporary folder.
    ///
    /// # Errors
    /// Input: none can be made.
    pub fn temporary() -> Result<Self> {
        let folder = TempDir::with_prefix("merotee-");
        folder.map(Self::Temporary).map_err(|e| Error::input("cannot make a temporary folder").because(e))
    }
}

impl Files {
    /// On GitHub, where each release is asked for when it is read.
    pub fn on_github(github: GitHub, downloads: Downloads, progress: bool) -> Self {
        Self::GitHub { github: Box::new(github), listed: HashMap::new(), downloads, progress }
    }

    /// The API they are listed by, where that is one.
    pub fn github(&self) -> Option<&GitHub> {
        match self {
            Self::GitHub { github, .. } => Some(github),
            Self::Folder { .. } => None,
        }
    }

    /// Whether progress may be shown, release by release.
    pub(super) fn shows_progress(&self) -> bool {
        match self {
            Self::GitHub { progress, .. } => *progress,
            Self::Folder { .. } => true,
        }
    }

    /// Reads as much of a release as is wanted. What was downloaded stays as long as the second value does.
    pub(super) async fn fetch(
        &self,
        source: &ReleaseSource<'_>,
        wanted: Wanted<'_>,
    ) -> Result<(Fetched, Option<Staged>)> {
        let Wanted { tag, scope, purpose, .. } = wanted;
        let ReleaseSource { contracts, rule, jobs, ref budget, .. } = *source;
        match self {
            Self::Folder { dir, nested, notes, .. } => {
                let folder = folder_of(dir, tag, *nested)?;
                let (notes, family) = (notes.as_deref(), tag.family());
                let request = folder::Request { notes, contracts, family, scope, jobs, budget };
                Ok((folder::fetch(&folder, request).await?, None))
            }
            Self::GitHub { github, listed, downloads, progress } => {
                let asked = phase(*progress, || Phase::begin(format!("listing {tag}")));
                let repository = &rule.repository;
                let listing = match listed.get(tag.as_str()).cloned() {
                    Some(release) => Some(Listing::of(release, repository, tag, contracts, scope)?),
                    None => github_release::list(github, repository, tag, contracts, scope).await?,
                };
                let Some(listing) = listing else {
                    // A comparison goes on without it and shows no advice.
                    let near = match purpose {
                        Purpose::Verdict => github_release::nearest(github, repository, tag).await,
                        Purpose::Comparison => Vec::new(),
                    };
                    return Err(github_release::absent(repository, tag, &near));
                };
                drop(asked);
                let staged = match (downloads, purpose) {
                    (Downloads::Temporary(root) | Downloads::Hashed(root, _), _) => Staged::temporary(root.path())?,
                    (Downloads::Kept(keep), Purpose::Verdict) => keep.stage(tag, listing.names())?,
                    (Downloads::Kept(keep), Purpose::Comparison) => keep.stage_beside(tag)?,
                };
                let notes_have_room = notes_have_room(listing.names());
                let (assets, bytes) = listing.needed();
                let phase = phase(*progress, || Phase::of(format!("downloading {tag}"), bytes, assets, "asset"));
                let thrift = match downloads {
                    Downloads::Temporary(_) | Downloads::Kept(_) => None,
                    Downloads::Hashed(_, thrift) => Some(thrift),
                };
                let request = github_release::Request { into: staged.path(), jobs, budget, phase: &phase, thrift };
                let fetched = listing.download(github, request).await?;
                drop(phase);
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

fn phase(shown: bool, begin: impl FnOnce() -> Phase) -> Phase {
    if shown { begin() } else { Phase::hidden() }
}
