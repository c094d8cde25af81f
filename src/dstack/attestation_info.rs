//! The answer to `Onboard.GetAttestationInfo`: what a KMS that waits to be bootstrapped says of its machine. Nothing in it
//! is signed. It is what must be on the allow-list beforehand, and what the attestation of the keys must confirm
//! afterwards.

use serde_json::{Map, Value};

use super::measured::Measured;
use crate::{
    digest::Sha256,
    report::{CheckInfo, Finding},
    schema::{JsonError, excerpt::excerpt_json, parse_json},
};

/// The attested machine is the one that was announced.
pub const ANNOUNCED: CheckInfo = CheckInfo {
    id: "dstack-announced",
    title: "the attested machine has the measurements that GetAttestationInfo announced",
};

/// The answer, read and not judged.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AttestationInfo {
    /// `mr_aggregated`.
    pub mr_aggregated: Sha256,
    /// `device_id`; `None` where it is empty.
    pub device_id: Option<Sha256>,
    /// `os_image_hash`, lowercase hex; empty in a simulator.
    pub os_image_hash: String,
    /// `tee_variant`, or `attestation_mode` up to 0.5.x.
    pub variant: String,
}

/// Why an answer is not one to `GetAttestationInfo`.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InfoError {
    /// Not JSON.
    #[error("not acceptable JSON: {0}")]
    Json(#[from] JsonError),
    /// Not an object.
    #[error("expected an object, got {0}")]
    NotAnObject(String),
    /// A field is not there.
    #[error("`{0}` is missing")]
    Missing(&'static str),
    /// A field is not what it must be.
    #[error("`{field}`: expected {expected}, got {actual}")]
    Field {
        /// Which one.
        field: &'static str,
        /// What must be there.
        expected: &'static str,
        /// The beginning of what is.
        actual: String,
    },
}

impl AttestationInfo {
    /// Reads an answer.
    ///
    /// # Errors
    /// [`InfoError`] names the field.
    pub fn parse(bytes: &[u8]) -> Result<Self, InfoError> {
        let document = parse_json(bytes)?;
        let Value::Object(fields) = &document else { return Err(InfoError::NotAnObject(excerpt_json(&document))) };
        let variant = if fields.contains_key("tee_variant") { "tee_variant" } else { "attestation_mode" };
        Ok(Self {
            mr_aggregated: digest(fields, "mr_aggregated")?.ok_or(InfoError::Missing("mr_aggregated"))?,
            device_id: digest(fields, "device_id")?,
            os_image_hash: text(fields, "os_image_hash")?.to_lowercase(),
            variant: text(fields, variant)?.to_owned(),
        })
    }

    /// [`ANNOUNCED`]: whether the attestation confirms it.
    pub fn judge(&self, subject: &str, measured: &Measured) -> Vec<Finding> {
        let mut findings = vec![if self.mr_aggregated == measured.mr_aggregated {
            ANNOUNCED.pass(subject, format!("mr_aggregated {}", self.mr_aggregated))
        } else {
            ANNOUNCED
                .fail(subject, "mr_aggregated differs from the one announced before the bootstrap")
                .compared(self.mr_aggregated.to_string(), measured.mr_aggregated.to_string())
                .help("the keys were made in another machine than the one that was looked at: do not use them")
        }];
        match (self.device_id, measured.device_id) {
            (Some(announced), Some(device)) if announced == device => {
                findings.push(ANNOUNCED.pass(subject, format!("device_id {device}")));
            }
            (Some(announced), Some(device)) => findings.push(
                ANNOUNCED
                    .fail(subject, "device_id differs from the one announced before the bootstrap")
                    .compared(announced.to_string(), device.to_string())
                    .help("the keys were made on another host than the one that was looked at"),
            ),
            (None, _) | (_, None) => {
                findings.push(ANNOUNCED.skip(subject, "no device_id to compare"));
            }
        }
        let measured = measured.os_image.as_deref().map(hex::encode).unwrap_or_default();
        if !self.os_image_hash.is_empty() && !measured.is_empty() && self.os_image_hash != measured {
            findings.push(
                ANNOUNCED
                    .warn(
                        subject,
                        "os_image_hash is not what the machine measured: its host states the one, its log the other",
                    )
                    .compared(measured, self.os_image_hash.clone()),
            );
        }
        findings
    }
}

fn text<'v>(fields: &'v Map<String, Value>, field: &'static str) -> Result<&'v str, InfoError> {
    match fields.get(field) {
        None | Some(Value::Null) => Ok(""),
        Some(value) => value.as_str().ok_or_else(|| wrong(field, "text", value)),
    }
}

fn digest(fields: &Map<String, Value>, field: &'static str) -> Result<Option<Sha256>, InfoError> {
    let digits = text(fields, field)?;
    let digits = digits.strip_prefix("0x").unwrap_or(digits);
    if digits.is_empty() {
        return Ok(None);
    }
    let value = fields.get(field).unwrap_or(&Value::Null);
    Sha256::from_hex(digits).map(Some).map_err(|_| wrong(field, "64 hex digits", value))
}

fn wrong(field: &'static str, expected: &'static str, value: &Value) -> InfoError {
    InfoError::Field { field, expected, actual: excerpt_json(value) }
}
