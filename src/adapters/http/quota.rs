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

/// A wait that a server asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Pause {
    /// How long from now.
    pub(crate) wait: Duration,
    /// When it ends.
    pub(crate) until: Timestamp,
}

/// Longer waits are shown as this one: past it the number means nothing.
const LONGEST: Duration = Duration::from_secs(366 * 24 * 3600);

/// Whether an answer of this status says that a rate limit is reached, primary or secondary. `said` is the message of
/// the body, which is the only mark of some secondary limits.
pub(crate) fn is_rate_limit(status: StatusCode, headers: &HeaderMap, said: Option<&str>) -> bool {
    status == StatusCode::TOO_MANY_REQUESTS
        || (status == StatusCode::FORBIDDEN
            && (spent(headers)
                || headers.contains_key(RETRY_AFTER)
                || said.is_some_and(|s| s.to_ascii_lowercase().contains("rate limit"))))
}

/// The wait an answer asks for, if it does. `Retry-After` wins over the time the primary limit resets.
pub(crate) fn pause(headers: &HeaderMap, local_now: Timestamp) -> Option<Pause> {
    // The server's clock, so that a wrong local one does not stretch or shrink the wait.
    let now = text(headers, DATE.as_str()).and_then(http_date).unwrap_or(local_now);
    let retry_after = text(headers, RETRY_AFTER.as_str()).and_then(|value| match value.parse::<u64>() {
        Ok(seconds) => Some(Duration::from_secs(seconds)),
        Err(_) => http_date(value).map(|at| between(now, at)),
    });
    let reset = || {
        let second = text(headers, "x-ratelimit-reset")?.parse().ok()?;
        let at = Timestamp::from_second(second).ok()?;
        spent(headers).then(|| between(now, at))
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
        pause(&headers(pairs), Timestamp::UNIX_EPOCH).map(|p| p.wait.as_secs())
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
        assert_eq!(pause(&headers(&spent), Timestamp::UNIX_EPOCH).map(|p| p.until), reset);
    }

    #[test]
    fn a_plain_403_is_no_rate_limit() {
        let is = |status: u16, pairs: &[(&'static str, &'static str)], said| {
            is_rate_limit(StatusCode::from_u16(status).unwrap_or_default(), &headers(pairs), said)
        };
        assert!(!is(403, &[("x-ratelimit-remaining", "12")], Some("Resource not accessible")));
        assert!(is(403, &[("x-ratelimit-remaining", "0")], None));
        assert!(is(403, &[], Some("You have exceeded a secondary rate limit.")));
        assert!(is(403, &[("retry-after", "1")], None));
        assert!(is(429, &[], None));
        assert!(!is(500, &[("retry-after", "1")], None));
    }
}
