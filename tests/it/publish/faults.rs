//! What may go wrong at each request that changes something. One run makes up for what passes; a second one for the rest.

use axum::http::Method;

use super::{
    Stage,
    gate::{Instead, Which},
};

const SECONDARY: &str = "You have exceeded a secondary rate limit. Please wait a few minutes before you try again.";
/// At an upload, whichever it is.
const AT_UPLOADS: [Instead; 10] = [
    Instead::Answered(502, &[], "Bad Gateway"),
    Instead::Answered(500, &[], "oops"),
    Instead::Answered(403, &[("retry-after", "0")], SECONDARY),
    Instead::Answered(429, &[("retry-after", "1")], "slow down"),
    Instead::DoneBut(502),
    Instead::Dropped,
    Instead::AnswerLost,
    Instead::Starter,
    Instead::Empty,
    Instead::DoneBut(422),
];

fn with(stage: &Stage, which: Which, what: Instead) {
    stage.gate.remove_releases(stage.tag);
    stage.gate.forget();
    stage.gate.instead(which, what);
}

#[test]
fn a_run_makes_up_for_whatever_goes_wrong_at_an_upload() {
    let stage = Stage::new(super::NODE);
    for (number, what) in AT_UPLOADS.into_iter().enumerate() {
        // Each at another upload, and the last kinds at the first again.
        with(&stage, Which::Of(Method::POST, "/assets", number % 5), what);
        stage.finish(&[]);
        assert!(stage.gate.rules_are_used(), "{what:?}");
        let writes = stage.gate.writes();
        let of = |start: &str| writes.iter().filter(|write| write.starts_with(start)).count();
        assert_eq!(of("PATCH"), 1, "{what:?}: published once: {writes:#?}");
        let broken = matches!(what, Instead::Starter | Instead::Empty);
        assert_eq!(of("DELETE"), usize::from(broken), "{what:?}: {writes:#?}");
    }
}

#[test]
fn every_upload_may_fail_in_a_run_and_all_are_there_in_the_end() {
    let stage = Stage::new(super::NODE);
    for what in [Instead::Starter, Instead::AnswerLost] {
        with(&stage, Which::Of(Method::POST, "/assets", 0), what);
        for _ in 1..5 {
            stage.gate.instead(Which::Of(Method::POST, "/assets", 0), what);
        }
        stage.finish(&[]);
        assert!(stage.gate.rules_are_used(), "{what:?}");
    }
}

#[test]
fn a_draft_that_was_made_without_an_answer_is_found_and_not_made_twice() {
    let stage = Stage::new(super::NODE);
    for what in [Instead::DoneBut(502), Instead::AnswerLost, Instead::DoneBut(422)] {
        with(&stage, Which::Of(Method::POST, "/releases", 0), what);
        stage.finish(&[]);
        let created = stage.gate.writes().iter().filter(|write| write.ends_with("/releases")).count();
        assert_eq!(created, 1, "{what:?}");
    }
    with(&stage, Which::Of(Method::POST, "/releases", 0), Instead::Answered(502, &[], "Bad Gateway"));
    stage.finish(&[]);
}

#[test]
fn a_release_that_was_published_without_an_answer_is_read_back_and_not_published_twice() {
    let stage = Stage::new(super::NODE);
    for what in [Instead::DoneBut(502), Instead::AnswerLost] {
        with(&stage, Which::Of(Method::PATCH, "", 0), what);
        stage.finish(&[]);
        assert_eq!(stage.gate.writes().iter().filter(|write| write.starts_with("PATCH")).count(), 1, "{what:?}");
    }
}

#[test]
fn what_does_not_pass_ends_the_run_and_the_next_one_goes_on_from_there() {
    let stage = Stage::new(super::NODE);
    let refusal = Instead::Answered(403, &[], "Resource not accessible by integration");
    with(&stage, Which::Of(Method::POST, "/assets", 2), refusal);
    let run = stage.publish(&["--jobs", "1"]).run().expect(1);
    run.says(&["Resource not accessible by integration", "contents: write", "run it again"]);
    let releases = stage.gate.releases(stage.tag);
    assert_eq!((releases.len(), &releases[0]["draft"]), (1, &serde_json::Value::Bool(true)));
    stage.gate.forget();
    stage.finish(&[]);
    let writes = stage.gate.writes();
    assert_eq!(writes.iter().filter(|write| write.starts_with("POST")).count(), 1, "{writes:#?}");
}

#[test]
fn a_server_that_fails_every_time_ends_the_run_after_its_retries() {
    let stage = Stage::new(super::NODE);
    with(&stage, Which::Of(Method::POST, "/releases", 0), Instead::Dropped);
    stage.gate.instead(Which::Of(Method::POST, "/releases", 0), Instead::Dropped);
    let run = stage.publish(&["--retries", "1"]).run().expect(1);
    run.says(&["[SKIP] publish-readback", "run it again"]);
    assert!(stage.gate.rules_are_used());
    assert_eq!(stage.gate.releases(stage.tag), [serde_json::Value::Null; 0]);
}
