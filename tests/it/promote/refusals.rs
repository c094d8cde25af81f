//! What is never promoted: each is refused with its reason, and nothing is written.

use serde_json::{Value, json};

use super::{LOCKED, Stage, candidates, probe, workflow_of};
use crate::binary::Run;

/// A promotion that is refused says so, and leaves nothing on the server.
#[track_caller]
fn refused(stage: &Stage, run: Run, code: i32, words: &[&str]) {
    run.expect(code).says(words);
    assert_eq!(stage.writes(0), [""; 0]);
    assert_eq!(stage.pulls(), [Value::Null; 0]);
}

#[test]
fn candidates_are_promoted_only_by_the_word_of_the_workflow_that_probes_their_role_on_the_base() {
    let stage = Stage::new();
    let document = candidates("kms", "locked-read-only", 0x10);
    let promote = |options: &[&str]| stage.promote(&["one.json"]).args(options).run();
    stage.place.write("one.json", document.to_string());
    refused(&stage, promote(&[]), 11, &["no signature"]);
    for (workflow, git_ref, words) in [
        ("release-kms-phala.yaml", "refs/heads/master", "another workflow signed"),
        (workflow_of("node"), "refs/heads/master", "another workflow signed"),
        (workflow_of("kms"), "refs/heads/mine", "another ref signed"),
    ] {
        stage.signed_by(&probe(workflow, git_ref), &[("one.json", &document)]);
        refused(&stage, promote(&[]), 10, &["identity", words]);
    }
    // The same is fine where it is named.
    let dry = ["--dry-run", "--probe-ref", "refs/heads/mine"];
    promote(&dry).expect(0);
    stage.signed_by(&probe("release-kms-phala.yaml", "refs/heads/master"), &[("one.json", &document)]);
    promote(&["--dry-run", "--probe-workflow", ".github/workflows/release-kms-phala.yaml"]).expect(0);

    stage.signed("kms", &[("one.json", &document)]);
    promote(&["--dry-run"]).expect(0);
    stage.place.write("one.json", format!("{document:#}\n\n"));
    refused(&stage, promote(&[]), 10, &["signature", "do not promote this"]);
    stage.place.write("one.json.sigstore.json", "{}");
    refused(&stage, promote(&[]), 10, &["signature"]);
    promote(&["--bundle", "one.json.sigstore.json", "--bundle", "token"]).expect(2);
    promote(&["--bundle", "nowhere.json"]).expect(1);
}

#[test]
fn candidates_that_are_not_whole_or_say_too_little_are_refused_before_github_is_asked() {
    let stage = Stage::new();
    let spoil = |change: &dyn Fn(&mut Value)| {
        let mut document = candidates("kms", "locked-read-only", 0x10);
        change(&mut document);
        document
    };
    let cases: [(&str, Value, &str); 9] = [
        ("empty.json", spoil(&|d| d["policy"]["allowed_rtmr1"] = json!([])), "empty list at policy.allowed_rtmr1"),
        (
            "short.json",
            spoil(&|d| d["policy"]["allowed_mrtd"] = json!(["ab"])),
            "malformed entry at policy.allowed_mrtd[0]",
        ),
        ("revoked.json", spoil(&|d| d["policy"]["allowed_tcb_statuses"] = json!(["revoked"])), "revoked status"),
        ("unknown.json", spoil(&|d| d["policy"]["allowed_tcb_statuses"] = json!(["fine"])), "malformed entry"),
        ("profile.json", spoil(&|d| drop(d.as_object_mut().unwrap().remove("profile"))), "which profile it is for"),
        ("role.json", spoil(&|d| d["source"]["family"] = json!("both")), "whether a KMS or a node was probed"),
        ("failed.json", spoil(&|d| d["source"]["verdict"] = json!("failed")), "does not say that the probe passed"),
        ("silent.json", spoil(&|d| drop(d["source"].as_object_mut().unwrap().remove("verdict"))), "the probe passed"),
        ("list.json", json!([]), "must be a JSON object"),
    ];
    let files: Vec<(&str, &Value)> = cases.iter().map(|(name, document, _)| (*name, document)).collect();
    stage.signed("kms", &files);
    let before = stage.asked();
    for (name, _, words) in &cases {
        refused(&stage, stage.promote(&[name]).run(), 10, &[words]);
    }
    assert_eq!(stage.asked(), before + cases.len(), "only this test asked");
    let whole = candidates("kms", "locked-read-only", 0x10);
    stage.signed("kms", &[("whole.json", &whole), ("same.json", &whole)]);
    refused(&stage, stage.promote(&["whole.json", "same.json"]).run(), 10, &["the same candidates as whole.json"]);
    let other = stage.promote(&["whole.json"]).args(["--profile", "debug"]).run();
    refused(&stage, other, 10, &["holds nothing for debug", "locked-read-only"]);
}

#[test]
fn what_would_break_isolation_or_the_separation_of_roles_is_refused_even_in_a_draft() {
    let stage = Stage::new();
    let mut twin = candidates("kms", "debug", 0x10);
    twin["policy"]["allowed_rtmr3"] = candidates("kms", "locked-read-only", 0x10)["policy"]["allowed_rtmr3"].clone();
    let locked = candidates("kms", "locked-read-only", 0x10);
    stage.signed("kms", &[("locked.json", &locked), ("twin.json", &twin)]);
    let both = stage.promote(&["locked.json", "twin.json"]).run();
    refused(&stage, both, 10, &["profile-isolation", "one machine satisfies both"]);
    stage.signed("node", &[("node.json", &candidates("node", "locked-read-only", 0x10))]);
    let roles = stage.promote(&["locked.json", "node.json"]).run();
    refused(&stage, roles, 10, &["role-separation"]);
    // A policy of a stable release must be whole.
    let stable = stage.promote(&["locked.json"]).args(["--tag", "mero-kms-v1.4.0"]).run();
    refused(&stage, stable, 10, &["policy-status", "policy_not_ready in a stable release"]);
}

#[test]
fn a_policy_that_is_missing_or_of_another_shape_is_left_alone() {
    let stage = Stage::new();
    stage.signed("kms", &[("one.json", &candidates("kms", "locked-read-only", 0x10))]);
    let text = stage.file("master", LOCKED);
    let writes = |stage: &Stage, from: usize| {
        stage.writes(from).into_iter().filter(|one| !one.contains("/git/")).collect::<Vec<_>>()
    };
    for (content, code, words) in [
        (Some(text.replace("kms_allowed_rtmr2", "kms_allowed_rtmr9")), 10, "has no list policy.kms_allowed_rtmr2"),
        (Some(text.replace("\"locked-read-only\"", "\"debug\"")), 10, "another profile"),
        (Some("{".to_owned()), 10, "not acceptable JSON"),
        (None, 11, "has no such file on master"),
    ] {
        stage.put("master", &[(LOCKED, content.as_deref())]);
        let before = stage.asked();
        stage.promote(&["one.json"]).run().expect(code).says(&[words]);
        assert_eq!(writes(&stage, before), [""; 0]);
        assert_eq!(stage.pulls(), [Value::Null; 0]);
    }
}

#[test]
fn hostile_words_in_signed_candidates_stay_words() {
    let stage = Stage::new();
    let mut document = candidates("kms", "locked-read-only", 0x10);
    let evil = "<img src=x onerror=alert(1)> @octocat --> | \u{202e}";
    document["source"]["image"] = json!(evil);
    document["source"]["run_url"] = json!("javascript:alert(1)");
    stage.signed("kms", &[("one.json", &document)]);
    stage.promote(&["one.json"]).run().expect(0);
    let body = stage.pulls()[0]["body"].as_str().unwrap().to_owned();
    assert!(!body.contains('\u{202e}'), "{body}");
    let shown = body.split_once("-->").unwrap().1.split_once("-->").unwrap().1;
    let bare: String = shown.split('`').step_by(2).collect();
    for active in ["<img", "@octocat", "javascript:"] {
        assert!(!bare.contains(active), "{active} in {bare}");
    }
}
