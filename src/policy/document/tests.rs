//! What each kind of policy file reads as.
#![allow(clippy::expect_used, clippy::indexing_slicing, reason = "a test fails by panicking")]

use serde_json::json;

use super::*;
use crate::{
    policy::fixtures::{measurement, policy, policy_json, read, spoiled},
    schema::validate,
};

#[test]
fn a_current_policy_states_both_sides_of_one_profile() {
    let file = policy(Profile::Debug);
    assert_eq!(
        (file.kind, file.profile(), file.tag.as_deref()),
        (PolicyKind::Current, Some(Profile::Debug), Some("1.2.0"))
    );
    assert_eq!((file.is_not_ready(), file.malformed.len(), file.unknown_fields.len()), (false, 0, 0));
    let lists = &file.profiles[0];
    let mrtd = |role| lists.of(role).map(|a| a.register(Register::Mrtd).to_vec());
    assert_eq!(mrtd(Role::Kms), Some(vec![measurement(0x11)]));
    assert_eq!(mrtd(Role::Node), Some(vec![measurement(0x81)]));
    assert_eq!(lists.event_payloads.len(), 1);
    assert_eq!(validate(file.kind.schema(), &file.document), []);
}

#[test]
fn an_old_policy_without_prefixes_role_and_profile_states_the_kms_of_locked_read_only() {
    let lists: Map<_, _> = policy_json(Profile::Debug)["policy"]
        .as_object()
        .expect("lists")
        .iter()
        .filter_map(|(key, list)| Some((key.strip_prefix("kms_")?.to_owned(), list.clone())))
        .collect();
    let file = read(&json!({"schema_version": 1, "tag": "1.0.0", "policy": lists}));
    assert_eq!((file.kind, file.profile()), (PolicyKind::Unprefixed, Some(Profile::LockedReadOnly)));
    let sides = Role::ALL.map(|role| file.profiles[0].of(role).map(|a| a.register(Register::Rtmr3).to_vec()));
    assert_eq!(sides, [Some(vec![measurement(0x15)]), None]);
    assert_eq!(validate(file.kind.schema(), &file.document), []);
}

#[test]
fn a_file_with_prefixed_and_unprefixed_lists_is_malformed_because_readers_disagree_on_it() {
    let file = spoiled(Profile::Debug, |d| d["policy"]["allowed_mrtd"] = json!(["ff".repeat(48)]));
    assert_eq!(file.kind, PolicyKind::Current);
    assert_eq!(file.malformed.iter().map(|m| m.place.as_str()).collect::<Vec<_>>(), ["policy.allowed_mrtd"]);
    assert_eq!(file.profiles[0].of(Role::Kms).map(|a| a.register(Register::Mrtd)), Some(&[measurement(0x11)][..]));
}

#[test]
fn fields_nobody_knows_are_kept_and_named_at_every_level() {
    let file = spoiled(Profile::Debug, |d| {
        d["polcy"] = json!({});
        d["kms"] = json!({"attest_endpoint": "/attest", "attest_endpont": "/"});
        d["policy"]["kms_allowed_rtmr4"] = json!([]);
        d["policy"]["node_allowed_event_payload"] = json!([]);
    });
    let mut unknown = file.unknown_fields.clone();
    unknown.sort();
    assert_eq!(
        unknown,
        ["kms.attest_endpont", "polcy", "policy.kms_allowed_rtmr4", "policy.node_allowed_event_payload"]
    );
    assert_eq!(file.document["polcy"], json!({}));
}

#[test]
fn the_registry_kinds_are_recognised_and_their_words_for_final_accepted() {
    let lists = json!({"allowed_mrtd": ["11".repeat(48)], "allowed_rtmr0": [], "allowed_rtmr1": [],
        "allowed_rtmr2": [], "allowed_rtmr3": [], "allowed_tcb_statuses": ["UpToDate"]});
    let kms = read(&json!({"schema_version": 2, "policy_id": "mero-kms-phala/2.1.4", "release_tag": "2.1.4",
        "status": "approved", "policy": lists}));
    assert_eq!((kms.kind, kms.readiness, kms.profiles.len()), (PolicyKind::RegistryKms, Readiness::Ready, 1));
    let node = read(&json!({"schema_version": 1, "policy_id": "mero-tee/2.1.4", "release_tag": "2.1.4",
        "status": "draft", "profiles": {"debug": lists, "debug-read-only": lists, "locked-read-only": lists}}));
    assert_eq!((node.kind, node.profile()), (PolicyKind::RegistryNode, None));
    assert_eq!(node.readiness, Readiness::Unknown("draft".to_owned()));
    assert_eq!(node.profiles.iter().map(|p| p.profile).collect::<Vec<_>>(), Profile::ALL);
    assert!(node.profiles.iter().all(|p| p.kms.is_none() && p.node.is_some()));
}

#[test]
fn what_is_no_policy_is_one_finding_that_says_why() {
    let message = |bytes: &[u8]| PolicyFile::parse("p.json", bytes).expect_err("no policy").message;
    assert_eq!(message(b"[]"), "not a policy file of any known kind");
    assert_eq!(message(b"{\"tag\": \"1.2.0\"}"), "not a policy file of any known kind");
    assert_eq!(
        message(b"{\"policy\": {},\n\"policy\": {}}"),
        "not acceptable JSON: line 2, column 8: the key `policy` appears twice in one object"
    );
}

#[test]
fn a_status_or_profile_that_is_no_text_is_not_taken_for_an_absent_one() {
    let file = spoiled(Profile::Debug, |d| {
        d["status"] = json!(["policy_not_ready"]);
        d["profile"] = json!(null);
    });
    assert_eq!(file.readiness, Readiness::Unknown("[\"policy_not_ready\"]".to_owned()));
    assert_eq!((file.profile(), file.profiles.len()), (None, 0));
    assert_eq!(file.malformed[0].place, "profile");
}

#[test]
fn a_file_name_promises_a_profile() {
    for (name, profile) in [
        ("attestation-policy-debug.json", Some(Profile::Debug)),
        ("kms-phala-attestation-policy.debug-read-only.json", Some(Profile::DebugReadOnly)),
        ("kms-phala-attestation-policy.json", Some(Profile::LockedReadOnly)),
        ("attestation-policy-production.json", None),
        ("attestation-policy-debug", None),
        ("2.1.4.json", None),
    ] {
        assert_eq!(profile_in_name(name), profile, "{name}");
    }
}
