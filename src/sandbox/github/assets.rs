//! Assets over HTTP: lists, one as JSON or as a redirect to its bytes, uploads, and the storage that has the bytes.

use axum::{
    Extension, Json,
    body::Body,
    extract::{Path, Query, State},
    http::{HeaderMap, StatusCode, header},
    response::{IntoResponse as _, Response},
};
use futures_util::StreamExt as _;
use serde::Deserialize;
use serde_json::{Value, json};

use super::{
    Shared,
    accounts::Account,
    ask::{Here, Page, Said},
    content::{self, NotReceived},
    faults::{self, Spoilt},
    refusal::Refusal,
    repository::Asset,
};
use crate::sandbox::trouble;

/// A release or an asset in the path.
#[derive(Debug, Deserialize)]
pub(super) struct Id {
    id: u64,
}

pub(super) async fn list(here: Here, Path(Id { id }): Path<Id>, page: Page) -> Result<Response, Refusal> {
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

/// Takes an upload. From its first byte on the asset is there as a starter, and stays one when the connection breaks off.
pub(super) async fn upload(
    here: Here,
    Path(Id { id }): Path<Id>,
    Query(named): Query<Named>,
    spoilt: Option<Extension<Spoilt>>,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, Refusal> {
    let media_type = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
    let media_type = media_type.unwrap_or("application/octet-stream").to_owned();
    let asset = here.write(|repository, change| {
        let (name, label) = (named.name.unwrap_or_default(), named.label.unwrap_or_default());
        let uploader = change.account.login.clone();
        repository.begin(id, Asset::starter(change.id, name, label, media_type, uploader))
    })?;
    let received = match spoilt.map(|Extension(spoilt)| spoilt) {
        Some(Spoilt::CutOff) => {
            body.into_data_stream().next().await;
            return Ok(trouble::dropped());
        }
        Some(Spoilt::BreaksOff) => return Ok(faults::status(502)),
        Some(Spoilt::Empty) => content::receive(Body::empty()).await,
        None => match content::receive(body).await {
            Ok(received) if received.size > 0 => Ok(received),
            Ok(_) => {
                here.write(|repository, _| repository.delete_asset(asset.id))?;
                return Err(Refusal::rule("ReleaseAsset", "size must be greater than or equal to 1"));
            }
            Err(why) => Err(why),
        },
    };
    match received {
        Ok(received) => here.write(|repository, change| {
            let asset = repository.complete(asset.id, received)?;
            Ok((StatusCode::CREATED, Json(asset_json(&change.base, &asset))).into_response())
        }),
        Err(NotReceived::BrokenOff) => Ok(trouble::dropped()),
        Err(NotReceived::NoRoom) => Ok(faults::status(500)),
        Err(NotReceived::TooLarge) => {
            here.write(|repository, _| repository.delete_asset(asset.id))?;
            Err(Refusal::rule("ReleaseAsset", "size must be less than or equal to 2147483648"))
        }
    }
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
    let Some(content) = hub.lock().blob(id) else {
        return Refusal::not_found().into_response();
    };
    hub.recorder.add_download(id);
    let total = content.size();
    let from = headers
        .get(header::RANGE)
        .and_then(|range| range.to_str().ok()?.strip_prefix("bytes=")?.strip_suffix('-')?.parse::<u64>().ok())
        .filter(|from| *from > 0);
    let builder = Response::builder().header(header::CONTENT_TYPE, "application/octet-stream");
    let response = match from {
        Some(from) if from < total => builder
            .status(StatusCode::PARTIAL_CONTENT)
            .header(header::CONTENT_RANGE, format!("bytes {from}-{}/{total}", total - 1))
            .header(header::CONTENT_LENGTH, total - from)
            .body(content.body(from)),
        Some(_) => builder
            .status(StatusCode::RANGE_NOT_SATISFIABLE)
            .header(header::CONTENT_RANGE, format!("bytes */{total}"))
            .body(Body::empty()),
        None => builder.header(header::CONTENT_LENGTH, total).body(content.body(0)),
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
