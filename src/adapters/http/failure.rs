//! Why a request failed, whether asking again can help, and how the reader is told. It asks nothing itself.

use std::{error::Error as StdError, time::Duration};

use jiff::Timestamp;
use reqwest::{StatusCode, Url};

use super::{
    HttpOptions,
    excerpt::excerpt,
    quota::{self, Pause},
};
use crate::error::Error;

/// A server may ask for this long a wait and get it; a longer one ends the work at once, with the time.
const PATIENCE: Duration = Duration::from_secs(60);

/// One failed request. It never holds a URL's query or credentials: a redirect target's query is a signature.
#[derive(Debug)]
pub(crate) struct Failure {
    host: String,
    reason: Reason,
}

/// What went wrong.
#[derive(Debug)]
pub(crate) enum Reason {
    /// No connection: refused, no such host, TLS.
    Unreachable(String),
    /// Nothing came for this long.
    TimedOut(Duration),
    /// The answer broke off.
    Broken(String),
    /// A status that is no success.
    Status {
        /// The status.
        status: StatusCode,
        /// The message of the body, as remote text.
        said: Option<String>,
        /// The wait asked for.
        pause: Option<Pause>,
        /// The API redirected to this host: its links expire and our token means nothing to it.
        storage: bool,
    },
    /// A rate limit is reached.
    RateLimited(Option<Pause>),
    /// We do not accept the answer: a redirect where we do not go, an encoding we did not ask for.
    Refused(String),
    /// More bytes than allowed.
    TooLarge(u64),
    /// Our HTTP client can't be set up.
    Setup(String),
}

/// Circumstances of a failure that decide its words.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Circumstances<'a> {
    /// What was asked for: "release `v1` of o/r".
    pub(crate) subject: &'a str,
    /// How often it was asked for.
    pub(crate) attempts: usize,
    /// Whether we hold a token.
    pub(crate) token: bool,
}

impl Failure {
    /// A failure of the server at `url`.
    pub(crate) fn new(url: &Url, reason: Reason) -> Self {
        Self { host: host(url), reason }
    }

    /// A request or body read that failed below HTTP.
    pub(crate) fn transport(url: &Url, options: &HttpOptions, error: &reqwest::Error) -> Self {
        let reason = match (error.is_timeout(), error.is_connect()) {
            (true, true) => Reason::TimedOut(options.connect_timeout),
            (true, false) => Reason::TimedOut(options.read_timeout),
            (false, true) => Reason::Unreachable(innermost(error)),
            (false, false) => Reason::Broken(innermost(error)),
        };
        Self::new(url, reason)
    }

    /// An answer whose status is no success. `body` is the start of its body.
    pub(crate) fn status(answer: &super::Answer, body: &[u8]) -> Self {
        let (status, headers) = (answer.response.status(), answer.response.headers());
        let said = message(body);
        let pause = quota::pause(headers, Timestamp::now());
        let storage = answer.redirected_away;
        // The storage's limits are not the API's, and no token raises them.
        let reason = if !storage && quota::is_rate_limit(status, headers, said.as_deref()) {
            Reason::RateLimited(pause)
        } else {
            Reason::Status { status, said, pause, storage }
        };
        Self::new(&answer.url, reason)
    }

    /// The least time to wait before asking again; `None` when asking again can't help.
    pub(crate) fn retry_after(&self) -> Option<Duration> {
        let bearable = |pause: &Option<Pause>| match pause {
            None => Some(Duration::ZERO),
            Some(pause) => (pause.wait <= PATIENCE).then_some(pause.wait),
        };
        match &self.reason {
            Reason::Unreachable(_) | Reason::TimedOut(_) | Reason::Broken(_) => Some(Duration::ZERO),
            Reason::RateLimited(pause) => bearable(pause),
            Reason::Status { status, pause, storage, .. } => {
                let expired_link = *storage && *status == StatusCode::FORBIDDEN;
                let passing = status.is_server_error() || matches!(status.as_u16(), 408 | 429);
                if passing || expired_link { bearable(pause) } else { None }
            }
            Reason::Refused(_) | Reason::TooLarge(_) | Reason::Setup(_) => None,
        }
    }

    /// One sentence without its subject, for a log line.
    pub(crate) fn in_short(&self) -> String {
        let host = &self.host;
        match &self.reason {
            Reason::Unreachable(detail) => format!("could not reach {host}: {detail}"),
            Reason::TimedOut(waited) => format!("{host} did not answer within {}", readable(*waited)),
            Reason::Broken(detail) => format!("the answer of {host} broke off: {detail}"),
            Reason::Status { status, said, pause, .. } => {
                let mut said = said.as_deref().map(|s| format!(": {}", excerpt(s))).unwrap_or_default();
                if let Some(Pause { wait, until }) = pause {
                    said.push_str(&format!(", and asks to wait {} (until {until:.0})", readable(*wait)));
                }
                match status.as_u16() {
                    401 => format!("{host} rejected the credentials (401){said}"),
                    403 => format!("{host} refused access (403){said}"),
                    404 => format!("{host} does not have it (404){said}"),
                    code => format!("{host} answered {code}{said}"),
                }
            }
            Reason::RateLimited(None) => format!("{host} says that the rate limit is reached"),
            Reason::RateLimited(Some(Pause { wait, until })) => {
                format!("{host} says that the rate limit is reached; it resets in {} ({until:.0})", readable(*wait))
            }
            Reason::Refused(why) => format!("{host} {why}"),
            Reason::TooLarge(limit) => format!("{host} sent more than the {limit} bytes allowed"),
            Reason::Setup(detail) => format!("cannot set up the HTTP client for {host}: {detail}"),
        }
    }

    /// The error the reader gets.
    pub(crate) fn into_error(self, around: Circumstances<'_>) -> Error {
        let tries = if around.attempts > 1 { format!(" (after {} attempts)", around.attempts) } else { String::new() };
        let error = Error::remote(format!("cannot get {}: {}{tries}", around.subject, self.in_short()));
        match self.advice(around.token) {
            Some(advice) => error.help(advice),
            None => error,
        }
    }

    fn advice(&self, token: bool) -> Option<&'static str> {
        match &self.reason {
            Reason::Unreachable(_) => Some("check the network, and HTTPS_PROXY and NO_PROXY where a proxy is in use"),
            Reason::TimedOut(_) | Reason::Broken(_) => Some("the network or the server is in trouble: try again"),
            Reason::RateLimited(_) if token => Some("wait until then: the token's own limit is used up"),
            Reason::RateLimited(_) => Some("set GH_TOKEN: a token raises the limit from 60 to 5,000 requests an hour"),
            Reason::Status { storage: true, .. } => Some("the link to the asset's storage failed: try again"),
            Reason::Status { status, .. } => match (status.as_u16(), token) {
                (401, true) => Some("check GH_TOKEN: it may be mistyped, expired or revoked"),
                (401, false) => Some("set GH_TOKEN: this server wants a token"),
                (403, true) => Some("check what GH_TOKEN may do: it needs read access to the repository's contents"),
                (403, false) => Some("set GH_TOKEN if the repository is private"),
                (404, _) => Some("it may have been deleted or replaced meanwhile; a private one needs a GH_TOKEN"),
                (500.., _) => Some("the server is in trouble: try again later"),
                (_, _) => None,
            },
            Reason::Refused(_) | Reason::TooLarge(_) | Reason::Setup(_) => None,
        }
    }
}

/// `host` or `host:port`, fit to be shown.
pub(crate) fn host(url: &Url) -> String {
    let name = excerpt(url.host_str().unwrap_or("(no host)"));
    match url.port() {
        Some(port) => format!("{name}:{port}"),
        None => name,
    }
}

/// A duration as people say it.
pub(crate) fn readable(time: Duration) -> String {
    match time.as_secs() {
        0 => format!("{} ms", time.as_millis()),
        seconds @ 1..120 => format!("{seconds} s"),
        seconds => format!("{} min", seconds.div_ceil(60)),
    }
}

/// The innermost cause of a transport error. The outer words of `reqwest` repeat the URL, and a URL may be signed.
fn innermost(error: &reqwest::Error) -> String {
    let mut words = "no cause given".to_owned();
    let mut cause = error.source();
    while let Some(inner) = cause {
        if !inner.is::<reqwest::Error>() {
            words = inner.to_string();
        }
        cause = inner.source();
    }
    excerpt(&words)
}

/// The `message` of GitHub's JSON errors.
fn message(body: &[u8]) -> Option<String> {
    #[derive(serde::Deserialize)]
    struct Said {
        message: String,
    }
    serde_json::from_slice::<Said>(body).ok().map(|said| said.message)
}
