//! What decides for a dstack KMS which machines may start: an HTTP API that auth-simple, auth-eth and webhooks have alike. It
//! says what the API says; a decision that is not clear is none.

use reqwest::Method;
use serde::Deserialize;
use serde_json::json;
use url::Url;

use super::http::{Http, HttpOptions, Request, Service, excerpt, host};
use crate::{
    dstack::attestation_info::AttestationInfo,
    error::{Error, Result},
};

/// A client of one auth API.
#[derive(Debug)]
pub struct DstackAuth {
    http: Http,
}

/// What it decides.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Decision {
    /// Whether the machine may start.
    pub is_allowed: bool,
    /// Why not, as remote text.
    #[serde(default)]
    pub reason: String,
}

impl DstackAuth {
    /// The API at `base`. Nothing is sent yet.
    ///
    /// # Errors
    /// Usage: a URL that is not http(s), or carries credentials.
    pub fn new(base: &Url, options: HttpOptions) -> Result<Self> {
        Ok(Self { http: Http::new(Service::DstackAuth, base.clone(), None, options)? })
    }

    /// Where it is, for people.
    pub fn host(&self) -> String {
        host(self.http.base())
    }

    /// Whether it answers at all.
    ///
    /// # Errors
    /// Remote: it does not.
    pub async fn answers(&self) -> Result<()> {
        let subject = "the state of the auth API";
        let answer = self.http.ask(&Request::new(Method::GET, self.http.base()), subject).await?;
        answer.map(drop).ok_or_else(|| Error::remote(format!("cannot get {subject}: {} answered 404", self.host())))
    }

    /// Whether it would let a KMS start that says this of itself. What is not known of it before it attests is left empty; its
    /// firmware is taken to be current, since the KMS's own question will say what it is.
    ///
    /// # Errors
    /// Remote: it cannot be asked, or its answer is not a decision.
    pub async fn decide(&self, kms: &AttestationInfo) -> Result<Decision> {
        const SUBJECT: &str = "whether the KMS is allowed";
        let device = kms.device_id.map(|id| id.to_string()).unwrap_or_default();
        let question = json!({
            "teeVariant": kms.variant,
            "attestationMode": kms.variant,
            "mrAggregated": kms.mr_aggregated.to_string(),
            "osImageHash": kms.os_image_hash,
            "mrSystem": "",
            "appId": "",
            "composeHash": "",
            "instanceId": "",
            "deviceId": device,
            "keyProviderInfo": "",
            "tcbStatus": "UpToDate",
            "advisoryIds": [],
        });
        let mut url = self.http.base().clone();
        let path = format!("{}/bootAuth/kms", url.path().trim_end_matches('/'));
        url.set_path(&path);
        let answer = self.http.search(&url, &question, SUBJECT).await?;
        serde_json::from_value(answer).map_err(|e| {
            let message = format!("{SUBJECT}: {} answered something that is not a decision", self.host());
            Error::remote(format!("{message}: {}", excerpt(&e.to_string())))
        })
    }
}
