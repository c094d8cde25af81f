//! Documents as literals: which forms are read, and how the others are refused.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test fails by panicking")]

use serde_json::json;

use super::*;
use crate::dstack::attestation::Form;

fn read(document: &Value) -> Result<BootstrapInfo, String> {
    BootstrapInfo::parse(document.to_string().as_bytes()).map_err(|error| error.to_string())
}

fn error(document: &Value) -> String {
    read(document).unwrap_err()
}

/// One event, as JSON has it.
fn log() -> Value {
    json!([{"imr": 0, "event_type": 4, "digest": "07".repeat(48), "event": "", "event_payload": "00"}])
}

fn old() -> Value {
    json!({"ca_pubkey": "01", "k256_pubkey": "02", "quote": "04000200", "eventlog": hex::encode(log().to_string())})
}

#[test]
fn both_forms_of_both_generations_are_read() {
    let read_old = read(&old()).unwrap();
    assert_eq!((read_old.keys.ca.as_slice(), read_old.keys.k256.as_slice()), (&[1][..], &[2][..]));
    assert_eq!(read_old.attestation.form, Form::Quote);
    assert_eq!(read_old.event_log().unwrap().events().len(), 1);
    let mut as_json = old();
    as_json["eventlog"] = json!(log().to_string());
    assert_eq!(read(&as_json), Ok(read_old.clone()));
    as_json["eventlog"] = log();
    assert_eq!(read(&as_json), Ok(read_old));
    let new = json!({"ca_pubkey": "0x01", "k256_pubkey": "02", "attestation": "04000200", "site": "x"});
    let read_new = read(&new).unwrap();
    assert_eq!((read_new.attestation.form, read_new.unknown), (Form::Quote, vec!["site".to_owned()]));
}

#[test]
fn what_is_wrong_is_named() {
    let with = |field: &str, value: Value| {
        let mut document = old();
        document[field] = value;
        error(&document)
    };
    let without = |field: &str| {
        let mut document = old();
        document.as_object_mut().unwrap().remove(field);
        error(&document)
    };
    assert_eq!(without("ca_pubkey"), "`ca_pubkey` is missing");
    assert_eq!(without("k256_pubkey"), "`k256_pubkey` is missing");
    assert_eq!(without("quote"), "`attestation` is missing");
    assert_eq!(without("eventlog"), "`eventlog` is missing");
    assert!(with("ca_pubkey", json!("xy")).starts_with("`ca_pubkey`: not valid hex"));
    assert_eq!(with("k256_pubkey", json!(7)), "`k256_pubkey`: expected a string of hex digits, got 7");
    assert_eq!(with("attestation", json!("00")), "it holds `attestation` as well as `quote`: which of them is meant?");
    assert!(with("eventlog", json!("5b5d")).starts_with("`eventlog`: the event log is empty"));
    let new = json!({"ca_pubkey": "01", "k256_pubkey": "02", "attestation": ""});
    assert!(error(&new).starts_with("`attestation`: it is empty: the KMS was told to make no quote"));
}

#[test]
fn other_documents_are_called_what_they_are() {
    assert!(error(&Value::Null).starts_with("it is null: a replica has none"));
    assert_eq!(error(&json!([])), "expected an object, got []");
    assert!(error(&json!({"ca_cert": "", "bootstrap_info": null})).starts_with("this is the answer to GetMeta"));
    let twice = br#"{"ca_pubkey":"01","ca_pubkey":"02"}"#;
    assert!(BootstrapInfo::parse(twice).unwrap_err().to_string().starts_with("not acceptable JSON"));
}
