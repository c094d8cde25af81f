//! Policies of a thousand entries a list, against the least work they could be: `cargo bench --bench policies`.
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
use merotee::{
    attestation::measurement::{Measurement, Register},
    policy::{
        document::PolicyFile,
        suite::{self, Demands},
    },
    report::{Finding, Status},
    subject::{profile::Profile, role::Role, tag::Class},
};
use serde_json::{Map, Value, json};

use in_turn::{head, row};

/// Entries of each of the ten lists of a policy.
const ENTRIES: usize = 1_000;
const RUNS: usize = 41;

fn main() {
    // `cargo test --benches` runs this binary too: there is nothing to test.
    if !std::env::args().any(|a| a == "--bench") {
        return;
    }
    head();
    let texts = Profile::ALL.map(|profile| policy(profile).to_string());
    let text = texts.first().expect("three profiles");
    let kib = text.len() >> 10;
    let read = || PolicyFile::parse("policy.json", text.as_bytes()).expect("a policy");
    let json = || serde_json::from_str::<Value>(text).expect("JSON");
    row(RUNS, &format!("read a policy of 10 × {ENTRIES} entries ({kib} KiB)"), read, "serde_json alone", json);

    let files = texts.clone().map(|text| PolicyFile::parse("policy.json", text.as_bytes()).expect("a policy"));
    let [first, ..] = &files;
    let demands = Demands { profile: Some(Profile::Debug), version: None, class: Class::Stable };
    passes(&suite::alone(first, demands));
    row(RUNS, "check it by every rule", || suite::alone(first, demands), "reading it with serde_json", json);

    let all = files.each_ref();
    passes(&suite::together(&all));
    let three = || texts.each_ref().map(|text| serde_json::from_str::<Value>(text).expect("JSON"));
    row(RUNS, "check three for isolation", || suite::together(&all), "reading them with serde_json", three);

    // The last of each list, so that nothing is found early.
    let lists = first.profiles.first().and_then(|p| p.of(Role::Kms)).expect("a KMS side");
    let machine = Register::ALL.map(|register| (register, value(Role::Kms, Profile::Debug, register, ENTRIES - 1)));
    let admitted = || machine.iter().all(|(register, value)| lists.register(*register).contains(value));
    assert!(admitted(), "the machine is in the policy");
    let bytes = machine.map(|(register, value)| (lists.register(register), *value.as_bytes()));
    let compared = || bytes.iter().all(|(list, value)| list.iter().any(|listed| listed.as_bytes() == value));
    row(RUNS, "admit a machine by five lists", admitted, "comparing the bytes", compared);
}

/// A check of nothing but failures would be fast for the wrong reason.
fn passes(findings: &[Finding]) {
    let failed = findings.iter().find(|f| f.status == Status::Fail);
    assert!(failed.is_none() && findings.iter().any(|f| f.status == Status::Pass), "{failed:?}");
}

/// The `n`-th value of a list: no two lists share one.
fn value(side: Role, profile: Profile, register: Register, n: usize) -> Measurement {
    let text = format!("{} {profile} {register} {n}", side.as_str());
    Measurement::from_bytes(digest(&SHA384, text.as_bytes()).as_ref().try_into().expect("48 bytes"))
}

fn policy(profile: Profile) -> Value {
    let mut lists = Map::new();
    for side in Role::ALL {
        let name = side.as_str();
        lists.insert(format!("{name}_allowed_tcb_statuses"), json!(["uptodate"]));
        for register in Register::ALL {
            let values = (0..ENTRIES).map(|n| value(side, profile, register, n).to_string());
            lists.insert(format!("{name}_allowed_{}", register.as_str()), values.collect());
        }
    }
    json!({"schema_version": 1, "role": "kms", "profile": profile.as_str(), "tag": "1.2.0", "status": "ready", "policy": lists})
}
