//! The service over HTTP: bodies to values, refusals to statuses, and one line in the log for each.

use std::{sync::Arc, time::Duration};

use axum::{
    Router,
    body::Bytes,
    extract::{DefaultBodyLimit, Request, State, rejection::BytesRejection},
    http::{HeaderValue, Method, StatusCode, Uri, header},
    middleware::{self, Next},
    response::{IntoResponse, Response},
    routing::{get, post},
};
use serde::{Serialize, de::DeserializeOwned};
use tower_http::cors::{AllowOrigin, CorsLayer};
use zeroize::Zeroizing;

use super::{
    Kms, Refusal, RefusalCode,
    wire::{AttestRequest, ChallengeRequest, ErrorBody, GetKeyRequest, MAX_BODY_BYTES},
};
use crate::error;

const HEALTH: &str = "/health";
const ATTEST: &str = "/attest";
const CHALLENGE: &str = "/challenge";
const GET_KEY: &str = "/get-key";
const ENDPOINTS: [&str; 4] = [HEALTH, ATTEST, CHALLENGE, GET_KEY];
/// A request that takes longer is given up, its body included.
const PATIENCE: Duration = Duration::from_secs(30);
/// What an endpoint is called that does not exist: its name is anybody's text.
const OTHER: &str = "other";
/// Characters of anybody's text that are logged.
const MAX_LOGGED: usize = 128;
/// More than any answer takes that holds a key: 128 digits and its name.
const SMALL_BODY_BYTES: usize = 512;
/// Type of the metrics: the exposition format that Prometheus reads.
const METRICS_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// The endpoints, for `origins` (scheme, host and port) that browsers may call from.
pub fn router(kms: Arc<Kms>, origins: &[HeaderValue]) -> Router {
    ENDPOINTS.into_iter().for_each(|endpoint| kms.metrics().will_count(endpoint));
    let router = Router::new()
        .route(HEALTH, get(health))
        .route(ATTEST, post(attest))
        .route(CHALLENGE, post(challenge))
        .route(GET_KEY, post(get_key))
        .fallback(|kms: State<Arc<Kms>>, uri: Uri| no_such(kms, uri, StatusCode::NOT_FOUND, "no such endpoint"))
        .method_not_allowed_fallback(|kms: State<Arc<Kms>>, uri: Uri| {
            no_such(kms, uri, StatusCode::METHOD_NOT_ALLOWED, "no such method here")
        })
        .layer(DefaultBodyLimit::max(MAX_BODY_BYTES))
        .layer(middleware::from_fn_with_state(Arc::clone(&kms), in_time))
        .with_state(kms);
    if origins.is_empty() {
        return router;
    }
    let cors = CorsLayer::new()
        .allow_origin(AllowOrigin::list(origins.iter().cloned()))
        .allow_methods([Method::GET, Method::POST])
        .allow_headers([header::CONTENT_TYPE]);
    router.layer(cors)
}

/// `GET /metrics`, for a listener that callers do not reach.
pub fn metrics_router(kms: Arc<Kms>) -> Router {
    Router::new().route("/metrics", get(metrics)).with_state(kms)
}

async fn metrics(State(kms): State<Arc<Kms>>) -> Response {
    ([(header::CONTENT_TYPE, METRICS_TYPE)], kms.metrics().text()).into_response()
}

async fn health(State(kms): State<Arc<Kms>>) -> Response {
    let health = kms.health();
    let status = if health.policy_loaded { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    kms.metrics().request(HEALTH, if health.policy_loaded { "ok" } else { RefusalCode::PolicyNotReady.as_str() });
    json(status, &health)
}

async fn attest(State(kms): State<Arc<Kms>>, body: Result<Bytes, BytesRejection>) -> Response {
    let outcome = match read::<AttestRequest>(body) {
        Ok(request) => kms.attest(&request).await.map_err(Failure::from),
        Err(failure) => Err(failure),
    };
    answer(&kms, Asked::at(ATTEST), outcome)
}

async fn challenge(State(kms): State<Arc<Kms>>, body: Result<Bytes, BytesRejection>) -> Response {
    let outcome = match read::<ChallengeRequest>(body) {
        Ok(request) => kms.challenge(&request).await.map_err(Failure::from),
        Err(failure) => Err(failure),
    };
    answer(&kms, Asked::at(CHALLENGE), outcome)
}

async fn get_key(State(kms): State<Arc<Kms>>, body: Result<Bytes, BytesRejection>) -> Response {
    let (peer, outcome) = match read::<GetKeyRequest>(body) {
        Ok(request) => {
            let outcome = kms.get_key(&request).await.map_err(Failure::from);
            (Some(request.peer_id), outcome)
        }
        Err(failure) => (None, Err(failure)),
    };
    answer(&kms, Asked { peer: peer.as_deref(), ..Asked::at(GET_KEY) }, outcome)
}

/// What is asked for does not exist.
async fn no_such(State(kms): State<Arc<Kms>>, uri: Uri, status: StatusCode, details: &'static str) -> Response {
    answer(&kms, Asked::of(&uri), Err::<(), _>(Failure::new(status, details)))
}

/// What a request is logged and counted under.
struct Asked<'a> {
    endpoint: &'static str,
    /// What was asked for where that is not an endpoint. For the log alone: it is anybody's text.
    path: Option<&'a str>,
    /// Whom it says it is from. Anybody's text as well.
    peer: Option<&'a str>,
}

impl<'a> Asked<'a> {
    fn at(endpoint: &'static str) -> Self {
        Self { endpoint, path: None, peer: None }
    }

    fn of(uri: &'a Uri) -> Self {
        match ENDPOINTS.into_iter().find(|known| *known == uri.path()) {
            Some(endpoint) => Self::at(endpoint),
            None => Self { path: Some(uri.path()), ..Self::at(OTHER) },
        }
    }
}

/// A body as JSON.
fn read<T: DeserializeOwned>(body: Result<Bytes, BytesRejection>) -> Result<T, Failure> {
    let body = body.map_err(|rejection| match rejection.status() {
        StatusCode::PAYLOAD_TOO_LARGE => {
            Failure::new(StatusCode::PAYLOAD_TOO_LARGE, format!("the body is larger than {MAX_BODY_BYTES} bytes"))
        }
        _ => Failure::new(StatusCode::BAD_REQUEST, "the body cannot be read"),
    })?;
    // The parser's words name a place and a field; where it quotes a value, that value is not ours to repeat.
    serde_json::from_slice(&body).map_err(|e| {
        let problem = if e.is_data() { "not of the expected shape" } else { "not JSON" };
        let missing = e.to_string();
        let missing = missing.strip_prefix("missing field `").and_then(|rest| rest.split('`').next());
        let details = match missing {
            Some(field) => format!("the body has no field {field}"),
            None => format!("the body is {problem}: line {}, column {}", e.line(), e.column()),
        };
        Failure::new(StatusCode::BAD_REQUEST, details)
    })
}

/// A refusal with the status it is sent with.
struct Failure {
    status: StatusCode,
    refusal: Refusal,
}

impl Failure {
    /// What is wrong with the request as HTTP has it.
    fn new(status: StatusCode, details: impl Into<String>) -> Self {
        Self { status, refusal: Refusal::new(RefusalCode::InvalidRequest, details) }
    }
}

impl From<Refusal> for Failure {
    fn from(refusal: Refusal) -> Self {
        let status = StatusCode::from_u16(refusal.code.status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        Self { status, refusal }
    }
}

impl IntoResponse for Failure {
    fn into_response(self) -> Response {
        let body = ErrorBody { error: self.refusal.code.as_str().to_owned(), details: self.refusal.details };
        json(self.status, &body)
    }
}

/// Logs and counts how a request ended, and says it.
fn answer<T: Serialize>(kms: &Kms, asked: Asked<'_>, outcome: Result<T, Failure>) -> Response {
    let Asked { endpoint, peer, .. } = asked;
    let word = outcome.as_ref().map_or_else(|failure| failure.refusal.code.as_str(), |_| "ok");
    kms.metrics().request(endpoint, word);
    match outcome {
        Ok(body) => {
            match peer {
                Some(peer) => tracing::info!(endpoint, peer, "key released"),
                None => tracing::debug!(endpoint, "answered"),
            }
            json(StatusCode::OK, &body)
        }
        Err(failure) => {
            log(&asked, &failure);
            failure.into_response()
        }
    }
}

/// One line for every request that is refused. Faults of ours are errors, everything else is a warning.
fn log(asked: &Asked<'_>, failure: &Failure) {
    let Failure { status, refusal } = failure;
    let (status, code) = (status.as_u16(), refusal.code.as_str());
    let cause = refusal.cause.as_ref().map(|cause| error::chain(cause));
    let why = cause.as_deref().or(refusal.details.as_deref()).unwrap_or_default();
    let cut = |text: &str| text.chars().take(MAX_LOGGED).collect::<String>();
    let (endpoint, path, peer) = (asked.endpoint, asked.path.map(cut), asked.peer.map(cut).unwrap_or_default());
    if status >= 500 {
        tracing::error!(endpoint, status, code, path, peer, why, "refused");
    } else {
        tracing::warn!(endpoint, status, code, path, peer, why, "refused");
    }
}

/// Nothing the service says may be kept on the way, and nothing of it is left in memory: it may be a key.
fn json(status: StatusCode, body: &impl Serialize) -> Response {
    let headers = [(header::CONTENT_TYPE, "application/json"), (header::CACHE_CONTROL, "no-store")];
    // Room for a key from the start: what grows leaves a copy behind.
    let mut bytes = Zeroizing::new(Vec::with_capacity(SMALL_BODY_BYTES));
    match serde_json::to_writer(&mut *bytes, body) {
        Ok(()) => (status, headers, Bytes::from_owner(bytes)).into_response(),
        Err(_) => (StatusCode::INTERNAL_SERVER_ERROR, headers, r#"{"error":"internal_error"}"#).into_response(),
    }
}

async fn in_time(State(kms): State<Arc<Kms>>, request: Request, next: Next) -> Response {
    let uri = request.uri().clone();
    match tokio::time::timeout(PATIENCE, next.run(request)).await {
        Ok(response) => response,
        Err(_) => {
            let details = format!("the request took longer than {} s", PATIENCE.as_secs());
            let refusal = Refusal::new(RefusalCode::ServiceUnavailable, details);
            answer(&kms, Asked::of(&uri), Err::<(), _>(Failure::from(refusal)))
        }
    }
}
