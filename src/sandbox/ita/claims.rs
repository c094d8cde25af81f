//! What tokens say: of themselves, and of a quote that was verified.

use serde_json::{Map, Value, json};

use super::{Fault, LIFETIME, Layout, Manner};
use crate::attestation::{
    measurement::{Register, TcbStatus},
    quote::Quote,
    verdict::Verdict,
};

/// An hour, in seconds.
const HOUR: i64 = 3_600;

/// The claims about a quote at a time in Unix seconds.
pub(super) fn of(quote: &Quote, verdict: &Verdict, portal: &str, now: i64, manner: &Manner) -> Value {
    let Manner { faults, layout, .. } = manner;
    let mut machine = machine(quote, verdict);
    for fault in faults {
        spoil(&mut machine, *fault);
    }
    let mut claims = frame(portal, *layout);
    claims.extend(times(now, faults));
    if faults.contains(&Fault::OtherIssuer) {
        claims.insert("iss".to_owned(), json!("https://portal.example"));
    }
    match layout {
        Layout::One => claims.extend(machine),
        Layout::Two => {
            claims.insert("tdx".to_owned(), Value::Object(machine));
        }
    }
    for fault in faults {
        if let Fault::NoClaim(name) = fault {
            claims.remove(*name);
        }
    }
    Value::Object(claims)
}

/// What a token says of itself.
fn frame(portal: &str, layout: Layout) -> Map<String, Value> {
    let (ver, iss) = match layout {
        Layout::One => ("1.0.0", "Intel Trust Authority"),
        Layout::Two => ("2.0.0", portal),
    };
    let frame = json!({
        "eat_profile": format!("{portal}/eat_profile.html"),
        "intuse": "generic",
        "ver": ver,
        "iss": iss,
        "jti": "0e6f7a0c-6f43-4f5a-8f6e-7a1b1f3f9c55",
        "policy_ids_matched": [],
        "policy_ids_unmatched": [],
        "policy_defined_claims": {},
        "verifier_instance_ids": ["b0a6b3f6-54f3-4b1c-9b3f-1f3d9d0c9a11"],
    });
    object(frame)
}

fn times(now: i64, faults: &[Fault]) -> Map<String, Value> {
    let has = |fault| faults.contains(&fault);
    let start = match (has(Fault::Expired), has(Fault::NotYetValid)) {
        (true, _) => now - HOUR - LIFETIME,
        (false, true) => now + HOUR,
        (false, false) => now,
    };
    let future = has(Fault::IssuedInFuture);
    let (iat, nbf) = if future { (now + HOUR, now) } else { (start, start) };
    let lifetime = if has(Fault::LongLived) { 365 * 24 * HOUR } else { LIFETIME };
    object(json!({ "iat": iat, "nbf": nbf, "exp": iat + lifetime }))
}

/// What a token says of the machine. Integers are written as their bytes in the quote.
fn machine(quote: &Quote, verdict: &Verdict) -> Map<String, Value> {
    let report = &quote.report;
    let bits = report.attributes.bits();
    let bit = |number: u32| bits >> number & 1 == 1;
    let advisories: Vec<_> = verdict.advisories.iter().map(ToString::to_string).collect();
    let mut claims = object(json!({
        "attester_type": "TDX",
        "attester_tcb_status": word(verdict.tcb),
        "attester_tcb_date": "2024-03-13T00:00:00Z",
        "attester_advisory_ids": advisories,
        "dbgstat": if bit(0) { "enabled" } else { "disabled" },
        "pce_svn": quote.header.pce_svn,
        "tdx_is_debuggable": bit(0),
        "tdx_mrconfigid": report.mr_config_id,
        "tdx_mrowner": report.mr_owner,
        "tdx_mrownerconfig": report.mr_owner_config,
        "tdx_mrseam": report.mr_seam,
        "tdx_mrsignerseam": report.mr_signer_seam,
        "tdx_report_data": hex::encode(report.report_data),
        "tdx_seam_attributes": hex::encode(report.seam_attributes.to_le_bytes()),
        "tdx_seamsvn": u16::from_le_bytes([report.tee_tcb_svn[0], report.tee_tcb_svn[1]]),
        "tdx_td_attributes": hex::encode(bits.to_le_bytes()),
        "tdx_td_attributes_debug": bit(0),
        "tdx_td_attributes_septve_disable": bit(28),
        "tdx_td_attributes_protection_keys": bit(30),
        "tdx_td_attributes_key_locker": bit(31),
        "tdx_td_attributes_perfmon": bit(63),
        "tdx_tee_tcb_svn": hex::encode(report.tee_tcb_svn),
        "tdx_xfam": hex::encode(report.xfam.to_le_bytes()),
        "tdx_collateral": { "quotehash": crate::digest::Sha256::of(quote.as_bytes()).to_string() },
    }));
    for register in Register::ALL {
        let name = format!("tdx_{}", register.as_str());
        claims.insert(name, json!(report.registers.get(register)));
    }
    claims
}

/// Applies the faults that are about the machine, and passes over the others.
fn spoil(machine: &mut Map<String, Value>, fault: Fault) {
    if let Fault::Claim(name) = fault {
        let other = match machine.get(name).and_then(Value::as_str) {
            Some(text) => json!("5a".repeat(text.len() / 2)),
            None => json!("something else"),
        };
        machine.insert(name.to_owned(), other);
    } else if let Fault::NoClaim(name) = fault {
        machine.remove(name);
    } else if let Fault::Tcb(word) = fault {
        machine.insert("attester_tcb_status".to_owned(), json!(word));
    } else if fault == Fault::Debuggable {
        machine.insert("tdx_is_debuggable".to_owned(), json!(true));
    }
}

/// A status in Intel's spelling.
fn word(status: TcbStatus) -> &'static str {
    match status {
        TcbStatus::UpToDate => "UpToDate",
        TcbStatus::SwHardeningNeeded => "SWHardeningNeeded",
        TcbStatus::ConfigurationNeeded => "ConfigurationNeeded",
        TcbStatus::ConfigurationAndSwHardeningNeeded => "ConfigurationAndSWHardeningNeeded",
        TcbStatus::OutOfDate => "OutOfDate",
        TcbStatus::OutOfDateConfigurationNeeded => "OutOfDateConfigurationNeeded",
        TcbStatus::Revoked => "Revoked",
    }
}

fn object(value: Value) -> Map<String, Value> {
    match value {
        Value::Object(fields) => fields,
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Array(_) => Map::new(),
    }
}
