//! Policies that fulfil every rule, and each way to break one.
#![allow(clippy::expect_used, clippy::indexing_slicing, reason = "a test fails by panicking")]

use serde_json::{Value, json};

use super::*;
use crate::{
    attestation::measurement::{Register, TcbStatus},
    policy::fixtures::{allowed, measurement, policy_json},
};

const NAME: &str = "attestation-policy-locked-read-only.json";

fn judged(document: &Value, profile: Profile, release: &str) -> Result<Accepted, Unacceptable> {
    accept(NAME, document.to_string().as_bytes(), profile, &release.parse().expect("a tag"))
}

fn locked(change: impl FnOnce(&mut Value)) -> Result<Accepted, Unacceptable> {
    let mut document = policy_json(Profile::LockedReadOnly);
    change(&mut document);
    judged(&document, Profile::LockedReadOnly, "mero-kms-v1.2.0")
}

/// The checks that object, all of them as a refusal.
fn refused_by(outcome: Result<Accepted, Unacceptable>) -> Vec<&'static str> {
    match outcome {
        Err(Unacceptable::Refused(reasons)) => reasons.iter().map(|reason| reason.check).collect(),
        other => unreachable!("{other:?}"),
    }
}

#[test]
fn a_policy_that_fulfils_every_rule_is_accepted_with_its_node_lists() {
    let accepted = locked(|_| {}).expect("it is sound");
    assert!(accepted.ready && accepted.warnings.is_empty(), "{accepted:?}");
    assert_eq!(accepted.node.register(Register::Mrtd), [measurement(0x81)]);
    assert_eq!(accepted.node.tcb(), [TcbStatus::UpToDate]);
}

#[test]
fn a_policy_of_another_profile_or_another_release_is_refused_with_expected_and_got() {
    let other = judged(&policy_json(Profile::Debug), Profile::LockedReadOnly, "mero-kms-v1.2.0").expect_err("debug");
    assert_eq!(
        other.objections().iter().map(ToString::to_string).collect::<Vec<_>>(),
        [format!(
            "policy-profile: {NAME}: the policy in it is for another profile: expected locked-read-only, got debug"
        )]
    );
    let other = locked(|p| p["tag"] = json!("1.1.0")).expect_err("an older policy");
    assert_eq!(other.objections()[0].comparison, Some(("1.2.0".into(), "1.1.0".into())));
    assert_eq!(refused_by(Err(other)), ["policy-tag"]);
}

#[test]
fn every_flaw_is_refused_by_the_auditors_check() {
    type Change = fn(&mut Value);
    let flaws: [(Change, &[&str]); 8] = [
        (|p| p["policy"]["node_allowed_rtmr1"] = json!([]), &["policy-measurements"]),
        (|p| p["policy"]["node_allowed_tcb_statuses"] = json!([]), &["policy-measurements"]),
        (|p| p["policy"]["kms_allowed_mrtd"] = json!([]), &["policy-measurements"]),
        (
            |p| p["policy"]["node_allowed_mrtd"] = json!(["abcd"]),
            &["schema", "policy-measurements", "policy-measurements"],
        ),
        (|p| p["policy"]["node_allowed_tcb_statuses"] = json!(["uptodate", "revoked"]), &["policy-tcb"]),
        (|p| p["policy"]["node_allowed_rtmr3"] = p["policy"]["kms_allowed_rtmr3"].clone(), &["role-separation"]),
        (|p| p["status"] = json!("policy_not_ready"), &["policy-status"]),
        (|p| p["status"] = json!("fine"), &["schema", "policy-status"]),
    ];
    for (change, checks) in flaws {
        assert_eq!(refused_by(locked(change)), checks);
    }
}

#[test]
fn bytes_that_are_no_policy_and_forms_without_node_lists_are_refused() {
    let release: Tag = "mero-kms-v1.2.0".parse().expect("a tag");
    for bytes in [&b""[..], b"{", b"[]", b"{}", br#"{"policy":{},"policy":{}}"#] {
        assert_eq!(refused_by(accept(NAME, bytes, Profile::LockedReadOnly, &release)), ["schema"], "{bytes:?}");
    }
    let old = json!({"schema_version": 1, "tag": "1.2.0", "policy": {"allowed_mrtd": [measurement(1).to_string()]}});
    assert_eq!(refused_by(judged(&old, Profile::LockedReadOnly, "mero-kms-v1.2.0")), ["schema"]);
    let one_role = locked(|p| {
        let lists = p["policy"].as_object_mut().expect("lists");
        lists.retain(|name, _| !name.starts_with("node_"));
    });
    assert!(refused_by(one_role).contains(&"policy-measurements"));
}

#[test]
fn a_policy_that_is_not_ready_is_for_a_release_candidate_and_says_so() {
    let mut document = policy_json(Profile::Debug);
    document["tag"] = json!("1.3.0-rc.1");
    document["status"] = json!("policy_not_ready");
    document["policy"]["node_allowed_rtmr3"] = json!([]);
    let accepted = judged(&document, Profile::Debug, "mero-kms-v1.3.0-rc.1").expect("an rc may be unsettled");
    assert!(!accepted.ready);
    assert_eq!(accepted.warnings.iter().map(|w| w.check).collect::<Vec<_>>(), ["policy-status"]);
    document["tag"] = json!("1.3.0");
    assert!(refused_by(judged(&document, Profile::Debug, "mero-kms-v1.3.0")).contains(&"policy-status"));
}

#[test]
fn lists_without_a_document_are_held_to_the_same_rules() {
    let full = allowed([&[1], &[2], &[3], &[4], &[5]]);
    assert_eq!(accept_lists("the environment", &full), Ok(Vec::new()));
    let empty = accept_lists("the environment", &allowed([&[1], &[2], &[], &[4], &[5]])).expect_err("RTMR1 is empty");
    assert_eq!(empty.objections()[0].comparison.as_ref().map(|c| c.1.as_str()), Some("nothing in RTMR1"));
    let revoked =
        accept_lists("the environment", &full.clone().with_tcb(vec![TcbStatus::Revoked])).expect_err("revoked");
    assert_eq!(revoked.objections()[0].check, "policy-tcb");
    let outdated = accept_lists("the environment", &full.with_tcb(vec![TcbStatus::OutOfDate])).expect("only a warning");
    assert_eq!(outdated[0].check, "policy-tcb");
}
