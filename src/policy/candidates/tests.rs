//! Candidates files, complete and broken, alone and several.
#![allow(clippy::expect_used, clippy::indexing_slicing, reason = "a test fails by panicking")]

use serde_json::json;

use super::*;
use crate::{
    attestation::measurement::TcbStatus,
    policy::fixtures::{measurement, only, statuses},
    report::Status,
};

fn lists(byte: u8) -> Value {
    let mut lists = json!({"allowed_tcb_statuses": ["UpToDate"], "allowed_event_payload": ["ab".repeat(32)]});
    for register in Register::ALL {
        lists[format!("allowed_{}", register.as_str())] = json!([measurement(byte).to_string()]);
    }
    lists
}

fn document(content: Value) -> Value {
    let mut document =
        json!({"schema_version": 1, "generated_at": "2025-10-01T00:00:00Z", "measurement_source": "td_quote"});
    for (key, value) in content.as_object().expect("an object") {
        document[key] = value.clone();
    }
    document
}

fn given(profile: Option<Profile>, content: Value) -> Given {
    let bytes = document(content).to_string();
    Given { file: Candidates::parse("c.json", bytes.as_bytes()).expect("candidates"), profile }
}

fn all_profiles() -> Given {
    let content = json!({"profiles": {"debug": lists(1), "debug-read-only": lists(2), "locked-read-only": lists(3)}});
    given(None, content)
}

fn problems(given: &[Given]) -> Vec<Finding> {
    let of_candidates = |f: &Finding| f.check != SCHEMA.id && !matches!(f.status, Status::Pass);
    judge(given).into_iter().filter(of_candidates).collect()
}

#[test]
fn one_file_with_three_profiles_is_complete() {
    let findings = judge(&[all_profiles()]);
    assert!(findings.iter().all(|f| f.status == Status::Pass), "{findings:#?}");
    let proposals = proposals(&[all_profiles()]);
    assert_eq!(proposals.iter().map(|p| p.profile).collect::<Vec<_>>(), Profile::ALL);
    assert_eq!(proposals[1].allowed.register(Register::Rtmr2), [measurement(2)]);
    assert_eq!(proposals[1].allowed.tcb(), [TcbStatus::UpToDate]);
    assert_eq!(proposals[1].event_payloads.len(), 1);
}

#[test]
fn a_file_of_one_profile_counts_for_the_profile_it_states_or_is_given_for() {
    let stated = given(None, json!({"profile": "debug", "policy": lists(1)}));
    let told = given(Some(Profile::DebugReadOnly), json!({"policy": lists(2)}));
    let both = given(Some(Profile::LockedReadOnly), json!({"profile": "locked-read-only", "policy": lists(3)}));
    assert_eq!(problems(&[stated, told, both]), []);
}

#[test]
fn a_file_of_another_profile_or_of_none_fails() {
    let other = [given(Some(Profile::LockedReadOnly), json!({"profile": "debug", "policy": lists(1)}))];
    let finding = only(&problems(&other), Status::Fail);
    assert_eq!((finding.expected.as_deref(), finding.actual.as_deref()), (Some("locked-read-only"), Some("debug")));
    let silent = [given(None, json!({"policy": lists(1)}))];
    assert_eq!(only(&problems(&silent), Status::Fail).message, "does not say which profile it is for");
    assert!(proposals(&silent).is_empty());
}

#[test]
fn a_profile_nobody_probed_is_missing() {
    let findings = problems(&[given(None, json!({"profiles": {"debug": lists(1), "locked-read-only": lists(3)}}))]);
    assert_eq!(statuses(&findings), [Status::Missing]);
    assert!(findings[0].message.ends_with("debug-read-only"));
}

#[test]
fn short_hex_an_empty_list_and_a_revoked_status_fail_with_their_place() {
    let mut content =
        json!({"profiles": {"debug": lists(1), "debug-read-only": lists(2), "locked-read-only": lists(3)}});
    content["profiles"]["debug"]["allowed_rtmr1"] = json!([measurement(1).to_string(), "abcd"]);
    content["profiles"]["debug-read-only"]["allowed_rtmr3"] = json!([]);
    content["profiles"]["locked-read-only"]["allowed_tcb_statuses"] = json!(["Revoked"]);
    let messages: Vec<_> = problems(&[given(None, content)]).into_iter().map(|f| f.message).collect();
    assert_eq!(
        messages,
        [
            "malformed entry at profiles.debug.allowed_rtmr1[1]",
            "empty list at profiles.debug-read-only.allowed_rtmr3",
            "revoked status at profiles.locked-read-only.allowed_tcb_statuses",
        ]
    );
}

#[test]
fn two_probes_are_put_together_and_where_they_differ_a_person_is_told() {
    let again = given(Some(Profile::Debug), json!({"policy": lists(1)}));
    let findings = judge(&[all_profiles(), again]);
    assert!(findings.iter().any(|f| f.check == CANDIDATES_AGREE.id && f.status == Status::Pass), "{findings:#?}");
    let mut other = lists(1);
    other["allowed_rtmr3"] = json!([measurement(9).to_string()]);
    let both = [all_profiles(), given(Some(Profile::Debug), json!({"policy": other}))];
    let finding = only(&problems(&both), Status::Warn);
    assert!(finding.message.starts_with("debug: RTMR3 differs between probes"), "{}", finding.message);
    assert_eq!(proposals(&both)[0].allowed.register(Register::Rtmr3), [measurement(1), measurement(9)]);
}

#[test]
fn the_order_of_files_changes_no_proposal() {
    let other = || given(Some(Profile::Debug), json!({"policy": lists(0)}));
    assert_eq!(proposals(&[all_profiles(), other()]), proposals(&[other(), all_profiles()]));
}

#[test]
fn a_summary_beside_profiles_is_left_out() {
    let content = json!({"policy": lists(9), "profiles": {"debug": lists(1), "debug-read-only": lists(2),
        "locked-read-only": lists(3)}});
    let read = given(None, content);
    assert_eq!(problems(std::slice::from_ref(&read)), []);
    assert!(proposals(&[read]).iter().all(|p| p.allowed.register(Register::Mrtd) != [measurement(9)]));
}

#[test]
fn what_is_no_document_is_refused_and_what_holds_no_lists_fails() {
    assert!(Candidates::parse("c.json", b"[]").is_err());
    assert!(Candidates::parse("c.json", b"{").is_err());
    let empty = [given(None, json!({}))];
    assert_eq!(only(&problems(&empty), Status::Fail).message, "holds no lists");
    assert!(judge(&[]).iter().all(|f| f.status == Status::Missing));
}

#[test]
fn the_newest_time_stands_for_all_inputs() {
    let times = ["2025-10-01T00:00:00Z", "no time", "2025-10-02T00:00:00+02:00"];
    assert_eq!(newest(times.into_iter()).map(|t| t.to_string()).as_deref(), Some("2025-10-01T22:00:00Z"));
    assert_eq!(newest(std::iter::empty()), None);
}
