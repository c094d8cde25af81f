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

/// One entry as a format other than JSON carries it, not checked yet.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Entry {
    /// The register, 0 to 3 for RTMR0 to RTMR3.
    pub register: u32,
    /// The event's type.
    pub event_type: u32,
    /// What the register was extended with, 48 bytes; empty where the log leaves it out.
    pub digest: Vec<u8>,
    /// The name.
    pub name: String,
    /// The payload.
    pub payload: Vec<u8>,
    /// The format of a run-time event's digest, where it is stated.
    pub version: Option<u64>,
    /// What was hashed into the digest, where it is stated.
    pub preimage: Option<Vec<u8>>,
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

const REGISTERS: &str = "0, 1, 2 or 3";
const VERSIONS: &str = "1 or 2";

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
        let register = register(number(fields, "imr", REGISTERS)?)?;
        let event_type = number(fields, "event_type", "a number of 32 bits")?;
        let stated = stated_digest(fields)?;
        let name = name(fields)?;
        let payload = hex_bytes("event_payload", required(fields, "event_payload")?, MAX_PAYLOAD_BYTES)?;
        let version = stated_version(fields)?;
        let preimage = match fields.get("hash_input") {
            None | Some(Value::Null) => None,
            Some(value) => Some(hex_bytes("hash_input", value, MAX_PREIMAGE_BYTES)?),
        };
        Self::checked(register, event_type, name, payload, Stated { digest: stated, version, preimage })
    }

    pub(super) fn from_entry(entry: &Entry) -> Result<Self, Fault> {
        let register = register(entry.register)?;
        let digest = match entry.digest.as_slice() {
            [] => None,
            bytes => Some(Measurement::from_bytes(bytes.try_into().map_err(|_| {
                let actual = format!("{} bytes", bytes.len());
                ("digest", Problem::Unexpected { expected: "48 bytes, or nothing", actual })
            })?)),
        };
        let name = short(&entry.name)?;
        let payload = within("event_payload", entry.payload.clone(), MAX_PAYLOAD_BYTES)?;
        let version = match entry.version {
            None => None,
            Some(1) => Some(EventVersion::V1),
            Some(2) => Some(EventVersion::V2),
            Some(other) => {
                return Err(("version", Problem::Unexpected { expected: VERSIONS, actual: other.to_string() }));
            }
        };
        let preimage =
            entry.preimage.clone().map(|bytes| within("hash_input", bytes, MAX_PREIMAGE_BYTES)).transpose()?;
        Self::checked(register, entry.event_type, name, payload, Stated { digest, version, preimage })
    }

    /// The event, if what is stated of its digest is so.
    fn checked(
        register: Register,
        event_type: u32,
        name: String,
        payload: Vec<u8>,
        stated: Stated,
    ) -> Result<Self, Fault> {
        let (digest, version) = if register == Register::Rtmr3 && event_type == RUNTIME_EVENT_TYPE {
            let (digest, version) = bind(&name, &payload, &stated)?;
            (digest, Some(version))
        } else {
            (stated.digest.ok_or(("digest", Problem::NoDigest))?, None)
        };
        Ok(Self { register, event_type, digest, name, payload, version })
    }
}

/// What an entry states of its digest.
struct Stated {
    digest: Option<Measurement>,
    version: Option<EventVersion>,
    preimage: Option<Vec<u8>>,
}

/// The digest of a run-time event, and its format. A log that does not state the version but states a digest may mean
/// either: dstack loses the field on one of its paths, and both digests bind name and payload.
fn bind(name: &str, payload: &[u8], stated: &Stated) -> Result<(Measurement, EventVersion), Fault> {
    let digest_of = |version: EventVersion| Measurement::from_bytes(sha384(&[&version.preimage(name, payload)]));
    let version = stated.version.unwrap_or_else(|| match stated.digest {
        Some(stated) if stated != digest_of(EventVersion::V1) && stated == digest_of(EventVersion::V2) => {
            EventVersion::V2
        }
        Some(_) | None => EventVersion::V1,
    });
    let expected = digest_of(version);
    match stated.digest {
        Some(actual) if actual != expected => return Err(("digest", Problem::WrongDigest { expected, actual })),
        Some(_) | None => {}
    }
    match &stated.preimage {
        Some(bytes) if *bytes != version.preimage(name, payload) => Err(("hash_input", Problem::WrongPreimage)),
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

fn register(number: u32) -> Result<Register, Fault> {
    match number {
        0 => Ok(Register::Rtmr0),
        1 => Ok(Register::Rtmr1),
        2 => Ok(Register::Rtmr2),
        3 => Ok(Register::Rtmr3),
        other => Err(("imr", Problem::Unexpected { expected: REGISTERS, actual: other.to_string() })),
    }
}

fn name(fields: &Map<String, Value>) -> Result<String, Fault> {
    let value = required(fields, "event")?;
    short(value.as_str().ok_or_else(|| unexpected("event", "a string", value))?)
}

fn short(name: &str) -> Result<String, Fault> {
    match name.len() {
        length if length > MAX_NAME_BYTES => Err(("event", Problem::TooLong { limit: MAX_NAME_BYTES, actual: length })),
        _ => Ok(name.to_owned()),
    }
}

fn within(field: &'static str, bytes: Vec<u8>, limit: usize) -> Result<Vec<u8>, Fault> {
    match bytes.len() {
        length if length > limit => Err((field, Problem::TooLong { limit, actual: length })),
        _ => Ok(bytes),
    }
}

fn stated_version(fields: &Map<String, Value>) -> Result<Option<EventVersion>, Fault> {
    match fields.get("version") {
        None | Some(Value::Null) => Ok(None),
        Some(value) => match value.as_u64() {
            Some(1) => Ok(Some(EventVersion::V1)),
            Some(2) => Ok(Some(EventVersion::V2)),
            _ => Err(unexpected("version", VERSIONS, value)),
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
