//! A dstack KMS from without: over plain HTTP while it waits to be bootstrapped or onboarded, and over TLS once it serves.
//!
//! While it waits, anyone who reaches its port can ask it anything, and nothing it says is proven by how it came. Once it
//! serves, it is spoken to only over TLS by the key that was attested ([`Serving`]). What it says is judged elsewhere.
//!
//! Source of the format: the recorded traffic of dstack-kms 0.6.0; what older versions say differently is read as well.

pub mod authority;

use std::{
    net::SocketAddr,
    time::{Duration, Instant},
};

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use url::Url;

use super::http::{Body, Certified, Failure, Http, HttpOptions, Link, Request, Service, Written, host};
use crate::{
    dstack::{attestation_info::AttestationInfo, kms_deploy::Domain},
    error::{Error, Result},
};

/// Largest answer read, in bytes: what the KMS itself takes.
const MAX_ANSWER_BYTES: u64 = 10 << 20;

/// Largest answer to GetAttestationInfo, in bytes: it is written down. A real one has some 400.
const MAX_ANNOUNCED: usize = 4 << 10;

/// A KMS that waits, at its plain HTTP port.
#[derive(Debug)]
pub struct Onboarding {
    http: Http,
    /// For what is only looked at: a KMS that serves already refuses plain HTTP, and asking again changes nothing.
    once: Http,
}

/// What a KMS says of itself before it has keys. Nothing of it is proven.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Announced {
    /// The answer, as it came.
    pub text: String,
    /// What it says.
    pub info: AttestationInfo,
    /// Whether the KMS may be of a version that replaces its keys when it is asked for them twice: up to 0.5.8 it does, and
    /// until 0.6.0 nothing it says tells these versions apart.
    pub may_replace_keys: bool,
}

/// What came of a request that changes something.
#[derive(Debug)]
pub enum Answered<T> {
    /// It was carried out.
    Done(T),
    /// The KMS says no.
    Refused(Error),
    /// It may have been carried out, and the error says why that is not known.
    Unknown(Error),
}

/// How a KMS that should serve answers.
#[derive(Debug)]
pub enum Met {
    /// It does, over TLS by the attested key.
    Serves {
        /// The body, as it came.
        body: Vec<u8>,
        /// How long it took, the connection included.
        took: Duration,
    },
    /// What answers is not certified by the attested key.
    Distrusted(String),
    /// It does not answer yet, or not at all.
    Silent(Error),
}

/// A KMS that serves.
#[derive(Debug)]
pub struct Serving {
    http: Http,
}

impl Announced {
    /// Reads an answer.
    ///
    /// # Errors
    /// As [`AttestationInfo::parse`] has them, and an answer that is not text.
    pub fn read(bytes: &[u8]) -> Result<Self> {
        let odd = || Error::remote("the answer to GetAttestationInfo cannot be used");
        if bytes.len() > MAX_ANNOUNCED {
            return Err(Error::remote(format!("the answer to GetAttestationInfo has more than {MAX_ANNOUNCED} bytes")));
        }
        let info = AttestationInfo::parse(bytes).map_err(|e| odd().because(e))?;
        let text = String::from_utf8(bytes.to_vec()).map_err(|e| odd().because(e))?;
        let says = |field: &str| serde_json::from_str::<Value>(&text).is_ok_and(|said| said.get(field).is_some());
        Ok(Self { may_replace_keys: !says("tee_variant"), info, text })
    }
}

impl Onboarding {
    /// The KMS at `base`, such as `http://127.0.0.1:9100`. Nothing is sent yet.
    ///
    /// # Errors
    /// Usage: a URL that is not http, or carries credentials.
    pub fn new(base: &Url, options: HttpOptions) -> Result<Self> {
        let options = HttpOptions { max_json_bytes: MAX_ANSWER_BYTES, ..options };
        let once = HttpOptions { attempts: 1, ..options.clone() };
        let client = |options| Http::new(Service::DstackKms, base.clone(), None, options);
        Ok(Self { http: client(options)?, once: client(once)? })
    }

    /// Where it is, for people.
    pub fn host(&self) -> String {
        host(self.http.base())
    }

    /// Whether the KMS waits to be bootstrapped or onboarded: it knows the service of a KMS that does not serve yet.
    ///
    /// # Errors
    /// Remote: nothing answers there in plain HTTP.
    pub async fn waits(&self) -> Result<bool> {
        let url = self.at("health")?;
        let answer = self.once.fetch(&url, "text/plain", "the health of the KMS").await?;
        if answer.is_none_or(|fetched| fetched.body.trim_ascii() != b"OK") {
            return Ok(false);
        }
        let (url, body) = (self.method("KMS.GetMeta")?, json!({}));
        let request = Request { body: Body::json(&body), ..Request::new(Method::POST, &url) };
        Ok(match self.once.write(&request, "ask the KMS whether it serves").await? {
            Written::Refused(refused) => refused.error.to_string().contains("Service not found"),
            Written::Done(_) => false,
            Written::Unknown(error) => return Err(error),
        })
    }

    /// What it says of itself.
    ///
    /// # Errors
    /// Remote: every failure; a version that cannot say it is one.
    pub async fn attestation_info(&self) -> Result<Announced> {
        const SUBJECT: &str = "what the KMS says of its measurements";
        let url = self.method("Onboard.GetAttestationInfo")?;
        let fetched = self.http.ask(&Request::search(&url, &json!({})), SUBJECT).await?;
        let fetched =
            fetched.ok_or_else(|| Error::remote(format!("cannot get {SUBJECT}: {} answered 404", self.host())))?;
        Announced::read(&fetched.body)
    }

    /// Has it make its keys. Gives the answer as it came. Never asked again where it may have been carried out.
    ///
    /// # Errors
    /// Remote: no connection.
    pub async fn bootstrap(&self, domain: &Domain) -> Result<Answered<Vec<u8>>> {
        self.change("Onboard.Bootstrap", &json!({ "domain": domain.to_string() }), "bootstrap the KMS").await
    }

    /// Has it take the keys of another KMS. Gives the answer as it came.
    ///
    /// # Errors
    /// Remote: no connection.
    pub async fn onboard(&self, source: &Url, domain: &Domain) -> Result<Answered<Vec<u8>>> {
        let body = json!({ "source_url": source.as_str().trim_end_matches('/'), "domain": domain.to_string() });
        self.change("Onboard.Onboard", &body, "onboard the KMS").await
    }

    /// Ends the waiting: the KMS serves with the keys it has. One without keys ends.
    ///
    /// # Errors
    /// Remote: no connection.
    pub async fn finish(&self) -> Result<Answered<()>> {
        let url = self.at("finish")?;
        let request = Request { idempotent: false, ..Request::get(&url, "text/plain") };
        Ok(match self.http.write(&request, "have the KMS serve").await? {
            Written::Done(_) => Answered::Done(()),
            Written::Refused(refused) => Answered::Refused(refused.error),
            Written::Unknown(error) => Answered::Unknown(error),
        })
    }

    async fn change(&self, method: &str, body: &Value, subject: &str) -> Result<Answered<Vec<u8>>> {
        let url = self.method(method)?;
        let request = Request { body: Body::json(body), ..Request::new(Method::POST, &url) };
        Ok(match self.http.write(&request, subject).await? {
            Written::Done(fetched) => Answered::Done(fetched.body),
            Written::Refused(refused) => Answered::Refused(refused.error),
            Written::Unknown(error) => Answered::Unknown(error),
        })
    }

    fn method(&self, name: &str) -> Result<Url> {
        let mut url = self.at(&format!("prpc/{name}"))?;
        url.set_query(Some("json"));
        Ok(url)
    }

    fn at(&self, path: &str) -> Result<Url> {
        at(self.http.base(), path)
    }
}

impl Serving {
    /// The KMS behind `base`, certified under `domain` by the holder of the key `ca_pubkey` (SubjectPublicKeyInfo, DER) and by
    /// no one else. Its address is looked up, and nothing else is sent yet.
    ///
    /// # Errors
    /// Remote: its host has no address. Trust: the key is none.
    pub async fn new(base: &Url, domain: &Domain, ca_pubkey: &[u8], options: HttpOptions) -> Result<Self> {
        let port = base.port_or_known_default().unwrap_or(443);
        let authority = authority::of(ca_pubkey)?;
        let at = addresses(base, port).await?;
        let url = format!("https://{domain}:{port}/");
        let url = Url::parse(&url).map_err(|e| Error::internal(format!("{url} is not an address")).because(e))?;
        let name = url.host_str().unwrap_or_default().to_owned();
        let link = Link::Certified(Certified { authority, made_for: authority::SERVING, name, at });
        let options = HttpOptions { max_json_bytes: MAX_ANSWER_BYTES, attempts: 1, ..options };
        Ok(Self { http: Http::new(Service::DstackKms, url, None, options)?.over(link) })
    }

    /// What it says of its keys, asked once.
    ///
    /// # Errors
    /// Internal: an address of ours.
    pub async fn meta(&self) -> Result<Met> {
        const SUBJECT: &str = "the KMS's metadata";
        let mut url = at(self.http.base(), "prpc/KMS.GetMeta")?;
        url.set_query(Some("json"));
        let request = Request::search(&url, &json!({}));
        let started = Instant::now();
        let silent = |failure: Failure| Met::Silent(self.http.patience(SUBJECT).give_up(failure));
        let limit = self.http.options().request_timeout;
        let asked = async {
            let mut answer = self.http.open(&request).await?;
            if answer.response.status() != StatusCode::OK {
                return Err(self.http.rejected(answer).await);
            }
            self.http.body(&mut answer, MAX_ANSWER_BYTES).await
        };
        Ok(match tokio::time::timeout(limit, asked).await {
            Ok(Ok(body)) => Met::Serves { body, took: started.elapsed() },
            Ok(Err(failure)) => match failure.distrusted() {
                Some(words) => Met::Distrusted(words.to_owned()),
                None => silent(failure),
            },
            Err(_) => Met::Silent(Error::remote(format!(
                "cannot get {SUBJECT}: no answer within {}",
                super::http::readable(limit)
            ))),
        })
    }
}

fn at(base: &Url, path: &str) -> Result<Url> {
    let mut url = base.clone();
    let path = format!("{}/{path}", url.path().trim_end_matches('/'));
    url.set_path(&path);
    url.set_query(None);
    Ok(url)
}

async fn addresses(base: &Url, port: u16) -> Result<Vec<SocketAddr>> {
    let name = base.host_str().unwrap_or_default();
    let none = || Error::remote(format!("{} has no address", host(base)));
    let found = tokio::net::lookup_host((name.trim_matches(['[', ']']), port)).await;
    let at: Vec<SocketAddr> = found.map_err(|e| none().because(e))?.collect();
    if at.is_empty() { Err(none()) } else { Ok(at) }
}
