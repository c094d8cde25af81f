//! The journal of a dstack KMS's bootstrap on disk, in its folder: one process has it at a time, and each line is safe on disk
//! before what it announces is done. What its lines mean is [`crate::dstack::progress`]'s business.

use std::path::{Path, PathBuf};

use jiff::Timestamp;

use super::append_file::{AppendFile, Kind, Opened};
use crate::{
    dstack::progress::{Line, MAX_BYTES, MAX_LINE, Progress, Record},
    error::{Error, Result},
};

/// Its name.
pub const NAME: &str = "bootstrap-journal.jsonl";
/// How it is spoken of.
const KIND: Kind = Kind { what: "the journal", one: "a journal", limit: MAX_BYTES };

/// An open journal. Dropping it lets others have it.
#[derive(Debug)]
pub struct BootstrapJournal {
    file: AppendFile,
    progress: Progress,
}

impl BootstrapJournal {
    /// The journal in `folder`, made where there is none.
    ///
    /// # Errors
    /// Input: the folder or the file cannot be used; another process has it; its lines make no sense.
    pub fn open(folder: &Path) -> Result<Self> {
        let path = folder.join(NAME);
        let (mut file, bytes) = match AppendFile::open(&path, KIND)? {
            Opened::Had(file, bytes) => (file, bytes),
            Opened::InUse => {
                return Err(Error::input(format!("{} is in use by another bootstrap", path.display()))
                    .help("wait until it ends"));
            }
        };
        let (progress, whole) = Progress::read(&bytes).map_err(|fault| {
            Error::input(format!("{} is not the journal of a bootstrap", path.display()))
                .because(fault)
                .help("look at that line; name another folder with --out where nothing was bootstrapped yet")
        })?;
        file.keep(whole, whole < bytes.len());
        Ok(Self { file, progress })
    }

    /// Writes what `record` says, and returns when it is safe on disk.
    ///
    /// # Errors
    /// Input: it cannot be written. What it announces must not be done then.
    pub fn append(&mut self, at: Timestamp, record: Record) -> Result<()> {
        let mut bytes = serde_json::to_vec(&Line::new(at, record.clone()))
            .map_err(|e| Error::internal("a line of a journal cannot be written as JSON").because(e))?;
        if bytes.len() > MAX_LINE {
            return Err(Error::input(format!(
                "a line of {} would have more than {MAX_LINE} bytes",
                self.path().display()
            )));
        }
        bytes.push(b'\n');
        self.file.append(&bytes)?;
        self.progress.follow(record);
        Ok(())
    }

    /// How far the bootstrap has come.
    pub fn progress(&self) -> &Progress {
        &self.progress
    }

    /// Where it is.
    pub fn path(&self) -> PathBuf {
        self.file.path().to_owned()
    }
}
