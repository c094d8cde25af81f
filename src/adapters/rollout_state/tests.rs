//! Tests of the state on disk.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use super::*;
use crate::{
    error::{Class, chain as words},
    rollout::{
        fixtures::inputs,
        path::Look,
        record::{Order, Verdict},
    },
};

fn at() -> Timestamp {
    "2026-11-30T02:00:00Z".parse().unwrap()
}

fn me() -> Holder {
    Holder::this(Some("ada"), at())
}

fn report(subject: &str) -> Vec<u8> {
    let report = serde_json::json!({
        "tool": {"name": "merotee"}, "command": "verify-release-assets", "verdict": "passed",
        "sections": [{"subject": subject, "verdict": "passed"}],
    });
    serde_json::to_vec(&report).unwrap()
}

fn passed(rollout: &Rollout, look: Look) -> Record {
    let proof = rollout.keep(&format!("{}.json", look.name()), &report(&rollout.state().subject(look))).unwrap();
    Record::Judged {
        look,
        verdict: Verdict::Passed,
        why: None,
        report: Some(proof),
        attachments: Vec::new(),
        facts: [].into(),
    }
}

/// A rollout of four lines.
fn written(path: &Path) {
    let mut rollout = Rollout::begin(path, at(), RequestId::new([7; 16]), inputs(), &me()).unwrap();
    rollout.record(at(), Record::Order { order: Order::Run, by: me().operator() }).unwrap();
    for look in [Look::KmsRelease, Look::NodeRelease] {
        let record = passed(&rollout, look);
        rollout.record(at(), record).unwrap();
    }
}

#[test]
fn what_was_written_is_read_again_with_its_evidence_and_is_begun_once() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("r.state");
    assert_eq!(Rollout::look(&path).unwrap_err().class(), Class::Usage);
    written(&path);
    let seen = Rollout::look(&path).unwrap();
    assert_eq!((seen.entries.len(), seen.head.seq, seen.holder), (4, 3, None));
    let again = Rollout::begin(&path, at(), RequestId::new([8; 16]), inputs(), &me()).unwrap_err();
    assert_eq!(again.class(), Class::Usage, "{again}");
    let rollout = Rollout::open(&path, at(), &me()).unwrap();
    let proof = rollout.state().judged(Look::KmsRelease).unwrap().report.clone().unwrap();
    assert_eq!(proof.file.as_str(), "0003-kms-release.json");
    assert_eq!(rollout.evidence(&proof).unwrap(), report("mero-kms-v1.2.0"));
    assert_eq!(Rollout::look(&path).unwrap().holder, Some(me()));
    let second = rollout.keep("x.json", b"one").unwrap();
    let third = rollout.keep("x.json", b"two").unwrap();
    assert_eq!([second.file.as_str(), third.file.as_str()], ["0005-x.json", "0005-2-x.json"], "nothing is overwritten");
}

#[test]
fn a_file_or_evidence_that_was_changed_afterwards_is_not_trusted_and_the_line_and_file_are_named() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("r.state");
    written(&path);
    let good = std::fs::read_to_string(&path).unwrap();
    let evidence = beside(&path, "evidence").join("0003-kms-release.json");
    let kept = std::fs::read(&evidence).unwrap();
    let distrusted = |why: &str| {
        let looked = Rollout::look(&path).unwrap_err();
        let opened = Rollout::open(&path, at(), &me()).unwrap_err();
        for error in [looked, opened] {
            assert_eq!(error.class(), Class::Trust, "{error}");
            assert!(words(&error).contains(why), "{error}");
        }
    };
    std::fs::write(
        &path,
        good.replacen("node-release\",\"verdict\":\"passed", "node-release\",\"verdict\":\"failed", 1),
    )
    .unwrap();
    distrusted("line 4");
    let without_last: String = good.split_inclusive('\n').take(3).collect();
    std::fs::write(&path, &without_last).unwrap();
    // One line behind its note is what a crash cannot leave.
    distrusted("line 4: it was written, and is missing now");
    std::fs::write(&path, format!("{good}somebody was here")).unwrap();
    distrusted("is not a line");
    std::fs::write(&path, &good).unwrap();
    std::fs::write(&evidence, report("mero-kms-v9.9.9")).unwrap();
    distrusted("0003-kms-release.json, which line 3 of");
    std::fs::remove_file(&evidence).unwrap();
    distrusted("is missing");
    std::fs::write(&evidence, &kept).unwrap();
    std::fs::remove_file(beside(&path, "head")).unwrap();
    distrusted("the note of the last line that was written is missing");
}

#[test]
fn a_cut_last_line_and_a_note_one_line_behind_are_what_a_crash_leaves() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("r.state");
    written(&path);
    let good = std::fs::read_to_string(&path).unwrap();
    std::fs::write(&path, format!("{good}{{\"v\":1,\"seq\":4")).unwrap();
    let mut rollout = Rollout::open(&path, at(), &me()).unwrap();
    rollout.record(at(), Record::Order { order: Order::Resume, by: me().operator() }).unwrap();
    drop(rollout);
    assert_eq!(Rollout::look(&path).unwrap().entries.len(), 5);
    let four = chain::read(good.as_bytes()).unwrap();
    std::fs::write(beside(&path, "head"), noted(&four.head).unwrap()).unwrap();
    assert_eq!(Rollout::look(&path).unwrap().entries.len(), 5);
}
