//! A node's own endpoints, over plain HTTP as nodes offer them: health, what it says of itself, and its quote. Nothing that
//! it says is trusted, and of its attestation only the quote's bytes are read: the JSON beside them is its own reading.
//!
//! Source: calimero-network/core, crates/server/src/admin.

use std::net::Ipv4Addr;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use reqwest::StatusCode;
use serde_json::{Value, json};
use url::Url;

use super::http::{Http, HttpOptions, Service, host};
use crate::{
    attestation::quote::input::Input,
    e2e::suite::Said,
    error::{self, Class, Error, Result},
    schema::parse_json_within,
    text::excerpt,
};

/// Largest answer read, in bytes. A quote with the node's own reading of it has some 60,000.
const MAX_ANSWER_BYTES: u64 = 1 << 20;

/// How nodes are reached.
#[derive(Debug, Clone, Default)]
pub enum Network {
    /// By their address on the internet.
    #[default]
    Internet,
    /// Through one server, which stands for the network of a sandbox: the address is the beginning of the path.
    Sandbox(Url),
}

/// A node.
#[derive(Debug)]
pub struct Node {
    http: Http,
    base: Url,
}

/// What a node says of its health.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Health {
    /// It works.
    Alive,
    /// It does not yet, or not any more, in its words.
    Not(String),
}

/// What a node says of itself. None of it is attested.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Info {
    /// `gcp`, by its metadata server.
    pub cloud_provider: Option<String>,
    /// The image, by its metadata server.
    pub os_image: Option<String>,
}

/// A node's no to an attestation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// The status.
    pub status: u16,
    /// Its words, as remote text.
    pub said: String,
}

/// A quote as the node gave it.
#[derive(Debug)]
pub struct Attested {
    /// The whole answer.
    pub answer: Vec<u8>,
    /// The quote in it.
    pub input: Input,
}

impl Network {
    /// Where the node at an address listens.
    ///
    /// # Errors
    /// Remote: a machine on the internet has no such address, so that what is asked there would be somebody else.
    pub fn node(&self, address: Ipv4Addr, port: u16) -> Result<Url> {
        let (text, base) = match self {
            Self::Internet if is_ours(address) => {
                return Err(Error::remote(format!("the machine's address {address} is none on the internet")));
            }
            Self::Internet => (format!("http://{address}:{port}/"), None),
            Self::Sandbox(base) => (format!("{address}/{port}/"), Some(base)),
        };
        let url = base.map_or_else(|| Url::parse(&text), |base| base.join(&text));
        url.map_err(|e| Error::internal("the address of a node").because(e))
    }
}

/// Whether an address means something within this network alone, such as its metadata server.
fn is_ours(address: Ipv4Addr) -> bool {
    address.is_loopback()
        || address.is_private()
        || address.is_link_local()
        || address.is_unspecified()
        || address.is_broadcast()
        || address.is_multicast()
}

impl Node {
    /// A client of the node at `base`.
    ///
    /// # Errors
    /// Usage: a node cannot be asked there.
    pub fn new(base: Url, options: HttpOptions) -> Result<Self> {
        let options = HttpOptions { max_json_bytes: MAX_ANSWER_BYTES, ..options };
        Ok(Self { http: Http::new(Service::Node, base.clone(), None, options)?, base })
    }

    /// Where it is, for people.
    pub fn host(&self) -> String {
        host(&self.base)
    }

    /// Its health.
    ///
    /// # Errors
    /// Remote: it does not answer.
    pub async fn health(&self) -> Result<Health> {
        let (status, body) = self.http.exchange(&self.url("admin-api/health")?, None, "the node's health").await?;
        let said = data(&body).and_then(|data| data.get("status").and_then(Value::as_str).map(str::to_owned));
        Ok(match said.as_deref() {
            Some("alive") if status == StatusCode::OK => Health::Alive,
            Some(words) => Health::Not(format!("{} {}", status.as_u16(), excerpt(words))),
            None => Health::Not(format!("{} without a health", status.as_u16())),
        })
    }

    /// What it says of itself; `None` where it says nothing.
    ///
    /// # Errors
    /// Remote: it does not answer.
    pub async fn info(&self) -> Result<Option<Info>> {
        let url = self.url("admin-api/tee/info")?;
        let (status, body) = self.http.exchange(&url, None, "what the node says of itself").await?;
        if status != StatusCode::OK {
            return Ok(None);
        }
        let text = |data: &Value, name: &str| data.get(name).and_then(Value::as_str).map(excerpt);
        Ok(data(&body)
            .map(|data| Info { cloud_provider: text(&data, "cloudProvider"), os_image: text(&data, "osImage") }))
    }

    /// Its quote over a nonce.
    ///
    /// # Errors
    /// Remote: it does not answer, or its answer holds no quote.
    pub async fn attest(&self, nonce: &[u8; 32]) -> Result<Result<Attested, Refusal>> {
        let (url, asked) = (self.url("admin-api/tee/attest")?, json!({"nonce": hex::encode(nonce)}));
        let (status, answer) = self.http.exchange(&url, Some(&asked), "the node's quote").await?;
        if status != StatusCode::OK {
            let said = parse_json_within(&answer, answer.len()).ok();
            let said = said.and_then(|said| said.get("error").and_then(Value::as_str).map(excerpt));
            let said = said.unwrap_or_else(|| "without a reason".to_owned());
            return Ok(Err(Refusal { status: status.as_u16(), said }));
        }
        let what = || Error::remote(format!("the answer of {} holds no quote that can be read", self.host()));
        let quote = data(&answer).and_then(|data| data.get("quoteB64").and_then(Value::as_str).map(str::to_owned));
        // Beside the text stands the node's own reading of it, which a reader of the whole answer could take.
        let quote = quote.ok_or_else(|| what().help("expected data.quoteB64: is this a node with TDX?"))?;
        let input = Input::read(quote.as_bytes()).map_err(|e| what().because(e))?;
        Ok(Ok(Attested { answer, input }))
    }

    /// What its own verifier makes of a quote, which may be none of its own. That it does not answer is an answer here.
    ///
    /// # Errors
    /// Usage, internal: it cannot be asked.
    pub async fn verify_quote(&self, quote: &[u8], nonce: &[u8; 32], application: Option<&[u8; 32]>) -> Result<Said> {
        let mut asked = json!({"quoteB64": STANDARD.encode(quote), "nonce": hex::encode(nonce)});
        if let (Some(hash), Some(fields)) = (application, asked.as_object_mut()) {
            fields.insert("expectedApplicationHash".to_owned(), json!(hex::encode(hash)));
        }
        let url = self.url("admin-api/tee/verify-quote")?;
        let (status, answer) = match self.http.exchange(&url, Some(&asked), "the node's verdict on a quote").await {
            Ok(answer) => answer,
            Err(error) if error.class() == Class::Remote => return Ok(Said::Silent(error::chain(&error))),
            Err(error) => return Err(error),
        };
        if status != StatusCode::OK {
            let said = parse_json_within(&answer, answer.len()).ok();
            let said = said.and_then(|said| said.get("error").and_then(Value::as_str).map(excerpt));
            return Ok(Said::Refused(status.as_u16(), said.unwrap_or_else(|| "without a reason".to_owned())));
        }
        let data = data(&answer).unwrap_or_default();
        let told = |name: &str| data.get(name).and_then(Value::as_bool);
        Ok(match (told("quoteVerified"), told("nonceVerified")) {
            (Some(quote), Some(nonce)) => Said::Verdict { quote, nonce, application: told("applicationHashVerified") },
            (None, _) | (_, None) => Said::Silent("an answer without quoteVerified and nonceVerified".to_owned()),
        })
    }

    fn url(&self, path: &str) -> Result<Url> {
        self.base.join(path).map_err(|e| Error::internal("the address of a node's endpoint").because(e))
    }
}

/// `data` of an answer.
fn data(body: &[u8]) -> Option<Value> {
    let mut answer = parse_json_within(body, body.len()).ok()?;
    answer.get_mut("data").map(Value::take)
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use super::*;

    #[test]
    fn a_machine_on_the_internet_is_asked_there_and_nowhere_else() {
        let node = |address: &str| Network::Internet.node(address.parse().unwrap(), 80).map(|url| url.to_string());
        assert_eq!(node("34.90.1.2").unwrap(), "http://34.90.1.2/");
        for bad in ["127.0.0.1", "10.0.0.1", "169.254.169.254", "0.0.0.0", "255.255.255.255", "224.0.0.1"] {
            assert!(node(bad).is_err(), "{bad}");
        }
        let sandbox = Network::Sandbox(Url::parse("http://127.0.0.1:9/").unwrap());
        let url = sandbox.node("203.0.113.7".parse().unwrap(), 80).unwrap();
        assert_eq!(url.as_str(), "http://127.0.0.1:9/203.0.113.7/80/");
    }
}
