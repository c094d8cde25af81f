//! Releases over HTTP: lists, one by tag, number or age, and what makes, changes and deletes them.

use axum::{
    Json,
    body::Bytes,
    extract::{Path, Query, State},
    http::{StatusCode, header},
    response::{IntoResponse as _, Response},
};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::{Value, json};

use super::{
    Shared,
    ask::{Ask, Page},
    assets::asset_json,
    refusal::Refusal,
    state::{Release, Repository, Wish},
};
use crate::sandbox::documents::GENERATED_AT;

/// What stands for itself in the address of a tag's page.
const TAG: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

type At = Path<(String, String)>;
type AtId = Path<(String, String, u64)>;

pub(super) async fn list(
    State(hub): State<Shared>,
    Path((owner, name)): At,
    Query(page): Query<Page>,
    ask: Ask,
) -> Result<Response, Refusal> {
    let state = hub.lock();
    let repository = state.repository(&format!("{owner}/{name}"))?;
    let shown = repository.releases.iter().filter(|release| ask.authorized || !release.draft);
    let all: Vec<Value> = shown.map(|release| release_json(&ask, repository, release)).collect();
    Ok(page.of(&all, &format!("{}/releases", ask.repository(&repository.full_name))))
}

pub(super) async fn latest(
    State(hub): State<Shared>,
    Path((owner, name)): At,
    ask: Ask,
) -> Result<Json<Value>, Refusal> {
    let state = hub.lock();
    let repository = state.repository(&format!("{owner}/{name}"))?;
    Ok(Json(release_json(&ask, repository, repository.latest()?)))
}

pub(super) async fn by_tag(
    State(hub): State<Shared>,
    Path((owner, name, tag)): Path<(String, String, String)>,
    ask: Ask,
) -> Result<Json<Value>, Refusal> {
    let state = hub.lock();
    let repository = state.repository(&format!("{owner}/{name}"))?;
    Ok(Json(release_json(&ask, repository, repository.by_tag(&tag)?)))
}

pub(super) async fn by_id(
    State(hub): State<Shared>,
    Path((owner, name, id)): AtId,
    ask: Ask,
) -> Result<Json<Value>, Refusal> {
    let state = hub.lock();
    let repository = state.repository(&format!("{owner}/{name}"))?;
    Ok(Json(release_json(&ask, repository, repository.by_id(id, ask.authorized)?)))
}

pub(super) async fn create(
    State(hub): State<Shared>,
    Path((owner, name)): At,
    ask: Ask,
    body: Bytes,
) -> Result<Response, Refusal> {
    ask.may_write()?;
    let wish = wish(&body)?;
    let mut state = hub.lock();
    let (repository, id) = state.change(&format!("{owner}/{name}"))?;
    let made = repository.create(id, wish)?.clone();
    let made = release_json(&ask, repository, &made);
    let location = made.get("url").and_then(Value::as_str).unwrap_or_default().to_owned();
    Ok((StatusCode::CREATED, [(header::LOCATION, location)], Json(made)).into_response())
}

pub(super) async fn edit(
    State(hub): State<Shared>,
    Path((owner, name, id)): AtId,
    ask: Ask,
    body: Bytes,
) -> Result<Json<Value>, Refusal> {
    ask.may_write()?;
    let wish = wish(&body)?;
    let mut state = hub.lock();
    let (repository, _) = state.change(&format!("{owner}/{name}"))?;
    let after = repository.edit(id, wish)?.clone();
    Ok(Json(release_json(&ask, repository, &after)))
}

pub(super) async fn delete(
    State(hub): State<Shared>,
    Path((owner, name, id)): AtId,
    ask: Ask,
) -> Result<StatusCode, Refusal> {
    ask.may_write()?;
    hub.lock().change(&format!("{owner}/{name}"))?.0.delete(id)?;
    Ok(StatusCode::NO_CONTENT)
}

fn wish(body: &[u8]) -> Result<Wish, Refusal> {
    serde_json::from_slice(body).map_err(|_| Refusal::unreadable())
}

fn release_json(ask: &Ask, repository: &Repository, release: &Release) -> Value {
    let (id, base) = (release.id, ask.repository(&repository.full_name));
    let assets: Vec<Value> = release.assets.iter().map(|asset| asset_json(&base, asset)).collect();
    let tag = utf8_percent_encode(&release.tag, TAG);
    json!({
        "id": id,
        "node_id": format!("RE_{id}"),
        "url": format!("{base}/releases/{id}"),
        "assets_url": format!("{base}/releases/{id}/assets"),
        "upload_url": format!("{base}/releases/{id}/assets{{?name,label}}"),
        "html_url": format!("https://github.com/{}/releases/tag/{tag}", repository.full_name),
        "tarball_url": null,
        "zipball_url": null,
        "tag_name": release.tag,
        "target_commitish": release.target,
        "name": release.name,
        "body": release.body,
        "draft": release.draft,
        "prerelease": release.prerelease,
        "immutable": release.immutable,
        "created_at": GENERATED_AT,
        "published_at": (!release.draft).then_some(GENERATED_AT),
        "author": {"login": "github-actions[bot]", "id": 41898282},
        "assets": assets,
    })
}
