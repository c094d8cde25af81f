//! `gen-policy` from probes to policies a KMS may load, and everything it refuses.

mod inputs;

use std::fs;

use serde_json::{Value, json};

use crate::binary::{Place, Run, findings};
pub(crate) use inputs::{candidates_of, register, write_inputs};

const COMMIT: &str = "0123456789abcdef0123456789abcdef01234567";
const PROFILES: [&str; 3] = ["debug", "debug-read-only", "locked-read-only"];

/// `gen-policy` for `mero-kms-v1.2.0` with two probes a profile.
fn arguments(out: &str) -> Vec<String> {
    let mut words: Vec<String> = ["gen-policy", "--tag", "mero-kms-v1.2.0", "--commit", COMMIT, "--out", out]
        .into_iter()
        .chain(["--node-mrtds", "published-mrtds.json", "--repo", "calimero-network/mero-tee"])
        .map(str::to_owned)
        .collect();
    for profile in PROFILES {
        for probe in [1, 2] {
            words.extend(["--candidates".to_owned(), format!("{profile}=probe-{profile}-{probe}.json")]);
        }
    }
    words
}

/// A place whose inputs were spoilt by `change`, and the run of `gen-policy` in it, which must write nothing.
fn refused(code: i32, change: impl FnOnce(&Place)) -> Run {
    let place = Place::new();
    write_inputs(&place);
    change(&place);
    let run = place.merotee(arguments("out")).args(["--format", "json"]).run().expect(code);
    assert!(!place.path("out").exists(), "nothing may be written");
    run
}

/// Check, subject and message of the findings that failed.
fn failed(run: &Run) -> Vec<(String, String, String)> {
    let report = run.report();
    let failed = findings(&report).into_iter().filter(|f| f["status"] == "fail");
    let text = |f: &Value, key: &str| f[key].as_str().unwrap_or_default().to_owned();
    failed.map(|f| (text(f, "check"), text(f, "subject"), text(f, "message"))).collect()
}

fn edit(place: &Place, name: &str, change: impl FnOnce(&mut Value)) {
    let mut document: Value = serde_json::from_str(&place.read(name)).unwrap();
    change(&mut document);
    place.write(name, document.to_string());
}

#[test]
fn two_probes_a_profile_become_three_policies_that_validate_and_configure_a_node() {
    let place = Place::new();
    write_inputs(&place);
    place
        .merotee(arguments("policies"))
        .run()
        .expect(0)
        .says(&["PASSED", "wrote policies/attestation-policy-debug.json"]);
    let names = PROFILES.map(|p| format!("attestation-policy-{p}.json"));
    let mut sorted = names.to_vec();
    sorted.sort();
    assert_eq!(place.names("policies"), sorted);
    let validated = place.merotee(["policy", "validate", "policies", "--tag", "mero-kms-v1.2.0", "-v"]).run().expect(0);
    validated.says(&[
        "kms: debug and locked-read-only are separated by",
        "[INFO] policies, together",
        "policy validate: PASSED — ",
    ]);
    let document: Value =
        serde_json::from_str(&place.read("policies/attestation-policy-locked-read-only.json")).unwrap();
    assert_eq!(document["status"], "ready");
    assert_eq!(document["source"]["ref"], "refs/tags/mero-kms-v1.2.0");
    assert_eq!(document["generated_at"], "2025-10-02T00:00:00Z", "the newest time of the inputs");
    assert_eq!(document["policy"]["kms_allowed_rtmr3"], json!([register("kms", "locked-read-only", "rtmr3")]));
    assert_eq!(document["policy"]["node_allowed_rtmr3"], json!([register("node", "locked-read-only", "rtmr3")]));
    let toml = place
        .merotee(["merod-config", "generate", "--release-dir", "policies", "--profile", "locked-read-only"])
        .args(["--url", "https://kms.example:8080"])
        .run()
        .expect(0);
    toml.says(&["[tee.kms.phala.attestation]", &register("kms", "locked-read-only", "rtmr3")]);
}

#[test]
fn the_same_inputs_give_the_same_bytes_in_whatever_order_they_come() {
    let place = Place::new();
    write_inputs(&place);
    place.merotee(arguments("first")).run().expect(0);
    let mut reversed = arguments("second");
    let files = reversed.split_off(11);
    let pairs: Vec<_> = files.chunks(2).rev().flatten().cloned().collect();
    place.merotee(reversed.into_iter().chain(pairs)).run().expect(0);
    for profile in PROFILES {
        let name = format!("attestation-policy-{profile}.json");
        assert_eq!(place.read(&format!("first/{name}")), place.read(&format!("second/{name}")));
    }
}

#[test]
fn the_environment_of_a_workflow_fills_in_what_is_not_said() {
    let place = Place::new();
    write_inputs(&place);
    let words: Vec<_> = arguments("out").into_iter().filter(|w| w != "--commit" && w != COMMIT).collect();
    place.merotee(&words).run().expect(2).says(&["no commit is given"]);
    place
        .merotee(&words)
        .env("GITHUB_SHA", COMMIT)
        .env("GITHUB_REF", "refs/heads/master")
        .env("GITHUB_WORKFLOW_REF", "calimero-network/mero-tee/.github/workflows/w.yaml@refs/heads/master")
        .env("SOURCE_DATE_EPOCH", "1700000000")
        .run()
        .expect(0);
    let document: Value = serde_json::from_str(&place.read("out/attestation-policy-debug.json")).unwrap();
    assert_eq!(document["commit_sha"], COMMIT);
    assert_eq!(document["generated_at"], "2023-11-14T22:13:20Z");
    assert_eq!(
        document["source"],
        json!({"repository": "calimero-network/mero-tee",
        "workflow": ".github/workflows/w.yaml", "ref": "refs/heads/master"})
    );
}

#[test]
fn one_file_keyed_by_profile_will_do_and_the_runbooks_names_can_be_had() {
    let place = Place::new();
    write_inputs(&place);
    place.write("all.json", candidates_of("kms").to_string());
    place
        .merotee(["gen-policy", "--tag", "1.2.0", "--commit", COMMIT, "--out", "out", "--layout", "runbook"])
        .args(["--candidates", "all.json", "--node-mrtds", "published-mrtds.json"])
        .args(["--compose-hash", &format!("debug=sha256:{}", "cd".repeat(32)), "--kms-tcb-status", "UpToDate"])
        .run()
        .expect(0);
    let document: Value = serde_json::from_str(&place.read("out/kms-phala-attestation-policy.debug.json")).unwrap();
    assert_eq!(document["policy"]["kms_allowed_event_payload"], json!(["ab".repeat(32), "cd".repeat(32)]));
}

#[test]
fn probes_that_differ_are_told_and_both_values_are_written() {
    let place = Place::new();
    write_inputs(&place);
    edit(&place, "probe-debug-2.json", |d| d["policy"]["allowed_rtmr0"] = json!(["5a".repeat(48)]));
    let run = place.merotee(arguments("out")).run().expect(0);
    run.says(&["[WARN] candidates-agree", "debug: RTMR0 differs between probes: a policy of both admits 2"]);
}

#[test]
fn overlapping_profiles_are_refused_with_the_pair() {
    let run = refused(10, |place| {
        for probe in [1, 2] {
            let text = place.read(&format!("probe-debug-{probe}.json")).replace("\"debug\"", "\"locked-read-only\"");
            place.write(&format!("probe-locked-read-only-{probe}.json"), text);
        }
    });
    let failed = failed(&run);
    assert_eq!(failed.len(), 1, "{failed:?}");
    assert_eq!(
        (failed[0].0.as_str(), failed[0].1.as_str()),
        ("profile-isolation", "attestation-policy-locked-read-only.json")
    );
    assert!(failed[0].2.contains("kms: debug and locked-read-only are not isolated"));
}

#[test]
fn an_rtmr3_shared_by_kms_and_node_is_refused() {
    let shared = register("kms", "debug", "rtmr3");
    let run = refused(10, |place| {
        edit(place, "published-mrtds.json", |d| {
            d["profiles"]["debug"]["rtmr3"] = json!(shared);
            d["profiles"]["debug"]["allowed_rtmr3"] = json!([shared]);
        });
    });
    let of_roles: Vec<_> = failed(&run).into_iter().filter(|f| f.0 == "role-separation").collect();
    assert_eq!(of_roles.len(), 1);
    assert_eq!(of_roles[0].1, "attestation-policy-debug.json");
}

#[test]
fn a_kms_that_measures_like_the_node_of_another_profile_is_refused_in_each_pair() {
    for (kms, node) in PROFILES.iter().flat_map(|a| PROFILES.map(|b| (*a, b))).filter(|(a, b)| *a != *b) {
        let run = refused(10, |place| {
            for probe in [1, 2] {
                edit(place, &format!("probe-{kms}-{probe}.json"), |d| {
                    for name in ["mrtd", "rtmr0", "rtmr1", "rtmr2", "rtmr3"] {
                        d["policy"][format!("allowed_{name}")] = json!([register("node", node, name)]);
                    }
                });
            }
        });
        let failed = failed(&run);
        assert_eq!(failed.len(), 1, "{failed:?}");
        let subject = format!("attestation-policy-{node}.json");
        assert_eq!((failed[0].0.as_str(), failed[0].1.as_str()), ("role-separation", subject.as_str()));
        assert!(
            failed[0].2.starts_with(&format!("{kms} KMS (attestation-policy-{kms}.json) and {node} node")),
            "{failed:?}"
        );
    }
}

#[test]
fn an_empty_list_short_hex_and_a_revoked_status_are_refused_with_their_place() {
    let one = |change: fn(&mut Value)| {
        let run = refused(10, |place| edit(place, "probe-debug-1.json", change));
        failed(&run).into_iter().filter(|f| f.0 == "candidates").collect::<Vec<_>>()
    };
    let empty = one(|d| d["policy"]["allowed_rtmr1"] = json!([]));
    assert_eq!(
        (empty[0].1.as_str(), empty[0].2.as_str()),
        ("probe-debug-1.json", "empty list at policy.allowed_rtmr1")
    );
    let short = one(|d| d["policy"]["allowed_mrtd"] = json!(["abcd"]));
    assert_eq!(short[0].2, "malformed entry at policy.allowed_mrtd[0]");
    let revoked = one(|d| d["policy"]["allowed_tcb_statuses"] = json!(["UpToDate", "Revoked"]));
    assert_eq!(revoked[0].2, "revoked status at policy.allowed_tcb_statuses");
}

#[test]
fn a_wrong_tag_is_refused_and_another_node_release_can_be_named() {
    let run = refused(10, |place| edit(place, "published-mrtds.json", |d| d["tag"] = json!("1.1.0")));
    assert_eq!(failed(&run), [("mrtds".into(), "published-mrtds.json".into(), "tag is not this release's".into())]);
    let place = Place::new();
    write_inputs(&place);
    edit(&place, "published-mrtds.json", |d| d["tag"] = json!("1.1.0"));
    place.merotee(arguments("out")).args(["--node-tag", "mero-tee-v1.1.0"]).run().expect(0);
}

#[test]
fn a_profile_without_candidates_is_missing_and_one_of_another_profile_fails() {
    let place = Place::new();
    write_inputs(&place);
    let words: Vec<_> = arguments("out");
    let without = words.iter().position(|w| w == "debug=probe-debug-1.json").unwrap();
    let mut less = words.clone();
    less.drain(without - 1..without + 3);
    place.merotee(&less).run().expect(10).says(&["no candidates are given for debug", "nothing was written"]);
    let wrong: Vec<_> =
        words.iter().map(|w| w.replace("debug=probe-debug-1", "debug=probe-locked-read-only-1")).collect();
    place.merotee(&wrong).run().expect(10).says(&["holds nothing for debug"]);
    assert!(!place.path("out").exists());
}

#[test]
fn an_unready_policy_is_written_for_a_candidate_and_refused_for_a_stable_release() {
    let place = Place::new();
    let words =
        |tag: &str| ["gen-policy", "--tag", tag, "--commit", COMMIT, "--out", "out", "--not-ready"].map(str::to_owned);
    place.merotee(words("mero-kms-v1.3.0-rc.1")).run().expect(2).says(&["no input states a time"]);
    let time = ["--generated-at", "2025-10-01T00:00:00Z"];
    place.merotee(words("mero-kms-v1.3.0")).args(time).run().expect(10).says(&["policy_not_ready in a stable release"]);
    assert!(!place.path("out").exists());
    place.merotee(words("mero-kms-v1.3.0-rc.1")).args(time).run().expect(0);
    let document: Value = serde_json::from_str(&place.read("out/attestation-policy-debug.json")).unwrap();
    assert_eq!(
        (&document["status"], &document["policy"]["kms_allowed_mrtd"]),
        (&json!("policy_not_ready"), &json!([]))
    );
}

#[test]
fn words_that_make_no_sense_are_usage_errors() {
    let place = Place::new();
    write_inputs(&place);
    let with = |extra: &[&str]| place.merotee(arguments("out")).args(extra).run();
    with(&["--node-tag", "mero-kms-v1.2.0"]).expect(2).says(&["not a release of the node image family"]);
    with(&["--compose-hash", "debug=abc"]).expect(2).says(&["not a SHA-256 digest"]);
    with(&["--generated-at", "yesterday"]).expect(2).says(&["`yesterday` is not a time"]);
    with(&["--kms-tcb-status", "fine"]).expect(2).says(&["not a TCB status"]);
    with(&["--class", "rc"]).expect(2).says(&["is not a release candidate"]);
    with(&["--workflow", "a b"]).expect(2).says(&["--workflow holds white space"]);
    with(&["--candidates", "debug=absent.json"]).expect(1).says(&["absent.json"]);
    place.merotee(["gen-policy", "--tag", "1.2.0", "--out", "x"]).run().expect(2).without_product();
    place.write("junk.json", "[1,");
    let run = with(&["--candidates", "debug=junk.json"]).expect(10);
    run.says(&["junk.json", "not acceptable JSON"]);
    assert!(!place.path("out").exists());
}

#[test]
fn a_folder_that_cannot_be_written_keeps_what_it_held() {
    let place = Place::new();
    write_inputs(&place);
    fs::create_dir_all(place.path("out/attestation-policy-locked-read-only.json")).unwrap();
    place.write("out/attestation-policy-debug.json", "old");
    place.merotee(arguments("out")).run().expect(1).says(&["is not a regular file"]);
    assert_eq!(place.read("out/attestation-policy-debug.json"), "old");
    assert_eq!(place.names("out").len(), 2);
}
