//! Several files that belong together: all of them are written, or none.

use std::{
    io::Write as _,
    path::{Path, PathBuf},
};

use tempfile::NamedTempFile;

use super::file;
use crate::error::{Error, Result};

/// Writes files into `folder`, which is made when it is not there. Every file is first written whole under a temporary
/// name; when exchanging one for its old version fails, those exchanged before are put back.
///
/// # Errors
/// When a file cannot be written. The folder then holds what it held before.
pub fn write_all(folder: &Path, files: &[(String, Vec<u8>)]) -> Result<()> {
    std::fs::create_dir_all(folder)
        .map_err(|e| Error::input(format!("cannot make the folder {}", folder.display())).because(e))?;
    let mut staged = Vec::new();
    for (name, bytes) in files {
        let path = folder.join(name);
        let failed = |e: std::io::Error| Error::input(format!("cannot write {}", path.display())).because(e);
        let old = match std::fs::symlink_metadata(&path) {
            Ok(metadata) if metadata.is_file() => Some(std::fs::read(&path).map_err(failed)?),
            Ok(_) => return Err(Error::input(format!("{} exists and is not a regular file", path.display()))),
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => None,
            Err(e) => return Err(failed(e)),
        };
        staged.push(Staged { temporary: stage(folder, &path, bytes).map_err(failed)?, old, path });
    }
    let mut done: Vec<(PathBuf, Option<Vec<u8>>)> = Vec::new();
    for Staged { temporary, old, path } in staged {
        if let Err(error) = temporary.persist(&path) {
            undo(&done);
            return Err(Error::input(format!("cannot write {}", path.display())).because(error.error));
        }
        done.push((path, old));
    }
    Ok(())
}

struct Staged {
    temporary: NamedTempFile,
    old: Option<Vec<u8>>,
    path: PathBuf,
}

/// Writes `bytes` under a temporary name, with the mode of the file it will replace, or what the process's umask leaves
/// of the usual one.
fn stage(folder: &Path, path: &Path, bytes: &[u8]) -> std::io::Result<NamedTempFile> {
    let mut builder = tempfile::Builder::new();
    #[cfg(unix)]
    builder.permissions(
        std::fs::metadata(path)
            .map_or_else(|_| std::os::unix::fs::PermissionsExt::from_mode(0o666), |existing| existing.permissions()),
    );
    let mut temporary = builder.prefix(".merotee-").tempfile_in(folder)?;
    temporary.write_all(bytes)?;
    temporary.flush()?;
    Ok(temporary)
}

fn undo(done: &[(PathBuf, Option<Vec<u8>>)]) {
    for (path, old) in done {
        let result = match old {
            Some(bytes) => file::write_atomic(path, bytes).map_err(|e| crate::error::chain(&e)),
            None => std::fs::remove_file(path).map_err(|e| e.to_string()),
        };
        if let Err(why) = result {
            tracing::error!("{} could not be put back: {why}", path.display());
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test fails by panicking")]
    use super::*;

    fn files() -> Vec<(String, Vec<u8>)> {
        vec![("a.json".to_owned(), b"new a".to_vec()), ("b.json".to_owned(), b"new b".to_vec())]
    }

    #[test]
    fn all_files_are_written_and_no_temporary_one_is_left() {
        let folder = tempfile::tempdir().unwrap();
        let inner = folder.path().join("x/y");
        write_all(&inner, &files()).unwrap();
        assert_eq!(std::fs::read(inner.join("b.json")).unwrap(), b"new b");
        assert_eq!(std::fs::read_dir(&inner).unwrap().count(), 2);
    }

    #[test]
    fn nothing_is_written_when_one_cannot_be() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("a.json"), "old a").unwrap();
        std::fs::create_dir(folder.path().join("b.json")).unwrap();
        assert!(write_all(folder.path(), &files()).is_err());
        assert_eq!(std::fs::read(folder.path().join("a.json")).unwrap(), b"old a");
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 2);
    }
}
