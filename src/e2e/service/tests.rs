//! What a policy makes of machines, where every list has one value or several.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use serde_json::json;

use super::*;
use crate::{attestation::key_answer::KeyRefusal, policy::mrtds::PublishedMrtds};

fn value(byte: u8) -> Measurement {
    Measurement::from_bytes([byte; 48])
}

/// Registers that all hold `byte`, but RTMR2.
fn machine(byte: u8, rtmr2: u8) -> Registers<Measurement> {
    Registers::from_fn(|register| value(if register == Register::Rtmr2 { rtmr2 } else { byte }))
}

fn allowing(rtmr2: &[u8]) -> Service {
    let lists = Registers::from_fn(|register| match register {
        Register::Rtmr2 => rtmr2.iter().map(|byte| value(*byte)).collect(),
        Register::Mrtd | Register::Rtmr0 | Register::Rtmr1 | Register::Rtmr3 => vec![value(1)],
    });
    Service::Runs(Allowed::new(lists, vec![TcbStatus::UpToDate]))
}

fn published(rtmr2: &[u8], tcb: &[&str]) -> ProfileMeasurements {
    let rtmr2: Vec<_> = rtmr2.iter().map(|byte| value(*byte)).collect();
    let entry = json!({"allowed_mrtd": [value(1)], "allowed_rtmr0": [value(1)], "allowed_rtmr1": [value(1)],
        "allowed_rtmr2": rtmr2, "allowed_rtmr3": [value(1)], "allowed_tcb_statuses": tcb});
    let document = json!({"role": "node", "tag": "1.2.0", "profiles": {"debug": entry}});
    PublishedMrtds::parse("p", document.to_string().as_bytes()).unwrap().profiles.remove(0)
}

#[test]
fn a_machine_is_admitted_by_the_rule_of_the_service_itself() {
    let service = allowing(&[2]);
    assert_eq!(service.admits(&machine(1, 2), TcbStatus::UpToDate), Got::Admitted);
    assert_eq!(service.admits(&machine(1, 3), TcbStatus::UpToDate), Got::Refused(vec![Register::Rtmr2]));
    assert!(
        matches!(service.admits(&machine(1, 2), TcbStatus::OutOfDate), Got::RefusedOtherwise(why) if why.contains("outofdate"))
    );
    assert_eq!(service.admits(&machine(1, 3), TcbStatus::OutOfDate), Got::Refused(vec![Register::Rtmr2]));
    assert!(matches!(Service::NotReady.admits(&machine(1, 2), TcbStatus::UpToDate), Got::NoVerdict(_)));
    assert!(matches!(Service::Refuses("x".into()).admits(&machine(1, 2), TcbStatus::UpToDate), Got::NotServed(_)));
}

#[test]
fn of_several_published_values_the_one_that_speaks_against_the_expectation_decides() {
    let service = allowing(&[2]);
    // One of two machines is admitted: it is neither true that all are, nor that none is.
    let two = published(&[3, 2], &["uptodate"]);
    assert_eq!(service.meets(&two, Expected::Admitted), Got::Refused(vec![Register::Rtmr2]));
    assert_eq!(service.meets(&two, Expected::Refused), Got::Admitted);
    let one = published(&[3], &["uptodate"]);
    assert_eq!(service.meets(&one, Expected::Refused), Got::Refused(vec![Register::Rtmr2]));
    assert_eq!(service.meets(&published(&[2], &["uptodate"]), Expected::Admitted), Got::Admitted);
    // A status that the policy does not tolerate locks such machines out.
    let outdated = published(&[2], &["uptodate", "outofdate"]);
    assert!(matches!(service.meets(&outdated, Expected::Admitted), Got::RefusedOtherwise(_)));
    assert_eq!(service.meets(&outdated, Expected::Refused), Got::Admitted);
}

#[test]
fn an_empty_list_of_published_values_decides_nothing() {
    for expected in [Expected::Admitted, Expected::Refused] {
        assert!(matches!(allowing(&[2]).meets(&published(&[], &["uptodate"]), expected), Got::NoVerdict(_)));
    }
}

#[test]
fn what_a_running_kms_answers_is_a_verdict_only_in_its_own_words() {
    let refused = |status, error: &str, details: &str| {
        let (error, details) = (error.to_owned(), Some(details.to_owned()));
        Got::from(&KeyAnswer::Refused(KeyRefusal { status, error, details }))
    };
    assert_eq!(refused(403, "policy_violation", "RTMR3 is not allowed"), Got::Refused(vec![Register::Rtmr3]));
    assert!(matches!(refused(403, "policy_violation", "the quote is a KMS's"), Got::RefusedOtherwise(_)));
    assert!(matches!(refused(401, "invalid_signature", "MRTD"), Got::RefusedOtherwise(_)));
    for (status, error) in [(403, "forbidden"), (403, ""), (503, "service_unavailable"), (429, "rate_limited")] {
        assert!(matches!(refused(status, error, "MRTD"), Got::NoVerdict(_)), "{status} {error}");
    }
    assert!(matches!(Got::from(&KeyAnswer::NoVerdict("connection refused".into())), Got::NoVerdict(_)));
}
