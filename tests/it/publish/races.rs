//! Two runs at once: one of them publishes, and the other says so and harms nothing.

use std::process::Child;

use axum::http::Method;

use super::{
    Stage,
    gate::{Instead, Which},
};

/// Lets one run begin and stops it at a request, has another one do all of it, and lets the first go on: its exit code and
/// what it said.
fn overtaken(stage: &Stage, which: Which, what: Instead) -> (i32, String) {
    stage.gate.remove_releases(stage.tag);
    stage.gate.forget();
    let stopped = stage.gate.stop(which.clone(), what);
    let first = stage.publish_aside(&["--jobs", "1"]);
    stopped.wait(&format!("{which:?} {what:?}"));
    stage.finish(&["--jobs", "1"]);
    stopped.let_go();
    ended(first)
}

/// Exit code, and both streams.
fn ended(run: Child) -> (i32, String) {
    let output = run.wait_with_output().unwrap();
    let said = [output.stdout, output.stderr].map(|stream| String::from_utf8(stream).unwrap()).concat();
    (output.status.code().unwrap_or_else(|| panic!("{said}")), said)
}

#[test]
fn a_run_that_is_overtaken_at_any_request_harms_nothing() {
    let stage = Stage::new(super::NODE);
    stage.finish(&["--jobs", "1"]);
    let all = stage.gate.asked();
    let mut codes = Vec::new();
    for what in [Instead::Stopped, Instead::DoneAndStopped] {
        for number in 0..all {
            let (code, said) = overtaken(&stage, Which::Nth(number), what);
            let harmless = match code {
                0 => true,
                1 => said.contains("another run of publish") || said.contains("is gone"),
                _ => false,
            };
            assert!(harmless, "{what:?} {number}: {code}\n{said}");
            stage.is_published();
            codes.push(code);
        }
    }
    assert!(codes.contains(&0), "{codes:?}");
}

#[test]
fn of_two_runs_that_make_a_draft_at_the_same_time_the_older_draft_stays() {
    let stage = Stage::new(super::NODE);
    // One is stopped before its draft is made, and sees afterwards that another is there.
    let late = stage.gate.stop(Which::Of(Method::POST, "/releases", 0), Instead::Stopped);
    let loser = stage.publish_aside(&[]);
    late.wait("the draft of the loser");
    // The other gets as far as its draft and no further.
    let early = stage.gate.stop(Which::Of(Method::POST, "/assets", 0), Instead::Stopped);
    let winner = stage.publish_aside(&["--jobs", "1"]);
    early.wait("the first upload of the winner");
    late.let_go();
    let (code, said) = ended(loser);
    assert!(code == 1 && said.contains("another run of publish made draft"), "{code}\n{said}");
    assert!(said.contains("delete draft"), "its own: {said}");
    assert_eq!(stage.gate.releases(stage.tag).len(), 1);
    early.let_go();
    let (code, said) = ended(winner);
    assert_eq!(code, 0, "{said}");
    stage.is_published();
}

#[test]
fn a_run_whose_draft_is_taken_over_says_so_and_leaves_it_to_the_other() {
    let stage = Stage::new(super::NODE);
    let early = stage.gate.stop(Which::Of(Method::POST, "/assets", 2), Instead::Stopped);
    let first = stage.publish_aside(&["--jobs", "1"]);
    early.wait("the third upload of the first");
    let late = stage.gate.stop(Which::Of(Method::POST, "/assets", 1), Instead::Stopped);
    let second = stage.publish_aside(&["--jobs", "1"]);
    late.wait("the second upload of the second");
    early.let_go();
    let (code, said) = ended(first);
    assert!(code == 1 && said.contains("another run of publish took draft"), "{code}\n{said}");
    late.let_go();
    let (code, said) = ended(second);
    assert_eq!(code, 0, "{said}");
    stage.is_published();
}

#[test]
fn two_runs_from_the_start_at_once_leave_one_release() {
    let stage = Stage::new(super::NODE);
    let runs = [stage.publish_aside(&[]), stage.publish_aside(&[])];
    let ends = runs.map(ended);
    assert!(ends.iter().any(|(code, _)| *code == 0), "{ends:#?}");
    assert!(ends.iter().all(|(code, _)| matches!(code, 0 | 1)), "{ends:#?}");
    stage.is_published();
}
