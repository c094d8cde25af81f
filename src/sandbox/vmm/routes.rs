//! The VMM's API: `POST /prpc/METHOD?json`, and logs.

use std::sync::Arc;

use axum::{
    Router,
    body::Bytes,
    extract::{Path, Query, Request, State},
    http::{HeaderMap, Method, StatusCode, header},
    middleware::{self, Next},
    response::{IntoResponse as _, Response},
    routing::{any, get},
};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde::Deserialize;
use serde_json::{Value, json};

use super::{
    Flaw, IMAGE, Shared, TOKEN,
    machine::{self, Order, Status, Vm},
    refusal::{self, Refusal},
    shapes,
};
use crate::{
    digest::Sha256,
    sandbox::trouble::{self, Asked, Mishap},
};

/// The VMM of a host.
pub(super) fn vmm(host: Shared) -> Router {
    let watch = middleware::from_fn_with_state(Arc::clone(&host), watched);
    Router::new().route("/prpc/{method}", any(method)).route("/logs", get(logs)).layer(watch).with_state(host)
}

async fn method(State(host): State<Shared>, Path(name): Path<String>, body: Bytes) -> Response {
    let asked: Value = serde_json::from_slice(&body).unwrap_or_default();
    let name = name.rsplit('.').next().unwrap_or_default();
    let id = asked.get("id").and_then(Value::as_str).unwrap_or_default();
    let answer = match name {
        "Version" => Ok(shapes::version()),
        "ListImages" => Ok(shapes::images()),
        "GetMeta" => Ok(shapes::meta()),
        "Status" => {
            let state = host.lock();
            let vms: Vec<Value> = state.vms.iter().map(|vm| shapes::vm(vm, false)).collect();
            Ok(json!({"total": vms.len(), "vms": vms, "port_mapping_enabled": true}))
        }
        "GetInfo" => {
            let state = host.lock();
            let info = state.find(id).map(|vm| shapes::vm(vm, true));
            Ok(json!({"found": info.is_some(), "info": info}))
        }
        "GetComposeHash" => composed(&asked).map(|(text, _)| json!({"hash": Sha256::of(text.as_bytes()).to_string()})),
        "CreateVm" => create(&host, &asked),
        "StartVm" => start(&host, id),
        "StopVm" | "ShutdownVm" => stop(&host, id),
        "RemoveVm" => remove(&host, id),
        other => Err(Refusal::unknown(other)),
    };
    match answer {
        Ok(body) => refusal::json_text(body.to_string()),
        Err(refused) => refused.into_response(),
    }
}

/// The compose file of a request, as text and as a document.
fn composed(asked: &Value) -> Result<(String, Value), Refusal> {
    let text = asked.get("compose_file").and_then(Value::as_str).unwrap_or("{}");
    let document: Value =
        serde_json::from_str(text).map_err(|e| Refusal::said(format!("Invalid compose file: {e}")))?;
    if document.get("manifest_version").is_none() {
        let words = "Invalid compose file: missing field `manifest_version` at line 1 column 2";
        return Err(Refusal::said(words));
    }
    Ok((text.to_owned(), document))
}

fn create(host: &Shared, asked: &Value) -> Result<Value, Refusal> {
    let (compose_file, _) = composed(asked)?;
    let text = |name: &str| asked.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
    let is = |name: &str| asked.get(name) == Some(&Value::Bool(true));
    let number = |name: &str| asked.get(name).and_then(Value::as_u64).unwrap_or_default();
    let image = text("image");
    if image != IMAGE {
        let words = "Failed to load VM: Failed to load image: failed to resolve image directory: No such file or directory (os error 2)";
        return Err(Refusal::said(words));
    }
    let ports = asked.get("ports").and_then(Value::as_array).cloned().unwrap_or_default();
    let order = Order {
        name: text("name"),
        image,
        compose_file,
        vcpu: number("vcpu"),
        memory: number("memory"),
        disk_size: number("disk_size"),
        ports,
        no_tee: is("no_tee"),
    };
    let vm = Vm::new(order).map_err(|e| Refusal::said(e.to_string()))?;
    let id = vm.id.clone();
    host.lock().vms.push(vm);
    if host.has(Flaw::CreateFails) {
        // What was made stays.
        return Err(Refusal::said("Unsupported rootfs type: "));
    }
    if !is("stopped") {
        machine::start(host, &id);
    }
    Ok(json!({ "id": id }))
}

fn start(host: &Shared, id: &str) -> Result<Value, Refusal> {
    match host.lock().find(id).map(|vm| vm.state) {
        None => return Err(Refusal::said("VM not found")),
        Some(Status::Running) => return Ok(Value::Null),
        Some(Status::Stopped | Status::Exited) => {}
    }
    machine::start(host, id);
    Ok(Value::Null)
}

fn stop(host: &Shared, id: &str) -> Result<Value, Refusal> {
    let mut state = host.lock();
    let vm = state.find_mut(id).ok_or_else(|| Refusal::said("VM not found"))?;
    vm.stop(Status::Stopped);
    Ok(Value::Null)
}

fn remove(host: &Shared, id: &str) -> Result<Value, Refusal> {
    let mut state = host.lock();
    match state.find(id).map(|vm| vm.state) {
        None => return Err(Refusal::said("Failed to remove VM: VM not found")),
        Some(Status::Running) => return Err(Refusal::said("Failed to remove VM: VM is running")),
        Some(Status::Stopped | Status::Exited) => {}
    }
    state.vms.retain(|vm| vm.id != id);
    Ok(Value::Null)
}

#[derive(Deserialize)]
struct LogOf {
    #[serde(default)]
    id: String,
    #[serde(default)]
    lines: usize,
    #[serde(default)]
    ch: String,
}

async fn logs(State(host): State<Shared>, Query(of): Query<LogOf>) -> Response {
    let state = host.lock();
    let Some(vm) = state.find(&of.id) else { return (StatusCode::NOT_FOUND, "VM not found").into_response() };
    let text = match of.ch.as_str() {
        "stderr" => vm.stderr.as_str(),
        "stdout" => "",
        _ => vm.serial.as_str(),
    };
    let lines: Vec<&str> = text.lines().collect();
    let most = if of.lines == 0 { lines.len() } else { of.lines };
    let last: Vec<&str> = lines.iter().skip(lines.len().saturating_sub(most)).copied().collect();
    let end = if last.is_empty() { "" } else { "\n" };
    format!("{}{end}", last.join("\n")).into_response()
}

/// Lets a fault happen, looks who asks, and notes the request.
async fn watched(State(host): State<Shared>, request: Request, next: Next) -> Response {
    let method = request.method().clone();
    let path = request.uri().path_and_query().map(ToString::to_string).unwrap_or_default();
    let authorized = request.headers().contains_key(header::AUTHORIZATION);
    let mishap = host.troubles.hit(&method, &path);
    let lost = mishap.is_some_and(Mishap::loses_the_answer);
    let response = if host.has(Flaw::Locked) || !is_known(&method, request.headers(), request.uri().query()) {
        barred()
    } else {
        trouble::suffered(&host.troubles, mishap, refusal::status, request, next).await
    };
    let status = (!lost).then(|| response.status().as_u16());
    host.record.add(Asked { method, path, authorized, status });
    response
}

/// Whether a request carries the token, in one of the four ways.
fn is_known(method: &Method, headers: &HeaderMap, query: Option<&str>) -> bool {
    let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    if text("x-admin-token") == Some(TOKEN) {
        return true;
    }
    let in_query = query.unwrap_or_default().split('&').any(|pair| pair.strip_prefix("token=") == Some(TOKEN));
    if *method == Method::GET && in_query {
        return true;
    }
    let authorization = text("authorization").unwrap_or_default();
    if authorization.strip_prefix("Bearer ") == Some(TOKEN) {
        return true;
    }
    // Any user, with the token as the password.
    let basic = authorization.strip_prefix("Basic ").and_then(|pair| STANDARD.decode(pair).ok());
    let basic = basic.and_then(|pair| String::from_utf8(pair).ok());
    basic.as_deref().and_then(|pair| pair.split_once(':')).is_some_and(|(_, password)| password == TOKEN)
}

fn barred() -> Response {
    (StatusCode::UNAUTHORIZED, [(header::WWW_AUTHENTICATE, "Basic realm=\"dstack-vmm API\"")]).into_response()
}
