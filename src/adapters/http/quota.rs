//! How long a server asks us to stay away: `Retry-After` and GitHub's `x-ratelimit-*` headers. It reads, and waits for
//! nothing.
//!
//! Sources: RFC 9110 section 10.2.3, and GitHub's "Rate limits for the REST API".

use std::time::Duration;

use jiff::{SignedDuration, Timestamp, fmt::rfc2822::DateTimeParser};
use reqwest::{
    StatusCode,
    header::{DATE, HeaderMap, RETRY_AFTER},
};

use super::{
    reason::{PATIENCE, Pause},
    service::{Limits, Service},
};

/// Longer waits are shown as this one: past it the number means nothing.
const LONGEST: Duration = Duration::from_secs(366 * 24 * 3600);

/// A rate limit that is reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Limit {
    /// So many requests in a while; the only kind of services other than GitHub.
    Primary,
    /// GitHub's own against bursts and costly requests, whatever remains of the primary one.
    Secondary,
}

/// What GitHub says of its primary limit with every answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Quota {
    /// Requests that may be made in the hour.
    pub limit: u64,
    /// Those that are left of it.
    pub remaining: u64,
    /// When the next hour begins.
    pub(crate) reset: Pause,
}

impl Quota {
    /// When the next hour begins, by the server's clock.
    pub fn resets(&self) -> Timestamp {
        self.reset.until
    }

    /// Whether that is so soon that requests wait for it.
    pub fn resets_soon(&self) -> bool {
        self.reset.wait <= PATIENCE
    }
}

/// What an answer, whatever its status, says of the primary limit.
pub(crate) fn stated(service: Service, headers: &HeaderMap, local_now: Timestamp) -> Option<Quota> {
    if service.limits() != Limits::GitHub {
        return None;
    }
    let number = |name: &str| text(headers, name)?.parse::<u64>().ok();
    let now = text(headers, DATE.as_str()).and_then(http_date).unwrap_or(local_now);
    let until = Timestamp::from_second(text(headers, "x-ratelimit-reset")?.parse().ok()?).ok()?;
    let (limit, remaining) = (number("x-ratelimit-limit")?, number("x-ratelimit-remaining")?);
    Some(Quota { limit, remaining, reset: Pause { wait: between(now, until).min(LONGEST), until } })
}

/// The limit that an answer of this status says is reached. `said` is the message of the body, which is the only mark of
/// some secondary limits; the older name of those is abuse detection.
pub(crate) fn limit(service: Service, status: StatusCode, headers: &HeaderMap, said: Option<&str>) -> Option<Limit> {
    let too_many = status == StatusCode::TOO_MANY_REQUESTS;
    if service.limits() == Limits::Plain {
        return too_many.then_some(Limit::Primary);
    }
    if !too_many && status != StatusCode::FORBIDDEN {
        return None;
    }
    let says = |words: &str| said.is_some_and(|said| said.to_ascii_lowercase().contains(words));
    if says("secondary rate limit") || says("abuse detection") {
        return Some(Limit::Secondary);
    }
    if spent(headers) {
        return Some(Limit::Primary);
    }
    // Something remains, or nothing is said of it: only the secondary limit asks for a wait then.
    let limited = too_many || headers.contains_key(RETRY_AFTER) || says("rate limit");
    limited.then_some(Limit::Secondary)
}

/// The wait an answer asks for, if it does. `Retry-After` wins over the time that GitHub's primary limit resets.
pub(crate) fn pause(service: Service, headers: &HeaderMap, local_now: Timestamp) -> Option<Pause> {
    // The server's clock, so that a wrong local one does not stretch or shrink the wait.
    let now = text(headers, DATE.as_str()).and_then(http_date).unwrap_or(local_now);
    let retry_after = text(headers, RETRY_AFTER.as_str()).and_then(|value| match value.parse::<u64>() {
        Ok(seconds) => Some(Duration::from_secs(seconds)),
        Err(_) => http_date(value).map(|at| between(now, at)),
    });
    let reset = || {
        let second = text(headers, "x-ratelimit-reset")?.parse().ok()?;
        let at = Timestamp::from_second(second).ok()?;
        (service.limits() == Limits::GitHub && spent(headers)).then(|| between(now, at))
    };
    let wait = retry_after.or_else(reset)?.min(LONGEST);
    let until = now.checked_add(SignedDuration::try_from(wait).ok()?).ok()?;
    Some(Pause { wait, until })
}

fn spent(headers: &HeaderMap) -> bool {
    text(headers, "x-ratelimit-remaining") == Some("0")
}

fn text<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name).and_then(|value| value.to_str().ok()).map(str::trim)
}

fn http_date(value: &str) -> Option<Timestamp> {
    DateTimeParser::new().parse_timestamp(value).ok()
}

fn between(now: Timestamp, at: Timestamp) -> Duration {
    Duration::try_from(at.duration_since(now)).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use reqwest::header::{HeaderName, HeaderValue};

    use super::*;

    fn headers(pairs: &[(&'static str, &'static str)]) -> HeaderMap {
        pairs.iter().map(|(k, v)| (HeaderName::from_static(k), HeaderValue::from_static(v))).collect()
    }

    fn wait(pairs: &[(&'static str, &'static str)]) -> Option<u64> {
        pause(Service::GitHub, &headers(pairs), Timestamp::UNIX_EPOCH).map(|p| p.wait.as_secs())
    }

    #[test]
    fn retry_after_is_seconds_or_a_date_measured_by_the_servers_clock() {
        let date = ("date", "Sun, 06 Nov 1994 08:49:37 GMT");
        assert_eq!(wait(&[("retry-after", "30")]), Some(30));
        assert_eq!(wait(&[("retry-after", "Sun, 06 Nov 1994 08:50:07 GMT"), date]), Some(30));
        assert_eq!(wait(&[("retry-after", "Sun, 06 Nov 1994 08:49:00 GMT"), date]), Some(0));
        assert_eq!(wait(&[("retry-after", "soon")]), None);
        assert_eq!(wait(&[("retry-after", "18446744073709551615")]), Some(LONGEST.as_secs()));
    }

    #[test]
    fn the_reset_time_counts_only_when_nothing_remains() {
        let spent = [("x-ratelimit-remaining", "0"), ("x-ratelimit-reset", "90")];
        assert_eq!(wait(&spent), Some(90));
        assert_eq!(wait(&[("x-ratelimit-remaining", "7"), ("x-ratelimit-reset", "90")]), None);
        let reset = Timestamp::from_second(90).ok();
        assert_eq!(pause(Service::GitHub, &headers(&spent), Timestamp::UNIX_EPOCH).map(|p| p.until), reset);
        for service in [Service::Rekor, Service::Pccs, Service::Kms, Service::Document] {
            assert_eq!(pause(service, &headers(&spent), Timestamp::UNIX_EPOCH), None, "the headers are GitHub's own");
        }
    }

    #[test]
    fn a_limit_is_told_from_a_refusal_and_the_secondary_from_the_primary() {
        use Limit::{Primary, Secondary};
        let is = |code: u16, pairs: &[(&'static str, &'static str)], said| {
            limit(Service::GitHub, StatusCode::from_u16(code).unwrap_or_default(), &headers(pairs), said)
        };
        let (spent, left) = (("x-ratelimit-remaining", "0"), ("x-ratelimit-remaining", "12"));
        let secondary = Some("You have exceeded a secondary rate limit. Please wait a few minutes.");
        for (code, pairs, said, expected) in [
            (403, &[left][..], Some("Resource not accessible"), None),
            (403, &[], Some("Must have admin rights"), None),
            (403, &[spent], None, Some(Primary)),
            (403, &[spent], Some("API rate limit exceeded for 192.0.2.1."), Some(Primary)),
            (429, &[spent], None, Some(Primary)),
            (403, &[], secondary, Some(Secondary)),
            (403, &[left], secondary, Some(Secondary)),
            (429, &[left], secondary, Some(Secondary)),
            (403, &[spent], secondary, Some(Secondary)),
            (403, &[left, ("retry-after", "1")], None, Some(Secondary)),
            (403, &[], Some("You have triggered an abuse detection mechanism."), Some(Secondary)),
            (429, &[], None, Some(Secondary)),
            (500, &[("retry-after", "1")], None, None),
            (401, &[spent], secondary, None),
        ] {
            assert_eq!(is(code, pairs, said), expected, "{code} {pairs:?} {said:?}");
        }
    }

    #[test]
    fn other_services_have_one_kind_of_limit_and_say_it_with_429() {
        for service in [Service::Rekor, Service::Pccs, Service::Kms, Service::Document] {
            let is = |code: u16, said| {
                limit(service, StatusCode::from_u16(code).unwrap_or_default(), &headers(&[("retry-after", "9")]), said)
            };
            assert_eq!(is(429, Some("secondary rate limit")), Some(Limit::Primary));
            assert_eq!((is(403, Some("rate limit")), is(503, None)), (None, None));
        }
    }
}
