//! Published measurements, complete and broken.
#![allow(clippy::expect_used, clippy::indexing_slicing, reason = "a test fails by panicking")]

use serde_json::json;

use super::*;
use crate::{
    policy::fixtures::{measurement, mrtds_json, only, read_mrtds, statuses},
    schema::{Document, validate},
    subject::role::Role,
};

fn judge(document: &Value) -> Vec<Finding> {
    published(&read_mrtds(document), Family::Node, &Version::new(1, 2, 0))
}

fn spoiled(change: impl FnOnce(&mut Value)) -> Value {
    let mut document = mrtds_json(Role::Node);
    change(&mut document);
    document
}

#[test]
fn complete_measurements_of_this_release_pass_and_conform() {
    let document = mrtds_json(Role::Node);
    assert_eq!(statuses(&judge(&document)), [Status::Pass; 5]);
    assert_eq!(validate(Document::PublishedMrtds, &document), []);
    assert_eq!(statuses(&isolated(&read_mrtds(&document))), [Status::Pass; 3]);
}

#[test]
fn another_family_or_version_fails() {
    let findings = judge(&spoiled(|d| {
        d["role"] = json!("kms");
        d["tag"] = json!("1.1.0");
    }));
    let gots: Vec<_> =
        findings.iter().filter(|f| f.status == Status::Fail).filter_map(|f| f.actual.as_deref()).collect();
    assert_eq!(gots, ["kms", "1.1.0"]);
}

#[test]
fn a_measured_value_alone_or_a_list_alone_is_enough_and_neither_is_not() {
    let document = spoiled(|d| {
        d["profiles"]["debug"] = json!({"mrtd": "11".repeat(48), "rtmr0": "12".repeat(48), "rtmr1": "13".repeat(48),
            "allowed_rtmr2": ["14".repeat(48)]});
    });
    let finding = only(&judge(&document), Status::Fail);
    assert_eq!(finding.message, "debug: RTMR3 has no value");
    let read = read_mrtds(&document);
    let debug = read.profile(Profile::Debug).expect("debug");
    assert_eq!(debug.allowed.register(Register::Mrtd), [measurement(0x11)]);
    assert_eq!(debug.measured.get(Register::Rtmr2), &None);
    assert!(validate(Document::PublishedMrtds, &document).iter().any(|e| e.pointer == "/profiles/debug"));
}

#[test]
fn an_empty_list_fails_even_beside_a_measured_value() {
    let document = spoiled(|d| d["profiles"]["debug"]["allowed_rtmr3"] = json!([]));
    assert_eq!(only(&judge(&document), Status::Fail).message, "debug: RTMR3 has no value");
}

#[test]
fn a_measured_value_that_its_list_lacks_fails() {
    let document = spoiled(|d| d["profiles"]["debug"]["mrtd"] = json!("77".repeat(48)));
    let finding = only(&judge(&document), Status::Fail);
    assert_eq!(finding.message, "debug: the measured MRTD is not in its own list");
    assert_eq!(finding.expected.as_deref(), Some("7777777777777777…"));
}

#[test]
fn a_missing_profile_and_a_malformed_value_fail_with_their_place() {
    let document = spoiled(|d| {
        d["profiles"]["debug"]["rtmr1"] = json!("abc");
        if let Some(profiles) = d["profiles"].as_object_mut() {
            profiles.remove("locked-read-only");
        }
    });
    let messages: Vec<_> =
        judge(&document).into_iter().filter(|f| f.status == Status::Fail).map(|f| f.message).collect();
    assert_eq!(messages, ["malformed entry at profiles.debug.rtmr1", "nothing is published for locked-read-only"]);
    let isolation = isolated(&read_mrtds(&document));
    assert_eq!(statuses(&isolation), [Status::Pass, Status::SkippedRequired, Status::SkippedRequired]);
}

#[test]
fn zero_registers_and_outdated_firmware_are_warned_about_and_revoked_fails() {
    let document = spoiled(|d| {
        d["profiles"]["debug"]["rtmr3"] = json!("00".repeat(48));
        d["profiles"]["debug"]["allowed_rtmr3"] = json!(["00".repeat(48)]);
        d["profiles"]["debug-read-only"]["allowed_tcb_statuses"] = json!(["OutOfDate"]);
        d["profiles"]["locked-read-only"]["allowed_tcb_statuses"] = json!(["Revoked"]);
    });
    let findings = judge(&document);
    let warned: Vec<_> = findings.iter().filter(|f| f.status == Status::Warn).map(|f| f.message.as_str()).collect();
    assert_eq!(warned, ["debug: RTMR3 may be all zeros", "debug-read-only: outdated firmware is tolerated"]);
    assert_eq!(only(&findings, Status::Fail).message, "locked-read-only: revoked platforms are tolerated");
}

#[test]
fn profiles_that_measure_alike_are_not_isolated() {
    let document = spoiled(|d| {
        let debug = d["profiles"]["debug"].clone();
        d["profiles"]["locked-read-only"] = debug;
    });
    let finding = only(&isolated(&read_mrtds(&document)), Status::Fail);
    assert_eq!((finding.check, finding.subject.as_str()), ("profile-isolation", "published-mrtds.json"));
}

#[test]
fn nothing_readable_is_never_a_pass() {
    let read = read_mrtds(&json!({}));
    assert!(published(&read, Family::Node, &Version::new(1, 2, 0)).iter().all(|f| f.status == Status::Fail));
    assert!(isolated(&read).iter().all(|f| f.status == Status::SkippedRequired && f.subject == "published-mrtds.json"));
    assert!(PublishedMrtds::parse("m.json", b"[]").is_err());
}
