//! The state machine against a simulated world: random orders, crashes between an intent and its result, faults at every
//! step, people who merge or close, and records that have no place. The world knows by itself what must never happen.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::wildcard_enum_match_arm,
    reason = "a test fails by panicking, at whatever it does not expect"
)]

use std::{cell::Cell, collections::BTreeSet};

use proptest::{
    collection::vec,
    prelude::{Just, Strategy, any, prop_oneof},
    test_runner::{Config, TestRunner},
};

use super::next;
use crate::probe::journal::RequestId;
use crate::rollout::{
    fixtures::{at, judged, operator, state},
    gate::Gate,
    path::{Effect, Look},
    record::{Came, Made, Order, Record, Verdict},
    soak::{Phase, Sample},
    state::{Production, State},
    step::{Step, Stop},
    words::Remark,
};

/// What happens to a rollout.
#[derive(Debug, Clone)]
enum Event {
    /// An order, and the steps after it until one crashes, or it stops.
    Order(Order, u8),
    /// The order to go on, and no crash.
    On,
    /// People merge the pull request.
    Merge,
    /// People close it.
    Close,
    /// Somebody writes a pass of something into the file.
    Forge(Look),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Pull {
    Open,
    Merged,
    Closed,
}

/// The world outside, and what must never happen in it.
#[derive(Default)]
struct World {
    staging: bool,
    pull: Option<Pull>,
    new: bool,
    /// What passed in this life of staging and pull request.
    passed: BTreeSet<Look>,
    /// Whether a gate failed while something stood, which is not undone yet.
    undo_first: bool,
    faults: Vec<u8>,
}

impl World {
    /// The next fault, in `0..kinds`; 0 is none.
    fn fault(&mut self, kinds: u8) -> u8 {
        // Most of what happens is no fault, or nothing would ever be reached.
        self.faults.pop().map_or(0, |byte| if byte < 160 { 0 } else { byte % kinds })
    }

    fn stands(&self) -> bool {
        self.staging || self.pull == Some(Pull::Open) || self.new
    }

    /// Does it, and cries out where it must not be done.
    fn does(&mut self, effect: Effect) {
        let passed = |looks: &[Look]| looks.iter().all(|look| self.passed.contains(look));
        if !effect.undoes() {
            assert!(!self.undo_first, "{} before the rollback", effect.name());
        }
        match effect {
            Effect::DeployStaging => {
                assert!(!self.staging, "staging is deployed twice");
                assert!(passed(&[Look::KmsRelease, Look::NodeRelease]), "D1 or D2 is skipped");
                self.staging = true;
            }
            Effect::OpenPull => {
                assert!(self.pull != Some(Pull::Open), "the pull request is opened twice");
                assert!(passed(&[Look::StagingHealth, Look::StagingProbe]), "D3 or D4 is skipped");
                self.pull = Some(Pull::Open);
            }
            Effect::SwitchProduction => {
                assert!(!self.new, "production is switched twice");
                let again = [Look::KmsReleaseAgain, Look::NodeReleaseAgain, Look::ReviewAgain, Look::Previous];
                assert!(passed(&again) && passed(&[Look::StagingProbe, Look::Review]), "a gate is skipped");
                assert!(!self.staging && self.pull == Some(Pull::Merged), "production comes last");
                self.new = true;
            }
            Effect::RemoveStaging => self.staging = false,
            Effect::ClosePull => {
                if self.pull == Some(Pull::Open) {
                    self.pull = Some(Pull::Closed);
                }
            }
            Effect::RestoreProduction => self.new = false,
        }
    }

    fn is_done(&self, effect: Effect) -> bool {
        match effect {
            Effect::DeployStaging => self.staging,
            Effect::RemoveStaging => !self.staging,
            Effect::OpenPull => self.pull == Some(Pull::Open) || self.pull == Some(Pull::Merged),
            Effect::ClosePull => self.pull != Some(Pull::Open),
            Effect::SwitchProduction => self.new,
            Effect::RestoreProduction => !self.new,
        }
    }

    /// What comes of an effect; `None` is a crash before that is known.
    fn begin(&mut self, effect: Effect) -> Option<Came> {
        let why = || Remark::new("a fault");
        match self.fault(7) {
            0 => {
                self.does(effect);
                Some(Came::Done(Made::default()))
            }
            1 => {
                self.does(effect);
                None
            }
            2 => None,
            3 => {
                self.does(effect);
                Some(Came::Unknown(why()))
            }
            4 => Some(Came::Unknown(why())),
            5 => Some(Came::Refused(why())),
            _ => {
                self.does(effect);
                Some(Came::Broken { made: Made::default(), why: why() })
            }
        }
    }

    fn reconcile(&mut self, effect: Effect) -> Option<Came> {
        let why = || Remark::new("a fault");
        match self.fault(3) {
            0 if self.is_done(effect) => Some(Came::Done(Made::default())),
            0 => Some(Came::NeverDone(why())),
            1 => Some(Came::Unknown(why())),
            _ => None,
        }
    }

    fn look(&mut self, look: Look) -> Option<Verdict> {
        match look {
            Look::StagingHealth | Look::StagingProbe => assert!(self.staging, "nothing to look at in staging"),
            Look::Production | Look::Canary => assert!(self.new, "production is not new"),
            Look::Proof => assert!(!self.new, "production is not back"),
            _ => {}
        }
        let honest = match look {
            Look::Review | Look::ReviewAgain => match self.pull {
                Some(Pull::Merged) => Verdict::Passed,
                Some(Pull::Open) => Verdict::Waiting,
                Some(Pull::Closed) | None => Verdict::Failed,
            },
            _ => Verdict::Passed,
        };
        match self.fault(5) {
            0 | 1 => Some(honest),
            2 => Some(Verdict::Failed),
            3 => Some(Verdict::Undecided),
            _ => None,
        }
    }
}

/// A rollout in a world.
struct Model {
    world: World,
    state: State,
    records: Vec<Record>,
    clock: i64,
}

impl Model {
    fn write(&mut self, record: Record) -> bool {
        self.clock += 1;
        let applied = self.state.apply(at(self.clock), &record).is_ok();
        if applied {
            self.records.push(record);
        }
        applied
    }

    fn must_write(&mut self, record: Record) {
        assert!(self.write(record.clone()), "{record:?} has no place");
        if self.state.failed().is_some() && self.world.stands() && self.state.stands() {
            self.world.undo_first = true;
        }
        if !self.world.stands() {
            self.world.undo_first = false;
        }
        // A rollback undoes what was passed on the way to it.
        for look in [Look::StagingHealth, Look::StagingProbe, Look::Review] {
            if self.state.judged(look).is_none() {
                self.world.passed.remove(&look);
            }
        }
    }

    /// One step; false once it stops or the process is gone.
    fn step(&mut self) -> bool {
        match next(&self.state) {
            Step::Stop(stop) => {
                self.stopped(&stop);
                false
            }
            Step::Look(look) => {
                let Some(verdict) = self.world.look(look) else { return false };
                if verdict == Verdict::Passed {
                    self.world.passed.insert(look);
                }
                self.must_write(judged(look, verdict));
                true
            }
            Step::Begin(effect) => {
                let mut random = [0; 16];
                random.iter_mut().zip(self.clock.to_le_bytes()).for_each(|(to, byte)| *to = byte);
                let request = RequestId::new(random);
                self.must_write(Record::Intent { request: request.clone(), effect });
                let Some(came) = self.world.begin(effect) else { return false };
                self.must_write(Record::Came { request, came });
                true
            }
            Step::Reconcile(pending) => {
                let Some(came) = self.world.reconcile(pending.effect) else { return false };
                self.must_write(Record::Came { request: pending.request, came });
                true
            }
            Step::Sample { phase, .. } => {
                assert_eq!(self.world.new, phase == Phase::Soak);
                let (before, after) = self.state.samples();
                let index = before.len().max(after.len()) as i64;
                self.clock += 15;
                let good = Sample { at: at(self.clock), healthy: true, requests: 4, errors: 0, latency_ms: Some(80) };
                let sample = match self.world.fault(6) {
                    0 => good,
                    1 => Sample { healthy: false, ..good },
                    2 => Sample { errors: 1, ..good },
                    3 => Sample { latency_ms: Some(500), ..good },
                    4 => Sample { at: at(self.clock + 40 * index), ..good },
                    _ => return false,
                };
                self.must_write(Record::Sampled { phase, sample });
                true
            }
        }
    }

    fn stopped(&self, stop: &Stop) {
        let world = &self.world;
        match stop {
            Stop::Complete => assert!(world.new && !world.staging && world.pull == Some(Pull::Merged)),
            Stop::Failed(_) | Stop::RolledBack(_) | Stop::Aborted => {
                assert!(!world.new, "the old KMS serves");
                assert!(!world.staging, "staging is left");
                assert_ne!(world.pull, Some(Pull::Open), "the pull request is left open");
            }
            Stop::RollBack(failure) => assert!(self.state.stands() && failure.gate != Gate::D1),
            Stop::NotBack(_) => assert!(!world.new),
            Stop::Waiting(_) | Stop::Undecided(_) => {}
        }
    }

    /// A process that goes on until it crashes, after so many steps at the latest.
    fn order(&mut self, order: Order, steps: usize) {
        let after_waiting = matches!(next(&self.state), Step::Stop(Stop::RollBack(_)));
        let taken = self.write(Record::Order { order, by: operator() });
        assert!(!(taken && after_waiting) || matches!(order, Order::Rollback | Order::Abort), "retry before rollback");
        if !taken {
            return;
        }
        // What D6 asks holds for one sitting.
        for look in [Look::KmsReleaseAgain, Look::NodeReleaseAgain, Look::ReviewAgain, Look::Previous] {
            self.world.passed.remove(&look);
        }
        for _ in 0..steps {
            if !self.step() {
                break;
            }
        }
    }

    fn happens(&mut self, event: &Event) {
        match event {
            Event::Order(order, steps) => self.order(*order, usize::from(*steps)),
            Event::On => self.order(Order::Resume, 200),
            Event::Merge if self.world.pull == Some(Pull::Open) => self.world.pull = Some(Pull::Merged),
            Event::Close if self.world.pull == Some(Pull::Open) => self.world.pull = Some(Pull::Closed),
            Event::Merge | Event::Close => {}
            Event::Forge(look) => {
                let before = self.state.clone();
                if next(&self.state) != Step::Look(*look) {
                    assert!(!self.write(judged(*look, Verdict::Passed)), "a forged pass is taken");
                    assert_eq!(self.state, before, "a refused record changed the state");
                }
            }
        }
    }

    /// Without further faults, and with people who do their part, every rollout ends.
    fn converges(&mut self) {
        self.world.faults.clear();
        for _ in 0..40 {
            match next(&self.state) {
                Step::Stop(Stop::Complete | Stop::Aborted) => {
                    self.step();
                    return;
                }
                Step::Stop(Stop::RollBack(_) | Stop::NotBack(_)) => self.order(Order::Rollback, 200),
                Step::Stop(Stop::Waiting(_)) => {
                    self.happens(&Event::Merge);
                    self.order(Order::Resume, 200);
                }
                _ => self.order(Order::Resume, 200),
            }
        }
        panic!("it does not end: {:?}", next(&self.state));
    }
}

fn events() -> impl Strategy<Value = Vec<Event>> {
    let order = prop_oneof![
        4 => Just(Order::Run),
        6 => Just(Order::Resume),
        2 => Just(Order::Rollback),
        1 => Just(Order::Abort)
    ];
    let look = prop_oneof![Just(Look::NodeRelease), Just(Look::Review), Just(Look::Canary), Just(Look::Proof)];
    let event = prop_oneof![
        6 => (order, 0_u8..30).prop_map(|(order, steps)| Event::Order(order, steps)),
        6 => Just(Event::On),
        4 => Just(Event::Merge),
        1 => Just(Event::Close),
        2 => look.prop_map(Event::Forge),
    ];
    vec(event, 0..14)
}

#[test]
fn over_ten_thousand_random_sequences_no_step_is_skipped_and_rollback_comes_before_retry() {
    let config = Config { cases: 10_000, failure_persistence: None, ..Config::default() };
    let reached: [Cell<u32>; 3] = Default::default();
    TestRunner::new(config)
        .run(&(events(), vec(any::<u8>(), 0..60)), |(events, faults)| {
            let world = World { faults, ..World::default() };
            let mut model = Model { world, state: state(), records: Vec::new(), clock: 0 };
            for event in &events {
                model.happens(event);
            }
            model.converges();
            let [at_once, later, aborted] = &reached;
            let count = match (next(&model.state), model.state.attempt()) {
                (Step::Stop(Stop::Complete), 1) => at_once,
                (Step::Stop(Stop::Complete), _) => later,
                _ => aborted,
            };
            count.set(count.get() + 1);
            if *model.state.production() == Production::Old {
                assert!(!model.world.new);
            }
            Ok(())
        })
        .unwrap();
    // The sequences are of every kind, or they would show nothing.
    assert!(reached.iter().all(|count| count.get() > 300), "{reached:?}");
}
