//! Releases over HTTP: lists, one by tag, number or age, and what makes, changes and deletes them.

use axum::{
    Json,
    extract::{Path, Query},
    http::{StatusCode, header},
    response::{IntoResponse as _, Response},
};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde::Deserialize;
use serde_json::{Value, json};

use super::{
    accounts::Account,
    ask::{Here, Page, Said},
    assets::asset_json,
    refusal::Refusal,
    repository::{Release, Repository, Wish},
};

/// What stands for itself in the address of a tag's page.
const TAG: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// A tag in the path.
#[derive(Debug, Deserialize)]
pub(super) struct Tagged {
    tag: String,
}

/// A release in the path.
#[derive(Debug, Deserialize)]
pub(super) struct Id {
    id: u64,
}

/// For which tag notes are wanted.
#[derive(Debug, Deserialize)]
pub(super) struct WantedNotes {
    tag_name: String,
    target_commitish: Option<String>,
    previous_tag_name: Option<String>,
}

pub(super) async fn list(here: Here, Query(page): Query<Page>) -> Result<Response, Refusal> {
    let drafts = here.ask.sees_drafts();
    here.read(|repository, base| {
        let shown = repository.releases.iter().filter(|release| drafts || !release.draft);
        let all: Vec<Value> = shown.map(|release| release_json(&here, repository, release)).collect();
        Ok(page.of(&all, &format!("{base}/releases")))
    })
}

pub(super) async fn latest(here: Here) -> Result<Json<Value>, Refusal> {
    here.read(|repository, _| Ok(Json(release_json(&here, repository, repository.latest()?))))
}

pub(super) async fn by_tag(here: Here, Path(Tagged { tag }): Path<Tagged>) -> Result<Json<Value>, Refusal> {
    here.read(|repository, _| Ok(Json(release_json(&here, repository, repository.by_tag(&tag)?))))
}

pub(super) async fn by_id(here: Here, Path(Id { id }): Path<Id>) -> Result<Json<Value>, Refusal> {
    let drafts = here.ask.sees_drafts();
    here.read(|repository, _| Ok(Json(release_json(&here, repository, repository.by_id(id, drafts)?))))
}

pub(super) async fn create(here: Here, Said(wish): Said<Wish>) -> Result<Response, Refusal> {
    let made = here.write(|repository, change| {
        let made = repository.create(change.id, &change.account.login, wish)?.clone();
        Ok(release_json(&here, repository, &made))
    })?;
    let location = made.get("url").and_then(Value::as_str).unwrap_or_default().to_owned();
    Ok((StatusCode::CREATED, [(header::LOCATION, location)], Json(made)).into_response())
}

pub(super) async fn edit(
    here: Here,
    Path(Id { id }): Path<Id>,
    Said(wish): Said<Wish>,
) -> Result<Json<Value>, Refusal> {
    here.write(|repository, _| {
        let after = repository.edit(id, wish)?.clone();
        Ok(Json(release_json(&here, repository, &after)))
    })
}

pub(super) async fn delete(here: Here, Path(Id { id }): Path<Id>) -> Result<StatusCode, Refusal> {
    here.write(|repository, _| repository.delete(id))?;
    Ok(StatusCode::NO_CONTENT)
}

/// Notes made up from the history. Nothing is saved.
pub(super) async fn generate_notes(here: Here, Said(wanted): Said<WantedNotes>) -> Result<Json<Value>, Refusal> {
    here.ask.writer()?;
    here.read(|repository, _| {
        let (target, previous) = (wanted.target_commitish.as_deref(), wanted.previous_tag_name.as_deref());
        let (name, body) = repository.generated_notes(&wanted.tag_name, target, previous)?;
        Ok(Json(json!({"name": name, "body": body})))
    })
}

fn release_json(here: &Here, repository: &Repository, release: &Release) -> Value {
    let (id, base) = (release.id, here.ask.repository(&repository.full_name));
    let assets: Vec<Value> = release.assets.iter().map(|asset| asset_json(&base, asset)).collect();
    let tag = utf8_percent_encode(&release.tag, TAG);
    json!({
        "id": id,
        "node_id": format!("RE_{id}"),
        "url": format!("{base}/releases/{id}"),
        "assets_url": format!("{base}/releases/{id}/assets"),
        "upload_url": format!("{}/releases/{id}/assets{{?name,label}}", here.ask.uploads(&repository.full_name)),
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
        "created_at": release.created.to_string(),
        "published_at": release.published.filter(|_| !release.draft).map(|time| time.to_string()),
        "author": Account::json(&release.author),
        "assets": assets,
    })
}
