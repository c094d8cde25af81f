//! The rate limits: so many requests an hour, so many points and new things a minute, so many requests at once. They are
//! off until they are set, since a rehearsal may ask as often as it likes.
//!
//! Source: GitHub's "Rate limits for the REST API". Hours and minutes here start with the first request in them.

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use axum::http::Method;

/// What is allowed. A limit that is `None` is never reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Requests an hour: the primary limit.
    pub requests_an_hour: Option<u64>,
    /// Points a minute: one for a request that reads, five for one that writes.
    pub points_a_minute: Option<u64>,
    /// Things made a minute: every POST.
    pub made_a_minute: Option<u64>,
    /// Requests at the same time.
    pub at_once: Option<usize>,
    /// How long an hour takes, for tests that can't wait for one.
    pub hour: Duration,
    /// How long a minute takes.
    pub minute: Duration,
}

impl Limits {
    /// None at all.
    pub const OFF: Self = Self {
        requests_an_hour: None,
        points_a_minute: None,
        made_a_minute: None,
        at_once: None,
        hour: Duration::from_secs(3_600),
        minute: Duration::from_secs(60),
    };

    /// Those of GitHub for a token.
    pub const GITHUB: Self = Self {
        requests_an_hour: Some(5_000),
        points_a_minute: Some(900),
        made_a_minute: Some(80),
        at_once: Some(100),
        ..Self::OFF
    };
}

/// What is used so far.
#[derive(Debug)]
pub(super) struct Meter(Mutex<Used>);

#[derive(Debug)]
struct Used {
    limits: Limits,
    hour: Count,
    points: Count,
    made: Count,
    /// One clone for each request that is under way.
    under_way: Arc<()>,
}

/// A count that starts anew when its time is over.
#[derive(Debug, Default)]
struct Count {
    since: Option<Instant>,
    used: u64,
}

/// How a request fared.
#[derive(Debug)]
pub(super) enum Admission {
    /// It goes on, and is under way as long as this lives.
    Admitted(#[expect(dead_code, reason = "held for its count alone")] Arc<()>),
    /// The hour's requests are used up.
    Primary,
    /// Too much at once, for so long.
    Secondary(Duration),
}

/// What the headers state.
#[derive(Debug, Clone, Copy)]
pub(super) struct Stand {
    /// The primary limit, if it is set.
    pub(super) limit: Option<u64>,
    pub(super) used: u64,
    /// Until the hour is over.
    pub(super) reset: Duration,
}

impl Default for Meter {
    fn default() -> Self {
        let (hour, points, made) = Default::default();
        Self(Mutex::new(Used { limits: Limits::OFF, hour, points, made, under_way: Arc::new(()) }))
    }
}

impl Meter {
    /// Sets the limits, with nothing used of them.
    pub(super) fn set(&self, limits: Limits) {
        let mut used = self.lock();
        (used.hour, used.points, used.made) = Default::default();
        used.limits = limits;
    }

    /// Counts a request, unless it goes over a limit.
    pub(super) fn admit(&self, method: &Method, now: Instant) -> Admission {
        let mut used = self.lock();
        let limits = used.limits;
        let points = if method.is_safe() { 1 } else { 5 };
        let made = u64::from(*method == Method::POST);
        if !used.hour.has_room(1, limits.requests_an_hour, limits.hour, now) {
            return Admission::Primary;
        }
        // What is refused counts towards the hour all the same.
        used.hour.used += 1;
        if limits.at_once.is_some_and(|most| Arc::strong_count(&used.under_way) > most) {
            return Admission::Secondary(Duration::from_secs(1).min(limits.minute));
        }
        let minute = limits.minute;
        if !used.points.has_room(points, limits.points_a_minute, minute, now) {
            return Admission::Secondary(used.points.left(minute, now));
        }
        if !used.made.has_room(made, limits.made_a_minute, minute, now) {
            return Admission::Secondary(used.made.left(minute, now));
        }
        used.points.used += points;
        used.made.used += made;
        Admission::Admitted(Arc::clone(&used.under_way))
    }

    /// How much is used.
    pub(super) fn stand(&self, now: Instant) -> Stand {
        let used = self.lock();
        Stand {
            limit: used.limits.requests_an_hour,
            used: used.hour.used,
            reset: used.hour.left(used.limits.hour, now),
        }
    }

    fn lock(&self) -> MutexGuard<'_, Used> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Count {
    /// Whether so much more is allowed, now that this time may be over.
    fn has_room(&mut self, more: u64, limit: Option<u64>, time: Duration, now: Instant) -> bool {
        let since = *self.since.get_or_insert(now);
        if now.duration_since(since) >= time {
            *self = Self { since: Some(now), used: 0 };
        }
        limit.is_none_or(|limit| self.used + more <= limit)
    }

    /// How long until it starts anew.
    fn left(&self, time: Duration, now: Instant) -> Duration {
        self.since.map_or(time, |since| time.saturating_sub(now.duration_since(since)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Counts of requests that were admitted, and of each kind of refusal.
    fn asked(meter: &Meter, method: &Method, times: usize, now: Instant) -> [usize; 3] {
        let mut counts = [0; 3];
        for _ in 0..times {
            let [admitted, primary, secondary] = &mut counts;
            *match meter.admit(method, now) {
                Admission::Admitted(_) => admitted,
                Admission::Primary => primary,
                Admission::Secondary(_) => secondary,
            } += 1;
        }
        counts
    }

    #[test]
    fn an_hours_requests_run_out_and_come_back_when_it_is_over() {
        let (meter, start) = (Meter::default(), Instant::now());
        assert_eq!(asked(&meter, &Method::GET, 10_000, start), [10_000, 0, 0], "off until it is set");
        meter.set(Limits { requests_an_hour: Some(5), ..Limits::OFF });
        assert_eq!(asked(&meter, &Method::GET, 7, start), [5, 2, 0]);
        let stand = meter.stand(start + Duration::from_secs(600));
        assert_eq!((stand.limit, stand.used, stand.reset), (Some(5), 5, Duration::from_secs(3_000)));
        assert_eq!(asked(&meter, &Method::GET, 1, start + Duration::from_secs(3_599)), [0, 1, 0]);
        assert_eq!(asked(&meter, &Method::GET, 1, start + Duration::from_secs(3_600)), [1, 0, 0]);
    }

    #[test]
    fn what_is_read_costs_a_point_and_what_is_written_five() {
        let (meter, now) = (Meter::default(), Instant::now());
        meter.set(Limits { points_a_minute: Some(11), ..Limits::OFF });
        assert_eq!(asked(&meter, &Method::PATCH, 3, now), [2, 0, 1]);
        assert_eq!(asked(&meter, &Method::GET, 2, now), [1, 0, 1]);
        assert_eq!(asked(&meter, &Method::GET, 1, now + Duration::from_secs(60)), [1, 0, 0]);
    }

    #[test]
    fn things_made_and_requests_at_once_have_limits_of_their_own() {
        let (meter, now) = (Meter::default(), Instant::now());
        meter.set(Limits { made_a_minute: Some(2), at_once: Some(2), ..Limits::OFF });
        assert_eq!(asked(&meter, &Method::POST, 3, now), [2, 0, 1]);
        assert_eq!(asked(&meter, &Method::PATCH, 3, now), [3, 0, 0]);
        let under_way = [meter.admit(&Method::GET, now), meter.admit(&Method::GET, now)];
        assert_eq!(asked(&meter, &Method::GET, 1, now), [0, 0, 1]);
        drop(under_way);
        assert_eq!(asked(&meter, &Method::GET, 1, now), [1, 0, 0]);
    }
}
