//! Parsing, replaying and reading of event logs, on literals.
#![allow(clippy::indexing_slicing, reason = "a test fails by panicking")]

use proptest::prelude::*;
use serde_json::json;

use super::{checks, entry::sha384, *};
use crate::{digest::Sha256, report::Status};

const READY: &str = "system-ready";

fn runtime(name: &str, payload: &[u8]) -> Value {
    let digest = sha384(&[&EventVersion::V1.preimage(name, payload)]);
    json!({"imr": 3, "event_type": RUNTIME_EVENT_TYPE, "digest": hex::encode(digest), "event": name,
           "event_payload": hex::encode(payload)})
}

fn boot(imr: u32, digest: u8) -> Value {
    json!({"imr": imr, "event_type": 4, "digest": hex::encode([digest; 48]), "event": "", "event_payload": "00000000"})
}

fn with(mut event: Value, field: &str, value: Value) -> Value {
    event[field] = value;
    event
}

fn log(entries: &[Value]) -> Result<EventLog, EventLogError> {
    EventLog::from_json(&Value::from(entries.to_vec()))
}

fn error(entries: &[Value]) -> String {
    log(entries).err().map(|e| e.to_string()).unwrap_or_default()
}

fn started() -> Vec<Value> {
    vec![
        boot(0, 1),
        runtime("app-id", &[7; 20]),
        runtime("compose-hash", &[8; 32]),
        runtime("instance-id", &[]),
        runtime("key-provider", br#"{"name":"local-sgx"}"#),
        runtime(READY, &[]),
    ]
}

#[test]
fn registers_start_at_zero_and_take_each_digest_in_order() {
    let replay = log(&[boot(0, 1), boot(2, 3), boot(0, 2)]).map(|l| l.replay());
    let first = sha384(&[&[0; 48], &[1; 48]]);
    let expected = Registers::from_fn(|register| match register {
        Register::Mrtd => None,
        Register::Rtmr0 => Some(Measurement::from_bytes(sha384(&[&first, &[2; 48]]))),
        Register::Rtmr2 => Some(Measurement::from_bytes(sha384(&[&[0; 48], &[3; 48]]))),
        Register::Rtmr1 | Register::Rtmr3 => Some(Measurement::from_bytes([0; 48])),
    });
    assert_eq!(replay, Ok(expected));
}

#[test]
fn an_empty_or_absent_digest_of_a_run_time_event_is_computed_and_of_a_boot_event_refused() {
    let full = log(&[runtime("a", b"b")]);
    for digest in [json!(""), Value::Null] {
        assert_eq!(log(&[with(runtime("a", b"b"), "digest", digest.clone())]), full);
        let refused =
            "event log entry 0, field `digest`: it is empty, and only a run-time event's digest can be computed";
        assert_eq!(error(&[with(boot(1, 1), "digest", digest.clone())]), refused);
        assert_eq!(error(&[with(boot(3, 1), "digest", digest)]), refused);
    }
}

#[test]
fn the_two_preimages_are_the_published_ones() {
    assert_eq!(EventVersion::V1.preimage("app-id", &[0xab]), b"\x01\x00\x00\x08:app-id:\xab");
    let json = |name: &str, payload: &[u8]| String::from_utf8(EventVersion::V2.preimage(name, payload)).ok();
    let expected = r#"{"name":"compose-hash","payload":"abcd","type":134217729}"#;
    assert_eq!(json("compose-hash", &[0xab, 0xcd]).as_deref(), Some(expected));
    let expected = "{\"name\":\"\\\"\\\\/\\n\\u0001\u{7f}é🦀\",\"payload\":\"\",\"type\":134217729}";
    assert_eq!(json("\"\\/\n\u{1}\u{7f}é🦀", &[]).as_deref(), Some(expected), "escapes of RFC 8785 and no others");
}

#[test]
fn version_two_is_held_to_its_own_digest_and_preimage() {
    let preimage = EventVersion::V2.preimage("compose-hash", &[8; 32]);
    let digest = json!(hex::encode(sha384(&[&preimage])));
    let two = with(runtime("compose-hash", &[8; 32]), "version", json!(2));
    assert!(error(std::slice::from_ref(&two)).contains("field `digest`: expected"), "a version-1 digest is refused");
    let two = with(two, "digest", digest.clone());
    let read = log(std::slice::from_ref(&two));
    assert_eq!(read.as_ref().ok().and_then(|l| l.events()[0].version()), Some(EventVersion::V2));
    assert_eq!(log(&[with(two.clone(), "digest", json!(""))]), read);
    assert_eq!(log(&[with(two.clone(), "version", Value::Null)]), read, "the digest tells the version");
    assert!(error(&[with(two.clone(), "version", json!(1))]).contains("field `digest`"));
    assert_eq!(log(&[with(two.clone(), "hash_input", json!(hex::encode(&preimage)))]), read);
    let other = EventVersion::V2.preimage("compose-hash", &[9; 32]);
    let expected = "field `hash_input`: it is not the preimage that this event's name and payload make";
    assert!(error(&[with(two.clone(), "hash_input", json!(hex::encode(other)))]).ends_with(expected));
    assert!(error(&[with(two, "version", json!(3))]).ends_with("field `version`: expected 1 or 2, got 3"));
}

#[test]
fn every_malformed_field_is_named_with_its_entry() {
    let good = runtime("app-id", &[1]);
    let bad = |field, value| error(&[good.clone(), with(good.clone(), field, value)]);
    let cases = [
        ("imr", json!(4), "expected 0, 1, 2 or 3, got 4"),
        ("imr", json!(-1), "expected 0, 1, 2 or 3, got -1"),
        ("event_type", json!("4"), "expected a number of 32 bits, got \"4\""),
        ("event_type", json!(1u64 << 32), "expected a number of 32 bits, got 4294967296"),
        ("digest", json!("00"), "expected 96 hex digits (48 bytes), or nothing, got `00`"),
        ("digest", json!(7), "expected 96 hex digits (48 bytes), or nothing, got 7"),
        ("event", json!(null), "expected a string, got null"),
        ("event", json!("n".repeat(1025)), "it has 1025 bytes; at most 1024 are read"),
        ("event_payload", json!("0"), "expected a string of hex digits, two a byte, got \"0\""),
        ("event_payload", json!("0g"), "expected a string of hex digits, two a byte, got \"0g\""),
        ("event_payload", json!("00".repeat((1 << 20) + 1)), "it has 1048577 bytes; at most 1048576 are read"),
    ];
    for (field, value, problem) in cases {
        assert_eq!(bad(field, value), format!("event log entry 1, field `{field}`: {problem}"));
    }
    for field in ["imr", "event_type", "event", "event_payload"] {
        let mut entry = good.clone();
        entry.as_object_mut().map(|fields| fields.remove(field));
        assert_eq!(error(&[entry]), format!("event log entry 0, field `{field}`: it is missing"));
    }
    assert_eq!(error(&[json!([])]), "event log entry 0: expected an object, got []");
}

#[test]
fn a_log_is_found_in_every_document_that_holds_one() {
    let entries = started();
    let plain = log(&entries);
    let text = Value::from(entries.clone()).to_string();
    for document in [
        json!({"eventLog": entries, "quoteB64": ""}),
        json!({"event_log": entries}),
        json!({"event_log": text}),
        Value::from(text.clone()),
    ] {
        assert_eq!(EventLog::parse(document.to_string().as_bytes()), plain);
    }
    let refused = |document: Value| EventLog::from_json(&document).err();
    assert_eq!(refused(json!({"eventLog": [], "event_log": []})), Some(EventLogError::TwoLogs));
    for document in [json!({}), json!(7), json!({"eventLog": {}}), json!({"eventLog": "{}"})] {
        assert_eq!(refused(document), Some(EventLogError::NoLog));
    }
    assert_eq!(refused(json!([])), Some(EventLogError::Empty));
    assert_eq!(refused(Value::from(vec![boot(0, 1); 10_001])), Some(EventLogError::TooLong(10_001)));
    assert!(matches!(EventLog::parse(b"[{\"imr\":1,\"imr\":2}]"), Err(EventLogError::Json(_))));
}

#[test]
fn a_fact_is_the_first_event_of_its_name_before_system_ready() {
    let mut entries = started();
    entries.push(runtime("compose-hash", &[9; 32]));
    let log = log(&entries).ok();
    let identity = log.as_ref().and_then(|l| l.identity().ok());
    let identity = identity.as_ref();
    assert_eq!(identity.and_then(AppIdentity::compose_hash), Some(Sha256::from_bytes([8; 32])));
    assert_eq!(identity.and_then(|i| i.get(Field::AppId)), Some(&[7; 20][..]));
    assert_eq!(identity.and_then(|i| i.get(Field::InstanceId)), Some(&[][..]), "stated, and empty");
    assert_eq!(identity.and_then(|i| i.system_ready), Some(5));
    let again = Repeated { field: Field::ComposeHash, index: 6, by_application: true };
    assert_eq!(identity.map(|i| i.repeated.clone()), Some(vec![again]));
    let findings = log.map(|l| checks::identity("log", &l)).unwrap_or_default();
    let messages: Vec<_> = findings.iter().map(|f| (f.status, f.message.as_str())).collect();
    assert_eq!(messages[1], (Status::Warn, "entry 6: a `compose-hash` event after system-ready was ignored"));
    assert_eq!(messages.len(), 2);
    assert!(messages[0].1.ends_with("instance-id empty, key-provider {\"name\":\"local-sgx\"}"), "{}", messages[0].1);
}

#[test]
fn a_fact_stated_only_by_the_application_is_no_fact() {
    let log = log(&[runtime(READY, &[]), runtime("compose-hash", &[9; 32])]).ok();
    assert_eq!(log.as_ref().and_then(|l| l.identity().ok()).map(|i| i.compose_hash()), Some(None));
    let finding = log.map(|l| checks::compose_hash("log", &l, Sha256::from_bytes([9; 32])));
    assert_eq!(finding.map(|f| f.status), Some(Status::Fail));
}

#[test]
fn hiding_true_events_behind_other_labels_does_not_let_the_application_speak_first() {
    let mut entries = started();
    entries.push(runtime("compose-hash", &[9; 32]));
    let honest = log(&entries).map(|l| l.replay());
    // The digests stay, so the replay does; only the names of the true events disappear.
    for index in [2, 5] {
        entries[index]["event_type"] = json!(4);
        entries[index]["event"] = json!("");
    }
    let forged = log(&entries);
    assert_eq!(forged.as_ref().map(EventLog::replay), honest.as_ref().copied());
    assert_eq!(forged.map(|l| l.identity()), Ok(Err(IdentityError::Opaque { index: 2 })));

    let mut entries = started();
    entries[4]["event"] = json!("key-provider:{\"name\"");
    entries[4]["event_payload"] = json!(hex::encode(br#""local-sgx"}"#));
    let forged = log(&entries);
    let name = "key-provider:{\"name\"".to_owned();
    assert_eq!(forged.map(|l| l.identity()), Ok(Err(IdentityError::Ambiguous { index: 4, name })));
}

#[test]
fn an_event_of_another_register_or_type_states_no_fact() {
    let mut entries = vec![with(boot(2, 9), "event", json!("compose-hash"))];
    entries[0]["event_payload"] = json!("09".repeat(32));
    entries.extend(started());
    let hash = log(&entries).ok().and_then(|l| l.identity().ok()).and_then(|i| i.compose_hash());
    assert_eq!(hash, Some(Sha256::from_bytes([8; 32])));
}

#[test]
fn a_compose_hash_of_another_length_is_refused() {
    let identity = log(&[runtime("compose-hash", &[8; 31])]).map(|l| l.identity());
    assert_eq!(identity, Ok(Err(IdentityError::ComposeHash { index: 0, actual: 31 })));
}

#[test]
fn the_registers_of_another_quote_fail_one_by_one() {
    let log = log(&started()).ok();
    let replay = log.as_ref().map(EventLog::replay).unwrap_or_default();
    let mut quote = Registers::from_fn(|r| replay.get(r).unwrap_or(Measurement::from_bytes([5; 48])));
    let statuses = |quote: &_| -> Vec<_> {
        let findings = log.as_ref().map(|l| checks::replayed("log", l, quote)).unwrap_or_default();
        findings.iter().map(|f| f.status).collect()
    };
    assert_eq!(statuses(&quote), [Status::Pass; 4]);
    *quote.get_mut(Register::Rtmr2) = Measurement::from_bytes([5; 48]);
    assert_eq!(statuses(&quote), [Status::Pass, Status::Pass, Status::Fail, Status::Pass]);
}

proptest! {
    #[test]
    fn whatever_the_bytes_nothing_panics(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
        let _ = EventLog::parse(&bytes);
    }

    #[test]
    fn a_changed_name_or_payload_is_refused(name in ".{0,20}", payload in proptest::collection::vec(any::<u8>(), 1..40), at in any::<prop::sample::Index>(), flip in 1..=255u8) {
        let event = runtime(&name, &payload);
        prop_assert!(log(std::slice::from_ref(&event)).is_ok());
        let mut other = payload.clone();
        other[at.index(payload.len())] ^= flip;
        prop_assert!(log(&[with(event.clone(), "event_payload", json!(hex::encode(other)))]).is_err());
        prop_assert!(log(&[with(event, "event", json!(name + "x"))]).is_err());
    }
}
