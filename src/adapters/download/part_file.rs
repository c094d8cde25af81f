//! A file that appears under its name only when it is whole, or the hash of one that is not kept. It hashes what it
//! writes, off the async threads, and knows nothing of where the bytes come from.

use std::{
    fs::File,
    io::{self, Seek, Write},
    mem,
    path::{Path, PathBuf},
};

use tempfile::TempPath;
use tokio::task::JoinHandle;

use super::Downloaded;
use crate::{
    digest::Sha256Hasher,
    error::{Error, Result},
};

/// Bytes gathered before a write. Two such buffers exist, one filling while the other is hashed and written, so memory
/// stays constant whatever the size of the file.
const BUFFER: usize = 512 << 10;

/// The file in the making. Dropped unfinished, it leaves nothing behind.
#[derive(Debug)]
pub(super) struct PartFile {
    /// Where it is written to and what it will be called; `None` where its hash is all that is wanted.
    place: Option<Place>,
    /// What is written, for errors.
    subject: String,
    buffer: Vec<u8>,
    writer: Writer,
    size: u64,
}

#[derive(Debug)]
struct Place {
    temporary: TempPath,
    destination: PathBuf,
}

#[derive(Debug)]
enum Writer {
    Idle(Sink),
    Busy(JoinHandle<io::Result<Sink>>),
    /// A write failed, or its outcome was never awaited.
    Lost,
}

struct Sink {
    file: Option<File>,
    hasher: Sha256Hasher,
    /// An empty buffer, to be filled next.
    spare: Vec<u8>,
}

impl std::fmt::Debug for Sink {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Sink").field("file", &self.file).finish_non_exhaustive()
    }
}

impl PartFile {
    /// Makes an empty temporary file beside `destination`.
    ///
    /// # Errors
    /// Input: the directory is missing or can't be written to.
    pub(super) fn create(destination: &Path, subject: &str) -> Result<Self> {
        let directory = match destination.parent() {
            Some(parent) if !parent.as_os_str().is_empty() => parent,
            Some(_) | None => Path::new("."),
        };
        let mut builder = tempfile::Builder::new();
        builder.prefix(".merotee-").suffix(".part");
        #[cfg(unix)]
        {
            // Like any file a program makes, and as the umask allows: a temporary file's 0600 would stay with it.
            use std::os::unix::fs::PermissionsExt;
            builder.permissions(std::fs::Permissions::from_mode(0o666));
        }
        let made = builder.tempfile_in(directory).map_err(|e| cannot_write(subject, destination, e))?;
        let (file, temporary) = made.into_parts();
        Ok(Self::over(Some(file), Some(Place { temporary, destination: destination.to_owned() }), subject))
    }

    /// What is only hashed.
    pub(super) fn hashed(subject: &str) -> Self {
        Self::over(None, None, subject)
    }

    fn over(file: Option<File>, place: Option<Place>, subject: &str) -> Self {
        Self {
            place,
            subject: subject.to_owned(),
            buffer: Vec::new(),
            writer: Writer::Idle(Sink { file, hasher: Sha256Hasher::new(), spare: Vec::new() }),
            size: 0,
        }
    }

    /// Bytes taken so far.
    pub(super) fn size(&self) -> u64 {
        self.size
    }

    /// Adds bytes.
    ///
    /// # Errors
    /// Input: the file can't be written, such as on a full disk. It may be an earlier piece's error.
    pub(super) async fn write(&mut self, mut bytes: &[u8]) -> Result<()> {
        while !bytes.is_empty() {
            let room = BUFFER.saturating_sub(self.buffer.len()).min(bytes.len());
            let (now, later) = bytes.split_at(room);
            self.buffer.extend_from_slice(now);
            self.size += room as u64;
            bytes = later;
            if self.buffer.len() >= BUFFER {
                self.hand_over().await?;
            }
        }
        Ok(())
    }

    /// Forgets everything written.
    ///
    /// # Errors
    /// Input: as for writing.
    pub(super) async fn restart(&mut self) -> Result<()> {
        let mut sink = self.settle().await?;
        if let Some(file) = &mut sink.file {
            file.set_len(0).and_then(|()| file.rewind()).map_err(|e| self.cannot_write(e))?;
        }
        sink.hasher = Sha256Hasher::new();
        self.writer = Writer::Idle(sink);
        self.buffer.clear();
        self.size = 0;
        Ok(())
    }

    /// Gives the file its name, replacing one that is there.
    ///
    /// # Errors
    /// Input: the last bytes can't be written, or the name can't be given.
    pub(super) async fn finish(mut self) -> Result<Downloaded> {
        self.hand_over().await?;
        let sink = self.settle().await?;
        let Self { place, subject, size, .. } = self;
        match place {
            Some(Place { temporary, destination }) => {
                temporary.persist(&destination).map_err(|e| cannot_write(&subject, &destination, e.error))?;
                tracing::trace!("{subject}: {size} bytes to {}", destination.display());
            }
            None => tracing::trace!("{subject}: {size} bytes hashed"),
        }
        Ok(Downloaded { sha256: sink.hasher.finish(), size })
    }

    async fn hand_over(&mut self) -> Result<()> {
        let mut sink = self.settle().await?;
        let full = mem::replace(&mut self.buffer, mem::take(&mut sink.spare));
        self.writer = Writer::Busy(tokio::task::spawn_blocking(move || sink.absorb(full)));
        Ok(())
    }

    /// Waits for the write under way.
    async fn settle(&mut self) -> Result<Sink> {
        match mem::replace(&mut self.writer, Writer::Lost) {
            Writer::Idle(sink) => Ok(sink),
            Writer::Busy(write) => match write.await {
                Ok(outcome) => outcome.map_err(|e| self.cannot_write(e)),
                Err(e) => Err(Error::internal(format!("the writer of {} stopped", self.subject)).because(e)),
            },
            Writer::Lost => Err(Error::internal(format!("{} is written to after a failure", self.subject))),
        }
    }

    fn cannot_write(&self, error: io::Error) -> Error {
        let nowhere = Path::new("nowhere");
        let destination = self.place.as_ref().map_or(nowhere, |place| &place.destination);
        cannot_write(&self.subject, destination, error)
    }
}

impl Sink {
    fn absorb(mut self, mut full: Vec<u8>) -> io::Result<Self> {
        self.hasher.update(&full);
        if let Some(file) = &mut self.file {
            file.write_all(&full)?;
        }
        full.clear();
        self.spare = full;
        Ok(self)
    }
}

fn cannot_write(subject: &str, destination: &Path, error: io::Error) -> Error {
    Error::input(format!("cannot write {subject} to {}: {error}", destination.display()))
        .help("check that the directory exists, may be written to, and has room")
        .because(error)
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use super::*;
    use crate::{digest::Sha256, error::Class};

    fn entries(directory: &Path) -> usize {
        std::fs::read_dir(directory).unwrap().count()
    }

    #[tokio::test]
    async fn many_small_and_large_pieces_are_written_and_hashed_in_order() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("a");
        let mut part = PartFile::create(&path, "asset `a`").unwrap();
        part.write(b"forgotten").await.unwrap();
        part.restart().await.unwrap();
        let bytes: Vec<u8> = (0..3_000_000_u32).map(|i| (i % 251) as u8).collect();
        let mut rest = bytes.as_slice();
        for size in [1, 7, BUFFER - 8, 1, 2 * BUFFER + 3].into_iter().cycle() {
            let (now, later) = rest.split_at(size.min(rest.len()));
            part.write(now).await.unwrap();
            rest = later;
            if rest.is_empty() {
                break;
            }
        }
        assert!(!path.exists());
        let done = part.finish().await.unwrap();
        assert_eq!(done, Downloaded { sha256: Sha256::of(&bytes), size: 3_000_000 });
        assert_eq!(std::fs::read(&path).unwrap(), bytes);
        assert_eq!(entries(directory.path()), 1);
    }

    #[tokio::test]
    async fn what_is_only_hashed_has_the_same_digest_and_is_nowhere() {
        let mut part = PartFile::hashed("asset `a`");
        part.write(b"forgotten").await.unwrap();
        part.restart().await.unwrap();
        let bytes = vec![7; 3 * BUFFER + 1];
        part.write(&bytes).await.unwrap();
        let done = part.finish().await.unwrap();
        assert_eq!(done, Downloaded { sha256: Sha256::of(&bytes), size: bytes.len() as u64 });
    }

    #[tokio::test]
    async fn an_unfinished_file_leaves_nothing_behind_even_in_the_middle_of_a_write() {
        let directory = tempfile::tempdir().unwrap();
        let mut part = PartFile::create(&directory.path().join("a"), "asset `a`").unwrap();
        part.write(&vec![7; BUFFER]).await.unwrap();
        assert!(matches!(part.writer, Writer::Busy(_)));
        drop(part);
        assert_eq!(entries(directory.path()), 0);
    }

    #[cfg(target_os = "linux")]
    #[tokio::test]
    async fn a_full_disk_is_an_input_error_that_names_asset_and_path() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("a");
        let full = File::options().write(true).open("/dev/full").unwrap();
        let temporary = tempfile::NamedTempFile::new_in(directory.path()).unwrap().into_temp_path();
        let place = Place { temporary, destination: path.clone() };
        let mut part = PartFile::over(Some(full), Some(place), "asset `a`");
        part.write(&[7; 100]).await.unwrap();
        let error = part.finish().await.unwrap_err();
        assert_eq!(error.class(), Class::Input);
        let text = error.to_string();
        assert!(text.contains("asset `a`") && text.contains(path.to_str().unwrap()), "{text}");
        assert!(text.contains("No space left on device"), "{text}");
        assert_eq!(entries(directory.path()), 0);
    }
}
