//! What happens to every request around its handler: it may be over a limit or fail, it is noted, and the answer states the
//! rate limit.

use std::{
    sync::atomic::Ordering,
    time::{Duration, Instant},
};

use axum::{
    Json,
    extract::{Request, State},
    http::{HeaderMap, HeaderValue, Method, header},
    middleware::Next,
    response::Response,
};
use serde_json::{Value, json};

use super::{
    Hub, Shared,
    ask::Ask,
    faults::{self, Trouble},
    limits::Admission,
    recorder::Recorded,
};
use crate::sandbox::trouble;

/// Requests an hour that are stated without a token and with one, where no limit is set.
const STATED: (u64, u64) = (60, 5_000);

/// Lets a fault happen, notes the request, and states the rate limit.
pub(super) async fn watched(State(hub): State<Shared>, request: Request, next: Next) -> Response {
    let (method, headers) = (request.method().clone(), request.headers());
    let path = request.uri().path_and_query().map(ToString::to_string).unwrap_or_default();
    let authorized = headers.contains_key(header::AUTHORIZATION);
    let length = headers.get(header::CONTENT_LENGTH).and_then(|length| length.to_str().ok()?.parse().ok());
    let free = request.uri().path().ends_with("/rate_limit");
    let admission = if free { None } else { Some(hub.meter.admit(&method, Instant::now())) };
    let mut spent = None;
    let mut lost = false;
    let mut response = match admission {
        Some(Admission::Primary) => {
            spent = Some(hub.meter.stand(Instant::now()).reset);
            faults::primary_limit(403)
        }
        Some(Admission::Secondary(wait)) => faults::secondary_limit(403, Some(wait)),
        None | Some(Admission::Admitted(_)) => {
            let trouble = hub.faults.hit(&method, &path);
            lost = trouble.is_some_and(Trouble::loses_the_answer);
            if let Some(Trouble::PrimaryLimit { reset, .. }) = trouble {
                spent = Some(reset);
            }
            troubled(trouble, request, &path, next).await
        }
    };
    let status = (!lost).then(|| response.status().as_u16());
    hub.recorder.add(Recorded { method, path, authorized, length, status });
    hub.asked.fetch_add(1, Ordering::Relaxed);
    Stated::of(&hub, authorized, spent).write(response.headers_mut());
    response
}

/// What is left of the hour, which costs nothing to ask.
pub(super) async fn rate_limit(State(hub): State<Shared>, ask: Ask) -> Json<Value> {
    let Stated { limit, used, reset } = Stated::of(&hub, ask.account().is_ok(), None);
    let core = json!({"limit": limit, "used": used, "remaining": limit - used, "reset": reset, "resource": "core"});
    Json(json!({"resources": {"core": core}, "rate": core}))
}

async fn troubled(trouble: Option<Trouble>, mut request: Request, path: &str, next: Next) -> Response {
    if let Some(spoilt) = trouble.and_then(Trouble::of_upload)
        && request.method() == Method::POST
    {
        request.extensions_mut().insert(spoilt);
    }
    match trouble {
        None | Some(Trouble::Starter | Trouble::CutOff | Trouble::Empty) => next.run(request).await,
        Some(Trouble::Status(code)) => faults::status(code),
        Some(Trouble::PrimaryLimit { status, .. }) => faults::primary_limit(status),
        Some(Trouble::SecondaryLimit { status, retry_after }) => faults::secondary_limit(status, retry_after),
        Some(Trouble::Dropped) => trouble::dropped(),
        Some(Trouble::DoneButStatus(code)) => {
            next.run(request).await;
            faults::status(code)
        }
        Some(Trouble::DoneButExists) => {
            next.run(request).await;
            faults::exists(path)
        }
        Some(Trouble::AnswerLost) => {
            next.run(request).await;
            trouble::dropped()
        }
        Some(Trouble::Slow(time)) => {
            let response = next.run(request).await;
            tokio::time::sleep(time).await;
            response
        }
    }
}

/// What is stated of the rate limit.
struct Stated {
    limit: u64,
    used: u64,
    /// When the hour is over, in seconds since 1970.
    reset: i64,
}

impl Stated {
    /// `spent` is how long there is nothing left, whatever was used.
    fn of(hub: &Hub, authorized: bool, spent: Option<Duration>) -> Self {
        let stand = hub.meter.stand(Instant::now());
        let asked = hub.asked.load(Ordering::Relaxed);
        let (limit, used) = match stand.limit {
            Some(limit) => (limit, stand.used.min(limit)),
            None => {
                let limit = if authorized { STATED.1 } else { STATED.0 };
                (limit, asked.min(limit - 1))
            }
        };
        let wait = spent.unwrap_or(stand.reset);
        // Not before it is over.
        let seconds = wait.as_secs() + u64::from(wait.subsec_nanos() > 0);
        let reset = jiff::Timestamp::now().as_second().saturating_add_unsigned(seconds);
        Self { limit, used: if spent.is_some() { limit } else { used }, reset }
    }

    fn write(&self, headers: &mut HeaderMap) {
        for (name, value) in [("limit", self.limit), ("remaining", self.limit - self.used), ("used", self.used)] {
            if let Ok(name) = header::HeaderName::try_from(format!("x-ratelimit-{name}")) {
                headers.insert(name, HeaderValue::from(value));
            }
        }
        headers.insert("x-ratelimit-reset", HeaderValue::from(self.reset));
        headers.insert("x-ratelimit-resource", HeaderValue::from_static("core"));
    }
}
