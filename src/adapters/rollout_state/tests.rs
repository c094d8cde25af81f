//! Tests of the state on disk.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test fails by panicking")]

use super::*;
use crate::{
    error::{Class, chain as words},
    rollout::{
        fixtures::{inputs, reach},
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

fn report(state: &State, subject: &str) -> Vec<u8> {
    let report = serde_json::json!({
        "tool": {"name": "merotee"}, "command": "verify-release-assets", "verdict": "passed",
        "sections": [{"subject": subject, "verdict": "passed", "facts": {"made_for": state.mark()}}],
    });
    serde_json::to_vec(&report).unwrap()
}

fn passed(rollout: &Rollout, look: Look) -> Record {
    let proof = rollout
        .keep(&format!("{}.json", look.name()), &report(rollout.state(), &rollout.state().subject(look)))
        .unwrap();
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
    let mut rollout = Rollout::begin(path, at(), RequestId::new([7; 16]), (inputs(), reach()), &me()).unwrap();
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
    let again = Rollout::begin(&path, at(), RequestId::new([8; 16]), (inputs(), reach()), &me()).unwrap_err();
    assert_eq!(again.class(), Class::Usage, "{again}");
    let rollout = Rollout::open(&path, at(), &me()).unwrap();
    let proof = rollout.state().judged(Look::KmsRelease).unwrap().report.clone().unwrap();
    assert_eq!(proof.file.as_str(), "0003-kms-release.json");
    assert_eq!(rollout.evidence(&proof).unwrap(), report(rollout.state(), "mero-kms-v1.2.0"));
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
    std::fs::write(&evidence, b"another report").unwrap();
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
    // Of a holder that crashed, whose name is left.
    let mut left = serde_json::to_value(me()).unwrap();
    left["boot"] = "another".into();
    std::fs::write(beside(&path, "lock"), format!("{left}\n")).unwrap();
    let four = chain::read(good.as_bytes()).unwrap();
    std::fs::write(beside(&path, "head"), noted(&four.head).unwrap()).unwrap();
    assert_eq!(Rollout::look(&path).unwrap().entries.len(), 5);
    std::fs::write(beside(&path, "lock"), "").unwrap();
    let added = Rollout::look(&path).unwrap_err();
    assert!(words(&added).contains("line 5: it was added behind"), "{added}");
}

#[test]
#[cfg(unix)]
fn a_file_that_is_gone_or_empty_beside_its_evidence_does_not_begin_anew_and_a_cut_first_line_does() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("r.state");
    let begin = || Rollout::begin(&path, at(), RequestId::new([8; 16]), (inputs(), reach()), &me());
    std::fs::write(&path, "{\"v\":1,\"se").unwrap();
    drop(begin().unwrap());
    assert_eq!(Rollout::look(&path).unwrap().entries.len(), 1);
    std::fs::remove_file(&path).unwrap();
    assert_eq!(begin().unwrap_err().class(), Class::Trust);
    std::fs::write(&path, "").unwrap();
    assert_eq!(begin().unwrap_err().class(), Class::Trust);
    assert_eq!(Rollout::look(&path).unwrap_err().class(), Class::Trust);
    for file in [path.clone(), beside(&path, "head")] {
        std::fs::remove_file(file).unwrap();
    }
    written(&path);
    let mode = |path: PathBuf| {
        use std::os::unix::fs::PermissionsExt as _;
        std::fs::metadata(path).unwrap().permissions().mode() & 0o777
    };
    let modes = ["head", "lock", "evidence"].map(|what| mode(beside(&path, what)));
    assert_eq!((mode(path.clone()), modes), (0o600, [0o600, 0o600, 0o700]));
}

#[test]
fn a_file_that_is_nearly_full_takes_the_way_back_and_no_order_to_go_on() {
    let order = |order| Record::Order { order, by: me().operator() };
    let line = 400;
    for forward in [Order::Run, Order::Resume] {
        assert!(has_room(MAX_BYTES - RESERVE - line, line, &order(forward)));
        assert!(!has_room(MAX_BYTES - RESERVE - line + 1, line, &order(forward)));
    }
    for back in [Order::Rollback, Order::Abort] {
        assert!(has_room(MAX_BYTES - line, line, &order(back)));
        assert!(!has_room(MAX_BYTES - line + 1, line, &order(back)));
    }
}
