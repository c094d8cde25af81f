//! The records of the state file: what each line says. How lines hang together is [`chain`](super::chain)'s business, and
//! what they amount to is [`state`](super::state)'s.

use std::{collections::BTreeMap, fmt};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{
    inputs::Inputs,
    path::{Effect, Look},
    soak::{Phase, Sample},
    words::{FileName, Remark, digits},
};
use crate::{
    digest::Sha256,
    probe::journal::{RequestId, Word},
};

/// Most ids, facts or files of one record.
pub const MAX_ITEMS: usize = 32;

/// What a line says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub enum Record {
    /// The rollout began; the first line, and no other.
    Started {
        /// Stands for this rollout and no other.
        id: RequestId,
        /// What it is about.
        inputs: Box<Inputs>,
        /// Where it was begun.
        reach: Reach,
        /// Who began it.
        by: Operator,
    },
    /// A person, or a program of theirs, gave an order.
    Order {
        /// Which.
        order: Order,
        /// Who.
        by: Operator,
    },
    /// The lock of an operator whose process is gone was taken over.
    TakenOver {
        /// Whose it was.
        from: Operator,
        /// Why that process is known to be gone.
        because: Remark,
    },
    /// Something was looked at.
    Judged {
        /// What.
        look: Look,
        /// What came of it.
        verdict: Verdict,
        /// In words; required of whatever is not a pass.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        why: Option<Remark>,
        /// The report that says so; required of a pass.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        report: Option<Proof>,
        /// What else was kept.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        attachments: Vec<Proof>,
        /// What was learnt, for later acts.
        #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
        facts: BTreeMap<Word, Word>,
    },
    /// An effect is about to begin.
    Intent {
        /// Stands for this attempt at it and no other.
        request: RequestId,
        /// What is about to be done.
        effect: Effect,
    },
    /// What came of an effect.
    Came {
        /// Of which intent.
        request: RequestId,
        /// What came of it.
        came: Came,
    },
    /// Production was sampled.
    Sampled {
        /// Before or after the switch.
        phase: Phase,
        /// What was seen.
        sample: Sample,
    },
}

/// The services and roots that a rollout was begun with. What is begun with some is not gone on with by others: a rehearsal
/// must not reach into the real world, nor evidence of one world count in another.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Reach {
    /// Host of GitHub's API, with its port.
    pub github: Remark,
    /// Host of Phala Cloud's API, with its port.
    pub phala: Remark,
    /// Digest of the trust root of signatures, or `embedded`.
    pub trust_root: Remark,
    /// Digest of the root of quotes, or `embedded`.
    pub quote_root: Remark,
    /// Whether waits were cut short, as a sandbox has it.
    pub compressed: bool,
}

/// What an operator orders.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Order {
    /// Go on, for the first time.
    Run,
    /// Go on from where it stands.
    Resume,
    /// Undo what stands.
    Rollback,
    /// Undo what stands, and never go on.
    Abort,
}

/// Who works on a rollout.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Operator {
    /// As they call themselves.
    pub name: Remark,
    /// The machine.
    pub host: Remark,
    /// The process there.
    pub pid: u32,
}

/// What came of looking at something.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
    /// It is as it must be.
    Passed,
    /// It is not.
    Failed,
    /// It could not be judged.
    Undecided,
    /// People have not decided yet.
    Waiting,
}

/// A file of evidence, as it was when it was written.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Proof {
    /// Its name in the folder of the evidence.
    pub file: FileName,
    /// Its digest.
    #[serde(with = "digits")]
    pub sha256: Sha256,
    /// Its length in bytes.
    pub bytes: u64,
}

/// What came of an effect.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub enum Came {
    /// It is done.
    Done(Made),
    /// It was refused, and nothing changed.
    Refused(Remark),
    /// It was looked for, and was never done.
    NeverDone(Remark),
    /// It was begun, and ended neither here nor there: it must be undone.
    Broken {
        /// What there is of it.
        made: Made,
        /// How it is broken.
        why: Remark,
    },
    /// It is not known.
    Unknown(Remark),
}

/// What an effect made, by the names that it is found by: `vm_uuid`, `number`, `digest`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Made {
    /// Each id by its name.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub ids: BTreeMap<Word, Word>,
}

impl Reach {
    /// What differs from `other`: its name, what it was, and what it is there.
    pub fn differs(&self, other: &Self) -> Option<(&'static str, String, String)> {
        let pace = |compressed: bool| if compressed { "cut short" } else { "real" }.to_owned();
        let all = [
            ("GitHub", self.github.to_string(), other.github.to_string()),
            ("Phala Cloud", self.phala.to_string(), other.phala.to_string()),
            ("the trust root", self.trust_root.to_string(), other.trust_root.to_string()),
            ("the root of quotes", self.quote_root.to_string(), other.quote_root.to_string()),
            ("the pace of time", pace(self.compressed), pace(other.compressed)),
        ];
        all.into_iter().find(|(_, was, is)| was != is)
    }
}

impl Made {
    /// What is found by these ids.
    pub fn with(ids: impl IntoIterator<Item = (Word, Word)>) -> Self {
        Self { ids: ids.into_iter().collect() }
    }

    /// An id.
    pub fn id(&self, name: &str) -> Option<&str> {
        self.ids.iter().find(|(key, _)| key.as_str() == name).map(|(_, id)| id.as_str())
    }
}

impl fmt::Display for Operator {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} (process {} on {})", self.name, self.pid, self.host)
    }
}

impl Order {
    /// The command that gives it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Run => "run",
            Self::Resume => "resume",
            Self::Rollback => "rollback",
            Self::Abort => "abort",
        }
    }
}

impl Verdict {
    /// Its word.
    pub fn word(self) -> &'static str {
        match self {
            Self::Passed => "passed",
            Self::Failed => "failed",
            Self::Undecided => "no verdict",
            Self::Waiting => "waiting",
        }
    }
}

impl Record {
    /// Whether it keeps to the bounds that its types cannot say.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn bounded(&self) -> Result<(), &'static str> {
        match self {
            Self::Judged { verdict, why, report, attachments, facts, .. } => {
                if attachments.len() > MAX_ITEMS || facts.len() > MAX_ITEMS {
                    return Err("it has more files or facts than any judgement");
                }
                match verdict {
                    Verdict::Passed if report.is_none() => Err("it says `passed` and names no report"),
                    Verdict::Failed | Verdict::Undecided | Verdict::Waiting if why.is_none() => {
                        Err("it is not a pass and says no reason")
                    }
                    Verdict::Passed | Verdict::Failed | Verdict::Undecided | Verdict::Waiting => Ok(()),
                }
            }
            Self::Came { came: Came::Done(made) | Came::Broken { made, .. }, .. } if made.ids.len() > MAX_ITEMS => {
                Err("it has more ids than anything that is made")
            }
            Self::Sampled { sample, .. } if sample.errors > sample.requests => {
                Err("its sample has more errors than requests")
            }
            Self::Started { .. }
            | Self::Order { .. }
            | Self::TakenOver { .. }
            | Self::Intent { .. }
            | Self::Came { .. }
            | Self::Sampled { .. } => Ok(()),
        }
    }
}

/// A line of the state file, with where it stands in the chain.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// When it was written.
    pub at: Timestamp,
    /// What it says.
    pub record: Record,
}
