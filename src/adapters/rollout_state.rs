//! The state of a rollout on disk: the file of its lines, the note of its last line (`STATE.head`), its evidence
//! (`STATE.evidence/`), and the lock by which one operator has it at a time (`STATE.lock`). Each line is safe on disk before
//! what it announces is done. What the lines mean is [`crate::rollout`]'s business.

mod durable;
mod lock;

use std::{
    io,
    path::{Path, PathBuf},
};

use jiff::Timestamp;

pub use self::lock::Holder;
use self::lock::Lock;
use super::{
    append_file::{AppendFile, Kind, Opened},
    file,
};
use crate::{
    error::{Error, Result},
    probe::journal::RequestId,
    rollout::{
        chain::{self, Head, MAX_BYTES, Named, Read, START, Unread},
        evidence,
        inputs::Inputs,
        record::{Entry, Order, Proof, Reach, Record},
        state::State,
        words::FileName,
    },
};

/// How it is spoken of.
const KIND: Kind = Kind { what: "the state file", one: "the state of a rollout", limit: MAX_BYTES };
/// Largest note of the last line, in bytes.
const MAX_HEAD: u64 = 1 << 10;
/// Bytes of the file that are kept free for what an order may lead to: a soak, and a rollback.
const RESERVE: u64 = 3 << 20;
/// How often a name of evidence that is taken gets another number.
const MAX_NAMES: u32 = 1_000;

/// A rollout that is worked on. Dropping it lets others have it.
#[derive(Debug)]
pub struct Rollout {
    file: AppendFile,
    head: Head,
    state: State,
    /// Released last.
    _lock: Lock,
}

/// A rollout that is looked at.
#[derive(Debug)]
pub struct Seen {
    /// What it amounts to.
    pub state: State,
    /// What its lines say.
    pub entries: Vec<Entry>,
    /// Its last line.
    pub head: Head,
    /// Who works on it, where somebody does.
    pub holder: Option<Holder>,
}

impl Rollout {
    /// Begins a rollout.
    ///
    /// # Errors
    /// Usage: there is one already. Trust: its file is gone, and what lay beside it is not. Input: it cannot be written, or
    /// another operator has it.
    pub fn begin(path: &Path, at: Timestamp, id: RequestId, begun: (Inputs, Reach), me: &Holder) -> Result<Self> {
        let (inputs, reach) = begun;
        let (lock, _) = Lock::take(path, me)?;
        let (mut file, bytes) = had(path)?;
        if has_begun(path)? {
            let message = format!("{} is the state of a rollout already", path.display());
            return Err(Error::usage(message).help("go on with `merotee rollout resume`, or name another file"));
        }
        // A first line that a crash cut began nothing.
        file.keep(0, !bytes.is_empty());
        let by = me.operator();
        let (boxed, reached) = (Box::new(inputs.clone()), reach.clone());
        let record = Record::Started { id: id.clone(), inputs: boxed, reach: reached, by: by.clone() };
        let (line, head) = chain::line(None, at, &record).map_err(unwritable)?;
        file.append(&line)?;
        durable::replace(&beside(path, "head"), &noted(&head)?)?;
        Ok(Self { file, head, state: State::started(at, id, inputs, reach, by), _lock: lock })
    }

    /// Goes on with a rollout. Its file and all of its evidence are checked; where the process of an earlier operator is gone,
    /// its lock is taken over, and the state says so.
    ///
    /// # Errors
    /// Trust: file or evidence are not as they were written. Input: they cannot be read, or another operator has it.
    pub fn open(path: &Path, at: Timestamp, me: &Holder) -> Result<Self> {
        must_exist(path)?;
        let (lock, taken) = Lock::take(path, me)?;
        let (mut file, bytes) = had(path)?;
        let read = checked(path, &bytes, taken.is_some())?;
        if read.torn.is_some() {
            tracing::warn!("{}: the last line was cut, and is left out", path.display());
        }
        file.keep(read.whole, read.torn.is_some());
        let mut rollout = Self { file, head: read.head, state: read.state, _lock: lock };
        if let Some((from, because)) = taken {
            tracing::warn!("taking over from {from}: {because}");
            rollout.record(at, Record::TakenOver { from, because })?;
        }
        Ok(rollout)
    }

    /// Looks at a rollout that others may be working on.
    ///
    /// # Errors
    /// Trust: file or evidence are not as they were written. Input: they cannot be read.
    pub fn look(path: &Path) -> Result<Seen> {
        must_exist(path)?;
        let bytes = file::read_bounded(path, MAX_BYTES)?;
        let named = Lock::named(path)?;
        let Read { state, entries, head, .. } = checked(path, &bytes, named.is_some())?;
        Ok(Seen { state, entries, head, holder: named.filter(Holder::is_here) })
    }

    /// Writes down what `record` says, and returns when it is safe on disk.
    ///
    /// # Errors
    /// Internal: it has no place in the state. Input: it cannot be written. What it announces must not be done then.
    pub fn record(&mut self, at: Timestamp, record: Record) -> Result<()> {
        let mut state = self.state.clone();
        state.apply(at, &record).map_err(|e| Error::internal("a record has no place in the rollout").because(e))?;
        let (line, head) = chain::line(Some(&self.head), at, &record).map_err(unwritable)?;
        if !has_room(self.file.whole(), line.len() as u64, &record) {
            let message = format!("{} is full: it has {} bytes", self.path().display(), self.file.whole());
            return Err(Error::input(message).help("roll back or abort, and begin anew with another file"));
        }
        self.file.append(&line)?;
        (self.state, self.head) = (state, head);
        durable::replace(&beside(self.file.path(), "head"), &noted(&head)?)
    }

    /// Keeps a file of evidence, which the next record names. Nothing is overwritten: where a crash left one behind, the new
    /// one gets another name.
    ///
    /// # Errors
    /// Input: it cannot be written.
    pub fn keep(&self, name: &str, bytes: &[u8]) -> Result<Proof> {
        let folder = self.folder();
        durable::folder(&folder)?;
        let number = self.head.seq + 2;
        for again in 1..=MAX_NAMES {
            let middle = if again == 1 { String::new() } else { format!("{again}-") };
            let file = format!("{number:04}-{middle}{name}");
            let file = FileName::try_from(file).map_err(|e| Error::internal("evidence without a name").because(e))?;
            if durable::create(&folder.join(file.as_str()), bytes)? {
                let sha256 = crate::digest::Sha256::of(bytes);
                return Ok(Proof { file, sha256, bytes: bytes.len() as u64 });
            }
        }
        Err(Error::input(format!("{} holds too many files of line {number}", folder.display())))
    }

    /// The bytes of evidence, which are those that were written.
    ///
    /// # Errors
    /// Trust: they are others. Input: they cannot be read.
    pub fn evidence(&self, proof: &Proof) -> Result<Vec<u8>> {
        kept(&self.folder(), proof)
    }

    /// What it amounts to.
    pub fn state(&self) -> &State {
        &self.state
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        self.file.path()
    }

    /// The folder of its evidence.
    pub fn folder(&self) -> PathBuf {
        beside(self.path(), "evidence")
    }
}

/// Whether a rollout was begun with this file: it has a whole line.
///
/// # Errors
/// Trust: it has none, and what lies beside it was written later than a first line.
pub fn has_begun(path: &Path) -> Result<bool> {
    let bytes = match path.symlink_metadata() {
        Err(e) if e.kind() == io::ErrorKind::NotFound => Vec::new(),
        Err(e) => return Err(cannot(path, e)),
        Ok(_) => file::read_bounded(path, MAX_BYTES)?,
    };
    if bytes.contains(&b'\n')
        || !(bytes.is_empty() || START.as_bytes().starts_with(&bytes) || bytes.starts_with(START.as_bytes()))
    {
        return Ok(true);
    }
    let kept = std::fs::read_dir(beside(path, "evidence")).is_ok_and(|mut files| files.next().is_some());
    if kept || head(path)?.is_some() {
        let message = format!("{} is empty or gone, and what lies beside it is of a rollout", path.display());
        return Err(Error::trust(message).help("put the file back, or name another one with --state"));
    }
    Ok(false)
}

/// The file, and what is in it.
fn had(path: &Path) -> Result<(AppendFile, Vec<u8>)> {
    match AppendFile::open(path, KIND)? {
        Opened::Had(file, bytes) => Ok((file, bytes)),
        Opened::InUse => Err(Error::input(format!("{} is in use by another program", path.display()))),
    }
}

/// Reads the lines, and checks them and all the evidence that they name.
fn checked(path: &Path, bytes: &[u8], unfinished: bool) -> Result<Read> {
    let distrusted = |why: String| {
        Error::trust(format!("{} is not as it was written: {why}", path.display())).help(
            "find out who changed it; what the rollout made is named in its lines. Then begin anew with another file",
        )
    };
    // Any other text is somebody's file, and not one of ours that was changed.
    if !bytes.is_empty()
        && !bytes.starts_with(START.as_bytes())
        && !START.as_bytes().starts_with(bytes)
        && head(path)?.is_none()
    {
        return Err(Error::usage(format!("{} is not a rollout state file", path.display())));
    }
    let read = match chain::read(bytes) {
        Ok(read) => read,
        Err(Unread::Fault(fault)) => return Err(distrusted(fault.to_string())),
        Err(Unread::Empty) => {
            has_begun(path)?;
            let message = format!("{} is not a rollout state file: it has no whole line", path.display());
            return Err(Error::input(message).help("begin one with `merotee rollout run`"));
        }
    };
    // What is not the beginning of a line of ours was written by something else, and is not cut off.
    if let Some(torn) = read.torn.as_deref().filter(|torn| !torn.starts_with(START) && !START.starts_with(torn)) {
        return Err(distrusted(format!("its end `{torn}` is not a line")));
    }
    let noted = head(path)?;
    chain::agrees(&read, noted.as_ref(), unfinished).map_err(|fault| distrusted(fault.to_string()))?;
    if noted.as_ref() != Some(&read.head) && read.before.is_some() {
        tracing::warn!("{}: line {} was written just before a crash", path.display(), read.head.seq + 1);
    }
    let folder = beside(path, "evidence");
    for Named { line, proof, demand } in &read.evidence {
        let where_ = |why: String| {
            Error::trust(format!("{}, which line {line} of {} names, {why}", proof.file, path.display()))
                .help(format!("look into {}; then begin anew with another file", folder.display()))
        };
        let bytes = match read_evidence(&folder, proof) {
            Ok(bytes) => bytes,
            Err(e) if e.kind() == io::ErrorKind::NotFound => return Err(where_("is missing".to_owned())),
            Err(e) => return Err(cannot(&folder.join(proof.file.as_str()), e)),
        };
        evidence::judge(proof, &bytes, demand.as_ref()).map_err(where_)?;
    }
    Ok(read)
}

fn kept(folder: &Path, proof: &Proof) -> Result<Vec<u8>> {
    let path = folder.join(proof.file.as_str());
    let bytes = read_evidence(folder, proof).map_err(|e| cannot(&path, e))?;
    evidence::judge(proof, &bytes, None).map_err(|why| Error::trust(format!("{} {why}", path.display())))?;
    Ok(bytes)
}

/// Reads no more than one byte over what was written.
fn read_evidence(folder: &Path, proof: &Proof) -> io::Result<Vec<u8>> {
    use std::io::Read as _;
    let path = folder.join(proof.file.as_str());
    if !path.symlink_metadata()?.is_file() {
        return Err(io::Error::other("it is not a regular file"));
    }
    let mut bytes = Vec::new();
    let limit = proof.bytes.min(evidence::MAX_BYTES).saturating_add(1);
    std::fs::File::open(path)?.take(limit).read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// The note of the last line; `None` where there is none.
fn head(path: &Path) -> Result<Option<Head>> {
    let path = beside(path, "head");
    match path.symlink_metadata() {
        Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(e) => return Err(cannot(&path, e)),
        Ok(_) => {}
    }
    let bytes = file::read_bounded(&path, MAX_HEAD)?;
    let head = serde_json::from_slice(&bytes);
    head.map(Some).map_err(|e| Error::trust(format!("{} is not the note of a last line", path.display())).because(e))
}

fn noted(head: &Head) -> Result<Vec<u8>> {
    let mut bytes = serde_json::to_vec(head).map_err(unwritable)?;
    bytes.push(b'\n');
    Ok(bytes)
}

fn must_exist(path: &Path) -> Result<()> {
    match path.symlink_metadata() {
        Err(e) if e.kind() == io::ErrorKind::NotFound => {
            let message = format!("there is no rollout in {}", path.display());
            Err(Error::usage(message).help("name its state file with --state, or begin one with `merotee rollout run`"))
        }
        Err(e) => Err(cannot(path, e)),
        Ok(_) => Ok(()),
    }
}

/// `STATE.what`.
fn beside(path: &Path, what: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".");
    name.push(what);
    PathBuf::from(name)
}

fn cannot(path: &Path, error: io::Error) -> Error {
    Error::input(format!("{} cannot be used", path.display())).because(error)
}

fn unwritable(error: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Error {
    Error::internal("a record of a rollout cannot be written as JSON").because(error)
}

/// Whether a file of `whole` bytes takes another line. An order to go on is taken only while there is room for what it may lead
/// to; what it led to, and an order to go back, always while there is room for the line.
fn has_room(whole: u64, line: u64, record: &Record) -> bool {
    let forward = matches!(record, Record::Order { order: Order::Run | Order::Resume, .. });
    whole + line + if forward { RESERVE } else { 0 } <= MAX_BYTES
}

#[cfg(test)]
mod tests;
