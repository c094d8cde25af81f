//! Signing with a key: a detached signature, as `verify-blob --key` and cosign read it. No service is asked.

use std::{fmt, path::Path};

use aws_lc_rs::{
    digest::{Digest, SHA256},
    signature::{ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair, Ed25519KeyPair, KeyPair as _},
};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use der::{
    Encode as _,
    asn1::{BitString, ObjectIdentifier},
};
use secrecy::{ExposeSecret as _, SecretString};
use sigstore_types::DerPublicKey;
use x509_cert::spki::{AlgorithmIdentifierOwned, SubjectPublicKeyInfoOwned};
use zeroize::Zeroizing;

use super::{
    super::{Artifact, PublicKey, Rejected, key::blocks, verify_detached, whole_message},
    cosign_key::{self, Unusable},
};
use crate::{
    adapters::file,
    error::{Error, Result},
    schema::excerpt::excerpt,
};

/// Largest key file. Real ones are under 4 KiB.
const MAX_BYTES: u64 = 64 << 10;
/// What can be used, for those who gave something else.
const SUPPORTED: &str = "give one PEM block with a private key, ECDSA on P-256 or Ed25519: `PRIVATE KEY`, `EC PRIVATE KEY`, or what \
                         `cosign generate-key-pair` writes";

const EC_PUBLIC_KEY: ObjectIdentifier = const_oid::db::rfc5912::ID_EC_PUBLIC_KEY;
const P256: ObjectIdentifier = const_oid::db::rfc5912::SECP_256_R_1;
const ED25519: ObjectIdentifier = const_oid::db::rfc8410::ID_ED_25519;

/// A private key of the caller's.
pub struct PrivateKey {
    pair: Pair,
    public: PublicKey,
}

enum Pair {
    P256(EcdsaKeyPair),
    Ed25519(Ed25519KeyPair),
}

impl fmt::Debug for PrivateKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PrivateKey").field("public", &self.public).finish_non_exhaustive()
    }
}

impl PrivateKey {
    /// Reads a private key, PEM. `password` is for one that cosign encrypted; without one the empty password is tried.
    ///
    /// # Errors
    /// Input: the file cannot be read. Usage: it holds no private key of a kind that is supported, or the password is
    /// another.
    pub fn from_file(path: &Path, password: Option<&SecretString>) -> Result<Self> {
        let bytes = Zeroizing::new(file::read_source(path, MAX_BYTES)?);
        Self::named(&file::source_name(path), &bytes, password)
    }

    /// Reads a private key, PEM, that is given as text. `name` is what errors call it.
    ///
    /// # Errors
    /// Usage, as [`Self::from_file`].
    pub fn from_pem(name: &str, pem: &SecretString, password: Option<&SecretString>) -> Result<Self> {
        Self::named(name, pem.expose_secret().as_bytes(), password)
    }

    fn named(name: &str, bytes: &[u8], password: Option<&SecretString>) -> Result<Self> {
        Self::parse(bytes, password).map_err(|why| {
            let error = Error::usage(format!("{name}: {why}"));
            match why {
                Unusable::Password(_) => error.help("give the key's password in COSIGN_PASSWORD"),
                Unusable::Key(_) => error.help(SUPPORTED),
            }
        })
    }

    fn parse(bytes: &[u8], password: Option<&SecretString>) -> Result<Self, Unusable> {
        let key = |why: String| Unusable::Key(why);
        let text = str::from_utf8(bytes).map_err(|_| key("not a PEM private key".to_owned()))?;
        let blocks = blocks(text).map_err(key)?;
        // `openssl ecparam -genkey` writes the name of the curve before the key, which names it too.
        let mut blocks = blocks.iter().filter(|block| block.tag != "EC PARAMETERS");
        let block = match (blocks.next(), blocks.next()) {
            (Some(block), None) => block,
            (None, _) => return Err(key("not a PEM private key".to_owned())),
            (Some(_), Some(_)) => return Err(key("holds several PEM blocks; expected one private key".to_owned())),
        };
        let body: Zeroizing<String> = Zeroizing::new(block.body.chars().filter(|c| !c.is_ascii_whitespace()).collect());
        let decoded = || {
            STANDARD
                .decode(body.as_bytes())
                .map(Zeroizing::new)
                .map_err(|_| key("its PEM block is not base64".to_owned()))
        };
        match block.tag {
            "PRIVATE KEY" | "EC PRIVATE KEY" => Self::from_der(&decoded()?),
            "ENCRYPTED SIGSTORE PRIVATE KEY" | "ENCRYPTED COSIGN PRIVATE KEY" => {
                Self::from_der(&cosign_key::decrypt(&decoded()?, password)?)
            }
            "ENCRYPTED PRIVATE KEY" => {
                Err(key("holds a key that is encrypted as PKCS #8 has it; cosign imports it: cosign import-key-pair"
                    .to_owned()))
            }
            "PUBLIC KEY" => Err(key("holds a public key; signing needs the private one".to_owned())),
            other => Err(key(format!("holds a PEM block `{}`, not a private key", excerpt(other)))),
        }
    }

    /// PKCS #8, or RFC 5915 of a P-256 key.
    fn from_der(der: &[u8]) -> Result<Self, Unusable> {
        let unwritable = |e: der::Error| Unusable::Key(format!("its public key cannot be written: {e}"));
        let p256 = EcdsaKeyPair::from_private_key_der(&ECDSA_P256_SHA256_ASN1_SIGNING, der).map(Pair::P256);
        let ed25519 = || Ed25519KeyPair::from_pkcs8_maybe_unchecked(der).map(Pair::Ed25519);
        let pair = p256
            .or_else(|_| ed25519())
            .map_err(|_| Unusable::Key("not a private key of a kind that is supported".to_owned()))?;
        let (oid, parameters, point) = match &pair {
            Pair::P256(pair) => {
                (EC_PUBLIC_KEY, Some(der::Any::encode_from(&P256).map_err(unwritable)?), pair.public_key().as_ref())
            }
            Pair::Ed25519(pair) => (ED25519, None, pair.public_key().as_ref()),
        };
        let spki = SubjectPublicKeyInfoOwned {
            algorithm: AlgorithmIdentifierOwned { oid, parameters },
            subject_public_key: BitString::from_bytes(point).map_err(unwritable)?,
        };
        let public = PublicKey(DerPublicKey::new(spki.to_der().map_err(unwritable)?));
        Ok(Self { pair, public })
    }

    /// Its public half.
    pub fn public(&self) -> &PublicKey {
        &self.public
    }

    /// A detached signature, as a `.sig` file holds it: base64. It is verified before it is given away, so that a key
    /// whose halves do not belong together signs nothing.
    ///
    /// # Errors
    /// Input: Ed25519 signs the content itself, which cannot be read, or is too large. Internal: nothing can be signed.
    pub fn sign(&self, artifact: Artifact<'_>) -> Result<Vec<u8>> {
        let cannot = || Error::internal("the key cannot sign");
        let signature = match &self.pair {
            Pair::P256(pair) => {
                let digest = Digest::import_less_safe(artifact.digest.as_bytes(), &SHA256).map_err(|_| cannot())?;
                pair.sign_digest(&digest).map_err(|_| cannot())?.as_ref().to_vec()
            }
            Pair::Ed25519(pair) => {
                let message = whole_message(artifact).map_err(|Rejected(why)| Error::input(why))?;
                pair.sign(&message).as_ref().to_vec()
            }
        };
        let signature = STANDARD.encode(signature).into_bytes();
        verify_detached(artifact, &signature, &self.public)
            .map_err(|Rejected(why)| Error::trust(format!("the key's halves do not belong together: {why}")))?;
        Ok(signature)
    }
}
