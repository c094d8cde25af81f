//! `bootstrap-info.json`: what a KMS answers to `Onboard.Bootstrap`, and keeps. Its two public keys, and the attestation of
//! the machine in which they were made.
//!
//! Up to 0.5.5 the attestation comes as `quote` and `eventlog`, since 0.5.6 as `attestation`; all bytes are hex. A KMS
//! that onboarded from another, or bootstrapped by itself, has no such document, ever.

mod judge;

use serde_json::{Map, Value};

pub use judge::{
    BACKUP, Basis, CONFIG, INFO, Judged, KEYS, REPORT_DATA, RULES, RUNTIME_EVENTS, SEAM_SIGNER, judge, malformed,
    unproven,
};

use super::{
    attestation::{Attestation, AttestationError, MAX_BYTES},
    keys::PublicKeys,
};
use crate::{
    attestation::{
        event_log::{EventLog, EventLogError},
        quote::{Quote, QuoteError},
    },
    schema::{
        JsonError,
        excerpt::{excerpt, excerpt_json},
        parse_json_within,
    },
};

/// Largest document read, in bytes: the largest attestation in hex, and room for the rest.
pub const MAX_DOCUMENT_BYTES: usize = 2 * MAX_BYTES + (1 << 20);

/// The document, read and not judged.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BootstrapInfo {
    /// The keys that the KMS says it made.
    pub keys: PublicKeys,
    /// Where it made them.
    pub attestation: Attestation,
    /// The event log that stands beside a bare quote.
    log: Option<EventLog>,
    /// Fields that no version is known to write. Nothing vouches for them.
    pub unknown: Vec<String>,
}

/// Why a document is not what a KMS answers to `Bootstrap`.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BootstrapError {
    /// Not JSON.
    #[error("not acceptable JSON: {0}")]
    Json(#[from] JsonError),
    /// `null`.
    #[error("it is null: a replica has none, nor has a KMS that bootstrapped by itself (`auto_bootstrap_domain`)")]
    Null,
    /// Neither an object nor null.
    #[error("expected an object, got {0}")]
    NotAnObject(String),
    /// An answer to `GetMeta`.
    #[error("this is the answer to GetMeta; the document meant is its `bootstrap_info`")]
    Meta,
    /// A field is not there.
    #[error("`{0}` is missing")]
    Missing(&'static str),
    /// Both forms at once.
    #[error("it holds `attestation` as well as `{0}`: which of them is meant?")]
    Ambiguous(&'static str),
    /// A field does not decode.
    #[error("`{field}`: {reason}")]
    Field {
        /// Which one.
        field: &'static str,
        /// What is wrong.
        reason: String,
    },
    /// The attestation cannot be read.
    #[error("`attestation`: {0}")]
    Attestation(#[from] AttestationError),
    /// The event log beside a bare quote cannot be read.
    #[error("`eventlog`: {0}")]
    EventLog(EventLogError),
    /// The document is larger than one can be.
    #[error("{0} bytes are more than the document can have")]
    TooLarge(usize),
}

impl BootstrapInfo {
    /// Reads the document.
    ///
    /// # Errors
    /// [`BootstrapError`] names the field.
    pub fn parse(bytes: &[u8]) -> Result<Self, BootstrapError> {
        if bytes.len() > MAX_DOCUMENT_BYTES {
            return Err(BootstrapError::TooLarge(bytes.len()));
        }
        Self::from_json(&parse_json_within(bytes, MAX_DOCUMENT_BYTES)?)
    }

    /// Reads a document already parsed.
    ///
    /// # Errors
    /// As [`Self::parse`].
    pub fn from_json(document: &Value) -> Result<Self, BootstrapError> {
        let fields = match document {
            Value::Object(fields) => fields,
            Value::Null => return Err(BootstrapError::Null),
            Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Array(_) => {
                return Err(BootstrapError::NotAnObject(excerpt_json(document)));
            }
        };
        if fields.contains_key("ca_cert") && fields.contains_key("bootstrap_info") {
            return Err(BootstrapError::Meta);
        }
        let keys = PublicKeys { ca: bytes(fields, "ca_pubkey")?, k256: bytes(fields, "k256_pubkey")? };
        let (attestation, log) = evidence(fields)?;
        const KNOWN: [&str; 5] = ["ca_pubkey", "k256_pubkey", "attestation", "quote", "eventlog"];
        let unknown = fields.keys().filter(|key| !KNOWN.contains(&key.as_str())).map(|key| excerpt(key)).collect();
        Ok(Self { keys, attestation, log, unknown })
    }

    /// The quote.
    ///
    /// # Errors
    /// The bytes are none.
    pub fn quote(&self) -> Result<Quote, QuoteError> {
        Quote::parse(&self.attestation.quote)
    }

    /// The event log, whichever form the document has.
    ///
    /// # Errors
    /// An entry is not what it must be, or there is none.
    pub fn event_log(&self) -> Result<EventLog, EventLogError> {
        self.log.clone().map_or_else(|| self.attestation.event_log(), Ok)
    }
}

/// `attestation`, or `quote` and `eventlog`.
fn evidence(fields: &Map<String, Value>) -> Result<(Attestation, Option<EventLog>), BootstrapError> {
    let there = |field: &str| fields.get(field).is_some_and(|value| !value.is_null());
    if there("attestation") {
        if let Some(other) = ["quote", "eventlog"].into_iter().find(|field| there(field)) {
            return Err(BootstrapError::Ambiguous(other));
        }
        return Ok((Attestation::decode(&bytes(fields, "attestation")?)?, None));
    }
    if !there("quote") {
        return Err(BootstrapError::Missing("attestation"));
    }
    let attestation = Attestation::of_quote(bytes(fields, "quote")?);
    let log = match fields.get("eventlog") {
        None | Some(Value::Null) => return Err(BootstrapError::Missing("eventlog")),
        // Hex of the log's JSON, as bytes are written; or the JSON itself.
        Some(Value::String(text)) if !text.trim_start().starts_with('[') => {
            EventLog::parse(&bytes(fields, "eventlog")?)
        }
        Some(Value::String(text)) => EventLog::parse(text.as_bytes()),
        Some(value) => EventLog::from_json(value),
    };
    Ok((attestation, Some(log.map_err(BootstrapError::EventLog)?)))
}

/// The bytes of a field in hex.
fn bytes(fields: &Map<String, Value>, field: &'static str) -> Result<Vec<u8>, BootstrapError> {
    let reason = |reason: String| BootstrapError::Field { field, reason };
    match fields.get(field) {
        None => Err(BootstrapError::Missing(field)),
        Some(Value::String(text)) => {
            let digits = text.strip_prefix("0x").unwrap_or(text);
            hex::decode(digits).map_err(|error| reason(format!("not valid hex: {error}")))
        }
        Some(other) => Err(reason(format!("expected a string of hex digits, got {}", excerpt_json(other)))),
    }
}

#[cfg(test)]
mod tests;
