//! Event logs and compose files against the least work they could be: `cargo bench --bench replay`.
//!
//! Nothing here fails on a time. Each subject and its reference run in turn, and what is printed is the median of each and
//! their ratio, as a Markdown table.

#![allow(
    clippy::expect_used,
    clippy::print_stdout,
    reason = "a benchmark stops at the first surprise, and its product is what it prints"
)]

mod in_turn;

use aws_lc_rs::digest::{SHA384, digest};
use merotee::attestation::{compose_hash, event_log::EventLog};
use serde_json::{Value, json};

use in_turn::{head, row};

const RUNS: usize = 201;

fn main() {
    // `cargo test --benches` runs this binary too: there is nothing to test.
    if !std::env::args().any(|a| a == "--bench") {
        return;
    }
    head();
    for entries in [30, 10_000] {
        let text = log(entries).to_string();
        let parsed = EventLog::parse(text.as_bytes()).expect("a log");
        let chain = || {
            let mut register = [0; 96];
            for event in parsed.events() {
                register[48..].copy_from_slice(event.digest().as_bytes());
                let value = digest(&SHA384, &register);
                register[..48].copy_from_slice(value.as_ref());
            }
            register
        };
        row(RUNS, &format!("replay {entries} events"), || parsed.replay(), "the bare SHA-384 chain", chain);
        let read = || EventLog::parse(text.as_bytes()).expect("a log").replay();
        let json = || serde_json::from_str::<Value>(&text).expect("JSON");
        row(RUNS, &format!("read and replay {entries} events"), read, "serde_json alone", json);
    }
    let compose = compose(200);
    let parse = || {
        let mut parser = libyaml_safer::Parser::new();
        parser.set_input(compose.as_bytes());
        parser.map_while(Result::ok).count()
    };
    let hash = || compose_hash::of_compose_file(compose.as_bytes()).expect("a hash");
    row(RUNS, &format!("hash a compose file of {} KiB", compose.len() >> 10), hash, "parsing alone", parse);
}

/// Boot events with a stated digest, and as many run-time events whose digest is computed and compared.
fn log(entries: usize) -> Value {
    let entry = |n: usize| match n % 2 {
        0 => {
            json!({"imr": n % 3, "event_type": 4, "digest": format!("{n:096x}"), "event": "", "event_payload": "00000000"})
        }
        _ => {
            json!({"imr": 3, "event_type": 0x0800_0001u32, "digest": "", "event": format!("event-{n}"), "event_payload": "ab".repeat(32)})
        }
    };
    (0..entries).map(entry).collect()
}

fn compose(services: usize) -> String {
    let service = |n: usize| {
        format!(
            "  s{n}:\n    <<: *base\n    image: example/s{n}@sha256:{n:064x}\n    command: [serve, --port, \"{n}\"]\n    environment:\n      A: b # comment\n      C: 'd'\n"
        )
    };
    let services: String = (0..services).map(service).collect();
    format!("x-base: &base\n  restart: always\n  read_only: true\n  cpus: 1.5\nservices:\n{services}")
}
