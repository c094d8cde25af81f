//! What is to happen to requests that are still to come: to a chosen one, or to the one after so many of any kind. Each happens
//! once. What "it" is, a service says itself.

use std::sync::{Mutex, MutexGuard, PoisonError};

use axum::{http::Method, response::Response};

/// Something that happens to one request.
#[derive(Debug, Clone)]
pub struct Scheduled<W> {
    /// The method it waits for.
    pub method: Method,
    /// What the path must contain.
    pub path: String,
    /// How many such requests are left alone first.
    pub after: usize,
    /// What happens then.
    pub what: W,
}

/// All that is still to come.
#[derive(Debug)]
pub struct Schedule<W>(Mutex<Waiting<W>>);

#[derive(Debug)]
struct Waiting<W> {
    chosen: Vec<Scheduled<W>>,
    /// Requests from now on, whatever they ask, and what happens then.
    counted: Vec<(usize, W)>,
    /// Requests that wait for an answer which never comes.
    stuck: usize,
}

impl<W> Schedule<W> {
    /// Adds one.
    pub fn add(&self, one: Scheduled<W>) {
        self.lock().chosen.push(one);
    }

    /// Adds one to the request after so many others, whatever it asks.
    pub fn add_after(&self, requests: usize, what: W) {
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
    pub(super) fn hit(&self, method: &Method, path: &str) -> Option<W> {
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

    fn lock(&self) -> MutexGuard<'_, Waiting<W>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<W> Default for Schedule<W> {
    fn default() -> Self {
        Self(Mutex::default())
    }
}

impl<W> Default for Waiting<W> {
    fn default() -> Self {
        Self { chosen: Vec::new(), counted: Vec::new(), stuck: 0 }
    }
}
