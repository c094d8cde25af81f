//! HTTP with bounds, for every service that is asked over it: timeouts, sizes, redirects we follow ourselves, retries.
//!
//! What is asked is a [`Request`]; the request says whether it may be made again ([`Request::idempotent`]), and
//! how a service names itself, limits and advises is its dialect ([`Service`]). What an API offers is for its own adapter
//! (`github`), and where bytes go for `download`.

mod address;
mod admission;
mod client;
mod exchange;
mod failure;
mod gate;
mod link;
mod origin;
mod own;
mod quota;
mod reason;
mod request;
mod retry;
mod said;
mod service;
mod token;
mod unwelcome;
mod upload;
mod write;

use std::time::Duration;

pub(crate) use self::{
    client::Answer,
    failure::{Failure, host, readable},
    link::{Certified, Link},
    origin::{has_credentials, is_http, is_loopback},
    own::Use,
    reason::Reason,
    write::{Refused, Written},
};
pub use self::{
    client::{Fetched, Http},
    quota::Quota,
    request::{Body, Content, Redirects, Request, Source},
    service::Service,
};
pub(crate) use crate::text::{excerpt, excerpt_at, excerpt_within};

/// Bounds on every request. The defaults suit GitHub over an ordinary network.
#[derive(Debug, Clone)]
pub struct HttpOptions {
    /// How long a connection may take to be made, TLS included.
    pub connect_timeout: Duration,
    /// How long a server may stay silent, before an answer and between its bytes, or take none of a streamed body.
    pub read_timeout: Duration,
    /// How long one API call may take as a whole, each attempt anew. Neither downloads nor streamed bodies are bound by
    /// it.
    pub request_timeout: Duration,
    /// How long one asset may take as a whole, attempts and waits included, and a streamed body each attempt.
    pub download_timeout: Duration,
    /// How often a request is made before it is given up; 0 counts as 1. A download that got further starts anew.
    pub attempts: usize,
    /// The wait before the second attempt. It doubles each time, with jitter, up to 30 s.
    pub backoff: Duration,
    /// The wait after GitHub's secondary rate limit, where it does not say how long: at least a minute, as GitHub asks
    /// (<https://docs.github.com/rest/using-the-rest-api/rate-limits-for-the-rest-api>). It doubles each time.
    pub limit_pause: Duration,
    /// The largest answer held in memory, in bytes.
    pub max_json_bytes: u64,
    /// The largest asset, in bytes. GitHub takes none over 2 GiB.
    pub max_asset_bytes: u64,
}

impl Default for HttpOptions {
    fn default() -> Self {
        Self {
            connect_timeout: Duration::from_secs(10),
            read_timeout: Duration::from_secs(30),
            request_timeout: Duration::from_secs(60),
            download_timeout: Duration::from_secs(3600),
            attempts: 4,
            backoff: Duration::from_millis(500),
            limit_pause: Duration::from_secs(60),
            max_json_bytes: 32 << 20,
            max_asset_bytes: 2 << 30,
        }
    }
}
