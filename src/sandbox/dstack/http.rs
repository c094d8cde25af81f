//! The guest agent's methods over HTTP, in the shapes of dstack 0.5: POST, JSON, bytes in hex, errors as `{"error":…}`
//! with status 400.

use std::sync::Arc;

use axum::{
    Json, Router,
    body::Bytes,
    extract::{Request, State},
    http::StatusCode,
    middleware::{self, Next},
    response::{IntoResponse, Response},
    routing::post,
};
use serde::{Deserialize, de::DeserializeOwned};
use serde_json::{Value, json};

use super::{Fault, Machine};
use crate::{attestation::measurement::Register, digest::Sha256};

/// The agent of a machine.
pub fn router(machine: Arc<Machine>) -> Router {
    Router::new()
        .route("/GetKey", post(get_key))
        .route("/GetQuote", post(get_quote))
        .route("/Info", post(info))
        .route("/EmitEvent", post(emit_event))
        .layer(middleware::from_fn_with_state(Arc::clone(&machine), spoil))
        .with_state(machine)
}

/// Does what a fault wants instead of the work.
async fn spoil(State(machine): State<Arc<Machine>>, request: Request, next: Next) -> Response {
    match machine.fault() {
        Some(Fault::Hang) => std::future::pending().await,
        Some(Fault::Garbage) => "\u{1b}[31mno JSON at all".into_response(),
        Some(Fault::Status(status)) => {
            let status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
            (status, Json(json!({"error": "the sandbox was told to fail"}))).into_response()
        }
        Some(Fault::EmptyQuote | Fault::OtherReportData) | None => next.run(request).await,
    }
}

#[derive(Deserialize)]
struct KeyRequest {
    path: String,
    #[serde(default)]
    purpose: String,
}

async fn get_key(State(machine): State<Arc<Machine>>, body: Bytes) -> Response {
    let request: KeyRequest = match read(&body) {
        Ok(request) => request,
        Err(refusal) => return *refusal,
    };
    let key = hex::encode(machine.key(&request.path));
    // Stands where dstack's chain does, which signs the key for a purpose. Nothing here checks it.
    let link = Sha256::of(format!("{}:{key}", request.purpose).as_bytes());
    Json(json!({"key": key, "signature_chain": [link.to_string()]})).into_response()
}

#[derive(Deserialize)]
struct QuoteRequest {
    report_data: String,
}

async fn get_quote(State(machine): State<Arc<Machine>>, body: Bytes) -> Response {
    let request: QuoteRequest = match read(&body) {
        Ok(request) => request,
        Err(refusal) => return *refusal,
    };
    let Some(mut report_data) = padded(&request.report_data) else {
        return refused("report_data is not 64 bytes of hex");
    };
    let fault = machine.fault();
    if fault == Some(Fault::OtherReportData) {
        report_data.reverse();
    }
    let evidence = machine.evidence(report_data);
    let quote = if fault == Some(Fault::EmptyQuote) { Vec::new() } else { evidence.quote };
    Json(json!({
        "quote": hex::encode(quote),
        "event_log": evidence.log.to_json(),
        "report_data": hex::encode(report_data),
        "vm_config": vm_config(&machine),
    }))
    .into_response()
}

async fn info(State(machine): State<Arc<Machine>>) -> Json<Value> {
    let (app, log) = (machine.app(), machine.log());
    let registers = log.registers(machine.boot.mrtd);
    let compose_hash = app.compose_hash().map(|hash| hash.to_string()).unwrap_or_default();
    let device_id = Sha256::of(b"merotee sandbox device").to_string();
    let mut tcb_info = json!({
        "compose_hash": compose_hash,
        "device_id": device_id,
        "app_compose": app.compose.as_deref().unwrap_or_default(),
        "event_log": log.entries,
    });
    for register in Register::ALL {
        if let Some(fields) = tcb_info.as_object_mut() {
            fields.insert(register.as_str().to_owned(), json!(registers.get(register)));
        }
    }
    Json(json!({
        "app_id": hex::encode(app.id),
        "instance_id": "",
        "app_cert": "",
        "tcb_info": tcb_info.to_string(),
        "app_name": app.name,
        "device_id": device_id,
        "key_provider_info": r#"{"name":"kms","id":""}"#,
        "compose_hash": compose_hash,
        "vm_config": vm_config(&machine),
    }))
}

#[derive(Deserialize)]
struct EventRequest {
    event: String,
    #[serde(default)]
    payload: String,
}

async fn emit_event(State(machine): State<Arc<Machine>>, body: Bytes) -> Response {
    let request: EventRequest = match read(&body) {
        Ok(request) => request,
        Err(refusal) => return *refusal,
    };
    let Ok(payload) = hex::decode(&request.payload) else { return refused("payload is not hex") };
    machine.emit(&request.event, &payload);
    StatusCode::OK.into_response()
}

/// The machine's configuration, as its host states it.
fn vm_config(machine: &Machine) -> String {
    let image = Sha256::of(machine.boot.mrtd.as_bytes());
    json!({"spec_version": 1, "os_image_hash": image.to_string(), "cpu_count": 2, "memory_size": 2_147_483_648_u64})
        .to_string()
}

/// Report data, filled up with zeros as dstack does; `None` where it is not hex or too long.
fn padded(text: &str) -> Option<[u8; 64]> {
    let bytes = hex::decode(text).ok().filter(|bytes| bytes.len() <= 64)?;
    let mut data = [0; 64];
    data.iter_mut().zip(bytes).for_each(|(to, from)| *to = from);
    Some(data)
}

fn read<T: DeserializeOwned>(body: &[u8]) -> Result<T, Box<Response>> {
    serde_json::from_slice(body).map_err(|e| Box::new(refused(&e.to_string())))
}

fn refused(why: &str) -> Response {
    (StatusCode::BAD_REQUEST, Json(json!({"error": why}))).into_response()
}
