//! Tests of the chain.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test fails by panicking")]

use super::*;
use crate::rollout::{
    fixtures::{at, judged, operator, started},
    path::Effect,
    record::{Came, Made, Order},
    words::Remark,
};

/// Lines that say `records`, in a chain.
fn written(records: &[Record]) -> Vec<Vec<u8>> {
    let mut head = None;
    let mut lines = Vec::new();
    for (index, record) in records.iter().enumerate() {
        let (bytes, new) = line(head.as_ref(), at(index as i64), record).unwrap();
        lines.push(bytes);
        head = Some(new);
    }
    lines
}

fn good() -> Vec<Record> {
    let request = crate::probe::journal::RequestId::new([1; 16]);
    let made = Made::with([("vm_uuid".parse().unwrap(), "ab".parse().unwrap())]);
    vec![
        started(),
        Record::Order { order: Order::Run, by: operator() },
        judged(Look::KmsRelease, Verdict::Passed),
        judged(Look::NodeRelease, Verdict::Passed),
        Record::Intent { request: request.clone(), effect: Effect::DeployStaging },
        Record::Came { request, came: Came::Done(made) },
    ]
}

fn fault(lines: &[Vec<u8>]) -> Fault {
    match read(&lines.concat()) {
        Err(Unread::Fault(fault)) => fault,
        other => panic!("it reads: {other:?}"),
    }
}

#[test]
fn what_was_written_reads_and_names_its_evidence() {
    let lines = written(&good());
    let read = read(&lines.concat()).unwrap();
    assert_eq!((read.entries.len(), read.head.seq, read.torn), (6, 5, None));
    assert_eq!(read.state.staging().unwrap().id("vm_uuid"), Some("ab"));
    let named: Vec<_> = read.evidence.iter().map(|named| (named.line, named.proof.file.as_str())).collect();
    assert_eq!(named, [(3, "kms-release.json"), (4, "node-release.json")]);
    let demand = read.evidence.first().unwrap().demand.as_ref().unwrap();
    assert_eq!((demand.command, demand.subject.as_str()), ("verify-release-assets", "mero-kms-v1.2.0"));
}

#[test]
fn a_line_has_one_form() {
    let lines = written(&good());
    let text = String::from_utf8(lines.get(4).unwrap().clone()).unwrap();
    let prev = Sha256::of(lines.get(3).unwrap().strip_suffix(b"\n").unwrap());
    let expected = format!(
        "{{\"v\":1,\"seq\":4,\"prev\":\"{prev}\",\"at\":\"2026-11-30T01:00:04Z\",\"record\":{{\"intent\":{{\
         \"request\":\"01010101-0101-4101-8101-010101010101\",\"effect\":\"deploy-staging\"}}}}}}\n"
    );
    assert_eq!(text, expected);
}

#[test]
fn a_changed_removed_or_reordered_line_is_noticed_by_number() {
    let lines = written(&good());
    for index in 1..lines.len() - 1 {
        let mut changed = lines.clone();
        let text = String::from_utf8(changed.get(index).unwrap().clone()).unwrap();
        *changed.get_mut(index).unwrap() = text.replace("2026-11-30", "2026-11-29").into_bytes();
        assert_eq!(fault(&changed).line, index + 2, "changed");
        let mut removed = lines.clone();
        removed.remove(index);
        assert_eq!(fault(&removed).line, index + 1, "removed");
        let mut swapped = lines.clone();
        swapped.swap(index, index + 1);
        assert_eq!(fault(&swapped).line, index + 1, "swapped");
    }
    let doubled = [lines.clone(), vec![lines.last().unwrap().clone()]].concat();
    assert_eq!(fault(&doubled).line, 7);
}

#[test]
fn a_last_line_that_is_changed_or_removed_is_noticed_by_the_head() {
    let lines = written(&good());
    let whole = read(&lines.concat()).unwrap();
    assert_eq!(agrees(&whole, Some(&whole.head), false), Ok(()));
    // A crash between a line and its head.
    assert_eq!(agrees(&whole, whole.before.as_ref(), true), Ok(()));
    let added = agrees(&whole, whole.before.as_ref(), false).unwrap_err().to_string();
    assert_eq!(added, "line 6: it was added behind the line that was written last");
    let cut = read(&lines[..5].concat()).unwrap();
    let why = agrees(&cut, Some(&whole.head), false).unwrap_err().to_string();
    assert_eq!(why, "line 6: it was written, and is missing now");
    let mut records = good();
    *records.last_mut().unwrap() = Record::Came {
        request: crate::probe::journal::RequestId::new([1; 16]),
        came: Came::Refused(Remark::new("no quota")),
    };
    let other = read(&written(&records).concat()).unwrap();
    assert_eq!(agrees(&other, Some(&whole.head), false).unwrap_err().line, 6);
    assert!(agrees(&whole, None, true).is_err());
    assert!(agrees(&whole, Some(&Head { seq: 2, ..whole.head }), true).is_err());
}

#[test]
fn a_gate_that_was_marked_by_hand_has_no_place_though_the_chain_is_whole() {
    let mut records = good();
    records.push(judged(Look::StagingProbe, Verdict::Passed));
    let found = fault(&written(&records));
    assert_eq!(found.line, 7);
    assert!(found.why.contains("not what comes next, which is to ask staging for its health"), "{found}");
    let without_evidence = Record::Judged {
        look: Look::StagingHealth,
        verdict: Verdict::Passed,
        why: None,
        report: None,
        attachments: Vec::new(),
        facts: [].into(),
    };
    *records.last_mut().unwrap() = without_evidence;
    assert!(fault(&written(&records)).why.contains("names no report"));
}

#[test]
fn what_is_not_a_state_file_of_this_version_is_refused() {
    assert_eq!(read(b""), Err(Unread::Empty));
    assert_eq!(read(b"{\"v\":1,"), Err(Unread::Empty));
    let table: [(&[u8], &str); 4] = [
        (b"nonsense\n", "not a line of a journal"),
        (b"{\"v\":2}\n", "of version 2"),
        (b"{\"v\":1,\"seq\":0,\"new\":1}\n", "not a line of a journal"),
        (b"\n", "not a line of a journal"),
    ];
    for (bytes, why) in table {
        assert!(fault(&[bytes.to_vec()]).why.contains(why), "{why}");
    }
    let second = written(&good()).remove(1);
    assert!(fault(&[second]).why.contains("not the first line"));
    let cut = [written(&good()).concat(), b"{\"v\":1,\"se".to_vec()].concat();
    assert_eq!(read(&cut).unwrap().torn.as_deref(), Some("{\"v\":1,\"se"));
}

#[test]
fn a_change_of_any_one_byte_is_noticed() {
    let bytes = written(&good()).concat();
    let head = read(&bytes).unwrap().head;
    for index in 0..bytes.len() {
        for flip in [1, 0x20] {
            let mut changed = bytes.clone();
            *changed.get_mut(index).unwrap() ^= flip;
            let noticed =
                read(&changed).map_or(true, |read| agrees(&read, Some(&head), true).is_err() || read.torn.is_some());
            assert!(noticed, "byte {index} of {}", String::from_utf8_lossy(&bytes));
        }
    }
}
