//! What a probe or a rollout made, as records of a journal: what it is about to make, before it asks for it, what came of that, and
//! when it is gone. A run that dies leaves the journal behind, and what stands in it as made can be found and removed.
//!
//! The rules:
//! 1. An intent is on disk before the request that it speaks of is sent; so what is not in the journal was never made.
//! 2. What has an intent and is not said to be gone may be there, whether a result is known or not.
//! 3. A journal is read as hostile: a line that makes no sense ends the reading, but for the last, which a crash may have cut.

mod word;

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

pub use self::word::{InvalidRequestId, InvalidWord, RequestId, Word};
use super::label::{Label, PREFIX};
pub use crate::journal::Fault;
use crate::{journal, subject::cvm::CvmName, text::excerpt};

/// Version of the journal's lines.
pub const VERSION: u32 = 1;
/// Largest journal read, in bytes: a probe writes a dozen lines.
pub const MAX_BYTES: u64 = 1 << 20;
/// Longest line, in bytes.
const MAX_LINE: usize = 16 << 10;
/// Most ids of one thing, and words that say where it is.
const MAX_IDS: usize = 16;

/// Whose a journal is: it says what the file is called, and which names may stand in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Owner {
    /// A probe: everything that it makes bears its prefix.
    Probe,
    /// A rollout: its machines are called as operators call them.
    Rollout,
}

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

impl Owner {
    /// Name of the journal in its folder.
    pub fn file(self) -> &'static str {
        match self {
            Self::Probe => "probe-journal.jsonl",
            Self::Rollout => "rollout-journal.jsonl",
        }
    }

    fn may_name(self, name: &str) -> bool {
        match self {
            Self::Probe => name.starts_with(PREFIX),
            Self::Rollout => name.parse::<CvmName>().is_ok(),
        }
    }

    /// What its names are of.
    fn what(self) -> &'static str {
        match self {
            Self::Probe => "something that a probe makes",
            Self::Rollout => "a machine",
        }
    }
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
        Self { ids: ids.into_iter().map(|(name, id)| (Word::of(name), id)).collect() }
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

/// Reads a journal.
///
/// # Errors
/// A line, which is not the last or ends with a line break, is not one of this version; or it speaks of a request that no
/// intent announced.
pub fn parse(bytes: &[u8], owner: Owner) -> Result<Read, Fault> {
    let split = journal::lines(bytes, MAX_LINE)?;
    let mut read = Read { lines: Vec::new(), whole: split.whole, torn: split.torn };
    for (index, text) in split.lines.into_iter().enumerate() {
        read.lines.push(one(text, owner).map_err(|why| Fault { line: index + 1, why })?);
    }
    standing(&read.lines)?;
    Ok(read)
}

fn one(text: &[u8], owner: Owner) -> Result<Line, String> {
    let line: Line = journal::line(text, VERSION)?;
    let too_many = |map: &BTreeMap<Word, Word>| map.len() > MAX_IDS;
    match &line.record {
        Record::Intent(effect) if !owner.may_name(effect.name.as_str()) => {
            Err(format!("`{}` is not the name of {}", excerpt(effect.name.as_str()), owner.what()))
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

#[cfg(test)]
mod tests;
