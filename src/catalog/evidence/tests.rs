//! Reports that show a pair, and those that do not.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use super::*;
use crate::report::Status;

fn section(subject: &str) -> Value {
    json!({"subject": subject, "facts": {}, "verdict": "passed",
           "findings": [{"check": "signature", "status": "pass", "subject": "", "message": ""}]})
}

fn report(sections: &[Value]) -> Value {
    json!({"schema_version": 1, "tool": {"name": "merotee", "version": "0.1.0"}, "command": "verify-release-assets",
           "verdict": "passed", "caveats": [], "sections": sections})
}

fn both() -> Value {
    report(&[section("mero-kms-v1.2.0"), section("mero-tee-v1.1.0")])
}

fn judged(reports: &[Value], profiles: &[Profile]) -> (Vec<(Status, String)>, usize) {
    let bytes: Vec<Vec<u8>> = reports.iter().map(|r| r.to_string().into_bytes()).collect();
    let files: Vec<_> = bytes.iter().map(|bytes| ReportFile { name: "report.json", bytes }).collect();
    let (kms, node_image) = ("1.2.0".parse().unwrap(), "1.1.0".parse().unwrap());
    let (findings, evidence) = judge(&files, Pair { kms: &kms, node_image: &node_image, profiles });
    (findings.into_iter().map(|f| (f.status, f.message)).collect(), evidence.len())
}

#[track_caller]
fn refused(report: Value, why: &str) {
    let (findings, evidence) = judged(&[report], &Profile::ALL);
    assert_eq!(evidence, 0, "{findings:?}");
    assert!(
        matches!(findings.as_slice(), [(Status::Fail | Status::Missing, message)] if message.contains(why)),
        "{findings:?}"
    );
}

#[test]
fn one_report_of_both_releases_will_do_and_so_will_two_of_one_each() {
    let (findings, evidence) = judged(&[both()], &Profile::ALL);
    assert_eq!((findings.first().map(|f| f.0), findings.len(), evidence), (Some(Status::Pass), 1, 1));
    let each = [report(&[section("mero-kms-v1.2.0")]), report(&[section("node-image-gcp-v1.1.0")])];
    let (findings, evidence) = judged(&each, &Profile::ALL);
    assert!(findings.iter().all(|f| f.0 == Status::Pass) && evidence == 2, "{findings:?}");
    let (findings, evidence) = judged(each.get(..1).unwrap(), &Profile::ALL);
    assert_eq!((findings.last().unwrap().0, evidence), (Status::Missing, 0));
    assert!(findings.last().unwrap().1.contains("no report is about mero-tee-v1.1.0"), "{findings:?}");
}

#[test]
fn what_did_not_pass_or_is_about_something_else_is_no_evidence() {
    let with = |field: &str, value: Value| {
        let mut report = both();
        report.as_object_mut().unwrap().insert(field.to_owned(), value);
        report
    };
    refused(with("verdict", json!("failed")), "did not pass");
    refused(with("verdict", json!("no_verdict")), "did not pass");
    refused(with("verdict", Value::Null), "did not pass");
    refused(with("tool", json!({"name": "other"})), "not a report of merotee");
    refused(with("command", json!("policy validate")), "shows no pair at work");
    refused(with("sections", json!([])), "about no release");
    refused(json!([]), "not a report of merotee");
    refused(report(&[section("mero-kms-v1.2.0"), section("mero-tee-v1.2.0")]), "which is not of the pair");
    refused(report(&[section("mero-kms-v1.1.0"), section("mero-tee-v1.1.0")]), "which is not of the pair");
    refused(report(&[section("policies/")]), "no release");
}

#[test]
fn a_verdict_that_its_findings_do_not_bear_out_is_not_taken_at_its_word() {
    for status in ["fail", "missing", "skipped_required", "PASS", ""] {
        let mut bad = section("mero-tee-v1.1.0");
        *bad.pointer_mut("/findings/0/status").unwrap() = json!(status);
        refused(report(&[section("mero-kms-v1.2.0"), bad]), "do not add up to a pass");
    }
    let mut empty = section("mero-tee-v1.1.0");
    *empty.pointer_mut("/findings").unwrap() = json!([]);
    refused(report(&[section("mero-kms-v1.2.0"), empty]), "nothing in it passed");
    let mut quick = section("mero-tee-v1.1.0");
    *quick.pointer_mut("/facts").unwrap() = json!({"scope": "quick: checksums only"});
    refused(report(&[section("mero-kms-v1.2.0"), quick]), "not looked at as a whole");
}

#[test]
fn an_end_to_end_run_is_evidence_for_the_profiles_it_names() {
    let e2e = |facts: Value| {
        let mut report = both();
        *report.pointer_mut("/command").unwrap() = json!("e2e");
        for at in ["/sections/0/facts", "/sections/1/facts"] {
            *report.pointer_mut(at).unwrap() = facts.clone();
        }
        report
    };
    let locked = e2e(json!({"profile": "locked-read-only"}));
    assert_eq!(judged(std::slice::from_ref(&locked), &[Profile::LockedReadOnly]).1, 1);
    let (findings, evidence) = judged(std::slice::from_ref(&locked), &Profile::ALL);
    assert_eq!(evidence, 0);
    assert!(findings.last().unwrap().1.contains("in debug, debug-read-only"), "{findings:?}");
    assert_eq!(judged(&[locked, e2e(json!({"profile": "debug, debug-read-only"}))], &Profile::ALL).1, 2);
    refused(e2e(json!({})), "names no profile");
}

#[test]
fn what_weakens_a_report_is_said_once_more() {
    let mut weak = both();
    *weak.pointer_mut("/caveats").unwrap() = json!(["judged by the trust root mine.json"]);
    let (findings, evidence) = judged(&[weak], &Profile::ALL);
    assert_eq!(evidence, 1);
    assert_eq!(findings.last().unwrap().0, Status::Warn);
}
