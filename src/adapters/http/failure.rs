//! Why a request failed, whether asking again can help, and how the reader is told. It asks nothing itself.

use std::{error::Error as StdError, fmt, io, time::Duration};

use jiff::Timestamp;
use reqwest::{StatusCode, Url, header::HeaderMap};

use super::{
    HttpOptions,
    quota::{self, Limit},
    reason::{Cause, PATIENCE, Pause, Reason},
    said,
    service::{Ours, Service},
};
use crate::{error::Error, text::excerpt};

/// One failed request. It never holds a URL's query or credentials: a redirect target's query is a signature.
#[derive(Debug)]
pub(crate) struct Failure {
    host: String,
    reason: Reason,
    /// Whether there was no connection to send the request over.
    unsent: bool,
    /// Whether the server's certificate is why.
    distrusted: bool,
}

/// What came of an answer whose status is not a success.
#[derive(Debug, Clone, Copy)]
pub(super) struct Unwelcome<'a> {
    pub(super) status: StatusCode,
    pub(super) headers: &'a HeaderMap,
    /// The start of its body.
    pub(super) body: &'a [u8],
    /// Whether the service had redirected to who answered: the storage's limits are not the API's, and no token raises
    /// them.
    pub(super) storage: bool,
}

/// Circumstances of a failure that decide its words.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Circumstances<'a> {
    /// What was asked.
    pub(crate) asked: Asked<'a>,
    /// How often it was asked.
    pub(crate) attempts: usize,
    /// Who was asked.
    pub(crate) service: Service,
    /// Our side of it.
    pub(crate) ours: Ours,
}

/// What was asked, in words.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Asked<'a> {
    /// Something to read: "release `v1` of o/r".
    For(&'a str),
    /// Something to do: "upload `x` to release `v1` of o/r".
    To(&'a str),
}

impl fmt::Display for Asked<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::For(thing) => write!(f, "for {thing}"),
            Self::To(act) => write!(f, "to {act}"),
        }
    }
}

impl Failure {
    /// A failure of the server at `url`.
    pub(crate) fn new(url: &Url, reason: Reason) -> Self {
        Self { host: host(url), reason, unsent: false, distrusted: false }
    }

    /// A request or body read that failed below HTTP.
    pub(crate) fn transport(url: &Url, options: &HttpOptions, error: &reqwest::Error) -> Self {
        let reason = match (error.is_timeout(), error.is_connect()) {
            (true, true) => Reason::TimedOut(options.connect_timeout),
            (true, false) => Reason::TimedOut(options.read_timeout),
            (false, true) => Reason::Unreachable { cause: cause(error), words: innermost(error) },
            (false, false) => Reason::Broken(innermost(error)),
        };
        Self { unsent: error.is_connect(), distrusted: is_distrusted(error), ..Self::new(url, reason) }
    }

    /// What is wrong with the server's certificate, where that is why.
    pub(crate) fn distrusted(&self) -> Option<&str> {
        match &self.reason {
            Reason::Unreachable { words, .. } if self.distrusted => Some(words),
            Reason::Unreachable { .. }
            | Reason::TimedOut(_)
            | Reason::Broken(_)
            | Reason::Status { .. }
            | Reason::RateLimited { .. }
            | Reason::Refused(_)
            | Reason::TooLarge(_)
            | Reason::Setup(_)
            | Reason::Unsendable(_) => None,
        }
    }

    /// Whether the request was surely not carried out: it was not sent, or a rate limit kept the service from it.
    pub(super) fn was_not_done(&self) -> bool {
        self.unsent || matches!(self.reason, Reason::RateLimited { .. })
    }

    /// Whether it is ours: what should be sent cannot be produced, or the client not be set up.
    pub(super) fn is_ours(&self) -> bool {
        matches!(self.reason, Reason::Unsendable(_) | Reason::Setup(_))
    }

    /// An answer whose status is not a success, of the server at `url`.
    pub(super) fn status(url: &Url, service: Service, unwelcome: &Unwelcome<'_>) -> Self {
        Self::new(url, refusal(service, unwelcome))
    }

    /// The least time to wait before asking again; `None` when asking again can't help. `unsaid` is the wait after a
    /// secondary limit that does not say how long it holds.
    pub(crate) fn retry_after(&self, unsaid: Duration) -> Option<Duration> {
        let bearable = |pause: &Option<Pause>| match pause {
            None => Some(Duration::ZERO),
            Some(pause) => (pause.wait <= PATIENCE).then_some(pause.wait),
        };
        match &self.reason {
            Reason::Unreachable { .. } | Reason::TimedOut(_) | Reason::Broken(_) => Some(Duration::ZERO),
            Reason::RateLimited { secondary: true, pause: None, .. } => Some(unsaid),
            Reason::RateLimited { pause, .. } => bearable(pause),
            Reason::Status { status, pause, storage, .. } => {
                let expired_link = *storage && *status == StatusCode::FORBIDDEN;
                let passing = status.is_server_error() || matches!(status.as_u16(), 408 | 429);
                if passing || expired_link { bearable(pause) } else { None }
            }
            Reason::Refused(_) | Reason::TooLarge(_) | Reason::Setup(_) | Reason::Unsendable(_) => None,
        }
    }

    /// One sentence without its subject, for a log line.
    pub(crate) fn in_short(&self) -> String {
        let host = &self.host;
        match &self.reason {
            Reason::Unreachable { words, .. } => format!("could not reach {host}: {words}"),
            Reason::TimedOut(waited) => format!("{host} did not answer within {}", readable(*waited)),
            Reason::Broken(detail) => format!("the answer from {host} was cut off: {detail}"),
            Reason::Status { status, said, pause, .. } => {
                let mut said = quoted(said.as_deref());
                if let Some(Pause { wait, until }) = pause {
                    said.push_str(&format!(", and asks us to wait {} (until {until:.0})", readable(*wait)));
                }
                match status.as_u16() {
                    401 => format!("{host} refused access without valid credentials (401){said}"),
                    403 => format!("{host} refused access (403){said}"),
                    404 => format!("{host} answered 404 (not found){said}"),
                    code => format!("{host} answered {code}{said}"),
                }
            }
            Reason::RateLimited { secondary, said, pause } => {
                let which = if *secondary { "secondary rate limit" } else { "rate limit" };
                let ends = pause.map(|Pause { wait, until }| format!("; it ends in {} ({until:.0})", readable(wait)));
                let (said, ends) = (quoted(said.as_deref()), ends.unwrap_or_default());
                format!("{host}: the {which} is reached{said}{ends}")
            }
            Reason::Refused(why) => format!("{host} {why}"),
            Reason::TooLarge(limit) => format!("{host} sent more than the {limit} bytes allowed"),
            Reason::Unsendable(why) => format!("what is to be sent to {host} cannot be read: {why}"),
            Reason::Setup(detail) => format!("cannot set up the HTTP client for {host}: {detail}"),
        }
    }

    /// The error the reader gets.
    pub(crate) fn into_error(self, around: Circumstances<'_>) -> Error {
        let tries = if around.attempts > 1 { format!(" (after {} attempts)", around.attempts) } else { String::new() };
        let cannot = match around.asked {
            Asked::For(thing) => format!("cannot get {thing}"),
            Asked::To(act) => format!("cannot {act}"),
        };
        let message = format!("{cannot}: {}{tries}", self.in_short());
        let error = match &self.reason {
            Reason::Unsendable(_) => Error::input(message),
            // The message has its words already; a caller that need not wait goes by its kind.
            Reason::Unreachable { cause: Cause::Refused, words } => {
                Error::remote(message).because(io::Error::new(io::ErrorKind::ConnectionRefused, words.clone()))
            }
            Reason::TimedOut(_) if self.unsent => {
                Error::remote(message).because(io::Error::new(io::ErrorKind::TimedOut, self.in_short()))
            }
            Reason::Broken(_) => {
                Error::remote(message).because(io::Error::new(io::ErrorKind::ConnectionAborted, self.in_short()))
            }
            Reason::Status { .. } | Reason::RateLimited { .. } | Reason::Refused(_) | Reason::TooLarge(_) => {
                Error::remote(message).because(io::Error::new(io::ErrorKind::InvalidData, self.in_short()))
            }
            Reason::Unreachable { .. } | Reason::TimedOut(_) | Reason::Setup(_) => Error::remote(message),
        };
        match around.service.advice(&self.reason, around.ours) {
            Some(advice) => error.help(advice),
            None => error,
        }
    }

    /// The rate limit that is reached, if that is the failure: whether it is the secondary one, and the wait it asks for.
    pub(super) fn limit(&self) -> Option<(bool, Option<Pause>)> {
        match self.reason {
            Reason::RateLimited { secondary, pause, .. } => Some((secondary, pause)),
            Reason::Unreachable { .. }
            | Reason::TimedOut(_)
            | Reason::Broken(_)
            | Reason::Status { .. }
            | Reason::Refused(_)
            | Reason::TooLarge(_)
            | Reason::Setup(_)
            | Reason::Unsendable(_) => None,
        }
    }

    /// Whether a secondary limit is reached that does not say how long it holds.
    pub(super) fn is_unbounded_limit(&self) -> bool {
        matches!(self.reason, Reason::RateLimited { secondary: true, pause: None, .. })
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

/// What was in the way of a connection. TLS's own errors come as invalid data.
fn cause(error: &reqwest::Error) -> Cause {
    let mut cause = error.source();
    while let Some(inner) = cause {
        match inner.downcast_ref::<io::Error>().map(innermost_kind) {
            Some(io::ErrorKind::ConnectionRefused) => return Cause::Refused,
            Some(io::ErrorKind::InvalidData) => return Cause::Tls,
            Some(_) | None => {}
        }
        // The connector's own type for this is not public.
        if inner.to_string().starts_with("dns error") {
            return Cause::NoSuchHost;
        }
        cause = inner.source();
    }
    Cause::Other
}

/// Whether a certificate is what is wrong, and not that something other than TLS is spoken.
fn is_distrusted(error: &reqwest::Error) -> bool {
    let mut cause = error.source();
    while let Some(inner) = cause {
        let wrapped = inner.downcast_ref::<io::Error>().and_then(innermost_tls);
        if let Some(rustls::Error::InvalidCertificate(_)) = wrapped.or_else(|| inner.downcast_ref()) {
            return true;
        }
        cause = inner.source();
    }
    false
}

/// TLS's own error, which may be wrapped in others of the system's type.
fn innermost_tls(error: &io::Error) -> Option<&rustls::Error> {
    let inner = error.get_ref()?;
    inner.downcast_ref().or_else(|| inner.downcast_ref::<io::Error>().and_then(innermost_tls))
}

/// The kind of an error that may be wrapped in others of its type, which their chain of sources passes over.
fn innermost_kind(error: &io::Error) -> io::ErrorKind {
    let inner = error.get_ref().and_then(|inner| inner.downcast_ref::<io::Error>());
    inner.map_or(error.kind(), innermost_kind)
}

/// What an unwelcome status stands for.
fn refusal(service: Service, unwelcome: &Unwelcome<'_>) -> Reason {
    let Unwelcome { status, headers, body, storage } = *unwelcome;
    let said = message(body);
    let limit = if storage { None } else { quota::limit(service, status, headers, said.as_deref()) };
    let pause = quota::pause(service, headers, Timestamp::now());
    match limit {
        Some(limit) => Reason::RateLimited { secondary: limit == Limit::Secondary, said, pause },
        None => Reason::Status { status, said, pause, storage },
    }
}

/// Remote words as the end of a sentence; nothing where the service said none.
fn quoted(said: Option<&str>) -> String {
    said.filter(|words| !words.trim().is_empty()).map(|words| format!(": {}", excerpt(words))).unwrap_or_default()
}

/// The `message` of GitHub's JSON errors, the `error` of others', `error.message` of Google's, and what Phala Cloud has in
/// their place.
pub(super) fn message(body: &[u8]) -> Option<String> {
    let said: serde_json::Value = serde_json::from_slice(body).ok()?;
    if let Some(reason) = said::reason(&said) {
        return Some(reason);
    }
    let error = said.get("error");
    let words = [said.get("message"), error, error.and_then(|error| error.get("message"))];
    words.into_iter().flatten().find_map(|words| words.as_str()).map(str::to_owned)
}

#[cfg(test)]
impl Failure {
    /// As an answer of the API with this status, these headers and this message makes it.
    pub(super) fn answered(service: Service, code: u16, headers: &HeaderMap, said: &str) -> Self {
        let status = StatusCode::from_u16(code).unwrap_or_default();
        let body = serde_json::json!({ "message": said }).to_string();
        let reason = refusal(service, &Unwelcome { status, headers, body: body.as_bytes(), storage: false });
        Self { host: "api.example".to_owned(), reason, unsent: false, distrusted: false }
    }
}
