//! Answers to GetMeta as literals.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test fails by panicking")]

use serde_json::json;

use super::*;
use crate::report::Status;

fn answer() -> Value {
    json!({
        "ca_cert": "none",
        "allow_any_upgrade": false,
        "k256_pubkey": "02",
        "bootstrap_info": null,
        "is_dev": false,
        "gateway_app_id": "",
        "kms_contract_address": "0x01",
        "chain_id": 11_155_111,
    })
}

fn read(document: &Value) -> Result<Meta, String> {
    Meta::parse(document.to_string().as_bytes()).map_err(|error| error.to_string())
}

#[test]
fn an_answer_is_read_and_empty_is_none() {
    let meta = read(&answer()).unwrap();
    assert_eq!((meta.chain_id, meta.contract.as_deref()), (Some(11_155_111), Some("0x01")));
    assert_eq!((meta.gateway_app_id, meta.bootstrap_info), (None, None));
}

#[test]
fn a_field_that_is_missing_or_of_another_type_is_named() {
    for field in ["ca_cert", "k256_pubkey", "is_dev", "allow_any_upgrade"] {
        let mut without = answer();
        without.as_object_mut().unwrap().remove(field);
        assert_eq!(read(&without), Err(format!("`{field}` is missing")));
        let mut other = answer();
        other[field] = json!(7);
        assert!(read(&other).unwrap_err().starts_with(&format!("`{field}`: expected ")), "{field}");
    }
    assert!(read(&json!([])).unwrap_err().starts_with("expected an object"));
}

#[test]
fn a_kms_that_asks_nobody_fails_unless_that_is_accepted() {
    let keys = PublicKeys { ca: vec![1], k256: vec![2] };
    let judged = |meta: &Meta, allow_dev: bool| -> Vec<Status> {
        let expected = Expected { keys: &keys, origin: Origin::Replica, now: 0, allow_dev };
        let findings = meta.judge("kms", &expected);
        findings.into_iter().filter(|f| f.check == MODE.id).map(|f| f.status).collect()
    };
    let meta = read(&answer()).unwrap();
    assert_eq!(judged(&meta, false), [Status::Pass]);
    for (is_dev, allow_any_upgrade, count) in [(true, false, 1), (false, true, 1), (true, true, 2)] {
        let meta = Meta { is_dev, allow_any_upgrade, ..meta.clone() };
        assert_eq!(judged(&meta, false), vec![Status::Fail; count]);
        assert_eq!(judged(&meta, true), vec![Status::Warn; count]);
    }
}

#[test]
fn a_replica_has_the_keys_and_no_document() {
    let keys = PublicKeys { ca: vec![1], k256: vec![2] };
    let of = |meta: &Meta, check: CheckInfo| {
        let expected = Expected { keys: &keys, origin: Origin::Replica, now: 0, allow_dev: false };
        meta.judge("kms", &expected).into_iter().find(|f| f.check == check.id).unwrap().status
    };
    let meta = read(&answer()).unwrap();
    assert_eq!((of(&meta, K256), of(&meta, BOOTSTRAP), of(&meta, CA)), (Status::Pass, Status::Pass, Status::Fail));
    let other = Meta { k256: vec![3], bootstrap_info: Some(json!({})), ..meta };
    assert_eq!((of(&other, K256), of(&other, BOOTSTRAP)), (Status::Fail, Status::Fail));
}
