//! Phala Cloud: the API that runs confidential virtual machines. It says what the API says and judges none of it: a quote
//! decides what a machine is worth, and the caller how long to wait for one.
//!
//! What changes something is asked once ([`Answered`]): after an answer that never came the caller looks what there is.
//! Source: the requests of `@phala/cloud` 0.2.9, version 2026-01-21 of the API.

mod addresses;
mod answer;
mod listing;
mod log;
mod update;

use reqwest::Method;
use secrecy::SecretString;
use serde::de::DeserializeOwned;
use serde_json::json;
use url::Url;

pub use self::{
    answer::{Account, Attestation, Cvm, Endpoint, Listed, Provisioned, State, Status, TcbInfo},
    update::Update,
};
use super::http::{Body, Fetched, Http, HttpOptions, Request, Service, Written, excerpt, host};
use crate::{
    error::{Error, Result},
    subject::cvm::{CvmId, CvmName},
};

/// Largest answer read, in bytes: an event log and a compose file.
const MAX_ANSWER_BYTES: u64 = 4 << 20;
/// Longest compose file that the API takes, in bytes.
pub const MAX_COMPOSE_BYTES: usize = 200 << 10;

/// A client of one account.
#[derive(Debug)]
pub struct Phala {
    http: Http,
}

/// What a machine is to be.
#[derive(Debug, Clone, Copy)]
pub struct Order<'a> {
    /// Its name.
    pub name: &'a CvmName,
    /// Kind of machine, such as `tdx.small`.
    pub instance_type: &'a str,
    /// Where; `None` leaves it to the service.
    pub region: Option<&'a str>,
    /// The docker-compose file.
    pub compose: &'a str,
}

/// What came of a request that changes something.
#[derive(Debug)]
pub enum Answered<T> {
    /// It was carried out.
    Done(T),
    /// It was not: the service says no.
    Refused(Error),
    /// It may have been, and the error says why that is not known.
    Unknown(Error),
}

/// What came of a deletion.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Deleted {
    /// The service took it on: the machine is gone when it no longer answers for it.
    Accepted,
    /// There is no such machine.
    Gone,
}

impl Phala {
    /// A client of the API at `base`, such as `https://cloud-api.phala.com/api/v1`, for the holder of `key`. Nothing is sent
    /// yet.
    ///
    /// # Errors
    /// Usage: an empty key or one that no header can hold; a URL that is not http(s), carries credentials, or would
    /// take the key over a network in the clear.
    pub fn new(base: &Url, key: &SecretString, options: HttpOptions) -> Result<Self> {
        if base.scheme() == "http" && !super::http::is_loopback(base) {
            let message = format!("the API key does not go to {} without encryption", host(base));
            return Err(Error::usage(message).help("give --phala-api-url (PHALA_API_BASE_URL) an https:// URL"));
        }
        let options = HttpOptions { max_json_bytes: MAX_ANSWER_BYTES, ..options };
        let http = Http::new(Service::Phala, base.clone(), Some(key), options)?;
        if !http.has_token() {
            return Err(Error::usage("the API key of Phala Cloud is empty").help("set PHALA_CLOUD_API_KEY"));
        }
        Ok(Self { http })
    }

    /// Where the API is, for people: host and port.
    pub fn host(&self) -> String {
        host(self.http.base())
    }

    /// Whether the API is on this machine: then so are the machines it runs.
    pub fn is_near(&self) -> bool {
        super::http::is_loopback(self.http.base())
    }

    /// Whose key it is: the cheapest way to find out whether it is good.
    ///
    /// # Errors
    /// Remote: every failure of the API, a refused key included.
    pub async fn me(&self) -> Result<Account> {
        const SUBJECT: &str = "the account of the API key";
        self.get(&["auth", "me"], SUBJECT).await?.ok_or_else(|| self.absent(SUBJECT))
    }

    /// Registers an application. It runs nothing yet: [`Self::create`] does.
    ///
    /// # Errors
    /// Usage: a compose file that is too long. Remote: a rate limit that lasts, no connection.
    pub async fn provision(&self, order: &Order<'_>) -> Result<Answered<Provisioned>> {
        if order.compose.len() > MAX_COMPOSE_BYTES {
            let message = format!(
                "the compose file has {} bytes, and Phala Cloud takes {MAX_COMPOSE_BYTES}",
                order.compose.len()
            );
            return Err(Error::usage(message));
        }
        let mut body = json!({
            "name": order.name.as_str(),
            "instance_type": order.instance_type,
            "kms": "PHALA",
            // A development image has other registers, and a shell.
            "prefer_dev": false,
            "listed": false,
            "compose_file": {
                "name": "",
                "docker_compose_file": order.compose,
                "allowed_envs": [],
                "public_logs": true,
                "public_sysinfo": false,
            },
        });
        if let (Some(region), Some(body)) = (order.region, body.as_object_mut()) {
            body.insert("region".to_owned(), json!(region));
        }
        self.post(&["cvms", "provision"], &body, &format!("provision `{}` on Phala Cloud", order.name)).await
    }

    /// Creates the machine of an application that was provisioned.
    ///
    /// # Errors
    /// As [`Self::provision`].
    pub async fn create(&self, provisioned: &Provisioned, name: &CvmName) -> Result<Answered<Cvm>> {
        let Provisioned { app_id, compose_hash, .. } = provisioned;
        let body = json!({"app_id": app_id.digits(), "compose_hash": compose_hash.to_string()});
        self.post(&["cvms"], &body, &format!("create `{name}` on Phala Cloud")).await
    }

    /// A machine; `None` when there is none of this id.
    ///
    /// # Errors
    /// Remote: every failure of the API.
    pub async fn cvm(&self, id: &CvmId) -> Result<Option<Cvm>> {
        self.get(&["cvms", id.as_str()], &format!("machine {id}")).await
    }

    /// How far a machine is; `None` when there is none of this id.
    ///
    /// # Errors
    /// As [`Self::cvm`].
    pub async fn state(&self, id: &CvmId) -> Result<Option<State>> {
        self.get(&["cvms", id.as_str(), "state"], &format!("the state of machine {id}")).await
    }

    /// What the service says of a machine's attestation; `None` when there is none of this id.
    ///
    /// # Errors
    /// As [`Self::cvm`].
    pub async fn attestation(&self, id: &CvmId) -> Result<Option<Attestation>> {
        self.get(&["cvms", id.as_str(), "attestation"], &format!("the attestation of machine {id}")).await
    }

    /// Starts a machine that is stopped, or was only created.
    ///
    /// # Errors
    /// As [`Self::provision`].
    pub async fn start(&self, id: &CvmId) -> Result<Answered<()>> {
        let url = self.endpoint(&["cvms", id.as_str(), "start"])?;
        let request = Request { body: Body::json(&json!({})), ..Request::new(Method::POST, &url) };
        Ok(match self.http.write(&request, &format!("start machine {id}")).await? {
            Written::Done(_) => Answered::Done(()),
            Written::Refused(refused) => Answered::Refused(refused.error),
            Written::Unknown(error) => Answered::Unknown(error),
        })
    }

    /// Deletes a machine. It may be asked again without harm, and is.
    ///
    /// # Errors
    /// Remote: every failure of the API that lasts.
    pub async fn delete(&self, id: &CvmId) -> Result<Deleted> {
        let url = self.endpoint(&["cvms", id.as_str()])?;
        let answer = self.http.ask(&Request::new(Method::DELETE, &url), &format!("delete machine {id}")).await?;
        Ok(answer.map_or(Deleted::Gone, |_| Deleted::Accepted))
    }

    async fn get<T: DeserializeOwned>(&self, path: &[&str], subject: &str) -> Result<Option<T>> {
        self.fetch(&Request::get(&self.endpoint(path)?, "application/json"), subject).await
    }

    async fn fetch<T: DeserializeOwned>(&self, request: &Request<'_>, subject: &str) -> Result<Option<T>> {
        let answer = self.http.ask(request, subject).await?;
        answer.map(|fetched| self.read(&fetched, subject)).transpose()
    }

    async fn post<T: DeserializeOwned>(
        &self,
        path: &[&str],
        body: &serde_json::Value,
        subject: &str,
    ) -> Result<Answered<T>> {
        let url = self.endpoint(path)?;
        let request = Request { body: Body::json(body), ..Request::new(Method::POST, &url) };
        Ok(match self.http.write(&request, subject).await? {
            // An answer that does not say what was made leaves it as unknown as none would.
            Written::Done(fetched) => self.read(&fetched, subject).map_or_else(Answered::Unknown, Answered::Done),
            Written::Refused(refused) => Answered::Refused(refused.error),
            Written::Unknown(error) => Answered::Unknown(error),
        })
    }

    /// Reads an answer, in which the key is masked where the service repeats it: what follows may be shown.
    fn read<T: DeserializeOwned>(&self, fetched: &Fetched, subject: &str) -> Result<T> {
        let read = serde_json::from_slice::<serde_json::Value>(&fetched.body).and_then(|mut said| {
            self.http.mask_token(&mut said);
            serde_json::from_value(said)
        });
        read.map_err(|e| self.unexpected(subject, &e))
    }

    /// The error of an answer whose form is not known.
    fn unexpected(&self, subject: &str, error: &serde_json::Error) -> Error {
        let message = format!("{subject}: {} answered in an unexpected form", self.host());
        Error::remote(format!("{message}: {}", excerpt(&error.to_string())))
            .help("check --phala-api-url (PHALA_API_BASE_URL); where it is right, the API has changed: report it")
    }

    /// The error of something that is always there and was answered with 404.
    fn absent(&self, subject: &str) -> Error {
        Error::remote(format!("{} has no {subject} (404)", self.host()))
            .help("check --phala-api-url (PHALA_API_BASE_URL): it ends in /api/v1")
    }

    fn endpoint(&self, path: &[&str]) -> Result<Url> {
        let mut url = self.http.base().clone();
        url.set_query(None);
        url.set_fragment(None);
        url.path_segments_mut()
            .map_err(|()| Error::usage("the URL of Phala Cloud has no path"))?
            .pop_if_empty()
            .extend(path);
        Ok(url)
    }
}
