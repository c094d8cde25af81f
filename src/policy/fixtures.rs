//! Documents that fulfil every rule, for tests to spoil.
#![allow(clippy::expect_used, clippy::indexing_slicing, reason = "a test fails by panicking")]

use serde_json::{Value, json};

use super::document::PolicyFile;
use crate::{
    attestation::measurement::{Allowed, Measurement, Register, Registers, TcbStatus},
    policy::mrtds::PublishedMrtds,
    report::{Finding, Status},
    subject::{profile::Profile, role::Role},
};

/// A measurement whose every byte is `byte`.
pub(crate) fn measurement(byte: u8) -> Measurement {
    Measurement::from_bytes([byte; 48])
}

/// Lists of the given bytes, one slice a register.
pub(crate) fn allowed(bytes: [&[u8]; 5]) -> Allowed {
    let mut bytes = bytes.into_iter();
    let registers = Registers::from_fn(|_| bytes.next().unwrap_or_default().iter().map(|b| measurement(*b)).collect());
    Allowed::new(registers, vec![TcbStatus::UpToDate])
}

/// The value `register` has on a machine of `role` and `profile`: only RTMR3 depends on the profile.
fn value(role: Role, profile: Profile, register: Register) -> String {
    let of_role = match role {
        Role::Kms => 0x10,
        Role::Node => 0x80,
    };
    let register = match register {
        Register::Mrtd => 1,
        Register::Rtmr0 => 2,
        Register::Rtmr1 => 3,
        Register::Rtmr2 => 4,
        Register::Rtmr3 => 5 + profile as u8,
    };
    measurement(of_role + register).to_string()
}

/// A final policy of release 1.2.0.
pub(crate) fn policy_json(profile: Profile) -> Value {
    let mut lists = json!({"kms_allowed_event_payload": ["ab".repeat(32)]});
    for role in Role::ALL {
        let side_name = role.as_str();
        lists[format!("{side_name}_allowed_tcb_statuses")] = json!(["uptodate"]);
        for register in Register::ALL {
            lists[format!("{side_name}_allowed_{}", register.as_str())] = json!([value(role, profile, register)]);
        }
    }
    json!({"schema_version": 1, "role": "kms", "profile": profile, "tag": "1.2.0", "status": "ready", "policy": lists})
}

/// The measurements that agree with [`policy_json`].
pub(crate) fn mrtds_json(role: Role) -> Value {
    let mut profiles = json!({});
    for profile in Profile::ALL {
        let mut entry = json!({"allowed_tcb_statuses": ["uptodate"]});
        for register in Register::ALL {
            let value = value(role, profile, register);
            entry[register.as_str()] = json!(value);
            entry[format!("allowed_{}", register.as_str())] = json!([value]);
        }
        profiles[profile.as_str()] = entry;
    }
    json!({"schema_version": 1, "role": role.as_str(), "tag": "1.2.0", "profiles": profiles})
}

/// Reads a policy under its pipeline name.
pub(crate) fn read(document: &Value) -> PolicyFile {
    let profile = document["profile"].as_str().unwrap_or("locked-read-only");
    let name = format!("attestation-policy-{profile}.json");
    PolicyFile::parse(&name, document.to_string().as_bytes()).expect("a policy")
}

/// [`policy_json`], read.
pub(crate) fn policy(profile: Profile) -> PolicyFile {
    read(&policy_json(profile))
}

/// [`policy_json`] spoiled by `change`, read.
pub(crate) fn spoiled(profile: Profile, change: impl FnOnce(&mut Value)) -> PolicyFile {
    let mut document = policy_json(profile);
    change(&mut document);
    read(&document)
}

/// Reads published measurements.
pub(crate) fn read_mrtds(document: &Value) -> PublishedMrtds {
    PublishedMrtds::parse("published-mrtds.json", document.to_string().as_bytes()).expect("measurements")
}

/// The statuses of findings, in order.
pub(crate) fn statuses(findings: &[Finding]) -> Vec<Status> {
    findings.iter().map(|f| f.status).collect()
}

/// The only finding of `status`.
pub(crate) fn only(findings: &[Finding], status: Status) -> Finding {
    let mut found = findings.iter().filter(|f| f.status == status);
    let first = found.next().unwrap_or_else(|| unreachable!("no {status:?} in {findings:#?}"));
    assert_eq!(found.next(), None);
    first.clone()
}
