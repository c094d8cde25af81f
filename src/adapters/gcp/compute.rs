//! Compute Engine over our own HTTP: the dozen calls that a probe makes. Each names a thing of one project; what changes
//! something carries a request id, with which Compute Engine carries it out once however often it is asked.
//!
//! Source: the REST reference of Compute Engine v1. 64-bit numbers are strings there.

mod calls;
mod operation;
mod resource;

use std::{fmt, sync::Arc};

use reqwest::{Method, StatusCode};
use secrecy::{ExposeSecret as _, SecretString};
use serde::de::DeserializeOwned;
use tokio::sync::Mutex;
use url::Url;

pub use self::{
    calls::{ImageName, Listing},
    operation::{Operation, Scope, Trouble},
    resource::{Disk, Firewall, Image, Instance, Serial, Subnetwork},
};
use super::credentials::Credentials;
use crate::{
    adapters::http::{Body, Http, HttpOptions, Request, Service, Written, host},
    error::{Error, Result},
};

/// Largest answer read, in bytes: a page of instances. The output of a serial port is at most 1 MiB.
const MAX_ANSWER_BYTES: u64 = 8 << 20;
/// How often a change is asked for with the same request id while it is not known whether it was made.
const ATTEMPTS: usize = 4;

/// A client of Compute Engine.
pub struct Compute {
    base: Url,
    credentials: Credentials,
    options: HttpOptions,
    client: Mutex<Option<(SecretString, Arc<Http>)>>,
}

/// How a change was answered.
#[derive(Debug)]
pub enum Started {
    /// It is being made.
    Operation(Operation),
    /// What should be changed is not there.
    Missing,
    /// Compute Engine says no.
    Refused {
        /// Its status.
        status: u16,
        /// The refusal, with its reason.
        error: Error,
    },
}

impl fmt::Debug for Compute {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Compute")
            .field("base", &self.base.as_str())
            .field("credentials", &self.credentials)
            .finish_non_exhaustive()
    }
}

impl Compute {
    /// A client of the API at `base`, `https://compute.googleapis.com/compute/v1`. Nothing is sent yet.
    ///
    /// # Errors
    /// Usage: `base` cannot be the address of an API, or would show a token to the network.
    pub fn new(base: &Url, credentials: Credentials, options: HttpOptions) -> Result<Self> {
        if base.scheme() != "https" && !crate::adapters::http::is_loopback(base) {
            return Err(Error::usage(format!(
                "Compute Engine must be asked over https: a token would be readable on the way to {}",
                host(base)
            )));
        }
        // Refuses what cannot be an API's address.
        Http::new(Service::Compute, base.clone(), None, options.clone())?;
        let mut base = base.clone();
        if !base.path().ends_with('/') {
            base.set_path(&format!("{}/", base.path()));
        }
        let options = HttpOptions { max_json_bytes: MAX_ANSWER_BYTES, ..options };
        Ok(Self { base, credentials, options, client: Mutex::new(None) })
    }

    /// Whose account is used, for people.
    pub fn whose(&self) -> String {
        self.credentials.whose()
    }

    /// Whether the API is on this machine: then what it makes is there at once.
    pub fn is_near(&self) -> bool {
        crate::adapters::http::is_loopback(&self.base)
    }

    /// The client with a token that holds.
    async fn http(&self) -> Result<(SecretString, Arc<Http>)> {
        let token = self.credentials.token().await?;
        let mut kept = self.client.lock().await;
        match kept.as_ref() {
            Some((known, http)) if known.expose_secret() == token.expose_secret() => {
                return Ok((token, Arc::clone(http)));
            }
            Some(_) | None => {}
        }
        let http = Http::new(Service::Compute, self.base.clone(), Some(&token), self.options.clone())?;
        let http = Arc::new(http);
        *kept = Some((token.clone(), Arc::clone(&http)));
        Ok((token, http))
    }

    /// The address below the base; segments are names that were checked.
    fn url(&self, segments: &[&str], query: &[(&str, &str)]) -> Result<Url> {
        let mut url = self.base.clone();
        url.path_segments_mut()
            .map_err(|()| Error::internal("the address of Compute Engine takes no path"))?
            .pop_if_empty()
            .extend(segments);
        if !query.is_empty() {
            url.query_pairs_mut().extend_pairs(query);
        }
        Ok(url)
    }

    /// What is at an address; `None` is a 404. A token that is not accepted is renewed once.
    async fn read<T: DeserializeOwned>(&self, url: &Url, subject: &str) -> Result<Option<T>> {
        let mut accepted: &[StatusCode] = &[StatusCode::UNAUTHORIZED];
        loop {
            let (token, http) = self.http().await?;
            let request = Request { accepted, ..Request::get(url, "application/json") };
            let Some(answer) = http.ask(&request, subject).await? else { return Ok(None) };
            if answer.status != StatusCode::UNAUTHORIZED {
                return parse(&http, &answer.body, url, subject).map(Some);
            }
            // Whatever comes of the next attempt stands.
            self.credentials.forget(&token).await;
            accepted = &[];
        }
    }

    /// Asks for a change. The address carries its request id, so that it is made once. A refusal counts as one as long as it
    /// is known of every attempt before it that nothing came of it.
    async fn change(&self, method: Method, url: &Url, body: Option<&serde_json::Value>, act: &str) -> Result<Started> {
        let mut renewed = false;
        let mut unknown = false;
        let mut attempts = 1;
        loop {
            let (token, http) = self.http().await?;
            let body = body.map_or(Body::None, Body::json);
            let request = Request { body, ..Request::new(method.clone(), url) };
            match http.write(&request, act).await? {
                Written::Done(answer) => return parse(&http, &answer.body, url, act).map(Started::Operation),
                // What is to be deleted is not there: an attempt before this one may have been carried out, or none was needed.
                Written::Refused(refused)
                    if refused.status == StatusCode::NOT_FOUND && (!unknown || method == Method::DELETE) =>
                {
                    return Ok(Started::Missing);
                }
                Written::Refused(refused) if refused.status == StatusCode::UNAUTHORIZED && !renewed => {
                    renewed = true;
                    if !self.credentials.forget(&token).await {
                        return Err(refused.error);
                    }
                }
                Written::Refused(refused) if unknown => return Err(refused.error),
                Written::Refused(refused) => {
                    return Ok(Started::Refused { status: refused.status.as_u16(), error: refused.error });
                }
                Written::Unknown(error) if attempts >= ATTEMPTS.min(self.options.attempts.max(1)) => return Err(error),
                Written::Unknown(error) => {
                    tracing::warn!("{error}; asking again with the same request id");
                    tokio::time::sleep(self.options.backoff * (1 << attempts.min(5))).await;
                    unknown = true;
                    attempts += 1;
                }
            }
        }
    }
}

/// Reads an answer, in which the token is masked where the service repeats it: what follows may be shown. What the reader of
/// JSON would say may quote the answer, and is left out.
fn parse<T: DeserializeOwned>(http: &Http, body: &[u8], url: &Url, subject: &str) -> Result<T> {
    let read = serde_json::from_slice::<serde_json::Value>(body).and_then(|mut said| {
        http.mask_token(&mut said);
        serde_json::from_value(said)
    });
    read.map_err(|_| Error::remote(format!("{subject}: {} answered with something else", host(url))))
}
