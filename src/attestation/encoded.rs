//! Bytes as people hand them on: text in UTF-8 or UTF-16, with or without a byte order mark, and in it hex or base64.
//!
//! What is damaged is called damaged, with the place: hex with one bad digit is not taken for base64. Other modules say
//! what the bytes mean.

use std::{borrow::Cow, fmt};

use base64::{
    DecodeError, Engine as _,
    alphabet::{STANDARD, URL_SAFE},
    engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig},
};
use serde_json::Value;

use crate::schema::excerpt::excerpt;

/// How a text's characters are written as bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Charset {
    /// UTF-8, or ASCII.
    Utf8,
    /// UTF-8 after a byte order mark, as Windows programs write it.
    Utf8Marked,
    /// UTF-16, least significant byte first, as PowerShell's `>` writes it.
    Utf16Le,
    /// UTF-16, most significant byte first.
    Utf16Be,
}

/// How bytes are written as text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Notation {
    /// Hex digits, with or without `0x`, line breaks allowed.
    Hex,
    /// Base64, ordinary or URL-safe, with or without padding, line breaks allowed.
    Base64,
}

/// Where a character stands; both count from 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Place {
    /// The line.
    pub line: usize,
    /// The character in it.
    pub column: usize,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}, column {}", self.line, self.column)
    }
}

/// Why text stands for no bytes.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Undecodable {
    /// Nothing but white space.
    #[error("empty")]
    Empty,
    /// UTF-16 with half a character.
    #[error("damaged UTF-16 text: it ends within a character, or holds half of one")]
    Utf16,
    /// Hex but for one digit that is missing or too many.
    #[error("damaged hex: an odd number of digits ({0})")]
    OddHex(usize),
    /// Hex but for a character.
    #[error("damaged hex: `{}` at {place} is not a hex digit", excerpt(&found.to_string()))]
    HexDigit {
        /// The first character that is none.
        found: char,
        /// Where it stands.
        place: Place,
    },
    /// Base64 but for a character.
    #[error("damaged base64: `{}` at {place} does not belong there", excerpt(&found.to_string()))]
    Base64Digit {
        /// The first character that does not belong.
        found: char,
        /// Where it stands.
        place: Place,
    },
    /// Base64 that is cut short.
    #[error("damaged base64: its {0} characters end within a byte")]
    CutBase64(usize),
    /// Something else.
    #[error("neither hex nor base64: `{0}`")]
    Neither(String),
}

/// The text that `bytes` are, and how it is written; `None` where they are not text.
///
/// # Errors
/// It is UTF-16 with half a character.
pub fn text(bytes: &[u8]) -> Result<Option<(Cow<'_, str>, Charset)>, Undecodable> {
    let utf16 = |bytes: &[u8], unit: fn([u8; 2]) -> u16, charset| {
        let (pairs, rest) = bytes.as_chunks::<2>();
        if !rest.is_empty() {
            return Err(Undecodable::Utf16);
        }
        let text = char::decode_utf16(pairs.iter().map(|pair| unit(*pair))).collect::<Result<String, _>>();
        text.map(|text| Some((Cow::Owned(text), charset))).map_err(|_| Undecodable::Utf16)
    };
    match bytes {
        [0xff, 0xfe, rest @ ..] => utf16(rest, u16::from_le_bytes, Charset::Utf16Le),
        [0xfe, 0xff, rest @ ..] => utf16(rest, u16::from_be_bytes, Charset::Utf16Be),
        [0xef, 0xbb, 0xbf, rest @ ..] => Ok(Some((String::from_utf8_lossy(rest), Charset::Utf8Marked))),
        [a, 0, b, 0, ..] if is_printable(*a) && is_printable(*b) => utf16(bytes, u16::from_le_bytes, Charset::Utf16Le),
        [0, a, 0, b, ..] if is_printable(*a) && is_printable(*b) => utf16(bytes, u16::from_be_bytes, Charset::Utf16Be),
        _ => Ok(is_text(bytes).then(|| (String::from_utf8_lossy(bytes), Charset::Utf8))),
    }
}

/// Text is printable, at least where it begins: what is damaged further on is damaged text. No quote, certificate or
/// list begins with eight printable characters.
fn is_text(bytes: &[u8]) -> bool {
    let is_whole = str::from_utf8(bytes).is_ok_and(|text| !text.chars().any(|c| c.is_control() && !c.is_whitespace()));
    is_whole || bytes.len() >= 8 && bytes.iter().take(8).all(|b| is_printable(*b))
}

fn is_printable(byte: u8) -> bool {
    byte.is_ascii_graphic() || byte.is_ascii_whitespace()
}

/// The bytes that `text` stands for, and how they are written in it. Hex wins over base64, whose digits it has too: no
/// base64 of anything read here is all hex digits.
///
/// # Errors
/// [`Undecodable`], by what the text most looks like.
pub fn decode(text: &str) -> Result<(Vec<u8>, Notation), Undecodable> {
    // A C string's end, and what some editors put before the beginning.
    let text = text.trim_end_matches(|c: char| c == '\0' || c.is_whitespace()).trim_start_matches('\u{feff}');
    let digits: String = text.chars().filter(|c| !c.is_whitespace()).collect();
    let prefixed = digits.starts_with("0x") || digits.starts_with("0X");
    let hex_digits = if prefixed { digits.get(2..).unwrap_or_default() } else { &digits };
    if hex_digits.is_empty() {
        return Err(Undecodable::Empty);
    }
    if hex_digits.bytes().all(|b| b.is_ascii_hexdigit()) {
        let bytes = hex::decode(hex_digits).map_err(|_| Undecodable::OddHex(hex_digits.len()))?;
        return Ok((bytes, Notation::Hex));
    }
    // Base64 of zeros is all `A`, which says nothing.
    let telling: String = hex_digits.chars().filter(|c| *c != 'A').collect();
    if prefixed || is_mostly(&telling, |c| c.is_ascii_hexdigit(), 90) {
        return Err(hex_fault(text, prefixed));
    }
    base64(&digits).map(|bytes| (bytes, Notation::Base64)).map_err(|error| base64_fault(text, &digits, &error))
}

/// As [`decode`], from a JSON value: text, or a list of the bytes themselves.
///
/// # Errors
/// As [`decode`].
pub fn decode_json(value: &Value) -> Result<Vec<u8>, Undecodable> {
    let other = || Undecodable::Neither(crate::schema::excerpt::excerpt_json(value));
    match value {
        Value::String(text) => decode(text).map(|(bytes, _)| bytes),
        Value::Array(items) if !items.is_empty() => {
            let byte = |item: &Value| item.as_u64().and_then(|number| u8::try_from(number).ok());
            items.iter().map(byte).collect::<Option<_>>().ok_or_else(other)
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::Array(_) | Value::Object(_) => Err(other()),
    }
}

/// Base64 of either alphabet, padded or not, without white space.
fn base64(digits: &str) -> Result<Vec<u8>, DecodeError> {
    const CONFIG: GeneralPurposeConfig =
        GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent);
    let alphabet = if digits.contains(['-', '_']) { &URL_SAFE } else { &STANDARD };
    GeneralPurpose::new(alphabet, CONFIG).decode(digits)
}

/// The first character that is not a hex digit, after `0x` where that is there.
fn hex_fault(text: &str, prefixed: bool) -> Undecodable {
    let skipped = if prefixed { text.find(['x', 'X']).map_or(0, |at| at + 1) } else { 0 };
    let mut rest = text.char_indices().filter(|(at, _)| *at >= skipped);
    match rest.find(|(_, c)| !c.is_ascii_hexdigit() && !c.is_whitespace()) {
        Some((at, found)) => Undecodable::HexDigit { found, place: place(text, at) },
        None => Undecodable::Neither(excerpt(text)),
    }
}

fn base64_fault(text: &str, digits: &str, error: &DecodeError) -> Undecodable {
    let belongs = |c: char| c.is_ascii_alphanumeric() || matches!(c, '+' | '/' | '-' | '_' | '=');
    // Words of a sentence are nearly base64 as well; only long text is taken for a damaged one.
    if digits.len() < 32 || !is_mostly(digits, belongs, 95) {
        return Undecodable::Neither(excerpt(text));
    }
    match error {
        DecodeError::InvalidByte(offset, _) => {
            let mut places = text.char_indices().filter(|(_, c)| !c.is_whitespace()).scan(0, |bytes, (at, c)| {
                let before = *bytes;
                *bytes += c.len_utf8();
                Some((before, at, c))
            });
            match places.find(|(before, ..)| before == offset) {
                Some((_, at, found)) => Undecodable::Base64Digit { found, place: place(text, at) },
                None => Undecodable::Neither(excerpt(text)),
            }
        }
        DecodeError::InvalidLength(_) | DecodeError::InvalidLastSymbol { .. } | DecodeError::InvalidPadding => {
            Undecodable::CutBase64(digits.len())
        }
    }
}

/// Whether at least `percent` of the characters are such.
fn is_mostly(text: &str, such: impl Fn(char) -> bool, percent: usize) -> bool {
    let (all, some) = text.chars().fold((0_usize, 0_usize), |(all, some), c| (all + 1, some + usize::from(such(c))));
    some.saturating_mul(100) >= all.saturating_mul(percent)
}

/// Line and column of the character at byte `at`.
fn place(text: &str, at: usize) -> Place {
    let before = text.get(..at).unwrap_or(text);
    let line_starts = before.rfind('\n').map_or(0, |newline| newline + 1);
    let line = before.bytes().filter(|b| *b == b'\n').count() + 1;
    let column = before.get(line_starts..).unwrap_or_default().chars().count() + 1;
    Place { line, column }
}

#[cfg(test)]
mod tests;
