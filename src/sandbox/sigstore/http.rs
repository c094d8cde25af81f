//! The instance on HTTP, for anybody's client: both Rekors, Fulcio v1 and v2, the timestamp authority, and identity tokens
//! on one base URL.
//!
//! Holds the routes and the shape of an error; each service's handlers are beside it. Requests are bounded by axum's
//! default body limit.

mod fulcio;
mod oidc;
mod rekor;
mod rekor2;
mod timestamp;

use std::sync::{Arc, Mutex};

use axum::Router;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use jiff::Timestamp;
use serde_json::json;

use super::Instance;
use crate::error::{Class, Error, chain};

/// Where the services take the time of what clients ask them to sign. A plain function: it is called on every request.
pub type Clock = fn() -> Timestamp;

/// What every handler sees.
#[derive(Clone)]
struct Services {
    instance: Arc<Mutex<Instance>>,
    clock: Clock,
}

/// The services on the machine's clock. Reading changes nothing; a certificate, a timestamp or an entry made over HTTP
/// bears the time of the request.
pub fn router(instance: Arc<Mutex<Instance>>) -> Router {
    router_at(instance, Timestamp::now)
}

/// The services on a given clock.
pub fn router_at(instance: Arc<Mutex<Instance>>, clock: Clock) -> Router {
    Router::new()
        .route("/api/v1/log", get(rekor::state))
        .route("/api/v1/log/publicKey", get(rekor::public_key))
        .route("/api/v1/log/entries", get(rekor::by_index).post(rekor::propose))
        .route("/api/v1/log/entries/{uuid}", get(rekor::by_uuid))
        .route("/api/v1/log/entries/retrieve", post(rekor::retrieve))
        // sigstore-python asks with a trailing slash.
        .route("/api/v1/log/entries/retrieve/", post(rekor::retrieve))
        .route("/api/v1/index/retrieve", post(rekor::search))
        .route("/api/v2/log/entries", post(rekor2::propose))
        .route("/oidc/token", get(oidc::token))
        .route("/api/v2/signingCert", post(fulcio::signing_cert_v2))
        .route("/api/v1/signingCert", post(fulcio::signing_cert_v1))
        .route("/api/v2/trustBundle", get(fulcio::trust_bundle))
        .route("/api/v1/timestamp", post(timestamp::timestamp))
        .with_state(Services { instance, clock })
}

impl Services {
    /// Runs `work` on the instance at the present time (Unix seconds).
    fn with<T>(&self, work: impl FnOnce(&mut Instance, i64) -> crate::error::Result<T>) -> Result<T, Problem> {
        let now = (self.clock)().as_second();
        let mut instance = self
            .instance
            .lock()
            .map_err(|_| Problem::from(Error::internal("an earlier request broke the sandbox's Sigstore instance")))?;
        work(&mut instance, now).map_err(Problem::from)
    }
}

/// An error as Rekor and Fulcio write it: `{"code": …, "message": …}`.
struct Problem {
    status: StatusCode,
    message: String,
}

impl Problem {
    fn new(status: StatusCode, message: impl Into<String>) -> Self {
        Self { status, message: message.into() }
    }

    fn not_found(what: &str) -> Self {
        Self::new(StatusCode::NOT_FOUND, format!("{what} not found"))
    }
}

impl From<Error> for Problem {
    fn from(error: Error) -> Self {
        let status = match error.class() {
            Class::Usage | Class::Trust => StatusCode::BAD_REQUEST,
            Class::Input | Class::Remote | Class::Internal => StatusCode::INTERNAL_SERVER_ERROR,
        };
        Self::new(status, chain(&error))
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let body = json!({ "code": self.status.as_u16(), "message": self.message });
        (self.status, axum::Json(body)).into_response()
    }
}
