//! Signature verification: the only module that knows the Sigstore crates.
//!
//! Given an artifact, its signature in any accepted form and a trust root, it says who signed, or why the signature
//! must not be trusted. Whether that signer was allowed to sign is decided in [`crate::release::signer`].
//!
//! Always required of a certificate signature, in this order by `sigstore-verify`: authenticated signing time, certificate
//! chain, SCT, log inclusion (or, for v0.1 bundles, the signed entry timestamp), time inside the certificate's validity,
//! signature over the artifact, and a log entry that describes this very signature.

mod bundle;
mod rekor;
mod trust_root;

use std::{
    fs::File,
    io::{self, Read as _},
    path::Path,
};

use sigstore_crypto::VerificationKey;
use sigstore_types::{Artifact as SigstoreArtifact, DerPublicKey, Sha256Hash, SignatureBytes};
use sigstore_verify::{
    Error as VerifyError, Policy, PublicKeyVerificationPolicy, VerificationPolicy, VerificationResult,
};

pub use bundle::Bundle;
pub use rekor::RekorLookup;
use rekor::certificate_from_pem;
pub use trust_root::{TrustRoot, TrustRootSource};

use crate::{
    digest::{Sha256, Sha256Hasher},
    error::{Error, Result},
    release::signer::Signer,
};

/// Largest signature, certificate, key or bundle that `verify-blob` reads: a DSSE bundle with a large SBOM inside may
/// reach a few MiB.
pub const MAX_EVIDENCE_BYTES: u64 = 16 * 1024 * 1024;

/// Largest artifact that is read into memory, for the few schemes (Ed25519) that sign the message and not a digest.
const MAX_WHOLE_MESSAGE_BYTES: u64 = 64 * 1024 * 1024;

/// The thing that was signed.
#[derive(Debug, Clone, Copy)]
pub struct Artifact<'a> {
    /// SHA-256 of the whole content.
    pub digest: Sha256,
    /// The content, when it is at hand: a digest alone cannot be checked against schemes that hash otherwise.
    pub path: Option<&'a Path>,
}

/// Why a signature must not be trusted: one sentence that names the part which failed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Rejected(pub String);

impl Rejected {
    fn new(reason: impl Into<String>) -> Self {
        Self(reason.into())
    }
}

/// A public key given by the user.
#[derive(Debug, Clone)]
pub struct PublicKey(DerPublicKey);

impl PublicKey {
    /// Reads a PEM `PUBLIC KEY` file.
    ///
    /// # Errors
    /// When the file cannot be read or holds no public key.
    pub fn from_file(path: &Path) -> Result<Self> {
        let text = String::from_utf8(crate::adapters::file::read_source(path, MAX_EVIDENCE_BYTES)?)
            .map_err(|_| Error::trust(format!("{}: not a PEM public key: not UTF-8", path.display())))?;
        let key = DerPublicKey::from_pem(&text)
            .map_err(|e| Error::trust(format!("{}: not a PEM public key", path.display())).because(e))?;
        VerificationKey::from_spki(&key)
            .map_err(|e| Error::trust(format!("{}: unsupported public key", path.display())).because(e))?;
        Ok(Self(key))
    }
}

/// Verifies a certificate bundle and returns the signer's claims.
///
/// # Errors
/// [`Rejected`] with the first part that failed.
pub fn verify_bundle(artifact: Artifact<'_>, bundle: &Bundle, root: &TrustRoot) -> Result<Signer, Rejected> {
    // The library's matcher has no patterns and no parts: identity is compared by our own code from the claims.
    let policy = VerificationPolicy::any_identity();
    let result = run(artifact, bundle, &policy, root)?;
    // Belt to the library's braces: a relaxed default in a later version must not pass unnoticed.
    if !(result.certificate_verified() && result.sct_verified() && result.tlog_verified()) {
        return Err(Rejected::new("certificate chain, SCT or log inclusion was not verified"));
    }
    signer(&result)
}

/// Verifies a bundle made with a managed key: log inclusion, signature and log entry, by the given key.
///
/// # Errors
/// [`Rejected`] with the first part that failed.
pub fn verify_bundle_with_key(
    artifact: Artifact<'_>,
    bundle: &Bundle,
    key: &PublicKey,
    root: &TrustRoot,
) -> Result<(), Rejected> {
    let policy = PublicKeyVerificationPolicy::new(key.0.clone());
    let result = run(artifact, bundle, &policy, root)?;
    if !result.tlog_verified() {
        return Err(Rejected::new("log inclusion was not verified"));
    }
    Ok(())
}

/// Verifies a detached signature by a public key. No log and no certificate are involved: the key alone is the trust.
///
/// # Errors
/// [`Rejected`] when the signature is malformed or does not verify.
pub fn verify_detached(artifact: Artifact<'_>, signature: &[u8], key: &PublicKey) -> Result<(), Rejected> {
    let signature = detached_signature(signature)?;
    let key = VerificationKey::from_spki(&key.0).map_err(|e| Rejected::new(format!("unsupported public key: {e}")))?;
    by_key(artifact, &signature, &key)
}

/// Refuses a detached signature that the key in its certificate did not make over this artifact. It says nothing of the
/// certificate itself: whose it is, and when it signed, only the log entry can tell.
///
/// No log is needed for this, so it also holds offline; and a log refuses to search for such a pair, which must not be
/// taken for trouble with the log.
///
/// # Errors
/// [`Rejected`] when either part is malformed or they do not belong together.
pub fn refuse_mismatch(artifact: Artifact<'_>, signature: &[u8], certificate: &[u8]) -> Result<(), Rejected> {
    let signature = detached_signature(signature)?;
    let certificate = certificate_from_pem(certificate)?;
    let malformed = |e: sigstore_crypto::Error| Rejected::new(format!("malformed certificate: {e}"));
    let key = sigstore_crypto::parse_certificate_info(&certificate).map_err(malformed)?.public_key;
    let key = VerificationKey::from_spki(&key).map_err(malformed)?;
    // Signers with other keys than Fulcio's usual P-256 hash as they please: those are left to the whole verification.
    if !hashes_with_sha256(&key) {
        return Ok(());
    }
    by_key(artifact, &signature, &key)
}

fn by_key(artifact: Artifact<'_>, signature: &SignatureBytes, key: &VerificationKey) -> Result<(), Rejected> {
    let verified = if hashes_with_sha256(key) {
        key.verify_prehashed(artifact.digest.as_bytes(), signature)
    } else {
        key.verify(whole_message(artifact)?, signature)
    };
    verified.map_err(|e| Rejected::new(format!("invalid signature: {e}")))
}

/// Verifies a detached signature with its certificate by the log entry of a bundle that lies beside it.
///
/// # Errors
/// [`Rejected`] when the entry is of another signing, or anything else is unsound.
pub fn verify_detached_beside(
    artifact: Artifact<'_>,
    signature: &[u8],
    certificate: &[u8],
    beside: &Bundle,
    root: &TrustRoot,
) -> Result<Signer, Rejected> {
    let (signature, certificate) = (detached_signature(signature)?, certificate_from_pem(certificate)?);
    let mut outcome = Err(Rejected::new("the bundle beside it holds no log entry"));
    for entry in beside.entries() {
        outcome = Bundle::from_parts(&signature, &certificate, entry).and_then(|b| verify_bundle(artifact, &b, root));
        if outcome.is_ok() {
            break;
        }
    }
    outcome
}

fn hashes_with_sha256(key: &VerificationKey) -> bool {
    key.scheme().hash_algorithm() == Some(sigstore_types::HashAlgorithm::Sha2256)
}

/// The signature bytes of a `.sig` file: base64 as cosign writes it, or raw.
///
/// # Errors
/// [`Rejected`] when the file is empty.
fn detached_signature(file: &[u8]) -> Result<SignatureBytes, Rejected> {
    let text: Option<String> =
        std::str::from_utf8(file).ok().map(|t| t.chars().filter(|c| !c.is_ascii_whitespace()).collect());
    if let Some(signature) = text.and_then(|t| SignatureBytes::from_base64(&t).ok())
        && !signature.is_empty()
    {
        return Ok(signature);
    }
    if file.is_empty() {
        return Err(Rejected::new("the signature file is empty"));
    }
    Ok(SignatureBytes::from_bytes(file))
}

/// Offers the digest first (no second read); only when the scheme needs another hash, the file; only when it needs the
/// message itself, the bytes.
fn run(
    artifact: Artifact<'_>,
    bundle: &Bundle,
    policy: &dyn Policy,
    root: &TrustRoot,
) -> Result<VerificationResult, Rejected> {
    let digest = SigstoreArtifact::from_digest(Sha256Hash::from(*artifact.digest.as_bytes()));
    let mut outcome = root.verifier().verify(digest, &bundle.0, policy);
    if needs_more(&outcome)
        && let Some(path) = artifact.path
    {
        let file = File::open(path).map_err(|e| Rejected::new(format!("cannot read the artifact again: {e}")))?;
        let mut reader = HashingReader { file, hasher: Sha256Hasher::new() };
        outcome = root.verifier().verify_reader(&mut reader, &bundle.0, policy);
        if outcome.is_ok() && reader.hasher.finish() != artifact.digest {
            return Err(Rejected::new("the artifact changed while it was verified"));
        }
        if needs_more(&outcome) {
            outcome = root.verifier().verify(whole_message(artifact)?.as_slice(), &bundle.0, policy);
        }
    }
    outcome.map_err(|e| Rejected::new(explain(&e)))
}

/// Reads a file and remembers what it read: what is verified must be what was hashed before.
struct HashingReader {
    file: File,
    hasher: Sha256Hasher,
}

impl io::Read for HashingReader {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.file.read(buffer)?;
        self.hasher.update(buffer.get(..read).unwrap_or_default());
        Ok(read)
    }
}

fn needs_more(outcome: &Result<VerificationResult, VerifyError>) -> bool {
    matches!(outcome, Err(VerifyError::UnsupportedArtifact(_)))
}

/// The whole artifact, whose digest must still be the one that was stated.
fn whole_message(artifact: Artifact<'_>) -> Result<Vec<u8>, Rejected> {
    let path = artifact
        .path
        .ok_or_else(|| Rejected::new("this signature scheme needs the file itself: a digest is not enough"))?;
    let mut bytes = Vec::new();
    File::open(path)
        .and_then(|f| f.take(MAX_WHOLE_MESSAGE_BYTES + 1).read_to_end(&mut bytes))
        .map_err(|e| Rejected::new(format!("cannot read the artifact again: {e}")))?;
    if bytes.len() as u64 > MAX_WHOLE_MESSAGE_BYTES {
        return Err(Rejected::new("this signature scheme needs the whole file in memory, and it is over 64 MiB"));
    }
    if Sha256::of(&bytes) != artifact.digest {
        return Err(Rejected::new("the artifact changed while it was verified"));
    }
    Ok(bytes)
}

fn signer(result: &VerificationResult) -> Result<Signer, Rejected> {
    let san = result.identity().ok_or_else(|| Rejected::new("the certificate names no identity"))?;
    let issuer = result.issuer().ok_or_else(|| Rejected::new("the certificate names no OIDC issuer"))?;
    let claims = result.certificate().map(|c| &c.ci_claims);
    Ok(Signer {
        san: san.as_str().to_owned(),
        issuer: issuer.to_owned(),
        source_repository: claims.and_then(|c| c.source_repository_uri.clone()),
        source_ref: claims.and_then(|c| c.source_repository_ref.clone()),
    })
}

/// The library's message, with its wrapper's prefix in our own words.
fn explain(error: &VerifyError) -> String {
    if let VerifyError::Types(e) = error {
        format!("malformed bundle: {e}")
    } else if let VerifyError::Bundle(e) = error {
        format!("invalid bundle: {e}")
    } else {
        error.to_string()
    }
}
