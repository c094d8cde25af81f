//! Detached signatures by the log entry of a bundle that lies beside them.

use sigstore_types::{DerCertificate, SignatureBytes, SignatureContent};

use super::{Artifact, Bundle, Rejected, TrustRoot, detached_signature, rekor::certificate_from_pem, verify_bundle};
use crate::release::signer::Signer;

/// What there is of a signing whose other half is missing.
#[derive(Debug, Clone, Copy)]
pub enum Half<'a> {
    /// A `.sig` file.
    Signature(&'a [u8]),
    /// A `.pem` file.
    Certificate(&'a [u8]),
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
    by_entries(artifact, &detached_signature(signature)?, &certificate_from_pem(certificate)?, beside, root)
}

/// Verifies one half of a detached signature together with the other from a bundle that lies beside it: it must be of the
/// very signing that the bundle records.
///
/// # Errors
/// [`Rejected`] when it is not, the bundle holds no certificate or no signature over the artifact itself, or anything else
/// is unsound.
pub fn verify_half_beside(
    artifact: Artifact<'_>,
    half: Half<'_>,
    beside: &Bundle,
    root: &TrustRoot,
) -> Result<Signer, Rejected> {
    match half {
        Half::Signature(file) => {
            let certificate =
                beside.inner.signing_certificate().ok_or_else(|| Rejected::new("the bundle holds no certificate"))?;
            by_entries(artifact, &detached_signature(file)?, certificate, beside, root)
        }
        Half::Certificate(file) => {
            let SignatureContent::MessageSignature(message) = &beside.inner.content else {
                return Err(Rejected::new("the bundle holds an attestation, and no signature over the file"));
            };
            by_entries(artifact, &message.signature, &certificate_from_pem(file)?, beside, root)
        }
    }
}

fn by_entries(
    artifact: Artifact<'_>,
    signature: &SignatureBytes,
    certificate: &DerCertificate,
    beside: &Bundle,
    root: &TrustRoot,
) -> Result<Signer, Rejected> {
    let mut outcome = Err(Rejected::new("the bundle beside it holds no log entry"));
    for entry in beside.entries() {
        outcome = Bundle::from_parts(signature, certificate, entry).and_then(|b| verify_bundle(artifact, &b, root));
        if outcome.is_ok() {
            break;
        }
    }
    outcome
}
