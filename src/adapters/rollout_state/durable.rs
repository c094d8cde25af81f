//! Small files that are whole and on disk before anything builds on them.

use std::{
    io::{self, Write as _},
    path::Path,
};

use super::super::append_file::synced;
use crate::error::{Error, Result};

/// Writes a file in place of what is there.
///
/// # Errors
/// Input: it cannot be written; what was there is as it was then.
pub(super) fn replace(path: &Path, bytes: &[u8]) -> Result<()> {
    let write = || -> io::Result<()> {
        temporary(path, bytes)?.persist(path).map_err(|e| e.error)?;
        synced(path)
    };
    write().map_err(|e| cannot(path, e))
}

/// Writes a new file. Says `false`, and changes nothing, where there is one.
///
/// # Errors
/// Input: it cannot be written.
pub(super) fn create(path: &Path, bytes: &[u8]) -> Result<bool> {
    let write = || -> io::Result<bool> {
        match temporary(path, bytes)?.persist_noclobber(path) {
            Ok(_) => synced(path).map(|()| true),
            Err(e) if e.error.kind() == io::ErrorKind::AlreadyExists => Ok(false),
            Err(e) => Err(e.error),
        }
    };
    write().map_err(|e| cannot(path, e))
}

/// Makes a folder that its owner alone may look into, where there is none.
///
/// # Errors
/// Input: it cannot be made.
pub(super) fn folder(path: &Path) -> Result<()> {
    let mut builder = std::fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::DirBuilderExt as _;
        builder.mode(0o700);
    }
    builder.create(path).map_err(|e| cannot(path, e))
}

/// The bytes under a name of the moment, on disk.
fn temporary(path: &Path, bytes: &[u8]) -> io::Result<tempfile::NamedTempFile> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let mut file = tempfile::Builder::new().prefix(".merotee-").tempfile_in(folder)?;
    file.write_all(bytes)?;
    file.as_file().sync_all()?;
    Ok(file)
}

fn cannot(path: &Path, error: io::Error) -> Error {
    Error::input(format!("cannot write {}", path.display())).because(error)
}
