//! What goes wrong at a chosen request: a status, a connection that drops, an answer that is slow or gets lost.

use std::{
    sync::{Mutex, PoisonError},
    time::Duration,
};

use axum::{
    body::Body,
    http::{Method, StatusCode},
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
    /// It is not carried out, and the connection drops.
    Dropped,
    /// It is carried out, and the connection drops before the answer is whole.
    AnswerLost,
    /// An upload breaks off: the asset stays in state `starter`, and the answer is 502.
    Starter,
    /// It is carried out and answered after this time.
    Slow(Duration),
}

/// The faults still to come.
#[derive(Debug, Default)]
pub struct Faults(Mutex<Vec<Fault>>);

impl Faults {
    /// Adds one.
    pub fn add(&self, fault: Fault) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(fault);
    }

    /// Whether all of them have happened.
    pub fn are_over(&self) -> bool {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).is_empty()
    }

    /// What happens to a request, and is then over.
    pub(super) fn hit(&self, method: &Method, path: &str) -> Option<Trouble> {
        let mut faults = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let at = faults.iter().position(|fault| fault.method == *method && path.contains(&fault.path))?;
        match faults.get_mut(at) {
            Some(waiting) if waiting.after > 0 => {
                waiting.after -= 1;
                None
            }
            Some(_) => Some(faults.remove(at).what),
            None => None,
        }
    }
}

/// An answer that is nothing but a status and GitHub's words for it.
pub(super) fn status(code: u16) -> Response {
    let status = StatusCode::from_u16(code).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    Refusal::said(status, status.canonical_reason().unwrap_or_default()).into_response()
}

/// A connection that drops: the body promised is never sent.
pub(super) fn dropped() -> Response {
    let broken = stream::iter([Err::<Vec<u8>, _>(std::io::Error::other("a fault of the sandbox"))]);
    Response::new(Body::from_stream(broken))
}
