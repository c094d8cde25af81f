//! `policy validate` and `policy diff`, on real policies and spoilt ones.

use std::{fs, path::PathBuf};

use serde_json::{Value, json};

use crate::{
    binary::{Place, findings, statuses, usable},
    corpus::corpus,
    gen_policy::write_inputs,
};

/// Three generated policies in `policies/` of a place.
fn generated() -> Place {
    let place = Place::new();
    write_inputs(&place);
    let mut words = vec!["gen-policy", "--tag", "1.2.0", "--node-mrtds", "published-mrtds.json", "--out", "policies"];
    words.extend(["--commit", "0123456789abcdef0123456789abcdef01234567", "--candidates", "probe-debug-1.json"]);
    words.extend(["--candidates", "probe-debug-read-only-1.json", "--candidates", "probe-locked-read-only-1.json"]);
    words.extend(["--repo", "calimero-network/mero-tee"]);
    place.merotee(words).run().expect(0);
    place
}

fn edit(place: &Place, name: &str, change: impl FnOnce(&mut Value)) {
    let mut document: Value = serde_json::from_str(&place.read(name)).unwrap();
    change(&mut document);
    place.write(name, document.to_string());
}

/// Copies a real policy into a place, so that nothing in the output depends on where the corpus is.
fn real(place: &Place, family: &str, version: &str) -> Option<PathBuf> {
    let path = corpus("policies")?.join(family).join(format!("{version}.json"));
    Some(place.write(&format!("{family}/{version}.json"), fs::read(path).unwrap()))
}

#[test]
fn this_repositorys_policies_validate() {
    let place = Place::new();
    let policies = concat!(env!("CARGO_MANIFEST_DIR"), "/policies");
    place.merotee(["policy", "validate", policies]).run().expect(0).says(&[
        "kind attestation policy",
        "policies, together",
        "policy validate: PASSED, 30 checks not made — ",
    ]);
}

#[test]
fn every_kind_of_real_policy_is_recognised_and_unsafe_ones_fail() {
    let place = Place::new();
    if real(&place, "kms-phala", "2.1.25").is_none() {
        return;
    }
    real(&place, "mero-tee", "2.1.25");
    real(&place, "mero-tee", "2.1.10");
    let kms = place.merotee(["policy", "validate", "kms-phala"]).run().expect(0);
    kms.says(&["kind KMS policy of the older registry", "[WARN] policy-tcb", "outdated firmware is tolerated"]);
    let node = place.merotee(["policy", "validate", "mero-tee", "--format", "json"]).run().expect(10);
    let report = node.report();
    assert_eq!(statuses(&report, "profile-isolation").iter().filter(|s| **s == "fail").count(), 6);
    let kinds = report["sections"].as_array().unwrap().iter().map(|s| s["facts"].to_string());
    assert!(kinds.into_iter().all(|facts| facts.contains("node policy of the older registry")));
}

#[test]
fn what_a_pull_request_must_not_bring_in_fails_with_its_place() {
    const DEBUG: &str = "policies/attestation-policy-debug.json";
    const LOCKED: &str = "policies/attestation-policy-locked-read-only.json";
    let fails = |change: &dyn Fn(&Place), check: &str, subject: &str| {
        let place = generated();
        change(&place);
        let run = place.merotee(["policy", "validate", "policies", "--format", "json"]).run().expect(10);
        let report = run.report();
        let failed = findings(&report)
            .into_iter()
            .any(|f| f["status"] == "fail" && f["check"] == check && f["subject"] == subject);
        assert!(failed, "no failed {check} about {subject}: {report:#}");
    };
    let lists = |name: &'static str, list: &'static str, value: Value| {
        move |place: &Place| edit(place, name, |d| d["policy"][list] = value.clone())
    };
    fails(&lists(DEBUG, "kms_allowed_rtmr1", json!([])), "policy-measurements", DEBUG);
    fails(&lists(DEBUG, "kms_allowed_rtmr1", json!(["abcd"])), "policy-measurements", DEBUG);
    fails(&lists(DEBUG, "kms_allowed_tcb_statuses", json!(["revoked"])), "policy-tcb", DEBUG);
    fails(&|p| edit(p, DEBUG, |d| d["tag"] = json!("v1")), "schema", DEBUG);
    fails(&|p| edit(p, DEBUG, |d| d["status"] = json!("policy_not_ready")), "policy-status", DEBUG);
    fails(&|p| edit(p, DEBUG, |d| d["profile"] = json!("locked-read-only")), "policy-profile", DEBUG);
    fails(
        &|p| edit(p, DEBUG, |d| d["policy"]["node_allowed_rtmr3"] = d["policy"]["kms_allowed_rtmr3"].clone()),
        "role-separation",
        DEBUG,
    );
    fails(
        &|p| {
            let shared: Value = serde_json::from_str(&p.read(DEBUG)).unwrap();
            edit(p, LOCKED, |d| d["policy"] = shared["policy"].clone());
        },
        "profile-isolation",
        LOCKED,
    );
    fails(&|p| drop(p.write("policies/broken.json", "{\"policy\": ")), "schema", "policies/broken.json");
}

#[test]
fn a_single_policy_is_judged_without_the_others_and_other_documents_are_left_alone() {
    let place = generated();
    place.merotee(["policy", "validate", "policies/attestation-policy-debug.json"]).run().expect(0);
    fs::remove_file(place.path("policies/attestation-policy-debug.json")).unwrap();
    let two = place.merotee(["policy", "validate", "policies"]).run().expect(0);
    two.says(&["there is no policy of debug to compare with"]);
    place.write("policies/published-mrtds.json", place.read("published-mrtds.json"));
    place.write("policies/index.json", r#"{"schema_version": 1, "releases": []}"#);
    place.merotee(["policy", "validate", "policies"]).run().expect(0).says(&["of another kind, not a policy"]);
    place.merotee(["policy", "validate", "policies/index.json"]).run().expect(10).says(&["not a policy file"]);
    place.merotee(["policy", "validate", "policies", "--tag", "1.2.1"]).run().expect(10).says(&["for another release"]);
    place.merotee(["policy", "validate", "absent"]).run().expect(1).says(&["cannot read absent"]);
    fs::create_dir(place.path("empty")).unwrap();
    place.merotee(["policy", "validate", "empty"]).run().expect(2).says(&["holds no JSON file"]);
}

#[test]
fn a_difference_between_real_policies_is_readable_at_80_columns_and_as_a_comment() {
    let place = Place::new();
    for (family, from, to) in
        [("kms-phala", "2.1.23", "2.1.25"), ("mero-tee", "2.1.20", "2.1.25"), ("mero-tee", "2.1.10", "2.1.15")]
    {
        if real(&place, family, from).is_none() {
            return;
        }
        real(&place, family, to);
        let (a, b) = (format!("{family}/{from}.json"), format!("{family}/{to}.json"));
        let human = place.merotee(["policy", "diff", &a, &b]).env("COLUMNS", "80").run().expect(0);
        assert!(human.stdout.lines().all(|line| line.chars().count() <= 80), "{}", human.stdout);
        let markdown = place.merotee(["policy", "diff", &a, &b, "--format", "markdown"]).run().expect(0);
        let name = format!("{family}_{from}_{to}").replace(['-', '.'], "_");
        insta::assert_snapshot!(format!("{name}_human"), without_values(&human.stdout));
        insta::assert_snapshot!(format!("{name}_markdown"), without_values(&markdown.stdout));
    }
}

/// Real measurements stay outside the project: each digit stands as an `x`, so that the shape can still be judged.
fn without_values(text: &str) -> String {
    let hex = regex::Regex::new("[0-9a-f]{16,}").unwrap();
    hex.replace_all(text, |found: &regex::Captures<'_>| "x".repeat(found[0].len())).into_owned()
}

#[test]
fn a_made_up_difference_says_what_it_newly_admits() {
    let place = generated();
    fs::create_dir(place.path("new")).unwrap();
    for name in place.names("policies") {
        let path = format!("policies/{name}");
        // One spelling, so that a list is changed in one place.
        edit(&place, &path, |d| d["policy"].as_object_mut().unwrap().retain(|list, _| !list.starts_with("allowed_")));
        place.write(&format!("new/{name}"), place.read(&path));
    }
    edit(&place, "new/attestation-policy-locked-read-only.json", |d| {
        d["tag"] = json!("1.2.1");
        d["comment"] = json!("why not");
        d["kms"]["attest_endpoint"] = json!("/attest/v2");
        let policy = &mut d["policy"];
        policy["kms_allowed_tcb_statuses"] = json!(["uptodate", "outofdate"]);
        for (list, byte) in [("kms_allowed_mrtd", "a0"), ("kms_allowed_rtmr1", "a1"), ("kms_allowed_rtmr3", "00")] {
            policy[list].as_array_mut().unwrap().push(json!(byte.repeat(48)));
        }
        policy["node_allowed_rtmr2"] = json!([]);
    });
    let human = place.merotee(["policy", "diff", "policies", "new"]).env("COLUMNS", "80").run().expect(0);
    insta::assert_snapshot!("made_up_human", human.stdout);
    let markdown = place.merotee(["policy", "diff", "policies", "new", "--format", "markdown"]).run().expect(0);
    insta::assert_snapshot!("made_up_markdown", markdown.stdout);
    let json = place.merotee(["policy", "diff", "policies", "new", "--format", "json"]).run().expect(0);
    let document: Value = serde_json::from_str(&json.stdout).unwrap();
    let lists = document["files"][0]["lists"].as_array().unwrap();
    assert_eq!(
        (&lists[0]["role"], &lists[0]["admitted_before"], &lists[0]["admitted_after"]),
        (&json!("kms"), &json!(1), &json!(8))
    );
    assert_eq!((&lists[0]["newly_admitted"], &lists[0]["registers"][0]["combinations_each"]), (&json!(7), &json!(4)));
    assert_eq!((&lists[1]["role"], &lists[1]["newly_admitted"]), (&json!("node"), &Value::Null));
    assert_eq!((&document["structural"], &document["files_unchanged"]), (&json!(true), &json!(2)));
}

#[test]
fn differences_are_no_failure_unless_asked_to_be() {
    let place = generated();
    place
        .merotee(["policy", "diff", "policies", "policies", "--fail-on-change"])
        .run()
        .expect(0)
        .says(&["No difference"]);
    fs::create_dir(place.path("none")).unwrap();
    place.merotee(["policy", "diff", "policies", "none"]).run().expect(0).says(&["the file is gone"]);
    place
        .merotee(["policy", "diff", "none", "policies", "--fail-on-change"])
        .run()
        .expect(10)
        .says(&["the file is new"]);
    place
        .merotee(["policy", "diff", "policies", "none", "--format", "sarif"])
        .run()
        .expect(2)
        .says(&["has no sarif form"]);
    place.merotee(["policy", "diff", "policies", "absent"]).run().expect(1).says(&["cannot read absent"]);
    place.merotee(["policy", "diff", "policies", "none", "path"]).run().expect(2).without_product();
    place.write("none/broken.json", "{");
    place
        .merotee(["policy", "diff", "policies", "none"])
        .run()
        .expect(1)
        .says(&["none: broken.json cannot be compared"]);
}

#[test]
fn two_revisions_are_compared_as_their_folders_are() {
    if !usable("git", &["--version"]) {
        return;
    }
    let place = generated();
    let git = |words: &[&str]| {
        let identity = ["-c", "user.name=t", "-c", "user.email=t@example", "-c", "init.defaultBranch=main"];
        place.program("git", identity.iter().chain(words).copied()).run().expect(0)
    };
    git(&["init", "-q"]);
    git(&["add", "policies"]);
    git(&["commit", "-qm", "one"]);
    git(&["tag", "v1"]);
    edit(&place, "policies/attestation-policy-debug.json", |d| {
        d["policy"]["kms_allowed_mrtd"] = json!(["a0".repeat(48)])
    });
    git(&["commit", "-qam", "two"]);
    let diff =
        |from: &str, to: &str, more: &[&str]| place.merotee(["policy", "diff", "--git", from, to]).args(more).run();
    diff("v1", "HEAD", &[]).expect(0).says(&[
        "v1 → HEAD",
        "newly admits it with any listed of",
        "2 files without a difference",
    ]);
    diff("HEAD~1", "HEAD", &["policies/attestation-policy-debug.json"]).expect(0).says(&["debug · kms"]);
    diff("v1", "HEAD", &["absent"]).expect(2).says(&["neither revision has a JSON file"]);
    diff("v1", "HEAD", &["../x"]).expect(2).says(&["is not a path below this folder"]);
    diff("v1", "nowhere", &[]).expect(2).says(&["`nowhere` names no commit"]);
    for hostile in ["v1:policies", "a b", "$(touch x)", "", "v1\nHEAD"] {
        diff(hostile, "HEAD", &[]).expect(2).says(&["is not a revision"]);
    }
    // The parser sees an option there, and git never does.
    diff("--output=x", "HEAD", &[]).expect(2).without_product();
    place.merotee(["policy", "diff", "--git", "--", "--output=x", "HEAD"]).run().expect(2).says(&["is not a revision"]);
    assert!(!place.path("x").exists());
}
