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

/// The lists of the KMS once more, in the spelling without a prefix.
fn twins(document: &mut Value) {
    for name in ["tcb_statuses", "mrtd", "rtmr0", "rtmr1", "rtmr2", "rtmr3"] {
        let list = document["policy"][format!("kms_allowed_{name}")].clone();
        document["policy"][format!("allowed_{name}")] = list;
    }
}

/// Places of lists whose spellings differ, and what stands there.
fn differing(file: &PolicyFile) -> Vec<(&str, &str)> {
    assert!(file.malformed.iter().all(|m| m.field == Field::Spelling), "{:?}", file.malformed);
    file.malformed.iter().map(|m| (m.place.as_str(), m.actual.as_str())).collect()
}

#[test]
fn lists_without_a_prefix_that_repeat_the_kms_are_read_once() {
    let file = spoiled(Profile::Debug, |d| {
        twins(d);
        let upper = d["policy"]["allowed_mrtd"][0].as_str().expect("a value").to_uppercase();
        d["policy"]["allowed_mrtd"] = json!([format!("0x{upper}")]);
        d["policy"]["allowed_event_payload"] = d["policy"]["kms_allowed_event_payload"].clone();
    });
    assert_eq!((file.kind, file.malformed.len(), file.unknown_fields.len()), (PolicyKind::Current, 0, 0));
    assert_eq!(file.profiles, policy(Profile::Debug).profiles);
    assert_eq!(validate(file.kind.schema(), &file.document), []);
}

#[test]
fn lists_without_a_prefix_that_say_something_else_are_noted_and_the_prefixed_ones_count() {
    let other = "ff".repeat(48);
    let file = spoiled(Profile::Debug, |d| {
        twins(d);
        d["policy"]["allowed_mrtd"] = json!([other]);
        d["policy"]["allowed_rtmr3"].as_array_mut().expect("a list").push(json!(other));
        d["policy"]["allowed_tcb_statuses"] = json!(["uptodate", "outofdate"]);
        d["policy"]["allowed_event_payload"] = json!([]);
    });
    let short = |measurement: crate::attestation::measurement::Measurement| measurement.short();
    let (ff, own) = (short(measurement(0xff)), short(measurement(0x11)));
    let payload = "ab".repeat(32);
    assert_eq!(
        differing(&file),
        [
            ("policy.allowed_mrtd", format!("also {ff}; without {own}").as_str()),
            ("policy.allowed_rtmr3", format!("also {ff}").as_str()),
            ("policy.allowed_tcb_statuses", "also outofdate"),
            ("policy.allowed_event_payload", format!("without {payload}").as_str()),
        ]
    );
    assert_eq!(file.profiles, policy(Profile::Debug).profiles);
}

#[test]
fn half_a_spelling_is_noted_list_by_list() {
    let file = spoiled(Profile::Debug, |d| d["policy"]["allowed_mrtd"] = d["policy"]["kms_allowed_mrtd"].clone());
    let places: Vec<_> = differing(&file).into_iter().map(|(place, _)| place).collect();
    let expected = ["rtmr0", "rtmr1", "rtmr2", "rtmr3", "tcb_statuses"].map(|name| format!("policy.allowed_{name}"));
    assert_eq!(places, expected);
    assert_ne!(validate(file.kind.schema(), &file.document), []);
    // Without the KMS lists, the node's make it a file of the current form all the same.
    let file = spoiled(Profile::Debug, |d| {
        twins(d);
        d["policy"].as_object_mut().expect("lists").retain(|key, _| !key.starts_with("kms_"));
    });
    assert_eq!((file.kind, differing(&file).len()), (PolicyKind::Current, 6));
}

#[test]
fn a_list_without_a_prefix_must_not_stand_where_the_node_has_none() {
    let file = spoiled(Profile::Debug, |d| {
        twins(d);
        d["policy"]["node_allowed_rtmr2"] = json!([]);
        d["policy"].as_object_mut().expect("lists").remove("node_allowed_tcb_statuses");
    });
    assert_eq!(differing(&file), [("policy.allowed_rtmr2", "1 value"), ("policy.allowed_tcb_statuses", "1 value")]);
    // A draft leaves them empty until its node lists are there.
    let draft = |status: &str| {
        spoiled(Profile::Debug, |d| {
            twins(d);
            d["status"] = json!(status);
            for name in ["tcb_statuses", "mrtd", "rtmr0", "rtmr1", "rtmr2", "rtmr3"] {
                d["policy"][format!("allowed_{name}")] = json!([]);
                d["policy"][format!("node_allowed_{name}")] = json!([]);
            }
        })
    };
    assert_eq!(differing(&draft("policy_not_ready")), [("", ""); 0]);
    assert_eq!(differing(&draft("ready")).len(), 6);
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
