//! Intel Trust Authority: a quote goes to its API, which answers with a token; the keys that tokens are signed with are at
//! its portal, another host. What comes back is not trusted here: `attestation::ita` judges it.
//!
//! The key goes to the API alone. Nothing is asked again in a weaker form: where the policies that were asked for are a
//! hindrance, that is the answer.

mod lists;

use base64::{Engine as _, engine::general_purpose::STANDARD, engine::general_purpose::URL_SAFE_NO_PAD};
use reqwest::{Method, StatusCode, Url};
use secrecy::SecretString;
use serde_json::{Value, json};

use super::http::{Body, Fetched, Http, HttpOptions, Request, Service, excerpt, host};
use crate::{
    attestation::{
        ita::{MAX_JWKS_BYTES, MAX_TOKEN_BYTES, PolicyId},
        quote::Quote,
    },
    error::{Error, Result},
    schema::parse_json_within,
};

/// Intel's API and portal, in each of its regions. Of any other API the portal must be said.
const REGIONS: [(&str, &str); 2] = [
    ("api.trustauthority.intel.com", "https://portal.trustauthority.intel.com"),
    ("api.eu.trustauthority.intel.com", "https://portal.eu.trustauthority.intel.com"),
];
/// Largest request that the API takes, in bytes
/// (<https://docs.trustauthority.intel.com/main/restapi/restapi-intro.html>).
const MAX_REQUEST_BYTES: usize = 500_000;
/// What surrounds a token in the largest answer read, in bytes.
const AROUND_A_TOKEN: usize = 4 << 10;
/// What an answer is called by, for Intel's support.
const NAMED_BY: [(&str, &str); 2] = [("trace-id", "ITA trace id"), ("request-id", "ITA request id")];

/// A client of both hosts.
#[derive(Debug)]
pub struct Ita {
    api: Http,
    portal: Http,
    options: HttpOptions,
}

/// What the API says of a quote.
#[derive(Debug)]
pub enum Answer {
    /// A token, not verified, and what the answer is called by: each with what it is.
    Token(String, Vec<(&'static str, String)>),
    /// It gives none, and says why, as remote text.
    Refused(String),
}

/// The portal of Intel's own API at this address.
pub fn portal_of(api: &Url) -> Option<Url> {
    if api.scheme() != "https" || api.port().is_some() {
        return None;
    }
    let (_, portal) = REGIONS.into_iter().find(|(host, _)| api.host_str() == Some(host))?;
    Url::parse(portal).ok()
}

impl Ita {
    /// A client for the holder of `key`. Nothing is sent yet.
    ///
    /// # Errors
    /// Usage: an address is not an http(s) URL or carries credentials, or the key is empty or cannot be a header.
    pub fn new(api: &Url, portal: &Url, key: &SecretString, options: HttpOptions) -> Result<Self> {
        let bounded = |bytes: usize| HttpOptions { max_json_bytes: bytes as u64, ..options.clone() };
        let client = Http::new(Service::Ita, api.clone(), Some(key), bounded(MAX_TOKEN_BYTES + AROUND_A_TOKEN))?;
        if !client.has_token() {
            return Err(
                Error::usage("ITA_API_KEY is empty").help("set it to an attestation API key of Intel Trust Authority")
            );
        }
        let portal = Http::new(Service::ItaPortal, portal.clone(), None, bounded(MAX_JWKS_BYTES))?;
        Ok(Self { api: client, portal, options })
    }

    /// Has a quote appraised, with these policies, all of which must match.
    ///
    /// # Errors
    /// Remote: the API cannot be asked, or does not answer with a token or with why there is none.
    pub async fn attest(&self, quote: &Quote, policies: &[PolicyId]) -> Result<Answer> {
        const SUBJECT: &str = "a token of Intel Trust Authority";
        let body = request(quote, policies).to_string().into_bytes();
        if body.len() > MAX_REQUEST_BYTES {
            let what =
                format!("the quote is too large for Intel Trust Authority, which takes {MAX_REQUEST_BYTES} bytes");
            return Err(Error::input(what));
        }
        let url = below(self.api.base(), "appraisal/v2/attest");
        // An appraisal changes nothing, so it may be asked for again.
        let request = Request {
            body: Body::Json(body),
            idempotent: true,
            accepted: &[StatusCode::BAD_REQUEST],
            ..Request::new(Method::POST, &url)
        };
        let missing = || {
            Error::remote(format!("cannot get {SUBJECT}: {} answered 404", host(&url)))
                .help("is this the address of the API, not of the portal? --ita-api-url (ITA_API_URL)")
        };
        let fetched = self.api.ask(&request, SUBJECT).await?.ok_or_else(missing)?;
        self.discreet(&fetched)?;
        if fetched.status == StatusCode::BAD_REQUEST {
            return Ok(Answer::Refused(refusal(&fetched.body)));
        }
        // What else it holds is not repeated: it was sent by a server that knows the key.
        let token = parse_json_within(&fetched.body, MAX_TOKEN_BYTES + AROUND_A_TOKEN).ok();
        let token = token.as_ref().and_then(|answer| answer.get("token")).and_then(Value::as_str);
        let token = token.ok_or_else(|| {
            Error::remote(format!("{} answered without a token", host(&fetched.url)))
                .help("is this the address of Intel Trust Authority's API? --ita-api-url (ITA_API_URL)")
        })?;
        self.silent_about_key(token.split('.').filter_map(|part| URL_SAFE_NO_PAD.decode(part).ok()), &fetched)?;
        Ok(Answer::Token(token.to_owned(), named_by(&fetched)))
    }

    /// The portal's key set, as it came.
    ///
    /// # Errors
    /// Remote: the portal cannot be asked.
    pub async fn keys(&self) -> Result<Vec<u8>> {
        const SUBJECT: &str = "the keys of Intel Trust Authority";
        let url = below(self.portal.base(), "certs");
        let missing = || {
            Error::remote(format!("cannot get {SUBJECT}: {} answered 404", host(&url)))
                .help("is this the address of the portal, not of the API? --ita-portal-url (ITA_PORTAL_URL)")
        };
        Ok(self.portal.fetch(&url, "application/json", SUBJECT).await?.ok_or_else(missing)?.body)
    }

    /// Refuses an answer that repeats the key: its words, which reports quote, would give it away.
    fn discreet(&self, fetched: &Fetched) -> Result<()> {
        let headers = NAMED_BY.iter().filter_map(|(name, _)| fetched.headers.get(*name));
        let headers = headers.map(|value| value.as_bytes().to_vec());
        // JSON can spell it in escapes.
        let spelt = serde_json::from_slice::<Value>(&fetched.body).map(|body| texts(&body)).unwrap_or_default();
        self.silent_about_key(headers.chain([fetched.body.clone(), spelt.into_bytes()]), fetched)
    }

    fn silent_about_key(&self, words: impl Iterator<Item = Vec<u8>>, fetched: &Fetched) -> Result<()> {
        for words in words {
            if self.api.repeats_token(&words) {
                let what = format!("{} repeats the API key in its answer, which is not shown", host(&fetched.url));
                return Err(Error::remote(what).help("do not trust this address: revoke the key"));
            }
        }
        Ok(())
    }
}

/// The request: the quote cut to its own length, since padding is not its own.
fn request(quote: &Quote, policies: &[PolicyId]) -> Value {
    let evidence = json!({ "quote": STANDARD.encode(quote.as_bytes()) });
    if policies.is_empty() {
        return json!({ "tdx": evidence });
    }
    let ids: Vec<_> = policies.iter().map(PolicyId::as_str).collect();
    json!({ "tdx": evidence, "policy_ids": ids, "policy_must_match": true })
}

/// Why there is no token, in the service's words.
fn refusal(body: &[u8]) -> String {
    let answer = parse_json_within(body, MAX_TOKEN_BYTES).ok();
    let words = answer.as_ref().and_then(|answer| ["error", "message"].iter().find_map(|field| answer.get(field)));
    words
        .map_or_else(|| "it does not say why".to_owned(), |words| excerpt(words.as_str().unwrap_or(&words.to_string())))
}

/// Every text of a document: one that is cut into several does not count as repeated.
fn texts(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Array(items) => items.iter().map(texts).collect::<Vec<_>>().join("\n"),
        Value::Object(fields) => fields.iter().map(|(name, value)| format!("{name}\n{}\n", texts(value))).collect(),
        Value::Null | Value::Bool(_) | Value::Number(_) => String::new(),
    }
}

fn named_by(fetched: &Fetched) -> Vec<(&'static str, String)> {
    let value = |(header, name): (&'static str, &'static str)| {
        let value = fetched.headers.get(header)?.to_str().ok()?;
        Some((name, excerpt(value)))
    };
    NAMED_BY.into_iter().filter_map(value).collect()
}

/// A path below an address that may have one itself.
fn below(base: &Url, path: &str) -> Url {
    let mut url = base.clone();
    url.set_query(None);
    url.set_fragment(None);
    url.set_path(&format!("{}/{path}", base.path().trim_end_matches('/')));
    url
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use super::*;

    #[test]
    fn the_portal_is_known_of_intels_own_two_apis_alone() {
        let portal = |api: &str| portal_of(&Url::parse(api).unwrap()).map(|url| url.to_string());
        let known = portal("https://api.trustauthority.intel.com");
        assert_eq!(known.as_deref(), Some("https://portal.trustauthority.intel.com/"));
        let eu = portal("https://api.eu.trustauthority.intel.com/");
        assert_eq!(eu.as_deref(), Some("https://portal.eu.trustauthority.intel.com/"));
        for other in [
            "http://api.trustauthority.intel.com",
            "https://api.trustauthority.intel.com:8443",
            "https://api.example.com",
            "https://api.trustauthority.intel.com.example",
            "https://portal.trustauthority.intel.com",
        ] {
            assert_eq!(portal(other), None, "{other}");
        }
    }

    #[test]
    fn paths_are_joined_below_an_address_with_and_without_a_path() {
        for base in ["https://h.example", "https://h.example/", "https://h.example/?x=1#y"] {
            assert_eq!(below(&Url::parse(base).unwrap(), "certs").as_str(), "https://h.example/certs");
        }
        assert_eq!(below(&Url::parse("https://h.example/a/").unwrap(), "certs").as_str(), "https://h.example/a/certs");
    }

    #[test]
    fn an_empty_key_is_a_usage_error_and_a_strange_one_is_not_printed() {
        let url = Url::parse("https://api.example").unwrap();
        for key in ["", " \n", "se\ncret-key"] {
            let error = Ita::new(&url, &url, &SecretString::from(key), HttpOptions::default()).unwrap_err();
            assert_eq!(error.class(), crate::error::Class::Usage, "{key:?}");
            assert!(!crate::error::chain(&error).contains("cret"), "{error}");
            assert!(error.advice().is_some_and(|advice| advice.contains("ITA_API_KEY") || advice.contains("API key")));
        }
    }
}
