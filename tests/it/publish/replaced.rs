//! A published release that is changed with leave: at every moment each asset is there, the old one or the new one.

use std::collections::BTreeMap;

use axum::http::Method;
use serde_json::json;

use super::{
    NODE, Stage, folder,
    gate::{Held, Instead, Which},
    kill,
};

const LEAVE: [&str; 3] = ["--replace", "--jobs", "1"];

/// A release under which other bytes are published than the folder holds, under all names but one.
struct Old {
    stage: Stage,
    assets: BTreeMap<String, String>,
}

impl Old {
    fn new() -> Self {
        Self { stage: Stage::new(NODE), assets: BTreeMap::new() }
    }

    /// Publishes the old bytes anew.
    fn reset(&mut self) {
        let gate = &self.stage.gate;
        gate.remove_releases(NODE);
        let draft = json!({ "tag_name": NODE, "name": NODE, "body": "old notes", "draft": false });
        let id = gate.ask(Method::POST, "releases", Some(&draft))["id"].as_u64().unwrap();
        for name in folder::digests(&self.stage.place, &self.stage.folder()).into_keys() {
            gate.upload(id, &name, format!("the old {name}"));
        }
        gate.upload(id, "no-longer-wanted.txt", "the old extra".to_owned());
        self.assets = gate.assets(&gate.releases(NODE)[0]);
        gate.forget();
    }

    /// Of each wanted name, the old or the new content is there in every state, whatever it is called at the moment.
    fn always_there(&self, history: &[Held]) {
        let wanted = folder::digests(&self.stage.place, &self.stage.folder());
        assert!(!history.is_empty());
        for held in history {
            let assets: Vec<_> = held.values().flatten().collect();
            for (name, new) in &wanted {
                let old = &self.assets[name];
                let there = |content: &String| {
                    let mut of = assets.iter().filter(|(called, ..)| called.starts_with(name.as_str()));
                    of.any(|(_, digest, _)| digest == content)
                };
                assert!(there(old) || there(new), "{name} is gone: {assets:#?}");
            }
        }
    }
}

#[test]
fn a_published_release_becomes_what_the_folder_holds_and_a_kill_at_any_request_loses_nothing() {
    let mut old = Old::new();
    old.reset();
    old.stage.finish(&LEAVE);
    old.always_there(&old.stage.gate.history());
    let (all, writes) = (old.stage.gate.asked(), old.stage.gate.writes());
    let uploads = writes.iter().filter(|write| write.contains("/assets?name=")).count();
    assert_eq!(uploads, 5, "{writes:#?}");
    let whole = (0..all).map(|n| (Which::Nth(n), Instead::DoneAndStopped));
    let half = (0..uploads).map(|n| (Which::Of(Method::POST, "/assets", n), Instead::HalfAndStopped));
    for (which, what) in whole.chain(half) {
        old.reset();
        let stopped = old.stage.gate.stop(which.clone(), what);
        let child = old.stage.publish_aside(&LEAVE);
        stopped.wait(&format!("{which:?} {what:?}"));
        kill(child);
        stopped.let_go();
        old.stage.finish(&LEAVE);
        let history = old.stage.gate.history();
        if !history.is_empty() {
            old.always_there(&history);
        }
    }
}
