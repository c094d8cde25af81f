//! Who asks, as whom they reach us, and which page of a list they want.

use std::convert::Infallible;

use axum::{
    Json,
    extract::FromRequestParts,
    http::{header, request::Parts},
    response::{IntoResponse as _, Response},
};
use serde::Deserialize;
use serde_json::{Value, json};

use super::refusal::Refusal;

/// Where an Enterprise host has its API.
pub(super) const ENTERPRISE: &str = "/api/v3";

/// What every request says of itself.
#[derive(Debug, Clone)]
pub(super) struct Ask {
    /// Base URL as the client reached us: it may have come through a proxy, under another name.
    base: String,
    /// Whether a token came along. Any is taken.
    pub(super) authorized: bool,
}

impl<S: Send + Sync> FromRequestParts<S> for Ask {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Infallible> {
        let host = parts
            .uri
            .authority()
            .map(ToString::to_string)
            .or_else(|| parts.headers.get(header::HOST)?.to_str().ok().map(str::to_owned))
            .unwrap_or_default();
        let prefix = if parts.uri.path().starts_with(ENTERPRISE) { ENTERPRISE } else { "" };
        let authorized = parts.headers.contains_key(header::AUTHORIZATION);
        Ok(Self { base: format!("http://{host}{prefix}"), authorized })
    }
}

impl Ask {
    /// The URL of a repository.
    pub(super) fn repository(&self, full_name: &str) -> String {
        format!("{}/repos/{full_name}", self.base)
    }

    /// # Errors
    /// 401 without a token.
    pub(super) fn may_write(&self) -> Result<(), Refusal> {
        if self.authorized { Ok(()) } else { Err(Refusal::unauthenticated()) }
    }
}

/// Which page of a list is wanted.
#[derive(Debug, Deserialize)]
pub(super) struct Page {
    per_page: Option<usize>,
    page: Option<usize>,
}

impl Page {
    /// The slice of `all` asked for, and a `Link` header when there is more.
    pub(super) fn of(&self, all: &[Value], url: &str) -> Response {
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
