//! What goes wrong at a chosen request: a status, a limit that is reached, a connection that drops, an answer that is slow
//! or gets lost, an upload that leaves half a thing behind.

use std::time::Duration;

use axum::{
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse as _, Response},
};

use super::refusal::Refusal;
use crate::sandbox::schedule::{Schedule, Scheduled};

/// One thing that goes wrong, once.
pub type Fault = Scheduled<Trouble>;

/// The faults still to come.
pub type Faults = Schedule<Trouble>;

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

fn limited(code: u16, words: &str) -> Response {
    Refusal::said(StatusCode::from_u16(code).unwrap_or(StatusCode::FORBIDDEN), words).into_response()
}
