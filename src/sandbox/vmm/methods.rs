//! What a dstack KMS answers: while it waits, and once it serves.

use std::{sync::Arc, time::Duration};

use serde_json::{Value, json};

use super::{
    Flaw,
    attested::device_id,
    keys::Keys,
    kms::{Kms, Phase},
    refusal::Refusal,
};
use crate::dstack::keys::PublicKeys;

/// What stands in a contract's place.
const NO_CONTRACT: &str = "0x0000000000000000000000000000000000000000";
/// Longest DNS name and label, in bytes.
const MAX_DOMAIN: usize = 253;
const MAX_LABEL: usize = 63;
/// How late a slow KMS answers.
const LATE: Duration = Duration::from_millis(1500);
/// How long the webhook may take.
const PATIENCE: Duration = Duration::from_secs(10);

/// Answers a method, named with its service or without.
///
/// # Errors
/// As the KMS has them.
pub(super) async fn answer(kms: &Arc<Kms>, method: &str, body: &[u8]) -> Result<String, Refusal> {
    let asked: Value = serde_json::from_slice(body).unwrap_or_default();
    let text = |name: &str| asked.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
    let known = |service: &str, name: &str| method == name || method.strip_prefix(service) == Some(name);
    let old = kms.host.has(Flaw::Old);
    match kms.phase() {
        Phase::Waits if known("Onboard.", "GetAttestationInfo") => Ok(about(kms, old)),
        Phase::Waits if known("Onboard.", "Bootstrap") => bootstrap(kms, &text("domain")).await,
        Phase::Waits if known("Onboard.", "Onboard") => onboard(kms, &text("source_url"), &text("domain")).await,
        Phase::Waits if known("Onboard.", "Finish") => {
            finish(kms);
            Ok("null".to_owned())
        }
        Phase::Serves if known("KMS.", "GetMeta") => meta(kms).await,
        Phase::Waits | Phase::Serves | Phase::Ended => Err(Refusal::unknown(method)),
    }
}

/// Has the KMS go on with what it has.
pub(super) fn finish(kms: &Kms) {
    kms.go_on();
}

/// Makes the keys, and attests them.
///
/// # Errors
/// As the KMS has them.
pub(super) async fn bootstrap(kms: &Arc<Kms>, domain: &str) -> Result<String, Refusal> {
    let host = &kms.host;
    named(domain)?;
    // Version 0.5.7 neither looks whether it has keys nor asks whether it may have any.
    if !host.has(Flaw::Old) {
        if kms.disk().keys.is_some() {
            return Err(Refusal::said("KMS has already been bootstrapped"));
        }
        allowed(kms, "bootstrap").await?;
    }
    let broken = |e: crate::error::Error| Refusal::said(e.to_string());
    let keys = Keys::new(host.seed, host.next_keys()).map_err(broken)?;
    let public = keys.public();
    let attested =
        if host.has(Flaw::OtherKeys) { PublicKeys { k256: vec![2; 33], ..public.clone() } } else { public.clone() };
    let attestation = kms.measured().attest(host, attested.report_data()).map_err(broken)?;
    let body = json!({
        "ca_pubkey": hex::encode(&public.ca),
        "k256_pubkey": hex::encode(&public.k256),
        "attestation": hex::encode(attestation),
    })
    .to_string();
    let mut disk = kms.disk();
    disk.keys = Some(Arc::new(keys));
    domain.clone_into(&mut disk.domain);
    disk.bootstrap_info = Some(body.clone());
    Ok(body)
}

/// Takes the keys of another KMS of this host.
async fn onboard(kms: &Arc<Kms>, source: &str, domain: &str) -> Result<String, Refusal> {
    named(domain)?;
    if kms.disk().keys.is_some() {
        return Err(Refusal::said("KMS has already been bootstrapped"));
    }
    let from = kms.host.lock().serving_at(source).ok_or_else(|| {
        Refusal::said(format!(
            "Failed to onboard: error sending request for url ({source}/prpc/KMS.GetTempCaCert?json)"
        ))
    })?;
    if !kms.host.has(Flaw::Old) {
        allowed(kms, "onboard").await?;
    }
    let keys = from.disk().keys.clone().ok_or_else(|| Refusal::said("Failed to onboard: the source has no keys"))?;
    let answer = json!({ "k256_pubkey": hex::encode(keys.public().k256) }).to_string();
    let mut disk = kms.disk();
    disk.keys = Some(keys);
    domain.clone_into(&mut disk.domain);
    Ok(answer)
}

fn named(domain: &str) -> Result<(), Refusal> {
    if domain.is_empty() || domain.len() > MAX_DOMAIN || !domain.is_ascii() {
        return Err(Refusal::said("domain must be a non-empty ASCII DNS name of at most 253 bytes"));
    }
    let label = |label: &str| {
        !label.is_empty()
            && label.len() <= MAX_LABEL
            && label.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    if domain.split('.').all(label) { Ok(()) } else { Err(Refusal::said("domain contains an invalid DNS label")) }
}

/// Asks the webhook whether this KMS may have keys.
async fn allowed(kms: &Kms, what: &str) -> Result<(), Refusal> {
    let denied = |why: &str| Refusal::said(format!("KMS is not allowed to {what}: {why}"));
    let unreachable = |e: reqwest::Error| denied(&format!("failed to call the auth API: {e}"));
    let measured = kms.measured();
    let question = json!({
        "teeVariant": "dstack-tdx",
        "mrAggregated": measured.aggregated(),
        "osImageHash": measured.os_image_hash(),
        "mrSystem": measured.system(),
        "appId": measured.runtime("app-id"),
        "composeHash": measured.runtime("compose-hash"),
        "instanceId": measured.runtime("instance-id"),
        "deviceId": device_id(&kms.host),
        "keyProviderInfo": measured.runtime("key-provider"),
        "tcbStatus": "UpToDate",
        "advisoryIds": [],
    });
    let client = reqwest::Client::builder().no_proxy().user_agent("dstack-kms/0.6.0").timeout(PATIENCE);
    let asked = client.build().map_err(unreachable)?.post(format!("{}/bootAuth/kms", kms.host.auth_url()));
    let answer = asked.json(&question).send().await.map_err(unreachable)?;
    if !answer.status().is_success() {
        return Err(denied(&format!("the auth API answered {}", answer.status())));
    }
    let answer: Value = answer.json().await.map_err(unreachable)?;
    if answer.get("isAllowed") == Some(&json!(true)) {
        return Ok(());
    }
    let reason = answer.get("reason").and_then(Value::as_str).unwrap_or_default();
    Err(denied(&format!("boot denied: {reason}")))
}

fn about(kms: &Kms, old: bool) -> String {
    let measured = kms.measured();
    let mut said = json!({
        "device_id": device_id(&kms.host),
        "mr_aggregated": measured.aggregated(),
        "os_image_hash": measured.os_image_hash(),
    });
    let more = if old {
        json!({"attestation_mode": "dstack-tdx"})
    } else {
        json!({
            "tee_variant": "dstack-tdx",
            "site_name": "",
            "eth_rpc_url": "",
            "kms_contract_address": NO_CONTRACT,
            "ppid": "00".repeat(16),
        })
    };
    if let (Some(said), Value::Object(more)) = (said.as_object_mut(), more) {
        said.extend(more);
    }
    said.to_string()
}

async fn meta(kms: &Kms) -> Result<String, Refusal> {
    let host = &kms.host;
    if host.has(Flaw::Slow) {
        tokio::time::sleep(LATE).await;
    }
    let broken = |e: crate::error::Error| Refusal::said(e.to_string());
    let (keys, info) = {
        let disk = kms.disk();
        (disk.keys.clone(), disk.bootstrap_info.clone())
    };
    let keys = keys.ok_or_else(|| Refusal::said("the KMS has no keys"))?;
    let ca_cert = if host.has(Flaw::OtherCaCert) {
        Keys::new(host.seed, host.next_keys()).and_then(|other| other.ca_cert())
    } else {
        keys.ca_cert()
    };
    let k256 =
        if host.has(Flaw::OtherK256) { format!("02{}", "ab".repeat(32)) } else { hex::encode(keys.public().k256) };
    let info: Option<Value> = info.and_then(|text| serde_json::from_str(&text).ok());
    Ok(json!({
        "ca_cert": ca_cert.map_err(broken)?,
        "allow_any_upgrade": host.has(Flaw::AnyUpgrade),
        "k256_pubkey": k256,
        "bootstrap_info": info,
        "is_dev": host.has(Flaw::IsDev),
        "gateway_app_id": "",
        "kms_contract_address": NO_CONTRACT,
        "chain_id": 0,
        "app_auth_implementation": NO_CONTRACT,
    })
    .to_string())
}
