//! What happens to every request around its handler: it may fail, it is noted, and the answer states the rate limit.

use std::sync::atomic::Ordering;

use axum::{
    extract::{Request, State},
    http::{HeaderMap, HeaderValue, header},
    middleware::Next,
    response::Response,
};

use super::{
    Shared,
    assets::BreaksOff,
    faults::{self, Trouble},
    recorder::Recorded,
};

/// Requests an hour, without a token and with one.
const LIMITS: (u64, u64) = (60, 5_000);

/// Lets a fault happen, notes the request, and states the rate limit.
pub(super) async fn watched(State(hub): State<Shared>, mut request: Request, next: Next) -> Response {
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
