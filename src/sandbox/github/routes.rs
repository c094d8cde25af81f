//! Which handler answers what.

use std::{collections::HashMap, sync::Arc};

use axum::{
    Json, Router,
    extract::{DefaultBodyLimit, Path, Request, State},
    http::{StatusCode, header},
    middleware::{self, Next},
    response::{IntoResponse as _, Response},
    routing::{get, patch, post},
};
use serde_json::{Value, json};

use super::{
    Shared,
    ask::{Ask, ENTERPRISE, ENTERPRISE_UPLOADS, Here},
    assets, attestations, commits, contents, graphql, issues, objects, people, pulls, refs,
    refusal::Refusal,
    releases,
    repository::BRANCH,
    watch::{rate_limit, watched},
};

/// The largest JSON, in bytes. Uploads are not held in memory and have a bound of their own.
const MAX_JSON: usize = 64 << 20;

/// The REST API, at the root as on github.com and under `/api/v3` as on an Enterprise host.
pub(in crate::sandbox) fn api(hub: Shared) -> Router {
    all("", &hub)
        .merge(all(ENTERPRISE, &hub))
        .route(&format!("{ENTERPRISE_UPLOADS}/repos/{{owner}}/{{name}}/releases/{{id}}/assets"), post(assets::upload))
        .fallback(|| async { Refusal::not_found() })
        .layer(DefaultBodyLimit::max(MAX_JSON))
        .layer(middleware::from_fn_with_state(Arc::clone(&hub), watched))
        .with_state(hub)
}

/// The blob storage: any byte range of an asset.
pub(in crate::sandbox) fn storage(hub: Shared) -> Router {
    Router::new()
        .route("/assets/{id}", get(assets::blob))
        .route("/attestations/{release}/{place}", get(attestations::stored))
        .fallback(|| async { Refusal::not_found() })
        .with_state(hub)
}

/// Not nested: a nested handler would not see the prefix, which the addresses it hands out must carry.
fn all(prefix: &str, hub: &Shared) -> Router<Shared> {
    let repos = format!("{prefix}/repos/{{owner}}/{{name}}");
    of_releases(&repos)
        .merge(of_git(&repos))
        .merge(of_pulls(&repos))
        .route(&repos, get(repository))
        .route_layer(middleware::from_fn_with_state(Arc::clone(hub), moved))
        .route(&format!("{prefix}/graphql"), post(graphql::answer))
        .route(&format!("{prefix}/user"), get(people::user))
        .route(&format!("{prefix}/rate_limit"), get(rate_limit))
        .route(&format!("{prefix}/orgs/{{organisation}}/teams/{{team}}"), get(people::team))
        .route(&format!("{prefix}/orgs/{{organisation}}/teams/{{team}}/memberships/{{login}}"), get(people::membership))
}

fn of_releases(repos: &str) -> Router<Shared> {
    let of = |path: &str| format!("{repos}/releases{path}");
    Router::new()
        .route(&of(""), get(releases::list).post(releases::create))
        .route(&of("/latest"), get(releases::latest))
        .route(&of("/generate-notes"), post(releases::generate_notes))
        .route(&of("/{id}"), get(releases::by_id).patch(releases::edit).delete(releases::delete))
        .route(&of("/{id}/assets"), get(assets::list).post(assets::upload))
        .route(&of("/tags/{*tag}"), get(releases::by_tag))
        .route(&of("/assets/{id}"), get(assets::one).patch(assets::edit).delete(assets::delete))
}

fn of_git(repos: &str) -> Router<Shared> {
    let of = |path: &str| format!("{repos}{path}");
    Router::new()
        .route(&of("/attestations/{digest}"), get(attestations::list))
        .route(&of("/contents"), get(contents::read))
        .route(&of("/contents/{*path}"), get(contents::read))
        .route(&of("/commits"), get(commits::list))
        .route(&of("/commits/{*git_ref}"), get(commits::one))
        .route(&of("/compare/{*ends}"), get(commits::compare))
        .route(&of("/tags"), get(refs::tags))
        .route(&of("/branches"), get(refs::branches))
        .route(&of("/branches/{*git_ref}"), get(refs::branch))
        .route(&of("/git/ref/{*git_ref}"), get(refs::one))
        .route(&of("/git/matching-refs/{*git_ref}"), get(refs::matching))
        .route(&of("/git/refs"), post(refs::create))
        .route(&of("/git/refs/{*git_ref}"), patch(refs::edit).delete(refs::delete))
        .route(&of("/git/blobs"), post(objects::create_blob))
        .route(&of("/git/blobs/{sha}"), get(objects::blob))
        .route(&of("/git/trees"), post(objects::create_tree))
        .route(&of("/git/trees/{*sha}"), get(objects::tree))
        .route(&of("/git/commits"), post(objects::create_commit))
        .route(&of("/git/commits/{sha}"), get(objects::commit))
}

fn of_pulls(repos: &str) -> Router<Shared> {
    let of = |path: &str| format!("{repos}{path}");
    Router::new()
        .route(&of("/pulls"), get(pulls::list).post(pulls::create))
        .route(&of("/pulls/{number}"), get(pulls::one).patch(pulls::edit))
        .route(&of("/pulls/{number}/commits"), get(pulls::commits))
        .route(&of("/pulls/{number}/files"), get(pulls::files))
        .route(&of("/pulls/{number}/reviews"), get(pulls::reviews).post(pulls::create_review))
        .route(&of("/pulls/{number}/reviews/{id}/dismissals"), axum::routing::put(pulls::dismiss))
        .route(&of("/labels"), get(issues::labels).post(issues::create_label))
        .route(&of("/labels/{label}"), get(issues::label))
        .route(&of("/issues/{number}"), get(issues::issue))
        .route(&of("/issues/{number}/labels"), get(issues::labels_of).post(issues::put_labels))
        .route(&of("/issues/{number}/labels/{label}"), axum::routing::delete(issues::remove_label))
        .route(&of("/issues/{number}/comments"), get(issues::comments).post(issues::comment))
        .route(&of("/issues/comments/{id}"), patch(issues::edit_comment))
        .route(&of("/collaborators/{login}/permission"), get(people::permission))
}

/// Sends those on who ask for a name that a repository had before. GitHub sends them to `/repositories/ID/…`; here that is
/// the name it has now. What changes something is to be asked again as it is.
async fn moved(
    State(hub): State<Shared>,
    Path(segments): Path<HashMap<String, String>>,
    ask: Ask,
    request: Request,
    next: Next,
) -> Response {
    let segment = |name: &str| segments.get(name).map(String::as_str).unwrap_or_default();
    let asked = format!("{}/{}", segment("owner"), segment("name"));
    let Some(now) = hub.lock().moved_to(&asked).map(str::to_owned) else { return next.run(request).await };
    let rest = request.uri().path_and_query().map(|path| path.as_str()).unwrap_or_default();
    let rest = rest.split_once("/repos/").and_then(|(_, path)| path.splitn(3, '/').nth(2)).unwrap_or_default();
    let location = format!("{}/{rest}", ask.repository(&now));
    let status =
        if request.method().is_safe() { StatusCode::MOVED_PERMANENTLY } else { StatusCode::TEMPORARY_REDIRECT };
    let body = json!({"message": status.canonical_reason(), "url": location});
    (status, [(header::LOCATION, location.trim_end_matches('/').to_owned())], Json(body)).into_response()
}

async fn repository(here: Here) -> Result<Json<Value>, Refusal> {
    let push = here.ask.sees_drafts();
    here.read(|repository, base| {
        Ok(Json(json!({
            "id": repository.id,
            "node_id": format!("R_{}", repository.id),
            "name": repository.name(),
            "full_name": repository.full_name,
            "owner": super::accounts::Account::json(repository.owner()),
            "private": false,
            "url": base,
            "default_branch": BRANCH,
            "html_url": format!("https://github.com/{}", repository.full_name),
            "permissions": {"pull": true, "push": push, "admin": false},
        })))
    })
}
