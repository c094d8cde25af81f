//! Tests of the journal's records.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use super::*;

fn at() -> Timestamp {
    "2026-11-30T09:10:04Z".parse().unwrap()
}

fn effect(byte: u8) -> Effect {
    Effect {
        cloud: Cloud::Phala,
        kind: Kind::Machine,
        name: "merotee-probe-ci-1".parse().unwrap(),
        label: "ci-1".parse().unwrap(),
        request: RequestId::new([byte; 16]),
        place: BTreeMap::new(),
    }
}

fn written(records: Vec<Record>) -> String {
    records.into_iter().fold(String::new(), |text, record| {
        format!("{text}{}\n", serde_json::to_string(&Line::new(at(), record)).unwrap())
    })
}

fn result(byte: u8, name: &'static str, id: &str) -> Record {
    let created = Created::with([(name, id.parse().unwrap())]);
    Record::Result { request: RequestId::new([byte; 16]), created }
}

fn gone(byte: u8) -> Record {
    Record::Gone { request: RequestId::new([byte; 16]), how: How::Deleted }
}

#[test]
fn a_line_has_one_form() {
    let intent = "{\"v\":1,\"at\":\"2026-11-30T09:10:04Z\",\"record\":{\"intent\":{\"cloud\":\"phala\",\"kind\":\"machine\",\
                  \"name\":\"merotee-probe-ci-1\",\"label\":\"ci-1\",\"request\":\"07070707-0707-4707-8707-070707070707\"}}}\n";
    assert_eq!(written(vec![Record::Intent(effect(7))]), intent);
    assert_eq!(parse(intent.as_bytes(), Owner::Probe).unwrap().lines, [Line::new(at(), Record::Intent(effect(7)))]);
}

#[test]
fn what_has_an_intent_and_is_not_gone_may_be_there_with_all_that_was_learnt_of_it() {
    let lines = |records| parse(written(records).as_bytes(), Owner::Probe).unwrap().lines;
    let (first, second) = (Record::Intent(effect(1)), Record::Intent(effect(2)));
    assert_eq!(standing(&lines(vec![])).unwrap(), []);
    let all = vec![first, result(1, "app_id", "ab"), second, result(1, "vm_uuid", "cd"), gone(2)];
    let standing = standing(&lines(all)).unwrap();
    assert_eq!(standing.len(), 1);
    let created = standing.first().unwrap().created.as_ref().unwrap();
    assert_eq!((created.id("app_id"), created.id("vm_uuid"), created.id("x")), (Some("ab"), Some("cd"), None));
}

#[test]
fn a_last_line_that_was_cut_is_left_out_and_told_and_any_other_is_refused() {
    let text = written(vec![Record::Intent(effect(1)), result(1, "app_id", "ab")]);
    let first = text.find('\n').unwrap() + 1;
    for cut in first + 1..text.len() {
        let read = parse(text.get(..cut).unwrap().as_bytes(), Owner::Probe).unwrap();
        assert_eq!((read.lines.len(), read.whole, read.torn.is_some()), (1, first, true), "{cut}");
        let mended = format!("{}\n{}", text.get(..cut).unwrap(), written(vec![Record::Intent(effect(2))]));
        if cut + 1 < text.len() {
            assert_eq!(parse(mended.as_bytes(), Owner::Probe).unwrap_err().line, 2, "{cut}");
        }
    }
    assert_eq!(parse(text.as_bytes(), Owner::Probe).unwrap().torn, None);
    assert_eq!(parse(b"", Owner::Probe).unwrap(), Read::default());
}

#[test]
fn hostile_lines_are_refused_by_number_and_reason() {
    let good = written(vec![Record::Intent(effect(1))]);
    for (bad, why) in [
        ("{\"v\":2}\n".to_owned(), "version 2"),
        ("{}\n".to_owned(), "not a line of a journal"),
        ("\n".to_owned(), "not a line of a journal"),
        (good.replace("\"v\":1", "\"v\":1,\"w\":1"), "unknown field"),
        (good.replace("phala", "aws"), "unknown variant"),
        (good.replace("merotee-probe-ci-1", "production-kms"), "not the name of something that a probe makes"),
        (good.replace("merotee-probe-ci-1", "merotee-probe-../../x y"), "not a word of a journal"),
        (good.replace("07070707", "x").replace("01010101-", "X1010101-"), "not a request id"),
        (good.replace("\"label\":\"ci-1\"", "\"label\":\"ci--1\""), "not a label"),
        (format!("{good}{good}"), "announced before"),
        (written(vec![gone(9)]), "none announced"),
        (format!("{}\n", "x".repeat(MAX_LINE + 1)), "at most"),
    ] {
        let fault = parse(bad.as_bytes(), Owner::Probe).unwrap_err().to_string();
        assert!(fault.starts_with("line ") && fault.contains(why), "{fault}");
    }
}

#[test]
fn a_request_id_is_a_uuid_of_version_4() {
    assert_eq!(RequestId::new([0; 16]).as_str(), "00000000-0000-4000-8000-000000000000");
    assert_eq!(RequestId::new([0xff; 16]).as_str(), "ffffffff-ffff-4fff-bfff-ffffffffffff");
}

#[test]
fn a_rollout_names_its_machines_as_it_likes_and_a_probe_does_not() {
    let named = |name: &str| written(vec![Record::Intent(Effect { name: name.parse().unwrap(), ..effect(1) })]);
    for (name, probe, rollout) in [
        ("merotee-probe-ci-1", true, true),
        ("mero-kms-locked-1-2-0", false, true),
        ("../..", false, false),
        ("a.b.c.d", false, false),
    ] {
        let text = named(name);
        assert_eq!(parse(text.as_bytes(), Owner::Probe).is_ok(), probe, "{name}");
        assert_eq!(parse(text.as_bytes(), Owner::Rollout).is_ok(), rollout, "{name}");
    }
    assert_ne!(Owner::Probe.file(), Owner::Rollout.file());
}
