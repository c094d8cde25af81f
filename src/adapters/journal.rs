//! The journal of a probe or a rollout on disk: one file in its folder, only ever appended to, each line safe on disk before
//! what it announces is done. One process has it at a time. What its lines mean is [`crate::probe::journal`]'s business.

use std::{
    fs::{File, OpenOptions, TryLockError},
    io::{self, Read as _, Seek as _, Write as _},
    path::{Path, PathBuf},
};

use jiff::Timestamp;

use crate::{
    error::{Error, Result},
    probe::journal::{self, Line, MAX_BYTES, Owner, Read, Record, Standing},
};

/// How every line begins.
const START: &str = "{\"v\":";

/// An open journal. Dropping it lets others have it.
#[derive(Debug)]
pub struct Journal {
    path: PathBuf,
    file: File,
    lines: Vec<Line>,
    /// Bytes of whole lines. What a crash or a full disk left behind them is cut off by the next line.
    whole: u64,
    /// Whether something is left behind the whole lines.
    torn: bool,
}

impl Journal {
    /// The journal in `folder`, made where there is none. A last line that a crash cut is left out.
    ///
    /// # Errors
    /// Input: the folder or the file cannot be used; another process has it; its lines make no sense.
    pub fn open(folder: &Path, owner: Owner) -> Result<Self> {
        let path = folder.join(owner.file());
        let there = path.symlink_metadata();
        let is_new = there.is_err();
        // A folder that came from elsewhere must not lead to a file outside of it.
        if there.is_ok_and(|there| there.is_symlink()) {
            return Err(Error::input(format!("{} is a symbolic link, not a journal", path.display())));
        }
        let file = opened(&path).map_err(|e| unusable(&path, e))?;
        let journal = Self::read(path, file, owner)?;
        if is_new {
            synced(folder).map_err(|e| unusable(&journal.path, e))?;
        }
        Ok(journal)
    }

    /// The journal in `folder`; `None` where there is none.
    ///
    /// # Errors
    /// As [`Self::open`].
    pub fn existing(folder: &Path, owner: Owner) -> Result<Option<Self>> {
        let path = folder.join(owner.file());
        match path.symlink_metadata() {
            Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(e) => Err(unusable(&path, e)),
            Ok(_) => Self::open(folder, owner).map(Some),
        }
    }

    fn read(path: PathBuf, mut file: File, owner: Owner) -> Result<Self> {
        let failed = |e: io::Error| unusable(&path, e);
        if !file.metadata().map_err(failed)?.is_file() {
            return Err(Error::input(format!("{} is not a regular file", path.display())));
        }
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                return Err(Error::input(format!("{} is in use by another probe", path.display()))
                    .help("wait until it ends, or name another folder with --out"));
            }
            Err(TryLockError::Error(e)) => return Err(failed(e)),
        }
        let mut bytes = Vec::new();
        (&file).take(MAX_BYTES + 1).read_to_end(&mut bytes).map_err(failed)?;
        if bytes.len() as u64 > MAX_BYTES {
            return Err(Error::input(format!("{} is larger than {MAX_BYTES} bytes", path.display())));
        }
        let Read { lines, whole, torn } = journal::parse(&bytes, owner).map_err(|fault| {
            Error::input(format!("{} is not the journal of a probe that can be used", path.display()))
                .because(fault)
                .help("look at that line; what was made bears the label in its name: `merotee probe cleanup --label`")
        })?;
        if let Some(torn) = &torn {
            // What is not the beginning of a line of ours was written by something else, and is not cut off.
            if !torn.starts_with(START) && !START.starts_with(torn.as_str()) {
                return Err(Error::input(format!("{} is not the journal of a probe", path.display())));
            }
            tracing::warn!(
                "{}: the last line was cut, and is left out ({} bytes)",
                path.display(),
                bytes.len() - whole
            );
        }
        file.seek(io::SeekFrom::End(0)).map_err(failed)?;
        Ok(Self { file, lines, whole: whole as u64, torn: torn.is_some(), path })
    }

    /// Writes what `record` says, and returns when it is safe on disk.
    ///
    /// # Errors
    /// Input: it cannot be written. What it announces must not be done then.
    pub fn append(&mut self, at: Timestamp, record: Record) -> Result<()> {
        let line = Line::new(at, record);
        let mut bytes = serde_json::to_vec(&line)
            .map_err(|e| Error::internal("a record of a journal cannot be written as JSON").because(e))?;
        bytes.push(b'\n');
        self.write(&bytes).map_err(|e| unusable(&self.path, e))?;
        self.lines.push(line);
        Ok(())
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

    /// What may be there.
    ///
    /// # Errors
    /// Internal: what was appended makes no sense.
    pub fn standing(&self) -> Result<Vec<Standing>> {
        journal::standing(&self.lines)
            .map_err(|fault| Error::internal(format!("{} makes no sense", self.path.display())).because(fault))
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
        options.custom_flags(rustix::fs::OFlags::NOFOLLOW.bits().cast_signed());
    }
    options.open(path)
}

/// A new file is there after a crash only when its folder was written too.
#[cfg(unix)]
fn synced(folder: &Path) -> io::Result<()> {
    File::open(folder)?.sync_all()
}

#[cfg(not(unix))]
fn synced(_: &Path) -> io::Result<()> {
    Ok(())
}

fn unusable(path: &Path, error: io::Error) -> Error {
    Error::input(format!("the journal {} cannot be used", path.display())).because(error)
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::probe::journal::{Cloud, Created, Effect, How, Kind, RequestId};

    fn intent(byte: u8) -> Record {
        Record::Intent(Effect {
            cloud: Cloud::Phala,
            kind: Kind::Machine,
            name: "merotee-probe-a".parse().unwrap(),
            label: "a".parse().unwrap(),
            request: RequestId::new([byte; 16]),
            place: BTreeMap::new(),
        })
    }

    #[test]
    fn what_was_appended_is_read_again_by_the_next_and_by_one_process_at_a_time() {
        let folder = tempfile::tempdir().unwrap();
        assert!(Journal::existing(folder.path(), Owner::Probe).unwrap().is_none());
        let mut first = Journal::open(folder.path(), Owner::Probe).unwrap();
        first.append(Timestamp::UNIX_EPOCH, intent(1)).unwrap();
        let refused = Journal::open(folder.path(), Owner::Probe).unwrap_err().to_string();
        assert!(refused.contains("in use by another probe"), "{refused}");
        drop(first);
        let mut second = Journal::existing(folder.path(), Owner::Probe).unwrap().unwrap();
        assert_eq!(second.standing().unwrap().len(), 1);
        let created = Created::with([("app_id", "ab".parse().unwrap())]);
        let request = RequestId::new([1; 16]);
        second.append(Timestamp::UNIX_EPOCH, Record::Result { request: request.clone(), created }).unwrap();
        second.append(Timestamp::UNIX_EPOCH, Record::Gone { request, how: How::Deleted }).unwrap();
        drop(second);
        assert!(Journal::open(folder.path(), Owner::Probe).unwrap().standing().unwrap().is_empty());
    }

    #[test]
    fn a_journal_that_is_a_link_or_something_else_is_refused_and_left_as_it_is() {
        let folder = tempfile::tempdir().unwrap();
        let (path, other) = (folder.path().join(Owner::Probe.file()), folder.path().join("token"));
        std::fs::write(&other, "a secret without a line's end").unwrap();
        #[cfg(unix)]
        {
            std::os::unix::fs::symlink(&other, &path).unwrap();
            let refused = Journal::open(folder.path(), Owner::Probe).unwrap_err().to_string();
            assert!(refused.contains("symbolic link"), "{refused}");
            assert!(Journal::existing(folder.path(), Owner::Probe).is_err());
            std::fs::remove_file(&path).unwrap();
        }
        std::fs::rename(&other, &path).unwrap();
        let refused = crate::error::chain(&Journal::open(folder.path(), Owner::Probe).unwrap_err());
        assert!(refused.contains("not the journal of a probe") && !refused.contains("secret"), "{refused}");
        assert_eq!(std::fs::read(&path).unwrap(), b"a secret without a line's end");
    }

    #[test]
    fn a_line_that_a_full_disk_cut_is_cut_off_before_the_next() {
        let folder = tempfile::tempdir().unwrap();
        let mut journal = Journal::open(folder.path(), Owner::Probe).unwrap();
        journal.append(Timestamp::UNIX_EPOCH, intent(1)).unwrap();
        // As a write leaves it that ends half way.
        (&journal.file).write_all(b"{\"v\":1,\"at\":").unwrap();
        journal.torn = true;
        journal.append(Timestamp::UNIX_EPOCH, intent(2)).unwrap();
        drop(journal);
        assert_eq!(Journal::open(folder.path(), Owner::Probe).unwrap().standing().unwrap().len(), 2);
    }

    #[test]
    fn a_cut_line_is_removed_so_that_the_next_line_is_whole_and_nonsense_is_refused_by_line() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(Owner::Probe.file());
        Journal::open(folder.path(), Owner::Probe).unwrap().append(Timestamp::UNIX_EPOCH, intent(1)).unwrap();
        let whole = std::fs::read(&path).unwrap();
        std::fs::write(&path, [&whole[..], b"{\"v\":1,\"at"].concat()).unwrap();
        let mut journal = Journal::open(folder.path(), Owner::Probe).unwrap();
        assert_eq!(std::fs::read(&path).unwrap().len(), whole.len() + 10, "nothing is cut off by reading");
        journal.append(Timestamp::UNIX_EPOCH, intent(2)).unwrap();
        drop(journal);
        assert_eq!(Journal::open(folder.path(), Owner::Probe).unwrap().standing().unwrap().len(), 2);
        std::fs::write(&path, [&whole[..], b"nonsense\n"].concat()).unwrap();
        let refused = crate::error::chain(&Journal::open(folder.path(), Owner::Probe).unwrap_err());
        assert!(refused.contains("line 2"), "{refused}");
    }
}
