//! GitHub as far as releases go: the REST API, and the blob storage that downloads redirect to.
//!
//! The two listen on ports of their own, as GitHub's do on hosts of their own, so that a client which carries its token
//! along a redirect is caught here and not in production. Shapes follow GitHub's REST reference, version 2022-11-28.

use std::{collections::HashMap, sync::Arc};

use axum::{
    Json, Router,
    body::Body,
    extract::{Path, Query, Request, State},
    http::{HeaderMap, StatusCode, Uri, header},
    middleware::{self, Next},
    response::{IntoResponse, Response},
    routing::{get, post},
};
use serde::Deserialize;
use serde_json::{Value, json};

use super::{
    documents::{GENERATED_AT, REPOSITORY, commit},
    release::{ServedAsset, ServedRelease},
};

/// What is served.
#[derive(Debug)]
pub(super) struct Hub {
    /// Newest first.
    pub(super) releases: Vec<ServedRelease>,
    /// `compatibility-catalog.json` of the default branch.
    pub(super) catalog: Value,
    /// Base URL of the storage.
    pub(super) storage: String,
}

type Shared = Arc<Hub>;

/// What the repository was called before. GitHub answers for such a name until somebody else takes it.
const FORMER_REPOSITORY: &str = "calimero-network/mero-tee-before";

/// Where an Enterprise host has its API.
const ENTERPRISE: &str = "/api/v3";

/// Asset ids are made of the release's place and the asset's.
const ASSETS_A_RELEASE: usize = 1_000;

/// The REST API, at the root as on github.com and under `/api/v3` as on an Enterprise host.
pub(super) fn api(hub: Shared) -> Router {
    routes("").merge(routes(ENTERPRISE)).fallback(|| async { not_found() }).with_state(hub)
}

/// Not nested: a nested handler would not see the prefix, which the addresses it hands out must carry.
fn routes(prefix: &str) -> Router<Shared> {
    let of = |path: &str| format!("{prefix}/repos/{{owner}}/{{name}}{path}");
    Router::new()
        .route(&of(""), get(repository))
        .route(&of("/releases"), get(releases))
        .route(&of("/releases/latest"), get(latest))
        .route(&of("/releases/{id}"), get(release_by_id))
        .route(&of("/releases/{id}/assets"), get(assets))
        .route(&of("/releases/tags/{tag}"), get(release_by_tag))
        .route(&of("/releases/assets/{id}"), get(asset))
        .route(&of("/contents/{*path}"), get(contents))
        .route_layer(middleware::from_fn(only_ours))
        .route(&format!("{prefix}/graphql"), post(graphql))
}

/// The blob storage: any byte range of an asset.
pub(super) fn storage(hub: Shared) -> Router {
    Router::new().route("/assets/{id}", get(blob)).fallback(|| async { not_found() }).with_state(hub)
}

fn not_found() -> Response {
    let body = json!({"message": "Not Found", "documentation_url": "https://docs.github.com/rest", "status": "404"});
    (StatusCode::NOT_FOUND, Json(body)).into_response()
}

fn is_ours(owner: &str, name: &str) -> bool {
    format!("{owner}/{name}").eq_ignore_ascii_case(REPOSITORY)
}

/// Answers 404 for every repository but the one there is, whatever is asked about it, and sends those on who ask for the
/// name that it had before. GitHub sends them to `/repositories/ID/…`; here that is the name it has now.
async fn only_ours(Path(segments): Path<HashMap<String, String>>, request: Request, next: Next) -> Response {
    let segment = |name: &str| segments.get(name).map(String::as_str).unwrap_or_default();
    let (owner, name) = (segment("owner"), segment("name"));
    if is_ours(owner, name) {
        return next.run(request).await;
    }
    if !format!("{owner}/{name}").eq_ignore_ascii_case(FORMER_REPOSITORY) {
        return not_found();
    }
    let asked = request.uri();
    let rest = asked.path_and_query().map(|p| p.as_str()).unwrap_or_default();
    let rest = rest.split_once("/repos/").and_then(|(_, path)| path.splitn(3, '/').nth(2)).unwrap_or_default();
    let location = format!("{}/{rest}", base(request.headers(), asked));
    let body = json!({"message": "Moved Permanently", "url": location});
    (StatusCode::MOVED_PERMANENTLY, [(header::LOCATION, location.trim_end_matches('/').to_owned())], Json(body))
        .into_response()
}

/// Base URL as the client reached us: it may have come through a proxy, under another name.
fn base(headers: &HeaderMap, uri: &Uri) -> String {
    let host = uri
        .authority()
        .map(ToString::to_string)
        .or_else(|| headers.get(header::HOST)?.to_str().ok().map(str::to_owned))
        .unwrap_or_default();
    let prefix = if uri.path().starts_with(ENTERPRISE) { ENTERPRISE } else { "" };
    format!("http://{host}{prefix}/repos/{REPOSITORY}")
}

async fn repository() -> Response {
    Json(json!({
        "id": 1,
        "name": "mero-tee",
        "full_name": REPOSITORY,
        "private": false,
        "default_branch": "master",
        "html_url": format!("https://github.com/{REPOSITORY}"),
    }))
    .into_response()
}

#[derive(Deserialize)]
struct Page {
    per_page: Option<usize>,
    page: Option<usize>,
}

impl Page {
    /// The slice of `all` asked for, and a `Link` header when there is more.
    fn of(&self, all: &[Value], url: &str) -> Response {
        let size = self.per_page.unwrap_or(30).clamp(1, 100);
        let page = self.page.unwrap_or(1).max(1);
        let start = (page - 1).saturating_mul(size).min(all.len());
        let slice: Vec<&Value> = all.iter().skip(start).take(size).collect();
        let mut response = Json(json!(slice)).into_response();
        if start + slice.len() < all.len() {
            let link = format!("<{url}?per_page={size}&page={}>; rel=\"next\"", page + 1);
            if let Ok(value) = link.parse() {
                response.headers_mut().insert(header::LINK, value);
            }
        }
        response
    }
}

async fn releases(State(hub): State<Shared>, Query(page): Query<Page>, headers: HeaderMap, uri: Uri) -> Response {
    let base = base(&headers, &uri);
    let all: Vec<Value> = hub.releases.iter().enumerate().map(|(i, r)| release_json(&base, i, r)).collect();
    page.of(&all, &format!("{base}/releases"))
}

async fn latest(State(hub): State<Shared>, headers: HeaderMap, uri: Uri) -> Response {
    found(&hub, &base(&headers, &uri), |_, release| !release.tag.is_rc())
}

async fn release_by_tag(
    State(hub): State<Shared>,
    Path((_, _, tag)): Path<(String, String, String)>,
    headers: HeaderMap,
    uri: Uri,
) -> Response {
    found(&hub, &base(&headers, &uri), |_, release| release.tag.as_str() == tag)
}

async fn release_by_id(
    State(hub): State<Shared>,
    Path((_, _, id)): Path<(String, String, usize)>,
    headers: HeaderMap,
    uri: Uri,
) -> Response {
    found(&hub, &base(&headers, &uri), |index, _| index + 1 == id)
}

fn found(hub: &Hub, base: &str, wanted: impl Fn(usize, &ServedRelease) -> bool) -> Response {
    match hub.releases.iter().enumerate().find(|(index, release)| wanted(*index, release)) {
        Some((index, release)) => Json(release_json(base, index, release)).into_response(),
        None => not_found(),
    }
}

async fn assets(
    State(hub): State<Shared>,
    Path((_, _, id)): Path<(String, String, usize)>,
    Query(page): Query<Page>,
    headers: HeaderMap,
    uri: Uri,
) -> Response {
    let base = base(&headers, &uri);
    let Some(release) = id.checked_sub(1).and_then(|index| hub.releases.get(index)) else { return not_found() };
    let all: Vec<Value> = release.assets.iter().enumerate().map(|(i, a)| asset_json(&base, id - 1, i, a)).collect();
    page.of(&all, &format!("{base}/releases/{id}/assets"))
}

/// An asset as JSON, or a redirect to its bytes, by what the client accepts.
async fn asset(
    State(hub): State<Shared>,
    Path((_, _, id)): Path<(String, String, usize)>,
    headers: HeaderMap,
    uri: Uri,
) -> Response {
    let Some((release, index, asset)) = hub.asset(id) else { return not_found() };
    let accepts = headers.get(header::ACCEPT).and_then(|v| v.to_str().ok()).unwrap_or_default();
    if !accepts.contains("application/octet-stream") {
        return Json(asset_json(&base(&headers, &uri), release, index, asset)).into_response();
    }
    // A real one is signed and expires; the query must never show up in a client's messages.
    let location = format!("{}/assets/{id}?signature=sandbox", hub.storage);
    (StatusCode::FOUND, [(header::LOCATION, location)]).into_response()
}

/// What `gh` asks this way: the list of releases, and before anything else for a draft of a tag, of which there is none.
/// It takes no field that it did not ask for.
async fn graphql(State(hub): State<Shared>, Json(question): Json<Value>) -> Response {
    let said = |path: &str| question.pointer(path).and_then(Value::as_str).unwrap_or_default();
    let (owner, name) = (said("/variables/owner"), said("/variables/name"));
    if !is_ours(owner, name) {
        let message = format!("Could not resolve to a Repository with the name '{owner}/{name}'.");
        let error = json!({"type": "NOT_FOUND", "path": ["repository"], "message": message});
        return Json(json!({"data": {"repository": null}, "errors": [error]})).into_response();
    }
    let repository = if said("/query").contains("releases(") {
        json!({"releases": {"nodes": nodes(&hub.releases), "pageInfo": {"hasNextPage": false, "endCursor": null}}})
    } else {
        json!({"release": null})
    };
    Json(json!({"data": {"repository": repository}})).into_response()
}

/// Releases as GraphQL knows them.
fn nodes(releases: &[ServedRelease]) -> Vec<Value> {
    let latest = releases.iter().find(|release| !release.tag.is_rc()).map(|release| &release.tag);
    let node = |release: &ServedRelease| {
        json!({
            "name": release.tag.as_str(),
            "tagName": release.tag.as_str(),
            "isDraft": false,
            "isLatest": Some(&release.tag) == latest,
            "isPrerelease": release.tag.is_rc(),
            "createdAt": GENERATED_AT,
            "publishedAt": GENERATED_AT,
        })
    };
    releases.iter().map(node).collect()
}

async fn contents(State(hub): State<Shared>, Path((_, _, path)): Path<(String, String, String)>) -> Response {
    if path != "compatibility-catalog.json" {
        return not_found();
    }
    ([(header::CONTENT_TYPE, "application/vnd.github.raw+json")], format!("{:#}\n", hub.catalog)).into_response()
}

async fn blob(State(hub): State<Shared>, Path(id): Path<usize>, headers: HeaderMap) -> Response {
    if headers.contains_key(header::AUTHORIZATION) {
        return two_credentials();
    }
    let Some((_, _, asset)) = hub.asset(id) else { return not_found() };
    let total = asset.bytes.len();
    let from = headers
        .get(header::RANGE)
        .and_then(|range| range.to_str().ok()?.strip_prefix("bytes=")?.strip_suffix('-')?.parse::<usize>().ok())
        .filter(|from| *from > 0);
    let builder = Response::builder().header(header::CONTENT_TYPE, "application/octet-stream");
    let response = match from {
        Some(from) if from < total => builder
            .status(StatusCode::PARTIAL_CONTENT)
            .header(header::CONTENT_RANGE, format!("bytes {from}-{}/{total}", total - 1))
            .body(Body::from(asset.bytes.get(from..).unwrap_or_default().to_vec())),
        Some(_) => builder
            .status(StatusCode::RANGE_NOT_SATISFIABLE)
            .header(header::CONTENT_RANGE, format!("bytes */{total}"))
            .body(Body::empty()),
        None => builder.body(Body::from(asset.bytes.clone())),
    };
    response.unwrap_or_else(|_| StatusCode::INTERNAL_SERVER_ERROR.into_response())
}

/// What Azure's storage, which serves GitHub's downloads, says to a signed URL with a token beside it.
fn two_credentials() -> Response {
    let body = "<?xml version=\"1.0\" encoding=\"utf-8\"?><Error><Code>InvalidAuthenticationInfo</Code>\
                <Message>Authentication information is not given in the correct format.</Message></Error>";
    (StatusCode::BAD_REQUEST, [(header::CONTENT_TYPE, "application/xml")], body).into_response()
}

impl Hub {
    /// Release index, asset index and asset of an id.
    fn asset(&self, id: usize) -> Option<(usize, usize, &ServedAsset)> {
        let (release, index) = ((id / ASSETS_A_RELEASE).checked_sub(1)?, id % ASSETS_A_RELEASE);
        Some((release, index, self.releases.get(release)?.assets.get(index)?))
    }
}

fn release_json(base: &str, index: usize, release: &ServedRelease) -> Value {
    let id = index + 1;
    let assets: Vec<Value> =
        release.assets.iter().enumerate().map(|(i, asset)| asset_json(base, index, i, asset)).collect();
    json!({
        "id": id,
        "node_id": format!("RE_{id}"),
        "url": format!("{base}/releases/{id}"),
        "assets_url": format!("{base}/releases/{id}/assets"),
        "upload_url": format!("{base}/releases/{id}/assets{{?name,label}}"),
        "html_url": format!("https://github.com/{REPOSITORY}/releases/tag/{}", release.tag),
        "tarball_url": null,
        "zipball_url": null,
        "tag_name": release.tag.as_str(),
        "target_commitish": commit(&release.tag),
        "name": release.tag.as_str(),
        "body": release.notes,
        "draft": false,
        "prerelease": release.tag.is_rc(),
        "created_at": GENERATED_AT,
        "published_at": GENERATED_AT,
        "author": {"login": "github-actions[bot]", "id": 41898282},
        "assets": assets,
    })
}

fn asset_json(base: &str, release: usize, index: usize, asset: &ServedAsset) -> Value {
    let id = (release + 1) * ASSETS_A_RELEASE + index;
    json!({
        "id": id,
        "node_id": format!("RA_{id}"),
        "url": format!("{base}/releases/assets/{id}"),
        "name": asset.name,
        "label": "",
        "state": asset.state,
        "content_type": "application/octet-stream",
        "size": asset.stated_size,
        "digest": asset.stated_digest,
        "download_count": 0,
        "created_at": GENERATED_AT,
        "updated_at": GENERATED_AT,
        "browser_download_url": format!("{base}/releases/assets/{id}"),
        "uploader": {"login": "github-actions[bot]", "id": 41898282},
    })
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use super::*;

    #[tokio::test]
    async fn the_storage_refuses_a_token_beside_its_signed_address_and_serves_without_one() {
        let tag = "mero-kms-v1.2.0".parse().unwrap();
        let asset = ServedAsset::honest("a".into(), b"bytes".to_vec());
        let release = ServedRelease { tag, notes: String::new(), assets: vec![asset] };
        let hub = Arc::new(Hub { releases: vec![release], catalog: json!({}), storage: String::new() });
        let answer = async |headers| blob(State(Arc::clone(&hub)), Path(ASSETS_A_RELEASE), headers).await.status();
        assert_eq!(answer(HeaderMap::new()).await, StatusCode::OK);
        let token = HeaderMap::from_iter([(header::AUTHORIZATION, "Bearer x".parse().unwrap())]);
        assert_eq!(answer(token).await, StatusCode::BAD_REQUEST);
    }
}
