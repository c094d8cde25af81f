//! The form of a token: three parts, a header that says how it is signed, and the bytes the signature covers.

use aws_lc_rs::{rsa::PublicKeyComponents, signature};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use serde_json::{Map, Value};

use super::{MAX_TOKEN_BYTES, Refusal, jwks::Key};
use crate::{schema::excerpt::excerpt, schema::parse_json_within};

/// Longest name of a key, in characters.
const MAX_KID: usize = 256;

/// How Intel Trust Authority signs (RFC 7518, sections 3.3 and 3.5). Nothing else is accepted, `none` and the symmetric
/// algorithms least of all: with those a public key would do for signing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Algorithm {
    /// RSASSA-PSS with SHA-384 and a salt of 48 bytes.
    Ps384,
    /// RSASSA-PKCS1-v1_5 with SHA-256.
    Rs256,
}

impl Algorithm {
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::Ps384 => "PS384",
            Self::Rs256 => "RS256",
        }
    }

    fn named(name: &str) -> Option<Self> {
        [Self::Ps384, Self::Rs256].into_iter().find(|algorithm| algorithm.as_str() == name)
    }

    fn parameters(self) -> &'static signature::RsaParameters {
        match self {
            Self::Ps384 => &signature::RSA_PSS_2048_8192_SHA384,
            Self::Rs256 => &signature::RSA_PKCS1_2048_8192_SHA256,
        }
    }
}

/// A token, read but not verified.
pub(super) struct Token<'a> {
    algorithm: Algorithm,
    kid: String,
    /// Header and payload as they came, with the dot between: what the signature covers.
    signed: &'a str,
    signature: Vec<u8>,
    payload: Value,
}

impl<'a> Token<'a> {
    pub(super) fn read(text: &'a str) -> Result<Self, Refusal> {
        let malformed = |why: &str| Refusal::Malformed(why.to_owned());
        if text.len() > MAX_TOKEN_BYTES {
            return Err(malformed(&format!("it has {} bytes; at most {MAX_TOKEN_BYTES} are read", text.len())));
        }
        let (signed, last) = text.rsplit_once('.').ok_or_else(|| malformed("it has no dots between its parts"))?;
        let (first, second) = signed.split_once('.').ok_or_else(|| malformed("it has fewer than three parts"))?;
        if second.contains('.') {
            return Err(malformed("it has more than three parts"));
        }
        let header = part("header", first)?;
        let header = header.as_object().ok_or_else(|| malformed("its header is not a JSON object"))?;
        let typ = header.get("typ").and_then(Value::as_str);
        if typ != Some("JWT") {
            return Err(Refusal::Type(typ.map_or("none".to_owned(), excerpt)));
        }
        // `b64` changes what the signature covers (RFC 7797), and stands there with `crit` or against the rules.
        if let Some(demand) = ["crit", "b64"].into_iter().find(|name| header.contains_key(*name)) {
            return Err(Refusal::Critical(demand));
        }
        let algorithm = algorithm(header)?;
        let kid = header.get("kid").and_then(Value::as_str).filter(|kid| !kid.is_empty() && kid.len() <= MAX_KID);
        let kid = kid.ok_or_else(|| malformed("its header names no key (kid)"))?.to_owned();
        let payload = part("payload", second)?;
        let signature = bytes("signature", last)?;
        Ok(Self { algorithm, kid, signed, signature, payload })
    }

    pub(super) fn algorithm(&self) -> Algorithm {
        self.algorithm
    }

    /// The key that it names, out of a key set.
    pub(super) fn key(&self, jwks: &[u8]) -> Result<Key, Refusal> {
        Key::of(jwks, &self.kid, self.algorithm.as_str())
    }

    pub(super) fn payload(&self) -> &Value {
        &self.payload
    }

    /// Whether the key made the signature.
    pub(super) fn signed_by(&self, key: &Key) -> Result<(), Refusal> {
        let bits = key.bits();
        if !(2048..=8192).contains(&bits) {
            return Err(Refusal::KeySize(bits));
        }
        if !key.has_safe_exponent() {
            return Err(Refusal::Exponent(excerpt(&hex::encode(key.exponent()))));
        }
        let public = PublicKeyComponents { n: key.modulus(), e: key.exponent() };
        let verified = public.verify(self.algorithm.parameters(), self.signed.as_bytes(), &self.signature);
        verified.map_err(|_| Refusal::Signature)
    }
}

fn algorithm(header: &Map<String, Value>) -> Result<Algorithm, Refusal> {
    let refused = |found: String| Refusal::Algorithm(found);
    match header.get("alg") {
        Some(Value::String(name)) => Algorithm::named(name).ok_or_else(|| refused(format!("`{}`", excerpt(name)))),
        Some(_) => Err(refused("not a name".to_owned())),
        None => Err(refused("not said".to_owned())),
    }
}

/// A part that is JSON. One key twice in an object is refused: two readers would take different ones.
fn part(name: &str, text: &str) -> Result<Value, Refusal> {
    let bytes = bytes(name, text)?;
    parse_json_within(&bytes, MAX_TOKEN_BYTES).map_err(|e| Refusal::Malformed(format!("its {name}: {e}")))
}

fn bytes(name: &str, text: &str) -> Result<Vec<u8>, Refusal> {
    URL_SAFE_NO_PAD
        .decode(text)
        .map_err(|_| Refusal::Malformed(format!("its {name} is not base64url without padding (RFC 7515, section 2)")))
}
