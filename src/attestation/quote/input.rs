//! The forms people have quotes in: bytes, hex, base64, or the answer of a service that holds one.
//!
//! The form is recognised by content and said, never guessed from a file's name.

use std::fmt;

use base64::{
    Engine as _,
    alphabet::{STANDARD, URL_SAFE},
    engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig},
};
use serde_json::{Map, Value};

use super::{MAX_QUOTE_BYTES, Quote, QuoteError};
use crate::schema::{JsonError, excerpt::excerpt, parse_json_within};

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
    /// JSON of a KMS's `/attest`: `quoteB64`.
    KmsAttest,
    /// JSON of a node's attest endpoint: `data.quoteB64`.
    NodeAttest,
    /// JSON of dstack's `GetQuote`: `quote` in hex.
    DstackGetQuote,
}

impl Form {
    /// What to call it.
    pub fn describe(self) -> &'static str {
        match self {
            Self::Binary => "binary",
            Self::Hex => "hex",
            Self::Base64 => "base64",
            Self::KmsAttest => "KMS attest response (quoteB64)",
            Self::NodeAttest => "node attest response (data.quoteB64)",
            Self::DstackGetQuote => "dstack GetQuote response (quote)",
        }
    }
}

impl fmt::Display for Form {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.describe())
    }
}

/// A quote, how it was wrapped, and what the wrapping says of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Input {
    /// The quote.
    pub quote: Quote,
    /// How it came.
    pub form: Form,
    /// The report data a JSON answer states beside the quote. It binds nobody: the quote's own counts.
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
    #[error("the JSON has no quote: expected `quoteB64`, `data.quoteB64` or `quote`")]
    NoQuote,
    /// A field does not decode.
    #[error("`{field}` is not {expected}: `{shown}`")]
    Field {
        /// Where it stands.
        field: &'static str,
        /// What belongs there.
        expected: &'static str,
        /// How it begins.
        shown: String,
    },
    /// Text that is neither hex nor base64.
    #[error("the input is text, but neither hex, base64 nor JSON: `{0}`")]
    Text(String),
    /// The bytes are no quote.
    #[error("as {form}: {error}")]
    Quote {
        /// What the input was read as.
        form: Form,
        /// What is wrong.
        error: QuoteError,
    },
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
        let text = str::from_utf8(bytes).ok().filter(|text| is_printable(text));
        let (raw, form, stated_report_data) = match text.map(str::trim) {
            None => (bytes.to_vec(), Form::Binary, None),
            Some("") => return Err(InputError::Empty),
            Some(text) if text.starts_with(['{', '[', '"']) => from_json(text)?,
            Some(text) => {
                let (raw, form) = from_text(text).ok_or_else(|| InputError::Text(excerpt(text)))?;
                (raw, form, None)
            }
        };
        let quote = Quote::parse(&raw).map_err(|error| InputError::Quote { form, error })?;
        Ok(Self { quote, form, stated_report_data })
    }
}

/// A quote begins with bytes that no text holds, so printable input is text.
fn is_printable(text: &str) -> bool {
    !text.chars().any(|c| c.is_control() && !matches!(c, '\n' | '\r' | '\t'))
}

/// The quote's bytes, the form they were in, and the report data stated beside them.
type FromJson = (Vec<u8>, Form, Option<[u8; 64]>);

fn from_json(text: &str) -> Result<FromJson, InputError> {
    let value = parse_json_within(text.as_bytes(), MAX_INPUT_BYTES)?;
    let object = value.as_object().ok_or(InputError::NoQuote)?;
    let stated = ["reportDataHex", "report_data"].iter().find_map(|key| object.get(*key)).and_then(report_data);
    if let Some(found) = field(object, "quoteB64", &["quoteB64", "quote_b64"])? {
        return Ok((found, Form::KmsAttest, stated));
    }
    if let Some(data) = object.get("data").and_then(Value::as_object)
        && let Some(found) = field(data, "data.quoteB64", &["quoteB64", "quote_b64"])?
    {
        return Ok((found, Form::NodeAttest, None));
    }
    let quote = object.get("quote").ok_or(InputError::NoQuote)?;
    let malformed = || InputError::Field {
        field: "quote",
        expected: "a quote in hex",
        shown: crate::schema::excerpt::excerpt_json(quote),
    };
    let bytes = quote.as_str().and_then(unhex).ok_or_else(malformed)?;
    Ok((bytes, Form::DstackGetQuote, stated))
}

/// The base64 text at the first of `keys` that is there.
fn field(object: &Map<String, Value>, name: &'static str, keys: &[&str]) -> Result<Option<Vec<u8>>, InputError> {
    let Some(value) = keys.iter().find_map(|key| object.get(*key)) else { return Ok(None) };
    let malformed = || InputError::Field {
        field: name,
        expected: "a quote in base64",
        shown: crate::schema::excerpt::excerpt_json(value),
    };
    value.as_str().and_then(unbase64).map(Some).ok_or_else(malformed)
}

/// 64 bytes in hex. Shorter ones are what somebody asked for, not what the quote must hold.
fn report_data(value: &Value) -> Option<[u8; 64]> {
    unhex(value.as_str()?)?.try_into().ok()
}

/// Hex or base64. Hex wins: it is base64 as well, but no base64 of a quote is all hex digits.
fn from_text(text: &str) -> Option<(Vec<u8>, Form)> {
    unhex(text).map(|raw| (raw, Form::Hex)).or_else(|| unbase64(text).map(|raw| (raw, Form::Base64)))
}

fn unhex(text: &str) -> Option<Vec<u8>> {
    let digits = compact(text);
    let digits = digits.strip_prefix("0x").or_else(|| digits.strip_prefix("0X")).unwrap_or(&digits);
    hex::decode(digits).ok().filter(|bytes| !bytes.is_empty())
}

/// Base64 of either alphabet, padded or not.
pub(crate) fn unbase64(text: &str) -> Option<Vec<u8>> {
    const CONFIG: GeneralPurposeConfig =
        GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent);
    let digits = compact(text);
    let alphabet = if digits.contains(['-', '_']) { &URL_SAFE } else { &STANDARD };
    GeneralPurpose::new(alphabet, CONFIG).decode(digits).ok().filter(|bytes| !bytes.is_empty())
}

/// Without the line breaks that tools put in.
fn compact(text: &str) -> String {
    text.chars().filter(|c| !c.is_ascii_whitespace()).collect()
}

const _: () = assert!(MAX_QUOTE_BYTES * 2 < MAX_INPUT_BYTES, "a quote in hex must fit");
