//! `kill -9` at the boundaries of requests to GitHub, Sigstore and the collateral service, and of words to Docker, and `resume`:
//! the same end as without it, nothing deployed or proposed twice, and nothing left.
//!
//! One rollout is killed again and again: at each kind of request in each of its steps, once. A kind is the service, the method
//! and the path without its numbers and names. What changes something is held before it is carried out in one rollout, and
//! after it is in another; what reads is the same either way. Requests to Phala Cloud are `killed`'s.

use std::{
    collections::BTreeSet,
    sync::{Arc, Mutex},
};

use axum::http::Method;
use merotee::sandbox::boundary::{Boundary, Hold};
use serde_json::Value;

use super::stage::{NEW, On, Stage};
use crate::binary::killed::killed_when;

/// What a rollout was killed at: how many steps were done, and the kind of the request.
type Kind = (usize, &'static str, Method, String);

/// A path without what differs from run to run: the repository, numbers and names.
fn shape(path: &str) -> String {
    let path = path.split('?').next().unwrap_or_default();
    let is_word = |part: &&str| !part.bytes().any(|b| b.is_ascii_digit()) || ["v1", "v2", "v3", "v4"].contains(part);
    let parts: Vec<&str> = path.split('/').filter(|part| !part.is_empty()).collect();
    let shown = parts.iter().map(|part| if is_word(part) { *part } else { "*" });
    shown.collect::<Vec<_>>().join("/")
}

/// How many different things were judged or done so far, by the state file. What is judged or done again counts once.
fn steps(state: &str) -> usize {
    let mut done = BTreeSet::new();
    let mut begun = String::new();
    for line in state.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok()) {
        let record = &line["record"];
        if let Some(effect) = record["intent"]["effect"].as_str() {
            begun = effect.to_owned();
        }
        if record["judged"]["verdict"] == "passed" {
            done.insert(record["judged"]["look"].to_string());
        }
        if record["came"]["came"].get("done").is_some() {
            done.insert(begun.clone());
        }
    }
    done.len()
}

/// Kills a rollout at each kind of request that `counts`, and goes on after each; says at which it was.
fn killed_everywhere(stage: &Stage, hold: Hold, counts: fn(&Boundary) -> bool) -> BTreeSet<Kind> {
    let (seen, file) = (Arc::new(Mutex::new(BTreeSet::new())), stage.place.path("rollout.jsonl"));
    let kinds = Arc::clone(&seen);
    stage.world.boundaries().choose(move |asked| {
        if !counts(asked) || (hold == Hold::After && asked.method.is_safe()) {
            return None;
        }
        // What reads is the same in every step.
        let step = if asked.method.is_safe() { 0 } else { steps(&std::fs::read_to_string(&file).unwrap_or_default()) };
        let kind = (step, asked.service, asked.method.clone(), shape(&asked.path));
        kinds.lock().unwrap().insert(kind).then_some(hold)
    });
    let boundaries = stage.world.boundaries();
    let mut is_begun = false;
    for _ in 0..400 {
        let held = boundaries.held();
        let child = if is_begun { stage.stopped(stage.order("resume")) } else { stage.aside() };
        if !killed_when(child, || boundaries.held() > held) {
            break;
        }
        is_begun = stage.place.path("rollout.jsonl").exists();
    }
    boundaries.release();
    let seen = seen.lock().unwrap().clone();
    seen
}

/// The end is the one of a rollout that nobody killed.
#[track_caller]
fn ends_well(stage: &Stage, kinds: &BTreeSet<Kind>) {
    let told = format!("killed at {kinds:#?}");
    let run = stage.resumed();
    assert_eq!(run.code, 0, "{told}\n{}", run.shown());
    stage.is_clean(NEW, &told);
    assert_eq!(stage.updates(), 1, "{told}");
    // The recorder is behind the boundary: it notes what was carried out, answered or not.
    let asked = stage.world.github().recorder().requests();
    let opened = asked.iter().filter(|one| one.method == Method::POST && one.path.ends_with("/pulls"));
    assert_eq!(opened.filter(|one| one.status == Some(201)).count(), 1, "{told}");
}

#[test]
fn a_rollout_that_is_killed_before_each_kind_of_request_to_github_and_sigstore_ends_as_one_that_was_not() {
    let stage = Stage::new();
    let kinds = killed_everywhere(&stage, Hold::Before, |asked| !["phala", "docker"].contains(&asked.service));
    for service in ["github", "storage", "sigstore", "pccs"] {
        assert!(kinds.iter().any(|(_, of, ..)| *of == service), "{service}: {kinds:#?}");
    }
    for path in ["signingCert", "timestamp", "entries", "pulls"] {
        let changes = |(_, _, method, shape): &&Kind| *method == Method::POST && shape.contains(path);
        assert!(kinds.iter().any(|kind| changes(&kind)), "{path}: {kinds:#?}");
    }
    ends_well(&stage, &kinds);
}

#[test]
fn a_rollout_that_is_killed_after_each_change_at_github_and_sigstore_changes_nothing_twice() {
    let stage = Stage::new();
    let kinds = killed_everywhere(&stage, Hold::After, |asked| !["phala", "docker"].contains(&asked.service));
    assert!(kinds.len() >= 6, "{kinds:#?}");
    ends_well(&stage, &kinds);
}

#[test]
fn a_rollout_that_is_killed_before_or_after_any_words_to_docker_deploys_nothing_twice() {
    for hold in [Hold::Before, Hold::After] {
        let stage = Stage::on(On::Host);
        let kinds = killed_everywhere(&stage, hold, |asked| asked.service == "docker");
        for act in ["pull", "up", "rm"] {
            assert!(kinds.iter().any(|(.., shape)| shape.ends_with(act)), "{act}: {kinds:#?}");
        }
        ends_well(&stage, &kinds);
    }
}
