//! What happens to every request around its handler: the key is looked at, it may fail, and it is noted.

use axum::{
    extract::{Request, State},
    http::{HeaderMap, Method, StatusCode},
    middleware::Next,
    response::{IntoResponse as _, Response},
};

use super::{API_KEY, Flaw, PREFIX, Shared, refusal::Refusal};
use crate::sandbox::trouble::{self, Asked, Mishap};

/// Versions of the API that are spoken.
const VERSIONS: [&str; 2] = ["2026-01-21", "2025-10-28"];
/// How long the account is over its limit with [`Flaw::Limited`], in seconds.
const LIMITED_FOR: u64 = 3600;

/// Lets a fault happen, and notes the request.
pub(super) async fn watched(State(cloud): State<Shared>, request: Request, next: Next) -> Response {
    let method = request.method().clone();
    let path = request.uri().path_and_query().map(ToString::to_string).unwrap_or_default();
    let authorized = request.headers().contains_key("x-api-key");
    let flaw = cloud.flaw();
    let mishap = cloud.troubles.hit(&method, &path).or_else(|| lasting(flaw, &method, &path));
    let lost = mishap.is_some_and(Mishap::loses_the_answer);
    let response = match barred(request.headers(), flaw) {
        Some(barred) => barred,
        None => trouble::suffered(&cloud.troubles, mishap, refuse, request, next).await,
    };
    let status = (!lost).then(|| response.status().as_u16());
    cloud.record.add(Asked { method, path, authorized, status });
    response
}

/// What lasts and happens to requests of one kind.
fn lasting(flaw: Option<Flaw>, method: &Method, path: &str) -> Option<Mishap> {
    let creates = *method == Method::POST && path == format!("{PREFIX}/cvms");
    match flaw? {
        Flaw::Limited => Some(Mishap::Limited(LIMITED_FOR)),
        Flaw::Unavailable => Some(Mishap::Status(503)),
        Flaw::CommitLost if creates => Some(Mishap::AnswerLost),
        Flaw::CommitFails if creates => Some(Mishap::Status(500)),
        Flaw::DeleteFails if *method == Method::DELETE => Some(Mishap::Status(500)),
        Flaw::GoneBeforeDelete if *method == Method::DELETE => Some(Mishap::DoneButStatus(404)),
        Flaw::UpdateRefused if *method == Method::PATCH => Some(Mishap::Status(465)),
        Flaw::UpdateLost if *method == Method::PATCH => Some(Mishap::AnswerLost),
        Flaw::UpdateIgnored if *method == Method::PATCH => Some(Mishap::Ignored),
        Flaw::CommitLost
        | Flaw::CommitFails
        | Flaw::DeleteFails
        | Flaw::GoneBeforeDelete
        | Flaw::NeverReady
        | Flaw::BootError
        | Flaw::HashProvisioned
        | Flaw::HashStated
        | Flaw::HashMeasured
        | Flaw::HashOfFile
        | Flaw::NoEndpoints
        | Flaw::OtherMachine
        | Flaw::OtherInstance
        | Flaw::NoAppId
        | Flaw::OtherVersion
        | Flaw::OtherProfile
        | Flaw::OtherNonce
        | Flaw::DebugTd
        | Flaw::OtherRoot
        | Flaw::OutdatedTcb
        | Flaw::SecondComposeHash
        | Flaw::UpdateRefused
        | Flaw::UpdateLost
        | Flaw::UpdateIgnored
        | Flaw::UpdatedNotBooting
        | Flaw::UpdatedOtherKeys
        | Flaw::UpdatedDebugTd
        | Flaw::UpdatedSlow
        | Flaw::UpdatedFailing
        | Flaw::UpdatedFlapping
        | Flaw::KeyRefused => None,
    }
}

/// Why the caller is not heard at all.
fn barred(headers: &HeaderMap, flaw: Option<Flaw>) -> Option<Response> {
    let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    let key = text("x-api-key").unwrap_or_default();
    if key != API_KEY || flaw == Some(Flaw::KeyRefused) {
        // A service that repeats what it was sent is the worst case for a client's messages.
        let words = format!("Invalid API key: {key}");
        return Some(Refusal::said(StatusCode::UNAUTHORIZED, &words).into_response());
    }
    if !text("x-phala-version").is_some_and(|version| VERSIONS.contains(&version)) {
        return Some(Refusal::said(StatusCode::BAD_REQUEST, "Unsupported API version").into_response());
    }
    None
}

fn refuse(status: StatusCode, wait: Option<u64>) -> Response {
    match wait {
        Some(seconds) => Refusal::limited(seconds),
        None => Refusal::said(status, status.canonical_reason().unwrap_or_default()).into_response(),
    }
}
