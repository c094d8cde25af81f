//! The forms people have quotes in: bytes, hex, base64, or the answer of a service that holds one.
//!
//! The form is recognised by content and said, never guessed from a file's name. What is something else is called by
//! its name, where it has one: [`Foreign`].

use std::fmt;

use serde_json::Value;

pub use super::foreign::{Foreign, HardwareReport};
use super::{MAX_QUOTE_BYTES, Quote, QuoteError, dstack};
use crate::{
    attestation::encoded::{self, Charset, Notation, Undecodable},
    schema::{JsonError, excerpt::excerpt, parse_json_within},
};

/// Largest input read, in bytes: a dstack answer carries its event log, some hundred KiB at most.
pub const MAX_INPUT_BYTES: usize = 4 << 20;

/// How a quote was wrapped.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Form {
    /// The bytes themselves.
    Binary,
    /// Hex digits.
    Hex,
    /// Base64, ordinary or URL-safe.
    Base64,
    /// JSON that is nothing but a text in hex or base64, or a list of bytes.
    JsonValue,
    /// JSON of a KMS's `/attest`: `quoteB64`.
    KmsAttest,
    /// JSON of a node's attest endpoint: `data.quoteB64`.
    NodeAttest,
    /// JSON of dstack's `GetQuote`: `quote`.
    DstackGetQuote,
    /// JSON of dstack's `Attest`, or the bytes in it: `attestation`.
    DstackAttestation,
    /// JSON with a quote in another field that is known to hold one.
    JsonField(&'static str),
}

impl Form {
    /// What to call it.
    pub fn describe(self) -> String {
        match self {
            Self::Binary => "binary",
            Self::Hex => "hex",
            Self::Base64 => "base64",
            Self::JsonValue => "JSON of a single value",
            Self::KmsAttest => "KMS attest response (quoteB64)",
            Self::NodeAttest => "node attest response (data.quoteB64)",
            Self::DstackGetQuote => "dstack GetQuote response (quote)",
            Self::DstackAttestation => "dstack attestation (attestation)",
            Self::JsonField(field) => return format!("JSON ({field})"),
        }
        .to_owned()
    }
}

impl fmt::Display for Form {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.describe())
    }
}

/// Where JSON answers have their quote, and what each is called. A document may have it in several of them, if it is
/// the same everywhere.
const FIELDS: [(&str, Form); 14] = [
    ("quoteB64", Form::KmsAttest),
    ("quote_b64", Form::KmsAttest),
    ("data.quoteB64", Form::NodeAttest),
    ("data.quote_b64", Form::NodeAttest),
    ("quote", Form::DstackGetQuote),
    ("attestation", Form::DstackAttestation),
    ("data.quote", Form::JsonField("data.quote")),
    ("result.quote", Form::JsonField("result.quote")),
    ("tdx.quote", Form::JsonField("tdx.quote")),
    ("tdx_quote", Form::JsonField("tdx_quote")),
    ("td_quote", Form::JsonField("td_quote")),
    ("intel_quote", Form::JsonField("intel_quote")),
    ("quote_hex", Form::JsonField("quote_hex")),
    ("attestation.quote", Form::JsonField("attestation.quote")),
];

/// A quote, how it was wrapped, and what the wrapping says of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Input {
    /// The quote.
    pub quote: Quote,
    /// How it came.
    pub form: Form,
    /// How the text it came as is written; `None` where it came as bytes.
    pub charset: Option<Charset>,
    /// The report data a JSON answer states beside the quote. It proves nothing: the quote's own counts.
    pub stated_report_data: Option<[u8; 64]>,
}

/// The input holds no quote we can read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InputError {
    /// Nothing there.
    #[error("the input is empty")]
    Empty,
    /// More than is read.
    #[error("the input has {0} bytes; at most {MAX_INPUT_BYTES} are read")]
    TooLarge(usize),
    /// Begins like JSON and is none.
    #[error("the input begins like JSON, but is not acceptable: {0}")]
    Json(#[from] JsonError),
    /// JSON without a quote in a place we know.
    #[error("the JSON has no quote: expected `quoteB64`, `data.quoteB64`, `quote` or `attestation`")]
    NoQuote,
    /// A field does not decode.
    #[error("`{field}` holds no quote: {error}")]
    Field {
        /// Where it stands.
        field: &'static str,
        /// What is wrong with it.
        error: Undecodable,
    },
    /// Two quotes in one document.
    #[error("`{0}` and `{1}` hold two different quotes: which one is meant?")]
    Ambiguous(&'static str, &'static str),
    /// Text that is neither hex nor base64.
    #[error("the input is text, but neither hex, base64 nor JSON: `{0}`")]
    Text(String),
    /// Text that is damaged hex, base64 or UTF-16.
    #[error("the input is {0}")]
    Damaged(Undecodable),
    /// Something else altogether.
    #[error("the input is {0}")]
    Foreign(Foreign),
    /// The bytes are not a quote.
    #[error("as {form}: {error}")]
    Quote {
        /// What the input was read as.
        form: Form,
        /// What is wrong.
        error: QuoteError,
    },
}

impl InputError {
    /// What it is instead, where it is nothing damaged but another kind of thing.
    pub fn foreign(&self) -> Option<Foreign> {
        match self {
            Self::Foreign(foreign) => Some(*foreign),
            Self::Empty
            | Self::TooLarge(_)
            | Self::Json(_)
            | Self::NoQuote
            | Self::Field { .. }
            | Self::Ambiguous(..)
            | Self::Text(_)
            | Self::Damaged(_)
            | Self::Quote { .. } => None,
        }
    }
}

impl Input {
    /// Recognises the form of `bytes` and reads the quote in it.
    ///
    /// # Errors
    /// [`InputError`] says what the input was taken for, and why it is none.
    pub fn read(bytes: &[u8]) -> Result<Self, InputError> {
        if bytes.len() > MAX_INPUT_BYTES {
            return Err(InputError::TooLarge(bytes.len()));
        }
        if let Some(foreign) = Foreign::recognise(bytes) {
            return Err(InputError::Foreign(foreign));
        }
        let (found, charset) = match encoded::text(bytes).map_err(InputError::Damaged)? {
            None => (Found::bytes(bytes.to_vec(), Form::Binary), None),
            Some((text, charset)) => (from_text(text.trim())?, Some(charset)),
        };
        let Found { bytes, form, stated_report_data } = found;
        // The same things, wrapped.
        if let Some(foreign) = Foreign::recognise(&bytes) {
            return Err(InputError::Foreign(foreign));
        }
        let quote = Quote::parse(&bytes).map_err(|error| InputError::Quote { form, error })?;
        Ok(Self { quote, form, charset, stated_report_data })
    }

    /// Form and charset in words.
    pub fn describe(&self) -> String {
        match self.charset {
            None | Some(Charset::Utf8) => self.form.describe(),
            Some(Charset::Utf8Marked) => format!("{}, after a byte order mark", self.form),
            Some(Charset::Utf16Le) => format!("{}, in UTF-16 (little-endian)", self.form),
            Some(Charset::Utf16Be) => format!("{}, in UTF-16 (big-endian)", self.form),
        }
    }
}

/// The quote's bytes, the form they were in, and the report data stated beside them.
struct Found {
    bytes: Vec<u8>,
    form: Form,
    stated_report_data: Option<[u8; 64]>,
}

impl Found {
    /// dstack's envelope is opened, wherever it comes from.
    fn bytes(bytes: Vec<u8>, form: Form) -> Self {
        match dstack::quote_in(&bytes) {
            Some(quote) => Self { bytes: quote.to_vec(), form: Form::DstackAttestation, stated_report_data: None },
            None => Self { bytes, form, stated_report_data: None },
        }
    }
}

fn from_text(text: &str) -> Result<Found, InputError> {
    if text.starts_with(['{', '[', '"']) {
        return from_json(&parse_json_within(text.as_bytes(), MAX_INPUT_BYTES)?);
    }
    if let Some(foreign) = Foreign::recognise(text.as_bytes()) {
        return Err(InputError::Foreign(foreign));
    }
    match encoded::decode(text) {
        Ok((bytes, Notation::Hex)) => Ok(Found::bytes(bytes, Form::Hex)),
        Ok((bytes, Notation::Base64)) => Ok(Found::bytes(bytes, Form::Base64)),
        Err(Undecodable::Empty) => Err(InputError::Empty),
        Err(Undecodable::Neither(_)) => Err(InputError::Text(excerpt(text))),
        Err(damaged) => Err(InputError::Damaged(damaged)),
    }
}

fn from_json(document: &Value) -> Result<Found, InputError> {
    match document {
        // An answer that was put into JSON once more.
        Value::String(text) if text.trim_start().starts_with('{') => {
            from_json(&parse_json_within(text.as_bytes(), MAX_INPUT_BYTES)?)
        }
        Value::String(_) | Value::Array(_) => match encoded::decode_json(document) {
            Ok(bytes) => Ok(Found::bytes(bytes, Form::JsonValue)),
            Err(Undecodable::Neither(_)) => Err(InputError::NoQuote),
            Err(damaged) => Err(InputError::Damaged(damaged)),
        },
        Value::Object(_) => from_fields(document),
        Value::Null | Value::Bool(_) | Value::Number(_) => Err(InputError::NoQuote),
    }
}

/// The quote of whichever of [`FIELDS`] there is.
fn from_fields(document: &Value) -> Result<Found, InputError> {
    let mut found: Option<(&'static str, Found)> = None;
    for (field, form) in FIELDS {
        let value = field.split('.').try_fold(document, |value, name| value.get(name));
        // An object in place of the quote is looked into under a name of its own.
        let Some(value) = value.filter(|value| !value.is_null() && !value.is_object()) else { continue };
        let bytes = encoded::decode_json(value).map_err(|error| InputError::Field { field, error })?;
        let next = Found::bytes(bytes, form);
        match &found {
            Some((first, known)) if known.bytes != next.bytes => return Err(InputError::Ambiguous(first, field)),
            Some(_) => {}
            None => found = Some((field, next)),
        }
    }
    let without = || Foreign::recognise_json(document).map_or(InputError::NoQuote, InputError::Foreign);
    let (_, found) = found.ok_or_else(without)?;
    let stated = ["reportDataHex", "report_data"].iter().find_map(|key| document.get(*key)).and_then(report_data);
    Ok(Found { stated_report_data: stated, ..found })
}

/// 64 bytes in hex. Shorter ones are what somebody asked for, not what the quote must hold.
fn report_data(value: &Value) -> Option<[u8; 64]> {
    match encoded::decode(value.as_str()?) {
        Ok((bytes, Notation::Hex)) => bytes.try_into().ok(),
        Ok((_, Notation::Base64)) | Err(_) => None,
    }
}

const _: () = assert!(MAX_QUOTE_BYTES * 2 < MAX_INPUT_BYTES, "a quote in hex must fit");
