//! Policy files of a folder or a file on disk.

use std::path::{Path, PathBuf};

use super::file;
use crate::{
    error::{Error, Result},
    schema::MAX_JSON_BYTES,
};

/// How deep folders are looked into.
const MAX_DEPTH: usize = 8;

/// Most files read at once. Upstream's registry holds a few dozen.
pub(crate) const MAX_FILES: usize = 2_000;

/// A file that may be a policy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    /// Its path as the user would write it; for a file of a folder, relative to that folder when `relative`.
    pub name: String,
    /// Whether the user named it, rather than a folder it lies in.
    pub named: bool,
    /// Its content.
    pub bytes: Vec<u8>,
}

/// Which name a file of a folder gets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Naming {
    /// As the user would write it.
    Whole,
    /// Relative to the folder, so that two folders can be compared.
    Relative,
}

/// Reads a file, standard input for `-`, or every `.json` file of a folder and of the folders in it, sorted by name. Links
/// are followed to files and not to folders.
///
/// # Errors
/// When something cannot be read, or is too much.
pub fn read(path: &Path, naming: Naming) -> Result<Vec<Found>> {
    if path.as_os_str() == "-" {
        let bytes = file::read_source(path, MAX_JSON_BYTES as u64)?;
        return Ok(vec![Found { name: file::source_name(path), named: true, bytes }]);
    }
    let metadata = std::fs::metadata(path).map_err(|e| unreadable(path, e))?;
    if !metadata.is_dir() {
        let name = match naming {
            Naming::Whole => path.display().to_string(),
            Naming::Relative => path.file_name().unwrap_or(path.as_os_str()).to_string_lossy().into_owned(),
        };
        return Ok(vec![Found { name, named: true, bytes: bytes(path)? }]);
    }
    let mut paths = Vec::new();
    walk(path, 0, &mut paths)?;
    paths.sort();
    paths
        .into_iter()
        .map(|file| {
            let shown = match naming {
                Naming::Whole => file.as_path(),
                Naming::Relative => file.strip_prefix(path).unwrap_or(&file),
            };
            Ok(Found { name: shown.display().to_string(), named: false, bytes: bytes(&file)? })
        })
        .collect()
}

fn bytes(path: &Path) -> Result<Vec<u8>> {
    // A pipe would be waited for until somebody writes to it.
    if !std::fs::metadata(path).map_err(|e| unreadable(path, e))?.is_file() {
        return Err(Error::input(format!("{} is not a regular file", path.display())));
    }
    file::read_bounded(path, MAX_JSON_BYTES as u64)
}

fn walk(folder: &Path, depth: usize, paths: &mut Vec<PathBuf>) -> Result<()> {
    if depth > MAX_DEPTH {
        return Err(Error::input(format!("{} lies more than {MAX_DEPTH} folders deep", folder.display())));
    }
    for entry in std::fs::read_dir(folder).map_err(|e| unreadable(folder, e))? {
        let entry = entry.map_err(|e| unreadable(folder, e))?;
        let (path, kind) = (entry.path(), entry.file_type().map_err(|e| unreadable(folder, e))?);
        if kind.is_dir() {
            walk(&path, depth + 1, paths)?;
        } else if path.extension().is_some_and(|e| e.eq_ignore_ascii_case("json")) {
            paths.push(path);
        }
        if paths.len() > MAX_FILES {
            return Err(Error::input(format!("{} holds more than {MAX_FILES} JSON files", folder.display())));
        }
    }
    Ok(())
}

fn unreadable(path: &Path, error: std::io::Error) -> Error {
    Error::input(format!("cannot read {}", path.display())).because(error)
}
