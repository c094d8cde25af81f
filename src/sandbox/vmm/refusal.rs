//! Errors as dstack's services write them: 400, and `{"error": …}` on three lines.

use axum::{
    http::{StatusCode, header},
    response::{IntoResponse, Response},
};
use serde_json::json;

/// An error.
#[derive(Debug, Clone)]
pub(super) struct Refusal(String);

impl Refusal {
    /// With these words.
    pub(super) fn said(words: impl Into<String>) -> Self {
        Self(words.into())
    }

    /// There is no such method.
    pub(super) fn unknown(method: &str) -> Self {
        Self(format!("Service not found: {method}"))
    }

    /// Its words.
    pub(super) fn words(&self) -> &str {
        &self.0
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let body = serde_json::to_string_pretty(&json!({ "error": self.0 })).unwrap_or_default();
        (StatusCode::BAD_REQUEST, [(header::CONTENT_TYPE, "application/json")], body).into_response()
    }
}

/// A JSON text as an answer.
pub(super) fn json_text(body: String) -> Response {
    ([(header::CONTENT_TYPE, "application/json")], body).into_response()
}

/// A status that is none of the service's own.
pub(super) fn status(status: StatusCode, _wait: Option<u64>) -> Response {
    let words = status.canonical_reason().unwrap_or_default().to_owned();
    let body = serde_json::to_string_pretty(&json!({ "error": words })).unwrap_or_default();
    (status, [(header::CONTENT_TYPE, "application/json")], body).into_response()
}
