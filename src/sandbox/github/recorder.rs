//! What the sandbox's GitHub was asked, in order. It keeps no bodies and no tokens.

use std::sync::{Mutex, PoisonError};

use axum::http::Method;

/// One request, and how it was answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Recorded {
    /// The method.
    pub method: Method,
    /// Path and query as they came.
    pub path: String,
    /// Whether a token came along.
    pub authorized: bool,
    /// What was stated as the length of the body.
    pub length: Option<u64>,
    /// The status of the answer; `None` where the connection was dropped instead.
    pub status: Option<u16>,
}

/// The requests so far.
#[derive(Debug, Default)]
pub struct Recorder {
    requests: Mutex<Vec<Recorded>>,
    /// Numbers of assets whose bytes the storage was asked for.
    downloads: Mutex<Vec<u64>>,
}

impl Recorder {
    /// All of them, oldest first.
    pub fn requests(&self) -> Vec<Recorded> {
        self.requests.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Those that change something.
    pub fn writes(&self) -> Vec<Recorded> {
        self.requests().into_iter().filter(|one| !one.method.is_safe() && !one.path.ends_with("/graphql")).collect()
    }

    /// The numbers of the assets whose bytes the storage was asked for, once for each time.
    pub fn downloads(&self) -> Vec<u64> {
        self.downloads.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Forgets all of it.
    pub fn clear(&self) {
        self.requests.lock().unwrap_or_else(PoisonError::into_inner).clear();
        self.downloads.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }

    pub(super) fn add_download(&self, asset: u64) {
        self.downloads.lock().unwrap_or_else(PoisonError::into_inner).push(asset);
    }

    pub(super) fn add(&self, one: Recorded) {
        self.requests.lock().unwrap_or_else(PoisonError::into_inner).push(one);
    }
}
