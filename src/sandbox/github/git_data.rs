//! Refs, tags, commits and files over HTTP, to read.

use axum::{
    Json,
    extract::{Path, Query, State},
    http::{HeaderMap, StatusCode, header},
    response::{IntoResponse as _, Response},
};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde::Deserialize;
use serde_json::{Value, json};

use super::{
    Shared,
    ask::{Ask, Page},
    refusal::Refusal,
};
use crate::{digest::Sha256, sandbox::documents::GENERATED_AT};

type Named = Path<(String, String, String)>;

/// One ref by its name without `refs/`.
pub(super) async fn one_ref(
    State(hub): State<Shared>,
    Path((owner, name, git_ref)): Named,
    ask: Ask,
) -> Result<Json<Value>, Refusal> {
    let state = hub.lock();
    let repository = state.repository(&format!("{owner}/{name}"))?;
    let full = format!("refs/{git_ref}");
    let commit = repository.refs.get(&full).ok_or_else(Refusal::not_found)?;
    Ok(Json(ref_json(&ask.repository(&repository.full_name), &full, commit)))
}

/// All refs that start so.
pub(super) async fn matching(
    State(hub): State<Shared>,
    Path((owner, name, start)): Named,
    ask: Ask,
) -> Result<Json<Value>, Refusal> {
    let state = hub.lock();
    let repository = state.repository(&format!("{owner}/{name}"))?;
    let (base, start) = (ask.repository(&repository.full_name), format!("refs/{start}"));
    let found = repository.refs.iter().filter(|(full, _)| full.starts_with(&start));
    Ok(Json(found.map(|(full, commit)| ref_json(&base, full, commit)).collect()))
}

pub(super) async fn tags(
    State(hub): State<Shared>,
    Path((owner, name)): Path<(String, String)>,
    Query(page): Query<Page>,
    ask: Ask,
) -> Result<Response, Refusal> {
    let state = hub.lock();
    let repository = state.repository(&format!("{owner}/{name}"))?;
    let base = ask.repository(&repository.full_name);
    let tags = repository.refs.iter().filter_map(|(full, commit)| Some((full.strip_prefix("refs/tags/")?, commit)));
    let all: Vec<Value> = tags
        .map(|(tag, commit)| json!({"name": tag, "commit": {"sha": commit, "url": format!("{base}/commits/{commit}")}}))
        .collect();
    Ok(page.of(&all, &format!("{base}/tags")))
}

/// The commit that a branch, a tag or its own number leads to.
pub(super) async fn commit(
    State(hub): State<Shared>,
    Path((owner, name, git_ref)): Named,
    ask: Ask,
) -> Result<Json<Value>, Refusal> {
    let state = hub.lock();
    let repository = state.repository(&format!("{owner}/{name}"))?;
    let unknown = || Refusal::said(StatusCode::UNPROCESSABLE_ENTITY, &format!("No commit found for SHA: {git_ref}"));
    let sha = repository.commit(&git_ref).ok_or_else(unknown)?;
    let who = json!({"name": "GitHub Actions", "email": "actions@github.com", "date": GENERATED_AT});
    Ok(Json(json!({
        "sha": sha,
        "url": format!("{}/commits/{sha}", ask.repository(&repository.full_name)),
        "html_url": format!("https://github.com/{}/commit/{sha}", repository.full_name),
        "commit": {"message": "A commit of the sandbox", "author": who, "committer": who, "tree": {"sha": sha}},
        "parents": [],
    })))
}

/// At which ref a file is asked for.
#[derive(Debug, Deserialize)]
pub(super) struct AtRef {
    r#ref: Option<String>,
}

/// A file, as bytes or as JSON by what the client accepts. Every ref has the files of the branch.
pub(super) async fn contents(
    State(hub): State<Shared>,
    Path((owner, name, path)): Named,
    Query(at): Query<AtRef>,
    headers: HeaderMap,
) -> Result<Response, Refusal> {
    let state = hub.lock();
    let repository = state.repository(&format!("{owner}/{name}"))?;
    if let Some(git_ref) = at.r#ref
        && repository.commit(&git_ref).is_none()
    {
        return Err(Refusal::said(StatusCode::NOT_FOUND, &format!("No commit found for the ref {git_ref}")));
    }
    let bytes = repository.files.get(&path).ok_or_else(Refusal::not_found)?.clone();
    let accepts = headers.get(header::ACCEPT).and_then(|value| value.to_str().ok()).unwrap_or_default();
    if accepts.contains("raw") {
        return Ok(([(header::CONTENT_TYPE, "application/vnd.github.raw+json")], bytes).into_response());
    }
    Ok(Json(json!({
        "type": "file",
        "name": path.rsplit('/').next(),
        "path": path,
        "sha": Sha256::of(&bytes).to_string().get(..40),
        "size": bytes.len(),
        "encoding": "base64",
        "content": STANDARD.encode(&bytes),
    }))
    .into_response())
}

fn ref_json(base: &str, full: &str, commit: &str) -> Value {
    json!({
        "ref": full,
        "node_id": format!("REF_{commit}"),
        "url": format!("{base}/git/{full}"),
        "object": {"type": "commit", "sha": commit, "url": format!("{base}/git/commits/{commit}")},
    })
}
