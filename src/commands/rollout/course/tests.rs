//! Tests of the engine, with steps that a test carries out.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::wildcard_enum_match_arm,
    reason = "a test fails by panicking, at whatever it does not expect"
)]

use std::{cell::Cell, path::Path};

use super::*;
use crate::{
    adapters::rollout_state::Holder,
    report::{CheckInfo, Section},
    rollout::{
        fixtures::{inputs, reach},
        inputs::Inputs,
        record::{Made, Order},
        soak::{Limits, Sample},
        step::Stop,
    },
};

const RULE: CheckInfo = CheckInfo { id: "release", title: "a check of a test" };

fn clock(ticks: &Cell<i64>) -> Timestamp {
    ticks.set(ticks.get() + 1);
    Timestamp::from_second(1_796_000_000 + ticks.get()).unwrap()
}

fn begun(path: &Path) -> Rollout {
    let soak = Limits { length: 4, interval_ms: 1_000, ..Limits::default() };
    let inputs = Inputs { soak, ..inputs() };
    let me = Holder::this(Some("ada"), Timestamp::UNIX_EPOCH);
    let at = Timestamp::from_second(1_796_000_000).unwrap();
    let mut rollout = Rollout::begin(path, at, RequestId::new([7; 16]), (inputs, reach()), &me).unwrap();
    rollout.record(at, Record::Order { order: Order::Run, by: me.operator() }).unwrap();
    rollout
}

fn passed(look: Look, state: &State) -> Judged {
    let section = Section { findings: vec![RULE.pass("", "fine")], ..Section::new(state.subject(look)) };
    let report = Report { command: look.command().into(), sections: vec![section], ..Report::default() };
    Judged { verdict: Verdict::Passed, why: None, report: Some(report), attachments: Vec::new(), facts: Vec::new() }
}

fn well(step: &Step, state: &State, ticks: &Cell<i64>) -> Outcome {
    match step {
        Step::Look(look) => Outcome::Judged(Box::new(passed(*look, state))),
        Step::Begin(_) | Step::Reconcile(_) => {
            Outcome::Came(Came::Done(Made::with([("number".parse().unwrap(), "12".parse().unwrap())])))
        }
        Step::Sample { .. } => {
            let at = clock(ticks);
            Outcome::Sampled(Sample { at, healthy: true, requests: 4, errors: 0, latency_ms: Some(70) })
        }
        Step::Stop(_) => panic!("nothing is to be carried out"),
    }
}

async fn drive_well(rollout: &mut Rollout, ticks: &Cell<i64>) -> Vec<Action> {
    let perform = async |step: &Step, state: &State| Ok(well(step, state, ticks));
    drive(rollout, &|| clock(ticks), perform, &mut Watch::silent()).await.unwrap()
}

#[tokio::test]
async fn it_goes_through_all_gates_and_every_pass_leaves_evidence_that_reads() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("r.state");
    let (mut rollout, ticks) = (begun(&path), Cell::new(0));
    let actions = drive_well(&mut rollout, &ticks).await;
    assert!(actions.iter().all(|action| !action.target.is_empty()), "{actions:?}");
    let done: Vec<String> = actions.into_iter().map(|action| action.what).collect();
    assert_eq!(
        done,
        [
            "deploy the staging KMS",
            "remove the staging KMS",
            "open the pull request with the policy",
            "switch production to the new digest"
        ]
    );
    assert_eq!(next(rollout.state()), Step::Stop(Stop::Complete));
    drop(rollout);
    let seen = Rollout::look(&path).unwrap();
    assert_eq!(next(&seen.state), Step::Stop(Stop::Complete));
    assert_eq!(std::fs::read_dir(folder.path().join("r.state.evidence")).unwrap().count(), 11);
}

#[tokio::test]
async fn an_effect_that_ends_the_process_is_looked_for_and_not_begun_again() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("r.state");
    let (mut rollout, ticks) = (begun(&path), Cell::new(0));
    let fails = async |step: &Step, state: &State| match step {
        Step::Begin(_) => Err(Error::remote("the line is dead")),
        step => Ok(well(step, state, &ticks)),
    };
    let failed = drive(&mut rollout, &|| clock(&ticks), fails, &mut Watch::silent()).await.unwrap_err();
    assert_eq!(failed.to_string(), "the line is dead");
    drop(rollout);
    let me = Holder::this(Some("bob"), Timestamp::UNIX_EPOCH);
    let mut rollout = Rollout::open(&path, clock(&ticks), &me).unwrap();
    rollout.record(clock(&ticks), Record::Order { order: Order::Resume, by: me.operator() }).unwrap();
    let steps = Cell::new(0);
    let perform = async |step: &Step, state: &State| {
        if steps.replace(steps.get() + 1) == 0 {
            assert!(matches!(step, Step::Reconcile(_)), "{step:?}");
        }
        Ok(well(step, state, &ticks))
    };
    drive(&mut rollout, &|| clock(&ticks), perform, &mut Watch::silent()).await.unwrap();
    assert_eq!(next(rollout.state()), Step::Stop(Stop::Complete));
}

#[tokio::test]
async fn a_pass_whose_report_does_not_say_so_is_not_written_down() {
    let folder = tempfile::tempdir().unwrap();
    let (mut rollout, ticks) = (begun(&folder.path().join("r.state")), Cell::new(0));
    let lies = async |step: &Step, state: &State| match step {
        Step::Look(look) => {
            let mut judged = passed(*look, state);
            judged.report.as_mut().unwrap().sections.first_mut().unwrap().findings = vec![RULE.fail("", "bad")];
            Ok(Outcome::Judged(Box::new(judged)))
        }
        step => Ok(well(step, state, &ticks)),
    };
    let failed = drive(&mut rollout, &|| clock(&ticks), lies, &mut Watch::silent()).await.unwrap_err().to_string();
    assert_eq!(failed, "the report of `kms-release` is a report that says `failed`");
    assert!(rollout.state().judged(Look::KmsRelease).is_none());
}
