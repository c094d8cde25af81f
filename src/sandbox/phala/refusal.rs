//! Errors in both shapes that Phala Cloud has.

use axum::{
    Json,
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use serde_json::{Value, json};

/// An error as the API writes it.
#[derive(Debug, Clone)]
pub(super) struct Refusal {
    status: StatusCode,
    body: Value,
}

impl Refusal {
    /// With a sentence alone.
    pub(super) fn said(status: StatusCode, detail: &str) -> Self {
        Self { status, body: json!({ "detail": detail }) }
    }

    /// With a code, a message and the field it is about.
    pub(super) fn coded(status: StatusCode, code: &str, message: &str, field: (&str, &str)) -> Self {
        let details = json!([{"field": field.0, "value": null, "message": field.1}]);
        let body = json!({"error_code": code, "message": message, "details": details, "suggestions": [], "links": []});
        Self { status, body }
    }

    /// A field that is wrong.
    pub(super) fn field(place: &[&str], message: &str) -> Self {
        let place: Vec<&str> = ["body"].iter().chain(place).copied().collect();
        let body = json!({"detail": [{"loc": place, "msg": message, "type": "value_error"}]});
        Self { status: StatusCode::UNPROCESSABLE_ENTITY, body }
    }

    /// Nothing of this id.
    pub(super) fn not_found() -> Self {
        Self::said(StatusCode::NOT_FOUND, "CVM not found")
    }

    /// Too many requests, and when they may go on.
    pub(super) fn limited(seconds: u64) -> Response {
        let mut response = Self::said(StatusCode::TOO_MANY_REQUESTS, "Rate limit exceeded").into_response();
        response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        response
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        (self.status, Json(self.body)).into_response()
    }
}
