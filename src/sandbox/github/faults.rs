//! What goes wrong at a chosen request: a status, a limit that is reached, a connection that drops, an answer that is slow
//! or gets lost, an upload that leaves half a thing behind.

use std::{
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use axum::{
    body::Body,
    http::{HeaderValue, Method, StatusCode, header},
    response::{IntoResponse as _, Response},
};
use futures_util::stream;

use super::refusal::Refusal;

/// One thing that goes wrong, once.
#[derive(Debug, Clone)]
pub struct Fault {
    /// The method it waits for.
    pub method: Method,
    /// What the path must contain.
    pub path: String,
    /// How many such requests are left alone first.
    pub after: usize,
    /// What happens then.
    pub what: Trouble,
}

/// What happens to a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Trouble {
    /// It is answered with this status and not carried out.
    Status(u16),
    /// It is carried out, and answered with this status all the same.
    DoneButStatus(u16),
    /// It is carried out, and answered with 422 as if somebody else had been first.
    DoneButExists,
    /// It is not carried out: nothing is left of the hour's requests, and this much of the hour.
    PrimaryLimit {
        /// 403 or 429.
        status: u16,
        /// Until the hour is over.
        reset: Duration,
    },
    /// It is not carried out: too much at once.
    SecondaryLimit {
        /// 403 or 429.
        status: u16,
        /// What `retry-after` says, if it is there.
        retry_after: Option<Duration>,
    },
    /// It is not carried out, and the connection drops.
    Dropped,
    /// It is carried out, and the connection drops before the answer is whole.
    AnswerLost,
    /// An upload breaks off: the asset stays in state `starter`, and the answer is 502.
    Starter,
    /// An upload breaks off: the asset stays in state `starter`, and the connection drops with the body half read.
    CutOff,
    /// An upload is answered with 201, and the asset is empty.
    Empty,
    /// It is carried out and answered after this time.
    Slow(Duration),
}

/// What happens to an upload, for its handler.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Spoilt {
    BreaksOff,
    CutOff,
    Empty,
}

impl Trouble {
    /// What the handler of an upload has to do about it.
    pub(super) fn of_upload(self) -> Option<Spoilt> {
        match self {
            Self::Starter => Some(Spoilt::BreaksOff),
            Self::CutOff => Some(Spoilt::CutOff),
            Self::Empty => Some(Spoilt::Empty),
            Self::Status(_)
            | Self::DoneButStatus(_)
            | Self::DoneButExists
            | Self::PrimaryLimit { .. }
            | Self::SecondaryLimit { .. }
            | Self::Dropped
            | Self::AnswerLost
            | Self::Slow(_) => None,
        }
    }

    /// Whether the client gets no answer.
    pub(super) fn loses_the_answer(self) -> bool {
        matches!(self, Self::Dropped | Self::AnswerLost | Self::CutOff)
    }
}

/// The faults still to come.
#[derive(Debug, Default)]
pub struct Faults(Mutex<Waiting>);

#[derive(Debug, Default)]
struct Waiting {
    chosen: Vec<Fault>,
    /// Requests from now on, whatever they ask, and what happens then.
    counted: Vec<(usize, Trouble)>,
}

impl Faults {
    /// Adds one.
    pub fn add(&self, fault: Fault) {
        self.lock().chosen.push(fault);
    }

    /// Adds one to the request after so many others, whatever it asks.
    pub fn add_after(&self, requests: usize, what: Trouble) {
        self.lock().counted.push((requests, what));
    }

    /// Whether all of them have happened.
    pub fn are_over(&self) -> bool {
        let waiting = self.lock();
        waiting.chosen.is_empty() && waiting.counted.is_empty()
    }

    /// Forgets those that have not happened.
    pub fn clear(&self) {
        *self.lock() = Waiting::default();
    }

    /// What happens to a request, and is then over.
    pub(super) fn hit(&self, method: &Method, path: &str) -> Option<Trouble> {
        let mut waiting = self.lock();
        let due = waiting.counted.iter().position(|(left, _)| *left == 0);
        let counted = due.map(|at| waiting.counted.remove(at).1);
        for (left, _) in &mut waiting.counted {
            *left = left.saturating_sub(1);
        }
        let at = waiting.chosen.iter().position(|fault| fault.method == *method && path.contains(&fault.path));
        let chosen = at.and_then(|at| match waiting.chosen.get_mut(at) {
            Some(fault) if fault.after > 0 => {
                fault.after -= 1;
                None
            }
            Some(_) => Some(waiting.chosen.remove(at).what),
            None => None,
        });
        counted.or(chosen)
    }

    fn lock(&self) -> MutexGuard<'_, Waiting> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// An answer that is nothing but a status and GitHub's words for it.
pub(super) fn status(code: u16) -> Response {
    let status = StatusCode::from_u16(code).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    Refusal::said(status, status.canonical_reason().unwrap_or_default()).into_response()
}

/// What GitHub says when the name is taken.
pub(super) fn exists(path: &str) -> Response {
    let (resource, field) = if path.contains("/assets") { ("ReleaseAsset", "name") } else { ("Release", "tag_name") };
    Refusal::field(resource, "already_exists", field).into_response()
}

/// Nothing is left of the hour's requests. The caller states the limit's headers.
pub(super) fn primary_limit(code: u16) -> Response {
    limited(code, "API rate limit exceeded for user ID 41898282.")
}

/// Too much at once.
pub(super) fn secondary_limit(code: u16, retry_after: Option<Duration>) -> Response {
    let words = "You have exceeded a secondary rate limit. Please wait a few minutes before you try again.";
    let mut response = limited(code, words);
    if let Some(wait) = retry_after {
        // Whole seconds, and never too few.
        let seconds = wait.as_secs() + u64::from(wait.subsec_nanos() > 0);
        response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(seconds));
    }
    response
}

/// A connection that drops: the body promised is never sent.
pub(super) fn dropped() -> Response {
    let broken = stream::iter([Err::<Vec<u8>, _>(std::io::Error::other("a fault of the sandbox"))]);
    Response::new(Body::from_stream(broken))
}

fn limited(code: u16, words: &str) -> Response {
    Refusal::said(StatusCode::from_u16(code).unwrap_or(StatusCode::FORBIDDEN), words).into_response()
}
