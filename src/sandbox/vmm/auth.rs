//! The auth webhook: dstack's auth-simple, which reads its allow-list anew for every question.

use axum::{
    Json, Router,
    extract::State,
    http::StatusCode,
    response::{IntoResponse as _, Response},
    routing::{get, post},
};
use serde_json::{Value, json};

use super::{Flaw, Host, IMAGE, Shared};
use crate::digest::Sha256;

/// What a KMS without a contract says in the contract's place.
const NO_CONTRACT: &str = "0x0000000000000000000000000000000000000000";

/// The webhook of a host.
pub(super) fn router(host: Shared) -> Router {
    Router::new()
        .route("/", get(about))
        .route("/bootAuth/kms", post(kms))
        .route("/bootAuth/app", post(app))
        .with_state(host)
}

/// An allow-list with these measurements of KMSs.
pub(super) fn file(measurements: &[String]) -> String {
    let list = json!({
        "osImages": [Sha256::of(IMAGE.as_bytes()).to_string()],
        "gatewayAppId": "",
        "kms": {"mrAggregated": measurements, "devices": [], "allowAnyDevice": true},
        "apps": {},
    });
    format!("{list:#}\n")
}

async fn about(State(host): State<Shared>) -> Response {
    if host.has(Flaw::AuthDown) {
        return StatusCode::SERVICE_UNAVAILABLE.into_response();
    }
    let answer = json!({
        "status": "ok",
        "kmsContractAddr": NO_CONTRACT,
        "ethRpcUrl": "",
        "gatewayAppId": "",
        "chainId": 0,
        "appAuthImplementation": NO_CONTRACT,
        "appImplementation": NO_CONTRACT,
    });
    Json(answer).into_response()
}

async fn kms(State(host): State<Shared>, Json(boot): Json<Value>) -> Response {
    if host.has(Flaw::AuthDown) {
        return StatusCode::SERVICE_UNAVAILABLE.into_response();
    }
    Json(decision(&host, &boot)).into_response()
}

async fn app(State(_): State<Shared>) -> Response {
    Json(json!({"isAllowed": false, "gatewayAppId": "", "reason": "app not registered"})).into_response()
}

fn decision(host: &Host, boot: &Value) -> Value {
    let refused = |reason: &str| json!({"isAllowed": false, "gatewayAppId": "", "reason": reason});
    let read = std::fs::read(&host.allow_list).ok().and_then(|bytes| serde_json::from_slice::<Value>(&bytes).ok());
    let Some(list) = read else { return refused("the configuration cannot be read") };
    let text = |name: &str| boot.get(name).and_then(Value::as_str).unwrap_or_default().to_ascii_lowercase();
    let of = |place: &str| -> Vec<String> {
        let all = list.pointer(place).and_then(Value::as_array).into_iter().flatten();
        all.filter_map(Value::as_str).map(|one| one.trim_start_matches("0x").to_ascii_lowercase()).collect()
    };
    let statuses = of("/allowedTcbStatuses");
    let current = if statuses.is_empty() { vec!["uptodate".to_owned()] } else { statuses };
    if !current.contains(&text("tcbStatus")) {
        return refused("TCB status not allowed");
    }
    if !of("/osImages").contains(&text("osImageHash")) {
        return refused("OS image not allowed");
    }
    if !of("/kms/mrAggregated").contains(&text("mrAggregated")) {
        return refused("aggregated MR not allowed");
    }
    let (devices, any) = (of("/kms/devices"), list.pointer("/kms/allowAnyDevice") == Some(&json!(true)));
    if !any && !devices.is_empty() && !devices.contains(&text("deviceId")) {
        return refused("KMS device not allowed");
    }
    json!({"isAllowed": true, "gatewayAppId": "", "reason": ""})
}
