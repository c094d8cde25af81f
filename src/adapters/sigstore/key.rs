//! Public keys that users give.

use std::path::Path;

use base64::{
    Engine as _,
    alphabet::STANDARD,
    engine::{GeneralPurpose, GeneralPurposeConfig},
};
use sigstore_crypto::{KeyAlgorithm, VerificationKey, validate_raw_public_key};
use sigstore_types::DerPublicKey;

use super::{MAX_EVIDENCE_BYTES, Rejected, weak_key};
use crate::{
    adapters::file,
    error::{Error, Result},
    release::envelope,
    schema::parse_json,
};

/// What can be used, for those who gave something else.
const SUPPORTED: &str =
    "give one PEM block `PUBLIC KEY`: ECDSA on P-256 or P-384, Ed25519, or RSA of 2048 to 8192 bits";

/// Some writers leave bits set that no byte is made of. Sigstore's conformance suite has a key like that.
const LENIENT: GeneralPurpose =
    GeneralPurpose::new(&STANDARD, GeneralPurposeConfig::new().with_decode_allow_trailing_bits(true));

/// A public key given by the user.
#[derive(Debug, Clone)]
pub struct PublicKey(pub(super) DerPublicKey);

impl PublicKey {
    /// Reads a PEM `PUBLIC KEY` file.
    ///
    /// # Errors
    /// Input: the file cannot be read. Usage: it holds no public key of a kind that is supported, with what it holds instead.
    pub fn from_file(path: &Path) -> Result<Self> {
        let bytes = file::read_source(path, MAX_EVIDENCE_BYTES)?;
        let name = file::source_name(path);
        Self::parse(&bytes).map_err(|why| Error::usage(format!("{name}: {why}")).help(SUPPORTED))
    }

    fn parse(bytes: &[u8]) -> Result<Self, String> {
        let text = str::from_utf8(bytes).map_err(|_| not_pem(bytes))?;
        let blocks = blocks(text)?;
        if blocks.iter().any(|block| block.tag.contains("PRIVATE KEY")) {
            return Err("holds a private key; give the public key, and keep this one secret".to_owned());
        }
        let block = match blocks.as_slice() {
            [] => return Err(not_pem(bytes)),
            [block] => block,
            several => return Err(format!("holds {} PEM blocks; expected one public key", several.len())),
        };
        if block.tag != "PUBLIC KEY" {
            return Err(other_block(block.tag));
        }
        let body: String = block.body.chars().filter(|c| !c.is_ascii_whitespace()).collect();
        let der = LENIENT.decode(body).map_err(|e| format!("not a PEM public key: {e}"))?;
        let key = DerPublicKey::new(der);
        supported(&key).map_err(|why| format!("unsupported public key: {why}"))?;
        weak_key::refuse(&key).map_err(|Rejected(why)| why)?;
        Ok(Self(key))
    }
}

/// A PEM block, not decoded: what is in a private one is none of our business.
pub(super) struct Block<'a> {
    pub(super) tag: &'a str,
    pub(super) body: &'a str,
}

/// Every block of a text; what stands around them is for people.
pub(super) fn blocks(text: &str) -> Result<Vec<Block<'_>>, String> {
    let (begin, dashes) = ("-----BEGIN ", "-----");
    let (mut found, mut rest) = (Vec::new(), text);
    while let Some((_, after)) = rest.split_once(begin) {
        let cut_short = || "a PEM block is cut short".to_owned();
        let (tag, after) = after.split_once(dashes).ok_or_else(cut_short)?;
        let (body, after) = after.split_once(&format!("-----END {tag}{dashes}")).ok_or_else(cut_short)?;
        found.push(Block { tag, body });
        rest = after;
    }
    Ok(found)
}

/// Whether signatures by a key of this kind and size are verified here. Whether any was made by it, they tell.
fn supported(key: &DerPublicKey) -> Result<(), String> {
    let parsed = VerificationKey::from_spki(key).map_err(|e| e.to_string())?;
    validate_raw_public_key(parsed.scheme(), parsed.as_bytes()).map_err(|e| e.to_string())?;
    let lengths = [(KeyAlgorithm::EcdsaP256, 65), (KeyAlgorithm::EcdsaP384, 97), (KeyAlgorithm::Ed25519, 32)];
    let algorithm = parsed.scheme().key_algorithm();
    match lengths.into_iter().find(|(of, length)| *of == algorithm && *length != parsed.as_bytes().len()) {
        Some((_, length)) => Err(format!("it has {} bytes, not {length}", parsed.as_bytes().len())),
        None => Ok(()),
    }
}

fn other_block(tag: &str) -> String {
    match tag {
        "CERTIFICATE" => "holds a certificate, not a public key; it goes with --certificate".to_owned(),
        "RSA PUBLIC KEY" => "holds an RSA key in PKCS #1 form; convert it: \
                             openssl rsa -RSAPublicKey_in -in FILE -pubout"
            .to_owned(),
        tag => format!("holds a PEM block `{}`, not a `PUBLIC KEY`", crate::schema::excerpt::excerpt(tag)),
    }
}

/// What a file without a PEM block is, as far as its beginning tells.
fn not_pem(bytes: &[u8]) -> String {
    let text = String::from_utf8_lossy(bytes);
    let text = text.trim_start();
    let known = [
        ("ssh-", "an OpenSSH public key"),
        ("ecdsa-sha2-", "an OpenSSH public key"),
        ("untrusted comment:", "a minisign or signify key"),
        ("age1", "an age recipient"),
    ];
    if text.is_empty() {
        return "holds no public key: the file is empty".to_owned();
    }
    if let Some((_, kind)) = known.iter().find(|(start, _)| text.starts_with(start)) {
        return format!("not a PEM public key: this is {kind}");
    }
    if let Ok(value) = parse_json(bytes) {
        return format!("not a PEM public key: this is {}", envelope::kind_of(&value));
    }
    // A DER SEQUENCE.
    if bytes.first() == Some(&0x30) {
        return "not a PEM public key: this looks like DER; convert it: openssl pkey -pubin -inform DER -in FILE"
            .to_owned();
    }
    "not a PEM public key".to_owned()
}

#[cfg(test)]
mod tests;
