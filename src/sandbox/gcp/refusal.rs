//! Errors of Google's APIs.

use axum::{
    Json,
    http::StatusCode,
    response::{IntoResponse, Response},
};
use serde_json::json;

/// A no.
#[derive(Debug, Clone)]
pub(super) struct Refusal {
    status: StatusCode,
    reason: &'static str,
    message: String,
}

impl Refusal {
    pub(super) fn new(status: StatusCode, reason: &'static str, message: impl Into<String>) -> Self {
        Self { status, reason, message: message.into() }
    }

    pub(super) fn missing(what: &str) -> Self {
        Self::new(StatusCode::NOT_FOUND, "notFound", format!("The resource '{what}' was not found"))
    }

    pub(super) fn exists(what: &str) -> Self {
        Self::new(StatusCode::CONFLICT, "alreadyExists", format!("The resource '{what}' already exists"))
    }

    pub(super) fn invalid(message: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "invalid", message)
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let Self { status, reason, message } = self;
        let error = json!({"message": message, "domain": "global", "reason": reason});
        let body = json!({"error": {"code": status.as_u16(), "message": message, "errors": [error]}});
        (status, Json(body)).into_response()
    }
}
