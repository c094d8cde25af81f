//! `kill -9` at the boundaries of requests to GitHub, Sigstore and the collateral service, and of words to Docker, and `resume`:
//! the same end as without it, nothing deployed or proposed twice, and nothing left.
//!
//! A kind of request is its service, its method and its path without numbers and names. What changes something is tried in each
//! step of the rollout that does so, held before it is carried out and after; what reads, in the first step that does and at
//! GitHub in the last one too, where before and after are the same. Requests to Phala Cloud are `killed`'s.

use std::{
    collections::BTreeSet,
    path::Path,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
};

use axum::http::Method;
use merotee::sandbox::boundary::{Boundary, Hold};
use serde_json::Value;

use super::stage::{NEW, On, Stage};
use crate::{binary::killed::killed_when, tampering::each};

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

/// The kinds of request of a rollout that nobody kills: what changes something in each of its steps, and what reads in the first
/// step where it does, and at GitHub in the last one too.
fn kinds(on: On, counts: fn(&Boundary) -> bool) -> Vec<Kind> {
    let (stage, seen) = (Stage::on(on), Arc::<Mutex<BTreeSet<Kind>>>::default());
    let (all, file) = (Arc::clone(&seen), stage.place.path("rollout.jsonl"));
    stage.world.boundaries().choose(move |asked| {
        if counts(asked) {
            all.lock().unwrap().insert(kind(asked, &file));
        }
        None
    });
    stage.run().run().expect(0);
    let seen = seen.lock().unwrap().clone();
    let of = |kind: &Kind| (kind.1, kind.2.clone(), kind.3.clone());
    let steps =
        |kind: &Kind| seen.iter().filter(|other| of(other) == of(kind)).map(|other| other.0).collect::<Vec<_>>();
    let is_chosen = |kind: &&Kind| {
        let steps = steps(kind);
        // What is verified again is read at GitHub again; what follows from that is the same as the first time.
        let is_last = steps.last() == Some(&kind.0) && kind.1 == "github";
        !kind.2.is_safe() || steps.first() == Some(&kind.0) || is_last
    };
    seen.iter().filter(is_chosen).cloned().collect()
}

fn kind(asked: &Boundary, file: &Path) -> Kind {
    let step = steps(&std::fs::read_to_string(file).unwrap_or_default());
    (step, asked.service, asked.method.clone(), shape(&asked.path))
}

/// Kills a rollout at the first request of a kind, goes on, and says what is not as if nobody had killed it.
fn killed_at(on: On, wanted: &Kind, hold: Hold) -> Option<String> {
    let stage = Stage::on(on);
    let (file, kind_of) = (stage.place.path("rollout.jsonl"), wanted.clone());
    let is_over = AtomicBool::new(false);
    stage.world.boundaries().choose(move |asked| {
        let is_it = kind(asked, &file) == kind_of && !is_over.swap(kind(asked, &file) == kind_of, Ordering::SeqCst);
        is_it.then_some(hold)
    });
    let was_killed = killed_when(stage.aside(), || stage.world.boundaries().held() > 0);
    stage.world.boundaries().release();
    let told = format!("{hold:?} {wanted:?}");
    if !was_killed {
        return Some(format!("{told}: it was not reached"));
    }
    // What was killed before it wrote anything is begun again.
    let run = if stage.place.path("rollout.jsonl").exists() { stage.resumed() } else { stage.run().run() };
    if run.code != 0 {
        return Some(format!("{told}: {}", run.shown()));
    }
    stage.is_clean(NEW, &told);
    // The recorder is behind the boundary: it notes what was carried out, answered or not.
    let asked = stage.world.github().recorder().requests();
    let opened = asked.iter().filter(|one| one.method == Method::POST && one.path.ends_with("/pulls"));
    let (opened, updates) = (opened.filter(|one| one.status == Some(201)).count(), stage.updates());
    (opened != 1 || updates != 1).then(|| format!("{told}: {opened} pull requests opened, {updates} updates"))
}

#[track_caller]
fn hold(on: On, kinds: &[Kind]) {
    let cases: Vec<(&Kind, Hold)> = kinds
        .iter()
        .flat_map(|kind| {
            let after = (!kind.2.is_safe()).then_some((kind, Hold::After));
            [(kind, Hold::Before)].into_iter().chain(after)
        })
        .collect();
    each(&cases, |(kind, hold)| killed_at(on, kind, *hold));
}

#[test]
fn a_rollout_that_is_killed_at_any_kind_of_request_to_github_and_sigstore_ends_as_one_that_was_not() {
    let kinds = kinds(On::Cloud, |asked| !["phala", "docker"].contains(&asked.service));
    for service in ["github", "storage", "sigstore", "pccs"] {
        assert!(kinds.iter().any(|(_, of, ..)| *of == service), "{service}: {kinds:#?}");
    }
    for path in ["signingCert", "timestamp", "entries", "git/refs", "git/commits", "pulls", "labels"] {
        let changes = |(_, _, method, shape): &Kind| *method == Method::POST && shape.contains(path);
        assert!(kinds.iter().any(changes), "{path}: {kinds:#?}");
    }
    hold(On::Cloud, &kinds);
}

#[test]
fn a_rollout_that_is_killed_at_any_words_to_docker_deploys_nothing_twice() {
    let kinds = kinds(On::Host, |asked| asked.service == "docker");
    for act in ["staging/pull", "staging/up", "staging/rm", "production/up", "ps", "port", "inspect"] {
        assert!(kinds.iter().any(|(.., shape)| shape.ends_with(act)), "{act}: {kinds:#?}");
    }
    hold(On::Host, &kinds);
}
