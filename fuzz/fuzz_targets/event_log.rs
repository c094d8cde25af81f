//! An event log in any document: reading, replaying and judging it never panics, and its digests may be left out.
#![no_main]

use libfuzzer_sys::fuzz_target;
use merotee::{
    attestation::{
        event_log::{EventLog, RUNTIME_EVENT_TYPE, checks},
        measurement::{Measurement, Register, Registers},
    },
    digest::Sha256,
};
use serde_json::{Value, json};

fuzz_target!(|bytes: &[u8]| {
    let Ok(log) = EventLog::parse(bytes) else { return };
    let replay = log.replay();
    let registers = Registers::from_fn(|r| replay.get(r).unwrap_or(Measurement::from_bytes([0; 48])));
    assert_eq!(checks::replayed("log", &log, &registers).len(), 4);
    assert!(!checks::identity("log", &log).is_empty());
    let _ = checks::compose_hash("log", &log, Sha256::of(b""));
    let _ = log.to_string();
    let imr = |register| match register {
        Register::Mrtd => unreachable!("no event extends MRTD"),
        Register::Rtmr0 => 0,
        Register::Rtmr1 => 1,
        Register::Rtmr2 => 2,
        Register::Rtmr3 => 3,
    };
    let again: Vec<Value> = log
        .events()
        .iter()
        .map(|event| {
            let digest = if event.is_bound() { String::new() } else { event.digest().to_string() };
            let payload: String = event.payload().iter().map(|b| format!("{b:02x}")).collect();
            let mut entry = json!({"imr": imr(event.register()), "event_type": event.event_type(), "digest": digest,
                                   "event": event.name(), "event_payload": payload});
            if let Some(version) = event.version() {
                assert_eq!(event.event_type(), RUNTIME_EVENT_TYPE);
                entry["version"] = json!(version.to_string().parse::<u32>().expect("a number"));
            }
            entry
        })
        .collect();
    let again = EventLog::from_json(&Value::from(again)).expect("what was read can be written and read");
    assert_eq!(again, log);
});
