//! `mrtds publish`: measurements join a published release, whose checksums are refreshed and signed again.

use std::{collections::BTreeMap, fs};

use axum::http::Method;
use merotee::{
    digest::Sha256,
    sandbox::{
        documents::commit,
        sigstore::{Identity, Instance},
    },
};
use serde_json::json;

use super::{
    NODE, REPOSITORY, Stage, folder,
    gate::{Held, Instead, Which},
    kill,
};
use crate::binary::{Invocation, Run, statuses};

const DOCUMENT: &str = "published-mrtds.json";
const CHECKSUMS: &str = "checksums.sha256";
const SIGNATURE: &str = "checksums.sha256.sigstore.json";

/// A node release that is published with other measurements, or with none.
struct Published {
    stage: Stage,
    old: BTreeMap<String, Vec<u8>>,
}

impl Published {
    /// The measurements to publish lie in `kept/TAG`; the release has `document` in their place.
    fn new(document: Option<&str>) -> Self {
        let stage = Stage::new(NODE);
        let place = stage.place.path(stage.folder());
        let mut old = BTreeMap::new();
        old.insert("sbom.spdx.json".to_owned(), fs::read(place.join("sbom.spdx.json")).unwrap());
        if let Some(document) = document {
            old.insert(DOCUMENT.to_owned(), document.as_bytes().to_vec());
        }
        let line = |(name, bytes): (&String, &Vec<u8>)| format!("{}  {name}\n", Sha256::of(bytes));
        let text: String = old.iter().map(line).collect();
        let time = "2025-10-01T00:00:00Z".parse().unwrap();
        let (git_ref, tag) = (format!("refs/tags/{NODE}"), NODE.parse().unwrap());
        let who = Identity::github_workflow(REPOSITORY, "release-node-image-gcp.yaml", &git_ref, &commit(&tag));
        let signed = Instance::new(0, time).unwrap().sign(text.as_bytes(), &who, time).unwrap();
        old.insert(CHECKSUMS.to_owned(), text.into_bytes());
        old.insert(SIGNATURE.to_owned(), signed.bundle_json.into_bytes());
        let published = Self { stage, old };
        published.reset();
        published
    }

    fn reset(&self) {
        let gate = &self.stage.gate;
        gate.remove_releases(NODE);
        let notes = self.stage.place.read(&format!("{}/release-notes.md", self.stage.folder()));
        let release = json!({ "tag_name": NODE, "name": NODE, "body": notes, "draft": false });
        let id = gate.ask(Method::POST, "releases", Some(&release))["id"].as_u64().unwrap();
        for (name, bytes) in &self.old {
            gate.upload(id, name, String::from_utf8(bytes.clone()).unwrap());
        }
        gate.forget();
    }

    fn command(&self, options: &[&str]) -> Invocation<'_> {
        let measurements = format!("{}/{DOCUMENT}", self.stage.folder());
        let run = self.stage.place.merotee(["mrtds", "publish", NODE, "--measurements", &measurements]);
        run.args(options).envs(self.stage.gate.exports()).envs(self.stage.gate.signing(NODE))
    }

    /// Runs it, and asserts that the release verifies and holds the measurements.
    #[track_caller]
    fn finish(&self, options: &[&str]) -> Run {
        let run = self.command(options).run().expect(0);
        let releases = self.stage.gate.releases(NODE);
        assert_eq!(releases.len(), 1);
        let assets = self.stage.gate.assets(&releases[0]);
        let names: Vec<&str> = assets.keys().map(String::as_str).collect();
        assert_eq!(names, [CHECKSUMS, SIGNATURE, DOCUMENT, "sbom.spdx.json"]);
        assert_eq!(assets[DOCUMENT], folder::digests(&self.stage.place, &self.stage.folder())[DOCUMENT]);
        let verify = self.stage.place.merotee(["verify-release-assets", NODE]).envs(self.stage.gate.exports());
        verify.run().expect(0);
        run
    }

    /// Each of the old assets, or a new one of its name, is there in every state.
    fn always_there(&self, history: &[Held]) {
        for held in history {
            let assets: Vec<_> =
                held.values().flatten().filter(|(_, content, _)| content.starts_with("sha256:")).collect();
            for name in self.old.keys() {
                let stands_for = |called: &str| {
                    called == name
                        || called.starts_with(&format!("{name}.retired-"))
                        || called.starts_with(&format!("{name}.incoming-"))
                };
                assert!(assets.iter().any(|(called, ..)| stands_for(called)), "{name} is gone: {assets:#?}");
            }
        }
    }
}

/// Measurements that say the same in other bytes.
fn other_bytes() -> String {
    let stage = Stage::new(NODE);
    let text = stage.place.read(&format!("{}/{DOCUMENT}", stage.folder()));
    serde_json::from_str::<serde_json::Value>(&text).unwrap().to_string()
}

#[test]
fn measurements_join_a_release_that_has_none_and_a_second_run_changes_nothing() {
    let published = Published::new(None);
    published.finish(&[]).says(&["sign", CHECKSUMS]);
    published.stage.gate.forget();
    published.finish(&[]).says(&["nothing to do"]);
    assert_eq!(published.stage.gate.writes(), [""; 0]);
}

#[test]
fn other_measurements_are_replaced_only_with_leave() {
    let published = Published::new(Some(&other_bytes()));
    let report = published.command(&["--format", "json"]).run().expect(10).report();
    assert_eq!(statuses(&report, "publish-target"), ["fail"]);
    assert_eq!(published.stage.gate.writes(), [""; 0]);
    published.finish(&["--replace"]);
}

#[test]
fn a_rehearsal_signs_and_changes_nothing() {
    let published = Published::new(None);
    let run = published.command(&["--dry-run"]).run().expect(0);
    run.says(&["planned  sign", "upload", DOCUMENT, "rename"]);
    assert_eq!(published.stage.gate.writes(), [""; 0]);
}

#[test]
fn a_release_whose_own_checksums_do_not_vouch_for_it_is_not_signed() {
    let published = Published::new(None);
    let release = published.stage.gate.releases(NODE).pop().unwrap();
    published.stage.gate.upload(release["id"].as_u64().unwrap(), "smuggled.json", "{}".to_owned());
    let report = published.command(&["--format", "json"]).run().expect(10).report();
    assert!(statuses(&report, "asset-listed").contains(&"fail"));
    assert_eq!(published.stage.gate.writes(), [""; 0]);
}

#[test]
fn a_tag_without_a_published_release_is_missing() {
    let published = Published::new(None);
    published.stage.gate.remove_releases(NODE);
    published.command(&[]).run().expect(11).says(&["merotee publish"]);
}

#[test]
fn a_kill_at_any_request_loses_nothing_and_the_next_run_finishes() {
    let published = Published::new(Some(&other_bytes()));
    let options = ["--replace", "--jobs", "1"];
    published.command(&options).run().expect(0);
    published.always_there(&published.stage.gate.history());
    let all = published.stage.gate.asked();
    let uploads = published.stage.gate.writes().iter().filter(|write| write.contains("/assets?name=")).count();
    assert_eq!(uploads, 3);
    let whole = (0..all).map(|n| (Which::Nth(n), Instead::DoneAndStopped));
    let half = (0..uploads).map(|n| (Which::Of(Method::POST, "/assets", n), Instead::HalfAndStopped));
    for (which, what) in whole.chain(half) {
        published.reset();
        let stopped = published.stage.gate.stop(which.clone(), what);
        let aside = published.stage.place.path("aside");
        fs::create_dir_all(&aside).unwrap();
        let child = published.command(&options).env("TMPDIR", aside).start();
        stopped.wait(&format!("{which:?} {what:?}"));
        kill(child);
        stopped.let_go();
        published.finish(&options);
        published.always_there(&published.stage.gate.history());
    }
}

/// Stops a run at its first upload, meddles, and lets it go on: its exit code and what it said.
fn meddled(published: &Published, meddle: impl FnOnce()) -> (Option<i32>, String) {
    let stopped = published.stage.gate.stop(Which::Of(Method::POST, "/assets", 0), Instead::Stopped);
    let aside = published.stage.place.path("aside");
    fs::create_dir_all(&aside).unwrap();
    let run = published.command(&["--jobs", "1"]).env("TMPDIR", aside).start();
    stopped.wait("the first upload");
    meddle();
    stopped.let_go();
    let output = run.wait_with_output().unwrap();
    (output.status.code(), String::from_utf8([output.stdout, output.stderr].concat()).unwrap())
}

#[test]
fn a_release_that_is_gone_after_it_was_judged_is_not_made_anew() {
    let published = Published::new(None);
    let gate = &published.stage.gate;
    let (code, said) = meddled(&published, || gate.remove_releases(NODE));
    assert!(code == Some(10) && said.contains("no longer published"), "{code:?}\n{said}");
    assert_eq!(gate.releases(NODE), [serde_json::Value::Null; 0]);
}

#[test]
fn a_release_that_changed_after_it_was_judged_keeps_its_checksums() {
    let published = Published::new(None);
    let gate = &published.stage.gate;
    let release = gate.releases(NODE).pop().unwrap();
    let before = gate.assets(&release);
    let id = release["id"].as_u64().unwrap();
    let (code, said) = meddled(&published, || gate.upload(id, "smuggled.json", "{}".to_owned()));
    assert!(code == Some(10) && said.contains("changed after it was judged"), "{code:?}\n{said}");
    assert_eq!(gate.assets(&gate.releases(NODE)[0])[CHECKSUMS], before[CHECKSUMS]);
}

#[test]
fn a_release_whose_tag_moves_after_it_was_judged_keeps_its_checksums() {
    let published = Published::new(None);
    let gate = &published.stage.gate;
    let before = gate.assets(&gate.releases(NODE)[0]);
    let (code, said) = meddled(&published, || gate.moves_tags());
    assert!(code == Some(10) && said.contains("publish-tag"), "{code:?}\n{said}");
    assert_eq!(gate.assets(&gate.releases(NODE)[0])[CHECKSUMS], before[CHECKSUMS]);
}

#[test]
fn what_is_refused_is_not_signed() {
    let published = Published::new(None);
    published.stage.gate.moves_tags();
    // A signature could not be made, so that trying to make one would end otherwise.
    let run = published.command(&["--format", "json"]).env("ACTIONS_ID_TOKEN_REQUEST_URL", "http://127.0.0.1:9/");
    let report = run.run().expect(10).report();
    assert!(statuses(&report, "publish-tag").contains(&"fail"));
    assert_eq!(published.stage.gate.writes(), [""; 0]);
}

#[test]
fn an_asset_that_is_named_as_the_notes_are_cannot_escape_judgement() {
    let published = Published::new(None);
    let release = published.stage.gate.releases(NODE).pop().unwrap();
    let id = release["id"].as_u64().unwrap();
    published.stage.gate.upload(id, "release-notes.md", "# smuggled".to_owned());
    published.command(&[]).run().expect(1).says(&["holds an asset named release-notes.md"]);
    assert_eq!(published.stage.gate.writes(), [""; 0]);
}

#[test]
fn measurements_that_are_there_already_are_known_where_no_digest_is_stated() {
    let published = Published::new(None);
    published.finish(&[]);
    published.stage.gate.forget();
    published.stage.gate.states_no_digests();
    published.finish(&[]).says(&["nothing to do"]);
    assert_eq!(published.stage.gate.writes(), [""; 0]);
}
