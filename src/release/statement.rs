//! in-toto statements: what a statement is about, and nothing of what it predicates.
//!
//! Read as in-toto's validation model has it: another `_type`, or no `predicateType`, is not a statement that may be acted
//! upon (<https://github.com/in-toto/attestation/blob/main/docs/validation.md>).

use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde_json::{Map, Value};

use super::envelope::{self, Form};
use crate::{
    digest::{Sha256, Sha512},
    schema::{excerpt::excerpt, parse_json_within},
};

/// Media type of a statement in a DSSE envelope.
pub const PAYLOAD_TYPE: &str = "application/vnd.in-toto+json";

/// The types of statements that are read: v1, and the one before it, which npm still writes.
const TYPES: [&str; 2] = ["https://in-toto.io/Statement/v1", "https://in-toto.io/Statement/v0.1"];

/// Largest statement read, in bytes; one with an SBOM in it may have a few million.
const MAX_STATEMENT_BYTES: usize = 16 << 20;

/// A claim about artifacts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Statement {
    /// What it is about; at least one.
    pub subjects: Vec<Subject>,
}

/// One artifact a statement is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Subject {
    /// Its name, without a leading `./`; may be empty, as cosign leaves it.
    pub name: String,
    /// Its SHA-256, when stated.
    pub sha256: Option<Sha256>,
    /// Its SHA-512, when stated.
    pub sha512: Option<Sha512>,
}

impl Subject {
    /// Whether only its whole content can tell that an artifact of known SHA-256 is meant.
    pub fn needs_content(&self) -> bool {
        self.sha256.is_none() && self.sha512.is_some()
    }
}

impl Statement {
    /// Reads the payload of an envelope.
    ///
    /// # Errors
    /// A sentence that names the field.
    pub fn parse(payload: &[u8]) -> Result<Self, String> {
        let value = parse_json_within(payload, MAX_STATEMENT_BYTES).map_err(|e| format!("the statement: {e}"))?;
        Self::of(&envelope::statement(value).map_err(|e| format!("the statement: {e}"))?)
    }

    /// Reads a line of a provenance file: a Sigstore bundle, a DSSE envelope, or a statement by itself. Signatures are
    /// demanded where the form promises one, and not verified.
    ///
    /// # Errors
    /// A sentence that says what is wrong with it.
    pub fn in_line(line: &[u8]) -> Result<Self, String> {
        let (form, value) = envelope::read(line, MAX_STATEMENT_BYTES).map_err(|e| e.to_string())?;
        match form {
            Form::Statement => Self::of(&value),
            Form::Envelope => Self::enveloped(&value),
            Form::Bundle => match value.get("dsseEnvelope") {
                Some(envelope) => Self::enveloped(envelope),
                None => Err("a bundle with a signature over a file, which states nothing".to_owned()),
            },
            Form::CosignBundle => Err("a signature over a file, which states nothing".to_owned()),
        }
    }

    /// Refuses a payload of another type, which may look like a statement all the same.
    ///
    /// # Errors
    /// A sentence with both types.
    pub fn check_payload_type(payload_type: &str) -> Result<(), String> {
        if payload_type == PAYLOAD_TYPE {
            return Ok(());
        }
        Err(format!("the envelope's payloadType is {}, not {PAYLOAD_TYPE}", excerpt(payload_type)))
    }

    fn enveloped(envelope: &Value) -> Result<Self, String> {
        Self::check_payload_type(envelope.get("payloadType").and_then(Value::as_str).unwrap_or("none"))?;
        let payload = envelope.get("payload").and_then(Value::as_str).and_then(|p| STANDARD.decode(p).ok());
        Self::parse(&payload.ok_or("the envelope's payload is not base64")?)
    }

    fn of(value: &Value) -> Result<Self, String> {
        let fields = value.as_object().ok_or("the statement is not a JSON object")?;
        let kind = text(fields, "_type").unwrap_or("none");
        if !TYPES.contains(&kind) {
            return Err(format!("not an in-toto statement: _type is {}", excerpt(kind)));
        }
        if text(fields, "predicateType").is_none_or(|kind| kind.trim().is_empty()) {
            return Err("the statement names no predicateType".to_owned());
        }
        let subjects = fields.get("subject").and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
        if subjects.is_empty() {
            return Err("the statement has no subject".to_owned());
        }
        let subjects =
            subjects.iter().enumerate().map(|(n, subject)| Subject::of(n, subject)).collect::<Result<_, _>>()?;
        Ok(Self { subjects })
    }
}

impl Subject {
    fn of(number: usize, value: &Value) -> Result<Self, String> {
        let at = |what: &str| format!("subject[{number}]{what}");
        let fields = value.as_object().ok_or_else(|| at(" is not an object"))?;
        let mut name = match fields.get("name") {
            None | Some(Value::Null) => "",
            Some(name) => name.as_str().ok_or_else(|| at(".name is not a string"))?,
        };
        while let Some(rest) = name.strip_prefix("./") {
            name = rest.trim_start_matches('/');
        }
        let digests = fields.get("digest").and_then(Value::as_object).filter(|digests| !digests.is_empty());
        let digests = digests.ok_or_else(|| at(".digest states no digest"))?;
        let stated = |algorithm: &str| match digests.get(algorithm) {
            None => Ok(None),
            Some(Value::String(hex)) => Ok(Some(hex.as_str())),
            Some(_) => Err(at(&format!(".digest.{algorithm} is not a string"))),
        };
        let invalid = |algorithm: &str| at(&format!(".digest.{algorithm} is not a digest in hex"));
        Ok(Self {
            name: name.to_owned(),
            sha256: stated("sha256")?
                .map(|hex| bytes(hex).map(Sha256::from_bytes).ok_or_else(|| invalid("sha256")))
                .transpose()?,
            sha512: stated("sha512")?
                .map(|hex| bytes(hex).map(Sha512::from_bytes).ok_or_else(|| invalid("sha512")))
                .transpose()?,
        })
    }
}

fn text<'a>(fields: &'a Map<String, Value>, name: &str) -> Option<&'a str> {
    fields.get(name).and_then(Value::as_str)
}

/// Exactly as many hex digits as the digest has, and no prefix.
fn bytes<const N: usize>(digits: &str) -> Option<[u8; N]> {
    let mut bytes = [0; N];
    hex::decode_to_slice(digits, &mut bytes).ok().map(|()| bytes)
}

#[cfg(test)]
mod tests;
