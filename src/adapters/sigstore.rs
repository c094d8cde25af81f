//! Signatures, verified here and made in [`sign`]: the only module that knows the Sigstore crates.
//!
//! Given an artifact, its signature in any accepted form and a trust root, it says who signed, or why the signature
//! must not be trusted. Whether that signer was allowed to sign is decided in [`crate::release::signer`].
//!
//! Always required of a certificate signature, in this order by `sigstore-verify`: authenticated signing time, certificate
//! chain, SCT, log inclusion (or, for v0.1 bundles, the signed entry timestamp), time inside the certificate's validity,
//! signature over the artifact, and a log entry that describes this very signature.

mod beside;
mod bundle;
mod claims;
pub mod github;
mod key;
mod log_body;
mod rekor;
pub mod sign;
mod trust_root;
mod weak_key;

use std::{
    fs::File,
    io::{self, Read as _},
    path::Path,
};

use sigstore_crypto::VerificationKey;
use sigstore_types::{Artifact as SigstoreArtifact, Sha256Hash, SignatureBytes};
use sigstore_verify::{
    Error as VerifyError, Policy, PublicKeyVerificationPolicy, VerificationPolicy, VerificationResult,
};

pub use beside::{Half, verify_detached_beside, verify_half_beside};
pub use bundle::Bundle;
pub use github::{GitHubRoot, UnverifiedRelease};
pub use key::PublicKey;
pub use rekor::RekorLookup;
use rekor::certificate_from_pem;
pub use sign::{IdentitySource, PrivateKey};
pub use trust_root::{TrustRoot, TrustRootSource};

use crate::{
    digest::{Sha256, Sha256Hasher},
    release::signer::Signer,
};

/// Largest signature, certificate, key or bundle that `verify-blob` reads: a DSSE bundle with a large SBOM inside may
/// reach a few MiB.
pub const MAX_EVIDENCE_BYTES: u64 = 16 * 1024 * 1024;

/// Largest artifact that is read into memory, for the few schemes (Ed25519) that sign the message and not a digest.
const MAX_WHOLE_MESSAGE_BYTES: u64 = 64 * 1024 * 1024;

/// Said where a digest is all there is, and a scheme signs the message itself.
const WANTS_THE_FILE: &str = "this signature scheme needs the file itself: a digest is not enough";

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

    /// Whether nothing is wrong but that a digest is not enough, and there was only a digest.
    pub fn wants_the_file(&self) -> bool {
        self.0 == WANTS_THE_FILE
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
    if let Some(certificate) = result.certificate() {
        weak_key::refuse(&certificate.public_key)?;
    }
    signer(bundle, &result, root)
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

/// Offers the digest first (no second read); only when the scheme or a subject needs another hash, the file; only when it
/// needs the message itself, the bytes.
fn run(
    artifact: Artifact<'_>,
    bundle: &Bundle,
    policy: &dyn Policy,
    root: &TrustRoot,
) -> Result<VerificationResult, Rejected> {
    let digest = SigstoreArtifact::from_digest(Sha256Hash::from(*artifact.digest.as_bytes()));
    let mut outcome = root.verifier().verify(digest, &bundle.inner, policy);
    let by_content = bundle.subjects_needing_content();
    let unmatched = by_content > 0 && matches!(outcome, Err(VerifyError::ArtifactMismatch(_)));
    if let Some(path) = artifact.path.filter(|_| needs_more(&outcome) || unmatched) {
        let file = File::open(path).map_err(|e| Rejected::new(format!("cannot read the artifact again: {e}")))?;
        let mut reader = HashingReader { file, hasher: Sha256Hasher::new() };
        outcome = root.verifier().verify_reader(&mut reader, &bundle.inner, policy);
        if outcome.is_ok() && reader.hasher.finish() != artifact.digest {
            return Err(Rejected::new("the artifact changed while it was verified"));
        }
        if needs_more(&outcome) {
            outcome = root.verifier().verify(whole_message(artifact)?.as_slice(), &bundle.inner, policy);
        }
    } else if needs_more(&outcome) {
        return Err(Rejected::new(WANTS_THE_FILE));
    } else if unmatched {
        return Err(Rejected::new(format!(
            "no subject has this SHA-256, and {by_content} of them state SHA-512 alone: this needs the file itself, a digest \
             is not enough"
        )));
    }
    outcome.map_err(|e| explain(&e, bundle))
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
    let path = artifact.path.ok_or_else(|| Rejected::new(WANTS_THE_FILE))?;
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

/// The claims of the certificate that was verified.
fn signer(bundle: &Bundle, result: &VerificationResult, root: &TrustRoot) -> Result<Signer, Rejected> {
    let san = result.identity().ok_or_else(|| Rejected::new("the certificate names no identity"))?;
    let issuer = result.issuer().ok_or_else(|| Rejected::new("the certificate names no OIDC issuer"))?;
    let certificate =
        bundle.inner.signing_certificate().ok_or_else(|| Rejected::new("the bundle holds no certificate"))?;
    let signer = claims::signer(certificate, san.as_str(), issuer)?;
    let signed_at = result.verified_timestamps().iter().min().copied();
    let log_index = bundle.log_index();
    let log = log_index.and_then(|_| root.log(&bundle.entries().first()?.log_id.key_id));
    Ok(Signer { signed_at, log_index, log, ..signer })
}

/// The library's message, with its wrapper's prefix in our own words.
fn explain(error: &VerifyError, bundle: &Bundle) -> Rejected {
    let why = words(error);
    // Right as it may be, it is of another instance: no log, no SCT, and authorities of its own.
    let githubs_own = bundle.inner.signing_certificate().is_some_and(claims::is_githubs_own);
    Rejected(if githubs_own {
        format!(
            "a bundle of GitHub's own Sigstore instance (issuer O=GitHub, Inc.), which writes to no public log; \
             `merotee verify-attestation` verifies one of a release, `gh attestation verify` any other: {why}"
        )
    } else {
        why
    })
}

fn words(error: &VerifyError) -> String {
    if let VerifyError::Types(e) = error {
        format!("malformed bundle: {e}")
    } else if let VerifyError::Bundle(e) = error {
        format!("invalid bundle: {e}")
    } else {
        error.to_string()
    }
}
