//! HTTP with bounds: timeouts, sizes, redirects we follow ourselves, retries.
//!
//! It knows that one API exists and that the token belongs to it alone; it does not know what the API offers
//! (`github`) nor where bytes go (`download`).

mod excerpt;
mod exchange;
mod failure;
mod origin;
mod patience;
mod quota;
mod reason;
mod service;

use std::{fmt, time::Duration};

use reqwest::{
    Client, Response, StatusCode, Url,
    header::{
        ACCEPT, ACCEPT_ENCODING, AUTHORIZATION, CONTENT_ENCODING, CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue,
        LOCATION, RANGE,
    },
};
use secrecy::{ExposeSecret, SecretString};
use tokio::sync::OnceCell;

pub(crate) use self::{
    excerpt::{excerpt, excerpt_at, excerpt_within},
    failure::{Failure, host, readable},
    origin::is_loopback,
    patience::Patience,
    reason::Reason,
    service::Service,
};
use self::{
    failure::Circumstances,
    origin::{has_credentials, is_http},
    service::Ours,
};
use crate::error::{Error, Result};

/// Bounds on every request. The defaults suit GitHub over an ordinary network.
#[derive(Debug, Clone)]
pub struct HttpOptions {
    /// How long a connection may take to be made, TLS included.
    pub connect_timeout: Duration,
    /// How long a server may stay silent, before an answer and between its bytes.
    pub read_timeout: Duration,
    /// How long one API call may take as a whole, each attempt anew. Assets are not bound by it.
    pub request_timeout: Duration,
    /// How long one asset may take as a whole, attempts and waits included.
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

/// Longest path that a message shows, in characters.
const MAX_PATH: usize = 200;
/// Redirects followed for one request.
const MAX_REDIRECTS: usize = 5;
/// How much of an error's body is read for its message.
const MAX_ERROR_BYTES: u64 = 16 << 10;
const USER_AGENT: &str = concat!("merotee/", env!("CARGO_PKG_VERSION"));
const API_VERSION: (HeaderName, HeaderValue) =
    (HeaderName::from_static("x-github-api-version"), HeaderValue::from_static("2022-11-28"));

/// The client of one API and of the hosts it redirects to.
pub(crate) struct Http {
    service: Service,
    options: HttpOptions,
    api: Url,
    /// Marked as sensitive: its `Debug` says so and nothing else.
    authorization: Option<HeaderValue>,
    // Made on first use: reading the system's certificates takes longer than many a request.
    proxied: OnceCell<Client>,
    direct: OnceCell<Client>,
}

/// One request: a GET, or a POST when there is a body.
#[derive(Debug)]
pub(crate) struct Get<'a> {
    pub(crate) url: &'a Url,
    /// The media type asked for.
    pub(crate) accept: &'static str,
    /// The first byte wanted; 0 asks for the whole.
    pub(crate) from: u64,
    /// Where a redirect may lead.
    pub(crate) redirects: Redirects,
    /// What to post. Only searches are: asking again changes nothing.
    pub(crate) json: Option<&'a serde_json::Value>,
}

/// Where a redirect may lead. Never from https to http, and the token stays with the API in any case.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Redirects {
    /// Within the API: what we know about a release comes from there.
    WithinApi,
    /// To any host: asset bytes, which signatures and checksums judge.
    Anywhere,
}

/// An answer whose body is not read yet.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) response: Response,
    /// Who answered, after redirects.
    pub(crate) url: Url,
    /// Whether the API sent us elsewhere.
    pub(crate) redirected_away: bool,
}

/// An answer held in memory.
#[derive(Debug)]
pub(crate) struct Fetched {
    pub(crate) url: Url,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Vec<u8>,
}

impl fmt::Debug for Http {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Http")
            .field("service", &self.service)
            .field("api", &self.api.as_str())
            .field("options", &self.options)
            .finish_non_exhaustive()
    }
}

impl Http {
    /// # Errors
    /// Usage: `api` is not an http(s) URL or carries credentials, or the token can't be a header.
    pub(crate) fn new(service: Service, api: Url, token: Option<&SecretString>, options: HttpOptions) -> Result<Self> {
        let noun = service.noun();
        if !is_http(&api) || api.host_str().is_none() {
            let scheme = excerpt(api.scheme());
            return Err(Error::usage(format!("the URL of {noun} must start with https:// or http://, not {scheme}:")));
        }
        if has_credentials(&api) {
            return Err(Error::usage(format!("the URL of {noun} must not carry a user name or password"))
                .help(service.instead_of_credentials()));
        }
        let authorization = token.map(bearer).transpose()?.flatten();
        if authorization.is_some() && api.scheme() == "http" && !is_loopback(&api) {
            tracing::warn!("the token goes to {} without encryption", host(&api));
        }
        Ok(Self { service, options, api, authorization, proxied: OnceCell::new(), direct: OnceCell::new() })
    }

    pub(crate) fn options(&self) -> &HttpOptions {
        &self.options
    }

    pub(crate) fn api(&self) -> &Url {
        &self.api
    }

    pub(crate) fn has_token(&self) -> bool {
        self.authorization.is_some()
    }

    /// What an error about `subject`, asked for so often, says of who was asked.
    fn circumstances<'a>(&self, subject: &'a str, attempts: usize) -> Circumstances<'a> {
        let ours = Ours { token: self.has_token(), loopback: is_loopback(&self.api) };
        Circumstances { subject, attempts, service: self.service, ours }
    }

    /// Whether a URL belongs to the API: the same scheme, host and port, and no credentials of its own.
    pub(crate) fn is_api(&self, url: &Url) -> bool {
        url.origin() == self.api.origin() && !has_credentials(url)
    }

    /// The whole body of an answer of the API, retried as often as the options say. `None` is a 404.
    ///
    /// # Errors
    /// Remote: everything else that is not a success, an answer that is too large, slow or cut, a redirect elsewhere.
    pub(crate) async fn fetch(&self, url: &Url, accept: &'static str, subject: &str) -> Result<Option<Fetched>> {
        self.ask(&Get { url, accept, from: 0, redirects: Redirects::WithinApi, json: None }, subject).await
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
    pub(crate) async fn post_json(
        &self,
        url: &Url,
        json: &serde_json::Value,
        subject: &str,
    ) -> Result<serde_json::Value> {
        let get = Get { url, accept: "application/json", from: 0, redirects: Redirects::WithinApi, json: Some(json) };
        let answer = self.ask(&get, subject).await?;
        let fetched = answer.ok_or_else(|| Error::remote(format!("{subject}: {} answered 404", host(url))))?;
        json_of(&fetched, subject)
    }

    /// The whole body of an answer, retried as often as the options say. `None` is a 404.
    ///
    /// # Errors
    /// As [`Http::fetch`]; where redirects may lead is for `get` to say.
    pub(crate) async fn ask(&self, get: &Get<'_>, subject: &str) -> Result<Option<Fetched>> {
        let url = get.url;
        let mut patience = Patience::new(self, subject);
        loop {
            let limit = self.options.request_timeout;
            let failure = match tokio::time::timeout(limit, self.ask_once(get)).await {
                Ok(Ok(fetched)) => return Ok(fetched),
                Ok(Err(failure)) => failure,
                Err(_) => Failure::new(url, Reason::TimedOut(limit)),
            };
            patience.wait(failure).await?;
        }
    }

    async fn ask_once(&self, get: &Get<'_>) -> Result<Option<Fetched>, Failure> {
        let mut answer = self.open(get).await?;
        match answer.response.status() {
            StatusCode::OK => {}
            StatusCode::NOT_FOUND => return Ok(None),
            _ => return Err(self.rejected(answer).await),
        }
        let body = self.body(&mut answer, self.options.max_json_bytes).await?;
        Ok(Some(Fetched { url: answer.url, headers: answer.response.headers().clone(), body }))
    }

    /// One attempt: sends the request and follows its redirects. Any status but a redirect is an answer.
    pub(crate) async fn open(&self, get: &Get<'_>) -> Result<Answer, Failure> {
        let mut url = get.url.clone();
        for _ in 0..=MAX_REDIRECTS {
            let client = self.client(&url).await?;
            let (method, shown) = (if get.json.is_some() { "POST" } else { "GET" }, shown(&url));
            tracing::debug!("{method} {shown}");
            let request = match get.json {
                None => client.get(url.clone()),
                Some(json) => client.post(url.clone()).header(CONTENT_TYPE, "application/json").body(json.to_string()),
            };
            let response = request
                .headers(self.headers(&url, get))
                .send()
                .await
                .map_err(|e| Failure::transport(&url, &self.options, &e))?;
            tracing::trace!("{shown} answered {}", response.status().as_u16());
            if let Some(next) = self.redirect(&url, &response, get.redirects)? {
                url = next;
                continue;
            }
            let identity = |value: &HeaderValue| value.as_bytes().eq_ignore_ascii_case(b"identity");
            if response.headers().get(CONTENT_ENCODING).is_some_and(|value| !identity(value)) {
                let why = "compressed its answer, which we asked it not to do".to_owned();
                return Err(Failure::new(&url, Reason::Refused(why)));
            }
            let redirected_away = !self.is_api(&url);
            return Ok(Answer { response, url, redirected_away });
        }
        Err(Failure::new(get.url, Reason::Refused(format!("redirected more than {MAX_REDIRECTS} times"))))
    }

    /// The next piece of the body, `None` at its end.
    pub(crate) async fn piece(&self, answer: &mut Answer) -> Result<Option<impl AsRef<[u8]> + use<>>, Failure> {
        answer.response.chunk().await.map_err(|e| Failure::transport(&answer.url, &self.options, &e))
    }

    /// The failure that an answer with an unwelcome status stands for.
    pub(crate) async fn rejected(&self, mut answer: Answer) -> Failure {
        // The body is only wanted for its message: without one, or with half of one, the status has to do.
        let body = self.body(&mut answer, MAX_ERROR_BYTES).await.unwrap_or_default();
        Failure::status(&answer, self.service, &body)
    }

    /// The body in memory. Bytes are counted as they come: `Content-Length` proves nothing.
    async fn body(&self, answer: &mut Answer, limit: u64) -> Result<Vec<u8>, Failure> {
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

    fn headers(&self, url: &Url, get: &Get<'_>) -> HeaderMap {
        let mut headers = HeaderMap::new();
        headers.insert(ACCEPT, HeaderValue::from_static(get.accept));
        headers.insert(ACCEPT_ENCODING, HeaderValue::from_static("identity"));
        if get.from > 0
            && let Ok(range) = HeaderValue::try_from(format!("bytes={}-", get.from))
        {
            headers.insert(RANGE, range);
        }
        if self.service == Service::GitHub && self.is_api(url) {
            headers.extend([API_VERSION]);
        }
        if self.is_api(url) {
            headers.extend(self.authorization.clone().map(|token| (AUTHORIZATION, token)));
        }
        headers
    }

    /// Where an answer redirects to, if it does.
    fn redirect(&self, from: &Url, response: &Response, allowed: Redirects) -> Result<Option<Url>, Failure> {
        if !matches!(response.status().as_u16(), 301 | 302 | 303 | 307 | 308) {
            return Ok(None);
        }
        let location = response.headers().get(LOCATION).and_then(|value| value.to_str().ok());
        self.hop(from, location, allowed).map(Some).map_err(|why| Failure::new(from, Reason::Refused(why)))
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
        if allowed == Redirects::WithinApi && !self.is_api(&target) {
            return Err(format!("redirected an API call to another host, {}", host(&target)));
        }
        Ok(target)
    }

    async fn client(&self, url: &Url) -> Result<&Client, Failure> {
        let (cell, direct) = if is_loopback(url) { (&self.direct, true) } else { (&self.proxied, false) };
        cell.get_or_try_init(|| async { self.build(direct) })
            .await
            .map_err(|e| Failure::new(url, Reason::Setup(excerpt(&crate::error::chain(&e)))))
    }

    fn build(&self, direct: bool) -> reqwest::Result<Client> {
        let builder = Client::builder()
            .user_agent(USER_AGENT)
            .redirect(reqwest::redirect::Policy::none())
            .retry(reqwest::retry::never())
            .referer(false)
            .connect_timeout(self.options.connect_timeout)
            .read_timeout(self.options.read_timeout);
        if direct { builder.no_proxy().build() } else { builder.build() }
    }
}

/// Whom a request goes to and what it asks for, without a query: that of a storage is a signature.
fn shown(url: &Url) -> String {
    format!("{}://{}{}", url.scheme(), host(url), excerpt_within(url.path(), MAX_PATH))
}

fn json_of(fetched: &Fetched, subject: &str) -> Result<serde_json::Value> {
    serde_json::from_slice(&fetched.body).map_err(|e| {
        let shown = excerpt_at(&fetched.body, e.line(), e.column());
        let host = host(&fetched.url);
        Error::remote(format!("{subject}: {host} answered with something that is not JSON: `{shown}`")).because(e)
    })
}

/// The header that carries the token; `None` for an empty token, which is how CI passes on a secret that isn't there.
fn bearer(token: &SecretString) -> Result<Option<HeaderValue>> {
    // A token read from a file ends in a newline.
    let token = token.expose_secret().trim();
    if token.is_empty() {
        return Ok(None);
    }
    let mut value = HeaderValue::try_from(format!("Bearer {token}")).map_err(|_| {
        Error::usage("the token holds a character that tokens never have").help("check GH_TOKEN for stray characters")
    })?;
    value.set_sensitive(true);
    Ok(Some(value))
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use super::*;

    fn http(api: &str, token: &str) -> Result<Http> {
        let api = Url::parse(api).map_err(|e| Error::internal(e.to_string()))?;
        Http::new(Service::GitHub, api, Some(&SecretString::from(token)), HttpOptions::default())
    }

    #[test]
    fn only_the_same_scheme_host_and_port_without_credentials_is_the_api() {
        let http = http("https://ghe.example/api/v3", "t").unwrap();
        let is = |url: &str| http.is_api(&Url::parse(url).unwrap());
        assert!(is("https://ghe.example/anything"));
        assert!(is("https://GHE.example:443/"));
        assert!(!is("http://ghe.example/"));
        assert!(!is("https://ghe.example:8443/"));
        assert!(!is("https://ghe.example.evil.example/"));
        assert!(!is("https://ghe.example@evil.example/"));
        assert!(!is("https://user@ghe.example/"));
    }

    #[test]
    fn an_api_url_with_credentials_or_of_another_scheme_is_a_usage_error() {
        for bad in ["https://u:p@ghe.example/", "ftp://ghe.example/", "data:x", "file:///etc"] {
            let error = http(bad, "t").unwrap_err();
            assert_eq!(error.class(), crate::error::Class::Usage, "{bad}");
            assert!(!error.to_string().contains("u:p"), "{error}");
        }
    }

    #[test]
    fn a_token_is_trimmed_and_never_printed() {
        assert!(!http("https://a.example", " \n").unwrap().has_token());
        let http = http("https://a.example", "s3cret\n").unwrap();
        assert_eq!(http.authorization.as_ref().map(HeaderValue::as_bytes), Some(&b"Bearer s3cret"[..]));
        assert!(!format!("{http:?} {:?}", http.authorization).contains("s3cret"));
        let error = self::http("https://a.example", "s3\ncret").unwrap_err();
        assert!(!format!("{error:?}").contains("s3"));
    }

    #[test]
    fn redirects_lead_neither_from_https_to_http_nor_out_of_http_nor_api_calls_elsewhere() {
        let http = http("https://api.example/", "t").unwrap();
        let from = Url::parse("https://api.example/a/b").unwrap();
        let hop = |to, allowed| http.hop(&from, Some(to), allowed).map(String::from);
        assert_eq!(hop("c?d", Redirects::WithinApi), Ok("https://api.example/a/c?d".to_owned()));
        assert_eq!(hop("https://blob.example/x", Redirects::Anywhere), Ok("https://blob.example/x".to_owned()));
        for (to, why) in [
            ("http://blob.example/x?sig=s3cret", "from https to http (blob.example)"),
            ("http://api.example/x", "from https to http"),
            ("file:///etc/passwd", "a file: URL"),
            ("https://u:s3cret@blob.example/", "credentials"),
            ("https://", "without saying where"),
        ] {
            let refusal = hop(to, Redirects::Anywhere).unwrap_err();
            assert!(refusal.contains(why) && !refusal.contains("s3cret"), "{refusal}");
        }
        assert!(hop("https://blob.example/x?sig=s3cret", Redirects::WithinApi).unwrap_err().ends_with("blob.example"));
        assert!(http.hop(&from, None, Redirects::Anywhere).is_err());
    }
}
