//! Assets over HTTP: lists, one as JSON or as a redirect to its bytes, uploads, and the storage that has the bytes.

use axum::{
    Extension, Json,
    body::{Body, Bytes},
    extract::{Path, Query, State},
    http::{HeaderMap, StatusCode, header},
    response::{IntoResponse as _, Response},
};
use serde::Deserialize;
use serde_json::{Value, json};

use super::{
    Shared,
    ask::{Ask, Page},
    faults,
    refusal::Refusal,
    state::Asset,
};
use crate::sandbox::documents::GENERATED_AT;

type AtId = Path<(String, String, u64)>;

/// Marks an upload that is to break off.
#[derive(Debug, Clone, Copy)]
pub(super) struct BreaksOff;

pub(super) async fn list(
    State(hub): State<Shared>,
    Path((owner, name, id)): AtId,
    Query(page): Query<Page>,
    ask: Ask,
) -> Result<Response, Refusal> {
    let state = hub.lock();
    let repository = state.repository(&format!("{owner}/{name}"))?;
    let base = ask.repository(&repository.full_name);
    let release = repository.by_id(id, ask.authorized)?;
    let all: Vec<Value> = release.assets.iter().map(|asset| asset_json(&base, asset)).collect();
    Ok(page.of(&all, &format!("{base}/releases/{id}/assets")))
}

/// An asset as JSON, or a redirect to its bytes, by what the client accepts.
pub(super) async fn one(
    State(hub): State<Shared>,
    Path((owner, name, id)): AtId,
    ask: Ask,
    headers: HeaderMap,
) -> Result<Response, Refusal> {
    let state = hub.lock();
    let repository = state.repository(&format!("{owner}/{name}"))?;
    let asset = repository.asset(id)?;
    let accepts = headers.get(header::ACCEPT).and_then(|v| v.to_str().ok()).unwrap_or_default();
    if !accepts.contains("application/octet-stream") {
        return Ok(Json(asset_json(&ask.repository(&repository.full_name), asset)).into_response());
    }
    // A real one is signed and expires; the query must never show up in a client's messages.
    let location = format!("{}/assets/{id}?signature=sandbox", hub.storage);
    Ok((StatusCode::FOUND, [(header::LOCATION, location)]).into_response())
}

/// What an upload is to be called.
#[derive(Debug, Deserialize)]
pub(super) struct Named {
    name: Option<String>,
    label: Option<String>,
}

/// A request to upload: its target, its name, and what came along.
pub(super) async fn upload(
    State(hub): State<Shared>,
    Path((owner, name, id)): AtId,
    Query(named): Query<Named>,
    breaks_off: Option<Extension<BreaksOff>>,
    ask: Ask,
    headers: HeaderMap,
    bytes: Bytes,
) -> Result<Response, Refusal> {
    ask.may_write()?;
    if bytes.is_empty() {
        return Err(Refusal::rule("ReleaseAsset", "size must be greater than or equal to 1"));
    }
    let media_type = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
    let media_type = media_type.unwrap_or("application/octet-stream").to_owned();
    let mut state = hub.lock();
    let (repository, number) = state.change(&format!("{owner}/{name}"))?;
    let asset = Asset::uploaded(number, named.name.unwrap_or_default(), media_type, bytes);
    let asset = Asset { label: named.label.unwrap_or_default(), ..asset };
    if breaks_off.is_some() {
        repository.upload(id, asset.broken_off())?;
        return Ok(faults::status(502));
    }
    let taken = repository.upload(id, asset)?;
    let taken = asset_json(&ask.repository(&repository.full_name), &taken);
    Ok((StatusCode::CREATED, Json(taken)).into_response())
}

pub(super) async fn delete(
    State(hub): State<Shared>,
    Path((owner, name, id)): AtId,
    ask: Ask,
) -> Result<StatusCode, Refusal> {
    ask.may_write()?;
    hub.lock().change(&format!("{owner}/{name}"))?.0.delete_asset(id)?;
    Ok(StatusCode::NO_CONTENT)
}

pub(super) async fn blob(State(hub): State<Shared>, Path(id): Path<u64>, headers: HeaderMap) -> Response {
    if headers.contains_key(header::AUTHORIZATION) {
        return two_credentials();
    }
    let Some(bytes) = hub.lock().asset(id).map(|asset| asset.bytes.clone()) else {
        return Refusal::not_found().into_response();
    };
    let total = bytes.len();
    let from = headers
        .get(header::RANGE)
        .and_then(|range| range.to_str().ok()?.strip_prefix("bytes=")?.strip_suffix('-')?.parse::<usize>().ok())
        .filter(|from| *from > 0);
    let builder = Response::builder().header(header::CONTENT_TYPE, "application/octet-stream");
    let response = match from {
        Some(from) if from < total => builder
            .status(StatusCode::PARTIAL_CONTENT)
            .header(header::CONTENT_RANGE, format!("bytes {from}-{}/{total}", total - 1))
            .body(Body::from(bytes.slice(from..))),
        Some(_) => builder
            .status(StatusCode::RANGE_NOT_SATISFIABLE)
            .header(header::CONTENT_RANGE, format!("bytes */{total}"))
            .body(Body::empty()),
        None => builder.body(Body::from(bytes)),
    };
    response.unwrap_or_else(|_| StatusCode::INTERNAL_SERVER_ERROR.into_response())
}

/// What Azure's storage, which serves GitHub's downloads, says to a signed URL with a token beside it.
fn two_credentials() -> Response {
    let body = "<?xml version=\"1.0\" encoding=\"utf-8\"?><Error><Code>InvalidAuthenticationInfo</Code>\
                <Message>Authentication information is not given in the correct format.</Message></Error>";
    (StatusCode::BAD_REQUEST, [(header::CONTENT_TYPE, "application/xml")], body).into_response()
}

/// An asset, of the repository whose URL is `base`.
pub(super) fn asset_json(base: &str, asset: &Asset) -> Value {
    let id = asset.id;
    json!({
        "id": id,
        "node_id": format!("RA_{id}"),
        "url": format!("{base}/releases/assets/{id}"),
        "name": asset.name,
        "label": asset.label,
        "state": asset.state.name(),
        "content_type": asset.media_type,
        "size": asset.size,
        "digest": asset.digest,
        "download_count": 0,
        "created_at": GENERATED_AT,
        "updated_at": GENERATED_AT,
        "browser_download_url": format!("{base}/releases/assets/{id}"),
        "uploader": {"login": "github-actions[bot]", "id": 41898282},
    })
}
