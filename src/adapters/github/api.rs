//! GitHub's typed JSON: `octocrab` over our own HTTP, which keeps bounds, retries, redirects and the token. Bytes of assets
//! do not come this way: `octocrab` would write the JSON of an error into the file, and sends a streamed body again empty.

use std::{
    fmt,
    sync::Arc,
    task::{Context, Poll},
};

use ::http::{Request as Question, Response, StatusCode, header::ACCEPT};
use futures_util::future::BoxFuture;
use http_body_util::BodyExt as _;
use hyper::body::Bytes;
use octocrab::{AuthState, OctoBody, Octocrab, OctocrabBuilder};
use reqwest::header::HeaderMap;
use serde::de::DeserializeOwned;
use tokio::sync::OnceCell;
use tower::Service;
use url::Url;

use super::JSON;
use crate::{
    adapters::http::{Body, Http, Request, excerpt, excerpt_at, host},
    error::{self, Error, Result},
};

type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// The API's JSON calls.
pub(super) struct Api {
    http: Arc<Http>,
    /// Made on first use: it starts a task of its own.
    octocrab: OnceCell<Octocrab>,
}

/// A typed answer.
#[derive(Debug)]
pub(super) struct Answered<T> {
    pub(super) value: T,
    /// Who answered, after redirects.
    pub(super) url: Url,
    pub(super) headers: HeaderMap,
}

/// What a question is about, for messages.
#[derive(Debug, Clone)]
struct Subject(String);

/// Where an answer came from and what it was, for messages about one that can't be read.
#[derive(Debug, Clone)]
struct Origin {
    url: Url,
    body: Bytes,
}

impl fmt::Debug for Api {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Api").field("http", &self.http).finish_non_exhaustive()
    }
}

impl Api {
    pub(super) fn new(http: Arc<Http>) -> Self {
        Self { http, octocrab: OnceCell::new() }
    }

    /// What lies at `url`; `None` is a 404. `expected` says what it should be: "a release".
    ///
    /// # Errors
    /// Remote: those of our HTTP, and an answer that is not the JSON of a `T`.
    pub(super) async fn get<T: DeserializeOwned>(
        &self,
        url: &Url,
        expected: &str,
        subject: &str,
    ) -> Result<Option<Answered<T>>> {
        let question = Question::get(url.as_str()).header(ACCEPT, JSON).extension(Subject(subject.to_owned()));
        let question = question.body(OctoBody::empty()).map_err(|e| {
            Error::remote(format!("{} gives an address that can't be asked for {subject}", host(url))).because(e)
        })?;
        let octocrab = self.octocrab.get_or_init(|| async { octocrab(Transport(Arc::clone(&self.http))) }).await;
        let answer = octocrab.execute(question).await.map_err(ours)?;
        let mut answer = match octocrab::map_github_error(answer).await {
            Ok(answer) => answer,
            Err(octocrab::Error::GitHub { source, .. }) if source.status_code == StatusCode::NOT_FOUND => {
                return Ok(None);
            }
            Err(other) => return Err(ours(other)),
        };
        let headers = answer.headers().clone();
        let Some(Origin { url, body }) = answer.extensions_mut().remove::<Origin>() else {
            return Err(Error::internal("an answer of the API comes from nowhere"));
        };
        match serde_json::from_slice::<T>(&body) {
            Ok(value) => Ok(Some(Answered { value, url, headers })),
            Err(why) => {
                let host = host(&url);
                let near = excerpt_at(&body, why.line(), why.column());
                // The parser's words quote the remote text.
                let why = excerpt(&why.to_string());
                let message =
                    format!("{host} sent no valid JSON for {expected} ({why}), asked for {subject}; near `{near}`");
                Err(Error::remote(message).help("check GITHUB_API_URL, and whether a proxy answers in the API's place"))
            }
        }
    }
}

/// The client over our transport: no layer of its own that would retry, redirect, authenticate or cache.
fn octocrab(transport: Transport) -> Octocrab {
    let built = OctocrabBuilder::new_empty().with_service(transport).with_auth(AuthState::None).build();
    built.unwrap_or_else(|never| match never {})
}

/// Our HTTP as `octocrab` wants it: a service from requests to answers.
struct Transport(Arc<Http>);

impl Service<Question<OctoBody>> for Transport {
    type Response = Response<OctoBody>;
    type Error = BoxError;
    type Future = BoxFuture<'static, Result<Self::Response, Self::Error>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, question: Question<OctoBody>) -> Self::Future {
        Box::pin(answer(Arc::clone(&self.0), question))
    }
}

async fn answer(http: Arc<Http>, question: Question<OctoBody>) -> Result<Response<OctoBody>, BoxError> {
    let (parts, body) = question.into_parts();
    let url = Url::parse(&parts.uri.to_string())?;
    let subject = parts.extensions.get::<Subject>().map_or("the API", |subject| subject.0.as_str());
    let body = body.collect().await?.to_bytes();
    let body = if body.is_empty() { Body::None } else { Body::Json(body.to_vec()) };
    let request = Request { body, accept: JSON, ..Request::new(parts.method, &url) };
    let Some(fetched) = http.ask(&request, subject).await? else {
        return Ok(Response::builder().status(StatusCode::NOT_FOUND).body(OctoBody::empty())?);
    };
    let body = Bytes::from(fetched.body);
    let mut answer = Response::new(OctoBody::from(body.clone()));
    *answer.status_mut() = fetched.status;
    *answer.headers_mut() = fetched.headers;
    answer.extensions_mut().insert(Origin { url: fetched.url, body });
    Ok(answer)
}

/// Our own error again, which went through `octocrab`, or what it says itself.
fn ours(error: octocrab::Error) -> Error {
    let octocrab::Error::Service { source, .. } = error else {
        return Error::remote(format!("GitHub's API cannot be asked: {}", excerpt(&error::chain(&error))));
    };
    match source.downcast::<Error>() {
        Ok(own) => *own,
        Err(other) => Error::remote(format!("GitHub's API cannot be asked: {}", excerpt(&error::chain(&*other)))),
    }
}
