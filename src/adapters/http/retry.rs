//! How often a request is made, and how long we wait in between. Whether another attempt can help is the failure's to say,
//! and whether one may be made the request's.

use std::time::Duration;

use backon::{BackoffBuilder, ExponentialBackoff, ExponentialBuilder};

use super::{
    HttpOptions,
    failure::{Asked, Circumstances, Failure, readable},
    reason::PATIENCE,
    service::{Ours, Service},
};
use crate::error::{Error, Result};

/// Backoff grows no further than this.
const MAX_BACKOFF: Duration = Duration::from_secs(30);

/// The attempts left for one thing, with a jittered wait before each.
pub(crate) struct Patience<'a> {
    options: &'a HttpOptions,
    service: Service,
    ours: Ours,
    asked: Asked<'a>,
    /// Whether what may have been done already may be asked again.
    idempotent: bool,
    attempts: usize,
    /// The wait after the next secondary limit that does not say how long it holds: it doubles each time.
    unsaid: Duration,
    delays: ExponentialBackoff,
}

impl<'a> Patience<'a> {
    /// For what may be asked again.
    pub(super) fn new(options: &'a HttpOptions, service: Service, ours: Ours, asked: Asked<'a>) -> Self {
        let (unsaid, delays) = (options.limit_pause, Self::delays(options));
        Self { options, service, ours, asked, idempotent: true, attempts: 0, unsaid, delays }
    }

    /// For what may only be asked again where it surely was not done.
    #[must_use]
    pub(super) fn only_what_was_not_done(self) -> Self {
        Self { idempotent: false, ..self }
    }

    /// Starts counting anew, after progress.
    pub(crate) fn renew(&mut self) {
        self.delays = Self::delays(self.options);
    }

    /// Waits until it is time to ask again.
    ///
    /// # Errors
    /// The failure as the reader's error, when asking again can't help or was done often enough.
    pub(crate) async fn wait(&mut self, failure: Failure) -> Result<()> {
        tokio::time::sleep(self.pause(failure)?).await;
        Ok(())
    }

    /// How long to wait: a value, so that a test of it waits for nothing.
    fn pause(&mut self, failure: Failure) -> Result<Duration> {
        self.attempts += 1;
        let may = self.idempotent || failure.was_not_done();
        let least = failure.retry_after(self.unsaid).filter(|_| may);
        let Some(delay) = least.and_then(|least| self.delays.next().map(|delay| delay.max(least))) else {
            return Err(failure.into_error(self.circumstances()));
        };
        if failure.is_unbounded_limit() {
            self.unsaid = (self.unsaid * 2).min(PATIENCE);
        }
        tracing::warn!("{}, asked {}; trying again in {}", failure.in_short(), self.asked, readable(delay));
        Ok(delay)
    }

    fn circumstances(&self) -> Circumstances<'a> {
        Circumstances { asked: self.asked, attempts: self.attempts, service: self.service, ours: self.ours }
    }

    /// The error of the one attempt that was made.
    pub(crate) fn give_up(mut self, failure: Failure) -> Error {
        self.attempts = 1;
        failure.into_error(self.circumstances())
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

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use reqwest::header::{HeaderMap, HeaderName, HeaderValue};

    use super::*;

    const SECONDARY: &str = "You have exceeded a secondary rate limit. Please wait a few minutes before you try again.";

    /// How many seconds the client waits after such an answer, each time it comes again, and how the last of them reads.
    fn waits(service: Service, code: u16, headers: &[(&'static str, &'static str)], said: &str) -> (Vec<u64>, String) {
        let pairs = headers.iter().map(|(k, v)| (HeaderName::from_static(k), HeaderValue::from_static(v)));
        let headers: HeaderMap = pairs.collect();
        let options = HttpOptions { backoff: Duration::from_millis(1), ..HttpOptions::default() };
        let ours = Ours { token: false, loopback: false };
        let (mut patience, mut waited) = (Patience::new(&options, service, ours, Asked::For("a thing")), Vec::new());
        loop {
            match patience.pause(Failure::answered(service, code, &headers, said)) {
                Ok(wait) => waited.push(wait.as_secs()),
                Err(error) => return (waited, format!("{error} → {}", error.advice().unwrap_or_default())),
            }
        }
    }

    #[test]
    fn an_answer_without_words_ends_with_its_status() {
        for said in ["", " "] {
            let (_, words) = waits(Service::Phala, 465, &[], said);
            assert!(words.starts_with("cannot get a thing: api.example answered 465 →"), "{words}");
        }
    }

    #[test]
    fn a_secondary_limit_is_waited_out_for_a_minute_or_what_it_says_and_its_words_are_shown() {
        let left = ("x-ratelimit-remaining", "4999");
        let spent =
            [("x-ratelimit-remaining", "0"), ("date", "Thu, 01 Jan 1970 00:00:00 GMT"), ("x-ratelimit-reset", "200")];
        let cases: [(u16, &[_], &str, &[u64]); 11] = [
            (403, &[], SECONDARY, &[60, 120, 240]),
            (429, &[], SECONDARY, &[60, 120, 240]),
            (403, &[left], SECONDARY, &[60, 120, 240]),
            (429, &[left], SECONDARY, &[60, 120, 240]),
            (429, &[], "", &[60, 120, 240]),
            (403, &[], "You have triggered an abuse detection mechanism.", &[60, 120, 240]),
            (403, &[("retry-after", "90")], SECONDARY, &[90, 90, 90]),
            (429, &[("retry-after", "299")], SECONDARY, &[299, 299, 299]),
            (403, &[("retry-after", "61"), left], SECONDARY, &[61, 61, 61]),
            (403, &spent, SECONDARY, &[200, 200, 200]),
            // Longer than anybody should wait without being told: the work ends, and says when to come again.
            (403, &[("retry-after", "301")], SECONDARY, &[]),
        ];
        for (code, headers, said, expected) in cases {
            let (waited, told) = waits(Service::GitHub, code, headers, said);
            assert_eq!(waited, expected, "{code} {headers:?} {said}");
            let words: String = said.chars().take(60).collect();
            assert!(told.contains("secondary rate limit") && told.contains(&words), "{told}");
            assert!(!told.contains("GH_TOKEN"), "no token helps: {told}");
        }
    }

    #[test]
    fn other_services_get_the_wait_they_ask_for_and_no_more() {
        for service in [Service::Rekor, Service::Pccs, Service::Kms, Service::Document] {
            assert_eq!(waits(service, 429, &[], "slow down").0, [0, 0, 0]);
            assert_eq!(waits(service, 429, &[("retry-after", "7")], "slow down").0, [7, 7, 7]);
            assert_eq!(waits(service, 503, &[("retry-after", "7")], "").0, [7, 7, 7]);
            assert_eq!(waits(service, 403, &[], SECONDARY).0, [0; 0], "that is GitHub's to say");
        }
    }
}
