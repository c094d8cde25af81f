//! What a probe made, as records of a journal: what it is about to make, before it asks for it, what came of that, and
//! when it is gone. A run that dies leaves the journal behind, and what stands in it as made can be found and removed.
//!
//! The rules:
//! 1. An intent is on disk before the request that it speaks of is sent; so what is not in the journal was never made.
//! 2. What has an intent and is not said to be gone may be there, whether a result is known or not.
//! 3. A journal is read as hostile: a line that makes no sense ends the reading, but for the last, which a crash may have cut.

use std::{collections::BTreeMap, fmt, str::FromStr};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::label::{Label, PREFIX};
pub use crate::journal::Fault;
use crate::{journal, text::excerpt};

/// Name of the journal in the folder of a probe.
pub const FILE: &str = "probe-journal.jsonl";
/// Version of the journal's lines.
pub const VERSION: u32 = 1;
/// Largest journal read, in bytes: a probe writes a dozen lines.
pub const MAX_BYTES: u64 = 1 << 20;
/// Longest line, in bytes.
const MAX_LINE: usize = 16 << 10;
/// Most ids of one thing, and words that say where it is.
const MAX_IDS: usize = 16;

/// A line of a journal.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Line {
    /// [`VERSION`].
    pub v: u32,
    /// When it was written.
    pub at: Timestamp,
    /// What it says.
    pub record: Record,
}

/// What a line says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub enum Record {
    /// This is about to be asked for.
    Intent(Effect),
    /// It was made.
    Result {
        /// Which intent.
        request: RequestId,
        /// What it is called by.
        created: Created,
    },
    /// It is not there.
    Gone {
        /// Which intent.
        request: RequestId,
        /// Why not.
        how: How,
    },
}

/// Something that is made outside.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Effect {
    /// Where.
    pub cloud: Cloud,
    /// What.
    pub kind: Kind,
    /// Its name there.
    pub name: Word,
    /// The probe it belongs to.
    pub label: Label,
    /// Stands for this request and no other.
    pub request: RequestId,
    /// Where in the cloud: project, zone.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub place: BTreeMap<Word, Word>,
}

/// What something that was made is called by: `app_id`, `vm_uuid`, `id`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Created {
    /// Each id by its name.
    pub ids: BTreeMap<Word, Word>,
}

/// Where things are made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Cloud {
    /// Phala Cloud.
    Phala,
    /// Google Compute Engine.
    Gcp,
}

/// What is made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// An application that is registered, and costs nothing.
    Application,
    /// A machine.
    Machine,
    /// A rule of a firewall.
    FirewallRule,
}

/// Why something is not there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum How {
    /// It was deleted, and then asked for in vain.
    Deleted,
    /// It was never made: the service refused, or knows nothing of it.
    NeverMade,
}

/// A word that is safe in a path, a message and a log: letters, digits and `._:/@-`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Word(String);

/// The text is not such a word.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a word of a journal: expected 1 to {} letters, digits and `._:/@-`", Word::MAX)]
pub struct InvalidWord;

/// A request, by a random UUID.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct RequestId(String);

/// The text is not a UUID.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a request id: expected a UUID in lower case")]
pub struct InvalidRequestId;

/// A journal, read.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Read {
    /// Its lines.
    pub lines: Vec<Line>,
    /// How many bytes they have: what follows was cut by a crash.
    pub whole: usize,
    /// The beginning of the last line, when it was cut.
    pub torn: Option<String>,
}

/// Something that may be there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Standing {
    /// What was asked for.
    pub effect: Effect,
    /// When.
    pub since: Timestamp,
    /// What it is called by, where that is known.
    pub created: Option<Created>,
}

impl Line {
    /// What `record` says, now.
    pub fn new(at: Timestamp, record: Record) -> Self {
        Self { v: VERSION, at, record }
    }
}

impl Created {
    /// One that is called by these ids.
    pub fn with(ids: impl IntoIterator<Item = (&'static str, Word)>) -> Self {
        Self { ids: ids.into_iter().map(|(name, id)| (Word(name.to_owned()), id)).collect() }
    }

    /// An id.
    pub fn id(&self, name: &str) -> Option<&str> {
        self.ids.iter().find(|(key, _)| key.as_str() == name).map(|(_, id)| id.as_str())
    }
}

impl Cloud {
    /// Its name for people.
    pub fn name(self) -> &'static str {
        match self {
            Self::Phala => "Phala Cloud",
            Self::Gcp => "Compute Engine",
        }
    }
}

impl Kind {
    /// Its name for people.
    pub fn name(self) -> &'static str {
        match self {
            Self::Application => "application",
            Self::Machine => "machine",
            Self::FirewallRule => "firewall rule",
        }
    }
}

impl Word {
    /// Most characters.
    pub const MAX: usize = 256;

    /// The word.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl RequestId {
    /// A version 4 UUID of these random bytes.
    pub fn new(mut random: [u8; 16]) -> Self {
        let [.., version, _, variant, _, _, _, _, _, _, _] = &mut random;
        *version = *version & 0x0f | 0x40;
        *variant = *variant & 0x3f | 0x80;
        let digits = hex::encode(random);
        let mut text = String::with_capacity(36);
        for (index, digit) in digits.chars().enumerate() {
            if matches!(index, 8 | 12 | 16 | 20) {
                text.push('-');
            }
            text.push(digit);
        }
        Self(text)
    }

    /// The UUID.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Reads a journal.
///
/// # Errors
/// A line, which is not the last or ends with a line break, is not one of this version; or it speaks of a request that no
/// intent announced.
pub fn parse(bytes: &[u8]) -> Result<Read, Fault> {
    let split = journal::lines(bytes, MAX_LINE)?;
    let mut read = Read { lines: Vec::new(), whole: split.whole, torn: split.torn };
    for (index, text) in split.lines.into_iter().enumerate() {
        read.lines.push(one(text).map_err(|why| Fault { line: index + 1, why })?);
    }
    standing(&read.lines)?;
    Ok(read)
}

fn one(text: &[u8]) -> Result<Line, String> {
    let line: Line = journal::line(text, VERSION)?;
    let too_many = |map: &BTreeMap<Word, Word>| map.len() > MAX_IDS;
    match &line.record {
        Record::Intent(effect) if !effect.name.as_str().starts_with(PREFIX) => {
            Err(format!("`{}` is not the name of something that a probe makes", excerpt(effect.name.as_str())))
        }
        Record::Intent(effect) if too_many(&effect.place) => Err(format!("it says where in more than {MAX_IDS} words")),
        Record::Result { created, .. } if too_many(&created.ids) => Err(format!("it has more than {MAX_IDS} ids")),
        Record::Intent(_) | Record::Result { .. } | Record::Gone { .. } => Ok(line),
    }
}

/// What may be there by these lines, in the order it was asked for.
///
/// # Errors
/// A line speaks of a request that none before it announced, or announces one a second time.
pub fn standing(lines: &[Line]) -> Result<Vec<Standing>, Fault> {
    let mut found: Vec<(Standing, bool)> = Vec::new();
    for (index, line) in lines.iter().enumerate() {
        let fault = |why: &str| Fault { line: index + 1, why: why.to_owned() };
        let of = |found: &[(Standing, bool)], request: &RequestId| {
            found.iter().position(|(standing, _)| standing.effect.request == *request)
        };
        match &line.record {
            Record::Intent(effect) => {
                if of(&found, &effect.request).is_some() {
                    return Err(fault("it announces a request that was announced before"));
                }
                found.push((Standing { effect: effect.clone(), since: line.at, created: None }, true));
            }
            Record::Result { request, .. } | Record::Gone { request, .. } => {
                let at = of(&found, request).ok_or_else(|| fault("it speaks of a request that none announced"))?;
                let Some((standing, is_there)) = found.get_mut(at) else { continue };
                match &line.record {
                    // What was learnt later adds to what was known.
                    Record::Result { created, .. } => {
                        standing.created.get_or_insert_default().ids.extend(created.ids.clone());
                    }
                    Record::Gone { .. } | Record::Intent(_) => *is_there = false,
                }
            }
        }
    }
    Ok(found.into_iter().filter(|(_, is_there)| *is_there).map(|(standing, _)| standing).collect())
}

impl FromStr for Word {
    type Err = InvalidWord;

    fn from_str(text: &str) -> Result<Self, InvalidWord> {
        let is_safe = |byte: u8| byte.is_ascii_alphanumeric() || b"._:/@-".contains(&byte);
        let fits = !text.is_empty() && text.len() <= Self::MAX && text.bytes().all(is_safe);
        if fits { Ok(Self(text.to_owned())) } else { Err(InvalidWord) }
    }
}

impl TryFrom<String> for Word {
    type Error = InvalidWord;

    fn try_from(text: String) -> Result<Self, InvalidWord> {
        text.parse()
    }
}

impl From<Word> for String {
    fn from(word: Word) -> Self {
        word.0
    }
}

impl fmt::Display for Word {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl TryFrom<String> for RequestId {
    type Error = InvalidRequestId;

    fn try_from(text: String) -> Result<Self, InvalidRequestId> {
        let is_right = |(index, byte): (usize, u8)| match index {
            8 | 13 | 18 | 23 => byte == b'-',
            _ => byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte),
        };
        if text.len() == 36 && text.bytes().enumerate().all(is_right) { Ok(Self(text)) } else { Err(InvalidRequestId) }
    }
}

impl From<RequestId> for String {
    fn from(id: RequestId) -> Self {
        id.0
    }
}

impl fmt::Display for RequestId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests;
