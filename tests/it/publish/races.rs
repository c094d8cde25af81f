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
fn a_tag_that_moves_during_the_uploads_is_not_published() {
    let stage = Stage::new(super::NODE);
    let stopped = stage.gate.stop(Which::Of(Method::POST, "/assets", 0), Instead::Stopped);
    let run = stage.publish_aside(&["--jobs", "1"]);
    stopped.wait("the first upload");
    stage.gate.moves_tags();
    stopped.let_go();
    let (code, said) = ended(run);
    assert!(code == 10 && said.contains("the tag was moved or deleted after it was checked"), "{code}\n{said}");
    assert_eq!(stage.gate.releases(stage.tag)[0]["draft"], true);
}

#[test]
fn an_asset_that_took_its_name_meanwhile_is_not_deleted_under_its_old_one() {
    let stage = Stage::new(super::NODE);
    stage.finish(&[]);
    let name = "sbom.spdx.json";
    let wanted = super::folder::digests(&stage.place, &stage.folder());
    let digest = wanted[name].strip_prefix("sha256:").unwrap();
    let release = stage.gate.releases(stage.tag).pop().unwrap();
    let content = stage.place.read(&format!("{}/{name}", stage.folder()));
    let waiting = format!("{name}.incoming-{}", &digest[..12]);
    stage.gate.upload(release["id"].as_u64().unwrap(), &waiting, content);
    let release = stage.gate.releases(stage.tag).pop().unwrap();
    let id = |called: &str| {
        release["assets"].as_array().unwrap().iter().find(|asset| asset["name"] == called).unwrap()["id"].clone()
    };
    let (live, other) = (id(name), id(&waiting));
    stage.gate.forget();
    let path: &'static str = Box::leak(format!("/releases/assets/{other}").into_boxed_str());
    let stopped = stage.gate.stop(Which::Of(Method::GET, path, 0), Instead::Stopped);
    let run = stage.publish_aside(&["--replace"]);
    stopped.wait("the look at the asset");
    // As another run does it between the plan and the deletion.
    stage.gate.ask(Method::DELETE, &format!("releases/assets/{live}"), None);
    let to = serde_json::json!({ "name": name });
    stage.gate.ask(Method::PATCH, &format!("releases/assets/{other}"), Some(&to));
    stopped.let_go();
    let (code, said) = ended(run);
    assert_eq!(code, 0, "{said}");
    stage.is_published();
    assert_eq!(stage.gate.writes(), [""; 0]);
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
