//! What the records of a rollout amount to: how far it came, what stands outside, what was learnt. How a record changes it is
//! the business of the module `apply`.

use std::collections::BTreeMap;

use jiff::Timestamp;

use super::{
    gate::Gate,
    inputs::Inputs,
    path::{self, Act, Effect, Look, PATH},
    record::{Made, Operator, Proof, Reach, Verdict},
    soak::{self, Baseline, Sample},
    words::Remark,
};
use crate::probe::journal::{RequestId, Word};

/// A rollout, as far as it came.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct State {
    pub(super) id: RequestId,
    pub(super) inputs: Inputs,
    pub(super) by: Operator,
    pub(super) reach: Reach,
    pub(super) started: Timestamp,
    pub(super) touched: Timestamp,
    /// Which attempt this is, from 1: every retry after a failure or a rollback is another.
    pub(super) attempt: u32,
    /// How many acts of [`PATH`] are done.
    pub(super) done: usize,
    pub(super) direction: Direction,
    pub(super) failed: Option<Failure>,
    pub(super) paused: Option<Pause>,
    pub(super) pending: Option<Pending>,
    /// How often what was begun turned out never to have been done.
    pub(super) never_done: u32,
    pub(super) staging: Option<Made>,
    pub(super) pull: Option<Made>,
    pub(super) production: Production,
    pub(super) judged: BTreeMap<Look, Judgement>,
    pub(super) baseline: Vec<Sample>,
    pub(super) soak: Vec<Sample>,
    pub(super) gates: BTreeMap<Gate, Times>,
    /// The report that a gate rests on, for people: what a rollback reset is still shown.
    pub(super) reports: BTreeMap<Gate, Proof>,
    pub(super) undone: Undone,
}

/// Which way it goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Direction {
    /// Towards production.
    Forward,
    /// Back; and then `resume` may go forward again.
    Back,
    /// Back, for good.
    Out,
}

/// Why it stands still until the next order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Pause {
    /// People have to decide.
    Waiting(Remark),
    /// Something could not be found out or done.
    Undecided(Remark),
    /// Production was put back, and releases no keys.
    NotBack(Remark),
}

/// An effect of which it is not known what came of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pending {
    /// Stands for this attempt at it.
    pub request: RequestId,
    /// What was begun.
    pub effect: Effect,
    /// When.
    pub since: Timestamp,
    /// Whether it was told already that nothing is known.
    pub(super) told: bool,
}

/// How a gate failed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// Which.
    pub gate: Gate,
    /// What was being done.
    pub during: &'static str,
    /// Why it failed.
    pub why: Remark,
    /// When.
    pub at: Timestamp,
}

/// What production runs, as far as this rollout is concerned.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Production {
    /// What it ran before.
    Old,
    /// The new digest.
    New(Made),
    /// What it ran before, again; whether nodes get keys is yet to be shown.
    Restored(Made),
}

/// What came of looking at something.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Judgement {
    /// When.
    pub at: Timestamp,
    /// The verdict.
    pub verdict: Verdict,
    /// In words.
    pub why: Option<Remark>,
    /// The report.
    pub report: Option<Proof>,
    /// What else was kept.
    pub attachments: Vec<Proof>,
    /// What was learnt.
    pub facts: BTreeMap<Word, Word>,
}

/// What the latest rollback undid.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Undone {
    /// Whether staging was removed, or a pull request closed.
    pub something: bool,
    /// Whether production was switched back, and a node was seen to get its key.
    pub proven: bool,
}

/// When a gate was worked on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Times {
    /// The first record of this attempt at it.
    pub from: Timestamp,
    /// The last.
    pub to: Timestamp,
    /// Whether a rollback or a retry reset the gate since.
    pub(super) reset: bool,
}

/// How far a gate came.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Standing {
    /// Not reached.
    Ahead,
    /// Being worked on.
    Open,
    /// Its effects are being undone.
    RollingBack,
    /// Its effects were undone.
    RolledBack,
    /// Passed.
    Passed,
    /// Failed.
    Failed,
}

impl State {
    /// A rollout that has just begun.
    pub fn started(at: Timestamp, id: RequestId, inputs: Inputs, reach: Reach, by: Operator) -> Self {
        Self {
            id,
            inputs,
            by,
            reach,
            started: at,
            touched: at,
            attempt: 1,
            done: 0,
            direction: Direction::Forward,
            failed: None,
            paused: None,
            pending: None,
            never_done: 0,
            staging: None,
            pull: None,
            production: Production::Old,
            judged: BTreeMap::new(),
            baseline: Vec::new(),
            soak: Vec::new(),
            gates: BTreeMap::new(),
            reports: BTreeMap::new(),
            undone: Undone::default(),
        }
    }

    /// Stands for this rollout and no other.
    pub fn id(&self) -> &RequestId {
        &self.id
    }

    /// What it is about.
    pub fn inputs(&self) -> &Inputs {
        &self.inputs
    }

    /// Who began it.
    pub fn by(&self) -> &Operator {
        &self.by
    }

    /// Where it was begun.
    pub fn reach(&self) -> &Reach {
        &self.reach
    }

    /// When it began.
    pub fn since(&self) -> Timestamp {
        self.started
    }

    /// When something was written down the last time.
    pub fn touched(&self) -> Timestamp {
        self.touched
    }

    /// Which attempt this is, from 1.
    pub fn attempt(&self) -> u32 {
        self.attempt
    }

    /// Which way it goes.
    pub fn direction(&self) -> Direction {
        self.direction
    }

    /// The act that comes next on the way, with its gate; `None` once all are done.
    pub fn act(&self) -> Option<(Gate, Act)> {
        PATH.get(self.done).copied()
    }

    /// How the last gate failed, while that is not overcome.
    pub fn failed(&self) -> Option<&Failure> {
        self.failed.as_ref()
    }

    pub(super) fn paused(&self) -> Option<&Pause> {
        self.paused.as_ref()
    }

    /// The effect that was announced and of which no result is known.
    pub fn pending(&self) -> Option<&Pending> {
        self.pending.as_ref()
    }

    /// The KMS of staging, where one was made and not removed.
    pub fn staging(&self) -> Option<&Made> {
        self.staging.as_ref()
    }

    /// The pull request with the policy, where one was opened and not closed. It stays when it was merged.
    pub fn pull(&self) -> Option<&Made> {
        self.pull.as_ref()
    }

    /// What production runs.
    pub fn production(&self) -> &Production {
        &self.production
    }

    /// What came of looking at something the last time, in what counts of this rollout: what a rollback reset is gone.
    pub fn judged(&self, look: Look) -> Option<&Judgement> {
        self.judged.get(&look)
    }

    /// Something that was learnt by a pass.
    pub fn fact(&self, look: Look, name: &str) -> Option<&str> {
        let judged = self.judged(look).filter(|judged| judged.verdict == Verdict::Passed)?;
        judged.facts.iter().find(|(key, _)| key.as_str() == name).map(|(_, fact)| fact.as_str())
    }

    /// Samples before the switch, and after it.
    pub fn samples(&self) -> (&[Sample], &[Sample]) {
        (&self.baseline, &self.soak)
    }

    /// What production did before the switch, once that is sampled.
    pub fn baseline(&self) -> Option<Baseline> {
        soak::baseline(&self.inputs.soak, &self.baseline).ok()
    }

    /// What the samples after the switch amount to.
    pub fn soaked(&self) -> Option<soak::Verdict> {
        Some(soak::judge(&self.inputs.soak, &self.baseline()?, &self.soak))
    }

    /// What the report of `look` must be about: the tag of a release, the number of the pull request, or the place.
    pub fn subject(&self, look: Look) -> String {
        match look {
            Look::KmsRelease | Look::KmsReleaseAgain => self.inputs.kms.to_string(),
            Look::NodeRelease | Look::NodeReleaseAgain => self.inputs.node.to_string(),
            Look::Review | Look::ReviewAgain => {
                let number = self.pull.as_ref().and_then(|pull| pull.id("number")).unwrap_or("?");
                format!("{} #{number}", self.inputs.repository)
            }
            Look::StagingHealth | Look::StagingProbe => format!("staging of {}", self.inputs.kms),
            Look::Previous | Look::Production | Look::Canary | Look::Proof => {
                format!("production of {}", self.inputs.kms)
            }
        }
    }

    /// When a gate was worked on in this attempt at it.
    pub fn times(&self, gate: Gate) -> Option<Times> {
        self.gates.get(&gate).copied()
    }

    /// How far a gate came.
    pub fn standing(&self, gate: Gate) -> Standing {
        if self.failed.as_ref().is_some_and(|failure| failure.gate == gate) {
            return Standing::Failed;
        }
        let goes_back = gate == Gate::D6 && self.production != Production::Old && self.direction != Direction::Forward;
        let times = self.gates.get(&gate);
        match self.act() {
            _ if goes_back => Standing::RollingBack,
            _ if self.done >= path::end(gate) => Standing::Passed,
            _ if times.is_some_and(|times| times.reset) => Standing::RolledBack,
            Some((open, _)) if open == gate && times.is_some() => Standing::Open,
            Some(_) | None => Standing::Ahead,
        }
    }

    /// The report that a gate rests on; of one that was reset, the last one that it had.
    pub fn report(&self, gate: Gate) -> Option<&Proof> {
        self.reports.get(&gate)
    }

    /// What the latest rollback undid.
    pub fn undone(&self) -> Undone {
        self.undone
    }

    /// Whether the pull request was merged, as far as D5 saw.
    pub fn merged(&self) -> bool {
        self.pull.is_some() && self.open_pull().is_none()
    }

    /// What evidence of this attempt says that it belongs to.
    pub fn mark(&self) -> String {
        let image = self.fact(Look::KmsRelease, "digest").map(|digest| format!(", image sha256:{digest}"));
        format!("{}, attempt {}, {}{}", self.id, self.attempt, self.inputs.profile, image.unwrap_or_default())
    }

    /// Whether something was made that a rollback undoes. A merged pull request is none: people decided that.
    pub fn stands(&self) -> bool {
        self.production != Production::Old || self.open_pull().is_some() || self.staging.is_some()
    }

    /// The pull request, while people have not merged it.
    pub(super) fn open_pull(&self) -> Option<&Made> {
        self.pull.as_ref().filter(|_| self.done < path::end(Gate::D5))
    }
}
