//! What a client must be given to trust the instance and to find it: the trusted root and the signing configuration.

use base64::{Engine, engine::general_purpose::STANDARD};
use serde_json::{Value, json};
use x509_cert::Certificate;

use super::certificate::{EPOCH_START, der, rfc3339};
use super::ct::CtLog;
use super::fulcio::Fulcio;
use super::key::{KEY_DETAILS, Key};
use super::rekor::Rekor;
use super::rekor2::{self, Rekor2};
use super::timestamp::TimestampAuthority;
use crate::error::Result;

/// Which of its two logs an instance has its clients write to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Log {
    /// Rekor v1.
    Rekor1,
    /// Rekor v2.
    Rekor2,
}

impl Log {
    fn major_version(self) -> u32 {
        match self {
            Self::Rekor1 => 1,
            Self::Rekor2 => 2,
        }
    }
}

const OPERATOR: &str = "merotee sandbox";

/// The trusted root, written once: its certificates and keys never change.
pub(super) struct TrustMaterial {
    tlog: Value,
    tlog2: Value,
    ctlog: Value,
    fulcio: Value,
    tsa: Value,
    valid_for: Value,
}

impl TrustMaterial {
    pub(super) fn new(
        fulcio: &Fulcio,
        ct_log: &CtLog,
        rekor: &Rekor,
        rekor2: &Rekor2,
        tsa: &TimestampAuthority,
    ) -> Result<Self> {
        let valid_for = json!({ "start": rfc3339(EPOCH_START)? });
        Ok(Self {
            tlog: log(rekor.key(), &valid_for),
            tlog2: log(rekor2.key(), &valid_for),
            ctlog: log(ct_log.key(), &valid_for),
            fulcio: authority("fulcio-root", &fulcio.chain(), &valid_for)?,
            tsa: authority("tsa-root", &tsa.chain(), &valid_for)?,
            valid_for,
        })
    }

    /// `trusted_root.json`, with the services at `base_url`.
    pub(super) fn trusted_root(&self, base_url: &str) -> Value {
        let base_url = base_url.trim_end_matches('/');
        json!({
            "mediaType": "application/vnd.dev.sigstore.trustedroot+json;version=0.1",
            "tlogs": [
                with(&self.tlog, "baseUrl", base_url),
                with(&self.tlog2, "baseUrl", &format!("https://{}", rekor2::HOST)),
            ],
            "certificateAuthorities": [with(&self.fulcio, "uri", base_url)],
            "ctlogs": [with(&self.ctlog, "baseUrl", base_url)],
            "timestampAuthorities": [with(&self.tsa, "uri", &timestamp_url(base_url))],
        })
    }

    /// A ClientTrustConfig: the trusted root with a signing configuration for the services at `base_url`.
    pub(super) fn client_trust_config(&self, base_url: &str, log: Log) -> Value {
        json!({
            "mediaType": "application/vnd.dev.sigstore.clienttrustconfig.v0.1+json",
            "trustedRoot": self.trusted_root(base_url),
            "signingConfig": self.signing_config(base_url, log),
        })
    }

    /// A signing configuration for the services at `base_url`.
    pub(super) fn signing_config(&self, base_url: &str, log: Log) -> Value {
        let base_url = base_url.trim_end_matches('/');
        let version = |url: &str, version: u32| json!([{ "url": url, "majorApiVersion": version, "validFor": self.valid_for, "operator": OPERATOR }]);
        let service = |url: &str| version(url, 1);
        json!({
            "mediaType": "application/vnd.dev.sigstore.signingconfig.v0.2+json",
            "caUrls": service(base_url),
            "oidcUrls": service(base_url),
            "rekorTlogUrls": version(base_url, log.major_version()),
            "rekorTlogConfig": { "selector": "ANY" },
            "tsaUrls": service(&timestamp_url(base_url)),
            "tsaConfig": { "selector": "ANY" },
        })
    }
}

fn timestamp_url(base_url: &str) -> String {
    format!("{base_url}/api/v1/timestamp")
}

fn log(key: &Key, valid_for: &Value) -> Value {
    json!({
        "hashAlgorithm": "SHA2_256",
        "publicKey": {
            "rawBytes": STANDARD.encode(key.spki_der()),
            "keyDetails": KEY_DETAILS,
            "validFor": valid_for,
        },
        "logId": { "keyId": STANDARD.encode(key.id().as_bytes()) },
    })
}

pub(super) fn authority(common_name: &str, chain: &[&Certificate], valid_for: &Value) -> Result<Value> {
    let mut certificates = Vec::new();
    for certificate in chain {
        certificates.push(json!({ "rawBytes": STANDARD.encode(der(certificate)?) }));
    }
    Ok(json!({
        "subject": { "organization": OPERATOR, "commonName": common_name },
        "certChain": { "certificates": certificates },
        "validFor": valid_for,
    }))
}

pub(super) fn with(object: &Value, field: &str, text: &str) -> Value {
    let mut object = object.clone();
    if let Value::Object(fields) = &mut object {
        fields.insert(field.to_owned(), text.into());
    }
    object
}
