//! `dependency-guard` as workflows run it.

use serde_json::{Value, json};

use crate::binary::{
    Place, findings,
    loopback::{Answer, Server},
    statuses,
};

const KMS: &str = "mero-kms-v1.2.0";
const NODE: &str = "mero-tee-v1.2.0";

fn guard<'a>(place: &'a Place, words: &[&str]) -> crate::binary::Invocation<'a> {
    place.sandbox(["dependency-guard", "--format", "json"]).args(words)
}

#[test]
fn a_release_and_its_counterpart_pass_in_both_families_and_every_layout() {
    let place = Place::new();
    for tag in [KMS, NODE, "mero-kms-v1.1.0", "mero-tee-v1.1.0", "mero-kms-v1.0.0", "mero-tee-v1.0.0"] {
        let report = guard(&place, &["--tag", tag]).run().expect(0).report();
        for check in ["counterpart-release", "catalog", "counterpart-measurements"] {
            let found = statuses(&report, check);
            assert!(!found.is_empty() && found.iter().all(|s| *s == "pass"), "{tag} {check}: {found:?}");
        }
    }
    let report = guard(&place, &["--tag", "1.2.0"]).run().expect(0).report();
    assert_eq!(report["sections"].as_array().unwrap().len(), 2);
}

#[test]
fn a_counterpart_that_is_not_there_is_missing_in_both_families() {
    let place = Place::new();
    for tag in [KMS, NODE] {
        let report = guard(&place, &["--tag", tag, "--counterpart", "9.9.9"]).run().expect(10).report();
        assert_eq!(statuses(&report, "counterpart-release"), ["missing"], "{tag}");
        assert_eq!(statuses(&report, "catalog"), ["fail"], "{tag}: the catalog is silent on the pair");
    }
    let run = guard(&place, &["--tag", "mero-kms-v1.3.0-rc.1", "--counterpart", "9.9.9"]).run();
    assert_eq!(statuses(&run.expect(11).report(), "catalog"), ["skipped"], "a candidate need not be listed");
}

#[test]
fn a_final_release_is_not_held_to_what_is_asked_of_a_candidate() {
    let place = Place::new();
    let words = ["--tag", KMS, "--class", "rc", "--counterpart", "1.1.0"];
    let report = guard(&place, &words).run().expect(10).report();
    assert_eq!(statuses(&report, "class"), ["fail"]);
    let report = guard(&place, &["--tag", KMS, "--class", "hotfix"]).run().expect(10).report();
    assert_eq!(statuses(&report, "class"), ["fail"], "its patch version is 0");
    let report = guard(&place, &["--tag", "mero-kms-v1.3.0-rc.1"]).run().expect(11).report();
    assert_eq!(statuses(&report, "class"), ["pass"], "only its counterpart is missing");
}

#[test]
fn a_candidate_is_no_counterpart_of_a_final_release() {
    let place = Place::new();
    let report = guard(&place, &["--tag", NODE, "--counterpart", "mero-kms-v1.3.0-rc.1"]).run().expect(10).report();
    let finding = findings(&report).into_iter().find(|f| f["check"] == "counterpart-release").unwrap();
    assert_eq!((&finding["status"], &finding["actual"]), (&json!("fail"), &json!("1.3.0-rc.1")));
    place.write("policies/attestation-policy-debug.json", "{}");
    let run = guard(&place, &["--tag", NODE, "--counterpart", "mero-tee-v1.2.0"]).run();
    run.expect(2).says(&["is not a version of a kms release"]).without_product();
}

#[test]
fn a_pair_the_catalog_does_not_list_fails_and_the_policies_say_which_register_differs() {
    let place = Place::new();
    for (tag, counterpart) in [(KMS, "1.1.0"), (NODE, "1.1.0")] {
        let report = guard(&place, &["--tag", tag, "--counterpart", counterpart]).run().expect(10).report();
        assert_eq!(statuses(&report, "catalog"), ["fail"], "{tag}");
        let differing: Vec<&str> = findings(&report)
            .into_iter()
            .filter(|f| f["check"] == "counterpart-measurements" && f["status"] == "fail")
            .map(|f| f["message"].as_str().unwrap())
            .collect();
        assert!(differing.iter().any(|m| m.contains("locked-read-only node: RTMR2 differs")), "{tag}: {differing:?}");
    }
}

#[test]
fn policies_that_are_not_released_yet_are_compared_from_their_folder() {
    let place = Place::new();
    let kept = place.kept(KMS).join(KMS);
    let folder = kept.to_str().unwrap();
    guard(&place, &["--tag", KMS, "--policies", folder]).run().expect(0);
    let name = "attestation-policy-locked-read-only.json";
    let mut policy: Value = serde_json::from_slice(&std::fs::read(kept.join(name)).unwrap()).unwrap();
    policy["policy"]["node_allowed_rtmr1"] = json!(["ab".repeat(48)]);
    place.write(&format!("policies/{name}"), policy.to_string());
    for profile in ["debug", "debug-read-only"] {
        let name = format!("attestation-policy-{profile}.json");
        place.write(&format!("policies/{name}"), std::fs::read(kept.join(&name)).unwrap());
    }
    let report = guard(&place, &["--tag", KMS, "--policies", "policies"]).run().expect(10).report();
    let failed: Vec<_> = findings(&report).into_iter().filter(|f| f["status"] == "fail").collect();
    assert_eq!(failed.len(), 1, "{failed:?}");
    assert!(failed[0]["message"].as_str().unwrap().contains("locked-read-only node: RTMR1 differs"), "{failed:?}");
    // A release that is only being made has its policies in the repository.
    let report = guard(&place, &["--tag", "mero-kms-v1.2.1", "--counterpart", "1.2.0"]).run().expect(10).report();
    assert!(report["sections"][0]["facts"]["policies"].as_str().unwrap().ends_with("policies"), "{report}");
    std::fs::remove_file(place.path(format!("policies/{name}"))).unwrap();
    let run = guard(&place, &["--tag", KMS, "--policies", "policies"]).run();
    assert_eq!(statuses(&run.expect(11).report(), "counterpart-measurements")[0], "missing");
}

#[test]
fn a_counterpart_that_fails_verification_is_not_compared_with() {
    let place = Place::new();
    // Spoilt is the release that is named.
    for (kind, tag) in [("signature-other-file", KMS), ("identity-repository", NODE), ("mrtd-malformed", NODE)] {
        let words = ["dependency-guard", "--tag", tag, "--format", "json"];
        let report = place.tampered(kind, words).run().expect(10).report();
        let found = findings(&report);
        let distrusted = found.iter().find(|f| f["check"] == "counterpart-measurements" && f["status"] == "fail");
        assert!(
            distrusted.is_some_and(|f| f["message"].as_str().unwrap().starts_with("not trusted: ")),
            "{kind}: {found:?}"
        );
    }
}

/// A GitHub with one release, of the counterpart.
fn github(release: Value) -> Server {
    Server::start(move |path, _| {
        let tag = release["tag_name"].as_str().unwrap();
        if path.contains("/contents/") {
            let entry = json!({"kms": "1.2.0", "node_image": "1.2.0", "tested": true,
                "profiles": ["debug", "debug-read-only", "locked-read-only"]});
            return Answer::json(&json!({"schema_version": "1", "entries": [entry]}));
        }
        if path.ends_with(&format!("/releases/tags/{tag}")) && release["draft"] == false {
            return Answer::json(&release);
        }
        if path.contains("/releases?") {
            return Answer::json(&json!([release]));
        }
        if path.ends_with("/repos/o/r") {
            return Answer::json(&json!({"full_name": "o/r"}));
        }
        Answer::status("404 Not Found", "Not Found")
    })
}

#[test]
fn a_draft_is_not_published_in_either_family() {
    for (tag, counterpart) in [(KMS, NODE), (NODE, KMS)] {
        let place = Place::new();
        let draft = json!({"id": 1, "tag_name": counterpart, "draft": true, "prerelease": false, "assets": []});
        let server = github(draft);
        let words = ["dependency-guard", "--tag", tag, "--repo", "o/r", "--api-url", &server.url, "--format", "json"];
        let report = place.merotee(words).env("GH_TOKEN", "x").run().expect(10).report();
        let finding = findings(&report).into_iter().find(|f| f["check"] == "counterpart-release").unwrap();
        assert_eq!((&finding["status"], &finding["actual"]), (&json!("fail"), &json!("a draft")), "{tag}");
    }
}

/// As the runner starts a step for a tag.
fn step<'a>(place: &'a Place, run: crate::binary::Invocation<'a>, git_ref: &str) -> crate::binary::Run {
    place.write("event.json", json!({"ref": git_ref, "repository": {"full_name": "o/r"}}).to_string());
    run.env("GITHUB_ACTIONS", "true")
        .env("GITHUB_REF", git_ref)
        .env("GITHUB_EVENT_PATH", place.path("event.json"))
        .env("GITHUB_STEP_SUMMARY", place.path("summary.md"))
        .env("GITHUB_OUTPUT", place.path("output.txt"))
        .run()
}

#[test]
fn in_a_workflow_that_runs_for_a_tag_it_needs_no_arguments() {
    let place = Place::new();
    let serve = crate::binary::serve::Serve::start();
    let run = || place.merotee(["dependency-guard"]).envs(serve.exports());
    step(&place, run(), "refs/tags/mero-kms-v1.2.0").expect(0).says(&["mero-kms-v1.2.0: PASSED"]);
    assert!(place.read("output.txt").starts_with("verdict=passed\n"));
    let failing = run().env("MERO_TEE_VERSION", "1.1.0");
    let failed = step(&place, failing, "refs/tags/mero-kms-v1.2.0").expect(10);
    let annotations: Vec<&str> = failed.stderr.lines().filter(|line| line.starts_with("::error ")).collect();
    assert!(annotations.iter().any(|line| line.contains("title=catalog")), "{annotations:?}");
    assert!(annotations.iter().any(|line| line.contains("RTMR2 differs")), "{annotations:?}");
    let summary = place.read("summary.md");
    let of_failure = &summary[summary.rfind("FAILED").unwrap().saturating_sub(60)..];
    assert!(of_failure.contains("mero-kms-v1.2.0") && of_failure.contains("counterpart"), "{summary}");
    step(&place, run(), "refs/heads/main").expect(2).says(&["not for a tag"]).without_product();
    let pull = json!({"pull_request": {"number": 7, "base": {"sha": "a".repeat(40)}, "head": {"sha": "b".repeat(40)}}});
    place.write("pull.json", pull.to_string());
    let of_pull = run().env("GITHUB_EVENT_PATH", place.path("pull.json")).env("GITHUB_REF", "refs/pull/7/merge");
    of_pull.run().expect(2).says(&["pull request #7, which releases nothing"]).without_product();
    let hostile = step(&place, run(), "refs/tags/\n::error::pwned").expect(2).without_product();
    assert!(!hostile.stderr.lines().any(|line| line.starts_with("::error::")), "{}", hostile.stderr);
}

#[test]
fn the_page_of_a_failed_run_reads_as_it_always_did() {
    let place = Place::new();
    let run = place.sandbox(["dependency-guard", "--tag", KMS, "--counterpart", "9.9.9"]);
    step(&place, run, "refs/tags/other").expect(10);
    let summary = place.read("summary.md");
    let summary = regex::Regex::new("sha256:[0-9a-f]{64}").unwrap().replace_all(&summary, "sha256:DIGEST");
    let summary = regex::Regex::new(r"\d+\.\d{2} s").unwrap().replace_all(&summary, "N.NN s");
    insta::assert_snapshot!("dependency_guard_summary", summary);
}
