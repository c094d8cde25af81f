//! What can be wrong with a request or its answer, as values. Who judges them, and what is said of them, is elsewhere.

use std::time::Duration;

use jiff::Timestamp;
use reqwest::StatusCode;

/// A server may ask for this long a wait and get it; a longer one ends the work at once, with the time.
pub(super) const PATIENCE: Duration = Duration::from_secs(300);

/// Why a request failed.
#[derive(Debug)]
pub(crate) enum Reason {
    /// No connection.
    Unreachable {
        /// What was in the way.
        cause: Cause,
        /// The system's words.
        words: String,
    },
    /// Nothing came for this long.
    TimedOut(Duration),
    /// The answer broke off.
    Broken(String),
    /// A status that is not a success.
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
    RateLimited {
        /// Whether it is GitHub's secondary one, against bursts: it says when it ends only now and then.
        secondary: bool,
        /// The message of the body, as remote text.
        said: Option<String>,
        /// The wait asked for.
        pause: Option<Pause>,
    },
    /// We do not accept the answer: a redirect where we do not go, an encoding we did not ask for.
    Refused(String),
    /// More bytes than allowed.
    TooLarge(u64),
    /// Our HTTP client can't be set up.
    Setup(String),
    /// What should be sent can't be produced.
    Unsendable(String),
}

/// Why there is no connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Cause {
    /// Nothing listens, or something in between refuses.
    Refused,
    /// The name means nothing.
    NoSuchHost,
    /// The server's certificate is not trusted, or it does not speak TLS.
    Tls,
    /// Anything else.
    Other,
}

/// A wait that a server asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Pause {
    /// How long from now.
    pub(crate) wait: Duration,
    /// When it ends.
    pub(crate) until: Timestamp,
}
