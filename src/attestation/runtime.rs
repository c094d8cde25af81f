//! The registers a running machine states, read from text or JSON.
//!
//! Tools that report registers agree on no form, so two are read loosely, and no value is ever guessed at:
//!
//! - **text**: lines `NAME: HEX`, `NAME=HEX` or `NAME HEX`; other lines are left alone;
//! - **JSON**: at any depth, a field named after a register that holds hex; `rtmr` or `rtmrs` that holds a list of
//!   four;
//!   an object whose `register` or `name` names one beside `value`, `digest`, `measurement` or `hex`.
//!
//! Names are read in any case, with or without `tdx_` before them and `_`, `-` or brackets in them: `tdx_rtmr3`,
//! `RTMR[3]`, `mr_td`. A register stated twice with two values is refused: which one is meant would be a guess.
//! Such a statement proves nothing by itself: the machine's owner controls its words. Only a verified quote
//! does, and its registers go through the same comparison, [`crate::policy::mrtds::compare`].

use serde_json::Value;

use super::measurement::{InvalidMeasurement, Measurement, Register, Registers};
use crate::schema::{JsonError, excerpt::excerpt, parse_json_within};

/// Largest statement read, in bytes. A report of five registers takes under a kilobyte; an attest response, a hundred.
pub const MAX_BYTES: usize = 4 << 20;

/// How deep registers are looked for.
const MAX_DEPTH: usize = 24;

/// The registers somebody states of a machine; those left out are `None`.
pub type Stated = Registers<Option<Measurement>>;

/// Why a statement cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidStatement {
    /// It starts like JSON and is none.
    #[error("not acceptable JSON: {0}")]
    Json(#[from] JsonError),
    /// It is neither JSON nor text.
    #[error("neither JSON nor UTF-8 text")]
    NotText,
    /// It is larger than [`MAX_BYTES`].
    #[error("{0} bytes are more than a statement of five registers can have")]
    TooLarge(usize),
    /// The pointer names no place in it.
    #[error("there is nothing at `{0}`")]
    NoSuchPlace(String),
    /// A pointer into text.
    #[error("a JSON pointer needs JSON, and this is text")]
    PointerIntoText,
    /// A field named after a register holds something else.
    #[error("{place}: {reason}")]
    Malformed {
        /// Where: `line 3`, `tdx.tdx_rtmr3`.
        place: String,
        /// What is wrong.
        reason: InvalidMeasurement,
    },
    /// A register is stated with two values.
    #[error("{register} is stated at {first} and again, with another value, at {second}")]
    Contradiction {
        /// The register.
        register: Register,
        /// Where first.
        first: String,
        /// Where again.
        second: String,
    },
    /// No register is named.
    #[error("no register is named: expected MRTD and RTMR0 to RTMR3")]
    Nothing,
}

/// Reads a statement. `pointer` (RFC 6901) narrows JSON down to a part of it.
///
/// # Errors
/// As [`InvalidStatement`] says. A register that is not stated is not an error here.
pub fn parse(bytes: &[u8], pointer: Option<&str>) -> Result<Stated, InvalidStatement> {
    if bytes.len() > MAX_BYTES {
        return Err(InvalidStatement::TooLarge(bytes.len()));
    }
    let start = bytes.iter().find(|b| !b.is_ascii_whitespace());
    let mut found = Found::default();
    if matches!(start, Some(b'{' | b'[')) {
        let document = parse_json_within(bytes, MAX_BYTES)?;
        let part = match pointer {
            None => &document,
            Some(pointer) => {
                document.pointer(pointer).ok_or_else(|| InvalidStatement::NoSuchPlace(excerpt(pointer)))?
            }
        };
        found.json(part, "", 0)?;
    } else {
        if pointer.is_some() {
            return Err(InvalidStatement::PointerIntoText);
        }
        found.text(str::from_utf8(bytes).map_err(|_| InvalidStatement::NotText)?)?;
    }
    let stated = Registers::from_fn(|register| found.0.get(register).as_ref().map(|(value, _)| *value));
    if Register::ALL.iter().all(|r| stated.get(*r).is_none()) {
        return Err(InvalidStatement::Nothing);
    }
    Ok(stated)
}

/// Values found so far, each with its place.
#[derive(Default)]
struct Found(Registers<Option<(Measurement, String)>>);

impl Found {
    fn text(&mut self, text: &str) -> Result<(), InvalidStatement> {
        for (index, line) in text.trim_start_matches('\u{feff}').lines().enumerate() {
            let line = line.trim();
            let Some((name, value)) = line.split_once(|c: char| matches!(c, ':' | '=') || c.is_whitespace()) else {
                continue;
            };
            let Some(register) = register_named(name) else { continue };
            let value = value.trim_matches(|c: char| matches!(c, ':' | '=' | '"' | ',') || c.is_whitespace());
            self.note(register, value, format!("line {}", index + 1))?;
        }
        Ok(())
    }

    fn json(&mut self, value: &Value, place: &str, depth: usize) -> Result<(), InvalidStatement> {
        if depth > MAX_DEPTH {
            return Ok(());
        }
        match value {
            Value::Object(fields) => {
                if let Some((register, text)) = named_entry(value) {
                    return self.note(register, text, place.to_owned());
                }
                for (key, inner) in fields {
                    let here = if place.is_empty() { excerpt(key) } else { format!("{place}.{}", excerpt(key)) };
                    match (register_named(key), inner) {
                        (Some(register), Value::String(text)) => self.note(register, text, here)?,
                        _ if matches!(normal(key).as_str(), "rtmr" | "rtmrs") => self.list(inner, &here, depth)?,
                        _ => self.json(inner, &here, depth + 1)?,
                    }
                }
                Ok(())
            }
            Value::Array(items) => {
                for (index, item) in items.iter().enumerate() {
                    self.json(item, &format!("{place}[{index}]"), depth + 1)?;
                }
                Ok(())
            }
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => Ok(()),
        }
    }

    /// `"rtmrs": ["hex", "hex", "hex", "hex"]`, or any other value, looked into.
    fn list(&mut self, value: &Value, place: &str, depth: usize) -> Result<(), InvalidStatement> {
        const RTMRS: [Register; 4] = [Register::Rtmr0, Register::Rtmr1, Register::Rtmr2, Register::Rtmr3];
        match value.as_array() {
            Some(items) if items.len() == RTMRS.len() && items.iter().all(Value::is_string) => {
                for (index, (register, item)) in RTMRS.into_iter().zip(items).enumerate() {
                    self.note(register, item.as_str().unwrap_or_default(), format!("{place}[{index}]"))?;
                }
                Ok(())
            }
            Some(_) | None => self.json(value, place, depth + 1),
        }
    }

    fn note(&mut self, register: Register, text: &str, place: String) -> Result<(), InvalidStatement> {
        let value: Measurement = match text.trim().parse() {
            Ok(value) => value,
            Err(reason) => return Err(InvalidStatement::Malformed { place, reason }),
        };
        match self.0.get(register) {
            Some((known, first)) if *known != value => {
                Err(InvalidStatement::Contradiction { register, first: first.clone(), second: place })
            }
            Some(_) => Ok(()),
            None => {
                *self.0.get_mut(register) = Some((value, place));
                Ok(())
            }
        }
    }
}

/// `{"register": "RTMR0", "value": "hex"}` in its variations.
fn named_entry(value: &Value) -> Option<(Register, &str)> {
    let field = |names: &[&str]| names.iter().find_map(|name| value.get(name)?.as_str());
    let register = register_named(field(&["register", "name"])?)?;
    Some((register, field(&["value", "digest", "measurement", "hex"])?))
}

/// The register a name means, however it is spelled.
fn register_named(name: &str) -> Option<Register> {
    let name = normal(name);
    let name = name.strip_prefix("tdx").or_else(|| name.strip_prefix("td")).unwrap_or(&name);
    Register::ALL.into_iter().find(|register| register.as_str() == name)
}

/// Lowercase letters and digits of a short name; a long one is none of ours.
fn normal(name: &str) -> String {
    name.chars().take(32).filter(char::is_ascii_alphanumeric).map(|c| c.to_ascii_lowercase()).collect()
}

#[cfg(test)]
mod tests;
