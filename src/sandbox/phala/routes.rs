//! Which request is answered with what.

use std::sync::{Arc, atomic::Ordering};

use axum::{
    Json, Router,
    body::Bytes,
    extract::{DefaultBodyLimit, Path, Query, State},
    http::{HeaderMap, StatusCode},
    middleware,
    response::{IntoResponse as _, Response},
    routing::{get, patch, post},
};
use serde::{Deserialize, de::DeserializeOwned};
use serde_json::{Value, json};

use super::{
    Flaw, PREFIX, Shared,
    account::{App, Conflict, Cvm, Updated, random},
    refusal::Refusal,
    shapes,
    watch::watched,
};
use crate::{digest::Sha256, sandbox::app_compose, subject::cvm::CvmName};

/// The largest request, in bytes.
const MAX_JSON: usize = 1 << 20;
/// The longest compose file, in bytes.
const MAX_COMPOSE: usize = 200 << 10;

type Answer = Result<Response, Refusal>;

/// The API.
pub(in crate::sandbox) fn api(cloud: Shared) -> Router {
    let at = |path: &str| format!("{PREFIX}{path}");
    Router::new()
        .route(&at("/auth/me"), get(me))
        .route(&at("/cvms/provision"), post(provision))
        .route(&at("/cvms"), post(create))
        .route(&at("/cvms/paginated"), get(list))
        .route(&at("/cvms/{id}"), get(show).delete(delete))
        .route(&at("/cvms/{id}/state"), get(state))
        .route(&at("/cvms/{id}/start"), post(start))
        .route(&at("/cvms/{id}/attestation"), get(attestation))
        .route(&at("/cvms/{id}/docker-compose"), patch(update))
        .fallback(|| async { Refusal::said(StatusCode::NOT_FOUND, "Not Found") })
        .layer(DefaultBodyLimit::max(MAX_JSON))
        .layer(middleware::from_fn_with_state(Arc::clone(&cloud), watched))
        .with_state(cloud)
}

/// The serial logs, which are on another host.
pub(in crate::sandbox) fn logs(cloud: Shared) -> Router {
    Router::new().route("/logs/{id}", get(log)).fallback(|| async { StatusCode::NOT_FOUND }).with_state(cloud)
}

async fn me() -> Json<Value> {
    Json(json!({
        "user": {"username": "sandbox", "email": "sandbox@example.org", "role": "user"},
        "workspace": {"id": "1", "name": "Sandbox", "slug": "sandbox", "tier": "free", "role": "owner"},
        "credits": {"balance": "100.00", "granted_balance": "0", "is_post_paid": false},
    }))
}

#[derive(Deserialize)]
struct Provision {
    name: String,
    instance_type: String,
    kms: String,
    #[serde(default)]
    prefer_dev: bool,
    compose_file: ComposeFile,
}

#[derive(Deserialize)]
struct ComposeFile {
    docker_compose_file: String,
    #[serde(default)]
    allowed_envs: Vec<String>,
    #[serde(default)]
    public_logs: bool,
    #[serde(default)]
    public_sysinfo: bool,
}

async fn provision(State(cloud): State<Shared>, body: Bytes) -> Answer {
    let Provision { name, instance_type, kms, prefer_dev, compose_file } = read(&body)?;
    let name: CvmName = name.parse().map_err(|_| Refusal::field(&["name"], "invalid CVM name"))?;
    if !instance_type.strip_prefix("tdx.").is_some_and(|size| size.bytes().all(|b| b.is_ascii_alphanumeric())) {
        return Err(Refusal::field(&["instance_type"], "unknown instance type"));
    }
    if kms != "PHALA" || prefer_dev {
        return Err(Refusal::field(&["kms"], "the sandbox has the KMS PHALA and production images only"));
    }
    let ComposeFile { docker_compose_file: compose, allowed_envs, public_logs, public_sysinfo } = compose_file;
    if compose.len() > MAX_COMPOSE {
        return Err(Refusal::field(&["compose_file", "docker_compose_file"], "must not exceed 200 KB"));
    }
    let app_compose = app_compose::made(&compose, public_logs, public_sysinfo, &allowed_envs);
    let stated_hash = match cloud.flaw() {
        Some(Flaw::HashProvisioned) => shapes::other_hash(),
        Some(_) | None => Sha256::of(app_compose.as_bytes()),
    };
    let id = hex::encode(random::<20>().map_err(|_| broken())?);
    let answer = json!({
        "app_id": id,
        "app_env_encrypt_pubkey": "8f40c5adb68f25624ae5b214ea767a6ec94d829d3d7b5e1ad1ba6f3e2138285f",
        "compose_hash": stated_hash.to_string(),
        "fmspc": "53414e444258",
        "device_id": "00",
        "os_image_hash": Sha256::of(b"dstack-0.5.7").to_string(),
        "instance_type": instance_type,
        "teepod_id": 1,
        "kms_id": "phala-sandbox",
    });
    let (name, committed) = (name.to_string(), false);
    cloud.lock().provision(App { id, name, instance_type, app_compose, compose, stated_hash, committed });
    Ok(Json(answer).into_response())
}

#[derive(Deserialize)]
struct Create {
    app_id: String,
    compose_hash: String,
}

async fn create(State(cloud): State<Shared>, body: Bytes) -> Answer {
    let Create { app_id, compose_hash } = read(&body)?;
    let waits = cloud.manual.load(Ordering::Relaxed);
    let (answer, uuid) = {
        let mut state = cloud.lock();
        let cvm = state.commit(&app_id, &compose_hash, waits).map_err(conflict)?;
        (shapes::short(cvm), cvm.uuid.clone())
    };
    cloud.boot(&uuid).map_err(|_| broken())?;
    Ok(Json(answer).into_response())
}

fn conflict(why: Conflict) -> Refusal {
    let (taken, gone) = (StatusCode::CONFLICT, StatusCode::NOT_FOUND);
    match why {
        Conflict::UnknownApp => Refusal::coded(gone, "ERR-03-001", "App not found", ("app_id", "was not provisioned")),
        Conflict::OtherHash => {
            Refusal::coded(StatusCode::BAD_REQUEST, "ERR-03-004", "Compose hash mismatch", ("compose_hash", "differs"))
        }
        Conflict::Committed => Refusal::coded(taken, "ERR-03-007", "App ID conflict", ("app_id", "is in use")),
        Conflict::NameTaken => Refusal::coded(taken, "ERR-03-008", "Name conflict", ("name", "is taken")),
    }
}

#[derive(Deserialize)]
struct PageOf {
    #[serde(default = "first")]
    page: usize,
    #[serde(default = "usual")]
    page_size: usize,
}

fn first() -> usize {
    1
}

fn usual() -> usize {
    30
}

async fn list(State(cloud): State<Shared>, Query(PageOf { page, page_size }): Query<PageOf>) -> Answer {
    if page == 0 || page_size == 0 || page_size > 100 {
        return Err(Refusal::field(&["page_size"], "must be from 1 to 100"));
    }
    let all: Vec<Value> = {
        let state = cloud.lock();
        state.odd().iter().cloned().chain(state.all().map(shapes::short)).collect()
    };
    let items: Vec<&Value> =
        all.iter().skip(page.saturating_sub(1).saturating_mul(page_size)).take(page_size).collect();
    let pages = all.len().div_ceil(page_size);
    Ok(Json(json!({"items": items, "total": all.len(), "page": page, "page_size": page_size, "pages": pages}))
        .into_response())
}

async fn show(State(cloud): State<Shared>, Path(id): Path<String>, headers: HeaderMap) -> Answer {
    let flaw = cloud.flaw();
    let older = headers.get("x-phala-version").is_some_and(|version| version == "2025-10-28");
    of(&cloud, &id, |cvm| if older { shapes::older(&cloud, cvm) } else { shapes::full(cvm, flaw) })
}

async fn state(State(cloud): State<Shared>, Path(id): Path<String>) -> Answer {
    let flaw = cloud.flaw();
    of(&cloud, &id, |cvm| shapes::state(cvm, flaw))
}

async fn attestation(State(cloud): State<Shared>, Path(id): Path<String>) -> Answer {
    let flaw = cloud.flaw();
    of(&cloud, &id, |cvm| shapes::attestation(cvm, flaw))
}

async fn start(State(cloud): State<Shared>, Path(id): Path<String>) -> Answer {
    let mut state = cloud.lock();
    state.start(&id).map(|cvm| Json(shapes::short(cvm)).into_response()).ok_or_else(Refusal::not_found)
}

/// Another docker-compose file, as text. The machine restarts with it, and stays what it is otherwise.
async fn update(State(cloud): State<Shared>, Path(id): Path<String>, body: String) -> Answer {
    if body.len() > MAX_COMPOSE {
        return Err(Refusal::field(&["docker_compose_file"], "must not exceed 200 KB"));
    }
    let said = |status: &str| Json(json!({"status": status, "message": "", "correlation_id": "sandbox"}));
    let updated = cloud.lock().update(&id, &body).ok_or_else(Refusal::not_found)?;
    let Some(Updated { uuid, ran }) = updated else { return Ok(said("no_change").into_response()) };
    if let Some(up) = ran {
        up.stop().await;
    }
    cloud.boot(&uuid).map_err(|_| broken())?;
    Ok((StatusCode::ACCEPTED, said("in_progress")).into_response())
}

async fn delete(State(cloud): State<Shared>, Path(id): Path<String>) -> Answer {
    let ran = cloud.lock().delete(&id).ok_or_else(Refusal::not_found)?;
    if let Some(up) = ran {
        up.stop().await;
    }
    if cloud.flaw() == Some(Flaw::GoneBeforeDelete) {
        cloud.lock().remove(&id);
    }
    Ok(StatusCode::NO_CONTENT.into_response())
}

/// The serial log, and no other channel.
async fn log(
    State(cloud): State<Shared>,
    Path(id): Path<String>,
    Query(asked): Query<Vec<(String, String)>>,
    headers: HeaderMap,
) -> Response {
    if headers.contains_key("x-api-key") {
        cloud.key_at_logs.store(true, Ordering::Relaxed);
    }
    if !asked.iter().any(|(name, value)| name == "ch" && value == "serial") {
        return StatusCode::NOT_FOUND.into_response();
    }
    let mut state = cloud.lock();
    state.look(&id).map_or(StatusCode::NOT_FOUND.into_response(), |cvm| shapes::serial(cvm).into_response())
}

fn of(cloud: &Shared, id: &str, shape: impl FnOnce(&Cvm) -> Value) -> Answer {
    let mut state = cloud.lock();
    state.look(id).map(|cvm| Json(shape(cvm)).into_response()).ok_or_else(Refusal::not_found)
}

fn read<T: DeserializeOwned>(body: &[u8]) -> Result<T, Refusal> {
    serde_json::from_slice(body).map_err(|e| Refusal::field(&[], &e.to_string()))
}

fn broken() -> Refusal {
    Refusal::said(StatusCode::INTERNAL_SERVER_ERROR, "the sandbox is broken")
}
