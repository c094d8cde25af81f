//! Applying a record to a state. A record that [`next`] did not call for is refused: so a file in which a
//! step is skipped, done twice or marked by hand does not read.

use jiff::Timestamp;

use super::{
    gate::Gate,
    next::next,
    path::{self, Act, Effect, Look, PATH},
    record::{Came, Made, Order, Record, Verdict},
    soak::{self, BASELINE, MAX_SAMPLES, Phase, Sample},
    state::{Direction, Failure, Judgement, Pause, Pending, Production, State, Times, Undone},
    step::{Step, Stop},
    words::Remark,
};

/// How often an effect may turn out never to have been done, before that counts as a failure.
const MAX_NEVER_DONE: u32 = 3;

/// Why a record has no place where it stands.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Misplaced(pub String);

impl State {
    /// Applies a record that was written at `at`.
    ///
    /// # Errors
    /// The record is not one that the state calls for: nothing changed then.
    pub fn apply(&mut self, at: Timestamp, record: &Record) -> Result<(), Misplaced> {
        record.bounded().map_err(|why| Misplaced(why.to_owned()))?;
        match record {
            Record::Started { .. } => return Err(Misplaced("it begins a rollout that has begun".to_owned())),
            Record::Order { order, .. } => self.order(*order)?,
            Record::TakenOver { .. } => {}
            Record::Judged { look, verdict, why, report, attachments, facts } => {
                self.called_for(&Step::Look(*look))?;
                self.worked_on(look.gate(), at);
                if let Some(proof) = report {
                    self.reports.insert(look.gate(), proof.clone());
                }
                let judgement = Judgement {
                    at,
                    verdict: *verdict,
                    why: why.clone(),
                    report: report.clone(),
                    attachments: attachments.clone(),
                    facts: facts.clone(),
                };
                let why = why.clone().unwrap_or_else(|| Remark::new(""));
                self.judged.insert(*look, judgement);
                self.judge(at, *look, *verdict, why);
            }
            Record::Intent { request, effect } => {
                self.called_for(&Step::Begin(*effect))?;
                self.worked_on(effect.gate(), at);
                self.pending = Some(Pending { request: request.clone(), effect: *effect, since: at, told: false });
            }
            Record::Came { request, came } => {
                let pending = self.pending.clone().filter(|pending| pending.request == *request);
                let pending =
                    pending.ok_or_else(|| Misplaced("it says what came of an intent that is not open".into()))?;
                self.worked_on(pending.effect.gate(), at);
                self.came(at, pending, came);
            }
            Record::Sampled { phase, sample } => {
                let wanted = next(self);
                if !matches!(wanted, Step::Sample { phase: due, .. } if due == *phase) {
                    return Err(misplaced(&wanted));
                }
                self.worked_on(Gate::D6, at);
                self.sampled(at, *phase, *sample);
            }
        }
        self.touched = at;
        Ok(())
    }

    fn called_for(&self, step: &Step) -> Result<(), Misplaced> {
        let wanted = next(self);
        if wanted == *step { Ok(()) } else { Err(misplaced(&wanted)) }
    }

    fn worked_on(&mut self, gate: Gate, at: Timestamp) {
        let fresh = Times { from: at, to: at, reset: false };
        match self.gates.get_mut(&gate) {
            // What is undone does not move the end of what it undoes.
            _ if self.direction != Direction::Forward => {}
            Some(times) if !times.reset => times.to = at,
            Some(_) | None => drop(self.gates.insert(gate, fresh)),
        }
    }

    fn order(&mut self, order: Order) -> Result<(), Misplaced> {
        let refused = |why: &str| Err(Misplaced(format!("`{}` is refused: {why}", order.name())));
        let stop = match next(self) {
            Step::Stop(stop) => Some(stop),
            Step::Look(_) | Step::Begin(_) | Step::Reconcile(_) | Step::Sample { .. } => None,
        };
        match (order, stop) {
            (_, Some(Stop::Aborted)) => return refused("the rollout was aborted"),
            (Order::Run | Order::Resume | Order::Abort, Some(Stop::Complete)) => {
                return refused("the rollout is complete");
            }
            (Order::Run | Order::Resume, Some(Stop::RollBack(failure))) => {
                return refused(&format!("{} failed, and what it made must be rolled back first", failure.gate));
            }
            (Order::Run | Order::Resume, Some(Stop::Failed(_) | Stop::RolledBack(_))) => self.retry(),
            (Order::Run | Order::Resume, Some(_) | None) => self.ask_again(),
            (Order::Rollback, _) if self.direction == Direction::Forward => self.turn(Direction::Back),
            (Order::Rollback, _) => {}
            (Order::Abort, _) => self.turn(Direction::Out),
        }
        self.paused = None;
        Ok(())
    }

    /// Back. A rollback that is under way goes on.
    fn turn(&mut self, direction: Direction) {
        if self.direction == Direction::Forward {
            self.undone = Undone::default();
        }
        self.direction = direction;
    }

    /// Forward again, from the gate that is not passed.
    fn retry(&mut self) {
        self.attempt = self.attempt.saturating_add(1);
        self.direction = Direction::Forward;
        self.failed = None;
        if let Some((gate, _)) = self.act() {
            self.reset_to(gate);
        }
    }

    /// What D6 asks again holds for one sitting: after a pause before the switch it is asked anew.
    fn ask_again(&mut self) {
        let before_the_switch = self.production == Production::Old && self.pending.is_none();
        if self.direction == Direction::Forward && before_the_switch && matches!(self.act(), Some((Gate::D6, _))) {
            self.reset_to(Gate::D6);
        }
    }

    /// Forgets what was done of `gate` and of all after it: it is ahead again.
    fn reset_to(&mut self, gate: Gate) {
        self.done = self.done.min(path::start(gate));
        self.never_done = 0;
        self.judged.retain(|look, _| look.gate() < gate);
        self.gates.iter_mut().filter(|(of, _)| **of >= gate).for_each(|(_, times)| times.reset = true);
        self.baseline.clear();
        self.soak.clear();
    }

    fn judge(&mut self, at: Timestamp, look: Look, verdict: Verdict, why: Remark) {
        match (look, verdict) {
            (Look::Proof, Verdict::Passed) => {
                self.undone.proven = true;
                self.production = Production::Old;
                self.reset_to(Gate::D6);
            }
            (Look::Proof, Verdict::Failed) => {
                if let Production::Restored(made) = &self.production {
                    // The next rollback switches back once more before it asks.
                    self.production = Production::New(made.clone());
                }
                self.paused = Some(Pause::NotBack(why));
            }
            (_, Verdict::Passed) => self.advance(),
            (_, Verdict::Waiting) => self.paused = Some(Pause::Waiting(why)),
            (_, Verdict::Failed) => self.fail(at, look.gate(), look.described(), why),
            // Once production is switched, what cannot be told to be well is not.
            (Look::Production | Look::Canary, Verdict::Undecided) => {
                self.fail(at, look.gate(), look.described(), why);
            }
            (_, Verdict::Undecided) => self.paused = Some(Pause::Undecided(why)),
        }
    }

    fn came(&mut self, at: Timestamp, pending: Pending, came: &Came) {
        let effect = pending.effect;
        match came {
            Came::Unknown(why) => {
                if pending.told {
                    self.paused = Some(Pause::Undecided(why.clone()));
                }
                self.pending = Some(Pending { told: true, ..pending });
                return;
            }
            Came::Done(made) => self.did(effect, made),
            Came::Broken { made, why } if effect.undoes() => {
                self.made(effect, made);
                self.paused = Some(Pause::Undecided(why.clone()));
            }
            Came::Broken { made, why } => {
                self.made(effect, made);
                self.fail(at, effect.gate(), effect.described(), why.clone());
            }
            Came::Refused(why) if effect.undoes() => self.paused = Some(Pause::Undecided(why.clone())),
            Came::Refused(why) => self.fail_forward(at, effect, why),
            Came::NeverDone(why) => {
                self.never_done += 1;
                if effect == Effect::SwitchProduction && self.direction == Direction::Forward {
                    // What was asked before the switch may have been asked in another sitting.
                    let never_done = self.never_done;
                    self.reset_to(Gate::D6);
                    self.never_done = never_done;
                }
                if self.never_done >= MAX_NEVER_DONE {
                    self.never_done = 0;
                    if effect.undoes() {
                        self.paused = Some(Pause::Undecided(why.clone()));
                    } else {
                        self.fail_forward(at, effect, why);
                    }
                }
            }
        }
        self.pending = None;
    }

    /// On the way back nothing fails by there being nothing to undo.
    fn fail_forward(&mut self, at: Timestamp, effect: Effect, why: &Remark) {
        if self.direction == Direction::Forward {
            self.fail(at, effect.gate(), effect.described(), why.clone());
        }
    }

    fn did(&mut self, effect: Effect, made: &Made) {
        self.never_done = 0;
        let forward = self.direction == Direction::Forward;
        match effect {
            Effect::DeployStaging | Effect::OpenPull | Effect::SwitchProduction => {
                self.made(effect, made);
                if forward {
                    self.advance();
                }
            }
            Effect::RemoveStaging => {
                self.staging = None;
                self.undone.something |= !forward;
                if forward {
                    self.advance();
                } else {
                    self.reset_to(Gate::D3);
                }
            }
            Effect::ClosePull => {
                self.pull = None;
                self.undone.something = true;
                self.reset_to(Gate::D5);
            }
            Effect::RestoreProduction => {
                if let Production::New(was) = &self.production {
                    self.production = Production::Restored(was.clone());
                }
            }
        }
    }

    /// Notes what there is to undo.
    fn made(&mut self, effect: Effect, made: &Made) {
        match effect {
            Effect::DeployStaging => self.staging = Some(made.clone()),
            Effect::OpenPull => self.pull = Some(made.clone()),
            Effect::SwitchProduction => self.production = Production::New(made.clone()),
            Effect::RemoveStaging | Effect::ClosePull | Effect::RestoreProduction => {}
        }
    }

    fn sampled(&mut self, at: Timestamp, phase: Phase, sample: Sample) {
        let limits = self.inputs.soak;
        match phase {
            Phase::Baseline => {
                self.baseline.push(sample);
                match soak::baseline(&limits, &self.baseline) {
                    Err(why) => self.fail(at, Gate::D6, Act::Baseline.described(), Remark::new(&why)),
                    Ok(_) if self.baseline.len() >= BASELINE => self.advance(),
                    Ok(_) => {}
                }
            }
            Phase::Soak => {
                self.soak.push(sample);
                match self.soaked() {
                    Some(soak::Verdict::Complete(_)) => self.advance(),
                    Some(soak::Verdict::Healthy(_)) if self.soak.len() < MAX_SAMPLES => {}
                    Some(soak::Verdict::Breach(breach)) => {
                        let why = format!("{}: {}", breach.figure.name(), breach.why);
                        self.fail(at, Gate::D6, Act::Soak.described(), Remark::new(&why));
                    }
                    Some(soak::Verdict::Healthy(_)) | None => {
                        let why = Remark::new("the soak does not end");
                        self.fail(at, Gate::D6, Act::Soak.described(), why);
                    }
                }
            }
        }
    }

    fn advance(&mut self) {
        self.done = (self.done + 1).min(PATH.len());
    }

    /// A gate failed. Production is put back without being asked; the rest waits for an order.
    fn fail(&mut self, at: Timestamp, gate: Gate, during: &'static str, why: Remark) {
        self.failed = Some(Failure { gate, during, why, at });
        if self.production != Production::Old && self.direction == Direction::Forward {
            self.turn(Direction::Back);
        }
    }
}

fn misplaced(wanted: &Step) -> Misplaced {
    Misplaced(format!("it is not what comes next, which is to {}", wanted.described()))
}

#[cfg(test)]
mod tests;
