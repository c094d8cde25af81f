//! Allow-lists as literals: how they are read, judged and changed.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use serde_json::json;

use super::*;
use crate::{digest::Sha256, dstack::measured::Measured, report::Status};

const A: &str = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";
const B: &str = "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb";
const ID: &str = "cccccccccccccccccccccccccccccccccccccccc";

fn parse(document: &Value) -> AllowList {
    AllowList::parse(document.to_string().as_bytes()).unwrap()
}

fn measured() -> Measured {
    Measured {
        mr_aggregated: Sha256::from_hex(A).unwrap(),
        mr_system: Sha256::from_hex(B).unwrap(),
        os_image: Some(hex::decode(B).unwrap()),
        compose_hash: None,
        app_id: None,
        device_id: Some(Sha256::from_hex(A).unwrap()),
    }
}

/// The statuses of everything but the firmware's.
fn judged(document: &Value) -> Vec<Status> {
    judge_kms("x", &parse(document), &measured(), None).into_iter().map(|finding| finding.status).take(3).collect()
}

#[test]
fn hex_is_compared_in_any_case_with_or_without_its_prefix() {
    use Status::{Fail, Pass, Warn};
    let upper = format!("0x{}", A.to_uppercase());
    let list = json!({"osImages": [format!("0X{}", B)], "kms": {"mrAggregated": [upper], "devices": [A]}});
    assert_eq!(judged(&list), [Pass, Pass, Pass]);
    assert_eq!(judged(&json!({})), [Fail, Fail, Warn]);
    let any = json!({"osImages": [B], "kms": {"mrAggregated": [A], "devices": [B], "allowAnyDevice": true}});
    assert_eq!(judged(&any), [Pass, Pass, Pass]);
    let other = json!({"osImages": [A], "kms": {"mrAggregated": [B], "devices": [B]}});
    assert_eq!(judged(&other), [Fail, Fail, Fail]);
}

#[test]
fn an_empty_list_of_devices_allows_any_and_that_is_said() {
    let list = parse(&json!({"kms": {"devices": [], "allowAnyDevice": false}}));
    assert!(list.kms_devices.allow(A) && list.kms_devices.describe().contains("the list is empty"));
    let warned = list.describe("x").into_iter().filter(|finding| finding.status == Status::Warn).count();
    assert_eq!(warned, 1);
    assert!(!parse(&json!({"kms": {"devices": [B]}})).kms_devices.allow(A));
}

#[test]
fn defaults_are_those_of_the_service_and_unknown_fields_are_named() {
    let list = parse(&json!({"note": 1, "apps": {format!("0x{}", ID.to_uppercase()): {"composeHashes": [A]}}}));
    assert_eq!(
        (list.tcb_statuses.as_slice(), list.unknown.as_slice()),
        (&["UpToDate".to_owned()][..], &["note".to_owned()][..])
    );
    assert_eq!(list.app(ID).unwrap().compose_hashes, [A]);
    assert!(parse(&json!({"allowedTcbStatuses": []})).tcb_statuses.is_empty());
}

#[test]
fn a_file_that_the_service_would_take_for_an_empty_one_is_refused_by_the_place() {
    for (document, place) in [
        (json!([]), "the file"),
        (json!({"kms": []}), "kms"),
        (json!({"kms": {"mrAggregated": "x"}}), "kms.mrAggregated"),
        (json!({"kms": {"mrAggregated": [1]}}), "kms.mrAggregated"),
        (json!({"kms": {"allowAnyDevice": "yes"}}), "kms.allowAnyDevice"),
        (json!({"osImages": {}}), "osImages"),
        (json!({"apps": {"x": 1}}), "apps.x"),
        (json!({"apps": {"x": {"devices": 1}}}), "apps.x.devices"),
        (json!({"gatewayAppId": 1}), "gatewayAppId"),
    ] {
        let error = AllowList::parse(document.to_string().as_bytes()).unwrap_err().to_string();
        assert!(error.starts_with(&format!("`{place}`: expected ")), "{error}");
    }
}

#[test]
fn one_application_under_two_spellings_is_refused_by_both() {
    let (upper, lower) = (format!("0x{}", ID.to_uppercase()), ID.to_owned());
    for second in [json!({"composeHashes": [A]}), json!({})] {
        let text = json!({"apps": {upper.clone(): {"composeHashes": [A]}, lower.clone(): second}}).to_string();
        let said = format!("`apps` holds one application as `{upper}` and again as `{lower}`");
        assert_eq!(AllowList::parse(text.as_bytes()).unwrap_err().to_string(), said);
        let entry = Entry::App { id: ID.to_owned(), compose_hash: A.to_owned() };
        for edit in [allow, revoke] {
            assert_eq!(edit(text.as_bytes(), &entry).unwrap_err().to_string(), said);
        }
    }
}

#[test]
fn a_new_application_says_in_the_file_that_any_device_will_do() {
    let entry = Entry::App { id: ID.to_owned(), compose_hash: A.to_owned() };
    for text in [TEXT, "{}"] {
        let edited = allow(text.as_bytes(), &entry).unwrap();
        let app = AllowList::parse(edited.text.as_bytes()).unwrap().app(ID).cloned().unwrap();
        assert!(app.devices.any && edited.text.contains("\"devices\""), "{}", edited.text);
        assert!(edited.changes.iter().any(|change| change.contains("on any device")), "{:?}", edited.changes);
    }
    // One that is there keeps what it says of devices.
    let there = json!({"apps": {ID: {"composeHashes": [], "devices": [B]}}}).to_string();
    let edited = allow(there.as_bytes(), &entry).unwrap();
    assert!(!edited.text.contains("allowAnyDevice") && edited.changes.len() == 1, "{}", edited.text);
}

const TEXT: &str = r#"{
  "osImages": [
    "0xb0"
  ],
  "x-note": {"keep":   ["me"]},
  "kms": {
    "mrAggregated": [],
    "devices": [],
    "allowAnyDevice": false
  },
  "apps": {}
}
"#;

fn changed(text: &str, entry: &Entry) -> String {
    allow(text.as_bytes(), entry).unwrap().text
}

#[test]
fn an_entry_is_added_in_the_hand_of_the_file_and_taken_out_again() {
    let text = changed(TEXT, &Entry::OsImage(A.to_owned()));
    assert_eq!(text, TEXT.replace("    \"0xb0\"\n", &format!("    \"0xb0\",\n    \"0x{A}\"\n")));
    let text = changed(TEXT, &Entry::Kms(A.to_owned()));
    assert_eq!(text, TEXT.replace("\"mrAggregated\": []", &format!("\"mrAggregated\": [\n      \"0x{A}\"\n    ]")));
    for entry in [Entry::OsImage(A.to_owned()), Entry::Kms(A.to_owned())] {
        let there = changed(TEXT, &entry);
        let again = allow(there.as_bytes(), &entry).unwrap();
        assert_eq!((again.text.as_str(), again.changes.len()), (there.as_str(), 0));
        let revoked = revoke(there.as_bytes(), &entry).unwrap();
        assert_eq!((revoked.text.as_str(), revoked.changes.len()), (TEXT, 1));
        assert!(revoke(TEXT.as_bytes(), &entry).unwrap().changes.is_empty());
    }
}

#[test]
fn what_is_not_there_is_made_and_every_other_byte_stays() {
    let app = Entry::App { id: ID.to_owned(), compose_hash: A.to_owned() };
    for text in [TEXT, "{}", "{\"a\":1}", "{\n}\n", "{\"kms\":{}}", "{\"apps\":{}}"] {
        for entry in [&app, &Entry::Kms(A.to_owned()), &Entry::KmsDevice(B.to_owned()), &Entry::OsImage(A.to_owned())] {
            let edited = changed(text, entry);
            assert!(allow(edited.as_bytes(), entry).unwrap().changes.is_empty(), "{edited}");
            if text == TEXT {
                assert!(edited.contains(r#""x-note": {"keep":   ["me"]},"#), "{edited}");
            }
        }
    }
    let second = Entry::App { id: ID.to_owned(), compose_hash: B.to_owned() };
    let both = changed(&changed(TEXT, &app), &second);
    assert_eq!(AllowList::parse(both.as_bytes()).unwrap().app(ID).unwrap().compose_hashes, [A, B]);
}

#[test]
fn an_entry_spelled_otherwise_is_the_same_and_goes_however_often_it_is_there() {
    let text = format!("{{\"osImages\": [\"{A}\", \"0x{}\", \"{B}\"]}}", A.to_uppercase());
    let edited = revoke(text.as_bytes(), &Entry::OsImage(A.to_owned())).unwrap();
    assert_eq!(edited.text, format!("{{\"osImages\": [\"{B}\"]}}"));
    // Neighbours without a prefix get one without.
    let bare = changed(&edited.text, &Entry::OsImage(A.to_owned()));
    assert_eq!(bare, format!("{{\"osImages\": [\"{B}\", \"{A}\"]}}"));
}

#[test]
fn the_last_device_is_not_taken_out_and_the_first_is_told_of() {
    let device = Entry::KmsDevice(A.to_owned());
    let edited = allow(TEXT.as_bytes(), &device).unwrap();
    assert!(edited.changes.iter().any(|change| change.contains("allows this one alone")), "{:?}", edited.changes);
    assert!(matches!(revoke(edited.text.as_bytes(), &device), Err(EditError::LastDevice("kms.devices"))));
    let any = edited.text.replace("\"allowAnyDevice\": false", "\"allowAnyDevice\": true");
    assert!(revoke(any.as_bytes(), &device).is_ok());
}
