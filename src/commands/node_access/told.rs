//! The report of `kms get-key` that a node prints as JSON, read as anyone could have written it. What it says is
//! worth what the command is worth that printed it: no more than that is made of it here.

use std::time::Duration;

use serde_json::Value;

use crate::{
    attestation::{
        key_answer::{KeyAnswer, KeyRefusal, KeyRelease, MAX_DETAILS},
        measurement::{Measurement, Register, Registers},
    },
    commands::kms::get_key::{KEY, LATENCY},
    exit::Exit,
    schema::parse_json,
    text::{excerpt, excerpt_within},
};

/// Digits of a fingerprint.
const FINGERPRINT_DIGITS: usize = 16;

/// What a report says.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Told {
    pub(super) answer: KeyAnswer,
    pub(super) registers: Option<Registers<Measurement>>,
}

/// Reads a report. What the KMS answered is taken from it only where the command's exit code says the same.
///
/// # Errors
/// It is not such a report: why, in a few words.
pub(super) fn read(report: &[u8], code: Option<i32>) -> Result<Told, String> {
    let document = parse_json(report).map_err(|e| e.to_string())?;
    if document.pointer("/tool/name").and_then(Value::as_str) != Some("merotee") {
        return Err("not a report of merotee".to_owned());
    }
    let command = document.get("command").and_then(Value::as_str).unwrap_or_default();
    if command != "kms get-key" {
        return Err(format!("a report of `{}`", excerpt(command)));
    }
    let sections = document.get("sections").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    let asked: Vec<_> = sections.iter().filter_map(|section| Some((section, key_finding(section)?))).collect();
    let [(section, finding)] = asked.as_slice() else {
        let refused = sections.iter().flat_map(findings).find(|finding| text(finding, "status") == Some("fail"));
        return match refused {
            Some(finding) => Ok(undecided(format!("the node asked for no key: {}", said(finding)))),
            None => Err("it says nothing of a key".to_owned()),
        };
    };
    let registers = registers(section);
    let answer = match (text(finding, "status"), code) {
        (Some("pass"), Some(0)) => KeyAnswer::Released(release(section, finding).ok_or("no key was measured")?),
        (Some("fail"), Some(code)) if code == i32::from(Exit::Verification.code()) => {
            let answer = text(finding, "actual").and_then(KeyRefusal::read);
            answer.map_or_else(|| KeyAnswer::NoVerdict(said(finding)), |refusal| KeyAnswer::Refused(bounded(refusal)))
        }
        (Some("pass" | "fail"), _) => return Err("its verdict is not that of its exit code".to_owned()),
        _ => KeyAnswer::NoVerdict(said(finding)),
    };
    Ok(Told { answer, registers })
}

fn undecided(why: String) -> Told {
    Told { answer: KeyAnswer::NoVerdict(why), registers: None }
}

fn findings(section: &Value) -> impl Iterator<Item = &Value> {
    section.get("findings").and_then(Value::as_array).into_iter().flatten()
}

fn key_finding(section: &Value) -> Option<&Value> {
    findings(section).find(|finding| text(finding, "check") == Some(KEY.id))
}

fn text<'v>(of: &'v Value, name: &str) -> Option<&'v str> {
    of.get(name).and_then(Value::as_str)
}

/// A finding in a sentence.
fn said(finding: &Value) -> String {
    let [check, message] = ["check", "message"].map(|name| excerpt(text(finding, name).unwrap_or_default()));
    format!("{check}: {message}")
}

fn bounded(refusal: KeyRefusal) -> KeyRefusal {
    let KeyRefusal { status, error, details } = refusal;
    let details = details.map(|details| excerpt_within(format_args!("{details}"), MAX_DETAILS));
    KeyRefusal { status, error: excerpt(&error), details }
}

/// The key as the report tells it: how long it took, and what it can be told apart by.
fn release(section: &Value, finding: &Value) -> Option<KeyRelease> {
    let latency = section.get("facts").and_then(|facts| text(facts, LATENCY))?;
    let milliseconds = latency.strip_suffix(" ms")?.parse().ok()?;
    let (_, fingerprint) = text(finding, "message")?.rsplit_once("fingerprint ")?;
    let is_one = fingerprint.len() == FINGERPRINT_DIGITS && fingerprint.bytes().all(|b| b.is_ascii_hexdigit());
    let latency = Duration::from_millis(milliseconds);
    is_one.then(|| KeyRelease { latency, fingerprint: fingerprint.to_owned() })
}

/// What the node measures; `None` unless all five registers are told.
fn registers(section: &Value) -> Option<Registers<Measurement>> {
    let exhibits = section.get("exhibits").and_then(Value::as_array)?;
    let table = exhibits.iter().find(|exhibit| text(exhibit, "kind") == Some("registers"))?;
    let rows = table.get("rows").and_then(Value::as_array)?;
    let [row] = rows.as_slice() else { return None };
    let value = |register: Register| -> Option<Measurement> {
        let [value] = row.get("values")?.get(register.name())?.as_array()?.as_slice() else { return None };
        value.as_str()?.parse().ok()
    };
    let read: Vec<Measurement> = Register::ALL.into_iter().map(value).collect::<Option<_>>()?;
    let mut read = read.into_iter();
    // As many as registers: each was read.
    Some(Registers::from_fn(|_| read.next().unwrap_or_else(|| Measurement::from_bytes([0; 48]))))
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test fails by panicking")]
mod tests {
    use serde_json::json;

    use super::*;

    fn report(finding: &Value) -> Value {
        let values: serde_json::Map<String, Value> =
            Register::ALL.into_iter().map(|register| (register.name().to_owned(), json!(["ab".repeat(48)]))).collect();
        json!({
            "tool": {"name": "merotee"}, "command": "kms get-key",
            "sections": [
                {"subject": "kms.example", "findings": [{"check": "quote", "status": "pass", "message": "genuine"}]},
                {"subject": "12D3", "facts": {"latency": "12 ms"}, "findings": [finding],
                 "exhibits": [{"kind": "registers", "rows": [{"profile": "node", "values": values}]}]},
            ],
        })
    }

    fn told(report: &Value, code: i32) -> Result<Told, String> {
        read(report.to_string().as_bytes(), Some(code))
    }

    fn refused() -> Value {
        json!({"check": "kms-key", "status": "fail", "message": "the KMS turns the node away",
               "actual": "403 policy_violation: RTMR2 is not allowed"})
    }

    fn released() -> Value {
        json!({"check": "kms-key", "status": "pass", "message": "32 bytes, fingerprint 0123456789abcdef"})
    }

    #[test]
    fn a_key_and_a_refusal_are_read_with_what_the_node_measures() {
        let told_of = told(&report(&released()), 0).unwrap();
        let fingerprint = "0123456789abcdef".to_owned();
        let key = KeyRelease { latency: Duration::from_millis(12), fingerprint };
        assert_eq!(told_of.answer, KeyAnswer::Released(key));
        let all = Measurement::from_bytes([0xab; 48]);
        assert_eq!(told_of.registers, Some(Registers::from_fn(|_| all)));
        let KeyAnswer::Refused(refusal) = told(&report(&refused()), 10).unwrap().answer else { panic!("no refusal") };
        assert!(refusal.is_by_measurement(), "{refusal}");
    }

    #[test]
    fn nothing_is_made_of_a_report_that_its_exit_code_contradicts() {
        for (finding, code) in [(released(), 10), (released(), 1), (refused(), 0), (refused(), 1), (refused(), 255)] {
            assert!(told(&report(&finding), code).is_err(), "{finding} {code}");
        }
        assert!(read(report(&released()).to_string().as_bytes(), None).is_err());
    }

    #[test]
    fn a_node_that_did_not_ask_was_neither_admitted_nor_refused() {
        let undecided = json!({"check": "kms-key", "status": "skipped_required", "message": "not asked"});
        let elsewhere = json!({"check": "kms-challenge", "status": "fail", "message": "the KMS turns the node away"});
        let wordless = json!({"check": "kms-key", "status": "fail", "message": "not a key"});
        for (finding, code, says) in [
            (undecided, 1, "kms-key: not asked"),
            (elsewhere, 10, "the node asked for no key: kms-challenge: the KMS turns the node away"),
            (wordless, 10, "kms-key: not a key"),
        ] {
            assert_eq!(told(&report(&finding), code).unwrap().answer, KeyAnswer::NoVerdict(says.to_owned()));
        }
    }

    #[test]
    fn what_is_no_report_of_get_key_is_refused_with_a_reason() {
        let mut other = report(&released());
        other["command"] = json!("kms attest");
        let mut twice = report(&released());
        twice["sections"][0]["findings"] = json!([released()]);
        let mut slow = report(&released());
        slow["sections"][1]["facts"]["latency"] = json!("soon");
        let mut forged = report(&json!({"check": "kms-key", "status": "pass", "message": "fingerprint ../../../etc"}));
        forged["sections"][0] = json!(7);
        for document in [other, twice, slow, forged, json!([]), json!({"tool": {"name": "x"}})] {
            assert!(told(&document, 0).is_err(), "{document}");
        }
        assert!(read(b"Permission denied (publickey).", Some(255)).is_err());
        assert!(read(&[0xff; 9], Some(0)).is_err());
    }
}
