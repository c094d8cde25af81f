//! What is asked of a service: a value, so that it can be made again where that does no harm. It sends nothing.

use std::{fmt, io, sync::Arc};

use futures_util::{future::BoxFuture, stream::BoxStream};
use reqwest::{Method, StatusCode, Url, header::HeaderMap};

use crate::error::Result;

/// One request.
#[derive(Debug)]
pub struct Request<'a> {
    /// The method.
    pub method: Method,
    /// Whom it goes to first.
    pub url: &'a Url,
    /// What goes along.
    pub body: Body,
    /// Whether it may be made again when it is unknown if it was carried out. One that may not be is made again only where
    /// it surely was not: there was no connection, or the service says that a rate limit kept it from acting.
    pub idempotent: bool,
    /// The media type asked for.
    pub accept: &'static str,
    /// The first byte wanted; 0 asks for the whole.
    pub from: u64,
    /// Where a redirect may lead.
    pub redirects: Redirects,
    /// Headers for the service itself, in place of its own of the same names.
    pub headers: HeaderMap,
    /// Statuses that are an answer too, beside those that [`super::Http::ask`] takes for one.
    pub accepted: &'static [StatusCode],
}

/// What goes along with a request.
#[derive(Debug, Clone, Default)]
pub enum Body {
    /// Nothing.
    #[default]
    None,
    /// A JSON text.
    Json(Vec<u8>),
    /// A few bytes of another media type.
    Bytes(&'static str, Vec<u8>),
    /// Bytes that are not held in memory.
    Stream(Content),
}

/// Bytes for a body, produced anew for every attempt: a stream that was begun can't be sent again.
#[derive(Clone)]
pub struct Content {
    /// Their media type.
    pub media_type: String,
    /// How many there are. A source that yields more or less makes the request fail before it is complete.
    pub length: u64,
    /// Where they come from.
    pub source: Source,
}

/// Opens the bytes of a body at their beginning.
pub type Source = Arc<dyn Fn() -> BoxFuture<'static, Result<BoxStream<'static, io::Result<Vec<u8>>>>> + Send + Sync>;

/// Where a redirect may lead. Never from https to http, and a token stays with its service in any case.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Redirects {
    /// Within the service: what we know about a release comes from there.
    WithinService,
    /// To any host: asset bytes, which signatures and checksums judge.
    Anywhere,
}

impl fmt::Debug for Content {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { media_type, length, .. } = self;
        f.debug_struct("Content").field("media_type", media_type).field("length", length).finish_non_exhaustive()
    }
}

impl Body {
    /// A JSON value as a body.
    pub fn json(value: &serde_json::Value) -> Self {
        Self::Json(value.to_string().into_bytes())
    }
}

impl<'a> Request<'a> {
    /// A request that may be made again if its method says so (RFC 9110 section 9.2.2), answers in JSON, and stays with
    /// the service.
    pub fn new(method: Method, url: &'a Url) -> Self {
        let idempotent = method.is_idempotent();
        let (accept, redirects) = ("application/json", Redirects::WithinService);
        let (body, headers) = (Body::None, HeaderMap::new());
        Self { method, url, body, idempotent, accept, from: 0, redirects, headers, accepted: &[] }
    }

    /// A GET.
    pub fn get(url: &'a Url, accept: &'static str) -> Self {
        Self { accept, ..Self::new(Method::GET, url) }
    }

    /// A search that is asked by POST: it changes nothing, so asking again does no harm.
    pub fn search(url: &'a Url, query: &serde_json::Value) -> Self {
        Self { body: Body::json(query), idempotent: true, ..Self::new(Method::POST, url) }
    }

    /// Whether it only asks: a GET, or a search.
    pub(super) fn reads(&self) -> bool {
        self.method.is_safe() || (self.method == Method::POST && self.idempotent)
    }
}
