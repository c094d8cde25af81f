//! Ed25519 keys under which anyone can sign are refused wherever a key is trusted: one that is given, that of a
//! certificate, and those of a trust root's logs. The libraries underneath verify by any point of the curve.

use sigstore_crypto::{SigningScheme, VerificationKey};
use sigstore_types::DerPublicKey;

use super::Rejected;
use crate::ed25519;

/// Refuses an Ed25519 key by which a signature proves nothing. Other keys, and what is none, are for who verifies by
/// them.
///
/// # Errors
/// [`Rejected`] with what is wrong with the key.
pub(super) fn refuse(key: &DerPublicKey) -> Result<(), Rejected> {
    let Ok(key) = VerificationKey::from_spki(key) else { return Ok(()) };
    if key.scheme() != SigningScheme::Ed25519 {
        return Ok(());
    }
    let bytes = key.as_bytes().try_into().map_err(|_| Rejected::new("an Ed25519 key has 32 bytes"))?;
    ed25519::PublicKey::from_bytes(bytes).map(drop).map_err(|why| Rejected::new(format!("weak Ed25519 key: {why}")))
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test fails by panicking")]
mod tests {
    use ed25519_dalek::{Signer as _, SigningKey};

    use super::{
        super::{Artifact, key::PublicKey, verify_detached},
        *,
    };
    use crate::{digest::Sha256, ed25519::tests::small_order, error::Class};

    /// The SubjectPublicKeyInfo of RFC 8410.
    fn spki(point: &[u8; 32]) -> DerPublicKey {
        DerPublicKey::new([&hex::decode("302a300506032b6570032100").unwrap(), &point[..]].concat())
    }

    #[test]
    fn no_file_with_a_key_of_small_order_is_a_key_though_signatures_by_it_verify() {
        let folder = tempfile::tempdir().unwrap();
        let (path, artifact) = (folder.path().join("cosign.pub"), folder.path().join("artifact"));
        let mut verified = 0;
        for point in small_order() {
            std::fs::write(&path, spki(&point).to_pem()).unwrap();
            let error = PublicKey::from_file(&path).unwrap_err();
            assert_eq!(error.class(), Class::Usage);
            assert!(error.to_string().contains("cosign.pub: weak Ed25519 key: a point of small order"), "{error}");
            // What it would have meant: R of the neutral element and s = 0, for every eighth artifact.
            verified += usize::from((0..64_u8).any(|content| {
                std::fs::write(&artifact, [content]).unwrap();
                let artifact = Artifact { digest: Sha256::of(&[content]), path: Some(&artifact) };
                let mut signature = [0; 64];
                signature[0] = 1;
                verify_detached(artifact, &signature, &PublicKey(spki(&point))).is_ok()
            }));
        }
        assert!(verified >= 8, "{verified}");
    }

    #[test]
    fn a_sound_key_is_one_and_keys_of_other_kinds_are_not_looked_at() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("cosign.pub");
        let signing = SigningKey::from_bytes(&[7; 32]);
        std::fs::write(&path, spki(signing.verifying_key().as_bytes()).to_pem()).unwrap();
        let key = PublicKey::from_file(&path).unwrap();
        let artifact = folder.path().join("artifact");
        std::fs::write(&artifact, b"content").unwrap();
        let artifact = Artifact { digest: Sha256::of(b"content"), path: Some(&artifact) };
        verify_detached(artifact, &signing.sign(b"content").to_bytes(), &key).unwrap();
        assert!(refuse(&DerPublicKey::new(Vec::new())).is_ok());
    }
}
