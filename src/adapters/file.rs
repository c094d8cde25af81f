//! Local files, read with a bound and written whole or not at all.

use std::{
    fs::File,
    io::{self, Read as _, Write as _},
    path::Path,
};

use crate::{
    digest::{Sha256, Sha256Hasher},
    error::{Error, Result},
};

/// Bytes read at a time when hashing: large enough that the call costs nothing beside the hash.
const HASH_CHUNK: usize = 1 << 20;

/// Reads a whole file of at most `limit` bytes.
///
/// # Errors
/// When it cannot be read or is larger.
pub fn read_bounded(path: &Path, limit: u64) -> Result<Vec<u8>> {
    let mut bytes = Vec::new();
    File::open(path)
        .and_then(|f| f.take(limit + 1).read_to_end(&mut bytes))
        .map_err(|e| Error::input(format!("cannot read {}", path.display())).because(e))?;
    if bytes.len() as u64 > limit {
        return Err(Error::input(format!("{} is larger than {limit} bytes", path.display())));
    }
    Ok(bytes)
}

/// SHA-256 and size of a file, in constant memory.
///
/// # Errors
/// When it cannot be read.
pub fn digest(path: &Path) -> Result<(Sha256, u64)> {
    let hash = || -> io::Result<(Sha256, u64)> {
        let mut file = File::open(path)?;
        let mut hasher = Sha256Hasher::new();
        let mut buffer = vec![0; HASH_CHUNK];
        let mut size = 0;
        loop {
            let read = file.read(&mut buffer)?;
            if read == 0 {
                return Ok((hasher.finish(), size));
            }
            hasher.update(buffer.get(..read).unwrap_or_default());
            size += read as u64;
        }
    };
    hash().map_err(|e| Error::input(format!("cannot read {}", path.display())).because(e))
}

/// Writes a file whole or not at all: to a temporary name beside it, then renamed. What is there already and is no
/// regular file (`/dev/null`, a pipe) is written to as it is, never replaced.
///
/// # Errors
/// When it cannot be written; nothing is left behind then.
pub fn write_atomic(path: &Path, bytes: &[u8]) -> Result<()> {
    let folder = path.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let special = std::fs::metadata(path).is_ok_and(|m| !m.is_file());
    let write = || -> io::Result<()> {
        if special {
            return std::fs::OpenOptions::new().write(true).open(path)?.write_all(bytes);
        }
        // The mode of the file that is replaced, or what the process's umask leaves of the usual one.
        #[cfg(unix)]
        let permissions = std::fs::metadata(path)
            .map_or_else(|_| std::os::unix::fs::PermissionsExt::from_mode(0o666), |existing| existing.permissions());
        let mut builder = tempfile::Builder::new();
        #[cfg(unix)]
        builder.permissions(permissions);
        let mut temporary = builder.prefix(".merotee-").tempfile_in(folder)?;
        temporary.write_all(bytes)?;
        temporary.flush()?;
        temporary.persist(path).map_err(|e| e.error)?;
        Ok(())
    };
    write().map_err(|e| Error::input(format!("cannot write {}", path.display())).because(e))
}
