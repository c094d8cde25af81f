//! A release that lies in a local folder.

use std::{
    path::{Path, PathBuf},
    sync::Arc,
};

use futures_util::{StreamExt as _, stream};

use super::{fetched::Fetched, file};
use crate::{
    error::{self, Error, Result},
    progress::Phase,
    release::{
        asset_name::AssetName,
        checksums::ChecksumsFile,
        contract::{Contracts, Scope},
        documents::{Budget, Document},
        selection::{Names, Selection},
        snapshot::{Aside, Asset, Available, Content, MAX_DOCUMENT_BYTES, Origin, SetAside},
    },
    subject::{evidence_name::EVIDENCE_SUFFIXES, tag::Family},
};

/// Where `--keep` writes the release notes, and `--dir` looks for them. Not an asset, unless the release vouches for
/// one of this name.
pub const NOTES_FILE: &str = "release-notes.md";

/// Largest release notes read; GitHub allows 125,000 characters.
const MAX_NOTES_BYTES: u64 = 1024 * 1024;

/// What of a release in a folder is wanted, and how it is read.
#[derive(Debug, Clone, Copy)]
pub struct Request<'a> {
    /// The release notes, when they do not lie in the folder.
    pub notes: Option<&'a Path>,
    /// What a release must hold.
    pub contracts: &'a Contracts,
    /// The release's family.
    pub family: Family,
    /// How much of it.
    pub scope: Scope,
    /// Files at the same time.
    pub jobs: usize,
    /// Room for documents in memory.
    pub budget: &'a Budget,
}

/// Reads a release from a folder. Folders in it are not assets: they are set aside by name.
///
/// # Errors
/// When the folder cannot be listed. A file that cannot be read, or that there is no room for, is part of the result.
pub async fn fetch(folder: &Path, request: Request<'_>) -> Result<Fetched> {
    let Request { notes, contracts, family, scope, jobs, budget } = request;
    let Listed { files: mut listing, folders: set_aside } = list(folder)?;
    let mut names = Names::sort(listing.iter().map(|(name, _)| name.as_str()));
    let choose = |names: &Names| {
        Selection::choose(contracts, family, scope, names)
            .ok_or_else(|| Error::usage(format!("the contract file holds nothing for the {family} family")))
    };
    let mut selection = choose(&names)?;
    let notes_are_an_asset = vouches_for_notes(folder, &selection.contract.checksums.name, &names);
    if !notes_are_an_asset && names.holds(NOTES_FILE) {
        listing.retain(|(name, _)| name != NOTES_FILE);
        names = Names::sort(listing.iter().map(|(name, _)| name.as_str()));
        selection = choose(&names)?;
    }
    let wanted = names.usable.iter().filter_map(|(index, name)| Some((name.clone(), listing.get(*index)?.1.clone())));
    let wanted: Vec<(AssetName, PathBuf)> = wanted.collect();
    let phase = reading(folder, wanted.iter().filter(|(name, _)| selection.fetches(name)).map(|(_, path)| path));
    let phase = &phase;
    let work = wanted.into_iter().map(|(name, path)| {
        let (fetches, reads) = (selection.fetches(&name), selection.reads(&name));
        async move {
            let content = if fetches { content(&name, path, reads, budget).await } else { Content::NotFetched };
            if let Content::Read { size, .. } = &content {
                phase.bytes(0, *size);
                phase.item();
            }
            Asset { name, stated_size: None, stated_digest: None, content }
        }
    });
    let assets = stream::iter(work).buffered(jobs).collect().await;
    let Names { refused, duplicates, .. } = names;
    let notes = match notes {
        None if notes_are_an_asset => {
            Available::NotHere(format!("{NOTES_FILE} is an asset of this release; give the notes with --notes"))
        }
        given => read_notes(folder, given),
    };
    let origin = Origin::Folder(folder.to_owned());
    Ok(Fetched { selection, origin, assets, refused, duplicates, set_aside, notes })
}

/// Progress over files that are read whole and hashed.
fn reading<'a>(folder: &Path, files: impl Iterator<Item = &'a PathBuf>) -> Phase {
    let size = |path: &PathBuf| std::fs::metadata(path).map_or(0, |metadata| metadata.len());
    let (count, bytes) = files.fold((0, 0_u64), |(count, sum), path| (count + 1, sum.saturating_add(size(path))));
    Phase::of(format!("hashing {}", folder.display()), bytes, count, "file")
}

/// Whether [`NOTES_FILE`] is not where the notes were kept but an asset of the release: the checksums file lists it, or
/// a signature lies beside it. Notes are vouched for by nothing.
fn vouches_for_notes(folder: &Path, checksums: &str, names: &Names) -> bool {
    if !names.holds(NOTES_FILE) {
        return false;
    }
    let path = folder.join(checksums);
    let bytes = if path.is_file() { file::read_bounded(&path, MAX_DOCUMENT_BYTES).ok() } else { None };
    let listed = bytes.is_some_and(|bytes| ChecksumsFile::parse(checksums, &bytes).0.get(NOTES_FILE).is_some());
    listed || EVIDENCE_SUFFIXES.iter().any(|suffix| names.holds(&format!("{NOTES_FILE}{suffix}")))
}

/// What lies in a folder.
struct Listed {
    /// Files by name.
    files: Vec<(String, PathBuf)>,
    /// Folders, which are not assets.
    folders: Vec<SetAside>,
}

/// What lies in the folder, in the order of names. A name that is not Unicode is listed lossily: it is then refused
/// like any odd name.
fn list(folder: &Path) -> Result<Listed> {
    let fail = |e| Error::input(format!("cannot list {}", folder.display())).because(e);
    let (mut files, mut folders) = (Vec::new(), Vec::new());
    for entry in std::fs::read_dir(folder).map_err(fail)? {
        let entry = entry.map_err(fail)?;
        let name = entry.file_name().to_string_lossy().into_owned();
        // Follows links: a dangling one is an asset that cannot be read, and is reported so.
        let is_folder = std::fs::metadata(entry.path()).is_ok_and(|m| m.is_dir());
        if is_folder {
            folders.push(SetAside { name, what: Aside::Folder });
        } else {
            files.push((name, entry.path()));
        }
    }
    files.sort();
    folders.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(Listed { files, folders })
}

fn read_notes(folder: &Path, given: Option<&Path>) -> Available<String> {
    let own = folder.join(NOTES_FILE);
    let path = match given {
        Some(path) => path,
        None if own.is_file() => &own,
        None => return Available::NotHere(format!("the folder holds no {NOTES_FILE}, and --notes was not given")),
    };
    match file::read_bounded(path, MAX_NOTES_BYTES).map(String::from_utf8) {
        Ok(Ok(text)) => Available::Yes(text),
        Ok(Err(_)) => Available::Failed(format!("{}: the release notes are not UTF-8", path.display())),
        Err(error) => Available::Failed(error::chain(&error)),
    }
}

/// Hashes a file on a thread of its own; keeps the document that is not larger than `keep`, within the budget.
pub(super) async fn content(name: &AssetName, path: PathBuf, keep: u64, budget: &Budget) -> Content {
    let (name, budget) = (name.clone(), budget.clone());
    let read = move || -> Result<Content> {
        let metadata =
            std::fs::metadata(&path).map_err(|e| Error::input(format!("cannot read {}", path.display())).because(e))?;
        // A pipe would be waited for until somebody writes to it.
        if !metadata.is_file() {
            return Err(Error::input(format!("{} is not a regular file", path.display())));
        }
        let size = metadata.len();
        if keep > 0 && size <= keep {
            let room = budget.take(name.as_str(), size).map_err(|over| Error::input(over.to_string()))?;
            let bytes = file::read_bounded(&path, size)?;
            let digest = crate::digest::Sha256::of(&bytes);
            let size = bytes.len() as u64;
            let document = Some(Arc::new(Document::new(name.as_str(), bytes, room)));
            return Ok(Content::Read { digest, size, path: Some(path), document });
        }
        let (digest, size) = file::digest(&path)?;
        Ok(Content::Read { digest, size, path: Some(path), document: None })
    };
    match tokio::task::spawn_blocking(read).await {
        Ok(Ok(content)) => content,
        Ok(Err(error)) => Content::Failed(error::chain(&error)),
        Err(error) => Content::Failed(format!("reading was interrupted: {error}")),
    }
}

/// A file name that is safe to write into a folder.
pub(super) fn path_in(folder: &Path, name: &AssetName) -> PathBuf {
    folder.join(name.as_str())
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use super::*;

    #[tokio::test]
    async fn documents_of_several_releases_share_one_budget_and_what_has_no_room_is_named() {
        let folder = tempfile::tempdir().unwrap();
        for name in ["checksums.sha256", "published-mrtds.json", "archive.tar.gz"] {
            std::fs::write(folder.path().join(name), [b'x'; 40]).unwrap();
        }
        let contracts = Contracts::built_in().unwrap();
        let budget = Budget::new(100);
        let read = async || {
            let (family, scope) = (Family::Node, Scope::Whole);
            let request = Request { notes: None, contracts: &contracts, family, scope, jobs: 1, budget: &budget };
            fetch(folder.path(), request).await.unwrap().assets
        };
        let failures = |assets: &[Asset]| -> Vec<String> {
            let failed = assets.iter().filter_map(|asset| match &asset.content {
                Content::Failed(why) => Some(why.clone()),
                Content::Read { .. } | Content::NotFetched => None,
            });
            failed.collect()
        };
        // An archive is hashed and not held.
        let first = read().await;
        assert_eq!((first.len(), failures(&first)), (3, Vec::new()));
        // The first release is still held, so that the second has no room for either of its documents.
        let second = read().await;
        let told = failures(&second);
        assert_eq!(told.len(), 2, "{told:?}");
        assert_eq!(
            told.first().map(String::as_str),
            Some(
                "checksums.sha256 has 40 bytes, and only 20 of the 100 bytes of documents that a run holds in memory \
                 are left"
            )
        );
        drop((first, second));
        assert_eq!(failures(&read().await), [""; 0]);
    }
}
