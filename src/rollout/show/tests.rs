//! Tests of what people see of a rollout.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use super::*;
use crate::{
    report::Verdict as Word,
    rollout::{
        fixtures::{at, judged, operator, started, state},
        path::Look,
        record::{Came, Entry, Made, Order, Record, Verdict},
        soak::{Phase, Sample},
        words::Remark,
    },
};

/// A rollout that goes on as long as `until` says no, with the records that made it.
fn driven(until: impl Fn(&State) -> bool, bad: impl Fn(u64) -> Option<u32>) -> (State, Vec<Entry>) {
    let mut state = state();
    let mut entries = vec![Entry { at: at(0), record: started() }];
    let mut write = |state: &mut State, seconds: i64, record: Record| {
        state.apply(at(seconds), &record).unwrap();
        entries.push(Entry { at: at(seconds), record });
    };
    write(&mut state, 1, Record::Order { order: Order::Run, by: operator() });
    let mut seconds = 2;
    while !until(&state) {
        seconds += 15;
        match next(&state) {
            Step::Look(look) => write(&mut state, seconds, judged(look, Verdict::Passed)),
            Step::Begin(effect) => {
                let request = crate::probe::journal::RequestId::new([u8::try_from(seconds % 251).unwrap(); 16]);
                write(&mut state, seconds, Record::Intent { request: request.clone(), effect });
                let made = Made::with([("number".parse().unwrap(), "12".parse().unwrap())]);
                write(&mut state, seconds + 1, Record::Came { request, came: Came::Done(made) });
            }
            Step::Sample { phase, .. } => {
                let latency = bad(u64::try_from(state.samples().1.len()).unwrap()).filter(|_| phase == Phase::Soak);
                let latency_ms = Some(latency.unwrap_or(80));
                let sample = Sample { at: at(seconds), healthy: true, requests: 4, errors: 0, latency_ms };
                write(&mut state, seconds, Record::Sampled { phase, sample });
            }
            Step::Reconcile(_) | Step::Stop(_) => break,
        }
    }
    (state, entries)
}

#[test]
fn a_screen_says_the_gates_their_times_and_evidence_and_what_comes_next_within_80_columns() {
    let (state, entries) = driven(|state| state.samples().1.len() == 3, |_| None);
    let shown = screen(&state, entries.len(), Some("ada (process 4711 on ops-1), since 2026-11-30T01:00:00Z"), "FILE");
    assert!(shown.lines().all(|line| line.chars().count() <= 80), "{shown}");
    assert!(shown.lines().count() <= 24, "{shown}");
    for line in [
        "mero-kms-v1.2.0 with mero-tee-v1.2.0, locked-read-only",
        "  D5  promote the policy            passed       01:01:47-01:02:02",
        "  D6  deploy production             in progress  01:02:17-",
        "production  new digest",
        "policy      pull request #12, merged (stays)",
        "soak        30 s of 60 s soaked",
        "soak        latency ▅▅▅ 80 ms, limit 160 ms",
        "next        sample production; run `merotee rollout resume --state FILE`",
    ] {
        assert!(shown.contains(line), "{line}\n{shown}");
    }
}

#[test]
fn a_breach_names_the_figure_and_the_limit_and_the_way_goes_back() {
    let (state, entries) = driven(|_| false, |index| (index == 2).then_some(500));
    let shown = screen(&state, entries.len(), None, "rollout.jsonl");
    let why = "failed      D6: latency: 500 ms; the limit is 160 ms, with 80 ms before the";
    assert!(shown.contains(why), "{shown}");
    assert!(shown.contains("next        already rolled back: correct the cause, then run `merotee rollout"), "{shown}");
    let found: Vec<_> = gates(&state, "rollout.jsonl", true).into_iter().map(|finding| finding.message).collect();
    assert!(found.iter().any(|message| message.starts_with("soak: sample production")), "{found:?}");
    let sections = sections(&state, &entries, "ab", "rollout.jsonl");
    assert_eq!(sections.first().unwrap().verdict(), Word::Failed);
    let restored = sections.last().unwrap().actions.iter().map(|action| action.what.as_str()).collect::<Vec<_>>();
    assert!(sections.last().unwrap().findings.iter().any(|finding| finding.message.contains("500 ms")));
    assert_eq!(sections.last().unwrap().verdict(), Word::Failed);
    let told = "rolled back: production was switched back, and the standing node got its key; pull request #12, merged \
                (stays): revert it in a pull request of its own if it was the cause";
    assert_eq!(undone(&state), told);
    assert_eq!(restored, ["switch production to the new digest", "switch production back to the digest it had"]);
}

#[test]
fn a_record_lists_every_judgement_with_the_digest_of_its_evidence_and_a_complete_rollout_passes() {
    let (state, entries) = driven(|_| false, |_| None);
    assert_eq!(
        coming(&state, "rollout.jsonl"),
        "nothing: the rollout is complete; to undo it, run `merotee rollout rollback --state rollout.jsonl`"
    );
    let sections = sections(&state, &entries, "ab", "rollout.jsonl");
    assert_eq!(sections.len(), 7);
    assert!(sections.iter().all(|section| section.verdict() == Word::Passed));
    let d1 = sections.get(1).unwrap();
    let digest = crate::digest::Sha256::of(Look::KmsRelease.name().as_bytes());
    let message = &d1.findings.get(1).unwrap().message;
    assert!(message.contains(&format!("kms-release.json sha256:{digest} (11 bytes)")), "{message}");
}

#[test]
fn a_gate_that_is_not_reached_is_no_pass_of_a_run_and_left_open_by_a_look() {
    let (state, _) = driven(|state| state.judged(Look::NodeRelease).is_some(), |_| None);
    let verdict = |complete| Word::of(gates(&state, "rollout.jsonl", complete).iter());
    assert_eq!((verdict(true), verdict(false)), (Word::Undecided, Word::Passed));
}

#[test]
fn a_sample_is_one_plain_line_of_a_log() {
    let (state, _) = driven(|state| state.samples().1.len() == 2, |_| None);
    let sample = state.samples().1.last().unwrap();
    let line = sample_line(&state, Phase::Soak, sample);
    assert!(line.ends_with(" sample: healthy, 0 of 4 key requests failed, 80 ms; 15 s of 60 s soaked"), "{line}");
    let none = Sample { healthy: false, errors: 4, latency_ms: None, ..*sample };
    assert!(sample_line(&state, Phase::Baseline, &none).contains("NOT healthy, 4 of 4 key requests failed, no key"));
    assert_eq!(Remark::new("").as_str(), "no reason was given");
}
