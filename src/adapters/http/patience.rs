//! How often a request is made, and how long we wait in between. Whether another attempt can help is the failure's to
//! say.

use std::time::Duration;

use backon::{BackoffBuilder, ExponentialBackoff, ExponentialBuilder};

use super::{
    Http, HttpOptions,
    failure::{Circumstances, Failure, readable},
};
use crate::error::Result;

/// Backoff grows no further than this.
const MAX_BACKOFF: Duration = Duration::from_secs(30);

/// The attempts left for one thing, with a jittered wait before each.
pub(crate) struct Patience<'a> {
    http: &'a Http,
    subject: &'a str,
    attempts: usize,
    delays: ExponentialBackoff,
}

impl<'a> Patience<'a> {
    pub(crate) fn new(http: &'a Http, subject: &'a str) -> Self {
        Self { http, subject, attempts: 0, delays: Self::delays(http.options()) }
    }

    /// Starts counting anew, after progress.
    pub(crate) fn renew(&mut self) {
        self.delays = Self::delays(self.http.options());
    }

    /// Waits until it is time to ask again.
    ///
    /// # Errors
    /// The failure as the reader's error, when asking again can't help or was done often enough.
    pub(crate) async fn wait(&mut self, failure: Failure) -> Result<()> {
        self.attempts += 1;
        let next = failure.retry_after().and_then(|least| self.delays.next().map(|delay| delay.max(least)));
        let Some(delay) = next else {
            let Self { subject, attempts, .. } = *self;
            return Err(failure.into_error(Circumstances { subject, attempts, token: self.http.has_token() }));
        };
        tracing::warn!("{}, asked for {}; trying again in {}", failure.in_short(), self.subject, readable(delay));
        tokio::time::sleep(delay).await;
        Ok(())
    }

    fn delays(options: &HttpOptions) -> ExponentialBackoff {
        ExponentialBuilder::new()
            .with_min_delay(options.backoff)
            .with_max_delay(MAX_BACKOFF)
            .with_factor(2.0)
            .with_max_times(options.attempts.saturating_sub(1))
            .with_jitter()
            .build()
    }
}
