//! Entries of a transparency log, both kinds of Rekor, in the form that bundles hold.
//! <https://github.com/sigstore/rekor/blob/main/openapi.yaml> ·
//! <https://github.com/sigstore/rekor-tiles/blob/main/CLIENTS.md>
//!
//! The same entry may be proposed again after a lost answer: a v1 log names the entry it has already, and that is the
//! entry we wanted; a v2 log answers with the same one, or at worst holds it twice. Whether an entry is sound and is ours,
//! the verification of the whole bundle says; here it is held to be complete.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use reqwest::{Method, StatusCode, header::LOCATION};
use serde_json::{Value, json};
use sigstore_rekor::LogEntry;
use sigstore_types::{Checkpoint, KindVersion, TransparencyLogEntry};
use url::Url;

use super::{
    Record, below,
    services::{LogService, LogVersion},
};
use crate::{
    adapters::http::{Body, Fetched, Http, HttpOptions, Request, Service, host},
    error::{Error, Result},
};

/// What is asked for, in messages.
const SUBJECT: &str = "a log entry";
/// Hex digits of an entry's id, without and with that of its tree.
const ID_DIGITS: [usize; 2] = [64, 80];

/// A log that is written to.
pub(super) struct Log {
    http: Http,
    url: Url,
    version: LogVersion,
}

impl Log {
    pub(super) fn new(service: &LogService, http: &HttpOptions) -> Result<Self> {
        let http = Http::new(Service::SigningLog, service.url.clone(), None, http.clone())?;
        Ok(Self { http, url: service.url.clone(), version: service.version })
    }

    /// Adds the record and returns its entry.
    pub(super) async fn add(&self, record: &Record<'_>) -> Result<Value> {
        let entry = match self.version {
            LogVersion::V1 => self.add_v1(record).await?,
            LogVersion::V2 => self.add_v2(record).await?,
        };
        self.agrees(&entry)?;
        serde_json::to_value(entry).map_err(|e| Error::internal("cannot write a log entry").because(e))
    }

    async fn add_v1(&self, record: &Record<'_>) -> Result<TransparencyLogEntry> {
        let proposed = json!({
            "apiVersion": "0.0.1",
            "kind": "hashedrekord",
            "spec": {
                "data": {"hash": {"algorithm": "sha256", "value": record.digest.to_string()}},
                "signature": {
                    "content": record.signature.to_base64(),
                    "publicKey": {"content": STANDARD.encode(record.certificate.to_pem())},
                },
            },
        });
        let url = below(&self.url, &["api", "v1", "log", "entries"])?;
        let answer = self.propose(&url, &proposed).await?;
        let answer = match answer.status {
            StatusCode::CONFLICT => self.already_there(&answer).await?,
            _ => answer,
        };
        let entry = self.only_entry(&answer.body)?;
        let proven = entry.verification.as_ref().is_some_and(|v| v.inclusion_proof.is_some());
        let promised = entry.verification.as_ref().is_some_and(|v| v.signed_entry_timestamp.is_some());
        self.demand(promised, "signed entry timestamp (SET)")?;
        self.demand(proven, "inclusion proof")?;
        entry
            .to_bundle_entry(KindVersion::HashedRekordV001)
            .map_err(|e| self.refused("its checkpoint or its numbers cannot be read").because(e))
    }

    async fn add_v2(&self, record: &Record<'_>) -> Result<TransparencyLogEntry> {
        let proposed = json!({"hashedRekordRequestV002": {
            "digest": STANDARD.encode(record.digest.as_bytes()),
            "signature": {
                "content": record.signature.to_base64(),
                "verifier": {
                    "x509Certificate": {"rawBytes": record.certificate.to_base64()},
                    "keyDetails": "PKIX_ECDSA_P256_SHA_256",
                },
            },
        }});
        let url = below(&self.url, &["api", "v2", "log", "entries"])?;
        let answer = self.propose(&url, &proposed).await?;
        let entry: TransparencyLogEntry = serde_json::from_slice(&answer.body)
            .map_err(|e| self.strange("the answer is not a log entry").because(e))?;
        self.demand(entry.inclusion_proof.is_some(), "inclusion proof")?;
        Ok(entry)
    }

    async fn propose(&self, url: &Url, proposed: &Value) -> Result<Fetched> {
        let request = Request {
            body: Body::json(proposed),
            idempotent: true,
            accepted: &[StatusCode::CREATED, StatusCode::CONFLICT],
            ..Request::new(Method::POST, url)
        };
        let answer = self.http.ask(&request, SUBJECT).await?;
        answer.ok_or_else(|| self.strange("this address has no such log (404)"))
    }

    /// The entry that the log has already: an earlier attempt of ours, whose answer was lost. Of the address that the
    /// log gives for it only the id is taken.
    async fn already_there(&self, answer: &Fetched) -> Result<Fetched> {
        let location = answer.headers.get(LOCATION).and_then(|value| value.to_str().ok()).unwrap_or_default();
        let id = location.rsplit('/').next().unwrap_or_default();
        if !(ID_DIGITS.contains(&id.len()) && id.bytes().all(|b| b.is_ascii_hexdigit())) {
            return Err(self.strange("it says that it has the entry already (409), and not which it is"));
        }
        tracing::debug!("the log has the entry already: {id}");
        let url = below(&self.url, &["api", "v1", "log", "entries", id])?;
        let found = self.http.fetch(&url, "application/json", SUBJECT).await?;
        found.ok_or_else(|| self.strange("it does not have the entry that it says it has (404)"))
    }

    /// A v1 log answers with a map from id to entry.
    fn only_entry(&self, body: &[u8]) -> Result<LogEntry> {
        let answer: Value =
            serde_json::from_slice(body).map_err(|e| self.strange("the answer is not JSON").because(e))?;
        let Value::Object(entries) = answer else { return Err(self.strange("the answer is not a map of entries")) };
        let mut entries = entries.into_iter();
        match (entries.next(), entries.next()) {
            (Some((_, entry)), None) => {
                serde_json::from_value(entry).map_err(|e| self.strange("the answer is not a log entry").because(e))
            }
            (None, _) => Err(self.strange("the answer holds no entry")),
            (Some(_), Some(_)) => Err(self.strange("the answer holds several entries")),
        }
    }

    /// The proof states root and size once more than the checkpoint that the log signed. Readers may go by either, and of
    /// Rekor v2 the verification goes by the checkpoint alone.
    fn agrees(&self, entry: &TransparencyLogEntry) -> Result<()> {
        let Some(proof) = &entry.inclusion_proof else { return Ok(()) };
        let signed = Checkpoint::from_text(proof.checkpoint.envelope())
            .map_err(|e| self.refused("it holds no checkpoint that can be read").because(e))?;
        if (signed.root_hash(), signed.tree_size()) == (&proof.root_hash, proof.tree_size) {
            return Ok(());
        }
        Err(self.refused("its inclusion proof is for another tree than its checkpoint"))
    }

    fn demand(&self, there: bool, what: &str) -> Result<()> {
        if there { Ok(()) } else { Err(self.refused(&format!("it holds no {what}"))) }
    }

    fn strange(&self, what: &str) -> Error {
        Error::remote(format!("cannot get {SUBJECT} of {}: {what}", host(&self.url)))
    }

    fn refused(&self, what: &str) -> Error {
        Error::trust(format!("the log entry of {} is refused: {what}", host(&self.url)))
    }
}
