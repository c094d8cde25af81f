//! The boundary between the state machine and the world: the next step, and what came of it. [`next`](super::next::next)
//! decides a step; the effects of the command carry it out, and answer with an [`Outcome`]; the engine writes that down
//! and asks for the next step.
//!
//! What the engine promises to what carries out a step:
//! - [`Step::Begin`] comes once its intent is safe on disk; [`State::pending`](super::state::State::pending) holds it, and its
//!   request is of this attempt alone.
//! - A [`Step::Reconcile`] comes instead of a second [`Step::Begin`] where it is not known what came of the first.
//! - Evidence is written by the engine, from [`Judged`]; what was kept before is found by
//!   [`State::judged`](super::state::State::judged).

use jiff::Timestamp;

use super::{
    path::{Effect, Look},
    record::{Came, Verdict},
    soak::{Phase, Sample},
    state::{Failure, Pending},
    words::{FileName, Remark},
};
use crate::{probe::journal::Word, report::Report};

/// What comes next.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    /// Judge this, and change nothing: [`Outcome::Judged`].
    Look(Look),
    /// Do this: [`Outcome::Came`].
    Begin(Effect),
    /// Find out by looking what came of this, and change nothing: [`Outcome::Came`].
    Reconcile(Pending),
    /// Wait until it is time, and sample production: [`Outcome::Sampled`].
    Sample {
        /// Before or after the switch.
        phase: Phase,
        /// Not before; `None` is at once.
        due: Option<Timestamp>,
    },
    /// Nothing, for now or for good.
    Stop(Stop),
}

/// Why nothing comes next.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Stop {
    /// All six gates passed.
    Complete,
    /// People have to decide: `resume` asks again.
    Waiting(Remark),
    /// Something could not be found out: `resume` asks again.
    Undecided(Remark),
    /// A gate failed, and nothing stands: `resume` tries it again.
    Failed(Failure),
    /// A gate failed after something was made: `rollback` comes first.
    RollBack(Failure),
    /// What stood is rolled back: `resume` tries again.
    RolledBack(Option<Failure>),
    /// The rollback is done, and production still releases no keys: a person must look at once.
    NotBack(Remark),
    /// Aborted for good.
    Aborted,
}

/// What came of a step.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// Of [`Step::Look`].
    Judged(Box<Judged>),
    /// Of [`Step::Begin`] and [`Step::Reconcile`].
    Came(Came),
    /// Of [`Step::Sample`].
    Sampled(Sample),
}

/// What came of looking at something.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Judged {
    /// The verdict.
    pub verdict: Verdict,
    /// In words, where it is not a pass.
    pub why: Option<Remark>,
    /// The report of the command that [`Look::command`] names, about [`State::subject`](super::state::State::subject).
    /// A pass has one, and its verdict is a pass too.
    pub report: Option<Report>,
    /// What else is to be kept.
    pub attachments: Vec<Kept>,
    /// What was learnt, for later steps: `digest`, `compose_hash`, `number`.
    pub facts: Vec<(Word, Word)>,
}

/// A file to be kept as evidence.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Kept {
    /// How its name ends: `compose.yaml`, `candidates.json`. The engine puts before it what makes it unique.
    pub name: FileName,
    /// What is in it.
    pub bytes: Vec<u8>,
}

impl Step {
    /// What it is, after "to".
    pub fn described(&self) -> &'static str {
        match self {
            Self::Look(look) => look.described(),
            Self::Begin(effect) => effect.described(),
            Self::Reconcile(_) => "find out what came of an effect",
            Self::Sample { .. } => "sample production",
            Self::Stop(stop) => stop.described(),
        }
    }
}

impl Stop {
    /// What is to be done about it, after "to".
    pub fn described(&self) -> &'static str {
        match self {
            Self::Complete => "do nothing: the rollout is complete",
            Self::Waiting(_) => "wait for people to decide",
            Self::Undecided(_) => "wait for `resume`, which asks again",
            Self::Failed(_) => "wait for `resume`, which tries the gate again",
            Self::RollBack(_) => "wait for `rollback`",
            Self::RolledBack(_) => "wait for `resume`: everything is rolled back",
            Self::NotBack(_) => "wait for a person: production releases no keys",
            Self::Aborted => "do nothing: the rollout was aborted",
        }
    }
}
