//! GitHub as far as releases go: the REST API, and the blob storage that downloads redirect to. It remembers what it is
//! told (`state`), fails where it is asked to (`faults`), and notes what it was asked (`recorder`).
//!
//! The two listen on ports of their own, as GitHub's do on hosts of their own, so that a client which carries its token
//! along a redirect is caught here and not in production. Shapes follow GitHub's REST reference, version 2022-11-28.

mod ask;
mod assets;
mod faults;
mod git_data;
mod graphql;
mod recorder;
mod refusal;
mod releases;
mod state;

use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
};

use axum::{
    Json, Router,
    extract::{DefaultBodyLimit, Path, Request, State},
    http::{HeaderMap, HeaderValue, StatusCode, header},
    middleware::{self, Next},
    response::{IntoResponse as _, Response},
    routing::{get, post},
};
use serde_json::{Value, json};

use self::{
    ask::{Ask, ENTERPRISE},
    assets::BreaksOff,
    refusal::Refusal,
};
pub use self::{
    faults::{Fault, Faults, Trouble},
    recorder::{Recorded, Recorder},
};
use super::{documents::REPOSITORY, release::ServedRelease};

/// A GitHub on loopback.
#[derive(Debug)]
pub struct Hub {
    state: Mutex<state::State>,
    /// Base URL of the storage.
    storage: String,
    faults: Faults,
    recorder: Recorder,
    /// Requests so far, for the rate limit's headers.
    asked: AtomicU64,
}

type Shared = Arc<Hub>;

/// What the repository was called before. GitHub answers for such a name until somebody else takes it.
const FORMER_REPOSITORY: &str = "calimero-network/mero-tee-before";
/// The largest upload, in bytes: all of it is held in memory.
const MAX_UPLOAD: usize = 256 << 20;
/// Requests an hour, without a token and with one.
const LIMITS: (u64, u64) = (60, 5_000);

impl Hub {
    /// With the sample repository: its releases, newest first, and the catalog on its branch.
    pub(super) fn new(releases: Vec<ServedRelease>, catalog: &Value, storage: String) -> Self {
        let mut state = state::State::default();
        state.add(REPOSITORY, |repository| {
            repository.publish_samples(releases);
            repository.files.insert("compatibility-catalog.json".to_owned(), format!("{catalog:#}\n").into_bytes());
        });
        state.moved(FORMER_REPOSITORY, REPOSITORY);
        let (state, asked) = (Mutex::new(state), AtomicU64::new(0));
        Self { state, storage, faults: Faults::default(), recorder: Recorder::default(), asked }
    }

    /// Adds a repository without releases; whether releases are immutable once they are published is its own setting.
    pub fn add_repository(&self, full_name: &str, immutable_releases: bool) {
        self.lock().add(full_name, |repository| repository.immutable_releases = immutable_releases);
    }

    /// What goes wrong.
    pub fn faults(&self) -> &Faults {
        &self.faults
    }

    /// What was asked.
    pub fn recorder(&self) -> &Recorder {
        &self.recorder
    }

    fn lock(&self) -> MutexGuard<'_, state::State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The REST API, at the root as on github.com and under `/api/v3` as on an Enterprise host.
pub(super) fn api(hub: Shared) -> Router {
    routes("", &hub)
        .merge(routes(ENTERPRISE, &hub))
        .fallback(|| async { Refusal::not_found() })
        .layer(DefaultBodyLimit::max(MAX_UPLOAD))
        .layer(middleware::from_fn_with_state(Arc::clone(&hub), watched))
        .with_state(hub)
}

/// Not nested: a nested handler would not see the prefix, which the addresses it hands out must carry.
fn routes(prefix: &str, hub: &Shared) -> Router<Shared> {
    let of = |path: &str| format!("{prefix}/repos/{{owner}}/{{name}}{path}");
    let release = get(releases::by_id).patch(releases::edit).delete(releases::delete);
    Router::new()
        .route(&of(""), get(repository))
        .route(&of("/releases"), get(releases::list).post(releases::create))
        .route(&of("/releases/latest"), get(releases::latest))
        .route(&of("/releases/{id}"), release)
        .route(&of("/releases/{id}/assets"), get(assets::list).post(assets::upload))
        .route(&of("/releases/tags/{*tag}"), get(releases::by_tag))
        .route(&of("/releases/assets/{id}"), get(assets::one).delete(assets::delete))
        .route(&of("/contents/{*path}"), get(git_data::contents))
        .route(&of("/commits/{*git_ref}"), get(git_data::commit))
        .route(&of("/git/ref/{*git_ref}"), get(git_data::one_ref))
        .route(&of("/git/matching-refs/{*git_ref}"), get(git_data::matching))
        .route(&of("/tags"), get(git_data::tags))
        .route_layer(middleware::from_fn_with_state(Arc::clone(hub), moved))
        .route(&format!("{prefix}/graphql"), post(graphql::answer))
}

/// The blob storage: any byte range of an asset.
pub(super) fn storage(hub: Shared) -> Router {
    Router::new().route("/assets/{id}", get(assets::blob)).fallback(|| async { Refusal::not_found() }).with_state(hub)
}

/// Lets a fault happen, notes the request, and states the rate limit.
async fn watched(State(hub): State<Shared>, mut request: Request, next: Next) -> Response {
    let (method, headers) = (request.method().clone(), request.headers());
    let path = request.uri().path_and_query().map(ToString::to_string).unwrap_or_default();
    let authorized = headers.contains_key(header::AUTHORIZATION);
    let length = headers.get(header::CONTENT_LENGTH).and_then(|length| length.to_str().ok()?.parse().ok());
    let trouble = hub.faults.hit(&method, &path);
    if trouble == Some(Trouble::Starter) {
        request.extensions_mut().insert(BreaksOff);
    }
    let mut response = match trouble {
        None | Some(Trouble::Starter) => next.run(request).await,
        Some(Trouble::Status(code)) => faults::status(code),
        Some(Trouble::Dropped) => faults::dropped(),
        Some(Trouble::DoneButStatus(code)) => {
            next.run(request).await;
            faults::status(code)
        }
        Some(Trouble::AnswerLost) => {
            next.run(request).await;
            faults::dropped()
        }
        Some(Trouble::Slow(time)) => {
            let response = next.run(request).await;
            tokio::time::sleep(time).await;
            response
        }
    };
    let lost = matches!(trouble, Some(Trouble::Dropped | Trouble::AnswerLost));
    let status = (!lost).then(|| response.status().as_u16());
    hub.recorder.add(Recorded { method, path, authorized, length, status });
    let used = hub.asked.fetch_add(1, Ordering::Relaxed) + 1;
    state_limit(response.headers_mut(), if authorized { LIMITS.1 } else { LIMITS.0 }, used);
    response
}

/// The headers of the rate limit. It is never reached: a rehearsal may ask as often as it likes.
fn state_limit(headers: &mut HeaderMap, limit: u64, used: u64) {
    let used = used.min(limit - 1);
    let reset = jiff::Timestamp::now().as_second() + 3600;
    for (name, value) in [("limit", limit), ("remaining", limit - used), ("used", used)] {
        if let Ok(name) = header::HeaderName::try_from(format!("x-ratelimit-{name}")) {
            headers.insert(name, HeaderValue::from(value));
        }
    }
    headers.insert("x-ratelimit-reset", HeaderValue::from(reset));
    headers.insert("x-ratelimit-resource", HeaderValue::from_static("core"));
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

async fn repository(
    State(hub): State<Shared>,
    Path((owner, name)): Path<(String, String)>,
) -> Result<Json<Value>, Refusal> {
    let state = hub.lock();
    let repository = state.repository(&format!("{owner}/{name}"))?;
    let full_name = &repository.full_name;
    Ok(Json(json!({
        "id": repository.id,
        "name": full_name.split_once('/').map_or(full_name.as_str(), |(_, name)| name),
        "full_name": full_name,
        "private": false,
        "default_branch": state::BRANCH,
        "html_url": format!("https://github.com/{full_name}"),
    })))
}

#[cfg(test)]
mod tests;
