//! What goes wrong at a chosen request of a service, once: a status, an answer that gets lost, a connection that drops. And
//! what the service was asked, in order. For services whose errors have a shape of their own, which they give to it.

use std::{
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use axum::{
    body::Body,
    extract::Request,
    http::{Method, StatusCode},
    middleware::Next,
    response::Response,
};
use futures_util::stream;

use super::schedule::{Schedule, Scheduled};

/// One thing that goes wrong, once.
pub type Trouble = Scheduled<Mishap>;

/// The troubles still to come.
pub type Troubles = Schedule<Mishap>;

/// What happens to a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mishap {
    /// It is answered with this status and not carried out.
    Status(u16),
    /// It is answered with 429 and not carried out; this is what `retry-after` says, in seconds.
    Limited(u64),
    /// It is carried out, and answered with this status all the same.
    DoneButStatus(u16),
    /// It is not carried out, and answered with 202 all the same.
    Ignored,
    /// It is not carried out, and the connection drops.
    Dropped,
    /// It is carried out, and the connection drops before the answer is whole.
    AnswerLost,
    /// It is carried out and answered after this time.
    Slow(Duration),
    /// It is not carried out, and never answered.
    Stuck,
    /// It is carried out, and never answered.
    DoneAndStuck,
}

/// One request, and how it was answered. It has no body and no key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Asked {
    /// The method.
    pub method: Method,
    /// Path and query as they came.
    pub path: String,
    /// Whether a key came along.
    pub authorized: bool,
    /// The status of the answer; `None` where the connection was dropped instead.
    pub status: Option<u16>,
}

/// The requests so far.
#[derive(Debug, Default)]
pub struct Record(Mutex<Vec<Asked>>);

impl Mishap {
    /// Whether the client gets no answer.
    pub(super) fn loses_the_answer(self) -> bool {
        matches!(self, Self::Dropped | Self::AnswerLost | Self::Stuck | Self::DoneAndStuck)
    }
}

impl Record {
    /// All of them, oldest first.
    pub fn requests(&self) -> Vec<Asked> {
        self.lock().clone()
    }

    /// Those that change something.
    pub fn writes(&self) -> Vec<Asked> {
        self.requests().into_iter().filter(|one| !one.method.is_safe()).collect()
    }

    /// Forgets all of it.
    pub fn clear(&self) {
        self.lock().clear();
    }

    pub(super) fn add(&self, one: Asked) {
        self.lock().push(one);
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Asked>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Lets a mishap happen to a request: `refuse` is the service's own way to answer with a status, and with how many seconds to
/// wait where that is said.
pub(super) async fn suffered(
    troubles: &Troubles,
    mishap: Option<Mishap>,
    refuse: fn(StatusCode, Option<u64>) -> Response,
    request: Request,
    next: Next,
) -> Response {
    match mishap {
        None => next.run(request).await,
        Some(Mishap::Status(code)) => refuse(status(code), None),
        Some(Mishap::Limited(seconds)) => refuse(StatusCode::TOO_MANY_REQUESTS, Some(seconds)),
        Some(Mishap::Ignored) => accepted(),
        Some(Mishap::Dropped) => dropped(),
        Some(Mishap::DoneButStatus(code)) => {
            next.run(request).await;
            refuse(status(code), None)
        }
        Some(Mishap::AnswerLost) => {
            next.run(request).await;
            dropped()
        }
        Some(Mishap::Slow(time)) => {
            let response = next.run(request).await;
            tokio::time::sleep(time).await;
            response
        }
        Some(Mishap::Stuck) => troubles.hold().await,
        Some(Mishap::DoneAndStuck) => {
            next.run(request).await;
            troubles.hold().await
        }
    }
}

/// A promise that is not kept.
fn accepted() -> Response {
    let mut response = Response::new(Body::from(r#"{"status":"in_progress"}"#));
    *response.status_mut() = StatusCode::ACCEPTED;
    response
}

/// A status as axum has it.
pub(super) fn status(code: u16) -> StatusCode {
    StatusCode::from_u16(code).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
}

/// A connection that drops: the body promised is never sent.
pub(super) fn dropped() -> Response {
    let broken = stream::iter([Err::<Vec<u8>, _>(std::io::Error::other("a fault of the sandbox"))]);
    Response::new(Body::from_stream(broken))
}
