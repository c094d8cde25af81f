//! Event logs of real machines, against the registers of their quotes.

use std::fs;

use merotee::{
    attestation::{
        event_log::{EventLog, Field, checks},
        measurement::{Measurement, Register, Registers},
        quote::Quote,
    },
    digest::Sha256,
    report::Status,
};
use serde_json::{Value, json};

use crate::corpus::corpus;

struct Machine {
    document: Value,
    registers: Registers<Measurement>,
}

fn machine(document: &str, quote: &str) -> Option<Machine> {
    let dir = corpus("tdx")?;
    let document = serde_json::from_slice(&fs::read(dir.join("eventlogs").join(document)).unwrap()).unwrap();
    let bytes = fs::read(dir.join("quotes").join(quote)).unwrap();
    let registers = Quote::parse(&bytes).unwrap().report.registers;
    // The quote parser aside: where the registers stand in a version-4 quote.
    let at = |n: usize| Measurement::from_bytes(bytes[184 + n..184 + n + 48].try_into().unwrap());
    assert_eq!(*registers.get(Register::Rtmr0), at(192));
    assert_eq!(*registers.get(Register::Rtmr3), at(192 + 3 * 48));
    Some(Machine { document, registers })
}

fn near() -> Option<Machine> {
    machine("near-mpc.tcb_info.json", "near_mpc.bin")
}

fn dstack() -> Option<Machine> {
    machine("dstack-quote-report.json", "dstack_quote_report.bin")
}

fn entries(document: &Value) -> Vec<Value> {
    let log = &document["event_log"];
    match log.as_str() {
        Some(text) => serde_json::from_str(text).unwrap(),
        None => log.as_array().unwrap().clone(),
    }
}

fn replays(log: &EventLog, registers: &Registers<Measurement>) -> bool {
    let findings = checks::replayed("log", log, registers);
    assert_eq!(findings.len(), 4);
    findings.iter().all(|f| f.status == Status::Pass)
}

#[test]
fn the_logs_of_real_machines_replay_to_the_registers_of_their_quotes() {
    for machine in [near(), dstack()].into_iter().flatten() {
        let log = EventLog::from_json(&machine.document).unwrap();
        assert!(replays(&log, &machine.registers));
    }
}

#[test]
fn the_measured_compose_hash_is_that_of_the_app_compose_bytes() {
    let Some(machine) = near() else { return };
    let identity = EventLog::from_json(&machine.document).unwrap().identity().unwrap();
    let bytes = fs::read(corpus("tdx").unwrap().join("eventlogs/near-mpc.app_compose.json")).unwrap();
    assert_eq!(identity.compose_hash(), Some(Sha256::of(&bytes)));
    assert_eq!(machine.document["app_compose"].as_str().map(str::as_bytes), Some(&bytes[..]));
    assert_eq!(identity.get(Field::AppId), identity.compose_hash().as_ref().map(|h| &h.as_bytes()[..20]));
    assert_eq!(identity.get(Field::InstanceId), Some(&[][..]), "no_instance_id");
    assert!(identity.get(Field::KeyProvider).is_some_and(|json| json.starts_with(b"{\"name\":\"local-sgx\"")));
    assert_eq!((identity.system_ready, identity.repeated), (Some(27), vec![]));
}

#[test]
fn digests_left_out_of_run_time_events_are_computed() {
    for machine in [near(), dstack()].into_iter().flatten() {
        let mut entries = entries(&machine.document);
        for entry in entries.iter_mut().filter(|e| e["imr"] == 3) {
            entry["digest"] = json!("");
        }
        let log = EventLog::from_json(&Value::from(entries)).unwrap();
        assert!(replays(&log, &machine.registers));
    }
}

#[test]
fn a_second_compose_hash_after_system_ready_does_not_count_and_is_reported() {
    let Some(machine) = near() else { return };
    let honest = EventLog::from_json(&machine.document).unwrap().identity().unwrap();
    let mut entries = entries(&machine.document);
    entries.push(json!({"imr": 3, "event_type": 0x0800_0001u32, "digest": "", "event": "compose-hash",
                        "event_payload": "ee".repeat(32)}));
    let log = EventLog::from_json(&Value::from(entries)).unwrap();
    assert_eq!(log.identity().unwrap().compose_hash(), honest.compose_hash());
    let findings = checks::identity("log", &log);
    let warning = findings.iter().find(|f| f.status == Status::Warn).unwrap();
    assert_eq!(warning.message, "entry 29: a `compose-hash` event after system-ready was ignored");
    assert!(findings.iter().all(|f| f.status != Status::Fail));
}

/// What a log must not survive: a digest, name, payload, register or type that is not the measured one.
#[test]
fn a_log_with_one_byte_changed_fails_whichever_event_it_is() {
    for machine in [near(), dstack()].into_iter().flatten() {
        let entries = entries(&machine.document);
        for index in 0..entries.len() {
            for (what, changed) in changes(&entries[index]) {
                let mut log = entries.clone();
                log[index] = changed;
                let accepted =
                    EventLog::from_json(&Value::from(log)).is_ok_and(|log| replays(&log, &machine.registers));
                assert!(!accepted, "entry {index}: {what}");
            }
        }
    }
}

fn changes(entry: &Value) -> Vec<(String, Value)> {
    let with = |field: &str, value: Value| {
        let mut entry = entry.clone();
        entry[field] = value;
        (format!("{field} changed"), entry)
    };
    let flipped = |field: &str| -> Vec<_> {
        let bytes = hex::decode(entry[field].as_str().unwrap()).unwrap();
        let flip = |at: usize| {
            let mut bytes = bytes.clone();
            bytes[at] ^= 1;
            with(field, json!(hex::encode(bytes)))
        };
        (0..bytes.len()).map(flip).collect()
    };
    let imr = entry["imr"].as_u64().unwrap();
    let mut all = flipped("digest");
    all.push(with("imr", json!((imr + 1) % 4)));
    if imr == 3 {
        // Names and payloads of boot events are in no digest that can be computed; those of run-time events are.
        all.extend(flipped("event_payload"));
        let name = entry["event"].as_str().unwrap();
        all.extend((0..name.len()).map(|at| {
            let mut bytes = name.as_bytes().to_vec();
            bytes[at] ^= 1;
            with("event", json!(String::from_utf8(bytes).unwrap()))
        }));
    }
    all
}

#[test]
fn a_log_with_an_event_missing_repeated_or_moved_fails() {
    for machine in [near(), dstack()].into_iter().flatten() {
        let entries = entries(&machine.document);
        let accepted =
            |log: Vec<Value>| EventLog::from_json(&Value::from(log)).is_ok_and(|log| replays(&log, &machine.registers));
        assert!(accepted(entries.clone()));
        for index in 0..entries.len() {
            let mut log = entries.clone();
            let entry = log.remove(index);
            assert!(!accepted(log), "entry {index} missing");
            let mut log = entries.clone();
            log.insert(index, entry.clone());
            assert!(!accepted(log), "entry {index} twice");
            let mut log = entries.clone();
            // The next event of the same register that is another one; between registers the order does not matter.
            let differs = |e: &Value| e["imr"] == entry["imr"] && e["digest"] != entry["digest"];
            if let Some(next) = (index + 1..log.len()).find(|n| differs(&log[*n])) {
                log.swap(index, next);
                assert!(!accepted(log), "entries {index} and {next} exchanged");
            }
        }
    }
}
