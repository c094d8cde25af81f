//! Whether a server answers from here, and what it says in the first moment. One request, without retries and redirects,
//! within a few seconds: for `doctor`, to whom a refusal is an answer.

use std::{collections::BTreeMap, time::Duration};

use reqwest::{Client, Url, header};
use secrecy::{ExposeSecret as _, SecretString};

use super::http::{has_credentials, is_http, is_loopback};
use crate::error::{Error, Result, chain};

/// How long a server may take for everything.
const PATIENCE: Duration = Duration::from_secs(5);
/// Most of an answer that is read, in bytes.
const MAX_BODY: usize = 1 << 20;

/// What a server said.
#[derive(Debug, Clone)]
pub struct Answer {
    /// Status of the answer.
    pub status: u16,
    /// Headers that are text, by their names in lower case.
    pub headers: BTreeMap<String, String>,
    /// The body, for an answer below 300.
    pub body: Vec<u8>,
}

/// Asks servers, each at most once a call.
#[derive(Debug)]
pub struct Reach {
    proxied: Client,
    direct: Client,
}

impl Reach {
    /// # Errors
    /// Internal: no client can be made.
    pub fn new() -> Result<Self> {
        let build = |direct: bool| {
            let builder = Client::builder()
                .user_agent(concat!("merotee/", env!("CARGO_PKG_VERSION")))
                .redirect(reqwest::redirect::Policy::none())
                .referer(false)
                .timeout(PATIENCE);
            let builder = if direct { builder.no_proxy() } else { builder };
            builder.build().map_err(|e| Error::internal("cannot make a client").because(e))
        };
        Ok(Self { proxied: build(false)?, direct: build(true)? })
    }

    /// Asks for `url`, with the token where there is one.
    ///
    /// # Errors
    /// One sentence: no answer came in time.
    pub async fn ask(&self, url: &Url, token: Option<&SecretString>) -> std::result::Result<Answer, String> {
        if !is_http(url) || has_credentials(url) {
            return Err("the address must be http or https, and must not carry a user name or password".to_owned());
        }
        let client = if is_loopback(url) { &self.direct } else { &self.proxied };
        let mut request = client.get(url.clone()).header(header::ACCEPT, "application/json, */*;q=0.5");
        if let Some(token) = token {
            request = request.bearer_auth(token.expose_secret());
        }
        // Without the address: a query may hold what is nobody's business.
        let told = |e: reqwest::Error| chain(&e.without_url());
        let mut response = request.send().await.map_err(told)?;
        let status = response.status().as_u16();
        let headers = response
            .headers()
            .iter()
            .filter_map(|(name, value)| Some((name.as_str().to_owned(), value.to_str().ok()?.to_owned())))
            .collect();
        let mut body = Vec::new();
        while status < 300
            && body.len() < MAX_BODY
            && let Some(chunk) = response.chunk().await.map_err(told)?
        {
            body.extend_from_slice(&chunk);
        }
        Ok(Answer { status, headers, body })
    }
}
