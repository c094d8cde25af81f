//! Nodes on the sandbox's Google Cloud, as their own endpoints show them: plain HTTP, JSON, a quote padded with zeros as
//! Google's machines pad theirs.
//!
//! The network between a client and the nodes is one listener. A client reaches a node through it as through a proxy
//! (`HTTP_PROXY`), or by a path that begins with the node's address and port. What the firewall does not let through gets
//! no answer.

pub(super) mod admin;

use std::{net::Ipv4Addr, sync::Arc};

use axum::{
    Json, Router,
    body::Bytes,
    extract::{Request, State},
    http::{Method, StatusCode, Uri},
    response::{IntoResponse as _, Response},
};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde_json::{Value, json};

use super::{
    gcp::{Cloud, Flaw, Vm},
    tdx::{DEBUG, QuoteRequest},
    trouble,
};
use crate::attestation::measurement::{Measurement, Register, Registers};

/// Bytes of a quote of Google's machines, the zeros at its end included.
const QUOTE_BYTES: usize = 8000;
/// Largest body that a node takes.
const MAX_BODY: usize = 64 << 10;

/// The network of a cloud.
pub(super) fn network(cloud: Arc<Cloud>) -> Router {
    Router::new().fallback(asked).with_state(cloud)
}

async fn asked(State(cloud): State<Arc<Cloud>>, request: Request) -> Response {
    let (method, uri) = (request.method().clone(), request.uri().clone());
    let Some((address, port, path)) = target(&uri) else { return StatusCode::BAD_GATEWAY.into_response() };
    let held = cloud.hold().arrives().await;
    let Some(vm) = cloud.reached(address, port) else { return trouble::dropped() };
    let body = axum::body::to_bytes(request.into_body(), MAX_BODY).await.unwrap_or_default();
    if held {
        return cloud.hold().stays().await;
    }
    match (method, path.as_str()) {
        (Method::GET, "/admin-api/health") => health(&cloud),
        (Method::GET, "/admin-api/tee/info") => info(&vm),
        (Method::POST, "/admin-api/tee/attest") => attest(&cloud, &vm, &body),
        (Method::POST, "/admin-api/tee/verify-quote") => {
            admin::verdict(cloud.platform(), &serde_json::from_slice(&body).unwrap_or_default(), false)
        }
        _ => (StatusCode::NOT_FOUND, Json(json!({"error": "not found"}))).into_response(),
    }
}

/// Whom a request is for: as a proxy is told it, or as the path says.
fn target(uri: &Uri) -> Option<(Ipv4Addr, u16, String)> {
    if let Some(authority) = uri.authority() {
        return Some((authority.host().parse().ok()?, authority.port_u16().unwrap_or(80), uri.path().to_owned()));
    }
    let (address, rest) = uri.path().strip_prefix('/')?.split_once('/')?;
    let (port, path) = rest.split_once('/')?;
    Some((address.parse().ok()?, port.parse().ok()?, format!("/{path}")))
}

fn health(cloud: &Cloud) -> Response {
    if cloud.flaw() == Some(Flaw::NeverHealthy) {
        let body = json!({"data": {"status": "store_unavailable"}});
        return (StatusCode::SERVICE_UNAVAILABLE, Json(body)).into_response();
    }
    Json(json!({"data": {"status": "alive"}})).into_response()
}

fn info(vm: &Vm) -> Response {
    let data = json!({"cloudProvider": "gcp", "osImage": vm.os_image(), "mrtd": vm.boot.mrtd});
    Json(json!({ "data": data })).into_response()
}

fn attest(cloud: &Cloud, vm: &Vm, body: &Bytes) -> Response {
    let refused = |status, words: &str| (status, Json(json!({ "error": words }))).into_response();
    if cloud.flaw() == Some(Flaw::AttestUnavailable) {
        return refused(StatusCode::NOT_IMPLEMENTED, "TEE attestation is not available on this platform");
    }
    let asked: Value = serde_json::from_slice(body).unwrap_or_default();
    let nonce = asked.get("nonce").and_then(Value::as_str).and_then(|nonce| hex::decode(nonce).ok());
    let Some(mut nonce) = nonce.filter(|nonce| nonce.len() == 32) else {
        return refused(StatusCode::BAD_REQUEST, "nonce must be 64 hex characters");
    };
    if cloud.flaw() == Some(Flaw::OtherNonce) {
        nonce.reverse();
    }
    // The nonce, and zeros where an application's hash could stand.
    let mut report_data = [0; 64];
    report_data.iter_mut().zip(&nonce).for_each(|(to, from)| *to = *from);
    let registers = vm.boot.registers();
    let mut request = QuoteRequest::new(registers, report_data);
    if cloud.flaw() == Some(Flaw::DebugTd) {
        request.attributes |= DEBUG;
    }
    let mut quote = cloud.platform().quote(&request);
    quote.resize(quote.len().max(QUOTE_BYTES), 0);
    let told = match cloud.flaw() {
        Some(Flaw::FalseReading) => Registers::from_fn(|_| Measurement::from_bytes([0x5a; 48])),
        Some(_) | None => registers,
    };
    let mut reading: serde_json::Map<String, Value> =
        Register::ALL.into_iter().map(|register| (register.as_str().to_owned(), json!(told.get(register)))).collect();
    reading.insert("reportdata".to_owned(), json!(hex::encode(report_data)));
    let data = json!({"quoteB64": STANDARD.encode(&quote), "quote": {"body": reading}});
    Json(json!({ "data": data })).into_response()
}
