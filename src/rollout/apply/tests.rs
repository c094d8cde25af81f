//! Tests of orders and of the way back, step by step; what holds of every sequence is shown by the tests of `next`.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::wildcard_enum_match_arm,
    reason = "a test fails by panicking, at whatever it does not expect"
)]

use super::*;
use crate::{
    probe::journal::RequestId,
    rollout::fixtures::{at, judged, operator, state},
};

/// A rollout under way, and what its steps are answered with.
struct Way {
    state: State,
    seconds: i64,
}

impl Way {
    fn begun() -> Self {
        let mut way = Self { state: state(), seconds: 0 };
        way.order(Order::Run).unwrap();
        way
    }

    fn write(&mut self, record: &Record) -> Result<(), Misplaced> {
        self.seconds += 15;
        self.state.apply(at(self.seconds), record)
    }

    fn order(&mut self, order: Order) -> Result<(), Misplaced> {
        self.write(&Record::Order { order, by: operator() })
    }

    fn looks(&mut self, look: Look, verdict: Verdict) {
        self.write(&judged(look, verdict)).unwrap();
    }

    fn does(&mut self, effect: Effect, came: Came) {
        let request = RequestId::new([u8::try_from(self.seconds % 251).unwrap(); 16]);
        self.write(&Record::Intent { request: request.clone(), effect }).unwrap();
        self.write(&Record::Came { request, came }).unwrap();
    }

    fn samples(&mut self, phase: Phase, latency: u32) {
        let sample = Sample { at: at(self.seconds), healthy: true, requests: 4, errors: 0, latency_ms: Some(latency) };
        self.write(&Record::Sampled { phase, sample }).unwrap();
    }

    /// Goes on with nothing in the way until `step` comes next.
    fn until(mut self, step: &Step) -> Self {
        for _ in 0..60 {
            match next(&self.state) {
                next if next == *step => return self,
                Step::Look(look) => self.looks(look, Verdict::Passed),
                Step::Begin(effect) => self.does(effect, Came::Done(Made::default())),
                Step::Sample { phase, .. } => self.samples(phase, 80),
                other @ (Step::Reconcile(_) | Step::Stop(_)) => panic!("it stops at {other:?}"),
            }
        }
        panic!("{step:?} never comes");
    }
}

#[test]
fn after_a_failed_probe_of_staging_only_a_rollback_is_taken_and_then_staging_is_deployed_anew() {
    let mut way = Way::begun().until(&Step::Look(Look::StagingProbe));
    way.looks(Look::StagingProbe, Verdict::Failed);
    assert!(matches!(next(&way.state), Step::Stop(Stop::RollBack(failure)) if failure.gate == Gate::D4));
    for order in [Order::Run, Order::Resume] {
        let refused = way.order(order).unwrap_err().to_string();
        assert!(refused.ends_with("is refused: D4 failed, and what it made must be rolled back first"), "{refused}");
    }
    way.order(Order::Rollback).unwrap();
    assert_eq!(next(&way.state), Step::Begin(Effect::RemoveStaging));
    way.does(Effect::RemoveStaging, Came::Done(Made::default()));
    assert!(matches!(next(&way.state), Step::Stop(Stop::RolledBack(Some(_)))));
    way.order(Order::Resume).unwrap();
    assert_eq!((next(&way.state), way.state.attempt()), (Step::Begin(Effect::DeployStaging), 2));
}

#[test]
fn a_breach_of_the_soak_puts_production_back_by_itself_and_asks_a_node_for_the_proof() {
    let soak = Step::Sample { phase: Phase::Soak, due: None };
    let mut way = Way::begun().until(&soak);
    way.samples(Phase::Soak, 500);
    assert_eq!(next(&way.state), Step::Begin(Effect::RestoreProduction));
    way.does(Effect::RestoreProduction, Came::Done(Made::default()));
    assert_eq!(next(&way.state), Step::Look(Look::Proof));
    way.looks(Look::Proof, Verdict::Failed);
    assert!(matches!(next(&way.state), Step::Stop(Stop::NotBack(_))));
    way.order(Order::Rollback).unwrap();
    assert_eq!(next(&way.state), Step::Begin(Effect::RestoreProduction));
    way.does(Effect::RestoreProduction, Came::Done(Made::default()));
    way.looks(Look::Proof, Verdict::Passed);
    let Step::Stop(Stop::RolledBack(Some(failure))) = next(&way.state) else { panic!("it is not rolled back") };
    assert_eq!(failure.why.as_str(), "latency: 500 ms; the limit is 160 ms, with 80 ms before the switch");
}

#[test]
fn what_is_not_known_of_production_after_the_switch_counts_as_failed_and_of_staging_waits() {
    let mut way = Way::begun().until(&Step::Look(Look::StagingHealth));
    way.looks(Look::StagingHealth, Verdict::Undecided);
    assert!(matches!(next(&way.state), Step::Stop(Stop::Undecided(_))));
    way.order(Order::Resume).unwrap();
    let mut way = way.until(&Step::Look(Look::Canary));
    way.looks(Look::Canary, Verdict::Undecided);
    assert_eq!(next(&way.state), Step::Begin(Effect::RestoreProduction));
}

#[test]
fn what_people_decided_is_asked_anew_after_a_pause_before_the_switch() {
    let mut way = Way::begun().until(&Step::Look(Look::Review));
    way.looks(Look::Review, Verdict::Waiting);
    assert!(matches!(next(&way.state), Step::Stop(Stop::Waiting(_))));
    way.order(Order::Resume).unwrap();
    let mut way = way.until(&Step::Look(Look::Previous));
    way.looks(Look::Previous, Verdict::Undecided);
    way.order(Order::Resume).unwrap();
    assert_eq!(next(&way.state), Step::Look(Look::KmsReleaseAgain));
}

#[test]
fn an_effect_whose_outcome_is_not_known_is_looked_for_and_a_rollback_waits_for_that() {
    let mut way = Way::begun().until(&Step::Begin(Effect::DeployStaging));
    let request = RequestId::new([9; 16]);
    way.write(&Record::Intent { request: request.clone(), effect: Effect::DeployStaging }).unwrap();
    way.order(Order::Rollback).unwrap();
    assert!(matches!(next(&way.state), Step::Reconcile(pending) if pending.effect == Effect::DeployStaging));
    way.write(&Record::Came { request, came: Came::Done(Made::default()) }).unwrap();
    assert_eq!(next(&way.state), Step::Begin(Effect::RemoveStaging));
}

#[test]
fn a_complete_rollout_can_be_rolled_back_and_not_aborted_and_an_aborted_one_takes_no_order() {
    let mut way = Way::begun().until(&Step::Stop(Stop::Complete));
    for order in [Order::Run, Order::Resume, Order::Abort] {
        assert!(way.order(order).unwrap_err().to_string().ends_with("the rollout is complete"));
    }
    way.order(Order::Rollback).unwrap();
    assert_eq!(next(&way.state), Step::Begin(Effect::RestoreProduction));
    way.order(Order::Abort).unwrap();
    way.does(Effect::RestoreProduction, Came::Done(Made::default()));
    way.looks(Look::Proof, Verdict::Passed);
    assert_eq!(next(&way.state), Step::Stop(Stop::Aborted));
    for order in [Order::Run, Order::Resume, Order::Rollback, Order::Abort] {
        assert!(way.order(order).is_err());
    }
}
