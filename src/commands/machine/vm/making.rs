//! Whether the request for something is over, so that what is not there then will not come.

use std::time::{Duration, Instant};

use super::operation::OPERATION;
use crate::{
    adapters::gcp::compute::{Compute, Scope},
    error::Result,
    probe::journal::Standing,
    subject::gcp::Name,
};

/// How long a request, of which no operation is known, may still come to something.
const LATE: Duration = Duration::from_secs(60);
/// The same where the service is on this machine.
const LATE_NEARBY: Duration = Duration::from_secs(3);

/// How far it is.
pub(super) enum Making {
    /// This operation says.
    Operation(Name),
    /// Nothing says; by then it is over.
    Until(Instant),
    /// It is over; whether it was made.
    Over(bool),
}

impl Making {
    /// Of something that stands in a journal, at a time of the clock. `limit` is how long a request to a service elsewhere may
    /// take.
    pub(super) fn of(standing: &Standing, now: jiff::Timestamp, is_near: bool, limit: Duration) -> Self {
        let operation =
            standing.created.as_ref().and_then(|created| created.id(OPERATION)).and_then(|id| id.parse().ok());
        let late = if is_near { LATE_NEARBY } else { LATE.max(limit) };
        operation.map_or_else(|| Self::until(left(standing.since, now, late)), Self::Operation)
    }

    fn until(left: Duration) -> Self {
        let now = Instant::now();
        Self::Until(now.checked_add(left).unwrap_or(now))
    }

    /// Whether it is over; and then, whether it is known to have been made.
    pub(super) async fn is_over(&mut self, compute: &Compute, scope: Scope<'_>) -> Result<Option<bool>> {
        let over = match self {
            Self::Over(made) => return Ok(Some(*made)),
            Self::Until(until) => (Instant::now() >= *until).then_some(false),
            Self::Operation(name) => match compute.known_operation(scope, name).await? {
                Some(operation) => operation.is_done().then(|| operation.trouble().is_none()),
                // It was answered with its name, and is so long ago that it is forgotten.
                None => Some(true),
            },
        };
        if let Some(made) = over {
            *self = Self::Over(made);
        }
        Ok(over)
    }
}

/// What is left of `limit` since a time; no more than it where a journal's times are ahead of the clock.
fn left(since: jiff::Timestamp, now: jiff::Timestamp, limit: Duration) -> Duration {
    let passed = now.duration_since(since);
    limit.saturating_sub(Duration::try_from(passed).unwrap_or_default())
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use super::*;

    #[test]
    fn a_request_without_an_operation_is_over_when_its_time_has_passed_and_never_later_than_that() {
        let at = |text: &str| text.parse::<jiff::Timestamp>().unwrap();
        let since = at("2026-11-30T09:00:00Z");
        let minute = Duration::from_secs(60);
        for (now, expected) in [
            ("2026-11-30T09:00:00Z", 60),
            ("2026-11-30T09:00:02Z", 58),
            ("2026-11-30T09:01:00Z", 0),
            ("2026-12-30T09:00:00Z", 0),
            ("2026-11-30T08:00:00Z", 60),
        ] {
            assert_eq!(left(since, at(now), minute), Duration::from_secs(expected), "{now}");
        }
    }
}
