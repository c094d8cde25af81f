//! What `gh` asks by GraphQL: the list of releases, and before anything else for a draft of a tag.

use axum::{Json, extract::State};
use serde_json::{Value, json};

use super::{
    Shared,
    ask::Ask,
    repository::{Release, Repository},
};

/// `gh` takes no field that it did not ask for.
pub(super) async fn answer(State(hub): State<Shared>, ask: Ask, Json(question): Json<Value>) -> Json<Value> {
    let said = |path: &str| question.pointer(path).and_then(Value::as_str).unwrap_or_default();
    let full_name = format!("{}/{}", said("/variables/owner"), said("/variables/name"));
    let state = hub.lock();
    let Ok(repository) = state.repository(&full_name) else {
        let message = format!("Could not resolve to a Repository with the name '{full_name}'.");
        let error = json!({"type": "NOT_FOUND", "path": ["repository"], "message": message});
        return Json(json!({"data": {"repository": null}, "errors": [error]}));
    };
    let found = if said("/query").contains("releases(") {
        let nodes = nodes(repository, ask.sees_drafts());
        json!({"releases": {"nodes": nodes, "pageInfo": {"hasNextPage": false, "endCursor": null}}})
    } else {
        let tag = said("/variables/tagName");
        let draft = repository.releases.iter().find(|one| ask.sees_drafts() && one.draft && one.tag == tag);
        json!({"release": draft.map(|draft| json!({"databaseId": draft.id, "isDraft": true}))})
    };
    Json(json!({"data": {"repository": found}}))
}

/// Releases as GraphQL knows them.
fn nodes(repository: &Repository, drafts: bool) -> Vec<Value> {
    let latest = repository.latest().map(|release| release.id).ok();
    let node = |release: &Release| {
        json!({
            "name": release.name,
            "tagName": release.tag,
            "isDraft": release.draft,
            "isLatest": Some(release.id) == latest,
            "isPrerelease": release.prerelease,
            "createdAt": release.created.to_string(),
            "publishedAt": release.published.filter(|_| !release.draft).map(|time| time.to_string()),
        })
    };
    repository.releases.iter().filter(|release| drafts || !release.draft).map(node).collect()
}
