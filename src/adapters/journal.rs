//! The journal of a probe or a rollout on disk: one file in its folder, only ever appended to, each line safe on disk before
//! what it announces is done. One process has it at a time. What its lines mean is [`crate::probe::journal`]'s business.

use std::{io, path::Path};

use jiff::Timestamp;

use super::append_file::{AppendFile, Kind, Opened};
use crate::{
    error::{Error, Result},
    probe::journal::{self, Line, MAX_BYTES, Owner, Read, Record, Standing},
};

/// How every line begins.
const START: &str = "{\"v\":";

/// How it is spoken of.
const KIND: Kind = Kind { what: "the journal", one: "a journal", limit: MAX_BYTES };

/// An open journal. Dropping it lets others have it.
#[derive(Debug)]
pub struct Journal {
    file: AppendFile,
    lines: Vec<Line>,
}

impl Journal {
    /// The journal in `folder`, made where there is none. A last line that a crash cut is left out.
    ///
    /// # Errors
    /// Input: the folder or the file cannot be used; another process has it; its lines make no sense.
    pub fn open(folder: &Path, owner: Owner) -> Result<Self> {
        let path = folder.join(owner.file());
        match AppendFile::open(&path, KIND)? {
            Opened::Had(file, bytes) => Self::read(file, &bytes, owner),
            Opened::InUse => Err(Error::input(format!("{} is in use by another probe", path.display()))
                .help("wait until it ends, or name another folder with --out")),
        }
    }

    /// The journal in `folder`; `None` where there is none.
    ///
    /// # Errors
    /// As [`Self::open`].
    pub fn existing(folder: &Path, owner: Owner) -> Result<Option<Self>> {
        let path = folder.join(owner.file());
        match path.symlink_metadata() {
            Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(e) => Err(Error::input(format!("the journal {} cannot be used", path.display())).because(e)),
            Ok(_) => Self::open(folder, owner).map(Some),
        }
    }

    fn read(mut file: AppendFile, bytes: &[u8], owner: Owner) -> Result<Self> {
        let path = file.path();
        let Read { lines, whole, torn } = journal::parse(bytes, owner).map_err(|fault| {
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
        file.keep(whole, torn.is_some());
        Ok(Self { file, lines })
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
        self.file.append(&bytes)?;
        self.lines.push(line);
        Ok(())
    }

    /// What may be there.
    ///
    /// # Errors
    /// Internal: what was appended makes no sense.
    pub fn standing(&self) -> Result<Vec<Standing>> {
        journal::standing(&self.lines)
            .map_err(|fault| Error::internal(format!("{} makes no sense", self.path().display())).because(fault))
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        self.file.path()
    }
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
