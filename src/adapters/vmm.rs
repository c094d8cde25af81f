//! The VMM of a dstack host: the API that makes and removes confidential VMs, at a URL or on a unix socket. It says what the
//! API says and judges none of it. What changes something is asked once ([`Answered`]): creating is not atomic, so the caller
//! looks afterwards what there is.
//!
//! Source of the format: the recorded traffic of dstack-vmm 0.6.0; `POST /prpc/METHOD?json`, errors as 400 `{"error": …}`.

mod answer;
mod log;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use jiff::Timestamp;
use reqwest::{
    Method,
    header::{AUTHORIZATION, DATE, HeaderMap, HeaderValue},
};
use secrecy::{ExposeSecret as _, SecretString};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use url::Url;

pub use self::{
    answer::{Configuration, Image, Port, Version, Vm},
    log::Channel,
};
use super::http::{Body, Fetched, Http, HttpOptions, Link, Request, Service, Written, excerpt};
use crate::{
    error::{Error, Result},
    subject::vmm::{PortMapping, VmName, VmmAddress},
};

/// Largest answer read, in bytes: every VM with its compose file.
const MAX_ANSWER_BYTES: u64 = 8 << 20;
/// What requests over a socket are addressed to: a formality.
const OVER_SOCKET: &str = "http://localhost/";

/// How a VMM is told who asks.
#[derive(Debug, Clone, Default)]
pub enum VmmCredentials {
    /// Not at all.
    #[default]
    None,
    /// By a token of its configuration.
    Token(SecretString),
    /// By a user's name and password.
    Basic(String, SecretString),
}

/// A client of one VMM.
pub struct Vmm {
    http: Http,
    address: VmmAddress,
    basic: Option<HeaderValue>,
}

/// What a VM is to be.
#[derive(Debug, Clone, Copy)]
pub struct Order<'a> {
    /// Its name.
    pub name: &'a VmName,
    /// The guest image, by its name on the host.
    pub image: &'a str,
    /// The bytes of `app-compose.json`, as text: they are measured.
    pub app_compose: &'a str,
    /// Virtual processors.
    pub vcpu: u32,
    /// Memory in MiB.
    pub memory: u32,
    /// Disk in GiB.
    pub disk: u32,
    /// Ports that the host forwards.
    pub ports: &'a [PortMapping],
}

/// What came of a request that changes something.
#[derive(Debug)]
pub enum Answered<T> {
    /// It was carried out.
    Done(T),
    /// The VMM says no. It may have done a part of it all the same.
    Refused(Error),
    /// It may have been carried out, and the error says why that is not known.
    Unknown(Error),
}

impl std::fmt::Debug for Vmm {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Vmm").field("address", &self.address).finish_non_exhaustive()
    }
}

impl Vmm {
    /// A client of the VMM at `address`. Nothing is sent yet.
    ///
    /// # Errors
    /// Usage: a URL that carries credentials or would take them over a network in the clear, credentials that no header can
    /// hold, or a socket whose path is too long.
    pub fn new(address: VmmAddress, credentials: &VmmCredentials, options: HttpOptions) -> Result<Self> {
        let (base, link) = match &address {
            VmmAddress::Url(url) => (url.clone(), Link::Address),
            VmmAddress::Socket(path) => (base()?, Link::socket(path)?),
        };
        let sends = !matches!(credentials, VmmCredentials::None);
        if sends && base.scheme() == "http" && !super::http::is_loopback(&base) {
            let message = format!("the VMM's credentials do not go to {address} without encryption");
            return Err(Error::usage(message)
                .help("reach it by https://, by unix:PATH, or through a tunnel: ssh -L 9080:127.0.0.1:9080 HOST"));
        }
        let (token, basic) = match credentials {
            VmmCredentials::None => (None, None),
            VmmCredentials::Token(token) => (Some(token), None),
            VmmCredentials::Basic(user, password) => (None, Some(basic(user, password)?)),
        };
        let secrets = match credentials {
            VmmCredentials::Basic(_, password) => secrets(password, basic.as_ref()),
            VmmCredentials::None | VmmCredentials::Token(_) => Vec::new(),
        };
        let options = HttpOptions { max_json_bytes: MAX_ANSWER_BYTES, ..options };
        let http = Http::new(Service::Vmm, base, token, options)?.over(link).keeping(secrets);
        Ok(Self { http, address, basic })
    }

    /// Where it is.
    pub fn address(&self) -> &VmmAddress {
        &self.address
    }

    /// Whether it is on this machine, and so are its VMs.
    pub fn is_near(&self) -> bool {
        match &self.address {
            VmmAddress::Url(url) => super::http::is_loopback(url),
            VmmAddress::Socket(_) => true,
        }
    }

    /// Its version, and what its clock said, where it tells.
    ///
    /// # Errors
    /// Remote: every failure of the API, refused credentials included.
    pub async fn version(&self) -> Result<(Version, Option<Timestamp>)> {
        const SUBJECT: &str = "the VMM's version";
        let fetched = self.fetch("Version", &json!({}), SUBJECT).await?;
        let date = fetched.headers.get(DATE).and_then(|date| date.to_str().ok());
        let date = date.and_then(|date| jiff::fmt::rfc2822::parse(date).ok()).map(|date| date.timestamp());
        Ok((self.read(&fetched, SUBJECT)?, date))
    }

    /// The guest images on the host.
    ///
    /// # Errors
    /// As [`Self::version`].
    pub async fn images(&self) -> Result<Vec<Image>> {
        let answer: answer::Images = self.ask("ListImages", &json!({}), "the VMM's images").await?;
        Ok(answer.images)
    }

    /// All VMs, without their compose files.
    ///
    /// # Errors
    /// As [`Self::version`].
    pub async fn vms(&self) -> Result<Vec<Vm>> {
        let answer: answer::Status = self.ask("Status", &json!({}), "the VMM's VMs").await?;
        Ok(answer.vms)
    }

    /// The VMs of a name. The VMM lets several have the same.
    ///
    /// # Errors
    /// As [`Self::version`].
    pub async fn named(&self, name: &VmName) -> Result<Vec<Vm>> {
        Ok(self.vms().await?.into_iter().filter(|vm| vm.name == name.as_str()).collect())
    }

    /// A VM with its compose file; `None` where there is none of this id.
    ///
    /// # Errors
    /// As [`Self::version`].
    pub async fn info(&self, id: &str) -> Result<Option<Vm>> {
        let answer: answer::Info = self.ask("GetInfo", &json!({ "id": id }), &format!("VM {}", excerpt(id))).await?;
        Ok(answer.info.filter(|_| answer.found))
    }

    /// Creates a VM and starts it.
    ///
    /// # Errors
    /// Remote: no connection.
    pub async fn create(&self, order: &Order<'_>) -> Result<Answered<String>> {
        let ports: Vec<Value> = order
            .ports
            .iter()
            .map(|port| {
                json!({
                    "protocol": port.protocol.as_str(),
                    "host_address": port.host_address.to_string(),
                    "host_port": port.host_port,
                    "vm_port": port.vm_port,
                })
            })
            .collect();
        let body = json!({
            "name": order.name.as_str(),
            "image": order.image,
            "compose_file": order.app_compose,
            "vcpu": order.vcpu,
            "memory": order.memory,
            "disk_size": order.disk,
            "app_id": null,
            "user_config": "",
            "ports": ports,
            "hugepages": false,
            "pin_numa": false,
            "stopped": false,
            "no_tee": false,
        });
        let subject = format!("create VM `{}`", order.name);
        Ok(match self.change("CreateVm", &body, &subject).await? {
            Answered::Done(fetched) => match self.read::<answer::Created>(&fetched, &subject) {
                Ok(created) => Answered::Done(created.id),
                // An answer that does not say what was made leaves it as unknown as none would.
                Err(error) => Answered::Unknown(error),
            },
            Answered::Refused(error) => Answered::Refused(error),
            Answered::Unknown(error) => Answered::Unknown(error),
        })
    }

    /// Starts a VM that is stopped.
    ///
    /// # Errors
    /// Remote: no connection.
    pub async fn start(&self, id: &str) -> Result<Answered<()>> {
        self.act("StartVm", id, "start").await
    }

    /// Removes a VM that is stopped, and its disk.
    ///
    /// # Errors
    /// Remote: no connection.
    pub async fn remove(&self, id: &str) -> Result<Answered<()>> {
        self.act("RemoveVm", id, "remove").await
    }

    async fn act(&self, method: &str, id: &str, verb: &str) -> Result<Answered<()>> {
        Ok(match self.change(method, &json!({ "id": id }), &format!("{verb} VM {}", excerpt(id))).await? {
            Answered::Done(_) => Answered::Done(()),
            Answered::Refused(error) => Answered::Refused(error),
            Answered::Unknown(error) => Answered::Unknown(error),
        })
    }

    async fn change(&self, method: &str, body: &Value, subject: &str) -> Result<Answered<Fetched>> {
        let url = self.endpoint(method)?;
        let request = Request { body: Body::json(body), headers: self.headers(), ..Request::new(Method::POST, &url) };
        Ok(match self.http.write(&request, subject).await? {
            Written::Done(fetched) => Answered::Done(fetched),
            Written::Refused(refused) => Answered::Refused(refused.error),
            Written::Unknown(error) => Answered::Unknown(error),
        })
    }

    /// Asks what changes nothing, as often as it takes.
    async fn ask<T: DeserializeOwned>(&self, method: &str, body: &Value, subject: &str) -> Result<T> {
        self.read(&self.fetch(method, body, subject).await?, subject)
    }

    async fn fetch(&self, method: &str, body: &Value, subject: &str) -> Result<Fetched> {
        let url = self.endpoint(method)?;
        let request = Request { headers: self.headers(), ..Request::search(&url, body) };
        let fetched = self.http.ask(&request, subject).await?;
        fetched.ok_or_else(|| {
            Error::remote(format!("cannot get {subject}: {} answered 404", self.address))
                .help("check --vmm (DSTACK_VMM_URL): what answers there is not a VMM")
        })
    }

    fn read<T: DeserializeOwned>(&self, fetched: &Fetched, subject: &str) -> Result<T> {
        let read = serde_json::from_slice::<Value>(&fetched.body).and_then(|mut said| {
            self.http.mask_token(&mut said);
            serde_json::from_value(said)
        });
        read.map_err(|e| {
            let message = format!("{subject}: {} answered in an unexpected form", self.address);
            Error::remote(format!("{message}: {}", excerpt(&e.to_string())))
                .help("check --vmm (DSTACK_VMM_URL); where it is right, the API has changed: report it")
        })
    }

    fn headers(&self) -> HeaderMap {
        self.basic.iter().map(|value| (AUTHORIZATION, value.clone())).collect()
    }

    fn endpoint(&self, method: &str) -> Result<Url> {
        let mut url = self.http.base().clone();
        let path = format!("{}/prpc/{method}", url.path().trim_end_matches('/'));
        url.set_path(&path);
        url.set_query(Some("json"));
        Ok(url)
    }
}

fn base() -> Result<Url> {
    Url::parse(OVER_SOCKET).map_err(|e| Error::internal("an address of ours").because(e))
}

/// What a VMM might repeat of a password: itself, and the pair as the header holds it.
fn secrets(password: &SecretString, header: Option<&HeaderValue>) -> Vec<HeaderValue> {
    let pair = header.and_then(|header| header.as_bytes().strip_prefix(b"Basic "));
    let texts = pair.into_iter().chain([password.expose_secret().trim().as_bytes()]);
    let values = texts.filter_map(|text| HeaderValue::from_bytes(text).ok());
    values
        .map(|mut value| {
            value.set_sensitive(true);
            value
        })
        .collect()
}

fn basic(user: &str, password: &SecretString) -> Result<HeaderValue> {
    let pair = zeroize::Zeroizing::new(format!("{user}:{}", password.expose_secret().trim()));
    let value = HeaderValue::try_from(format!("Basic {}", STANDARD.encode(pair.as_bytes())));
    let mut value = value.map_err(|_| Error::internal("base64 is always a header"))?;
    value.set_sensitive(true);
    Ok(value)
}
