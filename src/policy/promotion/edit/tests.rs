//! A policy with the values of candidates, in whatever hand it is written.
#![allow(clippy::expect_used, clippy::indexing_slicing, clippy::panic, reason = "a test fails by panicking")]

use super::*;
use crate::{
    attestation::measurement::Registers,
    digest::Sha256,
    policy::fixtures::{measurement, policy_json},
};

fn proposal(byte: u8) -> Proposal {
    let registers = Registers::from_fn(|register| vec![measurement(byte + register as u8)]);
    let allowed = Allowed::new(registers, vec![TcbStatus::UpToDate]);
    Proposal { profile: Profile::Debug, allowed, event_payloads: vec![Sha256::of(b"compose")] }
}

fn wanted<'a>(lists: &'a [(Role, &'a Proposal)], probes: &'a [Value]) -> Wanted<'a> {
    Wanted { profile: Profile::Debug, lists, version: None, commit: None, generated_at: None, probes }
}

fn ready(text: &str, wanted: &Wanted<'_>) -> Edited {
    edited("policy.json", text, wanted).unwrap_or_else(|findings| panic!("{findings:#?}"))
}

/// A placeholder in the hand that `gen-policy` writes.
fn placeholder(plain: bool) -> String {
    let mut lists = serde_json::Map::new();
    for prefix in ["kms_", "node_"].into_iter().chain(plain.then_some("")) {
        for name in ["tcb_statuses", "mrtd", "rtmr0", "rtmr1", "rtmr2", "rtmr3"] {
            lists.insert(format!("{prefix}allowed_{name}"), json!([]));
        }
    }
    lists.insert("kms_allowed_event_payload".to_owned(), json!([]));
    let document = json!({
        "schema_version": 1, "role": "kms", "profile": "debug", "tag": "0.0.0-rc.0", "status": "policy_not_ready",
        "generated_at": "1970-01-01T00:00:00Z", "source": {"repository": "o/r"}, "policy": lists,
    });
    format!("{document:#}\n")
}

/// Lines of `after` that are not in `before` at the same distance from an unchanged line: here, simply those that are new.
fn keys(text: &str) -> Vec<&str> {
    text.lines().filter_map(|line| line.trim_start().split_once("\": ").map(|(key, _)| key)).collect()
}

#[test]
fn one_role_fills_its_own_lists_and_leaves_the_draft_a_draft() {
    let (before, kms) = (placeholder(true), proposal(0x10));
    let after = ready(&before, &wanted(&[(Role::Kms, &kms)], &[]));
    assert!(after.changed && after.remarks.is_empty());
    let policy = PolicyFile::parse("p", after.text.as_bytes()).expect("a policy");
    let lists = policy.profiles.first().expect("lists");
    assert_eq!(lists.kms, Some(kms.allowed.clone()));
    assert_eq!(lists.event_payloads, kms.event_payloads);
    assert_eq!(lists.node, Some(Allowed::default()));
    assert!(policy.is_not_ready());
    // An older KMS reads lists without a prefix where it finds no node lists, so they stay empty until those are there.
    assert_eq!(policy.document["policy"]["allowed_mrtd"], json!([]));
}

#[test]
fn both_roles_make_it_ready_and_the_other_spelling_repeats_the_kms() {
    let (kms, node) = (proposal(0x10), proposal(0x80));
    let version = Version::new(1, 2, 0);
    let probes = [json!({"role": "kms", "candidates_sha256": "aa"})];
    let lists = [(Role::Kms, &kms), (Role::Node, &node)];
    let time = "2026-11-30T08:00:00Z".parse().ok();
    let wanted =
        Wanted { version: Some(&version), commit: Some("c0ffee"), generated_at: time, ..wanted(&lists, &probes) };
    let before = placeholder(true);
    let after = ready(&before, &wanted);
    let policy = PolicyFile::parse("p", after.text.as_bytes()).expect("a policy");
    assert_eq!(policy.readiness, crate::policy::document::Readiness::Ready);
    let of = |name: &str| policy.document["policy"][name].clone();
    for name in ["mrtd", "rtmr0", "rtmr1", "rtmr2", "rtmr3", "tcb_statuses"] {
        assert_eq!(of(&format!("allowed_{name}")), of(&format!("kms_allowed_{name}")), "{name}");
        assert_ne!(of(&format!("allowed_{name}")), json!([]), "{name}");
    }
    assert_eq!(policy.tag.as_deref(), Some("1.2.0"));
    assert_eq!(policy.document["generated_at"], json!("2026-11-30T08:00:00Z"));
    assert_eq!(policy.document["source"]["probes"], json!(probes));
    assert_eq!(policy.document.get("commit_sha"), None, "a field that is not there is not made");
    let unprobed: Vec<_> =
        keys(&after.text).into_iter().filter(|key| !key.contains("role") && !key.contains("sha256")).collect();
    let expected: Vec<_> = keys(&before).into_iter().filter(|key| !key.contains("role")).collect();
    assert_eq!(
        unprobed.iter().filter(|key| !key.contains("probes")).collect::<Vec<_>>(),
        expected.iter().collect::<Vec<_>>()
    );
}

#[test]
fn what_is_said_already_changes_no_byte_whatever_its_order_and_case() {
    let kms = proposal(0x10);
    let first = ready(&placeholder(false), &wanted(&[(Role::Kms, &kms)], &[]));
    let shouted = first
        .text
        .replace(&measurement(0x10).to_string(), &format!("0x{}", measurement(0x10).to_string().to_uppercase()));
    assert_ne!(shouted, first.text);
    let time = "2026-11-30T08:00:00Z".parse().ok();
    let probes = [json!({"role": "kms"})];
    let lists = [(Role::Kms, &kms)];
    let again = ready(&shouted, &Wanted { generated_at: time, ..wanted(&lists, &probes) });
    assert_eq!((again.text, again.changed), (shouted, false));
}

#[test]
fn the_file_keeps_its_hand() {
    let kms = proposal(0x10);
    for (text, expected) in [
        (placeholder(false).replace('\n', "\r\n"), "\"kms_allowed_mrtd\": [\r\n      \"1010"),
        (placeholder(false).replace("  ", "\t"), "\"kms_allowed_mrtd\": [\n\t\t\t\"1010"),
        (serde_json::from_str::<Value>(&placeholder(false)).expect("JSON").to_string(), "\"kms_allowed_mrtd\":[\"1010"),
    ] {
        let after = ready(&text, &wanted(&[(Role::Kms, &kms)], &[]));
        assert!(after.text.contains(expected), "{}", after.text);
        let other =
            |text: &str| text.lines().filter(|line| line.contains("node_")).map(str::to_owned).collect::<Vec<_>>();
        if text.lines().count() > 1 {
            assert_eq!(other(&text), other(&after.text));
        }
    }
}

#[test]
fn probes_of_the_other_role_stay_in_the_source() {
    let (kms, node) = (proposal(0x10), proposal(0x80));
    let of = |role: &str, digest: &str| json!({"role": role, "candidates_sha256": digest});
    let first = ready(&placeholder(false), &wanted(&[(Role::Kms, &kms)], &[of("kms", "aa")]));
    let second = ready(&first.text, &wanted(&[(Role::Node, &node)], &[of("node", "bb")]));
    let third = ready(&second.text, &wanted(&[(Role::Kms, &proposal(0x20))], &[of("kms", "cc")]));
    let read: Value = serde_json::from_str(&third.text).expect("JSON");
    assert_eq!(read["source"]["probes"], json!([of("node", "bb"), of("kms", "cc")]));
}

#[test]
fn another_profile_another_form_and_a_missing_list_are_refused() {
    let kms = proposal(0x10);
    let refused = |text: &str| {
        let lists = [(Role::Kms, &kms)];
        let findings = edited("policy.json", text, &wanted(&lists, &[])).err().unwrap_or_default();
        findings.into_iter().map(|finding| finding.message).collect::<Vec<_>>().join("; ")
    };
    assert_eq!(
        refused(&placeholder(false).replace("\"debug\"", "\"locked-read-only\"")),
        "the policy in it is for another profile"
    );
    let old = json!({"schema_version": 1, "tag": "1.2.0", "policy": {"allowed_mrtd": []}}).to_string();
    assert_eq!(refused(&old), "this form of policy cannot be promoted into");
    assert_eq!(
        refused(&placeholder(false).replace("kms_allowed_rtmr1", "kms_allowed_rtmr9")),
        "has no list policy.kms_allowed_rtmr1"
    );
    assert!(refused("{").starts_with("not acceptable JSON"));
}

#[test]
fn a_policy_that_is_ready_takes_new_values_and_stays_so() {
    let kms = proposal(0x30);
    let text = format!("{:#}", policy_json(Profile::Debug));
    let after = ready(&text, &wanted(&[(Role::Kms, &kms)], &[]));
    let policy = PolicyFile::parse("p", after.text.as_bytes()).expect("a policy");
    assert_eq!(policy.readiness, crate::policy::document::Readiness::Ready);
    assert_eq!(policy.profiles.first().and_then(|lists| lists.kms.clone()), Some(kms.allowed));
}
