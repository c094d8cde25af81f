//! One entry of an event log: its fields, its limits and its digest.

use std::fmt;

use serde_json::{Map, Value};

use crate::{
    attestation::measurement::{MEASUREMENT_LEN, Measurement, Register},
    schema::excerpt::{excerpt, excerpt_json},
};

/// The type of the events that dstack measures at run time. No TCG number; dstack's own.
pub const RUNTIME_EVENT_TYPE: u32 = 0x0800_0001;

/// Longest event name, in bytes of UTF-8. dstack's own have under 20.
pub const MAX_NAME_BYTES: usize = 1024;

/// Longest payload of one event, in bytes. UEFI variables, the largest seen, have a few KiB.
pub const MAX_PAYLOAD_BYTES: usize = 1 << 20;

/// Longest preimage: the payload in hex and the name with every byte escaped, beside a few fixed bytes.
const MAX_PREIMAGE_BYTES: usize = 2 * MAX_PAYLOAD_BYTES + 6 * MAX_NAME_BYTES + 64;

/// One event: something that was measured into one register.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event {
    register: Register,
    event_type: u32,
    digest: Measurement,
    name: String,
    payload: Vec<u8>,
    version: Option<EventVersion>,
}

/// How the digest of a run-time event is made from its name and payload.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EventVersion {
    /// SHA-384 of `type (4 bytes, little endian) ‖ ":" ‖ name ‖ ":" ‖ payload`.
    V1,
    /// SHA-384 of the RFC 8785 JSON `{"name":…,"payload":hex,"type":134217729}`.
    V2,
}

/// What is wrong with a field.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Problem {
    /// The entry is not a JSON object.
    #[error("expected an object, got {0}")]
    NotAnObject(String),
    /// The field is not there.
    #[error("it is missing")]
    Missing,
    /// The field has another JSON type or value than it must.
    #[error("expected {expected}, got {actual}")]
    Unexpected {
        /// What the field must hold.
        expected: &'static str,
        /// The beginning of what it holds.
        actual: String,
    },
    /// The field holds more than is read.
    #[error("it has {actual} bytes; at most {limit} are read")]
    TooLong {
        /// The limit, in bytes.
        limit: usize,
        /// The length, in bytes.
        actual: usize,
    },
    /// The digest is absent and nothing says how to make it.
    #[error("it is empty, and only a run-time event's digest can be computed")]
    NoDigest,
    /// The digest is not the one of the event's name and payload.
    #[error("expected {expected}, the digest of this event's name and payload, got {actual}")]
    WrongDigest {
        /// Computed from name and payload.
        expected: Measurement,
        /// Stated in the log.
        actual: Measurement,
    },
    /// The stated preimage is not what name and payload make.
    #[error("it is not the preimage that this event's name and payload make")]
    WrongPreimage,
}

type Fault = (&'static str, Problem);

impl Event {
    /// The register this event extends; never MRTD.
    pub fn register(&self) -> Register {
        self.register
    }

    /// The event's type: a TCG number for boot events, [`RUNTIME_EVENT_TYPE`] for dstack's.
    pub fn event_type(&self) -> u32 {
        self.event_type
    }

    /// What the register was extended with.
    pub fn digest(&self) -> &Measurement {
        &self.digest
    }

    /// The name. Bound by the digest only where [`Event::is_bound`] says so.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The payload. Bound by the digest only where [`Event::is_bound`] says so.
    pub fn payload(&self) -> &[u8] {
        &self.payload
    }

    /// Whether the digest was computed from name and payload: a run-time event of RTMR3. Anything else could carry any
    /// name beside a true digest.
    pub fn is_bound(&self) -> bool {
        self.version.is_some()
    }

    /// The format of a bound event's digest.
    pub fn version(&self) -> Option<EventVersion> {
        self.version
    }

    pub(super) fn from_json(entry: &Value) -> Result<Self, Fault> {
        let Value::Object(fields) = entry else {
            return Err(("", Problem::NotAnObject(excerpt_json(entry))));
        };
        let register = register(fields)?;
        let event_type = number(fields, "event_type", "a number of 32 bits")?;
        let stated = stated_digest(fields)?;
        let name = name(fields)?;
        let payload = hex_bytes("event_payload", required(fields, "event_payload")?, MAX_PAYLOAD_BYTES)?;
        let stated_version = stated_version(fields)?;
        let preimage = match fields.get("hash_input") {
            None | Some(Value::Null) => None,
            Some(value) => Some(hex_bytes("hash_input", value, MAX_PREIMAGE_BYTES)?),
        };
        let (digest, version) = if register == Register::Rtmr3 && event_type == RUNTIME_EVENT_TYPE {
            let (digest, version) = bind(&name, &payload, stated, stated_version, preimage.as_deref())?;
            (digest, Some(version))
        } else {
            (stated.ok_or(("digest", Problem::NoDigest))?, None)
        };
        Ok(Self { register, event_type, digest, name, payload, version })
    }
}

/// The digest of a run-time event, and its format. A log that does not state the version but states a digest may mean
/// either: dstack loses the field on one of its paths, and both digests bind name and payload.
fn bind(
    name: &str,
    payload: &[u8],
    stated: Option<Measurement>,
    stated_version: Option<EventVersion>,
    preimage: Option<&[u8]>,
) -> Result<(Measurement, EventVersion), Fault> {
    let digest_of = |version: EventVersion| Measurement::from_bytes(sha384(&[&version.preimage(name, payload)]));
    let version = stated_version.unwrap_or_else(|| match stated {
        Some(stated) if stated != digest_of(EventVersion::V1) && stated == digest_of(EventVersion::V2) => {
            EventVersion::V2
        }
        Some(_) | None => EventVersion::V1,
    });
    let expected = digest_of(version);
    match stated {
        Some(actual) if actual != expected => return Err(("digest", Problem::WrongDigest { expected, actual })),
        Some(_) | None => {}
    }
    match preimage {
        Some(bytes) if bytes != version.preimage(name, payload) => Err(("hash_input", Problem::WrongPreimage)),
        Some(_) | None => Ok((expected, version)),
    }
}

impl EventVersion {
    /// The bytes whose SHA-384 is the digest of a run-time event.
    pub fn preimage(self, name: &str, payload: &[u8]) -> Vec<u8> {
        match self {
            Self::V1 => [&RUNTIME_EVENT_TYPE.to_le_bytes()[..], b":", name.as_bytes(), b":", payload].concat(),
            Self::V2 => {
                // RFC 8785: keys in this order, strings escaped as little as JSON allows, which is how `Value` prints.
                let name = Value::from(name);
                format!(r#"{{"name":{name},"payload":"{}","type":{RUNTIME_EVENT_TYPE}}}"#, hex::encode(payload))
                    .into_bytes()
            }
        }
    }
}

impl fmt::Display for EventVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::V1 => "1",
            Self::V2 => "2",
        })
    }
}

/// SHA-384 of `parts`, one after the other.
pub(super) fn sha384(parts: &[&[u8]]) -> [u8; MEASUREMENT_LEN] {
    let mut context = aws_lc_rs::digest::Context::new(&aws_lc_rs::digest::SHA384);
    for part in parts {
        context.update(part);
    }
    let mut bytes = [0; MEASUREMENT_LEN];
    bytes.copy_from_slice(context.finish().as_ref());
    bytes
}

fn required<'v>(fields: &'v Map<String, Value>, field: &'static str) -> Result<&'v Value, Fault> {
    fields.get(field).ok_or((field, Problem::Missing))
}

fn unexpected(field: &'static str, expected: &'static str, value: &Value) -> Fault {
    (field, Problem::Unexpected { expected, actual: excerpt_json(value) })
}

fn number(fields: &Map<String, Value>, field: &'static str, expected: &'static str) -> Result<u32, Fault> {
    let value = required(fields, field)?;
    value.as_u64().and_then(|n| u32::try_from(n).ok()).ok_or_else(|| unexpected(field, expected, value))
}

fn register(fields: &Map<String, Value>) -> Result<Register, Fault> {
    let expected = "0, 1, 2 or 3";
    match number(fields, "imr", expected)? {
        0 => Ok(Register::Rtmr0),
        1 => Ok(Register::Rtmr1),
        2 => Ok(Register::Rtmr2),
        3 => Ok(Register::Rtmr3),
        other => Err(("imr", Problem::Unexpected { expected, actual: other.to_string() })),
    }
}

fn name(fields: &Map<String, Value>) -> Result<String, Fault> {
    let value = required(fields, "event")?;
    let name = value.as_str().ok_or_else(|| unexpected("event", "a string", value))?;
    match name.len() {
        length if length > MAX_NAME_BYTES => Err(("event", Problem::TooLong { limit: MAX_NAME_BYTES, actual: length })),
        _ => Ok(name.to_owned()),
    }
}

fn stated_version(fields: &Map<String, Value>) -> Result<Option<EventVersion>, Fault> {
    match fields.get("version") {
        None | Some(Value::Null) => Ok(None),
        Some(value) => match value.as_u64() {
            Some(1) => Ok(Some(EventVersion::V1)),
            Some(2) => Ok(Some(EventVersion::V2)),
            _ => Err(unexpected("version", "1 or 2", value)),
        },
    }
}

/// `None` where the log leaves the digest out or empty.
fn stated_digest(fields: &Map<String, Value>) -> Result<Option<Measurement>, Fault> {
    let expected = "96 hex digits (48 bytes), or nothing";
    match fields.get("digest") {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(text)) if text.is_empty() => Ok(None),
        Some(Value::String(text)) => text
            .parse()
            .map(Some)
            .map_err(|_| ("digest", Problem::Unexpected { expected, actual: format!("`{}`", excerpt(text)) })),
        Some(other) => Err(unexpected("digest", expected, other)),
    }
}

fn hex_bytes(field: &'static str, value: &Value, limit: usize) -> Result<Vec<u8>, Fault> {
    let expected = "a string of hex digits, two a byte";
    let text = value.as_str().ok_or_else(|| unexpected(field, expected, value))?;
    let digits = text.strip_prefix("0x").unwrap_or(text);
    if digits.len() / 2 > limit {
        return Err((field, Problem::TooLong { limit, actual: digits.len() / 2 }));
    }
    hex::decode(digits).map_err(|_| unexpected(field, expected, value))
}
