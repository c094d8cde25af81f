//! The other side of the wire: what a node, a probe or a test asks of a key-management service.
//!
//! Nothing an answer says is trusted here. The caller judges the quote.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use reqwest::{StatusCode, Url};
use serde::{Serialize, de::DeserializeOwned};
use zeroize::Zeroizing;

use super::wire::{
    AttestRequest, AttestResponse, ChallengeRequest, ChallengeResponse, ErrorBody, GetKeyRequest, GetKeyResponse,
    Health,
};
use crate::{
    adapters::http::{Http, HttpOptions, Service, excerpt, excerpt_within, host, is_loopback},
    attestation::key_answer::{KeyRefusal, MAX_DETAILS},
    error::{Error, Result},
};

/// Largest answer read, in bytes: a quote and its event log.
const MAX_ANSWER_BYTES: u64 = 4 << 20;

/// A client of one service.
#[derive(Debug)]
pub struct KmsClient {
    http: Http,
    base: Url,
}

/// The service answered, and not with what was asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refused {
    /// The HTTP status.
    pub status: u16,
    /// The body; an answer that is none of the service's has no word.
    pub body: ErrorBody,
}

impl From<&Refused> for KeyRefusal {
    fn from(refused: &Refused) -> Self {
        let ErrorBody { error, details } = refused.body.clone();
        Self { status: refused.status, error, details }
    }
}

impl std::fmt::Display for Refused {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        KeyRefusal::from(self).fmt(f)
    }
}

impl KmsClient {
    /// A client of the service at `base`.
    ///
    /// # Errors
    /// Usage: it is not http(s) URL or carries credentials.
    pub fn new(base: &Url, options: HttpOptions) -> Result<Self> {
        let options = HttpOptions { max_json_bytes: MAX_ANSWER_BYTES, ..options };
        let http = Http::new(Service::Kms, base.clone(), None, options)?;
        Ok(Self { http, base: base.clone() })
    }

    /// Where the service is, for people: host and port.
    pub fn host(&self) -> String {
        host(&self.base)
    }

    /// Whether what is said to the service travels in the clear, and over more than this machine.
    pub fn is_in_the_clear(&self) -> bool {
        self.base.scheme() == "http" && !is_loopback(&self.base)
    }

    /// Whether the service is ready. A service that is still starting answers 503 with the same body.
    ///
    /// # Errors
    /// Remote: no answer, or one that is not a health.
    pub async fn health(&self) -> Result<Result<Health, Refused>> {
        let (status, body) = self.http.exchange(&self.endpoint("health")?, None, "/health of the KMS").await?;
        if matches!(status, StatusCode::OK | StatusCode::SERVICE_UNAVAILABLE)
            && let Ok(health) = serde_json::from_slice(&body)
        {
            return Ok(Ok(health));
        }
        self.answer(status, &body, "health")
    }

    /// The service's own attestation. The answer's bytes come along, for tools that read them as they are.
    ///
    /// # Errors
    /// Remote: no answer, or one of another shape.
    pub async fn attest(
        &self,
        nonce: &[u8; 32],
        binding: Option<&[u8; 32]>,
    ) -> Result<Result<(AttestResponse, Vec<u8>), Refused>> {
        let request =
            AttestRequest { nonce_b64: STANDARD.encode(nonce), binding_b64: binding.map(|b| STANDARD.encode(b)) };
        let (status, body) = self.post("attest", &request).await?;
        Ok(self.answer(status, &body, "attest")?.map(|answer| (answer, body)))
    }

    /// A challenge for a peer.
    ///
    /// # Errors
    /// As [`Self::attest`].
    pub async fn challenge(&self, peer_id: &str) -> Result<Result<ChallengeResponse, Refused>> {
        let (status, body) = self.post("challenge", &ChallengeRequest { peer_id: peer_id.to_owned() }).await?;
        self.answer(status, &body, "challenge")
    }

    /// A storage key.
    ///
    /// # Errors
    /// As [`Self::attest`].
    pub async fn get_key(&self, request: &GetKeyRequest) -> Result<Result<GetKeyResponse, Refused>> {
        let (status, body) = self.post("get-key", request).await?;
        self.answer(status, &Zeroizing::new(body), "get-key")
    }

    async fn post(&self, path: &str, request: &impl Serialize) -> Result<(StatusCode, Vec<u8>)> {
        let json = serde_json::to_value(request).map_err(|e| Error::internal("cannot write a request").because(e))?;
        self.http.exchange(&self.endpoint(path)?, Some(&json), &format!("/{path} of the KMS")).await
    }

    fn answer<T: DeserializeOwned>(&self, status: StatusCode, body: &[u8], path: &str) -> Result<Result<T, Refused>> {
        if status == StatusCode::OK {
            // The parser's words might quote a key.
            return serde_json::from_slice(body).map(Ok).map_err(|e| {
                let place = format!("line {}, column {}", e.line(), e.column());
                Error::remote(format!("{} answered /{path} in an unexpected form ({place})", self.host()))
            });
        }
        let said = serde_json::from_slice::<ErrorBody>(body).ok();
        let said = said.unwrap_or_else(|| ErrorBody { error: String::new(), details: None });
        let details = said.details.map(|details| excerpt_within(format_args!("{details}"), MAX_DETAILS));
        let body = ErrorBody { error: excerpt(&said.error), details };
        Ok(Err(Refused { status: status.as_u16(), body }))
    }

    fn endpoint(&self, path: &str) -> Result<Url> {
        endpoint(&self.base, path)
    }
}

/// An endpoint below the service's address, with or without a slash at the end of that.
fn endpoint(base: &Url, path: &str) -> Result<Url> {
    let mut url = base.clone();
    url.set_query(None);
    url.set_fragment(None);
    if url.cannot_be_a_base() {
        return Err(Error::usage("the KMS's URL has no path"));
    }
    url.set_path(&format!("{}/{path}", base.path().trim_end_matches('/')));
    Ok(url)
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use super::*;

    #[test]
    fn endpoints_lie_below_the_services_address_with_or_without_a_slash_at_its_end() {
        for (base, health) in [
            ("http://127.0.0.1:8080", "http://127.0.0.1:8080/health"),
            ("http://127.0.0.1:8080/", "http://127.0.0.1:8080/health"),
            ("http://127.0.0.1:8080//", "http://127.0.0.1:8080/health"),
            ("https://kms.example/kms", "https://kms.example/kms/health"),
            ("https://kms.example/kms/", "https://kms.example/kms/health"),
            ("https://kms.example/kms//", "https://kms.example/kms/health"),
            ("https://kms.example/a/b", "https://kms.example/a/b/health"),
            ("https://kms.example/a/b/", "https://kms.example/a/b/health"),
            ("https://kms.example/a%2Fb/%20c/", "https://kms.example/a%2Fb/%20c/health"),
            ("https://kms.example/kms?x=1#y", "https://kms.example/kms/health"),
            ("https://kms.example?x=/", "https://kms.example/health"),
            ("https://[2001:db8::1]:8443/kms", "https://[2001:db8::1]:8443/kms/health"),
        ] {
            assert_eq!(endpoint(&Url::parse(base).unwrap(), "health").unwrap().as_str(), health, "{base}");
        }
        assert!(endpoint(&Url::parse("mailto:kms@example").unwrap(), "health").is_err());
    }
}
