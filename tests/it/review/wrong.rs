//! Ways to be wrong.

use serde_json::{Value, json};

use super::site::{BUNDLE, CANDIDATES, Draft, Opened, POLICY, Site, problems, value};
use crate::binary::findings;

/// What stands in the way, as `check status`.
fn found(report: &Value) -> Vec<String> {
    problems(report).into_iter().map(|(check, status)| format!("{check} {status}")).collect()
}

/// Judges a pull request; what stands in the way is just this, and it is said so.
#[track_caller]
fn caught(pull: &Opened<'_>, code: i32, expected: &[&str], words: &[&str]) {
    let run = pull.judge(&[]).run().expect(code);
    assert_eq!(found(&run.report()), expected, "{}", run.stdout);
    run.says(words);
}

#[test]
fn each_of_eight_ways_to_be_wrong_is_caught_by_its_own_check() {
    let site = Site::start();
    let missing = "promotion-approvals missing";
    // 1 One approval.
    let pull = site.opened("one", Draft::new()).approved(&["alice"]);
    caught(&pull, 11, &[missing], &["has not approved", "\"expected\": \"2 approvals\"", "\"actual\": \"1\""]);
    // 2 A stale approval: of a commit before the newest.
    let pull = site.opened("stale", Draft::new()).approved(&["alice", "bob"]);
    pull.push("README.md", "later\n", ("merotee", "merotee@example.invalid"));
    caught(&pull, 11, &[missing], &["approve again", "\"actual\": \"0\""]);
    // 3 The author approves: who opened it, or who wrote a commit.
    let pull = site.opened("author", Draft::new()).approved(&["alice"]);
    site.hub().join_team("calimero-network", "security", "author", merotee::sandbox::github::Membership::Active);
    assert!(site.hub().approve_own(&pull.repository, pull.number));
    caught(&pull, 11, &[missing], &["@author", "opened the pull request"]);
    let committer = ("Bob", "7+bob@users.noreply.github.com");
    let pull = site.opened("co-author", Draft { committer, ..Draft::new() }).approved(&["alice", "bob"]);
    caught(&pull, 11, &[missing], &["@bob", "is an author of commit"]);
    // 4 Not in the team; invited is not in it.
    let pull = site.opened("outside", Draft::new()).approved(&["alice", "archie", "dave"]);
    caught(&pull, 11, &[missing], &["is not a member of calimero-network/security"]);
    // 5 The structure changed.
    let mut draft = Draft::new();
    draft.policy["kms"]["attest_endpoint"] = json!("/other");
    let pull = site.opened("structure", draft).approved(&["bob", "carol"]);
    caught(&pull, 11, &["promotion-shape missing"], &["kms.attest_endpoint", "an architecture review"]);
    // 6 A value that no probe measured.
    let mut draft = Draft::new();
    draft.policy["policy"]["kms_allowed_rtmr2"].as_array_mut().unwrap().push(json!(value("by hand")));
    let pull = site.opened("by-hand", draft).approved(&["alice", "bob"]);
    caught(
        &pull,
        10,
        &["promotion-values fail"],
        &["debug kms: no probe measured this value of RTMR2", &value("by hand")],
    );
    // 7 The label is missing.
    let pull = site.opened("label", Draft { label: "", ..Draft::new() }).approved(&["alice", "bob"]);
    caught(&pull, 11, &["promotion-label missing"], &["it is not marked as a promotion", "\"actual\": \"none\""]);
    // 8 Another workflow signed; so nothing vouches for the values either.
    let draft = Draft { workflow: "release-kms-phala.yaml", ..Draft::new() };
    let pull = site.opened("workflow", draft).approved(&["alice", "bob"]);
    let both = ["promotion-signer fail", "promotion-values fail"];
    caught(&pull, 10, &both, &["another workflow signed", "release-kms-phala.yaml"]);
}

#[test]
fn a_workflow_vouches_at_the_default_branch_of_its_own_repository_alone() {
    let site = Site::start();
    let both = ["promotion-signer fail", "promotion-values fail"];
    let pull = site.opened("branch", Draft { git_ref: "refs/heads/mine", ..Draft::new() }).approved(&["alice", "bob"]);
    caught(&pull, 10, &both, &["another ref signed", "refs/heads/mine"]);
    let named = pull.judge(&["--probe-ref", "refs/heads/mine"]).run();
    named.expect(0);
    let other = site.opened("elsewhere", Draft::new()).approved(&["alice", "bob"]);
    let candidates = format!("{:#}\n", Draft::new().candidates);
    let bundle = super::site::bundle("evil/copy", "kms-phala-staging-probe.yaml", "refs/heads/master", &candidates);
    other.push(BUNDLE, &bundle, ("merotee", "m@example.invalid"));
    let other = other.approved(&["alice", "bob"]);
    caught(&other, 10, &both, &["another repository signed", "evil/copy"]);
    let renamed = site.opened("renamed", Draft { workflow: "mine.yaml", ..Draft::new() }).approved(&["alice", "bob"]);
    renamed.judge(&["--probe-workflow", "mine.yaml"]).run().expect(0);
    renamed.judge(&["--probe-workflow", "../x.yaml"]).run().expect(2);
}

#[test]
fn evidence_counts_for_its_own_role_profile_and_register_and_whole() {
    let site = Site::start();
    let values = "promotion-values fail";
    // No bundle.
    let pull = site.opened("bundle", Draft { signed: false, ..Draft::new() }).approved(&["alice", "bob"]);
    let expected = ["promotion-evidence missing", "promotion-signer skipped_required", values];
    caught(&pull, 10, &expected, &["nothing signs the candidates", BUNDLE]);
    // Other bytes than those that were signed.
    let pull = site.opened("bytes", Draft::new());
    pull.push(CANDIDATES, &format!("{:#}\n\n", Draft::new().candidates), ("m", "m@example.invalid"));
    let pull = pull.approved(&["alice", "bob"]);
    let expected = ["promotion-evidence fail", "promotion-signer skipped_required", values];
    caught(&pull, 10, &expected, &["the signature proves nothing"]);
    // Candidates of another profile, and of another role, in this one's folder.
    let mut draft = Draft::new();
    draft.candidates["profile"] = json!("locked-read-only");
    let pull = site.opened("profile", draft).approved(&["alice", "bob"]);
    let report = pull.judge(&[]).run().expect(10).says(&["of other machines than the folder they lie in"]).report();
    assert!(found(&report).contains(&"promotion-evidence fail".to_owned()), "{report:#}");
    assert!(found(&report).contains(&values.to_owned()), "{report:#}");
    let mut draft = Draft::new();
    draft.candidates["source"]["family"] = json!("node");
    let pull = site.opened("role", draft).approved(&["alice", "bob"]);
    caught(&pull, 10, &["promotion-evidence fail", values], &["of other machines", "\"actual\": \"node-debug\""]);
    // Values that were measured, in another register.
    let mut draft = Draft::new();
    draft.policy["policy"]["kms_allowed_rtmr1"][1] = json!(value("kms debug rtmr2"));
    let pull = site.opened("register", draft).approved(&["alice", "bob"]);
    caught(&pull, 10, &[values], &["no probe measured this value of RTMR1", "which is RTMR2 of kms-debug"]);
    // A compose hash and a TCB status that no probe saw.
    let mut draft = Draft::new();
    draft.policy["policy"]["kms_allowed_event_payload"][1] = json!("ef".repeat(32));
    draft.policy["policy"]["kms_allowed_tcb_statuses"].as_array_mut().unwrap().push(json!("swhardeningneeded"));
    let pull = site.opened("tcb", draft).approved(&["alice", "bob"]);
    caught(&pull, 10, &[values], &["no probe saw this compose hash", "no probe saw a platform of this TCB status"]);
    // A list that is emptied admits without bound, whatever was measured.
    let mut draft = Draft::new();
    draft.policy["policy"]["kms_allowed_rtmr0"] = json!([]);
    let pull = site.opened("emptied", draft).approved(&["alice", "bob"]);
    let outputs = site.place.path("outputs");
    let run = pull.judge(&[]).env("GITHUB_ACTIONS", "true").env("GITHUB_OUTPUT", &outputs).run().expect(10);
    run.says(&["the list of RTMR0 is emptied"]);
    assert!(site.place.read("outputs").contains("newly_admits=unbounded\n"));
    // Evidence that was there before vouches for nothing.
    let pull = site.opened("before", Draft::new());
    let (bundle, candidates) = (pull.repository.clone(), format!("{:#}\n", Draft::new().candidates));
    let bundle = super::site::bundle(&bundle, "kms-phala-staging-probe.yaml", "refs/heads/master", &candidates);
    let files = [(CANDIDATES.to_owned(), Some(candidates)), (BUNDLE.to_owned(), Some(bundle))];
    site.commit(&pull.repository, "master", &files, ("Ada", "ada@example.invalid"));
    let pull = pull.approved(&["alice", "bob"]);
    pull.judge(&[]).run().expect(10).says(&["changed it since the branch left it"]);
}

#[test]
fn a_policy_is_held_to_every_rule_as_it_would_be_after_the_merge() {
    let site = Site::start();
    // The KMS of another profile: one machine satisfies both.
    let mut draft = Draft::new();
    let locked = super::site::policy_before(merotee::subject::profile::Profile::LockedReadOnly);
    for register in ["mrtd", "rtmr0", "rtmr1", "rtmr2", "rtmr3"] {
        let name = format!("kms_allowed_{register}");
        let value = locked["policy"][&name][0].clone();
        draft.candidates["policy"][format!("allowed_{register}")] = json!([value]);
        draft.policy["policy"][&name][1] = value;
    }
    let pull = site.opened("isolation", draft).approved(&["alice", "bob"]);
    let report = pull.judge(&[]).run().expect(10).says(&["one machine satisfies both"]).report();
    assert!(found(&report).contains(&"profile-isolation fail".to_owned()), "{report:#}");
    // A file that says another profile than its name.
    let mut draft = Draft::new();
    draft.policy["profile"] = json!("locked-read-only");
    let pull = site.opened("named", draft).approved(&["alice", "bob"]);
    let report = pull.judge(&[]).run().expect(10).report();
    assert!(found(&report).contains(&"policy-profile fail".to_owned()), "{report:#}");
    // No JSON at all.
    let files = vec![(POLICY.to_owned(), Some("{".to_owned()))];
    let pull = site.opened("json", Draft { files, ..Draft::new() }).approved(&["alice", "bob"]);
    let report = pull.judge(&[]).run().expect(10).report();
    let all = found(&report);
    for expected in ["schema fail", "promotion-shape missing", "promotion-values skipped_required"] {
        assert!(all.contains(&expected.to_owned()), "{expected}: {all:?}");
    }
}

#[test]
fn a_promotion_changes_policies_and_evidence_and_nothing_else() {
    let site = Site::start();
    for (name, path, code) in [
        ("prose", "docs/promotions.md", 0),
        ("workflow-file", ".github/workflows/policy-promotion.yaml", 10),
        ("owners", "CODEOWNERS", 10),
        ("source", "src/main.rs", 10),
        ("unknown", "policies/kms-phala-attestation-policy.production.json", 10),
        ("strange", "policies/probes/kms-debug/1.candidates.json.orig", 10),
    ] {
        let files = vec![(path.to_owned(), Some("{}\n".to_owned()))];
        let pull = site.opened(name, Draft { files, ..Draft::new() }).approved(&["alice", "bob"]);
        let run = pull.judge(&[]).run().expect(code);
        let expected: &[&str] = if code == 0 { &[] } else { &["promotion-files fail"] };
        assert_eq!(found(&run.report()), expected, "{name}");
        assert!(run.stdout.contains(path), "{name}");
    }
    let files = vec![("policies/kms-phala-attestation-policy.locked-read-only.json".to_owned(), None)];
    let pull = site.opened("gone", Draft { files, ..Draft::new() }).approved(&["alice", "bob"]);
    caught(&pull, 11, &["promotion-shape missing"], &["the file is gone"]);
}

#[test]
fn the_last_verdict_of_each_person_counts_and_a_members_objection_stands() {
    let site = Site::start();
    let pull = site.opened("objection", Draft::new()).approved(&["alice", "bob"]);
    let review = pull.review("carol", "REQUEST_CHANGES", None);
    caught(&pull, 10, &["promotion-approvals fail"], &["@carol", "asks for changes"]);
    pull.review("carol", "COMMENT", None);
    caught(&pull, 10, &["promotion-approvals fail"], &["@carol"]);
    pull.dismiss(review);
    pull.judge(&[]).run().expect(0).says(&["the review was dismissed"]);
    pull.review("bob", "REQUEST_CHANGES", None);
    pull.review("bob", "APPROVE", None);
    pull.judge(&[]).run().expect(0);
    let review = pull.review("bob", "APPROVE", None);
    pull.dismiss(review);
    caught(&pull, 11, &["promotion-approvals missing"], &["\"actual\": \"1\""]);
    // What someone outside says is told, and stops nothing.
    let pull = site.opened("stranger", Draft::new()).approved(&["alice", "bob"]);
    pull.review("dave", "REQUEST_CHANGES", None);
    let run = pull.judge(&[]).run().expect(0);
    run.says(&["asks for changes, and is not a member"]);
    pull.judge(&["--approvals", "3"]).run().expect(11).says(&["\"expected\": \"3 approvals\""]);
    let report = pull.judge(&["--team", "calimero-network/architecture", "--approvals", "1"]).run().expect(0).report();
    assert!(findings(&report).len() > 10);
}

#[test]
fn a_draft_waits_and_what_is_closed_or_behind_is_refused() {
    let site = Site::start();
    let pull = site.opened("draft", Draft { draft: true, ..Draft::new() }).approved(&["alice", "bob"]);
    caught(&pull, 11, &["promotion-state missing"], &["it is a draft"]);
    let pull = site.opened("closed", Draft::new()).approved(&["alice", "bob"]);
    let path = format!("/repos/{}/pulls/{}", pull.repository, pull.number);
    site.ask("author", reqwest::Method::PATCH, &path, Some(json!({"state": "closed"})));
    caught(&pull, 10, &["promotion-state fail"], &["it is closed"]);
    let pull = site.opened("behind", Draft::new()).approved(&["alice", "bob"]);
    let mut newer = super::site::policy_before(merotee::subject::profile::Profile::Debug);
    newer["generated_at"] = json!("2026-01-01T00:00:00Z");
    let files = [(POLICY.to_owned(), Some(newer.to_string()))];
    site.commit(&pull.repository, "master", &files, ("Ada", "ada@example.invalid"));
    caught(&pull, 10, &["promotion-state fail"], &["master changed it since the branch left it", "update the branch"]);
}
