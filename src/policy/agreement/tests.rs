//! Policies that agree with what the releases publish, and that do not.
#![allow(clippy::indexing_slicing, reason = "a test fails by panicking")]

use serde_json::json;

use super::*;
use crate::{
    policy::fixtures::{mrtds_json, only, policy, read_mrtds, spoiled, statuses},
    subject::profile::Profile,
};

#[test]
fn policies_that_allow_exactly_what_is_published_pass_for_each_profile() {
    let files = Profile::ALL.map(policy);
    let (kms, node) = (read_mrtds(&mrtds_json(Role::Kms)), read_mrtds(&mrtds_json(Role::Node)));
    assert_eq!(statuses(&measurements_match(&files.each_ref(), &kms)), [Status::Pass; 3]);
    assert_eq!(statuses(&counterpart_measurements(&files.each_ref(), &node)), [Status::Pass; 3]);
}

#[test]
fn the_order_case_and_repetition_of_values_do_not_matter() {
    let file = spoiled(Profile::Debug, |d| {
        let value = d["policy"]["node_allowed_mrtd"][0].as_str().map(str::to_uppercase);
        d["policy"]["node_allowed_mrtd"] = json!([value, value]);
    });
    let node = read_mrtds(&mrtds_json(Role::Node));
    assert_eq!(statuses(&counterpart_measurements(&[&file], &node)), [Status::Pass]);
}

#[test]
fn values_too_many_and_too_few_are_shown_beside_a_shared_one() {
    let value = |n: u8| format!("{n:02x}").repeat(48);
    let file = spoiled(Profile::Debug, |d| {
        d["policy"]["node_allowed_rtmr2"] = json!([1, 2, 3, 4, 5, 0x84].map(value));
    });
    let mut published = mrtds_json(Role::Node);
    published["profiles"]["debug"]["allowed_rtmr2"] = json!([value(0x84), value(0x99)]);
    let finding = only(&counterpart_measurements(&[&file], &read_mrtds(&published)), Status::Fail);
    assert_eq!(
        (finding.check, finding.subject.as_str()),
        ("counterpart-measurements", "attestation-policy-debug.json")
    );
    assert_eq!(
        finding.message,
        "debug node: RTMR2 differs from published-mrtds.json, allowed but not published: 0101010101010101…, \
         0202020202020202…, 0303030303030303… and 2 more, published but not allowed: 9999999999999999…"
    );
}

#[test]
fn lists_without_a_common_value_are_told_apart_by_what_was_expected_and_what_is_there() {
    let file = spoiled(Profile::Debug, |d| d["policy"]["node_allowed_rtmr2"] = json!(["01".repeat(48)]));
    let finding = only(&counterpart_measurements(&[&file], &read_mrtds(&mrtds_json(Role::Node))), Status::Fail);
    assert_eq!(finding.message, "debug node: RTMR2 differs from published-mrtds.json");
    assert_eq!(finding.expected.as_deref(), Some("8484848484848484…"));
    assert_eq!(finding.actual.as_deref(), Some("0101010101010101…"));
}

#[test]
fn other_tcb_statuses_fail_and_lists_empty_on_both_sides_do_not_agree() {
    let mut published = mrtds_json(Role::Kms);
    published["profiles"]["debug"]["allowed_tcb_statuses"] = json!(["uptodate", "outofdate"]);
    let finding = only(&measurements_match(&[&policy(Profile::Debug)], &read_mrtds(&published)), Status::Fail);
    assert_eq!(finding.expected.as_deref(), Some("uptodate, outofdate"));
    published["profiles"]["debug"] = json!({"allowed_mrtd": []});
    let file = spoiled(Profile::Debug, |d| d["policy"] = json!({}));
    let findings = measurements_match(&[&file], &read_mrtds(&published));
    assert_eq!(statuses(&findings), [Status::Fail; 5]);
}

#[test]
fn what_cannot_be_compared_is_never_a_pass() {
    let node = read_mrtds(&mrtds_json(Role::Node));
    let unready = spoiled(Profile::Debug, |d| d["status"] = json!("policy_not_ready"));
    assert_eq!(statuses(&counterpart_measurements(&[&unready], &node)), [Status::Skipped]);
    let one_role = spoiled(Profile::Debug, |d| d["policy"] = json!({"allowed_mrtd": []}));
    assert_eq!(statuses(&counterpart_measurements(&[&one_role], &node)), [Status::SkippedRequired]);
    assert_eq!(statuses(&counterpart_measurements(&[], &node)), [Status::SkippedRequired]);
    let mut partial = mrtds_json(Role::Node);
    partial["profiles"] = json!({});
    assert_eq!(statuses(&counterpart_measurements(&[&policy(Profile::Debug)], &read_mrtds(&partial))), [Status::Fail]);
}
