//! What goes wrong at a chosen request of a service, once: a status, an answer that gets lost, a connection that drops. And
//! what the service was asked, in order. For services whose errors have a shape of their own, which they give to it.

use std::{
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use axum::{
    body::Body,
    http::{Method, StatusCode},
    response::Response,
};
use futures_util::stream;

/// One thing that goes wrong, once.
#[derive(Debug, Clone)]
pub struct Trouble {
    /// The method it waits for.
    pub method: Method,
    /// What the path must contain.
    pub path: String,
    /// How many such requests are left alone first.
    pub after: usize,
    /// What happens then.
    pub what: Mishap,
}

/// What happens to a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mishap {
    /// It is answered with this status and not carried out.
    Status(u16),
    /// It is answered with 429 and not carried out; this is what `retry-after` says, in seconds.
    Limited(u64),
    /// It is carried out, and answered with this status all the same.
    DoneButStatus(u16),
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

/// The troubles still to come.
#[derive(Debug, Default)]
pub struct Troubles(Mutex<Waiting>);

#[derive(Debug, Default)]
struct Waiting {
    chosen: Vec<Trouble>,
    /// Requests from now on, whatever they ask, and what happens then.
    counted: Vec<(usize, Mishap)>,
    /// Requests that wait for an answer which never comes.
    stuck: usize,
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

impl Troubles {
    /// Adds one.
    pub fn add(&self, trouble: Trouble) {
        self.lock().chosen.push(trouble);
    }

    /// Adds one to the request after so many others, whatever it asks.
    pub fn add_after(&self, requests: usize, what: Mishap) {
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

    /// Requests so far that wait for an answer which never comes.
    pub fn stuck(&self) -> usize {
        self.lock().stuck
    }

    /// Never answers. It ends with the connection.
    pub(super) async fn hold(&self) -> Response {
        self.lock().stuck += 1;
        std::future::pending().await
    }

    /// What happens to a request, and is then over.
    pub(super) fn hit(&self, method: &Method, path: &str) -> Option<Mishap> {
        let mut waiting = self.lock();
        let due = waiting.counted.iter().position(|(left, _)| *left == 0);
        let counted = due.map(|at| waiting.counted.remove(at).1);
        for (left, _) in &mut waiting.counted {
            *left = left.saturating_sub(1);
        }
        let at = waiting.chosen.iter().position(|one| one.method == *method && path.contains(&one.path));
        let chosen = at.and_then(|at| match waiting.chosen.get_mut(at) {
            Some(one) if one.after > 0 => {
                one.after -= 1;
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

/// A status as axum has it.
pub(super) fn status(code: u16) -> StatusCode {
    StatusCode::from_u16(code).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
}

/// A connection that drops: the body promised is never sent.
pub(super) fn dropped() -> Response {
    let broken = stream::iter([Err::<Vec<u8>, _>(std::io::Error::other("a fault of the sandbox"))]);
    Response::new(Body::from_stream(broken))
}
