//! The entries of a folder that is to be published, by name, kind and size; no file is opened and no link followed.

use std::path::Path;

use super::folder::NOTES_FILE;
use crate::{
    error::{Error, Result},
    release::publish::files::{Entry, Kind},
};

/// Everything in the folder but the notes, in the order of names.
///
/// # Errors
/// Input: the folder cannot be listed.
pub fn entries(folder: &Path) -> Result<Vec<Entry>> {
    let cannot = |e| Error::input(format!("cannot list {}", folder.display())).because(e);
    let mut entries = Vec::new();
    for entry in std::fs::read_dir(folder).map_err(cannot)? {
        let entry = entry.map_err(cannot)?;
        let name = entry.file_name().to_string_lossy().into_owned();
        // Of the entry itself: a link is none of the kinds that `metadata` of its target would give.
        let metadata = entry.metadata().map_err(cannot)?;
        let kind = match metadata.file_type() {
            kind if kind.is_symlink() => Kind::Link,
            kind if kind.is_dir() => Kind::Folder,
            kind if kind.is_file() => Kind::File(metadata.len()),
            _ => Kind::Special,
        };
        let are_notes = name == NOTES_FILE && matches!(kind, Kind::File(_));
        if !are_notes {
            entries.push(Entry { name, kind });
        }
    }
    entries.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(entries)
}
