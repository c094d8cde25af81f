//! Reading JSON that somebody else wrote: bounded, and with no room for two readers to disagree.
//!
//! `serde_json` alone keeps the last of two equal keys, other readers the first: a document that says both passes one
//! and configures the other. So a duplicate key is an error here. Nothing in this file knows what a document means.

use std::{cell::Cell, collections::HashSet, fmt};

use serde::{
    Serialize,
    de::{DeserializeSeed, Deserializer, Error as _, MapAccess, SeqAccess, Visitor},
};
use serde_json::{Map, Number, Value};

use super::excerpt::excerpt;

/// Largest document read by [`parse_json`], in bytes. The largest policy seen upstream has 3 KiB.
pub const MAX_JSON_BYTES: usize = 8 << 20;

/// Most values in one document. A value takes 32 bytes and up, so this bounds memory where `[0,0,0…` would multiply it.
const MAX_VALUES: usize = 4_000_000;

/// Why a text is not an acceptable JSON document.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JsonError {
    /// Line and column, both from 1, when the fault has a place.
    pub place: Option<(usize, usize)>,
    /// What is wrong, without the place.
    pub message: String,
}

impl fmt::Display for JsonError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.place {
            Some((line, column)) => write!(f, "line {line}, column {column}: {}", self.message),
            None => f.write_str(&self.message),
        }
    }
}

impl std::error::Error for JsonError {}

/// Reads a document of at most [`MAX_JSON_BYTES`].
///
/// # Errors
/// The text is too large, not UTF-8, begins with a byte order mark, is not JSON, nested deeper than 128, has text after the value, or holds one key twice
/// in an object.
pub fn parse_json(bytes: &[u8]) -> Result<Value, JsonError> {
    parse_json_within(bytes, MAX_JSON_BYTES)
}

/// Indented JSON with a final line end. Fields stand in the order their types declare them, whatever else in the build
/// asks of `serde_json`.
pub(crate) fn pretty(document: &impl Serialize) -> serde_json::Result<Vec<u8>> {
    let mut bytes = serde_json::to_vec_pretty(document)?;
    bytes.push(b'\n');
    Ok(bytes)
}

/// Reads a document of at most `limit` bytes. See [`parse_json`].
///
/// # Errors
/// As [`parse_json`].
pub fn parse_json_within(bytes: &[u8], limit: usize) -> Result<Value, JsonError> {
    if bytes.len() > limit {
        let message = format!("the document has {} bytes; at most {limit} are read", bytes.len());
        return Err(JsonError { place: None, message });
    }
    if let Some(message) = byte_order_mark(bytes) {
        return Err(JsonError { place: Some((1, 1)), message: message.to_owned() });
    }
    let text = str::from_utf8(bytes).map_err(|error| invalid_utf8(bytes, error.valid_up_to()))?;
    let budget = Cell::new(MAX_VALUES);
    let mut deserializer = serde_json::Deserializer::from_str(text);
    Strict { budget: &budget }
        .deserialize(&mut deserializer)
        .and_then(|value| deserializer.end().map(|()| value))
        .map_err(|error| from_serde(&error))
}

/// What editors put before a text to tell its encoding. No JSON may begin with one (RFC 8259, section 8.1), and not every
/// reader passes over it.
fn byte_order_mark(bytes: &[u8]) -> Option<&'static str> {
    match bytes {
        [0xEF, 0xBB, 0xBF, ..] => {
            Some("expected value, found a byte order mark (BOM): save the file as UTF-8 without BOM")
        }
        [0xFE, 0xFF, ..] | [0xFF, 0xFE, ..] => {
            Some("expected value, found a byte order mark (BOM) of UTF-16: save the file as UTF-8 without BOM")
        }
        _ => None,
    }
}

fn invalid_utf8(bytes: &[u8], at: usize) -> JsonError {
    let before = bytes.get(..at).unwrap_or_default();
    let line = before.iter().filter(|b| **b == b'\n').count() + 1;
    let start = before.iter().rposition(|b| *b == b'\n').map_or(0, |p| p + 1);
    JsonError { place: Some((line, at - start + 1)), message: "not UTF-8".to_owned() }
}

fn from_serde(error: &serde_json::Error) -> JsonError {
    let text = error.to_string();
    let suffix = format!(" at line {} column {}", error.line(), error.column());
    let message = text.strip_suffix(&suffix).unwrap_or(&text).to_owned();
    JsonError { place: (error.line() > 0).then(|| (error.line(), error.column())), message }
}

/// A value in which no object holds a key twice, within a budget shared by the whole document.
#[derive(Clone, Copy)]
struct Strict<'b> {
    budget: &'b Cell<usize>,
}

impl<'de> DeserializeSeed<'de> for Strict<'_> {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        let left =
            self.budget.get().checked_sub(1).ok_or_else(|| D::Error::custom("more values than a document may hold"))?;
        self.budget.set(left);
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Strict<'_> {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Bool(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(Value::Number(value.into()))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(Value::Number(value.into()))
    }

    fn visit_f64<E: serde::de::Error>(self, value: f64) -> Result<Value, E> {
        Number::from_f64(value).map(Value::Number).ok_or_else(|| E::custom("not a finite number"))
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(Value::String(value.to_owned()))
    }

    fn visit_string<E>(self, value: String) -> Result<Value, E> {
        Ok(Value::String(value))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Value, A::Error> {
        let mut list = Vec::new();
        while let Some(item) = items.next_element_seed(self)? {
            list.push(item);
        }
        Ok(Value::Array(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Value, A::Error> {
        let mut seen = HashSet::new();
        let mut map = Map::new();
        while let Some(key) = entries.next_key::<String>()? {
            if !seen.insert(key.clone()) {
                return Err(A::Error::custom(format_args!("the key `{}` appears twice in one object", excerpt(&key))));
            }
            let value = entries.next_value_seed(self)?;
            map.insert(key, value);
        }
        Ok(Value::Object(map))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    fn error(text: &[u8]) -> String {
        parse_json(text).err().map(|e| e.to_string()).unwrap_or_default()
    }

    #[test]
    fn a_key_that_stands_twice_is_refused_with_its_place() {
        let text = b"{\n  \"policy\": {\"a\": 1,\n \"a\": 2}\n}";
        assert_eq!(error(text), "line 3, column 4: the key `a` appears twice in one object");
        assert!(error(br#"{"a":1,"\u0061":2}"#).contains("the key `a` appears twice"), "an escape hides no key");
        assert_eq!(parse_json(br#"[{"a":1},{"a":2}]"#), Ok(json!([{"a": 1}, {"a": 2}])));
    }

    #[test]
    fn a_byte_order_mark_is_named() {
        for (bytes, named) in [
            (&b"\xef\xbb\xbf{}"[..], "byte order mark (BOM): save the file as UTF-8"),
            (b"\xef\xbb\xbf", "byte order mark (BOM)"),
            (b"\xff\xfe{\0}\0", "byte order mark (BOM) of UTF-16"),
            (b"\xfe\xff\0{\0}", "byte order mark (BOM) of UTF-16"),
        ] {
            let error = error(bytes);
            assert!(error.starts_with("line 1, column 1: expected value, found ") && error.contains(named), "{error}");
        }
        assert!(!error(b" \xef\xbb\xbf{}").contains("BOM"), "elsewhere it is no mark");
    }

    #[test]
    fn what_is_not_one_json_value_in_utf8_is_refused_with_its_place() {
        assert_eq!(error(b"{\"a\":\n \"\xff\"}"), "line 2, column 3: not UTF-8");
        assert_eq!(error(b"{} {}"), "line 1, column 4: trailing characters");
        assert!(error(b"").contains("EOF while parsing a value"));
        assert!(error(b"\xef\xbb\xbf{}").contains("expected value"));
        assert!(error(&b"[".repeat(100_000)).contains("recursion limit exceeded"));
        assert!(error(b"[1e999]").contains("number out of range"));
    }

    #[test]
    fn a_document_over_the_limit_is_refused_before_it_is_read() {
        let error = parse_json_within(b"[1, 2, 3]", 5).err();
        assert_eq!(
            error,
            Some(JsonError { place: None, message: "the document has 9 bytes; at most 5 are read".to_owned() })
        );
    }

    proptest! {
        #[test]
        fn whatever_the_bytes_nothing_panics(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            let _ = parse_json(&bytes);
        }

        #[test]
        fn a_document_without_duplicates_reads_as_serde_json_reads_it(text in r#"\{"a":(-?[0-9]{1,20}|"[a-z\\n]*"|null|true|\[\]|[0-9]\.[0-9]{1,5}),"b":\[1,\{\}\]\}"#) {
            if let Ok(expected) = serde_json::from_str::<Value>(&text) {
                prop_assert_eq!(parse_json(text.as_bytes()), Ok(expected));
            }
        }
    }
}
