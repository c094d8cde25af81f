//! What a caller of the client knows of the gate that all its requests pass: when to ask, and how much is left.

use jiff::Timestamp;
use reqwest::Url;

use super::{client::Http, failure::Failure, quota::Quota};

impl Http {
    /// Waits until a request may be made, by what the service said to others.
    ///
    /// # Errors
    /// The rate limit that is reached, when it lasts too long.
    pub(crate) async fn admitted(&self, url: &Url) -> Result<(), Failure> {
        self.gate.enter(url).await
    }

    /// Holds back all requests to the service where one failed because of a rate limit.
    pub(crate) fn heed(&self, failure: &Failure) {
        self.gate.heed(failure, self.options().limit_pause);
    }

    /// Requests made to the service so far.
    pub(crate) fn requests(&self) -> u64 {
        self.gate.passed()
    }

    /// What the service last said of its rate limit.
    pub(crate) fn quota(&self) -> Option<Quota> {
        self.gate.quota()
    }

    /// Until when no request is made, where a rate limit is reached that lasts.
    pub(crate) fn shut_until(&self) -> Option<Timestamp> {
        self.gate.shut().map(|pause| pause.until)
    }
}
