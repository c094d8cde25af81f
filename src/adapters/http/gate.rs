//! What all requests to one service have in common: they stop together where the service says that a limit is reached,
//! and are never more in a minute than it takes. Who asks what, and how often, is elsewhere.
//!
//! Source: GitHub's "Rate limits for the REST API": 900 points a minute, a GET being one; a client that goes on asking while a
//! limit is reached may be shut out for good.

use std::{
    collections::VecDeque,
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use jiff::Timestamp;
use reqwest::{Url, header::HeaderMap};
use tokio::time::Instant;

use super::{
    failure::{Failure, readable},
    quota::{self, Quota},
    reason::{PATIENCE, Pause, Reason},
    service::{Limits, Service},
};

/// Requests that GitHub gets within [`WINDOW`] at most: some less than the 900 it takes.
const MOST: usize = 850;
const WINDOW: Duration = Duration::from_secs(60);

/// The way to one service, which all its requests take.
#[derive(Debug)]
pub(super) struct Gate {
    service: Service,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    closed: Option<Closed>,
    /// When the latest requests were let through, oldest first.
    recent: VecDeque<Instant>,
    passed: u64,
    quota: Option<Quota>,
}

/// A limit is reached.
#[derive(Debug, Clone, Copy)]
struct Closed {
    opens: Instant,
    until: Timestamp,
    secondary: bool,
}

/// What a request may do now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Admission {
    Go,
    Wait(Duration),
    /// The wait is longer than anybody should wait without being told.
    Shut {
        secondary: bool,
        pause: Pause,
    },
}

impl Gate {
    pub(super) fn new(service: Service) -> Self {
        Self { service, state: Mutex::default() }
    }

    /// Waits until a request may be made.
    ///
    /// # Errors
    /// The limit that is reached, when it lasts too long.
    pub(super) async fn enter(&self, url: &Url) -> Result<(), Failure> {
        loop {
            match self.admission(Instant::now()) {
                Admission::Go => return Ok(()),
                Admission::Wait(time) => {
                    tracing::debug!("waiting {} for the rate limit", readable(time));
                    tokio::time::sleep(time).await;
                }
                Admission::Shut { secondary, pause } => {
                    return Err(Failure::new(url, Reason::RateLimited { secondary, said: None, pause: Some(pause) }));
                }
            }
        }
    }

    /// Closes the gate where a request failed because of a limit. `unsaid` is how long where the service does not say.
    pub(super) fn heed(&self, failure: &Failure, unsaid: Duration) {
        let (secondary, wait, until) = match failure.limit() {
            Some((secondary, Some(Pause { wait, until }))) => (secondary, wait, until),
            Some((true, None)) => (true, unsaid, Timestamp::now().checked_add(unsaid).unwrap_or_default()),
            Some((false, None)) | None => return,
        };
        self.close(Closed { opens: Instant::now() + wait, until, secondary });
    }

    /// Takes note of what an answer says of the limit. The last request that was left closes the gate.
    pub(super) fn observe(&self, headers: &HeaderMap) {
        let Some(quota) = quota::stated(self.service, headers, Timestamp::now()) else { return };
        if quota.remaining == 0 {
            let Pause { wait, until } = quota.reset;
            self.close(Closed { opens: Instant::now() + wait, until, secondary: false });
        }
        let mut state = self.lock();
        // Answers overtake each other; of one hour the lowest number is the latest.
        let later = |known: Quota| quota.reset.until > known.reset.until || quota.remaining < known.remaining;
        if state.quota.is_none_or(later) {
            state.quota = Some(quota);
        }
    }

    /// When requests can be made again, where that is not soon.
    pub(super) fn shut(&self) -> Option<Pause> {
        let Closed { opens, until, .. } = self.lock().closed?;
        let wait = opens.saturating_duration_since(Instant::now());
        (wait > PATIENCE).then_some(Pause { wait, until })
    }

    /// Requests that were let through so far.
    pub(super) fn passed(&self) -> u64 {
        self.lock().passed
    }

    /// What the service last said of its limit.
    pub(super) fn quota(&self) -> Option<Quota> {
        self.lock().quota
    }

    fn close(&self, closed: Closed) {
        let mut state = self.lock();
        if state.closed.is_none_or(|before| before.opens < closed.opens) {
            state.closed = Some(closed);
        }
    }

    fn admission(&self, now: Instant) -> Admission {
        let mut state = self.lock();
        if let Some(Closed { opens, until, secondary }) = state.closed {
            let wait = opens.saturating_duration_since(now);
            if wait > PATIENCE {
                return Admission::Shut { secondary, pause: Pause { wait, until } };
            }
            if !wait.is_zero() {
                return Admission::Wait(wait);
            }
            state.closed = None;
        }
        if self.service.limits() == Limits::GitHub {
            while state.recent.front().is_some_and(|first| now.saturating_duration_since(*first) >= WINDOW) {
                state.recent.pop_front();
            }
            if state.recent.len() >= MOST
                && let Some(first) = state.recent.front()
            {
                return Admission::Wait(WINDOW.saturating_sub(now.saturating_duration_since(*first)));
            }
            state.recent.push_back(now);
        }
        state.passed += 1;
        Admission::Go
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]
mod tests {
    use reqwest::header::{HeaderName, HeaderValue};

    use super::*;

    fn headers(pairs: &[(&'static str, &str)]) -> HeaderMap {
        let pairs = pairs.iter().map(|(k, v)| (HeaderName::from_static(k), HeaderValue::from_str(v).unwrap()));
        pairs.collect()
    }

    /// What the server says with `remaining` requests left of an hour that ends in `seconds`.
    fn stated(remaining: &str, seconds: i64) -> HeaderMap {
        let reset = (Timestamp::now().as_second() + seconds).to_string();
        headers(&[("x-ratelimit-limit", "5000"), ("x-ratelimit-remaining", remaining), ("x-ratelimit-reset", &reset)])
    }

    fn failed(code: u16, pairs: &[(&'static str, &str)]) -> Failure {
        Failure::answered(Service::GitHub, code, &headers(pairs), "")
    }

    #[tokio::test(start_paused = true)]
    async fn one_request_that_meets_a_limit_holds_back_all_others_until_it_is_over() {
        let (gate, unsaid) = (Gate::new(Service::GitHub), Duration::from_secs(60));
        assert_eq!(gate.admission(Instant::now()), Admission::Go);
        gate.heed(&failed(429, &[("retry-after", "7")]), unsaid);
        assert_eq!(gate.admission(Instant::now()), Admission::Wait(Duration::from_secs(7)));
        // A shorter wait that another one was given does not shorten it; one that is not said lasts a minute.
        gate.heed(&failed(429, &[("retry-after", "1")]), unsaid);
        assert_eq!(gate.admission(Instant::now()), Admission::Wait(Duration::from_secs(7)));
        gate.heed(&failed(429, &[]), unsaid);
        let url = Url::parse("https://api.example").unwrap();
        let before = Instant::now();
        gate.enter(&url).await.unwrap();
        assert!(before.elapsed() >= unsaid && gate.passed() == 2);
        // What is no limit closes nothing.
        gate.heed(&failed(500, &[("retry-after", "7")]), unsaid);
        gate.heed(&failed(403, &[]), unsaid);
        assert_eq!(gate.admission(Instant::now()), Admission::Go);
    }

    #[tokio::test(start_paused = true)]
    async fn the_last_request_of_the_hour_closes_the_gate_before_one_too_many_is_made() {
        let gate = Gate::new(Service::GitHub);
        gate.observe(&stated("1", 3000));
        assert_eq!(gate.admission(Instant::now()), Admission::Go);
        gate.observe(&stated("0", 3000));
        let Admission::Shut { secondary: false, pause } = gate.admission(Instant::now()) else { panic!("open") };
        assert!(pause.wait > Duration::from_secs(2900));
        let url = Url::parse("https://api.example").unwrap();
        let told = gate.enter(&url).await.unwrap_err().in_short();
        assert!(told.contains("rate limit is reached") && told.contains("it ends in"), "{told}");
        assert_eq!((gate.passed(), gate.quota().unwrap().remaining), (1, 0));
        // A reset that is near is waited for.
        let near = Gate::new(Service::GitHub);
        near.observe(&stated("0", 100));
        assert!(matches!(near.admission(Instant::now()), Admission::Wait(_)));
        near.enter(&url).await.unwrap();
        // Other services have no such headers.
        let log = Gate::new(Service::Rekor);
        log.observe(&stated("0", 3000));
        assert_eq!(log.admission(Instant::now()), Admission::Go);
    }

    #[tokio::test(start_paused = true)]
    async fn github_gets_no_more_requests_a_minute_than_it_takes() {
        let (gate, url) = (Gate::new(Service::GitHub), Url::parse("https://api.example").unwrap());
        let began = Instant::now();
        let mut times = Vec::new();
        for _ in 0..3 * MOST {
            gate.enter(&url).await.unwrap();
            times.push(began.elapsed());
        }
        for (index, time) in times.iter().enumerate() {
            let within = times.iter().skip(index).take_while(|other| **other < *time + WINDOW).count();
            assert!(within <= MOST, "{within} within a minute of {time:?}");
        }
        assert!(began.elapsed() >= 2 * WINDOW && began.elapsed() < 3 * WINDOW);
    }
}
