//! The client: one service, the hosts it redirects to, and the token that belongs to it alone.

use std::fmt;

use reqwest::{
    Client, Response, StatusCode, Url,
    header::{
        ACCEPT, ACCEPT_ENCODING, CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE, HeaderMap, HeaderValue, LOCATION,
        RANGE,
    },
};
use secrecy::SecretString;
use tokio::sync::OnceCell;

use super::{
    HttpOptions, address, excerpt, excerpt_at, excerpt_within,
    failure::{Asked, Failure, host},
    gate::Gate,
    link::Link,
    origin::{has_credentials, is_http, is_loopback},
    reason::Reason,
    request::{Body, Redirects, Request},
    retry::Patience,
    service::{Ours, Service},
    token, upload,
};
use crate::error::{Error, Result};

/// Longest path that a message shows, in characters.
const MAX_PATH: usize = 200;
/// Redirects followed for one request.
const MAX_REDIRECTS: usize = 5;
/// The client of one service and of the hosts it redirects to.
pub struct Http {
    pub(super) service: Service,
    options: HttpOptions,
    base: Url,
    link: Link,
    /// Marked as sensitive: its `Debug` says so and nothing else.
    pub(super) authorization: Option<HeaderValue>,
    /// What else is sent that no message may show: a password, and the header that holds it.
    pub(super) secrets: Vec<HeaderValue>,
    /// What all requests have in common.
    pub(super) gate: Gate,
    // Made on first use: reading the system's certificates takes longer than many a request.
    proxied: OnceCell<Client>,
    direct: OnceCell<Client>,
    /// For streamed bodies, by the same two ways: how long a server may stay silent is not counted from their beginning.
    proxied_upload: OnceCell<Client>,
    direct_upload: OnceCell<Client>,
}

/// An answer whose body is not read yet.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) response: Response,
    /// Who answered, after redirects.
    pub(crate) url: Url,
    /// Whether the service sent us elsewhere.
    pub(crate) redirected_away: bool,
}

/// An answer held in memory.
#[derive(Debug)]
pub struct Fetched {
    /// Who answered, after redirects.
    pub url: Url,
    /// A success.
    pub status: StatusCode,
    /// Its headers.
    pub headers: HeaderMap,
    /// All of its body.
    pub body: Vec<u8>,
}

impl fmt::Debug for Http {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Http")
            .field("service", &self.service)
            .field("base", &self.base.as_str())
            .field("options", &self.options)
            .finish_non_exhaustive()
    }
}

impl Http {
    /// A client of the service at `base`. Nothing is sent yet.
    ///
    /// # Errors
    /// Usage: `base` is not an http(s) URL or carries credentials, or the token can't be a header.
    pub fn new(service: Service, base: Url, token: Option<&SecretString>, options: HttpOptions) -> Result<Self> {
        address::demand_sound(service, &base)?;
        let authorization = token.map(|token| token::header(service, token)).transpose()?.flatten();
        if authorization.is_some() && base.scheme() == "http" && !is_loopback(&base) {
            tracing::warn!("the token goes to {} without encryption", host(&base));
        }
        let [proxied, direct, proxied_upload, direct_upload] = [const { OnceCell::const_new() }; 4];
        let gate = Gate::new(service);
        let link = Link::Address;
        Ok(Self {
            service,
            options,
            base,
            link,
            authorization,
            secrets: Vec::new(),
            gate,
            proxied,
            direct,
            proxied_upload,
            direct_upload,
        })
    }

    /// The same, reached in another way.
    pub(crate) fn over(self, link: Link) -> Self {
        Self { link, ..self }
    }

    pub(crate) fn options(&self) -> &HttpOptions {
        &self.options
    }

    pub(crate) fn base(&self) -> &Url {
        &self.base
    }

    pub(crate) fn has_token(&self) -> bool {
        self.authorization.is_some()
    }

    /// The attempts at what `asked` says, all of them still left.
    pub(super) fn attempts<'a>(&'a self, asked: Asked<'a>) -> Patience<'a> {
        let ours = Ours { token: self.has_token(), loopback: is_loopback(&self.base) };
        Patience::new(&self.options, self.service, ours, asked)
    }

    /// The attempts at reading `subject`.
    pub(crate) fn patience<'a>(&'a self, subject: &'a str) -> Patience<'a> {
        self.attempts(Asked::For(subject))
    }

    /// Whether a URL belongs to the service: the same scheme, host and port, and no credentials of its own.
    pub(crate) fn is_own(&self, url: &Url) -> bool {
        url.origin() == self.base.origin() && !has_credentials(url)
    }

    /// The whole body of an answer of the service, retried as often as the options say. `None` is a 404.
    ///
    /// # Errors
    /// As [`Http::ask`], and a redirect elsewhere.
    pub(crate) async fn fetch(&self, url: &Url, accept: &'static str, subject: &str) -> Result<Option<Fetched>> {
        self.ask(&Request::get(url, accept), subject).await
    }

    /// The JSON answer to a GET. `None` is a 404.
    ///
    /// # Errors
    /// As [`Http::fetch`], and an answer that is not JSON.
    pub(crate) async fn get_json(&self, url: &Url, subject: &str) -> Result<Option<serde_json::Value>> {
        let answer = self.fetch(url, "application/json", subject).await?;
        answer.map(|fetched| json_of(&fetched, subject)).transpose()
    }

    /// The JSON answer to a search by POST, which may be asked again without harm.
    ///
    /// # Errors
    /// As [`Http::fetch`], an answer that is not JSON, and a 404.
    pub(crate) async fn search(
        &self,
        url: &Url,
        query: &serde_json::Value,
        subject: &str,
    ) -> Result<serde_json::Value> {
        let answer = self.ask(&Request::search(url, query), subject).await?;
        let fetched = answer.ok_or_else(|| Error::remote(format!("{subject}: {} answered 404", host(url))))?;
        json_of(&fetched, subject)
    }

    /// Makes a request, again as often as the options say and its [`Request::idempotent`] allows, and reads the whole
    /// answer. `None` is a 404.
    ///
    /// # Errors
    /// Remote: everything else that is not a success, an answer that is too large, slow or cut, a redirect where `request`
    /// does not allow one. Input: a body that cannot be produced.
    pub async fn ask(&self, request: &Request<'_>, subject: &str) -> Result<Option<Fetched>> {
        let url = request.url;
        let asked = if request.reads() { Asked::For(subject) } else { Asked::To(subject) };
        let mut patience = self.attempts(asked);
        if !request.idempotent {
            patience = patience.only_what_was_not_done();
        }
        let limit = match request.body {
            Body::Stream(_) => self.options.download_timeout,
            Body::None | Body::Json(_) | Body::Bytes(..) => self.options.request_timeout,
        };
        loop {
            // What is waited for here is nobody's delay: no answer is late yet.
            let failure = match self.gate.enter(url).await {
                Ok(()) => match tokio::time::timeout(limit, self.ask_once(request)).await {
                    Ok(Ok(fetched)) => return Ok(fetched),
                    Ok(Err(failure)) => failure,
                    Err(_) => Failure::new(url, Reason::TimedOut(limit)),
                },
                Err(closed) => closed,
            };
            self.heed(&failure);
            patience.wait(failure).await?;
        }
    }

    async fn ask_once(&self, request: &Request<'_>) -> Result<Option<Fetched>, Failure> {
        let mut answer = self.open(request).await?;
        let status = answer.response.status();
        match status {
            StatusCode::NOT_FOUND => return Ok(None),
            StatusCode::OK => {}
            _ if request.accepted.contains(&status) => {}
            // What was made, taken or done away with is answered so; a document never is.
            _ if status.is_success() && !request.reads() => {}
            _ => return Err(self.rejected(answer).await),
        }
        let body = self.body(&mut answer, self.options.max_json_bytes).await?;
        Ok(Some(Fetched { url: answer.url, status, headers: answer.response.headers().clone(), body }))
    }

    /// One attempt: sends the request and follows its redirects. Any status but a redirect is an answer.
    pub(crate) async fn open(&self, request: &Request<'_>) -> Result<Answer, Failure> {
        let mut url = request.url.clone();
        for _ in 0..=MAX_REDIRECTS {
            let shown = shown(&url);
            tracing::debug!("{} {shown}", request.method);
            let response = self.send(request, &url).await?;
            if self.is_own(&url) {
                self.gate.observe(response.headers());
            }
            tracing::trace!("{shown} answered {}", response.status().as_u16());
            if let Some(next) = self.redirect(&url, &response, request)? {
                url = next;
                continue;
            }
            let identity = |value: &HeaderValue| value.as_bytes().eq_ignore_ascii_case(b"identity");
            if response.headers().get(CONTENT_ENCODING).is_some_and(|value| !identity(value)) {
                let why = "compressed its answer, which we asked it not to do".to_owned();
                return Err(Failure::new(&url, Reason::Refused(why)));
            }
            let redirected_away = !self.is_own(&url);
            return Ok(Answer { response, url, redirected_away });
        }
        Err(Failure::new(request.url, Reason::Refused(format!("redirected more than {MAX_REDIRECTS} times"))))
    }

    /// Sends the request to `url`, its own or where it was redirected to. A streamed body is opened anew.
    async fn send(&self, request: &Request<'_>, url: &Url) -> Result<Response, Failure> {
        let streams = matches!(request.body, Body::Stream(_));
        let client = self.client(url, streams).await?;
        let sending = client.request(request.method.clone(), url.clone()).headers(self.headers(url, request));
        let transport = |e: reqwest::Error| Failure::transport(url, &self.options, &e);
        let content = match &request.body {
            Body::None => return sending.send().await.map_err(transport),
            Body::Json(bytes) | Body::Bytes(_, bytes) => {
                return sending.body(bytes.clone()).send().await.map_err(transport);
            }
            Body::Stream(content) => content,
        };
        let cannot = |why| Failure::new(url, Reason::Unsendable(why));
        let (body, watch) = upload::open(content).await.map_err(|e| cannot(crate::error::chain(&e)))?;
        let stuck = self.options.read_timeout;
        let outcome = tokio::select! {
            outcome = sending.header(CONTENT_LENGTH, content.length).body(body).send() => outcome.map_err(transport),
            () = watch.stalled(stuck) => Err(Failure::new(url, Reason::TimedOut(stuck))),
        };
        // What the transport makes of a body that fails is not why it failed.
        match watch.fault() {
            Some(why) => Err(cannot(why)),
            None => outcome,
        }
    }

    /// The next piece of the body, `None` at its end.
    pub(crate) async fn piece(&self, answer: &mut Answer) -> Result<Option<impl AsRef<[u8]> + use<>>, Failure> {
        answer.response.chunk().await.map_err(|e| Failure::transport(&answer.url, &self.options, &e))
    }

    /// The body in memory. Bytes are counted as they come: `Content-Length` proves nothing.
    pub(crate) async fn body(&self, answer: &mut Answer, limit: u64) -> Result<Vec<u8>, Failure> {
        let mut body = Vec::new();
        while let Some(piece) = self.piece(answer).await? {
            let piece = piece.as_ref();
            if (body.len() + piece.len()) as u64 > limit {
                return Err(Failure::new(&answer.url, Reason::TooLarge(limit)));
            }
            body.extend_from_slice(piece);
        }
        Ok(body)
    }

    fn headers(&self, url: &Url, request: &Request<'_>) -> HeaderMap {
        let mut headers = HeaderMap::new();
        headers.insert(ACCEPT, HeaderValue::from_static(request.accept));
        headers.insert(ACCEPT_ENCODING, HeaderValue::from_static("identity"));
        match &request.body {
            Body::None => {}
            Body::Json(_) => {
                headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
            }
            Body::Bytes(media_type, _) => {
                headers.insert(CONTENT_TYPE, HeaderValue::from_static(media_type));
            }
            Body::Stream(content) => {
                let unknown = || HeaderValue::from_static("application/octet-stream");
                let media_type = HeaderValue::try_from(&content.media_type).unwrap_or_else(|_| unknown());
                headers.insert(CONTENT_TYPE, media_type);
            }
        }
        if request.from > 0
            && let Ok(range) = HeaderValue::try_from(format!("bytes={}-", request.from))
        {
            headers.insert(RANGE, range);
        }
        if self.is_own(url) {
            headers.extend(self.service.headers());
            headers.extend(request.headers.clone());
            headers.extend(self.authorization.clone().map(|token| (self.service.credential().header, token)));
        }
        headers
    }

    /// Where an answer redirects to, if it does.
    fn redirect(&self, from: &Url, response: &Response, request: &Request<'_>) -> Result<Option<Url>, Failure> {
        let status = response.status().as_u16();
        if !matches!(status, 301 | 302 | 303 | 307 | 308) {
            return Ok(None);
        }
        let refused = |why| Failure::new(from, Reason::Refused(why));
        // Only 307 and 308 promise that the request is to be made at the other place as it is (RFC 9110 section 15.4):
        // after the others it may already have been carried out.
        if !request.idempotent && !matches!(status, 307 | 308) {
            return Err(refused(format!("redirected a {} with {status}, which we don't follow", request.method)));
        }
        let location = response.headers().get(LOCATION).and_then(|value| value.to_str().ok());
        self.hop(from, location, request.redirects).map(Some).map_err(refused)
    }

    /// The next URL, or why we don't go there.
    fn hop(&self, from: &Url, location: Option<&str>, allowed: Redirects) -> Result<Url, String> {
        let target = location
            .and_then(|location| from.join(location).ok())
            .ok_or_else(|| "redirected without saying where to".to_owned())?;
        if !is_http(&target) {
            return Err(format!("redirected to a {}: URL, which we don't follow", excerpt(target.scheme())));
        }
        if has_credentials(&target) {
            return Err("redirected to a URL with credentials in it, which we don't follow".to_owned());
        }
        if from.scheme() == "https" && target.scheme() == "http" {
            return Err(format!("redirected from https to http ({}), which we don't follow", host(&target)));
        }
        if allowed == Redirects::WithinService && !self.is_own(&target) {
            return Err(format!("redirected an API call to another host, {}", host(&target)));
        }
        Ok(target)
    }

    async fn client(&self, url: &Url, upload: bool) -> Result<&Client, Failure> {
        let direct = is_loopback(url) || self.service.is_near() || self.link.is_direct();
        let cell = match (direct, upload) {
            (true, false) => &self.direct,
            (false, false) => &self.proxied,
            (true, true) => &self.direct_upload,
            (false, true) => &self.proxied_upload,
        };
        cell.get_or_try_init(|| async { self.link.client(&self.options, direct, upload) })
            .await
            .map_err(|e| Failure::new(url, Reason::Setup(excerpt(&crate::error::chain(&e)))))
    }
}

/// Whom a request goes to and what it asks for, without a query: that of a storage is a signature.
fn shown(url: &Url) -> String {
    format!("{}://{}{}", url.scheme(), host(url), excerpt_within(format_args!("{}", url.path()), MAX_PATH))
}

fn json_of(fetched: &Fetched, subject: &str) -> Result<serde_json::Value> {
    serde_json::from_slice(&fetched.body).map_err(|e| {
        let shown = excerpt_at(&fetched.body, e.line(), e.column());
        let host = host(&fetched.url);
        Error::remote(format!("{subject}: {host} answered with something that is not JSON: `{shown}`")).because(e)
    })
}

#[cfg(test)]
mod tests;
