//! Refs, branches and tags over HTTP.

use axum::{Json, extract::Path, http::StatusCode, response::Response};
use serde::Deserialize;
use serde_json::{Value, json};

use super::{
    ask::{Here, Page, Said},
    refusal::Refusal,
};
use crate::sandbox::git::Oid;

/// The name of a ref in the path, without `refs/`.
#[derive(Debug, Deserialize)]
pub(super) struct Named {
    git_ref: String,
}

/// A ref to make.
#[derive(Debug, Deserialize)]
pub(super) struct Wanted {
    r#ref: String,
    sha: String,
}

/// Where a ref is to point.
#[derive(Debug, Deserialize)]
pub(super) struct Moved {
    sha: String,
    #[serde(default)]
    force: bool,
}

pub(super) async fn one(here: Here, Path(Named { git_ref }): Path<Named>) -> Result<Json<Value>, Refusal> {
    let full = format!("refs/{git_ref}");
    here.read(|repository, base| {
        let id = *repository.refs.get(&full).ok_or_else(Refusal::not_found)?;
        Ok(Json(ref_json(base, &full, id)))
    })
}

/// All refs that start so.
pub(super) async fn matching(here: Here, Path(Named { git_ref }): Path<Named>) -> Result<Json<Value>, Refusal> {
    let start = format!("refs/{git_ref}");
    here.read(|repository, base| {
        let found = repository.refs.iter().filter(|(full, _)| full.starts_with(&start));
        Ok(Json(found.map(|(full, id)| ref_json(base, full, *id)).collect()))
    })
}

pub(super) async fn create(here: Here, Said(wanted): Said<Wanted>) -> Result<(StatusCode, Json<Value>), Refusal> {
    here.write(|repository, change| {
        let id = repository.create_ref(&wanted.r#ref, &wanted.sha)?;
        Ok((StatusCode::CREATED, Json(ref_json(&change.base, &wanted.r#ref, id))))
    })
}

pub(super) async fn edit(
    here: Here,
    Path(Named { git_ref }): Path<Named>,
    Said(moved): Said<Moved>,
) -> Result<Json<Value>, Refusal> {
    let full = format!("refs/{git_ref}");
    here.write(|repository, change| {
        let id = repository.move_ref(&full, &moved.sha, moved.force)?;
        Ok(Json(ref_json(&change.base, &full, id)))
    })
}

pub(super) async fn delete(here: Here, Path(Named { git_ref }): Path<Named>) -> Result<StatusCode, Refusal> {
    here.write(|repository, _| repository.delete_ref(&format!("refs/{git_ref}")))?;
    Ok(StatusCode::NO_CONTENT)
}

pub(super) async fn tags(here: Here, page: Page) -> Result<Response, Refusal> {
    list(&here, &page, "tags")
}

pub(super) async fn branches(here: Here, page: Page) -> Result<Response, Refusal> {
    list(&here, &page, "branches")
}

pub(super) async fn branch(here: Here, Path(Named { git_ref }): Path<Named>) -> Result<Json<Value>, Refusal> {
    here.read(|repository, base| {
        let id = *repository.refs.get(&format!("refs/heads/{git_ref}")).ok_or_else(Refusal::not_found)?;
        Ok(Json(named_json(base, &git_ref, id)))
    })
}

fn list(here: &Here, page: &Page, kind: &str) -> Result<Response, Refusal> {
    let start = if kind == "tags" { "refs/tags/" } else { "refs/heads/" };
    here.read(|repository, base| {
        let named = repository.refs.iter().filter_map(|(full, id)| Some((full.strip_prefix(start)?, *id)));
        let all: Vec<Value> = named.map(|(name, id)| named_json(base, name, id)).collect();
        Ok(page.of(&all, &format!("{base}/{kind}")))
    })
}

fn named_json(base: &str, name: &str, id: Oid) -> Value {
    json!({"name": name, "commit": {"sha": id, "url": format!("{base}/commits/{id}")}, "protected": false})
}

fn ref_json(base: &str, full: &str, id: Oid) -> Value {
    json!({
        "ref": full,
        "node_id": format!("REF_{id}"),
        "url": format!("{base}/git/{full}"),
        "object": {"type": "commit", "sha": id, "url": format!("{base}/git/commits/{id}")},
    })
}
