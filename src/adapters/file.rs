//! Local files and standard input, read with a bound; files written whole or not at all.

use std::{
    fs::File,
    io::{self, Read as _, Write as _},
    path::{Path, PathBuf},
};

use crate::{
    digest::{Sha256, Sha256Hasher},
    error::{Error, Result},
};

/// Bytes read at a time when hashing: large enough that the call costs nothing beside the hash.
const HASH_CHUNK: usize = 1 << 20;

/// Reads a whole file of at most `limit` bytes. For paths that a folder or a document names: `-` is a file's name here,
/// and what a caller names is read by [`read_source`].
///
/// # Errors
/// When it cannot be read or is larger.
pub fn read_bounded(path: &Path, limit: u64) -> Result<Vec<u8>> {
    let name = path.display().to_string();
    bounded(File::open(path).map_err(|e| unreadable(&name, e))?, &name, limit)
}

/// What a document is called that comes from `path`: the path as given, or "standard input" for `-`.
pub fn source_name(path: &Path) -> String {
    if is_stdin(path) { "standard input".to_owned() } else { path.display().to_string() }
}

/// Opens a file or, for `-`, standard input. That a command line names standard input once is for its reader to see to.
///
/// # Errors
/// When the file cannot be opened.
pub fn open_source(path: &Path) -> io::Result<Box<dyn io::Read>> {
    if !is_stdin(path) {
        return Ok(Box::new(File::open(path)?));
    }
    tracing::debug!("reading standard input");
    Ok(Box::new(io::stdin().lock()))
}

/// Reads a whole file or, for `-`, standard input, of at most `limit` bytes.
///
/// # Errors
/// As [`read_bounded`].
pub fn read_source(path: &Path, limit: u64) -> Result<Vec<u8>> {
    let name = source_name(path);
    bounded(open_source(path).map_err(|e| unreadable(&name, e))?, &name, limit)
}

/// A file on disk: the caller's own, or a copy of standard input, which goes when this value does.
#[derive(Debug)]
pub enum OnDisk {
    /// The file named.
    Named(PathBuf),
    /// What came from standard input.
    Copied(tempfile::TempPath),
}

impl OnDisk {
    /// What `path` names, fit to be read more than once. Standard input is copied, and is not bounded: neither is a
    /// file.
    ///
    /// # Errors
    /// When standard input cannot be read, or the copy cannot be written.
    pub fn of(path: &Path) -> Result<Self> {
        if !is_stdin(path) {
            return Ok(Self::Named(path.to_owned()));
        }
        let cannot = |e: io::Error| Error::input("cannot keep standard input in a temporary file").because(e);
        let (mut copy, place) = tempfile::Builder::new().prefix("merotee-").tempfile().map_err(cannot)?.into_parts();
        io::copy(&mut io::stdin().lock(), &mut copy).map_err(cannot)?;
        Ok(Self::Copied(place))
    }

    /// Where it lies.
    pub fn path(&self) -> &Path {
        match self {
            Self::Named(path) => path,
            Self::Copied(place) => place,
        }
    }
}

/// Whether a caller's path means standard input.
pub fn is_stdin(path: &Path) -> bool {
    path.as_os_str() == "-"
}

fn unreadable(name: &str, error: io::Error) -> Error {
    Error::input(format!("cannot read {name}")).because(error)
}

/// One byte more than the limit is asked for, so that what is longer is refused and never cut.
fn bounded(source: impl io::Read, name: &str, limit: u64) -> Result<Vec<u8>> {
    let mut bytes = Vec::new();
    source.take(limit.saturating_add(1)).read_to_end(&mut bytes).map_err(|e| unreadable(name, e))?;
    tracing::trace!("read {} bytes of {name}", bytes.len());
    if bytes.len() as u64 > limit {
        return Err(Error::input(format!("{name} is larger than {limit} bytes")));
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
                tracing::trace!("hashed {size} bytes of {}", path.display());
                return Ok((hasher.finish(), size));
            }
            hasher.update(buffer.get(..read).unwrap_or_default());
            size += read as u64;
        }
    };
    hash().map_err(|e| Error::input(format!("cannot read {}", path.display())).because(e))
}

/// Writes a file whole or not at all: to a temporary name beside it, then renamed. What is there already and is not a
/// regular file (`/dev/null`, a pipe) is written to as it is, never replaced.
///
/// # Errors
/// When it cannot be written; nothing is left behind then.
pub fn write_atomic(path: &Path, bytes: &[u8]) -> Result<()> {
    write_with_mode(path, bytes, None)
}

/// Writes a file that its owner alone may read, whole or not at all; one that is there is replaced, whatever its mode.
///
/// # Errors
/// As [`write_atomic`].
pub fn write_secret(path: &Path, bytes: &[u8]) -> Result<()> {
    write_with_mode(path, bytes, Some(0o600))
}

/// Finds out whether [`write_atomic`] could write `path`, and leaves no trace of that.
///
/// # Errors
/// As [`write_atomic`]'s, as far as they can be known before there is anything to write.
pub fn refuse_unwritable(path: &Path) -> Result<()> {
    let check = || -> io::Result<()> {
        match std::fs::metadata(path) {
            Ok(there) if there.is_dir() => return Err(io::ErrorKind::IsADirectory.into()),
            // A pipe or device is opened when there is something to write: a pipe would wait for its reader.
            Ok(there) if !there.is_file() => return Ok(()),
            Ok(_) => {}
            Err(e) if e.kind() == io::ErrorKind::NotFound && !is_folders_name(path) => {}
            Err(e) => return Err(e),
        }
        temporary_beside(path, &mut tempfile::Builder::new()).map(drop)
    };
    check().map_err(|e| unwritable(path, e))
}

/// Whether only a folder can have this name.
fn is_folders_name(path: &Path) -> bool {
    path.as_os_str().as_encoded_bytes().last().is_some_and(|last| std::path::is_separator(char::from(*last)))
}

/// The folder a file lies in, as far as its path says.
fn folder_of(path: &Path) -> &Path {
    path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

fn unwritable(path: &Path, error: io::Error) -> Error {
    Error::input(format!("cannot write {}", path.display())).because(without_path(error))
}

/// The error itself. One of a temporary file names that file, which is of no concern to a reader who named another.
fn without_path(error: io::Error) -> io::Error {
    match (error.raw_os_error(), error.get_ref()) {
        (None, Some(_)) => error.kind().into(),
        (Some(_), _) | (None, None) => error,
    }
}

/// Makes a temporary file beside the one that is to be written, so that it can be renamed.
fn temporary_beside(path: &Path, builder: &mut tempfile::Builder<'_, '_>) -> io::Result<tempfile::NamedTempFile> {
    let folder = folder_of(path);
    // Asked first, since its error says what the system says.
    if !std::fs::metadata(folder)?.is_dir() {
        return Err(io::ErrorKind::NotADirectory.into());
    }
    builder.prefix(".merotee-").tempfile_in(folder)
}

fn write_with_mode(path: &Path, bytes: &[u8], mode: Option<u32>) -> Result<()> {
    let special = std::fs::metadata(path).is_ok_and(|m| !m.is_file());
    let write = || -> io::Result<()> {
        if special {
            return std::fs::OpenOptions::new().write(true).open(path)?.write_all(bytes);
        }
        #[cfg(unix)]
        let permissions = {
            use std::os::unix::fs::PermissionsExt as _;
            // The mode of the file that is replaced, or what the process's umask leaves of the usual one.
            let existing = || std::fs::metadata(path).ok().map(|existing| existing.permissions());
            let given = mode.map(std::fs::Permissions::from_mode);
            given.or_else(existing).unwrap_or_else(|| std::fs::Permissions::from_mode(0o666))
        };
        #[cfg(not(unix))]
        let _ = mode;
        let mut builder = tempfile::Builder::new();
        #[cfg(unix)]
        builder.permissions(permissions);
        let mut temporary = temporary_beside(path, &mut builder)?;
        temporary.write_all(bytes)?;
        temporary.flush()?;
        temporary.persist(path).map_err(|e| e.error)?;
        Ok(())
    };
    write().map_err(|e| unwritable(path, e))?;
    tracing::trace!("wrote {} bytes to {}", bytes.len(), path.display());
    Ok(())
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use super::*;

    #[test]
    fn what_is_longer_than_the_limit_is_refused_and_never_cut() {
        assert_eq!(bounded(&b"1234"[..], "x", 4).unwrap(), b"1234");
        let error = bounded(&b"12345"[..], "x", 4).unwrap_err();
        assert_eq!(error.to_string(), "x is larger than 4 bytes");
        assert_eq!(bounded(&b""[..], "x", u64::MAX).unwrap(), b"");
    }

    #[test]
    fn a_dash_alone_is_standard_input() {
        assert_eq!(source_name(Path::new("-")), "standard input");
        assert_eq!(source_name(Path::new("./-")), "./-");
    }
}
