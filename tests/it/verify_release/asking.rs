//! The verdict on a release does not depend on how it is asked for: a bare version says of each release what asking for it
//! alone says, and its exit code is the worst of both.

use std::{
    collections::BTreeMap,
    sync::{
        Mutex,
        atomic::{AtomicUsize, Ordering},
    },
};

use merotee::sandbox::tamper::Tamper;
use serde_json::Value;

use crate::binary::{Place, Run, serve::Serve, statuses};

const VERSIONS: [&str; 4] = ["1.3.0-rc.1", "1.2.0", "1.1.0", "1.0.0"];

/// Findings of each release of a run; where there is no report, one that says that the release could not be read.
fn findings(run: &Run, tag: &str) -> BTreeMap<String, Value> {
    if run.stdout.is_empty() {
        return BTreeMap::from([(tag.to_owned(), Value::Null)]);
    }
    let report = run.report();
    let sections = report["sections"].as_array().unwrap().iter().map(|section| {
        let findings = section["findings"].clone();
        let unread = findings[0]["check"] == "release" && findings[0]["status"] == "skipped_required";
        (section["subject"].as_str().unwrap().to_owned(), if unread { Value::Null } else { findings })
    });
    sections.collect()
}

/// The exit code of a run over two releases that have these when asked for alone.
fn combined(one: i32, other: i32) -> i32 {
    [2, 10, 11, 1].into_iter().find(|code| [one, other].contains(code)).unwrap_or(0)
}

/// What differs between asking for a version and for its two releases.
fn difference(serve: &Serve, version: &str, more: &[&str]) -> Option<String> {
    let place = Place::new();
    let ask = |what: &str| {
        place.merotee(["verify-release-assets", what, "--format", "json"]).args(more).envs(serve.exports()).run()
    };
    let bare = ask(version);
    let (kms, node) = (format!("mero-kms-v{version}"), format!("mero-tee-v{version}"));
    let (of_kms, of_node) = (ask(&kms), ask(&node));
    let code = combined(of_kms.code, of_node.code);
    if bare.code != code {
        return Some(format!(
            "{version} {more:?}: exit {}, of {kms} {}, of {node} {}",
            bare.code, of_kms.code, of_node.code
        ));
    }
    let mut union = findings(&of_kms, &kms);
    union.extend(findings(&of_node, &node));
    (findings(&bare, version) != union).then(|| format!("{version} {more:?}: other findings:\n{}", bare.shown()))
}

#[test]
fn a_bare_version_says_of_each_release_what_asking_for_it_alone_says_whatever_is_wrong_with_it() {
    // What spoils a service leaves every release as it is.
    let of_releases = Tamper::all().filter(|kind| kind.service().is_none());
    let kinds: Vec<Option<Tamper>> = [None].into_iter().chain(of_releases.map(Some)).collect();
    assert!(kinds.len() > 25);
    let (next, wrong) = (AtomicUsize::new(0), Mutex::new(Vec::new()));
    let work = || {
        while let Some(kind) = kinds.get(next.fetch_add(1, Ordering::SeqCst)) {
            let serve = Serve::start_with(&kind.map(|kind| vec!["--tamper", kind.name()]).unwrap_or_default());
            let name = kind.map_or("untouched", Tamper::name);
            for version in VERSIONS {
                wrong.lock().unwrap().extend(difference(&serve, version, &[]).map(|why| format!("{name}: {why}")));
            }
        }
    };
    std::thread::scope(|scope| {
        for _ in 0..std::thread::available_parallelism().map_or(2, usize::from) {
            scope.spawn(work);
        }
    });
    let wrong = wrong.into_inner().unwrap();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn options_change_nothing_about_that() {
    let serve = Serve::start_with(&["--tamper", "sbom-broken"]);
    let kms = "https://github.com/calimero-network/mero-tee/.github/workflows/release-kms-phala.yaml@refs/tags/mero-kms-v1.2.0";
    for more in [
        &["--quick"][..],
        &["--class", "hotfix"],
        &["--class", "rc"],
        &["--certificate-identity", kms],
        &["--certificate-identity-regexp", ".*/release-kms-phala.yaml@.*"],
        &["--signer-repo", "somebody/mero-tee"],
    ] {
        assert_eq!(difference(&serve, "1.2.0", more), None);
    }
}

#[test]
fn a_kms_is_not_blamed_for_the_sbom_of_the_node() {
    let serve = Serve::start_with(&["--tamper", "asset-missing"]);
    let command = ["verify-release-assets", "1.1.0", "--format", "json"];
    let report = Place::new().merotee(command).envs(serve.exports()).run().expect(11).report();
    assert_eq!(statuses(&report, "counterpart-measurements"), ["pass"; 3]);
    assert_eq!(statuses(&report, "asset-present"), ["missing"; 2]);
}

#[test]
fn of_a_local_folder_a_bare_version_says_the_same_and_a_counterpart_that_is_named_is_the_one() {
    let place = Place::new();
    place.kept("1.2.0");
    std::fs::create_dir(place.path("other")).unwrap();
    let ask = |what: &str, more: &[&str]| {
        let command = ["verify-release-assets", what, "--dir", "kept", "--offline", "--format", "json"];
        place.sandbox(command).args(more).run()
    };
    for more in [&[][..], &["--counterpart-dir", "other"], &["--counterpart-dir", "nowhere"]] {
        let (bare, kms, node) = (ask("1.2.0", more), ask("mero-kms-v1.2.0", more), ask("mero-tee-v1.2.0", more));
        assert_eq!(bare.code, combined(kms.code, node.code), "{more:?}");
        let mut union = findings(&kms, "mero-kms-v1.2.0");
        union.extend(findings(&node, "mero-tee-v1.2.0"));
        assert_eq!(findings(&bare, "1.2.0"), union, "{more:?}");
    }
    ask("mero-kms-v1.2.0", &["--counterpart-dir", "nowhere"]).expect(1).says(&["cannot list nowhere"]);
}
