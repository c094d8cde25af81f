//! The key of a token, out of a key set (RFC 7517).

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use serde_json::{Map, Value};

use super::{MAX_JWKS_BYTES, Refusal};
use crate::schema::{excerpt::excerpt, parse_json_within};

/// Most keys in a set.
const MAX_KEYS: usize = 100;
/// What only the holder of an RSA key knows of it (RFC 7518, section 6.3.2).
const PRIVATE: [&str; 7] = ["d", "p", "q", "dp", "dq", "qi", "oth"];
/// Most certificates of a key.
pub(super) const MAX_CERTIFICATES: usize = 10;

/// An RSA key and who certifies it, as a key set says it.
#[derive(Debug)]
pub(super) struct Key {
    /// Big-endian, without leading zeros.
    modulus: Vec<u8>,
    exponent: Vec<u8>,
    /// The certificates in base64, the key's own first.
    pub(super) x5c: Vec<String>,
}

impl Key {
    /// The one key that a token names, which must be meant for the algorithm that the token is signed with.
    pub(super) fn of(jwks: &[u8], kid: &str, algorithm: &'static str) -> Result<Self, Refusal> {
        let unfit = |why: &str| Refusal::KeySet(why.to_owned());
        let document = parse_json_within(jwks, MAX_JWKS_BYTES).map_err(|e| Refusal::KeySet(e.to_string()))?;
        let keys = document.get("keys").and_then(Value::as_array).ok_or_else(|| unfit("it has no list `keys`"))?;
        if keys.len() > MAX_KEYS {
            return Err(unfit(&format!("it has {} keys; at most {MAX_KEYS} are read", keys.len())));
        }
        let named = |key: &&Value| key.get("kid").and_then(Value::as_str) == Some(kid);
        let mut candidates = keys.iter().filter(named);
        let shown = || excerpt(kid);
        let key = candidates.next().ok_or_else(|| Refusal::UnknownKey(shown()))?;
        if candidates.next().is_some() {
            return Err(Refusal::AmbiguousKey(shown()));
        }
        let key = key.as_object().ok_or_else(|| unfit("a key is not an object"))?;
        meant_for(key, kid, algorithm)?;
        if let Some(part) = PRIVATE.into_iter().find(|part| key.contains_key(*part)) {
            return Err(unfit(&format!(
                "the key is published with its private part ({part}): anyone can sign with it"
            )));
        }
        let x5c = key.get("x5c").and_then(Value::as_array).ok_or_else(|| unfit("the key has no certificates (x5c)"))?;
        if x5c.is_empty() || x5c.len() > MAX_CERTIFICATES {
            let why = format!("it has {} certificates, expected 1 to {MAX_CERTIFICATES}", x5c.len());
            return Err(Refusal::Chain(why));
        }
        let texts = x5c.iter().map(|one| one.as_str().map(str::to_owned)).collect::<Option<Vec<_>>>();
        let x5c = texts.ok_or_else(|| unfit("a certificate of the key is not text"))?;
        Ok(Self { modulus: number(key, "n")?, exponent: number(key, "e")?, x5c })
    }

    /// The modulus, big-endian, without leading zeros.
    pub(super) fn modulus(&self) -> &[u8] {
        &self.modulus
    }

    /// The public exponent, likewise.
    pub(super) fn exponent(&self) -> &[u8] {
        &self.exponent
    }

    /// Whether the exponent is odd and from 65537 to 2²⁵⁶, as FIPS 186-5 (section 5.4) has it: with 1 a signature is its own
    /// message, and no key has an even one.
    pub(super) fn has_safe_exponent(&self) -> bool {
        let odd = self.exponent.last().is_some_and(|last| last % 2 == 1);
        // Without leading zeros, three bytes are at least 65536.
        odd && (3..=32).contains(&self.exponent.len())
    }

    /// The length of the modulus.
    pub(super) fn bits(&self) -> usize {
        let leading = self.modulus.first().map_or(0, |first| first.leading_zeros() as usize);
        self.modulus.len().saturating_mul(8).saturating_sub(leading)
    }
}

/// What a key says it is for, where it says so, is what the token uses it for (RFC 7517, section 4).
fn meant_for(key: &Map<String, Value>, kid: &str, used: &'static str) -> Result<(), Refusal> {
    let rules = [("kty", "RSA", true), ("use", "sig", false), ("alg", used, false)];
    for (field, expected, required) in rules {
        let stated = match key.get(field) {
            None if required => "an unstated purpose".to_owned(),
            None => continue,
            Some(Value::String(word)) if word == expected => continue,
            Some(other) => format!("{field} {}", excerpt(&other.to_string())),
        };
        return Err(Refusal::KeyPurpose { kid: excerpt(kid), stated, used });
    }
    let Some(uses) = key.get("key_ops") else { return Ok(()) };
    if uses.as_array().is_some_and(|uses| uses.iter().any(|one| one == "verify")) {
        return Ok(());
    }
    let stated = format!("key_ops {}", excerpt(&uses.to_string()));
    Err(Refusal::KeyPurpose { kid: excerpt(kid), stated, used })
}

/// A number of the key, without leading zeros.
fn number(key: &Map<String, Value>, field: &str) -> Result<Vec<u8>, Refusal> {
    let unfit = || Refusal::KeySet(format!("the key's {field} is not a number in base64url"));
    let text = key.get(field).and_then(Value::as_str).ok_or_else(unfit)?;
    let bytes = URL_SAFE_NO_PAD.decode(text).map_err(|_| unfit())?;
    let digits: Vec<u8> = bytes.into_iter().skip_while(|byte| *byte == 0).collect();
    if digits.is_empty() { Err(unfit()) } else { Ok(digits) }
}
