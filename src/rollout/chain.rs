//! The lines of the state file, as a chain: each carries its number and the SHA-256 of the line before, and the first one
//! the inputs and the id of the rollout. A line that was changed, removed or put elsewhere breaks the chain behind it; that
//! the last lines were removed shows in the head, which is kept in a file of its own.
//!
//! What this proves: that the file is the one that was written, line by line, unless all of it, the head and the evidence
//! were written anew by somebody who meant to. There is no key in it. Before production is touched, D6 asks the releases and
//! the pull request once more for this reason.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{
    evidence::Demand,
    path::Look,
    record::{Entry, Proof, Record, Verdict},
    state::State,
    words::digits,
};
use crate::{digest::Sha256, journal, journal::Fault};

/// Version of the lines.
pub const VERSION: u32 = 1;
/// Largest state file read, in bytes: a soak of a day fits in.
pub const MAX_BYTES: u64 = 8 << 20;
/// Longest line, in bytes.
const MAX_LINE: usize = 64 << 10;
/// How every line begins.
pub const START: &str = "{\"v\":";

/// A line.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Line {
    v: u32,
    seq: u64,
    /// Digest of the line before, without its line break; of the first line, zeros.
    #[serde(with = "digits")]
    prev: Sha256,
    at: Timestamp,
    record: Record,
}

/// The last line that was written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Head {
    /// Its number, from 0.
    pub seq: u64,
    /// Its digest, without the line break.
    #[serde(with = "digits")]
    pub sha256: Sha256,
}

/// A state file, read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Read {
    /// What it amounts to.
    pub state: State,
    /// What its lines say, in order; the first begins the rollout.
    pub entries: Vec<Entry>,
    /// The evidence that they name.
    pub evidence: Vec<Named>,
    /// Its last line.
    pub head: Head,
    /// The line before the last; `None` where there is one line.
    pub before: Option<Head>,
    /// How many bytes the whole lines have.
    pub whole: usize,
    /// The beginning of the last line, when it was cut.
    pub torn: Option<String>,
}

/// Evidence that a line names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Named {
    /// The line, from 1.
    pub line: usize,
    /// The file as it was.
    pub proof: Proof,
    /// What it must say; `None` where it does not report a pass.
    pub demand: Option<Demand>,
}

/// Why a state file has no state.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Unread {
    /// There is not one whole line.
    Empty,
    /// It is not to be trusted.
    Fault(Fault),
}

/// Reads a state file.
///
/// # Errors
/// [`Unread`]: a line is not one of this version, breaks the chain, or has no place where it stands.
pub fn read(bytes: &[u8]) -> Result<Read, Unread> {
    let split = journal::lines(bytes, MAX_LINE).map_err(Unread::Fault)?;
    let (first, others) = split.lines.split_first().ok_or(Unread::Empty)?;
    let (state, entry, head) = began(first).map_err(|why| Unread::Fault(Fault { line: 1, why }))?;
    let mut read = Read {
        state,
        entries: vec![entry],
        evidence: Vec::new(),
        head,
        before: None,
        whole: split.whole,
        torn: split.torn,
    };
    for (index, text) in others.iter().enumerate() {
        let number = index + 2;
        read.follow(text, number).map_err(|why| Unread::Fault(Fault { line: number, why }))?;
    }
    Ok(read)
}

/// Whether the head that was noted agrees with what was read. Between a line and its head a process may have crashed, or be at
/// work, where `unfinished` says so: then the head may be one line behind.
///
/// # Errors
/// Lines were removed from the end, or the last one is another.
pub fn agrees(read: &Read, noted: Option<&Head>, unfinished: bool) -> Result<(), Fault> {
    let fault = |line: u64, why: &str| {
        Err(Fault { line: usize::try_from(line).unwrap_or(usize::MAX).saturating_add(1), why: why.to_owned() })
    };
    match noted {
        Some(noted) if *noted == read.head => Ok(()),
        Some(noted) if unfinished && Some(noted) == read.before.as_ref() => Ok(()),
        Some(noted) if Some(noted) == read.before.as_ref() => {
            fault(read.head.seq, "it was added behind the line that was written last")
        }
        None if read.before.is_none() => Ok(()),
        Some(noted) if noted.seq > read.head.seq => fault(noted.seq, "it was written, and is missing now"),
        Some(noted) => fault(noted.seq, "it is not the line that was written last"),
        None => fault(read.head.seq, "the note of the last line that was written is missing"),
    }
}

/// The line that says `record` behind `head`, with its line break, and itself as the head.
///
/// # Errors
/// It cannot be written as JSON, or is longer than a line that is read.
pub fn line(head: Option<&Head>, at: Timestamp, record: &Record) -> Result<(Vec<u8>, Head), String> {
    let (seq, prev) = head.map_or((0, Sha256::from_bytes([0; 32])), |head| (head.seq + 1, head.sha256));
    let line = Line { v: VERSION, seq, prev, at, record: record.clone() };
    let mut bytes = serde_json::to_vec(&line).map_err(|e| e.to_string())?;
    if bytes.len() > MAX_LINE {
        return Err(format!("it has {} bytes, and a line has at most {MAX_LINE}", bytes.len()));
    }
    let sha256 = Sha256::of(&bytes);
    bytes.push(b'\n');
    Ok((bytes, Head { seq, sha256 }))
}

fn began(text: &[u8]) -> Result<(State, Entry, Head), String> {
    let line: Line = journal::line(text, VERSION)?;
    if line.seq != 0 || line.prev != Sha256::from_bytes([0; 32]) {
        return Err("it is not the first line of a rollout".to_owned());
    }
    let Record::Started { id, inputs, reach, by } = &line.record else {
        return Err("it does not begin a rollout".to_owned());
    };
    inputs.judge(1).map_err(|e| e.to_string())?;
    let state = State::started(line.at, id.clone(), (**inputs).clone(), reach.clone(), by.clone());
    let head = Head { seq: 0, sha256: Sha256::of(text) };
    Ok((state, Entry { at: line.at, record: line.record }, head))
}

impl Read {
    fn follow(&mut self, text: &[u8], number: usize) -> Result<(), String> {
        let line: Line = journal::line(text, VERSION)?;
        if line.prev != self.head.sha256 {
            return Err(format!(
                "it does not follow line {}: one of the two was changed, or a line is missing",
                number - 1
            ));
        }
        if line.seq != self.head.seq + 1 {
            return Err(format!("its number is {}, and {} was expected", line.seq, self.head.seq + 1));
        }
        self.evidence.extend(named(&self.state, &line.record, number));
        self.state.apply(line.at, &line.record).map_err(|e| e.to_string())?;
        self.entries.push(Entry { at: line.at, record: line.record });
        self.before = Some(self.head);
        self.head = Head { seq: line.seq, sha256: Sha256::of(text) };
        Ok(())
    }
}

/// The evidence of a record that is about to be applied.
fn named(state: &State, record: &Record, line: usize) -> Vec<Named> {
    let Record::Judged { look, verdict, report, attachments, .. } = record else { return Vec::new() };
    let demand = demanded(state, *look, *verdict);
    let report = report.iter().map(|proof| Named { line, proof: proof.clone(), demand: demand.clone() });
    let attachments = attachments.iter().map(|proof| Named { line, proof: proof.clone(), demand: None });
    report.chain(attachments).collect()
}

/// What the report of a look must say.
fn demanded(state: &State, look: Look, verdict: Verdict) -> Option<Demand> {
    match verdict {
        Verdict::Passed => Some(Demand { command: look.command(), subject: state.subject(look), mark: state.mark() }),
        Verdict::Failed | Verdict::Undecided | Verdict::Waiting => None,
    }
}

#[cfg(test)]
mod tests;
