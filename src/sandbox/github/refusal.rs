//! How GitHub says no: the bodies that clients read, with the status each goes with.

use axum::{
    Json,
    http::StatusCode,
    response::{IntoResponse, Response},
};
use serde_json::{Value, json};

/// An answer that is not a success.
#[derive(Debug, Clone)]
pub(super) struct Refusal {
    status: StatusCode,
    body: Value,
}

/// Where GitHub explains them.
const DOCUMENTATION: &str = "https://docs.github.com/rest";

impl Refusal {
    /// There is none, or the caller may not know.
    pub(super) fn not_found() -> Self {
        Self::said(StatusCode::NOT_FOUND, "Not Found")
    }

    /// What changes something wants a token.
    pub(super) fn unauthenticated() -> Self {
        Self::said(StatusCode::UNAUTHORIZED, "Requires authentication")
    }

    /// The token may not do this.
    pub(super) fn forbidden() -> Self {
        Self::said(StatusCode::FORBIDDEN, "Resource not accessible by integration")
    }

    /// A body whose fields have the wrong shape.
    pub(super) fn invalid(why: &str) -> Self {
        Self::said(StatusCode::UNPROCESSABLE_ENTITY, &format!("Invalid request.\n\n{why}"))
    }

    /// A wish that can't be met, in a sentence and nothing else.
    pub(super) fn refused(message: &str) -> Self {
        Self::said(StatusCode::UNPROCESSABLE_ENTITY, message)
    }

    /// A body that is not the JSON it should be.
    pub(super) fn unreadable() -> Self {
        Self::said(StatusCode::BAD_REQUEST, "Problems parsing JSON")
    }

    /// A field has a value that it can't have: `code` is `already_exists`, `missing_field` or `invalid`.
    pub(super) fn field(resource: &str, code: &str, field: &str) -> Self {
        let errors = json!([{"resource": resource, "code": code, "field": field}]);
        Self::unprocessable("Validation Failed", errors)
    }

    /// A rule that GitHub explains in words.
    pub(super) fn rule(resource: &str, message: &str) -> Self {
        let errors = json!([{"resource": resource, "code": "custom", "message": message}]);
        Self::unprocessable("Validation Failed", errors)
    }

    /// A status with nothing but a message.
    pub(super) fn said(status: StatusCode, message: &str) -> Self {
        let code = status.as_u16().to_string();
        Self { status, body: json!({"message": message, "documentation_url": DOCUMENTATION, "status": code}) }
    }

    fn unprocessable(message: &str, errors: Value) -> Self {
        let body = json!({"message": message, "errors": errors, "documentation_url": DOCUMENTATION, "status": "422"});
        Self { status: StatusCode::UNPROCESSABLE_ENTITY, body }
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        (self.status, Json(self.body)).into_response()
    }
}
