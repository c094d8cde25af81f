//! Each rule of one policy, fulfilled and broken.
#![allow(clippy::indexing_slicing, reason = "a test fails by panicking")]

use serde_json::{Value, json};

use super::*;
use crate::policy::{
    fixtures::{only, policy, spoiled, statuses},
    roles::within as role_separation,
};

const VERSION: Version = Version::new(1, 2, 0);

fn not_ready(document: &mut Value) {
    document["status"] = json!("policy_not_ready");
    for list in document["policy"].as_object_mut().into_iter().flatten() {
        *list.1 = json!([]);
    }
}

#[test]
fn a_policy_that_fulfils_every_rule_passes_every_check() {
    for profile in Profile::ALL {
        let file = policy(profile);
        let findings = [
            super::profile(&file, profile),
            tag(&file, &VERSION),
            status(&file, Class::Stable),
            measurements(&file),
            tcb(&file),
            fields(&file),
            register_zero(&file),
            role_separation(&file),
        ];
        for findings in findings {
            assert!(!findings.is_empty());
            assert!(findings.iter().all(|f| f.status == Status::Pass && f.subject == file.name), "{findings:#?}");
        }
    }
}

#[test]
fn a_policy_of_another_profile_fails_with_both_names() {
    let finding = only(&profile(&policy(Profile::Debug), Profile::LockedReadOnly), Status::Fail);
    assert_eq!((finding.check, finding.expected.as_deref()), ("policy-profile", Some("locked-read-only")));
    assert_eq!(finding.actual.as_deref(), Some("debug"));
    let broken = spoiled(Profile::Debug, |d| d["profile"] = json!("production"));
    let finding = only(&profile(&broken, Profile::Debug), Status::Fail);
    assert_eq!(finding.actual.as_deref(), Some("\"production\""));
}

#[test]
fn a_policy_of_another_release_or_of_none_fails() {
    for (written, got) in
        [(json!("1.1.0"), "1.1.0"), (json!("mero-kms-v1.2.0"), "mero-kms-v1.2.0"), (json!(7), "no tag")]
    {
        let file = spoiled(Profile::Debug, |d| d["tag"] = written);
        let finding = only(&tag(&file, &VERSION), Status::Fail);
        assert_eq!((finding.expected.as_deref(), finding.actual.as_deref()), (Some("1.2.0"), Some(got)));
    }
}

#[test]
fn only_a_release_candidate_may_be_unready_and_no_class_may_say_another_word() {
    let file = spoiled(Profile::Debug, not_ready);
    assert_eq!(statuses(&status(&file, Class::Rc)), [Status::Warn]);
    assert_eq!(statuses(&status(&file, Class::Stable)), [Status::Fail]);
    assert_eq!(statuses(&status(&file, Class::Hotfix)), [Status::Fail]);
    let odd = spoiled(Profile::Debug, |d| d["status"] = json!("Policy_Not_Ready"));
    assert_eq!(only(&status(&odd, Class::Rc), Status::Fail).actual.as_deref(), Some("Policy_Not_Ready"));
}

#[test]
fn an_empty_or_absent_list_of_either_side_fails_and_is_named() {
    let file = spoiled(Profile::Debug, |d| {
        d["policy"]["node_allowed_rtmr2"] = json!([]);
        d["policy"]["node_allowed_tcb_statuses"] = json!([]);
        if let Some(lists) = d["policy"].as_object_mut() {
            lists.remove("kms_allowed_mrtd");
        }
    });
    let findings = measurements(&file);
    assert_eq!(statuses(&findings), [Status::Fail, Status::Fail]);
    let gots: Vec<_> = findings.iter().filter_map(|f| f.actual.as_deref()).collect();
    assert_eq!(gots, ["nothing in MRTD", "nothing in RTMR2, TCB statuses"]);
    assert_eq!(findings[1].message, "debug node: an empty list");
}

#[test]
fn empty_lists_of_an_unready_policy_are_skipped_with_the_reason_and_never_pass() {
    let file = spoiled(Profile::Debug, not_ready);
    for findings in [measurements(&file), tcb(&file), register_zero(&file), role_separation(&file)] {
        assert!(!findings.is_empty());
        assert!(findings.iter().all(|f| f.status == Status::Skipped), "{findings:#?}");
    }
    assert!(measurements(&file)[0].message.contains("policy_not_ready"));
}

#[test]
fn a_malformed_measurement_fails_with_its_place_and_what_was_there() {
    let file = spoiled(Profile::Debug, |d| d["policy"]["kms_allowed_rtmr1"] = json!(["ab".repeat(48), "abcd"]));
    let finding = only(&measurements(&file), Status::Fail);
    assert_eq!(finding.message, "malformed entry at policy.kms_allowed_rtmr1[1]");
    assert_eq!(finding.actual.as_deref(), Some("\"abcd\""));
    let many = spoiled(Profile::Debug, |d| d["policy"]["kms_allowed_rtmr1"] = json!(vec!["x"; 500]));
    let findings = measurements(&many);
    assert!(findings.len() < 30, "{}", findings.len());
    assert!(findings.iter().all(|f| f.status == Status::Fail));
}

#[test]
fn lists_that_are_not_objects_or_not_lists_fail() {
    let file = spoiled(Profile::Debug, |d| d["policy"] = json!("nothing"));
    assert_eq!(only(&measurements(&file), Status::Fail).message, "malformed entry at policy");
    for findings in [role_separation(&file), tcb(&file), register_zero(&file)] {
        assert_eq!(statuses(&findings), [Status::SkippedRequired]);
    }
}

#[test]
fn outdated_firmware_is_warned_about_and_revoked_or_unknown_fails() {
    let with =
        |word: &str| spoiled(Profile::Debug, |d| d["policy"]["node_allowed_tcb_statuses"] = json!(["uptodate", word]));
    assert_eq!(statuses(&tcb(&with("SWHardeningNeeded"))), [Status::Pass, Status::Pass]);
    assert_eq!(statuses(&tcb(&with("OutOfDate"))), [Status::Pass, Status::Warn]);
    assert_eq!(statuses(&tcb(&with("OutOfDateConfigurationNeeded"))), [Status::Pass, Status::Warn]);
    assert_eq!(statuses(&tcb(&with("Revoked"))), [Status::Pass, Status::Fail]);
    let unknown = only(&tcb(&with("fine")), Status::Fail);
    assert_eq!(unknown.message, "malformed entry at policy.node_allowed_tcb_statuses[1]");
}

#[test]
fn unknown_fields_zero_registers_and_repeated_values_are_warned_about() {
    let file = spoiled(Profile::Debug, |d| {
        d["policy"]["kms_alowed_mrtd"] = json!([]);
        d["policy"]["node_allowed_rtmr3"] = json!(["00".repeat(48)]);
        d["policy"]["kms_allowed_rtmr0"] = json!(["AB".repeat(48), "0xab".to_owned() + &"ab".repeat(47)]);
    });
    assert_eq!(only(&fields(&file), Status::Warn).message, "unknown field policy.kms_alowed_mrtd");
    assert_eq!(only(&register_zero(&file), Status::Warn).message, "debug node: RTMR3 may be all zeros");
    let repeated = only(&measurements(&file), Status::Warn);
    assert_eq!(repeated.message, "debug kms: 1 value of RTMR0 listed more than once");
}

#[test]
fn roles_that_share_a_value_of_rtmr3_fail_and_one_role_files_cannot_be_judged() {
    let file = spoiled(Profile::Debug, |d| {
        let shared = d["policy"]["kms_allowed_rtmr3"][0].clone();
        d["policy"]["node_allowed_rtmr3"] = json!(["77".repeat(48), shared]);
    });
    let finding = only(&role_separation(&file), Status::Fail);
    assert_eq!(finding.actual.as_deref(), Some("1515151515151515…"));
    let one_role = spoiled(Profile::Debug, |d| {
        d["policy"] = json!({"allowed_mrtd": ["11".repeat(48)]});
    });
    assert_eq!(statuses(&role_separation(&one_role)), [Status::SkippedRequired]);
    let empty = spoiled(Profile::Debug, |d| d["policy"]["node_allowed_rtmr3"] = json!([]));
    assert_eq!(statuses(&role_separation(&empty)), [Status::SkippedRequired]);
}
