//! How the API writes what it says of a machine.

use serde_json::{Value, json};

use super::{Cloud, account::Cvm, flaw::Flaw};
use crate::{attestation::measurement::Register, digest::Sha256};

/// A hash that is not the compose file's.
pub(super) fn other_hash() -> Sha256 {
    Sha256::of(b"another compose file")
}

/// A machine, as creating it and the list of machines have it.
pub(super) fn short(cvm: &Cvm) -> Value {
    json!({
        "id": cvm.number,
        "name": cvm.app.name,
        "status": cvm.status().0,
        "teepod_id": 1,
        "app_id": cvm.app.id,
        "vm_uuid": cvm.uuid,
        "instance_id": cvm.instance_id,
        "base_image": "dstack-0.5.7",
        "vcpu": 1,
        "memory": 2048,
        "disk_size": 20,
        "created_at": cvm.created_at,
    })
}

/// A machine in full.
pub(super) fn full(cvm: &Cvm, flaw: Option<Flaw>) -> Value {
    let hash = match flaw {
        Some(Flaw::HashStated) => other_hash(),
        Some(_) | None => Sha256::of(cvm.app.app_compose.as_bytes()),
    };
    let endpoint = cvm.up(|up| up.endpoint.clone()).filter(|_| flaw != Some(Flaw::NoEndpoints));
    let endpoints: Vec<Value> =
        endpoint.into_iter().map(|address| json!({"app": address, "instance": address})).collect();
    json!({
        "id": cvm.number.to_string(),
        "name": cvm.app.name,
        "app_id": (flaw != Some(Flaw::NoAppId)).then_some(&cvm.app.id),
        "vm_uuid": cvm.uuid,
        "instance_id": cvm.instance_id,
        "status": cvm.status().0,
        "progress": null,
        "compose_hash": hash.to_string(),
        "os": {"name": "dstack-0.5.7", "version": "0.5.7", "is_dev": false, "os_image_hash": Sha256::of(b"dstack-0.5.7").to_string()},
        "kms_type": "phala",
        "gateway": {"base_domain": null, "cname": null},
        "endpoints": endpoints,
        "resource": {"instance_type": cvm.app.instance_type, "vcpu": 1, "memory_in_gb": 2, "disk_in_gb": 20},
        "node_info": {"name": "sandbox", "region": "loopback", "device_id": "00"},
        "public_logs": true,
        "public_sysinfo": false,
        "public_tcbinfo": true,
        "listed": false,
        "created_at": cvm.created_at,
    })
}

/// How far a machine is.
pub(super) fn state(cvm: &Cvm, flaw: Option<Flaw>) -> Value {
    let (status, boot_error) = cvm.status();
    // What cannot boot goes on trying.
    let status = if flaw == Some(Flaw::BootError) && status == "error" { "starting" } else { status };
    let progress = if status == "running" { "done" } else { "booting" };
    json!({
        "name": cvm.app.name,
        "status": status,
        "uptime": null,
        "boot_progress": progress,
        "boot_error": boot_error.unwrap_or_default(),
        "shutdown_progress": "",
    })
}

/// What the cloud says of a machine's attestation.
pub(super) fn attestation(cvm: &Cvm, flaw: Option<Flaw>) -> Value {
    let app_compose = match flaw {
        Some(Flaw::HashOfFile) => cvm.app.app_compose.replacen("\"manifest_version\":2", "\"manifest_version\": 2", 1),
        Some(_) | None => cvm.app.app_compose.clone(),
    };
    let tcb_info = cvm.up(|up| {
        let evidence = up.machine.evidence([0; 64]);
        let of = |register| evidence.registers.get(register).to_string();
        json!({
            "mrtd": of(Register::Mrtd),
            "rtmr0": of(Register::Rtmr0),
            "rtmr1": of(Register::Rtmr1),
            "rtmr2": of(Register::Rtmr2),
            "rtmr3": of(Register::Rtmr3),
            "event_log": evidence.log.entries,
            "app_compose": app_compose,
        })
    });
    let online = tcb_info.is_some();
    json!({
        "name": cvm.app.name,
        "is_online": online,
        "is_public": true,
        "error": if online { Value::Null } else { json!("the CVM is not running") },
        "app_certificates": [],
        "tcb_info": tcb_info,
        "compose_file": null,
    })
}

/// A machine by the version of the API that says where its logs are.
pub(super) fn older(cloud: &Cloud, cvm: &Cvm) -> Value {
    let address = format!("{}/logs/{}?format=text", cloud.logs, cvm.uuid);
    let mut shape = short(cvm);
    if let Some(fields) = shape.as_object_mut() {
        fields.insert("syslog_endpoint".to_owned(), json!(address));
    }
    shape
}

/// What a machine wrote on its serial console.
pub(super) fn serial(cvm: &Cvm) -> String {
    let (status, error) = cvm.status();
    let last = match error {
        Some(error) => format!("dstack-prepare: {error}\n"),
        None => format!("mero-kms: {status}\n"),
    };
    format!(
        "[    0.000000] Linux version 6.9.0-dstack\n[    1.000000] dstack-prepare: app {}\n[    2.000000] {last}",
        cvm.app.id
    )
}
