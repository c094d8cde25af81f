//! Reading an answer of a guest agent, whatever its version: which fields there are, and how each may be spelled.
//!
//! A field that is absent, null or empty is the same. One of another kind than it must be is an error. Errors name the
//! field and never repeat its value, which may be a key.

use secrecy::SecretString;
use serde_json::{Map, Value};
use zeroize::{Zeroize as _, Zeroizing};

use crate::schema::{JsonError, parse_json};

/// Lengths a key may have, in bytes. dstack's have 32.
const KEY_BYTES: std::ops::RangeInclusive<usize> = 16..=64;

/// A field is not what it must be.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{field}` is {what}")]
pub(super) struct Malformed {
    field: &'static str,
    what: &'static str,
    #[source]
    cause: Option<JsonError>,
}

impl Malformed {
    pub(super) fn new(field: &'static str, what: &'static str) -> Self {
        Self { field, what, cause: None }
    }
}

/// The fields of an answer, which may be a key: they are wiped when it is dropped. What is not an object has none.
pub(super) struct Answer(Map<String, Value>);

impl Drop for Answer {
    fn drop(&mut self) {
        self.0.values_mut().for_each(wipe);
    }
}

/// Overwrites every text in a document.
fn wipe(value: &mut Value) {
    match value {
        Value::String(text) => text.zeroize(),
        Value::Array(list) => list.iter_mut().for_each(wipe),
        Value::Object(fields) => fields.values_mut().for_each(wipe),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

impl Answer {
    pub(super) fn of(document: Value) -> Self {
        match document {
            Value::Object(fields) => Self(fields),
            mut other @ (Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Array(_)) => {
                wipe(&mut other);
                Self(Map::new())
            }
        }
    }

    pub(super) fn text(&self, field: &'static str) -> Result<&str, Malformed> {
        match self.0.get(field) {
            None | Some(Value::Null) => Ok(""),
            Some(value) => value.as_str().ok_or(Malformed::new(field, "not text")),
        }
    }

    /// Hex digits, lowercase and without `0x`.
    pub(super) fn hex(&self, field: &'static str) -> Result<String, Malformed> {
        self.bytes(field).map(|bytes| bytes.map(hex::encode).unwrap_or_default())
    }

    /// What hex digits of either case, with or without `0x`, stand for.
    pub(super) fn bytes(&self, field: &'static str) -> Result<Option<Zeroizing<Vec<u8>>>, Malformed> {
        let text = self.text(field)?;
        let digits = text.strip_prefix("0x").unwrap_or(text);
        if digits.is_empty() {
            return Ok(None);
        }
        let mut bytes = Zeroizing::new(vec![0; digits.len() / 2]);
        hex::decode_to_slice(digits, &mut bytes).map_err(|_| Malformed::new(field, "not hex"))?;
        Ok(Some(bytes))
    }

    pub(super) fn key(&self, field: &'static str) -> Result<SecretString, Malformed> {
        let bytes = self.bytes(field)?.unwrap_or_default();
        let malformed = || Malformed::new(field, "not hex of 16 to 64 bytes");
        if !KEY_BYTES.contains(&bytes.len()) {
            return Err(malformed());
        }
        // Exactly as long as it is: what shrinks or grows leaves a copy behind.
        let mut digits = vec![0; bytes.len() * 2];
        hex::encode_to_slice(&bytes, &mut digits).map_err(|_| malformed())?;
        String::from_utf8(digits).map(SecretString::from).map_err(|_| malformed())
    }

    /// A list, or JSON text of one.
    pub(super) fn list(&self, field: &'static str) -> Result<Value, Malformed> {
        match self.value(field)? {
            Value::Null => Ok(Value::Array(Vec::new())),
            list @ Value::Array(_) => Ok(list),
            Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Object(_) => {
                Err(Malformed::new(field, "not a list"))
            }
        }
    }

    /// An object, or JSON text of one; null where there is none.
    pub(super) fn object(&self, field: &'static str) -> Result<Value, Malformed> {
        match self.value(field)? {
            object @ (Value::Null | Value::Object(_)) => Ok(object),
            Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Array(_) => {
                Err(Malformed::new(field, "not an object"))
            }
        }
    }

    /// JSON text as it stands, or a value written as such.
    pub(super) fn document(&self, field: &'static str) -> Result<String, Malformed> {
        Ok(match self.0.get(field) {
            None | Some(Value::Null) => String::new(),
            Some(Value::String(text)) => text.clone(),
            Some(value @ Value::Object(_)) => value.to_string(),
            Some(Value::Bool(_) | Value::Number(_) | Value::Array(_)) => {
                return Err(Malformed::new(field, "neither text nor an object"));
            }
        })
    }

    /// A value, or what its JSON text says; null where there is none.
    fn value(&self, field: &'static str) -> Result<Value, Malformed> {
        match self.0.get(field) {
            None => Ok(Value::Null),
            Some(Value::String(text)) if text.is_empty() => Ok(Value::Null),
            Some(Value::String(text)) => parse_json(text.as_bytes())
                .map_err(|cause| Malformed { cause: Some(cause), ..Malformed::new(field, "not JSON") }),
            Some(value) => Ok(value.clone()),
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use secrecy::ExposeSecret;
    use serde_json::json;

    use super::*;

    fn answer(field: Value) -> Answer {
        Answer::of(json!({"f": field}))
    }

    #[test]
    fn a_key_is_hex_of_16_to_64_bytes_in_either_case_and_comes_out_in_lower_case() {
        let key = |text: String| answer(json!(text)).key("f").map(|key| key.expose_secret().to_owned()).ok();
        assert_eq!(key("0xAb".to_owned() + &"0".repeat(62)), Some("ab".to_owned() + &"0".repeat(62)));
        for (bytes, good) in [(0, false), (15, false), (16, true), (32, true), (64, true), (65, false)] {
            assert_eq!(key("ef".repeat(bytes)).is_some(), good, "{bytes}");
        }
        assert_eq!(key("a".repeat(63)), None);
        assert_eq!(key("g".repeat(64)), None);
    }

    #[test]
    fn no_error_repeats_what_a_field_holds() {
        let said = answer(json!("5ecret".repeat(3))).key("f").unwrap_err();
        assert_eq!(said.to_string(), "`f` is not hex");
        assert!(!format!("{said:?}").contains("5ecret"), "{said:?}");
        assert_eq!(answer(json!("abcd")).key("f").unwrap_err().to_string(), "`f` is not hex of 16 to 64 bytes");
        assert_eq!(answer(json!(7)).key("f").unwrap_err().to_string(), "`f` is not text");
    }

    #[test]
    fn every_text_of_a_document_is_wiped_however_deep_it_lies() {
        let mut document = json!({"key": "5ecret", "chain": ["5ecret", {"of": ["5ecret"]}], "n": 7, "no": null});
        wipe(&mut document);
        assert_eq!(document, json!({"key": "", "chain": ["", {"of": [""]}], "n": 7, "no": null}));
    }

    #[test]
    fn absent_null_and_empty_are_the_same() {
        for nothing in [json!({}), json!({"f": null}), json!({"f": ""}), json!([]), json!("f")] {
            let answer = Answer::of(nothing.clone());
            assert_eq!(answer.text("f"), Ok(""), "{nothing}");
            assert_eq!(answer.hex("f"), Ok(String::new()), "{nothing}");
            assert_eq!(answer.bytes("f"), Ok(None), "{nothing}");
            assert_eq!(answer.list("f"), Ok(json!([])), "{nothing}");
            assert_eq!(answer.object("f"), Ok(Value::Null), "{nothing}");
            assert_eq!(answer.document("f"), Ok(String::new()), "{nothing}");
        }
    }

    #[test]
    fn lists_and_objects_are_read_as_they_are_and_out_of_text() {
        assert_eq!(answer(json!([1])).list("f"), answer(json!("[1]")).list("f"));
        assert_eq!(answer(json!({"a": 1})).object("f"), answer(json!("{\"a\": 1}")).object("f"));
        assert_eq!(answer(json!({"a": 1})).document("f").unwrap(), r#"{"a":1}"#);
        assert_eq!(answer(json!("{\"a\": 1}")).document("f").unwrap(), r#"{"a": 1}"#);
    }

    #[test]
    fn a_value_of_another_kind_is_an_error() {
        let said = |result: Result<Value, Malformed>| result.unwrap_err().to_string();
        assert_eq!(said(answer(json!({})).list("f")), "`f` is not a list");
        assert_eq!(said(answer(json!("{}")).list("f")), "`f` is not a list");
        assert_eq!(said(answer(json!("[")).list("f")), "`f` is not JSON");
        assert_eq!(said(answer(json!("[]")).object("f")), "`f` is not an object");
        assert_eq!(said(answer(json!("{\"a\":1,\"a\":2}")).object("f")), "`f` is not JSON");
        assert!(answer(json!(7)).document("f").is_err());
        assert!(answer(json!([7])).bytes("f").is_err());
    }
}
