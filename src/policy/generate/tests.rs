//! Generated policies, and everything the auditor would refuse.
#![allow(clippy::expect_used, clippy::indexing_slicing, reason = "a test fails by panicking")]

use serde_json::{Value, json};

use super::*;
use crate::{
    policy::fixtures::{mrtds_json, only, policy, read_mrtds},
    report::{Status, Verdict},
    subject::role::Role,
};

fn origin(version: &str) -> Origin {
    Origin {
        version: version.parse().expect("a version"),
        commit_sha: "0123456789abcdef0123456789abcdef01234567".into(),
        generated_at: "2025-10-01T00:00:00Z".parse().expect("a time"),
        repository: "calimero-network/mero-tee".into(),
        workflow: ".github/workflows/release-kms-phala.yaml".into(),
        git_ref: "refs/tags/mero-kms-v1.2.0".into(),
        naming: Naming::Pipeline,
    }
}

/// What probes of machines that fulfil every rule propose.
fn proposals() -> Vec<Proposal> {
    Profile::ALL
        .map(|profile| {
            let lists = policy(profile).profiles.remove(0);
            let event_payloads = lists.event_payloads.clone();
            Proposal { profile, allowed: lists.of(Role::Kms).expect("kms lists").clone(), event_payloads }
        })
        .to_vec()
}

fn judged(proposals: &[Proposal], node: &Value, tag: &str) -> Vec<Finding> {
    let (origin, node) = (origin(tag), read_mrtds(node));
    let files = Profile::ALL.map(|p| ready(&origin, p, &lists(p, proposals, &node)).expect("a document"));
    let version: Version = "1.2.0".parse().expect("a version");
    judge(&files, &version, Class::Stable, Some(Counterpart { published: &node, version: &version }))
}

fn failures(findings: &[Finding]) -> Vec<(&str, &str, &str)> {
    let failed = findings.iter().filter(|f| f.status == Status::Fail);
    failed.map(|f| (f.check, f.subject.as_str(), f.message.as_str())).collect()
}

#[test]
fn probes_that_fulfil_every_rule_make_policies_that_do() {
    let findings = judged(&proposals(), &mrtds_json(Role::Node), "1.2.0");
    assert_eq!(Verdict::of(findings.iter()), Verdict::Passed, "{findings:#?}");
    assert!(findings.iter().all(|f| f.status == Status::Pass), "{findings:#?}");
}

#[test]
fn the_bytes_are_the_same_however_the_lists_are_ordered() {
    let node = read_mrtds(&mrtds_json(Role::Node));
    let mut some = lists(Profile::Debug, &proposals(), &node);
    some.kms = crate::policy::fixtures::allowed([&[2, 1], &[1], &[1], &[1], &[3, 2, 3]]);
    let mut other = some.clone();
    other.kms = crate::policy::fixtures::allowed([&[1, 2], &[1], &[1], &[1], &[2, 3]]);
    let make = |lists| ready(&origin("1.2.0"), Profile::Debug, lists).expect("a document").bytes;
    assert_eq!(make(&some), make(&other));
}

#[test]
fn fields_stand_in_the_documented_order_and_the_text_ends_with_one_line_end() {
    let made = ready(&origin("1.2.0"), Profile::Debug, &Lists::default()).expect("a document");
    let text = String::from_utf8(made.bytes).expect("text");
    let keys =
        ["schema_version", "role", "profile", "tag", "commit_sha", "status", "generated_at", "source", "kms", "policy"];
    let places: Vec<_> = keys.iter().map(|key| text.find(&format!("\n  \"{key}\": ")).expect(key)).collect();
    assert!(places.is_sorted(), "{text}");
    assert!(text.ends_with("}\n") && !text.ends_with("\n\n"));
    assert_eq!(made.name, "attestation-policy-debug.json");
    assert_eq!(Naming::Runbook.file_name(Profile::Debug), "kms-phala-attestation-policy.debug.json");
}

#[test]
fn overlapping_profiles_are_refused_with_the_pair() {
    let mut same = proposals();
    same[2].allowed = same[0].allowed.clone();
    let findings = judged(&same, &mrtds_json(Role::Node), "1.2.0");
    let failed = failures(&findings);
    assert_eq!(failed.len(), 1, "{failed:?}");
    assert_eq!((failed[0].0, failed[0].1), ("profile-isolation", "attestation-policy-locked-read-only.json"));
    assert!(failed[0].2.starts_with("kms: debug and locked-read-only are not isolated"), "{failed:?}");
}

#[test]
fn an_rtmr3_shared_between_the_roles_is_refused() {
    let mut node = mrtds_json(Role::Node);
    let kms = proposals()[0].allowed.register(Register::Rtmr3)[0].to_string();
    node["profiles"]["debug"]["rtmr3"] = json!(kms);
    node["profiles"]["debug"]["allowed_rtmr3"] = json!([kms]);
    let findings = judged(&proposals(), &node, "1.2.0");
    assert_eq!(
        failures(&findings),
        [("role-separation", "attestation-policy-debug.json", "debug: KMS and node share a value of RTMR3")]
    );
}

#[test]
fn an_empty_list_a_revoked_status_and_a_wrong_tag_are_refused() {
    let mut empty = proposals();
    empty[1].allowed = crate::policy::fixtures::allowed([&[1], &[2], &[], &[4], &[5]]);
    let failed = judged(&empty, &mrtds_json(Role::Node), "1.2.0");
    let finding = only(&failed, Status::Fail);
    assert_eq!((finding.check, finding.actual.as_deref()), ("policy-measurements", Some("nothing in RTMR1")));
    let mut revoked = proposals();
    revoked[0].allowed = revoked[0].allowed.clone().with_tcb(vec![TcbStatus::Revoked]);
    assert_eq!(only(&judged(&revoked, &mrtds_json(Role::Node), "1.2.0"), Status::Fail).check, "policy-tcb");
    let tags = judged(&proposals(), &mrtds_json(Role::Node), "1.1.0");
    assert_eq!(failures(&tags).iter().map(|f| f.0).collect::<Vec<_>>(), ["policy-tag"; 3]);
    let mut old = mrtds_json(Role::Node);
    old["tag"] = json!("1.1.0");
    let finding = only(&judged(&proposals(), &old, "1.2.0"), Status::Fail);
    assert_eq!((finding.check, finding.actual.as_deref()), ("mrtds", Some("1.1.0")));
}

#[test]
fn node_lists_nobody_published_are_refused() {
    let mut node = mrtds_json(Role::Node);
    node["profiles"]["debug"]["allowed_rtmr2"] = json!([]);
    let findings = judged(&proposals(), &node, "1.2.0");
    let checks: Vec<_> = failures(&findings).iter().map(|f| f.0).collect();
    assert_eq!(checks, ["policy-measurements", "policy-spellings", "mrtds", "counterpart-measurements"]);
}

#[test]
fn an_unready_policy_is_for_release_candidates_alone() {
    let version: Version = "1.3.0-rc.1".parse().expect("a version");
    let files = Profile::ALL.map(|p| not_ready(&origin("1.3.0-rc.1"), p).expect("a document"));
    let rc = judge(&files, &version, Class::Rc, None);
    assert_eq!(Verdict::of(rc.iter()), Verdict::Passed, "{rc:#?}");
    let stable = judge(&files, &version, Class::Stable, None);
    assert_eq!(failures(&stable).iter().map(|f| f.0).collect::<Vec<_>>(), ["policy-status"; 3]);
}

#[test]
fn a_profile_without_a_probe_has_empty_lists_and_is_refused() {
    let mut two = proposals();
    two.remove(1);
    let findings = judged(&two, &mrtds_json(Role::Node), "1.2.0");
    assert!(failures(&findings).iter().any(|f| f.1 == "attestation-policy-debug-read-only.json"));
}
