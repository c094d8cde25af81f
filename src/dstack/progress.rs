//! How far a bootstrap has come, as the lines of its journal say: what was asked of the KMS, and what came of it. A line is
//! written before what it announces is done.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::{
    digest::Sha256,
    journal::{self, Fault},
};

/// The version of the lines.
const VERSION: u32 = 1;
/// Longest line, in bytes.
pub const MAX_LINE: usize = 16 << 10;
/// Largest journal, in bytes.
pub const MAX_BYTES: u64 = 1 << 20;

/// A line.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Line {
    v: u32,
    /// When it was written.
    pub at: Timestamp,
    /// What it says.
    pub record: Record,
}

/// What a line says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Record {
    /// The KMS is about to be asked for its keys.
    Asked {
        /// Where it is.
        kms: String,
        /// The name that it is to be certified under.
        domain: String,
        /// What it said of itself before, as it came.
        announced: String,
    },
    /// It refused, and has no keys of this request.
    Refused,
    /// Its answer is on disk.
    Answered {
        /// SHA-256 of the file.
        sha256: String,
    },
    /// The answer was verified.
    Verified,
    /// The answer failed verification before it was ever trusted: nothing more is asked of this KMS.
    Rejected,
    /// The KMS is about to be told to serve.
    Finishing,
    /// It serves, with the keys that were verified.
    Serves,
}

/// How far a bootstrap has come.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Progress {
    /// The request that was made last: where, under which name, and what the KMS had said of itself.
    pub asked: Option<Asked>,
    /// SHA-256 of the answer on disk, hex.
    pub answered: Option<String>,
    /// Whether the answer was verified.
    pub verified: bool,
    /// Whether the answer failed before it was ever verified.
    pub rejected: bool,
    /// Whether the KMS may have been told to serve.
    pub finishing: bool,
    /// Whether it served with the right keys.
    pub serves: bool,
}

/// A request that was made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Asked {
    /// Where the KMS is.
    pub kms: String,
    /// The name that it is certified under.
    pub domain: String,
    /// What it said of itself before.
    pub announced: String,
}

impl Line {
    /// A line of this moment.
    pub fn new(at: Timestamp, record: Record) -> Self {
        Self { v: VERSION, at, record }
    }
}

impl Progress {
    /// What a journal amounts to, and how many of its bytes are whole lines.
    ///
    /// # Errors
    /// A line makes no sense.
    pub fn read(bytes: &[u8]) -> Result<(Self, usize), Fault> {
        let read = journal::lines(bytes, MAX_LINE)?;
        let mut progress = Self::default();
        for (index, text) in read.lines.iter().enumerate() {
            let line: Line = journal::line(text, VERSION).map_err(|why| Fault { line: index + 1, why })?;
            progress.follow(line.record);
        }
        Ok((progress, read.whole))
    }

    /// Takes one more step.
    pub fn follow(&mut self, record: Record) {
        match record {
            Record::Asked { kms, domain, announced } => {
                *self = Self { asked: Some(Asked { kms, domain, announced }), ..Self::default() };
            }
            Record::Refused => *self = Self::default(),
            Record::Answered { sha256 } => self.answered = Some(sha256),
            Record::Verified => self.verified = true,
            Record::Rejected => self.rejected = true,
            Record::Finishing => self.finishing = true,
            Record::Serves => self.serves = true,
        }
    }

    /// Whether the KMS was asked for keys and its answer is not known: it may have made some.
    pub fn is_lost(&self) -> bool {
        self.asked.is_some() && self.answered.is_none()
    }

    /// Whether the file on disk is another than the one that was saved.
    pub fn is_another(&self, file: &Sha256) -> bool {
        self.answered.as_ref().is_some_and(|saved| *saved != file.to_string())
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use super::*;

    fn asked() -> Record {
        Record::Asked {
            kms: "http://127.0.0.1:9100".to_owned(),
            domain: "kms.example.com".to_owned(),
            announced: "{}".to_owned(),
        }
    }

    fn written(records: &[Record]) -> Vec<u8> {
        let line = |record: &Record| serde_json::to_string(&Line::new(Timestamp::UNIX_EPOCH, record.clone())).unwrap();
        records.iter().map(|record| line(record) + "\n").collect::<String>().into_bytes()
    }

    #[test]
    fn a_request_without_an_answer_is_lost_until_it_was_refused_or_answered() {
        let of = |records: &[Record]| Progress::read(&written(records)).unwrap().0;
        assert!(!of(&[]).is_lost() && of(&[asked()]).is_lost());
        assert!(!of(&[asked(), Record::Refused]).is_lost());
        let answered = Record::Answered { sha256: "ab".to_owned() };
        assert!(!of(&[asked(), answered.clone()]).is_lost());
        let all = of(&[asked(), answered, Record::Verified, Record::Finishing, Record::Serves]);
        assert!(all.verified && all.finishing && all.serves && all.is_another(&Sha256::of(b"")));
        // What was known of an earlier request is of no use to the next.
        assert!(!of(&[asked(), Record::Verified, asked()]).verified);
    }

    #[test]
    fn a_line_that_a_crash_cut_is_left_out_and_nonsense_is_named_by_its_line() {
        let whole = written(&[asked()]);
        let (progress, length) = Progress::read(&[&whole[..], b"{\"v\":1"].concat()).unwrap();
        assert!(progress.is_lost() && length == whole.len());
        let fault = Progress::read(&[&whole[..], b"nonsense\n"].concat()).unwrap_err();
        assert_eq!(fault.line, 2);
        assert!(Progress::read(b"{\"v\":2,\"at\":\"1970-01-01T00:00:00Z\",\"record\":\"refused\"}\n").is_err());
    }
}
