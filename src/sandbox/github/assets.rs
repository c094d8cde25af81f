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
    accounts::Account,
    ask::{Here, Page, Said},
    faults,
    refusal::Refusal,
    repository::Asset,
};

/// A release or an asset in the path.
#[derive(Debug, Deserialize)]
pub(super) struct Id {
    id: u64,
}

/// Marks an upload that is to break off.
#[derive(Debug, Clone, Copy)]
pub(super) struct BreaksOff;

pub(super) async fn list(here: Here, Path(Id { id }): Path<Id>, Query(page): Query<Page>) -> Result<Response, Refusal> {
    let drafts = here.ask.sees_drafts();
    here.read(|repository, base| {
        let assets = &repository.by_id(id, drafts)?.assets;
        let all: Vec<Value> = assets.iter().map(|asset| asset_json(base, asset)).collect();
        Ok(page.of(&all, &format!("{base}/releases/{id}/assets")))
    })
}

/// An asset as JSON, or a redirect to its bytes, by what the client accepts.
pub(super) async fn one(here: Here, Path(Id { id }): Path<Id>, headers: HeaderMap) -> Result<Response, Refusal> {
    let (drafts, storage) = (here.ask.sees_drafts(), &here.hub.storage);
    here.read(|repository, base| {
        let asset = repository.asset(id, drafts)?;
        let accepts = headers.get(header::ACCEPT).and_then(|v| v.to_str().ok()).unwrap_or_default();
        if !accepts.contains("application/octet-stream") {
            return Ok(Json(asset_json(base, asset)).into_response());
        }
        // A real one is signed and expires; the query must never show up in a client's messages.
        let location = format!("{storage}/assets/{id}?signature=sandbox");
        Ok((StatusCode::FOUND, [(header::LOCATION, location)]).into_response())
    })
}

/// What an upload is to be called.
#[derive(Debug, Deserialize)]
pub(super) struct Named {
    name: Option<String>,
    label: Option<String>,
}

/// A request to upload: its target, its name, and what came along.
pub(super) async fn upload(
    here: Here,
    Path(Id { id }): Path<Id>,
    Query(named): Query<Named>,
    breaks_off: Option<Extension<BreaksOff>>,
    headers: HeaderMap,
    bytes: Bytes,
) -> Result<Response, Refusal> {
    here.ask.writer()?;
    if bytes.is_empty() {
        return Err(Refusal::rule("ReleaseAsset", "size must be greater than or equal to 1"));
    }
    let media_type = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
    let media_type = media_type.unwrap_or("application/octet-stream").to_owned();
    here.write(|repository, change| {
        let asset = Asset::uploaded(change.id, named.name.unwrap_or_default(), media_type, bytes);
        let (label, uploader) = (named.label.unwrap_or_default(), change.account.login.clone());
        let asset = Asset { label, uploader, ..asset };
        if breaks_off.is_some() {
            repository.upload(id, asset.broken_off())?;
            return Ok(faults::status(502));
        }
        let taken = repository.upload(id, asset)?;
        Ok((StatusCode::CREATED, Json(asset_json(&change.base, &taken))).into_response())
    })
}

/// Another name or label for an asset.
pub(super) async fn edit(
    here: Here,
    Path(Id { id }): Path<Id>,
    Said(named): Said<Named>,
) -> Result<Json<Value>, Refusal> {
    here.write(|repository, change| {
        let asset = repository.rename_asset(id, named.name, named.label)?;
        Ok(Json(asset_json(&change.base, &asset)))
    })
}

pub(super) async fn delete(here: Here, Path(Id { id }): Path<Id>) -> Result<StatusCode, Refusal> {
    here.write(|repository, _| repository.delete_asset(id))?;
    Ok(StatusCode::NO_CONTENT)
}

pub(super) async fn blob(State(hub): State<Shared>, Path(id): Path<u64>, headers: HeaderMap) -> Response {
    if headers.contains_key(header::AUTHORIZATION) {
        return two_credentials();
    }
    let Some(bytes) = hub.lock().blob(id) else {
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
        "created_at": asset.time.to_string(),
        "updated_at": asset.time.to_string(),
        "browser_download_url": format!("{base}/releases/assets/{id}"),
        "uploader": Account::json(&asset.uploader),
    })
}
