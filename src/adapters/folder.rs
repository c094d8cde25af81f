//! A release that lies in a local folder.

use std::path::{Path, PathBuf};

use futures_util::{StreamExt as _, stream};

use super::{fetched::Fetched, file};
use crate::{
    error::{self, Error, Result},
    release::{
        asset_name::AssetName,
        contract::{Contracts, Scope},
        selection::{Names, Selection},
        snapshot::{Asset, Available, Content, Origin},
        tag::Family,
    },
};

/// Where `--keep` writes the release notes, and `--dir` looks for them. Not an asset.
pub const NOTES_FILE: &str = "release-notes.md";

/// Largest release notes read; GitHub allows 125,000 characters.
const MAX_NOTES_BYTES: u64 = 1024 * 1024;

/// Reads a release from a folder. Subfolders are no assets.
///
/// # Errors
/// When the folder cannot be listed. A file that cannot be read is part of the result.
pub async fn fetch(
    folder: &Path,
    notes: Option<&Path>,
    contracts: &Contracts,
    family: Family,
    scope: Scope,
    jobs: usize,
) -> Result<Fetched> {
    let listing = list(folder)?;
    let names = Names::sort(listing.iter().map(|(name, _)| name.as_str()));
    let selection = Selection::choose(contracts, family, scope, &names)
        .ok_or_else(|| Error::usage(format!("the contract file holds nothing for the {family} family")))?;
    let wanted = names.usable.iter().filter_map(|(index, name)| Some((name.clone(), listing.get(*index)?.1.clone())));
    let work = wanted.map(|(name, path)| {
        let (fetches, reads) = (selection.fetches(&name), selection.reads(&name));
        async move {
            let content = if fetches { content(path, reads).await } else { Content::NotFetched };
            Asset { name, stated_size: None, stated_digest: None, content }
        }
    });
    let assets = stream::iter(work).buffered(jobs).collect().await;
    let Names { refused, duplicates, .. } = names;
    let notes = read_notes(folder, notes);
    Ok(Fetched { selection, origin: Origin::Folder(folder.to_owned()), assets, refused, duplicates, notes })
}

/// Files of the folder by name. A name that is not Unicode is listed lossily: it is then refused like any odd name.
fn list(folder: &Path) -> Result<Vec<(String, PathBuf)>> {
    let fail = |e| Error::input(format!("cannot list {}", folder.display())).because(e);
    let mut files = Vec::new();
    for entry in std::fs::read_dir(folder).map_err(fail)? {
        let entry = entry.map_err(fail)?;
        let name = entry.file_name().to_string_lossy().into_owned();
        // Follows links: a dangling one is an asset that cannot be read, and is reported so.
        let is_folder = std::fs::metadata(entry.path()).is_ok_and(|m| m.is_dir());
        if !is_folder && name != NOTES_FILE {
            files.push((name, entry.path()));
        }
    }
    files.sort();
    Ok(files)
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

/// Hashes a file on a thread of its own; keeps the bytes of one that is no larger than `keep`.
pub(super) async fn content(path: PathBuf, keep: u64) -> Content {
    let read = move || -> Result<Content> {
        let metadata =
            std::fs::metadata(&path).map_err(|e| Error::input(format!("cannot read {}", path.display())).because(e))?;
        // A pipe would be waited for until somebody writes to it.
        if !metadata.is_file() {
            return Err(Error::input(format!("{} is not a regular file", path.display())));
        }
        let size = metadata.len();
        if keep > 0 && size <= keep {
            let bytes = file::read_bounded(&path, keep)?;
            let digest = crate::digest::Sha256::of(&bytes);
            return Ok(Content::Read { digest, size: bytes.len() as u64, path, bytes: Some(bytes) });
        }
        let (digest, size) = file::digest(&path)?;
        Ok(Content::Read { digest, size, path, bytes: None })
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
