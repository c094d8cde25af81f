//! Reports that show a pair, and those that do not.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use super::*;
use crate::{report::Status, subject::e2e_part::Part};

fn section(subject: &str) -> Value {
    json!({"subject": subject, "facts": {"repository": "o/r"}, "verdict": "passed",
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
    judged_under(None, reports, profiles)
}

fn judged_under(root: Option<&str>, reports: &[Value], profiles: &[Profile]) -> (Vec<(Status, String)>, usize) {
    let bytes: Vec<Vec<u8>> = reports.iter().map(|r| r.to_string().into_bytes()).collect();
    let files: Vec<_> = bytes.iter().map(|bytes| ReportFile { name: "report.json", bytes }).collect();
    let (kms, node_image) = ("1.2.0".parse().unwrap(), "1.1.0".parse().unwrap());
    let repository = "o/r".parse().unwrap();
    let trusted = Trusted { repository: &repository, root };
    let (findings, evidence) = judge(&files, Pair { kms: &kms, node_image: &node_image, profiles }, trusted);
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
    *quick.pointer_mut("/facts").unwrap() = json!({"repository": "o/r", "scope": "quick: checksums only"});
    refused(report(&[section("mero-kms-v1.2.0"), quick]), "not looked at as a whole");
}

fn end_to_end(profiles: &str) -> Value {
    let part = |part: Part| {
        let mut section = section(part.as_str());
        *section.pointer_mut("/facts").unwrap() = json!({
            "repository": "O/R", "kms": "mero-kms-v1.2.0", "node_image": "mero-tee-v1.1.0", "profiles": profiles,
        });
        section
    };
    let parts = Part::ALL.into_iter().filter(|part| !part.is_optional());
    let mut report = report(&parts.map(part).collect::<Vec<_>>());
    *report.pointer_mut("/command").unwrap() = json!("e2e");
    report
}

#[test]
fn an_end_to_end_run_is_evidence_for_the_profiles_it_names() {
    let locked = end_to_end("locked-read-only");
    assert_eq!(judged(std::slice::from_ref(&locked), &[Profile::LockedReadOnly]).1, 1);
    let (findings, evidence) = judged(std::slice::from_ref(&locked), &Profile::ALL);
    assert_eq!(evidence, 0);
    assert!(findings.last().unwrap().1.contains("in debug, debug-read-only"), "{findings:?}");
    assert_eq!(judged(&[locked, end_to_end("debug, debug-read-only")], &Profile::ALL).1, 2);
    refused(end_to_end(""), "names no profile");
    // The first release has no older policy.
    let mut first = end_to_end("locked-read-only");
    *first.pointer_mut("/sections/2/findings/0/status").unwrap() = json!("skipped");
    assert_eq!(judged(&[first], &[Profile::LockedReadOnly]).1, 1);
}

#[test]
fn a_run_on_the_clouds_is_evidence_where_its_machines_are_sound_and_each_kms_image_is_pinned() {
    let pinned = format!("ghcr.io/o/n@sha256:{}", "ab".repeat(32));
    let with = |image: &str| {
        let mut run = end_to_end("debug");
        let sections = run.pointer_mut("/sections").unwrap().as_array_mut().unwrap();
        let mut machines = sections.first().unwrap().clone();
        *machines.pointer_mut("/subject").unwrap() = json!("machines");
        let facts = machines.pointer_mut("/facts").unwrap().as_object_mut().unwrap();
        facts.insert("kms_image_of_debug".to_owned(), json!(image));
        sections.push(machines);
        run
    };
    let (findings, evidence) = judged(&[with(&pinned)], &[Profile::Debug]);
    assert_eq!(evidence, 1, "{findings:?}");
    let told = &findings.first().unwrap().1;
    assert!(told.contains(&format!("e2e passed, on {pinned}, sha256:")), "{told}");
    for loose in ["ghcr.io/o/n:1.2.0", "ghcr.io/o/n@sha256:ab", ""] {
        refused(with(loose), "which image the KMS of debug was booted from");
    }
    let mut left = with(&pinned);
    *left.pointer_mut("/sections/5/findings/0/status").unwrap() = json!("fail");
    refused(left, "machines: its findings do not add up to a pass");
}

#[test]
fn an_end_to_end_run_of_another_pair_or_without_one_of_its_parts_is_no_evidence() {
    let changed = |at: &str, value: Value| {
        let mut report = end_to_end("debug, debug-read-only, locked-read-only");
        *report.pointer_mut(at).unwrap() = value;
        report
    };
    refused(changed("/sections/1/facts/kms", json!("mero-kms-v1.3.0")), "which is not of the pair");
    refused(changed("/sections/1/facts/node_image", json!("1.1.0")), "names no node image release");
    refused(changed("/sections/4/facts/profiles", json!("debug")), "other profiles than the rest");
    refused(changed("/sections/4/subject", json!("A: cross-version")), "is in it twice");
    refused(changed("/sections/4/subject", json!("mero-tee-v1.1.0")), "no part of a run");
    refused(changed("/sections/1/findings/0/status", json!("skipped")), "nothing in it passed");
    refused(changed("/sections/2/findings", json!([])), "nothing in it passed");
    let mut short = end_to_end("debug");
    short.pointer_mut("/sections").unwrap().as_array_mut().unwrap().pop();
    refused(short, "says nothing of node suite");
    let mut documents = end_to_end("debug");
    let facts = documents.pointer_mut("/sections/0/facts").unwrap().as_object_mut().unwrap();
    facts.insert("scope".to_owned(), json!("documents only"));
    refused(documents, "was not looked at as a whole");
}

#[test]
fn a_report_of_another_repository_or_of_none_is_no_evidence() {
    for (repository, why) in [
        (json!("evil/fork"), "was looked at in evil/fork, not in o/r"),
        (json!("o/r, evil/fork"), "was looked at in o/r, evil/fork"),
        (json!("\u{1b}[2J"), "was looked at in \\u{1b}[2J"),
        (json!(7), "names no repository"),
        (Value::Null, "names no repository"),
    ] {
        let mut other = section("mero-tee-v1.1.0");
        *other.pointer_mut("/facts/repository").unwrap() = repository;
        refused(report(&[section("mero-kms-v1.2.0"), other]), why);
    }
    let mut folder = section("mero-kms-v1.2.0");
    *folder.pointer_mut("/facts").unwrap() = json!({"folder": "release"});
    refused(report(&[folder, section("mero-tee-v1.1.0")]), "names no repository");
}

#[test]
fn a_report_under_another_trust_root_than_the_one_in_use_is_no_evidence() {
    let caveat = |name: &str, byte: &str| trust_root::caveat(name, byte.repeat(32));
    let (mine, renamed, other) = (caveat("mine.json", "ab"), caveat("a.json", "AB"), caveat("mine.json", "cd"));
    for at in ["/caveats", "/sections/1/caveats"] {
        let weak = |caveat: &str| {
            let mut weak = both();
            for section in weak.pointer_mut("/sections").unwrap().as_array_mut().unwrap() {
                section.as_object_mut().unwrap().insert("caveats".to_owned(), json!([]));
            }
            let many: Vec<&str> = std::iter::repeat_n("x", MAX_PROBLEMS).chain([caveat]).collect();
            *weak.pointer_mut(at).unwrap() = json!(many);
            weak
        };
        for caveat in [mine.as_str(), "using custom trust root mine.json"] {
            refused(weak(caveat), "a trust root that is not in use here");
        }
        let under_mine = |caveat: &str| judged_under(Some(&mine), &[weak(caveat)], &Profile::ALL);
        assert_eq!((under_mine(&mine).1, under_mine(&renamed).1), (1, 1));
        for caveat in [other.as_str(), "using custom trust root mine.json"] {
            assert_eq!(under_mine(caveat).1, 0, "{caveat}");
        }
    }
    // What Sigstore's own root bears out is evidence under another one too.
    assert_eq!(judged_under(Some(&mine), &[both()], &Profile::ALL).1, 1);
}

#[test]
fn what_weakens_a_report_is_said_once_more() {
    let mut weak = both();
    *weak.pointer_mut("/caveats").unwrap() = json!(["the workflow demanded is one of a/b"]);
    let (findings, evidence) = judged(&[weak], &Profile::ALL);
    assert_eq!(evidence, 1);
    assert_eq!(findings.last().unwrap().0, Status::Warn);
}
