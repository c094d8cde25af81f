//! What probes and a node release state of machines that fulfil every rule.

use merotee::digest::Sha256;
use serde_json::{Value, json};

use super::PROFILES;
use crate::binary::Place;

const REGISTERS: [&str; 5] = ["mrtd", "rtmr0", "rtmr1", "rtmr2", "rtmr3"];

/// The value a register has on a machine of `role` and `profile`: as on real machines, RTMR3 tells them all apart.
pub(crate) fn register(role: &str, profile: &str, register: &str) -> String {
    let label = if register == "rtmr3" { format!("{role} {profile} {register}") } else { format!("{role} {register}") };
    let hash = Sha256::of(label.as_bytes()).to_string();
    format!("{hash}{}", &hash[..32])
}

fn lists(role: &str, profile: &str) -> Value {
    let mut lists = json!({"allowed_tcb_statuses": ["UpToDate"]});
    for name in REGISTERS {
        lists[format!("allowed_{name}")] = json!([register(role, profile, name)]);
    }
    lists
}

fn document(generated_at: &str) -> Value {
    json!({"schema_version": 1, "generated_at": generated_at, "measurement_source": "td_quote"})
}

/// What one probe of one profile writes.
fn candidates(role: &str, profile: &str) -> Value {
    let mut document = document("2025-10-01T00:00:00Z");
    document["profile"] = json!(profile);
    document["policy"] = lists(role, profile);
    document["policy"]["allowed_event_payload"] = json!(["ab".repeat(32)]);
    document
}

/// One file for all profiles.
pub(crate) fn candidates_of(role: &str) -> Value {
    let mut document = document("2025-10-01T00:00:00Z");
    for profile in PROFILES {
        document["profiles"][profile] = candidates(role, profile)["policy"].clone();
    }
    document
}

fn node_mrtds() -> Value {
    let mut document =
        json!({"schema_version": 1, "role": "node", "tag": "1.2.0", "generated_at": "2025-10-02T00:00:00Z"});
    for profile in PROFILES {
        let mut entry = lists("node", profile);
        for name in REGISTERS {
            entry[name] = json!(register("node", profile, name));
        }
        document["profiles"][profile] = entry;
    }
    document
}

/// Two probes a profile of the KMS, and the measurements of the node release.
pub(crate) fn write_inputs(place: &Place) {
    for profile in PROFILES {
        for probe in [1, 2] {
            place.write(&format!("probe-{profile}-{probe}.json"), candidates("kms", profile).to_string());
        }
    }
    place.write("published-mrtds.json", node_mrtds().to_string());
}
