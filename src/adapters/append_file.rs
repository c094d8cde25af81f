//! A file of lines that is only ever appended to, each line safe on disk before what it announces is done, and that one
//! process has at a time. What its lines mean is not known here.

use std::{
    fs::{File, OpenOptions, TryLockError},
    io::{self, Read as _, Seek as _, Write as _},
    path::{Path, PathBuf},
};

use crate::error::{Error, Result};

/// How such a file is spoken of, and how large it gets.
#[derive(Debug, Clone, Copy)]
pub struct Kind {
    /// What it is: `the journal`.
    pub what: &'static str,
    /// What it is not, where it is something else: `a journal`.
    pub one: &'static str,
    /// Largest that is read, in bytes.
    pub limit: u64,
}

/// An open file. Dropping it lets others have it.
#[derive(Debug)]
pub struct AppendFile {
    path: PathBuf,
    file: File,
    kind: Kind,
    /// Bytes of whole lines. What a crash or a full disk left behind them is cut off by the next line.
    whole: u64,
    /// Whether something is left behind the whole lines.
    torn: bool,
}

/// Whether a file could be had.
#[derive(Debug)]
pub enum Opened {
    /// It is had, with what is in it; [`AppendFile::keep`] says how much of that is whole.
    Had(AppendFile, Vec<u8>),
    /// Another process has it.
    InUse,
}

impl AppendFile {
    /// Opens the file, made where there is none; never through a link.
    ///
    /// # Errors
    /// Input: it is a link, not a regular file or too large, or cannot be used.
    pub fn open(path: &Path, kind: Kind) -> Result<Opened> {
        let failed = |e: io::Error| unusable(path, kind, e);
        let there = path.symlink_metadata();
        let is_new = there.is_err();
        // A folder that came from elsewhere must not lead to a file outside of it.
        if there.is_ok_and(|there| there.is_symlink()) {
            return Err(Error::input(format!("{} is a symbolic link, not {}", path.display(), kind.one)));
        }
        let mut file = opened(path).map_err(failed)?;
        if !file.metadata().map_err(failed)?.is_file() {
            return Err(Error::input(format!("{} is not a regular file", path.display())));
        }
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Ok(Opened::InUse),
            Err(TryLockError::Error(e)) => return Err(failed(e)),
        }
        let mut bytes = Vec::new();
        (&file).take(kind.limit + 1).read_to_end(&mut bytes).map_err(failed)?;
        if bytes.len() as u64 > kind.limit {
            return Err(Error::input(format!("{} is larger than {} bytes", path.display(), kind.limit)));
        }
        file.seek(io::SeekFrom::End(0)).map_err(failed)?;
        if is_new {
            synced(path).map_err(failed)?;
        }
        let whole = bytes.len() as u64;
        Ok(Opened::Had(Self { path: path.to_owned(), file, kind, whole, torn: false }, bytes))
    }

    /// Says that only the first `whole` bytes are lines, and the rest was cut by a crash.
    pub fn keep(&mut self, whole: usize, torn: bool) {
        (self.whole, self.torn) = (whole as u64, torn);
    }

    /// Writes `line`, which ends with a line break, and returns when it is safe on disk.
    ///
    /// # Errors
    /// Input: it cannot be written. What it announces must not be done then.
    pub fn append(&mut self, line: &[u8]) -> Result<()> {
        self.write(line).map_err(|e| unusable(&self.path, self.kind, e))
    }

    /// A line that a full disk cuts is cut off before the next one: two joined ones would be none.
    fn write(&mut self, line: &[u8]) -> io::Result<()> {
        if self.torn {
            self.file.set_len(self.whole)?;
        }
        self.torn = true;
        self.file.write_all(line)?;
        self.file.sync_all()?;
        (self.torn, self.whole) = (false, self.whole + line.len() as u64);
        Ok(())
    }

    /// Bytes of whole lines.
    pub fn whole(&self) -> u64 {
        self.whole
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }
}

/// For reading and appending, made where there is none; never through a link.
fn opened(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.read(true).append(true).create(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::OpenOptionsExt as _;
        // What is recorded names machines and people.
        options.mode(0o600);
        options.custom_flags(rustix::fs::OFlags::NOFOLLOW.bits().cast_signed());
    }
    options.open(path)
}

/// A new file is there after a crash only when its folder was written too.
#[cfg(unix)]
pub(super) fn synced(path: &Path) -> io::Result<()> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    File::open(folder)?.sync_all()
}

#[cfg(not(unix))]
pub(super) fn synced(_: &Path) -> io::Result<()> {
    Ok(())
}

fn unusable(path: &Path, kind: Kind, error: io::Error) -> Error {
    Error::input(format!("{} {} cannot be used", kind.what, path.display())).because(error)
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]
mod tests {
    use super::*;

    #[test]
    fn a_line_that_a_full_disk_cut_is_cut_off_before_the_next() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("lines");
        let kind = Kind { what: "the journal", one: "a journal", limit: 100 };
        let Opened::Had(mut file, _) = AppendFile::open(&path, kind).unwrap() else { panic!("it is in use") };
        file.append(b"one\n").unwrap();
        // As a write leaves it that ends half way.
        (&file.file).write_all(b"tw").unwrap();
        file.torn = true;
        file.append(b"three\n").unwrap();
        assert_eq!(std::fs::read(&path).unwrap(), b"one\nthree\n");
        assert!(matches!(AppendFile::open(&path, kind).unwrap(), Opened::InUse));
    }
}
